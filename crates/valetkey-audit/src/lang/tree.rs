//! Trees as the front ends walk them.
//!
//! Each is read from tree-sitter's once, into a list in the order of the text:
//! its own functions look for a node's children and fields anew each time,
//! which costs more than half of what lowering does.

use std::{cell::RefCell, iter, num::NonZeroU16, ops::Range, sync::Mutex, sync::PoisonError};

use tree_sitter::{Language, Parser};

use crate::ir::Span;

/// Nesting beyond this is a generated file or an attack on the auditor.
pub(super) const DEEP: usize = 120;

/// Parses a text; `None` where the parser gives up, or the text is too long.
pub(super) fn tree(language: &Language, text: &str) -> Option<Tree> {
    u32::try_from(text.len()).ok()?;
    GRAMMAR.with_borrow_mut(|grammar| {
        grammar.become_of(language)?;
        let parsed = grammar.parser.as_mut()?.parse(text, None)?;
        let mut nodes = std::mem::take(&mut grammar.spare);
        read(&parsed, grammar.rules, &mut nodes);
        Some(Tree { nodes })
    })
}

/// A tree: every node stands before its children, and they before what comes
/// after it.
pub(super) struct Tree {
    nodes: Vec<Raw>,
}

#[derive(Debug)]
struct Raw {
    rule: &'static str,
    start: u32,
    end: u32,
    first_line: u32,
    last_line: u32,
    parent: u32,
    /// Behind its last descendant.
    past: u32,
    field: Option<NonZeroU16>,
    named: bool,
}

/// Puts all nodes into the list.
///
/// How many children there are is counted here: to look for one that is not
/// there is what a cursor takes longest for.
fn read(tree: &tree_sitter::Tree, rules: &[&'static str], nodes: &mut Vec<Raw>) {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    nodes.clear();
    let mut cursor = tree.walk();
    let mut parent = 0;
    // The children of the nodes around that are still to come.
    let mut left = Vec::new();
    loop {
        let node = cursor.node();
        let own = nodes.len();
        let range = node.range();
        // Errors have a number of their own, beyond all others.
        let rule = rules
            .get(usize::from(node.kind_id()))
            .copied()
            .unwrap_or("ERROR");
        nodes.push(Raw {
            rule,
            start: number(range.start_byte),
            end: number(range.end_byte),
            first_line: number(range.start_point.row + 1),
            last_line: number(range.end_point.row + 1),
            parent: number(parent),
            past: number(own + 1),
            field: cursor.field_id(),
            // A backslash at the end of a line is no part of what it is in.
            named: node.is_named() && rule != "line_continuation",
        });
        let children = node.child_count();
        if children > 0 && cursor.goto_first_child() {
            left.push(children - 1);
            parent = own;
            continue;
        }
        while let Some(more) = left.last_mut() {
            if *more > 0 && cursor.goto_next_sibling() {
                *more -= 1;
                break;
            }
            left.pop();
            cursor.goto_parent();
            let past = number(nodes.len());
            nodes[parent].past = past;
            parent = nodes[parent].parent as usize;
        }
        if left.is_empty() {
            return;
        }
    }
}

impl Tree {
    pub(super) fn root_node(&self) -> Node<'_> {
        Node {
            of: &self.nodes,
            at: 0,
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let nodes = std::mem::take(&mut self.nodes);
        // The next tree takes the place of this one.
        let _ = GRAMMAR.try_with(|grammar| {
            if let Ok(mut grammar) = grammar.try_borrow_mut() {
                grammar.spare = nodes;
            }
        });
    }
}

/// A node of a tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'t> {
    of: &'t [Raw],
    at: usize,
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at && std::ptr::eq(self.of, other.of)
    }
}

impl<'t> Node<'t> {
    fn raw(&self) -> &'t Raw {
        &self.of[self.at]
    }

    /// The name of the grammar's rule, or a token.
    pub(super) fn rule(&self) -> &'static str {
        self.raw().rule
    }

    /// Whether it is a rule, and no token.
    pub(super) fn is_named(&self) -> bool {
        self.raw().named
    }

    /// What no other node of the tree has.
    pub(super) fn id(&self) -> usize {
        self.at
    }

    pub(super) fn start_byte(&self) -> usize {
        self.raw().start as usize
    }

    pub(super) fn end_byte(&self) -> usize {
        self.raw().end as usize
    }

    pub(super) fn byte_range(&self) -> Range<usize> {
        self.start_byte()..self.end_byte()
    }

    /// The smallest rule below this node, or the node itself, that has the
    /// whole range in it.
    pub(super) fn around(self, range: &Range<usize>) -> Self {
        let holds = |n: &Self| n.start_byte() <= range.start && range.end <= n.end_byte();
        let (mut node, mut best) = (self, self);
        while let Some(child) = node.children().find(holds) {
            node = child;
            if child.is_named() {
                best = child;
            }
        }
        best
    }

    pub(super) fn parent(&self) -> Option<Self> {
        let at = self.raw().parent as usize;
        (self.at > 0).then_some(Self { of: self.of, at })
    }

    /// All children, tokens included.
    pub(super) fn children(self) -> impl Iterator<Item = Self> {
        let Self { of, at } = self;
        let past = of[at].past as usize;
        let here = move |at: usize| (at < past).then_some(Self { of, at });
        iter::successors(here(at + 1), move |n| here(n.raw().past as usize))
    }

    pub(super) fn named_children(self) -> impl Iterator<Item = Self> {
        self.children().filter(Self::is_named)
    }

    /// The child of that name.
    pub(super) fn field(&self, name: &'static str) -> Option<Self> {
        self.fields(name).next()
    }

    /// All children of that name.
    pub(super) fn fields(self, name: &'static str) -> impl Iterator<Item = Self> {
        let field = GRAMMAR.with_borrow_mut(|grammar| grammar.field(name));
        let children = self.children();
        children.filter(move |n| field.is_some() && n.raw().field == field)
    }
}

/// The names of a grammar, which tree-sitter looks for one by one each time.
#[derive(Default)]
struct Grammar {
    language: Option<Language>,
    /// It keeps its memory from one text to the next.
    parser: Option<Parser>,
    rules: &'static [&'static str],
    /// The list of the last tree that was dropped, to be filled again.
    spare: Vec<Raw>,
    /// By where the asker's constant stands.
    fields: Vec<Option<(&'static str, Option<NonZeroU16>)>>,
}

const FIELDS: usize = 512;

thread_local! {
    /// That of the tree that this thread parsed last: trees of two languages
    /// are never walked at once.
    static GRAMMAR: RefCell<Grammar> = RefCell::default();
}

impl Grammar {
    /// `None` for a grammar that this tree-sitter does not know.
    fn become_of(&mut self, language: &Language) -> Option<()> {
        if self.language.as_ref() != Some(language) {
            let mut parser = Parser::new();
            parser.set_language(language).ok()?;
            *self = Self {
                language: Some(language.clone()),
                parser: Some(parser),
                rules: rules(language),
                spare: Vec::new(),
                fields: vec![None; FIELDS],
            };
        }
        Some(())
    }

    fn field(&mut self, name: &'static str) -> Option<NonZeroU16> {
        let at = name.as_ptr() as usize;
        let slot = self.fields.get_mut((at ^ at >> 9) % FIELDS)?;
        if let Some((known, id)) = slot
            && std::ptr::eq(*known, name)
        {
            return *id;
        }
        let id = self.language.as_ref()?.field_id_for_name(name);
        *slot = Some((name, id));
        id
    }
}

/// The names of a grammar's rules by number: they are kept, once for each
/// grammar of the program.
fn rules(language: &Language) -> &'static [&'static str] {
    static KNOWN: Mutex<Vec<(Language, &'static [&'static str])>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, rules)) = known.iter().find(|(l, _)| l == language) {
        return rules;
    }
    let count = u16::try_from(language.node_kind_count()).unwrap_or(u16::MAX);
    let name = |id| -> &'static str {
        let name = language.node_kind_for_id(id).unwrap_or("");
        Box::leak(name.to_owned().into_boxed_str())
    };
    let rules: &'static [&'static str] = Box::leak((0..count).map(name).collect());
    known.push((language.clone(), rules));
    rules
}

/// The named children.
pub(super) fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    node.named_children().collect()
}

/// Where a node stands.
pub(super) fn span(node: Node<'_>) -> Span {
    let raw = node.raw();
    Span {
        start: raw.first_line,
        end: raw.last_line,
        at: raw.start,
        len: raw.end - raw.start,
    }
}
