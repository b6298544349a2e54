//! The products (产品) that have state here, each in one folder or file of its name.
//!
//! A product has routes, which lead to handlers; handlers, which read records, ask a rule and carry out its decision; rules,
//! which are pure functions from records, request and time to a [`Decision`] or a refusal; and records.
//! A handler works on a [`Transaction`](crate::store::Transaction) and contains no rules. An operation without a handler
//! responds [from the catalogue](crate::example).
//!
//! A request with a known idempotency key (幂等键) gets the same response as the first one. The page of associate and
//! disassociate says that they are idempotent; how is INFERRED(repeated-request) for every call: the same number with
//! the same body gets the first response again, whatever has happened since, and with another body a refusal.
//!
//! To add a product: a folder here, its routes, and its line in [`PRODUCTS`]. It needs no SQL. A product that
//! has states or moves money has a reference model beside it (`model.rs`), which is compared with
//! the handlers in random steps (`testing`).

pub(crate) mod announcers;
mod apportion;
pub(crate) mod balance;
mod behaviour;
pub(crate) mod bills;
pub(crate) mod cash_coupons;
pub(crate) mod complaints;
pub(crate) mod contracts;
mod coupon_stocks;
mod downloads;
mod fingerprint;
mod media;
pub(crate) mod merchant_coupons;
mod merge;
mod month;
pub(crate) mod number_lookup;
pub(crate) mod pay_score;
pub(crate) mod payments;
pub(crate) mod payouts;
pub(crate) mod platform_certificates;
pub(crate) mod product_coupons;
pub(crate) mod recharges;
mod security_echo;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod transfers;
pub(crate) mod withdrawals;

use std::cell::{Cell, RefCell};

use http::HeaderMap;
use serde_json::Value;
use weipay_catalog::Operation;
use weipay_wire::ApiV3Key;

use crate::contract::ValidRequest;
use crate::control;
use crate::entropy::Entropy;
use crate::merchants::{Account, ListedCertificate, Merchants};
use crate::platform::{Platform, Request};
use crate::response::{Refusal, Response};
use crate::store::{
    Announcement, Due, Fingerprint, IdempotencyKey, Record, StoreError, StoredResponse, Transaction,
};
use crate::upload::kind::UploadedFile;
use crate::v2::response::ResponseForm;
use announcers::FindAnnouncer;
pub use behaviour::Behaviour;
pub(crate) use downloads::gzip::gzip;
pub(crate) use downloads::{Download, Files, Links};

/// A product: its routes, scheduled work, files and pages.
pub(crate) struct Product {
    pub(crate) routes: &'static [Route],
    /// The handlers of its scheduled work, by kind.
    pub(crate) due: &'static [(&'static str, DueHandler)],
    /// The files of what happened.
    pub(crate) downloads: &'static [Download],
    /// Files of every operation.
    pub(crate) files: Option<Files>,
    /// Its pages for a browser.
    pub(crate) pages: Option<Pages>,
    /// Builds its notifications by a number, for `weipay trigger --order`.
    pub(crate) announcers: Option<FindAnnouncer>,
    /// Fields whose words are kept and shown as they were sent: nothing here depends on them, and the platform adds values
    /// without notice.
    pub(crate) kept_as_sent: &'static [&'static str],
    /// Its routes of the control API: actions that no operation of the API has.
    pub(crate) control: &'static [control::Route],
}

impl Product {
    /// One that has routes and nothing else; its line in [`PRODUCTS`] says what else it has.
    pub(crate) const fn new(routes: &'static [Route]) -> Self {
        Self {
            routes,
            due: &[],
            downloads: &[],
            files: None,
            pages: None,
            announcers: None,
            kept_as_sent: &[],
            control: &[],
        }
    }
}

/// The pages of a product for a browser. They are outside of the API: neither signed nor logged, and not affected
/// by faults.
#[derive(Clone, Copy)]
pub(crate) struct Pages {
    /// Whether a request is for one of its pages, by method, path and headers.
    pub(crate) has: fn(&str, &str, &HeaderMap) -> bool,
    pub(crate) respond: fn(&Platform, &Request) -> Response,
    /// The response to a body that is longer than any form of its pages.
    pub(crate) too_long: fn() -> Response,
}

/// Every product with state.
pub(crate) static PRODUCTS: &[Product] = &[
    Product {
        due: merchant_coupons::DUE,
        kept_as_sent: &["background_color"],
        control: merchant_coupons::control::ROUTES,
        ..Product::new(merchant_coupons::ROUTES)
    },
    Product {
        due: product_coupons::DUE,
        kept_as_sent: &["background_color"],
        control: product_coupons::control::ROUTES,
        ..Product::new(product_coupons::ROUTES)
    },
    Product {
        due: cash_coupons::DUE,
        kept_as_sent: &["background_color", "jump_target"],
        downloads: cash_coupons::DOWNLOADS,
        ..Product::new(cash_coupons::ROUTES)
    },
    Product {
        due: payments::DUE,
        pages: Some(payments::page::PAGES),
        announcers: Some(payments::announcers::find),
        kept_as_sent: &["goods_tag", "identity", "limit_pay", "trade_scenario"],
        control: payments::person::ROUTES,
        ..Product::new(payments::ROUTES)
    },
    Product {
        due: payments::refund::DUE,
        control: payments::refund::control::ROUTES,
        ..Product::new(payments::refund::ROUTES)
    },
    Product {
        due: payments::profit_sharing::DUE,
        kept_as_sent: &["relation_type"],
        control: payments::profit_sharing::notices::CONTROL,
        ..Product::new(payments::profit_sharing::ROUTES)
    },
    Product::new(payments::subsidies::ROUTES),
    Product { kept_as_sent: &["user_type"], ..Product::new(payments::v2::ROUTES) },
    Product { kept_as_sent: &["relation_type"], ..Product::new(payments::profit_sharing::v2::ROUTES) },
    Product::new(bills::v2::ROUTES),
    Product {
        due: payouts::DUE,
        kept_as_sent: &["scene_id"],
        control: payouts::control::ROUTES,
        ..Product::new(payouts::ROUTES)
    },
    Product { downloads: bills::DOWNLOADS, ..Product::new(bills::ROUTES) },
    Product::new(platform_certificates::ROUTES),
    Product { control: balance::top_up::ROUTES, ..Product::new(balance::ROUTES) },
    Product {
        due: withdrawals::DUE,
        control: withdrawals::control::ROUTES,
        ..Product::new(withdrawals::ROUTES)
    },
    Product { due: recharges::DUE, control: recharges::control::ROUTES, ..Product::new(recharges::ROUTES) },
    Product {
        downloads: transfers::DOWNLOADS,
        due: transfers::DUE,
        kept_as_sent: &["device_type", "transfer_scene_id"],
        control: transfers::control::ROUTES,
        ..Product::new(transfers::ROUTES)
    },
    Product { due: pay_score::DUE, control: pay_score::control::ROUTES, ..Product::new(pay_score::ROUTES) },
    Product {
        due: contracts::DUE,
        kept_as_sent: &["days_since_first_login", "device_type"],
        control: contracts::control::ROUTES,
        ..Product::new(contracts::ROUTES)
    },
    Product {
        kept_as_sent: &["image_style_type"],
        control: complaints::control::ROUTES,
        ..Product::new(complaints::ROUTES)
    },
    Product { downloads: media::DOWNLOADS, ..Product::new(media::ROUTES) },
    Product::new(security_echo::ROUTES),
    Product { files: Some(downloads::FILES), ..Product::new(&[]) },
];

/// The handler of an operation, when it has one.
pub(crate) fn handler(products: &[Product], operation: &Operation) -> Option<Handler> {
    route_of(products, operation).map(|route| route.handler)
}

/// How the response of an operation of APIv2 is written.
pub(crate) fn form(products: &[Product], operation: &Operation) -> ResponseForm {
    route_of(products, operation).map_or(ResponseForm::USUAL, |route| route.form)
}

fn route_of(products: &[Product], operation: &Operation) -> Option<&'static Route> {
    let mut routes = products.iter().flat_map(|product| product.routes);
    routes.find(|route| route.is_of(operation))
}

/// Fields of an operation whose words its product keeps as they were sent.
pub(crate) fn kept_as_sent(operation: &Operation) -> &'static [&'static str] {
    let is_of = |product: &&Product| product.routes.iter().any(|route| route.is_of(operation));
    PRODUCTS.iter().find(is_of).map_or(&[], |product| product.kept_as_sent)
}

/// The files of operations.
pub(crate) fn files(products: &[Product]) -> Option<Files> {
    products.iter().find_map(|product| product.files)
}

/// The pages that a request is for.
pub(crate) fn pages(products: &[Product], method: &str, path: &str, headers: &HeaderMap) -> Option<Pages> {
    products.iter().filter_map(|product| product.pages).find(|pages| (pages.has)(method, path, headers))
}

/// The handler of scheduled work of this kind.
pub(crate) fn due_handler(products: &[Product], kind: &str) -> Option<DueHandler> {
    let mut handlers = products.iter().flat_map(|product| product.due);
    handlers.find(|(known, _)| *known == kind).map(|(_, handler)| *handler)
}

/// An operation and its handler. Method and path template stand as in the catalogue.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) handler: Handler,
    /// How its response is written, of APIv2.
    form: ResponseForm,
}

impl Route {
    fn is_of(&self, operation: &Operation) -> bool {
        self.method == operation.method && self.path == operation.path
    }

    const fn responding(self, form: ResponseForm) -> Self {
        Self { form, ..self }
    }
}

/// A line of a product's table.
pub(crate) const fn route(method: &'static str, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler, form: ResponseForm::USUAL }
}

/// Carries out one operation.
pub(crate) type Handler = fn(&Transaction<'_>, &Context<'_>) -> Result<Value, HandlerError>;

/// Runs due work: the key, and the due time (the clock may show a later time).
pub(crate) type DueHandler = fn(&Transaction<'_>, &str, i64) -> Result<(), HandlerError>;

/// One request, as a handler sees it.
pub(crate) struct Context<'a> {
    pub(crate) caller: &'a Account,
    /// The caller's APIv3 key.
    pub(crate) api_v3_key: &'a ApiV3Key,
    pub(crate) request: &'a ValidRequest,
    pub(crate) now: i64,
    pub(crate) entropy: &'a Entropy,
    /// The file of an upload.
    pub(crate) file: Option<UploadedFile<'a>>,
    /// Where the caller reaches the sandbox.
    pub(crate) base_url: &'a str,
    /// `Idempotency-Key`, the request number of the operations that have it in a header.
    pub(crate) idempotency_key: Option<&'a str>,
    /// Every merchant that the platform knows.
    pub(crate) merchants: &'a Merchants,
    /// The platform certificates (平台证书) that the caller can list.
    pub(crate) certificates: &'a [ListedCertificate],
    /// The serial of the platform key that signs the response: the caller can verify with it.
    pub(crate) platform_serial: &'a str,
    /// See [`Context::tell_failure`].
    pub(crate) failure: &'a RefCell<Option<String>>,
    /// See [`Context::accept`].
    pub(crate) is_accepted: &'a Cell<bool>,
}

impl Context<'_> {
    /// Records for the developer why the operation failed, although the status of its response is a success.
    pub(crate) fn tell_failure(&self, reason: impl Into<String>) {
        *self.failure.borrow_mut() = Some(reason.into());
    }

    /// Responds with 202: the request was accepted, and its outcome is not decided yet.
    pub(crate) fn accept(&self) {
        self.is_accepted.set(true);
    }

    /// The same with another request: what one version of the API is asked, as the other one has it.
    pub(crate) fn with_request<'b>(&'b self, request: &'b ValidRequest) -> Context<'b> {
        let context: &Context<'b> = self;
        Context { request, file: None, ..*context }
    }
}

/// Error of a handler. Nothing was changed.
#[derive(Debug)]
pub(crate) enum HandlerError {
    Refused(Refusal),
    Failed(StoreError),
}

impl HandlerError {
    /// The same failure, with another refusal.
    pub(crate) fn map_refusal(self, change: impl FnOnce(Refusal) -> Refusal) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(change(refusal)),
            Self::Failed(error) => Self::Failed(error),
        }
    }

    /// Converts a refusal outside of a request into an error: people and the clock find `what` as requests left it,
    /// or else the records are corrupt.
    pub(crate) fn into_store_error(self, what: &str) -> StoreError {
        match self {
            Self::Failed(error) => error,
            Self::Refused(refusal) => StoreError::Corrupt(format!("{what}: {}", refusal.message)),
        }
    }
}

impl From<Refusal> for HandlerError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for HandlerError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// The effects of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision<C> {
    /// The records as they are afterwards.
    pub(crate) changed: C,
    /// The body of the response; `null` for none.
    pub(crate) response: Value,
    /// Notifications for merchants.
    pub(crate) announcements: Vec<Announcement>,
    /// Scheduled work.
    pub(crate) due: Vec<Due>,
    /// Scheduled work that is not needed any more.
    pub(crate) no_longer_due: Vec<Due>,
}

/// A decision, or the refusal in its place.
pub(crate) type Decided<C> = Result<Decision<C>, Refusal>;

impl<C> Decision<C> {
    /// A decision that announces nothing and lets nothing fall due.
    pub(crate) fn new(changed: C, response: Value) -> Self {
        Self { changed, response, announcements: Vec::new(), due: Vec::new(), no_longer_due: Vec::new() }
    }

    /// The changes and the response, for tests that look at both.
    #[cfg(test)]
    pub(crate) fn parts(self) -> (C, Value) {
        (self.changed, self.response)
    }
}

/// Records that are saved together.
pub(crate) trait Changes {
    fn save(&self, tx: &Transaction<'_>) -> Result<(), StoreError>;
}

impl<R: Record> Changes for R {
    fn save(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        tx.save(self)
    }
}

impl<A: Changes, B: Changes> Changes for (A, B) {
    fn save(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        self.0.save(tx)?;
        self.1.save(tx)
    }
}

impl<C: Changes> Changes for Vec<C> {
    fn save(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        self.iter().try_for_each(|changes| changes.save(tx))
    }
}

impl<C: Changes> Changes for Option<C> {
    fn save(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        self.as_ref().map_or(Ok(()), |changes| changes.save(tx))
    }
}

/// Carries out a decision, and gives its response.
pub(crate) fn carry_out<C: Changes>(
    tx: &Transaction<'_>,
    decision: Decision<C>,
) -> Result<Value, HandlerError> {
    let Decision { changed, response, announcements, due, no_longer_due } = decision;
    changed.save(tx)?;
    announcements.iter().try_for_each(|announcement| tx.announce(announcement))?;
    no_longer_due.iter().try_for_each(|due| tx.unschedule(due).map(drop))?;
    due.iter().try_for_each(|due| tx.schedule(due))?;
    Ok(response)
}

/// Executes the work of an idempotency key at most once. The same request again gets the first response; another
/// request under the key is refused.
pub(crate) fn idempotently(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    key: &IdempotencyKey<'_>,
    refuse_other_request: fn() -> Refusal,
    work: impl FnOnce() -> Result<Value, HandlerError>,
) -> Result<Value, HandlerError> {
    let fingerprint = Fingerprint::of_request(context.request);
    match tx.stored_response(key)? {
        Some(known) if known.fingerprint == fingerprint => Ok(known.response),
        Some(_) => Err(refuse_other_request().into()),
        None => {
            let first = StoredResponse { fingerprint, response: work()? };
            tx.keep_response(key, &first)?;
            Ok(first.response)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use weipay_catalog::{Catalog, Field};

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
    fn what_is_kept_as_sent_is_a_field_of_a_request() {
        fn has(fields: &[Field], name: &str) -> bool {
            fields.iter().any(|field| field.name == name || has(&field.fields, name))
        }
        for product in PRODUCTS {
            let routes = product.routes.iter();
            let operations: Vec<_> =
                routes.filter_map(|route| Catalog::embedded().find(route.method, route.path)).collect();
            for name in product.kept_as_sent {
                let is_sent = operations
                    .iter()
                    .any(|operation| has(&operation.request.json, name) || has(&operation.request.xml, name));
                assert!(is_sent, "{name}");
            }
        }
    }

    #[test]
    fn every_kind_of_due_entry_has_one_handler() {
        let mut seen = HashSet::new();
        for (kind, _) in PRODUCTS.iter().flat_map(|product| product.due) {
            assert!(seen.insert(kind), "{kind} is there twice");
        }
    }
}
