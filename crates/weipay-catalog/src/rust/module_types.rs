//! The structs and enumerations of an operation or a notification, in the order in which they get their names: a request
//! before its response, and a field before its members. Equal shapes share a type, and different ones have different names.
//!
//! What the catalogue shares by name (`object <pay_scene_info>`, `string <trade_state>`) stands in one place
//! for each product. It is a part of the types of each operation that holds it, marked as shared.

use std::collections::BTreeSet;
use std::fmt;

use super::type_names::{Named, TypeNames, shared_name};
use crate::field::{Carrier, Field, Format, Kind};
use crate::names;
use crate::operation::{ApiVersion, Operation, Place};

/// The name of what is sent.
pub const REQUEST: &str = "Request";
/// The name of what comes back.
pub const RESPONSE: &str = "Response";

/// The types of one module.
#[derive(Debug, Default)]
pub struct Types<'a> {
    /// The structs, each after the one that holds it.
    pub structs: Vec<Struct<'a>>,
    /// The enumerations.
    pub enumerations: Vec<Enumeration<'a>>,
    names: TypeNames,
    /// Whether a request is being added. It comes first: what a response shares with it keeps the request's setters.
    in_request: bool,
}

/// A struct.
#[derive(Debug)]
pub struct Struct<'a> {
    /// Its name.
    pub name: String,
    /// The field whose members it has; nothing for a root such as a request.
    pub field: Option<&'a Field>,
    /// The official names of all fields that have this type.
    pub labels: BTreeSet<&'a str>,
    /// Its members, in order.
    pub members: Vec<Member<'a>>,
    /// Whether a request holds it, so that it needs setters.
    pub in_request: bool,
    /// Whether it is a shared object, or stands inside one.
    pub is_shared: bool,
}

/// A member of a struct.
#[derive(Debug)]
pub struct Member<'a> {
    /// The name of the member and of its setter.
    pub name: String,
    /// Where it travels: `query`, `header`, `body`, `xml`, `file`, `meta` or `part`.
    pub place: &'static str,
    /// What the catalogue says of it.
    pub field: &'a Field,
    /// The type of one value.
    pub item: Type,
}

/// An enumeration.
#[derive(Debug)]
pub struct Enumeration<'a> {
    /// Its name.
    pub name: String,
    /// The field whose values it lists.
    pub field: &'a Field,
    /// The official names of all fields that have this type.
    pub labels: BTreeSet<&'a str>,
    /// Whether its values are shared by name, or it stands inside a shared object.
    pub is_shared: bool,
}

/// The type of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A type of the SDK, of serde_json or of Rust, by its name in a generated file.
    Known(&'static str),
    /// A struct of the module.
    Struct(String),
    /// An enumeration of the module.
    Enumeration(String),
    /// A JSON text that holds an object, or an array of what is inside.
    JsonText {
        /// What is inside.
        inside: Box<Self>,
        /// Whether the text is an array of it.
        is_array: bool,
    },
}

impl Type {
    /// The innermost type name: of `JsonText<Vec<Amount>>` it is `Amount`.
    #[must_use]
    pub fn inmost(&self) -> &str {
        match self {
            Self::Known(name) => name,
            Self::Struct(name) | Self::Enumeration(name) => name,
            Self::JsonText { inside, .. } => inside.inmost(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::JsonText { inside, is_array: false } => write!(f, "JsonText<{inside}>"),
            Self::JsonText { inside, is_array: true } => write!(f, "JsonText<Vec<{inside}>>"),
            Self::Known(_) | Self::Struct(_) | Self::Enumeration(_) => f.write_str(self.inmost()),
        }
    }
}

impl Member<'_> {
    /// How many collections are around one value: a list is one, and `coupon_fee_$n_$m` of APIv2 stands for as many elements
    /// as there are.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        usize::from(self.field.list) + numbered(self.field)
    }

    /// The whole type, such as `Vec<Amount>`.
    #[must_use]
    pub fn kind(&self) -> String {
        let (lists, numbers) = (usize::from(self.field.list), numbered(self.field));
        let opened = "Numbered<".repeat(numbers) + &"Vec<".repeat(lists);
        format!("{opened}{}{}", self.item, ">".repeat(lists + numbers))
    }
}

/// How many numbers the name of an element of APIv2 has.
#[must_use]
pub fn numbered(field: &Field) -> usize {
    field.name.matches('$').count()
}

/// A request, or what comes back: its name, and its fields with the places that they travel in.
pub type Root<'a> = (&'static str, Vec<(&'static str, &'a Field)>);

impl<'a> Types<'a> {
    /// The types of an operation: its request and its response, where it has them, and what is inside.
    #[must_use]
    pub fn new(operation: &'a Operation) -> Self {
        let roots = [(REQUEST, request_fields(operation)), (RESPONSE, response_fields(operation))];
        Self::with_roots(roots.into_iter().filter(|(_, fields)| !fields.is_empty()).collect())
    }

    /// The types of these, a request before what comes back, and what is inside.
    #[must_use]
    pub fn with_roots(roots: Vec<Root<'a>>) -> Self {
        let mut types = Self::default();
        let fields = roots.iter().flat_map(|(_, fields)| fields);
        fields.for_each(|(_, field)| types.names.reserve(field, None));
        roots.into_iter().for_each(|(name, fields)| types.root(name, &fields));
        types
    }

    /// The types that are shared by these fields, and what is inside. With each field comes whether a request holds it.
    #[must_use]
    pub fn shared(fields: impl IntoIterator<Item = (&'a Field, bool)>) -> Self {
        let mut types = Self::default();
        // What stands in one of a request is of a request too, whatever else holds it.
        let (of_requests, others): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(_, is_sent)| *is_sent);
        for (field, in_request) in of_requests.into_iter().chain(others) {
            types.in_request = in_request;
            types.item(field, "");
        }
        types
    }

    fn root(&mut self, name: &str, fields: &[(&'static str, &'a Field)]) {
        self.in_request = name == REQUEST;
        let mut members: Vec<Member> = Vec::new();
        let at = self.start(name, None, false);
        for (place, field) in fields {
            let mut member = self.member(field, place, name);
            // The same name in two places, such as query and body: the later one says where it travels.
            if members.iter().any(|other| other.name == member.name) {
                member.name = format!("{}_{place}", member.name.trim_end_matches('_'));
            }
            members.push(member);
        }
        self.structs[at].members = members;
    }

    /// The struct of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Struct<'a>> {
        self.structs.iter().find(|known| known.name == name)
    }

    fn start(&mut self, name: &str, field: Option<&'a Field>, is_shared: bool) -> usize {
        let in_request = self.in_request;
        self.structs.push(Struct {
            name: name.to_owned(),
            field,
            labels: field.and_then(label).into_iter().collect(),
            members: Vec::new(),
            in_request,
            is_shared,
        });
        self.structs.len() - 1
    }

    fn member(&mut self, field: &'a Field, place: &'static str, owner: &str) -> Member<'a> {
        let item = if place == "file" { Type::Known("UploadFile") } else { self.item(field, owner) };
        Member { name: names::member(field.name), place, field, item }
    }

    fn item(&mut self, field: &'a Field, owner: &str) -> Type {
        match field.kind {
            Kind::String if holds_json_text(field) => self.json_text(field, owner),
            _ if is_enumeration(field) => self.enumeration(field, owner),
            Kind::String if field.carrier.is_none() && field.format == Some(Format::Rfc3339) => {
                Type::Known("Time")
            }
            Kind::String if field.is_encrypted() => Type::Known("Sensitive"),
            // What else travels inside a string is given and taken as that string.
            Kind::String => Type::Known("String"),
            Kind::Integer => Type::Known("i64"),
            Kind::Number => Type::Known("Number"),
            Kind::Boolean => Type::Known("bool"),
            Kind::Object if field.fields.is_empty() => Type::Known("Json"),
            Kind::Object => self.object(field, owner),
        }
    }

    /// The members of the text are the field's; where the page shows an array, its only member stands for each of it.
    fn json_text(&mut self, field: &'a Field, owner: &str) -> Type {
        let (inside, is_array) = match &field.fields[..] {
            [item] if field.format == Some(Format::JsonArrayLike) => (self.item(item, owner), true),
            _ => (self.object(field, owner), false),
        };
        Type::JsonText { inside: Box::new(inside), is_array }
    }

    fn object(&mut self, field: &'a Field, owner: &str) -> Type {
        let shared = shared_name(field, self.shared_owner(owner));
        let is_shared = shared.is_some();
        let named = match shared {
            Some(name) if self.find(&name).is_some() => Named::Known(name),
            Some(name) => Named::New(name),
            None => self.names.object(field, owner),
        };
        let name = match named {
            Named::Known(name) => {
                let known = self.structs.iter_mut().find(|known| known.name == name);
                known.into_iter().for_each(|known| known.labels.extend(label(field)));
                return Type::Struct(name);
            }
            Named::New(name) => name,
        };
        let at = self.start(&name, Some(field), is_shared);
        self.structs[at].members =
            field.fields.iter().map(|member| self.member(member, "body", &name)).collect();
        Type::Struct(name)
    }

    fn enumeration(&mut self, field: &'a Field, owner: &str) -> Type {
        let shared = shared_name(field, self.shared_owner(owner));
        let is_shared = shared.is_some();
        let named = match shared {
            Some(name) if self.enumerations.iter().any(|known| known.name == name) => Named::Known(name),
            Some(name) => Named::New(name),
            None => self.names.enumeration(field, owner),
        };
        let name = match named {
            Named::Known(name) => name,
            Named::New(name) => {
                let labels = BTreeSet::new();
                self.enumerations.push(Enumeration { name: name.clone(), field, labels, is_shared });
                name
            }
        };
        let known = self.enumerations.iter_mut().find(|known| known.name == name);
        known.into_iter().for_each(|known| known.labels.extend(label(field)));
        Type::Enumeration(name)
    }

    fn shared_owner<'o>(&self, owner: &'o str) -> Option<&'o str> {
        self.find(owner).filter(|known| known.is_shared).map(|_| owner)
    }
}

/// The official name of a field, where it has one.
fn label(field: &Field) -> Option<&'static str> {
    Some(field.label).filter(|label| !label.is_empty())
}

/// The fields of a typed request with the places that they travel in, in order. The path is not among them: the chain
/// takes its values. A body of several parts is a file, what `meta` says about it, and, for APIv2, plain parts.
#[must_use]
pub fn request_fields(operation: &Operation) -> Vec<(&'static str, &Field)> {
    let request = &operation.request;
    let mut fields = Vec::new();
    for place in Place::ALL {
        let name = match place {
            Place::Query | Place::Xml => place.word(),
            Place::Headers => "header",
            Place::Json => "body",
            Place::Path | Place::Multipart | Place::Other => continue,
        };
        fields.extend(request.fields(place).iter().map(|field| (name, field)));
    }
    for part in &request.multipart {
        match (part.kind, part.carrier) {
            (Kind::Object, _) => fields.push(("file", part)),
            (_, Some(Carrier::JsonText)) => fields.extend(part.fields.iter().map(|field| ("meta", field))),
            _ => fields.push(("part", part)),
        }
    }
    fields
}

/// The fields of a response with the place that they travel in.
#[must_use]
pub fn response_fields(operation: &Operation) -> Vec<(&'static str, &Field)> {
    let place = if operation.version() == ApiVersion::V2 { "xml" } else { "body" };
    operation.response.iter().map(|field| (place, field)).collect()
}

/// Whether a field has members that its type has: an object, or JSON text.
#[must_use]
pub fn has_members(field: &Field) -> bool {
    !field.fields.is_empty() && (field.kind == Kind::Object || holds_json_text(field))
}

/// Whether a field is JSON text whose content is described.
fn holds_json_text(field: &Field) -> bool {
    field.carrier == Some(Carrier::JsonText) && !field.fields.is_empty()
}

/// Whether a field's type is an enumeration: what is encrypted or wrapped is not, whatever it holds.
#[must_use]
pub fn is_enumeration(field: &Field) -> bool {
    field.kind == Kind::String && field.carrier.is_none() && !field.values.is_empty()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Catalog;

    #[test]
    fn a_shared_name_means_one_type_in_each_product() {
        let mut known: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        let mut meet = |module: &str, name: &str, shape: Vec<String>| {
            let first = known.entry((module.to_owned(), name.to_owned())).or_insert_with(|| shape.clone());
            assert_eq!(*first, shape, "two types of {module} would have the name {name}");
        };
        let mut meet_all = |module: &str, types: &Types| {
            for found in types.structs.iter().filter(|found| found.is_shared) {
                let shape = found.members.iter().map(|member| format!("{}: {}", member.name, member.kind()));
                meet(module, &found.name, shape.collect());
            }
            for member in types.structs.iter().flat_map(|found| &found.members) {
                let Type::Enumeration(name) = &member.item else { continue };
                let listed = types.enumerations.iter().find(|known| known.name == *name).unwrap();
                assert_eq!(listed.field.values, member.field.values, "{module}: {name}");
                if listed.is_shared {
                    meet(
                        module,
                        name,
                        listed.field.values.iter().map(|value| format!("= {value}")).collect(),
                    );
                }
            }
        };
        let catalog = Catalog::embedded();
        for operation in catalog.operations() {
            let product = operation.path.split('/').take(2).collect::<Vec<_>>().join("/");
            meet_all(&product, &Types::new(operation));
        }
        for notification in catalog.notifications() {
            let fields = notification.body.iter().chain(&notification.resource);
            let root = ("Resource", fields.map(|field| ("body", field)).collect());
            meet_all(notification.version.word(), &Types::with_roots(vec![root]));
        }
    }
}
