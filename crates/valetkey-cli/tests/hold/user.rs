//! A person with a browser, and what she sees.

use valetkey_browser::{Browser, Page};

/// A browser that has signed in once, and must not have to again.
pub(crate) struct Alice {
    pub(crate) browser: Browser,
    app: String,
}

impl Alice {
    pub(crate) fn new(app: &str) -> Self {
        Self {
            browser: Browser::new(),
            app: app.to_owned(),
        }
    }

    /// Signs in, all the way.
    pub(crate) async fn signed_in(app: &str) -> Self {
        let alice = Self::new(app);
        let page = alice.sign_in().await;
        assert!(is_signed_in(&page), "{page:?}");
        alice
    }

    /// Visits `/login` and does what the provider asks.
    pub(crate) async fn sign_in(&self) -> Page {
        self.sign_in_at(&format!("{}/login", self.app)).await
    }

    pub(crate) async fn sign_in_at(&self, login: &str) -> Page {
        let mut page = self.browser.open(login).await.unwrap();
        for _ in 0..2 {
            page = if page.form("consent").is_some() {
                self.submit(&page, "consent", &[("decision", "allow")])
                    .await
            } else if page.form("sign-in").is_some() {
                let who = [("username", "alice"), ("password", "alice-password")];
                self.submit(&page, "sign-in", &who).await
            } else {
                page
            };
        }
        page
    }

    /// As `sign_in`, but stops at the redirect back to the app: its address.
    pub(crate) async fn up_to_callback(&self) -> String {
        self.browser.follow(false);
        let mut page = self.open("/login").await;
        loop {
            page = if page.is_redirect() {
                let to = page.location().unwrap();
                if to.path() == "/callback" {
                    break;
                }
                self.browser.step(&page).await.unwrap()
            } else if page.form("consent").is_some() {
                self.submit(&page, "consent", &[("decision", "allow")])
                    .await
            } else {
                let who = [("username", "alice"), ("password", "alice-password")];
                self.submit(&page, "sign-in", &who).await
            };
        }
        self.browser.follow(true);
        page.location().unwrap().to_string()
    }

    pub(crate) async fn open(&self, path: &str) -> Page {
        let url = format!("{}{path}", self.app);
        self.browser.open(&url).await.unwrap()
    }

    async fn submit(&self, page: &Page, form: &str, fields: &[(&str, &str)]) -> Page {
        self.browser.submit(page, form, fields).await.unwrap()
    }

    /// Whether the start page greets her.
    pub(crate) async fn is_greeted(&self) -> bool {
        is_signed_in(&self.open("/").await)
    }

    /// Presses one of the buttons of the start page.
    pub(crate) async fn press(&self, button: &str) -> Page {
        let page = self.open("/").await;
        assert!(is_signed_in(&page), "signed out: {page:?}");
        self.submit(&page, button, &[]).await
    }

    /// Presses `refresh`, which must work.
    pub(crate) async fn refreshes(&self) {
        let page = self.press("refresh").await;
        assert!(
            is_signed_in(&page) && error_of(&page).is_none() && page.query("did").is_some(),
            "{page:?} {}",
            page.text()
        );
    }

    /// Presses `call-api`, which must work.
    pub(crate) async fn calls_the_api(&self) {
        let page = self.press("call-api").await;
        assert!(
            is_signed_in(&page) && error_of(&page).is_none(),
            "{page:?} {}",
            page.text()
        );
    }

    /// Presses a button, which must fail so: nobody is signed out by it.
    pub(crate) async fn fails(&self, button: &str, status: u16, code: &str) {
        let page = self.press(button).await;
        assert_failed(&page, status, code);
    }
}

/// Whether a page greets somebody.
pub(crate) fn is_signed_in(page: &Page) -> bool {
    page.status == 200 && page.text().contains("Hello Alice Example")
}

/// What the header says was wrong.
pub(crate) fn error_of(page: &Page) -> Option<&str> {
    page.header("valetkey-error")
}

pub(crate) fn assert_failed(page: &Page, status: u16, code: &str) {
    assert_eq!(
        (page.status.as_u16(), error_of(page)),
        (status, Some(code)),
        "{}",
        page.text()
    );
    assert!(page.text().contains(code), "the page names its code");
    let removes = page.headers.get_all("set-cookie").iter().any(|cookie| {
        let cookie = cookie.to_str().unwrap_or_default();
        cookie.contains("Max-Age=0") && cookie.contains("session")
    });
    assert!(
        !removes || code == "refresh.refused",
        "nobody is signed out"
    );
}
