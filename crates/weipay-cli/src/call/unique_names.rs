//! Checks that no JSON object contains a name twice: parsers do not agree on which of the two counts, so a sensitive field
//! could be missed.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

pub(super) fn check(json: &str) -> Result<(), String> {
    let UniqueNames = serde_json::from_str(json).map_err(|error| format!("--json: {error}"))?;
    Ok(())
}

struct UniqueNames;

impl<'de> Deserialize<'de> for UniqueNames {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Self;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                // The name may be anything that was typed, so it is not printed; serde_json adds line and column.
                return Err(A::Error::custom("an object contains the same name twice: remove one of them"));
            }
            members.next_value::<Self>()?;
        }
        Ok(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(Self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_twice_is_found_at_any_depth_and_in_any_spelling() {
        for json in
            [r#"{"a":1,"a":null}"#, r#"[{"b":{"a":"secret","\u0061":""}}]"#, r#"{"a":{},"b":[],"a":{}}"#]
        {
            let reason = check(json).unwrap_err();
            assert!(reason.contains("twice") && !reason.contains("secret"), "{reason}");
        }
        for json in [r#"{"a":{"a":[{"a":1.5},{"a":-1}]},"b":true}"#, "7", "null", r#""a""#] {
            assert_eq!(check(json), Ok(()), "{json}");
        }
    }
}
