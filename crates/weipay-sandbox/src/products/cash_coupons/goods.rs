//! The goods (单品) of an order, and those of them that a stock is for, whose list can be changed (修改可用单品编码).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::activation::own_stock;
use super::refusals;
use super::stock::{Stock, StockState};
use crate::clock;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

/// One line of `goods_detail` of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Goods {
    pub(crate) id: String,
    pub(crate) quantity: i64,
    /// Fen of one piece.
    pub(crate) price: i64,
}

impl Goods {
    /// The goods of an order: an object, or its JSON text in combined orders. APIv2 has other names
    /// for the same members.
    pub(crate) fn of_detail(detail: Option<&Value>) -> Vec<Self> {
        let parsed: Option<Value> =
            detail.and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
        let detail = parsed.as_ref().or(detail);
        let list = detail.and_then(|detail| detail.get("goods_detail")).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Self::read).collect()
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let number = |name: &str| value.get(name).and_then(Value::as_i64).filter(|number| *number >= 0);
        Some(Self {
            id: text("merchant_goods_id").or_else(|| text("goods_id"))?.to_owned(),
            // Of which there is no piece, nothing is bought.
            quantity: number("quantity").filter(|quantity| *quantity > 0)?,
            price: number("unit_price").or_else(|| number("price"))?,
        })
    }

    /// Fen of all pieces.
    pub(crate) fn worth(&self) -> i64 {
        self.quantity.saturating_mul(self.price)
    }
}

/// The goods of an order that a coupon is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Eligible {
    /// Fen.
    pub(super) fen: i64,
    /// Where the stock is for some goods: those that are in the order.
    pub(super) goods: Vec<Goods>,
}

impl Eligible {
    /// The goods of an order that a stock is for. INFERRED(cash-goods): the goods of `available_items`, or all but
    /// those of `unavailable_items`, and the minimum counts only them.
    pub(super) fn of_order(stock: &Stock, total: i64, goods: &[Goods]) -> Self {
        let worth = |goods: &[Goods]| goods.iter().fold(0i64, |sum, one| sum.saturating_add(one.worth()));
        let named = |names: &[&str]| -> Vec<Goods> {
            goods.iter().filter(|goods| names.contains(&&*goods.id)).cloned().collect()
        };
        let items = stock.items();
        if !items.is_empty() {
            let goods = named(&items);
            return Self { fen: worth(&goods).min(total), goods };
        }
        let excluded = worth(&named(&stock.use_rule_texts("unavailable_items")));
        Self { fen: total.saturating_sub(excluded).max(0), goods: Vec::new() }
    }
}

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
    use serde_json::json;

    use super::*;
    use crate::products::cash_coupons::stock::tests::a_running_stock;

    #[test]
    fn goods_are_read_from_every_kind_of_order() {
        let tea = [Goods { id: "tea".to_owned(), quantity: 2, price: 300 }];
        let v3 =
            json!({ "goods_detail": [{ "merchant_goods_id": "tea", "quantity": 2, "unit_price": 300 }] });
        let v2 = json!({ "goods_detail": [{ "goods_id": "tea", "quantity": 2, "price": 300 }] });
        for detail in [&v3, &v2, &json!(v3.to_string())] {
            assert_eq!(Goods::of_detail(Some(detail)), tea);
        }
        for nothing in [json!("买单费用"), json!({}), json!({ "goods_detail": [{ "quantity": -1 }, 5] })]
        {
            assert_eq!(Goods::of_detail(Some(&nothing)), []);
        }
        assert_eq!(Goods::of_detail(None), []);
        let none =
            json!({ "goods_detail": [{ "merchant_goods_id": "tea", "quantity": 0, "unit_price": 300 }] });
        assert_eq!(Goods::of_detail(Some(&none)), [], "no piece of it");
    }

    #[test]
    fn only_the_goods_of_the_stock_count_and_those_that_are_excluded_do_not() {
        let goods = [("tea", 2, 300), ("cake", 1, 500)].map(|(id, quantity, price)| Goods {
            id: id.to_owned(),
            quantity,
            price,
        });
        let mut stock = a_running_stock();
        assert_eq!(Eligible::of_order(&stock, 1_100, &goods).fen, 1_100);
        stock.members["coupon_use_rule"]["unavailable_items"] = json!(["cake"]);
        assert_eq!(Eligible::of_order(&stock, 1_100, &goods).fen, 600);
        stock.members["coupon_use_rule"]["available_items"] = json!(["tea", "milk"]);
        let eligible = Eligible::of_order(&stock, 1_100, &goods);
        assert_eq!((eligible.fen, eligible.goods), (600, vec![goods[0].clone()]));
    }

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
