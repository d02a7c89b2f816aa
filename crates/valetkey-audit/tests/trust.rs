//! The program under review speaks for itself only: it can neither claim what
//! a library does, nor write to the terminal of whoever reviews it.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Format, Options, Report, Verdict, audit_source, write};

fn report(given: &str) -> Report {
    let text = format!(
        r#"
import os
from authlib.integrations.flask_client import OAuth

oauth = OAuth()
oauth.register(name="hub", client_id=os.environ["ID"], client_secret=os.environ["SECRET"],
               authorize_url="https://id.example/authorize",
               access_token_url="https://id.example/token", **{{{given}}})


def login():
    return oauth.hub.authorize_redirect("https://app.example/callback")
"#
    );
    audit_source(&[("app.py", &text)], &Options::default())
}

fn pkce(report: &Report) -> Verdict {
    let found = report.results.iter().find(|r| r.check == "pkce-used");
    found.unwrap().verdict
}

#[test]
fn a_program_does_not_say_what_its_library_does() {
    assert_eq!(pkce(&report("")), Verdict::Fail);
    assert_eq!(pkce(&report(r#""fact:pkce": "library""#)), Verdict::Fail);
    let told = r#""client_kwargs": {"code_challenge_method": "S256"}"#;
    assert_eq!(pkce(&report(told)), Verdict::Pass);
}

#[test]
fn no_name_of_the_source_moves_the_cursor() {
    let given = "\"fact:pkce-off\": \"\u{1b}[2Jx\", \"\u{1b}[2Jx\": False";
    let report = report(given);
    assert_eq!(pkce(&report), Verdict::Fail);
    for format in [Format::Text, Format::Github, Format::Sarif, Format::Junit] {
        let text = write(&report, format);
        assert!(!text.contains('\u{1b}'), "{format:?}: {text}");
    }
}

#[test]
fn a_secret_is_none_the_less_for_the_word_before_it() {
    use valetkey_audit::Severity::{High, Low};
    for (secret, severity) in [
        ("mysecret-4nV8wQ2zLk9sTb1R7xPq", High),
        ("test_4nV8wQ2zLk9sTb1R7xPq", High),
        ("my-secret", Low),
        ("your-4nV8wQ2zLk9sTb1R7xPq", Low),
    ] {
        let text = format!(
            "from authlib.integrations.flask_client import OAuth
oauth = OAuth()
oauth.register('hub', client_id='photos', client_secret='{secret}',
               authorize_url='https://id.example/authorize')
"
        );
        let report = audit_source(&[("app.py", &text)], &Options::default());
        let found = report
            .results
            .iter()
            .find(|r| r.check == "secret-not-in-code");
        let found = found.unwrap();
        assert_eq!(
            (found.verdict, found.severity),
            (Verdict::Fail, severity),
            "{secret}"
        );
        assert!(!write(&report, Format::Text).contains("4nV8wQ2zLk9sTb1R7xPq"));
    }
}
