//! The response (应答): headers as the platform sends them, and the signature over what is sent.
//!
//! Everything behind the [gate](crate::gate) is signed, refusals included, except [files](crate::download); what the gate rejects is not.
//! The WeChat Pay public key (微信支付公钥) signs for a request that names it in `Wechatpay-Serial`, the platform certificate
//! (平台证书) for every other, as during the platform's migration from one to the other.

use std::net::Ipv4Addr;

use weipay_wire::{PrivateKey, SCHEME, is_same_serial, response_message};

use crate::calendar;
use crate::download::{self, File};
use crate::entropy::Entropy;
use crate::exchange::{Request, Response};
use crate::gate::Rejection;
use crate::refusal::{Refusal, tail};

/// A signing key and the name that goes into `Wechatpay-Serial`.
#[derive(Debug)]
pub(crate) struct SigningKey {
    pub(crate) serial: String,
    pub(crate) key: PrivateKey,
}

/// The platform's two keys.
#[derive(Debug)]
pub(crate) struct Signers {
    /// 平台证书.
    pub(crate) certificate: SigningKey,
    /// 微信支付公钥.
    pub(crate) public_key: SigningKey,
}

/// A response that is not signed yet, and has no headers.
#[derive(Debug)]
pub(crate) struct UnsignedResponse {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// The decimal code behind the dash of `Request-ID`.
    pub(crate) tail: u32,
}

impl From<&Refusal> for UnsignedResponse {
    fn from(refusal: &Refusal) -> Self {
        Self { status: refusal.status, body: refusal.to_json(), tail: refusal.tail }
    }
}

impl Signers {
    /// The key that a `Wechatpay-Serial` names.
    pub(crate) fn key(&self, serial: &str) -> Option<&PrivateKey> {
        self.named(serial).map(|key| &key.key)
    }

    fn named(&self, serial: &str) -> Option<&SigningKey> {
        [&self.public_key, &self.certificate].into_iter().find(|key| is_same_serial(&key.serial, serial))
    }

    /// The serial of the key that signs the response to a request.
    pub(crate) fn serial_for(&self, request: &Request) -> &str {
        &self.for_request(request).serial
    }

    /// The key that a serial names, or else that of the certificate.
    pub(crate) fn named_or_certificate(&self, serial: &str) -> &SigningKey {
        self.named(serial).unwrap_or(&self.certificate)
    }

    fn for_request(&self, request: &Request) -> &SigningKey {
        self.named_or_certificate(request.header("wechatpay-serial").unwrap_or_default())
    }

    /// A signed response to a request.
    pub(crate) fn signed(
        &self,
        request: &Request,
        unsigned: UnsignedResponse,
        now: i64,
        entropy: &Entropy,
    ) -> Response {
        let text = unsigned.body.clone();
        self.sign(with_headers(unsigned, now, entropy, true), &text, request, now, entropy)
    }

    /// A file: unsigned, except an overseas statement, whose signature covers the digest that its header has.
    pub(crate) fn file(&self, request: &Request, file: File, now: i64, entropy: &Entropy) -> Response {
        let File { content_type, bytes, is_statement } = file;
        let digest = is_statement.then(|| download::sha1_hex(&bytes));
        let unsigned = UnsignedResponse { status: 200, body: bytes, tail: tail::SUCCESS };
        let mut response = with_headers(unsigned, now, entropy, true);
        // In the place of the type that other responses have.
        response.set("content-type", content_type);
        let Some(digest) = digest else { return response };
        let mut response =
            self.sign(response, format!(r#"{{"sha1":"{digest}"}}"#).as_bytes(), request, now, entropy);
        response.set("wechatpay-statement-sha1", &digest);
        response
    }

    /// A response that should be signed never leaves without its signature.
    fn sign(
        &self,
        mut response: Response,
        text: &[u8],
        request: &Request,
        now: i64,
        entropy: &Entropy,
    ) -> Response {
        let (timestamp, nonce) = (now.to_string(), entropy.nonce());
        let signer = self.for_request(request);
        let Ok(signature) = signer.key.sign(&response_message(&timestamp, &nonce, text)) else {
            return with_headers(UnsignedResponse::from(&Refusal::system_error()), now, entropy, true);
        };
        response.set("wechatpay-nonce", &nonce);
        response.set("wechatpay-signature", &signature);
        response.set("wechatpay-timestamp", &timestamp);
        response.set("wechatpay-serial", &signer.serial);
        response.set("wechatpay-signature-type", SCHEME);
        response
    }
}

/// The unsigned response to a request that the gate rejected.
pub(crate) fn rejected(rejection: &Rejection, now: i64, entropy: &Entropy) -> Response {
    match rejection {
        Rejection::Unrouted { status, .. } => {
            let mut response = Response::empty(*status);
            response.set("server", SERVER);
            response.set("date", &calendar::http_date(now));
            response
        }
        Rejection::Refused { refusal, has_request_id } => {
            with_headers(UnsignedResponse::from(refusal), now, entropy, *has_request_id)
        }
    }
}

/// The real platform says `nginx`; the sandbox must not be mistaken for it.
const SERVER: &str = "weipay-sandbox";

/// A response with the headers that signed and unsigned ones share, in the platform's order.
pub(crate) fn with_headers(
    unsigned: UnsignedResponse,
    now: i64,
    entropy: &Entropy,
    has_request_id: bool,
) -> Response {
    let mut response = Response::empty(unsigned.status);
    response.set("server", SERVER);
    response.set("date", &calendar::http_date(now));
    // On a response without a body too. INFERRED: WxJava reads this header of every response and does not ask whether it is there,
    // and its users close orders, which answers 204.
    response.set("content-type", "application/json; charset=utf-8");
    response.set("cache-control", "no-cache, must-revalidate");
    response.set("x-content-type-options", "nosniff");
    if has_request_id {
        response.set("request-id", &request_id(now, unsigned.tail, entropy));
    }
    // An unsupported `Accept-Language` falls back to zh-CN, and the sandbox has no other texts.
    response.set("content-language", "zh-CN");
    response.body = unsigned.body;
    response
}

/// A new `Request-ID`: a protobuf message in upper-case hexadecimal, a dash, and a decimal code (0 for success).
///
/// The form was read out of recorded ones: field 1 is the time in seconds, 2 its milliseconds, 3 the address of a machine as an
/// integer, 4 and 5 are small integers.
fn request_id(now: i64, tail: u32, entropy: &Entropy) -> String {
    let mut random = [0; 4];
    entropy.fill(&mut random);
    let [low, high, fourth, fifth] = random;
    let milliseconds = u64::from(u16::from_le_bytes([low, high]) % 1000);
    let machine = u64::from(u32::from(Ipv4Addr::LOCALHOST));
    let fields = [now.max(0).cast_unsigned(), milliseconds, machine, u64::from(fourth), u64::from(fifth)];
    let mut message = Vec::with_capacity(32);
    for (number, value) in (1_u8..).zip(fields) {
        message.push(number << 3);
        message.extend(varint(value));
    }
    format!("{}-{tail}", base16ct::upper::encode_string(&message))
}

/// A base-128 varint, the least group first.
fn varint(mut value: u64) -> impl Iterator<Item = u8> {
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let group = (value & 0x7F) as u8;
        value >>= 7;
        done = value == 0;
        Some(if done { group } else { group | 0x80 })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use http::HeaderValue;
    use weipay_wire::PublicKey;

    use super::*;

    static SIGNERS: LazyLock<Signers> = LazyLock::new(|| {
        let make =
            |serial: &str| SigningKey { serial: serial.to_owned(), key: PrivateKey::generate().unwrap() };
        Signers {
            certificate: make("7132D72A03E93CDDF8C03BBD1F37EEDF00000000"),
            public_key: make("PUB_KEY_ID_01"),
        }
    });

    fn answer(wechatpay_serial: Option<&'static str>, draft: UnsignedResponse) -> Response {
        let mut request = Request::default();
        if let Some(serial) = wechatpay_serial {
            request.headers.insert("wechatpay-serial", HeaderValue::from_static(serial));
        }
        SIGNERS.signed(&request, draft, 1_786_766_400, &Entropy::seeded(1))
    }

    fn draft(status: u16, body: &str) -> UnsignedResponse {
        UnsignedResponse { status, body: body.as_bytes().to_vec(), tail: tail::SUCCESS }
    }

    fn verifies(response: &Response, key: &PublicKey) -> bool {
        let header = |name| response.header(name).unwrap();
        let message =
            response_message(header("wechatpay-timestamp"), header("wechatpay-nonce"), &response.body);
        key.verify(&message, header("wechatpay-signature")).is_ok()
    }

    #[test]
    fn the_certificate_signs_unless_the_request_names_the_public_key() {
        for (asked, signer) in [
            (None, &SIGNERS.certificate),
            (Some(""), &SIGNERS.certificate),
            (Some("7132D72A03E93CDDF8C03BBD1F37EEDF00000000"), &SIGNERS.certificate),
            (Some("7132d72a03e93cddf8c03bbd1f37eedf00000000"), &SIGNERS.certificate),
            (Some("PUB_KEY_ID_01"), &SIGNERS.public_key),
            (Some("PUB_KEY_ID_02"), &SIGNERS.certificate),
        ] {
            let response = answer(asked, draft(200, "{}"));
            assert_eq!(response.header("wechatpay-serial"), Some(&*signer.serial));
            assert!(verifies(&response, &signer.key.public_key()));
        }
    }

    #[test]
    fn a_response_without_a_body_is_signed_over_an_empty_one() {
        let response = answer(None, draft(204, ""));
        assert!(verifies(&response, &SIGNERS.certificate.key.public_key()));
        assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
    }

    #[test]
    fn headers_come_in_the_platforms_order() {
        let response = answer(None, draft(200, "{}"));
        let names: Vec<&str> = response.headers.keys().map(|name| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "server",
                "date",
                "content-type",
                "cache-control",
                "x-content-type-options",
                "request-id",
                "content-language",
                "wechatpay-nonce",
                "wechatpay-signature",
                "wechatpay-timestamp",
                "wechatpay-serial",
                "wechatpay-signature-type"
            ]
        );
    }

    #[test]
    fn who_is_turned_away_gets_no_signature() {
        let away = Rejection::Refused { refusal: Refusal::sign_error("签名错误"), has_request_id: true };
        let response = rejected(&away, 0, &Entropy::seeded(1));
        assert!(response.headers.keys().all(|name| !name.as_str().starts_with("wechatpay")));
        assert!(response.header("request-id").is_some());
        let lost =
            rejected(&Rejection::Unrouted { status: 404, reason: String::new() }, 0, &Entropy::seeded(1));
        assert_eq!((lost.status, lost.body.is_empty(), lost.header("request-id")), (404, true, None));
    }

    #[test]
    fn a_varint_is_written_as_in_the_protobuf_guide() {
        assert_eq!(varint(150).collect::<Vec<_>>(), [0x96, 0x01]);
        assert_eq!(varint(0).collect::<Vec<_>>(), [0]);
        assert_eq!(varint(u64::MAX).count(), 10);
    }

    #[test]
    fn a_request_id_begins_with_the_time_and_ends_with_the_code() {
        let id = request_id(1_756_951_532, 268_435_461, &Entropy::seeded(1));
        // Field 1, then 1756951532 in groups of seven bits.
        assert!(id.starts_with("08ECE7E3C50610"), "{id}");
        assert!(id.ends_with("-268435461"));
        assert!(
            id.split('-')
                .next()
                .unwrap()
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_lowercase())
        );
    }
}
