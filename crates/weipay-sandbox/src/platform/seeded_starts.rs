//! How often the state was gone on with by a start with a seed. A sequence that began again at each start would give the numbers that
//! the state has already: so each start has a sequence of its own, the same in every run, and nothing is written but at a start.

use serde::{Deserialize, Serialize};

use crate::entropy::Entropy;
use crate::store::{IndexEntry, Record, Store, StoreError};

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

    fn indexes(&self) -> Vec<IndexEntry> {
        Vec::new()
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
