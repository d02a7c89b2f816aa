//! Apps of two or three files, put together from statements as the bytes
//! choose, so that the rules are reached and not only the parser.

use std::fmt::Write;

/// Deeper blocks and expressions are cut short.
const DEEP: usize = 6;
/// Statements of one app.
const STATEMENTS: usize = 120;

/// `{v}` is a variable, `{e}` an expression, `{f}` a function.
type Shape = [&'static str; 2];

const EXPRESSIONS: &[Shape] = &[
    ["{v}", "{v}"],
    [
        "secrets.token_urlsafe(32)",
        "crypto.randomBytes(32).toString('hex')",
    ],
    ["request.args.get('state')", "req.query.state"],
    ["request.args['code']", "req.query.code"],
    ["session.get('state')", "req.session.state"],
    ["session.pop('state', None)", "req.cookies.state"],
    ["STORE[{v}]", "STORE[{v}]"],
    ["os.environ['CLIENT_SECRET']", "process.env.CLIENT_SECRET"],
    ["'secret-9fK2mZq84Lw1vBx7'", "'secret-9fK2mZq84Lw1vBx7'"],
    ["None", "undefined"],
    ["({e} == {e})", "({e} === {e})"],
    ["({e} != {e})", "({e} !== {e})"],
    ["(not {e})", "(!{e})"],
    ["({e} or {e})", "({e} || {e})"],
    ["({e} and {e})", "({e} && {e})"],
    ["({e} + {e})", "({e} + {e})"],
    ["f'{{e}}&state={{e}}'", "`${{e}}&state=${{e}}`"],
    ["{'state': {e}, 'code': {e}}", "({state: {e}, code: {e}})"],
    ["[{e}, {e}]", "[{e}, {e}]"],
    ["{e}['state']", "{e}.state"],
    ["{f}({e})", "{f}({e})"],
    ["{f}({e}, {e})", "await {f}({e}, {e})"],
    ["(lambda {v}: {e})({e})", "(({v}) => {e})({e})"],
    ["({e} if {e} else {e})", "({e} ? {e} : {e})"],
    ["[{e} for {v} in {e}]", "{e}.map({v} => {e})"],
    [
        "hmac.compare_digest({e}, {e})",
        "crypto.timingSafeEqual({e}, {e})",
    ],
    ["C({e})", "new C({e})"],
    ["{e}.run({e})", "{e}.run({e})"],
    ["urlencode({e})", "new URLSearchParams({e})"],
    [
        "requests.post(TOKEN, data={'grant_type': 'authorization_code', 'code': {e}, 'code_verifier': {e}, 'client_secret': {e}}).json()",
        "(await axios.post(TOKEN, {grant_type: 'authorization_code', code: {e}, code_verifier: {e}, client_secret: {e}})).data",
    ],
    [
        "OAuth2Session(CLIENT, redirect_uri={e}, state={e})",
        "new OAuth2Client(CLIENT, {e}, {e})",
    ],
    [
        "{v}.fetch_token(TOKEN, client_secret={e}, authorization_response=request.url)",
        "await {v}.getToken({e})",
    ],
    [
        "jwt.decode({e}, options={'verify_signature': False})",
        "jwt.verify({e}, {e}, {audience: {e}})",
    ],
    ["'{}'.format({e}, {e})", "[{e}, {e}].join('&')"],
    ["'%s&%s' % ({e}, {e})", "{...{e}, ...{e}}"],
];

const LEAVES: &[Shape] = &[
    ["{v} = {e}", "var {v} = {e};"],
    ["{v}, {v} = {e}", "var [{v}, {v}] = [{e}, {e}];"],
    ["{v} += {e}", "{v} += {e};"],
    ["session['state'] = {e}", "req.session.state = {e};"],
    ["session[{e}] = {e}", "req.session[{e}] = {e};"],
    ["STORE[{e}] = {e}", "STORE[{e}] = {e};"],
    ["{v}.kept = {e}", "{v}.kept = {e};"],
    ["global {v}", "exports.{v} = {v};"],
    ["return {e}", "return {e};"],
    [
        "return redirect(AUTHORIZE + '?response_type=code&state=' + {e})",
        "return res.redirect(AUTHORIZE + '?response_type=code&state=' + {e});",
    ],
    ["return redirect({e})", "return res.redirect({e});"],
    ["abort(400)", "return res.status(400).end();"],
    ["raise ValueError({e})", "throw new Error({e});"],
    ["print({e})", "console.log({e});"],
    ["{e}", "{e};"],
    ["assert {e}", "res.cookie('state', {e});"],
    ["del session['state']", "delete req.session.state;"],
    ["break", "break;"],
    ["continue", "continue;"],
    ["from .m{n} import *", "const {v}{n} = require('./m{n}');"],
    ["from .m{n} import {f}", "var { {f} } = require('./m{n}');"],
];

/// What is before, between and behind blocks.
const BLOCKS: &[&[Shape]] = &[
    &[["if {e}:", "if ({e}) {"]],
    &[["if {e}:", "if ({e}) {"], ["else:", "} else {"]],
    &[
        ["if {e}:", "if ({e}) {"],
        ["elif {e}:", "} else if ({e}) {"],
        ["else:", "} else {"],
    ],
    &[
        ["try:", "try {"],
        ["except Exception as {v}:", "} catch ({v}) {"],
    ],
    &[
        ["try:", "try {"],
        ["except KeyError:", "} catch {"],
        ["finally:", "} finally {"],
    ],
    &[["for {v} in {e}:", "for (const {v} of {e}) {"]],
    &[["while {e}:", "while ({e}) {"]],
    &[["with {e} as {v}:", "{v}.forEach({v} => {"]],
    &[["def {f}({v}, {v}={e}):", "function {f}({v}, k = {e}) {"]],
    &[[
        "@app.route('/{v}')\ndef {f}():",
        "app.get('/{v}', async (req, res, next) => {",
    ]],
    &[[
        "class C:\n def __init__(self, {v}):\n  self.kept = {v}\n def run(self, {v}=None):",
        "class C { constructor({v}) { this.kept = {v}; } run({v}) {",
    ]],
];

const NAMES: &[&str] = &[
    "a", "b", "state", "code", "token", "session", "STORE", "app", "client",
];

const HEAD: Shape = [
    "import hmac, jwt, os, secrets, requests\nfrom urllib.parse import urlencode\nfrom flask import Flask, abort, redirect, request, session\nfrom requests_oauthlib import OAuth2Session\napp = Flask(__name__)\nTOKEN = 'https://id.example/token'\nAUTHORIZE = 'https://id.example/authorize'\nCLIENT = 'photos'\nSTORE = {}\n",
    "const crypto = require('crypto'), axios = require('axios'), express = require('express'), jwt = require('jsonwebtoken');\nconst { OAuth2Client } = require('google-auth-library');\nconst app = express(), STORE = {};\nconst TOKEN = 'https://id.example/token', AUTHORIZE = 'https://id.example/authorize', CLIENT = 'photos';\n",
];

struct Writer<'a> {
    bytes: &'a [u8],
    language: usize,
    left: usize,
}

/// Paths and texts.
pub(super) fn app(data: &[u8]) -> Vec<(String, String)> {
    let mut w = Writer {
        bytes: data,
        language: 0,
        left: STATEMENTS,
    };
    w.language = w.pick(2);
    let ending = ["py", "js"][w.language];
    let files = 2 + w.pick(2);
    (0..files)
        .map(|n| {
            let mut text = HEAD[w.language].to_owned();
            let most = 1 + w.pick(12);
            for _ in 0..most {
                w.statement(&mut text, 0);
            }
            (format!("m{n}.{ending}"), text)
        })
        .collect()
}

impl Writer<'_> {
    /// What the next byte chooses of so many; the first when there is none.
    fn pick(&mut self, of: usize) -> usize {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                usize::from(*first) % of
            }
            None => 0,
        }
    }

    fn statement(&mut self, out: &mut String, depth: usize) {
        self.left = self.left.saturating_sub(1);
        let choice = self.pick(LEAVES.len() + 2 * BLOCKS.len());
        if choice < LEAVES.len() || depth > DEEP || self.left == 0 {
            self.line(LEAVES[choice % LEAVES.len()], out, depth);
            return;
        }
        let parts = BLOCKS[(choice - LEAVES.len()) / 2];
        let mut opened = 0;
        for part in parts {
            opened += self.line(*part, out, depth);
            // A method stands one level further in.
            let inner = depth + 1 + usize::from(part[0].starts_with("class"));
            for _ in 0..=self.pick(4) {
                self.statement(out, inner);
            }
        }
        if self.language == 1 {
            let callback = parts[0][1].contains("=> {");
            let end = if callback { "})" } else { "}" };
            let _ = writeln!(out, "{}{end}", "}".repeat(usize::from(opened > 1)));
        }
    }

    /// A line of that shape; how many braces it leaves open, for a class.
    fn line(&mut self, shape: Shape, out: &mut String, depth: usize) -> usize {
        for line in shape[self.language].split('\n') {
            let _ = write!(out, "{}", " ".repeat(depth));
            self.fill(line, out, depth);
            out.push('\n');
        }
        1 + usize::from(shape[self.language].starts_with("class"))
    }

    fn fill(&mut self, shape: &str, out: &mut String, depth: usize) {
        let mut rest = shape;
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            rest = &rest[open..];
            let hole = rest.get(..3).unwrap_or("");
            match hole {
                "{v}" => out.push_str(NAMES[self.pick(NAMES.len())]),
                "{f}" => {
                    let _ = write!(out, "f{}", self.pick(4));
                }
                "{n}" => {
                    let _ = write!(out, "{}", self.pick(3));
                }
                "{e}" => self.expression(out, depth + 1),
                _ => {
                    out.push('{');
                    rest = &rest[1..];
                    continue;
                }
            }
            rest = &rest[3..];
        }
        out.push_str(rest);
    }

    fn expression(&mut self, out: &mut String, depth: usize) {
        let most = if depth > DEEP || out.len() > 30_000 {
            10
        } else {
            EXPRESSIONS.len()
        };
        let shape = EXPRESSIONS[self.pick(most)];
        self.fill(shape[self.language], out, depth);
    }
}
