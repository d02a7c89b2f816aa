//! Programs that sign their user in: what comes back is taken apart by hand.

use valetkey_audit::{Options, Verdict, audit_source};

/// A program that waits for its login on a port of its own.
fn program(wait: &str, then: &str) -> String {
    format!(
        r#"use std::io::{{BufRead, BufReader, Write}};
use std::net::TcpListener;
use anyhow::{{bail, Context, Result}};
use url::Url;

fn answer(door: &TcpListener) -> Result<Url> {{
    let (mut guest, _) = door.accept()?;
    let mut first = String::new();
    BufReader::new(&guest).read_line(&mut first)?;
    let target = first.split_whitespace().nth(1).context("empty")?;
    guest.write_all(b"HTTP/1.1 200 OK\r\n\r\nThanks")?;
    Ok(Url::parse("http://127.0.0.1")?.join(target)?)
}}

fn main() -> Result<()> {{
    let door = TcpListener::bind("127.0.0.1:0")?;
    let home = format!("http://127.0.0.1:{{}}/in", door.local_addr()?.port());
    let ticket = hex::encode(rand::random::<[u8; 32]>());
    let link = Url::parse_with_params("https://id.example/authorize", [("response_type", "code"), ("client_id", "cli"), ("redirect_uri", &home), ("scope", "read"), ("state", &ticket)])?;
    println!("Open {{link}}");
    {wait}
    {then}
    let told: serde_json::Value = ureq::post("https://id.example/token").send_form(&[("grant_type", "authorization_code"), ("client_id", "cli"), ("code", &code), ("redirect_uri", &home)])?.into_json()?;
    std::fs::write("token", told["refresh_token"].as_str().context("no token")?)?;
    Ok(())
}}
"#
    )
}

fn verdicts(check: &str, files: &[(&str, &str)]) -> Vec<(String, Verdict)> {
    let report = audit_source(files, &Options::default());
    let of_check = report.results.iter().filter(|r| r.check == check);
    let told = of_check.filter(|r| r.verdict != Verdict::Na);
    told.map(|r| (r.path.clone(), r.verdict)).collect()
}

fn holds(check: &str, wanted: Verdict, text: &str) {
    let wanted = vec![("main.rs".to_owned(), wanted)];
    assert_eq!(
        verdicts(check, &[("main.rs", text)]),
        wanted,
        "{check}: {text}"
    );
}

const ONE: &str = "let back = answer(&door)?;";
/// Each parameter by itself; a refusal ends the program.
const EACH: &str = r#"let back = answer(&door)?;
    let (mut code, mut seen) = (None, None);
    for (name, value) in back.query_pairs() {
        match name.as_ref() {
            "code" => code = Some(value.to_string()),
            "state" => seen = Some(value.to_string()),
            "error" => bail!("refused: {value}"),
            _ => {}
        }
    }"#;

#[test]
fn parameters_gone_through_one_by_one() {
    let right = r#"if seen.as_deref() != Some(ticket.as_str()) { bail!("not this login"); }
    let code = code.context("no code")?;"#;
    holds("state-verified", Verdict::Pass, &program(EACH, right));
    holds("error-handled", Verdict::Pass, &program(EACH, right));
    let wrong = [
        r#"if seen.as_deref() != Some(ticket.as_str()) { eprintln!("not this login"); }
    let code = code.context("no code")?;"#,
        r#"if let Some(ticket) = seen.as_deref() { if seen.as_deref() != Some(ticket) { bail!("not this login"); } }
    let code = code.context("no code")?;"#,
        r#"if let Some(seen) = seen { if seen != ticket { bail!("not this login"); } }
    let code = code.context("no code")?;"#,
        "let code = code.context(\"no code\")?;",
    ];
    for then in wrong {
        holds("state-verified", Verdict::Fail, &program(EACH, then));
    }
}

#[test]
fn a_state_compared_as_it_comes_along() {
    let each = |found: &str| {
        format!(
            r#"let back = answer(&door)?;
    let mut code = None;
    for (name, value) in back.query_pairs() {{
        match &*name {{
            "code" => code = Some(value.into_owned()),
            "state" => if value != ticket.as_str() {{ {found} }},
            "error" => bail!("refused: {{value}}"),
            _ => {{}}
        }}
    }}"#
        )
    };
    let then = "let code = code.context(\"no code\")?;";
    // Where none comes along, nothing is compared.
    for found in ["eprintln!(\"odd\")", "bail!(\"not this login\")"] {
        holds(
            "state-verified",
            Verdict::Fail,
            &program(&each(found), then),
        );
    }
    let found = |check: &str| {
        let seen = each("bail!(\"not this login\")")
            .replace("let mut code", "let mut same = false; let mut code")
            .replace(
                "},\n            \"error\"",
                "} else { same = true },\n            \"error\"",
            );
        program(&seen, &format!("{check} {then}"))
    };
    holds(
        "state-verified",
        Verdict::Pass,
        &found("if !same { bail!(\"no state\"); }"),
    );
    holds("state-verified", Verdict::Fail, &found("let _ = same;"));
}

#[test]
fn a_loop_that_waits_for_the_right_address() {
    let pick = r#"let get = |name: &str| back.query_pairs().find(|(k, _)| k == name).map(|(_, v)| v.into_owned());
    if get("error").is_some() { bail!("refused"); }"#;
    let right = r#"if get("state").as_deref() != Some(ticket.as_str()) { bail!("not this login"); }
    let code = get("code").context("no code")?;"#;
    let wrong = r#"if get("state").as_deref() != Some(ticket.as_str()) { eprintln!("not this login"); }
    let code = get("code").context("no code")?;"#;
    let waits = [
        ONE,
        r#"let back = loop {
        let url = answer(&door)?;
        if url.path() == "/in" { break url; }
    };"#,
        r#"let back = loop {
        match answer(&door) {
            Ok(url) if url.path().starts_with("/in") => break url,
            Ok(other) => eprintln!("nothing at {}", other.path()),
            Err(e) => return Err(e),
        }
    };"#,
    ];
    for wait in waits {
        let text = |then: &str| program(wait, &format!("{pick}\n    {then}"));
        holds("state-verified", Verdict::Pass, &text(right));
        holds("error-handled", Verdict::Pass, &text(right));
        holds("state-verified", Verdict::Fail, &text(wrong));
    }
    // A function whose last expression is the loop.
    let waits_there = |text: String| {
        text.replace(
            "fn main()",
            "fn wait(door: &TcpListener) -> Result<Url> {
    loop {
        let url = answer(door)?;
        if url.path() != \"/in\" { continue; }
        return Ok(url);
    }
}

fn main()",
        )
    };
    let wait = "let back = wait(&door)?;";
    let text = |then: &str| waits_there(program(wait, &format!("{pick}\n    {then}")));
    holds("state-verified", Verdict::Pass, &text(right));
    holds("state-verified", Verdict::Fail, &text(wrong));
}

#[test]
fn a_comparison_in_another_file_is_told_of_there() {
    let listener = |found: &str| {
        format!(
            r#"use std::io::{{BufRead, BufReader}};
use std::net::TcpListener;
use anyhow::{{bail, Context, Result}};
use url::Url;

pub fn code_for(ticket: &str, door: TcpListener) -> Result<String> {{
    let (guest, _) = door.accept()?;
    let mut first = String::new();
    BufReader::new(&guest).read_line(&mut first)?;
    let url = Url::parse("http://127.0.0.1")?.join(first.split_whitespace().nth(1).context("empty")?)?;
    let mut code = None;
    let mut seen = None;
    for (name, value) in url.query_pairs() {{
        match &*name {{
            "code" => code = Some(value.to_string()),
            "state" => seen = Some(value.to_string()),
            "error" => bail!("refused: {{value}}"),
            _ => {{}}
        }}
    }}
    if seen.as_deref() != Some(ticket) {{ {found} }}
    code.context("no code")
}}
"#
        )
    };
    let login = program("", "let code = crate::listener::code_for(&ticket, door)?;")
        .replace("fn main()", "pub fn sign_in()");
    let main = "mod listener;\nmod login;\nfn main() { login::sign_in().expect(\"sign-in\"); }\n";
    for (found, verdict) in [
        ("bail!(\"not this login\");", Verdict::Pass),
        ("eprintln!(\"not this login\");", Verdict::Fail),
    ] {
        let listener = listener(found);
        let files = [
            ("main.rs", main),
            ("login.rs", &login),
            ("listener.rs", &listener),
        ];
        let told = verdicts("state-verified", &files);
        assert_eq!(told, vec![("listener.rs".to_owned(), verdict)], "{found}");
    }
}
