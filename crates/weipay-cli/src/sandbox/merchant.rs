//! `weipay sandbox merchant`: the merchants of a running sandbox, by its control API.

use serde_json::json;
use weipay_sandbox::control::Client;

use crate::arguments::{MerchantCommand, NewMerchant};
use crate::failure::{Failure, Outcome};
use crate::output::print;

pub(super) fn run(command: &MerchantCommand) -> Outcome {
    match command {
        MerchantCommand::Add(new) => add(new),
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
