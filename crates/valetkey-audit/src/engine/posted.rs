//! Logins whose ID token comes with the callback itself: there is no exchange,
//! and what the browser brought is believed at once.

use super::{Engine, Eval, Mode};
use crate::{
    facts::{EventKind, Facts},
    ir::Span,
    value::{FileId, Origin, Value},
};

impl Engine<'_> {
    /// Whether the app asks for ID tokens that browsers bring.
    pub(super) fn asks_for_id_tokens(&self, facts: &Facts) -> bool {
        facts.events.iter().any(|e| {
            matches!(&e.kind, EventKind::Authorize { fields, .. }
                if fields.iter().any(|(k, v)| k == "response_type"
                    && v.as_str().is_some_and(|t| t.split(' ').any(|w| w == "id_token"))))
        })
    }

    /// Where an entry reads the ID token that came with the callback.
    pub(super) fn reads_posted(&self, facts: &Facts, number: usize) -> Option<(FileId, Span)> {
        if !self.posted || !facts.entries.get(number)?.route {
            return None;
        }
        let read = |e: &&crate::facts::Event| {
            e.entry == Some(number) && matches!(e.kind, EventKind::IdToken { .. })
        };
        facts.events.iter().find(read).map(|e| (e.file, e.span))
    }

    /// That is what the exchange is to other logins.
    pub(super) fn believed(&mut self, token: &Value) -> Eval<()> {
        let brought = self.any(
            &token.taint,
            |o| matches!(o, Origin::Param(p) if p == "id_token"),
        );
        if self.posted && brought && self.mode == Mode::Scenario {
            self.exchanged()?;
        }
        Ok(())
    }
}
