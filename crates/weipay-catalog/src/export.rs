//! The catalogue as JSON lines, for other tools and other languages.
//!
//! One object per line, with the names that other collections of the WeChat Pay API use: `base_uri`, `success_status`,
//! `encrypted: "rsa-pubkey"`, `encoded: "json_encode"`. Empty keys (no limit, not required) are left out.

pub(crate) mod errors;

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::catalog::Catalog;
use crate::field::{Carrier, Field, Format, Kind, Limits};
use crate::notification::Notification;
use crate::operation::{ApiVersion, BodyFormat, Operation, Place};
use crate::waiting::Wait;

/// Writes every operation, one JSON object per line, sorted by path.
///
/// # Errors
///
/// If writing fails.
pub fn jsonl(out: &mut impl Write) -> io::Result<()> {
    // By the text of the path, `-` before `/` before letters, so that two collections can be compared line by line. The order of
    // the catalogue is that of its folders.
    let mut operations: Vec<_> = Catalog::embedded().operations().collect();
    operations.sort_by_key(|operation| (operation.path, operation.method));
    for found in operations {
        writeln!(out, "{}", operation(found))?;
    }
    Ok(())
}

/// Writes every notification, one JSON object per line, sorted by version and event.
///
/// # Errors
///
/// If writing fails.
pub fn notifications_jsonl(out: &mut impl Write) -> io::Result<()> {
    for found in Catalog::embedded().notifications() {
        writeln!(out, "{}", notification(found))?;
    }
    Ok(())
}

/// An operation as a JSON object.
#[must_use]
pub fn operation(operation: &Operation) -> Value {
    let mut object = Map::new();
    object.insert("method".into(), operation.method.into());
    object.insert("path".into(), operation.path.into());
    object.insert("title".into(), operation.title.into());
    if !operation.group.is_empty() {
        object.insert("group".into(), operation.group.into());
    }
    if !operation.roles.is_empty() {
        object.insert("roles".into(), operation.roles.clone().into());
    }
    if let Some(base) = operation.base_url {
        object.insert("base_uri".into(), base.into());
    }
    if let Some(path) = operation.partner_path {
        object.insert("partner_path".into(), path.into());
    }
    let marks = [
        ("client_cert", operation.client_cert),
        ("nonceless", operation.nonceless),
        ("unsigned", operation.unsigned),
    ];
    set_marks(&mut object, marks);
    if let Some(header) = operation.signed_digest {
        object.insert("signed_digest".into(), header.into());
    }
    if let Some(repeat) = operation.repeat {
        object.insert("repeat".into(), repeat.word().into());
    }
    if let Some(seconds) = operation.repeat_after {
        object.insert("repeat_after_seconds".into(), seconds.into());
    }
    if !operation.repeat_reason.is_empty() {
        object.insert("repeat_reason".into(), operation.repeat_reason.into());
    }
    if let Some(states) = operation.wait.as_ref().and_then(Wait::final_states) {
        let wait = json!({
            "pace": states.pace.word(),
            "state": states.state,
            "final": states.finals,
            "not_ready": states.not_ready.iter().map(errors::not_ready).collect::<Vec<_>>(),
            "may_appear_later": states.may_appear,
        });
        object.insert("wait".into(), wait);
    }
    if !operation.proof.is_empty() {
        object.insert("proof".into(), operation.proof.clone().into());
    }
    set_marks(&mut object, [("answers_file", operation.has_file_response)]);
    if operation.success != 200 {
        object.insert("success_status".into(), operation.success.into());
    }
    object.insert("request".into(), request(operation));
    object.insert("response".into(), fields(&operation.response));
    if operation.error_codes().next().is_some() {
        object.insert("errors".into(), errors::codes(operation));
    }
    object.insert("docs".into(), operation.docs.clone().into());
    Value::Object(object)
}

/// The places of a request in the order that other collections mostly have.
const PLACES: [Place; 7] =
    [Place::Path, Place::Json, Place::Query, Place::Headers, Place::Other, Place::Xml, Place::Multipart];

fn request(operation: &Operation) -> Value {
    let request = &operation.request;
    let mut object = Map::new();
    for place in PLACES {
        let name = match place {
            Place::Multipart => "body",
            place => place.word(),
        };
        let list = request.fields(place);
        // What APIv2 posts is XML, even where no page describes an element of it.
        let is_undescribed_xml = place == Place::Xml && operation.body_format() == BodyFormat::Xml;
        if !list.is_empty() || is_undescribed_xml {
            object.insert(name.into(), fields(list));
        }
    }
    Value::Object(object)
}

/// A notification as a JSON object. What the sealed field of the body opens to stands as that field's members.
#[must_use]
pub fn notification(notification: &Notification) -> Value {
    let delivered = notification.delivered();
    let mut body = fields(&delivered);
    name_cipher(&mut body, notification.cipher);
    let mut reply = Vec::new();
    if notification.version == ApiVersion::V3 {
        let label = "应答状态码: 200、204 为成功, 其他 (如 5XX) 会重发";
        reply.push(
            json!({"name": "status", "type": "integer", "label": label, "enum": ["200", "204", "5XX"]}),
        );
    }
    if !notification.response_headers.is_empty() {
        reply.push(part(
            "headers",
            "应答的头参数",
            &notification.response_headers,
            fields(&notification.response_headers),
        ));
    }
    reply.push(part("body", "应答的包体参数", &notification.response, fields(&notification.response)));
    let posted = [
        part("headers", "通知的头参数", &notification.headers, fields(&notification.headers)),
        part("body", "通知的包体参数", &delivered, body),
    ];
    let mut object = json!({
        "version": notification.version.word(),
        "event": notification.event,
        "title": notification.title,
        "notification": posted,
        "reply": reply,
        "docs": notification.docs,
        "retry": notification.retry.waits,
    });
    let marks = [("retry_unconfirmed", !notification.retry.confirmed)];
    if let Some(object) = object.as_object_mut() {
        set_marks(object, marks);
    }
    object
}

/// The headers or the body of a delivery or its response. A part may be left out if nothing in it is required: a response
/// with status 200 needs no body.
fn part(name: &str, label: &str, fields: &[Field], exported: Value) -> Value {
    let mut object = Map::new();
    object.insert("name".into(), name.into());
    object.insert("type".into(), "object".into());
    set_marks(&mut object, [("required", fields.iter().any(|field| field.required))]);
    object.insert("label".into(), label.into());
    object.insert("fields".into(), exported);
    Value::Object(object)
}

/// Says by which cipher the sealed field is encrypted, where it is not the usual one.
fn name_cipher(exported: &mut Value, cipher: &str) {
    match exported {
        Value::Array(fields) => fields.iter_mut().for_each(|field| name_cipher(field, cipher)),
        Value::Object(field) => {
            if field.get("encrypted").is_some_and(|by| by == "aes-gcm") {
                field.insert("encrypted".into(), cipher_name(cipher).into());
            }
            if let Some(members) = field.get_mut("fields") {
                name_cipher(members, cipher);
            }
        }
        _ => {}
    }
}

/// `aes-gcm` of `AES-256-GCM`.
pub(crate) fn cipher_name(cipher: &str) -> String {
    cipher.to_lowercase().replace("-256", "")
}

fn set_marks<const N: usize>(object: &mut Map<String, Value>, marks: [(&str, bool); N]) {
    for (name, marked) in marks {
        if marked {
            object.insert(name.into(), true.into());
        }
    }
}

fn fields(fields: &[Field]) -> Value {
    fields.iter().map(field).collect()
}

/// A field as a JSON object.
#[must_use]
pub fn field(field: &Field) -> Value {
    let mut object = Map::new();
    object.insert("name".into(), field.name.into());
    let list = if field.list { "[]" } else { "" };
    object.insert("type".into(), format!("{}{list}", field.kind.word()).into());
    set_marks(&mut object, [("required", field.required || field.required_in.is_some())]);
    if let Some(mode) = field.required_in {
        object.insert("required_in".into(), mode.into());
    }
    if let Some(case) = field.needed_in {
        object.insert("needed_in".into(), case.into());
    }
    if !field.label.is_empty() {
        object.insert("label".into(), field.label.into());
    }
    match field.format.map(|format| (format, format.unit())) {
        Some((_, Some(unit))) => set_marks(&mut object, [(unit, true)]),
        Some((format, None)) => {
            object.insert("format".into(), format_name(format).into());
        }
        None => {}
    }
    if !field.values.is_empty() {
        object.insert("enum".into(), field.values.clone().into());
    }
    let (min, max) = match field.kind {
        Kind::Integer | Kind::Number => ("minimum", "maximum"),
        Kind::Object => ("min_bytes", "max_bytes"),
        _ => ("min_length", "max_length"),
    };
    set_limits(&mut object, field.limits, [min, max]);
    if field.in_bytes {
        object.insert("length_unit".into(), "bytes".into());
    }
    set_limits(&mut object, field.items, ["min_items", "max_items"]);
    if let Some(pattern) = field.pattern {
        object.insert("pattern".into(), pattern.into());
    }
    if let Some(example) = field.example.as_deref() {
        object.insert("example".into(), value(field.kind, example));
    }
    match field.carrier {
        Some(Carrier::Encrypted) => object.insert("encrypted".into(), "rsa-pubkey".into()),
        Some(Carrier::Sealed) => object.insert("encrypted".into(), "aes-gcm".into()),
        Some(Carrier::JsonText) => object.insert("encoded".into(), "json_encode".into()),
        Some(Carrier::UrlText) => object.insert("encoded".into(), "urlencode".into()),
        Some(Carrier::Signed) => object.insert("signed".into(), true.into()),
        None => None,
    };
    set_marks(&mut object, [("private", field.private)]);
    if let Some(purpose) = field.purpose {
        object.insert("purpose".into(), purpose.word().into());
    }
    if let Some(name) = field.echo_of {
        object.insert("echo_of".into(), name.into());
    }
    if !field.fields.is_empty() {
        object.insert("fields".into(), fields(&field.fields));
    }
    Value::Object(object)
}

fn set_limits(object: &mut Map<String, Value>, limits: Limits, [min, max]: [&str; 2]) {
    for (name, limit) in [(min, limits.min), (max, limits.max)] {
        if let Some(limit) = limit {
            object.insert(name.into(), limit.into());
        }
    }
}

pub(crate) fn value(kind: Kind, example: &str) -> Value {
    let parsed = match kind {
        Kind::Integer => example.parse::<i64>().ok().map(Value::from),
        Kind::Number => example.parse::<f64>().ok().map(Value::from),
        Kind::Boolean => example.parse::<bool>().ok().map(Value::from),
        Kind::String | Kind::Object => None,
    };
    parsed.unwrap_or_else(|| example.into())
}

/// The format's name outside of this catalogue.
pub(crate) fn format_name(format: Format) -> &'static str {
    match format {
        Format::Integer => "integer",
        Format::JsonObjectLike => "jsonObjectLike",
        Format::JsonArrayLike => "jsonArrayLike",
        Format::MediaId => "MediaId",
        Format::MediaUrl => "MediaUrl",
        Format::DataUrl => "rfc2397",
        // Its pattern says the rest.
        Format::NotifyUrl => "url",
        other => other.word(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(write: impl Fn(&mut Vec<u8>) -> io::Result<()>) -> Vec<Value> {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_operation_and_notification_is_a_line_of_json() {
        let operations = lines(jsonl);
        assert_eq!(operations.len(), Catalog::embedded().len());
        let notifications = lines(notifications_jsonl);
        assert_eq!(notifications.len(), Catalog::embedded().notifications().count());
    }

    #[test]
    fn lines_are_sorted_by_the_path_as_text() {
        let keys: Vec<(String, String)> = lines(jsonl)
            .iter()
            .map(|line| ["path", "method"].map(|key| line[key].as_str().unwrap().to_owned()).into())
            .collect();
        assert!(keys.is_sorted());
    }

    #[test]
    fn keys_stand_where_other_collections_have_them() {
        let keys = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        let find = |method, path| operation(Catalog::embedded().find(method, path).unwrap());
        let request = &find("POST", "v3/aggracct-bc/wb-channel/bank-channel-account/rename")["request"];
        assert_eq!(keys(request), "json headers");
        let upload = &find("POST", "v3/merchant/media/upload")["request"]["body"];
        let meta = upload.as_array().unwrap().iter().find(|part| part["name"] == "meta").unwrap();
        assert!(keys(meta).ends_with("encoded fields"));
    }

    #[test]
    fn what_apiv2_posts_is_xml_even_without_elements() {
        let found = Catalog::embedded().find("POST", "v2/applyment/micro/signcontract").unwrap();
        assert_eq!(operation(found)["request"], json!({"xml": []}));
    }

    #[test]
    fn a_reply_may_lack_what_nothing_requires() {
        let reply = |event| {
            let exported = notification(Catalog::embedded().notification(ApiVersion::V3, event).unwrap());
            let parts = exported["reply"].as_array().unwrap().clone();
            parts
                .iter()
                .map(|part| (part["name"].as_str().unwrap().to_owned(), part.get("required").is_some()))
                .collect::<Vec<_>>()
        };
        let [status, body] = ["status", "body"].map(str::to_owned);
        assert_eq!(reply("REFUND.SUCCESS"), [(status.clone(), false), (body.clone(), false)]);
        assert_eq!(
            reply("CROSS_BORDER_PAY.GET_MCH_INFO"),
            [(status, false), ("headers".to_owned(), true), (body, true)]
        );
    }

    #[test]
    fn a_notification_keeps_the_values_of_its_envelope() {
        let exported =
            notification(Catalog::embedded().notification(ApiVersion::V3, "MERCHANT_NOTIFY.NOTIFY").unwrap())
                .to_string();
        for stated in [r#""enum":["订阅消息"]"#, r#""label":"数据加密的附加数据","enum":["merchant_notify"]"#]
        {
            assert!(exported.contains(stated), "{stated}");
        }
    }

    #[test]
    fn operations_and_notifications_are_exported_whole() {
        let catalog = Catalog::embedded();
        let shown = |exported: Value| format!("{exported:#}");
        let found = catalog.find("POST", "v3/marketing/busifavor/coupons/disassociate").unwrap();
        insta::assert_snapshot!("operation", shown(operation(found)));
        let found = catalog.find("POST", "v2/pay/closeorder").unwrap();
        insta::assert_snapshot!("operation_of_apiv2", shown(operation(found)));
        let found = catalog.notification(ApiVersion::V3, "SECURITY_ECHO.SUCCESS").unwrap();
        insta::assert_snapshot!("notification", shown(notification(found)));
    }

    #[test]
    fn a_field_keeps_all_that_the_catalogue_says() {
        let fields = crate::parse::object(
            "OBJECT x
  total*  integer 1..9 fen  # 总金额 = 5
  paid    integer minor     # 支付金额 = 888
  name    string encrypted base64 # 姓名
  list    string[1..3] (A | B)
  text    string json-text json-object-like
    open  boolean = true
  rate    number = 1.5
  sum     string integer-text
",
            crate::shared::Shared::default().resolver(),
        )
        .unwrap();
        assert_eq!(
            fields.iter().map(field).collect::<Vec<_>>(),
            [
                json!({"name": "total", "type": "integer", "required": true, "label": "总金额", "fen": true,
                       "minimum": 1, "maximum": 9, "example": 5}),
                json!({"name": "paid", "type": "integer", "label": "支付金额", "minor": true, "example": 888}),
                json!({"name": "name", "type": "string", "label": "姓名", "format": "base64", "encrypted": "rsa-pubkey"}),
                json!({"name": "list", "type": "string[]", "enum": ["A", "B"], "min_items": 1, "max_items": 3}),
                json!({"name": "text", "type": "string", "format": "jsonObjectLike",
                       "fields": [{"name": "open", "type": "boolean", "example": true}], "encoded": "json_encode"}),
                json!({"name": "rate", "type": "number", "example": 1.5}),
                json!({"name": "sum", "type": "string", "format": "integer"}),
            ]
        );
    }

    #[test]
    fn a_notification_shows_what_its_sealed_field_opens_to() {
        let found = Catalog::embedded().notification(ApiVersion::V3, "REFUND.SUCCESS").unwrap();
        let exported = notification(found);
        let body = exported["notification"][1]["fields"].as_array().unwrap();
        let resource = body.iter().find(|field| field["name"] == "resource").unwrap();
        assert_eq!(resource["fields"][0]["enum"], json!(["refund"]));
        let sealed = resource["fields"].as_array().unwrap().last().unwrap();
        assert_eq!(sealed["encrypted"], "aes-gcm");
        assert!(sealed["fields"].as_array().unwrap().iter().any(|field| field["name"] == "refund_status"));
        assert_eq!(exported["retry"].as_array().unwrap().len(), 15);
    }

    #[test]
    fn a_notification_says_which_cipher_sealed_it() {
        let sealed = |version, event| {
            let exported = notification(Catalog::embedded().notification(version, event).unwrap());
            exported.to_string().matches("\"encrypted\":\"aes-ecb\"").count()
        };
        assert_eq!(
            (sealed(ApiVersion::V2, "refund-processed"), sealed(ApiVersion::V3, "REFUND.SUCCESS")),
            (1, 0)
        );
    }
}
