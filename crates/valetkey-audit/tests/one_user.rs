//! A state that lasts for a run of the program: fine in a program with one
//! user, and never in one whose pages send visitors to log in.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

/// What the two checks of the state say.
fn states(path: &str, text: &str) -> [Verdict; 2] {
    let report = audit_source(&[(path, text)], &Options::default());
    ["state-generated", "state-verified"].map(|check| {
        let found = report.results.iter().find(|r| r.check == check);
        found.unwrap_or_else(|| panic!("{check}: {text}")).verdict
    })
}

const FAILS: [Verdict; 2] = [Verdict::Fail, Verdict::Fail];
const PASSES: [Verdict; 2] = [Verdict::Pass, Verdict::Pass];

const URL: &str = "https://id.example/authorize?response_type=code&scope=a&client_id=x\
                   &redirect_uri=https://app.example/cb&state=";

/// Express, with a state of the whole process.
fn express(first: &str, login: &str) -> String {
    format!(
        "{first}
const app = require('express')();
const axios = require('axios');
const state = require('crypto').randomBytes(16).toString('hex');
{login}
app.get('/cb', async (req, res) => {{
  if (!req.query.code || req.query.state !== state) return res.status(400).end();
  await axios.post('https://id.example/token', new URLSearchParams({{
    grant_type: 'authorization_code', code: req.query.code, client_id: 'x',
  }}), {{ timeout: 5000 }});
  res.send('done');
}});
app.listen(3000);
"
    )
}

#[test]
fn a_browser_that_is_opened_counts_and_one_in_a_comment_does_not() {
    let opens = format!("open('{URL}' + state);");
    let page = format!("app.get('/login', (req, res) => res.redirect('{URL}' + state));");
    let comment = "// const open = require('open'); open(url)";
    let import = "const open = require('open');";
    assert_eq!(states("app.js", &express(import, &opens)), PASSES);
    assert_eq!(states("app.js", &express(comment, &page)), FAILS);
    assert_eq!(states("app.js", &express(import, &page)), FAILS);
    // What starts a browser for who develops it serves everybody all the same.
    let both = format!("{page}\nopen('http://localhost:3000/login');");
    assert_eq!(states("app.js", &express(import, &both)), FAILS);
}

#[test]
fn the_opener_of_the_system_counts() {
    let import = "const { exec } = require('child_process');";
    let begins = |run: &str| format!("const url = '{URL}' + state;\nexec({run});");
    let cli = |run: &str| states("app.js", &express(import, &begins(run)));
    assert_eq!(cli("`xdg-open \"${url}\"`"), PASSES);
    assert_eq!(cli("`start ${url}`"), PASSES);
    assert_eq!(cli("`logger \"${url}\"`"), FAILS);
}

/// aiohttp, with a state of the whole process.
fn aiohttp(line: &str, login: &str) -> String {
    format!(
        "import secrets, webbrowser, requests
from aiohttp import web
STATE = secrets.token_urlsafe(16)
URL = '{URL}' + STATE
{line}
routes = web.RouteTableDef()
{login}
@routes.get('/cb')
async def cb(request):
    if request.query.get('state') != STATE or not request.query.get('code'):
        raise web.HTTPBadRequest()
    r = requests.post('https://id.example/token', timeout=5, data={{
        'grant_type': 'authorization_code', 'code': request.query['code'], 'client_id': 'x'}})
    r.raise_for_status()
    return web.Response(text='ok')
"
    )
}

const LOGIN: &str = "@routes.get('/login')
async def login(request):
    raise web.HTTPFound(URL)
";

#[test]
fn a_server_that_mentions_a_browser_is_a_server() {
    let says = "# by hand: webbrowser.open('http://localhost:8080/login')";
    assert_eq!(states("app.py", &aiohttp(says, LOGIN)), FAILS);
    let opens = "webbrowser.open('http://localhost:8080/login')";
    assert_eq!(states("app.py", &aiohttp(opens, LOGIN)), FAILS);
    assert_eq!(
        states("app.py", &aiohttp("webbrowser.open(URL)", "")),
        PASSES
    );
}

#[test]
fn an_address_shown_at_the_start_is_one_login_unless_a_page_sends_it() {
    let shows = "print('login at', URL)";
    assert_eq!(states("app.py", &aiohttp(shows, "")), PASSES);
    assert_eq!(states("app.py", &aiohttp(shows, LOGIN)), FAILS);
    assert_eq!(states("app.py", &aiohttp("", LOGIN)), FAILS);
}

#[test]
fn what_another_script_shows_is_not_this_ones_login() {
    let shows = format!(
        "import secrets
print('{URL}' + secrets.token_urlsafe(16))
"
    );
    let server = aiohttp("", "");
    let report = audit_source(
        &[("app.py", server.as_str()), ("shows.py", shows.as_str())],
        &Options::default(),
    );
    let found = report
        .results
        .iter()
        .find(|r| r.path == "app.py" && r.check == "state-verified");
    assert_eq!(found.unwrap().verdict, Verdict::Fail);
}

#[test]
fn a_list_that_begins_with_the_opener_counts_too() {
    let opens = |program: &str| {
        let line = format!("import subprocess\nsubprocess.run(['{program}', URL])");
        states("app.py", &aiohttp(&line, ""))
    };
    assert_eq!(opens("xdg-open"), PASSES);
    assert_eq!(opens("curl"), FAILS);
}
