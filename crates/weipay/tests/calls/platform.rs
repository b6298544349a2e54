//! A platform for tests that is independent of the sandbox: one scripted response for each request, keys of its own. It checks
//! the request's signature itself, so that nothing of the SDK checks what the SDK signs.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use weipay::ClientBuilder;
use weipay::wire::{
    Authorization, MerchantId, MerchantSerial, PrivateKey, PublicKeyId, is_fresh, request_message,
    response_message,
};

pub use crate::server::{Scripted, Seen, unsigned};
use crate::server::{Server, serve};

pub const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026";
pub const MERCHANT_SERIAL: &str = "0C4AEF34B89340881BB2B25226393DC2E47F094B";

pub static MERCHANT: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
pub static PLATFORM: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// A response that is properly signed.
pub fn signed(status: u16, body: &str) -> Scripted {
    signed_at(status, body, now())
}

pub fn signed_at(status: u16, body: &str, timestamp: i64) -> Scripted {
    signed_by(&PLATFORM, PUBLIC_KEY_ID, status, body, timestamp)
}

/// A response that is signed with this key, under this serial.
pub fn signed_by(key: &PrivateKey, serial: &str, status: u16, body: &str, timestamp: i64) -> Scripted {
    let (timestamp, nonce) = (timestamp.to_string(), "c5ac7061fccab6bf3e254dcf98995b8c");
    let signature = key.sign(&response_message(&timestamp, nonce, body.as_bytes())).unwrap();
    unsigned(status, body)
        .header("Wechatpay-Timestamp", &timestamp)
        .header("Wechatpay-Nonce", nonce)
        .header("Wechatpay-Signature", &signature)
        .header("Wechatpay-Serial", serial)
}

/// The same call on both clients, each on its own platform with these responses: the two outcomes with their platforms.
macro_rules! on_both {
    ($responses:expr, $client:ident => $call:expr) => {{
        let platform = $crate::platform::Platform::start($responses);
        let $client = platform.builder().build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let first = (runtime.block_on(async { $call.await }), platform);
        let platform = $crate::platform::Platform::start($responses);
        let $client = platform.builder().build_blocking().unwrap();
        [first, ($call, platform)]
    }};
}
pub(crate) use on_both;

/// A running platform. Each response is used for one request; afterwards connections are closed unanswered.
pub struct Platform {
    pub base_url: String,
    server: Server,
}

impl Platform {
    pub fn start(responses: Vec<Scripted>) -> Self {
        let server = Server::start(responses.into_iter().map(Into::into).collect());
        Self { base_url: server.base_url(), server }
    }

    /// The next request that arrived.
    pub fn seen(&self) -> Seen {
        self.server.next_seen()
    }

    /// Whether a request has arrived that was not looked at.
    pub fn saw_more(&self) -> bool {
        self.server.take_seen().is_some()
    }

    pub fn builder(&self) -> ClientBuilder {
        configured().base_url(&self.base_url)
    }
}

/// A platform that answers each request by what is in it: its base URL.
pub fn responding(respond: impl Fn(&Seen) -> Scripted + Send + Sync + 'static) -> String {
    serve(move |seen| {
        check(&seen);
        respond(&seen)
    })
}

pub fn configured() -> ClientBuilder {
    ClientBuilder::default()
        .mchid(MerchantId::new("1900000001").unwrap())
        .merchant_serial(MerchantSerial::new(MERCHANT_SERIAL).unwrap())
        .merchant_key(MERCHANT.clone())
        .public_key(PublicKeyId::new(PUBLIC_KEY_ID).unwrap(), PLATFORM.public_key())
}

/// The platform's own check of the request: a wrong signature ends the test.
pub fn check(seen: &Seen) {
    let Some(authorization) = seen.header("authorization") else {
        // What APIv2 signs stands in the body: see `apiv2/by_hand.rs`.
        assert!(!seen.target.starts_with("/v3/"));
        return;
    };
    if let Some(parameters) = authorization.strip_prefix("WECHATPAY-BRAND-SHA256-RSA2048 ") {
        return check_brand(seen, parameters);
    }
    let authorization: Authorization = authorization.parse().unwrap();
    assert!(["1900000001", "1900000002"].contains(&authorization.mchid.as_str()));
    assert_eq!(authorization.serial_no, MERCHANT_SERIAL);
    assert!(is_fresh(now(), authorization.timestamp));
    let message = request_message(
        &seen.method,
        &seen.target,
        authorization.timestamp,
        &authorization.nonce_str,
        &seen.body,
    );
    MERCHANT.public_key().verify(&message, &authorization.signature).unwrap();
}

fn check_brand(seen: &Seen, parameters: &str) {
    let parameters: HashMap<_, _> = parameters.split(',').map(|pair| pair.split_once('=').unwrap()).collect();
    let text = |name: &str| parameters[name].strip_prefix('"').unwrap().strip_suffix('"').unwrap();
    assert_eq!((parameters.len(), text("serial_no")), (5, MERCHANT_SERIAL));
    let timestamp = text("timestamp").parse().unwrap();
    let message = request_message(&seen.method, &seen.target, timestamp, text("nonce_str"), &seen.body);
    MERCHANT.public_key().verify(&message, text("signature")).unwrap();
}
