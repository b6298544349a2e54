//! Profit sharing (分账): a part of what was paid goes to others.
//!
//! | file | what is in it |
//! |---|---|
//! | `funds` | the money of an order that waits to be shared (待分账资金) |

pub(crate) mod funds;

use crate::products::DueHandler;

/// What the clock does.
pub(crate) const DUE: &[(&str, DueHandler)] = &[(funds::RELEASE, funds::release_due)];
