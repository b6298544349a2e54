//! Recognizes a wrong `serial_no` or `mchid`.

use weipay_wire::is_same_serial;

use crate::merchants::{Merchant, Merchants};

/// Why a serial is not that of the merchant, and what to do.
pub(crate) fn cause(given: &str, merchant: &Merchant, merchants: &Merchants) -> String {
    let plain: String = given.chars().filter(|letter| !matches!(letter, ':' | ' ' | '-')).collect();
    let plain = plain.strip_prefix("0x").or(plain.strip_prefix("0X")).unwrap_or(&plain);
    let is_own = |serial: &str| is_same_serial(serial, &merchant.serial);
    let signers = &merchant.signers;
    let why = if plain != given && is_own(plain) {
        "it has separators between its digits: write only the hexadecimal digits"
    } else if hexadecimal(given).is_some_and(|serial| is_own(&serial)) {
        "it is the right number in decimal: write it in hexadecimal"
    } else if given.starts_with("PUB_KEY_ID_") {
        "it is the ID of the platform's public key, which goes into Wechatpay-Serial: write the serial of the merchant certificate"
    } else if signers.certificates.iter().any(|key| is_same_serial(&key.serial, given)) {
        "it is the serial of the platform certificate, which goes into Wechatpay-Serial: write the serial of the merchant certificate"
    } else if merchants.all().iter().any(|other| is_same_serial(&other.serial, given)) {
        "it belongs to another merchant: mchid, serial and key must be of one merchant"
    } else {
        "use the one in the merchant's kit.json"
    };
    format!("serial_no in the Authorization header is not merchant_serial of the merchant: {why}")
}

/// Why a number is not that of a merchant, and what to do.
pub(crate) fn cause_of_unknown(mchid: &str, merchants: &Merchants) -> &'static str {
    let all = merchants.all();
    if all.iter().any(|merchant| merchant.account.appids.iter().any(|appid| appid == mchid)) {
        return "mchid in the Authorization header is an appid: write the merchant's number (商户号)";
    }
    if all.iter().any(|merchant| merchant.account.names(mchid)) {
        return "mchid in the Authorization header is a sub-merchant: a partner signs with its own number, and names the sub-merchant in sub_mchid";
    }
    "mchid in the Authorization header is not a merchant of this sandbox: use the number in the merchant's kit.json, or add it"
}

/// A decimal number in hexadecimal.
fn hexadecimal(decimal: &str) -> Option<String> {
    if decimal.is_empty() || decimal.len() > 60 {
        return None;
    }
    // 25 bytes are more than 60 digits need.
    let mut bytes = [0_u8; 26];
    for digit in decimal.bytes() {
        let mut carry = u16::from(digit.is_ascii_digit().then_some(digit - b'0')?);
        for byte in bytes.iter_mut().rev() {
            let product = u16::from(*byte) * 10 + carry;
            (*byte, carry) = ((product & 0xff) as u8, product >> 8);
        }
    }
    Some(base16ct::upper::encode_string(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_serial_is_read() {
        let hex = |text| hexadecimal(text).map(|hex| hex.trim_start_matches('0').to_owned());
        // By another program.
        assert_eq!(
            hex("368475901513257255001947488155316308835194601691").as_deref(),
            Some("408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB")
        );
        assert_eq!(hex("255").as_deref(), Some("FF"));
        assert_eq!(hex("18446744073709551616").as_deref(), Some("10000000000000000"));
        assert_eq!((hexadecimal("12a"), hexadecimal("")), (None, None));
    }
}
