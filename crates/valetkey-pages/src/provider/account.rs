//! The account page: who has access, and the applications that are registered.

use maud::{Markup, html};

use super::page;
use crate::{
    href::safe_href,
    layout::{Width, button_form, exact, facts, hidden, notice, scopes, time},
    moment::Moment,
    view::{FormView, Granted, Hidden, Link, Notice, ShownOnce},
};

/// The account of the person who is signed in at the provider.
#[derive(Clone, Debug, Default)]
pub struct AccountView {
    /// Who is signed in.
    pub user: String,
    /// What was just done.
    pub notice: Option<Notice>,
    /// An application that was registered by the request before this page:
    /// the only time that its secret is shown.
    pub registered: Option<RegisteredView>,
    /// The applications that have access.
    pub grants: Vec<GrantView>,
    /// Where a grant's form is posted.
    pub revoke_action: String,
    /// The applications that are registered.
    pub clients: Vec<ClientView>,
    /// Where `form[name=register]` is posted.
    pub register_action: String,
    /// Why the last registration was refused.
    pub register_error: Option<String>,
    /// What was typed as name in a registration that was refused.
    pub register_name: String,
    /// What was typed as redirect URI in a registration that was refused.
    pub register_redirect_uri: String,
    /// Where `form[name=sign-out]` is posted.
    pub sign_out_action: String,
    /// Hidden inputs of every form of the page, such as its token.
    pub hidden: Vec<Hidden>,
    /// Further pages, in the header.
    pub links: Vec<Link>,
}

/// The access that one application has.
#[derive(Clone, Debug, Default)]
pub struct GrantView {
    /// Its client id.
    pub client_id: String,
    /// Its name.
    pub client_name: String,
    /// What it may do.
    pub scopes: Vec<Granted>,
    /// Since when.
    pub since: Option<Moment>,
    /// Hidden inputs of this grant's form, after those of the page.
    pub hidden: Vec<Hidden>,
}

/// A registered application.
#[derive(Clone, Debug, Default)]
pub struct ClientView {
    /// Its client id.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// Whether it has a secret.
    pub confidential: bool,
    /// Its redirect URIs; none means any on loopback.
    pub redirect_uris: Vec<String>,
}

/// What to paste into the settings of a new application.
#[derive(Clone, Debug, Default)]
pub struct RegisteredView {
    /// Its name.
    pub name: String,
    /// `CLIENT_ID`.
    pub client_id: String,
    /// `CLIENT_SECRET`; `None` for a public client.
    pub client_secret: Option<ShownOnce>,
}

/// The account page: `form[name=revoke]` for each application with access,
/// `form[name=register]` with `client_name` and `redirect_uri`, and
/// `form[name=sign-out]`.
#[must_use]
pub fn account(view: &AccountView) -> String {
    let content = html! {
        (notice(view.notice.as_ref()))
        div class="hello" {
            h1 { "Your account" }
            div class="signed-in" {
                p class="lead" { "Signed in as " strong { (view.user) } }
                (button_form(
                    &FormView {
                        name: "sign-out".into(),
                        action: view.sign_out_action.clone(),
                        label: "Sign out".into(),
                        hidden: view.hidden.clone(),
                        ..FormView::default()
                    },
                    "button",
                ))
            }
        }
        (registered(view.registered.as_ref()))
        div class="columns" {
            (grants(view))
            (clients(view))
        }
    };
    page("Your account", Width::Wide, true, &view.links).render(&content)
}

fn grants(view: &AccountView) -> Markup {
    html! {
        section class="card" aria-labelledby="grants" {
            h2 id="grants" { "Apps with access" }
            @if view.grants.is_empty() {
                p class="empty" { "No app has access to your account." }
            }
            ul class="entries" {
                @for grant in &view.grants { (grant_entry(view, grant)) }
            }
        }
    }
}

fn grant_entry(view: &AccountView, grant: &GrantView) -> Markup {
    let mut inputs = view.hidden.clone();
    inputs.extend(grant.hidden.iter().cloned());
    inputs.retain(|input| input.name != "client_id");
    inputs.push(Hidden::new("client_id", &grant.client_id));
    let action = safe_href(&view.revoke_action);
    html! {
        li {
            h3 { (grant.client_name) }
            @if let Some(since) = &grant.since {
                p class="small" { "Access given " (time(since)) }
            }
            (scopes(&grant.scopes))
            form name="revoke" method="post" action=[action] {
                (hidden(&inputs))
                button class="button danger" type="submit" disabled[action.is_none()]
                    aria-label={ "Revoke access of " (grant.client_name) } { "Revoke" }
            }
        }
    }
}

fn clients(view: &AccountView) -> Markup {
    html! {
        section class="card" aria-labelledby="clients" {
            h2 id="clients" { "Registered apps" }
            ul class="entries" {
                @for client in &view.clients {
                    li {
                        h3 { (client.name) }
                        (facts(&[
                            ("Client id", exact(&client.client_id)),
                            ("Kind", html! {
                                @if client.confidential { "confidential, has a secret" }
                                @else { "public, has no secret" }
                            }),
                            ("Returns to", redirect_uris(&client.redirect_uris)),
                        ]))
                    }
                }
            }
            (register(view))
        }
    }
}

fn redirect_uris(uris: &[String]) -> Markup {
    html! {
        @if uris.is_empty() { "any port and path on this machine" }
        @for uri in uris { code { (uri) } " " }
    }
}

fn register(view: &AccountView) -> Markup {
    let action = safe_href(&view.register_action);
    let described = if view.register_error.is_some() {
        "register-error redirect-hint"
    } else {
        "redirect-hint"
    };
    let invalid = view.register_error.is_some().then_some("true");
    html! {
        h3 id="register" { "Register an app" }
        @if let Some(error) = &view.register_error {
            div class="notice error" role="alert" id="register-error" { p { (error) } }
        }
        form name="register" method="post" action=[action] aria-labelledby="register" {
            (hidden(&view.hidden))
            div class="field" {
                label for="client_name" { "Name of the app" }
                input id="client_name" name="client_name" type="text" autocomplete="off"
                    value=(view.register_name) required maxlength="100";
            }
            div class="field" {
                label for="redirect_uri" { "Redirect URI" }
                input id="redirect_uri" name="redirect_uri" type="url" autocomplete="off"
                    inputmode="url" spellcheck="false" value=(view.register_redirect_uri) required
                    aria-invalid=[invalid] aria-describedby=(described);
                p class="hint" id="redirect-hint" {
                    "The exact address of the app's callback, such as "
                    code { "http://localhost:5000/callback" } ". It is compared byte for byte."
                }
            }
            button class="button primary" type="submit" disabled[action.is_none()] { "Register" }
        }
    }
}

fn registered(view: Option<&RegisteredView>) -> Markup {
    html! {
        @if let Some(app) = view {
            section class="card registered" aria-labelledby="registered" role="status" {
                h2 id="registered" { (app.name) " is registered" }
                p { "Paste these into its settings. The secret is not shown again." }
                dl class="facts" {
                    div { dt { "CLIENT_ID" } dd { code { (app.client_id) } } }
                    @match &app.client_secret {
                        Some(secret) => div { dt { "CLIENT_SECRET" } dd { code { (secret.0) } } },
                        None => div { dt { "CLIENT_SECRET" } dd { "none: a public client" } },
                    }
                }
            }
        }
    }
}
