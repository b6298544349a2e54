//! Random lives of orders against a reference model that is small enough to be believed.
//!
//! The model knows of each order what was asked, its state and its payment, of each payee what is in its
//! accounts, and of each person what is in the wallet. It says of every step whether it succeeds, or with
//! which code it is refused. Time passes with the clock's work done or left undone, and the store is closed
//! and opened in between. After each step all money adds up to nothing, every account and every order is as
//! the model says, and the merchant was notified of each payment once.
//!
//! How a refund is divided has a model with the refunds; this one is told.
//!
//! `WEIPAY_ORDER_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use super::order::{OrderState, TradeType};
use super::person::PaymentFailure;
use crate::clock::{DAY, day, midnight};
use step::{Pays, WALLETS, Wish};

/// 2027-01-15T16:00:00+08:00.
pub(super) const NOW: i64 = 1_800_000_000;
/// The orders with the numbers after these are parts of combined orders, two of each.
pub(super) const SINGLES: usize = 6;
pub(super) const WHOLES: usize = 3;

/// The person whom JSAPI orders name, another, and whoever pays when nobody is named.
pub(super) const NAMED: usize = 0;
const SOMEBODY: usize = 2;

pub(super) use crate::products::testing::random_steps::Refused;
const INVALID: Refused = "INVALID_REQUEST";
const PAID: Refused = "ORDERPAID";
const MISSING: Refused = "ORDER_NOT_EXIST";
const SHORT: Refused = "NOT_ENOUGH";

pub(super) fn part_numbers(whole: usize) -> [usize; 2] {
    [SINGLES + 2 * whole, SINGLES + 2 * whole + 1]
}

/// What a request asked, and when: its time of expiry depends on that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) wish: Wish,
    pub(super) made: i64,
    /// What makes the `auth_code` of 付款码.
    pub(super) code: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Paid {
    at: i64,
    person: usize,
    pub(super) payer_total: i64,
    fee: i64,
    is_wallet: bool,
    /// What of it is unsettled for sure, however late the clock comes.
    fresh: i64,
}

#[derive(Debug, Clone)]
pub(super) struct ModelOrder {
    pub(super) asked: Asked,
    pub(super) total: i64,
    expires: i64,
    pub(super) state: OrderState,
    pub(super) whole: Option<usize>,
    pub(super) payment: Option<Paid>,
    pub(super) refunded: i64,
    last_refund: Option<i64>,
    /// What waits for the split; `None` when it does not wait any more.
    pub(super) waits: Option<i64>,
}

impl Asked {
    /// Whether the two requests say the same.
    fn is_same(&self, other: &Self) -> bool {
        let is_code = self.wish.product == TradeType::Micropay;
        self.wish == other.wish && self.made == other.made && (!is_code || self.code == other.code)
    }
}

impl ModelOrder {
    fn payee(&self) -> usize {
        usize::from(self.asked.wish.is_partner)
    }

    fn is_code(&self) -> bool {
        self.asked.wish.product == TradeType::Micropay
    }
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

/// A refund that the person does not have yet.
#[derive(Debug)]
struct Refunding {
    settles: i64,
    payee: usize,
    fen: i64,
    /// The person whose wallet gets it; `None` for a card.
    wallet: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) orders: BTreeMap<usize, ModelOrder>,
    burnt: BTreeSet<usize>,
    pub(super) accounts: [Accounts; 2],
    pub(super) wallets: [i64; 3],
    /// Days at whose midnight a payee's money is settled.
    settlements: BTreeSet<(i64, usize)>,
    refunding: Vec<Refunding>,
    pub(super) notified: usize,
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            now: NOW,
            orders: BTreeMap::new(),
            burnt: BTreeSet::new(),
            accounts: Default::default(),
            wallets: WALLETS,
            settlements: BTreeSet::new(),
            refunding: Vec::new(),
            notified: 0,
        }
    }

    fn add(&mut self, number: usize, asked: Asked, total: i64, whole: Option<usize>) {
        let life = if asked.wish.product == TradeType::Micropay { 7 * DAY } else { asked.wish.life };
        let order = ModelOrder {
            asked,
            total,
            expires: asked.made + life,
            state: OrderState::NotPay,
            whole,
            payment: None,
            refunded: 0,
            last_refund: None,
            waits: None,
        };
        self.orders.insert(number, order);
    }

    /// Making an order.
    pub(super) fn create(&mut self, number: usize, asked: Asked) -> Result<OrderState, Refused> {
        let Some(known) = self.orders.get(&number) else {
            if self.burnt.contains(&number) {
                return Err(INVALID);
            }
            self.add(number, asked, asked.wish.total, None);
            if asked.wish.product == TradeType::Micropay {
                if asked.wish.total > 100_000 {
                    self.change(number, OrderState::UserPaying);
                } else {
                    let pays = Pays::default();
                    self.pay_order(number, pays, SOMEBODY);
                }
            }
            return Ok(self.orders[&number].state);
        };
        if known.is_code() && known.asked.is_same(&asked) && known.state.is_paid() {
            return Ok(known.state);
        }
        if known.whole.is_some() {
            return Err(INVALID);
        }
        match known.state {
            OrderState::Success | OrderState::Refund => Err(PAID),
            OrderState::Revoked => Err("ORDER_REVERSED"),
            OrderState::Closed if asked.wish.product == TradeType::Native => Err("ORDER_CLOSED"),
            OrderState::NotPay | OrderState::UserPaying | OrderState::PayError
                if known.asked.is_same(&asked) =>
            {
                Ok(known.state)
            }
            _ => Err(INVALID),
        }
    }

    /// Making a combined order. Its parts are one person's and one merchant's.
    pub(super) fn combine(&mut self, whole: usize, asked: Asked) -> Result<(), Refused> {
        let [first, second] = part_numbers(whole);
        let known = self.orders.get(&first).filter(|order| order.whole == Some(whole));
        if let Some(known) = known {
            return match known.state {
                _ if self.is_paid(whole) => Err(PAID),
                OrderState::NotPay if known.asked.is_same(&asked) => Ok(()),
                OrderState::NotPay => Err(INVALID),
                _ => Err("ORDER_CLOSED"),
            };
        }
        if [first, second].iter().any(|part| self.orders.contains_key(part) || self.burnt.contains(part)) {
            return Err(INVALID);
        }
        self.add(first, asked, asked.wish.total, Some(whole));
        self.add(second, asked, 97, Some(whole));
        Ok(())
    }

    pub(super) fn is_combined(&self, whole: usize) -> bool {
        self.orders.get(&part_numbers(whole)[0]).is_some_and(|order| order.whole == Some(whole))
    }

    fn is_paid(&self, whole: usize) -> bool {
        part_numbers(whole).iter().any(|part| self.orders[part].state.is_paid())
    }

    fn change(&mut self, number: usize, state: OrderState) {
        if let Some(order) = self.orders.get_mut(&number) {
            order.state = state;
        }
    }

    pub(super) fn query(&self, number: usize) -> Result<OrderState, Refused> {
        let order = self.orders.get(&number).filter(|order| order.whole.is_none());
        order.map(|order| order.state).ok_or(MISSING)
    }

    pub(super) fn close(&mut self, number: usize) -> Result<(), Refused> {
        let Some(order) = self.orders.get(&number) else {
            self.burnt.insert(number);
            return Ok(());
        };
        match order.state {
            _ if order.whole.is_some() => Err(MISSING),
            _ if order.is_code() => Err(INVALID),
            OrderState::Success | OrderState::Refund => Err(PAID),
            _ => {
                self.change(number, OrderState::Closed);
                Ok(())
            }
        }
    }

    pub(super) fn close_combined(&mut self, whole: usize) -> Result<(), Refused> {
        if !self.is_combined(whole) {
            return Err("ORDERNOTEXIST");
        }
        if self.is_paid(whole) {
            return Err(PAID);
        }
        part_numbers(whole).into_iter().for_each(|part| self.change(part, OrderState::Closed));
        Ok(())
    }

    /// A person pays an order, or the whole that it is part of. Whether it was paid; `None` when it cannot be.
    pub(super) fn pay(&mut self, number: usize, pays: Pays) -> Option<bool> {
        let order = self.orders.get(&number)?;
        let all = order.whole.map_or_else(|| vec![number], |whole| part_numbers(whole).to_vec());
        let is_named = order.asked.wish.product == TradeType::Jsapi;
        // A person who has cancelled a payment by code does not pay it later.
        let is_open =
            order.state == OrderState::UserPaying || order.state == OrderState::NotPay && !order.is_code();
        if !is_open {
            return None;
        }
        if let Some(failure) = pays.fail {
            if order.state == OrderState::UserPaying {
                let is_canceled = failure == PaymentFailure::Cancel;
                self.change(number, if is_canceled { OrderState::NotPay } else { OrderState::PayError });
            }
            return Some(false);
        }
        let person = pays.person.unwrap_or(if is_named { NAMED } else { SOMEBODY });
        let totals: Vec<i64> = all.iter().map(|number| self.orders[number].total).collect();
        let total: i64 = totals.iter().sum();
        let discounts = discounts_of(&totals, pays.discount)?;
        if is_named && person != NAMED {
            return None;
        }
        if pays.wallet && self.wallets[person] < total - pays.discount {
            return None;
        }
        for (number, discount) in all.into_iter().zip(discounts) {
            self.pay_order(number, Pays { discount, ..pays }, person);
        }
        self.notified += usize::from(!self.orders[&number].is_code());
        Some(true)
    }

    fn pay_order(&mut self, number: usize, pays: Pays, person: usize) {
        let Some(order) = self.orders.get_mut(&number) else { return };
        let payer_total = order.total - pays.discount;
        let fee = (payer_total * 6 + 500) / 1_000;
        let net = payer_total - fee;
        let accounts = &mut self.accounts[order.payee()];
        accounts.fees += fee;
        if order.asked.wish.is_shared {
            accounts.frozen += net;
            order.waits = Some(net);
        } else {
            accounts.unsettled += net;
        }
        if pays.wallet {
            self.wallets[person] -= payer_total;
        }
        let fresh = if order.waits.is_some() { 0 } else { net };
        order.payment = Some(Paid { at: self.now, person, payer_total, fee, is_wallet: pays.wallet, fresh });
        order.state = OrderState::Success;
        self.settlements.insert((day(self.now) + 1, order.payee()));
    }

    /// Shared money waits for 30 days at most, and for 180 if it is a sub-merchant's part of a combined order.
    fn release(&mut self, number: usize) {
        let Some(order) = self.orders.get_mut(&number) else { return };
        let Some(payment) = order.payment else { return };
        let days = if order.whole.is_some() && order.asked.wish.is_partner { 180 } else { 30 };
        if self.now >= payment.at + days * DAY
            && let Some(left) = order.waits.take()
        {
            let accounts = &mut self.accounts[order.payee()];
            accounts.frozen -= left;
            accounts.available += left;
        }
    }

    pub(super) fn reverse(&mut self, number: usize) -> Result<(), Refused> {
        let order = self.orders.get(&number).ok_or(MISSING)?;
        if !order.is_code() || order.state == OrderState::Refund {
            return Err(INVALID);
        }
        if let (OrderState::Success, Some(payment)) = (order.state, order.payment) {
            if self.now - payment.at > 7 * DAY {
                return Err(INVALID);
            }
            self.give_back(number, payment)?;
        }
        self.change(number, OrderState::Revoked);
        Ok(())
    }

    fn give_back(&mut self, number: usize, payment: Paid) -> Result<(), Refused> {
        let Some(order) = self.orders.get_mut(&number) else { return Ok(()) };
        let net = payment.payer_total - payment.fee;
        let accounts = &mut self.accounts[order.payee()];
        if order.waits.take().is_some() {
            accounts.frozen -= net;
        } else {
            // What is not settled goes first, with the fee that comes back, and then what is available.
            let of_unsettled = accounts.unsettled.min(net);
            if accounts.available < net - of_unsettled {
                return Err(SHORT);
            }
            accounts.unsettled -= of_unsettled;
            accounts.available -= net - of_unsettled;
            order.payment = Some(Paid { fresh: (payment.fresh - of_unsettled).max(0), ..payment });
        }
        accounts.fees -= payment.fee;
        if payment.is_wallet {
            self.wallets[payment.person] += payment.payer_total;
        }
        Ok(())
    }

    /// Whether an order can be refunded by so much.
    pub(super) fn may_refund(&mut self, number: usize, fen: i64) -> Result<(), Refused> {
        let order = self.orders.get(&number).ok_or("RESOURCE_NOT_EXISTS")?;
        match (order.state, order.payment) {
            (OrderState::Revoked, _) => return Err(INVALID),
            (OrderState::Success | OrderState::Refund, Some(payment))
                if self.now - payment.at <= 365 * DAY => {}
            (OrderState::Success | OrderState::Refund, _) => return Err(INVALID),
            _ => return Err("RESOURCE_NOT_EXISTS"),
        }
        if fen > order.total - order.refunded {
            return Err(INVALID);
        }
        if order.last_refund.is_some_and(|last| self.now - last < 60) {
            return Err("FREQUENCY_LIMITED");
        }
        self.release(number);
        Ok(())
    }

    /// An order was refunded: `payer` of it goes to the person, of which the platform gives back `fee`.
    pub(super) fn refund(&mut self, number: usize, fen: i64, payer: i64, fee: i64) {
        let Some(order) = self.orders.get_mut(&number) else { return };
        let Some(payment) = order.payment else { return };
        order.refunded += fen;
        order.last_refund = Some(self.now);
        order.state = OrderState::Refund;
        let payee = usize::from(order.asked.wish.is_partner);
        let accounts = &mut self.accounts[payee];
        accounts.fees -= fee;
        accounts.refunding += payer;
        match &mut order.waits {
            Some(left) => {
                *left -= payer - fee;
                accounts.frozen -= payer - fee;
            }
            // After the end of profit sharing only available money pays, and the fee comes back there.
            None if order.asked.wish.is_shared => accounts.available -= payer - fee,
            None => {
                let of_unsettled = payer.min(accounts.unsettled + fee);
                accounts.unsettled += fee - of_unsettled;
                accounts.available -= payer - of_unsettled;
            }
        }
        let wallet = payment.is_wallet.then_some(payment.person);
        self.refunding.push(Refunding { settles: self.now + 5, payee, fen: payer, wallet });
    }

    /// Time passes; `is_done` says whether the clock does what is due.
    pub(super) fn pass(&mut self, seconds: i64, is_done: bool) {
        self.now += seconds;
        let now = self.now;
        for order in self.orders.values_mut() {
            if matches!(order.state, OrderState::NotPay | OrderState::UserPaying) && order.expires <= now {
                order.state = OrderState::Closed;
            }
        }
        if !is_done {
            return;
        }
        while let Some((due, payee)) =
            self.settlements.first().copied().filter(|(due, _)| midnight(*due) <= now)
        {
            self.settlements.remove(&(due, payee));
            let of_payee = self.orders.values().filter(|order| order.payee() == payee);
            let payments = of_payee.filter_map(|order| order.payment);
            let later = payments.filter(|payment| payment.at >= midnight(due));
            let fresh: i64 = later.map(|payment| payment.fresh).sum();
            let accounts = &mut self.accounts[payee];
            let settled = (accounts.unsettled - fresh).max(0);
            accounts.unsettled -= settled;
            accounts.available += settled;
        }
        let numbers: Vec<usize> = self.orders.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.release(number));
        let (arrived, waiting) =
            std::mem::take(&mut self.refunding).into_iter().partition(|refund| refund.settles <= now);
        self.refunding = waiting;
        for Refunding { payee, fen, wallet, .. } in arrived {
            self.accounts[payee].refunding -= fen;
            if let Some(person) = wallet {
                self.wallets[person] += fen;
            }
        }
    }
}

/// What a discount takes off an order, or off each of two parts: each keeps a fen to pay.
fn discounts_of(totals: &[i64], discount: i64) -> Option<Vec<i64>> {
    let most: i64 = totals.iter().map(|total| total - 1).sum();
    if !(0..=most).contains(&discount) {
        return None;
    }
    Some(match totals {
        [first, second] => {
            let share = (discount * first / (first + second)).min(first - 1).max(discount - (second - 1));
            vec![share, discount - share]
        }
        _ => vec![discount],
    })
}
