//! Files that only their owner may read: for stores that keep a file.

use std::{fs, io, path::Path};

/// Makes a folder and those above it that are missing, with mode 0700.
/// A folder that exists is left as it is.
///
/// # Errors
///
/// What the file system says.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes an empty file with mode 0600 if there is none at `path`.
///
/// # Errors
///
/// What the file system says.
pub fn create_private_file(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Takes the rights of group and others away from a file that has any, and
/// warns: it holds secrets. A file of another owner stays as it is.
pub fn keep_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let Ok(mode) = fs::metadata(path).map(|data| data.permissions().mode() & 0o777) else {
            return;
        };
        if mode & 0o077 != 0 {
            let tightened = fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700));
            tracing::warn!(
                path = %path.display(),
                mode = format!("{mode:03o}"),
                tightened = tightened.is_ok(),
                "a file with secrets could be read by others"
            );
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}
