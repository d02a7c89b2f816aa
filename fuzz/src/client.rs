//! The client: cookies, sealed bytes, settings, session records.

use std::{
    future::Future,
    sync::{Arc, LazyLock},
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::runtime::Runtime;
use url::Url;
use valetkey::{
    Client, Explain, Provider,
    clock::FakeClock,
    cookie::Cookies,
    flow::callback::Callback,
    proto::userinfo::ProfileMap,
    provider::OAuth2,
    seal::{KeyRing, Purpose},
    settings::{self, Registration, Sources, Wanted},
    store::{Index, MemoryStore, RecordKey},
};

use super::{assert_readable, first_line};

const NOW: u64 = 1_800_000_000;
const KEY: [u8; 32] = [7; 32];

thread_local! {
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// A client whose provider nobody answers for.
fn client(store: Arc<MemoryStore>) -> Client {
    let at = |path: &str| format!("http://127.0.0.1:1{path}");
    let provider = Provider::oauth2(
        "op",
        OAuth2 {
            issuer: at(""),
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            revocation_endpoint: None,
            profile_endpoint: at("/me"),
            profile: ProfileMap {
                subject: "/id".into(),
                claims: Vec::new(),
            },
            more: None,
        },
    );
    Client::builder("http://localhost:5000")
        .provider(provider, "app", Some("the-secret"))
        .keys(KeyRing::from_bytes(KEY))
        .clock(Arc::new(FakeClock::at(NOW)))
        .store(store)
        .build()
        .unwrap()
}

static CLIENT: LazyLock<Client> = LazyLock::new(|| client(Arc::new(MemoryStore::new())));

/// A `Cookie` header.
pub fn cookies(data: &[u8]) {
    let header = String::from_utf8_lossy(data);
    let (first, more) = header.split_once('\n').unwrap_or((&header, ""));
    let mut cookies = Cookies::parse(first);
    cookies.add(more);
    let pairs = first.split(';').chain(more.split(';'));
    let names: Vec<&str> = pairs
        .filter_map(|pair| Some(pair.split_once('=')?.0.trim_matches([' ', '\t'])))
        .collect();
    assert!(names.iter().all(|name| cookies.value(name).is_some()));
    assert_eq!(format!("{cookies:?}"), format!("{names:?}"), "no values");
    assert!(wait(CLIENT.session(&cookies)).unwrap().is_none());
    drop(wait(CLIENT.sign_out(&cookies)));
}

/// A callback as the browser brings it: the first line is the query, the
/// second the `Cookie` header. `{state}` and `{cookies}` stand for those of a
/// login that was started in this browser.
pub fn callback_route(data: &[u8]) {
    let (query, cookies) = first_line(data);
    let redirect = wait(CLIENT.login("op", "/after", &Cookies::default())).unwrap();
    let state = Url::parse(&redirect.location)
        .unwrap()
        .query_pairs()
        .find(|(name, _)| name == "state")
        .map(|(_, value)| value.into_owned())
        .unwrap();
    let set: Vec<String> = redirect.set_cookies.iter().map(|c| c.header()).collect();
    let pairs: Vec<&str> = set.iter().filter_map(|c| c.split(';').next()).collect();
    let query = String::from_utf8_lossy(query).replace("{state}", &state);
    let cookies = String::from_utf8_lossy(cookies).replace("{cookies}", &pairs.join("; "));
    match wait(CLIENT.callback("op", &query, &Cookies::parse(&cookies))) {
        Ok(Callback::Verified(_)) => panic!("nobody vouched for this user"),
        Ok(Callback::AlreadySignedIn(_)) => panic!("nobody has signed in"),
        Err(failure) => {
            for text in [
                failure.error.message(),
                failure.error.cause(),
                failure.error.fix(),
            ] {
                assert_readable(&text);
                assert!(!text.contains(&state));
            }
            for cookie in &failure.set_cookies {
                assert_readable(&cookie.header());
            }
        }
    }
}

/// The setting `SECRET_KEY`.
pub fn key_ring(data: &[u8]) {
    let setting = String::from_utf8_lossy(data);
    match KeyRing::parse(&setting) {
        Ok(ring) => {
            let sealed = ring.seal(Purpose::Session, b"aad", b"plain");
            let opened = ring.open(Purpose::Session, b"aad", &sealed).unwrap();
            assert_eq!(&**opened.plaintext, b"plain");
        }
        Err(error) => {
            assert_readable(&error.message());
            for word in setting.split_whitespace().filter(|word| word.len() >= 24) {
                assert!(!error.message().contains(word));
            }
        }
    }
}

/// Bytes that somebody claims were sealed here, and bytes that were and have
/// been altered.
pub fn sealed(data: &[u8]) {
    let ring = KeyRing::from_bytes(KEY);
    let _ = ring.knows_key_of(data);
    for purpose in [Purpose::Session, Purpose::LoginCookie] {
        assert!(ring.open(purpose, b"aad", data).is_none());
    }
    assert!(ring.open_state(data).is_none());
    let Some((alteration, plain)) = data.split_first_chunk::<3>() else {
        return;
    };
    let place = usize::from(u16::from_le_bytes([alteration[0], alteration[1]]));
    let alter = |mut sealed: Vec<u8>| {
        let place = place % sealed.len();
        sealed[place] ^= alteration[2];
        sealed
    };
    let same = alteration[2] == 0;
    let bytes = alter(ring.seal(Purpose::Session, b"aad", plain));
    let opened = ring.open(Purpose::Session, b"aad", &bytes);
    assert_eq!(opened.is_some(), same);
    assert!(opened.is_none_or(|opened| **opened.plaintext == *plain));
    assert!(ring.open(Purpose::LoginCookie, b"aad", &bytes).is_none());
    assert!(ring.open(Purpose::Session, b"other", &bytes).is_none());
    let bytes = alter(ring.seal_state([3; 16], plain));
    assert_eq!(ring.open_state(&bytes).is_some(), same);
}

/// The plaintext of a session's record: written by another version, or by
/// whoever has the key.
pub fn session_record(data: &[u8]) {
    let handle = [9; 32];
    let mut key = RecordKey([0; 32]);
    key.0.copy_from_slice(digest(&SHA256, &handle).as_ref());
    let sealed = KeyRing::from_bytes(KEY).seal(Purpose::Session, &key.0, data);
    let cookie = format!("valetkey-5000-session={}", URL_SAFE_NO_PAD.encode(handle));
    let store = CLIENT.store();
    wait(async {
        drop(store.delete(key).await);
        store
            .insert(key, sealed, NOW + 600, NOW + 600, Index::default())
            .await
            .unwrap();
    });
    match wait(CLIENT.session(&Cookies::parse(&cookie))) {
        Ok(session) => {
            let session = session.expect("the store has it");
            drop(session.claims_as::<std::collections::BTreeMap<String, String>>());
            drop(format!(
                "{session:?} {} {}",
                session.name(),
                session.subject()
            ));
        }
        Err(error) => assert_eq!(error.code(), "store.damaged"),
    }
}

/// A `.env` file.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let sources = Sources::none()
        .environment([
            ("GITHUB_CLIENT_SECRET", "canary-7f"),
            ("SECRET_KEY", "canary-7f"),
        ])
        .env_file_text("fuzz.env", &text);
    let providers = [
        Registration::new("github", "GitHub", "https://github.com/settings").needs_secret(),
        Registration::new("oidc", "OpenID", "https://as.example").provider_url_is_issuer(),
    ];
    for providers in [&providers[..], &providers[..1]] {
        let wanted = Wanted::providers(providers).data_dir(false);
        let problems = settings::load(&sources, &wanted).expect_err("the secret key is too short");
        assert!(!problems.is_empty());
        for problem in problems {
            for text in [problem.message(), problem.cause(), problem.fix()] {
                assert_readable(&text);
                assert!(!text.contains("canary"), "{text}");
            }
        }
    }
}
