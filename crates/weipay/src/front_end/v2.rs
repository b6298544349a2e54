//! What is signed with the APIv2 key (API密钥): payments of APIv2, and the pages of some products that have no other
//! signature, whichever version their orders are made with.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use weipay_wire::{ApiV2Key, SignType};

use super::parameter::{self, ParameterError, checked_prepay_id, without_separator};
use super::{AppParameters, FrontEnd, JsapiParameters, parameters};
use crate::target::percent_encode;

/// The most coupons that one call of the plugin sends.
const MAX_PLUGIN_COUPONS: usize = 10;

/// A value of what is signed, `name=value&name=value`. A `&` in it would make two values of one under the same signature.
fn checked(name: &'static str, value: &str) -> Result<String, ParameterError> {
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

    /// The address for the QR code of a product (Native支付模式一), which has no order yet: when somebody scans it, the platform
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

    /// For `wx.openBusinessView` with `businessType: 'wxpayScoreUse'`, as `extraData`: the page on which a user confirms a pay
    /// score order (支付分订单确认). `package` is from the order's response, and opens the page once.
    ///
    /// # Errors
    ///
    /// If `package` is not valid, or there is no APIv2 key.
    pub fn pay_score(&self, package: &str) -> Result<PayScoreParameters, ParameterError> {
        let (timestamp, nonce_str) = self.stamp();
        let mut parameters = PayScoreParameters {
            mch_id: self.mchid.to_string(),
            package: checked("package", package)?,
            timestamp,
            nonce_str,
            sign_type: SignType::HmacSha256.to_string(),
            sign: String::new(),
        };
        parameters.sign = self.v2_key()?.sign(SignType::HmacSha256, parameters.pairs());
        Ok(parameters)
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

    /// For the mini program plugin that sends merchant coupons (商家券小程序发券插件): its attributes `send_coupon_params`, `sign`
    /// and `send_coupon_merchant`.
    ///
    /// `send_coupon_merchant` is the merchant that sends (发券商户号). At most 10 coupons.
    ///
    /// # Errors
    ///
    /// If a value is not valid for its parameter, there are no coupons or too many, or there is no APIv2 key.
    pub fn coupon_plugin(
        &self,
        send_coupon_merchant: &str,
        coupons: &[CouponToSend],
    ) -> Result<CouponPluginParameters, ParameterError> {
        let send_coupon_merchant = checked("send_coupon_merchant", send_coupon_merchant)?;
        let sign = self.sign_coupons(&send_coupon_merchant, coupons)?;
        Ok(CouponPluginParameters { send_coupon_params: coupons.to_vec(), sign, send_coupon_merchant })
    }

    /// The `cardList` of `wx.addCard`, in a mini program and in the JSSDK of a page, which sends merchant coupons as cards
    /// (卡券). Signed as those of the [plugin](Self::coupon_plugin).
    ///
    /// UNCONFIRMED: no official page of it was at hand. That the signature and the merchant stand in the first card alone
    /// is from notes of other SDKs, and the limit of 10 is that of the plugin.
    ///
    /// # Errors
    ///
    /// As [`coupon_plugin`](Self::coupon_plugin).
    pub fn coupon_cards(
        &self,
        send_coupon_merchant: &str,
        coupons: &[CouponToSend],
    ) -> Result<Vec<CouponCard>, ParameterError> {
        let send_coupon_merchant = checked("send_coupon_merchant", send_coupon_merchant)?;
        let sign = self.sign_coupons(&send_coupon_merchant, coupons)?;
        let mut of_call = vec![("sign", &*sign), ("send_coupon_merchant", &*send_coupon_merchant)];
        let cards = coupons.iter().map(|coupon| {
            let members = coupon.fields().filter(|(name, _)| *name != "stock_id").chain(of_call.drain(..));
            let card_ext = members.map(|(name, value)| (name.to_owned(), value.into())).collect();
            let card_ext = serde_json::Value::Object(card_ext).to_string();
            CouponCard { card_id: coupon.stock_id.clone(), card_ext }
        });
        Ok(cards.collect())
    }

    fn sign_coupons(
        &self,
        send_coupon_merchant: &str,
        coupons: &[CouponToSend],
    ) -> Result<String, ParameterError> {
        let why = match coupons.len() {
            0 => "are missing: give at least one",
            1..=MAX_PLUGIN_COUPONS => "",
            _ => "are too many: one call sends at most 10",
        };
        if !why.is_empty() {
            return Err(ParameterError::Value { name: "coupons", why });
        }
        let mut fields = vec![("send_coupon_merchant".to_owned(), send_coupon_merchant)];
        for (at, coupon) in coupons.iter().enumerate() {
            coupon.check()?;
            fields.extend(coupon.fields().map(|(name, value)| (format!("{name}{at}"), value)));
        }
        let fields = fields.iter().map(|(name, value)| (&**name, *value));
        Ok(self.v2_key()?.sign(SignType::HmacSha256, fields))
    }

    /// The address that a page inside WeChat opens to send a merchant coupon to a user (商家券H5发券).
    ///
    /// # Errors
    ///
    /// As [`coupon_plugin`](Self::coupon_plugin).
    pub fn coupon_link(
        &self,
        send_coupon_merchant: &str,
        openid: &str,
        coupon: &CouponToSend,
    ) -> Result<String, ParameterError> {
        coupon.check()?;
        let send_coupon_merchant = checked("send_coupon_merchant", send_coupon_merchant)?;
        let openid = checked("openid", openid)?;
        let of_call = [("send_coupon_merchant", &*send_coupon_merchant), ("open_id", &*openid)];
        let fields: Vec<_> = coupon.fields().chain(of_call).collect();
        let sign = self.v2_key()?.sign(SignType::HmacSha256, fields.iter().copied());
        let address = link(
            "https://action.weixin.qq.com/busifavor/getcouponinfo",
            fields.into_iter().chain([("sign", &*sign)]),
        );
        Ok(address + "#wechat_pay&wechat_redirect")
    }

    fn v2_key(&self) -> Result<&ApiV2Key, ParameterError> {
        self.api_v2_key.as_ref().ok_or(ParameterError::NoApiV2Key)
    }
}

/// A merchant coupon (商家券) that the front end is to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponToSend {
    stock_id: String,
    out_request_no: String,
    coupon_code: Option<String>,
    customize_send_time: Option<String>,
}

impl CouponToSend {
    /// A coupon of a stock (批次号), under the number of this request (发券凭证号): with the same number it is sent once.
    pub fn new(stock_id: impl Into<String>, out_request_no: impl Into<String>) -> Self {
        let (stock_id, out_request_no) = (stock_id.into(), out_request_no.into());
        Self { stock_id, out_request_no, coupon_code: None, customize_send_time: None }
    }

    /// The code (券code), for a stock whose codes the merchant names (`MERCHANT_API`).
    #[must_use]
    pub fn coupon_code(mut self, coupon_code: impl Into<String>) -> Self {
        self.coupon_code = Some(coupon_code.into());
        self
    }

    /// When the coupon counts as sent (自定义发券时间), as RFC 3339.
    #[must_use]
    pub fn customize_send_time(mut self, time: impl Into<String>) -> Self {
        self.customize_send_time = Some(time.into());
        self
    }

    fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("stock_id", Some(&self.stock_id)),
            ("out_request_no", Some(&self.out_request_no)),
            ("coupon_code", self.coupon_code.as_ref()),
            ("customize_send_time", self.customize_send_time.as_ref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.as_str())))
    }

    fn check(&self) -> Result<(), ParameterError> {
        self.fields().try_for_each(|(name, value)| checked(name, value).map(drop))
    }
}

impl Serialize for CouponToSend {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.fields())
    }
}

/// A card of the `cardList` of `wx.addCard`. Serializes with the names that WeChat expects.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CouponCard {
    /// `cardId`: the stock (批次号).
    pub card_id: String,
    /// `cardExt`: JSON as a text, in the first card with the signature.
    pub card_ext: String,
}

impl fmt::Debug for CouponCard {
    /// Without the signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CouponCard").field("card_id", &self.card_id).finish_non_exhaustive()
    }
}

impl Serialize for CouponCard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("cardId", &self.card_id), ("cardExt", &self.card_ext)])
    }
}

/// The attributes of the plugin that sends merchant coupons. Serializes with the names that the plugin expects.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CouponPluginParameters {
    /// The coupons.
    pub send_coupon_params: Vec<CouponToSend>,
    /// The signature.
    pub sign: String,
    /// The merchant that sends (发券商户号).
    pub send_coupon_merchant: String,
}

impl fmt::Debug for CouponPluginParameters {
    /// Without the signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CouponPluginParameters")
            .field("send_coupon_params", &self.send_coupon_params)
            .field("send_coupon_merchant", &self.send_coupon_merchant)
            .finish_non_exhaustive()
    }
}

impl Serialize for CouponPluginParameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("send_coupon_params", &self.send_coupon_params)?;
        map.serialize_entry("sign", &self.sign)?;
        map.serialize_entry("send_coupon_merchant", &self.send_coupon_merchant)?;
        map.end()
    }
}

parameters! {
    /// What `wx.openBusinessView` takes as `extraData` for a pay score order. Serializes with the names that WeChat expects.
    PayScoreParameters {
        /// The merchant number (商户号).
        mch_id = "mch_id",
        /// The order's `package`.
        package = "package",
        /// Seconds since 1970, as a text.
        timestamp = "timestamp",
        /// The random string.
        nonce_str = "nonce_str",
        /// `HMAC-SHA256`.
        sign_type = "sign_type",
        /// The signature.
        sign = "sign",
    }
}

parameters! {
    /// What `wx.sendBizRedPacket` takes. Serializes with the names that WeChat expects.
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

fn link<'a>(address: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut link = address.to_owned();
    for (at, (name, value)) in fields.into_iter().enumerate() {
        link.push(if at == 0 { '?' } else { '&' });
        link.push_str(name);
        link.push('=');
        percent_encode(&mut link, value);
    }
    link
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weipay_wire::{MerchantId, PrivateKey};

    use super::*;

    fn front_end(time: i64, nonce: &'static str, key: &str) -> FrontEnd {
        FrontEnd::new(MerchantId::new("1900000109").unwrap(), PrivateKey::generate().unwrap())
            .clock(move || (time, nonce.to_owned()))
            .api_v2_key(ApiV2Key::new(key).unwrap())
    }

    /// The key of the official example, <https://pay.weixin.qq.com/doc/v2/merchant/4011985891>.
    const KEY: &str = "192006250b4c09247ec02edce69f6a2d";

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
    fn coupons_of_the_plugin_are_signed_with_their_index() {
        let coupons = [CouponToSend::new("1234567", "abc123")];
        let parameters = front_end(1, "n", KEY).coupon_plugin("10016226", &coupons).unwrap();
        // Computed from the documented form: out_request_no0=..&send_coupon_merchant=..&stock_id0=..&key=..
        let sign = "AD7CD2967446E742075BF7A52CEBC5FE1A17A4042ED451A44DAABF9F04FFDD99";
        assert_eq!(
            serde_json::to_value(&parameters).unwrap(),
            json!({
                "send_coupon_params": [{ "stock_id": "1234567", "out_request_no": "abc123" }],
                "sign": sign,
                "send_coupon_merchant": "10016226",
            })
        );
    }

    #[test]
    fn cards_have_the_signature_of_the_plugin_in_the_first() {
        let front_end = front_end(1, "n", KEY);
        let coupons =
            [CouponToSend::new("1234567", "abc1"), CouponToSend::new("7654321", "abc2").coupon_code("c")];
        let sign = front_end.coupon_plugin("10016226", &coupons).unwrap().sign;
        let cards = front_end.coupon_cards("10016226", &coupons).unwrap();
        assert!(!format!("{cards:?}").contains(&sign));
        let cards = serde_json::to_value(&cards).unwrap();
        let ext = |at: usize| -> serde_json::Value {
            serde_json::from_str(cards[at]["cardExt"].as_str().unwrap()).unwrap()
        };
        assert_eq!((&cards[0]["cardId"], &cards[1]["cardId"]), (&json!("1234567"), &json!("7654321")));
        assert_eq!(
            ext(0),
            json!({"out_request_no": "abc1", "sign": sign, "send_coupon_merchant": "10016226"})
        );
        assert_eq!(ext(1), json!({"out_request_no": "abc2", "coupon_code": "c"}));
        assert!(front_end.coupon_cards("1", &[]).is_err());
    }

    #[test]
    fn the_plugin_takes_one_to_ten_coupons() {
        let front_end = front_end(1, "n", KEY);
        let coupons = |count: usize| vec![CouponToSend::new("1", "2"); count];
        assert!(front_end.coupon_plugin("1", &coupons(10)).is_ok());
        for count in [0, 11] {
            let error = front_end.coupon_plugin("1", &coupons(count)).unwrap_err().to_string();
            assert!(error.starts_with("the coupons are "), "{error}");
        }
    }

    #[test]
    fn a_coupon_link_carries_everything_that_it_signs_and_ends_for_wechat() {
        let coupon = CouponToSend::new("1234567", "abc|1")
            .coupon_code("c1")
            .customize_send_time("2015-05-20T13:29:35+08:00");
        let link = front_end(1, "n", KEY).coupon_link("10016226", "oUpF8", &coupon).unwrap();
        let signed = [
            ("stock_id", "1234567"),
            ("out_request_no", "abc|1"),
            ("coupon_code", "c1"),
            ("customize_send_time", "2015-05-20T13:29:35+08:00"),
            ("send_coupon_merchant", "10016226"),
            ("open_id", "oUpF8"),
        ];
        let sign = ApiV2Key::new(KEY).unwrap().sign(SignType::HmacSha256, signed);
        assert_eq!(
            link,
            format!(
                "https://action.weixin.qq.com/busifavor/getcouponinfo?stock_id=1234567&out_request_no=abc%7C1&coupon_code=c1\
                 &customize_send_time=2015-05-20T13%3A29%3A35%2B08%3A00&send_coupon_merchant=10016226&open_id=oUpF8\
                 &sign={sign}#wechat_pay&wechat_redirect"
            )
        );
    }

    #[test]
    fn a_pay_score_page_is_always_signed_with_hmac() {
        let parameters =
            front_end(1, "n", KEY).pay_score("DJIOSQPYWDxsjdldeuwhdodwxasd_dDiodnwjh9we").unwrap();
        assert_eq!(parameters.sign_type, "HMAC-SHA256");
        assert_eq!(parameters.sign.len(), 64);
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

    #[test]
    fn without_the_key_nothing_is_signed() {
        let front_end =
            FrontEnd::new(MerchantId::new("1900000109").unwrap(), PrivateKey::generate().unwrap());
        let error = front_end.pay_score("x").unwrap_err().to_string();
        assert!(error.contains("APIv2 key") && error.contains("api_v2_key"), "{error}");
    }
}
