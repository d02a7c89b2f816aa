//! The textbook routes, and mutations of them: each turns exactly the checks
//! that it breaks.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::type_complexity
)]

use std::{collections::BTreeMap, fs, path::Path};

use valetkey_audit::{Options, Verdict, audit};

fn verdicts(name: &str, text: &str) -> BTreeMap<&'static str, Verdict> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutations");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}.py"));
    fs::write(&path, text).unwrap();
    let report = audit(&path, &Options::default(), &mut |_, _| {}).unwrap();
    report
        .results
        .iter()
        .map(|r| (r.check, r.verdict))
        .collect()
}

fn textbook() -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/python/flask_textbook.py");
    fs::read_to_string(path).unwrap()
}

/// What is replaced, by what, and which checks fail then that did not.
const MUTATIONS: &[(&str, &[(&str, &str)], &[&str])] = &[
    (
        "state_guessable",
        &[("secrets.token_urlsafe(32)", "str(random.randint(0, 10**6))")],
        &["state-generated"],
    ),
    (
        "state_constant",
        &[("secrets.token_urlsafe(32)", "\"abcdef\"")],
        &["state-generated"],
    ),
    (
        "state_not_sent",
        &[("        \"state\": state,\n", "")],
        &["state-generated"],
    ),
    (
        "state_not_compared",
        &[(
            "if not expected or not hmac.compare_digest(expected, received):",
            "if not expected:",
        )],
        &["state-verified"],
    ),
    (
        "none_equals_none",
        &[
            (
                "request.args.get(\"state\", \"\")",
                "request.args.get(\"state\")",
            ),
            (
                "if not expected or not hmac.compare_digest(expected, received):",
                "if expected != received:",
            ),
        ],
        &["state-verified"],
    ),
    (
        "compared_with_itself",
        &[(
            "hmac.compare_digest(expected, received)",
            "hmac.compare_digest(received, received)",
        )],
        &["state-verified"],
    ),
    (
        "result_ignored",
        &[(
            "    if not expected or not hmac.compare_digest(expected, received):\n        abort(400, \"state mismatch\")\n",
            "    hmac.compare_digest(expected or \"\", received)\n",
        )],
        &["state-verified"],
    ),
    (
        "mismatch_only_logged",
        &[(
            "        abort(400, \"state mismatch\")",
            "        app.logger.warning(\"state mismatch\")",
        )],
        &["state-verified"],
    ),
    (
        "process_wide",
        &[
            ("session[\"state\"] = state", "PENDING[\"state\"] = state"),
            ("session.pop(\"state\", None)", "PENDING.get(\"state\")"),
            (
                "app = Flask(__name__)",
                "app = Flask(__name__)\nPENDING = {}",
            ),
        ],
        &["state-verified"],
    ),
    (
        "secret_in_code",
        &[("os.environ[\"CLIENT_SECRET\"]", "\"k3J9vQ7mX2pL8sR4tW6y\"")],
        &["secret-not-in-code"],
    ),
    (
        "redirect_from_host",
        &[(
            "\"redirect_uri\": REDIRECT_URI,\n        \"scope\"",
            "\"redirect_uri\": request.host_url + \"callback\",\n        \"scope\"",
        )],
        &["redirect-exact"],
    ),
    (
        "implicit",
        &[(
            "\"response_type\": \"code\"",
            "\"response_type\": \"token\"",
        )],
        &["code-flow"],
    ),
    (
        "no_scope",
        &[("        \"scope\": \"profile\",\n", "")],
        &["scope-present-minimal"],
    ),
    (
        "plain_http",
        &[("TOKEN = \"https://", "TOKEN = \"http://")],
        &["tls-only"],
    ),
    (
        "no_certificates",
        &[(
            "answer = requests.post(TOKEN, timeout=10,",
            "answer = requests.post(TOKEN, timeout=10, verify=False,",
        )],
        &["tls-only"],
    ),
    (
        "token_printed",
        &[("    profile = ", "    print(token)\n    profile = ")],
        &["token-not-leaked"],
    ),
    (
        "token_in_url",
        &[(
            "return redirect(\"/\")",
            "return redirect(\"/?token=\" + token)",
        )],
        &["token-not-leaked"],
    ),
    (
        "denial_ignored",
        &[(
            "    if \"error\" in request.args:\n        abort(400, \"sign-in was not allowed\")\n",
            "",
        )],
        &["error-handled"],
    ),
    (
        "no_timeout",
        &[("requests.post(TOKEN, timeout=10,", "requests.post(TOKEN,")],
        &["timeout-set"],
    ),
    (
        "open_redirect",
        &[(
            "return redirect(\"/\")",
            "return redirect(request.args.get(\"next\", \"/\"))",
        )],
        &["no-open-redirect"],
    ),
    (
        "session_key",
        &[("os.environ[\"SECRET_KEY\"]", "\"dev\"")],
        &["session-key-strong"],
    ),
    (
        "debug",
        &[("app.run()", "app.run(debug=True)")],
        &["debug-off"],
    ),
];

#[test]
fn the_textbook_fails_pkce_only() {
    let said = verdicts("textbook", &textbook());
    let failed: Vec<_> = said
        .iter()
        .filter(|(_, v)| **v == Verdict::Fail)
        .map(|(c, _)| *c)
        .collect();
    assert_eq!(failed, ["pkce-used"]);
    let open: Vec<_> = said
        .iter()
        .filter(|(_, v)| **v == Verdict::Na)
        .map(|(c, _)| *c)
        .collect();
    assert_eq!(open, ["id-token-verified"]);
}

#[test]
fn each_mutation_turns_exactly_what_it_breaks() {
    let base = verdicts("textbook-again", &textbook());
    let mut wrong = Vec::new();
    for (name, edits, broken) in MUTATIONS {
        let mut text = textbook();
        for (from, to) in *edits {
            assert!(text.contains(from), "{name}: {from}");
            text = text.replace(from, to);
        }
        let text = text.replace("import secrets\n", "import random\nimport secrets\n");
        let said = verdicts(name, &text);
        for (check, before) in &base {
            let expected = if broken.contains(check) {
                Verdict::Fail
            } else {
                *before
            };
            if said[check] != expected {
                wrong.push(format!(
                    "{name}: {check} is {:?}, not {expected:?}",
                    said[check]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
