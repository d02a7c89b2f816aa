//! Python that is right beside Python that is nearly the same and wrong: what
//! the environment switches, whose a key of a store is, what a page's script
//! does, which header hides a cookie, and whom a header that is passed on
//! signs in.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

const APP: &str = r#"
import distutils.util
import json
import os
import secrets

import redis
import requests
from django.core.cache import cache
from flask import Flask, abort, g, jsonify, redirect, request, session

store = redis.Redis.from_url(os.environ["REDIS"])
app = Flask(__name__)
app.secret_key = os.environ["KEY"]
BACK = "https://kites.example/back"


@app.get("/login")
def begin():
    session["state"] = secrets.token_urlsafe(24)
    return redirect(
        "https://op.kites.example/authorize?response_type=code&scope=openid"
        f"&client_id={os.environ['ID']}&redirect_uri={BACK}&state={session['state']}"
    )


@app.get("/back")
def back():
    kept = session.pop("state", None)
    if kept is None or request.args.get("state") != kept:
        abort(400)
    answer = requests.post(
        "https://op.kites.example/token",
        data={"grant_type": "authorization_code", "code": request.args["code"],
              "redirect_uri": BACK, "client_id": os.environ["ID"],
              "client_secret": os.environ["SECRET"]},
        timeout=5,
    )
    answer.raise_for_status()
    token = answer.json()["access_token"]
    who = requests.get("https://op.kites.example/me",
                       headers={"Authorization": f"Bearer {token}"}, timeout=5).json()
    session["user"] = who["id"]
    # HERE
    return redirect("/")

"#;

/// What a check says of the app with a line in its callback, and some behind.
fn said(check: &str, line: &str, behind: &str) -> Verdict {
    let text = APP.replace("# HERE", line) + behind;
    let report = audit_source(&[("app.py", &text)], &Options::default());
    let found = report.results.iter().find(|r| r.check == check);
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

#[test]
fn debug_is_on_where_nothing_switches_it_off() {
    let wrong = [
        r#"bool(int(os.environ.get("DEBUG", "1")))"#,
        r#"json.loads(os.environ.get("DEBUG", "true"))"#,
        r#"bool(os.environ.get("DEBUG", "false"))"#,
        r#"os.environ.get("DEBUG", "1") == "1" and os.environ.get("ENV") != "production""#,
        r#""PRODUCTION" not in os.environ"#,
        r#"not int(os.environ.get("PRODUCTION", "0"))"#,
        r#"False if os.environ.get("ENV") == "production" else True"#,
    ];
    let right = [
        r#"bool(int(os.environ.get("DEBUG", "0")))"#,
        r#"bool(distutils.util.strtobool(os.getenv("DEBUG", "false")))"#,
        r#"bool(json.loads(os.getenv("DEBUG", "false")))"#,
        // Without these nothing runs.
        r#"os.environ["ENV"] != "production""#,
        r#"os.environ["ENV"] not in ("production", "staging")"#,
        r#"not os.environ["PRODUCTION"]"#,
        r#"os.environ.get("DEBUG", "").lower() == "true" and os.environ.get("ENV") != "production""#,
        r#"os.environ.get("ENV") != "production" and os.environ.get("DEBUG") == "1""#,
        r#"not int(os.environ.get("PRODUCTION", "1"))"#,
        r#"True if os.environ["ENV"] == "dev" else False"#,
        r#"True if os.getenv("DEBUG") == "1" else False"#,
        r#""DEBUG" in os.environ"#,
    ];
    twins("debug-off", &wrong, &right, |on| {
        let run = format!("\nDEBUG = {on}\napp.run(debug=DEBUG)\n");
        said("debug-off", "", &run)
    });
}

/// The same, a statement for each side.
#[test]
fn a_block_that_a_setting_decides_on_switches_debug() {
    let wrong = [
        "DEBUG = True\nif os.environ.get('ENV') == 'production':\n    DEBUG = False",
        "DEBUG = False\nif os.environ.get('ENV') != 'production':\n    DEBUG = True",
        "if os.environ.get('ENV') == 'production':\n    DEBUG = False\nelse:\n    DEBUG = True",
        "DEBUG = True\nif os.environ['ENV'] == 'production':\n    print('quiet')",
    ];
    let right = [
        "DEBUG = False\nif os.environ.get('DEBUG'):\n    DEBUG = True",
        "DEBUG = False\nif 'DEBUG' in os.environ:\n    DEBUG = True",
        "if os.environ.get('ENV') == 'dev':\n    DEBUG = True\nelse:\n    DEBUG = False",
        "if os.environ['ENV'] != 'production':\n    DEBUG = True\nelse:\n    DEBUG = False",
    ];
    twins("debug-off", &wrong, &right, |block| {
        let run = format!("\n{block}\napp.run(debug=DEBUG)\n");
        said("debug-off", "", &run)
    });
}

#[test]
fn a_key_of_a_store_says_whose_a_token_is() {
    let wrong = [
        r#"store.setex("token", 60, token)"#,
        r#"store.set("last-" + "token", token)"#,
        r#"store.setex(f"{os.environ['PREFIX']}:token", 60, token)"#,
        r#"cache.set("token", token, 60)"#,
        r#"store["token"] = token"#,
    ];
    let right = [
        r#"store.setex(f"session:{secrets.token_urlsafe(24)}", 60, token)"#,
        r#"store.setex(request.cookies["sid"], 60, token)"#,
        r#"store.setex("tokens:" + who["id"], 60, json.dumps(answer.json()))"#,
        r#"store.set(f"token:{session['sid']}", token, ex=60)"#,
        r#"store.psetex("token:%s" % who["id"], 60, token)"#,
        r#"cache.set("token:" + str(who["id"]), token, 60)"#,
        r#"store["token:" + who["id"]] = token"#,
    ];
    twins("token-not-leaked", &wrong, &right, |line| {
        said("token-not-leaked", line, "")
    });
}

#[test]
fn a_script_leaks_what_it_puts_into_a_store() {
    let wrong = [
        r#"localStorage.setItem("access_token", t)"#,
        r#"localStorage.access_token = t"#,
        r#"window.sessionStorage["id_token"] = t"#,
        r#"localStorage.setItem("t", answer.access_token)"#,
    ];
    let right = [
        r#"localStorage.removeItem("access_token"); delete localStorage.access_token"#,
        r#"sessionStorage.setItem("has_access_token", "1")"#,
        r#"localStorage.setItem("access_token_expires", "3600")"#,
        r#"if (localStorage.access_token) localStorage.clear()"#,
        r#"if (localStorage.access_token == "x") go()"#,
        r#"const t = localStorage["access_token"]"#,
        r#"unlike a script that uses localStorage for its access_token, this does not"#,
    ];
    twins("token-not-leaked", &wrong, &right, |script| {
        let page = format!("return '''<script>{script}</script>'''");
        said("token-not-leaked", &page, "")
    });
}

#[test]
fn a_part_of_a_token_is_no_page() {
    for line in [
        r#"cut = f"{token[7:]}""#,
        r#"access_token = f"{token[:4]}""#,
    ] {
        assert_ne!(said("token-not-leaked", line, ""), Verdict::Fail, "{line}");
    }
}

#[test]
fn a_header_that_is_passed_on_signs_nobody_in() {
    let route = |url: &str, then: &str| {
        format!(
            "\n@app.get(\"/whoami\")\ndef whoami():\n    answer = requests.get({url}, headers={{\"Authorization\": request.headers[\"Authorization\"]}}, timeout=5)\n    {then}\n"
        )
    };
    let op = r#""https://op.kites.example/userinfo""#;
    let id = "identity-from-id-token";
    let wrong = [
        r#"session["user"] = answer.json()["sub"]; return "hello""#,
        r#"session["user"] = answer.json()["sub"]; return answer.json()"#,
        r#"g.user = answer.json()["sub"]; return "hello""#,
    ];
    let right = [
        "return answer.json()",
        "return jsonify(answer.json())",
        r#"return {"name": answer.json()["name"]}"#,
    ];
    twins(id, &wrong, &right, |then| said(id, "", &route(op, then)));
    let other = route(r#""http://orders.internal/me""#, "return answer.json()");
    assert_ne!(said("tls-only", "", &other), Verdict::Fail);
}
