//! The parts that views of the app and of the provider share.

use std::fmt;

/// A link with its text.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// What it says.
    pub label: String,
    /// Where it leads; must pass [`crate::safe_href`].
    pub href: String,
}

impl Link {
    /// A link that says `label` and leads to `href`.
    #[must_use]
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            href: href.into(),
        }
    }
}

/// A hidden input, sent back unchanged. Its value may be a token that
/// protects the form, so `Debug` does not show it.
#[derive(Clone, Default)]
pub struct Hidden {
    /// The name of the input.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Hidden {
    /// The input `name` with `value`.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hidden({:?}, …)", self.name)
    }
}

/// A secret that is shown to its owner on one page, once. `Debug` does not
/// show it.
#[derive(Clone, Default)]
pub struct ShownOnce(pub String);

impl fmt::Debug for ShownOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShownOnce(…)")
    }
}

/// A user of the local provider whose password everybody may know.
#[derive(Clone, Debug, Default)]
pub struct TestUser {
    /// What to type as user name.
    pub username: String,
    /// What to type as password.
    pub password: String,
}

/// A scope that was granted or is asked for.
#[derive(Clone, Debug, Default)]
pub struct Granted {
    /// The scope as it goes over the wire.
    pub scope: String,
    /// What it allows, to be read after "may".
    pub words: String,
}

impl Granted {
    /// `scope` with the words of [`crate::scope_words`].
    #[must_use]
    pub fn of(scope: impl Into<String>) -> Self {
        let scope = scope.into();
        Self {
            words: crate::scope_words(&scope),
            scope,
        }
    }
}

/// How serious a notice is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something to know.
    #[default]
    Info,
    /// What was asked for is done.
    Success,
    /// Something to look at, no harm done.
    Warning,
    /// What was asked for failed.
    Error,
}

/// A short message above the content of a page, announced to screen readers.
#[derive(Clone, Debug, Default)]
pub struct Notice {
    /// How serious it is.
    pub kind: NoticeKind,
    /// One or two sentences.
    pub text: String,
}

impl Notice {
    /// A notice of that kind.
    #[must_use]
    pub fn new(kind: NoticeKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }
}

/// A form that consists of one button, sent with POST.
#[derive(Clone, Debug, Default)]
pub struct FormView {
    /// The name of the form, by which programs find it: `call-api`.
    pub name: String,
    /// Where it is posted; must pass [`crate::safe_href`].
    pub action: String,
    /// What the button says.
    pub label: String,
    /// What will happen, in one sentence; may be empty.
    pub explains: String,
    /// Why the button cannot be used now; `None` if it can.
    pub disabled_reason: Option<String>,
    /// Hidden inputs, sent back unchanged.
    pub hidden: Vec<Hidden>,
}
