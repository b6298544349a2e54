//! 裂变红包: a red packet of several parts. The person whom it was sent to (种子用户) opens the first part and shares the
//! others; everybody else opens one.
//!
//! UNCONFIRMED(red-packet-group): it has 3 to 20 parts of 1 to 200 yuan on average, without a `scene_id` at most 1000
//! yuan in all; it is `SENT` until all parts are opened, and what was not opened after 24 hours is returned.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::red_packet::{NotOpened, USUAL, WITH_SCENE};
use super::refusals;
use crate::clock::spaced;
use crate::entropy::Entropy;
use crate::ledger::Owner;
use crate::products::HandlerError;
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};

/// The additional members of a red packet of several parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    /// `wxappid`: under it the openids of those who open it are shown.
    pub(super) appid: String,
    /// Fen of each part, in the order in which they are opened.
    shares: Vec<i64>,
    openings: Vec<Opening>,
}

/// A part that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Opening {
    openid: String,
    person: Owner,
    fen: i64,
    time: i64,
}

const PARTS: RangeInclusive<i64> = 3..=20;
const MAX_TOTAL: i64 = 100_000;

/// The rule of what a group may be.
pub(super) fn check(fen: i64, parts: i64, has_scene: bool) -> Result<(), Refusal> {
    if !PARTS.contains(&parts) {
        return Err(refusals::wrong_parameter("total_num must be from 3 to 20"));
    }
    let (of_one, most) = if has_scene { (WITH_SCENE, i64::MAX) } else { (USUAL, MAX_TOTAL) };
    let least = of_one.start().saturating_mul(parts);
    let most = of_one.end().saturating_mul(parts).min(most);
    if (least..=most).contains(&fen) { Ok(()) } else { Err(refusals::group_outside_limits()) }
}

impl Group {
    /// `ALL_RAND`. UNCONFIRMED(red-packet-shares): a part is any amount from 1 fen to twice what is left on average.
    pub(super) fn new(appid: &str, fen: i64, parts: i64, entropy: &Entropy) -> Self {
        let (mut left, mut shares) = (fen, Vec::new());
        for others in (1..parts).rev() {
            // Each of the others has at least one fen.
            let most = (left / (others + 1)).saturating_mul(2).min(left - others);
            let share = 1 + entropy.below(most);
            left -= share;
            shares.push(share);
        }
        shares.push(left);
        Self { appid: appid.to_owned(), shares, openings: Vec::new() }
    }

    pub(super) fn parts(&self) -> usize {
        self.shares.len()
    }

    pub(super) fn is_opened(&self) -> bool {
        self.openings.len() >= self.shares.len()
    }

    /// Fen of the parts that were not opened.
    pub(super) fn left(&self) -> i64 {
        self.shares.iter().skip(self.openings.len()).sum()
    }

    /// A person opens the next part, or cannot. Fen of it.
    pub(super) fn open(
        &mut self,
        tx: &Transaction<'_>,
        seed: &Owner,
        (openid, person): (&str, &Owner),
        now: i64,
    ) -> Result<Result<i64, NotOpened>, HandlerError> {
        if self.openings.is_empty() && seed != person {
            return Ok(Err(NotOpened::BeforeTheFirst));
        }
        if self.has_opened(tx, person)? {
            return Ok(Err(NotOpened::Twice));
        }
        let Some(&fen) = self.shares.get(self.openings.len()) else { return Ok(Err(NotOpened::Twice)) };
        self.openings.push(Opening { openid: openid.to_owned(), person: person.clone(), fen, time: now });
        Ok(Ok(fen))
    }

    fn has_opened(&self, tx: &Transaction<'_>, person: &Owner) -> Result<bool, StoreError> {
        for opening in &self.openings {
            if opening.person.as_of_now(tx)? == *person {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `hbinfo`: who has opened what.
    pub(super) fn show(&self) -> Vec<Value> {
        let show = |opening: &Opening| {
            json!({
                "openid": opening.openid, "amount": opening.fen, "rcv_time": spaced(opening.time),
            })
        };
        self.openings.iter().map(show).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_group_are_of_its_whole_amount_and_none_is_empty() {
        let entropy = Entropy::seeded(7);
        for (fen, parts) in [(300, 3), (301, 3), (2_000, 20), (100_000, 20), (3, 3), (980_000, 20)] {
            let group = Group::new("wx1", fen, parts, &entropy);
            assert_eq!(i64::try_from(group.parts()).unwrap(), parts);
            assert!(group.shares.iter().all(|share| *share >= 1), "{:?}", group.shares);
            assert_eq!(group.left(), fen);
        }
    }

    #[test]
    fn a_group_keeps_the_limits_of_its_parts_and_of_its_amount() {
        for (fen, parts, has_scene, wanted) in [
            (200, 2, false, Some("PARAM_ERROR")),
            (2_100, 21, false, Some("PARAM_ERROR")),
            (299, 3, false, Some("MONEY_LIMIT")),
            (300, 3, false, None),
            (60_000, 3, false, None),
            (60_001, 3, false, Some("MONEY_LIMIT")),
            (100_000, 20, false, None),
            (100_001, 20, false, Some("MONEY_LIMIT")),
            (2, 3, true, Some("MONEY_LIMIT")),
            (3, 3, true, None),
            (100_001, 20, true, None),
        ] {
            let refused = check(fen, parts, has_scene).err().map(|refusal| refusal.code);
            assert_eq!(refused, wanted, "{fen} {parts} {has_scene}");
        }
    }
}
