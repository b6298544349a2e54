//! Random lives of refunds against a reference model that is small enough to be believed.
//!
//! Orders of a merchant and of its sub-merchant, with and without coupons, one of them to be shared, are
//! refunded from any money. The model knows of each refund how it was divided and its state, and what is in
//! every account. It says of every step which status it ends with or with which code it is refused. Time
//! passes, and the store is closed and opened in between.
//!
//! `WEIPAY_REFUND_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use super::record::RefundState;
use crate::clock::{self, DAY};
use crate::products::testing::random_steps::share;
use crate::products::testing::world::NOW;

pub(super) use crate::products::testing::random_steps::Refused;
const INVALID: Refused = "INVALID_REQUEST";
const SHORT: Refused = "NOT_ENOUGH";

/// An order as it was paid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sold {
    pub(super) number: &'static str,
    /// 0 is the merchant, 1 its sub-merchant.
    pub(super) payee: usize,
    pub(super) total: i64,
    pub(super) fee: i64,
    /// A coupon that is money, and a mere discount.
    pub(super) cash: i64,
    pub(super) discount: i64,
    pub(super) is_shared: bool,
    pub(super) is_wallet: bool,
}

const PLAIN: Sold =
    Sold { number: "a", payee: 0, total: 1, fee: 0, cash: 0, discount: 0, is_shared: false, is_wallet: true };

pub(super) const ORDERS: [Sold; 6] = [
    PLAIN,
    Sold { number: "b", total: 97, fee: 1, is_shared: true, ..PLAIN },
    Sold { number: "c", total: 1_000, fee: 10, is_wallet: false, ..PLAIN },
    Sold { number: "d", total: 1_000, fee: 5, discount: 100, ..PLAIN },
    Sold { number: "e", total: 2_000, fee: 12, cash: 301, discount: 77, ..PLAIN },
    Sold { number: "f", total: 500, fee: 3, payee: 1, ..PLAIN },
];

impl Sold {
    /// What the person has paid.
    fn payer_total(self) -> i64 {
        self.total - self.cash - self.discount
    }

    /// What the merchant got, before the fee.
    fn settled(self) -> i64 {
        self.total - self.discount
    }
}

/// Where the money is to come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Source {
    Any,
    Available,
    Unsettled,
    /// So much of what is not settled, and the rest of what is available.
    Both(i64),
}

/// Where an abnormal refund goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    Original,
    OtherCard,
    Merchant,
}

/// How the amount is divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shares {
    pub(super) fen: i64,
    pub(super) payer: i64,
    pub(super) fee: i64,
    pub(super) cash: i64,
    pub(super) discount: i64,
}

#[derive(Debug)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) order: usize,
    pub(super) shares: Shares,
    pub(super) state: RefundState,
    created: i64,
    settles: i64,
    destination: Destination,
    is_of_frozen: bool,
    /// `funds_account`.
    pub(super) funds: &'static str,
    /// What the trade bill of its day says, when something has happened to it since that was made.
    billed: Option<RefundState>,
}

impl Refund {
    /// A bill is made at ten o'clock (Beijing) of the next day, and does not change any more.
    fn keep_for_bill(&mut self, now: i64) {
        const BEIJING: i64 = 8 * 3_600;
        let day = (self.created + BEIJING).div_euclid(DAY);
        if now >= (day + 1) * DAY - BEIJING + 10 * 3_600 {
            self.billed.get_or_insert(self.state);
        }
    }
}

/// What a trade bill (交易账单) says of a payment or a refund, in fen.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Billed {
    /// The number of the order, or of the refund.
    pub(super) number: String,
    pub(super) state: String,
    pub(super) settled: i64,
    pub(super) off: i64,
    pub(super) refunded: i64,
    pub(super) coupons_refunded: i64,
    pub(super) fee: i64,
    pub(super) requested: i64,
}

/// The totals of one payee.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    pub(super) unsettled: i64,
    pub(super) available: i64,
    pub(super) frozen: i64,
    pub(super) fees: i64,
    pub(super) refunding: i64,
    pub(super) marketing: i64,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) refunds: BTreeMap<u8, Refund>,
    pub(super) accounts: [Accounts; 2],
    pub(super) wallet: i64,
    /// Whether what is left of the shared order still waits.
    is_waiting: bool,
    pub(super) notified: Vec<(String, String)>,
}

impl Model {
    pub(super) fn new() -> Self {
        let mut accounts = [Accounts::default(); 2];
        for sold in ORDERS {
            let accounts = &mut accounts[sold.payee];
            accounts.fees += sold.fee;
            let kept = sold.settled() - sold.fee;
            if sold.is_shared { accounts.frozen += kept } else { accounts.unsettled += kept }
        }
        let (refunds, notified) = (BTreeMap::new(), Vec::new());
        Self { now: NOW, refunds, accounts, wallet: 0, is_waiting: true, notified }
    }

    fn of(&self, order: usize) -> impl Iterator<Item = &Refund> {
        self.refunds.values().filter(move |refund| refund.order == order)
    }

    /// What the refunds of an order that were not closed come to.
    fn counted(&self, order: usize) -> Shares {
        let counted = self.of(order).filter(|refund| refund.state != RefundState::Closed);
        counted.fold(Shares::default(), |sum, Refund { shares, .. }| Shares {
            fen: sum.fen + shares.fen,
            payer: sum.payer + shares.payer,
            fee: sum.fee + shares.fee,
            cash: sum.cash + shares.cash,
            discount: sum.discount + shares.discount,
        })
    }

    fn divide(&self, order: usize, fen: i64) -> Shares {
        let (sold, before) = (ORDERS[order], self.counted(order));
        let of_order = |part, part_before| share(fen, (sold.total, part), (before.fen, part_before));
        let payer = of_order(sold.payer_total(), before.payer);
        let fee = of_order(sold.fee, before.fee);
        // What coupons took off goes back to them, each according to its worth.
        let off = fen - payer;
        let cash = match sold.cash + sold.discount {
            0 => 0,
            all => share(off, (all, sold.cash), (before.cash + before.discount, before.cash)),
        };
        Shares { fen, payer, fee, cash, discount: off - cash }
    }

    /// The status that a refund has afterwards, or the code of the refusal.
    pub(super) fn refund(
        &mut self,
        (order, number): (usize, u8),
        fen: i64,
        total_off: i64,
        source: Source,
    ) -> Result<RefundState, Refused> {
        if let Some(known) = self.refunds.get(&number) {
            let is_same = (known.order, known.shares.fen, total_off) == (order, fen, 0);
            return if is_same { Ok(known.state) } else { Err(INVALID) };
        }
        let is_old = self.now - NOW > 365 * DAY;
        if is_old || total_off != 0 {
            return Err(INVALID);
        }
        if fen > ORDERS[order].total - self.counted(order).fen || self.of(order).count() >= 50 {
            return Err(INVALID);
        }
        if self.of(order).any(|known| self.now - known.created < 60) {
            return Err("FREQUENCY_LIMITED");
        }
        let shares = self.divide(order, fen);
        let is_of_frozen = ORDERS[order].is_shared && self.is_waiting;
        // After the end of profit sharing only available money pays.
        let is_ended = ORDERS[order].is_shared && !self.is_waiting;
        let source = match source {
            Source::Any if is_ended => Source::Available,
            Source::Unsettled | Source::Both(1..) if is_ended => return Err(SHORT),
            source => source,
        };
        let funds = self.withdraw(ORDERS[order].payee, shares, is_of_frozen, source, fen)?;
        let refund = Refund {
            id: String::new(),
            order,
            shares,
            state: RefundState::Processing,
            created: self.now,
            settles: self.now + 5,
            destination: Destination::Original,
            is_of_frozen,
            funds,
            billed: None,
        };
        self.refunds.insert(number, refund);
        Ok(RefundState::Processing)
    }

    /// The fee comes back into the first account that is asked and has money. Gives `funds_account`.
    fn withdraw(
        &mut self,
        payee: usize,
        shares: Shares,
        is_of_frozen: bool,
        source: Source,
        fen: i64,
    ) -> Result<&'static str, Refused> {
        let accounts = &mut self.accounts[payee];
        let needed = shares.fen - shares.discount;
        let all = i64::MAX;
        let (unsettled, available) = match source {
            Source::Any => (all, all),
            Source::Available => (0, all),
            Source::Unsettled => (all, 0),
            Source::Both(unsettled) => (unsettled, fen - unsettled),
        };
        let funds = if is_of_frozen {
            // Only the shared order has frozen money here.
            if accounts.frozen + shares.fee < needed {
                return Err(SHORT);
            }
            accounts.frozen += shares.fee - needed;
            "UNAVAILABLE"
        } else {
            let has_available = available > 0 && accounts.available > 0;
            let is_fee_unsettled = unsettled > 0 && (accounts.unsettled > 0 || !has_available);
            let (unsettled_fee, available_fee) =
                if is_fee_unsettled { (shares.fee, 0) } else { (0, shares.fee) };
            let of_unsettled = needed.min(unsettled).min(accounts.unsettled + unsettled_fee);
            let of_available = needed - of_unsettled;
            if of_available > available.min(accounts.available + available_fee) {
                return Err(SHORT);
            }
            accounts.unsettled += unsettled_fee - of_unsettled;
            accounts.available += available_fee - of_available;
            match (of_unsettled, of_available) {
                (1.., 1..) => "BASIC",
                (1.., _) => "UNSETTLED",
                (_, 1..) => "AVAILABLE",
                _ if is_fee_unsettled => "UNSETTLED",
                _ => "AVAILABLE",
            }
        };
        accounts.fees -= shares.fee;
        accounts.refunding += needed;
        Ok(funds)
    }

    /// Whether it could be decided.
    pub(super) fn decide(&mut self, number: u8, to: RefundState) -> bool {
        self.decide_at(number, to, self.now)
    }

    fn decide_at(&mut self, number: u8, to: RefundState, at: i64) -> bool {
        let Some(refund) = self.refunds.get_mut(&number) else { return false };
        let may = refund.state == RefundState::Processing
            || (refund.state, to) == (RefundState::Abnormal, RefundState::Success);
        if !may {
            return false;
        }
        refund.keep_for_bill(at);
        refund.state = to;
        let (shares, sold) = (refund.shares, ORDERS[refund.order]);
        let is_of_frozen = refund.is_of_frozen && self.is_waiting;
        let is_to_wallet = sold.is_wallet && refund.destination == Destination::Original;
        let accounts = &mut self.accounts[sold.payee];
        let needed = shares.fen - shares.discount;
        match to {
            RefundState::Success => {
                accounts.refunding -= needed;
                // Nobody has a stock of the coupon.
                accounts.marketing += shares.cash;
                self.wallet += if is_to_wallet { shares.payer } else { 0 };
            }
            RefundState::Closed => {
                accounts.refunding -= needed;
                accounts.fees += shares.fee;
                let back = if is_of_frozen { &mut accounts.frozen } else { &mut accounts.available };
                *back += needed - shares.fee;
            }
            RefundState::Processing | RefundState::Abnormal => {}
        }
        self.notified.push((format!("REFUND.{}", to.word()), format!("{number} {}", to.word())));
        true
    }

    pub(super) fn handle(&mut self, number: u8, destination: Destination) -> Result<(), Refused> {
        let (now, settles) = (self.now, self.now + 5);
        let refund = self.refunds.get_mut(&number).filter(|refund| refund.state == RefundState::Abnormal);
        let refund = refund.ok_or(INVALID)?;
        refund.keep_for_bill(now);
        (refund.state, refund.settles, refund.destination) = (RefundState::Processing, settles, destination);
        Ok(())
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        if self.is_waiting && self.now >= NOW + 30 * DAY {
            self.is_waiting = false;
            let accounts = &mut self.accounts[0];
            accounts.available += std::mem::take(&mut accounts.frozen);
        }
        let is_due = |refund: &Refund| refund.state == RefundState::Processing && refund.settles <= self.now;
        let due = self.refunds.iter().filter(|(_, refund)| is_due(refund));
        let due: Vec<(u8, i64)> = due.map(|(number, refund)| (*number, refund.settles)).collect();
        for (number, at) in due {
            self.decide_at(number, RefundState::Success, at);
        }
    }

    /// The rows of all trade bills. A refund that was closed before its bill was made gave nothing back.
    pub(super) fn billed(&self) -> Vec<Billed> {
        let paid = ORDERS.iter().map(|sold| Billed {
            number: sold.number.to_owned(),
            state: "SUCCESS".to_owned(),
            settled: sold.settled(),
            off: sold.cash + sold.discount,
            refunded: 0,
            coupons_refunded: 0,
            fee: sold.fee,
            requested: 0,
        });
        let refunded = self.refunds.iter().map(|(number, refund)| {
            let state = refund.billed.unwrap_or(refund.state);
            let back = |fen: i64| if state == RefundState::Closed { 0 } else { fen };
            let word = match state {
                RefundState::Abnormal => "CHANGE",
                RefundState::Closed => "FAIL",
                other => other.word(),
            };
            Billed {
                number: number.to_string(),
                state: word.to_owned(),
                settled: 0,
                off: 0,
                refunded: back(refund.shares.fen - refund.shares.discount),
                coupons_refunded: back(refund.shares.cash),
                fee: -back(refund.shares.fee),
                requested: refund.shares.fen,
            }
        });
        paid.chain(refunded).collect()
    }

    /// The days on which something has a row.
    pub(super) fn days(&self) -> BTreeSet<i64> {
        let refunded = self.refunds.values().map(|refund| refund.created);
        std::iter::once(NOW).chain(refunded).map(clock::day).collect()
    }
}
