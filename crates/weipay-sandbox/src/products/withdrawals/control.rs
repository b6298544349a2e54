//! Sets the result of a withdrawal, as the bank decides it.

use serde_json::Value;

use super::withdrawal::{State, Withdrawal};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::platform::Platform;
use crate::products::HandlerError;
use crate::products::number_lookup::{Lookup, NumberRef};
use crate::reasons;
use crate::store::{StoreError, Transaction};

pub(crate) const ROUTES: &[Route] = &[Route::post(
    "/withdrawals/{number}/outcome",
    "Sets the result of a withdrawal (提现), by out_request_no or withdraw_id; otherwise it succeeds when its time comes",
    &[
        Member::word(
            "to",
            &WORDS,
            "success, fail (the bank refuses it) or refund (it comes back after a success)",
        )
        .required(),
        Member::text("reason", "Why it fails or comes back"),
        Member::MCHID_OF_NUMBER,
    ],
    decide_outcome,
)];

const WORDS: [&str; 3] = ["success", "fail", "refund"];

fn decide_outcome(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let to = match request.text("to") {
        Some("fail") => State::Fail,
        Some("refund") => State::Refund,
        _ => State::Success,
    };
    let named = NumberRef::in_request(request);
    let decided = control.platform.decide_withdrawal(named, to, request.text("reason"))?;
    match decided {
        Decided::Now(withdrawal) => Ok(withdrawal.show()),
        Decided::Unknown => Err(ControlError::not_found("no withdrawal has this number")),
        Decided::Ambiguous => Err(ControlError::conflict(reasons::several_merchants(&format!(
            "give the withdraw_id of the response, or {}",
            reasons::SAY_WHOSE
        )))),
        Decided::Impossible(state) => Err(ControlError::conflict(format!(
            "the withdrawal is {}: one that is CREATE_SUCCESS can succeed or fail, and only one that is SUCCESS can come back",
            state.word()
        ))),
    }
}

/// The result of a decision.
pub(crate) enum Decided {
    Now(Box<Withdrawal>),
    Unknown,
    Ambiguous,
    Impossible(State),
}

impl Platform {
    /// Decides what the bank does with a withdrawal.
    pub(crate) fn decide_withdrawal(
        &self,
        named: NumberRef<'_>,
        to: State,
        reason: Option<&str>,
    ) -> Result<Decided, StoreError> {
        let decided = self.act(|tx, now| decide(tx, named, to, reason, now));
        decided.map_err(|error| error.into_store_error("the money of a withdrawal"))
    }
}

/// Decides what the bank does with the withdrawal that has either number, of this merchant where one is given.
pub(crate) fn decide(
    tx: &Transaction<'_>,
    named: NumberRef<'_>,
    to: State,
    reason: Option<&str>,
    now: i64,
) -> Result<Decided, HandlerError> {
    let own = |mchid: &str| Withdrawal::find_by_number(tx, mchid, named.number);
    let of_any_merchant = || Withdrawal::find_of_any_merchant(tx, named.number);
    let withdrawal = match named.find(own, of_any_merchant, |found| &found.merchant)? {
        Lookup::One(withdrawal) => withdrawal,
        Lookup::Nothing => return Ok(Decided::Unknown),
        Lookup::Several => return Ok(Decided::Ambiguous),
    };
    if !withdrawal.state.may_become(to) {
        return Ok(Decided::Impossible(withdrawal.state));
    }
    Ok(Decided::Now(Box::new(withdrawal.become_state(tx, to, reason, now)?)))
}
