//! What is known of libraries, as data: one TOML file each in `libraries/`.
//!
//! Each language has a folder. A file says what a call *does*, in the engine's words ([`Does`]), and what
//! an attribute *is*. Adding a library is adding a file and a line in
//! its language's list; the engine does not change.

use std::{collections::BTreeMap, sync::OnceLock};

use serde::Deserialize;

use crate::lang::Language;

macro_rules! files {
    ($folder:literal: $($name:literal)*) => {
        &[$(($name, include_str!(concat!("libraries/", $folder, "/", $name, ".toml")))),*]
    };
}

const PYTHON: &[(&str, &str)] = files!("python":
    "python" "python-web" "python-http" "python-jwt" "requests-oauthlib" "oauthlib" "authlib"
    "google-auth-oauthlib" "msal" "flask-dance" "flask-oauthlib" "python-social-auth"
    "django-allauth" "rauth" "fastapi-sso"
);

const JAVASCRIPT: &[(&str, &str)] = files!("javascript":
    "javascript"
);

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Does {
    /// An unguessable value; `bytes` is how much of it.
    Random,
    WeakRandom,
    Env,
    /// Compares two values and says whether they are equal.
    Equal,
    /// The value itself, in another spelling.
    Same,
    Hash,
    /// Ends the request with an error.
    Abort,
    Redirect,
    /// The value becomes an answer that the browser sees.
    Respond,
    Log,
    SetCookie,
    UrlEncode,
    ParseQuery,
    /// An HTTP request.
    Http,
    /// An object that makes HTTP requests.
    HttpClient,
    /// `base` with `params`, as a URL.
    BuildUrl,
    /// An object that knows the client, its fields from the arguments.
    OauthClient,
    AuthorizeUrl,
    TokenRequest,
    /// Raises when the token response is an error.
    CheckToken,
    /// The library sends the browser to the provider and does all there is to it.
    DelegateLogin,
    /// The library handles the callback and does all there is to it.
    DelegateCallback,
    /// A registration of a provider with a library that does the rest.
    Register,
    VerifyIdToken,
    DecodeJwt,
    /// Says whether a URL stays on this site.
    SafeUrl,
    /// Signs a user in.
    Login,
    /// An object whose content all browsers share.
    SharedStore,
    /// Opens what this app signed or sealed, for whichever browser.
    Unsign,
    RunApp,
    /// The URL of a route of this app.
    RouteUrl,
    /// The request that is being answered.
    Request,
    /// Something that the user types.
    UserInput,
    /// The parameter `name` of the request.
    Param,
    Cookie,
    /// A value of the framework's settings.
    Config,
    /// `value` is put under `name` in this browser's session.
    SessionMap,
    Dict,
    Nothing,
}

/// A call that is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallModel {
    pub(crate) names: Vec<String>,
    pub(crate) does: Does,
    /// Names of the positional parameters.
    #[serde(default)]
    pub(crate) params: Vec<String>,
    /// What the library does by itself, in the words of the effect.
    #[serde(default)]
    pub(crate) facts: BTreeMap<String, String>,
    #[serde(skip)]
    pub(crate) library: &'static str,
}

/// An attribute that is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttrModel {
    pub(crate) of: Vec<String>,
    pub(crate) names: Vec<String>,
    /// `map:NAME`, `origin:NAME`, `class:NAME`.
    pub(crate) is: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    call: Vec<CallModel>,
    #[serde(default)]
    attr: Vec<AttrModel>,
    /// Names that stand for something where no import says so.
    #[serde(default)]
    assumed: BTreeMap<String, String>,
    /// Base classes whose methods are entries.
    #[serde(default)]
    handlers: Vec<String>,
    /// Names in imports or settings that make the library responsible for the
    /// whole flow.
    #[serde(default)]
    delegates: Vec<String>,
}

/// All that is known.
#[derive(Debug, Default)]
pub(crate) struct Libraries {
    calls: BTreeMap<String, (usize, usize)>,
    attrs: BTreeMap<(String, String), String>,
    files: Vec<Vec<CallModel>>,
    pub(crate) assumed: BTreeMap<String, String>,
    pub(crate) handlers: Vec<String>,
    pub(crate) delegates: Vec<(String, &'static str)>,
}

impl Libraries {
    /// Read once. A file that does not parse is a bug that a test finds.
    pub(crate) fn of(language: Language) -> &'static Self {
        static PYTHON_KNOWN: OnceLock<Libraries> = OnceLock::new();
        static JAVASCRIPT_KNOWN: OnceLock<Libraries> = OnceLock::new();
        let (known, files) = match language {
            Language::Python => (&PYTHON_KNOWN, PYTHON),
            Language::JavaScript => (&JAVASCRIPT_KNOWN, JAVASCRIPT),
        };
        known.get_or_init(|| Self::read(files).unwrap_or_default())
    }

    fn read(files: &'static [(&str, &str)]) -> Result<Self, String> {
        let mut known = Self::default();
        for (library, text) in files {
            let mut file: File = toml::from_str(text).map_err(|e| format!("{library}: {e}"))?;
            let number = known.files.len();
            for (i, call) in file.call.iter_mut().enumerate() {
                call.library = library;
                for name in &call.names {
                    known.calls.insert(name.clone(), (number, i));
                }
            }
            for attr in file.attr {
                for of in &attr.of {
                    for name in &attr.names {
                        known
                            .attrs
                            .insert((of.clone(), name.clone()), attr.is.clone());
                    }
                }
            }
            known.files.push(file.call);
            known.assumed.extend(file.assumed);
            known.handlers.extend(file.handlers);
            known
                .delegates
                .extend(file.delegates.into_iter().map(|d| (d, *library)));
        }
        Ok(known)
    }

    pub(crate) fn call(&self, name: &str) -> Option<&CallModel> {
        let (file, i) = self.calls.get(name)?;
        self.files.get(*file)?.get(*i)
    }

    /// The method of a class, or of anything.
    pub(crate) fn method(&self, class: &str, name: &str) -> Option<&CallModel> {
        self.call(&format!("{class}.{name}"))
    }

    pub(crate) fn attr(&self, class: &str, name: &str) -> Option<&str> {
        self.attrs
            .get(&(class.to_owned(), name.to_owned()))
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_file_is_well_formed() {
        for files in [super::PYTHON, super::JAVASCRIPT] {
            let known = super::Libraries::read(files).unwrap();
            assert!(known.calls.len() > 100);
        }
    }
}
