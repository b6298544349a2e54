//! What this product refuses.
//!
//! The numbers at the end of `Request-ID` are those of the official list of errors, which has no codes and few sentences.
//! INFERRED(product-coupon-codes): what is missing is refused with 404 RESOURCE_NOT_EXISTS, a coupon that was used already with 400
//! RESOURCE_ALREADY_EXISTS as a merchant coupon is, and everything else that does not fit its state with 400 INVALID_REQUEST.
//! UNCONFIRMED(product-coupon-words): the sentences that no source prints.

use std::borrow::Cow;

use crate::products::coupon_stocks::caps::{BudgetObstacle, Limit};
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
    Refusal::invalid_request("相同单号但请求数据不一致").with_tail(tail::OTHER_DATA).with_reason(
        "this request number was used before with other data: repeat the same request, or take a new number",
    )
}

/// The number has made a product coupon from other data. The code is that of the operation's table.
pub(super) fn already_exists() -> Refusal {
    Refusal::new(400, "ALREADY_EXISTS", "商品券已存在")
        .with_tail(tail::OTHER_DATA)
        .with_reason("out_request_no has made a product coupon from other data; a new one needs a new number")
}

/// A request that is well formed field by field and wrong as a whole.
pub(super) fn parameters(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::param_error("请求参数错误").with_tail(tail::PARAMETER).with_reason(reason)
}

fn missing(words: &'static str) -> Refusal {
    Refusal::resource_not_exists(words)
        .with_tail(tail::MISSING)
        .with_reason("the caller has made nothing with this number for this brand")
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
    Refusal::resource_not_exists("未设置事件通知地址")
        .with_reason("set an address first: POST /v3/marketing/partner/product-coupon/notify-configs")
}

pub(super) fn product_over() -> Refusal {
    Refusal::invalid_request("商品券已失效")
        .with_tail(tail::WRONG_STATE)
        .with_reason("the product coupon was deactivated, which is final")
}

/// The stock is in a state that does not allow the step.
pub(super) fn stock_state(reason: &'static str) -> Refusal {
    Refusal::invalid_request("商品券批次状态不正确").with_tail(tail::NOT_SENDING).with_reason(reason)
}

/// A stock of a bundle is changed and sent with its bundle.
pub(super) fn stock_of_bundle() -> Refusal {
    Refusal::invalid_request("批次属于批次组，请使用批次组接口")
        .with_reason("the stock belongs to a bundle: use the operation of stock-bundles or coupon-bundles")
}

/// The operation is for product coupons of another usage_mode.
pub(super) fn usage_mode(reason: &'static str) -> Refusal {
    Refusal::invalid_request("商品券使用模式不支持该操作").with_reason(reason)
}

pub(super) fn code_mode(reason: &'static str) -> Refusal {
    Refusal::invalid_request("券Code分配模式不支持该操作").with_reason(reason)
}

pub(super) fn code_taken() -> Refusal {
    Refusal::invalid_request("券Code已存在")
        .with_reason("this coupon code is in the stock already: each code is uploaded or sent once")
}

pub(super) fn no_stored_code() -> Refusal {
    Refusal::invalid_request("批次没有可用的券Code")
        .with_reason("upload codes first: POST .../stocks/{stock_id}/upload-coupon-codes")
}

pub(super) fn too_many_codes() -> Refusal {
    Refusal::invalid_request("上传的券Code已达上限")
        .with_reason("a stock takes no more codes than the coupons that it may send (max_count)")
}

pub(super) fn limit(limit: Limit) -> Refusal {
    match limit {
        Limit::User => Refusal::invalid_request("用户领取次数已达上限")
            .with_tail(tail::USER_LIMIT)
            .with_reason("this person has max_count_per_user coupons of the stock already"),
        Limit::Day => Refusal::invalid_request("批次当天发放次数已达上限")
            .with_reason("max_count_per_day coupons of the stock were sent today"),
        Limit::Stock => Refusal::invalid_request("批次发放次数已达上限")
            .with_reason("max_count coupons of the stock were sent"),
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
        BudgetObstacle::OtherCurrent => Refusal::invalid_request("批次发放次数上限的当前值错误")
            .with_reason("the current number is not that of the stock as it is now: query the stock"),
        BudgetObstacle::BelowSent => {
            parameters("the target must not be below 1, nor below what was sent already")
        }
    }
}

/// Where the stock is valid is not a list of stores.
pub(super) fn not_specific_stores() -> Refusal {
    Refusal::invalid_request("批次可用门店范围非指定门店")
        .with_tail(tail::ALL_STORES)
        .with_reason("stores belong only to a stock whose store_scope is SPECIFIC")
}

pub(super) fn other_store() -> Refusal {
    Refusal::invalid_request("门店不可用")
        .with_tail(tail::OTHER_STORE)
        .with_reason("the store in store_id is not associated with the stock: associate it, or name another")
}

pub(super) fn no_store() -> Refusal {
    Refusal::invalid_request("门店不可用").with_tail(tail::OTHER_STORE).with_reason(
        "the stock's store_scope is SPECIFIC: give store_id, a store that is associated with the stock",
    )
}

/// The state of the coupon does not allow the step.
pub(super) fn coupon_state(reason: &'static str) -> Refusal {
    Refusal::invalid_request("用户商品券状态不正确").with_tail(tail::WRONG_STATE).with_reason(reason)
}

pub(super) fn used_already() -> Refusal {
    Refusal::new(400, "RESOURCE_ALREADY_EXISTS", "券已被其他订单核销").with_tail(tail::USED).with_reason(
        "the coupon is USED, by another request: only the same out_request_no gets the first response again",
    )
}

pub(super) fn deleted() -> Refusal {
    Refusal::invalid_request("用户商品券已被用户删除")
        .with_tail(tail::DELETED)
        .with_reason("the person has deleted the coupon")
}

pub(super) fn expired() -> Refusal {
    Refusal::invalid_request("用户商品券已过期")
        .with_tail(tail::EXPIRED)
        .with_reason("the coupon is EXPIRED: its period is over")
}

pub(super) fn outside_period(reason: &'static str) -> Refusal {
    Refusal::invalid_request("用户商品券未到可用时间").with_tail(tail::OUTSIDE_PERIOD).with_reason(reason)
}

pub(super) fn outside_times() -> Refusal {
    Refusal::invalid_request("当前时间不在用户商品券可用时间段内")
        .with_tail(tail::OUTSIDE_TIMES)
        .with_reason("now is outside weekly_available_period or irregular_available_period_list of the stock")
}

/// A coupon of a bundle, or one of several uses, is not the next one.
pub(super) fn out_of_order(reason: &'static str) -> Refusal {
    Refusal::invalid_request("多次优惠须按次序核销和退回").with_tail(tail::WRONG_STATE).with_reason(reason)
}
