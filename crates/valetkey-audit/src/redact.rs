//! What of a source may be shown: one line, short, without secrets.

use std::borrow::Cow;

/// A name as people may see it: what would move the cursor, change colours or
/// turn the direction of writing is spelt out. Whoever sends a change chooses
/// the names of its files.
pub(crate) fn name(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() || turns(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    shown
}

fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of the source on one line, of so many characters at most, read in
/// the order in which it is written.
pub(crate) fn line(text: &str, most: usize) -> String {
    text.chars()
        .filter(|c| (!c.is_control() || *c == '\t') && !turns(*c))
        .take(most)
        .collect()
}

/// A message, which may name something of the source.
#[allow(clippy::ptr_arg)] // Most are constants, which stay so.
pub(crate) fn message(text: &Cow<'static, str>) -> Cow<'static, str> {
    match text.chars().any(|c| c.is_control() || turns(c)) {
        true => Cow::Owned(line(text, 600)),
        false => text.clone(),
    }
}

/// Long words that look as if a generator had made them are replaced: a secret
/// may stand on a line which does not say so, such as an argument on its own.
pub(crate) fn words(line: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || "-_~+/=.".contains(c);
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(part) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        out.push_str(if is_made(&rest[..end]) {
            "…"
        } else {
            &rest[..end]
        });
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Letters of both cases and digits in turn, as no one names anything.
pub(crate) fn is_made(word: &str) -> bool {
    let kind = |c: char| match c {
        'a'..='z' => 1,
        'A'..='Z' => 2,
        '0'..='9' => 3,
        _ => 0,
    };
    let kinds: Vec<u8> = word.chars().map(kind).collect();
    let turns = kinds
        .windows(2)
        .filter(|w| w[0] != w[1] && w.contains(&3))
        .count();
    word.len() >= 16 && turns >= 4 && kinds.iter().any(|k| (1..=2).contains(k))
}

/// What stands in quotes is replaced, unless it is short and a mere name.
pub(crate) fn constants(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(['"', '\'', '`']) {
        let quote = rest.as_bytes()[start];
        out.push_str(&rest[..=start]);
        rest = &rest[start + 1..];
        let Some(end) = rest.bytes().position(|b| b == quote) else {
            out.push('…');
            return out;
        };
        let inner = &rest[..end];
        let name = inner.len() < 32 && inner.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let known = [
            "client_secret",
            "client_id",
            "secret_key",
            "code",
            "grant_type",
        ]
        .contains(&inner);
        if known
            || name && inner.contains('_') && rest[end + 1..].trim_start().starts_with([':', ']'])
        {
            out.push_str(inner);
        } else {
            out.push('…');
        }
        out.push(quote as char);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_in_every_kind_of_quotes() {
        assert_eq!(constants("secret: `9fK2mZq84`,"), "secret: `…`,");
        assert_eq!(constants("a = \"9fK2mZq84\""), "a = \"…\"");
        assert_eq!(constants("a = '9fK2mZq84"), "a = '…");
        assert_eq!(constants("'client_secret': x"), "'client_secret': x");
    }

    #[test]
    fn made_words_are_replaced_wherever_they_stand() {
        assert_eq!(words("  9fK2mZq84Lw1vBx7Tn5RcYh3,"), "  …,");
        assert_eq!(words("\"GOCSPX-4nV8wQ2zLk9sTb1R\""), "\"…\"");
        let code = "requests.post(OAUTH2_TOKEN_URL, timeout=10)";
        assert_eq!(words(code), code);
    }

    #[test]
    fn what_is_shown_stays_on_one_line_in_one_direction() {
        assert_eq!(line("a\u{1b}[31m\u{202e}b\nc", 9), "a[31mbc");
        assert_eq!(line("é€x", 2), "é€");
    }
}
