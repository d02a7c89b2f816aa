//! The attacker's own server: it answers everything, and remembers it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json, Router,
    extract::{Request, State},
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;

use crate::stage::Server;

/// What reached the attacker: path, query and body of each request.
#[derive(Clone, Default)]
pub(crate) struct Caught(Arc<Mutex<Vec<String>>>);

impl Caught {
    fn add(&self, text: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text);
    }

    /// The first value of a parameter that arrived, in a query or a body.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find_map(|text| {
            url::form_urlencoded::parse(text.as_bytes())
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.into_owned())
        })
    }
}

/// The attacker's server. `/authorize` passes the browser on to where the
/// attacker wants it.
pub(crate) struct Trap {
    pub(crate) caught: Caught,
    pub(crate) server: Server,
}

/// An authorization endpoint, and the parameters that are put in.
type Target = Arc<Mutex<Option<(String, Vec<(String, String)>)>>>;

#[derive(Clone)]
struct Plan {
    caught: Caught,
    /// For a hostile provider: the honest authorization endpoint, with what
    /// the attacker puts in.
    pass_on: Target,
}

/// Tells a trap where `/authorize` leads.
#[derive(Clone)]
pub(crate) struct PassOn(Target);

impl PassOn {
    pub(crate) fn to(&self, endpoint: &str, replace: Vec<(String, String)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((endpoint.to_owned(), replace));
    }
}

pub(crate) async fn set(host: &str) -> (Trap, PassOn) {
    let plan = Plan {
        caught: Caught::default(),
        pass_on: Arc::default(),
    };
    let caught = plan.caught.clone();
    let pass_on = PassOn(plan.pass_on.clone());
    let router = Router::new().fallback(answer).with_state(plan);
    let server = Server::start(host, |_| router).await;
    (Trap { caught, server }, pass_on)
}

async fn answer(State(plan): State<Plan>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or("").to_owned();
    let body = axum::body::to_bytes(body, 64 * 1024)
        .await
        .unwrap_or_default();
    plan.caught.add(query.clone());
    plan.caught.add(String::from_utf8_lossy(&body).into_owned());
    let pass_on = plan
        .pass_on
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    match (parts.uri.path(), pass_on) {
        ("/authorize", Some((endpoint, replace))) => {
            // The attacker's provider sends the victim on to the honest one,
            // with the client's own state and challenge.
            let mut to = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
                if !replace.iter().any(|(n, _)| *n == name) {
                    to.append_pair(&name, &value);
                }
            }
            to.extend_pairs(&replace);
            Redirect::to(&format!("{endpoint}?{}", to.finish())).into_response()
        }
        ("/token", _) => Json(json!({"access_token": "from-the-attacker", "token_type": "Bearer"}))
            .into_response(),
        ("/userinfo", _) => {
            Json(json!({"id": 1, "sub": "whoever", "name": "Whoever"})).into_response()
        }
        _ => "Thank you.".into_response(),
    }
}
