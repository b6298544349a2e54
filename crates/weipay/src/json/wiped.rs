//! JSON with personal texts, which leaves none of them in freed memory: a value on its way, and a value written as a text.

#![cfg_attr(
    not(feature = "notifications"),
    allow(dead_code, reason = "notifications are values on their way")
)]

use std::io;

use serde::Serialize;
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

/// JSON with personal texts on its way from one form to another: they are wiped from memory when it is dropped.
pub(crate) struct WipedJson(pub(crate) Value);

impl WipedJson {
    /// Its text, which is wiped too.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut length = Length(0);
        // A value of JSON can always be written, and neither of the two refuses bytes.
        let _ = serde_json::to_writer(&mut length, &self.0);
        // Full capacity from the start: growing would leave plain text behind in freed memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
        let _ = serde_json::to_writer(&mut *bytes, &self.0);
        bytes
    }
}

impl Drop for WipedJson {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// JSON text that may hold personal texts.
pub(crate) fn wiped_text(value: &impl Serialize) -> serde_json::Result<Zeroizing<String>> {
    let mut written = Growing(Zeroizing::default());
    serde_json::to_writer(&mut written, value)?;
    let text = String::from_utf8(std::mem::take(&mut *written.0));
    // JSON is written as UTF-8.
    text.map(Zeroizing::new).map_err(|error| serde::ser::Error::custom(error.utf8_error()))
}

/// Bytes that are wiped wherever they were on their way: a vector that grows by itself leaves its old memory as it was.
struct Growing(Zeroizing<Vec<u8>>);

impl io::Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.0.len() + bytes.len();
        if length > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(length.next_power_of_two().max(256)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_is_wiped_is_written_in_one_piece_and_keeps_no_text() {
        let json = serde_json::json!({"a": ["李\n雷", {"b": "\"x\""}], "c": 1, "d": null, "e": true});
        let text = json.to_string();
        let mut wiped = WipedJson(json);
        let bytes = wiped.to_bytes();
        assert_eq!((&**bytes, bytes.capacity()), (text.as_bytes(), text.len()));
        wipe(&mut wiped.0);
        assert_eq!(wiped.0, serde_json::json!({"a": ["", {"b": ""}], "c": 1, "d": null, "e": true}));
    }

    #[test]
    fn a_text_that_grew_is_the_same_text() {
        for length in [0, 1, 255, 256, 257, 5_000] {
            let json = serde_json::json!({"a": "李".repeat(length), "b": [length, null, "\u{1}"]});
            assert_eq!(*wiped_text(&json).unwrap(), json.to_string());
        }
    }
}
