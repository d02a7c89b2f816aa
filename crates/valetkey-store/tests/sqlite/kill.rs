//! What was acknowledged survives `kill -9`, at any moment.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    process::Stdio,
    sync::Arc,
};

use valetkey::store::{Index, Replaced, Store};

use crate::folder::*;

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let folder = Folder::new();
    let run = runtime();
    for round in 0..25u64 {
        let mut child = child(
            &[],
            "kill::child_writes_until_killed",
            "writer",
            &folder.db(),
        )
        .env("VALETKEY_TEST_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
        // What a record's last acknowledged version is; 0 for a spent state.
        let mut acknowledged = HashMap::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let until = 1 + (round * 13) as usize;
        while acknowledged.len() < until {
            let line = lines.next().expect("the child ended by itself").unwrap();
            note(&line, &mut acknowledged);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had still written into the pipe counts as well.
        for line in lines.map_while(Result::ok) {
            note(&line, &mut acknowledged);
        }

        let store = folder.open().unwrap();
        run.block_on(async {
            for (n, version) in acknowledged {
                if version == 0 {
                    assert!(
                        store.is_spent(key(n), NOW).await.unwrap(),
                        "round {round}: {n}"
                    );
                    continue;
                }
                let record = store.load(key(n), NOW).await.unwrap();
                let record = record.unwrap_or_else(|| panic!("round {round}: {n} is lost"));
                assert!(record.version >= version, "round {round}: {n} went back");
                assert_eq!(record.sealed, sealed(record.version), "round {round}: {n}");
            }
        });
    }
    let db = rusqlite::Connection::open(folder.db()).unwrap();
    let check: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

fn note(line: &str, acknowledged: &mut HashMap<u64, u64>) {
    // The end mark tells a whole line from one that was cut by the kill.
    let words = line
        .strip_prefix("ack ")
        .and_then(|rest| rest.strip_suffix(" ."));
    if let Some((n, version)) = words.and_then(|words| words.split_once(' ')) {
        acknowledged.insert(n.parse().unwrap(), version.parse().unwrap());
    }
}

#[test]
fn child_writes_until_killed() {
    let Some(path) = as_child("writer") else {
        return;
    };
    let round: u64 = std::env::var("VALETKEY_TEST_ROUND")
        .unwrap()
        .parse()
        .unwrap();
    println!();
    let run = runtime();
    run.block_on(async {
        let store = Arc::new(open(&path).unwrap());
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..4u64 {
            let store = store.clone();
            tasks.spawn(async move {
                for step in 0.. {
                    let n = (round * 4 + task) * 1_000_000 + step * 2;
                    store
                        .insert(key(n), sealed(1), LATER, LATER, Index::default())
                        .await
                        .unwrap();
                    println!("ack {n} 1 .");
                    let replaced = store.replace(key(n), 1, sealed(2), NOW).await.unwrap();
                    assert_eq!(replaced, Replaced::Done(2));
                    println!("ack {n} 2 .");
                    assert!(store.spend(key(n + 1), NOW, LATER).await.unwrap());
                    println!("ack {} 0 .", n + 1);
                }
            });
        }
        tasks.join_all().await;
    });
}
