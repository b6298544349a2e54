//! What a rule decides: the whole effect of a request as a value, before anything of it has happened.

use serde_json::Value;

use crate::refusal::Refusal;
use crate::store::record::Record;
use crate::store::schedule::{Announcement, Due};
use crate::store::{StoreError, Transaction};

/// What happens because of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision<C> {
    /// The records as they are afterwards.
    pub(crate) changed: C,
    /// The body of the response; `null` for none.
    pub(crate) response: Value,
    /// What merchants are to hear of.
    pub(crate) announcements: Vec<Announcement>,
    /// What the clock will do, and when.
    pub(crate) due: Vec<Due>,
}

/// A decision, or what is answered in its place.
pub(crate) type Decided<C> = Result<Decision<C>, Refusal>;

impl<C> Decision<C> {
    /// A decision that announces nothing, and lets nothing fall due.
    pub(crate) fn new(changed: C, response: Value) -> Self {
        Self { changed, response, announcements: Vec::new(), due: Vec::new() }
    }

    /// What changed and what is answered, for tests that look at both.
    #[cfg(test)]
    pub(crate) fn parts(self) -> (C, Value) {
        (self.changed, self.response)
    }
}

/// Records that are saved together.
pub(crate) trait Changes {
    fn save(&self, tx: &Transaction<'_>) -> Result<(), StoreError>;
}

impl<R: Record> Changes for R {
    fn save(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        tx.save(self)
    }
}

impl<A: Changes, B: Changes> Changes for (A, B) {
    fn save(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        self.0.save(tx)?;
        self.1.save(tx)
    }
}
