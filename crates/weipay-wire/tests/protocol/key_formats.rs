//! Keys in another form than PEM: what can be read without guessing is read, everything else is named in the error, and
//! the error repeats none of the key.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use weipay_wire::{Certificate, KeyError, KeyFormat, PemKind, PrivateKey, PublicKey};

use crate::keys::{CERTIFICATE, KEY_PKCS8};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name)).as_slice()
    };
}

const KEY_DER: &[u8] = fixture!("merchant_key_pkcs8.der");
const KEY_PKCS1_DER: &[u8] = fixture!("merchant_key_pkcs1.der");
const PUBLIC_DER: &[u8] = fixture!("merchant_public_spki.der");
const CERTIFICATE_DER: &[u8] = fixture!("certificate.der");
const PKCS12: &[u8] = fixture!("merchant.p12");
const PKCS7: &[u8] = fixture!("certificate.p7b");

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The lines between the first and the last.
fn inner(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

/// What a private key was given as; nothing of it is in the refusal.
fn given(text: &str) -> KeyFormat {
    let error = PrivateKey::from_pem(text).unwrap_err();
    assert_says_nothing_of(text, &error);
    match error {
        KeyError::NotPem { wanted: PemKind::PrivateKey, given } => given,
        other => unreachable!("{other:?}"),
    }
}

fn given_bytes(bytes: &[u8]) -> KeyFormat {
    match PrivateKey::from_pem_bytes(bytes).unwrap_err() {
        KeyError::NotPem { wanted: PemKind::PrivateKey, given } => given,
        other => unreachable!("{other:?}"),
    }
}

/// No twelve characters of a row of base64 are repeated.
fn assert_says_nothing_of(text: &str, error: &KeyError) {
    let printed = format!("{error} {error:?} {error:#?}");
    for run in text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|run| run.len() >= 12) {
        assert!(!printed.contains(&run[..12]), "{printed}");
    }
}

#[test]
fn a_private_key_is_read_however_its_line_breaks_are_written() {
    let public = PrivateKey::from_pem(KEY_PKCS8).unwrap().public_key();
    for text in [
        KEY_PKCS8.replace('\n', "\\n"),
        KEY_PKCS8.replace('\n', "\\r\\n"),
        KEY_PKCS8.replace('\n', "\\\\n"),
        format!("\"{}\"", KEY_PKCS8.replace('\n', "\\n")),
        format!("'{KEY_PKCS8}'"),
        KEY_PKCS8.replace('\n', " "),
        KEY_PKCS8.replace('\n', "  \r\n"),
        format!("\u{FEFF}{KEY_PKCS8} \r\n\r\n"),
    ] {
        assert_eq!(PrivateKey::from_pem(&text).unwrap().public_key(), public, "{text}");
        assert_eq!(PrivateKey::from_pem_bytes(text.as_bytes()).unwrap().public_key(), public, "{text}");
    }
    let escaped = CERTIFICATE.replace('\n', "\\n");
    assert_eq!(Certificate::from_pem(&escaped).unwrap().public_key(), &public);
    assert_eq!(Certificate::from_pem_bytes(escaped.as_bytes()).unwrap().public_key(), &public);
    let escaped = public.to_spki_pem().replace('\n', "\\n");
    assert_eq!(PublicKey::from_pem_bytes(escaped.as_bytes()), Ok(public));
}

#[test]
fn base64_without_its_pem_lines_is_named_with_what_it_holds() {
    for (der, kind) in [
        (KEY_DER, PemKind::PrivateKey),
        (KEY_PKCS1_DER, PemKind::RsaPrivateKey),
        (PUBLIC_DER, PemKind::PublicKey),
        (CERTIFICATE_DER, PemKind::Certificate),
    ] {
        assert_eq!(given(&STANDARD.encode(der)), KeyFormat::Base64(Some(kind)));
        assert_eq!(given(&URL_SAFE_NO_PAD.encode(der)), KeyFormat::Base64(Some(kind)));
    }
    let lines = KEY_PKCS8.lines().filter(|line| !line.starts_with("-----")).collect::<Vec<_>>();
    for separator in ["\n", "\r\n", "\\n", " "] {
        assert_eq!(
            given(&lines.join(separator)),
            KeyFormat::Base64(Some(PemKind::PrivateKey)),
            "{separator:?}"
        );
    }
    assert_eq!(given(lines[0]), KeyFormat::Base64(None));
    assert_eq!(given(&inner(KEY_PKCS8)[1..]), KeyFormat::Base64(None));
    let error = PrivateKey::from_pem(&inner(KEY_PKCS8)).unwrap_err().to_string();
    assert!(error.contains("put the line `-----BEGIN PRIVATE KEY-----` before it"), "{error}");
}

#[test]
fn a_pem_or_a_pkcs12_file_that_was_encoded_once_more_is_named() {
    for text in [KEY_PKCS8.to_owned(), format!("\u{FEFF}{KEY_PKCS8}"), KEY_PKCS8.replace('\n', "\r\n")] {
        assert_eq!(given(&STANDARD.encode(text)), KeyFormat::Base64OfPem);
    }
    assert_eq!(given(&STANDARD.encode(PKCS12)), KeyFormat::Base64OfPkcs12);
}

#[test]
fn a_pem_with_damaged_lines_is_named() {
    for (text, format) in [
        (KEY_PKCS8.replacen("-----BEGIN", "----BEGIN", 1), KeyFormat::DamagedBeginLine),
        (KEY_PKCS8.replacen("-----BEGIN ", "", 1), KeyFormat::NoBeginLine),
        (KEY_PKCS8.replace("-----", "----"), KeyFormat::DamagedBeginLine),
        (KEY_PKCS8.replace("-----", ""), KeyFormat::DamagedBeginLine),
        (KEY_PKCS8.to_lowercase(), KeyFormat::DamagedBeginLine),
        (KEY_PKCS8.replacen("-----BEGIN PRIVATE KEY-----\n", "", 1), KeyFormat::NoBeginLine),
        (KEY_PKCS8.replace('-', "－"), KeyFormat::OtherDashes),
        (KEY_PKCS8.replace("--", "—"), KeyFormat::OtherDashes),
        (KEY_PKCS8.replacen("-----BEGIN", "－－－－－BEGIN", 1), KeyFormat::OtherDashes),
        (format!("－－－－－ＢＥＧＩＮ－－－－－{}", inner(KEY_PKCS8)), KeyFormat::OtherDashes),
        (KEY_PKCS8.replace(' ', "%20").replace('\n', "%0A"), KeyFormat::PercentEncoded),
    ] {
        assert_eq!(given(&text), format, "{text}");
        assert_eq!(given_bytes(text.as_bytes()), format, "{text}");
    }
}

#[test]
fn a_file_that_is_not_text_is_named_with_the_one_that_is_meant() {
    for (bytes, format, said) in [
        (PKCS12, KeyFormat::Pkcs12, "PKCS#12"),
        (PKCS7, KeyFormat::Pkcs7, "PKCS#7"),
        (KEY_DER, KeyFormat::Der(PemKind::PrivateKey), "openssl pkey -inform DER"),
        (KEY_PKCS1_DER, KeyFormat::Der(PemKind::RsaPrivateKey), "DER"),
        (PUBLIC_DER, KeyFormat::Der(PemKind::PublicKey), "DER"),
        (CERTIFICATE_DER, KeyFormat::Der(PemKind::Certificate), "a certificate"),
        (&utf16(KEY_PKCS8), KeyFormat::Utf16, "UTF-16"),
        (&utf16(&format!("\u{FEFF}{KEY_PKCS8}")), KeyFormat::Utf16, "UTF-8"),
        (b"PK\x03\x04\x14\0\x08\0\x08\0\x9a\xb1", KeyFormat::Archive, "ZIP"),
        (b"\xfe\xed\xfe\xed\0\0\0\x02", KeyFormat::JavaKeyStore, "Java"),
        (b"\0\x01\x02\xff", KeyFormat::Binary, "binary"),
    ] {
        assert_eq!(given_bytes(bytes), format);
        let text = PrivateKey::from_pem_bytes(bytes).unwrap_err().to_string();
        assert!(text.contains(said) && text.contains("apiclient_key.pem"), "{text}");
        let text = Certificate::from_pem_bytes(bytes).unwrap_err().to_string();
        assert!(text.contains(said) && text.contains("apiclient_cert.pem"), "{text}");
        let text = PublicKey::from_pem_bytes(bytes).unwrap_err().to_string();
        assert!(text.contains(said) && text.contains("pub_key.pem"), "{text}");
    }
}

#[test]
fn other_texts_are_named_too() {
    for (text, format) in [
        ("/etc/weipay/apiclient_key.pem", KeyFormat::Path),
        ("apiclient_key.pem", KeyFormat::Path),
        (
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc"}"#,
            KeyFormat::Json,
        ),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 wang@shop", KeyFormat::Ssh),
        ("0123456789abcdef0123456789abcdef", KeyFormat::Text),
        ("密钥", KeyFormat::Text),
    ] {
        assert_eq!(given(text), format, "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_happens_to_a_key_nothing_of_it_is_repeated(
        from in any::<prop::sample::Index>(), until in any::<prop::sample::Index>(), with in "[ -~\\n－\u{FEFF}]{0,3}",
    ) {
        let (from, until) = (from.index(KEY_PKCS8.len()), until.index(KEY_PKCS8.len()));
        let mut text = KEY_PKCS8.to_owned();
        text.replace_range(from.min(until)..from.max(until), &with);
        if let Err(error) = PrivateKey::from_pem(&text) {
            assert_says_nothing_of(&text, &error);
        }
        if let Err(error) = PrivateKey::from_pem_bytes(&text.as_bytes()[..from.min(text.len()) / 2]) {
            assert_says_nothing_of(&text, &error);
        }
    }

    #[test]
    fn any_bytes_as_a_file_are_answered_without_a_panic(bytes: Vec<u8>) {
        let _ = PrivateKey::from_pem_bytes(&bytes);
        let _ = PrivateKey::from_pem_bytes(&[&[0x30, 0x82][..], &bytes].concat());
        let _ = PublicKey::from_pem_bytes(&bytes);
        let _ = Certificate::from_pem_bytes(&bytes);
    }
}
