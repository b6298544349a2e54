//! A row of a model's table: the name of a field on the wire, where it travels, its rules, and what it is for.

use weipay_rules::{Format, Limits, Rules};

/// Where a field of a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// In the JSON body.
    Body,
    /// In the path, for a placeholder. Such a row belongs to a step of the chain, not to a table.
    Path,
    /// In the query string.
    Query,
    /// In a header.
    Header,
    /// In the XML body (APIv2).
    Xml,
    /// In the `meta` part of an upload.
    Meta,
    /// A file, as a part of an upload.
    File,
    /// Another part of a body of several parts (APIv2).
    Part,
}

/// A row of a model's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The name on the wire.
    pub name: &'static str,
    /// Where it travels.
    pub place: Place,
    /// What its value must be.
    pub rules: Rules,
    /// Whether it travels encrypted (敏感信息加密).
    pub encrypted: bool,
    /// What the field is for, where the client must know that.
    pub purpose: Option<Purpose>,
}

/// What a field is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// The number of the request itself (商户请求单号): the platform knows a repeated request by it.
    RequestNumber,
    /// The file that is uploaded. In a table, its type says so.
    File,
    /// The name of the file that is uploaded beside it.
    FileName,
    /// The SHA-256 of the file that is uploaded beside it.
    FileSha256,
    /// The SM3 (国密) of the file that is uploaded beside it.
    FileSm3,
    /// The serial number of the platform key that sensitive fields are encrypted with.
    PlatformSerial,
    /// A random text that is signed with the request (APIv2).
    Nonce,
    /// The signature of the request (APIv2).
    Signature,
    /// How the request is signed (APIv2).
    SignType,
    /// The number of the merchant who signs the request.
    MerchantNumber,
    /// How many items of a list come before the page.
    PageOffset,
    /// How many items of a list the page has at most.
    PageLimit,
    /// The number of the page, counted from 1.
    PageNumber,
    /// The number of the page, counted from 0.
    PageIndex,
    /// Names the page: what the page before it gave.
    PageCursor,
    /// Of a response: how many items the list has. This and the next four, only rows of operations have, not tables.
    PageTotal,
    /// Of a response: the items of the page.
    PageItems,
    /// Of a response: names the page after it.
    PageNext,
    /// Of a response: repeats a value of the request.
    Echo,
    /// Of a response: the same, and every response of the operation has it.
    EchoInEveryResponse,
    /// Of a response: the address of a file.
    DownloadUrl,
    /// Of a response: the algorithm of the file's digest.
    DownloadHashType,
    /// Of a response: the digest of the file, in hexadecimal.
    DownloadHash,
    /// Of a response: the key that the file is encrypted with.
    DownloadKey,
    /// Of a response: the nonce that the file is encrypted with.
    DownloadNonce,
}

const fn field(name: &'static str, place: Place) -> Field {
    Field { name, place, rules: Rules::NONE, encrypted: false, purpose: None }
}

/// A field of the JSON body.
pub const fn body(name: &'static str) -> Field {
    field(name, Place::Body)
}

/// The value of a placeholder of the path.
pub const fn path(name: &'static str) -> Field {
    field(name, Place::Path)
}

/// A field of the query string.
pub const fn query(name: &'static str) -> Field {
    field(name, Place::Query)
}

/// A header.
pub const fn header(name: &'static str) -> Field {
    field(name, Place::Header)
}

/// An element of the XML body (APIv2).
pub const fn xml(name: &'static str) -> Field {
    field(name, Place::Xml)
}

/// A member of the `meta` part of an upload.
pub const fn meta(name: &'static str) -> Field {
    field(name, Place::Meta)
}

/// The file of an upload.
pub const fn file(name: &'static str) -> Field {
    field(name, Place::File)
}

/// Another part of a body of several parts (APIv2).
pub const fn part(name: &'static str) -> Field {
    field(name, Place::Part)
}

impl Field {
    /// The request must have it.
    pub const fn required(mut self) -> Self {
        self.rules.required = true;
        self
    }

    /// The fewest and the most characters.
    pub const fn length(mut self, min: usize, max: usize) -> Self {
        self.rules.limits = counts(min, max);
        self
    }

    /// The fewest and the most bytes in UTF-8.
    pub const fn bytes(mut self, min: usize, max: usize) -> Self {
        self.rules.limits = counts(min, max);
        self.rules.in_bytes = true;
        self
    }

    /// The lowest and the highest value.
    pub const fn range(mut self, min: i64, max: i64) -> Self {
        self.rules.limits = Limits::new(
            if min == i64::MIN { None } else { Some(min) },
            if max == i64::MAX { None } else { Some(max) },
        );
        self
    }

    /// The fewest and the most members.
    pub const fn items(mut self, min: usize, max: usize) -> Self {
        self.rules.items = counts(min, max);
        self
    }

    /// It travels encrypted (敏感信息加密).
    pub const fn encrypted(mut self) -> Self {
        self.encrypted = true;
        self
    }

    /// It is the number of the request itself (商户请求单号).
    pub const fn request_number(self) -> Self {
        self.with(Purpose::RequestNumber)
    }

    /// It is the name of the uploaded file.
    pub const fn file_name(self) -> Self {
        self.with(Purpose::FileName)
    }

    /// It is the SHA-256 of the uploaded file.
    pub const fn file_sha256(self) -> Self {
        self.with(Purpose::FileSha256)
    }

    /// It is the SM3 of the uploaded file.
    pub const fn file_sm3(self) -> Self {
        self.with(Purpose::FileSm3)
    }

    /// It names the platform key that sensitive fields are encrypted with.
    pub const fn platform_serial(self) -> Self {
        self.with(Purpose::PlatformSerial)
    }

    /// It is a random text that is signed with the request (APIv2).
    pub const fn nonce(self) -> Self {
        self.with(Purpose::Nonce)
    }

    /// It is the signature of the request (APIv2).
    pub const fn signature(self) -> Self {
        self.with(Purpose::Signature)
    }

    /// It says how the request is signed (APIv2).
    pub const fn sign_type(self) -> Self {
        self.with(Purpose::SignType)
    }

    /// It is the number of the merchant who signs the request.
    pub const fn merchant_number(self) -> Self {
        self.with(Purpose::MerchantNumber)
    }

    /// It is how many items of a list come before the page.
    pub const fn page_offset(self) -> Self {
        self.with(Purpose::PageOffset)
    }

    /// It is how many items of a list the page has at most.
    pub const fn page_limit(self) -> Self {
        self.with(Purpose::PageLimit)
    }

    /// It is the number of the page, counted from 1.
    pub const fn page_number(self) -> Self {
        self.with(Purpose::PageNumber)
    }

    /// It is the number of the page, counted from 0.
    pub const fn page_index(self) -> Self {
        self.with(Purpose::PageIndex)
    }

    /// It names the page.
    pub const fn page_cursor(self) -> Self {
        self.with(Purpose::PageCursor)
    }

    /// It is the address of a file.
    pub const fn download_url(self) -> Self {
        self.with(Purpose::DownloadUrl)
    }

    /// It is the algorithm of the file's digest.
    pub const fn download_hash_type(self) -> Self {
        self.with(Purpose::DownloadHashType)
    }

    /// It is the digest of the file.
    pub const fn download_hash(self) -> Self {
        self.with(Purpose::DownloadHash)
    }

    /// It is the key that the file is encrypted with.
    pub const fn download_key(self) -> Self {
        self.with(Purpose::DownloadKey)
    }

    /// It is the nonce that the file is encrypted with.
    pub const fn download_nonce(self) -> Self {
        self.with(Purpose::DownloadNonce)
    }

    const fn with(mut self, purpose: Purpose) -> Self {
        self.purpose = Some(purpose);
        self
    }

    /// A regular expression.
    pub const fn pattern(mut self, pattern: &'static str) -> Self {
        self.rules.pattern = Some(pattern);
        self
    }
}

/// Limits of a length or a number of members; `0` and `usize::MAX` say that there is none.
const fn counts(min: usize, max: usize) -> Limits {
    // Both are written in a table and small.
    let min = if min == 0 { None } else { Some(min as i64) };
    let max = if max == usize::MAX { None } else { Some(max as i64) };
    Limits::new(min, max)
}

macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident = $format:ident,)*) => {
        /// Formats, by the words of the catalogue.
        impl Field {
            $(
                $(#[$doc])*
                pub const fn $name(mut self) -> Self {
                    self.rules.format = Some(Format::$format);
                    self
                }
            )*
        }
    };
}

formats! {
    /// A URL that the platform calls (通知地址): http or https, without a query.
    notify_url = NotifyUrl,
    /// A URL.
    url = Url,
    /// A `data:` URL.
    data_url = DataUrl,
    /// A point in time such as `2015-05-20T13:29:35+08:00`.
    rfc3339 = Rfc3339,
    /// A point in time such as `20150520132935`.
    compact_time = Compact,
    /// A day such as `2015-05-20`.
    date = Date,
    /// Month and year such as `05/26`.
    month_year = MonthYear,
    /// Bytes in standard base64.
    base64 = Base64,
    /// A 32-bit signed integer.
    int32 = Int32,
    /// A 64-bit signed integer.
    int64 = Int64,
    /// A 32-bit unsigned integer.
    uint32 = Uint32,
    /// A 64-bit unsigned integer.
    uint64 = Uint64,
    /// A whole number that travels as text.
    integer_text = Integer,
    /// A number that travels as text.
    numeric = Numeric,
    /// Text that looks like a JSON object.
    json_object_like = JsonObjectLike,
    /// Text that looks like a JSON array.
    json_array_like = JsonArrayLike,
}
