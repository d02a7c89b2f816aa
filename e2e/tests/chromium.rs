//! Headless Chromium at `valetkey demo`, as a person would use it.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use valetkey_e2e::{Chromium, Demo, Look, Needs, Scheme, key, require};

const ALLOW: &str = "form[name=consent] button[value=allow]";
const DENY: &str = "form[name=consent] button[value=deny]";

fn demo() -> Demo {
    Demo::start(&[], &[])
}

/// From the app's page to the provider's login page.
fn to_login(browser: &Chromium, demo: &Demo) {
    browser.open(&demo.app);
    browser.click("main a[href*='/login']");
    browser.find("form[name=sign-in]");
    assert!(
        browser.url().starts_with(demo.provider_url("origin")),
        "{}",
        browser.url()
    );
}

fn log_in(browser: &Chromium, user: &str, password: &str) {
    browser.fill("input[name=username]", user);
    browser.fill("input[name=password]", password);
    browser.click("form[name=sign-in] button");
}

fn sign_in(browser: &Chromium, demo: &Demo) {
    to_login(browser, demo);
    log_in(browser, "alice", "alice-password");
    browser.click(ALLOW);
    browser.shows("Hello Alice Example");
}

fn assert_content(browser: &Chromium, expected: &[u16]) {
    let complaints = browser.complaints(expected);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn signs_in_and_uses_every_button() {
    if !require("signs_in_and_uses_every_button", &[Needs::Chromium]) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    sign_in(&browser, &demo);
    assert_eq!(browser.url(), format!("{}/", demo.app));

    browser.click("form[name=call-api] button");
    let text = browser.shows("The API answered");
    assert!(text.contains("200"), "{text}");

    browser.open(&demo.app).click("form[name=refresh] button");
    browser.find("[role=status]");
    browser.shows("Hello Alice Example");

    browser.open(&format!("{}/photos", demo.app));
    let text = browser.shows("(no password ever shared)");
    assert!(text.contains("got 3 photos"), "{text}");
    assert!(text.contains("403"), "{text}");
    assert!(text.contains("insufficient_scope"), "{text}");

    browser.open(&demo.app).click("form[name=revoke] button");
    browser.find("[role=status]");
    let text = browser.shows("Hello Alice Example");
    assert!(text.contains("holds no token"), "{text}");

    browser.click("form[name=sign-out] button");
    browser.shows("signed out");
    browser.open(&demo.app);
    browser.find("main a[href*='/login']");
    assert!(!browser.text().contains("Hello"), "{}", browser.text());
    assert_content(&browser, &[]);
}

#[test]
fn shows_who_denied_and_lets_the_person_try_again() {
    if !require(
        "shows_who_denied_and_lets_the_person_try_again",
        &[Needs::Chromium],
    ) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    to_login(&browser, &demo);
    log_in(&browser, "bob", "bob-password");
    browser.click(DENY);
    let text = browser.shows("callback.denied");
    assert!(text.contains("access_denied"), "{text}");
    assert!(browser.url().starts_with(&demo.app), "{}", browser.url());
    browser.screenshot("denied");
    browser.click("main a.button.primary, main form button.primary");
    browser.click(ALLOW);
    browser.shows("Hello Bob Example");
    assert_content(&browser, &[400]);
}

#[test]
fn asks_again_after_a_wrong_password() {
    if !require("asks_again_after_a_wrong_password", &[Needs::Chromium]) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    to_login(&browser, &demo);
    log_in(&browser, "alice", "wrong");
    let alert = browser.find("[role=alert]");
    assert!(!browser.text_of(&alert).is_empty());
    browser.screenshot("wrong-password");
    let username = browser.find("input[name=username]");
    assert_eq!(browser.attribute(&username, "value"), "alice");
    let password = browser.find("input[name=password]");
    assert_eq!(browser.attribute(&password, "value"), "");
    assert_eq!(browser.active(), Some(password));
    browser.fill("input[name=password]", "alice-password");
    browser.click("form[name=sign-in] button");
    browser.click(ALLOW);
    browser.shows("Hello Alice Example");
    assert_content(&browser, &[401]);
}

#[test]
fn two_tabs_sign_in_at_once() {
    if !require("two_tabs_sign_in_at_once", &[Needs::Chromium]) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    let first = browser.tab();
    let second = browser.new_tab();
    to_login(&browser, &demo);
    browser.switch(&second);
    to_login(&browser, &demo);
    // The tab that began last ends first.
    log_in(&browser, "alice", "alice-password");
    browser.click(ALLOW);
    browser.shows("Hello Alice Example");
    browser.switch(&first);
    log_in(&browser, "alice", "alice-password");
    browser.shows("Hello Alice Example");
    // Both stay signed in.
    browser.reload().shows("Hello Alice Example");
    browser.switch(&second).reload();
    browser.shows("Hello Alice Example");
    assert_content(&browser, &[]);
}

#[test]
fn two_tabs_sign_in_as_two_people() {
    if !require("two_tabs_sign_in_as_two_people", &[Needs::Chromium]) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    let first = browser.tab();
    let second = browser.new_tab();
    to_login(&browser, &demo);
    browser.switch(&second);
    to_login(&browser, &demo);
    log_in(&browser, "bob", "bob-password");
    browser.switch(&first);
    log_in(&browser, "alice", "alice-password");
    browser.click(ALLOW);
    browser.shows("Hello Alice Example");
    // The consent page in the second tab was shown to bob: what alice does
    // with it must not become bob's consent, nor the other way round.
    browser.switch(&second).click(ALLOW);
    let text = browser.shows("Code");
    assert!(!text.contains("Hello"), "{text}");
    browser.screenshot("consent-of-another");
    browser.switch(&first).reload();
    browser.shows("Hello Alice Example");
}

#[test]
fn the_back_button_leads_nowhere_wrong() {
    if !require("the_back_button_leads_nowhere_wrong", &[Needs::Chromium]) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    sign_in(&browser, &demo);
    // Back to the consent page, and allow once more.
    browser.back();
    browser.screenshot("back-to-consent");
    if browser.all(ALLOW).is_empty() {
        panic!("back leads to {}:\n{}", browser.url(), browser.text());
    }
    browser.click(ALLOW);
    browser.find("h1");
    browser.screenshot("back-and-allow");
    browser.open(&demo.app).shows("Hello Alice Example");
    assert_content(&browser, &[400]);
}

#[test]
fn the_back_button_shows_nothing_after_sign_out() {
    if !require(
        "the_back_button_shows_nothing_after_sign_out",
        &[Needs::Chromium],
    ) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    sign_in(&browser, &demo);
    browser.click("form[name=sign-out] button");
    browser.shows("signed out");
    back_to(&browser, &format!("{}/", demo.app));
    let text = browser.text();
    assert!(!text.contains("Alice"), "{text}");
    browser.shows("Sign in");
}

/// Presses the back button and waits until the page before is there.
fn back_to(browser: &Chromium, url: &str) {
    browser.back();
    let start = std::time::Instant::now();
    while browser.url() != url || browser.all("h1").is_empty() {
        assert!(start.elapsed().as_secs() < 20, "{}", browser.url());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn the_back_button_shows_nothing_after_sign_out_at_the_provider() {
    if !require(
        "the_back_button_shows_nothing_after_sign_out_at_the_provider",
        &[Needs::Chromium],
    ) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    let account = demo.provider_url("account");
    browser.open(account);
    log_in(&browser, "alice", "alice-password");
    browser.shows("Signed in as");
    browser.click("form[name=sign-out] button");
    browser.find("form[name=sign-in], h1");
    browser.screenshot("provider-signed-out");
    browser.back();
    browser.find("h1");
    let text = browser.text();
    assert!(!text.contains("Signed in as"), "{}: {text}", browser.url());
}

#[test]
fn greets_a_person_without_name_and_mail() {
    if !require("greets_a_person_without_name_and_mail", &[Needs::Chromium]) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    to_login(&browser, &demo);
    log_in(&browser, "carol", "carol-password");
    browser.click(ALLOW);
    let text = browser.shows("Hello carol");
    assert!(!text.contains("E-mail\n"), "{text}");
    browser.screenshot("app-home-carol");
    assert_content(&browser, &[]);
}

#[test]
fn says_that_access_was_withdrawn_at_the_provider() {
    if !require(
        "says_that_access_was_withdrawn_at_the_provider",
        &[Needs::Chromium],
    ) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    sign_in(&browser, &demo);
    browser.open(demo.provider_url("account"));
    browser.screenshot("account");
    browser.click("form[name=revoke] button");
    browser.shows("No app has access");
    browser.screenshot("account-after-revoke");

    browser.open(&demo.app).click("form[name=call-api] button");
    let text = browser.shows("refresh.refused");
    assert!(text.contains("withdrawn"), "{text}");
    browser.screenshot("access-withdrawn");
    browser.click("main a.button.primary, main form button.primary");
    // The consent is gone with it: asked anew.
    browser.click(ALLOW);
    browser.shows("Hello Alice Example");
    assert_content(&browser, &[401]);
}

#[test]
fn an_app_is_registered_on_the_account_page() {
    if !require(
        "an_app_is_registered_on_the_account_page",
        &[Needs::Chromium],
    ) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    browser.open(demo.provider_url("account"));
    log_in(&browser, "alice", "alice-password");
    browser.fill("input[name=client_name]", "My <b>app</b>");
    browser.fill("input[name=redirect_uri]", "http://localhost:7000/callback");
    browser.click("form[name=register] button");
    let text = browser.shows("CLIENT_SECRET");
    assert!(text.contains("My <b>app</b>"), "{text}");
    browser.screenshot("registered");
    // Shown once.
    browser.open(demo.provider_url("account"));
    let text = browser.shows("http://localhost:7000/callback");
    assert!(!text.contains("CLIENT_SECRET"), "{text}");
    browser.click("form[name=sign-out] button");
    browser.find("h1");
    assert!(!browser.text().contains("Signed in as"));
    assert_content(&browser, &[401]);
}

/// Presses Tab until what has the focus matches; every stop on the way must
/// show that it has the focus.
fn tab_to(browser: &Chromium, css: &str) {
    let goal = browser.find(css);
    for _ in 0..40 {
        browser.press([key::TAB]);
        let Some(active) = browser.active() else {
            continue;
        };
        let outline = browser.style_of(&active, "outline-style");
        let ring = browser.style_of(&active, "box-shadow");
        assert!(
            outline != "none" || ring != "none",
            "no sign of the focus on `{}`",
            browser.text_of(&active)
        );
        if active == goal {
            return;
        }
    }
    panic!("Tab never reaches {css} on {}", browser.url());
}

#[test]
fn everything_works_with_the_keyboard_alone() {
    if !require(
        "everything_works_with_the_keyboard_alone",
        &[Needs::Chromium],
    ) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    browser.open(&demo.app);
    tab_to(&browser, "main a[href*='/login']");
    browser.press([key::ENTER]);
    // The first field has the focus already.
    let username = browser.find("input[name=username]");
    assert_eq!(browser.active(), Some(username));
    browser.press("alice".chars());
    tab_to(&browser, "input[name=password]");
    browser.press("wrong".chars()).press([key::ENTER]);
    browser.find("[role=alert]");
    let password = browser.find("input[name=password]");
    assert_eq!(browser.active(), Some(password));
    browser.press("alice-password".chars()).press([key::ENTER]);
    browser.find(ALLOW);
    tab_to(&browser, ALLOW);
    browser.screenshot("focus-consent");
    browser.press([key::ENTER]);
    browser.shows("Hello Alice Example");
    for form in ["call-api", "refresh", "revoke"] {
        browser.open(&demo.app);
        tab_to(&browser, &format!("form[name={form}] button"));
        browser.press([key::ENTER]);
        browser.find("[role=status], section.result");
    }
    browser.open(&demo.app);
    tab_to(&browser, "form[name=sign-out] button");
    browser.screenshot("focus-sign-out");
    browser.press([key::ENTER]);
    browser.shows("signed out");

    // The provider's account page, backwards from its end.
    browser.open(demo.provider_url("account"));
    let button = browser.find("form[name=register] button");
    browser.press([key::SHIFT, key::TAB]);
    assert_eq!(browser.active(), Some(button));
}

/// Every page of a sign-in, as a picture.
fn tour(look: Look, suffix: &str) {
    let demo = demo();
    let browser = Chromium::start(look);
    let shoot = |name: &str| browser.screenshot(&format!("{name}-{suffix}"));
    browser.open(&demo.app);
    shoot("app-signed-out");
    to_login(&browser, &demo);
    shoot("provider-sign-in");
    log_in(&browser, "alice", "alice-password");
    browser.find(ALLOW);
    shoot("provider-consent");
    browser.click(ALLOW);
    browser.shows("Hello Alice Example");
    shoot("app-home");
    browser.open(&format!("{}/how", demo.app));
    browser.shows("It never reached the client");
    shoot("how");
    browser.open(&demo.app);
    browser.click("form[name=call-api] button");
    browser.shows("The API answered");
    shoot("app-api");
    browser.open(&format!("{}/photos", demo.app));
    browser.shows("no password ever shared");
    shoot("app-photos");
    browser.open(demo.provider_url("account"));
    browser.find("form[name=revoke]");
    shoot("provider-account");
    browser.open(demo.provider_url("origin"));
    browser.find("h1");
    shoot("provider-home");
    browser.open(&format!("{}/callback?code=x", demo.app));
    browser.shows("callback.state_missing");
    shoot("app-error");
    let unknown = format!("{}?client_id=unknown", demo.provider_url("authorization"));
    browser.open(&unknown);
    browser.find("h1");
    shoot("provider-error");
    browser.open(&demo.app).click("form[name=sign-out] button");
    browser.shows("signed out");
    shoot("app-signed-out-done");
    assert_content(&browser, &[400]);

    // In the dark, the page itself is dark.
    let body = browser.find("body");
    let background = browser.style_of(&body, "background-color");
    let first: f64 = background
        .split(['(', ','])
        .nth(1)
        .and_then(|n| n.trim().parse().ok())
        .unwrap_or_else(|| panic!("{background}"));
    assert_eq!(first < 128.0, look.scheme == Scheme::Dark, "{background}");
}

/// The diagram of a sign-in that failed.
fn failed(look: Look, suffix: &str) {
    let demo = demo();
    let browser = Chromium::start(look);
    to_login(&browser, &demo);
    log_in(&browser, "bob", "bob-password");
    browser.click(DENY);
    browser.shows("callback.denied");
    browser.open(&format!("{}/how", demo.app));
    browser.shows("callback.denied");
    browser.shows("It never reached the client");
    browser.screenshot(&format!("how-denied-{suffix}"));
    assert_content(&browser, &[400]);
}

#[test]
fn how_shows_which_arrow_broke() {
    if require("how_shows_which_arrow_broke", &[Needs::Chromium]) {
        failed(Look::default(), "desktop-light");
        failed(Look::default().dark(), "desktop-dark");
        failed(Look::phone(), "phone-light");
        failed(Look::phone().dark(), "phone-dark");
    }
}

#[test]
fn looks_right_on_a_desktop() {
    if require("looks_right_on_a_desktop", &[Needs::Chromium]) {
        tour(Look::default(), "desktop-light");
        tour(Look::default().dark(), "desktop-dark");
    }
}

#[test]
fn looks_right_on_a_phone() {
    if require("looks_right_on_a_phone", &[Needs::Chromium]) {
        tour(Look::phone(), "phone-light");
        tour(Look::phone().dark(), "phone-dark");
        // As narrow as WCAG 2.2, 1.4.10 has it.
        let narrow = Look {
            width: 320,
            ..Look::phone()
        };
        tour(narrow, "narrow");
    }
}

#[test]
fn a_breach_of_the_policy_would_be_noticed() {
    if !require(
        "a_breach_of_the_policy_would_be_noticed",
        &[Needs::Chromium],
    ) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    for address in [&demo.app, demo.provider_url("account")] {
        browser.open(address);
        assert_content(&browser, &[401]);
        let _ = browser.script(
            "const image = new Image(); image.src = '/elsewhere.png'; document.body.append(image);
             const script = document.createElement('script'); script.text = 'document.title = 1';
             document.body.append(script); return document.title",
        );
        let title = browser.script("return document.title");
        assert_ne!(title, "1", "an inline script ran");
        let complaints = browser.complaints(&[]).join("\n");
        assert!(
            complaints.contains("Content Security Policy"),
            "{complaints}"
        );
    }
}

#[test]
fn works_without_script() {
    if !require("works_without_script", &[Needs::Chromium]) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look {
        script: false,
        ..Look::default()
    });
    // Scripts are off indeed.
    browser.open("data:text/html,<title>off</title><h1>off</h1><script>document.querySelector('h1').textContent='on'</script>");
    assert_eq!(browser.text(), "off");
    sign_in(&browser, &demo);
    browser.click("form[name=call-api] button");
    browser.shows("The API answered");
    browser.open(&demo.app).click("form[name=sign-out] button");
    browser.shows("signed out");
}

#[test]
fn a_name_of_this_machine_that_is_not_the_apps_leads_to_the_right_address() {
    if !require(
        "a_name_of_this_machine_that_is_not_the_apps_leads_to_the_right_address",
        &[Needs::Chromium],
    ) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    browser.open(&demo.app.replace("localhost", "127.0.0.1"));
    browser.find("h1");
    browser.screenshot("misdirected");
    browser.click(&format!("main a[href^='{}']", demo.app));
    browser.find("main a[href*='/login']");
    assert!(browser.url().starts_with(&demo.app), "{}", browser.url());
}

#[test]
fn the_provider_takes_no_forged_post_from_the_app() {
    if !require(
        "the_provider_takes_no_forged_post_from_the_app",
        &[Needs::Chromium],
    ) {
        return;
    }
    let demo = demo();
    let browser = Chromium::start(Look::default());
    sign_in(&browser, &demo);
    // A page of another origin (of the same site) with the form that revokes.
    let form = |action: &str| {
        format!(
            "data:text/html,<form method=post action='{action}'><input name=client_id value=demo><button>go</button></form>"
        )
    };
    for action in [
        format!("{}/account/revoke", demo.app),
        format!("{}/logout", demo.app),
        format!("{}/account/revoke", demo.provider_url("origin")),
    ] {
        browser.open(&form(&action)).click("button");
        let text = browser.shows("403");
        assert!(
            text.contains("cross_site") || text.contains("form"),
            "{text}"
        );
    }
    browser.open(&demo.app);
    let text = browser.shows("Hello Alice Example");
    assert!(!text.contains("holds no token"), "{text}");
}
