//! A provider that is down, slow or in trouble signs nobody out.

use std::{sync::Arc, time::Duration};

use crate::{
    machines::Pair,
    proxy::{Act, Part},
    user::{Alice, assert_failed, error_of, is_signed_in},
};

#[tokio::test(flavor = "multi_thread")]
async fn sessions_outlive_a_provider_in_any_trouble() {
    let pair = Pair::start("refresh_overlap = 0").await;
    let Pair {
        demo,
        provider,
        proxy,
    } = &pair;
    let mut running = demo.recipe.start().await;
    let alice = Alice::signed_in(&demo.app).await;
    let seen = provider.refreshes();
    // With what the app knows of the provider, and with nothing after a restart.
    for knows in [true, false] {
        let troubles = [
            ("/token", Act::Answer(503)),
            ("/token", Act::Answer(500)),
            ("/token", Act::Close),
            ("/", Act::Answer(503)),
            ("/", Act::Close),
        ];
        for (path, act) in troubles {
            if !knows {
                running.stop().await;
                running = demo.recipe.start().await;
            }
            proxy.on(path, act);
            alice.fails("refresh", 502, "provider.unreachable").await;
            assert!(alice.is_greeted().await, "{path} {act:?}");
            proxy.pass();
        }
        proxy.refuse().await;
        if !knows {
            running.stop().await;
            running = demo.recipe.start().await;
        }
        alice.fails("refresh", 502, "provider.unreachable").await;
        alice.fails("call-api", 502, "provider.unreachable").await;
        proxy.accept().await;
        assert_eq!(provider.refreshes(), seen, "nothing got through");
    }
    alice.refreshes().await;
    alice.calls_the_api().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_cannot_be_read_cost_no_refresh_token() {
    let pair = Pair::start("refresh_overlap = 0").await;
    let running = pair.demo.recipe.start().await;
    let alice = Alice::signed_in(&pair.demo.app).await;
    // A new process knows no keys yet, and will need them for the ID token
    // that comes with the new tokens.
    running.stop().await;
    let running = pair.demo.recipe.start().await;
    let seen = pair.provider.refreshes();
    pair.proxy.on("/jwks", Act::Answer(503));
    alice.fails("refresh", 502, "provider.unreachable").await;
    assert_eq!(
        pair.provider.refreshes(),
        seen,
        "the token was spent for nothing"
    );
    pair.proxy.pass();
    alice.refreshes().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_provider_is_asked_once_and_one_that_hangs_is_given_up() {
    // Waiting is most of it.
    tokio::join!(fifty_requests(), hanging());
}

async fn hanging() {
    let pair = Pair::start("refresh_overlap = 0").await;
    let running = pair.demo.recipe.start().await;
    let alice = Alice::signed_in(&pair.demo.app).await;
    pair.proxy.on("/token", Act::HoldRequest);
    alice.fails("refresh", 502, "provider.unreachable").await;
    pair.proxy.pass();
    pair.proxy.lose();
    assert!(alice.is_greeted().await);
    alice.refreshes().await;
    running.stop().await;
}

/// Fifty requests on an expired token make one refresh.
async fn fifty_requests() {
    const LIFETIME: u64 = 6;
    let settings = format!("access_token_lifetime = {LIFETIME}");
    let pair = Pair::start(&settings).await;
    let running = pair.demo.recipe.start().await;
    let alice = Arc::new(Alice::signed_in(&pair.demo.app).await);
    let page = Arc::new(alice.open("/").await);
    // As long as the token lives: there is no clock to move in another process.
    tokio::time::sleep(Duration::from_secs(LIFETIME)).await;

    let seen = pair.provider.refreshes();
    pair.proxy.on("/token", Act::HoldReply(Part::Nothing));
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let (alice, page) = (alice.clone(), page.clone());
            tokio::spawn(async move { alice.browser.submit(&page, "call-api", &[]).await })
        })
        .collect();
    pair.proxy.holds().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(calls.iter().all(|call| !call.is_finished()));
    pair.provider.refreshed_beyond(seen).await;
    assert_eq!(pair.provider.refreshes() - seen, 1);
    pair.proxy.pass();
    pair.proxy.release();
    for call in calls {
        let page = call.await.unwrap().unwrap();
        assert!(
            is_signed_in(&page) && error_of(&page).is_none(),
            "{}",
            page.text()
        );
    }
    assert_eq!(pair.provider.refreshes() - seen, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_on_the_way_is_asked_for_again_within_the_overlap() {
    let pair = Pair::start("refresh_overlap = 60").await;
    let running = pair.demo.recipe.start().await;
    let alice = Alice::signed_in(&pair.demo.app).await;
    for part in [Part::Nothing, Part::Head, Part::AllButOneByte] {
        let seen = pair.provider.refreshes();
        pair.proxy.on("/token", Act::HoldReply(part));
        let (page, ()) = tokio::join!(alice.press("refresh"), async {
            pair.proxy.holds().await;
            pair.proxy.pass();
            pair.proxy.lose();
        });
        assert_failed(&page, 502, "provider.unreachable");
        pair.provider.refreshed_beyond(seen).await;
        alice.refreshes().await;
        pair.provider.refreshed_beyond(seen + 1).await;
        assert_eq!(pair.provider.refreshes() - seen, 2, "{part:?}");
        alice.calls_the_api().await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn access_withdrawn_at_the_provider_ends_the_session_with_a_page() {
    let pair = Pair::start("refresh_overlap = 30").await;
    let running = pair.demo.recipe.start().await;
    let alice = Alice::signed_in(&pair.demo.app).await;
    let issuer = pair.issuer();
    let account = alice.browser.open(&format!("{issuer}/account")).await;
    let account = account.unwrap();
    let fields = [("client_id", "demo")];
    let form = account.form("revoke").expect("a form to withdraw access");
    assert_eq!(form.value("client_id"), Some(fields[0].1));
    let withdrawn = alice.browser.submit(&account, "revoke", &[]).await;
    assert_eq!(withdrawn.unwrap().status, 200);
    let page = alice.press("call-api").await;
    assert_failed(&page, 401, "refresh.refused");
    assert!(page.links().iter().any(|l| l.url.path() == "/login"));
    assert!(!alice.is_greeted().await);
    assert!(is_signed_in(&alice.sign_in().await));
    running.stop().await;
}
