//! Random lives of service orders against a reference model that is small enough to be believed.
//!
//! A merchant that is a partner too and a stranger make orders with the same numbers; persons open services
//! and close them, confirm, cannot pay, and pay. The model knows of each order its state, its total and
//! whether a deduction is under way, of each permission who has opened it, and what all payments come to.
//! Time passes in which deductions come and orders expire, and the store is closed and opened in between.
//!
//! `WEIPAY_PAY_SCORE_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::BTreeMap;

use crate::clock::DAY;
use crate::products::testing::world::NOW;

pub(super) use crate::products::testing::random_steps::Refused;
const INVALID: Refused = "INVALID_REQUEST";
const UNKNOWN: Refused = "ORDER_NOT_EXIST";
const WRONG: Refused = "PARAM_ERROR";

/// What is allowed of the money at risk (先免).
pub(super) const DEPOSIT: i64 = 5_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Created,
    Confirmed,
    Completed,
    Done,
    Revoked,
    Expired,
}

impl State {
    pub(super) fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Created => ("CREATED", None),
            Self::Confirmed => ("DOING", Some("USER_CONFIRM")),
            Self::Completed => ("DOING", Some("MCH_COMPLETE")),
            Self::Done => ("DONE", None),
            Self::Revoked => ("REVOKED", None),
            Self::Expired => ("EXPIRED", None),
        }
    }
}

/// What a request asked that makes an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) service: usize,
    /// Whether it is of the partner's sub-merchant.
    pub(super) is_sub: bool,
    /// Who is named; nobody where the person confirms.
    pub(super) person: Option<usize>,
    /// Whether it is completed at once, and with what total.
    pub(super) direct: Option<i64>,
    /// Without a limit of the total (先享).
    pub(super) is_estimate: bool,
}

#[derive(Debug)]
pub(super) struct Order {
    pub(super) asked: Asked,
    pub(super) person: Option<usize>,
    pub(super) state: State,
    pub(super) total: Option<i64>,
    /// Whether the money came by the platform; `None` while it has not come.
    pub(super) is_deducted: Option<bool>,
    refunded: i64,
    last_refund: Option<i64>,
    pub(super) made: i64,
    /// When the deduction under way is done.
    deduction: Option<i64>,
    declines: bool,
    /// The total that the completion said, and the words of the cancellation.
    completed_with: Option<i64>,
    canceled_with: Option<usize>,
}

/// By caller, and by number or code.
type Key = (usize, usize);

#[derive(Debug)]
pub(super) struct Permission {
    pub(super) service: usize,
    pub(super) is_sub: bool,
    pub(super) person: Option<usize>,
    pub(super) is_open: bool,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) orders: BTreeMap<Key, Order>,
    pub(super) permissions: BTreeMap<Key, Permission>,
    /// What came to each payee, the fee included, and the fees: caller 0, its sub-merchant, caller 1.
    pub(super) paid: [(i64, i64); 3],
    pub(super) notified: Vec<(String, String)>,
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            now: NOW,
            orders: BTreeMap::new(),
            permissions: BTreeMap::new(),
            paid: [(0, 0); 3],
            notified: Vec::new(),
        }
    }

    fn notify(&mut self, event: &str, key: Key) {
        self.notified.push((format!("PAYSCORE.{event}"), format!("{}-{}", key.0, key.1)));
    }

    /// Whether a person may have another order of a service.
    fn is_below_limits(&self, caller: usize, service: usize, person: usize) -> bool {
        let of_person = || {
            self.orders.iter().filter(move |((by, _), order)| {
                *by == caller
                    && order.asked.service == service
                    && order.person == Some(person)
                    && matches!(order.state, State::Confirmed | State::Completed)
            })
        };
        let is_overdue = |order: &Order| order.state == State::Completed && order.deduction.is_none();
        of_person().count() < 3 && !of_person().any(|(_, order)| is_overdue(order))
    }

    pub(super) fn create(&mut self, key: Key, asked: Asked) -> Result<State, Refused> {
        if let Some(known) = self.orders.get(&key) {
            return if known.asked == asked { Ok(known.state) } else { Err(INVALID) };
        }
        if asked.direct.is_some_and(|total| total < 0) {
            return Err(WRONG);
        }
        let is_confirmed = asked.person.is_some();
        if let Some(person) = asked.person {
            let is_open = self.permissions.iter().any(|((by, _), permission)| {
                *by == key.0
                    && permission.is_open
                    && permission.person == Some(person)
                    && (permission.service, permission.is_sub) == (asked.service, asked.is_sub)
            });
            if !is_open {
                return Err("NO_AUTH");
            }
            if !self.is_below_limits(key.0, asked.service, person) {
                return Err(INVALID);
            }
        }
        let order = Order {
            asked,
            person: asked.person,
            state: if is_confirmed { State::Confirmed } else { State::Created },
            total: None,
            is_deducted: None,
            refunded: 0,
            last_refund: None,
            made: self.now,
            deduction: None,
            declines: false,
            completed_with: None,
            canceled_with: None,
        };
        self.orders.insert(key, order);
        if let Some(total) = asked.direct {
            self.charge(key, total);
        }
        Ok(self.orders[&key].state)
    }

    fn charge(&mut self, key: Key, total: i64) {
        let now = self.now;
        let Some(order) = self.orders.get_mut(&key) else { return };
        order.total = Some(total);
        order.completed_with = Some(total);
        if total == 0 {
            order.state = State::Done;
        } else {
            (order.state, order.deduction) = (State::Completed, Some(now + 2));
        }
    }

    /// The order that a caller may do something to: of this sub-merchant, or of nobody's.
    fn named(&mut self, key: Key, is_sub: bool) -> Result<&mut Order, Refused> {
        self.orders.get_mut(&key).filter(|order| order.asked.is_sub == is_sub).ok_or(UNKNOWN)
    }

    pub(super) fn complete(&mut self, key: Key, is_sub: bool, total: i64) -> Result<State, Refused> {
        let order = self.named(key, is_sub)?;
        match order.state {
            // What completed it at once was another request.
            State::Completed if order.asked.direct.is_none() && order.completed_with == Some(total) => {
                Ok(State::Completed)
            }
            State::Confirmed if total < 0 => Err(WRONG),
            State::Confirmed if total > DEPOSIT && !order.asked.is_estimate => Err(INVALID),
            State::Confirmed => {
                self.charge(key, total);
                Ok(self.orders[&key].state)
            }
            _ => Err(INVALID),
        }
    }

    fn unpaid(&mut self, key: Key, is_sub: bool) -> Result<&mut Order, Refused> {
        let order = self.named(key, is_sub)?;
        let may = order.state == State::Completed && order.deduction.is_none();
        if may { Ok(order) } else { Err(INVALID) }
    }

    pub(super) fn modify(&mut self, key: Key, is_sub: bool, total: i64) -> Result<(), Refused> {
        let order = self.unpaid(key, is_sub)?;
        if total < 0 {
            return Err(WRONG);
        }
        if total == 0 || order.total.is_none_or(|known| total >= known) {
            return Err(INVALID);
        }
        order.total = Some(total);
        Ok(())
    }

    pub(super) fn ask_for_payment(&mut self, key: Key, is_sub: bool) -> Result<(), Refused> {
        let at = self.now + 2;
        let order = self.unpaid(key, is_sub)?;
        if order.declines {
            return Err("TRADE_ERROR");
        }
        order.deduction = Some(at);
        Ok(())
    }

    pub(super) fn sync(&mut self, key: Key, is_sub: bool) -> Result<(), Refused> {
        let order = self.unpaid(key, is_sub)?;
        (order.state, order.is_deducted) = (State::Done, Some(false));
        Ok(())
    }

    pub(super) fn cancel(&mut self, key: Key, is_sub: bool, reason: usize) -> Result<(), Refused> {
        let order = self.named(key, is_sub)?;
        match order.state {
            State::Revoked if order.canceled_with == Some(reason) => Ok(()),
            State::Revoked | State::Done | State::Expired => Err(INVALID),
            _ if order.deduction.is_some() => Err(INVALID),
            _ => {
                (order.state, order.canceled_with) = (State::Revoked, Some(reason));
                Ok(())
            }
        }
    }

    /// Whether the person could confirm.
    pub(super) fn confirm(&mut self, key: Key, person: usize) -> bool {
        let Some(order) = self.orders.get(&key) else { return false };
        let service = order.asked.service;
        let is_over = self.now >= order.made + 30 * DAY;
        if order.state != State::Created || is_over || !self.is_below_limits(key.0, service, person) {
            return false;
        }
        if let Some(order) = self.orders.get_mut(&key) {
            (order.state, order.person) = (State::Confirmed, Some(person));
        }
        self.notify("USER_CONFIRM", key);
        true
    }

    pub(super) fn decline(&mut self, key: Key) -> bool {
        let order = self.orders.get_mut(&key);
        let order =
            order.filter(|order| matches!(order.state, State::Created | State::Confirmed | State::Completed));
        order.map(|order| order.declines = true).is_some()
    }

    pub(super) fn pay(&mut self, key: Key) -> bool {
        let Some(order) = self.orders.get_mut(&key) else { return false };
        if order.state != State::Completed {
            return false;
        }
        (order.state, order.is_deducted, order.deduction) = (State::Done, Some(true), None);
        let total = order.total.unwrap_or_default();
        let payee = if order.asked.is_sub { 1 } else { 2 * key.0 };
        self.paid[payee].0 += total;
        self.paid[payee].1 += (total * 6 + 500) / 1_000;
        self.notify("USER_PAID", key);
        true
    }

    /// Only what the platform has deducted can be refunded. How it is divided is told.
    pub(super) fn may_refund(&self, key: Key, fen: i64) -> Result<(), Refused> {
        let order = self.orders.get(&key).filter(|order| order.is_deducted == Some(true));
        let order = order.ok_or("RESOURCE_NOT_EXISTS")?;
        if fen > order.total.unwrap_or_default() - order.refunded {
            return Err(INVALID);
        }
        match order.last_refund {
            Some(last) if self.now - last < 60 => Err("FREQUENCY_LIMITED"),
            _ => Ok(()),
        }
    }

    pub(super) fn refund(&mut self, key: Key, fen: i64, fee: i64) {
        let now = self.now;
        let Some(order) = self.orders.get_mut(&key) else { return };
        order.refunded += fen;
        order.last_refund = Some(now);
        let payee = if order.asked.is_sub { 1 } else { 2 * key.0 };
        self.paid[payee].0 -= fen;
        self.paid[payee].1 -= fee;
    }

    pub(super) fn ask(&mut self, key: Key, service: usize, is_sub: bool) -> Result<(), Refused> {
        let known = self.permissions.entry(key).or_insert(Permission {
            service,
            is_sub,
            person: None,
            is_open: false,
        });
        if (known.service, known.is_sub) == (service, is_sub) { Ok(()) } else { Err(INVALID) }
    }

    /// Whether the person could open it, or close it.
    pub(super) fn open(&mut self, key: Key, person: Option<usize>) -> bool {
        let known = self.permissions.get_mut(&key);
        let Some(known) = known.filter(|known| known.is_open != person.is_some()) else { return false };
        known.is_open = person.is_some();
        known.person = person.or(known.person);
        self.notify(if person.is_some() { "USER_OPEN_SERVICE" } else { "USER_CLOSE_SERVICE" }, key);
        true
    }

    /// The merchant ends it.
    pub(super) fn end(&mut self, key: Key, service: usize, is_sub: bool) -> Result<(), Refused> {
        let known = self.permissions.get(&key);
        if known.is_none_or(|known| (known.service, known.is_sub) != (service, is_sub)) {
            return Err(UNKNOWN);
        }
        if self.open(key, None) { Ok(()) } else { Err(INVALID) }
    }

    pub(super) fn pass(&mut self, seconds: i64, is_late: bool) {
        self.now += seconds;
        if is_late {
            return;
        }
        let now = self.now;
        for order in self.orders.values_mut() {
            if order.state == State::Created && order.made + 30 * DAY <= now {
                order.state = State::Expired;
            }
        }
        let is_done = |order: &Order| order.deduction.is_some_and(|at| at <= now);
        let done: Vec<Key> =
            self.orders.iter().filter(|(_, order)| is_done(order)).map(|(key, _)| *key).collect();
        for key in done {
            if let Some(order) = self.orders.get_mut(&key) {
                order.deduction = None;
            }
            if !self.orders[&key].declines {
                self.pay(key);
            }
        }
    }
}
