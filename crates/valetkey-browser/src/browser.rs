//! The browser itself.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    cookie::{Context, Cookie, Jar},
    csp::FormAction,
    date,
    error::BrowserError,
    form::Form,
    page::{Exchange, Hop, Page},
    request::{Mode, Request},
    site::{bare, origin},
    wire::{self, Limits},
};

/// How many redirects a browser follows.
const REDIRECTS: usize = 20;

/// A browser: a cookie jar, a history and what it was told about itself.
///
/// All methods take `&self`, so that two tabs can work at once on one jar
/// (`tokio::join!`). `clone()` forks it: the copy starts with the same
/// cookies and an own history, and nothing later is shared.
pub struct Browser {
    state: Mutex<State>,
}

#[derive(Clone)]
struct State {
    jar: Jar,
    history: Vec<Exchange>,
    headers: HeaderMap,
    names: HashMap<String, IpAddr>,
    follow: bool,
    limits: Limits,
    ahead: i64,
}

impl Default for Browser {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                jar: Jar::default(),
                history: Vec::new(),
                headers: HeaderMap::new(),
                names: HashMap::new(),
                follow: true,
                limits: Limits::default(),
                ahead: 0,
            }),
        }
    }
}

impl Clone for Browser {
    fn clone(&self) -> Self {
        let mut state = self.lock().clone();
        state.history.clear();
        Self {
            state: Mutex::new(state),
        }
    }
}

impl std::fmt::Debug for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Browser")
            .field("history", &self.lock().history)
            .finish_non_exhaustive()
    }
}

impl Browser {
    /// A fresh browser: no cookies, redirects are followed, 20 seconds and
    /// 4 MiB for each answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether redirects are followed (the default). When not, a redirect is
    /// a [`Page`] of its own, and [`step`](Self::step) goes on from it.
    pub fn follow(&self, follow: bool) -> &Self {
        self.lock().follow = follow;
        self
    }

    /// A header for every request from now on, instead of the browser's own;
    /// one that is not valid is left out.
    pub fn header(&self, name: &str, value: &str) -> &Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            self.lock().headers.insert(name, value);
        }
        self
    }

    /// Lets a host name mean a loopback address, for exercises with several
    /// sites: `browser.resolve("attacker.test", "127.0.0.1".parse()?)`.
    pub fn resolve(&self, host: &str, address: IpAddr) -> &Self {
        self.lock().names.insert(host.to_ascii_lowercase(), address);
        self
    }

    /// How long one answer may take.
    pub fn timeout(&self, time: Duration) -> &Self {
        self.lock().limits.time = time;
        self
    }

    /// How many bytes the body of one answer may have.
    pub fn body_limit(&self, bytes: usize) -> &Self {
        self.lock().limits.body = bytes;
        self
    }

    /// Moves the browser's clock forward, for cookies that end.
    pub fn advance(&self, seconds: i64) -> &Self {
        let mut state = self.lock();
        state.ahead = state.ahead.saturating_add(seconds);
        drop(state);
        self
    }

    /// Opens an address as if it had been typed.
    ///
    /// # Errors
    ///
    /// The address cannot be opened, or no complete answer came.
    pub async fn open(&self, url: &str) -> Result<Page, BrowserError> {
        self.send(Request::get(url)?).await
    }

    /// Follows a link of `page`; `href` may be relative.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn click(&self, page: &Page, href: &str) -> Result<Page, BrowserError> {
        let url = page
            .url
            .join(href)
            .map_err(|e| BrowserError::Url(bare(&page.url), e.to_string()))?;
        self.send(Request::to(url, Some(page.initiator()))).await
    }

    /// Loads a page again: a GET as if typed, anything else repeated as it was.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn reload(&self, page: &Page) -> Result<Page, BrowserError> {
        let mut request = page.request.clone();
        request.chain = vec![request.url.clone()];
        self.send(request).await
    }

    /// Fills in the form named `form` and sends it: `fields` are text fields
    /// by name, ticks by name and value, and the button that is pressed by
    /// its name and value (without one: the first, as the Enter key does).
    /// Hidden inputs are sent back unchanged.
    ///
    /// # Errors
    ///
    /// The form or a field is not there, a field is hidden, the page's
    /// `form-action` forbids the target; else as [`open`](Self::open).
    pub async fn submit(
        &self,
        page: &Page,
        form: &str,
        fields: &[(&str, &str)],
    ) -> Result<Page, BrowserError> {
        let forms = page.forms();
        let Some(found) = forms.iter().find(|f| f.name == form) else {
            let names: Vec<_> = forms.iter().map(|f| f.name.as_str()).collect();
            return Err(BrowserError::NoForm {
                page: bare(&page.url),
                status: page.status.as_u16(),
                form: form.to_owned(),
                found: names.join(", "),
            });
        };
        self.submit_form(page, found.clone(), fields).await
    }

    /// The same for a form in hand, also one that was tampered with.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    pub async fn submit_form(
        &self,
        page: &Page,
        mut form: Form,
        fields: &[(&str, &str)],
    ) -> Result<Page, BrowserError> {
        let pressed = form.fill(fields)?;
        if !matches!(
            form.enctype.as_str(),
            "" | "application/x-www-form-urlencoded"
        ) {
            return Err(BrowserError::Encoding(form.name, form.enctype));
        }
        let button = pressed.map(|i| &form.controls[i]);
        let action = button.and_then(|b| b.action.as_deref());
        let method = button.and_then(|b| b.method.as_deref());
        let action = action.unwrap_or(&form.action);
        let mut url = if action.is_empty() {
            page.url.clone()
        } else {
            page.url
                .join(action)
                .map_err(|e| BrowserError::Url(bare(&page.url), e.to_string()))?
        };
        url.set_fragment(None);
        let entries = form.entries(pressed);
        let initiator = Some(page.initiator());
        let mut request = if method.unwrap_or(&form.method) == "post" {
            Request::to(url, initiator).form(&entries)
        } else {
            url.query_pairs_mut().clear().extend_pairs(&entries);
            Request::to(url, initiator)
        };
        request.form_action = FormAction::of(&page.url, &page.headers);
        self.send(request).await
    }

    /// Sends a request made by hand.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn send(&self, request: Request) -> Result<Page, BrowserError> {
        let follow = self.lock().follow;
        self.walk(request, Vec::new(), follow).await
    }

    /// Follows one redirect, whatever [`follow`](Self::follow) says.
    ///
    /// # Errors
    ///
    /// The page does not redirect; else as [`open`](Self::open).
    pub async fn step(&self, page: &Page) -> Result<Page, BrowserError> {
        let Some(location) = page.location().filter(|_| page.is_redirect()) else {
            return Err(BrowserError::NotARedirect(bare(&page.url)));
        };
        let mut from = page.from.clone();
        from.push(hop(&page.request, page));
        let next = page.request.clone().redirected(page.status, location);
        self.walk(next, from, false).await
    }

    async fn walk(
        &self,
        mut request: Request,
        mut from: Vec<Hop>,
        follow: bool,
    ) -> Result<Page, BrowserError> {
        loop {
            if let Some(policy) = request.form_action.forbids(&request.url) {
                return Err(BrowserError::FormAction {
                    policy,
                    target: origin(&request.url),
                });
            }
            let mut page = self.exchange(&request).await?;
            match page.location().filter(|_| follow && page.is_redirect()) {
                Some(location) => {
                    from.push(hop(&request, &page));
                    if from.len() > REDIRECTS {
                        return Err(BrowserError::TooManyRedirects(REDIRECTS, bare(&location)));
                    }
                    request = request.redirected(page.status, location);
                }
                None => {
                    page.from = from;
                    return Ok(page);
                }
            }
        }
    }

    /// One request: cookies out, cookies in, history.
    async fn exchange(&self, request: &Request) -> Result<Page, BrowserError> {
        let (headers, names, limits) = {
            let mut state = self.lock();
            let now = date::now().saturating_add(state.ahead);
            let cookie = state.jar.header(&context(request, now));
            let headers = wire::headers(request, &state.headers, cookie);
            (headers, state.names.clone(), state.limits)
        };
        let answer = wire::exchange(request, headers.clone(), &names, limits).await;
        let mut state = self.lock();
        state.history.push(Exchange {
            method: request.method.clone(),
            url: request.url.clone(),
            request_headers: headers,
            request_body: request.body.clone(),
            status: answer.as_ref().ok().map(|(status, ..)| *status),
            headers: answer.as_ref().map(|a| a.1.clone()).unwrap_or_default(),
        });
        let (status, answer_headers, body) = answer?;
        let now = date::now().saturating_add(state.ahead);
        state.jar.store(&context(request, now), &answer_headers);
        drop(state);
        Ok(Page {
            url: request.url.clone(),
            status,
            headers: answer_headers,
            body,
            from: Vec::new(),
            request: request.clone(),
        })
    }

    /// The cookies that have not ended, oldest first.
    #[must_use]
    pub fn cookies(&self) -> Vec<Cookie> {
        let mut state = self.lock();
        let now = date::now().saturating_add(state.ahead);
        state.jar.all(now)
    }

    /// The cookie of this name, if there is one.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<Cookie> {
        self.cookies().into_iter().find(|c| c.name == name)
    }

    /// Puts a cookie into the jar past all rules, as an attacker with another
    /// way in would.
    pub fn plant(&self, cookie: Cookie) -> &Self {
        self.lock().jar.insert(cookie);
        self
    }

    /// Forgets the cookies of this name.
    pub fn forget(&self, name: &str) -> &Self {
        self.lock().jar.remove(name);
        self
    }

    /// Forgets all cookies.
    pub fn forget_all(&self) -> &Self {
        self.lock().jar.clear();
        self
    }

    /// Every request so far and its answer, in order of the answers.
    #[must_use]
    pub fn history(&self) -> Vec<Exchange> {
        self.lock().history.clone()
    }

    /// The origins that got a request holding `secret`, in its address, a
    /// header or its body: each once, first receiver first.
    #[must_use]
    pub fn who_received(&self, secret: &str) -> Vec<String> {
        let mut origins = Vec::new();
        for exchange in self.lock().history.iter().filter(|e| e.sent(secret)) {
            let origin = exchange.origin();
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins
    }
}

fn hop(request: &Request, page: &Page) -> Hop {
    Hop {
        method: request.method.clone(),
        url: page.url.clone(),
        status: page.status,
        location: page.location(),
        request_body: request.body.clone(),
    }
}

fn context<'a>(request: &'a Request, now: i64) -> Context<'a> {
    Context {
        url: &request.url,
        method: &request.method,
        navigation: request.mode == Mode::Navigate,
        initiator: request.initiator.as_ref(),
        now,
    }
}

const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Browser>();
    shared::<Page>();
};
