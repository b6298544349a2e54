//! Encodes a typed request into path, query, headers and body, and fills in the merchant number.

use std::sync::Arc;

use http::HeaderValue;
use serde_json::{Map, Value};

use super::{Body, Pending, Request};
use crate::core::{Core, SERIAL};
use crate::error::RequestError;
use crate::model::table::{Place, Purpose};
use crate::model::value::each;
use crate::model::{Encryption, Model, Strictness, Token, Violation};
use crate::operation::{ApiVersion, Operation};
use crate::untyped;
use crate::upload::UploadFile;

impl Request {
    /// Fills in query, headers and body from a typed request that was checked.
    pub(crate) fn fill(&mut self, model: Box<dyn Model>, core: &Core) {
        if self.version() == ApiVersion::V2 {
            return self.take_encoded(encode(&*model, Encryption::ByCaller));
        }
        if core.merchant.ring.lacks_valid(core.now()) {
            // A request without fields to encrypt, or with an error that no key mends, need not wait for keys.
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
        let (platform, now) = (core.platform(), core.now());
        let named = platform_serial(model);
        let named = named.as_deref().or_else(|| self.headers.get(SERIAL)?.to_str().ok());
        let serial = named.or_else(|| platform.preferred(now));
        let key = serial.and_then(|serial| platform.to_encrypt(serial, now));
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
}

/// A request, by its places.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body as JSON, of APIv2 too; nothing where the operation has none.
    pub(crate) body: Option<Value>,
    /// The description of the file of an upload, or the other fields of its form.
    pub(crate) meta: Option<Value>,
    pub(crate) file: Option<UploadFile>,
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
fn file(request: &dyn Model) -> Option<UploadFile> {
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

/// The fields that the client fills in if a request does not have them: its own merchant number (商户号), and the
/// [sub-merchant](crate::SubMerchant) that a partner calls for. Name, place and value of each.
///
/// The row of an operation says which fields these are and their places. Only fields of the request itself are meant, not
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
