//! The gates of the sandbox, which anybody may reach: APIv2, whose gate reads XML before it knows whom it speaks with,
//! and APIv3. The first byte chooses the path, and whether the body is signed, so that what lies behind the signature
//! is reached too.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use weipay::http::HeaderMap;
use weipay::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use weipay::wire::{
    ApiV2Key, Authorization, PrivateKey, Scheme, SignType, XmlContent, XmlElements, request_message,
};
use weipay_sandbox::{Clock, Request, Sandbox};

/// The clock is held: a run of some minutes must not let a signature grow old.
static SANDBOX: LazyLock<Sandbox> =
    LazyLock::new(|| Sandbox::builder().clock(Clock::frozen(weipay_fuzz::NOW).0).start().unwrap());
static KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::from_pem(&SANDBOX.kit_on_disk().merchant_key_pem().unwrap()).unwrap());

const V2: [&str; 8] = [
    "/pay/unifiedorder",
    "/pay/orderquery",
    "/pay/micropay",
    "/pay/refundquery",
    "/pay/downloadbill",
    "/secapi/pay/refund",
    "/mmpaymkttransfers/sendredpack",
    "/risk/getpublickey",
];

const V3: [&str; 8] = [
    "/v3/pay/transactions/native",
    "/v3/refund/domestic/refunds",
    "/v3/marketing/busifavor/stocks",
    "/v3/marketing/busifavor/coupons/send",
    "/v3/fund-app/mch-transfer/transfer-bills",
    "/v3/profitsharing/orders",
    "/v3/payscore/serviceorder",
    "/v3/combine-transactions/native",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else { return };
    let (at, is_signed) = (usize::from(choice >> 1) % 16, choice & 1 == 1);
    let request = match (V2.get(at), is_signed) {
        (Some(path), false) => post(path, body.to_vec(), None),
        (Some(path), true) => {
            let Some(body) = signed_xml(body) else { return };
            post(path, body, None)
        }
        (None, is_signed) => {
            let path = V3[at - V2.len()];
            let signature = if is_signed {
                authorization(path, body)
            } else {
                let Ok(text) = str::from_utf8(body) else { return };
                text.to_owned()
            };
            post(path, if is_signed { body.to_vec() } else { Vec::new() }, Some(signature))
        }
    };
    let response = SANDBOX.platform().respond(&request);
    assert!((200..600).contains(&response.status) && response.body.len() < 1 << 20);
    let kit = SANDBOX.kit();
    let shown = String::from_utf8_lossy(&response.body);
    weipay_fuzz::check_no_secret(&shown, bytes, &[kit.api_v2_key.as_str(), kit.api_v3_key.as_str()]);
});

fn post(target: &str, body: Vec<u8>, authorization: Option<String>) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, "fuzz".parse().unwrap());
    headers.insert(ACCEPT, "application/json".parse().unwrap());
    headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
    if let Some(value) = authorization.and_then(|text| text.parse().ok()) {
        headers.insert(AUTHORIZATION, value);
    }
    let (method, target) = ("POST".to_owned(), target.to_owned());
    Request { method, target, headers, body, ..Request::default() }
}

/// The elements of the body, as the merchant would sign them.
fn signed_xml(body: &[u8]) -> Option<Vec<u8>> {
    let read = XmlElements::read(body, "xml").ok()?;
    let kit = SANDBOX.kit();
    let mut elements = XmlElements::new();
    for (name, content) in read.iter() {
        match content {
            XmlContent::Text(text) if !matches!(name, "sign" | "sign_type" | "mch_id" | "nonce_str") => {
                elements.push(name, text.clone());
            }
            XmlContent::Text(_) => {}
            XmlContent::Elements(nested) => elements.push_elements(name, nested.clone()),
        }
    }
    elements.set("mch_id", &*kit.mchid);
    elements.set("nonce_str", "c5ac7061fccab6bf3e254dcf98995b8c");
    let key = ApiV2Key::new(kit.api_v2_key.as_str()).unwrap();
    let sign = key.sign(SignType::Md5, elements.texts());
    elements.set("sign", sign);
    Some(elements.write("xml").ok()?.into_bytes())
}

fn authorization(path: &str, body: &[u8]) -> String {
    let (timestamp, nonce) = (weipay_fuzz::NOW, "593BEC0C930BF1AFEB40B4A08C8FB242");
    let message = request_message("POST", path, timestamp, nonce, body);
    let kit = SANDBOX.kit();
    Authorization {
        scheme: Scheme::default(),
        mchid: kit.mchid.to_string(),
        serial_no: kit.merchant_serial.to_string(),
        timestamp,
        nonce_str: nonce.to_owned(),
        signature: KEY.sign(&message).unwrap(),
    }
    .to_string()
}
