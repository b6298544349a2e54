//! Sets the result of a refund before the clock does.

use serde_json::Value;

use super::outcome;
use super::record::{Refund, RefundState};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::platform::Platform;
use crate::products::{HandlerError, carry_out};
use crate::reasons;
use crate::store::{StoreError, Transaction};

pub(crate) const ROUTES: &[Route] = &[Route::post(
    "/refunds/{number}/outcome",
    "Sets the result of a refund, by out_refund_no or refund_id; otherwise it succeeds when its time comes",
    &[
    Member::word(
        "to",
        &WORDS,
        "success, abnormal (the card is gone), closed, or short (the merchant's money is missing: closed seven days after it was accepted)",
    )
    .required(),
    Member::MCHID_OF_NUMBER,
    ],
    decide_refund,
)];

const WORDS: [&str; 4] = ["success", "abnormal", "closed", "short"];

/// The decision of a developer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefundDecision {
    Becomes(RefundState),
    /// It waits for money of the merchant, which does not come.
    Waits,
}

fn decide_refund(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let to = match request.text("to") {
        Some("abnormal") => RefundDecision::Becomes(RefundState::Abnormal),
        Some("closed") => RefundDecision::Becomes(RefundState::Closed),
        Some("short") => RefundDecision::Waits,
        _ => RefundDecision::Becomes(RefundState::Success),
    };
    match control.platform.decide_refund(request.path("number"), request.text("mchid"), to)? {
        Decided::Now(refund) => Ok(refund.show()),
        Decided::Ambiguous => Err(ControlError::conflict(reasons::several_merchants(&format!(
            "give the refund_id of the response, or {}",
            reasons::SAY_WHOSE
        )))),
        Decided::Impossible(state) => Err(ControlError::invalid(format!(
            "the refund is {}: only a PROCESSING one can be decided, and an ABNORMAL one can still succeed",
            state.word()
        ))),
        Decided::Unknown => Err(ControlError::not_found("no refund has this number")),
    }
}

/// The result of a decision.
pub(crate) enum Decided {
    Now(Box<Refund>),
    Unknown,
    Ambiguous,
    /// It is in this state, in which nothing can be decided.
    Impossible(RefundState),
}

impl Platform {
    /// Decides what becomes of a refund, of this merchant or its sub-merchant where one is given.
    pub(crate) fn decide_refund(
        &self,
        number: &str,
        mchid: Option<&str>,
        decision: RefundDecision,
    ) -> Result<Decided, StoreError> {
        let decided = self.act(|tx, now| decide(tx, (number, mchid), decision, now));
        decided.map_err(|error| error.into_store_error("the money of a refund"))
    }
}

/// The same, on a store.
pub(crate) fn decide(
    tx: &Transaction<'_>,
    (number, mchid): (&str, Option<&str>),
    decision: RefundDecision,
    now: i64,
) -> Result<Decided, HandlerError> {
    let is_meant = |refund: &Refund| {
        mchid.is_none_or(|mchid| refund.merchant == mchid || refund.sub_mchid.as_deref() == Some(mchid))
    };
    let mut found = match Refund::find_by_id(tx, number)?.filter(is_meant) {
        Some(refund) => vec![refund],
        None => Refund::find_by_bare_number(tx, number, is_meant)?,
    };
    let (Some(refund), true) = (found.pop(), found.is_empty()) else {
        return Ok(if found.is_empty() { Decided::Unknown } else { Decided::Ambiguous });
    };
    let to = match decision {
        RefundDecision::Becomes(to) => to,
        RefundDecision::Waits => RefundState::Closed,
    };
    if !may_become(refund.state, to) {
        return Ok(Decided::Impossible(refund.state));
    }
    let id = refund.refund_id.clone();
    match decision {
        RefundDecision::Becomes(to) => outcome::decide(tx, refund, to, now)?,
        RefundDecision::Waits => drop(carry_out(tx, outcome::wait_for_money(refund))?),
    }
    let decided = Refund::find_by_id(tx, &id)?;
    Ok(decided.map_or(Decided::Unknown, |refund| Decided::Now(Box::new(refund))))
}

/// The merchant platform's page can settle an abnormal refund too.
pub(super) fn may_become(from: RefundState, to: RefundState) -> bool {
    from == RefundState::Processing || (from, to) == (RefundState::Abnormal, RefundState::Success)
}
