use super::parse;
use crate::ir::{Block, Cmp, Expr, ExprKind, Function, Stmt, StmtKind};

mod robustness;
mod table;

/// The common form of a file, one statement after the other.
fn lowered(text: &str) -> String {
    shown(&parse(text).unwrap().body)
}

/// The same, of what stands in a function.
fn inside(text: &str) -> String {
    let all = lowered(&format!("fn f() {{ {text} }}"));
    let at = all.find("fn f() {").unwrap();
    let inner = &all[at + "fn f() {".len()..];
    inner.strip_suffix('}').unwrap_or(inner).to_owned()
}

#[track_caller]
fn check(table: &[(&str, &str)], lower: impl Fn(&str) -> String) {
    let mut wrong = String::new();
    for (text, expected) in table {
        let got = lower(text);
        if got != *expected {
            wrong += &format!("\n  text     {text}\n  expected {expected}\n  got      {got}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn shown(block: &Block) -> String {
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
        StmtKind::Assign { targets, value } => format!("{} = {}", list(targets), expr(value)),
        StmtKind::Augment { target, value } => format!("{} += {}", expr(target), expr(value)),
        StmtKind::If {
            test,
            then,
            otherwise,
        } => match otherwise.is_empty() {
            true => format!("if {} {{{}}}", expr(test), shown(then)),
            false => format!(
                "if {} {{{}}} else {{{}}}",
                expr(test),
                shown(then),
                shown(otherwise)
            ),
        },
        StmtKind::While { test, body } => format!("while {} {{{}}}", expr(test), shown(body)),
        StmtKind::For { target, iter, body } => {
            format!("for {} in {} {{{}}}", expr(target), expr(iter), shown(body))
        }
        StmtKind::Return(value) => format!("return {}", value.as_ref().map_or(String::new(), expr)),
        StmtKind::Raise(value) => format!("raise {}", value.as_ref().map_or(String::new(), expr)),
        StmtKind::Break => "break".into(),
        StmtKind::Continue => "continue".into(),
        StmtKind::Function(f) => function(f),
        StmtKind::Class(c) => format!("class {} {{{}}}", c.name, shown(&c.body)),
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
        _ => "?".into(),
    }
}

fn function(f: &Function) -> String {
    let decorators: String = f
        .decorators
        .iter()
        .map(|d| format!("@{} ", expr(d)))
        .collect();
    let params: Vec<_> = f
        .params
        .iter()
        .map(|p| match &p.annotation {
            Some(annotation) => format!("{}: {annotation}", p.name),
            None => p.name.clone(),
        })
        .collect();
    format!(
        "{decorators}fn {}({}) {{{}}}",
        f.name,
        params.join(", "),
        shown(&f.body)
    )
}

fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Name(name) => name.clone(),
        ExprKind::Str(text) => format!("{text:?}"),
        ExprKind::Template(parts) => format!("`{}`", list(parts)),
        ExprKind::Number(n) => n.to_string(),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::None => "None".into(),
        ExprKind::Attr(of, name) => format!("{}.{name}", expr(of)),
        ExprKind::Index(of, key) => format!("{}[{}]", expr(of), expr(key)),
        ExprKind::Call(call) => {
            let mut args: Vec<String> = call.args.iter().map(expr).collect();
            args.extend(call.named.iter().map(|(name, value)| match name {
                Some(name) => format!("{name}: {}", expr(value)),
                None => format!("..{}", expr(value)),
            }));
            format!("{}({})", expr(&call.func), args.join(", "))
        }
        ExprKind::Concat(a, b) => format!("({} + {})", expr(a), expr(b)),
        ExprKind::Compare(op, a, b) => {
            let op = match op {
                Cmp::Eq => "==",
                Cmp::Ne => "!=",
                _ => "<>",
            };
            format!("({} {op} {})", expr(a), expr(b))
        }
        ExprKind::Not(inner) => format!("!{}", expr(inner)),
        ExprKind::And(parts) => format!("and({})", list(parts)),
        ExprKind::Or(parts) => format!("or({})", list(parts)),
        ExprKind::Dict(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| match key {
                    Some(key) => format!("{}: {}", expr(key), expr(value)),
                    None => format!("..{}", expr(value)),
                })
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        ExprKind::List(items) => format!("[{}]", list(items)),
        ExprKind::Lambda(f) => function(f),
        ExprKind::Spread(inner) => format!("*{}", expr(inner)),
        ExprKind::Other(parts) => format!("other({})", list(parts)),
        _ => "?".into(),
    }
}
