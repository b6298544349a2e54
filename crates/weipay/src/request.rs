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

use crate::core::{Core, SERIAL};
use crate::error::{Cause, RequestError};
use crate::model::table::{Place, Purpose};
use crate::model::value::each;
use crate::model::{Encryption, Model, Sensitive, Strictness, Token, Violation};
use crate::operation::{self, Operation, Version};
use crate::retry::Retries;
use crate::untyped::{self, SensitiveTexts};
use crate::upload::{File, Payload, Upload};
use crate::url::{self, BaseUrl};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// A request as its call filled it in.
#[derive(Clone)]
pub struct Request {
    /// What the catalogue says about the operation; `None` if it does not have the path.
    pub(crate) operation: Option<&'static Operation>,
    pub(crate) method: Method,
    pub(crate) template: String,
    pub(crate) values: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: Option<Retries>,
    pub(crate) base_url: Option<BaseUrl>,
    /// Whether the request may say by `Wechatpay-Serial` that a certificate should sign the response. A
    /// public key it names anyway.
    pub(crate) names_certificate: bool,
    pub(crate) body: Option<Body>,
    /// What bare texts in the sensitive fields of a call without types are.
    pub(crate) texts: SensitiveTexts,
    /// Sensitive values for the query of a call without types.
    pub(crate) sensitive_query: Vec<(String, Sensitive)>,
    /// Those that have their place in the query.
    pub(crate) marked_query: Vec<(usize, Sensitive)>,
    /// The members of a call without types that the catalogue does not know.
    pub(crate) unknown_members: Vec<String>,
    /// What waits until the client has the platform's keys.
    pending: Option<Pending>,
    error: Option<RequestError>,
}

/// A request that has something to encrypt.
#[derive(Clone)]
enum Pending {
    /// A typed request.
    Model(Arc<dyn Model>),
    /// What a call without types was given.
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
        file: File,
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
    pub(crate) fn version(&self) -> Version {
        let of_path = || operation::version_of(&self.path());
        self.operation.map(Operation::version).or_else(of_path).unwrap_or(Version::V3)
    }

    /// The path that goes out, without its query, as far as its placeholders have values.
    pub(crate) fn path(&self) -> Cow<'_, str> {
        url::filled(&self.template, &self.values)
    }

    /// What the catalogue says of the path that goes out.
    pub(crate) fn find_operation(&self, method: &Method) -> Option<&'static Operation> {
        Operation::find_filled(method, &self.template, &self.path())
    }

    /// What goes out at the place of a placeholder of the operation, whatever the caller calls it.
    pub(crate) fn path_value(&self, operation: &Operation, name: &str) -> Option<Cow<'_, str>> {
        let at = operation.path().split('/').position(|segment| is_placeholder(segment, name))?;
        let path = self.template.split('?').next().unwrap_or_default();
        let segment = path.trim_start_matches('/').split('/').nth(at)?;
        match url::placeholder(segment) {
            Some(name) => url::value_of(&self.values, name).map(Cow::Borrowed),
            None => Some(percent_decode_str(segment).decode_utf8_lossy()),
        }
    }

    /// What goes out under a name in the query, also in the query of a path.
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
        format!("{} {}", self.method, url::without_query(&self.template))
    }

    /// Whether the call has no effect.
    pub(crate) fn only_reads(&self) -> bool {
        operation::only_reads(&self.method, self.version())
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
        let is_in_path = self
            .operation
            .is_some_and(|row| row.path().split('/').any(|segment| is_placeholder(segment, name)));
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
        url::target(&self.template, &self.values, &self.query)
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
    let known = pair.split_once('=').map_or(pair, |(known, _)| known);
    percent_decode_str(known).decode_utf8_lossy() == name
}

fn is_placeholder(segment: &str, name: &str) -> bool {
    url::placeholder(segment) == Some(name)
}

/// Whether a JSON object has a member that can be a request's number.
fn has_member(json: &[u8], name: &str) -> bool {
    let members = serde_json::from_slice::<Map<String, Value>>(json);
    members.is_ok_and(|members| members.get(name).is_some_and(is_number))
}

fn is_number(value: &Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| !text.is_empty())
}

impl Request {
    /// Fills in query, headers and body from a typed request that was checked.
    pub(crate) fn fill(&mut self, model: Box<dyn Model>, core: &Core) {
        if self.version() == Version::V2 {
            return self.take_encoded(encode(&*model, Encryption::ByCaller));
        }
        if core.merchant.ring.is_unfetched() {
            // What has nothing to encrypt, or cannot be sent with any key, need not wait.
            let without_key = encode(&*model, Encryption::With(None));
            if without_key.is_ok() || encode(&*model, Encryption::AsSet).is_err() {
                return self.take_encoded(without_key);
            }
            self.pending = Some(Pending::Model(model.into()));
            return;
        }
        self.encode(&*model, core);
    }

    /// Whether the request waits for the platform's keys.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Keeps a call without types until the client has the platform's keys.
    pub(crate) fn wait_for_keys(&mut self, pending: Arc<untyped::Pending>) {
        self.pending = Some(Pending::Untyped(pending));
    }

    /// Fills in what waited for the platform's keys.
    pub(crate) fn complete(&mut self, core: &Core) -> Result<(), RequestError> {
        match self.pending.take() {
            None => {}
            Some(Pending::Model(model)) => self.encode(&*model, core),
            Some(Pending::Untyped(pending)) => self.complete_untyped(&pending, core),
        }
        self.check_recorded()
    }

    /// The key that encrypts is named in `Wechatpay-Serial` at once: the client's keys may change before the request is signed.
    fn encode(&mut self, model: &dyn Model, core: &Core) {
        let platform = core.platform();
        let named = platform_serial(model);
        let named = named.as_deref().or_else(|| self.headers.get(SERIAL)?.to_str().ok());
        let serial = named.or_else(|| platform.preferred(core.now()));
        let key = serial.and_then(|serial| platform.get(serial));
        let pinned = serial.and_then(|serial| HeaderValue::try_from(serial).ok());
        self.take_encoded(encode(model, Encryption::With(key)));
        if let Some(serial) = pinned {
            self.headers.entry(SERIAL).or_insert(serial);
        }
    }

    fn take_encoded(&mut self, encoded: Result<Parts, Violation>) {
        let Parts { query, headers, body, meta, file } = match encoded {
            Ok(parts) => parts,
            Err(violation) => return self.record_error(violation.into()),
        };
        self.query.extend(query.into_iter().map(|(name, value)| (name.to_owned(), value)));
        for (name, value) in headers {
            self.set_header(name, &value);
        }
        match (meta, file) {
            (Some(meta), Some(file)) => self.set_upload(meta, file),
            _ => self.body = body.map(|body| Body::Json(body.to_string().into())),
        }
    }

    /// The parts of an upload: `meta` and the file.
    pub(crate) fn set_upload(&mut self, meta: Value, file: File) {
        self.body = match (self.version(), meta) {
            (Version::V3, meta) => Some(Body::Upload(Upload::new(meta.to_string(), &file))),
            (Version::V2, Value::Object(fields)) => Some(Body::Form { fields, file }),
            (Version::V2, _) => {
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

/// A request, by the places where it travels.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body as JSON, of APIv2 too; nothing where the operation has none.
    pub(crate) body: Option<Value>,
    /// What an upload says about its file, or the fields of a form beside it.
    pub(crate) meta: Option<Value>,
    pub(crate) file: Option<File>,
}

pub(crate) fn encode(request: &dyn Model, encryption: Encryption<'_>) -> Result<Parts, Violation> {
    let mut parts = Parts::default();
    let mut members = Map::new();
    each(request, encryption, |field, json| match field.place {
        Place::Query => parts.query.push((field.name, bare(json))),
        Place::Header => parts.headers.push((field.name, bare(json))),
        Place::File | Place::Path => {}
        Place::Body | Place::Meta | Place::Xml | Place::Part => {
            members.insert(field.name.to_owned(), json);
        }
    })?;
    let fields = request.table().fields;
    if fields.iter().any(|field| matches!(field.place, Place::Meta | Place::Part)) {
        let missing = || Violation::new("is required (必填) and not set").within("file");
        parts.file = Some(file(request).ok_or_else(missing)?);
        parts.meta = Some(Value::Object(members));
    } else if fields.iter().any(|field| matches!(field.place, Place::Body | Place::Xml)) {
        parts.body = Some(Value::Object(members));
    }
    Ok(parts)
}

/// The file of an upload, under the name of its part.
fn file(request: &dyn Model) -> Option<File> {
    let mut found = None;
    request.read(&mut |table, slots| {
        let mut rows = table.fields.iter().zip(slots);
        found = rows.find_map(|(field, slot)| Some(slot.file()?.clone().part(field.name)));
    });
    found
}

/// Writes what the file says of itself, where the caller has not: its name and its digest.
pub(crate) fn describe_file(request: &mut dyn Model) {
    let fields = request.table().fields;
    let Some(file) = file(request) else { return };
    request.write(&mut |slots| {
        for (field, slot) in fields.iter().zip(slots).filter(|(_, slot)| !slot.is_set()) {
            let text = match field.purpose {
                Some(Purpose::FileName) => file.name.clone(),
                Some(Purpose::FileSha256) => file.sha256(),
                Some(Purpose::FileSm3) => file.sm3(),
                _ => continue,
            };
            // These are texts in every table; were one not, it would stay unset.
            let _ = slot.fill(Token::Text(&text), Strictness::Lenient);
        }
    });
}

/// Who calls, for requests that do not say it: the client's own merchant number (商户号), and the
/// [sub-merchant](crate::SubMerchant) that a partner calls for. Name, place and value of each field that the client can fill in.
///
/// The row of an operation says which fields these are and where they travel. Only fields of the request itself are meant, not
/// those of the objects inside it: each order of a combined payment (合单) names a merchant for itself.
pub(crate) fn caller<'a>(
    core: &'a Core,
    operation: &Operation,
) -> impl Iterator<Item = (&'static str, Place, &'a str)> {
    let own = operation.merchant_field().zip(core.merchant.account.mchid());
    let own = own.map(|((name, place), mchid)| (name, place, mchid.as_str()));
    let sub_merchant = core.sub_merchant.iter().flat_map(move |sub_merchant| sub_merchant.fields(operation));
    own.into_iter().chain(sub_merchant)
}

/// Fills in who calls. What the caller set stays.
pub(crate) fn fill_in_caller(core: &Core, operation: &Operation, model: &mut dyn Model) {
    let rows = model.table().fields;
    for (name, place, text) in caller(core, operation) {
        model.write(&mut |slots| {
            let mut rows = rows.iter().zip(slots);
            let found = rows.find(|(row, _)| row.name == name && row.place == place);
            if let Some((_, slot)) = found.filter(|(_, slot)| !slot.is_set()) {
                // These are texts or numbers in every table; a field of another type would stay unset.
                let _ = slot.fill(Token::Text(text), Strictness::Lenient);
            }
        });
    }
}

/// The serial number of the platform key, where the request names one.
pub(crate) fn platform_serial(request: &dyn Model) -> Option<String> {
    with_purpose(request, Purpose::PlatformSerial)
}

/// The value of the field with this purpose, where it is set.
pub(crate) fn with_purpose(request: &dyn Model, purpose: Purpose) -> Option<String> {
    let mut found = None;
    request.read(&mut |table, slots| {
        let mut rows = table.fields.iter().zip(slots);
        let row = rows.find(|(field, _)| field.purpose == Some(purpose));
        found = row.and_then(|(_, slot)| slot.json(Encryption::AsSet).ok().flatten()).map(bare);
    });
    found
}

/// Sets the fields with this purpose.
#[allow(dead_code, reason = "a product may have no list")]
pub(crate) fn set_with_purpose(request: &mut dyn Model, purpose: Purpose, text: &str) {
    let fields = request.table().fields;
    request.write(&mut |slots| {
        for (field, slot) in fields.iter().zip(slots) {
            if field.purpose == Some(purpose) {
                // A number may stand in its text, read leniently.
                let _ = slot.fill(Token::Text(text), Strictness::Lenient);
            }
        }
    });
}

/// A value outside JSON: a string without its quotes, anything else as JSON text.
fn bare(json: Value) -> String {
    match json {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
