//! What every front end does with tree-sitter's nodes.

use std::{
    cell::RefCell,
    num::NonZeroU16,
    sync::{Mutex, PoisonError},
};

use tree_sitter::{Language, Node, Parser, Tree};

use crate::ir::Span;

/// Nesting beyond this is a generated file or an attack on the auditor.
pub(super) const DEEP: usize = 120;

/// Parses a text; `None` where the parser gives up.
pub(super) fn tree(language: &Language, text: &str) -> Option<Tree> {
    GRAMMAR.with_borrow_mut(|grammar| {
        grammar.become_of(language)?;
        grammar.parser.as_mut()?.parse(text, None)
    })
}

/// The names of a grammar, which tree-sitter looks for one by one each time.
#[derive(Default)]
struct Grammar {
    language: Option<Language>,
    /// It keeps its memory from one text to the next.
    parser: Option<Parser>,
    rules: &'static [&'static str],
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

/// The same as `kind` and `child_by_field_name`, in a fraction of their time.
pub(super) trait Quick<'t>: Sized {
    /// The name of the grammar's rule.
    fn rule(&self) -> &'static str;
    /// The child of that name.
    fn field(&self, name: &'static str) -> Option<Self>;
}

impl<'t> Quick<'t> for Node<'t> {
    fn rule(&self) -> &'static str {
        let id = usize::from(self.kind_id());
        // Errors have a number of their own, beyond all others.
        GRAMMAR
            .with_borrow(|grammar| grammar.rules.get(id).copied())
            .unwrap_or("ERROR")
    }

    fn field(&self, name: &'static str) -> Option<Self> {
        let id = GRAMMAR.with_borrow_mut(|grammar| grammar.field(name))?;
        self.child_by_field_id(id.get())
    }
}

/// The named children.
pub(super) fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

/// Where a node stands.
pub(super) fn span(node: Node<'_>) -> Span {
    let line = |row: usize| u32::try_from(row + 1).unwrap_or(u32::MAX);
    Span {
        start: line(node.start_position().row),
        end: line(node.end_position().row),
        at: u32::try_from(node.start_byte()).unwrap_or(u32::MAX),
        len: u32::try_from(node.end_byte() - node.start_byte()).unwrap_or(u32::MAX),
    }
}
