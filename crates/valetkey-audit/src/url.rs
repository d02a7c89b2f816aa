//! Query parameters of URLs of which only some parts are known.

use crate::value::{Kind, Value};

/// The parameters of a URL, a query or a form body.
pub(crate) fn parameters(value: &Value) -> Vec<(String, Value)> {
    parameters_at(value, 0)
}

fn parameters_at(value: &Value, depth: usize) -> Vec<(String, Value)> {
    let mut reader = Reader::default();
    reader.read(value, depth);
    reader.finish();
    reader.pairs
}

/// The known text before the query: the endpoint.
pub(crate) fn base(value: &Value) -> String {
    let mut text = String::new();
    first_text(value, &mut text);
    let end = text.find(['?', '#']).unwrap_or(text.len());
    text.truncate(end);
    text
}

fn first_text(value: &Value, into: &mut String) -> bool {
    match &value.kind {
        Kind::Str(s) => {
            into.push_str(s);
            !s.contains('?')
        }
        Kind::Template(parts) => parts.iter().all(|p| first_text(p, into)),
        // Of a setting and what stands in for it, the text that is known.
        Kind::Alt(all) => all
            .iter()
            .find(|v| v.as_str().is_some_and(|t| t.contains("://")))
            .or_else(|| all.iter().find(|v| !v.is_none()))
            .is_some_and(|v| first_text(v, into)),
        Kind::Query(_) => false,
        _ => {
            into.push('\u{0}');
            true
        }
    }
}

#[derive(Default)]
struct Reader {
    pairs: Vec<(String, Value)>,
    key: Option<String>,
    text: String,
    values: Vec<Value>,
}

impl Reader {
    fn read(&mut self, value: &Value, depth: usize) {
        if depth > 8 {
            return;
        }
        match &value.kind {
            Kind::Str(s) => self.literal(&s.replace("&amp;", "&")),
            Kind::Template(parts) => {
                for part in parts.iter() {
                    self.read(part, depth + 1);
                }
            }
            Kind::Query(pairs) => {
                self.finish();
                self.pairs.extend(pairs.iter().cloned());
            }
            Kind::Alt(all) => {
                // The one with parameters says most.
                let best = all
                    .iter()
                    .map(|v| (parameters_at(v, depth + 1).len(), v))
                    .max_by_key(|(count, _)| *count);
                match best {
                    Some((1.., best)) => self.read(best, depth + 1),
                    _ => self.part(value.clone()),
                }
            }
            _ => self.part(value.clone()),
        }
    }

    fn part(&mut self, value: Value) {
        if self.key.is_some() {
            self.flush();
            self.values.push(value);
        } else {
            self.text.clear();
        }
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.values.push(Value::str(&decode(&text)));
        }
    }

    fn literal(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '?' | '&' | '#' | '"' | '\'' | '<' | '>' | '\n' => self.finish(),
                '=' if self.key.is_none() => self.key = Some(std::mem::take(&mut self.text)),
                ' ' if self.key.is_none() => self.text.clear(),
                _ => self.text.push(c),
            }
        }
    }

    fn finish(&mut self) {
        self.flush();
        let values = std::mem::take(&mut self.values);
        if let Some(key) = self.key.take() {
            let value = match values.len() {
                0 => Value::str(""),
                1 => values.into_iter().next().unwrap_or_else(Value::unknown),
                _ => Value::concat(values),
            };
            self.pairs.push((key, value));
        }
    }
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = text
            .get(i + 1..i + 3)
            .filter(|_| bytes[i] == b'%')
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match hex {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(if bytes[i] == b'+' { b' ' } else { bytes[i] });
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
