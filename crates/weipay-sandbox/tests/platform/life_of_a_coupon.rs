//! A coupon's states over the API: sent, used, returned, deactivated; limits, lists and repeats.

use serde_json::{Value, json};

use crate::merchant::{Coupon, FAMILY, Merchant, number, stock_request};

fn state(merchant: &Merchant<'_>, coupon: &Coupon) -> Value {
    merchant.look_at(coupon)["coupon_state"].clone()
}

#[test]
fn a_used_coupon_is_returned_and_used_again() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    merchant.use_coupon(&coupon).success();
    assert_eq!(state(&merchant, &coupon), "USED");
    assert_eq!(merchant.use_coupon(&coupon).refusal(), (400, "RESOURCE_ALREADY_EXISTS".to_owned()));

    let back =
        json!({"coupon_code": coupon.code, "stock_id": merchant.stock_id, "return_request_no": number()});
    let first = merchant.post("coupons/return", &back).success();
    assert!(first["wechatpay_return_time"].is_string());
    assert_eq!(merchant.post("coupons/return", &back).success(), first);
    assert_eq!(state(&merchant, &coupon), "SENDED");
    merchant.use_coupon(&coupon).success();
}

#[test]
fn a_deactivated_coupon_stays_so() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    let end = json!({
        "coupon_code": coupon.code, "stock_id": merchant.stock_id, "deactivate_request_no": number(),
        "deactivate_reason": "测试"
    });
    merchant.post("coupons/deactivate", &end).success();
    let seen = merchant.look_at(&coupon);
    assert_eq!(seen["coupon_state"], "DEACTIVATED");
    assert!(seen["deactivate_time"].is_string());
    assert!(merchant.use_coupon(&coupon).status >= 400);
    assert_eq!(merchant.associate(&coupon, "order-1").refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(state(&merchant, &coupon), "DEACTIVATED");
}

#[test]
fn the_same_send_gives_the_same_coupon_and_counts_once() {
    let merchant = Merchant::new();
    let request = merchant.sending(&merchant.client.sandbox.kit().openid);
    let first = merchant.post("coupons/send", &request).success();
    assert_eq!(merchant.post("coupons/send", &request).success(), first);
    assert_eq!(merchant.look_at_stock()["send_count_information"]["total_send_num"], 1);
}

#[test]
fn a_user_gets_no_more_than_the_stock_allows() {
    let merchant = Merchant::new();
    for _ in 0..5 {
        merchant.coupon();
    }
    let response = merchant.post("coupons/send", &merchant.sending(&merchant.client.sandbox.kit().openid));
    assert_eq!(response.refusal(), (403, "RULE_LIMIT".to_owned()));
    assert_eq!(merchant.look_at_stock()["send_count_information"]["total_send_num"], 5);
    merchant.coupon_for("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o");
}

#[test]
fn a_stock_number_makes_one_stock_and_no_other_one() {
    let merchant = Merchant::new();
    let mut request = stock_request(merchant.client.sandbox);
    let made = merchant.post("stocks", &request).success();
    assert_eq!(merchant.post("stocks", &request).success(), made);
    request["stock_name"] = json!("另一个活动");
    let other = merchant.post("stocks", &request);
    assert_eq!(other.json()["message"], "创建请求重入,但本次请求与上次请求信息不一致");
    assert_eq!(other.refusal(), (400, "INVALID_REQUEST".to_owned()));
}

#[test]
fn a_user_s_coupons_are_listed_newest_first_and_page_by_page() {
    let merchant = Merchant::new();
    let openid = "oListed_M2pxb1Q9zNjWeS6o1234";
    let coupons: Vec<Coupon> = (0..3).map(|_| merchant.coupon_for(openid)).collect();
    merchant.use_coupon(&coupons[0]).success();
    let kit = merchant.client.sandbox.kit();
    let list = |query: &str| {
        let stock = &merchant.stock_id;
        let own = format!("appid={}&creator_merchant={}&stock_id={stock}{query}", kit.appid, kit.mchid);
        merchant.get(&format!("users/{openid}/coupons?{own}")).success()
    };
    let all = list("");
    assert_eq!((&all["total_count"], &all["offset"]), (&json!(3), &json!(0)));
    let codes: Vec<&str> =
        all["data"].as_array().unwrap().iter().map(|one| one["coupon_code"].as_str().unwrap()).collect();
    assert_eq!(codes, coupons.iter().rev().map(|coupon| coupon.code.as_str()).collect::<Vec<_>>());
    assert_eq!(list("&coupon_state=USED")["total_count"], 1);
    let page = list("&offset=1&limit=1");
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    assert_eq!(page["data"][0]["coupon_code"], coupons[1].code.as_str());
}

#[test]
fn another_merchant_that_repeats_a_send_does_not_get_its_response() {
    let sandbox = crate::sandbox().start().unwrap();
    let (merchant, client) = (Merchant::in_sandbox(&sandbox), crate::client::Client::new(&sandbox));
    let sending = merchant.sending(&sandbox.kit().openid);
    let sent = merchant.post("coupons/send", &sending).success();
    let kit = sandbox.add_merchant(&weipay_sandbox::NewMerchant::new().appid(&sandbox.kit().appid)).unwrap();
    let key = weipay_wire::PrivateKey::from_pem(&kit.merchant_key_pem().unwrap()).unwrap();
    let (target, body) = (format!("{FAMILY}/coupons/send"), sending.to_string());
    // The same bytes, signed by another merchant that has the appid, too.
    let mut authorization = client.authorization("POST", &target, body.as_bytes());
    (authorization.mchid, authorization.serial_no) =
        (kit.kit().mchid.clone(), kit.kit().merchant_serial.clone());
    let (time, nonce) = (authorization.timestamp, authorization.nonce_str.clone());
    let message = weipay_wire::request_message("POST", &target, time, &nonce, body.as_bytes());
    authorization.signature = key.sign(&message).unwrap();
    let mut request = client.request("POST", &target, body.as_bytes());
    request.set("Authorization", &authorization.to_string());
    let response = client.send(&request);
    assert_eq!(response.refusal().0, 403, "{}", response.text());
    let code = sent["send_coupon_result"]["coupon_code"].as_str().unwrap();
    assert!(!response.text().contains(code));
    assert_eq!(merchant.post("coupons/send", &sending).success(), sent);
}
