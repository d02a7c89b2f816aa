//! All expressions of a file, wherever they stand.

use super::{Block, Call, Class, Expr, ExprKind, Function, Module, Stmt, StmtKind};

/// What looks at the parts of a file.
pub(crate) trait Visit<'m> {
    fn statement(&mut self, _: &'m Stmt) {}
    fn expr(&mut self, _: &'m Expr) {}
    fn function(&mut self, _: &'m Function) {}
    /// A variable, member, key or parameter that is given a value.
    fn given(&mut self, _name: &'m str, _value: &'m Expr) {}
    /// A name that something here is given, or that an import brings.
    fn name(&mut self, _: &'m str) {}
}

impl Module {
    pub(crate) fn visit<'m>(&'m self, by: &mut impl Visit<'m>) {
        block(&self.body, by);
    }
}

impl Module {
    /// The names of the classes and modules that it defines, with those around
    /// them before them.
    pub(crate) fn constants(&self) -> Vec<String> {
        fn of(block: &Block, outer: &str, depth: usize, into: &mut Vec<String>) {
            for statement in block {
                let StmtKind::Class(class) = &statement.kind else {
                    continue;
                };
                let path = match outer {
                    "" => class.name.clone(),
                    _ => format!("{outer}::{}", class.name),
                };
                if depth < 4 {
                    of(&class.body, &path, depth + 1, into);
                }
                into.push(path);
            }
        }
        let mut all = Vec::new();
        of(&self.body, "", 0, &mut all);
        all
    }
}

impl Function {
    pub(crate) fn visit<'m>(&'m self, by: &mut impl Visit<'m>) {
        block(&self.body, by);
    }

    /// Whether something in it is called so.
    pub(crate) fn says(&self, word: &'static str) -> bool {
        struct Says(&'static str, bool);
        impl Visit<'_> for Says {
            fn name(&mut self, name: &str) {
                self.1 |= name == self.0;
            }
        }
        let mut says = Says(word, false);
        block(&self.body, &mut says);
        says.1
    }
}

impl Function {
    /// Whether it returns this parameter on some way, as it is or written
    /// otherwise.
    pub(crate) fn may_return(&self, param: &str) -> bool {
        returns(&self.body, param)
    }
}

fn returns(of: &Block, param: &str) -> bool {
    of.iter().any(|statement| match &statement.kind {
        StmtKind::Return(Some(value)) => is_made_of(value, param),
        StmtKind::If {
            then, otherwise, ..
        } => returns(then, param) || returns(otherwise, param),
        StmtKind::Try { body, handlers, .. } => {
            returns(body, param) || handlers.iter().any(|h| returns(&h.body, param))
        }
        _ => false,
    })
}

/// `name`, `name.to_string()`, `Some(name)`.
fn is_made_of(value: &Expr, name: &str) -> bool {
    match &value.kind {
        ExprKind::Name(n) => n == name,
        ExprKind::Call(call) => match (&call.func.kind, call.args.as_slice()) {
            (ExprKind::Attr(of, _), []) => is_made_of(of, name),
            (_, [only]) => is_made_of(only, name),
            _ => false,
        },
        _ => false,
    }
}

pub(crate) fn block<'m>(of: &'m Block, by: &mut impl Visit<'m>) {
    for statement in of {
        by.statement(statement);
        match &statement.kind {
            StmtKind::Expr(e) => expr(e, by),
            StmtKind::Assign { targets, value } => {
                for target in targets {
                    let name = match &target.kind {
                        ExprKind::Name(name) | ExprKind::Attr(_, name) => Some(name),
                        ExprKind::Index(_, key) => text(key),
                        _ => None,
                    };
                    name.iter().for_each(|n| by.given(n, value));
                }
                exprs(targets, by);
                expr(value, by);
            }
            StmtKind::Augment { target, value } => {
                expr(target, by);
                expr(value, by);
            }
            StmtKind::If {
                test,
                then,
                otherwise,
            } => {
                expr(test, by);
                block(then, by);
                block(otherwise, by);
            }
            StmtKind::While { test, body } => {
                expr(test, by);
                block(body, by);
            }
            StmtKind::For { target, iter, body } => {
                expr(target, by);
                expr(iter, by);
                block(body, by);
            }
            StmtKind::Try {
                body,
                handlers,
                otherwise,
                finally,
            } => {
                block(body, by);
                for handler in handlers {
                    block(&handler.body, by);
                }
                block(otherwise, by);
                block(finally, by);
            }
            StmtKind::With { items, body } => {
                for (value, target) in items {
                    expr(value, by);
                    exprs(target, by);
                }
                block(body, by);
            }
            StmtKind::Return(value) | StmtKind::Leave(value) | StmtKind::Raise(value) => {
                exprs(value, by);
            }
            StmtKind::Function(f) => function(f, by),
            StmtKind::Class(c) => class(c, by),
            StmtKind::Import(all) => {
                for import in all {
                    by.name(&import.name);
                    by.name(&import.module);
                    import.member.iter().for_each(|m| by.name(m));
                }
            }
            StmtKind::Global(names) => names.iter().for_each(|n| by.name(n)),
            StmtKind::Delete(all) => exprs(all, by),
            StmtKind::Break | StmtKind::Continue => {}
        }
    }
}

fn function<'m>(of: &'m Function, by: &mut impl Visit<'m>) {
    by.function(of);
    by.name(&of.name);
    for param in &of.params {
        by.name(&param.name);
        param.annotation.iter().for_each(|a| by.name(a));
        param.default.iter().for_each(|d| by.given(&param.name, d));
        exprs(&param.default, by);
    }
    exprs(&of.decorators, by);
    block(&of.body, by);
}

fn class<'m>(of: &'m Class, by: &mut impl Visit<'m>) {
    by.name(&of.name);
    exprs(&of.bases, by);
    block(&of.body, by);
}

/// What a call is given.
pub(crate) fn call<'m>(of: &'m Call, by: &mut impl Visit<'m>) {
    exprs(&of.args, by);
    for (name, value) in &of.named {
        if let Some(name) = name {
            by.name(name);
            by.given(name, value);
        }
        expr(value, by);
    }
}

fn text(e: &Expr) -> Option<&String> {
    match &e.kind {
        ExprKind::Str(text) => Some(text),
        _ => None,
    }
}

fn exprs<'m>(all: impl IntoIterator<Item = &'m Expr>, by: &mut impl Visit<'m>) {
    for one in all {
        expr(one, by);
    }
}

fn expr<'m>(of: &'m Expr, by: &mut impl Visit<'m>) {
    by.expr(of);
    match &of.kind {
        ExprKind::Name(name) => by.name(name),
        ExprKind::Template(all)
        | ExprKind::And(all)
        | ExprKind::Or(all)
        | ExprKind::List(all)
        | ExprKind::Other(all) => exprs(all, by),
        ExprKind::Attr(inner, name) => {
            by.name(name);
            expr(inner, by);
        }
        ExprKind::Bind(name, inner) => {
            by.name(name);
            expr(inner, by);
        }
        ExprKind::Index(a, b)
        | ExprKind::Concat(a, b)
        | ExprKind::Format(a, b)
        | ExprKind::Compare(_, a, b) => {
            expr(a, by);
            expr(b, by);
        }
        ExprKind::Call(inner) => {
            expr(&inner.func, by);
            call(inner, by);
        }
        ExprKind::Not(inner)
        | ExprKind::Fallible(inner, _)
        | ExprKind::Ref(inner)
        | ExprKind::Spread(inner) => {
            expr(inner, by);
        }
        ExprKind::If(test, then, otherwise) => {
            for part in [test, then, otherwise] {
                expr(part, by);
            }
        }
        ExprKind::Dict(entries) => {
            for (key, value) in entries {
                let name = key.as_ref().and_then(text);
                name.iter().for_each(|n| by.given(n, value));
                exprs(key, by);
                expr(value, by);
            }
        }
        ExprKind::Lambda(f) => function(f, by),
        ExprKind::Each(target, iter, tests, element) => {
            for part in [target, iter, element] {
                expr(part, by);
            }
            exprs(tests, by);
        }
        ExprKind::Str(text) => by.name(text),
        ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::None => {}
    }
}
