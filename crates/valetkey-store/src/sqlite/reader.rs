//! The thread for reads that could not be made at once: it waits for locks,
//! opens the file anew, and says what is wrong.

use std::sync::Arc;

use rusqlite::Connection;
use valetkey::store::StoreError;

use super::{
    connection::{Place, Role},
    worker::{Job, Worker},
};

/// Starts the thread, its connection open.
pub(super) fn start(place: Arc<Place>) -> Result<Worker, StoreError> {
    let mut db = Some(place.open(Role::Reader)?);
    Worker::start(place.clone(), "valetkey-read", move |job, _| {
        read(&place, &mut db, job);
    })
}

/// After an error but a lock, the connection is opened anew.
fn read(place: &Place, slot: &mut Option<Connection>, mut job: Box<dyn Job>) {
    let outcome = slot
        .take()
        .map_or_else(|| place.open(Role::Reader), Ok)
        .and_then(|db| {
            let outcome = job.run(&db).map_err(|error| place.fault(&error));
            if matches!(outcome, Ok(()) | Err(StoreError::Locked(_))) {
                *slot = Some(db);
            }
            outcome
        });
    if let Err(error) = &outcome {
        tracing::warn!(%error, "session store");
    }
    job.answer(outcome);
}
