//! SendRequest (向用户发券): a coupon of a running stock to a user, within the stock's limits.

use serde_json::{Value, json};

use super::callbacks::{self, Callback};
use super::coupon::{self, Condition, Coupon};
use super::definition::CodeMode;
use super::refusals;
use super::stock::{self, Sent, Stock, StockState};
use super::unconfirmed::words;
use crate::contract::ValidRequest;
use crate::merchants::Account;
use crate::products::users::check_user_exists;
use crate::products::{Context, Decided, Decision, HandlerError, carry_out, idempotently};
use crate::response::Refusal;
use crate::store::{IdempotencyKey, StoreError, Transaction};

pub(super) fn send_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = SendRequest::read(context.request);
    // The number must be unique within one stock and one user; neither can hold the separator.
    let scope = format!("{}\n{}", request.stock_id, request.openid);
    let key = IdempotencyKey { operation: "send", scope: &scope, request_no: &request.out_request_no };
    idempotently(tx, context, &key, refusals::other_parameters, || {
        let situation = Situation::read(tx, context, &request)?;
        carry_out(tx, send(context.caller, &request, situation, context.now)?)
    })
}

/// What a send asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SendRequest {
    pub(crate) stock_id: String,
    pub(crate) openid: String,
    pub(crate) appid: String,
    pub(crate) out_request_no: String,
    pub(crate) coupon_code: Option<String>,
}

impl SendRequest {
    pub(crate) fn read(request: &ValidRequest) -> Self {
        Self {
            stock_id: request.required("stock_id").to_owned(),
            openid: request.required("openid").to_owned(),
            appid: request.required("appid").to_owned(),
            out_request_no: request.required("out_request_no").to_owned(),
            coupon_code: request.text("coupon_code").map(str::to_owned),
        }
    }
}

/// What is known when a send is decided.
#[derive(Debug)]
pub(crate) struct Situation {
    pub(crate) stock: Option<(Stock, Sent)>,
    /// How many coupons of the stock the user has received, whatever became of them.
    pub(crate) received_by_user: i64,
    /// Whether the stock has a coupon with the code that the request says.
    pub(crate) code_is_taken: bool,
    /// A code that no coupon has.
    pub(crate) fresh_code: String,
    /// Where the stock's creator is notified.
    pub(crate) callback: Option<Callback>,
}

impl Situation {
    fn read(tx: &Transaction<'_>, context: &Context<'_>, request: &SendRequest) -> Result<Self, StoreError> {
        let stock = stock::find_with_sent(tx, &request.stock_id)?;
        let callback = match &stock {
            Some((stock, _)) => callbacks::find(tx, &stock.creator)?,
            None => None,
        };
        let code_is_taken = match &request.coupon_code {
            Some(code) => coupon::find(tx, &request.stock_id, code)?.is_some(),
            None => false,
        };
        Ok(Self {
            stock,
            received_by_user: coupon::count_of_user(tx, &request.stock_id, &request.openid)?,
            code_is_taken,
            fresh_code: fresh_code(tx, context)?,
            callback,
        })
    }
}

/// 22 digits as the platform makes them: a serial keeps them apart, chance keeps them from being guessed.
fn fresh_code(tx: &Transaction<'_>, context: &Context<'_>) -> Result<String, StoreError> {
    Ok(format!("1{}{:010}", context.entropy.digits(11), tx.next_number("coupon code")?))
}

/// Sends a coupon.
///
/// INFERRED(send-checks): the order of checks: the stock exists, the caller may send it, it runs, appid and user, code mode, then the limits from
/// the narrowest to the widest.
pub(crate) fn send(
    caller: &Account,
    request: &SendRequest,
    situation: Situation,
    now: i64,
) -> Decided<(Sent, Coupon)> {
    let (stock, sent) = situation.stock.ok_or_else(refusals::no_such_stock)?;
    if stock.creator != caller.mchid {
        return Err(refusals::sender_has_no_right());
    }
    if stock.state_at(now) != StockState::Running {
        return Err(Refusal::invalid_request(words::NOT_RUNNING));
    }
    caller.check_appid(&request.appid)?;
    check_user_exists(&request.openid)?;
    let code = code(&stock, request, situation.code_is_taken, situation.fresh_code)?;
    check_limits(&stock, &sent, situation.received_by_user, now)?;
    let coupon = Coupon {
        stock_id: stock.id.clone(),
        creator: stock.creator.clone(),
        belong_merchant: stock.definition.belong_merchant().to_owned(),
        code,
        openid: request.openid.clone(),
        sender: caller.mchid.clone(),
        send_request_no: request.out_request_no.clone(),
        receive_time: now,
        window: stock.definition.validity.window(now),
        condition: Condition::Sent,
        association: None,
        returned: None,
    };
    let response = response(&coupon);
    let announcements =
        situation.callback.iter().map(|callback| callback.announce_send(&stock, &coupon)).collect();
    Ok(Decision { announcements, ..Decision::new((sent.one_more(now), coupon), response) })
}

/// The coupon's code, by the stock's code mode.
fn code(stock: &Stock, request: &SendRequest, is_taken: bool, fresh: String) -> Result<String, Refusal> {
    match (stock.definition.code_mode, &request.coupon_code) {
        (CodeMode::WechatPay, None) => Ok(fresh),
        (CodeMode::MerchantApi, Some(_)) if is_taken => Err(Refusal::invalid_request(words::CODE_TAKEN)),
        (CodeMode::MerchantApi, Some(code)) => Ok(code.clone()),
        (CodeMode::MerchantApi, None) => Err(refusals::code_is_needed()),
        // Uploading codes has no behaviour here yet, so a stock of this mode never has one.
        (CodeMode::MerchantUpload, None) => Err(refusals::limit_reached(words::NO_STORED_CODE).with_reason(
            "uploading codes is answered with an example here, so no stock of MERCHANT_UPLOAD has any",
        )),
        (CodeMode::WechatPay | CodeMode::MerchantUpload, Some(_)) => Err(refusals::wrong_code_mode()),
    }
}

fn check_limits(stock: &Stock, sent: &Sent, received_by_user: i64, now: i64) -> Result<(), Refusal> {
    let caps = &stock.definition.caps;
    if received_by_user >= caps.by_user {
        return Err(refusals::limit_reached(words::USER_LIMIT));
    }
    if caps.by_day.is_some_and(|cap| sent.today(now) >= cap) {
        return Err(refusals::limit_reached(words::DAY_LIMIT));
    }
    if sent.total >= caps.total {
        return Err(refusals::limit_reached(words::STOCK_LIMIT));
    }
    Ok(())
}

/// INFERRED(send-response): the official SDKs read the result nested, third-party pages print its members flat. Generated SDKs come from the
/// real definition.
fn response(coupon: &Coupon) -> Value {
    json!({ "send_coupon_result": {
        "stock_id": coupon.stock_id,
        "out_request_no": coupon.send_request_no,
        "coupon_code": coupon.code,
    } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;
    use crate::products::merchant_coupons::fixtures::{APPID, CALLER, NOW, OPENID, a_stock, stranger};

    fn request() -> SendRequest {
        SendRequest {
            stock_id: a_stock().id,
            openid: OPENID.to_owned(),
            appid: APPID.to_owned(),
            out_request_no: "s1".to_owned(),
            coupon_code: None,
        }
    }

    fn situation(stock: Stock) -> Situation {
        let sent = Sent::new(&stock.id);
        Situation {
            stock: Some((stock, sent)),
            received_by_user: 0,
            code_is_taken: false,
            fresh_code: "1".repeat(22),
            callback: None,
        }
    }

    fn code_of(refusal: Refusal) -> (u16, &'static str, String) {
        (refusal.status, refusal.code, refusal.message.into_owned())
    }

    #[test]
    fn a_running_stock_gives_a_coupon_and_counts_it() {
        let ((sent, coupon), response) =
            send(&CALLER, &request(), situation(a_stock()), NOW).unwrap().parts();
        assert_eq!(sent.total, 1);
        assert_eq!(coupon.code, "1".repeat(22));
        let result = json!({ "stock_id": a_stock().id, "out_request_no": "s1", "coupon_code": coupon.code });
        assert_eq!(response, json!({ "send_coupon_result": result }));
    }

    #[test]
    fn without_a_stock_nothing_is_sent() {
        let situation = Situation { stock: None, ..situation(a_stock()) };
        let refusal = send(&CALLER, &request(), situation, NOW).unwrap_err();
        assert_eq!(code_of(refusal), (404, "RESOURCE_NOT_EXISTS", "批次不存在".to_owned()));
    }

    #[test]
    fn another_merchant_may_not_send() {
        let refusal = send(&stranger(), &request(), situation(a_stock()), NOW).unwrap_err();
        assert_eq!(code_of(refusal), (403, "NO_AUTH", "发券商户无权限使用此API".to_owned()));
    }

    #[test]
    fn a_stock_that_does_not_run_is_not_sent() {
        for state in [StockState::Unaudit, StockState::Paused, StockState::Stoped] {
            let stock = Stock { state, ..a_stock() };
            let refusal = send(&CALLER, &request(), situation(stock), NOW).unwrap_err();
            assert_eq!((refusal.status, refusal.code), (400, "INVALID_REQUEST"));
        }
        let over = a_stock().definition.validity.end + 1;
        assert_eq!(
            send(&CALLER, &request(), situation(a_stock()), over).unwrap_err().code,
            "INVALID_REQUEST"
        );
    }

    #[test]
    fn appid_and_openid_must_be_known() {
        let foreign = SendRequest { appid: "wx0000000000000000".to_owned(), ..request() };
        let refusal = send(&CALLER, &foreign, situation(a_stock()), NOW).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, "APPID_MCHID_NOT_MATCH"));
        let nobody = SendRequest { openid: "nobody".to_owned(), ..request() };
        let refusal = send(&CALLER, &nobody, situation(a_stock()), NOW).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (404, "USER_NOT_EXISTS"));
    }

    #[test]
    fn the_code_comes_from_where_the_mode_says() {
        let mode = |code_mode| {
            let mut stock = a_stock();
            stock.definition.code_mode = code_mode;
            stock
        };
        let named = SendRequest { coupon_code: Some("VIP-1".to_owned()), ..request() };
        let refused = |stock, request: &SendRequest| {
            send(&CALLER, request, situation(stock), NOW).unwrap_err().message.into_owned()
        };
        let decision = send(&CALLER, &named, situation(mode(CodeMode::MerchantApi)), NOW).unwrap();
        let (_, coupon) = decision.changed;
        assert_eq!(coupon.code, "VIP-1");
        assert_eq!(refused(mode(CodeMode::MerchantApi), &request()), "发券需指定code");
        assert_eq!(refused(mode(CodeMode::WechatPay), &named), "发券模式不合法");
        assert_eq!(refused(mode(CodeMode::MerchantUpload), &named), "发券模式不合法");
        let taken = Situation { code_is_taken: true, ..situation(mode(CodeMode::MerchantApi)) };
        assert_eq!(send(&CALLER, &named, taken, NOW).unwrap_err().code, "INVALID_REQUEST");
    }

    #[test]
    fn each_limit_holds_exactly() {
        let limits = |received, sent_today, sent| {
            let mut stock = a_stock();
            stock.definition.caps.by_day = Some(3);
            let day = crate::clock::day(NOW);
            let sent = Sent { stock_id: stock.id.clone(), total: sent, day, on_day: sent_today };
            let stock = Some((stock, sent));
            let situation = Situation { received_by_user: received, stock, ..situation(a_stock()) };
            send(&CALLER, &request(), situation, NOW)
                .map(|_| ())
                .map_err(|refusal| refusal.message.into_owned())
        };
        assert_eq!(limits(4, 2, 99), Ok(()));
        assert_eq!(limits(5, 2, 99), Err(words::USER_LIMIT.to_owned()));
        assert_eq!(limits(4, 3, 99), Err(words::DAY_LIMIT.to_owned()));
        assert_eq!(limits(4, 2, 100), Err(words::STOCK_LIMIT.to_owned()));
    }

    #[test]
    fn a_daily_limit_is_new_every_day() {
        let mut stock = a_stock();
        stock.definition.caps.by_day = Some(1);
        let sent_at = |sent: Sent, now| {
            let situation = Situation { stock: Some((stock.clone(), sent)), ..situation(a_stock()) };
            send(&CALLER, &request(), situation, now).map(|decision| decision.changed.0)
        };
        let sent = sent_at(Sent::new(&stock.id), NOW).unwrap();
        assert!(sent_at(sent.clone(), NOW).is_err());
        let sent = sent_at(sent, NOW + DAY).unwrap();
        assert_eq!((sent.total, sent.on_day), (2, 1));
    }
}
