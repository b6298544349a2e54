//! APIv2 against known answers: signatures and sealed texts that the official pages and SDKs publish.

use proptest::prelude::*;
use weipay_wire::{ApiV2Key, ReqInfoError, SignError, SignType, WorkWxPayment, WorkWxSecret, XmlElements};

/// The key of the official example.
const KEY: &str = "192006250b4c09247ec02edce69f6a2d";
const FIELDS: [(&str, &str); 5] = [
    ("appid", "wxd930ea5d5a258f4f"),
    ("mch_id", "10000100"),
    ("device_info", "1000"),
    ("body", "test"),
    ("nonce_str", "ibuaiVcKdpRxkhJA"),
];
const MD5: &str = "9A0A8659F005D6984697E2CA0A9CF3B7";
const HMAC: &str = "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6";

fn key() -> ApiV2Key {
    ApiV2Key::new(KEY).unwrap()
}

fn message(fields: &[(&str, &str)]) -> XmlElements {
    let mut message = XmlElements::new();
    for (name, value) in fields {
        message.push(*name, *value);
    }
    message
}

#[test]
fn the_example_of_the_official_page_has_its_signatures() {
    assert_eq!(key().sign(SignType::Md5, FIELDS), MD5);
    assert_eq!(key().sign(SignType::HmacSha256, FIELDS), HMAC);
}

#[test]
fn the_launch_parameters_of_the_official_page_have_their_signature() {
    let key = ApiV2Key::new("qazwsxedcrfvtgbyhnujmikolp111111").unwrap();
    let fields = [
        ("appId", "wxd678efh567hg6787"),
        ("timeStamp", "1490840662"),
        ("nonceStr", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
        ("package", "prepay_id=wx2017033010242291fcfe0db70013231072"),
        ("signType", "MD5"),
    ];
    assert_eq!(key.sign(SignType::Md5, fields), "22D9B4E54AB1950F51E0649E8810ACD6");
}

#[test]
fn the_coupon_plugin_has_the_signature_that_its_form_gives() {
    let fields =
        [("send_coupon_merchant", "10016226"), ("stock_id0", "1234567"), ("out_request_no0", "abc123")];
    assert_eq!(
        key().sign(SignType::HmacSha256, fields),
        "AD7CD2967446E742075BF7A52CEBC5FE1A17A4042ED451A44DAABF9F04FFDD99"
    );
}

/// The hashes of the Node SDK: of a secret alone, and behind `&key=` and `&secret=`.
#[test]
fn the_digests_of_the_node_sdk_come_out() {
    let digest = |pieces: &[&str]| {
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        SignType::Md5.digest(b"", &pieces)
    };
    let secret = "exposed_your_key_here_have_risks";
    assert_eq!(digest(&[secret]), "4AD14AC334AB13540EB6C5479512A8E8");
    assert_eq!(digest(&["&key=", secret]), "B3D43C8390F26E2030D4D17BD580FBC8");
    assert_eq!(digest(&["&secret=", secret]), "7831C3FF1BDE78FD0AC1107E00AC92E6");
}

#[test]
fn a_payment_of_wecom_has_a_signature_with_the_secret_of_the_application() {
    let fields = [
        ("sender_name", "shop"),
        ("wxappid", "wx1"),
        ("act_name", "活动"),
        ("mch_billno", "b1"),
        ("mch_id", "10000098"),
        ("nonce_str", "n"),
        ("re_openid", "o1"),
        ("total_amount", "1000"),
    ];
    let secret = WorkWxSecret::new("exposed_your_key_here_have_risks");
    let by_hand = "act_name=活动&mch_billno=b1&mch_id=10000098&nonce_str=n&re_openid=o1&total_amount=1000&wxappid=wx1\
                   &secret=exposed_your_key_here_have_risks";
    let expected = SignType::Md5.digest(b"", &[by_hand.as_bytes()]);
    assert_eq!(secret.sign(WorkWxPayment::RedPacket, fields), Ok(expected));
    let missing = SignError::MissingField("amount");
    assert_eq!(secret.sign(WorkWxPayment::ToEmployee, fields), Err(missing));
    assert!(missing.to_string().starts_with("`amount`"));
    for payment in [WorkWxPayment::RedPacket, WorkWxPayment::ToEmployee] {
        assert!(payment.signed_fields().is_sorted());
    }
    assert_eq!(format!("{secret:?}"), "WorkWxSecret(..)");
}

/// The order of `FormatterTest` in the PHP SDK: bytes, so capitals come first and `_` stands between capitals and others.
#[test]
fn names_are_sorted_by_their_bytes() {
    let signed = |fields: &[(&'static str, &'static str)]| key().sign(SignType::Md5, fields.iter().copied());
    // MD5 of `REMARK=4&RE_OPENID=3&re_openid=1&remark=2&key=...`, by `openssl md5`.
    let expected = "233CE87AB5DE5C549C21D07A1ADCE063";
    let fields = [("re_openid", "1"), ("remark", "2"), ("RE_OPENID", "3"), ("REMARK", "4")];
    assert_eq!(signed(&fields), expected);
    let mut turned = fields;
    turned.reverse();
    assert_eq!(signed(&turned), expected);
}

#[test]
fn a_signature_and_empty_values_are_not_signed_and_blanks_are() {
    let mut fields = FIELDS.to_vec();
    fields.extend([("sign", "anything"), ("attach", ""), ("detail", "")]);
    assert_eq!(key().sign(SignType::Md5, fields.iter().copied()), MD5);
    fields.push(("goods_tag", " "));
    assert_ne!(key().sign(SignType::Md5, fields), MD5);
}

#[test]
fn a_response_verifies_by_either_kind_and_with_every_field() {
    for sign in [MD5, HMAC, &MD5.to_ascii_lowercase()] {
        let mut fields = FIELDS.to_vec();
        fields.extend([("sign", sign), ("err_code", "")]);
        assert_eq!(key().verify(&message(&fields)), Ok(()));
        fields.push(("nobody_knows_it", "x"));
        assert_eq!(key().verify(&message(&fields)), Err(SignError::Mismatch));
    }
}

#[test]
fn a_response_that_does_not_verify_says_why() {
    let verified = |sign: Option<&str>| {
        let mut fields = FIELDS.to_vec();
        fields.extend(sign.map(|sign| ("sign", sign)));
        key().verify(&message(&fields))
    };
    assert_eq!(verified(None), Err(SignError::Missing));
    assert_eq!(verified(Some("")), Err(SignError::Missing));
    for malformed in ["9A0A", &MD5.replace('9', "G"), &"字".repeat(32), &MD5.repeat(3)] {
        assert_eq!(verified(Some(malformed)), Err(SignError::Malformed), "{malformed}");
    }
    assert_eq!(verified(Some(&MD5.replace('9', "8"))), Err(SignError::Mismatch));
    let other = ApiV2Key::new("0123456789abcdef0123456789abcdef").unwrap();
    let mut fields = FIELDS.to_vec();
    fields.push(("sign", MD5));
    assert_eq!(other.verify(&message(&fields)), Err(SignError::Mismatch));
    let nested = XmlElements::read(format!("<xml><a><b>1</b></a><sign>{MD5}</sign></xml>").as_bytes(), "xml");
    assert_eq!(key().verify(&nested.unwrap()), Err(SignError::Nested));
}

#[test]
fn the_kind_of_a_signature_is_named_as_the_platform_does() {
    for sign_type in [SignType::Md5, SignType::HmacSha256] {
        assert_eq!(sign_type.to_string().parse(), Ok(sign_type));
    }
    for text in ["md5", "HMAC", "", "RSA"] {
        assert_eq!(text.parse::<SignType>(), Err(SignError::SignType));
    }
    assert_eq!(SignType::from_signature(""), None);
}

const REQ_INFO: &str =
    "WBzGpzQuNpcFxIlFjUUD9Ir/NnOJZUQ8yuhFxM4pJ2GP1TehMgivXNaEmSD2o8Da/blAG/5vE2Ky9lTrfTctYg==";
const REFUND: &[u8] = b"<root><out_refund_no><![CDATA[1]]></out_refund_no></root>";

#[test]
fn the_sealed_part_of_a_refund_notification_opens_and_seals() {
    assert_eq!(key().open_req_info(REQ_INFO).unwrap().as_slice(), REFUND);
    assert_eq!(key().seal_req_info(REFUND).unwrap(), REQ_INFO);
    let opened = key().open_req_info(&format!("{REQ_INFO}\n")).unwrap();
    assert_eq!(XmlElements::read(&opened, "root").unwrap().text("out_refund_no"), Some("1"));
}

#[test]
fn a_sealed_part_that_was_cut_or_is_of_another_key_says_so() {
    let refusal = |text: &str| key().open_req_info(text).unwrap_err();
    assert_eq!(refusal("not base64!"), ReqInfoError::NotBase64);
    assert_eq!(refusal(""), ReqInfoError::NotBlocks { length: 0 });
    assert_eq!(refusal("AAAA"), ReqInfoError::NotBlocks { length: 3 });
    assert_eq!(refusal(&REQ_INFO[..64]), ReqInfoError::Refused);
    assert_eq!(refusal(&"A".repeat(64 * 1024 + 4)), ReqInfoError::TooLarge { length: 64 * 1024 + 4 });
    let other = ApiV2Key::new("0123456789abcdef0123456789abcdef").unwrap();
    assert_eq!(other.open_req_info(REQ_INFO), Err(ReqInfoError::Refused));
}

/// A key whose MD5 begins with zeros: made through a number, its hexadecimal would be too short.
#[test]
fn leading_zeros_of_the_digest_of_a_key_count() {
    let key = ApiV2Key::new(ZEROS).unwrap();
    assert_eq!(key.open_req_info(OF_ZEROS).unwrap().as_slice(), b"hello");
}

/// The MD5 of this key is `0013a80515d8394c42c60fe76f743889`; the text was sealed with Python's `cryptography`.
const ZEROS: &str = "00000000000000000000000000000772";
const OF_ZEROS: &str = "YLp36Bs2I+OTIZwkVvn56Q==";

proptest! {
    #[test]
    fn any_values_survive_xml_unchanged_and_verify(
        values in prop::collection::vec("[^\u{0}-\u{8}\u{B}\u{C}\u{E}-\u{1F}\u{FFFE}\u{FFFF}]{0,20}|[ \t\r\n\"'&<>\\]\u{4E00}-\u{4E20}]{0,8}", 0..8),
        hmac: bool,
    ) {
        let mut sent = XmlElements::new();
        for (index, value) in values.iter().enumerate() {
            sent.push(format!("field_{index}"), value.as_str());
        }
        let sign_type = if hmac { SignType::HmacSha256 } else { SignType::Md5 };
        sent.push("sign", key().sign(sign_type, sent.texts()));
        let received = XmlElements::read(sent.write("xml").unwrap().as_bytes(), "xml").unwrap();
        prop_assert_eq!(&received, &sent);
        prop_assert_eq!(key().verify(&received), Ok(()));
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes: Vec<u8>) {
        let _ = XmlElements::read(&bytes, "xml");
        let _ = XmlElements::read(&[b"<xml>".as_slice(), &bytes, b"</xml>"].concat(), "xml");
    }

    #[test]
    fn any_markup_is_read_or_refused_without_a_panic(pieces in prop::collection::vec(
        prop::sample::select(vec!["<xml>", "</xml>", "<a>", "</a>", "<a/>", "<![CDATA[", "]]>", "&", ";", "&lt;", "&#x", "<!--", "-->", "<?", "?>", "<!DOCTYPE", " ", "1", "=\"", ">"]), 0..20,
    )) {
        let _ = XmlElements::read(pieces.concat().as_bytes(), "xml");
    }

    #[test]
    fn what_is_sealed_opens(content: Vec<u8>) {
        let sealed = key().seal_req_info(&content).unwrap();
        let opened = key().open_req_info(&sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), content.as_slice());
    }
}
