//! The people in the exercises: a victim and an attacker, each with a
//! browser of their own.

use serde_json::Value;
use url::Url;
use valetkey_browser::{Browser, BrowserError, Page, Request};

/// The victim signs in as this user of the provider.
pub(crate) const VICTIM: &str = "alice";
/// The attacker has an account too.
pub(crate) const ATTACKER: &str = "bob";

pub(crate) fn told(error: BrowserError) -> String {
    error.to_string()
}

/// Goes through the provider's own pages as `user`, until the provider sends
/// the browser back. Follows redirects as the browser is set to.
pub(crate) async fn at_provider(
    browser: &Browser,
    mut page: Page,
    user: &str,
) -> Result<Page, String> {
    for _ in 0..6 {
        if page.form("sign-in").is_some() {
            let password = format!("{user}-password");
            page = browser
                .submit(
                    &page,
                    "sign-in",
                    &[("username", user), ("password", &password)],
                )
                .await
                .map_err(told)?;
        } else if page.form("consent").is_some() {
            page = browser
                .submit(&page, "consent", &[("decision", "allow")])
                .await
                .map_err(told)?;
        } else if page.is_redirect() && !leads_back(&page) {
            page = browser.step(&page).await.map_err(told)?;
        } else {
            return Ok(page);
        }
    }
    Err("the provider's pages lead nowhere".into())
}

/// Whether a redirect carries an authorization response.
fn leads_back(page: &Page) -> bool {
    page.location().is_some_and(|to| {
        to.query_pairs()
            .any(|(name, _)| name == "code" || name == "error")
    })
}

/// Starts a sign-in and signs in at the provider, but does not follow the
/// redirect that carries the code: returns its address.
pub(crate) async fn catch_callback(
    browser: &Browser,
    start: &str,
    user: &str,
) -> Result<Url, String> {
    browser.follow(false);
    let mut page = browser.open(start).await.map_err(told)?;
    if page.is_redirect() {
        page = browser.step(&page).await.map_err(told)?;
    }
    let page = at_provider(browser, page, user).await?;
    browser.follow(true);
    page.location()
        .filter(|to| to.query_pairs().any(|(name, _)| name == "code"))
        .ok_or_else(|| {
            format!(
                "no code came from the provider, but status {}: {}",
                page.status,
                page.title()
            )
        })
}

/// Signs in at the app, all the way.
pub(crate) async fn sign_in(browser: &Browser, start: &str, user: &str) -> Result<Page, String> {
    let page = browser.open(start).await.map_err(told)?;
    at_provider(browser, page, user).await
}

/// Who the app takes this browser for: the subject, by the app's own
/// `/profile`.
pub(crate) async fn who_is(browser: &Browser, app: &str) -> Result<Option<String>, String> {
    let request = Request::get(&format!("{app}/profile"))
        .map_err(told)?
        .header("accept", "application/json");
    let page = browser.send(request).await.map_err(told)?;
    if page.status != 200 {
        return Ok(None);
    }
    let body: Value = serde_json::from_str(&page.body).map_err(|e| e.to_string())?;
    Ok(body["subject"].as_str().map(str::to_owned))
}

pub(crate) fn signed_in_as(who: &Option<String>) -> String {
    match who {
        Some(subject) => format!("signed in as {subject}"),
        None => "signed in as nobody".into(),
    }
}

/// A parameter of an address.
pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.into_owned())
}

/// The same address with other parameters.
pub(crate) fn with_parameters(
    url: &Url,
    keep: impl Fn(&str) -> bool,
    more: &[(&str, &str)],
) -> Url {
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| keep(name))
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    let mut url = url.clone();
    url.set_query(None);
    url.query_pairs_mut().extend_pairs(kept).extend_pairs(more);
    url
}

/// The code that an app's answer carries.
pub(crate) fn code_of(page: &Page) -> Option<String> {
    page.header("valetkey-error").map(str::to_owned)
}

/// A short form of a secret, for evidence.
pub(crate) fn shown(secret: &str) -> String {
    valetkey::proto::secret::shown(secret)
}

/// An authorization request of the attacker's own making.
pub(crate) fn link_to(endpoint: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    format!("{endpoint}?{}", query.finish())
}
