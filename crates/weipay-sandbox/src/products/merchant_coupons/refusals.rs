//! Errors of this product, with the platform's sentences where they are known.

use std::borrow::Cow;

use super::coupon::CouponState;
use super::unconfirmed::{RULE_LIMIT, words};
use crate::reasons;
use crate::response::{DocumentedRefusal, Refusal, tail};

/// A number that was used before, with other parameters. INFERRED(other-parameters) from neighbouring products.
pub(crate) fn other_parameters() -> Refusal {
    Refusal::invalid_request(
        words::OTHER_PARAMETERS,
        reasons::number_was_used("this request number", "other parameters"),
    )
}

/// The response to a request that is well formed field by field and wrong as a whole; seen on create stock.
pub(crate) fn request_parameters(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::param_error("请求参数错误", reason)
}

/// `out_request_no` was used for another stock. The sentence is that of the official FAQ;
/// INFERRED(stock-again): the code, from the twin of another product.
pub(crate) fn other_stock() -> Refusal {
    const OF_THE_TABLE: DocumentedRefusal = DocumentedRefusal {
        status: 400,
        code: "RESOURCE_ALREADY_EXISTS",
        message: "批次已存在",
        tail: crate::response::tail::UNEXPLAINED,
    };
    Refusal::invalid_request(
        "创建请求重入,但本次请求与上次请求信息不一致",
        "this out_request_no was already used to create another stock; a new stock needs a new number",
    )
    .with_documented(&OF_THE_TABLE)
}

/// A list of a user's coupons for nobody; recorded.
pub(crate) fn no_role() -> Refusal {
    Refusal::param_error(
        "创建方商户、归属方商户、发放方商户,必须至少填一个",
        "the caller must name itself in creator_merchant, belong_merchant or sender_merchant",
    )
}

pub(crate) fn no_such_stock() -> Refusal {
    Refusal::resource_not_exists(
        "批次不存在",
        "no stock has this stock_id; stocks are numbered when they are created, and each sandbox and each reset starts numbering again",
    )
}

/// INFERRED(callback-missing): an address for notifications that was never set.
pub(crate) fn no_callback() -> Refusal {
    Refusal::resource_not_exists(
        words::NO_CALLBACK,
        "set an address first: POST /v3/marketing/busifavor/callbacks",
    )
}

pub(crate) fn unknown_merchant() -> Refusal {
    Refusal::new(
        400,
        "MCH_NOT_EXISTS",
        words::UNKNOWN_MERCHANT,
        "belong_merchant must be the caller, or a sub-merchant of it: weipay sandbox merchant bind MCHID --sub-merchant SUB_MCHID adds one",
    )
}

/// A partner that the platform does not know. INFERRED(partner-code): the code; the sentence is that of a table.
pub(crate) fn unknown_partner() -> Refusal {
    Refusal::new(
        400,
        "MCH_NOT_EXISTS",
        "商户号不存在",
        "partner.merchant_id must be a merchant of the sandbox: add it first",
    )
    .with_tail(tail::NO_SUCH_MERCHANT)
}

pub(crate) fn no_such_partnership() -> Refusal {
    Refusal::resource_not_exists(
        words::NO_PARTNERSHIP,
        "no partnership was built with this partner for this business type: POST /v3/marketing/partnerships/build",
    )
}

/// A receipt of a subsidy that was never made.
pub(crate) fn no_such_receipt() -> Refusal {
    Refusal::resource_not_exists(words::NO_RECEIPT, "no subsidy of this coupon has this number")
}

/// The caller may not pay, return or see subsidies of this coupon; recorded.
pub(crate) fn no_right_on_subsidy() -> Refusal {
    Refusal::no_auth(
        "无权限使用此API",
        "only the creator of a stock and the merchant that it belongs to subsidise its coupons",
    )
}

/// The sender neither created the stock nor was authorised to send it.
pub(crate) fn sender_has_no_right() -> Refusal {
    Refusal::no_auth(
        "发券商户无权限使用此API",
        "only the creator of the stock, or a partner that it has authorised (POST /v3/marketing/partnerships/build), \
         can send its coupons",
    )
}

/// The caller may not operate this coupon.
pub(crate) fn no_right_on_coupon() -> Refusal {
    Refusal::no_auth(
        "商户无权限操作该券",
        "only the creator of the stock (stock_creator_mchid) and the merchant that it belongs to (belong_merchant) operate its coupons, and the caller is neither",
    )
}

/// The caller may not see this stock.
pub(crate) fn no_right_on_stock() -> Refusal {
    Refusal::no_auth(
        "商户无权限操作该券",
        "a stock is shown to its creator, to the merchant that it belongs to (belong_merchant), and to partners whom the creator lets send it",
    )
}

/// The caller may not see this coupon.
pub(crate) fn no_right_to_see_coupon() -> Refusal {
    Refusal::no_auth(
        "商户无权限操作该券",
        "a coupon is shown to the creator of its stock, to the merchant that the stock belongs to, and to its sender",
    )
}

pub(crate) fn wrong_code_mode() -> Refusal {
    Refusal::invalid_request(
        "发券模式不合法",
        "coupon_code may be given only for a stock whose coupon_code_mode is MERCHANT_API",
    )
}

/// A code that was never uploaded, or was deleted.
pub(crate) fn no_such_code() -> Refusal {
    Refusal::resource_not_exists(
        words::NO_SUCH_CODE,
        "the stock has no such code, or it was deleted: POST /v3/marketing/busifavor/stocks/{stock_id}/couponcodes uploads codes",
    )
}

pub(crate) fn code_is_needed() -> Refusal {
    Refusal::invalid_request(
        "发券需指定code",
        "the stock has coupon_code_mode MERCHANT_API, so each send must give a coupon_code",
    )
}

/// A limit of the stock; the plugin's names for them are MAXQUOTA, DAYLIMIT and NOTENOUGH. INFERRED(send-limit): the code.
pub(crate) fn limit_reached(words: &'static str, reason: &'static str) -> Refusal {
    Refusal::new(403, RULE_LIMIT, words, reason)
}

/// The coupon is not inside its usable period.
pub(crate) fn outside_period(reason: &'static str) -> Refusal {
    Refusal::new(403, RULE_LIMIT, "券不在有效期", reason)
}

/// The coupon was used under another number; seen for real.
pub(crate) fn used_by_another_order() -> Refusal {
    Refusal::new(
        400,
        "RESOURCE_ALREADY_EXISTS",
        "券已被其他订单核销",
        "the coupon is USED, by another use_request_no: only the same number gets the first response again",
    )
}

const NO_SUCH_COUPON: &str = "no coupon has this coupon_code in this stock_id; the code is what send responded or the merchant uploaded";

/// A missing coupon, as associate and disassociate refuse it: 400, unlike the rest of the family.
pub(crate) fn no_such_coupon_to_associate() -> Refusal {
    Refusal::invalid_request("券不存在", NO_SUCH_COUPON)
}

/// A missing coupon, as everything else refuses it.
pub(crate) fn no_such_coupon() -> Refusal {
    Refusal::resource_not_exists("券不存在", NO_SUCH_COUPON)
}

pub(crate) fn coupon_deleted() -> Refusal {
    Refusal::resource_not_exists("券已被删除", reasons::COUPON_DELETED)
}

/// The coupon is not in the state `SENDED`.
pub(crate) fn not_usable(state: CouponState) -> Refusal {
    Refusal::invalid_request(
        "券状态非可用态",
        format!("only a coupon whose coupon_state is SENDED is usable; this one is {}", state.word()),
    )
}
