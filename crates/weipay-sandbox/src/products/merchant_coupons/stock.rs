//! A stock (批次): one definition, its state, and what has been sent of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::definition::{CodeMode, Definition};
use super::unconfirmed::STATE_AFTER_CREATION;
use super::{may_operate, partnership, refusals};
use crate::clock;
use crate::merchants::Account;
use crate::products::coupon_stocks::caps::Sent;
use crate::products::coupon_stocks::stored_codes;
use crate::products::{Context, Decided, Decision, HandlerError, carry_out, idempotently};
use crate::reasons;
use crate::store::{Due, IdempotencyKey, Record, StoreError, Transaction};
use crate::words::words;

pub(super) fn create_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let Context { caller, request, now, .. } = *context;
    let request_no = request.required("out_request_no");
    let key = IdempotencyKey { operation: "create stock", scope: &caller.mchid, request_no };
    idempotently(tx, context, &key, refusals::other_stock, || {
        carry_out(tx, create(caller, request.body.clone(), tx.next_number("stock")?, now)?)
    })
}

pub(super) fn query_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let found = find_with_sent(tx, context.request.path("stock_id"))?;
    let (stock, sent) = found.ok_or_else(refusals::no_such_stock)?;
    if !may_see(tx, context.caller, &stock)? {
        return Err(refusals::no_right_on_stock().into());
    }
    let mut shown = stock.describe(&sent, context.now);
    if stock.definition.code_mode == CodeMode::MerchantUpload {
        shown["coupon_code_count"] = stored_codes::counts(tx, &stock.id)?.describe();
    }
    Ok(shown)
}

/// UNCONFIRMED(stock-readers): a stock is shown to its creator, to the merchant that it belongs to, and to those who may send it.
fn may_see(tx: &Transaction<'_>, caller: &Account, stock: &Stock) -> Result<bool, StoreError> {
    Ok(may_operate(caller, stock) || partnership::is_partner(tx, stock, caller)?)
}

/// The end of the period of a stock.
pub(super) const END: &str = "merchant coupon stock ends";

/// INFERRED(stock-end): when its period is over, a stock is `STOPED`. No notification is sent.
pub(super) fn end_stock(tx: &Transaction<'_>, stock_id: &str, at: i64) -> Result<(), HandlerError> {
    set_stock_state(tx, stock_id, StockState::Stoped, at)?;
    Ok(())
}

/// A stock of coupons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stock {
    pub(crate) id: String,
    /// The merchant that created it (制券商户).
    pub(crate) creator: String,
    pub(crate) state: StockState,
    pub(crate) create_time: i64,
    pub(crate) definition: Definition,
    /// Whether product information (商品信息) was linked to it; nothing in the API does that.
    #[serde(default)]
    pub(crate) has_product: bool,
}

words! {
    /// `stock_state`.
    #[non_exhaustive]
    pub enum StockState {
        /// `UNAUDIT`: under review.
        Unaudit = "UNAUDIT",
        /// `RUNNING`: can be sent.
        Running = "RUNNING",
        /// `STOPED`, spelled with one P on the wire: ended for good.
        Stoped = "STOPED",
        /// `PAUSED`: sending is suspended.
        Paused = "PAUSED",
    }
    pub(crate) fn from_word;
    pub(crate) const WORDS;
}

/// The number of a stock: six digits that are constant for a merchant and a serial of ten.
pub(crate) fn number(mchid: &str, serial: i64) -> String {
    let from = mchid.len().saturating_sub(5);
    let tail = mchid.get(from..).unwrap_or_default();
    format!("1{tail:0>5}{serial:010}")
}

/// Creates a stock (创建商家券).
pub(crate) fn create(
    caller: &Account,
    request: Map<String, Value>,
    serial: i64,
    now: i64,
) -> Decided<(Stock, Sent)> {
    let definition = Definition::read(request)?;
    if !caller.acts_for(definition.belong_merchant()) {
        return Err(refusals::unknown_merchant());
    }
    // INFERRED(stock-of-the-past): a period that is over makes no stock.
    if definition.validity.end <= now {
        return Err(refusals::request_parameters(reasons::STOCK_OF_THE_PAST));
    }
    let stock = Stock {
        id: number(&caller.mchid, serial),
        creator: caller.mchid.clone(),
        state: STATE_AFTER_CREATION,
        create_time: now,
        definition,
        has_product: false,
    };
    let response = json!({ "stock_id": stock.id, "create_time": clock::rfc3339(now) });
    let sent = Sent::new(&stock.id);
    Ok(Decision { due: vec![stock.due()], ..Decision::new((stock, sent), response) })
}

impl Stock {
    /// Its scheduled work.
    fn due(&self) -> Due {
        Due { kind: END.to_owned(), key: self.id.clone(), at: self.definition.validity.end + 1 }
    }

    /// The state at a moment. When its period is over, a stock is `STOPED`, whether or not the clock has done that yet.
    pub(crate) fn state_at(&self, now: i64) -> StockState {
        if now > self.definition.validity.end { StockState::Stoped } else { self.state }
    }

    /// The response to 查询商家券详情.
    pub(crate) fn describe(&self, sent: &Sent, now: i64) -> Value {
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
        members.insert("send_count_information".to_owned(), self.counts(sent, now));
        Value::Object(members)
    }

    fn counts(&self, sent: &Sent, now: i64) -> Value {
        let mut counts = Map::new();
        let today = sent.today(now);
        let has_daily_cap = self.definition.caps.by_day.is_some();
        counts.insert("total_send_num".to_owned(), sent.total.into());
        if let Some(worth) = self.definition.discount_amount {
            counts.insert("total_send_amount".to_owned(), sent.total.saturating_mul(worth).into());
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

impl Record for Stock {
    const KIND: &'static str = "merchant coupon stock";

    fn key(&self) -> String {
        self.id.clone()
    }
}

/// One stock.
pub(super) fn find(tx: &Transaction<'_>, id: &str) -> Result<Option<Stock>, StoreError> {
    tx.get(id)
}

/// One stock, and what was sent of it.
pub(super) fn find_with_sent(tx: &Transaction<'_>, id: &str) -> Result<Option<(Stock, Sent)>, StoreError> {
    let Some(stock) = find(tx, id)? else { return Ok(None) };
    let sent = tx.get(id)?.ok_or_else(|| StoreError::Corrupt(format!("{} {id} is missing", Sent::KIND)))?;
    Ok(Some((stock, sent)))
}

/// Puts a stock into another state. Whether there is such a stock. One that stops early has no end to come.
pub(crate) fn set_stock_state(
    tx: &Transaction<'_>,
    id: &str,
    state: StockState,
    now: i64,
) -> Result<bool, StoreError> {
    let Some(stock) = find(tx, id)? else { return Ok(false) };
    let end = stock.due();
    match state {
        StockState::Stoped => drop(tx.unschedule(&end)?),
        _ if stock.state == StockState::Stoped && now < end.at => tx.schedule(&end)?,
        _ => {}
    }
    tx.save(&Stock { state, ..stock }).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{CALLER, NOW, a_stock, stock_request};
    use crate::store::Store;

    #[test]
    fn a_stock_number_has_sixteen_digits_of_which_six_are_the_merchants() {
        assert_eq!(number("1900000109", 17), "1001090000000017");
        assert_eq!(number("123", 1), "1001230000000001");
    }

    #[test]
    fn a_new_stock_runs_at_once_and_has_sent_nothing() {
        let ((stock, sent), response) = create(&CALLER, stock_request(), 1, NOW).unwrap().parts();
        assert_eq!(response["stock_id"], stock.id);
        assert_eq!(clock::parse(response["create_time"].as_str().unwrap()), Some(NOW));
        let described = stock.describe(&sent, NOW);
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
        let (stock, _) = create(&CALLER, stock_request(), 1, NOW).unwrap().changed;
        let late = create(&CALLER, stock_request(), 1, stock.definition.validity.end).unwrap_err();
        assert_eq!(late.code, "PARAM_ERROR");
    }

    #[test]
    fn a_stock_may_belong_to_a_merchant_that_the_caller_acts_for() {
        let caller = Account { sub_merchants: vec!["10000022".to_owned()], ..CALLER.clone() };
        let mut request = stock_request();
        request.insert("belong_merchant".to_owned(), json!("10000022"));
        let (stock, _) = create(&caller, request, 1, NOW).unwrap().changed;
        assert_eq!((&*stock.creator, stock.definition.belong_merchant()), (&*caller.mchid, "10000022"));
        assert!(may_operate(&Account { mchid: "10000022".to_owned(), ..CALLER.clone() }, &stock));
    }

    #[test]
    fn a_stock_stops_when_its_period_is_over() {
        let stock = a_stock();
        let end = stock.definition.validity.end;
        assert_eq!((stock.state_at(end), stock.state_at(end + 1)), (StockState::Running, StockState::Stoped));
    }

    #[test]
    fn a_stock_comes_back_as_it_was_stored_and_its_end_stops_it() {
        let checked: Result<(), HandlerError> = Store::in_memory().transaction(|tx| {
            let created = create(&CALLER, stock_request(), 1, NOW)?;
            let ends =
                Due { kind: END.to_owned(), key: a_stock().id, at: a_stock().definition.validity.end + 1 };
            assert_eq!(created.due, std::slice::from_ref(&ends));
            carry_out(tx, created)?;
            let (mut stock, sent) = find_with_sent(tx, &a_stock().id)?.unwrap();
            assert_eq!((&stock, sent), (&a_stock(), Sent::new(&a_stock().id)));
            stock.definition.members.insert("comment".to_owned(), "another".into());
            tx.save(&stock)?;
            for state in [StockState::Paused, StockState::Unaudit, StockState::Running] {
                assert!(set_stock_state(tx, &stock.id, state, NOW)?);
                assert_eq!(find(tx, &stock.id)?, Some(Stock { state, ..stock.clone() }));
            }
            assert!(!set_stock_state(tx, "another", StockState::Paused, NOW)?);
            assert_eq!(tx.next_due(i64::MAX, None)?, Some(ends.clone()));
            // Stopped early, it has no end to come, until it runs again.
            for (state, next) in [(StockState::Stoped, None), (StockState::Running, Some(ends.clone()))] {
                set_stock_state(tx, &stock.id, state, NOW)?;
                assert_eq!(tx.next_due(i64::MAX, None)?, next);
            }
            end_stock(tx, &ends.key, ends.at)?;
            assert_eq!(find(tx, &stock.id)?.map(|stock| stock.state), Some(StockState::Stoped));
            Ok(())
        });
        checked.unwrap();
    }

    #[test]
    fn amounts_and_daily_numbers_are_shown_where_they_mean_something() {
        let mut stock = a_stock();
        stock.definition.caps.by_day = Some(10);
        let sent = Sent::default().one_more(NOW).one_more(NOW);
        let counts = |now| stock.describe(&sent, now)["send_count_information"].clone();
        assert_eq!(
            counts(NOW),
            json!({ "total_send_num": 2, "total_send_amount": 10, "today_send_num": 2, "today_send_amount": 10 })
        );
        assert_eq!(counts(NOW + clock::DAY)["today_send_num"], 0);
        stock.definition.discount_amount = None;
        assert_eq!(
            stock.describe(&sent, NOW)["send_count_information"],
            json!({ "total_send_num": 2, "today_send_num": 2 })
        );
    }
}
