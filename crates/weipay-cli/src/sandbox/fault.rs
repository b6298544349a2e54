//! `weipay sandbox fault`: the faults of a running sandbox, by its control API.

use std::fmt::Write as _;

use serde_json::{Value, json};
use weipay_sandbox::control::Client;

use crate::arguments::{Fault, FaultCommand, NewFault};
use crate::failure::{Failure, Outcome};
use crate::output::print;

pub(super) fn run(arguments: &Fault) -> Outcome {
    let client = Client::from_data_dir(&arguments.data).map_err(Failure::from_control)?;
    let call = |method, target: &str, body: Option<Value>| {
        client.call(method, target, body.as_ref()).map_err(Failure::from_control)
    };
    match &arguments.command {
        FaultCommand::Add(new) => {
            let added = call("POST", "/faults", Some(rule(new)))?;
            print(&format!("{}\n", added["id"]))
        }
        FaultCommand::List => print(&table(&call("GET", "/faults", None)?)),
        FaultCommand::Clear { id } => {
            let target = id.map_or_else(|| "/faults".to_owned(), |id| format!("/faults/{id}"));
            print(&match call("DELETE", &target, None)?["cleared"].as_u64().unwrap_or_default() {
                1 => "1 rule taken away\n".to_owned(),
                count => format!("{count} rules taken away\n"),
            })
        }
    }
}

fn rule(new: &NewFault) -> Value {
    json!({
        "fault": new.fault.to_string(),
        "operation": new.operation,
        "merchant": new.merchant,
        "host": new.host,
        "first": new.first,
        "probability": new.probability,
        "seed": new.seed,
    })
}

/// A line for each rule.
fn table(faults: &Value) -> String {
    let mut text = String::new();
    for rule in faults["faults"].as_array().into_iter().flatten() {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{}  {}  hit {} of {}",
            rule["id"],
            rule["fault"].as_str().unwrap_or_default(),
            rule["injected"],
            rule["seen"]
        );
        for name in ["operation", "merchant", "host", "first", "probability"] {
            match &rule[name] {
                Value::Null => {}
                Value::String(value) => drop(write!(text, "  {name}={value}")),
                value => drop(write!(text, "  {name}={value}")),
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_a_line() {
        let faults = json!({ "faults": [{
            "id": 3, "fault": "commit-then-drop", "operation": "POST /v3/a", "merchant": null, "host": null,
            "first": 1, "probability": 1.0, "seed": 1, "seen": 5, "injected": 1,
        }] });
        assert_eq!(
            table(&faults),
            "3  commit-then-drop  hit 1 of 5  operation=POST /v3/a  first=1  probability=1.0\n"
        );
        assert_eq!(table(&json!({ "faults": [] })), "");
    }
}
