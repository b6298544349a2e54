//! One field (字段) of a request or a response: the line of a catalogue file as a value.

use std::borrow::Cow;

use weipay_rules::Rules;
pub use weipay_rules::{Format, Limits, NOTIFY_URL};

/// A field of a request, a response or a notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name on the wire.
    pub name: &'static str,
    /// The type of one value.
    pub kind: Kind,
    /// Whether the value is an array of `kind`.
    pub list: bool,
    /// Whether the official page marks it required (必填) for whoever calls.
    pub required: bool,
    /// In which of the modes that share the operation it is required, where it is not in all of them.
    pub required_in: Option<&'static str>,
    /// The case in which a request needs it although no page marks it required: a value of a field beside it (`NORMAL`), or
    /// one way of several to say a thing.
    pub needed_in: Option<&'static str>,
    /// The official Chinese term (字段标题), empty where the page gives none.
    pub label: &'static str,
    /// Characters of a string (of each one, in an array), the value of a number, or bytes of an upload's file.
    pub limits: Limits,
    /// Whether `limits` count the bytes of a string in UTF-8 instead of its characters.
    pub in_bytes: bool,
    /// How many members an array has.
    pub items: Limits,
    /// How a value that travels as `kind` is to be read.
    pub format: Option<Format>,
    /// The values that the page lists. Always open: the platform adds values without notice.
    pub values: Vec<&'static str>,
    /// A regular expression that the whole value matches.
    pub pattern: Option<&'static str>,
    /// How the value is wrapped for its journey, when it does not travel as it is.
    pub carrier: Option<Carrier>,
    /// What a field of a request is for, where a client must know that.
    pub purpose: Option<Purpose>,
    /// A value that the page shows, as text.
    pub example: Option<Cow<'static, str>>,
    /// The members of an object, those of a shared one too.
    pub fields: Vec<Self>,
    /// The name of the shared object that the members come from, when several places share it.
    pub shared: Option<&'static str>,
    /// The line of the catalogue file, counted from 1 at the first line of the operation's own text (of the shared
    /// object's, for its members).
    pub line: usize,
}

impl Field {
    /// The rules of its value. Of what travels encrypted, sealed or signed the format is that of what travels, which says nothing
    /// of the value inside.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let is_wrapped = matches!(self.carrier, Some(Carrier::Encrypted | Carrier::Sealed | Carrier::Signed));
        Rules {
            required: self.required,
            limits: self.limits,
            in_bytes: self.in_bytes,
            items: self.items,
            // The pattern of a notify URL is the same rule as its format.
            pattern: self.pattern.filter(|pattern| *pattern != NOTIFY_URL),
            format: self.format.filter(|_| !is_wrapped),
        }
    }

    /// Whether its value travels encrypted (敏感信息加密).
    pub fn is_encrypted(&self) -> bool {
        self.carrier == Some(Carrier::Encrypted)
    }

    /// Whether the client fills it in by itself, so that a caller need not.
    pub fn is_sent_by_the_client(&self) -> bool {
        self.purpose.is_some_and(Purpose::is_of_the_client)
    }

    /// Whether it, or a field in it, travels encrypted.
    pub fn holds_encrypted(&self) -> bool {
        self.is_encrypted() || self.fields.iter().any(Self::holds_encrypted)
    }
}

/// The JSON type of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A JSON string.
    String,
    /// A JSON number without a fraction.
    Integer,
    /// A JSON number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A JSON object with the members of [`Field::fields`].
    Object,
}

impl Kind {
    /// The word that catalogue files use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Object => "object",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::String, Self::Integer, Self::Number, Self::Boolean, Self::Object]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// How a value is wrapped for its journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// RSA-OAEP encrypted with the receiver's key (敏感信息加密); the request needs `Wechatpay-Serial`.
    Encrypted,
    /// AES-256-GCM sealed with the merchant's API key; the members are what the ciphertext opens to.
    Sealed,
    /// A string that holds the JSON text of the members.
    JsonText,
    /// A string that holds the form-encoded members.
    UrlText,
    /// A string that holds a signature.
    Signed,
}

impl Carrier {
    pub(crate) const ALL: [Self; 5] =
        [Self::Encrypted, Self::Sealed, Self::JsonText, Self::UrlText, Self::Signed];

    /// The word that catalogue files use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Sealed => "sealed",
            Self::JsonText => "json-text",
            Self::UrlText => "url-text",
            Self::Signed => "signed",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|carrier| carrier.word() == word)
    }
}

/// What a field of a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The number of the request itself (商户请求单号): the platform knows a repeated request by it.
    RequestNumber,
    /// The name of the file that is uploaded beside it.
    FileName,
    /// The SHA-256 of the file that is uploaded beside it.
    FileSha256,
    /// The serial number of the platform key that sensitive fields are encrypted with.
    PlatformSerial,
    /// A random text that is signed with the request (APIv2).
    Nonce,
    /// The signature of the request (APIv2).
    Signature,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] = [
        Self::RequestNumber,
        Self::FileName,
        Self::FileSha256,
        Self::PlatformSerial,
        Self::Nonce,
        Self::Signature,
    ];

    /// The word that catalogue files use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::RequestNumber => "request-number",
            Self::FileName => "file-name",
            Self::FileSha256 => "file-sha256",
            Self::PlatformSerial => "platform-serial",
            Self::Nonce => "nonce",
            Self::Signature => "signature",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.word() == word)
    }

    /// Whether the client knows the value before its caller does.
    pub const fn is_of_the_client(self) -> bool {
        matches!(self, Self::PlatformSerial | Self::Nonce | Self::Signature)
    }

    /// Whether the value says something of an uploaded file.
    pub const fn is_of_a_file(self) -> bool {
        matches!(self, Self::FileName | Self::FileSha256)
    }
}
