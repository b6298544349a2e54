//! Sentences of the gateway of APIv2. UNCONFIRMED(v2-sentences): pages list only the codes and their meaning. Seen were
//! 签名错误, 验证签名失败 and `appid不存在` (recorded), `商户号mch_id与appid不匹配`, `参数长度有误`, `mch_id参数格式错误`,
//! `invalid refund_fee`, `invalid spbill_create_ip`, `不识别的参数notify_url`, `不识别的参数detail`, `0参数格式错误`,
//! `分账接收方格式错误`, `签名错误，请检查后再试` of micropay, and of unifiedorder two of APIv3, for a length and an integer
//! (public reports).

use std::borrow::Cow;

use weipay_catalog::{Field, Kind, Operation};
use weipay_rules::{BrokenRule, Format, IntegerType};

use crate::grammar::{Place, Source, integer};
use crate::response::Refusal;

pub(super) const NOT_POST: &str = "请使用post方法";
pub(super) const NO_BODY: &str = "post数据为空";
pub(super) const NOT_UTF8: &str = "编码格式错误";
pub(super) const NOT_XML: &str = "XML格式错误";
pub(super) const MISSING: &str = "缺少参数";
const NO_MERCHANT: &str = "MCHID不存在";
/// Of a payment to the wallet, where `retmsg` has it: <https://github.com/binarywang/WxJava/issues/1975> (2021).
/// UNCONFIRMED(v2-wallet-merchant): it is told of a merchant that nobody knows; one that is missing has another sentence.
pub(super) const NO_PAYER: &str = "请确认请求参数是否正确param mch_id invalid";
pub(super) const NO_APPID: &str = "appid不存在";
pub(super) const APPID_OF_ANOTHER: &str = "商户号mch_id与appid不匹配";
const WRONG_SIGN: &str = "签名错误";
/// Of micropay: <https://github.com/binarywang/weixin-java-pay-demo/issues/151> (2026). A report of 2025 has it for orderquery
/// too (issue 136 there), but that was seen to say the shorter one in September 2026.
const WRONG_SIGN_CHECK: &str = "签名错误，请检查后再试";
pub(super) const WRONG_SIGN_OF_SHARING: &str = "验证签名失败";
pub(super) const WRONG_CERTIFICATE: &str = "证书校验错误";
/// As reported of refund in the community of developers (000e2c82ef89e075c868f39025b800, 2019).
/// UNCONFIRMED(v2-expired-certificate): there is this one report.
pub(super) const EXPIRED_CERTIFICATE: &str = "证书已过期";
pub(super) const NO_CERTIFICATE: &str = "请求未携带证书，或请求携带的证书出错";

/// A wrong signature.
pub(super) fn wrong_sign(operation: &Operation) -> &'static str {
    match operation.path {
        "v2/pay/micropay" => WRONG_SIGN_CHECK,
        BILL => "sign error",
        // UNCONFIRMED(v2-key-signature): reported by one user, <https://github.com/chenqi199/wx_withdraw_demo/issues/1> (2018).
        PUBLIC_KEY => "SIGN_ERR",
        // Recorded: <https://github.com/w7corp/easywechat/issues/1123>, <https://github.com/binarywang/WxJava/issues/1042>.
        path if path.starts_with(BANK_PAYMENTS) => "签名出错，请根据签名算法进行签名",
        _ => WRONG_SIGN,
    }
}

/// What red packets and payments to the wallet say by `result_code` of an element that is missing, or is not as it must be. Of
/// `act_name` and `mch_billno` public captures have it (2016), of `mchid` <https://github.com/JeffreySu/WeiXinMPSDK/issues/1816>
/// (2019); of the others the page has it. INFERRED(red-packet-form): so it is of every kind of red packet.
pub(super) fn of_payout_element(path: &str, name: &str) -> Option<&'static str> {
    let is_red_packet = RED_PACKETS.contains(&path);
    Some(match name {
        "mch_billno" if is_red_packet => "参数错误:订单号字段必填,最长为28个字符.",
        "act_name" if is_red_packet => "参数错误:act_name字段必填,并且少于32个字符.",
        "send_name" if is_red_packet => "参数错误:send_name字段为必填并且少于32字符.",
        "wishing" if is_red_packet => "参数错误:wishing字段为必填,并且少于128个字符.",
        "remark" if is_red_packet => "参数错误:remark字段为必填,并且少于256字符.",
        "re_openid" if is_red_packet => "参数错误:re_openid字段为必填并且少于32个字符.",
        "mchid" if path == PAYMENT_TO_WALLET => "参数错误：必须填入商户号",
        "partner_trade_no" if path == PAYMENT_TO_WALLET => NUMBER_OF_PAYMENT,
        _ => return None,
    })
}

/// Recorded of a number of 36 letters, digits and hyphens (2017), and in another public capture.
pub(crate) const NUMBER_OF_PAYMENT: &str = "参数错误:单号必须为33位以下的数字或字母";

const RED_PACKETS: [&str; 3] = [
    "v2/mmpaymkttransfers/sendredpack",
    "v2/mmpaymkttransfers/sendgroupredpack",
    "v2/mmpaymkttransfers/sendminiprogramhb",
];

/// The sentence instead of [`MISSING`] for some elements: <https://github.com/binarywang/WxJava/issues/433> (2018).
pub(super) fn missing(operation: &Operation, name: &str) -> Option<Cow<'static, str>> {
    match (operation.path, name) {
        ("v2/pay/unifiedorder", "mch_id") => Some(wrong_text(name).into()),
        _ => None,
    }
}

/// The sentence for an unknown merchant.
pub(super) fn no_merchant(operation: &Operation) -> &'static str {
    if operation.path == PAYMENT_TO_WALLET { NO_PAYER } else { NO_MERCHANT }
}

pub(super) const PAYMENT_TO_WALLET: &str = "v2/mmpaymkttransfers/promotion/transfers";
pub(super) const BILL: &str = "v2/pay/downloadbill";
pub(super) const PUBLIC_KEY: &str = "v2/risk/getpublickey";
/// How the paths of payments to bank cards begin.
pub(super) const BANK_PAYMENTS: &str = "v2/mmpaysptrans/";

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

/// An element that the operation does not have.
pub(super) fn unknown(name: &str) -> String {
    format!("不识别的参数{name}")
}

fn wrong_length(name: &str) -> String {
    format!("{name}参数长度有误")
}

/// A number or an address that breaks the rule of its element.
pub(super) fn invalid(name: &str) -> String {
    format!("invalid {name}")
}

/// The words of an operation for a value that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wording {
    /// The sentences of APIv2.
    Own,
    /// The sentences of APIv3, where they were seen.
    OfApiV3,
    /// Of a refund, which does not name an amount that is no integer: <https://github.com/wechatpy/wechatpy/issues/491> (2019).
    OfRefund,
    /// Of red packets and payments to the wallet, by their path.
    OfPayout(&'static str),
    /// Of a receiver of profit sharing: <https://developers.weixin.qq.com/community/pay/doc/000a24f8d7cf587cbf292ba1451400>.
    OfReceiver,
    /// Of a list of such receivers, in a public capture.
    OfReceivers,
}

impl Wording {
    pub(super) fn of_operation(operation: &Operation) -> Self {
        match operation.path {
            "v2/pay/unifiedorder" => Self::OfApiV3,
            "v2/secapi/pay/refund" => Self::OfRefund,
            "v2/pay/profitsharingaddreceiver" => Self::OfReceiver,
            "v2/secapi/pay/profitsharing" | "v2/secapi/pay/multiprofitsharing" => Self::OfReceivers,
            path if path == PAYMENT_TO_WALLET || RED_PACKETS.contains(&path) => Self::OfPayout(path),
            _ => Self::Own,
        }
    }

    /// A value that breaks a rule of its field.
    pub(super) fn broken(self, field: &Field, rule: BrokenRule) -> Cow<'static, str> {
        if let Self::OfPayout(path) = self
            && let Some(sentence) = of_payout_element(path, field.name)
        {
            return sentence.into();
        }
        match rule {
            BrokenRule::IntegerType(kind) => self.no_integer(field, kind),
            BrokenRule::Length { .. } if self == Self::OfApiV3 => {
                let pointer = pointer(field);
                // The value would stand in a detail, which APIv2 does not send.
                place(field, &pointer).broken(rule, serde_json::Value::Null).message
            }
            BrokenRule::Length { .. } => wrong_length(field.name).into(),
            BrokenRule::Format(Format::Ip) => invalid(field.name).into(),
            _ if matches!(field.kind, Kind::Integer | Kind::Number) => invalid(field.name).into(),
            _ => wrong_text(field.name).into(),
        }
    }

    /// A text that is not the JSON it must be.
    pub(super) fn no_json(self, field: &Field) -> Cow<'static, str> {
        match self {
            Self::OfReceiver => "分账接收方格式错误".into(),
            Self::OfReceivers => "分账接收方列表格式错误".into(),
            _ => wrong_text(field.name).into(),
        }
    }

    /// A text where an integer belongs.
    pub(super) fn no_integer(self, field: &Field, kind: IntegerType) -> Cow<'static, str> {
        match self {
            Self::Own | Self::OfReceiver | Self::OfReceivers | Self::OfPayout(_) => {
                return invalid(field.name).into();
            }
            Self::OfRefund => return wrong_text("0").into(),
            Self::OfApiV3 => {}
        }
        let pointer = pointer(field);
        place(field, &pointer).wrong_type(integer(kind), serde_json::Value::Null).message
    }
}

fn pointer(field: &Field) -> String {
    format!("/body/xml/{}", field.name)
}

fn place<'a>(field: &Field, pointer: &'a str) -> Place<'a> {
    Place { source: Source::Xml, pointer, title: field.label }
}
