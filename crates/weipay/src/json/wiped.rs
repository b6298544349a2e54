//! JSON with personal texts, which leaves none of them in freed memory.

use std::io;

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

#[cfg(test)]
mod tests {
    #[test]
    fn json_that_is_wiped_is_written_in_one_piece_and_keeps_no_text() {
        let json = serde_json::json!({"a": ["李\n雷", {"b": "\"x\""}], "c": 1, "d": null, "e": true});
        let text = json.to_string();
        let mut wiped = super::WipedJson(json);
        let bytes = wiped.to_bytes();
        assert_eq!((&**bytes, bytes.capacity()), (text.as_bytes(), text.len()));
        super::wipe(&mut wiped.0);
        assert_eq!(wiped.0, serde_json::json!({"a": ["", {"b": ""}], "c": 1, "d": null, "e": true}));
    }
}
