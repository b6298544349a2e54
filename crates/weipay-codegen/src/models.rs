//! The structs and enumerations of one operation, or of the shared objects of one product: first planned here, so that
//! equal shapes share a type and different ones get different names, then written in [`text`].

mod text;

pub(crate) use text::braced;

use weipay_catalog::field::NOTIFY_URL;
use weipay_catalog::names::request::{Inside, inside_json_text, is_enumeration};
use weipay_catalog::names::{self, Named, TypeNames};
use weipay_catalog::{Field, Format, Kind};

use crate::documentation;

/// The name of what is sent.
const REQUEST: &str = "Request";

pub(crate) struct Models {
    names: TypeNames,
    structs: Vec<Struct>,
    enumerations: Vec<Enumeration>,
    /// Whether a request is being planned. It comes first: what a response then shares with it keeps the request's setters.
    in_request: bool,
    /// Whether shared objects are planned here; elsewhere they are taken from their module.
    plans_shared: bool,
}

/// A request or a response as a whole.
pub(crate) struct Root<'a> {
    pub name: &'a str,
    pub doc: String,
    /// The official names that a search finds it by.
    pub titles: Vec<&'a str>,
}

struct Struct {
    name: String,
    doc: String,
    aliases: String,
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
    /// The types of these fields and of what is inside them.
    pub(crate) fn new<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Self {
        Self {
            names: TypeNames::from_fields(fields),
            structs: Vec::new(),
            enumerations: Vec::new(),
            in_request: false,
            plans_shared: false,
        }
    }

    /// Plans a request or a response; `fields` come with the functions that make their rows.
    pub(crate) fn root(&mut self, root: &Root<'_>, fields: &[(&str, &Field)]) {
        let at = self.structs.len();
        self.in_request = root.name == REQUEST;
        self.structs.push(Struct {
            name: root.name.to_owned(),
            doc: root.doc.clone(),
            aliases: documentation::aliases(root.titles.iter().copied()),
            rows: Vec::new(),
            in_request: self.in_request,
        });
        let mut rows = Vec::new();
        for (place, field) in fields {
            let mut row = self.row(field, place, root.name);
            // The same name in two places, such as query and body: the later one says where it travels.
            if rows.iter().any(|other: &Row| other.name == row.name) {
                row.name = format!("{}_{place}", row.name.trim_end_matches('_'));
            }
            rows.push(row);
        }
        self.structs[at].rows = rows;
    }

    /// Plans the types of a shared object, which stand beside those of the other shared objects of the product.
    pub(crate) fn shared_object(&mut self, field: &Field, doc: String, in_request: bool) {
        (self.in_request, self.plans_shared) = (in_request, true);
        let name = self.names.object(field, "").into_name();
        self.plan(name, doc, field);
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
            // What is inside a shared object has its name before it is planned.
            Named::Known(name) if !self.plans_shared || field.shared.is_some() => return name,
            Named::Known(name) | Named::New(name) => name,
        };
        self.plan(name.clone(), documentation::field::object(field), field);
        name
    }

    fn plan(&mut self, name: String, doc: String, field: &Field) {
        let at = self.structs.len();
        let (aliases, in_request) = (String::new(), self.in_request);
        self.structs.push(Struct { name: name.clone(), doc, aliases, rows: Vec::new(), in_request });
        let rows = field.fields.iter().map(|member| self.row(member, "body", &name)).collect();
        self.structs[at].rows = rows;
    }

    fn enumeration(&mut self, field: &Field, owner: &str) -> String {
        let name = match self.names.enumeration(field, owner) {
            Named::Known(name) if !self.plans_shared => return name,
            Named::Known(name) | Named::New(name) => name,
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
    if field.required && !(in_request && field.is_sent_by_the_client()) {
        rule.push("required()".to_owned());
    }
    let (min, max) = (field.limits.min, field.limits.max);
    // How large a file may be is the platform's to judge: one operation takes more of one kind than of another.
    if !field.limits.is_open() && field.kind != Kind::Object {
        let (name, none, all) = match field.kind {
            Kind::Integer | Kind::Number => ("range", "i64::MIN", "i64::MAX"),
            _ if field.in_bytes => ("bytes", "0", "usize::MAX"),
            _ => ("length", "0", "usize::MAX"),
        };
        rule.push(format!("{name}({}, {})", end(min, none), end(max, all)));
    }
    if !field.items.is_open() {
        rule.push(format!("items({}, {})", end(field.items.min, "0"), end(field.items.max, "usize::MAX")));
    }
    if let Some(purpose) = field.purpose.filter(|_| in_request) {
        rule.push(format!("{}()", purpose.word().replace('-', "_")));
    }
    if field.is_encrypted() {
        rule.push("encrypted()".to_owned());
    }
    match field.pattern {
        Some(NOTIFY_URL) => rule.push("notify_url()".to_owned()),
        Some(pattern) => rule.push(format!("pattern(r#\"{pattern}\"#)")),
        None => {}
    }
    rule
}

fn end(limit: Option<i64>, open: &str) -> String {
    limit.map_or(open.to_owned(), |limit| limit.to_string())
}
