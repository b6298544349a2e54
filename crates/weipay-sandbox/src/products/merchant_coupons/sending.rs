//! Sending (向用户发券): a coupon of a running stock to a user, within the stock's limits. Merchants send by the API; a person
//! [receives](super::reception) on a page of the merchant. Both follow the same rule.

use serde_json::{Value, json};

use super::callbacks::{self, Callback, Channel, NamedUser};
use super::coupon::{self, Condition, Coupon};
use super::definition::CodeMode;
use super::partnership;
use super::refusals;
use super::stock::{self, Stock, StockState};
use super::unconfirmed::words;
use crate::clock;
use crate::contract::ValidRequest;
use crate::entropy::Entropy;
use crate::merchants::Account;
use crate::people::Person;
use crate::products::coupon_stocks::caps::{Limit, Sent};
use crate::products::coupon_stocks::fresh_code;
use crate::products::coupon_stocks::stored_codes::{self, Candidate, CodePlace, Departure};
use crate::products::coupon_stocks::{check_user_exists, of_another_appid};
use crate::products::{Context, Decided, Decision, HandlerError, carry_out, idempotently};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{IdempotencyKey, StoreError, Transaction};

pub(super) fn send_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = SendRequest::read(context.request);
    once_for_user(tx, context, &request, || {
        let situation = Situation::read(tx, context.entropy, context.caller, &request, context.now)?;
        carry_out(tx, send(context.caller, &request, situation, context.now)?)
    })
}

/// 向用户发放商品券: the same for a stock with product information. Its response is flat.
pub(super) fn send_product_coupon(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let request = SendRequest::read(context.request);
    once_for_user(tx, context, &request, || {
        let situation = Situation::read(tx, context.entropy, context.caller, &request, context.now)?;
        check_has_product(situation.stock.as_ref().map(|(stock, _)| stock))?;
        let mut response = carry_out(tx, send(context.caller, &request, situation, context.now)?)?;
        Ok(response["send_coupon_result"].take())
    })
}

/// A send is done once for its number, which must be unique within one stock and one user. INFERRED(product-send-number): both
/// operations share the numbers.
fn once_for_user(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    request: &SendRequest,
    work: impl FnOnce() -> Result<Value, HandlerError>,
) -> Result<Value, HandlerError> {
    let scope = request.scope(context.caller);
    let key = IdempotencyKey { operation: SEND, scope: &scope, request_no: &request.out_request_no };
    idempotently(tx, context, &key, refusals::other_parameters, work)
}

/// The operation under which numbers of sends are kept.
pub(super) const SEND: &str = "send";

/// Refuses a stock without product information. INFERRED(product-link): with 400 INVALID_REQUEST.
pub(super) fn check_has_product(stock: Option<&Stock>) -> Result<(), Refusal> {
    match stock {
        Some(stock) if !stock.has_product => Err(Refusal::invalid_request(
            words::NO_PRODUCT,
            "the stock has no product information; the control API gives it some: PUT /stocks/{stock_id}/product",
        )),
        _ => Ok(()),
    }
}

/// The request of a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SendRequest {
    pub(crate) stock_id: String,
    pub(crate) openid: String,
    /// The appid of the openid; none where a person receives on a page, which does not say it.
    pub(crate) appid: Option<String>,
    pub(crate) out_request_no: String,
    pub(crate) coupon_code: Option<String>,
    pub(crate) channel: Channel,
}

impl SendRequest {
    pub(crate) fn read(request: &ValidRequest) -> Self {
        Self {
            stock_id: request.required("stock_id").to_owned(),
            openid: request.required("openid").to_owned(),
            appid: Some(request.required("appid").to_owned()),
            out_request_no: request.required("out_request_no").to_owned(),
            coupon_code: request.text("coupon_code").map(str::to_owned),
            channel: Channel::Api,
        }
    }

    /// Where its number is unique: within one stock and one user. INFERRED(send-number): the numbers of
    /// different senders do not meet, so that nobody gets the response to another merchant's send. No part
    /// can hold the separator.
    pub(super) fn scope(&self, sender: &Account) -> String {
        format!("{}\n{}\n{}", self.stock_id, self.openid, sender.mchid)
    }
}

/// The state on which a send depends.
#[derive(Debug)]
pub(crate) struct Situation {
    pub(crate) stock: Option<(Stock, Sent)>,
    /// Whether the creator of the stock lets the sender send it (委托营销).
    pub(crate) is_authorized: bool,
    /// How many coupons of the stock the user has received, whatever became of them.
    pub(crate) received_by_user: i64,
    /// Whether the stock has a coupon with the code that the request says.
    pub(crate) code_is_taken: bool,
    /// A code that no coupon has.
    pub(crate) fresh_code: String,
    /// A code that the merchant has uploaded.
    pub(crate) drawn_code: Option<Candidate>,
    /// Whether the person has another openid under the appid of the request.
    pub(crate) is_of_another_appid: bool,
    /// Where the stock's creator is notified.
    pub(crate) callback: Option<Callback>,
    /// How a notification names the user.
    pub(crate) named_user: NamedUser,
}

impl Situation {
    pub(super) fn read(
        tx: &Transaction<'_>,
        entropy: &Entropy,
        sender: &Account,
        request: &SendRequest,
        now: i64,
    ) -> Result<Self, StoreError> {
        let stock = stock::find_with_sent(tx, &request.stock_id)?;
        let (mut callback, mut is_authorized, mut drawn_code) = (None, false, None);
        let (mut received_by_user, mut named_user) = (0, NamedUser::default());
        if let Some((stock, _)) = &stock {
            callback = callbacks::find(tx, &stock.creator)?;
            if callback.is_some() {
                named_user = callbacks::named_user(tx, stock, &request.openid, now)?;
            }
            received_by_user = coupon::count_of_user(tx, stock, &request.openid)?;
            is_authorized = stock.creator != sender.mchid
                && partnership::lets_send(tx, stock, sender, request.appid.as_deref())?;
            if stock.definition.code_mode == CodeMode::MerchantUpload {
                drawn_code = stored_codes::draw(tx, &stock.id, entropy)?;
            }
        }
        let code_is_taken = match &request.coupon_code {
            Some(code) => coupon::get(tx, &request.stock_id, code)?.is_some(),
            None => false,
        };
        let is_of_another_appid = match &request.appid {
            Some(appid) => Person::has_another_openid(tx, &request.openid, appid)?,
            None => false,
        };
        Ok(Self {
            stock,
            is_authorized,
            received_by_user,
            code_is_taken,
            fresh_code: fresh_code(tx, entropy)?,
            drawn_code,
            is_of_another_appid,
            callback,
            named_user,
        })
    }
}

/// Why a coupon is not sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Obstacle {
    /// Why the stock is not sent.
    NotRunning(String),
    UserLimit,
    DayLimit,
    StockLimit,
    NoStoredCode,
    /// A case that has no separate name on a merchant's page.
    Other(Refusal),
}

impl Obstacle {
    /// The response of the API.
    pub(crate) fn refusal(self) -> Refusal {
        match self {
            Self::NotRunning(reason) => Refusal::invalid_request(words::NOT_RUNNING, reason),
            Self::UserLimit => refusals::limit_reached(words::USER_LIMIT, reasons::PERSON_HAS_ENOUGH),
            Self::DayLimit => refusals::limit_reached(
                words::DAY_LIMIT,
                "max_coupons_by_day coupons of the stock were sent today: wait for the next day, or raise it",
            ),
            Self::StockLimit => refusals::limit_reached(
                words::STOCK_LIMIT,
                "max_coupons coupons of the stock were sent: raise it with PATCH .../stocks/{stock_id}/budget",
            ),
            Self::NoStoredCode => refusals::limit_reached(
                words::NO_STORED_CODE,
                "upload codes first: POST /v3/marketing/busifavor/stocks/{stock_id}/couponcodes",
            ),
            Self::Other(refusal) => refusal,
        }
    }
}

impl From<Limit> for Obstacle {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::User => Self::UserLimit,
            Limit::Day => Self::DayLimit,
            Limit::Stock => Self::StockLimit,
        }
    }
}

impl From<Refusal> for Obstacle {
    fn from(refusal: Refusal) -> Self {
        Self::Other(refusal)
    }
}

/// The changes of a send: what was sent of the stock, the new coupon, and the stored code that it took.
pub(crate) type SendChanges = ((Sent, Coupon), Option<Departure>);

/// Sends a coupon by the API.
pub(crate) fn send(
    sender: &Account,
    request: &SendRequest,
    situation: Situation,
    now: i64,
) -> Decided<SendChanges> {
    decide(sender, request, situation, now).map_err(Obstacle::refusal)
}

/// Sends a coupon.
///
/// INFERRED(send-checks): the order of checks: the stock exists, the caller may send it, it runs, appid and
/// user, code mode, then the limits from the narrowest to the widest.
pub(super) fn decide(
    sender: &Account,
    request: &SendRequest,
    situation: Situation,
    now: i64,
) -> Result<Decision<SendChanges>, Obstacle> {
    let (stock, sent) = situation.stock.ok_or_else(refusals::no_such_stock)?;
    check_may_send(sender, request, &stock, situation.is_authorized, now)?;
    check_user_exists(&request.openid)?;
    if situation.is_of_another_appid {
        return Err(of_another_appid().into());
    }
    check_code_mode(&stock, request, situation.code_is_taken)?;
    stock.definition.caps.check(&sent, situation.received_by_user, now)?;
    let (code, departure) = match (stock.definition.code_mode, &request.coupon_code) {
        (CodeMode::MerchantUpload, _) => {
            let drawn = situation.drawn_code.ok_or(Obstacle::NoStoredCode)?;
            let place = CodePlace::Dispatched { time: now, openid: request.openid.clone() };
            (drawn.code.code.clone(), Some(drawn.leave(place)))
        }
        (_, Some(code)) => (code.clone(), None),
        (_, None) => (situation.fresh_code, None),
    };
    let coupon = Coupon {
        stock_id: stock.id.clone(),
        creator: stock.creator.clone(),
        belong_merchant: stock.definition.belong_merchant().to_owned(),
        code,
        openid: request.openid.clone(),
        sender: sender.mchid.clone(),
        send_request_no: request.out_request_no.clone(),
        receive_time: now,
        window: stock.definition.validity.window(now),
        condition: Condition::Sent,
        association: None,
        returned: None,
    };
    let response = response(&coupon);
    let user = &situation.named_user;
    let announce = |callback: &Callback| callback.announce_send(user, &coupon, request.channel);
    let announcements = situation.callback.iter().map(announce).collect();
    Ok(Decision { announcements, ..Decision::new(((sent.one_more(now), coupon), departure), response) })
}

/// Whether the sender may send this stock now, with this appid.
pub(super) fn check_may_send(
    sender: &Account,
    request: &SendRequest,
    stock: &Stock,
    is_authorized: bool,
    now: i64,
) -> Result<(), Obstacle> {
    if stock.creator != sender.mchid && !is_authorized {
        return Err(refusals::sender_has_no_right().into());
    }
    if stock.state_at(now) != StockState::Running {
        return Err(Obstacle::NotRunning(why_not_running(stock, now)));
    }
    if let Some(appid) = &request.appid {
        sender.check_appid(appid)?;
    }
    Ok(())
}

fn why_not_running(stock: &Stock, now: i64) -> String {
    let end = stock.definition.validity.end;
    if now > end {
        return format!(
            "the stock's time has passed: its available_end_time is {}, and the sandbox's clock shows {}",
            clock::rfc3339(end),
            clock::rfc3339(now)
        );
    }
    format!(
        "the stock is {} and must be RUNNING: PUT /stocks/{{stock_id}}/state of the control API",
        stock.state.word()
    )
}

/// Whether the request names a code exactly where the stock's code mode wants one.
pub(super) fn check_code_mode(stock: &Stock, request: &SendRequest, is_taken: bool) -> Result<(), Refusal> {
    match (stock.definition.code_mode, &request.coupon_code) {
        (CodeMode::MerchantApi, None) => Err(refusals::code_is_needed()),
        (CodeMode::MerchantApi, Some(_)) if is_taken => Err(Refusal::invalid_request(
            words::CODE_TAKEN,
            "this coupon_code was sent before: each coupon needs a code that is new in its stock",
        )),
        (CodeMode::WechatPay | CodeMode::MerchantUpload, Some(_)) => Err(refusals::wrong_code_mode()),
        (CodeMode::MerchantApi, Some(_)) | (CodeMode::WechatPay | CodeMode::MerchantUpload, None) => Ok(()),
    }
}

/// INFERRED(send-response): the official SDKs read the result nested, third-party pages print its members
/// flat. Generated SDKs come from the real definition.
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
            appid: Some(APPID.to_owned()),
            out_request_no: "s1".to_owned(),
            coupon_code: None,
            channel: Channel::Api,
        }
    }

    fn situation(stock: Stock) -> Situation {
        let sent = Sent::new(&stock.id);
        Situation {
            stock: Some((stock, sent)),
            is_authorized: false,
            received_by_user: 0,
            code_is_taken: false,
            fresh_code: "1".repeat(22),
            drawn_code: None,
            is_of_another_appid: false,
            callback: None,
            named_user: NamedUser::default(),
        }
    }

    fn code_of(refusal: Refusal) -> (u16, &'static str, String) {
        (refusal.status, refusal.code, refusal.message.into_owned())
    }

    #[test]
    fn a_running_stock_gives_a_coupon_and_counts_it() {
        let (((sent, coupon), _), response) =
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
    fn who_was_authorized_sends_and_is_the_sender() {
        let situation = Situation { is_authorized: true, ..situation(a_stock()) };
        let ((_, coupon), _) = send(&stranger(), &request(), situation, NOW).unwrap().changed;
        assert_eq!((coupon.sender, coupon.creator), (stranger().mchid, CALLER.mchid.clone()));
    }

    #[test]
    fn an_uploaded_code_leaves_its_slot() {
        let mut stock = a_stock();
        stock.definition.code_mode = CodeMode::MerchantUpload;
        let refusal = send(&CALLER, &request(), situation(stock.clone()), NOW).unwrap_err();
        assert_eq!((refusal.status, &*refusal.message), (403, words::NO_STORED_CODE));
        let code = stored_codes::StoredCode {
            stock_id: stock.id.clone(),
            code: "VIP-1".to_owned(),
            upload_time: NOW,
            place: CodePlace::Available(0),
        };
        let counts = stored_codes::CodeCounts { stock_id: stock.id.clone(), total: 1, available: 1 };
        let drawn_code = Some(Candidate { code, last: None, counts });
        let situation = Situation { drawn_code, ..situation(stock) };
        let ((_, coupon), departure) = send(&CALLER, &request(), situation, NOW).unwrap().changed;
        let departure = departure.unwrap();
        assert_eq!((&*coupon.code, departure.counts.available, departure.counts.total), ("VIP-1", 0, 1));
        assert_eq!(departure.code.status(), Some("DISPATCHED"));
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
        let foreign = SendRequest { appid: Some("wx0000000000000000".to_owned()), ..request() };
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
        let ((_, coupon), _) = decision.changed;
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
            send(&CALLER, &request(), situation, now).map(|decision| decision.changed.0.0)
        };
        let sent = sent_at(Sent::new(&stock.id), NOW).unwrap();
        assert!(sent_at(sent.clone(), NOW).is_err());
        let sent = sent_at(sent, NOW + DAY).unwrap();
        assert_eq!((sent.total, sent.on_day), (2, 1));
    }
}
