use std::sync::LazyLock;

use http::{HeaderName, HeaderValue};
use weipay_wire::{ApiV2Key, ApiV3Key, PrivateKey};

use super::*;
use crate::clock::{ClockControl, ClockMode};
use crate::merchants::Account;
use crate::response::{Signers, SigningKey};

const NOW: i64 = 1_786_766_400;
const MCHID: &str = "1900000109";
const OTHER_MCHID: &str = "1900000110";
const SERIAL: &str = "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB";
const TARGET: &str = "/v3/marketing/busifavor/stocks/1?a=%7C|";

static OTHER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

static MERCHANTS: LazyLock<Merchants> =
    LazyLock::new(|| Merchants::new(vec![merchant(MCHID, &KEY), merchant(OTHER_MCHID, &OTHER_KEY)]));

fn clock() -> ClockControl {
    ClockControl::new(ClockMode::Frozen { at: NOW })
}

/// No other node has changed a merchant.
fn unchanged(_: &str) -> bool {
    false
}

fn merchant(mchid: &str, key: &PrivateKey) -> Merchant {
    let account = Account { mchid: mchid.to_owned(), appids: Vec::new(), sub_merchants: Vec::new() };
    let signer =
        Arc::new(SigningKey { serial: "PUB_KEY_ID_01".to_owned(), key: PrivateKey::generate().unwrap() });
    Merchant {
        account,
        serial: SERIAL.to_owned(),
        key: key.public_key(),
        not_before: NOW - 1000,
        not_after: NOW + 1000,
        certificate: CertificateState::Valid,
        api_v3_key: ApiV3Key::new(&"0".repeat(32)).unwrap(),
        api_v2_key: ApiV2Key::new(&"1".repeat(32)).unwrap(),
        signers: Signers {
            usual: Arc::clone(&signer),
            public_keys: vec![signer],
            certificates: Vec::new(),
            notifying: None,
        },
        certificates: Vec::new(),
    }
}

fn signed(target: &str) -> (Request, Authorization) {
    let body = b"{\"a\":1}".to_vec();
    let signature = KEY.sign(&request_message("GET", target, NOW, "nonce", &body)).unwrap();
    let authorization = Authorization {
        scheme: weipay_wire::Scheme::default(),
        mchid: MCHID.to_owned(),
        serial_no: SERIAL.to_owned(),
        timestamp: NOW,
        nonce_str: "nonce".to_owned(),
        signature,
    };
    let mut request =
        Request { method: "GET".to_owned(), target: target.to_owned(), body, ..Request::default() };
    set(&mut request, "user-agent", "test");
    set(&mut request, "accept", "*/*");
    set(&mut request, "authorization", &authorization.to_string());
    (request, authorization)
}

fn set(request: &mut Request, name: &'static str, value: &str) {
    request.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
}

fn rejection(request: &Request) -> (u16, Option<Refusal>, bool) {
    match authenticate(request, &MERCHANTS, None, &clock(), unchanged).unwrap_err() {
        Rejection::Unrouted { status, .. } => (status, None, false),
        Rejection::Refused { refusal, has_request_id } => (refusal.status, Some(refusal), has_request_id),
    }
}

fn text(request: &Request) -> String {
    let (_, refusal, _) = rejection(request);
    String::from_utf8(refusal.unwrap().to_json()).unwrap()
}

/// The same request with another `Authorization` that is otherwise in order.
fn with(change: impl FnOnce(&mut Authorization)) -> Request {
    let (mut request, mut authorization) = signed(TARGET);
    change(&mut authorization);
    set(&mut request, "authorization", &authorization.to_string());
    request
}

#[test]
fn a_signed_request_enters_in_whatever_order_its_parameters_stand() {
    let (mut request, authorization) = signed(TARGET);
    assert_eq!(
        authenticate(&request, &MERCHANTS, None, &clock(), unchanged).unwrap().merchant.account.mchid,
        MCHID
    );
    let Authorization { signature, .. } = authorization;
    set(
        &mut request,
        "authorization",
        &format!(
            r#"WECHATPAY2-SHA256-RSA2048 signature="{signature}",nonce_str="nonce",timestamp="{NOW}",serial_no="{SERIAL}",mchid="{MCHID}""#
        ),
    );
    assert!(authenticate(&request, &MERCHANTS, None, &clock(), unchanged).is_ok());
}

#[test]
fn an_unknown_path_is_404_and_a_wrong_method_405_before_anything_else() {
    let unknown =
        Request { method: "GET".to_owned(), target: "/v3/nowhere".to_owned(), ..Request::default() };
    assert_eq!(rejection(&unknown), (404, None, false));
    let method = Request { method: "DELETE".to_owned(), target: TARGET.to_owned(), ..Request::default() };
    assert_eq!(rejection(&method), (405, None, false));
}

#[test]
fn a_path_with_a_wrong_last_slash_is_unknown() {
    let reason = |method: &str, path: &str| match route(method, path).unwrap_err() {
        Rejection::Unrouted { status: 404, reason } => reason,
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
fn a_path_of_apiv2_that_is_not_served_is_said_to_be_one() {
    for (path, text) in [
        ("/papay/entrustweb", "a page for a browser or an upload"),
        ("/secapi/mch/uploadmedia", "a page for a browser or an upload"),
        ("/v2/pay/orderquery", "have no /v2 in front"),
    ] {
        let Rejection::Unrouted { status, reason } = route("POST", path).unwrap_err() else {
            panic!("{path}")
        };
        assert!(status == 404 && reason.contains(text), "{path}: {reason}");
    }
}

#[test]
fn a_client_must_name_itself_before_it_is_authenticated() {
    for missing in ["user-agent", "accept"] {
        let (mut request, _) = signed(TARGET);
        request.headers.remove(missing);
        request.headers.remove("authorization");
        assert_eq!(text(&request), r#"{"code":"INVALID_REQUEST","message":"Http头缺少Accept或User-Agent"}"#);
        assert_eq!(rejection(&request).0, 400);
    }
}

#[test]
fn an_authorization_that_is_missing_foreign_or_incomplete_is_told_apart() {
    let (mut request, _) = signed(TARGET);
    for (value, message) in [
        ("", "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"),
        ("Bearer x", "Http头Authorization认证类型不正确"),
        ("WECHATPAY2-SHA256-RSA2048 test", "Authorization不合法"),
    ] {
        set(&mut request, "authorization", value);
        assert_eq!(text(&request), format!(r#"{{"code":"SIGN_ERROR","message":"{message}"}}"#));
        let (status, _, has_request_id) = rejection(&request);
        assert_eq!((status, has_request_id), (401, true));
    }
    request.headers.remove("authorization");
    assert!(text(&request).contains("Http头Authorization值格式错误"));
    let (_, refusal, _) = rejection(&request);
    assert!(refusal.unwrap().reason.unwrap().contains("has no Authorization header"));
}

#[test]
fn the_window_of_five_minutes_is_checked_before_the_signature() {
    for timestamp in [NOW - 301, NOW + 301, 1_554_208_460, i64::MAX] {
        let request = with(|authorization| {
            authorization.timestamp = timestamp;
            authorization.signature = "ZmFrZQ==".to_owned();
        });
        assert_eq!(
            text(&request),
            r#"{"code":"SIGN_ERROR","message":"Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"}"#
        );
    }
}

#[test]
fn a_wrong_clock_is_measured_from_the_nearer_of_both() {
    const HOUR: i64 = 3_600;
    for (signed, clocks, told) in [
        (1_000_000, [1_000_900, 1_000_900], "the client's clock is 900 seconds behind it"),
        (1_001_800, [1_000_900, 1_000_900], "the client's clock is 900 seconds ahead of it"),
        (2_000_400, [1_000_000, 2_000_000], "400 seconds ahead of this machine's"),
        (1_999_600, [1_000_000, 2_000_000], "400 seconds behind this machine's"),
        (1_000_400, [1_000_000, 2_000_000], "400 seconds ahead of the sandbox's"),
        (2_000_000 - 8 * HOUR, [1_000_000, 2_000_000], "is local time used as Unix time?"),
    ] {
        let reason = stale(signed, clocks);
        assert!(reason.contains(told), "{reason}");
    }
}

#[test]
fn a_scheme_that_does_not_fit_the_key_is_refused() {
    let (mut request, authorization) = signed(TARGET);
    let sm = authorization.to_string().replace("WECHATPAY2-SHA256-RSA2048", "WECHATPAY2-SM2-WITH-SM3");
    set(&mut request, "authorization", &sm);
    assert_eq!(text(&request), r#"{"code":"SIGN_ERROR","message":"Http头Authorization认证类型不正确"}"#);
}

#[test]
fn the_scheme_of_a_brand_is_told_by_its_name() {
    let (mut request, authorization) = signed(TARGET);
    let brand =
        authorization.to_string().replace("WECHATPAY2-SHA256-RSA2048", "WECHATPAY-BRAND-SHA256-RSA2048");
    set(&mut request, "authorization", &brand.replace("mchid=", "brand_id="));
    assert_eq!(text(&request), r#"{"code":"SIGN_ERROR","message":"Http头Authorization认证类型不正确"}"#);
    let Err(Rejection::Refused { refusal, .. }) = super::authorization(&request) else { panic!() };
    assert!(refusal.reason.is_some_and(|reason| reason.contains("the sandbox has no brands")));
}

#[test]
fn an_unknown_merchant_gets_the_short_form() {
    let request = with(|authorization| authorization.mchid = "1900000999".to_owned());
    assert_eq!(text(&request), r#"{"code":"SIGN_ERROR","message":"签名错误"}"#);
}

#[test]
fn an_unknown_serial_of_a_known_merchant_is_named() {
    let request = with(|authorization| authorization.serial_no = "0".repeat(40));
    assert_eq!(
        text(&request),
        r#"{"code":"SIGN_ERROR","message":"商户证书序列号有误。请使用签名私钥匹配的证书序列号"}"#
    );
}

#[test]
fn a_serial_is_a_number_however_it_is_written() {
    for same in [SERIAL.to_lowercase(), format!("00{SERIAL}")] {
        let request = with(|authorization| authorization.serial_no = same.clone());
        assert!(authenticate(&request, &MERCHANTS, None, &clock(), unchanged).is_ok(), "{same}");
    }
}

#[test]
fn a_replayed_request_enters_unless_the_gate_is_told_to_remember() {
    let (request, _) = signed(TARGET);
    for _ in 0..2 {
        assert!(authenticate(&request, &MERCHANTS, None, &clock(), unchanged).is_ok());
    }
    let replays = Replays::default();
    assert!(authenticate(&request, &MERCHANTS, Some(&replays), &clock(), unchanged).is_ok());
    let away = authenticate(&request, &MERCHANTS, Some(&replays), &clock(), unchanged).unwrap_err();
    assert!(matches!(away, Rejection::Refused { refusal, .. } if refusal.code == "SIGN_ERROR"));
    assert!(
        authenticate(
            &signed("/v3/marketing/busifavor/stocks/2").0,
            &MERCHANTS,
            Some(&replays),
            &clock(),
            unchanged
        )
        .is_ok()
    );
}

#[test]
fn an_expired_certificate_is_refused() {
    let expired = Merchants::new(vec![Merchant { not_after: NOW - 1, ..merchant(MCHID, &KEY) }]);
    let Rejection::Refused { refusal, .. } =
        authenticate(&signed(TARGET).0, &expired, None, &clock(), unchanged).unwrap_err()
    else {
        panic!("it was routed");
    };
    assert_eq!(refusal.message, "商户证书已过期。");
}

#[test]
fn a_certificate_that_is_not_yet_valid_is_refused_by_the_sandboxs_clock() {
    let valid_from = |not_before| {
        let known = Merchants::new(vec![Merchant { not_before, ..merchant(MCHID, &KEY) }]);
        authenticate(&signed(TARGET).0, &known, None, &clock(), unchanged).map(drop)
    };
    assert!(valid_from(NOW).is_ok());
    let Err(Rejection::Refused { refusal, .. }) = valid_from(NOW + 1) else { panic!("it was let in") };
    assert_eq!(refusal.message, OTHER_SERIAL);
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

/// As reported of the list of certificates and of batches of transfers.
#[test]
fn some_operations_tell_a_wrong_signature_with_another_sentence() {
    for target in
        ["/v3/certificates", "/v3/transfer/batches/out-batch-no/plfk2020042013?need_query_detail=false"]
    {
        let (mut request, mut authorization) = signed(target);
        authorization.signature = "ZmFrZQ==".to_owned();
        set(&mut request, "authorization", &authorization.to_string());
        let text = text(&request);
        assert!(
            text.ends_with(r#""message":"错误的签名，验签失败"}"#) && text.contains("sign not match"),
            "{text}"
        );
    }
}

#[test]
fn every_byte_of_target_and_body_is_signed() {
    let changes: [fn(&mut Request); 4] = [
        |request| request.target = request.target.replace("%7C|", "|%7C"),
        |request| request.target = request.target.replace("%7C", "%7c"),
        |request| request.body.push(b'\n'),
        |request| request.body[2] ^= 1,
    ];
    for change in changes {
        let (mut request, _) = signed(TARGET);
        change(&mut request);
        assert_eq!(rejection(&request).0, 401);
    }
}

#[test]
fn each_merchant_enters_with_its_own_key_only() {
    let signed_by = |key: &PrivateKey| {
        with(|authorization| {
            let message = request_message("GET", TARGET, NOW, "nonce", b"{\"a\":1}");
            authorization.mchid = OTHER_MCHID.to_owned();
            authorization.signature = key.sign(&message).unwrap();
        })
    };
    let own = signed_by(&OTHER_KEY);
    let entered = authenticate(&own, &MERCHANTS, None, &clock(), unchanged).unwrap();
    assert_eq!(entered.merchant.account.mchid, OTHER_MCHID);
    assert_eq!(rejection(&signed_by(&KEY)).0, 401);
}

const BODY: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n\xff\xd8\r\n--b\r\n\
    Content-Disposition: form-data; name=\"meta\";\r\nContent-Type: application/json\r\n\r\n{\"sha256\":\"0\"}\r\n--b--\r\n";

#[track_caller]
fn check_signed_texts(path: &str, content_type: &'static str, body: &[u8], expected: &[&[u8]]) {
    let operation = Catalog::embedded().find("POST", path).unwrap();
    let mut request = Request { body: body.to_vec(), ..Request::default() };
    request.headers.insert("content-type", HeaderValue::from_static(content_type));
    assert_eq!(signed_bodies(&request, Upload::read(operation, &request).as_ref()), expected);
}

const UPLOAD: &str = "v3/merchant/media/upload";
const ORDER: &str = "v3/pay/transactions/native";

#[test]
fn json_is_signed_whole_and_an_upload_by_its_meta() {
    check_signed_texts(ORDER, "application/json; charset=utf-8", b"{}", &[b"{}"]);
    check_signed_texts(UPLOAD, "multipart/form-data; boundary=b", BODY, &[br#"{"sha256":"0"}"#]);
    check_signed_texts(UPLOAD, "multipart/form-data; boundary=\"b\"", BODY, &[br#"{"sha256":"0"}"#]);
    check_signed_texts(UPLOAD, "multipart/form-data", BODY, &[br#"{"sha256":"0"}"#]);
}

#[test]
fn a_content_type_does_not_make_an_upload_of_another_operation() {
    check_signed_texts(ORDER, "multipart/form-data; boundary=b", b"{}", &[b"{}"]);
    check_signed_texts(ORDER, "multipart/form-data; boundary=b", BODY, &[BODY]);
    check_signed_texts(ORDER, "multipart/form-data", BODY, &[BODY]);
}

#[test]
fn an_upload_without_its_meta_is_signed_whole_or_not_at_all() {
    check_signed_texts(UPLOAD, "multipart/form-data; boundary=c", BODY, &[BODY, b""]);
    check_signed_texts(UPLOAD, "application/json", b"{}", &[b"{}", b""]);
    let named = String::from_utf8_lossy(BODY).replace("name=\"meta\";", "name=\"meta\"; filename=\"m\"");
    check_signed_texts(UPLOAD, "multipart/form-data; boundary=b", named.as_bytes(), &[named.as_bytes(), b""]);
}

fn detail_of(method: &str, target: &str, nonce: &str, body: &[u8]) -> Value {
    let request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        body: body.to_vec(),
        ..Request::default()
    };
    detail(&request, body, &request_message(method, target, 1_756_951_532, nonce, body))
}

#[test]
fn the_body_is_cut_to_eight_bytes_and_the_length_is_of_the_whole() {
    let body = br#"{"amount":{"total":1}}"#;
    let detail = detail_of("POST", "/v3/pay/transactions/jsapi", "NONCE", body);
    let information = &detail["sign_information"];
    assert_eq!(
        information["truncated_sign_message"],
        "POST\n/v3/pay/transactions/jsapi\n1756951532\nNONCE\n{\"amount\n"
    );
    assert_eq!(information["sign_message_length"], 49 + body.len() + 1);
    assert_eq!(information["url"], "/v3/pay/transactions/jsapi");
}

#[test]
fn the_recorded_form_is_kept_member_by_member() {
    let detail = detail_of("GET", "/v3/certificates", "593BEC0C930BF1AFEB40B4A08C8FB242", b"");
    assert_eq!(
        detail.to_string(),
        r#"{"detail":{"issue":"sign not match"},"field":"signature","location":"authorization","sign_information":{"method":"GET","sign_message_length":66,"truncated_sign_message":"GET\n/v3/certificates\n1756951532\n593BEC0C930BF1AFEB40B4A08C8FB242\n\n","url":"/v3/certificates"}}"#
    );
}

#[test]
fn a_character_that_the_cut_would_break_is_left_out() {
    let detail = detail_of("POST", "/v3/x", "n", "1234567券".as_bytes());
    assert_eq!(detail["sign_information"]["truncated_sign_message"], "POST\n/v3/x\n1756951532\nn\n1234567\n");
    assert!(detail_of("POST", "/v3/x", "n", b"\xff\xff").is_object());
}

#[test]
fn the_products_that_are_checked_less_are_in_the_catalogue() {
    for prefix in LESS_CHECKED {
        let mut templates = Catalog::embedded().headings().map(|(_, template)| format!("/{template}"));
        assert!(templates.any(|template| template.starts_with(prefix)), "{prefix}");
    }
}

#[test]
fn other_nodes_are_looked_at_only_where_the_merchant_is_wrong() {
    let looked = |request: &Request| {
        let named = std::cell::RefCell::new(Vec::new());
        let look = |mchid: &str| {
            named.borrow_mut().push(mchid.to_owned());
            false
        };
        let entered = authenticate(request, &MERCHANTS, None, &clock(), look).is_ok();
        (entered, named.into_inner())
    };
    let (whole, _) = signed(TARGET);
    assert_eq!(looked(&whole), (true, vec![]));
    for request in [
        with(|authorization| authorization.mchid = "1".to_owned()),
        with(|authorization| authorization.serial_no = "0".to_owned()),
        with(|authorization| authorization.signature = "ZmFrZQ==".to_owned()),
    ] {
        let (entered, named) = looked(&request);
        assert!(!entered && named.len() == 1, "{named:?}");
    }
    let (mut unrouted, mut half, stale) =
        (whole.clone(), whole.clone(), with(|authorization| authorization.timestamp = NOW - 301));
    unrouted.target = "/v3/nowhere".to_owned();
    set(&mut half, "authorization", "WECHATPAY2-SHA256-RSA2048 test");
    for request in [unrouted, half, stale] {
        assert_eq!(looked(&request), (false, vec![]));
    }
}

#[test]
fn what_another_node_did_to_a_merchant_counts_at_the_next_request() {
    let merchants = Merchants::default();
    let look = |mchid: &str| {
        merchants.put(merchant(mchid, &KEY));
        true
    };
    assert!(authenticate(&signed(TARGET).0, &merchants, None, &clock(), look).is_ok());
}

#[test]
fn only_a_verified_client_decides_the_time_in_notifications() {
    let clock = ClockControl::new(ClockMode::Frozen { at: NOW - 1_000_000_000 });
    let at_machine_time = |signed_by: &PrivateKey| {
        let now = crate::clock::machine_now();
        let (mut request, mut authorization) = signed(TARGET);
        authorization.timestamp = now;
        authorization.signature =
            signed_by.sign(&request_message("GET", TARGET, now, "nonce", &request.body)).unwrap();
        set(&mut request, "authorization", &authorization.to_string());
        request
    };
    let valid_now = |key| Merchant { not_before: 0, ..merchant(MCHID, key) };
    let merchants = Merchants::new(vec![valid_now(&KEY)]);
    let stranger = at_machine_time(&OTHER_KEY);
    assert!(authenticate(&stranger, &merchants, None, &clock, unchanged).is_err());
    assert_eq!(clock.time_of_signatures(MCHID), clock.now());
    assert!(authenticate(&at_machine_time(&KEY), &merchants, None, &clock, unchanged).is_ok());
    assert_ne!(clock.time_of_signatures(MCHID), clock.now());
    assert_eq!(clock.time_of_signatures(OTHER_MCHID), clock.now());
}
