//! Waiting for the browser, and deciding on each request that comes.

use std::{ops::ControlFlow, time::Duration};

use tokio::time::Instant;
use valetkey::{
    Client, Error, Explain, Session,
    cookie::{Cookies, SetCookie},
    flow::callback::Callback,
    seal::KeyRing,
};
use valetkey_proto::{
    callback::CallbackError,
    error::{Blame, Problem},
};
use zeroize::Zeroizing;

use crate::{
    report::Failure,
    terminal::{
        Terminal, failure_of,
        listener::{Answer, Attempt, Listener},
        logins::{Login, Secrets},
    },
};

/// What a request to the callback is judged with.
pub(super) struct Waiting<'a> {
    pub(super) terminal: &'a Terminal,
    pub(super) keys: &'a KeyRing,
    pub(super) client: &'a Client,
    /// The cookies that a browser would have kept.
    pub(super) jar: &'a Cookies,
    /// What the login is called.
    pub(super) name: &'a str,
    pub(super) client_secret: Option<&'a Zeroizing<String>>,
}

/// Who signed in.
pub(super) struct SignedIn {
    pub(super) session: Session,
    pub(super) access_token: Zeroizing<String>,
    handle: Zeroizing<String>,
}

impl Waiting<'_> {
    /// Waits until somebody signed in, the provider said no, or `time` (in
    /// words: `told`) is over.
    pub(super) async fn wait(
        &self,
        listener: &mut Listener,
        mut login: Login,
        time: Duration,
        told: &str,
    ) -> Result<SignedIn, Failure> {
        let deadline = Instant::now() + time;
        loop {
            let attempt = tokio::select! {
                attempt = listener.next() => attempt,
                () = tokio::time::sleep_until(deadline) => return Err(timed_out(told)),
            };
            let Some(attempt) = attempt else {
                return Err(super::cannot_listen(&std::io::ErrorKind::BrokenPipe.into()));
            };
            if let ControlFlow::Break(outcome) = self.judge(attempt, &mut login).await {
                return outcome;
            }
        }
    }

    async fn judge(
        &self,
        Attempt { query, answer }: Attempt,
        login: &mut Login,
    ) -> ControlFlow<Result<SignedIn, Failure>> {
        let refusal = match self.come_back(login.entry.engine_name(), &query).await {
            Ok(signed_in) => {
                let saved = self.save(login, &signed_in).await;
                let told = match &saved {
                    Ok(()) => Answer::SignedIn(signed_in.session.name().to_owned()),
                    Err(failure) => not_kept(failure),
                };
                let _ = answer.send(told);
                return ControlFlow::Break(saved.map(|()| signed_in));
            }
            Err(refusal) => refusal,
        };
        let problem = in_terminal(&refusal);
        let (said, goes_on) = match &refusal {
            Error::Callback(e) => (e.provider_said().cloned(), !e.spends_state()),
            _ => (None, false),
        };
        let status = match &refusal {
            Error::Callback(_) => 400,
            Error::Store(_) => 503,
            _ => 502,
        };
        let _ = answer.send(Answer::Refused {
            status,
            problem: problem.clone(),
            said,
        });
        if goes_on {
            // An attacker's link, a reload, a slip: the real answer may come.
            tracing::warn!(code = problem.code, "a request to the callback was refused");
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(Err(failure_of(problem)))
    }

    async fn come_back(&self, provider: &str, query: &str) -> Result<SignedIn, Error> {
        let client = self.client;
        let sign_in = match client.callback(provider, query, self.jar).await {
            Ok(Callback::Verified(sign_in)) => sign_in,
            // The answer to the login that this one replaces, once more.
            Ok(Callback::AlreadySignedIn(_)) => return Err(CallbackError::StateSpent.into()),
            Err(refused) => return Err(refused.error),
        };
        let access_token = Zeroizing::new(sign_in.tokens().access_token.expose().to_owned());
        let established = client.establish(*sign_in, self.jar).await?;
        let name = client.forget_session().name().to_owned();
        let handle = established
            .set_cookies
            .iter()
            .find(|c| c.name() == name)
            .map(value)
            .unwrap_or_default();
        Ok(SignedIn {
            session: established.session,
            handle,
            access_token,
        })
    }

    /// Writes the login down. A session that could not be is given up.
    async fn save(&self, login: &mut Login, signed_in: &SignedIn) -> Result<(), Failure> {
        login.issuer = signed_in.session.issuer().to_owned();
        let secrets = Secrets {
            client_secret: self.client_secret.cloned(),
            session: signed_in.handle.clone(),
        };
        login.seal(self.keys, self.name, &secrets);
        let saved = self
            .terminal
            .change(|all| all.insert(self.name, login.clone()));
        if saved.is_err() {
            let name = self.client.forget_session().name().to_owned();
            let cookies = Cookies::parse(&format!("{name}={}", signed_in.handle.as_str()));
            let _ = self.client.sign_out(&cookies).await;
        }
        saved
    }
}

/// `name=value` of a `Set-Cookie` header.
pub(super) fn pair(header: &str) -> &str {
    header.split(';').next().unwrap_or_default()
}

fn value(cookie: &SetCookie) -> Zeroizing<String> {
    let header = Zeroizing::new(cookie.header());
    let (_, value) = pair(&header).split_once('=').unwrap_or_default();
    Zeroizing::new(value.to_owned())
}

/// The engine's words are for people in front of an app's pages.
fn in_terminal(error: &Error) -> Problem {
    let mut problem = error.problem();
    if let Error::Callback(callback) = error {
        if let Some(said) = callback.provider_said() {
            let words = [
                Some(&said.error),
                said.description.as_ref(),
                said.reason.as_ref(),
            ];
            let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
            problem.message = format!("{} ({})", problem.message, words.join(": "));
        }
        problem.fix = match callback {
            CallbackError::Denied(_) => {
                "Nothing was shared. Run valetkey login again if that was a mistake."
            }
            CallbackError::ProviderError(_) => {
                "Check scopes, client id and redirect URI; then run valetkey login again."
            }
            _ => "The terminal goes on waiting: open the address that it printed.",
        }
        .into();
    }
    problem
}

fn not_kept(failure: &Failure) -> Answer {
    let problem = failure.problems.first().cloned().unwrap_or_else(|| {
        Problem::new(
            "store.unavailable",
            Blame::Store,
            "the login could not be written down",
            "The disk is full, or the folder cannot be written.",
            "Look at the terminal.",
        )
    });
    Answer::Refused {
        status: 503,
        problem,
        said: None,
    }
}

fn timed_out(time: &str) -> Failure {
    Failure::no(vec![Problem::new(
        "login.timeout",
        Blame::Browser,
        format!("nobody signed in within {time}"),
        "The sign-in was not finished in the browser, or the browser cannot reach this machine's loopback address.",
        "Run valetkey login again, and open the address on this very machine; --timeout gives more time.",
    )])
}
