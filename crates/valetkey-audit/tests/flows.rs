//! Flows that cross files: the verdict goes to the file with the evidence.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::type_complexity
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use valetkey_audit::{Options, Verdict, audit};

fn tree(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&root);
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn verdicts(root: &Path) -> BTreeMap<(String, &'static str), Verdict> {
    let report = audit(root, &Options::default(), &mut |_, _| {}).unwrap();
    report
        .results
        .into_iter()
        .map(|r| ((r.path, r.check), r.verdict))
        .collect()
}

const CLIENT: &str = r#"
import os
import secrets
from urllib.parse import urlencode
import requests
from flask import session

def begin():
    session["oauth_state"] = secrets.token_urlsafe(32)
    return "https://op.example.test/authorize?" + urlencode({
        "response_type": "code", "client_id": os.environ["ID"], "scope": "email",
        "redirect_uri": "https://a.example.test/cb", "state": session["oauth_state"]})

def matches(received):
    expected = session.pop("oauth_state", None)
    return expected is not None and secrets.compare_digest(expected, received or "")

def exchange(code):
    r = requests.post("https://op.example.test/token", timeout=5, data={
        "grant_type": "authorization_code", "code": code, "client_id": os.environ["ID"],
        "client_secret": os.environ["CLIENT_SECRET"], "redirect_uri": "https://a.example.test/cb"})
    r.raise_for_status()
    return r.json()
"#;

const ROUTES: &str = r#"
from flask import Blueprint, abort, redirect, request, session
from .oauth_client import begin, exchange, matches

bp = Blueprint("auth", __name__)

@bp.route("/login")
def login():
    return redirect(begin())

@bp.route("/cb")
def cb():
    if not matches(request.args.get("state")):
        abort(400)
    if "error" in request.args:
        abort(403)
    session["t"] = exchange(request.args["code"])["access_token"]
    return redirect("/")
"#;

#[test]
fn a_check_in_another_file_is_followed() {
    let root = tree(
        "flow-good",
        &[
            ("app/__init__.py", ""),
            ("app/oauth_client.py", CLIENT),
            ("app/routes.py", ROUTES),
        ],
    );
    let said = verdicts(&root);
    assert_eq!(
        said[&("app/oauth_client.py".to_owned(), "state-verified")],
        Verdict::Pass
    );
    assert_eq!(
        said[&("app/oauth_client.py".to_owned(), "state-generated")],
        Verdict::Pass
    );
    assert!(
        !said.values().any(|v| *v == Verdict::Fail)
            || said
                .iter()
                .filter(|(_, v)| **v == Verdict::Fail)
                .all(|((_, c), _)| *c == "pkce-used")
    );
}

#[test]
fn a_callback_that_forgets_the_check_fails_where_it_forgets() {
    let routes = ROUTES.replace(
        "    if not matches(request.args.get(\"state\")):\n        abort(400)\n",
        "",
    );
    let root = tree(
        "flow-bad",
        &[
            ("app/__init__.py", ""),
            ("app/oauth_client.py", CLIENT),
            ("app/routes.py", &routes),
        ],
    );
    let said = verdicts(&root);
    assert_eq!(
        said[&("app/routes.py".to_owned(), "state-verified")],
        Verdict::Fail
    );
    assert_eq!(
        said[&("app/oauth_client.py".to_owned(), "state-verified")],
        Verdict::Na
    );
}

#[test]
fn independent_files_do_not_vouch_for_each_other() {
    let good = CLIENT.to_owned()
        + &ROUTES.replace("from .oauth_client import begin, exchange, matches\n", "");
    let bad = good.replace(
        "    if not matches(request.args.get(\"state\")):\n        abort(400)\n",
        "",
    );
    let root = tree("flow-apart", &[("one.py", &good), ("two.py", &bad)]);
    let said = verdicts(&root);
    assert_eq!(
        said[&("one.py".to_owned(), "state-verified")],
        Verdict::Pass
    );
    assert_eq!(
        said[&("two.py".to_owned(), "state-verified")],
        Verdict::Fail
    );
}

#[test]
fn a_secret_in_a_tracked_env_file_fails() {
    let root = tree(
        "tracked-env",
        &[
            ("app.py", "print('hello')\n"),
            (
                ".env",
                "CLIENT_ID=abc\nCLIENT_SECRET=k3J9vQ7mX2pL8sR4tW6y\n",
            ),
        ],
    );
    let nothing = verdicts(&root);
    assert!(nothing.is_empty(), "git does not track it: {nothing:?}");
    fs::create_dir_all(root.join(".git")).unwrap();
    fs::write(root.join(".git/index"), b"DIRC....\x00\x04.env\x00\x00").unwrap();
    let said = verdicts(&root);
    assert_eq!(
        said[&(".env".to_owned(), "secret-not-in-code")],
        Verdict::Fail
    );
    assert_eq!(said[&(".env".to_owned(), "state-verified")], Verdict::Na);
}

#[test]
fn what_a_library_does_depends_on_the_version_that_the_manifest_names() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("versions");
    let verdict = |asked: &str| {
        fs::create_dir_all(&root).unwrap();
        fs::write(
            root.join("auth.ts"),
            "import NextAuth from \"next-auth\";\n\
             import GitHub from \"next-auth/providers/github\";\n\
             export const { handlers, auth } = NextAuth({ providers: [GitHub({ scope: \"read:user\" })] });\n",
        )
        .unwrap();
        let manifest = format!("{{\"dependencies\": {{\"next-auth\": \"{asked}\"}}}}");
        fs::write(root.join("package.json"), manifest).unwrap();
        let report = audit(&root, &Options::default(), &mut |_, _| {}).unwrap();
        let result = report.results.iter().find(|r| r.check == "pkce-used");
        result.unwrap().verdict
    };
    assert_eq!(verdict("^4.24.0"), Verdict::Fail);
    assert_eq!(verdict("^5.0.0"), Verdict::Pass);
}

/// Shapes that packages from the npm registry had: a name, the source, a check
/// and what it says.
const SHAPES: &[(&str, &str, &str, Verdict)] = &[
    (
        "the claims of a request object are not in the URL",
        "export function begin(jwt) { return 'https://op.example.test/authorize?response_type=code&client_id=a&request=' + jwt; }",
        "state-generated",
        Verdict::Na,
    ),
    (
        "a URL that the program fetches itself begins no login",
        "export async function probe() { const p = new URLSearchParams({ client_id: 'a', response_type: 'code', redirect_uri: 'https://a.example.test/cb' });
         return fetch('https://op.example.test/authorize?' + p, { signal: AbortSignal.timeout(5) }); }
         export const exchange = (code) => fetch('https://op.example.test/token', { method: 'POST', signal: AbortSignal.timeout(5), body: new URLSearchParams({ grant_type: 'authorization_code', code }) });",
        "state-generated",
        Verdict::Na,
    ),
    (
        "a logout takes a client id and begins no login",
        "export const out = 'https://op.example.test/logout?client_id=a&redirect_uri=https://a.example.test/';
         export const exchange = (code) => fetch('https://op.example.test/token', { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', code }) });",
        "state-generated",
        Verdict::Na,
    ),
    (
        "JSON in a text is no query",
        "export async function refresh(t, log) { const r = await fetch('https://op.example.test/token', { method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: t }) });
         const kept = { client_id: 'a', scope: 'b' }; log(`kept: ${JSON.stringify(kept)}`); return r.json(); }",
        "state-generated",
        Verdict::Na,
    ),
    (
        "letters that a safe generator picks are a random state",
        "import { randomInt } from 'crypto'; const letters = 'abcdefghijklmnopqrstuvwxyz';
         const state = () => [...new Array(32)].map(() => letters[randomInt(0, letters.length)]).join('');
         export const begin = () => `https://op.example.test/authorize?response_type=code&client_id=a&state=${Date.now()}.${state()}`;",
        "state-generated",
        Verdict::Pass,
    ),
    (
        "letters that Math.random picks are not",
        "const letters = 'abcdefghijklmnopqrstuvwxyz';
         const state = () => Array.from({ length: 32 }, () => letters[Math.floor(Math.random() * 26)]).join('');
         export const begin = () => `https://op.example.test/authorize?response_type=code&client_id=a&state=${state()}`;",
        "state-generated",
        Verdict::Fail,
    ),
    (
        "a signed state cannot be guessed",
        "import jwt from 'jsonwebtoken';
         export const begin = () => `https://op.example.test/authorize?response_type=code&client_id=a&state=${jwt.sign({ at: Date.now() }, process.env.KEY)}`;",
        "state-generated",
        Verdict::Na,
    ),
    (
        "texts that a compiler joined with concat",
        "export function begin(state) { var url = \"\".concat('https://op.example.test/authorize', '?response_type=code&client_id=').concat('a');
         if (state) { url += '&state='.concat(state); } return url; }",
        "state-generated",
        Verdict::Na,
    ),
    (
        "an option that a setting decides is left open",
        "const passport = require('passport'); const { Strategy } = require('passport-oauth2');
         passport.use(new Strategy({ clientID: 'a', clientSecret: process.env.S, callbackURL: '/cb', state: process.env.STATE }, (a, r, p, done) => done(null, p.id)));
         exports.login = passport.authenticate('oauth2');",
        "state-verified",
        Verdict::Na,
    ),
    (
        "options that are not seen are left open",
        "import { Strategy } from 'passport-google-oauth20'; import passport from 'passport';
         export const make = (options) => passport.use(new Strategy(options, (a, r, p, done) => done(null, p.id)));
         export const login = passport.authenticate('google');",
        "state-generated",
        Verdict::Na,
    ),
    (
        "PKCE is plain only where a setting asks for it",
        "import { generators } from 'openid-client';
         export const begin = (client, config) => { const verifier = generators.codeVerifier();
         const challenge = config.plain ? verifier : generators.codeChallenge(verifier);
         return 'https://op.example.test/authorize?' + new URLSearchParams({ client_id: 'a', response_type: 'code', code_challenge: challenge, code_challenge_method: config.plain ? 'plain' : 'S256' }); };",
        "pkce-used",
        Verdict::Pass,
    ),
    (
        "a relative redirect stays on the site",
        "const app = require('express')();
         app.post('/cb', (req, res) => { res.redirect(303, `./cb?${new URLSearchParams(req.body)}`); });
         app.get('/cb', async (req, res) => { await fetch('https://op.example.test/token', { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', code: req.query.code }) }); res.end(); });",
        "no-open-redirect",
        Verdict::Na,
    ),
    (
        "a URL in parts is an authorization request",
        "const url = require('url'); const app = require('express')();
         app.get('/login', (req, res) => { res.redirect(url.format({ protocol: 'https', hostname: 'op.example.test', pathname: '/authorize',
         query: { response_type: 'code', client_id: 'a', redirect_uri: req.query.back } })); });",
        "redirect-exact",
        Verdict::Fail,
    ),
    (
        "a client around the callback of one login is not shared",
        "import http from 'http'; import { OAuth2Client } from 'google-auth-library';
         export function login(open) { const client = new OAuth2Client({ clientId: 'a' });
         http.createServer(async (req, res) => { const code = new URL(req.url, 'http://localhost').searchParams.get('code');
         const { tokens } = await client.getToken(code); client.credentials = tokens; res.end('done'); }).listen(0);
         open(client.generateAuthUrl({ scope: 'email' })); }",
        "token-not-leaked",
        Verdict::Pass,
    ),
    (
        "how long a request waits may stand in options that are not seen",
        "export const exchange = (code, init) => fetch('https://op.example.test/token', { ...init, method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', code }) });",
        "timeout-set",
        Verdict::Na,
    ),
    (
        "words for people are no secret",
        "export const ask = { clientSecret: 'Client secret (optional): ' }; export const names = { app_clientSecret: 'app_clientSecret' };
         export const exchange = (code) => fetch('https://op.example.test/token', { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', code }) });",
        "secret-not-in-code",
        Verdict::Na,
    ),
    (
        "a strategy keeps no state unless it is told to, wherever it is begun",
        "const passport = require('passport'); const Strategy = require('passport-github2').Strategy;
         exports.use = () => passport.use(new Strategy({ clientID: 'a', clientSecret: process.env.S, callbackURL: '/cb' }, (a, r, p, done) => done(null, p.id)));",
        "state-verified",
        Verdict::Fail,
    ),
    (
        "an async function that TypeScript compiled",
        "var __awaiter = (this && this.__awaiter) || function (a, b, P, generator) { return new P(() => generator()); };
         export function exchange(code) { return __awaiter(this, void 0, void 0, function* () {
         const r = yield fetch('https://op.example.test/token', { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', code }) });
         const t = yield r.json(); console.log(t); return t; }); }",
        "token-not-leaked",
        Verdict::Fail,
    ),
    (
        "a field that Babel defined",
        "import { randomBytes } from 'crypto';
         class Login { constructor() { _defineProperty(this, 'begin', (req, res) => { res.redirect('https://op.example.test/authorize?response_type=code&client_id=a&state=' + this.state()); });
         _defineProperty(this, 'state', () => randomBytes(16).toString('hex')); } }
         export default new Login();",
        "state-generated",
        Verdict::Pass,
    ),
    (
        "a store that is not seen makes more of a date than the date",
        "export const begin = async (store) => `https://op.example.test/authorize?response_type=code&client_id=a&state=${await store.generateState(new Date())}`;",
        "state-generated",
        Verdict::Na,
    ),
    (
        "a log level is no debug mode",
        "export var Level = {}; Level['DEBUG'] = 4;
         export const exchange = (code) => fetch('https://op.example.test/token', { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', code }) });",
        "debug-off",
        Verdict::Na,
    ),
    (
        "a scope that an option may name",
        "export const begin = (opts) => 'https://op.example.test/authorize?client_id=' + opts.id + (opts.scope ? '&scope=' + opts.scope : '') + '&redirect_uri=' + opts.uri + '&state=' + opts.state;",
        "scope-present-minimal",
        Verdict::Na,
    ),
    (
        "a flag beside the body is not the body",
        "import rp from 'request-promise'; const app = require('express')();
         app.get('/cb', async (req, res) => { const t = await rp({ method: 'POST', url: 'https://op.example.test/token', json: true,
         body: { client_id: 'a', client_secret: process.env.S, code: req.query.code } }); res.end('in'); });",
        "state-verified",
        Verdict::Fail,
    ),
    (
        "a query that a helper joins from pairs",
        "const query = (all) => { const parts = []; for (const [k, v] of Object.entries(all)) { parts.push(k + '=' + encodeURIComponent(v)); } return parts.join('&'); };
         export const begin = () => 'https://op.example.test/authorize?' + query({ client_id: 'a', response_type: 'code', state: Math.random().toString() });",
        "state-generated",
        Verdict::Fail,
    ),
];

#[test]
fn shapes_of_real_packages_are_judged_by_what_they_show() {
    let mut wrong = Vec::new();
    for (number, (name, source, check, verdict)) in SHAPES.iter().enumerate() {
        let root = tree(&format!("shape-{number}"), &[("app.mjs", source)]);
        let said = verdicts(&root);
        let said = said.get(&("app.mjs".to_owned(), *check));
        let said = said.copied().unwrap_or(Verdict::Na);
        if said != *verdict {
            wrong.push(format!("{name}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn test_files_of_javascript_are_read_only_when_they_are_named() {
    let made_up = "export const options = { clientSecret: 'k3J9vQ7mX2pL8sR4tW6y' };\n";
    let root = tree(
        "javascript-tests",
        &[
            ("src/app.js", "export const nothing = 1;\n"),
            ("src/login.test.ts", made_up),
            ("src/login-spec.js", made_up),
            ("test/helper.js", made_up),
            ("src/__tests__/login.js", made_up),
        ],
    );
    assert!(verdicts(&root).is_empty());
    assert!(!verdicts(&root.join("test/helper.js")).is_empty());
}

const GUARD: &str = r#"
module StateGuard
  extend ActiveSupport::Concern

  included do
    before_action :ensure_state, only: [:callback]
  end

  def issue_state
    session[:idp_state] = SecureRandom.urlsafe_base64(32)
  end

  private

  def ensure_state
    kept = session.delete(:idp_state)
    return if kept.present? && ActiveSupport::SecurityUtils.secure_compare(kept, params[:state].to_s)

    render plain: "state", status: :forbidden
  end
end
"#;

const CONTROLLER: &str = r#"
class IdpController < ApplicationController
  include StateGuard

  def login
    redirect_to Idp::Client.new.authorize_url(state: issue_state), allow_other_host: true
  end

  def callback
    return redirect_to(login_path) if params[:error]

    session[:user_id] = Idp::Exchange.call(code: params[:code])
    redirect_to root_path
  end
end
"#;

const EXCHANGE: &str = r#"
module Idp
  class Exchange
    def self.call(...) = new(...).call

    def initialize(code:, client: Client.new)
      @code = code
      @client = client
    end

    def call
      response = @client.token(@code)
      raise "token endpoint" unless response.success?

      Rails.logger.info("tokens: #{response.body}")
      @client.profile(response.body["access_token"])["sub"]
    end
  end
end
"#;

const IDP: &str = r#"
module Idp
  class Client
    def authorize_url(state:)
      "https://op.example.test/authorize?" + {
        client_id: ENV["ID"], redirect_uri: ENV["CALLBACK"], response_type: "code",
        scope: "openid", state: state
      }.to_query
    end

    def token(code)
      http.post("/token", grant_type: "authorization_code", code: code, client_id: ENV["ID"],
                          client_secret: ENV["CLIENT_SECRET"], redirect_uri: ENV["CALLBACK"])
    end

    def profile(token)
      http.get("/me") { |r| r.headers["Authorization"] = "Bearer #{token}" }.body
    end

    private

    def http
      @http ||= Faraday.new("https://op.example.test") { |f| f.response :json }
    end
  end
end
"#;

#[test]
fn constants_concerns_and_filters_of_rails_are_followed() {
    let said = verdicts(&tree(
        "rails",
        &[
            ("app/controllers/concerns/state_guard.rb", GUARD),
            ("app/controllers/idp_controller.rb", CONTROLLER),
            ("app/services/idp/client.rb", IDP),
            ("app/services/idp/exchange.rb", EXCHANGE),
        ],
    ));
    let get = |path: &str, check| said.get(&(path.to_owned(), check)).copied();
    let client = "app/services/idp/client.rb";
    assert_eq!(get(client, "timeout-set"), Some(Verdict::Pass));
    // Each where the evidence is: the client is handed its state.
    let guard = "app/controllers/concerns/state_guard.rb";
    assert_eq!(get(client, "state-generated"), Some(Verdict::Na));
    assert_eq!(get(guard, "state-generated"), Some(Verdict::Pass));
    assert_eq!(get(guard, "state-verified"), Some(Verdict::Pass));
    let exchange = "app/services/idp/exchange.rb";
    assert_eq!(get(exchange, "token-not-leaked"), Some(Verdict::Fail));
    let controller = "app/controllers/idp_controller.rb";
    assert_eq!(get(controller, "error-handled"), Some(Verdict::Pass));
    assert_eq!(
        get(controller, "identity-from-id-token"),
        Some(Verdict::Pass)
    );

    let open = GUARD.replace(
        "    render plain: \"state\", status: :forbidden\n",
        "    logger.warn(\"state\")\n",
    );
    let said = verdicts(&tree(
        "rails-open",
        &[
            ("app/controllers/concerns/state_guard.rb", &open),
            ("app/controllers/idp_controller.rb", CONTROLLER),
            ("app/services/idp/client.rb", IDP),
            ("app/services/idp/exchange.rb", EXCHANGE),
        ],
    ));
    let key = (controller.to_owned(), "state-verified");
    assert_eq!(said.get(&key), Some(&Verdict::Fail));
}
