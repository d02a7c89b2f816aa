//! Every exercise: the attack succeeds without the safeguard and fails with
//! it, by the code that the docs name.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use valetkey_lab::{Report, find};

async fn run(name: &str) -> Report {
    let report = find(name).unwrap().run().await;
    assert!(report.without.succeeded, "without: {:#?}", report.without);
    assert!(!report.with.succeeded, "with: {:#?}", report.with);
    assert!(report.ok(), "{report:#?}");
    report
}

macro_rules! lab {
    ($test:ident, $name:literal, $code:expr) => {
        #[tokio::test]
        async fn $test() {
            let code: Option<&str> = $code;
            assert_eq!(run($name).await.with.code.as_deref(), code);
        }
    };
}

lab!(login_csrf, "login-csrf", Some("callback.other_browser"));
lab!(
    login_csrf_none_equals_none,
    "login-csrf/none-equals-none",
    Some("callback.state_missing")
);
lab!(
    login_csrf_process_wide,
    "login-csrf/process-wide",
    Some("callback.other_browser")
);
lab!(redirect_uri, "redirect-uri", None);
lab!(stolen_code, "stolen-code", None);
lab!(stolen_code_confidential, "stolen-code/confidential", None);
lab!(code_injection, "code-injection", Some("token.refused"));
lab!(mix_up, "mix-up", Some("callback.iss_mismatch"));
lab!(
    token_as_identity,
    "token-as-identity",
    Some("id_token.invalid")
);
lab!(open_redirect, "open-redirect", None);
lab!(leaked_secret, "leaked-secret", None);
lab!(session_fixation, "session-fixation", None);
lab!(refresh_replay, "refresh-replay", None);

#[test]
fn every_exercise_has_a_test_here() {
    let source = include_str!("labs.rs");
    for lab in valetkey_lab::all() {
        assert!(
            source.contains(&format!("\"{}\"", lab.name)),
            "{}",
            lab.name
        );
        assert!(!lab.title.is_empty() && !lab.clause.is_empty() && !lab.lesson.is_empty());
    }
}

#[test]
fn every_flaw_is_one_marked_line() {
    for source in [
        include_str!("../src/small_client.rs"),
        include_str!("../src/small_provider.rs"),
    ] {
        let lines: Vec<&str> = source.lines().collect();
        let marked: Vec<&str> = lines
            .windows(2)
            .filter(|pair| pair[0].trim_start().starts_with("// FLAW "))
            .map(|pair| pair[1])
            .collect();
        let variants = source.split("enum Flaw {").nth(1).unwrap();
        let variants = variants.split('}').next().unwrap();
        for variant in variants
            .lines()
            .filter_map(|line| line.trim().strip_suffix(','))
            .filter(|name| !name.starts_with("///") && *name != "Sound")
        {
            let lines: Vec<_> = marked
                .iter()
                .filter(|line| line.contains(&format!("Flaw::{variant}")))
                .collect();
            assert_eq!(lines.len(), 1, "{variant} is {} marked lines", lines.len());
        }
    }
}
