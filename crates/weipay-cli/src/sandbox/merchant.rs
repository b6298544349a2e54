//! `weipay sandbox merchant`: the merchants of a running sandbox, by its control API.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::control::{DataFolder, encoded};
use crate::arguments::values;
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Subcommand)]
pub(crate) enum MerchantCommand {
    /// Add a merchant (商户) to the sandbox that runs on a data folder, and print the path of its kit.json.
    Add(NewMerchant),
    /// Top up an account of a merchant from its bank, and print the new balance.
    TopUp(TopUp),
    /// List the merchants: merchant ID, appids, and the key with which the platform signs for each.
    List {
        #[command(flatten)]
        data: DataFolder,
    },
    /// Show a merchant as JSON, with the path of its kit.json.
    Show {
        /// Its merchant ID (商户号).
        mchid: String,
        #[command(flatten)]
        data: DataFolder,
    },
    /// Bind more appids to a merchant, allow it to act for more sub-merchants (子商户), and print its line. Existing ones are
    /// kept. A merchant with sub-merchants is a partner (服务商), which sells for them and cannot sell for itself.
    Bind(Bindings),
    /// Take one step in rotating a key with which the platform signs for a merchant, and print the key that signs now.
    RotateKey(RotateKey),
    /// Set the state of a merchant's certificate (商户API证书).
    Certificate {
        /// Its merchant ID (商户号).
        mchid: String,
        /// The state.
        #[arg(value_parser = ["valid", "expired", "revoked", "not-yet-valid"])]
        state: String,
        #[command(flatten)]
        data: DataFolder,
    },
    /// Set the address for the profit sharing notifications (分账动账通知) of a merchant.
    SharingNotices {
        /// Its merchant ID (商户号).
        mchid: String,
        /// The address, or off for no notifications.
        #[arg(value_name = "URL|off")]
        url: String,
        #[command(flatten)]
        data: DataFolder,
    },
    /// Choose the keys with which the platform signs for a merchant.
    PlatformKeys {
        /// Its merchant ID (商户号).
        mchid: String,
        /// Which keys.
        #[arg(value_name = "KIND", value_parser = ["public-key", "certificate", "migration"])]
        kind: String,
        /// In a migration: percentage of notifications signed with the public key, such as 0.1.
        #[arg(long, value_name = "PERCENT")]
        callback_percent: Option<f64>,
        #[command(flatten)]
        data: DataFolder,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    /// Its merchant ID (商户号).
    #[arg(value_name = "MCHID")]
    mchid: String,
    /// begin: add a new key; switch: sign with it; finish: remove the old key.
    #[arg(value_name = "STEP", value_parser = ["begin", "switch", "finish"])]
    step: String,
    /// Which key: the platform certificate (平台证书) or the public key (微信支付公钥).
    #[arg(long, value_name = "KEY", default_value = "certificate", value_parser = ["certificate", "public-key"])]
    key: String,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Args)]
pub(crate) struct NewMerchant {
    #[command(flatten)]
    data: DataFolder,
    /// Its merchant ID (商户号) [default: a free one].
    #[arg(long)]
    mchid: Option<String>,
    /// An appid that is bound to it; may be repeated [default: a new one].
    #[arg(long = "appid", value_name = "APPID")]
    appids: Vec<String>,
    /// A sub-merchant (子商户); may be repeated. It makes the merchant a partner (服务商), which cannot sell for itself.
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
pub(crate) struct Bindings {
    /// Its merchant ID (商户号).
    #[arg(value_name = "MCHID")]
    mchid: String,
    /// An appid; may be repeated.
    #[arg(long = "appid", value_name = "APPID", required_unless_present = "sub_merchants")]
    appids: Vec<String>,
    /// A sub-merchant (子商户); may be repeated. It makes the merchant a partner (服务商), which cannot sell for itself.
    #[arg(long = "sub-merchant", value_name = "MCHID")]
    sub_merchants: Vec<String>,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Args)]
pub(crate) struct TopUp {
    /// Its merchant ID (商户号), or that of a sub-merchant.
    #[arg(value_name = "MCHID")]
    mchid: String,
    /// How much, in fen (分).
    #[arg(value_name = "FEN", value_parser = values::fen)]
    fen: i64,
    /// Which account: operation (运营账户), from which transfers are paid, basic (基本账户) or marketing (营销资金).
    #[arg(long, value_name = "ACCOUNT", default_value = "operation", value_parser = ["operation", "basic", "marketing"])]
    account: String,
    #[command(flatten)]
    data: DataFolder,
}

pub(super) fn run(command: &MerchantCommand) -> Outcome {
    match command {
        MerchantCommand::Add(new) => add(new),
        MerchantCommand::TopUp(payment) => top_up(payment),
        MerchantCommand::List { data } => list(data),
        MerchantCommand::Show { mchid, data } => {
            print(&format!("{:#}\n", data.get(&format!("/merchants/{}", encoded(mchid)))?))
        }
        MerchantCommand::Bind(bindings) => bind(bindings),
        MerchantCommand::RotateKey(rotation) => rotate(rotation),
        MerchantCommand::Certificate { mchid, state, data } => {
            put(data, mchid, "certificate", &json!({ "state": state }))
        }
        MerchantCommand::SharingNotices { mchid, url, data } => share_notices(data, mchid, url),
        MerchantCommand::PlatformKeys { mchid, kind, callback_percent, data } => {
            let mut body = json!({ "mode": kind });
            if let Some(percent) = callback_percent {
                body["callback_percent"] = json!(percent);
            }
            put(data, mchid, "platform-keys", &body)
        }
    }
}

fn share_notices(data: &DataFolder, mchid: &str, url: &str) -> Outcome {
    let body = if url == "off" { json!({}) } else { json!({ "url": url }) };
    let target = format!("/merchants/{}/sharing-notify-url", encoded(mchid));
    let set = data.call("PUT", &target, Some(&body))?;
    print(&match set["url"].as_str() {
        Some(url) => format!("{mchid} gets notifications of profit sharing at {url}\n"),
        None => format!("{mchid} no longer gets notifications of profit sharing\n"),
    })
}

fn list(data: &DataFolder) -> Outcome {
    let found = data.get("/merchants")?;
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
    let target = format!("/merchants/{}/platform-keys/rotation", encoded(&rotation.mchid));
    let body = json!({ "key": rotation.key, "step": rotation.step });
    let merchant = rotation.data.post(&target, &body)?;
    print(&line(&merchant))
}

fn bind(bindings: &Bindings) -> Outcome {
    let target = format!("/merchants/{}/bindings", encoded(&bindings.mchid));
    let body = json!({ "appids": bindings.appids, "sub_merchants": bindings.sub_merchants });
    print(&line(&bindings.data.post(&target, &body)?))
}

/// Changes something about a merchant, and prints its line.
fn put(data: &DataFolder, mchid: &str, what: &str, body: &Value) -> Outcome {
    let merchant = data.call("PUT", &format!("/merchants/{}/{what}", encoded(mchid)), Some(body))?;
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
    let merchant = new.data.post("/merchants", &request)?;
    print(&format!("{}\n", merchant["kit_file"].as_str().unwrap_or_default()))
}

fn top_up(payment: &TopUp) -> Outcome {
    let request = json!({ "fen": payment.fen, "account": payment.account });
    let target = format!("/merchants/{}/top-up", encoded(&payment.mchid));
    let account = payment.data.post(&target, &request)?;
    let name = match payment.account.as_str() {
        "operation" => "operation account (运营账户)",
        "basic" => "basic account (基本账户)",
        _ => "marketing account (营销资金)",
    };
    print(&format!("{} has {} fen in its {name}\n", payment.mchid, account["balance"]))
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
