//! The rules of a subsidy and of its return.

use super::receipt::{Outcome, PayReceipt, ReturnReceipt, SubsidyRequest};
use crate::merchants::Account;
use crate::products::merchant_coupons::coupon::{Coupon, CouponState};
use crate::products::merchant_coupons::definition::StockType;
use crate::products::merchant_coupons::stock::Stock;
use crate::products::merchant_coupons::unconfirmed::{MAX_SUBSIDIES, words};
use crate::products::merchant_coupons::{may_operate, refusals};
use crate::products::{Decided, Decision};
use crate::reasons;
use crate::response::Refusal;

/// More is never subsidised at once: 5000 yuan.
const MAX_AMOUNT: i64 = 500_000;

/// The state on which a subsidy or a return depends.
pub(super) struct Known {
    /// The subsidies of the coupon that were paid, the newest first.
    pub(super) paid: Vec<PayReceipt>,
    /// Fen that the side which pays now has.
    pub(super) available: i64,
    pub(super) order: Option<PaidOrder>,
}

/// The refund that a return is for.
pub(super) struct NamedRefund {
    pub(super) id: String,
    /// Whether it is one of the order.
    pub(super) is_known: bool,
}

/// The rules of the order of a subsidy.
pub(super) struct PaidOrder {
    pub(super) shares_profit: bool,
}

/// Pays a subsidy. INFERRED(subsidy-checks): the order of checks; an order without profit sharing, more than the coupon
/// is worth, or than the payer has, makes a receipt that has failed.
pub(super) fn pay(
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
        Refusal::invalid_request(words::NO_ORDER, "transaction_id must be a paid order of payee_merchant")
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
pub(super) fn give_back(
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
pub(super) fn check_rights(
    caller: &Account,
    found: Option<(Stock, Coupon)>,
) -> Result<(Stock, Coupon), Refusal> {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::receipt::receipt_number;
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
