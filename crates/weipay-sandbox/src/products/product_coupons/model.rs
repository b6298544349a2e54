//! Random lives of product coupons against a reference model that is small enough to be believed.
//!
//! A brand has a coupon of one use with three stocks, one for each way in which coupons get their codes; a
//! coupon of three uses; and bundles of three coupons. The model knows what each stock has sent and which
//! stores it has, of each coupon whether it was confirmed, when it was used and how it ended, and what each
//! token offers. It says of every step whether it succeeds or with which code it is refused. A number that
//! comes again must get its first response again, or a refusal if it asks for something else. The clock moves
//! in both directions, its work is sometimes late, and the database is closed and opened in between.
//!
//! `WEIPAY_PRODUCT_COUPON_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use step::{Asked, Caller, Target};

use crate::clock::{self, DAY};

pub(super) use crate::products::testing::random_steps::Refused;
const INVALID: Refused = "INVALID_REQUEST";
const PARAM: Refused = "PARAM_ERROR";
const MISSING: Refused = "RESOURCE_NOT_EXISTS";
const USED: Refused = "RESOURCE_ALREADY_EXISTS";

pub(super) const TOTAL: i64 = 8;
pub(super) const BY_DAY: i64 = 4;
pub(super) const BY_USER: i64 = 3;

/// Stocks by their position. The first three are of the coupon of one use.
pub(super) const WECHATPAY: usize = 0;
pub(super) const UPLOAD: usize = 1;
pub(super) const OWN: usize = 2;
pub(super) const SEQUENTIAL: usize = 3;
/// The first of the bundle.
pub(super) const BUNDLE_INDEX: usize = 4;
pub(super) const STOCKS: usize = 7;
const OF_BUNDLE: std::ops::Range<usize> = BUNDLE_INDEX..STOCKS;

/// The product coupon of a stock.
pub(super) fn product_of(stock: usize) -> usize {
    match stock {
        0..SEQUENTIAL => 0,
        SEQUENTIAL => 1,
        _ => 2,
    }
}

/// How often a coupon of a stock can be used.
fn uses_of(stock: usize) -> usize {
    if stock == SEQUENTIAL { 3 } else { 1 }
}

/// Whether coupons of a stock are used in its stores only.
pub(super) fn has_stores(stock: usize) -> bool {
    stock == UPLOAD || OF_BUNDLE.contains(&stock)
}

fn stocks_of(target: Target) -> Vec<usize> {
    match target {
        Target::Stock(stock) => vec![stock],
        Target::Bundle => OF_BUNDLE.collect(),
    }
}

/// The state of a stock that nobody has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Auditing,
    Sending,
    Paused,
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Deactivated,
    Deleted,
}

#[derive(Debug)]
pub(super) struct Coupon {
    pub(super) stock: usize,
    pub(super) user: usize,
    pub(super) code: String,
    /// Under which number it was sent.
    number: String,
    pub(super) start: i64,
    pub(super) expire: i64,
    is_confirmed: bool,
    /// When it was used, each time.
    pub(super) uses: Vec<i64>,
    pub(super) end: Option<End>,
    /// Where the coupons of its bundle begin.
    pub(super) bundle: Option<usize>,
}

impl Coupon {
    pub(super) fn state(&self, now: i64) -> &'static str {
        match self.end {
            Some(End::Deactivated) => "DEACTIVATED",
            Some(End::Deleted) => "DELETED",
            None if self.uses.len() == uses_of(self.stock) => "USED",
            None if now > self.expire => "EXPIRED",
            None if !self.is_confirmed => "CONFIRMING",
            None if now < self.start => "PENDING",
            None => "EFFECTIVE",
        }
    }

    fn is_open(&self, now: i64) -> bool {
        ["CONFIRMING", "PENDING", "EFFECTIVE"].contains(&self.state(now))
    }
}

#[derive(Debug)]
pub(super) struct Stock {
    state: State,
    is_ended: bool,
    pub(super) total: i64,
    pub(super) by_day: Option<i64>,
    pub(super) sent: i64,
    /// The latest day of a send, and how many were sent on it.
    last: (i64, i64),
    pub(super) stores: BTreeSet<u8>,
    /// The end of the period is still to come, for the clock.
    is_due: bool,
}

/// What somebody may take with a token.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    target: Target,
    pub(super) user: usize,
    code: Option<u8>,
    pub(super) number: String,
}

/// What becomes of a taken token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Sent(Vec<String>),
    /// The coupons that the user has already.
    Had(Vec<String>),
    Nothing,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: i64,
    /// When the period of all stocks ends.
    pub(super) end: i64,
    pub(super) stocks: Vec<Stock>,
    pub(super) has_ended: [bool; 3],
    pub(super) coupons: Vec<Coupon>,
    /// Codes that were uploaded, and whether somebody has them.
    pub(super) codes: BTreeMap<String, bool>,
    pub(super) offers: Vec<Offer>,
    has_address: bool,
    /// The codes of coupons of which the partner was notified.
    pub(super) notified: Vec<String>,
}

impl Model {
    pub(super) fn new(now: i64, end: i64) -> Self {
        let stock = |position| Stock {
            state: State::Sending,
            is_ended: false,
            total: TOTAL,
            by_day: (position != OWN).then_some(BY_DAY),
            sent: 0,
            last: (0, 0),
            stores: BTreeSet::new(),
            is_due: true,
        };
        Self {
            now,
            end,
            stocks: (0..STOCKS).map(stock).collect(),
            has_ended: [false; 3],
            coupons: Vec::new(),
            codes: BTreeMap::new(),
            offers: Vec::new(),
            has_address: false,
            notified: Vec::new(),
        }
    }

    pub(super) fn word(&self, stock: usize) -> &'static str {
        let stock = &self.stocks[stock];
        match stock.state {
            _ if stock.is_ended => "DEACTIVATED",
            _ if self.now > self.end => "STOPPED",
            State::Stopped => "STOPPED",
            State::Auditing => "AUDITING",
            State::Sending => "SENDING",
            State::Paused => "PAUSED",
        }
    }

    fn lasts(&self, stock: usize) -> bool {
        !["DEACTIVATED", "STOPPED"].contains(&self.word(stock))
    }

    /// How many were sent on this day, of which the clock may only go forward.
    pub(super) fn sent_today(&self, stock: usize) -> i64 {
        let (day, count) = self.stocks[stock].last;
        if clock::day(self.now) <= day { count } else { 0 }
    }

    /// From when until when a coupon can be used that is received now.
    fn window(&self, stock: usize) -> (i64, i64) {
        let day = clock::day(self.now);
        let days = |wait: i64, count: i64| {
            (clock::midnight(day + wait), self.end.min(clock::midnight(day + wait + count) - 1))
        };
        match stock {
            WECHATPAY | OWN => (self.now, self.end),
            UPLOAD => days(1, 2),
            SEQUENTIAL => days(0, 4),
            _ => (self.now, self.end.min(self.now + 2 * DAY)),
        }
    }

    /// What a request does whose number is new, or with which code it is refused. What the platform chooses
    /// comes to [`Self::sent`].
    fn ask(&mut self, asked: Asked, caller: Caller, number: &str) -> Result<(), Refused> {
        let now = self.now;
        if caller != Caller::Partner {
            // Nothing is theirs. What a request must say is looked at first only where nothing is looked up for it.
            return Err(MISSING);
        }
        match asked {
            Asked::Send { target, user, code } => {
                self.may_offer(target, code)?;
                self.may_send(target, user, number)
            }
            Asked::Offer { target, user, code } => {
                self.may_offer(target, code)?;
                self.offers.push(Offer { target, user, code, number: number.to_owned() });
                Ok(())
            }
            Asked::Confirm { coupon } => {
                let coupon = self.coupons.get_mut(coupon).ok_or(MISSING)?;
                match coupon.state(now) {
                    "CONFIRMING" => coupon.is_confirmed = true,
                    "USED" => return Err(USED),
                    _ => return Err(INVALID),
                }
                Ok(())
            }
            Asked::Use { coupon, store, index, orders } => self.redeem(coupon, store, index, orders),
            Asked::Return { coupon, index } => self.give_back(coupon, index),
            Asked::Deactivate { coupon } => {
                let coupon = self.coupons.get_mut(coupon).ok_or(MISSING)?;
                match coupon.state(now) {
                    _ if coupon.bundle.is_some() => return Err(INVALID),
                    "USED" => return Err(USED),
                    _ if !coupon.is_open(now) => return Err(INVALID),
                    _ => coupon.end = Some(End::Deactivated),
                }
                Ok(())
            }
            Asked::DeactivateBundle { coupon } => {
                let first = self.coupons.get(coupon).and_then(|coupon| coupon.bundle).ok_or(MISSING)?;
                let bundle = &mut self.coupons[first..first + 3];
                let mut open: Vec<_> = bundle.iter_mut().filter(|coupon| coupon.is_open(now)).collect();
                open.iter_mut().for_each(|coupon| coupon.end = Some(End::Deactivated));
                if open.is_empty() { Err(INVALID) } else { Ok(()) }
            }
            Asked::EndStock { stock } => {
                if !["SENDING", "PAUSED"].contains(&self.word(stock)) {
                    return Err(INVALID);
                }
                self.stocks[stock].is_ended = true;
                Ok(())
            }
            Asked::EndProduct { product } => {
                if std::mem::replace(&mut self.has_ended[product], true) {
                    return Err(INVALID);
                }
                for stock in (0..STOCKS).filter(|stock| product_of(*stock) == product) {
                    self.stocks[stock].is_ended |= self.lasts(stock);
                }
                Ok(())
            }
            Asked::Budget { target, by, by_day, knows } => self.rebudget(target, by, by_day, knows),
            Asked::Upload { stock, codes } => {
                if stock != UPLOAD || !["SENDING", "PAUSED"].contains(&self.word(stock)) {
                    return Err(INVALID);
                }
                for code in codes {
                    self.codes.entry(uploaded_code(code)).or_insert(false);
                }
                Ok(())
            }
        }
    }

    /// The brand sends a coupon with an uploaded code.
    pub(super) fn brand_sends(&self, user: usize) -> Result<(), Refused> {
        self.may_begin(Target::Stock(UPLOAD))?;
        self.may_send(Target::Stock(UPLOAD), user, "of the brand")
    }

    /// Whether something can be sent, limits apart.
    fn may_offer(&self, target: Target, code: Option<u8>) -> Result<(), Refused> {
        if matches!(target, Target::Stock(stock) if OF_BUNDLE.contains(&stock)) {
            return Err(INVALID);
        }
        self.may_begin(target)?;
        // The brand sends what has uploaded codes.
        if target == Target::Stock(UPLOAD) {
            return Err(INVALID);
        }
        match (target == Target::Stock(OWN), code.map(own_code)) {
            (true, None) => Err(PARAM),
            (true, Some(code)) if self.has(OWN, &code) => Err(INVALID),
            (false, Some(_)) if target != Target::Bundle => Err(INVALID),
            _ => Ok(()),
        }
    }

    /// Whether the stocks are sent at all.
    fn may_begin(&self, target: Target) -> Result<(), Refused> {
        let is_sent = |stock: usize| {
            let (start, expire) = self.window(stock);
            let is_over = self.has_ended[product_of(stock)];
            !is_over && self.word(stock) == "SENDING" && start.max(self.now) <= expire
        };
        if stocks_of(target).into_iter().all(is_sent) { Ok(()) } else { Err(INVALID) }
    }

    fn has(&self, stock: usize, code: &str) -> bool {
        self.coupons.iter().any(|coupon| coupon.stock == stock && coupon.code == code)
    }

    /// The limits, and whether another coupon has the number.
    fn may_send(&self, target: Target, user: usize, number: &str) -> Result<(), Refused> {
        let is_sent = self.coupons.iter().any(|coupon| coupon.number == number);
        let is_full = |stock: usize| {
            let known = &self.stocks[stock];
            let of_user = self.coupons.iter().filter(|coupon| (coupon.stock, coupon.user) == (stock, user));
            i64::try_from(of_user.count()).unwrap() >= BY_USER
                || known.by_day.is_some_and(|cap| self.sent_today(stock) >= cap)
                || known.sent >= known.total
                || (stock == UPLOAD && !self.codes.values().any(|is_taken| !is_taken))
        };
        if is_sent || stocks_of(target).into_iter().any(is_full) { Err(INVALID) } else { Ok(()) }
    }

    /// A send that was allowed has given these codes.
    fn sent(&mut self, target: Target, user: usize, number: &str, codes: &[String]) {
        let first = self.coupons.len();
        for (stock, code) in stocks_of(target).into_iter().zip(codes) {
            let ((start, expire), today) = (self.window(stock), self.sent_today(stock) + 1);
            let known = &mut self.stocks[stock];
            known.sent += 1;
            known.last = (known.last.0.max(clock::day(self.now)), today);
            if stock == UPLOAD {
                assert_eq!(self.codes.insert(code.clone(), true), Some(false), "{code} could not be taken");
            }
            if self.has_address {
                self.notified.push(code.clone());
            }
            self.coupons.push(Coupon {
                stock,
                user,
                code: code.clone(),
                number: number.to_owned(),
                start,
                expire,
                is_confirmed: false,
                uses: Vec::new(),
                end: None,
                bundle: (target == Target::Bundle).then_some(first),
            });
        }
    }

    /// A user takes what a token offers. `codes` are those that the platform gave, if it sent something.
    pub(super) fn take(&mut self, token: usize, user: usize, codes: &[String]) -> Taken {
        let Some(offer) = self.offers.get(token).filter(|offer| offer.user == user).cloned() else {
            return Taken::Nothing;
        };
        let there: Vec<_> = self.coupons.iter().filter(|coupon| coupon.number == offer.number).collect();
        if !there.is_empty() {
            let is_offered = there.iter().all(|coupon| {
                let target = coupon.bundle.map_or(Target::Stock(coupon.stock), |_| Target::Bundle);
                let is_code = offer
                    .code
                    .is_none_or(|code| offer.target == Target::Bundle || own_code(code) == coupon.code);
                (target, coupon.user) == (offer.target, user) && is_code
            });
            let codes = there.iter().map(|coupon| coupon.code.clone()).collect();
            return if is_offered { Taken::Had(codes) } else { Taken::Nothing };
        }
        let Offer { target, code, number, .. } = offer;
        if self.may_offer(target, code).and_then(|()| self.may_send(target, user, &number)).is_err() {
            return Taken::Nothing;
        }
        self.sent(target, user, &number, codes);
        Taken::Sent(codes.to_vec())
    }

    fn redeem(
        &mut self,
        coupon: usize,
        store: Option<u8>,
        index: Option<i64>,
        orders: u8,
    ) -> Result<(), Refused> {
        let now = self.now;
        let known = self.coupons.get(coupon).ok_or(MISSING)?;
        if orders != 1 {
            return Err(PARAM);
        }
        match known.state(now) {
            "EFFECTIVE" => {}
            "USED" => return Err(USED),
            _ => return Err(INVALID),
        }
        let stores = &self.stocks[known.stock].stores;
        // Coupons with a code of the partner's are for Mondays to Fridays. The first of January 1970 was a Thursday.
        let is_weekend = known.stock == OWN && [0, 6].contains(&(clock::day(now) + 4).rem_euclid(7));
        let is_elsewhere = has_stores(known.stock) && !store.is_some_and(|store| stores.contains(&store));
        let before = match known.bundle {
            Some(first) if coupon > first => Some(self.coupons[coupon - 1].uses.first()),
            _ => known.uses.last().map(Some),
        };
        let is_too_soon = match before {
            None => false,
            Some(None) => true,
            Some(Some(last)) => now < clock::midnight(clock::day(*last) + 1),
        };
        let is_other = index.is_some_and(|index| index != i64::try_from(known.uses.len()).unwrap());
        if is_weekend || is_elsewhere || is_too_soon || is_other {
            return Err(INVALID);
        }
        self.coupons[coupon].uses.push(now);
        Ok(())
    }

    fn give_back(&mut self, coupon: usize, index: Option<i64>) -> Result<(), Refused> {
        let known = self.coupons.get(coupon).ok_or(MISSING)?;
        let last = i64::try_from(known.uses.len()).unwrap() - 1;
        let is_other = last < 0 || index.is_some_and(|index| index != last);
        let next = known.bundle.filter(|first| coupon < first + 2).map(|_| &self.coupons[coupon + 1]);
        if known.end.is_some() || is_other || next.is_some_and(|next| !next.uses.is_empty()) {
            return Err(INVALID);
        }
        self.coupons[coupon].uses.pop();
        Ok(())
    }

    fn rebudget(&mut self, target: Target, by: i64, by_day: bool, knows: bool) -> Result<(), Refused> {
        if matches!(target, Target::Stock(stock) if OF_BUNDLE.contains(&stock)) {
            return Err(INVALID);
        }
        let (_, wanted) = self.budget(target, by, by_day);
        for stock in stocks_of(target) {
            let known = &self.stocks[stock];
            let sent = if by_day { self.sent_today(stock) } else { known.sent };
            if !self.lasts(stock) {
                return Err(INVALID);
            } else if by_day && known.by_day.is_none() {
                return Err(PARAM);
            } else if !knows {
                return Err(INVALID);
            } else if wanted < sent.max(1) {
                return Err(PARAM);
            }
        }
        for stock in stocks_of(target) {
            let known = &mut self.stocks[stock];
            if by_day {
                known.by_day = Some(wanted);
            } else {
                known.total = wanted;
            }
        }
        Ok(())
    }

    /// The number of a budget as it is, and as it will be: never below one, which no request may name.
    fn budget(&self, target: Target, by: i64, by_day: bool) -> (i64, i64) {
        let known = &self.stocks[stocks_of(target)[0]];
        let cap = if by_day { known.by_day.unwrap_or(BY_DAY) } else { known.total };
        (cap, (cap + by).max(1))
    }

    /// The stores with which it was done.
    fn change_stores(
        &mut self,
        target: Target,
        stores: [u8; 2],
        associates: bool,
    ) -> Result<BTreeSet<u8>, Refused> {
        if matches!(target, Target::Stock(stock) if OF_BUNDLE.contains(&stock)) {
            return Err(INVALID);
        }
        if stocks_of(target).into_iter().any(|stock| !has_stores(stock) || !self.lasts(stock)) {
            return Err(INVALID);
        }
        let mut done = BTreeSet::new();
        for stock in stocks_of(target) {
            let known = &mut self.stocks[stock].stores;
            for store in stores {
                // What is there already is associated, too.
                if associates {
                    known.insert(store);
                } else if !known.remove(&store) {
                    continue;
                }
                done.insert(store);
            }
        }
        Ok(done)
    }

    pub(super) fn set_address(&mut self) {
        self.has_address = true;
    }

    pub(super) fn delete(&mut self, coupon: usize) -> bool {
        let now = self.now;
        let Some(known) = self.coupons.get_mut(coupon).filter(|known| known.is_open(now)) else {
            return false;
        };
        known.end = Some(End::Deleted);
        true
    }

    pub(super) fn set_state(&mut self, stock: usize, state: State) {
        (self.stocks[stock].state, self.stocks[stock].is_due) = (state, true);
    }

    pub(super) fn pass(&mut self, seconds: i64, is_late: bool) {
        self.now += seconds;
        if !is_late {
            self.tick();
        }
    }

    /// The clock does its work.
    pub(super) fn tick(&mut self) {
        if self.now <= self.end {
            return;
        }
        for stock in self.stocks.iter_mut().filter(|stock| stock.is_due) {
            (stock.state, stock.is_due) = (State::Stopped, false);
        }
    }
}

/// The codes that a partner gives and uploads.
pub(super) fn own_code(code: u8) -> String {
    format!("VIP-{code}")
}

pub(super) fn uploaded_code(code: u8) -> String {
    format!("U_{code}")
}
