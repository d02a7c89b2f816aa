//! A signed-in request to an axum handler: CPU time of the server's process.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    thread,
};

use super::sign_in;
use crate::{
    http::Browser,
    process::{App, built, free_port, provider, scratch},
    report::Outcome,
    stats::Rounds,
};

/// How many requests a round has: bare, Valetkey, tower-sessions. The kernel's
/// account of CPU time has steps of 10 ms.
const REQUESTS: [usize; 3] = [40_000, 30_000, 8_000];

/// Gets `path` over and over, on as many connections as there are browsers.
pub fn many(app: &App, path: &str, browsers: &mut [Browser], count: usize, expected: u16) {
    let left = AtomicI64::new(count as i64);
    let url = app.url(path);
    thread::scope(|scope| {
        for browser in browsers {
            scope.spawn(|| {
                while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                    let reply = browser.get(&url).unwrap();
                    assert_eq!(reply.status, expected, "{}", reply.text());
                }
            });
        }
    });
}

pub fn run(rounds: usize) {
    let provider = provider("RS256");
    let folder = scratch("request");
    let bare = {
        let port = free_port();
        let mut command = built("app-bare");
        command.env("PORT", port.to_string());
        App::start("bare handler", command, port, "/")
    };
    let valetkey = sign_in::valetkey(
        &format!("http://127.0.0.1:{}", provider.port),
        &folder.join("sessions.db"),
    );
    let tower = {
        let port = free_port();
        let mut command = built("app-tower-sessions");
        command
            .env("PORT", port.to_string())
            .env("DB", folder.join("tower.db"));
        App::start("tower-sessions, SQLite", command, port, "/")
    };
    let apps = [bare, valetkey, tower];
    let mut browsers: Vec<Vec<Browser>> = apps
        .iter()
        .enumerate()
        .map(|(i, app)| {
            (0..8)
                .map(|_| {
                    let mut browser = Browser::default();
                    match i {
                        1 => sign_in::sign_in(&mut browser, app.port, provider.port),
                        2 => assert_eq!(browser.get(&app.url("/sign-in")).unwrap().status, 200),
                        _ => {}
                    }
                    assert_eq!(browser.get(&app.url("/me")).unwrap().status, 200);
                    browser
                })
                .collect()
        })
        .collect();
    let mut one = vec![Rounds::default(); apps.len()];
    let mut eight = one.clone();
    for round in 0..=rounds {
        for (parallel, into) in [(1, &mut one), (8, &mut eight)] {
            for (i, app) in apps.iter().enumerate() {
                let before = app.cpu();
                many(app, "/me", &mut browsers[i][..parallel], REQUESTS[i], 200);
                let micros = (app.cpu() - before) * 1e6 / REQUESTS[i] as f64;
                if round > 0 {
                    into[i].push(micros);
                }
            }
        }
    }
    let mut outcome = Outcome::new("request");
    let rows = apps.iter().enumerate().map(|(i, app)| {
        outcome.figure(&format!("{}, in sequence, CPU µs", app.name), &one[i]);
        outcome.figure(&format!("{}, 8 parallel, CPU µs", app.name), &eight[i]);
        let added = |rounds: &[Rounds]| {
            if i == 0 {
                "–".into()
            } else {
                rounds[i].with(&rounds[0], |a, b| a - b).shown()
            }
        };
        vec![
            app.name.into(),
            one[i].shown(),
            added(&one),
            eight[i].shown(),
            added(&eight),
        ]
    });
    let rows = rows.collect();
    outcome.table(
        &[
            "",
            "in sequence, µs",
            "added, µs",
            "8 parallel, µs",
            "added, µs",
        ],
        rows,
    );
    let ratio = |rounds: &[Rounds]| {
        Rounds(
            (0..rounds[0].0.len())
                .map(|r| (rounds[2].0[r] - rounds[0].0[r]) / (rounds[1].0[r] - rounds[0].0[r]))
                .collect(),
        )
    };
    outcome.figure(
        "added by tower-sessions ÷ by valetkey, in sequence",
        &ratio(&one),
    );
    outcome.figure(
        "added by tower-sessions ÷ by valetkey, 8 parallel",
        &ratio(&eight),
    );
    outcome.table(
        &[
            "added by tower-sessions ÷ added by Valetkey",
            "figure",
            "at least",
        ],
        vec![
            vec!["in sequence".into(), ratio(&one).shown(), "2".into()],
            vec!["8 parallel".into(), ratio(&eight).shown(), "2".into()],
        ],
    );
    outcome.write();
}
