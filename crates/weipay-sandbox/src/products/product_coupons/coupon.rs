//! A user's coupon (用户商品券): its states, how it is shown, stored and found.
//!
//! A coupon of several uses (多次优惠) has a round for each; every other coupon has one. A coupon of a bundle
//! (用户券组) has a place in it.

mod search;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Owner;
use super::product::{Ending, Product};
use super::stock::{self, Stock};
use crate::clock;
use crate::products::coupon_stocks::caps::Sent;
use crate::products::coupon_stocks::validity::Window;
use crate::products::coupon_stocks::{Event, value_in_time};
use crate::store::{IndexEntry, Record, StoreError, Transaction, joined, named};
use crate::words::words;
pub(super) use search::{Filter, count_of_user, find, find_by_number, list, of_bundle, siblings};

/// A coupon that a user received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Coupon {
    pub(crate) stock_id: String,
    /// 券Code, unique within the stock.
    pub(crate) code: String,
    pub(crate) product_id: String,
    pub(crate) owner: Owner,
    pub(crate) openid: String,
    pub(crate) send_request_no: String,
    pub(crate) channel: Channel,
    pub(crate) receive_time: i64,
    pub(crate) window: Window,
    /// 确认发放: only then it can be used.
    pub(crate) confirmed: Option<Event>,
    pub(crate) rounds: Vec<Round>,
    /// How many days must be between two uses, of this coupon or of its bundle.
    pub(crate) interval_days: i64,
    pub(crate) ended: Option<CouponEnd>,
    pub(crate) bundle: Option<PlaceInUserBundle>,
    pub(crate) attach: Option<String>,
    pub(crate) tags: Option<Value>,
    /// The definition of product coupon and stock when it was sent: later changes are for later coupons.
    pub(crate) product_members: Map<String, Value>,
    pub(crate) stock_members: Map<String, Value>,
}

/// One use that a coupon has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) used: Option<Use>,
    pub(crate) returned: Option<Event>,
}

/// 核销.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Use {
    pub(crate) event: Event,
    /// The order, and what was saved, as the request said it.
    pub(crate) details: Map<String, Value>,
}

/// Why a coupon is not there any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum CouponEnd {
    /// 失效, by the partner.
    Deactivated(Ending),
    /// The user took it out of the card pack, at this time.
    Deleted(i64),
}

/// The bundle that a user received, and the place of a coupon in it, from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlaceInUserBundle {
    pub(crate) id: String,
    pub(crate) stock_bundle_id: String,
    pub(crate) index: usize,
    pub(crate) count: usize,
}

/// How a coupon came to its user (`send_channel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Channel {
    /// The partner sent it by the API.
    Api,
    /// The user took it in a component of a mini program.
    Component,
}

impl Channel {
    /// The word on the wire.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::Component => "RECEIVE_COMPONENT",
        }
    }
}

words! {
    /// `coupon_state`.
    pub(crate) enum CouponState {
        Confirming = "CONFIRMING",
        Pending = "PENDING",
        Effective = "EFFECTIVE",
        Used = "USED",
        Expired = "EXPIRED",
        Deleted = "DELETED",
        Deactivated = "DEACTIVATED",
    }
    pub(crate) fn from_word;
}

impl Coupon {
    /// The state at a moment. INFERRED(product-coupon-unconfirmed): a coupon that nobody confirms stays
    /// CONFIRMING until its time is over, and is EXPIRED then.
    pub(crate) fn state_at(&self, now: i64) -> CouponState {
        match self.ended {
            Some(CouponEnd::Deactivated(_)) => CouponState::Deactivated,
            Some(CouponEnd::Deleted(_)) => CouponState::Deleted,
            None if self.is_used_up() => CouponState::Used,
            None if now > self.window.expire => CouponState::Expired,
            None if self.confirmed.is_none() => CouponState::Confirming,
            None if now < self.window.start => CouponState::Pending,
            None => CouponState::Effective,
        }
    }

    /// Whether it could still be used, now or later.
    pub(crate) fn is_open_at(&self, now: i64) -> bool {
        matches!(self.state_at(now), CouponState::Confirming | CouponState::Pending | CouponState::Effective)
    }

    fn is_used_up(&self) -> bool {
        self.rounds.iter().all(|round| round.used.is_some())
    }

    pub(crate) fn uses(&self) -> usize {
        self.rounds.iter().filter(|round| round.used.is_some()).count()
    }

    /// When a round begins, after the use before it.
    fn round_start(&self, before: Option<&Round>) -> i64 {
        let last = before.and_then(|round| round.used.as_ref()).map(|used| used.event.time);
        last.map_or(self.window.start, |last| after_interval(last, self.interval_days).max(self.window.start))
    }

    /// The response to 查询用户商品券详情, and a member of a user's list.
    pub(crate) fn describe(&self, seen: &Seen, now: i64) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("coupon_code", self.code.as_str().into());
        put("coupon_state", self.state_at(now).word().into());
        put("valid_begin_time", clock::rfc3339(self.window.start).into());
        put("valid_end_time", clock::rfc3339(self.window.expire).into());
        put("receive_time", clock::rfc3339(self.receive_time).into());
        put("send_request_no", self.send_request_no.as_str().into());
        put("send_channel", self.channel.word().into());
        if let Some(event) = &self.confirmed {
            put("confirm_request_no", event.request_no.as_str().into());
            put("confirm_time", clock::rfc3339(event.time).into());
        }
        match self.rounds.as_slice() {
            [round] => {
                let detail = if self.bundle.is_some() {
                    "progressive_bundle_usage_detail"
                } else {
                    "single_usage_detail"
                };
                let round = round.describe();
                if !round.is_empty() {
                    put(detail, round.into());
                }
            }
            _ => drop(put("sequential_usage_detail", self.describe_rounds(now))),
        }
        if let Some(bundle) = &self.bundle {
            put(
                "user_product_coupon_bundle_info",
                json!({
                    "user_coupon_bundle_id": bundle.id,
                    "user_coupon_bundle_index": bundle.index,
                    "total_count": bundle.count,
                    "used_count": seen.used_in_bundle,
                }),
            );
        }
        put("product_coupon", seen.product.describe_as(&self.product_members).into());
        put("stock", seen.stock.describe_as(&self.stock_members, &seen.sent, now).into());
        if let Some(attach) = &self.attach {
            put("attach", attach.as_str().into());
        }
        if let Some(tags) = &self.tags {
            put("coupon_tag_info", tags.clone());
        }
        put("brand_id", self.owner.brand_id.as_str().into());
        if let Some(CouponEnd::Deactivated(ending)) = &self.ended {
            ending.show(&mut shown);
        }
        shown
    }

    /// `sequential_usage_detail`.
    fn describe_rounds(&self, now: i64) -> Value {
        let mut before = None;
        let mut items = Vec::new();
        for (index, round) in self.rounds.iter().enumerate() {
            let start = self.round_start(before);
            let is_next = index == self.uses();
            let state = match (&self.ended, &round.used) {
                (_, Some(_)) => "USED",
                (Some(CouponEnd::Deactivated(_)), None) => "DEACTIVATED",
                (Some(CouponEnd::Deleted(_)), None) => "DELETED",
                (None, None) if now > self.window.expire => "EXPIRED",
                (None, None) if is_next && self.confirmed.is_some() && now >= start => "EFFECTIVE",
                (None, None) => "PENDING",
            };
            let mut item = Map::new();
            item.insert("detail_state".to_owned(), state.into());
            item.insert("valid_begin_time".to_owned(), clock::rfc3339(start).into());
            item.insert("valid_end_time".to_owned(), clock::rfc3339(self.window.expire).into());
            item.extend(round.describe());
            if let Some(CouponEnd::Deleted(time)) = self.ended {
                item.insert("delete_time".to_owned(), clock::rfc3339(time).into());
            }
            items.push(Value::Object(item));
            before = Some(round);
        }
        json!({ "total_count": self.rounds.len(), "used_count": self.uses(), "detail_item_list": items })
    }

    /// From when on the next use is possible, after the last one.
    pub(crate) fn next_start(&self) -> i64 {
        let before = self.uses().checked_sub(1).and_then(|last| self.rounds.get(last));
        self.round_start(before)
    }
}

/// INFERRED(product-coupon-order): the days between two uses count from the day of the first, so that the
/// next is possible from midnight on.
pub(super) fn after_interval(last: i64, days: i64) -> i64 {
    if days > 0 { clock::midnight(clock::day(last).saturating_add(days)) } else { last }
}

impl Round {
    /// `single_usage_detail`.
    fn describe(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        if let Some(used) = &self.used {
            shown.insert("use_request_no".to_owned(), used.event.request_no.as_str().into());
            shown.insert("use_time".to_owned(), clock::rfc3339(used.event.time).into());
            shown.extend(used.details.clone());
        }
        if let Some(event) = &self.returned {
            shown.insert("return_request_no".to_owned(), event.request_no.as_str().into());
            shown.insert("return_time".to_owned(), clock::rfc3339(event.time).into());
        }
        shown
    }
}

/// The records that a coupon is shown with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) product: Product,
    pub(crate) stock: Stock,
    pub(crate) sent: Sent,
    /// How many coupons of its bundle are used.
    pub(crate) used_in_bundle: usize,
}

impl Seen {
    pub(super) fn read(tx: &Transaction<'_>, coupon: &Coupon) -> Result<Self, StoreError> {
        let missing =
            || StoreError::Corrupt(format!("{}, which has no stock", named::<Coupon>(&coupon.key())));
        let siblings = siblings(tx, coupon)?;
        Ok(Self {
            product: tx.get(&coupon.product_id)?.ok_or_else(missing)?,
            stock: tx.get(&coupon.stock_id)?.ok_or_else(missing)?,
            sent: stock::sent(tx, &coupon.stock_id)?,
            used_in_bundle: siblings.iter().map(Coupon::uses).sum(),
        })
    }
}

const STOCK_AND_USER: &str = "stock and user";
const PRODUCT_AND_USER: &str = "product coupon and user";
const NUMBER: &str = "owner and send number";
const BUNDLE: &str = "user bundle";
const CONDITION: &str = "user, condition and expiry";
const OPEN: &str = "open: user and expiry";
const START: &str = "open: user and start";

const CONFIRMED: &str = "CONFIRMED";

impl Record for Coupon {
    const KIND: &'static str = "product coupon of a user";

    fn key(&self) -> String {
        joined(&self.stock_id, &self.code)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let user = user(&self.owner, &self.openid);
        let condition = match &self.ended {
            Some(CouponEnd::Deactivated(_)) => CouponState::Deactivated.word(),
            Some(CouponEnd::Deleted(_)) => CouponState::Deleted.word(),
            None if self.is_used_up() => CouponState::Used.word(),
            None if self.confirmed.is_none() => CouponState::Confirming.word(),
            None => CONFIRMED,
        };
        let mut indexes = vec![
            IndexEntry::new(STOCK_AND_USER, joined(&self.stock_id, &self.openid)),
            IndexEntry::new(PRODUCT_AND_USER, joined(&self.product_id, &self.openid)),
            IndexEntry::new(NUMBER, joined(&self.owner.key(), &self.send_request_no)),
            IndexEntry::new(CONDITION, value_in_time(&joined(&user, condition), self.window.expire)),
        ];
        if let Some(bundle) = &self.bundle {
            indexes.push(IndexEntry::new(BUNDLE, bundle.id.as_str()));
        }
        if self.ended.is_none() && !self.is_used_up() {
            indexes.push(IndexEntry::new(OPEN, value_in_time(&user, self.window.expire)));
            indexes.push(IndexEntry::new(START, value_in_time(&user, self.window.start)));
        }
        indexes
    }
}

fn user(owner: &Owner, openid: &str) -> String {
    joined(&owner.key(), openid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;
    use crate::products::product_coupons::fixtures::{NOW, a_coupon, seen};

    fn event() -> Event {
        Event { request_no: "event-01".to_owned(), time: NOW }
    }

    #[test]
    fn a_coupon_goes_through_its_states_by_steps_and_time() {
        let mut coupon = a_coupon();
        let Window { start, expire } = coupon.window;
        assert_eq!(coupon.state_at(NOW), CouponState::Confirming);
        assert_eq!(coupon.state_at(expire + 1), CouponState::Expired);
        coupon.confirmed = Some(event());
        assert_eq!(coupon.state_at(start - 1), CouponState::Pending);
        assert_eq!(coupon.state_at(start), CouponState::Effective);
        coupon.rounds[0].used = Some(Use { event: event(), details: Map::new() });
        assert_eq!(coupon.state_at(i64::MAX), CouponState::Used);
        coupon.ended = Some(CouponEnd::Deleted(NOW));
        assert_eq!(coupon.state_at(NOW), CouponState::Deleted);
    }

    #[test]
    fn a_coupon_of_several_uses_shows_each() {
        let mut coupon = Coupon { rounds: vec![Round::default(); 3], interval_days: 1, ..a_coupon() };
        coupon.confirmed = Some(event());
        coupon.rounds[0].used = Some(Use { event: event(), details: Map::new() });
        let states = |coupon: &Coupon, now| {
            let detail = &coupon.describe(&seen(), now)["sequential_usage_detail"];
            assert_eq!(detail["used_count"], coupon.uses());
            let items = detail["detail_item_list"].as_array().unwrap();
            items.iter().map(|item| item["detail_state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(states(&coupon, NOW), ["USED", "PENDING", "PENDING"]);
        assert_eq!(states(&coupon, NOW + DAY), ["USED", "EFFECTIVE", "PENDING"]);
        assert_eq!(states(&coupon, coupon.window.expire + 1), ["USED", "EXPIRED", "EXPIRED"]);
        assert_eq!(coupon.state_at(NOW), CouponState::Effective);
    }

    #[test]
    fn what_was_changed_after_the_send_is_not_shown() {
        let mut seen = seen();
        seen.product.members.insert("display_info".to_owned(), json!({ "name": "改了名的" }));
        seen.stock.definition.members.insert("remark".to_owned(), json!("改了备注"));
        let shown = a_coupon().describe(&seen, NOW);
        assert_eq!(shown["product_coupon"]["display_info"]["name"], "满一百减五元");
        assert_eq!(shown["stock"].get("remark"), None);
        assert_eq!(shown["product_coupon"]["state"], "EFFECTIVE");
    }
}
