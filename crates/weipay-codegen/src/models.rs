//! The structs and enumerations of one operation: first planned, so that equal shapes share a type and different ones
//! get different names, then written.

use weipay_catalog::{Carrier, Field, Format, Kind};

use crate::documentation;
use crate::names;

/// The name of what is sent.
const REQUEST: &str = "Request";

#[derive(Default)]
pub(crate) struct Models {
    structs: Vec<Struct>,
    enumerations: Vec<Enumeration>,
}

struct Struct {
    name: String,
    doc: String,
    rows: Vec<Row>,
    /// Whether a request holds it, so that it needs setters.
    in_request: bool,
    /// The members that it was made of, to find it again; roots are never shared.
    shape: Option<Vec<Field>>,
}

struct Row {
    doc: String,
    name: String,
    kind: String,
    rule: String,
}

struct Enumeration {
    name: String,
    doc: String,
    values: Vec<&'static str>,
}

impl Models {
    /// Plans a request or an answer; `places` are the functions that make the rows of each list of fields.
    pub(crate) fn root(&mut self, name: &str, doc: &str, places: &[(&str, &Vec<Field>)]) {
        let at = self.structs.len();
        self.structs.push(Struct {
            name: name.to_owned(),
            doc: doc.to_owned(),
            rows: Vec::new(),
            in_request: name == REQUEST,
            shape: None,
        });
        let mut rows = Vec::new();
        for (place, fields) in places {
            for field in *fields {
                let mut row = self.row(field, place, name);
                // The same name in two places, such as query and body: the later one says where it travels.
                if rows.iter().any(|other: &Row| other.name == row.name) {
                    row.name = format!("{}_{place}", row.name.trim_end_matches('_'));
                }
                rows.push(row);
            }
        }
        self.structs[at].rows = rows;
    }

    fn row(&mut self, field: &Field, place: &str, owner: &str) -> Row {
        let kind = self.kind(field, owner);
        Row {
            doc: documentation::field(field),
            name: field_name(field.name),
            kind: if field.list { format!("Vec<{kind}>") } else { kind },
            rule: rule(field, place),
        }
    }

    fn kind(&mut self, field: &Field, owner: &str) -> String {
        match field.kind {
            // What travels inside a string is given and taken as that string.
            Kind::String if field.carrier.is_some_and(|carrier| carrier != Carrier::Encrypted) => {
                "String".to_owned()
            }
            Kind::String if !field.values.is_empty() => self.enumeration(field, owner),
            Kind::String if field.format == Some(Format::Rfc3339) => "Time".to_owned(),
            Kind::String => "String".to_owned(),
            Kind::Integer => "i64".to_owned(),
            Kind::Number => "Number".to_owned(),
            Kind::Boolean => "bool".to_owned(),
            Kind::Object if field.fields.is_empty() => "Json".to_owned(),
            Kind::Object => self.object(field, owner),
        }
    }

    fn object(&mut self, field: &Field, owner: &str) -> String {
        let shape = skeleton(&field.fields);
        let stem = names::camel(field.name);
        if let Some(known) = self
            .structs
            .iter()
            .find(|known| known.shape.as_ref() == Some(&shape) && known.name.ends_with(&stem))
        {
            return known.name.clone();
        }
        let name = self.free_name(&stem, owner);
        let at = self.structs.len();
        let doc = documentation::sentence(field.label, field.name);
        // Requests are planned first: what is met before the answer belongs to the request.
        let in_request = self.structs.iter().all(|known| known.in_request);
        self.structs.push(Struct {
            name: name.clone(),
            doc,
            rows: Vec::new(),
            in_request,
            shape: Some(shape),
        });
        let rows = field.fields.iter().map(|member| self.row(member, "body", &name)).collect();
        self.structs[at].rows = rows;
        name
    }

    fn enumeration(&mut self, field: &Field, owner: &str) -> String {
        let stem = names::camel(field.name);
        if let Some(known) =
            self.enumerations.iter().find(|known| known.values == field.values && known.name.ends_with(&stem))
        {
            return known.name.clone();
        }
        let name = self.free_name(&stem, owner);
        let doc = documentation::sentence(field.label, field.name);
        self.enumerations.push(Enumeration { name: name.clone(), doc, values: field.values.clone() });
        name
    }

    /// The plain name; where it is taken, with its owner's before it.
    fn free_name(&self, stem: &str, owner: &str) -> String {
        let taken = |name: &str| {
            RESERVED.contains(&name)
                || self.structs.iter().any(|known| known.name == name)
                || self.enumerations.iter().any(|known| known.name == name)
        };
        let mut name = stem.to_owned();
        if taken(&name) {
            name = format!("{owner}{stem}");
        }
        while taken(&name) {
            name.push('X');
        }
        name
    }

    pub(crate) fn text(&self) -> String {
        let rows = || self.structs.iter().flat_map(|known| &known.rows);
        let uses = |word: &str| rows().any(|row| row.kind == word || row.kind == format!("Vec<{word}>"));
        let places: Vec<&str> = ["body", "header", "query"]
            .into_iter()
            .filter(|place| rows().any(|row| row.rule.starts_with(&format!("{place}("))))
            .collect();
        let mut text = String::new();
        match (uses("Json"), uses("Number")) {
            (true, true) => text.push_str("use serde_json::{Number, Value as Json};\n\n"),
            (true, false) => text.push_str("use serde_json::Value as Json;\n\n"),
            (false, true) => text.push_str("use serde_json::Number;\n\n"),
            (false, false) => {}
        }
        let mut imports = Vec::new();
        imports.extend(uses("Time").then_some("Time"));
        imports.extend(&places);
        imports.extend(self.structs.iter().any(|known| known.in_request).then_some("request"));
        imports.extend(self.structs.iter().any(|known| !known.in_request).then_some("answer"));
        imports.extend((!self.enumerations.is_empty()).then_some("open_enum"));
        imports.sort_by_key(|name| (name.starts_with(char::is_lowercase), *name));
        match imports[..] {
            [only] => text.push_str(&format!("use crate::model::{only};\n\n")),
            _ => text.push_str(&format!("use crate::model::{{{}}};\n\n", imports.join(", "))),
        }
        let blocks: Vec<String> = [("request", true), ("answer", false)]
            .into_iter()
            .filter_map(|(name, in_request)| {
                let structs: Vec<String> = self
                    .structs
                    .iter()
                    .filter(|known| known.in_request == in_request)
                    .map(Struct::text)
                    .collect();
                (!structs.is_empty()).then(|| format!("{name}! {{\n{}}}\n", structs.join("\n")))
            })
            .collect();
        text.push_str(&blocks.join("\n"));
        if !self.enumerations.is_empty() {
            text.push_str("\nopen_enum! {\n");
            text.push_str(&self.enumerations.iter().map(Enumeration::text).collect::<Vec<_>>().join("\n"));
            text.push_str("}\n");
        }
        text
    }
}

/// Names that the generated files bring into scope, that their roots have, or that Rust's prelude gives a meaning.
#[rustfmt::skip]
const RESERVED: [&str; 47] = [
    "Request", "Answer", "Time", "Json", "Number", "Mode", "Self", "Some", "None", "Ok", "Err",
    "Option", "Result", "String", "Vec", "Box", "From", "Into", "Clone", "Copy", "Debug", "Default",
    "Display", "Drop", "Eq", "Fn", "FnMut", "FnOnce", "Future", "Hash", "IntoFuture", "IntoIterator",
    "Iterator", "Ord", "PartialEq", "PartialOrd", "Send", "Sized", "Sync", "ToOwned", "ToString",
    "TryFrom", "TryInto", "Unpin", "Extend", "AsRef", "AsMut",
];

impl Struct {
    fn text(&self) -> String {
        let mut text = documentation::lines(&self.doc, "    ///");
        text.push_str(&format!("    pub struct {} {{\n", self.name));
        for row in &self.rows {
            text.push_str(&documentation::lines(&row.doc, "        ///"));
            text.push_str(&format!("        {}: {} = {},\n", row.name, row.kind, row.rule));
        }
        text.push_str("    }\n");
        text
    }
}

impl Enumeration {
    fn text(&self) -> String {
        let mut text = documentation::lines(&self.doc, "    ///");
        text.push_str(&format!("    pub enum {} {{\n", self.name));
        for (name, value) in names::variants(&self.values) {
            text.push_str(&format!("        {name} = {value:?},\n"));
        }
        text.push_str("    }\n");
        text
    }
}

/// `new` would hide the constructor; keywords are dealt with by the naming rules.
fn field_name(name: &str) -> String {
    match names::snake(name).as_str() {
        "new" => "new_".to_owned(),
        name => name.to_owned(),
    }
}

/// What makes two objects the same type: everything but the words about them.
fn skeleton(fields: &[Field]) -> Vec<Field> {
    let bare = |field: &Field| Field {
        label: "",
        example: None,
        line: 0,
        fields: skeleton(&field.fields),
        ..field.clone()
    };
    fields.iter().map(bare).collect()
}

fn rule(field: &Field, place: &str) -> String {
    let mut rule = format!("{place}({:?})", field.name);
    // The client sends this header by itself, with the key that it asks answers to be signed with.
    if field.required && field.name != "Wechatpay-Serial" {
        rule.push_str(".required()");
    }
    let (min, max) = (field.limits.min, field.limits.max);
    if !field.limits.is_open() {
        let (name, none, all) = match field.kind {
            Kind::Integer | Kind::Number => ("range", "i64::MIN", "i64::MAX"),
            _ => ("length", "0", "usize::MAX"),
        };
        rule.push_str(&format!(".{name}({}, {})", end(min, none), end(max, all)));
    }
    if !field.items.is_open() {
        rule.push_str(&format!(
            ".items({}, {})",
            end(field.items.min, "0"),
            end(field.items.max, "usize::MAX")
        ));
    }
    if field.carrier == Some(Carrier::Encrypted) {
        rule.push_str(".encrypted()");
    }
    if let Some(pattern) = field.pattern {
        rule.push_str(&format!(".pattern(r#\"{pattern}\"#)"));
    }
    rule
}

fn end(limit: Option<i64>, open: &str) -> String {
    limit.map_or(open.to_owned(), |limit| limit.to_string())
}
