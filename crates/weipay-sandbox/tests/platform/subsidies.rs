//! Subsidies of used coupons, their returns, and who else may send a stock.

use serde_json::{Value, json};
use weipay_sandbox::{MerchantAccount, NewMerchant, Sandbox};

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
    let pay = |amount| {
        let mut body = between(subsidy(&merchant, &coupon, amount), PARTNER, SUB);
        body["out_subsidy_no"] = json!(number());
        merchant.post("subsidy/pay-receipts", &body).success()
    };
    let short = pay(80);
    assert_eq!((&short["status"], &short["fail_reason"]), (&json!("FAIL"), &json!("INSUFFICIENT_BALANCE")));
    sandbox.top_up(PARTNER, MerchantAccount::Basic, 100).unwrap();
    assert_eq!((pay(80)["status"].as_str(), balances(&sandbox)), (Some("SUCCESS"), [20, 80]));

    let back = |amount, number: &str| {
        let mut body = between(subsidy(&merchant, &coupon, amount), PARTNER, SUB);
        (body["refund_id"], body["out_subsidy_return_no"]) = (json!("5".repeat(28)), json!(number));
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
    let mut body = between(subsidy(&merchant, &coupon, 80), PARTNER, SUB);
    body["out_subsidy_no"] = json!(number());
    let refused = Client::of(&sandbox, SUB).post(&format!("{FAMILY}/subsidy/pay-receipts"), &body);
    assert_eq!((refused.refusal(), balances(&sandbox)), ((403, "NO_AUTH".to_owned()), [100, 0]));
}

fn subsidy(merchant: &Merchant<'_>, coupon: &Coupon, amount: i64) -> Value {
    let mchid = &merchant.client.sandbox.kit().mchid;
    json!({
        "stock_id": merchant.stock_id, "coupon_code": coupon.code, "transaction_id": "4".repeat(28),
        "payer_merchant": mchid, "payee_merchant": mchid, "amount": amount, "description": "补差",
    })
}

fn pay(merchant: &Merchant<'_>, coupon: &Coupon, amount: i64) -> Response {
    let mut body = subsidy(merchant, coupon, amount);
    body["out_subsidy_no"] = json!(number());
    merchant.post("subsidy/pay-receipts", &body)
}

#[test]
fn a_used_coupon_is_subsidised_and_the_subsidy_goes_back() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    assert_eq!(pay(&merchant, &coupon, 80).refusal(), (400, "INVALID_REQUEST".to_owned()));
    merchant.use_coupon(&coupon).success();
    let sandbox = merchant.client.sandbox;
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Basic, 80).unwrap();
    let paid = pay(&merchant, &coupon, 80).success();
    assert_eq!(paid["status"], "SUCCESS");
    let over = pay(&merchant, &coupon, 80).success();
    assert_eq!(
        (&over["status"], &over["fail_reason"]),
        (&json!("FAIL"), &json!("EXCEED_SUBSIDY_AMOUNT_QUOTA"))
    );
    let id = over["subsidy_receipt_id"].as_str().unwrap();
    assert_eq!(merchant.get(&format!("subsidy/pay-receipts/{id}")).success(), over);

    let mut back = subsidy(&merchant, &coupon, 30);
    (back["refund_id"], back["out_subsidy_return_no"]) = (json!("5".repeat(28)), json!(number()));
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
