//! A small file system that programs can be started on.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// How this machine lets a program have mounts of its own.
#[derive(Clone, Copy)]
struct Namespace {
    make: &'static [&'static str],
    enter: &'static [&'static str],
}

const NAMESPACES: [Namespace; 2] = [
    Namespace {
        make: &["unshare", "--mount"],
        enter: &["nsenter", "--mount"],
    },
    Namespace {
        make: &["unshare", "--map-root-user", "--mount"],
        enter: &["nsenter", "--preserve-credentials", "--user", "--mount"],
    },
];

/// A file system in memory, mounted at a path that only those see who are
/// started on it. It lives as long as this.
pub(crate) struct Disk {
    path: PathBuf,
    namespace: Namespace,
    holder: Child,
}

impl Disk {
    /// `None`, and a word, where mounting is not allowed; on CI a failure.
    pub(crate) fn mount(path: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let made = NAMESPACES
            .into_iter()
            .find_map(|namespace| Self::within(namespace, path, size));
        if made.is_none() {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "cannot be skipped on CI: a small file system needs `unshare --mount`"
            );
            eprintln!("skipped: a small file system needs `unshare --mount`");
        }
        made
    }

    fn within(namespace: Namespace, path: &Path, size: &str) -> Option<Self> {
        // It ends when its input does, at the latest with this process.
        let script = r#"mount -t tmpfs -o "$1",mode=0700 tmpfs "$0" && echo mounted && read end"#;
        let (program, arguments) = namespace.make.split_first()?;
        let mut holder = Command::new(program)
            .args(arguments)
            .args(["/bin/sh", "-c", script])
            .arg(path)
            .arg(format!("size={size}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        let out = holder.stdout.take()?;
        let _ = BufReader::new(out).read_line(&mut line);
        let disk = Self {
            path: path.to_owned(),
            namespace,
            holder,
        };
        (line.trim() == "mounted").then_some(disk)
    }

    /// What starts a program on it.
    pub(crate) fn wrapper(&self) -> Vec<OsString> {
        let target = ["--target".into(), self.holder.id().to_string()];
        let (program, arguments) = self.namespace.enter.split_first().unwrap();
        [OsString::from(program)]
            .into_iter()
            .chain(target.map(OsString::from))
            .chain(arguments.iter().map(OsString::from))
            .collect()
    }

    /// A path as those see it who were started on it.
    pub(crate) fn seen(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").unwrap())
    }

    /// Mounts it anew with these options.
    pub(crate) fn remount(&self, options: &str) {
        let wrapper = self.wrapper();
        let status = Command::new(&wrapper[0])
            .args(&wrapper[1..])
            .args(["mount", "-o", &format!("remount,{options}")])
            .arg(&self.path)
            .status();
        assert!(status.unwrap().success(), "remount,{options}");
    }

    fn ballast(&self) -> PathBuf {
        self.seen(&self.path.join("ballast"))
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let mut file = std::fs::File::create(self.ballast()).unwrap();
        let mut size = 1 << 20;
        while size > 0 {
            while file.write_all(&vec![1; size]).is_ok() {}
            size /= 4;
        }
    }

    /// Makes space again.
    pub(crate) fn relieve(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
