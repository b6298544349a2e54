//! One field (字段) of a request or a response, as described by a line of a catalogue file.

use std::borrow::Cow;

use weipay_rules::{BrokenRule, Rules};
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
    /// Whether the official page marks it as required (必填).
    pub required: bool,
    /// The only mode of the operation in which it is required, if it is not required in all of them.
    pub required_in: Option<&'static str>,
    /// The case in which a request needs it, although no page marks it as required: a value of another field (`NORMAL`), or one
    /// of several alternatives.
    pub needed_in: Option<&'static str>,
    /// The official Chinese term (字段标题); empty if the page has none.
    pub label: &'static str,
    /// Characters of a string (of each one, in an array), the value of a number, or bytes of an upload's file.
    pub limits: Limits,
    /// Whether `limits` count the bytes of a string in UTF-8 instead of its characters.
    pub in_bytes: bool,
    /// How many members an array has.
    pub items: Limits,
    /// The format of the value, beyond its `kind`.
    pub format: Option<Format>,
    /// The values that the page lists, including those of a shared list. Always open: the platform adds values without notice.
    pub values: Vec<&'static str>,
    /// A regular expression that must match the whole value.
    pub pattern: Option<&'static str>,
    /// How the value is encoded or encrypted, if it is not sent as it is.
    pub carrier: Option<Carrier>,
    /// Whether its value belongs to a person or opens something, and is sent as it is. See [`is_private`](Self::is_private).
    pub private: bool,
    /// What a field of a request is for, if a client must know that.
    pub purpose: Option<Purpose>,
    /// Of an [`echo`](Purpose::Echo): the request's field that it repeats, if that has another name. Of a [number of the
    /// caller](Purpose::MerchantNumber): the request's field with the number of another merchant that it may be instead.
    pub echo_of: Option<&'static str>,
    /// The example of the page, as text.
    pub example: Option<Cow<'static, str>>,
    /// The members of an object, including those of a shared object.
    pub fields: Vec<Self>,
    /// The name of the shared object that the members come from, or of the shared list that the values come from.
    pub shared: Option<&'static str>,
    /// The line number, counted from 1 at the heading of the operation (or of the shared object, for its members).
    pub line: usize,
}

impl Field {
    /// The rules for its value. For an encrypted, sealed or signed value, the format describes the ciphertext or signature, so it
    /// is not among the rules.
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

    /// Judges a text as its value: the rules, and the listed values where it has some.
    ///
    /// # Errors
    ///
    /// The first rule that the text breaks.
    pub fn check_text(&self, text: &str) -> Result<(), BrokenRule> {
        let rules = self.rules();
        rules.check_text(text)?;
        rules.check_listed(text, &self.values)
    }

    /// Whether its value may consist of members: an object, or what travels inside a string.
    #[must_use]
    pub(crate) fn can_have_members(&self) -> bool {
        self.kind == Kind::Object || self.carrier.is_some()
    }

    /// Whether its value is sent encrypted (敏感信息加密).
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.carrier == Some(Carrier::Encrypted)
    }

    /// Whether its value belongs to a person (name, telephone, identity or card number, address, openid), or opens
    /// something (a token, a password, a link): it must not be shown in a log. A value that travels encrypted or
    /// signed is private without the word, and so is a string whose content is not described.
    #[must_use]
    pub fn is_private(&self) -> bool {
        let is_wrapped = match self.carrier {
            None => false,
            Some(Carrier::JsonText) => self.fields.is_empty(),
            Some(Carrier::Encrypted | Carrier::Sealed | Carrier::Signed | Carrier::UrlText) => true,
        };
        self.private || is_wrapped
    }

    /// Whether the client sets it, so that the caller does not have to.
    pub fn is_sent_by_the_client(&self) -> bool {
        self.purpose.is_some_and(Purpose::is_of_the_client)
    }

    /// Whether it, or a field inside it, is sent encrypted.
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
    #[must_use]
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

/// How a value is encoded or encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// RSA-OAEP encrypted with the receiver's key (敏感信息加密); the request needs `Wechatpay-Serial`.
    Encrypted,
    /// Encrypted with AES-256-GCM and the merchant's API key; the members are the decrypted content.
    Sealed,
    /// A string with the members as JSON text.
    JsonText,
    /// A string with the members form-encoded.
    UrlText,
    /// A signature.
    Signed,
}

impl Carrier {
    pub(crate) const ALL: [Self; 5] =
        [Self::Encrypted, Self::Sealed, Self::JsonText, Self::UrlText, Self::Signed];

    /// The word that catalogue files use.
    #[must_use]
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

/// What a field is for, where a client must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The number of the request (商户请求单号), by which the platform recognizes a repeated request.
    RequestNumber,
    /// The name of the uploaded file.
    FileName,
    /// The SHA-256 of the uploaded file.
    FileSha256,
    /// The SM3 (国密) of the uploaded file.
    FileSm3,
    /// The serial number of the platform key that encrypts sensitive fields.
    PlatformSerial,
    /// The random string that is signed with the request (APIv2).
    Nonce,
    /// The signature of the request (APIv2).
    Signature,
    /// How the request is signed (APIv2).
    SignType,
    /// The number of the merchant who signs the request. The client sets it unless the caller does. In a response, or in an
    /// object in it: another number says that it is the response to another merchant.
    MerchantNumber,
    /// The number of the sub-merchant (子商户号) that a partner calls for. The client sets it unless the caller does.
    SubMerchantNumber,
    /// The appid of that sub-merchant. The client sets it unless the caller does.
    SubMerchantAppid,
    /// In the request for a page of a list: how many items come before it.
    PageOffset,
    /// How many items a page of a list has at most.
    PageLimit,
    /// The number of a page of a list, counted from 1.
    PageNumber,
    /// The number of a page of a list, counted from 0.
    PageIndex,
    /// Names a page of a list: what the page before it gave as [`Self::PageNext`].
    PageCursor,
    /// In the response with a page of a list: how many items the whole list has.
    PageTotal,
    /// The items of the page.
    PageItems,
    /// Names the next page; empty in the last one.
    PageNext,
    /// In a response, or in an object in it: repeats the value of the request's field with this name, or with the name
    /// [`Field::echo_of`]. Another value says that it is the response to another request. In a shared object it counts where
    /// the request has such a field.
    Echo,
    /// In a response, or in an object in it: the number of a merchant, but not, or perhaps not, that of the one who called.
    OtherMerchant,
    /// In a response: says in which state something is. Where an operation acts and its page names no such member, the
    /// response that has one is that of a query.
    State,
    /// In a response, or in an item of a list in it: the address of a file.
    DownloadUrl,
    /// Beside the address: the algorithm of the file's digest.
    DownloadHashType,
    /// Beside the address: the digest of the file, in hexadecimal.
    DownloadHash,
    /// Beside the address: the key that the file is encrypted with.
    DownloadKey,
    /// Beside the address: the nonce that the file is encrypted with.
    DownloadNonce,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 27] = [
        Self::RequestNumber,
        Self::FileName,
        Self::FileSha256,
        Self::FileSm3,
        Self::PlatformSerial,
        Self::Nonce,
        Self::Signature,
        Self::SignType,
        Self::MerchantNumber,
        Self::SubMerchantNumber,
        Self::SubMerchantAppid,
        Self::PageOffset,
        Self::PageLimit,
        Self::PageNumber,
        Self::PageIndex,
        Self::PageCursor,
        Self::PageTotal,
        Self::PageItems,
        Self::PageNext,
        Self::Echo,
        Self::OtherMerchant,
        Self::State,
        Self::DownloadUrl,
        Self::DownloadHashType,
        Self::DownloadHash,
        Self::DownloadKey,
        Self::DownloadNonce,
    ];

    /// The word that catalogue files use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::RequestNumber => "request-number",
            Self::FileName => "file-name",
            Self::FileSha256 => "file-sha256",
            Self::FileSm3 => "file-sm3",
            Self::PlatformSerial => "platform-serial",
            Self::Nonce => "nonce",
            Self::Signature => "signature",
            Self::SignType => "sign-type",
            Self::MerchantNumber => "merchant-number",
            Self::SubMerchantNumber => "sub-merchant-number",
            Self::SubMerchantAppid => "sub-merchant-appid",
            Self::PageOffset => "page-offset",
            Self::PageLimit => "page-limit",
            Self::PageNumber => "page-number",
            Self::PageIndex => "page-index",
            Self::PageCursor => "page-cursor",
            Self::PageTotal => "page-total",
            Self::PageItems => "page-items",
            Self::PageNext => "page-next",
            Self::Echo => "echo",
            Self::OtherMerchant => "other-merchant",
            Self::State => "state",
            Self::DownloadUrl => "download-url",
            Self::DownloadHashType => "download-hash-type",
            Self::DownloadHash => "download-hash",
            Self::DownloadKey => "download-key",
            Self::DownloadNonce => "download-nonce",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.word() == word)
    }

    /// Whether the client sets the value.
    #[must_use]
    pub const fn is_of_the_client(self) -> bool {
        matches!(self, Self::PlatformSerial | Self::Nonce | Self::Signature)
    }

    /// Whether a response has it.
    #[must_use]
    pub const fn is_of_a_response(self) -> bool {
        matches!(
            self,
            Self::MerchantNumber
                | Self::PageTotal
                | Self::PageItems
                | Self::PageNext
                | Self::Echo
                | Self::OtherMerchant
                | Self::State
        ) || self.is_of_a_download()
    }

    /// Whether it says with what a client compares a member of a response.
    #[must_use]
    pub const fn is_compared(self) -> bool {
        matches!(self, Self::MerchantNumber | Self::Echo | Self::OtherMerchant)
    }

    /// Whether the value names a file to download, or says how it is checked and opened.
    #[must_use]
    pub const fn is_of_a_download(self) -> bool {
        matches!(
            self,
            Self::DownloadUrl
                | Self::DownloadHashType
                | Self::DownloadHash
                | Self::DownloadKey
                | Self::DownloadNonce
        )
    }

    /// Whether the value names a page of a list.
    pub(crate) const fn names_a_page(self) -> bool {
        matches!(self, Self::PageOffset | Self::PageNumber | Self::PageIndex | Self::PageCursor)
    }

    /// Whether only requests of APIv2 have such a field.
    #[must_use]
    pub const fn is_of_apiv2(self) -> bool {
        matches!(self, Self::Nonce | Self::Signature | Self::SignType)
    }

    /// Whether the value names the sub-merchant that a partner calls for.
    #[must_use]
    pub const fn is_of_the_sub_merchant(self) -> bool {
        matches!(self, Self::SubMerchantNumber | Self::SubMerchantAppid)
    }

    /// Whether the value describes an uploaded file.
    #[must_use]
    pub const fn is_of_a_file(self) -> bool {
        matches!(self, Self::FileName | Self::FileSha256 | Self::FileSm3)
    }
}
