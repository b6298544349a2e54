//! The names that calls carry, each in its own place.

use std::collections::HashSet;

use proptest::prelude::*;
use weipay_wire::{IdentifierError, MerchantId, MerchantSerial, PlatformSerial, PublicKeyId};

const SERIAL: &str = "0C4AEF34B89340881BB2B25226393DC2E47F094B";
const SERIAL_IN_DECIMAL: &str = "70167571286018298236264951216462462562206976587";
const KEY_ID: &str = "PUB_KEY_ID_0119000000012026112300000000000000";

fn sentence<T>(refused: Result<T, IdentifierError>) -> String {
    refused.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_merchant_id_is_8_to_15_digits() {
    for text in ["19000072", "1900007291", "190000729100001"] {
        assert_eq!(MerchantId::new(text).unwrap().as_str(), text);
    }
    for text in ["1900007", "1900007291000012", "19000072a1", "１９０００７２９１", "-1900007291"] {
        assert!(sentence(MerchantId::new(text)).contains("8 to 15 digits"), "{text}");
    }
}

#[test]
fn a_serial_is_written_in_upper_case_and_keeps_its_zeros() {
    assert_eq!(MerchantSerial::new(SERIAL.to_lowercase()).unwrap().as_str(), SERIAL);
    assert_eq!(PlatformSerial::new("00ff").unwrap().to_string(), "00FF");
}

#[test]
fn a_serial_of_decimal_digits_alone_is_taken_as_hex_while_it_may_be() {
    let text = "1234567890123456789012345678901234567890";
    assert_eq!(MerchantSerial::new(text).unwrap().as_str(), text);
}

#[test]
fn a_serial_in_decimal_is_named_as_such() {
    for refused in [
        sentence(MerchantSerial::new(SERIAL_IN_DECIMAL)),
        sentence(PlatformSerial::new(SERIAL_IN_DECIMAL)),
        sentence(MerchantSerial::new("1".repeat(44))),
    ] {
        let expected = "this looks like the serial number in decimal; write it in hex, as `openssl x509";
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn a_public_key_id_in_the_place_of_a_serial_is_named_as_such() {
    assert!(sentence(MerchantSerial::new(KEY_ID)).contains("this is a public key ID"));
    assert!(sentence(PlatformSerial::new(KEY_ID)).contains("this is a public key ID"));
}

#[test]
fn a_serial_in_the_place_of_a_public_key_id_is_named_as_such() {
    assert!(sentence(PublicKeyId::new(SERIAL)).contains("serial number of a certificate"));
}

#[test]
fn a_serial_in_another_notation_is_refused_with_the_right_one() {
    for text in ["0C:4A:EF", "0x0C4AEF", "0X0C4AEF"] {
        assert!(sentence(MerchantSerial::new(text)).contains("only the hex digits"), "{text}");
    }
    for text in ["0C4AEG", "serial=0C4AEF", &"A".repeat(42)] {
        assert!(sentence(MerchantSerial::new(text)).contains("40 hex digits"), "{text}");
    }
}

#[test]
fn a_serial_that_lost_its_leading_zero_is_noticed() {
    assert!(sentence(MerchantSerial::new(&SERIAL[1..])).contains("leading zero"));
}

#[test]
fn a_public_key_id_is_its_prefix_and_digits() {
    assert_eq!(PublicKeyId::new(KEY_ID).unwrap().into_string(), KEY_ID);
    for text in ["PUB_KEY_ID_", "PUB_KEY_ID_12AB", "pub_key_id_12", "PUB_KEY_ID_1\n2", "key"] {
        assert!(sentence(PublicKeyId::new(text)).contains("`PUB_KEY_ID_` followed by digits"), "{text:?}");
    }
    assert!(PublicKeyId::new(format!("PUB_KEY_ID_{}", "1".repeat(65))).is_err());
}

#[test]
fn nothing_and_white_space_are_named_as_such() {
    for refused in
        [sentence(MerchantId::new("")), sentence(MerchantSerial::new(" ")), sentence(PublicKeyId::new("\n"))]
    {
        assert!(refused.contains("it is empty"), "{refused}");
    }
    for refused in
        [sentence(MerchantId::new("1900007291\n")), sentence(PlatformSerial::new(format!(" {SERIAL}")))]
    {
        assert!(refused.contains("white space"), "{refused}");
    }
}

#[test]
fn an_error_names_the_identifier_in_both_languages() {
    assert!(sentence(MerchantId::new("x")).starts_with("the merchant ID (商户号) is invalid: "));
    assert!(sentence(PublicKeyId::new("x")).contains("微信支付公钥ID"));
}

#[test]
fn an_identifier_is_a_value_that_prints_plainly() {
    let id: MerchantId = "1900007291".parse().unwrap();
    assert_eq!((format!("{id}"), format!("{id:?}")), ("1900007291".into(), "MerchantId(1900007291)".into()));
    assert_eq!(id.as_ref(), "1900007291");
    assert!(HashSet::from([id.clone()]).contains(&id));
}

proptest! {
    #[test]
    fn any_text_is_answered_without_a_panic(text: String) {
        let _ = MerchantId::new(text.as_str());
        let _ = MerchantSerial::new(text.as_str());
        let _ = PlatformSerial::new(text.as_str());
        let _ = PublicKeyId::new(text.as_str());
    }

    #[test]
    fn what_is_accepted_can_stand_in_a_header(text in "[ -~]{0,50}") {
        for accepted in [
            MerchantId::new(text.as_str()).map(MerchantId::into_string),
            MerchantSerial::new(text.as_str()).map(MerchantSerial::into_string),
            PublicKeyId::new(format!("PUB_KEY_ID_{text}")).map(PublicKeyId::into_string),
        ].into_iter().flatten() {
            prop_assert!(accepted.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        }
    }
}
