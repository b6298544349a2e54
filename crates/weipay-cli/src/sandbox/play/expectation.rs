//! What a step expects of what came back.

use serde_json::{Map, Value};

use super::names::{self, Names, member};
use super::toml_reader::{StoryError, Table};

#[derive(Debug, Default)]
pub(super) struct Expectation {
    /// The HTTP status; without one, a success.
    pub(super) status: Option<u16>,
    /// The error code (错误码).
    pub(super) code: Option<String>,
    /// That no complete response comes.
    pub(super) lost: bool,
    /// That nobody knows what became of the request.
    pub(super) unknown: bool,
    /// That the response cannot be verified.
    pub(super) unverified: bool,
    /// That the response is only an example.
    pub(super) example: bool,
    /// Members that there are, with these values.
    body: Map<String, Value>,
    /// Members that there are not.
    absent: Vec<String>,
    /// Texts that stand in the file.
    contains: Vec<String>,
}

impl Expectation {
    pub(super) fn read(mut table: Table) -> Result<Self, StoryError> {
        let read = Self {
            status: table.status("status")?,
            code: table.text("code")?.map(|code| code.value),
            lost: table.flag("lost")?,
            unknown: table.flag("unknown")?,
            unverified: table.flag("unverified")?,
            example: table.flag("example")?,
            body: table.object("body")?.map(|body| body.value).unwrap_or_default(),
            absent: table.texts("absent")?,
            contains: table.texts("contains")?,
        };
        table.check_nothing_left()?;
        Ok(read)
    }

    /// What it names of other steps.
    pub(super) fn paths(&self) -> Vec<&str> {
        let of_file = self.contains.iter().flat_map(|text| names::paths(text));
        self.body.values().flat_map(names::paths_in).chain(of_file).collect()
    }

    /// Whether an error response is expected.
    pub(super) fn is_of_refusal(&self) -> bool {
        self.code.is_some() || self.status.is_some_and(|status| status >= 300)
    }

    /// Every difference between what came back and what was expected, a line each.
    pub(super) fn differences(
        &self,
        found: &Value,
        file: Option<&str>,
        names: &Names,
    ) -> Result<Vec<String>, String> {
        let mut differences = Vec::new();
        compare("", &Value::Object(names.fill_members(&self.body)?), found, &mut differences);
        for path in &self.absent {
            if let Some(value) = path.split('.').try_fold(found, member) {
                differences.push(format!("{path} is {value}, but was expected to be absent"));
            }
        }
        for text in &self.contains {
            let text = names.fill_text(text)?;
            if !file.is_some_and(|file| file.contains(&text)) {
                differences.push(format!("the file does not contain {text:?}"));
            }
        }
        Ok(differences)
    }
}

/// Members that are not expected do not count; the items of a list all do.
fn compare(path: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    let below = |part: &str| if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") };
    match (expected, found) {
        (Value::Object(members), Value::Object(_)) => {
            for (name, expected) in members {
                match found.get(name) {
                    Some(found) => compare(&below(name), expected, found, differences),
                    None => differences.push(format!("{} is missing, expected {expected}", below(name))),
                }
            }
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            for (index, (expected, found)) in items.iter().zip(others).enumerate() {
                compare(&below(&index.to_string()), expected, found, differences);
            }
        }
        (expected, found) if expected == found => {}
        (expected, found) if path.is_empty() => {
            if expected.as_object().is_none_or(|members| !members.is_empty()) {
                differences.push(format!("{found} came back, expected {expected}"));
            }
        }
        (expected, found) => differences.push(format!("{path} is {found}, expected {expected}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_expected_members_count() {
        let differences = |expected: Value, found: Value| {
            let mut differences = Vec::new();
            compare("", &expected, &found, &mut differences);
            differences
        };
        let found = json!({
            "state": "USED", "amount": { "total": 5, "payer": 4 }, "list": [{ "a": 1 }, { "a": 2 }],
        });
        assert!(
            differences(json!({ "amount": { "total": 5 }, "list": [{}, { "a": 2 }] }), found.clone())
                .is_empty()
        );
        assert_eq!(
            differences(json!({ "state": "SENDED", "amount": { "total": 6, "x": 1 }, "list": [] }), found),
            [
                r#"state is "USED", expected "SENDED""#,
                "amount.total is 5, expected 6",
                "amount.x is missing, expected 1",
                r#"list is [{"a":1},{"a":2}], expected []"#,
            ]
        );
    }
}
