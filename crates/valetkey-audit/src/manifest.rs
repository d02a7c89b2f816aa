//! Which versions of its libraries an app asks for: what a library does by
//! itself has changed over the years.

use std::{collections::BTreeMap, path::Path};

use crate::walk;

/// Major and minor.
pub(crate) type Version = (u32, u32);

/// The versions that the manifests at the top of a tree name, by package; of a
/// range, where it begins.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Versions(BTreeMap<String, Version>);

/// Larger ones are generated, and lock far more than an app asks for.
const LARGE: u64 = 4 << 20;

impl Versions {
    /// What `requirements.txt`, `pyproject.toml`, `package.json`, `go.mod`,
    /// `Cargo.toml` and `Gemfile.lock` say.
    pub(crate) fn of(root: &Path) -> Self {
        Self::read(|name| walk::regular(&root.join(name), LARGE).ok())
    }

    /// The same of texts that are at hand.
    pub(crate) fn given(files: &[(&str, &str)]) -> Self {
        Self::read(|name| {
            let (_, text) = files.iter().find(|(path, _)| *path == name)?;
            (text.len() as u64 <= LARGE).then(|| text.as_bytes().to_vec())
        })
    }

    fn read(text: impl Fn(&str) -> Option<Vec<u8>>) -> Self {
        let mut versions = Self::default();
        type Reader = fn(&mut Versions, &str);
        let manifests: [(&str, Reader); 6] = [
            ("requirements.txt", Versions::requirements),
            ("pyproject.toml", Versions::toml),
            ("package.json", Versions::json),
            ("go.mod", Versions::lines),
            ("Cargo.toml", Versions::toml),
            ("Gemfile.lock", Versions::lines),
        ];
        for (name, read) in manifests {
            if let Some(text) = text(name).and_then(|bytes| String::from_utf8(bytes).ok()) {
                read(&mut versions, &text);
            }
        }
        versions
    }

    /// The version of a package.
    pub(crate) fn get(&self, package: &str) -> Option<Version> {
        self.0.get(package).copied()
    }

    fn add(&mut self, package: &str, spec: &str) {
        let package = package.trim().trim_matches('"').to_ascii_lowercase();
        if let (false, Some(version)) = (package.is_empty(), version(spec)) {
            self.0.insert(package.replace('_', "-"), version);
        }
    }

    /// `name[extra] >= 1.2`, a line each.
    fn requirements(&mut self, text: &str) {
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or("").trim();
            let end = line
                .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.')))
                .unwrap_or(line.len());
            let spec = line[end..].split(']').next_back().unwrap_or("");
            self.add(&line[..end], spec);
        }
    }

    fn toml(&mut self, text: &str) {
        let Ok(table) = text.parse::<toml::Table>() else {
            return;
        };
        let listed = table.get("project").and_then(|p| p.get("dependencies"));
        for line in listed.and_then(toml::Value::as_array).into_iter().flatten() {
            self.requirements(line.as_str().unwrap_or(""));
        }
        let poetry = table.get("tool").and_then(|t| t.get("poetry"));
        let own = table.get("dependencies");
        for part in [own, poetry.and_then(|p| p.get("dependencies"))] {
            let Some(part) = part.and_then(toml::Value::as_table) else {
                continue;
            };
            for (name, spec) in part {
                let inner = spec.get("version").and_then(toml::Value::as_str);
                self.add(name, spec.as_str().or(inner).unwrap_or(""));
            }
        }
    }

    fn json(&mut self, text: &str) {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else {
            return;
        };
        for part in ["devDependencies", "dependencies"] {
            let Some(part) = value.get(part).and_then(serde_json::Value::as_object) else {
                continue;
            };
            for (name, spec) in part {
                self.add(name, spec.as_str().unwrap_or(""));
            }
        }
    }

    /// `name v1.2.3` and `name (1.2.3)`.
    fn lines(&mut self, text: &str) {
        for line in text.lines() {
            let mut words = line
                .trim()
                .trim_start_matches("require ")
                .split_whitespace();
            if let (Some(name), Some(spec)) = (words.next(), words.next()) {
                self.add(name, spec);
            }
        }
    }
}

/// The first version in a range, unless that is its upper end.
fn version(spec: &str) -> Option<Version> {
    let start = spec.find(|c: char| c.is_ascii_digit())?;
    if spec[..start].contains(['<', '!', '/', '@']) {
        return None;
    }
    let mut numbers = spec[start..].split(|c: char| !c.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next().and_then(|n| n.parse().ok()).unwrap_or(0);
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_from_where_they_begin() {
        assert_eq!(version("^5.2.0"), Some((5, 2)));
        assert_eq!(version(">=1.0,<2"), Some((1, 0)));
        assert_eq!(version("==7"), Some((7, 0)));
        assert_eq!(version("<2"), None);
        assert_eq!(version("workspace:*"), None);
        assert_eq!(version("git+https://example.test/x@v2"), None);
    }

    #[test]
    fn each_kind_of_manifest_is_read() {
        let mut versions = Versions::default();
        versions.requirements("Flask_Dance[sqla]>=6.2 # old\n-r more.txt\nrequests\n");
        versions.json(r#"{"dependencies": {"next-auth": "^4.24.1", "x": "latest"}}"#);
        versions.toml("[project]\ndependencies = ['authlib~=1.3']\n[tool.poetry.dependencies]\nmsal = {version = '1.20'}\n");
        versions.toml("[dependencies]\noauth2 = '5'\n");
        versions.lines("module x\nrequire golang.org/x/oauth2 v0.12.0\n    omniauth (1.9.2)\n");
        let all = [
            ("flask-dance", (6, 2)),
            ("next-auth", (4, 24)),
            ("authlib", (1, 3)),
            ("msal", (1, 20)),
            ("oauth2", (5, 0)),
            ("golang.org/x/oauth2", (0, 12)),
            ("omniauth", (1, 9)),
        ];
        for (name, version) in all {
            assert_eq!(versions.get(name), Some(version), "{name}");
        }
        assert_eq!(versions.get("requests"), None);
    }
}
