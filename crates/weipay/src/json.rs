//! Untrusted JSON: how much memory it may take, how damaged text is repaired, and how an error is reported
//! without the values that it quotes.

mod member;
mod wiped;

use serde_json::Value;
use serde_json::error::{Category, Error};

pub(crate) use member::{
    any_member, has_member, is_object, may_have, member, object_member, repeated_member,
};
#[cfg(feature = "notifications")]
pub(crate) use wiped::WipedJson;
pub(crate) use wiped::wiped_text;

/// The memory limit of a decoded response, eight times the largest body. Its bytes are available all the same.
pub(crate) const MAX_DECODED: usize = 64 * 1024 * 1024;

/// No JSON takes more memory than this for each of its bytes, see [`Measure`].
const MAX_GROWTH: usize = 170;

/// A text without a byte order mark before it. Readers of JSON may ignore one (RFC 8259, 8.1), and what follows it is whole.
pub(crate) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

/// The beginning of a text, after blanks and a byte order mark, whichever comes first.
pub(crate) fn beginning(text: &[u8]) -> &[u8] {
    without_mark(text.trim_ascii_start()).trim_ascii_start()
}

/// Why a response was not decoded.
pub(crate) fn too_large() -> String {
    format!("it would take more than {} MiB of memory: read its bytes in parts", MAX_DECODED / 1024 / 1024)
}

/// Whether a body may be decoded as any JSON.
pub(crate) fn fits(json: &[u8]) -> bool {
    json.len() <= MAX_DECODED / MAX_GROWTH || measure(json).bytes <= MAX_DECODED
}

/// The most that JSON can become when it is read into a [`Value`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    /// Its memory.
    pub(crate) bytes: usize,
    /// How deep its arrays and objects are nested.
    pub(crate) depth: usize,
}

/// Counts the brackets, commas and colons outside strings. Text that is not JSON has a measure too.
pub(crate) fn measure(json: &[u8]) -> Measure {
    let (mut objects, mut arrays, mut commas, mut members, mut quotes) = (0, 0, 0, 0, 0);
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => {
                quotes += 1;
                in_text = true;
            }
            b'{' => objects += 1,
            b'[' => arrays += 1,
            b',' => commas += 1,
            b':' => members += 1,
            _ => {}
        }
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    // An array reserves four items at first, and later up to twice as many as it has. The commas that are not between members of
    // objects are between items of arrays.
    let value = size_of::<Value>();
    let items = usize::saturating_sub(commas + objects, members);
    // Eight megabytes of brackets need more than 32 bits can count.
    let parts =
        [(objects, OBJECT), (members, MEMBER), (arrays, 4 * value), (items, 2 * value), (quotes, ALLOCATION)];
    let bytes =
        parts.iter().fold(json.len(), |sum, (count, size)| sum.saturating_add(count.saturating_mul(*size)));
    Measure { bytes, depth: deepest }
}

/// An object that is not empty, and a member of it without its text, for both kinds of map of serde_json.
const OBJECT: usize = 640;
const MEMBER: usize = 130;

/// The size of the smallest allocation.
pub(crate) const ALLOCATION: usize = 32;

/// The report about JSON that had to be [repaired].
pub(crate) const REPAIRED: &str = "invalid UTF-8 was replaced by U+FFFD, control characters were kept, and numbers \
                                   that are too large became null";

/// The JSON with U+FFFD instead of bytes that are not UTF-8 and of `\u` escapes of half a character, with escapes instead of
/// bare control characters in texts, and with null instead of numbers that no reader holds; `None` if there is nothing to repair.
pub(crate) fn repaired(json: &[u8]) -> Option<String> {
    let mut repaired = String::with_capacity(json.len());
    for chunk in json.utf8_chunks() {
        push_escapes_repaired(chunk.valid(), &mut repaired);
        if !chunk.invalid().is_empty() {
            repaired.push(char::REPLACEMENT_CHARACTER);
        }
    }
    let repaired = in_range(controls_escaped(repaired));
    (repaired.as_bytes() != json).then_some(repaired)
}

/// A nickname may have a line break or another control character, which a serializer must escape and some do not.
fn controls_escaped(json: String) -> String {
    let is_control = |character: char| character < ' ';
    if !json.contains(is_control) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 64);
    let (mut in_text, mut is_escape) = (false, false);
    for character in json.chars() {
        match character {
            _ if in_text && is_control(character) => {
                // Behind a backslash it would stay one character with it.
                let code = u32::from(character);
                escaped.push_str(&format!("{}u{code:04x}", if is_escape { "" } else { "\\" }));
                is_escape = false;
                continue;
            }
            '"' if !is_escape => in_text = !in_text,
            _ => {}
        }
        is_escape = in_text && character == '\\' && !is_escape;
        escaped.push(character);
    }
    escaped
}

/// A number such as `1e999` in one member must not hide all others.
fn in_range(json: String) -> String {
    let is_of_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    let bytes = json.as_bytes();
    let (mut in_range, mut kept, mut at) = (String::new(), 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let end = at + bytes[at..].iter().take_while(|byte| is_of_number(byte)).count();
                // The bytes of a number are characters, so both ends are borders of some.
                if json[at..end].parse::<f64>().is_ok_and(f64::is_infinite) {
                    in_range.push_str(&json[kept..at]);
                    in_range.push_str("null");
                    kept = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if kept == 0 {
        return json;
    }
    in_range.push_str(&json[kept..]);
    in_range
}

/// The longest integer of which every reader holds all digits.
const MAX_DIGITS: usize = 19;

/// The report about JSON with an integer that a [`Value`] does not hold exactly.
pub(crate) const ROUNDED: &str =
    "an integer of more than 64 bits was rounded: all of its digits are in the bytes of the response";

/// Whether an integer outside of texts has more than 64 bits, so that it becomes a rounded number.
pub(crate) fn has_rounded_integer(json: &[u8]) -> bool {
    let (mut in_text, mut is_escape) = (false, false);
    let mut at = 0;
    while at < json.len() {
        match json[at] {
            _ if is_escape => is_escape = false,
            b'\\' if in_text => is_escape = true,
            b'"' => in_text = !in_text,
            b'-' | b'0'..=b'9' if !in_text => {
                let rest = &json[at..];
                let end = rest
                    .iter()
                    .position(|byte| !matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
                let number = &rest[..end.unwrap_or(rest.len())];
                at += number.len();
                let text = std::str::from_utf8(number).unwrap_or_default();
                let is_integer = !text.contains(['.', 'e', 'E']);
                if is_integer
                    && text.len() > MAX_DIGITS
                    && text.parse::<u64>().is_err()
                    && text.parse::<i64>().is_err()
                    // A number beyond `f64` is read as null, which is reported separately.
                    && text.parse::<f64>().is_ok_and(f64::is_finite)
                {
                    return true;
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    false
}

fn push_escapes_repaired(text: &str, repaired: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        repaired.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match (escaped_unit(rest), rest.get(6..).and_then(escaped_unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => rest.get(..12),
            (Some(0xD800..=0xDFFF), _) => None,
            (Some(_), _) => rest.get(..6),
            // Another escape: skip its second character.
            (None, _) => rest.get(..1 + rest.chars().nth(1).map_or(0, char::len_utf8)),
        };
        match taken {
            Some(taken) => {
                repaired.push_str(taken);
                rest = &rest[taken.len()..];
            }
            None => {
                repaired.push(char::REPLACEMENT_CHARACTER);
                rest = &rest[6..];
            }
        }
    }
    repaired.push_str(rest);
}

/// The UTF-16 code unit of an escape such as `\u00e4` that a text begins with.
fn escaped_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

/// Why JSON could not be read, fit for a log: serde's reason without the value that it quotes, which may be a telephone number.
pub(crate) fn reason(error: &Error) -> String {
    let text = error.to_string();
    match error.classify() {
        Category::Data => {
            let place = format!(" at line {} column {}", error.line(), error.column());
            let reason = without_values(text.strip_suffix(&place).unwrap_or(&text));
            format!("{}{place}", reason.unwrap_or_else(|| "valid JSON of an unexpected type".to_owned()))
        }
        _ => text,
    }
}

/// serde's words for what it found. The value follows in quotation marks or not at all.
const FOUND: [&str; 17] = [
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

/// serde's sentence with the parts that come from the type, without those that come from the JSON. A sentence of the type itself
/// may quote anything, so it is not repeated.
fn without_values(text: &str) -> Option<String> {
    if ["missing field `", "duplicate field `", "invalid length "].iter().any(|known| text.starts_with(known))
    {
        return Some(text.to_owned());
    }
    let untagged = "data did not match any variant of untagged enum ";
    if text.strip_prefix(untagged).is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return Some(text.to_owned());
    }
    // A value may contain these words too: the last ones are serde's.
    let (before, expected) =
        text.rsplit_once(", expected ").or_else(|| text.rsplit_once(", there are no "))?;
    for sentence in ["invalid type", "invalid value"] {
        if let Some(met) = before.strip_prefix(sentence).and_then(|rest| rest.strip_prefix(": ")) {
            let found = FOUND.iter().find(|known| {
                met.strip_prefix(**known).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '`']))
            })?;
            return Some(format!("{sentence}: {found}, expected {expected}"));
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

/// Whether a member's name is a word of an API. In some responses, names are ids.
fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::{DeserializeOwned, Error as _, IgnoredAny, Unexpected};

    use super::*;

    #[test]
    fn an_ordinary_response_of_the_largest_size_fits() {
        let member = r#""transaction_id":"1217752501201407033233368018","#;
        let object = format!("{{{}\"total\":100}}", member.repeat(20));
        let count = 8 * 1024 * 1024 / (object.len() + 1);
        let body = format!("[{}]", vec![object; count - 1].join(","));
        assert!(body.len() > 8_300_000 && fits(body.as_bytes()));
    }

    #[test]
    fn a_response_of_small_values_does_not_fit() {
        for piece in ["{},", "[],", "0,", r#"{"":0},"#, r#""","#] {
            let body = format!("[{}0]", piece.repeat(8_000_000 / piece.len()));
            assert!(!fits(body.as_bytes()), "{piece}");
        }
    }

    #[test]
    fn no_json_grows_faster_than_the_limit_assumes() {
        let deep = format!("[{}0]", format!("{}0{},", "{\"\":".repeat(120), "}".repeat(120)).repeat(50));
        for json in [deep, format!("[{}0]", "{\"\":0},".repeat(5_000)), format!("[{}0]", "[[]],".repeat(500))]
        {
            assert!(measure(json.as_bytes()).bytes < json.len() * MAX_GROWTH, "{}", &json[..20]);
        }
    }

    #[test]
    fn brackets_in_strings_are_not_counted() {
        assert_eq!(measure(br#"["[[[{\"[,:", {}]"#).depth, 2);
        assert_eq!(measure(b"]]}[").depth, 1);
    }

    fn reason_of<T: DeserializeOwned>(text: &str) -> String {
        match serde_json::from_str::<T>(text) {
            Ok(_) => panic!("{text} reads"),
            Err(error) => reason(&error),
        }
    }

    #[test]
    fn a_value_of_another_type_is_described_by_its_type() {
        assert_eq!(
            reason_of::<u64>(r#""13800138000""#),
            "invalid type: string, expected u64 at line 1 column 13"
        );
        assert_eq!(
            reason_of::<Vec<bool>>("[13800138000]"),
            "invalid type: integer, expected a boolean at line 1 column 12"
        );
        assert_eq!(reason_of::<u8>("1380"), "invalid value: integer, expected u8 at line 1 column 4");
        assert_eq!(reason_of::<String>("null"), "invalid type: null, expected a string at line 1 column 4");
        assert_eq!(reason_of::<String>("{}"), "invalid type: map, expected a string at line 1 column 0");
        assert_eq!(
            reason_of::<(u8, u8)>("[1]"),
            "invalid length 1, expected a tuple of size 2 at line 1 column 3"
        );
    }

    #[test]
    fn a_value_with_the_words_of_the_sentence_is_not_repeated() {
        for value in
            [r#""13800138000, expected u8""#, r#""a\", expected 13800138000""#, r#""`, expected 138""#]
        {
            let reason = reason_of::<u64>(value);
            assert!(reason.starts_with("invalid type: string, expected u64 at"), "{reason}");
        }
        let variant = serde_json::Error::unknown_variant("138`, expected `13800138000", &["A", "B"]);
        assert_eq!(reason(&variant), "unknown variant, expected `A` or `B` at line 0 column 0");
    }

    #[test]
    fn a_field_is_named_if_its_name_is_a_word() {
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
            assert_eq!(reason(&error), "valid JSON of an unexpected type at line 0 column 0");
        }
        let untagged = serde_json::Error::custom("data did not match any variant of untagged enum Amount");
        assert!(reason(&untagged).contains("untagged enum Amount"));
    }

    #[test]
    fn invalid_json_is_reported_with_its_position() {
        assert_eq!(reason_of::<IgnoredAny>("secret"), "expected value at line 1 column 1");
        assert_eq!(reason_of::<IgnoredAny>(""), "EOF while parsing a value at line 1 column 0");
    }

    #[test]
    fn numbers_that_no_reader_holds_are_null_and_others_stay() {
        let many = "9".repeat(400);
        let numbers = format!(r#"{{"a":[1e999,-1E+999,1.5e3,1e-999],"1e999":"\"1e999","b":{many}}}"#);
        let mended = r#"{"a":[null,null,1.5e3,1e-999],"1e999":"\"1e999","b":null}"#;
        assert_eq!(repaired(numbers.as_bytes()).as_deref(), Some(mended));
        assert!(
            serde_json::from_str::<Value>(&numbers).is_err() && serde_json::from_str::<Value>(mended).is_ok()
        );
    }

    #[test]
    fn an_integer_that_is_rounded_is_told_and_none_in_a_text() {
        for (json, is_rounded) in [
            (r#"{"a":18446744073709551615,"b":-9223372036854775808}"#, false),
            (r#"{"a":18446744073709551616}"#, true),
            (r#"[1,-9223372036854775809]"#, true),
            ("12345678901234567890123", true),
            (r#"{"a":"12345678901234567890123","\"1":1}"#, false),
            (r#"{"a":"\\","b":12345678901234567890123}"#, true),
            ("[1234567890123456789012.5,1e30]", false),
            (&"9".repeat(400), false),
            ("", false),
        ] {
            assert_eq!(has_rounded_integer(json.as_bytes()), is_rounded, "{json}");
        }
    }

    #[test]
    fn half_characters_are_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#"{"a":"x\ud83d"}"#, "{\"a\":\"x\u{FFFD}\"}"),
            (r#"{"a":"\ude00\ud83d\ud83d\ude00"}"#, "{\"a\":\"\u{FFFD}\u{FFFD}\\ud83d\\ude00\"}"),
            (r#"{"a":"\\\\ud83d\ud83d\""}"#, "{\"a\":\"\\\\\\\\ud83d\u{FFFD}\\\"\"}"),
        ] {
            assert_eq!(repaired(json.as_bytes()).as_deref(), Some(expected), "{json}");
        }
        assert_eq!(repaired(b"\"a\xE4\xBD\"").as_deref(), Some("\"a\u{FFFD}\""));
        let controls = "{\n\"a\t\":\"x\ny\0\\\n\\\"\r\" }";
        let escaped = "{\n\"a\\u0009\":\"x\\u000ay\\u0000\\u000a\\\"\\u000d\" }";
        assert_eq!(repaired(controls.as_bytes()).as_deref(), Some(escaped));
        assert!(serde_json::from_str::<Value>(escaped).is_ok());
        assert_eq!(repaired(b"{\n\t\"a\" :\r\n1}"), None);
        for json in [r#"{"a":"\\\\ud83d \u00e4 \ud83d\ude00"}"#, "", "\\", r#""\ud8""#, r#""\ud8zz""#] {
            assert_eq!(repaired(json.as_bytes()), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_is_repaired_needs_no_repair(json in ".*", bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for json in [json.as_bytes(), &bytes] {
                if let Some(mended) = repaired(json) {
                    prop_assert_eq!(repaired(mended.as_bytes()), None);
                }
            }
        }
    }
}
