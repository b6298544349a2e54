//! Splits (分账单): who gets what of an order, and that the rest is not to be shared (完结分账). What is kept of one, and
//! queries.

mod making;
mod settling;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) use self::making::{NOT_SHARED, NOT_UNFROZEN, SplitRequest, create_split, split, unfreeze};
pub(super) use self::settling::settle;
use super::forms::Form;
use super::funds::SharedFunds;
use super::refusals;
use super::statement::PARTY_AND_TIME;
use crate::clock;
use crate::products::payments::order::Order;
use crate::products::payments::parties::check_sub_merchant_of_order;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Fingerprint, IndexEntry, Record, StoreError, Transaction, at_time, joined};

/// The kind of what is due: the receivers get the money.
pub(super) const SETTLES: &str = "split settles";
/// The largest part of an order that is shared, in 1/10000, where nothing else was agreed on.
pub(super) const MAX_RATIO: i64 = 3_000;

/// `result` of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Outcome {
    Pending,
    Success,
    /// The receiver could not get it.
    Closed,
}

/// `fail_reason` of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum FailReason {
    /// The receiver was deleted in between.
    NoRelation,
    AccountAbnormal,
    ReceiverRealNameNotVerified,
    /// It would be more than a person may get in a month.
    ReceiverReceiptLimit,
}

/// The part of one receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) detail_id: String,
    pub(super) kind: String,
    pub(super) account: String,
    pub(super) amount: i64,
    pub(super) description: String,
    pub(super) outcome: Outcome,
    /// Why it is closed.
    #[serde(default)]
    fail_reason: Option<FailReason>,
    pub(super) finished: Option<i64>,
    /// Whether it is the rest, for the merchant itself.
    pub(super) is_rest: bool,
}

/// A split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Split {
    pub(super) order_id: String,
    pub(super) merchant: String,
    pub(super) sub_mchid: Option<String>,
    pub(super) out_trade_no: String,
    pub(super) transaction_id: String,
    pub(super) out_order_no: String,
    pub(super) parts: Vec<Part>,
    /// Whether the rest is the merchant's afterwards.
    unfreezes: bool,
    pub(super) is_finished: bool,
    fingerprint: Fingerprint,
    /// Whether APIv2 has made it.
    #[serde(default)]
    is_v2: bool,
    pub(super) created: i64,
    /// The owner of the receivers, if it is not the payee.
    #[serde(default)]
    receivers_owner: Option<String>,
    /// Why the rest is not to be shared.
    #[serde(default)]
    description: Option<String>,
}

const ID: &str = "split id";
const ORDER: &str = "order";

impl Record for Split {
    const KIND: &'static str = "split";

    fn key(&self) -> String {
        joined(&self.merchant, &self.out_order_no)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut indexes = vec![
            IndexEntry::new(ID, self.order_id.as_str()),
            IndexEntry::new(ORDER, self.transaction_id.as_str()),
        ];
        if let Some(time) = self.parts.iter().find_map(|part| part.finished) {
            let parties = [Some(&self.merchant), self.sub_mchid.as_ref()].into_iter().flatten();
            indexes.extend(parties.map(|mchid| IndexEntry::new(PARTY_AND_TIME, at_time(mchid, time))));
        }
        indexes
    }
}

impl Split {
    pub(super) fn find(
        tx: &Transaction<'_>,
        merchant: &str,
        number: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.get(&joined(merchant, number))
    }

    pub(super) fn find_by_id(tx: &Transaction<'_>, id: &str) -> Result<Option<Self>, StoreError> {
        tx.find_one(ID, id)
    }

    pub(super) fn payee(&self) -> &str {
        self.sub_mchid.as_deref().unwrap_or(&self.merchant)
    }

    /// The owner of its receivers.
    fn receivers_owner(&self) -> &str {
        self.receivers_owner.as_deref().unwrap_or_else(|| self.payee())
    }

    fn show(&self, form: Form) -> Value {
        // INFERRED(sharing-finish): platforms and brands see the rest as an amount of the split, and no receiver in it.
        let (state, has_rest) = match form {
            Form::General => ("state", true),
            Form::Ecommerce | Form::Brand => ("status", false),
        };
        let parts = self.parts.iter().filter(|part| has_rest || !part.is_rest).map(|part| {
            let mut shown = json!({
                "amount": part.amount, "description": part.description, "type": part.kind,
                "result": part.outcome, "detail_id": part.detail_id,
                "finish_time": clock::rfc3339(part.finished.unwrap_or(self.created)),
            });
            shown[form.account()] = json!(part.account);
            if form == Form::General {
                shown["create_time"] = json!(clock::rfc3339(self.created));
            }
            if part.outcome == Outcome::Closed {
                shown["fail_reason"] = json!(part.fail_reason.unwrap_or(FailReason::NoRelation));
            }
            shown
        });
        let mut shown = json!({
            "transaction_id": self.transaction_id,
            "out_order_no": self.out_order_no,
            "order_id": self.order_id,
            "receivers": parts.collect::<Vec<_>>(),
        });
        shown[state] = json!(if self.is_finished { "FINISHED" } else { "PROCESSING" });
        if let Some(sub_mchid) = &self.sub_mchid {
            shown["sub_mchid"] = json!(sub_mchid);
        }
        shown
    }

    /// With what only queries show.
    fn show_queried(&self, form: Form) -> Value {
        let mut shown = self.show(form);
        if let Some(rest) = self.parts.iter().find(|part| part.is_rest).filter(|_| form != Form::General) {
            shown["finish_amount"] = json!(rest.amount);
            shown["finish_description"] = json!(self.description.as_deref().unwrap_or(&rest.description));
        }
        shown
    }

    /// The response to the request that made it.
    fn show_made(&self, form: Form) -> Value {
        let mut shown = self.show(form);
        if form == Form::Brand {
            shown["brand_mchid"] = json!(self.receivers_owner());
        }
        shown
    }

    /// The response of finish-order.
    fn show_finished(&self, form: Form) -> Value {
        if form == Form::General {
            return self.show(form);
        }
        json!({
            "sub_mchid": self.sub_mchid, "transaction_id": self.transaction_id,
            "out_order_no": self.out_order_no, "order_id": self.order_id,
        })
    }
}

pub(super) fn check_sub_merchant(
    asked: Option<&str>,
    has: Option<&str>,
    refuse_other: fn() -> Refusal,
) -> Result<(), Refusal> {
    check_sub_merchant_of_order(asked, has, [refusals::no_sub_merchant, refuse_other])
}

pub(super) fn query_split(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    form: Form,
) -> Result<Value, HandlerError> {
    let request = context.request;
    let number = match form {
        Form::General => request.path("out_order_no"),
        Form::Ecommerce | Form::Brand => request.query("out_order_no").unwrap_or_default(),
    };
    let id = request.query("transaction_id").unwrap_or_default();
    Ok(find_split(tx, context, number, id, request.query("sub_mchid"))?.show_queried(form))
}

/// The split that a query names.
pub(super) fn find_split(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    number: &str,
    transaction_id: &str,
    sub_mchid: Option<&str>,
) -> Result<Split, HandlerError> {
    let found = Split::find(tx, &context.caller.mchid, number)?;
    let found = found.filter(|split| split.transaction_id == transaction_id);
    let found = found.ok_or_else(refusals::no_record)?;
    check_sub_merchant(sub_mchid, found.sub_mchid.as_deref(), refusals::no_record)?;
    Ok(found)
}

pub(super) fn query_amounts(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let id = context.request.path("transaction_id");
    Ok(json!({ "transaction_id": id, "unsplit_amount": unsplit(tx, context, id)? }))
}

/// The money of an order that waits to be shared.
pub(super) fn unsplit(tx: &Transaction<'_>, context: &Context<'_>, id: &str) -> Result<i64, HandlerError> {
    let order = Order::find_by_transaction(tx, id)?;
    let order = order.filter(|order| order.merchant == context.caller.mchid);
    let order = order.ok_or_else(refusals::not_this_merchants)?;
    let funds = SharedFunds::find(tx, &order, context.now)?;
    let funds = funds.ok_or_else(|| refusals::not_to_be_shared("非分账订单不支持此查询"))?;
    Ok(funds.left)
}

/// INFERRED(sharing-ratio): every merchant has the usual ratio.
pub(super) fn query_config(context: &Context<'_>, member: &str) -> Result<Value, HandlerError> {
    let mchid = context.request.path(member);
    check_relation(context, mchid)?;
    let mut shown = json!({ "max_ratio": MAX_RATIO });
    shown[member] = json!(mchid);
    Ok(shown)
}

/// The caller must act for this merchant.
pub(super) fn check_relation(context: &Context<'_>, mchid: &str) -> Result<(), Refusal> {
    if context.merchants.have_relation(context.caller, mchid) {
        Ok(())
    } else {
        Err(refusals::not_a_sub_merchant())
    }
}
