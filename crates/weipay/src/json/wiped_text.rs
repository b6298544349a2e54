//! A value written as JSON, without copies of personal texts in freed memory.

use std::io;

use serde::Serialize;
use zeroize::Zeroizing;

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
    #[test]
    fn a_text_that_grew_is_the_same_text() {
        for length in [0, 1, 255, 256, 257, 5_000] {
            let json = serde_json::json!({"a": "李".repeat(length), "b": [length, null, "\u{1}"]});
            assert_eq!(*super::wiped_text(&json).unwrap(), json.to_string());
        }
    }
}
