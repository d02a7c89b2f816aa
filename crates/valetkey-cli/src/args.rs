//! The command line, and every mistake in it.

use std::ffi::{OsStr, OsString};

use clap::{
    Parser,
    builder::{PossibleValue, StringValueParser, TypedValueParser},
    error::{ContextKind, ContextValue, ErrorKind},
};
use valetkey::settings::EnvFile;
use valetkey_proto::error::{Blame, Problem};

use crate::commands::Command;

/// Sign users in with OAuth 2.0 and OpenID Connect.
#[derive(Debug, Parser)]
#[command(name = "valetkey", version, arg_required_else_help = true)]
#[command(after_help = "Example:\n  valetkey provider --listen 127.0.0.1:9000")]
pub(crate) struct Args {
    /// Print JSON on stdout instead of text
    #[arg(long, global = true, display_order = 900)]
    pub(crate) json: bool,

    /// Read settings from this file instead of .env, or from none
    #[arg(
        long,
        global = true,
        value_name = "FILE|none",
        value_parser = str::parse::<EnvFile>,
        display_order = 901
    )]
    pub(crate) env_file: Option<EnvFile>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the command line says.
pub(crate) enum Parsed {
    /// A command.
    Args(Box<Args>),
    /// Help or version, to be printed.
    Text(String),
    /// Mistakes, and the rest of the command line where it can be read.
    Wrong(Vec<Problem>, Option<Box<Args>>),
}

/// Whether errors are to be told in JSON too; good also for a command line
/// that cannot be read.
pub(crate) fn asks_for_json(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .skip(1)
        .take_while(|a| *a != "--")
        .any(|a| a == "--json")
}

/// Reads the command line. Unknown flags are all told, not only the first.
pub(crate) fn parse(mut arguments: Vec<OsString>) -> Parsed {
    let mut problems = Vec::new();
    loop {
        let error = match Args::try_parse_from(&arguments) {
            Ok(args) if problems.is_empty() => return Parsed::Args(Box::new(args)),
            Ok(args) => return Parsed::Wrong(problems, Some(Box::new(args))),
            Err(error) => error,
        };
        if !error.use_stderr() {
            return Parsed::Text(error.render().to_string());
        }
        let unknown = match (error.kind(), error.get(ContextKind::InvalidArg)) {
            (ErrorKind::UnknownArgument, Some(ContextValue::String(name))) => Some(name.clone()),
            _ => None,
        };
        // What is left after removing unknown flags may be wrong only for that.
        if unknown.is_some() || problems.is_empty() {
            problems.push(problem(&error));
        }
        match unknown.and_then(|name| position(&arguments, &name)) {
            Some(at) => {
                arguments.remove(at);
                let is_value = |a: &OsString| !a.to_string_lossy().starts_with('-');
                if arguments.get(at).is_some_and(is_value) {
                    arguments.remove(at);
                }
            }
            None => return Parsed::Wrong(problems, None),
        }
    }
}

fn position(arguments: &[OsString], name: &str) -> Option<usize> {
    let with_value = format!("{name}=");
    let hit = |a: &OsStr| a == name || a.to_string_lossy().starts_with(&with_value);
    (1..arguments.len()).find(|&at| hit(&arguments[at]))
}

/// What clap says, as an error of ours.
fn problem(error: &clap::Error) -> Problem {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let first = paragraphs.next().unwrap_or_default();
    let message = first.trim().strip_prefix("error: ").unwrap_or(first);
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let tip = paragraphs
        .find_map(|p| p.trim().strip_prefix("tip: "))
        .map(|tip| format!("{}; ", tip.trim()));
    let code = match error.kind() {
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "config.missing",
        _ => "config.invalid",
    };
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "no command was given".to_owned()
        }
        _ => message,
    };
    Problem::new(
        code,
        Blame::Config,
        message,
        "The command line is not one that valetkey understands.",
        format!(
            "{}see valetkey --help, or --help after the command's name.",
            tip.unwrap_or_default()
        ),
    )
}

/// Values that help and completions suggest, and that the command itself
/// checks, so that a wrong one is told together with all other mistakes.
#[derive(Clone)]
pub(crate) struct Suggested(pub(crate) &'static [&'static str]);

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|v| PossibleValue::new(*v))))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_put_together_rightly() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        for command in Args::command().get_subcommands() {
            let name = command.get_name().to_owned();
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Example"), "{name}: {help}");
            assert!(help.contains(&format!("valetkey {name}")), "{name}: {help}");
        }
    }

    #[test]
    fn json_after_two_dashes_is_not_the_flag() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(asks_for_json(&words("valetkey provider --nonsense --json")));
        assert!(!asks_for_json(&words("valetkey provider -- --json")));
        assert!(!asks_for_json(&words("--json")));
    }
}
