//! ID tokens, and other JWTs.

use super::{Engine, Eval, Mode, args::Args};
use crate::{
    facts::{BY_HAND, EventKind},
    ir::Span,
    lang::Language,
    libraries::{CallModel, Does},
    value::{Kind, Origin, Value},
};

const ISSUER: &str = "its issuer is not compared";
const NEITHER: &str = "its audience and its issuer are not both compared";

impl Engine<'_> {
    pub(super) fn id_token(
        &mut self,
        model: &'static CallModel,
        of: Option<&Value>,
        args: &Args,
        at: Span,
    ) -> Eval<Value> {
        let token = args.get("token").cloned().unwrap_or_else(|| args.first());
        let token = self.settled(&token);
        let bearer = |o: &Origin| matches!(o, Origin::Header(h) if crate::facts::is_bearer(h));
        let handed = self.any(&token.taint, |o| matches!(o, Origin::Param(_)))
            || self.traits.packages && self.any(&token.taint, bearer);
        let known = self.any(&token.taint, |o| {
            matches!(o, Origin::IdToken | Origin::TokenResponse)
        });
        let named = self.any(
            &token.taint,
            |o| matches!(o, Origin::Param(p) | Origin::Argument(p) if is_id_token(p)),
        );
        // A JWT that this app made itself is another matter.
        if model.does == Does::DecodeJwt && !known && !named {
            if self.mode == Mode::Scenario && self.carries_state(&token) {
                if !self.scenario.state {
                    return self.raise("LibraryError");
                }
                self.notes.unbound = true;
            }
            return Ok(Value::derived([&token]));
        }
        self.believed(&token)?;
        let options = args.get("options").cloned().unwrap_or_else(Value::unknown);
        let off = |engine: &Self, name: &str| {
            engine
                .fields(&options)
                .iter()
                .any(|(k, v)| k == name && matches!(v.kind, Kind::Bool(false)))
        };
        // The library's object may have been told before.
        let told = of.map(|of| self.flat_once(of)).unwrap_or_default();
        let mends = model.facts.contains_key("mends");
        let opt_in = model.facts.contains_key("opt-in");
        let on = |name: &str| matches!(args.get(name).map(|v| &v.kind), Some(Kind::Bool(true)));
        let given = |name: &str| {
            let asked = match name {
                "audience" => on("verify_aud"),
                _ => on("verify_iss"),
            };
            if opt_in && !asked {
                return false;
            }
            args.get(name).is_some_and(|v| !v.is_none())
                || told.iter().any(|(k, _)| k == name)
                || mends && name != "insecure" && elsewhere(args)
        };
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        let skips = |what: &str| {
            let name = fact(what);
            told.iter()
                .any(|(k, v)| Some(k.as_str()) == name && matches!(v.kind, Kind::Bool(true)))
        };
        let denied =
            |name: &str| matches!(args.get(name).map(|v| &v.kind), Some(Kind::Bool(false)));
        // What was said when it was decoded holds no more.
        if mends {
            self.events
                .retain(|e| !matches!(e.kind, EventKind::IdToken { fault: Some(_), .. }));
        }
        let unchecked = fact("unchecked-key")
            .is_some_and(|word| args.get("key").and_then(Value::as_str) == Some(word));
        let denied_audience = denied("audience_match")
            || skips("audience-off")
            || fact("audience") != Some("always")
                && (off(self, "verify_aud") || !given("audience"));
        let denied_issuer = denied("issuer_match")
            || skips("issuer-off")
            || fact("issuer") != Some("always") && (off(self, "verify_iss") || !given("issuer"));
        let fault = if fact("signature") == Some("none")
            || unchecked
            || given("insecure")
            || skips("signature-off")
            || off(self, "verify_signature")
            || matches!(args.get("verify").map(|v| &v.kind), Some(Kind::Bool(false)))
        {
            Some("its signature is not checked")
        } else if fact("signature") == Some("later") {
            Some(BY_HAND)
        } else if denied_audience && denied_issuer {
            Some(NEITHER)
        } else if denied_audience {
            Some("its audience is not compared with the client id")
        } else if denied_issuer {
            Some(ISSUER)
        } else if self.takes_any_nonce(args, at)? {
            Some("its nonce is not compared with the one that was sent")
        } else {
            None
        };
        self.emit(
            EventKind::IdToken {
                fault,
                library: Some(super::delegate::name_of(model)),
            },
            at,
        );
        let mut claims = self.sym(Origin::Claims, at);
        let before = told.iter().find(|(k, _)| k == "nonce").map(|(_, v)| v);
        let nonce = args
            .get("nonce")
            .or(before.filter(|_| self.traits.packages));
        let nonce = nonce.filter(|v| !v.is_none()).cloned();
        if let Some(nonce) = nonce.filter(|v| !matches!(v.kind, Kind::Func(_))) {
            // The library compares it.
            let (left, right) = (claims.clone(), self.settled(&nonce));
            self.emit(EventKind::Compare { left, right }, at);
        }
        // For whom it was made was looked at.
        if handed && fault.is_some() && fault != Some(ISSUER) {
            claims.add(&token.taint);
        }
        claims.kind = Kind::Unknown;
        // Who it is was shown for this app, whatever the app makes of it.
        if self.traits.packages && fault.is_none() {
            let value = claims.clone();
            self.emit(EventKind::ProfileRead { value }, at);
        }
        Ok(claims)
    }

    /// What is called an ID token is one, though it is not seen where it comes
    /// from.
    pub(super) fn called_id_token(&mut self, name: &str, value: Value, at: Span) -> Value {
        if self.language != Language::Python
            || !is_id_token(name)
            || !matches!(value.kind, Kind::Sym | Kind::Unknown | Kind::Method(_))
            || self.any(&value.taint, |o| {
                matches!(
                    o,
                    Origin::IdToken
                        | Origin::TokenResponse
                        | Origin::Claims
                        | Origin::Unverified
                        | Origin::Profile
                        | Origin::Random
                        | Origin::Hash
                ) || matches!(o, Origin::Param(p) | Origin::Argument(p) if is_id_token(p))
            })
        {
            return value;
        }
        let id = self.origin(Origin::Argument("id_token".into()), at);
        value.with(id)
    }

    /// Whether the function that is to judge the nonce lets every one pass.
    fn takes_any_nonce(&mut self, args: &Args, at: Span) -> Eval<bool> {
        let Some(judge) = args.get("nonce").cloned() else {
            return Ok(false);
        };
        if !matches!(judge.kind, Kind::Func(_)) || self.mode != Mode::Discover {
            return Ok(false);
        }
        let (decided, events) = (self.oracle.made.len(), self.events.len());
        let said = self.call_value(&judge, vec![Value::unknown()], Vec::new(), at)?;
        Ok(matches!(said.kind, Kind::Outcome(Some(_)))
            && self.oracle.made.len() == decided
            && self.events.len() == events)
    }
}

/// Whether what is to be compared stands where it is not seen.
fn elsewhere(args: &Args) -> bool {
    args.named.iter().any(|(k, v)| {
        k == "**" || k == "claims" && matches!(v.kind, Kind::Ext(_) | Kind::Unknown | Kind::Sym)
    })
}

/// Whether a parameter is by its name an ID token.
pub(super) fn is_id_token(name: &str) -> bool {
    name.contains("id_token")
        || matches!(
            name,
            "credential" | "identity_token" | "identityToken" | "idToken" | "idtoken"
        )
}
