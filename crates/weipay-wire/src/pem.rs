//! PEM: the text form in which keys and certificates reach a merchant.
//!
//! The reader accepts what copying does to a text (CRLF, a byte order mark, notes around the block, lost indentation,
//! line breaks written as the two characters `\n`) and nothing else. None of these can occur in base64, so nothing is
//! guessed. A file may contain several blocks; the first one of an accepted kind is read. If there is none, the error
//! names the block that is there, or says what the text looks like.

use std::iter::Peekable;
use std::str::Chars;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::key_error::{KeyError, PemDamage, PemKind};
use crate::key_format::KeyFormat;

/// The longest text that is read as PEM. A certificate has about 1.5 kB, and a chain in one file a few times as much.
pub(crate) const MAX_PEM_LENGTH: usize = 64 * 1024;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// The longest label that a key or certificate has.
const MAX_LABEL_LENGTH: usize = 40;
/// RFC 7468 breaks lines after 64 characters.
const LINE_LENGTH: usize = 64;

/// Decodes the text of a file. PEM blocks are ASCII; notes around them may be in any encoding that extends ASCII.
pub(crate) fn decode_text(bytes: &[u8], wanted: PemKind) -> Result<Zeroizing<String>, KeyError> {
    if bytes.len() > MAX_PEM_LENGTH {
        return Err(KeyError::TooLarge { wanted, length: bytes.len() });
    }
    let has_block = bytes.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes());
    match str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(Zeroizing::new(text.to_owned())),
        Err(_) if has_block => {
            // Full capacity from the start, three bytes for a byte: growing would leave copies behind.
            let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 3));
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                text.push('\u{FFFD}');
            }
            Ok(text)
        }
        _ => Err(KeyError::NotPem { wanted, given: KeyFormat::from_bytes(bytes) }),
    }
}

/// Reads the content of the first block whose kind is in `accept`. The first of these kinds is named in errors.
pub(crate) fn read(text: &str, accept: &[PemKind]) -> Result<(PemKind, Zeroizing<Vec<u8>>), KeyError> {
    let wanted = accept.first().copied().unwrap_or(PemKind::Other);
    if text.len() > MAX_PEM_LENGTH {
        return Err(KeyError::TooLarge { wanted, length: text.len() });
    }
    if text.trim_start_matches('\u{FEFF}').trim().is_empty() {
        return Err(KeyError::Empty { wanted });
    }
    let broken = |damage| KeyError::BrokenPem { wanted, damage };
    let mut refusal = None;
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let block = Block::read(&rest[start..]).map_err(broken)?;
        let kind = block.kind();
        if accept.contains(&kind) {
            let content = block.content().ok_or_else(|| broken(PemDamage::NotBase64))?;
            return Ok((kind, content));
        }
        // An unrelated block, such as `EC PARAMETERS` before a key, must not hide the important one.
        if matches!(refusal, None | Some(KeyError::WrongKind { found: PemKind::Other, .. })) {
            refusal = Some(wrong_kind(wanted, kind));
        }
        rest = block.rest;
    }
    Err(refusal.unwrap_or_else(|| KeyError::NotPem { wanted, given: KeyFormat::from_text(text) }))
}

fn wrong_kind(wanted: PemKind, found: PemKind) -> KeyError {
    match (wanted, found) {
        (PemKind::PrivateKey, PemKind::EncryptedPrivateKey) => KeyError::Encrypted,
        (PemKind::PrivateKey, PemKind::EcPrivateKey) => KeyError::NotRsa { wanted },
        _ => KeyError::WrongKind { wanted, found },
    }
}

/// One block, from its first dashes to its last.
struct Block<'a> {
    label: &'a str,
    body: &'a str,
    rest: &'a str,
}

impl<'a> Block<'a> {
    /// Reads the block that `text` starts with.
    fn read(text: &'a str) -> Result<Self, PemDamage> {
        let after = text.strip_prefix(BEGIN).ok_or(PemDamage::BeginLine)?;
        let (label, after) = after.split_once(DASHES).ok_or(PemDamage::BeginLine)?;
        if label.contains(['\n', '\r', '\\', '-']) || label.len() > MAX_LABEL_LENGTH {
            return Err(PemDamage::BeginLine);
        }
        let (body, ending) = after.split_once(END).ok_or(PemDamage::NoEndLine)?;
        let rest = ending.strip_prefix(label).and_then(|rest| rest.strip_prefix(DASHES));
        Ok(Self { label, body, rest: rest.ok_or(PemDamage::EndLine)? })
    }

    fn kind(&self) -> PemKind {
        match PemKind::from_label(self.label) {
            PemKind::RsaPrivateKey if self.body.contains("Proc-Type:") => PemKind::EncryptedPrivateKey,
            kind => kind,
        }
    }

    fn content(&self) -> Option<Zeroizing<Vec<u8>>> {
        // Full capacity from the start: growing would leave copies of a private key behind in freed memory.
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.body.len()));
        let mut letters = self.body.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => skip_line_break(&mut letters)?,
                letter if letter.is_whitespace() || letter == '\u{FEFF}' => {}
                letter => base64.push(u8::try_from(letter).ok()?),
            }
        }
        let mut content = Zeroizing::new(Vec::with_capacity(base64.len()));
        STANDARD.decode_vec(&*base64, &mut content).ok()?;
        Some(content)
    }
}

/// Skips what follows a backslash: `n`, `r`, or a real line break. Some writers double the backslash.
fn skip_line_break(letters: &mut Peekable<Chars<'_>>) -> Option<()> {
    while letters.next_if_eq(&'\\').is_some() {}
    letters.next_if(|letter| matches!(letter, 'n' | 'r' | '\n' | '\r')).map(|_| ())
}

/// Writes one block, in lines of 64 characters that end with LF.
pub(crate) fn write(label: &str, content: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(content));
    let length = base64.len() + base64.len() / LINE_LENGTH + 2 * label.len() + 64;
    let mut text = Zeroizing::new(String::with_capacity(length));
    for part in [BEGIN, label, DASHES, "\n"] {
        text.push_str(part);
    }
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE_LENGTH));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    for part in [END, label, DASHES, "\n"] {
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WANTED: [PemKind; 2] = [PemKind::PublicKey, PemKind::RsaPublicKey];
    const PLAIN: &str = "-----BEGIN PUBLIC KEY-----\naGVsbG8=\n-----END PUBLIC KEY-----\n";

    fn content(text: &str) -> Result<Vec<u8>, KeyError> {
        read(text, &WANTED).map(|(_, content)| content.to_vec())
    }

    #[test]
    fn what_copying_does_to_a_text_is_forgiven() {
        for text in [
            PLAIN.to_owned(),
            PLAIN.replace('\n', "\r\n"),
            PLAIN.replace('\n', "\n    "),
            PLAIN.replace('\n', ""),
            PLAIN.replace('\n', "\\n"),
            PLAIN.replace('\n', "\\r\\n"),
            PLAIN.replace('\n', "\\\\n"),
            PLAIN.replace('\n', "\\\n"),
            PLAIN.replace('\n', " "),
            PLAIN.replace('\n', " \t\r\n"),
            PLAIN.replace('\n', "\u{A0}\n\u{3000}"),
            format!("\"{}\"", PLAIN.replace('\n', "\\n")),
            format!("\u{FEFF}{PLAIN}"),
            format!("Bag Attributes\n  friendlyName: key\n{PLAIN}the end"),
        ] {
            assert_eq!(content(&text), Ok(b"hello".to_vec()), "{text:?}");
        }
    }

    #[test]
    fn the_first_block_of_a_wanted_kind_is_taken() {
        let text = format!("{}{PLAIN}", &*write("CERTIFICATE", b"other"));
        assert_eq!(content(&text), Ok(b"hello".to_vec()));
    }

    #[test]
    fn when_no_block_is_wanted_the_first_is_named() {
        let text = format!("{}{}", &*write("CERTIFICATE", b"1"), &*write("PRIVATE KEY", b"2"));
        let refusal = KeyError::WrongKind { wanted: PemKind::PublicKey, found: PemKind::Certificate };
        assert_eq!(content(&text), Err(refusal.clone()));
        let text = format!("{}{text}", &*write("EC PARAMETERS", b"0"));
        assert_eq!(content(&text), Err(refusal));
    }

    #[test]
    fn the_error_for_a_text_that_is_not_a_pem_says_what_is_missing() {
        let wanted = PemKind::PublicKey;
        let not_pem = |given| KeyError::NotPem { wanted, given };
        let broken = |damage| KeyError::BrokenPem { wanted, damage };
        for (text, refusal) in [
            ("", KeyError::Empty { wanted }),
            ("\u{FEFF} \r\n\t", KeyError::Empty { wanted }),
            ("/etc/pub_key.pem", not_pem(KeyFormat::Path)),
            ("file:///etc/pub_key.pem", not_pem(KeyFormat::FileUrl)),
            ("FILE://C:/keys/pub_key.pem", not_pem(KeyFormat::FileUrl)),
            ("aGVsbG8=", not_pem(KeyFormat::Text)),
            ("-----BEGIN PUBLIC KEY", broken(PemDamage::BeginLine)),
            ("-----BEGIN PUBLIC KEY----\naGVsbG8=\n-----END PUBLIC KEY-----", broken(PemDamage::BeginLine)),
            ("-----BEGIN PUBLIC KEY-----", broken(PemDamage::NoEndLine)),
            ("-----BEGIN PUBLIC KEY-----\naGVsbG8=", broken(PemDamage::NoEndLine)),
            ("-----BEGIN PUBLIC KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----", broken(PemDamage::EndLine)),
            ("-----BEGIN PUBLIC KEY-----\naGVsbG8=\n-----END PUBLIC KEY----", broken(PemDamage::EndLine)),
            ("-----BEGIN PUBLIC KEY-----\naGVsbG8\n-----END PUBLIC KEY-----", broken(PemDamage::NotBase64)),
            (
                "-----BEGIN PUBLIC KEY-----\na\\GVsbG8=\n-----END PUBLIC KEY-----",
                broken(PemDamage::NotBase64),
            ),
            ("-----BEGIN PUBLIC KEY-----\naGVsbG8＝\n-----END PUBLIC KEY-----", broken(PemDamage::NotBase64)),
        ] {
            assert_eq!(content(text), Err(refusal), "{text:?}");
        }
    }

    #[test]
    fn notes_around_a_block_may_be_in_another_encoding() {
        let gbk = [b"\xc9\xcc\xbb\xa7\xcb\xbd\xd4\xbf\n".as_slice(), PLAIN.as_bytes()].concat();
        let text = decode_text(&gbk, PemKind::PublicKey).unwrap();
        assert_eq!(content(&text), Ok(b"hello".to_vec()));
    }

    #[test]
    fn a_text_in_another_unicode_encoding_is_named_with_and_without_its_mark() {
        let wide = |width: usize, is_big: bool, mark: &str| -> Vec<u8> {
            let unit = |letter: char| {
                let code = u32::from(letter).to_be_bytes();
                let mut unit = code[4 - width..].to_vec();
                if !is_big {
                    unit.reverse();
                }
                unit
            };
            mark.chars().chain(PLAIN.chars()).flat_map(unit).collect()
        };
        for (width, is_big) in [(2, false), (2, true), (4, false), (4, true)] {
            for mark in ["", "\u{feff}"] {
                let refusal = decode_text(&wide(width, is_big, mark), PemKind::PublicKey).unwrap_err();
                let given = KeyFormat::Utf16;
                assert_eq!(
                    refusal,
                    KeyError::NotPem { wanted: PemKind::PublicKey, given },
                    "{width} {mark:?}"
                );
            }
        }
    }

    #[test]
    fn a_text_beyond_the_bound_is_refused_unread() {
        let text = format!("{PLAIN}{}", " ".repeat(MAX_PEM_LENGTH));
        let length = text.len();
        assert_eq!(content(&text), Err(KeyError::TooLarge { wanted: PemKind::PublicKey, length }));
    }

    proptest! {
        #[test]
        fn any_text_is_answered_without_a_panic(text: String) {
            let _ = content(&text);
        }

        #[test]
        fn any_damage_to_a_block_is_answered_without_a_panic(at in 0..PLAIN.len(), with: char) {
            let mut text = PLAIN.to_owned();
            text.replace_range(at..=at, with.encode_utf8(&mut [0; 4]));
            let _ = content(&text);
        }

        #[test]
        fn what_is_written_reads_back_in_lines_of_at_most_64(bytes: Vec<u8>) {
            let text = write("PUBLIC KEY", &bytes);
            prop_assert!(text.lines().all(|line| line.len() <= 64));
            prop_assert_eq!(content(&text), Ok(bytes));
        }
    }
}
