//! What the gateway of APIv2 says. UNCONFIRMED(v2-sentences): pages list the codes and what they mean. Of the sentences only 签名错误
//! (recorded), `mch_id参数格式错误` and `invalid refund_fee` (public reports) were seen.

use std::borrow::Cow;

use crate::response::Refusal;

pub(super) const NOT_POST: &str = "请使用post方法";
pub(super) const NO_BODY: &str = "post数据为空";
pub(super) const NOT_UTF8: &str = "编码格式错误";
pub(super) const NOT_XML: &str = "XML格式错误";
pub(super) const MISSING: &str = "缺少参数";
pub(super) const NO_MERCHANT: &str = "MCHID不存在";
pub(super) const NO_APPID: &str = "APPID不存在";
pub(super) const APPID_OF_ANOTHER: &str = "appid和mch_id不匹配";
pub(super) const WRONG_SIGN: &str = "签名错误";
pub(super) const WRONG_CERTIFICATE: &str = "证书校验错误";
pub(super) const NO_CERTIFICATE: &str = "请求未携带证书，或请求携带的证书出错";

/// A refusal of APIv2; its status is always 200.
pub(super) fn refused(
    code: &'static str,
    message: impl Into<Cow<'static, str>>,
    reason: impl Into<Cow<'static, str>>,
) -> Refusal {
    Refusal::new(200, code, message, reason)
}

/// A text that breaks the rule of its element.
pub(super) fn wrong_text(name: &str) -> String {
    format!("{name}参数格式错误")
}

/// A number that breaks the rule of its element.
pub(super) fn wrong_number(name: &str) -> String {
    format!("invalid {name}")
}
