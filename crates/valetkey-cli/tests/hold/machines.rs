//! The demo in one process, or app and provider in two with a wire between.

use std::path::{Path, PathBuf};

use crate::{
    machine::{Folder, Recipe, Running, free_port},
    proxy::Proxy,
};

/// `valetkey demo`: app, provider and resources in one process.
pub(crate) struct Demo {
    pub(crate) folder: Folder,
    pub(crate) data: PathBuf,
    pub(crate) app: String,
    pub(crate) recipe: Recipe,
}

impl Demo {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let data = folder.path().join("data");
        let (app, recipe) = recipe(&data);
        Self {
            folder,
            data,
            app,
            recipe,
        }
    }

    /// Where the app listens.
    pub(crate) fn address(&self) -> String {
        self.app.replace("http://localhost:", "127.0.0.1:")
    }

    pub(crate) fn provider_data(&self) -> PathBuf {
        self.data.join("provider")
    }
}

/// How to start a demo with this data folder, on a port that stays the same.
pub(crate) fn recipe(data: &Path) -> (String, Recipe) {
    let port = free_port();
    let recipe = Recipe::new(&[
        "demo",
        "--json",
        "--env-file",
        "none",
        "--port",
        &port.to_string(),
        "--data-dir",
        data.to_str().unwrap(),
    ]);
    (format!("http://localhost:{port}"), recipe)
}

/// A provider that goes on, an app that may be killed, and the wire between.
pub(crate) struct Pair {
    pub(crate) demo: Demo,
    pub(crate) provider: Running,
    pub(crate) proxy: Proxy,
}

impl Pair {
    pub(crate) fn issuer(&self) -> String {
        self.proxy.origin()
    }

    /// `settings` are lines of the provider's TOML file.
    pub(crate) async fn start(settings: &str) -> Self {
        let mut demo = Demo::new();
        let (wire, port) = (free_port(), free_port());
        let issuer = format!("http://127.0.0.1:{wire}");
        let config = demo.folder.write("provider.toml", settings);
        let listen = format!("127.0.0.1:{port}");
        let provider = Recipe::new(&["provider", "--json", "--env-file", "none"])
            .arguments(&["--listen", &listen, "--issuer", &issuer])
            .arguments(&["--config", config.to_str().unwrap()])
            .arguments(&["--data-dir", demo.provider_data().to_str().unwrap()])
            .start()
            .await;
        demo.recipe = demo
            .recipe
            .arguments(&["--issuer", &issuer])
            .env("CLIENT_ID", "demo")
            .env("CLIENT_SECRET", "demo-secret");
        Self {
            proxy: Proxy::start(wire, port).await,
            provider,
            demo,
        }
    }
}
