//! `valetkey lab`: the attack exercises.

use std::process::ExitCode;

use serde_json::json;
use valetkey_lab::{Lab, Report, Side, Variant};
use valetkey_proto::error::{Blame, Problem};

use super::Context;
use crate::{output, report::Failure, stop::Stop};

/// Play an attack, without a safeguard and with it
///
/// Each exercise drives two browsers, the victim's and the attacker's,
/// against real servers on this machine, and looks at who is signed in, or
/// what the attacker holds, afterwards. Without a name: the list.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  valetkey lab login-csrf
  valetkey lab mix-up --serve")]
pub(crate) struct Args {
    /// The exercise
    name: Option<String>,

    /// Keep both sides running, to do the attack by hand in two browsers
    #[arg(long, requires = "name")]
    serve: bool,
}

pub(crate) fn check(args: &Args) -> Result<Option<&'static Lab>, Vec<Problem>> {
    let Some(name) = &args.name else {
        return Ok(None);
    };
    valetkey_lab::find(name).map(Some).ok_or_else(|| {
        let names: Vec<_> = valetkey_lab::all().iter().map(|lab| lab.name).collect();
        vec![Problem::new(
            "config.invalid",
            Blame::Config,
            format!("there is no exercise `{name}`"),
            "The name is misspelt.",
            format!("Choose one of: {}.", names.join(", ")),
        )]
    })
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    match check(args).map_err(Failure::usage)? {
        None => {
            list(context.json);
            Ok(ExitCode::SUCCESS)
        }
        Some(lab) if args.serve => serve(lab, context.json).await,
        Some(lab) => {
            let report = lab.run().await;
            if context.json {
                output::json(&report.to_json());
            } else {
                tell(lab, &report);
            }
            Ok(if report.ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
    }
}

fn list(as_json: bool) {
    let labs = valetkey_lab::all();
    if as_json {
        let labs: Vec<_> = labs
            .iter()
            .map(|lab| json!({"name": lab.name, "clause": lab.clause, "title": lab.title}))
            .collect();
        output::json(&json!({"version": 1, "labs": labs}));
        return;
    }
    let width = labs.iter().map(|lab| lab.name.len()).max().unwrap_or(0);
    for lab in labs {
        output::line(&format!("{:width$}  {}", lab.name, lab.title));
    }
    output::note("\nPlay one with: valetkey lab NAME");
}

fn tell(lab: &Lab, report: &Report) {
    output::line(&format!("{}  ({})\n{}\n", lab.name, lab.clause, lab.title));
    paragraph("", lab.attack);
    tell_side("WITHOUT the safeguard", &report.without);
    tell_side("WITH the safeguard", &report.with);
    paragraph("", lab.lesson);
    output::line(if report.ok() {
        "The attack succeeded without the safeguard and failed with it."
    } else {
        "This did not come out as it should: please report it."
    });
}

fn tell_side(heading: &str, side: &Side) {
    output::line(&format!(
        "{heading}: the attack {}",
        if side.succeeded {
            "SUCCEEDED"
        } else {
            "failed"
        }
    ));
    for line in &side.attacker {
        paragraph("  attacker  ", line);
    }
    for line in &side.victim {
        paragraph("  victim    ", line);
    }
    paragraph("  judged by ", &side.evidence);
    if let Some(code) = &side.code {
        output::line(&format!("  stopped by {code}"));
    }
    output::line("");
}

/// Prints text in lines of 96 characters, indented under its label.
fn paragraph(label: &str, text: &str) {
    let mut line = label.to_owned();
    let indent = " ".repeat(label.len());
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > 96 {
            output::line(&line);
            line.clone_from(&indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    output::line(&line);
    if label.is_empty() {
        output::line("");
    }
}

async fn serve(lab: &Lab, as_json: bool) -> Result<ExitCode, Failure> {
    let mut stop = Stop::listen().map_err(|error| crate::report::cannot_start(&error))?;
    let without = lab.stage(Variant::Without).await;
    let with = lab.stage(Variant::With).await;
    if as_json {
        let side = |stage: &valetkey_lab::Stage| json!({"app": stage.app, "provider": stage.provider, "attacker": stage.attacker, "steps": (lab.by_hand)(stage)});
        output::json(&json!({
            "event": "ready", "version": 1, "lab": lab.name, "without": side(&without), "with": side(&with),
        }));
    } else {
        output::line(&format!("{}  ({})\n{}\n", lab.name, lab.clause, lab.title));
        paragraph("", lab.attack);
        for (heading, stage) in [
            ("WITHOUT the safeguard", &without),
            ("WITH the safeguard", &with),
        ] {
            output::line(heading);
            output::line(&format!("  app       {}", stage.app));
            output::line(&format!("  provider  {}", stage.provider));
            if let Some(attacker) = &stage.attacker {
                output::line(&format!("  attacker  {attacker}"));
            }
            for (i, step) in (lab.by_hand)(stage).iter().enumerate() {
                paragraph(&format!("  {}. ", i + 1), step);
            }
            output::line("");
        }
        output::note(
            "alice is the victim, bob the attacker; passwords are alice-password and bob-password.",
        );
        output::note("Use two browsers, or one and a private window. Ctrl-C ends it.");
    }
    stop.asked().await;
    Ok(ExitCode::SUCCESS)
}
