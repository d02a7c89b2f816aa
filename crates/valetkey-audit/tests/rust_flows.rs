//! Flows of Rust that cross files, tasks and stores.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

/// What is said of a check in a file.
fn verdict(check: &str, path: &str, files: &[(&str, &str)]) -> Verdict {
    let report = audit_source(files, &Options::default());
    let found = |r: &&valetkey_audit::Result| r.check == check && r.path == path;
    let found = report.results.iter().find(found);
    found.map_or(Verdict::Na, |r| r.verdict)
}

#[test]
fn routes_that_leave_the_words_to_a_module() {
    let provider = r#"pub struct Hub { id: String }
impl Hub {
    pub fn door(&self, ticket: &str, home: &str) -> String {
        format!("https://hub.example/oauth/authorize?response_type=code&client_id={}&redirect_uri={}&scope=read&state={}", self.id, urlencoding::encode(home), ticket)
    }
}
"#;
    let routes = |ticket: &str, home: &str| {
        format!(
            r#"use actix_session::Session;
use actix_web::{{get, http::header::LOCATION, web, HttpRequest, HttpResponse, Result}};
use crate::{{db, hub::Hub}};

fn home(req: &HttpRequest) -> String {{ {home} }}

#[get("/login")]
async fn login(req: HttpRequest, hub: web::Data<Hub>, session: Session) -> Result<HttpResponse> {{
    let ticket = {ticket};
    session.insert("ticket", &ticket)?;
    Ok(HttpResponse::Found().append_header((LOCATION, hub.door(&ticket, &home(&req)))).finish())
}}
"#
        )
    };
    let host = r#"let host = req.headers().get("host").and_then(|h| h.to_str().ok()).unwrap_or("x"); format!("https://{host}/back")"#;
    let fixed = r#"let _ = req; "https://notes.example/back".to_owned()"#;
    let time = "chrono::Utc::now().timestamp().to_string()";
    let fresh = "uuid::Uuid::new_v4().to_string()";
    let of = |check: &str, ticket: &str, home: &str| {
        let routes = routes(ticket, home);
        verdict(
            check,
            "routes.rs",
            &[("hub.rs", provider), ("routes.rs", &routes)],
        )
    };
    assert_eq!(of("state-generated", time, fixed), Verdict::Fail);
    assert_eq!(of("state-generated", fresh, fixed), Verdict::Pass);
    assert_eq!(of("redirect-exact", fresh, host), Verdict::Fail);
    assert_ne!(of("redirect-exact", fresh, fixed), Verdict::Fail);
}

/// A callback that finds its login under a cookie, in a store of another file.
fn by_cookie(state: &str, refuse: &str, cookie: &str) -> (String, &'static str) {
    let web = format!(
        r#"use axum::{{extract::{{Query, State}}, http::StatusCode, response::Redirect}};
use axum_extra::extract::{{cookie::Cookie, CookieJar}};
use std::collections::HashMap;
use crate::trips::{{Trip, Trips}};

#[derive(Clone)]
pub struct App {{ http: reqwest::Client, trips: Trips }}

fn fresh() -> String {{ hex::encode(rand::random::<[u8; 32]>()) }}

pub async fn start(State(app): State<App>, jar: CookieJar) -> Result<(CookieJar, Redirect), StatusCode> {{
    let browser = fresh();
    let trip = Trip {{ state: fresh(), verifier: fresh() }};
    app.trips.put(&browser, &trip).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let to = format!("https://id.example/authorize?response_type=code&client_id=a&redirect_uri=https://a.example/cb&scope=read&state={{}}", trip.state);
    Ok((jar.add(Cookie::build(("browser", browser)).http_only(true).secure(true)), Redirect::to(&to)))
}}

pub async fn back(State(app): State<App>, jar: CookieJar, Query(q): Query<HashMap<String, String>>) -> Result<Redirect, StatusCode> {{
    let browser = jar.get("browser").map(|c| c.value().to_owned()){cookie};
    let trip = app.trips.take(&browser).await{cookie};
    let state = q.get("state").cloned(){state};
    if {refuse} {{ return Err(StatusCode::FORBIDDEN); }}
    let code = q.get("code").ok_or(StatusCode::BAD_REQUEST)?;
    app.http.post("https://id.example/token").form(&[("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", &trip.verifier)])
        .send().await.and_then(|r| r.error_for_status()).map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(Redirect::to("/"))
}}
"#
    );
    let trips = r#"use deadpool_redis::{redis::AsyncCommands, Pool};
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Trip { pub state: String, pub verifier: String }
#[derive(Clone)]
pub struct Trips { pool: Pool }
impl Trips {
    pub async fn put(&self, browser: &str, trip: &Trip) -> anyhow::Result<()> {
        let mut db = self.pool.get().await?;
        db.set_ex::<_, _, ()>(format!("trip:{browser}"), serde_json::to_string(trip)?, 600).await?;
        Ok(())
    }
    pub async fn take(&self, browser: &str) -> Option<Trip> {
        let mut db = self.pool.get().await.ok()?;
        let text: Option<String> = db.get_del(format!("trip:{browser}")).await.ok()?;
        serde_json::from_str(&text?).ok()
    }
}
"#;
    (web, trips)
}

#[test]
fn an_empty_state_equals_nothing_that_was_kept() {
    const MUST: &str = ".ok_or(StatusCode::BAD_REQUEST)?";
    let of = |state: &str, refuse: &str, cookie: &str| {
        let (web, trips) = by_cookie(state, refuse, cookie);
        verdict(
            "state-verified",
            "web.rs",
            &[("web.rs", &web), ("trips.rs", trips)],
        )
    };
    let differs = "state != trip.state";
    assert_eq!(of(".unwrap_or_default()", differs, MUST), Verdict::Pass);
    assert_eq!(of(MUST, differs, MUST), Verdict::Pass);
    let lets = "!state.is_empty() && state != trip.state";
    assert_eq!(of(".unwrap_or_default()", lets, MUST), Verdict::Fail);
    // Nothing on both sides.
    let nothing = ".unwrap_or_default()";
    assert_eq!(of(nothing, differs, nothing), Verdict::Fail);
}

/// A callback of the crate oauth2, and how its request is run.
fn runs(run: &str, then: &str) -> String {
    format!(
        r#"use axum::{{extract::{{Query, State}}, http::StatusCode, response::Redirect}};
use oauth2::{{basic::BasicClient, AuthorizationCode, TokenResponse}};
use tower_sessions::Session;

#[derive(serde::Deserialize)]
pub struct Back {{ code: String, state: String }}

async fn send(ask: oauth2::HttpRequest) -> Result<oauth2::HttpResponse, reqwest::Error> {{
    let http = reqwest::Client::builder().build()?;
    let told = http.request(ask.method, ask.url).headers(ask.headers).body(ask.body).send().await?;
    Ok(oauth2::HttpResponse {{ status_code: told.status(), headers: told.headers().clone(), body: told.bytes().await?.to_vec() }})
}}

pub async fn back(session: Session, State(client): State<BasicClient>, Query(back): Query<Back>) -> Result<Redirect, StatusCode> {{
    let kept: Option<String> = session.remove("state").await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    if kept.as_deref() != Some(back.state.as_str()) {{ return Err(StatusCode::FORBIDDEN); }}
    let ask = client.exchange_code(AuthorizationCode::new(back.code));
    let told = {run};
    {then}
}}
"#
    )
}

#[test]
fn an_answer_that_comes_from_a_task() {
    let met = r#"match told { Ok(granted) => { println!("{}", granted.access_token().secret()); Ok(Redirect::to("/")) } Err(_) => Err(StatusCode::BAD_GATEWAY) }"#;
    let tasks = [
        "async_std::task::spawn_blocking(move || ask.request(oauth2::reqwest::http_client)).await",
        "tokio::task::spawn_blocking(move || ask.request(oauth2::reqwest::http_client)).await.unwrap()",
        "tokio::time::timeout(std::time::Duration::from_secs(5), ask.request_async(oauth2::reqwest::async_http_client)).await.unwrap()",
        "tokio::runtime::Handle::current().block_on(ask.request_async(oauth2::reqwest::async_http_client))",
    ];
    for task in tasks {
        let text = runs(task, met);
        let files = [("login.rs", text.as_str())];
        let leaked = verdict("token-not-leaked", "login.rs", &files);
        assert_eq!(leaked, Verdict::Fail, "{task}");
        // That the task ended well is another matter than what it brought.
        let handled = verdict("error-handled", "login.rs", &files);
        assert_eq!(handled, Verdict::Pass, "{task}");
    }
    let unmet = "let granted = told.unwrap(); session.insert(\"t\", granted.access_token().secret()).await.ok(); Ok(Redirect::to(\"/\"))";
    let text = runs(tasks[1], unmet);
    let handled = verdict("error-handled", "login.rs", &[("login.rs", &text)]);
    assert_eq!(handled, Verdict::Fail);
}

#[test]
fn a_request_that_the_app_sends_for_the_library() {
    let met = "told.map(|_| Redirect::to(\"/\")).map_err(|_| StatusCode::BAD_GATEWAY)";
    let text = runs("ask.request_async(send).await", met);
    let of = |text: &str| verdict("timeout-set", "login.rs", &[("login.rs", text)]);
    assert_eq!(of(&text), Verdict::Fail);
    let patient = "reqwest::Client::builder().timeout(std::time::Duration::from_secs(9)).build()";
    let ends = text.replace("reqwest::Client::builder().build()", patient);
    assert_eq!(of(&ends), Verdict::Pass);
    // A module that is not there may have one of that name.
    let unseen = text.replace("mod x", "").replace(
        "request_async(send)",
        "request_async(wire::async_http_client)",
    );
    let unseen = format!(
        "mod wire;\n{}",
        unseen.replace(
            "let http = reqwest::Client::builder().build()?;",
            "let http = crate::wire::http();"
        )
    );
    assert_ne!(of(&unseen), Verdict::Fail);
}

#[test]
fn addresses_without_tls_that_a_wrapper_takes() {
    let of = |address: &str| {
        let text = format!(
            r#"use oauth2::{{basic::BasicClient, AuthUrl, ClientId, ClientSecret, TokenUrl}};
const REALM: &str = "{address}/protocol/openid-connect";
pub struct Door(BasicClient);
impl Door {{
    pub fn new(secret: String) -> Self {{
        Door(BasicClient::new(ClientId::new("plan".into()), Some(ClientSecret::new(secret)), AuthUrl::new(format!("{{REALM}}/auth")).unwrap(), Some(TokenUrl::new(format!("{{REALM}}/token")).unwrap())))
    }}
}}
"#
        );
        verdict("tls-only", "door.rs", &[("door.rs", &text)])
    };
    assert_eq!(of("http://sso.plant.lan:8080/realms/plant"), Verdict::Fail);
    assert_eq!(of("https://sso.plant.lan/realms/plant"), Verdict::Pass);
    assert_ne!(of("http://localhost:8080/realms/plant"), Verdict::Fail);
    assert_ne!(of("http://schemas.plant.lan/claims"), Verdict::Fail);
}

#[test]
fn a_session_that_salvo_is_given_when_it_is_full() {
    let of = |look: &str| {
        let text = format!(
            r#"use salvo::prelude::*;
use salvo::session::{{Session, SessionDepotExt}};

#[handler]
async fn login(req: &mut Request, depot: &mut Depot, res: &mut Response) {{
    let state = hex::encode(rand::random::<[u8; 32]>());
    let mut session = Session::new();
    session.insert("state", &state).unwrap();
    if let Some(next) = req.query::<String>("next") {{ session.insert("next", next).unwrap(); }}
    depot.set_session(session);
    res.render(Redirect::found(format!("https://id.example/authorize?response_type=code&client_id=a&redirect_uri=https://a.example/cb&scope=read&state={{state}}")));
}}

#[handler]
async fn back(req: &mut Request, depot: &mut Depot, res: &mut Response) {{
    let Some(session) = depot.session_mut() else {{ res.status_code(StatusCode::BAD_REQUEST); return; }};
    let Some(kept) = session.get::<String>("state") else {{ res.status_code(StatusCode::BAD_REQUEST); return; }};
    if req.query::<String>("state").as_ref() != Some(&kept) {{ res.status_code(StatusCode::FORBIDDEN); return; }}
    let Some(code) = req.query::<String>("code") else {{ res.render(Redirect::found("/no")); return; }};
    let told = reqwest::Client::new().post("https://id.example/token").form(&[("grant_type", "authorization_code"), ("code", &code)]).send().await.and_then(reqwest::Response::error_for_status);
    let Ok(_) = told else {{ res.status_code(StatusCode::BAD_GATEWAY); return; }};
    let next = session.get::<String>("next").filter(|n| {look}).unwrap_or_else(|| "/home".into());
    res.render(Redirect::other(next));
}}
"#
        );
        verdict("no-open-redirect", "login.rs", &[("login.rs", &text)])
    };
    assert_eq!(of("n.starts_with('/')"), Verdict::Fail);
    assert_eq!(
        of("n.starts_with('/') && !n.starts_with(\"//\")"),
        Verdict::Pass
    );
}

/// A login that keeps an e-mail for its callback, which signs somebody in.
fn named_before(begin: &str, who: &str) -> Verdict {
    let text = format!(
        r#"use axum::{{extract::{{Query, State}}, http::StatusCode, response::Redirect}};
use tower_sessions::Session;

#[derive(serde::Deserialize)]
pub struct Ask {{ email: String }}
#[derive(serde::Deserialize)]
pub struct Back {{ code: String, state: String }}
#[derive(serde::Deserialize)]
struct Granted {{ access_token: String }}
#[derive(serde::Deserialize)]
struct Me {{ id: String, email: String }}

pub async fn start(session: Session, Query(ask): Query<Ask>) -> Result<Redirect, StatusCode> {{
    let state = hex::encode(rand::random::<[u8; 32]>());
    session.insert("state", &state).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    {begin}
    Ok(Redirect::to(&format!("https://id.example/authorize?response_type=code&client_id=a&redirect_uri=https://a.example/cb&scope=read&state={{state}}")))
}}

pub async fn back(session: Session, State(http): State<reqwest::Client>, Query(back): Query<Back>) -> Result<Redirect, StatusCode> {{
    let kept: Option<String> = session.remove("state").await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    if kept.as_deref() != Some(back.state.as_str()) {{ return Err(StatusCode::FORBIDDEN); }}
    let granted: Granted = http.post("https://id.example/token").form(&[("grant_type", "authorization_code"), ("code", back.code.as_str())])
        .send().await.and_then(|r| r.error_for_status()).map_err(|_| StatusCode::BAD_GATEWAY)?.json().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    {who}
    Ok(Redirect::to("/"))
}}
"#
    );
    verdict("identity-from-id-token", "login.rs", &[("login.rs", &text)])
}

#[test]
fn a_user_whom_the_login_has_named() {
    let keeps = "session.insert(\"email\", &ask.email).await.ok();";
    let kept = "let email: Option<String> = session.get(\"email\").await.ok().flatten(); session.insert(\"user\", email).await.ok(); drop(granted.access_token);";
    assert_eq!(named_before(keeps, kept), Verdict::Fail);
    let asked = "let me: Me = http.get(\"https://id.example/me\").bearer_auth(&granted.access_token).send().await.map_err(|_| StatusCode::BAD_GATEWAY)?.json().await.map_err(|_| StatusCode::BAD_GATEWAY)?;";
    let from_profile = format!("{asked} session.insert(\"user\", me.id).await.ok();");
    assert_eq!(named_before(keeps, &from_profile), Verdict::Pass);
    // It was only a hint, and is compared.
    let hint = format!(
        "{asked} let email: Option<String> = session.get(\"email\").await.ok().flatten(); if email.as_deref() != Some(me.email.as_str()) {{ return Err(StatusCode::FORBIDDEN); }} session.insert(\"user\", email).await.ok();"
    );
    assert_ne!(named_before(keeps, &hint), Verdict::Fail);
    // Who was signed in before gets an account linked.
    let signed_in = kept.replace("\"email\"", "\"signed_in\"");
    assert_ne!(named_before("", &signed_in), Verdict::Fail);
}

#[test]
fn a_token_behind_a_lock_that_all_share() {
    let of = |keep: &str| {
        let then = format!(
            "let granted = told.map_err(|_| StatusCode::BAD_GATEWAY)?; {keep} Ok(Redirect::to(\"/\"))"
        );
        let text = runs("ask.request_async(oauth2::reqwest::async_http_client).await", &then)
            .replace("State(client): State<BasicClient>", "State(app): State<App>")
            .replace("client.exchange_code", "app.client.exchange_code")
            .replace("#[derive(serde::Deserialize)]\npub struct Back", "#[derive(Clone)]\npub struct App { client: BasicClient, last: std::sync::Arc<std::sync::Mutex<Option<String>>> }\n#[derive(serde::Deserialize)]\npub struct Back");
        verdict("token-not-leaked", "login.rs", &[("login.rs", &text)])
    };
    let token = "*app.last.lock().unwrap() = Some(granted.access_token().secret().clone());";
    assert_eq!(of(token), Verdict::Fail);
    let time = "*app.last.lock().unwrap() = Some(chrono::Utc::now().to_rfc3339());";
    assert_eq!(of(time), Verdict::Pass);
    let own = "session.insert(\"token\", granted.access_token().secret()).await.ok();";
    assert_eq!(of(own), Verdict::Pass);
}

#[test]
fn a_client_of_the_library_that_another_hands_on() {
    for (client, wanted) in [
        ("oauth2::reqwest::Client::new()", Verdict::Fail),
        (
            "oauth2::reqwest::ClientBuilder::new().timeout(std::time::Duration::from_secs(5)).build().unwrap()",
            Verdict::Pass,
        ),
    ] {
        let text = runs(
            &format!("ask.request_async(&{client}).await"),
            "told.map(|_| Redirect::to(\"/\")).map_err(|_| StatusCode::BAD_GATEWAY)",
        );
        assert_eq!(
            verdict("timeout-set", "login.rs", &[("login.rs", &text)]),
            wanted,
            "{client}"
        );
    }
}

#[test]
fn two_that_may_be_missing_as_one() {
    let of = |check: &str| {
        let text = runs(
            "ask.request_async(oauth2::reqwest::async_http_client).await",
            "told.map(|_| Redirect::to(\"/\")).map_err(|_| StatusCode::BAD_GATEWAY)",
        )
        .replace(
            "pub struct Back { code: String, state: String }",
            "pub struct Back { code: String, state: Option<String> }",
        )
        .replace(
            "if kept.as_deref() != Some(back.state.as_str()) {",
            &format!("{check} {{"),
        );
        verdict("state-verified", "login.rs", &[("login.rs", &text)])
    };
    let zipped =
        "let same = kept.as_deref().zip(back.state.as_deref()).map(|(a, b)| a == b).unwrap_or";
    assert_eq!(
        of(&format!("{zipped}(false); if same == false")),
        Verdict::Pass
    );
    assert_eq!(
        of(&format!("{zipped}(true); if same == false")),
        Verdict::Fail
    );
}

#[test]
fn a_page_whose_script_makes_the_state() {
    let of = |check: &str, make: &str, look: &str| {
        let text = format!(
            r###"use axum::{{response::Html, routing::get, Router}};
const PAGE: &str = r##"<button id="go">In</button>
<script>
document.getElementById("go").onclick = () => {{
  const s = {make};
  sessionStorage.setItem("s", s);
  location.href = "https://id.example/authorize?response_type=token&client_id=wall&scope=read&redirect_uri=" + encodeURIComponent("https://wall.example/") + "&state=" + s;
}};
const back = new URLSearchParams(location.hash.slice(1));
if (back.get("access_token") {look}) {{ show(back.get("access_token")); }}
</script>"##;
pub fn router() -> Router {{ Router::new().route("/", get(|| async {{ Html(PAGE) }})) }}
"###
        );
        verdict(check, "page.rs", &[("page.rs", &text)])
    };
    let looks = "&& back.get(\"state\") === sessionStorage.getItem(\"s\")";
    assert_eq!(
        of("state-generated", "String(Date.now())", looks),
        Verdict::Fail
    );
    assert_ne!(
        of("state-generated", "crypto.randomUUID()", looks),
        Verdict::Fail
    );
    assert_ne!(
        of("state-verified", "crypto.randomUUID()", looks),
        Verdict::Fail
    );
}
