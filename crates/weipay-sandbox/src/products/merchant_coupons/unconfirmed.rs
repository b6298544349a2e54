//! Choices that no source settles. A recorded exchange can correct each in one place.
//!
//! Values and sentences stand here. A choice of behaviour is marked where it is made, with its name: `INFERRED(name)` when it was
//! concluded from something similar, else `UNCONFIRMED(name)`. Users read all of this in `docs/sandbox-choices.md`, and a test
//! compares the two.

use super::stock::StockState;

/// INFERRED: a stock can be sent from at once. `UNAUDIT` is documented, how long it lasts is not.
pub(crate) const STATE_AFTER_CREATION: StockState = StockState::Running;

/// The code for a coupon outside its usable period. The page of 2020 prints `RULELIMIT`; INFERRED to have gained an
/// underscore on the wire, as `NOAUTH` did.
pub(crate) const RULE_LIMIT: &str = "RULE_LIMIT";

/// UNCONFIRMED: the size of a page when `limit` is missing. One real call got 20.
pub(crate) const DEFAULT_PAGE_SIZE: i64 = 20;
/// UNCONFIRMED: the largest page; documented for a sister list only.
pub(crate) const MAX_PAGE_SIZE: i64 = 50;

/// UNCONFIRMED: how many codes of a stock can be uploaded. There is a limit, and no source has the number.
pub(crate) const MAX_STORED_CODES: i64 = 10_000_000;

/// UNCONFIRMED: what a code with other characters is refused with in an upload, beside the known `LENGTH_LIMIT`.
pub(crate) const ILLEGAL_CODE: &str = "PARAM_ERROR";

/// UNCONFIRMED: how many subsidies one coupon can get before they fail with `EXCEED_SUBSIDY_COUNT_QUOTA`.
pub(crate) const MAX_SUBSIDIES: usize = 20;

/// UNCONFIRMED: how many receipts a list has at most; it has no pages.
pub(crate) const MAX_LISTED_RECEIPTS: i64 = 50;

/// Sentences that no source prints.
pub(crate) mod words {
    /// UNCONFIRMED.
    pub(crate) const NOT_ASSOCIATED: &str = "券未关联该订单";
    /// UNCONFIRMED.
    pub(crate) const ASSOCIATED_WITH_ANOTHER: &str = "券已关联其他订单";
    /// UNCONFIRMED.
    pub(crate) const OTHER_PARAMETERS: &str = "请求单号已存在，但请求参数与之前不一致";
    /// UNCONFIRMED.
    pub(crate) const NOT_RUNNING: &str = "批次状态非运行中";
    /// UNCONFIRMED.
    pub(crate) const USER_LIMIT: &str = "用户领取张数已达上限";
    /// UNCONFIRMED.
    pub(crate) const DAY_LIMIT: &str = "批次当天发放张数已达上限";
    /// UNCONFIRMED.
    pub(crate) const STOCK_LIMIT: &str = "批次发放张数已达上限";
    /// UNCONFIRMED.
    pub(crate) const NO_STORED_CODE: &str = "批次没有可用的预存code";
    /// UNCONFIRMED.
    pub(crate) const NO_PARTNERSHIP: &str = "合作关系不存在";
    /// UNCONFIRMED.
    pub(crate) const NO_RECEIPT: &str = "补差单不存在";
    /// UNCONFIRMED.
    pub(crate) const NO_ORDER: &str = "订单不存在或未支付";
    /// UNCONFIRMED.
    pub(crate) const NO_REFUND: &str = "退款单不存在";
    /// UNCONFIRMED.
    pub(crate) const RETURN_TOO_MUCH: &str = "回退金额超过补差付款金额";
    /// UNCONFIRMED.
    pub(crate) const NO_SUCH_CODE: &str = "预存code不存在";
    /// UNCONFIRMED.
    pub(crate) const CODE_DISPATCHED: &str = "预存code已发放，不能删除";
    /// UNCONFIRMED.
    pub(crate) const TOO_MANY_CODES: &str = "上传的自定义code已达上限";
    /// UNCONFIRMED.
    pub(crate) const CODE_LENGTH: &str = "code长度超过限制";
    /// UNCONFIRMED.
    pub(crate) const ILLEGAL_CODE: &str = "code含有不支持的字符";
    /// UNCONFIRMED.
    pub(crate) const NO_PRODUCT: &str = "批次未关联商品信息";
    /// UNCONFIRMED.
    pub(crate) const CODE_TAKEN: &str = "券code已存在";
    /// UNCONFIRMED.
    pub(crate) const NOT_USED: &str = "券未核销";
    /// UNCONFIRMED.
    pub(crate) const OTHER_USER: &str = "券不属于该用户";
    /// UNCONFIRMED.
    pub(crate) const DEACTIVATED: &str = "券已失效";
    /// UNCONFIRMED.
    pub(crate) const STOCK_IS_OVER: &str = "批次已结束";
    /// Seen; the status and the code beside it are INFERRED.
    pub(crate) const OTHER_BUDGET: &str = "批次库存的当前值错误，请获取批次详情查看最新值";
    /// UNCONFIRMED.
    pub(crate) const UNKNOWN_MERCHANT: &str = "商户号不存在";
    /// UNCONFIRMED.
    pub(crate) const NO_CALLBACK: &str = "未设置事件通知地址";
    /// UNCONFIRMED.
    pub(crate) const OTHER_CALLBACK: &str = "商户无权限操作该事件通知地址";
}
