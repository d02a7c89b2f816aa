//! Settings that are one value each.

use std::path::{Path, PathBuf};

use valetkey_proto::error::{Explain, Problem};

use super::{
    Sources,
    report::{from_error, invalid, missing, quoted, wrong},
};
use crate::{clock::Seconds, http::Http, seal::KeyRing};

pub(super) const DANGER_ALLOW_HTTP: &str = "VALETKEY_DANGER_ALLOW_HTTP";

/// Ten years: longer ones are typing errors, and their sums could overflow.
const LONGEST: Seconds = 315_360_000;

/// A switch that only `1` turns on.
pub(super) fn switch(sources: &Sources, name: &str, problems: &mut Vec<Problem>) -> bool {
    let names = [name];
    let Some(found) = sources.find(&names, problems) else {
        return false;
    };
    match found.value.trim() {
        "1" => true,
        "0" => false,
        _ => {
            problems.push(wrong(
                &found,
                &format!("is {}", quoted(found.value)),
                format!("Set {name}=1 to turn it on, or remove it."),
            ));
            false
        }
    }
}

pub(super) fn seconds(
    sources: &Sources,
    name: &str,
    default: Seconds,
    problems: &mut Vec<Problem>,
) -> Seconds {
    let names = [name];
    let Some(found) = sources.find(&names, problems) else {
        return default;
    };
    match found.value.trim().parse() {
        Ok(seconds) if (1..=LONGEST).contains(&seconds) => seconds,
        _ => {
            problems.push(wrong(
                &found,
                &format!("is {}, which is no number of seconds", quoted(found.value)),
                format!(
                    "Give whole seconds from 1 to {LONGEST}, without a unit, or leave it out for {default}."
                ),
            ));
            default
        }
    }
}

pub(super) fn key_ring(sources: &Sources, problems: &mut Vec<Problem>) -> Option<KeyRing> {
    const NAME: [&str; 1] = ["SECRET_KEY"];
    let Some(found) = sources.find(&NAME, problems) else {
        // Unlike other settings: a key that somebody meant to share between
        // machines must not silently become one of this machine's own.
        if let Some((name, place)) = sources.empty(&NAME) {
            problems.push(invalid(
                format!("{name} is empty"),
                format!("It is set in {place} with nothing in it."),
                "Remove it to have a key made at first run, or set it to the output of `openssl rand -hex 32`.",
            ));
        }
        return None;
    };
    KeyRing::parse(found.value)
        .map_err(|error| problems.push(from_error(&found, &error as &dyn Explain)))
        .ok()
}

pub(super) fn cert_file(sources: &Sources, problems: &mut Vec<Problem>) -> Option<PathBuf> {
    let found = sources.find(&["SSL_CERT_FILE"], problems)?;
    let path = Path::new(found.value);
    // Bundles of a whole system are larger than what read_file takes.
    match std::fs::read(path) {
        Ok(pem) if pem.trim_ascii().is_empty() => problems.push(wrong(
            &found,
            &format!("names the file {}, which is empty", path.display()),
            "Give a PEM file with the certificates of the further authorities to trust.",
        )),
        // Whoever connects later reads it the same way.
        Ok(pem) => match Http::builder().extra_roots(&pem).build() {
            Ok(_) => return Some(path.to_owned()),
            Err(error) => problems.push(from_error(&found, &error as &dyn Explain)),
        },
        Err(error) => problems.push(wrong(
            &found,
            &format!(
                "names the file {}, which cannot be read: {error}",
                path.display()
            ),
            "Give a PEM file with the certificates of the further authorities to trust.",
        )),
    }
    None
}

pub(super) fn data_dir(
    sources: &Sources,
    needed: bool,
    problems: &mut Vec<Problem>,
) -> Option<PathBuf> {
    // The flag is --data-dir, the variable carries the program's name.
    if let Some(folder) = sources.flag_value("DATA_DIR") {
        return Some(folder.into());
    }
    if let Some(found) = sources.find(&["VALETKEY_DATA_DIR"], problems) {
        return Some(found.value.into());
    }
    // The XDG Base Directory Specification says to ignore relative paths.
    let absolute = |name| {
        sources
            .variable(name)
            .map(Path::new)
            .filter(|p| p.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME")
        .map(Path::to_owned)
        .or_else(|| Some(absolute("HOME")?.join(".local/state")));
    if state.is_none() && needed {
        problems.push(missing(
            "VALETKEY_DATA_DIR is not set: the folder in which sessions are kept",
            "Neither XDG_STATE_HOME nor HOME is set, so there is no usual place for it.",
            "Set VALETKEY_DATA_DIR (or give --data-dir) to a folder that only this user can read.",
        ));
    }
    Some(state?.join("valetkey"))
}
