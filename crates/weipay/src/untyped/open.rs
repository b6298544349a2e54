//! Decrypts the sensitive fields of a response that is read without types.

use serde_json::Value;
use weipay_wire::PrivateKey;

use crate::core::NO_PRIVATE_KEY;
use crate::error::DecodeError;
use crate::members::Members;
use crate::model::sensitive;

/// How many problems are listed.
const MAX_MISREAD: usize = 100;

/// Decrypts the sensitive texts of a response in place. A text that cannot be decrypted stays ciphertext, and is reported.
pub(crate) fn opened(json: &mut Value, members: Members, key: Option<&PrivateKey>) -> Vec<DecodeError> {
    let mut misread = Vec::new();
    object(json, members, key, "", &mut misread);
    misread
}

fn object(
    json: &mut Value,
    members: Members,
    key: Option<&PrivateKey>,
    at: &str,
    misread: &mut Vec<DecodeError>,
) {
    match json {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                object(item, members, key, &format!("{at}[{index}]"), misread);
            }
        }
        Value::Object(object_members) => {
            for member in members.iter() {
                let Some(value) = object_members.get_mut(member.name) else { continue };
                let at = if at.is_empty() { member.name.to_owned() } else { format!("{at}.{}", member.name) };
                match member.members {
                    _ if member.is_encrypted => text(value, key, &at, misread),
                    Some(members) if members.has_encrypted() => object(value, members, key, &at, misread),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn text(value: &mut Value, key: Option<&PrivateKey>, at: &str, misread: &mut Vec<DecodeError>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                text(item, key, &format!("{at}[{index}]"), misread);
            }
        }
        Value::String(text) => {
            match key.map_or_else(|| Err(NO_PRIVATE_KEY.to_owned()), |key| sensitive::opened(text, key)) {
                Ok(plain) => plain.as_str().clone_into(text),
                Err(reason) if misread.len() < MAX_MISREAD => {
                    misread.push(DecodeError { path: at.to_owned(), reason });
                }
                Err(_) => {}
            }
        }
        _ => {}
    }
}
