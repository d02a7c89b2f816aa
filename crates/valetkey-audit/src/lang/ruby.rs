//! Ruby, from tree-sitter's tree to the common form.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{DEEP, Node, children, span, tree};
use crate::ir::{Block, Expr, ExprKind, Import, Module, Stmt, StmtKind};

mod assign;
mod call;
mod constant;
mod control;
mod define;
mod expr;
mod idiom;
mod inject;
mod literal;
mod member;
mod pattern;
mod record;
mod script;
mod statement;
#[cfg(test)]
mod tests;

pub(super) use constant::{files, may_hold};

pub(super) fn parse(text: &str) -> Option<Module> {
    let tree = tree(&tree_sitter_ruby::LANGUAGE.into(), text)?;
    let mut lower = Lower {
        text,
        depth: 0,
        fresh: 0,
        pending: Vec::new(),
        scopes: vec![Scope::new(Kind::Top)],
        hoisted: vec![Vec::new()],
        classes: Vec::new(),
        shared: BTreeSet::new(),
        constants: BTreeSet::new(),
        heredocs: BTreeMap::new(),
        required: Vec::new(),
        set: BTreeSet::new(),
    };
    if text.contains("<<") {
        lower.heredocs = literal::heredocs(tree.root_node());
    }
    let mut body = lower.sequence(&parts(tree.root_node()), &Sink::Drop);
    let root = tree.root_node();
    let mut first = lower.hoisted.pop().unwrap_or_default();
    first.append(&mut body);
    if script::waits(text) {
        first = script::split(first, text.len());
    }
    let pages = children(root);
    first.extend(pages.into_iter().filter_map(|n| lower.pages(n)));
    Some(Module {
        body: lower.opening(root, first),
    })
}

struct Lower<'t> {
    text: &'t str,
    depth: usize,
    /// How many names were made up so far.
    fresh: usize,
    /// What has to run before the statement that is being lowered.
    pending: Block,
    scopes: Vec<Scope>,
    /// Methods that are defined in blocks belong to the class, or the file,
    /// around.
    hoisted: Vec<Block>,
    /// The names of the classes around.
    classes: Vec<String>,
    /// Variables that all requests share: `$a`, `@@a`, `@a` of a class.
    shared: BTreeSet<String>,
    /// Constants that are used; some are files of the app.
    constants: BTreeSet<String>,
    /// Where the text of a heredoc stands, by where it is announced.
    heredocs: BTreeMap<usize, (usize, usize)>,
    /// Parameters that the next route asks for.
    required: Vec<String>,
    /// Variables of the whole program that this file gives a value.
    set: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Top,
    Class,
    Method,
    /// A method of the class itself.
    Singleton,
    Lambda,
    Block,
    /// A block that is lowered to a loop.
    Loop,
}

/// What is around.
struct Scope {
    kind: Kind,
    locals: BTreeSet<String>,
    /// Shared variables that it mentions.
    shared: BTreeSet<String>,
    /// The name of the method.
    name: String,
    /// It calls the block that it is given.
    yields: bool,
}

impl Scope {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            locals: BTreeSet::new(),
            shared: BTreeSet::new(),
            name: String::new(),
            yields: false,
        }
    }
}

/// What becomes of the value of a statement.
#[derive(Debug, Clone)]
enum Sink<'n> {
    Drop,
    Return,
    Name(String),
    /// It is assigned to what stands there.
    To(Node<'n>),
}

impl<'t> Lower<'t> {
    fn text(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or("")
    }

    /// The text of a field, or nothing.
    fn field_text(&self, node: Node<'_>, field: &'static str) -> &'t str {
        node.field(field).map_or("", |n| self.text(n))
    }

    fn field(&mut self, node: Node<'_>, field: &'static str) -> Expr {
        match node.field(field) {
            Some(n) => self.expr(n),
            None => at(node, ExprKind::Other(Vec::new())),
        }
    }

    fn boxed(&mut self, node: Node<'_>, field: &'static str) -> Box<Expr> {
        Box::new(self.field(node, field))
    }

    /// A name that nobody writes.
    fn fresh(&mut self) -> String {
        self.fresh += 1;
        format!("%{}", self.fresh)
    }

    /// A statement, behind what it needs.
    fn push(&mut self, node: Node<'_>, kind: StmtKind, block: &mut Block) {
        block.append(&mut self.pending);
        block.push(Stmt {
            kind,
            span: span(node),
        });
    }

    /// The value of a statement goes where it belongs.
    fn put(&mut self, node: Node<'_>, value: Expr, sink: &Sink<'_>, block: &mut Block) {
        let kind = match sink {
            Sink::Drop => StmtKind::Expr(value),
            Sink::Return => StmtKind::Return(Some(value)),
            Sink::Name(to) => StmtKind::Assign {
                targets: vec![name(node, to.clone())],
                value,
            },
            Sink::To(target) => {
                let targets = vec![self.target(*target)];
                StmtKind::Assign { targets, value }
            }
        };
        self.push(node, kind, block);
    }

    /// The value of something that has none.
    fn put_nothing(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        if !matches!(sink, Sink::Drop) {
            self.put(node, at(node, ExprKind::None), sink, block);
        }
    }

    /// Statements one after the other; the last one's value is theirs.
    fn sequence(&mut self, nodes: &[Node<'_>], sink: &Sink<'_>) -> Block {
        let mut block = Vec::new();
        if self.depth > DEEP {
            return block;
        }
        self.depth += 1;
        let outer = std::mem::take(&mut self.pending);
        for (i, node) in nodes.iter().enumerate() {
            let last = i + 1 == nodes.len();
            self.statement(*node, if last { sink } else { &Sink::Drop }, &mut block);
        }
        block.append(&mut self.pending);
        if nodes.is_empty()
            && !matches!(sink, Sink::Drop | Sink::Return)
            && let Sink::Name(to) = sink
        {
            block.push(Stmt {
                kind: StmtKind::Assign {
                    targets: vec![Expr {
                        kind: ExprKind::Name(to.clone()),
                        span: crate::ir::Span::default(),
                    }],
                    value: Expr {
                        kind: ExprKind::None,
                        span: crate::ir::Span::default(),
                    },
                },
                span: crate::ir::Span::default(),
            });
        }
        self.pending = outer;
        self.depth -= 1;
        block
    }

    /// What comes before all else: the app's own files, and the variables
    /// that requests share.
    fn opening(&mut self, root: Node<'_>, mut rest: Block) -> Block {
        let span = span(root);
        let mut body = Vec::new();
        let imports: Vec<Import> = std::mem::take(&mut self.constants)
            .into_iter()
            .map(|path| Import {
                name: "*".into(),
                module: format!("autoload:{path}"),
                member: Some("*".into()),
            })
            .collect();
        if !imports.is_empty() {
            let kind = StmtKind::Import(imports);
            body.push(Stmt { kind, span });
        }
        let mut shared = std::mem::take(&mut self.shared);
        // Another file's.
        shared.retain(|n| !n.starts_with('$') || self.set.contains(n));
        if !shared.is_empty() {
            let targets = shared.into_iter().map(|n| name(root, n)).collect();
            let value = at(root, ExprKind::None);
            let kind = StmtKind::Assign { targets, value };
            body.push(Stmt { kind, span });
        }
        body.append(&mut rest);
        body
    }

    /// Whether a name is a variable here, and no method.
    fn is_local(&self, name: &str) -> bool {
        for scope in self.scopes.iter().rev() {
            if scope.locals.contains(name) {
                return true;
            }
            if !matches!(scope.kind, Kind::Block | Kind::Loop | Kind::Lambda) {
                return false;
            }
        }
        false
    }

    fn declare(&mut self, name: &str) {
        if !self.is_local(name)
            && let Some(scope) = self.scopes.last_mut()
        {
            scope.locals.insert(name.to_owned());
        }
    }

    /// The scope whose end `return` is.
    fn function(&self) -> Option<&Scope> {
        self.scopes.iter().rev().find(|s| s.kind != Kind::Loop)
    }

    /// A variable that all requests share, as a name.
    fn shared(&mut self, name: String) -> ExprKind {
        self.shared.insert(name.clone());
        for scope in self.scopes.iter_mut().rev() {
            scope.shared.insert(name.clone());
            if matches!(scope.kind, Kind::Method | Kind::Singleton) {
                break;
            }
        }
        ExprKind::Name(name)
    }
}

fn at(node: Node<'_>, kind: ExprKind) -> Expr {
    Expr {
        kind,
        span: span(node),
    }
}

fn name(node: Node<'_>, name: impl Into<String>) -> Expr {
    at(node, ExprKind::Name(name.into()))
}

/// The named children that say something.
fn parts<'n>(node: Node<'n>) -> Vec<Node<'n>> {
    let mut all = children(node);
    all.retain(|n| {
        !matches!(
            n.rule(),
            "comment" | "empty_statement" | "heredoc_body" | "uninterpreted"
        )
    });
    all
}

/// What stands in parentheses on its own.
fn bare(mut node: Node<'_>) -> Node<'_> {
    while node.rule() == "parenthesized_statements" {
        match parts(node).as_slice() {
            [one] => node = *one,
            _ => return node,
        }
    }
    node
}
