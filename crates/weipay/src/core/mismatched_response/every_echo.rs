//! Every member that the catalogue says is compared, of each operation: the same value is taken, another one is refused, and
//! none says nothing.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use weipay_catalog::{ApiVersion, Catalog, Field, Kind, Operation, Place, Purpose};
use weipay_wire::XmlElements;

use super::tests::found;
use super::{check, check_elements};
use crate::request::{Body, Request};

/// Who calls: the value that every member has.
const CALLER: Option<&str> = Some("17");

/// A member of a response that is compared: the names around it, its own name at the end.
type Path<'a> = Vec<&'a str>;

fn is_object(field: &Field) -> bool {
    field.kind == Kind::Object && !field.list && field.carrier.is_none()
}

/// What any response repeats.
fn any_echoes(operation: &Operation) -> &'static [&'static str] {
    let version = match operation.version() {
        ApiVersion::V2 => crate::ApiVersion::V2,
        ApiVersion::V3 => crate::ApiVersion::V3,
    };
    version.any_response().echoes
}

/// What a member is compared with, if it is: a field of the request, or the caller.
fn compared<'a>(
    operation: &'a Operation,
    field: &Field,
    is_nested: bool,
) -> Option<Option<(Place, &'a Field)>> {
    let of_any = || {
        let is_one = !is_nested && field.purpose.is_none() && any_echoes(operation).contains(&field.name);
        let echo = Field { purpose: Some(Purpose::Echo), ..field.clone() };
        operation.repeated_by(&echo).filter(|_| is_one)
    };
    match field.purpose {
        Some(Purpose::MerchantNumber) => Some(None),
        _ => operation.repeated_by(field).or_else(of_any).map(Some),
    }
}

/// The members that an operation compares. Those of a shared object count where the request has what they repeat.
fn all_compared<'a>(
    operation: &Operation,
    fields: &'a [Field],
    around: &Path<'a>,
    all: &mut Vec<(Path<'a>, &'a Field)>,
) {
    for field in fields {
        let mut path = around.clone();
        path.push(field.name);
        if compared(operation, field, !around.is_empty()).is_some() {
            all.push((path.clone(), field));
        }
        if is_object(field) {
            all_compared(operation, &field.fields, &path, all);
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
fn request(operation: &Operation, all: &[(Path<'_>, &Field)]) -> Request {
    let mut request = Request::new(operation.path.to_owned());
    let mut body = Map::new();
    let sent = all.iter().filter_map(|(path, field)| compared(operation, field, path.len() > 1)?);
    for (place, sent) in sent {
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

/// A success with every member that is required or compared, or has such a member in it.
fn success(operation: &Operation, fields: &[Field], is_nested: bool) -> Value {
    let mut members = Map::new();
    for field in fields {
        let member = match field.kind {
            _ if field.list => json!([]),
            Kind::Object if is_object(field) => success(operation, &field.fields, true),
            Kind::Object => json!({}),
            kind => value(kind, false),
        };
        let is_compared = compared(operation, field, is_nested).is_some();
        if field.required || is_compared || member.as_object().is_some_and(|members| !members.is_empty()) {
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
        return found(check(request, CALLER, StatusCode::OK, success.to_string().as_bytes()));
    }
    let mut elements = XmlElements::new();
    for (name, value) in success.as_object().unwrap() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        elements.push(name.clone(), text);
    }
    found(check_elements(request, CALLER, &elements))
}

/// What says nothing: an element of XML is a text.
fn unsaid(version: ApiVersion) -> Vec<Value> {
    match version {
        ApiVersion::V2 => vec![json!("")],
        ApiVersion::V3 => vec![json!(""), json!(null), json!([]), json!({})],
    }
}

#[test]
fn of_every_operation_the_same_value_is_taken_and_another_one_is_refused() {
    let (mut counted, mut nested, mut renamed, mut numbers, mut callers) = (0, 0, 0, 0, 0);
    for operation in Catalog::embedded().operations() {
        let mut all = Vec::new();
        all_compared(operation, &operation.response, &Vec::new(), &mut all);
        if all.is_empty() {
            continue;
        }
        let called = format!("{} {}", operation.method, operation.path);
        let (request, version) = (request(operation, &all), operation.version());
        let success = success(operation, &operation.response, false);
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
            for nothing in unsaid(version) {
                let nothing = with(&success, path, nothing);
                assert_eq!(is(&nothing), None, "{called}: {nothing}");
            }
            counted += 1;
            nested += usize::from(path.len() > 1);
            renamed += usize::from(field.echo_of.is_some());
            numbers += usize::from(field.kind == Kind::Integer);
            callers += usize::from(field.purpose == Some(Purpose::MerchantNumber));
        }
    }
    assert!(
        counted > 1_200 && nested > 50 && renamed > 6 && numbers > 19 && callers > 150,
        "{counted} {nested} {renamed} {numbers} {callers}"
    );
}

/// Of what a page calls somebody else, or may call so, nothing is known.
#[test]
fn a_merchant_who_need_not_be_the_caller_is_not_compared() {
    let mut counted = 0;
    for operation in Catalog::embedded().operations() {
        let others = operation.response.iter().filter(|field| field.purpose == Some(Purpose::OtherMerchant));
        for other in others {
            let (version, path) = (operation.version(), operation.path);
            let echo = Field { purpose: Some(Purpose::Echo), ..other.clone() };
            let asked = request(operation, &[(vec![other.name], &echo)]);
            let mut success = success(operation, &operation.response, false);
            for value in ["17", "18"] {
                success[other.name] = json!(value);
                assert_eq!(judged(&asked, version, &success), None, "{path}: {success}");
            }
            counted += 1;
        }
    }
    assert!(counted > 15, "{counted}");
}
