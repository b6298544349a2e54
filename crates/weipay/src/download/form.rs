//! Classifies a body by its first characters, in UTF-8 or UTF-16: an error in place of a file is markup or JSON, and no file
//! of the platform begins like them.

use std::borrow::Cow;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use crate::json;

/// The first bytes of a gzip stream (RFC 1952): its two magic bytes, and its only method. No text, picture or PDF begins so.
pub(super) const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

/// How much of a compressed body is decompressed to see its form.
const MAX_SEEN: u64 = 4096;

/// A byte order mark of UTF-8, which may come in pieces.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The form of the beginning of a body, after blanks and a byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// There is nothing else.
    Nothing,
    /// A part of a character, or of a byte order mark.
    Undecided,
    /// XML or HTML, comments of these included.
    Markup,
    /// An object or an array.
    Json,
    /// Anything else, as a file may.
    Other,
}

impl Form {
    pub(crate) fn of(text: &[u8]) -> Self {
        if matches!(text, [0 | 0xFE | 0xFF]) {
            return Self::Undecided;
        }
        let Some(units) = utf_16(text) else {
            return match json::beginning(text) {
                [] => Self::Nothing,
                part if MARK.starts_with(part) => Self::Undecided,
                [first, ..] => Self::of_character(u16::from(*first)),
            };
        };
        let blanks = [0x09, 0x0A, 0x0C, 0x0D, 0x20, 0xFEFF];
        match units.into_iter().find(|character| !blanks.contains(character)) {
            Some(character) => Self::of_character(character),
            None if text.len().is_multiple_of(2) => Self::Nothing,
            None => Self::Undecided,
        }
    }

    /// The form of a whole body, also of one that is compressed.
    pub(crate) fn of_body(body: &[u8]) -> Self {
        Self::of(&unpacked(body))
    }

    fn of_character(first: u16) -> Self {
        match u8::try_from(first) {
            Ok(b'<') => Self::Markup,
            Ok(b'{' | b'[') => Self::Json,
            _ => Self::Other,
        }
    }
}

/// The units of a text, if it is UTF-16. Without a byte order mark, the 0 in its first character tells: what is looked for is
/// ASCII.
fn utf_16(text: &[u8]) -> Option<impl IntoIterator<Item = u16> + '_> {
    let read: fn([u8; 2]) -> u16 = match text {
        [0xFF, 0xFE, ..] | [1..=0x7F, 0, ..] => u16::from_le_bytes,
        [0xFE, 0xFF, ..] | [0, 1..=0x7F, ..] => u16::from_be_bytes,
        _ => return None,
    };
    Some(text.as_chunks::<2>().0.iter().map(move |pair| read(*pair)))
}

/// The beginning of what a gzip stream compresses, or the body itself.
fn unpacked(body: &[u8]) -> Cow<'_, [u8]> {
    if !body.starts_with(&GZIP) {
        return Cow::Borrowed(body);
    }
    let mut beginning = Vec::new();
    // A damaged gzip stream is judged by the part that can be decompressed.
    MultiGzDecoder::new(body).take(MAX_SEEN).read_to_end(&mut beginning).ok();
    match beginning.is_empty() {
        // An empty bill may be compressed, and a damaged stream is another matter.
        true => Cow::Borrowed(body),
        false => Cow::Owned(beginning),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn wide(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    /// The text in each encoding, with and without a byte order mark.
    fn encodings(text: &str) -> Vec<Vec<u8>> {
        let marked = format!("\u{feff}{text}");
        [text, &marked]
            .iter()
            .flat_map(|text| {
                [text.as_bytes().to_vec(), wide(text, u16::to_le_bytes), wide(text, u16::to_be_bytes)]
            })
            .collect()
    }

    #[test]
    fn a_form_is_the_same_in_every_encoding_and_compressed() {
        for (text, form) in [
            ("<html>登录</html>", Form::Markup),
            (" \r\n\t<!-- a --><!DOCTYPE html>", Form::Markup),
            ("<?xml version=\"1.0\" encoding=\"UTF-16\"?>", Form::Markup),
            ("{\"code\":\"SYSTEM_ERROR\"}", Form::Json),
            ("\n[]", Form::Json),
            ("date,amount", Form::Other),
            ("`2026-11-26,`0.01", Form::Other),
        ] {
            for body in encodings(text) {
                assert_eq!(Form::of(&body), form, "{body:02x?}");
                let mut packed = GzEncoder::new(Vec::new(), Compression::best());
                packed.write_all(&body).unwrap();
                let packed = packed.finish().unwrap();
                assert_eq!((Form::of(&packed), Form::of_body(&packed)), (Form::Other, form), "{body:02x?}");
                // However little of it has come, it is not taken for something else.
                for length in 1..body.len() {
                    let early = Form::of(&body[..length]);
                    let is_early = matches!(early, Form::Nothing | Form::Undecided);
                    assert!(is_early || early == form, "{early:?} {:02x?}", &body[..length]);
                }
            }
        }
    }

    #[test]
    fn blanks_are_nothing_and_binary_files_are_files() {
        for body in
            [&b""[..], b" \r\n", b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF", b"\xFF\xFE\r\0\n\0", b" \0"]
        {
            assert_eq!(Form::of(body), Form::Nothing, "{body:02x?}");
        }
        for body in [
            &b"%PDF-1.7"[..],
            b"PK\x03\x04",
            b"\xFF\xD8\xFF\xE0",
            b"\x89PNG",
            b"\x1f\x8b\x08",
            b"\0\0\0\x18ftyp",
            &[0; 4096],
            "交易时间".as_bytes(),
        ] {
            assert_eq!(
                (Form::of(body), Form::of_body(body)),
                (Form::Other, Form::Other),
                "{:02x?}",
                &body[..3]
            );
        }
    }
}
