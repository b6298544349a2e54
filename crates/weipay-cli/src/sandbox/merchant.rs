//! `weipay sandbox merchant`: the merchants of a running sandbox, by its control API.

use std::path::Path;

use serde_json::{Value, json};
use weipay_sandbox::control::Client;

use super::notifications::encoded;
use crate::arguments::{MerchantCommand, NewMerchant, RotateKey, TopUp};
use crate::failure::{Failure, Outcome};
use crate::output::print;

pub(super) fn run(command: &MerchantCommand) -> Outcome {
    match command {
        MerchantCommand::Add(new) => add(new),
        MerchantCommand::TopUp(payment) => top_up(payment),
        MerchantCommand::List { data } => list(data),
        MerchantCommand::RotateKey(rotation) => rotate(rotation),
    }
}

fn list(data: &Path) -> Outcome {
    let client = Client::from_data_dir(data).map_err(Failure::from_control)?;
    let found = client.call("GET", "/merchants", None).map_err(Failure::from_control)?;
    let merchants = found["merchants"].as_array().into_iter().flatten();
    print(&merchants.map(line).collect::<String>())
}

/// One line for each merchant.
fn line(merchant: &Value) -> String {
    let texts = |name: &str| {
        let items = merchant[name].as_array().into_iter().flatten().filter_map(Value::as_str);
        items.collect::<Vec<_>>().join(",")
    };
    let text = |name: &str| merchant[name].as_str().unwrap_or_default();
    let mut line = format!("{}  {}  signed for by {}", text("mchid"), texts("appids"), text("signs"));
    if !texts("sub_merchants").is_empty() {
        line.push_str(&format!("  sub-merchants {}", texts("sub_merchants")));
    }
    if text("certificate") != "valid" {
        line.push_str(&format!("  certificate {}", text("certificate")));
    }
    line.push('\n');
    line
}

fn rotate(rotation: &RotateKey) -> Outcome {
    let client = Client::from_data_dir(&rotation.data).map_err(Failure::from_control)?;
    let target = format!("/merchants/{}/platform-keys/rotation", encoded(&rotation.mchid));
    let body = json!({ "key": rotation.key, "step": rotation.step });
    let merchant = client.call("POST", &target, Some(&body)).map_err(Failure::from_control)?;
    print(&line(&merchant))
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
    let merchant = client.call("POST", "/merchants", Some(&request)).map_err(Failure::from_control)?;
    print(&format!("{}\n", merchant["kit_file"].as_str().unwrap_or_default()))
}

fn top_up(payment: &TopUp) -> Outcome {
    let request = json!({ "fen": payment.fen, "account": payment.account });
    let client = Client::from_data_dir(&payment.data).map_err(Failure::usage)?;
    let target = format!("/merchants/{}/top-up", encoded(&payment.mchid));
    let account = client.call("POST", &target, Some(&request)).map_err(Failure::from_control)?;
    print(&format!("{}\n", account["balance"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_merchant_is_a_line() {
        let merchant = json!({ "mchid": "1900000109", "appids": ["wx1", "wx2"], "sub_merchants": ["1900000110"],
            "certificate": "expired", "signs": "PUB_KEY_ID_1" });
        assert_eq!(
            line(&merchant),
            "1900000109  wx1,wx2  signed for by PUB_KEY_ID_1  sub-merchants 1900000110  certificate expired\n"
        );
    }
}
