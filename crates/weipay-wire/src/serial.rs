//! Compares serial numbers (证书序列号). They are numbers, so lower case and missing leading zeros make no difference. A
//! WeChat Pay public key ID (微信支付公钥ID) is used in the same headers, but is compared as text.

/// Whether two texts name the same certificate or public key.
///
/// ```
/// use weipay_wire::is_same_serial;
///
/// assert!(is_same_serial("0C4AEF34B89340881BB2B25226393DC2E47F094B", "c4aef34b89340881bb2b25226393dc2e47f094b"));
/// assert!(!is_same_serial("PUB_KEY_ID_01", "PUB_KEY_ID_1"));
/// ```
#[must_use]
pub fn is_same_serial(one: &str, other: &str) -> bool {
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => one == other,
    }
}

/// The significant digits of a hexadecimal number.
fn number(text: &str) -> Option<&str> {
    let is_hex = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| text.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIAL: &str = "0C4AEF34B89340881BB2B25226393DC2E47F094B";

    #[test]
    fn case_and_leading_zeros_do_not_matter() {
        for same in [SERIAL, &SERIAL.to_lowercase(), &SERIAL[1..], &format!("000{SERIAL}")] {
            assert!(is_same_serial(SERIAL, same) && is_same_serial(same, SERIAL), "{same}");
        }
    }

    #[test]
    fn another_number_is_another_serial() {
        for other in
            ["", "0", "0C4AEF34B89340881BB2B25226393DC2E47F094C", "C4AEF34B89340881BB2B25226393DC2E47F094B0"]
        {
            assert!(!is_same_serial(SERIAL, other), "{other}");
        }
        assert!(!is_same_serial("", "0"));
    }

    #[test]
    fn a_public_key_id_is_text() {
        assert!(is_same_serial("PUB_KEY_ID_0119", "PUB_KEY_ID_0119"));
        for other in ["pub_key_id_0119", "PUB_KEY_ID_119", "0119", "PUB_KEY_ID_0119 "] {
            assert!(!is_same_serial("PUB_KEY_ID_0119", other), "{other}");
        }
    }
}
