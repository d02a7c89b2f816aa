//! Libraries as they were in the versions that an app asks for.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde::Deserialize;

use crate::{
    lang::Language,
    libraries::Libraries,
    manifest::{Version, Versions},
};

/// What was otherwise before a version, or is since.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    package: String,
    before: Option<String>,
    since: Option<String>,
    /// Calls of which the facts hold; an empty fact takes one away.
    pub(crate) calls: Vec<String>,
    pub(crate) facts: BTreeMap<String, String>,
}

impl Change {
    fn holds(&self, versions: &Versions) -> bool {
        let Some(version) = versions.get(&self.package) else {
            return false;
        };
        self.before.as_deref().is_none_or(|b| version < number(b))
            && self.since.as_deref().is_none_or(|s| version >= number(s))
    }
}

fn number(text: &str) -> Version {
    let mut parts = text.split('.').map(|n| n.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

impl Libraries {
    /// What is known of the libraries in these versions; of the newest, where
    /// none is named.
    pub(crate) fn at(language: Language, versions: &Versions) -> &'static Self {
        // As many as there are sets of changes, which are few: they are kept.
        static KNOWN: Mutex<BTreeMap<(Language, Vec<usize>), &'static Libraries>> =
            Mutex::new(BTreeMap::new());
        let newest = Self::of(language);
        let holding = newest.changes.iter().enumerate();
        let holding: Vec<usize> = holding
            .filter(|(_, change)| change.holds(versions))
            .map(|(i, _)| i)
            .collect();
        if holding.is_empty() {
            return newest;
        }
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .entry((language, holding.clone()))
            .or_insert_with(|| Box::leak(Box::new(Self::changed(language, &holding))))
    }

    fn changed(language: Language, holding: &[usize]) -> Self {
        let mut libraries = Self::fresh(language);
        let changes = std::mem::take(&mut libraries.changes);
        for change in holding.iter().filter_map(|i| changes.get(*i)) {
            for call in &change.calls {
                let Some(model) = libraries.call_mut(call) else {
                    continue;
                };
                for (name, fact) in &change.facts {
                    match fact.is_empty() {
                        true => model.facts.remove(name),
                        false => model.facts.insert(name.clone(), fact.clone()),
                    };
                }
            }
        }
        libraries
    }
}
