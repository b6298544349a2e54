//! How names of the API become names of Rust: for the code generator that writes them and for whatever shows them. These
//! rules hold everywhere:
//!
//! 1. A path segment becomes a module and a method of the same name: capitals and hyphens become underscores
//!    (`merchant-service` → `merchant_service`, `addInstitutionsub` → `add_institutionsub`).
//! 2. A `{placeholder}` becomes a module and a method that takes the value. Where a literal segment beside it has the
//!    same name, the placeholder's is followed by `_value`.
//! 3. A Rust keyword, and a name that a chain already has (`get`, `post`, `header`, ...), is followed by an underscore:
//!    `return` → `return_`.
//!    Where two segments side by side would still have one name, as `policy-periods` and `policy_periods`, the second is
//!    followed by an underscore too.
//! 4. A name that begins with a digit has an underscore before it.
//! 5. A type is the name in capitals: `coupon_use_rule` → `CouponUseRule`.
//! 6. A value of an enumeration likewise: `OFF_LINE` → `OffLine`; one that begins with a digit has a `V` before it.
//! 7. Where a type's name is taken, that of the object around it stands before it (see [`types`]).

use crate::operation::placeholder;

pub mod request;
pub mod types;

pub use types::{Named, TypeNames};

/// Rule 1, 3 and 4.
pub fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() {
            if before_lower {
                snake.push('_');
            }
            snake.extend(letter.to_lowercase());
        } else if letter.is_alphanumeric() {
            snake.push(letter);
        } else if !snake.ends_with('_') && !snake.is_empty() {
            snake.push('_');
        }
        before_lower = letter.is_lowercase() || letter.is_ascii_digit();
    }
    let snake = snake.trim_end_matches('_').to_owned();
    match snake.as_bytes().first() {
        Some(digit) if digit.is_ascii_digit() => format!("_{snake}"),
        _ if KEYWORDS.contains(&snake.as_str()) => format!("{snake}_"),
        _ => snake,
    }
}

/// Rule 3, for segments of a chain.
pub fn method(segment: &str) -> String {
    let name = snake(segment);
    if TAKEN.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// A member of a model: `new` would hide the constructor.
pub fn member(name: &str) -> String {
    match snake(name).as_str() {
        "new" => "new_".to_owned(),
        name => name.to_owned(),
    }
}

/// Rule 1 to 3 for all segments that stand side by side: each with the name of its method and module, sorted by name.
/// The segments come sorted, since of two that would have one name the second one gives way.
pub fn steps<'a>(segments: impl Iterator<Item = &'a str> + Clone) -> Vec<(String, &'a str)> {
    let mut named: Vec<(String, &str)> = Vec::new();
    for segment in segments.clone() {
        let mut name = match placeholder(segment) {
            None => method(segment),
            Some(name) if segments.clone().any(|other| other == name) => format!("{}_value", method(name)),
            Some(name) => method(name),
        };
        while named.iter().any(|(other, _)| *other == name) {
            name.push('_');
        }
        named.push((name, segment));
    }
    named.sort();
    named
}

/// Rule 5 and 6: words begin with a capital; a word that is all capitals is written small after its first letter.
pub fn camel(name: &str) -> String {
    let mut camel = String::new();
    for word in name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        // Without something between them, the digits of `1.0` would read as another number.
        let ends_in_digit = camel.ends_with(|last: char| last.is_ascii_digit());
        if ends_in_digit && word.starts_with(|first: char| first.is_ascii_digit()) {
            camel.push('_');
        }
        let shouted = !word.chars().any(char::is_lowercase);
        let mut letters = word.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        for letter in letters {
            if shouted { camel.extend(letter.to_lowercase()) } else { camel.push(letter) }
        }
    }
    if camel.starts_with(|first: char| first.is_ascii_digit()) { format!("V{camel}") } else { camel }
}

/// Rule 6, made unique within one enumeration.
pub fn variants(values: &[&'static str]) -> Vec<(String, &'static str)> {
    let mut named: Vec<(String, &'static str)> = Vec::new();
    for value in values {
        let mut name = match camel(value).as_str() {
            "" => "Empty".to_owned(),
            // The open end of every enumeration has this name.
            "Unknown" => "UnknownValue".to_owned(),
            "Self" => "SelfValue".to_owned(),
            name => name.to_owned(),
        };
        while named.iter().any(|(other, _)| *other == name) {
            name.push('X');
        }
        if !named.iter().any(|(_, other)| other == value) {
            named.push((name, value));
        }
    }
    named
}

const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// What every step of a chain already has, and what a model has beside its setters.
const TAKEN: [&str; 10] =
    ["get", "post", "put", "patch", "delete", "header", "timeout", "base_url", "new", "default"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_become_methods() {
        assert_eq!(method("busifavor"), "busifavor");
        assert_eq!(method("pay-receipts"), "pay_receipts");
        assert_eq!(method("addInstitutionsub"), "add_institutionsub");
        assert_eq!(method("return"), "return_");
        assert_eq!(method("delete"), "delete_");
        assert_eq!(method("3ds"), "_3ds");
    }

    #[test]
    fn segments_side_by_side_have_names_of_their_own() {
        let named =
            |segments: &[&'static str]| -> Vec<(String, &'static str)> { steps(segments.iter().copied()) };
        assert_eq!(named(&["id", "{id}"]), [("id".to_owned(), "id"), ("id_value".to_owned(), "{id}")]);
        assert_eq!(named(&["a-b", "a_b"]), [("a_b".to_owned(), "a-b"), ("a_b_".to_owned(), "a_b")]);
    }

    #[test]
    fn fields_become_names() {
        assert_eq!(snake("Wechatpay-Serial"), "wechatpay_serial");
        assert_eq!(snake("type"), "type_");
        assert_eq!(snake("coupon_id_$n"), "coupon_id_n");
    }

    #[test]
    fn objects_become_types() {
        assert_eq!(camel("coupon_use_rule"), "CouponUseRule");
        assert_eq!(camel("disassociate"), "Disassociate");
        assert_eq!(camel("stock_id"), "StockId");
    }

    #[test]
    fn values_become_variants() {
        let named = variants(&[
            "OFF_LINE",
            "Color010",
            "0",
            "",
            "UNKNOWN",
            "PARKING SPACE",
            "Under Review",
            "UNDER_REVIEW",
        ]);
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "OffLine",
                "Color010",
                "V0",
                "Empty",
                "UnknownValue",
                "ParkingSpace",
                "UnderReview",
                "UnderReviewX"
            ]
        );
        let named = variants(&["1.0", "10", "v1.2.3", "ver.2"]);
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["V1_0", "V10", "V1_2_3", "Ver2"]);
    }
}
