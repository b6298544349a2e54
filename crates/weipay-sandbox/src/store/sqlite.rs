//! SQLite as the [engine](super::engine) of the store.

mod migrations;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, named_params, params};
use serde_json::Value;

use super::StoreError;
use super::engine::{Engine, NewRecord, StoredRecord};
use super::idempotency::{Fingerprint, IdempotencyKey, StoredResponse};
use super::schedule::{Announcement, Due};

/// The log is folded into the database after so many pages of 4 KiB. Folding waits for the disk twice, tens of
/// milliseconds on a slow one, and SQLite's usual 1,000 pages are full after some 250 requests. A log that a killed
/// process left is read at the next start, which bounds its length from above: 16 MiB take about ten milliseconds.
const LOG_PAGES: u32 = 4096;

/// The largest database, in pages, that is looked through at the start: 16 MiB take some ten milliseconds.
const MAX_CHECKED_PAGES: u32 = 4096;

/// A connection to one database, which is in order and has the tables of this program.
pub(super) struct Sqlite(Connection);

impl Sqlite {
    /// Opens a database, and brings it to the form of this program.
    pub(super) fn open(file: &Path) -> Result<Self, StoreError> {
        Self::prepared(Connection::open(file)?)
    }

    /// A database that is gone with its value.
    #[cfg(test)]
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        Self::prepared(Connection::open_in_memory()?)
    }

    fn prepared(mut connection: Connection) -> Result<Self, StoreError> {
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        migrations::run(&mut connection)?;
        check_whole(&connection)?;
        Ok(Self(connection))
    }

    /// Does work in one transaction. An error takes everything back.
    pub(super) fn transaction<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&dyn Engine) -> Result<T, E>,
    ) -> Result<T, E> {
        let begun = self.0.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(StoreError::from)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(done)
    }

    /// Looks whether anything is due, without the cost of a transaction that writes.
    pub(super) fn is_anything_due(&self, now: i64) -> Result<bool, StoreError> {
        let mut statement = self.0.prepare_cached("SELECT EXISTS (SELECT 1 FROM due WHERE at <= ?1)")?;
        Ok(statement.query_row([now], |row| row.get(0))?)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            // The statement that SQLite did not take is long, and nobody who starts a sandbox wrote it.
            rusqlite::Error::SqlInputError { msg, .. } => Self::Database(msg.into()),
            error => Self::Database(Box::new(error)),
        }
    }
}

/// Looks through a database that is not large, so that a broken one is told at the start and not by some request.
fn check_whole(connection: &Connection) -> Result<(), StoreError> {
    let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if pages > MAX_CHECKED_PAGES {
        return Ok(());
    }
    let found: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Corrupt(found)) }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredRecord> {
    Ok(StoredRecord { key: row.get(0)?, version: row.get(1)?, document: row.get(2)? })
}

/// Writes the index entries of a record.
fn write_indexes(
    transaction: &Transaction<'_>,
    record: &NewRecord<'_>,
    number: i64,
) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "INSERT OR IGNORE INTO record_indexes (kind, name, value, number) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for entry in record.indexes {
        statement.execute(params![record.kind, entry.index, entry.value, number])?;
    }
    Ok(())
}

impl Engine for Transaction<'_> {
    fn record(&self, kind: &str, key: &str) -> Result<Option<StoredRecord>, StoreError> {
        let mut statement =
            self.prepare_cached("SELECT key, version, document FROM records WHERE kind = ?1 AND key = ?2")?;
        Ok(statement.query_row([kind, key], stored).optional()?)
    }

    fn records(&self, kind: &str, index: &str, value: &str) -> Result<Vec<StoredRecord>, StoreError> {
        let mut statement = self.prepare_cached(
            "SELECT key, version, document FROM record_indexes JOIN records USING (number)
             WHERE record_indexes.kind = ?1 AND name = ?2 AND value = ?3 ORDER BY number DESC",
        )?;
        Ok(statement.query_map([kind, index, value], stored)?.collect::<Result<_, _>>()?)
    }

    fn count(&self, kind: &str, index: &str, value: &str) -> Result<i64, StoreError> {
        let mut statement = self.prepare_cached(
            "SELECT count(*) FROM record_indexes WHERE kind = ?1 AND name = ?2 AND value = ?3",
        )?;
        Ok(statement.query_row([kind, index, value], |row| row.get(0))?)
    }

    fn insert(&self, record: &NewRecord<'_>) -> Result<bool, StoreError> {
        let mut statement = self.prepare_cached(
            "INSERT INTO records (kind, key, version, document) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (kind, key) DO NOTHING RETURNING number",
        )?;
        let number: Option<i64> =
            statement.query_row([record.kind, record.key, record.document], |row| row.get(0)).optional()?;
        match number {
            Some(number) => write_indexes(self, record, number).map(|()| true),
            None => Ok(false),
        }
    }

    fn update(
        &self,
        record: &NewRecord<'_>,
        version: i64,
        indexes_changed: bool,
    ) -> Result<bool, StoreError> {
        let mut statement = self.prepare_cached(
            "UPDATE records SET document = ?3, version = version + 1
             WHERE kind = ?1 AND key = ?2 AND version = ?4 RETURNING number",
        )?;
        let number: Option<i64> = statement
            .query_row(params![record.kind, record.key, record.document, version], |row| row.get(0))
            .optional()?;
        let Some(number) = number else { return Ok(false) };
        if indexes_changed {
            self.prepare_cached("DELETE FROM record_indexes WHERE number = ?1")?.execute([number])?;
            write_indexes(self, record, number)?;
        }
        Ok(true)
    }

    fn next_number(&self, series: &str) -> Result<i64, StoreError> {
        let mut statement = self.prepare_cached(
            "INSERT INTO counters (name, value) VALUES (?1, 1)
             ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
        )?;
        Ok(statement.query_row([series], |row| row.get(0))?)
    }

    fn stored_response(&self, key: &IdempotencyKey<'_>) -> Result<Option<StoredResponse>, StoreError> {
        let mut statement = self.prepare_cached(
            "SELECT fingerprint, response FROM idempotency_keys
             WHERE operation = ?1 AND scope = ?2 AND request_no = ?3",
        )?;
        let row: Option<([u8; 32], String)> = statement
            .query_row([key.operation, key.scope, key.request_no], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        row.map(|(fingerprint, response)| {
            let response: Value = serde_json::from_str(&response).map_err(|_| {
                StoreError::Corrupt(format!("the response to {} {}", key.operation, key.request_no))
            })?;
            Ok(StoredResponse { fingerprint: Fingerprint(fingerprint), response })
        })
        .transpose()
    }

    fn keep_response(&self, key: &IdempotencyKey<'_>, answered: &StoredResponse) -> Result<(), StoreError> {
        let mut statement = self.prepare_cached(
            "INSERT INTO idempotency_keys (operation, scope, request_no, fingerprint, response)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let StoredResponse { fingerprint, response } = answered;
        statement.execute(params![
            key.operation,
            key.scope,
            key.request_no,
            fingerprint.0,
            response.to_string()
        ])?;
        Ok(())
    }

    fn announce(&self, announcement: &Announcement) -> Result<(), StoreError> {
        let Announcement { mchid, event_type, time, resource } = announcement;
        self.prepare_cached(
            "INSERT INTO outbox (mchid, event_type, time, resource) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![mchid, event_type, time, resource.to_string()])?;
        Ok(())
    }

    #[cfg(test)]
    fn outbox(&self) -> Result<Vec<(String, Value)>, StoreError> {
        let mut statement = self.prepare_cached("SELECT event_type, resource FROM outbox ORDER BY number")?;
        let rows: Vec<(String, String)> =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        let read = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Ok(rows.into_iter().map(|(event_type, resource)| (event_type, read(&resource))).collect())
    }

    fn schedule(&self, due: &Due) -> Result<(), StoreError> {
        self.prepare_cached(
            "INSERT INTO due (kind, key, at) VALUES (?1, ?2, ?3)
             ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at",
        )?
        .execute(params![due.kind, due.key, due.at])?;
        Ok(())
    }

    fn unschedule(&self, due: &Due) -> Result<bool, StoreError> {
        let mut statement =
            self.prepare_cached("DELETE FROM due WHERE kind = ?1 AND key = ?2 AND at = ?3")?;
        Ok(statement.execute(params![due.kind, due.key, due.at])? > 0)
    }

    fn next_due(&self, now: i64, after: Option<&Due>) -> Result<Option<Due>, StoreError> {
        let (kind, key, at) = after.map_or(("", "", i64::MIN), |due| (&*due.kind, &*due.key, due.at));
        let mut statement = self.prepare_cached(
            "SELECT kind, key, at FROM due WHERE at <= :now AND (at, kind, key) > (:at, :kind, :key)
             ORDER BY at, kind, key LIMIT 1",
        )?;
        let values = named_params! { ":now": now, ":at": at, ":kind": kind, ":key": key };
        let read = |row: &Row<'_>| Ok(Due { kind: row.get(0)?, key: row.get(1)?, at: row.get(2)? });
        Ok(statement.query_row(values, read).optional()?)
    }
}
