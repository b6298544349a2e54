//! The merchants and people of a story, made in the sandbox before the first step.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use weipay::retry::RetryConfig;
use weipay::{ClientBuilder, blocking};
use weipay_sandbox::control::Client;

use super::names::Names;
use super::receiver::Listener;
use super::story::{DEFAULT_MERCHANT, Story, StoryMerchant};
use crate::failure::Failure;

/// The clients of a story's merchants, by name.
pub(super) type Clients = BTreeMap<String, blocking::Client>;

/// Makes all of them, and names them.
pub(super) fn make(
    story: &Story,
    control: &Client,
    kit: &Path,
    listener: &Listener,
    names: &mut Names,
) -> Result<Clients, Failure> {
    let mut clients = Clients::new();
    add(DEFAULT_MERCHANT, kit, control, listener, names, &mut clients)?;
    for merchant in &story.merchants {
        let made = control.call("POST", "/merchants", Some(&new_merchant(merchant, names)));
        let made = made.map_err(|error| Failure::failed(format!("merchant {}: {error:#}", merchant.name)))?;
        let kit = PathBuf::from(made["kit_file"].as_str().unwrap_or_default());
        add(&merchant.name, &kit, control, listener, names, &mut clients)?;
    }
    for person in &story.people {
        let made = control.call("POST", "/people", Some(&json!({}))).map_err(Failure::from_control)?;
        let value = described(&made, story, names);
        names.set(&person.value, value);
    }
    Ok(clients)
}

fn new_merchant(merchant: &StoryMerchant, names: &Names) -> Value {
    let number = |name: &String| match names.get(name).and_then(|found| found["mchid"].as_str()) {
        Some(mchid) => mchid.to_owned(),
        None => name.clone(),
    };
    let mut body = json!({ "sub_merchants": merchant.sub_merchants.iter().map(number).collect::<Vec<_>>() });
    for (name, value) in [("platform_keys", &merchant.platform_keys), ("certificate", &merchant.certificate)]
    {
        if let Some(value) = value {
            body[name] = value.as_str().into();
        }
    }
    body
}

/// A client, a receiver and a name for the merchant of a kit.
fn add(
    name: &str,
    kit: &Path,
    control: &Client,
    listener: &Listener,
    names: &mut Names,
    clients: &mut Clients,
) -> Result<(), Failure> {
    let problem = |reason: String| Failure::usage(format!("{}: {reason}", kit.display()));
    let text = fs::read_to_string(kit).map_err(|error| problem(error.to_string()))?;
    let members: Value = serde_json::from_str(&text).map_err(|error| problem(error.to_string()))?;
    let clock = control.clone();
    let client = ClientBuilder::from_kit(kit)
        .map_err(Failure::usage)?
        // Signatures are judged by the sandbox's clock, which the story moves.
        .clock(move || {
            clock
                .call("GET", "/clock", None)
                .ok()
                .and_then(|clock| clock["unix_seconds"].as_i64())
                .unwrap_or_default()
        })
        // Each step is one request: a story tells of lost responses and refusals.
        .retries(RetryConfig::none())
        .build_blocking()
        .map_err(Failure::usage)?;
    let notify_url = listener.add(name, client.receiver());
    let mut value = json!({ "notify_url": notify_url });
    for member in ["mchid", "appid", "openid", "merchant_serial"] {
        value[member] = members[member].clone();
    }
    names.set(name, value);
    clients.insert(name.to_owned(), client);
    Ok(())
}

/// A person, with `openid` under the usual merchant's appid, and `NAME.openid` under another's.
fn described(made: &Value, story: &Story, names: &Names) -> Value {
    let openid = |name: &str| {
        let appid = names.get(name).and_then(|merchant| merchant["appid"].as_str()).unwrap_or_default();
        made["openids"][appid].clone()
    };
    let mut value = json!({ "unionid": made["unionid"], "openid": openid(story.usual_merchant()) });
    let others = story.merchants.iter().map(|merchant| merchant.name.as_str());
    for name in others.chain([DEFAULT_MERCHANT]) {
        value[name] = json!({ "openid": openid(name) });
    }
    value
}
