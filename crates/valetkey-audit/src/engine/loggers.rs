//! What is written to a log by something that is called a logger.

use super::{Engine, Seen, is_new};
use crate::{
    facts::EventKind,
    ir::Span,
    lang::Language,
    value::{Kind, Origin, Value},
};

/// Levels of loggers.
const LEVELS: &[&str] = &[
    "log", "info", "debug", "warn", "error", "trace", "verbose", "http", "fatal",
];
/// The same, as Python's have them.
const OF_PYTHON: &[&str] = &[
    "log",
    "info",
    "debug",
    "warn",
    "warning",
    "error",
    "exception",
    "critical",
    "fatal",
];

impl Engine<'_> {
    /// A level of what is called a logger: in a file of the app that is not
    /// there, or of a library that is not known.
    pub(super) fn logs_by_name(&self, path: &str) -> bool {
        let Some((of, level)) = path.rsplit_once('.') else {
            return false;
        };
        if self.language == Language::Python {
            let last = of.rsplit(['.', ':']).next().unwrap_or(of);
            return OF_PYTHON.contains(&level) && is_logger(last);
        }
        let Some(of) = of.strip_prefix("own:") else {
            return false;
        };
        let last = of.rsplit(['/', '.']).next().unwrap_or(of);
        let name = last.to_ascii_lowercase();
        self.traits.callbacks
            && LEVELS.contains(&level)
            && (name.ends_with("logger") || matches!(name.as_str(), "log" | "winston"))
    }

    /// The same, of a member of something: `request.app.logger.info(…)`.
    pub(super) fn logs_to_member(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        named: &[(String, Value)],
        at: Span,
    ) -> bool {
        let Kind::Method(member) = &of.kind else {
            return false;
        };
        if self.language != Language::Python || !OF_PYTHON.contains(&name) || !is_logger(&member.1)
        {
            return false;
        }
        for value in args.iter().chain(named.iter().map(|(_, v)| v)) {
            let value = self.logged(value);
            self.emit(EventKind::Log { value }, at);
        }
        true
    }

    /// A value as a log shows it: whether there is something, or how many, is
    /// not the thing itself.
    pub(super) fn logged(&self, value: &Value) -> Value {
        self.logged_in(value, 0, &mut Seen::new())
    }

    fn logged_in(&self, value: &Value, depth: usize, seen: &mut Seen) -> Value {
        let Kind::Dict(id) = value.kind else {
            return self.settled(value);
        };
        let mut told = value.clone();
        let new = depth < 4 && is_new(seen, id, depth);
        let Some(object) = self.heap.get(id).filter(|_| new) else {
            return told;
        };
        // All that came with a request tells most.
        let whole = |v: &&Value| matches!(&v.kind, Kind::Map(m) if m.as_ref() == "params");
        if let Some(map) = object.fields.values().find(whole) {
            told.kind = map.kind.clone();
        }
        for member in object.fields.values().chain(&object.items) {
            // Whether there is something is not the thing itself.
            let whether = matches!(member.kind, Kind::Unknown)
                && self.any(&member.taint, |o| *o == Origin::Whether);
            if !whether && !matches!(member.kind, Kind::Bool(_) | Kind::Number(_) | Kind::None) {
                told.add(&self.logged_in(member, depth + 1, seen).taint);
            }
        }
        told
    }
}

/// Whether something is by its name there to write to a log.
fn is_logger(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let plain = lower.trim_matches('_');
    matches!(plain, "log" | "logger" | "logging")
        || plain.ends_with("_log")
        || plain.ends_with("logger")
}
