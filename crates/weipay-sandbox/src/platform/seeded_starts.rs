//! How many starts with a seed this state has seen. If the sequence of numbers began again at each start, it would
//! give numbers that the state already has. So the count of the start goes into the sequence, which is the same in
//! every run. It is written once for each start. A failed start does not use up its count, so the next start gets the
//! same numbers.

use serde::{Deserialize, Serialize};

use super::Platform;
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

/// The numbers of a sandbox that starts now, and which start with a seed it is. Nodes of a shared database
/// have different ones, also with one seed.
pub(crate) fn entropy_of_start(
    store: &Store,
    seed: Option<u64>,
) -> Result<(Entropy, Option<u64>), StoreError> {
    let Some(seed) = seed else { return Ok((Entropy::system(), None)) };
    let start = store.transaction(|tx| {
        let SeededStarts(start) = tx.get(SEEDED_STARTS)?.unwrap_or_default();
        tx.save(&SeededStarts(start.wrapping_add(1)))?;
        Ok::<_, StoreError>(start)
    })?;
    Ok((Entropy::seeded_at_start(seed, start), Some(start)))
}

impl Platform {
    /// Leaves the numbers of this start to the next one, because it failed: as long as none of them was
    /// given, and no other node has started since. What fails here leaves a gap.
    pub(crate) fn give_start_back(&self) {
        let Some(start) = self.seeded_start.filter(|_| self.entropy.is_untouched()) else { return };
        let _ = self.store.transaction(|tx| match tx.get(SEEDED_STARTS)? {
            Some(SeededStarts(starts)) if starts == start.wrapping_add(1) => tx.save(&SeededStarts(start)),
            _ => Ok::<_, StoreError>(()),
        });
    }
}
