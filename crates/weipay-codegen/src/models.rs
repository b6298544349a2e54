//! The structs and enumerations of one operation: first planned here, so that equal shapes share a type and different
//! ones get different names, then written in [`text`].

mod text;

pub(crate) use text::braced;

use weipay_catalog::names::request::{Inside, inside_json_text, is_enumeration};
use weipay_catalog::names::{self, Named, TypeNames};
use weipay_catalog::{Field, Format, Kind, Rules};

use crate::documentation;

/// The name of what is sent.
const REQUEST: &str = "Request";

#[derive(Default)]
pub(crate) struct Models {
    names: TypeNames,
    structs: Vec<Struct>,
    enumerations: Vec<Enumeration>,
    /// Whether a request is being planned. It comes first: what a response then shares with it keeps the request's setters.
    in_request: bool,
}

struct Struct {
    name: String,
    doc: String,
    rows: Vec<Row>,
    /// Whether a request holds it, so that it needs setters.
    in_request: bool,
}

struct Row {
    doc: String,
    name: String,
    kind: String,
    rule: Vec<String>,
}

struct Enumeration {
    name: String,
    doc: String,
    values: Vec<&'static str>,
}

impl Models {
    /// Plans a request or a response; `fields` come with the functions that make their rows.
    pub(crate) fn root(&mut self, name: &str, doc: &str, fields: &[(&str, &Field)]) {
        let at = self.structs.len();
        self.in_request = name == REQUEST;
        self.structs.push(Struct {
            name: name.to_owned(),
            doc: doc.to_owned(),
            rows: Vec::new(),
            in_request: self.in_request,
        });
        let mut rows = Vec::new();
        for (place, field) in fields {
            let mut row = self.row(field, place, name);
            // The same name in two places, such as query and body: the later one says where it travels.
            if rows.iter().any(|other: &Row| other.name == row.name) {
                row.name = format!("{}_{place}", row.name.trim_end_matches('_'));
            }
            rows.push(row);
        }
        self.structs[at].rows = rows;
    }

    fn row(&mut self, field: &Field, place: &str, owner: &str) -> Row {
        let mut kind = if place == "file" { "File".to_owned() } else { self.kind(field, owner) };
        if field.list {
            kind = format!("Vec<{kind}>");
        }
        // `coupon_fee_$n_$m` of APIv2 stands for as many elements as there are.
        for _ in 0..field.name.matches('$').count() {
            kind = format!("Vec<{kind}>");
        }
        Row {
            doc: documentation::field::member(field, self.in_request),
            name: names::member(field.name),
            kind,
            rule: rule(field, place, self.in_request),
        }
    }

    fn kind(&mut self, field: &Field, owner: &str) -> String {
        if let Some(inside) = inside_json_text(field) {
            return match inside {
                Inside::Object(field) => format!("JsonText<{}>", self.object(field, owner)),
                Inside::Array(item) => format!("JsonText<Vec<{}>>", self.kind(item, owner)),
            };
        }
        match field.kind {
            _ if is_enumeration(field) => self.enumeration(field, owner),
            Kind::String if field.carrier.is_none() && field.format == Some(Format::Rfc3339) => {
                "Time".to_owned()
            }
            Kind::String if field.is_encrypted() => "Sensitive".to_owned(),
            // What else travels inside a string is given and taken as that string.
            Kind::String => "String".to_owned(),
            Kind::Integer => "i64".to_owned(),
            Kind::Number => "Number".to_owned(),
            Kind::Boolean => "bool".to_owned(),
            Kind::Object if field.fields.is_empty() => "Json".to_owned(),
            Kind::Object => self.object(field, owner),
        }
    }

    fn object(&mut self, field: &Field, owner: &str) -> String {
        let name = match self.names.object(field, owner) {
            Named::Known(name) => return name,
            Named::New(name) => name,
        };
        let at = self.structs.len();
        let doc = documentation::field::object(field);
        self.structs.push(Struct { name: name.clone(), doc, rows: Vec::new(), in_request: self.in_request });
        let rows = field.fields.iter().map(|member| self.row(member, "body", &name)).collect();
        self.structs[at].rows = rows;
        name
    }

    fn enumeration(&mut self, field: &Field, owner: &str) -> String {
        let name = match self.names.enumeration(field, owner) {
            Named::Known(name) => return name,
            Named::New(name) => name,
        };
        let doc = documentation::field::enumeration(field);
        self.enumerations.push(Enumeration { name: name.clone(), doc, values: field.values.clone() });
        name
    }
}

/// The row of a field as a chain of calls: where it travels, and its rules. A request need not have what the client fills
/// in.
pub(crate) fn rule(field: &Field, place: &str, in_request: bool) -> Vec<String> {
    let mut rule = vec![format!("{place}({:?})", field.name)];
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
    rule
}

/// The call that says the format, where the type of the field does not say it.
fn format_rule(field: &Field, format: Format, place: &str) -> Option<&'static str> {
    if field.kind == Kind::Object || inside_json_text(field).is_some() {
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
