//! Subsidies (营销补差): whoever made a coupon pays its merchant for what the coupon took off an order, and gets
//! it back after a refund. `receipt` has the records, `rules` what is checked.
//!
//! UNCONFIRMED(subsidy-order): which orders and refunds are meant. The order was paid, and its money is that of the
//! payee; a refund of it was not closed. How one is refused that is not there, nobody says. INFERRED(subsidy-at-once):
//! a receipt is settled by the request that makes it. UNCONFIRMED(subsidy-account): the money leaves what is available
//! in the basic account (基本账户) of one side, and is available in that of the other at once.

mod receipt;
mod rules;

use serde_json::{Value, json};

use self::receipt::{
    COUPON, NUMBER, Outcome, PayReceipt, ReturnReceipt, SubsidyRequest, receipt_number, successful,
};
use self::rules::{Known, NamedRefund, PaidOrder, check_rights, give_back, pay};
use super::unconfirmed::{MAX_LISTED_RECEIPTS, MAX_SUBSIDIES};
use super::{coupon, refusals};
use crate::ledger::{self, AccountKind, Business, Owner, Posting, Purse};
use crate::products::payments::order::Order;
use crate::products::payments::refund::record::{Refund, RefundState};
use crate::products::{Context, HandlerError, carry_out, idempotently};
use crate::response::Refusal;
use crate::store::{IdempotencyKey, IndexRange, Page, StoreError, Transaction, joined};

pub(super) fn pay_subsidy(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = SubsidyRequest::read(context.request, "out_subsidy_no");
    let shown = once_for_request(tx, context, "pay subsidy", &request, || {
        let found = coupon::find(tx, &request.stock_id, &request.coupon_code)?;
        let known = Known {
            paid: successful(tx, &request)?,
            available: available(tx, &request.payer_merchant)?,
            order: paid_order(tx, &request)?,
        };
        let id = receipt_number('1', context.now, tx.next_number("subsidy receipt")?);
        let decision = pay(context.caller, request.clone(), found, &known, id, context.now)?;
        let PayReceipt { id, outcome, .. } = &decision.changed;
        if *outcome == Outcome::Paid {
            let posting = Posting::new(Business::Subsidy, id.as_str(), context.now);
            move_money(tx, posting, &request, [&request.payer_merchant, &request.payee_merchant])?;
        }
        carry_out(tx, decision)
    })?;
    tell_failure(context, &shown);
    Ok(shown)
}

/// A receipt that has failed is a success on the wire, also when its request comes again: what it lacked then may be there now.
fn tell_failure(context: &Context<'_>, shown: &Value) {
    let short = |who: &str, number: &str| {
        let advice = AccountKind::Available.advice();
        format!(
            "{who} had too little available in its basic account (基本账户) when this {number} was decided, and it stays failed; use a new {number} after a top-up{advice}"
        )
    };
    let reason = match shown["fail_reason"].as_str() {
        Some("INSUFFICIENT_BALANCE") => short("payer_merchant", "out_subsidy_no"),
        Some("RETURN_RECEIPT_INSUFFICIENT_BALANCE") => short("payee_merchant", "out_subsidy_return_no"),
        Some("NOT_INCOMESPLIT_ORDER") => {
            "the order must be made with settle_info.profit_sharing true".to_owned()
        }
        Some("EXCEED_SUBSIDY_AMOUNT_QUOTA") => {
            "all subsidies of a coupon together are at most what it takes off".to_owned()
        }
        Some("EXCEED_SUBSIDY_COUNT_QUOTA") => format!("a coupon has at most {MAX_SUBSIDIES} subsidies"),
        _ => return,
    };
    context.tell_failure(reason);
}

pub(super) fn return_subsidy(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = SubsidyRequest::read(context.request, "out_subsidy_return_no");
    let refund_id = context.request.required("refund_id").to_owned();
    let shown = once_for_request(tx, context, "return subsidy", &request, || {
        let found = coupon::find(tx, &request.stock_id, &request.coupon_code)?;
        let known = Known {
            paid: successful(tx, &request)?,
            available: available(tx, &request.payee_merchant)?,
            order: None,
        };
        let id = receipt_number('2', context.now, tx.next_number("subsidy return receipt")?);
        let is_known = is_refund(tx, &request, &refund_id)?;
        let refund = NamedRefund { id: refund_id.clone(), is_known };
        let decision = give_back(context.caller, request.clone(), refund, found, known, id, context.now)?;
        let ReturnReceipt { id, has_failed, .. } = &decision.changed.1;
        if !has_failed {
            let posting = Posting::new(Business::SubsidyReturn, id.as_str(), context.now);
            move_money(tx, posting, &request, [&request.payee_merchant, &request.payer_merchant])?;
        }
        carry_out(tx, decision)
    })?;
    tell_failure(context, &shown);
    Ok(shown)
}

/// Does the work of a subsidy or of a return once for its number.
fn once_for_request(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    operation: &'static str,
    request: &SubsidyRequest,
    work: impl FnOnce() -> Result<Value, HandlerError>,
) -> Result<Value, HandlerError> {
    let key = IdempotencyKey { operation, scope: &context.caller.mchid, request_no: &request.request_no };
    idempotently(tx, context, &key, refusals::other_parameters, work)
}

/// The money with which a merchant can pay.
fn available(tx: &Transaction<'_>, mchid: &str) -> Result<i64, StoreError> {
    Ok(Purse::find(tx, &Owner::merchant(mchid))?.balance(AccountKind::Available))
}

/// The paid order of a subsidy, if there is one.
fn paid_order(tx: &Transaction<'_>, request: &SubsidyRequest) -> Result<Option<PaidOrder>, StoreError> {
    let found = Order::find_by_transaction(tx, &request.transaction_id)?;
    let is_meant = |order: &Order| order.state.is_paid() && order.payee() == request.payee_merchant;
    Ok(found.filter(is_meant).map(|order| PaidOrder { shares_profit: order.profit_sharing }))
}

/// Whether a refund is one of the order of a subsidy, and was not closed.
fn is_refund(tx: &Transaction<'_>, request: &SubsidyRequest, refund_id: &str) -> Result<bool, StoreError> {
    let found = Refund::find_by_id(tx, refund_id)?;
    Ok(found.is_some_and(|refund| {
        refund.order.transaction_id == request.transaction_id
            && refund.payee() == request.payee_merchant
            && refund.state != RefundState::Closed
    }))
}

/// The money of a decision: that it is there was a part of the decision.
fn move_money(
    tx: &Transaction<'_>,
    posting: Posting,
    request: &SubsidyRequest,
    from_and_to: [&str; 2],
) -> Result<(), HandlerError> {
    let [from, to] = from_and_to.map(|mchid| Owner::merchant(mchid).account(AccountKind::Available));
    let posting = posting.for_number(request.request_no.as_str()).moves(from, to, request.amount);
    ledger::post(tx, posting)
        .map_err(|error| error.or_short(|short| Refusal::system_error().with_reason(short)))
}

pub(super) fn list_receipts(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let text = |name: &str| context.request.query(name).unwrap_or_default();
    let (stock_id, code) = (text("stock_id"), text("coupon_code"));
    let found = coupon::find(tx, stock_id, code)?;
    check_rights(context.caller, found)?;
    let mut conditions = vec![IndexRange::equal(COUPON, joined(stock_id, code))];
    if let Some(number) = context.request.query("out_subsidy_no") {
        conditions.insert(0, IndexRange::equal(NUMBER, number));
    }
    let receipts: Vec<PayReceipt> = tx.find(&conditions, Page { offset: 0, limit: MAX_LISTED_RECEIPTS })?;
    let list: Vec<_> = receipts.iter().map(PayReceipt::describe).collect();
    Ok(json!({ "pay_receipt_list": list }))
}

pub(super) fn query_receipt(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let receipt: Option<PayReceipt> = tx.get(context.request.path("subsidy_receipt_id"))?;
    let receipt = receipt.ok_or_else(refusals::no_such_receipt)?;
    check_rights(context.caller, coupon::find(tx, &receipt.request.stock_id, &receipt.request.coupon_code)?)?;
    Ok(receipt.describe())
}

pub(super) fn query_return_receipt(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let receipt: Option<ReturnReceipt> = tx.get(context.request.path("subsidy_return_receipt_id"))?;
    let receipt = receipt.filter(|receipt| !receipt.has_failed).ok_or_else(refusals::no_such_receipt)?;
    check_rights(context.caller, coupon::find(tx, &receipt.request.stock_id, &receipt.request.coupon_code)?)?;
    Ok(receipt.describe())
}
