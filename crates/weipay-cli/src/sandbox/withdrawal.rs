//! `weipay sandbox withdrawal`: what the bank does with a withdrawal, by the control API of a running sandbox.

use clap::Args;
use serde_json::{Value, json};

use super::control::{DataFolder, encoded};
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct Withdrawal {
    /// The merchant's number (out_request_no) or the platform's (withdraw_id).
    #[arg(value_name = "NUMBER")]
    number: String,
    /// success: the bank accepts it; fail: the bank refuses it; refund: the bank returns it later (退票).
    #[arg(long, value_name = "OUTCOME", value_parser = ["success", "fail", "refund"])]
    to: String,
    /// Why the bank refuses or returns it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The merchant ID, if several merchants have used this out_request_no.
    #[arg(long)]
    mchid: Option<String>,
    #[command(flatten)]
    data: DataFolder,
}

pub(super) fn run(arguments: &Withdrawal) -> Outcome {
    let mut body = json!({ "to": arguments.to });
    for (name, value) in [("reason", &arguments.reason), ("mchid", &arguments.mchid)] {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    let path = format!("/withdrawals/{}/outcome", encoded(&arguments.number));
    let withdrawal = arguments.data.post(&path, &body)?;
    print(&shown(&withdrawal))
}

/// One line: both numbers, the state, the amount.
fn shown(withdrawal: &Value) -> String {
    let text = |name: &str| withdrawal[name].as_str().unwrap_or_default();
    let fen = withdrawal["amount"].as_i64().unwrap_or_default();
    format!("{} ({}) is {}, {fen} fen\n", text("out_request_no"), text("withdraw_id"), text("status"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_became_of_the_withdrawal() {
        let withdrawal =
            json!({ "out_request_no": "w1", "withdraw_id": "105", "status": "FAIL", "amount": 5 });
        assert_eq!(shown(&withdrawal), "w1 (105) is FAIL, 5 fen\n");
    }
}
