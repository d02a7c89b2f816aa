//! The grant in a file that only its owner reads.

use std::{fs, path::PathBuf};

use valetkey::{
    Blame, Grant, Problem,
    store::{StoreError, file::create_private_file},
};

/// One visitor's grant. The visitor is known by a random name in a cookie,
/// which stands in the first line.
pub(crate) struct Kept {
    file: PathBuf,
}

impl Kept {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// Writes it durably, and all of it or nothing: whoever loses a rotated
    /// refresh token signs in again.
    pub(crate) fn save(&self, visitor: &str, grant: &Grant) -> Result<(), Problem> {
        let new = self.file.with_extension("new");
        let write = || {
            create_private_file(&new)?;
            fs::write(&new, format!("{visitor}\n{}\n", *grant.expose_json()))?;
            fs::File::open(&new)?.sync_all()?;
            fs::rename(&new, &self.file)
        };
        write().map_err(|e| problem(&StoreError::from_io(&self.file, &e)))
    }

    pub(crate) fn load(&self) -> Result<Option<(String, Grant)>, Problem> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(problem(&StoreError::from_io(&self.file, &e))),
        };
        let (visitor, json) = text.split_once('\n').ok_or_else(|| {
            Problem::new(
                "grant.unreadable",
                Blame::Config,
                "the token file cannot be read",
                "It is something else, or was cut short.",
                "Remove it, and sign in again.",
            )
        })?;
        Ok(Some((
            visitor.to_owned(),
            Grant::parse_json(json.trim_end())?,
        )))
    }
}

fn problem(error: &StoreError) -> Problem {
    valetkey::Explain::problem(error)
}
