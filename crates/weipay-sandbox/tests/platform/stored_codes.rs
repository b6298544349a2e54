//! Codes that a merchant stores before it sends them.

use serde_json::{Value, json};

use crate::client::Response;
use crate::merchant::{Coupon, FAMILY, Merchant, number, stock_request};

/// A merchant whose stock has codes that are uploaded.
fn merchant() -> Merchant<'static> {
    let mut merchant = Merchant::new();
    let mut request = stock_request(merchant.client.sandbox);
    request["coupon_code_mode"] = json!("MERCHANT_UPLOAD");
    let created = merchant.post("stocks", &request).success();
    merchant.stock_id = created["stock_id"].as_str().unwrap().to_owned();
    merchant
}

fn upload(merchant: &Merchant<'_>, codes: &Value) -> Response {
    let body = json!({ "coupon_code_list": codes, "upload_request_no": number() });
    merchant.post(&format!("stocks/{}/couponcodes", merchant.stock_id), &body)
}

fn delete(merchant: &Merchant<'_>, code: &str) -> Response {
    let target =
        format!("{FAMILY}/stocks/{}/couponcodes/{code}?delete_request_no={}", merchant.stock_id, number());
    merchant.client.send(&merchant.client.request("DELETE", &target, b""))
}

#[test]
fn uploaded_codes_are_sent_each_once_and_no_other() {
    let merchant = merchant();
    let openid = merchant.client.sandbox.kit().openid.clone();
    let none = merchant.post("coupons/send", &merchant.sending(&openid));
    assert_eq!(none.refusal(), (403, "RULE_LIMIT".to_owned()));
    let uploaded = upload(&merchant, &json!(["A1", "A2", "A1", "x".repeat(33)])).success();
    assert_eq!((&uploaded["total_count"], &uploaded["success_count"]), (&json!(3), &json!(2)));
    assert_eq!(uploaded["duplicate_codes"], json!(["A1"]));
    assert_eq!(uploaded["fail_codes"][0]["code"], "LENGTH_LIMIT");
    assert_eq!(upload(&merchant, &json!(["A1"])).success()["exist_codes"], json!(["A1"]));

    let mut sent = [merchant.coupon().code, merchant.coupon().code];
    sent.sort_unstable();
    assert_eq!(sent, ["A1", "A2"]);
    let over = merchant.post("coupons/send", &merchant.sending(&openid));
    assert_eq!(over.json()["message"], "批次没有可用的预存code");
    let counts = &merchant.look_at_stock()["coupon_code_count"];
    assert_eq!(counts, &json!({ "total_count": 2, "available_count": 0 }));
    merchant.use_coupon(&Coupon { openid, code: "A1".to_owned() }).success();
}

#[test]
fn a_code_is_listed_shown_and_deleted() {
    let merchant = merchant();
    upload(&merchant, &json!(["B1", "B2"])).success();
    let taken = merchant.coupon();
    let free = if taken.code == "B1" { "B2" } else { "B1" };
    let stock = format!("stocks/{}/couponcodes", merchant.stock_id);
    let (appid, openid) = (&merchant.client.sandbox.kit().appid, &taken.openid);
    let list = merchant.get(&format!("{stock}?appid={appid}&status=DISPATCHED&offset=0&limit=5")).success();
    assert_eq!((&list["total_count"], &list["limit"], &list["offset"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!((&list["data"][0]["code"], &list["data"][0]["openid"]), (&json!(taken.code), &json!(openid)));
    let shown = merchant.get(&format!("{stock}/{}", taken.code)).success();
    assert_eq!(shown["coupon_information"]["coupon_state"], "SENDED");
    let shown = merchant.get(&format!("{stock}/{free}")).success();
    assert_eq!(
        (&shown["code_information"]["code_status"], shown.get("coupon_information")),
        (&json!("AVAILABLE"), None)
    );
    assert_eq!(delete(&merchant, &taken.code).refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(delete(&merchant, free).success()["stock_id"], merchant.stock_id);
    assert_eq!(delete(&merchant, free).refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    assert_eq!(merchant.get(&format!("{stock}/{free}")).refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
}

#[test]
fn a_stock_of_another_mode_has_no_codes() {
    let merchant = Merchant::new();
    let response = upload(&merchant, &json!(["C1"]));
    assert_eq!(response.text(), r#"{"code":"INVALID_REQUEST","message":"发券模式不合法"}"#);
    assert_eq!(response.status, 400);
}
