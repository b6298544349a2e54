//! The parts of an upload: both are there, `meta` is as the catalogue says, and the file has its size, its name, its digest,
//! and is a picture where that is wanted.

use serde_json::Value;
use weipay_catalog::{Field, Operation};

use super::{CarriedOut, Contract, Pass, Undefined, Walk, not_an_object};
use crate::grammar::{self, Place, Source, unconfirmed};
use crate::response::Refusal;
use crate::upload::{self, Upload};

impl Contract {
    /// `meta` is the JSON of that part. UNCONFIRMED(meta-undefined-member): members that the catalogue does not have pass there.
    pub(super) fn check_parts(
        &self,
        operation: &Operation,
        upload: &Upload<'_>,
        meta: Option<&Value>,
    ) -> Result<(), Refusal> {
        if let Some(name) = upload.repeated() {
            return Err(unconfirmed::repeated_part(name));
        }
        let (Some(meta_field), Some(file_field)) =
            (upload::meta_field(operation), upload::file_field(operation))
        else {
            return Ok(());
        };
        // Recorded for the file. INFERRED(meta-missing): that `meta` is missed in the same words.
        let missing =
            |field: &Field| part(field, |place| place.required()).with_reason(upload.lacks(field.name));
        let file = upload.file(file_field.name).ok_or_else(|| missing(file_field))?;
        let meta = meta.ok_or_else(|| missing(meta_field))?;
        let Value::Object(members) = meta else { return Err(not_an_object("/meta", meta)) };
        let mut undefined = Undefined::default();
        let mut walk = Walk::new(self, CarriedOut::from_operation(operation), Source::Body, &mut undefined);
        walk.pointer = "/meta".to_owned();
        for pass in Pass::ALL {
            walk.pass = pass;
            walk.members(&meta_field.fields, members)?;
        }
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
        let size = i64::try_from(file.content.len()).unwrap_or(i64::MAX);
        let file_name = upload::file_name_field(meta_field).map_or("", |field| text(field.name));
        if let Some(max) = upload::max_size(operation, file_name).filter(|max| size > *max) {
            return Err(part(file_field, |place| place.file_too_large(size, max)));
        }
        if file.content_type.as_deref().is_some_and(|named| !upload::takes_type(operation, named)) {
            return Err(grammar::no_picture());
        }
        // INFERRED(file-suffix).
        if let Some(reason) = upload::kind::wrong_name(operation, file_name) {
            let member = upload::file_name_field(meta_field).map_or("", |field| field.name);
            return Err(unconfirmed::other_suffix(member).with_reason(reason));
        }
        if let Some((field, algorithm)) = upload::digest_field(meta_field)
            && !algorithm.fits(text(field.name), file.content)
        {
            return Err(unconfirmed::other_digest(field.name));
        }
        // INFERRED(file-bytes).
        if !upload::kind::takes_bytes(operation, file_name, file.content) {
            return Err(grammar::not_a_picture());
        }
        Ok(())
    }
}

/// The error of a part: recorded with its name alone as the pointer.
fn part(field: &Field, say: impl FnOnce(&Place<'_>) -> Refusal) -> Refusal {
    let pointer = format!("/{}", field.name);
    let title = if field.label.is_empty() { field.name } else { field.label };
    say(&Place { source: Source::Body, pointer: &pointer, title })
}
