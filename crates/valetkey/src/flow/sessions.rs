//! Making and finding sessions.

use valetkey_proto::return_to::ReturnTo;

use super::callback::NewSignIn;
use crate::{
    client::Client,
    clock::Seconds,
    cookie::{Cookies, SetCookie},
    error::Error,
    events::{Check, EventKind},
    seal::Purpose,
    session::{self, Handle, Session, SessionData},
    store::Index,
};

/// A session that has just been made.
#[derive(Debug)]
#[must_use = "without its cookies the browser is not signed in"]
#[non_exhaustive]
pub struct Established {
    /// The session.
    pub session: Session,
    /// Where the browser goes now. Answer with status 303.
    pub return_to: ReturnTo,
    /// One `Set-Cookie` header for each.
    pub set_cookies: Vec<SetCookie>,
}

impl NewSignIn {
    pub(crate) fn session_data(&self, now: Seconds) -> SessionData {
        SessionData::new(
            &self.provider,
            &self.identity,
            self.nonce
                .as_ref()
                .map(valetkey_proto::secret::Nonce::expose),
            &self.tokens,
            self.login,
            self.return_to.as_str(),
            now,
        )
    }
}

impl Client {
    /// Makes a session of a verified identity, durably. Its handle is new
    /// (whatever the browser sent before is not kept), and a session that
    /// this browser had before ends.
    ///
    /// # Errors
    ///
    /// The store cannot do it now.
    pub async fn establish(
        &self,
        sign_in: NewSignIn,
        cookies: &Cookies,
    ) -> Result<Established, Error> {
        let now = self.now();
        let handle = Handle::random();
        let key = handle.key();
        let ends_at = now.saturating_add(self.inner.lifetimes.session);
        let idle_until = self.idle_until(now, ends_at);
        let data = sign_in.session_data(now);
        let sealed = session::seal(&self.inner.keys, key, &data);
        let index = self.index(&data);
        self.inner
            .store
            .insert(key, sealed, idle_until, ends_at, index)
            .await?;
        if let Some(previous) = self.handle(cookies) {
            // Not worth failing for: it ends by itself.
            let _ = self.inner.store.delete(previous.key()).await;
        }
        let cookie = handle.cookie();
        self.emit(Some(sign_in.state.expose()), || EventKind::SignedIn {
            provider: sign_in.provider.clone(),
            issuer: data.issuer.clone(),
            subject: data.subject.clone(),
            session: valetkey_proto::secret::shown(&cookie),
            checks: vec![Check::held(
                "the session id is new",
                "OpenID Connect Core 15.5.2",
            )],
        });
        Ok(Established {
            session: Session {
                key,
                version: 1,
                idle_until,
                ends_at,
                data,
            },
            return_to: sign_in.return_to,
            set_cookies: vec![
                self.inner.cookies.set(
                    self.inner.cookies.session.clone(),
                    cookie,
                    self.inner.lifetimes.session,
                ),
                sign_in.remove_cookie,
            ],
        })
    }

    pub(super) fn handle(&self, cookies: &Cookies) -> Option<Handle> {
        Handle::parse(cookies.value(&self.inner.cookies.session)?)
    }

    /// The session of this browser, if it is signed in.
    ///
    /// # Errors
    ///
    /// The store cannot say now; that is not a sign-out.
    pub async fn session(&self, cookies: &Cookies) -> Result<Option<Session>, Error> {
        let Some(handle) = self.handle(cookies) else {
            return Ok(None);
        };
        let key = handle.key();
        let Some(mut session) = self.load(key).await? else {
            return Ok(None);
        };
        self.keep_alive(&mut session).await;
        Ok(Some(session))
    }

    /// Reads a session by its key.
    pub(super) async fn load(
        &self,
        key: crate::store::RecordKey,
    ) -> Result<Option<Session>, Error> {
        let Some(record) = self.inner.store.load(key, self.now()).await? else {
            self.forget_unsaved(key, u64::MAX);
            return Ok(None);
        };
        let Some((mut session, with_first_key)) = Session::open(&self.inner.keys, key, &record)?
        else {
            return Ok(None);
        };
        // Tokens that were renewed while the store could not be written.
        if let Some(unsaved) = self.unsaved(key, session.data.generation) {
            session.data = unsaved;
            self.save_unsaved(&session);
            return Ok(Some(session));
        }
        self.forget_unsaved(key, session.data.generation);
        if !with_first_key {
            // Sealed anew, so that the old key can be retired. A conflict
            // means that somebody else has just written it.
            let sealed = session.seal(&self.inner.keys);
            if let Ok(crate::store::Replaced::Done(version)) = self
                .inner
                .store
                .replace(key, session.version, sealed, self.now())
                .await
            {
                session.version = version;
            }
        }
        Ok(Some(session))
    }

    /// Moves the idle end, when it has moved by a twentieth: not every
    /// request writes.
    async fn keep_alive(&self, session: &mut Session) {
        let idle_until = self.idle_until(self.now(), session.ends_at);
        let step = (self.inner.lifetimes.session_idle / 20).max(1);
        if idle_until >= session.idle_until.saturating_add(step)
            && self
                .inner
                .store
                .touch(session.key, idle_until)
                .await
                .is_ok()
        {
            session.idle_until = idle_until;
        }
    }

    fn idle_until(&self, now: Seconds, ends_at: Seconds) -> Seconds {
        now.saturating_add(self.inner.lifetimes.session_idle)
            .min(ends_at)
    }

    fn index(&self, data: &SessionData) -> Index {
        let tag = |a: &str, b: &str| {
            let bytes = format!("{}:{a}{b}", a.len());
            self.inner.keys.tag(Purpose::Index, bytes.as_bytes())
        };
        Index {
            subject: Some(tag(&data.issuer, &data.subject)),
            sid: data.sid.as_deref().map(|sid| tag(&data.issuer, sid)),
        }
    }
}
