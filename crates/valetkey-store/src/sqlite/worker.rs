//! A thread that works for the async side: jobs in, answers out.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use rusqlite::Connection;
use tokio::sync::oneshot;
use valetkey::store::StoreError;

use super::connection::Place;

/// What must be true when an operation is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    /// It is visible to everybody.
    Nothing,
    /// It is on the disk, too.
    Disk,
}

/// A thread with a connection of its own. Dropping it finishes what was
/// asked for and ends the thread.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<thread::JoinHandle<()>>,
    place: Arc<Place>,
}

impl Worker {
    /// Starts the thread. `work` is given each job that finds it idle, and
    /// may take those that wait behind it.
    pub(super) fn start(
        place: Arc<Place>,
        name: &str,
        mut work: impl FnMut(Box<dyn Job>, &mpsc::Receiver<Box<dyn Job>>) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (jobs, waiting) = mpsc::channel::<Box<dyn Job>>();
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                while let Ok(job) = waiting.recv() {
                    work(job, &waiting);
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
        self.answer(self.send(needs, run)).await
    }

    /// Waits for what was sent.
    pub(super) async fn answer<T>(
        &self,
        sent: Option<oneshot::Receiver<Result<T, StoreError>>>,
    ) -> Result<T, StoreError> {
        let ended = || {
            let text = format!(
                "{}: the store's thread has ended",
                self.place.path.display()
            );
            StoreError::Unavailable(text)
        };
        match sent {
            Some(answer) => answer.await.unwrap_or_else(|_| Err(ended())),
            None => Err(ended()),
        }
    }

    /// The same, without waiting: the receiver need not be kept.
    pub(super) fn send<T: Send + 'static>(
        &self,
        needs: Needs,
        run: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Option<oneshot::Receiver<Result<T, StoreError>>> {
        let (task, answer) = Task::new(needs, run);
        self.jobs.as_ref()?.send(Box::new(task)).ok()?;
        Some(answer)
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
pub(super) trait Job: Send {
    fn needs(&self) -> Needs;
    /// May be run again if the transaction around it failed.
    fn run(&mut self, db: &Connection) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// The job that runs `run`.
pub(super) struct Task<T, F> {
    run: F,
    needs: Needs,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Task<T, F> {
    pub(super) fn new(needs: Needs, run: F) -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        let task = Self {
            run,
            needs,
            value: None,
            reply,
        };
        (task, answer)
    }
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
