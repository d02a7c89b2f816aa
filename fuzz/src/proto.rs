//! The protocol core: what browsers and providers send.

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::Url;
use valetkey_proto::{
    alg::Algorithm,
    callback::{VerifiedCallback, parse_response, verify_callback},
    challenge::{bearer_error, parse_challenges},
    client_auth::{ClientAuth, ClientCredentials},
    error::Explain,
    id_token::{Expectations, verify_id_token},
    jwk::{KeySet, MAX_KEYS},
    jws::parse_compact,
    login::{self, PendingLogin, Start},
    metadata, refresh,
    return_to::verify_return_to,
    secret::{AccessToken, Nonce, State, Verifier},
    token::{self, ExchangedTokens, TokenEndpoint, Tokens},
    transport::{is_link_local, is_loopback, verify_url},
    userinfo::{ProfileMap, verify_profile},
    wire::Reply,
};

use super::{assert_readable, first_line};

const ISSUER: &str = "https://as.example";
const CLIENT_ID: &str = "app";
const STATE: &str = "the-state";
const NONCE: &str = "the-nonce";
const NOW: u64 = 1_800_000_000;
const LIFETIME: u64 = 600;

static ENDPOINT: LazyLock<Url> = LazyLock::new(|| Url::parse("https://as.example/token").unwrap());
static CLIENT: LazyLock<ClientCredentials> = LazyLock::new(|| ClientCredentials {
    client_id: CLIENT_ID.into(),
    client_secret: None,
});
static SIGNER: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k",
        "x": URL_SAFE_NO_PAD.encode(SIGNER.public_key().as_ref())});
    KeySet::parse(json!({"keys": [key]}).to_string().as_bytes()).unwrap()
});

fn explained(error: &impl Explain) {
    for text in [error.message(), error.cause(), error.fix()] {
        assert_readable(&text);
    }
}

fn pending() -> PendingLogin {
    let start = Start {
        provider: "as",
        issuer: ISSUER,
        iss_required: false,
        authorization_endpoint: &ENDPOINT,
        client_id: CLIENT_ID,
        redirect_uri: "https://app.example/callback",
        scopes: &["openid".to_owned()],
        scope_separator: ' ',
        extra: &[],
        state: State::new(STATE),
        nonce: Some(Nonce::new(NONCE)),
        verifier: Verifier::from_random([7; 32]),
        max_age: None,
        return_to: verify_return_to("/after"),
        now: NOW,
    };
    login::request(start).unwrap().1
}

fn callback() -> VerifiedCallback {
    let response = parse_response("state=the-state&code=x").unwrap();
    verify_callback(response, pending(), "as", NOW, LIFETIME).unwrap()
}

fn endpoint() -> TokenEndpoint<'static> {
    TokenEndpoint {
        url: &ENDPOINT,
        client: &CLIENT,
        auth: ClientAuth::None,
        danger_by_get: false,
        scope_separator: ',',
    }
}

/// A reply: the first line is status and content type, the rest the body.
fn reply(data: &[u8]) -> Option<Reply<'_>> {
    let (head, body) = first_line(data);
    let head = std::str::from_utf8(head).ok()?;
    let (status, content_type) = head.split_once(' ').unwrap_or((head, ""));
    Some(Reply {
        status: status.parse().unwrap_or(200),
        content_type: Some(content_type).filter(|c| !c.is_empty()),
        body,
    })
}

/// The query of a callback.
pub fn callback_query(data: &[u8]) {
    let query = String::from_utf8_lossy(data);
    let response = match parse_response(&query) {
        Ok(response) => response,
        Err(error) => return explained(&error),
    };
    match verify_callback(response, pending(), "as", NOW, LIFETIME) {
        Err(error) => {
            explained(&error);
            if let Some(said) = error.provider_said() {
                assert_readable(&said.error);
                assert_readable(said.description.as_deref().unwrap_or_default());
                assert_readable(said.reason.as_deref().unwrap_or_default());
            }
        }
        Ok(_) => {
            let values = |name: &str| -> Vec<String> {
                form_urlencoded::parse(query.as_bytes())
                    .filter(|(n, _)| n == name)
                    .map(|(_, v)| v.into_owned())
                    .collect()
            };
            assert_eq!(values("state"), [STATE]);
            assert!(matches!(&values("code")[..], [code] if !code.is_empty()));
            assert!(values("error").is_empty());
            assert!(matches!(&values("iss")[..], [] | [_]));
            assert!(values("iss").iter().all(|iss| iss == ISSUER));
        }
    }
}

/// A token endpoint's reply, to a code and to a refresh token.
pub fn token_reply(data: &[u8]) {
    let Some(reply) = reply(data) else { return };
    let sound = |tokens: &Tokens| {
        assert_eq!(reply.status, 200);
        let token = tokens.access_token.expose();
        assert!(!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()));
        assert!(!format!("{tokens:?}").contains(token) || token.len() < 12);
        assert!(tokens.scopes.iter().all(|scope| !scope.is_empty()));
    };
    match token::read(reply, &endpoint(), &callback(), true, NOW) {
        Ok(exchanged) => {
            assert!(exchanged.tokens().id_token.is_some());
            sound(exchanged.tokens());
        }
        Err(error) => explained(&error),
    }
    match refresh::read(reply, &endpoint(), exchanged().tokens(), NOW) {
        Ok(tokens) => {
            sound(&tokens);
            assert!(tokens.refresh_token.is_some(), "the previous one stays");
        }
        Err(error) => explained(&error),
    }
}

fn exchanged() -> ExchangedTokens {
    let reply = Reply {
        status: 200,
        content_type: Some("application/json"),
        body: br#"{"access_token":"a","token_type":"bearer","refresh_token":"r"}"#,
    };
    token::read(reply, &endpoint(), &callback(), false, NOW).unwrap()
}

/// A profile of a provider without ID tokens.
pub fn profile(data: &[u8]) {
    let Some(reply) = reply(data) else { return };
    let map = ProfileMap {
        subject: "/id".into(),
        claims: [
            ("name", "/name"),
            ("name", "/login"),
            ("picture", "/a/0/~1"),
        ]
        .map(|(c, p)| (c.into(), p.into()))
        .into(),
    };
    match verify_profile(reply, &exchanged(), ISSUER, &map) {
        Ok(identity) => {
            assert_eq!(reply.status, 200);
            assert_eq!(identity.issuer(), ISSUER);
            assert!(!identity.subject().is_empty() && identity.subject().len() <= 255);
            assert!(identity.claims().values().all(|v| !v.is_null()));
        }
        Err(error) => explained(&error),
    }
}

/// A provider's metadata.
pub fn metadata(data: &[u8]) {
    let Some(reply) = reply(data) else { return };
    match metadata::read(reply, ISSUER, false) {
        Ok(metadata) => {
            assert_eq!(metadata.issuer, ISSUER);
            let endpoints = [
                Some(&metadata.authorization_endpoint),
                Some(&metadata.token_endpoint),
                metadata.userinfo_endpoint.as_ref(),
                metadata.jwks_uri.as_ref(),
                metadata.revocation_endpoint.as_ref(),
                metadata.end_session_endpoint.as_ref(),
            ];
            for url in endpoints.into_iter().flatten() {
                assert_eq!(
                    url.scheme(),
                    "https",
                    "an https issuer hands nobody to http"
                );
                assert!(url.fragment().is_none() && url.username().is_empty());
            }
        }
        Err(error) => explained(&error),
    }
}

/// A key set.
pub fn key_set(data: &[u8]) {
    match KeySet::parse(data) {
        Ok(keys) => {
            assert!(keys.len() + keys.skipped().len() <= MAX_KEYS);
            let token = sign(br#"{"alg":"EdDSA"}"#, b"{}");
            let expected = Expectations::new(ISSUER, CLIENT_ID, NOW);
            assert!(verify_id_token(&token, &keys, &expected).is_err());
        }
        Err(error) => assert_readable(&error.to_string()),
    }
}

fn sign(header: &[u8], payload: &[u8]) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = URL_SAFE_NO_PAD.encode(SIGNER.sign(message.as_bytes()).as_ref());
    format!("{message}.{signature}")
}

/// An ID token. After a first line `signed` come the header, on one line, and
/// the payload, to be signed by the provider's own key; otherwise the bytes
/// are the token.
pub fn id_token(data: &[u8]) {
    let nonce = Nonce::new(NONCE);
    let access_token = AccessToken::new("access");
    let mut expected = Expectations::new(ISSUER, CLIENT_ID, NOW);
    expected.nonce = Some(&nonce);
    expected.access_token = Some(&access_token);
    expected.algorithms = &[Algorithm::EdDSA, Algorithm::RS256];
    let (first, rest) = first_line(data);
    let (token, payload) = if first == b"signed" {
        let (header, payload) = first_line(rest);
        (sign(header, payload), Some(payload))
    } else {
        (String::from_utf8_lossy(data).into_owned(), None)
    };
    if let Err(error) = parse_compact(&token) {
        assert_readable(&error.to_string());
    }
    match verify_id_token(&token, &KEYS, &expected) {
        Err(error) => explained(&error),
        Ok(verified) => {
            let Some(payload) = payload else { return };
            let claims: Value = serde_json::from_slice(payload).unwrap();
            assert_eq!(claims["iss"], ISSUER);
            assert_eq!(claims["nonce"], NONCE);
            assert_eq!(claims["sub"], verified.subject());
            assert!(!verified.subject().is_empty() && verified.subject().len() <= 255);
            assert_eq!(verified.audience(), [CLIENT_ID]);
            assert!(verified.expires_at() + expected.leeway > NOW);
        }
    }
}

/// A `WWW-Authenticate` header.
pub fn challenges(data: &[u8]) {
    let header = String::from_utf8_lossy(data);
    for challenge in parse_challenges(&header) {
        assert!(!challenge.scheme.is_empty());
        assert!(challenge.scheme.bytes().all(|b| b.is_ascii_graphic()));
        assert_eq!(challenge.scheme, challenge.scheme.to_ascii_lowercase());
        for (name, value) in &challenge.parameters {
            assert!(challenge.parameter(name).is_some());
            assert!(value.len() <= header.len());
        }
    }
    let _ = bearer_error([&*header]);
}

/// A return target: wherever it is joined, it stays.
pub fn return_to(data: &[u8]) {
    let target = String::from_utf8_lossy(data);
    let kept = verify_return_to(&target);
    assert!(kept.as_str() == target || kept.as_str() == "/");
    assert!(kept.as_str().bytes().all(|b| b.is_ascii_graphic()));
    for base in [
        "https://app.example/",
        "https://app.example/callback/github?code=x#y",
        "https://app.example//double//slash/",
        "http://localhost:5000",
        "http://127.0.0.1:5000/a/../b",
    ] {
        let base = Url::parse(base).unwrap();
        let there = base.join(kept.as_str()).unwrap();
        assert_eq!(there.origin(), base.origin());
        // Again, as a proxy or a router that normalizes would see it.
        let again = base.join(there.path()).unwrap();
        assert_eq!(again.origin(), base.origin());
    }
    assert_eq!(verify_return_to(kept.as_str()), kept);
}

/// A URL from settings or metadata.
pub fn url(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for allow_http in [false, true] {
        match verify_url(&text, allow_http) {
            Err(error) => explained(&error),
            Ok(url) => {
                assert!(allow_http || url.scheme() == "https" || is_loopback(&url));
                assert!(matches!(url.scheme(), "http" | "https"));
                assert!(url.username().is_empty() && url.password().is_none());
                assert!(url.fragment().is_none());
                let host = url.host_str().unwrap().trim_matches(['[', ']']);
                assert!(host.parse().map_or(true, |ip| !is_link_local(ip)));
                assert_eq!(verify_url(url.as_str(), allow_http).as_ref(), Ok(&url));
            }
        }
    }
}

/// The bytes of a pending login, once opened.
pub fn pending_login(data: &[u8]) {
    let Some(pending) = PendingLogin::parse(data) else {
        return;
    };
    let bytes = pending.to_bytes();
    let again = PendingLogin::parse(&bytes).unwrap();
    assert_eq!(*again.to_bytes(), *bytes);
    let base = Url::parse("https://app.example/").unwrap();
    let there = base.join(pending.return_to().as_str()).unwrap();
    assert_eq!(there.origin(), base.origin());
    let response = parse_response("state=the-state&code=x").unwrap();
    drop(verify_callback(response, pending, "as", NOW, LIFETIME));
}
