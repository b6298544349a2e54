//! Payments (支付): orders, and the people who pay them.
//!
//! | file | what is in it |
//! |---|---|
//! | `order` | an order (订单): its states, how it is shown, stored and found |

#[allow(dead_code, reason = "the handlers come next")]
pub(crate) mod order;
