//! Payments (支付): orders, and the people who pay them.
//!
//! | file | what is in it |
//! |---|---|
//! | `order` | an order (订单): its states, how it is shown, stored and found |
//! | `refund` | money goes back (退款) |
//! | `profit_sharing` | money goes on to others (分账) |

#[allow(dead_code, reason = "the handlers come next")]
pub(crate) mod order;
pub(crate) mod profit_sharing;
pub(crate) mod refund;
