//! `weipay sandbox pay-score`: what the person does who is served, by the control API of a running sandbox.

use serde_json::json;
use weipay_sandbox::control::Client;

use super::notifications::encoded;
use crate::arguments::{PayScore, PayScoreCommand};
use crate::failure::{Failure, Outcome};

pub(super) fn run(arguments: &PayScore) -> Outcome {
    let client = Client::from_data_dir(&arguments.data).map_err(Failure::usage)?;
    let (number, step, body) = match &arguments.command {
        PayScoreCommand::Confirm { number, openid } => (number, "confirm", json!({ "openid": openid })),
        PayScoreCommand::Decline { number } => (number, "decline", json!({})),
        PayScoreCommand::Pay { number } => (number, "pay", json!({})),
    };
    let target = format!("/service-orders/{}/{step}", encoded(number));
    client.call("POST", &target, Some(&body)).map_err(Failure::failed)?;
    Ok(())
}
