//! `weipay sandbox red-packet`: a person opens one, by the control API of a running sandbox.

use clap::{Args, Subcommand};
use serde_json::json;

use super::control::{DataFolder, encoded};
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct RedPacket {
    #[command(subcommand)]
    command: RedPacketCommand,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RedPacketCommand {
    /// Open a red packet, and print its status. One that nobody opens is given back after 24 hours.
    Open {
        /// Its mch_billno or send_listid.
        number: String,
    },
}

pub(super) fn run(arguments: &RedPacket) -> Outcome {
    let RedPacketCommand::Open { number } = &arguments.command;
    let opened = arguments.data.post(&format!("/red-packets/{}/open", encoded(number)), &json!({}))?;
    print(&format!("{}\n", opened["status"].as_str().unwrap_or_default()))
}
