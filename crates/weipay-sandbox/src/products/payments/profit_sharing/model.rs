//! Random lives of orders that are shared against a reference model that is small enough to be believed.
//!
//! Two merchants sell, one of them for a sub-merchant too; receivers come and go, give back and spend what
//! they got; orders are refunded before, while and after they are shared. The model knows of each order what
//! is left to share and until when, of each split who got what, and what is in every account. Time passes,
//! and the store is closed and opened in between. Every request may be one of APIv2 instead.
//!
//! `WEIPAY_SHARING_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::BTreeMap;

use super::super::refund::record::RefundState;
use crate::clock::{DAY, day, midnight};
use crate::products::testing::random_steps::share;
use crate::products::testing::world::NOW;

pub(super) use crate::products::testing::random_steps::Refused;
const INVALID: Refused = "INVALID_REQUEST";
const SHORT: Refused = "NOT_ENOUGH";
const UNKNOWN: Refused = "RESOURCE_NOT_EXISTS";

/// An order as it was sold: by which caller, whose money it is, how much, and whether it will be shared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sold {
    pub(super) caller: usize,
    pub(super) payee: usize,
    pub(super) total: i64,
    pub(super) is_shared: bool,
    /// By 付款码: it can be reversed.
    pub(super) is_code: bool,
}

/// Payee 0 is caller 0, 1 is its sub-merchant, 2 is caller 1.
pub(super) const ORDERS: [Sold; 6] = [
    Sold { caller: 0, payee: 0, total: 100_000, is_shared: true, is_code: false },
    Sold { caller: 0, payee: 0, total: 1_000, is_shared: true, is_code: false },
    Sold { caller: 0, payee: 1, total: 10_000, is_shared: true, is_code: false },
    Sold { caller: 0, payee: 0, total: 500, is_shared: false, is_code: false },
    Sold { caller: 1, payee: 2, total: 1_000, is_shared: true, is_code: false },
    Sold { caller: 0, payee: 0, total: 2_000, is_shared: true, is_code: true },
];

/// The first are merchants, the last is a person.
pub(super) const RECEIVERS: usize = 3;
pub(super) const PERSON: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Pending,
    Success,
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) order: usize,
    pub(super) parts: Vec<(usize, i64)>,
    pub(super) unfreezes: bool,
    /// Whether it was asked by the operation that only unfreezes.
    pub(super) is_unfreeze: bool,
    /// Whether it was asked by APIv2.
    pub(super) is_v2: bool,
}

#[derive(Debug)]
pub(super) struct Split {
    pub(super) asked: Asked,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) is_finished: bool,
    /// What became the merchant's with it.
    pub(super) rest: Option<i64>,
    made: i64,
}

#[derive(Debug, Default)]
pub(super) struct Order {
    pub(super) paid: Option<i64>,
    pub(super) left: i64,
    pub(super) is_open: bool,
    refunded: i64,
    is_reversed: bool,
}

#[derive(Debug)]
pub(super) struct Refund {
    pub(super) order: usize,
    pub(super) fen: i64,
    fee: i64,
    pub(super) state: RefundState,
    created: i64,
    is_of_frozen: bool,
}

#[derive(Debug)]
pub(super) struct Return {
    split: usize,
    receiver: usize,
    fen: i64,
    pub(super) has_succeeded: bool,
}

/// The totals of one payee.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    pub(super) unsettled: i64,
    pub(super) available: i64,
    pub(super) frozen: i64,
    pub(super) fees: i64,
    pub(super) refunding: i64,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) orders: [Order; ORDERS.len()],
    pub(super) accounts: [Accounts; 3],
    pub(super) received: [i64; RECEIVERS],
    /// Of which payee, which receiver.
    related: [[bool; RECEIVERS]; 3],
    /// By caller and number.
    pub(super) splits: BTreeMap<(usize, usize), Split>,
    pub(super) returns: BTreeMap<(usize, usize), Return>,
    pub(super) refunds: BTreeMap<usize, Refund>,
    pub(super) notified: Vec<(String, String)>,
}

impl Model {
    pub(super) fn new() -> Self {
        Self { now: NOW, ..Self::default() }
    }

    fn accounts_of(&mut self, order: usize) -> &mut Accounts {
        &mut self.accounts[ORDERS[order].payee]
    }

    /// Whether it was not paid before.
    pub(super) fn pay(&mut self, number: usize) -> bool {
        if self.orders[number].paid.is_some() {
            return false;
        }
        let Sold { total, is_shared, .. } = ORDERS[number];
        let fee = fee(total);
        let accounts = self.accounts_of(number);
        accounts.fees += fee;
        if is_shared {
            accounts.frozen += total - fee;
        } else {
            accounts.unsettled += total - fee;
        }
        let left = if is_shared { total - fee } else { 0 };
        self.orders[number] =
            Order { paid: Some(self.now), left, is_open: is_shared, refunded: 0, is_reversed: false };
        if !ORDERS[number].is_code {
            self.notified.push(("TRANSACTION.SUCCESS".to_owned(), format!("order-{number}")));
        }
        true
    }

    pub(super) fn relate(&mut self, payee: usize, receiver: usize, is_there: bool) {
        self.related[payee][receiver] = is_there;
    }

    /// Whether all parts are pending, or what the request came to before.
    pub(super) fn split(&mut self, caller: usize, number: usize, asked: Asked) -> Result<(), Refused> {
        let order = &self.orders[asked.order];
        let sold = ORDERS[asked.order];
        if asked.parts.is_empty() && !asked.unfreezes {
            return Err("PARAM_ERROR");
        }
        if let Some(known) = self.splits.get(&(caller, number)) {
            let is_same_order = known.asked.order == asked.order;
            let says = |asked: &Asked| (asked.order, asked.parts.clone(), asked.unfreezes);
            let is_same = says(&known.asked) == says(&asked) || (asked.parts.is_empty() && is_same_order);
            return if is_same { Ok(()) } else { Err(INVALID) };
        }
        let is_own = sold.caller == caller && sold.is_shared && !order.is_reversed;
        let Some(paid) = order.paid.filter(|_| is_own) else {
            return Err(INVALID);
        };
        if asked.parts.iter().any(|(receiver, _)| !self.related[sold.payee][*receiver]) {
            return Err(INVALID);
        }
        let of_order = || self.splits.values().filter(|split| split.asked.order == asked.order);
        if self.now - paid < 60 || of_order().any(|split| !split.is_finished) {
            return Err(INVALID);
        }
        if !order.is_open || self.now >= paid + 30 * DAY {
            return Err(if asked.parts.is_empty() { SHORT } else { INVALID });
        }
        if of_order().count() >= 50 {
            return Err(INVALID);
        }
        let mut receivers: Vec<_> = asked.parts.iter().map(|(receiver, _)| receiver).collect();
        receivers.sort_unstable();
        receivers.dedup();
        if receivers.len() < asked.parts.len() {
            return Err("PARAM_ERROR");
        }
        let fen: i64 = asked.parts.iter().map(|(_, fen)| fen).sum();
        if fen > order.left || (asked.parts.is_empty() && order.left == 0) {
            return Err(SHORT);
        }
        let got = of_order().flat_map(|split| split.asked.parts.iter().zip(&split.outcomes));
        let before: i64 =
            got.filter(|(_, outcome)| **outcome == Outcome::Success).map(|((_, fen), _)| fen).sum();
        // 30 % of the amount of the order that did not go back.
        if fen > 0 && 10 * (fen + before) > 3 * (sold.total - order.refunded) {
            return Err("INVALID_REQUEST");
        }
        self.orders[asked.order].left -= fen;
        let outcomes = vec![Outcome::Pending; asked.parts.len()];
        let split = Split { asked, outcomes, is_finished: false, rest: None, made: self.now };
        self.splits.insert((caller, number), split);
        Ok(())
    }

    fn finish(&mut self, key: (usize, usize)) {
        let Some(split) = self.splits.get_mut(&key) else { return };
        let sold = ORDERS[split.asked.order];
        let (order, accounts) = (&mut self.orders[split.asked.order], &mut self.accounts[sold.payee]);
        for ((receiver, fen), outcome) in split.asked.parts.iter().zip(&mut split.outcomes) {
            if self.related[sold.payee][*receiver] {
                *outcome = Outcome::Success;
                accounts.frozen -= fen;
                self.received[*receiver] += fen;
                continue;
            }
            *outcome = Outcome::Closed;
            if order.is_open {
                order.left += fen;
            } else {
                accounts.frozen -= fen;
                accounts.available += fen;
            }
        }
        if split.asked.unfreezes && order.is_open {
            split.rest = Some(order.left);
            release(order, accounts);
        }
        split.is_finished = true;
    }

    /// The tenths of what a receiver is to get by a split, at least 1 fen.
    fn part(&self, caller: usize, split: usize, receiver: usize, tenths: i64) -> Option<i64> {
        let mut parts = self.splits.get(&(caller, split))?.asked.parts.iter();
        parts.find(|(to, _)| *to == receiver).map(|(_, fen)| (fen * tenths / 10).max(1))
    }

    pub(super) fn give_back(
        &mut self,
        caller: usize,
        number: usize,
        (split, receiver, fen): (usize, usize, i64),
        is_v2: bool,
    ) -> Result<bool, Refused> {
        let known_split = self.splits.get(&(caller, split)).ok_or(UNKNOWN)?;
        if let Some(known) = self.returns.get(&(caller, number)) {
            let is_same = (known.split, known.receiver, known.fen) == (split, receiver, fen);
            return if is_same { Ok(known.has_succeeded) } else { Err(INVALID) };
        }
        // Only merchants give back.
        let parts = known_split.asked.parts.iter().zip(&known_split.outcomes);
        let mut got = parts.filter(|((to, _), outcome)| {
            *to == receiver && receiver != PERSON && **outcome == Outcome::Success
        });
        let Some(((_, part), _)) = got.next() else { return Err(INVALID) };
        let of_split = || self.returns.iter().filter(|((by, _), back)| *by == caller && back.split == split);
        let returned: i64 = of_split()
            .filter(|(_, back)| back.has_succeeded && back.receiver == receiver)
            .map(|(_, back)| back.fen)
            .sum();
        if fen > part - returned || self.now - known_split.made > 180 * DAY || of_split().count() >= 50 {
            return Err(INVALID);
        }
        let payee = ORDERS[known_split.asked.order].payee;
        let has_succeeded = self.received[receiver] >= fen;
        // APIv2 has no word for such a failure.
        if !has_succeeded && is_v2 {
            return Err(SHORT);
        }
        if has_succeeded {
            self.received[receiver] -= fen;
            self.accounts[payee].available += fen;
        }
        self.returns.insert((caller, number), Return { split, receiver, fen, has_succeeded });
        Ok(has_succeeded)
    }

    pub(super) fn refund(&mut self, number: usize, order: usize, fen: i64) -> Result<RefundState, Refused> {
        if let Some(known) = self.refunds.get(&number) {
            // Both callers count from the same numbers, and each has its own.
            if ORDERS[known.order].caller == ORDERS[order].caller {
                let is_same = (known.order, known.fen) == (order, fen);
                return if is_same { Ok(known.state) } else { Err(INVALID) };
            }
        }
        let Some(paid) = self.orders[order].paid else { return Err(UNKNOWN) };
        if self.orders[order].is_reversed {
            return Err(INVALID);
        }
        let total = ORDERS[order].total;
        let of_order = || self.refunds.values().filter(|refund| refund.order == order);
        let is_too_much = fen > total - self.orders[order].refunded || of_order().count() >= 50;
        if self.now - paid > 365 * DAY || is_too_much {
            return Err(INVALID);
        }
        if of_order().any(|refund| self.now - refund.created < 60) {
            return Err("FREQUENCY_LIMITED");
        }
        let counted = || of_order().filter(|refund| refund.state != RefundState::Closed);
        let refunded = counted().map(|refund| refund.fen).sum();
        let fee_back = counted().map(|refund| refund.fee).sum();
        let fee = share(fen, (total, fee(total)), (refunded, fee_back));
        let is_of_frozen = self.orders[order].is_open && self.now < paid + 30 * DAY;
        let left = self.orders[order].left;
        // What is released late is there, unless the refund is refused for another reason.
        let released = if self.orders[order].is_open && !is_of_frozen { left } else { 0 };
        let accounts = self.accounts_of(order);
        if is_of_frozen {
            if left + fee < fen {
                return Err(SHORT);
            }
            accounts.frozen += fee - fen;
        } else {
            // After the end of profit sharing only available money pays, and the fee comes back there.
            let is_ended = ORDERS[order].is_shared;
            let of_unsettled = if is_ended { 0 } else { fen.min(accounts.unsettled + fee) };
            let fee_available = if is_ended { fee } else { 0 };
            if accounts.available + released + fee_available < fen - of_unsettled {
                return Err(SHORT);
            }
            self.release_late(order);
            let accounts = self.accounts_of(order);
            accounts.unsettled += fee - fee_available - of_unsettled;
            accounts.available += fee_available + of_unsettled - fen;
        }
        let accounts = self.accounts_of(order);
        accounts.fees -= fee;
        accounts.refunding += fen;
        if is_of_frozen {
            self.orders[order].left += fee - fen;
        }
        self.orders[order].refunded += fen;
        let (state, created) = (RefundState::Processing, self.now);
        self.refunds.insert(number, Refund { order, fen, fee, state, created, is_of_frozen });
        Ok(RefundState::Processing)
    }

    /// All of an order by code goes back, when nothing was shared or refunded of it.
    pub(super) fn reverse(&mut self, number: usize) -> Result<(), Refused> {
        let Sold { total, is_code, .. } = ORDERS[number];
        let paid = self.orders[number].paid.ok_or("ORDER_NOT_EXIST")?;
        if self.orders[number].is_reversed && is_code {
            return Ok(());
        }
        let is_refunded = self.refunds.values().any(|refund| refund.order == number);
        if !is_code || is_refunded || self.now - paid > 7 * DAY {
            return Err(INVALID);
        }
        let (left, fee) = (self.orders[number].left, fee(total));
        let is_open = self.orders[number].is_open;
        let accounts = self.accounts_of(number);
        if is_open {
            if left + fee < total {
                return Err(SHORT);
            }
            accounts.frozen -= left;
        } else {
            let is_ended = ORDERS[number].is_shared;
            let of_unsettled = if is_ended { 0 } else { (total - fee).min(accounts.unsettled) };
            if accounts.available < total - fee - of_unsettled {
                return Err(SHORT);
            }
            accounts.unsettled -= of_unsettled;
            accounts.available -= total - fee - of_unsettled;
        }
        self.accounts_of(number).fees -= fee;
        let order = &mut self.orders[number];
        (order.left, order.is_open, order.is_reversed) = (0, false, true);
        Ok(())
    }

    /// What is looked at after its time is over is not to be shared any more, however late the clock is.
    pub(super) fn release_late(&mut self, number: usize) {
        let order = &mut self.orders[number];
        if order.is_open && order.paid.is_some_and(|paid| self.now >= paid + 30 * DAY) {
            release(order, &mut self.accounts[ORDERS[number].payee]);
        }
    }

    /// Whether it could be decided.
    pub(super) fn decide(&mut self, number: usize, to: RefundState) -> bool {
        let Some(refund) = self.refunds.get_mut(&number) else { return false };
        let may = refund.state == RefundState::Processing
            || (refund.state, to) == (RefundState::Abnormal, RefundState::Success);
        if !may {
            return false;
        }
        refund.state = to;
        let Refund { order, fen, fee, is_of_frozen, .. } = *refund;
        self.notified.push((format!("REFUND.{}", to.word()), format!("refund-{number} {}", to.word())));
        if to == RefundState::Closed {
            self.release_late(order);
        }
        let is_open = self.orders[order].is_open && is_of_frozen;
        let accounts = &mut self.accounts[ORDERS[order].payee];
        match to {
            RefundState::Success => accounts.refunding -= fen,
            RefundState::Closed => {
                accounts.refunding -= fen;
                accounts.fees += fee;
                let back = if is_open { &mut accounts.frozen } else { &mut accounts.available };
                *back += fen - fee;
                self.orders[order].refunded -= fen;
                if is_open {
                    self.orders[order].left += fen - fee;
                }
            }
            RefundState::Processing | RefundState::Abnormal => {}
        }
        true
    }

    /// Time passes, and what is due on the way is done one after the other.
    pub(super) fn pass(&mut self, seconds: i64, is_late: bool) {
        self.now += seconds;
        if is_late {
            return;
        }
        let now = self.now;
        for (order, sold) in self.orders.iter().zip(ORDERS) {
            if !sold.is_shared && order.paid.is_some_and(|paid| midnight(day(paid) + 1) <= now) {
                let accounts = &mut self.accounts[sold.payee];
                accounts.available += std::mem::take(&mut accounts.unsettled);
            }
        }
        // At the same moment the money is not to be shared any more, and then the receivers get theirs.
        type Ends = (i64, Option<(usize, usize)>, usize);
        let mut due: Vec<Ends> = Vec::new();
        for (number, order) in self.orders.iter().enumerate() {
            due.extend(order.paid.filter(|_| order.is_open).map(|paid| (paid + 30 * DAY, None, number)));
        }
        let pending = self.splits.iter().filter(|(_, split)| !split.is_finished);
        due.extend(pending.map(|(key, split)| (split.made + 5, Some(*key), 0)));
        due.sort_unstable();
        for (_, split, number) in due.into_iter().filter(|(at, ..)| *at <= now) {
            match split {
                Some(key) => self.finish(key),
                None if self.orders[number].is_open => {
                    release(&mut self.orders[number], &mut self.accounts[ORDERS[number].payee]);
                }
                None => {}
            }
        }
        let is_due = |refund: &Refund| refund.state == RefundState::Processing && refund.created + 5 <= now;
        let arrived: Vec<usize> =
            self.refunds.iter().filter(|(_, refund)| is_due(refund)).map(|(number, _)| *number).collect();
        for number in arrived {
            self.decide(number, RefundState::Success);
        }
    }
}

fn release(order: &mut Order, accounts: &mut Accounts) {
    accounts.frozen -= order.left;
    accounts.available += order.left;
    (order.left, order.is_open) = (0, false);
}

/// 0.6 %, and half a fen is a whole one.
fn fee(total: i64) -> i64 {
    (total * 6 + 500) / 1_000
}
