use std::collections::HashSet;

use valetkey_pages::{FormView, Granted, Link, app, headers, provider};

use crate::hostile::pages;

/// The start tags named `name`, without the angle brackets.
fn tags<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    html.split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
        .filter(|tag| tag.split([' ', '/']).next() == Some(name))
        .collect()
}

/// The value of an attribute, as spelled in the source.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// A start tag without the values of its attributes.
fn without_values(tag: &str) -> String {
    tag.split('"').step_by(2).collect()
}

/// Every start tag of the page's body and head.
fn all_tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .filter(|rest| !rest.starts_with(['/', '!']))
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
        .collect()
}

#[test]
fn every_page_has_language_title_landmarks_and_one_heading() {
    for page in pages() {
        let (name, html) = (page.name, &page.html);
        assert!(
            html.starts_with("<!DOCTYPE html><html lang=\"en\">"),
            "{name}"
        );
        for once in ["h1", "main", "header", "footer", "title"] {
            assert_eq!(tags(html, once).len(), 1, "{name}: {once}");
        }
        assert!(html.contains("href=\"#main\""), "{name}: skip link");
        assert!(
            html.contains("<meta name=\"color-scheme\" content=\"light dark\">"),
            "{name}"
        );
    }
}

#[test]
fn every_input_has_a_label_and_every_reference_a_target() {
    for page in pages() {
        let (name, html) = (page.name, &page.html);
        let ids: Vec<_> = all_tags(html)
            .into_iter()
            .filter_map(|tag| attribute(tag, "id"))
            .collect();
        let unique: HashSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "{name}: {ids:?}");
        let labels: HashSet<_> = tags(html, "label")
            .into_iter()
            .filter_map(|tag| attribute(tag, "for"))
            .collect();
        for input in tags(html, "input") {
            if attribute(input, "type") != Some("hidden") {
                let id = attribute(input, "id").unwrap();
                assert!(labels.contains(id), "{name}: {id}");
            }
        }
        for tag in all_tags(html) {
            for reference in ["aria-describedby", "aria-labelledby", "for"] {
                for id in attribute(tag, reference).unwrap_or_default().split(' ') {
                    assert!(id.is_empty() || ids.contains(&id), "{name}: {id}");
                }
            }
        }
    }
}

#[test]
fn nothing_is_fetched_run_or_styled_from_elsewhere() {
    for page in pages() {
        let name = page.name;
        for tag in all_tags(&page.html) {
            let element = tag.split([' ', '/']).next().unwrap_or_default();
            assert!(
                !matches!(
                    element,
                    "script" | "img" | "iframe" | "object" | "embed" | "base" | "use" | "video"
                ),
                "{name}: {element}"
            );
            let names = without_values(tag);
            for bad in [" src=", " style=", " on"] {
                assert!(!names.contains(bad), "{name}: {tag}");
            }
        }
        for link in tags(&page.html, "link") {
            assert!(
                attribute(link, "href")
                    .unwrap()
                    .starts_with("data:image/svg+xml,")
            );
        }
    }
    let style = valetkey_pages::style();
    assert!(!style.contains("url(") && !style.contains("@import"));
}

#[test]
fn every_form_posts_and_none_to_a_refused_address() {
    for page in pages() {
        for form in tags(&page.html, "form") {
            assert_eq!(attribute(form, "method"), Some("post"), "{}", page.name);
            let action = attribute(form, "action");
            assert!(action.is_none_or(|a| a.starts_with('/')), "{action:?}");
        }
    }
}

#[test]
fn a_form_without_a_safe_address_cannot_be_sent() {
    let page = app::greeting(&app::Greeting {
        forms: vec![FormView {
            name: "sign-out".into(),
            action: "//evil.example/".into(),
            label: "Sign out".into(),
            ..Default::default()
        }],
        ..Default::default()
    });
    let button = tags(&page, "button")[0];
    assert!(
        button.ends_with(" disabled") || button.contains(" disabled "),
        "{button}"
    );
    assert!(!page.contains("evil.example"));
}

#[test]
fn the_provider_asks_for_user_name_and_password() {
    let page = provider::sign_in(&provider::SignInView {
        action: "/sign-in".into(),
        ..Default::default()
    });
    assert_eq!(attribute(tags(&page, "form")[0], "name"), Some("sign-in"));
    let inputs = tags(&page, "input");
    let by_name = |name| {
        *inputs
            .iter()
            .find(|tag| attribute(tag, "name") == Some(name))
            .unwrap()
    };
    assert_eq!(
        attribute(by_name("username"), "autocomplete"),
        Some("username")
    );
    assert!(by_name("username").contains(" autofocus"));
    let password = by_name("password");
    assert_eq!(attribute(password, "type"), Some("password"));
    assert_eq!(
        attribute(password, "autocomplete"),
        Some("current-password")
    );
    assert_eq!(attribute(password, "value"), None);
}

#[test]
fn a_wrong_password_is_announced_and_tied_to_the_fields() {
    let page = provider::sign_in(&provider::SignInView {
        action: "/sign-in".into(),
        username: "alice".into(),
        error: Some("Wrong password.".into()),
        ..Default::default()
    });
    assert!(page.contains("<title>Error: Sign in"));
    assert!(page.contains("role=\"alert\" id=\"sign-in-error\""));
    assert_eq!(page.matches("aria-invalid=\"true\"").count(), 2);
}

#[test]
fn consent_is_a_choice_between_two_buttons_without_focus() {
    let page = provider::consent(&provider::ConsentView {
        action: "/consent".into(),
        ..Default::default()
    });
    assert_eq!(attribute(tags(&page, "form")[0], "name"), Some("consent"));
    let decisions: Vec<_> = tags(&page, "button")
        .into_iter()
        .map(|tag| (attribute(tag, "name"), attribute(tag, "value")))
        .collect();
    let decision = Some("decision");
    assert_eq!(
        decisions,
        [(decision, Some("allow")), (decision, Some("deny"))]
    );
    assert!(!page.contains("autofocus"));
}

#[test]
fn a_scope_is_listed_by_its_words_and_its_name() {
    let page = provider::consent(&provider::ConsentView {
        scopes: ["profile", "repo:status"].map(Granted::of).into(),
        ..Default::default()
    });
    assert!(page.contains("see your name and public profile"));
    assert!(page.contains("<code>profile</code>"));
    assert_eq!(page.matches("repo:status").count(), 1);
}

#[test]
fn a_grants_form_names_its_client_once() {
    let page = provider::account(&provider::AccountView {
        grants: vec![provider::GrantView {
            client_id: "demo".into(),
            hidden: vec![valetkey_pages::Hidden::new("client_id", "other")],
            ..Default::default()
        }],
        revoke_action: "/account/revoke".into(),
        register_action: "/account/register".into(),
        sign_out_action: "/account/sign-out".into(),
        ..Default::default()
    });
    let names: Vec<_> = tags(&page, "form")
        .into_iter()
        .filter_map(|tag| attribute(tag, "name"))
        .collect();
    assert_eq!(names, ["sign-out", "revoke", "register"]);
    assert!(page.contains("name=\"client_id\" value=\"demo\""));
    assert!(!page.contains("value=\"other\""));
    for name in ["client_name", "redirect_uri"] {
        assert!(page.contains(&format!("name=\"{name}\"")), "{name}");
    }
}

#[test]
fn home_greets_by_name_and_nothing_else() {
    let page = app::home(&app::HomeView {
        greeting_name: "Alice Example".into(),
        forms: ["call-api", "refresh", "revoke", "sign-out"]
            .map(|name| FormView {
                name: name.into(),
                action: format!("/{name}"),
                ..Default::default()
            })
            .into(),
        ..Default::default()
    });
    assert!(page.contains("<h1>Hello Alice Example</h1>"));
    let names: Vec<_> = tags(&page, "form")
        .into_iter()
        .filter_map(|tag| attribute(tag, "name"))
        .collect();
    assert_eq!(names, ["call-api", "refresh", "revoke", "sign-out"]);
}

#[test]
fn lost_cookies_and_another_browser_are_told_apart() {
    let other = app::ErrorView {
        code: "callback.other_browser".into(),
        ..Default::default()
    };
    let lost = app::ErrorView {
        cookie_lost: true,
        ..other.clone()
    };
    assert!(app::error(&other).contains("<h1>This sign-in began in another browser</h1>"));
    assert!(app::error(&lost).contains("<h1>Your browser did not send the sign-in cookie</h1>"));
}

#[test]
fn every_code_of_the_contract_has_a_heading_of_its_own() {
    for code in [
        "callback.duplicate_parameter",
        "callback.state_missing",
        "callback.state_mismatch",
        "callback.state_spent",
        "callback.expired",
        "callback.other_browser",
        "callback.iss_mismatch",
        "callback.denied",
        "callback.provider_error",
        "callback.code_missing",
        "session.missing",
        "refresh.refused",
        "request.cross_site",
        "token.refused",
        "token.invalid_response",
        "id_token.invalid",
        "userinfo.subject_mismatch",
        "provider.unreachable",
        "provider.metadata_invalid",
        "store.locked",
        "store.full",
        "store.read_only",
        "store.newer_version",
        "store.damaged",
    ] {
        assert_ne!(
            app::title_for(code),
            app::title_for("no.such_code"),
            "{code}"
        );
    }
    assert_eq!(app::tone_for("callback.denied"), app::Tone::Calm);
    assert_eq!(app::tone_for("store.full"), app::Tone::Wait);
}

#[test]
fn a_store_failure_says_that_nobody_was_signed_out() {
    let page = app::error(&app::ErrorView {
        code: "store.read_only".into(),
        actions: vec![Link::new("Try again", "/")],
        ..Default::default()
    });
    assert!(page.contains("if you were signed in, you still are"));
}

#[test]
fn headers_forbid_caching_sniffing_and_framing() {
    let of = |list: Vec<(&'static str, String)>, name: &str| {
        list.into_iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    };
    for list in [headers(None), provider::headers(None)] {
        assert_eq!(
            of(list.clone(), "cache-control").as_deref(),
            Some("no-store")
        );
        assert_eq!(of(list.clone(), "x-frame-options").as_deref(), Some("DENY"));
        assert_eq!(
            of(list.clone(), "x-content-type-options").as_deref(),
            Some("nosniff")
        );
        assert_eq!(
            of(list.clone(), "referrer-policy").as_deref(),
            Some("same-origin")
        );
        let csp = of(list, "content-security-policy").unwrap();
        assert!(csp.starts_with("default-src 'none';"), "{csp}");
    }
    let opener = "cross-origin-opener-policy";
    assert_eq!(of(headers(None), opener).as_deref(), Some("same-origin"));
    assert_eq!(of(provider::headers(None), opener), None);
}

#[test]
fn names_between_backticks_become_code_and_stay_escaped() {
    let page = app::error(&app::ErrorView {
        message: "The `state` came with `<b>`.".into(),
        cause: "One ` alone is only that.".into(),
        ..Default::default()
    });
    assert!(page.contains("The <code>state</code> came with <code>&lt;b&gt;</code>."));
    assert!(page.contains("One ` alone is only that."));
}

#[test]
fn the_page_after_signing_out_leads_back_in() {
    let mut view = app::SignedOutView {
        providers: vec![app::ProviderLink {
            id: "github".into(),
            name: "GitHub".into(),
            href: "/login/github".into(),
        }],
        ..Default::default()
    };
    let page = app::signed_out_done(&view);
    assert!(page.contains("href=\"/login/github\""), "{page}");
    view.links = vec![Link::new("Sign in again", "/login")];
    let page = app::signed_out_done(&view);
    assert!(page.contains("href=\"/login\""), "{page}");
    assert!(!page.contains("/login/github"), "{page}");
}

#[test]
fn the_providers_reasons_are_sentences() {
    let page = provider::error(&provider::ErrorView {
        cause: "the client id is not the registered one".into(),
        fix: "Use another. Or register one?".into(),
        ..Default::default()
    });
    assert!(page.contains("<p>The client id is not the registered one.</p>"));
    assert!(page.contains("<p>Use another. Or register one?</p>"));
}

#[test]
fn a_subject_is_not_called_a_name() {
    let mut view = app::HomeView {
        greeting_name: "carol".into(),
        subject: "carol".into(),
        ..Default::default()
    };
    assert!(!app::home(&view).contains("<dt>Name</dt>"));
    view.greeting_name = "Carol Example".into();
    assert!(app::home(&view).contains("<dt>Name</dt>"));
}
