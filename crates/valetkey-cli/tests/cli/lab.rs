//! `valetkey lab`.

use crate::program::{Server, run};

#[test]
fn the_list_names_every_exercise_with_its_clause() {
    let ended = run(&["lab", "--json"]);
    assert_eq!(ended.status, Some(0));
    let document = ended.json();
    assert_eq!(document["version"], 1);
    let labs = document["labs"].as_array().unwrap();
    assert!(labs.len() >= 13);
    for lab in labs {
        for member in ["name", "clause", "title"] {
            assert!(lab[member].as_str().is_some_and(|s| !s.is_empty()), "{lab}");
        }
    }
}

#[test]
fn an_exercise_says_what_happened_on_both_sides() {
    let ended = run(&["lab", "login-csrf", "--json"]);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let document = ended.json();
    assert_eq!(document["version"], 1);
    assert_eq!(document["lab"], "login-csrf");
    assert_eq!(document["without"]["attack"], "succeeded");
    assert_eq!(document["with"]["attack"], "failed");
    assert_eq!(document["with"]["code"], "callback.other_browser");
    assert_eq!(document["ok"], true);
    let variant = run(&["lab", "login-csrf/none-equals-none", "--json"]).json();
    assert_eq!(variant["with"]["code"], "callback.state_missing");
}

#[test]
fn an_exercise_without_an_answer_of_ours_has_a_null_code() {
    let document = run(&["lab", "session-fixation", "--json"]).json();
    assert!(document["with"]["code"].is_null());
    assert!(document["with"].as_object().unwrap().contains_key("code"));
}

#[test]
fn in_words_it_tells_the_story_of_both() {
    let ended = run(&["lab", "open-redirect"]);
    assert_eq!(ended.status, Some(0));
    for word in [
        "WITHOUT",
        "SUCCEEDED",
        "WITH the safeguard: the attack failed",
        "attacker",
        "victim",
        "RFC 9700",
    ] {
        assert!(ended.stdout.contains(word), "{word}: {}", ended.stdout);
    }
}

#[test]
fn a_misspelt_name_is_told_with_the_right_ones() {
    let ended = run(&["lab", "login-crsf"]);
    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("error[config.invalid]"));
    assert!(ended.stderr.contains("login-csrf"));
}

#[test]
fn serve_keeps_both_sides_running_with_instructions() {
    let mut server = Server::start(&["lab", "mix-up", "--serve", "--json"]);
    let ready = server.json_line();
    assert_eq!(ready["event"], "ready");
    for side in ["without", "with"] {
        let app = ready[side]["app"].as_str().unwrap();
        let address = app
            .trim_start_matches("http://")
            .replace("localhost", "127.0.0.1");
        std::net::TcpStream::connect(&address).unwrap();
        assert!(ready[side]["steps"].as_array().unwrap().len() >= 2);
    }
    assert_ne!(ready["without"]["app"], ready["with"]["app"]);
    server.signal("TERM");
    assert_eq!(server.ended().0.code(), Some(0));
}
