//! Replays the corpus of the fuzz targets, on stable and without a fuzzer:
//! what was found once stays found.

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

#[path = "../../../fuzz/src/lib.rs"]
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
    for folder in ["corpus", "fuzz_targets"] {
        let mut all = files(&fuzz().join(folder));
        // The auditor's own tests replay those.
        all.retain(|f| {
            !f.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("audit_")
        });
        assert_eq!(all.len(), TARGETS.len(), "{folder}");
    }
    assert!(count <= 200, "{count} files: minimize the corpus");
    assert!(bytes <= 300 << 10, "{bytes} bytes: minimize the corpus");
}
