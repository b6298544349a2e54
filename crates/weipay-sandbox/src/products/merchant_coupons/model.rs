//! Random lives of coupons against a reference model that is small enough to be believed.
//!
//! The model knows what a stock has sent, where its codes are, and for each coupon a state and an order; for
//! each request number it keeps what was asked and what came back; and what was paid and returned for it as a
//! subsidy (营销补差), which moves money between the creator and the merchant that the coupons belong to. It says of every
//! step whether it succeeds and with which code it is refused. The handlers must agree, repeat their response to a
//! number, and change nothing when they refuse. The clock moves in both directions, and the platform is restarted on
//! its database in between.
//!
//! `WEIPAY_MERCHANT_COUPON_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::BTreeMap;

use step::{Step, Subsidise, Tie};

pub(super) const BY_USER: i64 = 3;
pub(super) const BY_DAY: i64 = 4;
pub(super) const TOTAL: i64 = 8;
const DAY: i64 = 86_400;
const BEIJING: i64 = 28_800;

/// Stocks by their position: what makes their codes.
pub(super) const WECHATPAY: usize = 0;
pub(super) const OWN: usize = 1;
pub(super) const UPLOADED: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Sended,
    Used,
    Deactivated,
    Deleted,
}

#[derive(Debug)]
pub(super) struct ModelCoupon {
    pub(super) stock: usize,
    pub(super) user: u8,
    pub(super) code: String,
    pub(super) state: State,
    pub(super) order: Option<u8>,
    pub(super) is_returned: bool,
    pub(super) start: i64,
    pub(super) expire: i64,
    /// Subsidies that were paid, the oldest first.
    subsidies: Vec<Subsidy>,
}

/// What was paid for a coupon, and what of it came back.
#[derive(Debug)]
struct Subsidy {
    payer: usize,
    order: u8,
    fen: i64,
    returned: i64,
}

/// Orders by their number: 0 was shared and refunded.
pub(super) const NOT_REFUNDED: u8 = 1;
pub(super) const NOT_SHARED: u8 = 2;
pub(super) const NO_ORDER: u8 = 3;

/// What a coupon takes off, and so the most that is paid for it.
pub(super) const WORTH: i64 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CodeState {
    Available,
    Dispatched,
    Deleted,
}

#[derive(Debug)]
pub(super) struct ModelStock {
    pub(super) total: i64,
    pub(super) by_day: Option<i64>,
    pub(super) sent: i64,
    /// The latest day of a send, and how many were sent on it.
    pub(super) day: i64,
    pub(super) on_day: i64,
    pub(super) is_running: bool,
    pub(super) is_over: bool,
    /// Whether a partnership was ever built, and whether it is there now.
    pub(super) pact: Option<bool>,
}

pub(super) use crate::products::testing::random_steps::Refused;

pub(super) const NO_AUTH: Refused = "NO_AUTH";
pub(super) const INVALID: Refused = "INVALID_REQUEST";
pub(super) const PARAM: Refused = "PARAM_ERROR";
pub(super) const LIMIT: Refused = "RULE_LIMIT";
pub(super) const MISSING: Refused = "RESOURCE_NOT_EXISTS";
pub(super) const EXISTS: Refused = "RESOURCE_ALREADY_EXISTS";

#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: i64,
    /// When all stocks end.
    pub(super) end: i64,
    /// Whether the clock was ever there.
    has_ended: bool,
    pub(super) stocks: Vec<ModelStock>,
    pub(super) coupons: Vec<ModelCoupon>,
    /// Codes of the stock whose codes are uploaded.
    pub(super) codes: BTreeMap<String, CodeState>,
    /// What is available to the creator, and to the merchant that all coupons belong to.
    pub(super) available: [i64; 2],
    /// What moved between them or came from the bank, by merchant and name.
    pub(super) flows: Vec<(usize, &'static str, i64)>,
    /// `status` of the last subsidy or return.
    pub(super) status: &'static str,
}

impl Model {
    pub(super) fn new(now: i64, end: i64) -> Self {
        let stock = |by_day| ModelStock {
            total: TOTAL,
            by_day,
            sent: 0,
            day: 0,
            on_day: 0,
            is_running: true,
            is_over: false,
            pact: None,
        };
        let stocks = vec![stock(None), stock(None), stock(Some(BY_DAY))];
        Self {
            now,
            end,
            has_ended: false,
            stocks,
            coupons: Vec::new(),
            codes: BTreeMap::new(),
            available: [0; 2],
            flows: Vec::new(),
            status: "",
        }
    }

    /// What the step does when its number is new, or with which code it is refused. A send needs the code that the platform
    /// chose; see [`Self::sent`].
    fn apply(&mut self, step: &Step) -> Result<(), Refused> {
        match step {
            Step::Send { stock, user, code, by_partner, .. } => {
                self.may_send(*stock, *user, code, *by_partner)
            }
            Step::Use { coupon, by_stranger, .. } => {
                let now = self.now;
                let coupon = self.of(*coupon, *by_stranger, MISSING)?;
                match coupon.state {
                    State::Used => return Err(EXISTS),
                    State::Deleted | State::Deactivated => return Err(MISSING),
                    State::Sended if now > coupon.expire || now < coupon.start => return Err(LIMIT),
                    State::Sended => {}
                }
                coupon.state = State::Used;
                Ok(())
            }
            Step::Associate(Tie { coupon, order, by_stranger, .. }) => {
                let coupon = self.usable(*coupon, *by_stranger)?;
                if coupon.order.is_some_and(|known| known != *order) {
                    return Err(INVALID);
                }
                coupon.order = Some(*order);
                Ok(())
            }
            Step::Disassociate(Tie { coupon, order, by_stranger, .. }) => {
                let coupon = self.usable(*coupon, *by_stranger)?;
                if coupon.order != Some(*order) {
                    return Err(INVALID);
                }
                coupon.order = None;
                Ok(())
            }
            Step::Return { coupon, by_stranger, .. } => {
                let coupon = self.of(*coupon, *by_stranger, MISSING)?;
                match coupon.state {
                    State::Used => {}
                    State::Deleted => return Err(MISSING),
                    _ => return Err(INVALID),
                }
                (coupon.state, coupon.is_returned) = (State::Sended, true);
                Ok(())
            }
            Step::Deactivate { coupon, by_stranger, .. } => {
                let now = self.now;
                let coupon = self.of(*coupon, *by_stranger, MISSING)?;
                if coupon.state != State::Sended || now > coupon.expire {
                    return Err(INVALID);
                }
                coupon.state = State::Deactivated;
                Ok(())
            }
            Step::Budget { stock, by, by_day, knows, .. } => self.rebudget(*stock, *by, *by_day, *knows),
            Step::Upload { codes, .. } => {
                for code in codes {
                    let state = self.codes.entry(step::uploaded_code(*code)).or_insert(CodeState::Available);
                    if *state == CodeState::Deleted {
                        *state = CodeState::Available;
                    }
                }
                Ok(())
            }
            Step::DeleteCode { code, .. } => match self.codes.get_mut(&step::uploaded_code(*code)) {
                None | Some(CodeState::Deleted) => Err(MISSING),
                Some(CodeState::Dispatched) => Err(INVALID),
                Some(state) => {
                    *state = CodeState::Deleted;
                    Ok(())
                }
            },
            Step::Pact { stock, builds, .. } => {
                match self.stocks[*stock].pact {
                    _ if *builds && !self.runs(*stock) => return Err(INVALID),
                    None if !builds => return Err(MISSING),
                    _ => {}
                }
                self.stocks[*stock].pact = Some(*builds);
                Ok(())
            }
            Step::PaySubsidy(given) => self.pay_subsidy(given),
            Step::ReturnSubsidy(given) => self.return_subsidy(given),
            Step::Fund { party, fen } => {
                self.available[*party] += fen;
                self.flows.push((*party, "充值", *fen));
                Ok(())
            }
            Step::UserDeletes { coupon } => {
                let now = self.now;
                let coupon = self.of(*coupon, false, MISSING)?;
                if coupon.state != State::Sended || now > coupon.expire {
                    return Err(MISSING);
                }
                coupon.state = State::Deleted;
                Ok(())
            }
            Step::SetState { stock, runs } => {
                self.stocks[*stock].is_running = *runs;
                self.stocks[*stock].is_over = false;
                Ok(())
            }
            Step::Wait { seconds } => {
                self.now += seconds;
                if self.now > self.end && !self.has_ended {
                    // The clock does that once, and it stays done when the clock goes back.
                    self.has_ended = true;
                    self.stocks.iter_mut().for_each(|stock| stock.is_over = true);
                }
                Ok(())
            }
            Step::Restart => Ok(()),
        }
    }

    fn of(
        &mut self,
        coupon: usize,
        by_stranger: bool,
        missing: Refused,
    ) -> Result<&mut ModelCoupon, Refused> {
        let found = self.coupons.get_mut(coupon).ok_or(missing)?;
        if by_stranger { Err(NO_AUTH) } else { Ok(found) }
    }

    fn pay_subsidy(&mut self, given: &Subsidise) -> Result<(), Refused> {
        let Subsidise { coupon, order, payer, fen, by_stranger, .. } = *given;
        let has = self.available[payer];
        let known = self.of(coupon, by_stranger, MISSING)?;
        if !(1..=500_000).contains(&fen) {
            return Err(PARAM);
        }
        if known.state != State::Used {
            return Err(INVALID);
        }
        if order == NO_ORDER {
            return Err(INVALID);
        }
        let paid: i64 = known.subsidies.iter().map(|paid| paid.fen - paid.returned).sum();
        if order == NOT_SHARED || known.subsidies.len() >= 20 || paid + fen > WORTH || has < fen {
            self.status = "FAIL";
            return Ok(());
        }
        known.subsidies.push(Subsidy { payer, order, fen, returned: 0 });
        self.status = "SUCCESS";
        self.moved((payer, 1), "营销补差", fen);
        Ok(())
    }

    fn return_subsidy(&mut self, given: &Subsidise) -> Result<(), Refused> {
        let Subsidise { coupon, order, payer, fen, by_stranger, .. } = *given;
        let has = self.available[1];
        let known = self.of(coupon, by_stranger, MISSING)?;
        if fen < 1 {
            return Err(PARAM);
        }
        let is_of_request = |paid: &Subsidy| (paid.payer, paid.order) == (payer, order);
        if !known.subsidies.iter().any(is_of_request) {
            return Err(MISSING);
        }
        if order == NOT_REFUNDED {
            return Err(INVALID);
        }
        let has_left = |paid: &&mut Subsidy| is_of_request(paid) && paid.fen - paid.returned >= fen;
        let newest = known.subsidies.iter_mut().rev().find(has_left).ok_or(INVALID)?;
        if has < fen {
            self.status = "RETURN_RECEIPT_FAIL";
            return Ok(());
        }
        newest.returned += fen;
        self.status = "RETURN_RECEIPT_SUCCESS";
        self.moved((1, payer), "营销补差回退", fen);
        Ok(())
    }

    /// Money from one of the two to the other. Who pays itself moves nothing.
    fn moved(&mut self, (from, to): (usize, usize), name: &'static str, fen: i64) {
        if from != to {
            self.available[from] -= fen;
            self.available[to] += fen;
            self.flows.extend([(from, name, -fen), (to, name, fen)]);
        }
    }

    fn usable(&mut self, coupon: usize, by_stranger: bool) -> Result<&mut ModelCoupon, Refused> {
        let now = self.now;
        let coupon = self.of(coupon, by_stranger, INVALID)?;
        if coupon.state == State::Sended && now <= coupon.expire { Ok(coupon) } else { Err(INVALID) }
    }

    pub(super) fn runs(&self, stock: usize) -> bool {
        let stock = &self.stocks[stock];
        stock.is_running && !stock.is_over && self.now <= self.end
    }

    /// How many were sent on this day, of which the clock may only go forward.
    pub(super) fn sent_today(&self, stock: usize) -> i64 {
        let stock = &self.stocks[stock];
        if day(self.now) <= stock.day { stock.on_day } else { 0 }
    }

    fn may_send(&self, stock: usize, user: u8, code: &Option<u8>, by_partner: bool) -> Result<(), Refused> {
        let known = &self.stocks[stock];
        if by_partner && known.pact != Some(true) {
            return Err(NO_AUTH);
        }
        if !self.runs(stock) {
            return Err(INVALID);
        }
        let code = code.map(step::own_code);
        let is_taken =
            self.coupons.iter().any(|coupon| coupon.stock == stock && Some(&coupon.code) == code.as_ref());
        if code.is_some() != (stock == OWN) || is_taken {
            return Err(INVALID);
        }
        let received =
            self.coupons.iter().filter(|coupon| coupon.stock == stock && coupon.user == user).count();
        let is_available = |state: &CodeState| *state == CodeState::Available;
        let limits = [
            i64::try_from(received).unwrap() >= BY_USER,
            known.by_day.is_some_and(|cap| self.sent_today(stock) >= cap),
            known.sent >= known.total,
            stock == UPLOADED && !self.codes.values().any(is_available),
        ];
        if limits.contains(&true) { Err(LIMIT) } else { Ok(()) }
    }

    /// A send that was allowed has given this code.
    pub(super) fn sent(&mut self, stock: usize, user: u8, code: &str) {
        let today = self.sent_today(stock);
        let known = &mut self.stocks[stock];
        known.sent += 1;
        known.day = known.day.max(day(self.now));
        known.on_day = today + 1;
        if stock == UPLOADED {
            let state = self.codes.insert(code.to_owned(), CodeState::Dispatched);
            assert_eq!(state, Some(CodeState::Available), "{code} could not be taken");
        }
        // Coupons of one stock wait a day and last two; the others last as long as the stock.
        let midnight = |days: i64| (day(self.now) + days) * DAY - BEIJING;
        let (start, expire) = match stock {
            OWN => (midnight(1), (midnight(3) - 1).min(self.end)),
            _ => (self.now, self.end),
        };
        let code = code.to_owned();
        let (state, order, is_returned) = (State::Sended, None, false);
        let subsidies = Vec::new();
        self.coupons.push(ModelCoupon {
            stock,
            user,
            code,
            state,
            order,
            is_returned,
            start,
            expire,
            subsidies,
        });
    }

    fn rebudget(&mut self, stock: usize, by: i64, by_day: bool, knows: bool) -> Result<(), Refused> {
        if self.now > self.end || self.stocks[stock].is_over {
            return Err(INVALID);
        }
        let today = self.sent_today(stock);
        let known = &mut self.stocks[stock];
        let (cap, sent) = match (by_day, known.by_day) {
            (false, _) => (known.total, known.sent),
            (true, Some(cap)) => (cap, today),
            (true, None) => return Err(PARAM),
        };
        if !knows {
            return Err(INVALID);
        }
        let target = target(cap, by);
        if target < sent.max(1) {
            return Err(PARAM);
        }
        if by_day {
            known.by_day = Some(target)
        } else {
            known.total = target
        }
        Ok(())
    }
}

/// The number that a budget is changed to: never below one, which no request may name.
pub(super) fn target(cap: i64, by: i64) -> i64 {
    (cap + by).max(1)
}

fn day(seconds: i64) -> i64 {
    (seconds + BEIJING).div_euclid(DAY)
}
