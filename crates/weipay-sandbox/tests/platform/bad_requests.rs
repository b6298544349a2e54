//! Requests that are signed well and say something wrong: each gets the platform's own words, and changes nothing.

use serde_json::{Value, json};

use crate::merchant::{Coupon, FAMILY, Merchant};

const DISASSOCIATE: &str = "coupons/disassociate";

/// A merchant with a coupon that is tied to `order-1`.
fn tied() -> (Merchant<'static>, Coupon) {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    merchant.associate(&coupon, "order-1").success();
    (merchant, coupon)
}

/// What a disassociate with a changed body is answered; the coupon must be as it was.
#[track_caller]
fn refused(change: impl FnOnce(&mut Value)) -> (u16, Value) {
    let (merchant, coupon) = tied();
    let before = merchant.look_at(&coupon);
    let mut request = merchant.tie(&coupon, "order-1");
    change(&mut request);
    let response = merchant.post(DISASSOCIATE, &request);
    assert!(merchant.client.verifies(&response), "an error after authentication is signed");
    assert_eq!(merchant.look_at(&coupon), before);
    (response.status, response.json())
}

fn remove(member: &'static str) -> impl FnOnce(&mut Value) {
    move |request| {
        request.as_object_mut().unwrap().remove(member);
    }
}

#[test]
fn a_missing_field_is_named_with_its_title() {
    for (member, title) in [
        ("stock_id", "批次号"),
        ("coupon_code", "券code"),
        ("out_trade_no", "关联的商户订单号"),
        ("out_request_no", "商户请求单号"),
    ] {
        let (status, response) = refused(remove(member));
        assert_eq!(status, 400);
        assert_eq!(response["code"], "PARAM_ERROR");
        assert_eq!(response["detail"]["location"], "body");
        let message = format!("输入源“/body/{member}”映射到字段“{title}”必填性规则校验失败，此字段为必填项");
        assert_eq!(response["message"], message);
    }
}

#[test]
fn an_overlong_and_an_empty_field_are_measured() {
    let (status, response) = refused(|request| request["coupon_code"] = json!("x".repeat(33)));
    assert_eq!((status, &response["code"]), (400, &json!("PARAM_ERROR")));
    assert_eq!(response["detail"]["value"], 33);
    let message = response["message"].as_str().unwrap();
    assert!(
        message.starts_with("输入源“/body/coupon_code”映射到值字段“券code”字符串规则校验失败，"),
        "{message}"
    );
    assert!(message.ends_with("数 33，大于最大值 32"), "{message}");

    let (_, response) = refused(|request| request["out_trade_no"] = json!(""));
    assert_eq!(response["detail"]["value"], 0);
    assert!(response["message"].as_str().unwrap().ends_with("数 0，小于最小值 1"), "{response}");
}

#[test]
fn letters_outside_the_pattern_are_refused_with_the_value() {
    let (status, response) = refused(|request| request["out_request_no"] = json!("a@b"));
    assert_eq!((status, &response["code"]), (400, &json!("PARAM_ERROR")));
    assert_eq!(response["detail"], json!({"location": "body", "value": "a@b"}));
    assert!(
        response["message"].as_str().unwrap().contains("字符串必须匹配正则表达式“^[0-9A-Za-z"),
        "{response}"
    );
}

#[test]
fn a_wrong_type_is_refused() {
    for wrong in [json!(7), json!(true), json!(["1"]), json!({"a": 1})] {
        let (status, response) = refused(|request| request["stock_id"] = wrong.clone());
        assert_eq!((status, &response["code"]), (400, &json!("PARAM_ERROR")), "{wrong}");
        assert!(response["message"].as_str().unwrap().contains("/body/stock_id"), "{response}");
    }
}

/// As it was reported: binarywang/WxJava#2710.
#[test]
fn a_fee_of_a_customs_order_has_32_bits() {
    let client = crate::client::client(&crate::SHARED);
    let mut order = json!({
        "appid": client.sandbox.kit().appid, "mchid": client.mchid, "out_trade_no": "1", "transaction_id": "4200000000000000000000000001",
        "customs": "SHANGHAI_ZS", "merchant_customs_no": "1",
    });
    for wrong in [json!("888"), json!(2_147_483_648_i64)] {
        order["order_fee"] = wrong;
        let response = client.post("/v3/customs/orders", &order).json();
        assert_eq!(
            response["message"],
            "无法将 JSON 输入源“/body/order_fee”映射到目标字段“应付金额”中，此字段需要一个合法的 32 位有符号整数"
        );
    }
}

#[test]
fn a_wrong_number_in_a_stock_is_named_by_its_pointer() {
    let merchant = Merchant::new();
    let mut request = crate::merchant::stock_request(merchant.client.sandbox);
    request["coupon_use_rule"]["fixed_normal_coupon"]["discount_amount"] = json!(0.01);
    let response = merchant.post("stocks", &request).json();
    assert_eq!(
        response["message"],
        "无法将 JSON 输入源“/body/coupon_use_rule/fixed_normal_coupon/discount_amount”映射到目标字段“优惠金额”中，\
         此字段需要一个合法的 64 位有符号整数"
    );
    assert_eq!(response["detail"], json!({"location": "body", "value": 0.01}));

    request["coupon_use_rule"]["fixed_normal_coupon"]["discount_amount"] = json!(0);
    let response = merchant.post("stocks", &request).json();
    assert_eq!(
        response["message"],
        "输入源“/body/coupon_use_rule/fixed_normal_coupon/discount_amount”映射到数值字段“优惠金额”规则校验失败，\
         值低于最小值 1"
    );
}

#[test]
fn a_member_that_no_page_knows_is_refused() {
    let (status, response) = refused(|request| request["sub_mchid"] = json!("1900000001"));
    assert_eq!(status, 400);
    assert_eq!(response["message"], "请求中含有未在API文档中定义的参数");
    assert_eq!(response["detail"], json!({"location": null, "value": ["/body/sub_mchid"]}));
}

#[test]
fn a_body_that_is_no_json_object_is_refused() {
    let (merchant, coupon) = tied();
    let before = merchant.look_at(&coupon);
    let target = format!("{FAMILY}/{DISASSOCIATE}");
    let deep = "[".repeat(100_000);
    for body in [
        b"" as &[u8],
        b"{",
        b"null",
        b"[]",
        b"\"text\"",
        b"{\"stock_id\":\"1\",}",
        b"\xef\xbb\xbf{}",
        b"{} {}",
        deep.as_bytes(),
        b"<xml></xml>",
        b"stock_id=1",
    ] {
        let response = merchant.client.send(&merchant.client.request("POST", &target, body));
        assert_eq!(response.refusal(), (400, "PARAM_ERROR".to_owned()), "{}", response.text());
        assert!(merchant.client.verifies(&response));
    }
    assert_eq!(merchant.look_at(&coupon), before);
}

#[test]
fn a_body_that_is_not_utf8_is_refused_with_the_recorded_words() {
    let (merchant, coupon) = tied();
    let before = merchant.look_at(&coupon);
    let target = format!("{FAMILY}/{DISASSOCIATE}");
    for body in [b"{\"stock_id\":\"\xff\"}" as &[u8], b"\xb9\xfa"] {
        let response = merchant.client.send(&merchant.client.request("POST", &target, body));
        assert_eq!(
            (response.status, response.text()),
            (400, r#"{"code":"INVALID_REQUEST","message":"请求内容传入了非UTF8参数"}"#)
        );
        assert!(merchant.client.verifies(&response));
    }
    assert_eq!(merchant.look_at(&coupon), before);
}

#[test]
fn a_user_whose_openid_is_not_of_the_official_form_does_not_exist() {
    let merchant = Merchant::new();
    for openid in ["o", "xUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o1"] {
        let response = merchant.post("coupons/send", &merchant.sending(openid));
        assert_eq!(response.refusal(), (404, "USER_NOT_EXISTS".to_owned()), "{openid}");
    }
    assert_eq!(merchant.look_at_stock()["send_count_information"]["total_send_num"], 0);
}

#[test]
fn an_appid_that_is_not_the_merchants_is_refused() {
    let merchant = Merchant::new();
    let mut request = merchant.sending(&merchant.client.sandbox.kit().openid);
    request["appid"] = json!("wxd678efh567hg6787");
    assert_eq!(merchant.post("coupons/send", &request).refusal(), (400, "APPID_MCHID_NOT_MATCH".to_owned()));
}

#[test]
fn an_unknown_stock_does_not_exist() {
    let merchant = Merchant::new();
    let response = merchant.get("stocks/1");
    assert_eq!(response.refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    assert!(merchant.client.verifies(&response));
}

#[test]
fn a_member_that_stands_twice_is_refused() {
    let (merchant, coupon) = tied();
    let before = merchant.look_at(&coupon);
    let twice = merchant.tie(&coupon, "order-1").to_string().replacen('{', r#"{"stock_id":"1","#, 1);
    let request = merchant.client.request("POST", &format!("{FAMILY}/{DISASSOCIATE}"), twice.as_bytes());
    assert_eq!(merchant.client.send(&request).refusal(), (400, "PARAM_ERROR".to_owned()));
    assert_eq!(merchant.look_at(&coupon), before);
}

#[test]
fn an_emoji_is_refused() {
    let (status, response) = refused(|request| request["out_trade_no"] = json!("order-😀"));
    assert_eq!((status, &response["code"]), (400, &json!("PARAM_ERROR")));
}

#[test]
fn a_loose_sandbox_lets_undefined_members_and_emoji_through() {
    let sandbox = crate::sandbox().loose(true).start().unwrap();
    let merchant = Merchant::in_sandbox(&sandbox);
    let coupon = merchant.coupon();
    let mut tie = merchant.tie(&coupon, "order-😀");
    tie["sub_mchid"] = json!("1900000109");
    merchant.post("coupons/associate", &tie).success();
    assert_eq!(merchant.look_at(&coupon)["associate_out_trade_no"], "order-😀");
}

#[test]
fn path_and_query_keep_their_contract_too() {
    let merchant = Merchant::new();
    let response = merchant.get(&format!("stocks/{}", "9".repeat(21)));
    assert_eq!(
        response.text(),
        r#"{"code":"PARAM_ERROR","detail":{"location":"uri_template","value":21},"message":"输入源“/uri_template/stock_id”映射到值字段“批次号”字符串规则校验失败，字符数 21，大于最大值 20"}"#
    );
    assert!(response.header("Request-ID").unwrap().ends_with("-268435461"), "the number of a bad parameter");
    let kit = merchant.client.sandbox.kit();
    let list = format!("users/{}/coupons?appid={}&creator_merchant={}", kit.openid, kit.appid, kit.mchid);
    for (query, message) in [
        (
            "limit=many",
            "无法将输入源“/query/limit”映射到目标字段“分页大小”中，此字段需要一个合法的 64 位有符号整数",
        ),
        ("limit=0", "输入源“/query/limit”映射到数值字段“分页大小”规则校验失败，值低于最小值 1"),
        ("offset=-1", "输入源“/query/offset”映射到数值字段“分页页码”规则校验失败，值低于最小值 0"),
    ] {
        let response = merchant.get(&format!("{list}&{query}"));
        assert_eq!((response.status, &response.json()["message"]), (400, &json!(message)));
    }
    for query in ["limit=51", "page=1", "limit=1&limit=2", "stock_id=%ff"] {
        assert_eq!(
            merchant.get(&format!("{list}&{query}")).refusal(),
            (400, "PARAM_ERROR".to_owned()),
            "{query}"
        );
    }
    merchant.get(&format!("{list}&limit=50")).success();
}
