//! What the provider remembers, and the changes it goes through.

mod journal;
mod refresh_token;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use self::journal::Journal;
pub(crate) use self::{
    journal::{Commit, JournalError},
    refresh_token::{RefreshKey, RefreshToken},
};
use crate::{
    config::{CheckedClient, redirect_uri::RedirectUris},
    secret::Mark,
};

/// How long a browser stays signed in.
pub(crate) const SESSION_LIFETIME: u64 = 30 * 86_400;

/// A registered client.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `None`: a public client.
    pub(crate) secret: Option<Mark>,
    pub(crate) redirect_uris: RedirectUris,
}

impl From<&CheckedClient> for Client {
    fn from(checked: &CheckedClient) -> Self {
        let registration = &checked.registration;
        Self {
            id: registration.client_id.clone(),
            name: registration
                .client_name
                .clone()
                .unwrap_or_else(|| registration.client_id.clone()),
            secret: registration
                .client_secret
                .as_ref()
                .map(|secret| Mark::of("secret", secret)),
            redirect_uris: checked.redirect_uris.clone(),
        }
    }
}

/// A client that was registered on the account page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RegisteredClient {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) secret: Mark,
    pub(crate) redirect_uris: Vec<String>,
}

/// An authorization code that has not been used.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) user: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) auth_time: u64,
    pub(crate) sid: String,
    pub(crate) refresh: bool,
    pub(crate) expires_at: u64,
}

/// A browser that is signed in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) key: Mark,
    pub(crate) user: String,
    pub(crate) auth_time: u64,
    pub(crate) sid: String,
    /// The authorization request for which the user signed in: `prompt=login`
    /// and `max_age` are satisfied for it.
    pub(crate) fresh_for: Option<Mark>,
}

/// What a user lets a client do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Consent {
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) scopes: BTreeSet<String>,
    pub(crate) since: u64,
}

/// What came of one authorization: all tokens of one family.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) client: String,
    pub(crate) user: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) auth_time: u64,
    pub(crate) sid: String,
    /// The code it came from: a second use of it ends the grant.
    pub(crate) code: Mark,
    pub(crate) since: u64,
    /// `None`: there is no refresh token.
    pub(crate) refresh: Option<Generation>,
}

/// How far a rotating refresh token has come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Generation {
    pub(crate) number: u32,
    pub(crate) since: u64,
}

/// An access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Access {
    pub(crate) key: Mark,
    pub(crate) grant: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<u64>,
}

/// A step from one state to the next: what the journal keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    Client(RegisteredClient),
    Session(Session),
    SessionEnd(Mark),
    Consent(Consent),
    ConsentEnd { user: String, client: String },
    Grant(Grant),
    Rotation { grant: String, to: Generation },
    GrantEnd(String),
    Access(Access),
    AccessEnd(Mark),
}

/// Everything that the provider remembers.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) clients: BTreeMap<String, Client>,
    registered: Vec<RegisteredClient>,
    pub(crate) codes: HashMap<Mark, Code>,
    sessions: HashMap<Mark, Session>,
    consents: BTreeMap<(String, String), Consent>,
    grants: HashMap<String, Grant>,
    spent_codes: HashMap<Mark, String>,
    access: HashMap<Mark, Access>,
    swept_at: u64,
}

impl State {
    pub(crate) fn session(&self, key: &Mark, now: u64) -> Option<&Session> {
        self.sessions
            .get(key)
            .filter(|s| now < s.auth_time.saturating_add(SESSION_LIFETIME))
    }

    pub(crate) fn consent(&self, user: &str, client: &str) -> Option<&Consent> {
        self.consents.get(&(user.to_owned(), client.to_owned()))
    }

    pub(crate) fn consents_of(&self, user: &str) -> impl Iterator<Item = &Consent> {
        self.consents.values().filter(move |c| c.user == user)
    }

    pub(crate) fn grant(&self, id: &str) -> Option<&Grant> {
        self.grants.get(id)
    }

    pub(crate) fn grants_of(&self, user: &str, client: &str) -> Vec<String> {
        self.grants
            .values()
            .filter(|g| g.user == user && g.client == client)
            .map(|g| g.id.clone())
            .collect()
    }

    /// The grant that a code was exchanged for.
    pub(crate) fn spent(&self, code: &Mark) -> Option<&Grant> {
        self.grants.get(self.spent_codes.get(code)?)
    }

    /// A live access token and its grant.
    pub(crate) fn access(&self, token: &str, now: u64) -> Option<(&Access, &Grant)> {
        let access = self.access.get(&Mark::of("access", token))?;
        let live = access.expires_at.is_none_or(|end| now < end);
        let grant = self.grants.get(&access.grant)?;
        live.then_some((access, grant))
    }

    /// The access tokens of a grant.
    pub(crate) fn access_of(&self, grant: &str) -> Vec<Mark> {
        self.access
            .values()
            .filter(|access| access.grant == grant)
            .map(|access| access.key.clone())
            .collect()
    }

    fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::Client(client) => {
                self.clients.insert(
                    client.id.clone(),
                    Client {
                        id: client.id.clone(),
                        name: client.name.clone(),
                        secret: Some(client.secret.clone()),
                        redirect_uris: RedirectUris::Listed(client.redirect_uris.clone()),
                    },
                );
                self.registered.push(client);
            }
            Change::Session(session) => {
                self.sessions.insert(session.key.clone(), session);
            }
            Change::SessionEnd(key) => {
                self.sessions.remove(&key);
            }
            Change::Consent(consent) => {
                let key = (consent.user.clone(), consent.client.clone());
                self.consents.insert(key, consent);
            }
            Change::ConsentEnd { user, client } => {
                self.consents.remove(&(user, client));
            }
            Change::Grant(grant) => {
                self.spent_codes
                    .insert(grant.code.clone(), grant.id.clone());
                self.grants.insert(grant.id.clone(), grant);
            }
            Change::Rotation { grant, to } => {
                if let Some(grant) = self.grants.get_mut(&grant) {
                    grant.refresh = Some(to);
                }
            }
            Change::GrantEnd(id) => {
                self.grants.remove(&id);
                self.access.retain(|_, access| access.grant != id);
            }
            Change::Access(access) => {
                self.access.insert(access.key.clone(), access);
            }
            Change::AccessEnd(key) => {
                self.access.remove(&key);
            }
        }
    }

    /// Forgets what has ended: at most once a minute, for it looks at everything.
    fn sweep(&mut self, now: u64) {
        if now < self.swept_at.saturating_add(60) {
            return;
        }
        self.swept_at = now;
        self.codes.retain(|_, code| now < code.expires_at);
        self.sessions
            .retain(|_, s| now < s.auth_time.saturating_add(SESSION_LIFETIME));
        self.access
            .retain(|_, a| a.expires_at.is_none_or(|end| now < end));
        // A code lives ten minutes at most; until then its second use counts.
        let used: BTreeSet<&str> = self.access.values().map(|a| a.grant.as_str()).collect();
        self.grants.retain(|id, grant| {
            grant.refresh.is_some()
                || used.contains(id.as_str())
                || now < grant.since.saturating_add(600)
        });
        let grants = &self.grants;
        self.spent_codes.retain(|_, id| grants.contains_key(id));
    }

    /// The changes that lead from nothing to here.
    fn snapshot(&self) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        changes.extend(self.registered.iter().cloned().map(Change::Client));
        changes.extend(self.sessions.values().cloned().map(Change::Session));
        changes.extend(self.consents.values().cloned().map(Change::Consent));
        changes.extend(self.grants.values().cloned().map(Change::Grant));
        changes.extend(self.access.values().cloned().map(Change::Access));
        changes
    }
}

/// The state, and its journal where there is a data folder.
#[derive(Debug)]
pub(crate) struct Store {
    state: Mutex<State>,
    journal: Option<Journal>,
    pub(crate) refresh_key: RefreshKey,
}

impl Store {
    /// Opens the store. In `dir`, if there is one, everything that was
    /// answered before is there again, and nobody else can use it meanwhile.
    /// Refresh tokens start with `refresh_prefix`.
    pub(crate) fn open(
        clients: &[CheckedClient],
        dir: Option<&Path>,
        refresh_prefix: &'static str,
        now: u64,
    ) -> Result<Self, JournalError> {
        let mut state = State::default();
        for client in clients {
            let client = Client::from(client);
            state.clients.insert(client.id.clone(), client);
        }
        let (journal, refresh_key) = match dir {
            None => (None, RefreshKey::new(refresh_prefix)),
            Some(dir) => {
                let opening = Journal::open(dir)?;
                for change in opening.changes() {
                    state.apply(change);
                }
                state.sweep(now);
                let refresh_key = RefreshKey::kept_in(dir, refresh_prefix)?;
                (Some(opening.start(&state.snapshot())?), refresh_key)
            }
        };
        Ok(Self {
            state: Mutex::new(state),
            journal,
            refresh_key,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Decides and changes as one step that nothing comes between. What
    /// was decided may be answered once the [`Commit`] says that it is durable.
    pub(crate) fn write<T>(&self, now: u64, step: impl FnOnce(&mut Step<'_>) -> T) -> (T, Commit) {
        let mut state = self.lock();
        state.sweep(now);
        let mut open = Step {
            state: &mut state,
            changes: Vec::new(),
        };
        let result = step(&mut open);
        let changes = open.changes;
        // Still under the lock, so that the journal has the order of the decisions.
        let commit = match &self.journal {
            Some(journal) if !changes.is_empty() => journal.append(&changes),
            _ => Commit::nothing(),
        };
        (result, commit)
    }
}

/// A step in progress.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    state: &'a mut State,
    changes: Vec<Change>,
}

impl Step<'_> {
    /// Makes a durable change.
    pub(crate) fn make(&mut self, change: Change) {
        self.state.apply(&change);
        self.changes.push(change);
    }

    /// The codes: they live so shortly that they are in memory only.
    pub(crate) fn codes(&mut self) -> &mut HashMap<Mark, Code> {
        &mut self.state.codes
    }
}

impl std::ops::Deref for Step<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state
    }
}
