//! Calls that stand for something else: helpers of compilers, and those that
//! have a shorter spelling.

use crate::lang::tree::Node;

use super::{Lower, at};
use crate::ir::{Call, Expr, ExprKind, StmtKind};

impl Lower<'_> {
    /// What a call of a helper means, or the call.
    pub(super) fn meant(&mut self, node: Node<'_>, func: Expr, mut args: Vec<Expr>) -> ExprKind {
        let name = match &func.kind {
            ExprKind::Name(name) | ExprKind::Attr(_, name) => name.as_str(),
            _ => "",
        };
        match (name, args.len()) {
            // `Array.from(a, f)` is `a.map(f)`.
            ("from", 2) if is_array(&func) => {
                let map = ExprKind::Attr(Box::new(args.remove(0)), "map".into());
                called(at(node, map), args)
            }
            // An async function, as TypeScript writes it for old engines.
            ("__awaiter", 4) => called(args.remove(3), Vec::new()),
            // A field of a class, as Babel, SWC and esbuild write it.
            ("_defineProperty" | "_define_property" | "__publicField", 3) => {
                let value = args.remove(2);
                let of = args.remove(0);
                match args.pop().map(|key| key.kind) {
                    Some(ExprKind::Str(key)) => {
                        let target = ExprKind::Attr(Box::new(of), key);
                        let targets = vec![at(node, target)];
                        self.before(node, StmtKind::Assign { targets, value });
                        ExprKind::Other(Vec::new())
                    }
                    _ => ExprKind::Other(vec![of, value]),
                }
            }
            _ => called(func, args),
        }
    }
}

fn is_array(func: &Expr) -> bool {
    matches!(&func.kind, ExprKind::Attr(of, _)
        if matches!(&of.kind, ExprKind::Name(n) if n == "Array"))
}

pub(super) fn called(func: Expr, args: Vec<Expr>) -> ExprKind {
    ExprKind::Call(Box::new(Call {
        func,
        args,
        named: Vec::new(),
    }))
}
