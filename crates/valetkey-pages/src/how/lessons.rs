//! What the diagram teaches.

use maud::{Markup, html};

use super::{FlowView, Kind};

/// A link to an arrow of the sign-in that is shown, or just the words.
fn arrow(flow: Option<&FlowView>, kind: Kind, words: &str) -> Markup {
    match flow.and_then(|f| f.arrow(kind)) {
        Some(arrow) => html! {
            a href=(format!("#arrow-{}", arrow.number)) { "arrow " (arrow.number) }
        },
        None => html! { (words) },
    }
}

/// Why redirect, what the code is for, why a token.
pub(super) fn moments(flow: Option<&FlowView>) -> Markup {
    html! {
        section class="card" aria-labelledby="moments" {
            h2 id="moments" { "The three key moments" }
            div class="how-three" {
                div {
                    h3 { "Why redirect at all?" }
                    p {
                        "So that the password is typed where it belongs. In "
                        (arrow(flow, Kind::Redirect, "the redirect"))
                        " the client sends the browser away; what happens at the authorization \
                         server, the client does not see. It also takes a "
                        code { "state" }
                        " along: a secret of this browser’s sign-in that must come back."
                    }
                }
                div {
                    h3 { "What is the code for?" }
                    p {
                        "The way back leads through the browser, where addresses end up in \
                         histories and logs. So no token travels there, only a code. It works once, for a \
                         minute, and only together with the client’s secret and the "
                        code { "code_verifier" } ", which never were in the browser: see "
                        (arrow(flow, Kind::Exchange, "the exchange")) ". Without a code there is no token."
                    }
                }
                div {
                    h3 { "Why a token?" }
                    p {
                        "It is the valet key: it starts the car, but does not open the glove box. It opens \
                         what you allowed, expires by itself, and can be taken back without \
                         changing the password. In "
                        (arrow(flow, Kind::ReadUser, "the call")) " the client shows it to the resource server."
                    }
                }
            }
        }
    }
}

/// OAuth and OpenID Connect.
pub(super) fn openid() -> Markup {
    html! {
        section class="card" aria-labelledby="openid" {
            h2 id="openid" { "OAuth or OpenID Connect?" }
            div class="how-two" {
                div {
                    h3 { "OAuth: what may this app do?" }
                    p {
                        "The " strong { "access token" } " is for the resource server. It says what its bearer may \
                         do, not who is sitting at the browser. Whoever holds it can use it."
                    }
                }
                div {
                    h3 { "OpenID Connect: who is this?" }
                    p {
                        "The " strong { "ID token" } " is for the client. The authorization server signs in it who \
                         signed in (" code { "sub" } "), for which client (" code { "aud" } "), and for \
                         which sign-in (" code { "nonce" } ")."
                    }
                }
            }
            p {
                strong { "Why an access token is no proof of identity: " }
                "an access token that you gave to a game opens your profile for whoever holds it. If \
                 another app took it as “this is you”, the maker of the game could sign in there as you. The ID token \
                 names the client that it was made for, so it is worth nothing to another one."
            }
        }
    }
}

/// For people who do not write programs.
pub(super) fn lay() -> Markup {
    html! {
        section class="card how-lay" aria-labelledby="lay" {
            h2 id="lay" { "Why this is safer than giving away your password" }
            p {
                "Imagine a hotel that parks your car. You could hand over your whole bunch of keys: car, \
                 house, office. Or you hand over a valet key, which only drives the car, only today."
            }
            ul class="how-points" {
                li { strong { "Your password stays with you. " } "You type it on the provider’s own page. The app gets a valet key." }
                li { strong { "It opens little. " } "Your photos perhaps, but not your mail: you saw the list before you agreed." }
                li { strong { "It wears out. " } "After an hour or so the key stops working." }
                li { strong { "You can take it back. " } "One click at the provider, for this one app. Your password stays as it is, and no other app notices." }
                li { strong { "If the app is robbed, " } "the thief finds a few keys that can be blocked. Not the password that you perhaps use elsewhere too." }
            }
        }
    }
}

/// Three questions that the tables answer.
pub(super) fn questions(flow: Option<&FlowView>) -> Markup {
    html! {
        section class="card how-questions" aria-labelledby="questions" {
            h2 id="questions" { "Three questions" }
            p class="small" { "Look at the diagram and the tables first; then open the answer." }
            ol {
                li {
                    p { "Somebody reads the address of the callback over your shoulder and copies the " code { "code" } ". Can they get a token with it?" }
                    details {
                        summary { "The answer" }
                        p {
                            "No. Compare what came in " (arrow(flow, Kind::Callback, "the callback"))
                            " with what was sent in " (arrow(flow, Kind::Exchange, "the exchange"))
                            ": the exchange also has the " code { "code_verifier" }
                            " and the client’s own credentials, which were never in the browser. And in the table of variables \
                             the code is “used up” at the end: a second time it is refused."
                        }
                    }
                }
                li {
                    p { "In which arrows does the same " code { "state" } " appear, and what if it came back different?" }
                    details {
                        summary { "The answer" }
                        p {
                            "It goes out in " (arrow(flow, Kind::Redirect, "the redirect"))
                            ", is carried to the authorization server in " (arrow(flow, Kind::Authorize, "the request"))
                            ", and comes back in " (arrow(flow, Kind::Callback, "the callback"))
                            ", where the client compares it. If it differed, the answer would not belong to a sign-in that this browser \
                             started: somebody might be trying to sign you in to " em { "their" }
                            " account. The client stops before it sends the code anywhere, so the sign-in breaks there."
                        }
                    }
                }
                li {
                    p { "Who ever held the access token? Was the browser among them?" }
                    details {
                        summary { "The answer" }
                        p {
                            "The authorization server made it, the client received it in "
                            (arrow(flow, Kind::Tokens, "the answer to the exchange"))
                            ", and the resource server saw it in " (arrow(flow, Kind::ReadUser, "the call"))
                            ". No arrow to or from the browser has it: the browser only gets the client’s session cookie in "
                            (arrow(flow, Kind::Greeting, "the last arrow"))
                            ". What is not in the browser cannot be stolen from it."
                        }
                    }
                }
            }
        }
    }
}

const GLOSSARY: [(&str, &str); 16] = [
    (
        "Resource owner",
        "The person whom the data belongs to: you, at your browser (the user agent).",
    ),
    (
        "Client",
        "The app that wants to use the data, or to know who you are.",
    ),
    (
        "Authorization server",
        "Where you have an account: it checks the password, asks for your consent, and issues codes and tokens. OpenID Connect calls it the OpenID provider, and the client the relying party.",
    ),
    (
        "Resource server",
        "Where the data is. It opens to whoever shows a good access token.",
    ),
    (
        "Redirect URI",
        "The client’s address to which the browser is sent back. It must be registered exactly, or codes could be sent to a thief.",
    ),
    (
        "Scope",
        "What the client asks for, such as read:photos. You see it before you agree.",
    ),
    ("Consent", "Your yes to these scopes for this client."),
    (
        "state",
        "A random value that ties the answer to the browser that started the sign-in (RFC 6749 10.12).",
    ),
    (
        "nonce",
        "A random value that ties the ID token to this sign-in (OpenID Connect Core 3.1.2.1).",
    ),
    (
        "PKCE",
        "The client keeps a random code_verifier and sends only its hash, the code_challenge. Whoever shows the code must know the verifier (RFC 7636).",
    ),
    (
        "Authorization code",
        "A receipt that can be exchanged for tokens: once, soon, by this client only.",
    ),
    (
        "Access token",
        "The valet key for the resource server. Whoever bears it may use it.",
    ),
    (
        "Refresh token",
        "Gets new access tokens without asking you again. It stays on the client’s server.",
    ),
    (
        "ID token",
        "A signed statement for the client: who signed in, where, and for which client.",
    ),
    (
        "Issuer (iss) and subject (sub)",
        "Who vouches, and for whom. Together they are the identity; an e-mail address is not.",
    ),
    (
        "Revocation",
        "Taking a token back before it expires (RFC 7009).",
    ),
];

pub(super) fn glossary() -> Markup {
    html! {
        section class="card" aria-labelledby="glossary" {
            h2 id="glossary" { "Glossary" }
            dl class="how-glossary" {
                @for (word, meaning) in GLOSSARY { div { dt { (word) } dd { (meaning) } } }
            }
        }
    }
}
