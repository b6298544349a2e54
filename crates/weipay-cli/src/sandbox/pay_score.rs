//! `weipay sandbox pay-score`: what the person does who is served, by the control API of a running sandbox.

use serde_json::{Value, json};
use weipay_sandbox::control::Client;

use super::notifications::encoded;
use crate::arguments::{PayScore, PayScoreCommand};
use crate::failure::{Failure, Outcome};
use crate::output::print;

const ORDERS: &str = "service-orders";
const PERMISSIONS: &str = "pay-score-permissions";

pub(super) fn run(arguments: &PayScore) -> Outcome {
    let client = Client::from_data_dir(&arguments.data).map_err(Failure::from_control)?;
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
    let done = client.call("POST", &target, Some(&body)).map_err(Failure::from_control)?;
    print(&shown(&done))
}

/// The state, and what the API says beside it.
fn shown(done: &Value) -> String {
    let mut text = done["state"].as_str().unwrap_or_default().to_owned();
    if let Some(description) = done["state_description"].as_str() {
        text.push_str(&format!(" ({description})"));
    }
    if done["declines"] == true {
        text.push_str(", and deductions fail");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_the_state_in_the_words_of_the_api() {
        let shown_of = |value: Value| shown(&value);
        assert_eq!(
            shown_of(json!({ "state": "DOING", "state_description": "USER_CONFIRM", "declines": true })),
            "DOING (USER_CONFIRM), and deductions fail\n"
        );
        assert_eq!(shown_of(json!({ "state": "closed" })), "closed\n");
    }
}
