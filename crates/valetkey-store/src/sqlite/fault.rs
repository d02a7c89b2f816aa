//! What an error of SQLite means for the store.

use std::{fs, io::Write};

use rusqlite::{Error, ErrorCode, ffi};
use valetkey::store::{StoreError, file};

use super::connection::Place;

impl Place {
    pub(super) fn fault(&self, error: &Error) -> StoreError {
        // No statement and no parameter: only SQLite's own words.
        let text = |what: &dyn std::fmt::Display| format!("{}: {what}", self.path.display());
        let Error::SqliteFailure(failure, _) = error else {
            return match error {
                // A value or a table is not what we wrote.
                Error::FromSqlConversionFailure(..)
                | Error::IntegralValueOutOfRange(..)
                | Error::InvalidColumnType(..)
                | Error::SqlInputError { .. } => StoreError::Damaged(text(
                    &"holds something that was not written by this program",
                )),
                _ => StoreError::Unavailable(text(&"cannot be used")),
            };
        };
        let said = text(failure);
        match failure.code {
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed => StoreError::Locked(said),
            ErrorCode::DiskFull => StoreError::Full(said),
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreError::ReadOnly(said),
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            | ErrorCode::Unknown => StoreError::Damaged(said),
            ErrorCode::CannotOpen | ErrorCode::SystemIoFailure => match failure.extended_code {
                ffi::SQLITE_IOERR_CORRUPTFS | ffi::SQLITE_IOERR_SHORT_READ => {
                    StoreError::Damaged(said)
                }
                _ => self.probe().unwrap_or(StoreError::Unavailable(said)),
            },
            _ => StoreError::Unavailable(said),
        }
    }

    /// SQLite says "I/O error" and "cannot open" for a file system that went
    /// read-only, for an exhausted quota and for a folder without rights.
    /// Writing a small file beside the database tells them apart.
    fn probe(&self) -> Option<StoreError> {
        let path = self.folder().join(format!(
            ".valetkey-probe-{:016x}",
            u64::from_ne_bytes(valetkey::clock::random())
        ));
        let tried = file::create_private_file(&path).and_then(|()| {
            let mut file = fs::OpenOptions::new().write(true).open(&path)?;
            file.write_all(&[0; 4096])?;
            file.sync_all()
        });
        // Not there if it could not be made.
        let _ = fs::remove_file(&path);
        match StoreError::from_io(&self.path, &tried.err()?) {
            StoreError::Unavailable(_) => None,
            told => Some(told),
        }
    }
}
