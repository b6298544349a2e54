//! Serial numbers that never come twice.

use rusqlite::params;

use super::{Ledger, StoreError};

impl Ledger<'_> {
    /// The next number of a series, from 1.
    pub(crate) fn next(&self, series: &str) -> Result<i64, StoreError> {
        let mut statement = self.0.prepare_cached(
            "INSERT INTO counters (name, value) VALUES (?1, 1)
             ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
        )?;
        Ok(statement.query_row(params![series], |row| row.get(0))?)
    }
}
