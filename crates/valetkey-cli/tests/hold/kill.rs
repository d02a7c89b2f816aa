//! `kill -9` at any moment of a refresh: nobody has to sign in again.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;
use valetkey_browser::{BrowserError, Page};

use crate::{
    machine::Running,
    machines::{Demo, Pair},
    proxy::{Act, Part},
    records,
    user::{Alice, assert_failed, is_signed_in},
};

/// How often the sweep kills app and provider together.
const DEMO_KILLS: usize = 30;
/// How often the sweep kills the app after the provider's whole answer.
const LATE_KILLS: usize = 12;

/// What of an answer the app has seen when it is killed between the
/// provider's commit and its own.
const BETWEEN: [Part; 6] = [
    Part::Nothing,
    Part::OneByte,
    Part::HalfTheHead,
    Part::Head,
    Part::HalfTheBody,
    Part::AllButOneByte,
];

/// A killed process's lease on a session holds the next one up so long.
const LEASE: Duration = Duration::from_millis(4_200);

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_spread_over_the_write_path_sign_nobody_out() {
    let (together, app_alone) = tokio::join!(kill_the_demo(), kill_the_app());
    assert!(together + app_alone >= 50, "{together} + {app_alone} kills");
}

/// How far a refresh had come when the process was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    NothingWritten,
    ProviderCommitted,
    ClientCommitted,
}

/// What was on the disk before.
struct Written {
    sessions: BTreeMap<Vec<u8>, i64>,
    grants: BTreeMap<String, i64>,
}

impl Written {
    fn of(demo: &Demo) -> Self {
        Self {
            sessions: records::sessions(&demo.data),
            grants: records::grants(&demo.provider_data()),
        }
    }

    /// After a kill: what has been added to it.
    fn reached(&self, demo: &Demo) -> Reached {
        let sessions = records::sessions(records::copy(&demo.data).path());
        assert!(
            self.sessions.keys().eq(sessions.keys()),
            "a session came or went"
        );
        if sessions != self.sessions {
            Reached::ClientCommitted
        } else if records::grants(&demo.provider_data()) != self.grants {
            Reached::ProviderCommitted
        } else {
            Reached::NothingWritten
        }
    }
}

/// Those whose refresh was killed, until a later one has worked.
#[derive(Default)]
struct Interrupted(Vec<(Arc<Alice>, Instant)>);

impl Interrupted {
    fn push(&mut self, alice: &Arc<Alice>) {
        self.0.push((alice.clone(), Instant::now()));
    }

    /// After a restart: the last one is signed in, and those whom no lease
    /// holds up any more renew their tokens.
    async fn go_on(&mut self) {
        if let Some((last, _)) = self.0.last() {
            assert!(last.is_greeted().await, "the kill signed her out");
            last.calls_the_api().await;
        }
        while self.0.first().is_some_and(|(_, at)| at.elapsed() > LEASE) {
            self.0.remove(0).0.refreshes().await;
        }
    }

    async fn all_go_on(self) {
        let all = self.0.into_iter().map(|(alice, _)| {
            tokio::spawn(async move {
                assert!(alice.is_greeted().await);
                alice.refreshes().await;
                alice.calls_the_api().await;
            })
        });
        for one in all.collect::<Vec<_>>() {
            one.await.unwrap();
        }
    }
}

/// Presses `refresh`; the task ends with the answer, or without one.
async fn press_refresh(alice: &Arc<Alice>) -> JoinHandle<Result<Page, BrowserError>> {
    let page = alice.open("/").await;
    assert!(is_signed_in(&page), "{}", page.text());
    let alice = alice.clone();
    tokio::spawn(async move {
        alice.browser.follow(false);
        let answer = alice.browser.submit(&page, "refresh", &[]).await;
        alice.browser.follow(true);
        answer
    })
}

async fn wait(delay: Duration) {
    // Finer than the runtime's clock.
    tokio::task::block_in_place(|| std::thread::sleep(delay));
}

/// App and provider in one process, killed at once.
async fn kill_the_demo() -> usize {
    let demo = Demo::new();
    let mut running = demo.recipe.start().await;
    let alice = Arc::new(Alice::signed_in(&demo.app).await);
    // How long an undisturbed refresh takes on this machine now.
    let mut whole = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        let answer = press_refresh(&alice).await.await.unwrap().unwrap();
        assert_eq!(answer.status, 303, "{}", answer.text());
        whole = whole.min(began.elapsed());
    }
    let mut interrupted = Interrupted::default();
    let mut reached = BTreeMap::new();
    for n in 0..DEMO_KILLS {
        let alice = Arc::new(Alice::signed_in(&demo.app).await);
        let written = Written::of(&demo);
        let pressed = press_refresh(&alice).await;
        // Closer together at the beginning, where the writing is.
        let part = n as f64 / (DEMO_KILLS - 1) as f64;
        wait(whole.mul_f64(1.2 * part * part)).await;
        running.kill().await;
        let this = written.reached(&demo);
        if pressed.await.unwrap().is_ok() {
            assert_eq!(this, Reached::ClientCommitted, "answered, and not written");
        }
        *reached.entry(this).or_insert(0) += 1;
        running = demo.recipe.start().await;
        interrupted.push(&alice);
        interrupted.go_on().await;
    }
    eprintln!("app and provider together: {reached:?}; a refresh takes {whole:?}");
    assert!(
        reached.contains_key(&Reached::NothingWritten)
            && reached.contains_key(&Reached::ClientCommitted),
        "the kills were not spread over the whole path: {reached:?}"
    );
    interrupted.all_go_on().await;
    running.stop().await;
    reached.values().sum()
}

/// The app killed alone, with the wire to its provider in our hands.
async fn kill_the_app() -> usize {
    let pair = Pair::start("refresh_overlap = 120").await;
    let Pair {
        demo,
        provider,
        proxy,
    } = &pair;
    let mut running = demo.recipe.start().await;
    let mut interrupted = Interrupted::default();
    let mut reached = Vec::new();

    // Before the provider has heard of it. Once, it hears of it after the kill.
    for arrives in [false, true] {
        let alice = Arc::new(Alice::signed_in(&demo.app).await);
        let (written, seen) = (Written::of(demo), provider.refreshes());
        proxy.on("/token", Act::HoldRequest);
        let pressed = press_refresh(&alice).await;
        proxy.holds().await;
        running.kill().await;
        assert!(pressed.await.unwrap().is_err());
        assert_eq!(written.reached(demo), Reached::NothingWritten);
        reached.push(Reached::NothingWritten);
        proxy.pass();
        if arrives {
            proxy.release();
            provider.refreshed_beyond(seen).await;
        } else {
            proxy.lose();
        }
        running = demo.recipe.start().await;
        interrupted.push(&alice);
        interrupted.go_on().await;
    }

    // Between the provider's commit and the app's; the first twice.
    let unlucky = Arc::new(Alice::signed_in(&demo.app).await);
    for (n, part) in BETWEEN.into_iter().chain([Part::Nothing]).enumerate() {
        let alice = match n {
            0 | 6 => unlucky.clone(),
            _ => Arc::new(Alice::signed_in(&demo.app).await),
        };
        running = kill_between(&pair, running, &alice, part).await;
        reached.push(Reached::ProviderCommitted);
        if n > 0 {
            interrupted.push(&alice);
        }
        interrupted.go_on().await;
    }

    // The provider's answer is there; the app verifies it and writes.
    for n in 0..LATE_KILLS {
        let alice = Arc::new(Alice::signed_in(&demo.app).await);
        let written = Written::of(demo);
        proxy.on("/token", Act::HoldReply(Part::AllButOneByte));
        let pressed = press_refresh(&alice).await;
        proxy.holds().await;
        proxy.pass();
        proxy.release();
        wait(Duration::from_micros(700) * n as u32).await;
        running.kill().await;
        let this = written.reached(demo);
        assert_ne!(this, Reached::NothingWritten);
        if pressed.await.unwrap().is_ok() {
            assert_eq!(this, Reached::ClientCommitted, "answered, and not written");
        }
        reached.push(this);
        running = demo.recipe.start().await;
        interrupted.push(&alice);
        interrupted.go_on().await;
    }
    eprintln!("the app alone: {reached:?}");
    interrupted.all_go_on().await;
    running.stop().await;
    reached.len()
}

/// Kills the app when the provider has rotated and the app does not know it,
/// and starts it again.
async fn kill_between(pair: &Pair, running: Running, alice: &Arc<Alice>, part: Part) -> Running {
    let written = Written::of(&pair.demo);
    let seen = pair.provider.refreshes();
    pair.proxy.on("/token", Act::HoldReply(part));
    let pressed = press_refresh(alice).await;
    pair.proxy.holds().await;
    pair.provider.refreshed_beyond(seen).await;
    running.kill().await;
    assert!(pressed.await.unwrap().is_err());
    let sessions = records::sessions(records::copy(&pair.demo.data).path());
    assert_eq!(sessions, written.sessions, "{part:?}");
    pair.proxy.pass();
    pair.proxy.lose();
    pair.demo.recipe.start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_overlap_a_kill_between_the_commits_ends_in_a_page_that_offers_sign_in() {
    let pair = Pair::start("refresh_overlap = 0").await;
    let demo = &pair.demo;
    let running = demo.recipe.start().await;
    let alice = Arc::new(Alice::signed_in(&demo.app).await);
    let bystander = Alice::signed_in(&demo.app).await;
    let running = kill_between(&pair, running, &alice, Part::Nothing).await;

    // Until a token is needed, she is signed in, and her access token is good.
    assert!(alice.is_greeted().await);
    alice.calls_the_api().await;
    let page = alice.press("refresh").await;
    assert_failed(&page, 401, "refresh.refused");
    let link = page.links().into_iter().find(|l| l.url.path() == "/login");
    let link = link.expect("the page offers sign-in").url.to_string();
    assert!(!alice.is_greeted().await, "the session has ended");
    let page = alice.sign_in_at(&link).await;
    assert!(is_signed_in(&page), "{}", page.text());
    alice.refreshes().await;
    bystander.refreshes().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_end_waits_for_a_renewal_whose_browser_has_gone() {
    let pair = Pair::start("refresh_overlap = 0").await;
    let running = pair.demo.recipe.start().await;
    let alice = Arc::new(Alice::signed_in(&pair.demo.app).await);
    let written = records::sessions(&pair.demo.data);
    let seen = pair.provider.refreshes();
    pair.proxy.on("/token", Act::HoldReply(Part::Nothing));
    let pressed = press_refresh(&alice).await;
    pair.proxy.holds().await;
    pair.provider.refreshed_beyond(seen).await;
    pressed.abort();
    assert!(pressed.await.is_err());
    alice.browser.follow(true);
    let ended = tokio::spawn(running.stop());
    while tokio::net::TcpStream::connect(pair.demo.address())
        .await
        .is_ok()
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    pair.proxy.pass();
    pair.proxy.release();
    ended.await.unwrap();
    assert_ne!(records::sessions(&pair.demo.data), written, "it was lost");
    let running = pair.demo.recipe.start().await;
    alice.refreshes().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_the_first_start_leaves_a_folder_that_works() {
    const KILLS: u32 = 10;
    for n in 0..KILLS {
        let demo = Demo::new();
        demo.recipe.kill_after(Duration::from_millis(4) * n).await;
        let running = demo.recipe.start().await;
        assert!(Alice::signed_in(&demo.app).await.is_greeted().await);
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_during_sign_in_leaves_a_whole_session_or_none() {
    const KILLS: usize = 10;
    let demo = Demo::new();
    let mut running = demo.recipe.start().await;
    let alice = Alice::new(&demo.app);
    let callback = alice.up_to_callback().await;
    let began = Instant::now();
    assert!(is_signed_in(&alice.browser.open(&callback).await.unwrap()));
    let whole = began.elapsed();
    let mut answered = vec![alice];
    for n in 0..KILLS {
        let alice = Alice::new(&demo.app);
        let callback = alice.up_to_callback().await;
        let before = records::sessions(&demo.data).len();
        let opening = tokio::spawn(async move {
            let page = alice.browser.open(&callback).await;
            (alice, page)
        });
        wait(whole.mul_f64(1.5 * n as f64 / (KILLS - 1) as f64)).await;
        running.kill().await;
        let (alice, _) = opening.await.unwrap();
        let made = records::sessions(records::copy(&demo.data).path()).len() - before;
        assert!(made <= 1);
        running = demo.recipe.start().await;
        if alice
            .browser
            .cookies()
            .iter()
            .any(|c| c.name.ends_with("-session"))
        {
            // The redirect came with the cookie: that was a promise.
            assert_eq!(made, 1);
            assert!(alice.is_greeted().await);
        } else {
            assert!(!alice.is_greeted().await);
            assert!(is_signed_in(&alice.sign_in().await));
        }
        alice.refreshes().await;
        answered.push(alice);
    }
    for alice in &answered {
        assert!(alice.is_greeted().await);
    }
    running.stop().await;
}
