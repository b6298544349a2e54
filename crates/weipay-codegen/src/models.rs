//! The structs and enumerations of one operation or notification as Rust. Which there are, and their names, says
//! `weipay_catalog::rust::types`.

use std::collections::{BTreeMap, BTreeSet};

use weipay_catalog::rust::code::{Call, Code};
use weipay_catalog::rust::types::{Enumeration, Member, REQUEST, RESPONSE, Struct, Type, Types, numbered};
use weipay_catalog::{Carrier, Field, Format, Kind, Rules, names};

use crate::documentation;
use crate::homes::Homes;

/// `max_width` of `rustfmt.toml`. rustfmt leaves the inside of macros alone, so their lines are broken here.
const WIDTH: usize = 110;

/// What follows the documentation of a file that is this module.
pub(crate) fn text(types: &Types, module: &str, homes: &mut Homes) -> String {
    let mut taken: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut is_new = |name, content| match homes.elsewhere(content, module) {
        Some(home) => {
            taken.entry(home.to_owned()).or_default().insert(name);
            false
        }
        None => true,
    };
    let structs: Vec<&Struct> =
        types.structs.iter().filter(|known| is_new(&known.name, content(types, known))).collect();
    let enumerations: Vec<&Enumeration> =
        types.enumerations.iter().filter(|known| is_new(&known.name, enumeration(known))).collect();

    let mut parts = vec![imports(&structs, &enumerations)];
    let uses = taken.iter().map(|(home, names)| format!("pub use {home}::{};\n", braced(names)));
    parts.push(uses.collect());
    for (opening, in_request) in [("request", true), ("response", false)] {
        let structs = structs.iter().filter(|known| known.in_request == in_request);
        parts.push(block(opening, structs.map(|known| structure(known))));
    }
    parts.push(block("open_enum", enumerations.iter().map(|known| enumeration(known))));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// Everything that a struct says, with all that is inside it: equal contents are one type.
fn content(types: &Types, known: &Struct) -> String {
    let mut text = format!("{} {}", known.in_request, structure(known));
    for member in &known.members {
        let name = member.item.inmost();
        text.extend(
            types.structs.iter().filter(|inner| inner.name == name).map(|inner| content(types, inner)),
        );
        text.extend(types.enumerations.iter().filter(|inner| inner.name == name).map(enumeration));
    }
    text
}

/// What the types of a file need from elsewhere.
fn imports(structs: &[&Struct], enumerations: &[&Enumeration]) -> String {
    let members = || structs.iter().flat_map(|known| &known.members);
    let uses = |name: &str| members().any(|member| member.item.inmost() == name);
    let json: BTreeSet<&str> = [("Json", "Value as Json"), ("Number", "Number")]
        .into_iter()
        .filter(|(name, _)| uses(name))
        .map(|(_, item)| item)
        .collect();
    let mut items: BTreeSet<&str> = members().map(|member| member.place).collect();
    items.extend(["File", "Sensitive", "Time"].into_iter().filter(|name| uses(name)));
    let wraps_text = |member: &Member| matches!(member.item, Type::JsonText { .. });
    items.extend(members().any(wraps_text).then_some("JsonText"));
    items.extend(members().any(|member| numbered(member.field) > 0).then_some("Numbered"));
    items.extend(structs.iter().map(|known| if known.in_request { "request" } else { "response" }));
    items.extend((!enumerations.is_empty()).then_some("open_enum"));

    let mut text = String::new();
    if !json.is_empty() {
        text.push_str(&format!("use serde_json::{};\n\n", braced(&json)));
    }
    if !items.is_empty() {
        text.push_str(&format!("use crate::model::{};\n", braced(&items)));
    }
    text
}

/// The end of a `use`: one name, or several in braces.
pub(crate) fn braced<'a>(items: impl IntoIterator<Item = &'a &'a str>) -> String {
    match items.into_iter().copied().collect::<Vec<_>>()[..] {
        [only] => only.to_owned(),
        ref several => format!("{{{}}}", several.join(", ")),
    }
}

fn block(opening: &str, types: impl Iterator<Item = String>) -> String {
    let types: Vec<String> = types.collect();
    if types.is_empty() { String::new() } else { format!("{opening}! {{\n{}}}\n", types.join("\n")) }
}

fn structure(known: &Struct) -> String {
    let doc = known.field.map_or_else(|| root(&known.name).to_owned(), documentation::field::object);
    let members = known.members.iter().map(|member| member_row(member, known.in_request));
    item(&doc, "struct", &known.name, members)
}

/// What is said of a struct that no field describes.
fn root(name: &str) -> &'static str {
    match name {
        REQUEST => "What is sent.",
        RESPONSE => "What is answered.",
        "Envelope" => "What is posted, before its resource is opened.",
        "Resource" => "What the sealed part opens to.",
        _ => "What is posted.",
    }
}

fn member_row(member: &Member, in_request: bool) -> String {
    let Member { name, place, field, .. } = member;
    let doc = documentation::lines(&documentation::field::member(field, in_request), "        ///");
    let rule = rule(field, place, in_request);
    format!("{doc}{}", rule.lines(2, WIDTH, &format!("{name}: {} = ", member.kind()), ",\n"))
}

fn enumeration(known: &Enumeration) -> String {
    let values = names::variants(&known.field.values)
        .into_iter()
        .map(|(name, value)| Code::text(format!("{value:?}")).lines(2, WIDTH, &format!("{name} = "), ",\n"));
    item(&documentation::field::enumeration(known.field), "enum", &known.name, values)
}

fn item(doc: &str, kind: &str, name: &str, lines: impl Iterator<Item = String>) -> String {
    let doc = documentation::lines(doc, "    ///");
    let lines: String = lines.collect();
    format!("{doc}    pub {kind} {name} {{\n{lines}    }}\n")
}

/// The row of a field as a chain of calls: where it travels, and its rules. A request need not have what the client fills
/// in.
pub(crate) fn rule(field: &Field, place: &str, in_request: bool) -> Code {
    let mut rule = Vec::new();
    // Taken apart whole: a rule that is added there must not be missing here.
    let Rules { required, limits, in_bytes, items, pattern, format } = field.rules();
    if required && !(in_request && field.is_sent_by_the_client()) {
        rule.push("required()".to_owned());
    }
    // How large a file may be is the platform's to judge: one operation takes more of one kind than of another.
    if !limits.is_open() && field.kind != Kind::Object {
        let (name, none, all) = match field.kind {
            Kind::Integer | Kind::Number => ("range", "i64::MIN", "i64::MAX"),
            _ if in_bytes => ("bytes", "0", "usize::MAX"),
            _ => ("length", "0", "usize::MAX"),
        };
        rule.push(format!("{name}({}, {})", end(limits.min, none), end(limits.max, all)));
    }
    if !items.is_open() {
        rule.push(format!("items({}, {})", end(items.min, "0"), end(items.max, "usize::MAX")));
    }
    if let Some(purpose) = field.purpose.filter(|_| in_request) {
        rule.push(format!("{}()", purpose.word().replace('-', "_")));
    }
    if field.is_encrypted() {
        rule.push("encrypted()".to_owned());
    }
    rule.extend(pattern.map(|pattern| format!("pattern(r#\"{pattern}\"#)")));
    rule.extend(format.and_then(|format| format_rule(field, format, place)).map(|name| format!("{name}()")));
    Code::Chain(format!("{place}({:?})", field.name), rule.into_iter().map(Call::new).collect())
}

/// The call that says the format, where the type of the field does not say it.
fn format_rule(field: &Field, format: Format, place: &str) -> Option<&'static str> {
    let is_json_text = field.carrier == Some(Carrier::JsonText) && !field.fields.is_empty();
    if field.kind == Kind::Object || is_json_text {
        return None;
    }
    Some(match format {
        // Each is an integer of 64 bits without more ado, and money is never text.
        Format::Fen | Format::Minor | Format::Int64 if field.kind == Kind::Integer => return None,
        Format::Fen | Format::Minor | Format::MediaId => return None,
        Format::Int32 => "int32",
        Format::Int64 => "int64",
        Format::Uint32 => "uint32",
        Format::Uint64 | Format::Uint => "uint64",
        _ if field.kind != Kind::String => return None,
        // `Time` says it everywhere but in a path.
        Format::Rfc3339 if place != "path" => return None,
        Format::Rfc3339 => "rfc3339",
        Format::Base64 => "base64",
        Format::Integer => "integer_text",
        Format::Numeric | Format::Float => "numeric",
        Format::JsonObjectLike => "json_object_like",
        Format::JsonArrayLike => "json_array_like",
        Format::MediaUrl | Format::Url => "url",
        Format::NotifyUrl => "notify_url",
        Format::Date => "date",
        Format::DataUrl => "data_url",
        Format::MonthYear => "month_year",
        Format::Compact => "compact_time",
    })
}

fn end(limit: Option<i64>, open: &str) -> String {
    limit.map_or(open.to_owned(), |limit| limit.to_string())
}
