//! Parameters that are signed with the APIv2 key (API密钥): payments of APIv2, and pages of some products that have no other
//! signature, also if their orders are made with APIv3.

use weipay_wire::{ApiV2Key, SignType};

use super::parameter::{self, ParameterError, checked_prepay_id, without_separator};
use super::{AppParameters, FrontEnd, JsapiParameters, parameters};
use crate::target::percent_encode;

/// A value of what is signed, `name=value&name=value`. A `&` in it would make two values of one under the same signature.
pub(super) fn checked(name: &'static str, value: &str) -> Result<String, ParameterError> {
    without_separator(name, parameter::checked(name, value)?)
}

impl FrontEnd {
    /// Adds the APIv2 key (API密钥), for the methods that sign with it.
    #[must_use]
    pub fn api_v2_key(mut self, key: ApiV2Key) -> Self {
        self.api_v2_key = Some(key);
        self
    }

    /// As [`jsapi`](Self::jsapi), for an order of APIv2 (`v2/pay/unifiedorder`). `sign_type` must be the one that the order
    /// was created with; without one that is MD5.
    ///
    /// # Errors
    ///
    /// As [`jsapi`](Self::jsapi), or when there is no APIv2 key.
    pub fn jsapi_v2(
        &self,
        appid: &str,
        prepay_id: &str,
        sign_type: SignType,
    ) -> Result<JsapiParameters, ParameterError> {
        let app_id = checked("appid", appid)?;
        let package = format!("prepay_id={}", checked_prepay_id(prepay_id)?);
        let (time_stamp, nonce_str) = self.stamp();
        let fields = [
            ("appId", &*app_id),
            ("timeStamp", &time_stamp),
            ("nonceStr", &nonce_str),
            ("package", &package),
            ("signType", sign_type.as_str()),
        ];
        let pay_sign = self.v2_key()?.sign(sign_type, fields);
        Ok(JsapiParameters {
            app_id,
            time_stamp,
            nonce_str,
            package,
            sign_type: sign_type.to_string(),
            pay_sign,
        })
    }

    /// As [`app`](Self::app), for an order of APIv2 (`v2/pay/unifiedorder`).
    ///
    /// # Errors
    ///
    /// As [`jsapi_v2`](Self::jsapi_v2).
    pub fn app_v2(
        &self,
        appid: &str,
        prepay_id: &str,
        sign_type: SignType,
    ) -> Result<AppParameters, ParameterError> {
        let mut parameters = AppParameters {
            appid: checked("appid", appid)?,
            partnerid: self.mchid.to_string(),
            prepayid: checked_prepay_id(prepay_id)?,
            package: "Sign=WXPay".to_owned(),
            noncestr: String::new(),
            timestamp: String::new(),
            sign: String::new(),
        };
        (parameters.timestamp, parameters.noncestr) = self.stamp();
        parameters.sign = self.v2_key()?.sign(sign_type, parameters.pairs());
        Ok(parameters)
    }

    /// The address for the QR code of a product (Native支付模式一), which has no order yet: when a payer scans it, the platform
    /// asks the merchant for one. An order that is there already has its own `code_url`.
    ///
    /// # Errors
    ///
    /// If a value is not valid for its parameter, or there is no APIv2 key.
    pub fn native_link(&self, appid: &str, product_id: &str) -> Result<String, ParameterError> {
        let (time_stamp, nonce_str) = self.stamp();
        let mchid = self.mchid.to_string();
        let fields = [
            ("appid", &*checked("appid", appid)?),
            ("mch_id", &mchid),
            ("product_id", &*checked("product_id", product_id)?),
            ("time_stamp", &time_stamp),
            ("nonce_str", &nonce_str),
        ];
        let sign = self.v2_key()?.sign(SignType::Md5, fields);
        Ok(link("weixin://wxpay/bizpayurl", [("sign", &*sign)].into_iter().chain(fields)))
    }

    /// For `wx.sendBizRedPacket`, which opens a red packet in a mini program (小程序红包). `package` is from the response of
    /// `v2/mmpaymkttransfers/sendminiprogramhb`; the one in the parameters is percent-encoded, and so is what is signed.
    ///
    /// # Errors
    ///
    /// As [`jsapi_v2`](Self::jsapi_v2).
    pub fn red_packet(&self, appid: &str, package: &str) -> Result<RedPacketParameters, ParameterError> {
        let mut encoded = String::new();
        // It is signed percent-encoded, so that a `&` in it separates nothing.
        percent_encode(&mut encoded, &super::checked("package", package)?);
        let (time_stamp, nonce_str) = self.stamp();
        let app_id = checked("appid", appid)?;
        let fields = [
            ("appId", &*app_id),
            ("timeStamp", &time_stamp),
            ("nonceStr", &nonce_str),
            ("package", &encoded),
        ];
        let pay_sign = self.v2_key()?.sign(SignType::Md5, fields);
        let sign_type = SignType::Md5.to_string();
        Ok(RedPacketParameters { time_stamp, nonce_str, package: encoded, sign_type, pay_sign })
    }

    pub(super) fn v2_key(&self) -> Result<&ApiV2Key, ParameterError> {
        self.api_v2_key.as_ref().ok_or(ParameterError::NoApiV2Key)
    }
}

parameters! {
    /// The parameters of `wx.sendBizRedPacket`. They serialize with the names that WeChat expects.
    RedPacketParameters {
        /// Seconds since 1970, as a text.
        time_stamp = "timeStamp",
        /// The random string.
        nonce_str = "nonceStr",
        /// The red packet's `package`, percent-encoded.
        package = "package",
        /// `MD5`.
        sign_type = "signType",
        /// The signature.
        pay_sign = "paySign",
    }
}

pub(super) fn link<'a>(address: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    format!("{address}?{}", query(fields))
}

/// `name=value&name=value`, with percent-encoded values.
pub(super) fn query<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = String::new();
    for (name, value) in fields {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        percent_encode(&mut query, value);
    }
    query
}

#[cfg(test)]
pub(super) mod tests {
    use weipay_wire::{MerchantId, PrivateKey};

    use super::*;

    pub(in crate::front_end) fn front_end(time: i64, nonce: &'static str, key: &str) -> FrontEnd {
        FrontEnd::new(MerchantId::new("1900000109").unwrap(), PrivateKey::generate().unwrap())
            .time_and_nonce(move || (time, nonce.to_owned()))
            .api_v2_key(ApiV2Key::new(key).unwrap())
    }

    /// The key of the official example, <https://pay.weixin.qq.com/doc/v2/merchant/4011985891>.
    pub(in crate::front_end) const KEY: &str = "192006250b4c09247ec02edce69f6a2d";

    #[test]
    fn a_mini_program_gets_the_signature_of_the_official_example() {
        let front_end =
            front_end(1_490_840_662, "5K8264ILTKCH16CQ2502SI8ZNMTM67VS", "qazwsxedcrfvtgbyhnujmikolp111111");
        let parameters = front_end
            .jsapi_v2("wxd678efh567hg6787", "wx2017033010242291fcfe0db70013231072", SignType::Md5)
            .unwrap();
        assert_eq!(parameters.pay_sign, "22D9B4E54AB1950F51E0649E8810ACD6");
        assert_eq!(parameters.sign_type, "MD5");
    }

    #[test]
    fn an_app_signs_every_parameter_but_the_signature() {
        let parameters = front_end(1, "n", KEY).app_v2("wx1", "wx2", SignType::HmacSha256).unwrap();
        let fields = [
            ("appid", "wx1"),
            ("partnerid", "1900000109"),
            ("prepayid", "wx2"),
            ("package", "Sign=WXPay"),
            ("noncestr", "n"),
            ("timestamp", "1"),
        ];
        assert_eq!(parameters.sign, ApiV2Key::new(KEY).unwrap().sign(SignType::HmacSha256, fields));
    }

    #[test]
    fn a_red_packet_signs_its_package_percent_encoded() {
        let parameters = front_end(1, "n", KEY).red_packet("wx1", "sendid=ab&ver=8").unwrap();
        let signed =
            [("appId", "wx1"), ("timeStamp", "1"), ("nonceStr", "n"), ("package", "sendid%3Dab%26ver%3D8")];
        assert_eq!(parameters.pay_sign, ApiV2Key::new(KEY).unwrap().sign(SignType::Md5, signed));
        assert_eq!(parameters.package, "sendid%3Dab%26ver%3D8");
    }

    #[test]
    fn the_link_of_a_product_is_signed() {
        let link = front_end(1, "n", KEY).native_link("wx1", "p 1");
        assert_eq!(
            link.unwrap_err().to_string(),
            "the product_id contains a space, a line break or a character beyond ASCII"
        );
        let link = front_end(1, "n", KEY).native_link("wx1", "p1").unwrap();
        assert!(link.starts_with("weixin://wxpay/bizpayurl?sign="), "{link}");
        assert!(
            link.ends_with("&appid=wx1&mch_id=1900000109&product_id=p1&time_stamp=1&nonce_str=n"),
            "{link}"
        );
    }
}
