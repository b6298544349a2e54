//! The desk of the self-test (商户签名验签／加解密测试): it gives back what it was given, the encrypted part encrypted for the
//! merchant. It reads no record, and sends no notification to `notify_url` yet.

use serde_json::{Map, Value};

use super::{Desk, Errand, Unserved};
use crate::store::Ledger;

/// The desk of an operation, by method and path template.
pub(super) fn of(method: &str, path: &str) -> Option<Desk> {
    ((method, path) == ("POST", "v3/security/echo")).then_some(echo as Desk)
}

fn echo(_: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    let given = |name: &str| errand.request.body.get(name).map(|value| (name.to_owned(), value.clone()));
    let members: Map<String, Value> =
        ["echo_message", "encrypted_echo_message"].into_iter().filter_map(given).collect();
    Ok(Value::Object(members))
}
