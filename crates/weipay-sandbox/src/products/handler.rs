//! What a handler is given, what it gives back, and the route that leads to it.

use serde_json::Value;
use weipay_wire::ApiV3Key;

use super::decision::{Changes, Decision};
use super::platform_certificates::ListedCertificate;
use crate::contract::ValidRequest;
use crate::entropy::Entropy;
use crate::merchants::Account;
use crate::refusal::Refusal;
use crate::store::idempotency::{Comparison, Fingerprint, IdempotencyKey, StoredResponse, compare};
use crate::store::{StoreError, Transaction};

/// Carries out one operation: reads records, asks a rule, keeps its decision.
pub(crate) type Handler = fn(&Transaction<'_>, &Context<'_>) -> Result<Value, HandlerError>;

/// Does what has fallen due. It is given the key and the time that it was due at; the clock may show a later one.
pub(crate) type DueHandler = fn(&Transaction<'_>, &str, i64) -> Result<(), HandlerError>;

/// An operation and who carries it out. Method and path template stand as in the catalogue.
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

/// Carries out the work of an idempotency key at most once. The same request again gets the first response, another
/// request under the key is refused.
pub(crate) fn idempotently(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    key: &IdempotencyKey<'_>,
    refusal_of_another: fn() -> Refusal,
    work: impl FnOnce() -> Result<Value, HandlerError>,
) -> Result<Value, HandlerError> {
    let fingerprint = Fingerprint::new(&context.request.body);
    match compare(tx.stored_response(key)?, fingerprint) {
        Comparison::Same(response) => Ok(response),
        Comparison::Other => Err(refusal_of_another().into()),
        Comparison::New => {
            let answered = StoredResponse { fingerprint, response: work()? };
            tx.keep_response(key, &answered)?;
            Ok(answered.response)
        }
    }
}

/// Keeps a decision, and gives its response.
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
