//! What becomes of the codes of an upload: each is stored once, known already, or not a code.

use std::collections::HashSet;

use super::stored_codes::{CodeCounts, CodePlace, StoredCode, find};
use crate::products::Changes;
use crate::store::{StoreError, Transaction};

/// What an upload brings: each code once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload<P> {
    /// Codes as they may be.
    pub(crate) fitting: Vec<String>,
    /// Codes as they may not be, with what is wrong.
    pub(crate) failed: Vec<(String, P)>,
    /// Codes that stand there more than once.
    pub(crate) duplicates: Vec<String>,
}

impl<P> Upload<P> {
    /// Sorts the codes; `problem` says what is wrong with one.
    pub(crate) fn new<'a>(
        codes: impl IntoIterator<Item = &'a str>,
        problem: impl Fn(&str) -> Option<P>,
    ) -> Self {
        let mut upload = Self { fitting: Vec::new(), failed: Vec::new(), duplicates: Vec::new() };
        let (mut seen, mut seen_twice) = (HashSet::new(), HashSet::new());
        for code in codes {
            if !seen.insert(code) {
                if seen_twice.insert(code) {
                    upload.duplicates.push(code.to_owned());
                }
                continue;
            }
            match problem(code) {
                None => upload.fitting.push(code.to_owned()),
                Some(problem) => upload.failed.push((code.to_owned(), problem)),
            }
        }
        upload
    }

    /// How many different codes it has.
    pub(crate) fn len(&self) -> usize {
        self.fitting.len() + self.failed.len()
    }

    /// What is stored under each fitting code.
    pub(crate) fn known(
        &self,
        tx: &Transaction<'_>,
        stock_id: &str,
    ) -> Result<Vec<Option<StoredCode>>, StoreError> {
        self.fitting.iter().map(|code| find(tx, stock_id, code)).collect()
    }
}

/// Codes that were uploaded, and how many there are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) codes: Vec<StoredCode>,
    pub(crate) counts: CodeCounts,
}

impl Changes for Stored {
    fn save(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        self.codes.iter().try_for_each(|code| tx.save(code))?;
        tx.save(&self.counts)
    }
}

impl Stored {
    /// Stores the codes that are new, and gives those that the stock has already. `known` has what is stored under each code.
    pub(crate) fn new(
        fitting: Vec<String>,
        known: Vec<Option<StoredCode>>,
        mut counts: CodeCounts,
        now: i64,
    ) -> (Self, Vec<String>) {
        let (mut codes, mut exist) = (Vec::new(), Vec::new());
        for (code, known) in fitting.into_iter().zip(known) {
            // INFERRED(code-again): a code that was deleted can be uploaded again.
            if known.is_some_and(|known| known.status().is_some()) {
                exist.push(code);
                continue;
            }
            let place = CodePlace::Available(counts.available);
            codes.push(StoredCode { stock_id: counts.stock_id.clone(), code, upload_time: now, place });
            counts.available += 1;
            counts.total += 1;
        }
        (Self { codes, counts }, exist)
    }
}
