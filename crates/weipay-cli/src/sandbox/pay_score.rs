//! `weipay sandbox pay-score`: what the person does who is served, by the control API of a running sandbox.

use serde_json::json;
use weipay_sandbox::control::Client;

use super::notifications::encoded;
use crate::arguments::{PayScore, PayScoreCommand};
use crate::failure::{Failure, Outcome};

const ORDERS: &str = "service-orders";
const PERMISSIONS: &str = "pay-score-permissions";

pub(super) fn run(arguments: &PayScore) -> Outcome {
    let client = Client::from_data_dir(&arguments.data).map_err(Failure::usage)?;
    let (things, number, step, body) = match &arguments.command {
        PayScoreCommand::Confirm { number, openid } => {
            (ORDERS, number, "confirm", json!({ "openid": openid }))
        }
        PayScoreCommand::Decline { number } => (ORDERS, number, "decline", json!({})),
        PayScoreCommand::Pay { number } => (ORDERS, number, "pay", json!({})),
        PayScoreCommand::Authorize { number, openid } => {
            (PERMISSIONS, number, "open", json!({ "openid": openid }))
        }
        PayScoreCommand::EndAuthorization { number } => (PERMISSIONS, number, "close", json!({})),
    };
    let target = format!("/{things}/{}/{step}", encoded(number));
    client.call("POST", &target, Some(&body)).map_err(Failure::failed)?;
    Ok(())
}
