//! The structs and enumerations of one operation or notification as Rust. Which there are, and their names, says
//! `weipay_catalog::rust::module_types`.

use std::collections::BTreeSet;

use weipay_catalog::rust::code::{Call, Code};
use weipay_catalog::rust::module_types::{Enumeration, Member, Struct, Type, Types, numbered};
use weipay_catalog::{Carrier, Field, Format, Kind, Purpose, Rules, names};

use crate::documentation::{self, aliases, lines, titles};
use crate::output::indented;

/// `max_width` of `rustfmt.toml`. rustfmt leaves the inside of macros alone, so their lines are broken here.
const WIDTH: usize = 110;

/// Types as they stand in a module.
pub(crate) struct Module<'a> {
    pub types: &'a Types<'a>,
    /// The module that has the shared types; nothing for that module itself.
    pub shared: Option<&'a str>,
    /// How deep the module stands in its file.
    pub level: usize,
    /// What is said of a struct that no field describes; the field says it of everything else.
    pub root_doc: &'a dyn Fn(&str) -> Option<String>,
    /// The official names that a search finds requests and responses by.
    pub titles: &'a [&'a str],
}

impl<'a> Module<'a> {
    /// The content of the module.
    pub(crate) fn text(&self) -> String {
        let is_here = |is_shared: bool| is_shared == self.shared.is_none();
        let structs: Vec<&Struct> =
            self.types.structs.iter().filter(|known| is_here(known.is_shared)).collect();
        let enumerations: Vec<&Enumeration> =
            self.types.enumerations.iter().filter(|known| is_here(known.is_shared)).collect();

        let mut parts = vec![self.taken(), imports(&structs, &enumerations)];
        for (opening, in_request) in [("request", true), ("response", false)] {
            let structs = structs.iter().filter(|known| known.in_request == in_request);
            parts.push(block(opening, structs.map(|known| self.structure(known))));
        }
        parts.push(block("open_enum", enumerations.iter().map(|known| self.enumeration(known))));
        parts.retain(|part| !part.is_empty());
        parts.join("\n")
    }

    /// The shared types, which are there under their names too.
    fn taken(&self) -> String {
        let Some(shared) = self.shared else { return String::new() };
        let structs = self.types.structs.iter().filter(|known| known.is_shared).map(|known| &known.name);
        let enumerations =
            self.types.enumerations.iter().filter(|known| known.is_shared).map(|known| &known.name);
        let names: BTreeSet<&str> = structs.chain(enumerations).map(String::as_str).collect();
        if names.is_empty() { String::new() } else { format!("pub use {shared}::{};\n", braced(&names)) }
    }

    fn structure(&self, known: &Struct) -> String {
        let members = known.members.iter().map(|member| self.member(member, known.in_request));
        let doc = match known.field {
            None => (self.root_doc)(&known.name).unwrap_or_default(),
            Some(field) => documentation::field::object(field, &known.labels),
        };
        item(&doc, &self.aliases(known), "struct", &known.name, members)
    }

    /// What has no title is found by that of the object around it, of the operation or, where several share it, of the product.
    fn aliases(&self, known: &Struct) -> String {
        if known.field.is_none() {
            return aliases(self.titles.iter().copied());
        }
        let own = titles(&known.labels);
        let has = |one: &&Struct| one.members.iter().any(|member| member.item.inmost() == known.name);
        match self.types.structs.iter().find(has) {
            _ if !own.is_empty() => own,
            Some(around) => self.aliases(around),
            None => aliases(self.titles.iter().copied()),
        }
    }

    fn member(&self, member: &Member, in_request: bool) -> String {
        let Member { name, place, field, .. } = member;
        let doc = lines(&documentation::field::member(field, in_request), "        ///");
        let rule = rule(field, place, in_request);
        format!("{doc}{}", rule.lines(2, self.width(), &format!("{name}: {} = ", member.kind()), ",\n"))
    }

    fn enumeration(&self, known: &Enumeration) -> String {
        let values = names::variants(&known.field.values).into_iter().map(|(name, value)| {
            Code::text(format!("{value:?}")).lines(2, self.width(), &format!("{name} = "), ",\n")
        });
        let doc = documentation::field::enumeration(known.field, &known.labels);
        item(&doc, &titles(&known.labels), "enum", &known.name, values)
    }

    fn width(&self) -> usize {
        WIDTH - 4 * self.level
    }
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
    items.extend(["Sensitive", "Time", "UploadFile"].into_iter().filter(|name| uses(name)));
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

fn item(doc: &str, aliases: &str, kind: &str, name: &str, members: impl Iterator<Item = String>) -> String {
    let (doc, aliases) = (lines(doc, "    ///"), indented(aliases, 1));
    let members: String = members.collect();
    format!("{doc}{aliases}    pub {kind} {name} {{\n{members}    }}\n")
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
    // The sub-merchant is filled in by the row of the operation. Of a response, what names a file is looked for in models too.
    let is_looked_for = |purpose: &Purpose| match in_request {
        // A shared object may stand in a response, too.
        true => !purpose.is_of_the_sub_merchant() && *purpose != Purpose::OtherMerchant,
        false => purpose.is_of_a_download(),
    };
    if let Some(purpose) = field.purpose.filter(is_looked_for) {
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
        Format::Ip => "ip",
        Format::Compact => "compact_time",
    })
}

fn end(limit: Option<i64>, open: &str) -> String {
    limit.map_or(open.to_owned(), |limit| limit.to_string())
}
