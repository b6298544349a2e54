//! Error responses, of the platform and of what is in between: what they prove, what they keep and what they print. Every case
//! runs on both clients.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use weipay::error::{Advice, ErrorClass};
use weipay::{Error, RetryConfig};

use crate::hostile_platform::both;
use crate::on_async;
use crate::platform::{Platform, Scripted, Seen, configured, on_both, responding, signed, unsigned};

/// The table of `may_have_taken_effect`.
#[test]
fn only_a_refusal_of_the_platform_proves_that_nothing_happened() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let refusal = |code: &str| format!(r#"{{"code":"{code}","message":"m"}}"#);
    let html = "<html><head><title>Forbidden</title></head></html>";
    let mut table = vec![
        (400, refusal("PARAM_ERROR"), false),
        (401, refusal("SIGN_ERROR"), false),
        (403, refusal("NOT_ENOUGH"), false),
        (404, refusal("ORDER_NOT_EXIST"), false),
        // A code that nobody knows: of a gateway, or of the platform from tomorrow on. The word of many is known only where the
        // operation has it.
        (400, refusal("A_CODE_OF_TOMORROW"), true),
        (401, refusal("UPSTREAM_TIMEOUT"), true),
        (403, refusal("FORBIDDEN"), true),
        (403, refusal("INTERNAL_ERROR"), true),
        (404, refusal("NOT_FOUND"), true),
        (404, refusal("RESOURCE_NOT_EXISTS"), false),
        // Damage that does not touch the code.
        (400, format!("\u{FEFF}{}", refusal("PARAM_ERROR")), false),
        (400, format!(r#"{{"detail":{deep},"code":"PARAM_ERROR"}}"#), false),
        (400, r#"{"code":"PARAM_ERROR","message":"\ud83d"}"#.to_owned(), false),
        // Cut, doubled, in a list: nobody knows what is missing.
        (400, r#"{"code":"PARAM_ERROR","mess"#.to_owned(), true),
        (400, r#"{"code":"PARAM_ER"#.to_owned(), true),
        (400, format!("[{}]", refusal("PARAM_ERROR")), true),
        (400, refusal("PARAM_ERROR").repeat(2), true),
        // Not of the platform's form.
        (400, r#"{"code":"SYSTEM_ERROR","code":"PARAM_ERROR"}"#.to_owned(), true),
        (400, r#"{"code":403,"message":"m"}"#.to_owned(), true),
        (403, refusal("forbidden"), true),
        (400, r#"{"errcode":40001,"errmsg":"invalid credential"}"#.to_owned(), true),
        (404, String::new(), true),
        (405, String::new(), true),
        (302, String::new(), true),
        // An unlikely status for a refusal.
        (422, refusal("PARAM_ERROR"), true),
        (429, refusal("PARAM_ERROR"), true),
        (500, refusal("PARAM_ERROR"), true),
        (503, refusal("SERVICE_UNAVAILABLE"), true),
    ];
    // The code says that it is open, whatever became of the rest.
    for code in ["SYSTEM_ERROR", "FREQUENCY_LIMITED", "BANK_ERROR", "USERPAYING"] {
        let whole = refusal(code);
        table.extend([
            (400, whole.clone(), true),
            (403, whole[..whole.len() - 3].to_owned(), true),
            (400, format!("\u{FEFF}{whole}"), true),
            (400, format!("[{whole}]"), true),
            (400, format!(r#"{{"code":"{code}","detail":{deep}}}"#), true),
            (400, format!(r#"{{"detail":{deep},"code":"{code}"}}"#), true),
        ]);
    }
    table.extend(
        [400, 401, 403, 404, 408, 409, 413, 425, 429, 499, 502].map(|status| (status, html.to_owned(), true)),
    );
    for (status, body, may) in table {
        for result in both(|| unsigned(status, &body)) {
            let error = result.unwrap_err();
            assert_eq!(error.may_have_taken_effect(), may, "{status} {body}");
            assert!(error.is_api() && error.body().unwrap() == body.as_bytes());
        }
    }
}

/// A word of many gateways is the platform's where the operation has it: each attempt is judged so too.
#[test]
fn a_code_that_only_the_operation_has_settles_every_attempt() {
    let notify = "v3/papay/contracts/{contract_id}/notify";
    let absent = r#"{"code":"NOT_FOUND","message":"m"}"#;
    for responses in [vec![unsigned(404, absent)], vec![signed(404, absent)]] {
        let call = on_both!(responses.clone(), client => {
            client.chain(notify).path("contract_id", "1").post(json!({"appid": "wx1"}))
        });
        for (outcome, _) in call {
            let error = outcome.unwrap_err();
            assert!(!error.may_have_taken_effect(), "{error}");
            assert!(error.attempts().iter().all(|attempt| !attempt.may_have_taken_effect()));
            assert_eq!((error.class(), error.advice()), (ErrorClass::NotFound, Some(Advice::FixRequest)));
        }
    }
}

#[test]
fn a_code_is_read_from_a_response_that_is_damaged_elsewhere() {
    let deep = format!("{}0{}", "{\"a\":".repeat(200), "}".repeat(200));
    for body in [
        r#"{"code":"SYSTEM_ERROR","mess"#.to_owned(),
        "\u{FEFF}{\"code\":\"SYSTEM_ERROR\"}".to_owned(),
        r#"[{"code":"SYSTEM_ERROR"}]"#.to_owned(),
        format!(r#"{{"code":"SYSTEM_ERROR","detail":{deep}"#),
        format!(r#"{{"detail":{deep},"code":"SYSTEM_ERROR"}}"#),
    ] {
        for result in both(|| unsigned(400, &body)) {
            let error = result.unwrap_err();
            assert_eq!(
                (error.code(), error.may_have_taken_effect()),
                (Some("SYSTEM_ERROR"), true),
                "{body:.60}"
            );
        }
    }
    let whole = r#"{"code":"SYSTEM_ERROR","message":"系统错误"}"#.as_bytes();
    for result in both(|| unsigned(400, "").with_bytes(&whole[..whole.len() - 4])) {
        let error = result.unwrap_err();
        assert_eq!((error.code(), error.may_have_taken_effect()), (Some("SYSTEM_ERROR"), true));
    }
}

#[test]
fn an_error_that_is_not_of_a_call_has_no_effect() {
    let client = configured().build_blocking().unwrap();
    for text in ["abc", "", "13800138000"] {
        let error = client.decrypt_sensitive(text).unwrap_err();
        assert!(!error.may_have_taken_effect() && !error.is_api() && !error.is_network());
        assert!(format!("{error:#}").starts_with("the text cannot be decrypted: "), "{error}");
        assert!(text.is_empty() || !error.to_string().contains(text));
    }
    assert!(!client.encrypt_sensitive(&"x".repeat(500)).unwrap_err().may_have_taken_effect());
    // One of a call that succeeded, and whose response does not read, is another matter.
    for response in both(|| signed(200, r#"{"wechatpay_disassociate_time":"2015-05-20T13:29:35+08:00"}"#)) {
        assert!(response.unwrap().json_as::<u8>().unwrap_err().may_have_taken_effect());
    }
}

#[test]
fn an_error_response_of_another_form_is_shown() {
    let operation = "取消关联订单信息 · POST v3/marketing/busifavor/coupons/disassociate";
    for (status, body, text) in [
        (
            502,
            "<html>\r\n<body>502 Bad\u{1b}[2J Gateway</body>",
            r"an error response without code and message: <html> <body>502 Bad\u{1b}[2J Gateway</body>",
        ),
        (200 + 300, "", "an error response without code and message"),
        (
            400,
            r#"{"errcode":40001,"errmsg":"invalid credential"}"#,
            r#"an error response without code and message: {"errcode":40001,"errmsg":"invalid credential"}"#,
        ),
        (403, r#"{"message":"no route"}"#, "no route"),
        (
            403,
            r#"{"code":"NO_AUTH"}"#,
            "NO_AUTH; check the permissions of the merchant on the merchant platform (商户平台)",
        ),
        (
            403,
            r#"{"code":"NO_AUTH","message":"\u001b[31m\n没有权限"}"#,
            r"NO_AUTH: \u{1b}[31m\n没有权限; check the permissions of the merchant on the merchant platform (商户平台)",
        ),
        // The catalogue knows the code and not which of its meanings it is: no advice.
        (400, r#"{"code":"INVALID_REQUEST","message":"x"}"#, "INVALID_REQUEST: x"),
    ] {
        for result in both(|| unsigned(status, body)) {
            let error = result.unwrap_err();
            assert_eq!(error.to_string(), format!("{text} ({operation}, HTTP {status})"));
        }
    }
    let long = "x".repeat(100_000);
    for body in [long.clone(), format!(r#"{{"code":"{long}","message":"{long}"}}"#)] {
        for result in both(|| unsigned(400, &body)) {
            let error = result.unwrap_err();
            assert!(error.to_string().len() < 1_200);
        }
    }
    for result in both(|| unsigned(502, "<html>502 Bad Gateway</html>")) {
        let printed = format!("{:?}", result.unwrap_err());
        assert!(printed.contains("502 Bad Gateway"), "{printed}");
    }
}

#[test]
fn a_redirect_is_shown_and_not_followed() {
    let location = "http://user:secret@127.0.0.1:9/steal?token=secret";
    for result in both(|| unsigned(302, "").header("Location", location)) {
        let error = result.unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), error.is_api()), (302, true));
        assert!(error.to_string().contains("HTTP 302, Location http://127.0.0.1:9/steal?…"), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn an_error_response_keeps_everything() {
    let body = r#"{"code":"INVALID_REQUEST","detail":{"location":"body","value":0.01},"message":"券不存在"}"#;
    for result in both(|| unsigned(400, body).header("Request-ID", "08F4-268435461")) {
        let error = result.unwrap_err();
        assert!(error.is_api() && !error.may_have_taken_effect());
        assert_eq!((error.code(), error.message()), (Some("INVALID_REQUEST"), Some("券不存在")));
        assert_eq!(error.meaning(), Some("there is no such coupon in this stock"));
        assert_eq!(error.advice(), Some(weipay::error::Advice::FixRequest));
        assert_eq!(error.detail().unwrap()["value"], 0.01);
        assert_eq!((error.status().unwrap().as_u16(), error.request_id()), (400, Some("08F4-268435461")));
        assert_eq!(error.body().unwrap(), body.as_bytes());
        assert_eq!(
            error.to_string(),
            "INVALID_REQUEST: 券不存在; correct the request: the same one fails again (取消关联订单信息 · POST v3/marketing/busifavor/coupons/disassociate, HTTP 400, Request-ID 08F4-268435461)"
        );
    }
}

#[test]
fn an_error_response_is_an_error_whatever_its_body() {
    for body in ["", "<html>502 Bad Gateway</html>", "[1]", "{\"code\":7}", "\u{0}\u{1}"] {
        for result in both(|| unsigned(502, body)) {
            let error = result.unwrap_err();
            assert!(error.is_api() && error.may_have_taken_effect());
            assert_eq!((error.code(), error.body().unwrap().as_ref()), (None, body.as_bytes()));
        }
    }
}

/// What an error prints in every form.
fn printed(error: &Error) -> String {
    let kind = error.kind();
    format!("{error} {error:#} {error:?} {error:#?} {kind:?} {kind:#?} {:?}", error.endpoint())
}

#[test]
fn an_error_does_not_print_what_its_request_sent() {
    const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
    const PATH: &str = "v3/marketing/favor/users/{openid}/coupons";
    // A gateway that repeats all that it got: as an error response of the platform's form, as a page, as other JSON, as
    // a redirect.
    let forms: [fn(&str) -> Scripted; 4] = [
        |all| {
            unsigned(
                401,
                &json!({"code": "SIGN_ERROR", "message": all, "detail": {"issue": all}}).to_string(),
            )
        },
        |all| unsigned(502, &format!("<html>{all}</html>")),
        |all| unsigned(403, &json!({"errmsg": all}).to_string()),
        |all| {
            let path = all.replace(|odd: char| !odd.is_ascii_graphic(), "");
            unsigned(302, "").header("Location", &format!("/login/{path}"))
        },
    ];
    // Only so many characters are shown, so each part is repeated in a response of its own.
    let parts: [fn(&Seen) -> String; 5] = [
        |seen| seen.header("Authorization").unwrap().to_owned(),
        |seen| seen.header("Authorization").unwrap().split("signature=").nth(1).unwrap().to_owned(),
        |seen| seen.header("X-Token").unwrap().to_owned(),
        |seen| seen.target.clone(),
        |seen| String::from_utf8_lossy(&seen.body).into_owned(),
    ];
    let body = json!({"openid": "openid-of-mine", "user_name": "张三", "address": "南京路1号", "phone": "138-0013-8000"});
    for (form, part) in forms.iter().flat_map(|form| parts.iter().map(move |part| (*form, *part))) {
        let signatures = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&signatures);
        let base_url = responding(move |request| {
            let authorization = request.header("Authorization").unwrap();
            let parameter =
                |name: &str| authorization.split(name).nth(1)?.split('"').nth(1).map(str::to_owned);
            seen.lock().unwrap().extend(["signature=", "nonce_str="].map(|name| parameter(name).unwrap()));
            form(&part(request))
        });
        let builder = || configured().base_url(&base_url).retries(RetryConfig::none());
        let client = builder().build().unwrap();
        let call = client.chain(PATH).path("openid", OPENID).query("device_id", "dev id");
        let first = on_async(call.header("X-Token", "Bearer shop-token").post(&body)).unwrap_err();
        // The same with the openid written into the path.
        let client = builder().build_blocking().unwrap();
        let call = client.chain(&PATH.replace("{openid}", OPENID)).query("device_id", "dev id");
        let second = call.header("X-Token", "Bearer shop-token").post(&body).unwrap_err();
        let mut secrets = signatures.lock().unwrap().clone();
        secrets.extend([OPENID, "openid-of-mine", "张三", "南京路1号", "138-0013-8000"].map(str::to_owned));
        secrets.extend(["shop-token", "dev id", "dev%20id"].map(str::to_owned));
        for error in [first, second] {
            let printed = printed(&error);
            for secret in &secrets {
                let beginning: String = secret.chars().take(16).collect();
                assert!(!printed.contains(&beginning), "{secret}: {printed}");
            }
            assert!(error.headers().is_some() && error.body().is_some(), "a program still has them");
        }
    }
}

/// `account` is a private name, and its value may be a word of a list, or the number of a merchant that an error is about.
#[test]
fn words_of_lists_and_merchant_numbers_are_printed() {
    let said = r#"{"code": "SERVICE_UNAVAILABLE", "message": "1900000109: AVAILABLE"}"#;
    let platform = Platform::start(vec![unsigned(503, said)]);
    let client = platform.builder().retries(RetryConfig::none()).build_blocking().unwrap();
    let request =
        json!({"out_refund_no": "1", "from": [{"account": "AVAILABLE"}, {"account": "1900000109"}]});
    let error = client.chain("v3/refund/domestic/refunds").post(request).unwrap_err();
    assert!(printed(&error).contains("SERVICE_UNAVAILABLE: 1900000109: AVAILABLE"), "{error}");
}

#[test]
fn an_error_and_a_call_name_the_path_of_the_catalogue() {
    const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
    let written = format!("v3/marketing/favor/users/{OPENID}/coupons?appid=wx1");
    let path = "v3/marketing/favor/users/{openid}/coupons";
    let base_url = responding(|_| unsigned(404, r#"{"code":"NOT_FOUND","message":"m"}"#));
    let client = configured().base_url(&base_url).build().unwrap();
    assert!(!format!("{:?} {:?}", client.chain(&written), client[&*written]).contains(OPENID));
    let first = on_async(client.chain(&written).get()).unwrap_err();
    let client = configured().base_url(&base_url).build_blocking().unwrap();
    let call = client.chain(&written);
    assert!(format!("{call:?} {call:#?}").contains(path));
    for error in [first, call.get().unwrap_err()] {
        assert_eq!(error.endpoint(), Some(&*format!("GET {path}")));
        assert!(!printed(&error).contains(OPENID), "{error:?}");
    }
}

#[test]
fn an_error_does_not_print_personal_data() {
    let phone = "13800138000";
    let refused = format!(r#"{{"code":"PARAM_ERROR","detail":{{"field":"phone","value":"{phone}"}}}}"#);
    for result in both(|| unsigned(400, &refused)) {
        let error = result.unwrap_err();
        assert!(!format!("{error:?} {error}").contains(phone), "{error:?}");
        assert_eq!(error.detail().unwrap()["value"], phone);
    }
    for response in both(|| signed(200, &format!(r#"{{"wechatpay_disassociate_time":"{phone}"}}"#))) {
        let error = response.unwrap().json_as::<BTreeMap<String, u64>>().unwrap_err();
        assert!(!format!("{error:?} {error}").contains(phone), "{error:?}");
    }
}
