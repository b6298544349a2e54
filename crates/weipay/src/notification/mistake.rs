//! The probable change of a body whose signature is wrong. It is a hint for a person; nothing is decided by it.

use std::fmt::{self, Display, Formatter};

use serde::de::IgnoredAny;

/// A change of the body on its way to the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyMistake {
    /// There is no body: something has read it already.
    AlreadyRead,
    /// It is the empty result of a parser, such as `{}` or `[object Object]`.
    Parsed,
    /// It is JSON in a JSON string: it was serialized twice.
    Quoted,
    /// It was encoded as a form or a URL.
    FormEncoded,
    /// It ends too early: it did not arrive whole.
    CutOff,
    /// It is not UTF-8: its text was converted.
    NotUtf8,
    /// It has spaces between its tokens, as a serializer that writes for people makes them.
    Spaced,
    /// It has escapes such as `\u4e2d` or `\/`.
    Escaped,
    /// Its members are in another order.
    Reordered,
}

/// Values that a body parser leaves in place of the raw body.
const LEFT_OVER: [&[u8]; 6] = [b"{}", b"[]", b"null", b"None", b"undefined", b"[object Object]"];

impl BodyMistake {
    /// Looks at a body whose signature does not hold. The platform posts JSON without blanks between its
    /// tokens, without escapes of what needs none, and with `id` as its first member.
    pub(super) fn find(body: &[u8]) -> Option<Self> {
        let trimmed = body.trim_ascii();
        match trimmed.first() {
            None => Some(Self::AlreadyRead),
            _ if LEFT_OVER.contains(&trimmed) => Some(Self::Parsed),
            Some(b'"') => Some(Self::Quoted),
            Some(b'%') => Some(Self::FormEncoded),
            Some(b'{') => Self::find_damage(body).or_else(|| Self::find_in_object(body)),
            _ => None,
        }
    }

    fn find_damage(body: &[u8]) -> Option<Self> {
        // Bytes that end inside a character are cut off.
        if std::str::from_utf8(body).is_err_and(|error| error.error_len().is_some()) {
            return Some(Self::NotUtf8);
        }
        let error = serde_json::from_slice::<IgnoredAny>(body).err()?;
        error.is_eof().then_some(Self::CutOff)
    }

    fn find_in_object(body: &[u8]) -> Option<Self> {
        let (mut in_text, mut escaped) = (false, false);
        for byte in body {
            match byte {
                _ if escaped => {
                    if matches!(byte, b'u' | b'/') {
                        return Some(Self::Escaped);
                    }
                    escaped = false;
                }
                b'\\' if in_text => escaped = true,
                b'"' => in_text = !in_text,
                byte if !in_text && byte.is_ascii_whitespace() => return Some(Self::Spaced),
                _ => {}
            }
        }
        (!body.starts_with(br#"{"id""#)).then_some(Self::Reordered)
    }
}

impl Display for BodyMistake {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyRead => {
                "the body is empty: something before the receiver has read it, such as a middleware or another extractor"
            }
            Self::Parsed => {
                "the body was already parsed: a middleware read it as JSON before the receiver"
            }
            Self::Quoted => "the body is a JSON string with JSON in it: it was serialized again",
            Self::FormEncoded => "the body is URL-encoded: something before the receiver parsed it as a form",
            Self::CutOff => "the body ends too early: it did not arrive completely, or was not read to its end",
            Self::NotUtf8 => "the body is not UTF-8: something before the receiver converted its text",
            Self::Spaced => {
                "the body has spaces between its tokens, which the platform does not write: it looks parsed and \
                 serialized again"
            }
            Self::Escaped => {
                "the body has escapes such as \\u4e2d or \\/, which the platform does not write: it looks parsed and serialized again"
            }
            Self::Reordered => {
                "the first member of the body is not `id`: it looks parsed and serialized again in another order"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_to_a_body_is_told() {
        for (body, mistake) in [
            ("", Some(BodyMistake::AlreadyRead)),
            (" \r\n", Some(BodyMistake::AlreadyRead)),
            ("{}", Some(BodyMistake::Parsed)),
            ("[object Object]", Some(BodyMistake::Parsed)),
            (r#""{\"id\":1}""#, Some(BodyMistake::Quoted)),
            ("%7B%22id%22%3A1%7D=", Some(BodyMistake::FormEncoded)),
            (r#"{"id": "1"}"#, Some(BodyMistake::Spaced)),
            ("{\"id\":\"1\"}\n", Some(BodyMistake::Spaced)),
            (r#"{"id":"1","summary":"\u652f\u4ed8"}"#, Some(BodyMistake::Escaped)),
            (r#"{"id":"1","ciphertext":"a\/b"}"#, Some(BodyMistake::Escaped)),
            (r#"{"create_time":"1","id":"1"}"#, Some(BodyMistake::Reordered)),
            (r#"{"id":"1","summary":"a blank in a text, and \"quotes\""}"#, None),
            (r#"{"id":"1","summary":"支"#, Some(BodyMistake::CutOff)),
            (r#"{"id":"1","resource":{"#, Some(BodyMistake::CutOff)),
            ("<xml>", None),
        ] {
            assert_eq!(BodyMistake::find(body.as_bytes()), mistake, "{body}");
        }
        let gbk = b"{\"id\":\"1\",\"summary\":\"\xD6\xA7\xB8\xB6\"}";
        assert_eq!(BodyMistake::find(gbk), Some(BodyMistake::NotUtf8));
        let inside_a_character = &"{\"id\":\"1\",\"summary\":\"支".as_bytes()[..23];
        assert_eq!(BodyMistake::find(inside_a_character), Some(BodyMistake::CutOff));
    }
}
