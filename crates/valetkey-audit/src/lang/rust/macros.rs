//! Macros: their arguments are read as expressions where they look like some.

use crate::lang::tree::Node;

use super::{
    Lower,
    tokens::{Piece, find, inside, tokens_of},
};
use crate::ir::{Block, Cmp, Expr, ExprKind, StmtKind};

/// Macros that write to a log or the terminal.
const LOGS: &[&str] = &[
    "println",
    "eprintln",
    "print",
    "eprint",
    "dbg",
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "log",
    "console_log",
    "console_error",
    "console_warn",
    "console_debug",
    // Rocket's, indented.
    "info_",
    "warn_",
    "error_",
    "debug_",
    "trace_",
];

impl Lower<'_> {
    fn macro_name(&self, node: Node<'_>) -> String {
        let name = self.field_text(node, "macro");
        name.rsplit("::").next().unwrap_or(name).to_owned()
    }

    /// Macros that end something, or go on only if something holds.
    pub(super) fn control(&mut self, node: Node<'_>, block: &mut Block) -> bool {
        let name = self.macro_name(node);
        let pieces = self.pieces(node);
        let raise = |l: &Self| StmtKind::Raise(Some(l.name(node, "TypeError")));
        match name.as_str() {
            "bail" => {
                let args = self.exprs(pieces);
                let value = self.call(node, "?Err", args);
                self.push(node, StmtKind::Return(Some(value)), block);
            }
            "panic" | "unreachable" | "todo" | "unimplemented" => {
                for value in self.exprs(pieces) {
                    self.push(node, StmtKind::Expr(value), block);
                }
                let kind = raise(self);
                self.push(node, kind, block);
            }
            "assert" | "assert_eq" | "assert_ne" | "ensure" | "debug_assert" => {
                let mut args = self.exprs(pieces).into_iter();
                let (Some(first), second) = (args.next(), args.next()) else {
                    return false;
                };
                let test = match (name.as_str(), second) {
                    ("assert_eq", Some(second)) => {
                        let both = (Box::new(first), Box::new(second));
                        self.at(node, ExprKind::Compare(Cmp::Eq, both.0, both.1))
                    }
                    ("assert_ne", Some(second)) => {
                        let both = (Box::new(first), Box::new(second));
                        self.at(node, ExprKind::Compare(Cmp::Ne, both.0, both.1))
                    }
                    _ => first,
                };
                let kind = match name.as_str() {
                    "ensure" => {
                        let failure = self.call(node, "?Err", Vec::new());
                        StmtKind::Return(Some(failure))
                    }
                    _ => raise(self),
                };
                let otherwise = self.apart(|l, b| l.push(node, kind, b));
                let kind = StmtKind::If {
                    test,
                    then: Vec::new(),
                    otherwise,
                };
                self.push(node, kind, block);
            }
            _ => return false,
        }
        true
    }

    pub(super) fn macro_call(&mut self, node: Node<'_>) -> Expr {
        let name = self.macro_name(node);
        match name.as_str() {
            "matches" => return self.matches(node),
            "json" => {
                let tokens = tokens_of(node).map(inside).unwrap_or_default();
                return self.json(node, &tokens, 0);
            }
            _ => {}
        }
        let pieces = self.pieces(node);
        match name.as_str() {
            "format" | "format_args" | "anyhow" | "eyre" | "concat" | "format_err" => {
                self.text_of(node, pieces)
            }
            "vec" | "array" | "smallvec" => {
                let all = self.exprs(pieces);
                self.at(node, ExprKind::List(all))
            }
            "join" | "try_join" => {
                let all = self.exprs(pieces);
                self.at(node, ExprKind::List(all))
            }
            // Of Rocket: a guard that fails ends the function.
            "try_outcome" => {
                let args = self.exprs(pieces);
                self.call(node, "?", args)
            }
            "env" | "option_env" => {
                let args = self.exprs(pieces);
                self.call(node, "std.env.var", args)
            }
            "write" | "writeln" => {
                let mut pieces = pieces;
                let to = (!pieces.is_empty()).then(|| pieces.remove(0));
                let mut all = self.exprs(to.into_iter().collect());
                all.push(self.text_of(node, pieces));
                self.call(node, "rust.write", all)
            }
            name if LOGS.contains(&name) => {
                let text = self.text_of(node, pieces);
                self.call(node, "rust.log", vec![text])
            }
            name => {
                let args = self.exprs(pieces);
                let name = format!("{name}!");
                self.call(node, &name, args)
            }
        }
    }

    /// A format string with its arguments, and what stands before it.
    fn text_of(&mut self, node: Node<'_>, pieces: Vec<Piece<'_>>) -> Expr {
        let format = pieces.iter().position(|p| {
            p.name.is_none()
                && matches!(p.tokens.as_slice(), [one] if one.rule().ends_with("string_literal"))
        });
        let Some(format) = format else {
            let all = self.exprs(pieces);
            return self.at(node, ExprKind::Template(all));
        };
        let (mut text, mut args, mut before) = (String::new(), Vec::new(), Vec::new());
        for (i, piece) in pieces.into_iter().enumerate() {
            if i == format {
                text = self.string(piece.tokens[0]);
                continue;
            }
            let name = piece.name.clone();
            let Some(value) = self.piece(piece) else {
                continue;
            };
            match i < format {
                true => before.push(value),
                false => args.push((name, value)),
            }
        }
        let made = self.formatted(node, &text, args);
        if before.is_empty() {
            return made;
        }
        before.push(made);
        self.at(node, ExprKind::Template(before))
    }

    fn exprs(&mut self, pieces: Vec<Piece<'_>>) -> Vec<Expr> {
        pieces.into_iter().filter_map(|p| self.piece(p)).collect()
    }

    fn piece(&mut self, piece: Piece<'_>) -> Option<Expr> {
        let value = self.tokens(&piece.tokens)?;
        Some(match (piece.debug, piece.tokens.first()) {
            (true, Some(first)) => self.call(*first, "?debug", vec![value]),
            _ => value,
        })
    }

    /// `matches!(value, pattern if guard)`, as the condition that it is.
    fn matches(&mut self, node: Node<'_>) -> Expr {
        let Some(tree) = tokens_of(node) else {
            return self.nothing(node);
        };
        let text = self.text(tree);
        let text = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
        let all = self.split(&inside(tree), ",");
        let (Some(value), Some(pattern)) = (all.first(), all.get(1)) else {
            return self.nothing(node);
        };
        let Some(value) = self.tokens(value) else {
            return self.nothing(node);
        };
        let from = pattern[0].start_byte() - tree.start_byte() - 1;
        let pattern_text = text
            .get(from..)
            .unwrap_or("")
            .trim_end_matches(',')
            .to_owned();
        let shift = self.shift_to(pattern[0]);
        let name = self.fresh('m');
        let targets = vec![self.name(node, name.clone())];
        self.before(node, StmtKind::Assign { targets, value });
        let made = self.reparse(
            (&pattern_text, shift),
            ("fn f(){match x {", "=>1,_=>2}}"),
            |l, root| {
                let arm = find(root, "match_arm", 0)?;
                let pattern = arm.field("pattern")?;
                let inner = super::listed(pattern).into_iter().next()?;
                let mut found = super::pattern::Found::default();
                l.pattern(inner, &super::pattern::Access::of(&name), &mut found);
                let mut binds = Vec::new();
                l.bound(inner, found.binds, &mut binds);
                l.scope.pending.append(&mut binds);
                let mut tests = found.tests;
                if let Some(guard) = pattern.field("condition") {
                    tests.push(l.expr(guard));
                }
                Some(l.all_of(inner, tests))
            },
        );
        made.flatten().unwrap_or_else(|| self.nothing(node))
    }
}
