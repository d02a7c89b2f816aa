//! What can be told without following values: of an app that hands them to
//! something that is not seen.

pub(crate) mod named;
pub(crate) mod shown;
pub(crate) mod unnamed;
