//! A handler: what it is given, what it gives back, and the route that leads to it.
//!
//! A handler reads records, asks a rule, and carries out its [`Decision`]: the whole effect of a request as a value, before
//! anything of it has happened.

use serde_json::Value;
use weipay_wire::ApiV3Key;

use super::platform_certificates::ListedCertificate;
use crate::contract::ValidRequest;
use crate::entropy::Entropy;
use crate::merchants::Account;
use crate::refusal::Refusal;
use crate::store::engine::Due;
use crate::store::idempotency::{Comparison, Fingerprint, IdempotencyKey, StoredResponse, compare};
use crate::store::outbox::Announcement;
use crate::store::record::Record;
use crate::store::{StoreError, Transaction};

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

/// One request, as a handler sees it.
pub(crate) struct Context<'a> {
    pub(crate) caller: &'a Account,
    /// The caller's APIv3 key.
    pub(crate) api_v3_key: &'a ApiV3Key,
    pub(crate) request: &'a ValidRequest,
    pub(crate) now: i64,
    pub(crate) entropy: &'a Entropy,
    pub(crate) platform: &'a PlatformConfig,
    /// The serial of the platform key that signs the response: the caller can verify with it.
    pub(crate) platform_serial: &'a str,
}

/// What a platform has that no request changes.
#[derive(Debug)]
pub(crate) struct PlatformConfig {
    pub(crate) certificate: ListedCertificate,
}

/// Why a handler did nothing. Either way nothing was changed.
#[derive(Debug)]
pub(crate) enum HandlerError {
    Refused(Refusal),
    Failed(StoreError),
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
    /// What merchants are to be notified of.
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

/// Does the work of an idempotency key at most once. The same request again gets the first response; another request under
/// the key is refused.
pub(crate) fn idempotently(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    key: &IdempotencyKey<'_>,
    refuse_other_request: fn() -> Refusal,
    work: impl FnOnce() -> Result<Value, HandlerError>,
) -> Result<Value, HandlerError> {
    let fingerprint = Fingerprint::new(&context.request.body);
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
