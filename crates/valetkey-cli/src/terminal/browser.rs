//! The system's browser: never a web view of our own (RFC 8252 section 8.12).

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

use crate::output;

/// Opens `url` in the browser that `BROWSER` names, else in the system's own.
/// `BROWSER` is a list of commands separated by colons, the first that can be
/// started is taken; `%s` in a command is the address.
///
/// The address is an argument of its own and no shell is in between, so
/// nothing in it can become a command. Read from the environment only: a
/// `.env` file in some folder must not say which program is run.
pub(crate) fn open(url: &str) {
    let configured = std::env::var("BROWSER").unwrap_or_default();
    let candidates: Vec<Vec<String>> = commands(&configured, url);
    let opened = candidates.iter().any(|words| start(words));
    if !opened {
        output::note("(no browser could be opened; open the address yourself)");
    }
}

const SYSTEM: &str = if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};

fn commands(configured: &str, url: &str) -> Vec<Vec<String>> {
    let list = match configured.trim() {
        "" => SYSTEM,
        list => list,
    };
    list.split(':')
        .map(|command| {
            let mut words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            if words.iter().any(|w| w.contains("%s")) {
                for word in &mut words {
                    *word = word.replace("%s", url);
                }
            } else {
                words.push(url.to_owned());
            }
            words
        })
        .filter(|words| words.len() > 1)
        .collect()
}

/// Starts it with no part in our input and output: stdout is for results.
fn start(words: &[String]) -> bool {
    let Some((program, arguments)) = words.split_first() else {
        return false;
    };
    let child = Command::new(OsStr::new(program))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match child {
        Ok(mut child) => {
            // So that it does not stay behind as a zombie.
            std::thread::spawn(move || child.wait());
            true
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_one_argument_whatever_is_in_it() {
        let url = "https://a.example/?x=1&y=$(id);`id`";
        assert_eq!(commands("firefox", url), [["firefox", url]]);
        assert_eq!(
            commands("w3m %s -o x=y:links", url),
            vec![vec!["w3m", url, "-o", "x=y"], vec!["links", url]]
        );
        assert_eq!(commands(" ", url), [[SYSTEM, url]]);
    }
}
