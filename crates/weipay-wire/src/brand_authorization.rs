//! The `Authorization` header of a brand (品牌), 认证类型 `WECHATPAY-BRAND-SHA256-RSA2048`.
//!
//! A brand signs the same message as a merchant, with the key of its own API certificate (品牌API证书). The header has another
//! scheme, and `brand_id` in place of `mchid`. The parameters are in the order of the official example,
//! <https://pay.weixin.qq.com/doc/brand/4015597833>.

use std::fmt::{self, Display, Formatter};

use crate::v3_signature::write_parameter;

/// The authentication scheme (认证类型) of brands that sign with RSA.
pub const BRAND_SCHEME: &str = "WECHATPAY-BRAND-SHA256-RSA2048";

/// The content of an `Authorization` header of a brand. [`Display`] prints the header's value.
#[derive(Clone, PartialEq, Eq)]
pub struct BrandAuthorization {
    /// The brand ID (品牌ID) that the request is made for.
    pub brand_id: String,
    /// The serial number of the brand's API certificate (品牌API证书序列号) whose key signed.
    pub serial_no: String,
    /// When the request was signed (时间戳), in Unix seconds.
    pub timestamp: i64,
    /// The nonce (请求随机串) that was signed.
    pub nonce_str: String,
    /// The signature (签名值) in base64.
    pub signature: String,
}

impl fmt::Debug for BrandAuthorization {
    /// Without the signature, which a log must not hold.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrandAuthorization")
            .field("brand_id", &self.brand_id)
            .field("serial_no", &self.serial_no)
            .field("timestamp", &self.timestamp)
            .field("nonce_str", &self.nonce_str)
            .finish_non_exhaustive()
    }
}

impl Display for BrandAuthorization {
    /// Prints the header's value. A character that is not allowed in a value is left out, as in
    /// [`Authorization`](crate::Authorization).
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(BRAND_SCHEME)?;
        write_parameter(f, " brand_id=\"", &self.brand_id)?;
        write_parameter(f, ",nonce_str=\"", &self.nonce_str)?;
        write_parameter(f, ",signature=\"", &self.signature)?;
        write!(f, ",timestamp=\"{}\"", self.timestamp)?;
        write_parameter(f, ",serial_no=\"", &self.serial_no)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brand_has_its_own_scheme_and_number() {
        let authorization = BrandAuthorization {
            brand_id: "123456789".to_owned(),
            serial_no: "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C".to_owned(),
            timestamp: 1_554_208_460,
            nonce_str: "593BEC0C930BF1AFEB40B4A08C8FB242".to_owned(),
            signature: "gZGk".to_owned(),
        };
        assert!(!format!("{authorization:?}").contains("gZGk"));
        assert_eq!(
            authorization.to_string(),
            "WECHATPAY-BRAND-SHA256-RSA2048 brand_id=\"123456789\",\
             nonce_str=\"593BEC0C930BF1AFEB40B4A08C8FB242\",signature=\"gZGk\",timestamp=\"1554208460\",\
             serial_no=\"1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C\""
        );
        let forged = BrandAuthorization { brand_id: "1\",mchid=\"2".to_owned(), ..authorization };
        assert!(
            forged.to_string().starts_with("WECHATPAY-BRAND-SHA256-RSA2048 brand_id=\"1mchid=2\",nonce_str")
        );
    }
}
