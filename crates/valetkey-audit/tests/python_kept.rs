//! What Python programs keep for later, right beside nearly the same and
//! wrong: a state that nobody reads again, a client that a framework provides,
//! a page in what all browsers share.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

/// What a check says of one file.
fn said(text: &str, check: &str) -> Verdict {
    let report = audit_source(&[("app.py", text)], &Options::default());
    let found = report.results.iter().find(|r| r.check == check);
    found.map_or(Verdict::Na, |r| r.verdict)
}

/// Every way of the first is wrong, and none of the second.
fn twins(check: &str, wrong: &[&str], right: &[&str], made: impl Fn(&str) -> String) {
    for text in wrong {
        assert_eq!(said(&made(text), check), Verdict::Fail, "{check}: {text}");
    }
    for text in right {
        assert_ne!(said(&made(text), check), Verdict::Fail, "{check}: {text}");
    }
}

const PROGRAM: &str = r#"
import secrets, webbrowser
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlparse

import requests


class Caught:
    pass


caught = Caught()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = parse_qs(urlparse(self.path).query)
        caught.code = asked["code"][0]
        caught.echo = asked.get("state", [""])[0]
        self.send_response(200)
        self.end_headers()


def main():
    sent = secrets.token_urlsafe(24)
    webbrowser.open("https://op.kites.example/authorize?" + urlencode({
        "client_id": "k", "redirect_uri": "http://127.0.0.1:8765/", "response_type": "code",
        "scope": "openid", "state": sent}))
    HTTPServer(("127.0.0.1", 8765), Handler).handle_request()
    LINE
    requests.post("https://op.kites.example/token", timeout=5, data={
        "grant_type": "authorization_code", "code": caught.code, "client_id": "k",
        "redirect_uri": "http://127.0.0.1:8765/"}).raise_for_status()


main()
"#;

#[test]
fn a_state_that_is_kept_and_never_read_is_compared_by_nobody() {
    let wrong = ["pass", "echo = sent"];
    let right = [
        "if caught.echo != sent:\n        raise SystemExit('not this login')",
        "assert secrets.compare_digest(caught.echo, sent)",
        "if getattr(caught, 'echo') != sent:\n        raise SystemExit('no')",
    ];
    let made = |line: &str| PROGRAM.replace("LINE", line);
    twins("state-verified", &wrong, &right, made);
}

const LITESTAR: &str = r#"
import os, secrets
from urllib.parse import urlencode

import httpx
from litestar import Controller, Litestar, Request, Response, get
from litestar.di import Provide
from litestar.response import Redirect


async def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(TIMEOUT)


class Login(Controller):
    dependencies = {"http": Provide(client)}

    @get("/begin")
    async def begin(self, request: Request) -> Redirect:
        request.session["state"] = secrets.token_urlsafe(24)
        return Redirect("https://op.kites.example/authorize?" + urlencode({
            "client_id": os.environ["ID"], "response_type": "code", "scope": "openid",
            "redirect_uri": "https://kites.example/back", "state": request.session["state"]}))

    @get("/back")
    async def back(self, request: Request, http: httpx.AsyncClient, code: str, state: str) -> Response:
        kept = request.session.pop("state", None)
        if kept is None or kept != state:
            return Response({"error": "state"}, status_code=400)
        answer = await http.post("https://op.kites.example/token", data={
            "grant_type": "authorization_code", "code": code, "client_id": os.environ["ID"],
            "client_secret": os.environ["SECRET"], "redirect_uri": "https://kites.example/back"})
        if answer.is_error:
            return Response({"error": "token"}, status_code=502)
        token = answer.json()
        LINE


app = Litestar([Login])
"#;

#[test]
fn litestar_hands_over_what_is_provided() {
    let made = |timeout: &str| {
        let text = LITESTAR.replace("TIMEOUT", timeout);
        text.replace("LINE", "return Response({})")
    };
    twins("timeout-set", &["timeout=None"], &["timeout=5", ""], made);
    let wrong = [
        r#"return Response({"token": token["access_token"]})"#,
        "return Response(token)",
    ];
    let right = [
        r#"return Response({"scope": token["scope"]})"#,
        r#"return Response({"ok": "access_token" in token})"#,
    ];
    let made = |line: &str| LITESTAR.replace("TIMEOUT", "").replace("LINE", line);
    twins("token-not-leaked", &wrong, &right, made);
}

const SHARED: &str = r#"
import os, secrets
from urllib.parse import urlencode, urlsplit

import httpx
from sanic import Sanic
from sanic.response import redirect, text

app = Sanic("kites")
PENDING = {}


@app.get("/begin")
async def begin(request):
    state = secrets.token_urlsafe(24)
    PENDING[state] = (secrets.token_urlsafe(48), request.args.get("next", "/"))
    return redirect("https://op.kites.example/authorize?" + urlencode({
        "client_id": os.environ["ID"], "response_type": "code", "scope": "openid",
        "redirect_uri": "https://kites.example/back", "state": state}))


@app.get("/back")
async def back(request):
    pending = PENDING.pop(request.args.get("state"), None)
    if pending is None or "code" not in request.args:
        return text("no", status=400)
    verifier, page = pending
    async with httpx.AsyncClient() as http:
        answer = await http.post("https://op.kites.example/token", data={
            "grant_type": "authorization_code", "code": request.args["code"],
            "client_id": os.environ["ID"], "client_secret": os.environ["SECRET"]})
    answer.raise_for_status()
    response = redirect(PAGE)
    LINE
    return response
"#;

#[test]
fn that_something_is_there_says_nothing_of_where_it_leads() {
    let wrong = [
        "page",
        "page if urlsplit(page).scheme == '' else '/'",
        "page if page is not None else '/'",
    ];
    let right = [
        "'/'",
        "page if urlsplit(page).netloc == '' else '/'",
        "page if page in ('/', '/me') else '/'",
    ];
    let made = |page: &str| SHARED.replace("PAGE", page).replace("LINE", "pass");
    twins("no-open-redirect", &wrong, &right, made);
}

#[test]
fn sanic_adds_cookies_that_scripts_read() {
    let wrong = [
        r#"response.add_cookie("t", answer.json()["access_token"])"#,
        r#"response.add_cookie("t", answer.json()["access_token"], httponly=False)"#,
    ];
    let right = [
        r#"response.add_cookie("t", answer.json()["access_token"], httponly=True)"#,
        r#"response.add_cookie("seen", "1")"#,
    ];
    let made = |line: &str| SHARED.replace("PAGE", "'/'").replace("LINE", line);
    twins("token-not-leaked", &wrong, &right, made);
}

const OWN: &str = r#"
import os, secrets

import requests
from flask import Flask, abort, redirect, request, session


class Kites(Flask):
    def __init__(self, name):
        super().__init__(name)
        self.secret_key = os.environ["KEY"]

        @self.route("/begin")
        def begin():
            session["state"] = secrets.token_urlsafe(24)
            return redirect("https://op.kites.example/authorize?response_type=code&client_id=k&scope=openid"
                            f"&redirect_uri=https://kites.example/back&state={session['state']}")

        @self.route("/back")
        def back():
            kept = session.pop("state", None)
            LINE
            answer = requests.post("https://op.kites.example/token", timeout=5, data={
                "grant_type": "authorization_code", "code": request.args["code"], "client_id": "k",
                "client_secret": os.environ["SECRET"]})
            answer.raise_for_status()
            return redirect("/")
"#;

#[test]
fn an_app_that_is_a_class_of_its_own_answers_requests() {
    let wrong = ["pass", "print(kept == request.args.get('state'))"];
    let right = ["if not kept or kept != request.args.get('state'):\n                abort(400)"];
    let made = |line: &str| OWN.replace("LINE", line);
    twins("state-verified", &wrong, &right, made);
}
