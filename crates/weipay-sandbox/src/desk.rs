//! The desks (柜台): for each operation with behaviour, which records it reads, which rule decides, what it keeps.
//!
//! A desk runs inside one transaction of the [store](crate::store) and asks the [domain](crate::domain) to decide;
//! it has no rule of its own. An operation without a desk is answered [from the catalogue](crate::example).

mod merchant_coupons;
mod platform_certificates;
mod security_echo;

use serde_json::Value;
use weipay_catalog::Operation;
use weipay_wire::ApiV3Key;

use crate::contract::Checked;
use crate::domain::Caller;
use crate::domain::platform_certificates::ListedCertificate;
use crate::domain::repeat::{Fingerprint, Repeat, judge};
use crate::entropy::Entropy;
use crate::refusal::Refusal;
use crate::store::{Ledger, StoreError};

/// One request at a desk.
pub(crate) struct Errand<'a> {
    pub(crate) caller: Caller<'a>,
    pub(crate) request: &'a Checked,
    pub(crate) now: i64,
    pub(crate) entropy: &'a Entropy,
    pub(crate) own: &'a PlatformConfig,
}

/// What a platform has that no request changes.
#[derive(Debug)]
pub(crate) struct PlatformConfig {
    pub(crate) certificate: ListedCertificate,
    /// The merchant's APIv3 key (APIv3密钥), which the platform shares.
    pub(crate) api_v3_key: ApiV3Key,
}

/// What a desk does with an errand.
pub(crate) type Desk = fn(&Ledger<'_>, &Errand<'_>) -> Result<Value, Unserved>;

/// Why an errand came to nothing. Either way nothing was changed.
#[derive(Debug)]
pub(crate) enum Unserved {
    Refused(Refusal),
    Failed(StoreError),
}

impl From<Refusal> for Unserved {
    fn from(refusal: Refusal) -> Unserved {
        Unserved::Refused(refusal)
    }
}

impl From<StoreError> for Unserved {
    fn from(error: StoreError) -> Unserved {
        Unserved::Failed(error)
    }
}

/// The desk of an operation, when it has one.
pub(crate) fn of(operation: &Operation) -> Option<Desk> {
    let (method, path) = (operation.method, operation.path);
    merchant_coupons::of(method, path)
        .or_else(|| platform_certificates::of(method, path))
        .or_else(|| security_echo::of(method, path))
}

/// A request number: what it is for, where it is unique, and what a repeat with another body gets.
struct Number<'a> {
    operation: &'static str,
    scope: &'a str,
    request_no: &'a str,
    other: fn() -> Refusal,
}

/// Does the work of a number once, and gives its answer again to the same request.
fn once(
    ledger: &Ledger<'_>,
    errand: &Errand<'_>,
    number: &Number<'_>,
    work: impl FnOnce() -> Result<Value, Unserved>,
) -> Result<Value, Unserved> {
    let Number { operation, scope, request_no, other } = *number;
    let fingerprint = Fingerprint::new(&errand.request.body);
    match judge(ledger.receipt(operation, scope, request_no)?, fingerprint) {
        Repeat::Same(reply) => Ok(reply),
        Repeat::Other => Err(other().into()),
        Repeat::New => {
            let reply = work()?;
            ledger.keep_receipt(operation, scope, request_no, fingerprint, &reply)?;
            Ok(reply)
        }
    }
}
