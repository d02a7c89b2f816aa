//! Help, version, and how mistakes are told.

use crate::program::{Folder, run, run_in};

#[test]
fn help_goes_to_stdout_with_an_example() {
    for (arguments, example) in [
        (&["--help"][..], "valetkey provider"),
        (&["provider", "--help"], "valetkey provider --preset github"),
        (&["completions", "--help"], "valetkey completions bash"),
    ] {
        let ended = run(arguments);
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains("Example"), "{}", ended.stdout);
        assert!(ended.stdout.contains(example), "{}", ended.stdout);
        assert!(ended.stdout.contains("--json"), "{}", ended.stdout);
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn the_version_is_one_line() {
    let ended = run(&["--version"]);
    assert_eq!(ended.status, Some(0));
    assert_eq!(
        ended.stdout,
        format!("valetkey {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn without_a_command_it_is_a_usage_error() {
    let ended = run(&[]);
    assert_eq!(ended.status, Some(2));
    assert_eq!(ended.stdout, "");
    assert!(
        ended
            .stderr
            .starts_with("error[config.missing]: no command was given"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("valetkey --help"), "{}", ended.stderr);
}

#[test]
fn mistakes_are_told_all_at_once_as_text() {
    let ended = run(&[
        "provider",
        "--listen",
        "nonsense",
        "--preset",
        "githib",
        "--approve",
        "mallory",
    ]);
    assert_eq!(ended.status, Some(2));
    assert_eq!(ended.stdout, "");
    let firsts: Vec<_> = ended
        .stderr
        .lines()
        .filter(|l| l.starts_with("error["))
        .collect();
    assert_eq!(firsts.len(), 3, "{}", ended.stderr);
    for (line, word) in firsts
        .iter()
        .zip(["--listen `nonsense`", "`githib`", "mallory"])
    {
        assert!(
            line.starts_with("error[config.invalid]: ") && line.contains(word),
            "{line}"
        );
    }
    assert_eq!(
        ended.stderr.matches("\n  cause: ").count(),
        3,
        "{}",
        ended.stderr
    );
    assert_eq!(
        ended.stderr.matches("\n  fix:   ").count(),
        3,
        "{}",
        ended.stderr
    );
}

#[test]
fn mistakes_are_told_all_at_once_as_json() {
    let ended = run(&[
        "provider",
        "--lisen",
        "127.0.0.1:0",
        "--bogus=1",
        "--preset",
        "nope",
        "--json",
    ]);
    assert_eq!(ended.status, Some(2));
    let errors = ended.errors();
    assert_eq!(errors.len(), 3, "{errors:#?}");
    for (error, word) in errors.iter().zip(["--lisen", "--bogus", "`nope`"]) {
        assert_eq!(error["code"], "config.invalid");
        assert!(error["message"].as_str().unwrap().contains(word), "{error}");
        for member in ["cause", "fix"] {
            assert!(!error[member].as_str().unwrap().is_empty(), "{error}");
        }
    }
    // The likely spelling is offered.
    assert!(
        errors[0]["fix"].as_str().unwrap().contains("--listen"),
        "{}",
        errors[0]
    );
    // People see the same on stderr.
    assert_eq!(
        ended.stderr.matches("error[config.invalid]").count(),
        3,
        "{}",
        ended.stderr
    );
}

#[test]
fn an_unknown_command_is_a_usage_error_also_in_json() {
    let ended = run(&["provide", "--json"]);
    assert_eq!(ended.status, Some(2));
    let errors = ended.errors();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0]["message"].as_str().unwrap().contains("provide"),
        "{}",
        errors[0]
    );
    assert!(
        errors[0]["fix"].as_str().unwrap().contains("provider"),
        "{}",
        errors[0]
    );
}

#[test]
fn a_wrong_log_filter_is_a_configuration_error() {
    let folder = Folder::new();
    let ended = run_in(
        &folder,
        &["completions", "bash"],
        &[("VALETKEY_LOG", "valetkey=loud")],
    );
    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("VALETKEY_LOG"), "{}", ended.stderr);
    // The same from .env, which --env-file none leaves unread.
    folder.write(".env", "VALETKEY_LOG=valetkey=loud\n");
    assert_eq!(
        run_in(&folder, &["completions", "bash"], &[]).status,
        Some(2)
    );
    let ended = run_in(&folder, &["completions", "bash", "--env-file", "none"], &[]);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}

#[test]
fn completions_are_a_script_for_each_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = run(&["completions", shell]);
        assert_eq!(ended.status, Some(0), "{shell}: {}", ended.stderr);
        assert!(
            ended.stdout.contains("provider") && ended.stdout.contains("redirect-uri"),
            "{shell}"
        );
    }
    let ended = run(&["completions", "fish", "--json"]);
    let document = ended.json();
    assert_eq!(
        (document["version"].as_u64(), document["shell"].as_str()),
        (Some(1), Some("fish"))
    );
    assert!(document["script"].as_str().unwrap().contains("provider"));

    let ended = run(&["completions", "tcsh", "--json"]);
    assert_eq!(ended.status, Some(2));
    assert!(ended.errors()[0]["fix"].as_str().unwrap().contains("zsh"));
}
