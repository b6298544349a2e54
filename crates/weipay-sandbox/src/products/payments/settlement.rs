//! Settlement (结算): at midnight in Beijing, what was paid to a merchant on the day before becomes available.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::ledger::{self, AccountKind, Business, Leg, Owner, Posting, Purse, post};
use crate::products::HandlerError;
use crate::store::{Direction, Due, Record, StoreError, Transaction};

/// Scheduled work on the day after a payment.
pub(super) const SETTLEMENT: &str = "payments are settled";

pub(super) fn settlement_of(payee: &str, now: i64) -> Due {
    let day = clock::day(now) + 1;
    Due { kind: SETTLEMENT.to_owned(), key: format!("{payee}@{day}"), at: clock::midnight(day) }
}

/// Settles what was paid to a merchant before the midnight at which this fell due. The clock may come late:
/// what was paid since then waits for the next midnight.
pub(super) fn settle(tx: &Transaction<'_>, key: &str, at: i64) -> Result<(), HandlerError> {
    let payee = key.split_once('@').map_or(key, |(payee, _)| payee);
    let owner = Owner::merchant(payee);
    let unsettled = Purse::find(tx, &owner)?.balance(AccountKind::Unsettled);
    let settled = tx.get::<Settled>(payee)?.unwrap_or_else(|| Settled::nothing(payee));
    let fen = unsettled.saturating_sub(paid_since(tx, &owner, at, &settled)?).max(0);
    let posting = Posting::new(Business::Settlement, key, at).moves(
        owner.account(AccountKind::Unsettled),
        owner.account(AccountKind::Available),
        fen,
    );
    post(tx, posting).map_err(|error| error.or_short(super::refusals::not_enough_to_reverse))?;
    Ok(tx.save(&settled.and(at, ledger::next_entry(tx)?))?)
}

/// Which payments to a merchant were settled, also where nothing was left of them and so no entry of the ledger says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Settled {
    payee: String,
    /// Midnights, the latest first, and the number that an entry of the ledger would have had then. There is more than
    /// one only where the clock went back in between.
    until: Vec<(i64, i64)>,
}

impl Record for Settled {
    const KIND: &'static str = "settled payments";

    fn key(&self) -> String {
        self.payee.clone()
    }
}

impl Settled {
    fn nothing(payee: &str) -> Self {
        Self { payee: payee.to_owned(), until: Vec::new() }
    }

    /// With those before a midnight, at which entries had come to a number. An earlier midnight says nothing more then.
    fn and(mut self, midnight: i64, number: i64) -> Self {
        self.until.retain(|(earlier, _)| *earlier > midnight);
        self.until.push((midnight, number));
        self
    }

    fn has(&self, payment: &PaidSince) -> bool {
        self.until.iter().any(|&(midnight, number)| payment.number < number && payment.time < midnight)
    }
}

/// Unsettled fen of a merchant from payments since a time that were not reversed. Refunds take the oldest money first.
fn paid_since(tx: &Transaction<'_>, owner: &Owner, time: i64, settled: &Settled) -> Result<i64, StoreError> {
    // By the number of the payment, which its coupon and its reversal have too.
    let mut payments = BTreeMap::<String, PaidSince>::new();
    for entry in ledger::entries(tx, owner, time, i64::MAX, Direction::Ascending) {
        let entry = entry?;
        // A coupon comes before the payment that it is used in.
        let is_payment = matches!(entry.business, Business::Payment | Business::Coupon);
        let unsettled = |leg: &&Leg| leg.owner == *owner && leg.kind == AccountKind::Unsettled;
        let fen: i64 = entry.legs.iter().filter(unsettled).map(|leg| leg.fen).sum();
        let (number, time) = (entry.number, entry.time);
        match payments.get_mut(&entry.reference) {
            Some(payment) => payment.fen += fen,
            None if is_payment => drop(payments.insert(entry.reference, PaidSince { fen, number, time })),
            None => {}
        }
    }
    // After a clock that went back, later payments may have been settled before this.
    let unsettled = payments.into_values().filter(|payment| payment.fen > 0 && !settled.has(payment));
    Ok(unsettled.map(|payment| payment.fen).sum())
}

/// A payment after the midnight at which earlier ones are settled.
struct PaidSince {
    fen: i64,
    /// The place of its entry in the ledger: what comes later has a higher number, whatever the clock says.
    number: i64,
    time: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::PostingError;
    use crate::store::Store;

    #[test]
    fn a_late_clock_settles_only_what_was_paid_before_midnight() {
        let at = clock::midnight(20_834);
        let owner = Owner::merchant("1900000109");
        let shop = |kind| owner.account(kind);
        let pay = |tx: &Transaction<'_>, id: &str, fen: i64, time: i64| {
            let bank = Owner::person("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").account(AccountKind::Bank);
            post(tx, Posting::new(Business::Payment, id, time).moves(bank, shop(AccountKind::Unsettled), fen))
        };
        let take = |tx: &Transaction<'_>, id: &str, fen: i64| {
            let (from, to) = (shop(AccountKind::Unsettled), shop(AccountKind::Refunding));
            post(tx, Posting::new(Business::Refund, id, at + 2).moves(from, to, fen))
        };
        let done: Result<(), PostingError> = Store::in_memory().transaction(|tx| {
            pay(tx, "1", 100, at - 1)?;
            // The coupon of a payment comes before it.
            let (budget, unsettled) = (shop(AccountKind::Bank), shop(AccountKind::Unsettled));
            post(tx, Posting::new(Business::Coupon, "2", at).moves(budget, unsettled, 5))?;
            pay(tx, "2", 10, at)?;
            pay(tx, "3", 7, at + 1)?;
            // A reversal of the last, and a refund of the first.
            take(tx, "3", 7)?;
            take(tx, "refund", 30)?;
            settle(tx, "1900000109@20834", at).unwrap();
            let purse = Purse::find(tx, &owner)?;
            assert_eq!(
                (purse.balance(AccountKind::Available), purse.balance(AccountKind::Unsettled)),
                (70, 15)
            );
            settle(tx, "1900000109@20835", at + clock::DAY).unwrap();
            assert_eq!(Purse::find(tx, &owner)?.balance(AccountKind::Available), 85);
            Ok(())
        });
        done.unwrap();
    }

    #[test]
    fn after_the_clock_went_back_a_midnight_settles_what_was_paid_before() {
        let day = |number: i64| clock::midnight(20_834 + number);
        let owner = Owner::merchant("1900000109");
        let pay = |tx: &Transaction<'_>, id: &str, fen: i64, time: i64| {
            let bank = Owner::person("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").account(AccountKind::Bank);
            let to = owner.account(AccountKind::Unsettled);
            post(tx, Posting::new(Business::Payment, id, time).moves(bank, to, fen))
        };
        let settle = |tx: &Transaction<'_>, number: i64| {
            settle(tx, &format!("1900000109@{}", 20_834 + number), day(number)).unwrap();
            let purse = Purse::find(tx, &owner).unwrap();
            (purse.balance(AccountKind::Available), purse.balance(AccountKind::Unsettled))
        };
        let done: Result<(), PostingError> = Store::in_memory().transaction(|tx| {
            pay(tx, "1", 1_000, day(0) + 1)?;
            assert_eq!(settle(tx, 1), (1_000, 0));
            pay(tx, "2", 2_000, day(2) + 1)?;
            assert_eq!(settle(tx, 3), (3_000, 0));
            pay(tx, "3", 400, day(3) + 1)?;
            // Back. What was paid on the third day still waits for its own midnight.
            pay(tx, "4", 500, day(1) + 1)?;
            assert_eq!(settle(tx, 2), (3_500, 400));
            pay(tx, "5", 60, day(2) + 1)?;
            assert_eq!(settle(tx, 3), (3_560, 400));
            assert_eq!(settle(tx, 4), (3_960, 0));
            // All of a day is refunded, so that its midnight has nothing to settle.
            pay(tx, "6", 7, day(6) + 1)?;
            let (from, to) = (owner.account(AccountKind::Unsettled), owner.account(AccountKind::Refunding));
            post(tx, Posting::new(Business::Refund, "refund", day(6) + 2).moves(from, to, 7))?;
            assert_eq!(settle(tx, 7), (3_960, 0));
            pay(tx, "8", 5, day(5) + 1)?;
            assert_eq!(settle(tx, 6), (3_965, 0));
            Ok(())
        });
        done.unwrap();
    }
}
