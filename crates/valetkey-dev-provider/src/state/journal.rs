//! The journal: every change, on disk before it is answered.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::mpsc,
};

use tokio::sync::oneshot;

use super::Change;
use crate::{files, secret::sha256};

const FIRST_LINE: &str = "valetkey-provider-journal 1";
const FILE: &str = "journal";

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    #[error("another provider is using the folder")]
    Locked,
    #[error("{0} is damaged")]
    Damaged(String),
    #[error("the journal was written by a newer version")]
    NewerVersion,
    #[error("{0}")]
    Io(#[source] io::Error),
}

/// Says when a step is durable.
#[derive(Debug)]
pub(crate) struct Commit(Option<oneshot::Receiver<bool>>);

impl Commit {
    /// There was nothing to write.
    pub(crate) fn nothing() -> Self {
        Self(None)
    }

    /// Waits; whether the step has been written.
    pub(crate) async fn durable(self) -> bool {
        match self.0 {
            None => true,
            Some(receiver) => receiver.await.unwrap_or(false),
        }
    }
}

struct Line {
    text: String,
    written: oneshot::Sender<bool>,
}

/// The journal of a running provider. One thread writes, and calls fsync
/// once for all that waits.
#[derive(Debug)]
pub(crate) struct Journal {
    lines: Option<mpsc::Sender<Line>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// The folder, locked and read, before anything is written.
#[derive(Debug)]
pub(crate) struct Opening {
    path: PathBuf,
    lock: File,
    changes: Vec<Change>,
}

impl Journal {
    /// Locks the folder and reads what is there.
    pub(crate) fn open(dir: &Path) -> Result<Opening, JournalError> {
        files::make_folder(dir).map_err(JournalError::Io)?;
        let lock = files::owner_only()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join("lock"))
            .map_err(JournalError::Io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Locked),
            Err(TryLockError::Error(e)) => return Err(JournalError::Io(e)),
        }
        let path = dir.join(FILE);
        let changes = match fs::read(&path) {
            Ok(bytes) => parse_journal(&String::from_utf8_lossy(&bytes))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(JournalError::Io(e)),
        };
        Ok(Opening {
            path,
            lock,
            changes,
        })
    }

    /// Hands the changes of one step to the writer.
    pub(crate) fn append(&self, changes: &[Change]) -> Commit {
        let (written, receiver) = oneshot::channel();
        if let Some(lines) = &self.lines {
            // If the writer is gone, the receiver says so.
            drop(lines.send(Line {
                text: line(changes),
                written,
            }));
        }
        Commit(Some(receiver))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.lines.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Opening {
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Replaces the journal by `snapshot`, and starts the writer.
    pub(crate) fn start(self, snapshot: &[Change]) -> Result<Journal, JournalError> {
        let mut text = format!("{FIRST_LINE}\n");
        for change in snapshot {
            text.push_str(&line(std::slice::from_ref(change)));
        }
        files::write_owner_only(&self.path, text.as_bytes()).map_err(JournalError::Io)?;
        let file = files::owner_only()
            .append(true)
            .open(&self.path)
            .map_err(JournalError::Io)?;
        let (lines, receiver) = mpsc::channel();
        let lock = self.lock;
        let thread = std::thread::spawn(move || {
            write_lines(file, &receiver);
            drop(lock);
        });
        Ok(Journal {
            lines: Some(lines),
            thread: Some(thread),
        })
    }
}

fn write_lines(mut file: File, lines: &mpsc::Receiver<Line>) {
    // After a failed write nothing is known about the file's end: refuse all
    // that follows. What was written before is read again at the next start.
    let mut sound = true;
    while let Ok(first) = lines.recv() {
        let batch: Vec<Line> = std::iter::once(first).chain(lines.try_iter()).collect();
        if sound {
            let text: String = batch.iter().map(|line| line.text.as_str()).collect();
            let result = file
                .write_all(text.as_bytes())
                .and_then(|()| file.sync_data());
            if let Err(e) = result {
                tracing::error!("the provider's journal cannot be written: {e}");
                sound = false;
            }
        }
        for line in batch {
            // An error means that the request has gone away.
            let _ = line.written.send(sound);
        }
    }
}

/// A step as one line: a check value, a space, the changes.
fn line(changes: &[Change]) -> String {
    let json = serde_json::to_string(changes).unwrap_or_default();
    format!("{} {json}\n", check_value(&json))
}

fn check_value(json: &str) -> String {
    sha256(json.as_bytes())[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// All changes in order. A last step that was not written completely has
/// never been answered, and is left out.
fn parse_journal(text: &str) -> Result<Vec<Change>, JournalError> {
    let mut lines = text.split_inclusive('\n');
    match lines.next() {
        None => return Ok(Vec::new()),
        Some(first) if first.trim_end() == FIRST_LINE => {}
        Some(first) if first.starts_with("valetkey-provider-journal ") => {
            return Err(JournalError::NewerVersion);
        }
        Some(_) => return Err(JournalError::Damaged(FILE.into())),
    }
    let mut changes = Vec::new();
    let mut torn = false;
    for text in lines {
        match parse_line(text) {
            Some(_) if torn => return Err(JournalError::Damaged(FILE.into())),
            Some(step) => changes.extend(step),
            None => torn = true,
        }
    }
    Ok(changes)
}

fn parse_line(text: &str) -> Option<Vec<Change>> {
    let (check, json) = text.strip_suffix('\n')?.split_once(' ')?;
    if check != check_value(json) {
        return None;
    }
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Mark;

    fn journal(steps: usize) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        for i in 0..steps {
            text.push_str(&line(&[
                Change::GrantEnd(format!("a{i}")),
                Change::AccessEnd(Mark::of("access", &format!("b{i}"))),
            ]));
        }
        text
    }

    #[test]
    fn a_journal_cut_anywhere_gives_whole_steps() {
        let text = journal(3);
        let first = FIRST_LINE.len() + 1;
        let mut seen = 0;
        for end in first..=text.len() {
            let changes = parse_journal(&text[..end]).unwrap();
            assert_eq!(changes.len() % 2, 0, "half a step at {end}");
            assert!(changes.len() >= seen);
            seen = changes.len();
        }
        assert_eq!(seen, 6);
    }

    #[test]
    fn damage_before_the_last_step_is_not_taken_for_a_torn_tail() {
        let text = journal(3).replacen("a0", "aX", 1);
        assert!(matches!(
            parse_journal(&text),
            Err(JournalError::Damaged(_))
        ));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_could_not_be_written_is_never_called_durable() {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let (lines, receiver) = mpsc::channel();
        let mut answers = Vec::new();
        for _ in 0..2 {
            let (written, answer) = oneshot::channel();
            let text = line(&[Change::GrantEnd("a".into())]);
            lines.send(Line { text, written }).unwrap();
            answers.push(answer);
        }
        drop(lines);
        write_lines(full, &receiver);
        for answer in answers {
            assert!(!answer.blocking_recv().unwrap());
        }
    }

    #[test]
    fn a_newer_journal_is_refused() {
        assert!(matches!(
            parse_journal("valetkey-provider-journal 2\n"),
            Err(JournalError::NewerVersion)
        ));
    }
}
