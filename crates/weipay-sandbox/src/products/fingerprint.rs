//! The fingerprint of a request: two requests have the same if they say the same, in whatever order and spacing.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::contract::ValidRequest;
use crate::store::Fingerprint;

impl Fingerprint {
    /// A hash of a request: of its body, and of the values in its path and its query, in whatever order these
    /// stand. Without such values it is that of the body.
    pub(crate) fn of_request(request: &ValidRequest) -> Self {
        let mut query: Vec<_> = request.query_values().collect();
        query.sort_unstable();
        let values: Vec<_> = request.path_values().chain(query).collect();
        if values.is_empty() {
            return Self::new(&request.body);
        }
        let mut text = Value::from_iter(values.iter().map(|(name, value)| vec![*name, *value])).to_string();
        write_members(&request.body, &mut text);
        Self::of_text(&text)
    }

    pub(crate) fn new(body: &Map<String, Value>) -> Self {
        let mut text = String::new();
        write_members(body, &mut text);
        Self::of_text(&text)
    }

    fn of_text(text: &str) -> Self {
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

    #[test]
    fn path_and_query_belong_to_a_fingerprint_but_not_their_order() {
        let request = |path: &str, query: &[(&str, &str)]| {
            let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Fingerprint::of_request(&ValidRequest::from_values(vec![("id", path.to_owned())], query))
        };
        let first = request("1", &[("a", "1"), ("b", "2")]);
        assert_eq!(first, request("1", &[("b", "2"), ("a", "1")]));
        for (path, query) in
            [("2", &[("a", "1"), ("b", "2")][..]), ("1", &[("a", "1")]), ("1", &[("a", "2"), ("b", "1")])]
        {
            assert_ne!(first, request(path, query));
        }
        assert_eq!(Fingerprint::of_request(&ValidRequest::default()), Fingerprint::new(&Map::new()));
    }

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
}
