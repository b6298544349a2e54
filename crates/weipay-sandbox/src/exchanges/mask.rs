//! Masks (脱敏): what is shown of a request, and what stands as `***` in its place.
//!
//! Shown are the values that the catalogue knows and does not call private: they neither belong to a person nor open anything.
//! Everything else is masked: what travels encrypted, what is `private`, and what the catalogue does not know.

mod json;

use serde_json::{Map, Value, json};
use weipay_catalog::{Carrier, Field, Operation};
use weipay_wire::{XmlContent, XmlElements};

use crate::log;
pub(crate) use json::json_text;

/// The placeholder for a hidden value.
pub(crate) const MASK: &str = "***";

/// Header fields whose values are shown.
const SHOWN_HEADERS: [&str; 25] = [
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-language",
    "content-length",
    "content-type",
    "date",
    "expect",
    "request-id",
    "server",
    "transfer-encoding",
    "wechatpay-nonce",
    "wechatpay-serial",
    "wechatpay-signature-type",
    "wechatpay-statement-sha1",
    "wechatpay-timestamp",
    "weipay-sandbox-answer",
    "weipay-sandbox-client-certificate",
    "weipay-sandbox-fault",
    "weipay-sandbox-reason",
    "x-content-type-options",
];

/// The longest value of a header field that is shown.
const MAX_HEADER: usize = 700;

/// A body: JSON with what may be shown, or how long it is.
pub(crate) fn body(bytes: &[u8], fields: &[Field]) -> String {
    if bytes.is_empty() {
        return String::new();
    }
    if bytes.first() == Some(&b'<')
        && let Some(text) = xml_text(bytes, fields)
    {
        return text;
    }
    match json_text(bytes, fields) {
        Some(text) => text,
        None => format!("({} bytes that are not JSON)", bytes.len()),
    }
}

/// What every message of APIv2 may have, and what tells nothing of anybody.
const SHOWN_ELEMENTS: [&str; 9] = [
    "return_code",
    "return_msg",
    "result_code",
    "err_code",
    "err_code_des",
    "nonce_str",
    "sign_type",
    "mch_id",
    "appid",
];

/// XML with what may be shown, element by element; `None` if it is not XML of APIv2.
fn xml_text(bytes: &[u8], fields: &[Field]) -> Option<String> {
    let elements = XmlElements::read(bytes, "xml").ok()?;
    let mut shown = XmlElements::new();
    for (name, content) in elements.iter() {
        let value = match content {
            XmlContent::Text(text) => element(fields, name, text),
            XmlContent::Elements(_) => MASK.to_owned(),
        };
        shown.push(element_name(name), value);
    }
    shown.write("xml").ok()
}

/// The value of an element as it may be shown. A numbered name is known by its row: `coupon_fee_0` by `coupon_fee_$n`.
pub(crate) fn element(fields: &[Field], name: &str, value: &str) -> String {
    let row = |pattern: &str| {
        pattern.split_once('$').is_some_and(|(begin, _)| {
            name.strip_prefix(begin)
                .is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
        })
    };
    let mut known = fields.iter().filter(|field| field.name == name || row(field.name)).peekable();
    let is_known = known.peek().is_some() || SHOWN_ELEMENTS.contains(&name);
    if value.is_empty() {
        return String::new();
    }
    if !is_known || known.any(Field::is_private) {
        return MASK.to_owned();
    }
    match fields.iter().find(|field| field.name == name && field.carrier == Some(Carrier::JsonText)) {
        Some(field) => json_text(value.as_bytes(), &field.fields).unwrap_or_else(|| MASK.to_owned()),
        None => shown_letters(value),
    }
}

/// The longest value of an element that is shown.
const MAX_ELEMENT: usize = 400;

/// The name of an element, if it can be nothing but a name.
pub(crate) fn element_name(name: &str) -> &str {
    let is_name = name.len() <= 60
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.bytes().all(|byte| byte.is_ascii_digit());
    if is_name { name } else { "unknown" }
}

/// The body of a refusal: code and message, and of `detail` what is of the platform.
pub(crate) fn refusal(bytes: &[u8], length: usize) -> String {
    if bytes.is_empty() {
        return String::new();
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(bytes) else {
        return format!("({length} bytes)");
    };
    let mut shown = Map::new();
    for (name, value) in members {
        let value = match &*name {
            "code" | "message" => value,
            "detail" => masked_detail(&value),
            _ => MASK.into(),
        };
        shown.insert(name, value);
    }
    Value::Object(shown).to_string()
}

fn masked_detail(detail: &Value) -> Value {
    let Value::Object(members) = detail else { return MASK.into() };
    let mut shown = Map::new();
    for (name, value) in members {
        let value = match (&**name, value) {
            ("field" | "issue" | "location" | "method" | "sign_message_length", _) => value.clone(),
            ("detail" | "sign_information", Value::Object(_)) => masked_detail(value),
            _ => json!(MASK),
        };
        shown.insert(name.clone(), value);
    }
    Value::Object(shown)
}

/// Header fields of a request or a response.
pub(super) fn headers(lines: &[u8]) -> Vec<(String, String)> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let end = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let name = String::from_utf8_lossy(line.get(..end).unwrap_or_default()).into_owned();
            let value = String::from_utf8_lossy(line.get(end + 1..).unwrap_or_default());
            let shown = match &*name {
                "authorization" => authorization(&value),
                known if SHOWN_HEADERS.contains(&known) => one_line(&value),
                _ => MASK.to_owned(),
            };
            (name, shown)
        })
        .collect()
}

/// A text of any language, on one line and cut.
fn shown_letters(text: &str) -> String {
    let visible = |letter: char| if letter.is_control() { '?' } else { letter };
    let mut shown: String = text.chars().take(MAX_ELEMENT).map(visible).collect();
    if text.chars().nth(MAX_ELEMENT).is_some() {
        shown.push_str("...");
    }
    shown
}

/// Visible ASCII and blanks.
fn one_line(value: &str) -> String {
    let shown = |byte: u8| if byte == b' ' || byte.is_ascii_graphic() { char::from(byte) } else { '?' };
    value.bytes().take(MAX_HEADER).map(shown).collect()
}

/// The first value of a header field, as it came.
pub(super) fn raw_header<'a>(lines: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut lines = lines.split(|byte| *byte == b'\n');
    lines.find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b":"))
}

/// The signer in `Authorization`, without the signature, which is valid for five minutes. Anything else in it may be
/// a password.
fn authorization(value: &str) -> String {
    match value.parse::<weipay_wire::Authorization>() {
        Ok(read) => format!(
            "{} mchid=\"{}\",serial_no=\"{}\",timestamp=\"{}\",nonce_str=\"{}\",signature=\"{MASK}\" ({} characters)",
            read.scheme.name(),
            log::shown_text(&read.mchid, 32),
            log::shown_text(&read.serial_no, 64),
            read.timestamp,
            log::shown_text(&read.nonce_str, 64),
            read.signature.len()
        ),
        Err(_) => MASK.to_owned(),
    }
}

/// Path and query.
pub(crate) fn target(operation: Option<&Operation>, method: &str, target: &str) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut shown = match operation {
        Some(operation) => path_of(operation, path),
        None => log::shown_path(method, path),
    };
    if let Some(query) = query {
        shown.push('?');
        shown.push_str(&self::query(operation, query));
    }
    shown
}

/// Masks a malformed path too: values are found even if a prefix is missing or added.
fn path_of(operation: &Operation, path: &str) -> String {
    let template: Vec<&str> = std::iter::once("").chain(operation.path.split('/')).collect();
    let given: Vec<&str> = path.split('/').collect();
    let mut shown = Vec::with_capacity(given.len());
    let extra = given.len().saturating_sub(template.len());
    let missing = template.len().saturating_sub(given.len());
    let is_host = |text: &str| {
        text.is_empty()
            || text == "http:"
            || text == "https:"
            || text.contains(['.', ':']) && !text.contains('%')
    };
    if !given.iter().take(extra).all(|text| is_host(text)) {
        return log::known_words(path);
    }
    shown.extend(given.iter().take(extra).map(|text| log::shown_text(text, 100)));
    for (template, text) in template.iter().skip(missing).zip(given.iter().skip(extra)) {
        match template.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            None if template == text
                || template.is_empty() && is_host(text)
                || missing > 0 && text.is_empty() =>
            {
                shown.push(log::shown_text(text, 200));
            }
            None => return log::known_words(path),
            Some(name) => {
                let field = operation.request.path.iter().find(|field| field.name == name);
                let is_hidden = field.is_none_or(Field::is_private);
                shown.push(if is_hidden { (*template).to_owned() } else { log::shown_text(text, 200) });
            }
        }
    }
    shown.join("/")
}

fn query(operation: Option<&Operation>, query: &str) -> String {
    let known = operation.map_or(&[][..], |operation| &operation.request.query);
    let pairs = query.split('&').take(100).map(|pair| {
        let Some((name, value)) = pair.split_once('=') else {
            let is_known = pair.is_empty() || known.iter().any(|field| field.name == pair);
            return if is_known { pair.to_owned() } else { MASK.to_owned() };
        };
        match known.iter().find(|field| field.name == name) {
            Some(field) if !field.is_private() => format!("{name}={}", log::shown_text(value, 200)),
            Some(_) => format!("{name}={MASK}"),
            None => format!("{}={MASK}", if is_word(name) { name } else { MASK }),
        }
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Whether an unknown name can be nothing but the name of a field.
fn is_word(name: &str) -> bool {
    (1..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    fn operation(method: &str, path: &str) -> &'static Operation {
        Catalog::embedded().find(method, path).unwrap()
    }

    /// The word in the catalogue decides, not the name of the field.
    #[test]
    fn what_a_field_is_called_does_not_decide_whether_it_is_shown() {
        let fields = &operation("POST", "v3/pay/transactions/jsapi").request.json;
        let shown = |name: &str| {
            let is_private = fields.iter().find(|field| field.name == name).unwrap().is_private();
            !is_private
        };
        assert!(shown("out_trade_no") && shown("description") && !shown("notify_url"));
        let fields = &operation("POST", "v2/pay/micropay").request.xml;
        assert_eq!(element(fields, "spbill_create_ip", "14.17.22.32"), MASK);
        assert_eq!(element(fields, "auth_code", "120061098828009406"), MASK);
        assert_eq!(element(fields, "total_fee", "888"), "888");
    }

    #[test]
    fn a_spoilt_target_hides_the_same_values() {
        let operation =
            operation("GET", "v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}");
        let path = "/v3/marketing/busifavor/users/oUpF8/coupons/1/appids/wx1";
        for (given, shown) in [
            (path.to_owned(), "/v3/marketing/busifavor/users/{openid}/coupons/1/appids/wx1"),
            (
                format!("https://api.mch.weixin.qq.com{path}"),
                "https://api.mch.weixin.qq.com/v3/marketing/busifavor/users/{openid}/coupons/1/appids/wx1",
            ),
            (path[1..].to_owned(), "v3/marketing/busifavor/users/{openid}/coupons/1/appids/wx1"),
            (path[3..].to_owned(), "/marketing/busifavor/users/{openid}/coupons/1/appids/wx1"),
            (
                format!("{path}?openid=oUpF8&oUpF8"),
                "/v3/marketing/busifavor/users/{openid}/coupons/1/appids/wx1?openid=***&***",
            ),
            (
                path.replace("users/", "users/a/b/"),
                "/v3/marketing/busifavor/users/{?}/{?}/{?}/coupons/{?}/appids/{?}",
            ),
        ] {
            let masked = target(Some(operation), "GET", &given);
            assert!(!masked.contains("oUpF8"), "{masked}");
            if !given.contains("/a/b/") {
                assert_eq!(masked, shown);
            }
        }
    }

    #[test]
    fn an_authorization_is_shown_without_its_signature() {
        let masked =
            headers(b"authorization:Bearer hunter2\ncookie:a=hunter2\nhost:a.example\nx-token:hunter2\n");
        assert!(!format!("{masked:?}").contains("hunter2"), "{masked:?}");
        assert_eq!(masked[2].1, "a.example");
        assert_eq!(headers(b"server:a b\x1b[2J\n")[0].1, "a b?[2J");
    }

    #[test]
    fn of_a_refusal_the_platforms_own_words_are_shown() {
        let body = br#"{"code":"PARAM_ERROR","message":"m","detail":{"location":"body","value":"Wang","field":"/name"}}"#;
        let shown = refusal(body, body.len());
        assert!(
            shown.contains("PARAM_ERROR") && shown.contains("/name") && !shown.contains("Wang"),
            "{shown}"
        );
    }
}
