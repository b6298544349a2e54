//! `weipay sandbox recharge`: somebody pays a recharge, by the control API of a running sandbox.

use clap::Args;
use serde_json::{Value, json};

use super::control::{DataFolder, encoded};
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct Recharge {
    /// The merchant's number (out_recharge_no) or the platform's (recharge_id).
    #[arg(value_name = "NUMBER")]
    number: String,
    /// By what it is paid.
    #[arg(long, value_name = "CHANNEL", value_parser = ["BANK_TRANSFER", "QR_RECHARGE", "ONLINE_BANK"])]
    channel: Option<String>,
    /// Who pays by a code (QR_RECHARGE).
    #[arg(long, value_name = "OPENID", required_if_eq("channel", "QR_RECHARGE"))]
    openid: Option<String>,
    /// How much the bank transfers, in fen, if it is another amount: that goes back.
    #[arg(long, value_name = "FEN")]
    fen: Option<i64>,
    /// The merchant ID, if several merchants have used this out_recharge_no.
    #[arg(long)]
    mchid: Option<String>,
    #[command(flatten)]
    data: DataFolder,
}

pub(super) fn run(arguments: &Recharge) -> Outcome {
    let mut body = json!({});
    let texts = [("channel", &arguments.channel), ("openid", &arguments.openid), ("mchid", &arguments.mchid)];
    for (name, value) in texts {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    if let Some(fen) = arguments.fen {
        body["fen"] = json!(fen);
    }
    let recharge = arguments.data.post(&format!("/recharges/{}/pay", encoded(&arguments.number)), &body)?;
    print(&shown(&recharge))
}

/// One line: both numbers, the state, the amount, and whether money went back.
fn shown(recharge: &Value) -> String {
    let text = |name: &str| recharge[name].as_str().unwrap_or_default();
    let fen = recharge["recharge_amount"]["amount"].as_i64().unwrap_or_default();
    let why = recharge["bank_transfer_info"]["return_reason"].as_str();
    let returned = why.map(|why| format!("; the bank transfer went back: {why}")).unwrap_or_default();
    let state = text("recharge_state");
    format!("{} ({}) is {state}, {fen} fen{returned}\n", text("out_recharge_no"), text("recharge_id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_became_of_the_recharge() {
        let mut recharge = json!({
            "out_recharge_no": "cz1", "recharge_id": "17", "recharge_state": "SUCCESS", "recharge_amount": { "amount": 5 },
        });
        assert_eq!(shown(&recharge), "cz1 (17) is SUCCESS, 5 fen\n");
        recharge["bank_transfer_info"] = json!({ "return_reason": "x" });
        assert!(shown(&recharge).ends_with("5 fen; the bank transfer went back: x\n"));
    }
}
