use std::{fs, path::Path};

use super::super::parse;

fn textbook() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join("tests/fixtures/go/nethttp_textbook.go")).unwrap()
}

#[test]
fn a_file_that_ends_anywhere_is_lowered() {
    let text = textbook();
    for (end, _) in text.char_indices() {
        assert!(parse(&text[..end]).is_some());
    }
}

#[test]
fn deep_nesting_ends_somewhere() {
    for (open, close) in [
        ("(", ")"),
        ("f(", ")"),
        ("func() {", "}"),
        ("[]T{", "}"),
        ("!", ""),
        ("a.b[", "]"),
    ] {
        let text = format!(
            "package p\nvar x = {}1{}",
            open.repeat(3_000),
            close.repeat(3_000)
        );
        let done = std::thread::Builder::new()
            .stack_size(64 << 20)
            .spawn(move || parse(&text).is_some())
            .unwrap();
        assert!(done.join().unwrap(), "{open}");
    }
    let blocks = format!(
        "package p\nfunc f() {}{}",
        "{".repeat(3_000),
        "}".repeat(3_000)
    );
    assert!(parse(&blocks).is_some());
}

#[test]
fn odd_bytes_are_lowered() {
    for text in [
        "",
        "\u{feff}package p",
        "package",
        "}}}}",
        "\u{0}",
        "func",
        "type x struct {",
        "var =",
    ] {
        assert!(parse(text).is_some(), "{text:?}");
    }
}
