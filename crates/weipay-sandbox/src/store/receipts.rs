//! Receipts: which request numbers were answered, and how. They make repeats safe across restarts.

use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::{Ledger, StoreError};
use crate::domain::repeat::{Fingerprint, Receipt};

impl Ledger<'_> {
    /// What was answered under a number. `scope` is where the number must be unique.
    pub(crate) fn receipt(
        &self,
        operation: &str,
        scope: &str,
        request_no: &str,
    ) -> Result<Option<Receipt>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT fingerprint, reply FROM receipts WHERE operation = ?1 AND scope = ?2 AND request_no = ?3",
        )?;
        let row: Option<([u8; 32], String)> = statement
            .query_row(params![operation, scope, request_no], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        row.map(|(fingerprint, reply)| {
            let reply: Value = serde_json::from_str(&reply).map_err(|error| {
                StoreError::Corrupt(format!("the receipt of {operation} {request_no}: {error}"))
            })?;
            Ok(Receipt { fingerprint: Fingerprint(fingerprint), reply })
        })
        .transpose()
    }

    /// Keeps an answer.
    pub(crate) fn keep_receipt(
        &self,
        operation: &str,
        scope: &str,
        request_no: &str,
        fingerprint: Fingerprint,
        reply: &Value,
    ) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(
            "INSERT INTO receipts (operation, scope, request_no, fingerprint, reply) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        statement.execute(params![operation, scope, request_no, fingerprint.0, reply.to_string()])?;
        Ok(())
    }
}
