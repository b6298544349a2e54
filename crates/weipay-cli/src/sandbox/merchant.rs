//! `weipay sandbox merchant`: the merchants of a running sandbox, by its control API.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use weipay_sandbox::control::Client;

use super::notifications::encoded;
use crate::failure::{Failure, Outcome};
use crate::output::print;

#[derive(Debug, Subcommand)]
pub(crate) enum MerchantCommand {
    /// Add a merchant (商户) to the sandbox that runs on a data folder, and print the path of its kit.json.
    Add(NewMerchant),
    /// Put money into an account of a merchant, from its bank, and print what is in the account then.
    TopUp(TopUp),
}

#[derive(Debug, Args)]
pub(crate) struct NewMerchant {
    /// The data folder of the running sandbox.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    data: PathBuf,
    /// Its merchant ID (商户号) [default: a free one].
    #[arg(long)]
    mchid: Option<String>,
    /// An appid that is bound to it; may be repeated [default: a new one].
    #[arg(long = "appid", value_name = "APPID")]
    appids: Vec<String>,
    /// A merchant that it acts for (子商户), as a partner (服务商) does; may be repeated.
    #[arg(long = "sub-merchant", value_name = "MCHID")]
    sub_merchants: Vec<String>,
    /// The keys with which the platform signs for it.
    #[arg(long, value_name = "KIND", default_value = "public-key", value_parser = ["public-key", "certificate", "migration"])]
    platform_keys: String,
    /// The state of its certificate (商户API证书).
    #[arg(long, value_name = "STATE", default_value = "valid", value_parser = ["valid", "expired", "revoked", "not-yet-valid"])]
    certificate: String,
}

#[derive(Debug, Args)]
pub(crate) struct TopUp {
    /// Its merchant ID (商户号), or that of a sub-merchant.
    #[arg(value_name = "MCHID")]
    mchid: String,
    /// How much, in fen (分).
    #[arg(value_name = "FEN", value_parser = clap::value_parser!(i64).range(1..))]
    fen: i64,
    /// Which account: operation (运营账户), from which transfers are paid, basic (基本账户) or marketing (营销资金).
    #[arg(long, value_name = "ACCOUNT", default_value = "operation", value_parser = ["operation", "basic", "marketing"])]
    account: String,
    /// The data folder of the running sandbox.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    data: PathBuf,
}

pub(super) fn run(command: &MerchantCommand) -> Outcome {
    match command {
        MerchantCommand::Add(new) => add(new),
        MerchantCommand::TopUp(payment) => top_up(payment),
    }
}

fn add(new: &NewMerchant) -> Outcome {
    let mut request = json!({
        "appids": new.appids,
        "sub_merchants": new.sub_merchants,
        "platform_keys": new.platform_keys,
        "certificate": new.certificate,
    });
    if let Some(mchid) = &new.mchid {
        request["mchid"] = mchid.as_str().into();
    }
    let client = Client::from_data_dir(&new.data).map_err(Failure::usage)?;
    let merchant = client.call("POST", "/merchants", Some(&request)).map_err(Failure::failed)?;
    print(&format!("{}\n", merchant["kit_file"].as_str().unwrap_or_default()))
}

fn top_up(payment: &TopUp) -> Outcome {
    let request = json!({ "fen": payment.fen, "account": payment.account });
    let client = Client::from_data_dir(&payment.data).map_err(Failure::usage)?;
    let target = format!("/merchants/{}/top-up", encoded(&payment.mchid));
    let account = client.call("POST", &target, Some(&request)).map_err(Failure::failed)?;
    print(&format!("{}\n", account["balance"]))
}
