//! Resident memory of the application: with pending sign-ins, with live
//! sessions.

use super::{request::many, sessions, sign_in};
use crate::{
    http::Browser,
    process::{provider, scratch},
    report::Outcome,
    stats::figure,
};

const SESSIONS: usize = 100_000;
const REQUESTS: usize = 20_000;

pub fn run(_: usize) {
    let provider = provider("RS256");
    let issuer = format!("http://127.0.0.1:{}", provider.port);
    let db = scratch("memory").join("sessions.db");
    std::fs::copy(sessions::file(SESSIONS, false), &db).unwrap();
    let app = sign_in::valetkey(&issuer, &db);
    let mut rows = Vec::new();
    let mut note = |what: String| rows.push(vec![what, figure(app.rss())]);

    note(format!("started, {SESSIONS} live sessions in the file"));
    for _ in 0..20 {
        sign_in::sign_in(&mut Browser::default(), app.port, provider.port);
    }
    note("after 20 sign-ins".into());
    let mut begun = 0;
    for pending in [1_000, 2_000, 10_000] {
        let mut browsers: Vec<_> = (0..8).map(|_| Browser::without_cookies()).collect();
        many(&app, "/login", &mut browsers, pending - begun, 303);
        begun = pending;
        note(format!("and {pending} pending sign-ins"));
    }
    let mut browser = Browser::default();
    let name = format!("valetkey-{}-session", app.port);
    for n in 0..REQUESTS {
        browser.set_cookie(app.port, &name, &sessions::cookie(n * 5 % SESSIONS));
        assert_eq!(browser.get(&app.url("/me")).unwrap().status, 200);
    }
    note(format!(
        "and a request in each of {REQUESTS} of the sessions"
    ));
    let mut outcome = Outcome::new("memory");
    outcome.table(&["", "resident, MiB"], rows);
    outcome.write();
}
