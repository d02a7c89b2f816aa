//! Mutations of the Flask textbook.

use super::Mutation;

pub(super) const MUTATIONS: &[Mutation] = &[
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
