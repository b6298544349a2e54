//! GBK: the encoding of a program that names none, on Chinese Windows.

use encoding_rs::GBK;

/// A longer text is not looked at.
const MAX_BYTES: usize = 16 * 1024;

/// `None` if it has a letter that GBK does not have.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    let text = Some(text).filter(|text| text.len() <= MAX_BYTES)?;
    let (bytes, _, has_others) = GBK.encode(text);
    (!has_others).then(|| bytes.into_owned())
}

/// `None` if it is not GBK.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let bytes = Some(bytes).filter(|bytes| bytes.len() <= MAX_BYTES)?;
    GBK.decode_without_bom_handling_and_without_replacement(bytes).map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_letters_have_their_codes_and_come_back() {
        for (text, bytes) in [
            ("A1", &b"A1"[..]),
            ("啊", b"\xb0\xa1"),
            ("中文", b"\xd6\xd0\xce\xc4"),
            ("丂", b"\x81\x40"),
            ("，。", b"\xa3\xac\xa1\xa3"),
            ("镕", b"\xe9\x46"),
        ] {
            assert_eq!(encode(text).as_deref(), Some(bytes), "{text}");
            assert_eq!(decode(bytes).as_deref(), Some(text));
        }
        assert_eq!(encode("\u{1f600}"), None);
        for bad in [&b"\xff\xff"[..], b"\xb0", b"\xb0\x7f", b"\xb0\x20"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
        assert_eq!((encode(&"a".repeat(MAX_BYTES + 1)), decode(&[b'a'; MAX_BYTES + 1])), (None, None));
    }
}
