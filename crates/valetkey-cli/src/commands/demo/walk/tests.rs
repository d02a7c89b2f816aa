//! What `judge` says of a real run, and of the same run with one record
//! falsified.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use valetkey::events::{EventKind, Parameter};
use valetkey_dev_provider::{Endpoint, Fault};

use super::*;

fn args(deny: bool) -> Args {
    Args {
        port: None,
        open: false,
        data_dir: None,
        issuer: None,
        scope: Vec::new(),
        walk: true,
        deny,
        svg: None,
    }
}

async fn recorded(deny: bool) -> Records {
    let demo = Demo::prepare(&args(deny), &Sources::none()).await.unwrap();
    record(demo, deny, &Browser::new()).await
}

/// Every leaf of a JSON value, changed: where it is, and the whole with it.
fn falsified(value: &Value) -> Vec<(String, Value)> {
    fn leaves(value: &Value, pointer: &str, found: &mut Vec<(String, Value)>) {
        let mut into =
            |name: &str, value: &Value| leaves(value, &format!("{pointer}/{name}"), found);
        match value {
            Value::Object(members) => members.iter().for_each(|(n, v)| into(n, v)),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.for_each(|(i, v)| into(&i.to_string(), v));
            }
            Value::String(text) => found.push((pointer.to_owned(), format!("{text}x").into())),
            Value::Number(n) => found.push((pointer.to_owned(), (n.as_u64().unwrap() + 1).into())),
            Value::Bool(b) => found.push((pointer.to_owned(), (!b).into())),
            Value::Null => found.push((pointer.to_owned(), "x".into())),
        }
    }
    let mut found = Vec::new();
    leaves(value, "", &mut found);
    found
        .into_iter()
        .map(|(pointer, lie)| {
            let mut whole = value.clone();
            *whole.pointer_mut(&pointer).unwrap() = lie;
            (pointer, whole)
        })
        .collect()
}

/// The lists with one value falsified each, and what was falsified.
fn lies<T: Serialize + DeserializeOwned + Clone>(list: &[T]) -> Vec<(String, Vec<T>)> {
    let mut lies = Vec::new();
    for (i, item) in list.iter().enumerate() {
        for (pointer, value) in falsified(&serde_json::to_value(item).unwrap()) {
            if let Ok(lie) = serde_json::from_value(value) {
                let mut list = list.to_vec();
                list[i] = lie;
                lies.push((format!("{i}{pointer}"), list));
            }
        }
    }
    lies
}

/// What no other record can know: labels, sentences, the time, an address
/// that is looked at by nobody, and what the app does not show.
fn may_differ(list: &str, pointer: &str, provider: &[Record]) -> bool {
    let ends = |tail: &str| pointer.ends_with(tail);
    let index = pointer.split('/').next().unwrap_or_default();
    // Metadata and keys are read by anybody.
    let public = list == "provider"
        && index.parse().is_ok_and(|i: usize| {
            matches!(provider[i].endpoint, Endpoint::Metadata | Endpoint::Jwks)
        });
    ends("/at")
        // What the person was doing is this side's own note.
        || (list == "browser" && ends("/step"))
        || ends("/message")
        || (pointer.contains("/checks/") && (ends("/name") || ends("/clause")))
        || (public && ends("/path"))
        || (list == "client" && pointer.starts_with("4/received/4/"))
}

#[tokio::test]
async fn every_fact_that_is_falsified_in_either_record_is_found() {
    for deny in [false, true] {
        let mut run = recorded(deny).await;
        let walk = run.judge(deny);
        assert!(walk.ok, "{:?}", walk.problem);
        let mut unnoticed = Vec::new();
        let mut falsified = 0;
        let (client, provider) = (run.client.clone(), run.provider.clone());
        for (what, list) in lies(&client) {
            falsified += 1;
            run.client = list;
            if run.judge(deny).ok && !may_differ("client", &what, &provider) {
                unnoticed.push(format!("client {what}"));
            }
        }
        run.client = client;
        for (what, list) in lies(&provider) {
            falsified += 1;
            run.provider = list;
            if run.judge(deny).ok && !may_differ("provider", &what, &provider) {
                unnoticed.push(format!("provider {what}"));
            }
        }
        run.provider = provider;
        for (what, list) in lies(&run.browser.visits) {
            falsified += 1;
            run.browser.visits = list;
            if run.judge(deny).ok && !may_differ("browser", &what, &run.provider) {
                unnoticed.push(format!("browser {what}"));
            }
        }
        assert_eq!(unnoticed, Vec::<String>::new(), "deny: {deny}");
        assert!(falsified > 100, "{falsified}");
    }
}

#[tokio::test]
async fn every_record_that_is_missing_doubled_or_late_is_found() {
    fn without<T: Clone>(list: &[T], i: usize) -> Vec<T> {
        let mut list = list.to_vec();
        list.remove(i);
        list
    }
    fn doubled<T: Clone>(list: &[T], i: usize) -> Vec<T> {
        let mut list = list.to_vec();
        list.insert(i, list[i].clone());
        list
    }
    fn swapped<T: Clone>(list: &[T], i: usize) -> Vec<T> {
        let mut list = list.to_vec();
        list.swap(i, i + 1);
        list
    }
    let run = recorded(false).await;
    let (client, provider, browser) = (&run.client, &run.provider, &run.browser);
    let visits = |visits: Vec<witness::Visit>| Witness {
        visits,
        ..browser.clone()
    };
    for i in 0..client.len() {
        for lie in [without(client, i), doubled(client, i)] {
            assert!(
                !judge::judge(&lie, provider, browser, false).ok,
                "event {i}"
            );
        }
    }
    for i in 0..provider.len() {
        for lie in [without(provider, i), doubled(provider, i)] {
            assert!(
                !judge::judge(client, &lie, browser, false).ok,
                "request {i}"
            );
        }
    }
    for i in 0..browser.visits.len() {
        for lie in [without(&browser.visits, i), doubled(&browser.visits, i)] {
            let lie = visits(lie);
            assert!(!judge::judge(client, provider, &lie, false).ok, "visit {i}");
        }
    }
    for i in 0..client.len() - 1 {
        let lie = swapped(client, i);
        assert!(
            !judge::judge(&lie, provider, browser, false).ok,
            "event {i}"
        );
    }
    for i in 0..provider.len() - 1 {
        let lie = swapped(provider, i);
        assert!(
            !judge::judge(client, &lie, browser, false).ok,
            "request {i}"
        );
    }
    for i in 0..browser.replays.len() {
        let lie = Witness {
            replays: without(&browser.replays, i),
            ..browser.clone()
        };
        assert!(
            !judge::judge(client, provider, &lie, false).ok,
            "replay {i}"
        );
    }
}

/// The names of the checks that did not hold, with their steps.
fn broken(walk: &Walk) -> Vec<(u8, &'static str)> {
    assert!(!walk.ok && walk.problem.is_some());
    walk.steps
        .iter()
        .flat_map(|s| s.checks.iter().map(|c| (s.step, c)))
        .filter(|(_, c)| !c.held)
        .map(|(step, c)| (step, c.name))
        .collect()
}

fn set(list: &mut [Parameter], name: &str, value: &str) {
    let found = list.iter_mut().find(|p| p.name == name).unwrap();
    value.clone_into(&mut found.value);
}

#[tokio::test]
async fn the_check_that_is_broken_says_what_was_falsified() {
    let run = recorded(false).await;
    let other = "0000… (43)";

    // The client, which claims something else than what the provider saw.
    let client = |change: &dyn Fn(&mut EventKind)| {
        let mut client = run.client.clone();
        client.iter_mut().for_each(|e| change(&mut e.kind));
        broken(&judge::judge(&client, &run.provider, &run.browser, false))
    };
    let state = client(&|e| {
        if let EventKind::LoginStarted { sent, .. } = e {
            set(sent, "state", other);
        }
    });
    assert!(state.contains(&(1, "state sent")), "{state:?}");
    assert!(
        state.contains(&(3, "state is the one that was sent")),
        "{state:?}"
    );
    let verifier = client(&|e| {
        if let EventKind::CodeExchanged { sent, .. } = e {
            set(sent, "code_verifier", other);
        }
    });
    assert!(
        verifier.contains(&(4, "PKCE verified by the provider")),
        "{verifier:?}"
    );
    let code = client(&|e| {
        if let EventKind::CallbackReceived { received, .. } = e {
            set(received, "code", other);
        }
    });
    assert!(
        code.contains(&(3, "code is the one that was issued")),
        "{code:?}"
    );
    assert!(
        code.contains(&(4, "code is the one that was received")),
        "{code:?}"
    );
    let session = client(&|e| {
        if let EventKind::SignedIn { session, .. } = e {
            other.clone_into(session);
        }
    });
    assert!(session.contains(&(6, "session id is new")), "{session:?}");
    let revoked = client(&|e| {
        if let EventKind::Revoked { confirmed, .. } = e {
            *confirmed = false;
        }
    });
    assert_eq!(
        revoked,
        [(10, "refresh token revoked"), (10, "access token revoked")]
    );

    // The provider.
    let provider = |endpoint, change: &dyn Fn(&mut Record)| {
        let mut provider = run.provider.clone();
        let at = provider.iter_mut().filter(|r| r.endpoint == endpoint);
        at.for_each(change);
        broken(&judge::judge(&run.client, &provider, &run.browser, false))
    };
    let param = |endpoint, name: &'static str| {
        provider(endpoint, &move |r| {
            let found = r.params.iter_mut().filter(|p| p.name == name);
            found.for_each(|p| other.clone_into(&mut p.value));
        })
    };
    let token = param(Endpoint::Photos, "authorization.bearer");
    assert_eq!(token, [(8, "token is the one that was issued")]);
    let token = param(Endpoint::Userinfo, "authorization.bearer");
    assert_eq!(token, [(5, "token is the one that was issued")]);
    let uri = param(Endpoint::Token, "redirect_uri");
    assert!(
        uri.contains(&(4, "redirect URI is the one of step 1")),
        "{uri:?}"
    );
    let secret = param(Endpoint::Token, "authorization.client_secret");
    assert_eq!(
        secret,
        [(4, "client authenticated"), (9, "client authenticated")]
    );
    let unverified = provider(Endpoint::Token, &|r| {
        r.checks
            .retain(|c| c.name != "code verifier fits the challenge");
    });
    assert_eq!(unverified, [(4, "PKCE verified by the provider")]);
    let not_rotated = provider(Endpoint::Token, &|r| {
        for issued in &mut r.outcome.issued {
            other.clone_into(&mut issued.value);
        }
    });
    assert!(
        not_rotated.contains(&(9, "refresh token rotated")),
        "{not_rotated:?}"
    );
    let early = provider(Endpoint::SignIn, &|r| {
        let mut issued = r.params[0].clone();
        "code".clone_into(&mut issued.name);
        r.outcome.issued.push(issued);
    });
    assert_eq!(early, [(2, "one code, issued only after consent")]);
    let second = {
        let mut provider = run.provider.clone();
        let mut again = provider
            .iter()
            .find(|r| r.endpoint == Endpoint::Token)
            .unwrap()
            .clone();
        again.seq = provider.len() as u64 + 1;
        provider.push(again);
        broken(&judge::judge(&run.client, &provider, &run.browser, false))
    };
    assert!(second.contains(&(4, "code used once")), "{second:?}");
}

#[tokio::test]
async fn a_password_that_reaches_the_client_is_told_by_any_record() {
    let run = recorded(false).await;
    let password = run.browser.password.clone();
    let only_there = (2, "password only to the authorization server");

    // The browser saw it go to the app.
    let mut browser = run.browser.clone();
    browser.visits[0].password = true;
    let walk = judge::judge(&run.client, &run.provider, &browser, false);
    assert_eq!(broken(&walk), [only_there]);
    assert_eq!(
        walk.password_received_by,
        ["client", "authorization server"]
    );

    // Or it lies in what the browser sent.
    let mut browser = run.browser.clone();
    let last = browser.visits.last_mut().unwrap();
    last.sent.push(witness::Fact::new("q", &password));
    let walk = judge::judge(&run.client, &run.provider, &browser, false);
    assert!(broken(&walk).contains(&only_there));

    // Or in what the client sent.
    let mut client = run.client.clone();
    for event in &mut client {
        if let EventKind::CodeExchanged { sent, .. } = &mut event.kind {
            sent.push(Parameter {
                name: "password".into(),
                value: password.clone(),
            });
        }
    }
    let walk = judge::judge(&client, &run.provider, &run.browser, false);
    assert!(broken(&walk).contains(&only_there));
    assert!(walk.password_received_by.contains(&"client".to_owned()));

    // Or the provider did not get it.
    let mut provider = run.provider.clone();
    provider
        .iter_mut()
        .for_each(|r| r.received_password = false);
    let walk = judge::judge(&run.client, &provider, &run.browser, false);
    assert!(broken(&walk).contains(&only_there));
}

#[tokio::test]
async fn a_run_of_the_other_kind_does_not_pass() {
    for deny in [false, true] {
        let run = recorded(deny).await;
        assert!(run.judge(deny).ok);
        assert!(!run.judge(!deny).ok);
    }
}

#[test]
fn nothing_recorded_is_a_document_that_says_so() {
    for deny in [false, true] {
        let witness = Witness {
            broken: Some("nothing listens".into()),
            ..Witness::default()
        };
        let walk = judge::judge(&[], &[], &witness, deny);
        assert!(!walk.ok && walk.steps.iter().all(|s| !s.held));
        assert!(walk.problem.unwrap().ends_with("nothing listens"));
        assert_eq!(walk.steps.len(), if deny { 4 } else { 11 });
        let none = walk.variables.iter().flat_map(|v| &v.values);
        assert!(none.clone().count() == 20 && none.clone().all(|v| v.status == "none"));
    }
}

#[tokio::test]
async fn a_walk_that_breaks_tells_at_which_step() {
    let status = |code| Fault::Status(code);
    let lie = |name: &str| Fault::SetMember(name.into(), "of-another-app".into());
    let other = |name: &str| Fault::SetParam(name.into(), "of-another-login".into());
    let refused = |code: &str| Fault::Error(code.into());
    let faults = [
        (1, Endpoint::Authorize, 1, status(500)),
        (2, Endpoint::SignIn, 1, Fault::DisconnectBefore),
        (2, Endpoint::AuthorizationResponse, 1, other("code")),
        (3, Endpoint::AuthorizationResponse, 1, other("state")),
        (3, Endpoint::AuthorizationResponse, 1, other("iss")),
        (4, Endpoint::Token, 1, status(500)),
        (4, Endpoint::Token, 1, lie("access_token")),
        (
            5,
            Endpoint::Token,
            1,
            Fault::SetClaim("nonce".into(), "x".into()),
        ),
        (5, Endpoint::Userinfo, 1, refused("invalid_token")),
        (8, Endpoint::Photos, 1, status(500)),
        (9, Endpoint::Token, 2, refused("invalid_grant")),
        (10, Endpoint::Revoke, 1, status(503)),
    ];
    for (step, endpoint, nth, fault) in faults {
        let what = format!("{} on {endpoint} {nth}", fault.name());
        let demo = Demo::prepare(&args(false), &Sources::none()).await.unwrap();
        let provider = demo.provider.as_ref().unwrap();
        provider.faults().on(endpoint, nth, fault);
        let walk = record(demo, false, &Browser::new()).await.judge(false);
        assert!(!walk.ok, "{what}");
        assert_eq!(
            format!("{:?}", super::status(&walk)),
            format!("{:?}", ExitCode::FAILURE)
        );
        let first = walk.steps.iter().find(|s| !s.held).map(|s| s.step);
        assert_eq!(first, Some(step), "{what}: {:?}", walk.problem);
        let problem = walk.problem.as_ref().unwrap();
        assert!(
            problem.starts_with(&format!("step {step} did not hold")),
            "{what}: {problem}"
        );
        let text = text::render(&walk, text::Style { colour: false });
        assert!(text.contains('✗') && text.contains(problem), "{what}");
    }
}

/// Every secret of the run, from the browser's own memory.
fn secrets(browser: &Browser) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = vec![
        ("password".into(), ALICE.password.into()),
        ("client secret".into(), super::super::CLIENT_SECRET.into()),
    ];
    for exchange in browser.history() {
        let body = format!("form:?{}", exchange.request_body);
        let body = url::Url::parse(&body).unwrap();
        for (name, value) in exchange.url.query_pairs().chain(body.query_pairs()) {
            if ["code", "state", "nonce", "form_token", "password"].contains(&&*name) {
                found.push((name.into_owned(), value.into_owned()));
            }
        }
        for header in exchange.headers.get_all("set-cookie") {
            let (name, rest) = header.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            // A mark without meaning is no secret.
            if !value.is_empty() && !name.ends_with("-ended") {
                found.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    found
}

#[tokio::test]
async fn no_secret_is_in_the_document_or_the_tables() {
    for deny in [false, true] {
        let browser = Browser::new();
        let (walk, _) = walk(&args(deny), &Sources::none(), &browser).await.unwrap();
        assert!(walk.ok, "{:?}", walk.problem);
        let json = serde_json::to_string(&walk).unwrap();
        let debug = format!("{walk:?}");
        let text = text::render(&walk, text::Style { colour: true });
        let secrets = secrets(&browser);
        for name in ["state", "nonce", "form_token"] {
            assert!(secrets.iter().any(|(n, _)| n == name), "{name}");
        }
        assert_eq!(secrets.iter().any(|(n, _)| n == "code"), !deny);
        for (name, secret) in secrets {
            for output in [&json, &debug, &text] {
                assert!(!output.contains(&secret), "{name} is in the output");
            }
        }
        // Tokens never come into this process's view: nothing that is as
        // long and as random is there but the public code challenge.
        let challenge = walk.steps[0].client.events[0].clone();
        let EventKind::LoginStarted { sent, .. } = challenge.kind else {
            panic!("the first event is the login");
        };
        let challenge = sent.iter().find(|p| p.name == "code_challenge").unwrap();
        let random = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        for word in json.split(|c| !random(c)).filter(|w| w.len() >= 40) {
            assert_eq!(word, challenge.value);
        }
    }
}
