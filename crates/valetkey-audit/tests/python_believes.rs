//! What apps of Python believe, right beside nearly the same and wrong: an ID
//! token that is taken apart, an e-mail address that came along, a row that the
//! state chose, a server whose certificate nobody looks at, and settings that
//! stand in another file.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

/// What a check says of a file.
fn said(files: &[(&str, &str)], check: &str, file: &str) -> Verdict {
    let report = audit_source(files, &Options::default());
    let found = report
        .results
        .iter()
        .find(|r| r.check == check && r.path == file);
    found.map_or(Verdict::Na, |r| r.verdict)
}

/// Every way of the first is wrong, and none of the second.
fn twins(check: &str, wrong: &[&str], right: &[&str], made: impl Fn(&str) -> Verdict) {
    for text in wrong {
        assert_eq!(made(text), Verdict::Fail, "{check}: {text}");
    }
    for text in right {
        assert_ne!(made(text), Verdict::Fail, "{check}: {text}");
    }
}

const APP: &str = r#"
import base64, hashlib, json, os, secrets, time

import jwt
import requests
from flask import Flask, abort, redirect, request, session
from flask_login import login_user
from sqlalchemy import select

from .crypto import digest
from .models import Attempt, User, db
from .op import exchange_code

app = Flask(__name__)
app.secret_key = os.environ["KEY"]
keys = jwt.PyJWKClient("https://op.kites.example/keys")


def begin_login():
    session["state"] = secrets.token_urlsafe(24)
    return redirect("https://op.kites.example/authorize?response_type=code&client_id=k&scope=openid"
                    f"&state={session['state']}")


@app.get("/back")
def back():
    if not session.get("state") or request.args.get("state") != session.pop("state"):
        abort(400)
    answer = requests.post("https://op.kites.example/token", timeout=5, data={
        "grant_type": "authorization_code", "code": request.args["code"], "client_id": "k",
        "client_secret": os.environ["SECRET"]})
    answer.raise_for_status()
    tokens = answer.json()
    LINE
    return redirect("/")


BEHIND
"#;

fn app(line: &str, behind: &str, check: &str) -> Verdict {
    let text = APP.replace("LINE", line).replace("BEHIND", behind);
    said(&[("app.py", &text)], check, "app.py")
}

#[test]
fn an_id_token_that_is_taken_apart_by_hand_is_not_checked() {
    let wrong = [
        r#"session["user"] = json.loads(base64.urlsafe_b64decode(tokens["id_token"].split(".")[1] + "=="))["sub"]"#,
        "_, part, _ = tokens['id_token'].split('.')\n    claims = json.loads(base64.b64decode(part + '==='))\n    session['user'] = claims['sub']",
        "raw_id_token = exchange_code(request.args['code'])[1]\n    session['user'] = jwt.decode(raw_id_token, options={'verify_signature': False})['sub']",
    ];
    let right = [
        r#"session["user"] = jwt.decode(tokens["id_token"], keys.get_signing_key_from_jwt(tokens["id_token"]).key, algorithms=["RS256"], audience="k", issuer="https://op.kites.example")["sub"]"#,
        // Of another kind of text.
        r#"session["view"] = json.loads(base64.urlsafe_b64decode(request.args["view"] + "=="))"#,
        // The head alone says which key it is.
        "head = json.loads(base64.urlsafe_b64decode(tokens['id_token'].split('.')[0] + '=='))\n    session['user'] = jwt.decode(tokens['id_token'], keys.get_signing_key(head['kid']).key, algorithms=['RS256'], audience='k', issuer='https://op.kites.example')['sub']",
        // It is handed back to the provider at logout.
        "id_token = session.get('id_token')\n    session['bye'] = f'https://op.kites.example/logout?id_token_hint={id_token}'",
    ];
    let check = "id-token-verified";
    twins(check, &wrong, &right, |line| app(line, "", check));
}

#[test]
fn what_is_called_an_id_token_is_one() {
    let route = |posted: &str, body: &str| {
        format!(
            "def read(id_token):\n    {body}\n\n\n@app.post(\"/session\")\ndef create():\n    person = read(request.json[\"{posted}\"])\n    session[\"email\"] = person[\"email\"]\n    return \"\"\n"
        )
    };
    let wrong = [
        r#"return json.loads(base64.urlsafe_b64decode(id_token.split(".")[1] + "=="))"#,
        r#"return jwt.decode(id_token, options={"verify_signature": False})"#,
        r#"return jwt.decode(id_token, keys.get_signing_key_from_jwt(id_token).key, algorithms=["RS256"], options={"verify_aud": False})"#,
    ];
    let right = [
        r#"return jwt.decode(id_token, keys.get_signing_key_from_jwt(id_token).key, algorithms=["RS256"], audience="k", issuer="https://op.kites.example")"#,
    ];
    for check in ["id-token-verified", "identity-from-id-token"] {
        twins(check, &wrong, &right, |body| {
            app("pass", &route("token", body), check)
        });
    }
}

#[test]
fn who_came_with_the_code_is_not_asked_of_the_browser() {
    let wrong = [
        r#"session["user"] = request.args["email"]"#,
        r#"login_user(User.from_mail(request.args.get("email")))"#,
        r#"session["uid"] = request.args["user_id"]"#,
    ];
    let right = [
        r#"session["user"] = requests.get("https://op.kites.example/userinfo", headers={"Authorization": "Bearer " + tokens["access_token"]}, timeout=5).json()["email"]"#,
        r#"session["lang"] = request.args.get("email_lang", "en")"#,
        "if request.args.get('email') not in ('a@kites.example',):\n        abort(403)\n    session['user'] = request.args['email']",
        r#"session["user"] = tokens["email"]"#,
        r#"session["hint"] = request.args.get("email")"#,
    ];
    let check = "identity-from-id-token";
    twins(check, &wrong, &right, |line| app(line, "", check));
    // Where no code is exchanged, it is some other form.
    let form = "@app.post(\"/form\")\ndef form():\n    session[\"user\"] = request.form[\"email\"]\n    return \"\"\n";
    assert_ne!(app("pass", form, check), Verdict::Fail);
}

#[test]
fn a_row_that_the_state_chose_belongs_to_a_browser_or_to_none() {
    const BEGUN: &str = r#"@app.get("/row")
def row():
    row = db.execute(select(Attempt).where(Attempt.state == digest(request.args["state"]))).first()
    if row is None or row.expires < time.time():
        abort(400)
    CHECK
    answer = requests.post("https://op.kites.example/token", timeout=5, data={
        "grant_type": "authorization_code", "code": request.args["code"], "client_id": "k",
        "client_secret": os.environ["SECRET"]})
    answer.raise_for_status()
    return redirect("/")
"#;
    let wrong = [
        "pass",
        "if row.kind != 'login':\n        abort(400)",
        "print(row.browser == request.cookies.get('browser'))",
    ];
    let right = [
        "if row.browser != request.cookies.get('browser'):\n        abort(400)",
        "if not secrets.compare_digest(row.browser, digest(request.cookies.get('browser', ''))):\n        abort(400)",
        "if row.sid != session['sid']:\n        abort(400)",
    ];
    let check = "state-verified";
    twins(check, &wrong, &right, |line| {
        app("pass", &BEGUN.replace("CHECK", line), check)
    });
}

#[test]
fn that_there_is_a_refresh_token_says_nothing_of_an_error() {
    let exchange = |line: &str| {
        format!(
            "@app.get(\"/two\")\ndef two():\n    if \"code\" not in request.args:\n        return \"no\"\n    tokens = requests.post(\"https://op.kites.example/token\", timeout=5, data={{\"grant_type\": \"authorization_code\", \"code\": request.args[\"code\"], \"client_id\": \"k\"}}).json()\n    {line}\n    session[\"a\"] = tokens[\"access_token\"]\n    return redirect(\"/\")\n"
        )
    };
    let wrong = [
        "if 'refresh_token' in tokens:\n        session['r'] = tokens['refresh_token']",
        "if 'expires_in' not in tokens:\n        session['e'] = 3600",
    ];
    let right = [
        "if 'access_token' not in tokens:\n        return 'no'",
        "if 'error' in tokens:\n        return 'no'",
    ];
    let check = "error-handled";
    let only = |behind: &str| {
        let begin = APP.find("@app.get(\"/back\")").unwrap();
        let text = format!("{}{behind}", &APP[..begin]);
        said(&[("app.py", &text)], check, "app.py")
    };
    twins(check, &wrong, &right, |line| only(&exchange(line)));
}

/// The client comes from elsewhere.
#[test]
fn a_certificate_that_nobody_looks_at_is_told_of_at_sight() {
    let lookup = |given: &str| {
        format!(
            "async def keys_of(http):\n    return await http.get(os.environ[\"KEYS\"]{given})\n"
        )
    };
    let wrong = [
        ", ssl=False",
        ", verify=False",
        ", timeout=5, verify_ssl=False",
    ];
    let right = [
        "",
        ", ssl=True",
        ", verify=os.environ[\"CA\"]",
        ", timeout=5",
    ];
    let check = "tls-only";
    twins(check, &wrong, &right, |given| {
        app("pass", &lookup(given), check)
    });
    let other = "def check(token):\n    return jwt.decode(token, verify=False)\n";
    assert_ne!(app("pass", other, check), Verdict::Fail);
}

const PROGRAM: &str = r#"
import http.server, os, secrets, urllib.parse, webbrowser

import requests


class Catcher(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        self.send_response(200)
        self.end_headers()


def main():
    server = http.server.HTTPServer(("127.0.0.1", 8765), Catcher)
    state = secrets.token_urlsafe(24)
    webbrowser.open("https://op.kites.example/authorize?" + urllib.parse.urlencode({
        "client_id": "k", "redirect_uri": "http://127.0.0.1:8765/", "response_type": "code",
        "scope": "openid", "state": state}))
    server.handle_request()
    answer = server.answer
    if answer.get("state") != state:
        raise SystemExit("not this login")
    LINE
    reply = requests.post("https://op.kites.example/token", timeout=5, data={
        "grant_type": "authorization_code", "code": answer["code"], "client_id": "k",
        "client_secret": os.environ["SECRET"], "redirect_uri": "http://127.0.0.1:8765/"})
    reply.raise_for_status()


main()
"#;

#[test]
fn a_program_finds_on_its_server_what_a_handler_put_there() {
    let check = "error-handled";
    let wrong = ["pass", "print(answer.get('scope'))"];
    let right = [
        "if 'code' not in answer:\n        raise SystemExit(answer.get('error'))",
        "if answer.get('error'):\n        raise SystemExit('no')",
    ];
    twins(check, &wrong, &right, |line| {
        let text = PROGRAM.replace("LINE", line);
        said(&[("cli.py", &text)], check, "cli.py")
    });
}

const VIEWS: &str = r#"
import secrets
from urllib.parse import urlencode

import requests
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect


def begin(request):
    request.session["state"] = secrets.token_urlsafe(24)
    return redirect(f"{settings.REALM}/authorize?" + urlencode({
        "client_id": settings.CLIENT_ID, "response_type": "code", "scope": "openid",
        "state": request.session["state"], "redirect_uri": "https://kites.example/back"}))


def back(request):
    kept = request.session.pop("state", None)
    if not kept or request.GET.get("state") != kept:
        return HttpResponse(status=400)
    answer = requests.post(settings.REALM + "/token", timeout=5, data={
        "grant_type": "authorization_code", "code": request.GET["code"],
        "client_secret": settings.CLIENT_SECRET, "client_id": settings.CLIENT_ID})
    answer.raise_for_status()
    return redirect("/")
"#;

#[test]
fn settings_are_read_where_django_finds_them() {
    let settings = |realm: &str| {
        format!(
            "import os\n\nDEBUG = False\nREALM = {realm}\nCLIENT_ID = \"k\"\nCLIENT_SECRET = os.environ[\"SECRET\"]\n"
        )
    };
    let check = "tls-only";
    let wrong = [r#""http://sso.kites.example/realms/staff""#];
    let right = [
        r#""https://sso.kites.example/realms/staff""#,
        r#""http://localhost:8080/realms/staff""#,
        r#"os.environ.get("REALM", "http://sso.kites.example")"#,
    ];
    twins(check, &wrong, &right, |realm| {
        let text = settings(realm);
        let files = [
            ("site/settings.py", text.as_str()),
            ("shop/views.py", VIEWS),
        ];
        said(&files, check, "site/settings.py")
    });
    // Of two projects, nobody knows whose they are.
    let (one, two) = (settings(wrong[0]), settings(right[0]));
    let files = [
        ("a/settings.py", one.as_str()),
        ("b/settings.py", two.as_str()),
        ("shop/views.py", VIEWS),
    ];
    assert_ne!(said(&files, check, "a/settings.py"), Verdict::Fail);
}

#[test]
fn a_backend_without_a_state_has_none() {
    let backend = |line: &str| {
        format!(
            "from social_core.backends.oauth import BaseOAuth2, BaseOAuth2PKCE\n\n\nclass Kites({}):\n    name = \"kites\"\n    AUTHORIZATION_URL = \"https://op.kites.example/authorize\"\n    ACCESS_TOKEN_URL = \"https://op.kites.example/token\"\n    {line}\n",
            if line.contains("PKCE") {
                "BaseOAuth2PKCE"
            } else {
                "BaseOAuth2"
            }
        )
    };
    let told = |check: &'static str| {
        move |line: &str| {
            let text = backend(line);
            said(&[("backends.py", &text)], check, "backends.py")
        }
    };
    for check in ["state-generated", "state-verified"] {
        let wrong = ["STATE_PARAMETER = False"];
        let right = [
            "STATE_PARAMETER = True",
            "STATE_PARAMETER = 'state'",
            "REDIRECT_STATE = False",
        ];
        twins(check, &wrong, &right, told(check));
    }
    twins(
        "pkce-used",
        &["ID_KEY = 'id'"],
        &["PKCE_DEFAULT_CODE_CHALLENGE_METHOD = 'S256'"],
        told("pkce-used"),
    );
    let settings = |on: &str| {
        format!("INSTALLED_APPS = [\"social_django\"]\nSOCIAL_AUTH_SANITIZE_REDIRECTS = {on}\n")
    };
    twins("no-open-redirect", &["False"], &["True"], |on| {
        said(
            &[("settings.py", &settings(on))],
            "no-open-redirect",
            "settings.py",
        )
    });
}
