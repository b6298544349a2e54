//! Downloads (下载): the file that a response names, by `download_url` or, in a few operations, by `url`, or that is the
//! response, as a stream.
//!
//! Files are not signed. A file is verified by its digest, which is in the signed response that names it: a download checks that
//! digest, and fails if it differs. A gzip stream (`tar_type=GZIP`) is decompressed while it arrives; the digest is of
//! the decompressed text. Files may have any size: memory use does not depend on it.
//!
//! Fund flow bills of sub-merchants (子商户资金账单) are encrypted with AES-256-GCM (`algorithm=AEAD_AES_256_GCM`).
//! Give [`Download`] an item of `download_bill_list`, typed or not: its key is decrypted with the merchant's private
//! key, and the file while it arrives. `SM4_GCM` (国密) needs the feature `sm`. UNCONFIRMED: documents do not say of
//! which text `hash_value` of an encrypted file is the digest; here it is of the decrypted and decompressed one, as for
//! other bills.
//!
//! # Files that are responses
//!
//! The bills of APIv2 (下载对账单, 下载资金账单), and overseas statements (境外对账单), are the response itself. Their
//! verbs keep it in memory and take 8 MiB at most. `download` in place of the verb streams it:
//! `client.v2().pay().downloadbill().download(request)`, or [`Call::download_with`](crate::Call::download_with) in the
//! other styles. A bill of APIv2 has no signature and no digest, so only TLS verifies its origin. A failure is XML with the same
//! status, and no file begins so: it becomes an error, and nothing is written. A response that ends early
//! is an error if its length was announced; otherwise [`Bill`](crate::bill::Bill) reports the missing summary. Where
//! the header of a statement has its digest and a signature, both are verified, or the signature alone if the caller
//! gives another [digest](Download::digest).
//!
#![cfg_attr(
    all(feature = "blocking", feature = "bill"),
    doc = r#"
```no_run
# fn run(client: weipay::blocking::Client) -> Result<(), Box<dyn std::error::Error>> {
use weipay::v3::bill::tradebill::get::{Request, TarType};

let request = Request::new().bill_date("2026-11-25").tar_type(TarType::Gzip);
let response = client.v3().bill().tradebill().get(request)?;
let downloaded = client.download(&response).to_file("tradebill.csv")?;
assert!(downloaded.is_verified());
# Ok(())
# }
```
"#
)]

mod address;
#[cfg(feature = "async")]
mod asynchronous;
mod attempts;
#[cfg(feature = "blocking")]
mod blocking;
mod form;
mod part_file;
mod receiver;
mod source;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use crate::core::{Core, Prepared as Signable, Unsigned, content_coding};
use crate::delivery::{Mode, Shared};
use crate::error::{ApiError, Error, ErrorKind, FileError, MAX_UNDER_SUCCESS, RequestError};
use crate::failover::Host;
use crate::operation::{ApiVersion, Operation};
use crate::platform_keys::PlatformKeySet;
use crate::request::Request;
use crate::response::RawResponse;
use crate::retry::RetryConfig;
use crate::upload::Payload;
use address::Address;
pub(crate) use form::Form;
use receiver::{Received, Receiver};
use source::FileLink;
pub use source::{Digest, FileSource};

/// How long a whole download takes at most, if the caller sets no limit.
const MAX_DURATION: Duration = Duration::from_secs(60 * 60);

/// How large a file is at most that is kept in memory, if the caller sets no limit.
const MAX_IN_MEMORY: u64 = 64 * 1024 * 1024;

/// How much of an error response is read.
const MAX_ERROR_BODY: usize = 1024 * 1024;

/// A download (下载) before it starts: `to_writer`, `to_file` or `to_bytes` starts it.
///
/// - The URL is sent as it was given, byte for byte, to whatever host it names. Only hosts of the platform and the client's own
///   base URL get a signature; any other host gets none, and must be `https://` or this machine. No redirect is followed.
/// - A success is a status 200, the whole body, and the announced digest. An error response is the usual error. What was written
///   before an error must not be used.
/// - Without a digest, the client can only look at the form of the body. It rejects, in UTF-8 or UTF-16: an empty body, HTML or
///   XML, JSON of at most 64 KiB, and longer JSON with a `Content-Type` of JSON. Another text cannot be told from a file, so
///   set the [digest](Self::digest) if you know it.
/// - The time limit of the client applies to each wait: for the head of the response, and for each next piece.
/// - A failed download is retried as the [`RetryConfig`] of the client says, from its beginning: `to_file` and `to_bytes` after
///   any temporary failure, also when the file was damaged; `to_writer` only while nothing was written, because what a writer got
///   cannot be undone.
#[must_use = "a download does nothing before `to_writer`, `to_file` or `to_bytes`"]
pub struct Download<M: Mode> {
    shared: Arc<Shared<M>>,
    source: Source,
    /// The one that the caller gave.
    digest: Option<Digest>,
    max_bytes: Option<u64>,
    timeout: Duration,
    retries: Option<RetryConfig>,
}

/// The source of the file.
enum Source {
    /// Its address.
    Link(Result<FileLink, RequestError>),
    /// A call whose response it is.
    Call(Box<Request>),
}

/// A file that was downloaded completely and, if a digest was announced, verified.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// The size of the file in bytes, decompressed.
    pub size: u64,
    /// Whether it came as a gzip stream and was decompressed.
    pub was_compressed: bool,
    /// Whether it came encrypted (加密账单) and was decrypted. Then it fits the tag of its encryption.
    pub was_encrypted: bool,
    /// The announced digest, which was verified; `None` if none was announced.
    pub digest: Option<Digest>,
    /// Its media type according to the server. It is not verified.
    pub media_type: Option<String>,
    /// The headers of the response. They are not verified.
    pub headers: HeaderMap,
}

impl std::fmt::Debug for Downloaded {
    /// Shows only the number of headers: any host may serve a file, and set a cookie.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { size, was_compressed, was_encrypted, digest, media_type, headers } = self;
        f.debug_struct("Downloaded")
            .field("size", size)
            .field("was_compressed", was_compressed)
            .field("was_encrypted", was_encrypted)
            .field("digest", digest)
            .field("media_type", media_type)
            .field("headers", &headers.len())
            .finish()
    }
}

impl Downloaded {
    /// Whether the file has the announced digest. It is `false` only if none was announced: then only TLS proves the origin.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.digest.is_some()
    }
}

/// A file that is only checked is not kept, so it may be long; this bounds the time that a stream of zeros takes.
const MAX_CHECKED: u64 = 1024 * 1024 * 1024;

/// Whether this is a file with this digest, decompressed if it is a gzip stream.
pub(crate) fn check(file: &[u8], digest: Digest) -> Result<(), FileError> {
    let mut receiver = Receiver::new(None, Some(digest), Some(MAX_CHECKED));
    let mut rest = file;
    while !rest.is_empty() {
        receiver.next_piece(&mut rest)?;
    }
    receiver.last_piece()?;
    receiver.conclude().map(drop)
}

impl<M: Mode> Download<M> {
    pub(crate) fn new(shared: Arc<Shared<M>>, source: &(impl FileSource + ?Sized)) -> Self {
        let source = Source::Link(source.file_link());
        Self { shared, source, digest: None, max_bytes: None, timeout: MAX_DURATION, retries: None }
    }

    /// Of the file that is the response to this call.
    pub(crate) fn of_call(shared: Arc<Shared<M>>, mut request: Box<Request>) -> Self {
        // A response that is signed as a whole cannot be streamed: no byte may be used before the signature is verified.
        if !request.operation.is_some_and(|row| row.has_file_response() && row.is_unsigned()) {
            request.record_error(RequestError::NotAFile);
        }
        let timeout = request.timeout.take().unwrap_or(MAX_DURATION);
        let retries = request.retries.take();
        let source = Source::Call(request);
        Self { shared, source, digest: None, max_bytes: None, timeout, retries }
    }

    /// The digest that the file must have, in place of the one that came with its address or in its header, also where
    /// that one cannot be checked.
    pub fn digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The maximum size of the file in bytes, decompressed. A larger one is an error. Without it `to_writer` and `to_file` take a
    /// file of any size, and `to_bytes` one of 64 MiB.
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = Some(max_bytes);
        self
    }

    /// How often this download is repeated, in place of the client's [`RetryConfig`].
    pub fn retries(mut self, retries: RetryConfig) -> Self {
        self.retries = Some(retries);
        self
    }

    /// How long the whole download may take, with all attempts; an hour by default. More than 365 days count as 365 days.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The call whose response is the file.
    fn call(&self) -> Option<&Request> {
        match &self.source {
            Source::Link(_) => None,
            Source::Call(request) => Some(request),
        }
    }

    /// Everything that is known before anything is sent. `host` is where a call is sent.
    fn prepare(&self, host: Host) -> Result<Prepared, Error> {
        let core = &self.shared.core;
        let link = match &self.source {
            Source::Link(link) => link.clone()?,
            Source::Call(request) => {
                core.check_before_keys(request)?;
                let mut request = (**request).clone();
                request.complete(core)?;
                let unsent = core.prepare_request(&request, host)?;
                let wait = core.timeout(&request).min(self.timeout);
                let receiver = Receiver::new(None, self.digest.clone(), self.max_bytes).of_call();
                return Ok(Prepared { request, unsent, wait, receiver });
            }
        };
        let address = Address::new(&link.url, &core.base_url)?;
        let mut request = Request::new(address.target().trim_start_matches('/').to_owned());
        let path = address.uri.path().trim_start_matches('/');
        request.operation = Operation::find(&request.method, path).filter(|_| address.is_signed);
        let unsent = prepare(core, &request, &address)?;
        let wait = core.timeout(&request).min(self.timeout);
        let seal = link.seal.map(|seal| seal.open(core.private_key()?)).transpose()?;
        let digest = match &self.digest {
            Some(digest) => Some(digest.clone()),
            None => link.digest?,
        };
        let receiver = Receiver::new(seal, digest, self.max_bytes);
        Ok(Prepared { request, unsent, wait, receiver })
    }

    /// The serial in a response whose key must be there before that is judged. Of a file behind an address, only a refusal of the
    /// platform may be signed.
    fn serial_to_verify<'a, B>(
        &self,
        request: &Request,
        response: &'a http::Response<B>,
        keys: &PlatformKeySet,
    ) -> Option<&'a str> {
        let may_be_signed =
            self.call().is_some() || request.operation.is_some() && !response.status().is_success();
        may_be_signed.then(|| Core::serial_to_verify(request, response, keys)).flatten()
    }

    /// Judges the head of a response: the media type of a file, `None` for an error response, or an error. A digest in it that is
    /// signed is the one that the file must have.
    fn judge(
        &self,
        request: &Request,
        receiver: &mut Receiver,
        head: &http::response::Parts,
        keys: &PlatformKeySet,
    ) -> Result<Option<String>, Error> {
        let core = &self.shared.core;
        if is_called_json(&head.headers) {
            receiver.refuse_json();
        }
        if self.call().is_none() {
            return judge(head.status, &head.headers)
                .map_err(|error| self.shared.with_head(ErrorKind::File(error), head, Bytes::new()));
        }
        if head.status != StatusCode::OK {
            return Ok(None);
        }
        check_coding(&head.headers)?;
        match core.signed_digest(request, &head.headers, keys) {
            Ok(Some(digest)) => {
                // A caller may know better which file it wants.
                if self.digest.is_none() {
                    receiver.announce(digest);
                }
            }
            // The `Content-Type` of APIv2 errors is not documented, so its errors are recognized by their first bytes.
            Ok(None) if request.version() == ApiVersion::V3 && is_web_page(&head.headers) => {
                return Err(FileError::WebPage.into());
            }
            Ok(None) => {}
            Err(kind) => return Err(self.shared.with_head(kind, head, Bytes::new())),
        }
        Ok(Some(media_type(&head.headers).to_owned()))
    }

    /// Judges a body that is no file, or whose text may be an error in place of one: the text if it is the file after all.
    fn judge_body(
        &self,
        request: &Request,
        head: http::response::Parts,
        body: Bytes,
        keys: &PlatformKeySet,
    ) -> Result<Bytes, Error> {
        if self.call().is_none() {
            return Err(self.shared.refused(head, body, keys));
        }
        let response = http::Response::from_parts(head.clone(), body.clone());
        if let Err(error) = self.shared.core.verify_response(request, response, keys) {
            // A file whose digest its caller knows may be any text.
            let is_text =
                matches!(error.kind(), ErrorKind::File(FileError::NoFile | FileError::ErrorResponse(_)));
            return if is_text && self.digest.is_some() { Ok(body) } else { Err(error) };
        }
        // An empty file in place of the one that was there would look like a success.
        let is_none = matches!(Form::of(&body), Form::Nothing | Form::Markup);
        if head.status != StatusCode::OK || is_none {
            return Err(self.shared.with_head(ErrorKind::File(FileError::NoFile), &head, body));
        }
        Ok(body)
    }
}

/// The request for a file. Its address decides whether it is signed.
fn prepare(core: &Core, request: &Request, address: &Address) -> Result<Signable<Payload>, RequestError> {
    let mut prepared = http::Request::new(Payload::from(Bytes::new()));
    *prepared.headers_mut() = core.headers(request)?;
    *prepared.uri_mut() = address.uri.clone();
    match address.is_signed {
        true => Unsigned::new(core, request, address.target()).sign(&core.merchant, prepared),
        false => Ok(Signable::Signed(prepared)),
    }
}

/// A download before it is sent.
struct Prepared {
    /// Names the call in errors.
    request: Request,
    unsent: Signable<Payload>,
    /// How long each wait may take.
    wait: Duration,
    receiver: Receiver,
}

/// Judges the head of a response: the media type of a file, `None` for an error response, or an error.
fn judge(status: StatusCode, headers: &HeaderMap) -> Result<Option<String>, FileError> {
    if status != StatusCode::OK {
        // Another success (204, 206) has no file, or a part of one. Nothing of that belongs into the text of an error.
        return if status.is_success() { Err(FileError::NoFile) } else { Ok(None) };
    }
    check_coding(headers)?;
    if is_web_page(headers) {
        return Err(FileError::WebPage);
    }
    Ok(Some(media_type(headers).to_owned()))
}

/// Gzip is decompressed, also if a proxy compressed the file.
fn check_coding(headers: &HeaderMap) -> Result<(), FileError> {
    let is_gzip =
        |coding: &[u8]| [&b"gzip"[..], b"x-gzip"].iter().any(|name| coding.eq_ignore_ascii_case(name));
    content_coding(headers).is_none_or(is_gzip).then_some(()).ok_or(FileError::Encoded)
}

fn media_type(headers: &HeaderMap) -> &str {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.unwrap_or_default().trim()
}

/// Whether a body is JSON, as the error of something on the way may be, and as no file of the platform is. A longer one is
/// looked at only if it is [called so](is_labelled_json): an error has a few hundred bytes.
fn is_short_json(body: &[u8]) -> bool {
    body.len() <= MAX_UNDER_SUCCESS && Form::of_body(body) == Form::Json
}

/// Whether a whole response is JSON in place of a file that no digest announced.
pub(crate) fn is_json_in_place_of_a_file(headers: &HeaderMap, body: &[u8]) -> bool {
    is_short_json(body) || is_labelled_json(headers, body)
}

/// Whether a body of any length is JSON in form and by its media type, as no file of the platform is. A file that only begins so,
/// or is only called so, may be one.
fn is_labelled_json(headers: &HeaderMap, body: &[u8]) -> bool {
    is_called_json(headers) && Form::of_body(body) == Form::Json
}

/// Whether the body is called JSON.
fn is_called_json(headers: &HeaderMap) -> bool {
    let essence = essence(headers);
    ["application/json", "text/json"].contains(&essence.as_str()) || essence.ends_with("+json")
}

/// Whether the body is a page for people, which no file of the platform is.
pub(crate) fn is_web_page(headers: &HeaderMap) -> bool {
    ["text/html", "application/xhtml+xml"].contains(&essence(headers).as_str())
}

/// The media type without its parameters.
fn essence(headers: &HeaderMap) -> String {
    media_type(headers).split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn downloaded(received: Received, media_type: String, headers: HeaderMap) -> Downloaded {
    Downloaded {
        size: received.bytes,
        was_compressed: received.was_compressed,
        was_encrypted: received.was_encrypted,
        digest: received.digest,
        media_type: Some(media_type).filter(|media_type| !media_type.is_empty()),
        headers,
    }
}

impl<M: Mode> Shared<M> {
    /// The error of a response that is not a file.
    fn refused(&self, parts: http::response::Parts, body: Bytes, keys: &PlatformKeySet) -> Error {
        let response = http::Response::from_parts(parts, body);
        let response = RawResponse::new(response, self.core.merchant.key.clone());
        let kind = self.core.refusal(ApiError::read(&response.body), &response, keys);
        Error::with_response(kind, response)
    }

    /// An error with the response that it is about.
    fn with_head(&self, kind: ErrorKind, head: &http::response::Parts, body: Bytes) -> Error {
        let response = http::Response::from_parts(head.clone(), body);
        Error::with_response(kind, RawResponse::new(response, self.core.merchant.key.clone()))
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        Self::new(ErrorKind::File(error))
    }
}

impl<M: Mode> std::fmt::Debug for Download<M> {
    /// The URL is left out: with its token anyone gets the file.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let announced = match &self.source {
            Source::Link(Ok(link)) => link.digest.as_ref().ok().and_then(Option::as_ref),
            _ => None,
        };
        let digest = self.digest.as_ref().or(announced);
        f.debug_struct("Download").field("digest", &digest).finish_non_exhaustive()
    }
}
