//! Sessions and an application's own tables, each through its own library.

use sqlx::sqlite::SqlitePool;
use valetkey_store::{Options, SqliteStore};

/// Opens both.
pub async fn open() -> Result<(SqlitePool, SqliteStore), Box<dyn std::error::Error>> {
    let pool = SqlitePool::connect("sqlite:app.db").await?;
    let store = SqliteStore::open("sessions.db", Options::default())?;
    Ok((pool, store))
}
