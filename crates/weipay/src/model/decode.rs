//! From an answer's body to a model, leniently.

use serde_json::{Map, Value as Json};

use super::Model;
use super::value::Reading;
use crate::error::DecodeProblem;

/// Reads a body. Only what is no JSON object at all is an error; an empty body reads as an empty model.
pub(crate) fn decode<M: Model>(body: &[u8]) -> Result<M, DecodeProblem> {
    read(body).map(|(model, _)| model)
}

/// What in a body did not read as the model says.
pub(crate) fn misread<M: Model>(body: &[u8]) -> Vec<DecodeProblem> {
    match read::<M>(body) {
        Ok((_, reading)) => reading.misread,
        Err(problem) => vec![problem],
    }
}

fn read<M: Model>(body: &[u8]) -> Result<(M, Reading), DecodeProblem> {
    let mut reading = Reading::default();
    if body.is_empty() {
        return Ok((M::default(), reading));
    }
    match serde_json::from_slice(body) {
        Ok(Json::Object(members)) => Ok((object(members, &mut reading), reading)),
        Ok(_) => Err(DecodeProblem { path: String::new(), reason: "expected a JSON object".to_owned() }),
        Err(error) => Err(DecodeProblem { path: String::new(), reason: error.to_string() }),
    }
}

pub(crate) fn object<M: Model>(mut members: Map<String, Json>, reading: &mut Reading) -> M {
    let mut model = M::default();
    for (field, slot) in M::FIELDS.iter().zip(model.slots_mut()) {
        if let Some(json) = members.get_mut(field.name).map(Json::take) {
            reading.inside(field.name, |reading| slot.fill(json, reading));
        }
    }
    model
}
