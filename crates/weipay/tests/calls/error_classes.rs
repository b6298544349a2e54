//! What an error tells a program to do, and what it says of a signature that the platform does not accept.

use std::time::Duration;

use serde_json::json;
use weipay::error::{ErrorClass, ErrorKind, NetworkError, SignDifference};
use weipay::http::{Method, Request, Response};
use weipay::transport::blocking::{Body, DefaultTransport, Transport};
use weipay::wire::{ApiV3Key, Authorization, MerchantId, MerchantSerial, PrivateKey};
use weipay::{ClientBuilder, Error, blocking};

use crate::hostile_platform::both;
use crate::platform::{PLATFORM, Platform, configured, responding, signed, unsigned};
use crate::shared_sandbox::{SANDBOX, client, kit};

/// A proxy that changes requests on their way.
struct Proxy<F>(DefaultTransport, F);

impl<F: Fn(&mut Request<Body>) + Send + Sync> Transport for Proxy<F> {
    fn send(&self, mut request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError> {
        self.1(&mut request);
        self.0.send(request, timeout)
    }
}

fn through(change: impl Fn(&mut Request<Body>) + Send + Sync + 'static) -> blocking::Client {
    let proxy = Proxy(DefaultTransport::new().unwrap(), change);
    let builder = ClientBuilder::from_kit(SANDBOX.kit_file()).unwrap();
    builder.blocking_transport(proxy).build_blocking().unwrap()
}

const PATH: &str = "v3/marketing/busifavor/coupons/disassociate";

fn post(client: &blocking::Client) -> Error {
    client.chain(PATH).post(json!({"stock_id": "1", "out_trade_no": "S3cr3tOrder"})).unwrap_err()
}

#[test]
fn an_error_names_the_line_of_the_message_that_differs() {
    let to = |uri: &'static str| {
        move |request: &mut Request<Body>| {
            *request.uri_mut() = format!("{}{uri}", SANDBOX.base_url()).parse().unwrap();
        }
    };
    let cases: [(blocking::Client, SignDifference); 5] = [
        (through(|request| *request.method_mut() = Method::PUT), SignDifference::Method),
        (through(to("/v3/marketing/busifavor/coupons/return")), SignDifference::UrlPath),
        (through(to("/v3/marketing/busifavor/coupons/disassociate?x=1")), SignDifference::UrlQuery),
        (
            through(|request| *request.body_mut() = Body::from(&br#"{ "stock_id":"1"}"#[..])),
            SignDifference::Body,
        ),
        (
            through(|request| {
                let body = request.body().as_bytes().unwrap().to_vec();
                *request.body_mut() = Body::from([body, b"\r\n".to_vec()].concat());
            }),
            SignDifference::BodyLength(2),
        ),
    ];
    for (client, expected) in cases {
        let error = post(&client);
        // Some paths have no such method, and then no signature is looked at.
        if expected == SignDifference::Method && error.status().unwrap() == 405 {
            continue;
        }
        assert_eq!(error.class(), ErrorClass::Signature, "{error}");
        assert_eq!(error.sign_difference(), Some(expected), "{error}");
        assert!(!error.is_retryable() && !error.may_have_taken_effect());
        let told = format!("{error} {error:?}");
        assert!(told.contains("line") && !told.contains("S3cr3t"), "{told}");
    }
}

#[test]
fn a_key_of_another_merchant_is_named_as_the_cause_in_the_first_fetch_too() {
    let other = PrivateKey::generate().unwrap();
    let (kit, key) = (kit(), &other);
    let text = |name: &str| kit[name].as_str().unwrap();
    let builder = || {
        ClientBuilder::default()
            .base_url(SANDBOX.base_url())
            .mchid(MerchantId::new(text("mchid")).unwrap())
            .merchant_serial(MerchantSerial::new(text("merchant_serial")).unwrap())
            .merchant_key(key.clone())
    };
    let id = weipay::wire::PublicKeyId::new(text("public_key_id")).unwrap();
    let with_public_key = builder().public_key(id, PLATFORM.public_key()).build_blocking().unwrap();
    let error = post(&with_public_key);
    assert_eq!(error.sign_difference(), Some(SignDifference::None));
    assert!(error.to_string().contains("apiclient_key.pem"), "{error}");
    assert_eq!((error.field(), error.issue()), (Some("signature"), Some("sign not match")));

    let fetching = builder().api_v3_key(ApiV3Key::new(text("api_v3_key")).unwrap()).build_blocking().unwrap();
    let error = post(&fetching);
    assert_eq!(error.class(), ErrorClass::Signature);
    assert!(format!("{error:#}").contains("apiclient_key.pem"), "{error:#}");
    let ErrorKind::PlatformCertificates(fetch) = error.kind() else { panic!("{error}") };
    assert_eq!(fetch.sign_difference(), Some(SignDifference::None));
}

/// A refusal of the signature that shows another nonce may be the response to another request, so it says nothing about this one.
#[test]
fn a_sign_error_that_shows_another_request_settles_nothing() {
    for (nonce, is_another) in [("593BEC0C930BF1AFEB40B4A08C8FB242", true), ("", false)] {
        let base_url = responding(move |seen| {
            let authorization: Authorization = seen.header("authorization").unwrap().parse().unwrap();
            let nonce = if is_another { nonce } else { &authorization.nonce_str };
            let (timestamp, method) = (authorization.timestamp, &seen.method);
            let shown = format!("{method}\n{}\n{timestamp}\n{nonce}\n{{\"out", seen.target);
            let detail = json!({"sign_information": {"truncated_sign_message": shown}});
            let body = json!({"code": "SIGN_ERROR", "message": "签名错误", "detail": detail});
            unsigned(401, &body.to_string())
        });
        let client = configured().base_url(&base_url).build_blocking().unwrap();
        let error = client.chain("v3/pay/transactions/codepay").post(json!({"out_trade_no": "order-1"}));
        let error = error.unwrap_err();
        assert_eq!(error.sign_difference() == Some(SignDifference::Nonce), is_another, "{error}");
        assert_eq!(error.may_have_taken_effect(), is_another, "{error}");
        assert!(!error.is_retryable());
    }
}

#[test]
fn the_field_and_the_number_of_an_error_are_told() {
    let error = client()
        .chain("v3/marketing/busifavor/stocks/{stock_id}")
        .path("stock_id", "no-such-stock-number-anywhere-at-all")
        .get()
        .unwrap_err();
    assert!(error.field().is_some_and(|field| field.contains("stock_id")), "{error}");
    assert!(error.request_id_code().is_some_and(|code| code > 0), "{:?}", error.request_id());

    let body = json!({"code": "PARAM_ERROR", "message": "m", "detail": {"field": "/amount/total", "issue": "too small"}});
    let platform = Platform::start(vec![
        unsigned(400, &body.to_string()).header("Request-ID", "08F0-268435461"),
        unsigned(400, &body.to_string()).header("Request-ID", "08F0"),
    ]);
    let client = platform.builder().build_blocking().unwrap();
    let error = client.chain("v3/a").get().unwrap_err();
    assert_eq!((error.field(), error.issue()), (Some("/amount/total"), Some("too small")));
    assert_eq!(error.request_id_code(), Some(268_435_461));
    assert_eq!(client.chain("v3/a").get().unwrap_err().request_id_code(), None);
}

#[test]
fn a_call_is_retryable_only_where_a_repeat_cannot_take_effect_twice() {
    let (safe, unsafe_) = ("v3/refund/domestic/refunds", "v3/no/such/operation");
    for (status, body, get, known, unknown) in [
        (500, r#"{"code":"SYSTEM_ERROR"}"#, true, true, false),
        (502, "<html>", true, true, false),
        (429, r#"{"code":"FREQUENCY_LIMITED"}"#, true, true, false),
        (408, "", true, true, false),
        (400, r#"{"code":"STATEMENT_CREATING"}"#, true, false, false),
        (403, r#"{"code":"USERPAYING"}"#, true, false, false),
        (202, r#"{"code":"USERPAYING"}"#, true, true, false),
        (499, "", true, true, false),
        (501, "", false, false, false),
        (505, "<html>", false, false, false),
        (501, r#"{"code":"SYSTEM_ERROR"}"#, true, true, false),
        (400, r#"{"code":"PARAM_ERROR"}"#, false, false, false),
        (404, r#"{"code":"ORDER_NOT_EXIST"}"#, false, false, false),
        (404, "", false, false, false),
        (302, "", false, false, false),
        (403, "<html>", false, false, false),
    ] {
        let platform = Platform::start((0..3).map(|_| unsigned(status, body)).collect());
        let client = platform.builder().build_blocking().unwrap();
        let retryable = [
            client.chain(unsafe_).get().unwrap_err().is_retryable(),
            client.chain(safe).post(json!({"out_refund_no": "refund-1"})).unwrap_err().is_retryable(),
            client.chain(unsafe_).post(json!({})).unwrap_err().is_retryable(),
        ];
        assert_eq!(retryable, [get, known, unknown], "{status} {body}");
    }
}

#[test]
fn what_is_no_error_response_has_a_class_too() {
    for result in both(|| signed(200, "{}").without("Wechatpay-Signature")) {
        let error = result.unwrap_err();
        assert_eq!((error.class(), error.is_retryable()), (ErrorClass::Verification, false));
    }
    for result in both(|| signed(200, "{}").header("Wechatpay-Signature", "WECHATPAY/SIGNTEST/2sWf")) {
        let error = result.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Verification);
    }
    let nobody = configured().base_url("http://127.0.0.1:9").build_blocking().unwrap();
    let error = nobody.chain("v3/no/such/operation").post(json!({})).unwrap_err();
    assert_eq!((error.class(), error.is_retryable()), (ErrorClass::Transport, true), "nothing was sent");
    let error = nobody.chain("v3/{a}").get().unwrap_err();
    assert_eq!((error.class(), error.is_retryable()), (ErrorClass::Parameter, false));
}
