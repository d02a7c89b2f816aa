//! The hook that finds the stored token, and the simplest store behind it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use valetkey::Grant;

/// A grant that one request at a time may use and renew.
pub(crate) type Shared = Arc<tokio::sync::Mutex<Grant>>;

/// Where tokens are kept. Behind it may be a column of the users' table, with
/// [`Grant::expose_json`] encrypted in it.
pub(crate) trait TokenGetter: Send + Sync {
    /// What this visitor granted at this application, if anything.
    fn find(&self, visitor: &str, app: &str) -> Option<Shared>;

    /// Keeps what this visitor granted.
    fn save(&self, visitor: &str, grant: Grant);

    /// Gives a visitor another name.
    fn rename(&self, visitor: &str, new_name: &str);
}

/// In memory: gone when the program ends.
#[derive(Default)]
pub(crate) struct InMemory(Mutex<HashMap<(String, String), Shared>>);

impl TokenGetter for InMemory {
    fn find(&self, visitor: &str, app: &str) -> Option<Shared> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(visitor.to_owned(), app.to_owned())).cloned()
    }

    fn save(&self, visitor: &str, grant: Grant) {
        let key = (visitor.to_owned(), grant.provider().to_owned());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(key, Arc::new(tokio::sync::Mutex::new(grant)));
    }

    fn rename(&self, visitor: &str, new_name: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let moved: Vec<_> = all.extract_if(|(v, _), _| v == visitor).collect();
        for ((_, app), grant) in moved {
            all.insert((new_name.to_owned(), app), grant);
        }
    }
}
