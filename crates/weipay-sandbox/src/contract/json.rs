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
