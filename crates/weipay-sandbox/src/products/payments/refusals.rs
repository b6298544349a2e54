//! Errors of this product, with the platform's sentences where they are known.
//!
//! UNCONFIRMED(payment-codes): several sentences are known from users without their codes; they are refused with the usual ones.

use std::borrow::Cow;

use super::creation::MAX_TOTAL;
use super::order::{Order, OrderState, TradeType};
use super::unconfirmed::words;
use crate::clock;
use crate::people::openid::WrongOpenid;
use crate::reasons;
use crate::response::{DocumentedRefusal, Refusal};

/// The decimal codes of payments that end a `Request-ID`.
mod tail {
    pub(super) const NO_RELATION: u32 = 268_443_701;
    pub(super) const NO_SUB_MERCHANT: u32 = 268_443_704;
    pub(super) const SAME_SUB_MERCHANT: u32 = 268_443_705;
    pub(super) const OTHER_MERCHANT: u32 = 268_447_843;
    pub(super) const OTHER_SUB_MERCHANT: u32 = 268_447_845;
    pub(super) const EXPIRED: u32 = 268_447_914;
    pub(super) const PAID: u32 = 268_449_538;
    pub(super) const ONLY_REVERSED: u32 = 268_449_641;
    pub(super) const OTHER_PARAMETERS: u32 = 268_498_688;
    pub(super) const PAID_BEFORE: u32 = 268_498_689;
    pub(super) const NO_OPENID: u32 = 268_501_013;
    pub(super) const NO_SUCH_ORDER: u32 = 268_512_771;
}

pub(crate) fn no_such_order() -> Refusal {
    Refusal::new(
        404,
        "ORDER_NOT_EXIST",
        "订单不存在",
        "no order was made with this number by this merchant; an unpaid order has no transaction_id yet",
    )
    .with_tail(tail::NO_SUCH_ORDER)
}

pub(super) fn no_such_combined_order() -> Refusal {
    Refusal::new(
        404,
        "ORDERNOTEXIST",
        "订单不存在",
        "no combined order was made with this number by this merchant",
    )
    .with_tail(tail::NO_SUCH_ORDER)
}

/// The number belongs to a combined order (合单): it is queried and closed as a whole.
pub(super) fn part_of_combined() -> Refusal {
    no_such_order().with_reason(
        "this number is a part of a combined order: query or close it with v3/combine-transactions and the combine_out_trade_no",
    )
}

/// The number is that of a combined order (合单) as a whole.
pub(super) fn number_of_combined() -> Refusal {
    no_such_order().with_reason(
        "this is a combine_out_trade_no: query or close the combined order with v3/combine-transactions (pay/closecombinedorder)",
    )
}

pub(super) fn other_merchant() -> Refusal {
    Refusal::invalid_request("商户号和订单信息不匹配", "mchid (sp_mchid) must be the merchant that signs the request and that made the order; partners use v3/pay/partner")
        .with_tail(tail::OTHER_MERCHANT)
}

pub(super) fn other_sub_merchant() -> Refusal {
    Refusal::invalid_request(
        "商户号或子商户号与订单号不匹配",
        "sub_mchid must be the one with which the order was made",
    )
    .with_tail(tail::OTHER_SUB_MERCHANT)
}

/// What the pages list for a number that was used before. UNCONFIRMED(other-order-parameters): the platform
/// was seen to refuse otherwise, and so does the sandbox unless it is told to keep to the documents.
const NUMBER_USED: DocumentedRefusal = DocumentedRefusal {
    status: 403,
    code: "OUT_TRADE_NO_USED",
    message: "商户订单号重复",
    tail: crate::response::tail::UNEXPLAINED,
};

/// Two orders that can both be paid are worse than a refusal.
fn order_was_made(number: &str, with: &str, trade_type: TradeType) -> String {
    let used = reasons::number_was_used(number, with);
    match trade_type {
        // It can be charged again as long as it is known.
        TradeType::Pap | TradeType::Auth => used,
        TradeType::Micropay => format!("{used}, unless the first order is reversed (撤销) before"),
        TradeType::Jsapi | TradeType::App | TradeType::Native | TradeType::Mweb => {
            format!("{used}, unless the first order is closed before")
        }
    }
}

pub(crate) fn other_parameters(trade_type: TradeType) -> Refusal {
    Refusal::invalid_request(
        "请求重入时，参数与首次请求时不一致",
        order_was_made("this out_trade_no", "other parameters", trade_type),
    )
    .with_tail(tail::OTHER_PARAMETERS)
    .with_documented(&NUMBER_USED)
}

/// Advice before another number is used: a merchant that uses one at once may be paid twice.
fn before_another_number(known: &Order) -> &'static str {
    let is_deposit = known.deposit.is_some();
    match (known.state, known.trade_type) {
        (OrderState::Success | OrderState::Refund, _) if is_deposit => {
            "the deposit was already paid under this number: query it with deposit/orderquery; another sale needs another number"
        }
        (OrderState::NotPay | OrderState::UserPaying | OrderState::PayError, _) if is_deposit => {
            "it can still be paid: query it by deposit/orderquery, and reverse it by deposit/reverse before you use a new number"
        }
        (OrderState::Success, _) => "it was paid: query it; with a new number it is paid a second time",
        (OrderState::Refund, _) => "it was paid and refunded: query it; another sale needs another number",
        (OrderState::Closed | OrderState::Revoked, _) => {
            "it was closed or reversed, and can no longer be paid: use a new number"
        }
        (OrderState::Accept, _) => {
            "it is being deducted by a contract: query it; with a new number it is deducted a second time"
        }
        (_, TradeType::Pap | TradeType::Auth) => {
            "its deduction failed and can be tried again: repeat the first request; with a new number it may be deducted twice"
        }
        (_, TradeType::Micropay) => {
            "it is a code payment (付款码) without a final result: query it, and reverse it before you use a new number"
        }
        _ => {
            "it can still be paid: repeat the request that made it, or close it before you take a new number"
        }
    }
}

/// The number has an order that another request has made.
pub(crate) fn number_of_another_order(known: &Order, new: &Order) -> Refusal {
    let what = match &known.combined {
        Some(whole) if new.combined.as_ref() != Some(whole) => {
            format!("was used for a part of the combined order {}", whole.out_trade_no.escape_debug())
        }
        _ if known.dialect.is_v2() != new.dialect.is_v2() => {
            let version = if known.dialect.is_v2() { "APIv2" } else { "APIv3" };
            format!("has an order that was made by {version}")
        }
        _ if known.deposit.is_some() && new.deposit.is_none() => "has a deposit (押金)".to_owned(),
        _ => "has an order of another product, appid or sub-merchant".to_owned(),
    };
    number_is_taken(format!("this out_trade_no {what}; {}", before_another_number(known)))
}

/// A part of a combined order has a number that was used before.
pub(super) fn part_is_taken(known: &Order) -> Refusal {
    let number = known.out_trade_no.escape_debug();
    let of = match &known.combined {
        Some(whole) => format!("a part of the combined order {}", whole.out_trade_no.escape_debug()),
        None => "an order".to_owned(),
    };
    let then = match (&known.combined, known.state) {
        // A part is neither queried nor closed by itself.
        (Some(_), OrderState::NotPay | OrderState::UserPaying | OrderState::PayError) => {
            "it can still be paid: repeat the request that made it, or close the combined order before its parts get new numbers"
        }
        _ => before_another_number(known),
    };
    number_is_taken(format!("the out_trade_no {number} of a part was used before, for {of}; {then}"))
}

/// The number was closed before any order was made with it.
pub(crate) fn burnt_number() -> Refusal {
    Refusal::invalid_request(
        "请求重入时，参数与首次请求时不一致",
        "this out_trade_no was closed before an order was made with it, and cannot be used any more",
    )
    .with_tail(tail::OTHER_PARAMETERS)
    .with_documented(&NUMBER_USED)
}

/// The number has an order of another product, appid or sub-merchant, or a closed one.
pub(crate) fn number_is_taken(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::invalid_request("201 商户订单号重复", reason).with_documented(&NUMBER_USED)
}

pub(super) fn order_closed() -> Refusal {
    Refusal::new(
        400,
        "ORDER_CLOSED",
        "订单已关闭",
        "the order was closed or has expired: take a new out_trade_no",
    )
}

pub(super) fn order_expired() -> Refusal {
    Refusal::invalid_request(
        "该订单已失效",
        "the order has expired by the sandbox's clock: take a new out_trade_no",
    )
    .with_tail(tail::EXPIRED)
}

/// An order that was paid is made again.
pub(crate) fn paid_before() -> Refusal {
    Refusal::new(
        400,
        "ORDERPAID",
        "该订单已支付",
        "the order was paid: query it; another sale needs another out_trade_no",
    )
    .with_tail(tail::PAID_BEFORE)
}

/// An order that was paid is closed.
pub(crate) fn paid() -> Refusal {
    Refusal::new(400, "ORDERPAID", "该订单已支付", "an order that was paid cannot be closed: refund it")
        .with_tail(tail::PAID)
}

/// UNCONFIRMED(contract-order-close): an order whose deduction is under way cannot be closed.
pub(super) fn under_deduction() -> Refusal {
    Refusal::invalid_request(
        "扣款请求已受理，请勿重复发起",
        "the order is being deducted by a contract: wait for the result, which takes two seconds of the sandbox's clock, or a day \
         without a notice (预扣费通知)",
    )
}

pub(crate) fn reversed() -> Refusal {
    Refusal::new(
        400,
        "ORDER_REVERSED",
        "订单已撤销，请重新下单支付",
        "the order was reversed: take a new out_trade_no",
    )
}

/// 付款码 orders cannot be closed.
pub(crate) fn only_reversed() -> Refusal {
    Refusal::invalid_request(
        words::ONLY_REVERSED,
        "an order of a payment code (付款码) is reversed (.../reverse), not closed",
    )
    .with_tail(tail::ONLY_REVERSED)
}

/// Only 付款码 orders and deposits can be reversed.
pub(super) fn not_reversible() -> Refusal {
    Refusal::invalid_request(
        words::NOT_REVERSIBLE,
        "a code payment (付款码) can be reversed within 7 days, if it was not refunded; a deposit as long as it is pending",
    )
}

/// The payment cannot be given back; `short` is what the ledger says of the account.
pub(super) fn not_enough_to_reverse(short: String) -> Refusal {
    Refusal::new(403, "NOT_ENOUGH", "余额不足", short)
}

pub(super) fn broken_auth_code() -> Refusal {
    Refusal::new(
        400,
        "AUTH_CODE_INVALID",
        "101 付款码无效，请重新扫码",
        "an auth_code has 18 digits and begins with 10 to 15",
    )
}

pub(super) fn used_auth_code(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(400, "AUTH_CODE_INVALID", "101 每个二维码仅限使用一次，请刷新再试", reason)
}

/// An `auth_code` of which nothing more is known than that it was read.
pub(super) const AUTH_CODE_WAS_READ: &str =
    "an auth_code pays once, and this one was used before: scan a new one";

/// The `auth_code` was used for an order of the same merchant, which may be paid, or be paid in a moment.
pub(super) fn auth_code_of(known: &Order) -> String {
    let number = known.out_trade_no.escape_debug();
    match known.state {
        OrderState::Closed | OrderState::Revoked => {
            format!(
                "this auth_code was used for out_trade_no {number}, which was reversed or closed: scan a new one"
            )
        }
        _ => format!(
            "this auth_code was used for out_trade_no {number}: query that order, and reverse it (撤销) if it is not wanted; only then scan \
             a new code with a new number, or the person pays twice"
        ),
    }
}

pub(super) fn no_relation() -> Refusal {
    Refusal::no_auth("受理关系不存在", "sub_mchid must be a sub-merchant of the caller: weipay sandbox merchant bind MCHID --sub-merchant SUB_MCHID adds it")
        .with_tail(tail::NO_RELATION)
}

/// A partner leaves out whose order it is. The code is that of public reports, of orders (2024) and of combined ones (2021).
pub(crate) fn no_sub_merchant(reason: &'static str) -> Refusal {
    Refusal::param_error(NO_SUB_MERCHANT, reason).with_tail(tail::NO_SUB_MERCHANT)
}

pub(super) const NO_SUB_MERCHANT: &str = "受理机构必须传入sub_mch_id";

/// A merchant that is no partner names a sub-merchant, perhaps itself. Recorded: by APIv2
/// <https://github.com/binarywang/WxJava/issues/1170> (2019), by APIv3 <https://github.com/go-pay/gopay/issues/281> (2022) and
/// <https://github.com/wechatpay-apiv3/wechatpay-go/issues/184> (2023).
pub(super) fn no_partner() -> Refusal {
    Refusal::param_error(
        NO_PARTNER,
        "the caller is no partner of this sub_mchid: weipay sandbox merchant bind MCHID --sub-merchant SUB_MCHID makes it one; an \
         ordinary merchant leaves sub_mchid out, and by APIv3 uses the operations of an ordinary merchant",
    )
}

pub(super) const NO_PARTNER: &str = "普通商户不允许传sub_mch_id";

pub(super) fn same_sub_merchant() -> Refusal {
    Refusal::invalid_request(
        "子商户mchid不能与自身相同",
        "sub_mchid is sp_mchid: a partner places orders for its sub-merchants",
    )
    .with_tail(tail::SAME_SUB_MERCHANT)
}

pub(super) fn other_sub_appid() -> Refusal {
    Refusal::new(
        400,
        "APPID_MCHID_NOT_MATCH",
        "sub_mch_id与sub_appid不匹配",
        "sub_appid must be bound to sub_mchid",
    )
}

/// Why `combine_appid` is refused that the caller may use. `mchid` is the merchant of a part.
pub(super) fn combine_appid_of_part(mchid: &str) -> String {
    format!(
        "combine_appid must be bound to the merchant of each part too, and {mchid} (its mchid) does not have it: add that merchant with \
         the same appid, weipay sandbox merchant add --appid APPID"
    )
}

pub(super) fn no_such_merchant() -> Refusal {
    Refusal::new(
        400,
        "MCH_NOT_EXISTS",
        words::NO_SUCH_MERCHANT,
        "mchid of a part must be a merchant of the sandbox: add it first",
    )
}

pub(super) fn broken_openid() -> Refusal {
    Refusal::param_error("无效的openid", WrongOpenid::Form.reason())
}

pub(super) fn no_openid() -> Refusal {
    Refusal::param_error(
        words::NO_OPENID,
        "an order in WeChat must say who pays: payer.openid; that of a partner payer.sp_openid, or payer.sub_openid together with sub_appid",
    )
    .with_tail(tail::NO_OPENID)
}

/// 500 OPENID_MISMATCH is documented for partners and combined orders; INFERRED(openid-mismatch) from reports of users: 400.
pub(super) fn other_openid(is_sub: bool) -> Refusal {
    const fn documented(message: &'static str) -> DocumentedRefusal {
        DocumentedRefusal {
            status: 500,
            code: "OPENID_MISMATCH",
            message,
            tail: crate::response::tail::UNEXPLAINED,
        }
    }
    const OF_SUB_APPID: DocumentedRefusal = documented("sub_appid和sub_openid不匹配");
    const OF_APPID: DocumentedRefusal = documented("appid和openid不匹配");
    let documented = if is_sub { &OF_SUB_APPID } else { &OF_APPID };
    Refusal::invalid_request(documented.message, WrongOpenid::OfAnotherAppid.reason())
        .with_documented(documented)
}

pub(super) fn parts_differ() -> Refusal {
    Refusal::invalid_request(
        "输入的请求非法,请求关单的子单信息与下单时的子单信息不一致",
        "sub_orders must list exactly the mchid, out_trade_no and sub_mchid of every part of the combined order",
    )
}

pub(super) fn number_of_parts() -> Refusal {
    Refusal::invalid_request(
        words::NUMBER_OF_PARTS,
        "a combined order has 2 to 10 parts, or 1 to 50 when parts have a sub_mchid",
    )
}

pub(super) fn other_settlement(trade_type: TradeType) -> Refusal {
    Refusal::invalid_request(
        "重复下单且结算信息不一致",
        order_was_made("this combine_out_trade_no", "another settle_info", trade_type),
    )
}

/// UNCONFIRMED(order-detail): the sentence.
pub(super) fn large_detail() -> Refusal {
    Refusal::param_error("商品详情过长", "detail takes 6144 bytes of JSON at most: name fewer goods")
}

/// UNCONFIRMED(payer-client-ip)
pub(super) fn bad_client_ip() -> Refusal {
    Refusal::param_error(
        "用户终端IP格式错误",
        "scene_info.payer_client_ip must be an address of IPv4 or IPv6",
    )
}

/// UNCONFIRMED(order-maximum)
pub(crate) fn too_large() -> Refusal {
    Refusal::param_error(
        "订单金额不正确",
        format!("an order may be at most {MAX_TOTAL} fen (ten million yuan) in the sandbox"),
    )
}

/// UNCONFIRMED(order-currency)
pub(crate) fn other_currency() -> Refusal {
    Refusal::param_error(
        "不支持的币种",
        "the currency (currency, fee_type) must be CNY: the sandbox has no exchange rates",
    )
}

/// UNCONFIRMED(expiry-is-over)
pub(crate) fn expiry_is_over(time: i64, now: i64) -> Refusal {
    Refusal::param_error(
        "订单失效时间不正确",
        format!(
            "time_expire is {}, which has passed: the sandbox's clock shows {}; give a later time, with the right time \
             zone",
            clock::rfc3339(time),
            clock::rfc3339(now)
        ),
    )
}

/// UNCONFIRMED(order-of-nothing), where the form of the request has no limit.
pub(crate) fn no_amount() -> Refusal {
    Refusal::param_error("订单金额不正确", "amount.total must be at least 1 fen")
}
