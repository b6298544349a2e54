//! The products (产品) that have behaviour here, each in one folder or file of its name.
//!
//! A product has routes, which lead to handlers; handlers, which read records, ask a rule and carry out its decision; rules,
//! which are pure functions from records, request and time to a [`Decision`] or a refusal; and records.
//! A handler works on a [`Transaction`](crate::store::Transaction) and contains no rules. An operation without a handler
//! is answered [from the catalogue](crate::example).
//!
//! A request that comes again with a known idempotency key (幂等键) is answered as the first one was. The page of associate and
//! disassociate says that they are idempotent; how is INFERRED(repeated-request) for every call: the same number with the same body gets the first
//! response again, whatever has happened since, and with another body a refusal.
//!
//! To add a product: a folder here, its routes, and its line in [`PRODUCTS`]. It needs no SQL. A product that has states or moves money
//! has a reference model beside it (`model.rs`), which `lives` compares with the handlers in random steps.

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
pub(crate) mod ledger;
#[cfg(test)]
pub(crate) mod lives;
pub(crate) mod merchant_coupons;
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

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};
use weipay_catalog::Operation;
use weipay_wire::ApiV3Key;

use crate::contract::ValidRequest;
use crate::control;
use crate::entropy::Entropy;
use crate::gate;
use crate::merchants::{Account, ListedCertificate, Merchants};
use crate::response::{File, Refusal};
use crate::store::{
    Announcement, Due, Fingerprint, IdempotencyKey, Record, Store, StoreError, StoredResponse, Transaction,
};
use crate::v2;
pub(crate) use downloads::gzip::gzip;

/// What a product does.
pub(crate) struct Product {
    pub(crate) routes: &'static [Route],
    /// What it does when something falls due, by the kind of the entry.
    pub(crate) due: &'static [(&'static str, DueHandler)],
    /// The files that it responds with.
    pub(crate) files: Option<Files>,
    /// What developers do to it, which no operation of the API can.
    pub(crate) control: &'static [control::Route],
}

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
    Product {
        routes: merchant_coupons::ROUTES,
        due: merchant_coupons::DUE,
        files: None,
        control: merchant_coupons::control::ROUTES,
    },
    Product {
        routes: product_coupons::ROUTES,
        due: product_coupons::DUE,
        files: None,
        control: product_coupons::control::ROUTES,
    },
    Product { routes: cash_coupons::ROUTES, due: cash_coupons::DUE, files: None, control: &[] },
    Product { routes: payments::ROUTES, due: payments::DUE, files: None, control: payments::person::ROUTES },
    Product {
        routes: payments::refund::ROUTES,
        due: payments::refund::DUE,
        files: None,
        control: payments::refund::control::ROUTES,
    },
    Product {
        routes: payments::profit_sharing::ROUTES,
        due: payments::profit_sharing::DUE,
        files: None,
        control: &[],
    },
    Product { routes: payments::v2::ROUTES, due: &[], files: None, control: &[] },
    Product { routes: payments::profit_sharing::v2::ROUTES, due: &[], files: None, control: &[] },
    Product { routes: bills::v2::ROUTES, due: &[], files: None, control: &[] },
    Product { routes: payouts::ROUTES, due: payouts::DUE, files: None, control: payouts::control::ROUTES },
    Product { routes: bills::ROUTES, due: &[], files: None, control: &[] },
    Product { routes: platform_certificates::ROUTES, due: &[], files: None, control: &[] },
    Product { routes: balance::ROUTES, due: &[], files: None, control: balance::top_up::ROUTES },
    Product {
        routes: withdrawals::ROUTES,
        due: withdrawals::DUE,
        files: None,
        control: withdrawals::control::ROUTES,
    },
    Product {
        routes: transfers::ROUTES,
        due: transfers::DUE,
        files: None,
        control: transfers::control::ROUTES,
    },
    Product {
        routes: pay_score::ROUTES,
        due: pay_score::DUE,
        files: None,
        control: pay_score::control::ROUTES,
    },
    Product {
        routes: contracts::ROUTES,
        due: contracts::DUE,
        files: None,
        control: contracts::control::ROUTES,
    },
    Product { routes: complaints::ROUTES, due: &[], files: None, control: complaints::control::ROUTES },
    Product { routes: security_echo::ROUTES, due: &[], files: None, control: &[] },
    Product { routes: &[], due: &[], files: Some(downloads::FILES), control: &[] },
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

/// Carries out one operation.
pub(crate) type Handler = fn(&Transaction<'_>, &Context<'_>) -> Result<Value, HandlerError>;

/// Does what has fallen due. It is given the key and the time that it was due at; the clock may show a later one.
pub(crate) type DueHandler = fn(&Transaction<'_>, &str, i64) -> Result<(), HandlerError>;

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

/// One request, as a handler sees it.
pub(crate) struct Context<'a> {
    pub(crate) caller: &'a Account,
    /// The caller's APIv3 key.
    pub(crate) api_v3_key: &'a ApiV3Key,
    pub(crate) request: &'a ValidRequest,
    pub(crate) now: i64,
    pub(crate) entropy: &'a Entropy,
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
}

/// Why a handler did nothing. Either way nothing was changed.
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

    /// The same where there is nobody to refuse anything to: what people and the clock do with a record finds `what` as requests left
    /// it, or else the records are broken.
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

/// What happens because of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision<C> {
    /// The records as they are afterwards.
    pub(crate) changed: C,
    /// The body of the response; `null` for none.
    pub(crate) response: Value,
    /// What merchants will be notified of.
    pub(crate) announcements: Vec<Announcement>,
    /// What the clock will do, and when.
    pub(crate) due: Vec<Due>,
}

/// A decision, or the refusal in its place.
pub(crate) type Decided<C> = Result<Decision<C>, Refusal>;

impl<C> Decision<C> {
    /// A decision that announces nothing and lets nothing fall due.
    pub(crate) fn new(changed: C, response: Value) -> Self {
        Self { changed, response, announcements: Vec::new(), due: Vec::new() }
    }

    /// What changed and the response, for tests that look at both.
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

/// Does the work of an idempotency key at most once. The same request again gets the first response; another request under
/// the key is refused.
pub(crate) fn idempotently(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    key: &IdempotencyKey<'_>,
    refuse_other_request: fn() -> Refusal,
    work: impl FnOnce() -> Result<Value, HandlerError>,
) -> Result<Value, HandlerError> {
    let fingerprint = Fingerprint::of_request(context.request);
    match compare(tx.stored_response(key)?, fingerprint) {
        Comparison::Same(response) => Ok(response),
        Comparison::Other => Err(refuse_other_request().into()),
        Comparison::New => {
            let first = StoredResponse { fingerprint, response: work()? };
            tx.keep_response(key, &first)?;
            Ok(first.response)
        }
    }
}

/// Carries out a decision, and gives its response.
pub(crate) fn carry_out<C: Changes>(
    tx: &Transaction<'_>,
    decision: Decision<C>,
) -> Result<Value, HandlerError> {
    let Decision { changed, response, announcements, due } = decision;
    changed.save(tx)?;
    announcements.iter().try_for_each(|announcement| tx.announce(announcement))?;
    due.iter().try_for_each(|due| tx.schedule(due))?;
    Ok(response)
}

/// What a key means for a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Comparison {
    /// The key is new.
    New,
    /// The same request again: the first response.
    Same(Value),
    /// Another request under a known key.
    Other,
}

/// Compares a request with what was answered under its key before.
pub(crate) fn compare(known: Option<StoredResponse>, fingerprint: Fingerprint) -> Comparison {
    match known {
        None => Comparison::New,
        Some(answered) if answered.fingerprint == fingerprint => Comparison::Same(answered.response),
        Some(_) => Comparison::Other,
    }
}

impl Fingerprint {
    /// What a request says: its body, and the values in its path and its query, in whatever order these stand. Without such values it is
    /// that of the body.
    pub(crate) fn of_request(request: &ValidRequest) -> Self {
        let mut query: Vec<_> = request.query_values().collect();
        query.sort_unstable();
        let values: Vec<_> = request.path_values().chain(query).collect();
        if values.is_empty() {
            return Self::new(&request.body);
        }
        let mut text = Value::from_iter(values.iter().map(|(name, value)| vec![*name, *value])).to_string();
        write_members(&request.body, &mut text);
        Self::of_text(&text)
    }

    pub(crate) fn new(body: &Map<String, Value>) -> Self {
        let mut text = String::new();
        write_members(body, &mut text);
        Self::of_text(&text)
    }

    fn of_text(text: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => write_members(members, text),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

fn write_members(members: &Map<String, Value>, text: &mut String) {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    text.push('{');
    for (name, value) in sorted {
        // Quoted, so that no name can look like another's value.
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push(':');
        write(value, text);
        text.push(',');
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn the_values_of_path_and_query_belong_to_a_request_and_the_order_of_the_query_does_not() {
        let request = |path: &str, query: &[(&str, &str)]| {
            let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Fingerprint::of_request(&ValidRequest::from_values(vec![("id", path.to_owned())], query))
        };
        let first = request("1", &[("a", "1"), ("b", "2")]);
        assert_eq!(first, request("1", &[("b", "2"), ("a", "1")]));
        for (path, query) in
            [("2", &[("a", "1"), ("b", "2")][..]), ("1", &[("a", "1")]), ("1", &[("a", "2"), ("b", "1")])]
        {
            assert_ne!(first, request(path, query));
        }
        assert_eq!(Fingerprint::of_request(&ValidRequest::default()), Fingerprint::new(&Map::new()));
    }

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

    fn fingerprint(text: &str) -> Fingerprint {
        Fingerprint::new(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn order_and_spacing_do_not_make_another_request() {
        assert_eq!(
            fingerprint(r#"{"a":"1","b":[{"c":2,"d":3}]}"#),
            fingerprint(r#"{ "b": [{"d":3, "c":2}], "a": "1" }"#)
        );
    }

    #[test]
    fn any_other_value_does() {
        let first = fingerprint(r#"{"a":"1","b":["2"]}"#);
        for other in
            [r#"{"a":1,"b":["2"]}"#, r#"{"a":"1"}"#, r#"{"a":"1","b":["2","2"]}"#, r#"{"b":"1","a":["2"]}"#]
        {
            assert_ne!(fingerprint(other), first, "{other}");
        }
    }

    #[test]
    fn a_key_is_new_or_of_the_same_or_of_another_request() {
        let (first, other) = (fingerprint("{}"), fingerprint(r#"{"a":1}"#));
        let answered = StoredResponse { fingerprint: first, response: Value::from("first") };
        assert_eq!(compare(None, first), Comparison::New);
        assert_eq!(compare(Some(answered.clone()), first), Comparison::Same(Value::from("first")));
        assert_eq!(compare(Some(answered), other), Comparison::Other);
    }
}
