//! The signature of a merchant's page: HMAC-SHA256 by the APIv2 key over the sorted values, and what usually goes wrong with it.

use weipay_wire::{ApiV2Key, Kit, SignType};

/// Checks a signature.
///
/// # Errors
///
/// The error, with the likely cause and the message that should have been signed. It contains no key.
pub(super) fn check(signed: &[(String, String)], sign: &str, kit: &Kit) -> Result<(), String> {
    let Ok(key) = ApiV2Key::new(&kit.api_v2_key) else {
        return Err("the merchant's kit has no APIv2 key that could verify".to_owned());
    };
    let fields = || signed.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let expected = key.sign(SignType::HmacSha256, fields());
    if sign == expected {
        return Ok(());
    }
    let cause = cause(signed, sign, &expected, &key, kit)
        .unwrap_or("the values, their names or the APIv2 key differ from those that were signed");
    Err(format!(
        "sign is wrong: {cause}. It should be HMAC-SHA256 with the APIv2 key, as upper-case hex digits, over {}&key=(the APIv2 key)",
        message(signed)
    ))
}

/// The signed message, without the key: names in the order of ASCII, without empty values.
fn message(signed: &[(String, String)]) -> String {
    let mut fields: Vec<_> = signed.iter().filter(|(_, value)| !value.is_empty()).collect();
    fields.sort_unstable();
    fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn cause(
    signed: &[(String, String)],
    sign: &str,
    expected: &str,
    key: &ApiV2Key,
    kit: &Kit,
) -> Option<&'static str> {
    let fields = || signed.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    if sign.eq_ignore_ascii_case(expected) {
        return Some("the hex digits must be upper case");
    }
    let is = |made: String| made.eq_ignore_ascii_case(sign);
    if is(key.sign(SignType::Md5, fields())) {
        return Some("it was made with MD5; merchant coupons take HMAC-SHA256 only");
    }
    if ApiV2Key::new(&kit.api_v3_key).is_ok_and(|other| is(other.sign(SignType::HmacSha256, fields()))) {
        return Some("it was made with the APIv3 key; this signature takes the APIv2 key");
    }
    let without = |left_out: fn(&str) -> bool| {
        key.sign(SignType::HmacSha256, fields().filter(|(name, _)| !left_out(name)))
    };
    if is(without(|name| name == "send_coupon_merchant")) {
        return Some("send_coupon_merchant was not signed, and must be");
    }
    if is(without(|name| name.starts_with("coupon_code"))) {
        return Some("coupon_code was not signed, and must be");
    }
    if is(without(|name| name == "open_id")) {
        return Some("open_id was not signed, and must be");
    }
    if is(without(|name| name.starts_with("customize_send_time"))) {
        return Some("customize_send_time was not signed, and must be");
    }
    let plain =
        fields().map(|(name, value)| (name.trim_end_matches(|letter: char| letter.is_ascii_digit()), value));
    if is(key.sign(SignType::HmacSha256, plain)) {
        return Some(
            "the names were signed without their position: the first coupon has stock_id0, out_request_no0, coupon_code0",
        );
    }
    if sign.len() != expected.len() || !sign.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some("a signature has 64 hex digits");
    }
    None
}
