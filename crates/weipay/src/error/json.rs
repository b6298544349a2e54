//! Why JSON did not read, without what stood in it.

use serde_json::error::{Category, Error};

/// A reason that is fit for a log: serde's own, without the value that it quotes, which may be a telephone number.
pub(crate) fn reason(error: &Error) -> String {
    let text = error.to_string();
    match error.classify() {
        Category::Data => {
            let place = format!(" at line {} column {}", error.line(), error.column());
            let reason = without_values(text.strip_suffix(&place).unwrap_or(&text));
            format!(
                "{}{place}",
                reason.unwrap_or_else(|| "it is valid JSON of an unexpected type".to_owned())
            )
        }
        _ => text,
    }
}

/// What serde may have met: its own words for it, of which the value follows in quotation marks or not at all.
const MET: [&str; 17] = [
    "Option value",
    "boolean",
    "byte array",
    "character",
    "enum",
    "floating point",
    "integer",
    "map",
    "newtype struct",
    "newtype variant",
    "null",
    "sequence",
    "string",
    "struct variant",
    "tuple variant",
    "unit value",
    "unit variant",
];

/// The sentences that serde makes, with the parts that come from the type and not those that come from the JSON. A type's
/// own sentence may quote anything, and is not repeated.
fn without_values(text: &str) -> Option<String> {
    if ["missing field `", "duplicate field `", "invalid length "].iter().any(|known| text.starts_with(known))
    {
        return Some(text.to_owned());
    }
    let untagged = "data did not match any variant of untagged enum ";
    if text.strip_prefix(untagged).is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return Some(text.to_owned());
    }
    // A value may hold these words too: the last ones are serde's.
    let (before, expected) =
        text.rsplit_once(", expected ").or_else(|| text.rsplit_once(", there are no "))?;
    for sentence in ["invalid type", "invalid value"] {
        if let Some(met) = before.strip_prefix(sentence).and_then(|rest| rest.strip_prefix(": ")) {
            let met = MET.iter().find(|known| {
                met.strip_prefix(**known).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '`']))
            })?;
            return Some(format!("{sentence}: {met}, expected {expected}"));
        }
    }
    if before.starts_with("unknown variant `") {
        return Some(format!("unknown variant, expected {expected}"));
    }
    let field = before.strip_prefix("unknown field `")?.strip_suffix('`')?;
    match is_name(field) {
        true => Some(format!("unknown field `{field}`, expected {expected}")),
        false => Some(format!("unknown field, expected {expected}")),
    }
}

/// Whether a member's name is a word of an API. In some answers, names are ids.
fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use serde::de::{DeserializeOwned, Error as _, IgnoredAny, Unexpected};

    use super::*;

    fn of<T: DeserializeOwned>(text: &str) -> String {
        match serde_json::from_str::<T>(text) {
            Ok(_) => panic!("{text} reads"),
            Err(error) => reason(&error),
        }
    }

    #[test]
    fn a_value_of_another_type_is_told_by_its_type() {
        assert_eq!(of::<u64>(r#""13800138000""#), "invalid type: string, expected u64 at line 1 column 13");
        assert_eq!(
            of::<Vec<bool>>("[13800138000]"),
            "invalid type: integer, expected a boolean at line 1 column 12"
        );
        assert_eq!(of::<u8>("1380"), "invalid value: integer, expected u8 at line 1 column 4");
        assert_eq!(of::<String>("null"), "invalid type: null, expected a string at line 1 column 4");
        assert_eq!(of::<String>("{}"), "invalid type: map, expected a string at line 1 column 0");
        assert_eq!(of::<(u8, u8)>("[1]"), "invalid length 1, expected a tuple of size 2 at line 1 column 3");
    }

    #[test]
    fn a_value_with_the_words_of_the_sentence_is_not_repeated() {
        for value in
            [r#""13800138000, expected u8""#, r#""a\", expected 13800138000""#, r#""`, expected 138""#]
        {
            let reason = of::<u64>(value);
            assert!(reason.starts_with("invalid type: string, expected u64 at"), "{reason}");
        }
        let variant = serde_json::Error::unknown_variant("138`, expected `13800138000", &["A", "B"]);
        assert_eq!(reason(&variant), "unknown variant, expected `A` or `B` at line 0 column 0");
    }

    #[test]
    fn a_field_is_told_by_its_name_where_that_is_a_word() {
        let missing = serde_json::Error::missing_field("out_trade_no");
        assert_eq!(reason(&missing), "missing field `out_trade_no` at line 0 column 0");
        let unknown = |name| reason(&serde_json::Error::unknown_field(name, &["total"]));
        assert_eq!(unknown("totl"), "unknown field `totl`, expected `total` at line 0 column 0");
        assert_eq!(unknown("oUpF8uMuAJO_M2"), "unknown field, expected `total` at line 0 column 0");
    }

    #[test]
    fn a_sentence_of_the_type_itself_is_not_repeated() {
        for error in [
            serde_json::Error::custom("13800138000 is not a telephone number"),
            serde_json::Error::invalid_type(Unexpected::Other("13800138000"), &"a name"),
        ] {
            assert_eq!(reason(&error), "it is valid JSON of an unexpected type at line 0 column 0");
        }
        let untagged = serde_json::Error::custom("data did not match any variant of untagged enum Amount");
        assert!(reason(&untagged).contains("untagged enum Amount"));
    }

    #[test]
    fn text_that_is_not_json_is_told_with_its_place() {
        assert_eq!(of::<IgnoredAny>("secret"), "expected value at line 1 column 1");
        assert_eq!(of::<IgnoredAny>(""), "EOF while parsing a value at line 1 column 0");
    }
}
