//! Errors of this product.
//!
//! The numbers at the end of `Request-ID` are those of the official list of errors, which has no codes and
//! few sentences. INFERRED(product-coupon-codes): what is missing is refused with 404 RESOURCE_NOT_EXISTS, a
//! coupon that was used already with 400 RESOURCE_ALREADY_EXISTS as a merchant coupon is, and everything else
//! that does not fit its state with 400 INVALID_REQUEST. UNCONFIRMED(product-coupon-words): the sentences
//! that no source prints.

use std::borrow::Cow;

use crate::products::coupon_stocks::caps::{BudgetObstacle, Limit};
use crate::reasons;
use crate::response::Refusal;

mod tail {
    pub(super) const MISSING: u32 = 268_578_608;
    pub(super) const OTHER_DATA: u32 = 268_578_927;
    pub(super) const NOT_SENDING: u32 = 268_577_984;
    pub(super) const USER_LIMIT: u32 = 272_756_740;
    pub(super) const WRONG_STATE: u32 = 268_578_367;
    pub(super) const USED: u32 = 272_756_745;
    pub(super) const DELETED: u32 = 272_756_769;
    pub(super) const EXPIRED: u32 = 268_578_776;
    pub(super) const OUTSIDE_PERIOD: u32 = 272_755_715;
    pub(super) const OUTSIDE_TIMES: u32 = 272_755_717;
    pub(super) const ALL_STORES: u32 = 268_578_813;
    pub(super) const OTHER_STORE: u32 = 268_584_404;
    pub(super) const PARAMETER: u32 = 268_578_224;
}

/// The same number with other data; the sentence is official.
pub(super) fn other_data() -> Refusal {
    Refusal::invalid_request(
        "相同单号但请求数据不一致",
        reasons::number_was_used("this request number", "other parameters"),
    )
    .with_tail(tail::OTHER_DATA)
}

/// The number has made a product coupon from other data. The code is that of the operation's table.
pub(super) fn already_exists() -> Refusal {
    Refusal::new(
        400,
        "ALREADY_EXISTS",
        "商品券已存在",
        "out_request_no has made a product coupon from other data; a new one needs a new number",
    )
    .with_tail(tail::OTHER_DATA)
}

/// A request that is well formed field by field and wrong as a whole.
pub(super) fn parameters(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::param_error("请求参数错误", reason).with_tail(tail::PARAMETER)
}

fn missing(words: &'static str) -> Refusal {
    Refusal::resource_not_exists(words, "the caller has made nothing with this number for this brand")
        .with_tail(tail::MISSING)
}

pub(super) fn no_such_product() -> Refusal {
    missing("商品券不存在")
}

pub(super) fn no_such_stock() -> Refusal {
    missing("商品券批次不存在")
}

pub(super) fn no_such_bundle() -> Refusal {
    missing("商品券批次组不存在")
}

pub(super) fn no_such_coupon() -> Refusal {
    missing("用户商品券不存在")
}

pub(super) fn no_such_task() -> Refusal {
    missing("图片生成任务不存在")
}

pub(super) fn no_address() -> Refusal {
    Refusal::resource_not_exists(
        "未设置事件通知地址",
        "set an address first: POST /v3/marketing/partner/product-coupon/notify-configs",
    )
}

pub(super) fn product_over() -> Refusal {
    Refusal::invalid_request("商品券已失效", "the product coupon was deactivated, which is final")
        .with_tail(tail::WRONG_STATE)
}

/// The stock is in a state that does not allow the step.
pub(super) fn stock_state(reason: &'static str) -> Refusal {
    Refusal::invalid_request("商品券批次状态不正确", reason).with_tail(tail::NOT_SENDING)
}

/// A stock of a bundle is changed and sent with its bundle.
pub(super) fn stock_of_bundle() -> Refusal {
    Refusal::invalid_request(
        "批次属于批次组，请使用批次组接口",
        "the stock belongs to a bundle: use the operation of stock-bundles or coupon-bundles",
    )
}

/// The operation is for product coupons of another usage_mode.
pub(super) fn usage_mode(reason: &'static str) -> Refusal {
    Refusal::invalid_request("商品券使用模式不支持该操作", reason)
}

pub(super) fn code_mode(reason: &'static str) -> Refusal {
    Refusal::invalid_request("券Code分配模式不支持该操作", reason)
}

pub(super) fn code_taken() -> Refusal {
    Refusal::invalid_request(
        "券Code已存在",
        "this coupon code is in the stock already: each code is uploaded or sent once",
    )
}

pub(super) fn no_stored_code() -> Refusal {
    Refusal::invalid_request(
        "批次没有可用的券Code",
        "upload codes first: POST .../stocks/{stock_id}/upload-coupon-codes",
    )
}

pub(super) fn too_many_codes() -> Refusal {
    Refusal::invalid_request(
        "上传的券Code已达上限",
        "a stock takes no more codes than the coupons that it may send (max_count)",
    )
}

pub(super) fn limit(limit: Limit) -> Refusal {
    match limit {
        Limit::User => Refusal::invalid_request(
            "用户领取次数已达上限",
            "this person has max_count_per_user coupons of the stock already",
        )
        .with_tail(tail::USER_LIMIT),
        Limit::Day => Refusal::invalid_request(
            "批次当天发放次数已达上限",
            "max_count_per_day coupons of the stock were sent today",
        ),
        Limit::Stock => {
            Refusal::invalid_request("批次发放次数已达上限", "max_count coupons of the stock were sent")
        }
    }
}

pub(super) fn budget(obstacle: BudgetObstacle) -> Refusal {
    match obstacle {
        BudgetObstacle::NoDailyLimit => {
            parameters("the stock was created without max_count_per_day, and cannot get one")
        }
        BudgetObstacle::NoCurrent => {
            parameters("update_mode needs the current and the target number of its kind")
        }
        BudgetObstacle::OtherCurrent => Refusal::invalid_request(
            "批次发放次数上限的当前值错误",
            "the current number is not that of the stock as it is now: query the stock",
        ),
        BudgetObstacle::BelowSent => parameters(reasons::BELOW_SENT),
    }
}

/// Where the stock is valid is not a list of stores.
pub(super) fn not_specific_stores() -> Refusal {
    Refusal::invalid_request(
        "批次可用门店范围非指定门店",
        "stores belong only to a stock whose store_scope is SPECIFIC",
    )
    .with_tail(tail::ALL_STORES)
}

pub(super) fn other_store() -> Refusal {
    Refusal::invalid_request(
        "门店不可用",
        "the store in store_id is not associated with the stock: associate it, or name another",
    )
    .with_tail(tail::OTHER_STORE)
}

pub(super) fn no_store() -> Refusal {
    Refusal::invalid_request(
        "门店不可用",
        "the stock's store_scope is SPECIFIC: give store_id, a store that is associated with the stock",
    )
    .with_tail(tail::OTHER_STORE)
}

/// The state of the coupon does not allow the step.
pub(super) fn coupon_state(reason: &'static str) -> Refusal {
    Refusal::invalid_request("用户商品券状态不正确", reason).with_tail(tail::WRONG_STATE)
}

pub(super) fn used_already() -> Refusal {
    Refusal::new(
        400,
        "RESOURCE_ALREADY_EXISTS",
        "券已被其他订单核销",
        "the coupon is USED, by another request: only the same out_request_no gets the first response again",
    )
    .with_tail(tail::USED)
}

pub(super) fn deleted() -> Refusal {
    Refusal::invalid_request("用户商品券已被用户删除", reasons::COUPON_DELETED).with_tail(tail::DELETED)
}

pub(super) fn expired() -> Refusal {
    Refusal::invalid_request("用户商品券已过期", "the coupon is EXPIRED: its period has ended")
        .with_tail(tail::EXPIRED)
}

pub(super) fn outside_period(reason: &'static str) -> Refusal {
    Refusal::invalid_request("用户商品券未到可用时间", reason).with_tail(tail::OUTSIDE_PERIOD)
}

pub(super) fn outside_times() -> Refusal {
    Refusal::invalid_request(
        "当前时间不在用户商品券可用时间段内",
        "now is outside weekly_available_period or irregular_available_period_list of the stock",
    )
    .with_tail(tail::OUTSIDE_TIMES)
}

/// A coupon of a bundle, or one of several uses, is not the next one.
pub(super) fn out_of_order(reason: &'static str) -> Refusal {
    Refusal::invalid_request("多次优惠须按次序核销和退回", reason).with_tail(tail::WRONG_STATE)
}
