//! Clients that write down whatever they send and get.

use super::{Engine, args::Args};
use crate::{
    facts::EventKind,
    ir::Span,
    value::{Kind, Origin, Value},
};

/// The field of a client that does, and the options that say so of one request.
const LOGS: &str = "$logs";
const OPTIONS: &[&str] = &["debug_output"];

impl Engine<'_> {
    /// `f.response :logger, nil, bodies: true`: the word, and the option without
    /// which no body is written. Without a word, whatever it is told.
    pub(super) fn told_to_log(
        &mut self,
        of: &Value,
        how: &str,
        word: &Value,
        args: &Args,
        at: Span,
    ) {
        let on = match how.split_once(' ') {
            Some((name, option)) => {
                let given = args.all().chain(args.named.iter().map(|(_, v)| v));
                let nested = given.flat_map(|v| self.fields(v));
                let mut told = args.named.iter().cloned().chain(nested);
                word.as_str() == Some(name)
                    && told.any(|(key, v)| {
                        key == option && !matches!(v.kind, Kind::Bool(false) | Kind::None)
                    })
            }
            None => !word.is_none(),
        };
        if on {
            self.set_attr(of, LOGS, Value::bool(true), at);
        }
    }

    /// The answer of a token endpoint, where the client writes it down.
    pub(super) fn logs_answer(&mut self, of: Option<&Value>, args: &Args, at: Span) {
        let client = matches!(of.map(|o| &o.kind), Some(Kind::Obj(id))
            if self.heap.get(*id).is_some_and(|o| o.fields.contains_key(LOGS)));
        let told = |name: &&str| args.get(name).is_some_and(|v| !v.is_none());
        if client || OPTIONS.iter().any(told) {
            let value = self.sym(Origin::TokenResponse, at);
            self.emit(EventKind::Log { value }, at);
        }
    }
}
