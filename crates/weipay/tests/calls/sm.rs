//! 国密: a merchant and a platform with keys of SM2, over real sockets and in both modes. The platform is a few lines on top of the
//! protocol crate, whose algorithms are tested with answers from outside.

use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};

use serde_json::json;
use weipay::notification::{self, Event, RejectionKind};
use weipay::wire::{
    ApiV3Key, Authorization, Certificate, EnvelopeAlgorithm, MerchantId, MerchantSerial, PrivateKey,
    PublicKeyId, Scheme, request_message,
};
use weipay::{ClientBuilder, front_end};

use crate::notification::signed_by as signed_notification;
use crate::platform::{MERCHANT, PLATFORM, Scripted, Seen, signed_by};
use crate::server::serve;

const API_V3_KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";
const MERCHANT_SERIAL: &str = "5E1CC1B0A0F7E1E2A1A1B2C3D4E5F60718293A4B";
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012027";
/// Within the dates of the certificate.
const NOW: i64 = 1_672_531_200;

static SM2_MERCHANT: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate_sm2().unwrap());
static SM2_PLATFORM: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_pem(PLATFORM_KEY).unwrap());
static SM2_CERTIFICATE: LazyLock<Certificate> =
    LazyLock::new(|| Certificate::from_pem(PLATFORM_CERTIFICATE).unwrap());

/// A certificate of SM2 with its key, from the tests of the official Java SDK. It protects nothing.
const PLATFORM_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGTAgEAMBMGByqGSM49AgEGCCqBHM9VAYItBHkwdwIBAQQg/U9Saz5ceDGQhFBM
f/cHIh2+q5Lzvhrb8L2SI4sPUR+gCgYIKoEcz1UBgi2hRANCAAR7zUf3XqGdBMCn
K02nD1fdGz+TN8xd0SQYgbkTQxk5v2mlXva0ZxDH4XJFI9D2Rt1pTSSDl29uhQ1G
Y3j6iy9+
-----END PRIVATE KEY-----";
const PLATFORM_CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIICyTCCAmygAwIBAgIUVOf1ntjfRXDPsUeA6oFS1FpnXuYwDAYIKoEcz1UBg3UF
ADCBjTFHMEUGA1UEAww+U2hlbiBaaGVuIGlUcnVzQ2hpbmEgQ2xhc3MgRW50ZXJw
cmlzZSBTdWJzY3JpYmVyIENBIFNNMiAtIFRlc3QxGDAWBgNVBAsMD+a1i+ivlemD
qOivleeUqDEbMBkGA1UECgwS5aSp6K+a5a6J5L+h6K+V55SoMQswCQYDVQQGEwJD
TjAeFw0yMjA4MDQxMjE0MTlaFw0yMzA5MDMxMjE0MTlaMGsxCzAJBgNVBAYTAkNO
MRswGQYDVQQKDBLlvq7kv6HllYbmiLfns7vnu58xKjAoBgNVBAsMIea3seWcs+W4
guS8n+iNo+enkeaKgOaciemZkOWFrOWPuDETMBEGA1UEAwwKMjQ4MzI4MTc2MTBZ
MBMGByqGSM49AgEGCCqBHM9VAYItA0IABHvNR/deoZ0EwKcrTacPV90bP5M3zF3R
JBiBuRNDGTm/aaVe9rRnEMfhckUj0PZG3WlNJIOXb26FDUZjePqLL36jgcgwgcUw
DAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCBsAwHwYDVR0jBBgwFoAUK0Y6T9Ge
LM7UH4bC1j2avycoZPcwHQYDVR0OBBYEFBmE5STz2WNsXVrgclXrxsl6SCihMGUG
A1UdHwReMFwwWqBYoFaGVGh0dHA6Ly9ldmNhLml0cnVzLmNvbS5jbi9wdWJsaWMv
aXRydXNjcmw/Q0E9NzMzNUExQUYzNzRBMUU4QjQwM0FCMUFDMkQwNjVDQUU3NUNB
QjIzNjAMBggqgRzPVQGDdQUAA0kAMEYCIQDK0r6D8VyiUVMfRnAfz40ZtiG8DJEF
6Rn41oZ3qPW1aQIhAKtn5sKME+thLQFeyV70VSsraZ7h9Fccal2WzI2oCdtY
-----END CERTIFICATE-----";

/// A platform of 国密. It answers each request with `answer`, and ends the test if a request is not signed with SM2.
struct Platform {
    base_url: String,
    seen: Receiver<Seen>,
}

impl Platform {
    fn start(answer: impl Fn(&Seen) -> Scripted + Send + Sync + 'static) -> Self {
        let (tell, seen) = channel();
        let base_url = serve(move |request| {
            check(&request);
            let response = answer(&request);
            tell.send(request).ok();
            response
        });
        Self { base_url, seen }
    }

    fn builder(&self) -> ClientBuilder {
        merchant().base_url(&self.base_url)
    }
}

fn check(request: &Seen) {
    let authorization: Authorization = request.header("authorization").unwrap().parse().unwrap();
    assert_eq!(authorization.scheme, Scheme::Sm2WithSm3);
    assert_eq!(authorization.serial_no, MERCHANT_SERIAL);
    let (at, nonce) = (authorization.timestamp, &authorization.nonce_str);
    let message = request_message(&request.method, &request.target, at, nonce, &request.body);
    SM2_MERCHANT.public_key().verify(&message, &authorization.signature).unwrap();
}

fn merchant() -> ClientBuilder {
    ClientBuilder::default()
        .mchid(MerchantId::new("1900000001").unwrap())
        .merchant_serial(MerchantSerial::new(MERCHANT_SERIAL).unwrap())
        .merchant_key(SM2_MERCHANT.clone())
        .clock(|| NOW)
}

fn with_public_key(builder: ClientBuilder) -> ClientBuilder {
    builder.public_key(PublicKeyId::new(PUBLIC_KEY_ID).unwrap(), SM2_PLATFORM.public_key())
}

fn signed(body: &str) -> Scripted {
    signed_by(&SM2_PLATFORM, PUBLIC_KEY_ID, 200, body, NOW)
}

const ORDER: &str = "v3/pay/transactions/out-trade-no/{out_trade_no}";

#[test]
fn a_key_of_sm2_signs_and_a_response_that_is_signed_with_sm2_verifies() {
    let platform = Platform::start(|_| signed(r#"{"out_trade_no":"order-1"}"#));
    let client = with_public_key(platform.builder()).build_blocking().unwrap();
    let order = client[ORDER].path("out_trade_no", "order-1").query("mchid", "1900000001").get().unwrap();
    assert_eq!(order.json().unwrap()["out_trade_no"], "order-1");
    let sent = platform.seen.recv().unwrap();
    assert_eq!(sent.target, "/v3/pay/transactions/out-trade-no/order-1?mchid=1900000001");
    assert_eq!(sent.header("wechatpay-serial"), Some(PUBLIC_KEY_ID));
    assert!(sent.header("authorization").unwrap().starts_with("WECHATPAY2-SM2-WITH-SM3 mchid="));
}

#[tokio::test]
async fn the_async_client_does_the_same_with_a_body() {
    let platform = Platform::start(|request| {
        assert_eq!(request.body, r#"{"mchid":"1900000001","description":"茶"}"#.as_bytes());
        signed(r#"{"code_url":"weixin://pay/1"}"#)
    });
    let client = with_public_key(platform.builder()).build().unwrap();
    let body = json!({"description": "茶"});
    let order = client["v3/pay/transactions/native"].post(body).await.unwrap();
    assert_eq!(order.json().unwrap()["code_url"], "weixin://pay/1");
}

#[test]
fn a_response_with_a_wrong_signature_is_no_success() {
    let answers: [fn() -> Scripted; 3] = [
        || signed("{}").with_body(r#"{"trade_state":"SUCCESS"}"#),
        // Another key of SM2, and a key of RSA under the serial of SM2.
        || signed_by(&SM2_MERCHANT, PUBLIC_KEY_ID, 200, "{}", NOW),
        || signed_by(&PLATFORM, PUBLIC_KEY_ID, 200, "{}", NOW),
    ];
    for answer in answers {
        let platform = Platform::start(move |_| answer());
        let client = with_public_key(platform.builder()).build_blocking().unwrap();
        let error = client[ORDER].path("out_trade_no", "1").get().unwrap_err();
        assert!(error.is_unverified(), "{error}");
    }
}

#[test]
fn certificates_of_sm2_are_fetched_and_decrypted_with_sm4() {
    let platform = Platform::start(|request| {
        let serial = SM2_CERTIFICATE.serial();
        let body = match request.target.as_str() {
            "/v3/certificates?algorithm_type=SM2" => {
                let key = ApiV3Key::new(API_V3_KEY).unwrap();
                let pem = SM2_CERTIFICATE.to_pem();
                let sealed =
                    key.seal_with(EnvelopeAlgorithm::Sm4Gcm, "61f9c719728a", "certificate", pem.as_bytes());
                let sealed = json!({
                    "algorithm": "AEAD_SM4_GCM",
                    "nonce": "61f9c719728a",
                    "associated_data": "certificate",
                    "ciphertext": sealed.unwrap(),
                });
                json!({"data": [{"serial_no": serial, "encrypt_certificate": sealed}]})
            }
            _ => json!({"out_trade_no": "1"}),
        };
        signed_by(&SM2_PLATFORM, serial, 200, &body.to_string(), NOW)
    });
    let client = platform.builder().api_v3_key(ApiV3Key::new(API_V3_KEY).unwrap()).build_blocking().unwrap();
    client[ORDER].path("out_trade_no", "1").get().unwrap();
    platform.seen.recv().unwrap();
    let sent = platform.seen.recv().unwrap();
    assert_eq!(sent.header("wechatpay-serial"), Some(SM2_CERTIFICATE.serial()));
}

#[test]
fn sensitive_fields_travel_with_sm2_in_both_directions() {
    let platform = Platform::start(|_| signed("{}"));
    let client = with_public_key(platform.builder()).build_blocking().unwrap();
    let ciphertext = client.encrypt_sensitive("张三").unwrap();
    assert_eq!(SM2_PLATFORM.decrypt_sensitive(&ciphertext).unwrap().as_slice(), "张三".as_bytes());
    let ciphertext = SM2_MERCHANT.public_key().encrypt_sensitive("李四".as_bytes()).unwrap();
    assert_eq!(client.decrypt_sensitive(&ciphertext).unwrap(), "李四");
}

#[test]
fn beside_keys_of_rsa_those_of_the_merchant_s_own_scheme_are_preferred() {
    let platform = Platform::start(|_| signed(r#"{"out_trade_no":"1"}"#));
    let rsa = PublicKeyId::new("PUB_KEY_ID_0119000000012026").unwrap();
    let builder = platform.builder().public_key(rsa, PLATFORM.public_key());
    let client = with_public_key(builder).build_blocking().unwrap();
    client[ORDER].path("out_trade_no", "1").get().unwrap();
    assert_eq!(platform.seen.recv().unwrap().header("wechatpay-serial"), Some(PUBLIC_KEY_ID));
}

#[test]
fn a_notification_with_sm2_and_sm4_is_a_typed_event() {
    let key = ApiV3Key::new(API_V3_KEY).unwrap();
    let receiver = |builder: ClientBuilder| {
        notification::Receiver::new().merchant(builder.api_v3_key(key.clone())).unwrap()
    };
    let receiver = receiver(with_public_key(merchant()));
    let order = r#"{"out_trade_no":"order-1","trade_state":"SUCCESS"}"#;
    let sealed =
        key.seal_with(EnvelopeAlgorithm::Sm4Gcm, "uluk4a9R25RW", "transaction", order.as_bytes()).unwrap();
    let body = json!({
        "id": "EV-1",
        "event_type": "TRANSACTION.SUCCESS",
        "resource": {
            "original_type": "transaction",
            "algorithm": "AEAD_SM4_GCM",
            "nonce": "uluk4a9R25RW",
            "associated_data": "transaction",
            "ciphertext": sealed,
        },
    })
    .to_string();
    let headers = signed_notification(&SM2_PLATFORM, PUBLIC_KEY_ID, NOW, body.as_bytes());
    let notification = receiver.receive(&headers, body.as_bytes()).unwrap();
    let Event::TransactionSuccess(order) = notification.event() else { panic!("{notification:?}") };
    assert_eq!(order.out_trade_no.as_deref(), Some("order-1"));

    let forged = signed_notification(&SM2_MERCHANT, PUBLIC_KEY_ID, NOW, body.as_bytes());
    let rejection = receiver.receive(&forged, body.as_bytes()).unwrap_err();
    assert!(matches!(rejection.kind(), RejectionKind::Unverified { .. }), "{rejection}");
    let body = body.replace("AEAD_SM4_GCM", "AEAD_AES_256_GCM");
    let headers = signed_notification(&SM2_PLATFORM, PUBLIC_KEY_ID, NOW, body.as_bytes());
    let rejection = receiver.receive(&headers, body.as_bytes()).unwrap_err();
    assert!(matches!(rejection.kind(), RejectionKind::Sealed { .. }), "{rejection}");
}

#[test]
fn keys_that_do_not_belong_together_are_named() {
    let builder = merchant().merchant_certificate(SM2_CERTIFICATE.clone());
    let error = with_public_key(builder).build_blocking().unwrap_err();
    assert!(error.to_string().contains("does not belong to the merchant certificate"), "{error}");
    let own = merchant().public_key(PublicKeyId::new(PUBLIC_KEY_ID).unwrap(), SM2_MERCHANT.public_key());
    assert!(own.build_blocking().is_err(), "it is the merchant's own key");
}

#[test]
fn front_ends_are_not_given_a_signature_that_nobody_has_described() {
    let front_end = front_end::FrontEnd::new(MerchantId::new("1900000001").unwrap(), SM2_MERCHANT.clone());
    let error = front_end.jsapi("wx2421b1c4370ec43b", "wx201410272009395522657a690389285100").unwrap_err();
    assert!(error.to_string().contains("RSA"), "{error}");
    assert_eq!(MERCHANT.scheme(), Scheme::Sha256Rsa2048);
}
