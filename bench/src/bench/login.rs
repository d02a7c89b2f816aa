//! `/login` against a hyper server that answers the same bytes.

use std::{fs, time::Instant};

use super::{request::many, sign_in};
use crate::{
    http::Browser,
    process::{App, built, free_port, provider, scratch},
    report::Outcome,
    stats::Rounds,
};

const REQUESTS: usize = 40_000;

pub fn run(rounds: usize) {
    let provider = provider("RS256");
    let folder = scratch("login");
    let valetkey = sign_in::valetkey(
        &format!("http://127.0.0.1:{}", provider.port),
        &folder.join("sessions.db"),
    );
    let reply = Browser::default().get(&valetkey.url("/login")).unwrap();
    let bytes = folder.join("login.http");
    fs::write(&bytes, format!("{}{}", reply.head, reply.text())).unwrap();
    let bare = {
        let port = free_port();
        let mut command = built("app-bare");
        command.env("PORT", port.to_string()).env("BYTES", &bytes);
        App::start("bare hyper, the same bytes", command, port, "/login")
    };
    let apps = [valetkey, bare];
    let mut rate = vec![vec![Rounds::default(); 2]; 2];
    let mut wall = rate.clone();
    for round in 0..=rounds {
        for (p, parallel) in [1, 8].into_iter().enumerate() {
            for (i, app) in apps.iter().enumerate() {
                let mut browsers: Vec<_> =
                    (0..parallel).map(|_| Browser::without_cookies()).collect();
                let (before, begun) = (app.cpu(), Instant::now());
                many(app, "/login", &mut browsers, REQUESTS, reply.status);
                if round > 0 {
                    rate[i][p].push(REQUESTS as f64 / (app.cpu() - before));
                    wall[i][p].push(REQUESTS as f64 / begun.elapsed().as_secs_f64());
                }
            }
        }
    }
    let mut outcome = Outcome::new("login");
    let share = |p: usize| rate[0][p].with(&rate[1][p], |ours, bare| ours / bare);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (i, app) in apps.iter().enumerate() {
        rows.push(vec![
            app.name.into(),
            rate[i][0].shown(),
            rate[i][1].shown(),
            wall[i][1].shown(),
        ]);
    }
    rows.push(vec![
        "share (at least 0.5)".into(),
        share(0).shown(),
        share(1).shown(),
        wall[0][1].with(&wall[1][1], |a, b| a / b).shown(),
    ]);
    outcome.figure("share, in sequence", &share(0));
    outcome.figure("share, 8 parallel", &share(1));
    outcome.table(
        &[
            "",
            "in sequence, per CPU-second",
            "8 parallel, per CPU-second",
            "8 parallel, per second",
        ],
        rows,
    );
    outcome.write();
}
