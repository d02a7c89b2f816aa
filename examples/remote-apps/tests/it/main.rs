//! Row S4, on the built program and two local providers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may"
)]

#[path = "../../../github/tests/it/program.rs"]
mod program;

use program::{Folder, Program, fill_in, run};
use valetkey_browser::Browser;
use valetkey_dev_provider::{
    ClientRegistration, Config, Endpoint, Options, Preset, Provider, Running,
};

const EXE: &str = env!("CARGO_BIN_EXE_example-remote-apps");

struct Both {
    album: Running,
    book: Running,
    program: Program,
    _folder: Folder,
}

async fn start() -> Both {
    let port = program::free_port().to_string();
    let provider = async |preset, name: &str| {
        let callback = format!("http://localhost:{port}/callback/{name}");
        let options = Options {
            preset,
            // Only to a registered callback.
            clients: Some(vec![ClientRegistration::confidential(
                "demo",
                "demo-secret",
                &[&callback],
            )]),
            ..Options::on_a_free_port()
        };
        Provider::start(Config::new(options).unwrap())
            .await
            .unwrap()
    };
    let album = provider(Preset::Oidc, "album").await;
    let book = provider(Preset::Facebook, "book").await;
    let folder = Folder::new();
    let settings = [
        ("ALBUM_URL", album.origin()),
        ("ALBUM_CLIENT_ID", "demo"),
        ("ALBUM_CLIENT_SECRET", "demo-secret"),
        ("BOOK_URL", book.origin()),
        ("BOOK_CLIENT_ID", "demo"),
        ("BOOK_CLIENT_SECRET", "demo-secret"),
    ];
    let program = Program::start_on(&port, EXE, &folder, &settings).expect("the port is free");
    Both {
        album,
        book,
        program,
        _folder: folder,
    }
}

#[tokio::test]
async fn two_applications_are_connected_and_their_tokens_put_on_requests() {
    let Both {
        album,
        book,
        program,
        ..
    } = start().await;
    let browser = Browser::new();
    let page = browser.open(&program.url("/connect/album")).await.unwrap();
    let page = fill_in(&browser, page, "alice").await;
    assert!(
        page.body
            .contains("Photo Album (/connect/album): connected"),
        "{}",
        page.body
    );
    assert!(page.body.contains("Book (/connect/book): not connected"));
    let page = browser.open(&program.url("/connect/book")).await.unwrap();
    let page = fill_in(&browser, page, "bob").await;
    assert!(
        page.body
            .contains("Photo Album (/connect/album): connected"),
        "{}",
        page.body
    );
    assert!(page.body.contains("Book (/connect/book): connected"));

    let page = browser
        .open(&program.url("/call/album/photos"))
        .await
        .unwrap();
    assert!(page.body.starts_with("200 "), "{}", page.body);
    assert!(page.body.contains("photos"));
    let page = browser.open(&program.url("/call/book/me")).await.unwrap();
    assert!(page.body.contains("Bob Example"), "{}", page.body);
    let bearer = |p: &Running, e| {
        let all = p.records();
        let last = all.iter().rfind(|r| r.endpoint == e).unwrap();
        last.param("authorization.bearer").is_some()
    };
    assert!(bearer(&album, Endpoint::Photos));
    assert!(bearer(&book, Endpoint::Userinfo));

    // Another browser has neither.
    let stranger = Browser::new();
    let page = stranger
        .open(&program.url("/call/album/photos"))
        .await
        .unwrap();
    assert_eq!(page.status, 401);
}

#[tokio::test]
async fn te_01_te_05_one_provider_is_asked_for_tokens_by_get_because_its_entry_says_so() {
    let both = start().await;
    let browser = Browser::new();
    for (app, user) in [("album", "alice"), ("book", "bob")] {
        let url = both.program.url(&format!("/connect/{app}"));
        let page = browser.open(&url).await.unwrap();
        fill_in(&browser, page, user).await;
    }
    let token = |p: &Running| {
        let all = p.records();
        all.into_iter()
            .find(|r| r.endpoint == Endpoint::Token)
            .unwrap()
    };
    let (album, book) = (token(&both.album), token(&both.book));
    assert_eq!(album.method, "POST");
    assert!(album.param("authorization.client_secret").is_some());
    assert_eq!(book.method, "GET");
    assert!(book.param("client_secret").is_some());
    // Everything else is as everywhere: PKCE and the extra parameter.
    let authorize = both.book.records();
    let authorize = authorize.iter().find(|r| r.endpoint == Endpoint::Authorize);
    let authorize = authorize.unwrap();
    assert_eq!(authorize.param("display"), Some("popup"));
    assert_eq!(authorize.param("scope"), Some("public_profile,email"));
    assert_eq!(authorize.param("code_challenge_method"), Some("S256"));
    assert!(book.param("code_verifier").is_some());
}

#[tokio::test]
async fn a_denied_access_says_why_in_the_providers_words() {
    let both = start().await;
    let browser = Browser::new();
    let page = browser
        .open(&both.program.url("/connect/book"))
        .await
        .unwrap();
    let fields = [("username", "bob"), ("password", "bob-password")];
    let page = browser.submit(&page, "sign-in", &fields).await.unwrap();
    let deny = [("decision", "deny")];
    let page = browser.submit(&page, "consent", &deny).await.unwrap();
    assert_eq!(page.status, 400);
    for part in [
        "error[callback.denied]",
        "error: access_denied",
        "error_reason: user_denied",
        "error_description: ",
    ] {
        assert!(page.body.contains(part), "no `{part}` in {}", page.body);
    }
}

#[tokio::test]
async fn a_planted_visitor_name_does_not_come_to_know_what_is_granted() {
    let both = start().await;
    let attacker = Browser::new();
    let page = attacker
        .open(&both.program.url("/connect/album"))
        .await
        .unwrap();
    fill_in(&attacker, page, "alice").await;
    let victim = Browser::new();
    victim.plant(attacker.cookie("visitor").unwrap());
    let page = victim
        .open(&both.program.url("/connect/book"))
        .await
        .unwrap();
    fill_in(&victim, page, "bob").await;
    let page = attacker
        .open(&both.program.url("/call/book/me"))
        .await
        .unwrap();
    assert_eq!(page.status, 401, "{}", page.body);
}

#[tokio::test]
async fn tokens_stay_with_their_application() {
    let both = start().await;
    let browser = Browser::new();
    let page = browser
        .open(&both.program.url("/connect/album"))
        .await
        .unwrap();
    fill_in(&browser, page, "alice").await;
    for path in ["/call/book/me", "/call/nobody/me"] {
        let page = browser.open(&both.program.url(path)).await.unwrap();
        assert_eq!(page.status, 401, "{path}");
    }
    // A path that would lead elsewhere stays there.
    let host = both.book.local_addr();
    let path = format!("/call/album//{host}/me");
    let page = browser.open(&both.program.url(&path)).await.unwrap();
    assert!(page.body.starts_with("404 "), "{}", page.body);
    assert_eq!(both.book.faults().count(Endpoint::Userinfo), 0);
}

#[test]
fn all_missing_settings_are_named_at_once() {
    let ended = run(EXE, &[], &Folder::new(), &[]);
    assert_eq!(ended.status, Some(2), "{ended:?}");
    for part in [
        "ALBUM_URL",
        "ALBUM_CLIENT_ID",
        "ALBUM_CLIENT_SECRET",
        "BOOK_URL",
        "BOOK_CLIENT_ID",
        "BOOK_CLIENT_SECRET",
    ] {
        assert!(ended.stderr.contains(part), "no {part} in {}", ended.stderr);
    }
}
