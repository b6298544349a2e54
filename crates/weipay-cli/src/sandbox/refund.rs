//! `weipay sandbox refund`: what becomes of a refund, by the control API of a running sandbox.

use clap::Args;
use serde_json::{Value, json};

use super::control::{DataFolder, encoded};
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct Refund {
    /// The merchant's number (out_refund_no) or the platform's (refund_id).
    #[arg(value_name = "NUMBER")]
    number: String,
    /// success: the person gets the money; abnormal: the card no longer exists (apply-abnormal-refund comes next);
    /// closed: the merchant gets the money back; short: the merchant lacks the money, and the refund is closed seven
    /// days after it was accepted.
    #[arg(long, value_name = "OUTCOME", value_parser = ["success", "abnormal", "closed", "short"])]
    to: String,
    /// The merchant ID, if several merchants have used this number.
    #[arg(long, value_name = "MCHID")]
    mchid: Option<String>,
    #[command(flatten)]
    data: DataFolder,
}

pub(super) fn run(arguments: &Refund) -> Outcome {
    let path = format!("/refunds/{}/outcome", encoded(&arguments.number));
    let refund = arguments.data.post(&path, &json!({ "to": arguments.to, "mchid": arguments.mchid }))?;
    print(&shown(&refund))
}

/// One line: both numbers, the state, the amount.
fn shown(refund: &Value) -> String {
    let text = |name: &str| refund[name].as_str().unwrap_or_default();
    let fen = refund["amount"]["refund"].as_i64().unwrap_or_default();
    format!("{} ({}) is {}, {fen} fen\n", text("out_refund_no"), text("refund_id"), text("status"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_became_of_the_refund() {
        let refund = json!({
            "out_refund_no": "r1", "refund_id": "503", "status": "ABNORMAL", "amount": { "refund": 5 },
        });
        assert_eq!(shown(&refund), "r1 (503) is ABNORMAL, 5 fen\n");
    }
}
