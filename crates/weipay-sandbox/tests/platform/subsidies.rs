//! Subsidies of used coupons, their returns, and who else may send a stock.

use serde_json::{Value, json};

use crate::client::Response;
use crate::merchant::{Coupon, Merchant, number};

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
    let paid = pay(&merchant, &coupon, 80).success();
    assert_eq!(paid["status"], "SUCCESS");
    let over = pay(&merchant, &coupon, 80).success();
    assert_eq!(
        (&over["status"], &over["fail_reason"]),
        (&json!("FAIL"), &json!("EXCEED_SUBSIDY_AMOUNT_QUOTA"))
    );

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
