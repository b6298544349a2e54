//! The products (产品) that have behaviour here, each in one folder or file of its name.
//!
//! A product has routes, which lead to handlers; handlers, which read records, ask a rule and carry out its decision; rules,
//! which are pure functions from records, request and time to a [`Decision`](handler::Decision) or a refusal; and records.
//! A handler works on a [`Transaction`](crate::store::Transaction) and contains no rules. An operation without a handler
//! is answered [from the catalogue](crate::example).
//!
//! To add a product: a folder here, its routes, and its line in [`PRODUCTS`]. It needs no SQL.

pub(crate) mod handler;
pub(crate) mod merchant_coupons;
pub(crate) mod platform_certificates;
mod security_echo;
pub(crate) mod users;

use weipay_catalog::Operation;

pub(crate) use handler::{Context, DueHandler, Handler, HandlerError, PlatformConfig, Route};

/// What a product does.
pub(crate) struct Product {
    pub(crate) routes: &'static [Route],
    /// What it does when something falls due, by the kind of the entry.
    pub(crate) due: &'static [(&'static str, DueHandler)],
}

/// Every product with behaviour.
pub(crate) static PRODUCTS: &[Product] = &[
    Product { routes: merchant_coupons::ROUTES, due: merchant_coupons::DUE },
    Product { routes: platform_certificates::ROUTES, due: &[] },
    Product { routes: security_echo::ROUTES, due: &[] },
];

/// The handler of an operation, when it has one.
pub(crate) fn handler(products: &[Product], operation: &Operation) -> Option<Handler> {
    let mut routes = products.iter().flat_map(|product| product.routes);
    let route = routes.find(|route| route.method == operation.method && route.path == operation.path);
    route.map(|route| route.handler)
}

/// Who does what falls due under this kind.
pub(crate) fn due_handler(products: &[Product], kind: &str) -> Option<DueHandler> {
    let mut handlers = products.iter().flat_map(|product| product.due);
    handlers.find(|(known, _)| *known == kind).map(|(_, handler)| *handler)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn every_route_is_an_operation_of_the_catalogue_and_stands_once() {
        let mut seen = HashSet::new();
        for route in PRODUCTS.iter().flat_map(|product| product.routes) {
            let name = format!("{} {}", route.method, route.path);
            let operation = Catalog::embedded().find(route.method, route.path);
            let operation = operation.unwrap_or_else(|| panic!("{name} is not in the catalogue"));
            assert!(handler(PRODUCTS, operation).is_some(), "{name}");
            assert!(seen.insert(name.clone()), "{name} stands twice");
        }
        let with_handler =
            Catalog::embedded().operations().filter(|operation| handler(PRODUCTS, operation).is_some());
        assert_eq!(with_handler.count(), seen.len());
    }

    #[test]
    fn every_kind_of_due_entry_has_one_handler() {
        let mut seen = HashSet::new();
        for (kind, _) in PRODUCTS.iter().flat_map(|product| product.due) {
            assert!(seen.insert(kind), "{kind} stands twice");
        }
    }
}
