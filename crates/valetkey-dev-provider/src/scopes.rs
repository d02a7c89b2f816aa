//! Scopes: what each preset knows, and what it calls them.

use crate::preset::Preset;

const GOOGLE_PREFIX: &str = "https://www.googleapis.com/auth/";

/// The scopes that a preset knows, as its metadata lists them.
pub(crate) fn supported(preset: Preset) -> &'static [&'static str] {
    match preset {
        Preset::Oidc => &[
            "openid",
            "profile",
            "email",
            "offline_access",
            "read:photos",
            "read:mail",
        ],
        Preset::GitHub => &[
            "user",
            "read:user",
            "user:email",
            "repo",
            "public_repo",
            "gist",
            "read:org",
            "notifications",
            "offline_access",
        ],
        Preset::Google => &["openid", "email", "profile"],
        Preset::Facebook => &["public_profile", "email", "user_photos", "user_friends"],
    }
}

/// Splits a `scope` parameter, or says that it is malformed
/// (RFC 6749 section 3.3).
pub(crate) fn parse_scope(preset: Preset, scope: &str) -> Option<Vec<&str>> {
    let separators: &[char] = match preset {
        Preset::GitHub | Preset::Facebook => &[' ', ','],
        _ => &[' '],
    };
    let scopes: Vec<&str> = scope
        .split(separators)
        .filter(|one| !one.is_empty())
        .collect();
    scopes
        .iter()
        .all(|one| {
            one.bytes()
                .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
        })
        .then_some(scopes)
}

/// What is granted when `asked` is asked for: the scopes that the preset
/// knows, under the names that it gives them, each once. Unknown ones are
/// left out (OpenID Connect Core 3.1.2.1).
pub(crate) fn grantable(preset: Preset, asked: &[&str]) -> Vec<String> {
    let mut granted: Vec<String> = Vec::new();
    let mut grant = |scope: String| {
        if !granted.contains(&scope) {
            granted.push(scope);
        }
    };
    if preset == Preset::Facebook {
        grant("public_profile".to_owned());
    }
    for scope in asked {
        match preset {
            // The names that come back are others (flask-dance#148).
            Preset::Google if matches!(*scope, "email" | "profile") => {
                grant(format!("{GOOGLE_PREFIX}userinfo.{scope}"));
            }
            Preset::Google if *scope == "openid" || scope.starts_with(GOOGLE_PREFIX) => {
                grant((*scope).to_owned());
            }
            _ if supported(preset).contains(scope) => grant((*scope).to_owned()),
            _ => {}
        }
    }
    granted
}

/// What separates scopes in a token reply.
pub(crate) fn separator(preset: Preset) -> &'static str {
    match preset {
        Preset::GitHub => ",",
        _ => " ",
    }
}

fn has(scopes: &[String], any_of: &[&str]) -> bool {
    scopes.iter().any(|scope| any_of.contains(&scope.as_str()))
}

/// Whether an ID token is issued (OpenID Connect Core 3.1.2.1).
pub(crate) fn opens_openid(scopes: &[String]) -> bool {
    has(scopes, &["openid"])
}

/// Whether name and user name may be read.
pub(crate) fn opens_profile(scopes: &[String]) -> bool {
    has(
        scopes,
        &[
            "profile",
            "public_profile",
            "https://www.googleapis.com/auth/userinfo.profile",
        ],
    )
}

/// Whether the e-mail address may be read.
pub(crate) fn opens_email(scopes: &[String]) -> bool {
    has(
        scopes,
        &[
            "email",
            "user",
            "user:email",
            "https://www.googleapis.com/auth/userinfo.email",
        ],
    )
}
