//! `valetkey provider` against the local providers of npm: start, memory,
//! sign-ins per CPU-second. The driver plays browser and client.

use std::{
    process::Command,
    sync::atomic::{AtomicI64, Ordering},
    thread,
};

use aws_lc_rs::digest;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use crate::{
    http::Browser,
    process::{App, free_port, here, provider},
    report::Outcome,
    stats::Rounds,
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REDIRECT_URI: &str = "http://localhost:1/callback";
const METADATA: &str = "/.well-known/openid-configuration";

struct Kind {
    name: &'static str,
    start: fn() -> App,
    authorize: &'static str,
    basic: bool,
    count: usize,
}

fn node(name: &'static str, script: &str, arguments: &[&str], port_first: bool) -> App {
    let port = free_port();
    let mut command = Command::new("node");
    command
        .env("NODE_ENV", "production")
        .arg(here().join("apps/node").join(script));
    if port_first {
        command.arg(port.to_string()).args(arguments);
    } else {
        command.args(arguments).arg(port.to_string());
    }
    App::start(name, command, port, METADATA)
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "valetkey provider, RS256",
        start: || provider("RS256"),
        authorize: "/authorize",
        basic: true,
        count: 1500,
    },
    Kind {
        name: "valetkey provider, ES256",
        start: || provider("ES256"),
        authorize: "/authorize",
        basic: true,
        count: 3000,
    },
    Kind {
        name: "oauth2-mock-server, RS256",
        start: || {
            node(
                "oauth2-mock-server, RS256",
                "node_modules/oauth2-mock-server/dist/oauth2-mock-server.mjs",
                &["-p"],
                false,
            )
        },
        authorize: "/authorize",
        basic: false,
        count: 500,
    },
    Kind {
        name: "oidc-provider, RS256",
        start: || {
            node(
                "oidc-provider, RS256",
                "oidc-provider.mjs",
                &["RS256"],
                true,
            )
        },
        authorize: "/auth",
        basic: true,
        count: 300,
    },
    Kind {
        name: "oidc-provider, ES256",
        start: || {
            node(
                "oidc-provider, ES256",
                "oidc-provider.mjs",
                &["ES256"],
                true,
            )
        },
        authorize: "/auth",
        basic: true,
        count: 300,
    },
];

fn sign_in(browser: &mut Browser, kind: &Kind, port: u16, challenge: &str, basic: &str) {
    browser.forget_cookies(port);
    let origin = format!("http://127.0.0.1:{port}");
    let uri = "http%3A%2F%2Flocalhost%3A1%2Fcallback";
    let (url, reply) = browser
        .follow(
            &format!(
                "{origin}{}?response_type=code&client_id=demo&redirect_uri={uri}&scope=openid%20profile%20email\
                 &state=0123456789abcdef0123456789abcdef&nonce=fedcba9876543210fedcba9876543210\
                 &code_challenge={challenge}&code_challenge_method=S256",
                kind.authorize
            ),
            REDIRECT_URI,
        )
        .unwrap();
    let code = url
        .split(['?', '&'])
        .find_map(|pair| pair.strip_prefix("code="))
        .unwrap_or_else(|| panic!("{}: no code at {url}: {}", kind.name, reply.text()));
    let mut form = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}"
    );
    if !kind.basic {
        form.push_str("&client_id=demo");
    }
    let reply = browser
        .post(
            &format!("{origin}/token"),
            &form,
            kind.basic.then_some(basic),
        )
        .unwrap();
    assert!(
        reply.status == 200 && reply.text().contains("id_token"),
        "{}: {}",
        kind.name,
        reply.text()
    );
}

fn many(kind: &Kind, port: u16, count: usize, parallel: usize) {
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, VERIFIER.as_bytes()));
    let basic = format!("Basic {}", STANDARD.encode("demo:demo-secret"));
    let left = AtomicI64::new(count as i64);
    thread::scope(|scope| {
        for _ in 0..parallel {
            scope.spawn(|| {
                let mut browser = Browser::default();
                while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                    sign_in(&mut browser, kind, port, &challenge, &basic);
                }
            });
        }
    });
}

pub fn run(rounds: usize) {
    let mut outcome = Outcome::new("provider");
    let mut start = vec![Rounds::default(); KINDS.len()];
    let mut fresh = start.clone();
    for _ in 0..rounds * 2 {
        for (i, kind) in KINDS.iter().enumerate() {
            let app = (kind.start)();
            start[i].push(app.started_in.as_secs_f64() * 1000.0);
            fresh[i].push(app.rss());
        }
    }
    let running: Vec<_> = KINDS.iter().map(|kind| (kind.start)()).collect();
    for (kind, app) in KINDS.iter().zip(&running) {
        many(kind, app.port, 100, 8);
    }
    let mut one = vec![Rounds::default(); KINDS.len()];
    let mut eight = one.clone();
    for round in 0..rounds {
        eprintln!("round {}", round + 1);
        for (parallel, into) in [(1, &mut one), (8, &mut eight)] {
            for (i, (kind, app)) in KINDS.iter().zip(&running).enumerate() {
                let before = app.cpu();
                many(kind, app.port, kind.count, parallel);
                into[i].push(kind.count as f64 / (app.cpu() - before));
            }
        }
    }
    let rows = KINDS
        .iter()
        .zip(&running)
        .enumerate()
        .map(|(i, (kind, app))| {
            for (what, figures) in [
                ("start, ms", &start[i]),
                ("RSS, MiB", &fresh[i]),
                ("1 parallel, per CPU-s", &one[i]),
                ("8 parallel, per CPU-s", &eight[i]),
            ] {
                outcome.figure(&format!("{}, {what}", kind.name), figures);
            }
            vec![
                kind.name.into(),
                start[i].shown(),
                fresh[i].shown(),
                format!("{:.1}", app.rss()),
                one[i].shown(),
                eight[i].shown(),
            ]
        });
    let rows = rows.collect();
    outcome.table(
        &[
            "",
            "discovery answered after, ms",
            "resident then, MiB",
            "resident after all sign-ins, MiB",
            "sign-ins per CPU-second, in sequence",
            "8 parallel",
        ],
        rows,
    );
    outcome.write();
}
