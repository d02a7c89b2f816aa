//! Apps of several files: where each verdict stands.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use valetkey_audit::{Options, Verdict, audit};

fn tree(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&root);
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn verdict(root: &Path, path: &str, check: &str) -> Option<Verdict> {
    let report = audit(root, &Options::default(), &mut |_, _| {}).unwrap();
    let found = report
        .results
        .iter()
        .find(|r| r.path == path && r.check == check);
    found.map(|r| r.verdict)
}

const EXCHANGE: &str = r#"
import os
import requests

def exchange(code):
    answer = requests.post("https://op.example.test/token", timeout=5, data={
        "grant_type": "authorization_code", "code": code, "client_id": os.environ["ID"],
        "client_secret": os.environ["CLIENT_SECRET"]})
    return answer.json()["access_token"]
"#;

const CALLBACK: &str = r#"
from flask import abort, redirect, request  # the end of the oauth login
from shop.login.provider import exchange

def setup(app):
    @app.route("/done")
    def done():
        code = request.args.get("code")
        if not code:
            abort(400)
        exchange(code)
        return redirect("/")
"#;

#[test]
fn an_answer_that_nobody_looks_at_fails_where_it_is_read() {
    let files = [("provider.py", EXCHANGE), ("views.py", CALLBACK)];
    let root = tree("across-answer", &files);
    let errors = |path| verdict(&root, path, "error-handled");
    assert_eq!(errors("provider.py"), Some(Verdict::Fail));
    assert_eq!(errors("views.py"), Some(Verdict::Pass));
    // The import's name begins above the folder that is read.
    assert_eq!(
        verdict(&root, "views.py", "state-verified"),
        Some(Verdict::Fail)
    );
}

#[test]
fn the_file_that_sets_the_app_up_takes_part_where_it_fails() {
    let app = r#"
from flask import Flask
import views  # oauth

app = Flask(__name__)
app.config["DEBUG"] = True
views.setup(app)
"#;
    let other = "from flask import Flask\napp = Flask('oauth')\napp.run(debug=True)\n";
    let files = [
        ("provider.py", EXCHANGE),
        ("views.py", CALLBACK),
        ("main.py", app),
        ("elsewhere.py", other),
    ];
    let root = tree("across-debug", &files);
    let debug = |path| verdict(&root, path, "debug-off");
    assert_eq!(debug("main.py"), Some(Verdict::Fail));
    assert_eq!(debug("elsewhere.py"), None);
}

const HANDLERS: &str = r#"
pub mod hub;
use axum::{extract::{Query, State}, response::Redirect, http::StatusCode};
use axum_extra::extract::{PrivateCookieJar, cookie::Cookie};
use hub::Hub;

pub async fn login(State(hub): State<Hub>, jar: PrivateCookieJar) -> (PrivateCookieJar, Redirect) {
    let (url, csrf) = hub.begin();
    (jar.add(Cookie::new("csrf", csrf)), Redirect::to(&url))
}
#[derive(serde::Deserialize)]
pub struct Answer { code: String, state: String }
pub async fn callback(
    State(hub): State<Hub>, jar: PrivateCookieJar, Query(answer): Query<Answer>,
) -> Result<Redirect, StatusCode> {
    let kept = jar.get("csrf").ok_or(StatusCode::BAD_REQUEST)?;
    if kept.value() != answer.state { tracing::warn!("not the same"); }
    hub.end(answer.code).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(Redirect::to("/"))
}
"#;

const HUB: &str = r#"
use oauth2::{basic::BasicClient, AuthorizationCode, CsrfToken, Scope};

#[derive(Clone)]
pub struct Hub { client: BasicClient }

impl Hub {
    pub fn begin(&self) -> (String, String) {
        let (url, state) = self.client.authorize_url(CsrfToken::new_random)
            .add_scope(Scope::new("profile".into())).url();
        (url.to_string(), state.secret().clone())
    }
    pub async fn end(&self, code: String) -> anyhow::Result<()> {
        let tokens = self.client.exchange_code(AuthorizationCode::new(code))
            .request_async(crate::http::send).await?;
        crate::keep(tokens)
    }
}
"#;

#[test]
fn handlers_that_name_no_protocol_are_read_with_the_parts_of_their_module() {
    let handlers = "src/hubs/mod.rs";
    let files = [(handlers, HANDLERS), ("src/hubs/hub.rs", HUB)];
    let open = tree("rust-handlers", &files);
    let check = "state-verified";
    assert_eq!(verdict(&open, handlers, check), Some(Verdict::Fail));

    let refuses = HANDLERS.replace(
        "tracing::warn!(\"not the same\");",
        "return Err(StatusCode::FORBIDDEN);",
    );
    let files = [(handlers, refuses.as_str()), ("src/hubs/hub.rs", HUB)];
    let closed = tree("rust-handlers-closed", &files);
    assert_eq!(verdict(&closed, handlers, check), Some(Verdict::Pass));
}

#[test]
fn routes_that_import_a_login_take_part_without_naming_it() {
    const ROUTES: &str = r#"
from flask import abort, redirect, request, session
from boats import harbour

def setup(app):
    @app.route("/back")
    def back():
        ticket = request.args.get("state")
        if ticket and ticket != session.get("ticket"):
            abort(403)
        if "code" not in request.args:
            abort(400)
        session["boats"] = harbour.exchange(request.args["code"])
        return redirect("/boats")
"#;
    const OTHER: &str = "from flask import request\n\ndef sail(code):\n    return code\n";
    let files = [
        ("boats/harbour.py", EXCHANGE),
        ("boats/routes.py", ROUTES),
        ("boats/sails.py", OTHER),
    ];
    let root = tree("across-importers", &files);
    let said = |path, check| verdict(&root, path, check);
    assert_eq!(
        said("boats/routes.py", "state-verified"),
        Some(Verdict::Fail)
    );
    assert_eq!(
        said("boats/routes.py", "no-open-redirect"),
        Some(Verdict::Pass)
    );
    // It has to do with neither.
    assert_eq!(said("boats/sails.py", "state-verified"), None);
}
