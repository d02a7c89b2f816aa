//! What is on the disk, read past the program.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use serde_json::Value;

use crate::machine::Folder;

/// The app's session database in a data folder of `valetkey demo`.
pub(crate) fn database(data: &Path) -> PathBuf {
    let mut folders = std::fs::read_dir(data.join("app")).unwrap();
    let folder = folders.next().unwrap().unwrap().path();
    assert!(folders.next().is_none(), "one app, one folder");
    folder.join("sessions.db")
}

pub(crate) fn open(data: &Path) -> Connection {
    Connection::open(database(data)).unwrap()
}

/// A copy of the app's data folder, to be looked at. Of an app that was
/// killed: SQLite tidies up a log that a killed process left, and that is for
/// the app to do. Of one that runs, when it has nothing to do.
pub(crate) fn copy(data: &Path) -> Folder {
    let from = database(data);
    let copy = Folder::new();
    let folder = copy.path().join("app").join("copy");
    std::fs::create_dir_all(&folder).unwrap();
    for end in ["", "-wal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
        match std::fs::copy(name(&from), name(&folder.join("sessions.db"))) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            copied => drop(copied.unwrap()),
        }
    }
    copy
}

/// Keys and versions of the sessions: the version grows with each write.
pub(crate) fn sessions(data: &Path) -> BTreeMap<Vec<u8>, i64> {
    let db = open(data);
    let mut rows = db.prepare("SELECT key, version FROM session").unwrap();
    rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// How many states are remembered as spent.
pub(crate) fn spent_states(data: &Path) -> i64 {
    let count = "SELECT count(*) FROM spent";
    open(data).query_row(count, [], |row| row.get(0)).unwrap()
}

/// Grants of a provider, and how often their refresh tokens were rotated.
pub(crate) fn grants(provider_data: &Path) -> BTreeMap<String, i64> {
    let text = std::fs::read_to_string(provider_data.join("journal")).unwrap();
    let mut grants = BTreeMap::new();
    for line in text.lines().skip(1) {
        // A line that was not written completely was never answered.
        let Some(Ok(changes)) = line
            .split_once(' ')
            .map(|(_, json)| serde_json::from_str::<Vec<Value>>(json))
        else {
            continue;
        };
        for change in changes {
            let (id, number) = match (&change["grant"], &change["rotation"]) {
                (Value::Object(grant), _) => (&grant["id"], &grant["refresh"]["number"]),
                (_, Value::Object(rotation)) => (&rotation["grant"], &rotation["to"]["number"]),
                _ => continue,
            };
            let id = id.as_str().unwrap().to_owned();
            grants.insert(id, number.as_i64().unwrap());
        }
    }
    grants
}
