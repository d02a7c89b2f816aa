//! Types of the app that take themselves out of a request, before the function
//! that asks for them runs.

use super::{Engine, Eval, Unwind, outcome};
use crate::{
    facts::{Entry, Handed},
    ir::{Param, Span, Star},
    lang::Language,
    libraries::Does,
    value::{Kind, Value},
};

/// What the frameworks call the function.
const METHODS: &[&str] = &["from_request_parts", "from_request", "extract"];

impl Engine<'_> {
    /// What a type of the app makes of the request, if it says how. Where it
    /// refuses, the framework answers in the handler's stead.
    pub(super) fn own_extractor(&mut self, annotation: &str, at: Span) -> Eval<Option<Value>> {
        let asked = annotation.strip_prefix("Option<");
        let plain = asked.map_or(annotation, |a| a.trim_end_matches('>'));
        let name = plain.split('<').next().unwrap_or(plain);
        let name = name.rsplit("::").next().unwrap_or(name);
        if name.is_empty() || self.frames.len() > 8 {
            return Ok(None);
        }
        let Kind::Class(class) = self.variable(name, at).kind else {
            return Ok(None);
        };
        let Some(method) = METHODS
            .iter()
            .filter(|m| class.members.contains_key(**m))
            .find_map(|m| self.class_member(&class, m, None, 0))
        else {
            return Ok(None);
        };
        let made = self.made_from_request(&method, at)?;
        Ok(match (&made.kind, asked) {
            (Kind::Outcome(None), Some(_)) => Some(Value::none()),
            (Kind::Outcome(None), None) => return self.raise("LibraryError"),
            (Kind::Outcome(Some(inner)), _) => Some(inner.as_ref().clone()),
            (Kind::Unknown | Kind::None, _) => None,
            _ => Some(made),
        })
    }

    pub(super) fn made_from_request(&mut self, method: &Value, at: Span) -> Eval<Value> {
        let Kind::Func(closure) = &method.kind else {
            return Ok(Value::unknown());
        };
        let closure = closure.clone();
        let entry = Entry {
            name: closure.function.name.clone(),
            file: closure.file,
            span: closure.function.span,
            function: method.clone(),
            route: false,
            handed: Handed::default(),
        };
        let named = self.all_outside(&entry, &closure)?;
        self.call_value(method, Vec::new(), named, at)
    }

    /// `extract::<T>()`, `request.guard::<T>()`: what a handler is given for a
    /// parameter of that type, asked for in its midst.
    pub(super) fn taken_out(&mut self, annotation: &str, at: Span) -> Eval<Value> {
        let param = Param {
            name: "$taken".into(),
            default: None,
            annotation: Some(annotation.to_owned()),
            star: Star::No,
        };
        match self.by_annotation(&param, annotation, at) {
            Ok(Some(value)) => Ok(Value::success(outcome::held(&value))),
            Ok(None) => Ok(Value::unknown()),
            Err(Unwind::Raise(name)) if name.as_ref() == "LibraryError" => Ok(Value::failure()),
            Err(other) => Err(other),
        }
    }

    /// A library's client that a function of Python is given by a caller that is
    /// not seen: what it was told is not seen either.
    fn client_by_type(&mut self, annotation: &str, at: Span) -> Option<Value> {
        if annotation.is_empty() || self.language != Language::Python {
            return None;
        }
        let plain = annotation.trim_matches(['"', '\'']);
        let plain = plain.strip_prefix("Optional[").unwrap_or(plain);
        let end = plain.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
        let plain = &plain[..end.unwrap_or(plain.len())];
        let path = match plain.split_once('.') {
            Some((module, rest)) => match self.variable(module, at).kind {
                Kind::Ext(path) => format!("{path}.{rest}"),
                _ => return None,
            },
            None => match self.variable(plain, at).kind {
                Kind::Ext(path) => path.to_string(),
                _ => return None,
            },
        };
        let model = self.libraries.call(&path)?;
        let makes = matches!(model.does, Does::OauthClient | Does::HttpClient);
        let class = model.facts.get("class").filter(|_| makes)?.clone();
        Some(self.object(&class, vec![("$open".to_owned(), Value::unknown())]))
    }

    /// What a framework hands over for a type.
    pub(super) fn by_annotation(
        &mut self,
        param: &Param,
        annotation: &str,
        at: Span,
    ) -> Eval<Option<Value>> {
        if let Some(is) = self.libraries.param(&param.name, annotation) {
            let is = is.to_owned();
            return self.handed(&is, param, annotation, at).map(Some);
        }
        if let Some(object) = self.declared(annotation, at) {
            return Ok(Some(object));
        }
        if !self.traits.typed {
            return Ok(self.client_by_type(annotation, at));
        }
        if let Some(value) = self.own_extractor(annotation, at)? {
            return Ok(Some(value));
        }
        if let Some(value) = self.own_type(annotation, at) {
            return Ok(Some(value));
        }
        let name = annotation.split('<').next().unwrap_or(annotation);
        let name = name.rsplit("::").next().unwrap_or(name);
        let (session, store) = (
            super::typed::is_session(name),
            super::typed::is_database(name),
        );
        if !session && !store || matches!(self.variable(name, at).kind, Kind::Class(_)) {
            return Ok(None);
        }
        Ok(Some(match session {
            true => Value::map("session"),
            false => Value::ext("rust.database"),
        }))
    }
}
