//! Logs on stderr, as `VALETKEY_LOG` asks: `info`, or
//! `warn,valetkey=debug`. Without it, warnings and errors.

use std::io::IsTerminal;

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};
use valetkey::settings::Sources;
use valetkey_proto::error::{Blame, Problem};

pub(crate) fn start(sources: &Sources) -> Result<(), Problem> {
    let filter = parse_filter(sources.value("VALETKEY_LOG").unwrap_or_default())?;
    let colour = std::io::stderr().is_terminal() && sources.value("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colour);
    // Only a test could have set one before.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init();
    Ok(())
}

fn parse_filter(text: &str) -> Result<Targets, Problem> {
    if text.trim().is_empty() {
        return Ok(Targets::new().with_default(LevelFilter::WARN));
    }
    text.trim().parse().map_err(|_| {
        Problem::new(
            "config.invalid",
            Blame::Config,
            "VALETKEY_LOG is not a log filter",
            "It takes a level, or pairs of a module and a level, separated by commas.",
            "Set it to error, warn, info, debug or trace, or to something like warn,valetkey=debug.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_levels_and_modules() {
        for good in ["", "info", "warn,valetkey=debug", " off "] {
            assert!(parse_filter(good).is_ok(), "{good}");
        }
        assert_eq!(
            parse_filter("valetkey=loud").unwrap_err().code,
            "config.invalid"
        );
    }
}
