//! Fields outside the body as parameters.

use serde_json::Value;

use crate::field::Field;
use crate::operation::Request;

use super::object;
use super::schema::Schemas;

/// Header fields that OpenAPI has other places for.
const SAID_ELSEWHERE: [&str; 3] = ["Accept", "Authorization", "Content-Type"];

pub(super) fn of_request(request: &Request, schemas: &mut Schemas) -> Value {
    let places = [("path", &request.path), ("query", &request.query), ("header", &request.headers)];
    places
        .into_iter()
        .flat_map(|(place, fields)| fields.iter().map(move |field| (place, field)))
        .map(|(place, field)| parameter(place, field, schemas))
        .collect()
}

pub(super) fn of_headers(headers: &[Field], schemas: &mut Schemas) -> Value {
    let stated = headers.iter().filter(|field| !SAID_ELSEWHERE.contains(&field.name));
    stated.map(|field| parameter("header", field, schemas)).collect()
}

fn parameter(place: &str, field: &Field, schemas: &mut Schemas) -> Value {
    object([
        ("name", field.name.into()),
        ("in", place.into()),
        ("required", (field.required || place == "path").into()),
        ("description", field.label.into()),
        ("schema", schemas.field(&Field { label: "", ..field.clone() })),
    ])
}
