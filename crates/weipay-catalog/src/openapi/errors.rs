//! Error codes: a response for each status of which an operation has codes that not all operations have. The response `ApiError`,
//! which stands for all other statuses, has the common ones.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::catalog::Catalog;
use crate::errors::ErrorCode;
use crate::export::errors::code;
use crate::operation::{ApiVersion, Operation};

/// The list of every operation of APIv3.
const COMMON: &str = ApiVersion::V3.word();

/// The response for each status, by status.
pub(super) fn responses(operation: &Operation) -> Map<String, Value> {
    let mut by_status: BTreeMap<u16, (bool, Vec<&ErrorCode>)> = BTreeMap::new();
    for list in &operation.errors {
        for known in &list.codes {
            let Some(status) = known.status.filter(|status| *status >= 400) else { continue };
            let (has_own, codes) = by_status.entry(status).or_default();
            *has_own |= list.name != Some(COMMON);
            codes.push(known);
        }
    }
    let own = by_status.into_iter().filter(|(_, (has_own, _))| *has_own);
    own.map(|(status, (_, codes))| (status.to_string(), response(&codes))).collect()
}

/// The codes that no response can have: their status is not known, or it is 202.
pub(super) fn elsewhere(operation: &Operation) -> Value {
    operation.error_codes().filter(|known| known.status.is_none_or(|status| status < 400)).map(code).collect()
}

/// The codes of every operation, for the response `ApiError`.
pub(super) fn common() -> Value {
    let any = Catalog::embedded()
        .operations()
        .find_map(|operation| operation.errors.iter().find(|list| list.name == Some(COMMON)));
    any.map(|list| list.codes.iter().map(code).collect()).unwrap_or_default()
}

fn response(codes: &[&ErrorCode]) -> Value {
    let mut named: Vec<&str> = Vec::new();
    for known in codes {
        if !named.contains(&known.code) {
            named.push(known.code);
        }
    }
    json!({
        "description": named.join(", "),
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ApiError" } } },
        "x-error-codes": codes.iter().map(|known| code(known)).collect::<Value>(),
    })
}
