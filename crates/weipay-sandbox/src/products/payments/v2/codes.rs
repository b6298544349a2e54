//! The codes of APIv2: the rules are those of APIv3, and refuse with its codes and sentences; here they
//! become what the pages of APIv2 list for the operation.

use std::borrow::Cow;

use crate::products::HandlerError;
use crate::products::payments::refusals::{NO_PARTNER, NO_SUB_MERCHANT};

/// The code of APIv2 for a refusal.
pub(crate) struct Row {
    code: &'static str,
    /// The sentence of APIv3 for which the row is; every one when empty.
    of: &'static str,
    to: &'static str,
    /// The sentence of APIv2; that of APIv3 when empty.
    says: &'static str,
}

/// The codes of one operation.
pub(crate) struct Codes {
    rows: &'static [Row],
    /// The code for all other refusals.
    otherwise: &'static str,
}

pub(crate) const fn row(code: &'static str, to: &'static str) -> Row {
    Row { code, of: "", to, says: "" }
}

pub(crate) const fn saying(
    code: &'static str,
    of: &'static str,
    to: &'static str,
    says: &'static str,
) -> Row {
    Row { code, of, to, says }
}

const OTHER_PARAMETERS: &str = "请求重入时，参数与首次请求时不一致";
/// Seen in the place of the former.
pub(crate) const NUMBER_IS_TAKEN: &str = "201 商户订单号重复";

/// In the place of a code: the sentence is told by `return_code` alone.
const BY_RETURN_CODE: &str = "";

/// A refund that is more than the order. As reported it is told by `return_code`:
/// <https://blog.csdn.net/qq_41509873/article/details/106258205> (2020) and
/// <https://programming.vip/docs/excerpt-of-wechat-payment-refund-exception.html> (2016).
pub(super) const MORE_THAN_ORDER: &str = "MORE_THAN_ORDER";

pub(super) const UNIFIED_ORDER: Codes = Codes {
    rows: &[
        // As reported: <https://github.com/borball/weixin-sdk/issues/64> (2018), and the other one by WxJava's issue 1170 (2019).
        saying("PARAM_ERROR", NO_SUB_MERCHANT, BY_RETURN_CODE, ""),
        saying("PARAM_ERROR", NO_PARTNER, BY_RETURN_CODE, ""),
        saying("INVALID_REQUEST", OTHER_PARAMETERS, "INVALID_REQUEST", NUMBER_IS_TAKEN),
        saying("PARAM_ERROR", "JSAPI支付必须传openid", "LACK_PARAMS", ""),
        // As recorded, in a public capture.
        saying("PARAM_ERROR", "无效的openid", "PARAM_ERROR", ""),
        row("PARAM_ERROR", "INVALID_REQUEST"),
        row("INVALID_REQUEST", "INVALID_REQUEST"),
        row("NO_AUTH", "NOAUTH"),
        row("NOT_ENOUGH", "NOTENOUGH"),
        row("ORDERPAID", "ORDERPAID"),
        row("ORDER_CLOSED", "ORDERCLOSED"),
        row("ORDER_REVERSED", "INVALID_REQUEST"),
        row("APPID_MCHID_NOT_MATCH", "APPID_MCHID_NOT_MATCH"),
        row("OUT_TRADE_NO_USED", "OUT_TRADE_NO_USED"),
        row("LACK_PARAMS", "LACK_PARAMS"),
    ],
    otherwise: "INVALID_REQUEST",
};

/// The code does not show that the order belongs to another merchant, or is a part of a combined one.
pub(super) const ORDER_QUERY: Codes = Codes { rows: &[], otherwise: "ORDERNOTEXIST" };

/// Of paporderquery.
pub(crate) const DEDUCTION_QUERY: Codes = Codes {
    rows: &[saying("INVALID_REQUEST", NO_DEDUCTION, "INVALID_REQUEST", "")],
    otherwise: "ORDERNOTEXIST",
};

/// As recorded in December 2025, in a public capture.
pub(crate) const NO_DEDUCTION: &str = "订单不是委托代扣场景";

/// INFERRED(v2-close-codes): the page has no code for what is not paid and cannot be closed; this is how other pages name it.
pub(super) const CLOSE_ORDER: Codes = Codes {
    rows: &[row("ORDERPAID", "ORDERPAID"), row("ORDER_CLOSED", "ORDERCLOSED")],
    otherwise: "INVALID_REQUEST",
};

pub(super) const MICROPAY: Codes = Codes {
    rows: &[
        // As reported: <https://github.com/JeffreySu/WeiXinMPSDK/issues/629> (2017).
        saying("PARAM_ERROR", NO_SUB_MERCHANT, BY_RETURN_CODE, ""),
        saying("PARAM_ERROR", NO_PARTNER, BY_RETURN_CODE, ""),
        saying("INVALID_REQUEST", OTHER_PARAMETERS, "INVALID_REQUEST", NUMBER_IS_TAKEN),
        row("INVALID_REQUEST", "INVALID_REQUEST"),
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("NO_AUTH", "NOAUTH"),
        row("NOT_ENOUGH", "NOTENOUGH"),
        row("ORDERPAID", "ORDERPAID"),
        row("ORDER_CLOSED", "ORDERCLOSED"),
        row("ORDER_REVERSED", "ORDERREVERSED"),
        row("AUTH_CODE_EXPIRE", "AUTHCODEEXPIRE"),
        row("AUTH_CODE_INVALID", "AUTH_CODE_INVALID"),
        row("AUTH_CODE_ERROR", "AUTH_CODE_ERROR"),
        row("BANK_ERROR", "BANKERROR"),
        row("USERPAYING", "USERPAYING"),
        row("TRADE_ERROR", "TRADE_ERROR"),
        row("OUT_TRADE_NO_USED", "OUT_TRADE_NO_USED"),
        row("APPID_MCHID_NOT_MATCH", "APPID_MCHID_NOT_MATCH"),
    ],
    otherwise: "TRADE_ERROR",
};

pub(super) const REVERSE: Codes = Codes {
    rows: &[
        row("REVERSE_EXPIRE", "REVERSE_EXPIRE"),
        row("INVALID_TRANSACTIONID", "INVALID_TRANSACTIONID"),
        row("USERPAYING", "USERPAYING"),
        row("INVALID_REQUEST", "INVALID_REQUEST"),
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("ORDER_NOT_EXIST", "INVALID_REQUEST"),
        row("NOT_ENOUGH", "TRADE_ERROR"),
    ],
    otherwise: "TRADE_ERROR",
};

/// INFERRED(deposit-codes)
pub(super) const CONSUME: Codes = Codes {
    rows: &[
        row("INVALID_REQUEST", "INVALID_REQUEST"),
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("ORDERNOTEXIST", "ORDERNOTEXIST"),
        row("NOT_ENOUGH", "NOTENOUGH"),
    ],
    otherwise: "INVALID_REQUEST",
};

/// Of refundv2 too, whose page lists none. INFERRED(v2-refund-error): what the page has no own code for is `ERROR`.
pub(super) const REFUND: Codes = Codes {
    rows: &[
        saying(
            "INVALID_REQUEST",
            "订单金额或退款金额与之前请求不一致，请核实后再试",
            "REFUND_FEE_MISMATCH",
            "",
        ),
        saying("INVALID_REQUEST", "订单已经超过退款期限", "TRADE_OVERDUE", ""),
        row(MORE_THAN_ORDER, BY_RETURN_CODE),
        // As a public report has it, of 2021.
        saying(
            "INVALID_REQUEST",
            "申请退款金额超过订单可退金额",
            "INVALID_REQUEST",
            "refund_fee大于可退金额",
        ),
        saying(
            "FREQUENCY_LIMITED",
            "",
            "FREQUENCY_LIMITED",
            // As a public report has it.
            "单笔订单请求频率过高,请于1分钟后重试.",
        ),
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("INVALID_TRANSACTIONID", "INVALID_TRANSACTIONID"),
        row("NOT_ENOUGH", "NOTENOUGH"),
        row("USER_ACCOUNT_ABNORMAL", "USER_ACCOUNT_ABNORMAL"),
        // As a public report has it of an order that a partner made, and its sub-merchant refunds.
        saying("NO_AUTH", "商户无权限对该订单退款", "ERROR", "您的请求参数与订单信息不一致"),
        row("INVALID_REQUEST", "ERROR"),
        row("RESOURCE_NOT_EXISTS", "ERROR"),
        row("NO_AUTH", "ERROR"),
    ],
    otherwise: "ERROR",
};

pub(super) const REFUND_QUERY: Codes = Codes {
    rows: &[row("REFUNDNOTEXIST", "REFUNDNOTEXIST"), row("PARAM_ERROR", "PARAM_ERROR")],
    otherwise: "REFUNDNOTEXIST",
};

/// The names of elements of APIv2 in the reasons of the rules. A longer name stands before its part.
const NAMES: [(&str, &str); 19] = [
    ("mchid (sp_mchid)", "mch_id"),
    ("; partners use v3/pay/partner", ""),
    ("payer.sp_openid", "openid"),
    ("payer.sub_openid", "sub_openid"),
    ("payer.openid", "openid"),
    ("amount.total", "total_fee"),
    ("amount.currency", "refund_fee_type"),
    ("amount.refund", "refund_fee"),
    (" (.../reverse)", " (secapi/pay/reverse)"),
    ("sub_mchid", "sub_mch_id"),
    ("sp_mchid", "mch_id"),
    ("sp_appid", "appid"),
    ("funds_account", "refund_account"),
    ("return_mchid", "return_account"),
    ("out_request_no", "partner_trade_no"),
    ("sub_orders", "sub_order_list"),
    ("settle_info.profit_sharing = true", "profit_sharing = Y"),
    ("POST /v3/profitsharing/receivers/add", "pay/profitsharingaddreceiver"),
    (": use v3/profitsharing for it", ""),
];

fn in_words_of_v2(reason: Cow<'static, str>) -> Cow<'static, str> {
    NAMES.into_iter().fold(reason, |reason, (of_v3, of_v2)| match reason.contains(of_v3) {
        true => reason.replace(of_v3, of_v2).into(),
        false => reason,
    })
}

impl Codes {
    pub(crate) const fn new(rows: &'static [Row], otherwise: &'static str) -> Self {
        Self { rows, otherwise }
    }

    /// Every code that it gives.
    #[cfg(test)]
    pub(crate) fn known(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().map(|row| row.to).chain([self.otherwise])
    }

    /// The error as the operation of APIv2 says it. Its status is always 200.
    pub(crate) fn translate(&self, error: HandlerError) -> HandlerError {
        let HandlerError::Refused(mut refusal) = error else { return error };
        let mut rows = self.rows.iter();
        let row =
            rows.find(|row| row.code == refusal.code && (row.of.is_empty() || row.of == refusal.message));
        refusal.status = 200;
        refusal.code = row.map_or(self.otherwise, |row| row.to);
        if let Some(row) = row.filter(|row| !row.says.is_empty()) {
            refusal.message = row.says.into();
        }
        refusal.reason = refusal.reason.map(in_words_of_v2);
        refusal.into()
    }
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;
    use crate::products::payments::order::TradeType;
    use crate::products::payments::refusals;
    use crate::response::Refusal;

    const ALL: [(&str, &Codes); 22] = [
        ("v2/pay/unifiedorder", &UNIFIED_ORDER),
        ("v2/pay/combinedorder", &UNIFIED_ORDER),
        ("v2/pay/querycombinedorder", &ORDER_QUERY),
        ("v2/pay/closecombinedorder", &CLOSE_ORDER),
        ("v2/pay/facepay", &MICROPAY),
        ("v2/pay/facepayquery", &ORDER_QUERY),
        ("v2/secapi/pay/facepayreverse", &REVERSE),
        ("v2/pay/orderquery", &ORDER_QUERY),
        ("v2/pay/paporderquery", &DEDUCTION_QUERY),
        ("v2/pay/partner/paporderquery", &DEDUCTION_QUERY),
        ("v2/pay/closeorder", &CLOSE_ORDER),
        ("v2/pay/micropay", &MICROPAY),
        ("v2/secapi/pay/reverse", &REVERSE),
        ("v2/secapi/pay/refund", &REFUND),
        ("v2/pay/refundquery", &REFUND_QUERY),
        ("v2/deposit/unifiedorder", &UNIFIED_ORDER),
        ("v2/deposit/micropay", &MICROPAY),
        ("v2/deposit/facepay", &MICROPAY),
        ("v2/deposit/orderquery", &ORDER_QUERY),
        ("v2/deposit/consume", &CONSUME),
        ("v2/deposit/reverse", &REVERSE),
        ("v2/deposit/refund", &REFUND),
    ];

    #[test]
    fn every_code_is_one_of_the_page_of_its_operation() {
        for (path, codes) in ALL {
            let operation = Catalog::embedded().find("POST", path).unwrap();
            for code in codes.known().filter(|code| *code != BY_RETURN_CODE) {
                assert!(operation.error_codes().any(|known| known.code == code), "{path}: {code}");
            }
        }
    }

    #[test]
    fn refusals_of_the_rules_become_what_the_page_lists() {
        let said = |codes: &Codes, refusal: Refusal| match codes.translate(refusal.into()) {
            HandlerError::Refused(refusal) => (refusal.status, refusal.code, refusal.message.into_owned()),
            HandlerError::Failed(error) => panic!("{error}"),
        };
        for (codes, refusal, code, message) in [
            (&UNIFIED_ORDER, refusals::paid_before(), "ORDERPAID", "该订单已支付"),
            (
                &UNIFIED_ORDER,
                refusals::other_parameters(TradeType::Jsapi),
                "INVALID_REQUEST",
                "201 商户订单号重复",
            ),
            (&UNIFIED_ORDER, refusals::burnt_number(), "INVALID_REQUEST", "201 商户订单号重复"),
            (&UNIFIED_ORDER, refusals::no_openid(), "LACK_PARAMS", "JSAPI支付必须传openid"),
            (&UNIFIED_ORDER, refusals::broken_openid(), "PARAM_ERROR", "无效的openid"),
            (&UNIFIED_ORDER, refusals::no_relation(), "NOAUTH", "受理关系不存在"),
            (&UNIFIED_ORDER, refusals::no_sub_merchant(""), BY_RETURN_CODE, NO_SUB_MERCHANT),
            (&MICROPAY, refusals::no_sub_merchant(""), BY_RETURN_CODE, NO_SUB_MERCHANT),
            (&UNIFIED_ORDER, refusals::no_partner(), BY_RETURN_CODE, NO_PARTNER),
            (&MICROPAY, refusals::no_partner(), BY_RETURN_CODE, NO_PARTNER),
            (&UNIFIED_ORDER, refusals::order_closed(), "ORDERCLOSED", "订单已关闭"),
            (&CLOSE_ORDER, refusals::paid(), "ORDERPAID", "该订单已支付"),
            (&CLOSE_ORDER, refusals::only_reversed(), "INVALID_REQUEST", "该交易不允许关单，仅可撤销"),
            (&MICROPAY, refusals::reversed(), "ORDERREVERSED", "订单已撤销，请重新下单支付"),
            (
                &MICROPAY,
                refusals::used_auth_code(refusals::AUTH_CODE_WAS_READ),
                "AUTH_CODE_INVALID",
                "101 每个二维码仅限使用一次，请刷新再试",
            ),
            (&MICROPAY, refusals::not_enough_to_reverse(String::new()), "NOTENOUGH", "余额不足"),
            (&REVERSE, refusals::not_reversible(), "INVALID_REQUEST", "该交易不允许撤销"),
            (&REVERSE, refusals::no_such_order(), "INVALID_REQUEST", "订单不存在"),
        ] {
            assert_eq!(said(codes, refusal), (200, code, message.to_owned()));
        }
    }

    #[test]
    fn reasons_name_the_elements_of_apiv2() {
        let reason = |codes: &Codes, refusal: Refusal| match codes.translate(refusal.into()) {
            HandlerError::Refused(refusal) => refusal.reason.unwrap_or_default().into_owned(),
            HandlerError::Failed(error) => panic!("{error}"),
        };
        let said = reason(&UNIFIED_ORDER, refusals::no_openid());
        assert!(
            said.contains("who pays: openid; that of a partner openid, or sub_openid together"),
            "{said}"
        );
        let all = [
            refusals::no_openid(),
            refusals::no_amount(),
            refusals::other_merchant(),
            refusals::other_sub_merchant(),
            refusals::no_relation(),
            refusals::no_partner(),
            refusals::same_sub_merchant(),
            refusals::other_sub_appid(),
            refusals::only_reversed(),
            Refusal::invalid_request("", "amount.total and amount.currency must be those of the order"),
        ];
        for refusal in all {
            let said = reason(&REFUND, refusal);
            for of_v3 in ["sp_", "payer.", "amount.", "sub_mchid", " mchid", "v3/"] {
                assert!(!said.contains(of_v3), "{said}");
            }
        }
    }

    #[test]
    fn a_number_that_was_used_before_has_the_documented_code_too() {
        let HandlerError::Refused(refusal) =
            UNIFIED_ORDER.translate(refusals::other_parameters(TradeType::Jsapi).into())
        else {
            panic!()
        };
        let documented = refusal.into_documented();
        assert_eq!((documented.status, documented.code), (200, "OUT_TRADE_NO_USED"));
    }
}
