//! Random lives of complaints against a reference model that is small enough to be believed.
//!
//! Persons complain about orders of a merchant, of its sub-merchant and of a stranger, and go on; all of
//! these merchants answer, rightly or not; orders are refunded and reversed in between, refunds fail and go
//! elsewhere, and addresses for notifications come and go. The model knows of each complaint its state and its history,
//! and what each merchant was notified of. How a refund is divided has a model with the refunds; this one is told.
//!
//! `WEIPAY_COMPLAINT_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::BTreeMap;

use super::rules::PersonStep;
use crate::clock::DAY;
use crate::products::payments::refund::record::RefundState;
use crate::products::testing::world::NOW;

pub(super) use crate::products::testing::random_steps::Refused;
const INVALID: Refused = "INVALID_REQUEST";
const FORBIDDEN: Refused = "NO_AUTH";
const WRONG: Refused = "PARAM_ERROR";

/// Which caller made each order, whose money it is, and how much. Callers: a partner, its sub-merchant, a stranger.
pub(super) const ORDERS: [(usize, usize, i64); 6] =
    [(0, 0, 1_000), (0, 0, 100), (0, 1, 500), (2, 2, 300), (1, 1, 200), (0, 0, 400)];
/// The order that was paid by 付款码, so that it can be reversed.
pub(super) const BY_CODE: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Processing,
    Processed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MerchantStep {
    Respond,
    /// With an idempotent_id, and what is said.
    RespondAtOnce(usize, usize),
    Complete,
    Approve,
    Reject,
}

#[derive(Debug)]
pub(super) struct Complaint {
    is_about_refund: bool,
    pub(super) state: State,
    pub(super) is_waiting: bool,
    pub(super) times: i64,
    is_decided: bool,
    /// Fen that the person wants back, and those that are still to come of what was approved.
    wanted: i64,
    awaited: Option<i64>,
    /// Since the person asked for it.
    came: i64,
    pub(super) with_platform: bool,
    pub(super) is_urgent: bool,
    pub(super) made: i64,
    refunded: i64,
    total: i64,
    /// The result, and when, in the order in which it was done.
    history: Vec<(i64, &'static str)>,
}

impl Complaint {
    pub(super) fn is_fully_refunded(&self) -> bool {
        self.refunded >= self.total
    }

    /// What is shown of it.
    pub(super) fn history(&self, now: i64) -> Vec<&'static str> {
        let mut shown: Vec<_> = self
            .history
            .iter()
            .filter(|(at, done)| *at <= now || !done.ends_with("COMPLAINT_SYSTEM_MESSAGE"))
            .collect();
        shown.sort_by_key(|(at, _)| *at);
        shown.into_iter().map(|(_, done)| *done).collect()
    }

    fn settle(&mut self) {
        (self.state, self.is_waiting, self.with_platform) = (State::Processed, false, false);
        self.awaited = None;
    }
}

/// A refund that was accepted.
#[derive(Debug)]
pub(super) struct Refund {
    pub(super) order: usize,
    pub(super) number: usize,
    fen: i64,
    state: RefundState,
    /// When it arrives.
    at: i64,
    /// Whether it goes to the card of the merchant, so that the person gets nothing by it.
    is_to_merchant: bool,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: i64,
    /// By order.
    pub(super) complaints: BTreeMap<usize, Complaint>,
    pub(super) has_address: [bool; 3],
    /// Fen that have arrived at the person, by order.
    arrived: [i64; ORDERS.len()],
    /// In the order in which they were made.
    pub(super) refunds: Vec<Refund>,
    /// Whether the order by code was reversed.
    is_reversed: bool,
    /// What was answered at once: by caller and idempotent_id, about which order, and what.
    answered: BTreeMap<(usize, usize), (usize, usize)>,
    /// Who, about which order, of what.
    pub(super) notified: Vec<(usize, usize, &'static str)>,
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            now: NOW,
            complaints: BTreeMap::new(),
            has_address: [false; 3],
            arrived: [0; ORDERS.len()],
            refunds: Vec::new(),
            is_reversed: false,
            answered: BTreeMap::new(),
            notified: Vec::new(),
        }
    }

    fn notify(&mut self, order: usize, action: &'static str) {
        let (maker, payee, _) = ORDERS[order];
        let mut merchants = vec![payee, maker];
        merchants.dedup();
        for merchant in merchants.into_iter().filter(|merchant| self.has_address[*merchant]) {
            self.notified.push((merchant, order, action));
        }
    }

    /// Whether the person could complain.
    pub(super) fn complain(
        &mut self,
        order: usize,
        is_about_refund: bool,
        wanted: Option<i64>,
        is_urgent: bool,
    ) -> bool {
        // Nobody complains about an order that was reversed: it is no paid one.
        if self.complaints.contains_key(&order) || order == BY_CODE && self.is_reversed {
            return false;
        }
        let complaint = Complaint {
            is_about_refund,
            state: State::Pending,
            is_waiting: true,
            times: 1,
            is_decided: false,
            wanted: wanted.unwrap_or(ORDERS[order].2),
            awaited: None,
            came: 0,
            with_platform: false,
            is_urgent,
            made: self.now,
            refunded: self.arrived[order],
            total: ORDERS[order].2,
            history: vec![
                (self.now, "USER_CREATE_COMPLAINT"),
                (self.now + 2, "USER_CREATE_COMPLAINT_SYSTEM_MESSAGE"),
            ],
        };
        self.complaints.insert(order, complaint);
        self.notify(order, "CREATE_COMPLAINT");
        true
    }

    /// The state afterwards; none when the step could not be taken.
    pub(super) fn go_on(&mut self, order: usize, step: PersonStep) -> Option<State> {
        let complaint = self.complaints.get_mut(&order)?;
        let is_settled = complaint.state == State::Processed;
        if is_settled != (step == PersonStep::Continue) {
            return None;
        }
        let needed = match step {
            PersonStep::AskPlatform => Some(false),
            PersonStep::CancelPlatform | PersonStep::PlatformEnd => Some(true),
            _ => None,
        };
        if needed.is_some_and(|needed| needed != complaint.with_platform) {
            return None;
        }
        let (done, told) = match step {
            PersonStep::Reply => {
                complaint.is_waiting = true;
                ("USER_RESPONSE", Some("USER_RESPONSE"))
            }
            PersonStep::Continue => {
                complaint.state = State::Processing;
                (complaint.is_waiting, complaint.is_decided) = (true, false);
                (complaint.awaited, complaint.came) = (None, 0);
                complaint.times += 1;
                ("USER_CONTINUE_COMPLAINT", Some("CONTINUE_COMPLAINT"))
            }
            PersonStep::Withdraw => {
                complaint.settle();
                ("USER_REVOKE_COMPLAINT", None)
            }
            PersonStep::AskPlatform => {
                complaint.with_platform = true;
                ("USER_APPLY_PLATFORM_SERVICE", Some("USER_APPLY_PLATFORM_SERVICE"))
            }
            PersonStep::CancelPlatform => {
                complaint.with_platform = false;
                ("USER_CANCEL_PLATFORM_SERVICE", Some("USER_CANCEL_PLATFORM_SERVICE"))
            }
            PersonStep::PlatformReply => ("PLATFORM_RESPONSE", Some("RESPONSE_BY_PLATFORM")),
            PersonStep::PlatformEnd => {
                complaint.with_platform = false;
                ("PLATFORM_SERVICE_FINISHED", Some("PLATFORM_SERVICE_FINISHED"))
            }
        };
        complaint.history.push((self.now, done));
        let state = complaint.state;
        told.into_iter().for_each(|action| self.notify(order, action));
        Some(state)
    }

    pub(super) fn is_seen(&self, caller: usize, order: usize) -> bool {
        let (maker, payee, _) = ORDERS[order];
        // The partner also sees what its sub-merchant has made itself.
        let acts_for = caller == payee || (caller, payee) == (0, 1);
        self.complaints.contains_key(&order) && (caller == maker || acts_for)
    }

    /// `is_about_other` when the request names another merchant than the complaint is about.
    pub(super) fn answer(
        &mut self,
        caller: usize,
        order: usize,
        step: MerchantStep,
        is_about_other: bool,
    ) -> Result<(), Refused> {
        if let MerchantStep::RespondAtOnce(id, said) = step
            && let Some(known) = self.answered.get(&(caller, id))
        {
            return if *known == (order, said) && !is_about_other { Ok(()) } else { Err(INVALID) };
        }
        if !self.is_seen(caller, order) {
            return Err(FORBIDDEN);
        }
        let is_about_refund = matches!(step, MerchantStep::Approve | MerchantStep::Reject);
        if is_about_other && !is_about_refund {
            return Err(WRONG);
        }
        let Some(complaint) = self.complaints.get_mut(&order) else { return Err(FORBIDDEN) };
        let may = match step {
            _ if complaint.state == State::Processed => false,
            MerchantStep::Respond => true,
            MerchantStep::RespondAtOnce(..) => complaint.is_urgent,
            MerchantStep::Complete => complaint.state == State::Processing,
            MerchantStep::Approve | MerchantStep::Reject => {
                complaint.is_about_refund && !complaint.is_decided && !complaint.is_fully_refunded()
            }
        };
        if !may {
            return Err(INVALID);
        }
        let (done, told) = match step {
            MerchantStep::Respond | MerchantStep::RespondAtOnce(..) => {
                ("MERCHANT_RESPONSE", "MERCHANT_RESPONSE")
            }
            MerchantStep::Complete => ("MERCHANT_CONFIRM_COMPLETE", "MERCHANT_CONFIRM_COMPLETE"),
            MerchantStep::Approve => ("MERCHANT_APPROVE_REFUND", "MERCHANT_APPROVE_REFUND"),
            MerchantStep::Reject => ("MERCHANT_REFUSE_RERUND", "MERCHANT_REJECT_REFUND"),
        };
        complaint.history.push((self.now, done));
        let ends = matches!(step, MerchantStep::Complete | MerchantStep::Reject);
        complaint.state = State::Processing;
        if ends {
            complaint.settle();
        }
        complaint.is_decided |= is_about_refund;
        if step == MerchantStep::Approve {
            let rest = (complaint.wanted - complaint.came).min(complaint.total - complaint.refunded);
            complaint.awaited = Some(rest).filter(|rest| *rest > 0);
            if complaint.awaited.is_none() {
                complaint.settle();
            }
        } else {
            complaint.is_waiting = false;
        }
        if let MerchantStep::RespondAtOnce(id, said) = step {
            complaint.is_urgent = false;
            self.answered.insert((caller, id), (order, said));
        }
        self.notify(order, told);
        Ok(())
    }

    /// A refund was accepted.
    pub(super) fn refund(&mut self, order: usize, number: usize, fen: i64) {
        let (state, at) = (RefundState::Processing, self.now + 5);
        self.refunds.push(Refund { order, number, fen, state, at, is_to_merchant: false });
        if self.complaints.contains_key(&order) {
            self.notify(order, "SELLER_REFUND");
        }
    }

    /// A developer decides what becomes of a refund. Whether that was possible.
    pub(super) fn decide(&mut self, place: usize, to: RefundState) -> bool {
        self.decide_at(self.now, place, to)
    }

    fn decide_at(&mut self, at: i64, place: usize, to: RefundState) -> bool {
        let Some(refund) = self.refunds.get_mut(place) else { return false };
        let may = refund.state == RefundState::Processing
            || (refund.state, to) == (RefundState::Abnormal, RefundState::Success);
        if may {
            refund.state = to;
            let (order, fen) = (refund.order, refund.fen);
            if to == RefundState::Success && !refund.is_to_merchant {
                self.arrive(order, fen, at);
            }
        }
        may
    }

    /// An abnormal refund goes elsewhere. Whether it is abnormal.
    pub(super) fn handle(&mut self, place: usize, is_to_merchant: bool) -> bool {
        let at = self.now + 5;
        let refund = self.refunds.get_mut(place).filter(|refund| refund.state == RefundState::Abnormal);
        let Some(refund) = refund else { return false };
        (refund.state, refund.at, refund.is_to_merchant) = (RefundState::Processing, at, is_to_merchant);
        true
    }

    /// The order by code is reversed: all of it goes back at once. Whether that was possible.
    pub(super) fn reverse(&mut self) -> bool {
        if self.is_reversed {
            return true;
        }
        let is_refunded = self.refunds.iter().any(|refund| refund.order == BY_CODE);
        if is_refunded || self.now - NOW > 7 * DAY {
            return false;
        }
        self.is_reversed = true;
        if self.complaints.contains_key(&BY_CODE) {
            self.notify(BY_CODE, "SELLER_REFUND");
        }
        self.arrive(BY_CODE, ORDERS[BY_CODE].2, self.now);
        true
    }

    /// A person has money back.
    fn arrive(&mut self, order: usize, fen: i64, at: i64) {
        self.arrived[order] += fen;
        let Some(complaint) = self.complaints.get_mut(&order) else { return };
        (complaint.refunded, complaint.came) = (complaint.refunded + fen, complaint.came + fen);
        if let Some(awaited) = complaint.awaited {
            complaint.awaited = Some(awaited - fen).filter(|rest| *rest > 0);
            if complaint.awaited.is_none() {
                complaint.settle();
            }
        }
        let done = match complaint.is_fully_refunded() {
            true => "COMPLAINT_FULL_REFUNDED_SYSTEM_MESSAGE",
            false => "COMPLAINT_PARTIAL_REFUNDED_SYSTEM_MESSAGE",
        };
        complaint.history.push((at, done));
        self.notify(order, "REFUND_SUCCESS");
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        let is_due = |refund: &Refund| refund.state == RefundState::Processing && refund.at <= self.now;
        let due = self.refunds.iter().enumerate().filter(|(_, refund)| is_due(refund));
        let mut due: Vec<(i64, usize)> = due.map(|(place, refund)| (refund.at, place)).collect();
        due.sort_unstable();
        for (at, place) in due {
            self.decide_at(at, place, RefundState::Success);
        }
    }

    /// Sets an address that was not there, or any; or deletes it.
    pub(super) fn set_address(&mut self, caller: usize, is_new: bool) -> Result<(), Refused> {
        if is_new && self.has_address[caller] {
            return Err("RESOURCE_ALREADY_EXISTS");
        }
        self.has_address[caller] = true;
        Ok(())
    }
}
