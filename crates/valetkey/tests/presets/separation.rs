//! A preset is its own file and a line in the list: nothing else knows it.

use std::path::{Path, PathBuf};

use valetkey::presets;

use crate::fixture;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file: without comments, and without its unit tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let tests = ["mod tests {", "pub(crate) mod tests {"].map(|m| format!("#[cfg(test)]\n{m}"));
    let end = tests.iter().find_map(|tests| text.find(tests));
    let text = &text[..end.unwrap_or(text.len())];
    let lines = text.lines().filter(|l| !l.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n").to_lowercase()
}

#[test]
fn no_engine_code_names_a_preset() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for name in [
        "valetkey-proto",
        "valetkey",
        "valetkey-store",
        "valetkey-axum",
    ] {
        sources(&crates.join(name).join("src"), &mut files);
    }
    assert!(files.len() > 50, "{} files", files.len());
    for file in files {
        let path = file.to_string_lossy().replace('\\', "/");
        if path.contains("/src/presets/") || path.ends_with("/tests.rs") {
            continue;
        }
        let code = code(&file);
        for preset in presets::ALL {
            let quoted = format!("\"{}", preset.name);
            let host = format!("{}.com", preset.name);
            for trace in [quoted, host] {
                assert!(!code.contains(&trace), "{path} knows {trace}");
            }
        }
    }
}

#[test]
fn the_list_takes_one_line_for_each_preset() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let list = code(&src.join("presets.rs"));
    for preset in presets::ALL {
        let name = preset.name;
        assert!(src.join(format!("presets/{name}.rs")).is_file(), "{name}");
        assert!(list.contains(&format!("mod {name};")));
        assert!(list.contains(&format!("{name}::preset")));
        assert_eq!(list.matches(name).count(), 2, "{name}: `mod` and the list");
    }
    let files = std::fs::read_dir(src.join("presets")).unwrap().count();
    assert_eq!(files, presets::ALL.len());
}

#[test]
fn every_preset_has_recorded_replies() {
    for name in presets::ALL
        .iter()
        .map(|p| p.name)
        .chain(["oidc", "oauth2"])
    {
        let replies = std::fs::read_dir(fixture::folder().join(name)).unwrap();
        assert!(replies.count() >= 4, "{name}");
    }
}
