//! The development view: `/how`, `/how.svg`, `/how.mmd`.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Extension, Router,
    extract::{ConnectInfo, Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use valetkey::{events::Event, proto::transport::is_loopback};
use valetkey_pages::{
    Link,
    how::{self, Choice, HowView, Outcome},
};

use super::{Flow, Names, Seen, browser, flows};
use crate::{
    layer::Context,
    origin::is_misdirected,
    respond::html_page,
    sign_in::{Shared, SignIn},
};

/// The last events kept.
const MAX_EVENTS: usize = 5_000;
/// Sign-ins to choose from.
const MAX_CHOICES: usize = 20;
/// The page follows a sign-in for so long after its last event.
const LIVE_SECONDS: u64 = 300;
/// How often it looks, in seconds.
const RELOAD: &str = "2";

pub(crate) type Witness = Arc<dyn Fn() -> Vec<Seen> + Send + Sync>;

/// The view of an application that has one.
#[derive(Clone)]
pub(crate) struct View {
    path: String,
    events: Arc<Mutex<VecDeque<Event>>>,
    witness: Option<Witness>,
}

impl SignIn {
    /// Shows sign-ins as a sequence diagram, with every parameter and check,
    /// on `path`, on `{path}.svg` and, as Mermaid text, on `{path}.mmd`. For
    /// development, and off unless this is called.
    ///
    /// It answers on this machine only: 404 (and a warning in the log) if the
    /// base URL or the peer is not loopback, if the request came through a
    /// proxy, under another host, or from a server that does not tell the
    /// peer's address. [`serve`](Self::serve) and [`serve_on`](crate::serve_on)
    /// do; with a server of your own, use axum's
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    ///
    /// No secret is on it: it is made of the client's
    /// [events](valetkey::events).
    ///
    /// ```
    /// # use valetkey::{Client, presets};
    /// # use valetkey_axum::SignIn;
    /// # let client = Client::builder("http://localhost:5000")
    /// #     .provider(presets::provider("github").unwrap(), "id", Some("secret"));
    /// let mut sign_in = SignIn::new(client);
    /// if cfg!(debug_assertions) {
    ///     sign_in = sign_in.dev_flow_view("/how");
    /// }
    /// # drop(sign_in);
    /// ```
    #[must_use]
    pub fn dev_flow_view(self, path: &str) -> Self {
        let events = Arc::new(Mutex::new(VecDeque::new()));
        let heard = Arc::clone(&events);
        let view = View {
            path: path.trim_end_matches('/').to_owned(),
            events,
            witness: None,
        };
        self.configure(move |client| {
            client.on_event(move |event| {
                let mut events = heard.lock().unwrap_or_else(PoisonError::into_inner);
                if events.len() == MAX_EVENTS {
                    events.pop_front();
                }
                events.push_back(event.clone());
            })
        })
        .change(|s| s.look.dev_flow_view = Some(view))
    }

    /// Adds the provider's record to [`dev_flow_view`](Self::dev_flow_view),
    /// where there is one in this process: `witness` is asked for all of it
    /// whenever the view is opened. Call it after that.
    #[must_use]
    pub fn dev_flow_witness(self, witness: impl Fn() -> Vec<Seen> + Send + Sync + 'static) -> Self {
        self.change(|s| {
            if let Some(view) = &mut s.look.dev_flow_view {
                view.witness = Some(Arc::new(witness));
            }
        })
    }
}

/// The link to the view, for the pages of an application that has one.
pub(crate) fn link(shared: &Shared, label: &str) -> Option<Link> {
    let view = shared.look.dev_flow_view.as_ref()?;
    is_loopback(shared.client.base_url())
        .then(|| Link::new(label, shared.look.paths.full(&view.path)))
}

pub(crate) fn routes<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    view: &View,
) -> Router<S> {
    router
        .route(&view.path, get(page))
        .route(&format!("{}.svg", view.path), get(svg))
        .route(&format!("{}.mmd", view.path), get(mermaid))
}

/// Remembers in the browser which sign-ins are its own.
pub(crate) async fn remember(
    State(shared): State<Arc<Shared>>,
    context: Option<Extension<Context>>,
    request: Request,
    next: Next,
) -> Response {
    let came_back = request
        .uri()
        .path()
        .starts_with(&shared.look.paths.callback)
        .then(|| parameter(request.uri().query().unwrap_or_default(), "state"))
        .flatten();
    let mut response = next.run(request).await;
    let went_out = || {
        let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
        let (_, query) = location.split_once('?')?;
        parameter(query, "client_id")?;
        parameter(query, "state")
    };
    let base = shared.client.base_url();
    if let (Some(state), Some(Extension(context))) = (came_back.or_else(went_out), context)
        && is_loopback(base)
        && let Some(cookie) = browser::remember(&context.cookies, base, &state)
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn parameter(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(n, _)| n == name)
        .map(|(_, value)| value.into_owned())
        .filter(|value| !value.is_empty())
}

async fn page(Extension(context): Extension<Context>, request: Parts) -> Response {
    let view = match allowed(&context, &request) {
        Ok(view) => view,
        Err(Refusal) => return not_found(),
    };
    let shared = &context.shared;
    let names = names(shared);
    let flows = recorded(view, &names);
    let chosen = chosen(&context, &request, &flows);
    let path = shared.look.paths.full(&view.path);
    let live = chosen.filter(|f| {
        f.view.outcome == Outcome::Pending && names.now.saturating_sub(f.at) < LIVE_SECONDS
    });
    let paused = asked(&request, "live").is_some_and(|v| v == "off");
    let page = how::page(&HowView {
        app_name: shared.look.app_name.clone(),
        flow: chosen.map(|f| f.view.clone()),
        login_href: shared.look.paths.login_link(None, &path),
        choices: flows
            .iter()
            .take(MAX_CHOICES)
            .map(|f| choice(f, chosen, &path, names.now))
            .collect(),
        exports: chosen.map_or_else(Vec::new, |f| {
            vec![
                Link::new("SVG", format!("{path}.svg?sign-in={}", f.id)),
                Link::new("Mermaid text", format!("{path}.mmd?sign-in={}", f.id)),
            ]
        }),
        live: live.filter(|_| !paused).map(|f| {
            Link::new(
                "Stop following",
                format!("{path}?sign-in={}&live=off", f.id),
            )
        }),
        links: vec![Link::new("Back to the app", "/")],
    });
    let mut response = html_page(page);
    if live.is_some() && !paused {
        response.headers_mut().insert(
            HeaderName::from_static("refresh"),
            HeaderValue::from_static(RELOAD),
        );
    }
    response
}

fn choice(flow: &Flow, chosen: Option<&Flow>, path: &str, now: u64) -> Choice {
    let when = valetkey_pages::moment(now, flow.at).human;
    let code = flow
        .code
        .as_ref()
        .map(|c| format!(": {c}"))
        .unwrap_or_default();
    Choice {
        label: format!("{when}{code}"),
        href: format!("{path}?sign-in={}", flow.id),
        current: chosen.is_some_and(|c| c.id == flow.id),
        outcome: flow.view.outcome,
    }
}

async fn svg(Extension(context): Extension<Context>, request: Parts) -> Response {
    file(&context, &request, |flow| {
        with_headers(how::svg(&flow.view), how::svg_headers())
    })
}

async fn mermaid(Extension(context): Extension<Context>, request: Parts) -> Response {
    file(&context, &request, |flow| {
        let headers = vec![
            ("content-type", "text/plain; charset=utf-8".to_owned()),
            ("cache-control", "no-store".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
            ("cross-origin-resource-policy", "same-origin".to_owned()),
        ];
        with_headers(how::mermaid(&flow.view), headers)
    })
}

fn file(context: &Context, request: &Parts, write: impl Fn(&Flow) -> Response) -> Response {
    let view = match allowed(context, request) {
        Ok(view) => view,
        Err(Refusal) => return not_found(),
    };
    let flows = recorded(view, &names(&context.shared));
    match chosen(context, request, &flows) {
        Some(flow) => write(flow),
        None => not_found(),
    }
}

fn with_headers(body: String, headers: Vec<(&'static str, String)>) -> Response {
    let mut response = body.into_response();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn recorded(view: &View, names: &Names) -> Vec<Flow> {
    let events: Vec<Event> = {
        let kept = view.events.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    };
    let seen = view.witness.as_ref().map(|witness| witness());
    flows(&events, seen.as_deref(), names)
}

/// The one that is asked for, else this browser's last one, else the last.
fn chosen<'a>(context: &Context, request: &Parts, flows: &'a [Flow]) -> Option<&'a Flow> {
    if let Some(id) = asked(request, "sign-in") {
        return flows.iter().find(|f| id.parse() == Ok(f.id));
    }
    let base = context.shared.client.base_url();
    let own = |f: &&Flow| browser::is_own(&context.cookies, base, &f.logins);
    flows.iter().find(own).or(flows.first())
}

fn asked(request: &Parts, name: &str) -> Option<String> {
    parameter(request.uri.query()?, name)
}

fn names(shared: &Shared) -> Names {
    let paths = &shared.look.paths;
    Names {
        app: shared.look.app_name.clone(),
        app_url: shared.client.base_url().origin().ascii_serialization(),
        login_path: paths.full(&paths.login),
        callback_path: paths.full(&paths.callback),
        providers: shared
            .client
            .providers()
            .map(|p| (p.name().to_owned(), p.shown_name().to_owned()))
            .collect(),
        now: shared.client.now(),
    }
}

/// Whoever asks is not told why; the log is.
struct Refusal;

/// Nobody but the developer at this machine: fails closed.
fn allowed<'a>(context: &'a Context, request: &Parts) -> Result<&'a View, Refusal> {
    let shared = &context.shared;
    let Some(view) = &shared.look.dev_flow_view else {
        return Err(Refusal);
    };
    let base = shared.client.base_url();
    let peer = request
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip().to_canonical());
    let proxied = ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| request.headers.contains_key(*name));
    let reason = if !is_loopback(base) {
        "the base URL is not loopback"
    } else if !peer.is_some_and(|ip| ip.is_loopback()) {
        "the peer's address is not loopback, or not known"
    } else if proxied {
        "the request came through a proxy"
    } else if is_misdirected(base, &request.uri, &request.headers) {
        "the request was sent under another host"
    } else {
        return Ok(view);
    };
    tracing::warn!(reason, peer = ?peer, "the development view refused to serve");
    Err(Refusal)
}

fn not_found() -> Response {
    StatusCode::NOT_FOUND.into_response()
}
