//! The sample of a request as Rust: typed, with its required fields set one after the other, or as JSON.

use serde_json::{Number, Value};

use super::code::{Call, Code};
use super::module_types::{Member, REQUEST, Type, Types, numbered};
use crate::field::{Carrier, Field, Kind, Purpose};
use crate::names;
use crate::operation::Operation;
use crate::sample::request as sample;
use crate::sample::sensitive;

/// The typed request, or nothing where the verb takes none.
#[must_use]
pub fn typed(operation: &Operation) -> Option<Code> {
    let types = Types::new(operation);
    let fields: Vec<&Field> = types.find(REQUEST)?.members.iter().map(|member| member.field).collect();
    let required = sample::required(fields.iter().copied());
    let is_shown = |member: &Member| match (member.field.purpose, member.place) {
        (_, "file") => true,
        // The file says so by itself, and the client fills in its own number.
        (Some(purpose), _) if purpose.is_of_a_file() || purpose == Purpose::MerchantNumber => false,
        _ => required.iter().any(|field| std::ptr::eq(*field, member.field)),
    };
    let request = types.find(REQUEST)?;
    let mut shown: Vec<&Member> = request.members.iter().filter(|member| is_shown(member)).collect();
    if required.is_empty() && shown.is_empty() {
        // Of a body that requires nothing the first field, so that it is not empty.
        shown.extend(request.members.iter().find(|member| member.place == "body"));
    }
    let typed = Typed { types: &types, module: names::verb(operation) };
    Some(typed.object(REQUEST, shown.into_iter().map(|member| (member, member.field))))
}

struct Typed<'a> {
    types: &'a Types<'a>,
    module: String,
}

impl Typed<'_> {
    fn object<'f>(&self, name: &str, members: impl Iterator<Item = (&'f Member<'f>, &'f Field)>) -> Code {
        let setters = members.map(|(member, field)| Call::with(&member.name, self.value(member, field)));
        Code::Chain(format!("{}::{name}::new()", self.module), setters.collect())
    }

    fn value(&self, member: &Member, field: &Field) -> Code {
        if member.place == "file" {
            return Code::text("file");
        }
        let mut value = self.one(&member.item, field, member.dimensions() > 0);
        if field.list {
            value = Code::List("vec!", vec![value; sample::members(field)]);
        }
        // `coupon_fee_$n` of APIv2 stands for as many elements as there are.
        for _ in 0..numbered(field) {
            value = Code::List("vec!", vec![value]);
        }
        value
    }

    /// One value. A setter converts what it is given; the members of a vector must have its type.
    fn one(&self, kind: &Type, field: &Field, in_vector: bool) -> Code {
        match (kind, &field.fields[..]) {
            (Type::JsonText { inside, is_array: true }, [item]) => {
                Code::List("vec!", vec![self.one(inside, item, true)])
            }
            (Type::JsonText { inside, .. }, _) => self.one(inside, field, in_vector),
            (Type::Struct(name), fields) => {
                let known = self.types.find(name).map_or(&[][..], |known| &known.members);
                let wanted = sample::wanted(fields).into_iter();
                let members = wanted.filter_map(|field| {
                    Some((known.iter().find(|member| member.field.name == field.name)?, field))
                });
                self.object(name, members)
            }
            (Type::Enumeration(name), _) if in_vector => {
                Code::text(format!("{}::{name}::from({:?})", self.module, sample::plain(field)))
            }
            (Type::Enumeration(_) | Type::Known(_), _) => Code::text(literal(field, in_vector)),
        }
    }
}

fn literal(field: &Field, in_vector: bool) -> String {
    match sample::one(field) {
        Value::String(text) if in_vector => format!("{text:?}.to_owned()"),
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) if field.kind == Kind::Number => number_code(&number, in_vector),
        Value::Number(number) if in_vector => format!("{number}_i64"),
        Value::Number(number) => digits(&number),
        Value::Object(_) => "serde_json::json!({})".to_owned(),
        other => other.to_string(),
    }
}

/// A number as Rust reads it: one that is too large for `i32` says its type.
fn digits(number: &Number) -> String {
    match number.as_i64() {
        Some(whole) if i32::try_from(whole).is_err() => format!("{whole}_i64"),
        _ => number.to_string(),
    }
}

/// A `serde_json::Number`, which only whole numbers become without a detour.
fn number_code(number: &Number, in_vector: bool) -> String {
    match number.as_i64() {
        Some(_) if in_vector => format!("serde_json::Number::from({})", digits(number)),
        Some(_) => digits(number),
        None => format!("serde_json::Number::from({})", number.as_f64().unwrap_or_default().trunc()),
    }
}

/// The body as what `json!` takes, or nothing where the operation has none.
#[must_use]
pub fn json(operation: &Operation) -> Option<Code> {
    let request = &operation.request;
    let body = match (&request.json[..], &request.xml[..]) {
        ([], []) => return None,
        // APIv2 encrypts with another key.
        ([], xml) => json_literal(&sample::object(&sample::wanted(xml))),
        (json, _) => json_object(json),
    };
    Some(body)
}

fn json_object(fields: &[Field]) -> Code {
    let members = sample::wanted(fields).into_iter();
    Code::Object(members.map(|field| (field.name.to_owned(), json_value(field))).collect())
}

/// A sample of a field, as `json!` takes it.
fn json_value(field: &Field) -> Code {
    let one = match field.kind {
        Kind::Object => json_object(&field.fields),
        _ => plain_text(field).map_or_else(|| json_literal(&sample::one(field)), Code::Text),
    };
    if field.list { Code::List("", vec![one; sample::members(field)]) } else { one }
}

/// JSON as `json!` takes it, which reads numbers as Rust does.
fn json_literal(value: &Value) -> Code {
    match value {
        Value::String(text) => Code::text(format!("{text:?}")),
        Value::Number(number) => Code::text(digits(number)),
        Value::Array(members) => Code::List("", members.iter().map(json_literal).collect()),
        Value::Object(members) => {
            Code::Object(members.iter().map(|(name, value)| (name.clone(), json_literal(value))).collect())
        }
        other => Code::text(other.to_string()),
    }
}

/// The plain text of a sensitive field (敏感信息加密), which the client encrypts in every style.
#[must_use]
pub fn plain_text(field: &Field) -> Option<String> {
    field.is_encrypted().then(|| format!("{:?}", sensitive::plain_text(field)))
}

/// The part of an upload (上传) that is the file.
#[must_use]
pub fn file(operation: &Operation) -> Option<&Field> {
    operation.request.multipart.iter().find(|part| part.kind == Kind::Object)
}

/// What is said about the file of an upload, as `json!` takes it: the part `meta` of APIv3, the plain parts of APIv2.
#[must_use]
pub fn meta(operation: &Operation) -> Code {
    let parts = &operation.request.multipart;
    let fields = match parts.iter().find(|part| part.carrier == Some(Carrier::JsonText)) {
        Some(meta) => sample::wanted(&meta.fields),
        None => sample::required(parts.iter().filter(|part| part.kind != Kind::Object)),
    };
    let members = fields.into_iter().map(|field| {
        let value = match field.purpose {
            Some(Purpose::FileName) => Code::text(format!("{FILE:?}")),
            Some(Purpose::FileSha256) => Code::text("file.sha256()"),
            Some(Purpose::FileSm3) => Code::text("file.sm3()"),
            _ => json_value(field),
        };
        (field.name.to_owned(), value)
    });
    Code::Object(members.collect())
}

/// The file that a sample sends.
pub const FILE: &str = "image.jpg";
