//! Plays the person with the browser: types, clicks, and remembers.

use std::time::Duration;

use valetkey_browser::{Browser, BrowserError, Page};
use valetkey_proto::secret::shown;

use super::witness::{Places, Visit, Witness};

/// How long one answer may take: far longer than any does.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who signs in.
pub(crate) struct Person<'a> {
    pub(crate) username: &'a str,
    pub(crate) password: &'a str,
}

/// A walk in progress.
struct Walker<'a> {
    browser: &'a Browser,
    /// For each request of the browser: the step, and the greeting seen.
    notes: Vec<(u8, Option<String>)>,
    /// A copy of the browser as it was while signed in, and the address of
    /// the callback: what a thief might keep.
    kept: Option<(Browser, Option<String>)>,
    step: u8,
}

/// Signs in, or refuses consent, and does everything that comes after.
/// Whatever happens, it answers what was seen until then.
pub(crate) async fn drive(
    browser: &Browser,
    person: &Person<'_>,
    places: &Places<'_>,
    deny: bool,
) -> Witness {
    browser.timeout(PATIENCE);
    let mut walker = Walker {
        browser,
        notes: Vec::new(),
        kept: None,
        step: 1,
    };
    let broken = walker.walk(person, places, deny).await.err();
    let mut witness = Witness {
        password: shown(person.password),
        broken: broken.map(|e| format!("the browser stopped at step {}: {e}", walker.step)),
        ..Witness::default()
    };
    let visits = |browser: &Browser, notes: &[(u8, Option<String>)]| -> Vec<Visit> {
        let mut notes = notes.iter().cloned();
        browser
            .history()
            .iter()
            .map(|exchange| {
                let (step, greeting) = notes.next().unwrap_or((walker.step, None));
                Visit::of(exchange, step, greeting, person.password, places)
            })
            .collect()
    };
    witness.visits = visits(browser, &walker.notes);
    if let Some((thief, callback)) = &walker.kept {
        let mut notes = Vec::new();
        // What does not answer is missing in the record, and that tells.
        if let Ok(page) = thief.open(&format!("{}/", places.app)).await {
            note(&mut notes, thief, 11, Some(&page));
        }
        if let Some(callback) = callback {
            thief.forget_all();
            drop(thief.open(callback).await);
            note(&mut notes, thief, 7, None);
        }
        witness.replays = visits(thief, &notes);
    }
    witness
}

impl Walker<'_> {
    async fn walk(
        &mut self,
        person: &Person<'_>,
        places: &Places<'_>,
        deny: bool,
    ) -> Result<(), String> {
        let app = places.app;
        let sign_in = self.browser.open(&format!("{app}/login")).await;
        let sign_in = self.saw(sign_in)?;
        self.step = 2;
        let fields = [("username", person.username), ("password", person.password)];
        let consent = self.browser.submit(&sign_in, "sign-in", &fields).await;
        let consent = self.saw(consent)?;
        let decision = if deny { "deny" } else { "allow" };
        let home = self
            .browser
            .submit(&consent, "consent", &[("decision", decision)])
            .await;
        let home = self.saw(home)?;
        self.keep(&home);
        let greeted = self.notes.last().is_some_and(|(_, hello)| hello.is_some());
        if !deny && !greeted {
            return Err(format!(
                "nobody is greeted: {} answers {}",
                home.url.path(),
                home.status.as_u16()
            ));
        }
        if deny {
            self.step = 7;
            let home = self.browser.open(&format!("{app}/")).await;
            self.saw(home)?;
            return Ok(());
        }
        let mut page = home;
        for (step, form) in [(8, "call-api"), (9, "refresh"), (10, "revoke")] {
            self.step = step;
            let answer = self.browser.submit(&page, form, &[]).await;
            page = self.saw(answer)?;
        }
        self.keep(&page);
        self.step = 11;
        let out = self.browser.submit(&page, "sign-out", &[]).await;
        self.saw(out)?;
        let home = self.browser.open(&format!("{app}/")).await;
        self.saw(home)?;
        Ok(())
    }

    fn keep(&mut self, page: &Page) {
        let callback = page
            .from
            .iter()
            .map(|hop| &hop.url)
            .chain([&page.url])
            .find(|url| url.path() == "/callback")
            .map(ToString::to_string);
        let earlier = self.kept.take().and_then(|(_, callback)| callback);
        self.kept = Some((self.browser.clone(), callback.or(earlier)));
    }

    fn saw(&mut self, page: Result<Page, BrowserError>) -> Result<Page, String> {
        note(&mut self.notes, self.browser, self.step, page.as_ref().ok());
        page.map_err(|e| e.to_string())
    }
}

/// Files the requests made since the last note under `step`; the greeting
/// belongs to the last of them.
fn note(notes: &mut Vec<(u8, Option<String>)>, browser: &Browser, step: u8, page: Option<&Page>) {
    notes.resize(browser.history().len(), (step, None));
    if let (Some(last), Some(page)) = (notes.last_mut(), page) {
        last.1 = page
            .text()
            .lines()
            .find(|line| line.starts_with("Hello "))
            .map(str::to_owned);
    }
}
