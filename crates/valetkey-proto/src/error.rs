//! Whose fault it was, and what to say about it.
//!
//! Every step of the protocol has its own error enum beside it. All of them
//! implement [`Explain`], from which a page, a JSON body or a line on stderr
//! is made. No error holds a secret.

use std::borrow::Cow;

/// Who has to change something for the failure to go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The request that a browser (or whoever plays one) sent.
    Browser,
    /// The authorization server or the resource server.
    Provider,
    /// The network, or TLS, between this client and the provider.
    Transport,
    /// The settings of this application.
    Config,
    /// The session store: disk, database, permissions.
    Store,
    /// This library.
    Bug,
}

/// What every error of Valetkey can say about itself.
///
/// `message` is what happened, `cause` why it most likely happened, `fix`
/// what to do about it. None of them ever contains a secret, and all of them
/// may contain text that came from outside: escape it where you show it.
pub trait Explain {
    /// The stable code, such as `callback.state_mismatch`.
    fn code(&self) -> &'static str;
    /// Who has to change something.
    fn blame(&self) -> Blame;
    /// What happened, as one sentence.
    fn message(&self) -> Cow<'_, str>;
    /// The likely cause, as one sentence or two.
    fn cause(&self) -> Cow<'_, str>;
    /// What to do about it.
    fn fix(&self) -> Cow<'_, str>;
    /// The same as an owned value, to be stored, sent or shown.
    fn problem(&self) -> Problem {
        Problem {
            code: self.code(),
            blame: self.blame(),
            message: self.message().into_owned(),
            cause: self.cause().into_owned(),
            fix: self.fix().into_owned(),
        }
    }
}

/// Text from outside, fit for a message: at most `most` characters, none of
/// which moves the cursor or turns the direction of writing. It may still be
/// markup: escape it.
#[must_use]
pub fn readable(text: &str, most: usize) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .filter(|c| !c.is_control() && !turns(*c))
        .take(most)
        .collect()
}

/// An error, ready to be shown: [`Explain`] as data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The stable code, such as `callback.state_mismatch`.
    pub code: &'static str,
    /// Who has to change something.
    pub blame: Blame,
    /// What happened.
    pub message: String,
    /// The likely cause.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
}

impl Problem {
    /// A problem put together by hand, for errors that have no enum of their own.
    pub fn new(
        code: &'static str,
        blame: Blame,
        message: impl Into<String>,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            code,
            blame,
            message: message.into(),
            cause: cause.into(),
            fix: fix.into(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.message)
    }
}

impl std::error::Error for Problem {}

impl Explain for Problem {
    fn code(&self) -> &'static str {
        self.code
    }
    fn blame(&self) -> Blame {
        self.blame
    }
    fn message(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.message)
    }
    fn cause(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.cause)
    }
    fn fix(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.fix)
    }
}
