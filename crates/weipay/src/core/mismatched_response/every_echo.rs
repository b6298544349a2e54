//! Every `echo` of the catalogue, of each operation: the same value is taken, another one is refused, and none says nothing.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use weipay_catalog::{ApiVersion, Catalog, Field, Kind, Operation, Place};
use weipay_wire::XmlElements;

use super::tests::found;
use super::{check, check_elements};
use crate::request::{Body, Request};

/// A member of a response that repeats something: the names around it, its own name at the end.
type Path<'a> = Vec<&'a str>;

fn is_object(field: &Field) -> bool {
    field.kind == Kind::Object && !field.list && field.carrier.is_none()
}

/// The echoes of an operation. Those of a shared object count where the request has what they repeat.
fn echoes<'a>(
    operation: &Operation,
    fields: &'a [Field],
    around: &Path<'a>,
    all: &mut Vec<(Path<'a>, &'a Field)>,
) {
    for field in fields {
        let mut path = around.clone();
        path.push(field.name);
        if operation.repeated_by(field).is_some() {
            all.push((path.clone(), field));
        }
        if is_object(field) {
            echoes(operation, &field.fields, &path, all);
        }
    }
}

fn value(kind: Kind, is_other: bool) -> Value {
    match (kind, is_other) {
        (Kind::Integer, false) => json!(17),
        (Kind::Integer, true) => json!(18),
        // Digits, so that a number may be repeated as a text and the reverse.
        (_, false) => json!("17"),
        (_, true) => json!("A18"),
    }
}

/// A request that sends everything that the response repeats.
fn request(operation: &Operation, echoes: &[(Path<'_>, &Field)]) -> Request {
    let mut request = Request::new(operation.path.to_owned());
    let mut body = Map::new();
    for (_, echo) in echoes {
        let (place, sent) = operation.repeated_by(echo).unwrap();
        let name = sent.name.to_owned();
        match place {
            Place::Path => request.values.push((name, "17".to_owned())),
            Place::Query => request.query.push((name, "17".to_owned())),
            _ => drop(body.insert(name, value(sent.kind, false))),
        }
    }
    request.body = (!body.is_empty()).then(|| Body::Json(Value::Object(body).to_string().into()));
    let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
    request.operation = request.find_operation(&method);
    request
}

/// A success with every member that is required or repeats something, or has such a member in it.
fn success<'a>(operation: &Operation, fields: &'a [Field], around: &Path<'a>) -> Value {
    let mut members = Map::new();
    for field in fields {
        let mut path = around.clone();
        path.push(field.name);
        let member = match field.kind {
            _ if field.list => json!([]),
            Kind::Object if is_object(field) => success(operation, &field.fields, &path),
            Kind::Object => json!({}),
            kind => value(kind, false),
        };
        let is_echo = operation.repeated_by(field).is_some();
        if field.required || is_echo || member.as_object().is_some_and(|members| !members.is_empty()) {
            members.insert(field.name.to_owned(), member);
        }
    }
    Value::Object(members)
}

fn with(success: &Value, path: &[&str], value: Value) -> Value {
    let mut changed = success.clone();
    let at = path.iter().fold(&mut changed, |object, name| object.get_mut(*name).unwrap());
    *at = value;
    changed
}

fn judged(request: &Request, version: ApiVersion, success: &Value) -> Option<&'static str> {
    if version == ApiVersion::V3 {
        return found(check(request, StatusCode::OK, success.to_string().as_bytes()));
    }
    let mut elements = XmlElements::new();
    for (name, value) in success.as_object().unwrap() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        elements.push(name.clone(), text);
    }
    found(check_elements(request, &elements))
}

#[test]
fn of_every_operation_the_same_value_is_taken_and_another_one_is_refused() {
    let (mut compared, mut nested, mut renamed, mut numbers) = (0, 0, 0, 0);
    for operation in Catalog::embedded().operations() {
        let mut all = Vec::new();
        echoes(operation, &operation.response, &Vec::new(), &mut all);
        if all.is_empty() {
            continue;
        }
        let called = format!("{} {}", operation.method, operation.path);
        let (request, version) = (request(operation, &all), operation.version());
        let success = success(operation, &operation.response, &Vec::new());
        let is = |success: &Value| judged(&request, version, success);
        assert_eq!(is(&success), None, "{called}: {success}");
        for (path, field) in &all {
            let other = with(&success, path, value(field.kind, true));
            assert_eq!(is(&other), Some(field.name), "{called}: {other}");
            // As a text where the page has a number, and the reverse.
            let another_type = match field.kind {
                Kind::Integer => [json!("17"), json!("18")],
                _ => [json!(17), json!(18)],
            };
            let [same, other] = another_type.map(|value| with(&success, path, value));
            assert_eq!((is(&same), is(&other)), (None, Some(field.name)), "{called}: {same}");
            for unsaid in [json!(""), json!(null), json!([]), json!({})] {
                let unsaid = with(&success, path, unsaid);
                assert!(version == ApiVersion::V2 || is(&unsaid).is_none(), "{called}: {unsaid}");
            }
            compared += 1;
            nested += usize::from(path.len() > 1);
            renamed += usize::from(field.echo_of.is_some());
            numbers += usize::from(field.kind == Kind::Integer);
        }
    }
    assert!(
        compared > 700 && nested > 40 && renamed > 6 && numbers > 19,
        "{compared} {nested} {renamed} {numbers}"
    );
}
