//! A stock (批次): one definition, its state, and what has been sent of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::definition::{CodeMode, Definition};
use super::refusals;
use super::unconfirmed::STATE_AFTER_CREATION;
use crate::calendar;
use crate::merchants::Account;
use crate::products::decision::{Decided, Decision};

/// A stock of coupons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stock {
    pub(crate) id: String,
    /// The merchant that created it (制券商户).
    pub(crate) creator: String,
    pub(crate) state: StockState,
    pub(crate) create_time: i64,
    pub(crate) sent: Sent,
    pub(crate) definition: Definition,
}

/// `stock_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StockState {
    /// `UNAUDIT`: under review.
    Unaudit,
    /// `RUNNING`: can be sent.
    Running,
    /// `STOPED`, spelled with one P on the wire: ended for good.
    Stoped,
    /// `PAUSED`: sending is suspended.
    Paused,
}

/// How many coupons were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) total: i64,
    /// The day of the last send, in days since 1970 in Beijing.
    pub(crate) day: i64,
    /// How many were sent on that day.
    pub(crate) on_day: i64,
}

impl StockState {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unaudit => "UNAUDIT",
            Self::Running => "RUNNING",
            Self::Stoped => "STOPED",
            Self::Paused => "PAUSED",
        }
    }
}

impl Sent {
    /// How many were sent on the day of `now`. A clock that went back is still on the last day: otherwise a daily limit
    /// would start again.
    pub(crate) fn today(&self, now: i64) -> i64 {
        if calendar::day(now) <= self.day { self.on_day } else { 0 }
    }

    pub(crate) fn one_more(&self, now: i64) -> Self {
        let day = self.day.max(calendar::day(now));
        Self { total: self.total + 1, day, on_day: self.today(now) + 1 }
    }
}

/// The number of a stock: six digits that are constant for a merchant and a serial of ten.
pub(crate) fn number(mchid: &str, serial: i64) -> String {
    let from = mchid.len().saturating_sub(5);
    let tail = mchid.get(from..).unwrap_or_default();
    format!("1{tail:0>5}{serial:010}")
}

/// Creates a stock (创建商家券).
pub(crate) fn create(caller: &Account, request: Map<String, Value>, serial: i64, now: i64) -> Decided<Stock> {
    let definition = Definition::read(request)?;
    if !caller.acts_for(definition.belong_merchant()) {
        return Err(refusals::unknown_merchant());
    }
    // INFERRED: a period that is over makes no stock.
    if definition.validity.end <= now {
        let reason = "available_end_time is over: the sandbox's clock is past it";
        return Err(refusals::request_parameters(reason));
    }
    let stock = Stock {
        id: number(&caller.mchid, serial),
        creator: caller.mchid.clone(),
        state: STATE_AFTER_CREATION,
        create_time: now,
        sent: Sent::default(),
        definition,
    };
    let response = json!({ "stock_id": stock.id, "create_time": calendar::rfc3339(now) });
    Ok(Decision::new(stock, response))
}

impl Stock {
    /// The state at a moment. INFERRED: when its period is over, a stock is `STOPED`.
    pub(crate) fn state_at(&self, now: i64) -> StockState {
        if now > self.definition.validity.end { StockState::Stoped } else { self.state }
    }

    /// Whether a merchant may operate coupons of this stock: its creator and the one it belongs to (UNCONFIRMED for
    /// the latter).
    pub(crate) fn may_be_operated_by(&self, mchid: &str) -> bool {
        self.creator == mchid || self.definition.belong_merchant() == mchid
    }

    /// The response to 查询商家券详情.
    pub(crate) fn describe(&self, now: i64) -> Value {
        let mut members = self.definition.members.clone();
        if let Some(rule) = members.get_mut("stock_send_rule").and_then(Value::as_object_mut) {
            // real responses leave out what is false.
            rule.retain(|_, value| *value != Value::Bool(false));
        }
        if let Some(times) =
            members.get_mut("coupon_use_rule").and_then(|rule| rule.get_mut("coupon_available_time"))
            && let Some(times) = times.as_object_mut()
        {
            // real responses have this list even when it was never set.
            times.entry("irregulary_avaliable_time").or_insert_with(|| json!([]));
        }
        members.retain(|_, value| !value.is_null() && *value != Value::Bool(false));
        members.insert("stock_state".to_owned(), self.state_at(now).word().into());
        members.insert("stock_id".to_owned(), self.id.as_str().into());
        if self.definition.code_mode == CodeMode::MerchantUpload {
            // Uploading codes has no behaviour here yet, so there are none.
            members.insert("coupon_code_count".to_owned(), json!({ "total_count": 0, "available_count": 0 }));
        }
        members.insert("send_count_information".to_owned(), self.counts(now));
        Value::Object(members)
    }

    fn counts(&self, now: i64) -> Value {
        let mut counts = Map::new();
        let today = self.sent.today(now);
        let has_daily_cap = self.definition.caps.by_day.is_some();
        counts.insert("total_send_num".to_owned(), self.sent.total.into());
        if let Some(worth) = self.definition.discount_amount {
            counts.insert("total_send_amount".to_owned(), self.sent.total.saturating_mul(worth).into());
        }
        if has_daily_cap {
            counts.insert("today_send_num".to_owned(), today.into());
        }
        if let Some(worth) = self.definition.discount_amount.filter(|_| has_daily_cap) {
            counts.insert("today_send_amount".to_owned(), today.saturating_mul(worth).into());
        }
        Value::Object(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{CALLER, NOW, a_stock, stock_request};

    #[test]
    fn a_stock_number_has_sixteen_digits_of_which_six_are_the_merchants() {
        assert_eq!(number("1900000109", 17), "1001090000000017");
        assert_eq!(number("123", 1), "1001230000000001");
    }

    #[test]
    fn a_new_stock_runs_at_once_and_has_sent_nothing() {
        let (stock, response) = create(&CALLER, stock_request(), 1, NOW).unwrap().parts();
        assert_eq!(response["stock_id"], stock.id);
        assert_eq!(calendar::parse(response["create_time"].as_str().unwrap()), Some(NOW));
        let described = stock.describe(NOW);
        assert_eq!(described["stock_state"], "RUNNING");
        assert_eq!(
            described["send_count_information"],
            json!({ "total_send_num": 0, "total_send_amount": 0 })
        );
        assert_eq!(described["stock_name"], "8月1日活动券");
        assert_eq!(
            described["coupon_use_rule"]["coupon_available_time"]["irregulary_avaliable_time"],
            json!([])
        );
        assert_eq!(described.get("out_request_no"), None);
        assert_eq!(described.get("coupon_code_count"), None);
    }

    #[test]
    fn a_stock_of_an_unknown_merchant_or_of_a_past_period_is_refused() {
        let mut foreign = stock_request();
        foreign.insert("belong_merchant".to_owned(), json!("10000022"));
        assert_eq!(create(&CALLER, foreign, 1, NOW).unwrap_err().code, "MCH_NOT_EXISTS");
        let stock = create(&CALLER, stock_request(), 1, NOW).unwrap().changed;
        let late = create(&CALLER, stock_request(), 1, stock.definition.validity.end).unwrap_err();
        assert_eq!(late.code, "PARAM_ERROR");
    }

    #[test]
    fn a_stock_may_belong_to_a_merchant_that_the_caller_acts_for() {
        let caller = Account { sub_merchants: vec!["10000022".to_owned()], ..CALLER.clone() };
        let mut request = stock_request();
        request.insert("belong_merchant".to_owned(), json!("10000022"));
        let stock = create(&caller, request, 1, NOW).unwrap().changed;
        assert_eq!((&*stock.creator, stock.definition.belong_merchant()), (&*caller.mchid, "10000022"));
        assert!(stock.may_be_operated_by("10000022"));
    }

    #[test]
    fn a_stock_stops_when_its_period_is_over() {
        let stock = a_stock();
        let end = stock.definition.validity.end;
        assert_eq!((stock.state_at(end), stock.state_at(end + 1)), (StockState::Running, StockState::Stoped));
    }

    #[test]
    fn a_clock_that_goes_back_starts_no_new_day() {
        let sent = Sent::default().one_more(NOW).one_more(NOW);
        for back in [1, calendar::DAY, 400 * calendar::DAY] {
            assert_eq!(sent.today(NOW - back), 2, "{back} seconds back");
        }
        // Nor does a send in the past, or the way forward again.
        let sent = sent.one_more(NOW - calendar::DAY);
        assert_eq!((sent.on_day, sent.today(NOW)), (3, 3));
        assert_eq!(sent.today(NOW + calendar::DAY), 0);
    }

    #[test]
    fn amounts_and_daily_numbers_are_shown_where_they_mean_something() {
        let mut stock = a_stock();
        stock.definition.caps.by_day = Some(10);
        stock.sent = Sent::default().one_more(NOW).one_more(NOW);
        let counts = |now| stock.describe(now)["send_count_information"].clone();
        assert_eq!(
            counts(NOW),
            json!({ "total_send_num": 2, "total_send_amount": 10, "today_send_num": 2, "today_send_amount": 10 })
        );
        assert_eq!(counts(NOW + calendar::DAY)["today_send_num"], 0);
        stock.definition.discount_amount = None;
        assert_eq!(
            stock.describe(NOW)["send_count_information"],
            json!({ "total_send_num": 2, "today_send_num": 2 })
        );
    }
}
