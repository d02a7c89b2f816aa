//! How a sign-in works, shown on one that really happened: a sequence diagram
//! of the four participants, each arrow with its parameters and checks, the
//! tables of steps and of variables, and what they teach.
//!
//! Everything shown comes in a [`FlowView`]; there is no protocol logic here.
//! Secrets must arrive redacted.

mod diagram;
mod lessons;
mod list;
mod mermaid;
mod page;
mod tables;

pub use diagram::{svg, svg_headers};
pub use mermaid::mermaid;
pub use page::page;

use crate::view::Link;

/// One of the four participants of RFC 6749, 1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The resource owner's browser: the user agent.
    Browser,
    /// The app.
    Client,
    /// The authorization server: where the password is typed.
    AuthorizationServer,
    /// The resource server: where the data is.
    ResourceServer,
}

impl Who {
    /// All four, in the order of the diagram.
    pub const ALL: [Self; 4] = [
        Self::Browser,
        Self::Client,
        Self::AuthorizationServer,
        Self::ResourceServer,
    ];

    /// The name of the role.
    #[must_use]
    pub fn role(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Client => "client",
            Self::AuthorizationServer => "authorization server",
            Self::ResourceServer => "resource server",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Browser => "Browser",
            Self::Client => "Client",
            Self::AuthorizationServer => "Authorization server",
            Self::ResourceServer => "Resource server",
        }
    }
}

/// A participant of this very sign-in.
#[derive(Clone, Debug)]
pub struct Participant {
    /// Which of the four.
    pub who: Who,
    /// Its name here: `Photo Album`.
    pub name: String,
}

/// What an arrow is in the course of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The browser opens the login route.
    Login,
    /// The client sends the browser to the authorization server.
    Redirect,
    /// The browser delivers the authorization request.
    Authorize,
    /// The user types a password.
    SignIn,
    /// The user decides.
    Consent,
    /// The authorization server sends the browser back.
    Answer,
    /// The browser delivers the answer.
    Callback,
    /// The client exchanges the code.
    Exchange,
    /// The authorization server answers with tokens.
    Tokens,
    /// The client asks who the user is.
    ReadUser,
    /// The resource server answers.
    UserData,
    /// The client greets.
    Greeting,
}

/// Whether an arrow happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArrowState {
    /// It happened, and every check held.
    #[default]
    Held,
    /// It happened, and was refused, or is a refusal.
    Failed,
    /// It must have happened, but nobody who keeps records here saw it.
    Unseen,
    /// It has not happened yet.
    Waiting,
    /// It did not happen, because the sign-in had ended.
    Absent,
}

/// A parameter, as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The name on the wire.
    pub name: String,
    /// The value, or a redacted form of it.
    pub shown: String,
    /// What it is for, in a few words; may be empty.
    pub note: String,
}

/// Something that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What, as a statement that holds or does not.
    pub name: String,
    /// By which clause.
    pub clause: String,
    /// Whether it held.
    pub held: bool,
    /// Who checked.
    pub by: Who,
}

/// Why a sign-in ended at an arrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broke {
    /// The stable code: `callback.state_mismatch`.
    pub code: String,
    /// The reason in a few words, for the diagram: `state was not made here`.
    pub short: String,
    /// What happened and what it means, in one or two sentences.
    pub why: String,
}

/// One message from a participant to another.
#[derive(Clone, Debug)]
pub struct Arrow {
    /// Counts from 1.
    pub number: usize,
    /// The step that it belongs to, 1 to 6.
    pub step: u8,
    /// What it is.
    pub kind: Kind,
    /// The sender.
    pub from: Who,
    /// The receiver.
    pub to: Who,
    /// `GET /callback`: up to about 30 characters.
    pub label: String,
    /// What it carries, in a few words: up to about 36 characters.
    pub carries: String,
    /// What happens, in a sentence or two.
    pub what: String,
    /// What was sent.
    pub parameters: Vec<Parameter>,
    /// What was checked on arrival.
    pub checks: Vec<Check>,
    /// Whether a password was in it.
    pub carries_password: bool,
    /// Whether it happened.
    pub state: ArrowState,
    /// Why the sign-in ended here, if it did.
    pub broke: Option<Broke>,
    /// Whose records tell of it: `client`, `authorization server`.
    pub recorded_by: Vec<Who>,
}

/// A row of the table of steps.
#[derive(Clone, Debug)]
pub struct StepRow {
    /// 1 to 7.
    pub step: u8,
    /// `browser → client`.
    pub who: String,
    /// What is done.
    pub action: String,
    /// What goes in.
    pub input: String,
    /// What comes out.
    pub result: String,
    /// Whether it held; none if it did not happen.
    pub held: Option<bool>,
}

/// A row of the table of variables: what the client holds.
#[derive(Clone, Debug)]
pub struct VariableRow {
    /// `state`, `code`, `token`, `user_info`.
    pub name: String,
    /// At the start, after step 3, 4 and 5, and at the end.
    pub values: [VariableCell; 5],
}

/// A variable at one moment.
#[derive(Clone, Debug, Default)]
pub struct VariableCell {
    /// `none`, `received`, `used`, `used up`, …
    pub status: String,
    /// Its value, redacted if it is a secret; may be empty.
    pub shown: String,
}

/// How the sign-in went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody is signed in.
    SignedIn,
    /// It was refused or broke.
    Failed,
    /// It goes on.
    #[default]
    Pending,
}

/// One sign-in.
#[derive(Clone, Debug)]
pub struct FlowView {
    /// How it went.
    pub outcome: Outcome,
    /// `Alice Example signed in`.
    pub headline: String,
    /// When and where, in a sentence.
    pub lead: String,
    /// The four.
    pub participants: [Participant; 4],
    /// In the order of happening.
    pub arrows: Vec<Arrow>,
    /// The table of steps.
    pub steps: Vec<StepRow>,
    /// The table of variables.
    pub variables: Vec<VariableRow>,
    /// Who received a password; `None` if the records cannot tell.
    pub password_received_by: Option<Vec<Who>>,
    /// Whose records this was made of, in a sentence.
    pub evidence: String,
}

impl FlowView {
    /// The first arrow of that kind that happened.
    #[must_use]
    pub fn arrow(&self, kind: Kind) -> Option<&Arrow> {
        self.arrows.iter().find(|a| a.kind == kind)
    }

    /// Where the sign-in ended.
    #[must_use]
    pub fn broken(&self) -> Option<&Arrow> {
        self.arrows.iter().find(|a| a.broke.is_some())
    }

    /// What is to be said of the password.
    fn password_sentence(&self) -> String {
        match self.password_received_by.as_deref() {
            None => {
                "A password is typed at the authorization server. It never reaches the client, \
                     so the client’s records cannot show it."
                    .into()
            }
            Some([]) => "No password was typed in this sign-in: the authorization server knew the \
                         browser already, or it was not reached."
                .into(),
            Some([Who::AuthorizationServer]) => {
                "The password went to the authorization server, and nowhere else. \
                 It never reached the client."
                    .into()
            }
            Some(list) => {
                let names: Vec<_> = list.iter().map(|w| w.role()).collect();
                format!("A password was received by: {}.", names.join(", "))
            }
        }
    }
}

/// Another sign-in that can be looked at.
#[derive(Clone, Debug)]
pub struct Choice {
    /// `14:07:33, failed: callback.denied`.
    pub label: String,
    /// Where it is shown.
    pub href: String,
    /// Whether it is the one on this page.
    pub current: bool,
    /// How it went.
    pub outcome: Outcome,
}

/// The whole page.
#[derive(Clone, Debug, Default)]
pub struct HowView {
    /// The name of the app.
    pub app_name: String,
    /// The sign-in to show; without one, the page says how to make one.
    pub flow: Option<FlowView>,
    /// Where a sign-in starts.
    pub login_href: String,
    /// All that can be looked at, the newest first.
    pub choices: Vec<Choice>,
    /// The diagram as a file.
    pub exports: Vec<Link>,
    /// Whether the page reloads by itself, and the link that stops that.
    pub live: Option<Link>,
    /// Further pages, in the header.
    pub links: Vec<Link>,
}
