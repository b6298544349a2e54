//! `weipay sandbox transfer`: what the person does who is paid, by the control API of a running sandbox.

use serde_json::json;
use weipay_sandbox::control::Client;

use super::notifications::encoded;
use crate::arguments::{Transfer, TransferCommand};
use crate::failure::{Failure, Outcome};
use crate::output::print;

pub(super) fn run(arguments: &Transfer) -> Outcome {
    let client = Client::from_data_dir(&arguments.data).map_err(Failure::from_control)?;
    let (subject, number, action, body) = match &arguments.command {
        TransferCommand::Confirm { number, fail } => {
            ("transfers", number, "confirm", json!({ "fail_reason": fail }))
        }
        TransferCommand::Refuse { number } => ("transfers", number, "refuse", json!({})),
        TransferCommand::Authorize { number } => ("authorizations", number, "confirm", json!({})),
        TransferCommand::EndAuthorization { number } => ("authorizations", number, "end", json!({})),
    };
    let target = format!("/{subject}/{}/{action}", encoded(number));
    let done = client.call("POST", &target, Some(&body)).map_err(Failure::from_control)?;
    match done["state"].as_str() {
        Some(state) => print(&format!("{state}\n")),
        None => Ok(()),
    }
}
