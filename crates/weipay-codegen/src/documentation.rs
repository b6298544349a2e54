//! The documentation of generated items: official terms first, then limits in plain English.

use weipay_catalog::names::request::is_sent_by_the_client;
use weipay_catalog::operation::document_address;
use weipay_catalog::{Carrier, Field, Format, Kind, Limits, Operation};

use crate::operation;

/// Text as doc lines with this prefix.
pub(crate) fn lines(text: &str, prefix: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { format!("{prefix}\n") } else { format!("{prefix} {line}\n") })
        .collect()
}

/// What is known of an operation as a whole, with the official documents: the head of the file of its types.
pub(crate) fn operation(operation: &Operation) -> String {
    head(operation) + &links(&operation.docs)
}

/// The same on the step that sends it. Where the types have a module, the documents are listed there only: some
/// operations have thirty.
pub(crate) fn verb(operation: &Operation, module: Option<&str>) -> String {
    let documents = match module {
        Some(module) => format!("\n\nTypes and official documents (官方文档): [`{module}`](mod@{module})."),
        None => links(&operation.docs),
    };
    head(operation) + &documents
}

/// Title, method and path, and in what it is unlike the rest.
fn head(operation: &Operation) -> String {
    let mut sentences = Vec::new();
    if !operation.roles.is_empty() {
        sentences.push(format!("For {}.", operation.roles.join(", ")));
    }
    if let Some(base_url) = operation.base_url {
        sentences.push(format!("Host: `{base_url}`."));
    }
    if operation.client_cert {
        sentences.push("Needs the merchant's certificate (商户API证书) in TLS.".to_owned());
    }
    if operation.unsigned {
        sentences.push("Answers are not signed.".to_owned());
    }
    if operation.success == 204 {
        sentences.push("A success has no body (204).".to_owned());
    }
    let mut text = format!("{} · `{} {}`", plain(operation.title), operation.method, operation.path);
    if !sentences.is_empty() {
        text.push_str(&format!("\n\n{}", wrapped(&sentences.join(" "), "")));
    }
    if operation::is_xml(operation) {
        text.push_str("\n\nThis version checks an APIv2 request and does not send it yet.");
    }
    text
}

/// Where the platform describes something, as a paragraph of its own: the pages by whom they are written for.
pub(crate) fn links(docs: &[&str]) -> String {
    let mut groups: Vec<(&str, Vec<String>)> =
        ["merchant", "partner", "institution", "global", "elsewhere"].map(|name| (name, Vec::new())).into();
    for page in docs {
        let audience = match page.split('/').collect::<Vec<_>>()[..] {
            ["v2" | "v3", audience, ..] => audience,
            ["global", ..] => "global",
            _ => "elsewhere",
        };
        let group = groups.iter().position(|(name, _)| *name == audience).unwrap_or(groups.len() - 1);
        groups[group].1.push(link(page));
    }
    let items = groups.into_iter().filter(|(_, links)| !links.is_empty());
    let items: String =
        items.map(|(name, links)| wrapped(&format!("\n- {name}: {}", links.join(", ")), "  ")).collect();
    if items.is_empty() { items } else { format!("\n\nOfficial documents (官方文档):\n{items}") }
}

fn link(page: &str) -> String {
    match page.rsplit_once('/') {
        Some((_, number)) if !page.starts_with("http") => {
            format!("[{number}]({})", document_address(page))
        }
        _ => format!("<{}>", document_address(page)),
    }
}

/// As wide as a line of documentation becomes, where the text has spaces to break it at.
const WIDEST: usize = 104;

/// The text in lines, all but the first one indented.
fn wrapped(text: &str, indent: &str) -> String {
    let mut wrapped = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let letters = word.chars().count();
        if !wrapped.is_empty() && width + 1 + letters > WIDEST {
            wrapped.push('\n');
            wrapped.push_str(indent);
            width = indent.len();
        } else if !wrapped.is_empty() {
            wrapped.push(' ');
            width += 1;
        }
        wrapped.push_str(word);
        width += letters;
    }
    wrapped
}

/// A whole sentence about an object's type.
pub(crate) fn object(field: &Field) -> String {
    labelled(field).unwrap_or_else(|| format!("The object `{}`.", field.name))
}

/// A whole sentence about the type of listed values.
pub(crate) fn enumeration(field: &Field) -> String {
    labelled(field).unwrap_or_else(|| format!("The values of `{}`.", field.name))
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
pub(crate) fn field(field: &Field, in_request: bool) -> String {
    if field.name == "Wechatpay-Serial" {
        return "微信支付公钥ID或平台证书序列号. The client sends that of its first platform key unless this is set.".to_owned();
    }
    let filled_in = in_request && is_sent_by_the_client(field);
    let mut rules = rules(field);
    if field.required && !filled_in {
        rules.insert(0, "required".to_owned());
    }
    let sentences: Vec<String> = [
        labelled(field),
        numbered(field.name),
        filled_in.then(|| "The client fills it in.".to_owned()),
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
    rules.extend(range(&field.limits, if matches!(field.kind, Kind::String) { "character" } else { "" }));
    rules.extend(range(&field.items, "member"));
    match field.format {
        Some(Format::Fen) => rules.push("in fen (分)".to_owned()),
        Some(Format::Rfc3339 | Format::JsonObjectLike | Format::JsonArrayLike) | None => {}
        // The format is that of the ciphertext, and the caller gives and gets plain text.
        Some(_) if field.carrier == Some(Carrier::Encrypted) => {}
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

/// Text that rustdoc shows as it is.
pub(crate) fn plain(text: &str) -> String {
    text.replace('[', "\\[").replace('<', "\\<").replace('`', "'")
}
