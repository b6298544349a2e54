//! JSON whose texts hold what is no character, as a name that was cut inside one.

/// The JSON with U+FFFD in the place of bytes that are no UTF-8 and of `\u` escapes of half a character; nothing where
/// there is nothing to mend.
pub(super) fn of(json: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(json);
    let mut mended = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
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
                mended.push_str(taken);
                rest = &rest[taken.len()..];
            }
            None => {
                mended.push('\u{FFFD}');
                rest = &rest[6..];
            }
        }
    }
    mended.push_str(rest);
    (mended.as_bytes() != json).then_some(mended)
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
        for (json, mended) in [
            (r#"{"a":"x\ud83d"}"#, "{\"a\":\"x\u{FFFD}\"}"),
            (r#"{"a":"\ude00\ud83d\ud83d\ude00"}"#, "{\"a\":\"\u{FFFD}\u{FFFD}\\ud83d\\ude00\"}"),
            (r#"{"a":"\\\\ud83d\ud83d\""}"#, "{\"a\":\"\\\\\\\\ud83d\u{FFFD}\\\"\"}"),
        ] {
            assert_eq!(of(json.as_bytes()).as_deref(), Some(mended), "{json}");
        }
        assert_eq!(of(b"\"a\xE4\xBD\"").as_deref(), Some("\"a\u{FFFD}\""));
        for json in [r#"{"a":"\\\\ud83d \u00e4 \ud83d\ude00"}"#, "", "\\", r#""\ud8""#, r#""\ud8zz""#] {
            assert_eq!(of(json.as_bytes()), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_is_mended_needs_no_mending(json in ".*", bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for json in [json.as_bytes(), &bytes] {
                if let Some(mended) = of(json) {
                    prop_assert_eq!(of(mended.as_bytes()), None);
                }
            }
        }
    }
}
