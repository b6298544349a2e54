//! How a user's coupons (用户商品券) are found: by their codes, numbers and bundles, and by what a list asks for.

use super::{
    BUNDLE, CONDITION, CONFIRMED, Coupon, CouponState, NUMBER, OPEN, PRODUCT_AND_USER, START, STOCK_AND_USER,
    user,
};
use crate::people::of_person;
use crate::products::coupon_stocks::{beginning_with, between_times};
use crate::products::product_coupons::Owner;
use crate::store::{IndexRange, Page, StoreError, Transaction, joined};

/// Which coupons of a user are looked for. Every part is a condition on an index, so that nothing else is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) owner: Owner,
    pub(crate) openid: String,
    pub(crate) product_id: Option<String>,
    pub(crate) stock_id: Option<String>,
    /// The user's bundle.
    pub(crate) bundle_id: Option<String>,
    pub(crate) state: Option<CouponState>,
}

impl Filter {
    fn conditions(&self, now: i64) -> Vec<IndexRange> {
        let user = user(&self.owner, &self.openid);
        let condition = |word: &str, from| between_times(CONDITION, &joined(&user, word), from, i64::MAX);
        let of_user = |index, id: &String| IndexRange::equal(index, joined(id, &self.openid));
        let mut conditions: Vec<_> = self.stock_id.iter().map(|id| of_user(STOCK_AND_USER, id)).collect();
        conditions.extend(self.product_id.iter().map(|id| of_user(PRODUCT_AND_USER, id)));
        conditions.extend(self.bundle_id.iter().map(|id| IndexRange::equal(BUNDLE, id.as_str())));
        match self.state {
            None => conditions.push(beginning_with(CONDITION, &user)),
            Some(CouponState::Pending) => {
                conditions.push(condition(CONFIRMED, now));
                conditions.push(between_times(START, &user, now.saturating_add(1), i64::MAX));
            }
            Some(CouponState::Effective) => {
                conditions.push(condition(CONFIRMED, now));
                conditions.push(between_times(START, &user, 0, now));
            }
            Some(CouponState::Expired) => {
                conditions.push(between_times(OPEN, &user, 0, now.saturating_sub(1)))
            }
            Some(CouponState::Confirming) => conditions.push(condition(CouponState::Confirming.word(), now)),
            Some(state) => conditions.push(condition(state.word(), 0)),
        }
        conditions
    }
}

/// The coupon with this code of a stock.
pub(crate) fn find(tx: &Transaction<'_>, stock_id: &str, code: &str) -> Result<Option<Coupon>, StoreError> {
    tx.get(&joined(stock_id, code))
}

/// The most coupons of a bundle.
const MAX_IN_BUNDLE: i64 = 15;

/// The coupons that were sent under a number.
pub(crate) fn find_by_number(
    tx: &Transaction<'_>,
    owner: &Owner,
    number: &str,
) -> Result<Vec<Coupon>, StoreError> {
    let condition = IndexRange::equal(NUMBER, joined(&owner.key(), number));
    let mut coupons: Vec<Coupon> = tx.find(&[condition], Page { offset: 0, limit: MAX_IN_BUNDLE })?;
    coupons.sort_unstable_by_key(|coupon| coupon.bundle.as_ref().map(|bundle| bundle.index));
    Ok(coupons)
}

/// The coupons of a user's bundle, in their order.
pub(crate) fn of_bundle(tx: &Transaction<'_>, bundle_id: &str) -> Result<Vec<Coupon>, StoreError> {
    let condition = IndexRange::equal(BUNDLE, bundle_id);
    let mut coupons: Vec<Coupon> = tx.find(&[condition], Page { offset: 0, limit: MAX_IN_BUNDLE })?;
    coupons.sort_unstable_by_key(|coupon| coupon.bundle.as_ref().map(|bundle| bundle.index));
    Ok(coupons)
}

/// The coupons of the bundle of a coupon, it among them; of a coupon without a bundle, none.
pub(crate) fn siblings(tx: &Transaction<'_>, coupon: &Coupon) -> Result<Vec<Coupon>, StoreError> {
    coupon.bundle.as_ref().map_or(Ok(Vec::new()), |bundle| of_bundle(tx, &bundle.id))
}

/// How many coupons of a stock a user has received, under all openids of the person. Those that nobody has confirmed count.
pub(crate) fn count_of_user(tx: &Transaction<'_>, stock_id: &str, openid: &str) -> Result<i64, StoreError> {
    of_person::count::<Coupon>(tx, openid, |openid| {
        IndexRange::equal(STOCK_AND_USER, joined(stock_id, openid))
    })
}

/// A page of a user's coupons, under all openids of the person, the last received first, and how many there are in all.
pub(crate) fn list(
    tx: &Transaction<'_>,
    filter: &Filter,
    page: Page,
    now: i64,
) -> Result<(Vec<Coupon>, i64), StoreError> {
    let conditions = |openid| Filter { openid, ..filter.clone() }.conditions(now);
    of_person::page(tx, &filter.openid, page, conditions, |coupon: &Coupon| coupon.receive_time)
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::products::coupon_stocks::Event;
    use crate::products::coupon_stocks::validity::Window;
    use crate::products::product_coupons::coupon::{CouponEnd, Round, Use};
    use crate::products::product_coupons::fixtures::{NOW, OPENID, a_coupon, owner};
    use crate::products::product_coupons::product::Ending;
    use crate::store::Store;

    fn event() -> Event {
        Event { request_no: "event-01".to_owned(), time: NOW }
    }

    #[test]
    fn every_coupon_is_found_by_the_state_that_it_shows() {
        let moved = |hours: i64| Window {
            start: a_coupon().window.start + hours * 3_600,
            expire: a_coupon().window.expire + hours * 3_600,
        };
        let used = Round { used: Some(Use { event: event(), details: Map::new() }), returned: None };
        let ending = Ending { request_no: "end-01".to_owned(), time: NOW, reason: "误发".to_owned() };
        let bases = [
            a_coupon(),
            Coupon { confirmed: Some(event()), ..a_coupon() },
            Coupon { confirmed: Some(event()), rounds: vec![used], ..a_coupon() },
            Coupon { ended: Some(CouponEnd::Deactivated(ending)), ..a_coupon() },
            Coupon { ended: Some(CouponEnd::Deleted(NOW)), ..a_coupon() },
        ];
        let checked: Result<(), StoreError> = Store::in_memory().transaction(|tx| {
            let mut coupons = Vec::new();
            for (number, base) in bases.iter().enumerate() {
                for hours in [-10_000, 0, 48] {
                    let code = format!("c{number}{hours}");
                    let coupon = Coupon { code, window: moved(hours), ..base.clone() };
                    tx.save(&coupon)?;
                    coupons.push(coupon);
                }
            }
            let filter = |state| Filter {
                owner: owner(),
                openid: OPENID.to_owned(),
                product_id: Some(a_coupon().product_id),
                stock_id: Some(a_coupon().stock_id),
                bundle_id: None,
                state,
            };
            let page = Page { offset: 0, limit: 50 };
            for state in CouponState::ALL {
                let wanted = coupons.iter().filter(|coupon| coupon.state_at(NOW) == state).count();
                let (found, total) = list(tx, &filter(Some(state)), page, NOW)?;
                assert!(wanted > 0, "{state:?}");
                assert_eq!((found.len(), total), (wanted, i64::try_from(wanted).unwrap()), "{state:?}");
                assert!(found.iter().all(|coupon| coupon.state_at(NOW) == state));
            }
            let anybody = Filter { openid: "o".repeat(28), ..filter(None) };
            assert_eq!((list(tx, &filter(None), page, NOW)?.1, list(tx, &anybody, page, NOW)?.1), (15, 0));
            Ok(())
        });
        checked.unwrap();
    }
}
