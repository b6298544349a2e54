//! The `Authorization` header, printed and read.

use proptest::prelude::*;
use weipay_wire::{Authorization, AuthorizationError, MAX_AUTHORIZATION_LENGTH, SCHEME, Scheme};

fn sample() -> Authorization {
    Authorization {
        scheme: Scheme::Sha256Rsa2048,
        mchid: "1".into(),
        serial_no: "5".into(),
        timestamp: 4,
        nonce_str: "2".into(),
        signature: "3".into(),
    }
}

#[test]
fn the_signature_is_not_printed() {
    let printed = format!("{:?}", Authorization { signature: "secret".into(), ..sample() });
    assert!(printed.contains("mchid: \"1\"") && !printed.contains("secret"), "{printed}");
}

fn refusal(text: &str) -> AuthorizationError {
    text.parse::<Authorization>().unwrap_err()
}

#[test]
fn the_header_prints_as_the_node_sdk_prints_it() {
    let text = "WECHATPAY2-SHA256-RSA2048 mchid=\"1\",serial_no=\"5\",timestamp=\"4\",nonce_str=\"2\",signature=\"3\"";
    assert_eq!(sample().to_string(), text);
    assert_eq!(text.parse(), Ok(sample()));
}

#[test]
fn the_orders_of_the_other_sdks_read_the_same() {
    for parameters in [
        r#"mchid="1",nonce_str="2",timestamp="4",serial_no="5",signature="3""#,
        r#"mchid="1",nonce_str="2",signature="3",timestamp="4",serial_no="5""#,
    ] {
        assert_eq!(format!("{SCHEME} {parameters}").parse(), Ok(sample()), "{parameters}");
    }
}

#[test]
fn a_parameter_of_another_name_is_passed_over() {
    assert_eq!(format!("{},version=\"2\"", sample()).parse(), Ok(sample()));
}

#[test]
fn a_signature_keeps_its_padding() {
    let header = Authorization { signature: "ab+/==".into(), ..sample() };
    assert_eq!(header.to_string().parse(), Ok(header));
}

#[test]
fn a_header_without_its_scheme_is_told_from_one_of_another() {
    for text in ["", " ", r#"mchid="1""#, r#" mchid="1""#] {
        assert_eq!(refusal(text), AuthorizationError::MissingScheme, "{text:?}");
    }
    for scheme in ["Bearer", "wechatpay2-sha256-rsa2048", "WECHATPAY2-SM2-WITH-SM4"] {
        let text = sample().to_string().replace(SCHEME, scheme);
        assert_eq!(refusal(&text), AuthorizationError::OtherScheme { scheme: scheme.into() });
    }
}

#[test]
fn the_scheme_of_a_stranger_is_kept_short() {
    let AuthorizationError::OtherScheme { scheme } = refusal(&"x".repeat(4000)) else { unreachable!() };
    assert_eq!(scheme.len(), 64);
}

#[test]
fn parameters_of_another_shape_are_malformed() {
    for parameters in [
        "",
        "test",
        "mchid=1",
        r#"mchid="1"#,
        r#"mchid=1""#,
        "mchid='1'",
        r#"mchid ="1""#,
        r#"="1""#,
        r#" mchid="1""#,
        r#"mchid="1", serial_no="5""#,
        r#"mchid="1",,serial_no="5""#,
        r#"mchid="1","#,
        r#"mchid="1"2""#,
        "mchid=\"1\r\n\"",
        "mchid=\"商户\"",
    ] {
        assert_eq!(
            refusal(&format!("{SCHEME} {parameters}")),
            AuthorizationError::Malformed,
            "{parameters:?}"
        );
    }
    assert_eq!(refusal(SCHEME), AuthorizationError::Malformed);
}

#[test]
fn each_absent_or_empty_parameter_is_named() {
    for name in ["mchid", "serial_no", "timestamp", "nonce_str", "signature"] {
        let (_, parameters) =
            sample().to_string().split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let kept: Vec<&str> = parameters.split(',').filter(|pair| !pair.starts_with(name)).collect();
        let absent = format!("{SCHEME} {}", kept.join(","));
        let empty = format!("{absent},{name}=\"\"");
        for text in [absent, empty] {
            assert_eq!(refusal(&text), AuthorizationError::Missing(name), "{text}");
        }
    }
}

#[test]
fn a_parameter_given_twice_is_refused_even_when_it_agrees() {
    assert_eq!(refusal(&format!("{},mchid=\"1\"", sample())), AuthorizationError::Duplicate("mchid"));
}

#[test]
fn a_timestamp_is_read_only_as_it_would_be_printed() {
    for timestamp in ["+4", "-4", "04", "4.0", "4e1", " 4", "9223372036854775808", "٤"] {
        let text = sample().to_string().replace("\"4\"", &format!("\"{timestamp}\""));
        let refused = refusal(&text);
        let expected = if timestamp.is_ascii() {
            AuthorizationError::BadTimestamp
        } else {
            AuthorizationError::Malformed
        };
        assert_eq!(refused, expected, "{timestamp}");
    }
    let last = sample().to_string().replace("\"4\"", "\"9223372036854775807\"");
    assert_eq!(last.parse::<Authorization>().unwrap().timestamp, i64::MAX);
}

#[test]
fn a_header_beyond_the_bound_is_refused_unread() {
    let text = "a".repeat(MAX_AUTHORIZATION_LENGTH + 1);
    assert_eq!(refusal(&text), AuthorizationError::TooLong { length: MAX_AUTHORIZATION_LENGTH + 1 });
}

#[test]
fn a_printed_value_cannot_end_its_quotes_or_the_header() {
    let hostile = Authorization { nonce_str: "a\",mchid=\"2\r\nX-Other: 1".into(), ..sample() };
    let printed = hostile.to_string();
    assert!(!printed.contains(['\r', '\n']));
    let read: Authorization = printed.parse().unwrap();
    assert_eq!((read.mchid.as_str(), read.nonce_str.as_str()), ("1", "amchid=2X-Other: 1"));
}

#[test]
fn every_error_says_what_to_do() {
    for (text, hint) in [
        ("", "start it with"),
        ("Bearer x", SCHEME),
        (SCHEME, "quote each value"),
        (&*format!("{SCHEME} mchid=\"1\""), "serial_no=\"...\""),
    ] {
        assert!(refusal(text).to_string().contains(hint), "{}", refusal(text));
    }
}

fn value() -> impl Strategy<Value = String> {
    "[ !#-+\\--~]{1,80}"
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_in_any_order(
        (mchid, serial_no, nonce_str, signature) in (value(), value(), value(), value()),
        timestamp in 0..=i64::MAX,
        order in Just([0, 1, 2, 3, 4]).prop_shuffle(),
    ) {
        let header = Authorization { scheme: Scheme::default(), mchid, serial_no, timestamp, nonce_str, signature };
        let printed = header.to_string();
        let pairs: Vec<&str> = printed[SCHEME.len() + 1..].split(',').collect();
        let permuted: Vec<&str> = order.iter().map(|&index| pairs[index]).collect();
        prop_assert_eq!(format!("{SCHEME} {}", permuted.join(",")).parse(), Ok(header));
    }

    #[test]
    fn any_text_is_answered_without_a_panic(text: String) {
        let _ = text.parse::<Authorization>();
        let _ = format!("{SCHEME} {text}").parse::<Authorization>();
    }

    #[test]
    fn whatever_the_values_hold_the_header_stays_one_line_of_five_parameters(
        mchid: String, serial_no: String, nonce_str: String, signature: String, timestamp: i64,
    ) {
        let scheme = Scheme::default();
        let header = Authorization { scheme, mchid, serial_no, timestamp, nonce_str, signature };
        let printed = header.to_string();
        prop_assert!(printed.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        prop_assert_eq!(printed.matches(',').count(), 4);
        prop_assert_eq!(printed.matches('"').count(), 10);
    }
}
