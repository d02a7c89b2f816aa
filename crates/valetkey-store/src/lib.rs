//! Session stores for Valetkey: SQLite, in a file on the local disk.
//!
//! ```
//! use valetkey_store::{Options, SqliteStore};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = std::env::temp_dir().join(format!("valetkey-doc-{:x}", u64::from_ne_bytes(valetkey::clock::random())));
//! let store = SqliteStore::open(folder.join("sessions.db"), Options::default())?;
//! # drop(store);
//! # std::fs::remove_dir_all(folder)?;
//! # Ok(())
//! # }
//! ```

mod sqlite;

pub use sqlite::{Options, SqliteStore};
