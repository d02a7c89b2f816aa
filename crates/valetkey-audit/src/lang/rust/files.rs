//! From the path of a module to the files that it may be.

/// Likeliest first.
pub(in crate::lang) fn files(here: &str, module: &str) -> Vec<String> {
    let mut parts: Vec<&str> = module.split("::").filter(|p| !p.is_empty()).collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let folder = here.rsplit_once('/').map_or("", |(folder, _)| folder);
    let stem = here
        .rsplit('/')
        .next()
        .unwrap_or(here)
        .trim_end_matches(".rs");
    // The folder of the modules below this one.
    let own = match stem {
        "mod" | "main" | "lib" => folder.to_owned(),
        _ => super::super::joined(folder, stem),
    };
    match parts.remove(0) {
        "crate" => {
            let all = super::super::upwards(folder).flat_map(|up| in_folder(up, &parts));
            // Its root first; what is called after a module is it at most
            // where that is not there.
            let (root, others): (Vec<_>, Vec<_>) = all.partition(|file| {
                !parts.is_empty() || file.ends_with("lib.rs") || file.ends_with("main.rs")
            });
            [root, others].concat()
        }
        "self" => in_folder(&own, &parts),
        "super" => {
            let mut base = parent(&own);
            while parts.first() == Some(&"super") {
                parts.remove(0);
                base = parent(&base);
            }
            in_folder(&base, &parts)
        }
        _ => Vec::new(),
    }
}

fn parent(folder: &str) -> String {
    folder.rsplit_once('/').map_or("", |(up, _)| up).to_owned()
}

fn in_folder(folder: &str, parts: &[&str]) -> Vec<String> {
    let base = super::super::joined(folder, &parts.join("/"));
    if parts.is_empty() {
        let mut all = vec![
            super::super::joined(folder, "lib.rs"),
            super::super::joined(folder, "main.rs"),
            super::super::joined(folder, "mod.rs"),
        ];
        if !folder.is_empty() {
            all.push(format!("{folder}.rs"));
        }
        return all;
    }
    vec![format!("{base}.rs"), format!("{base}/mod.rs")]
}
