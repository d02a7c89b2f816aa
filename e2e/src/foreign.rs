//! The foreign programs of `e2e/foreign`.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    process::Process,
    require::{foreign_folder, python_program},
};

/// Node, running a script of `e2e/foreign`.
#[must_use]
pub fn node(script: &str, settings: &Value) -> Command {
    let mut command = Command::new("node");
    command
        .arg(script)
        .arg(settings.to_string())
        .current_dir(foreign_folder());
    command
}

/// Python with PyPI's packages, running a script of `e2e/foreign`.
#[must_use]
pub fn python(script: &str, settings: &Value) -> Command {
    let mut command = Command::new(python_program());
    command
        .arg(script)
        .arg(settings.to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(foreign_folder());
    command
}

/// npm's `oidc-provider` with its own pages: an OpenID provider that others
/// wrote and that is certified.
#[derive(Debug)]
pub struct Op {
    /// What it carries as `iss`.
    pub issuer: String,
    process: Process,
}

impl Op {
    /// The id of its one client.
    pub const CLIENT_ID: &str = "foreign client";
    /// The secret of its one client, with characters that both form and
    /// Basic encoding must escape.
    pub const CLIENT_SECRET: &str = "s3cret: a+b/c%d=e &more than enough for HS256";

    /// Starts it: `port` 0 for any; with `tls` (certificate and key as PEM)
    /// it is `https://localhost`, else `http://127.0.0.1`.
    ///
    /// # Panics
    ///
    /// It does not become ready.
    #[must_use]
    pub fn start(port: u16, tls: Option<(&str, &str)>) -> Self {
        let tls = tls.map(|(cert, key)| json!({"cert": cert, "key": key}));
        Self::with(&json!({"port": port, "tls": tls}))
    }

    /// Starts it on any port below `path`: one of several issuers of a host.
    ///
    /// # Panics
    ///
    /// It does not become ready.
    #[must_use]
    pub fn below(path: &str) -> Self {
        Self::with(&json!({"path": path}))
    }

    fn with(settings: &Value) -> Self {
        let process = Process::start("oidc-provider", node("op.mjs", settings));
        let ready = process.json();
        Self {
            issuer: ready["issuer"].as_str().unwrap().to_owned(),
            process,
        }
    }

    /// Registers the one client; `more` is further client metadata.
    ///
    /// # Panics
    ///
    /// The provider refuses it.
    pub fn register(&mut self, redirect_uri: &str, more: &Value) {
        let mut client = json!({
            "client_id": Self::CLIENT_ID,
            "client_secret": Self::CLIENT_SECRET,
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            client[name] = value.clone();
        }
        self.ask(&json!({"do": "register", "client": client}));
    }

    /// New signing keys; the old ones are gone at once.
    ///
    /// # Panics
    ///
    /// It has ended.
    pub fn rotate_keys(&mut self) {
        self.ask(&json!({"do": "rotate"}));
    }

    /// What happened since the last question: `grant.success
    /// authorization_code`, `GET /jwks`.
    ///
    /// # Panics
    ///
    /// It has ended.
    pub fn happened(&mut self) -> Vec<String> {
        let answer = self.ask(&json!({"do": "tell"}));
        let told = answer["happened"].as_array().unwrap();
        told.iter()
            .map(|line| line.as_str().unwrap().to_owned())
            .collect()
    }

    fn ask(&mut self, line: &Value) -> Value {
        self.process.tell(line);
        let answer = self.process.json();
        assert_eq!(answer["ok"], true, "{line}: {answer}");
        answer
    }
}

/// A client that others wrote: npm's `openid-client`, or PyPI's
/// `requests-oauthlib` or `Authlib`.
#[derive(Debug)]
pub struct ForeignClient(Process);

impl ForeignClient {
    /// npm's `openid-client`, with the settings of `rp.mjs`.
    #[must_use]
    pub fn node(settings: &Value) -> Self {
        Self(Process::start("openid-client", node("rp.mjs", settings)))
    }

    /// One of PyPI's, with the settings of `rp.py`.
    #[must_use]
    pub fn python(settings: &Value) -> Self {
        Self(Process::start("rp.py", python("rp.py", settings)))
    }

    /// Where it sends the browser.
    ///
    /// # Panics
    ///
    /// It fails.
    #[must_use]
    pub fn authorization_url(&self) -> String {
        self.told("authorization_url").as_str().unwrap().to_owned()
    }

    /// Gives it the address that the browser came back to; answers what it
    /// learnt then.
    ///
    /// # Panics
    ///
    /// It fails.
    pub fn finish(&mut self, callback: &str) -> Value {
        self.0.tell(&json!({"callback": callback}));
        self.told("result")
    }

    /// The same for a callback that it must refuse: answers its error.
    ///
    /// # Panics
    ///
    /// It takes it.
    #[must_use]
    pub fn refused(mut self, callback: &str) -> Value {
        self.0.tell(&json!({"callback": callback}));
        let line = self.0.json();
        assert!(line["error"].is_string(), "{line}");
        line
    }

    fn told(&self, member: &str) -> Value {
        let line = self.0.json();
        match line.get(member) {
            Some(value) => value.clone(),
            None => panic!("no {member}: {line}\n{}", self.0.errors()),
        }
    }
}
