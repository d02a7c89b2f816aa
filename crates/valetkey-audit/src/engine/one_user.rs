//! Programs that serve the one who runs them: a login is a run of theirs.

use std::collections::BTreeSet;

use super::{Engine, Mode};
use crate::{
    facts::{Event, EventKind, Facts},
    libraries::CallModel,
    value::{Kind, Origin, Value},
};

/// How the names end of what runs another program.
const RUNS: &[&str] = &[
    "exec",
    "execSync",
    "execFile",
    "spawn",
    "spawnSync",
    "system",
    "startfile",
    "Command",
    "CommandContext",
    "Command.new",
    "subprocess.run",
    "subprocess.call",
    "subprocess.check_call",
    "subprocess.Popen",
];
/// Programs that show an address in the browser of whoever sits there.
const OPENERS: &[&str] = &["open", "xdg-open", "start", "rundll32", "wslview"];

impl Engine<'_> {
    /// A call opens a browser here, or asks whoever sits at the terminal.
    pub(super) fn meets_user(&mut self, model: &CallModel) {
        match model.facts.get("user").map(String::as_str) {
            Some("own") => self.met_user(),
            // It answers one request, and waits for it.
            Some("once") => {
                let files: Vec<_> = self.frames.iter().map(|f| f.file).collect();
                self.waits_once.extend(files);
            }
            _ => {}
        }
    }

    /// The same, by the program of the system that opens addresses.
    pub(super) fn runs_opener(&mut self, path: &str, args: &[Value]) {
        let runs = RUNS.iter().any(|name| {
            path.strip_suffix(name)
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        });
        if runs && args.iter().any(|arg| self.names_opener(arg)) {
            self.met_user();
        }
    }

    fn names_opener(&self, arg: &Value) -> bool {
        match &arg.kind {
            Kind::Str(s) => {
                let word = s.split_whitespace().next().unwrap_or("");
                OPENERS.contains(&word.trim_end_matches(".exe"))
            }
            Kind::Template(parts) => parts.first().is_some_and(|p| self.names_opener(p)),
            Kind::List(id) => self
                .heap
                .get(*id)
                .and_then(|list| list.items.first())
                .is_some_and(|first| {
                    matches!(first.kind, Kind::Str(_)) && self.names_opener(first)
                }),
            _ => false,
        }
    }

    /// Whoever called the function that does it is part of that program.
    fn met_user(&mut self) {
        let files: Vec<_> = self.frames.iter().map(|f| f.file).collect();
        self.with_user.extend(files);
    }

    /// A program that shows a login's address as soon as it starts: what it
    /// made for that address belongs to one login.
    pub(super) fn shows_login(&mut self, kind: &EventKind) {
        if self.mode != Mode::Load {
            return;
        }
        let (EventKind::Log { value } | EventKind::Redirect { value }) = kind else {
            return;
        };
        if !self.any(&value.taint, |o| *o == Origin::AuthUrl) {
            return;
        }
        let file = self.file();
        self.shown.extend(value.taint.iter().copied());
        for event in self.events.iter().filter(|e| e.file == file) {
            if let EventKind::Authorize { fields, .. } = &event.kind {
                let made = fields.iter().flat_map(|(_, v)| v.taint.iter().copied());
                self.shown.extend(made);
            }
        }
    }

    /// What is known of the user, once all pages were looked at.
    pub(super) fn for_one_user(&mut self, facts: &mut Facts) {
        if self.serves_logins(facts) {
            let once = &self.waits_once;
            self.with_user.retain(|file| once.contains(file));
            self.shown = BTreeSet::new();
        }
        facts.one_user = self.with_user.clone();
        facts.one_login = self.shown.clone();
    }

    /// Whether a page sends whoever comes there to log in.
    pub(super) fn serves_logins(&self, facts: &Facts) -> bool {
        let page = |event: &Event| {
            let entry = event.entry.and_then(|e| facts.entries.get(e));
            entry.is_some_and(|e| e.route || self.answers(e) || self.takes_request(e))
        };
        facts.events.iter().any(|event| {
            let sends = match &event.kind {
                EventKind::Authorize { .. } | EventKind::Delegate { part: "login", .. } => true,
                EventKind::Redirect { value } | EventKind::Respond { value } => {
                    self.any(&value.taint, |o| *o == Origin::AuthUrl)
                }
                _ => false,
            };
            sends && page(event)
        })
    }
}
