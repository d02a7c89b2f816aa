//! The statements: one function for each verb of the store, each atomic.

use rusqlite::{Connection, OptionalExtension, Result, Row, params, types::Type};
use valetkey::{
    clock::Seconds,
    store::{Index, Leased, Record, RecordKey, Replaced},
};

/// How many rows of each table one call of [`sweep`] removes at most.
const SWEEP_ROWS: usize = 500;

pub(super) fn load(db: &Connection, key: &RecordKey, now: Seconds) -> Result<Option<Record>> {
    db.prepare_cached(
        "SELECT sealed, version, idle_until, ends_at FROM session
         WHERE key = ?1 AND min(idle_until, ends_at) > ?2",
    )?
    .query_row(params![key.0, time(now)], |row| {
        Ok(Record {
            sealed: verify_stored(key, row.get_ref(0)?.as_blob()?)?,
            version: unsigned(row, 1)?,
            idle_until: unsigned(row, 2)?,
            ends_at: unsigned(row, 3)?,
        })
    })
    .optional()
}

pub(super) fn insert(
    db: &Connection,
    key: &RecordKey,
    sealed: &[u8],
    idle_until: Seconds,
    ends_at: Seconds,
    index: &Index,
) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO session (key, sealed, version, idle_until, ends_at, subject, sid)
         VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        key.0,
        stored(key, sealed),
        time(idle_until),
        time(ends_at),
        index.subject,
        index.sid
    ])?;
    Ok(())
}

pub(super) fn replace(
    db: &Connection,
    key: &RecordKey,
    expected: u64,
    sealed: &[u8],
    now: Seconds,
) -> Result<Replaced> {
    let changed = db
        .prepare_cached(
            "UPDATE session SET sealed = ?3, version = version + 1
             WHERE key = ?1 AND version = ?2 AND min(idle_until, ends_at) > ?4",
        )?
        .execute(params![
            key.0,
            time(expected),
            stored(key, sealed),
            time(now)
        ])?;
    Ok(if changed == 1 {
        Replaced::Done(expected + 1)
    } else {
        Replaced::Conflict
    })
}

pub(super) fn touch(db: &Connection, key: &RecordKey, idle_until: Seconds) -> Result<()> {
    db.prepare_cached("UPDATE session SET idle_until = ?2 WHERE key = ?1 AND idle_until < ?2")?
        .execute(params![key.0, time(idle_until)])?;
    Ok(())
}

pub(super) fn delete(db: &Connection, key: &RecordKey) -> Result<bool> {
    let deleted = db
        .prepare_cached("DELETE FROM session WHERE key = ?1")?
        .execute([key.0])?;
    Ok(deleted == 1)
}

pub(super) fn by_subject(
    db: &Connection,
    subject: &[u8; 32],
    now: Seconds,
) -> Result<Vec<RecordKey>> {
    db.prepare_cached(
        "SELECT key FROM session WHERE subject = ?1 AND min(idle_until, ends_at) > ?2",
    )?
    .query_map(params![subject, time(now)], |row| row.get(0).map(RecordKey))?
    .collect()
}

pub(super) fn spend(
    db: &Connection,
    key: &RecordKey,
    now: Seconds,
    until: Seconds,
) -> Result<bool> {
    let changed = db
        .prepare_cached(
            "INSERT INTO spent (key, until) VALUES (?1, ?3)
             ON CONFLICT (key) DO UPDATE SET until = excluded.until WHERE spent.until <= ?2",
        )?
        .execute(params![key.0, time(now), time(until)])?;
    Ok(changed == 1)
}

pub(super) fn is_spent(db: &Connection, key: &RecordKey, now: Seconds) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM spent WHERE key = ?1 AND until > ?2")?
        .exists(params![key.0, time(now)])
}

pub(super) fn lease(
    db: &Connection,
    key: &RecordKey,
    owner: u64,
    now: Seconds,
    until: Seconds,
) -> Result<Leased> {
    let changed = db
        .prepare_cached(
            "INSERT INTO lease (key, owner, until) VALUES (?1, ?2, ?4)
             ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, until = excluded.until
             WHERE lease.until <= ?3 OR lease.owner = ?2",
        )?
        .execute(params![key.0, owner.cast_signed(), time(now), time(until)])?;
    if changed == 1 {
        return Ok(Leased::Held);
    }
    // The same transaction: it is still there.
    db.prepare_cached("SELECT until FROM lease WHERE key = ?1")?
        .query_row([key.0], |row| unsigned(row, 0).map(Leased::Busy))
}

pub(super) fn release(db: &Connection, key: &RecordKey, owner: u64) -> Result<()> {
    db.prepare_cached("DELETE FROM lease WHERE key = ?1 AND owner = ?2")?
        .execute(params![key.0, owner.cast_signed()])?;
    Ok(())
}

/// What one call of [`sweep`] did.
pub(super) struct Swept {
    /// How many sessions it removed.
    pub(super) sessions: u64,
    /// Whether there may be more to remove.
    pub(super) more: bool,
}

pub(super) fn sweep(db: &Connection, now: Seconds) -> Result<Swept> {
    let remove = |sql| {
        db.prepare_cached(sql)?
            .execute(params![time(now), SWEEP_ROWS as i64])
    };
    let sessions = remove(
        "DELETE FROM session WHERE rowid IN
         (SELECT rowid FROM session WHERE min(idle_until, ends_at) <= ?1 LIMIT ?2)",
    )?;
    let leases = remove(
        "DELETE FROM lease WHERE key IN (SELECT key FROM lease WHERE until <= ?1 LIMIT ?2)",
    )?;
    Ok(Swept {
        sessions: sessions as u64,
        more: [sessions, leases].contains(&SWEEP_ROWS),
    })
}

/// Removes the spent states that have ended, of the rows behind `after`. The
/// table has no index by time: it is walked in the order of its keys, which
/// are random, so that nothing is looked at twice.
/// Returns the last key that was looked at, if there may be more behind it.
pub(super) fn sweep_spent(db: &Connection, after: &[u8], now: Seconds) -> Result<Option<Vec<u8>>> {
    let last: Option<Vec<u8>> = db
        .prepare_cached("SELECT key FROM spent WHERE key > ?1 ORDER BY key LIMIT 1 OFFSET ?2")?
        .query_row(params![after, SWEEP_ROWS as i64 - 1], |row| row.get(0))
        .optional()?;
    match &last {
        Some(last) => db
            .prepare_cached("DELETE FROM spent WHERE key > ?1 AND key <= ?3 AND until <= ?2")?
            .execute(params![after, time(now), last])?,
        None => db
            .prepare_cached("DELETE FROM spent WHERE key > ?1 AND until <= ?2")?
            .execute(params![after, time(now)])?,
    };
    Ok(last)
}

/// The bytes of a checksum.
const CHECKSUM: usize = 8;

/// What the column `sealed` holds: the sealed bytes and a checksum, so that
/// damage is told from bytes that no key of the ring opens any more.
fn stored(key: &RecordKey, sealed: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(sealed.len() + CHECKSUM);
    stored.extend_from_slice(sealed);
    stored.extend_from_slice(&checksum(key, sealed));
    stored
}

/// The sealed bytes, if they are as they were stored for this key.
fn verify_stored(key: &RecordKey, stored: &[u8]) -> Result<Vec<u8>> {
    match stored.split_last_chunk() {
        Some((sealed, sum))
            if checksum(key, sealed) == *sum || checksum_v1(key, sealed) == *sum =>
        {
            Ok(sealed.to_vec())
        }
        _ => Err(rusqlite::Error::FromSqlConversionFailure(
            0,
            Type::Blob,
            "the record is damaged".into(),
        )),
    }
}

/// FNV-1a over words of eight bytes, in four lanes so that they need not wait
/// for each other, then over the lanes, the last bytes and the length. It
/// finds accidents; against intent the bytes are sealed.
fn checksum(key: &RecordKey, sealed: &[u8]) -> [u8; CHECKSUM] {
    let mut lanes = [FNV_BASIS; 4];
    let (blocks, rest) = sealed.as_chunks::<32>();
    for block in std::iter::once(&key.0).chain(blocks) {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            // Multiplying only moves bits up: the rotation brings them down.
            *lane = (*lane ^ u64::from_le_bytes(*word))
                .wrapping_mul(FNV_PRIME)
                .rotate_left(29);
        }
    }
    let length = (sealed.len() as u64).to_le_bytes();
    let lanes = lanes.map(u64::to_le_bytes);
    let ends = lanes.as_flattened().iter().chain(rest).chain(&length);
    fnv(FNV_BASIS, ends)
}

/// What version 1 of the schema had: the same one byte at a time.
fn checksum_v1(key: &RecordKey, sealed: &[u8]) -> [u8; CHECKSUM] {
    fnv(FNV_BASIS, key.0.iter().chain(sealed))
}

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

fn fnv<'a>(basis: u64, bytes: impl Iterator<Item = &'a u8>) -> [u8; CHECKSUM] {
    bytes
        .fold(basis, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
        })
        .to_be_bytes()
}

/// SQLite's integers are signed; the last second that fits is far enough off.
fn time(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}
