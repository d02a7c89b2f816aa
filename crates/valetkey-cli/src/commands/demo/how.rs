//! `/how` in the demo: the library's development view, with the local
//! provider's record as its second side.

use std::sync::{Mutex, PoisonError};

use tokio::sync::broadcast::{Receiver, error::TryRecvError};
use valetkey::events::{Check, Event, Parameter};
use valetkey_axum::how::{Flow, Names, Seen, SeenAt, flows};
use valetkey_dev_provider::{Endpoint, Record, Shown};

/// Where it is.
pub(super) const PATH: &str = "/how";

/// As many records as the provider keeps.
const KEPT: usize = 2_000;

/// The provider's record so far, whenever it is asked for.
pub(super) fn witness(records: Receiver<Record>) -> impl Fn() -> Vec<Seen> + Send + Sync {
    let state = Mutex::new((records, Vec::new()));
    move || {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let (records, kept) = &mut *state;
        loop {
            match records.try_recv() {
                Ok(record) => kept.extend(seen(&record)),
                // What was missed is too old to be looked at.
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let excess = kept.len().saturating_sub(KEPT);
        kept.drain(..excess);
        kept.clone()
    }
}

/// A record of the provider's as the diagram takes it; none of requests that
/// are no part of a sign-in.
fn seen(record: &Record) -> Option<Seen> {
    let endpoint = match record.endpoint {
        Endpoint::Authorize => SeenAt::Authorize,
        Endpoint::SignIn => SeenAt::SignIn,
        Endpoint::Consent => SeenAt::Consent,
        Endpoint::Token => SeenAt::Token,
        Endpoint::Userinfo => SeenAt::UserData,
        _ => return None,
    };
    let parameters = |list: &[Shown]| {
        list.iter()
            .map(|p| Parameter {
                name: p.name.clone(),
                value: p.value.clone(),
            })
            .collect()
    };
    Some(Seen {
        at: record.at,
        endpoint,
        method: record.method.clone(),
        path: record.path.clone(),
        params: parameters(&record.params),
        issued: parameters(&record.outcome.issued),
        checks: record
            .checks
            .iter()
            .map(|c| Check {
                name: c.name.clone(),
                clause: c.clause.clone(),
                held: c.held,
            })
            .collect(),
        status: record.outcome.status,
        error: record.outcome.error.clone(),
        redirected: record.outcome.redirected,
        received_password: record.received_password,
    })
}

/// The first sign-in of a run, of both records.
pub(super) fn first(events: &[Event], records: &[Record], app_url: &str) -> Option<Flow> {
    let seen: Vec<Seen> = records.iter().filter_map(seen).collect();
    let names = Names {
        app: super::APP_NAME.into(),
        app_url: app_url.to_owned(),
        login_path: "/login".into(),
        callback_path: "/callback".into(),
        providers: vec![("oidc".into(), super::PROVIDER_NAME.into())],
        now: events.last().map_or(0, |e| e.at),
    };
    flows(events, Some(&seen), &names).pop()
}

#[cfg(test)]
mod tests;
