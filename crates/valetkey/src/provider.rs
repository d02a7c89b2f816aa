//! A provider's entry in an application: who it is, where its endpoints are,
//! what is asked of it, and where its tokens may go.

use url::Url;
use valetkey_proto::{
    alg::Algorithm,
    client_auth::ClientAuth,
    error::{Blame, Problem},
    login::check_extra,
    transport::verify_url,
    userinfo::ProfileMap,
};

/// How a further request of a profile is read into the claims: the reply's
/// body, and the claims so far.
pub type ReadMore = fn(&[u8], &mut serde_json::Map<String, serde_json::Value>);

/// A second request that a provider's profile needs, such as GitHub's list
/// of e-mail addresses.
#[derive(Clone, Debug)]
pub struct More {
    /// Where it is read, with the token of this sign-in.
    pub url: String,
    /// The scope without which it is not tried. Granted scopes decide.
    pub scope: String,
    /// How it is read. A failure is no obstacle to sign-in.
    pub read: ReadMore,
}

/// The endpoints of a provider without metadata and ID tokens.
#[derive(Clone, Debug)]
pub struct OAuth2 {
    /// The issuer identifier under which its users are known here. Compared
    /// with `iss` whenever the provider sends one.
    pub issuer: String,
    /// The authorization endpoint.
    pub authorization_endpoint: String,
    /// The token endpoint.
    pub token_endpoint: String,
    /// The revocation endpoint (RFC 7009), if there is one.
    pub revocation_endpoint: Option<String>,
    /// Where the user's profile is read, with the token in the header.
    pub profile_endpoint: String,
    /// Where in the profile things are.
    pub profile: ProfileMap,
    /// A further request, where one is needed.
    pub more: Option<More>,
}

/// Where a provider's endpoints come from.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// From the issuer's metadata. It issues ID tokens.
    Oidc {
        issuer: String,
        issuer_alias: Option<String>,
    },
    /// From this entry. It issues no ID tokens.
    OAuth2(Box<OAuth2>),
}

/// A provider, as an application sees it. Start from
/// [`presets`](crate::presets), [`Provider::oidc`] or [`Provider::oauth2`].
///
/// ```
/// use valetkey::Provider;
/// let company = Provider::oidc("company", "https://id.example.com")
///     .scopes(["openid", "email", "offline_access"])
///     .extra("prompt", "consent");
/// assert_eq!(company.name(), "company");
/// assert_eq!(company.issuer(), "https://id.example.com");
/// ```
#[derive(Clone, Debug)]
pub struct Provider {
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) kind: Kind,
    pub(crate) scopes: Vec<String>,
    pub(crate) scope_separator: char,
    pub(crate) extra: Vec<(String, String)>,
    pub(crate) client_auth: Option<ClientAuth>,
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    pub(crate) api_origins: Vec<String>,
    pub(crate) userinfo: bool,
    pub(crate) max_age: Option<u64>,
    pub(crate) iss_required: bool,
    pub(crate) registration_page: Option<String>,
    pub(crate) danger_token_by_get: bool,
}

impl Provider {
    fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            display_name: name.to_owned(),
            kind,
            scopes: Vec::new(),
            scope_separator: ' ',
            extra: Vec::new(),
            client_auth: None,
            algorithms: None,
            api_origins: Vec::new(),
            userinfo: true,
            max_age: None,
            iss_required: false,
            registration_page: None,
            danger_token_by_get: false,
        }
    }

    /// An OpenID Connect provider: its endpoints are read from its metadata
    /// when they are first needed. Scopes are `openid profile email` unless
    /// [`scopes`](Self::scopes) says otherwise.
    #[must_use]
    pub fn oidc(name: &str, issuer: &str) -> Self {
        let mut provider = Self::new(
            name,
            Kind::Oidc {
                issuer: issuer.to_owned(),
                issuer_alias: None,
            },
        );
        provider.scopes = ["openid", "profile", "email"].map(str::to_owned).into();
        provider
    }

    /// A provider without metadata and ID tokens.
    #[must_use]
    pub fn oauth2(name: &str, endpoints: OAuth2) -> Self {
        Self::new(name, Kind::OAuth2(Box::new(endpoints)))
    }

    /// The name for people, as on the button "Sign in with …".
    #[must_use]
    pub fn display_name(mut self, name: &str) -> Self {
        self.display_name = name.to_owned();
        self
    }

    /// Replaces the scopes asked for.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// What stands between two scopes. Default: a space.
    #[must_use]
    pub fn scope_separator(mut self, separator: char) -> Self {
        self.scope_separator = separator;
        self
    }

    /// Adds, or replaces, a further parameter of the authorization request.
    /// Parameters of the protocol itself are refused when the client is
    /// built.
    #[must_use]
    pub fn extra(mut self, name: &str, value: &str) -> Self {
        self.extra.retain(|(n, _)| n != name);
        self.extra.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How the client authenticates. Default: as the metadata says, else
    /// `client_secret_basic`.
    #[must_use]
    pub fn client_auth(mut self, method: ClientAuth) -> Self {
        self.client_auth = Some(method);
        self
    }

    /// The signature algorithms accepted in ID tokens. Default: those that
    /// the metadata lists and Valetkey knows, else RS256.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Adds an origin that this provider's access tokens may be sent to,
    /// besides its issuer's and its user-data endpoint's.
    #[must_use]
    pub fn api_origin(mut self, origin: &str) -> Self {
        self.api_origins.push(origin.to_owned());
        self
    }

    /// Another value of `iss` in ID tokens that means this issuer.
    #[must_use]
    pub fn issuer_alias(mut self, alias: &str) -> Self {
        if let Kind::Oidc { issuer_alias, .. } = &mut self.kind {
            *issuer_alias = Some(alias.to_owned());
        }
        self
    }

    /// Whether UserInfo is read after the ID token is verified. Default: yes,
    /// where the metadata names the endpoint.
    #[must_use]
    pub fn userinfo(mut self, read: bool) -> Self {
        self.userinfo = read;
        self
    }

    /// The oldest acceptable sign-in at the provider, in seconds: sent as
    /// `max_age`, and checked against `auth_time`.
    #[must_use]
    pub fn max_age(mut self, seconds: u64) -> Self {
        self.max_age = Some(seconds);
        self
    }

    /// Whether this provider names itself in every answer: one without `iss`
    /// is refused then (RFC 9207 section 2.4). Metadata says so by itself;
    /// this is for entries without. Default: no.
    #[must_use]
    pub fn iss_required(mut self, yes: bool) -> Self {
        self.iss_required = yes;
        self
    }

    /// Where applications are registered at this provider.
    #[must_use]
    pub fn registration_page(mut self, url: &str) -> Self {
        self.registration_page = Some(url.to_owned());
        self
    }

    /// Asks for tokens by GET, with code and secret in the URL, where they
    /// end up in logs. Only for a provider that knows nothing else; no preset
    /// uses it.
    #[must_use]
    pub fn danger_token_by_get(mut self, yes: bool) -> Self {
        self.danger_token_by_get = yes;
        self
    }

    /// Renames the entry: for two entries of one preset.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// The entry's name: its settings, its `/login/{name}`, its callback.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name for people.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        &self.display_name
    }

    /// The issuer: pinned, or the one whose metadata is read.
    #[must_use]
    pub fn issuer(&self) -> &str {
        match &self.kind {
            Kind::Oidc { issuer, .. } => issuer,
            Kind::OAuth2(o) => &o.issuer,
        }
    }

    /// Whether this provider issues ID tokens.
    #[must_use]
    pub fn issues_id_tokens(&self) -> bool {
        matches!(self.kind, Kind::Oidc { .. })
    }

    /// Whether this provider serves only clients that have a secret, as far
    /// as the entry itself says.
    #[must_use]
    pub fn needs_secret(&self) -> bool {
        matches!(self.client_auth, Some(ClientAuth::Basic | ClientAuth::Post))
    }

    /// The scopes asked for.
    #[must_use]
    pub fn asked_scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Where applications are registered, if known.
    #[must_use]
    pub fn registration(&self) -> Option<&str> {
        self.registration_page.as_deref()
    }

    /// The origins that access tokens may be sent to, as far as the entry
    /// itself says; metadata adds its UserInfo endpoint's.
    #[must_use]
    pub fn api_origins(&self) -> &[String] {
        &self.api_origins
    }

    /// The same provider at another address: scheme, host and port of every
    /// URL of the entry, of its pinned issuer and of its API origins are
    /// replaced, paths stay. This is the setting `PROVIDER_URL`.
    ///
    /// # Errors
    ///
    /// A [`Problem`] `config.invalid` if `origin` is not an origin without a
    /// path, `transport.insecure` if it is http beyond loopback.
    pub fn at(mut self, origin: &str, danger_allow_http: bool) -> Result<Self, Problem> {
        let url = verify_url(origin, danger_allow_http)
            .map_err(|e| valetkey_proto::error::Explain::problem(&e))?;
        if url.path() != "/" || url.query().is_some() {
            return Err(Problem::new(
                "config.invalid",
                Blame::Config,
                format!("PROVIDER_URL `{origin}` has a path"),
                "It replaces scheme, host and port of the preset's URLs; their paths stay.",
                "Give the origin alone, such as http://127.0.0.1:9000.",
            ));
        }
        let origin = url.origin().ascii_serialization();
        let move_to = |old: &mut String| {
            if let Ok(parsed) = Url::parse(old) {
                let tail = old
                    .find("://")
                    .and_then(|i| old[i + 3..].find(['/', '?']).map(|j| i + 3 + j))
                    .map_or("", |i| &old[i..])
                    .to_owned();
                debug_assert!(parsed.has_host());
                *old = format!("{origin}{tail}");
            }
        };
        match &mut self.kind {
            Kind::Oidc {
                issuer,
                issuer_alias,
            } => {
                move_to(issuer);
                if issuer_alias.is_some() {
                    *issuer_alias = issuer.split_once("://").map(|(_, rest)| rest.to_owned());
                }
            }
            Kind::OAuth2(o) => {
                move_to(&mut o.issuer);
                move_to(&mut o.authorization_endpoint);
                move_to(&mut o.token_endpoint);
                move_to(&mut o.profile_endpoint);
                o.revocation_endpoint.iter_mut().for_each(move_to);
                if let Some(more) = &mut o.more {
                    move_to(&mut more.url);
                }
            }
        }
        self.api_origins.iter_mut().for_each(move_to);
        self.api_origins.dedup();
        Ok(self)
    }

    /// The same entry with another issuer, whose metadata is read instead.
    /// Nothing changes for a provider without metadata.
    #[must_use]
    pub fn at_issuer(mut self, new: &str) -> Self {
        if let Kind::Oidc { issuer, .. } = &mut self.kind {
            *issuer = new.to_owned();
        }
        self
    }

    /// Everything that is wrong with the entry.
    pub(crate) fn problems(&self, has_secret: bool, danger_allow_http: bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut invalid = |message: String, cause: &str, fix: &str| {
            problems.push(Problem::new(
                "config.invalid",
                Blame::Config,
                message,
                cause,
                fix,
            ));
        };
        let name = &self.name;
        if name.is_empty()
            || name.len() > 32
            || !name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
        {
            invalid(
                format!(
                    "the provider name `{}` is not usable",
                    name.chars().take(40).collect::<String>()
                ),
                "It becomes part of URLs, cookies and settings.",
                "Use 1 to 32 of the characters a-z, 0-9, `-` and `_`.",
            );
        }
        if let Err(e) = check_extra(&self.extra) {
            invalid(
                format!("provider `{name}`: {e}"),
                "The protocol sets this parameter itself.",
                "Take it out of the provider's extra parameters.",
            );
        }
        if self.issues_id_tokens() && !self.scopes.iter().any(|s| s == "openid") {
            invalid(
                format!("provider `{name}` does not ask for the scope `openid`"),
                "Without it an OpenID Connect provider sends no ID token, and nobody can be signed in.",
                "Add `openid` to the scopes.",
            );
        }
        if self.needs_secret() && !has_secret {
            invalid(
                format!("provider `{name}` authenticates with a client secret, and there is none"),
                "The secret was not set, or is not read.",
                "Set CLIENT_SECRET, or let the provider's entry say `none` for a public client.",
            );
        }
        if self.algorithms.as_ref().is_some_and(Vec::is_empty) {
            invalid(
                format!("provider `{name}` accepts no signature algorithm"),
                "The list is empty.",
                "Leave it out, or name at least one.",
            );
        }
        let mut urls = vec![("issuer", self.issuer())];
        if let Kind::OAuth2(o) = &self.kind {
            urls.push(("authorization endpoint", &o.authorization_endpoint));
            urls.push(("token endpoint", &o.token_endpoint));
            urls.push(("profile endpoint", &o.profile_endpoint));
            urls.extend(
                o.revocation_endpoint
                    .as_deref()
                    .map(|u| ("revocation endpoint", u)),
            );
            urls.extend(
                o.more
                    .as_ref()
                    .map(|m| ("further profile endpoint", &*m.url)),
            );
        }
        urls.extend(self.api_origins.iter().map(|u| ("API origin", &**u)));
        for (what, url) in urls {
            if let Err(e) = verify_url(url, danger_allow_http) {
                let mut p = valetkey_proto::error::Explain::problem(&e);
                p.message = format!("provider `{name}`, {what}: {}", p.message);
                problems.push(p);
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_url_moves_every_url_and_keeps_the_paths() {
        let github = crate::presets::provider("github")
            .unwrap()
            .at("http://127.0.0.1:9000", false)
            .unwrap();
        assert_eq!(github.issuer(), "http://127.0.0.1:9000/login/oauth");
        let Kind::OAuth2(o) = &github.kind else {
            panic!()
        };
        assert_eq!(
            o.token_endpoint,
            "http://127.0.0.1:9000/login/oauth/access_token"
        );
        assert_eq!(o.profile_endpoint, "http://127.0.0.1:9000/user");
        assert_eq!(github.api_origins(), ["http://127.0.0.1:9000"]);
        let google = crate::presets::provider("google")
            .unwrap()
            .at("http://localhost:1/", false)
            .unwrap();
        assert_eq!(google.issuer(), "http://localhost:1");
    }

    #[test]
    fn provider_url_must_be_an_origin() {
        let at = |u: &str| {
            crate::presets::provider("github")
                .unwrap()
                .at(u, false)
                .unwrap_err()
                .code
        };
        assert_eq!(at("http://127.0.0.1:9000/path"), "config.invalid");
        assert_eq!(at("http://127.0.0.1:9000/?x"), "config.invalid");
        assert_eq!(at("http://as.example"), "transport.insecure");
    }

    #[test]
    fn an_entry_with_several_mistakes_names_them_all() {
        let p = Provider::oidc("Big Corp", "http://as.example")
            .scopes(["email"])
            .extra("state", "x");
        let codes: Vec<_> = p.problems(true, false).iter().map(|p| p.code).collect();
        assert_eq!(
            codes,
            [
                "config.invalid",
                "config.invalid",
                "config.invalid",
                "transport.insecure"
            ]
        );
    }
}
