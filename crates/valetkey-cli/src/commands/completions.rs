//! `valetkey completions`: the shell's half of the command line.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;
use valetkey_proto::error::{Blame, Problem};

use super::Context;
use crate::{args::Suggested, output, report::Failure};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// Print a shell's completion script
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  valetkey completions bash > ~/.local/share/bash-completion/completions/valetkey"
)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL", value_parser = Suggested(&SHELLS))]
    shell: String,
}

pub(crate) fn check(args: &Args) -> Result<Shell, Vec<Problem>> {
    args.shell.parse().map_err(|_| {
        vec![Problem::new(
            "config.invalid",
            Blame::Config,
            format!("there are no completions for the shell `{}`", args.shell),
            "The name is misspelt, or the shell is not supported.",
            format!("Choose one of: {}.", SHELLS.join(", ")),
        )]
    })
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let shell = check(args).map_err(Failure::usage)?;
    let mut script = Vec::new();
    let mut command = crate::args::Args::command();
    clap_complete::generate(shell, &mut command, "valetkey", &mut script);
    let script = String::from_utf8_lossy(&script);
    if context.json {
        output::json(&serde_json::json!({
            "version": 1,
            "shell": args.shell,
            "script": script,
        }));
    } else {
        output::line(script.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}
