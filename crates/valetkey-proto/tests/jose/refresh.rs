//! RF-05: the ID token of a refresh is about the sign-in it continues.

use serde_json::{Value, json};
use valetkey_proto::{
    id_token::{
        Expectations, IdTokenError as E, OriginalIdentity, VerifiedIdToken,
        verify_refreshed_id_token,
    },
    secret::{AccessToken, Nonce},
};

use crate::signer::{
    ACCESS_TOKEN, CLIENT, ISSUER, NONCE, NOW, assert_teaches, honest_claims, honest_keys, rs256,
};

const LATER: u64 = NOW + 3600;

fn refreshed(
    claims: &Value,
    adjust: impl FnOnce(&mut OriginalIdentity<'_>),
) -> Result<VerifiedIdToken, E> {
    let nonce = Nonce::new(NONCE);
    let access_token = AccessToken::new(ACCESS_TOKEN);
    let audience = [CLIENT.to_owned()];
    let mut expected = Expectations::new(ISSUER, CLIENT, LATER);
    expected.access_token = Some(&access_token);
    expected.max_age = Some(60);
    let mut original = OriginalIdentity {
        issuer: ISSUER,
        subject: "user-1",
        audience: &audience,
        azp: None,
        auth_time: Some(NOW - 30),
        issued_at: NOW - 2,
        nonce: Some(&nonce),
    };
    adjust(&mut original);
    let result = verify_refreshed_id_token(&rs256(claims), &honest_keys(), &expected, &original);
    if let Err(error) = &result {
        assert_teaches(error);
    }
    result
}

fn honest() -> Value {
    let mut claims = honest_claims();
    claims["iat"] = (LATER - 2).into();
    claims["exp"] = (LATER + 298).into();
    claims
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = honest();
    claims[name] = value;
    claims
}

#[test]
fn rf_05_an_honest_refresh_is_accepted_with_and_without_a_nonce() {
    assert!(refreshed(&honest(), |_| {}).is_ok());
    assert!(refreshed(&with("nonce", Value::Null), |_| {}).is_ok());
    assert!(refreshed(&with("nonce", Value::Null), |o| o.nonce = None).is_ok());
    assert!(refreshed(&with("auth_time", Value::Null), |_| {}).is_ok());
    assert!(refreshed(&with("azp", json!(CLIENT)), |o| o.azp = Some(CLIENT)).is_ok());
    assert!(refreshed(&honest(), |o| o.auth_time = None).is_ok());
}

#[test]
fn rf_05_a_refresh_about_somebody_else_is_refused() {
    let cases = [
        ("sub", json!("user-11"), "sub"),
        ("azp", json!(CLIENT), "azp"),
        ("iat", json!(NOW - 3), "iat"),
        ("auth_time", json!(LATER - 5), "auth_time"),
        ("nonce", json!(format!("{NONCE}1")), "nonce"),
    ];
    for (name, value, changed) in cases {
        let error = refreshed(&with(name, value), |_| {}).unwrap_err();
        assert_eq!(error, E::Changed { claim: changed }, "{name}");
    }
    let error = refreshed(&with("iss", json!(format!("{ISSUER}1"))), |_| {}).unwrap_err();
    assert!(matches!(error, E::Issuer { .. }), "{error:?}");
    let error = refreshed(&with("aud", json!("other")), |_| {}).unwrap_err();
    assert!(matches!(error, E::Audience { .. }), "{error:?}");
}

#[test]
fn rf_05_a_refresh_for_another_session_is_refused() {
    let changed = |claim| E::Changed { claim };
    let error = refreshed(&honest(), |o| o.issuer = "https://other.example.test").unwrap_err();
    assert_eq!(error, changed("iss"));
    let error = refreshed(&honest(), |o| o.azp = Some(CLIENT)).unwrap_err();
    assert_eq!(error, changed("azp"));
    let audience = ["earlier-client".to_owned()];
    let error = refreshed(&honest(), |o| {
        // Outlives the call: the closure borrows from the test.
        o.audience = Box::leak(Box::new(audience));
    })
    .unwrap_err();
    assert_eq!(error, changed("aud"));
    let error = refreshed(&honest(), |o| o.nonce = None).unwrap_err();
    assert_eq!(error, changed("nonce"));
    let error = refreshed(&with("auth_time", json!(LATER - 5)), |o| o.auth_time = None);
    assert_eq!(error.unwrap_err(), changed("auth_time"));
}

#[test]
fn rf_05_all_other_checks_stay() {
    let error = refreshed(&with("exp", json!(LATER - 61)), |_| {}).unwrap_err();
    assert!(matches!(error, E::Expired { .. }), "{error:?}");
    let error = refreshed(&with("at_hash", json!("AAAA")), |_| {}).unwrap_err();
    assert!(matches!(error, E::AccessTokenHash), "{error:?}");
}
