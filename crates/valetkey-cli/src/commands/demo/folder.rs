//! Where a demo keeps its data: a folder of the user's, or a temporary one
//! that goes when the demo ends.

use std::path::{Path, PathBuf};

use valetkey::store::{StoreError, file::create_private_folder};
use valetkey_proto::error::{Explain, Problem};

pub(crate) struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    pub(crate) fn of(given: Option<&Path>) -> Result<Self, Problem> {
        let (path, temporary) = match given {
            Some(path) => (path.to_owned(), false),
            None => {
                let name: String = valetkey::clock::random::<8>()
                    .iter()
                    .map(|b| format!("{b:02x}"))
                    .collect();
                (
                    std::env::temp_dir().join(format!("valetkey-demo-{name}")),
                    true,
                )
            }
        };
        create_private_folder(&path).map_err(|e| StoreError::from_io(&path, &e).problem())?;
        Ok(Self { path, temporary })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // What cannot be removed is the system's to clean up.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
