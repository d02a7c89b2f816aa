//! The small common form that every language is lowered to.
//!
//! It keeps what a review of an OAuth integration needs: who calls what with
//! which values, what is compared, and which way a condition goes. A front
//! end that meets something else lowers it to [`ExprKind::Other`], whose
//! parts are still evaluated.

use std::sync::Arc;

pub(crate) mod visit;

/// First and last line, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Byte offset: tells two values made on one line apart.
    pub(crate) at: u32,
    /// Bytes: tells an operand from the whole that begins with it.
    pub(crate) len: u32,
}

impl Span {
    /// Its first line.
    pub(crate) fn head(self) -> Self {
        Self {
            end: self.start,
            ..self
        }
    }
}

pub(crate) type Block = Vec<Stmt>;

#[derive(Debug)]
pub(crate) struct Stmt {
    pub(crate) kind: StmtKind,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum StmtKind {
    Expr(Expr),
    Assign {
        targets: Vec<Expr>,
        value: Expr,
    },
    /// `x += v`.
    Augment {
        target: Expr,
        value: Expr,
    },
    If {
        test: Expr,
        then: Block,
        otherwise: Block,
    },
    While {
        test: Expr,
        body: Block,
    },
    For {
        target: Expr,
        iter: Expr,
        body: Block,
    },
    Try {
        body: Block,
        handlers: Vec<Handler>,
        otherwise: Block,
        finally: Block,
    },
    With {
        items: Vec<(Expr, Option<Expr>)>,
        body: Block,
    },
    Return(Option<Expr>),
    /// Ends the function that the block is written in.
    Leave(Option<Expr>),
    Raise(Option<Expr>),
    Break,
    Continue,
    Function(Arc<Function>),
    Class(Arc<Class>),
    Import(Vec<Import>),
    /// Names that mean the module's variables.
    Global(Vec<String>),
    Delete(Vec<Expr>),
}

#[derive(Debug)]
pub(crate) struct Handler {
    /// Last segments of the exception types; empty catches everything.
    pub(crate) types: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) body: Block,
}

/// `name` in this file stands for a module, or for a member of it; `*` for
/// all of them. How a module is spelt is the language's matter.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) module: String,
    pub(crate) member: Option<String>,
}

/// The name and decorator of what runs as a module does, for each request.
pub(crate) const PAGE: &str = "?page";

#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) params: Vec<Param>,
    pub(crate) decorators: Vec<Expr>,
    /// What it gives is a promise of what it returns.
    pub(crate) promises: bool,
    pub(crate) body: Block,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: String,
    pub(crate) default: Option<Expr>,
    pub(crate) annotation: Option<String>,
    pub(crate) star: Star,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Star {
    No,
    /// The remaining positional arguments.
    Args,
    /// The remaining named arguments.
    Named,
}

#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) bases: Vec<Expr>,
    pub(crate) body: Block,
}

#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Name(String),
    Str(String),
    /// Interpolated text; the literal parts are [`ExprKind::Str`].
    Template(Vec<Expr>),
    Number(i64),
    Bool(bool),
    None,
    Attr(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    Call(Box<Call>),
    Concat(Box<Expr>, Box<Expr>),
    /// `"…" % values`.
    Format(Box<Expr>, Box<Expr>),
    Compare(Cmp, Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A `None` key spreads the value's entries.
    Dict(Vec<(Option<Expr>, Expr)>),
    List(Vec<Expr>),
    /// The items of a list as arguments of their own.
    Spread(Box<Expr>),
    Lambda(Arc<Function>),
    /// Assigns and is the value.
    Bind(String, Box<Expr>),
    /// An element for each item: target, iterated, conditions, element.
    Each(Box<Expr>, Box<Expr>, Vec<Expr>, Box<Expr>),
    /// Something that may be missing or fail, and what the language makes of
    /// that.
    Fallible(Box<Expr>, Fallible),
    /// A place that the function it is given to may fill.
    Ref(Box<Expr>),
    Other(Vec<Expr>),
}

/// What becomes of a value that may be missing, or of a call that may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallible {
    /// The value and the error, which is nothing where there is none.
    Pair,
    /// The error alone.
    Alone,
    /// The value and whether it is there; otherwise an empty text, or nothing.
    Asked { text: bool },
    /// The value; its absence ends the way.
    Must,
    /// A call that is not waited for: of a promise, that it is one.
    Unwaited,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) func: Expr,
    pub(crate) args: Vec<Expr>,
    /// A `None` name spreads a dict.
    pub(crate) named: Vec<(Option<String>, Expr)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cmp {
    Eq,
    Ne,
    In,
    NotIn,
    /// Order, which says nothing about equality.
    Order,
}

/// One file, lowered.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) body: Block,
}
