//! A user's coupon (用户券): its states, and how it is shown.
//!
//! ```text
//!            ┌── use ──────► USED ──┐
//!   send ► SENDED ◄───── return ────┘        associate, disassociate: stay in SENDED
//!            ├── deactivate ► DEACTIVATED
//!            └── time ──────► EXPIRED
//! ```

mod search;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::stock::Stock;
use crate::clock;
use crate::merchants::Account;
use crate::products::coupon_stocks::validity::Window;
use crate::products::coupon_stocks::{Event, value_in_time};
use crate::store::{IndexEntry, Record, StoreError, Transaction, joined};
use crate::words::words;
pub(super) use search::{Filter, count_of_user, find, find_by_platform_code, find_of_user, list};

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

words! {
    /// `coupon_state`; `SENDED` is the official spelling.
    pub(crate) enum CouponState {
        Sended = "SENDED",
        Used = "USED",
        Expired = "EXPIRED",
        Deleted = "DELETED",
        Deactivated = "DEACTIVATED",
    }
    pub(crate) fn from_word;
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

    /// Whether a merchant may operate it: the creator of its stock and the one that the stock belongs to, as
    /// [`may_operate`](super::may_operate) says of the stock.
    pub(super) fn may_be_operated_by(&self, caller: &Account) -> bool {
        self.creator == caller.mchid || self.belong_merchant == caller.mchid
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

/// The members of a stock that its coupons show.
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
            IndexEntry::new(CONDITION, value_in_time(&condition, self.window.expire)),
        ]
    }
}

/// The coupon with this code of a stock.
pub(super) fn get(tx: &Transaction<'_>, stock_id: &str, code: &str) -> Result<Option<Coupon>, StoreError> {
    tx.get(&joined(stock_id, code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{NOW, a_coupon, a_stock};

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
}
