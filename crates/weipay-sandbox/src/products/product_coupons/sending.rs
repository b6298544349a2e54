//! Sending (向用户发放商品券, 向用户发放商品券批次组): a coupon of one stock, or one of each stock of a bundle, within the limits of each.
//!
//! A coupon that was sent waits until the partner has confirmed it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::code_uploads::is_code;
use super::coupon::{self, Channel, Coupon, PlaceInUserBundle, Round, Seen};
use super::definition::CodeMode;
use super::notifications::{self, Address, NamedUser};
use super::product::{self, Product};
use super::stock::{self, Stock};
use super::{Owner, once, refusals};
use crate::entropy::Entropy;
use crate::merchants::Account;
use crate::people::Person;
use crate::products::coupon_stocks::caps::Sent;
use crate::products::coupon_stocks::fresh_code;
use crate::products::coupon_stocks::stored_codes::{self, Candidate, CodePlace, Departure};
use crate::products::coupon_stocks::{check_user_exists, of_another_appid};
use crate::products::{Context, Decided, Decision, HandlerError};
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};

pub(super) fn send_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, (SEND, NUMBER), |owner| {
        let request = SendRequest::read(context, owner, false);
        let situation = Situation::read(tx, context.entropy, &request, context.now)?;
        Ok(send(context.caller, &request, situation, context.now))
    })
}

pub(super) fn send_bundle(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, (SEND, NUMBER), |owner| {
        let request = SendRequest::read(context, owner, true);
        let situation = Situation::read(tx, context.entropy, &request, context.now)?;
        Ok(send(context.caller, &request, situation, context.now))
    })
}

/// Single coupons and bundles share their numbers.
const SEND: &str = "send product coupon";
pub(super) const NUMBER: &str = "send_request_no";

/// The request of a send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SendRequest {
    pub(crate) owner: Owner,
    pub(crate) product_id: String,
    pub(crate) target: Target,
    pub(crate) openid: String,
    pub(crate) appid: String,
    pub(crate) number: String,
    pub(crate) coupon_code: Option<String>,
    pub(crate) channel: Channel,
    pub(crate) attach: Option<String>,
    pub(crate) tags: Option<Value>,
    /// Whether the brand sends, on its own pages, and not the partner.
    #[serde(default)]
    pub(crate) by_brand: bool,
}

/// The coupons of a send: one of the stock with this number, or one of each stock of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Target {
    Stock(String),
    Bundle(String),
}

impl SendRequest {
    pub(super) fn read(context: &Context<'_>, owner: Owner, is_bundle: bool) -> Self {
        let request = context.request;
        let text = |name: &str| request.required(name).to_owned();
        Self {
            owner,
            product_id: text("product_coupon_id"),
            target: if is_bundle {
                Target::Bundle(text("stock_bundle_id"))
            } else {
                Target::Stock(text("stock_id"))
            },
            openid: request.path("openid").to_owned(),
            appid: text("appid"),
            number: text(NUMBER),
            coupon_code: request.text("coupon_code").map(str::to_owned),
            channel: Channel::Api,
            attach: request.text("attach").map(str::to_owned),
            tags: request.body.get("coupon_tag_info").filter(|tags| tags.is_object()).cloned(),
            by_brand: false,
        }
    }

    /// Whether a coupon that was sent under the same number is what this request asks for.
    pub(super) fn asks_for(&self, coupon: &Coupon) -> bool {
        let is_of_target = match (&self.target, &coupon.bundle) {
            (Target::Stock(id), None) => *id == coupon.stock_id,
            (Target::Bundle(id), Some(bundle)) => *id == bundle.stock_bundle_id,
            (Target::Stock(_), Some(_)) | (Target::Bundle(_), None) => false,
        };
        is_of_target
            && coupon.product_id == self.product_id
            && coupon.openid == self.openid
            && self.coupon_code.as_ref().is_none_or(|code| *code == coupon.code)
    }
}

/// The state on which a send depends.
#[derive(Debug)]
pub(crate) struct Situation {
    pub(crate) product: Option<Product>,
    pub(crate) stocks: Vec<StockSituation>,
    /// The number of the user's bundle, if one comes to be.
    pub(crate) bundle_id: String,
    /// Whether a coupon was sent under this number in another way.
    pub(crate) number_is_used: bool,
    /// Whether the openid is of a person who has another one under the appid of the send.
    pub(crate) is_of_another_appid: bool,
    /// Where the partner is notified.
    pub(crate) address: Option<Address>,
}

/// The same of one stock.
#[derive(Debug)]
pub(crate) struct StockSituation {
    pub(crate) stock: Stock,
    pub(crate) sent: Sent,
    /// How many coupons of the stock the user has received, whatever became of them.
    pub(crate) received_by_user: i64,
    /// Whether the stock has a coupon with the code that the request says.
    pub(crate) code_is_taken: bool,
    /// A code that no coupon has.
    pub(crate) fresh_code: String,
    /// A code that the partner has uploaded.
    pub(crate) drawn_code: Option<Candidate>,
    pub(crate) user: NamedUser,
}

impl Situation {
    pub(super) fn read(
        tx: &Transaction<'_>,
        entropy: &Entropy,
        request: &SendRequest,
        now: i64,
    ) -> Result<Self, StoreError> {
        let SendRequest { owner, product_id, .. } = request;
        let stocks = match &request.target {
            Target::Stock(id) => stock::find(tx, owner, product_id, id)?.into_iter().collect(),
            Target::Bundle(id) => stock::of_bundle(tx, owner, product_id, id)?,
        };
        let of_stock = |stock: Stock| {
            let code = request.coupon_code.as_ref();
            Ok(StockSituation {
                sent: stock::sent(tx, &stock.id)?,
                received_by_user: coupon::count_of_user(tx, &stock.id, &request.openid)?,
                code_is_taken: match code {
                    Some(code) => coupon::find(tx, &stock.id, code)?.is_some(),
                    None => false,
                },
                fresh_code: fresh_code(tx, entropy)?,
                drawn_code: match stock.definition.code_mode {
                    CodeMode::Upload => stored_codes::draw(tx, &stock.id, entropy)?,
                    CodeMode::WechatPay | CodeMode::ApiAssign => None,
                },
                user: NamedUser::read(tx, &stock, (&request.appid, &request.openid), now)?,
                stock,
            })
        };
        Ok(Self {
            product: product::find(tx, owner, product_id)?,
            stocks: stocks.into_iter().map(of_stock).collect::<Result<_, StoreError>>()?,
            bundle_id: format!("7123{}{:010}", entropy.digits(8), tx.next_number("user coupon bundle")?),
            number_is_used: !coupon::find_by_number(tx, owner, &request.number)?.is_empty(),
            is_of_another_appid: Person::has_another_openid(tx, &request.openid, &request.appid)?,
            address: notifications::find(tx, &owner.mchid)?,
        })
    }
}

/// What a send changes for each stock: what was sent of it, the new coupon, and the stored code that it took.
pub(crate) type SendChanges = Vec<((Sent, Coupon), Option<Departure>)>;

/// Sends what was asked for. All coupons of a bundle are sent, or none.
pub(crate) fn send(
    sender: &Account,
    request: &SendRequest,
    situation: Situation,
    now: i64,
) -> Decided<SendChanges> {
    check_may_send(sender, request, &situation, now)?;
    if situation.number_is_used {
        return Err(refusals::other_data());
    }
    let product = situation.product.ok_or_else(refusals::no_such_product)?;
    let count = situation.stocks.len();
    let (mut changes, mut announcements, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for stock in situation.stocks {
        let caps = &stock.stock.definition.caps;
        caps.check(&stock.sent, stock.received_by_user, now).map_err(refusals::limit)?;
        let (code, departure) = take_code(request, stock.drawn_code, stock.fresh_code, &stock.stock, now)?;
        let coupon = new_coupon(&product, &stock.stock, request, (code, &situation.bundle_id, count), now);
        announcements
            .extend(situation.address.iter().map(|address| address.announce_send(&coupon, &stock.user)));
        let sent = stock.sent.one_more(now);
        let seen =
            Seen { product: product.clone(), stock: stock.stock, sent: sent.clone(), used_in_bundle: 0 };
        shown.push(Value::Object(coupon.describe(&seen, now)));
        changes.push(((sent, coupon), departure));
    }
    let response = response(&request.target, &situation.bundle_id, shown);
    Ok(Decision { announcements, ..Decision::new(changes, response) })
}

/// The response to a send.
pub(super) fn response(target: &Target, bundle_id: &str, mut coupons: Vec<Value>) -> Value {
    match target {
        Target::Stock(_) => coupons.pop().unwrap_or_default(),
        Target::Bundle(_) => {
            json!({ "user_coupon_bundle_id": bundle_id, "user_product_coupon_list": coupons })
        }
    }
}

/// Whether this may be sent, limits apart.
///
/// INFERRED(send-checks): the order of the checks is that of merchant coupons.
pub(super) fn check_may_send(
    sender: &Account,
    request: &SendRequest,
    situation: &Situation,
    now: i64,
) -> Result<(), Refusal> {
    // A stock whose period was over did not end with its product coupon, and a developer can let it run again.
    situation.product.as_ref().ok_or_else(refusals::no_such_product)?.check_lasts()?;
    if situation.stocks.is_empty() {
        return Err(match request.target {
            Target::Stock(_) => refusals::no_such_stock(),
            Target::Bundle(_) => refusals::no_such_bundle(),
        });
    }
    for StockSituation { stock, .. } in &situation.stocks {
        if stock.bundle.is_some() && matches!(request.target, Target::Stock(_)) {
            return Err(refusals::stock_of_bundle());
        }
        stock.check_sending(now)?;
    }
    sender.check_appid(&request.appid)?;
    check_user_exists(&request.openid)?;
    if situation.is_of_another_appid {
        return Err(of_another_appid());
    }
    situation.stocks.iter().try_for_each(|stock| check_code(request, stock))
}

/// Whether the request names a code exactly where the stock's code mode wants one.
fn check_code(request: &SendRequest, stock: &StockSituation) -> Result<(), Refusal> {
    match (stock.stock.definition.code_mode, &request.coupon_code) {
        (CodeMode::ApiAssign, None) => {
            Err(refusals::parameters("a stock whose coupon_code_mode is API_ASSIGN needs coupon_code"))
        }
        (CodeMode::ApiAssign, Some(code)) if !is_code(code) => {
            Err(refusals::parameters("coupon_code has up to 40 letters, digits, _ and -"))
        }
        (CodeMode::ApiAssign, Some(_)) if stock.code_is_taken => Err(refusals::code_taken()),
        (CodeMode::WechatPay | CodeMode::Upload, Some(_)) => {
            Err(refusals::code_mode("coupon_code may be given only where coupon_code_mode is API_ASSIGN"))
        }
        (CodeMode::Upload, None) if !request.by_brand => Err(refusals::code_mode(
            "only the brand sends a stock whose coupon_code_mode is UPLOAD: POST /product-coupons/stocks/{stock_id}/send of the control API does",
        )),
        (CodeMode::ApiAssign, Some(_)) | (CodeMode::WechatPay | CodeMode::Upload, None) => Ok(()),
    }
}

fn take_code(
    request: &SendRequest,
    drawn: Option<Candidate>,
    fresh: String,
    stock: &Stock,
    now: i64,
) -> Result<(String, Option<Departure>), Refusal> {
    match (stock.definition.code_mode, &request.coupon_code) {
        (CodeMode::Upload, _) => {
            let drawn = drawn.ok_or_else(refusals::no_stored_code)?;
            let place = CodePlace::Dispatched { time: now, openid: request.openid.clone() };
            Ok((drawn.code.code.clone(), Some(drawn.leave(place))))
        }
        (_, Some(code)) => Ok((code.clone(), None)),
        (_, None) => Ok((fresh, None)),
    }
}

fn new_coupon(
    product: &Product,
    stock: &Stock,
    request: &SendRequest,
    (code, bundle_id, count): (String, &str, usize),
    now: i64,
) -> Coupon {
    Coupon {
        stock_id: stock.id.clone(),
        code,
        product_id: product.id.clone(),
        owner: request.owner.clone(),
        openid: request.openid.clone(),
        send_request_no: request.number.clone(),
        channel: request.channel,
        receive_time: now,
        window: stock.definition.validity.window(now),
        confirmed: None,
        rounds: vec![Round::default(); product.usage.uses()],
        interval_days: product.usage.interval_days(),
        ended: None,
        bundle: stock.bundle.as_ref().map(|place| PlaceInUserBundle {
            id: bundle_id.to_owned(),
            stock_bundle_id: place.id.clone(),
            index: place.index,
            count,
        }),
        attach: request.attach.clone(),
        tags: request.tags.clone(),
        product_members: product.members.clone(),
        stock_members: stock.definition.members.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::clock::DAY;
    use crate::products::coupon_stocks::stored_codes::{CodeCounts, StoredCode};
    use crate::products::product_coupons::fixtures::{
        CALLER, NOW, a_bundle, a_product, a_stock, an_address, bundle_send_request, send_request, situation,
    };
    use crate::products::product_coupons::stock::ProductStockState;

    fn refused(request: &SendRequest, situation: Situation) -> (u16, &'static str, String) {
        let refusal = send(&CALLER, request, situation, NOW).unwrap_err();
        (refusal.status, refusal.code, refusal.message.into_owned())
    }

    fn with_mode(mode: &str) -> Stock {
        let mut members = a_stock().definition.members;
        members.insert("coupon_code_mode".to_owned(), mode.into());
        Stock { definition: a_product().definition(members).unwrap(), ..a_stock() }
    }

    #[test]
    fn a_coupon_waits_to_be_confirmed_and_is_announced() {
        let situation = Situation { address: Some(an_address()), ..situation(&[a_stock()]) };
        let decision = send(&CALLER, &send_request(), situation, NOW).unwrap();
        let told = &decision.announcements[0];
        assert_eq!(
            (told.event_type, &told.resource["send_channel"]),
            ("PRODUCT_COUPON_SP.SEND", &json!("API"))
        );
        let (changes, response) = decision.parts();
        let ((sent, coupon), _) = &changes[0];
        assert_eq!((sent.total, &*coupon.code), (1, "1201059453000011062474"));
        assert_eq!(response["coupon_state"], "CONFIRMING");
        assert_eq!(response["stock"]["sent_count_info"]["total_count"], 1);
        assert_eq!(response["valid_end_time"], "2026-08-31T23:59:59+08:00");
    }

    #[test]
    fn a_bundle_is_sent_whole() {
        let (product, stocks) = a_bundle();
        let situation = || Situation { product: Some(product.clone()), ..situation(&stocks) };
        let (changes, response) = send(&CALLER, &bundle_send_request(), situation(), NOW).unwrap().parts();
        assert_eq!(changes.len(), 3);
        let list = response["user_product_coupon_list"].as_array().unwrap();
        for (index, coupon) in list.iter().enumerate() {
            let info = &coupon["user_product_coupon_bundle_info"];
            assert_eq!(info["user_coupon_bundle_index"], index);
            assert_eq!((&info["total_count"], &info["used_count"]), (&json!(3), &json!(0)));
            assert_eq!(info["user_coupon_bundle_id"], response["user_coupon_bundle_id"]);
        }
        let mut full = situation();
        full.stocks[2].sent.total = 100;
        assert_eq!(refused(&bundle_send_request(), full).1, "INVALID_REQUEST");
        let single = SendRequest { target: Target::Stock(stocks[0].id.clone()), ..bundle_send_request() };
        let mut one = situation();
        one.stocks.truncate(1);
        assert_eq!(refused(&single, one).2, "批次属于批次组，请使用批次组接口");
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let nothing = || Situation { product: None, ..situation(&[]) };
        assert_eq!(refused(&send_request(), nothing()).1, "RESOURCE_NOT_EXISTS");
        assert_eq!(refused(&send_request(), situation(&[])).2, "商品券批次不存在");
        for state in [ProductStockState::Auditing, ProductStockState::Paused, ProductStockState::Stopped] {
            let stock = Stock { state, ..a_stock() };
            assert_eq!(refused(&send_request(), situation(&[stock])).2, "商品券批次状态不正确");
        }
        let foreign = SendRequest { appid: "wx0".to_owned(), ..send_request() };
        assert_eq!(refused(&foreign, situation(&[a_stock()])).1, "APPID_MCHID_NOT_MATCH");
        let nobody = SendRequest { openid: "nobody".to_owned(), ..send_request() };
        assert_eq!(refused(&nobody, situation(&[a_stock()])).1, "USER_NOT_EXISTS");
        let again = Situation { number_is_used: true, ..situation(&[a_stock()]) };
        assert_eq!(refused(&send_request(), again).2, "相同单号但请求数据不一致");
    }

    fn with_times(times: Value) -> Map<String, Value> {
        let mut members = a_stock().definition.members;
        let period = &mut members["single_usage_rule"]["coupon_available_period"];
        period.as_object_mut().unwrap().extend(times.as_object().cloned().unwrap());
        members
    }

    #[test]
    fn a_coupon_that_could_never_be_used_is_not_sent_or_offered() {
        let waits = with_times(json!({ "available_days": 3, "wait_days_after_receive": 20 }));
        let stock = [Stock { definition: a_product().definition(waits).unwrap(), ..a_stock() }];
        // It would begin on 4 September; the stock ends with August.
        assert_eq!(refused(&send_request(), situation(&stock)).2, "商品券批次状态不正确");
        let offered = check_may_send(&CALLER, &send_request(), &situation(&stock), NOW);
        assert_eq!(offered.unwrap_err().code, "INVALID_REQUEST");
        assert!(send(&CALLER, &send_request(), situation(&stock), NOW - 10 * DAY).is_ok());
        let (product, mut bundle) = a_bundle();
        bundle[2].definition.validity = with_stored_seconds(-5).definition.validity;
        let late = Situation { product: Some(product), ..situation(&bundle) };
        assert_eq!(refused(&bundle_send_request(), late).1, "INVALID_REQUEST");
    }

    /// A stock that was stored when the numbers of a new stock were not checked.
    fn with_stored_seconds(seconds: i64) -> Stock {
        let mut stored = serde_json::to_value(a_stock()).unwrap();
        stored["definition"]["members"] = with_times(json!({ "available_seconds": seconds })).into();
        serde_json::from_value(stored).unwrap()
    }

    #[test]
    fn numbers_that_are_too_small_make_no_stock_but_are_read_when_stored() {
        for wrong in [
            json!({ "available_days": 0 }),
            json!({ "available_seconds": 0 }),
            json!({ "available_seconds": -5 }),
            json!({ "available_days": 1, "wait_days_after_receive": -1 }),
        ] {
            assert_eq!(a_product().definition(with_times(wrong)).unwrap_err().code, "PARAM_ERROR");
        }
        assert_eq!(refused(&send_request(), situation(&[with_stored_seconds(-5)])).1, "INVALID_REQUEST");
    }

    #[test]
    fn the_code_comes_from_where_the_mode_says() {
        let named = |code: &str| SendRequest { coupon_code: Some(code.to_owned()), ..send_request() };
        let own = || situation(&[with_mode("API_ASSIGN")]);
        let (changes, _) = send(&CALLER, &named("VIP-1"), own(), NOW).unwrap().parts();
        assert_eq!(changes[0].0.1.code, "VIP-1");
        assert_eq!(refused(&send_request(), own()).1, "PARAM_ERROR");
        assert_eq!(refused(&named("VIP 1"), own()).1, "PARAM_ERROR");
        let mut taken = own();
        taken.stocks[0].code_is_taken = true;
        assert_eq!(refused(&named("VIP-1"), taken).2, "券Code已存在");
        assert_eq!(refused(&named("VIP-1"), situation(&[a_stock()])).1, "INVALID_REQUEST");

        let uploaded = || situation(&[with_mode("UPLOAD")]);
        assert_eq!(refused(&send_request(), uploaded()).2, "券Code分配模式不支持该操作");
        let of_brand = SendRequest { by_brand: true, ..send_request() };
        assert_eq!(refused(&of_brand, uploaded()).2, "批次没有可用的券Code");
        let stock_id = a_stock().id;
        let code = StoredCode {
            stock_id: stock_id.clone(),
            code: "U-1".to_owned(),
            upload_time: NOW,
            place: CodePlace::Available(0),
        };
        let mut situation = uploaded();
        let counts = CodeCounts { stock_id, total: 1, available: 1 };
        situation.stocks[0].drawn_code = Some(Candidate { code, last: None, counts });
        let (changes, _) = send(&CALLER, &of_brand, situation, NOW).unwrap().parts();
        let (_, departure) = &changes[0];
        assert_eq!(departure.as_ref().unwrap().counts.available, 0);
        assert_eq!(changes[0].0.1.code, "U-1");
    }

    #[test]
    fn each_limit_holds_exactly() {
        let sent = |received, total| {
            let mut situation = situation(&[a_stock()]);
            situation.stocks[0].received_by_user = received;
            situation.stocks[0].sent.total = total;
            send(&CALLER, &send_request(), situation, NOW + DAY).map(drop).map_err(|refusal| refusal.message)
        };
        assert_eq!(sent(4, 99), Ok(()));
        assert_eq!(sent(5, 99), Err("用户领取次数已达上限".into()));
        assert_eq!(sent(4, 100), Err("批次发放次数已达上限".into()));
    }
}
