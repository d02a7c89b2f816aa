//! The program in the `dist` profile, and a clean build of the README's
//! first command. In a clone, with a target folder of its own; the crates
//! have been downloaded before.

use std::{fs, process::Command, time::Instant};

use crate::{
    process::{here, scratch},
    report::Outcome,
    stats::figure,
};

pub fn run(_: usize) {
    let mut outcome = Outcome::new("size");
    let clone = scratch("clone");
    let status = Command::new("git")
        .args(["clone", "--quiet", "--depth=1"])
        .arg(format!("file://{}", here().parent().unwrap().display()))
        .arg(&clone)
        .status();
    assert!(status.unwrap().success(), "git clone");
    let build = |arguments: &[&str]| {
        let begun = Instant::now();
        let status = Command::new("cargo")
            .args(["build", "--locked", "--quiet"])
            .args(arguments)
            .current_dir(&clone)
            .env("CARGO_TARGET_DIR", clone.join("target"))
            .status();
        assert!(status.unwrap().success(), "cargo build {arguments:?}");
        begun.elapsed().as_secs_f64()
    };
    let mib = |profile: &str| {
        fs::metadata(clone.join("target").join(profile).join("valetkey"))
            .unwrap()
            .len() as f64
            / 1e6
    };
    let release = build(&["--release"]);
    let dist = build(&["--profile", "dist"]);
    outcome.table(
        &["", "figure", "at most"],
        vec![
            vec![
                "clean build of `cargo run --release -- demo`, s".into(),
                figure(release),
                "300".into(),
            ],
            vec!["its program, MB".into(), figure(mib("release")), "–".into()],
            vec![
                "the stripped program in the `dist` profile, MB".into(),
                figure(mib("dist")),
                "15".into(),
            ],
            vec!["building that as well, s".into(), figure(dist), "–".into()],
        ],
    );
    outcome.write();
    let _ = fs::remove_dir_all(clone);
}
