//! What is printed: the contract's document, and the tables.

use serde_json::{Value, json};

use crate::program::{Ended, demo};

fn is_shown(value: &Value) -> bool {
    let Some((hash, length)) = value.as_str().and_then(|s| s.split_once("… (")) else {
        return false;
    };
    hash.len() == 4
        && hash.bytes().all(|b| b.is_ascii_hexdigit())
        && length
            .strip_suffix(')')
            .is_some_and(|n| n.parse::<u32>().is_ok())
}

/// The members that the contract names, with their types.
fn assert_contract(walk: &Value, steps: &[u64]) {
    const PARTIES: [&str; 4] = [
        "user agent",
        "client",
        "authorization server",
        "resource server",
    ];
    assert_eq!(walk["version"], 1);
    assert_eq!(walk["ok"], true, "{}", walk["problem"]);
    assert_eq!(
        walk["password_received_by"],
        json!(["authorization server"])
    );
    let list = walk["steps"].as_array().unwrap();
    let numbers: Vec<_> = list.iter().map(|s| s["step"].as_u64().unwrap()).collect();
    assert_eq!(numbers, steps);
    for step in list {
        for party in ["from", "to"] {
            assert!(PARTIES.contains(&step[party].as_str().unwrap()), "{step}");
        }
        for text in ["action", "input", "result"] {
            assert!(!step[text].as_str().unwrap().is_empty(), "{text}: {step}");
        }
        assert_eq!(step["held"], true, "{step}");
        let checks = step["checks"].as_array().unwrap();
        assert!(checks.len() >= 5, "{step}");
        for check in checks {
            assert!(!check["name"].as_str().unwrap().is_empty());
            assert!(!check["clause"].as_str().unwrap().is_empty());
            assert_eq!(check["held"], true, "{check}");
        }
        let count = |side: &str, list: &str| step[side][list].as_array().unwrap().len();
        assert!(count("client", "events") > 0, "{step}");
        assert!(count("provider", "requests") > 0, "{step}");
        for event in step["client"]["events"].as_array().unwrap() {
            assert!(
                event["seq"].is_u64() && event["event"].is_string(),
                "{event}"
            );
        }
        for request in step["provider"]["requests"].as_array().unwrap() {
            assert!(request["params"].is_array() && request["endpoint"].is_string());
            assert!(request["outcome"]["status"].is_u64(), "{request}");
        }
    }
    let names: Vec<_> = walk["variables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["state", "code", "token", "user_info"]);
    for variable in walk["variables"].as_array().unwrap() {
        let values = variable["values"].as_array().unwrap();
        let moments: Vec<_> = values.iter().map(|v| v["after"].clone()).collect();
        assert_eq!(json!(moments), json!(["start", 3, 4, 5, "final"]));
        for value in values {
            assert!(value["status"].is_string());
            assert!(value.get("shown").is_none_or(is_shown), "{value}");
        }
    }
}

fn statuses<'a>(walk: &'a Value, name: &str) -> Vec<&'a str> {
    let variables = walk["variables"].as_array().unwrap();
    let variable = variables.iter().find(|v| v["name"] == name).unwrap();
    let values = variable["values"].as_array().unwrap();
    values
        .iter()
        .map(|v| v["status"].as_str().unwrap())
        .collect()
}

fn assert_silent_about_secrets(ended: &Ended) {
    for output in [&ended.stdout, &ended.stderr] {
        for secret in [
            "alice-password",
            "bob-password",
            "demo-secret",
            "Bearer",
            "Basic ",
        ] {
            assert!(!output.contains(secret), "{secret}");
        }
    }
}

#[test]
fn a_walk_is_the_document_of_the_contract() {
    let ended = demo(&["--walk", "--json"]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stderr, "");
    let walk = ended.json();
    assert_contract(&walk, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(walk["problem"], Value::Null);
    let step = |n: usize| &walk["steps"][n - 1];
    let way = |n: usize| {
        (
            step(n)["from"].as_str().unwrap(),
            step(n)["to"].as_str().unwrap(),
        )
    };
    assert_eq!(way(1), ("user agent", "client"));
    assert_eq!(way(2), ("user agent", "authorization server"));
    assert_eq!(way(3), ("user agent", "client"));
    assert_eq!(way(4), ("client", "authorization server"));
    assert_eq!(way(5), ("client", "resource server"));
    assert_eq!(way(6), ("client", "user agent"));
    assert_eq!(step(1)["action"], "User visits /login");
    assert_eq!(step(6)["result"], "Hello Alice Example");
    let names = |n: usize| step(n)["checks"].to_string();
    assert!(names(1).contains(r#"{"clause":"RFC 6749 10.12","held":true,"name":"state sent"}"#));
    assert_eq!(
        statuses(&walk, "state"),
        ["none", "used", "used", "used", "used up"]
    );
    assert_eq!(
        statuses(&walk, "code"),
        ["none", "received", "used", "used", "used up"]
    );
    assert_eq!(
        statuses(&walk, "token"),
        ["none", "none", "received", "used", "kept by the app"]
    );
    assert_eq!(
        statuses(&walk, "user_info"),
        ["none", "none", "none", "received", "used"]
    );
    assert_silent_about_secrets(&ended);
}

#[test]
fn values_are_the_same_on_both_sides_and_in_the_variables() {
    let walk = demo(&["--walk", "--json"]).json();
    let found = |list: &Value, name: &str| {
        let list = list.as_array().unwrap();
        let one = list.iter().find(|p| p["name"] == name).unwrap();
        one["value"].clone()
    };
    let step = |n: usize| &walk["steps"][n - 1];
    let issued = found(
        &step(2)["provider"]["requests"][2]["outcome"]["issued"],
        "code",
    );
    let sent = found(&step(4)["client"]["events"][0]["sent"], "code");
    let received = found(&step(4)["provider"]["requests"][0]["params"], "code");
    assert!(is_shown(&issued) && issued == sent && sent == received);
    assert_eq!(walk["variables"][1]["values"][1]["shown"], issued);
    let bearer = found(
        &step(5)["provider"]["requests"][0]["params"],
        "authorization.bearer",
    );
    assert_eq!(walk["variables"][2]["values"][2]["shown"], bearer);
}

#[test]
fn a_refusal_is_what_was_asked_for_with_deny() {
    let ended = demo(&["--walk", "--deny", "--json"]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    let walk = ended.json();
    assert_contract(&walk, &[1, 2, 3, 7]);
    let callback = &walk["steps"][2];
    assert_eq!(callback["result"], "400 callback.denied");
    assert!(
        callback["input"]
            .as_str()
            .unwrap()
            .contains("access_denied")
    );
    for name in ["code", "token", "user_info"] {
        assert_eq!(statuses(&walk, name), ["none"; 5], "{name}");
    }
    assert_eq!(statuses(&walk, "state")[4], "used up");
    assert_silent_about_secrets(&ended);
}

#[test]
fn the_tables_fit_and_name_everybody() {
    let ended = demo(&["--walk"]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_silent_about_secrets(&ended);
    for line in ended.stdout.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    for text in [
        "step │ who (from → to)",
        "variable  │ start",
        "authorization server",
        "resource server",
        "Hello Alice Example",
        "used up",
        "Password received by: authorization server; the client never saw it.",
        "Without a code there is no token",
        "Why redirect at all?",
        "Why a token?",
    ] {
        assert!(ended.stdout.contains(text), "{text}\n{}", ended.stdout);
    }
    // Not a terminal.
    assert!(!ended.stdout.contains('\u{1b}'));
    assert!(!ended.stdout.contains('✗'));
    let denied = demo(&["--walk", "--deny"]);
    assert_eq!(denied.status, Some(0));
    assert!(
        denied.stdout.contains("error access_denied"),
        "{}",
        denied.stdout
    );
}
