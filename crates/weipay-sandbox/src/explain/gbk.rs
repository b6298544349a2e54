//! GBK: the encoding of a program that names none, on Chinese Windows.

use std::collections::BTreeMap;

/// A line for each first byte from 0x81, and in it a letter for each second byte from 0x40, without 0x7F. U+FFFD is none.
const TABLE: &str = include_str!("gbk.txt");
const NONE: char = '\u{fffd}';
/// A longer text is not looked at.
const MAX_BYTES: usize = 16 * 1024;

/// `None` if it has a letter that GBK does not have.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let is_wanted = |letter: &char| !letter.is_ascii() && *letter != NONE;
    let mut codes: BTreeMap<char, Option<[u8; 2]>> =
        text.chars().filter(is_wanted).map(|letter| (letter, None)).collect();
    for (first, line) in (0x81..=0xfe).zip(TABLE.lines()) {
        for (second, letter) in second_bytes().zip(line.chars()) {
            if let Some(code) = codes.get_mut(&letter) {
                *code = Some([first, second]);
            }
        }
    }
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match u8::try_from(letter).ok().filter(u8::is_ascii) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(&codes.get(&letter).copied().flatten()?),
        }
    }
    Some(bytes)
}

fn second_bytes() -> impl Iterator<Item = u8> {
    (0x40..=0x7e).chain(0x80..=0xfe)
}

/// `None` if it is not GBK.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let lines: Vec<&str> = TABLE.lines().collect();
    let mut text = String::with_capacity(bytes.len() * 2);
    let mut rest = bytes.iter().copied();
    while let Some(first) = rest.next() {
        if first.is_ascii() {
            text.push(char::from(first));
            continue;
        }
        let (line, second) = (lines.get(usize::from(first.checked_sub(0x81)?))?, rest.next()?);
        let place = second_bytes().position(|known| known == second)?;
        text.push(line.chars().nth(place).filter(|letter| *letter != NONE)?);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_first_byte_and_a_letter_for_each_second() {
        assert_eq!(TABLE.lines().count(), 126);
        assert!(TABLE.lines().all(|line| line.chars().count() == 190));
        assert_eq!(TABLE.chars().filter(|letter| !matches!(*letter, '\n' | NONE)).count(), 21_791);
    }

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
        assert_eq!(encode("\u{fffd}"), None);
        for bad in [&b"\x80"[..], b"\xff\xff", b"\xb0", b"\xb0\x7f", b"\xb0\x20"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }
}
