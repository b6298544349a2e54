//! One operation (接口): what a catalogue file says about one method of one URL path.

use std::fmt;

use crate::errors::{ErrorCode, ErrorList};
use crate::field::{Field, Purpose};
use crate::waiting::Wait;

/// An operation of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// The URL path with `{placeholders}` and no leading slash, `v3/...` or `v2/...`. A slash at its end is a part of it.
    pub path: &'static str,
    /// The official Chinese name.
    pub title: &'static str,
    /// The official product (产品), such as 商家券.
    pub group: &'static str,
    /// Who may call it, in the official terms.
    pub roles: Vec<&'static str>,
    /// Pages under the official documentation, or whole URLs.
    pub docs: Vec<&'static str>,
    /// The host, if it is not the usual one.
    pub base_url: Option<&'static str>,
    /// The path at which a partner (服务商) does for a sub-merchant what this operation does for its caller, with the same
    /// method.
    pub partner_path: Option<&'static str>,
    /// Whether APIv2 requires the merchant's TLS certificate.
    pub client_cert: bool,
    /// Whether APIv2 rejects `nonce_str`.
    pub nonceless: bool,
    /// Whether a success has no signature to verify, as with file downloads.
    pub unsigned: bool,
    /// Of a file that is not signed itself: the response's header with its SHA-1, over which the signature is, as the JSON text
    /// `{"sha1":"..."}`.
    pub signed_digest: Option<&'static str>,
    /// Of an upload: what is special about pictures.
    pub pictures: Option<Pictures>,
    /// For an operation that writes: what is known about sending the same request again.
    pub repeat: Option<Repeat>,
    /// How many seconds apart the platform wants the same request, if it says so.
    pub repeat_after: Option<u32>,
    /// Why a repeat is safe or not, according to the official text or an observation.
    pub repeat_reason: &'static str,
    /// Members of the response one of which every success has, whatever else its page says. Empty if the required ones are.
    pub proof: Vec<&'static str>,
    /// Of a query: what is known about waiting for a final state. `None` if nothing changes.
    pub wait: Option<Wait>,
    /// Whether a field of the request travels encrypted.
    pub takes_encrypted: bool,
    /// Whether a field of the response travels encrypted.
    pub gives_encrypted: bool,
    /// What is sent.
    pub request: Request,
    /// The status of a success: 200, or 204 for a response without a body.
    pub success: u16,
    /// The fields of a successful response.
    pub response: Vec<Field>,
    /// Whether a successful response is a file instead of fields.
    pub has_file_response: bool,
    /// Error codes (错误码) that are known of it: its own, then those of shared lists, then those of every operation of the
    /// version. Never complete: the platform adds codes.
    pub errors: Vec<ErrorList>,
}

/// What an upload says about pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pictures {
    /// It takes nothing else.
    Only,
    /// The most bytes of a picture, other files may have more.
    UpTo(i64),
}

impl Pictures {
    pub(crate) fn from_words(words: &str) -> Option<Self> {
        match words {
            "only" => Some(Self::Only),
            words => words.strip_prefix("..")?.parse().ok().map(Self::UpTo),
        }
    }
}

/// What is known about sending a request again, with the same number and the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It takes effect at most once.
    Safe,
    /// It may take effect twice.
    NotSafe,
    /// Nothing is known, so a repeat may take effect twice.
    Unknown,
}

impl Repeat {
    /// Every word.
    pub const ALL: [Self; 3] = [Self::Safe, Self::NotSafe, Self::Unknown];

    /// The word that catalogue files use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::NotSafe => "not-safe",
            Self::Unknown => "unknown",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|repeat| repeat.word() == word)
    }
}

/// The reason that the catalogue gives for a `repeat safe` of an operation that only reads, other than a GET of APIv3.
const ONLY_READS: &str = "the operation only reads";

/// The protocol of an operation or a notification: the platform has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiVersion {
    /// APIv2: XML, signed inside the body.
    V2,
    /// APIv3: JSON, signed in headers.
    V3,
}

impl ApiVersion {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V2, Self::V3];

    /// The word that paths begin with: `v2` or `v3`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }

    /// The version with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.word() == word)
    }
}

/// Its word.
impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// A JSON body, or none.
    Json,
    /// An XML body.
    Xml,
    /// A body of several parts, one of which is a file.
    Multipart,
}

impl Operation {
    /// The protocol, given by the first segment of the path.
    #[must_use]
    pub fn version(&self) -> ApiVersion {
        self.path.split('/').next().and_then(ApiVersion::from_word).unwrap_or(ApiVersion::V3)
    }

    /// Whether the request has a file.
    #[must_use]
    pub fn is_upload(&self) -> bool {
        !self.request.multipart.is_empty()
    }

    /// How the request is written.
    #[must_use]
    pub fn body_format(&self) -> BodyFormat {
        match self.version() {
            _ if !self.request.multipart.is_empty() => BodyFormat::Multipart,
            // A GET has no body, and APIv2 posts XML, even if no page describes an element.
            ApiVersion::V2 if self.method == "POST" && self.request.json.is_empty() => BodyFormat::Xml,
            ApiVersion::V2 | ApiVersion::V3 => BodyFormat::Json,
        }
    }

    /// Whether it may change something at the platform. The method decides.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.method != "GET"
    }

    /// Whether a call of it has no effect: it is a GET of APIv3, or the catalogue says that it only reads. A few operations
    /// of APIv2 act, although they are called by GET.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.repeat_reason == ONLY_READS || self.method == "GET" && self.version() == ApiVersion::V3
    }

    /// All error codes that are known of it.
    pub fn error_codes(&self) -> impl Iterator<Item = &ErrorCode> {
        self.errors.iter().flat_map(|list| &list.codes)
    }

    /// The field with the number of the request, and its place.
    #[must_use]
    pub fn request_number(&self) -> Option<(Place, &Field)> {
        self.field_for(Purpose::RequestNumber)
    }

    /// The field for a purpose, and its place.
    #[must_use]
    pub fn field_for(&self, purpose: Purpose) -> Option<(Place, &Field)> {
        let mut all = Place::ALL
            .into_iter()
            .flat_map(|place| self.request.fields(place).iter().map(move |field| (place, field)));
        all.find(|(_, field)| field.purpose == Some(purpose))
    }

    /// The field with the number of the sub-merchant (子商户号) that a partner calls for, and its place. Fields
    /// of the objects inside a request are not meant: each of those may be about another sub-merchant.
    #[must_use]
    pub fn sub_mchid(&self) -> Option<(Place, &Field)> {
        self.own_field(Purpose::SubMerchantNumber)
    }

    /// The field with the appid of that sub-merchant, and its place.
    #[must_use]
    pub fn sub_appid(&self) -> Option<(Place, &Field)> {
        self.own_field(Purpose::SubMerchantAppid)
    }

    /// A field of the request itself, or of the `meta` beside a file.
    fn own_field(&self, purpose: Purpose) -> Option<(Place, &Field)> {
        let in_meta = || {
            let members = self.request.multipart.iter().flat_map(|part| &part.fields);
            members.map(|field| (Place::Multipart, field)).find(|(_, field)| field.purpose == Some(purpose))
        };
        self.field_for(purpose).or_else(in_meta)
    }

    /// The field of the request that this field of the response repeats, and its place. Nothing else is compared: neither
    /// headers nor the parts of an upload come back.
    #[must_use]
    pub fn repeated_by(&self, echo: &Field) -> Option<(Place, &Field)> {
        let is_echo = echo.purpose == Some(Purpose::Echo);
        self.sent(echo.echo_of.unwrap_or(echo.name)).filter(|_| is_echo)
    }

    /// Whether the request has a field with this name that a response may repeat.
    #[cfg(any(test, feature = "lint"))]
    pub(crate) fn sends(&self, name: &str) -> bool {
        self.sent(name).is_some()
    }

    fn sent(&self, name: &str) -> Option<(Place, &Field)> {
        let find = |place: Place| self.request.fields(place).iter().find(|field| field.name == name);
        let places = [Place::Path, Place::Query, Place::Json, Place::Xml];
        places.into_iter().find_map(|place| Some((place, find(place)?)))
    }

    /// Whether the pages allow only HMAC-SHA256 as the signature of a request (APIv2).
    #[must_use]
    pub fn demands_hmac(&self) -> bool {
        self.field_for(Purpose::SignType).is_some_and(|(_, field)| field.values == ["HMAC-SHA256"])
    }

    /// Whether a success says so in `result_code`, beside the `return_code` that every response of APIv2 has.
    #[must_use]
    pub fn has_result_code(&self) -> bool {
        self.version() == ApiVersion::V2
            && self.response.iter().any(|field| field.name == "result_code" && field.required)
    }

    /// Whether a page says what a success is: fields, a file, or a status that has no body.
    #[must_use]
    pub fn is_success_described(&self) -> bool {
        !self.response.is_empty() || self.has_file_response || self.success != 200
    }

    /// Whether the request carries a signature. In APIv2 a page that a browser opens may have none.
    #[must_use]
    pub fn is_request_signed(&self) -> bool {
        self.version() == ApiVersion::V3
            || self.body_format() != BodyFormat::Json
            || self.field_for(Purpose::Signature).is_some()
    }

    /// Whether it gives a list page by page.
    #[must_use]
    pub fn is_paged(&self) -> bool {
        let fields = Place::ALL.into_iter().flat_map(|place| self.request.fields(place));
        fields.into_iter().any(|field| field.purpose.is_some_and(Purpose::names_a_page))
    }

    /// The names of the placeholders of the path, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(placeholder)
    }
}

/// The name inside a `{name}` segment.
#[must_use]
pub fn placeholder(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The address of a page of the official documentation (官方文档), as `docs` names it.
#[must_use]
pub fn document_address(page: &str) -> String {
    if page.starts_with("http") { page.to_owned() } else { format!("https://pay.weixin.qq.com/doc/{page}") }
}

/// The place of a field in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// See [`Request::path`].
    Path,
    /// See [`Request::query`].
    Query,
    /// See [`Request::headers`].
    Headers,
    /// See [`Request::json`].
    Json,
    /// See [`Request::xml`].
    Xml,
    /// See [`Request::multipart`].
    Multipart,
    /// See [`Request::other`].
    Other,
}

impl Place {
    /// Every place, in the order of a catalogue file.
    pub const ALL: [Self; 7] =
        [Self::Path, Self::Query, Self::Headers, Self::Json, Self::Xml, Self::Multipart, Self::Other];

    /// The word that catalogue files use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Headers => "headers",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Multipart => "multipart",
            Self::Other => "other",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.word() == word)
    }
}

/// The fields of a request, by their place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// Values of the placeholders in the path.
    pub path: Vec<Field>,
    /// The query string.
    pub query: Vec<Field>,
    /// Header fields, without those of every request.
    pub headers: Vec<Field>,
    /// Members of the JSON body.
    pub json: Vec<Field>,
    /// Elements of the XML body (APIv2).
    pub xml: Vec<Field>,
    /// Parts of a multipart body.
    pub multipart: Vec<Field>,
    /// Anything else, such as the fragment of a URL.
    pub other: Vec<Field>,
}

impl Request {
    /// The fields in a place.
    #[must_use]
    pub fn fields(&self, place: Place) -> &[Field] {
        match place {
            Place::Path => &self.path,
            Place::Query => &self.query,
            Place::Headers => &self.headers,
            Place::Json => &self.json,
            Place::Xml => &self.xml,
            Place::Multipart => &self.multipart,
            Place::Other => &self.other,
        }
    }

    pub(crate) fn fields_mut(&mut self, place: Place) -> &mut Vec<Field> {
        match place {
            Place::Path => &mut self.path,
            Place::Query => &mut self.query,
            Place::Headers => &mut self.headers,
            Place::Json => &mut self.json,
            Place::Xml => &mut self.xml,
            Place::Multipart => &mut self.multipart,
            Place::Other => &mut self.other,
        }
    }
}
