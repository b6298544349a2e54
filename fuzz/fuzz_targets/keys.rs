//! Keys, certificates and what is encrypted with them, as files and settings give them.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use weipay::wire::{Certificate, PrivateKey, PublicKey, check_ciphertext};

static SM2: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate_sm2().unwrap());

fuzz_target!(|bytes: &[u8]| {
    if let Ok(key) = PublicKey::from_pem_bytes(bytes) {
        assert_eq!(PublicKey::from_pem(&key.to_spki_pem()).unwrap(), key);
    }
    if let Ok(key) = PrivateKey::from_pem_bytes(bytes) {
        let written = key.to_pkcs8_pem().unwrap();
        assert_eq!(PrivateKey::from_pem(&written).unwrap().public_key(), key.public_key());
    }
    let _ = Certificate::from_pem_bytes(bytes).map(|read| format!("{read:?}"));
    let _ = Certificate::from_der(bytes);
    let _ = PublicKey::from_spki_der(bytes);
    let _ = PrivateKey::from_pkcs8_der(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = check_ciphertext(text);
        let _ = SM2.decrypt_sensitive(text);
        let _ = SM2.public_key().verify(b"message", text);
    }
});
