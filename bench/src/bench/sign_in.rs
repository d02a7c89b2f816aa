//! A complete sign-in: the CPU time of the application's process alone.

use std::{
    process::Command,
    sync::atomic::{AtomicI64, Ordering},
    thread,
    time::Instant,
};

use crate::{
    http::Browser,
    process::{App, built, free_port, here, provider, scratch},
    report::Outcome,
    stats::Rounds,
};

/// 32 bytes.
pub const SECRET_KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";
const PARALLEL: [usize; 5] = [1, 4, 8, 16, 64];

/// The application on Valetkey, with its sessions in `db`.
pub fn valetkey(issuer: &str, db: &std::path::Path) -> App {
    let port = free_port();
    let mut command = built("app-valetkey");
    command.env("SECRET_KEY", SECRET_KEY).env("DB", db);
    App::start(
        "Valetkey, durable in SQLite",
        with(command, port, issuer),
        port,
        "/",
    )
}

fn with(mut command: Command, port: u16, issuer: &str) -> Command {
    command
        .env("PORT", port.to_string())
        .env("ISSUER", issuer)
        .env("ALG", "RS256");
    command
}

/// Signs in at `app`, as a browser that was never there.
pub fn sign_in(browser: &mut Browser, app: u16, provider: u16) {
    browser.forget(app);
    browser.forget_cookies(provider);
    let (url, reply) = browser
        .follow(&format!("http://localhost:{app}/login"), "")
        .unwrap();
    assert!(
        reply.status == 200 && reply.text().contains("Hello alice"),
        "{url} answered {}: {}",
        reply.status,
        reply.text()
    );
}

fn many(app: &App, provider: u16, count: usize, parallel: usize) {
    let left = AtomicI64::new(count as i64);
    thread::scope(|scope| {
        for _ in 0..parallel {
            scope.spawn(|| {
                let mut browser = Browser::default();
                while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                    sign_in(&mut browser, app.port, provider);
                }
            });
        }
    });
}

pub fn run(rounds: usize) {
    let provider = provider("RS256");
    let issuer = format!("http://127.0.0.1:{}", provider.port);
    let folder = scratch("sign-in");

    let start = |name, command, path| {
        let port = free_port();
        App::start(name, with(command, port, &issuer), port, path)
    };
    let flask = {
        let port = free_port();
        let mut command = Command::new(here().join("target/venv/bin/gunicorn"));
        command.args(["--workers", "2", "--log-level", "warning", "--bind"]);
        command
            .arg(format!("127.0.0.1:{port}"))
            .arg("--chdir")
            .arg(here().join("apps/flask"))
            .arg("app:app");
        App::start("Authlib on Flask", with(command, port, &issuer), port, "/")
    };
    // How many sign-ins a round has, and how many times the sign-ins per
    // CPU-second of the others ours are to be.
    let in_memory = {
        let mut command = built("app-valetkey");
        command.env("SECRET_KEY", SECRET_KEY);
        start("Valetkey, sessions in memory", command, "/")
    };
    let apps = [
        (valetkey(&issuer, &folder.join("sessions.db")), 1200, None),
        (in_memory, 1200, None),
        (
            start("openidconnect on axum", built("app-openidconnect"), "/"),
            1200,
            Some(1.2),
        ),
        (
            start(
                "Go x/oauth2, go-oidc",
                Command::new(here().join("target/go-app")),
                "/",
            ),
            1200,
            Some(2.0),
        ),
        (flask, 160, Some(12.0)),
    ];
    let mut outcome = Outcome::new("sign-in");
    for (app, ..) in &apps {
        many(app, provider.port, 100, 8);
    }
    // [app][level]
    let mut cpu = vec![vec![Rounds::default(); PARALLEL.len()]; apps.len()];
    let mut rate = cpu.clone();
    for round in 0..rounds {
        eprintln!("round {}", round + 1);
        for (level, &parallel) in PARALLEL.iter().enumerate() {
            for (i, (app, count, _)) in apps.iter().enumerate() {
                let (before, begun) = (app.cpu(), Instant::now());
                many(app, provider.port, *count, parallel);
                cpu[i][level].push((app.cpu() - before) * 1000.0 / *count as f64);
                rate[i][level].push(*count as f64 / begun.elapsed().as_secs_f64());
            }
        }
    }
    let level = |n: usize| PARALLEL.iter().position(|&p| p == n).unwrap();
    let (one, eight) = (level(1), level(8));
    let mut rows = Vec::new();
    for (i, (app, _, target)) in apps.iter().enumerate() {
        let ratio = |level: usize| cpu[i][level].with(&cpu[0][level], |theirs, ours| theirs / ours);
        for (l, parallel) in PARALLEL.iter().enumerate() {
            outcome.figure(
                &format!("{}, {parallel} parallel, ms", app.name),
                &cpu[i][l],
            );
            outcome.figure(
                &format!("{}, {parallel} parallel, per s", app.name),
                &rate[i][l],
            );
        }
        rows.push(vec![
            app.name.into(),
            cpu[i][one].shown(),
            cpu[i][eight].shown(),
            cpu[i][eight].map(|ms| 1000.0 / ms).shown(),
            if i == 0 {
                "–".into()
            } else {
                ratio(one).shown()
            },
            if i == 0 {
                "–".into()
            } else {
                ratio(eight).shown()
            },
            target.map_or("–".into(), |t: f64| t.to_string()),
        ]);
    }
    outcome.table(
        &[
            "",
            "in sequence, ms",
            "8 parallel, ms",
            "8 parallel, sign-ins per CPU-second",
            "its time ÷ ours, in sequence",
            "8 parallel",
            "at least",
        ],
        rows,
    );
    let x: Vec<_> = PARALLEL.iter().map(usize::to_string).collect();
    let x: Vec<_> = x.iter().map(String::as_str).collect();
    let lines =
        |of: &dyn Fn(&Rounds) -> f64, from: &[Vec<Rounds>]| -> Vec<(&'static str, Vec<f64>)> {
            apps.iter()
                .zip(from)
                .map(|((app, ..), rounds)| (app.name, rounds.iter().map(of).collect()))
                .collect()
        };
    // The others do not wait for a disk: the protocol's cost alone.
    let in_memory = apps
        .iter()
        .enumerate()
        .skip(2)
        .map(|(i, (app, _, target))| {
            let ratio =
                |level: usize| cpu[i][level].with(&cpu[1][level], |theirs, ours| theirs / ours);
            outcome.figure(
                &format!("{} ÷ Valetkey in memory, in sequence", app.name),
                &ratio(one),
            );
            outcome.figure(
                &format!("{} ÷ Valetkey in memory, 8 parallel", app.name),
                &ratio(eight),
            );
            vec![
                app.name.into(),
                ratio(one).shown(),
                ratio(eight).shown(),
                target.map_or("–".into(), |t: f64| t.to_string()),
            ]
        });
    let in_memory = in_memory.collect();
    outcome.table(
        &[
            "against Valetkey with sessions in memory",
            "its time ÷ ours, in sequence",
            "8 parallel",
            "at least",
        ],
        in_memory,
    );
    outcome.plot(
        "sign-in-cpu",
        "Sign-ins per CPU-second of the application",
        &x,
        "sign-ins at once",
        &lines(&|r| 1000.0 / r.median(), &cpu),
    );
    outcome.plot(
        "sign-in-rate",
        "Sign-ins per second, provider and browsers on the same two cores",
        &x,
        "sign-ins at once",
        &lines(&Rounds::median, &rate),
    );
    outcome.write();
}
