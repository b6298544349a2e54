//! What names stand for: `{{order.prepay_id}}` in a story is a member of what came back under the name `order`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The values of a run, by name.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, Value>);

impl Names {
    pub(super) fn set(&mut self, name: impl Into<String>, value: Value) {
        self.0.insert(name.into(), value);
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A value with all names replaced. A text that is one name alone becomes its value, of whatever type.
    pub(super) fn fill(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => match alone(text) {
                Some(path) => self.find(path)?.clone(),
                None => Value::from(self.fill_text(text)?),
            },
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.fill(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => Value::Object(self.fill_members(members)?),
            plain => plain.clone(),
        })
    }

    pub(super) fn fill_members(&self, members: &Map<String, Value>) -> Result<Map<String, Value>, String> {
        members.iter().map(|(name, value)| Ok((name.clone(), self.fill(value)?))).collect()
    }

    pub(super) fn fill_text(&self, text: &str) -> Result<String, String> {
        self.fill_with(text, |value| value)
    }

    /// The same; each value is written as `encode` has it.
    pub(super) fn fill_with(&self, text: &str, encode: impl Fn(String) -> String) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (path, after) =
                after.split_once("}}").ok_or_else(|| format!("`{text}` has {{{{ without }}}}"))?;
            filled.push_str(before);
            filled.push_str(&encode(word(self.find(path)?)));
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn find(&self, path: &str) -> Result<&Value, String> {
        let path = path.trim();
        let mut parts = path.split('.');
        let name = parts.next().unwrap_or_default();
        let known = || self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let start =
            self.0.get(name).ok_or_else(|| format!("unknown name `{name}`; known here: {}", known()))?;
        parts.try_fold(start, member).ok_or_else(|| format!("`{name}` has no `{path}`"))
    }
}

/// What a text names between `{{` and `}}`, such as `order.prepay_id`.
pub(super) fn paths(text: &str) -> Vec<&str> {
    text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0.trim())).collect()
}

/// What the texts of a value name.
pub(super) fn paths_in(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => paths(text),
        Value::Array(items) => items.iter().flat_map(paths_in).collect(),
        Value::Object(members) => members.values().flat_map(paths_in).collect(),
        _ => Vec::new(),
    }
}

/// A member by name, or an item by number.
pub(super) fn member<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    }
}

/// A value as it stands in a text.
pub(super) fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn alone(text: &str) -> Option<&str> {
    let path = text.strip_prefix("{{")?.strip_suffix("}}")?;
    (!path.contains("{{") && !path.contains("}}")).then_some(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_become_their_values_and_keep_their_type_where_they_stand_alone() {
        let mut names = Names::default();
        names.set("order", json!({ "total": 100, "parts": [{ "no": "a" }] }));
        let filled =
            names.fill(&json!({ "a": "{{order.total}}", "b": ["x-{{ order.total }}-{{order.parts.0.no}}"] }));
        assert_eq!(filled.unwrap(), json!({ "a": 100, "b": ["x-100-a"] }));
        for (text, part) in [
            ("{{ordr.total}}", "unknown name `ordr`; known here: order"),
            ("{{order.parts.1}}", "`order` has no `order.parts.1`"),
            ("a {{order", "{{ without }}"),
        ] {
            let error = names.fill(&json!(text)).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
