//! A reply of a real provider, from its file.

use std::path::{Path, PathBuf};

/// A file of `fixtures`, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Fixture {
    head: Vec<(String, String)>,
    pub(crate) body: String,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/presets/fixtures")
}

impl Fixture {
    /// `github/user`, say.
    pub(crate) fn read(name: &str) -> Self {
        Self::parse(&folder().join(format!("{name}.txt")))
    }

    pub(crate) fn parse(path: &Path) -> Self {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
            .replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap();
        let head = head.lines().map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        });
        Self {
            head: head.collect(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn head(&self, name: &str) -> Option<&str> {
        let found = self.head.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn status(&self) -> u16 {
        self.head("Status").unwrap().parse().unwrap()
    }

    /// The same with something put in.
    pub(crate) fn with(mut self, placeholder: &str, value: &str) -> Self {
        assert!(self.body.contains(placeholder), "{placeholder}");
        self.body = self.body.replace(placeholder, value);
        self
    }
}

#[test]
fn every_reply_names_its_source_and_its_day() {
    let mut count = 0;
    for preset in std::fs::read_dir(folder()).unwrap() {
        let preset = preset.unwrap().path();
        if !preset.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(preset).unwrap() {
            let file = file.unwrap().path();
            let fixture = Fixture::parse(&file);
            let name = file.display();
            assert!(
                fixture.head("Source").is_some_and(|s| s.len() > 10),
                "{name}"
            );
            let day = fixture.head("Read").unwrap_or_default();
            assert!(day.len() == 10 && day.starts_with("20"), "{name}: {day}");
            assert!(
                fixture.head("Invented").is_none_or(|i| i.len() > 4),
                "{name}"
            );
            assert!((200..600).contains(&fixture.status()), "{name}");
            assert!(fixture.head("Content-Type").is_some(), "{name}");
            count += 1;
        }
    }
    assert!(count >= 30, "{count} replies");
}
