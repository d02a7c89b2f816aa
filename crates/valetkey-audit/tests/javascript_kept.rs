//! Where JavaScript keeps a state, and who compares it, in code that is right
//! beside code that is nearly the same and wrong.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

fn said(text: &str, check: &str) -> Verdict {
    let report = audit_source(&[("app.ts", text)], &Options::default());
    let mut found = report.results.iter();
    found
        .find(|r| r.check == check)
        .map_or(Verdict::Na, |r| r.verdict)
}

const KITES: &str = r#"
import express from "express";
import Redis from "ioredis";
import { randomBytes, randomUUID } from "node:crypto";
import { SignJWT, jwtVerify } from "jose";
const redis = new Redis(process.env.REDIS_URL);
const key = new TextEncoder().encode(process.env.STATE_KEY);
const app = express();
app.get("/go", async (req, res) => {
  MAKE
  const q = new URLSearchParams({ response_type: "code", client_id: process.env.KITE_ID, redirect_uri: process.env.KITE_BACK, state });
  res.redirect(`https://op.kites.example/authorize?${q}`);
});
app.get("/back", async (req, res) => {
  if (!req.query.code) return res.status(400).send("denied");
  TAKE
  const answer = await fetch(`${ISSUER}/token`, {
    method: "POST",
    WAIT
    body: new URLSearchParams({ grant_type: "authorization_code", code: req.query.code, client_id: process.env.KITE_ID, client_secret: process.env.KITE_SECRET }),
  });
  if (!answer.ok) return res.status(502).send("no token");
  res.redirect("/");
});
"#;

const SITE: &str = r#"const ISSUER = "https://op.kites.example";"#;

fn app(make: &str, take: &str) -> String {
    let text = KITES.replace("MAKE", make).replace("TAKE", take);
    format!("{SITE}{}", text.replace("WAIT", ""))
}

#[test]
fn a_store_by_the_number_of_a_session_is_the_sessions() {
    let make = |key: &str| {
        format!(
            "const state = randomBytes(16).toString('hex'); await redis.set(`kite:${{{key}}}`, state, 'EX', 600);"
        )
    };
    let take = |key: &str| {
        format!(
            "const kept = await redis.getdel(`kite:${{{key}}}`); if (kept === null || req.query.state !== kept) return res.sendStatus(400);"
        )
    };
    let own = app(&make("req.sessionID"), &take("req.sessionID"));
    assert_eq!(said(&own, "state-verified"), Verdict::Pass);
    let all = app(&make("state"), &take("req.query.state"));
    assert_eq!(said(&all, "state-verified"), Verdict::Fail);
}

#[test]
fn what_is_put_into_a_signed_state_makes_it_random() {
    let make = |more: &str| {
        format!(
            "const state = await new SignJWT({{ back: req.query.back }}).setProtectedHeader({{ alg: 'HS256' }}){more}.setExpirationTime('10m').sign(key);"
        )
    };
    let take = "await jwtVerify(req.query.state, key);";
    let with = |more: &str, check: &str| said(&app(&make(more), take), check);
    for good in [
        ".setJti(randomUUID())",
        ".setSubject(randomBytes(16).toString('hex'))",
    ] {
        assert_eq!(with(good, "state-generated"), Verdict::Pass, "{good}");
    }
    assert_ne!(with(".setIssuedAt()", "state-generated"), Verdict::Pass);
    // Whoever has one that this app made gets in with it.
    assert_eq!(
        with(".setJti(randomUUID())", "state-verified"),
        Verdict::Fail
    );
}

#[test]
fn a_client_that_is_told_to_wait_for_ever_does() {
    let own = app(
        "const state = randomUUID(); req.session.kite = state;",
        "if (!req.session.kite || req.query.state !== req.session.kite) return res.sendStatus(400);",
    );
    let with = |client: &str, call: &str| {
        let text = own.replace("await fetch(`${ISSUER}/token`, {", call);
        said(&format!("{client}\n{text}"), "timeout-set")
    };
    let ky = r#"import ky from "ky";"#;
    for (bad, good) in [
        (
            "await ky.post(`${ISSUER}/token`, { timeout: false,",
            "await ky.post(`${ISSUER}/token`, { retry: 0,",
        ),
        (
            "await ky.post(`${ISSUER}/token`, { timeout: 0,",
            "await ky.post(`${ISSUER}/token`, { timeout: 2000,",
        ),
    ] {
        assert_eq!(with(ky, bad), Verdict::Fail, "{bad}");
        assert_eq!(with(ky, good), Verdict::Pass, "{good}");
    }
}

#[test]
fn what_stands_in_for_a_setting_is_called_too() {
    let own = app(
        "const state = randomUUID(); req.session.kite = state;",
        "if (!req.session.kite || req.query.state !== req.session.kite) return res.sendStatus(400);",
    );
    let with = |site: &str| {
        said(
            &own.replace(SITE, &format!("const ISSUER = {site};")),
            "tls-only",
        )
    };
    assert_eq!(
        with(r#"process.env.KITES ?? "http://op.corp.example:8080""#),
        Verdict::Fail
    );
    for good in [
        r#"process.env.KITES ?? "https://op.corp.example""#,
        r#"process.env.KITES || "http://localhost:8080""#,
        "process.env.KITES",
    ] {
        assert_ne!(with(good), Verdict::Fail, "{good}");
    }
}

const OIDC: &str = r#"
const { Issuer, generators, custom } = require("openid-client");
const express = require("express");
HTTP
const app = express();
async function ready() {
  const issuer = await Issuer.discover(process.env.ISSUER);
  return new issuer.Client({ client_id: process.env.KITE_ID, client_secret: process.env.KITE_SECRET });
}
app.get("/go", async (req, res) => {
  const client = await ready();
  const checks = { state: generators.state(), code_verifier: generators.codeVerifier() };
  req.session.entering = checks;
  res.redirect(client.authorizationUrl({ scope: "openid", state: checks.state, code_challenge: generators.codeChallenge(checks.code_verifier), code_challenge_method: "S256" }));
});
app.get("/back", async (req, res) => {
  const checks = req.session.entering;
  if (!checks) return res.sendStatus(400);
  const client = await ready();
  const tokens = await client.callback(process.env.KITE_BACK, client.callbackParams(req), CHECKS);
  res.redirect("/");
});
"#;

#[test]
fn all_that_was_kept_for_a_login_has_its_state_in_it() {
    let with = |checks: &str, http: &str, check: &str| {
        said(&OIDC.replace("CHECKS", checks).replace("HTTP", http), check)
    };
    let verified = |checks: &str| with(checks, "", "state-verified");
    for good in ["checks", r#"{ ...checks, response_type: "code" }"#] {
        assert_eq!(verified(good), Verdict::Pass, "{good}");
    }
    assert_eq!(
        verified("{ code_verifier: checks.code_verifier }"),
        Verdict::Fail
    );
    let waits = |http: &str| with("checks", http, "timeout-set");
    assert_eq!(
        waits("custom.setHttpOptionsDefaults({ timeout: 0 });"),
        Verdict::Fail
    );
    assert_eq!(
        waits("custom.setHttpOptionsDefaults({ timeout: 5000 });"),
        Verdict::Pass
    );
}

const WORKER: &str = r#"
import { Hono } from "hono";
const app = new Hono();
app.get("/go", async (c) => {
  const state = crypto.randomUUID();
  await c.env.LOGINS.put(`kite:${state}`, "1", { expirationTtl: 600 });
  const q = new URLSearchParams({ response_type: "code", client_id: c.env.KITE_ID, state });
  return c.redirect(`https://op.kites.example/authorize?${q}`);
});
app.get("/back", async (c) => {
  const { code, state } = c.req.query();
  if (!code || !state) return c.text("denied", 400);
  LOOK
  const answer = await fetch("https://op.kites.example/token", {
    method: "POST",
    body: new URLSearchParams({ grant_type: "authorization_code", code, client_id: c.env.KITE_ID, client_secret: c.env.KITE_SECRET }),
  });
  return c.text(answer.ok ? "hello" : "no");
});
"#;

#[test]
fn what_a_worker_keeps_by_its_state_is_everybodys() {
    let with = |look: &str| said(&WORKER.replace("LOOK", look), "state-verified");
    let shared = "const kept = await c.env.LOGINS.get(`kite:${state}`, 'json'); if (!kept || kept.of !== 'kites') return c.text('no', 400);";
    assert_eq!(with(shared), Verdict::Fail);
    let own =
        "const kept = getCookie(c, 'kite'); if (!kept || kept !== state) return c.text('no', 400);";
    assert_ne!(with(own), Verdict::Fail);
}

const OAK: &str = r#"
import { Application, Router } from "https://deno.land/x/oak@v11.1.0/mod.ts";
import { Kites } from "../lib/oauth.ts";
const kites = new Kites({ clientId: Deno.env.get("KITE_ID"), tokenUri: "https://op.kites.example/token" });
const router = new Router();
router.get("/back", async (ctx) => {
  const state = ctx.state.session.get("state");
  if (typeof state !== "string") throw new Error("begin again");
  const tokens = await kites.code.getToken(OPTIONS);
  ctx.response.redirect("/");
});
"#;

#[test]
fn a_client_that_gets_the_kept_state_may_compare_it() {
    let with = |options: &str| said(&OAK.replace("OPTIONS", options), "state-verified");
    assert_ne!(with("ctx.request.url, { state }"), Verdict::Fail);
    assert_eq!(
        with("{ code: ctx.request.url.searchParams.get('code') }"),
        Verdict::Fail
    );
}

const PAGE: &str = r#"
export async function go() {
  const state = crypto.randomUUID();
  sessionStorage.setItem("kite", JSON.stringify({ state }));
  const q = new URLSearchParams({ response_type: "code", client_id: import.meta.env.VITE_KITE_ID, redirect_uri: location.origin + "/back", state });
  window.location.assign(`https://op.kites.example/authorize?${q}`);
}
export async function back() {
  const q = new URLSearchParams(window.location.search);
  const kept = JSON.parse(sessionStorage.getItem("kite") ?? "{}");
  if (WHEN) throw new Error("begin again");
  const answer = await fetch(ASKED);
  if (!answer.ok) throw new Error("no");
}
"#;

const OWN: &str = r#"import.meta.env.VITE_API + "/api/session/code", { method: "POST", body: JSON.stringify({ code: q.get("code") }) }"#;
const PROVIDER: &str = r#""https://op.kites.example/token", { method: "POST", MORE body: new URLSearchParams({ grant_type: "authorization_code", code: q.get("code"), client_id: import.meta.env.VITE_KITE_ID }) }"#;

#[test]
fn a_page_that_hands_its_code_to_its_own_server_compares_the_state() {
    let with = |when: &str, asked: &str, check: &str| {
        said(&PAGE.replace("WHEN", when).replace("ASKED", asked), check)
    };
    let weak = r#"kept.state != q.get("state") && kept.state"#;
    let good = r#"!kept.state || kept.state !== q.get("state")"#;
    assert_eq!(with(weak, OWN, "state-verified"), Verdict::Fail);
    assert_eq!(with(good, OWN, "state-verified"), Verdict::Pass);
    // A server of its own is not the provider.
    assert_eq!(with(good, OWN, "timeout-set"), Verdict::Na);
    let waits = PROVIDER.replace("MORE", "");
    let ends = PROVIDER.replace("MORE", "signal: AbortSignal.timeout(4000),");
    assert_eq!(with(good, &waits, "timeout-set"), Verdict::Fail);
    assert_eq!(with(good, &ends, "timeout-set"), Verdict::Pass);
}
