//! Errors of refunds, with the platform's sentences where they are known. UNCONFIRMED(refund-words):
//! sentences that no source prints.

use std::borrow::Cow;

use crate::reasons;
use crate::response::{Refusal, tail};

pub(super) fn no_such_order() -> Refusal {
    Refusal::resource_not_exists("订单不存在", "no order of this merchant has this number")
}

/// The number is that of a service order (支付分订单), which has no `out_trade_no`.
pub(super) fn number_of_service_order() -> Refusal {
    no_such_order().with_reason(
        "this is the out_order_no of a pay score order (支付分), which is no out_trade_no: refund its transaction_id, which \
         collection.details has once it was paid",
    )
}

/// The number is that of a combined order (合单).
pub(super) fn number_of_combined() -> Refusal {
    no_such_order().with_reason(
        "this is a combine_out_trade_no: each part of a combined order is refunded by its own out_trade_no or transaction_id",
    )
}

/// Recorded of an order with NOTPAY.
pub(super) fn not_paid() -> Refusal {
    Refusal::resource_not_exists("原订单不存在", "this order is unpaid: query it before you refund it")
}

/// UNCONFIRMED(refund-words)
pub(super) fn no_order_number() -> Refusal {
    Refusal::param_error("微信支付订单号和商户订单号不能同时为空", "give transaction_id or out_trade_no")
}

pub(super) fn no_such_refund() -> Refusal {
    Refusal::resource_not_exists("退款单不存在", "no refund of this merchant has this number")
}

/// The total, the currency, the sub-merchant or one of the two numbers is not the order's.
pub(super) fn not_the_orders(reason: &'static str) -> Refusal {
    Refusal::invalid_request("您的请求参数与订单信息不一致", reason)
}

/// The number has a refund with other amounts.
pub(super) fn other_amounts() -> Refusal {
    Refusal::invalid_request(
        "订单金额或退款金额与之前请求不一致，请核实后再试",
        reasons::number_was_used("this out_refund_no", "another amount"),
    )
}

/// The number has a refund of another order.
pub(super) fn other_order() -> Refusal {
    Refusal::invalid_request(
        "请求内容和上次请求不一致，请核实后再试",
        "this out_refund_no is that of a refund of another order: a refund of this one needs another number",
    )
}

/// As several programs compare it that take the refund for done.
pub(super) fn nothing_left() -> Refusal {
    Refusal::invalid_request(
        "订单已全额退款",
        "the refunds of this order, without those that are CLOSED, already cover all of it: query them before you \
         refund more",
    )
}

pub(super) fn too_much() -> Refusal {
    Refusal::invalid_request(
        "申请退款金额超过订单可退金额",
        "all refunds of an order that are not closed, together with this one, exceed its total",
    )
}

pub(super) fn too_old() -> Refusal {
    Refusal::invalid_request(
        "订单已经超过退款期限",
        "an order can be refunded for 365 days after the payment",
    )
}

pub(super) fn too_many() -> Refusal {
    Refusal::invalid_request("订单退款次数超过限制", "an order can have 50 refunds")
}

pub(super) fn too_soon() -> Refusal {
    Refusal::new(
        429,
        "FREQUENCY_LIMITED",
        "单笔订单请求频率过高，请于1分钟后重试",
        "refunds of one order must be a minute apart; try again with the same number, or move the clock",
    )
}

/// The order was reversed (撤销), and its money has gone back.
pub(super) fn reversed() -> Refusal {
    Refusal::invalid_request("订单已撤销", "the order was reversed: its money has gone back already")
}

/// A merchant calls a platform's operation for itself. The sentence is known from a public report.
pub(super) fn ordinary_merchant() -> Refusal {
    Refusal::param_error(
        "普通商户不允许传sub_mch_id",
        "sub_mchid is the caller itself: a merchant refunds its own orders with v3/refund/domestic/refunds",
    )
}

pub(super) fn no_right() -> Refusal {
    Refusal::no_auth("商户无权限对该订单退款", "the order is another merchant's")
}

/// The person has left, so that there is no account for the money.
pub(super) fn cancelled_account() -> Refusal {
    Refusal::new(
        403,
        "USER_ACCOUNT_ABNORMAL",
        "用户账户已注销",
        "the person who paid has cancelled the account (weipay sandbox person account changes it): give the money \
         back in another way",
    )
}

/// `amount.from` does not fit.
pub(super) fn bad_sources() -> Refusal {
    Refusal::param_error(
        "出资金额之和与退款金额不一致",
        "the amounts in amount.from must add up to amount.refund, and none may be below 1",
    )
}

/// `short` says of the account what it has and what it needs.
pub(super) fn not_enough(short: String) -> Refusal {
    refused_for_money(format!("{short}; then repeat the same out_refund_no"))
}

fn refused_for_money(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起", reason)
        .with_tail(tail::NOT_ENOUGH_FOR_REFUND)
}

/// The part of the money that waits for profit sharing is too small.
pub(super) fn shared_already() -> Refusal {
    Refusal::new(
        403,
        "NOT_ENOUGH",
        "订单待分账金额不足",
        "a part of the order was shared (分账): unfreeze the rest (完结分账) first, then what goes back comes from available money",
    )
}

/// UNCONFIRMED(refund-after-sharing): the request wants money that is not settled yet.
pub(super) fn not_unsettled_after_sharing() -> Refusal {
    refused_for_money(
        "the order was to be shared (分账) and that has ended: its refunds come from available money (可用余额), so leave the source out",
    )
}

/// UNCONFIRMED(prepaid-account): nobody has money there.
pub(super) fn no_prepaid_account() -> Refusal {
    refused_for_money("the sandbox has no prepaid account (PREPAID): leave funds_account out")
}

pub(super) fn not_advanced() -> Refusal {
    Refusal::invalid_request(
        "退款单不是垫付退款单",
        "only a refund with refund_account = REFUND_SOURCE_PARTNER_ADVANCE was advanced",
    )
}

pub(super) fn not_refunded_yet() -> Refusal {
    Refusal::invalid_request(
        "退款未成功，不支持垫付回补",
        "the refund must have status SUCCESS; if it is PROCESSING, advance the clock, or use weipay sandbox refund NUMBER --to \
         success",
    )
}

pub(super) fn no_advance_return() -> Refusal {
    Refusal::resource_not_exists("垫付回补单不存在", "ask for the return first: POST return-advance")
}

pub(super) fn not_abnormal() -> Refusal {
    Refusal::invalid_request(
        "退款单状态不支持发起异常退款",
        "this operation is only for a refund with status ABNORMAL",
    )
}

pub(super) fn no_card() -> Refusal {
    Refusal::param_error("银行卡信息不完整", "USER_BANK_CARD needs bank_type, bank_account and real_name")
}

/// UNCONFIRMED(refund-of-nothing), where the form of the request has no limit.
pub(super) fn nothing_to_refund() -> Refusal {
    Refusal::param_error("退款金额不正确", "amount.refund must be at least 1 fen")
}
