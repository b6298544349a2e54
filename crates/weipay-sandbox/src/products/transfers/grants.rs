//! Grants (子商户商家转账授权): a sub-merchant lets its partner (服务商) or platform (电商平台) transfer its money.
//!
//! UNCONFIRMED(transfer-grant): the sub-merchant grants it a moment after it was asked, for both products, and takes it back
//! never. The first response does not know it yet. UNCONFIRMED(transfer-grant-words): what platforms are told of it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusals;
use crate::clock;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Record, StoreError, Transaction, joined};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Grant {
    mchid: String,
    sub_mchid: String,
    /// The number of a partner's request; platforms have none.
    out_apply_no: Option<String>,
    accepted: i64,
}

impl Record for Grant {
    const KIND: &'static str = "transfer grant";

    fn key(&self) -> String {
        joined(&self.mchid, &self.sub_mchid)
    }
}

fn find(tx: &Transaction<'_>, context: &Context<'_>, sub_mchid: &str) -> Result<Option<Grant>, StoreError> {
    tx.get(&joined(&context.caller.mchid, sub_mchid))
}

fn check_partner(context: &Context<'_>, sub_mchid: &str) -> Result<(), Refusal> {
    match context.merchants.may_use_money(context.caller, sub_mchid) {
        true => Ok(()),
        false => Err(refusals::not_the_partner()),
    }
}

/// The rule: a partner transfers what its sub-merchant lets it.
pub(super) fn check_granted(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    sub_mchid: &str,
) -> Result<(), HandlerError> {
    check_partner(context, sub_mchid)?;
    match find(tx, context, sub_mchid)? {
        Some(_) => Ok(()),
        None => Err(refusals::no_grant().into()),
    }
}

/// The grant that the caller asks for, and whether it is new.
fn ask(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    out_apply_no: Option<&str>,
) -> Result<(Grant, bool), HandlerError> {
    let sub_mchid = context.request.required("sub_mchid");
    check_partner(context, sub_mchid)?;
    if let Some(known) = find(tx, context, sub_mchid)? {
        return Ok((known, false));
    }
    let new = Grant {
        mchid: context.caller.mchid.clone(),
        sub_mchid: sub_mchid.to_owned(),
        out_apply_no: out_apply_no.map(str::to_owned),
        accepted: context.now,
    };
    tx.save(&new)?;
    Ok((new, true))
}

/// The request of a partner. One that was granted before is granted under every number.
pub(super) fn ask_as_partner(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let number = context.request.required("out_apply_no");
    let (grant, is_new) = ask(tx, context, Some(number))?;
    Ok(grant.describe_request(number, if is_new { "INVITED" } else { "PASSED" }))
}

pub(super) fn query_as_partner(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let sub_mchid = context.request.path("sub_mchid");
    check_partner(context, sub_mchid)?;
    let Some(grant) = find(tx, context, sub_mchid)? else {
        return Ok(json!({ "sub_mchid": sub_mchid, "state": "UNAUTHORIZED" }));
    };
    let mut shown = json!({
        "sub_mchid": sub_mchid, "state": "AUTHORIZED", "authorization_time": clock::rfc3339(grant.accepted),
    });
    if let Some(number) = &grant.out_apply_no {
        shown["apply_order"] = grant.describe_request(number, "PASSED");
    }
    Ok(shown)
}

/// The request of a platform.
pub(super) fn ask_as_platform(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (grant, is_new) = ask(tx, context, None)?;
    let mut shown = if is_new { grant.describe("AUTHORIZE_PROCESSING") } else { grant.describe_granted() };
    shown["accept_time"] = clock::rfc3339(grant.accepted).into();
    Ok(shown)
}

pub(super) fn query_as_platform(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let sub_mchid = context.request.path("sub_mchid");
    check_partner(context, sub_mchid)?;
    let found = find(tx, context, sub_mchid)?;
    let unasked = || json!({ "sub_mchid": sub_mchid, "authorization_state": "UNAUTHORIZED" });
    Ok(found.map_or_else(unasked, |grant| grant.describe_granted()))
}

impl Grant {
    fn describe_request(&self, out_apply_no: &str, state: &str) -> Value {
        let time = clock::rfc3339(self.accepted);
        json!({
            "sub_mchid": self.sub_mchid, "out_apply_no": out_apply_no, "state": state, "accept_time": time,
            "update_time": time,
        })
    }

    fn describe(&self, state: &str) -> Value {
        json!({ "sub_mchid": self.sub_mchid, "authorization_state": state })
    }

    fn describe_granted(&self) -> Value {
        let mut shown = self.describe("AUTHORIZED");
        shown["authorize_time"] = clock::rfc3339(self.accepted).into();
        shown
    }
}
