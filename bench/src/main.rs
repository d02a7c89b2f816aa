//! What Valetkey costs, measured side by side with others: see
//! docs/benchmarks.md. `bench/run.sh` builds what this needs and runs it.

#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot be made ends the program"
)]

mod http;
mod process;
mod report;
mod stats;
mod svg;
mod bench {
    pub mod audit;
    pub mod id_token;
    pub mod login;
    pub mod memory;
    pub mod provider;
    pub mod request;
    pub mod sessions;
    pub mod sign_in;
    pub mod size;
}

type Bench = fn(rounds: usize);

const BENCHES: [(&str, Bench); 9] = [
    ("id-token", bench::id_token::run),
    ("sign-in", bench::sign_in::run),
    ("provider", bench::provider::run),
    ("sessions", bench::sessions::run),
    ("request", bench::request::run),
    ("login", bench::login::run),
    ("memory", bench::memory::run),
    ("audit", bench::audit::run),
    ("size", bench::size::run),
];

fn main() {
    let mut rounds = 5;
    let mut wanted = Vec::new();
    for argument in std::env::args().skip(1) {
        if let Some(n) = argument.strip_prefix("--rounds=") {
            rounds = n.parse().expect("--rounds=N");
        } else if argument == "publish" || BENCHES.iter().any(|(name, _)| *name == argument) {
            wanted.push(argument);
        } else {
            let names = BENCHES.map(|(name, _)| name).join(", ");
            eprintln!("unknown: {argument}. There are: {names}, publish; --rounds=N");
            std::process::exit(2);
        }
    }
    for (name, bench) in BENCHES {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            eprintln!("== {name}");
            bench(rounds);
        }
    }
    report::publish();
}
