//! `weipay sandbox pay-score`: what the person does who is served, by the control API of a running sandbox.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::control::{DataFolder, encoded};
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct PayScore {
    #[command(subcommand)]
    command: PayScoreCommand,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PayScoreCommand {
    /// Confirm an order as the person who is served.
    Confirm {
        /// Its out_order_no, order_id or package.
        number: String,
        /// The openid of the person who confirms.
        #[arg(long = "as", value_name = "OPENID")]
        openid: String,
    },
    /// Let deductions for an order fail from now on, because the person cannot pay.
    Decline {
        /// Its out_order_no, order_id or package.
        number: String,
    },
    /// Authorize a merchant (授权): its orders then need no confirmation.
    Authorize {
        /// The authorization_code or apply_permissions_token.
        number: String,
        /// The openid of the person who authorizes.
        #[arg(long = "as", value_name = "OPENID")]
        openid: String,
    },
    /// End the authorization of a merchant (解除授权).
    EndAuthorization {
        /// The authorization_code or apply_permissions_token.
        number: String,
    },
    /// Print the last payment reminder that the merchant sent to the person, as JSON.
    Messages {
        /// The out_order_no, order_id or package of the order.
        number: String,
    },
    /// Pay a completed order at once, without waiting for a deduction.
    Pay {
        /// Its out_order_no, order_id or package.
        number: String,
    },
}

const ORDERS: &str = "service-orders";
const PERMISSIONS: &str = "pay-score-permissions";

pub(super) fn run(arguments: &PayScore) -> Outcome {
    let (things, number, step, body) = match &arguments.command {
        PayScoreCommand::Messages { number } => {
            let told = arguments.data.get(&format!("/{ORDERS}/{}/messages", encoded(number)))?;
            return print(&format!("{told:#}\n"));
        }
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
    let done = arguments.data.post(&target, &body)?;
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
        assert_eq!(
            shown(&json!({ "state": "DOING", "state_description": "USER_CONFIRM", "declines": true })),
            "DOING (USER_CONFIRM), and deductions fail\n"
        );
        assert_eq!(shown(&json!({ "state": "closed" })), "closed\n");
    }
}
