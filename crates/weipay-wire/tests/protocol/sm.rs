//! 国密: known answers of the official Java SDK (its module `shangmi-testing`, checked there and with OpenSSL) and of the
//! standards, then both directions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use weipay_wire::{
    ApiV3Key, Authorization, Certificate, ClientIdentity, Envelope, EnvelopeAlgorithm, EnvelopeError,
    KeyError, MAX_SM2_PLAINTEXT, PlatformKeys, PrivateKey, PublicKey, Scheme, SensitiveError, SignatureError,
    SignatureHeaders, VerifyError, check_ciphertext, request_message, response_message, verify_response,
};

/// The test merchant of that SDK. The key protects nothing.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGTAgEAMBMGByqGSM49AgEGCCqBHM9VAYItBHkwdwIBAQQg/U9Saz5ceDGQhFBM
f/cHIh2+q5Lzvhrb8L2SI4sPUR+gCgYIKoEcz1UBgi2hRANCAAR7zUf3XqGdBMCn
K02nD1fdGz+TN8xd0SQYgbkTQxk5v2mlXva0ZxDH4XJFI9D2Rt1pTSSDl29uhQ1G
Y3j6iy9+
-----END PRIVATE KEY-----";

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIICyTCCAmygAwIBAgIUVOf1ntjfRXDPsUeA6oFS1FpnXuYwDAYIKoEcz1UBg3UF
ADCBjTFHMEUGA1UEAww+U2hlbiBaaGVuIGlUcnVzQ2hpbmEgQ2xhc3MgRW50ZXJw
cmlzZSBTdWJzY3JpYmVyIENBIFNNMiAtIFRlc3QxGDAWBgNVBAsMD+a1i+ivlemD
qOivleeUqDEbMBkGA1UECgwS5aSp6K+a5a6J5L+h6K+V55SoMQswCQYDVQQGEwJD
TjAeFw0yMjA4MDQxMjE0MTlaFw0yMzA5MDMxMjE0MTlaMGsxCzAJBgNVBAYTAkNO
MRswGQYDVQQKDBLlvq7kv6HllYbmiLfns7vnu58xKjAoBgNVBAsMIea3seWcs+W4
guS8n+iNo+enkeaKgOaciemZkOWFrOWPuDETMBEGA1UEAwwKMjQ4MzI4MTc2MTBZ
MBMGByqGSM49AgEGCCqBHM9VAYItA0IABHvNR/deoZ0EwKcrTacPV90bP5M3zF3R
JBiBuRNDGTm/aaVe9rRnEMfhckUj0PZG3WlNJIOXb26FDUZjePqLL36jgcgwgcUw
DAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCBsAwHwYDVR0jBBgwFoAUK0Y6T9Ge
LM7UH4bC1j2avycoZPcwHQYDVR0OBBYEFBmE5STz2WNsXVrgclXrxsl6SCihMGUG
A1UdHwReMFwwWqBYoFaGVGh0dHA6Ly9ldmNhLml0cnVzLmNvbS5jbi9wdWJsaWMv
aXRydXNjcmw/Q0E9NzMzNUExQUYzNzRBMUU4QjQwM0FCMUFDMkQwNjVDQUU3NUNB
QjIzNjAMBggqgRzPVQGDdQUAA0kAMEYCIQDK0r6D8VyiUVMfRnAfz40ZtiG8DJEF
6Rn41oZ3qPW1aQIhAKtn5sKME+thLQFeyV70VSsraZ7h9Fccal2WzI2oCdtY
-----END CERTIFICATE-----";

const SPKI: &str = "MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAEe81H916hnQTApytNpw9X3Rs/kzfMXdEkGIG5E0MZOb9ppV72tGcQx+FyRSPQ9kbdaU0k\
     g5dvboUNRmN4+osvfg==";

const SERIAL: &str = "54E7F59ED8DF4570CFB14780EA8152D45A675EE6";

const SIGNATURE: &str =
    "MEYCIQD35Rp3CKt7pLme/a0GaCVmwSeOl7X/12+ppRivcJuf6QIhAO5Vpy4tSk9SJUrgH5I5Qy0aYhFG9lN0aof1f5wJOI05";

const CIPHERTEXT: &str = "MHECIAGn23Ew8nF0zRfu3qgdD6VATSmGM5wrVFvNqg1ToXneAiBgfOJLVi1NtpRVH2qanzooL4gOrDKKOloD7gS17g+iCQQgcTtJpGhy\
     tHZeV/HeTqYkg3YqOY+Vybx+OQx217Ktn0QECdMjiI7lpId5dg==";

const SEALED: Envelope<'_> = Envelope {
    nonce: "uluk4a9R25RW",
    associated_data: "associatedData",
    ciphertext: "+lcLNfkZQQx+iQm20Apa3x9Mb/5L7PgZ7w==",
};

fn key() -> PrivateKey {
    PrivateKey::from_pem(KEY).unwrap()
}

fn api_v3_key() -> ApiV3Key {
    ApiV3Key::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb").unwrap()
}

#[test]
fn the_envelope_of_the_official_sdk_opens_and_is_sealed_the_same() {
    let key = api_v3_key();
    assert_eq!(key.open_with(EnvelopeAlgorithm::Sm4Gcm, &SEALED).unwrap().as_slice(), b"plaintext");
    let sealed = key.seal_with(EnvelopeAlgorithm::Sm4Gcm, SEALED.nonce, SEALED.associated_data, b"plaintext");
    assert_eq!(sealed.as_deref(), Ok(SEALED.ciphertext));
    assert_eq!(EnvelopeAlgorithm::from_name("AEAD_SM4_GCM"), Some(EnvelopeAlgorithm::Sm4Gcm));
}

#[test]
fn the_signature_of_the_official_sdk_verifies_with_its_certificate() {
    let certificate = Certificate::from_pem(CERTIFICATE).unwrap();
    assert_eq!(certificate.serial(), SERIAL);
    assert_eq!(certificate.subject_common_name(), Some("2483281761"));
    assert_eq!(certificate.public_key().verify(b"message", SIGNATURE), Ok(()));
    assert_eq!(certificate.public_key().verify(b"false-message", SIGNATURE), Err(SignatureError::Mismatch));
}

#[test]
fn the_field_of_the_official_sdk_opens_with_its_key() {
    assert_eq!(key().decrypt_sensitive(CIPHERTEXT).unwrap().as_slice(), b"plaintext");
    assert_eq!(key().decrypt_sensitive(&CIPHERTEXT.replace('1', "2")), Err(SensitiveError::Refused));
    assert_eq!(check_ciphertext(CIPHERTEXT), Ok(()));
    assert!(check_ciphertext(&CIPHERTEXT.replace('1', "2")).is_err());
}

#[test]
fn the_public_key_is_the_same_from_pem_der_certificate_and_private_key() {
    let der = STANDARD.decode(SPKI).unwrap();
    let public = PublicKey::from_spki_der(&der).unwrap();
    assert_eq!(public.as_spki_der(), der);
    assert_eq!(public, PublicKey::from_pem(&public.to_spki_pem()).unwrap());
    assert_eq!(public, key().public_key());
    assert_eq!(public, *Certificate::from_pem(CERTIFICATE).unwrap().public_key());
    assert_eq!(format!("{public:?} {:?}", key()), "PublicKey(SM2) PrivateKey(..)");
    let other = PrivateKey::generate_sm2().unwrap().public_key();
    assert_ne!(public, other);
    assert_eq!(other.verify(b"message", SIGNATURE), Err(SignatureError::Mismatch));
}

/// The example of GM/T 0003.5 on the recommended curve: key, message and signature.
#[test]
fn the_example_of_the_standard_verifies() {
    let point = "04\
        09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020\
        CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13";
    let spki = format!("3059301306072A8648CE3D020106082A811CCF5501822D034200{point}");
    let public = PublicKey::from_spki_der(&base16ct::mixed::decode_vec(spki).unwrap()).unwrap();
    let signature = "3046\
        022100F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3\
        022100B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";
    let signature = STANDARD.encode(base16ct::mixed::decode_vec(signature).unwrap());
    assert_eq!(public.verify(b"message digest", &signature), Ok(()));
    assert_eq!(public.verify(b"message digests", &signature), Err(SignatureError::Mismatch));
}

#[test]
fn what_is_no_signature_is_refused_whatever_it_is() {
    let public = key().public_key();
    let rsa = PrivateKey::generate().unwrap();
    for (signature, refusal) in [
        (String::new(), SignatureError::Mismatch),
        ("MEYCIQ".to_owned(), SignatureError::NotBase64),
        ("张三".to_owned(), SignatureError::NotBase64),
        ("A".repeat(96), SignatureError::Mismatch),
        ("A".repeat(1_000_000), SignatureError::Mismatch),
        (rsa.sign(b"message").unwrap(), SignatureError::Mismatch),
        // Both numbers are zero.
        (STANDARD.encode([0x30, 6, 2, 1, 0, 2, 1, 0]), SignatureError::Mismatch),
        // Something follows.
        (STANDARD.encode([STANDARD.decode(SIGNATURE).unwrap(), vec![0]].concat()), SignatureError::Mismatch),
    ] {
        assert_eq!(public.verify(b"message", &signature), Err(refusal), "{signature:.20}");
    }
    assert_eq!(rsa.public_key().verify(b"message", SIGNATURE), Err(SignatureError::Mismatch));
}

#[test]
fn keys_are_read_from_pkcs8_and_from_sec1_and_written_as_pkcs8() {
    let written = key().to_pkcs8_pem().unwrap();
    assert_eq!(PrivateKey::from_pem(&written).unwrap().public_key(), key().public_key());
    // `openssl ecparam -genkey -name SM2` writes the curve in a block before the key.
    let sec1 = &STANDARD.decode(KEY.lines().skip(1).take(4).collect::<String>()).unwrap()[29..];
    let sec1 = format!(
        "-----BEGIN EC PARAMETERS-----\nBggqgRzPVQGCLQ==\n-----END EC PARAMETERS-----\n\
         -----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n",
        STANDARD.encode(sec1)
    );
    assert_eq!(PrivateKey::from_pem(&sec1).unwrap().public_key(), key().public_key());
    assert_eq!(key().scheme(), Scheme::Sm2WithSm3);
    assert_eq!(PrivateKey::generate().unwrap().scheme(), Scheme::Sha256Rsa2048);
}

#[test]
fn a_damaged_key_is_refused() {
    let der = key().to_pkcs8_der().unwrap();
    for length in 0..der.len() {
        assert!(PrivateKey::from_pkcs8_der(&der[..length]).is_err(), "{length}");
    }
    // The scalar is zero, and the public key is not that of the private one.
    for (at, with) in [(36, 0_u8), (40, 1)] {
        let mut damaged = der.to_vec();
        match with {
            0 => damaged[at..at + 32].fill(0),
            _ => damaged[at] ^= with,
        }
        assert!(matches!(PrivateKey::from_pkcs8_der(&damaged), Err(KeyError::Malformed { .. })), "{at}");
    }
    let mut spki = STANDARD.decode(SPKI).unwrap();
    *spki.last_mut().unwrap() ^= 1;
    assert!(matches!(PublicKey::from_spki_der(&spki), Err(KeyError::Malformed { .. })), "not on the curve");
}

#[test]
fn a_request_says_its_scheme_and_verifies() {
    let message = request_message("GET", "/v3/certificates?algorithm_type=SM2", 1, "nonce", b"");
    let sent = Authorization {
        scheme: key().scheme(),
        mchid: "2483281761".into(),
        serial_no: SERIAL.into(),
        timestamp: 1,
        nonce_str: "nonce".into(),
        signature: key().sign(&message).unwrap(),
    };
    let header = sent.to_string();
    assert!(header.starts_with("WECHATPAY2-SM2-WITH-SM3 mchid=\"2483281761\","), "{header}");
    let read: Authorization = header.parse().unwrap();
    assert_eq!(read, sent);
    assert_eq!(key().public_key().verify(&message, &read.signature), Ok(()));
}

#[test]
fn keys_of_both_kinds_verify_responses_side_by_side() {
    let (sm2, rsa) = (PrivateKey::generate_sm2().unwrap(), PrivateKey::generate().unwrap());
    let mut keys = PlatformKeys::new();
    keys.insert_public_key("PUB_KEY_ID_1".parse().unwrap(), sm2.public_key());
    keys.insert_public_key("PUB_KEY_ID_2".parse().unwrap(), rsa.public_key());
    let message = response_message("1554208460", "nonce", b"{}");
    for (key, serial, verifies) in [
        (&sm2, "PUB_KEY_ID_1", true),
        (&rsa, "PUB_KEY_ID_2", true),
        (&sm2, "PUB_KEY_ID_2", false),
        (&rsa, "PUB_KEY_ID_1", false),
    ] {
        let signature = key.sign(&message).unwrap();
        let headers =
            SignatureHeaders { timestamp: "1554208460", nonce: "nonce", signature: &signature, serial };
        let verified = verify_response(&headers, b"{}", &keys, 1_554_208_460);
        match verifies {
            true => assert_eq!(verified, Ok(())),
            false => assert!(matches!(verified, Err(VerifyError::Mismatch { .. })), "{verified:?}"),
        }
    }
}

#[test]
fn rsa_oaep_is_not_asked_of_a_key_of_sm2() {
    assert_eq!(key().public_key().encrypt_oaep(b"x"), Err(SensitiveError::NotRsa));
    assert_eq!(key().decrypt_oaep(CIPHERTEXT), Err(SensitiveError::NotRsa));
    let certificate = Certificate::from_pem(CERTIFICATE).unwrap();
    assert!(ClientIdentity::new(certificate, key()).is_none(), "TLS shows RSA");
}

#[test]
fn the_lengths_of_fields_are_bounded_in_both_directions() {
    let public = key().public_key();
    let longest = public.encrypt_sensitive(&[b'x'; MAX_SM2_PLAINTEXT]).unwrap();
    assert_eq!(key().decrypt_sensitive(&longest).unwrap().len(), MAX_SM2_PLAINTEXT);
    let length = MAX_SM2_PLAINTEXT + 1;
    let too_long = SensitiveError::TooLong { length, limit: MAX_SM2_PLAINTEXT };
    assert_eq!(public.encrypt_sensitive(&vec![b'x'; length]), Err(too_long));
    assert_eq!(public.encrypt_sensitive(b""), Err(SensitiveError::Empty));
    assert_eq!(key().decrypt_sensitive(&"A".repeat(1_000_000)), Err(SensitiveError::WrongLength));
    assert_eq!(key().decrypt_sensitive("张三"), Err(SensitiveError::NotBase64));
    assert_eq!(key().decrypt_sensitive(""), Err(SensitiveError::Refused));
}

#[test]
fn an_envelope_opens_only_with_its_algorithm_and_unchanged() {
    let key = api_v3_key();
    assert_eq!(key.open(&SEALED), Err(EnvelopeError::Refused), "it is not of AES");
    let other = ApiV3Key::new("0123456789abcdef0123456789abcdef").unwrap();
    let open = |key: &ApiV3Key, envelope| key.open_with(EnvelopeAlgorithm::Sm4Gcm, &envelope);
    assert_eq!(open(&other, SEALED), Err(EnvelopeError::Refused));
    assert_eq!(open(&key, Envelope { associated_data: "", ..SEALED }), Err(EnvelopeError::Refused));
    assert_eq!(open(&key, Envelope { nonce: "uluk4a9R25RX", ..SEALED }), Err(EnvelopeError::Refused));
    assert_eq!(open(&key, Envelope { ciphertext: "AAAA", ..SEALED }), Err(EnvelopeError::TooShort));
    assert_eq!(
        open(&key, Envelope { nonce: "short", ..SEALED }),
        Err(EnvelopeError::NonceLength { length: 5 })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_is_signed_verifies_and_what_is_encrypted_opens(content in prop::collection::vec(any::<u8>(), 1..300)) {
        let signature = key().sign(&content).unwrap();
        prop_assert_eq!(key().public_key().verify(&content, &signature), Ok(()));
        let ciphertext = key().public_key().encrypt_sensitive(&content).unwrap();
        prop_assert_eq!(check_ciphertext(&ciphertext), Ok(()));
        prop_assert_eq!(key().decrypt_sensitive(&ciphertext).unwrap().to_vec(), content);
    }

    #[test]
    fn what_is_sealed_opens(content: Vec<u8>, nonce in "[ -~]{12}", associated_data: String) {
        let key = api_v3_key();
        let algorithm = EnvelopeAlgorithm::Sm4Gcm;
        let ciphertext = key.seal_with(algorithm, &nonce, &associated_data, &content).unwrap();
        let sealed = Envelope { nonce: &nonce, associated_data: &associated_data, ciphertext: &ciphertext };
        prop_assert_eq!(key.open_with(algorithm, &sealed).unwrap().to_vec(), content);
    }

    #[test]
    fn any_ciphertext_is_answered_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..115_usize, with: u8) {
        let _ = key().decrypt_sensitive(&STANDARD.encode(&bytes));
        bytes = STANDARD.decode(CIPHERTEXT).unwrap();
        bytes[at] = with;
        let _ = key().decrypt_sensitive(&STANDARD.encode(&bytes));
    }
}
