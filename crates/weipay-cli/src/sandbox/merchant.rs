//! `weipay sandbox merchant`: the merchants of a running sandbox, by its control API.

use serde_json::json;
use weipay_sandbox::control::Client;

use super::notifications::encoded;
use crate::arguments::{MerchantCommand, NewMerchant, TopUp};
use crate::failure::{Failure, Outcome};
use crate::output::print;

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
