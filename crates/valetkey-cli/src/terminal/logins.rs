//! The list of logins: `logins.json`, readable by its owner alone.
//!
//! It is written whole, beside itself, and put in place by a rename, so that
//! a reader sees the old list or the new one. Secrets in it are sealed with
//! the terminal's key; tokens are not in it at all.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use valetkey::{
    seal::{KeyRing, Purpose},
    store::StoreError,
};
use zeroize::Zeroizing;

use super::entry::Entry;

const FILE: &str = "logins.json";
const VERSION: u32 = 1;
/// Far more than anybody's logins.
const MAX_BYTES: u64 = 4 << 20;

/// One login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Login {
    /// The provider.
    pub(crate) entry: Entry,
    /// As registered there.
    pub(crate) client_id: String,
    /// As asked for.
    pub(crate) scopes: Vec<String>,
    /// Where its token may go, as the entry and the metadata said at login.
    pub(crate) origins: Vec<String>,
    /// The issuer.
    pub(crate) issuer: String,
    /// [`Secrets`], sealed, in base64.
    sealed: String,
}

/// What only this terminal can open.
#[derive(Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// As registered; `None` for a public client.
    pub(crate) client_secret: Option<Zeroizing<String>>,
    /// The handle of the session in the store.
    pub(crate) session: Zeroizing<String>,
}

impl Login {
    /// A login without its secrets yet.
    pub(crate) fn new(entry: Entry, client_id: &str, scopes: Vec<String>) -> Self {
        Self {
            entry,
            client_id: client_id.to_owned(),
            scopes,
            origins: Vec::new(),
            issuer: String::new(),
            sealed: String::new(),
        }
    }

    /// Puts the secrets in.
    pub(crate) fn seal(&mut self, keys: &KeyRing, name: &str, secrets: &Secrets) {
        // Two strings always serialize; an empty text would not open.
        let plain = Zeroizing::new(serde_json::to_vec(secrets).unwrap_or_default());
        self.sealed = STANDARD.encode(keys.seal(Purpose::Session, &aad(name), &plain));
    }

    /// The secrets, unless they were sealed with another key or for another
    /// name.
    pub(crate) fn open(&self, keys: &KeyRing, name: &str) -> Option<Secrets> {
        let sealed = STANDARD.decode(&self.sealed).ok()?;
        let opened = keys.open(Purpose::Session, &aad(name), &sealed)?;
        serde_json::from_slice(&opened.plaintext).ok()
    }

    /// The command that signs in again.
    pub(crate) fn command(&self, name: &str) -> String {
        format!(
            "{} --client-id {}",
            self.entry.command(name),
            self.client_id
        )
    }

    /// Whether the token may go to this origin.
    pub(crate) fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|o| o == origin)
    }
}

/// Session records are sealed with 32 bytes of hash; this never looks alike.
fn aad(name: &str) -> Vec<u8> {
    format!("valetkey terminal login, sealed under its name: {name}").into_bytes()
}

/// All logins of this terminal.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Logins {
    version: u32,
    logins: BTreeMap<String, Login>,
}

impl Logins {
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.logins.keys().map(String::as_str)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Login> {
        self.logins.get(name)
    }

    pub(crate) fn insert(&mut self, name: &str, login: Login) {
        self.logins.insert(name.to_owned(), login);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.logins.remove(name);
    }

    /// The logins whose token may go to `origin`.
    pub(crate) fn allowing(&self, origin: &str) -> Vec<(&str, &Login)> {
        self.logins
            .iter()
            .filter(|(_, login)| login.allows(origin))
            .map(|(name, login)| (name.as_str(), login))
            .collect()
    }

    /// Reads the list. Without a file it is empty.
    pub(crate) fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let io = |e: io::Error| StoreError::from_io(&path, &e);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(io(e)),
        };
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, MAX_BYTES), &mut bytes).map_err(io)?;
        let damaged = || StoreError::Damaged(format!("{} is not a list of logins", path.display()));
        // The version first: a newer list may look different.
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        if head.version > VERSION {
            return Err(StoreError::NewerVersion {
                path: path.display().to_string(),
                found: head.version,
                known: VERSION,
            });
        }
        serde_json::from_slice(&bytes).map_err(|_| damaged())
    }

    /// Reads, changes and writes the list, one process at a time.
    pub(crate) fn change(folder: &Path, change: impl FnOnce(&mut Self)) -> Result<(), StoreError> {
        let io = |e: io::Error| StoreError::from_io(folder, &e);
        make_folder(folder).map_err(io)?;
        let lock = owner_only(&folder.join("lock"), false).map_err(io)?;
        lock.lock().map_err(io)?;
        let mut logins = Self::read(folder)?;
        change(&mut logins);
        logins.version = VERSION;
        logins.write(folder).map_err(io)
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        // Whoever holds the lock is alone, so one name is enough; what a
        // crash left is written over.
        let draft = folder.join("logins.json.new");
        let mut file = owner_only(&draft, true)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&draft, folder.join(FILE))?;
        File::open(folder)?.sync_all()
    }
}

/// Opens or makes a file that only its owner can read.
fn owner_only(path: &Path, truncate: bool) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(truncate)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Makes the folder, or takes it from everybody but its owner.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    if fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("valetkey-logins-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn login() -> Login {
        let mut login = Login::new(
            Entry::oidc("https://id.example", Vec::new()),
            "the-client",
            vec!["openid".into()],
        );
        login.origins = vec!["https://id.example".into()];
        login
    }

    fn secrets() -> Secrets {
        Secrets {
            client_secret: Some(Zeroizing::new("canary-secret".into())),
            session: Zeroizing::new("canary-session".into()),
        }
    }

    #[test]
    fn secrets_open_only_with_the_key_and_name_that_sealed_them() {
        let keys = KeyRing::generate();
        let mut login = login();
        login.seal(&keys, "a", &secrets());
        let json = serde_json::to_string(&login).unwrap();
        assert!(!json.contains("canary"), "{json}");
        let opened = login.open(&keys, "a").unwrap();
        assert_eq!(opened.session.as_str(), "canary-session");
        assert!(login.open(&keys, "b").is_none());
        assert!(login.open(&KeyRing::generate(), "a").is_none());
    }

    #[test]
    fn the_list_is_for_its_owner_alone_also_where_the_folder_was_open() {
        let folder = Folder::new("modes");
        fs::set_permissions(&folder.0, Permissions::from_mode(0o755)).unwrap();
        Logins::change(&folder.0, |l| l.insert("a", login())).unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.0), 0o700);
        assert_eq!(mode(&folder.0.join(FILE)), 0o600);
        assert_eq!(Logins::read(&folder.0).unwrap().names().count(), 1);
    }

    #[test]
    fn writers_at_once_lose_nothing() {
        let folder = Folder::new("writers");
        std::thread::scope(|scope| {
            for n in 0..16 {
                let folder = &folder.0;
                scope.spawn(move || {
                    Logins::change(folder, |l| l.insert(&format!("n{n}"), login())).unwrap();
                });
            }
        });
        assert_eq!(Logins::read(&folder.0).unwrap().names().count(), 16);
    }

    #[test]
    fn a_list_that_is_damaged_or_newer_is_left_alone() {
        let folder = Folder::new("damaged");
        for (text, code) in [
            ("{\"version\":1,\"logi", "store.damaged"),
            ("[]", "store.damaged"),
            ("{\"version\":2,\"other\":[]}", "store.newer_version"),
        ] {
            fs::write(folder.0.join(FILE), text).unwrap();
            let error = Logins::change(&folder.0, |l| l.remove("x")).unwrap_err();
            assert_eq!(valetkey::Explain::code(&error), code, "{text}");
            assert_eq!(fs::read_to_string(folder.0.join(FILE)).unwrap(), text);
        }
    }
}
