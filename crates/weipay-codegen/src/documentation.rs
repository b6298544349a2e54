//! The documentation of generated items: official terms first, then limits in plain English.

use weipay_catalog::{Carrier, Field, Format, Kind, Limits, Operation};

/// Text as doc lines with this prefix.
pub(crate) fn lines(text: &str, prefix: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { format!("{prefix}\n") } else { format!("{prefix} {line}\n") })
        .collect()
}

/// Title, method and path, and where the platform describes it.
pub(crate) fn operation(operation: &Operation) -> String {
    let mut text = format!("{} · `{} {}`", plain(operation.title), operation.method, operation.path);
    if operation.path.starts_with("v2/") {
        text.push_str("\n\nThis version checks an APIv2 request and does not send it yet.");
    }
    if operation.unsigned {
        text.push_str("\n\nAnswers are not signed.");
    }
    if operation.success == 204 {
        text.push_str("\n\nA success has no body (204).");
    }
    text.push_str(&links(&operation.docs));
    text
}

/// Where the platform describes something, as a paragraph of its own.
pub(crate) fn links(docs: &[&str]) -> String {
    let pages: Vec<String> = docs.iter().filter_map(|page| link(page)).collect();
    if pages.is_empty() { String::new() } else { format!("\n\n官方文档: {}", pages.join(", ")) }
}

fn link(page: &str) -> Option<String> {
    if page.starts_with("http") {
        return Some(format!("<{page}>"));
    }
    let number = page.rsplit('/').next()?;
    Some(format!("[{number}](https://pay.weixin.qq.com/doc/{page})"))
}

/// A whole sentence about a type, from its label.
pub(crate) fn sentence(label: &str, name: &str) -> String {
    if label.is_empty() { format!("`{name}`.") } else { format!("{}.", plain(label)) }
}

/// Label and rules of a field.
pub(crate) fn field(field: &Field) -> String {
    if field.name == "Wechatpay-Serial" {
        return "微信支付公钥ID或平台证书序列号. The client sends that of its first platform key unless this is set.".to_owned();
    }
    let mut rules = Vec::new();
    if field.required {
        rules.push("required".to_owned());
    }
    rules.extend(range(&field.limits, if matches!(field.kind, Kind::String) { "characters" } else { "" }));
    rules.extend(range(&field.items, "members"));
    match field.format {
        Some(Format::Fen) => rules.push("in fen (分)".to_owned()),
        Some(Format::Minor) => {
            rules.push("in the smallest unit of its currency (币种最小货币单位)".to_owned());
        }
        Some(Format::Rfc3339 | Format::JsonObjectLike | Format::JsonArrayLike) | None => {}
        Some(format) => rules.push(format!("format `{}`", format.word())),
    }
    if let Some(pattern) = field.pattern {
        rules.push(format!("matches `{pattern}`"));
    }
    match field.carrier {
        Some(Carrier::Encrypted) => rules.push("travels encrypted (敏感信息加密)".to_owned()),
        Some(Carrier::Sealed) => rules.push("sealed with the API key".to_owned()),
        Some(Carrier::JsonText) => rules.push("JSON text in a string".to_owned()),
        Some(Carrier::UrlText) => rules.push("form-encoded text in a string".to_owned()),
        Some(Carrier::Signed) => rules.push("a signature".to_owned()),
        None => {}
    }
    let label = sentence(field.label, field.name);
    if rules.is_empty() {
        return label;
    }
    let rules = rules.join("; ");
    let mut letters = rules.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{label} {first}{}.", letters.as_str())
}

fn range(limits: &Limits, unit: &str) -> Option<String> {
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    match (limits.min, limits.max) {
        (None, None) => None,
        (Some(min), Some(max)) if min == max => Some(format!("exactly {min}{unit}")),
        (Some(min), Some(max)) => Some(format!("{min} to {max}{unit}")),
        (Some(min), None) => Some(format!("at least {min}{unit}")),
        (None, Some(max)) => Some(format!("at most {max}{unit}")),
    }
}

/// Text that rustdoc shows as it is.
pub(crate) fn plain(text: &str) -> String {
    text.replace('[', "\\[").replace('<', "\\<").replace('`', "'")
}
