//! What a typed request holds: which fields, in which places, and which of them the client fills in.

use crate::field::{Carrier, Field, Format, Kind};
use crate::operation::{Operation, Place};

/// The fields of a typed request with the places that they travel in, in order. The path is not among them: the chain
/// takes its values. A body of several parts is a file, what `meta` says about it, and, for APIv2, plain parts.
pub fn places(operation: &Operation) -> Vec<(&'static str, &Field)> {
    let request = &operation.request;
    let mut places = Vec::new();
    for place in Place::ALL {
        let name = match place {
            Place::Query | Place::Xml => place.word(),
            Place::Headers => "header",
            Place::Json => "body",
            Place::Path | Place::Multipart | Place::Other => continue,
        };
        places.extend(request.fields(place).iter().map(|field| (name, field)));
    }
    for part in &request.multipart {
        match (part.kind, part.carrier) {
            (Kind::Object, _) => places.push(("file", part)),
            (_, Some(Carrier::JsonText)) => places.extend(part.fields.iter().map(|field| ("meta", field))),
            _ => places.push(("part", part)),
        }
    }
    places
}

/// What is inside JSON text: the field itself as an object, or, where the page shows an array, its only member.
pub fn inside_json_text(field: &Field) -> Option<Inside<'_>> {
    if field.kind != Kind::String || field.carrier != Some(Carrier::JsonText) {
        return None;
    }
    match &field.fields[..] {
        [] => None,
        [item] if field.format == Some(Format::JsonArrayLike) => Some(Inside::Array(item)),
        _ => Some(Inside::Object(field)),
    }
}

/// See [`inside_json_text`].
#[derive(Debug, Clone, Copy)]
pub enum Inside<'a> {
    /// An object with the members of this field.
    Object(&'a Field),
    /// An array of what this field describes.
    Array(&'a Field),
}

/// Whether a field's type is an enumeration: what is encrypted or wrapped is not, whatever it holds.
pub fn is_enumeration(field: &Field) -> bool {
    field.kind == Kind::String && field.carrier.is_none() && !field.values.is_empty()
}
