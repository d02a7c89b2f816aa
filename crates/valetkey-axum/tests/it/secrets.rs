//! SC-12: no secret leaves the server. A full run is searched for canaries,
//! in every form that an answer, a log line or an event could give them.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;
use valetkey_browser::{Browser, Request as Ask};
use valetkey_dev_provider::{ClientRegistration, Endpoint, Fault, Options, ReplyBody};

use crate::{
    app::{Answer, SECRET, Setup, Time, local, provider_options, start_provider},
    callback::with,
};

/// A text in every form in which a secret may stand in it.
struct Forms(Vec<(&'static str, String)>);

impl Forms {
    fn of(text: &str) -> Self {
        let percent = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let mut forms = vec![("raw", text.to_owned())];
        for (form, other) in [
            ("percent-encoded", percent(text)),
            ("form-encoded", percent(&text.replace('+', " "))),
            ("JSON-escaped", unescape_json(text)),
            ("HTML-escaped", unescape_html(text)),
        ] {
            if other != text {
                forms.push((form, other));
            }
        }
        Self(forms)
    }

    /// In which form the secret is there: as it is in one of these, or in
    /// base64 of either alphabet at any offset.
    fn find(&self, secret: &str) -> Option<&'static str> {
        let plain = self.0.iter().find(|(_, text)| text.contains(secret));
        if let Some((form, _)) = plain {
            return Some(form);
        }
        let text = &self.0[0].1;
        for skip in 0..3usize {
            // Whole groups of three bytes, whatever stands before them.
            let bytes = [vec![0; skip], secret.as_bytes().to_vec()].concat();
            let whole = &bytes[..bytes.len() / 3 * 3];
            let from = if skip == 0 { 0 } else { 4 };
            for encoded in [STANDARD_NO_PAD.encode(whole), URL_SAFE_NO_PAD.encode(whole)] {
                if encoded.len() > from + 12 && text.contains(&encoded[from..]) {
                    return Some("base64");
                }
            }
        }
        None
    }
}

fn found(text: &str, secret: &str) -> Option<&'static str> {
    Forms::of(text).find(secret)
}

fn unescape_json(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let code = tail.strip_prefix('u').and_then(|t| t.get(..4));
        let code = code.and_then(|c| u32::from_str_radix(c, 16).ok());
        match (code.and_then(char::from_u32), tail.chars().next()) {
            (Some(c), _) => {
                out.push(c);
                rest = &tail[5..];
            }
            (None, Some(c)) => {
                out.push(c);
                rest = &tail[c.len_utf8()..];
            }
            (None, None) => rest = "",
        }
    }
    out + rest
}

fn unescape_html(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[test]
fn the_search_finds_a_planted_canary_in_every_form() {
    let json = serde_json::to_string(SECRET).unwrap();
    let escaped: String = SECRET
        .chars()
        .map(|c| format!("\\u{:04x}", c as u32))
        .collect();
    let html = SECRET
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    let form: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let percent = percent_encoding::utf8_percent_encode(SECRET, percent_encoding::NON_ALPHANUMERIC);
    for planted in [
        SECRET.to_owned(),
        json,
        escaped,
        html,
        form,
        percent.to_string(),
        STANDARD_NO_PAD.encode(SECRET),
        STANDARD_NO_PAD.encode(format!("demo:{SECRET}")),
        URL_SAFE_NO_PAD.encode(format!("x{SECRET}y")),
        URL_SAFE_NO_PAD.encode(format!("xy{SECRET}")),
    ] {
        let page = format!("<p>before {planted} after");
        assert!(found(&page, SECRET).is_some(), "not found in {page}");
    }
    assert_eq!(found("<p>nothing here", SECRET), None);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

struct Run {
    secrets: Vec<(String, String)>,
    answers: Vec<Answer>,
    log: String,
    events: String,
    handle: String,
}

/// Everything that a user can do, once, with failures; `leak` adds a route
/// that prints the client secret.
async fn full_run(leak: bool) -> Run {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let secrets: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let events: Arc<Mutex<String>> = Arc::default();
    let record = events.clone();
    let app = Setup::new()
        .secret(SECRET)
        .base("http://127.0.0.1:{port}")
        .provider(|o| Options {
            clients: Some(vec![ClientRegistration::confidential(
                "demo",
                SECRET,
                &["http://127.0.0.1/callback"],
            )]),
            ..o
        })
        .sign_in(|s| s.dev_flow_view("/how"))
        .client(move |c| {
            c.on_event(move |e| {
                let line = serde_json::to_string(e).unwrap();
                let mut all = record.lock().unwrap();
                all.push_str(&format!("{line}\n{e:?}\n"));
            })
        })
        .router(move |s| {
            let router = crate::app::router(s);
            if leak {
                router.route("/leak", axum::routing::get(async || SECRET))
            } else {
                router
            }
        })
        .start()
        .await;
    let keep = secrets.clone();
    app.faults().always(
        Endpoint::Token,
        Fault::Alter(Arc::new(move |reply| {
            if let ReplyBody::Members(members, _) = &reply.body {
                let mut all = keep.lock().unwrap();
                for name in ["access_token", "refresh_token", "id_token"] {
                    if let Some(Value::String(v)) = members.get(name) {
                        all.push((name.into(), v.clone()));
                    }
                }
            }
        })),
    );
    let secret = ("client_secret".to_owned(), SECRET.to_owned());
    secrets.lock().unwrap().push(secret);

    let browser = app.signed_in().await;
    let handle = app.handle(&browser).unwrap();
    let issuer = app.provider().issuer().to_owned();
    for path in [
        "/",
        "/profile",
        "/session",
        "/logout",
        "/nothing",
        "/leak",
        &format!("/call?url={issuer}/photos"),
        &format!("/call?url={issuer}/mail"),
        "/call?url=https://evil.test/",
    ] {
        browser.open(&app.url(path)).await.unwrap();
        app.json(&browser, &app.url(path)).await;
    }
    for button in ["call-api", "refresh", "call-api", "revoke", "sign-out"] {
        let page = browser.open(&app.url("/session")).await.unwrap();
        browser.submit(&page, button, &[]).await.unwrap();
    }
    // Failures, where what was sent likes to be quoted.
    for fault in [
        Fault::Error("invalid_grant".into()),
        Fault::RemoveMember("access_token".into()),
        Fault::SetMember("token_type".into(), "mac".into()),
        Fault::Sign(valetkey_dev_provider::Signing::Corrupt),
        Fault::Truncate(40),
    ] {
        app.faults().next(Endpoint::Token, fault);
        let url = app.pending(&Browser::new(), "/login").await;
        browser.open(&url).await.unwrap();
        let page = app.sign_in(&browser).await;
        assert!(page.header("valetkey-error").is_some());
    }
    // A provider that sends back what it was sent.
    let said = serde_json::json!({
        "error": "invalid_client",
        "error_description": format!("demo:{SECRET} is wrong"),
    });
    let echo = Fault::Instead {
        status: 400,
        content_type: "application/json".into(),
        body: said.to_string(),
    };
    app.faults().next(Endpoint::Token, echo);
    app.sign_in(&browser).await;
    app.sign_in(&browser).await;
    app.clock.advance(3600);
    app.faults()
        .next(Endpoint::Token, Fault::Error("invalid_grant".into()));
    let page = browser.open(&app.url("/session")).await.unwrap();
    browser.submit(&page, "call-api", &[]).await.unwrap();
    let denied = with(&app.pending(&browser, "/login").await, "code", None);
    let denied = with(&denied, "error", Some("access_denied"));
    browser.open(&denied).await.unwrap();
    let post = Ask::post(&app.url("/logout"), &[])
        .unwrap()
        .header("origin", "http://evil.test");
    browser.send(post).await.unwrap();

    // What draws the sign-ins from the client's own events.
    for path in ["/how", "/how.svg", "/how.mmd"] {
        let page = browser.open(&app.url(path)).await.unwrap();
        assert_eq!(page.status, 200, "{path}: {}", page.text());
    }

    let mut secrets = secrets.lock().unwrap().clone();
    // The verifier, the nonce and the code of each login are in requests of
    // the server and of the browser, never in an answer of the application
    // (a nonce goes to the provider, in the login's redirect).
    for exchange in browser.history() {
        for (name, value) in exchange.url.query_pairs() {
            if name == "code" {
                secrets.push(("code".into(), value.into_owned()));
            }
        }
    }
    secrets.sort();
    secrets.dedup();
    Run {
        secrets,
        answers: app.answers.lock().unwrap().clone(),
        log: String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned(),
        events: events.lock().unwrap().clone(),
        handle,
    }
}

impl Run {
    fn leaks(&self) -> Vec<String> {
        let mut leaks = Vec::new();
        let mut look = |place: &str, text: &str| {
            let forms = Forms::of(text);
            for (name, secret) in &self.secrets {
                if let Some(form) = forms.find(secret) {
                    leaks.push(format!("{name}, {form}, in {place}"));
                }
            }
        };
        for answer in &self.answers {
            look(&format!("the head of {}", answer.path), &answer.head);
            look(&format!("the body of {}", answer.path), &answer.body);
        }
        look("the log", &self.log);
        look("the events", &self.events);
        leaks
    }
}

#[tokio::test]
async fn sc_12_no_token_code_or_secret_is_in_any_answer_log_or_event() {
    let run = full_run(false).await;
    let kinds: std::collections::BTreeSet<_> =
        run.secrets.iter().map(|(n, _)| n.as_str()).collect();
    for kind in [
        "access_token",
        "refresh_token",
        "id_token",
        "code",
        "client_secret",
    ] {
        assert!(kinds.contains(kind), "the run has no {kind}");
    }
    assert!(run.answers.len() > 50, "{}", run.answers.len());
    assert!(run.log.contains("token.refused"), "the log was captured");
    assert!(run.events.contains("code_exchanged"));
    let leaks = run.leaks();
    assert!(leaks.is_empty(), "{leaks:#?}");
    // The handle is in its own cookie and nowhere else.
    for answer in &run.answers {
        assert!(!answer.body.contains(&run.handle), "{}", answer.path);
        for line in answer.head.lines().filter(|l| l.contains(&run.handle)) {
            assert!(line.starts_with("set-cookie: "), "{line}");
        }
    }
    assert!(!run.log.contains(&run.handle));
    assert!(!run.events.contains(&run.handle));
}

#[tokio::test]
async fn sc_12_the_search_turns_red_when_an_answer_leaks() {
    let leaks = full_run(true).await.leaks();
    assert!(
        leaks.iter().any(|l| l.contains("in the body of GET /leak")),
        "{leaks:#?}"
    );
}

#[tokio::test]
async fn sc_12_a_public_entry_prints_no_secret_in_debug() {
    let clock = Time::new();
    let provider = start_provider(provider_options(&clock)).await;
    let builder = valetkey::Client::builder("http://localhost:5000").provider(
        local(&provider),
        "demo",
        Some(SECRET),
    );
    let text = format!("{builder:?}");
    let sign_in = valetkey_axum::SignIn::new(builder);
    let client = sign_in.client().unwrap();
    let text = format!("{text}{sign_in:?}{client:?}{:?}", sign_in.layer().unwrap());
    assert_eq!(found(&text, SECRET), None, "{text}");
}
