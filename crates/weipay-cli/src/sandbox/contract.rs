//! `weipay sandbox contract`: what the person does whose money is taken by a contract, by the control API of a running sandbox.

use clap::{Args, Subcommand};
use serde_json::json;

use super::control::{DataFolder, encoded};
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct Contract {
    #[command(subcommand)]
    command: ContractCommand,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContractCommand {
    /// Sign a contract as the person, and print its contract_id.
    Sign {
        /// The pre_entrustweb_id, the redirect_url or the out_contract_code (contract_code).
        number: String,
        /// Who signs.
        #[arg(long = "as", value_name = "OPENID")]
        openid: String,
    },
    /// End a contract as the person.
    End {
        /// Its contract_id or out_contract_code (contract_code).
        number: String,
    },
    /// Let only the wallet (零钱) pay from now on, so that a deduction fails when the wallet has too little money.
    Decline {
        /// Its contract_id or out_contract_code (contract_code).
        number: String,
    },
    /// Let the person's bank card pay again.
    Accept {
        /// Its contract_id or out_contract_code (contract_code).
        number: String,
    },
}

pub(super) fn run(arguments: &Contract) -> Outcome {
    let (number, step, body) = match &arguments.command {
        ContractCommand::Sign { number, openid } => (number, "sign", json!({ "openid": openid })),
        ContractCommand::End { number } => (number, "end", json!({})),
        ContractCommand::Decline { number } => (number, "decline", json!({})),
        ContractCommand::Accept { number } => (number, "accept", json!({})),
    };
    let target = format!("/contracts/{}/{step}", encoded(number));
    let done = arguments.data.post(&target, &body)?;
    let text = |name: &str| done[name].as_str();
    match (text("contract_id").or(text("contract_state")), text("pays")) {
        (Some(said), _) => print(&format!("{said}\n")),
        (None, Some("wallet")) => print("only the wallet (零钱) pays for it from now on\n"),
        (None, _) => print("the bank card pays for it again\n"),
    }
}
