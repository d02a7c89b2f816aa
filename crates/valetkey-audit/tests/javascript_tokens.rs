//! Tokens of JavaScript that get out by what they are kept in, beside those
//! that nearly do, and keys that decorators are told.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

fn said(text: &str, check: &str) -> Verdict {
    let report = audit_source(&[("app.ts", text)], &Options::default());
    let mut found = report.results.iter();
    found
        .find(|r| r.check == check)
        .map_or(Verdict::Na, |r| r.verdict)
}

const NEST: &str = r#"
import { Controller, Get, Module, Req, Res, UseGuards } from "@nestjs/common";
import { JwtModule } from "@nestjs/jwt";
import { AuthGuard, PassportStrategy } from "@nestjs/passport";
import { Strategy } from "passport-github2";
export class KiteStrategy extends PassportStrategy(Strategy, "github") {
  constructor() {
    super({ clientID: process.env.KITE_ID, clientSecret: process.env.KITE_SECRET, callbackURL: process.env.KITE_BACK, state: true });
  }
  validate(accessToken, _refreshToken, profile) { return { id: profile.id, accessToken }; }
}
@Controller("kites")
export class KiteController {
  @Get("back")
  @UseGuards(AuthGuard("github"))
  back(@Req() req: Request, @Res() res: Response) {
    const { id, accessToken } = req.user as Flyer;
    res.cookie("kite", VALUE, OPTIONS);
    res.redirect("/");
  }
}
@Module({ imports: [JwtModule.register({ secret: KEY })], controllers: [KiteController] })
export class KiteModule {}
"#;

fn nest(value: &str, options: &str, key: &str, check: &str) -> Verdict {
    let text = NEST.replace("VALUE", value).replace("OPTIONS", options);
    said(&text.replace("KEY", key), check)
}

#[test]
fn what_a_strategy_handed_on_is_a_token_in_a_cookie_too() {
    let key = "process.env.KITE_KEY";
    let cookie = |value: &str, options: &str| nest(value, options, key, "token-not-leaked");
    assert_eq!(cookie("accessToken", "{ secure: true }"), Verdict::Fail);
    assert_ne!(
        cookie("accessToken", "{ secure: true, httpOnly: true }"),
        Verdict::Fail
    );
    assert_ne!(cookie("id", "{ secure: true }"), Verdict::Fail);
}

#[test]
fn a_key_that_a_decorator_is_told_is_a_key() {
    let keyed = |key: &str| nest("id", "{ httpOnly: true }", key, "session-key-strong");
    assert_eq!(keyed(r#""kite-key-of-ours""#), Verdict::Fail);
    assert_eq!(keyed("process.env.KITE_KEY"), Verdict::Pass);
}

const NEXT: &str = r#"
import NextAuth from "next-auth";
import Keycloak from "next-auth/providers/keycloak";
async function fresh(token) {
  console.error("not renewed", TOLD);
  return token;
}
export const { handlers } = NextAuth({
  providers: [Keycloak({ clientId: process.env.KITE_ID, clientSecret: process.env.KITE_SECRET })],
  callbacks: {
    async jwt({ token, account }) {
      if (account) return { ...token, KEPT };
      return fresh(token);
    },
  },
});
"#;

#[test]
fn the_session_of_next_auth_is_as_secret_as_what_was_put_into_it() {
    let told = |what: &str, kept: &str| {
        said(
            &NEXT.replace("TOLD", what).replace("KEPT", kept),
            "token-not-leaked",
        )
    };
    let token = "mine: account.access_token";
    assert_eq!(told("token", token), Verdict::Fail);
    assert_ne!(told("token.name", token), Verdict::Fail);
    assert_ne!(told("token", "by: account.provider"), Verdict::Fail);
}

const POSTED: &str = r#"
import express from "express";
import { randomBytes } from "node:crypto";
import { createRemoteJWKSet, jwtVerify } from "jose";
const keys = createRemoteJWKSet(new URL("https://op.kites.example/keys"));
const app = express();
app.get("/go", (req, res) => {
  const state = randomBytes(16).toString("hex");
  req.session.kite = state;
  const q = new URLSearchParams({ response_type: "id_token", response_mode: "form_post", client_id: process.env.KITE_ID, redirect_uri: process.env.KITE_BACK, scope: "openid", state });
  res.redirect(`https://op.kites.example/authorize?${q}`);
});
app.post("/back", async (req, res) => {
  if (!req.session.kite || req.body.state !== req.session.kite) return res.sendStatus(400);
  const { payload } = await jwtVerify(req.body.id_token, keys, { issuer: "https://op.kites.example", audience: process.env.KITE_ID });
  req.log.info(TOLD, "signed in");
  req.session.who = payload.sub;
  res.redirect("/");
});
"#;

#[test]
fn a_body_with_a_token_in_it_is_not_for_the_log() {
    let told = |what: &str| said(&POSTED.replace("TOLD", what), "token-not-leaked");
    assert_eq!(told("{ body: req.body }"), Verdict::Fail);
    for good in ["{ by: req.body.state }", "{ at: 1 }", "{ path: req.path }"] {
        assert_ne!(told(good), Verdict::Fail, "{good}");
    }
}
