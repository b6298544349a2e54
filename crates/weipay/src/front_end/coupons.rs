//! Merchant coupons (商家券) that a front end sends: by the plugin of a mini program, as cards, or by a link. They are signed
//! with the APIv2 key (API密钥).

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use weipay_wire::SignType;

use super::FrontEnd;
use super::parameter::ParameterError;
use super::v2::{checked, link};

/// The most coupons that one call of the plugin sends.
const MAX_PLUGIN_COUPONS: usize = 10;

impl FrontEnd {
    /// For the mini program plugin that sends merchant coupons (商家券小程序发券插件): its attributes `send_coupon_params`,
    /// `sign` and `send_coupon_merchant`.
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
            _ => "are too many: the limit is 10 in one call",
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weipay_wire::ApiV2Key;

    use super::*;
    use crate::front_end::v2::tests::{KEY, front_end};

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
}
