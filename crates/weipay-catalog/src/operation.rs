//! One operation (接口): what a catalogue file says of one method on one URL path.

use crate::field::{Field, Purpose};

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
    /// The host, when it is not the usual one.
    pub base_url: Option<&'static str>,
    /// Whether APIv2 wants the merchant's TLS certificate.
    pub client_cert: bool,
    /// Whether APIv2 refuses `nonce_str`.
    pub nonceless: bool,
    /// Whether a success carries no signature (file downloads and the like), so that there is nothing to verify.
    pub unsigned: bool,
    /// Of an operation that writes: what is known of sending the same request again.
    pub repeat: Option<Repeat>,
    /// Why a repeat is safe or is not: what the official text or an observation says.
    pub repeat_reason: &'static str,
    /// What is sent.
    pub request: Request,
    /// The status of a success: 200, or 204 for a response without a body.
    pub success: u16,
    /// What a success answers.
    pub response: Vec<Field>,
    /// Whether a success answers with a file instead of fields.
    pub answers_file: bool,
}

/// What is known of sending a request again, with the same number and the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It takes effect once at most.
    Safe,
    /// It may take effect twice.
    NotSafe,
    /// Nothing is known: whoever repeats must count on a second effect.
    Unknown,
}

impl Repeat {
    /// Every word.
    pub const ALL: [Self; 3] = [Self::Safe, Self::NotSafe, Self::Unknown];

    /// The word that catalogue files use.
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

/// Which of the platform's two protocols an operation speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// APIv2: XML, signed inside the body.
    V2,
    /// APIv3: JSON, signed in headers.
    V3,
}

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// A JSON body, or none.
    Json,
    /// An XML body.
    Xml,
    /// A body of several parts, one of which is a file.
    Multipart,
}

impl Operation {
    /// The protocol, which the first segment of the path names.
    pub fn version(&self) -> Version {
        if self.path.starts_with("v2/") { Version::V2 } else { Version::V3 }
    }

    /// How the request is written.
    pub fn dialect(&self) -> Dialect {
        match self.version() {
            _ if !self.request.multipart.is_empty() => Dialect::Multipart,
            // What is sent with GET has no body, and what APIv2 posts is XML, even where no page describes an element.
            Version::V2 if self.method == "POST" && self.request.json.is_empty() => Dialect::Xml,
            Version::V2 | Version::V3 => Dialect::Json,
        }
    }

    /// Whether it may change something at the platform: the method says so.
    pub fn writes(&self) -> bool {
        self.method != "GET"
    }

    /// The field with the request's own number, and where it travels.
    pub fn request_number(&self) -> Option<(Place, &Field)> {
        let all = Place::ALL
            .into_iter()
            .flat_map(|place| self.request.fields(place).iter().map(move |field| (place, field)));
        all.into_iter().find(|(_, field)| field.purpose == Some(Purpose::RequestNumber))
    }

    /// Whether the pages allow only HMAC-SHA256 as the signature of a request (APIv2).
    pub fn demands_hmac(&self) -> bool {
        let fields = Place::ALL.into_iter().flat_map(|place| self.request.fields(place));
        self.version() == Version::V2
            && fields.into_iter().any(|field| field.name == "sign_type" && field.values == ["HMAC-SHA256"])
    }

    /// Whether the request carries a signature. In APIv2 a page that a browser opens may have none.
    pub fn is_request_signed(&self) -> bool {
        let mut fields = Place::ALL.into_iter().flat_map(|place| self.request.fields(place));
        self.version() == Version::V3
            || self.dialect() != Dialect::Json
            || fields.any(|field| field.purpose == Some(Purpose::Signature))
    }

    /// The names of the placeholders of the path, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(placeholder)
    }
}

/// The name inside a `{name}` segment.
pub fn placeholder(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The address of a page of the official documentation (官方文档), as `docs` names it.
pub fn document_address(page: &str) -> String {
    if page.starts_with("http") { page.to_owned() } else { format!("https://pay.weixin.qq.com/doc/{page}") }
}

/// Where a field of a request travels.
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

/// The fields of a request, by the place where they travel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// Values of the path's placeholders.
    pub path: Vec<Field>,
    /// The query string.
    pub query: Vec<Field>,
    /// Header fields beyond the ones that every request has.
    pub headers: Vec<Field>,
    /// Members of the JSON body.
    pub json: Vec<Field>,
    /// Elements of the XML body (APIv2).
    pub xml: Vec<Field>,
    /// Parts of a multipart body.
    pub multipart: Vec<Field>,
    /// What fits nowhere else, such as a URL's fragment.
    pub other: Vec<Field>,
}

impl Request {
    /// The fields that travel in a place.
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
