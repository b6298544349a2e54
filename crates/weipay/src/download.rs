//! Downloads (下载): the file that a response names, by `download_url` or, in a few operations, by `url`, as a stream.
//!
//! A file is not signed. What proves it is the digest in the signed response that names it, so a download
//! checks that digest, and fails if the digest differs. A gzip stream (`tar_type=GZIP`) is decompressed while
//! it arrives; the digest is of the decompressed text. Files may have any size: memory use does not depend on
//! it.
//!
//! Fund flow bills of sub-merchants (子商户资金账单) travel encrypted with AES-256-GCM (`algorithm=AEAD_AES_256_GCM`). Give
//! [`Download`] an item of `download_bill_list`, typed or not: its key is decrypted with the merchant's private key, and the file
//! while it arrives. `SM4_GCM` is refused. UNCONFIRMED: documents do not say of which text `hash_value` of an encrypted file is
//! the digest; here it is of the decrypted and decompressed one, as for other bills.
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
mod part_file;
mod receiver;
mod seal;
mod source;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use crate::core::{Core, Prepared as Signable, Unsigned};
use crate::delivery::{Mode, Shared};
use crate::error::{ApiError, Error, ErrorKind, FileError, RequestError};
use crate::operation::Operation;
use crate::request::Request;
use crate::response::RawResponse;
use crate::retry::Retries;
use address::Address;
use receiver::{Received, Receiver};
use source::FileLink;
pub use source::{Digest, FileSource};

/// How long a whole download takes at most, if the caller sets no limit.
const MAX_DURATION: Duration = Duration::from_secs(60 * 60);

/// How large a file is at most that is kept in memory, if the caller sets no limit.
const MAX_IN_MEMORY: u64 = 64 * 1024 * 1024;

/// How much of an error response is read.
const MAX_ERROR_BODY: usize = 1024 * 1024;

/// A download (下载) that is being filled in. `to_writer`, `to_file` or `to_bytes` makes it.
///
/// - The URL is sent as it was given, byte for byte, to whatever host it names. Only hosts of the platform and the client's own
///   base URL get a signature; any other host gets none, and must be `https://` or this machine. No redirect is followed.
/// - A success is a status 200, the whole body, and the announced digest. An error response is the usual error. What was written
///   before an error must not be used.
/// - The time limit of the client holds for each wait: for the head of the response, and for each next piece.
/// - A failed download is repeated as the [retry policy](Retries) of the client says, from its beginning:
///   `to_file` and `to_bytes` after any failure that may pass, also when the file was damaged; `to_writer`
///   only while nothing was written, because a writer cannot take anything back.
#[must_use = "a download does nothing before `to_writer`, `to_file` or `to_bytes`"]
pub struct Download<M: Mode> {
    shared: Arc<Shared<M>>,
    link: Result<FileLink, RequestError>,
    max_bytes: Option<u64>,
    timeout: Duration,
    retries: Option<Retries>,
}

/// A file that was downloaded, whole and, if a digest was announced, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// How many bytes the file has, decompressed.
    pub bytes: u64,
    /// Whether it came as a gzip stream and was decompressed.
    pub was_compressed: bool,
    /// Whether it came encrypted (加密账单) and was decrypted. Then it fits the tag of its encryption.
    pub was_encrypted: bool,
    /// Its digest, which was announced and found right.
    pub digest: Option<Digest>,
    /// Its media type as the server names it, which nothing proves.
    pub media_type: Option<String>,
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
        Self { shared, link: source.file_link(), max_bytes: None, timeout: MAX_DURATION, retries: None }
    }

    /// The digest that the file must have, in place of the one that came with its address, also where that one cannot be checked.
    pub fn digest(mut self, digest: Digest) -> Self {
        if let Ok(link) = &mut self.link {
            link.digest = Ok(Some(digest));
        }
        self
    }

    /// How many bytes the file has at most, decompressed. A larger one is an error. Without it `to_writer` and `to_file` take a
    /// file of any size, and `to_bytes` one of 64 MB.
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = Some(max_bytes);
        self
    }

    /// How often this download is repeated, in place of the client's policy.
    pub fn retries(mut self, retries: Retries) -> Self {
        self.retries = Some(retries);
        self
    }

    /// How long the whole download may take, with all attempts: an hour, if it is not set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Everything that is known before anything is sent.
    fn prepare(&self) -> Result<Prepared, Error> {
        let link = self.link.clone()?;
        let core = &self.shared.core;
        let address = Address::new(&link.url, &core.base_url)?;
        let mut request = Request::new(address.target().trim_start_matches('/').to_owned());
        let path = address.uri.path().trim_start_matches('/');
        request.operation = Operation::find(&request.method, path).filter(|_| address.is_signed);
        let unsent = prepare(core, &request, &address)?;
        let wait = core.timeout(&request).min(self.timeout);
        let seal = link.seal.map(|seal| seal.open(core.private_key()?)).transpose()?;
        let receiver = Receiver::new(seal, link.digest?, self.max_bytes);
        Ok(Prepared { request, unsent, wait, receiver })
    }
}

/// The request for a file. Its address decides whether it is signed.
fn prepare(core: &Core, request: &Request, address: &Address) -> Result<Signable<()>, RequestError> {
    let mut prepared = http::Request::new(());
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
    unsent: Signable<()>,
    /// How long each wait may take.
    wait: Duration,
    receiver: Receiver,
}

/// Judges the head of a response: the media type of a file, `None` for an error response, or an error.
fn judge(status: StatusCode, headers: &HeaderMap) -> Result<Option<String>, FileError> {
    if status != StatusCode::OK {
        return Ok(None);
    }
    if is_web_page(headers) {
        return Err(FileError::WebPage);
    }
    Ok(Some(media_type(headers).to_owned()))
}

fn media_type(headers: &HeaderMap) -> &str {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.unwrap_or_default().trim()
}

/// Whether the body is a page for people, which no file of the platform is.
pub(crate) fn is_web_page(headers: &HeaderMap) -> bool {
    let essence = media_type(headers).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    ["text/html", "application/xhtml+xml"].contains(&essence.as_str())
}

fn downloaded(received: Received, media_type: String) -> Downloaded {
    Downloaded {
        bytes: received.bytes,
        was_compressed: received.was_compressed,
        was_encrypted: received.was_encrypted,
        digest: received.digest,
        media_type: Some(media_type).filter(|media_type| !media_type.is_empty()),
    }
}

impl<M: Mode> Shared<M> {
    /// The error of a response that is not a file.
    fn refused(&self, parts: http::response::Parts, body: Bytes) -> Error {
        let response = http::Response::from_parts(parts, body);
        let response = RawResponse::new(response, self.core.merchant.key.clone());
        Error::with_response(ErrorKind::Api(ApiError::read(&response.body)), response)
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        Self::new(ErrorKind::File(error))
    }
}

impl<M: Mode> std::fmt::Debug for Download<M> {
    /// The URL is left out: its token gives the file to anybody.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digest = self.link.as_ref().ok().and_then(|link| link.digest.as_ref().ok()?.as_ref());
        f.debug_struct("Download").field("digest", &digest).finish_non_exhaustive()
    }
}
