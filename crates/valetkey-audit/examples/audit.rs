//! Audits a path and prints one line per result that is not `na`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::type_complexity
)]

use valetkey_audit::{Options, Verdict, audit};

fn main() {
    for path in std::env::args_os().skip(1) {
        match audit(path.as_ref(), &Options::default(), &mut |_, _| {}) {
            Ok(report) => {
                for r in &report.results {
                    if r.verdict != Verdict::Na {
                        let lines = r.lines.iter().map(|[a, b]| format!("{a}-{b}"));
                        let lines = lines.collect::<Vec<_>>().join(",");
                        println!(
                            "{}:{lines} {} {:?} {:?} {}",
                            r.path, r.check, r.verdict, r.severity, r.message
                        );
                    }
                }
                for s in &report.skipped {
                    eprintln!("skipped {}: {}", s.path, s.reason);
                }
            }
            Err(error) => eprintln!("{error}"),
        }
    }
}
