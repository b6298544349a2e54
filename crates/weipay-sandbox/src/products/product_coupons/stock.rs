//! A stock (批次) of a product coupon: one definition, its state, and what has been sent of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::definition::{CodeMode, Definition};
use super::product::{self, Ending, Numbers, Product};
use super::{Owner, REQUEST_NO, once, refusals};
use crate::products::coupon_stocks::caps::Sent;
use crate::products::coupon_stocks::stored_codes::{self, CodeCounts};
use crate::products::{Context, Decided, Decision, HandlerError};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{Due, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};
use crate::words::words;

pub(super) fn add_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, ("add product coupon stock", REQUEST_NO), |owner| {
        let product = product::find(tx, &owner, context.request.path("product_coupon_id"))?;
        let numbers = Numbers::new(tx, context.entropy)?;
        Ok(add(product, context.request.body.get("stock"), &numbers, context.now))
    })
}

pub(super) fn query_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let stock = named(tx, context)?.ok_or_else(refusals::no_such_stock)?;
    Ok(shown(tx, &stock, context.now)?)
}

pub(super) fn modify_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, ("modify product coupon stock", REQUEST_NO), |_| {
        let Some(stock) = named(tx, context)? else { return Ok(Err(refusals::no_such_stock())) };
        let (sent, counts) = facts(tx, &stock)?;
        let changed =
            stock.check_single().and_then(|stock| modified(stock, &context.request.body, context.now));
        Ok(changed.map(|stock| stock.decided(&sent, counts.as_ref(), context.now)))
    })
}

pub(super) fn deactivate_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, ("deactivate product coupon stock", REQUEST_NO), |_| {
        let Some(stock) = named(tx, context)? else { return Ok(Err(refusals::no_such_stock())) };
        let (sent, counts) = facts(tx, &stock)?;
        let ended = stock.deactivated(Ending::read(context));
        Ok(ended.map(|stock| {
            let no_longer_due = vec![stock.due()];
            Decision { no_longer_due, ..stock.decided(&sent, counts.as_ref(), context.now) }
        }))
    })
}

/// The end of the period of a stock.
pub(super) const END: &str = "product coupon stock ends";

/// INFERRED(stock-end): when its period is over, a stock is `STOPPED`. No notification is sent.
pub(super) fn end_stock(tx: &Transaction<'_>, stock_id: &str, _: i64) -> Result<(), HandlerError> {
    if let Some(stock) = tx.get::<Stock>(stock_id)? {
        tx.save(&Stock { state: ProductStockState::Stopped, ..stock })?;
    }
    Ok(())
}

/// A stock of coupons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stock {
    pub(crate) id: String,
    pub(crate) product_id: String,
    pub(crate) owner: Owner,
    /// Where it is while the partner has not ended it.
    pub(crate) state: ProductStockState,
    pub(crate) definition: Definition,
    /// Of a stock that belongs to a bundle (批次组).
    pub(crate) bundle: Option<PlaceInBundle>,
    pub(crate) ended: Option<Ending>,
}

/// The bundle of something, and its place in it, from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlaceInBundle {
    pub(crate) id: String,
    pub(crate) index: usize,
}

words! {
    /// The state of a stock of product coupons, while nobody has deactivated it.
    #[non_exhaustive]
    pub enum ProductStockState {
        /// `AUDITING`: under review.
        Auditing = "AUDITING",
        /// `SENDING`: can be sent.
        Sending = "SENDING",
        /// `PAUSED`: sending is suspended.
        Paused = "PAUSED",
        /// `STOPPED`: its period is over.
        Stopped = "STOPPED",
    }
    pub(super) fn from_word;
    pub(super) const WORDS;
}

/// The members of new stocks.
pub(super) struct NewStock<'a> {
    pub(super) product: &'a Product,
    pub(super) numbers: &'a Numbers,
    pub(super) now: i64,
}

impl NewStock<'_> {
    /// One stock.
    pub(super) fn single(&self, members: Map<String, Value>) -> Result<(Stock, Sent), Refusal> {
        self.stock(self.product.definition(without_nulls(members))?, None)
    }

    /// The stocks of a bundle.
    pub(super) fn bundle(&self, members: &Map<String, Value>) -> Result<Vec<(Stock, Sent)>, Refusal> {
        let Product { members: product, usage, .. } = self.product;
        let definitions = Definition::read_bundle(product, *usage, &without_nulls(members.clone()))?;
        let placed = definitions.into_iter().enumerate();
        placed
            .map(|(index, definition)| {
                self.stock(definition, Some(PlaceInBundle { id: self.numbers.bundle(), index }))
            })
            .collect()
    }

    fn stock(&self, definition: Definition, bundle: Option<PlaceInBundle>) -> Result<(Stock, Sent), Refusal> {
        // INFERRED(stock-of-the-past): a period that is over makes no stock.
        if definition.validity.end <= self.now {
            return Err(refusals::parameters(reasons::STOCK_OF_THE_PAST));
        }
        let id = self.numbers.stock(bundle.as_ref().map_or(0, |bundle| bundle.index));
        let sent = Sent::new(&id);
        let Product { id: product_id, owner, .. } = self.product;
        let (product_id, owner, state) = (product_id.clone(), owner.clone(), ProductStockState::Sending);
        Ok((Stock { id, product_id, owner, state, definition, bundle, ended: None }, sent))
    }
}

fn without_nulls(members: Map<String, Value>) -> Map<String, Value> {
    members.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

/// Adds a stock to a product coupon.
fn add(
    product: Option<Product>,
    members: Option<&Value>,
    numbers: &Numbers,
    now: i64,
) -> Decided<(Stock, Sent)> {
    let product = product.ok_or_else(refusals::no_such_product)?;
    product.check_lasts()?;
    let members = members.and_then(Value::as_object).cloned().unwrap_or_default();
    if matches!(product.usage, super::definition::UsageMode::Bundle { .. }) {
        return Err(refusals::usage_mode(
            "a product coupon with usage_mode PROGRESSIVE_BUNDLE gets stocks in bundles",
        ));
    }
    let (stock, sent) = NewStock { product: &product, numbers, now }.single(members)?;
    let response = stock.describe(&sent, None, now);
    Ok(Decision { due: vec![stock.due()], ..Decision::new((stock, sent), response) })
}

/// The members that a change replaces whole.
const CHANGEABLE: [&str; 5] =
    ["remark", "usage_rule_display_info", "coupon_display_info", "notify_config", "store_scope"];

/// Changes what the request gives. Coupons that were sent keep what they had.
pub(super) fn modified(mut stock: Stock, request: &Map<String, Value>, now: i64) -> Result<Stock, Refusal> {
    stock.check_lasts(now)?;
    stock.definition = stock.definition.changed(|members| {
        for name in CHANGEABLE {
            if let Some(value) = request.get(name).filter(|value| !value.is_null()) {
                members.insert(name.to_owned(), value.clone());
            }
        }
    })?;
    Ok(stock)
}

impl Stock {
    /// The state at a moment, as `state` has it.
    pub(super) fn word_at(&self, now: i64) -> &'static str {
        if self.ended.is_some() { "DEACTIVATED" } else { self.state_at(now).word() }
    }

    /// When its period is over, a stock is `STOPPED`, whether or not the clock has done that yet.
    fn state_at(&self, now: i64) -> ProductStockState {
        if now > self.definition.validity.end { ProductStockState::Stopped } else { self.state }
    }

    /// Whether coupons of it can be sent. INFERRED(product-coupon-sent-too-late): a coupon that could never
    /// be used is refused like one of a stock that is over.
    pub(super) fn check_sending(&self, now: i64) -> Result<(), Refusal> {
        if self.ended.is_some() || self.state_at(now) != ProductStockState::Sending {
            return Err(refusals::stock_state("only a stock in the state SENDING can be sent"));
        }
        if !self.definition.validity.window(now).is_usable_after(now) {
            return Err(refusals::stock_state(
                "the coupon could never be used: by coupon_available_period of the stock it ends before it begins",
            ));
        }
        Ok(())
    }

    /// Whether it was neither ended nor is over.
    pub(super) fn check_lasts(&self, now: i64) -> Result<(), Refusal> {
        if self.ended.is_none() && self.state_at(now) != ProductStockState::Stopped {
            return Ok(());
        }
        Err(refusals::stock_state("the stock was deactivated, or its period has ended"))
    }

    /// Whether it belongs to no bundle.
    pub(super) fn check_single(self) -> Result<Self, Refusal> {
        if self.bundle.is_some() { Err(refusals::stock_of_bundle()) } else { Ok(self) }
    }

    fn deactivated(self, ending: Ending) -> Result<Self, Refusal> {
        let state = self.state_at(ending.time);
        if self.ended.is_none() && matches!(state, ProductStockState::Sending | ProductStockState::Paused) {
            return Ok(Self { ended: Some(ending), ..self });
        }
        Err(refusals::stock_state("only a stock in the state SENDING or PAUSED can be deactivated"))
    }

    fn decided(self, sent: &Sent, counts: Option<&CodeCounts>, now: i64) -> Decision<Self> {
        let response = self.describe(sent, counts, now);
        Decision::new(self, response)
    }

    /// Its scheduled work.
    pub(super) fn due(&self) -> Due {
        Due { kind: END.to_owned(), key: self.id.clone(), at: self.definition.validity.end + 1 }
    }

    /// The response to 查询商品券指定批次.
    pub(super) fn describe(&self, sent: &Sent, counts: Option<&CodeCounts>, now: i64) -> Value {
        let mut shown = self.describe_as(&self.definition.members, sent, now);
        if self.definition.code_mode == CodeMode::Upload {
            let none = CodeCounts::new(&self.id);
            shown.insert("coupon_code_count_info".to_owned(), counts.unwrap_or(&none).describe());
        }
        Value::Object(shown)
    }

    /// The same without its codes, with what it said of itself at another time.
    pub(super) fn describe_as(
        &self,
        members: &Map<String, Value>,
        sent: &Sent,
        now: i64,
    ) -> Map<String, Value> {
        let mut shown = Map::new();
        shown.insert("product_coupon_id".to_owned(), self.product_id.as_str().into());
        shown.insert("stock_id".to_owned(), self.id.as_str().into());
        shown.extend(members.clone());
        if let Some(PlaceInBundle { id, index }) = &self.bundle {
            let info = json!({ "stock_bundle_id": id, "stock_bundle_index": index });
            shown.insert("stock_bundle_info".to_owned(), info);
        }
        let counts = json!({ "total_count": sent.total, "today_count": sent.today(now) });
        shown.insert("sent_count_info".to_owned(), counts);
        shown.insert("state".to_owned(), self.word_at(now).into());
        if let Some(ending) = &self.ended {
            ending.show(&mut shown);
        }
        shown.insert("brand_id".to_owned(), self.owner.brand_id.as_str().into());
        shown
    }
}

/// The stocks of a new bundle, as responses show them.
pub(super) fn describe_bundle(stocks: &[(Stock, Sent)], now: i64) -> Value {
    let id = stocks.first().and_then(|(stock, _)| stock.bundle.as_ref()).map(|bundle| bundle.id.as_str());
    let list: Vec<_> = stocks.iter().map(|(stock, sent)| stock.describe(sent, None, now)).collect();
    json!({ "stock_bundle_id": id, "stock_list": list })
}

const PRODUCT: &str = "product coupon";
const STATE: &str = "product coupon and state";
const BUNDLE: &str = "bundle";

impl Record for Stock {
    const KIND: &'static str = "product coupon stock";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        // The clock keeps the state right.
        let state = self.word_at(i64::MIN);
        let mut indexes = vec![
            IndexEntry::new(PRODUCT, self.product_id.as_str()),
            IndexEntry::new(STATE, joined(&self.product_id, state)),
        ];
        if let Some(bundle) = &self.bundle {
            indexes.push(IndexEntry::new(BUNDLE, bundle.id.as_str()));
        }
        indexes
    }
}

/// The stock with this number of a product coupon, when both are the owner's.
pub(super) fn find(
    tx: &Transaction<'_>,
    owner: &Owner,
    product_id: &str,
    stock_id: &str,
) -> Result<Option<Stock>, StoreError> {
    let found: Option<Stock> = tx.get(stock_id)?;
    Ok(found.filter(|stock| stock.owner == *owner && stock.product_id == product_id))
}

/// The stock in the path.
pub(super) fn named(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Option<Stock>, StoreError> {
    let request = context.request;
    find(tx, &Owner::read(context), request.path("product_coupon_id"), request.path("stock_id"))
}

/// The coupons of a stock that were sent.
pub(super) fn sent(tx: &Transaction<'_>, stock_id: &str) -> Result<Sent, StoreError> {
    tx.get(stock_id)?.ok_or_else(|| StoreError::Corrupt(format!("{} {stock_id} is missing", Sent::KIND)))
}

/// The records that a stock is shown with.
pub(super) fn facts(tx: &Transaction<'_>, stock: &Stock) -> Result<(Sent, Option<CodeCounts>), StoreError> {
    let counts = match stock.definition.code_mode {
        CodeMode::Upload => Some(stored_codes::counts(tx, &stock.id)?),
        CodeMode::WechatPay | CodeMode::ApiAssign => None,
    };
    Ok((sent(tx, &stock.id)?, counts))
}

/// A stock, as responses show it.
pub(super) fn shown(tx: &Transaction<'_>, stock: &Stock, now: i64) -> Result<Value, StoreError> {
    let (sent, counts) = facts(tx, stock)?;
    Ok(stock.describe(&sent, counts.as_ref(), now))
}

/// A page of the stocks of a product coupon, the last added first, and how many there are in all.
pub(super) fn list(
    tx: &Transaction<'_>,
    product_id: &str,
    state: Option<&str>,
    page: Page,
) -> Result<(Vec<Stock>, i64), StoreError> {
    let condition = match state {
        None => IndexRange::equal(PRODUCT, product_id),
        Some(state) => IndexRange::equal(STATE, joined(product_id, state)),
    };
    let conditions = [condition];
    Ok((tx.find(&conditions, page)?, tx.count::<Stock>(&conditions)?))
}

/// How many stocks are read together.
const PAGE: i64 = 50;

/// Every stock of a product coupon.
pub(super) fn all_of_product(tx: &Transaction<'_>, product_id: &str) -> Result<Vec<Stock>, StoreError> {
    let mut stocks = Vec::new();
    for number in 0.. {
        let page = Page { offset: number * PAGE, limit: PAGE };
        let found: Vec<Stock> = tx.find(&[IndexRange::equal(PRODUCT, product_id)], page)?;
        if found.is_empty() {
            break;
        }
        stocks.extend(found);
    }
    Ok(stocks)
}

/// The stocks of a bundle, in their order; none when it is not the owner's.
pub(super) fn of_bundle(
    tx: &Transaction<'_>,
    owner: &Owner,
    product_id: &str,
    bundle_id: &str,
) -> Result<Vec<Stock>, StoreError> {
    let mut stocks: Vec<Stock> =
        tx.find(&[IndexRange::equal(BUNDLE, bundle_id)], Page { offset: 0, limit: PAGE })?;
    stocks.retain(|stock| stock.owner == *owner && stock.product_id == product_id);
    stocks.sort_unstable_by_key(|stock| stock.bundle.as_ref().map(|bundle| bundle.index));
    Ok(stocks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::product_coupons::fixtures::{NOW, a_bundle, a_product, a_stock, product_request};

    #[test]
    fn a_stock_is_added_to_a_product_coupon_that_lasts() {
        let members = product_request().remove("stock");
        let added = |product| add(product, members.as_ref(), &Numbers::fixed(2), NOW);
        let ((stock, _), response) = added(Some(a_product())).unwrap().parts();
        assert_eq!((&response["stock_id"], &*stock.product_id), (&json!(stock.id), &*a_product().id));
        assert_eq!(added(None).unwrap_err().code, "RESOURCE_NOT_EXISTS");
        let (bundled, _) = a_bundle();
        assert_eq!(added(Some(bundled)).unwrap_err().code, "INVALID_REQUEST");
    }

    #[test]
    fn a_stock_is_over_when_its_period_is_and_lasts_no_longer_than_its_end() {
        let (stock, end) = (a_stock(), a_stock().definition.validity.end);
        assert_eq!((stock.word_at(end), stock.word_at(end + 1)), ("SENDING", "STOPPED"));
        let ending = |time| Ending { request_no: "end-01".to_owned(), time, reason: "误建".to_owned() };
        assert!(stock.clone().deactivated(ending(end + 1)).is_err());
        let ended = stock.deactivated(ending(NOW)).unwrap();
        assert_eq!(ended.word_at(NOW), "DEACTIVATED");
        assert!(ended.check_sending(NOW).is_err());
        assert!(modified(ended.clone(), &Map::new(), NOW).is_err());
        assert!(ended.deactivated(ending(NOW)).is_err());
    }

    #[test]
    fn a_change_replaces_what_it_gives() {
        let Value::Object(request) =
            json!({ "remark": "新备注", "store_scope": "SPECIFIC", "brand_id": "1" })
        else {
            unreachable!()
        };
        let stock = modified(a_stock(), &request, NOW).unwrap();
        assert!(stock.definition.has_specific_stores());
        let shown = stock.describe(&Sent::default(), None, NOW);
        assert_eq!((&shown["remark"], &shown["brand_id"]), (&json!("新备注"), &json!("120344")));
    }

    #[test]
    fn a_stock_comes_back_as_it_was_stored() {
        let text = serde_json::to_string(&a_stock()).unwrap();
        assert_eq!(serde_json::from_str::<Stock>(&text).unwrap(), a_stock());
    }
}
