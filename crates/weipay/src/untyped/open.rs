//! Decrypts the sensitive fields of a response that is read without types.

use serde_json::Value;
use weipay_wire::PrivateKey;

use crate::core::NO_PRIVATE_KEY;
use crate::error::DecodeError;
use crate::members::Members;
use crate::model::sensitive;

/// How many problems are listed.
const MAX_DECODE_ERRORS: usize = 100;

/// Decrypts the sensitive texts of a response in place. A text that cannot be decrypted stays ciphertext, and is reported.
pub(crate) fn opened(json: &mut Value, members: Members, key: Option<&PrivateKey>) -> Vec<DecodeError> {
    let mut decode_errors = Vec::new();
    object(json, members, key, "", &mut decode_errors);
    decode_errors
}

fn object(
    json: &mut Value,
    members: Members,
    key: Option<&PrivateKey>,
    at: &str,
    decode_errors: &mut Vec<DecodeError>,
) {
    match json {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                object(item, members, key, &format!("{at}[{index}]"), decode_errors);
            }
        }
        Value::Object(object_members) => {
            for member in members.iter() {
                let Some(value) = object_members.get_mut(member.name) else { continue };
                let at = if at.is_empty() { member.name.to_owned() } else { format!("{at}.{}", member.name) };
                match member.members {
                    _ if member.is_encrypted => text(value, key, &at, decode_errors),
                    Some(members) if members.has_encrypted() => {
                        object(value, members, key, &at, decode_errors)
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn text(value: &mut Value, key: Option<&PrivateKey>, at: &str, decode_errors: &mut Vec<DecodeError>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                text(item, key, &format!("{at}[{index}]"), decode_errors);
            }
        }
        Value::String(text) => {
            match key.map_or_else(|| Err(NO_PRIVATE_KEY.to_owned()), |key| sensitive::opened(text, key)) {
                Ok(plain) => plain.as_str().clone_into(text),
                Err(reason) if decode_errors.len() < MAX_DECODE_ERRORS => {
                    decode_errors.push(DecodeError { path: at.to_owned(), reason });
                }
                Err(_) => {}
            }
        }
        _ => {}
    }
}
