//! What is not seen stays open: arguments that are handed on, mappings that
//! somebody else fills, and what unseen functions make of a token.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

fn verdict(path: &str, text: &str, check: &str) -> Verdict {
    let report = audit_source(&[(path, text)], &Options::default());
    let found = report.results.iter().find(|r| r.check == check);
    found.unwrap_or_else(|| panic!("{check}: {text}")).verdict
}

const REGISTERED: &str = r#"
from authlib.integrations.flask_client import OAuth
import settings

oauth = OAuth()
hub = oauth.register("hub", authorize_url="https://id.example/authorize",
                     access_token_url="https://id.example/token")
"#;

/// A login whose authorization request gets more than the file shows.
fn challenge(signature: &str, before: &str, given: &str) -> Verdict {
    let text = format!(
        "from requests_oauthlib import OAuth2Session
import settings

class Login:
    def begin({signature}):
        {before}
        hub = OAuth2Session('photos', redirect_uri='https://app.example/back', scope=['user'])
        url, state = hub.authorization_url('https://id.example/authorize', {given})
        return url
"
    );
    verdict("login.py", &text, "pkce-used")
}

#[test]
fn what_a_caller_outside_may_give_is_not_missing() {
    let set = "kwargs.setdefault('prompt', 'login')";
    let open = challenge("self, *args, **kwargs", set, "**kwargs");
    let closed = challenge("self", "kwargs = dict(prompt='login')", "**kwargs");
    assert_eq!((open, closed), (Verdict::Na, Verdict::Fail));
}

#[test]
fn parameters_that_are_not_seen_may_be_any() {
    let open = challenge("self", "pass", "**settings.EXTRA");
    let closed = challenge("self", "pass", "**{'prompt': 'login'}");
    assert_eq!((open, closed), (Verdict::Na, Verdict::Fail));
}

#[test]
fn merged_mappings_hold_what_their_parts_hold() {
    let login = |parts: &str| {
        format!(
            "const crypto = require('crypto');
const app = require('express')();
app.get('/login', (req, res) => {{
  const state = crypto.randomBytes(16).toString('hex');
  req.session.state = state;
  const params = Object.assign({{}}, {parts});
  res.redirect('https://id.example/authorize?' + new URLSearchParams(params));
}});
"
        )
    };
    let own = "{ client_id: process.env.ID, response_type: 'code' }, { scope: 'user'";
    let state = |text: &str| verdict("login.js", text, "state-generated");
    assert_eq!(state(&login(&format!("{own}, state }}"))), Verdict::Pass);
    assert_eq!(state(&login(&format!("{own} }}"))), Verdict::Fail);
}

#[test]
fn what_an_unseen_function_makes_of_a_token_is_no_token() {
    let callback = |answer: &str| {
        format!(
            "const axios = require('axios');
const profiles = require('./profiles');
const app = require('express')();
app.get('/callback', async (req, res) => {{
  const answer = await axios.post('https://id.example/token', {{
    grant_type: 'authorization_code', code: req.query.code, client_id: process.env.ID,
  }});
  const token = answer.data.access_token;
  res.json({answer});
}});
"
        )
    };
    let leaked = |text: &str| verdict("callback.js", text, "token-not-leaked");
    assert_ne!(
        leaked(&callback("await profiles.load(token)")),
        Verdict::Fail
    );
    assert_eq!(leaked(&callback("{ token }")), Verdict::Fail);
}

#[test]
fn a_timeout_of_the_call_itself_counts() {
    let text = |timeout: &str| {
        format!(
            "{REGISTERED}\ndef callback():\n    token = hub.authorize_access_token({timeout})\n    return 'done'\n"
        )
    };
    let timeout = |given: &str| verdict("callback.py", &text(given), "timeout-set");
    assert_eq!(timeout("timeout=5"), Verdict::Pass);
    assert_eq!(timeout(""), Verdict::Fail);
}
