//! Signatures of APIv3: the message to sign (待签名串), the `Authorization` header of a request, and verifying what the platform
//! says.
//!
//! Every line of a message ends with LF, including the last one, so an empty body is an empty line. Nothing
//! is normalized here: the request target and the body are used byte for byte as they are sent, and the
//! timestamp of a response goes in as the text that was received.
//!
//! The signature of a response (应答签名验证) or of a notification (回调签名验证) has the same headers and is verified in the
//! same way, before anything in the body is trusted. The caller decides what to verify: error responses of the real gateway
//! have no signature, so the status is checked first. A signature proves who wrote a message, but not when it arrived. The
//! clock window (时间窗口) makes an old recording useless. The platform applies it to requests, and expects merchants to
//! apply it to responses and notifications.

mod reading;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Display, Formatter, Write as _};

use aws_lc_rs::rand;

use crate::certificate::Certificate;
use crate::identifiers::{PublicKeyId, is_same_serial};
use crate::rsa::PublicKey;
use crate::rsa::SignatureError;
use crate::scheme::Scheme;
use crate::v2_signature::SignError;
use crate::xml::XmlError;

pub use reading::{AuthorizationError, MAX_AUTHORIZATION_LENGTH};

/// The message that a merchant signs for a request (请求签名的待签名串).
///
/// `method` is upper case; `target` is the path with its query, already percent-encoded, exactly as sent
/// (`/v3/refund/domestic/refunds/1?sub_mchid=2`), with no scheme and no host. For an upload, `body` is the
/// text of the `meta` part alone.
#[must_use]
pub fn request_message(method: &str, target: &str, timestamp: i64, nonce: &str, body: &[u8]) -> Vec<u8> {
    let timestamp = timestamp.to_string();
    join_lines([method.as_bytes(), target.as_bytes(), timestamp.as_bytes(), nonce.as_bytes(), body])
}

/// The message that WeChat Pay signs for a response (应答签名) or a notification (回调签名).
///
/// `timestamp` and `nonce` are the texts of the `Wechatpay-Timestamp` and `Wechatpay-Nonce` headers; `body` is
/// the raw body after content decoding and before any parsing, empty for a 204.
#[must_use]
pub fn response_message(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    join_lines([timestamp.as_bytes(), nonce.as_bytes(), body])
}

/// Ends every line with LF, in one allocation of the right size.
fn join_lines<const N: usize>(lines: [&[u8]; N]) -> Vec<u8> {
    let length = lines.iter().map(|line| line.len() + 1).sum();
    let mut message = Vec::with_capacity(length);
    for line in lines {
        message.extend_from_slice(line);
        message.push(b'\n');
    }
    message
}

/// The length of a nonce in characters. The platform accepts up to 32.
pub const NONCE_LENGTH: usize = 32;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Makes a nonce of 32 letters and digits from bytes that `random` fills in.
///
/// Four random bytes per character keep the bias of the 62-letter alphabet below one in sixty million, and,
/// unlike drawing again on a miss, end after one draw whatever the source is.
#[must_use]
pub fn nonce(random: &mut dyn FnMut(&mut [u8])) -> String {
    let mut bytes = [0_u8; 4 * NONCE_LENGTH];
    random(&mut bytes);
    bytes.as_chunks::<4>().0.iter().map(|chunk| letter(u32::from_le_bytes(*chunk))).collect()
}

/// Makes a nonce from the operating system's randomness. Without entropy AWS-LC aborts the process.
#[must_use]
pub fn random_nonce() -> String {
    nonce(&mut |bytes| {
        // AWS-LC aborts the process if it has no entropy, so in practice this loop runs once.
        while rand::fill(bytes).is_err() {}
    })
}

/// Spreads a random `u32` evenly over the alphabet.
fn letter(random: u32) -> char {
    let index = (u64::from(random) * ALPHABET.len() as u64) >> 32;
    char::from(ALPHABET[index as usize])
}

/// The authentication scheme (认证类型) of merchants that sign with RSA.
pub const SCHEME: &str = Scheme::Sha256Rsa2048.name();

/// The content of an `Authorization` header (HTTP头Authorization, 认证类型 `WECHATPAY2-SHA256-RSA2048`): who signed
/// (`mchid`), with which certificate (`serial_no`), when and with which nonce, and the signature.
///
/// The platform accepts the parameters in any order. One order is written here, and all of them are read. A
/// value never contains a character that would end it early.
///
/// [`Display`] prints the header's value and [`FromStr`](std::str::FromStr) reads one.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The authentication scheme (认证类型): that of the key that signed.
    pub scheme: Scheme,
    /// The merchant ID (商户号) that the request is made for.
    pub mchid: String,
    /// The serial number of the merchant API certificate (商户API证书序列号) whose key signed.
    pub serial_no: String,
    /// When the request was signed (时间戳), in Unix seconds.
    pub timestamp: i64,
    /// The nonce (请求随机串) that was signed.
    pub nonce_str: String,
    /// The signature (签名值) in base64.
    pub signature: String,
}

impl fmt::Debug for Authorization {
    /// Without the signature, which a log must not hold.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("scheme", &self.scheme)
            .field("mchid", &self.mchid)
            .field("serial_no", &self.serial_no)
            .field("timestamp", &self.timestamp)
            .field("nonce_str", &self.nonce_str)
            .finish_non_exhaustive()
    }
}

impl Display for Authorization {
    /// Prints the header's value. A character that is not allowed in a value is left out, so that no value can end its
    /// quotes or the header. The platform then rejects the signature, which is the safe way to fail.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme.name())?;
        write_parameter(f, " mchid=\"", &self.mchid)?;
        write_parameter(f, ",serial_no=\"", &self.serial_no)?;
        write!(f, ",timestamp=\"{}\"", self.timestamp)?;
        write_parameter(f, ",nonce_str=\"", &self.nonce_str)?;
        write_parameter(f, ",signature=\"", &self.signature)
    }
}

pub(crate) fn write_parameter(f: &mut Formatter<'_>, opening: &str, value: &str) -> fmt::Result {
    f.write_str(opening)?;
    // As almost always: in one piece. Without an early end, several bytes are looked at at once.
    if value.bytes().fold(true, |all, byte| all & may_stand_in_a_value(char::from(byte))) {
        f.write_str(value)?;
        return f.write_char('"');
    }
    for part in value.split(|character| !may_stand_in_a_value(character)) {
        f.write_str(part)?;
    }
    f.write_char('"')
}

fn may_stand_in_a_value(character: char) -> bool {
    matches!(character, ' '..='~') && character != '"' && character != ','
}

/// The prefix of the signature of a probe (签名探测流量).
pub const PROBE_PREFIX: &str = "WECHATPAY/SIGNTEST/";

/// The most characters of a received serial number that an error keeps: a stranger may have sent it.
const MAX_SHOWN_SERIAL: usize = 64;

/// The signature headers (签名相关的HTTP头) of a response or a notification, as received; a missing header
/// is an empty text.
#[derive(Clone, Copy, Debug)]
pub struct SignatureHeaders<'a> {
    /// `Wechatpay-Timestamp` (应答时间戳).
    pub timestamp: &'a str,
    /// `Wechatpay-Nonce` (应答随机串).
    pub nonce: &'a str,
    /// `Wechatpay-Signature` (应答签名).
    pub signature: &'a str,
    /// `Wechatpay-Serial` (平台证书序列号 or 微信支付公钥ID).
    pub serial: &'a str,
}

/// Verifies a response or a notification: a key in `keys` must have signed exactly this body, within five minutes of
/// `now` (Unix seconds).
///
/// A probe (签名探测) always fails, like any forgery, with the error [`VerifyError::Probe`].
///
/// # Errors
///
/// If a header is missing or malformed, the key is unknown, the signature does not match, or the timestamp is more than five
/// minutes off. Do not trust the body then.
pub fn verify_response(
    headers: &SignatureHeaders<'_>,
    body: &[u8],
    keys: &PlatformKeys,
    now: i64,
) -> Result<(), VerifyError> {
    check_presence(headers)?;
    if headers.signature.starts_with(PROBE_PREFIX) {
        return Err(VerifyError::Probe);
    }
    let timestamp = seconds(headers.timestamp).ok_or(VerifyError::BadTimestamp)?;
    if !is_fresh(now, timestamp) {
        return Err(VerifyError::Stale { timestamp, now });
    }
    // A line break in the nonce would let an attacker move the border between nonce and body under one signature.
    if headers.nonce.chars().any(char::is_control) {
        return Err(VerifyError::BadNonce);
    }
    let key = keys.get(headers.serial).ok_or_else(|| unknown_serial(headers.serial, keys))?;
    let message = response_message(headers.timestamp, headers.nonce, body);
    key.verify(&message, headers.signature).map_err(|error| match error {
        SignatureError::NotBase64 => VerifyError::NotBase64,
        _ => VerifyError::Mismatch { serial: headers.serial.to_owned() },
    })
}

fn check_presence(headers: &SignatureHeaders<'_>) -> Result<(), VerifyError> {
    let named = [
        ("Wechatpay-Timestamp", headers.timestamp),
        ("Wechatpay-Nonce", headers.nonce),
        ("Wechatpay-Signature", headers.signature),
        ("Wechatpay-Serial", headers.serial),
    ];
    match named.into_iter().find(|(_, value)| value.is_empty()) {
        Some((name, _)) => Err(VerifyError::Missing(name)),
        None => Ok(()),
    }
}

/// Accepts digits only: the text itself is signed, so there is no reason to accept `+1`.
fn seconds(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn unknown_serial(serial: &str, keys: &PlatformKeys) -> VerifyError {
    let serial =
        serial.chars().filter(|character| character.is_ascii_graphic()).take(MAX_SHOWN_SERIAL).collect();
    VerifyError::UnknownSerial { serial, known: keys.serials().map(str::to_owned).collect() }
}

/// Why a response or a notification cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// It is a signature probe (签名探测): the platform tests whether the merchant rejects wrong signatures.
    Probe,
    /// It is signed with a key that is not configured here.
    UnknownSerial {
        /// The serial in the header, at most 64 characters of it.
        serial: String,
        /// The serials that are configured.
        known: Vec<String>,
    },
    /// It was signed more than five minutes from now.
    Stale {
        /// The timestamp in the header, in Unix seconds.
        timestamp: i64,
        /// The local clock, in Unix seconds.
        now: i64,
    },
    /// `Wechatpay-Timestamp` is not a number of seconds.
    BadTimestamp,
    /// `Wechatpay-Nonce` contains a control character.
    BadNonce,
    /// `Wechatpay-Signature` is not base64.
    NotBase64,
    /// The signature does not match this body and this key.
    Mismatch {
        /// The serial of the key.
        serial: String,
    },
    /// This signature header is missing or empty.
    Missing(&'static str),
    /// APIv2: the message is not the XML that a signature could be of.
    Xml(XmlError),
    /// APIv2: the `sign` of the message does not hold.
    Sign(SignError),
}

impl Display for VerifyError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe => write!(
                f,
                "this is a signature probe (签名探测): its signature starts with {PROBE_PREFIX} and is wrong on purpose; \
                 discard such a response and query the result or repeat the request, reject such a notification with \
                 status 4xx or 5xx, and never accept a probe"
            ),
            Self::UnknownSerial { serial, known } => {
                write!(f, "signed with the platform key {serial}, ")?;
                match known.is_empty() {
                    true => f.write_str("but no platform key is configured; ")?,
                    false => write!(f, "which is not one of the configured keys ({}); ", known.join(", "))?,
                }
                f.write_str(match (PublicKeyId::new(serial.as_str()).is_ok(), known.is_empty()) {
                    (true, _) => {
                        "add the WeChat Pay public key (微信支付公钥) with this ID; no list of certificates contains public keys"
                    }
                    (false, true) => {
                        "add the WeChat Pay public key (微信支付公钥) with its ID, or the platform certificate (平台证书)"
                    }
                    (false, false) => "add that key, or download the platform certificates (平台证书) again",
                })
            }
            Self::Stale { timestamp, now } => write!(
                f,
                "signed at {timestamp}, which is {} seconds from the local time {now}; at most {WINDOW_SECONDS} are \
                 allowed; it may be a replay, or the local clock is wrong: set the clock by NTP",
                now.abs_diff(*timestamp)
            ),
            Self::BadTimestamp => {
                f.write_str("Wechatpay-Timestamp is not a number of seconds; pass the header on unchanged")
            }
            Self::BadNonce => {
                f.write_str("Wechatpay-Nonce contains a control character; pass the header on unchanged")
            }
            Self::NotBase64 => f.write_str(
                "Wechatpay-Signature is not standard base64 with padding; pass the header on unchanged; if it arrived \
                 like this, reject the message",
            ),
            Self::Mismatch { serial } => write!(
                f,
                "the signature does not match this body and the platform key {serial}; use the raw body, before any \
                 parsing, and check that this key belongs to this serial; if both are right, the message is forged"
            ),
            Self::Missing(name) => write!(
                f,
                "the header {name} is missing; pass all Wechatpay-* headers on (a proxy may have removed them); if it \
                 arrived without this header, reject the message"
            ),
            Self::Xml(error) => Display::fmt(error, f),
            Self::Sign(error) => Display::fmt(error, f),
        }
    }
}

impl Error for VerifyError {}

/// Platform keys, each under the text that names it in `Wechatpay-Serial`.
///
/// Two official pages disagree on whether a client may look at the prefix of that text. A map from it to a
/// key satisfies both. It also works while a merchant migrates from one kind of key to the other and
/// receives both kinds of signatures.
#[derive(Clone, Debug, Default)]
pub struct PlatformKeys {
    by_serial: BTreeMap<String, PublicKey>,
}

impl PlatformKeys {
    /// Creates an empty set, with which nothing verifies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a platform certificate (平台证书) under its serial number.
    pub fn insert_certificate(&mut self, certificate: &Certificate) {
        self.by_serial.insert(certificate.serial().to_owned(), certificate.public_key().clone());
    }

    /// Adds a WeChat Pay public key (微信支付公钥) under its ID (公钥ID).
    pub fn insert_public_key(&mut self, id: PublicKeyId, key: PublicKey) {
        self.by_serial.insert(id.into_string(), key);
    }

    /// The key with this serial number or ID. Serial numbers of certificates may be written in lower case, and with or without
    /// leading zeros ([`is_same_serial`]).
    #[must_use]
    pub fn get(&self, serial: &str) -> Option<&PublicKey> {
        let written_otherwise =
            || self.by_serial.iter().find(|(known, _)| is_same_serial(known, serial)).map(|(_, key)| key);
        self.by_serial.get(serial).or_else(written_otherwise)
    }

    /// The serials and IDs of all keys, sorted.
    pub fn serials(&self) -> impl Iterator<Item = &str> {
        self.by_serial.keys().map(String::as_str)
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_serial.is_empty()
    }
}

/// How far a timestamp may be from the local clock, in seconds: five minutes.
pub const WINDOW_SECONDS: u64 = 300;

/// Whether `timestamp` is within five minutes of `now`, either way; both are Unix seconds.
///
/// A difference of exactly 300 seconds is still fresh. The SDKs disagree about that one second; accepting it never
/// rejects a genuine message.
#[must_use]
pub fn is_fresh(now: i64, timestamp: i64) -> bool {
    now.abs_diff(timestamp) <= WINDOW_SECONDS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_message_is_five_lines_each_ended_by_lf() {
        let message = request_message("POST", "/v3/pay?a=1", 1_554_208_460, "N", b"{}");
        assert_eq!(message, b"POST\n/v3/pay?a=1\n1554208460\nN\n{}\n");
    }

    #[test]
    fn an_empty_body_still_has_its_own_line() {
        assert_eq!(request_message("GET", "/", 0, "N", b""), b"GET\n/\n0\nN\n\n");
        assert_eq!(response_message("0", "N", b""), b"0\nN\n\n");
    }

    #[test]
    fn the_timestamp_of_a_response_keeps_its_text() {
        assert_eq!(response_message("007", "N", b"x"), b"007\nN\nx\n");
    }

    #[test]
    fn a_body_that_ends_with_lf_keeps_it() {
        assert_eq!(response_message("1", "N", b"x\n"), b"1\nN\nx\n\n");
    }

    #[test]
    fn the_message_is_allocated_once() {
        let message = request_message("GET", "/v3/certificates", 1, "N", b"body");
        assert_eq!(message.capacity(), message.len());
    }

    #[test]
    fn the_first_and_the_last_letter_of_the_alphabet_are_reached() {
        assert_eq!(nonce(&mut |bytes| bytes.fill(0)), "0".repeat(32));
        assert_eq!(nonce(&mut |bytes| bytes.fill(0xFF)), "z".repeat(32));
    }

    #[test]
    fn two_random_nonces_differ() {
        assert_ne!(random_nonce(), random_nonce());
    }

    proptest! {
        #[test]
        fn a_nonce_is_32_letters_and_digits_whatever_the_source_gives(seed: [[u8; 32]; 4]) {
            let made = nonce(&mut |bytes| bytes.copy_from_slice(seed.as_flattened()));
            prop_assert_eq!(made.len(), NONCE_LENGTH);
            prop_assert!(made.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn three_hundred_seconds_is_fresh_and_one_more_is_stale() {
        for (difference, fresh) in [(0, true), (299, true), (300, true), (301, false)] {
            assert_eq!(is_fresh(1_554_208_460, 1_554_208_460 + difference), fresh, "ahead by {difference}");
            assert_eq!(is_fresh(1_554_208_460, 1_554_208_460 - difference), fresh, "behind by {difference}");
        }
    }

    #[test]
    fn the_far_ends_of_time_are_stale_and_do_not_overflow() {
        assert!(!is_fresh(i64::MIN, i64::MAX));
        assert!(!is_fresh(i64::MAX, i64::MIN));
        assert!(is_fresh(i64::MIN, i64::MIN));
    }

    proptest! {
        #[test]
        fn freshness_is_symmetric_for_any_two_times(now: i64, timestamp: i64) {
            prop_assert_eq!(is_fresh(now, timestamp), is_fresh(timestamp, now));
        }

        #[test]
        fn freshness_is_the_distance_in_whole_seconds(now: i64, timestamp: i64) {
            let distance = (i128::from(now) - i128::from(timestamp)).abs();
            prop_assert_eq!(is_fresh(now, timestamp), distance <= 300);
        }
    }
}
