//! What a handler is given and what it gives: a request in its context, the decision of a rule, and what is saved of it.

use serde_json::Value;
use weipay_wire::ApiV3Key;

use crate::contract::ValidRequest;
use crate::entropy::Entropy;
use crate::merchants::{Account, ListedCertificate, Merchants};
use crate::response::Refusal;
use crate::store::{Announcement, Due, Record, StoreError, Transaction};

/// Carries out one operation.
pub(crate) type Handler = fn(&Transaction<'_>, &Context<'_>) -> Result<Value, HandlerError>;

/// Does what has fallen due. It is given the key and the time that it was due at; the clock may show a later one.
pub(crate) type DueHandler = fn(&Transaction<'_>, &str, i64) -> Result<(), HandlerError>;

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

    /// The same where there is nobody to refuse anything to: what people and the clock do with a record finds
    /// `what` as requests left it, or else the records are broken.
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
