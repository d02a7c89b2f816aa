//! Where an app is set up: session keys and debug modes in files that hold
//! nothing else of an integration.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use valetkey_audit::{Options, Verdict, audit};

fn tree(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&root);
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn verdict(root: &Path, path: &str, check: &str) -> Option<Verdict> {
    let report = audit(root, &Options::default(), &mut |_, _| {}).unwrap();
    let found = report
        .results
        .iter()
        .find(|r| r.path == path && r.check == check);
    found.map(|r| r.verdict)
}

const OAUTH: &str = r#"
import os, secrets
import requests
from flask import Blueprint, abort, redirect, request, session

pages = Blueprint("pages", __name__)

@pages.get("/login")
def login():
    session["state"] = secrets.token_urlsafe(24)
    return redirect(f"https://op.example.test/authorize?response_type=code&state={session['state']}"
                    f"&client_id={os.environ['ID']}&scope=openid&redirect_uri=https://a.example/back")

@pages.get("/back")
def back():
    kept = session.pop("state", None)
    if not kept or request.args.get("state") != kept:
        abort(400)
    answer = requests.post("https://op.example.test/token", timeout=5, data={
        "grant_type": "authorization_code", "code": request.args.get("code"),
        "client_id": os.environ["ID"], "client_secret": os.environ["CLIENT_SECRET"]})
    answer.raise_for_status()
    return redirect("/")
"#;

const MAIN: &str = r#"
from flask import Flask
from shop.routes import everything

app = Flask(__name__)
app.secret_key = "orchard-and-rye-7"
everything(app)

if __name__ == "__main__":
    app.run(debug=True)
"#;

#[test]
fn a_key_counts_where_the_app_is_put_together_two_imports_away() {
    let routes = "from shop.op import pages  # oauth\n\ndef everything(app):\n    app.register_blueprint(pages)\n";
    let root = tree(
        "set-up-far",
        &[
            ("shop/__init__.py", ""),
            ("shop/op.py", OAUTH),
            ("shop/routes.py", routes),
            ("main.py", MAIN),
        ],
    );
    for check in ["session-key-strong", "debug-off"] {
        assert_eq!(
            verdict(&root, "main.py", check),
            Some(Verdict::Fail),
            "{check}"
        );
    }
    // What is shown there is all that is told of it.
    assert_eq!(verdict(&root, "main.py", "timeout-set"), Some(Verdict::Na));
}

#[test]
fn a_key_of_another_program_beside_it_does_not() {
    let other = "from flask import Flask  # no oauth here\n\napp = Flask(__name__)\napp.secret_key = \"orchard-and-rye-7\"\n";
    let root = tree(
        "set-up-apart",
        &[("op.py", OAUTH), ("tools/other.py", other)],
    );
    assert_eq!(verdict(&root, "tools/other.py", "session-key-strong"), None);
}

const EXPRESS: &str = r#"
import express from "express";
import crypto from "node:crypto";
import jwt from "jsonwebtoken";

// KEYS
const app = express();

app.get("/login", (req, res) => {
  const state = crypto.randomUUID();
  res.cookie("state", state, { httpOnly: true, secure: true, sameSite: "lax" });
  res.redirect("https://op.example.test/authorize?" + new URLSearchParams({
    response_type: "code", client_id: process.env.ID, scope: "openid", state,
    redirect_uri: "https://a.example/back" }));
});
"#;

#[test]
fn a_key_is_known_by_its_name_in_every_language() {
    let says = |line: &str| {
        let text = EXPRESS.replace("// KEYS", line);
        let root = tree("set-up-names", &[("app.mjs", &text)]);
        verdict(&root, "app.mjs", "session-key-strong").unwrap()
    };
    for line in [
        r#"const JWT_SECRET = "rye-and-orchard";"#,
        r#"const keys = { jwtSecret: process.env.JWT || "rye-and-orchard" };"#,
        r#"const cookieSecret = "Rye2024";"#,
    ] {
        assert_eq!(says(line), Verdict::Fail, "{line}");
    }
    for line in [
        r#"const SESSION_KEY = "oidc:user";"#,
        r#"const sessionKey = "userId";"#,
        r#"const JWT_KEY = "/run/keys/app.pem";"#,
        r#"const signingKey = "-----BEGIN PUBLIC KEY-----\nMCowBQ==\n-----END PUBLIC KEY-----";"#,
    ] {
        assert_ne!(says(line), Verdict::Fail, "{line}");
    }
}
