//! A stock (批次): its rules, its state, and what was sent of it.
//!
//! ```text
//!   create ► unactivated ── start ──► running ◄─ pause, restart ─► paused
//!                                        └──── stop, end of period ────► stoped (sic)
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::refusals;
use crate::clock;
use crate::products::ledger::{AccountKind, Business, Owner, Posting, Purse, post};
use crate::products::{Context, Decision, HandlerError, carry_out, idempotently};
use crate::response::Refusal;
use crate::store::{Due, IdempotencyKey, IndexEntry, IndexRange, Page, Record, StoreError, Transaction};

/// `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StockState {
    Unactivated,
    Running,
    Paused,
    /// Ended for good; spelled with one P on the wire.
    Stoped,
}

impl StockState {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Unactivated => "unactivated",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stoped => "stoped",
        }
    }
}

/// A stock of coupons of one value.
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
    /// Fen.
    pub(crate) coupon_amount: i64,
    /// 使用券金额门槛, in fen.
    pub(crate) transaction_minimum: i64,
    pub(crate) max_coupons: i64,
    pub(crate) max_per_user: i64,
    /// 单天发放上限金额, in fen.
    pub(crate) max_amount_by_day: Option<i64>,
    /// 免充值: it has no money behind it.
    pub(crate) no_cash: bool,
    /// Fen of the budget that are still locked.
    pub(crate) locked: i64,
    /// What the merchant said when creating it.
    pub(crate) members: Map<String, Value>,
    pub(crate) sent: i64,
    /// The day of the last send in Beijing, in days since 1970, and how many were sent on it.
    pub(crate) sent_on: (i64, i64),
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

/// What the clock does at the end of a stock's period.
pub(super) const END: &str = "cash coupon stock ends";

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
        let stock = Stock { id: format!("{}", 15_000_000 + tx.next_number("cash coupon stock")?), ..stock };
        let response = json!({ "stock_id": stock.id, "create_time": clock::rfc3339(now) });
        let due = vec![Due { kind: END.to_owned(), key: stock.id.clone(), at: stock.end.saturating_add(1) }];
        carry_out(tx, Decision { due, ..Decision::new(stock, response) })
    })
}

/// Activation. A funded stock locks its whole budget; INFERRED(cash-account): it is taken from the available balance, and from the
/// operation account when that has too little.
pub(super) fn start_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mut stock = own_stock(tx, context)?;
    match stock.state {
        StockState::Running => {}
        StockState::Unactivated => {
            if !stock.no_cash {
                stock.locked = stock.coupon_amount.saturating_mul(stock.max_coupons);
                lock_budget(tx, &stock, context.now)?;
            }
            stock.state = StockState::Running;
            stock.started = Some(context.now);
            tx.save(&stock)?;
        }
        StockState::Paused | StockState::Stoped => return Err(refusals::wrong_state().into()),
    }
    let started = stock.started.unwrap_or(context.now);
    Ok(json!({ "start_time": clock::rfc3339(started), "stock_id": stock.id }))
}

pub(super) fn pause_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let stock = switch(tx, context, StockState::Running, StockState::Paused)?;
    Ok(json!({ "pause_time": clock::rfc3339(context.now), "stock_id": stock.id }))
}

pub(super) fn restart_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let stock = switch(tx, context, StockState::Paused, StockState::Running)?;
    Ok(json!({ "restart_time": clock::rfc3339(context.now), "stock_id": stock.id }))
}

pub(super) fn stop_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mut stock = own_stock(tx, context)?;
    if !matches!(stock.state, StockState::Running | StockState::Paused | StockState::Stoped) {
        return Err(refusals::wrong_state().into());
    }
    stop(tx, &mut stock, context.now)?;
    let stopped = stock.stopped.unwrap_or(context.now);
    Ok(json!({ "stop_time": clock::rfc3339(stopped), "stock_id": stock.id }))
}

/// INFERRED(cash-stock-end): when its period is over a stock is `stoped`, and what is left of its budget goes back.
pub(super) fn end_stock(tx: &Transaction<'_>, stock_id: &str, at: i64) -> Result<(), HandlerError> {
    let Some(mut stock) = find(tx, stock_id)? else { return Ok(()) };
    stop(tx, &mut stock, at)?;
    release(tx, &mut stock, at)
}

/// Nobody can be sent a coupon any more. Those that people have stay usable, so that the money for them stays locked until the period
/// is over.
fn stop(tx: &Transaction<'_>, stock: &mut Stock, now: i64) -> Result<(), HandlerError> {
    if stock.state != StockState::Stoped {
        stock.state = StockState::Stoped;
        stock.stopped = Some(now);
        tx.save(stock)?;
    }
    Ok(())
}

fn release(tx: &Transaction<'_>, stock: &mut Stock, now: i64) -> Result<(), HandlerError> {
    let owner = Owner::merchant(&stock.creator);
    let posting = Posting::new(Business::Coupon, &stock.id, now).moves(
        owner.account(AccountKind::Marketing),
        owner.account(AccountKind::Available),
        stock.locked,
    );
    post(tx, posting).map_err(|error| error.or_short(Refusal::system_error))?;
    stock.locked = 0;
    tx.save(stock)?;
    Ok(())
}

fn lock_budget(tx: &Transaction<'_>, stock: &Stock, now: i64) -> Result<(), HandlerError> {
    let owner = Owner::merchant(&stock.creator);
    let purse = Purse::find(tx, &owner)?;
    let source = match purse.balance(AccountKind::Available) >= stock.locked {
        true => AccountKind::Available,
        false => AccountKind::Operation,
    };
    let posting = Posting::new(Business::Coupon, &stock.id, now).moves(
        owner.account(source),
        owner.account(AccountKind::Marketing),
        stock.locked,
    );
    post(tx, posting).map_err(|error| error.or_short(refusals::no_money_to_start))
}

/// Pause and restart are 幂等: a stock that is there already is answered like one that goes there.
fn switch(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    from: StockState,
    to: StockState,
) -> Result<Stock, HandlerError> {
    let mut stock = own_stock(tx, context)?;
    if stock.state == to {
        return Ok(stock);
    }
    if stock.state != from {
        return Err(refusals::wrong_state().into());
    }
    stock.state = to;
    tx.save(&stock)?;
    Ok(stock)
}

/// The stock of a path, which the caller must have created and must name as its creator.
fn own_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Stock, HandlerError> {
    let stock = find(tx, context.request.path("stock_id"))?.ok_or_else(refusals::no_such_stock)?;
    let is_named = context.request.required("stock_creator_mchid") == stock.creator;
    if !is_named || stock.creator != context.caller.mchid {
        return Err(refusals::not_the_creator().into());
    }
    Ok(stock)
}

pub(super) fn find(tx: &Transaction<'_>, id: &str) -> Result<Option<Stock>, StoreError> {
    tx.get(id)
}

/// The stocks that a merchant created, the newest first.
pub(super) fn find_created(
    tx: &Transaction<'_>,
    creator: &str,
    page: Page,
) -> Result<Vec<Stock>, StoreError> {
    tx.find(&[IndexRange::equal(CREATOR, creator)], page)
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
            (Some(begin), Some(end)) if begin < end && end > now => (begin, end),
            _ => return Err(refusals::bad_period()),
        };
        let rule = ["coupon_use_rule", "fixed_normal_coupon"];
        let (Some(coupon_amount), Some(transaction_minimum)) = (
            number(&[rule[0], rule[1], "coupon_amount"]),
            number(&[rule[0], rule[1], "transaction_minimum"]),
        ) else {
            return Err(refusals::bad_rules(
                "the sandbox has stocks with coupon_use_rule.fixed_normal_coupon only",
            ));
        };
        let max_coupons = number(&["stock_use_rule", "max_coupons"]).unwrap_or_default();
        let max_amount = number(&["stock_use_rule", "max_amount"]).unwrap_or_default();
        let max_per_user = number(&["stock_use_rule", "max_coupons_per_user"]).unwrap_or_default();
        if coupon_amount <= 0 || max_coupons <= 0 || max_per_user <= 0 {
            return Err(refusals::bad_rules(
                "coupon_amount, max_coupons and max_coupons_per_user must be above 0",
            ));
        }
        // UNCONFIRMED(cash-minimum): whether the minimum must be above the value.
        if transaction_minimum < coupon_amount {
            return Err(refusals::bad_rules("transaction_minimum must not be below coupon_amount"));
        }
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
            coupon_amount,
            transaction_minimum,
            max_coupons,
            max_per_user,
            max_amount_by_day: number(&["stock_use_rule", "max_amount_by_day"]),
            no_cash: member(&["no_cash"]).and_then(Value::as_bool).unwrap_or_default(),
            locked: 0,
            sent: 0,
            sent_on: (0, 0),
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

    pub(super) fn name(&self) -> &str {
        self.members.get("stock_name").and_then(Value::as_str).unwrap_or_default()
    }

    /// What a person reads about it.
    pub(super) fn description(&self) -> &str {
        let pattern = self.members.get("pattern_info").and_then(|pattern| pattern.get("description"));
        pattern.and_then(Value::as_str).unwrap_or_default()
    }

    /// How many were sent on a day in Beijing.
    fn sent_on(&self, day: i64) -> i64 {
        if self.sent_on.0 == day { self.sent_on.1 } else { 0 }
    }

    /// Counts one more coupon that is sent, or says why none can be.
    pub(super) fn count_send(&mut self, received_by_user: i64, now: i64) -> Result<(), Refusal> {
        if self.state != StockState::Running || now > self.end {
            return Err(refusals::not_running());
        }
        let today = clock::day(now);
        let amount_today = self.sent_on(today).saturating_add(1).saturating_mul(self.coupon_amount);
        if self.sent >= self.max_coupons || self.max_amount_by_day.is_some_and(|most| amount_today > most) {
            return Err(refusals::budget_is_spent());
        }
        if received_by_user >= self.max_per_user {
            return Err(refusals::user_has_enough());
        }
        self.sent_on = (today, self.sent_on(today).saturating_add(1));
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
                "max_amount": self.coupon_amount.saturating_mul(self.max_coupons),
                "max_amount_by_day": self.max_amount_by_day,
                "fixed_normal_coupon": {
                    "coupon_amount": self.coupon_amount, "transaction_minimum": self.transaction_minimum,
                },
                "max_coupons_per_user": self.max_per_user,
                "natural_person_limit": rule("natural_person_limit"),
                "prevent_api_abuse": rule("prevent_api_abuse"),
                "coupon_type": "NORMAL",
                "goods_tag": self.use_rule("goods_tag"),
                "trade_type": self.use_rule("trade_type"),
                "combine_use": self.use_rule("combine_use"),
            },
            "available_begin_time": clock::rfc3339(self.begin),
            "available_end_time": clock::rfc3339(self.end),
            "distributed_coupons": self.sent,
            "no_cash": self.no_cash,
            "singleitem": !self.use_rule_texts("available_items").is_empty(),
            "stock_type": "NORMAL",
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
        Stock { id: "15000001".to_owned(), state: StockState::Running, started: Some(NOW), ..stock }
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
        assert_eq!(&*a_running_stock().count_send(2, NOW).unwrap_err().message, "用户被限领拦截");
    }

    #[test]
    fn the_limit_of_a_day_begins_again_at_midnight() {
        let mut stock = Stock { max_amount_by_day: Some(500), end: NOW + 200_000, ..a_running_stock() };
        stock.count_send(0, NOW).unwrap();
        assert_eq!(stock.count_send(0, NOW + 1).unwrap_err().code, "NOT_ENOUGH");
        stock.count_send(0, NOW + 86_400).unwrap();
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
