//! What a stock allows: which definitions are taken, who is sent a coupon, what time does.

use serde_json::json;
use weipay_sandbox::Clock;
use weipay_sandbox::merchant_coupons::StockState;

use crate::NOW;
use crate::merchant::{Coupon, FAMILY, Merchant, number, stock_request};

#[test]
fn a_stock_shows_what_it_was_created_with_and_what_was_sent() {
    let merchant = Merchant::new();
    let code = merchant.coupon().code;
    assert!(code.len() == 22 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    let stock = merchant.look_at_stock();
    assert_eq!((&stock["stock_state"], &stock["stock_id"]), (&json!("RUNNING"), &json!(merchant.stock_id)));
    assert_eq!(stock["send_count_information"], json!({ "total_send_num": 1, "total_send_amount": 88 }));
    assert_eq!(stock["coupon_use_rule"]["coupon_available_time"]["irregulary_avaliable_time"], json!([]));
    assert_eq!(stock.get("out_request_no"), None);
}

#[test]
fn a_request_that_the_real_platform_took_is_taken() {
    let merchant = Merchant::new();
    let mut request = stock_request(merchant.client.sandbox);
    let times = &mut request["coupon_use_rule"]["coupon_available_time"];
    times["available_week"] = json!({
        "week_day": [0, 1, 2, 3, 4, 5, 6],
        "available_day_time": [{ "begin_time": 0, "end_time": 43_200 }, { "begin_time": 43_201, "end_time": 86_399 }],
    });
    times["available_end_time"] = json!("2026-12-31T23:59:59.000+08:00");
    request["stock_send_rule"]["max_coupons_by_day"] = json!(100);
    request["stock_send_rule"]["shareable"] = json!(true);
    request["display_pattern_info"] = json!({ "background_color": "" });
    request["notify_config"] = json!({ "notify_appid": "" });
    merchant.post("stocks", &request).success();
}

/// A change of the stock.
fn patch(merchant: &Merchant<'_>, below: &str, body: &serde_json::Value) -> crate::client::Response {
    let target = format!("{FAMILY}/stocks/{}{below}", merchant.stock_id);
    let request = merchant.client.request("PATCH", &target, body.to_string().as_bytes());
    merchant.client.send(&request)
}

#[test]
fn a_modified_stock_is_another_one_afterwards() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    let request = json!({ "out_request_no": number(), "goods_name": "另一种", "comment": "新备注" });
    // The same again changes nothing more.
    for _ in 0..2 {
        let response = patch(&merchant, "", &request);
        assert_eq!((response.status, response.text()), (204, ""));
        assert_eq!(response.header("Weipay-Sandbox-Answer"), Some("state"));
        assert!(merchant.client.verifies(&response));
    }
    let stock = merchant.look_at_stock();
    assert_eq!((&stock["goods_name"], &stock["comment"]), (&json!("另一种"), &json!("新备注")));
    assert_eq!(merchant.look_at(&coupon)["goods_name"], "另一种");
    let mut other = request.clone();
    other["goods_name"] = json!("第三种");
    assert_eq!(patch(&merchant, "", &other).refusal(), (400, "INVALID_REQUEST".to_owned()));
    // The number is of this stock: for another the same body is another request.
    let second = Merchant::new();
    assert_eq!(patch(&second, "", &request).status, 204);
    assert_eq!(second.look_at_stock()["goods_name"], "另一种");
}

#[test]
fn a_changed_budget_counts_from_then_on() {
    let merchant = Merchant::new();
    merchant.coupon();
    let change = |target: i64, current: i64| {
        json!({
            "target_max_coupons": target, "current_max_coupons": current, "modify_budget_request_no": number()
        })
    };
    assert_eq!(patch(&merchant, "/budget", &change(1, 999)).refusal(), (400, "INVALID_REQUEST".to_owned()));
    let response = patch(&merchant, "/budget", &change(1, 1000));
    assert_eq!(response.success(), json!({ "max_coupons": 1 }));
    let over = merchant.post("coupons/send", &merchant.sending(&merchant.client.sandbox.kit().openid));
    assert_eq!(over.refusal(), (403, "RULE_LIMIT".to_owned()));
    patch(&merchant, "/budget", &change(2, 1)).success();
    merchant.coupon();
}

#[test]
fn a_contradiction_is_refused_as_a_whole_and_does_not_spend_the_number() {
    let merchant = Merchant::new();
    let mut request = stock_request(merchant.client.sandbox);
    request["stock_type"] = json!("DISCOUNT");
    let response = merchant.post("stocks", &request);
    assert_eq!(response.text(), r#"{"code":"PARAM_ERROR","message":"请求参数错误"}"#);
    let reason = response.header("Weipay-Sandbox-Reason").unwrap();
    assert!(reason.starts_with("stock_type DISCOUNT needs discount_percent"), "{reason}");
    request["stock_type"] = json!("NORMAL");
    merchant.post("stocks", &request).success();
}

#[test]
fn a_stock_that_is_paused_is_not_sent() {
    let merchant = Merchant::new();
    let platform = merchant.client.sandbox.platform();
    assert!(platform.set_stock_state(&merchant.stock_id, StockState::Paused).unwrap());
    assert!(!platform.set_stock_state("1", StockState::Paused).unwrap());
    assert_eq!(merchant.look_at_stock()["stock_state"], "PAUSED");
    let request = merchant.sending(&merchant.client.sandbox.kit().openid);
    assert_eq!(merchant.post("coupons/send", &request).refusal(), (400, "INVALID_REQUEST".to_owned()));
    platform.set_stock_state(&merchant.stock_id, StockState::Running).unwrap();
    merchant.post("coupons/send", &request).success();
}

#[test]
fn a_stock_whose_period_is_over_can_only_be_stopped() {
    let sandbox = crate::sandbox().start().unwrap();
    let merchant = Merchant::in_sandbox(&sandbox);
    let platform = sandbox.platform();
    sandbox.run_for(200 * 86_400).unwrap();
    for state in [StockState::Running, StockState::Paused, StockState::Unaudit] {
        assert!(!platform.set_stock_state(&merchant.stock_id, state).unwrap(), "{state:?}");
    }
    assert!(platform.set_stock_state(&merchant.stock_id, StockState::Stoped).unwrap());
}

#[test]
fn a_send_number_is_unique_within_one_stock_and_one_user() {
    let merchant = Merchant::new();
    let request = merchant.sending(&merchant.client.sandbox.kit().openid);
    let first = merchant.post("coupons/send", &request).success();
    let mut other = request.clone();
    other["openid"] = json!(format!("o{:027}", 1));
    assert_ne!(merchant.post("coupons/send", &other).success(), first);
}

#[test]
fn a_merchants_own_code_is_sent_once_and_used_with_its_stock() {
    let mut merchant = Merchant::new();
    let mut request = stock_request(merchant.client.sandbox);
    request["coupon_code_mode"] = json!("MERCHANT_API");
    let created = merchant.post("stocks", &request).success();
    merchant.stock_id = created["stock_id"].as_str().unwrap().to_owned();
    let openid = merchant.client.sandbox.kit().openid.clone();
    let mut sending = merchant.sending(&openid);
    assert_eq!(merchant.post("coupons/send", &sending).json()["message"], "发券需指定code");
    sending["coupon_code"] = json!("VIP-1");
    let sent = merchant.post("coupons/send", &sending).success();
    assert_eq!(sent["send_coupon_result"]["coupon_code"], "VIP-1");
    sending["out_request_no"] = json!(number());
    assert_eq!(merchant.post("coupons/send", &sending).refusal(), (400, "INVALID_REQUEST".to_owned()));

    let without_stock = json!({
        "coupon_code": "VIP-1",
        "appid": merchant.client.sandbox.kit().appid,
        "use_time": "2026-08-01T12:00:00+08:00",
        "use_request_no": number(),
    });
    assert_eq!(
        merchant.post("coupons/use", &without_stock).refusal(),
        (404, "RESOURCE_NOT_EXISTS".to_owned())
    );
    merchant.use_coupon(&Coupon { openid, code: "VIP-1".to_owned() }).success();
}

#[test]
fn a_platform_code_is_used_without_its_stock() {
    let merchant = Merchant::new();
    let request = json!({
        "coupon_code": merchant.coupon().code,
        "appid": merchant.client.sandbox.kit().appid,
        "use_time": "2026-08-01T12:00:00+08:00",
        "use_request_no": number(),
    });
    let first = merchant.post("coupons/use", &request).success();
    assert_eq!(first["stock_id"], merchant.stock_id);
    assert_eq!(merchant.post("coupons/use", &request).success(), first);
}

#[test]
fn time_expires_coupons_and_stops_stocks() {
    let (clock, hand) = Clock::frozen(NOW);
    let sandbox = weipay_sandbox::Sandbox::builder().clock(clock).start().unwrap();
    let mut merchant = Merchant::in_sandbox(&sandbox);
    let (coupon, used) = (merchant.coupon(), merchant.coupon());
    merchant.use_coupon(&used).success();
    hand.advance(200 * 86_400);
    merchant.client.now = hand.now();
    assert_eq!(merchant.look_at(&coupon)["coupon_state"], "EXPIRED");
    assert_eq!(merchant.look_at(&used)["coupon_state"], "USED");
    assert_eq!(merchant.look_at_stock()["stock_state"], "STOPED");
    let late = merchant.use_coupon(&coupon);
    assert_eq!(late.text(), r#"{"code":"RULE_LIMIT","message":"券不在有效期"}"#);
    assert_eq!(late.status, 403);
    assert_eq!(merchant.associate(&coupon, "order-1").json()["message"], "券状态非可用态");
    let sending = merchant.sending(&sandbox.kit().openid);
    assert_eq!(merchant.post("coupons/send", &sending).refusal(), (400, "INVALID_REQUEST".to_owned()));
    let kit = sandbox.kit();
    let expired = format!(
        "users/{}/coupons?appid={}&creator_merchant={}&coupon_state=EXPIRED",
        kit.openid, kit.appid, kit.mchid
    );
    assert_eq!(merchant.get(&expired).success()["data"][0]["coupon_code"], coupon.code.as_str());
}

#[test]
fn a_list_without_a_role_or_with_another_merchants_is_refused() {
    let merchant = Merchant::new();
    let kit = merchant.client.sandbox.kit();
    let list = |openid: &str, query: &str| merchant.get(&format!("users/{openid}/coupons?{query}")).refusal();
    let (appid, mchid, openid) = (&kit.appid, &kit.mchid, &kit.openid);
    assert_eq!(list(openid, &format!("appid={appid}")), (400, "PARAM_ERROR".to_owned()));
    let foreign = format!("appid={appid}&sender_merchant=1900000000");
    assert_eq!(list(openid, &foreign), (403, "NO_AUTH".to_owned()));
    let other_appid = format!("appid=wx0&sender_merchant={mchid}");
    assert_eq!(list(openid, &other_appid), (400, "APPID_MCHID_NOT_MATCH".to_owned()));
    let own = format!("appid={appid}&sender_merchant={mchid}");
    assert_eq!(list("nobody", &own), (404, "USER_NOT_EXISTS".to_owned()));
}

#[test]
fn a_coupon_is_shown_to_its_user_only() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    let look = |openid: &str, code: &str, appid: &str| {
        merchant.get(&format!("users/{openid}/coupons/{code}/appids/{appid}")).refusal()
    };
    let appid = &merchant.client.sandbox.kit().appid;
    let other = format!("o{:027}", 9);
    assert_eq!(look(&other, &coupon.code, appid), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    assert_eq!(look("nobody", &coupon.code, appid), (404, "USER_NOT_EXISTS".to_owned()));
    assert_eq!(look(&coupon.openid, &coupon.code, "wx0"), (400, "APPID_MCHID_NOT_MATCH".to_owned()));
}
