//! Ways of Rust to say the same: how a state is made, whose headers are set.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

/// A login of axum, with how its state is made and what follows the exchange.
fn axum(make: &str, then: &str) -> String {
    format!(
        r#"use axum::{{extract::Query, http::StatusCode, response::{{IntoResponse, Redirect, Response}}}};
use rand::{{Rng, RngCore, rngs::OsRng}};
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
