//! The table of attacks on an ID token. The names carry the ids of the
//! requirements that they show.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use valetkey_proto::{
    alg::Algorithm,
    id_token::{IdTokenError as E, MAX_AGE_SINCE_ISSUED},
};

use crate::signer::{
    ACCESS_TOKEN, CLIENT, ISSUER, NONCE, NOW, P256, RSA, RSA_OTHER, b64, honest_claims,
    honest_keys, key_set, kid, rs256, signer, verify, verify_with, with,
};

/// Every value of `claim` in `values` is refused as `is` says.
fn refuses(claim: &str, values: &[Value], is: fn(&E) -> bool) {
    for value in values {
        let error = verify(&rs256(&with(claim, value.clone()))).unwrap_err();
        assert!(is(&error), "{claim} = {value}: {error:?}");
    }
}

fn accepts(claim: &str, values: &[Value]) {
    for value in values {
        if let Err(error) = verify(&rs256(&with(claim, value.clone()))) {
            panic!("{claim} = {value}: {error:?}");
        }
    }
}

#[test]
fn an_honest_token_is_accepted_with_every_algorithm() {
    for alg in Algorithm::ALL {
        let mut claims = honest_claims();
        claims["at_hash"] = alg.left_half_hash(ACCESS_TOKEN).into();
        let token = signer(alg).sign(
            &json!({"alg": alg.name(), "kid": kid(alg), "typ": "JWT"}),
            &claims,
        );
        let token = verify_with(&token, &honest_keys(), |e| {
            e.algorithms = &Algorithm::ALL;
            e.max_age = Some(60);
            e.acr = &["gold", "silver"];
        })
        .unwrap_or_else(|error| panic!("{alg}: {error:?}"));
        assert_eq!(token.issuer(), ISSUER);
        assert_eq!(token.subject(), "user-1");
        assert_eq!(token.audience(), [CLIENT]);
        assert_eq!(token.issued_at(), NOW - 2);
        assert_eq!(token.expires_at(), NOW + 298);
        assert_eq!(token.auth_time(), Some(NOW - 30));
        assert_eq!(token.acr(), Some("silver"));
        assert_eq!(token.azp(), None);
        assert_eq!(token.sid(), Some("session-1"));
        assert_eq!(token.claims()["name"], "Alice Example");
        assert!(!token.claims().contains_key("nonce"));
        assert!(!format!("{token:?}").contains("canary"));
    }
}

#[test]
fn id_01_a_foreign_issuer_is_refused() {
    let values = [
        json!(format!("{ISSUER}1")),
        json!("https://op.example.test/tenant"),
        json!("https://op.example.test:443/tenant/"),
        json!("https://OP.example.test/tenant/"),
        json!("https://op.example.test/tenant//"),
        json!("http://op.example.test/tenant/"),
        json!(""),
    ];
    refuses("iss", &values, |e| matches!(e, E::Issuer { .. }));
    refuses("iss", &[Value::Null], |e| {
        matches!(e, E::Missing { claim: "iss" })
    });
    refuses("iss", &[json!([ISSUER]), json!(1)], |e| {
        matches!(e, E::WrongType { claim: "iss" })
    });
}

#[test]
fn id_01_the_alias_of_an_issuer_is_accepted_and_the_identity_stays_the_same() {
    let token = rs256(&with("iss", json!("accounts.example.test")));
    assert!(matches!(verify(&token), Err(E::Issuer { .. })));
    let verified = verify_with(&token, &honest_keys(), |e| {
        e.issuer_alias = Some("accounts.example.test");
    });
    assert_eq!(verified.unwrap().issuer(), ISSUER);
}

#[test]
fn id_02_a_token_for_another_client_is_refused() {
    let values = [
        json!(format!("{CLIENT}1")),
        json!("Client-1"),
        json!([]),
        json!(["other"]),
        json!(""),
    ];
    refuses("aud", &values, |e| matches!(e, E::Audience { .. }));
    refuses("aud", &[Value::Null], |e| {
        matches!(e, E::Missing { claim: "aud" })
    });
    let values = [json!(1), json!({"a": CLIENT}), json!([CLIENT, 1])];
    refuses("aud", &values, |e| {
        matches!(e, E::WrongType { claim: "aud" })
    });
    accepts("aud", &[json!(CLIENT), json!([CLIENT])]);
}

#[test]
fn id_03_a_further_audience_is_refused() {
    let values = [
        json!([CLIENT, format!("{CLIENT}1")]),
        json!(["other", CLIENT]),
    ];
    refuses("aud", &values, |e| matches!(e, E::ExtraAudience { .. }));
}

#[test]
fn id_04_a_foreign_authorized_party_is_refused() {
    refuses("azp", &[json!("other"), json!("")], |e| {
        matches!(e, E::AuthorizedParty { .. })
    });
    accepts("azp", &[json!(CLIENT)]);
}

#[test]
fn id_05_an_altered_signature_is_refused_for_every_algorithm() {
    for alg in Algorithm::ALL {
        let token = signer(alg).sign(
            &json!({"alg": alg.name(), "kid": kid(alg)}),
            &honest_claims(),
        );
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let all: Vec<u8> = signature.iter().map(|byte| byte ^ 0x5a).collect();
        let mut last = signature.clone();
        *last.last_mut().unwrap() ^= 1;
        let mut longer = signature.clone();
        longer.push(0);
        let zeros = vec![0; signature.len()];
        let shorter = signature[..signature.len() - 1].to_vec();
        for wrong in [all, last, longer, zeros, shorter, vec![0]] {
            let token = format!("{message}.{}", b64(&wrong));
            let error = verify_with(&token, &honest_keys(), |e| {
                e.algorithms = &Algorithm::ALL;
            })
            .unwrap_err();
            assert!(matches!(error, E::Signature { .. }), "{alg}: {error:?}");
        }
    }
}

#[test]
fn id_05_altered_claims_under_an_honest_signature_are_refused() {
    let token = rs256(&honest_claims());
    let parts: Vec<&str> = token.split('.').collect();
    let claims = b64(with("sub", json!("admin")).to_string().as_bytes());
    let token = format!("{}.{claims}.{}", parts[0], parts[2]);
    assert!(matches!(verify(&token), Err(E::Signature { .. })));
}

#[test]
fn id_05_a_token_signed_by_somebody_else_is_refused() {
    let token = RSA_OTHER.sign(&json!({"alg": "RS256", "kid": "rsa"}), &honest_claims());
    assert!(matches!(verify(&token), Err(E::Signature { .. })));
}

#[test]
fn id_06_an_algorithm_that_was_not_agreed_on_is_refused() {
    use Algorithm::{ES256, PS256, RS256};
    let cases: [(Algorithm, &'static [Algorithm]); 5] = [
        (ES256, &[RS256]),
        (RS256, &[ES256]),
        (RS256, &[PS256]),
        (PS256, &[RS256, ES256]),
        (ES256, &[]), // no list means RS256
    ];
    for (alg, agreed) in cases {
        let token = signer(alg).sign(
            &json!({"alg": alg.name(), "kid": kid(alg)}),
            &honest_claims(),
        );
        let error = verify_with(&token, &honest_keys(), |e| e.algorithms = agreed).unwrap_err();
        assert!(matches!(error, E::Algorithm { .. }), "{alg}: {error:?}");
    }
}

#[test]
fn id_07_alg_none_is_refused() {
    let claims = b64(honest_claims().to_string().as_bytes());
    for alg in ["none", "None", "NONE", "nOnE", "", "none "] {
        for signature in ["", "AA", &b64(b"none")] {
            let header = b64(json!({"alg": alg, "kid": "rsa"}).to_string().as_bytes());
            let token = format!("{header}.{claims}.{signature}");
            let error = verify_with(&token, &honest_keys(), |e| {
                e.algorithms = &Algorithm::ALL;
            })
            .unwrap_err();
            assert!(matches!(error, E::Algorithm { .. }), "{alg}: {error:?}");
        }
    }
}

#[test]
fn id_07_an_empty_signature_is_refused() {
    let token = rs256(&honest_claims());
    let (message, _) = token.rsplit_once('.').unwrap();
    assert!(matches!(
        verify(&format!("{message}.")),
        Err(E::Unreadable(_))
    ));
}

#[test]
fn id_08_a_public_key_is_no_mac_key() {
    use aws_lc_rs::hmac;
    let jwk = RSA.jwk(&json!({})).to_string();
    let secrets: [&[u8]; 3] = [b"client-secret", jwk.as_bytes(), b""];
    for (alg, mac) in [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
    ] {
        for secret in secrets {
            let header = json!({"alg": alg, "kid": "rsa"}).to_string();
            let message = format!(
                "{}.{}",
                b64(header.as_bytes()),
                b64(honest_claims().to_string().as_bytes())
            );
            let tag = hmac::sign(&hmac::Key::new(mac, secret), message.as_bytes());
            let token = format!("{message}.{}", b64(tag.as_ref()));
            let error = verify_with(&token, &honest_keys(), |e| {
                e.algorithms = &Algorithm::ALL;
            })
            .unwrap_err();
            assert!(matches!(error, E::Algorithm { .. }), "{error:?}");
        }
    }
}

#[test]
fn id_09_keys_in_the_header_are_no_keys() {
    let embedded = [
        json!({"jwk": RSA_OTHER.jwk(&json!({"kid": "evil"}))}),
        json!({"jku": "https://evil.example.test/jwks"}),
        json!({"x5u": "https://evil.example.test/cert"}),
        json!({"x5c": ["MIIB"]}),
    ];
    for member in embedded {
        for kid in [None, Some("rsa"), Some("evil")] {
            let mut header = member.clone();
            header["alg"] = "RS256".into();
            if let Some(kid) = kid {
                header["kid"] = kid.into();
            }
            let error = verify(&RSA_OTHER.sign(&header, &honest_claims())).unwrap_err();
            assert!(
                matches!(error, E::Signature { .. } | E::UnknownKey { .. }),
                "{header}: {error:?}"
            );
            // They do no harm either: the provider's own key still counts.
            header["kid"] = "rsa".into();
            assert!(verify(&RSA.sign(&header, &honest_claims())).is_ok());
        }
    }
}

#[test]
fn id_10_an_expired_token_is_refused() {
    let values = [json!(NOW - 360), json!(NOW - 60), json!(0), json!(1.5)];
    refuses("exp", &values, |e| matches!(e, E::Expired { .. }));
    refuses("exp", &[Value::Null], |e| {
        matches!(e, E::Missing { claim: "exp" })
    });
    // A string is no number, and a number out of range no date.
    let values = [
        json!((NOW + 300).to_string()),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(true),
        json!([NOW + 300]),
    ];
    refuses("exp", &values, |e| {
        matches!(e, E::WrongType { claim: "exp" })
    });
    accepts(
        "exp",
        &[json!(NOW - 59), json!(NOW + 1), json!(NOW as f64 + 0.5)],
    );
}

#[test]
fn a_token_that_is_not_valid_yet_is_refused() {
    refuses("nbf", &[json!(NOW + 61)], |e| {
        matches!(e, E::NotYetValid { .. })
    });
    refuses("nbf", &[json!("soon")], |e| {
        matches!(e, E::WrongType { claim: "nbf" })
    });
    accepts("nbf", &[json!(NOW + 60), json!(NOW - 5)]);
}

#[test]
fn id_11_an_implausible_time_of_issue_is_refused() {
    refuses("iat", &[Value::Null], |e| {
        matches!(e, E::Missing { claim: "iat" })
    });
    refuses("iat", &[json!(NOW + 61)], |e| {
        matches!(e, E::IssuedInFuture { .. })
    });
    let week = json!(NOW - 7 * 86_400);
    refuses("iat", std::slice::from_ref(&week), |e| {
        matches!(e, E::IssuedTooLongAgo { .. })
    });
    accepts("iat", &[json!(NOW + 60), json!(NOW - MAX_AGE_SINCE_ISSUED)]);
    let token = rs256(&with("iat", week));
    assert!(verify_with(&token, &honest_keys(), |e| e.max_iat_age = None).is_ok());
}

#[test]
fn id_12_a_missing_or_impossible_subject_is_refused() {
    refuses("sub", &[Value::Null], |e| {
        matches!(e, E::Missing { claim: "sub" })
    });
    let values = [
        json!(""),
        json!("x".repeat(256)),
        json!("ålice"),
        json!("a\u{0}"),
        json!("a\nb"),
    ];
    refuses("sub", &values, |e| matches!(e, E::Subject { .. }));
    refuses("sub", &[json!(4711), json!(["user-1"])], |e| {
        matches!(e, E::WrongType { claim: "sub" })
    });
    accepts("sub", &[json!("x".repeat(255)), json!("a|b c@d")]);
}

#[test]
fn id_13_a_nonce_that_is_not_the_one_sent_is_refused() {
    let values = [
        json!(format!("{NONCE}1")),
        json!(""),
        json!(NONCE.to_uppercase()),
    ];
    refuses("nonce", &values, |e| matches!(e, E::NonceMismatch));
    refuses("nonce", &[Value::Null], |e| matches!(e, E::NonceMissing));
    refuses("nonce", &[json!([NONCE]), json!(0)], |e| {
        matches!(e, E::WrongType { claim: "nonce" })
    });
}

#[test]
fn id_13_a_nonce_that_nobody_sent_is_refused() {
    let keys = honest_keys();
    let token = rs256(&honest_claims());
    let error = verify_with(&token, &keys, |e| e.nonce = None).unwrap_err();
    assert!(matches!(error, E::NonceUnexpected), "{error:?}");
    let token = rs256(&with("nonce", Value::Null));
    assert!(verify_with(&token, &keys, |e| e.nonce = None).is_ok());
}

#[test]
fn id_14_an_old_token_in_a_new_sign_in_is_refused() {
    let old = rs256(&with("nonce", json!("nonce-of-the-last-sign-in")));
    assert!(matches!(verify(&old), Err(E::NonceMismatch)));
}

#[test]
fn id_15_a_hash_of_another_access_token_is_refused() {
    for alg in Algorithm::ALL {
        let right = alg.left_half_hash(ACCESS_TOKEN);
        let wrong = [
            format!("{right}1"),
            format!("{right}="),
            right[1..].to_owned(),
            alg.left_half_hash("another"),
            String::new(),
        ];
        for wrong in wrong {
            let mut claims = honest_claims();
            claims["at_hash"] = wrong.into();
            let token = signer(alg).sign(&json!({"alg": alg.name(), "kid": kid(alg)}), &claims);
            let error = verify_with(&token, &honest_keys(), |e| {
                e.algorithms = &Algorithm::ALL;
            })
            .unwrap_err();
            assert!(matches!(error, E::AccessTokenHash), "{alg}: {error:?}");
        }
    }
    // A hash of the wrong family, as an implementation that always takes
    // SHA-256 would make it.
    let mut claims = honest_claims();
    claims["at_hash"] = Algorithm::RS256.left_half_hash(ACCESS_TOKEN).into();
    let token = signer(Algorithm::EdDSA).sign(&json!({"alg": "EdDSA", "kid": "ed"}), &claims);
    let error = verify_with(&token, &honest_keys(), |e| {
        e.algorithms = &[Algorithm::EdDSA];
    });
    assert!(matches!(error, Err(E::AccessTokenHash)), "{error:?}");
}

#[test]
fn id_17_a_sign_in_that_is_too_old_is_refused() {
    let keys = honest_keys();
    let max_age = |claims: &Value| verify_with(&rs256(claims), &keys, |e| e.max_age = Some(100));
    assert!(max_age(&with("auth_time", json!(NOW - 160))).is_ok());
    let error = max_age(&with("auth_time", json!(NOW - 161)));
    assert!(
        matches!(error, Err(E::AuthenticatedTooLongAgo { .. })),
        "{error:?}"
    );
    let error = max_age(&with("auth_time", Value::Null));
    assert!(
        matches!(error, Err(E::Missing { claim: "auth_time" })),
        "{error:?}"
    );
    let error = max_age(&with("auth_time", json!("1800000000")));
    assert!(
        matches!(error, Err(E::WrongType { claim: "auth_time" })),
        "{error:?}"
    );
    refuses("auth_time", &[json!(NOW + 61)], |e| {
        matches!(e, E::AuthenticatedInFuture { .. })
    });
}

#[test]
fn id_18_a_weaker_context_class_is_refused() {
    let keys = honest_keys();
    let wanted = |claims: &Value| verify_with(&rs256(claims), &keys, |e| e.acr = &["gold"]);
    assert!(wanted(&with("acr", json!("gold"))).is_ok());
    let error = wanted(&with("acr", json!("silver")));
    assert!(matches!(error, Err(E::ContextClass { .. })), "{error:?}");
    let error = wanted(&with("acr", Value::Null));
    assert!(
        matches!(error, Err(E::Missing { claim: "acr" })),
        "{error:?}"
    );
}

#[test]
fn id_25_an_encrypted_token_is_refused() {
    use valetkey_proto::jws::JwsError;
    let header = b64(json!({"alg": "RSA-OAEP", "enc": "A256GCM"})
        .to_string()
        .as_bytes());
    let token = format!("{header}.AAAA.AAAA.AAAA.AAAA");
    assert!(matches!(
        verify(&token),
        Err(E::Unreadable(JwsError::Encrypted))
    ));
}

#[test]
fn id_26_tokens_of_other_types_are_refused() {
    for typ in [
        "at+jwt",
        "application/at+jwt",
        "AT+JWT",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "client-authentication+jwt",
        "token-introspection+jwt",
        "",
        "application/",
        "JWT ",
    ] {
        let header = json!({"alg": "RS256", "kid": "rsa", "typ": typ});
        let error = verify(&RSA.sign(&header, &honest_claims())).unwrap_err();
        assert!(matches!(error, E::Type { .. }), "{typ}: {error:?}");
    }
    for typ in ["JWT", "jwt", "application/jwt", "Application/JWT", "JOSE"] {
        let header = json!({"alg": "RS256", "kid": "rsa", "typ": typ});
        assert!(
            verify(&RSA.sign(&header, &honest_claims())).is_ok(),
            "{typ}"
        );
    }
}

#[test]
fn id_26_a_logout_token_without_a_type_is_refused() {
    let event = "http://schemas.openid.net/event/backchannel-logout";
    refuses("events", &[json!({ event: {} })], |e| {
        matches!(e, E::LogoutToken)
    });
    // Somebody else's events are somebody else's business.
    accepts("events", &[json!({"https://example.test/event": {}})]);
}

#[test]
fn duplicate_claims_are_refused() {
    let claims = honest_claims().to_string();
    let rest = &claims[1..];
    for twice in [
        r#"{"sub":"admin","#,
        r#"{"\u0073ub":"admin","#,
        r#"{"iss":null,"#,
        r#"{"email":"boss@example.test","#,
        r#"{"aud":["client-1"],"#,
    ] {
        let payload = format!("{twice}{rest}");
        let token = RSA.sign_raw(r#"{"alg":"RS256","kid":"rsa"}"#, payload.as_bytes());
        let error = verify(&token).unwrap_err();
        assert!(
            matches!(error, E::DuplicateClaim { .. }),
            "{twice}: {error:?}"
        );
    }
}

#[test]
fn a_payload_that_is_no_object_is_refused() {
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    let many: String = (0..600).map(|i| format!(r#""c{i}":1,"#)).collect();
    let many = format!("{{{many}\"sub\":\"x\"}}");
    let payloads: [&[u8]; 10] = [
        b"[]",
        b"null",
        b"\"text\"",
        b"{",
        b"{} {}",
        b"{}x",
        b"\xff\xfe",
        b"{\"sub\":\"\xff\"}",
        deep.as_bytes(),
        many.as_bytes(),
    ];
    for payload in payloads {
        let token = RSA.sign_raw(r#"{"alg":"RS256","kid":"rsa"}"#, payload);
        let error = verify(&token).unwrap_err();
        assert!(
            matches!(error, E::NotClaims | E::WrongType { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn a_claim_that_is_null_counts_as_absent() {
    let mut claims = honest_claims();
    for name in ["azp", "nbf", "at_hash", "acr", "sid", "auth_time"] {
        claims[name] = Value::Null;
    }
    let token = verify(&rs256(&claims)).unwrap();
    assert_eq!(token.acr(), None);
    claims["nonce"] = Value::Null;
    assert!(matches!(verify(&rs256(&claims)), Err(E::NonceMissing)));
}

#[test]
fn id_21_the_type_of_a_key_cannot_be_confused() {
    // The kid of the EC key, the algorithm of the RSA key, and the reverse.
    for (alg, kid) in [("RS256", "p256"), ("ES256", "rsa"), ("ES256", "p384")] {
        let signer = if alg == "RS256" { &RSA } else { &P256 };
        let token = signer.sign(&json!({"alg": alg, "kid": kid}), &honest_claims());
        let error = verify_with(&token, &honest_keys(), |e| {
            e.algorithms = &Algorithm::ALL;
        })
        .unwrap_err();
        assert!(matches!(error, E::UnsuitableKey { .. }), "{error:?}");
        assert!(!error.refetch_may_help());
    }
}

#[test]
fn id_19_an_unknown_key_is_told_apart_so_that_keys_can_be_fetched_again() {
    let token = RSA.sign(&json!({"alg": "RS256", "kid": "new"}), &honest_claims());
    let error = verify(&token).unwrap_err();
    assert!(matches!(error, E::UnknownKey { kid: Some(kid), .. } if kid == "new"));
    assert!(verify(&token).unwrap_err().refetch_may_help());
    let rotated = key_set(&[RSA.jwk(&json!({"kid": "new"}))]);
    assert!(verify_with(&token, &rotated, |_| {}).is_ok());

    // Without kids a rotation shows as a wrong signature or as no key at all.
    let token = RSA.sign(&json!({"alg": "RS256"}), &honest_claims());
    for stale in [
        key_set(&[RSA_OTHER.jwk(&json!({}))]),
        key_set(&[P256.jwk(&json!({}))]),
        key_set(&[]),
    ] {
        let error = verify_with(&token, &stale, |_| {}).unwrap_err();
        assert!(error.refetch_may_help(), "{error:?}");
    }
    // A forged signature under a known kid does not make us fetch anything.
    let token = RSA_OTHER.sign(&json!({"alg": "RS256", "kid": "rsa"}), &honest_claims());
    assert!(!verify(&token).unwrap_err().refetch_may_help());
}
