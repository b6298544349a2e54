//! One request as it may be shown: masked.

use std::fmt;
use std::time::Duration;

use weipay_catalog::{Catalog, Operation};

use super::mask;
use super::{Content, Kept, Whole};
use crate::explain::SignatureExplanation;
use crate::log::{self, LogEntry};
use crate::platform::Request;
use crate::upload::{Upload, fields_of_document};
use crate::v2;

/// A request, its response, and the reason of a failure. Secrets and personal data are masked: values that the
/// catalogue marks as encrypted or whose names say so, signatures, and everything that the catalogue does not know.
///
/// [`Display`](fmt::Display) prints all of it, on several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Its sequence number.
    pub number: u64,
    /// Its line in the log.
    pub entry: LogEntry,
    /// How long the response took to make.
    pub took: Duration,
    /// Path and query.
    pub target: String,
    /// The header fields of the request.
    pub request_headers: Vec<(String, String)>,
    /// The body of the request.
    pub request_body: String,
    /// The header fields of the response, without those of the transport.
    pub response_headers: Vec<(String, String)>,
    /// The body of the response.
    pub response_body: String,
    /// Why the signature of the request is wrong.
    pub signature: Option<SignatureExplanation>,
}

impl Exchange {
    /// Whether the request was rejected, or did not arrive in full.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.entry.is_failed()
    }

    pub(super) fn from_kept(kept: &Kept) -> Self {
        match &*kept.content {
            Content::Whole(whole) => Self::from_whole(kept.number, whole),
            Content::Line(entry) => Self {
                number: kept.number,
                entry: LogEntry::clone(entry),
                took: Duration::ZERO,
                target: entry.path.clone(),
                request_headers: Vec::new(),
                request_body: String::new(),
                response_headers: Vec::new(),
                response_body: String::new(),
                signature: None,
            },
        }
    }

    fn from_whole(number: u64, whole: &Whole) -> Self {
        let text = |index| String::from_utf8_lossy(whole.part(index));
        let (method, target) = (text(0), text(1));
        let path = target.split_once('?').map_or(&*target, |(path, _)| path);
        let operation = Catalog::embedded().route(&method, path).ok().map(|routed| routed.operation);
        let operation = operation.or_else(|| v2::operation_at(path));
        let [request_length, response_length] = whole.lengths;
        let is_refusal = whole.status.is_some_and(|status| status >= 400);
        let response_body = if is_refusal {
            mask::refusal(whole.part(5), response_length)
        } else {
            body(whole.part(5), response_length, operation.map_or(&[], |known| &known.response))
        };
        Self {
            number,
            entry: LogEntry {
                time: whole.time,
                method: log::shown_method(&method),
                path: log::shown_path(&method, path),
                status: whole.status,
                fault: whole.fault.clone(),
                code: whole.code,
                reason: whole.reason.clone(),
                is_example: whole.is_example,
            },
            took: whole.took,
            target: mask::target(operation, &method, &target),
            request_headers: mask::headers(whole.part(2)),
            request_body: request_body(operation, whole, request_length),
            response_headers: mask::headers(whole.part(4)),
            response_body,
            signature: whole.explanation.as_deref().cloned(),
        }
    }
}

fn request_body(operation: Option<&'static Operation>, whole: &Whole, length: usize) -> String {
    let bytes = whole.part(3);
    let Some(operation) = operation else { return body(bytes, length, &[]) };
    if !operation.is_upload() {
        return body(bytes, length, fields_of_document(operation));
    }
    let mut request = Request { body: bytes.to_vec(), ..Request::default() };
    let content_type = mask::raw_header(whole.part(2), "content-type");
    if let Some(value) = content_type.and_then(|value| http::HeaderValue::from_bytes(value).ok()) {
        request.headers.insert(http::header::CONTENT_TYPE, value);
    }
    let upload = Upload::read(operation, &request);
    let meta = upload.and_then(|upload| upload.meta());
    let meta = meta.map(|meta| body(meta, meta.len(), fields_of_document(operation)));
    format!("(an upload of {length} bytes; meta: {})", meta.as_deref().unwrap_or("not kept"))
}

fn body(bytes: &[u8], length: usize, fields: &[weipay_catalog::Field]) -> String {
    if bytes.len() < length {
        return format!("({length} bytes)");
    }
    mask::body(bytes, fields)
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "#{} {}", self.number, self.entry)?;
        if self.request_headers.is_empty() && self.response_headers.is_empty() {
            return Ok(());
        }
        writeln!(f, "  > {} {}", self.entry.method, self.target)?;
        block(f, ">", &self.request_headers, &self.request_body)?;
        if let Some(status) = self.entry.status {
            writeln!(f, "  < {status} after {} µs", self.took.as_micros())?;
        }
        block(f, "<", &self.response_headers, &self.response_body)?;
        match &self.signature {
            Some(signature) => write!(f, "{signature}"),
            None => Ok(()),
        }
    }
}

/// Header fields and a body, each line with a mark in front.
fn block(f: &mut fmt::Formatter<'_>, mark: &str, headers: &[(String, String)], body: &str) -> fmt::Result {
    for (name, value) in headers {
        writeln!(f, "  {mark} {name}: {value}")?;
    }
    for line in body.lines() {
        writeln!(f, "  {mark} {}", line.replace(char::is_control, "?"))?;
    }
    Ok(())
}
