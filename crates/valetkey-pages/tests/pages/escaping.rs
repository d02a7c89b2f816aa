use valetkey_pages::{Hidden, ShownOnce, csp, style, style_hash};

use crate::hostile::{pages, value};

/// How HTML must spell `text`, in content and in quoted attributes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[test]
fn shows_every_hostile_value_as_text() {
    for page in pages() {
        assert!(page.values > 0, "{}", page.name);
        for n in 0..page.values {
            assert!(
                page.html.contains(&escaped(&value(n))),
                "{}: value {n} is not on the page",
                page.name
            );
        }
    }
}

#[test]
fn no_hostile_value_becomes_markup() {
    for page in pages() {
        for n in 0..page.values {
            assert!(!page.html.contains(&value(n)), "{}: {n}", page.name);
        }
        for bad in ["<script", "<img", "onerror=\"x\"", "javascript:"] {
            assert!(!page.html.contains(bad), "{}: {bad}", page.name);
        }
    }
}

#[test]
fn the_policy_allows_the_style_on_the_page_and_no_other() {
    let policy = csp(None);
    assert!(policy.contains(&format!("style-src '{}';", style_hash())));
    assert!(!policy.contains("unsafe"));
    for page in pages() {
        let (_, rest) = page.html.split_once("<style>").unwrap();
        let (inside, rest) = rest.split_once("</style>").unwrap();
        assert_eq!(inside, style(), "{}", page.name);
        assert!(!rest.contains("<style"), "{}", page.name);
    }
}

#[test]
fn the_hash_is_the_one_that_a_browser_computes() {
    use aws_lc_rs::digest::{SHA256, digest};
    use base64::{Engine, engine::general_purpose::STANDARD};
    let expected = STANDARD.encode(digest(&SHA256, style().as_bytes()));
    assert_eq!(style_hash(), format!("sha256-{expected}"));
    // HTML parsers turn CR LF into LF before the hash is taken.
    assert!(!style().contains('\r'));
}

#[test]
fn debug_shows_neither_form_tokens_nor_secrets() {
    let text = format!(
        "{:?} {:?}",
        Hidden::new("token", "canary-1"),
        ShownOnce("canary-2".into())
    );
    assert!(!text.contains("canary"), "{text}");
}
