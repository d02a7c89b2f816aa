//! `valetkey logout`: gives the access back and forgets it.

use std::{path::PathBuf, process::ExitCode};

use serde_json::json;

use super::Context;
use crate::{
    output,
    report::Failure,
    terminal::{Terminal, failure, logins::Login, not_signed_in, settings},
};

/// Revoke the tokens of a login and forget it
///
/// Forgotten here even if the provider is down, and then not revoked there:
/// the tokens live on until they expire, but nobody has them any more.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  valetkey logout github")]
pub(crate) struct Args {
    /// The login, as `valetkey login` called it
    #[arg(value_name = "NAME")]
    name: String,

    /// Where the login is kept
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let settings =
        settings::load(&context.sources, args.data_dir.as_deref(), &[]).map_err(Failure::usage)?;
    let terminal = Terminal::new(&settings)?;
    let logins = terminal.logins()?;
    let name = args.name.as_str();
    let login = logins
        .find(name)
        .ok_or_else(|| Failure::no(vec![not_signed_in(name, &logins)]))?;
    let revoked = revoke(&terminal, name, login).await?;
    terminal.change(|all| all.remove(name))?;
    if context.json {
        output::json(&json!({"version": 1, "revoked": revoked, "forgotten": true}));
    } else {
        output::line(&format!("forgot {name}"));
        if !revoked {
            output::note(&format!(
                "{} did not confirm that the access is revoked: it has no revocation endpoint, \
                 or does not answer. You can withdraw it on your account page there.",
                login.entry.display_name().unwrap_or(name)
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Revokes what there is, and ends the session. Whether the provider
/// confirmed it.
async fn revoke(terminal: &Terminal, name: &str, login: &Login) -> Result<bool, Failure> {
    // What cannot be opened any more has no tokens to revoke; what a wrong
    // setting keeps from being used is forgotten all the same.
    let Ok((client, cookies)) = terminal.resume(name, login) else {
        return Ok(false);
    };
    let revoked = match client.session(&cookies).await.map_err(|e| failure(&e))? {
        // Dropped here first; then the provider is asked.
        Some(session) if session.has_tokens() => {
            client.revoke(&session).await.map_err(|e| failure(&e))?
        }
        _ => false,
    };
    client.sign_out(&cookies).await.map_err(|e| failure(&e))?;
    Ok(revoked)
}
