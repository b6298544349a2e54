//! Identifiers of operations, as the OpenAPI document and the SDK's flat names have them.

use std::collections::BTreeMap;

use super::camel;
use crate::operation::{Operation, placeholder};

/// Identifiers of operations, made from method and path. Each is unique.
#[derive(Debug)]
pub struct Identifiers(BTreeMap<String, usize>);

impl Identifiers {
    /// The identifiers of these, which must be all of a version.
    #[must_use]
    pub fn new(operations: &[&Operation]) -> Self {
        let mut users = BTreeMap::new();
        for operation in operations {
            *users.entry(plain(operation).to_lowercase()).or_default() += 1;
        }
        Self(users)
    }

    /// The identifier of an operation. If two paths differ only in the spelling of a segment, such as `policy-periods` and
    /// `policy_periods`, the one with an underscore gets a suffix.
    #[must_use]
    pub fn identifier(&self, operation: &Operation) -> String {
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
