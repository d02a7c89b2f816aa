//! Flows that cross files: the verdict goes to the file with the evidence.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::type_complexity
)]

use std::{
    collections::BTreeMap,
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

fn verdicts(root: &Path) -> BTreeMap<(String, &'static str), Verdict> {
    let report = audit(root, &Options::default(), &mut |_, _| {}).unwrap();
    report
        .results
        .into_iter()
        .map(|r| ((r.path, r.check), r.verdict))
        .collect()
}

const CLIENT: &str = r#"
import os
import secrets
from urllib.parse import urlencode
import requests
from flask import session

def begin():
    session["oauth_state"] = secrets.token_urlsafe(32)
    return "https://op.example.test/authorize?" + urlencode({
        "response_type": "code", "client_id": os.environ["ID"], "scope": "email",
        "redirect_uri": "https://a.example.test/cb", "state": session["oauth_state"]})

def matches(received):
    expected = session.pop("oauth_state", None)
    return expected is not None and secrets.compare_digest(expected, received or "")

def exchange(code):
    r = requests.post("https://op.example.test/token", timeout=5, data={
        "grant_type": "authorization_code", "code": code, "client_id": os.environ["ID"],
        "client_secret": os.environ["CLIENT_SECRET"], "redirect_uri": "https://a.example.test/cb"})
    r.raise_for_status()
    return r.json()
"#;

const ROUTES: &str = r#"
from flask import Blueprint, abort, redirect, request, session
from .oauth_client import begin, exchange, matches

bp = Blueprint("auth", __name__)

@bp.route("/login")
def login():
    return redirect(begin())

@bp.route("/cb")
def cb():
    if not matches(request.args.get("state")):
        abort(400)
    if "error" in request.args:
        abort(403)
    session["t"] = exchange(request.args["code"])["access_token"]
    return redirect("/")
"#;

#[test]
fn a_check_in_another_file_is_followed() {
    let root = tree(
        "flow-good",
        &[
            ("app/__init__.py", ""),
            ("app/oauth_client.py", CLIENT),
            ("app/routes.py", ROUTES),
        ],
    );
    let said = verdicts(&root);
    assert_eq!(
        said[&("app/oauth_client.py".to_owned(), "state-verified")],
        Verdict::Pass
    );
    assert_eq!(
        said[&("app/oauth_client.py".to_owned(), "state-generated")],
        Verdict::Pass
    );
    assert!(
        !said.values().any(|v| *v == Verdict::Fail)
            || said
                .iter()
                .filter(|(_, v)| **v == Verdict::Fail)
                .all(|((_, c), _)| *c == "pkce-used")
    );
}

#[test]
fn a_callback_that_forgets_the_check_fails_where_it_forgets() {
    let routes = ROUTES.replace(
        "    if not matches(request.args.get(\"state\")):\n        abort(400)\n",
        "",
    );
    let root = tree(
        "flow-bad",
        &[
            ("app/__init__.py", ""),
            ("app/oauth_client.py", CLIENT),
            ("app/routes.py", &routes),
        ],
    );
    let said = verdicts(&root);
    assert_eq!(
        said[&("app/routes.py".to_owned(), "state-verified")],
        Verdict::Fail
    );
    assert_eq!(
        said[&("app/oauth_client.py".to_owned(), "state-verified")],
        Verdict::Na
    );
}

#[test]
fn independent_files_do_not_vouch_for_each_other() {
    let good = CLIENT.to_owned()
        + &ROUTES.replace("from .oauth_client import begin, exchange, matches\n", "");
    let bad = good.replace(
        "    if not matches(request.args.get(\"state\")):\n        abort(400)\n",
        "",
    );
    let root = tree("flow-apart", &[("one.py", &good), ("two.py", &bad)]);
    let said = verdicts(&root);
    assert_eq!(
        said[&("one.py".to_owned(), "state-verified")],
        Verdict::Pass
    );
    assert_eq!(
        said[&("two.py".to_owned(), "state-verified")],
        Verdict::Fail
    );
}

#[test]
fn a_secret_in_a_tracked_env_file_fails() {
    let root = tree(
        "tracked-env",
        &[
            ("app.py", "print('hello')\n"),
            (
                ".env",
                "CLIENT_ID=abc\nCLIENT_SECRET=k3J9vQ7mX2pL8sR4tW6y\n",
            ),
        ],
    );
    let nothing = verdicts(&root);
    assert!(nothing.is_empty(), "git does not track it: {nothing:?}");
    fs::create_dir_all(root.join(".git")).unwrap();
    fs::write(root.join(".git/index"), b"DIRC....\x00\x04.env\x00\x00").unwrap();
    let said = verdicts(&root);
    assert_eq!(
        said[&(".env".to_owned(), "secret-not-in-code")],
        Verdict::Fail
    );
    assert_eq!(said[&(".env".to_owned(), "state-verified")], Verdict::Na);
}

#[test]
fn what_a_library_does_depends_on_the_version_that_the_manifest_names() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("versions");
    let verdict = |asked: &str| {
        fs::create_dir_all(&root).unwrap();
        fs::write(
            root.join("auth.ts"),
            "import NextAuth from \"next-auth\";\n\
             import GitHub from \"next-auth/providers/github\";\n\
             export const { handlers, auth } = NextAuth({ providers: [GitHub({ scope: \"read:user\" })] });\n",
        )
        .unwrap();
        let manifest = format!("{{\"dependencies\": {{\"next-auth\": \"{asked}\"}}}}");
        fs::write(root.join("package.json"), manifest).unwrap();
        let report = audit(&root, &Options::default(), &mut |_, _| {}).unwrap();
        let result = report.results.iter().find(|r| r.check == "pkce-used");
        result.unwrap().verdict
    };
    assert_eq!(verdict("^4.24.0"), Verdict::Fail);
    assert_eq!(verdict("^5.0.0"), Verdict::Pass);
}
