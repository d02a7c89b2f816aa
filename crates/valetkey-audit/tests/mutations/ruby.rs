//! Mutations of the Sinatra textbook.

use super::Mutation;

pub(super) const MUTATIONS: &[Mutation] = &[
    (
        "state_guessable",
        &[("SecureRandom.urlsafe_base64(32)", "rand(10**6).to_s")],
        &["state-generated"],
    ),
    (
        "state_constant",
        &[("SecureRandom.urlsafe_base64(32)", "\"abcdef\"")],
        &["state-generated"],
    ),
    (
        "state_not_sent",
        &[(
            "    scope: \"profile\",\n    state: state\n",
            "    scope: \"profile\"\n",
        )],
        &["state-generated"],
    ),
    (
        "state_not_compared",
        &[(
            "if expected.nil? || !Rack::Utils.secure_compare(expected, received)",
            "if expected.nil?",
        )],
        &["state-verified"],
    ),
    (
        "nil_equals_nil",
        &[
            ("params[:state].to_s", "params[:state]"),
            (
                "if expected.nil? || !Rack::Utils.secure_compare(expected, received)",
                "if expected != received",
            ),
        ],
        &["state-verified"],
    ),
    (
        "empty_equals_empty",
        &[(
            "if expected.nil? || !Rack::Utils.secure_compare(expected, received)",
            "unless Rack::Utils.secure_compare(expected.to_s, received)",
        )],
        &["state-verified"],
    ),
    (
        "compared_with_itself",
        &[(
            "secure_compare(expected, received)",
            "secure_compare(received, received)",
        )],
        &["state-verified"],
    ),
    (
        "result_ignored",
        &[(
            "  halt 400, \"state mismatch\" if expected.nil? || !Rack::Utils.secure_compare(expected, received)\n",
            "  Rack::Utils.secure_compare(expected.to_s, received)\n",
        )],
        &["state-verified"],
    ),
    (
        "mismatch_only_logged",
        &[(
            "  halt 400, \"state mismatch\" if",
            "  warn \"state mismatch\" if",
        )],
        &["state-verified"],
    ),
    (
        "process_wide",
        &[
            ("session[:state] = state", "PENDING[:state] = state"),
            ("session.delete(:state)", "PENDING[:state]"),
            ("CLIENT_ID = ENV", "PENDING = {}\nCLIENT_ID = ENV"),
        ],
        &["state-verified"],
    ),
    (
        "secret_in_code",
        &[("ENV.fetch(\"CLIENT_SECRET\")", "\"k3J9vQ7mX2pL8sR4tW6y\"")],
        &["secret-not-in-code"],
    ),
    (
        "redirect_from_host",
        &[(
            "    redirect_uri: REDIRECT_URI,\n    scope",
            "    redirect_uri: request.base_url + \"/callback\",\n    scope",
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
            "request: { timeout: 10 })",
            "request: { timeout: 10 }, ssl: { verify: false })",
        )],
        &["tls-only"],
    ),
    (
        "token_logged",
        &[(
            "  profile = ",
            "  logger.info(\"token #{token}\")\n  profile = ",
        )],
        &["token-not-leaked"],
    ),
    (
        "token_in_url",
        &[("  redirect \"/\"", "  redirect \"/?token=#{token}\"")],
        &["token-not-leaked"],
    ),
    (
        "denial_ignored",
        &[(
            "  halt 400, \"sign-in was not allowed\" if params[:error]\n",
            "",
        )],
        &["error-handled"],
    ),
    (
        "open_redirect",
        &[("  redirect \"/\"", "  redirect params[:return_to] || \"/\"")],
        &["no-open-redirect"],
    ),
    (
        "session_key",
        &[("ENV.fetch(\"SESSION_SECRET\")", "\"development only\"")],
        &["session-key-strong"],
    ),
    (
        "debug",
        &[("set :show_exceptions, false", "set :show_exceptions, true")],
        &["debug-off"],
    ),
];
