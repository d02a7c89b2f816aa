//! Headless Chromium, driven through its driver.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    process::{Folder, Process},
    require::{chromium_program, target_folder},
    webdriver::{Element, Session},
};

/// How long a page may take to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `prefers-color-scheme: light`
    Light,
    /// `prefers-color-scheme: dark`
    Dark,
}

/// How a person has set up the browser.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Width of the viewport in CSS pixels.
    pub width: u32,
    /// Light or dark.
    pub scheme: Scheme,
    /// Whether scripts run.
    pub script: bool,
    /// Whether any certificate is taken.
    pub any_certificate: bool,
}

impl Default for Look {
    /// A desktop.
    fn default() -> Self {
        Self {
            width: 1280,
            scheme: Scheme::Light,
            script: true,
            any_certificate: false,
        }
    }
}

impl Look {
    /// A phone, 390 pixels wide.
    #[must_use]
    pub fn phone() -> Self {
        Self {
            width: 390,
            ..Self::default()
        }
    }

    /// The same, dark.
    #[must_use]
    pub fn dark(self) -> Self {
        Self {
            scheme: Scheme::Dark,
            ..self
        }
    }
}

/// A browser with an empty profile of its own. It ends with the value.
#[derive(Debug)]
pub struct Chromium {
    // In the order in which they must end.
    session: Session,
    _driver: Process,
    _profile: Folder,
}

impl Chromium {
    /// Starts driver and browser.
    ///
    /// # Panics
    ///
    /// One of them does not start.
    #[must_use]
    pub fn start(look: Look) -> Self {
        let profile = Folder::new();
        let mut command = Command::new("chromedriver");
        // What it leaves behind goes with the profile.
        command.arg("--port=0").env("TMPDIR", profile.path());
        let driver = Process::start("chromedriver", command);
        let port = loop {
            let line = driver.line();
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').parse().unwrap();
            }
        };
        let data = format!("--user-data-dir={}", profile.path().display());
        let window = format!("--window-size={},900", look.width.max(500));
        let mut options = json!({
            "binary": chromium_program(),
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", data, window,
            ],
        });
        if !look.script {
            options["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
        }
        let session = Session::new(
            port,
            &json!({
                "acceptInsecureCerts": look.any_certificate,
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL"},
            }),
        );
        let this = Self {
            session,
            _driver: driver,
            _profile: profile,
        };
        this.apply(look);
        this
    }

    /// Width and scheme, for this tab.
    fn apply(&self, look: Look) {
        let phone = look.width < 600;
        self.session.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": phone}),
        );
        let scheme = match look.scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        self.session.devtools(
            "Emulation.setEmulatedMedia",
            &json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
    }

    /// Opens an address, as if typed.
    ///
    /// # Panics
    ///
    /// It cannot be opened.
    pub fn open(&self, url: &str) -> &Self {
        self.session
            .post("url", &json!({"url": url}))
            .unwrap_or_else(|e| panic!("{url}: {e}"));
        self
    }

    /// Presses the back button.
    ///
    /// # Panics
    ///
    /// The driver refuses.
    pub fn back(&self) -> &Self {
        self.session.post("back", &json!({})).unwrap();
        self
    }

    /// Loads the page again.
    ///
    /// # Panics
    ///
    /// The driver refuses.
    pub fn reload(&self) -> &Self {
        self.session.post("refresh", &json!({})).unwrap();
        self
    }

    /// The address of the page.
    #[must_use]
    pub fn url(&self) -> String {
        let url = self.session.read("url").unwrap_or_default();
        url.as_str().unwrap_or_default().to_owned()
    }

    /// The text of the page that a person sees.
    #[must_use]
    pub fn text(&self) -> String {
        self.all("body")
            .first()
            .map_or_else(String::new, |body| self.text_of(body))
    }

    /// The text of one element.
    #[must_use]
    pub fn text_of(&self, element: &Element) -> String {
        let text = self.session.of(element, "text");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// A property of a style, computed.
    #[must_use]
    pub fn style_of(&self, element: &Element, property: &str) -> String {
        let value = self.session.of(element, &format!("css/{property}"));
        value.as_str().unwrap_or_default().to_owned()
    }

    /// An attribute, empty if there is none.
    #[must_use]
    pub fn attribute(&self, element: &Element, name: &str) -> String {
        let value = self.session.of(element, &format!("attribute/{name}"));
        value.as_str().unwrap_or_default().to_owned()
    }

    /// All that match a CSS selector, now.
    #[must_use]
    pub fn all(&self, css: &str) -> Vec<Element> {
        self.session.elements(css)
    }

    /// The first that matches, once it is there.
    ///
    /// # Panics
    ///
    /// It does not come.
    pub fn find(&self, css: &str) -> Element {
        self.wait(css, || self.all(css).into_iter().next())
    }

    /// Waits until the page's text holds `text`; answers the whole text.
    ///
    /// # Panics
    ///
    /// It does not come.
    pub fn shows(&self, text: &str) -> String {
        self.wait(text, || Some(self.text()).filter(|t| t.contains(text)))
    }

    fn wait<T>(&self, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = probe() {
                return found;
            }
            if start.elapsed() > PATIENCE {
                panic!("no `{what}` on {}:\n{}", self.url(), self.text());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Clicks.
    ///
    /// # Panics
    ///
    /// It is not there, or something is in front of it.
    pub fn click(&self, css: &str) -> &Self {
        let element = self.find(css);
        self.session
            .act(&element, "click", &json!({}))
            .unwrap_or_else(|e| panic!("click on {css}: {e}"));
        self
    }

    /// Types into a field.
    ///
    /// # Panics
    ///
    /// It is not there, or takes no text.
    pub fn fill(&self, css: &str, text: &str) -> &Self {
        let element = self.find(css);
        self.session.act(&element, "clear", &json!({})).unwrap();
        self.session
            .act(&element, "value", &json!({"text": text}))
            .unwrap_or_else(|e| panic!("typing into {css}: {e}"));
        self
    }

    /// Presses keys, one after the other, wherever the focus is.
    ///
    /// # Panics
    ///
    /// The driver refuses.
    pub fn press(&self, keys: impl IntoIterator<Item = char>) -> &Self {
        let mut actions = Vec::new();
        let mut held = Vec::new();
        for key in keys {
            actions.push(json!({"type": "keyDown", "value": key}));
            if key == crate::webdriver::key::SHIFT {
                held.push(key);
            } else {
                actions.push(json!({"type": "keyUp", "value": key}));
            }
        }
        for key in held {
            actions.push(json!({"type": "keyUp", "value": key}));
        }
        let body = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.session.post("actions", &body).unwrap();
        self
    }

    /// What has the focus.
    #[must_use]
    pub fn active(&self) -> Option<Element> {
        self.session.active()
    }

    /// Opens a tab and answers its handle; [`switch`](Self::switch) goes to it.
    ///
    /// # Panics
    ///
    /// The driver refuses.
    #[must_use]
    pub fn new_tab(&self) -> String {
        let tab = self.session.post("window/new", &json!({"type": "tab"}));
        tab.unwrap()["handle"].as_str().unwrap().to_owned()
    }

    /// The handle of this tab.
    ///
    /// # Panics
    ///
    /// The driver refuses.
    #[must_use]
    pub fn tab(&self) -> String {
        let tab = self.session.read("window").unwrap();
        tab.as_str().unwrap().to_owned()
    }

    /// Goes to a tab.
    ///
    /// # Panics
    ///
    /// It is closed.
    pub fn switch(&self, tab: &str) -> &Self {
        self.session
            .post("window", &json!({"handle": tab}))
            .unwrap();
        self
    }

    /// The value of a script's `return`, run beside the page's own policy.
    ///
    /// # Panics
    ///
    /// It throws.
    #[must_use]
    pub fn script(&self, script: &str) -> Value {
        self.session
            .post("execute/sync", &json!({"script": script, "args": []}))
            .unwrap_or_else(|e| panic!("{script}: {e}"))
    }

    /// What the browser complained about since the last question: errors and
    /// warnings of console, network and security policy. An answer with a
    /// status that the test expects is not a complaint.
    ///
    /// # Panics
    ///
    /// The driver refuses.
    #[must_use]
    pub fn complaints(&self, expected: &[u16]) -> Vec<String> {
        let log = self
            .session
            .post("se/log", &json!({"type": "browser"}))
            .unwrap();
        let entries = log.as_array().into_iter().flatten();
        entries
            .filter(|e| e["level"] != "INFO" && e["level"] != "DEBUG")
            .map(|e| e["message"].as_str().unwrap_or_default().to_owned())
            .filter(|message| {
                !expected
                    .iter()
                    .any(|status| message.contains(&format!("responded with a status of {status}")))
            })
            .collect()
    }

    /// Writes the whole page as a picture to `target/screenshots`, and
    /// checks that nothing sticks out to the side.
    ///
    /// # Panics
    ///
    /// The page is wider than the viewport, or no picture comes.
    pub fn screenshot(&self, name: &str) -> PathBuf {
        let size = self.session.devtools("Page.getLayoutMetrics", &json!({}));
        let (page, seen) = (
            &size["cssContentSize"]["width"],
            &size["cssLayoutViewport"]["clientWidth"],
        );
        assert!(
            page.as_f64() <= seen.as_f64(),
            "{name}: {page} wide in a viewport of {seen}"
        );
        let shot = self.session.devtools(
            "Page.captureScreenshot",
            &json!({"format": "png", "captureBeyondViewport": true}),
        );
        let folder = target_folder().join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.png"));
        let picture = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(&path, picture).unwrap();
        path
    }
}
