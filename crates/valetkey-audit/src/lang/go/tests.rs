use std::fmt::Write;

use super::parse;
use crate::ir::{Block, Cmp, Expr, ExprKind, Fallible, Function, Import, Stmt, StmtKind};

mod declarations;
mod robustness;
mod values;

/// The common form of a file, one statement after the other.
fn lowered(text: &str) -> String {
    shown(&parse(text).unwrap().body)
}

#[track_caller]
fn check(table: &[(&str, &str)]) {
    compare(table, lowered);
}

/// The same, of what stands in a function.
#[track_caller]
fn check_inside(table: &[(&str, &str)]) {
    compare(table, |text| {
        let all = lowered(&format!("package p\nfunc f() {{\n{text}\n}}"));
        let inner = all.strip_prefix("func f() {").unwrap_or(&all);
        inner.strip_suffix('}').unwrap_or(inner).to_owned()
    });
}

#[track_caller]
fn compare(table: &[(&str, &str)], lowered: impl Fn(&str) -> String) {
    let mut wrong = String::new();
    for (text, expected) in table {
        let got = lowered(text);
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

fn import(i: &Import) -> String {
    format!("{} = {}", i.name, i.module)
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
        StmtKind::Try { body, finally, .. } => {
            format!("try {{{}}} finally {{{}}}", shown(body), shown(finally))
        }
        StmtKind::Return(Some(e)) => format!("return {}", expr(e)),
        StmtKind::Return(None) => "return".into(),
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
            let all: Vec<_> = all.iter().map(import).collect();
            format!("import {}", all.join(", "))
        }
        StmtKind::Global(names) => format!("global {}", names.join(", ")),
        StmtKind::Delete(all) => format!("delete {}", list(all)),
        StmtKind::With { .. } | StmtKind::Raise(_) | StmtKind::Leave(_) => "?".into(),
    }
}

fn function(f: &Function) -> String {
    let params: Vec<_> = f
        .params
        .iter()
        .map(|p| match &p.annotation {
            Some(of) => format!("{} {of}", p.name),
            None => p.name.clone(),
        })
        .collect();
    format!(
        "func {}({}) {{{}}}",
        f.name,
        params.join(", "),
        shown(&f.body)
    )
}

fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Name(name) => name.clone(),
        ExprKind::Str(text) => format!("{text:?}"),
        ExprKind::Number(n) => n.to_string(),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::None => "nil".into(),
        ExprKind::Attr(of, name) => format!("{}.{name}", expr(of)),
        ExprKind::Index(of, key) => format!("{}[{}]", expr(of), expr(key)),
        ExprKind::Call(call) => {
            let mut args: Vec<String> = call.args.iter().map(expr).collect();
            for (name, value) in &call.named {
                args.push(format!(
                    "{}: {}",
                    name.as_deref().unwrap_or("*"),
                    expr(value)
                ));
            }
            format!("{}({})", expr(&call.func), args.join(", "))
        }
        ExprKind::Concat(a, b) => format!("({} + {})", expr(a), expr(b)),
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
        ExprKind::And(all) => format!("and({})", list(all)),
        ExprKind::Or(all) => format!("or({})", list(all)),
        ExprKind::Dict(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(k, v)| format!("{}: {}", k.as_ref().map_or("*".into(), expr), expr(v)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        ExprKind::List(items) => format!("[{}]", list(items)),
        ExprKind::Lambda(f) => function(f),
        ExprKind::Fallible(inner, form) => {
            let form = match form {
                Fallible::Pair => "pair",
                Fallible::Alone => "error",
                Fallible::Asked { text: true } => "asked text",
                Fallible::Asked { text: false } => "asked",
                Fallible::Unwaited => "unwaited",
                Fallible::Must => "must",
            };
            format!("<{form} {}>", expr(inner))
        }
        ExprKind::Ref(inner) => format!("&{}", expr(inner)),
        ExprKind::Other(all) => format!("?({})", list(all)),
        _ => "?".into(),
    }
}
