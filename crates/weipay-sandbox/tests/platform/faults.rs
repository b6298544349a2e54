//! Faults on the wire: what arrives, what was done, and where it is told.

use std::io::{ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{FaultRule, LogEntry, Sandbox};

use crate::client::{Client, Response};
use crate::merchant::{Coupon, FAMILY, Merchant, number};

const HEADER: &str = "Weipay-Sandbox-Fault";

/// What a coupon is used with.
fn using(merchant: &Merchant<'_>, coupon: &Coupon) -> Value {
    json!({
        "coupon_code": coupon.code, "stock_id": merchant.stock_id, "appid": merchant.client.sandbox.kit().appid,
        "use_time": "2026-08-15T12:00:00+08:00", "use_request_no": number(),
    })
}

/// A user that no other test has.
fn openid() -> String {
    format!("o{:0>27}", number())
}

/// Everything that arrives on a new connection, and how that ends, for a use of a coupon that asks for a fault.
fn raw(merchant: &Merchant<'_>, coupon: &Coupon, fault: &str) -> (Vec<u8>, Option<ErrorKind>) {
    let body = using(merchant, coupon).to_string();
    let mut request = merchant.client.request("POST", &format!("{FAMILY}/coupons/use"), body.as_bytes());
    request.set(HEADER, fault);
    let mut stream = merchant.client.connect();
    stream.write_all(&request.bytes("close")).unwrap();
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return (bytes, None),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) => return (bytes, Some(error.kind())),
        }
    }
}

fn response(merchant: &Merchant<'_>, coupon: &Coupon, fault: &str) -> Response {
    let (bytes, end) = raw(merchant, coupon, fault);
    assert_eq!(end, None, "{fault}");
    let response = Response::parse(&bytes).unwrap_or_else(|| panic!("{fault}: no response"));
    assert_eq!(response.header(HEADER), Some(fault));
    response
}

fn is_used(merchant: &Merchant<'_>, coupon: &Coupon) -> bool {
    merchant.look_at(coupon)["coupon_state"] == "USED"
}

#[test]
fn a_status_in_place_of_a_response_does_nothing_unless_it_commits() {
    let merchant = Merchant::new();
    for commits in [false, true] {
        for (fault, status) in [
            ("202", 202),
            ("429", 429),
            ("500", 500),
            ("502", 502),
            ("503", 503),
            ("502; body=html", 502),
            ("503; body=none", 503),
        ] {
            let coupon = merchant.coupon_for(&openid());
            let fault = if commits { format!("commit-then-{fault}") } else { fault.to_owned() };
            let response = response(&merchant, &coupon, &fault);
            assert_eq!(response.status, status, "{fault}");
            let is_of_platform = !fault.contains("body=");
            assert_eq!(merchant.client.verifies(&response), is_of_platform, "{fault}");
            match &*fault {
                fault if fault.contains("html") => {
                    assert_eq!(response.header("Content-Type"), Some("text/html"));
                    assert!(response.text().contains("<h1>502 Bad Gateway</h1>"), "{}", response.text());
                }
                fault if fault.contains("none") || status == 202 => assert_eq!(response.body, b"", "{fault}"),
                _ => assert!(!response.refusal().1.is_empty(), "{fault}"),
            }
            assert_eq!(is_used(&merchant, &coupon), commits, "{fault}");
        }
    }
}

/// A product that is not opened, a merchant that is limited: the sandbox has no state for them.
#[test]
fn an_error_code_of_the_operation_is_refused_as_documented_and_nothing_is_done() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon_for(&openid());
    let fault = "error; code=NO_AUTH";
    let refused = response(&merchant, &coupon, fault);
    assert_eq!(refused.refusal(), (403, "NO_AUTH".to_owned()));
    assert!(refused.text().contains("商户无权限操作该券") && merchant.client.verifies(&refused));
    assert!(!is_used(&merchant, &coupon));
    // The gate's own refusal is none of the fault, although it has the same code.
    let body = using(&merchant, &coupon).to_string();
    let mut forged = merchant.client.request("POST", &format!("{FAMILY}/coupons/use"), body.as_bytes());
    forged.set(HEADER, "error; code=SIGN_ERROR");
    forged.body.push(b' ');
    let rejected = merchant.client.send(&forged);
    assert_eq!((rejected.refusal(), rejected.header(HEADER)), ((401, "SIGN_ERROR".to_owned()), None));
    // The response of another operation's code says what is wrong with the header.
    let (bytes, _) = raw(&merchant, &coupon, "error; code=USERPAYING");
    let odd = Response::parse(&bytes).unwrap();
    assert_eq!((odd.status, odd.header(HEADER)), (400, None));
    assert!(!is_used(&merchant, &coupon));
    let family = format!("POST {FAMILY}/coupons/use");
    let rule = |code: &str| FaultRule::new(format!("error; code={code}").parse().unwrap()).operation(&family);
    let refused = merchant.client.sandbox.add_fault(rule("USERPAYING")).unwrap_err().to_string();
    assert!(refused.contains("weipay api show"), "{refused}");
}

#[test]
fn a_response_is_lost_before_or_after_the_request_is_carried_out() {
    let merchant = Merchant::new();
    for (fault, commits, end) in [
        ("drop", false, None),
        ("reset", false, Some(ErrorKind::ConnectionReset)),
        ("commit-then-drop", true, None),
        ("commit-then-reset", true, Some(ErrorKind::ConnectionReset)),
    ] {
        let coupon = merchant.coupon_for(&openid());
        let arrived = raw(&merchant, &coupon, fault);
        assert_eq!(arrived, (Vec::new(), end), "{fault}");
        assert_eq!(is_used(&merchant, &coupon), commits, "{fault}");
    }
}

#[test]
fn half_a_body_arrives_of_a_response_that_announces_all_of_it() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    let (bytes, _) = raw(&merchant, &coupon, "truncated");
    let response = Response::parse(&bytes).unwrap();
    let announced: usize = response.header("Content-Length").unwrap().parse().unwrap();
    assert_eq!((response.status, response.body.len()), (200, announced / 2));
    assert!(announced > 2 && is_used(&merchant, &coupon));
}

#[test]
fn a_signature_is_wrong_missing_a_probe_or_of_an_unknown_key() {
    let merchant = Merchant::new();
    for fault in ["wrong-signature", "missing-signature", "probe-signature", "unknown-serial"] {
        let coupon = merchant.coupon_for(&openid());
        let response = response(&merchant, &coupon, fault);
        assert!(response.status == 200 && !merchant.client.verifies(&response), "{fault}");
        let signature = response.header("Wechatpay-Signature").unwrap_or_default();
        assert_eq!(signature.starts_with("WECHATPAY/SIGNTEST/"), fault == "probe-signature", "{fault}");
        assert_eq!(response.check_signature(), fault != "missing-signature", "{fault}");
        assert!(is_used(&merchant, &coupon), "{fault}");
    }
}

#[test]
fn a_late_response_is_whole() {
    let merchant = Merchant::new();
    let response = response(&merchant, &merchant.coupon(), "slow; ms=20");
    assert!(response.status == 200 && merchant.client.verifies(&response));
}

#[test]
fn a_header_that_names_no_fault_is_refused_and_nothing_is_done() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    let (bytes, _) = raw(&merchant, &coupon, "banana");
    let response = Response::parse(&bytes).unwrap();
    assert_eq!(response.refusal(), (400, "INVALID_REQUEST".to_owned()));
    let reason = response.header("Weipay-Sandbox-Reason").unwrap();
    assert!(reason.starts_with("weipay-sandbox-fault: a fault is one of 202, 429"), "{reason}");
    assert!(!is_used(&merchant, &coupon));
}

#[test]
fn fault_rules_are_added_listed_removed_and_logged() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let log = move |entry: LogEntry| kept.lock().unwrap().push(entry.to_string());
    let sandbox = crate::sandbox().log(log).start().unwrap();
    let merchant = Merchant::in_sandbox(&sandbox);
    let control = |method: &str, path: &str, body: Option<Value>| {
        sandbox.control().unwrap().call(method, path, body.as_ref())
    };
    let target = format!("/v3/marketing/busifavor/stocks/{}", merchant.stock_id);
    let rule = json!({
        "fault": "503", "operation": "GET /v3/marketing/busifavor/stocks/{stock_id}",
        "merchant": sandbox.kit().mchid, "first": 1, "probability": 1, "seed": 7,
    });
    assert_eq!(control("POST", "/faults", Some(rule)).unwrap(), json!({ "id": 1 }));
    assert_eq!(merchant.client.get("/v3/merchant/fund/balance/BASIC").status, 200);
    assert_eq!(merchant.client.get(&target).status, 503);
    assert_eq!(merchant.client.get(&target).status, 200);
    let listed = control("GET", "/faults", None).unwrap();
    let listed = &listed["faults"][0];
    assert_eq!(
        (&listed["fault"], &listed["seen"], &listed["injected"]),
        (&json!("503"), &json!(1), &json!(1))
    );
    control("DELETE", "/faults/1", None).unwrap();
    assert!(matches!(control("DELETE", "/faults/1", None), Err(ClientError::Refused { status: 404, .. })));
    control("POST", "/faults/profile", Some(json!({ "profile": "outage" }))).unwrap();
    sandbox.add_fault(FaultRule::new("drop".parse().unwrap()).host("127.0.0.1")).unwrap();
    assert_eq!(control("GET", "/faults", None).unwrap()["faults"].as_array().unwrap().len(), 4);
    control("DELETE", "/faults", None).unwrap();
    assert_eq!(merchant.client.get(&target).status, 200);
    let told = lines.lock().unwrap().join("\n");
    assert!(told.contains(" 503 ") && told.contains(" fault[503]"), "{told}");
}

#[test]
fn a_rule_that_cannot_be_met_is_refused() {
    let sandbox = crate::sandbox().start().unwrap();
    for (rule, name) in [
        (json!({ "fault": "banana" }), "`fault`"),
        (json!({}), "`fault` is missing"),
        (json!({ "fault": "drop", "operation": "/v3/nowhere" }), "`/v3/nowhere`"),
        (json!({ "fault": "drop", "probability": 2 }), "probability"),
        (json!({ "fault": "drop", "first": -1 }), "`first`"),
    ] {
        let refused = sandbox.control().unwrap().call("POST", "/faults", Some(&rule));
        let Err(ClientError::Refused { status, message }) = refused else { panic!("{rule}") };
        assert!(status == 400 && message.contains(name), "{message}");
    }
    let rule = FaultRule::new("drop".parse().unwrap()).operation("/v3/nowhere");
    assert!(Sandbox::builder().fault(rule).start().unwrap_err().to_string().contains("/v3/nowhere"));
}

#[test]
fn a_rule_that_was_removed_hits_nothing() {
    let sandbox = crate::sandbox().start().unwrap();
    let client = Client::new(&sandbox);
    let get = || client.get("/v3/merchant/fund/balance/BASIC").status;
    let id = sandbox.add_fault(FaultRule::new("502".parse().unwrap())).unwrap();
    assert_eq!(get(), 502);
    assert!(sandbox.remove_fault(id));
    assert_eq!(get(), 200);
    assert!(!sandbox.remove_fault(id), "it is gone already");
}
