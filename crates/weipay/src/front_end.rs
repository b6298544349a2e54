//! Signs the parameters with which a page, a mini program or an app opens the payment (调起支付).
//!
//! An order is created on the server and paid on the phone. In between, the server signs a few parameters, and the front end
//! passes them to WeChat. Names, capitals and the signed text differ between pages, mini programs and apps, and a wrong one fails
//! on the phone with "支付验证签名失败" and no reason. A [`FrontEnd`] makes each of them, ready for [`serde_json`]:
//!
//! ```
//! # use weipay::front_end::FrontEnd;
//! # use weipay::wire::{MerchantId, PrivateKey};
//! # let (mchid, key) = (MerchantId::new("1900000001").unwrap(), PrivateKey::generate().unwrap());
//! let front_end = FrontEnd::new(mchid, key);
//! let parameters = front_end.jsapi("wx8888888888888888", "wx201410272009395522657a690389285100")?;
//! let json = serde_json::to_string(&parameters)?; // {"appId":"wx8888888888888888","timeStamp":"..
//! # assert!(json.starts_with(r#"{"appId":"wx8888888888888888","timeStamp":""#));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! | the order was created for | parameters |
//! |---|---|
//! | JSAPI, mini program (小程序) | [`jsapi`](FrontEnd::jsapi) |
//! | the same for 微信分付 with a subsidy (商户贴息) | [`jsapi_with_subsidy`](FrontEnd::jsapi_with_subsidy) |
//! | APP | [`app`](FrontEnd::app) |
//! | H5 | [`h5_link`](fn@h5_link) |
//! | Native | the order's `code_url`, as the content of a QR code |
//! | transfer to a user (商家转账) | [`transfer`](FrontEnd::transfer) |
//! | pay score (支付分): confirm an order, show one | [`pay_score`](FrontEnd::pay_score), [`pay_score_detail`](FrontEnd::pay_score_detail) |
//! | pay score: give the permission | [`pay_score_permission`](FrontEnd::pay_score_permission) |
//! | merchant coupon (商家券), sent by a mini program | [`coupon_plugin`](FrontEnd::coupon_plugin) |
//! | merchant coupon, sent by a page | [`coupon_link`](FrontEnd::coupon_link) |
//! | merchant coupon, as a card of `wx.addCard` | [`coupon_cards`](FrontEnd::coupon_cards) |
//! | APIv2: JSAPI, APP | [`jsapi_v2`](FrontEnd::jsapi_v2), [`app_v2`](FrontEnd::app_v2) |
//! | APIv2: Native, red packet | [`native_link`](FrontEnd::native_link), [`red_packet`](FrontEnd::red_packet) |
//!
//! The pages of pay score open from three places, which take the parameters in two forms. `BUSINESS_TYPE` names the page.
//!
//! | where | call | parameters |
//! |---|---|---|
//! | mini program | `wx.openBusinessView` | `extraData`: the serialized parameters |
//! | web page | `wx.invoke('openBusinessView', ..)` | `queryString`: [`query`](PayScoreParameters::query) |
//! | app | `WXOpenBusinessView` of the WeChat SDK | `query`: [`query`](PayScoreParameters::query) |
//!
//! The parameters must be signed with the private key of the merchant that created the order. If that key is outside of
//! the process, give a signing function to [`with_signer`](FrontEnd::with_signer), or an async signer to
//! `FrontEnd::with_async_signer`, and call `jsapi_async` and `app_async`.

use std::fmt::{self, Formatter};
use std::sync::Arc;

use weipay_wire::{ApiV2Key, MerchantId, PrivateKey, Scheme, random_nonce};

use crate::builder::system_time;
use crate::core::Core;
#[cfg(feature = "async")]
use crate::signer::Signer;
use crate::signer::{Signature, SignerError};

mod coupons;
mod h5_link;
mod parameter;
mod pay_score;
mod v2;

pub use coupons::{CouponCard, CouponPluginParameters, CouponToSend};
pub use h5_link::h5_link;
pub use parameter::ParameterError;
use parameter::{checked, checked_prepay_id, without_separator};
pub use pay_score::{PayScoreDetailParameters, PayScoreParameters, PayScorePermissionParameters};
pub use v2::RedPacketParameters;

/// Signs a message.
type SignMessage = dyn Fn(&[u8]) -> Result<Signature, SignerError> + Send + Sync;

/// The merchant private key, or the signer in its place.
#[derive(Clone)]
enum SigningKey {
    Private(PrivateKey),
    Signer(Arc<SignMessage>),
    #[cfg(feature = "async")]
    Async(Arc<dyn Signer>),
}

/// Signs the parameters that a front end needs. Clones share the key.
#[derive(Clone)]
pub struct FrontEnd {
    mchid: MerchantId,
    key: SigningKey,
    api_v2_key: Option<ApiV2Key>,
    time_and_nonce: Arc<dyn Fn() -> (i64, String) + Send + Sync>,
}

impl fmt::Debug for FrontEnd {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrontEnd").field("mchid", &self.mchid).finish_non_exhaustive()
    }
}

impl FrontEnd {
    /// For the orders of this merchant (商户号), with the merchant's private key (商户API私钥).
    #[must_use]
    pub fn new(mchid: MerchantId, key: PrivateKey) -> Self {
        Self::signed_by(mchid, SigningKey::Private(key))
    }

    /// The same without the private key: `signer` gets the text to sign (待签名串), and may ask a hardware module
    /// or a key service. It follows the rules of a [signer](crate::signer).
    #[must_use]
    pub fn with_signer(
        mchid: MerchantId,
        signer: impl Fn(&[u8]) -> Result<Signature, SignerError> + Send + Sync + 'static,
    ) -> Self {
        Self::signed_by(mchid, SigningKey::Signer(Arc::new(signer)))
    }

    /// The same with an async signer, such as that of an async client. [`jsapi_async`](Self::jsapi_async) and the other
    /// async methods wait for it without blocking a thread, with no time limit.
    ///
    /// ```
    /// use weipay::front_end::{FrontEnd, JsapiParameters, ParameterError};
    /// use weipay::signer::Signer;
    /// use weipay::wire::MerchantId;
    ///
    /// async fn for_the_page(
    ///     mchid: MerchantId,
    ///     remote: impl Signer + 'static,
    ///     prepay_id: &str,
    /// ) -> Result<JsapiParameters, ParameterError> {
    ///     FrontEnd::with_async_signer(mchid, remote).jsapi_async("wx8888888888888888", prepay_id).await
    /// }
    /// ```
    #[cfg(feature = "async")]
    #[must_use]
    pub fn with_async_signer(mchid: MerchantId, signer: impl Signer + 'static) -> Self {
        Self::signed_by(mchid, SigningKey::Async(Arc::new(signer)))
    }

    /// For the merchant of a client.
    pub(crate) fn from_core(core: &Core) -> Option<Self> {
        let merchant = &core.merchant;
        let key = merchant.key.as_ref().filter(|_| !merchant.has_signer)?;
        let front_end = Self::new(merchant.account.mchid()?.clone(), PrivateKey::clone(key));
        let clock = Arc::clone(&core.clock);
        let front_end = front_end.time_and_nonce(move || (clock(), random_nonce()));
        Some(Self { api_v2_key: merchant.api_v2_key.clone(), ..front_end })
    }

    fn signed_by(mchid: MerchantId, key: SigningKey) -> Self {
        Self { mchid, key, api_v2_key: None, time_and_nonce: Arc::new(|| (system_time(), random_nonce())) }
    }

    /// Replaces the time (in seconds since 1970) and the random string (随机串), for tests.
    #[must_use]
    pub fn time_and_nonce(mut self, source: impl Fn() -> (i64, String) + Send + Sync + 'static) -> Self {
        self.time_and_nonce = Arc::new(source);
        self
    }

    /// For `WeixinJSBridge.invoke('getBrandWCPayRequest', ..)` in a page, and `wx.requestPayment` in a mini program
    /// (JSAPI调起支付, 小程序调起支付).
    ///
    /// `appid` is the one with which the order was created; `prepay_id` is from the order's response, valid for 2 hours.
    /// [Official document](https://pay.weixin.qq.com/doc/v3/merchant/4012365339).
    ///
    /// # Errors
    ///
    /// If a value does not have its form, or the key cannot sign.
    pub fn jsapi(&self, appid: &str, prepay_id: &str) -> Result<JsapiParameters, ParameterError> {
        let (message, parameters) = self.jsapi_unsigned(appid, prepay_id, None)?;
        Ok(JsapiParameters { pay_sign: self.sign(&message)?, ..parameters })
    }

    /// As [`jsapi`](Self::jsapi), for an order with instalments (微信分付) whose interest the merchant pays (商户贴息):
    /// `package` says which plan the user has chosen. `subsidy_period_type` is a word of the order's `subsidy_info`,
    /// such as `PERIOD`.
    ///
    /// # Errors
    ///
    /// As [`jsapi`](Self::jsapi).
    pub fn jsapi_with_subsidy(
        &self,
        appid: &str,
        prepay_id: &str,
        subsidy_period_type: &str,
    ) -> Result<JsapiParameters, ParameterError> {
        let (message, parameters) = self.jsapi_unsigned(appid, prepay_id, Some(subsidy_period_type))?;
        Ok(JsapiParameters { pay_sign: self.sign(&message)?, ..parameters })
    }

    /// As [`jsapi`](Self::jsapi), waiting for the [signer](Self::with_async_signer).
    ///
    /// # Errors
    ///
    /// As [`jsapi`](Self::jsapi).
    #[cfg(feature = "async")]
    pub async fn jsapi_async(&self, appid: &str, prepay_id: &str) -> Result<JsapiParameters, ParameterError> {
        let (message, parameters) = self.jsapi_unsigned(appid, prepay_id, None)?;
        Ok(JsapiParameters { pay_sign: self.sign_async(&message).await?, ..parameters })
    }

    /// As [`jsapi_with_subsidy`](Self::jsapi_with_subsidy), waiting for the [signer](Self::with_async_signer).
    ///
    /// # Errors
    ///
    /// As [`jsapi`](Self::jsapi).
    #[cfg(feature = "async")]
    pub async fn jsapi_with_subsidy_async(
        &self,
        appid: &str,
        prepay_id: &str,
        subsidy_period_type: &str,
    ) -> Result<JsapiParameters, ParameterError> {
        let (message, parameters) = self.jsapi_unsigned(appid, prepay_id, Some(subsidy_period_type))?;
        Ok(JsapiParameters { pay_sign: self.sign_async(&message).await?, ..parameters })
    }

    /// The signed message for a page, and the parameters without the signature.
    fn jsapi_unsigned(
        &self,
        appid: &str,
        prepay_id: &str,
        subsidy_period_type: Option<&str>,
    ) -> Result<(String, JsapiParameters), ParameterError> {
        let app_id = checked("appid", appid)?;
        let mut package = format!("prepay_id={}", checked_prepay_id(prepay_id)?);
        if let Some(word) = subsidy_period_type {
            let word = without_separator("subsidy_period_type", checked("subsidy_period_type", word)?)?;
            package.push_str("&subsidy_period_type=");
            package.push_str(&word);
        }
        let (time_stamp, nonce_str) = self.stamp();
        let message = message([&app_id, &time_stamp, &nonce_str, &package]);
        let (sign_type, pay_sign) = ("RSA".to_owned(), String::new());
        Ok((message, JsapiParameters { app_id, time_stamp, nonce_str, package, sign_type, pay_sign }))
    }

    /// For the WeChat SDK in an app (APP调起支付). There all names are in lower case, and the bare `prepay_id` is signed.
    ///
    /// [Official document](https://pay.weixin.qq.com/doc/v3/partner/4012090949).
    ///
    /// # Errors
    ///
    /// As [`jsapi`](Self::jsapi).
    pub fn app(&self, appid: &str, prepay_id: &str) -> Result<AppParameters, ParameterError> {
        let (message, parameters) = self.app_unsigned(appid, prepay_id)?;
        Ok(AppParameters { sign: self.sign(&message)?, ..parameters })
    }

    /// As [`app`](Self::app), waiting for the [signer](Self::with_async_signer).
    ///
    /// # Errors
    ///
    /// As [`jsapi`](Self::jsapi).
    #[cfg(feature = "async")]
    pub async fn app_async(&self, appid: &str, prepay_id: &str) -> Result<AppParameters, ParameterError> {
        let (message, parameters) = self.app_unsigned(appid, prepay_id)?;
        Ok(AppParameters { sign: self.sign_async(&message).await?, ..parameters })
    }

    /// The signed message for an app, and the parameters without the signature.
    fn app_unsigned(&self, appid: &str, prepay_id: &str) -> Result<(String, AppParameters), ParameterError> {
        let appid = checked("appid", appid)?;
        let prepayid = checked_prepay_id(prepay_id)?;
        let (timestamp, noncestr) = self.stamp();
        let message = message([&appid, &timestamp, &noncestr, &prepayid]);
        let (partnerid, package) = (self.mchid.to_string(), "Sign=WXPay".to_owned());
        let sign = String::new();
        Ok((message, AppParameters { appid, partnerid, prepayid, package, noncestr, timestamp, sign }))
    }

    /// For `wx.requestMerchantTransfer`, which asks a user to accept a transfer (商家转账, 用户确认收款). Nothing is signed;
    /// `package_info` is from the response of the transfer, valid while its state is `WAIT_USER_CONFIRM`.
    ///
    /// # Errors
    ///
    /// If a value does not have its form.
    pub fn transfer(&self, appid: &str, package_info: &str) -> Result<TransferParameters, ParameterError> {
        Ok(TransferParameters {
            mch_id: self.mchid.to_string(),
            app_id: checked("appid", appid)?,
            package: checked("package_info", package_info)?,
        })
    }

    /// The time and the random string of one set of parameters.
    fn stamp(&self) -> (String, String) {
        let (timestamp, nonce) = (self.time_and_nonce)();
        (timestamp.to_string(), nonce)
    }

    fn sign(&self, message: &str) -> Result<String, ParameterError> {
        match &self.key {
            SigningKey::Private(key) if key.scheme() != Scheme::Sha256Rsa2048 => Err(ParameterError::NotRsa),
            SigningKey::Private(key) => key.sign(message.as_bytes()).map_err(ParameterError::Signing),
            SigningKey::Signer(signer) => {
                signer(message.as_bytes()).map(Signature::into_base64).map_err(ParameterError::Signer)
            }
            #[cfg(feature = "async")]
            SigningKey::Async(_) => Err(ParameterError::AsyncSigner),
        }
    }

    #[cfg(feature = "async")]
    async fn sign_async(&self, message: &str) -> Result<String, ParameterError> {
        match &self.key {
            SigningKey::Async(signer) => {
                let signature = signer.sign(message.as_bytes()).await;
                signature.map(Signature::into_base64).map_err(ParameterError::Signer)
            }
            _ => self.sign(message),
        }
    }
}

macro_rules! parameters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident = $key:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: String,)+
        }

        impl std::fmt::Debug for $name {
            /// Without the signature, and without a token.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut shown = f.debug_struct(stringify!($name));
                for (name, value) in self.pairs().filter(|(name, _)| !["paySign", "sign", "apply_permissions_token"].contains(name)) {
                    shown.field(name, &value);
                }
                shown.finish_non_exhaustive()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.pairs())
            }
        }

        impl $name {
            /// Every parameter with the name that WeChat expects.
            fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
                [$(($key, self.$field.as_str())),+].into_iter()
            }
        }
    };
}

use parameters;

parameters! {
    /// The parameters with which a page or a mini program opens a payment. They serialize with the names that WeChat expects.
    JsapiParameters {
        /// `appId`, with which the order was created.
        app_id = "appId",
        /// `timeStamp`, seconds since 1970, as text: WeChat on iOS rejects a number.
        time_stamp = "timeStamp",
        /// `nonceStr`, the random string.
        nonce_str = "nonceStr",
        /// `package`: `prepay_id=..`.
        package = "package",
        /// `signType`, which is `RSA`.
        sign_type = "signType",
        /// `paySign`, the signature.
        pay_sign = "paySign",
    }
}

parameters! {
    /// The parameters that an app passes to the WeChat SDK to open a payment. They serialize with the names that WeChat expects.
    AppParameters {
        /// The app with which the order was created.
        appid = "appid",
        /// The merchant number (商户号).
        partnerid = "partnerid",
        /// The order's `prepay_id`.
        prepayid = "prepayid",
        /// `Sign=WXPay`.
        package = "package",
        /// The random string.
        noncestr = "noncestr",
        /// Seconds since 1970, as a text.
        timestamp = "timestamp",
        /// The signature.
        sign = "sign",
    }
}

parameters! {
    /// The parameters of `wx.requestMerchantTransfer`. They serialize with the names that WeChat expects.
    TransferParameters {
        /// The merchant number (商户号).
        mch_id = "mchId",
        /// The app with which the transfer was created.
        app_id = "appId",
        /// The transfer's `package_info`.
        package = "package",
    }
}

/// The signed message (待签名串): four lines, each ended by LF.
fn message(lines: [&str; 4]) -> String {
    let mut message = lines.join("\n");
    message.push('\n');
    message
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::sync::LazyLock;

    use serde_json::json;
    use weipay_wire::PublicKey;

    use super::*;

    static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
    const APPID: &str = "wx2421b1c4370ec43b";
    const PREPAY_ID: &str = "wx201410272009395522657a690389285100";
    const NONCE: &str = "593BEC0C930BF1AFEB40B4A08C8FB242";

    /// The key of the merchant of the official examples (官方文档示例商户), mchid 1900007291.
    const OFFICIAL_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAptpm+qvIDCh/9wjU26SQ
CK26ogYkBhDrYxnAaw2JbbBsp1oDbHKk+1r381NeBUG2HEFAuU+Fr72u5ot3yKdz
oF/FajAzQNKnm569/D3upKoi8mYBaST15Uig8j8qoUW1U217LL0jEHlSnHV3lcaD
TXqDpTRR4Bfz9IqOgJgFZ8/oTfEomSrjrLYef81Eyxr7ZIMQXEKKEK7V4UXKS0+/
fDsiG/cXidhzt8UbTL9vqXqxM2+IDImyO+FAc/tkBG55LmzxPto1Nq0WbnZzRM/w
Tzrd0I/8NlevxtFbphg4evlHjFNI7+GrqR87ViEwuAJJ9Je5QQjct5YJfFRWiZ5C
MQIDAQAB
-----END PUBLIC KEY-----";

    /// `paySign` of the official page on JSAPI, <https://pay.weixin.qq.com/doc/v3/merchant/4012365339>.
    const OFFICIAL_PAY_SIGN: &str = "mI35pfNEQV6777ke/1T+LJLQDNTm7yeoUJH+j/adPGhmCCi0PbgkvYQTRcXH0uibcLVtvFLdGLpmoYO9FV6lBBsTAjuhh5YOvQi0e2g3e0yytitiNET9FEuqM0pjnKfRW4K6LIZDdbWJv9KhZUx3DrJa5TL7OJ7VdADVivxVySIlPVKjGwuCXzuXSJes0UcILgWQUMyha5/3nYofuHtS7r+KYyMuxD+oJ9VM1Qdxk4UIG59CP5Y3wtYIFybyF3bdu1caHTRRX+DLyMXyYA/IrTmiW01c4RPjpHBX5Dk1sZyY1zVsWNsvMHr2e1NTWtBxKJ+qk5N61J7caYoepHFaxw==";

    fn front_end() -> FrontEnd {
        FrontEnd::new(MerchantId::new("1900007291").unwrap(), KEY.clone())
            .time_and_nonce(|| (1_554_208_460, NONCE.to_owned()))
    }

    #[test]
    fn what_is_signed_is_what_the_official_example_signs() {
        let package = format!("prepay_id={PREPAY_ID}");
        let message = message([APPID, "1554208460", NONCE, &package]);
        PublicKey::from_pem(OFFICIAL_KEY).unwrap().verify(message.as_bytes(), OFFICIAL_PAY_SIGN).unwrap();
    }

    #[test]
    fn a_signer_signs_the_same_text_and_its_failure_is_told() {
        let mchid = MerchantId::new("1900007291").unwrap();
        let signer = |message: &[u8]| Ok(Signature::from_base64(&KEY.sign(message)?)?);
        let signed =
            FrontEnd::with_signer(mchid.clone(), signer).time_and_nonce(|| (1_554_208_460, NONCE.to_owned()));
        let by_key = front_end().jsapi(APPID, PREPAY_ID).unwrap();
        assert_eq!(
            serde_json::to_value(signed.jsapi(APPID, PREPAY_ID).unwrap()).unwrap(),
            serde_json::to_value(by_key).unwrap()
        );
        let locked = FrontEnd::with_signer(mchid, |_| Err("locked".into()));
        let error = locked.jsapi(APPID, PREPAY_ID).unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "locked");
    }

    #[cfg(feature = "async")]
    #[tokio::test]
    async fn a_signer_that_is_waited_for_signs_the_same_and_is_asked_only_so() {
        struct Remote(Option<PrivateKey>);
        impl Signer for Remote {
            fn sign<'a>(&'a self, message: &'a [u8]) -> crate::signer::SignatureFuture<'a> {
                Box::pin(async move {
                    let key = self.0.as_ref().ok_or("locked")?;
                    Ok(Signature::from_base64(&key.sign(message)?)?)
                })
            }
        }
        let by = |key: Option<PrivateKey>| {
            FrontEnd::with_async_signer(MerchantId::new("1900007291").unwrap(), Remote(key))
                .time_and_nonce(|| (1_554_208_460, NONCE.to_owned()))
        };
        let remote = by(Some(KEY.clone()));
        let local = front_end();
        assert_eq!(
            remote.jsapi_async(APPID, PREPAY_ID).await.unwrap(),
            local.jsapi(APPID, PREPAY_ID).unwrap()
        );
        assert_eq!(remote.app_async(APPID, PREPAY_ID).await.unwrap(), local.app(APPID, PREPAY_ID).unwrap());
        assert_eq!(
            remote.jsapi_with_subsidy_async(APPID, PREPAY_ID, "DAILY").await.unwrap(),
            local.jsapi_with_subsidy_async(APPID, PREPAY_ID, "DAILY").await.unwrap()
        );
        assert!(matches!(remote.jsapi(APPID, PREPAY_ID), Err(ParameterError::AsyncSigner)));
        let error = by(None).app_async(APPID, PREPAY_ID).await.unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "locked");
    }

    #[test]
    fn a_subsidy_of_instalments_is_named_in_the_package_and_signed() {
        let parameters = front_end().jsapi_with_subsidy(APPID, PREPAY_ID, "PERIOD").unwrap();
        let package = format!("prepay_id={PREPAY_ID}&subsidy_period_type=PERIOD");
        assert_eq!(parameters.package, package);
        let message = format!("{APPID}\n1554208460\n{NONCE}\n{package}\n");
        KEY.public_key().verify(message.as_bytes(), &parameters.pay_sign).unwrap();
        for (prepay_id, word) in [(PREPAY_ID, "PERIOD&a=b"), (PREPAY_ID, ""), ("wx1&a=b", "PERIOD")] {
            assert!(front_end().jsapi_with_subsidy(APPID, prepay_id, word).is_err(), "{prepay_id} {word}");
        }
    }

    #[test]
    fn a_page_gets_the_names_that_it_hands_on_and_a_text_for_the_time() {
        let parameters = front_end().jsapi(APPID, PREPAY_ID).unwrap();
        assert_eq!(
            serde_json::to_value(&parameters).unwrap(),
            json!({
                "appId": APPID,
                "timeStamp": "1554208460",
                "nonceStr": NONCE,
                "package": format!("prepay_id={PREPAY_ID}"),
                "signType": "RSA",
                "paySign": parameters.pay_sign,
            })
        );
        let message = format!("{APPID}\n1554208460\n{NONCE}\nprepay_id={PREPAY_ID}\n");
        KEY.public_key().verify(message.as_bytes(), &parameters.pay_sign).unwrap();
    }

    #[test]
    fn an_app_gets_lower_case_names_and_a_signature_over_the_bare_number() {
        let parameters = front_end().app(APPID, PREPAY_ID).unwrap();
        assert_eq!(
            serde_json::to_value(&parameters).unwrap(),
            json!({
                "appid": APPID,
                "partnerid": "1900007291",
                "prepayid": PREPAY_ID,
                "package": "Sign=WXPay",
                "noncestr": NONCE,
                "timestamp": "1554208460",
                "sign": parameters.sign,
            })
        );
        let message = format!("{APPID}\n1554208460\n{NONCE}\n{PREPAY_ID}\n");
        KEY.public_key().verify(message.as_bytes(), &parameters.sign).unwrap();
    }

    #[test]
    fn a_transfer_is_confirmed_without_a_signature() {
        let parameters = front_end().transfer(APPID, "affffddafdfafddffda==").unwrap();
        let expected = json!({ "mchId": "1900007291", "appId": APPID, "package": "affffddafdfafddffda==" });
        assert_eq!(serde_json::to_value(&parameters).unwrap(), expected);
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused_with_the_reason_and_not_shown() {
        let refused =
            |appid: &str, prepay_id: &str| front_end().jsapi(appid, prepay_id).unwrap_err().to_string();
        assert_eq!(
            refused(APPID, "prepay_id=wx2014"),
            "the prepay_id starts with `prepay_id=`: give the order's prepay_id alone"
        );
        assert!(refused(APPID, "weixin://wxpay/bizpayurl?pr=x").contains("code_url or h5_url"));
        assert_eq!(refused(APPID, ""), "the prepay_id is empty");
        assert_eq!(refused("", PREPAY_ID), "the appid is empty");
        // A line break would move the border between two signed lines.
        let split = refused("wx1\n1", PREPAY_ID);
        assert!(split.contains("a line break") && !split.contains("wx1"), "{split}");
    }

    #[test]
    fn each_call_has_another_nonce_and_the_key_is_never_printed() {
        let front_end = FrontEnd::new(MerchantId::new("1900007291").unwrap(), KEY.clone());
        let [one, other] = [(); 2].map(|()| front_end.jsapi(APPID, PREPAY_ID).unwrap());
        assert_ne!(one.nonce_str, other.nonce_str);
        let shown = format!("{one:?}");
        assert!(shown.contains(&one.nonce_str) && !shown.contains(&one.pay_sign), "{shown}");
        assert_eq!(format!("{front_end:?}"), "FrontEnd { mchid: MerchantId(1900007291), .. }");
    }
}
