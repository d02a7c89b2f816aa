//! What is said of a failure, and how comments let it pass.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use valetkey_audit::{CHECKS, LANGUAGES, Options, Report, Verdict, advice, audit, check, explain};

fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("advice")
        .join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn report(name: &str, text: &str) -> Report {
    audit(&file(name, text), &Options::default(), &mut |_, _| {}).unwrap()
}

fn fix(report: &Report, check: &str) -> &'static str {
    let result = report.results.iter().find(|r| r.check == check).unwrap();
    assert_eq!(result.verdict, Verdict::Fail, "{}", result.message);
    assert!(!result.example.is_empty());
    result.fix
}

const DJANGO: &str = r#"
import requests
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect

def login(request):
    return redirect("https://op.example.test/authorize?response_type=code&client_id="
        + settings.CLIENT_ID + "&scope=email&redirect_uri=https://a.example.test/cb")

def callback(request):
    token = requests.post("https://op.example.test/token", data={
        "grant_type": "authorization_code", "code": request.GET["code"],
        "client_id": settings.CLIENT_ID, "client_secret": settings.CLIENT_SECRET,
        "redirect_uri": "https://a.example.test/cb"}).json()["access_token"]
    request.session["token"] = token
    return HttpResponse("hello")
"#;

#[test]
fn a_django_view_gets_the_fix_for_django() {
    let report = report("views.py", DJANGO);
    for check in ["state-generated", "state-verified", "error-handled"] {
        let own = fix(&report, check);
        let django = advice(check, "python")
            .into_iter()
            .find(|a| a.name == "Django");
        assert_eq!(django.unwrap().fix, own);
        assert_ne!(advice(check, "python")[0].fix, own);
    }
    let general = fix(&report, "timeout-set");
    assert_eq!(general, advice("timeout-set", "python")[0].fix);
    let passed = report.results.iter().find(|r| r.verdict != Verdict::Fail);
    assert_eq!(passed.unwrap().fix, "");
}

const EXPRESS: &str = r#"
const express = require("express");
const app = express();

app.get("/login", (req, res) => {
  MARK
  res.redirect("https://op.example.test/authorize?" + new URLSearchParams({
    response_type: "code", client_id: process.env.ID, scope: "email",
    redirect_uri: "https://a.example.test/cb" }));
});

app.get("/callback", async (req, res) => {
  const response = await fetch("https://op.example.test/token", {
    method: "POST", body: new URLSearchParams({
      grant_type: "authorization_code", code: req.query.code, client_id: process.env.ID,
      client_secret: process.env.SECRET, redirect_uri: "https://a.example.test/cb" }) });
  req.session.token = (await response.json()).access_token;
  res.redirect("/");
});
"#;

#[test]
fn comments_after_slashes_let_a_failure_pass() {
    let plain = report("plain.js", EXPRESS);
    assert!(fix(&plain, "pkce-used").contains("verifier"));
    for (name, mark) in [
        (
            "line.js",
            "// valetkey: ignore[pkce-used] the provider has none",
        ),
        (
            "block.js",
            "/* valetkey: ignore[pkce-used] the provider has none */",
        ),
    ] {
        let report = report(name, &EXPRESS.replace("MARK", mark));
        let result = report
            .results
            .iter()
            .find(|r| r.check == "pkce-used")
            .unwrap();
        assert_eq!(result.verdict, Verdict::Na, "{name}: {}", result.message);
        assert_eq!(result.suppressed.as_deref(), Some("the provider has none"));
        assert_eq!(result.fix, "");
        let other = report.results.iter().find(|r| r.check == "state-generated");
        assert_eq!(other.unwrap().verdict, Verdict::Fail);
    }
    let bare = report(
        "bare.js",
        &EXPRESS.replace("MARK", "// valetkey: ignore[pkce-used]"),
    );
    assert!(!fix(&bare, "pkce-used").is_empty());
}

#[test]
fn every_check_is_explained_in_every_language() {
    for check in CHECKS {
        for language in LANGUAGES {
            let text = explain(check, language);
            let default = &advice(check.id, language)[0];
            assert!(
                text.contains(check.why) && text.contains(&default.fix),
                "{language}"
            );
            assert!(text.contains("before:\n    ") && text.contains("after:\n    "));
        }
    }
    assert!(advice("pkce-used", "cobol").is_empty());
    assert!(advice("nonsense", "go").is_empty());
    assert!(explain(check("pkce-used").unwrap(), "python").contains("\nwith Authlib:\n"));
}
