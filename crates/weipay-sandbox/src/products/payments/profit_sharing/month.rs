//! What a person got by profit sharing in a month: 200,000 yuan at most. INFERRED(sharing-month): by all
//! merchants together, under all openids of the person, in a month of Beijing; what came back does not count,
//! because only merchants give back.

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::people::Person;
use crate::people::account::person_of;
use crate::store::{Record, StoreError, Transaction, joined};

/// 200,000 yuan.
const MAX_OF_A_MONTH: i64 = 20_000_000;

/// What one person got in one month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ReceivedInMonth {
    /// The unionid of a person that was made, or else the openid.
    person: String,
    /// Such as `2026-11`.
    month: String,
    fen: i64,
}

impl Record for ReceivedInMonth {
    const KIND: &'static str = "shares of a person in a month";

    fn key(&self) -> String {
        joined(&self.person, &self.month)
    }
}

/// Counts what a person gets at a time. `false`, and nothing is counted, when that is more than may come in this month.
pub(super) fn count(tx: &Transaction<'_>, openid: &str, fen: i64, at: i64) -> Result<bool, StoreError> {
    let month: String = clock::rfc3339(at).chars().take(7).collect();
    let person = person_of(tx, openid)?;
    // An openid may have become the person's since it got something.
    let mut before = 0i64;
    for id in Person::all_openids(tx, &person)?.into_iter().filter(|id| *id != person) {
        let under_id: Option<ReceivedInMonth> = tx.get(&joined(&id, &month))?;
        before = before.saturating_add(under_id.map_or(0, |known| known.fen));
    }
    let new = ReceivedInMonth { person, month, fen: 0 };
    let known: ReceivedInMonth = tx.get(&new.key())?.unwrap_or(new);
    let fen = known.fen.saturating_add(fen);
    if before.saturating_add(fen) > MAX_OF_A_MONTH {
        return Ok(false);
    }
    tx.save(&ReceivedInMonth { fen, ..known })?;
    Ok(true)
}
