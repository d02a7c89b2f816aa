//! ID-23: the compact serialization and nothing else.

use serde_json::{Value, json};
use valetkey_proto::{
    id_token::IdTokenError,
    jws::{JwsError, MAX_TOKEN_BYTES, parse_compact},
};

use crate::signer::{RSA, b64, honest_claims, rs256, verify};

fn refusal(token: &str) -> JwsError {
    match verify(token) {
        Err(IdTokenError::Unreadable(error)) => error,
        other => panic!("{token:.80}: {other:?}"),
    }
}

/// An honestly signed token with this header text.
fn headed(header: &str) -> String {
    RSA.sign_raw(header, honest_claims().to_string().as_bytes())
}

#[test]
fn id_23_other_numbers_of_segments_are_refused() {
    let token = rs256(&honest_claims());
    let cases = [
        String::new(),
        "..".into(),
        "...".into(),
        token.replace('.', ""),
        token.rsplit_once('.').unwrap().0.to_owned(),
        format!("{token}."),
        format!("{token}.AAAA"),
        format!(".{token}"),
        format!("{token}.."),
        json!({"payload": "e30", "signatures": []}).to_string(),
    ];
    for case in cases {
        let error = refusal(&case);
        assert!(
            matches!(
                error,
                JwsError::Segments | JwsError::Encoding(_) | JwsError::Encrypted
            ),
            "{case:.60}: {error:?}"
        );
    }
}

#[test]
fn id_23_padding_white_space_and_stray_bits_are_refused() {
    let token = rs256(&honest_claims());
    let parts: Vec<&str> = token.split('.').collect();
    let changed = |at: usize, part: String| {
        let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        parts[at] = part;
        parts.join(".")
    };
    let mut cases = vec![
        format!(" {token}"),
        format!("{token}\n"),
        token.replacen('.', " .", 1),
    ];
    for (at, part) in parts.iter().enumerate() {
        for suffix in ["=", "==", "\n", "+", "/", "%3D", "é"] {
            cases.push(changed(at, format!("{part}{suffix}")));
        }
        cases.push(changed(at, String::new()));
    }
    // The last character of a 256-byte signature carries four unused bits:
    // another spelling of the same bytes.
    let signature = parts[2];
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(signature.chars().last().unwrap()).unwrap();
    let other = alphabet.as_bytes()[last | 1] as char;
    cases.push(changed(
        2,
        format!("{}{other}", &signature[..signature.len() - 1]),
    ));
    for case in cases {
        let error = refusal(&case);
        assert!(matches!(error, JwsError::Encoding(_)), "{case}: {error:?}");
    }
}

#[test]
fn id_23_critical_extensions_are_refused() {
    for crit in [
        json!(["b64"]),
        json!(["exp"]),
        json!([]),
        json!("exp"),
        Value::Null,
    ] {
        let header = json!({"alg": "RS256", "kid": "rsa", "crit": crit, "exp": 1});
        let error = refusal(&headed(&header.to_string()));
        assert!(matches!(error, JwsError::Critical), "{header}: {error:?}");
    }
    for b64 in [json!(true), json!(false)] {
        let header = json!({"alg": "RS256", "kid": "rsa", "b64": b64});
        let error = refusal(&headed(&header.to_string()));
        assert!(matches!(error, JwsError::UnencodedPayload), "{error:?}");
    }
}

#[test]
fn header_members_that_appear_twice_are_refused() {
    for header in [
        r#"{"alg":"RS256","alg":"RS256","kid":"rsa"}"#,
        r#"{"alg":"none","kid":"rsa","alg":"RS256"}"#,
        r#"{"alg":"RS256","kid":"rsa","\u006bid":"rsa"}"#,
        r#"{"alg":"RS256","kid":"rsa","x":1,"x":2}"#,
    ] {
        let error = refusal(&headed(header));
        assert!(matches!(error, JwsError::DuplicateMember(_)), "{header}");
    }
}

#[test]
fn headers_that_are_no_object_with_an_algorithm_are_refused() {
    for header in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"kid":"rsa"}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["RS256"]}"#,
        r#"{"alg":"RS256","kid":7}"#,
        r#"{"alg":"RS256","typ":true}"#,
        r#"{"alg":"RS256"} {}"#,
        r#"{"alg":"RS256",}"#,
    ] {
        let error = refusal(&headed(header));
        assert!(
            matches!(error, JwsError::Header | JwsError::Encoding(_)),
            "{header}: {error:?}"
        );
    }
    let mut token = b64(b"{\"alg\":\"RS256\",\"x\":\"\xff\"}");
    token.push_str(".e30.AAAA");
    assert_eq!(parse_compact(&token).unwrap_err(), JwsError::Header);
}

#[test]
fn unknown_header_members_are_ignored() {
    let header = r#"{"alg":"RS256","kid":"rsa","x5t":"AA","vendor":{"a":[1,{"b":null}]}}"#;
    assert!(verify(&headed(header)).is_ok());
}

#[test]
fn tokens_beyond_every_measure_are_refused_unread() {
    let token = rs256(&honest_claims());
    let long = format!("{token}{}", "A".repeat(MAX_TOKEN_BYTES));
    assert!(matches!(refusal(&long), JwsError::TooLarge(_)));
    let header = json!({"alg": "RS256", "kid": "rsa", "x": "y".repeat(7000)});
    assert!(matches!(
        refusal(&headed(&header.to_string())),
        JwsError::TooLarge(_)
    ));
}

#[test]
fn debug_shows_the_header_and_nothing_else() {
    let token = rs256(&honest_claims());
    let text = format!("{:?}", parse_compact(&token).unwrap());
    assert!(text.contains("rsa"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}
