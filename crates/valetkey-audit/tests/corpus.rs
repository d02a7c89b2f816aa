//! Replays the corpus of the auditor's fuzz targets, on stable and without a
//! fuzzer: what was found once stays found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "tests may; the targets are a crate elsewhere"
)]

use std::{
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

/// What a target does with its bytes.
type Run = fn(&[u8]);

#[path = "../../../fuzz/src/audit.rs"]
mod targets;

use targets::TARGETS;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn no_target_stumbles_over_its_corpus() {
    let mut stumbled = Vec::new();
    for (name, run) in TARGETS {
        run(&[]);
        for file in files(&fuzz().join("corpus").join(name)) {
            let data = fs::read(&file).unwrap();
            if catch_unwind(|| run(&data)).is_err() {
                stumbled.push(file);
            }
        }
    }
    assert!(stumbled.is_empty(), "{stumbled:#?}");
}

/// What no corpus holds: the bytes of one seed under those of another, the
/// same in every run.
#[test]
fn no_target_stumbles_over_mixed_seeds() {
    for (name, run) in TARGETS {
        let seeds: Vec<_> = files(&fuzz().join("corpus").join(name))
            .iter()
            .map(|f| fs::read(f).unwrap())
            .collect();
        for (i, pair) in seeds.windows(2).enumerate() {
            let mut mixed = pair[0].clone();
            for (at, byte) in mixed.iter_mut().enumerate().skip(1) {
                if (at / 16 + i) % 3 == 0 {
                    *byte = pair[1].get(at).copied().unwrap_or(*byte);
                }
            }
            run(&mixed);
        }
    }
}

#[test]
fn every_target_has_a_program_and_a_small_corpus() {
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let (mut count, mut bytes) = (0, 0);
    for (name, _) in TARGETS {
        assert!(fuzz().join(format!("fuzz_targets/{name}.rs")).is_file());
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
        let corpus = files(&fuzz().join("corpus").join(name));
        assert!(corpus.len() >= 2, "{name} needs seeds");
        count += corpus.len();
        bytes += corpus
            .iter()
            .map(|f| f.metadata().unwrap().len())
            .sum::<u64>();
    }
    assert!(count <= 80, "{count} files: minimize the corpus");
    assert!(bytes <= 100 << 10, "{bytes} bytes: minimize the corpus");
}
