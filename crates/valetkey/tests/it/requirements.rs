//! `docs/requirements.md` says what is true: every row is there, every test
//! that it names exists, and each fault in it names a file that exists.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Rows of level M and D that have to have a test, by group.
const REQUIRED: &[(&str, &[u8])] = &[
    (
        "AR",
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 20, 26, 28],
    ),
    ("CB", &[1, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18]),
    (
        "TE",
        &[1, 2, 3, 4, 5, 6, 7, 13, 14, 15, 16, 17, 18, 19, 20, 21],
    ),
    (
        "ID",
        &[
            1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17, 19, 22, 23, 24, 27,
        ],
    ),
    ("RF", &[1, 2, 3, 4, 5, 6, 7, 8, 10, 11]),
    ("RS", &[1, 2, 3, 5, 6, 10]),
    ("SC", &[1, 2, 7, 8, 9, 10, 12, 13, 14]),
    ("TR", &[1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]),
];

/// Rows of level S: a test, or the reason why not.
const ADVISED: &[(&str, &[u8])] = &[
    ("AR", &[10, 11, 12, 19, 29, 30]),
    ("CB", &[2, 6, 15]),
    ("ID", &[4, 14, 15, 18, 20, 25, 26]),
    ("RF", &[9, 12]),
    ("RS", &[4, 9]),
    ("SC", &[3, 4, 5, 6, 15]),
];

/// Rows whose tests are in crates that are being written.
const PENDING: &[&str] = &[];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document() -> String {
    fs::read_to_string(crates().join("../docs/requirements.md")).unwrap()
}

/// The cells of every table row of the document.
fn rows(document: &str) -> Vec<Vec<String>> {
    document
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::to_owned).collect())
        .filter(|cells: &Vec<String>| !["Row", "No."].contains(&&*cells[0]))
        .collect()
}

/// What stands in backticks and names a test.
fn tests(cell: &str) -> impl Iterator<Item = (&str, &str)> {
    cell.split('`').filter_map(|text| text.split_once("::"))
}

fn names(groups: &[(&str, &[u8])]) -> BTreeSet<String> {
    let one = |(group, numbers): &(&str, &[u8])| {
        numbers
            .iter()
            .map(|n| format!("{group}-{n:02}"))
            .collect::<Vec<_>>()
    };
    groups.iter().flat_map(one).collect()
}

#[test]
fn every_required_row_is_in_the_document_with_a_test_that_exists() {
    let document = document();
    let mut sources: BTreeMap<String, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut found = BTreeMap::new();
    for row in rows(&document) {
        let name = row[0].clone();
        let is_attack = name.parse::<u8>().is_ok();
        let cell = if is_attack { &row[2] } else { &row[3] };
        let mut count = 0;
        for (path, test) in tests(cell) {
            count += 1;
            let source = sources
                .entry(path.to_owned())
                .or_insert_with(|| fs::read_to_string(crates().join(path)).unwrap_or_default());
            if !source.contains(&format!("fn {test}(")) {
                wrong.push(format!("{name}: no such test: {path}::{test}"));
            }
            // The name says which row it proves, unless it proves an attack.
            let row_id = name.to_lowercase().replace('-', "_");
            if !is_attack && count == 1 && !test.contains(&row_id) && !covers(test, &name) {
                wrong.push(format!("{name}: `{test}` does not name the row"));
            }
        }
        if found.insert(name.clone(), (count, row)).is_some() {
            wrong.push(format!("{name} is there twice"));
        }
    }
    let (required, advised) = (names(REQUIRED), names(ADVISED));
    for name in required.union(&advised) {
        let Some((count, row)) = found.get(name) else {
            wrong.push(format!("{name} is missing"));
            continue;
        };
        let level = &row[1];
        if advised.contains(name) != (level == "S") {
            wrong.push(format!("{name} is not of level {level}"));
        }
        let pending = PENDING.contains(&&**name);
        if pending != row[3].starts_with("pending: ") {
            wrong.push(format!("{name}: pending or not?"));
        }
        if *count == 0 && !pending && (required.contains(name) || row[2].len() < 40) {
            wrong.push(format!("{name} has neither a test nor a reason"));
        }
        if *count > 0 && row[4].len() < 10 {
            wrong.push(format!("{name} names no fault"));
        }
    }
    for name in found.keys() {
        let known = required.contains(name) || advised.contains(name);
        if !known && name.parse::<u8>().is_err() {
            wrong.push(format!("{name} is no row"));
        }
    }
    for number in 1..=27 {
        if !found.contains_key(&number.to_string()) {
            wrong.push(format!("attack {number} is missing"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `sc_01_to_sc_05` names the rows between, too.
fn covers(test: &str, row: &str) -> bool {
    test.starts_with("sc_01_to_sc_05")
        && row
            .strip_prefix("SC-")
            .is_some_and(|n| ("01"..="05").contains(&n))
}

#[test]
fn every_fault_names_a_file_that_exists() {
    let mut wrong = Vec::new();
    for row in rows(&document()) {
        let Some(fault) = row.get(4).filter(|f| f.contains(".rs")) else {
            continue;
        };
        let file = fault.split('`').find(|t| t.ends_with(".rs")).unwrap();
        let crate_name = match fault.split(' ').next() {
            Some("proto") => "valetkey-proto",
            Some("axum") => "valetkey-axum",
            Some("cli") => "valetkey-cli",
            _ => "valetkey",
        };
        if !crates().join(crate_name).join("src").join(file).exists() {
            wrong.push(format!("{}: {fault}", row[0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_test_of_a_row_is_in_the_document() {
    let document = document();
    let mut missing = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(source) = fs::read_to_string(&path) else {
            continue;
        };
        for name in source.split("fn ").skip(1) {
            let name = name.split('(').next().unwrap_or_default();
            let is_row = name.len() > 6
                && [
                    "ar_", "cb_", "te_", "id_", "rf_", "rs_", "sc_", "tr_", "attack_",
                ]
                .iter()
                .any(|p| name.starts_with(p))
                && name.bytes().any(|b| b.is_ascii_digit());
            if is_row && !document.contains(&format!("::{name}`")) {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
