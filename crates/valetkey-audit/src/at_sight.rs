//! What can be told without following values: of an app that hands them to
//! something that is not seen.

pub(crate) mod named;
pub(crate) mod shown;
pub(crate) mod unnamed;

/// Whether a word in small letters stands in a name, in whatever case.
fn contains(name: &str, word: &str) -> bool {
    let first = word.as_bytes().first().map(u8::to_ascii_lowercase);
    name.as_bytes().windows(word.len()).any(|part| {
        part.first().map(u8::to_ascii_lowercase) == first
            && part.eq_ignore_ascii_case(word.as_bytes())
    })
}
