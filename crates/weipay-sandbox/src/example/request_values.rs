//! The values of a request (请求中的值), so that its example repeats the caller's own numbers.
//!
//! A value is repeated where the response has a field of the same name and type, or one that the catalogue says to repeat
//! it (`echo`): a member of the body at the same place, a value of the URL at any depth, an identifier of the body at any
//! depth. What travels encrypted is never repeated: it was meant for the platform, and the response is meant for the
//! merchant.

use serde_json::{Map, Value};
use weipay_catalog::sample::own::Own;
use weipay_catalog::{Field, Kind, Operation, Purpose};

use crate::contract::ValidRequest;
use crate::merchants::Account;
use crate::upload;

/// The values of one request.
#[derive(Debug, Default)]
pub(crate) struct RequestValues {
    /// The body without its encrypted members.
    body: Map<String, Value>,
    /// Path and query: always text.
    url: Vec<(String, String)>,
    /// The identifiers of the body and of the caller, wherever they stood; the first of a name counts.
    identifiers: Vec<(String, Value)>,
}

impl RequestValues {
    pub(crate) fn from_request(operation: &Operation, request: &ValidRequest, caller: &Account) -> Self {
        let fields = &operation.request;
        let in_path = request.path_values().filter(|(name, _)| !is_encrypted(&fields.path, name));
        let in_query = request.query_values().filter(|(name, _)| !is_encrypted(&fields.query, name));
        let url = in_path
            .chain(in_query)
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let body = plain(upload::fields_of_document(operation), &request.body);
        let mut identifiers = Vec::new();
        collect(&body, &mut identifiers);
        for (own, value) in [(Own::MerchantNumber, Some(&caller.mchid)), (Own::Appid, caller.appids.first())]
        {
            let named = |name: &&str| Some(((*name).to_owned(), value?.as_str().into()));
            identifiers.extend(own.fields().iter().filter_map(named));
        }
        Self { body, url, identifiers }
    }

    pub(super) fn body(&self) -> &Map<String, Value> {
        &self.body
    }

    /// A value for a field of the response. `here` is what stands at its place in the body.
    pub(super) fn value(&self, field: &Field, here: Option<&Value>) -> Option<Value> {
        let of_type = |value: &Value| has_type(field.kind, value);
        if field.is_encrypted() || field.kind == Kind::Object {
            return None;
        }
        if let Some(value) = here.filter(|value| of_type(value)) {
            return Some(value.clone());
        }
        let repeated = field.echo_of.filter(|_| field.purpose == Some(Purpose::Echo)).unwrap_or(field.name);
        let in_url = self.url.iter().find(|(name, _)| name == repeated);
        if let Some(value) = in_url.and_then(|(_, text)| read(field.kind, text)) {
            return Some(value);
        }
        let known = self.identifiers.iter().find(|(name, value)| name == repeated && of_type(value));
        known.map(|(_, value)| value.clone())
    }
}

fn is_encrypted(fields: &[Field], name: &str) -> bool {
    fields.iter().any(|field| field.name == name && field.is_encrypted())
}

/// Members without those that travel encrypted, and without those that the catalogue does not know.
fn plain(fields: &[Field], members: &Map<String, Value>) -> Map<String, Value> {
    let known = fields.iter().filter(|field| !field.is_encrypted());
    known
        .filter_map(|field| Some((field.name.to_owned(), plain_value(field, members.get(field.name)?))))
        .collect()
}

fn plain_value(field: &Field, value: &Value) -> Value {
    match value {
        Value::Object(members) => plain(&field.fields, members).into(),
        Value::Array(items) => items.iter().map(|item| plain_value(field, item)).collect(),
        other => other.clone(),
    }
}

fn collect(members: &Map<String, Value>, identifiers: &mut Vec<(String, Value)>) {
    for (name, value) in members {
        match value {
            Value::Object(members) => collect(members, identifiers),
            Value::String(_) | Value::Number(_)
                if is_identifier(name) && identifiers.iter().all(|(known, _)| known != name) =>
            {
                identifiers.push((name.clone(), value.clone()));
            }
            // Of several in a list none is the one.
            _ => {}
        }
    }
}

/// Whether a name says that its value is a number or name of one thing.
fn is_identifier(name: &str) -> bool {
    ["id", "_no", "_code", "_number"].iter().any(|ending| name.ends_with(ending))
}

fn has_type(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::String => value.as_str().is_some_and(|text| !text.is_empty()),
        Kind::Integer => value.is_i64() || value.is_u64(),
        Kind::Number => value.is_number(),
        Kind::Boolean => value.is_boolean(),
        Kind::Object => value.is_object(),
    }
}

/// A text of the URL as a value of a type.
fn read(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::String => Some(text.into()),
        Kind::Integer => {
            let signed = text.parse::<i64>().ok().map(Value::from);
            signed.or_else(|| text.parse::<u64>().ok().map(Value::from))
        }
        Kind::Number => text.parse::<f64>().ok().map(Value::from),
        Kind::Boolean => text.parse::<bool>().ok().map(Value::from),
        Kind::Object => None,
    }
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;
    use crate::example::response;

    /// In every operation: what its URL says and its response names as well comes back.
    #[test]
    fn a_response_repeats_what_its_url_said() {
        let mut repeated = 0;
        for operation in Catalog::embedded().operations() {
            let in_url = || operation.request.path.iter().chain(&operation.request.query);
            let url = in_url().map(|field| (field.name.to_owned(), "7".to_owned())).collect();
            let Some(response) = response(operation, &RequestValues { url, ..RequestValues::default() })
            else {
                continue;
            };
            for field in &operation.response {
                let value = match field.kind {
                    Kind::String => Value::from("7"),
                    Kind::Integer => Value::from(7),
                    Kind::Number | Kind::Boolean | Kind::Object => continue,
                };
                let is_given = in_url().any(|given| given.name == field.name);
                if is_given && !field.list && !field.is_encrypted() {
                    assert_eq!(response[field.name], value, "{} {}", operation.method, operation.path);
                    repeated += 1;
                }
            }
        }
        assert!(repeated > 300, "{repeated}");
    }

    #[test]
    fn of_identifiers_in_a_list_none_is_the_one() {
        let members = |json: Value| json.as_object().unwrap().clone();
        let mut found = Vec::new();
        collect(
            &members(serde_json::json!({
                "payer": { "openid": "o1" }, "goods": [{ "goods_id": "g1" }], "remark": "r", "out_trade_no": "n1"
            })),
            &mut found,
        );
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["openid", "out_trade_no"]);
    }
}
