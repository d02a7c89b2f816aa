//! The frame of every page, and the pieces that pages are made of.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{
    href::safe_href,
    moment::Moment,
    policy::style,
    view::{FormView, Granted, Hidden, Link, Notice, NoticeKind, TestUser},
};

/// Whose page it is: the two must never be taken for each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    App,
    Provider,
}

/// How wide the content is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// One short task: sign in, decide, read one message.
    Narrow,
    /// Several sections side by side.
    Wide,
}

pub(crate) struct Page<'a> {
    pub(crate) place: Place,
    pub(crate) width: Width,
    /// The name of the app or of the provider, in the header.
    pub(crate) site: &'a str,
    /// Where the name in the header leads; none on pages in the middle of a task.
    pub(crate) home: Option<&'a str>,
    /// The first part of the document's title.
    pub(crate) title: &'a str,
    pub(crate) nav: &'a [Link],
}

impl Page<'_> {
    /// The whole document around `content`, which brings the only `h1`.
    pub(crate) fn render(&self, content: &Markup) -> String {
        let (body, icon) = match self.place {
            Place::App => ("app", ICON_APP),
            Place::Provider => ("provider", ICON_PROVIDER),
        };
        let main = match self.width {
            Width::Narrow => "narrow",
            Width::Wide => "wide",
        };
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (self.title) " · " (self.site) }
                    link rel="icon" type="image/svg+xml" href=(icon);
                    style { (PreEscaped(style())) }
                }
                body class=(body) {
                    a class="skip" href="#main" { "Skip to the content" }
                    header class="site" {
                        div class="bar" {
                            (self.brand())
                            @if self.place == Place::Provider {
                                p class="tag" { "Local development provider" }
                            }
                            (nav(self.nav))
                        }
                    }
                    main id="main" class=(main) tabindex="-1" { (content) }
                    footer class="site" {
                        @match self.place {
                            Place::App => p { "This app never sees your password at the provider." },
                            Place::Provider => p {
                                "For development and tests only. Its users are made up. \
                                 Never type a real password here."
                            },
                        }
                    }
                }
            }
        }
        .into_string()
    }

    fn brand(&self) -> Markup {
        let inner = html! {
            @match self.place {
                Place::App => (mark_key()),
                Place::Provider => (mark_lock()),
            }
            span { (self.site) }
        };
        match self.home.and_then(safe_href) {
            Some(href) => html! { a class="brand" href=(href) { (inner) } },
            None => html! { p class="brand" { (inner) } },
        }
    }
}

fn nav(links: &[Link]) -> Markup {
    html! {
        @if !links.is_empty() {
            nav aria-label="Pages" {
                ul { @for item in links { li { (link(item, "")) } } }
            }
        }
    }
}

// The two marks as the icon of the tab. Colours are fixed: an icon does not
// know the page's colour scheme.
const ICON_APP: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Crect width='24' height='24' rx='6' fill='%23155e4c'/%3E%3Cg fill='none' stroke='%23fff' stroke-width='2' stroke-linecap='round' stroke-linejoin='round'%3E%3Ccircle cx='8.5' cy='12' r='3.5'/%3E%3Cpath d='M12 12h8v3M16.5 12v2.5'/%3E%3C/g%3E%3C/svg%3E";
const ICON_PROVIDER: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Crect width='24' height='24' rx='6' fill='%238f3f0b'/%3E%3Cpath d='M12 5.5a3.6 3.6 0 0 1 2 6.6l1.2 6.4H8.8L10 12.1a3.6 3.6 0 0 1 2-6.6z' fill='%23fff'/%3E%3C/svg%3E";

/// The app's mark: a key.
pub(crate) fn mark_key() -> Markup {
    html! {
        svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            rect class="plate" width="24" height="24" rx="6" {}
            g class="line" {
                circle cx="8.5" cy="12" r="3.5" {}
                path d="M12 12h8v3M16.5 12v2.5" {}
            }
        }
    }
}

/// The provider's mark: the keyhole that the key is for.
pub(crate) fn mark_lock() -> Markup {
    html! {
        svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            rect class="plate" width="24" height="24" rx="6" {}
            path class="solid" d="M12 5.5a3.6 3.6 0 0 1 2 6.6l1.2 6.4H8.8L10 12.1a3.6 3.6 0 0 1 2-6.6z" {}
        }
    }
}

/// A link; text only if its address is refused.
pub(crate) fn link(link: &Link, class: &str) -> Markup {
    let class = (!class.is_empty()).then_some(class);
    match safe_href(&link.href) {
        Some(href) => html! { a class=[class] href=(href) { (link.label) } },
        None => html! { span class="refused" { (link.label) } },
    }
}

/// Links side by side, the first of them as the main action if there is no
/// other one before them.
pub(crate) fn actions(links: &[Link], first_is_main: bool) -> Markup {
    html! {
        @for (index, item) in links.iter().enumerate() {
            (link(item, if index == 0 && first_is_main { "button primary" } else { "button" }))
        }
    }
}

/// A sentence in which names of parameters and settings stand between
/// backticks, as in `state`.
pub(crate) fn prose(text: &str) -> Markup {
    let pieces: Vec<_> = text.split('`').collect();
    // A backtick without its partner is only a backtick.
    let paired = pieces.len() % 2 == 1;
    html! {
        @if paired {
            @for (index, piece) in pieces.iter().enumerate() {
                @if index % 2 == 1 { code { (piece) } } @else { (piece) }
            }
        } @else {
            (text)
        }
    }
}

pub(crate) fn notice(notice: Option<&Notice>) -> Markup {
    html! {
        @if let Some(notice) = notice {
            @let (class, role) = match notice.kind {
                NoticeKind::Info => ("notice info", "status"),
                NoticeKind::Success => ("notice success", "status"),
                NoticeKind::Warning => ("notice warning", "status"),
                NoticeKind::Error => ("notice error", "alert"),
            };
            div class=(class) role=(role) { p { (prose(&notice.text)) } }
        }
    }
}

pub(crate) fn hidden(inputs: &[Hidden]) -> Markup {
    html! {
        @for input in inputs {
            input type="hidden" name=(input.name) value=(input.value);
        }
    }
}

/// A form of one button with its explanation beside it.
pub(crate) fn button_form(form: &FormView, class: &str) -> Markup {
    let action = safe_href(&form.action);
    let refused = action.is_none().then_some("This form has no safe address.");
    let reason = form.disabled_reason.as_deref().or(refused);
    let explained = !form.explains.is_empty() || reason.is_some();
    let id = format!("about-{}", id_part(&form.name));
    html! {
        form class="action" name=(form.name) method="post" action=[action] {
            (hidden(&form.hidden))
            @if explained {
                div class="about" id=(id) {
                    @if !form.explains.is_empty() { p { (form.explains) } }
                    @if let Some(reason) = reason { p class="reason" { (reason) } }
                }
            }
            button class=(class) type="submit" disabled[reason.is_some()]
                aria-describedby=[explained.then_some(&id)] { (form.label) }
        }
    }
}

/// Letters, digits and dashes of a name: what an `id` may consist of here.
pub(crate) fn id_part(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect()
}

pub(crate) fn scopes(scopes: &[Granted]) -> Markup {
    html! {
        ul class="scopes" {
            @for granted in scopes {
                li {
                    svg viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
                        path class="line" d="M5 12.5l4.5 4.5L19 7.5" {}
                    }
                    div {
                        span class="words" { (granted.words) }
                        // Words that had to fall back on the scope show it already.
                        @if !granted.words.contains(&format!("“{}”", granted.scope)) {
                            code { (granted.scope) }
                        }
                    }
                }
            }
        }
    }
}

/// Rows of a definition list; rows without a value are left out.
pub(crate) fn facts(rows: &[(&str, Markup)]) -> Markup {
    html! {
        dl class="facts" {
            @for (name, value) in rows {
                @if !value.0.is_empty() {
                    div { dt { (name) } dd { (value) } }
                }
            }
        }
    }
}

/// A value that a program compares byte for byte.
pub(crate) fn exact(value: &str) -> Markup {
    html! { @if !value.is_empty() { code { (value) } } }
}

pub(crate) fn time(moment: &Moment) -> Markup {
    html! {
        time datetime=(moment.rfc3339) title=(moment.rfc3339) { (moment.human) }
    }
}

/// The people one may play, with their passwords.
pub(crate) fn test_users(users: &[TestUser]) -> Markup {
    html! {
        @if !users.is_empty() {
            section class="people" aria-labelledby="test-users" {
                h2 id="test-users" { "Test users" }
                table {
                    thead { tr { th scope="col" { "User name" } th scope="col" { "Password" } } }
                    tbody {
                        @for user in users {
                            tr {
                                td { code { (user.username) } }
                                td { code { (user.password) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
