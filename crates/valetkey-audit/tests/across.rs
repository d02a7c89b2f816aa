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

const RUST_MAIN: &str = r#"
mod settings;
mod sign_in;

use actix_session::{SessionMiddleware, storage::CookieSessionStore};
use actix_web::{App, HttpServer, cookie::Key, web};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let settings = web::Data::new(settings::Settings::read());
    HttpServer::new(move || {
        let key = Key::from(&[9; 64]);
        App::new()
            .wrap(SessionMiddleware::new(CookieSessionStore::default(), key))
            .app_data(settings.clone())
            .service(sign_in::begin)
            .service(sign_in::back)
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await
}
"#;

const RUST_SETTINGS: &str = r#"
use once_cell::sync::Lazy;

static MARK: Lazy<String> = Lazy::new(|| uuid::Uuid::new_v4().to_string());

pub fn mark() -> &'static str {
    MARK.as_str()
}

pub struct Settings {
    pub key: String,
    pub begin: String,
    pub tokens: String,
}

fn or(name: &str, otherwise: &str) -> String {
    match std::env::var(name) {
        Ok(value) => value,
        Err(_) => otherwise.to_string(),
    }
}

impl Settings {
    pub fn read() -> Self {
        let base = "http://sso.harbour.example:8080";
        Settings {
            key: or("SSO_KEY", "52d1f0c7a96e4b38"),
            begin: format!("{base}/authorize"),
            tokens: format!("{base}/token"),
        }
    }
}
"#;

const RUST_SIGN_IN: &str = r#"
use actix_session::Session;
use actix_web::{HttpResponse, Result, get, web};

use crate::settings::{Settings, mark};

#[get("/in")]
pub async fn begin(settings: web::Data<Settings>) -> Result<HttpResponse> {
    let query = serde_urlencoded::to_string([
        ("response_type", "code"),
        ("client_id", "harbour"),
        ("redirect_uri", "https://harbour.example/back"),
        ("scope", "profile"),
        ("state", mark()),
    ])?;
    let url = format!("{}?{query}", settings.begin);
    Ok(HttpResponse::Found().insert_header(("Location", url)).finish())
}

#[derive(serde::Deserialize)]
pub struct Back {
    code: String,
}

#[derive(serde::Deserialize)]
struct Tokens {
    access_token: String,
}

#[get("/back")]
pub async fn back(
    settings: web::Data<Settings>,
    session: Session,
    back: web::Query<Back>,
) -> Result<HttpResponse> {
    let tokens: Tokens = reqwest::Client::new()
        .post(&settings.tokens)
        .basic_auth("harbour", Some(&settings.key))
        .form(&[("grant_type", "authorization_code"), ("code", back.code.as_str())])
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    session.insert("token", tokens.access_token)?;
    Ok(HttpResponse::Found().insert_header(("Location", "/")).finish())
}
"#;

#[test]
fn what_a_program_is_set_up_with_is_looked_for_in_its_other_files() {
    let files = [
        ("src/main.rs", RUST_MAIN),
        ("src/settings.rs", RUST_SETTINGS),
        ("src/sign_in.rs", RUST_SIGN_IN),
    ];
    let root = tree("across-rust-main", &files);
    let fails = [
        ("src/main.rs", "session-key-strong"),
        ("src/settings.rs", "secret-not-in-code"),
        ("src/settings.rs", "state-generated"),
        ("src/settings.rs", "tls-only"),
        ("src/sign_in.rs", "timeout-set"),
    ];
    for (path, check) in fails {
        assert_eq!(verdict(&root, path, check), Some(Verdict::Fail), "{check}");
    }
    let elsewhere = verdict(&root, "src/sign_in.rs", "tls-only");
    assert_ne!(elsewhere, Some(Verdict::Fail));
}

const SETTINGS: &str = r#"
import os

CLIENT_ID = "photos"
CLIENT_SECRET = os.environ["PHOTOS_SECRET"]
CALLBACK = os.environ["PHOTOS_CALLBACK"]
SCOPE = "openid email"
"#;

const PROVIDER: &str = r#"
import requests
from urllib.parse import urlencode
import settings

def address(state, challenge):
    return "https://op.example.test/authorize?" + urlencode({
        "response_type": "code", "client_id": settings.CLIENT_ID, "scope": settings.SCOPE,
        "redirect_uri": settings.CALLBACK, "state": state,
        "code_challenge": challenge, "code_challenge_method": "S256"})

def tokens(code, verifier):
    answer = requests.post("https://op.example.test/token", timeout=5, data={
        "grant_type": "authorization_code", "code": code, "code_verifier": verifier,
        "client_id": settings.CLIENT_ID, "client_secret": settings.CLIENT_SECRET,
        "redirect_uri": settings.CALLBACK})
    answer.raise_for_status()
    return answer.json()

def whose(token):
    answer = requests.get("https://op.example.test/me", timeout=5,
        headers={"Authorization": "Bearer " + token})
    return answer.json()["id"]
"#;

const VIEWS: &str = r#"
import base64, hashlib, secrets
from flask import Flask, abort, redirect, request, session
import provider

app = Flask(__name__)

@app.route("/login")
def login():
    state = secrets.token_urlsafe(32)
    verifier = secrets.token_urlsafe(64)
    session["state"], session["verifier"] = state, verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return redirect(provider.address(state, challenge))

@app.route("/done")
def done():
    if "error" in request.args or "code" not in request.args:
        abort(400)
    kept = session.pop("state", None)
    if not kept or request.args.get("state") != kept:
        abort(400)
    answer = provider.tokens(request.args["code"], session.pop("verifier"))
    session["user"] = provider.whose(answer["access_token"])
    return redirect("/")
"#;

#[test]
fn each_verdict_is_told_of_the_file_that_holds_the_evidence() {
    use Verdict::{Fail, Na, Pass};
    let judged = |name, settings: &str, views: &str| {
        let files = [
            ("settings.py", settings),
            ("provider.py", PROVIDER),
            ("views.py", views),
        ];
        let root = tree(name, &files);
        move |path: &str, check: &str| verdict(&root, path, check).unwrap_or(Na)
    };
    let said = judged("across-evidence", SETTINGS, VIEWS);
    for (check, settings, provider, views) in [
        ("state-generated", Na, Na, Pass),
        ("state-verified", Na, Na, Pass),
        // A name and no text: that is seen in either.
        ("secret-not-in-code", Pass, Pass, Na),
        ("redirect-exact", Pass, Na, Na),
        ("scope-present-minimal", Pass, Na, Na),
        ("code-flow", Na, Pass, Pass),
        ("pkce-used", Na, Na, Pass),
        ("timeout-set", Na, Pass, Na),
        ("error-handled", Na, Pass, Pass),
        ("identity-from-id-token", Na, Na, Pass),
    ] {
        assert_eq!(said("settings.py", check), settings, "settings.py {check}");
        assert_eq!(said("provider.py", check), provider, "provider.py {check}");
        assert_eq!(said("views.py", check), views, "views.py {check}");
    }
    // What is wrong is told there, too.
    let settings = SETTINGS.replace("openid email", "openid repo");
    let views = VIEWS
        .replace(
            "state = secrets.token_urlsafe(32)",
            "state = str(random.random())",
        )
        .replace("import base64", "import random, base64");
    let said = judged("across-evidence-bad", &settings, &views);
    for (path, check, expected) in [
        ("settings.py", "scope-present-minimal", Fail),
        ("provider.py", "scope-present-minimal", Na),
        ("views.py", "state-generated", Fail),
        ("provider.py", "state-generated", Na),
    ] {
        assert_eq!(said(path, check), expected, "{path} {check}");
    }
}

const SERVICE: &str = "
const axios = require('axios');
exports.address = (state) => 'https://op.example.test/authorize?' + new URLSearchParams({
  response_type: 'code', client_id: process.env.ID, redirect_uri: process.env.RETURN, scope: 'openid', state });
exports.exchange = async (code) => {
  const { data } = await axios.post('https://op.example.test/token', {
    grant_type: 'authorization_code', code, client_id: process.env.ID, client_secret: process.env.CLIENT_SECRET });
  return data;
};
";

const CONTROLLER: &str = "
const service = require('../services/oauth');
const logger = require('../logger');
exports.enter = (req, res) => {
  req.session.state = Math.random().toString(36);
  res.redirect(service.address(req.session.state));
};
exports.callback = async (req, res) => {
  if (!req.query.code || !req.session.state || req.query.state !== req.session.state) return res.sendStatus(403);
  const tokens = await service.exchange(req.query.code);
  logger.info('signed in', tokens);
  res.redirect('/');
};
";

const ROUTES: &str = "
const router = require('express').Router();
const entrance = require('../controllers/entrance');
router.get('/enter', entrance.enter);
router.get('/callback', entrance.callback);
module.exports = router;
";

const SET_UP: &str = "
const express = require('express');
const session = require('express-session');
const app = express();
app.use(session({ secret: 'a fixed one', resave: false, saveUninitialized: true }));
app.use('/', require('./routes/entrance'));
app.listen(3000);
";

#[test]
fn what_sets_up_the_app_and_what_makes_the_state_show_it() {
    let files = [
        ("app.js", SET_UP),
        ("routes/entrance.js", ROUTES),
        ("controllers/entrance.js", CONTROLLER),
        ("services/oauth.js", SERVICE),
    ];
    let root = tree("across-set-up", &files);
    let said = |path, check| verdict(&root, path, check);
    let fail = Some(Verdict::Fail);
    assert_eq!(said("app.js", "session-key-strong"), fail);
    assert_eq!(said("controllers/entrance.js", "state-generated"), fail);
    assert_eq!(
        said("services/oauth.js", "state-generated"),
        Some(Verdict::Na)
    );
    assert_eq!(said("controllers/entrance.js", "token-not-leaked"), fail);
}

/// A file that holds nothing but the constant takes part by that.
#[test]
fn a_constant_of_another_file_is_reported_there_in_every_language() {
    const PYTHON: &str = r#"
import secrets, constants
from urllib.parse import urlencode
from flask import Flask, redirect, session

app = Flask(__name__)

@app.route("/login")
def login():
    session["s"] = secrets.token_urlsafe(32)
    return redirect("https://id.example/authorize?" + urlencode({
        "response_type": "code", "client_id": "photos", "state": session["s"],
        "redirect_uri": "https://photos.example/back", "scope": constants.WANTED}))
"#;
    const JAVASCRIPT: &str = r#"
const crypto = require("crypto");
const { WANTED } = require("./constants");
const app = require("express")();

app.get("/login", (req, res) => {
  req.session.s = crypto.randomBytes(32).toString("hex");
  const query = new URLSearchParams({ response_type: "code", client_id: "photos",
    redirect_uri: "https://photos.example/back", scope: WANTED, state: req.session.s });
  res.redirect(`https://id.example/authorize?${query}`);
});
"#;
    const GO: &str = r#"
package web

import (
	"net/http"

	"golang.org/x/oauth2"
)

var conf = &oauth2.Config{
	ClientID:    "photos",
	RedirectURL: "https://photos.example/back",
	Scopes:      []string{wanted},
	Endpoint:    oauth2.Endpoint{AuthURL: "https://id.example/a", TokenURL: "https://id.example/t"},
}

func login(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, conf.AuthCodeURL("x"), http.StatusFound)
}
"#;
    for (name, text, constants, constant) in [
        (
            "web.py",
            PYTHON,
            "constants.py",
            "WANTED = \"repo admin:org\"\n",
        ),
        (
            "web.js",
            JAVASCRIPT,
            "constants.js",
            "exports.WANTED = \"repo admin:org\";\n",
        ),
    ] {
        let files = [(name, text), (constants, constant)];
        let root = tree(&format!("across-constant-{name}"), &files);
        let check = "scope-present-minimal";
        assert_eq!(
            verdict(&root, constants, check),
            Some(Verdict::Fail),
            "{name}"
        );
        assert_eq!(verdict(&root, name, check), Some(Verdict::Na), "{name}");
    }
    let files = [
        ("web.go", GO),
        ("wanted.go", "package web\n\nconst wanted = \"repo\"\n"),
    ];
    let root = tree("across-constant-go", &files);
    let failed = ["web.go", "wanted.go"]
        .map(|f| verdict(&root, f, "scope-present-minimal") == Some(Verdict::Fail));
    assert!(
        failed.contains(&true),
        "the failure is not lost: {failed:?}"
    );
}

/// One helper makes verifiers and states for two logins: what is right in one
/// does not hide what is wrong in the other, nor is the helper to blame.
#[test]
fn logins_that_share_a_helper_are_judged_apart() {
    const HELPER: &str = "import secrets\n\ndef fresh():\n    return secrets.token_urlsafe(48)\n";
    let login = |name: &str, state: &str, method: &str| {
        format!(
            r#"
import base64, hashlib, helper
from urllib.parse import urlencode
from flask import Blueprint, redirect, session

pages = Blueprint("{name}", __name__)
STATE = helper.fresh()

@pages.route("/{name}")
def login():
    verifier = session["verifier"] = helper.fresh()
    state = session["state"] = {state}
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return redirect("https://id.example/authorize?" + urlencode({{
        "response_type": "code", "client_id": "photos", "state": state,
        "redirect_uri": "https://photos.example/back", "scope": "openid",
        "code_challenge": {method}}}))
"#
        )
    };
    let good = login(
        "a",
        "helper.fresh()",
        "digest, \"code_challenge_method\": \"S256\"",
    );
    let bad = login(
        "b",
        "STATE",
        "verifier, \"code_challenge_method\": \"plain\"",
    );
    let root = tree(
        "across-shared-helper",
        &[("helper.py", HELPER), ("a.py", &good), ("b.py", &bad)],
    );
    for check in ["state-generated", "pkce-used"] {
        assert_eq!(
            verdict(&root, "b.py", check),
            Some(Verdict::Fail),
            "{check}"
        );
        assert_ne!(
            verdict(&root, "a.py", check),
            Some(Verdict::Fail),
            "{check}"
        );
        assert_ne!(
            verdict(&root, "helper.py", check),
            Some(Verdict::Fail),
            "{check}"
        );
    }
}
