//! APIv2 on the same route: XML signed in its body, the refund notification that is not signed, and the sealed messages of older
//! products.

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::json;
use weipay::http;
use weipay::notification::{Event, Notification, Receiver, Rejection, RejectionKind, V2Event};
use weipay::wire::{ApiV2Key, ApiV3Key, SignError, SignType, VerifyError, XmlElements};

use super::{API_V2_KEY, API_V3_KEY, receiver, settings};

const PAYMENT: [(&str, &str); 9] = [
    ("appid", "wxd930ea5d5a258f4f"),
    ("mch_id", "1900000001"),
    ("openid", "oSecret"),
    ("out_trade_no", "order-1"),
    ("transaction_id", "1004400740201409030005092168"),
    ("result_code", "SUCCESS"),
    ("return_code", "SUCCESS"),
    ("coupon_id_0", "10000"),
    ("total_fee", "100"),
];

fn key() -> ApiV2Key {
    ApiV2Key::new(API_V2_KEY).unwrap()
}

fn xml(fields: &[(&str, &str)], sign_type: Option<SignType>) -> String {
    let mut elements = XmlElements::new();
    fields.iter().for_each(|(name, value)| elements.push(*name, *value));
    if let Some(sign_type) = sign_type {
        elements.push("sign", key().sign(sign_type, elements.clone().texts()));
    }
    elements.write("xml").unwrap()
}

fn received(body: &str) -> Notification {
    receiver().receive(&HeaderMap::new(), body.as_bytes()).unwrap()
}

fn rejected(body: &str) -> Rejection {
    let rejection = receiver().receive(&HeaderMap::new(), body.as_bytes()).unwrap_err();
    let response = rejection.response();
    assert!(response.status().as_u16() >= 400);
    assert!(!format!("{rejection:#}").contains("oSecret"), "{rejection:#}");
    rejection
}

#[test]
fn a_signed_payment_is_a_typed_event_and_is_answered_in_xml() {
    for sign_type in [SignType::Md5, SignType::HmacSha256] {
        let notification = received(&xml(&PAYMENT, Some(sign_type)));
        assert_eq!((notification.event_type(), notification.is_signed()), ("transaction-success", true));
        let Event::V2(V2Event::Payment(payment)) = notification.event() else { panic!("{notification:?}") };
        assert_eq!(payment.out_trade_no.as_deref(), Some("order-1"));
        assert_eq!(payment.total_fee, Some(100));
        assert_eq!(notification.json().unwrap()["transaction_id"], "1004400740201409030005092168");
        let shown = format!("{notification:?} {:?}", notification.event());
        assert!(!shown.contains("oSecret") && !shown.contains("order-1"), "{shown}");
        let response = XmlElements::read(notification.success().body(), "xml").unwrap();
        assert_eq!(
            (response.text("return_code"), response.text("return_msg")),
            (Some("SUCCESS"), Some("OK"))
        );
        let failure = notification.failure("later");
        let response = XmlElements::read(failure.body(), "xml").unwrap();
        assert_eq!((failure.status().as_u16(), response.text("return_code")), (500, Some("FAIL")));
    }
}

#[test]
fn a_repeat_has_the_same_id_and_another_payment_another() {
    let id = |fields: &[(&str, &str)]| received(&xml(fields, Some(SignType::Md5))).id().to_owned();
    let with_nonce = |nonce| [&PAYMENT[..], &[("nonce_str", nonce)]].concat();
    let first = id(&with_nonce("one"));
    assert_eq!(first, id(&with_nonce("two")), "each delivery has its own nonce");
    assert!(first.starts_with("v2-") && first.len() == 35, "{first}");
    let mut other = PAYMENT;
    other[4].1 = "1004400740201409030005092169";
    assert_ne!(first, id(&other));
    let mut failed = PAYMENT;
    failed[5].1 = "FAIL";
    assert_ne!(first, id(&failed), "a failure is another event");
    let mut not_told = PAYMENT;
    not_told[6].1 = "FAIL";
    assert_ne!(first, id(&not_told), "a failure to tell is not what it would have told");
}

/// The elements are those of a public report.
#[test]
fn a_deduction_by_contract_that_failed_is_a_payment_of_its_own_number() {
    let failed = |number| {
        let fields = [
            ("appid", "wxd930ea5d5a258f4f"),
            ("contract_id", "202102285929035611"),
            ("err_code", "CONTRACT_NOT_EXIST"),
            ("err_code_des", "签约协议不存在"),
            ("mch_id", "1900000001"),
            ("nonce_str", number),
            ("out_trade_no", number),
            ("result_code", "FAIL"),
            ("return_code", "SUCCESS"),
            ("return_msg", "OK"),
        ];
        received(&xml(&fields, Some(SignType::Md5)))
    };
    let notification = failed("month-1");
    assert_eq!(notification.event_type(), "transaction-success");
    let Event::V2(V2Event::Payment(payment)) = notification.event() else { panic!("{notification:?}") };
    assert_eq!(payment.out_trade_no.as_deref(), Some("month-1"));
    assert_eq!(notification.id(), failed("month-1").id());
    assert_ne!(notification.id(), failed("month-2").id());
}

/// Empty elements say nothing: a number that is empty is not the number of anything.
#[test]
fn payments_that_differ_in_one_element_have_different_ids() {
    let deduction = [
        ("mch_id", "1900000001"),
        ("contract_id", "202102285929035611"),
        ("out_trade_no", "month-1"),
        ("transaction_id", ""),
        ("result_code", "FAIL"),
        ("trade_state", "PAY_FAIL"),
        ("user_repaid", "N"),
    ];
    let id = |changes: &[(&str, &str)]| {
        let changed = |name: &str| changes.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        let fields: Vec<_> =
            deduction.iter().map(|(name, text)| (*name, changed(name).unwrap_or(text))).collect();
        received(&xml(&fields, Some(SignType::Md5))).id().to_owned()
    };
    let all = [
        id(&[]),
        id(&[("out_trade_no", "month-2")]),
        id(&[("user_repaid", "Y")]),
        id(&[("transaction_id", "1004400740201409030005092168")]),
        id(&[("transaction_id", "1004400740201409030005092168"), ("user_repaid", "Y")]),
        id(&[("transaction_id", "1004400740201409030005092168"), ("out_trade_no", "month-2")]),
        id(&[("trade_state", "SUCCESS"), ("result_code", "SUCCESS")]),
    ];
    let distinct: std::collections::HashSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "{all:?}");
    assert_eq!(all[0], id(&[]));
}

#[test]
fn the_ids_of_other_events_differ_too_where_their_numbers_are_empty() {
    let refund = |opened: &str| {
        let req_info = key().seal_req_info(format!("<root>{opened}</root>").as_bytes()).unwrap();
        received(&xml(&[("mch_id", "1900000001"), ("req_info", &req_info)], None)).id().to_owned()
    };
    let status = "<refund_status>SUCCESS</refund_status>";
    assert_ne!(
        refund(&format!("{status}<refund_id/><out_refund_no>1</out_refund_no>")),
        refund(&format!("{status}<refund_id/><out_refund_no>2</out_refund_no>"))
    );
    assert_ne!(
        refund(&format!("{status}<out_refund_no>1</out_refund_no>")),
        refund(&format!("{status}<out_refund_no>2</out_refund_no>"))
    );
    let contract = |code: &str, terminated: &str| {
        let fields = [
            ("mch_id", "1900000001"),
            ("change_type", "ADD"),
            ("contract_id", ""),
            ("contract_code", code),
            ("contract_terminated_time", terminated),
        ];
        received(&xml(&fields, Some(SignType::Md5))).id().to_owned()
    };
    assert_ne!(contract("1", ""), contract("2", ""));
    // Two merchants on one route, each with a risk of the same number.
    let other = weipay::wire::MerchantId::new("1900000002").unwrap();
    let both = receiver().merge(&Receiver::new().merchant(settings().mchid(other)).unwrap());
    let risk = |mchid| {
        let fields = [("mch_id", mchid), ("event_code", "1"), ("risk_level", "LOW")];
        let body = xml(&fields, Some(SignType::HmacSha256));
        both.receive(&HeaderMap::new(), body.as_bytes()).unwrap().id().to_owned()
    };
    assert_ne!(risk("1900000001"), risk("1900000002"));
}

/// Only a refund in XML may come without a signature. Anybody can post to the route, and may know sealed texts of old messages.
#[test]
fn json_without_a_sign_is_rejected_whatever_members_it_has() {
    let sealed = ApiV3Key::new(API_V3_KEY)
        .unwrap()
        .seal("uluk4a9R25RW", "transaction", br#"{"order_id":"1"}"#)
        .unwrap();
    let req_info = key().seal_req_info(b"<root><refund_id>1</refund_id></root>").unwrap();
    for (name, text) in [("req_info", "x"), ("req_info", &req_info), ("req_info", ""), ("sign", "")] {
        let mut body = json!({
            "mch_id": "1900000001", "event_type": "TRANSACTION.SUCCESS", "event_id": "anything",
            "event_nonce": "uluk4a9R25RW", "event_associated_data": "transaction", "event_ciphertext": sealed,
        });
        body[name] = json!(text);
        let rejection = rejected(&body.to_string());
        let error = match rejection.kind() {
            RejectionKind::Unverified { error: VerifyError::Sign(error), .. } => error,
            kind => panic!("{name} {text}: {kind:?}"),
        };
        assert_eq!(*error, SignError::Missing);
    }
}

#[test]
fn what_is_not_signed_is_a_refund_and_nothing_else() {
    let req_info = key()
        .seal_req_info(b"<root><refund_id>1</refund_id><refund_status>SUCCESS</refund_status></root>")
        .unwrap();
    let plain = [("mch_id", "1900000001"), ("req_info", req_info.as_str())];
    let id = received(&xml(&plain, None)).id().to_owned();
    for added in [
        vec![("event_type", "transaction-success"), ("event_ciphertext", "x")],
        vec![("event_type", "TRANSACTION.SUCCESS"), ("event_ciphertext", "x"), ("event_id", "anything")],
        vec![("transaction_id", "1"), ("out_trade_no", "1"), ("result_code", "SUCCESS")],
        vec![("combine_out_trade_no", "1")],
        vec![("change_type", "ADD"), ("contract_id", "1")],
        vec![("event_create_time", "2026-08-15T12:00:00+08:00")],
    ] {
        let notification = received(&xml(&[&plain[..], &added].concat(), None));
        assert!(matches!(notification.event(), Event::V2(V2Event::Refund(_))), "{notification:?}");
        assert_eq!((notification.event_type(), notification.is_signed()), ("refund-processed", false));
        assert_eq!(notification.id(), id, "nothing beside `req_info` counts");
        assert!(notification.create_time().is_none(), "the sender would choose it");
    }
    // In XML that is signed, no element of the older JSON counts either.
    let named = [("event_type", "refund-processed"), ("event_ciphertext", "x")];
    let notification = received(&xml(&[&PAYMENT[..], &named].concat(), Some(SignType::Md5)));
    assert_eq!(notification.event_type(), "transaction-success");
    // An empty `req_info` is none: a signed payment stays one, and an unsigned one is rejected.
    let with_empty = [&PAYMENT[..], &[("req_info", "")]].concat();
    assert_eq!(received(&xml(&with_empty, Some(SignType::Md5))).event_type(), "transaction-success");
    assert!(matches!(rejected(&xml(&with_empty, None)).kind(), RejectionKind::Unverified { .. }));
}

/// Anybody can see the parameters of a page or of a QR code, which are signed with the same key, and add elements that
/// are not signed.
#[test]
fn what_a_front_end_shows_is_no_event() {
    let shown = [
        ("mch_id", "1900000001"),
        ("package", "x"),
        ("timestamp", "1"),
        ("nonce_str", "n"),
        ("transaction_id", ""),
        ("out_trade_no", ""),
        ("result_code", ""),
        ("change_type", ""),
        ("contract_id", ""),
    ];
    let notification = received(&xml(&shown, Some(SignType::HmacSha256)));
    assert!(matches!(notification.event(), Event::V2(V2Event::Other)), "{notification:?}");
}

#[test]
fn a_wrong_or_missing_sign_is_rejected() {
    let signed = xml(&PAYMENT, Some(SignType::Md5));
    let changed = rejected(&signed.replace(">100<", ">1<"));
    let sign_error = |rejection: &Rejection| match rejection.kind() {
        RejectionKind::Unverified { error: VerifyError::Sign(error), .. } => *error,
        kind => panic!("{kind:?}"),
    };
    assert_eq!(sign_error(&changed), SignError::Mismatch);
    assert_eq!(sign_error(&rejected(&xml(&PAYMENT, None))), SignError::Missing);
    let with_empty = [&PAYMENT[..], &[("sign", "")]].concat();
    assert_eq!(sign_error(&rejected(&xml(&with_empty, None))), SignError::Missing);
    let added = rejected(&signed.replace("</xml>", "<attach>new</attach></xml>"));
    assert_eq!(sign_error(&added), SignError::Mismatch);
    assert_eq!(added.status(), 401);
}

/// The sealed text is the derived vector of the facts: structure from the official PHP fixture, sealed by OpenSSL.
#[test]
fn a_refund_is_opened_with_the_apiv2_key_and_says_that_it_is_not_signed() {
    let req_info = "WBzGpzQuNpcFxIlFjUUD9Ir/NnOJZUQ8yuhFxM4pJ2GP1TehMgivXNaEmSD2o8Da/blAG/5vE2Ky9lTrfTctYg==";
    let fields = [("return_code", "SUCCESS"), ("mch_id", "1900000001"), ("req_info", req_info)];
    let notification = received(&xml(&fields, None));
    assert_eq!((notification.event_type(), notification.is_signed()), ("refund-processed", false));
    let Event::V2(V2Event::Refund(refund)) = notification.event() else { panic!("{notification:?}") };
    assert_eq!(refund.out_refund_no.as_deref(), Some("1"));

    let other = ApiV2Key::new("qazwsxedcrfvtgbyhnujmikolp111111").unwrap();
    let foreign = other.seal_req_info(b"<root><out_refund_no>1</out_refund_no></root>").unwrap();
    for wrong in [foreign.as_str(), "", "AAAA", "***", &req_info[4..]] {
        let fields = [("return_code", "SUCCESS"), ("mch_id", "1900000001"), ("req_info", wrong)];
        let rejection = rejected(&xml(&fields, None));
        assert_eq!(rejection.status(), 401, "{rejection:#}");
    }
    // A sign that is there must hold.
    let forged = [&fields[..], &[("sign", "9A0A8659F005D6984697E2CA0A9CF3B7")]].concat();
    assert!(matches!(rejected(&xml(&forged, None)).kind(), RejectionKind::Unverified { .. }));
}

#[test]
fn each_event_is_told_by_its_elements() {
    for (fields, event) in [
        (
            vec![("combine_mch_id", "1900000001"), ("combine_out_trade_no", "c")],
            "combined-transactions-success",
        ),
        // An empty element says nothing.
        (
            vec![("mch_id", ""), ("combine_mch_id", "1900000001"), ("combine_out_trade_no", "c")],
            "combined-transactions-success",
        ),
        (
            vec![("mch_id", "1900000001"), ("change_type", "ADD"), ("contract_id", "1")],
            "pap-contract-state-changed",
        ),
        (
            vec![("mch_id", "1900000001"), ("event_code", "1"), ("risk_level", "LOW")],
            "transactions-risk-occurred",
        ),
        (
            vec![("mch_id", "1900000001"), ("plate_number", "粤B000000"), ("vehicle_event_createtime", "1")],
            "vehicle-state-changed-for-parking",
        ),
    ] {
        let notification = received(&xml(&fields, Some(SignType::HmacSha256)));
        assert_eq!(notification.event().name(), Some(event));
        assert!(!format!("{notification:?}").contains("粤"), "{notification:?}");
    }
    let unknown = received(&xml(&[("mch_id", "1900000001"), ("new", "1")], Some(SignType::Md5)));
    assert!(matches!(unknown.event(), Event::V2(V2Event::Other)));
    assert_eq!(unknown.json().unwrap()["new"], "1");
}

#[test]
fn an_older_product_posts_json_that_is_signed_and_sealed() {
    let sealed =
        ApiV3Key::new(API_V3_KEY).unwrap().seal("uluk4a9R25RW", "", br#"{"order_id":"1","state":"PAID"}"#);
    let mut body = json!({
        "mch_id": "1900000001", "appid": "wx1", "algorithm": "HMAC-SHA256", "nonce_str": "n", "event_id": "e-1",
        "event_create_time": "2026-08-15T12:00:00+08:00", "event_type": "TRANSACTION.SUCCESS",
        "event_algorithm": "AEAD_AES_256_GCM", "event_nonce": "uluk4a9R25RW", "event_ciphertext": sealed.unwrap(),
    });
    let fields: Vec<(String, String)> = body
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    body["sign"] = json!(key().sign(SignType::HmacSha256, fields));
    let notification = received(&body.to_string());
    assert_eq!((notification.id(), notification.event_type()), ("e-1", "TRANSACTION.SUCCESS"));
    let Event::V2(V2Event::TransactionSuccess(order)) = notification.event() else {
        panic!("{notification:?}")
    };
    assert_eq!(order.order_id.as_deref(), Some("1"));
    body["event_id"] = json!("e-2");
    assert!(matches!(rejected(&body.to_string()).kind(), RejectionKind::Unverified { .. }));
}

/// The XML of deposit-free rental and stay, as its pages show it: a sealed part, which is XML too, in signed XML.
fn rental<'a>(event: &'a str, sealed: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("mch_id", "1900000001"),
        ("app_id", "wx2134213414324"),
        ("event_id", "EV-2018022511223320873"),
        ("event_create_time", "20180225112233"),
        ("event_type", event),
        ("event_algorithm", "AEAD_AES_256_GCM"),
        ("event_nonce", RENTAL_NONCE),
        ("event_associated_data", "rent"),
        ("event_ciphertext", sealed),
        ("algorithm", "HMAC-SHA256"),
        ("nonce_str", "n"),
    ]
}

const RENTAL_NONCE: &str = "uluk4a9R25RW";

/// With the blank in one tag that the pages have.
const RENTAL: &str = "<xml>\n<state>USER_PAID</state>\n<out_order_no >oSecret</out_order_no>\n<order_id>1</order_id>\n\
    <checked_in>TRUE</checked_in>\n<total_amount>200</total_amount>\n<end_time>20091225091210</end_time>\n\
    <finish_ticket>oSecret</finish_ticket>\n</xml>";

fn sealed_rental(plain: &str) -> String {
    ApiV3Key::new(API_V3_KEY).unwrap().seal(RENTAL_NONCE, "rent", plain.as_bytes()).unwrap()
}

#[test]
fn deposit_free_rental_posts_xml_that_is_signed_and_sealed() {
    let sealed = sealed_rental(RENTAL);
    for event in ["CHECK.SUCCESS", "CHECK.FAIL", "TRANSACTION.SUCCESS", "TRANSACTION.FAIL"] {
        let notification = received(&xml(&rental(event, &sealed), Some(SignType::HmacSha256)));
        assert_eq!((notification.event_type(), notification.is_signed()), (event, true));
        assert_eq!(notification.id(), "EV-2018022511223320873");
        assert_eq!(
            notification.create_time().map(|time| time.to_string()).as_deref(),
            Some("20180225112233")
        );
        assert_eq!(notification.mchid().unwrap().as_ref(), "1900000001");
        assert_eq!(notification.json().unwrap()["total_amount"], "200");
        let order_id = match notification.event() {
            Event::V2(V2Event::CheckSuccess(order)) if event == "CHECK.SUCCESS" => &order.order_id,
            Event::V2(V2Event::CheckFail(order)) if event == "CHECK.FAIL" => &order.order_id,
            Event::V2(V2Event::TransactionSuccess(order)) if event == "TRANSACTION.SUCCESS" => {
                &order.order_id
            }
            Event::V2(V2Event::TransactionFail(order)) if event == "TRANSACTION.FAIL" => &order.order_id,
            _ => panic!("{event}: {notification:?}"),
        };
        assert_eq!(order_id.as_deref(), Some("1"));
        let shown = format!("{notification:?} {:?}", notification.event());
        assert!(!shown.contains("oSecret"), "{shown}");
        let response = XmlElements::read(notification.success().body(), "xml").unwrap();
        assert_eq!(response.text("return_code"), Some("SUCCESS"));
    }
    // The order of elements does not matter, nor an element that this version does not know.
    let mut fields = rental("TRANSACTION.SUCCESS", &sealed);
    fields.reverse();
    fields.push(("new", "1"));
    let notification = received(&xml(&fields, Some(SignType::HmacSha256)));
    assert!(matches!(notification.event(), Event::V2(V2Event::TransactionSuccess(_))), "{notification:?}");
    // An event that this version does not know is decrypted all the same.
    let notification = received(&xml(&rental("CHECK.NEW", &sealed), Some(SignType::HmacSha256)));
    assert!(matches!(notification.event(), Event::V2(V2Event::Other)), "{notification:?}");
    assert_eq!(
        (notification.event_type(), &notification.json().unwrap()["order_id"]),
        ("CHECK.NEW", &json!("1"))
    );
}

/// Each form of the message with each form of what is sealed in it.
#[test]
fn what_is_sealed_may_be_xml_or_json() {
    let sealed = sealed_rental(r#"{"order_id":"1","state":"USER_PAID"}"#);
    let notification = received(&xml(&rental("TRANSACTION.SUCCESS", &sealed), Some(SignType::HmacSha256)));
    let Event::V2(V2Event::TransactionSuccess(order)) = notification.event() else {
        panic!("{notification:?}")
    };
    assert_eq!(order.order_id.as_deref(), Some("1"));
    let sealed = sealed_rental(RENTAL);
    let notification = received(&json_of(&rental("TRANSACTION.SUCCESS", &sealed)));
    let Event::V2(V2Event::TransactionSuccess(order)) = notification.event() else {
        panic!("{notification:?}")
    };
    assert_eq!((order.order_id.as_deref(), order.total_amount.as_deref()), (Some("1"), Some("200")));
}

fn json_of(fields: &[(&str, &str)]) -> String {
    let mut body = serde_json::Map::new();
    fields.iter().for_each(|(name, text)| drop(body.insert((*name).to_owned(), json!(text))));
    body.insert("sign".to_owned(), json!(key().sign(SignType::HmacSha256, fields.iter().copied())));
    json!(body).to_string()
}

#[test]
fn rental_in_xml_is_rejected_unless_its_sign_and_its_seal_hold() {
    let sign_error = |rejection: &Rejection| match rejection.kind() {
        RejectionKind::Unverified { error: VerifyError::Sign(error), .. } => *error,
        kind => panic!("{kind:?}"),
    };
    let sealed = sealed_rental(RENTAL);
    let fields = rental("TRANSACTION.SUCCESS", &sealed);
    let signed = xml(&fields, Some(SignType::HmacSha256));
    // Unsigned, also with what lets a refund come unsigned.
    assert_eq!(sign_error(&rejected(&xml(&fields, None))), SignError::Missing);
    let empty = [&fields[..], &[("sign", ""), ("req_info", "")]].concat();
    assert_eq!(sign_error(&rejected(&xml(&empty, None))), SignError::Missing);
    // Any element that is changed after it was signed.
    for (old, new) in [
        ("TRANSACTION.SUCCESS", "CHECK.SUCCESS"),
        ("EV-2018022511223320873", "EV-2018022511223320874"),
        ("20180225112233", "20280225112233"),
        ("HMAC-SHA256", "MD5"),
        ("</xml>", "<new>1</new></xml>"),
    ] {
        assert_eq!(sign_error(&rejected(&signed.replacen(old, new, 2))), SignError::Mismatch, "{old}");
    }
    // Signed with another key, or of a merchant that the receiver does not know.
    let other = ApiV2Key::new("qazwsxedcrfvtgbyhnujmikolp111111").unwrap();
    let sign = other.sign(SignType::HmacSha256, fields.iter().copied());
    let forged = [&fields[..], &[("sign", sign.as_str())]].concat();
    assert_eq!(sign_error(&rejected(&xml(&forged, None))), SignError::Mismatch);
    let mut foreign = fields.clone();
    foreign[0].1 = "1900000009";
    let rejection = rejected(&xml(&foreign, Some(SignType::HmacSha256)));
    assert!(matches!(rejection.kind(), RejectionKind::UnknownMerchant(_)), "{rejection:#}");
    // A line break in the number is shown.
    let own = fields[0].1;
    let with_line_break = format!("{own}\n");
    foreign[0].1 = &with_line_break;
    let rejection = rejected(&xml(&foreign, Some(SignType::HmacSha256)));
    assert!(rejection.to_string().contains(&format!("merchant {with_line_break:?}, ")), "{rejection}");
    // Sealed with another APIv3 key, for another purpose, or not at all.
    let with_seal =
        |sealed: &str| rejected(&xml(&rental("TRANSACTION.SUCCESS", sealed), Some(SignType::HmacSha256)));
    let wrong_key = ApiV3Key::new(&"y".repeat(32)).unwrap();
    let wrong_key = wrong_key.seal(RENTAL_NONCE, "rent", RENTAL.as_bytes()).unwrap();
    let wrong_data = ApiV3Key::new(API_V3_KEY).unwrap().seal(RENTAL_NONCE, "", RENTAL.as_bytes()).unwrap();
    for wrong in [wrong_key.as_str(), &wrong_data, "AAAA", "***"] {
        let rejection = with_seal(wrong);
        assert!(matches!(rejection.kind(), RejectionKind::Sealed { .. }), "{rejection:#}");
    }
    // Another algorithm than the one that is known.
    let mut fields = rental("TRANSACTION.SUCCESS", &sealed);
    fields[5].1 = "SM4_GCM";
    let rejection = rejected(&xml(&fields, Some(SignType::HmacSha256)));
    assert!(matches!(rejection.kind(), RejectionKind::Algorithm(_)), "{rejection:#}");
    // What is sealed is no readable document.
    for plain in [
        "oSecret",
        "[]",
        "<html><b>oSecret</b></html>",
        "<xml><state>USER_PAID</state>",
        "<xml><state>USER_PAID</state><state>oSecret</state></xml>",
        r#"{"state":"USER_PAID","state":"oSecret"}"#,
        "<!DOCTYPE xml [<!ENTITY a \"oSecret\">]><xml><state>&a;</state></xml>",
    ] {
        let rejection = with_seal(&sealed_rental(plain));
        assert!(
            matches!(rejection.kind(), RejectionKind::Unverified { .. } | RejectionKind::Unreadable(_)),
            "{plain}: {rejection:#}"
        );
    }
}

/// Elements that a sealed event has make no sealed event of another message, and those of others no other event of it.
#[test]
fn other_messages_are_not_taken_for_rental_nor_rental_for_them() {
    let sealed = sealed_rental(RENTAL);
    let fields = rental("TRANSACTION.SUCCESS", &sealed);
    // A signed payment that has all elements of one stays a payment.
    let payment: Vec<_> =
        PAYMENT.iter().chain(fields.iter().filter(|(name, _)| *name != "mch_id")).copied().collect();
    let notification = received(&xml(&payment, Some(SignType::HmacSha256)));
    assert_eq!(
        (notification.event_type(), notification.id().starts_with("v2-")),
        ("transaction-success", true)
    );
    // A refund stays a refund, signed or not.
    let req_info = key().seal_req_info(b"<root><refund_id>1</refund_id></root>").unwrap();
    let refund = [&fields[..], &[("req_info", req_info.as_str())]].concat();
    for sign_type in [None, Some(SignType::Md5)] {
        let notification = received(&xml(&refund, sign_type));
        assert_eq!(notification.event_type(), "refund-processed");
        assert!(notification.id().starts_with("v2-") && notification.create_time().is_none());
    }
    // No signed element names an event whose messages are not sealed.
    for name in ["transaction-success", "refund-processed", "combined-transactions-success"] {
        for body in [xml(&rental(name, &sealed), Some(SignType::HmacSha256)), json_of(&rental(name, &sealed))]
        {
            let notification = received(&body);
            assert!(matches!(notification.event(), Event::V2(V2Event::Other)), "{name}: {notification:?}");
        }
    }
    // Without a ciphertext, or with one that is empty and so not signed, there is no sealed event.
    for left_out in ["event_type", "event_ciphertext"] {
        let without: Vec<_> = fields.iter().filter(|(name, _)| *name != left_out).copied().collect();
        for fields in [without.clone(), [&without[..], &[(left_out, "")]].concat()] {
            let notification = received(&xml(&fields, Some(SignType::HmacSha256)));
            assert!(
                matches!(notification.event(), Event::V2(V2Event::Other)),
                "{left_out}: {notification:?}"
            );
            assert!(notification.id().starts_with("v2-") && notification.create_time().is_none());
        }
    }
}

#[test]
fn xml_with_an_entity_a_document_type_or_another_root_is_not_read() {
    for body in [
        "<!DOCTYPE xml [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><xml><mch_id>&a;</mch_id></xml>",
        "<xml><mch_id>&a;</mch_id></xml>",
        "<html><body>502</body></html>",
        "<xml><mch_id>1900000001</mch_id><mch_id>1900000002</mch_id></xml>",
        "<xml><mch_id>19000",
        "<",
    ] {
        let rejection = rejected(body);
        assert!(
            matches!(rejection.kind(), RejectionKind::Unverified { error: VerifyError::Xml(_), .. }),
            "{body}: {rejection:#}"
        );
    }
}

#[test]
fn it_is_told_whose_key_is_missing() {
    let mut fields = PAYMENT;
    fields[1].1 = "1900000009";
    let unknown = rejected(&xml(&fields, Some(SignType::Md5)));
    assert!(unknown.to_string().contains("1900000009"), "{unknown}");
    let nameless = rejected(&xml(&[("out_trade_no", "1")], Some(SignType::Md5)));
    assert!(nameless.to_string().contains("mch_id"), "{nameless}");
    let only_v3 = weipay::ClientBuilder::default()
        .mchid(weipay::wire::MerchantId::new("1900000001").unwrap())
        .public_key(
            weipay::wire::PublicKeyId::new(crate::platform::PUBLIC_KEY_ID).unwrap(),
            crate::platform::PLATFORM.public_key(),
        )
        .api_v3_key(ApiV3Key::new(API_V3_KEY).unwrap());
    let receiver = Receiver::new().merchant(only_v3).unwrap();
    let body = xml(&PAYMENT, Some(SignType::Md5));
    let error = receiver.receive(&HeaderMap::new(), body.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("APIv2") && error.contains(".api_v2_key("), "{error}");
    // Of two merchants, the one that the message names.
    let other_key = ApiV2Key::new("qazwsxedcrfvtgbyhnujmikolp111111").unwrap();
    let other = settings().mchid(weipay::wire::MerchantId::new("1900000002").unwrap()).api_v2_key(other_key);
    let both = Receiver::new().merchant(other).unwrap().merchant(settings()).unwrap();
    let notification = both.receive(&HeaderMap::new(), body.as_bytes()).unwrap();
    assert_eq!(notification.mchid().unwrap().as_ref(), "1900000001");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_xml_ends_in_an_outcome(inside in "[<>/a-z&;!\\[\\]\"0-9 ]{0,80}", text in "\\PC{0,40}") {
        for body in [
            format!("<xml>{inside}</xml>"),
            format!("<xml><mch_id>1900000001</mch_id><req_info>{text}</req_info></xml>"),
            format!("{{\"event_ciphertext\":{text}}}"),
        ] {
            if let Err(rejection) = receiver().receive(&HeaderMap::new(), body.as_bytes()) {
                prop_assert!(rejection.response().status().as_u16() >= 400);
            }
        }
    }
}
