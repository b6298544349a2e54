//! APIv3: each kind of notification that is accepted or rejected.

use http::HeaderValue;
use proptest::prelude::*;
use serde_json::json;
use weipay::ClientBuilder;
use weipay::http::{self, HeaderMap};
use weipay::notification::{BodyMistake, Event, MAX_BODY, Notification, Receiver, Rejection, RejectionKind};
use weipay::wire::{ApiV3Key, MerchantId, PrivateKey, PublicKeyId, VerifyError};

use super::{API_V3_KEY, ID, NOW, envelope, paid, receiver, settings, signed, signed_by};
use crate::platform::{MERCHANT, PLATFORM, PUBLIC_KEY_ID};

fn rejected(headers: &HeaderMap, body: &[u8]) -> Rejection {
    let rejection = receiver().receive(headers, body).unwrap_err();
    let response = rejection.response();
    assert!(response.status().is_client_error() || response.status().is_server_error());
    let said: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(said["code"], "FAIL");
    for text in [format!("{rejection:#}"), said.to_string()] {
        assert!(!text.contains("oSecret") && !text.contains(API_V3_KEY), "{text}");
    }
    rejection
}

fn mistake_in(body: &[u8]) -> Option<BodyMistake> {
    match rejected(&signed(paid().as_bytes()), body).kind() {
        RejectionKind::Unverified { error: VerifyError::Mismatch { .. }, mistake } => *mistake,
        kind => panic!("{kind:?}"),
    }
}

/// Readers of JSON differ in which of two values counts.
#[test]
fn what_stands_twice_is_not_believed_although_it_is_signed() {
    let resource = r#"{"out_trade_no":"order-1","trade_state":"NOTPAY","trade_state":"SUCCESS"}"#;
    let inside = envelope(API_V3_KEY, "TRANSACTION.SUCCESS", "transaction", resource).to_string();
    let outside = paid().replacen('{', r#"{"event_type":"REFUND.SUCCESS","#, 1);
    for (body, name) in [(inside, "trade_state"), (outside, "event_type")] {
        let rejection = rejected(&signed(body.as_bytes()), body.as_bytes());
        let RejectionKind::Unreadable(error) = rejection.kind() else { panic!("{rejection:#}") };
        assert_eq!(error.path, name);
    }
}

#[test]
fn a_signed_notification_is_a_typed_event() {
    let body = paid();
    let verified = receiver().verify(&signed(body.as_bytes()), body.as_bytes()).unwrap();
    assert_eq!((verified.id(), verified.event_type()), (ID, "TRANSACTION.SUCCESS"));
    let notification = verified.open().unwrap();
    assert_eq!((notification.id(), notification.event_type()), (ID, "TRANSACTION.SUCCESS"));
    assert_eq!(notification.create_time().unwrap().unix_seconds(), Some(NOW));
    assert_eq!(
        (notification.summary(), notification.original_type()),
        (Some("支付成功"), Some("transaction"))
    );
    assert_eq!(notification.mchid().unwrap().as_ref(), "1900000001");
    assert_eq!((notification.request_id(), notification.decode_errors()), (None, &[][..]));
    let Event::TransactionSuccess(order) = notification.event() else { panic!("{notification:?}") };
    assert_eq!(order.out_trade_no.as_deref(), Some("order-1"));
    assert_eq!(order.amount.as_ref().unwrap().total, Some(100));
    assert_eq!(notification.json().unwrap()["payer"]["openid"], "oSecret");
    let shown = format!("{notification:?} {:?} {:?}", notification.event(), receiver());
    assert!(
        !shown.contains("oSecret") && !shown.contains("order-1") && !shown.contains(API_V3_KEY),
        "{shown}"
    );
    assert_eq!(notification.success().status(), 204);
    assert_eq!(notification.failure("later").status(), 500);
}

#[test]
fn a_request_of_the_http_crate_is_received_as_it_is() {
    let body = paid();
    let mut request = http::Request::new(weipay::bytes::Bytes::from(body.clone()));
    *request.headers_mut() = signed(body.as_bytes());
    request.headers_mut().insert("Request-ID", HeaderValue::from_static("08F78BB5AF0610D302"));
    request
        .headers_mut()
        .insert("Wechatpay-Signature-Type", HeaderValue::from_static("WECHATPAY2-SHA256-RSA2048"));
    let notification = receiver().receive_request(&request).unwrap();
    assert_eq!(notification.request_id(), Some("08F78BB5AF0610D302"));
}

/// `AeadAesCipherTest` of the official Java SDK.
#[test]
fn the_official_sealed_text_opens_and_an_unknown_event_is_not_an_error() {
    let body = json!({
        "id": ID,
        "event_type": "SOMETHING.NEW",
        "resource": {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": "uluk4a9R25RW",
            "associated_data": "associatedData",
            "ciphertext": "ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI=",
        },
    })
    .to_string();
    let notification = receiver().receive(&signed(body.as_bytes()), body.as_bytes()).unwrap();
    assert!(matches!(notification.event(), Event::Other));
    assert_eq!(notification.resource(), b"message");
    assert_eq!((notification.create_time(), notification.summary()), (None, None));
}

#[test]
fn a_known_event_whose_resource_is_no_object_is_rejected() {
    for resource in ["message", "[]", "\"text\"", "1", "", " ", "\u{feff}"] {
        let body = envelope(API_V3_KEY, "REFUND.SUCCESS", "refund", resource).to_string();
        let rejection = rejected(&signed(body.as_bytes()), body.as_bytes());
        assert!(matches!(rejection.kind(), RejectionKind::Unreadable(_)), "{resource:?}: {rejection}");
    }
}

#[test]
fn associated_data_may_be_absent() {
    let mut body = envelope(API_V3_KEY, "REFUND.SUCCESS", "", r#"{"out_refund_no":"r"}"#);
    body["resource"].as_object_mut().unwrap().remove("associated_data");
    let body = body.to_string();
    let notification = receiver().receive(&signed(body.as_bytes()), body.as_bytes()).unwrap();
    let Event::RefundSuccess(refund) = notification.into_event() else { panic!() };
    assert_eq!(refund.out_refund_no.as_deref(), Some("r"));
}

#[test]
fn a_probe_is_an_outcome_of_its_own_and_never_a_success() {
    let body = paid();
    let mut headers = signed(body.as_bytes());
    headers.insert("Wechatpay-Signature", HeaderValue::from_static("WECHATPAY/SIGNTEST/2sWfO+6tVVsZonOX"));
    let rejection = rejected(&headers, body.as_bytes());
    assert!(rejection.is_probe() && matches!(rejection.kind(), RejectionKind::Probe));
    assert_eq!(rejection.status(), 401);
    assert!(rejected(&headers, b"").is_probe(), "whatever the body is");
}

#[test]
fn a_missing_or_wrong_header_is_named() {
    let body = paid();
    for name in ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"] {
        let mut headers = signed(body.as_bytes());
        headers.remove(name);
        let missing = rejected(&headers, body.as_bytes());
        let RejectionKind::Unverified { error: VerifyError::Missing(known), .. } = missing.kind() else {
            panic!("{missing}")
        };
        assert_eq!(*known, name);
        for wrong in ["", "x", "9223372036854775807", "-9223372036854775808", "\u{e9}"] {
            headers.insert(name, HeaderValue::from_bytes(wrong.as_bytes()).unwrap());
            let wrong = rejected(&headers, body.as_bytes());
            assert!(matches!(wrong.kind(), RejectionKind::Unverified { .. }), "{wrong}");
        }
    }
    let nothing = rejected(&HeaderMap::new(), body.as_bytes());
    assert!(matches!(nothing.kind(), RejectionKind::NotANotification(_)), "{nothing}");
}

#[test]
fn a_clock_window_of_five_minutes_holds_both_ways() {
    let body = paid();
    for (difference, fresh) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
        let headers = signed_by(&PLATFORM, PUBLIC_KEY_ID, NOW + difference, body.as_bytes());
        let received = receiver().receive(&headers, body.as_bytes());
        assert_eq!(received.is_ok(), fresh, "{difference}");
        if let Err(stale) = received {
            assert!(format!("{stale:#}").contains("NTP"), "{stale:#}");
        }
    }
}

#[test]
fn a_key_that_is_not_configured_is_told_with_those_that_are() {
    let body = paid();
    let headers = signed_by(&PLATFORM, "PUB_KEY_ID_0000000000000000", NOW, body.as_bytes());
    let unknown = rejected(&headers, body.as_bytes());
    let said = format!("{unknown:#}");
    assert!(said.contains("PUB_KEY_ID_0000000000000000") && said.contains(PUBLIC_KEY_ID), "{said}");
    // It is in no list of certificates.
    assert!(said.contains("with this ID") && !said.contains("download the platform certificates"), "{said}");
}

#[test]
fn the_body_of_another_notification_is_a_wrong_signature() {
    let other = paid().replace("2026-08-15T12:00:00", "2026-08-15T12:00:01");
    assert_eq!(mistake_in(other.as_bytes()), None);
    let forged = signed_by(&MERCHANT, PUBLIC_KEY_ID, NOW, paid().as_bytes());
    assert_eq!(rejected(&forged, paid().as_bytes()).status(), 401);
}

#[test]
fn what_was_done_to_a_body_on_its_way_is_named() {
    let parsed: serde_json::Value = serde_json::from_str(&paid()).unwrap();
    assert_eq!(mistake_in(b""), Some(BodyMistake::AlreadyRead));
    assert_eq!(mistake_in(b"{}"), Some(BodyMistake::Parsed));
    let pretty = serde_json::to_string_pretty(&parsed).unwrap();
    assert_eq!(mistake_in(pretty.as_bytes()), Some(BodyMistake::Spaced));
    let quoted = json!(paid()).to_string();
    assert_eq!(mistake_in(quoted.as_bytes()), Some(BodyMistake::Quoted));
    let sorted: std::collections::BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&paid()).unwrap();
    assert_eq!(mistake_in(serde_json::to_string(&sorted).unwrap().as_bytes()), Some(BodyMistake::Reordered));
    let said = rejected(&signed(paid().as_bytes()), b"").to_string();
    assert!(said.contains("raw bytes") && said.contains("middleware"), "{said}");
}

#[test]
fn the_ciphertext_of_another_merchant_does_not_open() {
    let body = envelope("0123456789abcdef0123456789abcdef", "REFUND.SUCCESS", "refund", "{}").to_string();
    let sealed = rejected(&signed(body.as_bytes()), body.as_bytes());
    assert!(matches!(sealed.kind(), RejectionKind::Sealed { keys: 1, .. }), "{sealed}");
    assert!(format!("{sealed:#}").contains("APIv3密钥"), "{sealed:#}");
}

#[test]
fn an_envelope_that_lacks_something_is_never_taken_for_its_content() {
    for member in ["id", "event_type", "resource"] {
        let mut body: serde_json::Value = serde_json::from_str(&paid()).unwrap();
        body.as_object_mut().unwrap().remove(member);
        let body = body.to_string();
        let incomplete = rejected(&signed(body.as_bytes()), body.as_bytes());
        assert!(incomplete.to_string().contains(member), "{incomplete}");
    }
    for member in ["nonce", "ciphertext"] {
        let mut body: serde_json::Value = serde_json::from_str(&paid()).unwrap();
        body["resource"].as_object_mut().unwrap().remove(member);
        let body = body.to_string();
        let incomplete = rejected(&signed(body.as_bytes()), body.as_bytes());
        assert!(incomplete.to_string().contains(member), "{incomplete}");
    }
    let other = paid().replace("AEAD_AES_256_GCM", "AEAD_SM4_CCM");
    let algorithm = rejected(&signed(other.as_bytes()), other.as_bytes());
    assert!(algorithm.to_string().contains("AEAD_SM4_CCM"), "{algorithm}");
    for body in ["[]", "null", "text", "\u{0}"] {
        let unreadable = rejected(&signed(body.as_bytes()), body.as_bytes());
        assert!(matches!(unreadable.kind(), RejectionKind::Unreadable(_)), "{unreadable}");
    }
}

#[test]
fn the_size_of_a_body_is_bounded() {
    let mut large = envelope(API_V3_KEY, "REFUND.SUCCESS", "refund", r#"{"out_refund_no":"r"}"#);
    large["padding"] = json!("x".repeat(MAX_BODY - large.to_string().len() - r#","padding":"""#.len()));
    let mut body = large.to_string();
    assert_eq!(body.len(), MAX_BODY);
    assert!(receiver().receive(&signed(body.as_bytes()), body.as_bytes()).is_ok());
    body.push(' ');
    let large = rejected(&signed(body.as_bytes()), body.as_bytes());
    assert!(matches!(large.kind(), RejectionKind::TooLarge { .. }), "{large}");
    assert_eq!(large.status(), 413);
}

fn other_merchant(mchid: &str, id: &str, key: &PrivateKey, api_v3_key: &str) -> ClientBuilder {
    ClientBuilder::default()
        .mchid(MerchantId::new(mchid).unwrap())
        .public_key(PublicKeyId::new(id).unwrap(), key.public_key())
        .api_v3_key(ApiV3Key::new(api_v3_key).unwrap())
        .clock(|| NOW)
}

fn mchid(notification: &Notification) -> Option<&str> {
    notification.mchid().map(AsRef::as_ref)
}

#[test]
fn several_merchants_share_a_route() {
    let second_key = "0123456789abcdef0123456789abcdef";
    let (same, mine) = (PrivateKey::generate().unwrap(), "PUB_KEY_ID_0119000000032026");
    let receiver = receiver()
        .merchant(other_merchant("1900000002", PUBLIC_KEY_ID, &PLATFORM, second_key))
        .unwrap()
        .merge(&Receiver::new().merchant(other_merchant("1900000003", mine, &same, API_V3_KEY)).unwrap());
    // One key of the platform for both: the APIv3 key that opens it tells whose it is.
    for (key, wanted) in [(API_V3_KEY, "1900000001"), (second_key, "1900000002")] {
        let body = envelope(key, "REFUND.SUCCESS", "refund", "{}").to_string();
        let notification = receiver.receive(&signed(body.as_bytes()), body.as_bytes()).unwrap();
        assert_eq!(mchid(&notification), Some(wanted));
    }
    // A key for each: the signature tells. What was sealed for another does not open.
    for (key, wanted) in [(API_V3_KEY, Some("1900000003")), (second_key, None)] {
        let body = envelope(key, "REFUND.SUCCESS", "refund", "{}").to_string();
        let headers = signed_by(&same, mine, NOW, body.as_bytes());
        let received = receiver.receive(&headers, body.as_bytes());
        assert_eq!(received.as_ref().ok().and_then(mchid), wanted);
    }
    // A wrong key under a known serial.
    let body = paid();
    let headers = signed_by(&same, PUBLIC_KEY_ID, NOW, body.as_bytes());
    assert_eq!(receiver.receive(&headers, body.as_bytes()).unwrap_err().status(), 401);
}

#[test]
fn whose_it_is_is_not_guessed_where_merchants_chose_the_same_key() {
    let receiver =
        receiver().merchant(other_merchant("1900000002", PUBLIC_KEY_ID, &PLATFORM, API_V3_KEY)).unwrap();
    let body = paid();
    let notification = receiver.receive(&signed(body.as_bytes()), body.as_bytes()).unwrap();
    assert_eq!(mchid(&notification), None);
}

/// Merchants of one owner may have one APIv3 key, one address and the same numbers of orders.
#[test]
fn what_names_another_merchant_is_not_given_out_as_the_receivers() {
    let (own, other) = ("1900000001", "1900000002");
    let share = r#""transaction_id":"1","order_id":"2","out_order_no":"3","receiver":{},"success_time":"4""#;
    for (event, original, resource, is_accepted) in [
        ("TRANSACTION.SUCCESS", "transaction", r#"{"mchid":"OWN"}"#, true),
        ("TRANSACTION.SUCCESS", "transaction", r#"{"mchid":"OTHER"}"#, false),
        ("TRANSACTION.SUCCESS", "transaction", r#"{"sp_mchid":"OWN","sub_mchid":"OTHER"}"#, true),
        ("TRANSACTION.SUCCESS", "transaction", r#"{"sp_mchid":"OTHER","sub_mchid":"OWN"}"#, false),
        (
            "TRANSACTION.SUCCESS",
            "transaction",
            r#"{"combine_mchid":"OTHER","sub_orders":[{"mchid":"OWN"}]}"#,
            false,
        ),
        ("TRANSACTION.SUCCESS", "transaction", r#"{"mchid":"","sp_mchid":null}"#, true),
        ("TRANSACTION.FAIL", "transaction", r#"{"sp_mchid":"OWN","sub_mchid":"7","mchid":"7"}"#, true),
        ("REFUND.SUCCESS", "refund", r#"{"mchid":"OTHER"}"#, false),
        ("MCHTRANSFER.BILL.FINISHED", "mch_payment", r#"{"mch_id":"OTHER","out_bill_no":"B"}"#, false),
        // It is told to all who take part.
        ("TRANSACTION.SUCCESS", "profitsharing", &format!(r#"{{"mchid":"OTHER",{share}}}"#), true),
        ("COUPON.USE", "coupon", r#"{"stock_creator_mchid":"OTHER"}"#, true),
        ("NEW.EVENT", "new", r#"{"mchid":"OTHER"}"#, true),
    ] {
        let resource = resource.replace("OWN", own).replace("OTHER", other);
        let body = envelope(API_V3_KEY, event, original, &resource).to_string();
        match receiver().receive(&signed(body.as_bytes()), body.as_bytes()) {
            Ok(notification) => {
                assert!(is_accepted, "{event} {resource}");
                assert_eq!(mchid(&notification), Some(own));
            }
            Err(rejection) => {
                assert!(!is_accepted, "{event} {resource}: {rejection:#}");
                assert!(matches!(rejection.kind(), RejectionKind::UnknownMerchant(named) if named == other));
                assert!(rejection.to_string().contains(other) && rejection.status() == 401, "{rejection}");
            }
        }
    }
}

#[test]
fn of_merchants_with_the_same_key_the_resource_names_the_one_whom_it_is_for() {
    let receiver =
        receiver().merchant(other_merchant("1900000002", PUBLIC_KEY_ID, &PLATFORM, API_V3_KEY)).unwrap();
    for (resource, wanted) in [
        (r#"{"mchid":"1900000001"}"#, Some("1900000001")),
        (r#"{"mchid":"1900000002"}"#, Some("1900000002")),
        (r#"{"sp_mchid":"1900000002","sub_mchid":"1900000001"}"#, Some("1900000002")),
        (r#"{"sp_mchid":"1900000002","mchid":"1900000001"}"#, None),
        ("{}", None),
    ] {
        let body = envelope(API_V3_KEY, "REFUND.SUCCESS", "refund", resource).to_string();
        let notification = receiver.receive(&signed(body.as_bytes()), body.as_bytes()).unwrap();
        assert_eq!(mchid(&notification), wanted, "{resource}");
    }
    for (number, shown) in [("1900000003", r#""1900000003""#), (r"1900000001\n", r#""1900000001\n""#)] {
        let resource = format!(r#"{{"mchid":"{number}"}}"#);
        let body = envelope(API_V3_KEY, "REFUND.SUCCESS", "refund", &resource).to_string();
        let rejection = receiver.receive(&signed(body.as_bytes()), body.as_bytes()).unwrap_err();
        assert!(matches!(rejection.kind(), RejectionKind::UnknownMerchant(_)), "{rejection}");
        assert!(rejection.to_string().contains(shown), "{rejection}");
    }
}

#[test]
fn a_receiver_says_which_keys_it_lacks() {
    let error = Receiver::new().merchant(ClientBuilder::default()).unwrap_err().to_string();
    for missing in [".mchid(...)", ".api_v3_key(...)"] {
        assert!(error.contains(missing), "{error}");
    }
    let own = settings().merchant_key(PLATFORM.clone());
    let error = Receiver::new().merchant(own).unwrap_err().to_string();
    assert!(error.contains("merchant's own key"), "{error}");
    let body = paid();
    let headers = signed_by(&PLATFORM, PUBLIC_KEY_ID, crate::platform::now(), body.as_bytes());
    let nobody = Receiver::new().receive(&headers, body.as_bytes()).unwrap_err();
    assert!(format!("{nobody:#}").contains("no platform key is configured"), "{nobody:#}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Also with a right signature.
    #[test]
    fn any_bytes_end_in_an_outcome(body: Vec<u8>, headers: [Vec<u8>; 4], is_signed: bool) {
        let mut map = HeaderMap::new();
        let names = ["wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature", "wechatpay-serial"];
        for (name, value) in names.into_iter().zip(&headers) {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                map.insert(name, value);
            }
        }
        if is_signed {
            map = signed(&body);
        }
        if let Err(rejection) = receiver().receive(&map, &body) {
            prop_assert!(rejection.response().status().as_u16() >= 400);
        }
    }

    #[test]
    fn any_envelope_ends_in_an_outcome(member in "[a-z_]{1,12}", value in "\\PC{0,40}", resource in "\\PC{0,60}") {
        let mut body = envelope(API_V3_KEY, "TRANSACTION.SUCCESS", "transaction", &resource);
        body[&member] = json!(value);
        body["resource"][&member] = json!(value);
        let body = body.to_string();
        let _outcome = receiver().receive(&signed(body.as_bytes()), body.as_bytes());
    }
}
