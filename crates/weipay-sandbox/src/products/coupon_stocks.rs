//! What stocks of merchant coupons (商家券) and of product coupons (商品券) have in common, whatever their operations call it.
//!
//! | file | what is in it |
//! |---|---|
//! | `caps` | how many coupons may be sent (发放规则), what was sent, and a change of the budget |
//! | `in_time` | indexes in the order of a time, such as the expiry of coupons |
//! | `validity` | when coupons can be used (券可核销时间) |
//! | `stored_codes` | codes that a merchant stores before sending (预存code) |
//! | `uploads` | what becomes of the codes of an upload |
//! | `paging` | the number in a query that says how long a page is |

pub(crate) mod caps;
pub(crate) mod in_time;
pub(crate) mod paging;
pub(crate) mod stored_codes;
pub(crate) mod uploads;
pub(crate) mod validity;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::control::ControlError;
use crate::entropy::Entropy;
use crate::store::{StoreError, Transaction};

/// A code as the platform makes them, of 22 digits: a serial keeps them apart, chance keeps them from being guessed.
pub(crate) fn fresh_code(tx: &Transaction<'_>, entropy: &Entropy) -> Result<String, StoreError> {
    Ok(format!("1{}{:010}", entropy.digits(11), tx.next_number("coupon code")?))
}

/// What came of the wish that a stock be in another state, as the platform's pages put it there.
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
