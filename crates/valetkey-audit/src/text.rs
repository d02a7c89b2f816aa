//! The text of a file while its results are told: split, and put into small
//! letters, at most once.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
};

/// A file's text.
#[derive(Debug)]
pub(crate) struct Text<'t> {
    text: &'t str,
    lines: OnceCell<Vec<&'t str>>,
    small: OnceCell<String>,
    words: RefCell<HashMap<&'static str, bool>>,
}

impl<'t> Text<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            lines: OnceCell::new(),
            small: OnceCell::new(),
            words: RefCell::default(),
        }
    }

    pub(crate) fn lines(&self) -> &[&'t str] {
        self.lines.get_or_init(|| self.text.lines().collect())
    }

    pub(crate) fn contains(&self, what: &str) -> bool {
        self.text.contains(what)
    }

    /// Whether a word in small letters stands in the text, in whatever case,
    /// and not as the end of another: `authlib` is not in `requests_oauthlib`.
    pub(crate) fn names(&self, word: &'static str) -> bool {
        *self.words.borrow_mut().entry(word).or_insert_with(|| {
            let small = self.small.get_or_init(|| self.text.to_ascii_lowercase());
            let letter = |c: char| c.is_alphanumeric() || c == '_';
            let bounded = word.starts_with(letter);
            memchr::memmem::find_iter(small.as_bytes(), word)
                .any(|at| !bounded || !small[..at].ends_with(letter))
        })
    }
}
