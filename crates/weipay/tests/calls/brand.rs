//! Credentials of a brand (品牌): another scheme, for other operations.

use serde_json::json;
use weipay::error::{ErrorKind, RequestError};
use weipay::notification::Receiver;
use weipay::wire::{ApiV3Key, BrandId, MerchantSerial};
use weipay::{Client, ClientBuilder, ConfigError, Error};

use crate::notification;
use crate::platform::{MERCHANT, MERCHANT_SERIAL, PLATFORM, PUBLIC_KEY_ID, Platform, configured, signed};

const COUPONS: &str = "brand/marketing/product-coupon/product-coupons";

fn brand() -> ClientBuilder {
    ClientBuilder::default()
        .brand(BrandId::new("123456789").unwrap())
        .merchant_serial(MerchantSerial::new(MERCHANT_SERIAL).unwrap())
        .merchant_key(MERCHANT.clone())
}

fn with_key() -> ClientBuilder {
    brand().public_key(PUBLIC_KEY_ID.parse().unwrap(), PLATFORM.public_key())
}

fn problem(error: &Error) -> &RequestError {
    match error.kind() {
        ErrorKind::Request(problem) => problem,
        kind => panic!("{kind:?}"),
    }
}

/// The platform of the tests checks the header: see `platform::check`.
#[test]
fn a_brand_signs_with_its_own_scheme_and_number() {
    let platform = Platform::start(vec![signed(200, r#"{"product_coupon_id":"1"}"#); 2]);
    let client = with_key().base_url(&platform.base_url).build_blocking().unwrap();
    assert_eq!((client.mchid(), client.brand_id().unwrap().as_str()), (None, "123456789"));
    let response = client.chain(COUPONS).post(json!({"out_request_no": "1"})).unwrap();
    assert!(response.is_verified());
    let seen = platform.seen();
    let authorization = seen.header("authorization").unwrap();
    assert!(
        authorization.starts_with("WECHATPAY-BRAND-SHA256-RSA2048 brand_id=\"123456789\","),
        "{authorization}"
    );
    assert!(!authorization.contains("mchid"), "{authorization}");
    assert_eq!(seen.header("wechatpay-serial"), Some(PUBLIC_KEY_ID));
    client[COUPONS].get().unwrap();
}

#[test]
fn operations_of_the_other_kind_are_refused_before_anything_is_sent() {
    let merchant = configured().build_blocking().unwrap();
    let error = merchant.chain(COUPONS).get().unwrap_err();
    assert_eq!(problem(&error), &RequestError::RequiresBrand);
    assert!(error.to_string().contains(".brand(...)"), "{error}");
    let brand = with_key().build_blocking().unwrap();
    for known in ["v3/certificates", "v3/refund/domestic/refunds/{out_refund_no}", "v3/brand/card/card-links"]
    {
        assert_eq!(problem(&brand.chain(known).get().unwrap_err()), &RequestError::RequiresMerchant);
    }
    let error = brand.chain("v2/pay/orderquery").post(json!({"out_trade_no": "1"})).unwrap_err();
    assert_eq!(problem(&error), &RequestError::RequiresMerchant);
    let client: Client = with_key().build().unwrap();
    assert_eq!(client.brand_id().unwrap().as_str(), "123456789");
}

/// Its notifications are signed and encrypted like a merchant's, by the platform's key of the brand and with the
/// brand's APIv3 key.
#[test]
fn notifications_of_a_brand_are_verified_and_opened() {
    let key = ApiV3Key::new(notification::API_V3_KEY).unwrap();
    let receiver = Receiver::new().merchant(with_key().api_v3_key(key).clock(|| notification::NOW)).unwrap();
    let body = notification::paid();
    let mut headers = notification::signed(body.as_bytes());
    headers.insert("Wechatpay-Signature-Type", "WECHATPAY-BRAND-SHA256-RSA2048".parse().unwrap());
    let received = receiver.receive(&headers, body.as_bytes()).unwrap();
    assert_eq!((received.event_type(), received.mchid()), ("TRANSACTION.SUCCESS", None));
    assert!(receiver.receive(&headers, b"{}").is_err());
}

/// The list of certificates is an operation of merchants, so the APIv3 key does not stand for a key of the platform.
#[test]
fn a_brand_needs_the_public_key_of_the_platform() {
    let key = ApiV3Key::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb").unwrap();
    let Err(ConfigError::Missing(missing)) = brand().api_v3_key(key).build_blocking() else {
        panic!("built")
    };
    assert!(missing.len() == 1 && missing[0].contains(".public_key(id, key)"), "{missing:?}");
}
