//! Rules that stocks of merchant coupons (商家券) and of product coupons (商品券) share.
//!
//! | file | what is in it |
//! |---|---|
//! | `caps` | how many coupons may be sent (发放规则), what was sent, and a change of the budget |
//! | `validity` | when coupons can be used (券可核销时间) |
//! | `stored_codes` | codes that a merchant stores before sending (预存code), and what becomes of those of an upload |
//!
//! Here stands what all of them need: fresh codes, users (every well-formed openid is one), numbers in the query of a list, and
//! index values in the order of a time, such as the expiry of coupons.

pub(crate) mod caps;
pub(crate) mod stored_codes;
pub(crate) mod validity;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use weipay_rules::{Limits, Rules};

use super::HandlerError;
use crate::contract::ValidRequest;
use crate::control::ControlError;
use crate::entropy::Entropy;
use crate::grammar::{Place, Source};
use crate::people::openid::{WrongOpenid, is_openid};
use crate::response::Refusal;
use crate::store::{IndexRange, StoreError, Transaction, joined};

/// A code as the platform makes them, of 22 digits: a serial keeps them apart, chance keeps them from being guessed.
pub(crate) fn fresh_code(tx: &Transaction<'_>, entropy: &Entropy) -> Result<String, StoreError> {
    Ok(format!("1{}{:010}", entropy.digits(11), tx.next_number("coupon code")?))
}

/// The result of setting the state of a stock, as the platform's pages do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StateChange {
    Done,
    NoStock,
    /// Its period is over: it would not be in that state, whatever is kept of it.
    Over,
}

impl StateChange {
    /// The response of the control API.
    pub(crate) fn told(self, no_stock: &'static str) -> Result<Value, ControlError> {
        match self {
            Self::Done => Ok(Value::Null),
            Self::NoStock => Err(ControlError::not_found(no_stock)),
            Self::Over => Err(ControlError::conflict(
                "its available_end_time has passed, so the stock has ended: set the clock back, or create another one",
            )),
        }
    }
}

/// A step in the life of a coupon that a request made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) request_no: String,
    pub(crate) time: i64,
}

/// A number of the query, which must be within its limits; the default when it is not there.
pub(crate) fn number_of_query(
    request: &ValidRequest,
    name: &str,
    title: &str,
    default: i64,
    min: i64,
    max: i64,
) -> Result<i64, Refusal> {
    let Some(number) = request.query(name).and_then(|text| text.parse::<i64>().ok()) else {
        return Ok(default);
    };
    let pointer = format!("/query/{name}");
    let place = Place { source: Source::Query, pointer: &pointer, title };
    let rules = Rules { limits: Limits::new(Some(min), Some(max)), ..Rules::NONE };
    rules.check_integer(number).map_err(|rule| place.broken(rule, number.into()))?;
    Ok(number)
}

/// An index value that stands in the order of time: a text, and then the time.
pub(crate) fn value_in_time(text: &str, time: i64) -> String {
    format!("{text}:{:020}", time.max(0))
}

/// The values of a text from one time to another, both included.
pub(crate) fn between_times(index: &'static str, text: &str, from: i64, to: i64) -> IndexRange {
    IndexRange { index, from: value_in_time(text, from), to: value_in_time(text, to) }
}

/// The values of all texts that begin with this part, at any time.
pub(crate) fn beginning_with(index: &'static str, part: &str) -> IndexRange {
    IndexRange { index, from: joined(part, ""), to: joined(part, "~") }
}

/// 404 USER_NOT_EXISTS unless the openid has its form.
pub(crate) fn check_user_exists(openid: &str) -> Result<(), Refusal> {
    if is_openid(openid) { Ok(()) } else { Err(not_a_user(WrongOpenid::Form)) }
}

/// 404 USER_NOT_EXISTS unless the openid has its form, and is the person's under this appid.
/// INFERRED(user-of-appid): the code, that of a wrong openid.
pub(crate) fn check_user_of_appid(
    tx: &Transaction<'_>,
    openid: &str,
    appid: &str,
) -> Result<(), HandlerError> {
    let wrong = WrongOpenid::find(tx, openid, appid)?;
    wrong.map_or(Ok(()), |wrong| Err(not_a_user(wrong).into()))
}

pub(crate) fn of_another_appid() -> Refusal {
    not_a_user(WrongOpenid::OfAnotherAppid)
}

fn not_a_user(wrong: WrongOpenid) -> Refusal {
    Refusal::new(404, "USER_NOT_EXISTS", "用户不存在", wrong.reason())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_text_stand_in_the_order_of_their_time() {
        let range = between_times("index", "text", 0, i64::MAX);
        let times = [0, 9, 10, i64::MAX].map(|time| value_in_time("text", time));
        assert!(times.is_sorted() && times.iter().all(|value| (&range.from..=&range.to).contains(&value)));
        assert!(value_in_time("texts", 5) > range.to && value_in_time("tex", 5) < range.from);
    }
}
