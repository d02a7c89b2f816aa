//! Key sets, compact JWS and ID tokens, attacked from outside.

mod attacks;
mod keys;
mod mutations;
mod refresh;
mod serialization;
mod signer;
mod vectors;
