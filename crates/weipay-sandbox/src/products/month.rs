//! The total of a person in a month of Beijing, which is limited. All openids of the person count together.

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::people::Person;
use crate::people::account::person_of;
use crate::store::{Record, StoreError, Transaction, joined};

/// The limit of a month.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MonthlyLimit<'a> {
    /// Of what, or by whom: each counts alone.
    pub(crate) of: &'a str,
    /// Fen.
    pub(crate) most: i64,
}

/// The total of one person in one month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ReceivedInMonth {
    of: String,
    /// The unionid of a person that was made, or else the openid.
    person: String,
    /// Such as `2026-11`.
    month: String,
    fen: i64,
}

impl Record for ReceivedInMonth {
    const KIND: &'static str = "received in a month";

    fn key(&self) -> String {
        joined(&self.of, &joined(&self.person, &self.month))
    }
}

impl MonthlyLimit<'_> {
    /// Counts what a person gets at a time. `false`, and nothing is counted, when that is more than may come in this month.
    pub(crate) fn count(
        self,
        tx: &Transaction<'_>,
        openid: &str,
        fen: i64,
        at: i64,
    ) -> Result<bool, StoreError> {
        let month: String = clock::rfc3339(at).chars().take(7).collect();
        let known = |person: String| -> Result<ReceivedInMonth, StoreError> {
            let new = ReceivedInMonth { of: self.of.to_owned(), person, month: month.clone(), fen: 0 };
            Ok(tx.get(&new.key())?.unwrap_or(new))
        };
        let person = person_of(tx, openid)?;
        // An openid may have become the person's since it got something.
        let mut before = 0i64;
        for id in Person::all_openids(tx, &person)?.into_iter().filter(|id| *id != person) {
            before = before.saturating_add(known(id)?.fen);
        }
        let known = known(person)?;
        let fen = known.fen.saturating_add(fen);
        if before.saturating_add(fen) > self.most {
            return Ok(false);
        }
        tx.save(&ReceivedInMonth { fen, ..known })?;
        Ok(true)
    }
}
