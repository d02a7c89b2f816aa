//! What can be told without following values: of an app that hands them to
//! something that is not seen.

pub(crate) mod browser;
pub(crate) mod named;
pub(crate) mod pages;
pub(crate) mod shown;
pub(crate) mod switched;
pub(crate) mod unnamed;

/// Whether a word in small letters stands in a name, in whatever case.
pub(crate) fn contains(name: &str, word: &str) -> bool {
    let (name, word) = (name.as_bytes(), word.as_bytes());
    let Some((first, rest)) = word.split_first() else {
        return true;
    };
    let last = name.len().saturating_sub(rest.len());
    (0..last).any(|at| {
        name[at].eq_ignore_ascii_case(first)
            && name[at + 1..at + word.len()].eq_ignore_ascii_case(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn words_are_found_in_whatever_case() {
        assert!(contains("OAuthState", "state") && contains("state", "state"));
        assert!(contains("a_STATE_b", "state") && contains("xstate", "state"));
        assert!(!contains("stat", "state") && !contains("", "state"));
    }
}
