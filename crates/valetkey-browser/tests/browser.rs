//! The browser against a small server on real sockets.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request as HttpRequest, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use valetkey_browser::{Browser, BrowserError, Page, Request};

/// What a server saw.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(http::request::Parts, String)>>>);

impl Seen {
    fn last(&self) -> (http::request::Parts, String) {
        self.0.lock().unwrap().last().unwrap().clone()
    }

    fn header(&self, name: &str) -> String {
        let (parts, _) = self.last();
        let value = parts.headers.get(name);
        value.map_or(String::new(), |v| v.to_str().unwrap().to_owned())
    }
}

/// Serves `answer(path and query, port)` on 127.0.0.1 and answers its port.
async fn serve(answer: fn(&str) -> Response<String>) -> (u16, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let log = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let log = log.clone();
            let service = service_fn(move |request: HttpRequest<Incoming>| {
                let log = log.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let path = parts.uri.to_string();
                    let body = String::from_utf8_lossy(&body).into_owned();
                    log.0.lock().unwrap().push((parts, body));
                    if path == "/never" {
                        std::future::pending::<()>().await;
                    }
                    Ok::<_, Infallible>(answer(&path).map(|b| Full::new(Bytes::from(b))))
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (port, seen)
}

fn html(body: &str) -> Response<String> {
    Response::builder()
        .header("content-type", "text/html")
        .body(body.to_owned())
        .unwrap()
}

/// `/to/<status>/<location>`, `/set?<cookie>`, `/form?<csp>`, anything else echoes.
fn answer(path: &str) -> Response<String> {
    if let Some(rest) = path.strip_prefix("/to/") {
        let (status, location) = rest.split_once('/').unwrap();
        return Response::builder()
            .status(status.parse::<u16>().unwrap())
            .header("location", location)
            .body(String::new())
            .unwrap();
    }
    if let Some(cookie) = path.strip_prefix("/set?") {
        return Response::builder()
            .header("set-cookie", cookie.replace("%20", " "))
            .body(String::new())
            .unwrap();
    }
    if let Some(policy) = path.strip_prefix("/form?") {
        let mut page = html("<form name=go method=post action=/to/303/http://localhost:1/away>");
        if !policy.is_empty() {
            let policy = policy.replace("%20", " ").replace("%27", "'");
            page.headers_mut()
                .insert("content-security-policy", policy.parse().unwrap());
        }
        return page;
    }
    if path == "/shy" {
        let mut page = html("<form name=go method=post action=/x></form>");
        page.headers_mut()
            .insert("referrer-policy", "no-referrer".parse().unwrap());
        return page;
    }
    html(&format!(
        "<p>at {path}<form name=f method=post action='/post'><input type=hidden name=t value=1><input name=u>"
    ))
}

#[tokio::test]
async fn a_form_is_filled_in_and_the_redirect_after_it_followed() {
    let (port, seen) = serve(|path| match path {
        "/sign-in" => html(
            "<form name=sign-in method=post action=/check><input type=hidden name=token value=t1>\
             <input name=username><input name=password type=password></form>",
        ),
        "/check" => answer("/to/303//home"),
        _ => html("<h1>Hello Alice</h1>"),
    })
    .await;
    let browser = Browser::new();
    let page = browser
        .open(&format!("http://localhost:{port}/sign-in"))
        .await
        .unwrap();
    let fields = [("username", "alice"), ("password", "alice pass&word")];
    let page = browser.submit(&page, "sign-in", &fields).await.unwrap();

    assert_eq!(page.text(), "Hello Alice");
    assert_eq!(page.url.path(), "/home");
    assert_eq!(page.from.len(), 1);
    assert_eq!(page.from[0].status, 303);
    assert_eq!(page.from[0].location.as_ref().unwrap().path(), "/home");
    assert_eq!(
        page.from[0].request_body,
        "token=t1&username=alice&password=alice+pass%26word"
    );
    // After a 303 nothing of the form goes on.
    let (parts, body) = seen.last();
    assert_eq!(parts.method, "GET");
    assert_eq!(body, "");
    assert!(!parts.headers.contains_key("content-type"));
    assert_eq!(
        browser.who_received("alice pass&word"),
        [format!("http://localhost:{port}")]
    );
    assert!(browser.who_received("bob").is_empty());
    assert!(browser.who_received("").is_empty());
}

#[tokio::test]
async fn redirects_keep_or_drop_method_and_body_as_fetch_says() {
    let (port, seen) = serve(answer).await;
    let browser = Browser::new();
    for (status, method, body) in [
        (301, "GET", ""),
        (302, "GET", ""),
        (303, "GET", ""),
        (307, "POST", "a=1"),
        (308, "POST", "a=1"),
    ] {
        let url = format!("http://localhost:{port}/to/{status}//there");
        let request = Request::post(&url, &[("a", "1")]).unwrap();
        let page = browser.send(request).await.unwrap();
        assert_eq!(page.url.path(), "/there");
        let (parts, received) = seen.last();
        assert_eq!(
            (parts.method.as_str(), received.as_str()),
            (method, body),
            "{status}"
        );
    }
}

#[tokio::test]
async fn one_hop_at_a_time_when_asked() {
    let (port, _) = serve(answer).await;
    let browser = Browser::new();
    browser.follow(false);
    let page = browser
        .open(&format!("http://localhost:{port}/to/302//to/303//end"))
        .await
        .unwrap();
    assert_eq!(page.status, 302);
    let page = browser.step(&page).await.unwrap();
    assert_eq!((page.status.as_u16(), page.from.len()), (303, 1));
    let page = browser.step(&page).await.unwrap();
    assert_eq!((page.url.path(), page.from.len()), ("/end", 2));
    let error = browser.step(&page).await.unwrap_err();
    assert!(matches!(error, BrowserError::NotARedirect(_)), "{error}");
}

#[tokio::test]
async fn a_chain_of_redirects_ends() {
    let (port, seen) = serve(|_| answer("/to/302//again")).await;
    let error = Browser::new()
        .open(&format!("http://localhost:{port}/"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, BrowserError::TooManyRedirects(..)),
        "{error}"
    );
    assert_eq!(seen.0.lock().unwrap().len(), 21);
}

#[tokio::test]
async fn another_site_gets_lax_cookies_with_links_only() {
    let (port, seen) = serve(answer).await;
    let browser = Browser::new();
    let app = format!("http://localhost:{port}");
    for cookie in ["d=1", "l=1;%20SameSite=Lax", "s=1;%20SameSite=Strict"] {
        browser.open(&format!("{app}/set?{cookie}")).await.unwrap();
    }
    // The same machine under another name is another site.
    let foreign = browser
        .open(&format!("http://127.0.0.1:{port}/page"))
        .await
        .unwrap();
    assert_eq!(seen.header("cookie"), "");

    browser
        .click(&foreign, &format!("{app}/link"))
        .await
        .unwrap();
    assert_eq!(seen.header("cookie"), "d=1; l=1");
    assert_eq!(seen.header("sec-fetch-site"), "cross-site");
    assert_eq!(seen.header("referer"), format!("http://127.0.0.1:{port}/"));

    let forged = Request::post(&format!("{app}/sign-out"), &[])
        .unwrap()
        .from(&foreign);
    browser.send(forged).await.unwrap();
    assert_eq!(seen.header("cookie"), "");
    assert_eq!(seen.header("origin"), format!("http://127.0.0.1:{port}"));

    let image = Request::get(&format!("{app}/x.png"))
        .unwrap()
        .from(&foreign)
        .as_image();
    browser.send(image).await.unwrap();
    assert_eq!(seen.header("cookie"), "");
    assert_eq!(seen.header("sec-fetch-dest"), "image");

    browser.open(&app).await.unwrap();
    assert_eq!(seen.header("cookie"), "d=1; l=1; s=1");
    assert_eq!(seen.header("sec-fetch-site"), "none");
}

#[tokio::test]
async fn a_form_of_the_own_page_is_same_origin() {
    let (port, seen) = serve(answer).await;
    let browser = Browser::new();
    let page = browser
        .open(&format!("http://localhost:{port}/"))
        .await
        .unwrap();
    browser.submit(&page, "f", &[("u", "x")]).await.unwrap();
    assert_eq!(seen.header("origin"), format!("http://localhost:{port}"));
    assert_eq!(seen.header("sec-fetch-site"), "same-origin");
    assert_eq!(seen.header("sec-fetch-mode"), "navigate");
    assert_eq!(seen.header("sec-fetch-dest"), "document");
    assert_eq!(seen.header("host"), format!("localhost:{port}"));
    assert!(seen.header("accept").starts_with("text/html"));
    assert_eq!(seen.last().1, "t=1&u=x");
}

#[tokio::test]
async fn a_page_without_referrers_posts_from_a_null_origin() {
    let (port, seen) = serve(answer).await;
    let browser = Browser::new();
    let page = browser
        .open(&format!("http://localhost:{port}/shy"))
        .await
        .unwrap();
    browser.submit(&page, "go", &[]).await.unwrap();
    assert_eq!(seen.header("origin"), "null");
    assert_eq!(seen.header("referer"), "");
    assert_eq!(seen.header("sec-fetch-site"), "same-origin");
}

#[tokio::test]
async fn form_action_is_obeyed_also_by_redirects() {
    let (port, _) = serve(answer).await;
    let browser = Browser::new();
    let url = format!("http://127.0.0.1:{port}/form?form-action%20%27self%27");
    let page = browser.open(&url).await.unwrap();
    let error = browser.submit(&page, "go", &[]).await.unwrap_err();
    let BrowserError::FormAction { target, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(target, "http://localhost:1");
}

#[tokio::test]
async fn a_fork_has_the_cookies_but_not_the_future() {
    let (port, _) = serve(answer).await;
    let first = Browser::new();
    first
        .open(&format!("http://localhost:{port}/set?a=1"))
        .await
        .unwrap();
    let second = first.clone();
    second
        .open(&format!("http://localhost:{port}/set?b=2"))
        .await
        .unwrap();
    assert_eq!(first.cookies().len(), 1);
    assert_eq!(second.cookies().len(), 2);
    assert_eq!(second.history().len(), 1);
    second.forget("a");
    assert!(first.cookie("a").is_some() && second.cookie("a").is_none());
}

#[tokio::test]
async fn two_tabs_share_one_jar() {
    let (port, _) = serve(answer).await;
    let browser = Browser::new();
    let (a, b) = (
        format!("http://localhost:{port}/set?a=1"),
        format!("http://localhost:{port}/set?b=2"),
    );
    let (one, two) = tokio::join!(browser.open(&a), browser.open(&b));
    one.unwrap();
    two.unwrap();
    assert_eq!(browser.cookies().len(), 2);
}

#[tokio::test]
async fn cookies_end_when_the_clock_moves() {
    let (port, seen) = serve(answer).await;
    let browser = Browser::new();
    let url = format!("http://localhost:{port}");
    browser
        .open(&format!("{url}/set?a=1;%20Max-Age=60"))
        .await
        .unwrap();
    browser.advance(61).open(&url).await.unwrap();
    assert_eq!(seen.header("cookie"), "");
}

#[tokio::test]
async fn it_never_leaves_the_machine() {
    let browser = Browser::new();
    for url in [
        "http://example.test/",
        "http://192.0.2.1/",
        "http://10.0.0.1:80/",
    ] {
        let error = browser.open(url).await.unwrap_err();
        assert!(matches!(error, BrowserError::NotLoopback(_)), "{error}");
    }
    browser.resolve("example.test", "192.0.2.1".parse().unwrap());
    let error = browser.open("http://example.test/").await.unwrap_err();
    assert!(matches!(error, BrowserError::NotLoopback(_)), "{error}");
    let error = browser.open("ftp://localhost/?secret").await.unwrap_err();
    assert!(matches!(error, BrowserError::Url(..)), "{error}");
    assert!(!error.to_string().contains("secret"));
}

#[tokio::test]
async fn a_test_name_is_a_site_of_its_own() {
    let (port, seen) = serve(answer).await;
    let browser = Browser::new();
    browser.resolve("attacker.test", "127.0.0.1".parse().unwrap());
    browser
        .open(&format!("http://attacker.test:{port}/set?a=1"))
        .await
        .unwrap();
    assert_eq!(seen.header("host"), format!("attacker.test:{port}"));
    // Plain http on a name is not trustworthy: no such headers there.
    assert_eq!(seen.header("sec-fetch-site"), "");
    browser
        .open(&format!("http://127.0.0.1:{port}/"))
        .await
        .unwrap();
    assert_eq!(seen.header("cookie"), "");
}

#[tokio::test]
async fn slow_endless_and_absent_servers_are_told_apart() {
    let (port, _) = serve(|_| html(&"x".repeat(2000))).await;
    let browser = Browser::new();
    browser.body_limit(1000);
    let url = format!("http://localhost:{port}/");
    let error = browser.open(&url).await.unwrap_err();
    assert!(matches!(error, BrowserError::TooLarge(..)), "{error}");

    browser.timeout(Duration::from_millis(50));
    let url = format!("http://localhost:{port}/never");
    let request = Request::post(&url, &[("secret", "s3")]).unwrap();
    let error = browser.send(request).await.unwrap_err();
    assert!(matches!(error, BrowserError::Timeout(..)), "{error}");
    // It was sent all the same, and the history says so.
    assert_eq!(
        browser.who_received("s3"),
        [format!("http://localhost:{port}")]
    );
    assert_eq!(browser.history().last().unwrap().status, None);

    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = free.local_addr().unwrap();
    drop(free);
    let error = browser.open(&format!("http://{gone}/")).await.unwrap_err();
    assert!(matches!(error, BrowserError::Connect(..)), "{error}");
}

#[tokio::test]
async fn an_attackers_page_needs_no_server() {
    let (port, seen) = serve(answer).await;
    let page = Page::made(
        "http://attacker.test/",
        &format!(
            "<form name=csrf method=post action='http://localhost:{port}/x'><input name=a value=1>"
        ),
    )
    .unwrap();
    Browser::new().submit(&page, "csrf", &[]).await.unwrap();
    assert_eq!(seen.header("origin"), "http://attacker.test");
    assert_eq!(seen.header("sec-fetch-site"), "cross-site");
}

#[tokio::test]
async fn a_missing_form_names_those_that_are_there() {
    let (port, _) = serve(answer).await;
    let browser = Browser::new();
    let page = browser
        .open(&format!("http://localhost:{port}/"))
        .await
        .unwrap();
    let error = browser.submit(&page, "sign-in", &[]).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("no form `sign-in`") && text.ends_with("it has: f"),
        "{text}"
    );
}
