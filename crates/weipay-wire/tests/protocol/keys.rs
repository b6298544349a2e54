//! Keys and certificates as OpenSSL writes them, and everything that people give in their place.

use proptest::prelude::*;
use weipay_wire::{Certificate, KeyError, PemKind, PrivateKey, PublicKey, SensitiveError, SignatureError};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../fixtures/", $name))
    };
}

pub(crate) const KEY_PKCS8: &str = fixture!("merchant_key_pkcs8.pem");
pub(crate) const CERTIFICATE: &str = fixture!("certificate_leading_zero_serial.pem");
const KEY_PKCS1: &str = fixture!("merchant_key_pkcs1.pem");
const PUBLIC_SPKI: &str = fixture!("merchant_public_spki.pem");
const PUBLIC_PKCS1: &str = fixture!("merchant_public_pkcs1.pem");
const OPENSSL_MESSAGE: &[u8] = b"a message that OpenSSL signed\n";
const OPENSSL_SIGNATURE: &str = fixture!("openssl_signature.txt");
const OPENSSL_CIPHERTEXT: &str = fixture!("openssl_oaep_ciphertext.txt");

fn private_key() -> PrivateKey {
    PrivateKey::from_pem(KEY_PKCS8).unwrap()
}

fn private_refusal(text: &str) -> KeyError {
    PrivateKey::from_pem(text).unwrap_err()
}

fn public_refusal(text: &str) -> KeyError {
    PublicKey::from_pem(text).unwrap_err()
}

fn certificate_refusal(text: &str) -> KeyError {
    Certificate::from_pem(text).unwrap_err()
}

#[test]
fn both_forms_of_a_private_key_sign_as_openssl_signs() {
    for text in [KEY_PKCS8, KEY_PKCS1] {
        let key = PrivateKey::from_pem(text).unwrap();
        assert_eq!(key.sign(OPENSSL_MESSAGE), Ok(OPENSSL_SIGNATURE.into()));
    }
}

#[test]
fn both_forms_of_a_public_key_verify_what_openssl_signed() {
    for text in [PUBLIC_SPKI, PUBLIC_PKCS1] {
        let key = PublicKey::from_pem(text).unwrap();
        assert_eq!(key.verify(OPENSSL_MESSAGE, OPENSSL_SIGNATURE), Ok(()));
        assert_eq!(
            key.verify(b"a message that OpenSSL signed", OPENSSL_SIGNATURE),
            Err(SignatureError::Mismatch)
        );
    }
}

#[test]
fn a_key_written_out_is_the_file_that_openssl_wrote() {
    assert_eq!(*private_key().to_pkcs8_pem().unwrap(), KEY_PKCS8);
    assert_eq!(private_key().public_key().to_spki_pem(), PUBLIC_SPKI);
    let pkcs1 = private_key().public_key().to_pkcs1_pem().unwrap();
    assert!(pkcs1.starts_with("-----BEGIN RSA PUBLIC KEY-----\n"), "{pkcs1}");
    assert_eq!(weipay_wire::PublicKey::from_pem(&pkcs1).unwrap(), private_key().public_key());
    assert_eq!(Certificate::from_pem(CERTIFICATE).unwrap().to_pem(), CERTIFICATE);
}

#[test]
fn a_private_key_belongs_to_its_certificate_and_to_no_other() {
    let certificate = Certificate::from_pem(CERTIFICATE).unwrap();
    assert_eq!(&private_key().public_key(), certificate.public_key());
    assert_ne!(&PrivateKey::generate().unwrap().public_key(), certificate.public_key());
}

#[test]
fn a_generated_key_reads_back_from_its_pem() {
    let key = PrivateKey::generate().unwrap();
    let read = PrivateKey::from_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
    assert_eq!(read.public_key(), key.public_key());
}

#[test]
fn a_certificate_keeps_the_leading_zero_of_its_serial() {
    let certificate = Certificate::from_pem(CERTIFICATE).unwrap();
    assert_eq!(certificate.serial(), "0C4AEF34B89340881BB2B25226393DC2E47F094B");
}

#[test]
fn a_certificate_leaves_the_sign_byte_out_of_its_serial() {
    let certificate = Certificate::from_pem(fixture!("certificate_high_bit_serial.pem")).unwrap();
    assert_eq!(certificate.serial(), "898DBAD30F416EC7");
    assert_eq!(certificate.subject_common_name(), Some("微信支付测试"));
}

#[test]
fn a_certificate_tells_its_dates_and_names() {
    let certificate = Certificate::from_pem(CERTIFICATE).unwrap();
    assert_eq!(certificate.not_before(), 1_795_425_670);
    assert_eq!(certificate.not_after(), 4_949_025_670);
    assert_eq!(certificate.subject_common_name(), Some("1900000001"));
    assert_eq!(certificate.issuer_common_name(), Some("1900000001"));
}

#[test]
fn a_file_with_certificate_and_key_serves_both() {
    let both = format!("{CERTIFICATE}{KEY_PKCS8}");
    assert_eq!(
        &PrivateKey::from_pem(&both).unwrap().public_key(),
        Certificate::from_pem(&both).unwrap().public_key()
    );
}

#[test]
fn what_openssl_encrypted_opens() {
    let opened = private_key().decrypt_oaep(OPENSSL_CIPHERTEXT).unwrap();
    assert_eq!(*opened, "a field that OpenSSL encrypted: 张三".as_bytes());
}

#[test]
fn a_field_of_214_bytes_is_carried_and_one_of_215_is_refused() {
    let key = private_key();
    for length in [0, 1, 214] {
        let field = vec![b'x'; length];
        let sealed = key.public_key().encrypt_oaep(&field).unwrap();
        assert_eq!(*key.decrypt_oaep(&sealed).unwrap(), field);
    }
    assert_eq!(
        key.public_key().encrypt_oaep(&[b'x'; 215]),
        Err(SensitiveError::TooLong { length: 215, limit: 214 })
    );
}

#[test]
fn a_field_encrypted_twice_looks_different() {
    let key = private_key().public_key();
    assert_ne!(key.encrypt_oaep(b"x"), key.encrypt_oaep(b"x"));
}

#[test]
fn an_encrypted_field_that_does_not_open_says_why() {
    let key = private_key();
    let other = PrivateKey::generate().unwrap().public_key().encrypt_oaep(b"x").unwrap();
    for (text, refusal) in [
        (&*other, SensitiveError::Refused),
        ("", SensitiveError::WrongLength),
        ("AAAA", SensitiveError::WrongLength),
        (&*"A".repeat(348), SensitiveError::WrongLength),
        ("张三", SensitiveError::NotBase64),
    ] {
        assert_eq!(key.decrypt_oaep(text).map(|opened| opened.to_vec()), Err(refusal), "{text}");
    }
}

#[test]
fn a_signature_of_another_shape_is_refused() {
    let key = private_key().public_key();
    for (signature, refusal) in [
        ("", SignatureError::Mismatch),
        ("ZmFrZQ==", SignatureError::Mismatch),
        (&*"A".repeat(344), SignatureError::Mismatch),
        (&*"A".repeat(100_000), SignatureError::Mismatch),
        (OPENSSL_SIGNATURE.trim_end_matches('='), SignatureError::NotBase64),
        (&*OPENSSL_SIGNATURE.replace('+', "-").replace('/', "_"), SignatureError::NotBase64),
        (&*format!("{}\n", &OPENSSL_SIGNATURE[..343]), SignatureError::NotBase64),
    ] {
        assert_eq!(key.verify(OPENSSL_MESSAGE, signature), Err(refusal), "{signature}");
    }
}

#[test]
fn a_certificate_in_place_of_a_private_key_is_named_with_what_to_do() {
    let refusal = private_refusal(CERTIFICATE);
    assert_eq!(refusal, KeyError::WrongKind { wanted: PemKind::PrivateKey, found: PemKind::Certificate });
    assert_eq!(
        refusal.to_string(),
        "this PEM is a certificate (CERTIFICATE); the merchant private key (商户API私钥) is usually the file \
         apiclient_key.pem"
    );
}

#[test]
fn each_thing_in_the_place_of_another_is_named() {
    let request = fixture!("certificate_request.pem");
    for (refusal, wanted, found) in [
        (private_refusal(PUBLIC_SPKI), PemKind::PrivateKey, PemKind::PublicKey),
        (private_refusal(PUBLIC_PKCS1), PemKind::PrivateKey, PemKind::RsaPublicKey),
        (private_refusal(request), PemKind::PrivateKey, PemKind::CertificateRequest),
        (public_refusal(KEY_PKCS8), PemKind::PublicKey, PemKind::PrivateKey),
        (public_refusal(KEY_PKCS1), PemKind::PublicKey, PemKind::RsaPrivateKey),
        (public_refusal(CERTIFICATE), PemKind::PublicKey, PemKind::Certificate),
        (certificate_refusal(KEY_PKCS8), PemKind::Certificate, PemKind::PrivateKey),
        (certificate_refusal(PUBLIC_SPKI), PemKind::Certificate, PemKind::PublicKey),
        (certificate_refusal(request), PemKind::Certificate, PemKind::CertificateRequest),
    ] {
        assert_eq!(refusal, KeyError::WrongKind { wanted, found });
    }
}

#[test]
fn a_key_behind_a_passphrase_is_named_as_such() {
    for text in [fixture!("merchant_key_encrypted_pkcs8.pem"), fixture!("merchant_key_encrypted_pkcs1.pem")] {
        assert_eq!(private_refusal(text), KeyError::Encrypted);
    }
    assert!(KeyError::Encrypted.to_string().contains("openssl pkcs8 -topk8 -nocrypt"));
}

#[test]
fn an_rsa_key_of_another_size_is_refused_by_its_size() {
    for (refusal, bits) in [
        (private_refusal(fixture!("rsa_1024_key_pkcs8.pem")), 1024),
        (private_refusal(fixture!("rsa_1024_key_pkcs1.pem")), 1024),
        (public_refusal(fixture!("rsa_1024_public_spki.pem")), 1024),
        (public_refusal(fixture!("rsa_1024_public_pkcs1.pem")), 1024),
        (private_refusal(fixture!("rsa_4096_key_pkcs8.pem")), 4096),
        (public_refusal(fixture!("rsa_4096_public_spki.pem")), 4096),
    ] {
        assert_eq!(refusal, KeyError::WrongSize { bits });
        assert!(refusal.to_string().contains(&format!("this RSA key has {bits} bits")), "{refusal}");
    }
}

#[test]
fn a_key_on_a_curve_is_refused_as_not_rsa() {
    let private = KeyError::NotRsa { wanted: PemKind::PrivateKey };
    assert_eq!(private_refusal(fixture!("ec_key_pkcs8.pem")), private);
    assert_eq!(private_refusal(fixture!("ec_key_sec1.pem")), private);
    assert_eq!(
        public_refusal(fixture!("ec_public_spki.pem")),
        KeyError::NotRsa { wanted: PemKind::PublicKey }
    );
    assert_eq!(
        certificate_refusal(fixture!("ec_certificate.pem")),
        KeyError::NotRsa { wanted: PemKind::Certificate }
    );
}

#[test]
fn an_intact_block_around_rubbish_is_malformed() {
    let rubbish = |label| format!("-----BEGIN {label}-----\naGVsbG8=\n-----END {label}-----\n");
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY"] {
        assert_eq!(private_refusal(&rubbish(label)), KeyError::Malformed { wanted: PemKind::PrivateKey });
    }
    for label in ["PUBLIC KEY", "RSA PUBLIC KEY"] {
        assert_eq!(public_refusal(&rubbish(label)), KeyError::Malformed { wanted: PemKind::PublicKey });
    }
    assert_eq!(
        certificate_refusal(&rubbish("CERTIFICATE")),
        KeyError::Malformed { wanted: PemKind::Certificate }
    );
}

#[test]
fn a_private_key_survives_what_copying_does_to_it() {
    for text in [
        KEY_PKCS8.replace('\n', "\r\n"),
        format!("\u{FEFF}{KEY_PKCS8}"),
        format!("商户私钥:\n{KEY_PKCS8}\n--"),
    ] {
        assert_eq!(PrivateKey::from_pem(&text).unwrap().public_key(), private_key().public_key());
    }
}

#[test]
fn nothing_of_a_private_key_is_printed() {
    assert_eq!(format!("{:?}", private_key()), "PrivateKey(..)");
    assert_eq!(format!("{:#?}", private_key()), "PrivateKey(..)");
}

#[test]
fn no_refusal_repeats_the_text_that_it_refuses() {
    let secret = "MIIEvQIBADANBgkqhkiG";
    for text in [secret.to_owned(), format!("-----BEGIN {secret}-----\n{secret}\n-----END {secret}-----")] {
        for refusal in [private_refusal(&text), public_refusal(&text), certificate_refusal(&text)] {
            assert!(!format!("{refusal} {refusal:?}").contains(secret), "{refusal}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_damage_to_a_file_is_answered_without_a_panic(
        which in 0..5_usize, at: prop::sample::Index, with in "[ -~\\n]",
    ) {
        let mut text = [KEY_PKCS8, KEY_PKCS1, PUBLIC_SPKI, PUBLIC_PKCS1, CERTIFICATE][which].to_owned();
        let at = at.index(text.len());
        text.replace_range(at..=at, &with);
        let _ = PrivateKey::from_pem(&text);
        let _ = PublicKey::from_pem(&text);
        let _ = Certificate::from_pem(&text);
    }

    #[test]
    fn any_bytes_as_der_are_answered_without_a_panic(bytes: Vec<u8>) {
        let _ = PrivateKey::from_pkcs8_der(&bytes);
        let _ = PublicKey::from_spki_der(&bytes);
        let _ = Certificate::from_der(&bytes);
    }

    #[test]
    fn what_is_signed_verifies_and_one_changed_bit_does_not(
        message in prop::collection::vec(any::<u8>(), 1..300), at: prop::sample::Index, bit in 0_u8..8,
    ) {
        let key = private_key();
        let signature = key.sign(&message).unwrap();
        prop_assert_eq!(key.public_key().verify(&message, &signature), Ok(()));
        let mut changed = message;
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        prop_assert_eq!(key.public_key().verify(&changed, &signature), Err(SignatureError::Mismatch));
    }
}
