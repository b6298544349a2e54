//! The response (应答): what is sent back, or the refusal in its place; headers as the platform sends them, and the signature
//! over what is sent.
//!
//! Everything after the [gate](crate::gate) is signed, refusals included, except [files](File); what the gate rejects is not.
//! The WeChat Pay public key (微信支付公钥) signs for a request that names it in `Wechatpay-Serial`, the platform certificate
//! (平台证书) for every other, as during the platform's migration from one to the other.

mod refusal;

use std::net::Ipv4Addr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use weipay_wire::{DigestAlgorithm, PrivateKey, SCHEME, is_same_serial, response_message};

use crate::clock;
use crate::entropy::Entropy;
use crate::explain::SignatureExplanation;
use crate::faults::Delivery;
use crate::gate::Rejection;
use crate::platform::Request;
use crate::products::Behaviour;
pub(crate) use refusal::{DocumentedRefusal, Refusal, encode_reason};
pub use refusal::{REASON_HEADER, decode_reason};

/// A response as it will be sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header fields, in the platform's order; transport adds `Content-Length`, `Connection` and `Keep-Alive`.
    pub headers: HeaderMap,
    /// The body, already signed where the headers say so.
    pub body: Vec<u8>,
    /// The code of a refusal.
    pub(crate) code: Option<&'static str>,
    /// The message of a refusal; it names fields and rules, and no values.
    pub(crate) message: Option<String>,
    /// Why the signature of the request was wrong.
    pub(crate) explanation: Option<Box<SignatureExplanation>>,
    /// Whether the gateway let the request in.
    pub(crate) is_let_in: bool,
    /// How it leaves.
    pub(crate) delivery: Delivery,
}

impl Response {
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Vec::new(),
            code: None,
            message: None,
            explanation: None,
            is_let_in: false,
            delivery: Delivery::Whole,
        }
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        // Every value is made here, of visible ASCII; one that was not would be left out rather than sent broken.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// Whether nothing happened, and the response only shows what one looks like.
    #[must_use]
    pub fn is_example(&self) -> bool {
        self.header(ANSWER_HEADER) == Some(Behaviour::Example.word())
    }

    /// The error code (错误码) of a refusal that has one.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// A header field as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The header that marks a response as `state` (the operation was executed) or `example`.
pub const ANSWER_HEADER: &str = "weipay-sandbox-answer";

/// A file on its way to the merchant. Nothing of it is signed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// Whether it is an overseas statement: those carry a digest in a header, and a signature of that.
    pub(crate) is_statement: bool,
    /// Whether the operation was executed, or this is an example.
    pub(crate) origin: Behaviour,
}

/// Decimal codes that end a `Request-ID`. All were seen or documented.
pub(crate) mod tail {
    pub(crate) const SUCCESS: u32 = 0;
    pub(crate) const BAD_PARAMETER: u32 = 268_435_461;
    pub(crate) const OUT_OF_RANGE: u32 = 268_435_464;
    pub(crate) const UNDEFINED_PARAMETER: u32 = 270_924_358;
    pub(crate) const BAD_SIGNATURE: u32 = 268_443_699;
    pub(crate) const APPID_NOT_BOUND: u32 = 268_445_527;
    pub(crate) const STOCK_EXPIRED: u32 = 272_757_274;
    pub(crate) const STOCK_NOT_RUNNING: u32 = 272_757_265;
    pub(crate) const NO_SUCH_MERCHANT: u32 = 269_546_538;
    pub(crate) const NOT_ENOUGH_FOR_REFUND: u32 = 268_892_709;
    /// UNCONFIRMED(request-id-code): seen on a 400 and never explained; it stands for every case whose own number is unknown.
    pub(crate) const UNEXPLAINED: u32 = 270_924_337;
    /// UNCONFIRMED(request-id-code): seen on a 401 and never explained.
    pub(crate) const UNEXPLAINED_401: u32 = 269_546_525;
    /// Of APIv2, reported of a body that is not XML: <https://github.com/ArtisanCloud/PowerWeChat/issues/258>.
    /// UNCONFIRMED(v2-request-id): every other failure of APIv2 has it too.
    pub(crate) const FAILURE_OF_V2: u32 = 47_001;
}

/// A signing key and the name that goes into `Wechatpay-Serial`.
#[derive(Debug)]
pub(crate) struct SigningKey {
    pub(crate) serial: String,
    pub(crate) key: PrivateKey,
}

/// The keys with which the platform signs for a merchant.
#[derive(Debug)]
pub(crate) struct Signers {
    /// Signs whatever no other key signs: the certificate's (平台证书) where there is one.
    pub(crate) usual: Arc<SigningKey>,
    /// 微信支付公钥, with an older or newer one in a rotation.
    pub(crate) public_keys: Vec<Arc<SigningKey>>,
    /// 平台证书, with an older or newer one in a rotation.
    pub(crate) certificates: Vec<Arc<SigningKey>>,
    /// How many of a thousand notifications a public key signs, where that is decided.
    pub(crate) notifying: Option<(u32, Arc<SigningKey>)>,
}

/// The time and the randomness of a response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    /// By the sandbox's clock.
    pub(crate) now: i64,
    /// By the clock of who signed the request, which may be the machine's while the sandbox's stands elsewhere: clients compare
    /// `Wechatpay-Timestamp` with theirs.
    pub(crate) signed: i64,
    pub(crate) entropy: &'a Entropy,
}

/// A response that is not signed yet, and has no headers.
#[derive(Debug)]
pub(crate) struct UnsignedResponse {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// The decimal code after the dash of `Request-ID`.
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
        let mut all = self.public_keys.iter().chain(&self.certificates);
        all.find(|key| is_same_serial(&key.serial, serial)).map(|key| &key.key)
    }

    /// The serial of the key that signs the response to a request.
    pub(crate) fn serial_for(&self, request: &Request) -> &str {
        &self.for_request(request).serial
    }

    /// The key that signs a notification: `serial` is that of the key that the request named which set the address.
    pub(crate) fn for_notification(&self, number: i64, serial: &str) -> &SigningKey {
        if let Some((permille, public_key)) = &self.notifying {
            // Spread evenly: neighbouring numbers are far from each other.
            let is_of_public_key = number.wrapping_mul(617).rem_euclid(1000) < i64::from(*permille);
            return if is_of_public_key { public_key } else { &self.usual };
        }
        self.named(serial)
    }

    /// The keys that decrypt what a request of APIv2 has encrypted; the first is the one that the platform gives.
    pub(crate) fn encryption_keys(&self) -> impl Iterator<Item = &PrivateKey> {
        self.public_keys.iter().chain(&self.certificates).map(|key| &key.key)
    }

    fn for_request(&self, request: &Request) -> &SigningKey {
        self.named(request.header("wechatpay-serial").unwrap_or_default())
    }

    /// The public key that a serial names, or else the usual key.
    fn named(&self, serial: &str) -> &SigningKey {
        self.public_keys.iter().find(|key| is_same_serial(&key.serial, serial)).unwrap_or(&self.usual)
    }

    /// A signed response to a request.
    pub(crate) fn signed(
        &self,
        request: &Request,
        unsigned: UnsignedResponse,
        occasion: Occasion<'_>,
    ) -> Response {
        let text = unsigned.body.clone();
        self.sign(with_headers(unsigned, occasion, true), &text, request, occasion)
    }

    /// A file: unsigned, except an overseas statement, whose signature covers the digest that its header has.
    pub(crate) fn file(&self, request: &Request, file: File, occasion: Occasion<'_>) -> Response {
        let File { content_type, bytes, is_statement, .. } = file;
        let digest = is_statement.then(|| DigestAlgorithm::Sha1.hex(&bytes));
        let unsigned = UnsignedResponse { status: 200, body: bytes, tail: tail::SUCCESS };
        let mut response = with_headers(unsigned, occasion, true);
        // In the place of the type that other responses have.
        response.set("content-type", content_type);
        let Some(digest) = digest else { return response };
        let mut response =
            self.sign(response, format!(r#"{{"sha1":"{digest}"}}"#).as_bytes(), request, occasion);
        response.set("wechatpay-statement-sha1", &digest);
        response
    }

    /// A response that should be signed never leaves without its signature.
    fn sign(
        &self,
        mut response: Response,
        text: &[u8],
        request: &Request,
        occasion: Occasion<'_>,
    ) -> Response {
        let (timestamp, nonce) = (occasion.signed.to_string(), occasion.entropy.nonce());
        let signer = self.for_request(request);
        let Ok(signature) = signer.key.sign(&response_message(&timestamp, &nonce, text)) else {
            return with_headers(UnsignedResponse::from(&Refusal::system_error()), occasion, true);
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
pub(crate) fn rejected(rejection: &Rejection, occasion: Occasion<'_>) -> Response {
    match rejection {
        Rejection::Unrouted { status, .. } => {
            let mut response = Response::empty(*status);
            response.set("server", SERVER);
            response.set("date", &clock::http_date(occasion.signed));
            response
        }
        Rejection::Refused { refusal, has_request_id } => {
            with_headers(UnsignedResponse::from(refusal), occasion, *has_request_id)
        }
    }
}

/// The real platform says `nginx`; the sandbox must not be mistaken for it.
pub(crate) const SERVER: &str = "weipay-sandbox";

/// A response with the headers that signed and unsigned ones share, in the platform's order.
pub(crate) fn with_headers(
    unsigned: UnsignedResponse,
    occasion: Occasion<'_>,
    has_request_id: bool,
) -> Response {
    let mut response = Response::empty(unsigned.status);
    response.set("server", SERVER);
    response.set("date", &clock::http_date(occasion.signed));
    // On a response without a body too. INFERRED(content-type-of-204): WxJava reads this header of every
    // response and does not ask whether it is there, and its users close orders, whose response is 204.
    response.set("content-type", "application/json; charset=utf-8");
    response.set("cache-control", "no-cache, must-revalidate");
    response.set("x-content-type-options", "nosniff");
    if has_request_id {
        response.set("request-id", &request_id(occasion.now, unsigned.tail, occasion.entropy));
    }
    // Of no other language is any text known.
    response.set("content-language", "zh-CN");
    response.body = unsigned.body;
    response
}

/// A new `Request-ID`: a protobuf message in upper-case hexadecimal, a dash, and a decimal code (0 for success).
///
/// The form was read out of recorded ones: field 1 is the time in seconds (by the sandbox's clock), 2 its milliseconds,
/// 3 the address of a machine as an integer, 4 and 5 are small integers.
pub(crate) fn request_id(now: i64, tail: u32, entropy: &Entropy) -> String {
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
mod tests;
