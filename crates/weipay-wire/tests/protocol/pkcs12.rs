//! PKCS#12 files that OpenSSL 3 wrote: with `-legacy`, as the platform's own tool writes them, and in its own way.

use proptest::prelude::*;
use weipay_wire::{Certificate, ClientIdentity, KeyError, Pkcs12Error};

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/pkcs12/", $name)).as_slice()
    };
}

const PASSWORD: &str = "1900007291";
const SERIAL: &str = "0C4AEF34B89340881BB2B25226393DC2E47F094B";

fn certificate() -> Certificate {
    Certificate::from_pem_bytes(file!("cert.pem")).unwrap()
}

#[test]
fn files_of_old_and_new_schemes_give_the_same_certificate_and_its_key() {
    for (name, file, password, above) in [
        ("RC2 of 40 bits, 3DES, SHA-1", file!("old.p12"), PASSWORD, 1),
        ("AES-256, PBKDF2, SHA-256", file!("new.p12"), PASSWORD, 1),
        ("AES-128, open certificate, SHA-512", file!("plain_certificate.p12"), "密码x", 0),
        ("nothing encrypted", file!("plain_key.p12"), PASSWORD, 0),
        ("RC2 of 128 bits, 3DES, empty password", file!("empty_password.p12"), "", 0),
        ("no proof of integrity", file!("no_mac.p12"), PASSWORD, 0),
    ] {
        let identity =
            ClientIdentity::from_pkcs12(file, password).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(identity.certificate().serial(), SERIAL, "{name}");
        assert_eq!(identity.key().public_key(), *certificate().public_key(), "{name}");
        assert_eq!(identity.chain().count(), 1 + above, "{name}");
        assert_eq!(identity.chain().next(), Some(certificate().as_der()), "{name}");
    }
}

#[test]
fn a_wrong_password_is_told_and_not_printed() {
    for file in [file!("old.p12"), file!("new.p12"), file!("plain_key.p12"), file!("no_mac.p12")] {
        for password in ["", "1900007292", "my-secret"] {
            let refusal = ClientIdentity::from_pkcs12(file, password).unwrap_err();
            assert!(matches!(refusal, Pkcs12Error::Password | Pkcs12Error::Malformed), "{refusal:?}");
            assert!(!format!("{refusal} {refusal:?}").contains("my-secret"));
        }
    }
    let refusal = ClientIdentity::from_pkcs12(file!("old.p12"), "1900007292").unwrap_err();
    assert!(refusal.to_string().contains("商户号"), "{refusal}");
}

#[test]
fn what_is_missing_or_not_rsa_is_named() {
    let refusal = |file| ClientIdentity::from_pkcs12(file, PASSWORD).unwrap_err();
    assert_eq!(refusal(file!("no_key.p12")), Pkcs12Error::NoKey);
    assert!(matches!(refusal(file!("ec.p12")), Pkcs12Error::Key(KeyError::NotRsa { .. })));
}

#[test]
fn what_is_no_pkcs12_is_told_by_its_form() {
    let refusal = |bytes: &[u8]| ClientIdentity::from_pkcs12(bytes, PASSWORD).unwrap_err();
    let text = base64_of(file!("new.p12"));
    for (bytes, said) in [
        (b"hello".as_slice(), "this is text, not a PKCS#12 file, which is binary"),
        (file!("cert.pem"), "this is a PEM, which is text, not a PKCS#12 file"),
        (certificate().as_der(), "this is a certificate (CERTIFICATE) in DER, not a PKCS#12 file"),
        (b"PK\x03\x04\xFF", "this is a ZIP or gzip file, not a PKCS#12 file"),
        (text.as_bytes(), "decode it first with `base64 -d`"),
        (b"\x31\x00\xFF", "this is not a PKCS#12 file, or its header is damaged"),
    ] {
        let refusal = refusal(bytes);
        assert!(matches!(refusal, Pkcs12Error::NotPkcs12 { .. }), "{refusal:?}");
        let told = refusal.to_string();
        assert!(told.contains(said) && told.contains("apiclient_cert.p12"), "{said}: {told}");
        assert!(!told.contains("not a PEM"), "{told}");
    }
    assert_eq!(refusal(b""), Pkcs12Error::Empty);
    assert!(matches!(refusal(&[0x30; 65 * 1024]), Pkcs12Error::TooLarge { length } if length == 65 * 1024));
    assert_eq!(refusal(&[0x30, 0x80, 2, 1, 3]), Pkcs12Error::OpenLengths);
}

fn base64_of(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

#[test]
fn a_file_that_is_cut_off_is_damaged_and_not_something_else() {
    for whole in [file!("old.p12"), file!("new.p12")] {
        for length in [64, whole.len() / 2, whole.len() - 1] {
            let refusal = ClientIdentity::from_pkcs12(&whole[..length], PASSWORD).unwrap_err();
            assert_eq!(refusal, Pkcs12Error::Malformed, "{length}");
            assert!(refusal.to_string().contains("damaged or cut off"));
        }
    }
}

#[test]
fn a_file_that_asks_for_too_much_work_is_refused_before_the_work() {
    assert_eq!(
        ClientIdentity::from_pkcs12(file!("costly.p12"), PASSWORD).unwrap_err(),
        Pkcs12Error::TooCostly
    );
}

#[test]
fn a_certificate_and_a_key_that_do_not_belong_together_are_no_identity() {
    let identity = ClientIdentity::from_pkcs12(file!("old.p12"), PASSWORD).unwrap();
    assert!(ClientIdentity::new(certificate(), identity.key().clone()).is_some());
    let other = weipay_wire::PrivateKey::generate().unwrap();
    assert!(ClientIdentity::new(certificate(), other).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_file_that_was_cut_or_changed_anywhere_is_refused_or_still_right(at: prop::sample::Index, to: u8, cut: bool) {
        let mut file = file!("plain_certificate.p12").to_vec();
        let at = at.index(file.len());
        if cut { file.truncate(at) } else { file[at] = to }
        if let Ok(identity) = ClientIdentity::from_pkcs12(&file, "密码x") {
            prop_assert_eq!(identity.certificate().serial(), SERIAL);
        }
    }
}

#[test]
fn what_is_written_is_read_with_its_password_only() {
    let identity = ClientIdentity::from_pkcs12(file!("old.p12"), PASSWORD).unwrap();
    let written = identity.to_pkcs12("1900000109").unwrap();
    let read = ClientIdentity::from_pkcs12(&written, "1900000109").unwrap();
    assert_eq!(read.certificate().as_der(), identity.certificate().as_der());
    assert_eq!(read.key().public_key(), identity.key().public_key());
    assert_eq!(ClientIdentity::from_pkcs12(&written, PASSWORD).unwrap_err(), Pkcs12Error::Password);
    assert_ne!(*identity.to_pkcs12("1900000109").unwrap(), *written, "each has salts of its own");
}
