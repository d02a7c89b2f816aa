//! What callbacks do with an answer, in many small ways: each line is put into
//! the same app.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::type_complexity
)]

use std::{fs, path::Path};

use valetkey_audit::{Options, Verdict, audit};

const APP: &str = r#"
import hashlib, json, logging, os, secrets
import requests
from flask import Flask, abort, flash, jsonify, redirect, render_template, request, session, url_for
app = Flask(__name__)
app.secret_key = os.environ["SESSION_KEY"]
logger = logging.getLogger(__name__)
KEPT = {}
STATES = set()

def exchange(code):
    return requests.post("https://id.example.test/token", timeout=5, data={
        "grant_type": "authorization_code", "code": code,
        "client_id": os.environ["ID"], "client_secret": os.environ["CLIENT_SECRET"]})

@app.route("/login")
def login():
    session["state"] = secrets.token_urlsafe(16)
    session["next"] = NEXT
    return redirect("https://id.example.test/authorize?response_type=code&scope=notes&client_id="
        + os.environ["ID"] + "&redirect_uri=https://app.example.test/back&state=" + session["state"])

@app.route("/back")
def back():
    COMPARED
    DENIED
    code = request.args.get("code")
    ANSWERED
    DONE
    return redirect("/")

@app.route("/me")
def me():
    SHOWN
"#;

/// The verdict on the app with these parts, the others being sound.
fn verdict(check: &str, parts: &[(&str, &str)]) -> Verdict {
    let sound = [
        ("NEXT", "request.path"),
        (
            "COMPARED",
            "if not session.get('state') or session.pop('state') != request.args.get('state'): abort(400)",
        ),
        (
            "DENIED",
            "if 'error' in request.args or 'code' not in request.args: return 'no', 403",
        ),
        (
            "ANSWERED",
            "answer = exchange(code); answer.raise_for_status(); tokens = answer.json()",
        ),
        ("DONE", "session['user'] = tokens['user']"),
        ("SHOWN", "return 'me'"),
    ];
    let mut text = APP.to_owned();
    for (name, part) in parts.iter().chain(&sound) {
        let own = text
            .lines()
            .map(|line| match line.trim_start() {
                _ if !line.contains(name) => line.to_owned(),
                // Lines of a body, with its indentation.
                rest if rest == *name => {
                    let before = &line[..line.len() - rest.len()];
                    let lines: Vec<_> = part.lines().map(|l| format!("{before}{l}")).collect();
                    lines.join("\n")
                }
                _ => line.replace(name, part),
            })
            .collect::<Vec<_>>();
        text = own.join("\n");
    }
    let name = format!(
        "{check}-{:x}",
        parts
            .iter()
            .flat_map(|p| p.1.bytes())
            .fold(7u64, |h, b| h.wrapping_mul(1_099_511_628_211)
                ^ u64::from(b),)
    );
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("callbacks");
    fs::create_dir_all(&root).unwrap();
    let file = root.join(format!("{name}.py"));
    fs::write(&file, text).unwrap();
    let report = audit(&file, &Options::default(), &mut |_, _| {}).unwrap();
    let all = report.results.into_iter();
    all.filter(|r| r.check == check)
        .map(|r| r.verdict)
        .next()
        .unwrap_or(Verdict::Na)
}

fn all(check: &str, part: &str, expected: Verdict, lines: &[&str]) {
    for line in lines {
        assert_eq!(verdict(check, &[(part, line)]), expected, "{line}");
    }
}

#[test]
fn tokens_get_out_in_many_ways() {
    all(
        "token-not-leaked",
        "DONE",
        Verdict::Fail,
        &[
            "logger.info('got %s', tokens)",
            "print('token', tokens['access_token'][:10])",
            "logger.info('login', extra={'tokens': tokens})",
            "flash('token ' + tokens['access_token'])",
            "KEPT.update(tokens)",
            "app.config['TOKEN'] = tokens['access_token']",
            "return redirect(url_for('me', token=tokens['access_token']))",
            "return render_template('me.html', tokens=tokens)",
            "page = redirect('/')\npage.headers['X-Token'] = tokens['access_token']\nreturn page",
            "page = redirect('/')\npage.headers['Set-Cookie'] = f\"t={tokens['access_token']}; Path=/\"\nreturn page",
            "requests.get('https://api.example.test/me?access_token=1f3c-constant', timeout=5)",
        ],
    );
    let kept = ("DONE", "session['t'] = tokens['access_token']");
    for shown in [
        "return jsonify({'token': session.get('t')})",
        "return {'token': session.get('t')}",
    ] {
        let parts = [kept, ("SHOWN", shown)];
        assert_eq!(
            verdict("token-not-leaked", &parts),
            Verdict::Fail,
            "{shown}"
        );
    }
}

#[test]
fn what_is_known_of_a_token_is_no_token() {
    all(
        "token-not-leaked",
        "DONE",
        Verdict::Pass,
        &[
            "logger.info('refresh token: %s', bool(tokens.get('refresh_token')))",
            "logger.info('refresh token: %s', 'refresh_token' in tokens)",
            "logger.info('keys %s', list(tokens.keys()))",
            "logger.info('print %s', hashlib.sha256(tokens['access_token'].encode()).hexdigest()[:8])",
            "logger.info('length %d', len(tokens['access_token']))",
        ],
    );
}

#[test]
fn errors_are_met_in_many_ways() {
    all(
        "error-handled",
        "ANSWERED",
        Verdict::Pass,
        &[
            "try:\n    tokens = exchange(code).json()\n    token = tokens['access_token']\nexcept Exception:\n    return 'failed', 502",
            "answer = exchange(code)\ntry:\n    token = answer.json()['access_token']\nexcept KeyError:\n    abort(502)\ntokens = answer.json()",
            "answer = exchange(code)\nif answer.status_code != 200: abort(502)\ntokens = answer.json()",
        ],
    );
    all(
        "error-handled",
        "ANSWERED",
        Verdict::Fail,
        &[
            "tokens = exchange(code).json(); token = tokens['access_token']",
            "tokens = exchange(code).json()\ntry:\n    token = tokens['access_token']\nexcept KeyError:\n    token = None",
        ],
    );
    all(
        "error-handled",
        "DENIED",
        Verdict::Pass,
        &[
            "if len(request.args.get('code', '')) == 0: return 'no', 403",
            "try:\n    request.args['code']\nexcept KeyError:\n    return 'no', 403",
            // Flask answers it.
            "request.args['code']",
        ],
    );
    all("error-handled", "DENIED", Verdict::Fail, &["pass"]);
}

#[test]
fn states_are_compared_in_many_ways() {
    all(
        "state-verified",
        "COMPARED",
        Verdict::Pass,
        &[
            "given = request.args.to_dict()\nkept = session.pop('state', None)\nif kept is None or given.get('state') != kept: abort(400)",
            "if not (kept := session.pop('state', None)) or request.args.getlist('state') != [kept]: abort(400)",
            "assert request.args.get('state') and request.args.get('state') == session.get('state')",
        ],
    );
    all(
        "state-verified",
        "COMPARED",
        Verdict::Fail,
        &[
            "if not secrets.compare_digest(session.pop('state', ''), request.args.get('state', '')): abort(400)",
            "try:\n    if session.get('state') != request.args.get('state'):\n        raise ValueError()\nexcept ValueError as e:\n    print(e)",
            "if len(request.args.get('state', '')) < 10: abort(400)",
        ],
    );
}

#[test]
fn the_page_that_sent_the_browser_is_none_of_this_site_alone() {
    let back = ("DONE", "return redirect(session.pop('next', '/'))");
    for (next, expected) in [
        ("request.referrer", Verdict::Fail),
        ("request.args.get('next')", Verdict::Fail),
        ("request.path", Verdict::Pass),
    ] {
        assert_eq!(
            verdict("no-open-redirect", &[back, ("NEXT", next)]),
            expected,
            "{next}"
        );
    }
    // Another page of the app, which has nothing to do with logins.
    all(
        "no-open-redirect",
        "SHOWN",
        Verdict::Pass,
        &["return redirect(request.referrer or '/')"],
    );
}

#[test]
fn a_key_in_the_settings_fails_where_it_stands() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("key-in-settings");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).unwrap();
    let config = "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n    GOOGLE_CLIENT_SECRET: str\n    JWT_SECRET: str = \"please change me\"\nsettings = Settings()\n";
    fs::write(root.join("config.py"), config).unwrap();
    fs::write(
        root.join("auth.py"),
        r#"
import jwt
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Request
from config import settings
oauth = OAuth()
oauth.register(name="google", client_secret=settings.GOOGLE_CLIENT_SECRET, client_kwargs={"scope": "openid"},
    server_metadata_url="https://accounts.google.com/.well-known/openid-configuration")
router = APIRouter()
@router.get("/back")
async def back(request: Request):
    token = await oauth.google.authorize_access_token(request)
    return {"session": jwt.encode({"sub": token["userinfo"]["sub"]}, settings.JWT_SECRET, algorithm="HS256")}
"#,
    )
    .unwrap();
    let report = audit(&root, &Options::default(), &mut |_, _| {}).unwrap();
    let all = report.results.iter();
    let failed: Vec<_> = all
        .filter(|r| r.check == "session-key-strong" && r.verdict == Verdict::Fail)
        .map(|r| r.path.as_str())
        .collect();
    assert_eq!(failed, ["config.py"]);
}

#[test]
fn httplib2_waits_for_ever_unless_it_is_told() {
    for (how, expected) in [("", Verdict::Fail), ("timeout=5", Verdict::Pass)] {
        let line = format!(
            "import httplib2\nhttplib2.Http({how}).request('https://api.example.test/me', 'GET', headers={{'Authorization': 'Bearer ' + tokens['access_token']}})"
        );
        assert_eq!(
            verdict("timeout-set", &[("DONE", &line)]),
            expected,
            "{how}"
        );
    }
}
