//! Sensitive fields (敏感信息加密) of a call: personal data must not leave in plain text because a command was short.

use serde_json::Value;
use serde_json::value::RawValue;
use weipay::blocking;
use weipay_catalog::{Field, Operation};

use crate::arguments;

/// No ciphertext is shorter: RSA-2048 gives 256 bytes, which are 344 characters of base64.
const SHORTEST_CIPHERTEXT: usize = 344;

type Body = Option<Box<RawValue>>;
type Query = Vec<(String, String)>;

/// Body and query to send: as they were typed, or with their sensitive fields encrypted where that was asked for.
pub(super) fn treated(
    arguments: &arguments::Call,
    operation: Option<&'static Operation>,
    client: &blocking::Client,
) -> Result<(Body, Query), String> {
    let names_a_key = |(name, _): &(String, String)| name.eq_ignore_ascii_case("Wechatpay-Serial");
    if arguments.encrypt && arguments.header.iter().any(names_a_key) {
        return Err(
            "--encrypt takes the configured key and names it in Wechatpay-Serial: leave that header out"
                .to_owned(),
        );
    }
    let Some(operation) = operation else { return Ok((arguments.json.clone(), arguments.query.clone())) };
    let treatment = Treatment { encrypt: arguments.encrypt, client };
    let mut query = arguments.query.clone();
    for (name, value) in &mut query {
        if operation.request.query.iter().any(|field| field.name == name.as_str() && field.is_encrypted()) {
            treatment.text(&format!("/query/{name}"), value)?;
        }
    }
    Ok((body(arguments.json.as_deref(), &operation.request.json, &treatment)?, query))
}

fn body(typed: Option<&RawValue>, fields: &[Field], treatment: &Treatment<'_>) -> Result<Body, String> {
    let as_typed = || typed.map(ToOwned::to_owned);
    let Some(typed) = typed.filter(|_| fields.iter().any(Field::holds_encrypted)) else {
        return Ok(as_typed());
    };
    let before: Value = serde_json::from_str(typed.get()).map_err(|error| error.to_string())?;
    let mut json = before.clone();
    treatment.members(fields, &mut json, "/body")?;
    if json == before {
        return Ok(as_typed());
    }
    serde_json::value::to_raw_value(&json).map(Some).map_err(|error| error.to_string())
}

/// What is done with each sensitive text.
struct Treatment<'a> {
    encrypt: bool,
    client: &'a blocking::Client,
}

impl Treatment<'_> {
    fn text(&self, path: &str, text: &mut String) -> Result<(), String> {
        if text.is_empty() || looks_like_ciphertext(text) {
            return Ok(());
        }
        if !self.encrypt {
            return Err(format!(
                "{path} travels encrypted (敏感信息加密): give --encrypt, or its ciphertext in place of the plain text"
            ));
        }
        *text = self.client.encrypt_sensitive(text).map_err(|error| format!("{path}: {error}"))?;
        Ok(())
    }

    fn members(&self, fields: &[Field], object: &mut Value, path: &str) -> Result<(), String> {
        for field in fields.iter().filter(|field| field.holds_encrypted()) {
            if let Some(value) = object.get_mut(field.name) {
                self.value(field, value, &format!("{path}/{}", field.name))?;
            }
        }
        Ok(())
    }

    fn value(&self, field: &Field, value: &mut Value, path: &str) -> Result<(), String> {
        match value {
            Value::Array(members) => members
                .iter_mut()
                .enumerate()
                .try_for_each(|(index, member)| self.value(field, member, &format!("{path}/{index}"))),
            Value::String(text) if field.is_encrypted() => self.text(path, text),
            Value::Object(_) => self.members(&field.fields, value, path),
            _ => Ok(()),
        }
    }
}

fn looks_like_ciphertext(text: &str) -> bool {
    text.len() >= SHORTEST_CIPHERTEXT
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}
