//! What counts as a look at the claims of an ID token, whose flow excuses what,
//! and which names exchange a code.

use valetkey_audit::{Options, Verdict, audit_source};

fn verdict(files: &[(&str, &str)], check: &str, path: &str) -> Verdict {
    let report = audit_source(files, &Options::default());
    let found = report
        .results
        .iter()
        .find(|r| r.check == check && r.path == path);
    found.unwrap_or_else(|| panic!("{check}: {path}")).verdict
}

/// A callback whose library leaves a claim alone, with this line after it.
fn callback(left: &str, line: &str) -> String {
    format!(
        r#"
import os, jwt, requests
import checks
from flask import Flask, request, session, redirect, abort
app = Flask(__name__)
KEYS = jwt.PyJWKClient("https://id.example/keys")

@app.route("/back")
def back():
    if request.args.get("state") != session.pop("state", None):
        abort(400)
    answer = requests.post("https://id.example/token", timeout=5, data={{
        "grant_type": "authorization_code", "code": request.args["code"],
        "client_id": os.environ["ID"], "client_secret": os.environ["SECRET"]}})
    answer.raise_for_status()
    token = answer.json()["id_token"]
    key = KEYS.get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key.key, algorithms=["RS256"], {left})
    {line}
    session["user"] = claims["sub"]
    return redirect("/")
"#
    )
}

const NO_AUDIENCE: &str = r#"issuer="https://id.example", options={"verify_aud": False}"#;
const NO_ISSUER: &str = r#"audience=os.environ["ID"]"#;

fn checked(left: &str, line: &str) -> Verdict {
    let text = callback(left, line);
    verdict(&[("app.py", &text)], "id-token-verified", "app.py")
}

#[test]
fn a_claim_that_is_only_read_is_not_compared() {
    for line in [
        "pass",
        r#"app.logger.info(claims["aud"])"#,
        r#"app.logger.info("for %s", claims["aud"])"#,
        r#"print(claims["aud"])"#,
        r#"session["aud"] = claims["aud"]"#,
        r#"session["aud"] = claims.get("aud")"#,
        "if claims['aud']: session['seen'] = True",
        "if not claims.get('aud'): abort(400)",
        "if claims.get('aud') is None: abort(400)",
        "if request.args.get('x') and claims.get('aud'): session['seen'] = True",
        "if not (claims.get('aud') and claims.get('sub')): abort(400)",
        "if claims['iss'] != 'https://id.example': abort(400)",
    ] {
        assert_eq!(checked(NO_AUDIENCE, line), Verdict::Fail, "{line}");
    }
    let line = r#"app.logger.info(claims["iss"])"#;
    assert_eq!(checked(NO_ISSUER, line), Verdict::Fail);
}

#[test]
fn a_claim_that_is_compared_counts() {
    for line in [
        "if claims['aud'] != os.environ['ID']: abort(400)",
        "if os.environ['ID'] not in claims['aud']: abort(400)",
        "if claims.get('aud') not in (os.environ['ID'], 'photos'): abort(400)",
        "assert claims['aud'] == os.environ['ID']",
    ] {
        assert_eq!(checked(NO_AUDIENCE, line), Verdict::Pass, "{line}");
    }
    let line = "if claims['iss'] != 'https://id.example': abort(400)";
    assert_eq!(checked(NO_ISSUER, line), Verdict::Pass);
}

#[test]
fn a_claim_handed_to_what_is_not_seen_stays_open() {
    let line = "checks.meant_for_us(claims['aud'])";
    assert_eq!(checked(NO_AUDIENCE, line), Verdict::Na);
    let line = "checks.meant_for_us(audience=claims['aud'])";
    assert_eq!(checked(NO_AUDIENCE, line), Verdict::Na);
    let line = "checks.log_claim(claims['aud'])";
    assert_eq!(checked(NO_AUDIENCE, line), Verdict::Fail);
}

#[test]
fn javascript_compares_in_its_own_ways() {
    let said = |line: &str| {
        let text = format!(
            "const jose = require('jose');
const axios = require('axios');
const app = require('express')();
const keys = jose.createRemoteJWKSet(new URL('https://id.example/keys'));
app.get('/back', async (req, res) => {{
  if (!req.query.state || req.query.state !== req.session.state) return res.sendStatus(400);
  const answer = await axios.post('https://id.example/token', {{
    grant_type: 'authorization_code', code: req.query.code, client_id: process.env.ID }});
  const {{ payload }} = await jose.jwtVerify(answer.data.id_token, keys,
    {{ issuer: 'https://id.example' }});
  {line}
  req.session.user = payload.sub;
  res.redirect('/');
}});
"
        );
        verdict(&[("app.js", &text)], "id-token-verified", "app.js")
    };
    for line in [
        "",
        "console.log(payload.aud);",
        "if (!payload.aud) return res.sendStatus(400);",
        "if (!payload.sub || !payload.aud) return res.sendStatus(400);",
        "if (payload.aud === undefined) return res.sendStatus(400);",
    ] {
        assert_eq!(said(line), Verdict::Fail, "{line}");
    }
    for line in [
        "if (payload.aud !== process.env.ID) return res.sendStatus(400);",
        "if (!payload.aud.includes(process.env.ID)) return res.sendStatus(400);",
        "if (![].concat(payload.aud).includes(process.env.ID)) return res.sendStatus(400);",
        "const { aud } = payload; if (aud !== process.env.ID) throw new Error('not ours');",
    ] {
        assert_eq!(said(line), Verdict::Pass, "{line}");
    }
}

/// A callback that leaves the code to a library, which verifies the ID token.
const DELEGATED: &str = r#"
from authlib.integrations.flask_client import OAuth
from flask import Flask, session, redirect
other = Flask(__name__)
oauth = OAuth(other)
oauth.register("hub", server_metadata_url="https://hub.example/.well-known/openid-configuration",
               client_kwargs={"scope": "openid"})

@other.route("/hub")
def hub():
    token = oauth.hub.authorize_access_token()
    session["user"] = token["userinfo"]["sub"]
    return redirect("/")
"#;

#[test]
fn another_providers_library_compares_nothing_here() {
    let text = callback(NO_AUDIENCE, "pass");
    let files = [("app.py", text.as_str()), ("hub.py", DELEGATED)];
    let said = |path| verdict(&files, "id-token-verified", path);
    assert_eq!(
        (said("app.py"), said("hub.py")),
        (Verdict::Fail, Verdict::Pass)
    );
    // Nor in the same file.
    let both = format!("{text}\n{DELEGATED}");
    let said = verdict(&[("app.py", &both)], "id-token-verified", "app.py");
    assert_eq!(said, Verdict::Fail);
}

#[test]
fn the_library_of_this_way_has_compared_before() {
    let text = DELEGATED.replace(
        r#"session["user"] = token["userinfo"]["sub"]"#,
        r#"claims = jwt.decode(token["id_token"], KEY, algorithms=["RS256"])
    session["user"] = claims["sub"]"#,
    );
    let text = format!("import jwt\nfrom keys import KEY\n{text}");
    let said = verdict(&[("hub.py", &text)], "id-token-verified", "hub.py");
    assert_eq!(said, Verdict::Pass);
}

const HANDED_IN: &str = r#"
import requests
from flask import Flask, request, session, redirect
app = Flask(__name__)

@app.route("/in", methods=["POST"])
def inside():
    token = request.form["access_token"]
    who = requests.get("https://id.example/userinfo", timeout=4,
                       headers={"Authorization": "Bearer " + token}).json()
    session["user"] = who["sub"]
    return redirect("/")
"#;

#[test]
fn the_implicit_grant_of_another_route_excuses_no_token_handed_in() {
    let identity = |text: &str| verdict(&[("app.py", text)], "identity-from-id-token", "app.py");
    let begun = "https://id.example/authorize?response_type=token&client_id=x&state=1";
    let unrelated = format!(
        "{HANDED_IN}
@app.route('/begin')
def begin():
    return redirect('{begun}')
"
    );
    let same = HANDED_IN.replace(
        "    token = request.form[\"access_token\"]\n",
        &format!(
            "    if 'access_token' not in request.form:
        return redirect('{begun}')
    token = request.form['access_token']
"
        ),
    );
    let all = [HANDED_IN, &unrelated, &same].map(identity);
    assert_eq!(all, [Verdict::Fail, Verdict::Fail, Verdict::Na]);
}

#[test]
fn whom_a_handed_in_token_is_for_is_asked_by_a_comparison() {
    let identity = |line: &str| {
        let text = format!(
            r#"
import os, jwt
import checks
from flask import Flask, request, session, redirect, abort
app = Flask(__name__)
KEYS = jwt.PyJWKClient("https://id.example/keys")

@app.route("/in", methods=["POST"])
def inside():
    token = request.form["id_token"]
    key = KEYS.get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key.key, algorithms=["RS256"], options={{"verify_aud": False}})
    {line}
    session["user"] = claims["sub"]
    return redirect("/")
"#
        );
        verdict(&[("app.py", &text)], "identity-from-id-token", "app.py")
    };
    assert_eq!(identity("pass"), Verdict::Fail);
    assert_eq!(identity("print(claims['aud'])"), Verdict::Fail);
    let compared = "if claims['aud'] != os.environ['ID']: abort(400)";
    assert_eq!(identity(compared), Verdict::Pass);
}

/// Whether a function that is not seen exchanges the code, by its name: then
/// the state that nobody compares is a fault.
fn hands(name: &str) -> Verdict {
    let text = format!(
        "
from flask import Flask, request, session, redirect
from elsewhere import {name}
app = Flask(__name__)

@app.route('/login')
def login():
    return redirect('https://id.example/authorize?response_type=code&client_id=x&scope=a')

@app.route('/back')
def back():
    session['user'] = {name}(request.args.get('code'))
    return redirect('/')
"
    );
    verdict(&[("app.py", &text)], "state-verified", "app.py")
}

#[test]
fn names_exchange_a_code_by_whole_words() {
    for name in [
        "exchange",
        "get_token",
        "getToken",
        "google_oauth",
        "login_with_github",
        "github_login",
        "log_in_with_github",
        "signInWithGoogle",
        "discordAuth",
        "getUserInfo",
        "handle_oauth2_callback",
    ] {
        assert_eq!(hands(name), Verdict::Fail, "{name}");
    }
    for name in [
        "send_to_google_analytics",
        "note_github",
        "discord_message",
        "tokenize",
        "log_token",
        "stored_exchanges_reset",
        "authorized_keys_cache",
    ] {
        assert_eq!(hands(name), Verdict::Na, "{name}");
    }
}
