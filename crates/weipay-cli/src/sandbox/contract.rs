//! `weipay sandbox contract`: what the person does whose money is taken by a contract, by the control API of a running sandbox.

use serde_json::json;
use weipay_sandbox::control::Client;

use super::notifications::encoded;
use crate::arguments::{Contract, ContractCommand};
use crate::failure::{Failure, Outcome};
use crate::output::print;

pub(super) fn run(arguments: &Contract) -> Outcome {
    let client = Client::from_data_dir(&arguments.data).map_err(Failure::usage)?;
    let (number, step, body) = match &arguments.command {
        ContractCommand::Sign { number, openid } => (number, "sign", json!({ "openid": openid })),
        ContractCommand::End { number } => (number, "end", json!({})),
        ContractCommand::Decline { number } => (number, "decline", json!({})),
        ContractCommand::Accept { number } => (number, "accept", json!({})),
    };
    let target = format!("/contracts/{}/{step}", encoded(number));
    let done = client.call("POST", &target, Some(&body)).map_err(Failure::failed)?;
    match done["contract_id"].as_str() {
        Some(contract_id) => print(&format!("{contract_id}\n")),
        None => Ok(()),
    }
}
