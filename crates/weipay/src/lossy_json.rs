//! JSON whose text is damaged, as by a name that was cut inside a character: what can be read of it is read.

/// The JSON with U+FFFD in place of bytes that are not UTF-8 and of `\u` escapes of half a character; nothing if there is
/// nothing to repair.
pub(crate) fn repaired(json: &[u8]) -> Option<String> {
    let mut repaired = String::with_capacity(json.len());
    for chunk in json.utf8_chunks() {
        push_escapes_repaired(chunk.valid(), &mut repaired);
        if !chunk.invalid().is_empty() {
            repaired.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (repaired.as_bytes() != json).then_some(repaired)
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
            // Another escape: its second character is not looked at again.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
