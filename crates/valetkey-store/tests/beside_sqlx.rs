//! An application may keep its data with sqlx and its sessions with us.
//!
//! Only resolved, not built: to build it, `cargo check` in
//! `tests/beside-sqlx`.

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

#[test]
fn one_native_sqlite_serves_sqlx_and_this_store() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let original = here.join("tests/beside-sqlx");
    // Resolved in a copy: what else changes in the workspace must not dirty
    // the lock file that is kept here, nor fail this test.
    let copy = env::temp_dir().join(format!("valetkey-beside-sqlx-{}", std::process::id()));
    fs::create_dir_all(copy.join("src")).unwrap();
    let manifest = fs::read_to_string(original.join("Cargo.toml")).unwrap();
    let moved = manifest.replace("\"../..\"", &format!("'{}'", here.display()));
    assert_ne!(moved, manifest);
    fs::write(copy.join("Cargo.toml"), moved).unwrap();
    fs::copy(original.join("Cargo.lock"), copy.join("Cargo.lock")).unwrap();
    fs::copy(original.join("src/lib.rs"), copy.join("src/lib.rs")).unwrap();

    let resolve = |network: &[&str]| {
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1"])
            .args(network)
            .current_dir(&copy)
            .output()
            .unwrap()
    };
    let mut output = resolve(&["--offline"]);
    if !output.status.success() {
        output = resolve(&[]);
    }
    fs::remove_dir_all(&copy).unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("failed to download") || text.contains("Could not resolve host") {
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{text}");
        return eprintln!("skipped: the packages are neither here nor to be had: {text}");
    }
    assert!(output.status.success(), "{text}");

    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages: BTreeSet<_> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            (
                package["name"].as_str().unwrap(),
                package["version"].as_str().unwrap(),
            )
        })
        .collect();
    let versions = |name| packages.iter().filter(|package| package.0 == name).count();
    for name in ["sqlx-sqlite", "rusqlite", "libsqlite3-sys"] {
        assert_eq!(versions(name), 1, "{name}");
    }
}
