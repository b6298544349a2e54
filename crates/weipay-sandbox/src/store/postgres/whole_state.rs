//! Every row, for snapshots and resets.

use std::collections::BTreeMap;

use super::engine::{GENERATIONS, OUTBOX, Open};
use crate::store::StoreError;
use crate::store::engine::{Due, EachRow, Engine as _, Fingerprint, StoredRecord, StoredRow, WholeState};

/// How many records are read at once where all are read.
const PAGE: i64 = 1_000;

impl Open<'_> {
    /// Gives all records, a page at a time, each page with its index entries.
    fn all_records(&self, each: &mut EachRow<'_>) -> Result<(), StoreError> {
        let mut last = i64::MIN;
        loop {
            let records = self.query(
                "SELECT key, version, document, kind, number FROM weipay_records
                 WHERE number > $1 ORDER BY number LIMIT $2",
                &[&last, &PAGE],
            )?;
            let Some(end) = records.last() else { return Ok(()) };
            let (from, to) = (last, self.column::<i64>(end, 4)?);
            let entries = self.query(
                "SELECT value, name, number FROM weipay_record_indexes
                 WHERE number > $1 AND number <= $2 ORDER BY number, name, value",
                &[&from, &to],
            )?;
            let mut entries = entries.iter().peekable();
            for row in &records {
                let number: i64 = self.column(row, 4)?;
                let mut indexes = Vec::new();
                while let Some(entry) = entries.peek() {
                    let of: i64 = self.column(entry, 2)?;
                    if of > number {
                        break;
                    }
                    if of == number {
                        indexes.push((self.column(entry, 1)?, self.text(entry, 0)?));
                    }
                    entries.next();
                }
                let (kind, StoredRecord { key, version, document }) =
                    (self.column(row, 3)?, self.stored(row)?);
                let document = StoredRow::json(document)?;
                each(StoredRow::Record { kind, key, version, indexes, document })?;
            }
            last = to;
        }
    }
}

impl WholeState for Open<'_> {
    fn rows(&self, each: &mut EachRow<'_>) -> Result<(), StoreError> {
        self.all_records(each)?;
        self.counters()?
            .into_iter()
            .try_for_each(|(name, value)| each(StoredRow::Counter { name, value }))?;
        let mut last: (String, Vec<u8>, Vec<u8>) = Default::default();
        loop {
            let keys = self.query(
                "SELECT scope, request_no, operation, fingerprint, response FROM weipay_idempotency_keys
                 WHERE (operation, scope, request_no) > ($1, $2, $3)
                 ORDER BY operation, scope, request_no LIMIT $4",
                &[&last.0, &last.1, &last.2, &PAGE],
            )?;
            for row in &keys {
                let fingerprint: Vec<u8> = self.column(row, 3)?;
                let broken = |_| StoreError::Corrupt("the fingerprint of a request".to_owned());
                each(StoredRow::IdempotencyKey {
                    operation: self.column(row, 2)?,
                    scope: self.text(row, 0)?,
                    request_no: self.text(row, 1)?,
                    fingerprint: Fingerprint(fingerprint.try_into().map_err(broken)?),
                    response: StoredRow::json(self.column(row, 4)?)?,
                })?;
            }
            let Some(end) = keys.last() else { break };
            last = (self.column(end, 2)?, self.column(end, 0)?, self.column(end, 1)?);
        }
        for row in self.query(&format!("SELECT {OUTBOX} FROM weipay_outbox ORDER BY number"), &[])? {
            each(StoredRow::Notification(self.waiting(&row)?))?;
        }
        let mut last: Option<Due> = None;
        loop {
            let page = self.due_after(i64::MAX, last.as_ref(), PAGE)?;
            let Some(end) = page.last() else { return Ok(()) };
            last = Some(end.clone());
            page.into_iter().try_for_each(|due| each(StoredRow::Due(due)))?;
        }
    }

    fn counters(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        let rows = self.query("SELECT name, value FROM weipay_counters WHERE name <> $1", &[&GENERATIONS])?;
        rows.iter().map(|row| Ok((self.column(row, 0)?, self.column(row, 1)?))).collect()
    }

    fn add_row(&self, row: &StoredRow) -> Result<bool, StoreError> {
        // A row that is there already is told by the count: as an error it would look like a conflict, and be tried again.
        let added = match row {
            StoredRow::Record { kind, key, version, indexes, document } => {
                let rows = self.change(
                    "INSERT INTO weipay_records (kind, key, version, document) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (kind, key) DO NOTHING RETURNING number",
                    &[kind, &key.as_bytes(), version, &document.get()],
                )?;
                let Some(row) = rows.first() else { return Ok(false) };
                let number = self.column(row, 0)?;
                for (name, value) in indexes {
                    self.write_index(kind, name, value, number)?;
                }
                1
            }
            StoredRow::Counter { name, value } => self.execute(
                "INSERT INTO weipay_counters (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                &[name, value],
            )?,
            StoredRow::IdempotencyKey { operation, scope, request_no, fingerprint, response } => self
                .execute(
                    "INSERT INTO weipay_idempotency_keys (operation, scope, request_no, fingerprint, response)
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (operation, scope, request_no) DO NOTHING",
                    &[
                        operation,
                        &scope.as_bytes(),
                        &request_no.as_bytes(),
                        &&fingerprint.0[..],
                        &response.get(),
                    ],
                )?,
            StoredRow::Notification(entry) => {
                let there =
                    self.query("SELECT 1 FROM weipay_outbox WHERE number = $1", &[&entry.number])?;
                if !there.is_empty() {
                    return Ok(false);
                }
                self.add_to_outbox(entry)?;
                1
            }
            StoredRow::Due(due) => self.execute(
                "INSERT INTO weipay_due (kind, key, at) VALUES ($1, $2, $3) ON CONFLICT (kind, key) DO NOTHING",
                &[&due.kind.as_bytes(), &due.key.as_bytes(), &due.at],
            )?,
        };
        Ok(added == 1)
    }

    fn clear(&self, kept: &[&str]) -> Result<(), StoreError> {
        self.has_cleared.set(true);
        let kept = kept.to_vec();
        self.execute("DELETE FROM weipay_record_indexes WHERE kind <> ALL($1)", &[&kept])?;
        self.execute("DELETE FROM weipay_records WHERE kind <> ALL($1)", &[&kept])?;
        for table in ["weipay_idempotency_keys", "weipay_outbox", "weipay_due"] {
            self.execute(&format!("DELETE FROM {table}"), &[])?;
        }
        self.execute("DELETE FROM weipay_counters WHERE name <> $1", &[&GENERATIONS])?;
        // Every transaction has read it: who works on what was there is refused.
        self.execute(
            "INSERT INTO weipay_counters (name, value) VALUES ($1, 1)
             ON CONFLICT (name) DO UPDATE SET value = weipay_counters.value + 1",
            &[&GENERATIONS],
        )?;
        Ok(())
    }
}
