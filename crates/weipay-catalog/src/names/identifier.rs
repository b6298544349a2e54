//! Identifiers of operations, as the OpenAPI document and the SDK's flat names have them: readable from method and path,
//! and each given once within a version.

use std::collections::BTreeMap;

use crate::notification::Notification;
use crate::operation::{Operation, placeholder};

use super::camel;

/// The identifiers of all operations of a version.
#[derive(Debug)]
pub struct Identifiers(BTreeMap<String, usize>);

impl Identifiers {
    /// The identifiers of these, which must be all of a version.
    pub fn from_operations(operations: &[&Operation]) -> Self {
        let mut users = BTreeMap::new();
        for operation in operations {
            *users.entry(plain(operation).to_lowercase()).or_default() += 1;
        }
        Self(users)
    }

    /// The identifier of an operation. Where two differ only in how they write a segment, such as `policy-periods` and
    /// `policy_periods`, the rarer spelling says so.
    pub fn of_operation(&self, operation: &Operation) -> String {
        let mut identifier = plain(operation);
        let has_twin = self.0.get(&identifier.to_lowercase()).is_some_and(|users| *users > 1);
        let mut segments = operation.path.split('/').filter(|segment| placeholder(segment).is_none());
        if has_twin && segments.any(|segment| segment.contains('_')) {
            identifier.push_str("Underscored");
        }
        identifier
    }
}

/// `GetMarketingBusifavorStocksByStockId` of `GET v3/marketing/busifavor/stocks/{stock_id}`.
fn plain(operation: &Operation) -> String {
    let mut identifier = camel(operation.method);
    for segment in operation.path.split('/').skip(1) {
        match placeholder(segment) {
            None => identifier.push_str(&camel(segment)),
            Some(name) => identifier.push_str(&format!("By{}", camel(name))),
        }
    }
    identifier
}

/// `RefundSuccess` of `REFUND.SUCCESS`.
pub fn of_notification(notification: &Notification) -> String {
    camel(notification.event)
}

/// With a small first letter, as operations are named.
pub fn small(identifier: &str) -> String {
    let mut letters = identifier.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}
