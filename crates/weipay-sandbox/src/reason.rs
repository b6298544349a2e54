//! The reason (原因): why a request was refused, for developers, where the platform's own words say little.
//!
//! It travels in a header, because the body is the platform's: a program that reads the body must find here what it
//! will find there. It names fields and rules and never a value: a value may be a person's name, or a key.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// The header that says why a request was refused, in English; see [`decode`].
pub const REASON_HEADER: &str = "weipay-sandbox-reason";

/// The longest header value.
const MAX_LENGTH: usize = 600;

/// What does not stand in the header as it is; letters beyond ASCII never do.
const UNREADABLE: &AsciiSet = &CONTROLS.add(b'%');

/// A reason as a header value: visible ASCII and blanks stay, everything else is percent-encoded, and so is `%`.
pub(crate) fn encode(reason: &str) -> String {
    let mut text = String::new();
    for character in reason.chars() {
        let mut bytes = [0; 4];
        let encoded = utf8_percent_encode(character.encode_utf8(&mut bytes), UNREADABLE).to_string();
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
    let text = percent_decode_str(value).decode_utf8_lossy();
    text.chars().filter(|character| !character.is_control()).collect()
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
