//! From a request to what is sent.

use std::cell::Cell;

use serde_json::{Map, Value as Json};

use super::codec::{Model, Strictness, Token};
use super::field::{Field, Place, Purpose};
use super::into_field::unfit_values;
use super::{Encryption, Violation};
use crate::upload::File;

/// A request, by the places where it travels.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body as JSON, of APIv2 too; nothing where the operation has none.
    pub(crate) body: Option<Json>,
    /// What an upload says about its file, or the fields of a form beside it.
    pub(crate) meta: Option<Json>,
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
        parts.meta = Some(Json::Object(members));
    } else if fields.iter().any(|field| matches!(field.place, Place::Body | Place::Xml)) {
        parts.body = Some(Json::Object(members));
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

pub(super) fn object(model: &dyn Model, encryption: Encryption<'_>) -> Result<Json, Violation> {
    let mut members = Map::new();
    each(model, encryption, |field, json| drop(members.insert(field.name.to_owned(), json)))?;
    Ok(Json::Object(members))
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

/// What `Serialize` of every model writes: the model as its caller filled it in, unless it is on its way to the platform.
#[allow(dead_code, reason = "without a product there is no model")]
pub(crate) fn json(model: &dyn Model) -> Result<Json, Violation> {
    let encryption = if IS_SENDING.get() { Encryption::Marked } else { Encryption::AsSet };
    object(model, encryption)
}

thread_local! {
    /// Whether this thread serializes a body for the platform. A model that is given to a call without types is serialized
    /// like any other value, and only this tells it to say what its sensitive values are.
    static IS_SENDING: Cell<bool> = const { Cell::new(false) };
}

/// Serializes a body for the platform.
pub(crate) fn for_sending<T>(serialize: impl FnOnce() -> T) -> T {
    struct Reset(bool);
    impl Drop for Reset {
        fn drop(&mut self) {
            IS_SENDING.set(self.0);
        }
    }
    let _reset = Reset(IS_SENDING.replace(true));
    serialize()
}

/// Equal is what was filled in with the same values.
#[allow(dead_code, reason = "without a product there is no model")]
pub(crate) fn equal(one: &dyn Model, other: &dyn Model) -> bool {
    // Nothing is encrypted here. A request with a value that does not fit is equal to none.
    match (object(one, Encryption::AsSet), object(other, Encryption::AsSet)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Every field that is set, as it travels.
fn each(
    model: &dyn Model,
    encryption: Encryption<'_>,
    mut take: impl FnMut(&'static Field, Json),
) -> Result<(), Violation> {
    // What does not fit is not sent, even where requests are not checked.
    if let Some(unfit) = unfit_values(model).into_iter().next() {
        return Err(unfit);
    }
    let mut done = Ok(());
    model.read(&mut |table, slots| {
        done = table.fields.iter().zip(slots).try_for_each(|(field, slot)| {
            if let Some(json) = slot.json(encryption).map_err(|problem| problem.within(field.name))? {
                take(field, json);
            }
            Ok(())
        });
    });
    done
}

/// A value outside JSON: a string without its quotes, anything else as JSON text.
fn bare(json: Json) -> String {
    match json {
        Json::String(text) => text,
        other => other.to_string(),
    }
}
