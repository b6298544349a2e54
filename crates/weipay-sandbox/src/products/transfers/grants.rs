//! Grants (子商户商家转账授权): a sub-merchant lets its partner (服务商) or platform (电商平台) transfer its money.
//!
//! UNCONFIRMED(transfer-grant): the sub-merchant grants it a moment after it was asked, for both products, unless a developer
//! has it refuse or take it back; then it can be asked again. The first response does not know it yet.
//! UNCONFIRMED(transfer-grant-words): what platforms are told of it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusals;
use crate::clock;
use crate::products::number_lookup::{Lookup, NumberRef};
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Grant {
    mchid: String,
    sub_mchid: String,
    /// The number of a partner's request; platforms have none.
    out_apply_no: Option<String>,
    accepted: i64,
    #[serde(default)]
    ended: Option<Ended>,
}

/// The decision of the sub-merchant, and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Ended {
    Refused(i64),
    /// 解除授权.
    TakenBack(i64),
}

/// The decision of a sub-merchant about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Refuse,
    TakeBack,
}

/// The most partners of one sub-merchant that are looked through.
const MAX_PARTNERS: i64 = 1_000;

const SUB_MERCHANT: &str = "sub-merchant";

impl Record for Grant {
    const KIND: &'static str = "transfer grant";

    fn key(&self) -> String {
        joined(&self.mchid, &self.sub_mchid)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(SUB_MERCHANT, self.sub_mchid.as_str())]
    }
}

/// The sub-merchant in the place of the number refuses what a partner has asked for, or takes it back. Whose it was, or why not.
pub(super) fn answer(
    tx: &Transaction<'_>,
    named: NumberRef<'_>,
    answer: Answer,
    now: i64,
) -> Result<Lookup<&'static str>, StoreError> {
    let sub_mchid = named.number;
    let own = |mchid: &str| tx.get::<Grant>(&joined(mchid, sub_mchid));
    // What has ended is no answer to anything, so of two partners the one that was refused is not meant.
    let own = |mchid: &str| Ok(own(mchid)?.filter(|grant| grant.ended.is_none()));
    let all = || {
        let page = Page { offset: 0, limit: MAX_PARTNERS };
        let mut found: Vec<Grant> = tx.find(&[IndexRange::equal(SUB_MERCHANT, sub_mchid)], page)?;
        found.retain(|grant| grant.ended.is_none());
        Ok(found)
    };
    Ok(match named.find(own, all, |grant| &grant.mchid)? {
        Lookup::One(grant) => {
            let (ended, state) = match answer {
                Answer::Refuse => (Ended::Refused(now), "UNAUTHORIZED"),
                Answer::TakeBack => (Ended::TakenBack(now), "CANCELED"),
            };
            tx.save(&Grant { ended: Some(ended), ..grant })?;
            Lookup::One(state)
        }
        Lookup::Nothing => Lookup::Nothing,
        Lookup::Several => Lookup::Several,
    })
}

fn find(tx: &Transaction<'_>, context: &Context<'_>, sub_mchid: &str) -> Result<Option<Grant>, StoreError> {
    tx.get(&joined(&context.caller.mchid, sub_mchid))
}

/// A partner acts for its own sub-merchants.
pub(super) fn check_partner(context: &Context<'_>, sub_mchid: &str) -> Result<(), Refusal> {
    if context.merchants.may_use_money(context.caller, sub_mchid) {
        Ok(())
    } else {
        Err(refusals::not_the_partner())
    }
}

/// The rule: a partner transfers what its sub-merchant lets it.
pub(super) fn check_granted(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    sub_mchid: &str,
) -> Result<(), HandlerError> {
    check_partner(context, sub_mchid)?;
    match find(tx, context, sub_mchid)?.filter(|grant| grant.ended.is_none()) {
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
    if let Some(known) = find(tx, context, sub_mchid)?.filter(|known| known.ended.is_none()) {
        return Ok((known, false));
    }
    let new = Grant {
        mchid: context.caller.mchid.clone(),
        sub_mchid: sub_mchid.to_owned(),
        out_apply_no: out_apply_no.map(str::to_owned),
        accepted: context.now,
        ended: None,
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
    let granted = clock::rfc3339(grant.accepted);
    let (mut shown, request) = match grant.ended {
        None => (json!({ "state": "AUTHORIZED", "authorization_time": granted }), "PASSED"),
        Some(Ended::Refused(_)) => (json!({ "state": "UNAUTHORIZED" }), "REJECTED"),
        Some(Ended::TakenBack(at)) => {
            let ended = clock::rfc3339(at);
            let shown = json!({
                "state": "CANCELED", "authorization_time": granted, "cancel_authorization_time": ended,
            });
            (shown, "PASSED")
        }
    };
    shown["sub_mchid"] = sub_mchid.into();
    if let Some(number) = &grant.out_apply_no {
        shown["apply_order"] = grant.describe_request(number, request);
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
    let found = find(tx, context, sub_mchid)?.filter(|grant| grant.ended.is_none());
    let unasked = || json!({ "sub_mchid": sub_mchid, "authorization_state": "UNAUTHORIZED" });
    Ok(found.map_or_else(unasked, |grant| grant.describe_granted()))
}

impl Grant {
    fn describe_request(&self, out_apply_no: &str, state: &str) -> Value {
        let updated = match self.ended {
            Some(Ended::Refused(at)) => at,
            _ => self.accepted,
        };
        json!({
            "sub_mchid": self.sub_mchid, "out_apply_no": out_apply_no, "state": state,
            "accept_time": clock::rfc3339(self.accepted), "update_time": clock::rfc3339(updated),
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
