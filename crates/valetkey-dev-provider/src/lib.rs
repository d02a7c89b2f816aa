//! A local OAuth 2.0 authorization server and resource server for
//! development and tests.

mod body;
mod clock;
mod config;
mod cookie;
mod endpoints;
mod exchange;
mod faults;
mod files;
mod id_token;
mod keys;
mod params;
mod preset;
mod record;
mod reply;
mod request;
mod respond;
mod route;
mod scopes;
mod secret;
mod server;
mod state;
mod urls;

pub use clock::{Clock, FakeClock, SystemClock};
pub use config::{
    ClientRegistration, Config, ConfigProblem, Options, RawClient, RawConfig, RawUser,
};
pub use faults::{Alter, Fault, Faults, Gate, Signing};
pub use keys::{SigningAlg, UnknownAlg};
pub use preset::{Preset, UnknownPreset};
pub use record::{Check, Endpoint, Outcome, Record, Shown};
pub use reply::{Encoding, Reply, ReplyBody};
pub use secret::shown;
pub use server::{Provider, Running, StartError};
