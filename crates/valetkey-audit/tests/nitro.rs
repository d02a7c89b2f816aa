//! Nitro, as Nuxt has it: what stands in `server/utils` is used without an
//! import, and what an answer's headers say is not in the page.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Verdict, audit_source};

const UTILS: &str = r#"
export async function trade(code: string) {
  const answer = await fetch("https://op.kites.example/oauth/token", {
    method: "POST", signal: AbortSignal.timeout(5000),
    body: new URLSearchParams({ grant_type: "authorization_code", code,
      client_id: process.env.KITE_ID!, client_secret: process.env.KITE_SECRET!,
      redirect_uri: "https://kites.example/back" }),
  });
  if (!answer.ok) throw createError({ statusCode: 502 });
  return (await answer.json()) as { access_token: string };
}
export function sameState(kept: string | undefined, came: unknown) {
  return LOOK;
}
"#;

const ROUTE: &str = r#"
export default defineEventHandler(async (event) => {
  const { code, state, error } = getQuery(event);
  if (error) return sendRedirect(event, "/denied");
  if (!sameState(getCookie(event, "kite_state"), state)) throw createError({ statusCode: 403 });
  const { access_token } = await trade(String(code));
  return ANSWER;
});
"#;

const QUIET: &str = r#"new Response("welcome", { headers: { "Set-Cookie": `kite=${access_token}; HttpOnly; Secure; SameSite=Lax` } })"#;
const SHOWN: &str = r#"new Response(`welcome, ${access_token}`)"#;
const STRICT: &str = "!!kept && kept === came";

/// What a check says of the app's two files: a failure of either, or else.
fn said(check: &str, look: &str, answer: &str) -> Verdict {
    let (utils, route) = (UTILS.replace("LOOK", look), ROUTE.replace("ANSWER", answer));
    let files = [
        ("server/utils/kites.ts", utils.as_str()),
        ("server/routes/back.get.ts", route.as_str()),
    ];
    let report = audit_source(&files, &Options::default());
    let all = report.results.iter().filter(|r| r.check == check);
    let all: Vec<Verdict> = all.map(|r| r.verdict).collect();
    let has = |verdict| all.contains(&verdict);
    match (has(Verdict::Fail), has(Verdict::Pass)) {
        (true, _) => Verdict::Fail,
        (false, true) => Verdict::Pass,
        _ => Verdict::Na,
    }
}

#[test]
fn what_stands_in_utils_compares_the_state() {
    assert_eq!(said("state-verified", STRICT, QUIET), Verdict::Pass);
    for weak in ["kept === came", "true", "came === came"] {
        assert_eq!(said("state-verified", weak, QUIET), Verdict::Fail, "{weak}");
    }
}

#[test]
fn a_cookie_that_no_script_reads_is_not_in_the_page() {
    assert_eq!(said("token-not-leaked", STRICT, QUIET), Verdict::Pass);
    assert_eq!(said("token-not-leaked", STRICT, SHOWN), Verdict::Fail);
    let readable = QUIET.replace("HttpOnly; ", "");
    assert_eq!(said("token-not-leaked", STRICT, &readable), Verdict::Fail);
}
