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
    /// Open a red packet, and print its status. An unopened red packet is returned after 24 hours.
    Open {
        /// Its mch_billno or send_listid.
        number: String,
        /// The openid that opens a share of a group red packet (裂变红包) [default: the recipient]. The recipient must open
        /// the first share.
        #[arg(long = "as", value_name = "OPENID")]
        person: Option<String>,
    },
}

pub(super) fn run(arguments: &RedPacket) -> Outcome {
    let RedPacketCommand::Open { number, person } = &arguments.command;
    let body = person.as_ref().map_or_else(|| json!({}), |person| json!({ "openid": person }));
    let opened = arguments.data.post(&format!("/red-packets/{}/open", encoded(number)), &body)?;
    print(&format!("{}\n", opened["status"].as_str().unwrap_or_default()))
}
