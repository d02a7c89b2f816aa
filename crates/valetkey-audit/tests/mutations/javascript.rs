//! Mutations of the Express textbook.

use super::Mutation;

pub(super) const MUTATIONS: &[Mutation] = &[
    (
        "state_guessable",
        &[(
            "crypto.randomBytes(32).toString(\"base64url\")",
            "String(Math.random())",
        )],
        &["state-generated"],
    ),
    (
        "state_constant",
        &[(
            "const state = crypto.randomBytes(32).toString(\"base64url\");",
            "const state = \"abcdef\";",
        )],
        &["state-generated"],
    ),
    (
        "state_not_sent",
        &[("    state,\n", "")],
        &["state-generated"],
    ),
    (
        "state_not_compared",
        &[(
            "if (!expected || !same(expected, String(req.query.state || \"\"))) {",
            "if (!expected) {",
        )],
        &["state-verified"],
    ),
    (
        "undefined_equals_undefined",
        &[(
            "if (!expected || !same(expected, String(req.query.state || \"\"))) {",
            "if (expected !== req.query.state) {",
        )],
        &["state-verified"],
    ),
    (
        "compared_with_itself",
        &[(
            "same(expected, String(req.query.state || \"\"))",
            "same(req.query.state, req.query.state)",
        )],
        &["state-verified"],
    ),
    (
        "result_ignored",
        &[(
            "    if (!expected || !same(expected, String(req.query.state || \"\"))) {\n      return res.status(400).send(\"state mismatch\");\n    }\n",
            "    same(expected || \"\", String(req.query.state || \"\"));\n",
        )],
        &["state-verified"],
    ),
    (
        "no_return",
        &[(
            "return res.status(400).send(\"state mismatch\")",
            "res.status(400).send(\"state mismatch\")",
        )],
        &["state-verified"],
    ),
    (
        "mismatch_only_logged",
        &[(
            "return res.status(400).send(\"state mismatch\")",
            "console.warn(\"state mismatch\")",
        )],
        &["state-verified"],
    ),
    (
        "only_if_present",
        &[(
            "if (!expected || !same(expected, String(req.query.state || \"\"))) {",
            "if (req.query.state && expected !== req.query.state) {",
        )],
        &["state-verified"],
    ),
    (
        "process_wide",
        &[
            ("req.session.state = state;", "pending.add(state);"),
            (
                "const expected = req.session.state;\n    delete req.session.state;",
                "const expected = pending.has(req.query.state);",
            ),
            (
                "!expected || !same(expected, String(req.query.state || \"\"))",
                "!expected",
            ),
            (
                "const app = express();",
                "const app = express();\nconst pending = new Set();",
            ),
        ],
        &["state-verified"],
    ),
    (
        "secret_in_code",
        &[(
            "const CLIENT_SECRET = process.env.CLIENT_SECRET;",
            "const CLIENT_SECRET = \"k3J9vQ7mX2pL8sR4tW6y\";",
        )],
        &["secret-not-in-code"],
    ),
    (
        "secret_fallback",
        &[(
            "const CLIENT_SECRET = process.env.CLIENT_SECRET;",
            "const CLIENT_SECRET = process.env.CLIENT_SECRET || \"k3J9vQ7mX2pL8sR4tW6y\";",
        )],
        &["secret-not-in-code"],
    ),
    (
        "redirect_from_host",
        &[(
            "redirect_uri: REDIRECT_URI,\n    scope",
            "redirect_uri: `https://${req.get(\"host\")}/callback`,\n    scope",
        )],
        &["redirect-exact"],
    ),
    (
        "implicit",
        &[("response_type: \"code\"", "response_type: \"token\"")],
        &["code-flow"],
    ),
    (
        "no_scope",
        &[("    scope: \"profile\",\n", "")],
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
            "const app = express();",
            "process.env.NODE_TLS_REJECT_UNAUTHORIZED = \"0\";\nconst app = express();",
        )],
        &["tls-only"],
    ),
    (
        "token_printed",
        &[(
            "    const reply",
            "    console.log(\"token\", token);\n    const reply",
        )],
        &["token-not-leaked"],
    ),
    (
        "token_in_url",
        &[(
            "res.redirect(\"/\");",
            "res.redirect(\"/?token=\" + token);",
        )],
        &["token-not-leaked"],
    ),
    (
        "token_kept_process_wide",
        &[
            ("    const reply", "    lastToken = token;\n    const reply"),
            (
                "const app = express();",
                "const app = express();\nlet lastToken;",
            ),
        ],
        &["token-not-leaked"],
    ),
    (
        "denial_ignored",
        &[(
            "    if (req.query.error) {\n      return res.status(400).send(\"sign-in was not allowed\");\n    }\n",
            "",
        )],
        &["error-handled"],
    ),
    (
        "no_timeout",
        &[(
            "      method: \"POST\",\n      signal: AbortSignal.timeout(10000),\n",
            "      method: \"POST\",\n",
        )],
        &["timeout-set"],
    ),
    (
        "open_redirect",
        &[(
            "res.redirect(\"/\");",
            "res.redirect(req.query.next || \"/\");",
        )],
        &["no-open-redirect"],
    ),
    (
        "session_key",
        &[(
            "secret: process.env.SESSION_SECRET",
            "secret: \"keyboard cat\"",
        )],
        &["session-key-strong"],
    ),
];
