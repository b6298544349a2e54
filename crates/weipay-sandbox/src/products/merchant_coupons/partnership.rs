//! Partnerships (委托营销: 建立合作关系, 终止合作关系, 查询合作关系列表): the creator of a stock lets another merchant, or whoever has an appid, send
//! it. It lets nobody use its coupons.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::stock::{self, Stock, StockState};
use super::{listing, refusals};
use crate::clock;
use crate::contract::ValidRequest;
use crate::merchants::{Account, Merchants};
use crate::products::cash_coupons;
use crate::products::{Context, Decided, Decision, HandlerError, carry_out, idempotently};
use crate::response::{Refusal, tail};
use crate::store::{IdempotencyKey, IndexEntry, IndexRange, Record, StoreError, Transaction, joined};

pub(super) fn build_partnership(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let key = request_key(context, "build partnership")?;
    idempotently(tx, context, &key, refusals::other_parameters, || {
        let pact = Pact::read(context.request)?;
        let stock = pact.find_stock(tx, context.now)?;
        let known = find(tx, &context.caller.mchid, &pact)?;
        carry_out(tx, build(context.caller, pact, stock, known, context.merchants, context.now)?)
    })
}

pub(super) fn terminate_partnership(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let key = request_key(context, "terminate partnership")?;
    idempotently(tx, context, &key, refusals::other_parameters, || {
        let pact = Pact::read(context.request)?;
        carry_out(tx, terminate(find(tx, &context.caller.mchid, &pact)?, context.now)?)
    })
}

pub(super) fn list_partnerships(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let conditions = conditions(&context.caller.mchid, context.request)?;
    let mut page = listing::page_of(context.request)?;
    let number = page.offset;
    // The page calls `offset` the number of a page, from 0.
    page.offset = number.saturating_mul(page.limit);
    let found: Vec<Partnership> = tx.find(&conditions, page)?;
    // An empty result is an error, not an empty list; its code is INFERRED(partnership-list).
    if found.is_empty() {
        return Err(refusals::no_such_partnership().into());
    }
    let data: Vec<_> = found.iter().map(Partnership::listed).collect();
    let mut response = json!({ "data": data, "limit": page.limit, "offset": number });
    if number == 0 {
        response["total_count"] = tx.count::<Partnership>(&conditions)?.into();
    }
    Ok(response)
}

const MAX_KEY_LENGTH: usize = 48;

/// The number of the request, which stands in a header. INFERRED(partnership-key): how a missing or wrong one is refused.
fn request_key<'a>(context: &Context<'a>, operation: &'static str) -> Result<IdempotencyKey<'a>, Refusal> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"|_*-".contains(&byte);
    let key = context.idempotency_key.filter(|key| key.len() <= MAX_KEY_LENGTH && key.bytes().all(is_plain));
    let request_no = key.ok_or_else(|| {
        refusals::request_parameters("send a header Idempotency-Key of 1 to 48 letters, digits or | _ * -")
    })?;
    Ok(IdempotencyKey { operation, scope: &context.caller.mchid, request_no })
}

/// With whom, about what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pact {
    partner: Partner,
    business_type: String,
    stock_id: String,
}

/// The partner that is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Partner {
    Merchant(String),
    Appid(String),
}

const MERCHANT_COUPONS: &str = "BUSIFAVOR_STOCK";
const CASH_COUPONS: &str = "FAVOR_STOCK";

impl Partner {
    /// Reads `partner`: the member that its type names must be there.
    fn read(partner: &Value) -> Option<Self> {
        let text = |name: &str| partner.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        match text("type")? {
            "MERCHANT" => Some(Self::Merchant(text("merchant_id")?.to_owned())),
            "APPID" => Some(Self::Appid(text("appid")?.to_owned())),
            _ => None,
        }
    }

    fn describe(&self) -> Value {
        match self {
            Self::Merchant(mchid) => json!({ "type": "MERCHANT", "merchant_id": mchid }),
            Self::Appid(appid) => json!({ "type": "APPID", "appid": appid }),
        }
    }

    fn value(&self) -> String {
        match self {
            Self::Merchant(mchid) => joined("MERCHANT", mchid),
            Self::Appid(appid) => joined("APPID", appid),
        }
    }
}

fn no_partner() -> Refusal {
    refusals::request_parameters("partner needs merchant_id for type MERCHANT, and appid for type APPID")
}

impl Pact {
    fn read(request: &ValidRequest) -> Result<Self, Refusal> {
        let partner = request.body.get("partner").and_then(Partner::read);
        let partner = partner.ok_or_else(no_partner)?;
        let data = request.body.get("authorized_data");
        let text =
            |name: &str| data.and_then(|data| data.get(name)).and_then(Value::as_str).unwrap_or_default();
        let (business_type, stock_id) = (text("business_type").to_owned(), text("stock_id").to_owned());
        if ![MERCHANT_COUPONS, CASH_COUPONS].contains(&&*business_type) || stock_id.is_empty() {
            return Err(refusals::request_parameters(
                "authorized_data needs a stock_id, and business_type BUSIFAVOR_STOCK or FAVOR_STOCK",
            ));
        }
        if business_type == CASH_COUPONS && matches!(partner, Partner::Merchant(_)) {
            return Err(refusals::request_parameters(
                "a FAVOR_STOCK cannot be given to a partner of type MERCHANT",
            ));
        }
        Ok(Self { partner, business_type, stock_id })
    }

    /// The stock. UNCONFIRMED(partnership-of-cash-coupons): that one of cash coupons must fulfil what one of merchant
    /// coupons must.
    fn find_stock(&self, tx: &Transaction<'_>, now: i64) -> Result<Option<Offered>, StoreError> {
        Ok(match &*self.business_type {
            MERCHANT_COUPONS => stock::find(tx, &self.stock_id)?.map(|stock| Offered::new(&stock, now)),
            _ => cash_coupons::stock::find(tx, &self.stock_id)?.map(|stock| Offered {
                runs: stock.state == cash_coupons::stock::StockState::Running,
                end: stock.end,
                creator: stock.creator,
            }),
        })
    }

    fn describe(&self) -> (Value, Value) {
        (self.partner.describe(), json!({ "business_type": self.business_type, "stock_id": self.stock_id }))
    }

    fn key(&self, owner: &str) -> String {
        joined(owner, &joined(&self.partner.value(), &joined(&self.business_type, &self.stock_id)))
    }
}

/// The stock that a partner is to send, of merchant coupons or of cash coupons.
struct Offered {
    creator: String,
    end: i64,
    runs: bool,
}

impl Offered {
    fn new(stock: &Stock, now: i64) -> Self {
        Self {
            creator: stock.creator.clone(),
            end: stock.definition.validity.end,
            runs: stock.state_at(now) == StockState::Running,
        }
    }
}

/// An agreement of two sides, also after its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Partnership {
    owner: String,
    pact: Pact,
    create_time: i64,
    build_time: i64,
    update_time: i64,
    terminate_time: Option<i64>,
}

impl Partnership {
    fn described(&self) -> Map<String, Value> {
        let (partner, authorized_data) = self.pact.describe();
        let mut shown = Map::new();
        shown.insert("partner".to_owned(), partner);
        shown.insert("authorized_data".to_owned(), authorized_data);
        for (name, time) in [
            ("build_time", self.build_time),
            ("create_time", self.create_time),
            ("update_time", self.update_time),
        ] {
            shown.insert(name.to_owned(), clock::rfc3339(time).into());
        }
        shown
    }

    fn listed(&self) -> Value {
        let mut shown = self.described();
        if let Some(time) = self.terminate_time {
            shown.insert("terminate_time".to_owned(), clock::rfc3339(time).into());
        }
        Value::Object(shown)
    }

    fn built(&self) -> Value {
        let mut shown = self.described();
        shown.insert("state".to_owned(), "ESTABLISHED".into());
        Value::Object(shown)
    }
}

/// Builds a partnership. INFERRED(partnership-checks): the order of checks and their codes.
/// INFERRED(partnership-again): one that is there already stays as it is; one that was terminated is built
/// again.
fn build(
    caller: &Account,
    pact: Pact,
    stock: Option<Offered>,
    known: Option<Partnership>,
    merchants: &Merchants,
    now: i64,
) -> Decided<Partnership> {
    let stock = stock.ok_or_else(refusals::no_such_stock)?;
    if stock.creator != caller.mchid {
        return Err(
            refusals::no_right_on_coupon().with_reason("only its creator may let others send a stock")
        );
    }
    if now > stock.end {
        return Err(Refusal::invalid_request("批次已过期", "the available_end_time of the stock has passed")
            .with_tail(tail::STOCK_EXPIRED));
    }
    if !stock.runs {
        return Err(Refusal::invalid_request("批次非运营中", "the stock must be RUNNING")
            .with_tail(tail::STOCK_NOT_RUNNING));
    }
    if let Partner::Merchant(mchid) = &pact.partner
        && merchants.find(mchid).is_none()
    {
        return Err(refusals::unknown_partner());
    }
    let partnership = match known {
        Some(known) if known.terminate_time.is_none() => known,
        known => Partnership {
            owner: caller.mchid.clone(),
            pact,
            create_time: known.map_or(now, |known| known.create_time),
            build_time: now,
            update_time: now,
            terminate_time: None,
        },
    };
    let response = partnership.built();
    Ok(Decision::new(partnership, response))
}

/// Terminates a partnership. INFERRED(partnership-over): one that is over already gets the first time.
fn terminate(known: Option<Partnership>, now: i64) -> Decided<Partnership> {
    let known = known.ok_or_else(refusals::no_such_partnership)?;
    let time = known.terminate_time.unwrap_or(now);
    let response = json!({ "terminate_time": clock::rfc3339(time) });
    let update_time = if known.terminate_time.is_none() { now } else { known.update_time };
    Ok(Decision::new(Partnership { terminate_time: Some(time), update_time, ..known }, response))
}

/// Whether the creator of a stock lets a merchant send it, by its number or by the appid that it names, which must be its own.
pub(super) fn lets_send(
    tx: &Transaction<'_>,
    stock: &Stock,
    sender: &Account,
    appid: Option<&str>,
) -> Result<bool, StoreError> {
    is_let(tx, [&stock.creator, MERCHANT_COUPONS, &stock.id], sender, appid)
}

/// The same of a stock of cash coupons.
pub(crate) fn lets_send_cash_coupons(
    tx: &Transaction<'_>,
    stock: &cash_coupons::stock::Stock,
    sender: &Account,
    appid: &str,
) -> Result<bool, StoreError> {
    is_let(tx, [&stock.creator, CASH_COUPONS, &stock.id], sender, Some(appid))
}

fn is_let(
    tx: &Transaction<'_>,
    [creator, business_type, stock_id]: [&str; 3],
    sender: &Account,
    appid: Option<&str>,
) -> Result<bool, StoreError> {
    let appid = appid.filter(|appid| sender.check_appid(appid).is_ok());
    let partners =
        [Some(Partner::Merchant(sender.mchid.clone())), appid.map(|appid| Partner::Appid(appid.to_owned()))];
    for partner in partners.into_iter().flatten() {
        let pact = Pact { partner, business_type: business_type.to_owned(), stock_id: stock_id.to_owned() };
        if find(tx, creator, &pact)?.is_some_and(|known| known.terminate_time.is_none()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the creator of a stock lets a merchant send it in any way: by its number, or by one of its appids.
pub(super) fn is_partner(
    tx: &Transaction<'_>,
    stock: &Stock,
    merchant: &Account,
) -> Result<bool, StoreError> {
    if lets_send(tx, stock, merchant, None)? {
        return Ok(true);
    }
    for appid in &merchant.appids {
        if lets_send(tx, stock, merchant, Some(appid))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn find(tx: &Transaction<'_>, owner: &str, pact: &Pact) -> Result<Option<Partnership>, StoreError> {
    tx.get(&pact.key(owner))
}

const OWNER: &str = "owner";
const PARTNER: &str = "owner and partner";
const BUSINESS: &str = "owner and business";
const STOCK: &str = "owner and stock";

impl Record for Partnership {
    const KIND: &'static str = "partnership";

    fn key(&self) -> String {
        self.pact.key(&self.owner)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![
            IndexEntry::new(OWNER, self.owner.as_str()),
            IndexEntry::new(PARTNER, joined(&self.owner, &self.pact.partner.value())),
            IndexEntry::new(BUSINESS, joined(&self.owner, &self.pact.business_type)),
            IndexEntry::new(STOCK, joined(&self.owner, &self.pact.stock_id)),
        ]
    }
}

/// Which partnerships a query asks for. Its filters are JSON texts.
fn conditions(owner: &str, request: &ValidRequest) -> Result<Vec<IndexRange>, Refusal> {
    let object = |name: &str| match request.query(name) {
        None => Ok(None),
        Some(text) => {
            serde_json::from_str::<Value>(text).ok().filter(Value::is_object).map(Some).ok_or_else(|| {
                refusals::request_parameters(
                    "partner and authorized_data are JSON objects, percent-encoded in the query",
                )
            })
        }
    };
    let mut conditions = Vec::new();
    if let Some(partner) = object("partner")? {
        let partner = Partner::read(&partner).ok_or_else(no_partner)?;
        conditions.push(IndexRange::equal(PARTNER, joined(owner, &partner.value())));
    }
    if let Some(data) = object("authorized_data")? {
        for (name, index) in [("stock_id", STOCK), ("business_type", BUSINESS)] {
            if let Some(text) = data.get(name).and_then(Value::as_str) {
                conditions.push(IndexRange::equal(index, joined(owner, text)));
            }
        }
    }
    if conditions.is_empty() {
        conditions.push(IndexRange::equal(OWNER, owner));
    }
    Ok(conditions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{APPID, CALLER, NOW, a_stock, stranger};
    use crate::store::Store;

    fn pact(partner: Partner) -> Pact {
        Pact { partner, business_type: MERCHANT_COUPONS.to_owned(), stock_id: a_stock().id }
    }

    fn built(pact: Pact, stock: Option<Stock>, now: i64) -> Decided<Partnership> {
        let offered = stock.map(|stock| Offered::new(&stock, now));
        build(&CALLER, pact, offered, None, &Merchants::default(), now)
    }

    #[test]
    fn a_partner_sends_until_the_partnership_is_terminated() {
        let by_appid = pact(Partner::Appid(APPID.to_owned()));
        let (partnership, response) = built(by_appid, Some(a_stock()), NOW).unwrap().parts();
        assert_eq!(
            (&response["state"], &response["partner"]["appid"]),
            (&json!("ESTABLISHED"), &json!(APPID))
        );
        let checked: Result<(), StoreError> = Store::in_memory().transaction(|tx| {
            tx.save(&partnership)?;
            assert!(lets_send(tx, &a_stock(), &stranger(), Some(APPID))?);
            assert!(!lets_send(tx, &a_stock(), &stranger(), None)?);
            assert!(!lets_send(tx, &a_stock(), &stranger(), Some("wx0"))?);
            let over = terminate(Some(partnership.clone()), NOW + 9).unwrap().changed;
            tx.save(&over)?;
            assert!(!lets_send(tx, &a_stock(), &stranger(), Some(APPID))?);
            let again = terminate(Some(over), NOW + 99).unwrap().response;
            assert_eq!(again["terminate_time"], clock::rfc3339(NOW + 9));
            Ok(())
        });
        checked.unwrap();
    }

    #[test]
    fn a_stock_that_cannot_be_sent_is_given_to_nobody() {
        let code = |stock, now| {
            let refusal = built(pact(Partner::Appid(APPID.to_owned())), stock, now).unwrap_err();
            (refusal.status, refusal.code, refusal.message.into_owned())
        };
        assert_eq!(code(None, NOW), (404, "RESOURCE_NOT_EXISTS", "批次不存在".to_owned()));
        let paused = Stock { state: StockState::Paused, ..a_stock() };
        assert_eq!(code(Some(paused), NOW), (400, "INVALID_REQUEST", "批次非运营中".to_owned()));
        let over = a_stock().definition.validity.end + 1;
        assert_eq!(code(Some(a_stock()), over), (400, "INVALID_REQUEST", "批次已过期".to_owned()));
        let foreign = Stock { creator: "1900000999".to_owned(), ..a_stock() };
        assert_eq!(code(Some(foreign), NOW).1, "NO_AUTH");
        let unknown = built(pact(Partner::Merchant("1900000998".to_owned())), Some(a_stock()), NOW);
        assert_eq!(unknown.unwrap_err().message, "商户号不存在");
    }

    #[test]
    fn what_contradicts_itself_is_not_read() {
        for body in [
            json!({ "partner": { "type": "APPID", "merchant_id": "1" },
                    "authorized_data": { "business_type": "BUSIFAVOR_STOCK", "stock_id": "1" } }),
            json!({ "partner": { "type": "MERCHANT", "merchant_id": "1" },
                    "authorized_data": { "business_type": "FAVOR_STOCK", "stock_id": "1" } }),
            json!({ "partner": { "type": "APPID", "appid": "wx1" },
                    "authorized_data": { "business_type": "BUSIFAVOR_STOCK" } }),
        ] {
            let Value::Object(body) = body else { unreachable!() };
            let request = ValidRequest::from_body(body);
            assert_eq!(Pact::read(&request).unwrap_err().code, "PARAM_ERROR");
        }
    }
}
