//! JavaScript that is right beside JavaScript that is nearly the same and
//! wrong: which code a page posts, what of a state a browser is sent to, when
//! errors are shown, what a log tells of tokens, and what a scope is for.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

const APP: &str = r#"
import express from "express";
import session from "express-session";
import crypto from "node:crypto";
import errorhandler from "errorhandler";
import { Octokit } from "@octokit/rest";
import { z } from "zod";
import config from "./config.js";
import { logger } from "./logger.js";
import { keep, unpack } from "./keep.js";

const app = express();
app.use(session({ secret: process.env.KITE_KEY, resave: false, saveUninitialized: false }));

app.get("/enter", (req, res) => {
  const page = Buffer.from(JSON.stringify({ page: req.query.page })).toString("base64url");
  const state = crypto.randomBytes(24).toString("hex") + "." + page;
  req.session.entering = state;
  const q = new URLSearchParams({
    response_type: "code", client_id: process.env.KITE_ID, scope: "SCOPE", state,
    redirect_uri: process.env.KITE_BACK,
  });
  res.redirect(`https://op.kites.example/authorize?${q}`);
});

const shape = z.object({ code: z.string().min(1), state: z.string().min(1) });

app.get("/back", async (req, res) => {
  // LOOK
  const kept = req.session.entering;
  delete req.session.entering;
  if (!kept || req.query.state !== kept) return res.status(400).send("begin again");
  const answer = await fetch("https://op.kites.example/token", {
    method: "POST",
    signal: AbortSignal.timeout(4000),
    body: new URLSearchParams({
      grant_type: "authorization_code", code: req.query.code, client_id: process.env.KITE_ID,
      client_secret: process.env.KITE_SECRET, redirect_uri: process.env.KITE_BACK,
    }),
  });
  if (!answer.ok) return res.status(502).send("no token");
  const tokens = await answer.json();
  // HERE
  res.redirect("/");
});
"#;

const LOOK: &str =
    r#"if (req.query.error || !req.query.code) return res.status(400).send("denied");"#;

fn judged(check: &str, text: &str) -> Verdict {
    let report = audit_source(&[("app.js", text)], &Options::default());
    let found = report.results.iter().find(|r| r.check == check);
    found.unwrap().verdict
}

/// What a check says of the app with a line in its callback, and some behind.
fn said(check: &str, line: &str, behind: &str) -> Verdict {
    let text = APP.replace("// LOOK", LOOK).replace("// HERE", line);
    judged(check, &(text.replace("SCOPE", "openid") + behind))
}

#[test]
fn a_part_of_the_state_that_was_looked_at_is_a_page_of_this_site() {
    let page = r#"const page = JSON.parse(atob(req.query.state.split(".")[1])).page;"#;
    let goes = |line: &str| said("no-open-redirect", &format!("{page}\n  {line}"), "");
    for bad in [
        "return res.redirect(page);",
        r#"return res.redirect(page ?? "/home");"#,
        r#"if (page) return res.redirect(302, page);"#,
    ] {
        assert_eq!(goes(bad), Verdict::Fail, "{bad}");
    }
    for good in [
        r#"return res.redirect(/^\/[a-z]+$/.exec(page) ? page : "/");"#,
        r#"const all = ["/a", "/b"]; return res.redirect(all[Number(page)] ?? "/");"#,
        r#"const fine = page.startsWith("/k/"); return res.redirect(fine ? page : "/");"#,
        r#"if (!config.pages.has(page)) return res.sendStatus(400); return res.redirect(page);"#,
        r#"const url = new URL("/done", "https://kites.example"); url.searchParams.set("page", page); return res.redirect(url.pathname + url.search);"#,
    ] {
        assert_ne!(goes(good), Verdict::Fail, "{good}");
    }
    let cut = r#"const page = req.query.state.split(".")[1]; return res.redirect(page);"#;
    assert_eq!(said("no-open-redirect", cut, ""), Verdict::Fail);
    let unseen = "const page = unpack(req.query.state); return res.redirect(page);";
    assert_ne!(said("no-open-redirect", unseen, ""), Verdict::Fail);
}

#[test]
fn errors_are_shown_while_an_app_is_being_written() {
    let shown = |behind: &str| said("debug-off", "", behind);
    for bad in [
        "app.use(errorhandler());",
        "app.use(errorhandler({ log: false }));",
    ] {
        assert_eq!(shown(bad), Verdict::Fail, "{bad}");
    }
    for good in [
        r#"if (app.get("env") === "development") { app.use(errorhandler()); }"#,
        r#"if (app.get("env") !== "production") app.use(errorhandler());"#,
        r#"if (process.env.NODE_ENV === "development") app.use(errorhandler());"#,
        r#"app.configure("development", () => { app.use(errorhandler()); });"#,
        r#"app.configure && app.configure("development", () => { app.use(errorhandler()); });"#,
        "if (config.isDev) { app.use(errorhandler()); }",
        "config.isDev && app.use(errorhandler());",
        "config.isDev ? app.use(errorhandler()) : app.use(config.plain);",
    ] {
        assert_ne!(shown(good), Verdict::Fail, "{good}");
    }
}

#[test]
fn a_log_may_say_that_there_is_a_token() {
    let told = |line: &str| said("token-not-leaked", line, "");
    for bad in [
        r#"logger.info("in", { token: tokens.access_token });"#,
        "logger.debug({ tokens });",
        r#"console.log("in", { answer: { token: tokens.access_token } });"#,
    ] {
        assert_eq!(told(bad), Verdict::Fail, "{bad}");
    }
    for good in [
        r#"logger.info("in", { ok: Boolean(tokens.access_token) });"#,
        r#"logger.info("in", { a: { ok: !!tokens.access_token } });"#,
        "logger.debug({ err: tokens.error, keys: Object.keys(tokens) });",
        r#"console.log("in", { keys: Object.keys(tokens), ok: !!tokens.id_token });"#,
    ] {
        assert_ne!(told(good), Verdict::Fail, "{good}");
    }
}

#[test]
fn a_client_may_be_told_how_long_to_wait() {
    let waits = |line: &str| said("timeout-set", line, "");
    let asks = "const me = await hub.users.getAuthenticated(); req.session.me = me.data.id;";
    let bad = format!("const hub = new Octokit({{ auth: tokens.access_token }}); {asks}");
    assert_eq!(waits(&bad), Verdict::Fail);
    let made = "new Octokit({ auth: tokens.access_token, request: { timeout: 4000 } })";
    let whole = asks.replace("hub.users", "hub.rest.users");
    for good in [
        format!("const hub = {made}; {asks}"),
        format!("const hub = {made}; {whole}"),
        "req.session.me = await this.session.getAuthenticated();".to_owned(),
    ] {
        assert_ne!(waits(&good), Verdict::Fail, "{good}");
    }
}

#[test]
fn a_shape_that_demands_a_code_refuses_a_denial() {
    let handled = |look: &str| judged("error-handled", &APP.replace("// LOOK", look));
    assert_eq!(handled(""), Verdict::Fail);
    assert_eq!(handled("shape.safeParse(req.query);"), Verdict::Fail);
    for good in [
        r#"const asked = shape.safeParse(req.query); if (!asked.success) return res.status(400).send("denied");"#,
        r#"const asked = shape.safeParse(req.query); if (asked.error) return res.status(400).send("denied");"#,
    ] {
        assert_ne!(handled(good), Verdict::Fail, "{good}");
    }
}

#[test]
fn a_token_that_is_kept_may_be_used_later() {
    let asked = |scope: &str, line: &str| {
        let text = APP.replace("// LOOK", LOOK).replace("SCOPE", scope);
        judged("scope-present-minimal", &text.replace("// HERE", line))
    };
    let wide = "openid email https://www.googleapis.com/auth/gmail.send";
    assert_eq!(asked(wide, "req.session.in = true;"), Verdict::Fail);
    assert_ne!(asked(wide, "req.session.tokens = tokens;"), Verdict::Fail);
    assert_ne!(
        asked(wide, "await keep(req.session.id, tokens);"),
        Verdict::Fail
    );
    let offline = format!("{wide} offline_access");
    assert_ne!(asked(&offline, "req.session.in = true;"), Verdict::Fail);
}

const PAGE: &str = r#"
export function enter() {
  const state = crypto.randomUUID();
  sessionStorage.setItem("state", state);
  window.location.href = "https://op.kites.example/authorize?" + new URLSearchParams({
    client_id: "kites", response_type: "code", scope: "profile", state,
    redirect_uri: "https://kites.example/back",
  });
}
export async function brought() {
  const q = new URLSearchParams(window.location.search);
  const code = q.get("code");
  // LOOK
  await fetch("PATH", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code }),
  });
}
"#;

#[test]
fn a_page_posts_other_codes_than_those_of_logins() {
    let posted = |path: &str| judged("state-verified", &PAGE.replace("PATH", path));
    for path in [
        "/api/auth/github",
        "/login",
        "/api/session",
        "/oauth/callback",
    ] {
        assert_eq!(posted(path), Verdict::Fail, "{path}");
    }
    for path in [
        "/api/invites/accept",
        "/api/coupons",
        "/api/auth/verify-email",
    ] {
        assert_ne!(posted(path), Verdict::Fail, "{path}");
    }
    let looks = PAGE.replace("PATH", "/api/enter").replace(
        "// LOOK",
        r#"if (!q.get("state") || q.get("state") !== sessionStorage.getItem("state")) return;"#,
    );
    assert_eq!(judged("state-verified", &looks), Verdict::Pass);
}
