//! PEM: the text form in which keys and certificates reach a merchant.
//!
//! The reader forgives what copying does to a text (CRLF, a byte order mark, notes around the block, lost
//! indentation) and nothing else. A file may hold several blocks; the first of a wanted kind is taken, and when
//! there is none the refusal names the block that is there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::key_error::{KeyError, PemKind};

/// The longest text that is read as PEM. A certificate has about 1.5 kB; a chain in one file a few times that.
pub(crate) const MAX_PEM_LENGTH: usize = 64 * 1024;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// RFC 7468 breaks lines after 64 characters.
const LINE_LENGTH: usize = 64;

/// The content of the first block of a kind that `accept` holds; the first of them names what was wanted.
pub(crate) fn read(text: &str, accept: &[PemKind]) -> Result<(PemKind, Zeroizing<Vec<u8>>), KeyError> {
    let wanted = accept.first().copied().unwrap_or(PemKind::Other);
    if text.len() > MAX_PEM_LENGTH {
        return Err(KeyError::TooLarge { wanted, length: text.len() });
    }
    if text.trim_start_matches('\u{FEFF}').trim().is_empty() {
        return Err(KeyError::Empty { wanted });
    }
    let mut refusal = KeyError::NotPem { wanted };
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let block = Block::read(&rest[start..]).ok_or(KeyError::BrokenPem { wanted })?;
        let kind = block.kind();
        if accept.contains(&kind) {
            return block.content().map(|content| (kind, content)).ok_or(KeyError::BrokenPem { wanted });
        }
        // A block of no interest, such as the `EC PARAMETERS` before a key, does not hide the telling one.
        if matches!(refusal, KeyError::NotPem { .. } | KeyError::WrongKind { found: PemKind::Other, .. }) {
            refusal = wrong_kind(wanted, kind);
        }
        rest = block.rest;
    }
    Err(refusal)
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
    fn read(text: &'a str) -> Option<Self> {
        let (label, after) = text.strip_prefix(BEGIN)?.split_once(DASHES)?;
        let (body, ending) = after.split_once(END)?;
        let rest = ending.strip_prefix(label)?.strip_prefix(DASHES)?;
        Some(Self { label, body, rest })
    }

    fn kind(&self) -> PemKind {
        match PemKind::of_label(self.label) {
            PemKind::RsaPrivateKey if self.body.contains("Proc-Type:") => PemKind::EncryptedPrivateKey,
            kind => kind,
        }
    }

    fn content(&self) -> Option<Zeroizing<Vec<u8>>> {
        // Full capacity from the start: growing would leave copies of a private key behind in freed memory.
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.body.len()));
        base64.extend(self.body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let mut content = Zeroizing::new(Vec::with_capacity(base64.len()));
        STANDARD.decode_vec(&*base64, &mut content).ok()?;
        Some(content)
    }
}

/// Writes one block, in lines of 64 characters, each ended by LF.
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
    fn a_text_that_is_no_pem_is_refused_by_what_it_lacks() {
        let wanted = PemKind::PublicKey;
        for (text, refusal) in [
            ("", KeyError::Empty { wanted }),
            ("\u{FEFF} \r\n\t", KeyError::Empty { wanted }),
            ("/etc/pub_key.pem", KeyError::NotPem { wanted }),
            ("aGVsbG8=", KeyError::NotPem { wanted }),
            ("-----BEGIN PUBLIC KEY-----\naGVsbG8=", KeyError::BrokenPem { wanted }),
            (
                "-----BEGIN PUBLIC KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----",
                KeyError::BrokenPem { wanted },
            ),
            (
                "-----BEGIN PUBLIC KEY-----\\naGVsbG8=\\n-----END PUBLIC KEY-----",
                KeyError::BrokenPem { wanted },
            ),
            ("-----BEGIN PUBLIC KEY-----\naGVsbG8\n-----END PUBLIC KEY-----", KeyError::BrokenPem { wanted }),
        ] {
            assert_eq!(content(text), Err(refusal), "{text:?}");
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
