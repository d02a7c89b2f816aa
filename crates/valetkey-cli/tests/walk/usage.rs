//! What goes with `--walk`, and what does not.

use crate::program::demo;

#[test]
fn what_does_not_go_with_a_walk_is_exit_2_and_told_at_once() {
    for arguments in [
        &["--walk", "--issuer", "https://id.example.test", "--json"][..],
        &["--walk", "--data-dir", "d", "--json"],
        &["--walk", "--scope", "openid", "--json"],
        &["--walk", "--open", "--json"],
        &["--deny", "--json"],
        &["--svg", "x.svg", "--json"],
    ] {
        let ended = demo(arguments);
        assert_eq!(ended.status, Some(2), "{arguments:?}");
        let document = ended.json();
        assert_eq!(
            document["errors"].as_array().unwrap().len(),
            1,
            "{document}"
        );
        assert_eq!(document["errors"][0]["code"], "config.invalid");
        assert!(
            ended.stderr.starts_with("error[config.invalid]: --"),
            "{}",
            ended.stderr
        );
    }
    let all = demo(&[
        "--walk", "--open", "--issuer", "x", "--scope", "a b", "--json",
    ])
    .json();
    assert!(all["errors"].as_array().unwrap().len() >= 4, "{all}");
}

#[test]
fn a_walk_needs_neither_the_usual_port_nor_the_one_after_it() {
    let usual = std::net::TcpListener::bind("127.0.0.1:5000");
    let ended = demo(&["--walk", "--json"]);
    drop(usual);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_busy_port_that_was_asked_for_is_exit_3() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = demo(&["--walk", "--port", &port, "--json"]);
    assert_eq!(ended.status, Some(3), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn walks_side_by_side_do_not_disturb_each_other() {
    std::thread::scope(|scope| {
        for deny in [false, true, false, true] {
            scope.spawn(move || {
                let arguments: &[&str] = if deny {
                    &["--walk", "--deny", "--json"]
                } else {
                    &["--walk", "--json"]
                };
                let ended = demo(arguments);
                assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
            });
        }
    });
}
