//! The diagram of real sign-ins, beside what the browser sent and got.

use std::collections::HashSet;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use url::Url;
use valetkey::settings::Sources;
use valetkey_browser::{Browser, Exchange, Page};
use valetkey_pages::how::{Arrow, ArrowState, FlowView, Kind, Outcome, Who};
use valetkey_proto::secret::shown;

use super::{super::Args, *};
use crate::commands::demo::{CLIENT_SECRET, Demo};

/// A demo that is served until the test ends.
struct Running {
    app: String,
    events: std::sync::Arc<Mutex<Vec<Event>>>,
    provider: valetkey_dev_provider::Running,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn demo() -> Running {
    let args = Args {
        port: Some(0),
        open: false,
        data_dir: None,
        issuer: None,
        scope: Vec::new(),
        walk: false,
        deny: false,
        svg: None,
    };
    let mut demo = Demo::prepare(&args, &Sources::none()).await.unwrap();
    let (app, events) = (demo.app_url.clone(), demo.events.clone());
    let provider = demo.provider.take().unwrap();
    Running {
        app,
        events,
        provider,
        serving: tokio::spawn(demo.serve(std::future::pending())),
    }
}

impl Running {
    async fn open(&self, browser: &Browser, path: &str) -> Page {
        let page = browser.open(&format!("{}{path}", self.app)).await.unwrap();
        assert!(page.header("x-content-type-options").is_some());
        page
    }

    /// As far as the consent page.
    async fn to_consent(&self, browser: &Browser, user: &str) -> Page {
        let page = self.open(browser, "/login").await;
        let password = format!("{user}-password");
        let fields = [("username", user), ("password", password.as_str())];
        browser.submit(&page, "sign-in", &fields).await.unwrap()
    }

    async fn sign_in(&self, browser: &Browser, user: &str, decision: &str) -> Page {
        let page = self.to_consent(browser, user).await;
        let decision = [("decision", decision)];
        browser.submit(&page, "consent", &decision).await.unwrap()
    }

    /// Signs in, and changes the state on the way back.
    async fn tamper(&self, browser: &Browser, user: &str) -> (Page, String) {
        let page = self.to_consent(browser, user).await;
        browser.follow(false);
        let decision = [("decision", "allow")];
        let page = browser.submit(&page, "consent", &decision).await.unwrap();
        browser.follow(true);
        let mut callback = page.location().unwrap();
        let other = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            let value = if name == "state" {
                format!("tampered-{value}")
            } else {
                value.into_owned()
            };
            (name.into_owned(), value)
        };
        let pairs: Vec<_> = callback.query_pairs().map(other).collect();
        callback.query_pairs_mut().clear().extend_pairs(pairs);
        (
            browser.open(callback.as_str()).await.unwrap(),
            callback.to_string(),
        )
    }

    /// The only sign-in so far.
    fn flow(&self) -> FlowView {
        let events = self.events.lock().unwrap().clone();
        first(&events, &self.provider.records(), &self.app)
            .unwrap()
            .view
    }
}

fn arrow(flow: &FlowView, kind: Kind) -> &Arrow {
    flow.arrow(kind).unwrap()
}

fn parameters(arrow: &Arrow) -> HashSet<(String, String)> {
    let list = arrow.parameters.iter();
    list.map(|p| (p.name.clone(), p.shown.clone())).collect()
}

/// What was on the wire, as it ought to be shown.
fn on_the_wire(url: &Url) -> HashSet<(String, String)> {
    url.query_pairs()
        .map(|(name, value)| {
            let secret = ["state", "nonce", "code", "form_token", "request"].contains(&&*name);
            let value = match &*name {
                "password" => "not shown".into(),
                _ if secret => shown(&value),
                _ => value.into_owned(),
            };
            (name.into_owned(), value)
        })
        .collect()
}

fn body(exchange: &Exchange) -> Url {
    Url::parse(&format!("form:?{}", exchange.request_body)).unwrap()
}

fn location(exchange: &Exchange) -> Url {
    let location = exchange.headers["location"].to_str().unwrap();
    exchange.url.join(location).unwrap()
}

#[tokio::test]
async fn the_diagram_says_what_went_over_the_wire() {
    let demo = demo().await;
    let browser = Browser::new();
    let home = demo.sign_in(&browser, "alice", "allow").await;
    assert!(home.text().contains("Hello Alice Example"));
    let wire = browser.history();
    let [login, authorize, sign_in, again, consent, callback, home] = &wire[..] else {
        panic!("{wire:?}");
    };
    assert_eq!((again.url.path(), home.url.path()), ("/authorize", "/"));

    let flow = demo.flow();
    assert_eq!(flow.outcome, Outcome::SignedIn);
    assert_eq!(
        flow.headline,
        "Alice Example signed in with the local provider"
    );
    let kinds: Vec<_> = flow.arrows.iter().map(|a| (a.kind, a.from, a.to)).collect();
    use Kind::*;
    use Who::{AuthorizationServer as As, Browser as B, Client as C, ResourceServer as Rs};
    assert_eq!(
        kinds,
        [
            (Login, B, C),
            (Redirect, C, B),
            (Authorize, B, As),
            (SignIn, B, As),
            (Consent, B, As),
            (Answer, As, B),
            (Callback, B, C),
            (Exchange, C, As),
            (Tokens, As, C),
            (ReadUser, C, Rs),
            (UserData, Rs, C),
            (Greeting, C, B),
        ]
    );
    for (i, arrow) in flow.arrows.iter().enumerate() {
        assert_eq!(arrow.number, i + 1);
        assert_eq!(arrow.state, ArrowState::Held, "{arrow:?}");
        assert!(arrow.checks.iter().all(|c| c.held), "{arrow:?}");
    }

    // Methods and paths.
    for (kind, exchange) in [
        (Login, login),
        (Authorize, authorize),
        (SignIn, sign_in),
        (Consent, consent),
        (Callback, callback),
    ] {
        let label = format!("{} {}", exchange.method, exchange.url.path());
        assert_eq!(arrow(&flow, kind).label, label);
    }
    // Every parameter, no more and no less.
    let without_challenge = |mut set: HashSet<(String, String)>| {
        set.retain(|(name, _)| name != "code_challenge");
        set
    };
    assert_eq!(
        parameters(arrow(&flow, Redirect)),
        on_the_wire(&location(login))
    );
    assert_eq!(
        without_challenge(parameters(arrow(&flow, Authorize))),
        without_challenge(on_the_wire(&authorize.url))
    );
    assert_eq!(
        parameters(arrow(&flow, SignIn)),
        on_the_wire(&body(sign_in))
    );
    assert_eq!(
        parameters(arrow(&flow, Consent)),
        on_the_wire(&body(consent))
    );
    assert_eq!(
        parameters(arrow(&flow, Callback)),
        on_the_wire(&callback.url)
    );
    let issued = parameters(arrow(&flow, Answer));
    assert!(issued.is_subset(&on_the_wire(&location(consent))) && issued.len() == 1);
    let session = callback.headers.get_all("set-cookie").iter();
    let session = session
        .filter_map(|v| v.to_str().ok()?.split_once("-session="))
        .map(|(_, rest)| shown(rest.split(';').next().unwrap()));
    let cookie = arrow(&flow, Greeting).parameters[0].shown.clone();
    assert_eq!(session.collect::<Vec<_>>(), [cookie]);

    // The password, and nothing else, is where the browser sent it.
    let with_password = flow.arrows.iter().filter(|a| a.carries_password);
    assert_eq!(with_password.map(|a| a.kind).collect::<Vec<_>>(), [SignIn]);
    assert_eq!(
        browser.who_received("alice-password"),
        [demo.provider.origin()]
    );
    assert_eq!(flow.password_received_by, Some(vec![As]));

    // What did not pass the browser: the record of the provider.
    let records = demo.provider.records();
    let record = |endpoint| records.iter().find(|r| r.endpoint == endpoint).unwrap();
    let token = record(Endpoint::Token);
    for name in ["code", "redirect_uri", "code_verifier", "grant_type"] {
        let value = token.param(name).unwrap().to_owned();
        assert!(parameters(arrow(&flow, Exchange)).contains(&(name.to_owned(), value)));
    }
    for name in ["access_token", "refresh_token", "id_token"] {
        let value = token.issued(name).unwrap().to_owned();
        assert!(parameters(arrow(&flow, Tokens)).contains(&(name.to_owned(), value)));
    }
    let bearer = record(Endpoint::Userinfo)
        .param("authorization.bearer")
        .unwrap();
    assert_eq!(arrow(&flow, ReadUser).parameters[0].shown, bearer);
    let both = |kind| arrow(&flow, kind).recorded_by.len() == 2;
    assert!(
        [Authorize, Callback, Exchange, Tokens, ReadUser]
            .into_iter()
            .all(both)
    );

    // The tables.
    assert_eq!(flow.steps.len(), 7);
    assert!(flow.steps.iter().all(|s| s.held == Some(true)));
    let statuses = |row: usize| flow.variables[row].values.clone().map(|c| c.status);
    assert_eq!(statuses(0), ["none", "used", "used", "used", "used up"]);
    assert_eq!(statuses(1), ["none", "received", "used", "used", "used up"]);
    assert_eq!(
        statuses(2),
        ["none", "none", "received", "used", "kept by the client"]
    );
    assert_eq!(statuses(3), ["none", "none", "none", "received", "used"]);
    let code = callback
        .url
        .query_pairs()
        .find(|(n, _)| n == "code")
        .unwrap()
        .1;
    assert_eq!(flow.variables[1].values[1].shown, shown(&code));

    // And the page shows all of it.
    let page = demo.open(&browser, "/how").await;
    for arrow in &flow.arrows {
        assert!(page.text().contains(&arrow.label), "{}", arrow.label);
        for parameter in &arrow.parameters {
            assert!(page.body.contains(&parameter.shown), "{parameter:?}");
        }
    }
    assert_eq!(page.header("refresh"), None);
}

/// Where it broke, and what of the rest is said to have happened.
fn assert_broken_at_callback(flow: &FlowView, code: &str) {
    assert_eq!(flow.outcome, Outcome::Failed);
    let broken = flow.broken().unwrap();
    assert_eq!(broken.kind, Kind::Callback);
    assert_eq!(broken.broke.as_ref().unwrap().code, code);
    let (last, held) = broken.checks.split_last().unwrap();
    assert!(!last.held && held.iter().all(|c| c.held), "{broken:?}");
    for arrow in &flow.arrows {
        let expected = match arrow.number.cmp(&broken.number) {
            std::cmp::Ordering::Less => ArrowState::Held,
            std::cmp::Ordering::Equal => ArrowState::Failed,
            std::cmp::Ordering::Greater => ArrowState::Absent,
        };
        assert_eq!(arrow.state, expected, "{arrow:?}");
    }
    let held: Vec<_> = flow.steps.iter().map(|s| s.held).collect();
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(held, [yes, yes, no, None, None, None, no]);
    assert_eq!(flow.variables[2].values[4].status, "none");
}

#[tokio::test]
async fn a_refusal_breaks_the_callback() {
    let demo = demo().await;
    let browser = Browser::new();
    let page = demo.sign_in(&browser, "bob", "deny").await;
    assert_eq!(page.header("valetkey-error"), Some("callback.denied"));
    let links = page.links();
    assert!(links.iter().any(|l| l.url.path() == "/how"), "{links:?}");
    let flow = demo.flow();
    assert_broken_at_callback(&flow, "callback.denied");
    assert_eq!(arrow(&flow, Kind::Consent).carries, "decision deny");
    assert_eq!(arrow(&flow, Kind::Answer).carries, "error=access_denied");
    assert_eq!(flow.variables[1].values[1].status, "none");
    let shown = demo.open(&browser, "/how").await;
    assert!(shown.text().contains("callback.denied"));
}

#[tokio::test]
async fn a_state_that_was_changed_breaks_the_callback() {
    let demo = demo().await;
    let browser = Browser::new();
    let (page, _) = demo.tamper(&browser, "bob").await;
    assert_eq!(
        page.header("valetkey-error"),
        Some("callback.state_mismatch")
    );
    let events = demo.events.lock().unwrap().clone();
    let seen: Vec<_> = demo.provider.records().iter().filter_map(seen).collect();
    let all = flows(&events, Some(&seen), &Names::default());
    // The pending login is still good: it waits for its own answer.
    let [tampered, waiting] = &all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(waiting.view.outcome, Outcome::Pending);
    assert_broken_at_callback(&tampered.view, "callback.state_mismatch");
    let callback = arrow(&tampered.view, Kind::Callback);
    assert_eq!(callback.recorded_by, [Who::Client]);
    let state = callback
        .parameters
        .iter()
        .find(|p| p.name == "state")
        .unwrap();
    let sent = arrow(&tampered.view, Kind::Redirect);
    let sent = sent.parameters.iter().find(|p| p.name == "state").unwrap();
    assert_ne!(state.shown, sent.shown);
    assert!(state.note.contains(&sent.shown), "{}", state.note);
    let held: Vec<_> = callback.checks.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(held.last(), Some(&"state was made here"));
    assert_eq!(tampered.view.variables[0].values[1].status, "refused");
    let page = demo.open(&browser, "/how").await;
    assert!(page.text().contains("callback.state_mismatch"));
}

#[tokio::test]
async fn a_wrong_password_is_an_arrow_that_was_refused_and_ends_nothing() {
    let demo = demo().await;
    let browser = Browser::new();
    let page = demo.open(&browser, "/login").await;
    let wrong = [("username", "carol"), ("password", "wrong-password")];
    let page = browser.submit(&page, "sign-in", &wrong).await.unwrap();
    let right = [("username", "carol"), ("password", "carol-password")];
    let page = browser.submit(&page, "sign-in", &right).await.unwrap();

    // Live while it happens.
    let how = demo.open(&browser, "/how").await;
    assert_eq!(how.header("refresh"), Some("2"));
    let stopped = how.links().into_iter().find(|l| l.text == "Stop following");
    let stopped = browser.open(stopped.unwrap().url.as_str()).await.unwrap();
    assert_eq!(stopped.header("refresh"), None);
    let flow = demo.flow();
    assert_eq!(flow.outcome, Outcome::Pending);
    let forms = flow.arrows.iter().filter(|a| a.kind == Kind::SignIn);
    assert_eq!(
        forms.map(|a| a.state).collect::<Vec<_>>(),
        [ArrowState::Failed, ArrowState::Held]
    );
    assert_eq!(arrow(&flow, Kind::Consent).state, ArrowState::Waiting);

    let allow = [("decision", "allow")];
    let home = browser.submit(&page, "consent", &allow).await.unwrap();
    assert!(home.text().contains("Hello carol"), "{}", home.text());
    let flow = demo.flow();
    assert_eq!(flow.outcome, Outcome::SignedIn);
    assert_eq!(flow.arrows.len(), 13);
    assert_eq!(demo.open(&browser, "/how").await.header("refresh"), None);
}

#[tokio::test]
async fn each_browser_sees_its_own_last_sign_in_and_can_choose() {
    let demo = demo().await;
    let (alice, bob) = (Browser::new(), Browser::new());
    // Both at once: each form belongs to its own sign-in.
    let (a, b) = (
        demo.to_consent(&alice, "alice").await,
        demo.to_consent(&bob, "bob").await,
    );
    alice
        .submit(&a, "consent", &[("decision", "allow")])
        .await
        .unwrap();
    bob.submit(&b, "consent", &[("decision", "deny")])
        .await
        .unwrap();
    let own = demo.open(&alice, "/how").await;
    assert!(
        own.text().contains("Alice Example signed in"),
        "{}",
        own.text()
    );
    assert!(own.body.contains("<code>alice</code>") && !own.body.contains("<code>bob</code>"));
    let other = demo.open(&bob, "/how").await;
    assert!(other.text().contains("callback.denied"));
    assert!(other.body.contains("<code>bob</code>") && !other.body.contains("<code>alice</code>"));
    // The way there is on the pages before and after.
    for browser in [&alice, &Browser::new()] {
        let links = demo.open(browser, "/").await.links();
        assert!(links.iter().any(|l| l.url.path() == PATH), "{links:?}");
    }
    // A browser without a sign-in sees the last one.
    let nobody = demo.open(&Browser::new(), "/how").await;
    assert!(nobody.text().contains("callback.denied"));
    let choice = other
        .links()
        .into_iter()
        .find(|l| l.url.query().is_some_and(|q| q.starts_with("sign-in=1")));
    let chosen = bob.open(choice.unwrap().url.as_str()).await.unwrap();
    assert!(chosen.text().contains("Alice Example signed in"));
}

/// The forms in which a secret might be written.
fn spellings(secret: &str) -> Vec<String> {
    let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
    let json: String = secret
        .encode_utf16()
        .map(|u| format!("\\u{u:04x}"))
        .collect();
    vec![
        secret.to_owned(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        percent,
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        json,
        serde_json::to_string(secret)
            .unwrap()
            .trim_matches('"')
            .to_owned(),
    ]
}

#[tokio::test]
async fn no_secret_is_on_the_page_or_in_the_files() {
    let demo = demo().await;
    let mut secrets: Vec<String> = vec![CLIENT_SECRET.into()];
    let mut outputs = Vec::new();
    let mut challenges = Vec::new();
    for (user, way) in [("alice", "allow"), ("bob", "deny"), ("carol", "tamper")] {
        let browser = Browser::new();
        if way == "tamper" {
            let (_, callback) = demo.tamper(&browser, user).await;
            secrets.push(callback);
        } else {
            demo.sign_in(&browser, user, way).await;
        }
        secrets.push(format!("{user}-password"));
        for exchange in browser.history() {
            for (name, value) in exchange
                .url
                .query_pairs()
                .chain(body(&exchange).query_pairs())
            {
                if ["code", "state", "nonce", "form_token"].contains(&&*name) {
                    secrets.push(value.into_owned());
                } else if name == "code_challenge" {
                    challenges.push(value.into_owned());
                }
            }
            for header in exchange.headers.get_all("set-cookie") {
                let (name, rest) = header.to_str().unwrap().split_once('=').unwrap();
                let value = rest.split(';').next().unwrap();
                if !value.is_empty() && !name.starts_with("valetkey-how-") {
                    secrets.push(value.to_owned());
                }
            }
        }
        let page = demo.open(&browser, "/how").await;
        for link in page.links() {
            if link.url.path().starts_with("/how") && link.url.path() != "/how" {
                let file = browser.open(link.url.as_str()).await.unwrap();
                assert_eq!(file.status, 200);
                outputs.push(file.body);
            }
        }
        outputs.push(page.body);
    }
    assert_eq!(outputs.len(), 9);
    assert!(secrets.len() > 20, "{}", secrets.len());
    for output in &outputs {
        for secret in secrets.iter().flat_map(|s| spellings(s)) {
            assert!(!output.contains(&secret), "{secret}");
        }
        // Tokens never come into the browser's view: nothing that is as long
        // and as random is there but the public challenge and the style.
        let output = output.split("</style>").last().unwrap();
        let random = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for word in output.split(|c| !random(c)).filter(|w| w.len() >= 32) {
            assert!(challenges.iter().any(|c| c.contains(word)), "{word}");
        }
    }
}
