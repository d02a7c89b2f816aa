//! Mutations of the `net/http` textbook.

use super::Mutation;

const COMPARED: &str =
    "if expected == \"\" || subtle.ConstantTimeCompare([]byte(expected), []byte(received)) != 1 {";

pub(super) const MUTATIONS: &[Mutation] = &[
    (
        "state_guessable",
        &[
            (
                "state := base64.RawURLEncoding.EncodeToString(raw)",
                "state := fmt.Sprint(mrand.Int63())",
            ),
            (
                "\t\"crypto/rand\"\n",
                "\t\"crypto/rand\"\n\t\"fmt\"\n\tmrand \"math/rand\"\n",
            ),
        ],
        &["state-generated"],
    ),
    (
        "state_short",
        &[("make([]byte, 32)", "make([]byte, 4)")],
        &["state-generated"],
    ),
    (
        "state_constant",
        &[(
            "state := base64.RawURLEncoding.EncodeToString(raw)",
            "state := \"abcdef\"",
        )],
        &["state-generated"],
    ),
    (
        "state_not_sent",
        &[("\t\t\"state\":         {state},\n", "")],
        &["state-generated"],
    ),
    (
        "state_not_compared",
        &[(COMPARED, "if expected == \"\" {")],
        &["state-verified"],
    ),
    (
        "empty_equals_empty",
        &[(COMPARED, "if expected != received {")],
        &["state-verified"],
    ),
    (
        "compared_with_itself",
        &[(
            "[]byte(expected), []byte(received)",
            "[]byte(received), []byte(received)",
        )],
        &["state-verified"],
    ),
    (
        "no_return",
        &[(
            "\t\thttp.Error(w, \"state mismatch\", http.StatusBadRequest)\n\t\treturn\n",
            "\t\thttp.Error(w, \"state mismatch\", http.StatusBadRequest)\n",
        )],
        &["state-verified"],
    ),
    (
        "process_wide",
        &[
            ("session.Values[\"state\"] = state", "pending = state"),
            (
                "expected, _ := session.Values[\"state\"].(string)",
                "expected := pending",
            ),
            ("\tclient       = ", "\tpending string\n\tclient       = "),
        ],
        &["state-verified"],
    ),
    (
        "secret_in_code",
        &[(
            "clientSecret = os.Getenv(\"CLIENT_SECRET\")",
            "clientSecret = \"k3J9vQ7mX2pL8sR4tW6y\"",
        )],
        &["secret-not-in-code"],
    ),
    (
        "redirect_from_host",
        &[(
            "\"redirect_uri\":  {redirectURI},\n\t\t\"scope\"",
            "\"redirect_uri\":  {\"https://\" + r.Host + \"/callback\"},\n\t\t\"scope\"",
        )],
        &["redirect-exact"],
    ),
    ("implicit", &[("{\"code\"}", "{\"token\"}")], &["code-flow"]),
    (
        "no_scope",
        &[("\t\t\"scope\":         {\"profile\"},\n", "")],
        &["scope-present-minimal"],
    ),
    (
        "plain_http",
        &[("tokenURL     = \"https://", "tokenURL     = \"http://")],
        &["tls-only"],
    ),
    (
        "no_certificates",
        &[(
            "&http.Client{Timeout: 10 * time.Second}",
            "&http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}",
        )],
        &["tls-only"],
    ),
    (
        "token_printed",
        &[(
            "\treq, _ := http",
            "\tlog.Printf(\"got %v\", token.AccessToken)\n\treq, _ := http",
        )],
        &["token-not-leaked"],
    ),
    (
        "token_in_url",
        &[(
            "http.Redirect(w, r, \"/\", http.StatusFound)",
            "http.Redirect(w, r, \"/?token=\"+token.AccessToken, http.StatusFound)",
        )],
        &["token-not-leaked"],
    ),
    (
        "denial_ignored",
        &[(
            "\tif r.URL.Query().Get(\"error\") != \"\" {\n\t\thttp.Error(w, \"sign-in was not allowed\", http.StatusBadRequest)\n\t\treturn\n\t}\n",
            "",
        )],
        &["error-handled"],
    ),
    (
        "no_timeout",
        &[("&http.Client{Timeout: 10 * time.Second}", "&http.Client{}")],
        &["timeout-set"],
    ),
    (
        "open_redirect",
        &[(
            "http.Redirect(w, r, \"/\", http.StatusFound)",
            "http.Redirect(w, r, r.FormValue(\"next\"), http.StatusFound)",
        )],
        &["no-open-redirect"],
    ),
    (
        "session_key",
        &[("[]byte(os.Getenv(\"SESSION_KEY\"))", "[]byte(\"dev\")")],
        &["session-key-strong"],
    ),
];
