//! A request before it is signed: what a call, a typed request, an upload or a caller's header put into it.
//!
//! A typed request is encoded when its verb is called. Only if it holds plain text to encrypt, and the client has not fetched the
//! platform's certificates yet, it waits until they are there.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::base_url::BaseUrl;
use crate::error::{Cause, RequestError};
use crate::json;
use crate::model::{Model, Sensitive};
use crate::operation::{self, ApiVersion, Operation};
use crate::retry::RetryConfig;
use crate::target;
use crate::untyped::{self, SensitiveTexts};
use crate::upload::{Payload, Upload, UploadFile};

pub(crate) mod encoding;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// A request as its call filled it in.
#[derive(Clone)]
pub struct Request {
    /// The operation in the catalogue; `None` if it does not have the path.
    pub(crate) operation: Option<&'static Operation>,
    pub(crate) method: Method,
    pub(crate) template: String,
    pub(crate) values: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: Option<RetryConfig>,
    pub(crate) base_url: Option<BaseUrl>,
    /// Whether the request may say by `Wechatpay-Serial` that a certificate should sign the response. A
    /// public key it names anyway.
    pub(crate) names_certificate: bool,
    pub(crate) body: Option<Body>,
    /// Whether strings in the sensitive fields of a call without types are plain text or ciphertext.
    pub(crate) texts: SensitiveTexts,
    /// Sensitive values for the query of a call without types.
    pub(crate) sensitive_query: Vec<(String, Sensitive)>,
    /// Sensitive values of the query, each with the index of its pair.
    pub(crate) marked_query: Vec<(usize, Sensitive)>,
    /// The members of a call without types that the catalogue does not know.
    pub(crate) unknown_members: Vec<String>,
    /// The part of the request that cannot be encoded before the client has the platform's keys.
    pending: Option<Pending>,
    error: Option<RequestError>,
}

/// A request that has something to encrypt.
#[derive(Clone)]
enum Pending {
    /// A typed request.
    Model(Arc<dyn Model>),
    /// The input of a call without types.
    Untyped(Arc<untyped::Pending>),
}

/// A body, and which of its bytes are signed.
#[derive(Clone)]
pub(crate) enum Body {
    /// JSON, signed as a whole.
    Json(Bytes),
    /// An upload, of which only `meta` is signed.
    Upload(Upload),
    /// A form with a file (APIv2), of which the fields are signed.
    Form {
        /// The fields.
        fields: Map<String, Value>,
        /// The file.
        file: UploadFile,
    },
}

impl Request {
    pub(crate) fn new(template: String) -> Self {
        Self {
            operation: None,
            method: Method::GET,
            template,
            values: Vec::new(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            timeout: None,
            retries: None,
            base_url: None,
            names_certificate: true,
            body: None,
            texts: SensitiveTexts::default(),
            sensitive_query: Vec::new(),
            marked_query: Vec::new(),
            unknown_members: Vec::new(),
            pending: None,
            error: None,
        }
    }

    /// Keeps the first error: later ones are often its consequence. The request is not sent then.
    pub(crate) fn record_error(&mut self, error: RequestError) {
        self.error.get_or_insert(error);
    }

    /// The error that was recorded while the request was filled in.
    pub(crate) fn check_recorded(&self) -> Result<(), RequestError> {
        self.error.clone().map_or(Ok(()), Err)
    }

    /// The protocol of the operation. A path that the catalogue does not have has the protocol of the paths that begin alike.
    pub(crate) fn version(&self) -> ApiVersion {
        let of_path = || operation::version_of(&self.path());
        self.operation.map(Operation::version).or_else(of_path).unwrap_or(ApiVersion::V3)
    }

    /// The path that goes out, without its query, as far as its placeholders have values.
    pub(crate) fn path(&self) -> Cow<'_, str> {
        target::filled(&self.template, &self.values)
    }

    /// The operation of the path that is sent.
    pub(crate) fn find_operation(&self, method: &Method) -> Option<&'static Operation> {
        Operation::find_filled(method, &self.template, &self.path())
    }

    /// The value that is sent for a placeholder of the operation, whatever name the caller gives it.
    pub(crate) fn path_value(&self, operation: &Operation, name: &str) -> Option<Cow<'_, str>> {
        let at = target::position_of_placeholder(operation.path(), name)?;
        let path = self.template.split('?').next().unwrap_or_default();
        let segment = path.trim_start_matches('/').split('/').nth(at)?;
        match target::placeholder(segment) {
            Some(name) => target::value_of(&self.values, name).map(Cow::Borrowed),
            None => Some(percent_decode_str(segment).decode_utf8_lossy()),
        }
    }

    /// The value that is sent under a name in the query, also in the query of a path.
    pub(crate) fn query_value(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some((_, value)) = self.query.iter().find(|(known, _)| known == name) {
            return Some(Cow::Borrowed(value));
        }
        let (_, query) = self.template.split_once('?')?;
        query.split('&').find_map(|pair| {
            let value = pair.split_once('=').map_or("", |(_, value)| value);
            is_pair_of(pair, name).then(|| percent_decode_str(value).decode_utf8_lossy())
        })
    }

    /// Tells the name of each field that the request has in its path, its query or its body. A field may be told twice.
    pub(crate) fn each_name(&self, operation: &Operation, tell: &mut dyn FnMut(&str)) {
        operation.path().split('/').filter_map(target::placeholder).for_each(&mut *tell);
        self.query.iter().for_each(|(name, _)| tell(name));
        if let Some((_, query)) = self.template.split_once('?') {
            query.split('&').for_each(|pair| tell(&name_of_pair(pair)));
        }
        if let Some(Body::Json(body)) = &self.body {
            json::any_member(body, |name| {
                tell(name);
                false
            });
        }
    }

    /// Puts a pair into the query, in place of those of its name, also in the query of a path.
    pub(crate) fn set_query(&mut self, name: &str, value: String) {
        self.query.retain(|(known, _)| known != name);
        self.query.push((name.to_owned(), value));
        let Some((path, query)) = self.template.split_once('?') else { return };
        let kept: Vec<&str> = query.split('&').filter(|pair| !is_pair_of(pair, name)).collect();
        self.template = match &*kept.join("&") {
            "" => path.to_owned(),
            query => format!("{path}?{query}"),
        };
    }

    /// Method and path, the path as it was written, since values and a query may be personal.
    pub(crate) fn call_as_written(&self) -> String {
        format!("{} {}", self.method, target::without_query(&self.template))
    }

    /// Whether the call has no effect. Of a path that the catalogue does not have only the method can tell.
    pub(crate) fn is_read_only(&self) -> bool {
        match self.operation {
            Some(known) => known.is_read_only(),
            None => self.method == Method::GET && self.version() == ApiVersion::V3,
        }
    }

    /// Whether errors may be written in another language than simplified Chinese, in which the platform writes
    /// if nothing else is asked for.
    pub(crate) fn asks_for_another_language(&self) -> bool {
        let languages = self.headers.get(header::ACCEPT_LANGUAGE);
        languages.is_some_and(|languages| !languages.as_bytes().eq_ignore_ascii_case(b"zh-CN"))
    }

    /// Whether the request carries the number by which the platform recognizes it, if its operation has one.
    fn carries_its_number(&self) -> bool {
        let Some(name) = self.operation.and_then(Operation::request_number) else { return true };
        let is_in = |pairs: &[(String, String)]| {
            pairs.iter().any(|(known, value)| known == name && !value.is_empty())
        };
        let path = self.operation.map(Operation::path).unwrap_or_default();
        let is_in_path = target::position_of_placeholder(path, name).is_some();
        let is_in_body = || match &self.body {
            None => false,
            Some(Body::Json(bytes)) => has_member(bytes, name),
            Some(Body::Upload(upload)) => has_member(&upload.meta, name),
            Some(Body::Form { fields, .. }) => fields.get(name).is_some_and(is_number),
        };
        is_in_path
            || is_in(&self.values)
            || is_in(&self.query)
            || self.headers.get(name).is_some_and(|number| !number.is_empty())
            || is_in_body()
    }

    /// Whether the request may arrive twice. Only the row of an operation can say so, and only of a request
    /// that has the number by which the platform recognizes it.
    pub(crate) fn is_safe_to_repeat(&self) -> bool {
        self.operation.is_some_and(Operation::is_safe_to_repeat) && self.carries_its_number()
    }

    /// Path and query, to be signed and sent.
    pub(crate) fn target(&self) -> Result<String, RequestError> {
        target::target(&self.template, &self.values, &self.query)
    }

    pub(crate) fn payload(&self) -> Payload {
        match &self.body {
            None | Some(Body::Form { .. }) => Bytes::new().into(),
            Some(Body::Json(bytes)) => bytes.clone().into(),
            Some(Body::Upload(upload)) => upload.payload.clone(),
        }
    }

    pub(crate) fn signed_bytes(&self) -> &[u8] {
        match &self.body {
            None | Some(Body::Form { .. }) => b"",
            Some(Body::Json(bytes)) => bytes,
            Some(Body::Upload(upload)) => &upload.meta,
        }
    }

    pub(crate) fn content_type(&self) -> Option<HeaderValue> {
        match self.body.as_ref()? {
            Body::Json(_) => Some(JSON),
            Body::Upload(upload) => HeaderValue::from_str(&upload.content_type).ok(),
            // It names a boundary, which is known when the form is signed.
            Body::Form { .. } => None,
        }
    }
}

/// Whether a pair of a query in a path has this name.
fn is_pair_of(pair: &str, name: &str) -> bool {
    name_of_pair(pair) == name
}

/// The name of a pair of a query in a path.
fn name_of_pair(pair: &str) -> Cow<'_, str> {
    percent_decode_str(pair.split_once('=').map_or(pair, |(name, _)| name)).decode_utf8_lossy()
}

/// Whether a JSON object has a member that can be a request's number.
fn has_member(json: &[u8], name: &str) -> bool {
    json::member(json, name).is_some_and(|number| !number.is_empty())
}

fn is_number(value: &Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| !text.is_empty())
}

impl Request {
    /// The parts of an upload: `meta` and the file.
    pub(crate) fn set_upload(&mut self, meta: Value, file: UploadFile) {
        self.body = match (self.version(), meta) {
            (ApiVersion::V3, meta) => Some(Body::Upload(Upload::new(meta.to_string(), &file))),
            (ApiVersion::V2, Value::Object(fields)) => Some(Body::Form { fields, file }),
            (ApiVersion::V2, _) => {
                let problem = "a form of APIv2 must be a JSON object: its members become the fields";
                self.record_error(RequestError::Body(Cause::new(problem)));
                None
            }
        };
    }

    /// Sets a header, unless only the transport may.
    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value.trim())) {
            (Ok(name), Ok(_)) if is_framing(&name) => {
                self.record_error(RequestError::FramingHeader(name.to_string()));
            }
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.record_error(RequestError::Header(name.escape_default().to_string())),
        }
    }
}

/// Whether a header belongs to the connection and not to the request, so that the transport sets it.
fn is_framing(name: &HeaderName) -> bool {
    const FRAMING: [HeaderName; 8] = [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::EXPECT,
        header::HOST,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    FRAMING.contains(name)
        || ["keep-alive", "http2-settings"].contains(&name.as_str())
        || name.as_str().starts_with("proxy-")
}
