//! The contract test of [`Store`](super::Store): one suite for every store, yours too.
//!
//! ```
//! use std::sync::Arc;
//! use valetkey::store::{MemoryStore, contract};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! contract::run(|| {
//!     let store = Arc::new(MemoryStore::new());
//!     [store.clone(), store]
//! })
//! .await;
//! # });
//! ```

#![allow(
    clippy::expect_used,
    reason = "a test suite: it panics where the contract is broken"
)]

use std::fmt::Debug;

use tokio::task::JoinSet;

use super::{Index, Leased, Record, RecordKey, Replaced, SharedStore, StoreError, StoreFuture};

const NOW: u64 = 1_900_000_000;

/// Runs all cases, each on a new store.
///
/// `fresh` makes an empty store and gives two handles to it: to one and the
/// same storage, opened twice as two processes would where that is possible,
/// otherwise the same handle twice. Needs a Tokio runtime; on one with
/// several threads the concurrent cases run in parallel.
///
/// # Panics
///
/// If the store breaks the contract; the text says where.
pub async fn run(fresh: impl Fn() -> [SharedStore; 2]) {
    a_record_is_read_as_it_was_written(fresh()).await;
    a_taken_key_is_refused_and_left_alone(fresh()).await;
    idle_and_absolute_ends_hide_a_record(fresh()).await;
    touch_moves_the_idle_end_forward_only(fresh()).await;
    replace_needs_the_version_it_expects(fresh()).await;
    one_of_many_replaces_wins(fresh()).await;
    delete_says_whether_there_was_one(fresh()).await;
    live_records_are_found_by_subject(fresh()).await;
    a_state_is_spent_once_until_it_is_forgotten(fresh()).await;
    what_was_spent_is_still_spent_when_it_is_settled(fresh()).await;
    one_of_many_spends_wins(fresh()).await;
    a_lease_has_one_owner_until_it_ends(fresh()).await;
    one_of_many_leases_wins(fresh()).await;
    sweep_removes_what_has_ended_and_nothing_else(fresh()).await;
    both_handles_see_what_was_written(fresh()).await;
}

/// A key made of one byte, for tests.
#[must_use]
pub fn key(byte: u8) -> RecordKey {
    RecordKey([byte; 32])
}

async fn done<T>(what: &str, future: StoreFuture<'_, T>) -> T {
    match future.await {
        Ok(value) => value,
        Err(error) => panic!("{what} failed: {error}"),
    }
}

#[track_caller]
fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) {
    assert!(
        found == expected,
        "{what}: found {found:?}, expected {expected:?}"
    );
}

async fn insert(store: &SharedStore, key: RecordKey, sealed: &[u8], idle: u64, end: u64) {
    let index = Index::default();
    done(
        "insert",
        store.insert(key, sealed.to_vec(), idle, end, index),
    )
    .await;
}

async fn load(store: &SharedStore, key: RecordKey, now: u64) -> Option<Record> {
    done("load", store.load(key, now)).await
}

async fn a_record_is_read_as_it_was_written([store, _]: [SharedStore; 2]) {
    same(
        "a key that was never written",
        load(&store, key(1), NOW).await,
        None,
    );
    // All byte values, and longer than a page of most databases.
    let sealed: Vec<u8> = (0..=255u8).cycle().take(20_000).collect();
    insert(&store, key(1), &sealed, NOW + 10, NOW + 20).await;
    insert(&store, key(2), b"", NOW + 10, NOW + 20).await;
    let record = load(&store, key(1), NOW)
        .await
        .expect("the record that was inserted");
    assert!(
        record.sealed == sealed,
        "the sealed bytes came back changed"
    );
    same("version", record.version, 1);
    same("idle_until", record.idle_until, NOW + 10);
    same("ends_at", record.ends_at, NOW + 20);
    let empty = load(&store, key(2), NOW).await.map(|record| record.sealed);
    same("an empty record", empty, Some(Vec::new()));
}

async fn a_taken_key_is_refused_and_left_alone([store, _]: [SharedStore; 2]) {
    insert(&store, key(1), b"first", NOW + 10, NOW + 10).await;
    let second = store.insert(
        key(1),
        b"second".to_vec(),
        NOW + 99,
        NOW + 99,
        Index::default(),
    );
    let second = second.await;
    assert!(
        matches!(second, Err(StoreError::Damaged(_))),
        "inserting a taken key: {second:?}"
    );
    let record = load(&store, key(1), NOW).await.expect("the first record");
    same("the first record", record.sealed, b"first".to_vec());
    same("its end", record.idle_until, NOW + 10);
}

async fn idle_and_absolute_ends_hide_a_record([store, _]: [SharedStore; 2]) {
    insert(&store, key(1), b"idles", NOW + 10, NOW + 99).await;
    insert(&store, key(2), b"ends", NOW + 99, NOW + 10).await;
    for key in [key(1), key(2)] {
        assert!(
            load(&store, key, NOW + 9).await.is_some(),
            "gone a second early"
        );
        same("at its end", load(&store, key, NOW + 10).await, None);
        same("after its end", load(&store, key, NOW + 11).await, None);
        let replaced = store.replace(key, 1, b"late".to_vec(), NOW + 10);
        same(
            "replace at its end",
            done("replace", replaced).await,
            Replaced::Conflict,
        );
    }
}

async fn touch_moves_the_idle_end_forward_only([store, _]: [SharedStore; 2]) {
    insert(&store, key(1), b"x", NOW + 10, NOW + 50).await;
    done("touch", store.touch(key(1), NOW + 30)).await;
    done("touch", store.touch(key(1), NOW + 20)).await;
    let record = load(&store, key(1), NOW + 29)
        .await
        .expect("the touched record");
    same("idle_until", record.idle_until, NOW + 30);
    same("version", record.version, 1);
    done("touch", store.touch(key(1), NOW + 90)).await;
    assert!(
        load(&store, key(1), NOW + 49).await.is_some(),
        "gone before its end"
    );
    same(
        "past the absolute end",
        load(&store, key(1), NOW + 50).await,
        None,
    );
    done("touch of a missing record", store.touch(key(2), NOW + 90)).await;
    same(
        "a missing record that was touched",
        load(&store, key(2), NOW).await,
        None,
    );
}

async fn replace_needs_the_version_it_expects([store, _]: [SharedStore; 2]) {
    let replace = |expected, sealed: &[u8]| store.replace(key(1), expected, sealed.to_vec(), NOW);
    same(
        "of nothing",
        done("replace", replace(1, b"a")).await,
        Replaced::Conflict,
    );
    insert(&store, key(1), b"one", NOW + 10, NOW + 20).await;
    same(
        "of 1",
        done("replace", replace(1, b"two")).await,
        Replaced::Done(2),
    );
    same(
        "of 1 again",
        done("replace", replace(1, b"late")).await,
        Replaced::Conflict,
    );
    same(
        "of the future",
        done("replace", replace(3, b"early")).await,
        Replaced::Conflict,
    );
    same(
        "of 2",
        done("replace", replace(2, b"three")).await,
        Replaced::Done(3),
    );
    let expected = Record {
        sealed: b"three".to_vec(),
        version: 3,
        idle_until: NOW + 10,
        ends_at: NOW + 20,
    };
    same(
        "the record",
        load(&store, key(1), NOW).await,
        Some(expected),
    );
    done("delete", store.delete(key(1))).await;
    same(
        "of a deleted one",
        done("replace", replace(3, b"z")).await,
        Replaced::Conflict,
    );
    same("a deleted one", load(&store, key(1), NOW).await, None);
}

/// Runs `tasks` at once, half of them on either handle, and counts how many
/// gave `won`.
async fn race<T: PartialEq + Send + 'static>(
    stores: &[SharedStore; 2],
    won: impl Fn(&T) -> bool,
    task: impl for<'a> Fn(&'a SharedStore, u8) -> StoreFuture<'a, T> + Copy + Send + 'static,
) -> usize {
    let mut tasks = JoinSet::new();
    for n in 0..64u8 {
        let store = stores[usize::from(n % 2)].clone();
        tasks.spawn(async move { done("one of 64 at once", task(&store, n)).await });
    }
    let answers = tasks.join_all().await;
    answers.iter().filter(|answer| won(answer)).count()
}

async fn one_of_many_replaces_wins(stores: [SharedStore; 2]) {
    insert(&stores[0], key(1), b"start", NOW + 10, NOW + 20).await;
    let won = race(
        &stores,
        |answer| *answer == Replaced::Done(2),
        |store, n| store.replace(key(1), 1, vec![n], NOW),
    );
    same("replaces that won", won.await, 1);
    same(
        "version",
        load(&stores[0], key(1), NOW)
            .await
            .map(|record| record.version),
        Some(2),
    );
}

async fn delete_says_whether_there_was_one([store, _]: [SharedStore; 2]) {
    insert(&store, key(1), b"x", NOW + 10, NOW + 20).await;
    same(
        "the first delete",
        done("delete", store.delete(key(1))).await,
        true,
    );
    same(
        "the second delete",
        done("delete", store.delete(key(1))).await,
        false,
    );
    same("the record", load(&store, key(1), NOW).await, None);
    insert(&store, key(1), b"again", NOW + 10, NOW + 20).await;
    assert!(
        load(&store, key(1), NOW).await.is_some(),
        "a deleted key can be used again"
    );
}

async fn live_records_are_found_by_subject([store, _]: [SharedStore; 2]) {
    let of = |subject: u8| Index {
        subject: Some([subject; 32]),
        sid: Some([9; 32]),
    };
    for (n, index) in [
        (1, of(1)),
        (2, of(1)),
        (3, of(2)),
        (4, Index::default()),
        (5, of(1)),
    ] {
        let idle = if n == 5 { NOW } else { NOW + 10 };
        done(
            "insert",
            store.insert(key(n), vec![n], idle, NOW + 20, index),
        )
        .await;
    }
    let mut found = done("by_subject", store.by_subject([1; 32], NOW)).await;
    found.sort();
    same("the sessions of subject 1", found, vec![key(1), key(2)]);
    let none = done("by_subject", store.by_subject([7; 32], NOW)).await;
    same("the sessions of subject 7", none, Vec::new());
    done("delete", store.delete(key(1))).await;
    let found = done("by_subject", store.by_subject([1; 32], NOW)).await;
    same("after a sign-out", found, vec![key(2)]);
}

async fn a_state_is_spent_once_until_it_is_forgotten([store, _]: [SharedStore; 2]) {
    let spend = |now, until| store.spend(key(1), now, until);
    let is_spent = |now| store.is_spent(key(1), now);
    same("before", done("is_spent", is_spent(NOW)).await, false);
    same("the first", done("spend", spend(NOW, NOW + 10)).await, true);
    same("after", done("is_spent", is_spent(NOW)).await, true);
    same(
        "the second",
        done("spend", spend(NOW + 9, NOW + 99)).await,
        false,
    );
    same(
        "a second before its end",
        done("is_spent", is_spent(NOW + 9)).await,
        true,
    );
    same(
        "at its end",
        done("is_spent", is_spent(NOW + 10)).await,
        false,
    );
    same(
        "spent anew",
        done("spend", spend(NOW + 10, NOW + 20)).await,
        true,
    );
    same(
        "and once",
        done("spend", spend(NOW + 10, NOW + 20)).await,
        false,
    );
    same(
        "another key",
        done("is_spent", store.is_spent(key(2), NOW)).await,
        false,
    );
}

async fn what_was_spent_is_still_spent_when_it_is_settled([one, two]: [SharedStore; 2]) {
    done("settle with nothing to settle", one.settle()).await;
    let spent = done("spend", one.spend(key(1), NOW, NOW + 10)).await;
    same("the first", spent, true);
    done("settle", one.settle()).await;
    done("settle by the other", two.settle()).await;
    let again = done("spend", two.spend(key(1), NOW, NOW + 10)).await;
    same("after settling", again, false);
}

async fn one_of_many_spends_wins(stores: [SharedStore; 2]) {
    let won = race(
        &stores,
        |won| *won,
        |store, _| store.spend(key(1), NOW, NOW + 10),
    );
    same("spends that won", won.await, 1);
    for store in &stores {
        same(
            "is_spent",
            done("is_spent", store.is_spent(key(1), NOW)).await,
            true,
        );
    }
}

async fn a_lease_has_one_owner_until_it_ends([store, _]: [SharedStore; 2]) {
    // An owner is any 64 bits, also those that a signed column cannot hold.
    let (ann, bob) = (u64::MAX, 7);
    let lease = |owner, now, until| store.lease(key(1), owner, now, until);
    same(
        "taken",
        done("lease", lease(ann, NOW, NOW + 10)).await,
        Leased::Held,
    );
    same(
        "asked for",
        done("lease", lease(bob, NOW, NOW + 99)).await,
        Leased::Busy(NOW + 10),
    );
    same(
        "prolonged",
        done("lease", lease(ann, NOW, NOW + 20)).await,
        Leased::Held,
    );
    let early = done("lease", lease(bob, NOW + 19, NOW + 99)).await;
    same("asked for early", early, Leased::Busy(NOW + 20));
    same(
        "taken over",
        done("lease", lease(bob, NOW + 20, NOW + 30)).await,
        Leased::Held,
    );
    let back = done("lease", lease(ann, NOW + 20, NOW + 99)).await;
    same("the late owner", back, Leased::Busy(NOW + 30));
    done("release by the late owner", store.release(key(1), ann)).await;
    let still = done("lease", lease(ann, NOW + 21, NOW + 99)).await;
    same("after a stranger's release", still, Leased::Busy(NOW + 30));
    done("release", store.release(key(1), bob)).await;
    same(
        "after its release",
        done("lease", lease(ann, NOW + 21, NOW + 22)).await,
        Leased::Held,
    );
    same(
        "of another key",
        done("lease", store.lease(key(2), bob, NOW, NOW + 1)).await,
        Leased::Held,
    );
    done("release of nothing", store.release(key(3), ann)).await;
}

async fn one_of_many_leases_wins(stores: [SharedStore; 2]) {
    let won = race(
        &stores,
        |answer| *answer == Leased::Held,
        |store, n| store.lease(key(1), n.into(), NOW, NOW + 10),
    );
    same("leases that were held", won.await, 1);
}

async fn sweep_removes_what_has_ended_and_nothing_else([store, _]: [SharedStore; 2]) {
    insert(&store, key(1), b"idles", NOW + 10, NOW + 99).await;
    insert(&store, key(2), b"ends", NOW + 99, NOW + 10).await;
    insert(&store, key(3), b"stays", NOW + 11, NOW + 11).await;
    for (n, until) in [(4, NOW + 10), (5, NOW + 11)] {
        done("spend", store.spend(key(n), NOW, until)).await;
        done("lease", store.lease(key(n), 1, NOW, until)).await;
    }
    same(
        "a sweep before any end",
        done("sweep", store.sweep(NOW)).await,
        0,
    );
    same(
        "a sweep after two ends",
        done("sweep", store.sweep(NOW + 10)).await,
        2,
    );
    same(
        "a second sweep",
        done("sweep", store.sweep(NOW + 10)).await,
        0,
    );
    // Looked at as of before their ends: they are gone, not hidden.
    same("idled", load(&store, key(1), NOW).await, None);
    same("ended", load(&store, key(2), NOW).await, None);
    assert!(
        load(&store, key(3), NOW).await.is_some(),
        "a live session was swept"
    );
    same(
        "forgotten",
        done("is_spent", store.is_spent(key(4), NOW)).await,
        false,
    );
    same(
        "remembered",
        done("is_spent", store.is_spent(key(5), NOW)).await,
        true,
    );
    same(
        "an ended lease",
        done("lease", store.lease(key(4), 2, NOW, NOW + 1)).await,
        Leased::Held,
    );
    let held = done("lease", store.lease(key(5), 2, NOW, NOW + 1)).await;
    same("a live lease", held, Leased::Busy(NOW + 11));
}

async fn both_handles_see_what_was_written([one, two]: [SharedStore; 2]) {
    insert(&one, key(1), b"by one", NOW + 10, NOW + 20).await;
    let seen = load(&two, key(1), NOW).await.map(|record| record.sealed);
    same("an insert", seen, Some(b"by one".to_vec()));
    let replaced = done("replace", two.replace(key(1), 1, b"by two".to_vec(), NOW)).await;
    same("a replace", replaced, Replaced::Done(2));
    let seen = load(&one, key(1), NOW).await.map(|record| record.sealed);
    same("a replace", seen, Some(b"by two".to_vec()));
    let stale = done("replace", one.replace(key(1), 1, b"stale".to_vec(), NOW)).await;
    same(
        "a replace of what the other replaced",
        stale,
        Replaced::Conflict,
    );
    same(
        "a spend",
        done("spend", one.spend(key(2), NOW, NOW + 10)).await,
        true,
    );
    same(
        "its echo",
        done("spend", two.spend(key(2), NOW, NOW + 10)).await,
        false,
    );
    same(
        "a lease",
        done("lease", one.lease(key(1), 1, NOW, NOW + 10)).await,
        Leased::Held,
    );
    let busy = done("lease", two.lease(key(1), 2, NOW, NOW + 10)).await;
    same("its echo", busy, Leased::Busy(NOW + 10));
    same("a delete", done("delete", two.delete(key(1))).await, true);
    same("its echo", load(&one, key(1), NOW).await, None);
}
