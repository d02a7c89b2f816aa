//! Apps of JavaScript in several files: where a verdict stands, and what of
//! another file counts. Each wrong form has a right twin beside it.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

const APP: &str = r#"
const express = require("express");
const session = require("express-session");
const { sameState } = require("./middleware/same");
const kites = require("./kites");
const app = express();
app.use(session({ secret: process.env.KITE_KEY, resave: false, saveUninitialized: false }));
app.get("/kites/go", kites.go);
app.get("/kites/back", sameState, kites.back);
app.listen(3000);
"#;

const KITES: &str = r#"
const crypto = require("crypto");
const pair = require("./pair");
exports.go = (req, res) => {
  req.session.kite = crypto.randomBytes(16).toString("hex");
  const u = new URL("https://op.kites.example/authorize");
  u.searchParams.set("response_type", "code");
  u.searchParams.set("client_id", process.env.KITE_ID);
  u.searchParams.set("redirect_uri", process.env.KITE_BACK);
  u.searchParams.set("state", req.session.kite);
  u.searchParams.set("code_challenge", pair.challenge());
  u.searchParams.set("code_challenge_method", "S256");
  res.redirect(u.toString());
};
exports.back = async (req, res) => {
  if (!req.query.code) return res.status(400).send("denied");
  const answer = await fetch("https://op.kites.example/token", {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code", code: req.query.code, client_id: process.env.KITE_ID,
      client_secret: process.env.KITE_SECRET, code_verifier: pair.verifier,
    }),
  });
  if (!answer.ok) return res.status(502).send("no token");
  res.redirect("/");
};
"#;

const SAME: &str = r#"
async function fits(session, given) {
  const kept = session.kite;
  session.kite = undefined;
  return Boolean(kept) && Boolean(given) && kept === given;
}
exports.sameState = async (req, res, next) => {
  if (!(await fits(req.session, req.query.state))) return res.status(403).send("no");
  return next();
};
"#;

const PAIR: &str = r#"
const crypto = require("crypto");
const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
function text(length) {
  return [...crypto.randomBytes(length)].map((b) => signs[b % signs.length]).join("");
}
const verifier = text(64);
exports.verifier = verifier;
exports.challenge = () => crypto.createHash("sha256").update(verifier).digest("base64url");
"#;

fn said(files: &[(&str, &str)], path: &str, check: &str) -> Verdict {
    let report = audit_source(files, &Options::default());
    let mut found = report.results.iter();
    let found = found.find(|r| r.path == path && r.check == check);
    found.map_or(Verdict::Na, |r| r.verdict)
}

fn kites(same: &str, path: &str, check: &str) -> Verdict {
    let files = [
        ("app.js", APP),
        ("kites.js", KITES),
        ("middleware/same.js", same),
        ("pair.js", PAIR),
    ];
    said(&files, path, check)
}

#[test]
fn what_stands_before_a_callback_is_told_of_in_its_own_file() {
    let verified = |same: &str, path: &str| kites(same, path, "state-verified");
    assert_eq!(verified(SAME, "middleware/same.js"), Verdict::Pass);
    // A promise is always true.
    let promise = SAME.replace(
        "(await fits(req.session, req.query.state))",
        "fits(req.session, req.query.state)",
    );
    // Nothing equals nothing.
    let empty = SAME.replace("Boolean(kept) && Boolean(given) && ", "");
    for bad in [&promise, &empty] {
        assert_eq!(verified(bad, "middleware/same.js"), Verdict::Fail, "{bad}");
        assert_eq!(verified(bad, "kites.js"), Verdict::Na, "{bad}");
    }
    // What speaks of no state is not to blame.
    let other = r#"exports.sameState = (req, res, next) => req.session.user ? next() : res.sendStatus(401);"#;
    assert_eq!(verified(other, "kites.js"), Verdict::Fail);
    assert_eq!(verified(other, "middleware/same.js"), Verdict::Na);
}

#[test]
fn a_verifier_of_the_program_is_told_of_where_it_is_made() {
    assert_eq!(kites(SAME, "pair.js", "pkce-used"), Verdict::Fail);
    assert_eq!(kites(SAME, "kites.js", "pkce-used"), Verdict::Na);
    // A helper is not to blame for when it is called.
    let helper = PAIR
        .replace(
            "const verifier = text(64);\nexports.verifier = verifier;",
            "exports.text = text;",
        )
        .replace("() => crypto", "(verifier) => crypto");
    let once = KITES
        .replace("exports.go", "const verifier = pair.text(64);\nexports.go")
        .replace("pair.challenge()", "pair.challenge(verifier)")
        .replace("pair.verifier", "verifier");
    let each = KITES
        .replace(
            "const u =",
            "const verifier = (req.session.pair = pair.text(64));\n  const u =",
        )
        .replace("pair.challenge()", "pair.challenge(verifier)")
        .replace("pair.verifier", "req.session.pair");
    let with = |kites: &str, path: &str| {
        let files = [
            ("app.js", APP),
            ("kites.js", kites),
            ("middleware/same.js", SAME),
            ("pair.js", &helper),
        ];
        said(&files, path, "pkce-used")
    };
    assert_eq!(with(&once, "kites.js"), Verdict::Fail);
    assert_eq!(with(&once, "pair.js"), Verdict::Na);
    assert_eq!(with(&each, "pair.js"), Verdict::Pass);
}

const NEXT: &str = r#"
import NextAuth from "next-auth";
import { Kites } from "../../../lib/kites";
export default NextAuth({ providers: [Kites()], secret: process.env.NEXTAUTH_SECRET });
"#;

const PROVIDER: &str = r#"
export function Kites() {
  return {
    id: "kites", name: "Kites", type: "oauth", checks: ["CHECK"],
    authorization: { url: "https://op.kites.example/authorize", params: { scope: "read" } },
    token: "https://op.kites.example/token", userinfo: "https://op.kites.example/me",
    clientId: process.env.KITE_ID, clientSecret: process.env.KITE_SECRET,
  };
}
"#;

#[test]
fn a_provider_is_told_of_where_it_is_written() {
    let route = "pages/api/auth/[...nextauth].ts";
    let with = |check: &str, path: &str, id: &str| {
        let provider = PROVIDER.replace("CHECK", check);
        said(&[(route, NEXT), ("lib/kites.ts", &provider)], path, id)
    };
    for id in ["state-generated", "state-verified"] {
        assert_eq!(with("none", "lib/kites.ts", id), Verdict::Fail, "{id}");
        assert_ne!(with("none", route, id), Verdict::Fail, "{id}");
        assert_ne!(with("state", "lib/kites.ts", id), Verdict::Fail, "{id}");
    }
}

const NEST: &str = r#"
import { Controller, Get, Query, Req, UseGuards } from "@nestjs/common";
import { KiteGuard } from "./kite.guard";
@Controller("kites")
export class KiteController {
  @Get("back")
  @UseGuards(KiteGuard)
  async back(@Req() req, @Query("code") code: string) {
    const answer = await fetch("https://op.kites.example/token", {
      method: "POST",
      body: new URLSearchParams({ grant_type: "authorization_code", code, client_id: process.env.KITE_ID, client_secret: process.env.KITE_SECRET }),
    });
    return answer.ok;
  }
}
"#;

const GUARD: &str = r#"
import { ForbiddenException } from "@nestjs/common";
export class KiteGuard {
  canActivate(ctx) {
    const req = ctx.switchToHttp().getRequest();
    const kept = req.session.kite;
    if (WHEN) throw new ForbiddenException();
    return true;
  }
}
"#;

#[test]
fn a_guard_of_nest_is_told_of_in_its_own_file() {
    let with = |when: &str, path: &str| {
        let guard = GUARD.replace("WHEN", when);
        said(
            &[("kite.controller.ts", NEST), ("kite.guard.ts", &guard)],
            path,
            "state-verified",
        )
    };
    let weak = "req.query.state !== kept";
    assert_eq!(with(weak, "kite.guard.ts"), Verdict::Fail);
    assert_eq!(with(weak, "kite.controller.ts"), Verdict::Na);
    assert_eq!(
        with("!kept || req.query.state !== kept", "kite.guard.ts"),
        Verdict::Pass
    );
}

const SERVE: &str = r#"
import { begin, finish } from "./kites.ts";
Deno.serve((req) => {
  switch (new URL(req.url).pathname) {
    case "/go": return begin(req);
    case "/back": return finish(req);
    default: return new Response("no", { status: 404 });
  }
});
"#;

const DENO: &str = r#"
import { getCookies, setCookie } from "jsr:@std/http/cookie";
const kv = await Deno.openKv();
export async function begin(req: Request) {
  const [id, state] = [crypto.randomUUID(), crypto.randomUUID()];
  const headers = new Headers();
  await kv.set(["kites", id], { state });
  setCookie(headers, { name: "__Host-kites", value: id, httpOnly: true, secure: true });
  const q = new URLSearchParams({ response_type: "code", client_id: Deno.env.get("KITE_ID")!, state });
  headers.set("location", `https://op.kites.example/authorize?${q}`);
  return new Response(null, { status: 302, headers });
}
export async function finish(req: Request) {
  const q = new URL(req.url).searchParams;
  const id = KEY;
  if (!id) return new Response("no", { status: 400 });
  const kept = (await kv.get(["kites", id])).value;
  if (!kept || q.get("state") !== kept.state) return new Response("no", { status: 403 });
  const answer = await fetch("https://op.kites.example/token", {
    method: "POST",
    body: new URLSearchParams({ grant_type: "authorization_code", code: q.get("code")!, client_id: Deno.env.get("KITE_ID")!, client_secret: Deno.env.get("KITE_SECRET")! }),
  });
  return new Response(answer.ok ? "hello" : "no");
}
"#;

#[test]
fn what_only_hands_on_the_request_is_no_callback() {
    let with = |key: &str, path: &str, check: &str| {
        let kites = DENO.replace("KEY", key);
        said(&[("main.ts", SERVE), ("kites.ts", &kites)], path, check)
    };
    let own = r#"getCookies(req.headers)["__Host-kites"]"#;
    let anybodys = r#"q.get("state")"#;
    assert_eq!(with(own, "kites.ts", "state-verified"), Verdict::Pass);
    assert_eq!(with(anybodys, "kites.ts", "state-verified"), Verdict::Fail);
    assert_eq!(with(anybodys, "main.ts", "state-verified"), Verdict::Na);
    assert_eq!(with(own, "kites.ts", "error-handled"), Verdict::Fail);
    assert_eq!(with(own, "main.ts", "error-handled"), Verdict::Na);
}

const HELPED: &str = r#"
const kites = require("./kites");
const { isOurs } = require("./ours");
exports.back = async (req, res) => {
  CALL
  const answer = await fetch("https://op.kites.example/token", {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code", code: req.query.code, client_id: process.env.KITE_ID,
      client_secret: process.env.KITE_SECRET,
    }),
  });
  res.redirect(answer.ok ? "/" : "/no");
};
const app = require("express")();
app.get("/back", exports.back);
"#;

const OURS: &str = r#"
exports.isOurs = (req) => {
  const kept = req.session.kite;
  if (!kept || req.query.state !== kept) LEAVE
  return true;
};
"#;

#[test]
fn who_compares_or_who_goes_on_is_to_blame() {
    let with = |call: &str, leave: &str, path: &str| {
        let (callback, ours) = (HELPED.replace("CALL", call), OURS.replace("LEAVE", leave));
        let files = [("back.js", callback.as_str()), ("ours.js", ours.as_str())];
        said(&files, path, "state-verified")
    };
    let asks = "if (!isOurs(req)) return res.sendStatus(400);";
    // Its answer is always the same.
    let warns = r#"console.warn("another state");"#;
    assert_eq!(with(asks, warns, "ours.js"), Verdict::Fail);
    assert_eq!(with(asks, warns, "back.js"), Verdict::Na);
    // Nobody goes by it.
    assert_eq!(
        with("isOurs(req);", "return false;", "back.js"),
        Verdict::Fail
    );
    assert_eq!(
        with("isOurs(req);", "return false;", "ours.js"),
        Verdict::Na
    );
    assert_eq!(with(asks, "return false;", "ours.js"), Verdict::Pass);
}

const BEGIN: &str = r#"
import * as client from "openid-client";
import { config, session } from "./config";
export async function begin(req, res) {
  const kept = await session(req, res);
  kept.state = client.randomState();
  kept.verifier = client.randomPKCECodeVerifier();
  const url = client.buildAuthorizationUrl(await config(), { redirect_uri: process.env.KITE_BACK, scope: "openid", state: kept.state, code_challenge: await client.calculatePKCECodeChallenge(kept.verifier), code_challenge_method: "S256" });
  res.redirect(url.href);
}
"#;

const CONFIG: &str = r#"
import * as client from "openid-client";
import { getIronSession } from "iron-session";
export const session = (req, res) => getIronSession(req, res, { password: process.env.KITE_KEY, cookieName: "k" });
export const config = () => client.discovery(new URL(process.env.ISSUER), process.env.KITE_ID, process.env.KITE_SECRET);
"#;

const FINISH: &str = r#"
import * as client from "openid-client";
import { config, session } from "./config";
export default async function handler(req, res) {
  const kept = await session(req, res);
  const tokens = await client.authorizationCodeGrant(await config(), new URL(req.url, process.env.BASE), CHECKS);
  res.redirect("/");
}
"#;

#[test]
fn without_a_verifier_in_the_session_a_library_exchanges_nothing() {
    let with = |checks: &str| {
        let finish = FINISH.replace("CHECKS", checks);
        let files = [
            ("begin.ts", BEGIN),
            ("config.ts", CONFIG),
            ("finish.ts", &finish),
        ];
        said(&files, "finish.ts", "state-verified")
    };
    assert_eq!(
        with("{ expectedState: kept.state, pkceCodeVerifier: kept.verifier }"),
        Verdict::Pass
    );
    assert_eq!(with("{ expectedState: kept.state }"), Verdict::Fail);
    assert_eq!(
        with("{ expectedState: client.skipStateCheck, pkceCodeVerifier: kept.verifier }"),
        Verdict::Fail
    );
}
