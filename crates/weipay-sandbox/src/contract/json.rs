//! Reads a body that is JSON, and notes names that stand twice.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A body that is JSON.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) value: Value,
    /// A member that stands twice in one object.
    pub(super) repeated: Option<String>,
    /// Whether a string or a name has characters of four UTF-8 bytes (emoji and the like).
    pub(super) four_byte: bool,
}

/// Reads a body; `None` when it is not JSON in UTF-8 or is nested too deeply.
pub(super) fn read_json(body: &[u8]) -> Option<Document> {
    let mut found = Found::default();
    let mut parser = serde_json::Deserializer::from_slice(body);
    let value = Reader(&mut found).deserialize(&mut parser).ok()?;
    parser.end().ok()?;
    Some(Document { value, repeated: found.repeated, four_byte: found.four_byte })
}

#[derive(Default)]
struct Found {
    repeated: Option<String>,
    four_byte: bool,
}

impl Found {
    fn look_at(&mut self, text: &str) {
        // In UTF-8 only characters beyond U+FFFF begin with a byte from 0xF0 on.
        self.four_byte |= text.bytes().any(|byte| byte >= 0xF0);
    }
}

struct Reader<'a>(&'a mut Found);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        self.0.look_at(text);
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_element_seed(Reader(&mut *self.0))? {
            members.push(member);
        }
        Ok(Value::Array(members))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            self.0.look_at(&name);
            let value = access.next_value_seed(Reader(&mut *self.0))?;
            if members.contains_key(&name) {
                self.0.repeated.get_or_insert_with(|| name.clone());
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_one_json_value_is_not_read_json() {
        for body in ["", "{", "{}{}", "{'a':1}", "{\"a\":1,}", "NaN", "\"\u{1}\"", "{\"a\":\"\\ud800\"}"] {
            assert!(read_json(body.as_bytes()).is_none(), "{body}");
        }
        assert!(read_json(b"{\"a\":\"\xff\"}").is_none());
        assert!(read_json(b"\xef\xbb\xbf{}").is_none());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(read_json(&nested(100)).is_some());
        assert!(read_json(&nested(200_000)).is_none());
    }

    #[test]
    fn a_repeated_member_is_named_at_any_depth() {
        assert_eq!(read_json(br#"{"a":1,"b":{"a":1}}"#).unwrap().repeated, None);
        assert_eq!(read_json(br#"{"b":[{"a":1,"a":1}]}"#).unwrap().repeated.as_deref(), Some("a"));
        assert_eq!(read_json(br#"{"a":1,"\u0061":2}"#).unwrap().repeated.as_deref(), Some("a"));
    }

    #[test]
    fn four_byte_characters_are_seen_raw_and_escaped() {
        assert!(read_json("{\"a\":\"😀\"}".as_bytes()).unwrap().four_byte);
        assert!(read_json(br#"["\ud83d\ude00"]"#).unwrap().four_byte);
        assert!(read_json("{\"😀\":1}".as_bytes()).unwrap().four_byte);
        assert!(!read_json("{\"a\":\"商家券￥\"}".as_bytes()).unwrap().four_byte);
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_reads(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(read_json(&body).map(|document| document.value), serde_json::from_slice(&body).ok());
        }

        #[test]
        fn it_reads_json_like_text_as_serde_json_does(body in r#"[\[\]{}",:0-9a-c\\ .eE+-]{0,40}"#) {
            let ours = read_json(body.as_bytes()).map(|document| document.value);
            prop_assert_eq!(ours, serde_json::from_str(&body).ok());
        }
    }
}
