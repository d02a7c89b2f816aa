//! What is told where values go through something that is not seen: what an
//! app does not even name, tokens by their names, and what stands in a file
//! whoever takes it.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

fn verdict(files: &[(&str, &str)], check: &str, path: &str) -> Verdict {
    let report = audit_source(files, &Options::default());
    let found = report
        .results
        .iter()
        .find(|r| r.check == check && r.path == path);
    found.map_or(Verdict::Na, |r| r.verdict)
}

/// The client comes out of a package that is not here.
const GO: &str = r#"
package web

import "net/http"

func (app *application) login(w http.ResponseWriter, r *http.Request) {
	token := newToken()
	app.sessions.Put(r.Context(), "login", token)
	http.Redirect(w, r, app.oauth.AuthCodeURL(token), http.StatusFound)
}

func (app *application) back(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("state") != app.sessions.PopString(r.Context(), "login") {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	answer, err := app.oauth.Exchange(r.Context(), r.URL.Query().Get("code"))
	if err != nil {
		http.Error(w, "no", http.StatusBadGateway)
		return
	}
	app.signIn(w, r, answer)
}
"#;

#[test]
fn a_login_of_an_app_that_names_nothing_of_pkce_does_not_use_it() {
    let beside = |text| [("web/login.go", GO), ("web/more.go", text)];
    let said = |text| verdict(&beside(text), "pkce-used", "web/login.go");
    assert_eq!(said("package web\n"), Verdict::Fail);
    // A comment does nothing.
    assert_eq!(said("package web\n\n// TODO: PKCE\n"), Verdict::Fail);
    for other in [
        "package web\n\nvar verifier = oauth2.GenerateVerifier()\n",
        "package web\n\nconst method = \"code_challenge_method\"\n",
    ] {
        assert_eq!(said(other), Verdict::Na, "{other}");
    }
}

/// Under whatever name it is brought in, and where only a type says it.
#[test]
fn what_is_imported_or_a_type_is_named_too() {
    let said = |more: &str| {
        let text = format!(
            "{more}\nfrom shop.oauth import client\n\ndef begin():\n    return client.get_authorization_url('user')\n"
        );
        verdict(&[("app.py", &text)], "pkce-used", "app.py")
    };
    assert_eq!(said("import os"), Verdict::Fail);
    for more in [
        "from shop.secrets import code_verifier as made",
        "def kept(value: CodeVerifier): pass",
    ] {
        assert_eq!(said(more), Verdict::Na, "{more}");
    }
}

#[test]
fn a_request_of_an_app_that_names_no_timeout_has_none() {
    let beside = |text| [("web/login.go", GO), ("web/more.go", text)];
    let said = |text| verdict(&beside(text), "timeout-set", "web/login.go");
    assert_eq!(said("package web\n"), Verdict::Fail);
    for other in [
        "package web\n\nvar client = http.Client{Timeout: second}\n",
        "package web\n\nfunc slow(c context.Context) { context.WithDeadline(c, then) }\n",
    ] {
        assert_eq!(said(other), Verdict::Na, "{other}");
    }
}

/// The client's calls are those of a package that is not here.
fn python(read: &str) -> String {
    format!(
        r#"
from flask import Flask, request, session, redirect
from shop.identity import client

app = Flask(__name__)

@app.route("/back")
def back():
    {read}
    answer = client.exchange_code(code)
    if not answer.ok:
        return "no", 502
    session["user"] = client.profile(answer)
    return redirect("/")
"#
    )
}

#[test]
fn a_callback_of_an_app_that_calls_nothing_a_state_compares_none() {
    let said = |read: &str| verdict(&[("app.py", &python(read))], "state-verified", "app.py");
    assert_eq!(said("code = request.args.get('code')"), Verdict::Fail);
    // The code comes from elsewhere: no callback is seen.
    assert_ne!(said("code = client.pending()"), Verdict::Fail);
    let handed = "code = client.checked(request.args['code'], request.args['state'])";
    assert_ne!(said(handed), Verdict::Fail);
}

fn with_token(line: &str) -> Verdict {
    let text = format!(
        r#"
import os
import requests
from shop.identity import client

CLIENT_SECRET = os.environ["CLIENT_SECRET"]

def profile(user):
    access_token = client.token_of(user)
    {line}
    return client.profile(user)
"#
    );
    verdict(&[("app.py", &text)], "token-not-leaked", "app.py")
}

#[test]
fn what_is_called_a_token_is_not_printed() {
    for line in [
        "print(access_token)",
        "print(f'got {access_token}')",
        "print('got', user.access_token)",
        "logger.info('got %s' % access_token)",
        "url = f'https://api.example/me?access_token={access_token}'",
        "url = 'https://api.example/me?fields=id&access_token=' + access_token",
    ] {
        assert_eq!(with_token(line), Verdict::Fail, "{line}");
    }
    for line in [
        "print('access_token')",
        "print(len(access_token))",
        "print(access_token_expires)",
        "print(removed_count_access_token, invalid_access_token)",
        "has_access_token = bool(access_token); print(has_access_token)",
        "print(bool(access_token), user.name)",
        "url = 'https://api.example/me?access_token='",
        "headers = {'Authorization': f'Bearer {access_token}'}",
    ] {
        assert_ne!(with_token(line), Verdict::Fail, "{line}");
    }
}

/// A client that is not seen is told these; the rest makes the file part of an
/// integration.
fn told(settings: &str) -> [Verdict; 3] {
    let text = format!(
        r#"
import os
from shop.identity import make_client

REFRESH = {{"grant_type": "refresh_token"}}
CONSUMER_SECRET = os.environ["OAUTH_CLIENT_SECRET"]
client = make_client({settings})
"#
    );
    let of = |check| verdict(&[("app.py", &text)], check, "app.py");
    [
        of("secret-not-in-code"),
        of("tls-only"),
        of("scope-present-minimal"),
    ]
}

#[test]
fn what_a_client_that_is_not_seen_is_told_stands_there() {
    let good = told(
        "client_secret=CONSUMER_SECRET, token_url='https://id.example.com/oauth/token', scope=['openid', 'email']",
    );
    assert_eq!(good, [Verdict::Pass; 3]);
    let bad = told(
        "client_secret='7Vd9xQz2LkPfE0aT', token_url='http://id.example.com/oauth/token', scope=['repo']",
    );
    assert!(!bad.contains(&Verdict::Pass), "{bad:?}");
    let other = told("url='https://shop.example.com/', scope=SCOPES");
    assert_eq!(other[1..], [Verdict::Na; 2]);
}

#[test]
fn a_secret_in_pieces_is_not_said_to_come_from_elsewhere() {
    let said = |settings: &str| {
        let text = format!(
            "from shop.identity import make_client, settings\n\
             REFRESH = {{'grant_type': 'authorization_code', 'code': 1}}\n\
             def make(client_secret):\n    return make_client(client_secret=client_secret)\n\
             client = make_client({settings})\n\
             url = client.authorization_url()\n"
        );
        verdict(&[("app.py", &text)], "secret-not-in-code", "app.py")
    };
    assert_eq!(said("client_secret=settings.CLIENT_SECRET"), Verdict::Pass);
    for settings in [
        "client_secret='GOCSPX-' + 'k3hT92mXb71QwLz0PfVn5RyA'",
        "client_secret='-'.join(['GOCSPX', 'k3hT92mXb71QwLz0PfVn5RyA'])",
        "make('k3hT92mXb71QwLz0PfVn5RyA')",
    ] {
        assert_ne!(said(settings), Verdict::Pass, "{settings}");
    }
}

#[test]
fn a_redirect_is_no_request_that_waits() {
    let out = GO.replace(
        "app.signIn(w, r, answer)",
        "http.Redirect(w, r, \"https://id.example.com/oauth/logout?client_id=a\", 302)",
    );
    let asked = out.replace("app.oauth.Exchange(r.Context(), ", "app.oauth.Trade(");
    let report = audit_source(&[("web/login.go", &asked)], &Options::default());
    let at_redirect = asked
        .lines()
        .position(|l| l.contains("/oauth/logout"))
        .unwrap()
        + 1;
    let wrong = report.results.iter().any(|r| {
        r.check == "timeout-set"
            && r.verdict == Verdict::Fail
            && r.lines.iter().any(|l| l[0] as usize == at_redirect)
    });
    assert!(!wrong);
}

/// A key of another file, or of two pieces, stands in the code all the same.
#[test]
fn a_session_key_that_is_handed_on_is_a_fail_once() {
    let app = |key: &str| {
        format!(
            "import os\nfrom flask import Flask\nfrom keys import KEY\napp = Flask(__name__)\n\
             app.secret_key = {key}\nCLIENT_SECRET = os.environ['CLIENT_SECRET']\n"
        )
    };
    let said = |key: &str, keys: &str| {
        let app = app(key);
        let files = [("app.py", app.as_str()), ("keys.py", keys)];
        ["app.py", "keys.py"].map(|path| verdict(&files, "session-key-strong", path))
    };
    let text = "'k3hT92mXb71QwLz0PfVn5RyA'";
    let [app_py, _] = said("KEY", &format!("KEY = {text}\n"));
    assert_eq!(app_py, Verdict::Fail);
    let [app_py, _] = said("'k3hT92mXb71Q' + 'wLz0PfVn5RyA'", "KEY = 1\n");
    assert_eq!(app_py, Verdict::Fail);
}

#[test]
fn what_an_unseen_function_may_add_a_verifier_to_is_not_without_one() {
    let app = |line: &str| {
        format!(
            "import os, requests
from flask import Flask, request, session
app = Flask(__name__)

@app.post('/exchange')
def exchange():
    body = request.get_json()
    data = {{'grant_type': 'authorization_code', 'code': body['code'], 'redirect_uri': os.environ['R'], 'client_id': os.environ['CID'], 'client_secret': os.environ['CS']}}
    {line}
    r = requests.post('https://p.example/token', data=data, timeout=10)
    r.raise_for_status()
    session['u'] = r.json()['sub']
    return 'ok'
"
        )
    };
    let told = |line: &str| verdict(&[("app.py", &app(line))], "pkce-used", "app.py");
    assert_eq!(told("add_verifier(data, body)"), Verdict::Na);
    assert_eq!(told("print('exchanging')"), Verdict::Fail);
}
