//! Starting: every mistake at once, and what the store has to say.

use std::{
    path::PathBuf,
    process::Termination,
    sync::atomic::{AtomicU32, Ordering},
};

use axum::Router;
use valetkey::settings::Sources;
use valetkey_axum::{Exit, Problem, SignIn};

/// A folder of its own, removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("valetkey-axum-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn sources(folder: &Folder, more: &[(&str, &str)]) -> Sources {
    Sources::none()
        .environment([("VALETKEY_DATA_DIR", folder.0.as_os_str())])
        .environment(more.iter().copied())
}

const REGISTERED: [(&str, &str); 2] = [("CLIENT_ID", "demo"), ("CLIENT_SECRET", "demo-secret")];

fn problems(presets: &[&str], sources: &Sources) -> Vec<Problem> {
    let sign_in = SignIn::from_sources(sources, presets);
    // The routes of a wrong configuration are none, and do not panic.
    let _: Router = sign_in.routes();
    sign_in.client().unwrap_err()
}

fn status(problems: Vec<Problem>) -> String {
    format!("{:?}", Exit::from(problems).report())
}

#[tokio::test]
async fn all_missing_settings_are_named_at_once() {
    let folder = Folder::new();
    let all = problems(&["github"], &sources(&folder, &[]));
    assert_eq!(all.len(), 2, "{all:#?}");
    for (problem, name) in all.iter().zip(["CLIENT_ID", "CLIENT_SECRET"]) {
        assert_eq!(problem.code, "config.missing");
        assert!(problem.message.contains(name), "{problem:?}");
        assert!(
            problem
                .fix
                .contains("https://github.com/settings/applications/new")
        );
        assert!(problem.fix.contains("http://localhost:5000/callback"));
    }
    assert!(status(all).contains('2'));

    let all = problems(&["oidc"], &sources(&folder, &[]));
    let text = format!("{all:?}");
    for name in ["CLIENT_ID", "PROVIDER_URL"] {
        assert!(text.contains(name), "{text}");
    }
    let all = problems(
        &["github", "google", "nobody"],
        &sources(&folder, &[("SESSION_IDLE", "soon"), ("PORT", "99999")]),
    );
    let text = format!("{all:?}");
    for name in [
        "GITHUB_CLIENT_ID",
        "GITHUB_CLIENT_SECRET",
        "GOOGLE_CLIENT_ID",
        "nobody",
        "SESSION_IDLE",
        "PORT",
    ] {
        assert!(text.contains(name), "no {name} in {text}");
    }
    assert!(
        !folder.0.join("key").exists(),
        "nothing is made before that"
    );
}

#[tokio::test]
async fn plain_http_is_refused_with_the_two_ways_to_allow_it() {
    let folder = Folder::new();
    let beyond = [("BASE_URL", "http://app.example.com")];
    let all = problems(
        &["github"],
        &sources(&folder, &[&REGISTERED[..], &beyond].concat()),
    );
    assert_eq!(all[0].code, "transport.insecure", "{all:?}");
    assert!(all[0].fix.contains("danger_allow_http(true)"));
    assert!(all[0].fix.contains("VALETKEY_DANGER_ALLOW_HTTP=1"));
    assert!(status(all).contains('2'));
    let allowed = [
        &REGISTERED[..],
        &beyond,
        &[("VALETKEY_DANGER_ALLOW_HTTP", "1")],
    ]
    .concat();
    let sign_in = SignIn::from_sources(&sources(&folder, &allowed), &["github"]);
    assert!(sign_in.client().is_ok());
}

#[tokio::test]
async fn the_redirect_uri_of_the_settings_is_where_the_callback_is() {
    use valetkey_axum::Paths;
    let folder = Folder::new();
    let uri = |uri| [&REGISTERED[..], &[("REDIRECT_URI", uri)]].concat();
    let sign_in = |all: &[(&str, &str)]| SignIn::from_sources(&sources(&folder, all), &["github"]);
    let of = |s: SignIn| {
        let client = s.client()?;
        Ok::<_, Vec<Problem>>(client.redirect_uri("github").unwrap().to_owned())
    };
    let back = uri("http://localhost:5000/auth/back");
    let renamed = || Paths {
        profile: None,
        ..Paths::default()
    };
    let expected = "http://localhost:5000/auth/back";
    assert_eq!(of(sign_in(&back)).unwrap(), expected);
    assert_eq!(of(sign_in(&back).paths(renamed())).unwrap(), expected);
    assert_eq!(of(sign_in(&back).nested("/auth")).unwrap(), expected);
    let both = [
        sign_in(&REGISTERED).nested("/auth").paths(renamed()),
        sign_in(&REGISTERED).paths(renamed()).nested("/auth"),
    ];
    for sign_in in both {
        let expected = "http://localhost:5000/auth/callback";
        assert_eq!(of(sign_in).unwrap(), expected);
    }
    // What contradicts it is told, not overridden.
    for (setting, sign_in) in [
        ("/auth/back", sign_in(&back).nested("/other")),
        (
            "/auth/back",
            sign_in(&back).paths(Paths {
                callback: "/elsewhere".into(),
                ..Paths::default()
            }),
        ),
        (
            "/callback",
            sign_in(&uri("http://localhost:5000/callback")).nested("/auth"),
        ),
    ] {
        let all = of(sign_in).unwrap_err();
        assert_eq!(all[0].code, "config.invalid");
        assert!(all[0].message.contains(setting), "{all:?}");
    }
}

/// The one folder that an application made for itself.
fn app_folder(folder: &Folder) -> PathBuf {
    let mut inside = std::fs::read_dir(&folder.0).unwrap();
    inside.next().unwrap().unwrap().path()
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_exit_3_at_start() {
    for (offset, bytes, code) in [
        // SQLite's magic, and its `user_version` (file format 1.3.12).
        (0, &b"garbage!garbage!"[..], "store.damaged"),
        (60, &[0, 0, 9, 9], "store.newer_version"),
    ] {
        let folder = Folder::new();
        let sources = sources(&folder, &REGISTERED);
        drop(
            SignIn::from_sources(&sources, &["github"])
                .client()
                .unwrap(),
        );
        let file = app_folder(&folder).join("sessions.db");
        let mut content = std::fs::read(&file).unwrap();
        content[offset..offset + bytes.len()].copy_from_slice(bytes);
        std::fs::write(&file, &content).unwrap();
        let all = problems(&["github"], &sources);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].code, code, "{all:?}");
        assert!(all[0].message.contains("sessions.db"));
        assert!(!all[0].cause.is_empty() && !all[0].fix.is_empty());
        assert!(status(all).contains('3'));
        assert_eq!(std::fs::read(&file).unwrap(), content, "it is left alone");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_exit_3() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = Folder::new();
    let settings = [&REGISTERED[..], &[("PORT", &port)]].concat();
    let sign_in = SignIn::from_sources(&sources(&folder, &settings), &["github"]);
    let exit = sign_in.serve(Router::new()).await;
    let all = exit.into_result().unwrap_err();
    assert_eq!(all[0].code, "listen.failed");
    assert!(all[0].message.contains(&port));
    assert!(status(all).contains('3'));
}
