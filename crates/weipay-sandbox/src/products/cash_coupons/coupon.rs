//! A person's coupon (用户的代金券): it is sent, and used in an order or expires.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::goods::Goods;
use super::stock::{self, Stock, remove_nulls};
use super::{availability, refusals};
use crate::clock;
use crate::people::account::AccountState;
use crate::people::of_person;
use crate::people::openid::WrongOpenid;
use crate::products::merchant_coupons::partnership::lets_send_cash_coupons;
use crate::products::month::MonthlyLimit;
use crate::products::{Context, Decision, HandlerError, carry_out, idempotently};
use crate::store::{
    Direction, IdempotencyKey, IndexEntry, IndexRange, Record, Scan, StoreError, Transaction, at_time, joined,
};
use crate::words::words;

words! {
    /// `status`. A coupon that has expired is not written again: its time says so.
    pub(crate) enum CouponState {
        Sended = "SENDED",
        Used = "USED",
        Expired = "EXPIRED",
    }
}

/// The order that a coupon was used in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Use {
    pub(crate) time: i64,
    /// The merchant that was paid.
    pub(crate) mchid: String,
    pub(crate) transaction_id: String,
    /// Fen that it took off.
    #[serde(default)]
    pub(crate) fen: i64,
    /// Of each of the goods that it was for.
    #[serde(default)]
    pub(super) goods: Vec<(Goods, i64)>,
}

impl Use {
    /// `consume_information`.
    fn show(&self) -> Value {
        let mut shown = json!({
            "consume_time": clock::rfc3339(self.time),
            "consume_mchid": self.mchid,
            "transaction_id": self.transaction_id,
        });
        if !self.goods.is_empty() {
            let goods = self.goods.iter().map(|(goods, fen)| {
                json!({ "goods_id": goods.id, "quantity": goods.quantity, "price": goods.price, "discount_amount": fen })
            });
            shown["goods_detail"] = goods.collect();
        }
        shown
    }
}

/// A coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Coupon {
    pub(crate) id: String,
    pub(crate) stock_id: String,
    pub(crate) creator: String,
    pub(crate) sender: String,
    pub(crate) openid: String,
    pub(crate) received: i64,
    pub(crate) begin: i64,
    /// The last second in which it can be used.
    pub(crate) end: i64,
    pub(crate) used: Option<Use>,
}

const USER: &str = "user";
const STOCK_AND_USER: &str = "stock_user";
/// Of those that are not used.
const USER_AND_END: &str = "user and end";

impl Record for Coupon {
    const KIND: &'static str = "cash coupon";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut indexes = vec![
            IndexEntry::new(USER, self.openid.as_str()),
            IndexEntry::new(STOCK_AND_USER, joined(&self.stock_id, &self.openid)),
        ];
        if self.used.is_none() {
            indexes.push(IndexEntry::new(USER_AND_END, at_time(&self.openid, self.end)));
        }
        indexes
    }
}

/// 5,000 yuan. UNCONFIRMED(cash-monthly-limit): of all stocks of one creator, with and without money, in a month of
/// Beijing; the numbers that belong together with the creator's are not known here.
const OF_A_MONTH: i64 = 500_000;

/// 发放代金券. The checks stand in the order that is recommended; which of them the platform makes first is
/// UNCONFIRMED(cash-send-order).
pub(super) fn send_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let Context { caller, request, now, .. } = *context;
    let openid = request.path("openid");
    let key = IdempotencyKey {
        operation: "send cash coupon",
        scope: &joined(&caller.mchid, openid),
        request_no: request.required("out_request_no"),
    };
    idempotently(tx, context, &key, refusals::other_parameters, || {
        let mut stock = stock::find(tx, request.required("stock_id"))?.ok_or_else(refusals::no_such_stock)?;
        if caller.check_appid(request.required("appid")).is_err() {
            return Err(refusals::appid_not_bound().into());
        }
        if let Some(wrong) = WrongOpenid::find(tx, openid, request.required("appid"))? {
            return Err(refusals::wrong_openid(wrong).into());
        }
        let may_send = stock.creator == caller.mchid
            || lets_send_cash_coupons(tx, &stock, caller, request.required("appid"))?;
        if !may_send || request.required("stock_creator_mchid") != stock.creator {
            return Err(refusals::sender_has_no_right().into());
        }
        if ["coupon_value", "coupon_minimum"].iter().any(|name| request.body.contains_key(*name)) {
            return Err(refusals::value_without_need().into());
        }
        stock.count_send(count_of_user(tx, &stock, openid)?, now)?;
        if !AccountState::of_person(tx, openid)?.works() {
            return Err(refusals::abnormal_user().into());
        }
        let of_a_person = MonthlyLimit { of: &joined("cash coupons", &stock.creator), most: OF_A_MONTH };
        if !of_a_person.count(tx, openid, stock.coupon_amount, now)? {
            return Err(refusals::month_has_enough().into());
        }
        let (begin, end) = availability::period(&stock, now);
        let coupon = Coupon {
            id: format!("{}", 9_000_000_000_i64.saturating_add(tx.next_number("cash coupon")?)),
            stock_id: stock.id.clone(),
            creator: stock.creator.clone(),
            sender: caller.mchid.clone(),
            openid: openid.to_owned(),
            received: now,
            begin,
            end,
            used: None,
        };
        let response = json!({ "coupon_id": coupon.id });
        carry_out(tx, Decision::new((stock, coupon), response))
    })
}

/// How many coupons of a stock a person has received, whatever became of them. INFERRED(cash-natural-person):
/// with `natural_person_limit` all openids of a person count together.
fn count_of_user(tx: &Transaction<'_>, stock: &Stock, openid: &str) -> Result<i64, StoreError> {
    let of_openid = |openid: &str| IndexRange::equal(STOCK_AND_USER, joined(&stock.id, openid));
    if stock.has_send_rule("natural_person_limit") {
        of_person::count::<Coupon>(tx, openid, of_openid)
    } else {
        tx.count::<Coupon>(&[of_openid(openid)])
    }
}

pub(super) fn find(tx: &Transaction<'_>, id: &str) -> Result<Option<Coupon>, StoreError> {
    tx.get(id)
}

/// The coupons of a person, under all openids, of one stock where it is given, the newest first.
pub(super) fn scan_of_person(
    tx: &Transaction<'_>,
    openid: &str,
    stock_id: Option<&str>,
) -> Result<impl Iterator<Item = Result<Coupon, StoreError>>, StoreError> {
    let scan = move |openid: &str| {
        let range = match stock_id {
            Some(stock_id) => IndexRange::equal(STOCK_AND_USER, joined(stock_id, openid)),
            None => IndexRange::equal(USER, openid),
        };
        tx.scan(range, Direction::Descending)
    };
    of_person::scan(tx, openid, scan, |one: &Coupon, other| one.id > other.id)
}

/// The coupons of a person that are neither used nor expired: those that end first come first, and of equal
/// ones the oldest. Who wants to save one gets it by its number.
pub(super) fn unused<'a>(tx: &'a Transaction<'_>, openid: &str, now: i64) -> Scan<'a, Coupon> {
    let range =
        IndexRange { index: USER_AND_END, from: at_time(openid, now), to: at_time(openid, LAST_SECOND) };
    tx.scan(range, Direction::Ascending)
}

/// The last that has twelve digits, in a year that no time can be written in.
const LAST_SECOND: i64 = 999_999_999_999;

impl Coupon {
    pub(super) fn state_at(&self, now: i64) -> CouponState {
        match self.used {
            Some(_) => CouponState::Used,
            None if now > self.end => CouponState::Expired,
            None => CouponState::Sended,
        }
    }

    /// Whether it can be used now, as far as its own time goes.
    pub(super) fn is_usable_at(&self, now: i64) -> bool {
        self.state_at(now) == CouponState::Sended && now >= self.begin
    }

    /// As queries and notifications show it.
    pub(super) fn show(&self, stock: &Stock, now: i64) -> Value {
        let mut shown = json!({
            "stock_creator_mchid": self.creator,
            "stock_id": self.stock_id,
            "coupon_id": self.id,
            "coupon_name": stock.name(),
            "status": self.state_at(now).word(),
            "description": stock.description(),
            "create_time": clock::rfc3339(self.received),
            "coupon_type": stock.coupon_type(),
            "cut_to_message": stock.cut_to_message(),
            "no_cash": stock.no_cash,
            "available_begin_time": clock::rfc3339(self.begin),
            "available_end_time": clock::rfc3339(self.end),
            "singleitem": !stock.items().is_empty(),
            "normal_coupon_information": {
                "coupon_amount": stock.coupon_amount, "transaction_minimum": stock.transaction_minimum,
            },
            "consume_information": self.used.as_ref().map(Use::show),
        });
        remove_nulls(&mut shown);
        shown
    }
}

impl Coupon {
    /// The decrypted resource of the notification of its use: the query has neither `consume_amount` nor these two blocks.
    pub(super) fn show_used(&self, stock: &Stock, now: i64) -> Value {
        let mut shown = self.show(stock, now);
        if let Some(used) = &self.used {
            shown["consume_information"]["consume_amount"] = json!(used.fen);
        }
        if let Some(message) = stock.cut_to_message() {
            let highest = &message["single_price_max"];
            shown["discount_to"] = json!({ "cut_to_price": message["cut_to_price"], "max_price": highest });
            if let Some(shown) = shown.as_object_mut() {
                shown.remove("cut_to_message");
            }
        }
        shown
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::stock::tests::{CREATOR, NOW, a_running_stock};
    use super::*;

    pub(crate) const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";

    pub(crate) fn a_coupon() -> Coupon {
        Coupon {
            id: "9000000001".to_owned(),
            stock_id: a_running_stock().id,
            creator: CREATOR.to_owned(),
            sender: CREATOR.to_owned(),
            openid: OPENID.to_owned(),
            received: NOW,
            begin: NOW,
            end: NOW + 3_600,
            used: None,
        }
    }

    #[test]
    fn a_coupon_expires_after_its_last_second_unless_it_was_used() {
        assert_eq!(a_coupon().state_at(NOW + 3_600), CouponState::Sended);
        assert_eq!(a_coupon().state_at(NOW + 3_601), CouponState::Expired);
        let used = Use {
            time: NOW,
            mchid: CREATOR.to_owned(),
            transaction_id: "4200".to_owned(),
            fen: 500,
            goods: Vec::new(),
        };
        let used = Coupon { used: Some(used), ..a_coupon() };
        assert_eq!(used.state_at(NOW + 3_601), CouponState::Used);
        assert_eq!(used.show(&a_running_stock(), NOW)["consume_information"]["consume_mchid"], CREATOR);
    }
}
