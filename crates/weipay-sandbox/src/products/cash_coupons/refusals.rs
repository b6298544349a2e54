//! Errors of this product, with the platform's sentences where they are known. The numbers stand after the dash of `Request-ID`.

use crate::people::openid::WrongOpenid;
use crate::reasons;
use crate::response::{DocumentedRefusal, Refusal};

/// The meaning of the tails. The table of 2026 says of the second that the person is barred from coupons (用户被限制领取代金券).
const BUDGET_IS_SPENT: u32 = 270_079_534;
const USER_IS_LIMITED: u32 = 270_079_532;

pub(super) fn no_such_stock() -> Refusal {
    Refusal::resource_not_exists("批次不存在", "no stock of this stock_creator_mchid has this stock_id")
}

pub(super) fn no_such_coupon() -> Refusal {
    // UNCONFIRMED(cash-words).
    Refusal::resource_not_exists(
        "代金券不存在",
        "this person has no coupon with this coupon_id under this appid",
    )
}

pub(super) fn budget_is_not_the_product() -> Refusal {
    Refusal::param_error(
        "批次预算等于批次面额乘以发券数",
        "max_amount must be coupon_amount times max_coupons, in fen",
    )
}

pub(super) fn bad_period() -> Refusal {
    Refusal::new(
        403,
        "REQUEST_BLOCKED",
        "活动未开始或已结束",
        "available_begin_time must not be in the past by the sandbox's clock, and available_end_time must be later",
    )
    .with_tail(NOT_RUNNING)
}

/// The sentence is known without its code. UNCONFIRMED(cash-own-merchants)
pub(super) fn merchants_of_others() -> Refusal {
    Refusal::invalid_request(
        "可用商户不符合规则,请检查",
        "a stock with no_cash takes off what its merchants get: available_merchants may name the creator and its own sub-merchants only",
    )
}

/// As reported: <https://developers.weixin.qq.com/community/pay/doc/0000641fb8cd08b2065908d1851400> (2019).
pub(super) fn empty_goods_tag() -> Refusal {
    Refusal::param_error(
        "无法将传入参数“订单优惠标记”转换为string/bytes类型。",
        "goods_tag is an empty list: leave it out, or put a mark of orders into it",
    )
}

pub(super) fn bad_rules(reason: &'static str) -> Refusal {
    Refusal::invalid_request("批次发放规则或核销规则有误，请修改后重试", reason)
}

pub(super) fn change_of_stopped() -> Refusal {
    Refusal::param_error("非法的批次状态", "the goods of a stopped stock cannot be changed")
}

pub(super) fn wrong_state() -> Refusal {
    Refusal::param_error(
        "非法的批次状态",
        "start needs unactivated, pause needs running, restart needs paused, stop needs running or paused",
    )
}

pub(super) fn no_money_to_start() -> Refusal {
    // INFERRED(cash-start-code): the code and the status; the sentence is known.
    Refusal::new(
        403,
        "NOT_ENOUGH",
        "激活失败：账户余额不足，请充值",
        "the marketing account (beside the budgets of other stocks), the basic account and the operation account of the creator each hold less than max_amount: top one up with `weipay sandbox merchant top-up MCHID FEN`",
    )
}

/// Only the creator operates a stock.
pub(super) fn not_the_creator() -> Refusal {
    Refusal::new(
        403,
        "REQUEST_BLOCKED",
        "调用商户无权限",
        "stock_creator_mchid must be the merchant that created the stock, and must sign the request",
    )
}

pub(super) fn appid_not_bound() -> Refusal {
    Refusal::new(400, "APPID_MCHID_NOT_MATCH", "商户号与appid不匹配", reasons::APPID_NOT_BOUND)
        .with_tail(270_079_507)
}

pub(super) fn wrong_openid(wrong: WrongOpenid) -> Refusal {
    Refusal::invalid_request("openid与appID不匹配", wrong.reason()).with_tail(270_079_501)
}

pub(super) fn user_of_another_appid() -> Refusal {
    wrong_openid(WrongOpenid::OfAnotherAppid)
}

pub(super) fn sender_has_no_right() -> Refusal {
    Refusal::new(
        403,
        "REQUEST_BLOCKED",
        "批次不支持跨商户发券",
        "stock_creator_mchid must be the merchant that created the stock. Its coupons can be sent by that merchant, \
         or by a merchant with an appid that it authorised with POST /v3/marketing/partnerships/build",
    )
    .with_tail(270_079_509)
}

pub(super) fn not_running() -> Refusal {
    Refusal::invalid_request(
        "活动已结束或未激活",
        "the stock must be running: start it, and send between available_begin_time and available_end_time",
    )
    .with_tail(NOT_RUNNING)
}

pub(super) fn not_begun() -> Refusal {
    Refusal::invalid_request(
        "活动未开始或已结束",
        "coupons are sent from available_begin_time on: move the sandbox's clock",
    )
    .with_tail(NOT_RUNNING)
}

/// UNCONFIRMED(cash-never-usable).
pub(super) fn never_usable() -> Refusal {
    not_running().with_reason(
        "the coupon could never be used: coupon_available_time of the stock leaves no usable period",
    )
}

pub(super) fn budget_is_spent() -> Refusal {
    Refusal::new(403, "NOT_ENOUGH", "批次预算不足", "max_coupons or max_amount of the stock is used up")
        .with_tail(BUDGET_IS_SPENT)
}

/// The sentence is recorded without its code. UNCONFIRMED(cash-daily-limit): it is that of the other limit.
pub(super) fn day_has_enough() -> Refusal {
    const OF_THE_TABLE: DocumentedRefusal =
        DocumentedRefusal {
            status: 403, code: "NOT_ENOUGH", message: "批次预算不足", tail: BUDGET_IS_SPENT
        };
    Refusal::new(
        403,
        "RULE_LIMIT",
        "发券超过单天限额",
        "max_amount_by_day of the stock is used up: the next day begins at midnight in Beijing",
    )
    .with_documented(&OF_THE_TABLE)
}

/// Code and sentence are recorded; the table has others. UNCONFIRMED(cash-daily-limit): the status.
pub(super) fn user_has_enough() -> Refusal {
    const OF_THE_TABLE: DocumentedRefusal = DocumentedRefusal {
        status: 403,
        code: "REQUEST_BLOCKED",
        message: "用户被限领拦截",
        tail: USER_IS_LIMITED,
    };
    Refusal::new(403, "RULE_LIMIT", "用户已达最大领券次数", reasons::PERSON_HAS_ENOUGH)
        .with_documented(&OF_THE_TABLE)
}

/// Code and sentence are recorded.
pub(super) fn month_has_enough() -> Refusal {
    Refusal::invalid_request(
        "暂时无法领取,请联系商家处理。",
        "one merchant sends one person coupons of 5,000 yuan at most in a month: the next one begins at midnight in Beijing",
    )
}

/// The account of the person is frozen or cancelled.
pub(super) fn abnormal_user() -> Refusal {
    Refusal::new(403, "USER_ACCOUNT_ABNORMAL", "用户非法", reasons::ACCOUNT_DOES_NOT_WORK)
}

/// 指定面额发券, which stocks with a fixed value do not have.
pub(super) fn value_without_need() -> Refusal {
    Refusal::param_error(
        "参数错误,请核对文档要求",
        "coupon_value and coupon_minimum are for stocks without a value; this one has its own",
    )
}

pub(super) fn bad_date() -> Refusal {
    Refusal::param_error("输入时间格式错误", "bill_date must be a day of the calendar, such as 2026-11-25")
}

/// There is no flow file, or not yet.
pub(super) fn no_flow(reason: &'static str) -> Refusal {
    Refusal::resource_not_exists("账单文件不存在", reason)
}

/// A number that was used before, for something else. UNCONFIRMED(cash-words).
pub(super) fn other_parameters() -> Refusal {
    Refusal::invalid_request(
        "商户单据号已使用，且参数与之前不一致",
        reasons::number_was_used("this out_request_no", "other parameters"),
    )
}

pub(super) fn page_is_too_large(limit: usize, most: usize) -> Refusal {
    Refusal::param_error("页大小超过阈值", format!("limit is {limit}, and a page has {most} at most"))
}

pub(super) fn no_callback() -> Refusal {
    // UNCONFIRMED(cash-words).
    Refusal::resource_not_exists(
        "消息通知地址不存在",
        "set an address first: POST /v3/marketing/favor/callbacks",
    )
}

/// UNCONFIRMED(cash-words): the sentence.
pub(super) fn no_switching_off() -> Refusal {
    Refusal::param_error(
        "回调开关不支持关闭",
        "`switch` can only be true: the platform does not support switching notifications off",
    )
}

pub(super) fn not_your_number() -> Refusal {
    Refusal::new(400, "MCH_NOT_EXISTS", "商户号不合法", "mchid must be the caller's own")
}

const NOT_RUNNING: u32 = 270_079_533;
