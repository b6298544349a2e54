//! Believing nothing that the platform did not sign.

use std::sync::LazyLock;

use proptest::prelude::*;
use weipay_wire::{
    Certificate, PROBE_PREFIX, PlatformKeys, PrivateKey, PublicKeyId, SignatureHeaders, VerifyError,
    response_message, verify_response,
};

use crate::keys::{CERTIFICATE, KEY_PKCS8};

const NOW: i64 = 1_554_208_460;
const TIMESTAMP: &str = "1554208460";
const NONCE: &str = "593BEC0C930BF1AFEB40B4A08C8FB242";
const SERIAL: &str = "0C4AEF34B89340881BB2B25226393DC2E47F094B";
const KEY_ID: &str = "PUB_KEY_ID_0119000000012026112300000000000000";
const BODY: &[u8] = br#"{"code_url":"weixin://wxpay/bizpayurl?pr=1"}"#;

/// The platform's certificate key and its public key, which are two keys, as during the migration.
struct Platform {
    certificate_key: PrivateKey,
    public_key: PrivateKey,
    keys: PlatformKeys,
}

static PLATFORM: LazyLock<Platform> = LazyLock::new(|| {
    let certificate_key = PrivateKey::from_pem(KEY_PKCS8).unwrap();
    let public_key = PrivateKey::generate().unwrap();
    let mut keys = PlatformKeys::new();
    keys.insert_certificate(&Certificate::from_pem(CERTIFICATE).unwrap());
    keys.insert_public_key(PublicKeyId::new(KEY_ID).unwrap(), public_key.public_key());
    Platform { certificate_key, public_key, keys }
});

fn sign(timestamp: &str, nonce: &str, body: &[u8]) -> String {
    PLATFORM.certificate_key.sign(&response_message(timestamp, nonce, body)).unwrap()
}

fn headers(signature: &str) -> SignatureHeaders<'_> {
    SignatureHeaders { timestamp: TIMESTAMP, nonce: NONCE, signature, serial: SERIAL }
}

fn verify(headers: &SignatureHeaders<'_>, body: &[u8]) -> Result<(), VerifyError> {
    verify_response(headers, body, &PLATFORM.keys, NOW)
}

#[test]
fn a_response_signed_with_either_kind_of_key_is_believed() {
    assert_eq!(verify(&headers(&sign(TIMESTAMP, NONCE, BODY)), BODY), Ok(()));
    let signature = PLATFORM.public_key.sign(&response_message(TIMESTAMP, NONCE, BODY)).unwrap();
    assert_eq!(verify(&SignatureHeaders { serial: KEY_ID, ..headers(&signature) }, BODY), Ok(()));
}

#[test]
fn a_response_without_a_body_is_believed() {
    assert_eq!(verify(&headers(&sign(TIMESTAMP, NONCE, b"")), b""), Ok(()));
}

#[test]
fn a_forged_signature_is_refused() {
    let forged = PrivateKey::generate().unwrap().sign(&response_message(TIMESTAMP, NONCE, BODY)).unwrap();
    let refusal = VerifyError::Mismatch { serial: SERIAL.into() };
    assert_eq!(verify(&headers(&forged), BODY), Err(refusal.clone()));
    assert_eq!(verify(&headers("ZmFrZQ=="), BODY), Err(refusal));
}

#[test]
fn a_signature_under_the_serial_of_another_key_is_refused() {
    let signature = sign(TIMESTAMP, NONCE, BODY);
    let refused = verify(&SignatureHeaders { serial: KEY_ID, ..headers(&signature) }, BODY);
    assert_eq!(refused, Err(VerifyError::Mismatch { serial: KEY_ID.into() }));
}

#[test]
fn whatever_is_changed_after_signing_is_noticed() {
    let signature = sign(TIMESTAMP, NONCE, BODY);
    let refusal = Err(VerifyError::Mismatch { serial: SERIAL.into() });
    let later = SignatureHeaders { timestamp: "1554208461", ..headers(&signature) };
    let padded = SignatureHeaders { timestamp: "01554208460", ..headers(&signature) };
    let other = SignatureHeaders { nonce: "593bec0c930bf1afeb40b4a08c8fb242", ..headers(&signature) };
    for changed in [later, padded, other] {
        assert_eq!(verify(&changed, BODY), refusal, "{changed:?}");
    }
    let longer = [BODY, b"\n"].concat();
    for body in [b"", &BODY[1..], &longer[..]] {
        assert_eq!(verify(&headers(&signature), body), refusal);
    }
}

#[test]
fn a_signature_without_the_last_line_feed_is_refused() {
    let mut message = response_message(TIMESTAMP, NONCE, BODY);
    message.pop();
    let signature = PLATFORM.certificate_key.sign(&message).unwrap();
    assert_eq!(verify(&headers(&signature), BODY), Err(VerifyError::Mismatch { serial: SERIAL.into() }));
}

#[test]
fn the_border_between_nonce_and_body_cannot_be_moved() {
    let signature = sign(TIMESTAMP, NONCE, b"first\nsecond");
    let moved = format!("{NONCE}\nfirst");
    let refused = verify(&SignatureHeaders { nonce: &moved, ..headers(&signature) }, b"second");
    assert_eq!(refused, Err(VerifyError::BadNonce));
}

#[test]
fn a_probe_is_refused_by_its_own_name_and_never_believed() {
    let probe = format!("{PROBE_PREFIX}{}", sign(TIMESTAMP, NONCE, BODY));
    assert_eq!(verify(&headers(&probe), BODY), Err(VerifyError::Probe));
    assert_eq!(verify(&headers("WECHATPAY/SIGNTEST/2sWfO+6tVVsZonOX"), BODY), Err(VerifyError::Probe));
    assert!(VerifyError::Probe.to_string().contains("repeat the request"));
}

#[test]
fn an_unknown_serial_is_refused_with_the_serials_at_hand() {
    let signature = sign(TIMESTAMP, NONCE, BODY);
    let lower = KEY_ID.to_lowercase();
    for serial in ["5157F09EFDC096DE15EBE81A47057A7232F1B8E1", &lower, "PUB_KEY_ID_1"] {
        let refused = verify(&SignatureHeaders { serial, ..headers(&signature) }, BODY);
        let known = vec![SERIAL.to_owned(), KEY_ID.to_owned()];
        assert_eq!(refused, Err(VerifyError::UnknownSerial { serial: serial.into(), known }));
    }
}

/// The serial of a certificate is a number. The ID of a public key is a text.
#[test]
fn a_serial_is_found_in_lower_case_and_with_other_leading_zeros() {
    let signature = PLATFORM.certificate_key.sign(&response_message(TIMESTAMP, NONCE, BODY)).unwrap();
    for serial in [SERIAL.to_lowercase(), format!("00{SERIAL}")] {
        assert_eq!(verify(&SignatureHeaders { serial: &serial, ..headers(&signature) }, BODY), Ok(()));
    }
}

#[test]
fn without_keys_nothing_is_believed_and_the_refusal_says_what_to_add() {
    let keys = PlatformKeys::new();
    assert!(keys.is_empty());
    let refusal = verify_response(&headers(&sign(TIMESTAMP, NONCE, BODY)), BODY, &keys, NOW).unwrap_err();
    assert!(refusal.to_string().contains("no platform key is configured"), "{refusal}");
}

#[test]
fn the_serial_of_a_stranger_is_kept_short_and_plain() {
    let serial = format!("A\r\n\u{1B}[31m{}", "B".repeat(100_000));
    let refused = verify(&SignatureHeaders { serial: &serial, ..headers("ZmFrZQ==") }, BODY);
    let Err(VerifyError::UnknownSerial { serial, .. }) = refused else { unreachable!() };
    assert!(serial.starts_with("A[31mBBB") && serial.len() == 64, "{serial:?}");
}

#[test]
fn a_response_is_believed_for_five_minutes_either_way() {
    let signature = sign(TIMESTAMP, NONCE, BODY);
    for (now, fresh) in [(NOW - 301, false), (NOW - 300, true), (NOW + 300, true), (NOW + 301, false)] {
        let result = verify_response(&headers(&signature), BODY, &PLATFORM.keys, now);
        let expected = if fresh { Ok(()) } else { Err(VerifyError::Stale { timestamp: NOW, now }) };
        assert_eq!(result, expected);
    }
}

#[test]
fn a_stale_response_says_how_far_the_clocks_are_apart() {
    let refusal = VerifyError::Stale { timestamp: NOW, now: NOW + 3600 };
    assert!(refusal.to_string().contains("3600 seconds"), "{refusal}");
    assert!(
        VerifyError::Stale { timestamp: i64::MIN, now: i64::MAX }
            .to_string()
            .contains("18446744073709551615")
    );
}

#[test]
fn a_timestamp_that_is_no_plain_number_is_refused() {
    for timestamp in
        ["+1554208460", "-1", "1554208460.0", " 1554208460", "1554208460\n", "9223372036854775808", "now"]
    {
        let signature = sign(timestamp, NONCE, BODY);
        let refused = verify(&SignatureHeaders { timestamp, ..headers(&signature) }, BODY);
        assert_eq!(refused, Err(VerifyError::BadTimestamp), "{timestamp:?}");
    }
}

#[test]
fn a_signature_that_is_not_base64_is_refused_as_such() {
    for signature in ["not base64", "ZmFrZQ", "ZmFrZQ==\n"] {
        assert_eq!(verify(&headers(signature), BODY), Err(VerifyError::NotBase64), "{signature:?}");
    }
}

#[test]
fn each_absent_header_is_named() {
    let signature = sign(TIMESTAMP, NONCE, BODY);
    let full = headers(&signature);
    for (headers, name) in [
        (SignatureHeaders { timestamp: "", ..full }, "Wechatpay-Timestamp"),
        (SignatureHeaders { nonce: "", ..full }, "Wechatpay-Nonce"),
        (SignatureHeaders { signature: "", ..full }, "Wechatpay-Signature"),
        (SignatureHeaders { serial: "", ..full }, "Wechatpay-Serial"),
    ] {
        assert_eq!(verify(&headers, BODY), Err(VerifyError::Missing(name)));
    }
}

#[test]
fn keys_of_both_kinds_lie_side_by_side() {
    let keys = &PLATFORM.keys;
    assert_eq!(keys.serials().collect::<Vec<_>>(), [SERIAL, KEY_ID]);
    assert_eq!(keys.get(SERIAL), Some(&PLATFORM.certificate_key.public_key()));
    assert_eq!(keys.get(KEY_ID), Some(&PLATFORM.public_key.public_key()));
    assert_eq!(keys.get(&SERIAL[2..]), None);
}

proptest! {
    #[test]
    fn any_headers_are_refused_without_a_panic(
        timestamp: String, nonce: String, signature: String, serial: String, body: Vec<u8>, now: i64,
    ) {
        let strange = SignatureHeaders { timestamp: &timestamp, nonce: &nonce, signature: &signature, serial: &serial };
        prop_assert!(verify_response(&strange, &body, &PLATFORM.keys, now).is_err());
        let close = SignatureHeaders { timestamp: TIMESTAMP, nonce: NONCE, serial: SERIAL, ..strange };
        prop_assert!(verify_response(&close, &body, &PLATFORM.keys, NOW).is_err());
    }

    #[test]
    fn one_changed_bit_of_a_signature_is_noticed(at in 0..256_usize, bit in 0_u8..8) {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;

        let mut signature = STANDARD.decode(sign(TIMESTAMP, NONCE, BODY)).unwrap();
        signature[at] ^= 1 << bit;
        let refusal = VerifyError::Mismatch { serial: SERIAL.into() };
        prop_assert_eq!(verify(&headers(&STANDARD.encode(signature)), BODY), Err(refusal));
    }
}
