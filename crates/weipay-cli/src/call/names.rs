//! Names as a reader takes them who is not ours: a sensitive field must not be missed because its name is written in an unusual
//! way, or twice.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A part of a URL without percent-encoding; what does not decode to text stays as it is.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| 16 * high + low),
            _ => None,
        };
        rest = if byte.is_some() { &after[2..] } else { after };
        bytes.push(byte.unwrap_or(*first));
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Refuses JSON in which an object has one name twice: which of the two counts, readers do not agree on, and only one of them
/// would be looked at.
pub(super) fn given_once(json: &str) -> Result<(), String> {
    let Once = serde_json::from_str(json).map_err(|error| format!("--json: {error}"))?;
    Ok(())
}

struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Once, D::Error> {
        json.deserialize_any(Once)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Once;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Once, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                // The name may be anything that was typed, and the place is told.
                return Err(A::Error::custom(
                    "an object has the same name twice, and which one counts is not known",
                ));
            }
            members.next_value::<Once>()?;
        }
        Ok(Once)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Once, A::Error> {
        while items.next_element::<Once>()?.is_some() {}
        Ok(Once)
    }

    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_str<E>(self, _: &str) -> Result<Once, E> {
        Ok(Once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_undone_where_it_is_one() {
        for (text, expected) in [
            ("a", "a"),
            ("%6Dobile", "mobile"),
            ("%e5%bc%a0", "张"),
            ("a%", "a%"),
            ("%zz%4", "%zz%4"),
            ("%FF", "%FF"),
        ] {
            assert_eq!(decoded(text), expected);
        }
    }

    #[test]
    fn a_name_that_comes_twice_is_found_at_any_depth_and_in_any_spelling() {
        for json in
            [r#"{"a":1,"a":null}"#, r#"[{"b":{"a":"secret","\u0061":""}}]"#, r#"{"a":{},"b":[],"a":{}}"#]
        {
            let reason = given_once(json).unwrap_err();
            assert!(reason.contains("twice") && !reason.contains("secret"), "{reason}");
        }
        for json in [r#"{"a":{"a":[{"a":1.5},{"a":-1}]},"b":true}"#, "7", "null", r#""a""#] {
            assert_eq!(given_once(json), Ok(()), "{json}");
        }
    }
}
