//! What stocks of merchant coupons (商家券) and of product coupons (商品券) have in common, whatever their operations call it.
//!
//! | file | what is in it |
//! |---|---|
//! | `caps` | how many coupons may be sent (发放规则), what was sent, and a change of the budget |
//! | `validity` | when coupons can be used (券可核销时间) |
//! | `stored_codes` | codes that a merchant stores before sending (预存code) |
//! | `uploads` | what becomes of the codes of an upload |

pub(crate) mod caps;
pub(crate) mod stored_codes;
pub(crate) mod uploads;
pub(crate) mod validity;
