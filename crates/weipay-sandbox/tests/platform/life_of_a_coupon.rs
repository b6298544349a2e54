//! A coupon's states over the API: sent, used, returned, deactivated; limits, lists and repeats.

use serde_json::{Value, json};
use weipay_sandbox::{NewMerchant, Sandbox};

use crate::client::Client;
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

/// Another merchant of a new sandbox, which has nothing to do with the first.
fn stranger(sandbox: &Sandbox) -> Client<'_> {
    Client::of(sandbox, STRANGER)
}

const STRANGER: &str = "1900000777";
const STRANGERS_APPID: &str = "wx0000000000000777";

fn with_stranger() -> Sandbox {
    crate::sandbox().merchant(NewMerchant::new().mchid(STRANGER).appid(STRANGERS_APPID)).start().unwrap()
}

#[test]
fn nobody_reads_the_coupons_and_stocks_of_another_merchant() {
    let sandbox = with_stranger();
    let merchant = Merchant::in_sandbox(&sandbox);
    let coupon = merchant.coupon();
    let stranger = stranger(&sandbox);
    let of_coupon = format!("{FAMILY}/users/{}/coupons/{}/appids", coupon.openid, coupon.code);
    let seen = stranger.get(&format!("{of_coupon}/{STRANGERS_APPID}"));
    assert_eq!(seen.refusal(), (403, "NO_AUTH".to_owned()));
    let seen = stranger.get(&format!("{of_coupon}/{}", sandbox.kit().appid));
    assert_eq!(seen.refusal(), (400, "APPID_MCHID_NOT_MATCH".to_owned()));
    let stock = format!("{FAMILY}/stocks/{}", merchant.stock_id);
    assert_eq!(stranger.get(&stock).refusal(), (403, "NO_AUTH".to_owned()));

    let body = json!({
        "partner": { "type": "APPID", "appid": STRANGERS_APPID },
        "authorized_data": { "business_type": "BUSIFAVOR_STOCK", "stock_id": merchant.stock_id },
    });
    let target = "/v3/marketing/partnerships/build";
    let mut build = merchant.client.request("POST", target, body.to_string().as_bytes());
    build.set("Idempotency-Key", &number());
    merchant.client.send(&build).success();
    assert_eq!(stranger.get(&stock).success()["stock_id"], merchant.stock_id.as_str(), "it may send it now");
    let mut sending = merchant.sending(&coupon.openid);
    sending["appid"] = json!(STRANGERS_APPID);
    let sent = stranger.post(&format!("{FAMILY}/coupons/send"), &sending).success();
    let code = sent["send_coupon_result"]["coupon_code"].as_str().unwrap();
    let own = format!("{FAMILY}/users/{}/coupons/{code}/appids/{STRANGERS_APPID}", coupon.openid);
    assert_eq!(stranger.get(&own).success()["coupon_code"], code, "its sender sees it");
}

#[test]
fn all_openids_of_a_person_count_together_where_the_stock_says_so() {
    let sandbox = with_stranger();
    let merchant = Merchant::in_sandbox(&sandbox);
    let appid = sandbox.kit().appid.clone();
    let person = sandbox.platform().add_person(&[appid.clone(), STRANGERS_APPID.to_owned()]).unwrap();
    let of_stranger = &person.openids[STRANGERS_APPID];
    let mut sending = merchant.sending(of_stranger);
    let other = merchant.post("coupons/send", &sending);
    assert_eq!(other.refusal(), (404, "USER_NOT_EXISTS".to_owned()), "the openid is one of another appid");

    // The merchant has both appids in one of its stocks' lives: one send by itself, one by its partner.
    let mut request = stock_request(&sandbox);
    request["stock_send_rule"] =
        json!({ "max_coupons": 10, "max_coupons_per_user": 1, "natural_person_limit": true });
    let stock_id = merchant.post("stocks", &request).success()["stock_id"].clone();
    let body = json!({
        "partner": { "type": "MERCHANT", "merchant_id": STRANGER },
        "authorized_data": { "business_type": "BUSIFAVOR_STOCK", "stock_id": stock_id },
    });
    let target = "/v3/marketing/partnerships/build";
    let mut build = merchant.client.request("POST", target, body.to_string().as_bytes());
    build.set("Idempotency-Key", &number());
    merchant.client.send(&build).success();
    sending["stock_id"] = stock_id;
    sending["openid"] = json!(person.openids[&appid]);
    let sent = merchant.post("coupons/send", &sending).success();
    (sending["openid"], sending["appid"], sending["out_request_no"]) =
        (json!(of_stranger), json!(STRANGERS_APPID), json!(number()));
    let second = stranger(&sandbox).post(&format!("{FAMILY}/coupons/send"), &sending);
    assert_eq!(second.refusal(), (403, "RULE_LIMIT".to_owned()));
    let code = sent["send_coupon_result"]["coupon_code"].as_str().unwrap();
    let coupon = Coupon { openid: person.openids[&appid].clone(), code: code.to_owned() };
    assert_eq!(merchant.look_at(&coupon)["coupon_state"], "SENDED");
}

#[test]
fn the_belonging_merchant_uses_a_coupon_under_its_own_appid() {
    let sub = NewMerchant::new().mchid("1900000888").appid("wx0000000000000888");
    let partner = NewMerchant::new().mchid(STRANGER).appid(STRANGERS_APPID).sub_merchant("1900000888");
    let sandbox = crate::sandbox().merchant(partner).merchant(sub).start().unwrap();
    let (partner, sub) = (stranger(&sandbox), Client::of(&sandbox, "1900000888"));
    let person = sandbox.platform().add_person(&[STRANGERS_APPID.to_owned()]).unwrap();
    let of_sub = sandbox.platform().openid(&person, "wx0000000000000888").unwrap();
    let mut request = stock_request(&sandbox);
    request["belong_merchant"] = json!("1900000888");
    let stock_id = partner.post(&format!("{FAMILY}/stocks"), &request).success()["stock_id"].clone();
    let sending = json!({
        "openid": person.openids[STRANGERS_APPID], "appid": STRANGERS_APPID, "stock_id": stock_id,
        "out_request_no": number(),
    });
    let sent = partner.post(&format!("{FAMILY}/coupons/send"), &sending).success();
    let code = sent["send_coupon_result"]["coupon_code"].clone();
    let of_person = format!("{FAMILY}/users/{of_sub}/coupons");
    let seen = format!("{of_person}/{}/appids/wx0000000000000888", code.as_str().unwrap());
    for client in [&partner, &sub] {
        assert_eq!(client.get(&seen).success()["coupon_code"], code);
    }
    let listed =
        sub.get(&format!("{of_person}?appid=wx0000000000000888&belong_merchant=1900000888")).success();
    assert_eq!((&listed["total_count"], &listed["data"][0]["coupon_code"]), (&json!(1), &code));
    let wrong = seen.replace(&of_sub, &person.openids[STRANGERS_APPID]);
    assert_eq!(sub.get(&wrong).refusal(), (404, "USER_NOT_EXISTS".to_owned()), "the openid of another appid");
    let using = json!({
        "coupon_code": code, "stock_id": stock_id, "appid": "wx0000000000000888", "openid": of_sub,
        "use_time": "2026-08-01T12:00:00+08:00", "use_request_no": number(),
    });
    let used = partner.post(&format!("{FAMILY}/coupons/use"), &using).success();
    assert_eq!(
        used["openid"],
        of_sub.as_str(),
        "the creator used it with the appid of the belonging merchant"
    );
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
