//! Subsidies of used coupons, their returns, and who else may send a stock.

use serde_json::{Value, json};
use weipay_sandbox::{MerchantAccount, NewMerchant, PaymentRequest, Sandbox};

use crate::client::{Client, Response};
use crate::merchant::{Coupon, FAMILY, Merchant, number, stock_request};

const PARTNER: &str = "1900000777";
const SUB: &str = "1900000888";
const BRAND: &str = "wx0000000000000777";

/// A sandbox with a partner that makes coupons, and its sub-merchant, which has keys, too.
fn two_merchants() -> Sandbox {
    let partner = NewMerchant::new().mchid(PARTNER).appid(BRAND).sub_merchant(SUB);
    crate::sandbox().merchant(partner).merchant(NewMerchant::new().mchid(SUB)).start().unwrap()
}

/// The partner with a stock that belongs to the sub-merchant, and a coupon of it that was used.
fn used_coupon(sandbox: &Sandbox) -> (Merchant<'_>, Coupon) {
    let client = Client::of(sandbox, PARTNER);
    let mut request = stock_request(sandbox);
    request["belong_merchant"] = json!(SUB);
    let created = client.post(&format!("{FAMILY}/stocks"), &request).success();
    let stock_id = created["stock_id"].as_str().unwrap().to_owned();
    let merchant = Merchant { client, stock_id };
    let openid = sandbox.kit().openid.clone();
    let mut sending = merchant.sending(&openid);
    sending["appid"] = json!(BRAND);
    let sent = merchant.post("coupons/send", &sending).success();
    let code = sent["send_coupon_result"]["coupon_code"].as_str().unwrap().to_owned();
    let using = json!({
        "coupon_code": code, "stock_id": merchant.stock_id, "appid": BRAND,
        "use_time": "2026-08-01T12:00:00.000+08:00", "use_request_no": number(),
    });
    merchant.post("coupons/use", &using).success();
    (merchant, Coupon { openid, code })
}

/// An order of the sub-merchant that was paid, and the refund of it: `transaction_id` and `refund_id`.
fn sold_and_refunded(merchant: &Merchant<'_>, number: &str, is_shared: bool) -> [String; 2] {
    let client = &merchant.client;
    let mchid = client.mchid.as_str();
    let is_partner = mchid == PARTNER;
    let payee = if is_partner { SUB } else { mchid };
    let mut body = json!({
        "description": "茶", "out_trade_no": number, "notify_url": "http://127.0.0.1:9/notify",
        "amount": { "total": 1_000 }, "settle_info": { "profit_sharing": is_shared },
    });
    let mut refund = json!({
        "out_trade_no": number, "out_refund_no": number, "amount": { "refund": 900, "total": 1_000, "currency": "CNY" },
    });
    let between = if is_partner { "partner/" } else { "" };
    if is_partner {
        (body["sp_mchid"], body["sub_mchid"], body["sp_appid"]) = (json!(mchid), json!(payee), json!(BRAND));
        refund["sub_mchid"] = json!(payee);
    } else {
        (body["mchid"], body["appid"]) = (json!(mchid), json!(client.sandbox.kit().appid));
    }
    client.post(&format!("/v3/pay/{between}transactions/native"), &body).success();
    let pays = PaymentRequest::new(number).of_merchant(mchid);
    let transaction_id = client.sandbox.pay(&pays).unwrap().transaction_ids[0].clone();
    let refunded = client.post("/v3/refund/domestic/refunds", &refund).success();
    [transaction_id, refunded["refund_id"].as_str().unwrap().to_owned()]
}

/// Fen that are available to the partner and to the sub-merchant.
fn balances(sandbox: &Sandbox) -> [i64; 2] {
    [PARTNER, SUB].map(|mchid| {
        let balance = Client::of(sandbox, mchid).get("/v3/merchant/fund/balance/BASIC").success();
        balance["available_amount"].as_i64().unwrap()
    })
}

fn between(mut body: Value, payer: &str, payee: &str) -> Value {
    (body["payer_merchant"], body["payee_merchant"]) = (json!(payer), json!(payee));
    body
}

#[test]
fn a_subsidy_moves_money_to_the_payee_and_a_return_back() {
    let sandbox = two_merchants();
    let (merchant, coupon) = used_coupon(&sandbox);
    let [order, refund] = sold_and_refunded(&merchant, "order-1", true);
    let pay = |amount| {
        let mut body = between(subsidy(&merchant, &coupon, &order, amount), PARTNER, SUB);
        body["out_subsidy_no"] = json!(number());
        merchant.post("subsidy/pay-receipts", &body).success()
    };
    let mut body = between(subsidy(&merchant, &coupon, &order, 80), PARTNER, SUB);
    body["out_subsidy_no"] = json!(number());
    for _ in ["at first", "again"] {
        let short = merchant.post("subsidy/pay-receipts", &body);
        let told = "payer_merchant had too little available in its basic account";
        assert!(short.reason().unwrap().starts_with(told), "{:?}", short.reason());
        assert!(short.reason().unwrap().contains("use a new out_subsidy_no"), "{:?}", short.reason());
        let short = short.success();
        assert_eq!(
            (&short["status"], &short["fail_reason"]),
            (&json!("FAIL"), &json!("INSUFFICIENT_BALANCE"))
        );
    }
    sandbox.top_up(PARTNER, MerchantAccount::Basic, 100).unwrap();
    assert_eq!((pay(80)["status"].as_str(), balances(&sandbox)), (Some("SUCCESS"), [20, 80]));

    let back = |amount, number: &str| {
        let mut body = between(subsidy(&merchant, &coupon, &order, amount), PARTNER, SUB);
        (body["refund_id"], body["out_subsidy_return_no"]) = (json!(refund), json!(number));
        merchant.post("subsidy/return-receipts", &body).success()
    };
    let first = number();
    assert_eq!(back(30, &first)["status"], "RETURN_RECEIPT_SUCCESS");
    assert_eq!(
        (back(30, &first)["status"].as_str(), balances(&sandbox)),
        (Some("RETURN_RECEIPT_SUCCESS"), [50, 50])
    );
    assert_eq!(
        (back(50, &number())["status"].as_str(), balances(&sandbox)),
        (Some("RETURN_RECEIPT_SUCCESS"), [100, 0])
    );
}

#[test]
fn nobody_makes_another_merchant_pay_a_subsidy() {
    let sandbox = two_merchants();
    let (merchant, coupon) = used_coupon(&sandbox);
    sandbox.top_up(PARTNER, MerchantAccount::Basic, 100).unwrap();
    let mut body = between(subsidy(&merchant, &coupon, &"4".repeat(28), 80), PARTNER, SUB);
    body["out_subsidy_no"] = json!(number());
    let refused = Client::of(&sandbox, SUB).post(&format!("{FAMILY}/subsidy/pay-receipts"), &body);
    assert_eq!((refused.refusal(), balances(&sandbox)), ((403, "NO_AUTH".to_owned()), [100, 0]));
}

#[test]
fn a_subsidy_is_of_an_order_that_was_paid_and_a_return_of_one_that_was_refunded() {
    let sandbox = two_merchants();
    let (merchant, coupon) = used_coupon(&sandbox);
    sandbox.top_up(PARTNER, MerchantAccount::Basic, 100).unwrap();
    let pay = |order: &str| {
        let mut body = between(subsidy(&merchant, &coupon, order, 40), PARTNER, SUB);
        body["out_subsidy_no"] = json!(number());
        merchant.post("subsidy/pay-receipts", &body)
    };
    let refused = (400, "INVALID_REQUEST".to_owned());
    assert_eq!(pay(&"4".repeat(28)).refusal(), refused);
    let [not_shared, other_refund] = sold_and_refunded(&merchant, "order-1", false);
    let failed = pay(&not_shared).success();
    assert_eq!(
        (&failed["status"], &failed["fail_reason"]),
        (&json!("FAIL"), &json!("NOT_INCOMESPLIT_ORDER"))
    );
    assert_eq!(balances(&sandbox), [100, 0]);
    let [order, refund] = sold_and_refunded(&merchant, "order-2", true);
    assert_eq!((pay(&order).success()["status"].as_str(), balances(&sandbox)), (Some("SUCCESS"), [60, 40]));
    let back = |refund: &str| {
        let mut body = between(subsidy(&merchant, &coupon, &order, 40), PARTNER, SUB);
        (body["refund_id"], body["out_subsidy_return_no"]) = (json!(refund), json!(number()));
        merchant.post("subsidy/return-receipts", &body)
    };
    assert_eq!(back(&"5".repeat(28)).refusal(), refused);
    assert_eq!((back(&other_refund).refusal(), balances(&sandbox)), (refused, [60, 40]));
    assert_eq!(back(&refund).success()["status"], "RETURN_RECEIPT_SUCCESS");
}

fn subsidy(merchant: &Merchant<'_>, coupon: &Coupon, order: &str, amount: i64) -> Value {
    let mchid = &merchant.client.sandbox.kit().mchid;
    json!({
        "stock_id": merchant.stock_id, "coupon_code": coupon.code, "transaction_id": order,
        "payer_merchant": mchid, "payee_merchant": mchid, "amount": amount, "description": "补差",
    })
}

fn pay(merchant: &Merchant<'_>, coupon: &Coupon, order: &str, amount: i64) -> Response {
    let mut body = subsidy(merchant, coupon, order, amount);
    body["out_subsidy_no"] = json!(number());
    merchant.post("subsidy/pay-receipts", &body)
}

#[test]
fn a_used_coupon_is_subsidised_and_the_subsidy_goes_back() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    let [order, refund] = sold_and_refunded(&merchant, &number(), true);
    assert_eq!(pay(&merchant, &coupon, &order, 80).refusal(), (400, "INVALID_REQUEST".to_owned()));
    merchant.use_coupon(&coupon).success();
    let sandbox = merchant.client.sandbox;
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Basic, 80).unwrap();
    let paid = pay(&merchant, &coupon, &order, 80).success();
    assert_eq!(paid["status"], "SUCCESS");
    let over = pay(&merchant, &coupon, &order, 80).success();
    assert_eq!(
        (&over["status"], &over["fail_reason"]),
        (&json!("FAIL"), &json!("EXCEED_SUBSIDY_AMOUNT_QUOTA"))
    );
    let id = over["subsidy_receipt_id"].as_str().unwrap();
    assert_eq!(merchant.get(&format!("subsidy/pay-receipts/{id}")).success(), over);

    let mut back = subsidy(&merchant, &coupon, &order, 30);
    (back["refund_id"], back["out_subsidy_return_no"]) = (json!(refund), json!(number()));
    let returned = merchant.post("subsidy/return-receipts", &back).success();
    assert_eq!(merchant.post("subsidy/return-receipts", &back).success(), returned, "a repeat");
    let id = returned["subsidy_return_receipt_id"].as_str().unwrap();
    assert_eq!(merchant.get(&format!("subsidy/return-receipts/{id}")).success(), returned);

    let id = paid["subsidy_receipt_id"].as_str().unwrap();
    assert_eq!(merchant.get(&format!("subsidy/pay-receipts/{id}")).success()["status"], "PARTIAL_RETURN");
    let list = format!("subsidy/pay-receipts?stock_id={}&coupon_code={}", merchant.stock_id, coupon.code);
    let list = merchant.get(&list).success();
    assert_eq!(list["pay_receipt_list"].as_array().unwrap().len(), 2);
}

#[test]
fn a_partnership_is_built_listed_and_terminated() {
    let merchant = Merchant::new();
    let body = json!({
        "partner": { "type": "APPID", "appid": "wx4e1916a585d1f4e9" },
        "authorized_data": { "business_type": "BUSIFAVOR_STOCK", "stock_id": merchant.stock_id },
    });
    let ask = |below: &str, key: Option<&str>| {
        let target = format!("/v3/marketing/partnerships/{below}");
        let mut request = merchant.client.request("POST", &target, body.to_string().as_bytes());
        if let Some(key) = key {
            request.set("Idempotency-Key", key);
        }
        merchant.client.send(&request)
    };
    assert_eq!(ask("build", None).refusal(), (400, "PARAM_ERROR".to_owned()));
    let key = number();
    let built = ask("build", Some(&key)).success();
    assert_eq!((&built["state"], ask("build", Some(&key)).success()), (&json!("ESTABLISHED"), built.clone()));
    let data = format!("%7B%22stock_id%22%3A%22{}%22%7D", merchant.stock_id);
    let target = format!("/v3/marketing/partnerships?authorized_data={data}&limit=5&offset=0");
    let list = merchant.client.get(&target).success();
    assert_eq!((&list["total_count"], &list["data"][0]["partner"]), (&json!(1), &body["partner"]));
    ask("terminate", Some(&key)).success();
    let list = merchant.client.get(&target).success();
    assert!(list["data"][0]["terminate_time"].is_string());
    let nothing = target.replace("offset=0", "offset=1");
    assert_eq!(merchant.client.get(&nothing).refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
}
