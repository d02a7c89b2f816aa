//! Headers of answers: where they send the browser, and what they keep there.

use super::Engine;
use crate::{
    facts::EventKind,
    ir::Span,
    value::{Kind, Origin, Value},
};

impl Engine<'_> {
    /// `([(SET_COOKIE, text)], body)`: pairs of a name and a value in what is
    /// returned.
    pub(super) fn headers_among(&mut self, value: &Value, at: Span, depth: usize) {
        let (Kind::List(id) | Kind::Obj(id)) = value.kind else {
            return;
        };
        let items = self.heap.get(id).map(|o| o.items.clone());
        let items = items.unwrap_or_default();
        if let [name, value] = items.as_slice()
            && let Some(name) = name.as_str().map(str::to_ascii_lowercase)
            && matches!(name.as_str(), "set-cookie" | "location")
        {
            self.answer_header(&name, &value.clone(), at);
            return;
        }
        if depth < 3 {
            for item in &items {
                self.headers_among(item, at, depth + 1);
            }
        }
    }

    /// A header of an answer is set.
    pub(super) fn answer_header(&mut self, name: &str, value: &Value, at: Span) {
        match name.to_ascii_lowercase().as_str() {
            "location" => {
                let value = self.url_text(value, at);
                let value = self.settled(&value);
                self.emit(EventKind::Redirect { value }, at);
            }
            "set-cookie" => {
                let all = match &value.kind {
                    Kind::List(id) => self
                        .heap
                        .get(*id)
                        .map(|o| o.items.clone())
                        .unwrap_or_default(),
                    _ => vec![value.clone()],
                };
                for cookie in all {
                    self.cookie_text(&cookie, at);
                }
            }
            // Only requests have these.
            "authorization" | "cookie" | "dpop" => {}
            _ => {
                let value = self.settled(value);
                let token = |o: &Origin| {
                    matches!(
                        o,
                        Origin::AccessToken | Origin::RefreshToken | Origin::IdToken
                    )
                };
                if self.any(&value.taint, token) {
                    self.emit(EventKind::Respond { value }, at);
                }
            }
        }
    }

    /// `name=value; HttpOnly`.
    pub(super) fn cookie_text(&mut self, value: &Value, at: Span) {
        let settled = self.settled(value);
        let parts = match &settled.kind {
            Kind::Template(parts) => parts.as_ref().clone(),
            _ => vec![settled.clone()],
        };
        let text: String = parts.iter().map(|p| p.as_str().unwrap_or("?")).collect();
        let Some((name, rest)) = text.split_once('=') else {
            return;
        };
        let name = name.trim().to_owned();
        let http_only = rest.to_ascii_lowercase().contains("httponly");
        let kept = match parts.as_slice() {
            [one] if one.as_str().is_some() => Value::str(rest.split(';').next().unwrap_or("")),
            _ => parts
                .iter()
                .find(|p| p.as_str().is_none())
                .cloned()
                .unwrap_or_else(Value::unknown),
        };
        self.session
            .insert(format!("cookies:{name}"), Some(kept.clone()));
        let value = self.settled(&kept);
        self.emit(
            EventKind::SetCookie {
                name,
                value,
                http_only,
            },
            at,
        );
    }
}
