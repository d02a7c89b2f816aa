//! One request on its way to its reply.

use http::StatusCode;

use crate::{
    cookie::Browser,
    faults::Fault,
    record::{Check, Endpoint, Outcome, Record, Shown},
    reply::Reply,
    request::Request,
    secret::shown,
    server::Shared,
    state::{Commit, Step},
};

/// A request, what has been found out about it, and what must be durable
/// before the reply leaves.
pub(crate) struct Exchange<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) request: &'a Request,
    pub(crate) now: u64,
    pub(crate) record: Record,
    pub(crate) browser: Browser,
    /// The faults of this reply; those of an authorization response join
    /// when it is made.
    pub(crate) faults: Vec<Fault>,
    pub(crate) commits: Vec<Commit>,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        shared: &'a Shared,
        request: &'a Request,
        endpoint: Endpoint,
        faults: Vec<Fault>,
    ) -> Self {
        let now = shared.config.clock.now();
        Self {
            shared,
            request,
            now,
            record: Record {
                seq: 0,
                at: now,
                endpoint,
                method: request.method.as_str().to_owned(),
                path: request.path.clone(),
                params: request.shown(),
                client: None,
                user: None,
                outcome: Outcome::default(),
                checks: Vec::new(),
                received_password: request.has_password(),
                warnings: Vec::new(),
                faults: Vec::new(),
            },
            browser: Browser::of(request, &shared.cookies),
            faults,
            commits: Vec::new(),
        }
    }

    /// Notes a check, and whether it held.
    pub(crate) fn check(&mut self, name: &str, clause: &str, held: bool) -> bool {
        self.record.checks.push(Check {
            name: name.to_owned(),
            clause: clause.to_owned(),
            held,
        });
        held
    }

    /// Notes something that was issued, redacted.
    pub(crate) fn issued(&mut self, name: &str, secret: &str) {
        self.record.outcome.issued.push(Shown {
            name: name.to_owned(),
            value: shown(secret),
        });
    }

    pub(crate) fn warn(&mut self, text: &str) {
        self.record.warnings.push(text.to_owned());
    }

    /// Decides and changes in one step; the reply waits until it is durable.
    pub(crate) fn write<T>(&mut self, step: impl FnOnce(&mut Step<'_>) -> T) -> T {
        let (result, commit) = self.shared.store.write(self.now, step);
        self.commits.push(commit);
        result
    }

    /// The reply when a step could not be made durable.
    pub(crate) fn not_durable() -> Reply {
        Reply::json(
            StatusCode::SERVICE_UNAVAILABLE,
            serde_json::json!({
                "error": "temporarily_unavailable",
                "error_description": "the provider's journal cannot be written",
            }),
        )
        .because("temporarily_unavailable")
    }
}
