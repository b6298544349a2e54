//! Sensitive fields (敏感信息加密): encrypted with the platform's public key on the way out, opened with the merchant's
//! private key on the way in, where the client was asked to.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value as Json;
use weipay_wire::{PrivateKey, PublicKey};

use super::Violation;

/// How the fields that travel encrypted are treated. By default they are passed through, as the ciphertext that the
/// caller made or the platform sent.
#[derive(Clone, Copy, Default)]
pub struct Sensitive<'a>(Treatment<'a>);

#[derive(Clone, Copy, Default)]
enum Treatment<'a> {
    #[default]
    Passed,
    /// With this key of the platform; without one, what is to be encrypted cannot be sent.
    Encrypted(Option<&'a PublicKey>),
    Opened(&'a PrivateKey),
}

impl<'a> Sensitive<'a> {
    pub(crate) fn encrypted(key: Option<&'a PublicKey>) -> Sensitive<'a> {
        Sensitive(Treatment::Encrypted(key))
    }

    pub(crate) fn opened_with(key: Option<&'a PrivateKey>) -> Sensitive<'a> {
        Sensitive(key.map(Treatment::Opened).unwrap_or_default())
    }

    /// Whether a request holds plain text that is still to be encrypted.
    pub(crate) fn is_plain(self) -> bool {
        matches!(self.0, Treatment::Encrypted(_))
    }

    /// Encrypts a text, or each text of an array.
    pub(crate) fn sealed(self, json: Json) -> Result<Json, Violation> {
        let Treatment::Encrypted(key) = self.0 else { return Ok(json) };
        each_text(json, &|text| {
            let key = key.ok_or_else(|| {
                Violation::new(
                    "travels encrypted (敏感信息加密), and the client has no platform key of the serial in `Wechatpay-Serial`",
                )
            })?;
            key.encrypt_oaep(text.as_bytes())
                .map_err(|error| Violation::new(format!("cannot be encrypted: {error}")))
        })
    }

    /// The plain text of what came encrypted.
    pub(crate) fn opened(self, text: &str) -> Result<Cow<'_, str>, String> {
        let Treatment::Opened(key) = self.0 else { return Ok(text.into()) };
        if text.is_empty() {
            return Ok(text.into());
        }
        let plain = key.decrypt_oaep(text).map_err(|error| format!("does not open: {error}"))?;
        let plain = std::str::from_utf8(&plain).map_err(|_| "opens to what is no text".to_owned())?;
        Ok(plain.to_owned().into())
    }
}

/// An empty text says "none" on both ways, and stays one.
fn each_text(json: Json, change: &impl Fn(&str) -> Result<String, Violation>) -> Result<Json, Violation> {
    match json {
        Json::String(text) if !text.is_empty() => change(&text).map(Json::String),
        Json::Array(members) => members
            .into_iter()
            .map(|member| each_text(member, change))
            .collect::<Result<_, _>>()
            .map(Json::Array),
        Json::String(_) | Json::Null => Ok(json),
        _ => Err(Violation::new("is no text, and only text can travel encrypted")),
    }
}

impl fmt::Debug for Sensitive<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.0 {
            Treatment::Passed => "Sensitive(passed)",
            Treatment::Encrypted(_) => "Sensitive(encrypted)",
            Treatment::Opened(_) => "Sensitive(opened)",
        })
    }
}
