//! One id: the check's file, its heading in the docs, its name in reports.

use std::{fs, path::Path};

use valetkey_audit::CHECKS;

#[test]
fn every_check_has_its_file_and_its_section() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_to_string(root.join("../../docs/audit.md")).unwrap_or_default();
    for check in CHECKS {
        let file = format!("src/checks/{}.rs", check.id.replace('-', "_"));
        assert!(root.join(&file).is_file(), "{file}");
        assert!(
            docs.contains(&format!("\n### {}\n", check.id)),
            "{}",
            check.id
        );
    }
    let files = fs::read_dir(root.join("src/checks")).map(Iterator::count);
    assert_eq!(files.ok(), Some(CHECKS.len()));
}
