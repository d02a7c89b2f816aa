//! Sessions in SQLite: finding and unsealing one, and inserting one, in
//! files of 10^3 to 10^6. Nothing is cached by Valetkey; the files are in
//! the system's page cache.

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Instant, SystemTime},
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rusqlite::{Connection, params};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;
use valetkey::{
    Client, Provider,
    cookie::Cookies,
    flow::callback::Callback,
    seal::{KeyRing, Purpose},
    store::{Index, RecordKey, Store},
};
use valetkey_store::{Options, SqliteStore};

use super::sign_in::SECRET_KEY;
use crate::{
    http::Browser,
    process::{provider, scratch},
    report::Outcome,
    stats::{Rounds, figure},
};

const SIZES: [(usize, &str); 4] = [
    (1_000, "10³"),
    (10_000, "10⁴"),
    (100_000, "10⁵"),
    (1_000_000, "10⁶"),
];
const PARALLEL: [usize; 4] = [1, 4, 16, 64];
const LOOKUPS: usize = 4000;
const INSERTS: usize = 256;

/// The n-th browser's handle.
pub fn handle(n: usize) -> [u8; 32] {
    digest(&SHA256, format!("bench {n}").as_bytes())
        .as_ref()
        .try_into()
        .unwrap()
}

pub fn cookie(n: usize) -> String {
    URL_SAFE_NO_PAD.encode(handle(n))
}

fn key(handle: &[u8]) -> [u8; 32] {
    digest(&SHA256, handle).as_ref().try_into().unwrap()
}

fn client(issuer: &str, store: Arc<SqliteStore>) -> Client {
    Client::builder("http://localhost:5000")
        .provider(
            Provider::oidc("oidc", issuer).userinfo(false),
            "demo",
            Some("demo-secret"),
        )
        .keys(KeyRing::parse(SECRET_KEY).unwrap())
        .store(store)
        .build()
        .unwrap()
}

/// What is sealed in the record of a real sign-in.
async fn real_session(folder: &Path) -> Vec<u8> {
    let provider = provider("RS256");
    let store = Arc::new(SqliteStore::open(folder.join("one.db"), Options::default()).unwrap());
    let client = client(
        &format!("http://127.0.0.1:{}", provider.port),
        store.clone(),
    );
    let login = client
        .login("oidc", "/", &Cookies::default())
        .await
        .unwrap();
    let header = login.set_cookies[0].header();
    let cookies = Cookies::parse(header.split(';').next().unwrap());
    let reply = Browser::default().get(&login.location).unwrap();
    let location = reply.location.unwrap();
    let query = location.split_once('?').unwrap().1;
    let Callback::Verified(new) = client.callback("oidc", query, &cookies).await.unwrap() else {
        panic!("no sign-in");
    };
    let established = client.establish(*new, &cookies).await.unwrap();
    let header = established.set_cookies[0].header();
    let handle = header.split(['=', ';']).nth(1).unwrap();
    let key = key(&URL_SAFE_NO_PAD.decode(handle).unwrap());
    let record = store
        .load(RecordKey(key), client.now())
        .await
        .unwrap()
        .unwrap();
    let opened = KeyRing::parse(SECRET_KEY)
        .unwrap()
        .open(Purpose::Session, &key, &record.sealed)
        .unwrap();
    opened.plaintext.to_vec()
}

/// How many insertions share a commit while a file is made.
const AT_ONCE: usize = 256;

/// A file of `count` sessions like the real one, in the order in which
/// random handles come, written by the store itself.
pub fn fill(path: &Path, count: usize, plain: &[u8]) {
    let store = Arc::new(SqliteStore::open(path, Options::default()).unwrap());
    let ring = Arc::new(KeyRing::parse(SECRET_KEY).unwrap());
    let ends = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 1_000_000_000;
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|task| (task, store.clone(), ring.clone(), plain.to_vec()))
        .collect();
    runtime().block_on(async {
        let mut running = tokio::task::JoinSet::new();
        for (task, store, ring, plain) in tasks {
            running.spawn(async move {
                for n in (task..count).step_by(AT_ONCE) {
                    let key = key(&handle(n));
                    let sealed = ring.seal(Purpose::Session, &key, &plain);
                    let index = Index {
                        subject: digest(&SHA256, &key).as_ref().try_into().ok(),
                        sid: None,
                    };
                    store
                        .insert(RecordKey(key), sealed, ends, ends, index)
                        .await
                        .unwrap();
                }
            });
        }
        running.join_all().await
    });
}

/// A file of sessions, made if this run has not made it yet.
pub fn file(count: usize, fresh: bool) -> PathBuf {
    let folder = crate::process::here().join("target/scratch/files");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("sessions-{count}.db"));
    if fresh || !path.exists() {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(folder.join(format!("sessions-{count}.db{end}")));
        }
        let one = scratch("one-session");
        let plain = runtime().block_on(real_session(&one));
        fill(&path, count, &plain);
    }
    path
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn micros(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// CPU time of this process and wall time of each of `count` operations.
fn timed(count: usize, work: impl FnOnce()) -> (f64, f64) {
    let (cpu, begun) = (micros(ClockId::ProcessCPUTime), Instant::now());
    work();
    let wall = begun.elapsed().as_secs_f64() * 1e6;
    (
        (micros(ClockId::ProcessCPUTime) - cpu) / count as f64,
        wall / count as f64,
    )
}

/// Numbers below `size`, all over it.
fn places(seed: usize, size: usize) -> impl Iterator<Item = usize> {
    (0..)
        .map(move |n: usize| (seed + n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20)
        .map(move |n| n % size)
}

async fn look_up(client: &Client, size: usize, parallel: usize) {
    let tasks: Vec<_> = (0..parallel)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for n in places(task * 1_000_003, size).take(LOOKUPS / parallel) {
                    let cookies = Cookies::parse(&format!("valetkey-5000-session={}", cookie(n)));
                    assert!(black_box(client.session(&cookies).await.unwrap()).is_some());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn insert(store: &Arc<SqliteStore>, sealed: &[u8], parallel: usize) {
    let tasks: Vec<_> = (0..parallel)
        .map(|_| {
            let (store, sealed) = (store.clone(), sealed.to_vec());
            tokio::spawn(async move {
                for _ in 0..INSERTS / parallel {
                    let key = valetkey::clock::random::<32>();
                    let index = Index {
                        subject: Some(valetkey::clock::random()),
                        sid: None,
                    };
                    store
                        .insert(
                            RecordKey(key),
                            sealed.clone(),
                            u64::MAX >> 1,
                            u64::MAX >> 1,
                            index,
                        )
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

pub fn run(rounds: usize) {
    let mut outcome = Outcome::new("sessions");
    let runtime = runtime();
    let files = SIZES.map(|(size, _)| {
        eprintln!("making {size} sessions");
        file(size, true)
    });
    let bytes = files
        .each_ref()
        .map(|path| fs::metadata(path).unwrap().len());
    let stores = files
        .each_ref()
        .map(|path| Arc::new(SqliteStore::open(path, Options::default()).unwrap()));
    let clients = stores
        .each_ref()
        .map(|store| client("http://127.0.0.1:1", store.clone()));
    let sealed = runtime
        .block_on(stores[0].load(RecordKey(key(&handle(0))), 0))
        .unwrap()
        .unwrap()
        .sealed;

    // The floor: the statement alone, the unsealing alone, on one thread.
    let floor_db = Connection::open(&files[3]).unwrap();
    let ring = KeyRing::parse(SECRET_KEY).unwrap();
    let key_0 = key(&handle(0));
    let (mut select, mut open) = (Rounds::default(), Rounds::default());

    let mut look_cpu = vec![vec![Rounds::default(); PARALLEL.len()]; SIZES.len()];
    let (mut look_wall, mut insert_one, mut insert_many, mut insert_cpu) = (
        look_cpu.clone(),
        vec![Rounds::default(); SIZES.len()],
        vec![Rounds::default(); SIZES.len()],
        vec![Rounds::default(); SIZES.len()],
    );
    for round in 0..=rounds {
        for (s, (size, _)) in SIZES.iter().enumerate() {
            for (p, &parallel) in PARALLEL.iter().enumerate() {
                let (cpu, wall) = timed(LOOKUPS, || {
                    runtime.block_on(look_up(&clients[s], *size, parallel))
                });
                if round > 0 {
                    look_cpu[s][p].push(cpu);
                    look_wall[s][p].push(wall);
                }
            }
        }
        let (cpu, _) = timed(LOOKUPS, || {
            for n in places(round, 1_000_000).take(LOOKUPS) {
                let found: Vec<u8> = floor_db
                    .prepare_cached("SELECT sealed, version, idle_until, ends_at FROM session WHERE key = ?1 AND min(idle_until, ends_at) > ?2")
                    .unwrap()
                    .query_row(params![key(&handle(n)), 1], |row| row.get(0))
                    .unwrap();
                black_box(found);
            }
        });
        select.push(cpu);
        let (cpu, _) = timed(LOOKUPS, || {
            for _ in 0..LOOKUPS {
                black_box(
                    ring.open(Purpose::Session, &key_0, black_box(&sealed))
                        .unwrap(),
                );
            }
        });
        open.push(cpu);
    }
    for round in 0..=rounds {
        for (s, store) in stores.iter().enumerate() {
            let (_, wall_one) = timed(INSERTS, || runtime.block_on(insert(store, &sealed, 1)));
            let (cpu, wall_many) = timed(INSERTS, || runtime.block_on(insert(store, &sealed, 64)));
            if round > 0 {
                insert_one[s].push(wall_one);
                insert_many[s].push(wall_many);
                insert_cpu[s].push(cpu);
            }
        }
    }

    let mut rows = Vec::new();
    for (s, (size, name)) in SIZES.iter().enumerate() {
        for (p, parallel) in PARALLEL.iter().enumerate() {
            outcome.figure(
                &format!("lookup, {size} sessions, {parallel} parallel, CPU µs"),
                &look_cpu[s][p],
            );
            outcome.figure(
                &format!("lookup, {size} sessions, {parallel} parallel, wall µs"),
                &look_wall[s][p],
            );
        }
        outcome.figure(
            &format!("insert, {size} sessions, 1 parallel, wall µs"),
            &insert_one[s],
        );
        outcome.figure(
            &format!("insert, {size} sessions, 64 parallel, wall µs"),
            &insert_many[s],
        );
        outcome.figure(
            &format!("insert, {size} sessions, 64 parallel, CPU µs"),
            &insert_cpu[s],
        );
        rows.push(vec![
            (*name).into(),
            figure(bytes[s] as f64 / 1_048_576.0),
            look_wall[s][0].shown(),
            look_cpu[s][0].shown(),
            look_wall[s][3].shown(),
            look_cpu[s][3].shown(),
            insert_one[s].shown(),
            insert_many[s].shown(),
            insert_cpu[s].shown(),
        ]);
    }
    outcome.table(
        &[
            "sessions",
            "file, MiB",
            "lookup, one at a time: wall µs",
            "CPU µs",
            "64 parallel: wall µs each",
            "CPU µs",
            "durable insert, one at a time: wall µs",
            "64 parallel: wall µs each",
            "CPU µs",
        ],
        rows,
    );
    let growth = look_cpu[3][0].with(&look_cpu[0][0], |many, few| many / few);
    let growth_64 = look_cpu[3][3].with(&look_cpu[0][3], |many, few| many / few);
    outcome.figure("growth, 1 parallel", &growth);
    outcome.figure("growth, 64 parallel", &growth_64);
    outcome.figure("select alone, CPU µs", &select);
    outcome.figure("unseal alone, CPU µs", &open);
    outcome.table(
        &["", "figure", "at most"],
        vec![
            vec![
                "CPU of a lookup in 10⁶ ÷ in 10³, one at a time".into(),
                growth.shown(),
                "3".into(),
            ],
            vec![
                "the same, 64 parallel".into(),
                growth_64.shown(),
                "3".into(),
            ],
            vec![
                "the bare SELECT in 10⁶, on the thread that asks, µs".into(),
                select.shown(),
                "–".into(),
            ],
            vec!["the bare unsealing, µs".into(), open.shown(), "–".into()],
            vec![
                "sealed bytes of a session".into(),
                sealed.len().to_string(),
                "–".into(),
            ],
        ],
    );
    let x = SIZES.map(|(_, name)| name);
    let of =
        |rounds: &[Vec<Rounds>], p: usize| rounds.iter().map(|r| r[p].median()).collect::<Vec<_>>();
    outcome.plot(
        "sessions-lookup",
        "Finding and unsealing a session, µs",
        &x,
        "sessions in the file",
        &[
            ("CPU, one at a time", of(&look_cpu, 0)),
            ("CPU, 64 parallel", of(&look_cpu, 3)),
            ("wall, one at a time", of(&look_wall, 0)),
            ("wall, 64 parallel", of(&look_wall, 3)),
        ],
    );
    let x: Vec<_> = PARALLEL.iter().map(usize::to_string).collect();
    let x: Vec<_> = x.iter().map(String::as_str).collect();
    let names = SIZES.map(|(_, name)| format!("{name} sessions"));
    let rates: Vec<_> = names
        .iter()
        .zip(&look_wall)
        .map(|(name, rounds)| {
            (
                name.as_str(),
                rounds.iter().map(|r| 1e6 / r.median()).collect(),
            )
        })
        .collect();
    outcome.plot(
        "sessions-parallel",
        "Lookups per second",
        &x,
        "lookups at once",
        &rates,
    );
    outcome.write();
}
