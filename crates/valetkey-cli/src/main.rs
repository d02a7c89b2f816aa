//! The valetkey program.

fn main() {}
