//! The response (应答): what is sent back, or the refusal in its place; headers as the platform sends them, and the signature over
//! what is sent.
//!
//! Everything after the [gate](crate::gate) is signed, refusals included, except [files](File); what the gate rejects is not.
//! The WeChat Pay public key (微信支付公钥) signs for a request that names it in `Wechatpay-Serial`, the platform certificate
//! (平台证书) for every other, as during the platform's migration from one to the other.
//!
//! A refusal is a value, from wherever on the journey it comes. Its code is the contract, its message is for people. One code has
//! different statuses on different operations, so a refusal always carries its own status. `detail` exists only where the gateway
//! was seen to send it. Its reason, for developers, travels in a header, because the body is the platform's: a program that
//! reads the body must find here what it will find there. A reason names fields and rules and never a value: a value may be a
//! person's name, or a key.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};
use weipay_wire::{DigestAlgorithm, PrivateKey, SCHEME, is_same_serial, response_message};

use crate::clock;
use crate::entropy::Entropy;
use crate::explain::SignatureExplanation;
use crate::faults::Delivery;
use crate::gate::Rejection;
use crate::platform::Request;
use crate::products::Behaviour;

/// A response as it will be sent.
#[derive(Debug, Clone)]
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
    /// Whether the gateway of APIv2 let the request in.
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
        self.header(ORIGIN_HEADER) == Some(Behaviour::Example.word())
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

/// The header that says where a response comes from: `state` when the platform did what was asked, `example` when it
/// only showed what such a response looks like.
pub const ORIGIN_HEADER: &str = "weipay-sandbox-answer";

/// A file on its way to the merchant. Nothing of it is signed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// Whether it is an overseas statement: those carry a digest in a header, and a signature of that.
    pub(crate) is_statement: bool,
    /// Whether it tells of what has happened, or is an example.
    pub(crate) origin: Behaviour,
}

/// The error response that the platform gives instead of doing what was asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
    pub(crate) detail: Option<Box<Value>>,
    /// The decimal code after the dash of `Request-ID`.
    pub(crate) tail: u32,
    /// Why, for the developer, in English and without any value of the request; see [`REASON_HEADER`].
    pub(crate) reason: Option<Cow<'static, str>>,
    /// Of a wrong signature: what was signed instead.
    pub(crate) explanation: Option<Box<SignatureExplanation>>,
    /// What the documents say in the place of what was observed.
    pub(crate) documented: Option<&'static DocumentedRefusal>,
}

/// A refusal as the documents have it, where the platform was seen to refuse otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DocumentedRefusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
    pub(crate) tail: u32,
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
    /// UNCONFIRMED(request-id-code): seen on a 400 and never explained; it stands for every case whose own number is unknown.
    pub(crate) const UNEXPLAINED: u32 = 270_924_337;
    /// UNCONFIRMED(request-id-code): seen on a 401 and never explained.
    pub(crate) const UNEXPLAINED_401: u32 = 269_546_525;
}

impl Refusal {
    /// Official messages are short, and many different mistakes have the same one: the reason names the rule, and what to do.
    pub(crate) fn new(
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::without_reason(status, code, message).with_reason(reason)
    }

    /// Only where the message itself names the field and its rule, or where the request has done nothing wrong.
    pub(crate) fn without_reason(
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            detail: None,
            tail: tail::UNEXPLAINED,
            reason: None,
            explanation: None,
            documented: None,
        }
    }

    /// What the documents say in its place.
    pub(crate) fn with_documented(mut self, documented: &'static DocumentedRefusal) -> Self {
        self.documented = Some(documented);
        self
    }

    /// As the documents have it, where they differ from what was observed. APIv2 has the status 200 whatever it refuses.
    pub(crate) fn into_documented(self) -> Self {
        let Some(documented) = self.documented else { return self };
        Self {
            status: if self.status == 200 { 200 } else { documented.status },
            code: documented.code,
            message: documented.message.into(),
            tail: documented.tail,
            ..self
        }
    }

    pub(crate) fn with_detail(mut self, detail: Value) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn with_tail(mut self, tail: u32) -> Self {
        self.tail = tail;
        self
    }

    /// Another reason, in the place of the one before.
    pub(crate) fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// 400 PARAM_ERROR: a value breaks the rule of its field.
    pub(crate) fn param_error(
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(400, "PARAM_ERROR", message, reason).with_tail(tail::BAD_PARAMETER)
    }

    /// 400 INVALID_REQUEST: every field is well formed, and the request still makes no sense now.
    pub(crate) fn invalid_request(
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(400, "INVALID_REQUEST", message, reason)
    }

    /// 401 SIGN_ERROR: the caller did not prove who it is.
    pub(crate) fn sign_error(
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(401, "SIGN_ERROR", message, reason).with_tail(tail::UNEXPLAINED_401)
    }

    /// 403 NO_AUTH: the caller is known and may not do this. Old pages print `NOAUTH`; real responses do not.
    pub(crate) fn no_auth(
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(403, "NO_AUTH", message, reason)
    }

    /// 404 RESOURCE_NOT_EXISTS.
    pub(crate) fn resource_not_exists(
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(404, "RESOURCE_NOT_EXISTS", message, reason)
    }

    /// 501: the sandbox has no behaviour for an operation, and was told not to respond with examples.
    pub(crate) fn not_implemented() -> Self {
        Self::new(
            501,
            "NOT_IMPLEMENTED",
            "沙箱尚未实现此接口",
            "the sandbox has no behaviour for this operation, and --no-examples forbids an example",
        )
    }

    /// 500 SYSTEM_ERROR: the sandbox itself failed, and nothing was changed.
    pub(crate) fn system_error() -> Self {
        Self::without_reason(500, "SYSTEM_ERROR", "系统错误，请稍后重试")
    }

    /// The body in APIv3; members in the alphabetical order that was seen.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut members = Map::new();
        members.insert("code".to_owned(), self.code.into());
        if let Some(detail) = &self.detail {
            members.insert("detail".to_owned(), detail.as_ref().clone());
        }
        members.insert("message".to_owned(), self.message.as_ref().into());
        Value::Object(members).to_string().into_bytes()
    }
}

/// The header that says why a request was refused, in English; see [`decode_reason`].
pub const REASON_HEADER: &str = "weipay-sandbox-reason";

/// The longest header value.
const MAX_REASON_LENGTH: usize = 600;

/// What does not stand in the header as it is; letters beyond ASCII never do.
const UNREADABLE: &AsciiSet = &CONTROLS.add(b'%');

/// A reason as a header value: visible ASCII and blanks stay, everything else is percent-encoded, and so is `%`.
pub(crate) fn encode_reason(reason: &str) -> String {
    let mut text = String::new();
    for character in reason.chars() {
        let mut bytes = [0; 4];
        let encoded = utf8_percent_encode(character.encode_utf8(&mut bytes), UNREADABLE).to_string();
        if text.len() + encoded.len() > MAX_REASON_LENGTH {
            break;
        }
        text.push_str(&encoded);
    }
    text
}

/// The text of a [`REASON_HEADER`] header. Control characters are left out: the text may be printed on a terminal.
#[must_use]
pub fn decode_reason(value: &str) -> String {
    let text = percent_decode_str(value).decode_utf8_lossy();
    text.chars().filter(|character| !character.is_control()).collect()
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
        now: i64,
        entropy: &Entropy,
    ) -> Response {
        let text = unsigned.body.clone();
        self.sign(with_headers(unsigned, now, entropy, true), &text, request, now, entropy)
    }

    /// A file: unsigned, except an overseas statement, whose signature covers the digest that its header has.
    pub(crate) fn file(&self, request: &Request, file: File, now: i64, entropy: &Entropy) -> Response {
        let File { content_type, bytes, is_statement, .. } = file;
        let digest = is_statement.then(|| DigestAlgorithm::Sha1.hex(&bytes));
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
            response.set("date", &clock::http_date(now));
            response
        }
        Rejection::Refused { refusal, has_request_id } => {
            with_headers(UnsignedResponse::from(refusal), now, entropy, *has_request_id)
        }
    }
}

/// The real platform says `nginx`; the sandbox must not be mistaken for it.
pub(crate) const SERVER: &str = "weipay-sandbox";

/// A response with the headers that signed and unsigned ones share, in the platform's order.
pub(crate) fn with_headers(
    unsigned: UnsignedResponse,
    now: i64,
    entropy: &Entropy,
    has_request_id: bool,
) -> Response {
    let mut response = Response::empty(unsigned.status);
    response.set("server", SERVER);
    response.set("date", &clock::http_date(now));
    // On a response without a body too. INFERRED(content-type-of-204): WxJava reads this header of every
    // response and does not ask whether it is there, and its users close orders, whose response is 204.
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
mod tests;
