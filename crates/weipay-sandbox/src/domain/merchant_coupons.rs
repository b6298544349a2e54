//! Merchant coupons (商家券): stocks of coupons, the coupons that users received, and what a merchant does with them.
//!
//! | file | idea |
//! |---|---|
//! | `definition` | what a merchant says of a stock when creating it, and the rules that this must keep |
//! | `validity` | when a coupon of a stock can be used |
//! | `stock` | a stock (批次): creation, state, what has been sent |
//! | `modification`, `budget` | what can be changed of a stock afterwards |
//! | `coupon` | a user's coupon (用户券): its states and how it is shown |
//! | `sending`, `using`, `association`, `returning`, `deactivation` | one step of a coupon's life each |
//! | `listing` | which of a user's coupons a query means |
//! | `refusals` | what is refused, in the platform's words |
//! | `unconfirmed` | every choice that no source settles, in one place |

pub(crate) mod association;
pub(crate) mod budget;
pub(crate) mod coupon;
pub(crate) mod deactivation;
pub(crate) mod definition;
pub(crate) mod listing;
pub(crate) mod modification;
pub(crate) mod refusals;
pub(crate) mod returning;
pub(crate) mod sending;
pub(crate) mod stock;
pub(crate) mod unconfirmed;
pub(crate) mod using;
pub(crate) mod validity;

#[cfg(test)]
pub(crate) mod tests;
