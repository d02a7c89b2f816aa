//! The common form as text, for the tests of the front ends.

use std::fmt::Write;

use crate::ir::{Block, Cmp, Expr, ExprKind, Function, Star, Stmt, StmtKind};

pub(super) fn shown(block: &Block) -> String {
    let all: Vec<_> = block.iter().map(statement).collect();
    all.join("; ")
}

fn list(all: &[Expr]) -> String {
    let all: Vec<_> = all.iter().map(expr).collect();
    all.join(", ")
}

fn statement(s: &Stmt) -> String {
    match &s.kind {
        StmtKind::Expr(e) => expr(e),
        StmtKind::Assign { targets, value } => {
            let targets: Vec<_> = targets.iter().map(expr).collect();
            format!("{} = {}", targets.join(" = "), expr(value))
        }
        StmtKind::Augment { target, value } => format!("{} += {}", expr(target), expr(value)),
        StmtKind::If {
            test,
            then,
            otherwise,
        } => {
            let mut out = format!("if {} {{{}}}", expr(test), shown(then));
            if !otherwise.is_empty() {
                let _ = write!(out, " else {{{}}}", shown(otherwise));
            }
            out
        }
        StmtKind::While { test, body } => format!("while {} {{{}}}", expr(test), shown(body)),
        StmtKind::For { target, iter, body } => {
            format!("for {} of {} {{{}}}", expr(target), expr(iter), shown(body))
        }
        StmtKind::Try {
            body,
            handlers,
            finally,
            ..
        } => {
            let mut out = format!("try {{{}}}", shown(body));
            for h in handlers {
                let name = h.name.as_deref().unwrap_or("_");
                let _ = write!(out, " catch {name} {{{}}}", shown(&h.body));
            }
            if !finally.is_empty() {
                let _ = write!(out, " finally {{{}}}", shown(finally));
            }
            out
        }
        StmtKind::With { body, .. } => format!("with {{{}}}", shown(body)),
        StmtKind::Return(value) => format!("return {}", value.as_ref().map_or(String::new(), expr)),
        StmtKind::Leave(value) => format!("leave {}", value.as_ref().map_or(String::new(), expr)),
        StmtKind::Raise(value) => format!("raise {}", value.as_ref().map_or(String::new(), expr)),
        StmtKind::Break => "break".into(),
        StmtKind::Continue => "continue".into(),
        StmtKind::Function(f) => function(f),
        StmtKind::Class(c) => format!(
            "class {}({}) {{{}}}",
            c.name,
            list(&c.bases),
            shown(&c.body)
        ),
        StmtKind::Import(all) => {
            let all: Vec<_> = all
                .iter()
                .map(|i| match &i.member {
                    Some(member) => format!("{}={}:{member}", i.name, i.module),
                    None => format!("{}={}", i.name, i.module),
                })
                .collect();
            format!("import {}", all.join(" "))
        }
        StmtKind::Global(names) => format!("global {}", names.join(" ")),
        StmtKind::Delete(gone) => format!("delete {}", list(gone)),
    }
}

fn function(f: &Function) -> String {
    let mut out = String::new();
    for decorator in &f.decorators {
        let _ = write!(out, "@{} ", expr(decorator));
    }
    let params: Vec<_> = f
        .params
        .iter()
        .map(|p| {
            let mut out = if p.star == Star::No { "" } else { "*" }.to_owned();
            out += &p.name;
            if let Some(annotation) = &p.annotation {
                let _ = write!(out, ": {annotation}");
            }
            if let Some(default) = &p.default {
                let _ = write!(out, " = {}", expr(default));
            }
            out
        })
        .collect();
    let _ = write!(
        out,
        "fn {}({}) {{{}}}",
        f.name,
        params.join(", "),
        shown(&f.body)
    );
    out
}

fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Fallible(inner, _) | ExprKind::Ref(inner) => expr(inner),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Str(text) => format!("{text:?}"),
        ExprKind::Template(parts) => format!("`{}`", list(parts)),
        ExprKind::Number(n) => n.to_string(),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::None => "None".into(),
        ExprKind::Attr(of, name) => format!("{}.{name}", expr(of)),
        ExprKind::Index(of, key) => format!("{}[{}]", expr(of), expr(key)),
        ExprKind::Call(call) => {
            let mut args: Vec<_> = call.args.iter().map(expr).collect();
            args.extend(call.named.iter().map(|(key, value)| match key {
                Some(key) => format!("{key}: {}", expr(value)),
                None => format!("...{}", expr(value)),
            }));
            format!("{}({})", expr(&call.func), args.join(", "))
        }
        ExprKind::Concat(a, b) => format!("({} + {})", expr(a), expr(b)),
        ExprKind::Format(a, b) => format!("({} % {})", expr(a), expr(b)),
        ExprKind::Compare(op, a, b) => {
            let op = match op {
                Cmp::Eq => "==",
                Cmp::Ne => "!=",
                Cmp::In => "in",
                Cmp::NotIn => "not in",
                Cmp::Order => "<>",
            };
            format!("({} {op} {})", expr(a), expr(b))
        }
        ExprKind::Not(inner) => format!("!{}", expr(inner)),
        ExprKind::And(parts) => format!("and({})", list(parts)),
        ExprKind::Or(parts) => format!("or({})", list(parts)),
        ExprKind::If(test, then, otherwise) => {
            format!("if({}, {}, {})", expr(test), expr(then), expr(otherwise))
        }
        ExprKind::Dict(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| match key {
                    Some(key) => format!("{}: {}", expr(key), expr(value)),
                    None => format!("...{}", expr(value)),
                })
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        ExprKind::List(items) => format!("[{}]", list(items)),
        ExprKind::Lambda(f) => function(f),
        ExprKind::Bind(name, value) => format!("({name} := {})", expr(value)),
        ExprKind::Each(..) => "each".into(),
        ExprKind::Spread(inner) => format!("*{}", expr(inner)),
        ExprKind::Other(parts) => format!("other({})", list(parts)),
    }
}
