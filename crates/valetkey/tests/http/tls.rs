//! TR-02: the server proves who it is, or nothing is sent.

use std::{sync::Arc, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::{TlsAcceptor, rustls};
use valetkey::http::{Http, HttpConfigError, HttpError};
use valetkey_proto::error::Explain;

use crate::server::{Answer, LOOPBACK, Server, client, get, ok};

const HOST: &str = "op.example.test";

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server with a certificate of this authority.
    fn acceptor(&self, name: &str, adjust: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        adjust(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        acceptor(certificate.der().clone(), &key)
    }
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn trusting(pem: &str) -> Http {
    client()
        .pin_host(HOST, [LOOPBACK])
        .extra_roots(pem)
        .build()
        .unwrap()
}

async fn refusal(http: &Http, acceptor: TlsAcceptor) -> String {
    let server = Server::start_tls(Answer::KeepAlive(ok("secret")), acceptor).await;
    let error = get(http, server.url_as("https", HOST)).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls { .. }), "{error:?}");
    assert_eq!(error.code(), "provider.unreachable");
    assert!(error.fix().contains("SSL_CERT_FILE"));
    assert!(error.never_sent());
    assert_eq!(server.requests().len(), 0);
    error.to_string()
}

#[tokio::test]
async fn tr_02_a_private_authority_is_trusted_when_it_is_named() {
    let authority = Authority::new();
    let acceptor = authority.acceptor(HOST, |_| {});
    let server = Server::start_tls(Answer::KeepAlive(ok("hello")), acceptor).await;
    let response = get(&trusting(&authority.pem()), server.url_as("https", HOST))
        .await
        .unwrap();
    assert_eq!(&response.body[..], b"hello");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn tr_02_an_unknown_authority_is_refused() {
    let authority = Authority::new();
    let http = client().pin_host(HOST, [LOOPBACK]).build().unwrap();
    let text = refusal(&http, authority.acceptor(HOST, |_| {})).await;
    assert!(text.contains("authority"), "{text}");
    let other = trusting(&Authority::new().pem());
    refusal(&other, authority.acceptor(HOST, |_| {})).await;
}

#[tokio::test]
async fn tr_02_a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let http = trusting(&authority.pem());
    for name in ["other.example.test", "example.test", "*.op.example.test"] {
        let text = refusal(&http, authority.acceptor(name, |_| {})).await;
        assert!(text.contains("another name"), "{name}: {text}");
    }
}

#[tokio::test]
async fn tr_02_an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let http = trusting(&authority.pem());
    let expired = authority.acceptor(HOST, |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let text = refusal(&http, expired).await;
    assert!(text.contains("expired"), "{text}");
    let future = authority.acceptor(HOST, |params| {
        params.not_before = date_time_ymd(2900, 1, 1);
    });
    let text = refusal(&http, future).await;
    assert!(text.contains("not valid yet"), "{text}");
}

#[tokio::test]
async fn tr_02_a_self_signed_certificate_is_refused() {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let http = client().pin_host(HOST, [LOOPBACK]).build().unwrap();
    refusal(&http, acceptor(certificate.der().clone(), &key)).await;
}

#[tokio::test]
async fn tr_02_a_server_without_tls_gets_no_request() {
    let server = Server::start(Answer::Close(ok("plain"))).await;
    let http = client()
        .pin_host(HOST, [LOOPBACK])
        .connect_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    // It waits for the end of a head that never comes.
    let error = get(&http, server.url_as("https", HOST)).await.unwrap_err();
    assert!(
        matches!(error, HttpError::ConnectTimeout { .. }),
        "{error:?}"
    );
    assert!(error.never_sent());
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn roots_that_are_none_are_refused() {
    use base64::Engine;
    let build = |pem: &str| Http::builder().extra_roots(pem).build().map(|_| ());
    assert_eq!(build("\n  \n"), Ok(()));
    assert_eq!(build("hello"), Err(HttpConfigError::NoCertificate));
    let key = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(build(&key), Err(HttpConfigError::NoCertificate));
    let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    assert!(matches!(build(broken), Err(HttpConfigError::Pem { .. })));
    let nonsense = base64::engine::general_purpose::STANDARD.encode("no certificate");
    let nonsense = format!("-----BEGIN CERTIFICATE-----\n{nonsense}\n-----END CERTIFICATE-----\n");
    let good = Authority::new().pem();
    let error = build(&format!("{good}{nonsense}")).unwrap_err();
    assert!(
        matches!(error, HttpConfigError::Root { number: 2, .. }),
        "{error:?}"
    );
    assert_eq!(error.code(), "config.invalid");
}
