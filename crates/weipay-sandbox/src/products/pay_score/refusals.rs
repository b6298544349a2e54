//! Errors of this product. Sentences that no source prints are UNCONFIRMED(pay-score-words).

use super::order::OrderState;
use crate::people::openid::WrongOpenid;
use crate::reasons;
use crate::response::{DocumentedRefusal, Refusal};

pub(super) fn no_such_order() -> Refusal {
    Refusal::new(
        404,
        "ORDER_NOT_EXIST",
        "订单不存在",
        "this merchant made no order with this out_order_no, service_id and appid",
    )
    .with_tail(271_317_510)
}

/// As real responses have it. The table of the documents names the states that are over; its sentences are not known.
pub(super) fn wrong_state(state: OrderState, reason: &'static str) -> Refusal {
    const WORDS: &str = "当前订单状态不合法";
    const STATE: u32 = 271_302_262;
    const CANCELED: u32 = 271_302_333;
    const fn documented(code: &'static str, tail: u32) -> DocumentedRefusal {
        DocumentedRefusal { status: 400, code, message: WORDS, tail }
    }
    const OF_THE_TABLE: [DocumentedRefusal; 3] = [
        documented("INVALID_ORDER_STATE", STATE),
        documented("ORDER_CANCELED", CANCELED),
        documented("ORDER_DONE", STATE),
    ];
    let [of_state, of_canceled, of_done] = &OF_THE_TABLE;
    let (tail, documented) = match state {
        OrderState::Revoked => (CANCELED, of_canceled),
        OrderState::Done => (STATE, of_done),
        _ => (STATE, of_state),
    };
    Refusal::invalid_request(WORDS, reason).with_tail(tail).with_documented(documented)
}

/// The merchant has asked for the money, and none came: <https://developers.weixin.qq.com/community/develop/doc/000a4431ce468883dddc22b875c800>
/// (2021).
pub(super) fn not_deducted() -> Refusal {
    Refusal::new(
        403,
        "TRADE_ERROR",
        "扣款失败",
        "the person has no money, or the account is frozen or cancelled; the order still waits for the money",
    )
    .with_tail(271_316_574)
}

pub(super) fn under_deduction() -> Refusal {
    Refusal::invalid_request(
        "单据正在扣款中，请稍后再试",
        "a deduction takes two seconds; the order can be changed when it has failed",
    )
    .with_tail(271_316_754)
}

pub(super) fn other_parameters() -> Refusal {
    Refusal::invalid_request(
        "订单重入参数校验失败",
        reasons::number_was_used("this out_order_no", "other parameters"),
    )
    .with_tail(271_316_598)
}

/// Cancel and complete name the order by its number, so that here nothing was used before.
pub(super) fn done_otherwise(done: &str) -> Refusal {
    Refusal::invalid_request(
        "订单重入参数校验失败",
        format!("the order was {done} before with another body: only exactly that request can be repeated"),
    )
    .with_tail(271_316_598)
}

pub(super) fn wrong_total() -> Refusal {
    Refusal::param_error(
        "最终总金额计算非法",
        "total_amount must be the sum of post_payments without the sum of post_discounts, and 0 or more",
    )
}

pub(super) fn over_risk_fund() -> Refusal {
    Refusal::invalid_request(
        "订单金额超过服务风险金额",
        "total_amount may not be more than risk_fund.amount of the order",
    )
    .with_tail(271_316_656)
}

pub(super) fn over_service_fund() -> Refusal {
    over_risk_fund()
        .with_reason("total_amount may not be more than the service's maximum, a million yuan here")
}

pub(super) fn not_lower() -> Refusal {
    Refusal::invalid_request("修改后的金额必须小于原金额", "a modification only lowers total_amount")
        .with_tail(271_316_657)
}

pub(super) fn ends_too_late() -> Refusal {
    Refusal::invalid_request(
        "实际结束时间不能晚于使用完结接口的时间",
        "time_range.end_time is later than the sandbox's clock: weipay sandbox clock show",
    )
}

pub(super) fn ends_before_start() -> Refusal {
    Refusal::invalid_request(
        "服务结束时间早于服务开始时间",
        "time_range.end_time is before the start_time of the order",
    )
    .with_tail(271_316_637)
}

/// The sentence was reported up to `表示用`; how it ends is a guess: UNCONFIRMED(pay-score-words).
pub(super) fn begins_too_early() -> Refusal {
    Refusal::param_error(
        "服务开始时间不能早于调用接口时间，或传入固定值OnAccept表示用户确认订单成功时间为【服务开始时间】",
        "time_range.start_time is before the sandbox's clock: weipay sandbox clock show",
    )
}

pub(super) fn unreadable_time() -> Refusal {
    wrong_parameter("time_range is written yyyyMMddHHmmss or yyyyMMdd")
}

pub(super) fn not_as_before() -> Refusal {
    wrong_parameter(
        "time_range.start_time and location must equal those of the created order, if it had them",
    )
}

pub(super) fn wrong_parameter(reason: &'static str) -> Refusal {
    Refusal::param_error("参数错误", reason)
}

pub(super) fn wrong_amount() -> Refusal {
    wrong_parameter("every amount must be from 0 fen to a million yuan")
}

pub(super) fn wrong_appid() -> Refusal {
    Refusal::no_auth("商户暂无权限使用此服务", reasons::APPID_NOT_BOUND).with_tail(268_503_786)
}

/// As it was seen for an openid that was none.
pub(super) fn wrong_openid(wrong: WrongOpenid) -> Refusal {
    Refusal::invalid_request("其他原因185", wrong.reason())
}

/// The number tells why the person gets no order.
pub(super) fn not_assessed(tail: u32, reason: &'static str) -> Refusal {
    Refusal::invalid_request("综合评估未通过", reason).with_tail(tail)
}

pub(super) fn not_authorized() -> Refusal {
    Refusal::no_auth(
        "请检查服务授权状态",
        "the person has not opened the service for this merchant: POST .../payscore/permissions, and then weipay sandbox pay-score authorize",
    )
}

pub(super) fn no_such_authorization() -> Refusal {
    Refusal::new(
        404,
        "ORDER_NOT_EXIST",
        "请求操作的授权记录不存在",
        "the person never opened this service, or the authorization_code is of another service",
    )
}

pub(super) fn not_open() -> Refusal {
    Refusal::invalid_request("当前授权状态不合法", "only an open authorization can be ended")
}

pub(super) fn other_authorization() -> Refusal {
    Refusal::invalid_request(
        "授权协议号重入参数校验失败",
        reasons::number_was_used("this authorization_code", "other parameters"),
    )
}
