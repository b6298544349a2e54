//! Walks the catalogue and the document side by side: what the one says stands in the other.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::*;
use crate::field::{Carrier, Field, Format, Kind};
use crate::operation::Operation;

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

fn apiv3() -> impl Iterator<Item = &'static Operation> {
    Catalog::embedded().operations().filter(|operation| operation.version() == ApiVersion::V3)
}

/// The operation of the document whose server and path make the same URL.
fn described(operation: &Operation) -> &'static Value {
    let method = operation.method.to_ascii_lowercase();
    let whole = &DOCUMENT["paths"][format!("/{}", operation.path)][&method];
    if whole.is_object() {
        return whole;
    }
    let short = &DOCUMENT["paths"][operation.path.trim_start_matches("v3")][&method];
    assert!(
        short["servers"][0]["url"].as_str().is_some_and(|url| url.ends_with("/v3")),
        "{}",
        operation.path
    );
    short
}

/// What a reference points to, or the value itself.
fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        None => value,
        Some(pointer) => DOCUMENT.pointer(pointer.trim_start_matches('#')).expect(pointer),
    }
}

fn body(value: &'static Value) -> &'static Value {
    let media = value["content"].as_object().and_then(|content| content.values().next());
    resolved(&media.expect("a body")["schema"])
}

/// Compares an object's schema with the fields; counts them.
fn members(fields: &[Field], schema: &'static Value, place: &str) -> usize {
    let schema = resolved(schema);
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let wanted: BTreeSet<&str> =
        fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    assert_eq!(required, wanted, "{place}");
    assert_eq!(schema["properties"].as_object().map_or(0, |all| all.len()), fields.len(), "{place}");
    let count =
        |field: &Field| member(field, &schema["properties"][field.name], &format!("{place}.{}", field.name));
    fields.iter().map(count).sum()
}

fn member(field: &Field, property: &'static Value, place: &str) -> usize {
    assert_eq!(property["description"].as_str().unwrap_or_default(), field.label, "{place}");
    let one = if field.list {
        assert_eq!(property["type"], "array", "{place}");
        assert_eq!(property["minItems"].as_i64(), field.items.min, "{place}");
        assert_eq!(property["maxItems"].as_i64(), field.items.max, "{place}");
        &property["items"]
    } else {
        property
    };
    assert_eq!(property["x-private"] == true, field.private, "{place}");
    value(field, one, place);
    let content = match field.carrier {
        None => one,
        Some(Carrier::Sealed) => &one["x-opens-to"],
        Some(_) => &one["contentSchema"],
    };
    1 + if field.fields.is_empty() { 0 } else { members(&field.fields, content, place) }
}

fn value(field: &Field, one: &'static Value, place: &str) {
    assert_eq!(resolved(one)["type"], field.kind.word(), "{place}");
    let [min, max] = match field.kind {
        Kind::String => ["minLength", "maxLength"],
        _ => ["minimum", "maximum"],
    };
    let limits = |min: &str, max: &str| (one[min].as_i64(), one[max].as_i64());
    let (of_characters, of_bytes) = match field.in_bytes {
        false => ((field.limits.min, field.limits.max), (None, None)),
        true => {
            let least = field.limits.min.map(|bytes| (bytes + 3) / 4);
            ((least, field.limits.max), (field.limits.min, field.limits.max))
        }
    };
    assert_eq!(limits(min, max), of_characters, "{place}");
    assert_eq!(limits("x-min-bytes", "x-max-bytes"), of_bytes, "{place}");
    assert_eq!(one["pattern"].as_str(), field.pattern, "{place}");
    assert_eq!(one["x-extensible-enum"].as_array().map_or(0, Vec::len), field.values.len(), "{place}");
    assert_eq!(one["enum"], Value::Null, "{place}: listed values stay open");
    let encrypted = match field.carrier {
        Some(Carrier::Encrypted) => Some("rsa-pubkey"),
        Some(Carrier::Sealed) => Some("aes-gcm"),
        _ => None,
    };
    assert_eq!(one["x-encrypted"].as_str(), encrypted, "{place}");
    assert_eq!(one["x-unit"].as_str(), field.format.and_then(Format::unit), "{place}");
    assert_eq!(one["format"] == "date-time", field.format == Some(Format::Rfc3339), "{place}");
    let example = (field.kind != Kind::Object).then_some(field.example.as_deref()).flatten();
    let shown = one["examples"][0].as_str().map(str::to_owned);
    let shown = shown.or_else(|| Some(one["examples"][0].to_string()).filter(|text| text != "null"));
    assert_eq!(shown.as_deref(), example, "{place}");
}

/// Compares the parameters of one place with the fields there.
fn parameters(fields: &[Field], place: &str, described: &'static Value, at: &str) -> usize {
    let all: Vec<&Value> = described["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|found| found["in"] == place)
        .collect();
    assert_eq!(all.len(), fields.len(), "{at} {place}");
    for field in fields {
        let found = all.iter().find(|found| found["name"] == field.name).expect(field.name);
        let required = field.required || place == "path";
        assert_eq!(found["required"].as_bool().unwrap_or_default(), required, "{at} {}", field.name);
        assert_eq!(found["description"].as_str().unwrap_or_default(), field.label, "{at} {}", field.name);
        member(&Field { label: "", ..field.clone() }, &found["schema"], &format!("{at} {}", field.name));
    }
    fields.len()
}

#[test]
fn every_operation_and_field_of_apiv3_is_in_the_document() {
    let (mut operations, mut fields) = (0, 0);
    for operation in apiv3() {
        let at = format!("{} {}", operation.method, operation.path);
        let found = described(operation);
        assert_eq!(found["summary"], operation.title, "{at}");
        assert_eq!(found["x-unsigned"].as_bool().unwrap_or_default(), operation.unsigned, "{at}");
        assert_eq!(found["x-docs"].as_array().map_or(0, Vec::len), operation.docs.len(), "{at}");
        let server = found["servers"][0]["url"].as_str().unwrap_or(HOST);
        let base = operation.base_url.unwrap_or(HOST).trim_end_matches('/');
        assert_eq!(server.trim_end_matches("/v3"), base, "{at}");

        let request = &operation.request;
        fields += parameters(&request.path, "path", found, &at);
        fields += parameters(&request.query, "query", found, &at);
        fields += parameters(&request.headers, "header", found, &at);
        if !request.json.is_empty() {
            fields += members(&request.json, body(&found["requestBody"]), &at);
        }
        for part in &request.multipart {
            assert!(body(&found["requestBody"])["properties"][part.name].is_object(), "{at} {}", part.name);
        }
        if !request.other.is_empty() {
            fields += members(&request.other, &found["x-other"], &at);
        }
        let success = &found["responses"][operation.success.to_string()];
        assert!(success.is_object() && found["responses"]["default"].is_object(), "{at}");
        if !operation.response.is_empty() {
            fields += members(&operation.response, body(success), &at);
        }
        operations += 1;
    }
    assert!(fields > 20_000, "only {fields} fields");
    let described: usize =
        DOCUMENT["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(described, operations, "nothing is described twice");
}

#[test]
fn every_part_of_an_upload_says_how_it_travels() {
    for operation in apiv3().filter(|operation| !operation.request.multipart.is_empty()) {
        let media = &described(operation)["requestBody"]["content"]["multipart/form-data"];
        let schema = resolved(&media["schema"]);
        for part in &operation.request.multipart {
            let property = &schema["properties"][part.name];
            let travels = &media["encoding"][part.name]["contentType"];
            match part.kind {
                Kind::Object => assert_eq!(travels, "application/octet-stream", "{}", operation.path),
                _ => {
                    assert_eq!(travels, "application/json", "{}", operation.path);
                    members(&part.fields, &property["contentSchema"], operation.path);
                }
            }
        }
    }
}

#[test]
fn every_notification_of_apiv3_is_a_webhook() {
    for notification in Catalog::embedded().notifications().filter(|found| found.version == ApiVersion::V3) {
        let post = &DOCUMENT["webhooks"][notification.event]["post"];
        assert_eq!(post["summary"], notification.title);
        assert_eq!(post["x-retry"].as_array().unwrap().len(), notification.retry.waits.len());
        let headers: Vec<Field> =
            notification.headers.iter().filter(|field| field.name != "Content-Type").cloned().collect();
        parameters(&headers, "header", post, notification.event);
        members(&notification.delivered(), body(&post["requestBody"]), notification.event);
        members(&notification.response, body(&post["responses"]["200"]), notification.event);
    }
}

#[test]
fn every_identifier_is_given_once() {
    let item = |item: &'static Value| item.as_object().unwrap().values();
    let all = ["paths", "webhooks"].into_iter().flat_map(|name| DOCUMENT[name].as_object().unwrap().values());
    let identifiers: Vec<&str> =
        all.flat_map(item).map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let different: BTreeSet<String> = identifiers.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(different.len(), identifiers.len());
    let refund = described(Catalog::embedded().find("POST", "v3/refund/domestic/refunds").unwrap());
    assert_eq!(refund["operationId"], "postRefundDomesticRefunds");
}

#[test]
fn an_identifier_speaks_of_underscores_only_beside_a_twin() {
    let found = described(
        Catalog::embedded().find("GET", "v3/applyment4sub/applyment/applyment_id/{applyment_id}").unwrap(),
    );
    assert_eq!(found["operationId"], "getApplyment4subApplymentApplymentIdByApplymentId");
}

/// The objects with members that have no name, and the titles in the document.
fn untitled_and_titles(value: &Value, is_named: bool, untitled: &mut usize, titles: &mut Vec<String>) {
    let is_object = value["type"] == "object" && value["properties"].is_object();
    match value["title"].as_str() {
        Some(title) if is_object => titles.push(title.to_owned()),
        _ if is_object && !is_named => *untitled += 1,
        _ => {}
    }
    let children: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    };
    children.into_iter().for_each(|child| untitled_and_titles(child, false, untitled, titles));
}

#[test]
fn every_object_without_a_name_has_a_title_of_its_own() {
    let (mut untitled, mut titles) = (0, Vec::new());
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    for schema in schemas.values() {
        untitled_and_titles(schema, true, &mut untitled, &mut titles);
    }
    for part in ["paths", "webhooks"] {
        untitled_and_titles(&DOCUMENT[part], false, &mut untitled, &mut titles);
    }
    assert_eq!(untitled, 0);
    let different: BTreeSet<String> =
        titles.iter().chain(schemas.keys()).map(|name| name.to_lowercase()).collect();
    assert_eq!(different.len(), titles.len() + schemas.len());
    assert!(titles.iter().any(|title| title == "PostRefundDomesticRefundsRequestAmount"), "{titles:?}");
}

/// A schema is named from an operation, a notification or a shared object: no two of these may meet.
#[test]
fn every_error_code_of_an_operation_is_in_one_of_its_responses_or_common() {
    let codes = |value: &'static Value| -> Vec<String> {
        let listed = value["x-error-codes"].as_array().cloned().unwrap_or_default();
        listed.iter().map(|code| format!("{} {} {}", code["status"], code["code"], code["meaning"])).collect()
    };
    let common = codes(&DOCUMENT["components"]["responses"]["ApiError"]);
    assert!(common.iter().any(|code| code.contains("SIGN_ERROR")), "{common:?}");
    for operation in apiv3() {
        let found = described(operation);
        let mut listed = codes(found);
        for (status, response) in found["responses"].as_object().unwrap() {
            let of_status = codes(response);
            assert!(of_status.iter().all(|code| code.starts_with(status)), "{}", operation.path);
            listed.extend(of_status);
        }
        let wanted = Value::from_iter(operation.error_codes().map(crate::export::errors::code));
        for code in wanted.as_array().unwrap() {
            let code = format!("{} {} {}", code["status"], code["code"], code["meaning"]);
            assert!(listed.contains(&code) || common.contains(&code), "{}: {code}", operation.path);
        }
    }
}

#[test]
fn no_two_schemas_have_one_name() {
    let answers = apiv3().filter(|operation| !operation.response.is_empty()).count();
    let bodies = apiv3()
        .filter(|operation| !operation.request.json.is_empty() || !operation.request.multipart.is_empty())
        .count();
    let resources = Catalog::embedded()
        .notifications()
        .filter(|found| found.version == ApiVersion::V3 && !found.resource.is_empty())
        .count();
    let names: BTreeSet<&str> =
        DOCUMENT["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    let ours = |ending: &str| names.iter().filter(|name| name.ends_with(ending)).count();
    assert_eq!((ours("Request"), ours("Response"), ours("Resource")), (bodies, answers, resources));
    assert!(names.contains("ApiError") && names.contains("RefundPromotionDetail"));
}

#[test]
fn paths_that_differ_only_in_a_placeholders_name_have_two_keys() {
    let form = |path: &str| -> String {
        path.split('/')
            .map(|part| if part.starts_with('{') { "{}/" } else { part })
            .collect::<Vec<_>>()
            .join("/")
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let forms: BTreeSet<String> = paths.keys().map(|path| form(path)).collect();
    assert_eq!(forms.len(), paths.len());
    let moved = &paths["/apply4subject/applyment/{business_code}/cancel"]["post"];
    assert_eq!(moved["servers"][0]["url"], "https://api.mch.weixin.qq.com/v3");
    assert_eq!(moved["x-path"], "/v3/apply4subject/applyment/{business_code}/cancel");
}

#[test]
fn operations_and_webhooks_are_described_whole() {
    let document = |pointer: &str| format!("{:#}", DOCUMENT.pointer(pointer).expect(pointer));
    insta::assert_snapshot!(
        "operation",
        document("/paths/~1v3~1marketing~1busifavor~1stocks~1{stock_id}/get")
    );
    insta::assert_snapshot!("upload", document("/paths/~1v3~1merchant~1media~1upload"));
    insta::assert_snapshot!("webhook", document("/webhooks/SECURITY_ECHO.SUCCESS"));
}
