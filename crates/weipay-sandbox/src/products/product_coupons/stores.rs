//! Stores (门店) in which coupons of a stock are valid, when its `store_scope` is `SPECIFIC`.
//!
//! INFERRED(product-coupon-stores): every store is there and open. A store that is associated again succeeds;
//! one that was not associated fails to be disassociated, alone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::stock::{self, Stock};
use super::{Owner, bundle, refusals};
use crate::contract::ValidRequest;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};

pub(super) fn associate_with_stock(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    change(tx, context, stock_of_path(tx, context)?, true)
}

pub(super) fn disassociate_from_stock(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    change(tx, context, stock_of_path(tx, context)?, false)
}

pub(super) fn associate_with_bundle(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    change(tx, context, bundle_of_path(tx, context)?, true)
}

pub(super) fn disassociate_from_bundle(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    change(tx, context, bundle_of_path(tx, context)?, false)
}

fn stock_of_path(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Vec<Stock>, HandlerError> {
    let stock = stock::named(tx, context)?.ok_or_else(refusals::no_such_stock)?;
    Ok(vec![stock.check_single()?])
}

fn bundle_of_path(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Vec<Stock>, HandlerError> {
    let stocks = bundle::named(tx, context, &Owner::read(context))?;
    if stocks.is_empty() {
        return Err(refusals::no_such_bundle().into());
    }
    Ok(stocks.into_iter().map(|(stock, _)| stock).collect())
}

/// A store that was ever associated with a stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoreOfStock {
    stock_id: String,
    pub(super) store_id: String,
    is_associated: bool,
}

const STOCK: &str = "stock";
const MAX_STORES: usize = 200;

/// Associates the stores of the request with stocks, or disassociates them.
fn change(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    stocks: Vec<Stock>,
    associates: bool,
) -> Result<Value, HandlerError> {
    stocks.iter().try_for_each(|stock| check_stock(stock, context.now))?;
    let stores = read(context.request)?;
    let (mut success, mut failed) = (Vec::new(), Vec::new());
    for store_id in &stores {
        let mut is_changed = associates;
        for stock in &stocks {
            let known = find(tx, &stock.id, store_id)?;
            let was_associated = known.as_ref().is_some_and(|store| store.is_associated);
            is_changed |= was_associated;
            if was_associated != associates && (known.is_some() || associates) {
                let (stock_id, store_id) = (stock.id.clone(), store_id.clone());
                tx.save(&StoreOfStock { stock_id, store_id, is_associated: associates })?;
            }
        }
        if is_changed {
            success.push(json!({ "store_id": store_id }));
        } else {
            failed.push(
                json!({ "store_id": store_id, "code": "RESOURCE_NOT_EXISTS", "message": "门店未关联该批次" }),
            );
        }
    }
    Ok(json!({ "total_count": stores.len(), "success_store_list": success, "failed_store_list": failed }))
}

fn check_stock(stock: &Stock, now: i64) -> Result<(), Refusal> {
    if !stock.definition.has_specific_stores() {
        return Err(refusals::not_specific_stores());
    }
    stock.check_lasts(now)
}

/// The stores of a request, each once.
fn read(request: &ValidRequest) -> Result<BTreeSet<String>, Refusal> {
    let list = request.body.get("store_list").and_then(Value::as_array);
    let stores: Vec<_> =
        list.into_iter().flatten().filter_map(|store| store.get("store_id")?.as_str()).collect();
    if stores.is_empty() || stores.len() > MAX_STORES {
        return Err(refusals::parameters("give 1 to 200 stores in store_list"));
    }
    Ok(stores.into_iter().map(str::to_owned).collect())
}

impl Record for StoreOfStock {
    const KIND: &'static str = "product coupon store";

    fn key(&self) -> String {
        joined(&self.stock_id, &self.store_id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        if self.is_associated { vec![IndexEntry::new(STOCK, self.stock_id.as_str())] } else { Vec::new() }
    }
}

fn find(tx: &Transaction<'_>, stock_id: &str, store_id: &str) -> Result<Option<StoreOfStock>, StoreError> {
    tx.get(&joined(stock_id, store_id))
}

/// Whether a store is associated with a stock.
pub(super) fn is_associated(
    tx: &Transaction<'_>,
    stock_id: &str,
    store_id: &str,
) -> Result<bool, StoreError> {
    Ok(find(tx, stock_id, store_id)?.is_some_and(|store| store.is_associated))
}

/// A page of the stores of a stock, the last associated first, and how many there are in all.
pub(super) fn list(
    tx: &Transaction<'_>,
    stock_id: &str,
    page: Page,
) -> Result<(Vec<StoreOfStock>, i64), StoreError> {
    let conditions = [IndexRange::equal(STOCK, stock_id)];
    Ok((tx.find(&conditions, page)?, tx.count::<StoreOfStock>(&conditions)?))
}
