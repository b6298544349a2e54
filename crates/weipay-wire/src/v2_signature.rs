//! Signatures of APIv2 (签名): MD5 or HMAC-SHA256 over the fields of a message, in the order of their names.
//!
//! What is signed are all fields but `sign` whose value is not empty, sorted by the bytes of their names and joined as
//! `a=1&b=2&key=KEY`. Both kinds are written in upper-case hexadecimal, so a signature tells its kind by its length.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use aws_lc_rs::{constant_time, hmac};
use md5::{Digest as _, Md5};

use crate::api_keys::ApiV2Key;
use crate::xml::{XmlContent, XmlElements};

/// The field that holds the signature, and is not signed itself.
const SIGN: &str = "sign";

/// How an APIv2 message is signed (签名类型).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SignType {
    /// MD5 over the fields and the key: what counts where a message does not name its kind.
    #[default]
    Md5,
    /// HMAC-SHA256 with the key, over the fields and the key.
    HmacSha256,
}

impl SignType {
    /// As `sign_type` names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }

    /// The digest of pieces that follow each other, in upper-case hexadecimal. MD5 takes no key. Only a sandbox that
    /// looks for the mistake in a wrong signature needs this: [`ApiV2Key::sign`] signs messages.
    #[must_use]
    pub fn digest(self, key: &[u8], pieces: &[&[u8]]) -> String {
        match self {
            Self::Md5 => {
                let mut digest = Md5::new();
                pieces.iter().for_each(|piece| digest.update(piece));
                base16ct::upper::encode_string(&digest.finalize())
            }
            Self::HmacSha256 => {
                let mut digest = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
                pieces.iter().for_each(|piece| digest.update(piece));
                base16ct::upper::encode_string(digest.sign().as_ref())
            }
        }
    }

    /// The kind that a signature is of, by its length.
    #[must_use]
    pub const fn from_signature(signature: &str) -> Option<Self> {
        match signature.len() {
            32 => Some(Self::Md5),
            64 => Some(Self::HmacSha256),
            _ => None,
        }
    }
}

impl Display for SignType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SignType {
    type Err = SignError;

    fn from_str(text: &str) -> Result<Self, SignError> {
        match text {
            "MD5" => Ok(Self::Md5),
            "HMAC-SHA256" => Ok(Self::HmacSha256),
            _ => Err(SignError::SignType),
        }
    }
}

impl ApiV2Key {
    /// Signs the fields of a message. `sign` and empty values among them are passed over, and their order does not matter.
    #[must_use]
    pub fn sign<'a>(
        &self,
        sign_type: SignType,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> String {
        let fields = signed(fields);
        match sign_type {
            SignType::Md5 => {
                let mut digest = Md5::new();
                self.message(&fields, &mut |piece| digest.update(piece));
                base16ct::upper::encode_string(&digest.finalize())
            }
            SignType::HmacSha256 => {
                let mut digest = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.as_bytes()));
                self.message(&fields, &mut |piece| digest.update(piece));
                base16ct::upper::encode_string(digest.sign().as_ref())
            }
        }
    }

    /// Verifies the `sign` of a response or a notification. Every field counts, also an unknown one.
    ///
    /// # Errors
    ///
    /// If the signature is missing, does not belong to these fields and this key, or an element contains elements: it is not
    /// documented how these are signed.
    pub fn verify(&self, message: &XmlElements) -> Result<(), SignError> {
        let sign = message.text(SIGN).filter(|sign| !sign.is_empty()).ok_or(SignError::Missing)?;
        if message.iter().any(|(_, content)| matches!(content, XmlContent::Elements(_))) {
            return Err(SignError::Nested);
        }
        let sign_type = SignType::from_signature(sign).ok_or(SignError::Malformed)?;
        if !sign.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(SignError::Malformed);
        }
        let expected = self.sign(sign_type, message.texts());
        constant_time::verify_slices_are_equal(sign.to_ascii_uppercase().as_bytes(), expected.as_bytes())
            .map_err(|_| SignError::Mismatch)
    }

    /// Gives the message to sign out piece by piece: no text is made that would hold the key.
    fn message(&self, fields: &[(&str, &str)], take: &mut dyn FnMut(&[u8])) {
        for (name, value) in fields {
            for piece in [name, "=", value, "&"] {
                take(piece.as_bytes());
            }
        }
        take(b"key=");
        take(self.as_bytes());
    }
}

fn signed<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    let is_signed = |(name, value): &(&str, &str)| *name != SIGN && !value.is_empty();
    let mut fields: Vec<_> = fields.into_iter().filter(is_signed).collect();
    fields.sort_unstable();
    fields
}

/// Why a signature of APIv2 is not believed, or cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// There is no `sign`.
    Missing,
    /// `sign` is not 32 or 64 hexadecimal digits.
    Malformed,
    /// `sign` is not the signature of these fields with this key.
    Mismatch,
    /// An element contains elements.
    Nested,
    /// `sign_type` is not `MD5` or `HMAC-SHA256`.
    SignType,
    /// A field that must be signed is missing or empty.
    MissingField(&'static str),
}

impl Display for SignError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingField(name) => return write!(f, "`{name}`, which must be signed, is missing or empty"),
            Self::Missing => "`sign` is missing, so the message cannot be verified",
            Self::Malformed => "`sign` is not 32 (MD5) or 64 (HMAC-SHA256) hexadecimal digits",
            Self::Mismatch => {
                "`sign` is not the signature of these fields with this APIv2 key (API密钥): a field was changed on \
                 the way, or the key is another merchant's or no longer in force; note that it is not the APIv3 key"
            }
            Self::Nested => {
                "the message has nested elements, and it is not documented how they are signed: the signature cannot be verified"
            }
            Self::SignType => "`sign_type` must be `MD5` or `HMAC-SHA256`",
        })
    }
}

impl Error for SignError {}
