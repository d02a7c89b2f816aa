//! Session stores for Valetkey: SQLite.
