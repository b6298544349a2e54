//! The self-test (商户签名验签／加解密测试): it echoes the request, with the sensitive part encrypted for the
//! merchant, and sends the same to `notify_url`. It reads no record.

use serde_json::{Map, Value};

use super::{Context, HandlerError, Route, route};
use crate::response::Refusal;
use crate::store::{Announcement, Transaction};

pub(super) const ROUTES: &[Route] = &[route("POST", "v3/security/echo", echo)];

const MESSAGE: &str = "echo_message";
const SECRET: &str = "encrypted_echo_message";
/// Its name in the notification.
const TOLD_SECRET: &str = "encrypt_echo_message";

fn echo(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    if let Some(notify_url) = context.request.text("notify_url") {
        tx.announce(&Announcement {
            mchid: context.caller.mchid.clone(),
            notify_url: notify_url.to_owned(),
            platform_serial: context.platform_serial.to_owned(),
            event_type: "SECURITY_ECHO.SUCCESS",
            time: context.now,
            resource: Value::Object(told(context)?),
        })?;
    }
    let given = |name: &str| context.request.body.get(name).map(|value| (name.to_owned(), value.clone()));
    let members: Map<String, Value> = [MESSAGE, SECRET].into_iter().filter_map(given).collect();
    Ok(Value::Object(members))
}

/// What the notification opens to. INFERRED(echo-notification): the secret is encrypted for the merchant
/// there too, as in the response.
fn told(context: &Context<'_>) -> Result<Map<String, Value>, Refusal> {
    let mut told = Map::new();
    if let Some(message) = context.request.body.get(MESSAGE) {
        told.insert(MESSAGE.to_owned(), message.clone());
    }
    let merchant = context.merchants.find(&context.caller.mchid);
    if let (Some(secret), Some(merchant)) = (context.request.text(SECRET), merchant) {
        let sealed = merchant.key.encrypt_oaep(secret.as_bytes()).map_err(|_| Refusal::system_error())?;
        told.insert(TOLD_SECRET.to_owned(), sealed.into());
    }
    Ok(told)
}
