//! Why something is refused, where several products or pages say the same: one wording for each mistake.
//!
//! Sentences of one product are in its `refusals`. `tests/platform/source_code.rs` finds what is written twice.

pub(crate) const NO_EXAMPLE: &str =
    "the sandbox has no behaviour for this operation, and --no-examples forbids an example";

pub(crate) const QUERY_NOT_UTF8: &str = "the query is not percent-encoded UTF-8";

/// The certificate (商户API证书) of a merchant.
pub(crate) const NOT_YET_VALID: &str = "the merchant certificate is not valid yet";

pub(crate) const CLOCK_IS_MOVED: &str = "another call is moving the clock; try again when it has finished";

pub(crate) const STATE_IS_EXCHANGED: &str =
    "another node replaces the state again and again (reset or restore)";

/// Of an amount in a JSON text.
pub(crate) const FEN_IN_JSON: &str = "a number of fen without quotes, at least 1";

/// The account (账户) of a person is frozen or cancelled.
pub(crate) const ACCOUNT_DOES_NOT_WORK: &str = "the account of the person is frozen or cancelled: weipay sandbox person account OPENID normal changes it";

pub(crate) const APPID_NOT_BOUND: &str = "the appid must be bound to the merchant: use the appid of its kit, or weipay sandbox merchant bind MCHID --appid APPID";

/// Nothing has so much money.
pub(crate) const ACCOUNT_IS_FULL: &str = "the account cannot hold so much money";

pub(crate) const NOT_THE_PARTNER: &str = "the caller does not act for this sub-merchant: weipay sandbox merchant bind MCHID --sub-merchant SUB_MCHID adds it; MCHID is then a partner and cannot sell for itself";

pub(crate) const NUMBERS_OF_TWO_ORDERS: &str = "transaction_id and out_trade_no belong to different orders";

/// Of a request that names no sub-merchant.
pub(crate) const ORDER_OF_SUB_MERCHANT: &str = "the order is one of a sub-merchant: send its sub_mchid";

/// Of what a platform does after a refund.
pub(crate) const NO_REFUND_OF_ORDER: &str = "refund_id must be of a refund of this order that is not closed";

/// Of a query by a number that nothing has.
pub(crate) const NOTHING_HAS_NUMBER: &str =
    "this merchant has no record with this number from the last 30 days; a refused request creates none";

pub(crate) const ORDER_WAS_CLOSED: &str = "the order with this out_trade_no was closed: take a new number";

pub(crate) const NAME_NOT_ALLOWED: &str = "user_name may not be sent with less than 30 fen";
pub(crate) const NAME_NEEDED: &str = "user_name must be sent with 200000 fen or more";

pub(crate) const STOCK_OF_THE_PAST: &str = "available_end_time has passed by the sandbox's clock";
pub(crate) const BELOW_SENT: &str = "the target must not be below 1, nor below what was sent already";
pub(crate) const PERSON_HAS_ENOUGH: &str =
    "this person has max_coupons_per_user coupons of the stock already";
pub(crate) const COUPON_DELETED: &str = "the person has deleted the coupon";
pub(crate) const NO_COUPON_TO_DELETE: &str = "no person has a coupon with this code that can be deleted";
pub(crate) const NO_COUPON_STATE: &str = "coupon_state is not a state of a coupon";

/// The advice where several merchants have used a number, and the request can name the merchant.
pub(crate) const SAY_WHOSE: &str = "give the merchant ID (--mchid, or `mchid` in the control API)";

/// A sentence of the platform, known from a public report: a number of a transfer is not retried any more.
pub(crate) const RETRY_TIME_IS_OVER: &str = "对应单号已超出重试期,请查单确认后决定是否换单请求";

/// The request's own number (商户单号) was used before, `with` something else. The text never suggests a new number, because
/// that would execute the operation twice.
pub(crate) fn number_was_used(number: &str, with: &str) -> String {
    format!(
        "{number} was used before with {with}: repeat the first request exactly; a new number would execute it a second time"
    )
}

/// A number is that of several merchants. `instead` is what tells them apart.
pub(crate) fn several_merchants(instead: &str) -> String {
    format!("several merchants have used this number: {instead}")
}

pub(crate) fn no_merchant(mchid: &str) -> String {
    let mchid = mchid.escape_debug();
    format!("no merchant of the sandbox has the number {mchid}: weipay sandbox merchant list shows all")
}
