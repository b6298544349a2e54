//! Cash coupons by APIv2: the same stocks and coupons as by APIv3, in the elements and codes of the older version. A coupon that
//! one version sent is seen by the other, and a number that one has used is used for both.
//!
//! UNCONFIRMED(v2-coupon-codes): the codes that no page lists, and the sentences. A stock of somebody else is one
//! that is not there. A number that was used for something else is refused as a person who has enough is:
//! whoever is told so asks what was sent before anything is sent again.

use serde_json::{Map, Value, json};

use super::coupon::{self, CouponState};
use super::listing::find_coupon;
use super::stock::{self, Stock, StockState};
use crate::clock;
use crate::contract::ValidRequest;
use crate::products::payments::v2::codes::{Codes, row, saying};
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

const SEND: Codes = Codes::new(
    &[
        saying("NOT_ENOUGH", "", "STOCK_AMOUNT_NOT_ENOUGH", "代金券批次可用预算不足"),
        saying("RULE_LIMIT", "发券超过单天限额", "STOCK_AMOUNT_NOT_ENOUGH", ""),
        saying("RULE_LIMIT", "", "USER_AL_GET_COUPON", "你已领取过该代金券"),
        saying("INVALID_REQUEST", "商户单据号已使用，且参数与之前不一致", "USER_AL_GET_COUPON", ""),
        saying("INVALID_REQUEST", "暂时无法领取,请联系商家处理。", "USER_AL_GET_COUPON", ""),
        saying("INVALID_REQUEST", "活动已结束或未激活", "AL_STOCK_OVER", ""),
        saying("INVALID_REQUEST", "活动未开始或已结束", "AL_STOCK_OVER", ""),
        row(NO_STOCK, NO_STOCK),
    ],
    "PARAM_ERROR",
);

const STOCK: Codes = Codes::new(&[], NO_STOCK);

const COUPON: Codes =
    Codes::new(&[row("RESOURCE_NOT_EXISTS", "COUPON_NOT_FOUND"), row(NO_STOCK, NO_STOCK)], "PARAM_ERROR");

const NO_STOCK: &str = "COUPON_STOCK_ID_NOT_VALID";

/// The documents of APIv3 say nothing of these operations.
fn in_words_of(codes: &Codes, error: HandlerError) -> HandlerError {
    codes.translate(error.map_refusal(|refusal| Refusal { documented: None, ..refusal }))
}

/// 发放代金券: to one person, as the same request of APIv3 does it.
pub(super) fn send_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    send(tx, context).map_err(|error| in_words_of(&SEND, error))
}

fn send(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    if request.body.get("openid_count").and_then(Value::as_i64) != Some(1) {
        let reason = "openid_count must be 1: one request sends to one person";
        return Err(Refusal::new(200, "PARAM_ERROR", "invalid openid_count", reason).into());
    }
    let stock = own_stock(tx, context)?;
    let openid = request.required("openid");
    let members = [
        ("stock_id", stock.id.as_str()),
        ("out_request_no", request.required("partner_trade_no")),
        ("appid", request.required("appid")),
        ("stock_creator_mchid", &stock.creator),
    ];
    let body: Map<_, _> = members.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let of_v3 = ValidRequest::from_path_and_body(vec![("openid", openid.to_owned())], body);
    let sent = coupon::send_coupon(tx, &context.with_request(&of_v3))?;
    Ok(json!({
        "coupon_stock_id": stock.id,
        "resp_count": 1,
        "success_count": 1,
        "failed_count": 0,
        "openid": openid,
        "ret_code": "SUCCESS",
        "coupon_id": sent["coupon_id"],
        "ret_msg": "OK",
    }))
}

/// 查询代金券批次. The last three elements are as recorded (<https://github.com/lokielse/omnipay-wechatpay/pull/108>, 2019).
/// INFERRED(v2-coupon-scope): GLOBAL and COUPON were seen; the other words are those of a payment's discounts.
pub(super) fn query_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let stock = own_stock(tx, context);
    let stock = stock.map_err(|error| in_words_of(&STOCK, error))?;
    let times = [("begin_time", stock.begin), ("end_time", stock.end), ("create_time", stock.created)];
    let mut shown = json!({
        "coupon_stock_id": stock.id,
        "coupon_name": stock.name(),
        "coupon_value": stock.coupon_amount,
        "coupon_mininumn": stock.transaction_minimum,
        "coupon_stock_status": status(stock.state),
        "coupon_total": stock.max_coupons,
        "max_quota": stock.max_per_user,
        "is_send_num": stock.sent,
        "coupon_budget": stock.budget(),
        "coupon_stock_desc": stock.description(),
        "scope": if stock.items().is_empty() { "GLOBAL" } else { "SINGLE" },
        "favor_type": if stock.no_cash { "DISCOUNT" } else { "COUPON" },
    });
    for (name, time) in times {
        shown[name] = json!(time.to_string());
        shown[format!("{name}_t")] = json!(clock::compact(time));
    }
    Ok(shown)
}

/// `coupon_stock_status`: 未激活, 已激活, 中止发放 or 已作废. UNCONFIRMED(v2-coupon-stock-status): the last two for a
/// stock that is paused and one that has ended; the numbers are those that public clients have.
const fn status(state: StockState) -> i64 {
    match state {
        StockState::Unactivated => 1,
        StockState::Running => 4,
        StockState::Stoped => 8,
        StockState::Paused => 16,
    }
}

/// 查询代金券信息.
pub(super) fn query_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    show_coupon(tx, context).map_err(|error| in_words_of(&COUPON, error))
}

/// INFERRED(v2-coupon-remainder): a coupon is used once, so that nothing of it remains.
fn show_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let whose = (request.required("openid"), request.required("appid"));
    let (coupon, stock) = find_coupon(tx, context.caller, whose, request.required("coupon_id"))?;
    if coupon.stock_id != request.required("stock_id") {
        return Err(no_such_stock("the coupon is of another stock than stock_id").into());
    }
    let state = coupon.state_at(context.now);
    let remains = if state == CouponState::Used { 0 } else { stock.coupon_amount };
    Ok(json!({
        "coupon_stock_id": stock.id,
        "coupon_id": coupon.id,
        "coupon_value": stock.coupon_amount,
        "coupon_mininumn": stock.transaction_minimum,
        "coupon_name": stock.name(),
        "coupon_state": state.word(),
        "coupon_desc": stock.description(),
        "coupon_use_value": coupon.used.as_ref().map_or(0, |used| used.fen),
        "coupon_remain_value": remains,
        "send_source": "NORMAL",
    }))
}

fn own_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Stock, HandlerError> {
    let stock = stock::find(tx, context.request.required("coupon_stock_id"))?;
    let own = stock.filter(|stock| stock.creator == context.caller.mchid);
    Ok(own.ok_or_else(|| no_such_stock("no stock that this mch_id created has this coupon_stock_id"))?)
}

fn no_such_stock(reason: &'static str) -> Refusal {
    Refusal::new(200, NO_STOCK, "批次id不正确", reason)
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn every_code_is_one_of_its_operation() {
        for (path, codes) in
            [("send_coupon", SEND), ("query_coupon_stock", STOCK), ("querycouponsinfo", COUPON)]
        {
            let operation =
                Catalog::embedded().find("POST", &format!("v2/mmpaymkttransfers/{path}")).unwrap();
            for code in codes.known() {
                assert!(operation.error_codes().any(|known| known.code == code), "{path}: {code}");
            }
        }
    }
}
