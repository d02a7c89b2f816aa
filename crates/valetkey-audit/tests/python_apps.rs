//! Apps of Python in several files, right beside nearly the same and wrong:
//! what a route asks for without taking it, what hangs on the app, who writes
//! to which log, and whose comparison it is.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Report, Verdict, audit_source};

/// What a check says of a file.
fn said(files: &[(&str, &str)], check: &str, file: &str) -> Verdict {
    let report: Report = audit_source(files, &Options::default());
    let found = report
        .results
        .iter()
        .find(|r| r.check == check && r.path == file);
    found.map_or(Verdict::Na, |r| r.verdict)
}

const FASTAPI: &str = r#"
import os, secrets
from urllib.parse import urlencode

import httpx
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import RedirectResponse

from .guard import same_browser

BACK = "https://kites.example/back"
free = APIRouter()
router = APIRouter(ROUTER)


@free.get("/begin")
async def begin(request: Request):
    request.session["state"] = state = secrets.token_urlsafe(32)
    return RedirectResponse("https://op.kites.example/authorize?" + urlencode(
        {"client_id": os.environ["ID"], "redirect_uri": BACK, "response_type": "code",
         "scope": "openid", "state": state}))


@router.get("/back"ROUTE)
async def back(code: str = "", error: str = ""):
    if error or not code:
        return RedirectResponse("/no")
    async with httpx.AsyncClient() as http:
        answer = await http.post("https://op.kites.example/token", data={
            "grant_type": "authorization_code", "code": code, "redirect_uri": BACK,
            "client_id": os.environ["ID"], "client_secret": os.environ["SECRET"]})
    answer.raise_for_status()
    return RedirectResponse("/")


app = FastAPI(APP)
app.include_router(router INCLUDED)
app.include_router(free)
"#;

const SAME: &str = r#"
import hmac
from fastapi import HTTPException, Request


async def same_browser(request: Request, state: str = ""):
    kept = request.session.pop("state", None)
    if kept is None or not hmac.compare_digest(kept, state):
        raise HTTPException(400)
"#;

const SHARED: &str = r#"
import redis
from fastapi import HTTPException

pending = redis.from_url("redis://localhost")


async def same_browser(state: str = ""):
    if pending.getdel("login:" + state) != b"kites":
        raise HTTPException(400)
"#;

#[test]
fn what_a_route_depends_on_runs_before_it() {
    const ASKS: &str = "dependencies=[Depends(same_browser)]";
    for place in ["ROUTER", "ROUTE", "APP", "INCLUDED"] {
        let mut app = FASTAPI.to_owned();
        for other in ["ROUTER", "ROUTE", "APP", "INCLUDED"] {
            let asks = match other {
                _ if other != place => String::new(),
                "ROUTER" | "APP" => ASKS.to_owned(),
                _ => format!(", {ASKS}"),
            };
            let found = app.find(other).unwrap();
            app.replace_range(found..found + other.len(), &asks);
        }
        let own = [("kites/app.py", app.as_str()), ("kites/guard.py", SAME)];
        let check = "state-verified";
        assert_eq!(
            said(&own, check, "kites/guard.py"),
            Verdict::Pass,
            "{place}"
        );
        assert_ne!(said(&own, check, "kites/app.py"), Verdict::Fail, "{place}");
        // Of the comparison, where it stands.
        let all = [("kites/app.py", app.as_str()), ("kites/guard.py", SHARED)];
        assert_eq!(
            said(&all, check, "kites/guard.py"),
            Verdict::Fail,
            "{place}"
        );
        assert_ne!(said(&all, check, "kites/app.py"), Verdict::Fail, "{place}");
    }
    let none = ["ROUTER", "ROUTE", "APP", "INCLUDED"];
    let app = none
        .iter()
        .fold(FASTAPI.to_owned(), |a, n| a.replacen(n, "", 1));
    let files = [("kites/app.py", app.as_str()), ("kites/guard.py", SAME)];
    let told = said(&files, "state-verified", "kites/app.py");
    assert_eq!(told, Verdict::Fail);
}

const QUART: &str = r#"
import secrets

from quart import Blueprint, abort, current_app, redirect, request, session

views = Blueprint("views", __name__)


@views.get("/join")
async def join():
    session["state"] = state = secrets.token_urlsafe(32)
    return redirect(current_app.op.address(state))


@views.get("/joined")
async def joined():
    if session.pop("state", None) != request.args["state"]:
        abort(400)
    answer = await current_app.op.trade(request.args["code"])
    LINE
    return redirect("/")
"#;

const CLIENT: &str = r#"
import httpx


class Op:
    def __init__(self, client_id, client_secret):
        self.auth = (client_id, client_secret)
        self.http = httpx.AsyncClient(base_url="https://op.kites.example", VERIFY)

    def address(self, state):
        return f"https://op.kites.example/authorize?response_type=code&client_id={self.auth[0]}&state={state}"

    async def trade(self, code):
        answer = await self.http.post("/token", data={
            "grant_type": "authorization_code", "code": code}, auth=self.auth)
        answer.raise_for_status()
        return answer.json()
"#;

const MAKES: &str = r#"
import os

from quart import Quart

from .client import Op
from .views import views


def create_app():
    app = Quart(__name__)
    app.secret_key = KEY
    app.op = Op(os.environ["ID"], os.environ["SECRET"])
    app.register_blueprint(views)
    return app


app = create_app()
"#;

/// The same app, with a line in its callback, a way to check certificates, and
/// a key.
fn quart(line: &str, verify: &str, key: &str) -> [(&'static str, String); 3] {
    [
        ("kites/views.py", QUART.replace("LINE", line)),
        ("kites/client.py", CLIENT.replace("VERIFY", verify)),
        ("kites/main.py", MAKES.replace("KEY", key)),
    ]
}

fn of_quart(line: &str, verify: &str, key: &str, check: &str, file: &str) -> Verdict {
    let files = quart(line, verify, key);
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    said(&files, check, file)
}

#[test]
fn what_hangs_on_the_app_is_found_there() {
    let told = |line: &str| {
        of_quart(
            line,
            "timeout=5",
            "os.environ['KEY']",
            "token-not-leaked",
            "kites/views.py",
        )
    };
    for line in [
        r##"return redirect("/studio#token=" + answer["access_token"])"##,
        r#"return answer"#,
        r#"current_app.logger.info("in %s", answer)"#,
        r#"request.app.log.warning("in", extra=answer)"#,
    ] {
        assert_eq!(told(line), Verdict::Fail, "{line}");
    }
    for line in [
        r#"session["user"] = answer["user_id"]"#,
        r#"current_app.logger.info("in %s", answer.get("scope"))"#,
        r#"current_app.catalog.info("x", answer)"#,
        "pass",
    ] {
        assert_ne!(told(line), Verdict::Fail, "{line}");
    }
    let tls = |verify: &str| {
        of_quart(
            "pass",
            verify,
            "os.environ['KEY']",
            "tls-only",
            "kites/client.py",
        )
    };
    assert_eq!(tls("verify=False"), Verdict::Fail);
    assert_ne!(tls("verify=True"), Verdict::Fail);
}

/// Who makes the app names nothing of a login.
#[test]
fn the_file_that_makes_the_app_belongs_to_it() {
    let key = |key: &str| {
        of_quart(
            "pass",
            "timeout=5",
            key,
            "session-key-strong",
            "kites/main.py",
        )
    };
    assert_eq!(key("'kites'"), Verdict::Fail);
    assert_ne!(key("os.environ['KEY']"), Verdict::Fail);
}

const CALLBACK: &str = r#"
import os, secrets
from urllib.parse import urlparse, urlsplit

import aiohttp, httpx, requests
from flask import Flask, abort, redirect, request, session
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.log import app_log

app = Flask(__name__)
app.secret_key = os.environ["KEY"]


@app.get("/begin")
def begin():
    session["state"] = secrets.token_urlsafe(24)
    session["next"] = request.args.get("next", "/")
    return redirect("https://op.kites.example/authorize?response_type=code&client_id=k&scope=openid"
                    f"&state={session['state']}")


@app.get("/back")
async def back():
    if not session.get("state") or request.args.get("state") != session.pop("state"):
        abort(400)
    form = {"grant_type": "authorization_code", "code": request.args["code"], "client_id": "k"}
    url = "https://op.kites.example/token"
    EXCHANGE
    back = session.pop("next", "/")
    NEXT
    return redirect(back)
"#;

fn callback(exchange: &str, next: &str, check: &str) -> Verdict {
    let text = CALLBACK.replace("EXCHANGE", exchange).replace("NEXT", next);
    said(&[("app.py", &text)], check, "app.py")
}

#[test]
fn the_scheme_of_an_address_is_not_its_host() {
    let told = |next: &str| {
        callback(
            "requests.post(url, data=form, timeout=5)",
            next,
            "no-open-redirect",
        )
    };
    for next in [
        "if urlparse(back).scheme not in ('', 'https'):\n        back = '/'",
        "if urlsplit(back).scheme == 'javascript':\n        abort(400)",
        "parts = urlparse(back)\n    if parts.scheme:\n        back = '/'",
        "pass",
    ] {
        assert_eq!(told(next), Verdict::Fail, "{next}");
    }
    for next in [
        "if urlparse(back).netloc not in ('', 'kites.example'):\n        back = '/'",
        "parts = urlsplit(back)\n    if parts.scheme or parts.netloc:\n        back = '/'",
        "if urlparse(back).scheme == 'https' and urlparse(back).netloc != 'kites.example':\n        abort(400)",
        "if back not in ('/', '/me'):\n        back = '/'",
    ] {
        assert_ne!(told(next), Verdict::Fail, "{next}");
    }
}

#[test]
fn a_timeout_of_nothing_is_none() {
    let told = |exchange: &str| callback(exchange, "pass", "timeout-set");
    for exchange in [
        "await AsyncHTTPClient().fetch(url, method='POST', body=str(form), request_timeout=0); requests.post(url, data=form)",
        "async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as s:\n        await s.post(url, data=form)",
        "async with aiohttp.ClientSession() as s:\n        await s.post(url, data=form, timeout=aiohttp.ClientTimeout(total=0))",
        "async with httpx.AsyncClient(timeout=httpx.Timeout(None)) as s:\n        await s.post(url, data=form)",
    ] {
        assert_eq!(told(exchange), Verdict::Fail, "{exchange}");
    }
    for exchange in [
        "async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=9)) as s:\n        await s.post(url, data=form)",
        "async with aiohttp.ClientSession() as s:\n        await s.post(url, data=form)",
        "async with httpx.AsyncClient(timeout=httpx.Timeout(None, read=5)) as s:\n        await s.post(url, data=form)",
        "async with httpx.AsyncClient(timeout=httpx.Timeout(5)) as s:\n        await s.post(url, data=form)",
    ] {
        assert_ne!(told(exchange), Verdict::Fail, "{exchange}");
    }
}

const TORNADO: &str = r#"
import json, os, secrets
from urllib.parse import urlencode

import tornado.web
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.log import app_log


class Back(tornado.web.RequestHandler):
    def begin(self):
        self.set_secure_cookie("state", state := secrets.token_urlsafe(24), httponly=True)
        self.redirect("https://op.kites.example/authorize?" + urlencode(
            {"client_id": "k", "response_type": "code", "scope": "openid", "state": state}))

    async def get(self):
        if not self.get_argument("code", None):
            return self.begin()
        kept = self.get_secure_cookie("state")
        if not kept or kept.decode() != self.get_argument("state"):
            raise tornado.web.HTTPError(403)
        answer = await AsyncHTTPClient().fetch(HTTPRequest(
            "https://op.kites.example/token", method="POST", OPTIONS body=urlencode(
                {"grant_type": "authorization_code", "client_id": "k",
                 "client_secret": os.environ["SECRET"], "code": self.get_argument("code")})))
        token = json.loads(answer.body)
        LINE
        self.redirect("/")
"#;

fn tornado(options: &str, line: &str, check: &str) -> Verdict {
    let text = TORNADO.replace("OPTIONS", options).replace("LINE", line);
    said(&[("app.py", &text)], check, "app.py")
}

#[test]
fn tornado_waits_for_ever_where_it_is_told_zero() {
    let told = |options: &str| tornado(options, "pass", "timeout-set");
    assert_eq!(told("request_timeout=0,"), Verdict::Fail);
    assert_ne!(told("request_timeout=8,"), Verdict::Fail);
    assert_ne!(told("connect_timeout=0,"), Verdict::Fail);
}

#[test]
fn a_signed_cookie_can_be_read() {
    let told = |line: &str| tornado("", line, "token-not-leaked");
    for line in [
        r#"self.set_secure_cookie("user", json.dumps(token))"#,
        r#"self.set_signed_cookie("t", token["access_token"], httponly=False)"#,
        r#"app_log.info("op answered %s", answer.body)"#,
    ] {
        assert_eq!(told(line), Verdict::Fail, "{line}");
    }
    for line in [
        r#"self.set_secure_cookie("user", json.dumps(token), httponly=True)"#,
        r#"self.set_secure_cookie("user", str(token["user_id"]))"#,
        r#"app_log.info("op answered %s", answer.code)"#,
    ] {
        assert_ne!(told(line), Verdict::Fail, "{line}");
    }
}
