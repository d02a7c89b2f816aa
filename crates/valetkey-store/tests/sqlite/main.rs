//! The SQLite store under real conditions: several processes, locks, a full
//! disk, missing rights, damage, and a kill at any moment.

mod faults;
mod folder;
mod kill;
mod limits;
mod store;
