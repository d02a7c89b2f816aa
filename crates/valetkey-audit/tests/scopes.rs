//! Scopes beside what an app does with its token: what changes something is
//! too much for an app that only reads.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

const APP: &str = r#"
import os
import secrets

import requests
from flask import Flask, abort, redirect, request, session

from farm.field import harvest

app = Flask(__name__)
app.secret_key = os.environ["KEY"]
BACK = "https://farm.example/back"
API = "https://api.fields.example/v2"


@app.get("/login")
def begin():
    session["state"] = secrets.token_urlsafe(24)
    return redirect(
        "https://op.fields.example/authorize?response_type=code&scope=SCOPE"
        f"&client_id={os.environ['ID']}&redirect_uri={BACK}&state={session['state']}"
    )


@app.get("/back")
def back():
    kept = session.pop("state", None)
    if kept is None or request.args.get("state") != kept:
        abort(400)
    answer = requests.post(
        "https://op.fields.example/token",
        data={"grant_type": "authorization_code", "code": request.args["code"],
              "redirect_uri": BACK, "client_id": os.environ["ID"],
              "client_secret": os.environ["SECRET"]},
        timeout=5,
    )
    answer.raise_for_status()
    token = answer.json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    who = requests.get(f"{API}/me", headers=bearer, timeout=5).json()
    session["user"] = who["id"]
    # HERE
    return redirect("/")
"#;

const READ: &str = r#"crops = requests.get(f"{API}/crops", headers=bearer, timeout=5).json()"#;
const WRITE: &str =
    r#"requests.post(f"{API}/crops", json={"kind": "rye"}, headers=bearer, timeout=5)"#;
const ERASE: &str = r#"requests.delete(f"{API}/crops/1", headers=bearer, timeout=5)"#;
const NAMED: &str =
    r#"requests.request(request.args["how"], f"{API}/crops", headers=bearer, timeout=5)"#;

fn said(scope: &str, line: &str) -> Verdict {
    let text = APP.replace("SCOPE", scope).replace("# HERE", line);
    let results = audit_source(&[("app.py", &text)], &Options::default());
    let scope = results
        .results
        .iter()
        .find(|r| r.check == "scope-present-minimal");
    scope.unwrap().verdict
}

#[test]
fn what_changes_something_is_too_much_for_an_app_that_only_reads() {
    for scope in [
        "crops:read%20crops:write",
        "https://www.googleapis.com/auth/calendar",
        "channel:manage:broadcast",
    ] {
        assert_eq!(said(scope, READ), Verdict::Fail, "{scope}");
        assert_eq!(said(scope, "pass"), Verdict::Fail, "{scope}");
        for changes in [WRITE, ERASE, NAMED] {
            assert_eq!(said(scope, changes), Verdict::Pass, "{scope}, {changes}");
        }
    }
}

#[test]
fn what_opens_something_private_is_used_by_reading_it() {
    for scope in [
        "openid%20mail.read",
        "https://www.googleapis.com/auth/calendar.readonly",
    ] {
        assert_eq!(said(scope, READ), Verdict::Pass, "{scope}");
        assert_eq!(said(scope, "pass"), Verdict::Fail, "{scope}");
    }
}

#[test]
fn a_token_that_goes_on_may_be_used_elsewhere() {
    for on in [
        "harvest(token)",
        "harvest(bearer)",
        "session['token'] = token",
    ] {
        assert_eq!(said("crops:write", on), Verdict::Pass, "{on}");
    }
    // All that is done with it is seen here, and it reads.
    let both = format!("session['token'] = token\n    {READ}");
    assert_eq!(said("crops:write", &both), Verdict::Fail);
}

#[test]
fn what_administers_is_too_much_whatever_it_is_used_for() {
    for scope in [
        "notes:read%20account:admin",
        "okta.users.manage",
        "update:users",
    ] {
        assert_eq!(said(scope, WRITE), Verdict::Fail, "{scope}");
    }
    for scope in [
        "admin.reports.read",
        "users:read",
        "administrative_area:read",
    ] {
        assert_eq!(said(scope, READ), Verdict::Pass, "{scope}");
    }
}
