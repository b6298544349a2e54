//! A product coupon (商品券): what a brand offers. Stocks of it are sent.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::definition::{Definition, UsageMode, check_display_info};
use super::stock::{self, NewStock, Stock};
use super::{Owner, REQUEST_NO, once, refusals};
use crate::clock;
use crate::entropy::Entropy;
use crate::products::coupon_stocks::caps::Sent;
use crate::products::{Context, Decided, Decision, HandlerError, carry_out, idempotently};
use crate::response::Refusal;
use crate::store::{Due, IdempotencyKey, Record, StoreError, Transaction};

pub(super) fn create_product(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let owner = Owner::read(context);
    let scope = owner.key();
    let key = IdempotencyKey {
        operation: "create product coupon",
        scope: &scope,
        request_no: context.request.required(REQUEST_NO),
    };
    idempotently(tx, context, &key, refusals::already_exists, || {
        let numbers = Numbers::new(tx, context.entropy)?;
        carry_out(tx, create(owner, context.request.body.clone(), &numbers, context.now)?)
    })
}

pub(super) fn query_product(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let found = find(tx, &Owner::read(context), context.request.path("product_coupon_id"))?;
    Ok(Value::Object(found.ok_or_else(refusals::no_such_product)?.describe()))
}

pub(super) fn modify_product(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, ("modify product coupon", REQUEST_NO), |owner| {
        let found = find(tx, &owner, context.request.path("product_coupon_id"))?;
        Ok(modify(&context.request.body, found))
    })
}

pub(super) fn deactivate_product(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, ("deactivate product coupon", REQUEST_NO), |owner| {
        let id = context.request.path("product_coupon_id");
        let found = find(tx, &owner, id)?;
        Ok(deactivate(found, stock::all_of_product(tx, id)?, Ending::read(context)))
    })
}

/// A product coupon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) owner: Owner,
    pub(crate) usage: UsageMode,
    /// The members of the request that describe it.
    pub(crate) members: Map<String, Value>,
    /// INFERRED(product-coupon-review): product coupons and stocks pass their review at once, because it is
    /// said to be very short. Until this the state is `EFFECTIVE`.
    pub(crate) ended: Option<Ending>,
}

/// Why and when the partner ended something (失效).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ending {
    pub(crate) request_no: String,
    pub(crate) time: i64,
    pub(crate) reason: String,
}

/// The numbers that a new product coupon may need.
pub(super) struct Numbers {
    serial: i64,
    digits: String,
}

impl Numbers {
    pub(super) fn new(tx: &Transaction<'_>, entropy: &Entropy) -> Result<Self, StoreError> {
        Ok(Self { serial: tx.next_number("product coupon")?, digits: entropy.digits(13) })
    }

    #[cfg(test)]
    pub(super) fn fixed(serial: i64) -> Self {
        Self { serial, digits: "8".repeat(13) }
    }

    /// Thirty digits, as real ones have. Numbers of merchant coupons have sixteen.
    pub(super) fn product(&self) -> String {
        format!("7011{}{:013}", self.digits, self.serial)
    }

    pub(super) fn stock(&self, index: usize) -> String {
        format!("7012{}{:011}{index:02}", self.digits, self.serial)
    }

    pub(super) fn bundle(&self) -> String {
        format!("7123{}{:011}", self.digits, self.serial)
    }
}

impl Ending {
    /// The request of an end.
    pub(super) fn read(context: &Context<'_>) -> Self {
        Self {
            request_no: context.request.required(REQUEST_NO).to_owned(),
            time: context.now,
            reason: context.request.required("deactivate_reason").to_owned(),
        }
    }

    pub(super) fn show(&self, shown: &mut Map<String, Value>) {
        shown.insert("deactivate_request_no".to_owned(), self.request_no.as_str().into());
        shown.insert("deactivate_time".to_owned(), clock::rfc3339(self.time).into());
        shown.insert("deactivate_reason".to_owned(), self.reason.as_str().into());
    }
}

/// The members of the request that describe the product coupon.
const DESCRIBING: [&str; 8] = [
    "scope",
    "type",
    "usage_mode",
    "single_usage_info",
    "sequential_usage_info",
    "progressive_bundle_usage_info",
    "display_info",
    "out_product_no",
];

type Creation = (Product, Vec<(Stock, Sent)>);

/// Creates a product coupon with its first stock, or with the stocks of its first bundle.
pub(super) fn create(
    owner: Owner,
    mut request: Map<String, Value>,
    numbers: &Numbers,
    now: i64,
) -> Decided<Creation> {
    let described = DESCRIBING.into_iter().filter_map(|name| Some((name.to_owned(), request.remove(name)?)));
    let members: Map<String, Value> = described.filter(|(_, value)| !value.is_null()).collect();
    let usage = UsageMode::read(&members)?;
    check_display_info(&members)?;
    let product = Product { id: numbers.product(), owner, usage, members, ended: None };
    let mut given = |name: &str| match request.remove(name) {
        Some(Value::Object(members)) => Some(members),
        _ => None,
    };
    let new = NewStock { product: &product, numbers, now };
    let (stock, bundle) = (given("stock"), given("stock_bundle"));
    let mut response = product.describe();
    let stocks = match (usage, stock, bundle) {
        (UsageMode::Bundle { .. }, None, Some(bundle)) => {
            let stocks = new.bundle(&bundle)?;
            response.insert("stock_bundle".to_owned(), stock::describe_bundle(&stocks, now));
            stocks
        }
        (UsageMode::Single | UsageMode::Sequential { .. }, Some(members), None) => {
            let stock = new.single(members)?;
            response.insert("stock".to_owned(), stock.0.describe(&stock.1, None, now));
            vec![stock]
        }
        _ => {
            let reason = "usage_mode PROGRESSIVE_BUNDLE needs stock_bundle, any other needs stock";
            return Err(refusals::parameters(reason));
        }
    };
    let due = stocks.iter().map(|(stock, _)| stock.due()).collect::<Vec<Due>>();
    Ok(Decision { due, ..Decision::new((product, stocks), response.into()) })
}

/// Changes how it is shown. Coupons that were sent keep what they had.
fn modify(request: &Map<String, Value>, product: Option<Product>) -> Decided<Product> {
    let mut product = product.ok_or_else(refusals::no_such_product)?;
    product.check_lasts()?;
    check_display_info(request)?;
    if let Some(info) = request.get("display_info") {
        product.members.insert("display_info".to_owned(), info.clone());
    }
    let response = product.describe();
    Ok(Decision::new(product, response.into()))
}

/// Ends it with all its stocks that have not ended before: a stock whose period is over stays `STOPPED`.
/// Coupons that were sent stay valid.
fn deactivate(
    product: Option<Product>,
    stocks: Vec<Stock>,
    ending: Ending,
) -> Decided<(Product, Vec<Stock>)> {
    let product = product.ok_or_else(refusals::no_such_product)?;
    product.check_lasts()?;
    let stocks = stocks.into_iter().filter(|stock| stock.check_lasts(ending.time).is_ok());
    let stocks: Vec<_> = stocks.map(|stock| Stock { ended: Some(ending.clone()), ..stock }).collect();
    let no_longer_due = stocks.iter().map(Stock::due).collect();
    let product = Product { ended: Some(ending), ..product };
    let response = product.describe();
    Ok(Decision { no_longer_due, ..Decision::new((product, stocks), response.into()) })
}

impl Product {
    /// Whether it has not ended.
    pub(super) fn check_lasts(&self) -> Result<(), Refusal> {
        if self.ended.is_some() { Err(refusals::product_over()) } else { Ok(()) }
    }

    /// The response to 查询商品券.
    pub(super) fn describe(&self) -> Map<String, Value> {
        self.describe_as(&self.members)
    }

    /// The same, with what it said of itself at another time.
    pub(super) fn describe_as(&self, members: &Map<String, Value>) -> Map<String, Value> {
        let mut shown = Map::new();
        shown.insert("product_coupon_id".to_owned(), self.id.as_str().into());
        shown.extend(members.clone());
        let state = if self.ended.is_some() { "DEACTIVATED" } else { "EFFECTIVE" };
        shown.insert("state".to_owned(), state.into());
        if let Some(ending) = &self.ended {
            ending.show(&mut shown);
        }
        shown.insert("brand_id".to_owned(), self.owner.brand_id.as_str().into());
        shown
    }

    pub(super) fn definition(&self, members: Map<String, Value>) -> Result<Definition, Refusal> {
        Definition::read(&self.members, self.usage, members)
    }
}

impl Record for Product {
    const KIND: &'static str = "product coupon";

    fn key(&self) -> String {
        self.id.clone()
    }
}

/// The product coupon with this number, when it is the owner's.
pub(super) fn find(tx: &Transaction<'_>, owner: &Owner, id: &str) -> Result<Option<Product>, StoreError> {
    let found: Option<Product> = tx.get(id)?;
    Ok(found.filter(|product| product.owner == *owner))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::products::product_coupons::fixtures::{
        NOW, a_bundle, a_product, a_stock, bundle_request, owner, product_request,
    };

    fn created(change: impl FnOnce(&mut Value)) -> Decided<Creation> {
        let mut request = Value::Object(product_request());
        change(&mut request);
        let Value::Object(request) = request else { unreachable!() };
        create(owner(), request, &Numbers::fixed(1), NOW)
    }

    #[test]
    fn a_new_product_coupon_has_a_stock_that_can_be_sent() {
        let ((product, stocks), response) = created(|_| ()).unwrap().parts();
        assert_eq!(
            (&response["state"], &response["stock"]["state"]),
            (&json!("EFFECTIVE"), &json!("SENDING"))
        );
        assert_eq!(response["product_coupon_id"], product.id);
        assert_eq!(response["stock"]["stock_id"], stocks[0].0.id);
        assert_eq!((product.id.len(), stocks[0].0.id.len()), (30, 30));
        assert_eq!(response["stock"]["sent_count_info"], json!({ "total_count": 0, "today_count": 0 }));
        assert_eq!(response["brand_id"], "120344");
        assert_eq!(response.get("out_request_no"), None);
    }

    #[test]
    fn a_bundle_has_a_stock_for_each_of_its_coupons() {
        let decision = create(owner(), bundle_request(), &Numbers::fixed(1), NOW).unwrap();
        let ((_, stocks), response) = decision.parts();
        let list = response["stock_bundle"]["stock_list"].as_array().unwrap();
        assert_eq!((stocks.len(), list.len()), (3, 3));
        for (index, stock) in list.iter().enumerate() {
            assert_eq!(stock["stock_bundle_info"]["stock_bundle_index"], index);
            let amount = &stock["progressive_bundle_usage_rule"]["normal_coupon"]["discount_amount"];
            assert_eq!(*amount, 100 * (index + 1));
        }
        assert_eq!(a_bundle().1.len(), 3);
    }

    #[test]
    fn contradictions_are_refused_with_the_reason() {
        for change in [
            |request: &mut Value| request["usage_mode"] = json!("OFTEN"),
            |request: &mut Value| request["usage_mode"] = json!("SEQUENTIAL"),
            |request: &mut Value| request["usage_mode"] = json!("PROGRESSIVE_BUNDLE"),
            |request: &mut Value| request["type"] = json!("EXCHANGE"),
            |request: &mut Value| request["display_info"]["name"] = json!("两字"),
            |request: &mut Value| request["stock"]["stock_send_rule"]["max_count"] = json!(0),
            |request: &mut Value| request["stock"]["stock_send_rule"]["max_count_per_user"] = json!(101),
            |request: &mut Value| request["stock"]["coupon_code_mode"] = json!("MERCHANT_API"),
            |request: &mut Value| {
                let period = &mut request["stock"]["single_usage_rule"]["coupon_available_period"];
                period["weekly_available_period"] = json!({ "day_list": ["FUNDAY"] });
            },
            |request: &mut Value| {
                let period = &mut request["stock"]["single_usage_rule"]["coupon_available_period"];
                period["available_end_time"] = json!("2026-08-01T00:00:00+08:00");
            },
        ] {
            let refusal = created(change).unwrap_err();
            assert_eq!((refusal.status, refusal.code), (400, "PARAM_ERROR"));
            assert!(refusal.reason.is_some());
        }
    }

    #[test]
    fn what_it_takes_off_may_stand_in_the_stock() {
        let moved = created(|request| {
            let info = request["single_usage_info"].take();
            request["stock"]["single_usage_rule"]["normal_coupon"] = info["normal_coupon"].clone();
        });
        assert!(moved.is_ok());
    }

    #[test]
    fn a_stock_that_has_ended_stays_stopped_when_its_product_ends() {
        let stopped = Stock { state: stock::ProductStockState::Stopped, ..a_stock() };
        let paused = Stock { state: stock::ProductStockState::Paused, ..a_stock() };
        let ended = |time| {
            let ending = Ending { request_no: "end-01".to_owned(), time, reason: "下架".to_owned() };
            let stocks = vec![stopped.clone(), paused.clone(), a_stock()];
            deactivate(Some(a_product()), stocks, ending).unwrap().changed.1
        };
        let words: Vec<_> = ended(NOW).iter().map(|stock| stock.word_at(NOW)).collect();
        assert_eq!(words, ["DEACTIVATED", "DEACTIVATED"]);
        // The clock has not stopped these yet, but their period is over.
        assert!(ended(a_stock().definition.validity.end + 1).is_empty());
    }

    #[test]
    fn a_change_shows_and_what_has_ended_cannot_be_changed() {
        let Value::Object(request) = json!({ "display_info": { "name": "另一种商品券" } }) else {
            unreachable!()
        };
        let (product, response) = modify(&request, Some(a_product())).unwrap().parts();
        assert_eq!(response["display_info"]["name"], "另一种商品券");
        let ending = Ending { request_no: "end-01".to_owned(), time: NOW, reason: "下架".to_owned() };
        let ((product, stocks), response) =
            deactivate(Some(product), vec![a_stock()], ending.clone()).unwrap().parts();
        assert_eq!(
            (&response["state"], &response["deactivate_reason"]),
            (&json!("DEACTIVATED"), &json!("下架"))
        );
        assert_eq!(stocks[0].ended.as_ref(), Some(&ending));
        assert_eq!(modify(&request, Some(product.clone())).unwrap_err().code, "INVALID_REQUEST");
        assert_eq!(deactivate(Some(product), Vec::new(), ending).unwrap_err().code, "INVALID_REQUEST");
        assert_eq!(modify(&request, None).unwrap_err().code, "RESOURCE_NOT_EXISTS");
    }
}
