//! Programs that wait for one login from top to bottom: what they do as they
//! run is a function like any other, and may be tried like one.

use std::sync::Arc;

use crate::ir::{Block, ExprKind, Function, Span, Stmt, StmtKind};

/// What waits for the browser of whoever runs the program.
const WAITS: &[&str] = &["TCPServer", "mount_proc", "WEBrick::HTTPServer.new"];
/// The name of that function: nobody else's.
const PROGRAM: &str = "%program";

/// Whether a file may be such a program.
pub(super) fn waits(text: &str) -> bool {
    WAITS.iter().any(|w| text.contains(w))
}

/// The declarations and constants of the file, and the rest as a function.
pub(super) fn split(body: Block, end: usize) -> Block {
    let (mut declared, program): (Block, Block) = body.into_iter().partition(is_declared);
    // Nothing waits in what only calls a function or two.
    let Some(first) = program.first().filter(|_| program.len() > 2) else {
        declared.extend(program);
        return declared;
    };
    let span = Span {
        at: u32::try_from(end).unwrap_or(u32::MAX),
        end: program.last().map_or(first.span.end, |s| s.span.end),
        ..first.span
    };
    let function = Function {
        name: PROGRAM.into(),
        params: Vec::new(),
        decorators: Vec::new(),
        promises: false,
        body: program,
        span,
    };
    declared.push(Stmt {
        kind: StmtKind::Function(Arc::new(function)),
        span,
    });
    declared
}

fn is_declared(statement: &Stmt) -> bool {
    match &statement.kind {
        StmtKind::Import(_) | StmtKind::Function(_) | StmtKind::Class(_) => true,
        StmtKind::Assign { targets, .. } => targets.iter().all(|t| match &t.kind {
            ExprKind::Name(n) => n.starts_with(|c: char| c.is_uppercase() || c == '$'),
            _ => false,
        }),
        _ => false,
    }
}
