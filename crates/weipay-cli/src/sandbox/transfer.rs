//! `weipay sandbox transfer`: what the person does who is paid, by the control API of a running sandbox.

use clap::{Args, Subcommand};
use serde_json::json;

use super::control::{DataFolder, encoded};
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct Transfer {
    #[command(subcommand)]
    command: TransferCommand,
    /// The merchant ID, if several merchants have used this number.
    #[arg(long, global = true)]
    mchid: Option<String>,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TransferCommand {
    /// Confirm a transfer as the person who is paid, and print its state.
    Confirm {
        /// Its out_bill_no, transfer_bill_no or package_info.
        number: String,
        /// Let the payment fail with this reason (fail_reason), such as ACCOUNT_FROZEN or NAME_NOT_CORRECT.
        #[arg(long, value_name = "REASON")]
        fail: Option<String>,
    },
    /// Refuse a transfer: it fails at once, as it would after 24 hours without confirmation. Print its state.
    Refuse {
        /// Its out_bill_no, transfer_bill_no or package_info.
        number: String,
    },
    /// Authorize a merchant to transfer without confirmation (免确认收款授权).
    Authorize {
        /// The out_authorization_no or package_info.
        number: String,
    },
    /// End an authorization to transfer without confirmation (免确认收款授权).
    EndAuthorization {
        /// The out_authorization_no or package_info.
        number: String,
    },
}

pub(super) fn run(arguments: &Transfer) -> Outcome {
    let (subject, number, action, mut body) = match &arguments.command {
        TransferCommand::Confirm { number, fail } => {
            ("transfers", number, "confirm", json!({ "fail_reason": fail }))
        }
        TransferCommand::Refuse { number } => ("transfers", number, "refuse", json!({})),
        TransferCommand::Authorize { number } => ("authorizations", number, "confirm", json!({})),
        TransferCommand::EndAuthorization { number } => ("authorizations", number, "end", json!({})),
    };
    if let Some(mchid) = &arguments.mchid {
        body["mchid"] = json!(mchid);
    }
    let target = format!("/{subject}/{}/{action}", encoded(number));
    let done = arguments.data.post(&target, &body)?;
    match done["state"].as_str() {
        Some(state) => print(&format!("{state}\n")),
        None => Ok(()),
    }
}
