//! How many starts with a seed this state has seen. If the sequence of numbers began again at each start, it would give numbers that
//! the state already has. So the count of the start goes into the sequence, which is the same in every run. It is written once a start.

use serde::{Deserialize, Serialize};

use crate::entropy::Entropy;
use crate::store::{Record, Store, StoreError};

/// How many starts there were.
#[derive(Debug, Default, Serialize, Deserialize)]
struct SeededStarts(u64);

/// The kind of the record, which neither a reset nor a snapshot takes away: a snapshot may have numbers of any start.
pub(super) const SEEDED_STARTS: &str = "seeded starts";

impl Record for SeededStarts {
    const KIND: &'static str = SEEDED_STARTS;

    fn key(&self) -> String {
        SEEDED_STARTS.to_owned()
    }
}

/// The numbers of a sandbox that starts now. Nodes of a shared database have different ones, also with one seed.
pub(crate) fn entropy_of_start(store: &Store, seed: Option<u64>) -> Result<Entropy, StoreError> {
    let Some(seed) = seed else { return Ok(Entropy::system()) };
    let start = store.transaction(|tx| {
        let SeededStarts(start) = tx.get(SEEDED_STARTS)?.unwrap_or_default();
        tx.save(&SeededStarts(start.wrapping_add(1)))?;
        Ok::<_, StoreError>(start)
    })?;
    Ok(Entropy::seeded_at_start(seed, start))
}
