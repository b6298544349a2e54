//! A user's coupon (用户券): its states, and how it is shown.
//!
//! ```text
//!            ┌── use ──────► USED ──┐
//!   send ► SENDED ◄───── return ────┘        associate, disassociate: stay in SENDED
//!            ├── deactivate ► DEACTIVATED
//!            └── time ──────► EXPIRED
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::definition::CodeMode;
use super::stock::Stock;
use crate::clock;
use crate::people::Person;
use crate::products::coupon_stocks::validity::Window;
use crate::products::coupon_stocks::{Event, in_time, of_person};
use crate::store::{IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined, named};

/// A coupon that a user received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Coupon {
    pub(crate) stock_id: String,
    /// 券code, unique within the stock.
    pub(crate) code: String,
    pub(crate) openid: String,
    /// The merchant that created its stock (制券商户).
    pub(crate) creator: String,
    /// The merchant that its stock belongs to (批次归属商户).
    pub(crate) belong_merchant: String,
    /// The merchant that sent it (发券商户).
    pub(crate) sender: String,
    pub(crate) send_request_no: String,
    pub(crate) receive_time: i64,
    pub(crate) window: Window,
    pub(crate) condition: Condition,
    /// The order that it is associated with (关联的商户订单号), at most one.
    pub(crate) association: Option<Association>,
    pub(crate) returned: Option<Event>,
}

/// Where in its life a coupon is, with what is known of that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Condition {
    /// With the user, and usable until it expires.
    Sent,
    /// 核销.
    Used(Event),
    /// 失效, final.
    Deactivated(Event, Option<String>),
    /// The user took it out of the card pack. Nothing in the API does that.
    Deleted,
}

/// The order that a coupon is associated with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Association {
    pub(crate) out_trade_no: String,
    pub(crate) time: i64,
}

/// `coupon_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CouponState {
    Sended,
    Used,
    Expired,
    Deleted,
    Deactivated,
}

const SENT: &str = "SENT";
const USED: &str = "USED";
const DEACTIVATED: &str = "DEACTIVATED";
const DELETED: &str = "DELETED";

impl Condition {
    /// The word under which it is stored.
    fn word(&self) -> &'static str {
        match self {
            Self::Sent => SENT,
            Self::Used(_) => USED,
            Self::Deactivated(..) => DEACTIVATED,
            Self::Deleted => DELETED,
        }
    }
}

impl CouponState {
    const ALL: [Self; 5] = [Self::Sended, Self::Used, Self::Expired, Self::Deleted, Self::Deactivated];

    /// The word on the wire; `SENDED` is the official spelling.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Sended => "SENDED",
            Self::Used => "USED",
            Self::Expired => "EXPIRED",
            Self::Deleted => "DELETED",
            Self::Deactivated => "DEACTIVATED",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

impl Coupon {
    /// The state at a moment: time alone makes a coupon `EXPIRED`.
    pub(crate) fn state_at(&self, now: i64) -> CouponState {
        match self.condition {
            Condition::Sent if now > self.window.expire => CouponState::Expired,
            Condition::Sent => CouponState::Sended,
            Condition::Used(_) => CouponState::Used,
            Condition::Deactivated(..) => CouponState::Deactivated,
            Condition::Deleted => CouponState::Deleted,
        }
    }

    /// Whether it is usable (可用态): with the user and not expired.
    pub(crate) fn is_usable_at(&self, now: i64) -> bool {
        self.state_at(now) == CouponState::Sended
    }

    /// The response to 查询用户单张券详情, and a member of a user's list.
    pub(crate) fn describe(&self, stock: &Stock, now: i64) -> Map<String, Value> {
        let mut shown = Map::new();
        for name in FROM_THE_STOCK {
            if let Some(value) = stock.definition.members.get(name).filter(|value| !value.is_null()) {
                shown.insert(name.to_owned(), value.clone());
            }
        }
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                shown.insert(name.to_owned(), value.into());
            }
        };
        put("coupon_code", Some(&self.code));
        put("coupon_state", Some(self.state_at(now).word()));
        put("stock_id", Some(&self.stock_id));
        put("available_start_time", Some(&clock::rfc3339(self.window.start)));
        put("expire_time", Some(&clock::rfc3339(self.window.expire)));
        put("receive_time", Some(&clock::rfc3339(self.receive_time)));
        put("send_request_no", Some(&self.send_request_no));
        if let Condition::Used(event) = &self.condition {
            put("use_request_no", Some(&event.request_no));
            put("use_time", Some(&clock::rfc3339(event.time)));
        }
        put("associate_out_trade_no", self.association.as_ref().map(|order| order.out_trade_no.as_str()));
        if let Some(event) = &self.returned {
            put("return_request_no", Some(&event.request_no));
            put("return_time", Some(&clock::rfc3339(event.time)));
        }
        if let Condition::Deactivated(event, reason) = &self.condition {
            put("deactivate_request_no", Some(&event.request_no));
            put("deactivate_time", Some(&clock::rfc3339(event.time)));
            put("deactivate_reason", reason.as_deref());
        }
        for name in ["transferable", "shareable"] {
            let rule = stock.definition.members.get("stock_send_rule");
            if rule.and_then(|rule| rule.get(name)) == Some(&Value::Bool(true)) {
                shown.insert(name.to_owned(), Value::Bool(true));
            }
        }
        shown
    }
}

/// What a coupon shows of its stock.
const FROM_THE_STOCK: [&str; 8] = [
    "belong_merchant",
    "stock_name",
    "comment",
    "goods_name",
    "stock_type",
    "display_pattern_info",
    "coupon_use_rule",
    "custom_entrance",
];

const STOCK_AND_USER: &str = "stock and user";
const CODE: &str = "code";
const CREATOR: &str = "user and creator";
const BELONG: &str = "user and belonging merchant";
const SENDER: &str = "user and sender";
const CONDITION: &str = "user, condition and expiry";

impl Record for Coupon {
    const KIND: &'static str = "merchant coupon";

    fn key(&self) -> String {
        joined(&self.stock_id, &self.code)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let condition = joined(&self.openid, self.condition.word());
        vec![
            IndexEntry::new(STOCK_AND_USER, joined(&self.stock_id, &self.openid)),
            IndexEntry::new(CODE, self.code.as_str()),
            IndexEntry::new(CREATOR, joined(&self.openid, &self.creator)),
            IndexEntry::new(BELONG, joined(&self.openid, &self.belong_merchant)),
            IndexEntry::new(SENDER, joined(&self.openid, &self.sender)),
            IndexEntry::new(CONDITION, in_time::at(&condition, self.window.expire)),
        ]
    }
}

/// Which coupons of a user are looked for. Every part is a condition on an index, so that nothing else is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) openid: String,
    pub(super) stock_id: Option<String>,
    pub(super) state: Option<CouponState>,
    pub(super) creator: Option<String>,
    pub(super) belong_merchant: Option<String>,
    pub(super) sender: Option<String>,
}

impl Filter {
    fn conditions(&self, now: i64) -> Vec<IndexRange> {
        let of_user = |index, mchid: &Option<String>| {
            mchid.as_ref().map(|mchid| IndexRange::equal(index, joined(&self.openid, mchid)))
        };
        let of_stock = |stock_id: &String| IndexRange::equal(STOCK_AND_USER, joined(stock_id, &self.openid));
        let state = || {
            let within =
                |condition, from, to| in_time::between(CONDITION, &joined(&self.openid, condition), from, to);
            let any = |condition| within(condition, 0, i64::MAX);
            match self.state {
                None => in_time::beginning_with(CONDITION, &self.openid),
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
pub(super) fn find(
    tx: &Transaction<'_>,
    stock_id: &str,
    code: &str,
) -> Result<Option<(Stock, Coupon)>, StoreError> {
    tx.get(&joined(stock_id, code))?.map(|coupon| with_stock(tx, coupon)).transpose()
}

/// A coupon by its code alone. Only codes that the platform made are unique without their stock.
pub(super) fn find_by_platform_code(
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

/// So many coupons with equal codes are looked at together.
const PAGE: i64 = 50;

/// A user's coupon by its code, under whatever openid of the person it was sent. UNCONFIRMED(equal-codes):
/// among equal codes of several stocks the newest is meant.
pub(super) fn find_of_user(
    tx: &Transaction<'_>,
    openid: &str,
    code: &str,
) -> Result<Option<(Stock, Coupon)>, StoreError> {
    let mut newest: Option<Coupon> = None;
    for openid in Person::all_openids(tx, openid)? {
        let conditions = [IndexRange::equal(CODE, code), in_time::beginning_with(CONDITION, &openid)];
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
pub(super) fn count_of_user(tx: &Transaction<'_>, stock: &Stock, openid: &str) -> Result<i64, StoreError> {
    let of_openid = |openid: &str| IndexRange::equal(STOCK_AND_USER, joined(&stock.id, openid));
    match stock.definition.limits_natural_persons() {
        true => of_person::count::<Coupon>(tx, openid, of_openid),
        false => tx.count::<Coupon>(&[of_openid(openid)]),
    }
}

/// A page of a user's coupons, under all openids of the person, with their stocks, the last received first,
/// and how many there are in all.
pub(super) fn list(
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
    use crate::products::merchant_coupons::fixtures::{MCHID, NOW, OPENID, a_coupon, a_stock};
    use crate::store::Store;

    #[test]
    fn a_coupon_expires_by_time_alone() {
        let coupon = a_coupon();
        let expire = coupon.window.expire;
        assert_eq!(coupon.state_at(expire), CouponState::Sended);
        assert_eq!(coupon.state_at(expire + 1), CouponState::Expired);
    }

    #[test]
    fn a_used_coupon_does_not_expire() {
        let event = Event { request_no: "u1".to_owned(), time: NOW };
        let coupon = Coupon { condition: Condition::Used(event), ..a_coupon() };
        assert_eq!(coupon.state_at(i64::MAX), CouponState::Used);
    }

    #[test]
    fn a_fresh_coupon_shows_nothing_of_later_steps() {
        let shown = a_coupon().describe(&a_stock(), NOW);
        for name in
            ["use_time", "associate_out_trade_no", "return_time", "deactivate_time", "deactivate_reason"]
        {
            assert_eq!(shown.get(name), None, "{name}");
        }
        assert_eq!(shown["coupon_state"], "SENDED");
        assert_eq!(shown["stock_name"], "8月1日活动券");
    }

    #[test]
    fn each_step_shows_its_number_and_time() {
        let event = |number: &str| Event { request_no: number.to_owned(), time: NOW };
        let coupon = Coupon {
            condition: Condition::Deactivated(event("d1"), Some("误发".to_owned())),
            association: Some(Association { out_trade_no: "order-1".to_owned(), time: NOW }),
            returned: Some(event("r1")),
            ..a_coupon()
        };
        let shown = coupon.describe(&a_stock(), NOW);
        assert_eq!(shown["coupon_state"], "DEACTIVATED");
        assert_eq!(shown["deactivate_request_no"], "d1");
        assert_eq!(shown["deactivate_reason"], "误发");
        assert_eq!(shown["associate_out_trade_no"], "order-1");
        assert_eq!(shown["return_request_no"], "r1");
    }

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
