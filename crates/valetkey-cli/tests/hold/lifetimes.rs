//! Sessions end when they have not been used, or have lived long enough; and
//! the keys that seal them can be replaced.

use std::time::{Duration, Instant};

use crate::{
    machine::PATIENCE,
    machines::Demo,
    records,
    user::{Alice, is_signed_in},
};

/// Looks until somebody is signed out; how long that took.
async fn signed_out_after(alice: &Alice, pause: Duration) -> Duration {
    let began = Instant::now();
    loop {
        tokio::time::sleep(pause).await;
        if !alice.is_greeted().await {
            return began.elapsed();
        }
        assert!(began.elapsed() < PATIENCE, "she is never signed out");
    }
}

/// Whether a new start removes what has ended from the database: it sweeps
/// at once, and then every five minutes.
async fn is_swept(demo: &Demo) {
    assert_eq!(records::sessions(&demo.data).len(), 1, "nothing swept yet");
    let running = demo.recipe.start().await;
    let began = Instant::now();
    while !records::sessions(&demo.data).is_empty() {
        assert!(began.elapsed() < PATIENCE, "the row is never removed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_when_they_are_not_used_or_have_lived_long_enough_and_are_swept() {
    // Waiting is most of it.
    tokio::join!(idle(), absolute());
}

async fn idle() {
    let mut demo = Demo::new();
    demo.recipe = demo.recipe.env("SESSION_IDLE", "3");
    let running = demo.recipe.start().await;
    let alice = Alice::signed_in(&demo.app).await;
    // Used, it outlives the idle time.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        assert!(alice.is_greeted().await, "after {:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    // Not used, it does not: looked at once, after the idle time.
    let waited = signed_out_after(&alice, Duration::from_millis(4_100)).await;
    assert!(waited < Duration::from_secs(8), "{waited:?}");
    running.stop().await;
    is_swept(&demo).await;
}

async fn absolute() {
    let mut demo = Demo::new();
    demo.recipe = demo.recipe.env("SESSION_LIFETIME", "3");
    let running = demo.recipe.start().await;
    let alice = Alice::signed_in(&demo.app).await;
    let waited = signed_out_after(&alice, Duration::from_millis(100)).await;
    assert!(waited > Duration::from_millis(1_500), "{waited:?}");
    // A kill or a new start does not lengthen it either.
    running.kill().await;
    is_swept(&demo).await;
    let running = demo.recipe.start().await;
    assert!(!alice.is_greeted().await);
    assert!(is_signed_in(&alice.sign_in().await));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_survive_a_new_key_as_long_as_the_old_one_is_given_too() {
    let (old, new) = ("0a".repeat(32), "b7".repeat(32));
    let demo = Demo::new();
    let with = |keys: &str| demo.recipe.clone().env("SECRET_KEY", keys);
    let running = with(&old).start().await;
    let active = Alice::signed_in(&demo.app).await;
    let absent = Alice::signed_in(&demo.app).await;
    running.stop().await;

    // Used in the meantime, a session is sealed anew under the first key.
    let running = with(&format!("{new} {old}")).start().await;
    assert!(active.is_greeted().await);
    active.refreshes().await;
    running.stop().await;

    let running = with(&new).start().await;
    assert!(active.is_greeted().await);
    active.refreshes().await;
    // Sealed under the old key only: simply signed out, without an error.
    let page = absent.open("/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Sign in"), "{}", page.text());
    assert!(is_signed_in(&absent.sign_in().await));
    absent.refreshes().await;
    running.stop().await;
}
