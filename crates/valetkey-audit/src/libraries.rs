//! What is known of libraries, as data: one TOML file each in `libraries/`.
//!
//! Each language has a folder. A file says what a call *does*, in the engine's words ([`Does`]), and what
//! an attribute *is*. Adding a library is adding a file and a line in
//! its language's list; the engine does not change.

use std::{
    collections::{BTreeMap, HashSet},
    sync::OnceLock,
};

use serde::Deserialize;

use crate::{lang::Language, versioned::Change};

mod table;

use table::Table;

macro_rules! files {
    ($folder:literal: $($name:literal)*) => {
        &[$(($name, include_str!(concat!("libraries/", $folder, "/", $name, ".toml")))),*]
    };
}

const PYTHON: &[(&str, &str)] = files!("python":
    "python" "python-web" "python-http" "python-jwt" "requests-oauthlib" "oauthlib" "authlib"
    "google-auth-oauthlib" "msal" "flask-dance" "flask-oauthlib" "python-social-auth"
    "django-allauth" "rauth" "fastapi-sso" "httpx-oauth" "aioauth-client" "streamlit" "tornado"
    "flask-discord" "spotipy" "oauth2client" "slack-sdk" "stravalib"
    "tweepy" "praw" "intuitlib" "zenora" "dropbox" "python-keycloak" "auth0-python" "flask-oidc"
    "mozilla-django-oidc" "streamlit-oauth" "nicegui" "falcon"
);

const RUST: &[(&str, &str)] = files!("rust":
    "rust" "rust-web" "rust-session" "rust-http" "rust-jwt" "oauth2" "openidconnect" "axum-login"
    "rocket-oauth2" "rspotify" "rust-providers" "serenity-oauth" "tauri" "worker" "valetkey"
);

const RUBY: &[(&str, &str)] = files!("ruby":
    "ruby" "ruby-web" "ruby-http" "ruby-jwt" "oauth2" "rack-oauth2" "omniauth" "googleauth"
    "octokit" "koala" "ruby-apis"
);

const JAVASCRIPT: &[(&str, &str)] = files!("javascript":
    "javascript" "node-web" "node-http" "node-jwt" "passport" "openid-client" "next-auth"
    "simple-oauth2" "google-auth-library" "msal-node" "arctic" "octokit" "grant" "oauth"
    "fastify-oauth2" "oauth-middleware" "superagent" "provider-sdks"
);

const GO: &[(&str, &str)] = files!("go":
    "go" "go-web" "go-http" "go-sessions" "go-jwt" "oauth2" "go-oidc" "goth"
    "spotify" "resty" "gologin" "zitadel" "msal" "oauth2cli" "beego" "wechat"
    "revel" "redis" "go-clients" "gorequest"
    "fasthttp" "go-lambda"
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
    /// The same, unless the first argument is true.
    Assert,
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
    /// Says whether a text begins with another one; with the fact `weak`,
    /// whether it names a scheme.
    Begins,
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
    /// The header `name` of the request.
    Header,
    /// Sets the header `name` of the answer to `value`.
    SetHeader,
    /// The functions among the arguments answer requests.
    Route,
    /// A URL that can be taken apart and changed: `url`, with `base` before it.
    Url,
    /// The text of such a URL.
    UrlText,
    /// A list of parameters that can be changed: of the request, or made of
    /// what it is given.
    Params,
    /// A function that stands before others and does a part of the flow: what
    /// the call that the fact `login`, `callback` or `end` names does.
    Guard,
    /// Goes on to the next function of a route; with an argument, ends it.
    Next,
    /// The pairs of a mapping.
    Entries,
    /// Whether there is a value; with the fact `empty`, one that says
    /// something.
    Present,
    /// The opposite.
    Absent,
    /// The functions among the arguments, or the methods that they name, run
    /// before those that answer requests, and let them run unless they answer.
    Before,
    /// `name` is set to `value`, as a setting.
    Setting,
    /// `value` becomes the field that the fact `field` names.
    Keep,
    /// An object that knows what its maker knows, and the arguments; a
    /// function among them is called for its value.
    Begin,
    /// Such an object with one part more: the field that the fact `field` or
    /// the argument `name` names.
    Part,
    /// A verifier and its challenge, as a pair; the fact `method`.
    Pkce,
    /// The member of its receiver that the fact `field` names.
    Member,
    /// A framework hands the argument to functions, by its type.
    Provide,
    /// The result of the function that it is given.
    Run,
    /// The method of that name of the app's own class.
    Implemented,
    /// What other requests of this family of functions wait at most.
    DefaultTimeout,
    /// A value of the framework's settings.
    Config,
    /// `value` is put under `name` in this browser's session.
    SessionMap,
    /// The member `name` of this browser's session; with the fact `remove`,
    /// for the last time.
    SessionGet,
    /// `value` becomes the member `name` of this browser's session.
    SessionPut,
    /// An object of the class that the fact `class` names, its fields from
    /// the arguments.
    Object,
    /// `into` becomes what `from`, or the receiver, is.
    Fill,
    /// The option `key` with `value`; with the fact `hash`, the challenge of
    /// that verifier.
    Option,
    /// A text of a format and values.
    Format,
    /// Texts with one between them.
    Join,
    /// Writes values to an answer, or to a log.
    Print,
    /// Calls the function that it is a method of.
    Invoke,
    /// Keeps the next function of a route from running.
    Halt,
    /// A page made of a template and `data`.
    Render,
    /// `value` becomes the member `name` of a store that all browsers share.
    StorePut,
    /// A list with more at its end.
    Append,
    /// Decodes base64: of an ID token, what it says.
    Decode,
    /// The text of an object, under the names that its fields are sent with.
    Encode,
    Dict,
    /// The first argument, with what the others hold.
    Merge,
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
    /// The parameter whose members are arguments, too.
    #[serde(default)]
    pub(crate) options: Option<String>,
    /// The engine's names of arguments that the library calls otherwise.
    #[serde(default)]
    pub(crate) rename: BTreeMap<String, String>,
    /// What the call is worth after what it does: `map:NAME`, `class:NAME`…
    #[serde(default)]
    pub(crate) gives: Option<String>,
    /// What the library does by itself, in the words of the effect.
    #[serde(default)]
    pub(crate) facts: BTreeMap<String, String>,
    #[serde(skip)]
    pub(crate) library: &'static str,
}

impl CallModel {
    /// Whether a method of that name with so many arguments may be this one.
    pub(crate) fn takes(&self, given: usize) -> bool {
        let most = self.facts.get("most").and_then(|n| n.parse().ok());
        most.is_none_or(|most: usize| given <= most)
    }
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

/// What a framework hands to the functions that answer requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParamModel {
    /// Names of the parameter.
    #[serde(default)]
    names: Vec<String>,
    /// Last words of its type.
    #[serde(default)]
    types: Vec<String>,
    /// What stands somewhere in its annotation.
    #[serde(default)]
    marks: Vec<String>,
    /// What its annotation begins with.
    #[serde(default)]
    starts: Vec<String>,
    /// As of an attribute; `param:`, `cookie:` and `header:` are followed by
    /// a name, or by nothing where the parameter's own counts.
    is: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    param: Vec<ParamModel>,
    /// Words of decorators that make a function answer requests.
    #[serde(default)]
    routes: Vec<String>,
    /// Names of methods that answer requests in the classes of `handlers`;
    /// `*`: all that are not private.
    #[serde(default)]
    verbs: Vec<String>,
    /// Modules of frameworks that answer for a parameter which is read, but
    /// missing.
    #[serde(default)]
    answers_missing: Vec<String>,
    /// Decorators whose functions are run once for each of their arguments.
    #[serde(default)]
    remembers: Vec<String>,
    /// Parameters of such functions are parameters of the request.
    #[serde(default)]
    injects: bool,
    /// The protocol's names of members that the language spells otherwise.
    #[serde(default)]
    spelling: BTreeMap<String, String>,
    /// The engine's names of methods of mappings that the language calls
    /// otherwise.
    #[serde(default)]
    methods: BTreeMap<String, String>,
    #[serde(default)]
    call: Vec<CallModel>,
    #[serde(default)]
    attr: Vec<AttrModel>,
    #[serde(default)]
    version: Vec<Change>,
    /// Names that stand for something where no import says so.
    #[serde(default)]
    assumed: BTreeMap<String, String>,
    /// Base classes whose methods are entries; `*` stands for a beginning.
    #[serde(default)]
    handlers: Vec<String>,
    /// Ends of names that stand for routes of the app.
    #[serde(default)]
    route_names: Vec<String>,
    /// Names in imports or settings that make the library responsible for the
    /// whole flow.
    #[serde(default)]
    delegates: Vec<String>,
}

/// All that is known.
#[derive(Debug, Default)]
pub(crate) struct Libraries {
    calls: Table<(usize, usize)>,
    attrs: Table<String>,
    /// What names of modules begin with: `a.b` for `a.b.c`.
    modules: HashSet<String>,
    files: Vec<Vec<CallModel>>,
    params: Vec<ParamModel>,
    spelling: BTreeMap<String, String>,
    methods: BTreeMap<String, String>,
    pub(crate) routes: Vec<String>,
    pub(crate) verbs: Vec<String>,
    pub(crate) answers_missing: Vec<String>,
    pub(crate) remembers: Vec<String>,
    pub(crate) injects: bool,
    pub(crate) assumed: BTreeMap<String, String>,
    pub(crate) handlers: Vec<String>,
    pub(crate) route_names: Vec<String>,
    pub(crate) delegates: Vec<(String, &'static str)>,
    /// What other versions do otherwise.
    pub(crate) changes: Vec<Change>,
}

impl Libraries {
    /// Read once. A file that does not parse is a bug that a test finds.
    pub(crate) fn of(language: Language) -> &'static Self {
        static PYTHON_KNOWN: OnceLock<Libraries> = OnceLock::new();
        static RUST_KNOWN: OnceLock<Libraries> = OnceLock::new();
        static JAVASCRIPT_KNOWN: OnceLock<Libraries> = OnceLock::new();
        static RUBY_KNOWN: OnceLock<Libraries> = OnceLock::new();
        static GO_KNOWN: OnceLock<Libraries> = OnceLock::new();
        let known = match language {
            Language::Python => &PYTHON_KNOWN,
            Language::JavaScript => &JAVASCRIPT_KNOWN,
            Language::Go => &GO_KNOWN,
            Language::Rust => &RUST_KNOWN,
            Language::Ruby => &RUBY_KNOWN,
        };
        known.get_or_init(|| Self::fresh(language))
    }

    /// The same, to change.
    pub(crate) fn fresh(language: Language) -> Self {
        let files = match language {
            Language::Python => PYTHON,
            Language::JavaScript => JAVASCRIPT,
            Language::Go => GO,
            Language::Rust => RUST,
            Language::Ruby => RUBY,
        };
        Self::read(files).unwrap_or_default()
    }

    pub(crate) fn call_mut(&mut self, name: &str) -> Option<&mut CallModel> {
        let (file, i) = self.calls.get(name)?;
        self.files.get_mut(*file)?.get_mut(*i)
    }

    fn read(files: &'static [(&str, &str)]) -> Result<Self, String> {
        let mut known = Self::default();
        for (library, text) in files {
            let mut file: File = toml::from_str(text).map_err(|e| format!("{library}: {e}"))?;
            let number = known.files.len();
            for (i, call) in file.call.iter_mut().enumerate() {
                call.library = library;
                for name in &call.names {
                    known.calls.insert(name, (number, i));
                    let mut module = name.as_str();
                    while let Some((of, _)) = module.rsplit_once('.') {
                        known.modules.insert(of.to_owned());
                        module = of;
                    }
                }
            }
            for attr in file.attr {
                for of in &attr.of {
                    if of.contains('/') {
                        known.modules.insert(of.clone());
                    }
                    for name in &attr.names {
                        known.attrs.insert(&format!("{of}.{name}"), attr.is.clone());
                    }
                }
            }
            known.files.push(file.call);
            known.params.extend(file.param);
            known.routes.extend(file.routes);
            known.verbs.extend(file.verbs);
            known.answers_missing.extend(file.answers_missing);
            known.remembers.extend(file.remembers);
            known.injects |= file.injects;
            known.spelling.extend(file.spelling);
            known.methods.extend(file.methods);
            known.assumed.extend(file.assumed);
            known.handlers.extend(file.handlers);
            known.changes.extend(file.version);
            known.route_names.extend(file.route_names);
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
        let (file, i) = self.calls.member(class, name)?;
        self.files.get(*file)?.get(*i)
    }

    /// Whether anything that is known may have a member of that name.
    pub(crate) fn may_have(&self, name: &str) -> bool {
        self.calls.may_end(name) || self.attrs.may_end(name)
    }

    /// What a framework hands to a parameter.
    pub(crate) fn param(&self, name: &str, annotation: &str) -> Option<&str> {
        let last = annotation
            .rsplit(['.', '[', '*', '&', ' ', ':'])
            .next()
            .unwrap_or(annotation)
            .trim_end_matches([']', '>']);
        self.params
            .iter()
            .find(|p| {
                p.marks.iter().any(|m| annotation.contains(m.as_str()))
                    || p.starts.iter().any(|s| annotation.starts_with(s.as_str()))
                    || p.types.iter().any(|t| t == last)
                    || p.names.iter().any(|n| n == name)
            })
            .map(|p| p.is.as_str())
    }

    /// The protocol's name of a member.
    pub(crate) fn spelt<'n>(&'n self, name: &'n str) -> &'n str {
        self.spelling.get(name).map_or(name, String::as_str)
    }

    /// The engine's name of a method of mappings.
    pub(crate) fn mapping(&self, name: &str) -> Option<&str> {
        self.methods.get(name).map(String::as_str)
    }

    /// Whether anything of a module is known.
    pub(crate) fn knows(&self, module: &str) -> bool {
        self.modules.contains(module)
    }

    pub(crate) fn attr(&self, class: &str, name: &str) -> Option<&str> {
        self.attrs.member(class, name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    const ALL: [&[(&str, &str)]; 5] = [
        super::PYTHON,
        super::JAVASCRIPT,
        super::GO,
        super::RUST,
        super::RUBY,
    ];

    #[test]
    fn every_file_is_well_formed() {
        for files in ALL {
            let known = super::Libraries::read(files).unwrap();
            assert!(known.calls.len() > 100);
            for call in known.changes.iter().flat_map(|c| &c.calls) {
                assert!(known.call(call).is_some(), "{call}");
            }
        }
    }

    /// Of two, the later would win without a word.
    #[test]
    fn no_name_stands_twice() {
        let mut twice = Vec::new();
        for files in ALL {
            let (mut calls, mut attrs) = (BTreeSet::new(), BTreeSet::new());
            for (library, text) in files {
                let file: super::File = toml::from_str(text).unwrap();
                let names = file.call.into_iter().flat_map(|c| c.names);
                twice.extend(
                    names
                        .filter(|n| !calls.insert(n.clone()))
                        .map(|n| format!("{library}: {n}")),
                );
                for attr in file.attr {
                    let names = attr.of.iter().flat_map(|of| {
                        let name = move |n: &String| format!("{of}.{n}");
                        attr.names.iter().map(name)
                    });
                    twice.extend(
                        names
                            .filter(|n| !attrs.insert(n.clone()))
                            .map(|n| format!("{library}: {n}")),
                    );
                }
            }
        }
        assert!(twice.is_empty(), "{twice:#?}");
    }

    /// A misspelt fact would do nothing.
    #[test]
    fn every_fact_is_read_somewhere() {
        fn sources(folder: &Path, into: &mut String) {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    sources(&path, into);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    into.push_str(&fs::read_to_string(path).unwrap());
                }
            }
        }
        let mut source = String::new();
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut source,
        );
        let mut unread = BTreeSet::new();
        for (library, text) in ALL.concat() {
            let file: super::File = toml::from_str(text).unwrap();
            let changed = file.version.iter().flat_map(|v| v.facts.keys());
            let facts = file.call.iter().flat_map(|c| c.facts.keys());
            for fact in facts.chain(changed) {
                // Checks put `fact:` before it, and ask for what an option does.
                let read = match fact.as_str() {
                    "state-option" => ["fact:{what}-option".to_owned(), fact.clone()],
                    _ => [fact.clone(), format!("fact:{fact}")],
                };
                let read = read.iter().any(|f| source.contains(&format!("\"{f}\"")));
                if !read && !fact.starts_with("set:") {
                    unread.insert(format!("{library}: {fact}"));
                }
            }
        }
        assert!(unread.is_empty(), "{unread:#?}");
    }
}
