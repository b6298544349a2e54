//! How names of the API become names of Rust: for the code generator that writes them and for whatever shows them. These
//! rules hold everywhere.
//!
//! **Words.** Capitals and whatever is neither letter nor digit begin a new word. Methods, modules and fields are words in
//! small letters with underscores between them: `merchant-service` → `merchant_service`, `addInstitutionsub` →
//! `add_institutionsub`. Types and values are words that begin with a capital: `coupon_use_rule` → `CouponUseRule`,
//! `OFF_LINE` → `OffLine`.
//!
//! **The path** (`v3/transfer/batches/batch-id/{batch_id}`):
//!
//! 1. A product, the segment below the version, is a feature of the same name, as it stands: `cgi-bin`, `mch_operate`. All
//!    notifications are the feature `notifications`, and everything is `full`.
//! 2. A segment becomes a method and a module of the same name.
//! 3. A `{placeholder}` becomes a method that takes the value, and a module, both named by it; a literal segment before it
//!    may say the same: `batch-id/{batch_id}` → `batch_id().batch_id(value)`, module `batch_id::batch_id`.
//! 4. A Rust keyword, and a name that a chain already has (`get`, `post`, `header`, ...), is followed by an underscore:
//!    `return` → `return_`, `delete` → `delete_`. Where two segments side by side would still have one name, as
//!    `policy-periods` and `policy_periods`, the second is followed by an underscore.
//!    A slash at the end of a path has no step: its operation is the method of the step before, `applyment().post(request)`
//!    of `POST v3/applyment4sub/applyment/`.
//! 5. The type of a step is its segment or placeholder as a type: `batch-id` → `BatchId`.
//! 6. An operation is the method and the module of its HTTP method: `get`. In the module, `Request` is what is sent and
//!    `Response` what comes back. If there is nothing to send, there is no `Request`; if nothing comes back, no `Response`.
//!
//! **Notifications**: the module is the event, `TRANSACTION.SUCCESS` → `transaction_success`. Of two that would have one
//! name the second is followed by an underscore: `transaction-success`, of APIv2, → `transaction_success_`. `Resource` is
//! what the sealed part opens to, `Body` what APIv2 posts, and `envelope::Envelope` what APIv3 posts around it.
//!
//! **Fields** and their setters: `Wechatpay-Serial` → `wechatpay_serial`, `payAuthNo` → `pay_auth_no`, `coupon_fee_$n` →
//! `coupon_fee_n`. A keyword is followed by an underscore (`type_`), and so is `new`, which would hide the constructor. A
//! name that a request has in two places has its place after it the second time: `id_body` beside `id` of the query.
//!
//! **Flat names**: `weipay::<product>` has the types of each operation under one name, the one of the OpenAPI document (see
//! [`identifier`]): `weipay::refund::PostRefundDomesticRefundsRequest`. APIv2 is not in that document: its names have `V2` before
//! their ending, always, so that an operation of one version never renames one of the other. A module of the SDK that has the
//! name of a product, such as `weipay::bill`, has these names too.
//!
//! **Shared objects** (`object <pay_scene_info>`) have the catalogue's name, `PaySceneInfo`, and stand in the
//! module `shared` of each product that uses them. A type inside one has the name of the object around before
//! its own: `PaySceneInfoStoreInfo`. The module of each operation has those that it holds too, by `pub use`.
//!
//! **Steps** of the chain are named by the whole path, because they stand in one file for each product; the
//! module of a path shows its own by rule 5.
//!
//! **Types** of objects and of listed values: the field's name (see `rust::module_types`). Where that is
//! taken in the file, the name of the object around stands before it: `type` in `PromotionDetail` →
//! `PromotionDetailType`. Where the object around has that very name, it is followed by `Item` for the
//! members of an array, otherwise by `Content`: `SceneInfoContent`. What is still taken is followed by an
//! underscore.
//!
//! **Values**: one that begins with a digit has a `V` before it, and digits that a sign parts stay parted: `0` → `V0`, `1.0` →
//! `V1_0`. `Unknown`, which is the open end of every enumeration, and `Self`, which is Rust's, have `Value` after them. Of
//! two that would have one name the second is followed by an underscore.

use crate::operation::{Operation, placeholder};

pub mod identifier;

/// Words in small letters, and none of Rust's.
#[must_use]
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
    if KEYWORDS.contains(&snake.as_str()) { format!("{snake}_") } else { snake }
}

/// A segment of a chain: rule 4.
#[must_use]
pub fn method(segment: &str) -> String {
    let name = snake(segment);
    if TAKEN.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// The method and the module of an operation: rule 6.
#[must_use]
pub fn verb(operation: &Operation) -> String {
    operation.method.to_ascii_lowercase()
}

/// A member of a model: `new` would hide the constructor.
#[must_use]
pub fn member(name: &str) -> String {
    match snake(name).as_str() {
        "new" => "new_".to_owned(),
        name => name.to_owned(),
    }
}

/// Rules 2 to 4 for all segments that stand side by side: each with the name of its method and module, sorted by name.
/// The segments come sorted, since of two that would have one name the second one gets an underscore.
pub fn steps<'a>(segments: impl Iterator<Item = &'a str>) -> Vec<(String, &'a str)> {
    let mut named: Vec<(String, &str)> = Vec::new();
    for segment in segments {
        let mut name = method(placeholder(segment).unwrap_or(segment));
        while named.iter().any(|(other, _)| *other == name) {
            name.push('_');
        }
        named.push((name, segment));
    }
    named.sort();
    named
}

/// A type or a value: words begin with a capital; a word that is all capitals is written small after its first letter.
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

/// The values of one enumeration, each name once.
#[must_use]
pub fn variants(values: &[&'static str]) -> Vec<(String, &'static str)> {
    let mut named: Vec<(String, &'static str)> = Vec::new();
    for value in values {
        let mut name = match camel(value).as_str() {
            // The open end of every enumeration has this name.
            "Unknown" => "UnknownValue".to_owned(),
            "Self" => "SelfValue".to_owned(),
            name => name.to_owned(),
        };
        while named.iter().any(|(other, _)| *other == name) {
            name.push('_');
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
    }

    #[test]
    fn segments_side_by_side_have_names_of_their_own() {
        let named =
            |segments: &[&'static str]| -> Vec<(String, &'static str)> { steps(segments.iter().copied()) };
        assert_eq!(named(&["id", "{id}"]), [("id".to_owned(), "id"), ("id_".to_owned(), "{id}")]);
        assert_eq!(named(&["a-b", "a_b"]), [("a_b".to_owned(), "a-b"), ("a_b_".to_owned(), "a_b")]);
    }

    #[test]
    fn fields_become_names() {
        assert_eq!(snake("Wechatpay-Serial"), "wechatpay_serial");
        assert_eq!(snake("payAuthNo"), "pay_auth_no");
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
            "UNKNOWN",
            "PARKING SPACE",
            "Under Review",
            "UNDER_REVIEW",
        ]);
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["OffLine", "Color010", "V0", "UnknownValue", "ParkingSpace", "UnderReview", "UnderReview_"]
        );
        let named = variants(&["1.0", "10", "v1.2.3", "ver.2"]);
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["V1_0", "V10", "V1_2_3", "Ver2"]);
    }
}
