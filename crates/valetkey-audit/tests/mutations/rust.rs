//! Mutations of the axum textbook.

use super::Mutation;

const RANDOM: &str = "    let mut bytes = [0u8; 32];\n    OsRng.fill_bytes(&mut bytes);\n    let state = URL_SAFE_NO_PAD.encode(bytes);\n";
const COMPARED: &str = "if !bool::from(expected.as_bytes().ct_eq(received.as_bytes())) {";
const ABSENT: &str = "    let expected = expected.ok_or(StatusCode::BAD_REQUEST)?;\n    let received = query.get(\"state\").ok_or(StatusCode::BAD_REQUEST)?;\n";

pub(super) const MUTATIONS: &[Mutation] = &[
    (
        "state_guessable",
        &[(RANDOM, "    let state = fastrand::u64(..).to_string();\n")],
        &["state-generated"],
    ),
    (
        "state_short",
        &[(
            RANDOM,
            "    let state = rand::random::<u32>().to_string();\n",
        )],
        &["state-generated"],
    ),
    (
        "state_constant",
        &[(RANDOM, "    let state = String::from(\"abcdef\");\n")],
        &["state-generated"],
    ),
    (
        "state_not_sent",
        &[("            (\"state\", state.as_str()),\n", "")],
        &["state-generated"],
    ),
    (
        "state_not_compared",
        &[(COMPARED, "if expected.is_empty() {")],
        &["state-verified"],
    ),
    (
        "state_compared_and_forgotten",
        &[
            (COMPARED, "if false {"),
            (
                ABSENT,
                "    let expected = expected.ok_or(StatusCode::BAD_REQUEST)?;\n    let received = query.get(\"state\").ok_or(StatusCode::BAD_REQUEST)?;\n    let _ = &expected == received;\n",
            ),
        ],
        &["state-verified"],
    ),
    (
        "none_equals_none",
        &[
            (ABSENT, ""),
            (COMPARED, "if expected.as_ref() != query.get(\"state\") {"),
        ],
        &["state-verified"],
    ),
    (
        "empty_equals_empty",
        &[(
            ABSENT,
            "    let expected = expected.unwrap_or_default();\n    let received = query.get(\"state\").cloned().unwrap_or_default();\n",
        )],
        &["state-verified"],
    ),
    (
        "state_absent_is_accepted",
        &[
            (
                ABSENT,
                "    let expected = expected.ok_or(StatusCode::BAD_REQUEST)?;\n",
            ),
            (
                COMPARED,
                "if query.get(\"state\").is_some_and(|received| *received != expected) {",
            ),
        ],
        &["state-verified"],
    ),
    (
        "state_compared_with_itself",
        &[(COMPARED, "if received != query.get(\"state\").unwrap() {")],
        &["state-verified"],
    ),
    (
        "state_process_wide",
        &[
            (
                "const REDIRECT_URI",
                "static STATES: std::sync::LazyLock<std::sync::Mutex<std::collections::HashSet<String>>> = std::sync::LazyLock::new(Default::default);\nconst REDIRECT_URI",
            ),
            (
                RANDOM,
                "    let mut bytes = [0u8; 32];\n    OsRng.fill_bytes(&mut bytes);\n    let state = URL_SAFE_NO_PAD.encode(bytes);\n    STATES.lock().unwrap().insert(state.clone());\n",
            ),
            (
                COMPARED,
                "if expected.is_empty() || !STATES.lock().unwrap().remove(received) {",
            ),
        ],
        &["state-verified"],
    ),
    (
        "secret_in_code",
        &[(
            "env::var(\"CLIENT_SECRET\").unwrap()",
            "\"9fK2mZq84Lw1vBx7Tn5RcYh3\".to_owned()",
        )],
        &["secret-not-in-code"],
    ),
    (
        "redirect_from_request",
        &[
            (
                "async fn login(State(app): State<App>, session: Session)",
                "async fn login(State(app): State<App>, session: Session, headers: axum::http::HeaderMap)",
            ),
            (
                "    let url = Url::parse_with_params(",
                "    let back = format!(\"https://{}/callback\", headers[\"host\"].to_str().unwrap());\n    let url = Url::parse_with_params(",
            ),
            (
                "            (\"redirect_uri\", REDIRECT_URI),\n            (\"scope\"",
                "            (\"redirect_uri\", back.as_str()),\n            (\"scope\"",
            ),
        ],
        &["redirect-exact"],
    ),
    (
        "implicit",
        &[(
            "(\"response_type\", \"code\")",
            "(\"response_type\", \"token\")",
        )],
        &["code-flow"],
    ),
    (
        "scope_missing",
        &[("            (\"scope\", \"profile\"),\n", "")],
        &["scope-present-minimal"],
    ),
    (
        "plain_http",
        &[(
            "https://id.example.test/token",
            "http://id.example.test/token",
        )],
        &["tls-only"],
    ),
    (
        "certificates_unchecked",
        &[(
            ".timeout(Duration::from_secs(10))",
            ".timeout(Duration::from_secs(10)).danger_accept_invalid_certs(true)",
        )],
        &["tls-only"],
    ),
    (
        "token_logged",
        &[(
            "    let answer = app.http.get",
            "    tracing::debug!(token = %token.access_token, \"signed in\");\n    let answer = app.http.get",
        )],
        &["token-not-leaked"],
    ),
    (
        "denial_ignored",
        &[
            (
                "    if query.contains_key(\"error\") {\n        return Err(StatusCode::BAD_REQUEST);\n    }\n",
                "",
            ),
            (
                "let code = query.get(\"code\").ok_or(StatusCode::BAD_REQUEST)?;",
                "let code = query.get(\"code\").cloned().unwrap_or_default();",
            ),
        ],
        &["error-handled"],
    ),
    (
        "no_timeout",
        &[(
            "reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap()",
            "reqwest::Client::new()",
        )],
        &["timeout-set"],
    ),
    (
        "open_redirect",
        &[(
            "Ok(Redirect::to(\"/\"))",
            "Ok(Redirect::to(query.get(\"next\").map_or(\"/\", |n| n.as_str())))",
        )],
        &["no-open-redirect"],
    ),
    (
        "session_key_in_code",
        &[(
            "env::var(\"SESSION_KEY\").unwrap().as_bytes()",
            "b\"a key that everybody who reads this knows, sixty-four bytes long.\"",
        )],
        &["session-key-strong"],
    ),
];
