//! `weipay sandbox person`: the people of a running sandbox, by its control API.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::control::{DataFolder, encoded};
use crate::arguments::values;
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct Person {
    #[command(subcommand)]
    command: PersonCommand,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// Add a person with an openid under each appid, and print them. Any well-formed openid also works without this command.
    Add,
    /// Print the openid under each appid of a person who was added.
    Show {
        /// An openid or the unionid.
        id: String,
    },
    /// Print the openid under one appid of a person who was added. The appid may have been bound to a merchant later.
    Openid {
        /// An openid or the unionid.
        id: String,
        /// The appid.
        appid: String,
    },
    /// Print the balance of the wallet (零钱) of a person, in fen (分).
    Wallet {
        /// An openid or the unionid.
        id: String,
    },
    /// Top up the wallet (零钱) of a person from the bank, and print the new balance.
    TopUp {
        /// An openid or the unionid.
        id: String,
        /// How much, in fen (分).
        #[arg(value_name = "FEN", value_parser = values::fen)]
        fen: i64,
    },
    /// Freeze, cancel or restore the account of a person.
    Account {
        /// An openid or the unionid.
        id: String,
        /// The new state of the account.
        #[arg(value_name = "STATE", value_parser = weipay_sandbox::AccountState::WORDS)]
        state: String,
    },
}

pub(super) fn run(arguments: &Person) -> Outcome {
    let data = &arguments.data;
    match &arguments.command {
        PersonCommand::Add => print(&openids(&data.post("/people", &json!({}))?)),
        PersonCommand::Show { id } => print(&openids(&data.get(&format!("/people/{}", encoded(id)))?)),
        PersonCommand::Openid { id, appid } => {
            let found = data.get(&format!("/people/{}/openids/{}", encoded(id), encoded(appid)))?;
            print(&format!("{}\n", found["openid"].as_str().unwrap_or_default()))
        }
        PersonCommand::Wallet { id } => {
            let found = data.get(&format!("/people/{}/wallet", encoded(id)))?;
            print(&format!("{}\n", found["wallet"]))
        }
        PersonCommand::TopUp { id, fen } => {
            let target = format!("/people/{}/top-up", encoded(id));
            let filled = data.post(&target, &json!({ "fen": fen }))?;
            print(&format!("{id} has {} fen in the wallet (零钱)\n", filled["wallet"]))
        }
        PersonCommand::Account { id, state } => {
            let target = format!("/people/{}/account", encoded(id));
            let account = data.post(&target, &json!({ "state": state }))?;
            print(&format!("{}\n", account["state"].as_str().unwrap_or_default()))
        }
    }
}

/// The unionid, then an appid with its openid on each line.
fn openids(person: &Value) -> String {
    let mut text = format!("unionid  {}\n", person["unionid"].as_str().unwrap_or_default());
    for (appid, openid) in person["openids"].as_object().into_iter().flatten() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{appid}  {}", openid.as_str().unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_openid_is_a_line() {
        let person = json!({ "unionid": "oU", "openids": { "wx1": "o1", "wx2": "o2" } });
        assert_eq!(openids(&person), "unionid  oU\nwx1  o1\nwx2  o2\n");
    }
}
