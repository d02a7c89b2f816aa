//! The key that is made at first run.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{KEY_BYTES, KeyRing, KeyRingError};
use crate::{
    clock,
    store::{StoreError, file},
};

impl KeyRing {
    /// Reads the key file at `path`, or makes it at first run: a random key
    /// of 32 bytes in hexadecimal, in a file that its owner alone can read
    /// (0600; folders that are missing are made with 0700).
    ///
    /// The file appears whole or not at all, and on disk before this returns.
    /// Of several processes that come at once, one makes it and all of them
    /// return its key. The file has the form of the setting `SECRET_KEY`:
    /// to rotate, put a new key in front.
    ///
    /// Blocks on the disk: call it at the start of a program.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::File`] with `store.read_only`, `store.full`,
    /// `store.damaged` (not a key) or `store.unavailable`.
    pub fn load_or_create(path: impl AsRef<Path>) -> Result<Self, KeyRingError> {
        let path = path.as_ref();
        let failed = |error| KeyRingError::File(StoreError::from_io(path, &error));
        let text = match read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path).map_err(failed)?;
                read(path).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        Self::parse(&text).map_err(|error| {
            KeyRingError::File(StoreError::Damaged(format!(
                "{}: not a key file ({error})",
                path.display()
            )))
        })
    }
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let text = fs::read_to_string(path).map(Zeroizing::new)?;
    file::keep_private(path);
    Ok(text)
}

/// Makes the file, unless another process was first.
fn create(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    file::create_private_folder(folder)?;
    let draft = Draft::write(path)?;
    match fs::hard_link(&draft.0, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        // Not every file system has hard links. A rename would replace the
        // file of a process that was first, so it needs a lock.
        Err(_) => rename_under_lock(folder, &draft.0, path)?,
        Ok(()) => {}
    }
    File::open(folder)?.sync_all()
}

fn rename_under_lock(folder: &Path, draft: &Path, path: &Path) -> io::Result<()> {
    let lock = File::open(folder)?;
    lock.lock()?;
    if path.try_exists()? {
        Ok(())
    } else {
        fs::rename(draft, path)
    }
}

/// A temporary file with a new key, removed when dropped.
struct Draft(PathBuf);

impl Draft {
    fn write(path: &Path) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", hex(&clock::random::<8>())));
        let draft = Self(path.with_file_name(name));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft.0)?;
        let mut text = Zeroizing::new(hex(&*Zeroizing::new(clock::random::<KEY_BYTES>())));
        text.push('\n');
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already after a rename.
        let _ = fs::remove_file(&self.0);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
        text
    })
}
