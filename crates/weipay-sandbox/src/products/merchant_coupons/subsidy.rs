//! Subsidies (营销补差): whoever made a coupon pays its merchant for what the coupon took off an order, and gets
//! it back after a refund.
//!
//! UNCONFIRMED(subsidy-order): which orders and refunds are meant. The order was paid, and its money is that of the
//! payee; a refund of it was not closed. How one is refused that is not there, nobody says. INFERRED(subsidy-at-once):
//! a receipt is settled by the request that makes it. UNCONFIRMED(subsidy-account): the money leaves what is available
//! in the basic account (基本账户) of one side, and is available in that of the other at once.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::coupon::{self, Coupon, CouponState};
use super::definition::StockType;
use super::stock::Stock;
use super::unconfirmed::{MAX_LISTED_RECEIPTS, MAX_SUBSIDIES, words};
use super::{may_operate, refusals};
use crate::clock;
use crate::contract::ValidRequest;
use crate::ledger::{self, AccountKind, Business, Owner, Posting, Purse};
use crate::merchants::Account;
use crate::products::payments::order::Order;
use crate::products::payments::refund::record::{Refund, RefundState};
use crate::products::{Context, Decided, Decision, HandlerError, carry_out, idempotently};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{IdempotencyKey, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};

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

/// What a merchant can pay with.
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

/// What a payment and a return have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubsidyRequest {
    stock_id: String,
    coupon_code: String,
    transaction_id: String,
    payer_merchant: String,
    payee_merchant: String,
    amount: i64,
    description: String,
    request_no: String,
}

impl SubsidyRequest {
    fn read(request: &ValidRequest, number: &str) -> Self {
        let text = |name: &str| request.required(name).to_owned();
        Self {
            stock_id: text("stock_id"),
            coupon_code: text("coupon_code"),
            transaction_id: text("transaction_id"),
            payer_merchant: text("payer_merchant"),
            payee_merchant: text("payee_merchant"),
            amount: request.body.get("amount").and_then(Value::as_i64).unwrap_or_default(),
            description: text("description"),
            request_no: text(number),
        }
    }

    fn describe(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, value) in [
            ("stock_id", &self.stock_id),
            ("coupon_code", &self.coupon_code),
            ("transaction_id", &self.transaction_id),
            ("payer_merchant", &self.payer_merchant),
            ("payee_merchant", &self.payee_merchant),
            ("description", &self.description),
        ] {
            shown.insert(name.to_owned(), value.as_str().into());
        }
        shown.insert("amount".to_owned(), self.amount.into());
        shown
    }
}

/// 补差付款单.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PayReceipt {
    id: String,
    request: SubsidyRequest,
    time: i64,
    outcome: Outcome,
    /// What went back of it.
    returned: i64,
}

/// Whether the money went over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Outcome {
    Paid,
    /// More than the coupon is worth.
    Failed,
    /// Too many for one coupon.
    TooMany,
    /// The payer has too little.
    Short,
    /// The order is not one of profit sharing (分账).
    NotShared,
}

impl PayReceipt {
    fn status(&self) -> &'static str {
        match self.outcome {
            Outcome::Failed | Outcome::TooMany | Outcome::Short | Outcome::NotShared => "FAIL",
            Outcome::Paid if self.returned == 0 => "SUCCESS",
            Outcome::Paid if self.returned < self.request.amount => "PARTIAL_RETURN",
            Outcome::Paid => "FULL_RETURN",
        }
    }

    fn describe(&self) -> Value {
        let mut shown = self.request.describe();
        let mut put = |name: &str, value: &str| drop(shown.insert(name.to_owned(), value.into()));
        put("status", self.status());
        put("out_subsidy_no", &self.request.request_no);
        put("create_time", &clock::rfc3339(self.time));
        // UNCONFIRMED(subsidy-failed-number): its page says both, that it is always there and only on success.
        put("subsidy_receipt_id", &self.id);
        match self.outcome {
            Outcome::Paid => put("success_time", &clock::rfc3339(self.time)),
            Outcome::Failed => put("fail_reason", "EXCEED_SUBSIDY_AMOUNT_QUOTA"),
            Outcome::TooMany => put("fail_reason", "EXCEED_SUBSIDY_COUNT_QUOTA"),
            Outcome::Short => put("fail_reason", "INSUFFICIENT_BALANCE"),
            Outcome::NotShared => put("fail_reason", "NOT_INCOMESPLIT_ORDER"),
        }
        Value::Object(shown)
    }
}

/// 补差回退单.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReturnReceipt {
    id: String,
    receipt_id: String,
    refund_id: String,
    request: SubsidyRequest,
    time: i64,
    /// Whether the payee had too little: nothing went back.
    #[serde(default)]
    has_failed: bool,
}

impl ReturnReceipt {
    fn describe(&self) -> Value {
        let mut shown = self.request.describe();
        let time = clock::rfc3339(self.time);
        let mut put = |name: &str, value: &str| drop(shown.insert(name.to_owned(), value.into()));
        put("subsidy_receipt_id", &self.receipt_id);
        put("refund_id", &self.refund_id);
        put("out_subsidy_return_no", &self.request.request_no);
        put("return_create_time", &time);
        // The pages of returns have a prefix that those of payments do not have.
        if self.has_failed {
            put("status", "RETURN_RECEIPT_FAIL");
            put("fail_reason", "RETURN_RECEIPT_INSUFFICIENT_BALANCE");
        } else {
            put("status", "RETURN_RECEIPT_SUCCESS");
            put("subsidy_return_receipt_id", &self.id);
            put("return_done_time", &time);
        }
        Value::Object(shown)
    }
}

/// 28 digits: `1` or `2`, the time, and a serial.
fn receipt_number(kind: char, now: i64, serial: i64) -> String {
    format!("{kind}120{}{serial:010}", clock::compact(now))
}

/// More is never subsidised at once: 5000 yuan.
const MAX_AMOUNT: i64 = 500_000;

/// What is known when a subsidy or a return is decided.
struct Known {
    /// The subsidies of the coupon that were paid, the newest first.
    paid: Vec<PayReceipt>,
    /// Fen that the side which pays now has.
    available: i64,
    order: Option<PaidOrder>,
}

/// The refund that a return is for.
struct NamedRefund {
    id: String,
    /// Whether it is one of the order.
    is_known: bool,
}

/// What a subsidy asks of its order.
struct PaidOrder {
    shares_profit: bool,
}

/// Pays a subsidy. INFERRED(subsidy-checks): the order of checks; an order without profit sharing, more than the coupon
/// is worth, or than the payer has, makes a receipt that has failed.
fn pay(
    caller: &Account,
    request: SubsidyRequest,
    found: Option<(Stock, Coupon)>,
    known: &Known,
    id: String,
    now: i64,
) -> Decided<PayReceipt> {
    let (stock, coupon) = check_rights(caller, found)?;
    if !(1..=MAX_AMOUNT).contains(&request.amount) {
        return Err(refusals::request_parameters("amount goes from 1 to 500000 fen"));
    }
    check_sides(caller, &request, &stock)?;
    if stock.definition.stock_type == StockType::Exchange {
        return Err(refusals::request_parameters("coupons of stock_type EXCHANGE are never subsidised"));
    }
    if coupon.state_at(now) != CouponState::Used {
        return Err(Refusal::invalid_request(
            words::NOT_USED,
            "a coupon is subsidised after it was used: POST /v3/marketing/busifavor/coupons/use",
        ));
    }
    let order = known.order.as_ref().ok_or_else(|| {
        Refusal::invalid_request(
            words::NO_ORDER,
            "transaction_id must be of an order that was paid, and whose money is that of payee_merchant",
        )
    })?;
    let paid = &known.paid;
    let sum: i64 = paid.iter().map(|receipt| receipt.request.amount - receipt.returned).sum();
    // What a DISCOUNT coupon takes off depends on the order, which is not known here.
    let is_too_much = |worth: i64| sum.saturating_add(request.amount) > worth;
    let outcome = match stock.definition.discount_amount {
        _ if !order.shares_profit => Outcome::NotShared,
        _ if paid.len() >= MAX_SUBSIDIES => Outcome::TooMany,
        Some(worth) if is_too_much(worth) => Outcome::Failed,
        _ if known.available < request.amount => Outcome::Short,
        _ => Outcome::Paid,
    };
    let receipt = PayReceipt { id, request, time: now, outcome, returned: 0 };
    let response = receipt.describe();
    Ok(Decision::new(receipt, response))
}

/// Returns a subsidy, wholly or in part: of the newest receipt of these two sides and this payment that has
/// so much left. Where the payee has too little, the return has failed, and the receipt stays as it was.
fn give_back(
    caller: &Account,
    request: SubsidyRequest,
    refund: NamedRefund,
    found: Option<(Stock, Coupon)>,
    known: Known,
    id: String,
    now: i64,
) -> Decided<(PayReceipt, ReturnReceipt)> {
    check_rights(caller, found)?;
    if request.amount < 1 {
        return Err(refusals::request_parameters("amount must be 1 fen or more"));
    }
    let is_of_request = |receipt: &PayReceipt| {
        let known = &receipt.request;
        known.transaction_id == request.transaction_id
            && known.payer_merchant == request.payer_merchant
            && known.payee_merchant == request.payee_merchant
    };
    let of_request: Vec<_> = known.paid.into_iter().filter(is_of_request).collect();
    if of_request.is_empty() {
        return Err(refusals::no_such_receipt().with_reason(
            "no subsidy was paid for this coupon with this transaction_id, payer_merchant and payee_merchant",
        ));
    }
    if !refund.is_known {
        return Err(Refusal::invalid_request(words::NO_REFUND, reasons::NO_REFUND_OF_ORDER));
    }
    let has_left = |receipt: &PayReceipt| receipt.request.amount - receipt.returned >= request.amount;
    let receipt = of_request.into_iter().find(has_left).ok_or_else(|| {
        Refusal::invalid_request(
            words::RETURN_TOO_MUCH,
            "all returns of a subsidy together may not be more than the subsidy",
        )
    })?;
    let has_failed = known.available < request.amount;
    let went_back = if has_failed { 0 } else { request.amount };
    let receipt = PayReceipt { returned: receipt.returned + went_back, ..receipt };
    let back = ReturnReceipt {
        id,
        receipt_id: receipt.id.clone(),
        refund_id: refund.id,
        request,
        time: now,
        has_failed,
    };
    let response = back.describe();
    Ok(Decision::new((receipt, back), response))
}

/// The coupon, when the caller may subsidise it. INFERRED(subsidy-rights): its creator and the merchant that it belongs to.
fn check_rights(caller: &Account, found: Option<(Stock, Coupon)>) -> Result<(Stock, Coupon), Refusal> {
    let (stock, coupon) = found.ok_or_else(refusals::no_such_coupon)?;
    if may_operate(caller, &stock) { Ok((stock, coupon)) } else { Err(refusals::no_right_on_subsidy()) }
}

/// The creator or the belonging merchant pays, the belonging merchant receives. UNCONFIRMED(subsidy-brand):
/// others of its brand cannot receive here. INFERRED(subsidy-payer): whoever asks pays, or a merchant that it
/// acts for does: the belonging merchant cannot take the creator's money.
fn check_sides(caller: &Account, request: &SubsidyRequest, stock: &Stock) -> Result<(), Refusal> {
    let belonging = stock.definition.belong_merchant();
    if ![&*stock.creator, belonging].contains(&&*request.payer_merchant) {
        return Err(refusals::request_parameters(
            "payer_merchant must be the creator of the stock or the merchant that it belongs to",
        ));
    }
    if !caller.acts_for(&request.payer_merchant) {
        return Err(refusals::no_right_on_subsidy()
            .with_reason("payer_merchant must be the caller, or one of its sub-merchants"));
    }
    if request.payee_merchant != belonging {
        return Err(refusals::request_parameters(
            "payee_merchant must be the merchant that the stock belongs to",
        ));
    }
    Ok(())
}

const COUPON: &str = "stock and code";
const PAID: &str = "stock and code, paid";
const NUMBER: &str = "request number";

impl Record for PayReceipt {
    const KIND: &'static str = "subsidy receipt";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let coupon = joined(&self.request.stock_id, &self.request.coupon_code);
        let mut indexes = vec![
            IndexEntry::new(COUPON, coupon.as_str()),
            IndexEntry::new(NUMBER, self.request.request_no.as_str()),
        ];
        if self.outcome == Outcome::Paid {
            indexes.push(IndexEntry::new(PAID, coupon));
        }
        indexes
    }
}

impl Record for ReturnReceipt {
    const KIND: &'static str = "subsidy return receipt";

    fn key(&self) -> String {
        self.id.clone()
    }
}

/// The subsidies of a coupon that were paid, the newest first.
fn successful(tx: &Transaction<'_>, request: &SubsidyRequest) -> Result<Vec<PayReceipt>, StoreError> {
    let coupon = joined(&request.stock_id, &request.coupon_code);
    let limit = i64::try_from(MAX_SUBSIDIES).unwrap_or(i64::MAX);
    tx.find(&[IndexRange::equal(PAID, coupon)], Page { offset: 0, limit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::coupon_stocks::Event;
    use crate::products::merchant_coupons::coupon::Condition;
    use crate::products::merchant_coupons::fixtures::{CALLER, MCHID, NOW, a_coupon, a_stock, stranger};

    fn request(amount: i64) -> SubsidyRequest {
        SubsidyRequest {
            stock_id: a_stock().id,
            coupon_code: a_coupon().code,
            transaction_id: "4".repeat(28),
            payer_merchant: MCHID.to_owned(),
            payee_merchant: MCHID.to_owned(),
            amount,
            description: "补差".to_owned(),
            request_no: "s1".to_owned(),
        }
    }

    fn used() -> Option<(Stock, Coupon)> {
        let condition = Condition::Used(Event { request_no: "u1".to_owned(), time: NOW });
        Some((a_stock(), Coupon { condition, ..a_coupon() }))
    }

    const HAS: i64 = 1_000_000;

    const SHARED: Option<PaidOrder> = Some(PaidOrder { shares_profit: true });

    fn paid(amount: i64, before: &[PayReceipt], available: i64) -> (PayReceipt, Value) {
        let known = Known { paid: before.to_vec(), available, order: SHARED };
        pay(&CALLER, request(amount), used(), &known, receipt_number('1', NOW, 1), NOW).unwrap().parts()
    }

    #[test]
    fn a_receipt_number_has_28_digits() {
        assert_eq!(receipt_number('1', NOW, 7), "1120202608151200000000000007");
    }

    #[test]
    fn a_used_coupon_is_subsidised_up_to_its_worth() {
        let (first, response) = paid(3, &[], HAS);
        assert_eq!((&response["status"], &response["amount"]), (&json!("SUCCESS"), &json!(3)));
        assert_eq!(response["subsidy_receipt_id"].as_str().unwrap().len(), 28);
        let (_, second) = paid(3, std::slice::from_ref(&first), HAS);
        assert_eq!(
            (&second["status"], &second["fail_reason"], second.get("success_time")),
            (&json!("FAIL"), &json!("EXCEED_SUBSIDY_AMOUNT_QUOTA"), None)
        );
        assert!(second["subsidy_receipt_id"].is_string());
        assert_eq!(paid(2, std::slice::from_ref(&first), HAS).1["status"], "SUCCESS");
    }

    #[test]
    fn returns_add_up_to_the_subsidy_and_not_beyond() {
        let back = |amount, receipt: PayReceipt| give_back_of(amount, receipt, HAS);
        let ((receipt, _), response) = back(2, paid(5, &[], HAS).0).unwrap().parts();
        assert_eq!(
            (response["status"].as_str(), receipt.status()),
            (Some("RETURN_RECEIPT_SUCCESS"), "PARTIAL_RETURN")
        );
        assert_eq!(back(4, receipt.clone()).unwrap_err().code, "INVALID_REQUEST");
        assert_eq!(back(3, receipt).unwrap().changed.0.status(), "FULL_RETURN");
    }

    fn give_back_of(
        amount: i64,
        receipt: PayReceipt,
        available: i64,
    ) -> Decided<(PayReceipt, ReturnReceipt)> {
        let (id, known) =
            (receipt_number('2', NOW, 1), Known { paid: vec![receipt], available, order: None });
        let refund = NamedRefund { id: "5".repeat(28), is_known: true };
        give_back(&CALLER, request(amount), refund, used(), known, id, NOW)
    }

    #[test]
    fn nobody_pays_or_returns_what_is_not_there() {
        let (receipt, response) = paid(3, &[], 2);
        assert_eq!((receipt.status(), &response["fail_reason"]), ("FAIL", &json!("INSUFFICIENT_BALANCE")));
        assert_eq!(paid(3, &[], 3).0.status(), "SUCCESS");
        let ((receipt, _), response) = give_back_of(3, paid(3, &[], 3).0, 2).unwrap().parts();
        assert_eq!(
            (&response["status"], &response["fail_reason"], response.get("subsidy_return_receipt_id")),
            (&json!("RETURN_RECEIPT_FAIL"), &json!("RETURN_RECEIPT_INSUFFICIENT_BALANCE"), None)
        );
        assert_eq!(receipt.status(), "SUCCESS", "nothing went back");
        assert_eq!(give_back_of(3, receipt, 3).unwrap().changed.0.status(), "FULL_RETURN");
    }

    #[test]
    fn who_what_and_how_much_is_checked() {
        let code = |caller: &Account, request: SubsidyRequest, found| {
            let known = Known { paid: Vec::new(), available: HAS, order: SHARED };
            let refusal = pay(caller, request, found, &known, "1".to_owned(), NOW).unwrap_err();
            (refusal.status, refusal.code)
        };
        assert_eq!(code(&CALLER, request(1), None), (404, "RESOURCE_NOT_EXISTS"));
        assert_eq!(code(&stranger(), request(1), used()), (403, "NO_AUTH"));
        assert_eq!(code(&CALLER, request(0), used()), (400, "PARAM_ERROR"));
        assert_eq!(code(&CALLER, request(500_001), used()), (400, "PARAM_ERROR"));
        assert_eq!(code(&CALLER, request(1), Some((a_stock(), a_coupon()))), (400, "INVALID_REQUEST"));
        let payee = SubsidyRequest { payee_merchant: "1900000999".to_owned(), ..request(1) };
        assert_eq!(code(&CALLER, payee, used()), (400, "PARAM_ERROR"));
    }
}
