//! The address of a file: a token says which, sealed with a key that only merchant and platform have, so that nothing must be
//! kept.

use std::fmt::Write;

use serde_json::{Map, Value};
use weipay_catalog::sample::own::Own;
use weipay_catalog::{Catalog, Field, Operation, Purpose};
use weipay_wire::{ApiV3Key, ENVELOPE_NONCE_LENGTH};

use super::document::Document;
use super::gzip::gzip;
use super::table::linked_by;
use crate::contract::ValidRequest;
use crate::products::Links;
use crate::response::Refusal;

/// How long an address is valid.
const LIFE_SECONDS: i64 = 300;

const ASSOCIATED_DATA: &str = "download";

/// The target of a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) document: Document,
    pub(super) is_gzip: bool,
    /// Key and nonce, when the file itself is sealed (子商户资金账单).
    pub(super) key: Option<(String, String)>,
    pub(super) made: i64,
}

impl Link {
    pub(super) fn is_old(&self, now: i64) -> bool {
        now.saturating_sub(self.made) > LIFE_SECONDS
    }

    pub(super) fn content_type(&self) -> &'static str {
        match (&self.key, self.is_gzip) {
            (Some(_), _) => "application/octet-stream",
            (None, true) => "application/x-gzip",
            (None, false) => self.document.content_type(),
        }
    }

    /// UNCONFIRMED(sealed-bill): that a sealed file is the bytes of the ciphertext with its tag, packed before it was sealed.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Refusal> {
        let plain = self.document.bytes();
        let packed = if self.is_gzip { gzip(&plain) } else { plain };
        let Some((key, nonce)) = &self.key else { return Ok(packed) };
        let key = ApiV3Key::new(key).map_err(|_| Refusal::system_error())?;
        key.seal_bytes(nonce, "", &packed).map_err(|_| Refusal::system_error())
    }

    fn word(&self) -> &'static str {
        Document::WORDS.iter().find(|(document, _)| *document == self.document).map_or("", |(_, word)| word)
    }
}

impl Links<'_> {
    fn token(&self, link: &Link) -> Option<String> {
        let (key, file_nonce) = link.key.as_ref().map_or(("-", "-"), |(key, nonce)| (key, nonce));
        let text = format!("{} {} {} {key} {file_nonce}", link.word(), u8::from(link.is_gzip), link.made);
        self.sealer().seal(ASSOCIATED_DATA, &text)
    }

    /// The target of a token; `None` if it is not one of this sandbox.
    pub(super) fn open(&self, token: &str) -> Option<Link> {
        let text = self.sealer().open(ASSOCIATED_DATA, token)?;
        let mut words = text.split(' ');
        let word = words.next()?;
        let (document, _) = Document::WORDS.iter().find(|(_, known)| *known == word)?;
        let is_gzip = words.next()? == "1";
        let made = words.next()?.parse().ok()?;
        let (key, nonce) = (words.next()?, words.next()?);
        let key = (key != "-").then(|| (key.to_owned(), nonce.to_owned()));
        Some(Link { document: *document, is_gzip, key, made })
    }

    /// The address of a file: what else the operation there requires has the values of its examples.
    fn address(&self, download: &str, link: &Link) -> Option<String> {
        let (base, token) = (self.base_url, self.token(link)?);
        let mut address = format!("{base}/{download}?token={token}");
        let operation = Catalog::embedded().find("GET", download)?;
        for field in operation.request.query.iter().filter(|field| field.name != "token") {
            let value = match Own::of_field(field.name) {
                Some(Own::MerchantNumber) => self.mchid,
                _ if field.name == "tartype" && link.is_gzip => "gzip",
                _ if field.required => field.example.as_deref().unwrap_or("example"),
                _ => continue,
            };
            // Writing to a String cannot fail.
            let _ = write!(address, "&{}={value}", field.name);
        }
        Some(address)
    }
}

/// Makes the addresses of an example lead to this sandbox, and the digests beside them right.
pub(crate) fn lead_back(
    operation: &Operation,
    request: &ValidRequest,
    response: &mut Value,
    links: &Links<'_>,
) {
    let (download, document) = linked_by(operation);
    let link = Link {
        document,
        is_gzip: request.query("tar_type").is_some_and(|kind| kind.eq_ignore_ascii_case("gzip")),
        key: None,
        made: links.now,
    };
    each_object(&operation.response, response, &mut |fields, members| {
        set_link(download, &link, fields, members, links);
    });
}

fn each_object(
    fields: &[Field],
    value: &mut Value,
    visit: &mut impl FnMut(&[Field], &mut Map<String, Value>),
) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(fields, item, visit)),
        Value::Object(members) => {
            visit(fields, members);
            for field in fields {
                if let Some(value) = members.get_mut(field.name) {
                    each_object(&field.fields, value, visit);
                }
            }
        }
        _ => {}
    }
}

fn set_link(
    download: &str,
    link: &Link,
    fields: &[Field],
    members: &mut Map<String, Value>,
    links: &Links<'_>,
) {
    let field_for = |purpose| fields.iter().find(|field| field.purpose == Some(purpose));
    let Some(url) = field_for(Purpose::DownloadUrl) else { return };
    if !members.contains_key(url.name) {
        return;
    }
    let sealed_with = field_for(Purpose::DownloadKey).zip(field_for(Purpose::DownloadNonce));
    let key =
        sealed_with.map(|_| (links.entropy.hex_digits(32), links.entropy.hex_digits(ENVELOPE_NONCE_LENGTH)));
    let link = Link { document: link.document, is_gzip: link.is_gzip, key, made: link.made };
    let Some(address) = links.address(download, &link) else { return };
    members.insert(url.name.to_owned(), address.into());
    let algorithm = field_for(Purpose::DownloadHashType).and_then(|field| members.get(field.name));
    let digest = algorithm.and_then(Value::as_str).and_then(|algorithm| link.document.digest(algorithm));
    let shown = field_for(Purpose::DownloadHash).and_then(|field| members.get_mut(field.name));
    if let (Some(digest), Some(Value::String(shown))) = (digest, shown) {
        let is_upper = shown.bytes().any(|byte| byte.is_ascii_uppercase());
        *shown = if is_upper { digest.to_uppercase() } else { digest };
    }
    if let (Some((key, nonce)), Some((key_field, nonce_field))) = (link.key, sealed_with) {
        members.insert(key_field.name.to_owned(), key.into());
        members.insert(nonce_field.name.to_owned(), nonce.into());
    }
}
