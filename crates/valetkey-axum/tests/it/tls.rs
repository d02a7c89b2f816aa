//! Behind a proxy that ends TLS: what browsers see of an https application.

use std::sync::Arc;

use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, rustls};
use valetkey_browser::Browser;
use valetkey_dev_provider::{ClientRegistration, Options};

use valetkey::{ClientBuilder, store::StoreError};

use crate::app::{App, FailingStore, Setup};

const HOST: &str = "app.example.test";

/// A proxy that ends TLS for the application, and a client that trusts it.
struct Https {
    address: std::net::SocketAddr,
    connector: TlsConnector,
}

impl Https {
    async fn before(app: &App) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let der: CertificateDer<'static> = cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(crypto.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![der.clone()], key)
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(der).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let port = app.port;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut tls = acceptor.accept(stream).await.unwrap();
                    let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut tls, &mut plain).await;
                });
            }
        });
        Self {
            address,
            connector: TlsConnector::from(Arc::new(client)),
        }
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, String) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from(HOST).unwrap();
        let tls = self.connector.connect(name, stream).await.unwrap();
        let (mut send, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let mut request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::CONNECTION, "close");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
        let (parts, body) = send.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        connection.abort();
        (
            parts.status,
            parts.headers,
            String::from_utf8_lossy(&body).into_owned(),
        )
    }
}

async fn behind_tls() -> (App, Https) {
    behind_tls_with(|client| client).await
}

async fn behind_tls_with(
    change: impl FnOnce(ClientBuilder) -> ClientBuilder + 'static,
) -> (App, Https) {
    let app = Setup::new()
        .client(change)
        .base(&format!("https://{HOST}"))
        .provider(|o| Options {
            clients: Some(vec![ClientRegistration::confidential(
                "demo",
                "demo-secret",
                &[&format!("https://{HOST}/callback")],
            )]),
            ..o
        })
        .sign_in(|s| s.check_host(true))
        .start()
        .await;
    let https = Https::before(&app).await;
    (app, https)
}

fn set_cookies(headers: &HeaderMap) -> Vec<String> {
    let all = headers.get_all(header::SET_COOKIE).iter();
    all.map(|v| v.to_str().unwrap().to_owned()).collect()
}

/// Signs in; returns every `Set-Cookie` on the way and the session's pair.
async fn sign_in(https: &Https) -> (Vec<String>, String) {
    let (status, headers, _) = https.ask("GET", "/login", &[]).await;
    assert_eq!(status, 303);
    let mut all = set_cookies(&headers);
    let login = all[0].split(';').next().unwrap().to_owned();
    let authorize = headers[header::LOCATION].to_str().unwrap();
    let browser = Browser::new();
    browser.follow(false);
    let page = browser.open(authorize).await.unwrap();
    let back = page.location().unwrap();
    assert_eq!(
        back.origin().ascii_serialization(),
        format!("https://{HOST}")
    );
    let path = format!("{}?{}", back.path(), back.query().unwrap());
    let (status, headers, body) = https.ask("GET", &path, &[("cookie", &login)]).await;
    assert_eq!(status, 303, "{body}");
    assert_eq!(headers[header::LOCATION], "/");
    all.extend(set_cookies(&headers));
    let session = all.iter().find(|c| c.contains("-session=")).unwrap();
    let session = session.split(';').next().unwrap().to_owned();
    (all, session)
}

#[tokio::test]
async fn sc_01_sc_04_sc_05_behind_tls_every_cookie_is_secure_and_bound_to_the_host() {
    let (_app, https) = behind_tls().await;
    let (mut all, session) = sign_in(&https).await;
    let origin = format!("https://{HOST}");
    let headers = [("cookie", session.as_str()), ("origin", &origin)];
    let (status, answer, _) = https.ask("POST", "/logout", &headers).await;
    assert_eq!(status, 303);
    all.extend(set_cookies(&answer));
    assert_eq!(all.len(), 5, "{all:?}");
    for cookie in all {
        assert!(cookie.starts_with("__Host-"), "{cookie}");
        let attributes: Vec<_> = cookie.split("; ").skip(1).collect();
        for wanted in ["Secure", "HttpOnly", "Path=/", "SameSite=Lax"] {
            assert!(attributes.contains(&wanted), "{cookie}");
        }
        assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");
    }
}

#[tokio::test]
async fn sc_01_the_session_works_behind_tls_and_only_under_its_full_name() {
    let (_app, https) = behind_tls().await;
    let (_, session) = sign_in(&https).await;
    let (_, _, body) = https.ask("GET", "/maybe", &[("cookie", &session)]).await;
    assert_eq!(body, "Hello Alice Example");
    // A neighbour on a sub-domain can set no `__Host-` cookie, and without
    // that name a handle is none.
    let bare = session.replace("__Host-", "");
    let (_, _, body) = https.ask("GET", "/maybe", &[("cookie", &bare)]).await;
    assert_eq!(body, "nobody");
}

#[tokio::test]
async fn sc_09_behind_tls_the_origin_is_the_base_urls() {
    let (_app, https) = behind_tls().await;
    let (_, session) = sign_in(&https).await;
    for origin in ["http://app.example.test", "https://evil.test", "null"] {
        let headers = [("cookie", session.as_str()), ("origin", origin)];
        let (status, answer, _) = https.ask("POST", "/logout", &headers).await;
        assert_eq!(status, 403, "{origin}");
        assert_eq!(answer["valetkey-error"], "request.cross_site");
    }
    let (_, _, body) = https.ask("GET", "/maybe", &[("cookie", &session)]).await;
    assert_eq!(body, "Hello Alice Example");
}

#[tokio::test]
async fn tr_12_scheme_and_cookie_names_follow_the_base_url_never_the_connection() {
    let (app, _https) = behind_tls().await;
    // Past the proxy, on the plain listener, with headers that lie.
    let browser = Browser::new();
    browser.follow(false);
    let request = valetkey_browser::Request::get(&format!("http://127.0.0.1:{}/login", app.port))
        .unwrap()
        .header("host", HOST)
        .header("x-forwarded-proto", "http")
        .header("x-forwarded-host", "evil.test");
    let page = browser.send(request).await.unwrap();
    assert_eq!(page.status, 303, "{}", page.text());
    let cookie = page.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"));
    let location = page.location().unwrap();
    let redirect_uri = location.query_pairs().find(|(n, _)| n == "redirect_uri");
    assert_eq!(redirect_uri.unwrap().1, format!("https://{HOST}/callback"));
}

#[tokio::test]
async fn an_error_of_the_store_tells_visitors_nothing_of_the_machine() {
    let store = Arc::new(FailingStore::default());
    let (app, https) = behind_tls_with({
        let store = store.clone();
        move |c| c.store(store)
    })
    .await;
    let (_, session) = sign_in(&https).await;
    let words = "/home/ann/sessions.db: database is locked";
    store.fail(&["load"], &StoreError::Locked(words.into()));
    for accept in ["text/html", "application/json"] {
        let headers = [("cookie", &*session), ("accept", accept)];
        let (status, headers, body) = https.ask("GET", "/profile", &headers).await;
        assert_eq!(status, 503);
        assert_eq!(headers["valetkey-error"], "store.locked");
        assert!(!body.contains("sessions.db"), "{body}");
        assert!(body.contains("request"), "{body}");
    }
    drop(app);
}
