//! What developers do to refunds: decide what becomes of one before the clock does.

use serde_json::Value;

use super::outcome;
use super::record::{Refund, RefundState};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::platform::Platform;
use crate::products::{HandlerError, carry_out};
use crate::store::{StoreError, Transaction};

pub(crate) const ROUTES: &[Route] = &[Route::post(
    "/refunds/{number}/outcome",
    "Decides what becomes of a refund, by out_refund_no or refund_id; the clock lets it succeed otherwise",
    &[Member::word(
        "to",
        &WORDS,
        "success, abnormal (the card is gone), closed, or short (the merchant's money is missing: closed seven days after it was accepted)",
    )
    .required()],
    decide_refund,
)];

const WORDS: [&str; 4] = ["success", "abnormal", "closed", "short"];

/// What a developer decides.
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
    match control.platform.decide_refund(request.path("number"), to)? {
        Some(Ok(refund)) => Ok(refund.show()),
        Some(Err(state)) => Err(ControlError::invalid(format!(
            "the refund is {}: only a PROCESSING one can be decided, and an ABNORMAL one can still succeed",
            state.word()
        ))),
        None => Err(ControlError::not_found("no refund has this number")),
    }
}

impl Platform {
    /// Decides what becomes of a refund. `None` when there is none with this number; its state when it is decided already.
    pub(crate) fn decide_refund(
        &self,
        number: &str,
        decision: RefundDecision,
    ) -> Result<Option<Result<Refund, RefundState>>, StoreError> {
        let decided = self.act(|tx, now| decide(tx, number, decision, now));
        decided.map_err(|error| error.into_store_error("the money of a refund"))
    }
}

/// The same, on a store.
pub(crate) fn decide(
    tx: &Transaction<'_>,
    number: &str,
    decision: RefundDecision,
    now: i64,
) -> Result<Option<Result<Refund, RefundState>>, HandlerError> {
    let found = match Refund::find_by_id(tx, number)? {
        Some(refund) => Some(refund),
        None => Refund::find_by_anybodys_number(tx, number)?,
    };
    let Some(refund) = found else { return Ok(None) };
    let to = match decision {
        RefundDecision::Becomes(to) => to,
        RefundDecision::Waits => RefundState::Closed,
    };
    if !may_become(refund.state, to) {
        return Ok(Some(Err(refund.state)));
    }
    tx.unschedule(&outcome::due(&refund))?;
    let id = refund.refund_id.clone();
    match decision {
        RefundDecision::Becomes(to) => outcome::decide(tx, refund, to, now)?,
        RefundDecision::Waits => drop(carry_out(tx, outcome::wait_for_money(refund))?),
    }
    Ok(Refund::find_by_id(tx, &id)?.map(Ok))
}

/// The merchant platform's page can settle an abnormal refund too.
pub(super) fn may_become(from: RefundState, to: RefundState) -> bool {
    from == RefundState::Processing || (from, to) == (RefundState::Abnormal, RefundState::Success)
}
