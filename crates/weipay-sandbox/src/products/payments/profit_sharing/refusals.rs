//! Errors of profit sharing, with the platform's sentences where they are known.
//! UNCONFIRMED(sharing-words): sentences that no source prints.

use super::forms::Form;
use crate::people::openid::WrongOpenid;
use crate::products::payments::refusals as of_orders;
use crate::reasons;
use crate::response::{DocumentedRefusal, Refusal, tail};

pub(super) fn not_to_be_shared(message: &'static str) -> Refusal {
    Refusal::invalid_request(message, "the order was not made with settle_info.profit_sharing = true")
}

pub(super) fn not_this_merchants_to_share(message: &'static str) -> Refusal {
    Refusal::invalid_request(message, "no order of the caller that was paid has this transaction_id")
}

pub(super) fn reversed(message: &'static str) -> Refusal {
    Refusal::invalid_request(message, "the order was reversed (撤销): its money has gone back to the person")
}

/// The sentence is known from a public report.
pub(super) fn other_mode() -> Refusal {
    Refusal::invalid_request(
        "请求分账的交易模式和下单的交易模式不匹配，普通商户的交易只能普通商户发起分账，服务商下单的交易只能服务商发起分账",
        "the order of a partner is shared by that partner, with its sub_mchid, and a merchant's own order by that merchant",
    )
}

pub(super) fn no_sub_merchant() -> Refusal {
    of_orders::no_sub_merchant(reasons::ORDER_OF_SUB_MERCHANT)
}

pub(super) fn other_sub_merchant() -> Refusal {
    Refusal::invalid_request(
        "商户号或子商户号与订单号不匹配",
        "sub_mchid must be the one with which the order was made; an order of the caller itself has none",
    )
    .with_tail(268_447_845)
}

pub(super) fn not_this_merchants() -> Refusal {
    Refusal::invalid_request(
        "非本商户的订单不支持查询",
        "transaction_id and sub_mchid must be of a paid order of the caller",
    )
}

/// The platform's words for a merchant that is not a platform. UNCONFIRMED(sharing-family-code): the code.
pub(super) fn no_platform() -> Refusal {
    Refusal::no_auth(
        "非电商商户暂不支持调用此API",
        "the order is the caller's own, not one of a sub-merchant: use v3/profitsharing for it",
    )
}

/// The sentence is one of the page, as are the two below.
pub(super) fn bad_merchant_id() -> Refusal {
    Refusal::param_error(
        "参数格式不正确",
        "the account of a MERCHANT_ID is a merchant ID (商户号): digits only",
    )
}

pub(super) fn bad_openid() -> Refusal {
    Refusal::param_error("参数格式不正确", WrongOpenid::Form.reason())
}

/// The receiver is nobody's under this appid.
pub(super) fn openid_of_another_appid() -> Refusal {
    Refusal::invalid_request("无效请求", WrongOpenid::OfAnotherAppid.reason())
}

pub(super) fn no_sub_appid() -> Refusal {
    Refusal::param_error(
        "参数格式不正确",
        "a PERSONAL_SUB_OPENID is an openid under sub_appid: send sub_appid",
    )
}

pub(super) fn not_a_sub_merchant() -> Refusal {
    Refusal::no_auth(
        "非服务商下的签约子商户",
        "the caller does not act for this merchant: add it to its sub-merchants in the sandbox",
    )
}

/// The receiver cannot give its part back.
pub(super) fn receiver_is_short() -> Refusal {
    Refusal::new(
        403,
        "NOT_ENOUGH",
        "可用余额不足，请充值后重新发起",
        "the available balance of return_mchid is smaller than the amount",
    )
}

/// By APIv2, recorded (2019, 2020, 2023) of a number that was made up: that of a merchant who got no share has other words.
pub(super) fn cannot_give_back() -> Refusal {
    Refusal::no_auth(
        "回退方没有开通分账回退功能",
        "return_account is no merchant of the sandbox and no receiver of this merchant, and got no part of this split",
    )
}

pub(super) fn under_way() -> Refusal {
    Refusal::invalid_request(
        "订单处理中，暂时无法分账，请稍后重试",
        "an earlier request for this order is PROCESSING; wait, or advance the clock",
    )
}

pub(super) fn too_early() -> Refusal {
    Refusal::invalid_request(
        "订单处理中，请在到达结算周期之后再请求分账",
        "the payment is less than a minute old; wait, or advance the clock",
    )
}

pub(super) fn is_over() -> Refusal {
    Refusal::invalid_request(
        "订单已完结分账，不支持分账",
        "the rest was unfrozen, or the time to share it is over (30 days after the payment; 180 days for a sub-merchant's part of a combined order)",
    )
}

/// Each form has receivers of its own: those of another one do not count.
pub(super) fn no_relation(form: Form) -> Refusal {
    Refusal::invalid_request(
        "分账接收方关系不存在",
        match form {
            Form::General => "add the receiver first: POST /v3/profitsharing/receivers/add",
            Form::Ecommerce => "add the receiver first: POST /v3/ecommerce/profitsharing/receivers/add",
            Form::Brand => "add the receiver first: POST /v3/brand/profitsharing/receivers/add",
        },
    )
}

pub(super) fn other_receivers() -> Refusal {
    Refusal::invalid_request(
        "分账接收方与原请求不一致",
        reasons::number_was_used("this out_order_no", "other parameters"),
    )
}

pub(super) fn too_much() -> Refusal {
    Refusal::new(403, "NOT_ENOUGH", "分账金额不足", "the receivers get more than the order has left to share")
}

pub(super) fn nothing_left() -> Refusal {
    Refusal::new(403, "NOT_ENOUGH", "分账金额为0", "the order has no money left to share")
}

/// As a merchant recorded it in August 2026. INFERRED(sharing-ratio): so it is of platforms and brands.
pub(super) const ABOVE_RATIO: &str =
    "分账金额超出最大分账比例，最大可分账金额需等比例扣除退款与补差回退等逆向交易金额";
/// The same on the pages.
pub(super) const ABOVE_RATIO_DOCUMENTED: &str = "分账金额超出最大分账比例";

pub(super) fn above_ratio() -> Refusal {
    const OF_THE_TABLE: DocumentedRefusal = DocumentedRefusal {
        status: 403,
        code: "RULE_LIMIT",
        message: ABOVE_RATIO_DOCUMENTED,
        tail: tail::UNEXPLAINED,
    };
    let reason =
        "all receivers together may get 30 % of the amount of the order that was not refunded, rounded down";
    Refusal::invalid_request(ABOVE_RATIO, reason).with_documented(&OF_THE_TABLE)
}

pub(super) fn too_many() -> Refusal {
    Refusal::invalid_request("订单分账次数超过限制", "an order can be shared by 50 requests")
}

pub(super) fn bad_receivers() -> Refusal {
    Refusal::param_error(
        "分账接收方列表不正确",
        "receivers must name each of at most 50 receivers once, each with at least 1 fen; it may be empty only if the rest is unfrozen",
    )
}

pub(super) fn no_record() -> Refusal {
    Refusal::resource_not_exists(
        "记录不存在",
        "no split or return of the caller has this number, with these order and sub-merchant",
    )
}

/// The split of a return. The sentence was reported; UNCONFIRMED(sharing-unknown-return): in one report, without the code.
pub(super) fn no_split_to_return() -> Refusal {
    Refusal::resource_not_exists(
        "分账指令不存在，请检查是否有对应的分账单",
        "no split of the caller has this order_id or out_order_no, with this order and sub-merchant",
    )
}

pub(super) fn bad_receiver() -> Refusal {
    Refusal::param_error(
        "参数格式不正确",
        "a MERCHANT_ID needs its name, and relation_type CUSTOM needs custom_relation",
    )
}

/// By APIv2, where the gateway does not look for it.
pub(super) fn names_no_split() -> Refusal {
    Refusal::param_error("参数格式不正确", "order_id or out_order_no must say which split it is")
}

/// A fee for service after the sale. UNCONFIRMED(sharing-words), as the three below.
pub(super) fn too_much_after_sales() -> Refusal {
    Refusal::param_error(
        "分账金额不正确",
        "amount must be from 1 fen to what was paid of the order and not refunded",
    )
}

pub(super) fn not_refunded() -> Refusal {
    Refusal::invalid_request("退款单不存在", reasons::NO_REFUND_OF_ORDER)
}

pub(super) fn shared_after_sales() -> Refusal {
    Refusal::invalid_request(
        "订单已请求售后服务分账，且参数不一致",
        "an order has one fee for service after the sale: the same request again gets the same response",
    )
}

pub(super) fn sub_merchant_is_short(reason: String) -> Refusal {
    Refusal::new(403, "NOT_ENOUGH", "可用余额不足，请充值后重新发起", reason)
}
