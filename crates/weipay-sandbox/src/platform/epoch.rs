//! Epochs (世代): in which state something was read. A reset and a restored snapshot begin the next one.
//!
//! Work that goes on outside of a transaction, such as a delivery, remembers the epoch in which it began.
//! What it comes to belongs to the state that was, and changes nothing in the one that took its place, even
//! where everything has the same numbers. The epoch stands in the database: so it also counts for what the
//! other nodes of a shared database do.

use serde::{Deserialize, Serialize};

use crate::store::{Record, StoreError, Transaction};

/// The epoch of the state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Epoch(i64);

/// The kind of the record, which neither a reset nor a snapshot takes away.
pub(super) const EPOCH: &str = "epoch of the state";

impl Record for Epoch {
    const KIND: &'static str = EPOCH;

    fn key(&self) -> String {
        EPOCH.to_owned()
    }
}

impl Epoch {
    /// The one that it is.
    pub(crate) fn current(tx: &Transaction<'_>) -> Result<Self, StoreError> {
        Ok(tx.get(EPOCH)?.unwrap_or_default())
    }

    /// Begins the next one.
    pub(crate) fn begin_next(tx: &Transaction<'_>) -> Result<(), StoreError> {
        let Self(number) = Self::current(tx)?;
        tx.save(&Self(number.wrapping_add(1)))
    }
}
