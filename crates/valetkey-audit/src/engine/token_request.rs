//! The token request, by whatever call of a library.

use super::{Engine, Eval, Mode, args::Args, maps::Ask};
use crate::{
    facts::{EventKind, Fields},
    ir::Span,
    libraries::CallModel,
    value::{Kind, Origin, Value},
};

impl Engine<'_> {
    pub(super) fn token_request(
        &mut self,
        model: &'static CallModel,
        of: Option<Value>,
        args: &Args,
        at: Span,
    ) -> Eval<Value> {
        let mut fields = self.request_fields(of.as_ref(), args);
        // The code alone, where others have options.
        if self.fact(model, "needs") == Some("code")
            && !fields.iter().any(|(k, _)| k == "code")
            && let Some((key, _)) = fields
                .iter_mut()
                .find(|(k, v)| k == "options" && matches!(v.kind, Kind::Sym | Kind::Unknown))
        {
            *key = "code".into();
        }
        let library = model.library;
        let grant = args
            .get("grant_type")
            .and_then(Value::as_str)
            .or_else(|| {
                let given = self.fact(model, "grant-with").and_then(|n| args.get(n));
                match given.filter(|v| !v.is_none()) {
                    Some(_) => None,
                    None => self.fact(model, "grant"),
                }
            })
            .unwrap_or("authorization_code")
            .to_owned();
        let response = [
            "authorization_response",
            "auth_response",
            "request_url",
            "response",
        ]
        .iter()
        .find_map(|n| args.get(n).filter(|v| !v.is_none()).cloned());
        if let Some(check) = self.fact(model, "state-check")
            && (response.is_some() || check == "always")
        {
            // All that it compares was kept as one.
            let whole = args.get("checks").cloned();
            let whole = match whole {
                Some(v) if matches!(v.kind, Kind::Sym | Kind::Unknown) => Some(v),
                // `{ ...checks, response_type: "code" }`.
                Some(v) => self.spread_in(&v),
                None => None,
            };
            let kept = match args.get("flow") {
                Some(flow) => {
                    self.member(&flow.clone(), &Value::str("state"), Ask::default(), at)?
                }
                None => match args.get("state") {
                    Some(state) => state.clone(),
                    None => match (whole, &of) {
                        (Some(all), _) => {
                            self.member(&all, &Value::str("state"), Ask::default(), at)?
                        }
                        (None, Some(of)) => {
                            let mut state = self.attr(of, "_state", at)?;
                            if matches!(state.kind, Kind::Method(_)) {
                                state = self.attr(of, "state", at)?;
                            }
                            if matches!(state.kind, Kind::Method(_)) {
                                Value::none()
                            } else {
                                state
                            }
                        }
                        (None, None) => Value::none(),
                    },
                },
            };
            let skipped = matches!(&kept.kind, Kind::Ext(name)
                if self.fact(model, "state-skip") == Some(name.as_ref()));
            if !skipped {
                let missing = self.fact(model, "state-missing").unwrap_or("skip");
                self.unanswered(&fields, args)?;
                self.library_state(&kept, missing, at)?;
            }
            if self.mode == Mode::Scenario && self.scenario.error {
                return self.raise("LibraryError");
            }
        }
        // A client that is not seen gets the kept state, too, to compare it.
        if self.fact(model, "needs") == Some("code") {
            self.notes.opaque |= self.may_compare(args);
        }
        if let Some(response) = response
            && !fields.iter().any(|(k, _)| k == "code")
        {
            let mut code = self.settled(&response);
            let id = self.origin(Origin::Query, at);
            code.add(&[id]);
            fields.push(("code".into(), code));
        }
        // Some look whether there is a code before they ask for anything.
        if self.fact(model, "refuses") == Some("no-code")
            && self.mode == Mode::Scenario
            && !self.scenario.code
            && grant == "authorization_code"
        {
            return self.raise("LibraryError");
        }
        // It brings along what it has kept with the state.
        if self.fact(model, "pkce") == Some("auto")
            && !fields.iter().any(|(k, _)| k == "code_verifier")
        {
            fields.push(("code_verifier".into(), Value::unknown()));
        }
        fields.push(("grant_type".into(), Value::str(&grant)));
        let fields = self.settle_fields(fields);
        if grant == "authorization_code" {
            self.refuses_no_code(&fields)?;
        }
        let known = fields.iter().find(|(k, _)| k == "token_uri");
        let url = args.get("url").or(known.map(|(_, v)| v));
        let mut url = url.map(crate::url::base).unwrap_or_default();
        if let (true, Some(known)) = (url.is_empty(), self.fact(model, "at")) {
            known.clone_into(&mut url);
        }
        let timeout = match args.get("timeout") {
            Some(value) => Some(self.is_limit(value, false)),
            None if self.client_waits(of.as_ref(), args) => Some(true),
            None => match self.fact(model, "timeout") {
                Some("none") => Some(false),
                Some("default") => Some(!self.told_to_wait(model)),
                Some("context") => {
                    let client = args.get("client");
                    self.plain_context(args)
                        .or_else(|| self.is_default_client(client))
                }
                None if self.is_config(of.as_ref()) => self.plain_context(args),
                _ => None,
            },
        };
        let verify_off = matches!(args.get("verify").map(|v| &v.kind), Some(Kind::Bool(false)));
        self.emit(
            EventKind::Http {
                url: url.clone(),
                target: Value::unknown(),
                timeout,
                verify_off,
                oauth: true,
                reads: false,
            },
            at,
        );
        self.emit(EventKind::TokenRequest { url, fields }, at);
        if self.fact(model, "errors") == Some("raise") {
            self.emit(EventKind::TokenChecked, at);
        }
        if grant == "authorization_code" {
            self.exchanged()?;
        }
        if self.fact(model, "id-token") == Some("verified") {
            self.emit(
                EventKind::IdToken {
                    fault: None,
                    library: Some(library),
                },
                at,
            );
        }
        let response = self.sym(Origin::TokenResponse, at);
        if self.fact(model, "sealed").is_some() {
            self.seal(&response);
        }
        if self.fact(model, "errors") == Some("raise") {
            self.fails_on_refusal(&response);
        }
        if self.fact(model, "errors") == Some("returned") {
            self.reported.extend(response.taint.iter().copied());
        }
        if let Some(of) = &of
            && self.fact(model, "keeps").is_some()
        {
            self.set_attr(of, "token", response.clone(), at);
        }
        Ok(response)
    }

    /// Without a login under way there is no verifier in the session, and the
    /// provider refuses the code (RFC 7636 section 4.6).
    fn unanswered(&self, fields: &Fields, args: &Args) -> Eval<()> {
        let sent = fields.iter().find(|(k, _)| k == "code_verifier");
        // What is not there is still known by where it was looked for.
        let verifier = args.get("code_verifier").or(sent.map(|(_, v)| v));
        if self.mode == Mode::Scenario
            && !self.scenario.stored
            && verifier.is_some_and(|v| self.bound(v))
        {
            return self.raise("LibraryError");
        }
        Ok(())
    }

    /// The library compares the state that came along with what it was given.
    fn library_state(&mut self, kept: &Value, missing: &str, at: Span) -> Eval<()> {
        let sent = self.sym(Origin::Param("state".into()), at);
        self.emit(
            EventKind::Compare {
                left: sent.clone(),
                right: self.settled(kept),
            },
            at,
        );
        if self.mode != Mode::Scenario {
            return Ok(());
        }
        match self.truth(kept) {
            Some(false) if missing == "raise" => return self.raise("LibraryError"),
            Some(false) if missing == "both" && self.scenario.state => {
                return self.raise("LibraryError");
            }
            Some(false) => return Ok(()),
            _ => {}
        }
        let sent = if self.scenario.state {
            sent
        } else {
            Value::none()
        };
        match self.equal(&sent, kept) {
            Some(true) => Ok(()),
            Some(false) => self.raise("LibraryError"),
            None => {
                self.notes.opaque = true;
                Ok(())
            }
        }
    }
}
