//! The products (产品) that have behaviour here, each in one folder or file of its name.
//!
//! A product has routes, which lead to handlers; handlers, which read records, ask a rule and carry out its decision; rules,
//! which are pure functions from records, request and time to a [`Decision`] or a refusal; and records.
//! A handler works on a [`Transaction`](crate::store::Transaction) and contains no rules. An operation without a handler
//! is answered [from the catalogue](crate::example).
//!
//! A request that comes again with a known idempotency key (幂等键) is answered as the first one was. The page
//! of associate and disassociate says that they are idempotent; how is INFERRED(repeated-request) for every
//! call: the same number with the same body gets the first response again, whatever has happened since, and
//! with another body a refusal.
//!
//! To add a product: a folder here, its routes, and its line in [`PRODUCTS`]. It needs no SQL. A product that
//! has states or moves money has a reference model beside it (`model.rs`), which `lives` compares with the
//! handlers in random steps.

#[cfg(test)]
mod amounts;
mod apportion;
pub(crate) mod balance;
pub(crate) mod bills;
pub(crate) mod cash_coupons;
pub(crate) mod complaints;
pub(crate) mod contracts;
mod coupon_stocks;
mod downloads;
mod handler;
mod idempotency;
pub(crate) mod ledger;
#[cfg(test)]
pub(crate) mod lives;
pub(crate) mod merchant_coupons;
mod merge;
pub(crate) mod pay_score;
pub(crate) mod payments;
pub(crate) mod payouts;
pub(crate) mod platform_certificates;
pub(crate) mod product_coupons;
#[cfg(test)]
pub(crate) mod race;
mod security_echo;
pub(crate) mod transfers;
pub(crate) mod users;
pub(crate) mod withdrawals;
#[cfg(test)]
pub(crate) mod world;

use serde_json::Value;
use weipay_catalog::Operation;
use weipay_wire::ApiV3Key;

use crate::contract::ValidRequest;
use crate::control;
use crate::gate;
use crate::merchants::Merchants;
use crate::response::{File, Refusal};
use crate::store::Store;
use crate::v2;
pub(crate) use downloads::gzip::gzip;
pub(crate) use handler::{Changes, Context, Decided, Decision, DueHandler, Handler, HandlerError, carry_out};
pub(crate) use idempotency::idempotently;

/// What a product does.
pub(crate) struct Product {
    pub(crate) routes: &'static [Route],
    /// What it does when something falls due, by the kind of the entry.
    pub(crate) due: &'static [(&'static str, DueHandler)],
    /// The files of what happened.
    pub(crate) downloads: &'static [Download],
    /// Files of every operation.
    pub(crate) files: Option<Files>,
    /// What developers do to it, which no operation of the API can.
    pub(crate) control: &'static [control::Route],
}

impl Product {
    pub(crate) const fn new(routes: &'static [Route]) -> Self {
        Self { routes, due: &[], downloads: &[], files: None, control: &[] }
    }

    pub(crate) const fn due(self, due: &'static [(&'static str, DueHandler)]) -> Self {
        Self { due, ..self }
    }

    const fn downloads(self, downloads: &'static [Download]) -> Self {
        Self { downloads, ..self }
    }

    const fn files(self, files: Files) -> Self {
        Self { files: Some(files), ..self }
    }

    const fn control(self, control: &'static [control::Route]) -> Self {
        Self { control, ..self }
    }
}

/// The path of an operation that responds with a file, and the file of a token; `None` if the token is not of this product.
pub(crate) type Download = (&'static str, fn(&str, &Links<'_>) -> Option<Result<File, Refusal>>);

/// What a product knows of files.
#[derive(Clone, Copy)]
pub(crate) struct Files {
    /// The file that an operation responds with.
    pub(crate) open: fn(&Operation, &ValidRequest, &Links<'_>) -> Result<File, Refusal>,
    /// Makes the addresses in an example lead to such files, and the digests beside them right.
    pub(crate) link: fn(&Operation, &ValidRequest, &mut Value, &Links<'_>),
}

/// What links are made and opened with.
pub(crate) struct Links<'a> {
    /// Where the sandbox is.
    pub(crate) base_url: &'a str,
    pub(crate) key: &'a ApiV3Key,
    pub(crate) now: i64,
    pub(crate) store: &'a Store,
    pub(crate) merchants: &'a Merchants,
}

/// Every product with behaviour.
pub(crate) static PRODUCTS: &[Product] = &[
    Product::new(merchant_coupons::ROUTES)
        .due(merchant_coupons::DUE)
        .control(merchant_coupons::control::ROUTES),
    Product::new(product_coupons::ROUTES).due(product_coupons::DUE).control(product_coupons::control::ROUTES),
    Product::new(cash_coupons::ROUTES).due(cash_coupons::DUE).downloads(cash_coupons::DOWNLOADS),
    Product::new(payments::ROUTES).due(payments::DUE).control(payments::person::ROUTES),
    Product::new(payments::refund::ROUTES)
        .due(payments::refund::DUE)
        .control(payments::refund::control::ROUTES),
    Product::new(payments::profit_sharing::ROUTES)
        .due(payments::profit_sharing::DUE)
        .control(payments::profit_sharing::notices::CONTROL),
    Product::new(payments::v2::ROUTES),
    Product::new(payments::profit_sharing::v2::ROUTES),
    Product::new(bills::v2::ROUTES),
    Product::new(payouts::ROUTES).due(payouts::DUE).control(payouts::control::ROUTES),
    Product::new(bills::ROUTES).downloads(bills::DOWNLOADS),
    Product::new(platform_certificates::ROUTES),
    Product::new(balance::ROUTES).control(balance::top_up::ROUTES),
    Product::new(withdrawals::ROUTES).due(withdrawals::DUE).control(withdrawals::control::ROUTES),
    Product::new(transfers::ROUTES)
        .downloads(transfers::DOWNLOADS)
        .due(transfers::DUE)
        .control(transfers::control::ROUTES),
    Product::new(pay_score::ROUTES).due(pay_score::DUE).control(pay_score::control::ROUTES),
    Product::new(contracts::ROUTES).due(contracts::DUE).control(contracts::control::ROUTES),
    Product::new(complaints::ROUTES).control(complaints::control::ROUTES),
    Product::new(security_echo::ROUTES),
    Product::new(&[]).files(downloads::FILES),
];

/// The handler of an operation, when it has one.
pub(crate) fn handler(products: &[Product], operation: &Operation) -> Option<Handler> {
    let mut routes = products.iter().flat_map(|product| product.routes);
    let route = routes.find(|route| route.method == operation.method && route.path == operation.path);
    route.map(|route| route.handler)
}

/// Who knows the files of operations.
pub(crate) fn files(products: &[Product]) -> Option<Files> {
    products.iter().find_map(|product| product.files)
}

/// Who does what falls due under this kind.
pub(crate) fn due_handler(products: &[Product], kind: &str) -> Option<DueHandler> {
    let mut handlers = products.iter().flat_map(|product| product.due);
    handlers.find(|(known, _)| *known == kind).map(|(_, handler)| *handler)
}

/// What the sandbox has of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// It does what is asked, and keeps it.
    State,
    /// It only shows what a response looks like.
    Example,
    /// It does not serve the operation: 404.
    None,
}

impl Behaviour {
    /// What the sandbox has of an operation of the catalogue.
    #[must_use]
    pub fn from_operation(operation: &Operation) -> Self {
        match handler(PRODUCTS, operation) {
            Some(_) => Self::State,
            None if downloads::has_state(operation) => Self::State,
            None if gate::serves(operation) || v2::serves(operation) => Self::Example,
            None => Self::None,
        }
    }

    /// One word: `state`, `example` or `none`. The first two are what [`ORIGIN_HEADER`](crate::ORIGIN_HEADER) says.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Example => "example",
            Self::None => "none",
        }
    }
}

/// An operation and its handler. Method and path template stand as in the catalogue.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) handler: Handler,
}

/// A line of a product's table.
const fn route(method: &'static str, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler }
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
            assert!(seen.insert(name.clone()), "{name} is there twice");
        }
        for (path, _) in PRODUCTS.iter().flat_map(|product| product.downloads) {
            assert!(Catalog::embedded().find("GET", path).is_some(), "{path} is not in the catalogue");
        }
        let with_handler =
            Catalog::embedded().operations().filter(|operation| handler(PRODUCTS, operation).is_some());
        assert_eq!(with_handler.count(), seen.len());
    }

    #[test]
    fn every_kind_of_due_entry_has_one_handler() {
        let mut seen = HashSet::new();
        for (kind, _) in PRODUCTS.iter().flat_map(|product| product.due) {
            assert!(seen.insert(kind), "{kind} is there twice");
        }
    }
}
