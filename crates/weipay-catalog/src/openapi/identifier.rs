//! Identifiers: readable from method and path, and each given once.

use crate::names::camel;
use crate::notification::Notification;
use crate::operation::{Operation, placeholder};

/// `GetMarketingBusifavorStocksByStockId` of `GET v3/marketing/busifavor/stocks/{stock_id}`.
pub(super) fn of_operation(operation: &Operation) -> String {
    let mut identifier = camel(operation.method);
    for segment in operation.path.split('/').skip(1) {
        match placeholder(segment) {
            None => identifier.push_str(&camel(segment)),
            Some(name) => identifier.push_str(&format!("By{}", camel(name))),
        }
    }
    // Two segments of one name, such as `policy-periods` and `policy_periods`: the rarer spelling says so.
    if operation.path.split('/').any(|segment| placeholder(segment).is_none() && segment.contains('_')) {
        identifier.push_str("Underscored");
    }
    identifier
}

/// `RefundSuccess` of `REFUND.SUCCESS`.
pub(super) fn of_notification(notification: &Notification) -> String {
    camel(notification.event)
}

/// With a small first letter, as operations are named.
pub(super) fn small(identifier: &str) -> String {
    let mut letters = identifier.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}
