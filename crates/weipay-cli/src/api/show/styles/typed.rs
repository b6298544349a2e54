//! The typed request: the required fields, set one after the other. Types have the names that the SDK gives them.

use serde_json::{Number, Value};
use weipay_catalog::names::request::{Inside, inside_json_text, is_enumeration, places};
use weipay_catalog::names::{self, TypeNames};
use weipay_catalog::{Field, Kind, Operation, Purpose};

use super::{sample, upload};

/// As much as stands on one line.
const WIDEST: usize = 76;

/// An expression, to be laid out when all of it is known.
pub(super) enum Expression {
    Atom(String),
    /// A constructor with its setters.
    Object(String, Vec<(String, Expression)>),
    /// So many of one.
    List(Box<Expression>, usize),
}

/// The request, or nothing where the verb takes none.
pub(super) fn request(operation: &Operation) -> Option<Expression> {
    let all = places(operation);
    if all.is_empty() {
        return None;
    }
    let mut types = Types { names: TypeNames::default(), module: operation.method.to_ascii_lowercase() };
    for (place, field) in &all {
        if *place != "file" {
            types.meet(field, "Request");
        }
    }
    let mut setters = Vec::new();
    for (name, place, field) in member_names(&all) {
        if *place == "file" {
            setters.push((name, Expression::Atom("file".to_owned())));
        } else if is_shown(field, &all) {
            setters.push((name, types.value(field, "Request")));
        }
    }
    Some(Expression::Object(format!("{}::Request", types.module), setters))
}

/// The required fields are shown, but for what the file says by itself; where a body requires none, its first.
fn is_shown(field: &Field, all: &[(&str, &Field)]) -> bool {
    if field.purpose.is_some_and(Purpose::is_of_a_file) {
        return false;
    }
    let required = sample::required(all.iter().map(|(_, field)| *field));
    let nothing_required = required.is_empty();
    let first = all.iter().find(|(place, _)| *place == "body").map(|(_, field)| *field);
    let is_required = required.iter().any(|other| std::ptr::eq(*other, field));
    is_required || (nothing_required && first.is_some_and(|first| std::ptr::eq(first, field)))
}

/// Each field with its setter's name. The same name in two places, such as query and body: the later one says where it
/// travels.
fn member_names<'a>(fields: &'a [(&str, &Field)]) -> Vec<(String, &'a &'a str, &'a Field)> {
    let mut named: Vec<(String, &&str, &Field)> = Vec::new();
    for (place, field) in fields {
        let mut name = names::member(field.name);
        if named.iter().any(|(other, ..)| *other == name) {
            name = format!("{}_{place}", name.trim_end_matches('_'));
        }
        named.push((name, place, field));
    }
    named
}

/// `use` and `let`.
pub(super) fn before(operation: &Operation, module: &str, request: &Expression) -> String {
    let file = upload::file(operation);
    format!("use {module};\n\n{file}let request = {};\n", request.text(0))
}

struct Types {
    names: TypeNames,
    module: String,
}

impl Types {
    /// Gives names to the types of a field and its members, as the generator does: in order, shown here or not.
    fn meet(&mut self, field: &Field, owner: &str) {
        if is_enumeration(field) {
            self.names.enumeration(field, owner);
        }
        if let Some(Inside::Array(item)) = inside_json_text(field) {
            self.meet(item, owner);
        } else if has_members(field) {
            let name = self.names.object(field, owner).into_name();
            for member in &field.fields {
                self.meet(member, &name);
            }
        }
    }

    fn value(&mut self, field: &Field, owner: &str) -> Expression {
        let mut value = self.one(field, owner);
        if field.list {
            value = Expression::List(Box::new(value), sample::members(field));
        }
        // `coupon_fee_$n` of APIv2 stands for as many elements as there are.
        for _ in 0..field.name.matches('$').count() {
            value = Expression::List(Box::new(value), 1);
        }
        value
    }

    fn one(&mut self, field: &Field, owner: &str) -> Expression {
        if let Some(Inside::Array(item)) = inside_json_text(field) {
            return Expression::List(Box::new(self.one(item, owner)), 1);
        }
        if has_members(field) {
            let name = self.names.object(field, owner).into_name();
            let setters = sample::wanted(&field.fields)
                .into_iter()
                .map(|member| (names::member(member.name), self.value(member, &name)))
                .collect();
            return Expression::Object(format!("{}::{name}", self.module), setters);
        }
        let in_list = field.list || field.name.contains('$');
        let text = match sample::one(field) {
            Value::String(text) if !in_list => format!("{text:?}"),
            // The members of a vector must have its type; a setter converts.
            Value::String(text) if is_enumeration(field) => {
                let name = self.names.enumeration(field, owner).into_name();
                format!("{}::{name}::from({text:?})", self.module)
            }
            Value::String(text) => format!("{text:?}.to_owned()"),
            Value::Number(number) if field.kind == Kind::Number => number_code(&number, in_list),
            Value::Number(number) if in_list => format!("{number}_i64"),
            Value::Number(number) => digits(&number),
            Value::Object(_) => "serde_json::json!({})".to_owned(),
            other => other.to_string(),
        };
        Expression::Atom(text)
    }
}

/// Whether a field is an object with a type of its own, as itself or as JSON text.
fn has_members(field: &Field) -> bool {
    (field.kind == Kind::Object || inside_json_text(field).is_some()) && !field.fields.is_empty()
}

/// A number as Rust reads it: one that is too large for `i32` says its type.
pub(super) fn digits(number: &Number) -> String {
    match number.as_i64() {
        Some(whole) if i32::try_from(whole).is_err() => format!("{whole}_i64"),
        _ => number.to_string(),
    }
}

/// A `serde_json::Number`, which only whole numbers become without a detour.
fn number_code(number: &Number, in_list: bool) -> String {
    match number.as_i64() {
        Some(_) if in_list => format!("serde_json::Number::from({})", digits(number)),
        Some(_) => digits(number),
        None => format!("serde_json::Number::from({})", number.as_f64().unwrap_or_default().trunc()),
    }
}

impl Expression {
    /// The text, which begins at this level of indentation.
    fn text(&self, level: usize) -> String {
        match self {
            Expression::Atom(text) => text.clone(),
            Expression::List(member, count) => {
                format!("vec![{}]", vec![member.text(level); *count].join(", "))
            }
            Expression::Object(name, setters) => {
                let line: String =
                    setters.iter().map(|(name, value)| format!(".{name}({})", value.text(0))).collect();
                let line = format!("{name}::new(){line}");
                if !line.contains('\n') && line.chars().count() + 4 * level <= WIDEST {
                    return line;
                }
                let indent = "    ".repeat(level + 1);
                let setters: String = setters
                    .iter()
                    .map(|(name, value)| format!("\n{indent}.{name}({})", value.text(level + 1)))
                    .collect();
                format!("{name}::new(){setters}")
            }
        }
    }
}
