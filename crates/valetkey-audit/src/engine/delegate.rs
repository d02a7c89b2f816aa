//! Libraries that do the whole flow, or a part of it, by themselves.

use super::{Engine, Eval, Mode, args::Args, mapping::forget_facts};
use crate::{
    facts::EventKind,
    ir::Span,
    libraries::{CallModel, Does},
    value::{ClassValue, Kind, Origin, Value},
};

/// What a library is called in a report: where one file of data is about
/// several, the first word of the class.
pub(super) fn name_of(model: &'static CallModel) -> &'static str {
    const SEVERAL: &[&str] = &[
        "provider-sdks",
        "oauth-middleware",
        "fastify-oauth2",
        "oauth",
        "go-clients",
        "ruby-apis",
    ];
    let class = model
        .facts
        .get("class")
        .filter(|_| SEVERAL.contains(&model.library));
    match class.and_then(|c| c.split('.').next()) {
        Some(name) => name,
        None if SEVERAL.contains(&model.library) => "this library",
        None => model.library,
    }
}

impl Engine<'_> {
    pub(super) fn delegate(
        &mut self,
        model: &'static CallModel,
        of: Option<Value>,
        args: &Args,
        at: Span,
    ) -> Eval<Value> {
        // A method of the app's own that is called like one of the library.
        if self.traits.bare_calls
            && model.params.first().is_some_and(|p| p == "strategy")
            && args.get("strategy").is_none()
        {
            return Ok(Value::unknown());
        }
        let mut fields =
            self.request_fields(of.as_ref().filter(|o| matches!(o.kind, Kind::Obj(_))), args);
        // A function that makes the state is called for it.
        for (name, value) in &mut fields {
            if let (true, Kind::Func(f)) = (name == "state" && self.traits.packages, &value.kind) {
                let given = self.typed_args(&f.clone(), at);
                *value = self.call_value(&value.clone(), given, Vec::new(), at)?;
            }
        }
        let nested: Vec<Value> = fields
            .iter()
            .filter(|(_, v)| matches!(v.kind, Kind::Dict(_)))
            .map(|(_, v)| v.clone())
            .collect();
        for value in nested {
            for (key, inner) in self.flat(&value, 0) {
                let key = model.rename.get(&key).cloned().unwrap_or(key);
                fields.push((key, inner));
            }
        }
        for (key, value) in fields.clone() {
            self.setting(&key, &value, at);
        }
        // The same library speaks other protocols, too.
        if let Some(others) = self.fact(model, "other-protocols")
            && let Some(name) = args.get("strategy").and_then(Value::plain_name)
            && others.split(' ').any(|n| n == name)
        {
            return Ok(Value::unknown());
        }
        // What the program that uses it may say besides.
        if self.fact(model, "open").is_some() {
            fields.push(("**".into(), Value::unknown()));
        }
        self.configured_parts(model, &mut fields, at);
        let patient = self
            .fact(model, "family")
            .is_some_and(|all| all.split(' ').any(|f| self.patient.contains(f)));
        forget_facts(&mut fields);
        for (key, fact) in &model.facts {
            if key != "requests" || !patient {
                fields.push((format!("fact:{key}"), Value::str(fact)));
            }
        }
        if self.fact(model, "settings").is_some() {
            for name in ["client_secret", "redirect_uri"] {
                let value = self.sym(Origin::Config(name.into()), at);
                fields.push((name.into(), value));
            }
        }
        // Switched off where the object was made.
        let off = match (&of, self.fact(model, "state-off")) {
            (Some(of), Some(name)) => self
                .flat_once(of)
                .iter()
                .any(|(k, v)| k == name && matches!(v.kind, Kind::Bool(false))),
            _ => false,
        };
        // The app makes it, or compares it, with a function of its own.
        if let Some(names) = self.fact(model, "own-state")
            && fields.iter().any(|(k, _)| names.split(' ').any(|n| n == k))
        {
            fields.retain(|(k, _)| k != "fact:state");
        }
        if off {
            fields.retain(|(k, _)| k != "fact:state");
            fields.push(("fact:state".into(), Value::str("never")));
        }
        let fields = self.settle_fields(fields);
        let part = match model.does {
            _ if self.fact(model, "part") == Some("end") => "end",
            Does::DelegateLogin => "login",
            Does::DelegateCallback => "callback",
            _ => "register",
        };
        self.emit(
            EventKind::Delegate {
                part,
                fields,
                library: name_of(model),
            },
            at,
        );
        Ok(match model.does {
            Does::DelegateLogin => self.object("web.response", Vec::new()),
            // Another route than the library's: it has left nothing there.
            Does::DelegateCallback
                if self.by_itself
                    && self.mode == Mode::Scenario
                    && self.fact(model, "left").is_some() =>
            {
                Value::none()
            }
            Does::DelegateCallback => {
                if self.mode == Mode::Scenario {
                    let safe = self.fact(model, "state") != Some("none") && !off;
                    if safe && !self.scenario.equal || self.scenario.error {
                        return self.raise("LibraryError");
                    }
                    self.exchanged()?;
                }
                self.emit(EventKind::TokenChecked, at);
                let made = match self.fact(model, "returns") {
                    Some("profile") => self.sym(Origin::Profile, at),
                    Some("nothing") => Value::unknown(),
                    // And the page to go on to, which the state proves.
                    Some("token,page") => {
                        let token = self.sym(Origin::TokenResponse, at);
                        let page = self.sym(Origin::Route, at);
                        self.list(vec![token, page])
                    }
                    Some(is) => {
                        let id = self.origin(Origin::TokenResponse, at);
                        self.known_attr(is, at).with(id)
                    }
                    _ => self.sym(Origin::TokenResponse, at),
                };
                // Where errors are handed out, what refuses is one.
                if self.traits.packages {
                    self.reported.extend(made.taint.iter().copied());
                }
                made
            }
            _ => {
                if let Some(is) = self.fact(model, "returns") {
                    return Ok(self.known_attr(is, at));
                }
                let class = self
                    .fact(model, "class")
                    .unwrap_or("oauth.registered")
                    .to_owned();
                self.object(&class, args.named.clone())
            }
        })
    }

    /// A class that says of a provider what a library has to know.
    pub(super) fn backend(&mut self, class: &ClassValue, at: Option<Span>) {
        let mut bases = class.bases.iter().filter_map(|b| match &b.kind {
            Kind::Ext(path) => self.libraries.call(path),
            _ => None,
        });
        let model = bases.find(|m| m.facts.contains_key("backend"));
        let (Some(model), Some(at)) = (model, at) else {
            return;
        };
        let mut fields: Vec<(String, Value)> = Vec::new();
        for (name, value) in &class.members {
            match name.as_str() {
                "DEFAULT_SCOPE" => fields.push(("scope".into(), value.clone())),
                "AUTHORIZATION_URL" | "ACCESS_TOKEN_URL" | "OIDC_ENDPOINT" => {
                    let name = format!("{}_url", name.to_ascii_lowercase());
                    fields.push((name, value.clone()));
                }
                _ => {}
            }
        }
        if fields.is_empty() {
            return;
        }
        for (key, fact) in &model.facts {
            fields.push((format!("fact:{key}"), Value::str(fact)));
        }
        // It is told to send none, and to compare none.
        let off = |v: &Value| matches!(v.kind, Kind::Bool(false));
        if class.members.get("STATE_PARAMETER").is_some_and(off) {
            for (fact, is) in [("complete", "yes"), ("state", "never")] {
                fields.push((format!("fact:{fact}"), Value::str(is)));
            }
        }
        let fields = self.settle_fields(fields);
        let library = name_of(model);
        let part = "backend";
        self.emit(
            EventKind::Delegate {
                part,
                fields,
                library,
            },
            at,
        );
    }

    /// A provider that stands as a mere mapping in the settings of a library
    /// that does the whole flow.
    pub(super) fn provider_of_config(
        &mut self,
        model: &'static CallModel,
        provider: &Value,
        at: Span,
    ) -> Eval<()> {
        let known = self.flat(provider, 0).iter().any(|(k, _)| k == "client_id");
        if matches!(provider.kind, Kind::Dict(_)) && known {
            let args = Args {
                named: self.fields(provider),
                ..Args::default()
            };
            self.delegate(model, None, &args, at)?;
        }
        Ok(())
    }
}
