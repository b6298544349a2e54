//! How a value is read, beyond its JSON type.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::number::{IntegerType, parse_integer, parse_number};
use crate::{calendar, pattern, rfc3339};

macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// How a value is read, beyond its JSON type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Format { $($(#[$doc])* $variant,)* }

        impl Format {
            /// Every format.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word that catalogue files use.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The format with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

formats! {
    /// Money in fen (分), the hundredth of a yuan.
    Fen = "fen",
    /// Money in the smallest unit of its currency (币种最小货币单位), which another field names: cents, pence, whole yen.
    Minor = "minor",
    /// A point in time such as `2015-05-20T13:29:35+08:00`.
    Rfc3339 = "rfc3339",
    /// Bytes in standard base64.
    Base64 = "base64",
    /// A 32-bit signed integer.
    Int32 = "int32",
    /// A 64-bit signed integer.
    Int64 = "int64",
    /// A 32-bit unsigned integer.
    Uint32 = "uint32",
    /// A 64-bit unsigned integer.
    Uint64 = "uint64",
    /// An unsigned integer of no stated width.
    Uint = "uint",
    /// A whole number that travels as text.
    Integer = "integer-text",
    /// A number that travels as text.
    Numeric = "numeric",
    /// A number with a fraction that travels as text.
    Float = "float",
    /// Text that looks like a JSON object.
    JsonObjectLike = "json-object-like",
    /// Text that looks like a JSON array.
    JsonArrayLike = "json-array-like",
    /// The `media_id` of an uploaded file.
    MediaId = "media-id",
    /// The `media_url` of an uploaded picture.
    MediaUrl = "media-url",
    /// A URL.
    Url = "url",
    /// A URL that the platform calls (通知地址): it matches [`NOTIFY_URL`](crate::NOTIFY_URL).
    NotifyUrl = "notify-url",
    /// A day such as `2015-05-20`.
    Date = "date",
    /// A `data:` URL.
    DataUrl = "data-url",
    /// Month and year such as `05/26`.
    MonthYear = "mm/yy",
    /// A point in time such as `20150520132935`, Beijing time.
    Compact = "yyyyMMddHHmmss",
    /// An IPv4 or IPv6 address.
    Ip = "ip",
}

impl Format {
    /// The unit of money that a number is in.
    #[must_use]
    pub const fn unit(self) -> Option<&'static str> {
        match self {
            Self::Fen | Self::Minor => Some(self.word()),
            _ => None,
        }
    }

    /// The integers that a field of this format holds. Of those whose page states no width, 64 bits are recorded.
    #[must_use]
    pub const fn integer_type(self) -> IntegerType {
        match self {
            Self::Int32 => IntegerType::Int32,
            Self::Uint32 => IntegerType::Uint32,
            Self::Uint64 | Self::Uint => IntegerType::Uint64,
            _ => IntegerType::Int64,
        }
    }

    /// Whether a text is of this format.
    #[must_use]
    pub fn fits(self, text: &str) -> bool {
        match self {
            Self::Rfc3339 => rfc3339::parse(text).is_some(),
            Self::Date => calendar::parse(text.as_bytes()).is_some(),
            Self::Compact => calendar::is_compact(text.as_bytes()),
            Self::MonthYear => calendar::is_month_year(text.as_bytes()),
            Self::Ip => text.parse::<IpAddr>().is_ok(),
            Self::Base64 => is_base64(text.as_bytes()),
            Self::Int32 | Self::Int64 | Self::Uint32 | Self::Uint64 | Self::Uint => {
                parse_integer(text).is_some_and(|number| self.integer_type().holds(number))
            }
            Self::Integer => parse_integer(text).is_some(),
            Self::Numeric | Self::Float => parse_number(text).is_some(),
            // What is inside needs a reader of JSON, which whoever fills it in has.
            Self::JsonObjectLike => is_enclosed(text, '{', '}'),
            Self::JsonArrayLike => is_enclosed(text, '[', ']'),
            Self::Url | Self::MediaUrl => is_url(text),
            // No URL has control characters, although the platform's expression takes most of them.
            Self::NotifyUrl => {
                pattern::matches(pattern::NOTIFY_URL, text)
                    && !text.contains(|letter: char| letter.is_control())
            }
            Self::DataUrl => text.strip_prefix("data:").is_some_and(|rest| rest.contains(',')),
            // Ids of files are the platform's own, and money is never text.
            Self::MediaId | Self::Fen | Self::Minor => true,
        }
    }

    /// What a text of this format is, as the end of a sentence.
    pub(crate) const fn wanted(self) -> &'static str {
        match self {
            Self::Rfc3339 => "an RFC 3339 time: write it as 2015-05-20T13:29:35+08:00",
            Self::Date => "a day: write it as 2015-05-20",
            Self::Compact => "a time: write it as 20150520132935",
            Self::MonthYear => "a month and a year: write them as 05/26",
            Self::Ip => "an address: write it as 127.0.0.1 or ::1",
            Self::Base64 => "standard base64 with padding",
            Self::Int32 => "a signed integer of 32 bits",
            Self::Int64 => "a signed integer of 64 bits",
            Self::Uint32 => "an unsigned integer of 32 bits",
            Self::Uint64 | Self::Uint => "an unsigned integer of 64 bits",
            Self::Integer => "an integer",
            Self::Numeric | Self::Float => "a number",
            Self::JsonObjectLike => "the JSON text of an object",
            Self::JsonArrayLike => "the JSON text of an array",
            Self::Url | Self::MediaUrl => "a URL: write it with its scheme and without spaces",
            Self::NotifyUrl => {
                "a URL that the platform calls: it needs http:// or https://, and has no query (?), fragment (#) or space"
            }
            Self::DataUrl => "a data: URL",
            Self::MediaId | Self::Fen | Self::Minor => self.word(),
        }
    }
}

/// Whether the text is base64, read piece by piece so that its length costs no memory.
fn is_base64(text: &[u8]) -> bool {
    const CHUNK: usize = 1_024;
    let mut bytes = [0; CHUNK / 4 * 3];
    let mut chunks = text.chunks(CHUNK).peekable();
    while let Some(chunk) = chunks.next() {
        // Padding belongs at the end of the whole text.
        let is_padded_early = chunks.peek().is_some() && chunk.contains(&b'=');
        if is_padded_early || STANDARD.decode_slice(chunk, &mut bytes).is_err() {
            return false;
        }
    }
    true
}

fn is_enclosed(text: &str, first: char, last: char) -> bool {
    text.trim_ascii().strip_prefix(first).is_some_and(|rest| rest.ends_with(last))
}

/// A scheme, a colon and something after it, without spaces; after `//` there is a host.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let has_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    has_scheme
        && scheme.bytes().all(is_of_scheme)
        && !rest.is_empty()
        && !rest.starts_with(['/', '?', '#'])
        && !rest.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: Format, right: &[&str], wrong: &[&str]) {
        for text in right {
            assert!(format.fits(text), "{} {text:?}", format.word());
        }
        for text in wrong {
            assert!(!format.fits(text), "{} {text:?}", format.word());
        }
    }

    #[test]
    fn days_and_other_dates_are_of_the_calendar() {
        check(
            Format::Date,
            &["2019-06-11", "2024-02-29"],
            &["", "2019-6-11", "20190611", "2019-02-29", "2019-06-11 "],
        );
        check(
            Format::Compact,
            &["20091225091010"],
            &["", "20091225", "20091325091010", "20091225241010", "2009122509101"],
        );
        check(Format::MonthYear, &["05/26", "12/99"], &["", "5/26", "13/26", "00/26", "05/2026", "05-26"]);
    }

    #[test]
    fn an_address_is_of_either_version() {
        check(
            Format::Ip,
            &["127.0.0.1", "123.12.12.123", "::1", "9b5b:2ef9:6c9f:cf5:130e:984d:8958:75f9"],
            &["", "abc", "本地", "localhost", "127.0.0", "256.0.0.1", "127.0.0.1:80", " 127.0.0.1"],
        );
    }

    #[test]
    fn numbers_as_text_have_their_width() {
        check(Format::Int32, &["888", "-1", "2147483647"], &["", "2147483648", "1.5", "+1", "a"]);
        check(Format::Uint64, &["0", "18446744073709551615"], &["-1", "18446744073709551616"]);
        check(Format::Integer, &["1", "-20000000011111"], &["", "1.0", "x"]);
        check(Format::Numeric, &["1900006491", "1.5"], &["", "19000064a1", "nan"]);
    }

    #[test]
    fn base64_is_standard_and_padded_at_any_length() {
        check(
            Format::Base64,
            &["", "ZXhhbXBsZQ==", "+/+/", &"QUJD".repeat(1_000), &format!("{}QQ==", "QUJD".repeat(256))],
            &["ZXhhbXBsZQ", "ZXhhbXBsZQ=", "Z", "-_-_", "ZXhh bXBs", "ZXhhbXBsZR==", "QQ==QQ=="],
        );
        let padded_inside = format!("{}QQ=={}", "QUJD".repeat(255), "QUJD".repeat(2));
        check(Format::Base64, &[], &[&padded_inside]);
    }

    #[test]
    fn a_url_has_a_scheme_and_no_blank() {
        check(
            Format::Url,
            &[
                "https://www.xxx.com/notify?a=b#c",
                "weixin://wxpay/bizpayurl?pr=p4lpSuKzz",
                "https://商户.example/图",
            ],
            &[
                "",
                "www.xxx.com",
                "/notify",
                "https://",
                "https:///a",
                "https://a b",
                "https://a\n",
                ":a",
                "1a://b",
                "https:",
            ],
        );
        check(
            Format::DataUrl,
            &["data:,example", "data:image/png;base64,iVBOR"],
            &["", "data:", "https://a.com/,"],
        );
    }

    #[test]
    fn a_notify_url_has_no_query_and_no_other_scheme() {
        check(
            Format::NotifyUrl,
            &[
                "https://www.weixin.qq.com/wxpay/pay.php",
                "http://127.0.0.1:8080/notify",
                "https://u@a.com/通知",
            ],
            &[
                "",
                "https://a.com/?id=1",
                "https://a.com#b",
                "ftp://a.com",
                "a.com",
                " https://a.com",
                "https://a.com\n",
                "https://a.com/\u{0}",
                "https://a.com/\u{7f}",
                "https://a\u{1b}b.com/",
            ],
        );
    }

    #[test]
    fn json_text_is_known_by_its_ends() {
        check(Format::JsonObjectLike, &["{}", " {\"a\":1} "], &["", "[]", "{", "}"]);
        check(Format::JsonArrayLike, &["[]", "[{}]"], &["", "{}", "["]);
    }

    #[test]
    fn every_format_has_its_word() {
        for format in Format::ALL {
            assert_eq!(Format::from_word(format.word()), Some(*format));
        }
        assert_eq!(Format::from_word("RFC3339"), None);
    }
}
