//! A stock (批次): its rules, its state, and what was sent of it.
//!
//! ```text
//!   create ► unactivated ── start ──► running ◄─ pause, restart ─► paused
//!                                        └──── stop, end of period ────► stoped (sic)
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::activation;
use super::availability;
use super::benefit::{Benefit, BenefitRule};
use super::refusals;
use crate::clock;
use crate::ledger::{Account, AccountKind, Owner};
use crate::products::coupon_stocks::caps::SentOnDay;
use crate::products::{Context, Decision, HandlerError, carry_out, idempotently};
use crate::response::Refusal;
use crate::store::{
    Direction, Due, IdempotencyKey, IndexEntry, IndexRange, Record, Scan, StoreError, Transaction,
};
use crate::words::words;

words! {
    /// `status`.
    pub(crate) enum StockState {
        Unactivated = "unactivated",
        Running = "running",
        Paused = "paused",
        /// Ended for good; spelled with one P on the wire.
        Stoped = "stoped",
    }
}

/// A stock of coupons of one kind and value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stock {
    pub(crate) id: String,
    /// The merchant that created it (创建批次的商户).
    pub(crate) creator: String,
    pub(crate) state: StockState,
    pub(crate) created: i64,
    pub(crate) started: Option<i64>,
    pub(crate) stopped: Option<i64>,
    pub(crate) begin: i64,
    /// The last second in which its coupons can be used.
    pub(crate) end: i64,
    /// The discount of a coupon.
    #[serde(default)]
    pub(super) benefit: Benefit,
    /// The most that one coupon takes off, in fen: the value of a fixed one.
    pub(crate) coupon_amount: i64,
    /// 使用券金额门槛, in fen.
    pub(crate) transaction_minimum: i64,
    pub(crate) max_coupons: i64,
    pub(crate) max_per_user: i64,
    /// 单天发放上限金额, in fen.
    pub(crate) max_amount_by_day: Option<i64>,
    /// 免充值: no money backs it.
    pub(crate) no_cash: bool,
    /// Fen of the budget that are still locked.
    pub(crate) locked: i64,
    /// Which account of the creator the budget was locked from, and goes back to.
    #[serde(default = "locked_from")]
    pub(super) locked_from: AccountKind,
    /// The period is over, and what was left of the budget went back. The clock may go back after it.
    #[serde(default)]
    pub(super) released: bool,
    /// The members of the request that created it.
    pub(crate) members: Map<String, Value>,
    pub(crate) sent: i64,
    pub(crate) sent_on: SentOnDay,
}

/// Of a stock that is not started, and of one that was stored before this was written down.
const fn locked_from() -> AccountKind {
    AccountKind::Available
}

const CREATOR: &str = "creator";

impl Record for Stock {
    const KIND: &'static str = "cash coupon stock";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(CREATOR, self.creator.as_str())]
    }
}

pub(super) fn create_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let Context { caller, request, now, .. } = *context;
    let request_no = request.required("out_request_no");
    let key = IdempotencyKey { operation: "create cash coupon stock", scope: &caller.mchid, request_no };
    idempotently(tx, context, &key, refusals::other_parameters, || {
        if context.merchants.find(request.required("belong_merchant")).is_none() {
            return Err(refusals::not_your_number()
                .with_reason("belong_merchant is not a merchant of this sandbox")
                .into());
        }
        let stock = Stock::read(&caller.mchid, request.body.clone(), now)?;
        check_merchants(&stock, context)?;
        // Eight digits, as real ones have.
        let serial = tx.next_number_below("cash coupon stock", 80_000_000)?;
        let stock = Stock { id: format!("{}", 15_000_000 + serial), ..stock };
        let response = json!({ "stock_id": stock.id, "create_time": clock::rfc3339(now) });
        let due = vec![Due {
            kind: activation::END.to_owned(),
            key: stock.id.clone(),
            at: stock.end.saturating_add(1),
        }];
        carry_out(tx, Decision { due, ..Decision::new(stock, response) })
    })
}

/// A stock without money takes off what the merchants of its orders get, so that only those who said so have
/// it: the creator, and sub-merchants that it may act for with money. UNCONFIRMED(cash-own-merchants): the
/// code; and no other merchant of the same brand.
fn check_merchants(stock: &Stock, context: &Context<'_>) -> Result<(), Refusal> {
    let is_own =
        |mchid: &&str| *mchid == stock.creator || context.merchants.may_use_money(context.caller, mchid);
    let merchants = stock.use_rule_texts("available_merchants");
    if stock.no_cash && !merchants.iter().all(is_own) {
        return Err(refusals::merchants_of_others());
    }
    Ok(())
}

pub(crate) fn find(tx: &Transaction<'_>, id: &str) -> Result<Option<Stock>, StoreError> {
    tx.get(id)
}

/// The stocks that a merchant created, the newest first.
pub(super) fn scan_created<'a>(tx: &'a Transaction<'_>, creator: &str) -> Scan<'a, Stock> {
    tx.scan(IndexRange::equal(CREATOR, creator), Direction::Descending)
}

impl Stock {
    /// Reads what a merchant says about a new stock. The number comes later.
    pub(super) fn read(creator: &str, members: Map<String, Value>, now: i64) -> Result<Self, Refusal> {
        let member = |path: &[&str]| {
            let mut names = path.iter();
            let first = names.next().and_then(|name| members.get(*name));
            names.fold(first, |value, name| value.and_then(|value| value.get(*name)))
        };
        let number = |path: &[&str]| member(path).and_then(Value::as_i64);
        let time = |name: &str| member(&[name]).and_then(Value::as_str).and_then(clock::parse);
        let (begin, end) = match (time("available_begin_time"), time("available_end_time")) {
            (Some(begin), Some(end)) if now <= begin && begin < end => (begin, end),
            _ => return Err(refusals::bad_period()),
        };
        let max_coupons = number(&["stock_use_rule", "max_coupons"]).unwrap_or_default();
        let max_amount = number(&["stock_use_rule", "max_amount"]).unwrap_or_default();
        let max_per_user = number(&["stock_use_rule", "max_coupons_per_user"]).unwrap_or_default();
        if max_coupons <= 0 || max_per_user <= 0 {
            return Err(refusals::bad_rules("max_coupons and max_coupons_per_user must be above 0"));
        }
        // INFERRED(stock-of-nothing): of such a stock nothing could ever be sent.
        let max_amount_by_day = number(&["stock_use_rule", "max_amount_by_day"]);
        if max_amount_by_day.is_some_and(|most| most <= 0) {
            return Err(refusals::bad_rules("max_amount_by_day must be above 0: no coupon could be sent"));
        }
        // INFERRED(cash-week-day): the documents know no hours over midnight.
        let hour = |name| number(&["coupon_use_rule", "coupon_available_time", "fix_available_time", name]);
        if hour("begin_time").unwrap_or_default() > hour("end_time").unwrap_or(clock::DAY - 1) {
            return Err(refusals::bad_rules(
                "begin_time of fix_available_time must not be after its end_time: no coupon could be used",
            ));
        }
        let stock_type = member(&["stock_type"]).and_then(Value::as_str).unwrap_or_default();
        // UNCONFIRMED(cash-goods-tag): one that is for some goods may leave it out.
        let goods_tag = member(&["coupon_use_rule", "goods_tag"]).and_then(Value::as_array);
        if goods_tag.is_some_and(Vec::is_empty) {
            return Err(refusals::empty_goods_tag());
        }
        let share = max_amount.checked_div(max_coupons);
        let BenefitRule { benefit, most: coupon_amount, minimum: transaction_minimum } =
            BenefitRule::read(stock_type, members.get("coupon_use_rule"), share)?;
        if coupon_amount.checked_mul(max_coupons) != Some(max_amount) {
            return Err(refusals::budget_is_not_the_product());
        }
        Ok(Self {
            id: String::new(),
            creator: creator.to_owned(),
            state: StockState::Unactivated,
            created: now,
            started: None,
            stopped: None,
            begin,
            end,
            benefit,
            coupon_amount,
            transaction_minimum,
            max_coupons,
            max_per_user,
            max_amount_by_day,
            no_cash: member(&["no_cash"]).and_then(Value::as_bool).unwrap_or_default(),
            locked: 0,
            locked_from: locked_from(),
            released: false,
            sent: 0,
            sent_on: SentOnDay::default(),
            members,
        })
    }

    /// A member of `coupon_use_rule`.
    pub(super) fn use_rule(&self, name: &str) -> Option<&Value> {
        self.members.get("coupon_use_rule").and_then(|rule| rule.get(name))
    }

    /// The texts in a list of `coupon_use_rule`.
    pub(super) fn use_rule_texts(&self, name: &str) -> Vec<&str> {
        let list = self.use_rule(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The goods that it is for; none when it is for all.
    pub(super) fn items(&self) -> Vec<&str> {
        self.use_rule_texts("available_items")
    }

    pub(super) fn set_items(&mut self, items: Vec<String>) {
        if let Some(rule) = self.members.get_mut("coupon_use_rule").and_then(Value::as_object_mut) {
            rule.insert("available_items".to_owned(), json!(items));
        }
    }

    /// A member of `stock_use_rule` that is a boolean.
    pub(super) fn has_send_rule(&self, name: &str) -> bool {
        let rule = self.members.get("stock_use_rule").and_then(|rule| rule.get(name));
        rule.and_then(Value::as_bool).unwrap_or_default()
    }

    /// Fen that are locked for all its coupons.
    pub(super) const fn budget(&self) -> i64 {
        self.coupon_amount.saturating_mul(self.max_coupons)
    }

    /// Where the budget came from: what is left of it goes back there.
    pub(super) fn home_of_budget(&self) -> Account {
        Owner::merchant(&self.creator).account(self.locked_from)
    }

    pub(super) const fn benefit_rule(&self) -> BenefitRule {
        BenefitRule { benefit: self.benefit, most: self.coupon_amount, minimum: self.transaction_minimum }
    }

    /// `coupon_type`.
    pub(super) const fn coupon_type(&self) -> &'static str {
        if matches!(self.benefit, Benefit::CutTo(_)) { "CUT_TO" } else { "NORMAL" }
    }

    /// `cut_to_message`, of a stock that cuts a price. INFERRED(cash-cut-to): its highest price is the lower
    /// one and what a coupon can take off it.
    pub(super) fn cut_to_message(&self) -> Option<Value> {
        let Benefit::CutTo(price) = self.benefit else { return None };
        let highest = price.saturating_add(self.coupon_amount);
        Some(json!({ "single_price_max": highest, "cut_to_price": price }))
    }

    pub(super) fn name(&self) -> &str {
        self.members.get("stock_name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The text for people.
    pub(super) fn description(&self) -> &str {
        let pattern = self.members.get("pattern_info").and_then(|pattern| pattern.get("description"));
        pattern.and_then(Value::as_str).unwrap_or_default()
    }

    /// Counts one more coupon that is sent, or says why none can be.
    pub(super) fn count_send(&mut self, received_by_user: i64, now: i64) -> Result<(), Refusal> {
        if self.state != StockState::Running || now > self.end {
            return Err(refusals::not_running());
        }
        if now < self.begin {
            return Err(refusals::not_begun());
        }
        if !availability::has_usable_moment(self, availability::period(self, now)) {
            return Err(refusals::never_usable());
        }
        let sent_on = self.sent_on.one_more(now);
        let amount_today = sent_on.1.saturating_mul(self.coupon_amount);
        if self.sent >= self.max_coupons {
            return Err(refusals::budget_is_spent());
        }
        if self.max_amount_by_day.is_some_and(|most| amount_today > most) {
            return Err(refusals::day_has_enough());
        }
        if received_by_user >= self.max_per_user {
            return Err(refusals::user_has_enough());
        }
        self.sent_on = sent_on;
        self.sent = self.sent.saturating_add(1);
        Ok(())
    }

    /// As a query shows it.
    pub(super) fn show(&self) -> Value {
        let rule = |name: &str| {
            self.members.get("stock_use_rule").and_then(|rule| rule.get(name)).cloned().unwrap_or(Value::Null)
        };
        let mut shown = json!({
            "stock_id": self.id,
            "stock_creator_mchid": self.creator,
            "stock_name": self.name(),
            "status": self.state.word(),
            "create_time": clock::rfc3339(self.created),
            "description": self.description(),
            "stock_use_rule": {
                "max_coupons": self.max_coupons,
                "max_amount": self.budget(),
                "max_amount_by_day": self.max_amount_by_day,
                "fixed_normal_coupon": {
                    "coupon_amount": self.coupon_amount, "transaction_minimum": self.transaction_minimum,
                },
                "max_coupons_per_user": self.max_per_user,
                "natural_person_limit": rule("natural_person_limit"),
                "prevent_api_abuse": rule("prevent_api_abuse"),
                "coupon_type": self.coupon_type(),
                "goods_tag": self.use_rule("goods_tag"),
                "trade_type": self.use_rule("trade_type"),
                "combine_use": self.use_rule("combine_use"),
            },
            "available_begin_time": clock::rfc3339(self.begin),
            "available_end_time": clock::rfc3339(self.end),
            "distributed_coupons": self.sent,
            "no_cash": self.no_cash,
            "singleitem": !self.items().is_empty(),
            "cut_to_message": self.cut_to_message(),
            "stock_type": self.members.get("stock_type"),
            "start_time": self.started.map(clock::rfc3339),
            "stop_time": self.stopped.map(clock::rfc3339),
        });
        remove_nulls(&mut shown);
        shown
    }
}

/// A response leaves out what is not there.
pub(super) fn remove_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, value| !value.is_null());
        members.values_mut().for_each(remove_nulls);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) const NOW: i64 = 1_786_766_400;
    pub(crate) const CREATOR: &str = "1900000109";

    /// 10 coupons of 5 yuan for orders of at least 10, two for each person, until an hour from now.
    pub(crate) fn request() -> Map<String, Value> {
        let Value::Object(members) = json!({
            "stock_name": "开业代金券",
            "belong_merchant": CREATOR,
            "available_begin_time": clock::rfc3339(NOW),
            "available_end_time": clock::rfc3339(NOW + 3_600),
            "stock_use_rule": {
                "max_coupons": 10, "max_amount": 5_000, "max_coupons_per_user": 2,
                "natural_person_limit": false, "prevent_api_abuse": false,
            },
            "coupon_use_rule": {
                "fixed_normal_coupon": { "coupon_amount": 500, "transaction_minimum": 1_000 },
                "available_merchants": [CREATOR],
            },
            "no_cash": false,
            "stock_type": "NORMAL",
            "out_request_no": "create-1",
        }) else {
            unreachable!()
        };
        members
    }

    pub(crate) fn a_running_stock() -> Stock {
        let stock = Stock::read(CREATOR, request(), NOW).unwrap();
        let (state, started) = (StockState::Running, Some(NOW));
        Stock { id: "15000001".to_owned(), state, started, locked: 5_000, ..stock }
    }

    #[test]
    fn the_budget_is_the_value_times_the_number() {
        let mut request = request();
        request["stock_use_rule"]["max_amount"] = json!(5_001);
        let refusal = Stock::read(CREATOR, request, NOW).unwrap_err();
        assert_eq!((refusal.code, &*refusal.message), ("PARAM_ERROR", "批次预算等于批次面额乘以发券数"));
    }

    #[test]
    fn a_period_that_is_over_or_ends_before_it_begins_is_refused() {
        for (begin, end) in [(NOW - 10, NOW - 5), (NOW + 10, NOW + 5), (NOW, NOW)] {
            let mut request = request();
            request["available_begin_time"] = json!(clock::rfc3339(begin));
            request["available_end_time"] = json!(clock::rfc3339(end));
            let refusal = Stock::read(CREATOR, request, NOW).unwrap_err();
            assert_eq!((refusal.status, refusal.code), (403, "REQUEST_BLOCKED"));
        }
    }

    #[test]
    fn hours_that_end_before_they_begin_are_refused() {
        let with_hours = |begin: i64, end: i64| {
            let mut request = request();
            request["coupon_use_rule"]["coupon_available_time"] =
                json!({ "fix_available_time": { "begin_time": begin, "end_time": end } });
            Stock::read(CREATOR, request, NOW)
        };
        assert_eq!(with_hours(79_200, 21_600).unwrap_err().code, "INVALID_REQUEST");
        assert!(with_hours(21_600, 79_200).is_ok() && with_hours(60, 60).is_ok());
    }

    #[test]
    fn amounts_that_overflow_are_refused() {
        let mut request = request();
        request["stock_use_rule"]["max_coupons"] = json!(i64::MAX);
        assert_eq!(Stock::read(CREATOR, request, NOW).unwrap_err().code, "PARAM_ERROR");
    }

    #[test]
    fn a_stock_ends_with_its_number_and_each_person_with_theirs() {
        let mut stock = a_running_stock();
        for _ in 0..10 {
            stock.count_send(0, NOW).unwrap();
        }
        assert_eq!(stock.count_send(0, NOW).unwrap_err().code, "NOT_ENOUGH");
        let refusal = a_running_stock().count_send(2, NOW).unwrap_err();
        assert_eq!((refusal.code, &*refusal.message), ("RULE_LIMIT", "用户已达最大领券次数"));
        let documented = refusal.into_documented();
        assert_eq!((documented.code, &*documented.message), ("REQUEST_BLOCKED", "用户被限领拦截"));
    }

    #[test]
    fn the_limit_of_a_day_begins_again_at_midnight() {
        let mut stock = Stock { max_amount_by_day: Some(500), end: NOW + 200_000, ..a_running_stock() };
        stock.count_send(0, NOW).unwrap();
        let refusal = stock.count_send(0, NOW + 1).unwrap_err();
        assert_eq!(
            (refusal.status, refusal.code, &*refusal.message),
            (403, "RULE_LIMIT", "发券超过单天限额")
        );
        stock.count_send(0, NOW + 86_400).unwrap();
    }

    #[test]
    fn a_clock_that_goes_back_does_not_begin_the_limit_of_a_day_again() {
        let mut stock = Stock { max_amount_by_day: Some(500), end: NOW + 200_000, ..a_running_stock() };
        stock.count_send(0, NOW + 86_400).unwrap();
        for now in [NOW, NOW + 86_400] {
            assert_eq!(stock.count_send(0, now).unwrap_err().code, "RULE_LIMIT");
        }
        // The same form as in data folders of earlier versions.
        assert_eq!(json!(stock.sent_on), json!([clock::day(NOW + 86_400), 1]));
    }

    #[test]
    fn nothing_is_sent_before_a_stock_begins() {
        let begins = |begin: i64| {
            let mut request = request();
            request["available_begin_time"] = json!(clock::rfc3339(begin));
            Stock::read(CREATOR, request, NOW)
        };
        let refusal = begins(NOW - 1).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (403, "REQUEST_BLOCKED"));
        let mut later = Stock { state: StockState::Running, ..begins(NOW + 60).unwrap() };
        let refusal = later.count_send(0, NOW + 59).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, "INVALID_REQUEST"));
        later.count_send(0, NOW + 60).unwrap();
    }

    #[test]
    fn a_stock_without_money_takes_nothing_off_what_another_merchant_gets() {
        const SUB: &str = "1900000120";
        let other = crate::NewMerchant::new().mchid("1900000200");
        let sandbox = crate::Sandbox::builder().merchant(other).start().unwrap();
        let merchants = &sandbox.platform().merchants;
        let own = merchants.find(&sandbox.kit().mchid).unwrap().account.clone();
        let caller = crate::merchants::Account { sub_merchants: vec![SUB.to_owned()], ..own };
        let mut world = crate::products::testing::world::World::with_merchants(merchants);
        world.now = NOW;
        let mut number = 0;
        let mut create = |no_cash: bool, available: &[&str]| {
            number += 1;
            let mut request = request();
            request["belong_merchant"] = json!(caller.mchid);
            request["out_request_no"] = json!(format!("create-{number}"));
            request["no_cash"] = json!(no_cash);
            request["coupon_use_rule"]["available_merchants"] = json!(available);
            let path = "/v3/marketing/favor/coupon-stocks";
            let made = world.ask(&caller, "POST", path, &Value::Object(request));
            made.map_err(|refusal| refusal.message.into_owned())
        };
        let words = "可用商户不符合规则,请检查".to_owned();
        assert_eq!(create(true, &[&caller.mchid, "1900000200"]), Err(words.clone()));
        assert_eq!(create(true, &["1900000300"]), Err(words));
        create(true, &[&caller.mchid, SUB]).unwrap();
        create(true, &[]).unwrap();
        // Its own money pays what this one takes off.
        create(false, &["1900000200"]).unwrap();
    }

    #[test]
    fn a_coupon_that_can_never_be_used_is_not_sent() {
        let mut stock = a_running_stock();
        stock.members["coupon_use_rule"]["coupon_available_time"] =
            json!({ "available_end_time": clock::rfc3339(NOW + 60) });
        stock.count_send(0, NOW + 60).unwrap();
        let refusal = stock.count_send(0, NOW + 61).unwrap_err();
        assert_eq!((refusal.code, &*refusal.message), ("INVALID_REQUEST", "活动已结束或未激活"));
        assert_eq!(stock.sent, 1);
    }

    #[test]
    fn only_a_running_stock_is_sent_and_only_in_its_period() {
        for state in [StockState::Unactivated, StockState::Paused, StockState::Stoped] {
            let refusal = Stock { state, ..a_running_stock() }.count_send(0, NOW).unwrap_err();
            assert_eq!(&*refusal.message, "活动已结束或未激活");
        }
        assert!(a_running_stock().count_send(0, NOW + 3_601).is_err());
    }
}
