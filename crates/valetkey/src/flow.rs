//! The flows: the only place that puts steps in order. Everything they call
//! is a leaf that never calls another, nor back.

pub mod callback;
pub mod login;
pub mod refresh;
pub mod sessions;
pub mod sign_out;
mod state;
