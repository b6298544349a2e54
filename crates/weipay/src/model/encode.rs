//! From a request to what is sent.

use serde_json::{Map, Value as Json};

use super::Model;
use super::field::Place;

/// A request, by the places where it travels.
pub(crate) struct Parts {
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The JSON body; nothing where the operation has none.
    pub(crate) body: Option<Json>,
}

pub(crate) fn encode<M: Model>(request: &M) -> Parts {
    let mut parts = Parts { query: Vec::new(), headers: Vec::new(), body: None };
    let mut members = Map::new();
    for (field, slot) in M::FIELDS.iter().zip(request.slots()) {
        let Some(json) = slot.json() else { continue };
        match field.place {
            Place::Body => {
                members.insert(field.name.to_owned(), json);
            }
            Place::Query => parts.query.push((field.name.to_owned(), plain(json))),
            Place::Header => parts.headers.push((field.name, plain(json))),
        }
    }
    if M::FIELDS.iter().any(|field| field.place == Place::Body) {
        parts.body = Some(Json::Object(members));
    }
    parts
}

pub(crate) fn object<M: Model>(model: &M) -> Json {
    let set = M::FIELDS.iter().zip(model.slots());
    Json::Object(set.filter_map(|(field, slot)| Some((field.name.to_owned(), slot.json()?))).collect())
}

/// A value outside JSON: a string without its quotes, anything else as JSON text.
fn plain(json: Json) -> String {
    match json {
        Json::String(text) => text,
        other => other.to_string(),
    }
}
