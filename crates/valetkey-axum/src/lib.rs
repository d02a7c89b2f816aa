//! Valetkey for axum: routes, extractors, a layer and pages that sign users in.
