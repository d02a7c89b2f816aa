//! The pages of a signed-in user.

use axum::response::{IntoResponse, Response};
use valetkey::Session;
use valetkey_pages::{FormView, Granted, Link, Notice, NoticeKind, app, moment};

use crate::{layer::Context, respond::html_page};

/// A page of the library, to be returned from a handler.
#[derive(Clone)]
#[must_use = "a page does nothing until it is returned"]
pub struct Page(Kind);

#[derive(Clone)]
enum Kind {
    Greeting(Box<app::Greeting>),
    Account(Box<app::HomeView>),
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Page")
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        html_page(match self.0 {
            Kind::Greeting(view) => app::greeting(&view),
            Kind::Account(view) => app::home(&view),
        })
    }
}

impl Page {
    /// Adds a link.
    pub fn link(mut self, label: &str, href: &str) -> Self {
        let links = match &mut self.0 {
            Kind::Greeting(view) => &mut view.links,
            Kind::Account(view) => &mut view.links,
        };
        links.push(Link::new(label, href));
        self
    }

    /// Says what an action did, as `?did=…` of the redirect after it tells.
    /// Other words are ignored.
    pub fn did(mut self, action: Option<&str>) -> Self {
        let notice = match action {
            Some("refresh") => Some(Notice::new(NoticeKind::Success, "The access was renewed.")),
            Some("revoke") => Some(Notice::new(
                NoticeKind::Success,
                "The access was given back: the provider was told to revoke it, and the tokens were deleted here. You are still signed in.",
            )),
            Some("revoke-here") => Some(Notice::new(
                NoticeKind::Warning,
                "The tokens were deleted here. The provider did not confirm that it revoked them.",
            )),
            _ => return self,
        };
        match &mut self.0 {
            Kind::Greeting(view) => view.notice = notice,
            Kind::Account(view) => view.notice = notice,
        }
        self
    }
}

pub(crate) fn greeting(context: &Context, session: &Session, heading: String) -> Page {
    let look = &context.shared.look;
    Page(Kind::Greeting(Box::new(app::Greeting {
        app_name: look.app_name.clone(),
        heading,
        text: format!(
            "You are signed in with {}.",
            provider_name(context, session)
        ),
        forms: forms(context, session),
        ..Default::default()
    })))
}

pub(crate) fn account(
    context: &Context,
    session: &Session,
    result: Option<app::ResultView>,
) -> Page {
    let look = &context.shared.look;
    let now = context.shared.client.now();
    Page(Kind::Account(Box::new(app::HomeView {
        app_name: look.app_name.clone(),
        greeting_name: session.name().to_owned(),
        provider: provider_name(context, session),
        issuer: session.issuer().to_owned(),
        subject: session.subject().to_owned(),
        email: session.email().map(str::to_owned),
        email_verified: session.email_verified(),
        scopes: session.scopes().iter().map(Granted::of).collect(),
        expires_at: session.access_expires_at().map(|at| moment(now, at)),
        refreshable: session.is_refreshable(),
        has_tokens: session.has_tokens(),
        result,
        forms: forms(context, session),
        ..Default::default()
    })))
}

pub(crate) fn provider_name(context: &Context, session: &Session) -> String {
    context
        .shared
        .client
        .providers()
        .find(|p| p.name() == session.provider())
        .map_or_else(
            || session.provider().to_owned(),
            |p| p.shown_name().to_owned(),
        )
}

/// The four buttons.
fn forms(context: &Context, session: &Session) -> Vec<FormView> {
    let paths = &context.shared.look.paths;
    let mut forms = Vec::new();
    if let Some(account) = &paths.account {
        let gone = (!session.has_tokens()).then(|| "There is no access any more.".to_owned());
        let action = |name: &str| paths.full(&format!("{account}/{name}"));
        forms.push(FormView {
            name: "call-api".into(),
            action: action("call-api"),
            label: "Call the API".into(),
            explains: "Reads your data with the access token; it renews itself if it has expired."
                .into(),
            disabled_reason: gone.clone(),
            ..Default::default()
        });
        forms.push(FormView {
            name: "refresh".into(),
            action: action("refresh"),
            label: "Refresh".into(),
            explains: "Gets a new access token without asking you.".into(),
            disabled_reason: gone.clone().or_else(|| {
                (!session.is_refreshable())
                    .then(|| "The provider gave no refresh token.".to_owned())
            }),
            ..Default::default()
        });
        forms.push(FormView {
            name: "revoke".into(),
            action: action("revoke"),
            label: "Revoke".into(),
            explains: "Gives the access back. You stay signed in.".into(),
            disabled_reason: gone,
            ..Default::default()
        });
    }
    forms.push(sign_out_form(context));
    forms
}

pub(crate) fn sign_out_form(context: &Context) -> FormView {
    let paths = &context.shared.look.paths;
    FormView {
        name: "sign-out".into(),
        action: paths.full(&paths.logout),
        label: "Sign out".into(),
        explains: "Ends your session here and revokes the access.".into(),
        ..Default::default()
    }
}
