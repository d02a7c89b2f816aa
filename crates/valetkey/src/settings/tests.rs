//! Settings from every source, right and wrong.

use std::path::PathBuf;

use valetkey_proto::error::Problem;

use super::*;

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn github() -> Registration<'static> {
    Registration::new("github", "GitHub", "https://github.com/settings/developers").needs_secret()
}

fn oidc() -> Registration<'static> {
    Registration::new("oidc", "OpenID Connect", "the provider's console").provider_url_is_issuer()
}

fn env(pairs: &[(&str, &str)]) -> Sources {
    let home = [("HOME", "/home/u")];
    Sources::none().environment(home.iter().chain(pairs).copied())
}

/// The environment with a client id and a secret.
fn registered(pairs: &[(&str, &str)]) -> Sources {
    env(&[("CLIENT_ID", "id-1"), ("CLIENT_SECRET", "canary-secret")])
        .environment(pairs.iter().copied())
}

fn read(sources: &Sources) -> Result<Settings, Vec<Problem>> {
    load(sources, &Wanted::providers(&[github()]))
}

fn only(result: Result<Settings, Vec<Problem>>) -> Problem {
    let problems = result.expect_err("a problem");
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.into_iter().next().unwrap()
}

#[test]
fn two_settings_are_enough() {
    let settings = read(&registered(&[])).unwrap();
    let client = settings.client().unwrap();
    assert_eq!(client.client_id, "id-1");
    assert!(
        client
            .client_secret
            .as_ref()
            .unwrap()
            .matches("canary-secret")
    );
    assert_eq!(client.redirect_uri, "http://localhost:5000/callback");
    assert_eq!(settings.callback_path, "/callback");
    assert_eq!(settings.base_url.as_str(), "http://localhost:5000/");
    assert_eq!((settings.port, settings.listen), (5000, None));
    assert_eq!(settings.socket().to_string(), "127.0.0.1:5000");
    assert_eq!(
        (
            settings.session_idle,
            settings.session_lifetime,
            settings.login_lifetime
        ),
        (86_400, 604_800, 600)
    );
    assert_eq!(
        settings.data_dir,
        Some(PathBuf::from("/home/u/.local/state/valetkey"))
    );
    assert!(settings.key_ring.is_none() && settings.danger_allow_http.is_none());
    assert!(!settings.is_https() && settings.is_loopback());
}

#[test]
fn a_higher_source_overrides_a_lower_one() {
    let config = registered(&[]).config("app.toml", [("PORT", "1")]);
    let port = |sources: &Sources| read(sources).unwrap().port;
    assert_eq!(port(&config), 1);
    let file = config.env_file_text(".env", "PORT=2\n");
    assert_eq!(port(&file), 2);
    let environment = file.environment([("PORT", "3")]);
    assert_eq!(port(&environment), 3);
    assert_eq!(port(&environment.flag("PORT", "4")), 4);
}

#[test]
fn an_empty_value_is_not_set() {
    let sources = registered(&[("PORT", "")]).env_file_text(".env", "PORT=7");
    assert_eq!(read(&sources).unwrap().port, 7);
}

#[test]
fn all_that_is_missing_is_named_at_once_with_where_to_get_it() {
    let problems = read(&env(&[("CLIENT_SECRET", ""), ("PORT", "8123")])).unwrap_err();
    assert_eq!(problems.len(), 2, "{problems:#?}");
    for (problem, name) in problems.iter().zip(["CLIENT_ID", "CLIENT_SECRET"]) {
        assert_eq!(problem.code, "config.missing");
        assert!(
            problem.message.starts_with(&format!("{name} is not set")),
            "{problem:?}"
        );
        assert!(
            problem
                .fix
                .contains("https://github.com/settings/developers"),
            "{problem:?}"
        );
        assert!(
            problem.fix.contains("http://localhost:8123/callback "),
            "{problem:?}"
        );
    }
    assert!(
        problems[1]
            .cause
            .contains("set in the environment, but empty"),
        "{problems:?}"
    );
    assert!(
        problems[1].fix.contains("CLIENT_SECRET_FILE"),
        "{problems:?}"
    );
}

#[test]
fn without_a_secret_it_is_a_public_client_where_the_provider_allows() {
    let sources = env(&[("OAUTH_CLIENT_ID", "id-2")]);
    let settings = load(&sources, &Wanted::providers(&[oidc()])).unwrap();
    let client = settings.client().unwrap();
    assert_eq!(client.client_id, "id-2");
    assert!(client.client_secret.is_none());
}

#[test]
fn two_names_of_one_setting_must_agree_within_a_source() {
    let same = registered(&[("OAUTH_CLIENT_ID", "id-1")]);
    assert!(read(&same).is_ok());
    let problem = only(read(&registered(&[("OAUTH_CLIENT_ID", "id-2")])));
    assert_eq!(problem.code, "config.invalid");
    assert!(
        problem
            .message
            .contains("CLIENT_ID and OAUTH_CLIENT_ID are both set in the environment"),
        "{problem:?}"
    );
    // In two sources, the higher one decides.
    let layered = env(&[("OAUTH_CLIENT_ID", "id-2"), ("CLIENT_SECRET", "s")])
        .env_file_text(".env", "CLIENT_ID=id-1");
    assert_eq!(read(&layered).unwrap().client().unwrap().client_id, "id-2");
}

#[test]
fn a_secret_and_a_secret_file_must_agree() {
    let dir = Folder::new("secret-file");
    let file = dir.write("secret", "from file\n");
    let sources = env(&[("CLIENT_ID", "i"), ("CLIENT_SECRET_FILE", &file)]);
    let settings = read(&sources).unwrap();
    let secret = settings.client().unwrap().client_secret.clone().unwrap();
    assert!(secret.matches("from file"), "{secret:?}");

    let agreeing = sources
        .clone()
        .environment([("CLIENT_SECRET", "from file")]);
    assert!(read(&agreeing).is_ok());
    let problem = only(read(
        &sources.environment([("CLIENT_SECRET", "canary-other")]),
    ));
    assert!(
        problem
            .message
            .contains("CLIENT_SECRET and CLIENT_SECRET_FILE are both set"),
        "{problem:?}"
    );
    assert!(!format!("{problem:?}").contains("canary"));
}

#[test]
fn a_secret_file_loses_one_newline_and_nothing_else() {
    let dir = Folder::new("newline");
    for (text, expected) in [
        ("s", "s"),
        ("s\n", "s"),
        ("s\r\n", "s"),
        ("s\n\n", "s\n"),
        (" s \n", " s "),
    ] {
        let file = dir.write("secret", text);
        let settings = read(&env(&[("CLIENT_ID", "i"), ("CLIENT_SECRET_FILE", &file)])).unwrap();
        let secret = settings.client().unwrap().client_secret.clone().unwrap();
        assert!(secret.matches(expected), "{text:?}");
    }
}

#[test]
fn an_unusable_secret_file_is_one_problem_that_names_it() {
    let dir = Folder::new("bad-secret");
    let missing = dir.0.join("nowhere").display().to_string();
    let empty = dir.write("empty", "\n");
    let large = dir.write("large", &"x".repeat(70_000));
    for file in [missing, empty, large, dir.0.display().to_string()] {
        let problem = only(read(&env(&[
            ("CLIENT_ID", "i"),
            ("CLIENT_SECRET_FILE", &file),
        ])));
        assert_eq!(problem.code, "config.invalid");
        assert!(problem.message.contains(&file), "{problem:?}");
    }
}

#[test]
fn several_providers_have_settings_of_their_own() {
    let providers = [github(), oidc()];
    let sources = registered(&[
        ("GITHUB_CLIENT_ID", "g"),
        ("GITHUB_CLIENT_SECRET", "gs"),
        ("OIDC_CLIENT_ID", "o"),
    ]);
    let settings = load(&sources, &Wanted::providers(&providers)).unwrap();
    assert_eq!(settings.clients["github"].client_id, "g");
    assert_eq!(settings.clients["oidc"].client_id, "o");
    // The general secret is nobody's then.
    assert!(settings.clients["oidc"].client_secret.is_none());
    assert_eq!(
        settings.redirect_uri("github"),
        Some("http://localhost:5000/callback/github")
    );
    // The general id does not count: each provider names its own.
    let problems = load(&registered(&[]), &Wanted::providers(&providers)).unwrap_err();
    let names: Vec<_> = problems
        .iter()
        .map(|p| p.message.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        names,
        ["GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "OIDC_CLIENT_ID"]
    );
}

#[test]
fn one_provider_takes_its_own_names_before_the_general_ones_and_a_flag_before_both() {
    let sources = registered(&[("GITHUB_CLIENT_ID", "g"), ("GITHUB_CLIENT_SECRET", "gs")]);
    let settings = read(&sources).unwrap();
    assert_eq!(settings.client().unwrap().client_id, "g");
    assert!(
        settings
            .client()
            .unwrap()
            .client_secret
            .as_ref()
            .unwrap()
            .matches("gs")
    );
    let settings = read(&sources.flag("CLIENT_ID", "f")).unwrap();
    assert_eq!(settings.client().unwrap().client_id, "f");
}

#[test]
fn the_secret_of_another_client_is_not_sent_along() {
    let sources = registered(&[("OIDC_CLIENT_ID", "o")]);
    let settings = load(&sources, &Wanted::providers(&[oidc()])).unwrap();
    assert_eq!(settings.client().unwrap().client_id, "o");
    assert!(settings.client().unwrap().client_secret.is_none());
}

#[test]
fn the_base_url_comes_from_the_redirect_uri_and_must_agree_with_it() {
    let uri = "https://app.example/oauth/callback";
    let settings = read(&registered(&[("REDIRECT_URI", uri)])).unwrap();
    assert_eq!(settings.base_url.as_str(), "https://app.example/");
    assert_eq!(settings.callback_path, "/oauth/callback");
    assert_eq!(settings.redirect_uri("github"), Some(uri));
    assert!(settings.is_https());

    let problem = only(read(&registered(&[
        ("REDIRECT_URI", "http://localhost:5000/callback"),
        ("BASE_URL", "http://127.0.0.1:5000"),
    ])));
    assert_eq!(problem.code, "config.invalid");
    assert!(
        problem.message.contains("http://127.0.0.1:5000"),
        "{problem:?}"
    );
}

#[test]
fn addresses_that_cannot_be_are_refused_each_with_the_setting() {
    for (setting, value, code) in [
        ("BASE_URL", "app.example", "config.invalid"),
        ("BASE_URL", "https://app.example/sub", "config.invalid"),
        ("BASE_URL", "http://app.example", "transport.insecure"),
        ("BASE_URL", "http://169.254.169.254", "config.invalid"),
        ("REDIRECT_URI", "https://app.example", "config.invalid"),
        (
            "REDIRECT_URI",
            "https://app.example/cb?x=1",
            "config.invalid",
        ),
        ("REDIRECT_URI", "https://app.example/cb#x", "config.invalid"),
        (
            "REDIRECT_URI",
            "https://app.example/a/../cb",
            "config.invalid",
        ),
        (
            "REDIRECT_URI",
            "http://app.example/cb",
            "transport.insecure",
        ),
        (
            "PROVIDER_URL",
            "http://github.example",
            "transport.insecure",
        ),
        (
            "PROVIDER_URL",
            "https://github.example/path",
            "config.invalid",
        ),
        ("PROVIDER_URL", "https://github.example?x", "config.invalid"),
        (
            "PROVIDER_URL",
            "https://u:canary@github.example",
            "config.invalid",
        ),
        ("LISTEN", "127.0.0.1:80", "config.invalid"),
        ("PORT", "http", "config.invalid"),
        ("PORT", "65536", "config.invalid"),
        ("PORT", "0", "config.missing"),
        ("SESSION_IDLE", "0", "config.invalid"),
        ("SESSION_LIFETIME", "7d", "config.invalid"),
        ("LOGIN_LIFETIME", "-1", "config.invalid"),
        ("SECRET_KEY", "canary-too-short", "config.invalid"),
        ("SECRET_KEY", "", "config.invalid"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "config.invalid"),
        ("VALETKEY_DANGER_ALLOW_HTTP", "yes", "config.invalid"),
    ] {
        let problem = only(read(&registered(&[(setting, value)])));
        assert_eq!(problem.code, code, "{problem:?}");
        assert!(
            problem.message.contains(setting),
            "{setting}={value}: {problem:?}"
        );
        assert!(
            format!("{} {}", problem.message, problem.cause).contains("environment")
                || setting == "PORT",
            "{problem:?}"
        );
        assert!(!problem.fix.is_empty());
        assert!(!format!("{problem:?}").contains("canary"), "{problem:?}");
    }
}

#[test]
fn insecure_http_names_both_ways_to_allow_it() {
    let sources = registered(&[("BASE_URL", "http://app.example")]);
    let problem = only(read(&sources));
    assert!(
        problem.fix.contains("danger_allow_http(true)"),
        "{problem:?}"
    );
    assert!(
        problem.fix.contains("VALETKEY_DANGER_ALLOW_HTTP=1"),
        "{problem:?}"
    );

    let providers = [github()];
    let wanted = Wanted::providers(&providers);
    let in_code = load(&sources, &wanted.danger_allow_http(true)).unwrap();
    assert!(in_code.danger_allow_http.unwrap().contains("in code"));
    let allowed = sources.environment([("VALETKEY_DANGER_ALLOW_HTTP", "1")]);
    assert!(load(&allowed, &wanted).unwrap().danger_allow_http.is_some());
    // Link-local stays closed all the same.
    let link_local = allowed.environment([("PROVIDER_URL", "http://169.254.169.254")]);
    assert_eq!(only(read(&link_local)).code, "config.invalid");
}

#[test]
fn further_roots_are_read_before_anything_starts() {
    let dir = Folder::new("roots");
    let junk = "-----BEGIN CERTIFICATE-----\nanVuaw==\n-----END CERTIFICATE-----\n";
    for text in ["", "no certificate", junk] {
        let file = dir.write("ca.pem", text);
        let problem = only(read(&registered(&[("SSL_CERT_FILE", &file)])));
        assert_eq!(problem.code, "config.invalid");
        assert!(problem.message.starts_with("SSL_CERT_FILE"), "{problem:?}");
    }
}

#[test]
fn what_is_allowed_but_odd_is_a_warning() {
    assert!(read(&registered(&[])).unwrap().warnings.is_empty());
    let elsewhere = [("BASE_URL", "http://localhost:8080")];
    let warnings = read(&registered(&elsewhere)).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("port 5000"), "{warnings:?}");
    let allowed = read(&registered(&[("VALETKEY_DANGER_ALLOW_HTTP", "1")])).unwrap();
    assert!(
        allowed.warnings[0].contains("VALETKEY_DANGER_ALLOW_HTTP=1"),
        "{allowed:?}"
    );
}

#[test]
fn listening_beyond_loopback_needs_the_address_that_browsers_use() {
    let problem = only(read(&registered(&[("LISTEN", "0.0.0.0")])));
    assert_eq!(problem.code, "config.missing");
    assert!(problem.message.contains("BASE_URL"), "{problem:?}");
    for extra in [
        ("BASE_URL", "https://a.example"),
        ("REDIRECT_URI", "https://a.example/callback"),
    ] {
        let settings = read(&registered(&[("LISTEN", "0.0.0.0"), extra])).unwrap();
        assert_eq!(settings.socket().to_string(), "0.0.0.0:5000");
    }
    assert!(read(&registered(&[("LISTEN", "[::1]")])).is_ok());
    assert_eq!(
        read(&registered(&[("LISTEN", "localhost")]))
            .unwrap()
            .listen,
        None
    );
}

#[test]
fn the_provider_url_is_an_origin_and_for_an_issuer_the_very_text() {
    let at = |value: &str, registration| {
        let sources = registered(&[("PROVIDER_URL", value)]);
        let settings = load(&sources, &Wanted::providers(&[registration])).unwrap();
        settings.client().unwrap().provider_url.clone().unwrap()
    };
    assert_eq!(
        at("http://127.0.0.1:9000/", github()),
        "http://127.0.0.1:9000"
    );
    assert_eq!(at("http://127.0.0.1:9000", oidc()), "http://127.0.0.1:9000");
    assert_eq!(
        at("https://id.example/realms/a/", oidc()),
        "https://id.example/realms/a/"
    );
}

#[test]
fn wrong_in_several_ways_is_told_in_one_go() {
    let sources = env(&[
        ("PORT", "x"),
        ("BASE_URL", "http://app.example"),
        ("PROVIDER_URL", "nonsense"),
        ("SECRET_KEY", "short"),
        ("SESSION_IDLE", "soon"),
    ])
    .env_file(&EnvFile::Path("/nowhere/.env".into()));
    let problems = read(&sources).unwrap_err();
    // The file, CLIENT_ID and CLIENT_SECRET besides these five.
    assert_eq!(problems.len(), 8, "{problems:#?}");
}

#[test]
fn a_key_ring_is_read_and_rotates() {
    let two = format!("{KEY} {}", KEY.replace('0', "f"));
    let settings = read(&registered(&[("SECRET_KEY", &two)])).unwrap();
    assert_eq!(format!("{:?}", settings.key_ring.unwrap()), "KeyRing(2)");
}

#[test]
fn an_env_file_is_read_like_a_shell_would() {
    let text = "\u{feff}# comment\nexport CLIENT_ID=id-1\nCLIENT_SECRET='pa$$ #word'\nPORT=\"5001\" # why\n";
    let settings = read(&env(&[]).env_file_text(".env", text)).unwrap();
    let client = settings.client().unwrap();
    assert_eq!((client.client_id.as_str(), settings.port), ("id-1", 5001));
    assert!(client.client_secret.as_ref().unwrap().matches("pa$$ #word"));
}

#[test]
fn a_broken_env_file_is_told_by_line_and_without_its_text() {
    let sources = registered(&[]).env_file_text("my.env", "PORT=1\nCLIENT_SECRET=canary 'open\n");
    let problem = only(read(&sources));
    assert!(
        problem.message.contains("the file my.env line 2"),
        "{problem:?}"
    );
    assert!(!format!("{problem:?}").contains("canary"), "{problem:?}");

    let doubled = registered(&[]).env_file_text("my.env", "PORT=1\nPORT=2\n");
    assert!(
        only(read(&doubled))
            .message
            .contains("PORT is set twice in the file my.env")
    );
}

#[test]
fn the_data_folder_follows_flag_variable_and_the_xdg_places() {
    let dir = |sources: &Sources| read(sources).unwrap().data_dir.unwrap();
    let sources = registered(&[("XDG_STATE_HOME", "/state")]);
    assert_eq!(dir(&sources), PathBuf::from("/state/valetkey"));
    let relative = registered(&[("XDG_STATE_HOME", "state")]);
    assert_eq!(
        dir(&relative),
        PathBuf::from("/home/u/.local/state/valetkey")
    );
    let sources = sources.environment([("VALETKEY_DATA_DIR", "/data")]);
    assert_eq!(dir(&sources), PathBuf::from("/data"));
    assert_eq!(
        dir(&sources.flag("DATA_DIR", "/flag")),
        PathBuf::from("/flag")
    );

    let homeless = Sources::none().environment([("CLIENT_ID", "i"), ("CLIENT_SECRET", "s")]);
    assert_eq!(only(read(&homeless)).code, "config.missing");
    let providers = [github()];
    let wanted = Wanted::providers(&providers).data_dir(false);
    assert_eq!(load(&homeless, &wanted).unwrap().data_dir, None);
}

#[test]
fn each_app_has_a_folder_of_its_own() {
    let folder = |pairs: &[(&str, &str)]| read(&registered(pairs)).unwrap().app_dir().unwrap();
    let one = folder(&[]);
    assert!(one.starts_with("/home/u/.local/state/valetkey"), "{one:?}");
    assert!(
        one.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("localhost-5000-"),
        "{one:?}"
    );
    assert_eq!(one, folder(&[("SESSION_IDLE", "5")]));
    assert_ne!(one, folder(&[("PORT", "5001")]));
    assert_ne!(one, folder(&[("CLIENT_ID", "id-2")]));
}

#[test]
fn nothing_secret_is_in_debug() {
    let sources = registered(&[("SECRET_KEY", KEY)]);
    let text = format!("{sources:?} {:?}", read(&sources).unwrap());
    assert!(
        !text.contains("canary") && !text.contains("00112233"),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn text_that_is_not_utf8_is_refused_where_it_matters() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = std::ffi::OsString::from_vec(vec![0xff, 0xfe]);
    let sources = registered(&[]).environment([("OTHER", bytes.clone())]);
    assert!(read(&sources).is_ok());
    let problem = only(read(&sources.environment([("CLIENT_SECRET_FILE", bytes)])));
    assert!(
        problem
            .message
            .contains("CLIENT_SECRET_FILE is not valid UTF-8"),
        "{problem:?}"
    );
}

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let dir =
            std::env::temp_dir().join(format!("valetkey-settings-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_provider_without_a_known_page_is_named_all_the_same() {
    let own = [Registration::new("oidc", "OpenID Connect", "")];
    let problems = load(&Sources::none(), &Wanted::providers(&own).data_dir(false)).unwrap_err();
    let fix = &problems
        .iter()
        .find(|p| p.message.starts_with("CLIENT_ID"))
        .unwrap()
        .fix;
    assert!(fix.contains("at the provider with"), "{fix}");
}
