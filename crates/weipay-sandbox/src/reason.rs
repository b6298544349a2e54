//! The reason (原因): why a request was refused, for developers, where the platform's own words say little.
//!
//! It travels in a header, because the body is the platform's: a program that reads the body must find here what it
//! will find there. It names fields and rules and never a value: a value may be a person's name, or a key.

/// The header that says why a request was refused, in English; see [`decode`].
pub const REASON_HEADER: &str = "weipay-sandbox-reason";

/// The longest header value.
const MAX_LENGTH: usize = 600;

/// A reason as a header value: visible ASCII and blanks stay, everything else is percent-encoded, and so is `%`.
pub(crate) fn encode(reason: &str) -> String {
    let mut text = String::new();
    for character in reason.chars() {
        let mut bytes = [0; 4];
        let mut encoded = String::new();
        for byte in character.encode_utf8(&mut bytes).bytes() {
            match byte {
                b'%' => encoded.push_str("%25"),
                b' '..=b'~' => encoded.push(char::from(byte)),
                other => encoded.push_str(&format!("%{other:02X}")),
            }
        }
        if text.len() + encoded.len() > MAX_LENGTH {
            break;
        }
        text.push_str(&encoded);
    }
    text
}

/// The text of a [`REASON_HEADER`] header. Control characters are left out: the text may be printed on a terminal.
#[must_use]
pub fn decode(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digit = |at: usize| after.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.extend(u8::try_from(high << 4 | low));
                rest = &after[2..];
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).chars().filter(|character| !character.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn english_stays_readable_and_the_rest_is_encoded() {
        assert_eq!(encode("stock_type: 5 of 10"), "stock_type: 5 of 10");
        assert_eq!(encode("100%\r\n券"), "100%25%0D%0A%E5%88%B8");
        assert_eq!(decode("100%25%0D%0A%E5%88%B8 %zz %"), "100%券 %zz %");
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_a_header_and_reads_back(text in "\\PC{0,40}") {
            let encoded = encode(&text);
            prop_assert!(http::HeaderValue::from_str(&encoded).is_ok());
            prop_assert_eq!(decode(&encoded), text);
        }

        #[test]
        fn a_long_one_is_cut_between_characters(text in "[券%a]{600,900}") {
            let encoded = encode(&text);
            prop_assert!(encoded.len() <= MAX_LENGTH && text.starts_with(&decode(&encoded)));
        }
    }
}
