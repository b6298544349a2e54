//! What this product keeps: stocks and coupons, and how they are found.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::coupon::Coupon;
use super::definition::{CodeMode, Definition};
use super::stock::{Stock, StockState};
use crate::store::record::{IndexEntry, Record, joined};
use crate::store::{StoreError, Transaction};

const USER: &str = "user";
const STOCK_AND_USER: &str = "stock and user";
const CODE: &str = "code";

impl Record for Stock {
    const KIND: &'static str = "merchant coupon stock";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        Vec::new()
    }
}

impl Record for Coupon {
    const KIND: &'static str = "merchant coupon";

    fn key(&self) -> String {
        joined(&self.stock_id, &self.code)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![
            IndexEntry::new(USER, self.openid.as_str()),
            IndexEntry::new(STOCK_AND_USER, joined(&self.stock_id, &self.openid)),
            IndexEntry::new(CODE, self.code.as_str()),
        ]
    }
}

/// A definition is kept as its members, and read as it was when the stock was created.
impl Serialize for Definition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Definition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::<String, Value>::deserialize(deserializer)?;
        Self::from_members(members).map_err(D::Error::custom)
    }
}

/// One stock.
pub(super) fn stock(tx: &Transaction<'_>, id: &str) -> Result<Option<Stock>, StoreError> {
    tx.get(id)
}

/// Puts a stock into another state. Whether there is such a stock.
pub(crate) fn set_stock_state(tx: &Transaction<'_>, id: &str, state: StockState) -> Result<bool, StoreError> {
    let Some(stock) = stock(tx, id)? else { return Ok(false) };
    tx.save(&Stock { state, ..stock }).map(|()| true)
}

fn stock_of(tx: &Transaction<'_>, coupon: &Coupon) -> Result<Stock, StoreError> {
    stock(tx, &coupon.stock_id)?
        .ok_or_else(|| StoreError::Corrupt(format!("{} {}, which has no stock", Coupon::KIND, coupon.key())))
}

fn with_stock(tx: &Transaction<'_>, coupon: Coupon) -> Result<(Stock, Coupon), StoreError> {
    Ok((stock_of(tx, &coupon)?, coupon))
}

/// The coupon with this code of a stock.
pub(super) fn coupon(
    tx: &Transaction<'_>,
    stock_id: &str,
    code: &str,
) -> Result<Option<(Stock, Coupon)>, StoreError> {
    tx.get(&joined(stock_id, code))?.map(|coupon| with_stock(tx, coupon)).transpose()
}

/// A coupon by its code alone. Only codes that the platform made are unique without their stock; `mode` says of which
/// stocks the coupon may be.
pub(super) fn coupon_by_code(
    tx: &Transaction<'_>,
    code: &str,
    mode: CodeMode,
) -> Result<Option<(Stock, Coupon)>, StoreError> {
    for coupon in tx.find(CODE, code)? {
        let found = with_stock(tx, coupon)?;
        if found.0.definition.code_mode == mode {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// A user's coupon by its code. UNCONFIRMED: among equal codes of several stocks the newest is meant.
pub(super) fn coupon_of_user(
    tx: &Transaction<'_>,
    openid: &str,
    code: &str,
) -> Result<Option<(Stock, Coupon)>, StoreError> {
    let coupons: Vec<Coupon> = tx.find(CODE, code)?;
    let newest = coupons.into_iter().find(|coupon| coupon.openid == openid);
    newest.map(|coupon| with_stock(tx, coupon)).transpose()
}

/// How many coupons of a stock a user has received.
pub(super) fn received_by_user(
    tx: &Transaction<'_>,
    stock_id: &str,
    openid: &str,
) -> Result<i64, StoreError> {
    tx.count::<Coupon>(STOCK_AND_USER, &joined(stock_id, openid))
}

/// A user's coupons, of one stock or of all, the one that was received last first.
pub(super) fn coupons_of_user(
    tx: &Transaction<'_>,
    openid: &str,
    stock_id: Option<&str>,
) -> Result<Vec<(Stock, Coupon)>, StoreError> {
    let mut coupons: Vec<Coupon> = match stock_id {
        Some(stock_id) => tx.find(STOCK_AND_USER, &joined(stock_id, openid))?,
        None => tx.find(USER, openid)?,
    };
    // They come in the order in which they were added, which differs where a clock was set back.
    coupons.sort_by_key(|coupon| std::cmp::Reverse(coupon.receive_time));
    let mut stocks: Vec<Stock> = Vec::new();
    let mut found = Vec::with_capacity(coupons.len());
    for coupon in coupons {
        let known = stocks.iter().find(|stock| stock.id == coupon.stock_id).cloned();
        let stock = match known {
            Some(stock) => stock,
            None => {
                let stock = stock_of(tx, &coupon)?;
                stocks.push(stock.clone());
                stock
            }
        };
        found.push((stock, coupon));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::coupon::{Association, Condition, Event};
    use crate::products::merchant_coupons::fixtures::{NOW, OPENID, a_coupon, a_stock};
    use crate::store::Store;

    fn with_coupon(check: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>) {
        let checked: Result<(), StoreError> = Store::in_memory().transaction(|tx| {
            tx.save(&a_stock())?;
            tx.save(&a_coupon())?;
            check(tx)
        });
        checked.unwrap();
    }

    #[test]
    fn a_stock_comes_back_as_it_was_kept() {
        with_coupon(|tx| {
            let mut stock = stock(tx, &a_stock().id)?.unwrap();
            assert_eq!(stock, a_stock());
            stock.sent = stock.sent.one_more(NOW);
            stock.definition.members.insert("comment".to_owned(), "another".into());
            tx.save(&stock)?;
            for state in [StockState::Paused, StockState::Stoped, StockState::Unaudit, StockState::Running] {
                assert!(set_stock_state(tx, &stock.id, state)?);
                assert_eq!(super::stock(tx, &stock.id)?, Some(Stock { state, ..stock.clone() }));
            }
            assert!(!set_stock_state(tx, "another", StockState::Paused)?);
            Ok(())
        });
    }

    #[test]
    fn a_coupon_comes_back_as_it_was_kept_in_every_condition() {
        let step = |number: &str| Event { request_no: number.to_owned(), time: NOW };
        let conditions = [
            Condition::Sent,
            Condition::Used(step("u1")),
            Condition::Deactivated(step("d1"), None),
            Condition::Deactivated(step("d1"), Some("误发".to_owned())),
            Condition::Deleted,
        ];
        with_coupon(|tx| {
            for condition in conditions {
                for tied in [true, false] {
                    let association = Association { out_trade_no: "o-1".to_owned(), time: NOW };
                    let changed = Coupon {
                        condition: condition.clone(),
                        association: tied.then_some(association),
                        returned: (!tied).then(|| step("r1")),
                        ..a_coupon()
                    };
                    tx.save(&changed)?;
                    assert_eq!(coupon(tx, &changed.stock_id, &changed.code)?, Some((a_stock(), changed)));
                }
            }
            assert_eq!(coupon(tx, "another", &a_coupon().code)?, None);
            Ok(())
        });
    }

    #[test]
    fn a_code_without_its_stock_finds_only_stocks_of_the_mode() {
        with_coupon(|tx| {
            assert!(coupon_by_code(tx, &a_coupon().code, CodeMode::WechatPay)?.is_some());
            assert!(coupon_by_code(tx, &a_coupon().code, CodeMode::MerchantApi)?.is_none());
            Ok(())
        });
    }

    #[test]
    fn a_user_has_its_own_coupons_only_the_last_received_first() {
        with_coupon(|tx| {
            let again = Coupon { code: "2".to_owned(), receive_time: NOW + 1, ..a_coupon() };
            let before = Coupon { code: "3".to_owned(), receive_time: NOW - 1, ..a_coupon() };
            let other = Coupon { code: "4".to_owned(), openid: "o".repeat(28), ..a_coupon() };
            [&again, &before, &other].into_iter().try_for_each(|coupon| tx.save(coupon))?;
            for stock_id in [None, Some(&*a_stock().id)] {
                let codes: Vec<String> = coupons_of_user(tx, OPENID, stock_id)?
                    .into_iter()
                    .map(|(_, coupon)| coupon.code)
                    .collect();
                assert_eq!(codes, ["2", &a_coupon().code, "3"]);
            }
            assert!(coupons_of_user(tx, OPENID, Some("another"))?.is_empty());
            assert_eq!(received_by_user(tx, &a_stock().id, OPENID)?, 3);
            assert!(coupon_of_user(tx, OPENID, "3")?.is_some() && coupon_of_user(tx, OPENID, "4")?.is_none());
            Ok(())
        });
    }
}
