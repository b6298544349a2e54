//! How a user's coupons (用户券) are found: by their codes, and by what a list asks for.

use super::{
    BELONG, CODE, CONDITION, CREATOR, Coupon, CouponState, DEACTIVATED, DELETED, SENDER, SENT,
    STOCK_AND_USER, USED, get,
};
use crate::people::Person;
use crate::people::of_person;
use crate::products::coupon_stocks::{beginning_with, between_times};
use crate::products::merchant_coupons::definition::CodeMode;
use crate::products::merchant_coupons::stock::Stock;
use crate::store::{IndexRange, Page, Record, StoreError, Transaction, joined, named};

/// Which coupons of a user are looked for. Every part is a condition on an index, so that nothing else is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) openid: String,
    pub(crate) stock_id: Option<String>,
    pub(crate) state: Option<CouponState>,
    pub(crate) creator: Option<String>,
    pub(crate) belong_merchant: Option<String>,
    pub(crate) sender: Option<String>,
}

impl Filter {
    fn conditions(&self, now: i64) -> Vec<IndexRange> {
        let of_user = |index, mchid: &Option<String>| {
            mchid.as_ref().map(|mchid| IndexRange::equal(index, joined(&self.openid, mchid)))
        };
        let of_stock = |stock_id: &String| IndexRange::equal(STOCK_AND_USER, joined(stock_id, &self.openid));
        let state = || {
            let within =
                |condition, from, to| between_times(CONDITION, &joined(&self.openid, condition), from, to);
            let any = |condition| within(condition, 0, i64::MAX);
            match self.state {
                None => beginning_with(CONDITION, &self.openid),
                Some(CouponState::Sended) => within(SENT, now, i64::MAX),
                Some(CouponState::Expired) => within(SENT, 0, now.saturating_sub(1)),
                Some(CouponState::Used) => any(USED),
                Some(CouponState::Deactivated) => any(DEACTIVATED),
                Some(CouponState::Deleted) => any(DELETED),
            }
        };
        // The narrowest condition first: the others are only asked about what it finds.
        let exact = [
            self.stock_id.as_ref().map(of_stock),
            of_user(CREATOR, &self.creator),
            of_user(BELONG, &self.belong_merchant),
            of_user(SENDER, &self.sender),
        ];
        let is_open = self.state.is_none() && exact.iter().any(Option::is_some);
        exact.into_iter().flatten().chain((!is_open).then(state)).collect()
    }
}

fn with_stock(tx: &Transaction<'_>, coupon: Coupon) -> Result<(Stock, Coupon), StoreError> {
    let stock = tx.get(&coupon.stock_id)?;
    let missing = || StoreError::Corrupt(format!("{}, which has no stock", named::<Coupon>(&coupon.key())));
    Ok((stock.ok_or_else(missing)?, coupon))
}

/// The coupon with this code of a stock.
pub(crate) fn find(
    tx: &Transaction<'_>,
    stock_id: &str,
    code: &str,
) -> Result<Option<(Stock, Coupon)>, StoreError> {
    get(tx, stock_id, code)?.map(|coupon| with_stock(tx, coupon)).transpose()
}

/// A coupon by its code alone. Only codes that the platform made are unique without their stock.
pub(crate) fn find_by_platform_code(
    tx: &Transaction<'_>,
    code: &str,
) -> Result<Option<(Stock, Coupon)>, StoreError> {
    for number in 0.. {
        let page = Page { offset: number * PAGE, limit: PAGE };
        let coupons: Vec<Coupon> = tx.find(&[IndexRange::equal(CODE, code)], page)?;
        if coupons.is_empty() {
            break;
        }
        for coupon in coupons {
            let found = with_stock(tx, coupon)?;
            if found.0.definition.code_mode == CodeMode::WechatPay {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// How many coupons with equal codes are read together.
const PAGE: i64 = 50;

/// A user's coupon by its code, under whatever openid of the person it was sent. UNCONFIRMED(equal-codes):
/// among equal codes of several stocks the newest is meant.
pub(crate) fn find_of_user(
    tx: &Transaction<'_>,
    openid: &str,
    code: &str,
) -> Result<Option<(Stock, Coupon)>, StoreError> {
    let mut newest: Option<Coupon> = None;
    for openid in Person::all_openids(tx, openid)? {
        let conditions = [IndexRange::equal(CODE, code), beginning_with(CONDITION, &openid)];
        let found: Option<Coupon> = tx.newest(&conditions)?;
        let time = |coupon: &Coupon| coupon.receive_time;
        if found.as_ref().map(time) > newest.as_ref().map(time) {
            newest = found;
        }
    }
    newest.map(|coupon| with_stock(tx, coupon)).transpose()
}

/// How many coupons of a stock a user has received. INFERRED(natural-person): with `natural_person_limit` all
/// openids of a person count together.
pub(crate) fn count_of_user(tx: &Transaction<'_>, stock: &Stock, openid: &str) -> Result<i64, StoreError> {
    let of_openid = |openid: &str| IndexRange::equal(STOCK_AND_USER, joined(&stock.id, openid));
    if stock.definition.limits_natural_persons() {
        of_person::count::<Coupon>(tx, openid, of_openid)
    } else {
        tx.count::<Coupon>(&[of_openid(openid)])
    }
}

/// A page of a user's coupons, under all openids of the person, with their stocks, the last received first,
/// and how many there are in all.
pub(crate) fn list(
    tx: &Transaction<'_>,
    filter: &Filter,
    page: Page,
    now: i64,
) -> Result<(Vec<(Stock, Coupon)>, i64), StoreError> {
    let conditions = |openid| Filter { openid, ..filter.clone() }.conditions(now);
    let received = |coupon: &Coupon| coupon.receive_time;
    let (coupons, total) = of_person::page(tx, &filter.openid, page, conditions, received)?;
    let coupons = coupons.into_iter().map(|coupon| with_stock(tx, coupon)).collect::<Result<_, _>>()?;
    Ok((coupons, total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::coupon_stocks::Event;
    use crate::products::coupon_stocks::validity::Window;
    use crate::products::merchant_coupons::coupon::{Association, Condition};
    use crate::products::merchant_coupons::fixtures::{MCHID, NOW, OPENID, a_coupon, a_stock};
    use crate::store::Store;

    fn with_coupon(mut check: impl FnMut(&Transaction<'_>) -> Result<(), StoreError>) {
        let checked: Result<(), StoreError> = Store::in_memory().transaction(|tx| {
            tx.save(&a_stock())?;
            tx.save(&a_coupon())?;
            check(tx)
        });
        checked.unwrap();
    }

    fn step(number: &str) -> Event {
        Event { request_no: number.to_owned(), time: NOW }
    }

    #[test]
    fn a_coupon_comes_back_as_it_was_stored_in_every_condition() {
        let conditions = [
            Condition::Sent,
            Condition::Used(step("u1")),
            Condition::Deactivated(step("d1"), None),
            Condition::Deactivated(step("d1"), Some("误发".to_owned())),
            Condition::Deleted,
        ];
        with_coupon(|tx| {
            for condition in conditions.clone() {
                for is_associated in [true, false] {
                    let association = Association { out_trade_no: "o-1".to_owned(), time: NOW };
                    let changed = Coupon {
                        condition: condition.clone(),
                        association: is_associated.then_some(association),
                        returned: (!is_associated).then(|| step("r1")),
                        ..a_coupon()
                    };
                    tx.save(&changed)?;
                    assert_eq!(find(tx, &changed.stock_id, &changed.code)?, Some((a_stock(), changed)));
                }
            }
            assert_eq!(find(tx, "another", &a_coupon().code)?, None);
            Ok(())
        });
    }

    #[test]
    fn a_code_without_its_stock_finds_only_codes_that_the_platform_made() {
        with_coupon(|tx| {
            assert!(find_by_platform_code(tx, &a_coupon().code)?.is_some());
            let mut own_codes = a_stock();
            own_codes.definition.code_mode = CodeMode::MerchantApi;
            own_codes.definition.members.insert("coupon_code_mode".to_owned(), "MERCHANT_API".into());
            own_codes.id = "2".to_owned();
            tx.save(&own_codes)?;
            tx.save(&Coupon { stock_id: "2".to_owned(), code: "VIP".to_owned(), ..a_coupon() })?;
            assert!(find_by_platform_code(tx, "VIP")?.is_none());
            tx.save(&Coupon { stock_id: "2".to_owned(), ..a_coupon() })?;
            let (stock, _) = find_by_platform_code(tx, &a_coupon().code)?.unwrap();
            assert_eq!(stock.id, a_stock().id);
            Ok(())
        });
    }

    #[test]
    fn a_list_holds_exactly_what_its_filter_says() {
        let (used, late) = (a_coupon().window.expire, a_coupon().window.expire + 9);
        let others = [
            Coupon { code: "used".to_owned(), condition: Condition::Used(step("u1")), ..a_coupon() },
            Coupon {
                code: "off".to_owned(),
                condition: Condition::Deactivated(step("d"), None),
                ..a_coupon()
            },
            Coupon { code: "late".to_owned(), window: Window { start: NOW, expire: late }, ..a_coupon() },
            Coupon { code: "sender".to_owned(), sender: "1900000999".to_owned(), ..a_coupon() },
            Coupon { code: "stranger".to_owned(), openid: "o".repeat(28), ..a_coupon() },
        ];
        with_coupon(|tx| {
            others.iter().try_for_each(|coupon| tx.save(coupon))?;
            let all = Page { offset: 0, limit: 50 };
            let codes = |filter: &Filter, page, now| -> Result<(Vec<String>, i64), StoreError> {
                let (coupons, count) = list(tx, filter, page, now)?;
                Ok((coupons.into_iter().map(|(_, coupon)| coupon.code).collect(), count))
            };
            let filter = || Filter { openid: OPENID.to_owned(), ..Filter::default() };
            let first = a_coupon().code;
            let everything = ["sender", "late", "off", "used", &first].map(str::to_owned).to_vec();
            assert_eq!(codes(&filter(), all, NOW)?, (everything.clone(), 5));
            let of_stock = Filter { stock_id: Some(a_stock().id), ..filter() };
            assert_eq!(codes(&of_stock, all, NOW)?, (everything.clone(), 5));
            assert_eq!(codes(&of_stock, Page { offset: 1, limit: 2 }, NOW)?, (everything[1..3].to_vec(), 5));
            let sent = Filter { sender: Some(MCHID.to_owned()), creator: Some(MCHID.to_owned()), ..filter() };
            assert_eq!(codes(&sent, all, NOW)?, (everything[1..].to_vec(), 4));
            let none = Filter { belong_merchant: Some("1900000999".to_owned()), ..filter() };
            assert_eq!(codes(&none, all, NOW)?, (vec![], 0));
            for (state, now, wanted) in [
                (CouponState::Sended, used, vec!["sender", "late", &first]),
                (CouponState::Sended, used + 1, vec!["late"]),
                (CouponState::Expired, used, vec![]),
                (CouponState::Expired, used + 1, vec!["sender", &first]),
                (CouponState::Used, used + 1, vec!["used"]),
                (CouponState::Deactivated, NOW, vec!["off"]),
                (CouponState::Deleted, NOW, vec![]),
            ] {
                let filter = Filter { state: Some(state), creator: Some(MCHID.to_owned()), ..filter() };
                assert_eq!(codes(&filter, all, now)?.0, wanted, "{state:?}");
            }
            assert_eq!(count_of_user(tx, &a_stock(), OPENID)?, 5);
            assert!(
                find_of_user(tx, OPENID, "late")?.is_some()
                    && find_of_user(tx, OPENID, "stranger")?.is_none()
            );
            Ok(())
        });
    }
}
