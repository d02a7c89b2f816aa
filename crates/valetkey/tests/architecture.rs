//! `docs/ARCHITECTURE.md` says what is: its table names functions that exist.

use std::path::Path;

#[test]
fn every_function_in_the_table_is_where_it_is_said_to_be() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("docs/ARCHITECTURE.md")).unwrap();
    let table = text.split("## What is verified, where").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.contains(".rs"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 15, "the table has been emptied");
    for row in rows {
        let (function, file) = (row[1].trim_matches('`'), row[2]);
        let source =
            std::fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert!(
            source.contains(&format!("fn {function}("))
                || source.contains(&format!("fn {function}<")),
            "{file} has no function {function}"
        );
    }
}

#[test]
fn the_local_provider_shares_no_protocol_code_with_the_client() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manifest =
        std::fs::read_to_string(root.join("crates/valetkey-dev-provider/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
    for forbidden in [
        "valetkey.workspace",
        "valetkey-proto",
        "valetkey-axum",
        "valetkey-store",
    ] {
        assert!(!dependencies.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn the_core_cannot_wait_nor_roll_dice_nor_open_sockets() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../valetkey-proto");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    let dependencies = dependencies.split("[dev-dependencies]").next().unwrap();
    for forbidden in ["tokio", "hyper", "http.workspace", "rand", "getrandom"] {
        assert!(!dependencies.contains(forbidden), "{forbidden}");
    }
}
