//! `valetkey demo --walk`: plays the browser, and prints what happened.
//!
//! Three records are made independently of each other: the client's (the
//! library's public event stream), the provider's (made in its request
//! handlers from the bytes that arrived) and the browser's (its history).
//! [`judge::judge`] compares them; nothing is printed that only one side
//! claims.

use std::{io::IsTerminal, path::Path, process::ExitCode, sync::PoisonError, time::Duration};

use valetkey::{events::Event, settings::Sources};
use valetkey_browser::Browser;
use valetkey_dev_provider::{Record, Running};
use valetkey_proto::error::{Blame, Problem};

use super::{Args, Context, Demo, how};
use crate::{output, report::Failure, stop::Stop};

mod afterwards;
mod browsing;
mod denied;
mod document;
mod drive;
mod judge;
mod records;
mod sign_in;
mod signed_in;
#[cfg(test)]
mod tests;
mod text;
mod variables;
mod witness;

use document::Walk;
use drive::{Person, drive};
use witness::{Places, Witness};

/// How long the records may take to be complete after the last answer.
const SETTLING: Duration = Duration::from_secs(2);

const ALICE: Person<'_> = Person {
    username: "alice",
    password: "alice-password",
};

/// What does not go with `--walk`.
pub(super) fn check(args: &Args) -> Vec<Problem> {
    let given = [
        ("--issuer", args.issuer.is_some()),
        ("--data-dir", args.data_dir.is_some()),
        ("--scope", !args.scope.is_empty()),
        ("--open", args.open),
    ];
    let problem = |message: String, cause: &str, fix: &str| {
        Problem::new("config.invalid", Blame::Config, message, cause, fix)
    };
    if args.walk {
        let refused = given.into_iter().filter(|(_, given)| *given);
        refused
            .map(|(flag, _)| {
                problem(
                    format!("{flag} does not go with --walk"),
                    "The walk needs both records of a fresh sign-in at the local provider.",
                    "Leave one of the two out.",
                )
            })
            .collect()
    } else {
        let needs = [
            (
                args.deny,
                "--deny",
                "It says what the walk's user does on the consent page.",
            ),
            (args.svg.is_some(), "--svg", "It draws the walk's sign-in."),
        ];
        needs
            .into_iter()
            .filter(|(given, ..)| *given)
            .map(|(_, flag, cause)| problem(format!("{flag} needs --walk"), cause, "Add --walk."))
            .collect()
    }
}

/// The records of one run.
struct Records {
    app_url: String,
    client: Vec<Event>,
    provider: Vec<Record>,
    browser: Witness,
}

impl Records {
    fn judge(&self, deny: bool) -> Walk {
        judge::judge(&self.client, &self.provider, &self.browser, deny)
    }
}

/// Walks and prints. 0 if everything held, else 1.
pub(super) async fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let mut stop = Stop::listen().map_err(|error| crate::report::cannot_start(&error))?;
    let browser = Browser::new();
    let (walk, records) = tokio::select! {
        walk = walk(args, &context.sources, &browser) => walk?,
        // The folder is removed on the way out.
        () = stop.asked() => return Ok(ExitCode::FAILURE),
    };
    if let Some(file) = &args.svg {
        draw(&records, file)?;
    }
    if context.json {
        output::json(&serde_json::to_value(&walk).unwrap_or_default());
    } else {
        let colour = std::io::stdout().is_terminal()
            && context.sources.value("NO_COLOR").is_none_or(str::is_empty);
        output::line(&text::render(&walk, text::Style { colour }));
    }
    Ok(status(&walk))
}

fn status(walk: &Walk) -> ExitCode {
    if walk.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn walk(
    args: &Args,
    sources: &Sources,
    browser: &Browser,
) -> Result<(Walk, Records), Failure> {
    let demo = Demo::prepare(args, sources).await?;
    let records = record(demo, args.deny, browser).await;
    Ok((records.judge(args.deny), records))
}

/// Writes the diagram of the sign-in.
fn draw(records: &Records, file: &Path) -> Result<(), Failure> {
    let flow = how::first(&records.client, &records.provider, &records.app_url);
    let svg = flow.map(|f| valetkey_pages::how::svg(&f.view));
    std::fs::write(file, svg.unwrap_or_default()).map_err(|error| {
        Failure::cannot_run(vec![Problem::new(
            "svg.failed",
            Blame::Config,
            format!("cannot write {}: {error}", file.display()),
            "The folder does not exist, or this program may not write there.",
            "Name another file with --svg.",
        )])
    })
}

/// Serves the demo, plays the browser, and collects the three records.
async fn record(demo: Demo, deny: bool, browser: &Browser) -> Records {
    let provider_origin = demo.provider.as_ref().map(|p| p.origin().to_owned());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(valetkey_axum::serve_on(
        demo.listeners,
        demo.router,
        async move {
            let _ = stopped.await;
        },
    ));
    let places = Places {
        app: &demo.app_url,
        provider: &provider_origin.unwrap_or_default(),
    };
    let witness = drive(browser, &ALICE, &places, deny).await;
    let client = || {
        let events = demo.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.clone()
    };
    let provider = || {
        demo.provider
            .as_ref()
            .map_or_else(Vec::new, Running::records)
    };
    // Every record is made before its answer is sent; should one ever come
    // later, it is waited for, and missing only after that.
    if witness.broken.is_none() {
        let settled = async {
            while judge::lacks_records(&client(), &provider(), &witness, deny) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = tokio::time::timeout(SETTLING, settled).await;
    }
    let records = Records {
        app_url: demo.app_url.clone(),
        client: client(),
        provider: provider(),
        browser: witness,
    };
    drop(stop);
    let _ = serving.await;
    if let Some(provider) = demo.provider {
        provider.shutdown().await;
    }
    records
}
