//! What can be wrong with a store.

use std::{borrow::Cow, io, path::Path};

use valetkey_proto::error::{Blame, Explain};

/// Why a store could not do what it was asked. Never a sign-out.
///
/// The text in a variant names the file (or the store) and says what the
/// system said; it holds nothing of a record.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process holds the database for longer than we wait.
    #[error("the session store is locked by another process: {0}")]
    Locked(String),
    /// The disk, or the quota, is full.
    #[error("the session store cannot grow: {0}")]
    Full(String),
    /// The file or its folder cannot be written.
    #[error("the session store is read-only: {0}")]
    ReadOnly(String),
    /// A newer Valetkey has changed the schema.
    #[error("the session store {path} has schema {found}, this program knows up to {known}")]
    NewerVersion {
        /// The file.
        path: String,
        /// The schema version found.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// The database, or a record in it, is not what was written.
    #[error("the session store is damaged: {0}")]
    Damaged(String),
    /// The store cannot be reached or opened for another reason.
    #[error("the session store is unavailable: {0}")]
    Unavailable(String),
}

impl StoreError {
    /// What an error of the file system at `path` means for the store there.
    #[must_use]
    pub fn from_io(path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        let text = format!("{}: {error}", path.display());
        match error.kind() {
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Self::ReadOnly(text),
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Self::Full(text),
            Kind::InvalidData => Self::Damaged(text),
            Kind::WouldBlock | Kind::ResourceBusy => Self::Locked(text),
            _ => Self::Unavailable(text),
        }
    }
}

impl Explain for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Locked(_) => "store.locked",
            Self::Full(_) => "store.full",
            Self::ReadOnly(_) => "store.read_only",
            Self::NewerVersion { .. } => "store.newer_version",
            Self::Damaged(_) => "store.damaged",
            Self::Unavailable(_) => "store.unavailable",
        }
    }

    fn blame(&self) -> Blame {
        Blame::Store
    }

    fn message(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }

    fn cause(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Locked(_) => {
                "Another process holds a lock on the session database for longer than this one waits: a backup, a SQLite shell with an open transaction, or a second server that hangs."
            }
            Self::Full(_) => {
                "The disk or the quota has no space left, or the size limit set for the store is reached. What was stored before is untouched."
            }
            Self::ReadOnly(_) => {
                "The user that this program runs as may not write the file or its folder (SQLite needs both), or the file system is mounted read-only."
            }
            Self::NewerVersion { .. } => {
                "A newer version of this program has used the file and changed its schema. It was not touched."
            }
            Self::Damaged(_) => {
                "The content is not what was written there: another program wrote to the file, it was copied while in use, a disk fault, or records were sealed with a secret key that this program was not given."
            }
            Self::Unavailable(_) => {
                "The store could not be opened or reached; what the system said is in the message."
            }
        })
    }

    fn fix(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Locked(_) => {
                "Find the other process (`fuser FILE` or `lsof FILE`) and end its transaction. Nobody was signed out, and the next request finds the sessions as they were."
            }
            Self::Full(_) => {
                "Free space, or raise the quota or the limit. No restart is needed, and nobody was signed out."
            }
            Self::ReadOnly(_) => {
                "Give the file and its folder to that user (`chown`; the folder needs mode 0700, the file 0600), or name another folder with VALETKEY_DATA_DIR."
            }
            Self::NewerVersion { .. } => {
                "Run the newer version again, or use another data folder: users then sign in anew."
            }
            Self::Damaged(_) => {
                "If SECRET_KEY was changed, put the earlier key behind the new one. Otherwise restore the file from a backup, or move it away while no program uses it: users then sign in anew."
            }
            Self::Unavailable(_) => {
                "Check that the path exists, is on a local disk and is a file, not a folder. It is tried again with every request."
            }
        })
    }
}
