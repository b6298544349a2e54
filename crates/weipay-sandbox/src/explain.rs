//! Diagnosis of a rejected request (排错): finds the message that was actually signed, the key, and the intended
//! serial or path.
//!
//! The public key reveals the digest of the signed message ([`SignedDigest`]). It is compared with the messages that
//! common [mistakes] would produce, so a mistake is proven, not guessed. The result is only shown; it never makes a
//! request valid.

mod gbk;
pub(crate) mod json_style;
mod message;
mod mistakes;
pub(crate) mod paths;
mod search;
pub(crate) mod serial;
pub(crate) mod sign;

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use weipay_catalog::Operation;
use weipay_wire::{Authorization, SignedDigest};

use crate::exchanges::mask;
use crate::merchants::{Merchant, Merchants};
use crate::platform::Request;
use message::Message;
use search::Search;

/// The longest message that is shown.
const MAX_SHOWN: usize = 8 * 1024;
/// The most other merchants whose key is tried.
const MAX_OTHER_KEYS: usize = 8;

/// The diagnosis of a wrong signature. Messages are shown with the same masks as bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureExplanation {
    /// The mistake, in words.
    pub cause: String,
    /// The message that fits the request as it arrived.
    pub expected: String,
    /// Its SHA-256, to be compared with what a client logs; in APIv2 of what stands before `&key=`.
    pub expected_sha256: String,
    /// The message that was signed, where it was found.
    pub signed: Option<String>,
    /// The SHA-256 of what was signed, where the signature shows it.
    pub signed_sha256: Option<String>,
    /// Where they differ first.
    pub difference: Option<Difference>,
}

/// The first byte in which two messages differ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The offset in both messages, from 0, without masks.
    pub offset: usize,
    /// The line of the expected message: method, URL, timestamp, nonce or body; in APIv2 `elements`.
    pub line: &'static str,
    /// The offset in that line.
    pub column: usize,
    /// The line of the expected message.
    pub expected: String,
    /// The line that was signed.
    pub signed: String,
}

impl SignatureExplanation {
    pub(crate) fn size(&self) -> usize {
        let texts = [Some(&self.expected), self.signed.as_ref(), Some(&self.cause)];
        size_of::<Self>() + 256 + texts.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

impl fmt::Display for SignatureExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  signature: {}", self.cause)?;
        let message = |f: &mut fmt::Formatter<'_>, title: &str, text: &str, sha256: &str| {
            writeln!(f, "  {title} (SHA-256 {sha256}):")?;
            text.split_inclusive('\n').try_for_each(|line| {
                let line: String = line
                    .chars()
                    .map(|letter| match letter {
                        '\n' => "\\n".to_owned(),
                        '\r' => "\\r".to_owned(),
                        letter if letter.is_control() => "?".to_owned(),
                        letter => letter.to_string(),
                    })
                    .collect();
                writeln!(f, "    {line}")
            })
        };
        message(f, "expected", &self.expected, &self.expected_sha256)?;
        match (&self.signed, &self.signed_sha256) {
            (Some(signed), Some(sha256)) => message(f, "signed", signed, sha256)?,
            (None, Some(sha256)) => writeln!(f, "  signed: an unknown message with the SHA-256 {sha256}")?,
            _ => {}
        }
        match &self.difference {
            Some(found) => writeln!(
                f,
                "  first difference: byte {} ({}, column {}): expected {}, signed {}",
                found.offset, found.line, found.column, found.expected, found.signed
            ),
            None => Ok(()),
        }
    }
}

/// A request whose signature is wrong.
pub(crate) struct WrongSignature<'a> {
    pub(crate) request: &'a Request,
    pub(crate) operation: &'static Operation,
    /// The body in the message that should have been signed.
    pub(crate) body: &'a [u8],
    pub(crate) authorization: &'a Authorization,
    pub(crate) merchant: &'a Merchant,
    pub(crate) merchants: &'a Merchants,
}

impl WrongSignature<'_> {
    /// Finds out what was signed, within a bounded number of tries.
    pub(crate) fn explain(&self) -> SignatureExplanation {
        let expected = Message::expected(self);
        let bytes = expected.bytes();
        let signature = &*self.authorization.signature;
        let mut found = None;
        let mut signed_sha256 = None;
        let cause = match self.merchant.key.signed_digest(signature) {
            SignedDigest::Sha256(digest) => {
                signed_sha256 = Some(hex(&digest));
                found = Search::new(self).find(&digest);
                match &found {
                    Some(message) => message.cause(),
                    None => UNKNOWN_MESSAGE.to_owned(),
                }
            }
            SignedDigest::OtherHash(name) => {
                format!("the signature was made with {name}: sign with SHA-256 (SHA256withRSA)")
            }
            SignedDigest::Bare(content) => bare(&content, &bytes),
            SignedDigest::Pss => {
                "the signature is RSASSA-PSS: sign with the padding of PKCS#1 v1.5 (SHA256withRSA)".to_owned()
            }
            SignedDigest::OtherKey => self.other_key(),
            SignedDigest::NotASignature => not_a_signature(signature),
            _ => "the signature does not fit the message that arrived".to_owned(),
        };
        let difference = found.as_ref().and_then(|found| difference(&bytes, &found.bytes()));
        SignatureExplanation {
            cause,
            expected: self.shown(&expected),
            expected_sha256: hex(digest(&SHA256, &bytes).as_ref()),
            signed: found.as_ref().map(|found| self.shown(found)),
            signed_sha256,
            difference,
        }
    }

    fn other_key(&self) -> String {
        let own = &self.merchant.account.mchid;
        let others = self.merchants.all();
        let mut others = others.iter().filter(|other| other.account.mchid != *own).take(MAX_OTHER_KEYS);
        let owner = others.find(|other| {
            matches!(other.key.signed_digest(&self.authorization.signature), SignedDigest::Sha256(_))
        });
        match owner {
            Some(owner) => format!(
                "wrong key: the signature was made with the key of the merchant {}, but Authorization names {own}",
                owner.account.mchid
            ),
            None => "wrong key: the signature was not made with the private key of this merchant's certificate; sign with \
                     merchant_key of the merchant's kit.json"
                .to_owned(),
        }
    }

    fn shown(&self, message: &Message) -> String {
        let target = mask::target(Some(self.operation), &message.method, &message.target);
        let fields = crate::upload::fields_of_document(self.operation);
        let body = match mask::json_text(&message.body, fields) {
            Some(text) if text.len() <= MAX_SHOWN => text,
            None if message.body.is_empty() => String::new(),
            _ => format!("({} bytes)", message.body.len()),
        };
        let shown = message.with(target, body.into_bytes());
        String::from_utf8_lossy(&shown.text()).into_owned()
    }
}

const UNKNOWN_MESSAGE: &str = "the key is right, but another message was signed: method, path with query and without a #fragment, timestamp, nonce and \
                               body, each followed by a line feed, must be what is sent; print what your program signs \
                               and compare it";

/// A signature whose padding holds no name of a hash function.
fn bare(content: &[u8], message: &[u8]) -> String {
    let hash = digest(&SHA256, message);
    if content == hash.as_ref() {
        return "the message is right, but its digest was signed without the name of SHA-256: use SHA256withRSA, not a bare RSA \
                operation over the digest"
            .to_owned();
    }
    if content == hex(hash.as_ref()).as_bytes() {
        return "the hexadecimal text of the digest was signed: use SHA256withRSA over the message"
            .to_owned();
    }
    "a bare RSA operation was used: use SHA256withRSA over the message".to_owned()
}

fn not_a_signature(text: &str) -> String {
    let is = |test: fn(u8) -> bool| text.bytes().all(test);
    let why = if text.len() == 512 && is(|byte| byte.is_ascii_hexdigit()) {
        "is hexadecimal: write it in base64"
    } else if (340..=344).contains(&text.len()) && text.contains(['-', '_']) {
        "is in the base64 of URLs: use + and / instead of - and _"
    } else if text.contains('%') {
        "is percent-encoded: write base64 as it is"
    } else if text.contains(' ') {
        "contains spaces, probably in place of +: do not decode it as a form"
    } else if text.contains('\\') {
        "contains backslashes: write base64 without line breaks"
    } else if text.len() == 342 || text.len() == 343 {
        "lacks the padding of base64: keep the = at its end"
    } else if text.len() == 460 {
        "is base64 of base64: encode it once"
    } else if !is(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)) {
        "contains a character that base64 does not have"
    } else if text.len() == 344 {
        "has 344 characters, but is not base64 of 256 bytes: compare it, including the == at its end, with what your \
         program made"
    } else {
        return format!(
            "the signature is not one of an RSA key with 2048 bits: it has {} characters, and base64 of 256 bytes has 344",
            text.len()
        );
    };
    format!("the signature {why}")
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Where two messages differ first. What stands there is told by its kind: it may be a part of a name.
fn difference(expected: &[u8], signed: &[u8]) -> Option<Difference> {
    const LINES: [&str; 5] = ["method", "URL", "timestamp", "nonce", "body"];
    let longest = expected.len().max(signed.len());
    let offset = (0..longest).find(|index| expected.get(*index) != signed.get(*index))?;
    let before = expected.get(..offset).unwrap_or(expected);
    let feeds = before.iter().filter(|byte| **byte == b'\n').count();
    let line = LINES.get(feeds).copied().unwrap_or("body");
    let mut breaks =
        before.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index + 1);
    let start = breaks.nth(feeds.min(4).wrapping_sub(1)).unwrap_or(0);
    Some(Difference {
        offset,
        line,
        column: offset - start,
        expected: kind(expected.get(offset)),
        signed: kind(signed.get(offset)),
    })
}

fn kind(byte: Option<&u8>) -> String {
    match byte {
        None => "the end".to_owned(),
        Some(b'\n') => "a line feed".to_owned(),
        Some(b'\r') => "a carriage return".to_owned(),
        Some(b' ') => "a blank".to_owned(),
        Some(byte) if byte.is_ascii_digit() => "a digit".to_owned(),
        Some(byte) if byte.is_ascii_alphabetic() => "a letter".to_owned(),
        Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(*byte)),
        Some(byte) => format!("the byte 0x{byte:02x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told_by_line_and_column() {
        let expected = b"GET\n/v3/a?b=1\n1\nn\n\n";
        let found = difference(expected, b"GET\n/v3/a\n1\nn\n\n").unwrap();
        assert_eq!((found.offset, found.line, found.column), (9, "URL", 5));
        assert_eq!((&*found.expected, &*found.signed), ("`?`", "a line feed"));
        let found = difference(expected, b"GET\n/v3/a?b=1\n1\nn\n").unwrap();
        assert_eq!((found.line, found.column, &*found.signed), ("body", 0, "the end"));
        let found = difference(b"GET\n", b"get\n").unwrap();
        assert_eq!((found.offset, found.line, found.column), (0, "method", 0));
        assert_eq!(difference(expected, expected), None);
    }
}
