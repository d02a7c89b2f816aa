//! JavaScript and TypeScript, from tree-sitter's tree to the common form.

use crate::ir::Module;

pub(super) fn parse(_text: &str, _extension: &str) -> Option<Module> {
    Some(Module::default())
}
