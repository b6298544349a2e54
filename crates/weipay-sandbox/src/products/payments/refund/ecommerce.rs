//! Refunds that a platform (电商平台) asks for: the same refunds, with other members, and with a choice of who pays them.

use serde_json::{Value, json};

use super::accepting::{RefundRequest, Source, check_sub_merchant};
use super::record::{Refund, RefundAccount, RefundState};
use super::{abnormal_refund, refund, refusals};
use crate::clock;
use crate::products::{Context, HandlerError};
use crate::store::Transaction;

pub(super) fn create_refund(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    context.caller.check_appid(request.required("sp_appid"))?;
    if request.text("sub_mchid") == Some(&*context.caller.mchid) {
        return Err(refusals::ordinary_merchant().into());
    }
    let account = match request.text("refund_account") {
        Some("REFUND_SOURCE_PARTNER_ADVANCE") => RefundAccount::PartnerAdvance,
        _ => RefundAccount::SubMerchant,
    };
    if account == RefundAccount::PartnerAdvance && request.text("sub_mchid").is_none() {
        return Err(
            refusals::not_the_orders("only a refund of a sub-merchant's order can be advanced").into()
        );
    }
    let read = RefundRequest::read(request, context.platform_serial);
    let source = match request.text("funds_account") {
        Some("PREPAID") => Some(Source::Prepaid),
        _ => read.source,
    };
    let request = RefundRequest { refund_account: Some(account), source, ..read };
    Ok(show_accepted(&refund(tx, &context.caller.mchid, &request, context.now)?))
}

pub(super) fn query_by_id(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let found = Refund::find_by_id(tx, context.request.path("refund_id"))?;
    show_found(context, found)
}

pub(super) fn query_by_number(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let number = context.request.path("out_refund_no");
    show_found(context, Refund::find_by_number(tx, &context.caller.mchid, number)?)
}

fn show_found(context: &Context<'_>, found: Option<Refund>) -> Result<Value, HandlerError> {
    let refund = found.filter(|refund| refund.merchant == context.caller.mchid);
    let refund = refund.ok_or_else(refusals::no_such_refund)?;
    check_sub_merchant(context.request.query("sub_mchid"), refund.sub_mchid.as_deref())?;
    Ok(show(&refund))
}

pub(super) fn apply_abnormal_refund(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let refund = abnormal_refund(tx, context)?;
    let mut shown = show(&refund);
    shown["amount"]["refund_fee"] = json!(refund.amounts.fee);
    if let Some(amount) = shown["amount"].as_object_mut() {
        amount.remove("advance");
    }
    Ok(shown)
}

/// The response to the request that made it.
fn show_accepted(refund: &Refund) -> Value {
    let mut shown = show(refund);
    if let Some(members) = shown.as_object_mut() {
        members.retain(|name, _| {
            ["refund_id", "out_refund_no", "create_time", "amount", "promotion_detail", "refund_account"]
                .contains(&name.as_str())
        });
    }
    shown
}

/// The response of a query. UNCONFIRMED(ecommerce-refund-lists): its lists are there when they are empty, as those of
/// other refunds.
fn show(refund: &Refund) -> Value {
    let mut shown = refund.show();
    let mut amount = json!({
        "from": shown["amount"]["from"],
        "refund": refund.amounts.refund,
        "payer_refund": refund.amounts.payer,
        "discount_refund": refund.amounts.refund - refund.amounts.payer,
        "currency": refund.order.currency,
    });
    if let Some(advance) = refund.advanced() {
        amount["advance"] = json!(advance);
    }
    shown["amount"] = amount;
    // UNCONFIRMED(ecommerce-closed): one copy of the page has this word, and another `CLOSED`.
    if refund.state == RefundState::Closed {
        shown["status"] = json!("CLOSE");
    }
    // A refund of a sub-merchant's order that was asked for elsewhere is paid by the sub-merchant too.
    shown["refund_account"] = json!(refund.refund_account.unwrap_or(RefundAccount::SubMerchant));
    shown["create_time"] = json!(clock::rfc3339(refund.created));
    let coupons = shown["promotion_detail"].as_array_mut();
    for coupon in coupons.into_iter().flatten() {
        if let Some(members) = coupon.as_object_mut() {
            members.remove("goods_detail");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{MCHID, Shop, Wish};
    use super::*;
    use crate::ledger::AccountKind::{Available, Frozen, Unsettled};
    use crate::ledger::Owner;
    use crate::response::Refusal;

    const SUB: &str = "1900000110";
    const APPID: &str = "wxd678efh567hg6787";

    fn shop() -> Shop {
        let mut shop = Shop::new();
        shop.caller.appids = vec![APPID.to_owned()];
        shop.caller.sub_merchants = vec![SUB.to_owned()];
        shop
    }

    fn body(id: &str, number: &str, fen: i64) -> Value {
        json!({
            "sub_mchid": SUB, "sp_appid": APPID, "transaction_id": id, "out_refund_no": number,
            "notify_url": "https://example.com/refunds",
            "amount": { "refund": fen, "total": 1_000, "currency": "CNY" },
        })
    }

    fn apply(shop: &Shop, body: &Value) -> Result<Value, Refusal> {
        shop.ask("POST", "/v3/ecommerce/refunds/apply", body)
    }

    #[test]
    fn a_platform_refunds_for_its_sub_merchant() {
        let mut shop = shop();
        let wish = Wish { sub_mchid: Some(SUB), coupons: vec![("NOCASH", 100)], ..Wish::default() };
        let id = shop.pay(&wish);
        let made = apply(&shop, &body(&id, "r1", 500)).unwrap();
        let refund_id = made["refund_id"].as_str().unwrap().to_owned();
        assert_eq!(
            made["amount"],
            json!({ "from": [], "refund": 500, "payer_refund": 450, "discount_refund": 50, "currency": "CNY" })
        );
        assert_eq!(made["refund_account"], "REFUND_SOURCE_SUB_MERCHANT");
        assert_eq!(made["promotion_detail"][0]["refund_amount"], 50);
        assert!(made.get("status").is_none() && made.get("transaction_id").is_none(), "{made}");
        assert_eq!(apply(&shop, &body(&id, "r1", 500)).unwrap(), made, "the same number again");

        shop.pass(10);
        let by_id = format!("/v3/ecommerce/refunds/id/{refund_id}?sub_mchid={SUB}");
        let by_id = shop.ask("GET", &by_id, &Value::Null).unwrap();
        let by_number = format!("/v3/ecommerce/refunds/out-refund-no/r1?sub_mchid={SUB}");
        assert_eq!(shop.ask("GET", &by_number, &Value::Null).unwrap(), by_id);
        assert_eq!((&by_id["status"], &by_id["funds_account"]), (&json!("SUCCESS"), &json!("UNSETTLED")));
        let domestic = format!("/v3/refund/domestic/refunds/r1?sub_mchid={SUB}");
        assert_eq!(shop.ask("GET", &domestic, &Value::Null).unwrap()["refund_id"], *refund_id);
        let told = shop.outbox();
        let resource = &told[0].resource;
        assert_eq!(
            (&resource["sp_mchid"], &resource["sub_mchid"], &resource["refund_account"]),
            (&json!(MCHID), &json!(SUB), &json!("REFUND_SOURCE_SUB_MERCHANT"))
        );
        assert_eq!(shop.sum(), 0);
    }

    #[test]
    fn what_a_platform_may_not_refund_is_refused_as_other_refunds_are() {
        let shop = shop();
        let id = shop.pay(&Wish { sub_mchid: Some(SUB), ..Wish::default() });
        let said = |refused: Result<Value, Refusal>| {
            let refusal = refused.unwrap_err();
            (refusal.status, refusal.code, refusal.message.into_owned())
        };
        let with = |name: &str, value: Value| {
            let mut body = body(&id, "r1", 500);
            body[name] = value;
            said(apply(&shop, &body))
        };
        let not_the_orders = (400, "INVALID_REQUEST", "您的请求参数与订单信息不一致".to_owned());
        assert_eq!(with("sub_mchid", json!("1900000111")), not_the_orders);
        assert_eq!(with("amount", json!({ "refund": 1, "total": 999 })), not_the_orders);
        assert_eq!(with("sp_appid", json!("wx0000000000000000")).1, "APPID_MCHID_NOT_MATCH");
        assert_eq!(with("transaction_id", json!("4200000000")).0, 404);
        assert_eq!(with("funds_account", json!("PREPAID")).1, "NOT_ENOUGH");
        assert_eq!(
            said(apply(&shop, &body(&id, "r1", 1_001))),
            (400, "INVALID_REQUEST", "申请退款金额超过订单可退金额".to_owned())
        );
        let made = apply(&shop, &body(&id, "r1", 500)).unwrap();
        assert_eq!(made["promotion_detail"], json!([]), "there was no coupon");
        assert_eq!(said(apply(&shop, &body(&id, "r2", 500))).0, 429);
        assert_eq!(said(apply(&shop, &body(&id, "r1", 400))).0, 400);
        for target in ["id/r1", "out-refund-no/r9"] {
            let target = format!("/v3/ecommerce/refunds/{target}?sub_mchid={SUB}");
            assert_eq!(said(shop.ask("GET", &target, &Value::Null)).0, 404);
        }
        let other = "/v3/ecommerce/refunds/out-refund-no/r1?sub_mchid=1900000111";
        assert_eq!(said(shop.ask("GET", other, &Value::Null)), not_the_orders);
    }

    #[test]
    fn an_abnormal_refund_of_a_platform_goes_to_another_card() {
        let mut shop = shop();
        let id = shop.pay(&Wish { sub_mchid: Some(SUB), ..Wish::default() });
        let made = apply(&shop, &body(&id, "r1", 500)).unwrap();
        let path =
            format!("/v3/ecommerce/refunds/{}/apply-abnormal-refund", made["refund_id"].as_str().unwrap());
        let request = json!({ "sub_mchid": SUB, "out_refund_no": "r1", "type": "MERCHANT_BANK_CARD" });
        assert_eq!(shop.ask("POST", &path, &request).unwrap_err().code, "INVALID_REQUEST");
        assert!(shop.decide("r1", RefundState::Abnormal));
        let handled = shop.ask("POST", &path, &request).unwrap();
        assert_eq!((&handled["status"], &handled["amount"]["refund_fee"]), (&json!("PROCESSING"), &json!(3)));
        shop.pass(60);
        apply(&shop, &body(&id, "r2", 100)).unwrap();
        assert!(shop.decide("r2", RefundState::Closed));
        let target = format!("/v3/ecommerce/refunds/out-refund-no/r2?sub_mchid={SUB}");
        assert_eq!(shop.ask("GET", &target, &Value::Null).unwrap()["status"], "CLOSE");
        assert_eq!(shop.sum(), 0);
    }

    #[test]
    fn what_waits_to_be_shared_is_refunded_first_unless_the_platform_advances() {
        let mut shop = shop();
        let id = shop.pay(&Wish { sub_mchid: Some(SUB), profit_sharing: true, ..Wish::default() });
        let sub = |shop: &Shop, kind| shop.balance(&Owner::merchant(SUB), kind);
        apply(&shop, &body(&id, "r1", 500)).unwrap();
        assert_eq!((sub(&shop, Frozen), sub(&shop, Unsettled)), (497, 0));
        shop.pass(60);
        let mut advanced = body(&id, "r2", 500);
        advanced["refund_account"] = json!("REFUND_SOURCE_PARTNER_ADVANCE");
        assert_eq!(apply(&shop, &advanced).unwrap_err().code, "NOT_ENOUGH", "the platform has nothing");
        shop.put(MCHID, Available, 500);
        let made = apply(&shop, &advanced).unwrap();
        assert_eq!(made["amount"]["advance"], 500);
        assert_eq!((sub(&shop, Frozen), shop.merchant(Available)), (497, 0));
        shop.pass(60);
        assert_eq!((sub(&shop, Available), shop.sum()), (3, 0));
    }
}
