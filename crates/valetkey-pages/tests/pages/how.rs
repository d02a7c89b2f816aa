//! The diagram: as a file, as text, and beside its list.

use valetkey_pages::how::{self, ArrowState, Kind, Outcome, Who};

use crate::hostile::{Evil, flow as hostile, value};

fn arrow(number: usize, kind: Kind, from: Who, to: Who) -> how::Arrow {
    how::Arrow {
        number,
        step: 1,
        kind,
        from,
        to,
        label: format!("label {number}"),
        carries: format!("cargo {number}"),
        what: "what happens".into(),
        parameters: Vec::new(),
        checks: Vec::new(),
        carries_password: false,
        state: ArrowState::Held,
        broke: None,
        recorded_by: vec![Who::Client],
    }
}

/// Password first; the second arrow broke; the third did not happen.
fn flow() -> how::FlowView {
    use Who::{AuthorizationServer, Browser, Client};
    let mut password = arrow(1, Kind::SignIn, Browser, AuthorizationServer);
    password.carries_password = true;
    let mut broken = arrow(2, Kind::Callback, Browser, Client);
    broken.state = ArrowState::Failed;
    broken.broke = Some(how::Broke {
        code: "callback.denied".into(),
        short: "the user refused".into(),
        why: "Because the user refused.".into(),
    });
    let mut absent = arrow(3, Kind::Exchange, Client, AuthorizationServer);
    absent.state = ArrowState::Absent;
    how::FlowView {
        outcome: Outcome::Failed,
        headline: "A headline".into(),
        lead: "A lead".into(),
        participants: Who::ALL.map(|who| how::Participant {
            who,
            name: "x".into(),
        }),
        arrows: vec![password, broken, absent],
        steps: Vec::new(),
        variables: Vec::new(),
        password_received_by: Some(vec![AuthorizationServer]),
        evidence: "two records".into(),
    }
}

fn page(flow: how::FlowView) -> String {
    how::page(&how::HowView {
        flow: Some(flow),
        ..Default::default()
    })
}

#[test]
fn every_arrow_leads_to_its_details_and_is_said_in_words() {
    let page = page(flow());
    for number in 1..=3 {
        assert_eq!(
            page.matches(&format!("id=\"arrow-{number}\"")).count(),
            1,
            "{number}"
        );
        assert!(page.contains(&format!(
            "<a href=\"#arrow-{number}\" aria-label=\"{number}. "
        )));
    }
    assert!(page.contains("Browser to authorization server: label 1."));
    assert!(page.contains("This did not happen."));
    // The details of the broken arrow are open, and those alone.
    let lists = page.split("<h2 id=\"arrows\">").nth(1).unwrap();
    let lists = lists.split("</ol>").next().unwrap();
    assert_eq!(lists.matches("<details open>").count(), 1);
    let opened = lists.split("<details open>").nth(1).unwrap();
    assert!(
        opened
            .split("</details>")
            .next()
            .unwrap()
            .contains("callback.denied")
    );
}

#[test]
fn says_where_the_password_went() {
    let with = |list| {
        page(how::FlowView {
            password_received_by: list,
            ..flow()
        })
    };
    assert!(with(Some(vec![Who::AuthorizationServer])).contains("It never reached the client."));
    let leaked = with(Some(vec![Who::Client, Who::AuthorizationServer]));
    assert!(leaked.contains("received by: client, authorization server"));
    assert!(leaked.contains("how-password leaked"));
    assert!(with(None).contains("cannot show it"));
    assert!(with(Some(Vec::new())).contains("No password was typed"));
}

#[test]
fn the_file_is_one_well_formed_picture_with_its_own_colours_and_a_text_equivalent() {
    for flow in [flow(), hostile(&Evil::default())] {
        let svg = how::svg(&flow);
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let (tag, _) = tag.split_once('>').unwrap();
            let name = tag.split(' ').next().unwrap();
            if let Some(name) = name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else {
                assert!(!tag.ends_with('/'));
                open.push(name);
            }
        }
        assert!(open.is_empty());
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
        assert!(svg.contains("role=\"img\" aria-labelledby=\"title desc\""));
        assert!(svg.contains("prefers-color-scheme:dark"));
        for bad in ["<script", "<img", "href=", "url("] {
            assert!(!svg.contains(bad), "{bad}");
        }
        for n in 0..10 {
            assert!(!svg.contains(&value(n)));
        }
        let used: Vec<_> = svg
            .split("var(--")
            .skip(1)
            .filter_map(|v| v.split(')').next())
            .collect();
        for name in used {
            assert_eq!(svg.matches(&format!("--{name}:#")).count(), 2, "{name}");
        }
    }
}

#[test]
fn the_files_policy_allows_its_own_style() {
    use aws_lc_rs::digest::{SHA256, digest};
    use base64::{Engine, engine::general_purpose::STANDARD};
    let svg = how::svg(&flow());
    let style = svg
        .split("<style>")
        .nth(1)
        .unwrap()
        .split("</style>")
        .next()
        .unwrap();
    let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
    let headers = how::svg_headers();
    let policy = headers
        .iter()
        .find(|(name, _)| *name == "content-security-policy");
    assert!(
        policy
            .unwrap()
            .1
            .contains(&format!("style-src 'sha256-{hash}'"))
    );
}

#[test]
fn mermaid_text_has_the_arrows_that_happened_and_no_syntax_from_values() {
    let text = how::mermaid(&flow());
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(lines[0], "sequenceDiagram");
    assert!(lines.contains(&"B->>A: label 1<br/>cargo 1"), "{text}");
    assert!(lines.contains(&"B-xC: label 2<br/>cargo 2"), "{text}");
    assert!(lines.contains(&"Note over C: ✗ the user refused"), "{text}");
    assert!(lines.contains(&"Note over A: the password: it never reaches the client"));
    assert!(!text.contains("label 3"));

    let mut flow = flow();
    flow.arrows[0].label = "x\nA->>B: y; end %% #35; <b>".into();
    let text = how::mermaid(&flow);
    assert_eq!(
        text.lines().filter(|l| l.contains("->>")).count(),
        1,
        "{text}"
    );
    assert!(
        !text.contains("<b>") && !text.contains("%%") && !text.contains("y;"),
        "{text}"
    );
}
