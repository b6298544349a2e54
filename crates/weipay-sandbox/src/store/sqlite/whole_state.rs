//! Every row, for snapshots and resets.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{OUTBOX, insert_into_outbox, sql, waiting, write_entries};
use crate::store::StoreError;
use crate::store::engine::{Due, EachRow, Fingerprint, StoredRow, WholeState};

/// Gives what a statement finds, row after row, so that a large database needs no more memory than a small one.
fn each_row(
    connection: &Connection,
    statement: &str,
    mut each: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = sql(|| connection.prepare(statement))?;
    let mut rows = sql(|| statement.query([]))?;
    while let Some(row) = sql(|| rows.next())? {
        each(row)?;
    }
    Ok(())
}

impl WholeState for Connection {
    fn rows(&self, each: &mut EachRow<'_>) -> Result<(), StoreError> {
        let mut entries_of = sql(|| {
            self.prepare("SELECT name, value FROM record_indexes WHERE number = ?1 ORDER BY name, value")
        })?;
        each_row(self, "SELECT number, kind, key, version, document FROM records ORDER BY number", |row| {
            let (number, kind, key, version, document): (i64, _, _, _, _) = sql(|| row.try_into())?;
            let indexes =
                sql(|| entries_of.query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())?;
            each(StoredRow::Record { kind, key, version, indexes, document: StoredRow::json(document)? })
        })?;
        self.counters()?
            .into_iter()
            .try_for_each(|(name, value)| each(StoredRow::Counter { name, value }))?;
        let keys = "SELECT operation, scope, request_no, fingerprint, response FROM idempotency_keys
                    ORDER BY operation, scope, request_no";
        each_row(self, keys, |row| {
            let (operation, scope, request_no, fingerprint, response) = sql(|| row.try_into())?;
            each(StoredRow::IdempotencyKey {
                operation,
                scope,
                request_no,
                fingerprint: Fingerprint(fingerprint),
                response: StoredRow::json(response)?,
            })
        })?;
        let outbox = format!("SELECT {OUTBOX} FROM outbox ORDER BY number");
        each_row(self, &outbox, |row| each(StoredRow::Notification(sql(|| waiting(row))?)))?;
        each_row(self, "SELECT kind, key, at FROM due ORDER BY at, kind, key", |row| {
            let (kind, key, at) = sql(|| row.try_into())?;
            each(StoredRow::Due(Due { kind, key, at }))
        })
    }

    fn counters(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        sql(|| {
            self.prepare("SELECT name, value FROM counters")?.query_map([], |row| row.try_into())?.collect()
        })
    }

    fn add_row(&self, row: &StoredRow) -> Result<bool, StoreError> {
        sql(|| {
            let added = match row {
                StoredRow::Record { kind, key, version, indexes, document } => {
                    let mut statement = self.prepare_cached(
                        "INSERT INTO records (kind, key, version, document) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT DO NOTHING RETURNING number",
                    )?;
                    let values = params![kind, key, version, document.get()];
                    let number: Option<i64> = statement.query_row(values, |row| row.get(0)).optional()?;
                    let Some(number) = number else { return Ok(false) };
                    let entries = indexes.iter().map(|(name, value)| (&**name, &**value));
                    write_entries(self, kind, entries, number)?;
                    1
                }
                StoredRow::Counter { name, value } => self
                    .prepare_cached(
                        "INSERT INTO counters (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![name, value])?,
                StoredRow::IdempotencyKey { operation, scope, request_no, fingerprint, response } => {
                    let mut statement = self.prepare_cached(
                        "INSERT INTO idempotency_keys (operation, scope, request_no, fingerprint, response)
                         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                    )?;
                    statement.execute(params![operation, scope, request_no, fingerprint.0, response.get()])?
                }
                StoredRow::Notification(entry) => {
                    let mut there = self.prepare_cached("SELECT 1 FROM outbox WHERE number = ?1")?;
                    if there.exists([entry.number])? {
                        return Ok(false);
                    }
                    insert_into_outbox(self, entry)?
                }
                StoredRow::Due(due) => self
                    .prepare_cached(
                        "INSERT INTO due (kind, key, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![due.kind, due.key, due.at])?,
            };
            Ok(added == 1)
        })
    }

    fn clear(&self, kept: &[&str]) -> Result<(), StoreError> {
        let kept = serde_json::to_string(kept).unwrap_or_default();
        sql(|| {
            self.execute(
                "DELETE FROM record_indexes WHERE number IN
                 (SELECT number FROM records WHERE kind NOT IN (SELECT value FROM json_each(?1)))",
                [&kept],
            )?;
            self.execute("DELETE FROM records WHERE kind NOT IN (SELECT value FROM json_each(?1))", [&kept])?;
            self.execute_batch(
                "DELETE FROM counters; DELETE FROM idempotency_keys; DELETE FROM outbox; DELETE FROM due",
            )
        })
    }
}
