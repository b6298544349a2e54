//! `weipay sandbox fault`: the faults of a running sandbox, by its control API.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::control::DataFolder;
use crate::arguments::values;
use crate::failure::Outcome;
use crate::output::print;

/// What follows the options of `weipay sandbox fault --help`.
const HELP: &str = "\
A fault is one of:
  429, 500, 502, 503    nothing is done; options: `; body=json` (the platform's, signed),
                        `; body=html` (a proxy's) or `; body=none`
  202                   accepted, and not done yet
  error                 refused with an error code of the operation, and nothing is done:
                        `error; code=NO_AUTH` is a product that is not opened; the codes are
                        those of `weipay api show`
  drop, reset           the connection ends without a response, and nothing is done
  commit-then-X         X is any of the above but error: the request is executed, then its response fails
                        like X
  slow                  the response comes late; `slow; ms=1500` says how late, at most 60000
  truncated             the connection ends in the middle of the body
  wrong-signature, missing-signature, probe-signature, unknown-serial
                        the request is executed, and its response cannot be verified

A single request asks for a fault with the header Weipay-Sandbox-Fault. An example of a rule:
  weipay sandbox fault add commit-then-drop --first 1 \\
    --operation 'POST /v3/marketing/busifavor/coupons/use'";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Fault {
    #[command(subcommand)]
    command: FaultCommand,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FaultCommand {
    /// Add a fault rule, and print its number.
    Add(NewFault),
    /// List the rules: number, fault, how many requests they hit, and which requests they are for.
    List,
    /// Remove one rule, or all, and print how many.
    Clear {
        /// Its number.
        id: Option<u64>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewFault {
    /// Such as 502, commit-then-drop or `slow; ms=1500`.
    #[arg(value_parser = str::parse::<weipay_sandbox::Fault>)]
    fault: weipay_sandbox::Fault,
    /// Only this operation: its path, with or without the method before it.
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    /// Only requests of this merchant (商户号).
    #[arg(long, value_name = "MCHID")]
    merchant: Option<String>,
    /// Only requests to this host, such as api.mch.weixin.qq.com or 127.0.0.1.
    #[arg(long)]
    host: Option<String>,
    /// Only the first N requests.
    #[arg(long, value_name = "NUMBER", value_parser = values::count)]
    first: Option<u64>,
    /// How often, from 0 (never) to 1 (always).
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0, value_parser = values::share)]
    probability: f64,
    /// Seed for --probability: the same seed selects the same requests.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = values::whole_number)]
    seed: u64,
}

pub(super) fn run(arguments: &Fault) -> Outcome {
    let data = &arguments.data;
    match &arguments.command {
        FaultCommand::Add(new) => {
            let added = data.post("/faults", &rule(new))?;
            print(&format!("{}\n", added["id"]))
        }
        FaultCommand::List => print(&table(&data.get("/faults")?)),
        FaultCommand::Clear { id } => {
            let target = id.map_or_else(|| "/faults".to_owned(), |id| format!("/faults/{id}"));
            print(&match data.call("DELETE", &target, None)?["cleared"].as_u64().unwrap_or_default() {
                1 => "1 rule removed\n".to_owned(),
                count => format!("{count} rules removed\n"),
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
