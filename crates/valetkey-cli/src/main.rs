//! The valetkey program.
//!
//! Results go to stdout; logs, prompts and errors to stderr. Exit status: 0
//! done; 1 it ran and the answer is no; 2 usage or configuration; 3 it could
//! not run. A command is a file in `commands/` and a line in
//! [`commands::Command`].

mod args;
mod commands;
mod logging;
mod output;
mod report;
mod stop;
mod terminal;

use std::process::ExitCode;

use valetkey::settings::Sources;

use crate::{args::Parsed, commands::Context, report::Failure};

/// The auditor makes and drops small values by the million, the servers do it on
/// several threads: the system's allocator takes a fifth of their time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let json = args::asks_for_json(&arguments);
    match run(arguments) {
        Ok(status) => status,
        Err(failure) => report::report(&failure, json),
    }
}

fn run(arguments: Vec<std::ffi::OsString>) -> Result<ExitCode, Failure> {
    let args = match args::parse(arguments) {
        Parsed::Args(args) => args,
        // Help and version: what was asked for.
        Parsed::Text(text) => {
            output::line(text.trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        Parsed::Wrong(mut problems, args) => {
            // Mistakes of values are listed together with those of flags.
            problems.extend(args.map(|a| a.command.problems()).unwrap_or_default());
            return Err(Failure::usage(problems));
        }
    };
    let sources = Sources::process(&args.env_file.unwrap_or_default());
    logging::start(&sources).map_err(|problem| Failure::usage(vec![problem]))?;
    let context = Context {
        json: args.json,
        sources,
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| report::cannot_start(&error))?
        .block_on(args.command.run(&context))
}
