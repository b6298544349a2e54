//! Random lives of cash coupons against a reference model that is small enough to be believed.
//!
//! A merchant makes stocks, funded and not funded, starts, pauses and stops them; coupons are sent to
//! persons, who pay orders with the best that they have; orders are refunded in part and as a whole, before
//! and after the period of the stock. Budgets are locked from the marketing account, the basic account or the
//! operation account, and go back to where they came from. The model knows of each stock its state, how much of
//! its budget is locked and whose money that was, of each coupon whether it is used, and what is in every
//! account, as the ledger and the fund flow bills have it. The store is closed and opened in between.
//!
//! `WEIPAY_CASH_COUPON_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::BTreeMap;

use crate::clock::{DAY, day, midnight, rfc3339};
use crate::products::testing::random_steps::share;
use crate::products::testing::world::NOW;

pub(super) use crate::products::testing::random_steps::Refused;
const BLOCKED: Refused = "REQUEST_BLOCKED";
const UNKNOWN: Refused = "RESOURCE_NOT_EXISTS";
const WRONG: Refused = "PARAM_ERROR";
const INVALID: Refused = "INVALID_REQUEST";
const SHORT: Refused = "NOT_ENOUGH";
const LIMIT: Refused = "RULE_LIMIT";

/// The stock to make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Template {
    pub(super) amount: i64,
    pub(super) minimum: i64,
    pub(super) count: i64,
    pub(super) per_user: i64,
    /// How many can be sent on one day.
    pub(super) per_day: Option<i64>,
    /// Not funded.
    pub(super) no_cash: bool,
    pub(super) begin: i64,
    pub(super) end: i64,
    /// How many minutes a coupon lives.
    pub(super) minutes: Option<i64>,
    /// The last second of its coupons, before that of the stock.
    pub(super) own_end: Option<i64>,
}

pub(super) const STOCKS: [Template; 4] = [
    Template {
        amount: 500,
        minimum: 1_000,
        count: 4,
        per_user: 2,
        per_day: None,
        no_cash: false,
        begin: NOW,
        end: NOW + 2 * DAY,
        minutes: None,
        own_end: None,
    },
    Template {
        amount: 30,
        minimum: 100,
        count: 6,
        per_user: 3,
        per_day: Some(2),
        no_cash: true,
        begin: NOW,
        end: NOW + 20 * DAY,
        minutes: None,
        own_end: Some(NOW + 6 * DAY),
    },
    Template {
        amount: 200,
        minimum: 200,
        count: 6,
        per_user: 6,
        per_day: None,
        no_cash: false,
        begin: NOW + 3_600,
        end: NOW + 8 * DAY,
        minutes: Some(1_000),
        own_end: None,
    },
    // Of 2,000 yuan each: more than two a month are more than a person may get of one merchant.
    Template {
        amount: 200_000,
        minimum: 200_001,
        count: 9,
        per_user: 9,
        per_day: None,
        no_cash: true,
        begin: NOW,
        end: NOW + 40 * DAY,
        minutes: None,
        own_end: None,
    },
];

/// What a person may get of one merchant in a month.
const OF_A_MONTH: i64 = 500_000;

#[derive(Debug)]
pub(super) struct Stock {
    pub(super) state: &'static str,
    locked: i64,
    /// Where the budget came from.
    home: Home,
}

/// The account of a merchant that a budget can be locked from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    Marketing,
    Available,
    Operation,
}

#[derive(Debug)]
pub(super) struct Coupon {
    stock: usize,
    pub(super) person: usize,
    number: usize,
    begin: i64,
    end: i64,
    sent: i64,
    /// By which order it is used.
    used: Option<usize>,
}

impl Coupon {
    pub(super) fn status(&self, now: i64) -> &'static str {
        match self.used {
            Some(_) => "USED",
            None if now > self.end => "EXPIRED",
            None => "SENDED",
        }
    }
}

#[derive(Debug)]
pub(super) struct Order {
    pub(super) total: i64,
    coupon: Option<usize>,
    paid: i64,
    refunds: Vec<Refund>,
}

#[derive(Debug, Clone, Copy)]
struct Refund {
    fen: i64,
    payer: i64,
    fee: i64,
    made: i64,
    has_arrived: bool,
}

/// What the merchant has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    pub(super) unsettled: i64,
    pub(super) available: i64,
    pub(super) operation: i64,
    /// Budgets, and what is there for others.
    pub(super) marketing: i64,
    pub(super) fees: i64,
    pub(super) refunding: i64,
}

impl Accounts {
    pub(super) fn of(&mut self, home: Home) -> &mut i64 {
        match home {
            Home::Marketing => &mut self.marketing,
            Home::Available => &mut self.available,
            Home::Operation => &mut self.operation,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) stocks: [Option<Stock>; STOCKS.len()],
    /// The oldest first.
    pub(super) coupons: Vec<Coupon>,
    pub(super) orders: BTreeMap<usize, Order>,
    pub(super) accounts: Accounts,
    /// The coupons whose use the merchant was notified of.
    pub(super) notified: Vec<usize>,
    settled_until: i64,
}

impl Model {
    pub(super) fn new() -> Self {
        Self { now: NOW, settled_until: day(NOW), ..Self::default() }
    }

    pub(super) fn create(&mut self, number: usize) -> Result<(), Refused> {
        if self.stocks[number].is_some() {
            return Ok(());
        }
        if STOCKS[number].begin < self.now {
            return Err(BLOCKED);
        }
        self.stocks[number] = Some(Stock { state: "unactivated", locked: 0, home: Home::Available });
        Ok(())
    }

    /// A stock that is this caller's: that of the first.
    fn own(&mut self, caller: usize, number: usize) -> Result<&mut Stock, Refused> {
        let stock = self.stocks[number].as_mut().ok_or(UNKNOWN)?;
        if caller == 0 { Ok(stock) } else { Err(BLOCKED) }
    }

    pub(super) fn start(&mut self, caller: usize, number: usize) -> Result<(), Refused> {
        let template = STOCKS[number];
        let accounts = self.accounts;
        let free = accounts.marketing - self.locked();
        let stock = self.own(caller, number)?;
        match stock.state {
            "running" => Ok(()),
            "unactivated" => {
                let budget = if template.no_cash { 0 } else { template.amount * template.count };
                let has = [
                    (Home::Marketing, free),
                    (Home::Available, accounts.available),
                    (Home::Operation, accounts.operation),
                ];
                let home = has.into_iter().find(|(_, fen)| *fen >= budget).ok_or(SHORT)?.0;
                (stock.state, stock.locked, stock.home) = ("running", budget, home);
                *self.accounts.of(home) -= budget;
                self.accounts.marketing += budget;
                Ok(())
            }
            _ => Err(WRONG),
        }
    }

    /// What of the marketing account is budgets.
    fn locked(&self) -> i64 {
        self.stocks.iter().flatten().map(|stock| stock.locked).sum()
    }

    /// Pauses, goes on, or stops.
    pub(super) fn switch(&mut self, caller: usize, number: usize, to: &'static str) -> Result<(), Refused> {
        let stock = self.own(caller, number)?;
        let may = match to {
            "stoped" => stock.state != "unactivated",
            _ => matches!(stock.state, "running" | "paused"),
        };
        if !may {
            return Err(WRONG);
        }
        stock.state = to;
        Ok(())
    }

    /// The position of the coupon that is sent, or was sent with the same request before.
    pub(super) fn send(
        &mut self,
        caller: usize,
        (stock, person, number): (usize, usize, usize),
    ) -> Result<usize, Refused> {
        let is_known = |coupon: &Coupon| (coupon.person, coupon.number) == (person, number);
        if let Some(known) = self.coupons.iter().position(is_known).filter(|_| caller == 0) {
            return if self.coupons[known].stock == stock { Ok(known) } else { Err(INVALID) };
        }
        let template = STOCKS[stock];
        let state = self.own(caller, stock)?.state;
        if state != "running" || !(template.begin..=template.end).contains(&self.now) {
            return Err(INVALID);
        }
        if template.own_end.is_some_and(|end| self.now > end) {
            return Err(INVALID);
        }
        let of_stock = || self.coupons.iter().filter(|coupon| coupon.stock == stock);
        let today = of_stock().filter(|coupon| day(coupon.sent) == day(self.now)).count() as i64;
        if of_stock().count() as i64 >= template.count {
            return Err(SHORT);
        }
        if template.per_day.is_some_and(|most| today >= most) {
            return Err(LIMIT);
        }
        let of_person = of_stock().filter(|coupon| coupon.person == person).count() as i64;
        if of_person >= template.per_user {
            return Err(LIMIT);
        }
        let month = |at: i64| rfc3339(at)[..7].to_owned();
        let of_month =
            self.coupons.iter().filter(|one| one.person == person && month(one.sent) == month(self.now));
        if of_month.map(|one| STOCKS[one.stock].amount).sum::<i64>() + template.amount > OF_A_MONTH {
            return Err(INVALID);
        }
        // What lives for some minutes begins to live when it can be used.
        let begin = template.begin.max(self.now);
        let life = template.minutes.map_or(template.end, |minutes| begin + 60 * minutes);
        self.coupons.push(Coupon {
            stock,
            person,
            number,
            begin,
            end: template.end.min(life).min(template.own_end.unwrap_or(template.end)),
            sent: self.now,
            used: None,
        });
        Ok(self.coupons.len() - 1)
    }

    /// What the person pays with the best coupon. None when the order was paid before.
    pub(super) fn pay(&mut self, number: usize, person: usize, total: i64) -> Option<i64> {
        if self.orders.contains_key(&number) {
            return None;
        }
        let fits = |coupon: &Coupon| {
            let Template { amount, minimum, .. } = STOCKS[coupon.stock];
            coupon.person == person
                && coupon.used.is_none()
                && (coupon.begin..=coupon.end).contains(&self.now)
                && total >= minimum
                && total > amount
        };
        let fitting = self.coupons.iter().enumerate().filter(|(_, coupon)| fits(coupon));
        // Of equal ones the last that was sent.
        let best =
            fitting.max_by_key(|(position, coupon)| (STOCKS[coupon.stock].amount, -coupon.end, *position));
        let best = best.map(|(position, _)| position);
        let mut paid = total;
        let mut settled = total;
        if let Some(position) = best {
            let coupon = &mut self.coupons[position];
            coupon.used = Some(number);
            let Template { amount, no_cash, .. } = STOCKS[coupon.stock];
            paid -= amount;
            if no_cash {
                settled = paid;
            } else {
                self.accounts.marketing -= amount;
                if let Some(stock) = &mut self.stocks[coupon.stock] {
                    stock.locked -= amount;
                }
            }
            self.notified.push(position);
        }
        self.accounts.fees += fee(settled);
        self.accounts.unsettled += settled - fee(settled);
        self.orders.insert(number, Order { total, coupon: best, paid, refunds: Vec::new() });
        Some(paid)
    }

    /// What the person gets back.
    pub(super) fn refund(&mut self, number: usize, fen: i64) -> Result<i64, Refused> {
        let now = self.now;
        let order = self.orders.get_mut(&number).ok_or(UNKNOWN)?;
        let sum = |of: fn(&Refund) -> i64| order.refunds.iter().map(of).sum::<i64>();
        let refunded = sum(|refund| refund.fen);
        if fen > order.total - refunded {
            return Err(INVALID);
        }
        if order.refunds.iter().any(|refund| now - refund.made < 60) {
            return Err("FREQUENCY_LIMITED");
        }
        let coupon = order.coupon.map(|coupon| STOCKS[self.coupons[coupon].stock]);
        let is_discount = coupon.is_some_and(|template| template.no_cash);
        let settled = if is_discount { order.paid } else { order.total };
        let payer = share(fen, (order.total, order.paid), (refunded, sum(|refund| refund.payer)));
        let fee = share(fen, (order.total, fee(settled)), (refunded, sum(|refund| refund.fee)));
        let needed = if is_discount { payer } else { fen };
        let accounts = &mut self.accounts;
        let of_unsettled = needed.min(accounts.unsettled + fee);
        if needed - of_unsettled > accounts.available {
            return Err(SHORT);
        }
        accounts.unsettled += fee - of_unsettled;
        accounts.available -= needed - of_unsettled;
        accounts.fees -= fee;
        accounts.refunding += needed;
        order.refunds.push(Refund { fen, payer, fee, made: now, has_arrived: false });
        Ok(payer)
    }

    /// Money that came from a coupon goes back to the budget, or to where that came from when the period is over.
    fn arrive(&mut self, number: usize, at: i64, fen: i64, payer: i64) {
        let Some(order) = self.orders.get(&number) else { return };
        let Some(position) = order.coupon else {
            self.accounts.refunding -= fen;
            return;
        };
        let refunded: i64 = order.refunds.iter().map(|refund| refund.fen).sum();
        let coupon = &mut self.coupons[position];
        if refunded >= order.total && coupon.used == Some(number) {
            coupon.used = None;
        }
        let template = STOCKS[coupon.stock];
        if template.no_cash {
            self.accounts.refunding -= payer;
            return;
        }
        self.accounts.refunding -= fen;
        match &mut self.stocks[coupon.stock] {
            Some(stock) if at <= template.end => {
                stock.locked += fen - payer;
                self.accounts.marketing += fen - payer;
            }
            Some(stock) => *self.accounts.of(stock.home) += fen - payer,
            None => {}
        }
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        let now = self.now;
        // At the same moment a stock ends first.
        let mut due: Vec<(i64, bool, usize, usize)> = Vec::new();
        for (number, template) in STOCKS.iter().enumerate() {
            if self.stocks[number].as_ref().is_some_and(|stock| stock.state != "stoped" || stock.locked > 0) {
                due.push((template.end + 1, false, number, 0));
            }
        }
        for (number, order) in &self.orders {
            let waiting = order.refunds.iter().enumerate().filter(|(_, refund)| !refund.has_arrived);
            due.extend(waiting.map(|(position, refund)| (refund.made + 5, true, *number, position)));
        }
        due.sort_unstable();
        for (at, is_refund, number, position) in due.into_iter().filter(|(at, ..)| *at <= now) {
            if is_refund {
                let Some(order) = self.orders.get_mut(&number) else { continue };
                order.refunds[position].has_arrived = true;
                let Refund { fen, payer, .. } = order.refunds[position];
                self.arrive(number, at, fen, payer);
            } else if let Some(stock) = &mut self.stocks[number] {
                stock.state = "stoped";
                let locked = std::mem::take(&mut stock.locked);
                self.accounts.marketing -= locked;
                *self.accounts.of(stock.home) += locked;
            }
        }
        while midnight(self.settled_until + 1) <= now {
            self.settled_until += 1;
            self.accounts.available += std::mem::take(&mut self.accounts.unsettled);
        }
        assert!(self.locked() <= self.accounts.marketing);
    }
}

/// 0.6 %, and half a fen is a whole one.
fn fee(settled: i64) -> i64 {
    (settled * 6 + 500) / 1_000
}
