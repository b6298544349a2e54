//! What is said of a field, of the type that it has, and of the value of a placeholder: its official label, then its rules.

use std::collections::BTreeSet;

use weipay_catalog::{Carrier, Field, Format, Kind, Limits, Purpose};

use super::plain;

/// What is said of the type of an object: the labels of the fields that have it, and its name in the catalogue where it is
/// shared.
pub(crate) fn object(field: &Field, labels: &BTreeSet<&str>) -> String {
    of_type(field, labels, "object", &format!("The object `{}`.", field.name))
}

/// The same of the type of listed values.
pub(crate) fn enumeration(field: &Field, labels: &BTreeSet<&str>) -> String {
    of_type(field, labels, "list of values", &format!("The values of `{}`.", field.name))
}

fn of_type(field: &Field, labels: &BTreeSet<&str>, what: &str, nameless: &str) -> String {
    let labels: Vec<String> = labels.iter().map(|label| plain(label)).collect();
    let labels = (!labels.is_empty()).then(|| format!("{}.", labels.join(", ")));
    match (labels, field.shared) {
        (Some(labels), Some(name)) => format!("{labels}\n\nThe shared {what} `{name}` of the catalogue."),
        (None, Some(name)) => format!("The shared {what} `{name}` of the catalogue."),
        (Some(labels), None) => labels,
        (None, None) => nameless.to_owned(),
    }
}

/// What the numbers of an element of APIv2 count.
fn numbered(name: &str) -> Option<String> {
    match name.matches('$').count() {
        0 => None,
        1 => Some(format!("One for each `$n` of `{name}` on the wire.")),
        _ => Some(format!(
            "On the wire `{name}`: `$n` numbers the outer list (in a refund query its refunds, 退款), `$m` the inner \
             ones (the coupons of that refund, 代金券)."
        )),
    }
}

fn labelled(field: &Field) -> Option<String> {
    (!field.label.is_empty()).then(|| format!("{}.", plain(field.label)))
}

/// Label and rules of a field, of a request or of what comes back.
pub(crate) fn member(field: &Field, in_request: bool) -> String {
    if in_request && field.purpose == Some(Purpose::PlatformSerial) {
        return "微信支付公钥ID或平台证书序列号. Default: that of the client's first platform key."
            .to_owned();
    }
    let filled_in = in_request && field.is_sent_by_the_client();
    let of_the_caller = in_request && field.purpose == Some(Purpose::MerchantNumber);
    let of_the_file = in_request && field.purpose.is_some_and(Purpose::is_of_a_file);
    let mut rules = rules(field);
    if field.required && !filled_in && !of_the_caller {
        rules.insert(0, "required".to_owned());
    } else if let Some(mode) = field.required_in {
        rules.insert(0, format!("required in {mode} only"));
    } else if let Some(case) = field.needed_in {
        rules.insert(0, format!("required in one case: {case}"));
    }
    let sentences: Vec<String> = [
        labelled(field),
        numbered(field.name),
        filled_in.then(|| "The client fills it in.".to_owned()),
        of_the_caller.then(|| "Default: the client's merchant number.".to_owned()),
        of_the_file.then(|| "Default: taken from the file.".to_owned()),
        (!rules.is_empty()).then(|| closed(&rules)),
    ]
    .into_iter()
    .flatten()
    .collect();
    // The name alone would say nothing that the field does not say itself, and there must be a text.
    if sentences.is_empty() { format!("On the wire: `{}`.", field.name) } else { sentences.join(" ") }
}

/// The value of a placeholder: the path with it, its label, and its rules.
pub(crate) fn value(path: &str, field: &Field) -> String {
    let mut text = format!("`{path}`");
    if !field.label.is_empty() {
        text.push_str(&format!(" with this {}.", plain(field.label)));
    }
    let mut rules = rules(field);
    if !field.values.is_empty() {
        let values: Vec<String> = field.values.iter().map(|value| format!("`{value}`")).collect();
        rules.push(format!("known values: {}", values.join(", ")));
    }
    if !rules.is_empty() {
        text.push_str(&format!(" {}", closed(&rules)));
    }
    text
}

/// The rules as a sentence.
fn closed(rules: &[String]) -> String {
    let rules = rules.join("; ");
    let mut letters = rules.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}

/// What a value must be, and how it travels.
fn rules(field: &Field) -> Vec<String> {
    let mut rules = Vec::new();
    let unit = match field.kind {
        Kind::String if field.in_bytes => "byte",
        Kind::String => "character",
        Kind::Object => "byte",
        _ => "",
    };
    rules.extend(range(&field.limits, unit));
    rules.extend(range(&field.items, "member"));
    match field.format {
        Some(Format::Fen) => rules.push("in fen (分)".to_owned()),
        Some(Format::Minor) => {
            rules.push("in the smallest unit of its currency (币种最小货币单位)".to_owned());
        }
        Some(Format::NotifyUrl) => {
            rules.push("a URL that the platform calls: http or https, without a query".to_owned());
        }
        Some(Format::Rfc3339 | Format::JsonObjectLike | Format::JsonArrayLike) | None => {}
        // The format is that of the ciphertext, and the caller gives and gets plain text.
        Some(_) if field.is_encrypted() => {}
        Some(format) => rules.push(format!("format `{}`", format.word())),
    }
    if let Some(pattern) = field.pattern
        && field.format != Some(Format::NotifyUrl)
    {
        rules.push(format!("matches `{pattern}`"));
    }
    match field.carrier {
        Some(Carrier::Encrypted) => rules.push("sensitive (敏感信息加密)".to_owned()),
        Some(Carrier::Sealed) => rules.push("encrypted with the API key".to_owned()),
        Some(Carrier::JsonText) => rules.push("JSON text in a string".to_owned()),
        Some(Carrier::UrlText) => rules.push("form-encoded text in a string".to_owned()),
        Some(Carrier::Signed) => rules.push("a signature".to_owned()),
        None => {}
    }
    rules
}

fn range(limits: &Limits, unit: &str) -> Option<String> {
    let of = |number: i64| match (unit, number) {
        ("", _) => number.to_string(),
        (_, 1) => format!("1 {unit}"),
        _ => format!("{number} {unit}s"),
    };
    match (limits.min, limits.max) {
        (None, None) => None,
        (Some(min), Some(max)) if min == max => Some(format!("exactly {}", of(min))),
        (Some(min), Some(max)) => Some(format!("{min} to {}", of(max))),
        (Some(min), None) => Some(format!("at least {}", of(min))),
        (None, Some(max)) => Some(format!("at most {}", of(max))),
    }
}
