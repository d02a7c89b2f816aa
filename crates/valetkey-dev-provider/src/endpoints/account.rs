//! The account page: who has access, and taking it back.

use http::StatusCode;
use valetkey_pages::{
    Granted, Link, Notice, NoticeKind, ShownOnce, moment,
    provider::{
        AccountView, ClientView, GrantView, RegisteredView, SignInView, account as account_page,
        sign_in,
    },
};

use super::{
    authorize::session,
    pages::{form_page, hidden, test_users, verify_form},
};
use crate::{
    config::redirect_uri::verify_registrable,
    exchange::Exchange,
    reply::Reply,
    secret::{Mark, handle, short_handle},
    state::{Change, RegisteredClient, Session},
};

fn purpose(session: &Session) -> String {
    format!("account:{}", session.user)
}

/// Shows the account, or the sign-in page.
pub(super) fn account(exchange: &mut Exchange<'_>) -> Reply {
    match session(exchange) {
        Some(session) => {
            let mut view = view(exchange, &session);
            if exchange.request.query.value("did") == Some("revoke") {
                view.notice = Some(Notice::new(
                    NoticeKind::Success,
                    "The access was taken back. The app's tokens no longer work.",
                ));
            }
            show(exchange, StatusCode::OK, &view)
        }
        None => {
            let view = SignInView {
                hidden: hidden(exchange, "sign-in", ""),
                action: exchange.shared.urls.path("/sign-in"),
                test_users: test_users(exchange),
                ..SignInView::default()
            };
            form_page(exchange, StatusCode::OK, sign_in(&view), None)
        }
    }
}

fn show(exchange: &Exchange<'_>, status: StatusCode, view: &AccountView) -> Reply {
    form_page(exchange, status, account_page(view), None)
}

fn view(exchange: &mut Exchange<'_>, session: &Session) -> AccountView {
    exchange.record.user = Some(session.user.clone());
    let urls = &exchange.shared.urls;
    let now = exchange.now;
    let (grants, clients) = exchange.shared.store.read(|state| {
        let name = |id: &str| {
            state
                .clients
                .get(id)
                .map_or_else(|| id.to_owned(), |client| client.name.clone())
        };
        let grants: Vec<GrantView> = state
            .consents_of(&session.user)
            .map(|consent| GrantView {
                client_id: consent.client.clone(),
                client_name: name(&consent.client),
                scopes: consent.scopes.iter().map(Granted::of).collect(),
                since: Some(moment(now, consent.since)),
                hidden: Vec::new(),
            })
            .collect();
        let clients: Vec<ClientView> = state
            .clients
            .values()
            .map(|client| ClientView {
                client_id: client.id.clone(),
                name: client.name.clone(),
                confidential: client.secret.is_some(),
                redirect_uris: client.redirect_uris.listed().to_vec(),
            })
            .collect();
        (grants, clients)
    });
    let user = exchange
        .shared
        .config
        .user(&session.user)
        .and_then(|user| user.name.clone())
        .unwrap_or_else(|| session.user.clone());
    AccountView {
        user,
        grants,
        clients,
        revoke_action: urls.path("/account/revoke"),
        register_action: urls.path("/account/register"),
        sign_out_action: urls.path("/sign-out"),
        hidden: hidden(exchange, &purpose(session), ""),
        links: vec![Link::new("Addresses", urls.path("/"))],
        ..AccountView::default()
    }
}

/// The session behind a form of the account page.
fn verify_account_form(exchange: &mut Exchange<'_>) -> Result<Session, Box<Reply>> {
    let session = session(exchange);
    let purpose = session
        .as_ref()
        .map_or_else(|| "account:".to_owned(), purpose);
    verify_form(exchange, &purpose)?;
    session.ok_or_else(|| Box::new(Reply::see_other(&exchange.shared.urls.path("/account"))))
}

/// Takes a client's access back: consent, and all tokens at once.
pub(super) fn revoke(exchange: &mut Exchange<'_>) -> Reply {
    let session = match verify_account_form(exchange) {
        Ok(session) => session,
        Err(reply) => return *reply,
    };
    exchange.record.user = Some(session.user.clone());
    let client = exchange
        .request
        .form
        .value("client_id")
        .unwrap_or_default()
        .to_owned();
    let user = session.user.clone();
    let known = exchange.write(|step| {
        if step.consent(&user, &client).is_some() {
            step.make(Change::ConsentEnd {
                user: user.clone(),
                client: client.clone(),
            });
        }
        for grant in step.grants_of(&user, &client) {
            step.make(Change::GrantEnd(grant));
        }
        // Codes on their way as well.
        step.codes()
            .retain(|_, code| code.user != user || code.client != client);
        step.clients.contains_key(&client)
    });
    exchange.record.client = known.then_some(client);
    let account = exchange.shared.urls.path("/account");
    Reply::see_other(&format!("{account}?did=revoke"))
}

/// Ends the session of this browser. Tokens of clients stay.
pub(super) fn sign_out(exchange: &mut Exchange<'_>) -> Reply {
    let session = match verify_account_form(exchange) {
        Ok(session) => session,
        Err(reply) => return *reply,
    };
    exchange.record.user = Some(session.user.clone());
    exchange.write(|step| step.make(Change::SessionEnd(session.key)));
    Reply::see_other(&exchange.shared.urls.path("/account"))
        .header("set-cookie", exchange.shared.cookies.end_session())
}

/// Registers a confidential client; its secret is shown this once.
pub(super) fn register(exchange: &mut Exchange<'_>) -> Reply {
    let session = match verify_account_form(exchange) {
        Ok(session) => session,
        Err(reply) => return *reply,
    };
    let form = &exchange.request.form;
    let name: String = form
        .value("client_name")
        .unwrap_or_default()
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(100)
        .collect();
    let uri = form.value("redirect_uri").unwrap_or_default().trim();
    let error = if name.is_empty() {
        Some("Give the app a name.".to_owned())
    } else {
        verify_registrable(uri)
            .err()
            .map(|why| format!("This cannot be a redirect URI: {why}."))
    };
    if let Some(error) = error {
        let mut view = view(exchange, &session);
        view.register_error = Some(error);
        view.register_name = name;
        view.register_redirect_uri = uri.to_owned();
        return show(exchange, StatusCode::BAD_REQUEST, &view).because("invalid_redirect_uri");
    }
    let (id, secret) = (format!("app-{}", short_handle()), handle());
    exchange.record.client = Some(id.clone());
    exchange.issued("client_secret", &secret);
    exchange.write(|step| {
        step.make(Change::Client(RegisteredClient {
            id: id.clone(),
            name: name.clone(),
            secret: Mark::of("secret", &secret),
            redirect_uris: vec![uri.to_owned()],
        }));
    });
    let mut view = view(exchange, &session);
    view.registered = Some(RegisteredView {
        name,
        client_id: id,
        client_secret: Some(ShownOnce(secret)),
    });
    show(exchange, StatusCode::OK, &view)
}
