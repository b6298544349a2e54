//! Recognizes what a text or a file is when it is not a PEM, and whether a text is a path, so that the error
//! can say what was given.
//!
//! Only the form is reported, never the content.

use std::fmt::{self, Display, Formatter};

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Error, Reader, SliceReader, Tag, Tagged as _};
use zeroize::Zeroizing;

use crate::key_error::PemKind;

/// The kind of a value that is not the expected PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFormat {
    /// Base64 without the PEM lines around it, and what it contains, if that can be recognized.
    Base64(Option<PemKind>),
    /// The base64 of a whole PEM.
    Base64OfPem,
    /// The base64 of a PKCS#12 file.
    Base64OfPkcs12,
    /// A PEM, where a binary file was expected.
    Pem,
    /// A PEM without its `-----BEGIN ...-----` line.
    NoBeginLine,
    /// A PEM whose `-----BEGIN ...-----` line has too few dashes or is in lower case.
    DamagedBeginLine,
    /// A PEM whose dashes are full-width or typographic.
    OtherDashes,
    /// A PEM that is percent-encoded, as in a URL.
    PercentEncoded,
    /// The path of a file.
    Path,
    /// The URL of a file: `file://` and a path.
    FileUrl,
    /// JSON.
    Json,
    /// An SSH public key.
    Ssh,
    /// Text in UTF-16 or UTF-32.
    Utf16,
    /// A key or certificate in DER, the binary form.
    Der(PemKind),
    /// A PKCS#12 file, such as `apiclient_cert.p12`.
    Pkcs12,
    /// A PKCS#7 file, such as a chain of certificates in `.p7b`.
    Pkcs7,
    /// A Java key store.
    JavaKeyStore,
    /// A ZIP or gzip file.
    Archive,
    /// Bytes that are not text.
    Binary,
    /// Any other text.
    Text,
}

/// A shorter text is not treated as the base64 of a key.
const MIN_BASE64_LENGTH: usize = 40;

/// The characters that word processors and input methods write instead of `-`.
const OTHER_DASHES: [char; 12] = [
    '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}', '\u{2500}',
    '\u{30FC}', '\u{FE58}', '\u{FE63}', '\u{FF0D}',
];

/// Both alphabets of base64 are read, with padding or without: only the form matters here.
const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

impl KeyFormat {
    /// Recognizes a text that has no `-----BEGIN ...-----` line.
    pub(crate) fn from_text(text: &str) -> Self {
        let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{FEFF}');
        let capitals = Zeroizing::new(text.to_ascii_uppercase());
        let has = |word: &str| capitals.contains(word);
        let has_words = has("BEGIN") || has("PRIVATE KEY") || has("PUBLIC KEY") || has("CERTIFICATE-");
        if has_words && ["BEGIN%20", "KEY%20", "%2D%2D", "%0A"].iter().any(|mark| has(mark)) {
            return Self::PercentEncoded;
        }
        if text.contains(OTHER_DASHES)
            && (has_words || text.chars().filter(|c| OTHER_DASHES.contains(c)).count() >= 5)
        {
            return Self::OtherDashes;
        }
        if has("-----END ") && !has("BEGIN") {
            return Self::NoBeginLine;
        }
        if text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file://")) {
            return Self::FileUrl;
        }
        if looks_like_path(text) {
            return Self::Path;
        }
        if has_words {
            return Self::DamagedBeginLine;
        }
        if text.starts_with("ssh-") {
            return Self::Ssh;
        }
        if text.starts_with(['{', '[']) {
            return Self::Json;
        }
        Self::from_base64(text).unwrap_or(Self::Text)
    }

    fn from_base64(text: &str) -> Option<Self> {
        let mut base64 = Zeroizing::new(String::with_capacity(text.len()));
        let unescaped = text.split("\\r").flat_map(|part| part.split("\\n"));
        base64.extend(
            unescaped.flat_map(str::chars).filter(|letter| !letter.is_whitespace() && *letter != '"'),
        );
        let of_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte);
        if base64.len() < MIN_BASE64_LENGTH || !base64.bytes().all(of_alphabet) {
            return None;
        }
        let mut content = Zeroizing::new(Vec::with_capacity(base64.len()));
        let decoded = STANDARD.decode_vec(base64.as_bytes(), &mut content).is_ok() || {
            content.clear();
            URL_SAFE.decode_vec(base64.as_bytes(), &mut content).is_ok()
        };
        Some(match decoded.then(|| Self::from_bytes(&content)) {
            _ if decoded && contains(&content, b"-----BEGIN ") => Self::Base64OfPem,
            Some(Self::Der(kind)) => Self::Base64(Some(kind)),
            Some(Self::Pkcs12) => Self::Base64OfPkcs12,
            _ => Self::Base64(None),
        })
    }

    /// Recognizes what a file contains that is not the binary file that was expected.
    pub(crate) fn from_file(bytes: &[u8]) -> Self {
        match str::from_utf8(bytes) {
            _ if contains(bytes, b"-----BEGIN ") => Self::Pem,
            Ok(text) if !text.contains('\0') => Self::from_text(text),
            _ => Self::from_bytes(bytes),
        }
    }

    /// Recognizes bytes that are not text.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        match bytes {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, 0, 0xFE, 0xFF, ..] => return Self::Utf16,
            [b'P', b'K', 3, 4, ..] | [0x1F, 0x8B, ..] => return Self::Archive,
            [0xFE, 0xED, 0xFE, 0xED, ..] => return Self::JavaKeyStore,
            _ => {}
        }
        let dashes: [&[u8]; 4] = [b"-\0-\0-\0", b"\0-\0-\0-", b"-\0\0\0-\0\0\0", b"\0\0\0-\0\0\0-"];
        if dashes.iter().any(|dashes| contains(bytes, dashes)) {
            return Self::Utf16;
        }
        let head = &bytes[..bytes.len().min(64)];
        let is_sequence = bytes.first() == Some(&0x30);
        if is_sequence && contains(head, PKCS12_VERSION) && contains(head, PKCS7_DATA) {
            return Self::Pkcs12;
        }
        if is_sequence && contains(&head[..head.len().min(24)], PKCS7_SIGNED) {
            return Self::Pkcs7;
        }
        der_kind(bytes).map_or(Self::Binary, Self::Der)
    }
}

/// `INTEGER 3` and the beginning of a SEQUENCE: the version of a PKCS#12 file and what follows it.
const PKCS12_VERSION: &[u8] = &[2, 1, 3, 0x30];
/// The object identifiers 1.2.840.113549.1.7.1 and 1.2.840.113549.1.7.2.
const PKCS7_DATA: &[u8] = &[6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 1];
const PKCS7_SIGNED: &[u8] = &[6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2];

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// Which key or certificate a DER contains, recognized by the types of its members.
fn der_kind(der: &[u8]) -> Option<PemKind> {
    let members = members(der).ok()?;
    let tags: Vec<Tag> = members.iter().map(|member| member.tag()).collect();
    match tags[..] {
        [Tag::Integer, Tag::Sequence, Tag::OctetString, ..] => Some(PemKind::PrivateKey),
        [Tag::Integer, Tag::OctetString, ..] => Some(PemKind::EcPrivateKey),
        [Tag::Integer, Tag::Integer] => Some(PemKind::RsaPublicKey),
        [Tag::Integer, Tag::Integer, Tag::Integer, ..] => Some(PemKind::RsaPrivateKey),
        [Tag::Sequence, Tag::OctetString] => Some(PemKind::EncryptedPrivateKey),
        [Tag::Sequence, Tag::BitString] => Some(PemKind::PublicKey),
        // A certificate has six members or more inside, a request at most four.
        [Tag::Sequence, Tag::Sequence, Tag::BitString] => {
            let inside = fields(members.first()?.value()).ok()?.len();
            Some(if inside > 4 { PemKind::Certificate } else { PemKind::CertificateRequest })
        }
        _ => None,
    }
}

/// The members of the SEQUENCE that a DER is.
fn members(der: &[u8]) -> Result<Vec<AnyRef<'_>>, Error> {
    let mut reader = SliceReader::new(der)?;
    let outer: AnyRef<'_> = reader.decode()?;
    if outer.tag() == Tag::Sequence { fields(outer.value()) } else { Err(Tag::Sequence.value_error().into()) }
}

fn fields(content: &[u8]) -> Result<Vec<AnyRef<'_>>, Error> {
    let mut reader = SliceReader::new(content)?;
    let mut fields = Vec::new();
    while !reader.is_finished() {
        fields.push(reader.decode()?);
    }
    Ok(fields)
}

impl Display for KeyFormat {
    /// The kind and the remedy.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64(Some(kind)) => {
                write!(f, "this text is {kind} in base64, without its PEM lines")?;
                match kind.label() {
                    Some(label) => write!(
                        f,
                        ": put the line `-----BEGIN {label}-----` before it and the line `-----END {label}-----` after it"
                    ),
                    None => Ok(()),
                }
            }
            Self::Base64(None) => f.write_str(
                "this text looks like base64 without its PEM lines: copy the whole file, with its `-----BEGIN ...-----` \
                 and `-----END ...-----` lines",
            ),
            Self::Base64OfPem => f.write_str(
                "this text is a complete PEM, encoded in base64 once more, as Kubernetes secrets are: decode it first \
                 with `base64 -d`",
            ),
            Self::Base64OfPkcs12 => f.write_str("this text is the base64 of a PKCS#12 file (.p12, .pfx), not a PEM"),
            Self::Pem => f.write_str("this is a PEM"),
            Self::NoBeginLine => {
                f.write_str("this PEM has no `-----BEGIN ...-----` line: copy the whole file again")
            }
            Self::DamagedBeginLine => f.write_str(
                "the `-----BEGIN ...-----` line of this PEM is damaged: it must have five dashes on each side and \
                 capital letters; copy the whole file again",
            ),
            Self::OtherDashes => f.write_str(
                "this PEM has full-width or typographic dashes instead of `-`; input methods and word processors write \
                 them: copy the file again with a plain text editor",
            ),
            Self::PercentEncoded => {
                f.write_str("this PEM is percent-encoded, as in a URL: decode it first")
            }
            Self::Path => f.write_str(
                "this text looks like the path of a file, but the content of the file is needed here",
            ),
            Self::FileUrl => f.write_str(
                "this text is the URL of a file (`file://`), but the content of the file is needed here",
            ),
            Self::Json => f.write_str("this is JSON, not a PEM"),
            Self::Ssh => f.write_str("this is an SSH key, not a PEM"),
            Self::Utf16 => f.write_str("this text is in UTF-16 or UTF-32: save it again as UTF-8"),
            Self::Der(kind) => {
                write!(f, "this is {kind} in DER, the binary form, not a PEM")?;
                match kind {
                    PemKind::Certificate => {
                        f.write_str(": convert it with `openssl x509 -inform DER -in FILE -out FILE.pem`")
                    }
                    PemKind::PrivateKey | PemKind::RsaPrivateKey => {
                        f.write_str(": convert it with `openssl pkey -inform DER -in FILE -out FILE.pem`")
                    }
                    PemKind::PublicKey => {
                        f.write_str(": convert it with `openssl pkey -pubin -inform DER -in FILE -out FILE.pem`")
                    }
                    _ => Ok(()),
                }
            }
            Self::Pkcs12 => f.write_str(
                "this is a PKCS#12 file (.p12, .pfx), such as apiclient_cert.p12, not a PEM: use the .pem file from the \
                 same download",
            ),
            Self::Pkcs7 => f.write_str("this is a PKCS#7 file (.p7b), not a PEM"),
            Self::JavaKeyStore => f.write_str("this is a Java key store (.jks), not a PEM"),
            Self::Archive => f.write_str("this is a ZIP or gzip file, not a PEM: unpack it first"),
            Self::Binary => f.write_str("this is binary data, not a PEM"),
            Self::Text => f.write_str("this text is not a PEM: it has no `-----BEGIN ...-----` line"),
        }
    }
}

/// The longest path that is recognized.
const MAX_PATH_LENGTH: usize = 255;

/// A run of base64 letters of this length or longer, with upper case, lower case and digits, may be a part of a key.
const MIN_KEY_RUN: usize = 20;

/// The same for runs with `/`, which is a letter of base64 and also separates the parts of a path.
const MIN_KEY_RUN_WITH_SLASHES: usize = 32;

/// Extensions of files with keys, certificates and settings. A text with one of them is a path even without a folder.
const ENDINGS: [&str; 15] = [
    "cer", "cert", "conf", "crt", "der", "env", "jks", "json", "key", "p12", "p8", "pem", "pfx", "pub", "txt",
];

/// The same for runs with `.`, which separates the parts of tokens, and is common in file names.
const MIN_KEY_RUN_WITH_DOTS: usize = 40;

/// What occurs in a PEM, in base64, or in a URL with a password or a token.
const OTHER_MARKS: [&str; 7] = ["-----", "BEGIN ", "PRIVATE KEY", "=", "://", "@", "?"];

/// Whether a text has the shape of a path and cannot contain a key, so that it may be printed in an error or a log.
///
/// ```
/// use weipay_wire::looks_like_path;
///
/// assert!(looks_like_path("/etc/weipay/apiclient_key.pem"));
/// assert!(looks_like_path(r"C:\weipay\apiclient_key.pem"));
/// assert!(!looks_like_path("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7/k3E"));
/// ```
#[must_use]
pub fn looks_like_path(text: &str) -> bool {
    if text.is_empty() || text.len() > MAX_PATH_LENGTH || text.trim() != text {
        return false;
    }
    if text.chars().any(char::is_control) || OTHER_MARKS.iter().any(|mark| text.contains(mark)) {
        return false;
    }
    let stem = text.rsplit_once('.').map_or(text, |(stem, _)| stem);
    if has_key_run(text, MIN_KEY_RUN, b"+=") || has_key_run(stem, MIN_KEY_RUN_WITH_DOTS, b"+=.") {
        return false;
    }
    has_ending(text) || (is_rooted(text) && !has_key_run(text, MIN_KEY_RUN_WITH_SLASHES, b"+=/"))
}

/// Whether the text ends like a file name: with `.pem` or the like, or inside a folder with any short extension.
fn has_ending(text: &str) -> bool {
    let (folder, name) =
        text.rsplit_once(['/', '\\']).map_or((None, text), |(folder, name)| (Some(folder), name));
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let known = ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
    let short = (1..=10).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    !stem.is_empty() && (known || (short && folder.is_some()))
}

/// Whether the text begins like an absolute path, or with `./`, `../` or `~/`.
fn is_rooted(text: &str) -> bool {
    let has_drive = match text.as_bytes() {
        [letter, b':', b'/' | b'\\', ..] => letter.is_ascii_alphabetic(),
        _ => false,
    };
    has_drive || ["/", "./", "../", "~/", ".\\", "..\\", "\\\\"].iter().any(|root| text.starts_with(root))
}

/// Whether the text contains `length` or more alphanumeric letters or `marks` in a row, with upper case, lower case and digits.
fn has_key_run(text: &str, length: usize, marks: &[u8]) -> bool {
    let is_of_run = |byte: &u8| byte.is_ascii_alphanumeric() || marks.contains(byte);
    text.as_bytes().split(|byte| !is_of_run(byte)).any(|run| {
        run.len() >= length
            && run.iter().any(u8::is_ascii_uppercase)
            && run.iter().any(u8::is_ascii_lowercase)
            && run.iter().any(u8::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known_by_their_root_or_their_ending() {
        for text in [
            "apiclient_key.pem",
            "keys/apiclient_key.pem",
            "./apiclient_key",
            "../keys/merchant",
            "~/weipay/key",
            "/run/secrets/merchant_key",
            "/Users/wang/Documents/shop 2/key2.pem",
            "/etc/weipay/1900007291_20241125_cert/apiclient_key.pem",
            "certs/wechatpay_408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB.pem",
            "/nix/store/0c4aef34b89340881bb2b25226393dc2-keys/merchant",
            "密钥/商户私钥.pem",
            r"C:\Users\Wang\keys\merchant",
            "d:/keys/merchant",
            "secrets/merchant.secret",
        ] {
            assert!(looks_like_path(text), "{text}");
        }
    }

    #[test]
    fn what_may_be_a_key_or_another_secret_is_not_a_path() {
        let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7k3EpZ2mX/9dQ+1kYw0aHq3uVb5t";
        for text in [
            "",
            key,
            &key[..30],
            &format!("/{key}"),
            &format!("{}.pem", &key[10..30]),
            &format!("/{}", &key[10..32]),
            &format!("{}.{}.{}.pem", &key[..18], &key[20..38], &key[40..52]),
            &format!("{key}.pem"),
            &format!("/etc/{key}"),
            &format!("-----BEGIN PRIVATE KEY-----{key}"),
            &format!("----BEGIN PRIVATE KEY---- {}/key.pem", &key[..8]),
            &format!("/etc/key.pem\n{key}"),
            &"/a".repeat(200),
            "/k3Epz2mX/9dQ1kYw0aHq/3uVb5tAAoIBAQC7",
            "0123456789abcdef0123456789abcdef",
            "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl",
            "Tr0ub4dor.3",
            "https://wang:secret@keys.example/apiclient_key.pem",
            "/keys/apiclient_key.pem?token=secret",
            "KEY=secret.pem",
            "keys/merchant",
            "merchant",
            " key.pem",
        ] {
            assert!(!looks_like_path(text), "{text}");
        }
    }
}
