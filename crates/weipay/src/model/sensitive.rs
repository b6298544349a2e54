//! Sensitive fields (敏感信息加密): a value knows whether it is plain text or ciphertext by how it was made.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};
use weipay_wire::{PrivateKey, PublicKey, check_ciphertext};
use zeroize::Zeroizing;

use super::table::Field;
use super::value::{Model, Strictness, Token, Value, check_text, object};
use super::{FromText, Violation};

/// The rule that is broken by a field that was given as ciphertext but is not. It has a separate error,
/// [`RequestError::NotCiphertext`].
///
/// [`RequestError::NotCiphertext`]: crate::error::RequestError::NotCiphertext
pub(crate) const NOT_CIPHERTEXT: &str = "was given as ciphertext, but is not: ciphertext is base64 of 256 bytes. Give plain text without \
     `Sensitive::ciphertext`, and the client encrypts it";

/// The value of a sensitive field (敏感信息加密), which is sent encrypted: a name, a phone number, the number of an
/// identity card.
///
/// A string becomes [`plain_text`](Sensitive::plain_text), which the client encrypts before it is sent:
/// `.user_name("张三")`. For ciphertext of your own, use [`ciphertext`](Sensitive::ciphertext). Only the constructor
/// decides whether a value is plain text or ciphertext; the text is not inspected.
///
/// In a response the value is plain text if the client could decrypt it, and otherwise ciphertext; then
/// [`decode_errors`](crate::Response::decode_errors) says why.
///
/// The client encrypts with RSAES-OAEP, or with SM2. UNCONFIRMED: public reports say that a few old operations
/// (小微商户 `v2/applyment/micro/...`, some of overseas and of face payment) take RSAES-PKCS1-v1_5 in its place. No
/// document says which they are, so the client does not support it: encrypt with another library, and pass the result
/// as [`ciphertext`](Sensitive::ciphertext).
///
/// `Debug` does not show the text, and plain text is wiped from memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive(Form);

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Plain(Zeroizing<String>),
    Ciphertext(String),
    Unencrypted(Zeroizing<String>),
}

/// Names of the two forms that plain JSON text does not stand for, in the JSON of a model.
const CIPHERTEXT: &str = "ciphertext";
const PLAIN: &str = "plain_text";
const UNENCRYPTED: &str = "unencrypted";

impl Sensitive {
    /// Plain text. The client encrypts it with the platform's key before it is sent.
    pub fn plain_text(text: impl Into<String>) -> Self {
        Self(Form::Plain(Zeroizing::new(text.into())))
    }

    /// Ciphertext that you made: base64 of RSAES-OAEP, as [`Client::encrypt_sensitive`] gives it. It is sent as it is, and
    /// the header `Wechatpay-Serial` must name the key that it was made with.
    ///
    /// [`Client::encrypt_sensitive`]: crate::blocking::Client::encrypt_sensitive
    pub fn ciphertext(text: impl Into<String>) -> Self {
        Self(Form::Ciphertext(text.into()))
    }

    /// Plain text that is **sent as plain text**. The platform refuses it; use it only to test that refusal, or for
    /// other platforms.
    pub fn unencrypted(text: impl Into<String>) -> Self {
        Self(Form::Unencrypted(Zeroizing::new(text.into())))
    }

    /// The plain text, if it is known.
    #[must_use]
    pub fn as_plain_text(&self) -> Option<&str> {
        match &self.0 {
            Form::Plain(text) | Form::Unencrypted(text) => Some(text),
            Form::Ciphertext(_) => None,
        }
    }

    /// The ciphertext, if it is one.
    #[must_use]
    pub fn as_ciphertext(&self) -> Option<&str> {
        match &self.0 {
            Form::Ciphertext(text) => Some(text),
            Form::Plain(_) | Form::Unencrypted(_) => None,
        }
    }

    /// A value in the JSON of a model: text is plain text, the other forms say what they are.
    pub(super) fn from_tagged(json: &Json) -> Option<Self> {
        let (name, text) = json.as_object().filter(|members| members.len() == 1)?.iter().next()?;
        match (name.as_str(), text.as_str()?) {
            (CIPHERTEXT, text) => Some(Self::ciphertext(text)),
            (UNENCRYPTED, text) => Some(Self::unencrypted(text)),
            _ => None,
        }
    }
}

/// The one member of the object that a [`Sensitive`] is in JSON, but for the form's name at its end. A call
/// without types knows the value by it, wherever it stands.
pub(crate) const MARK: &str = "$weipay::sensitive::";

/// A value in the JSON of a call without types that says what it is.
pub(crate) enum Marked {
    Plain(Zeroizing<String>),
    Ciphertext(String),
    Unencrypted(Zeroizing<String>),
}

impl Marked {
    /// Reads the mark of an object with one member. In a sensitive field, the tags in the JSON of a model are marks too.
    pub(crate) fn new(name: &str, mut text: Zeroizing<String>, is_sensitive: bool) -> Option<Self> {
        let form = match name.strip_prefix(MARK) {
            Some(form) => form,
            None if is_sensitive && name != PLAIN => name,
            None => return None,
        };
        match form {
            PLAIN => Some(Self::Plain(text)),
            CIPHERTEXT => Some(Self::Ciphertext(std::mem::take(&mut *text))),
            UNENCRYPTED => Some(Self::Unencrypted(text)),
            _ => None,
        }
    }
}

impl From<Sensitive> for Marked {
    fn from(value: Sensitive) -> Self {
        match value.0 {
            Form::Plain(text) => Self::Plain(text),
            Form::Ciphertext(text) => Self::Ciphertext(text),
            Form::Unencrypted(text) => Self::Unencrypted(text),
        }
    }
}

impl Sensitive {
    fn form(&self) -> (&'static str, &str) {
        match &self.0 {
            Form::Plain(text) => (PLAIN, text),
            Form::Ciphertext(text) => (CIPHERTEXT, text),
            Form::Unencrypted(text) => (UNENCRYPTED, text),
        }
    }

    /// An object that no other value is written as.
    fn marked(&self) -> Json {
        let (form, text) = self.form();
        let mut members = serde_json::Map::new();
        members.insert(format!("{MARK}{form}"), text.into());
        Json::Object(members)
    }
}

impl Serialize for Sensitive {
    /// For the body of a call without types, which knows by it what the value is: see
    /// [`Call::post`](crate::Call::post). Models write and read their sensitive fields in another way.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (form, text) = self.form();
        let mut members = to.serialize_map(Some(1))?;
        members.serialize_entry(&format!("{MARK}{form}"), text)?;
        members.end()
    }
}

impl From<&str> for Sensitive {
    fn from(text: &str) -> Self {
        Self::plain_text(text)
    }
}

impl From<String> for Sensitive {
    fn from(text: String) -> Self {
        Self::plain_text(text)
    }
}

impl From<&String> for Sensitive {
    fn from(text: &String) -> Self {
        Self::plain_text(text.as_str())
    }
}

impl From<Cow<'_, str>> for Sensitive {
    fn from(text: Cow<'_, str>) -> Self {
        Self::plain_text(text)
    }
}

impl fmt::Debug for Sensitive {
    /// Says what form it has, and keeps the text out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Form::Plain(_) => "(sensitive, plain text)",
            Form::Ciphertext(_) => "(sensitive, ciphertext)",
            Form::Unencrypted(_) => "(sensitive, to be sent unencrypted)",
        })
    }
}

/// How sensitive fields are written when a model is written as JSON.
#[derive(Clone, Copy)]
pub enum Encryption<'a> {
    /// They are written as they were set, for other code than the platform's.
    AsSet,
    /// The model is the body of a call without types: each value says what it is.
    Marked,
    /// The operation is of APIv2, which encrypts with other keys, which the client does not have: plain text is refused.
    ByCaller,
    /// They are encrypted with this key of the platform; without a key, plain text cannot be sent.
    With(Option<&'a PublicKey>),
}

impl fmt::Debug for Encryption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encryption::AsSet => "Encryption(as set)",
            Encryption::Marked => "Encryption(marked)",
            Encryption::ByCaller => "Encryption(by the caller)",
            Encryption::With(Some(_)) => "Encryption(with a key)",
            Encryption::With(None) => "Encryption(without a key)",
        })
    }
}

/// Encrypts plain text. An empty text says that there is none, and stays empty.
pub(crate) fn encrypt(text: &str, key: Option<&PublicKey>) -> Result<String, Violation> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let key = key.ok_or_else(|| {
        Violation::new(
            "must be encrypted (敏感信息加密), but the client has no platform key with the serial in `Wechatpay-Serial`, or \
             its certificate has expired",
        )
    })?;
    key.encrypt_sensitive(text.as_bytes())
        .map_err(|error| Violation::new(format!("cannot be encrypted: {error}")))
}

/// The plain text of what came encrypted.
pub(crate) fn opened(text: &str, key: &PrivateKey) -> Result<Zeroizing<String>, String> {
    if text.is_empty() {
        return Ok(Zeroizing::default());
    }
    let plain = key.decrypt_sensitive(text).map_err(|error| format!("cannot be decrypted: {error}"))?;
    let plain = std::str::from_utf8(&plain).map_err(|_| "decrypts to bytes that are not UTF-8".to_owned())?;
    Ok(Zeroizing::new(plain.to_owned()))
}

impl Value for Sensitive {
    type Intake = FromText;

    fn begin(found: Token<'_>, strictness: Strictness) -> Result<Self, &'static str> {
        match found {
            Token::Ciphertext(text) => Ok(Self::ciphertext(text)),
            Token::Sensitive(value) => Ok(value),
            found => String::begin(found, strictness).map(Self::plain_text),
        }
    }

    fn to_json(&self, encryption: Encryption<'_>) -> Result<Json, Violation> {
        Ok(match (&self.0, encryption) {
            (Form::Plain(text), Encryption::AsSet) => Json::String(text.to_string()),
            (Form::Ciphertext(text), Encryption::AsSet) => json!({ CIPHERTEXT: text }),
            (Form::Unencrypted(text), Encryption::AsSet) => json!({ UNENCRYPTED: text.as_str() }),
            (_, Encryption::Marked) => self.marked(),
            (Form::Plain(text), Encryption::ByCaller) if !text.is_empty() => {
                return Err(Violation::new(
                    "must be encrypted (敏感信息加密) with a key of APIv2: get the key (v2/risk/getpublickey or \
                     v2/risk/getcertficates), encrypt with `PublicKey::encrypt_sensitive`, and set the result with \
                     `Sensitive::ciphertext`",
                ));
            }
            (Form::Plain(_), Encryption::ByCaller) => Json::String(String::new()),
            (Form::Plain(text), Encryption::With(key)) => Json::String(encrypt(text, key)?),
            (Form::Ciphertext(text), _) => {
                check_ciphertext(text).map_err(|_| Violation::new(NOT_CIPHERTEXT))?;
                Json::String(text.clone())
            }
            (Form::Unencrypted(text), _) => Json::String(text.to_string()),
        })
    }

    /// The rules are about the plain text; ciphertext cannot be checked against them.
    fn check(&self, field: &Field) -> Result<(), Violation> {
        self.as_plain_text().map_or(Ok(()), |text| check_text(text, field))
    }
}

/// The JSON for `Serialize` of every model: the model as its caller filled it in, unless it is on its way to the platform.
pub(crate) fn json(model: &dyn Model) -> Result<Json, Violation> {
    let encryption = if IS_SENDING.get() { Encryption::Marked } else { Encryption::AsSet };
    object(model, encryption)
}

thread_local! {
    /// Whether this thread serializes a body for the platform. A model that is given to a call without types is serialized
    /// like any other value, and only this tells it to say what its sensitive values are.
    static IS_SENDING: Cell<bool> = const { Cell::new(false) };
}

/// Serializes a body for the platform.
pub(crate) fn for_sending<T>(serialize: impl FnOnce() -> T) -> T {
    struct Reset(bool);
    impl Drop for Reset {
        fn drop(&mut self) {
            IS_SENDING.set(self.0);
        }
    }
    let _reset = Reset(IS_SENDING.replace(true));
    serialize()
}
