//! `--svg`: the walk's sign-in as a file.

use crate::program::demo;

#[test]
fn the_sign_in_is_drawn_into_a_file() {
    let folder = std::env::temp_dir().join(format!("valetkey-svg-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, arguments, headline) in [
        (
            "allowed.svg",
            &["--walk", "--json", "--svg"][..],
            "Alice Example signed in",
        ),
        (
            "denied.svg",
            &["--walk", "--deny", "--json", "--svg"],
            "the user refused: no code",
        ),
    ] {
        let file = folder.join(name);
        let file = file.to_str().unwrap();
        let ended = demo(&[arguments, &[file]].concat());
        assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.json()["ok"], true);
        let svg = std::fs::read_to_string(file).unwrap();
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>"));
        assert!(svg.contains(headline));
        for secret in ["alice-password", "demo-secret"] {
            assert!(!svg.contains(secret));
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_file_that_cannot_be_written_is_exit_3() {
    let ended = demo(&["--walk", "--json", "--svg", "/no/such/folder/x.svg"]);
    assert_eq!(ended.status, Some(3), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("--svg"), "{}", ended.stderr);
}
