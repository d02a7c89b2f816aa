//! What the text of a script does with a name: where origins cannot tell a
//! part from the whole.

use crate::value::{Kind, Value};

/// What takes a text apart, and passes on what is in it as it is.
const DECODES: &[&str] = &[
    "split",
    "slice",
    "substring",
    "substr",
    "from",
    "toString",
    "parse",
    "decode",
    "atob",
    "decodeURIComponent",
    "get",
    "pop",
    "shift",
    "at",
    "join",
    "String",
    "URLSearchParams",
];
/// What is given something without asking anything of it.
const PASSES: &[&str] = &[
    "redirect",
    "stringify",
    "if",
    "while",
    "String",
    "encodeURIComponent",
    "URLSearchParams",
    "push",
    "set",
    "append",
    "json",
];

/// Whether a name in what is sent, or the name of a part, is looked at anywhere
/// in the text, or comes from a function that may have done it.
pub(crate) fn looks_at(text: &str, sent: &str, value: &Value) -> bool {
    let sent = sent.split_once("edirect(").map_or(sent, |(_, sent)| sent);
    let mut names: Vec<&str> = words(sent)
        .filter(|(at, name)| !sent[at + name.len()..].starts_with(['.', '(']))
        .map(|(_, name)| name)
        .collect();
    if let Kind::Method(part) = &value.kind {
        names.push(&part.1);
    }
    asks_others(sent)
        || words(text).any(|(at, name)| {
            names.contains(&name)
                && (is_looked_at(text, at, name) || is_made_by_others(text, at, name))
        })
}

/// Something taken out of a text, and nothing before it.
pub(crate) fn is_part(value: &Value) -> bool {
    match &value.kind {
        Kind::Method(_) | Kind::Unknown => !value.taint.is_empty(),
        Kind::Alt(all) => all.iter().any(is_part),
        Kind::Template(parts) => parts.first().is_some_and(is_part),
        _ => false,
    }
}

/// The names of a text, and where they stand.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    text.split(move |c| !letter(c))
        .filter(|word| word.starts_with(|c: char| !c.is_ascii_digit()))
        .map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// Whether a function is called that does more than take a text apart.
fn asks_others(expression: &str) -> bool {
    words(expression).any(|(at, name)| {
        expression[at + name.len()..].starts_with('(')
            && !DECODES.contains(&name)
            && !PASSES.contains(&name)
    })
}

/// Whether a function that is not known made what has this name.
fn is_made_by_others(text: &str, at: usize, name: &str) -> bool {
    let line = text[at + name.len()..]
        .split([';', '\n'])
        .next()
        .unwrap_or("");
    let Some((before, made)) = line.split_once('=') else {
        return false;
    };
    let declared = before
        .chars()
        .all(|c| c.is_alphanumeric() || " ,:{}[]_$".contains(c));
    declared && !made.starts_with(['=', '>']) && asks_others(made)
}

/// Whether something is asked of what has this name: a method of it, a
/// comparison, or a function to which it is given.
fn is_looked_at(text: &str, at: usize, name: &str) -> bool {
    let behind = text[at + name.len()..].trim_start_matches([' ', '!']);
    let before = text[..at].trim_end();
    if before.ends_with("typeof") {
        return false;
    }
    if behind.starts_with("?.")
        || behind.starts_with(['.', '[', '<', '>'])
        || behind.starts_with("==")
    {
        return true;
    }
    // `state.back`: what is before it belongs to it.
    let before = match before.strip_suffix('.') {
        Some(of) => of.trim_end_matches(|c: char| c.is_alphanumeric() || "_$.?".contains(c)),
        None => before,
    };
    before.ends_with("==")
        || within(before).is_some_and(|called| !called.is_empty() && !PASSES.contains(&called))
}

/// The function among whose arguments a text ends; empty where the bracket
/// belongs to none.
fn within(before: &str) -> Option<&str> {
    const NEAR: usize = 200;
    let mut depth = 0;
    for (at, letter) in before.char_indices().rev().take(NEAR) {
        match letter {
            ')' | '}' | ']' => depth += 1,
            '(' if depth == 0 => {
                let call = &before[..at];
                let name =
                    call.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "_$".contains(c));
                return Some(&call[name.len()..]);
            }
            '{' | '[' | ';' if depth == 0 => return None,
            '(' | '{' | '[' => depth -= 1,
            _ => {}
        }
    }
    None
}
