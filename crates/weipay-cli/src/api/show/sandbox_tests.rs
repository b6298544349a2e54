//! What a page prints as its command is taken by a sandbox, as it stands: every operation of APIv3 that has one.

use clap::Parser;
use serde_json::Value;
use weipay::blocking::Client;
use weipay_catalog::Catalog;
use weipay_catalog::sample::request as sample;
use weipay_sandbox::{ANSWER_HEADER, Behaviour, PlatformKeys, Sandbox};

use super::{command_line, find, now};
use crate::arguments::{self, Arguments};

/// The operations that the sandbox keeps state of, in an order in which each finds what it needs: a stock, a coupon of it,
/// an order that the coupon is tied to, a use that is taken back.
const STORY: [(&str, &str); 16] = [
    ("GET", "v3/certificates"),
    ("POST", "v3/security/echo"),
    ("POST", "v3/marketing/busifavor/stocks"),
    ("GET", "v3/marketing/busifavor/stocks/{stock_id}"),
    ("PATCH", "v3/marketing/busifavor/stocks/{stock_id}"),
    ("PATCH", "v3/marketing/busifavor/stocks/{stock_id}/budget"),
    ("POST", "v3/marketing/busifavor/coupons/send"),
    ("GET", "v3/marketing/busifavor/users/{openid}/coupons"),
    ("GET", "v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}"),
    ("POST", "v3/marketing/busifavor/coupons/associate"),
    ("POST", "v3/marketing/busifavor/coupons/disassociate"),
    ("POST", "v3/marketing/busifavor/coupons/use"),
    ("POST", "v3/marketing/busifavor/coupons/return"),
    ("POST", "v3/marketing/busifavor/coupons/deactivate"),
    // Last, so that nothing is sent to the address of the sample.
    ("POST", "v3/marketing/busifavor/callbacks"),
    ("GET", "v3/marketing/busifavor/callbacks"),
];

/// Operations with rules that samples of single fields do not follow: the sums of a batch, one of two numbers, an
/// account of the type that another field names, a contract of the merchant that is paid.
const RULES_BETWEEN_FIELDS: [(&str, &str); 15] = [
    // A receipt of a batch needs the number of the batch too.
    ("GET", "v3/transfer-detail/electronic-receipts"),
    ("POST", "v3/transfer-detail/electronic-receipts"),
    ("POST", "v3/transfer/batches"),
    ("POST", "v3/partner-transfer/batches"),
    ("GET", "v3/payscore/serviceorder"),
    ("GET", "v3/payscore/partner/serviceorder"),
    ("POST", "v3/payscore/partner/serviceorder/direct-complete"),
    ("GET", "v3/payscore/partner/permissions/search"),
    ("POST", "v3/payscore/partner/permissions/terminate"),
    ("POST", "v3/payscore/permissions/assess-user-risk-level"),
    ("POST", "v3/payscore/partner/permissions/assess-user-risk-level"),
    ("POST", "v3/profitsharing/receivers/add"),
    ("POST", "v3/brand/profitsharing/receivers/add"),
    ("POST", "v3/ecommerce/profitsharing/receivers/add"),
    ("POST", "v3/pay/partner/transactions/app-with-contract"),
];

/// A sandbox's response.
struct SandboxResponse {
    /// `state` or `example`.
    origin: String,
    body: Value,
}

/// Makes the call that the words make.
fn call(client: &Client, words: &[String]) -> Result<SandboxResponse, weipay::Error> {
    let arguments::Command::Call(given) = Arguments::try_parse_from(words).unwrap().command else {
        panic!("{words:?}")
    };
    let mut request = client.chain(&given.path);
    for (name, value) in &given.values {
        request = request.path(name, value);
    }
    for (name, value) in &given.query {
        request = request.query(name, value);
    }
    for (name, value) in &given.header {
        request = request.header(name, value);
    }
    let reply = request.request(given.method, given.json)?;
    let origin = reply.headers()[ANSWER_HEADER].to_str().unwrap().to_owned();
    Ok(SandboxResponse { origin, body: reply.json().unwrap_or_default() })
}

/// The text or number that has this name, at whatever depth.
fn named(value: &Value, name: &str) -> Option<Value> {
    let members = value.as_object()?;
    let own = members.get(name).filter(|member| member.is_string() || member.is_number()).cloned();
    own.or_else(|| members.values().find_map(|member| named(member, name)))
}

#[test]
fn every_command_is_accepted_by_a_sandbox() {
    let sandbox = Sandbox::builder().platform_keys(PlatformKeys::Migration).start().unwrap();
    let client = Client::from_kit(sandbox.kit_file()).unwrap();
    let (mut examples, mut refused) = (0, Vec::new());
    for operation in Catalog::embedded().operations().filter(|found| found.path.starts_with("v3/")) {
        let Ok(words) = command_line::words(&sample::with_current_values(operation, now())) else {
            assert!(!operation.request.multipart.is_empty(), "{}", operation.path);
            continue;
        };
        // What has state is told as a story below: most of it needs what another operation made.
        if STORY.contains(&(operation.method, operation.path)) {
            continue;
        }
        let has_state = Behaviour::from_operation(operation) == Behaviour::State;
        let has_rules = RULES_BETWEEN_FIELDS.contains(&(operation.method, operation.path));
        match call(&client, &words) {
            Ok(response) if response.origin == "example" => examples += 1,
            Ok(response) => assert_eq!(response.origin, "state", "{}", operation.path),
            // Of what has state and is not in the story, the numbers are unknown, but the form must be right.
            Err(error) if has_state && (has_rules || error.code() != Some("PARAM_ERROR")) => {}
            Err(error) => refused.push(format!("{}\n  {error}", command_line::quoted(&words))),
        }
    }
    assert!(refused.is_empty(), "{}:\n{}", refused.len(), refused.join("\n"));
    assert!(examples > 650, "{examples}");
}

#[test]
fn commands_with_the_numbers_of_a_story_tell_it() {
    let sandbox = Sandbox::builder().platform_keys(PlatformKeys::Migration).start().unwrap();
    let client = Client::from_kit(sandbox.kit_file()).unwrap();
    // What a caller knows from earlier responses, by the name that a later request has for it.
    let mut known: Vec<(&str, Value)> = Vec::new();
    for (method, path) in STORY {
        let operation = Catalog::embedded().find(method, path).unwrap();
        let mut asked = path.to_owned();
        for (name, value) in &known {
            asked = asked.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default());
        }
        let mut words =
            command_line::words(&find::with_ids_of(sample::with_current_values(operation, now()), &asked))
                .unwrap();
        if let Some(at) = words.iter().position(|word| word == "--json") {
            let mut body: Value = serde_json::from_str(&words[at + 1]).unwrap();
            for (name, value) in &known {
                if let Some(member) = body.get_mut(*name) {
                    *member = value.clone();
                }
            }
            words[at + 1] = body.to_string();
        }
        let response = call(&client, &words).unwrap_or_else(|error| panic!("{words:?}\n{error}"));
        assert_eq!(response.origin, "state", "{path}");
        for (returned, asked) in
            [("stock_id", "stock_id"), ("coupon_code", "coupon_code"), ("max_coupons", "current_max_coupons")]
        {
            let is_new = known.iter().all(|(name, _)| *name != asked);
            known.extend(named(&response.body, returned).filter(|_| is_new).map(|value| (asked, value)));
        }
    }
    assert_eq!(known.len(), 3, "{known:?}");
}
