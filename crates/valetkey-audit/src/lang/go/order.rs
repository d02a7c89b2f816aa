//! In which order the variables of a package come into being: each after
//! those that it is made of, by way of functions, too.

use crate::lang::tree::Node;
use std::collections::{BTreeMap, BTreeSet};

use super::{Lower, children};

/// More of them than anybody writes by hand stay as they are.
const MOST: usize = 300;

impl Lower<'_> {
    /// The names in a piece of source.
    fn mentioned(&self, node: Node<'_>) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut todo = vec![node];
        while let Some(node) = todo.pop() {
            if node.rule() == "identifier" {
                names.insert(self.text(node).to_owned());
            }
            todo.extend(children(node));
        }
        names
    }

    /// Specifications of variables, each behind what it needs.
    pub(super) fn ordered<'n>(
        &self,
        specs: Vec<(Node<'n>, Vec<String>)>,
        functions: &[(String, Node<'n>)],
    ) -> Vec<Node<'n>> {
        if specs.len() > MOST || specs.len() < 2 {
            return specs.into_iter().map(|(n, _)| n).collect();
        }
        let bodies: BTreeMap<&str, BTreeSet<String>> = functions
            .iter()
            .map(|(name, node)| (name.as_str(), self.mentioned(*node)))
            .collect();
        let mut waiting: Vec<(Node<'n>, Vec<String>, BTreeSet<String>)> = specs
            .into_iter()
            .map(|(node, names)| {
                let mut needs = self.mentioned(node);
                let mut todo: Vec<String> = needs.iter().cloned().collect();
                while let Some(name) = todo.pop() {
                    for more in bodies.get(name.as_str()).into_iter().flatten() {
                        if needs.insert(more.clone()) {
                            todo.push(more.clone());
                        }
                    }
                }
                (node, names, needs)
            })
            .collect();
        let mut ordered = Vec::new();
        while !waiting.is_empty() {
            let ready = waiting.iter().position(|(node, _, needs)| {
                !waiting.iter().any(|(other, names, _)| {
                    other != node && names.iter().any(|n| needs.contains(n))
                })
            });
            let (node, ..) = waiting.remove(ready.unwrap_or(0));
            ordered.push(node);
        }
        ordered
    }
}
