//! Bundles of stocks (批次组): one stock for each coupon that a user gets. They are made and changed together.

use serde_json::{Value, json};

use super::product::{self, Numbers, Product};
use super::stock::{self, NewStock, Stock, describe_bundle, modified};
use super::{Owner, REQUEST_NO, once, refusals};
use crate::products::coupon_stocks::caps::Sent;
use crate::products::{Context, Decided, Decision, HandlerError};
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};

pub(super) fn add_bundle(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, ("add product coupon bundle", REQUEST_NO), |owner| {
        let product = product::find(tx, &owner, context.request.path("product_coupon_id"))?;
        let numbers = Numbers::new(tx, context.entropy)?;
        Ok(add(product, context.request.body.get("stock_bundle"), &numbers, context.now))
    })
}

pub(super) fn modify_bundle(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, ("modify product coupon bundle", REQUEST_NO), |owner| {
        let stocks = named(tx, context, &owner)?;
        let change = |(stock, facts)| Ok((modified(stock, &context.request.body, context.now)?, facts));
        Ok(change_all(stocks, context.now, change))
    })
}

/// The records of a stock.
pub(super) type Facts = (Sent, Value);

/// The stocks of the bundle in the path, with what was sent of each and its codes as they are shown.
pub(super) fn named(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    owner: &Owner,
) -> Result<Vec<(Stock, Facts)>, StoreError> {
    let request = context.request;
    let (product_id, bundle_id) = (request.path("product_coupon_id"), request.path("stock_bundle_id"));
    let stocks = stock::of_bundle(tx, owner, product_id, bundle_id)?;
    let with_facts = |stock: Stock| {
        let (sent, counts) = stock::facts(tx, &stock)?;
        Ok((stock, (sent, counts.map(|counts| counts.describe()).into())))
    };
    stocks.into_iter().map(with_facts).collect()
}

/// Changes all stocks of a bundle, or none.
pub(super) fn change_all(
    stocks: Vec<(Stock, Facts)>,
    now: i64,
    change: impl Fn((Stock, Facts)) -> Result<(Stock, Facts), Refusal>,
) -> Decided<Vec<Stock>> {
    let changed = stocks.into_iter().map(change).collect::<Result<Vec<_>, _>>()?;
    let bundle = changed.first().and_then(|(stock, _)| stock.bundle.clone());
    let id = bundle.ok_or_else(refusals::no_such_bundle)?.id;
    let show = |(stock, (sent, counts)): &(Stock, Facts)| {
        let mut shown = stock.describe(sent, None, now);
        if !counts.is_null() {
            shown["coupon_code_count_info"] = counts.clone();
        }
        shown
    };
    let response =
        json!({ "stock_bundle_id": id, "stock_list": changed.iter().map(show).collect::<Vec<_>>() });
    Ok(Decision::new(changed.into_iter().map(|(stock, _)| stock).collect(), response))
}

/// Adds a bundle to a product coupon.
fn add(
    product: Option<Product>,
    members: Option<&Value>,
    numbers: &Numbers,
    now: i64,
) -> Decided<Vec<(Stock, Sent)>> {
    let product = product.ok_or_else(refusals::no_such_product)?;
    product.check_lasts()?;
    let members = members.and_then(Value::as_object).cloned().unwrap_or_default();
    let stocks = NewStock { product: &product, numbers, now }.bundle(&members)?;
    let response = describe_bundle(&stocks, now);
    let due = stocks.iter().map(|(stock, _)| stock.due()).collect();
    Ok(Decision { due, ..Decision::new(stocks, response) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::product_coupons::fixtures::{NOW, a_bundle, a_product, bundle_request};

    #[test]
    fn a_bundle_is_added_to_a_product_coupon_of_bundles_only() {
        let members = bundle_request().remove("stock_bundle");
        let added = |product| add(Some(product), members.as_ref(), &Numbers::fixed(2), NOW);
        let (stocks, response) = added(a_bundle().0).unwrap().parts();
        assert_eq!((stocks.len(), response["stock_list"].as_array().unwrap().len()), (3, 3));
        assert_eq!(added(a_product()).unwrap_err().code, "INVALID_REQUEST");
    }

    #[test]
    fn a_list_that_is_too_short_makes_no_bundle() {
        let mut members = bundle_request().remove("stock_bundle").unwrap();
        members["progressive_bundle_usage_rule"]["normal_coupon_list"].as_array_mut().unwrap().pop();
        let refusal = add(Some(a_bundle().0), Some(&members), &Numbers::fixed(2), NOW).unwrap_err();
        assert_eq!(refusal.code, "PARAM_ERROR");
    }

    #[test]
    fn all_stocks_of_a_bundle_change_or_none() {
        let (_, mut stocks) = a_bundle();
        stocks[2].state = stock::ProductStockState::Stopped;
        let stocks: Vec<_> =
            stocks.into_iter().map(|stock| (stock, (Sent::default(), Value::Null))).collect();
        let change = |(stock, facts)| Ok((modified(stock, &serde_json::Map::new(), NOW)?, facts));
        assert_eq!(change_all(stocks.clone(), NOW, change).unwrap_err().code, "INVALID_REQUEST");
        assert_eq!(change_all(stocks[..2].to_vec(), NOW, change).unwrap().changed.len(), 2);
        assert_eq!(change_all(Vec::new(), NOW, change).unwrap_err().code, "RESOURCE_NOT_EXISTS");
    }
}
