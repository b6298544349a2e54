//! Random lives of a platform (电商平台) and its sub-merchants against a reference model that is small enough to be believed.
//!
//! The platform sells for two sub-merchants, shares what they were paid by both forms, refunds from their
//! money or advances it, takes fees for service after a sale, has advances back, withdraws, and asks what was there at
//! the end of a day. The model knows of each order what is left to share and what was taken for service after the sale,
//! of each refund who pays it, of each advance whether it came back, and what is in every account. Time passes, and the
//! store is closed and opened in between. After each step all money adds up to nothing, and only banks are below zero.
//!
//! `WEIPAY_PLATFORM_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::BTreeMap;

use step::{AskedSplit, AskedWithdrawal};

use crate::clock::{DAY, day, midnight};
use crate::products::payments::refund::record::RefundState;
use crate::products::testing::random_steps::share;
use crate::products::testing::world::NOW;
use crate::products::withdrawals::WithdrawalState;

use crate::products::testing::random_steps::Refused;
const INVALID: Refused = "INVALID_REQUEST";
const SHORT: Refused = "NOT_ENOUGH";
const UNKNOWN: Refused = "RESOURCE_NOT_EXISTS";
const PARAM: Refused = "PARAM_ERROR";

/// Form 0 is that of platforms, 1 that of brands.
const FORMS: usize = 2;
const BRAND_FORM: usize = 1;

/// Parties 0 and 1 are the sub-merchants, 2 is the platform.
const PARTIES: usize = 3;
const PLATFORM: usize = 2;

/// The first are merchants, the last is a person.
const RECEIVERS: usize = 3;
const PERSON: usize = 2;

#[derive(Debug, Clone, Copy)]
struct Sold {
    party: usize,
    total: i64,
    is_shared: bool,
}

const ORDERS: [Sold; 5] = [
    Sold { party: 0, total: 100_000, is_shared: true },
    Sold { party: 0, total: 1_000, is_shared: true },
    Sold { party: 1, total: 10_000, is_shared: true },
    Sold { party: 0, total: 500, is_shared: false },
    Sold { party: PLATFORM, total: 1_000, is_shared: true },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Pending,
    Success,
    Closed,
}

#[derive(Debug)]
struct Split {
    asked: AskedSplit,
    outcomes: Vec<Outcome>,
    is_finished: bool,
    /// What became the sub-merchant's with it.
    rest: Option<i64>,
    made: i64,
}

#[derive(Debug, Default)]
struct Order {
    paid: Option<i64>,
    left: i64,
    is_open: bool,
    refunded: i64,
}

#[derive(Debug)]
struct Refund {
    /// How many were made before.
    place: usize,
    order: usize,
    fen: i64,
    fee: i64,
    state: RefundState,
    created: i64,
    is_of_frozen: bool,
    is_advanced: bool,
    /// How the advance comes back, once that was asked for.
    comes_back: Option<ComesBack>,
}

#[derive(Debug, Clone, Copy)]
struct ComesBack {
    state: &'static str,
    begun: i64,
    next: i64,
}

#[derive(Debug)]
struct Return {
    split: usize,
    receiver: usize,
    fen: i64,
}

#[derive(Debug)]
struct Withdrawal {
    asked: AskedWithdrawal,
    made: i64,
    state: WithdrawalState,
}

/// What one party has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Accounts {
    unsettled: i64,
    available: i64,
    frozen: i64,
    fees: i64,
    refunding: i64,
    withdrawing: i64,
    operation: i64,
}

impl Accounts {
    /// What a withdrawal takes, if the account can have money.
    fn withdrawable(&mut self, account: &str) -> Option<&mut i64> {
        match account {
            "BASIC" => Some(&mut self.available),
            "OPERATION" => Some(&mut self.operation),
            _ => None,
        }
    }

    /// What fund flow bills say: of the basic account and of the operation account.
    fn billed(&self) -> [i64; 2] {
        [self.unsettled + self.available + self.frozen, self.operation]
    }

    fn balances(&self) -> Balances {
        [self.available, self.unsettled + self.frozen, self.operation]
    }
}

/// What queries of balances say: what is available and pending of the basic account, and the operation account.
type Balances = [i64; 3];

/// What the clock does, in the order in which it does it at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// By the order in which the refunds were made, and by number.
    ComesBack(usize, usize),
    Settles(usize),
    Arrives(usize),
    Released(usize),
    Shared(usize),
    Withdrawn(usize),
}

#[derive(Debug, Default)]
struct Model {
    now: i64,
    orders: [Order; ORDERS.len()],
    accounts: [Accounts; PARTIES],
    received: [i64; RECEIVERS],
    /// By form: who has the receivers is the platform or the brand.
    related: [[bool; RECEIVERS]; FORMS],
    splits: BTreeMap<usize, Split>,
    returns: BTreeMap<usize, Return>,
    refunds: BTreeMap<usize, Refund>,
    withdrawals: BTreeMap<usize, Withdrawal>,
    /// By order: its refund, and fen, that were shared for service after the sale.
    after_sales: BTreeMap<usize, (usize, i64)>,
    /// What was added to the accounts, and when.
    history: Vec<(i64, [Balances; PARTIES])>,
    /// What the history adds up to.
    noted: [Balances; PARTIES],
    /// The orders whose day's money the clock has settled.
    settled: [bool; ORDERS.len()],
    notified: Vec<String>,
}

impl Model {
    fn new() -> Self {
        Self { now: NOW, ..Self::default() }
    }

    /// Notes when the accounts have changed.
    fn note(&mut self) {
        let now = self.accounts.map(|accounts| accounts.balances());
        if now != self.noted {
            let added = |party: usize| std::array::from_fn(|at| now[party][at] - self.noted[party][at]);
            self.history.push((self.now, std::array::from_fn(added)));
            self.noted = now;
        }
    }

    /// What a party had, and of a sub-merchant the basic account only, at the end of the day that was this number of
    /// days before today.
    fn at_the_end(&self, party: usize, days: i64) -> Result<Balances, Refused> {
        let end = midnight(day(self.now) - days + 1);
        if !(1..=90).contains(&days) || self.now < end + 10 * 3_600 {
            return Err(INVALID);
        }
        let before = self.history.iter().filter(|(time, _)| *time < end);
        let add = |had: Balances, added: &Balances| std::array::from_fn(|at| had[at] + added[at]);
        let mut had = before.fold([0; 3], |had, (_, added)| add(had, &added[party]));
        if party != PLATFORM {
            had[2] = 0;
        }
        Ok(had)
    }

    fn accounts_of(&mut self, order: usize) -> &mut Accounts {
        &mut self.accounts[ORDERS[order].party]
    }

    /// Whether it was not paid before.
    fn pay(&mut self, number: usize) -> bool {
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
        self.orders[number] = Order { paid: Some(self.now), left, is_open: is_shared, refunded: 0 };
        self.notified.push(format!("TRANSACTION.SUCCESS order-{number}"));
        true
    }

    fn split(&mut self, by_stranger: bool, number: usize, asked: AskedSplit) -> Result<(), Refused> {
        if asked.parts.is_empty() && !asked.finishes {
            return Err(PARAM);
        }
        // Another partner does not act for the brand, and has no such order.
        if by_stranger {
            return Err(if asked.form == BRAND_FORM && !asked.is_finish_order { "NO_AUTH" } else { INVALID });
        }
        if let Some(known) = self.splits.get(&number) {
            let is_again = asked.parts.is_empty() && known.asked.order == asked.order;
            return if known.asked == asked || is_again { Ok(()) } else { Err(INVALID) };
        }
        let (sold, order) = (ORDERS[asked.order], &self.orders[asked.order]);
        // A request names a sub-merchant, and the platform's own order has none.
        let Some(paid) = order.paid.filter(|_| sold.is_shared && sold.party != PLATFORM) else {
            return Err(INVALID);
        };
        if asked.parts.iter().any(|(receiver, _)| !self.related[asked.form][*receiver]) {
            return Err(INVALID);
        }
        let of_order = || self.splits.values().filter(|split| split.asked.order == asked.order);
        if self.now - paid < 60 || of_order().any(|split| !split.is_finished) {
            return Err(INVALID);
        }
        if !order.is_open || self.now >= paid + 30 * DAY {
            return Err(if asked.parts.is_empty() { SHORT } else { INVALID });
        }
        let mut receivers: Vec<_> = asked.parts.iter().map(|(receiver, _)| receiver).collect();
        receivers.sort_unstable();
        receivers.dedup();
        if receivers.len() < asked.parts.len() || asked.parts.iter().any(|(_, fen)| *fen < 1) {
            return Err(PARAM);
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
        self.splits.insert(number, split);
        Ok(())
    }

    fn finish(&mut self, number: usize) {
        let Some(split) = self.splits.get_mut(&number) else { return };
        let sold = ORDERS[split.asked.order];
        let (order, accounts) = (&mut self.orders[split.asked.order], &mut self.accounts[sold.party]);
        for ((receiver, fen), outcome) in split.asked.parts.iter().zip(&mut split.outcomes) {
            if self.related[split.asked.form][*receiver] {
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
        if split.asked.finishes && order.is_open {
            split.rest = Some(order.left);
            release(order, accounts);
        }
        split.is_finished = true;
    }

    /// The tenths of what a receiver is to get by a split, at least 1 fen.
    fn part(&self, split: usize, receiver: usize, tenths: i64) -> Option<i64> {
        let mut parts = self.splits.get(&split)?.asked.parts.iter();
        parts.find(|(to, _)| *to == receiver).map(|(_, fen)| (fen * tenths / 10).max(1))
    }

    fn give_back(&mut self, number: usize, split: usize, receiver: usize, fen: i64) -> Result<(), Refused> {
        let known_split = self.splits.get(&split).ok_or(UNKNOWN)?;
        if let Some(known) = self.returns.get(&number) {
            let is_same = (known.split, known.receiver, known.fen) == (split, receiver, fen);
            return if is_same { Ok(()) } else { Err(INVALID) };
        }
        // Only merchants give back.
        let parts = known_split.asked.parts.iter().zip(&known_split.outcomes);
        let mut got = parts.filter(|((to, _), outcome)| {
            *to == receiver && receiver != PERSON && **outcome == Outcome::Success
        });
        let Some(((_, part), _)) = got.next() else { return Err(INVALID) };
        let of_split = || self.returns.values().filter(|back| back.split == split);
        let returned: i64 = of_split().filter(|back| back.receiver == receiver).map(|back| back.fen).sum();
        if fen > part - returned || self.now - known_split.made > 180 * DAY {
            return Err(INVALID);
        }
        if self.received[receiver] < fen {
            return Err(SHORT);
        }
        self.received[receiver] -= fen;
        self.accounts[ORDERS[known_split.asked.order].party].available += fen;
        self.returns.insert(number, Return { split, receiver, fen });
        Ok(())
    }

    /// The platform takes its fee for service after the sale, once for an order that was refunded.
    fn share_after_sales(&mut self, order: usize, refund: usize, fen: i64) -> Result<(), Refused> {
        let Sold { party, total, .. } = ORDERS[order];
        let paid = self.orders[order].paid.filter(|_| party != PLATFORM).ok_or(INVALID)?;
        if let Some(known) = self.after_sales.get(&order) {
            return if *known == (refund, fen) { Ok(()) } else { Err(INVALID) };
        }
        let of_order = |refund: &&Refund| refund.order == order && refund.state != RefundState::Closed;
        self.refunds.get(&refund).filter(of_order).ok_or(INVALID)?;
        if !(1..=total - self.orders[order].refunded).contains(&fen) {
            return Err(PARAM);
        }
        let Order { left, is_open, .. } = self.orders[order];
        let is_of_frozen = is_open && self.now < paid + 30 * DAY;
        let released = if is_open && !is_of_frozen { left } else { 0 };
        let has = if is_of_frozen { left } else { self.accounts[party].available + released };
        if has < fen {
            return Err(SHORT);
        }
        self.release_late(order);
        if is_of_frozen {
            self.orders[order].left -= fen;
            self.accounts[party].frozen -= fen;
        } else {
            self.accounts[party].available -= fen;
        }
        self.accounts[PLATFORM].available += fen;
        self.after_sales.insert(order, (refund, fen));
        Ok(())
    }

    fn refund(&mut self, number: usize, order: usize, fen: i64, is_advanced: bool) -> Result<(), Refused> {
        // Only a sub-merchant's refund can be advanced.
        if is_advanced && ORDERS[order].party == PLATFORM {
            return Err(INVALID);
        }
        if let Some(known) = self.refunds.get(&number) {
            return if (known.order, known.fen) == (order, fen) { Ok(()) } else { Err(INVALID) };
        }
        let Some(paid) = self.orders[order].paid else { return Err(UNKNOWN) };
        let total = ORDERS[order].total;
        let of_order = || self.refunds.values().filter(|refund| refund.order == order);
        if self.now - paid > 365 * DAY
            || fen > total - self.orders[order].refunded
            || of_order().count() >= 50
        {
            return Err(INVALID);
        }
        if of_order().any(|refund| self.now - refund.created < 60) {
            return Err("FREQUENCY_LIMITED");
        }
        let counted = || of_order().filter(|refund| refund.state != RefundState::Closed);
        let refunded = counted().map(|refund| refund.fen).sum();
        let fee_back = counted().map(|refund| refund.fee).sum();
        let fee = share(fen, (total, fee(total)), (refunded, fee_back));
        let is_of_frozen = if is_advanced {
            if self.accounts[PLATFORM].available < fen {
                return Err(SHORT);
            }
            self.accounts[PLATFORM].available -= fen;
            false
        } else {
            self.withdraw_for_refund(order, fen, fee, paid)?
        };
        self.accounts_of(order).refunding += fen;
        self.orders[order].refunded += fen;
        let (state, created) = (RefundState::Processing, self.now);
        let (place, comes_back) = (self.refunds.len(), None);
        let refund = Refund { place, order, fen, fee, state, created, is_of_frozen, is_advanced, comes_back };
        self.refunds.insert(number, refund);
        Ok(())
    }

    /// Whether the money is of what waits to be shared.
    fn withdraw_for_refund(&mut self, order: usize, fen: i64, fee: i64, paid: i64) -> Result<bool, Refused> {
        let is_of_frozen = self.orders[order].is_open && self.now < paid + 30 * DAY;
        let left = self.orders[order].left;
        let released = if self.orders[order].is_open && !is_of_frozen { left } else { 0 };
        let accounts = self.accounts_of(order);
        if is_of_frozen {
            if left + fee < fen {
                return Err(SHORT);
            }
            accounts.frozen += fee - fen;
            self.orders[order].left += fee - fen;
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
        self.accounts_of(order).fees -= fee;
        Ok(is_of_frozen)
    }

    /// What is looked at after its time is over is not to be shared any more, however late the clock is.
    fn release_late(&mut self, number: usize) {
        let order = &mut self.orders[number];
        if order.is_open && order.paid.is_some_and(|paid| self.now >= paid + 30 * DAY) {
            release(order, &mut self.accounts[ORDERS[number].party]);
        }
    }

    /// Whether it could be decided.
    fn decide(&mut self, number: usize, to: RefundState) -> bool {
        let Some(refund) = self.refunds.get_mut(&number) else { return false };
        let may = refund.state == RefundState::Processing
            || (refund.state, to) == (RefundState::Abnormal, RefundState::Success);
        if !may {
            return false;
        }
        refund.state = to;
        let Refund { order, fen, fee, is_of_frozen, is_advanced, .. } = *refund;
        self.notified.push(format!("REFUND.{} refund-{number}", to.word()));
        if to == RefundState::Closed && !is_advanced {
            self.release_late(order);
        }
        let is_open = self.orders[order].is_open && is_of_frozen;
        match to {
            RefundState::Success => {
                let accounts = self.accounts_of(order);
                accounts.refunding -= fen;
                if is_advanced {
                    // The fee was the sub-merchant's all the time.
                    accounts.fees -= fee;
                    accounts.available += fee;
                }
            }
            RefundState::Closed => {
                self.accounts_of(order).refunding -= fen;
                self.orders[order].refunded -= fen;
                if is_advanced {
                    self.accounts[PLATFORM].available += fen;
                    return true;
                }
                let accounts = self.accounts_of(order);
                accounts.fees += fee;
                let back = if is_open { &mut accounts.frozen } else { &mut accounts.available };
                *back += fen - fee;
                if is_open {
                    self.orders[order].left += fen - fee;
                }
            }
            RefundState::Processing | RefundState::Abnormal => {}
        }
        true
    }

    /// The result that is shown.
    fn return_advance(&mut self, number: usize) -> Result<&'static str, Refused> {
        let now = self.now;
        let refund = self.refunds.get_mut(&number).ok_or(UNKNOWN)?;
        if !refund.is_advanced || refund.state != RefundState::Success {
            return Err(INVALID);
        }
        let known =
            refund.comes_back.get_or_insert(ComesBack { state: "PROCESSING", begun: now, next: now + DAY });
        if known.state == "PROCESSING" {
            self.try_advance(number);
        }
        Ok(self.refunds[&number].comes_back.unwrap().state)
    }

    fn try_advance(&mut self, number: usize) {
        let Some(refund) = self.refunds.get_mut(&number) else { return };
        let (from, Some(known)) = (ORDERS[refund.order].party, refund.comes_back.as_mut()) else { return };
        if self.accounts[from].available >= refund.fen {
            self.accounts[from].available -= refund.fen;
            self.accounts[PLATFORM].available += refund.fen;
            known.state = "SUCCESS";
        }
    }

    fn withdraw(&mut self, number: usize, asked: AskedWithdrawal) -> Result<(), Refused> {
        if asked.by_stranger && asked.party != PLATFORM {
            return Err("NO_AUTH");
        }
        // The stranger has its own numbers, and nothing.
        if let Some(known) = self.withdrawals.get(&number).filter(|_| !asked.by_stranger) {
            let is_in_time = self.now - known.made <= 6 * DAY;
            return if is_in_time && known.asked == asked { Ok(()) } else { Err(INVALID) };
        }
        if asked.fen < 1 {
            return Err(PARAM);
        }
        let accounts = &mut self.accounts[asked.party];
        let from =
            accounts.withdrawable(asked.account).filter(|fen| !asked.by_stranger && **fen >= asked.fen);
        *from.ok_or(SHORT)? -= asked.fen;
        accounts.withdrawing += asked.fen;
        let withdrawal = Withdrawal { asked, made: self.now, state: WithdrawalState::CreateSuccess };
        self.withdrawals.insert(number, withdrawal);
        Ok(())
    }

    /// Whether the bank can do that.
    fn decide_withdrawal(&mut self, number: usize, to: WithdrawalState) -> bool {
        use WithdrawalState::{CreateSuccess, Fail, Refund, Success};
        let Some(known) = self.withdrawals.get_mut(&number) else { return false };
        let (accounts, fen) = (&mut self.accounts[known.asked.party], known.asked.fen);
        let comes_back = match (known.state, to) {
            (CreateSuccess, Success) => false,
            (CreateSuccess, Fail) | (Success, Refund) => true,
            _ => return false,
        };
        if known.state == CreateSuccess {
            accounts.withdrawing -= fen;
        }
        // To where it came from.
        if let Some(account) = accounts.withdrawable(known.asked.account).filter(|_| comes_back) {
            *account += fen;
        }
        known.state = to;
        self.notified.push(format!("MCHWITHDRAW.CHANGE withdrawal-{number}"));
        true
    }

    /// Time passes, and what is due on the way is done one after the other.
    fn pass(&mut self, seconds: i64, is_late: bool) {
        self.now += seconds;
        let until = self.now;
        while let Some((at, due)) = self.next_due().filter(|(at, _)| !is_late && *at <= until) {
            self.now = at;
            match due {
                Due::ComesBack(_, number) => self.retry(number, at),
                Due::Arrives(number) => drop(self.decide(number, RefundState::Success)),
                Due::Settles(order) => self.settle(order),
                Due::Released(order) => {
                    release(&mut self.orders[order], &mut self.accounts[ORDERS[order].party]);
                }
                Due::Shared(number) => {
                    let order = self.splits[&number].asked.order;
                    self.release_late(order);
                    self.finish(number);
                }
                Due::Withdrawn(number) => drop(self.decide_withdrawal(number, WithdrawalState::Success)),
            }
            self.note();
        }
        self.now = until;
    }

    fn next_due(&self) -> Option<(i64, Due)> {
        let mut due = Vec::new();
        for (number, order) in self.orders.iter().enumerate() {
            let Some(paid) = order.paid else { continue };
            if order.is_open {
                due.push((paid + 30 * DAY, Due::Released(number)));
            }
            if !ORDERS[number].is_shared && !self.settled[number] {
                due.push((midnight(day(paid) + 1), Due::Settles(number)));
            }
        }
        for (number, split) in self.splits.iter().filter(|(_, split)| !split.is_finished) {
            due.push((split.made + 5, Due::Shared(*number)));
        }
        for (number, refund) in &self.refunds {
            if refund.state == RefundState::Processing {
                due.push((refund.created + 5, Due::Arrives(*number)));
            }
            if let Some(known) = refund.comes_back.filter(|known| known.state == "PROCESSING") {
                due.push((known.next, Due::ComesBack(refund.place, *number)));
            }
        }
        for (number, known) in &self.withdrawals {
            if known.state == WithdrawalState::CreateSuccess {
                due.push((known.made + 5, Due::Withdrawn(*number)));
            }
        }
        due.into_iter().min()
    }

    fn retry(&mut self, number: usize, at: i64) {
        self.try_advance(number);
        let Some(known) = self.refunds.get_mut(&number).and_then(|refund| refund.comes_back.as_mut()) else {
            return;
        };
        if known.state == "PROCESSING" {
            known.next = at + DAY;
            if known.next - known.begun > 90 * DAY {
                known.state = "FAILED";
            }
        }
    }

    fn settle(&mut self, number: usize) {
        self.settled[number] = true;
        let accounts = self.accounts_of(number);
        accounts.available += std::mem::take(&mut accounts.unsettled);
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
