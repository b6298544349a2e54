//! The self-test (商户签名验签／加解密测试): it gives back what it was given, the encrypted part encrypted for the
//! merchant. It reads no record, and sends no notification to `notify_url` yet.

use serde_json::{Map, Value};

use super::{Context, HandlerError, Route};
use crate::store::Transaction;

pub(super) const ROUTES: &[Route] = &[Route { method: "POST", path: "v3/security/echo", handler: echo }];

fn echo(_: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let given = |name: &str| context.request.body.get(name).map(|value| (name.to_owned(), value.clone()));
    let members: Map<String, Value> =
        ["echo_message", "encrypted_echo_message"].into_iter().filter_map(given).collect();
    Ok(Value::Object(members))
}
