//! Callbacks that exchange the code first and compare the state afterwards.

use std::{collections::BTreeSet, rc::Rc};

use super::{Engine, Scenario, run::Way};
use crate::{
    facts::{Entry, EventKind, StateVerdict},
    value::Origin,
};

impl Engine<'_> {
    /// A foreign state that gets as far as the exchange, but signs nobody in:
    /// what is compared afterwards still refuses the login.
    pub(super) fn refused_later(
        &mut self,
        verdict: StateVerdict,
        entry: &Entry,
        keys: &Rc<BTreeSet<String>>,
    ) -> StateVerdict {
        if verdict != StateVerdict::Anything {
            return verdict;
        }
        let mut signs_in = |state, stored, equal| {
            let scenario = Scenario {
                state,
                stored,
                equal,
                code: true,
                keys: keys.clone(),
                ..Scenario::default()
            };
            self.tried(entry, scenario, Self::keeps_user)
        };
        let foreign = signs_in(true, true, false)
            || signs_in(true, false, false)
            || signs_in(false, true, false)
            || signs_in(false, false, false);
        match !foreign && signs_in(true, true, true) {
            true => StateVerdict::Refused,
            false => verdict,
        }
    }

    /// Whether something of the user, or of the tokens, is kept or shown after
    /// the exchange.
    fn keeps_user(&self, way: &Way) -> bool {
        let exchange = way.events.iter().position(|e| {
            matches!(
                e.kind,
                EventKind::TokenRequest { .. } | EventKind::Delegate { .. }
            )
        });
        let after = exchange.map_or(way.events.len(), |at| at + 1);
        way.events.iter().skip(after).any(|e| match &e.kind {
            EventKind::SetCookie { value, .. }
            | EventKind::SessionWrite { value, .. }
            | EventKind::StoreWrite { value, .. }
            | EventKind::Respond { value }
            | EventKind::Login { value } => self.any(&value.taint, |o| {
                matches!(
                    o,
                    Origin::Profile
                        | Origin::Claims
                        | Origin::IdToken
                        | Origin::AccessToken
                        | Origin::RefreshToken
                        | Origin::TokenResponse
                )
            }),
            _ => false,
        })
    }
}
