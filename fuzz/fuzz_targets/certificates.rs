//! The list of platform certificates, properly signed, whatever is in it. The first byte chooses: the whole body, or
//! what one of its envelopes holds.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use weipay::blocking::Client;
use weipay::wire::{ApiV3Key, EnvelopeAlgorithm};
use weipay_fuzz::{API_V3_KEY, Answers, NONCE, settings};

static ANSWERS: LazyLock<Answers> = LazyLock::new(Answers::default);
static CLIENT: LazyLock<Client> =
    LazyLock::new(|| settings().blocking_transport(ANSWERS.clone()).build_blocking().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let key = ApiV3Key::new(API_V3_KEY).unwrap();
    let algorithm = match choice % 3 {
        0 => None,
        1 => Some(EnvelopeAlgorithm::Aes256Gcm),
        _ => Some(EnvelopeAlgorithm::Sm4Gcm),
    };
    let body = match algorithm {
        None => rest.to_vec(),
        Some(algorithm) => json!({"data": [{"encrypt_certificate": {
            "algorithm": algorithm.name(),
            "nonce": NONCE,
            "associated_data": "certificate",
            "ciphertext": key.seal_with(algorithm, NONCE, "certificate", rest).unwrap(),
        }}]})
        .to_string()
        .into_bytes(),
    };
    ANSWERS.with(200, &body);
    if let Err(error) = CLIENT.fetch_platform_certificates() {
        assert!(!format!("{error:#}").contains(API_V3_KEY));
    }
});
