//! The goods that a stock is for: their list can be changed (修改可用单品编码).

use serde_json::{Value, json};

use super::activation::own_stock;
use super::refusals;
use super::stock::{Stock, StockState};
use crate::clock;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

/// The most goods of one stock. INFERRED(cash-items): the limit of a new stock.
const MAX_ITEMS: usize = 50;

/// The coupons that people have are for the new list at once.
pub(super) fn modify_items(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mut stock = own_stock(tx, context)?;
    let list = |name: &str| {
        let list = context.request.body.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let changed = changed(&stock, &list("add_goods_id_list"), &list("delete_goods_id_list"))?;
    stock.set_items(changed);
    tx.save(&stock)?;
    Ok(json!({ "pause_time": clock::rfc3339(context.now), "stock_id": stock.id }))
}

/// The rule. UNCONFIRMED(cash-items-change): only a stock that was made for some goods can be changed, it
/// keeps at least one, and goods that are there or are missing already change nothing.
fn changed(stock: &Stock, add: &[String], delete: &[String]) -> Result<Vec<String>, Refusal> {
    if stock.state == StockState::Stoped {
        return Err(refusals::change_of_stopped());
    }
    let mut items: Vec<String> = stock.items().into_iter().map(str::to_owned).collect();
    if items.is_empty() {
        return Err(refusals::bad_rules(
            "this stock is for all goods: only one with available_items can change them",
        ));
    }
    if add.is_empty() && delete.is_empty() {
        return Err(refusals::bad_rules("add_goods_id_list or delete_goods_id_list must name something"));
    }
    items.retain(|item| !delete.contains(item));
    for item in add {
        if !items.contains(item) {
            items.push(item.clone());
        }
    }
    match items.len() {
        1..=MAX_ITEMS => Ok(items),
        _ => Err(refusals::bad_rules("a stock for some goods has 1 to 50 of them")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::stock::tests::a_running_stock;
    use super::*;

    #[test]
    fn goods_are_added_and_taken_away_and_at_least_one_stays() {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut stock = a_running_stock();
        assert!(changed(&stock, &texts(&["tea"]), &[]).is_err(), "it is for all goods");
        stock.set_items(texts(&["tea", "cake"]));
        let after = changed(&stock, &texts(&["milk", "tea"]), &texts(&["cake", "nothing"])).unwrap();
        assert_eq!(after, ["tea", "milk"]);
        assert!(changed(&stock, &[], &texts(&["tea", "cake"])).is_err());
        assert!(changed(&stock, &[], &[]).is_err());
        let many: Vec<String> = (0..60).map(|number| number.to_string()).collect();
        assert!(changed(&stock, &many, &[]).is_err());
        stock.state = StockState::Stoped;
        assert_eq!(changed(&stock, &texts(&["milk"]), &[]).unwrap_err().code, "PARAM_ERROR");
    }
}
