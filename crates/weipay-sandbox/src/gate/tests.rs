use std::sync::LazyLock;

use http::{HeaderName, HeaderValue};
use weipay_wire::PrivateKey;

use super::*;

const NOW: i64 = 1_786_766_400;
const MCHID: &str = "1900000109";
const SERIAL: &str = "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB";
const TARGET: &str = "/v3/marketing/busifavor/stocks/1?a=%7C|";

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

fn merchant() -> Merchant {
    Merchant {
        mchid: MCHID.to_owned(),
        serial: SERIAL.to_owned(),
        key: KEY.public_key(),
        not_after: NOW + 1000,
    }
}

fn signed(target: &str) -> (Incoming, Authorization) {
    let body = b"{\"a\":1}".to_vec();
    let signature = KEY.sign(&request_message("GET", target, NOW, "nonce", &body)).unwrap();
    let authorization = Authorization {
        mchid: MCHID.to_owned(),
        serial_no: SERIAL.to_owned(),
        timestamp: NOW,
        nonce_str: "nonce".to_owned(),
        signature,
    };
    let mut incoming =
        Incoming { method: "GET".to_owned(), target: target.to_owned(), body, ..Incoming::default() };
    set(&mut incoming, "user-agent", "test");
    set(&mut incoming, "accept", "*/*");
    set(&mut incoming, "authorization", &authorization.to_string());
    (incoming, authorization)
}

fn set(incoming: &mut Incoming, name: &'static str, value: &str) {
    incoming.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
}

fn turned_away(incoming: &Incoming) -> (u16, Option<Refusal>, bool) {
    match admit(incoming, &merchant(), None, NOW).unwrap_err() {
        TurnedAway::Unrouted { status, .. } => (status, None, false),
        TurnedAway::Refused { refusal, has_request_id } => (refusal.status, Some(refusal), has_request_id),
    }
}

fn text(incoming: &Incoming) -> String {
    let (_, refusal, _) = turned_away(incoming);
    String::from_utf8(refusal.unwrap().body()).unwrap()
}

/// The same request with another `Authorization` that is otherwise in order.
fn with(change: impl FnOnce(&mut Authorization)) -> Incoming {
    let (mut incoming, mut authorization) = signed(TARGET);
    change(&mut authorization);
    set(&mut incoming, "authorization", &authorization.to_string());
    incoming
}

#[test]
fn a_signed_request_enters_in_whatever_order_its_parameters_stand() {
    let (mut incoming, authorization) = signed(TARGET);
    assert_eq!(admit(&incoming, &merchant(), None, NOW).unwrap().mchid, MCHID);
    let Authorization { signature, .. } = authorization;
    set(
        &mut incoming,
        "authorization",
        &format!(
            r#"WECHATPAY2-SHA256-RSA2048 signature="{signature}",nonce_str="nonce",timestamp="{NOW}",serial_no="{SERIAL}",mchid="{MCHID}""#
        ),
    );
    assert!(admit(&incoming, &merchant(), None, NOW).is_ok());
}

#[test]
fn an_unknown_path_is_404_and_a_wrong_method_405_before_anything_else() {
    let unknown =
        Incoming { method: "GET".to_owned(), target: "/v3/nowhere".to_owned(), ..Incoming::default() };
    assert_eq!(turned_away(&unknown), (404, None, false));
    let method = Incoming { method: "DELETE".to_owned(), target: TARGET.to_owned(), ..Incoming::default() };
    assert_eq!(turned_away(&method), (405, None, false));
}

#[test]
fn a_path_whose_last_slash_is_wrong_is_unknown_and_the_reason_names_the_right_one() {
    let reason = |method: &str, path: &str| match route(method, path).unwrap_err() {
        TurnedAway::Unrouted { status: 404, reason } => reason,
        other => panic!("{path}: {other:?}"),
    };
    for path in ["/v3/applyment4sub/applyment", "/v3/ecommerce/applyments"] {
        assert_eq!(reason("POST", path), format!("the path ends in a slash: {path}/"));
        assert_eq!(
            format!("/{}", route("POST", &format!("{path}/")).unwrap().operation.path),
            format!("{path}/")
        );
    }
    assert_eq!(
        reason("POST", "/v3/refund/domestic/refunds/"),
        "the path does not end in a slash: /v3/refund/domestic/refunds"
    );
    assert_eq!(reason("GET", "/v3/nowhere/"), "no operation of the catalogue has this path");
}

#[test]
fn a_path_of_apiv2_is_said_to_be_one() {
    for path in ["/pay/orderquery", "/secapi/pay/refund", "/v2/pay/orderquery"] {
        let TurnedAway::Unrouted { status, reason } = route("POST", path).unwrap_err() else {
            panic!("{path}")
        };
        assert_eq!((status, &*reason), (404, "the sandbox does not serve APIv2"), "{path}");
    }
}

#[test]
fn a_client_must_name_itself_before_it_is_authenticated() {
    for missing in ["user-agent", "accept"] {
        let (mut incoming, _) = signed(TARGET);
        incoming.headers.remove(missing);
        incoming.headers.remove("authorization");
        assert_eq!(text(&incoming), r#"{"code":"INVALID_REQUEST","message":"Http头缺少Accept或User-Agent"}"#);
        assert_eq!(turned_away(&incoming).0, 400);
    }
}

#[test]
fn an_authorization_that_is_missing_foreign_or_incomplete_is_told_apart() {
    let (mut incoming, _) = signed(TARGET);
    for (value, message) in [
        ("", "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"),
        ("Bearer x", "Http头Authorization认证类型不正确"),
        ("WECHATPAY2-SHA256-RSA2048 test", "Authorization不合法"),
    ] {
        set(&mut incoming, "authorization", value);
        assert_eq!(text(&incoming), format!(r#"{{"code":"SIGN_ERROR","message":"{message}"}}"#));
        let (status, _, has_request_id) = turned_away(&incoming);
        assert_eq!((status, has_request_id), (401, true));
    }
    incoming.headers.remove("authorization");
    assert!(text(&incoming).contains("Http头Authorization值格式错误"));
}

#[test]
fn the_window_of_five_minutes_is_checked_before_the_signature() {
    for timestamp in [NOW - 301, NOW + 301, 1_554_208_460, i64::MAX] {
        let incoming = with(|authorization| {
            authorization.timestamp = timestamp;
            authorization.signature = "ZmFrZQ==".to_owned();
        });
        assert_eq!(
            text(&incoming),
            r#"{"code":"SIGN_ERROR","message":"Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"}"#
        );
    }
}

#[test]
fn an_unknown_merchant_gets_the_short_form() {
    let incoming = with(|authorization| authorization.mchid = "1900000999".to_owned());
    assert_eq!(text(&incoming), r#"{"code":"SIGN_ERROR","message":"签名错误"}"#);
}

#[test]
fn an_unknown_serial_of_a_known_merchant_is_named() {
    let incoming = with(|authorization| authorization.serial_no = "0".repeat(40));
    assert_eq!(
        text(&incoming),
        r#"{"code":"SIGN_ERROR","message":"商户证书序列号有误。请使用签名私钥匹配的证书序列号"}"#
    );
}

#[test]
fn a_serial_is_a_number_however_it_is_written() {
    for same in [SERIAL.to_lowercase(), format!("00{SERIAL}")] {
        let incoming = with(|authorization| authorization.serial_no = same.clone());
        assert!(admit(&incoming, &merchant(), None, NOW).is_ok(), "{same}");
    }
}

#[test]
fn a_replayed_request_enters_unless_the_gate_is_told_to_remember() {
    let (incoming, _) = signed(TARGET);
    for _ in 0..2 {
        assert!(admit(&incoming, &merchant(), None, NOW).is_ok());
    }
    let replays = Replays::default();
    assert!(admit(&incoming, &merchant(), Some(&replays), NOW).is_ok());
    let away = admit(&incoming, &merchant(), Some(&replays), NOW).unwrap_err();
    assert!(matches!(away, TurnedAway::Refused { refusal, .. } if refusal.code == "SIGN_ERROR"));
    assert!(admit(&signed("/v3/marketing/busifavor/stocks/2").0, &merchant(), Some(&replays), NOW).is_ok());
}

#[test]
fn an_expired_certificate_is_refused() {
    let expired = Merchant { not_after: NOW - 1, ..merchant() };
    let TurnedAway::Refused { refusal, .. } = admit(&signed(TARGET).0, &expired, None, NOW).unwrap_err()
    else {
        panic!("it was routed");
    };
    assert_eq!(refusal.message, "商户证书已过期。");
}

#[test]
fn a_wrong_signature_is_answered_with_what_should_have_been_signed() {
    let forged = with(|authorization| authorization.signature = "ZmFrZQ==".to_owned());
    let length = request_message("GET", TARGET, NOW, "nonce", &forged.body).len();
    assert_eq!(
        text(&forged),
        format!(
            r#"{{"code":"SIGN_ERROR","detail":{{"detail":{{"issue":"sign not match"}},"field":"signature","location":"authorization","sign_information":{{"method":"GET","sign_message_length":{length},"truncated_sign_message":"GET\n{TARGET}\n{NOW}\nnonce\n{{\"a\":1}}\n","url":"{TARGET}"}}}},"message":"签名错误"}}"#
        )
    );
}

#[test]
fn every_byte_of_target_and_body_is_signed() {
    let changes: [fn(&mut Incoming); 4] = [
        |incoming| incoming.target = incoming.target.replace("%7C|", "|%7C"),
        |incoming| incoming.target = incoming.target.replace("%7C", "%7c"),
        |incoming| incoming.body.push(b'\n'),
        |incoming| incoming.body[2] ^= 1,
    ];
    for change in changes {
        let (mut incoming, _) = signed(TARGET);
        change(&mut incoming);
        assert_eq!(turned_away(&incoming).0, 401);
    }
}
