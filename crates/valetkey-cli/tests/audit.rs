//! `valetkey audit`, from outside.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

fn audit(args: &[&str], path: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_valetkey"));
    command.args(["--env-file", "none", "audit"]);
    command.args(args);
    command.args(path);
    command.current_dir(std::env::temp_dir()).output().unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../valetkey-audit/tests/fixtures/python")
        .join(name)
}

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_textbook_routes_lack_pkce_only() {
    let output = audit(&[], Some(&fixture("flask_textbook.py")));
    let text = out(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("[✓] state-verified"), "{text}");
    assert!(text.contains("[✗] pkce-used"), "{text}");
    assert!(text.contains("[–] id-token-verified"), "{text}");
    assert!(
        text.trim_end().ends_with("1 gap(s): fix before shipping"),
        "{text}"
    );
}

#[test]
fn json_has_one_result_for_each_check_of_each_file() {
    let output = audit(&["--json"], Some(&fixture("flask_textbook.py")));
    let document: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(document["version"], 1);
    let results = document["results"].as_array().unwrap();
    assert_eq!(results.len(), 16);
    assert_eq!(results[0]["path"], "flask_textbook.py");
    assert!(results[0]["lines"][0][0].as_u64().unwrap() > 0);
    assert_eq!(document["summary"]["fail"], 1);
}

#[test]
fn the_severity_decides_the_exit_status() {
    let path = fixture("flask_textbook.py");
    assert_eq!(
        audit(&["--fail-on", "medium"], Some(&path)).status.code(),
        Some(0)
    );
    assert_eq!(
        audit(&["--fail-on", "low"], Some(&path)).status.code(),
        Some(1)
    );
    assert_eq!(
        audit(&["--fail-on", "terrible"], Some(&path)).status.code(),
        Some(2)
    );
}

#[test]
fn a_tree_without_integration_is_empty_and_one_without_source_cannot_be_read() {
    let tree = folder("audit-none");
    assert_eq!(audit(&[], Some(&tree)).status.code(), Some(3));
    fs::write(tree.join("a.py"), "print('hello')\n").unwrap();
    let output = audit(&["--json"], Some(&tree));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        serde_json::from_str::<Value>(&out(&output)).unwrap()["results"],
        serde_json::json!([])
    );
    assert_eq!(audit(&[], Some(&tree.join("gone"))).status.code(), Some(3));
}

#[test]
fn a_suppression_with_a_reason_and_a_baseline_silence_a_failure() {
    let tree = folder("audit-suppressed");
    let text = fs::read_to_string(fixture("flask_textbook.py")).unwrap();
    let path = tree.join("app.py");
    fs::write(&path, &text).unwrap();
    let report = audit(&["--json"], Some(&path));
    let baseline = tree.join("baseline.json");
    fs::write(&baseline, &report.stdout).unwrap();
    let known = audit(&["--baseline", baseline.to_str().unwrap()], Some(&path));
    assert_eq!(known.status.code(), Some(0), "{}", out(&known));

    let commented = text.replace(
        "    query = urlencode({",
        "    # valetkey: ignore[pkce-used] the provider has none\n    query = urlencode({",
    );
    assert_ne!(commented, text);
    fs::write(&path, commented).unwrap();
    let output = audit(&[], Some(&path));
    assert_eq!(output.status.code(), Some(0), "{}", out(&output));
    assert!(out(&output).ends_with("OAuth config OK\n"));
}

#[test]
fn every_format_is_well_formed() {
    let path = fixture("flask_textbook.py");
    let sarif: Value =
        serde_json::from_str(&out(&audit(&["--format", "sarif"], Some(&path)))).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "pkce-used");
    assert!(
        out(&audit(&["--format", "github"], Some(&path)))
            .starts_with("::notice file=flask_textbook.py,line=")
    );
    assert!(out(&audit(&["--format", "junit"], Some(&path))).contains("<failure"));
}

#[test]
fn checks_are_listed_and_explained() {
    assert!(out(&audit(&["--list"], None)).contains("state-verified"));
    let text = out(&audit(&["--explain", "state-verified"], None));
    assert!(text.contains("before:") && text.contains("after:"));
    assert_eq!(
        audit(&["--explain", "nonsense"], None).status.code(),
        Some(2)
    );
}

#[test]
fn a_check_is_explained_in_each_language() {
    for (language, word) in [
        ("python", "session.pop"),
        ("javascript", "req.session"),
        ("go", "ConstantTimeCompare"),
        ("rust", "session.remove"),
        ("ruby", "secure_compare"),
    ] {
        let text = out(&audit(
            &["--explain", "state-verified", "--language", language],
            None,
        ));
        assert!(text.contains(word), "{language}: {text}");
    }
    let json = out(&audit(
        &["--explain", "pkce-used", "--language", "ruby", "--json"],
        None,
    ));
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["language"], "ruby");
    assert!(document["after"].as_str().unwrap().contains("S256"));
    assert_eq!(document["variants"][0]["name"], "omniauth");

    let unknown = audit(
        &["--explain", "pkce-used", "--language", "cobol", "--json"],
        None,
    );
    assert_eq!(unknown.status.code(), Some(2));
    let document: Value = serde_json::from_str(&out(&unknown)).unwrap();
    let error = &document["errors"][0];
    assert!(!error["cause"].as_str().unwrap().is_empty());
    assert!(error["fix"].as_str().unwrap().contains("ruby"), "{error}");
    assert_eq!(
        audit(&["--language", "go"], Some(&fixture("flask_textbook.py")))
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn the_fix_is_in_the_words_of_the_framework_and_not_in_the_contract() {
    let tree = folder("audit-advice");
    let path = fixture("flask_textbook.py");
    let text = out(&audit(&[], Some(&path)));
    assert!(text.contains("fix: Make a random verifier"), "{text}");
    assert!(text.contains("+ data[\"code_verifier\"]"), "{text}");
    let flask = fs::read_to_string(&path).unwrap();
    fs::write(
        tree.join("app.py"),
        format!("import requests_oauthlib\n{flask}"),
    )
    .unwrap();
    let other = out(&audit(&[], Some(&tree)));
    assert!(other.contains("with oauthlib"), "{other}");
    for (format, member) in [
        ("sarif", "with oauthlib"),
        ("github", "with oauthlib"),
        ("junit", "with oauthlib"),
    ] {
        assert!(
            out(&audit(&["--format", format], Some(&tree))).contains(member),
            "{format}"
        );
    }
    let document: Value = serde_json::from_str(&out(&audit(&["--json"], Some(&tree)))).unwrap();
    assert!(document["results"][0].get("fix").is_none());
    assert!(document["results"][0].get("example").is_none());
}

#[test]
fn a_secret_is_never_printed() {
    let tree = folder("audit-secret");
    let secret = "9fK2mZq84Lw1vBx7Tn5RcYh3";
    let text = fs::read_to_string(fixture("flask_textbook.py"))
        .unwrap()
        .replace("os.environ[\"CLIENT_SECRET\"]", &format!("\"{secret}\""));
    fs::write(tree.join("app.py"), text).unwrap();
    for format in ["text", "json", "sarif", "github", "junit"] {
        let output = audit(&["--format", format], Some(&tree));
        assert_eq!(output.status.code(), Some(1));
        assert!(out(&output).contains("secret-not-in-code"), "{format}");
        assert!(!out(&output).contains(secret), "{format}");
    }
}
