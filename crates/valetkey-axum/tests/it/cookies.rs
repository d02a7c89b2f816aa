//! Group SC: cookies and the headers of answers, on plain http on loopback.
//! Behind a TLS proxy: tls.rs.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use valetkey_browser::{Browser, Cookie, Page, Request as Ask, SameSite};

use crate::app::{App, app, assert_page};

/// All `Set-Cookie` headers that the application sent.
fn set_cookies(app: &App) -> Vec<String> {
    let answers = app.answers.lock().unwrap();
    answers
        .iter()
        .flat_map(|a| a.head.lines())
        .filter_map(|l| l.strip_prefix("set-cookie: "))
        .map(str::to_owned)
        .collect()
}

/// Gives a cookie another value.
fn plant(browser: &Browser, cookie: &Cookie, value: String) {
    let mut changed = cookie.clone();
    changed.value = value;
    browser.forget(&cookie.name).plant(changed);
}

#[tokio::test]
async fn sc_02_sc_03_sc_04_every_cookie_is_http_only_lax_and_host_only() {
    let app = app().await;
    let browser = app.signed_in().await;
    let page = browser.open(&app.url("/logout")).await.unwrap();
    browser.submit(&page, "sign-out", &[]).await.unwrap();
    let all = set_cookies(&app);
    // Of the login; of the session, and the login's removal; of the sign-out,
    // and its mark.
    assert_eq!(all.len(), 5, "{all:?}");
    for cookie in all {
        let attributes: Vec<_> = cookie.split("; ").skip(1).collect();
        for wanted in ["HttpOnly", "Path=/", "SameSite=Lax"] {
            assert!(attributes.contains(&wanted), "{cookie}");
        }
        assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");
        // On plain http browsers drop `Secure` cookies and `__Host-` names;
        // the port keeps applications of one machine apart.
        assert!(!attributes.contains(&"Secure"));
        assert!(cookie.starts_with(&format!("valetkey-{}-", app.port)));
    }
}

#[tokio::test]
async fn sc_06_a_login_cookie_that_was_tampered_with_is_no_login() {
    let app = app().await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login").await;
    let login = |b: &Browser| {
        let mut all = b.cookies().into_iter();
        all.find(|c| c.name.contains("-login-")).unwrap()
    };
    let good = login(&browser);
    let sealed = URL_SAFE_NO_PAD.decode(&good.value).unwrap();
    // It holds the PKCE verifier and the nonce: sealed, so nothing shows.
    assert!(!String::from_utf8_lossy(&sealed).contains("http"));
    for i in (0..sealed.len()).step_by(sealed.len() / 24) {
        let mut bad = sealed.clone();
        bad[i] ^= 1;
        plant(&browser, &good, URL_SAFE_NO_PAD.encode(bad));
        let page = browser.open(&url).await.unwrap();
        assert_page(&page, 400, "callback.other_browser");
    }
    // Another login's cookie under this one's name neither.
    let other = Browser::new();
    app.pending(&other, "/login").await;
    plant(&browser, &good, login(&other).value);
    let page = browser.open(&url).await.unwrap();
    assert_page(&page, 400, "callback.other_browser");
    assert_eq!(app.token_requests(), 0);
    browser.forget(&good.name).plant(good);
    browser.open(&url).await.unwrap();
    assert!(app.is_signed_in(&browser).await);
}

#[tokio::test]
async fn sc_06_a_session_cookie_that_was_tampered_with_is_no_session() {
    let app = app().await;
    let browser = app.signed_in().await;
    let good = browser.cookie(&app.session_cookie()).unwrap();
    let handle = URL_SAFE_NO_PAD.decode(&good.value).unwrap();
    for i in 0..handle.len() {
        let mut bad = handle.clone();
        bad[i] ^= 1;
        plant(&browser, &good, URL_SAFE_NO_PAD.encode(bad));
        assert!(!app.is_signed_in(&browser).await);
    }
    browser.forget(&good.name).plant(good);
    assert!(app.is_signed_in(&browser).await);
}

/// A page of another program under this host, or of a neighbouring one, set
/// a cookie that is not ASCII: browsers send it along.
#[tokio::test]
async fn cookies_of_others_in_any_encoding_sign_nobody_out() {
    let app = app().await;
    let browser = app.signed_in().await;
    let mut theirs = browser.cookie(&app.session_cookie()).unwrap();
    theirs.name = "theirs".into();
    theirs.value = "caf\u{e9}".into();
    browser.plant(theirs);
    assert!(app.is_signed_in(&browser).await);
    let url = app.pending(&browser, "/login?return_to=/maybe").await;
    let page = browser.open(&url).await.unwrap();
    assert_eq!(page.url.path(), "/maybe");
}

#[tokio::test]
async fn sc_07_each_login_has_a_short_lived_cookie_of_its_own() {
    let app = app().await;
    let browser = Browser::new();
    // Two tabs, finished in the other order.
    let first = app.pending(&browser, "/login?return_to=/deep/page").await;
    let second = app.pending(&browser, "/login?return_to=/maybe").await;
    let logins = |b: &Browser| -> Vec<_> {
        let all = b.cookies().into_iter();
        all.filter(|c| c.name.contains("-login-")).collect()
    };
    let both = logins(&browser);
    assert_eq!(both.len(), 2);
    for cookie in &both {
        assert_eq!(cookie.same_site, SameSite::Lax, "not sent back otherwise");
        assert!(cookie.expires.is_some());
        assert_ne!(cookie.name, app.session_cookie());
    }
    for header in set_cookies(&app) {
        let age = header.split("Max-Age=").nth(1).unwrap();
        let age: u64 = age.split(';').next().unwrap().parse().unwrap();
        assert!(age <= 600 + 3600, "{header}");
    }
    let page = browser.open(&second).await.unwrap();
    assert_eq!(page.url.path(), "/maybe");
    let page = browser.open(&first).await.unwrap();
    assert_eq!(page.url.path(), "/deep/page");
    assert_eq!(logins(&browser).len(), 0, "each is removed when it ends");
}

#[tokio::test]
async fn sc_07_a_browser_keeps_at_most_eight_pending_logins() {
    let app = app().await;
    let browser = Browser::new();
    let oldest = app.pending(&browser, "/login").await;
    let mut newest = String::new();
    for _ in 0..9 {
        app.clock.advance(1);
        newest = app.pending(&browser, "/login").await;
    }
    assert_eq!(browser.cookies().len(), 8);
    let page = browser.open(&oldest).await.unwrap();
    assert_page(&page, 400, "callback.other_browser");
    browser.open(&newest).await.unwrap();
    assert!(app.is_signed_in(&browser).await);
}

#[tokio::test]
async fn sc_08_the_session_id_changes_at_every_sign_in() {
    let app = app().await;
    // Fixation: a value that an attacker planted is not kept.
    let victim = Browser::new();
    let attacker = app.signed_in().await;
    let planted = attacker.cookie(&app.session_cookie()).unwrap();
    victim.plant(planted.clone());
    app.sign_in(&victim).await;
    let first = app.handle(&victim).unwrap();
    assert_ne!(first, planted.value);
    assert!(app.is_signed_in(&victim).await);
    // The one before is dead wherever it still is.
    assert!(!app.is_signed_in(&attacker).await);
    // Signing in again changes it again.
    let old = victim.clone();
    app.sign_in(&victim).await;
    assert_ne!(app.handle(&victim).unwrap(), first);
    assert!(!app.is_signed_in(&old).await);
}

#[tokio::test]
async fn sc_13_sc_14_the_session_cookie_is_a_random_handle_and_nothing_else() {
    let app = app().await;
    let mut seen = std::collections::BTreeSet::new();
    let mut bits = [0u32; 256];
    for _ in 0..64 {
        let browser = Browser::new();
        app.sign_in(&browser).await;
        let handle = app.handle(&browser).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&handle).unwrap();
        assert_eq!(bytes.len(), 32, "256 bits");
        for (i, count) in bits.iter_mut().enumerate() {
            *count += u32::from(bytes[i / 8] >> (i % 8) & 1);
        }
        assert!(seen.insert(handle));
    }
    // No bit is fixed: each fails by chance once in 2^63.
    assert!(bits.iter().all(|c| (1..64).contains(c)), "{bits:?}");
}

#[tokio::test]
async fn sc_15_answers_that_depend_on_a_session_are_not_kept_and_not_framed() {
    let app = app().await;
    let browser = app.signed_in().await;
    let check = |page: &Page| {
        assert_eq!(page.header("cache-control"), Some("no-store"), "{page:?}");
        let csp = page.header("content-security-policy").unwrap_or_default();
        let frame = page.header("x-frame-options").unwrap_or_default();
        assert!(
            csp.contains("frame-ancestors 'none'") || frame == "DENY",
            "{page:?}"
        );
    };
    // Pages of the library, JSON, and a plain handler's own answer.
    for path in ["/", "/session", "/logout", "/profile", "/maybe"] {
        check(&browser.open(&app.url(path)).await.unwrap());
    }
    // What a signed-out browser sees there is another page.
    check(&Browser::new().open(&app.url("/maybe")).await.unwrap());
    let post = Ask::post(&app.url("/session/call-api"), &[])
        .unwrap()
        .header("origin", &app.base)
        .header("sec-fetch-site", "same-origin");
    let page = browser.send(post.clone()).await.unwrap();
    assert_eq!(page.status, 200);
    check(&page);
    let page = browser
        .send(post.header("accept", "application/json"))
        .await
        .unwrap();
    check(&page);
}

#[tokio::test]
async fn sessions_end_when_unused_and_in_any_case() {
    let app = app().await;
    let idle = app.signed_in().await;
    app.clock.advance(86_399);
    assert!(app.is_signed_in(&idle).await, "used in time");
    app.clock.advance(86_399);
    assert!(app.is_signed_in(&idle).await, "using it moved the end");
    app.clock.advance(86_400);
    assert!(!app.is_signed_in(&idle).await);

    let busy = app.signed_in().await;
    for _ in 0..13 {
        app.clock.advance(43_200);
        assert!(app.is_signed_in(&busy).await);
    }
    app.clock.advance(43_200);
    assert!(!app.is_signed_in(&busy).await, "a week is the end");
}
