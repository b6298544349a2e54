//! `weipay sandbox contract`: what the person does whose money is taken by a contract, by the control API of a running sandbox.

use serde_json::json;
use weipay_sandbox::control::Client;

use super::notifications::encoded;
use crate::arguments::{Contract, ContractCommand};
use crate::failure::{Failure, Outcome};
use crate::output::print;

pub(super) fn run(arguments: &Contract) -> Outcome {
    let client = Client::from_data_dir(&arguments.data).map_err(Failure::from_control)?;
    let (number, step, body) = match &arguments.command {
        ContractCommand::Sign { number, openid } => (number, "sign", json!({ "openid": openid })),
        ContractCommand::End { number } => (number, "end", json!({})),
        ContractCommand::Decline { number } => (number, "decline", json!({})),
        ContractCommand::Accept { number } => (number, "accept", json!({})),
    };
    let target = format!("/contracts/{}/{step}", encoded(number));
    let done = client.call("POST", &target, Some(&body)).map_err(Failure::from_control)?;
    let text = |name: &str| done[name].as_str();
    match (text("contract_id").or(text("contract_state")), text("pays")) {
        (Some(said), _) => print(&format!("{said}\n")),
        (None, Some("wallet")) => print("only the wallet (零钱) pays for it from now on\n"),
        (None, _) => print("the bank card pays for it again\n"),
    }
}
