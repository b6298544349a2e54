//! What a merchant does with a contract by APIv3: it asks for it, and ends it.

use serde_json::Value;

use super::contract::EndedBy;
use super::parties::Parties;
use super::{refusals, signing};
use crate::products::{Context, HandlerError};
use crate::store::Transaction;

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let parties = Parties::read(context)?;
    let request = context.request;
    let found = parties.find_by_code(tx, request.path("plan_id"), request.path("out_contract_code"))?;
    Ok(found.show())
}

/// UNCONFIRMED(contract-end-again): a contract that has ended cannot be ended again.
pub(super) fn terminate(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let parties = Parties::read(context)?;
    let request = context.request;
    let (plan_id, code) = (request.path("plan_id"), request.path("out_contract_code"));
    let found = parties.find_by_code(tx, plan_id, code)?;
    let remark = request.text("contract_termination_remark").map(str::to_owned);
    if !signing::end(tx, found, EndedBy::Merchant, remark, context.now)? {
        return Err(refusals::contract_has_ended().into());
    }
    Ok(parties.find_by_code(tx, plan_id, code)?.show())
}
