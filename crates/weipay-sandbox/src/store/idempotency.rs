//! Idempotency keys (幂等键): a request with a known key is answered as the first one was.
//!
//! The page of associate and disassociate says that they are idempotent; how is INFERRED for every call: the same
//! number with the same body gets the first response again, whatever has happened since, and with another body a refusal.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

/// What makes two requests the same in the eyes of a merchant: the operation, and the number that it gave the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdempotencyKey<'a> {
    pub(crate) operation: &'static str,
    /// Where the number is unique.
    pub(crate) scope: &'a str,
    pub(crate) request_no: &'a str,
}

/// What was answered under a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredResponse {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) response: Value,
}

/// What makes two bodies the same: members and values, not their order or spacing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) [u8; 32]);

/// What a key means for a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Comparison {
    /// The key is new.
    New,
    /// The same request again: the first response.
    Same(Value),
    /// Another request under a known key.
    Other,
}

/// Compares a request with what was answered under its key before.
pub(crate) fn compare(known: Option<StoredResponse>, fingerprint: Fingerprint) -> Comparison {
    match known {
        None => Comparison::New,
        Some(answered) if answered.fingerprint == fingerprint => Comparison::Same(answered.response),
        Some(_) => Comparison::Other,
    }
}

impl Fingerprint {
    pub(crate) fn new(body: &Map<String, Value>) -> Self {
        let mut text = String::new();
        write_members(body, &mut text);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => write_members(members, text),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

fn write_members(members: &Map<String, Value>, text: &mut String) {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    text.push('{');
    for (name, value) in sorted {
        // Quoted, so that no name can look like another's value.
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push(':');
        write(value, text);
        text.push(',');
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(text: &str) -> Fingerprint {
        Fingerprint::new(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn order_and_spacing_do_not_make_another_request() {
        assert_eq!(
            fingerprint(r#"{"a":"1","b":[{"c":2,"d":3}]}"#),
            fingerprint(r#"{ "b": [{"d":3, "c":2}], "a": "1" }"#)
        );
    }

    #[test]
    fn any_other_value_does() {
        let first = fingerprint(r#"{"a":"1","b":["2"]}"#);
        for other in
            [r#"{"a":1,"b":["2"]}"#, r#"{"a":"1"}"#, r#"{"a":"1","b":["2","2"]}"#, r#"{"b":"1","a":["2"]}"#]
        {
            assert_ne!(fingerprint(other), first, "{other}");
        }
    }

    #[test]
    fn a_key_is_new_or_of_the_same_or_of_another_request() {
        let (first, other) = (fingerprint("{}"), fingerprint(r#"{"a":1}"#));
        let answered = StoredResponse { fingerprint: first, response: Value::from("first") };
        assert_eq!(compare(None, first), Comparison::New);
        assert_eq!(compare(Some(answered.clone()), first), Comparison::Same(Value::from("first")));
        assert_eq!(compare(Some(answered), other), Comparison::Other);
    }
}
