//! The two threads: one reads, one writes what is waiting in one transaction.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use rusqlite::Connection;
use tokio::sync::oneshot;
use valetkey::store::StoreError;

use super::connection::{Place, Role};

/// How many writes share a transaction at most.
const BATCH: usize = 256;

/// What must be true when an operation is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    /// It is visible to everybody.
    Nothing,
    /// It is on the disk, too.
    Disk,
}

/// A thread with a connection of its own. Dropping it finishes what was
/// asked for and closes the connection.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<thread::JoinHandle<()>>,
    place: Arc<Place>,
}

impl Worker {
    /// Opens the connection and starts the thread.
    pub(super) fn start(place: Arc<Place>, role: Role) -> Result<Self, StoreError> {
        let mut slot = Slot::open(place.clone(), role)?;
        let (jobs, waiting) = mpsc::channel::<Box<dyn Job>>();
        let thread = thread::Builder::new()
            .name(match role {
                Role::Reader => "valetkey-read".into(),
                Role::Writer => "valetkey-write".into(),
            })
            .spawn(move || {
                while let Ok(first) = waiting.recv() {
                    match role {
                        Role::Reader => slot.read(first),
                        Role::Writer => {
                            let more = waiting.try_iter().take(BATCH - 1);
                            slot.write(std::iter::once(first).chain(more).collect());
                        }
                    }
                }
            })
            .map_err(|error| StoreError::from_io(&place.path, &error))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            place,
        })
    }

    /// Has the thread run a statement. It is sent when first polled, and then
    /// runs whether or not anybody still waits for the answer.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        needs: Needs,
        run: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Task {
            run,
            needs,
            value: None,
            reply,
        });
        let sent = self
            .jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send(job).is_ok());
        let ended = || {
            let text = format!(
                "{}: the store's thread has ended",
                self.place.path.display()
            );
            StoreError::Unavailable(text)
        };
        if !sent {
            return Err(ended());
        }
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It panicked if this fails; that was reported then.
            let _ = thread.join();
        }
    }
}

/// Something to run on a connection, and somebody who waits for it.
trait Job: Send {
    fn needs(&self) -> Needs;
    /// May be run again if the transaction around it failed.
    fn run(&mut self, db: &Connection) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Task<T, F> {
    run: F,
    needs: Needs,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: Fn(&Connection) -> rusqlite::Result<T> + Send> Job for Task<T, F> {
    fn needs(&self) -> Needs {
        self.needs
    }

    fn run(&mut self, db: &Connection) -> rusqlite::Result<()> {
        self.value = Some((self.run)(db)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let answer = match (outcome, self.value) {
            (Ok(()), Some(value)) => Ok(value),
            (Ok(()), None) => return,
            (Err(error), _) => Err(error),
        };
        // Whoever asked may have gone.
        let _ = self.reply.send(answer);
    }
}

/// A connection that is opened anew after it failed.
struct Slot {
    place: Arc<Place>,
    role: Role,
    db: Option<Connection>,
    /// What a commit of this connection waits for at present.
    commits_to: Needs,
}

impl Slot {
    fn open(place: Arc<Place>, role: Role) -> Result<Self, StoreError> {
        let db = place.open(role)?;
        Ok(Self {
            place,
            role,
            db: Some(db),
            commits_to: Needs::Disk,
        })
    }

    fn read(&mut self, mut job: Box<dyn Job>) {
        let outcome = self.using(|_, db| job.run(db));
        job.answer(outcome);
    }

    /// Commits all of it in one transaction. If that fails, each alone: what
    /// is wrong with one must not fail the others.
    fn write(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let outcome = self.commit(&mut batch);
        if batch.len() > 1 && !matches!(outcome, Ok(()) | Err(StoreError::Locked(_))) {
            for job in batch {
                self.write(vec![job]);
            }
            return;
        }
        for job in batch {
            job.answer(outcome.clone());
        }
    }

    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let needs = batch
            .iter()
            .map(|job| job.needs())
            .max()
            .unwrap_or(Needs::Nothing);
        self.using(|commits_to, db| {
            if *commits_to != needs {
                db.execute_batch(match needs {
                    Needs::Nothing => "PRAGMA synchronous = NORMAL",
                    Needs::Disk => "PRAGMA synchronous = FULL",
                })?;
                *commits_to = needs;
            }
            db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            let done = batch
                .iter_mut()
                .try_for_each(|job| job.run(db))
                .and_then(|()| db.prepare_cached("COMMIT")?.execute([]));
            if done.is_err() && !db.is_autocommit() {
                // If this fails as well, closing the connection undoes it.
                let _ = db.execute_batch("ROLLBACK");
            }
            done.map(drop)
        })
    }

    /// Runs `step` on the connection, opened anew if need be.
    fn using(
        &mut self,
        step: impl FnOnce(&mut Needs, &Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let db = match self.db.take() {
            Some(db) => db,
            None => {
                self.commits_to = Needs::Disk;
                self.place.open(self.role)?
            }
        };
        let outcome = step(&mut self.commits_to, &db).map_err(|error| self.place.fault(&error));
        if let Err(error) = &outcome {
            tracing::warn!(%error, "session store");
        }
        let usable = matches!(
            outcome,
            Ok(()) | Err(StoreError::Locked(_) | StoreError::Full(_))
        );
        if usable && db.is_autocommit() {
            self.db = Some(db);
        }
        outcome
    }
}

#[cfg(test)]
mod tests;
