//! What the targets share: a merchant, a platform that signs whatever the fuzzer found, and a transport that carries it.
//!
//! A signature keeps strangers out, so a target that only sent bytes would test nothing behind it. These sign.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use weipay::ClientBuilder;
use weipay::error::NetworkError;
use weipay::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use weipay::signer::blocking::Signer;
use weipay::signer::{Signature, SignerError};
use weipay::transport::blocking::{Body, Transport};
use weipay::wire::{
    ApiV2Key, ApiV3Key, MerchantId, MerchantSerial, PrivateKey, PublicKeyId, response_message,
};

pub const NOW: i64 = 1_786_766_400;
pub const API_V3_KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";
pub const API_V2_KEY: &str = "192006250b4c09247ec02edce69f6a2d";
pub const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026";
/// The nonce of every envelope.
pub const NONCE: &str = "uluk4a9R25RW";

pub static MERCHANT: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
pub static PLATFORM: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

/// The settings of a merchant.
pub fn settings() -> ClientBuilder {
    ClientBuilder::default()
        .mchid(MerchantId::new("1900000001").unwrap())
        .merchant_serial(MerchantSerial::new("0C4AEF34B89340881BB2B25226393DC2E47F094B").unwrap())
        .merchant_key(MERCHANT.clone())
        .blocking_signer(Constant)
        .public_key(PublicKeyId::new(PUBLIC_KEY_ID).unwrap(), PLATFORM.public_key())
        .api_v3_key(ApiV3Key::new(API_V3_KEY).unwrap())
        .api_v2_key(ApiV2Key::new(API_V2_KEY).unwrap())
        .retries(weipay::RetryConfig::none())
        .clock(|| NOW)
}

/// Signs nothing: a signature costs more than reading most responses, and nobody here verifies those of requests.
struct Constant;

impl Signer for Constant {
    fn sign(&self, _: &[u8], _: Duration) -> Result<Signature, SignerError> {
        Ok(Signature::from_bytes(&[0; 256]).unwrap())
    }
}

/// The four headers of a signature of the platform over this body.
pub fn signed(body: &[u8]) -> HeaderMap {
    let (timestamp, nonce) = (NOW.to_string(), "c5ac7061fccab6bf3e254dcf98995b8c");
    let signature = PLATFORM.sign(&response_message(&timestamp, nonce, body)).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("wechatpay-timestamp", timestamp.as_str()),
        ("wechatpay-nonce", nonce),
        ("wechatpay-signature", &signature),
        ("wechatpay-serial", PUBLIC_KEY_ID),
    ] {
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// A transport that answers each request with what was put there.
#[derive(Clone, Default)]
pub struct Answers {
    next: Arc<Mutex<(u16, Vec<u8>)>>,
}

impl Answers {
    pub fn with(&self, status: u16, body: &[u8]) {
        *self.next.lock().unwrap() = (status, body.to_vec());
    }
}

impl Transport for Answers {
    fn send(&self, _: Request<Body>, _: Duration) -> Result<Response<Body>, NetworkError> {
        let (status, body) = self.next.lock().unwrap().clone();
        let headers = signed(&body);
        let mut response = Response::new(Body::from(bytes::Bytes::from(body)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// Nothing that is shown has a secret, unless the input had it: the fuzzer reads what it is compared with, and puts it
/// into inputs.
pub fn check_no_secret(shown: &str, input: &[u8], secrets: &[&str]) {
    for secret in secrets {
        let was_given = input.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(was_given || !shown.contains(secret));
    }
}
