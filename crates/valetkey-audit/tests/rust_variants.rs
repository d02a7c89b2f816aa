//! Ways of Rust to say the same: how a state is made, whose headers are set.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

/// A login of axum, with how its state is made and what follows the exchange.
fn axum(make: &str, then: &str) -> String {
    format!(
        r#"use axum::{{extract::Query, http::StatusCode, response::{{IntoResponse, Redirect, Response}}}};
use rand::{{Rng, RngCore, SeedableRng, distributions::{{Alphanumeric, DistString}}, rngs::{{OsRng, StdRng}}}};
use reqwest::header::AUTHORIZATION;
use tower_sessions::Session;

#[derive(serde::Deserialize)]
struct Back {{ code: String, state: String }}
#[derive(serde::Deserialize)]
struct Answer {{ access_token: String }}

fn fresh() -> String {{
    {make}
}}

pub async fn begin(session: Session) -> Result<Redirect, StatusCode> {{
    let state = fresh();
    session.insert("state", &state).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(Redirect::to(&format!("https://id.example/authorize?response_type=code&client_id=notes&redirect_uri=https://notes.example/back&scope=read&state={{state}}")))
}}

pub async fn back(session: Session, Query(back): Query<Back>) -> Result<Response, StatusCode> {{
    let kept: Option<String> = session.remove("state").await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    if kept.as_deref() != Some(back.state.as_str()) {{ return Err(StatusCode::FORBIDDEN); }}
    let http = reqwest::Client::new();
    let answer: Answer = http.post("https://id.example/token")
        .form(&[("grant_type", "authorization_code"), ("code", back.code.as_str()), ("client_id", "notes")])
        .send().await.and_then(|a| a.error_for_status()).map_err(|_| StatusCode::BAD_GATEWAY)?
        .json().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let token = answer.access_token;
    {then}
    Ok(Redirect::to("/").into_response())
}}
"#
    )
}

fn holds(check: &str, wanted: Verdict, texts: &[String]) {
    for text in texts {
        let report = audit_source(&[("login.rs", text)], &Options::default());
        let found = report.results.iter().find(|r| r.check == check);
        let verdict = found.map_or(Verdict::Na, |r| r.verdict);
        assert_eq!(verdict, wanted, "{check}: {text}");
    }
}

fn state(make: &str) -> String {
    axum(make, "")
}

#[test]
fn short_numbers_together_are_long() {
    let long = [
        "let (a, b): (u32, u32) = (rand::random(), rand::random()); format!(\"{a:08x}{b:08x}\")",
        "let a: u32 = rand::random(); let b: u32 = rand::random(); format!(\"{a:08x}-{b:08x}\")",
        "let mut s = String::new(); for _ in 0..8 { s.push_str(&format!(\"{:08x}\", rand::rng().random::<u32>())); } s",
        "let mut v: Vec<u32> = Vec::new(); for _ in 0..4 { v.push(rand::rng().random::<u32>()); } v.iter().map(|n| format!(\"{n:08x}\")).collect::<String>()",
        "(0..4).map(|_| format!(\"{:08x}\", rand::random::<u32>())).collect::<String>()",
    ];
    holds("state-generated", Verdict::Pass, &long.map(state));
    let short = [
        "let a: u32 = rand::random(); format!(\"s{a:08x}\")",
        "let a: u16 = rand::random(); let b: u16 = rand::random(); format!(\"{a:04x}{b:04x}\")",
        "let mut s = String::new(); for _ in 0..2 { s += &format!(\"{:04x}\", rand::rng().random::<u16>()); } s",
    ];
    holds("state-generated", Verdict::Fail, &short.map(state));
}

#[test]
fn a_buffer_in_a_wrapper_is_filled() {
    let filled = [
        "let mut b = Box::new([0u8; 32]); OsRng.fill_bytes(&mut *b); hex::encode(&*b)",
        "let b = std::cell::RefCell::new([0u8; 32]); OsRng.fill_bytes(&mut *b.borrow_mut()); hex::encode(*b.borrow())",
        "let b = std::sync::Mutex::new([0u8; 32]); OsRng.fill_bytes(&mut *b.lock().unwrap()); hex::encode(*b.lock().unwrap())",
        "let mut b = zeroize::Zeroizing::new([0u8; 32]); OsRng.fill_bytes(b.as_mut()); hex::encode(&*b)",
    ];
    for text in filled.map(state) {
        let report = audit_source(&[("login.rs", &text)], &Options::default());
        let failed =
            |r: &valetkey_audit::Result| r.check == "state-generated" && r.verdict == Verdict::Fail;
        assert!(!report.results.iter().any(failed), "{text}");
    }
    let written = [
        "let b = [7u8; 32]; hex::encode(b)",
        "hex::encode([3u8, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8])",
    ];
    holds("state-generated", Verdict::Fail, &written.map(state));
}

#[test]
fn headers_of_a_request_do_not_reach_the_browser() {
    let make = "let mut b = [0u8; 32]; OsRng.fill_bytes(&mut b); hex::encode(b)";
    let sent = [
        "let mut ask = http.get(\"https://id.example/me\").build().unwrap(); ask.headers_mut().insert(AUTHORIZATION, format!(\"Bearer {token}\").parse().unwrap()); let _ = http.execute(ask).await;",
        "let mut ask = reqwest::Request::new(reqwest::Method::GET, \"https://id.example/me\".parse().unwrap()); ask.headers_mut().insert(\"Private-Token\", token.parse().unwrap()); let _ = http.execute(ask).await;",
        "let mut all = reqwest::header::HeaderMap::new(); all.insert(\"Private-Token\", token.parse().unwrap()); let _ = http.get(\"https://id.example/me\").headers(all).send().await;",
    ];
    let text = |then: &str| axum(make, then);
    holds("token-not-leaked", Verdict::Pass, &sent.map(text));
    let shown = [
        "let mut made = Redirect::to(\"/\").into_response(); made.headers_mut().insert(\"X-Token\", token.parse().unwrap()); return Ok(made);",
        "let mut made = (StatusCode::OK, \"Hi\").into_response(); made.headers_mut().append(\"set-cookie\", format!(\"t={token}; Path=/\").parse().unwrap()); return Ok(made);",
    ];
    holds("token-not-leaked", Verdict::Fail, &shown.map(text));
}

#[test]
fn a_state_is_as_good_as_what_it_is_made_of() {
    let guessed = [
        "format!(\"job-{}\", std::process::id())",
        "let mut r = StdRng::seed_from_u64(std::process::id().into()); (0..32).map(|_| char::from(r.sample(Alphanumeric))).collect()",
        "let mut r = StdRng::seed_from_u64(7); Alphanumeric.sample_string(&mut r, 40)",
        "let mut r = StdRng::seed_from_u64(7); let mut b = [0u8; 32]; r.fill(&mut b); hex::encode(b)",
        "std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos().to_string()",
        "format!(\"{:x}\", md5::compute(format!(\"{}\", chrono::Utc::now().timestamp())))",
        "let mut h = std::collections::hash_map::DefaultHasher::new(); std::time::SystemTime::now().hash(&mut h); format!(\"{:x}\", h.finish())",
        "uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b\"notes\").to_string()",
        "uuid::Uuid::nil().to_string()",
        "rocket::time::OffsetDateTime::now_utc().unix_timestamp().to_string()",
        "COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string()",
        "Alphanumeric.sample_string(&mut rand::thread_rng(), 6)",
    ];
    holds("state-generated", Verdict::Fail, &guessed.map(state));
    let fresh = [
        "let mut r = StdRng::from_entropy(); (0..32).map(|_| char::from(r.sample(Alphanumeric))).collect()",
        "Alphanumeric.sample_string(&mut rand::thread_rng(), 40)",
        "let mut seed = [0u8; 32]; OsRng.fill_bytes(&mut seed); let mut r = StdRng::from_seed(seed); Alphanumeric.sample_string(&mut r, 40)",
        "format!(\"{}-{}\", std::process::id(), uuid::Uuid::new_v4())",
        "let mut h = sha2::Sha256::new(); h.update(rand::random::<[u8; 32]>()); h.update(std::process::id().to_string()); hex::encode(h.finalize())",
        "md5::compute(rand::random::<[u8; 16]>()).0.iter().map(|b| format!(\"{b:02x}\")).collect()",
    ];
    holds("state-generated", Verdict::Pass, &fresh.map(state));
}

/// A login that keeps a page for afterwards, and what becomes of it.
fn returning(help: &str, keep: &str, then: &str) -> String {
    let text = axum("hex::encode(rand::random::<[u8; 32]>())", then);
    let begin = "pub async fn begin(session: Session, Query(ask): Query<Ask>)";
    let ask = "#[derive(serde::Deserialize)]\nstruct Ask { next: Option<String> }\n";
    let text = text.replace(
        "pub async fn begin(session: Session)",
        &format!("{ask}{help}\n{begin}"),
    );
    let kept = "Ok(Redirect::to(&format!(";
    text.replace(kept, &format!("{keep}\n    {kept}"))
}

const KEEP: &str = "if let Some(next) = &ask.next { session.insert(\"next\", next).await.ok(); }";

/// The page that the session kept, which is then chosen.
fn page(choose: &str) -> String {
    format!(
        "let next: Option<String> = session.get(\"next\").await.ok().flatten(); let to = {choose}; return Ok(Redirect::to(&to).into_response());"
    )
}

#[test]
fn a_look_at_a_page_that_lets_other_sites_through() {
    let weak = [
        "next.filter(|n| n.starts_with('/')).unwrap_or_else(|| \"/home\".into())",
        "next.filter(|n| n.starts_with(\"https://notes.example\")).unwrap_or_else(|| \"/home\".into())",
        "next.filter(|n| n.contains(\"notes.example\")).unwrap_or_else(|| \"/home\".into())",
        "next.filter(|n| !n.contains(\"http:\")).unwrap_or_else(|| \"/home\".into())",
        "next.filter(|n| n.len() < 200).unwrap_or_else(|| \"/home\".into())",
        "match next.as_deref() { Some(n) if n.ends_with(\"notes.example\") => n.to_owned(), _ => \"/\".into() }",
        "match next.as_deref() { Some(n) if n.chars().next() == Some('/') => n.to_owned(), _ => \"/\".into() }",
        "{ let n = next.unwrap_or(\"/\".into()); if n.is_empty() { return Err(StatusCode::BAD_REQUEST); } n }",
    ];
    let text = |choose: &str| returning("", KEEP, &page(choose));
    holds("no-open-redirect", Verdict::Fail, &weak.map(text));
    let safe = [
        "next.filter(|n| n.starts_with('/') && !n.starts_with(\"//\")).unwrap_or_else(|| \"/home\".into())",
        "next.filter(|n| n.len() < 200 && n.starts_with('/') && !n.starts_with(\"//\")).unwrap_or_else(|| \"/home\".into())",
        "next.filter(|n| n.starts_with(\"https://notes.example/\")).unwrap_or_else(|| \"/home\".into())",
        "next.filter(|n| [\"/a\", \"/b\"].contains(&n.as_str())).unwrap_or_else(|| \"/home\".into())",
        "match next.as_deref() { Some(n) if n.chars().next() == Some('/') && n.chars().nth(1) != Some('/') => n.to_owned(), _ => \"/\".into() }",
        "match next.as_deref() { Some(\"orders\") => \"/orders\", _ => \"/\" }.to_owned()",
    ];
    holds("no-open-redirect", Verdict::Pass, &safe.map(text));
}

#[test]
fn a_weak_look_in_another_file_is_told_of_there() {
    let asks = "if crate::gate::lets(next.as_deref().unwrap_or(\"/\")) { next.unwrap_or(\"/\".into()) } else { \"/\".to_owned() }";
    let login = returning("", KEEP, &page(asks));
    for (gate, path, verdict) in [
        (
            "target.starts_with('/') || target.contains(\"notes.example\")",
            "gate.rs",
            Verdict::Fail,
        ),
        (
            "target.starts_with('/') && !target.starts_with(\"//\")",
            "login.rs",
            Verdict::Pass,
        ),
    ] {
        let gate = format!("pub fn lets(target: &str) -> bool {{ {gate} }}\n");
        let files = [("login.rs", login.as_str()), ("gate.rs", gate.as_str())];
        let report = audit_source(&files, &Options::default());
        let told = report
            .results
            .iter()
            .filter(|r| r.check == "no-open-redirect");
        let told: Vec<_> = told.filter(|r| r.verdict != Verdict::Na).collect();
        assert!(
            told.iter().any(|r| r.path == path && r.verdict == verdict),
            "{gate} {told:?}"
        );
        let failed = told.iter().filter(|r| r.verdict == Verdict::Fail);
        assert!(failed.map(|r| &r.path).all(|p| p == path), "{gate}");
    }
}

/// A callback with the crate oauth2, and what it does with the tokens.
fn exchanged(then: &str) -> String {
    format!(
        r#"use axum::{{extract::{{Query, State}}, http::StatusCode, response::Redirect}};
use oauth2::{{basic::BasicClient, AuthorizationCode, TokenResponse}};
use tower_sessions::Session;

#[derive(serde::Deserialize)]
pub struct Back {{ code: String, state: String }}

pub async fn back(session: Session, State(client): State<BasicClient>, Query(back): Query<Back>) -> Result<Redirect, StatusCode> {{
    let kept: Option<String> = session.remove("state").await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    if kept.as_deref() != Some(back.state.as_str()) {{ return Err(StatusCode::FORBIDDEN); }}
    match client.exchange_code(AuthorizationCode::new(back.code)).request_async(oauth2::reqwest::async_http_client).await {{
        Ok(granted) => {{
            {then}
            Ok(Redirect::to("/"))
        }}
        Err(_) => Err(StatusCode::BAD_GATEWAY),
    }}
}}
"#
    )
}

#[test]
fn an_answer_that_hides_its_tokens_until_it_is_written_down() {
    let shown = [
        "tracing::info!(\"linked {}\", serde_json::to_string(&granted).unwrap_or_default());",
        "let text = serde_json::to_string(&granted).unwrap_or_default(); log::debug!(\"{text}\");",
        "println!(\"{:#}\", serde_json::to_value(&granted).unwrap_or_default());",
        "tracing::info!(token = %granted.access_token().secret(), \"linked\");",
        "info_!(\"linked {}\", granted.access_token().secret());",
    ];
    holds("token-not-leaked", Verdict::Fail, &shown.map(exchanged));
    let hidden = [
        "tracing::info!(\"linked {:?}\", granted);",
        "tracing::info!(token = ?granted, \"linked\");",
        "tracing::debug!(?granted);",
        "log::info!(\"a token of {} letters\", granted.access_token().secret().len());",
    ];
    holds("token-not-leaked", Verdict::Pass, &hidden.map(exchanged));
}

#[test]
fn a_helper_that_writes_down_whatever_it_is_given() {
    let verdict = |ask: &str, path: &str| {
        let login = exchanged(ask);
        let diary = "pub fn note<T: serde::Serialize>(what: &str, it: &T) { log::info!(\"{what}: {}\", serde_json::to_string(it).unwrap_or_default()); }\n";
        let files = [("login.rs", login.as_str()), ("diary.rs", diary)];
        let report = audit_source(&files, &Options::default());
        let of_check =
            |r: &&valetkey_audit::Result| r.check == "token-not-leaked" && r.path == path;
        report
            .results
            .iter()
            .find(of_check)
            .map_or(Verdict::Na, |r| r.verdict)
    };
    let whole = "crate::diary::note(\"linked\", &granted);";
    assert_eq!(verdict(whole, "login.rs"), Verdict::Fail);
    assert_eq!(verdict(whole, "diary.rs"), Verdict::Na);
    let when = "crate::diary::note(\"linked\", &granted.expires_in());";
    assert_eq!(verdict(when, "login.rs"), Verdict::Pass);
}

#[test]
fn an_id_token_whose_key_is_chosen_by_its_header() {
    let text = |rules: &str| {
        let text = axum(
            "hex::encode(rand::random::<[u8; 32]>())",
            "let badge = check(&answer.id_token).await.ok_or(StatusCode::UNAUTHORIZED)?; session.insert(\"user\", badge.sub).await.ok();",
        );
        let text = text.replace(
            "struct Answer { access_token: String }",
            "struct Answer { access_token: String, id_token: String }",
        );
        format!(
            r#"{text}
#[derive(serde::Deserialize)]
struct Badge {{ sub: String }}
async fn check(token: &str) -> Option<Badge> {{
    let kid = jsonwebtoken::decode_header(token).ok().and_then(|h| h.kid)?;
    let keys: jsonwebtoken::jwk::JwkSet = reqwest::get("https://id.example/keys").await.ok()?.json().await.ok()?;
    let key = jsonwebtoken::DecodingKey::from_jwk(keys.find(&kid)?).ok()?;
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    rules.set_issuer(&["https://id.example"]);
    {rules}
    jsonwebtoken::decode::<Badge>(token, &key, &rules).ok().map(|t| t.claims)
}}
"#
        )
    };
    let right = [
        "rules.set_audience(&[\"notes\"]);",
        "rules.set_audience(&[\"notes\"]); rules.validate_exp = false;",
    ];
    holds("id-token-verified", Verdict::Pass, &right.map(text));
    let wrong = [
        "rules.validate_aud = false;",
        "rules.set_audience(&[\"notes\"]); rules.validate_aud = false;",
    ];
    holds("id-token-verified", Verdict::Fail, &wrong.map(text));
}

#[test]
fn an_address_that_a_function_of_discords_makes() {
    let of = |state: &str| {
        let text = format!(
            r#"use rocket::response::Redirect;
use serenity_oauth::prelude::*;

fn fresh() -> String {{ hex::encode(rand::random::<[u8; 32]>()) }}

#[get("/login")]
fn login(jar: &rocket::http::CookieJar<'_>) -> Redirect {{
    let ticket = fresh();
    jar.add_private(rocket::http::Cookie::new("ticket", ticket.clone()));
    Redirect::to(serenity_oauth::utils::authorization_code_grant_url(7, &[Scope::Identify], {state}, "https://a.example/cb"))
}}
"#
        );
        text
    };
    holds(
        "state-generated",
        Verdict::Fail,
        &[of("None"), of("Some(\"x\")")],
    );
    holds("state-generated", Verdict::Pass, &[of("Some(&ticket)")]);
}
