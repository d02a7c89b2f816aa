//! Whether a constant is a secret, a placeholder for one, or neither.

use crate::redact;

/// What a constant looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    Nothing,
    Placeholder,
    Secret,
}

/// What stands where the client's secret goes: there, a name that nobody
/// looks up is a placeholder.
pub(crate) fn looks_used(text: &str) -> Looks {
    let name = text.len() > 3
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && text.to_ascii_lowercase().contains("secret");
    match looks(text) {
        Looks::Nothing if name => Looks::Placeholder,
        other => other,
    }
}

/// Judges by content: the name has said already that a secret goes here.
pub(crate) fn looks(text: &str) -> Looks {
    let lower = text.to_ascii_lowercase();
    if text.is_empty()
        || text.contains("://")
        || lower.ends_with(".json")
        || lower.starts_with("client_secret_")
    {
        return Looks::Nothing;
    }
    // Words for people: a question, an explanation.
    let words = text.split_whitespace().count();
    if words > 1 && text.trim_end().ends_with([':', '?']) || words > 3 && text.ends_with('.') {
        return Looks::Nothing;
    }
    // A separator, such as what an empty secret is put before.
    if !text.chars().any(char::is_alphanumeric) {
        return Looks::Nothing;
    }
    // A place in a pattern that is filled in later.
    let place = lower.trim_start_matches(['%', '$', '#', ':']);
    if place.starts_with('{') && !place.starts_with("{{") && place.ends_with('}') {
        return Looks::Nothing;
    }
    // The name of a parameter, a header or a variable.
    if matches!(
        lower.as_str(),
        "client_secret" | "clientsecret" | "none" | "null"
    ) || text.len() > 8
        && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        && text.contains('_')
        && !["your", "change", "replace", "insert", "placeholder", "todo"]
            .iter()
            .any(|w| lower.split('_').any(|part| part.starts_with(w)))
    {
        return Looks::Nothing;
    }
    const WORDS: &[&str] = &[
        "your",
        "changeme",
        "change-me",
        "change_me",
        "replace",
        "placeholder",
        "example",
        "xxx",
        "todo",
        "insert",
        "<",
        "{{",
        "dummy",
        "fake",
        "sample",
        "fill",
        "...",
        "***",
        "redacted",
        "here",
        "my-",
        "my_",
        "secret",
        "test",
        "demo",
        "password",
        "abc123",
        "12345",
    ];
    // Words that also stand before a real one.
    const WEAK: &[&str] = &["my-", "my_", "secret", "test", "demo", "password", "here"];
    let plain = |w: &&str| lower.contains(*w) && !WEAK.contains(w);
    if text.split(['-', '_', '.']).any(redact::is_made) && !WORDS.iter().any(plain) {
        return Looks::Secret;
    }
    if text.contains(' ')
        || WORDS.iter().any(|w| lower.contains(w))
        || text.len() < 8
        || entropy(text) < 2.5
    {
        return Looks::Placeholder;
    }
    Looks::Secret
}

/// Shannon entropy in bits per character.
fn entropy(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    for c in text.chars() {
        *counts.entry(c).or_insert(0u32) += 1;
    }
    let length = f64::from(counts.values().sum::<u32>());
    counts
        .values()
        .map(|n| {
            let p = f64::from(*n) / length;
            -p * p.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_secrets_from_placeholders_and_names() {
        assert_eq!(looks("9fK2mZq84Lw1vBx7Tn5RcYh3"), Looks::Secret);
        assert_eq!(looks("GOCSPX-4nV8wQ2zLk9sTb1R"), Looks::Secret);
        assert_eq!(looks("your-client-secret"), Looks::Placeholder);
        assert_eq!(looks("<secret>"), Looks::Placeholder);
        assert_eq!(looks("GITHUB_CLIENT_SECRET"), Looks::Nothing);
        assert_eq!(looks("EXCHANGE_CLIENT_SECRET"), Looks::Nothing);
        assert_eq!(looks("CHANGEME_CLIENT_SECRET"), Looks::Placeholder);
        assert_eq!(looks(""), Looks::Nothing);
        assert_eq!(looks("Client secret (optional) : "), Looks::Nothing);
        assert_eq!(looks("Please use a different name."), Looks::Nothing);
        assert_eq!(looks("&"), Looks::Nothing);
        assert_eq!(looks("{client_secret}"), Looks::Nothing);
        assert_eq!(looks_used("{client_secret}"), Looks::Nothing);
        assert_eq!(looks_used("GITHUB_CLIENT_SECRET"), Looks::Placeholder);
        assert_eq!(looks_used("client_secret"), Looks::Placeholder);
        assert_eq!(looks_used(""), Looks::Nothing);
        assert_eq!(looks("enter your secret"), Looks::Placeholder);
    }
}
