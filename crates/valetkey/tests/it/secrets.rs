//! No secret in anything that is printed, logged or told: a whole life of a
//! session, all its output searched for every secret in every disguise.

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use valetkey::{ApiRequest, Explain, cookie::Cookies, flow::callback::Callback, seal::KeyRing};

use crate::{
    app::{Jar, Refusal, app_with, entry},
    script::{CLIENT_ID, Op, Reply, SECRET, value},
};

/// What a form encodes.
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');
const COMPONENT: &AsciiSet = &FORM
    .remove(b'~')
    .remove(b'!')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The disguises in which a secret may leak.
fn disguises(secret: &str) -> Vec<String> {
    let json = json!(secret).to_string();
    let debug = format!("{secret:?}");
    let mut list = vec![
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        debug[1..debug.len() - 1].to_owned(),
        secret.bytes().fold(String::new(), |mut hex, b| {
            let _ = write!(hex, "{b:02x}");
            hex
        }),
    ];
    for set in [NON_ALPHANUMERIC, FORM, COMPONENT] {
        let encoded = utf8_percent_encode(secret, set).to_string();
        list.push(encoded.replace("%20", "+"));
        list.push(encoded);
    }
    // Base64 in the middle of something longer: at each of the three
    // offsets, without the characters that depend on the neighbours.
    for offset in 0..3 {
        let mut bytes = vec![0; offset];
        bytes.extend_from_slice(secret.as_bytes());
        let whole = bytes.len() / 3 * 3;
        for engine in [&STANDARD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&bytes[..whole]);
            list.push(text[if offset == 0 { 0 } else { 4 }..].to_owned());
        }
    }
    list
}

fn leak<'a>(text: &str, secrets: &'a [String]) -> Option<&'a str> {
    let lower = text.to_lowercase();
    let found = |secret: &&String| {
        disguises(secret)
            .iter()
            .any(|d| lower.contains(&d.to_lowercase()))
    };
    secrets.iter().find(found).map(String::as_str)
}

#[test]
fn rs_10_the_search_finds_a_secret_in_every_disguise() {
    let secrets = [SECRET.to_owned()];
    assert_eq!(leak("nothing", &secrets), None);
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("s", SECRET)
        .finish();
    let planted = [
        format!("so it is {SECRET}."),
        json!({"error": format!("bad {SECRET}")}).to_string(),
        format!("{:?}", Some(SECRET)),
        form,
        url::Url::parse_with_params("https://a.example/", [("s", SECRET)])
            .unwrap()
            .to_string(),
        format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{SECRET}"))),
        STANDARD.encode(format!("x{SECRET}")),
        URL_SAFE_NO_PAD.encode(format!("xy{SECRET}z")),
    ];
    for text in planted {
        assert_eq!(leak(&text, &secrets), Some(SECRET), "{text}");
    }
}

/// Keeps what is logged, fields and all.
struct Log(Arc<Mutex<String>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut Fields(&mut self.0.lock().unwrap()));
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut Fields(&mut self.0.lock().unwrap()));
    }
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Fields(&mut self.0.lock().unwrap()));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

struct Fields<'a>(&'a mut String);

impl tracing::field::Visit for Fields<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let _ = writeln!(self.0, "{field} = {value:?}");
    }
}

#[tokio::test]
async fn te_19_rf_07_rs_10_sc_12_a_whole_life_prints_no_secret() {
    let log: Arc<Mutex<String>> = Arc::default();
    let _guard = tracing::subscriber::set_default(Log(log.clone()));
    tracing::info!("the log is kept");
    let mut out = String::new();
    let mut say = |what: &dyn std::fmt::Debug| {
        let _ = writeln!(out, "{what:?}\n{what:#?}");
    };
    let key = "5ec2e7".repeat(11);
    let keys = KeyRing::parse(&key).unwrap();
    say(&keys);
    let op = Op::start().await;
    op.rotates(false);
    let app = app_with(&op, |b| {
        let builder = b.provider(entry(&op), CLIENT_ID, Some(SECRET)).keys(keys);
        say(&builder);
        builder
    });
    say(&app.client);
    let mut jar = Jar::default();
    let mut secrets = vec![SECRET.to_owned(), key];

    // A sign-in, step by step.
    let redirect = app
        .client
        .login("op", "/after", &Cookies::default())
        .await
        .unwrap();
    say(&redirect);
    jar.set(&redirect.set_cookies);
    let query = op.authorize(&redirect.location);
    for (name, text) in [
        ("state", &redirect.location),
        ("nonce", &redirect.location),
        ("code", &query),
    ] {
        let form = text.split_once('?').map_or(text.as_str(), |(_, q)| q);
        secrets.push(value(form, name));
    }
    secrets.extend(jar.0.values().cloned());
    say(&jar.cookies());
    let callback = app.callback(&query, &mut jar).await.unwrap();
    say(&callback);
    let Callback::Verified(sign_in) = callback else {
        panic!()
    };
    let established = app
        .client
        .establish(*sign_in, &jar.cookies())
        .await
        .unwrap();
    say(&established);
    jar.set(&established.set_cookies);
    secrets.push(jar.session().unwrap().to_owned());
    let session = app.session(&jar).await.unwrap();
    say(&session);

    // Failures, with a provider that repeats what it was sent.
    for code in [
        "state=x",
        "state=x&state=y",
        &query.replace("code=", "code=x&code="),
    ] {
        say(&app.callback(code, &mut jar).await.unwrap_err());
    }
    let echo = |seen: &crate::script::Seen, reply: &mut Reply| {
        let told = format!("you sent {} {:?}", seen.body, seen.basic());
        *reply = Reply::json(
            400,
            &json!({"error": "invalid_request", "error_description": told}),
        );
    };
    op.reply("/token", echo);
    let failed = |refusal: Refusal| {
        format!(
            "{refusal:?} {} {:?}",
            refusal.error,
            refusal.error.problem()
        )
    };
    // The form as it was sent has the secrets percent-encoded.
    let mut other = Jar::default();
    say(&failed(app.try_sign_in(&op, &mut other).await.unwrap_err()));
    say(&app
        .client
        .renew(&session)
        .await
        .map_err(|e| (e.problem(), e))
        .unwrap_err());
    op.honest();
    op.id_token(|_, claims| claims["nonce"] = "wrong".into());
    say(&failed(app.try_sign_in(&op, &mut other).await.unwrap_err()));
    op.honest();

    // Renewal, calls, revocation, sign-out.
    let session = app.client.renew(&session).await.unwrap();
    say(&session);
    let mut request = ApiRequest::get(&format!("{}/api?token=of-the-caller-1234", op.origin));
    request.headers.push((
        http::HeaderName::from_static("x-api-key"),
        "of-the-caller-1234".parse().unwrap(),
    ));
    secrets.push("of-the-caller-1234".into());
    say(&request);
    say(&app.client.api(&session, request).await.unwrap());
    let elsewhere = format!("http://user:of-the-caller-1234@{}/", "other.example");
    say(&app
        .client
        .api(&session, ApiRequest::get(&elsewhere))
        .await
        .unwrap_err());
    app.client.revoke(&session).await.unwrap();
    app.client.sign_out(&jar.cookies()).await.unwrap();

    // Every secret that went over the wire.
    for seen in op.all() {
        for name in ["code", "code_verifier", "refresh_token", "token"] {
            secrets.extend(seen.fields(name));
        }
        secrets.extend(seen.bearer().map(str::to_owned));
    }
    secrets.sort();
    secrets.dedup();
    assert!(secrets.len() > 15, "{}", secrets.len());
    let log = log.lock().unwrap().clone();
    assert!(log.contains("the log is kept"));
    let events = app.events.lock().unwrap().clone();
    assert!(events.len() > 15);
    let told = format!("{}\n{events:?}", serde_json::to_string(&events).unwrap());
    for (what, text) in [("output", &out), ("log", &log), ("events", &told)] {
        if let Some(secret) = leak(text, &secrets) {
            let at = disguises(secret)
                .iter()
                .find_map(|d| text.to_lowercase().find(&d.to_lowercase()))
                .unwrap();
            let mut from = at.saturating_sub(300);
            while !text.is_char_boundary(from) {
                from -= 1;
            }
            panic!(
                "`{secret}` is in the {what}: …{}",
                text[from..].chars().take(600).collect::<String>()
            );
        }
    }
}
