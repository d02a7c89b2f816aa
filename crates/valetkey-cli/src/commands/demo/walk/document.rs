//! What the walk answers: the document of `contract.md`.

use serde::Serialize;
use valetkey::events::Event;
use valetkey_dev_provider::Record;

use super::witness::Visit;

/// The whole walk.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Walk {
    pub(crate) version: u32,
    /// Whether all steps held, in order, and the password went where it belongs.
    pub(crate) ok: bool,
    /// Whether consent was refused on purpose.
    pub(crate) denied: bool,
    /// Why `ok` is false.
    pub(crate) problem: Option<String>,
    pub(crate) steps: Vec<Step>,
    pub(crate) variables: Vec<Variable>,
    /// The participants that received the password, by any of the records.
    pub(crate) password_received_by: Vec<String>,
}

/// One row of the table of steps.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) step: u8,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) action: &'static str,
    pub(crate) input: String,
    pub(crate) result: String,
    /// Whether all checks held.
    pub(crate) held: bool,
    pub(crate) checks: Vec<Check>,
    pub(crate) client: ClientRecord,
    pub(crate) provider: Requests<Record>,
    pub(crate) browser: Requests<Visit>,
}

/// One comparison of records.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) clause: &'static str,
    pub(crate) held: bool,
}

/// What the library's event stream told of this step.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClientRecord {
    pub(crate) events: Vec<Event>,
}

/// What was received, or sent, in this step.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Requests<T> {
    pub(crate) requests: Vec<T>,
}

/// One row of the table of variables.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<Value>,
}

/// A variable at one moment.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Value {
    pub(crate) after: After,
    pub(crate) status: &'static str,
    /// The secret, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shown: Option<String>,
    /// The value of what is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
}

/// A moment: the end of a step, or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum After {
    Named(&'static str),
    Step(u8),
}
