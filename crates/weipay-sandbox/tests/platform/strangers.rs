//! Requests that the gate refuses: forged, old, unknown, odd. None is signed, none reaches the state.

use weipay_wire::PrivateKey;

use crate::client::{Client, Request, Response};
use crate::merchant::{Coupon, FAMILY, Merchant};

/// Sends a disassociate that was spoilt; the coupon must be as it was.
#[track_caller]
fn refused(spoil: impl FnOnce(&Client<'_>, &mut Request)) -> Response {
    let merchant = Merchant::new();
    let coupon: Coupon = merchant.coupon();
    merchant.associate(&coupon, "order-1").success();
    let before = merchant.look_at(&coupon);
    let body = merchant.tie(&coupon, "order-1").to_string();
    let target = format!("{FAMILY}/coupons/disassociate");
    let mut request = merchant.client.request("POST", &target, body.as_bytes());
    spoil(&merchant.client, &mut request);
    let response = merchant.client.send(&request);
    assert!(!response.check_signature(), "what fails at the gate is not signed");
    assert_eq!(merchant.look_at(&coupon), before);
    response
}

#[track_caller]
fn says(response: &Response, message: &str) {
    assert_eq!(response.refusal(), (401, "SIGN_ERROR".to_owned()), "{}", response.text());
    assert_eq!(response.json()["message"], message);
}

#[test]
fn a_signature_of_another_key_is_refused_with_what_was_signed() {
    let other = PrivateKey::generate().unwrap();
    let response = refused(|client, request| {
        let body = request.body.clone();
        let mut authorization = client.authorization(&request.method, &request.target, &body);
        let message = weipay_wire::request_message(
            &request.method,
            &request.target,
            authorization.timestamp,
            &authorization.nonce_str,
            &body,
        );
        authorization.signature = other.sign(&message).unwrap();
        request.set("Authorization", &authorization.to_string());
    });
    says(&response, "签名错误");
    let detail = &response.json()["detail"];
    assert_eq!(detail["detail"]["issue"], "sign not match");
    let information = &detail["sign_information"];
    assert_eq!(information["method"], "POST");
    assert_eq!(information["url"], format!("{FAMILY}/coupons/disassociate"));
    let shown = information["truncated_sign_message"].as_str().unwrap();
    assert!(shown.starts_with("POST\n/v3/marketing/busifavor/coupons/disassociate\n"), "{shown}");
    assert!(information["sign_message_length"].as_u64().unwrap() > 100);
}

#[test]
fn a_body_that_was_changed_after_signing_is_refused() {
    let response =
        refused(|_, request| request.body = request.body.iter().map(u8::to_ascii_uppercase).collect());
    says(&response, "签名错误");
}

#[test]
fn a_target_that_was_changed_after_signing_is_refused() {
    says(&refused(|_, request| request.target.push_str("?a=b")), "签名错误");
}

#[test]
fn a_timestamp_out_of_the_window_is_refused_before_the_signature() {
    for (offset, forged) in [(-301, false), (301, false), (-301, true)] {
        let response = refused(|client, request| {
            let late = Client { now: client.now + offset, ..Client::new(client.sandbox) };
            let mut authorization = late.authorization(&request.method, &request.target, &request.body);
            if forged {
                authorization.signature = "ZmFrZQ==".to_owned();
            }
            request.set("Authorization", &authorization.to_string());
        });
        says(&response, "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟");
    }
}

#[test]
fn an_unknown_merchant_gets_the_short_form() {
    let response = refused(|client, request| {
        let mut authorization = client.authorization(&request.method, &request.target, &request.body);
        authorization.mchid = "1234567890".to_owned();
        request.set("Authorization", &authorization.to_string());
    });
    says(&response, "签名错误");
    assert!(response.json().get("detail").is_none());
}

#[test]
fn an_unknown_serial_is_told() {
    let response = refused(|client, request| {
        let mut authorization = client.authorization(&request.method, &request.target, &request.body);
        authorization.serial_no = "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB".to_owned();
        request.set("Authorization", &authorization.to_string());
    });
    says(&response, "商户证书序列号有误。请使用签名私钥匹配的证书序列号");
}

#[test]
fn a_missing_an_empty_and_a_half_authorization_are_refused() {
    let missing = refused(|_, request| request.remove("Authorization"));
    says(&missing, "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》");
    assert!(missing.header("Request-ID").is_some());
    let half = refused(|_, request| request.set("Authorization", "WECHATPAY2-SHA256-RSA2048 test"));
    says(&half, "Authorization不合法");
    let forged = refused(|_, request| {
        request.set("Authorization", &format!("WECHATPAY2-SHA256-RSA2048 {}", "mchid=\"1\",".repeat(500)));
    });
    assert_eq!(forged.status, 401);
}

#[test]
fn a_request_without_user_agent_is_refused_before_authentication() {
    let response = refused(|_, request| {
        request.remove("User-Agent");
        request.remove("Authorization");
    });
    assert_eq!(response.refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(response.json()["message"], "Http头缺少Accept或User-Agent");
}

/// Node's fetch sends `*`, and certificates that cannot be fetched because of it left paid orders open in production.
#[test]
fn an_unknown_language_is_refused_before_authentication() {
    for languages in ["*", "fr", "fr-CH, de;q=0.9, *;q=0.5"] {
        let response = refused(|_, request| {
            request.set("Accept-Language", languages);
            request.remove("Authorization");
        });
        assert_eq!(response.refusal(), (406, "PARAM_ERROR".to_owned()), "{languages}");
        assert_eq!(response.json()["message"], "传入了不支持的Accept-Language");
    }
    for languages in ["", "zh-CN", "en", "en-GB", "fr, zh-TW;q=0.8"] {
        let unsigned = refused(|_, request| {
            request.set("Accept-Language", languages);
            request.remove("Authorization");
        });
        assert_eq!(unsigned.status, 401, "{languages}");
    }
}

#[test]
fn an_unknown_path_and_a_wrong_method_are_answered_without_a_body() {
    let unknown = refused(|_, request| request.target = "/v3/no/such/path".to_owned());
    assert_eq!((unknown.status, unknown.text(), unknown.header("Request-ID")), (404, "", None));
    let method = refused(|_, request| request.method = "GET".to_owned());
    assert_eq!((method.status, method.text()), (405, ""));
}

#[test]
fn below_transactions_a_missing_authorization_has_words_of_its_own() {
    let merchant = Merchant::new();
    let mut request = merchant.client.request("POST", "/v3/pay/transactions/native", b"{}");
    request.remove("User-Agent");
    for authorization in ["", "Bearer x"] {
        request.set("Authorization", authorization);
        let response = merchant.client.send(&request);
        says(&response, "签名信息错误，验签失败");
        assert_eq!(response.header("Request-ID"), None);
    }
    request.set("Authorization", "WECHATPAY2-SHA256-RSA2048 test");
    says(&merchant.client.send(&request), "Authorization不合法");
}

#[test]
fn another_scheme_is_named() {
    says(
        &refused(|_, request| request.set("Authorization", "Bearer x")),
        "Http头Authorization认证类型不正确",
    );
}

#[test]
fn parameters_may_stand_in_any_order() {
    let merchant = Merchant::new();
    let target = format!("{FAMILY}/stocks/{}", merchant.stock_id);
    let signed = merchant.client.authorization("GET", &target, b"");
    let mut request = merchant.client.request("GET", &target, b"");
    request.set(
        "Authorization",
        &format!(
            r#"WECHATPAY2-SHA256-RSA2048 signature="{}",nonce_str="{}",timestamp="{}",serial_no="{}",mchid="{}""#,
            signed.signature, signed.nonce_str, signed.timestamp, signed.serial_no, signed.mchid
        ),
    );
    merchant.client.send(&request).success();
}

#[test]
fn a_target_is_verified_as_it_was_sent() {
    let merchant = Merchant::new();
    let kit = merchant.client.sandbox.kit();
    // Two spellings of one query: each is right when signed as sent.
    for appid in [kit.appid.clone(), kit.appid.replace('w', "%77")] {
        let list = format!("users/{}/coupons?appid={appid}&creator_merchant={}", kit.openid, kit.mchid);
        merchant.get(&list).success();
    }
}

#[test]
fn a_replayed_request_is_let_in_unless_replays_are_off() {
    let merchant = Merchant::new();
    let replay = |client: &Client<'_>| {
        let request = client.request("GET", &format!("{FAMILY}/stocks/1"), b"");
        [client.send(&request), client.send(&request)].map(|response| response.status)
    };
    // Both reach the product, which does not know this stock.
    assert_eq!(replay(&merchant.client), [404, 404]);
    let validation =
        weipay_sandbox::Validation { replayed_requests: true, ..weipay_sandbox::Validation::DEFAULT };
    let sandbox = crate::sandbox().validation(validation).start().unwrap();
    let client = Client::new(&sandbox);
    assert_eq!(replay(&client), [404, 401]);
    // The state in which it came is gone.
    let request = client.request("GET", &format!("{FAMILY}/stocks/1"), b"");
    let enters = || client.send(&request).status == 404;
    sandbox.snapshot("before").unwrap();
    assert!(enters() && !enters());
    sandbox.restore("before").unwrap();
    assert!(enters() && !enters());
    sandbox.reset().unwrap();
    assert!(enters() && !enters());
}

#[test]
fn a_serial_in_lower_case_or_with_more_zeros_is_the_same_number() {
    let merchant = Merchant::new();
    let target = format!("{FAMILY}/stocks/{}", merchant.stock_id);
    let serial = &merchant.client.sandbox.kit().merchant_serial;
    for same in [serial.to_lowercase(), format!("00{serial}")] {
        let mut authorization = merchant.client.authorization("GET", &target, b"");
        authorization.serial_no = same;
        let mut request = merchant.client.request("GET", &target, b"");
        request.set("Authorization", &authorization.to_string());
        merchant.client.send(&request).success();
    }
}
