//! The commands: one file each, and a line in each list below.

use std::process::ExitCode;

use clap::Subcommand;
use valetkey::settings::Sources;
use valetkey_proto::error::Problem;

use crate::report::Failure;

mod audit;
mod completions;
mod demo;
mod fetch;
mod lab;
mod login;
mod logout;
mod provider;
mod providers;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Args),
    Provider(provider::Args),
    Lab(lab::Args),
    Login(login::Args),
    Fetch(fetch::Args),
    Logout(logout::Args),
    Providers(providers::Args),
    Audit(audit::Args),
    Completions(completions::Args),
}

/// What every command is given.
pub(crate) struct Context {
    /// Whether stdout is to be JSON.
    pub(crate) json: bool,
    /// Environment and `.env`; a command adds its flags.
    pub(crate) sources: Sources,
}

impl Command {
    /// All mistakes in the command's own values.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        match self {
            Self::Demo(args) => demo::check(args).err(),
            Self::Provider(args) => provider::check(args).err(),
            Self::Lab(args) => lab::check(args).err(),
            Self::Login(args) => login::check(args).err(),
            Self::Fetch(args) => fetch::check(args).err(),
            Self::Logout(_) => None,
            Self::Providers(args) => providers::check(args).err(),
            Self::Audit(args) => audit::check(args).err(),
            Self::Completions(args) => completions::check(args).err(),
        }
        .unwrap_or_default()
    }

    /// Does it.
    pub(crate) async fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Demo(args) => demo::run(args, context).await,
            Self::Provider(args) => provider::run(args, context).await,
            Self::Lab(args) => lab::run(args, context).await,
            Self::Login(args) => login::run(args, context).await,
            Self::Fetch(args) => fetch::run(args, context).await,
            Self::Logout(args) => logout::run(args, context).await,
            Self::Providers(args) => providers::run(args, context),
            Self::Audit(args) => audit::run(args, context),
            Self::Completions(args) => completions::run(args, context),
        }
    }
}
