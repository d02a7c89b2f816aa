//! The static auditor: follows OAuth values through the source of an app.
mod engine;
mod facts;
mod ir;
mod lang;
mod libraries;
mod url;
mod value;
