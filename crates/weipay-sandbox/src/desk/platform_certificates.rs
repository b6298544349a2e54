//! The desk of platform certificates (平台证书): it reads no record, only the platform's own certificate.

use serde_json::Value;

use super::{Desk, Errand, Unserved};
use crate::domain::platform_certificates;
use crate::entropy::Entropy;
use crate::store::Ledger;

/// The desk of an operation, by method and path template.
pub(super) fn of(method: &str, path: &str) -> Option<Desk> {
    ((method, path) == ("GET", "v3/certificates")).then_some(list as Desk)
}

fn list(_: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    // Never from a seed: a nonce must not come twice under one key.
    let nonce = Entropy::system().letters(b"0123456789abcdef", 12);
    let algorithm = errand.request.query("algorithm_type");
    let own = errand.own;
    Ok(platform_certificates::list(&own.certificate, &own.api_v3_key, algorithm, &nonce)?)
}
