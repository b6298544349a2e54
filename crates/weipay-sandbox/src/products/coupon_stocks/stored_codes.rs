//! Pre-stored codes (预存code) of a stock whose codes are uploaded: the merchant uploads them, a send takes one of them at random.
//! Of an upload each code is stored once, known already, or not a code.
//!
//! The codes that can be taken have slots, numbered from 0 without a gap, so that any of them is found at once. Who leaves a slot
//! is replaced by the code in the last one.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock;
use crate::entropy::Entropy;
use crate::products::Changes;
use crate::store::{IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};

/// How many codes of a stock there are: a record beside the stock, so that neither a send nor an upload counts them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CodeCounts {
    pub(crate) stock_id: String,
    /// All that are there.
    pub(crate) total: i64,
    /// The number of codes that can be taken: their slots end before it.
    pub(crate) available: i64,
}

/// One code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredCode {
    pub(crate) stock_id: String,
    pub(crate) code: String,
    pub(crate) upload_time: i64,
    pub(crate) place: CodePlace,
}

/// Where a code is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum CodePlace {
    /// In a slot: a send can take it.
    Available(i64),
    /// A user has it.
    Dispatched { time: i64, openid: String },
    /// The merchant took it back, and may upload it again.
    Deleted,
}

/// A code that leaves its slot, the code that takes the slot instead, and the numbers afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Departure {
    pub(crate) code: StoredCode,
    pub(crate) moved: Option<StoredCode>,
    pub(crate) counts: CodeCounts,
}

/// A code that can leave its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) code: StoredCode,
    /// The code in the last slot, when it is another one.
    pub(crate) last: Option<StoredCode>,
    pub(crate) counts: CodeCounts,
}

impl StoredCode {
    pub(crate) const AVAILABLE: &'static str = "AVAILABLE";
    pub(crate) const DISPATCHED: &'static str = "DISPATCHED";

    /// `code_status`; none for a code that was deleted.
    pub(crate) fn status(&self) -> Option<&'static str> {
        match self.place {
            CodePlace::Available(_) => Some(Self::AVAILABLE),
            CodePlace::Dispatched { .. } => Some(Self::DISPATCHED),
            CodePlace::Deleted => None,
        }
    }

    /// `code_information`. The user is named only to who names the appid of the openid.
    pub(crate) fn describe(&self, names_user: bool) -> Value {
        let mut shown = Map::new();
        shown.insert("code".to_owned(), self.code.as_str().into());
        shown.insert("code_status".to_owned(), self.status().into());
        shown.insert("upload_time".to_owned(), clock::rfc3339(self.upload_time).into());
        if let CodePlace::Dispatched { time, openid } = &self.place {
            shown.insert("dispatched_time".to_owned(), clock::rfc3339(*time).into());
            if names_user {
                shown.insert("openid".to_owned(), openid.as_str().into());
            }
            shown.insert("coupon_code".to_owned(), self.code.as_str().into());
        }
        Value::Object(shown)
    }
}

impl CodeCounts {
    pub(crate) fn new(stock_id: &str) -> Self {
        Self { stock_id: stock_id.to_owned(), ..Self::default() }
    }

    /// `coupon_code_count`.
    pub(crate) fn describe(&self) -> Value {
        json!({ "total_count": self.total, "available_count": self.available })
    }
}

impl Candidate {
    /// The code leaves its slot for another place.
    pub(crate) fn leave(self, place: CodePlace) -> Departure {
        let Self { code, last, mut counts } = self;
        counts.available -= 1;
        if place == CodePlace::Deleted {
            counts.total -= 1;
        }
        let moved = last.map(|last| StoredCode { place: code.place.clone(), ..last });
        Departure { code: StoredCode { place, ..code }, moved, counts }
    }
}

impl Changes for Departure {
    fn save(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        tx.save(&self.code)?;
        if let Some(moved) = &self.moved {
            tx.save(moved)?;
        }
        tx.save(&self.counts)
    }
}

const STOCK: &str = "stock";
const STATUS: &str = "stock and status";
const SLOT: &str = "stock and slot";

impl Record for CodeCounts {
    const KIND: &'static str = "merchant coupon code counts";

    fn key(&self) -> String {
        self.stock_id.clone()
    }
}

impl Record for StoredCode {
    const KIND: &'static str = "merchant coupon code";

    fn key(&self) -> String {
        joined(&self.stock_id, &self.code)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let Some(status) = self.status() else { return Vec::new() };
        let mut indexes = vec![
            IndexEntry::new(STOCK, self.stock_id.as_str()),
            IndexEntry::new(STATUS, joined(&self.stock_id, status)),
        ];
        if let CodePlace::Available(slot) = self.place {
            indexes.push(IndexEntry::new(SLOT, slot_value(&self.stock_id, slot)));
        }
        indexes
    }
}

fn slot_value(stock_id: &str, slot: i64) -> String {
    joined(stock_id, &slot.to_string())
}

/// The code with this text, also one that was deleted.
pub(crate) fn find(
    tx: &Transaction<'_>,
    stock_id: &str,
    code: &str,
) -> Result<Option<StoredCode>, StoreError> {
    tx.get(&joined(stock_id, code))
}

/// How many codes a stock has.
pub(crate) fn counts(tx: &Transaction<'_>, stock_id: &str) -> Result<CodeCounts, StoreError> {
    Ok(tx.get(stock_id)?.unwrap_or_else(|| CodeCounts::new(stock_id)))
}

/// One of the codes that can be taken, chosen by chance.
pub(crate) fn draw(
    tx: &Transaction<'_>,
    stock_id: &str,
    entropy: &Entropy,
) -> Result<Option<Candidate>, StoreError> {
    let counts = counts(tx, stock_id)?;
    if counts.available < 1 {
        return Ok(None);
    }
    let code = in_slot(tx, stock_id, entropy.below(counts.available))?;
    candidate(tx, code, counts).map(Some)
}

/// A code that is in a slot, with what its leaving needs.
pub(crate) fn candidate(
    tx: &Transaction<'_>,
    code: StoredCode,
    counts: CodeCounts,
) -> Result<Candidate, StoreError> {
    let last = counts.available - 1;
    let last = match code.place {
        CodePlace::Available(slot) if slot != last => Some(in_slot(tx, &code.stock_id, last)?),
        _ => None,
    };
    Ok(Candidate { code, last, counts })
}

fn in_slot(tx: &Transaction<'_>, stock_id: &str, slot: i64) -> Result<StoredCode, StoreError> {
    let found = tx.find_one(SLOT, slot_value(stock_id, slot))?;
    found.ok_or_else(|| {
        StoreError::Corrupt(format!("{} {stock_id}, whose slot {slot} is empty", CodeCounts::KIND))
    })
}

/// A page of a stock's codes, the last uploaded first, and how many there are in all.
pub(crate) fn list(
    tx: &Transaction<'_>,
    stock_id: &str,
    status: Option<&str>,
    page: Page,
) -> Result<(Vec<StoredCode>, i64), StoreError> {
    let counts = counts(tx, stock_id)?;
    let (condition, total) = match status {
        None => (IndexRange::equal(STOCK, stock_id), counts.total),
        Some(status) => {
            let count = if status == StoredCode::AVAILABLE {
                counts.available
            } else {
                counts.total - counts.available
            };
            (IndexRange::equal(STATUS, joined(stock_id, status)), count)
        }
    };
    Ok((tx.find(&[condition], page)?, total))
}

/// The codes of an upload, each once.
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

    /// The stored record of each fitting code.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{NOW, a_stock};
    use crate::store::Store;

    #[test]
    fn every_code_is_drawn_once_and_slots_stay_without_a_gap() {
        let (stock, entropy) = (a_stock(), Entropy::seeded(3));
        let checked: Result<(), StoreError> = Store::in_memory().transaction(|tx| {
            for slot in 0..20 {
                let place = CodePlace::Available(slot);
                tx.save(&StoredCode {
                    stock_id: stock.id.clone(),
                    code: format!("c{slot}"),
                    upload_time: NOW,
                    place,
                })?;
            }
            tx.save(&CodeCounts { stock_id: stock.id.clone(), total: 20, available: 20 })?;
            let mut drawn = Vec::new();
            while let Some(candidate) = draw(tx, &stock.id, &entropy)? {
                drawn.push(candidate.code.code.clone());
                let place = CodePlace::Dispatched { time: NOW, openid: "o".to_owned() };
                candidate.leave(place).save(tx)?;
            }
            assert_ne!(drawn[..3], ["c0", "c1", "c2"]);
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), 20);
            assert_eq!(counts(tx, &stock.id)?.describe(), json!({ "total_count": 20, "available_count": 0 }));
            assert_eq!(
                list(tx, &stock.id, Some(StoredCode::DISPATCHED), Page { offset: 0, limit: 50 })?.0.len(),
                20
            );
            Ok(())
        });
        checked.unwrap();
    }
}
