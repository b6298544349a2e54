//! APIv2 against a platform over real sockets that signs, reads and writes without our code.

mod bank_payments;
mod bills;
pub mod by_hand;
mod handshake;
mod outcomes;
mod payments;
mod requests;
mod responses;
mod typed;

use serde_json::json;
use weipay::error::ErrorKind;
use weipay::v2::pay::orderquery;
use weipay::{Client, blocking};
use weipay_sandbox::Sandbox;

use crate::shared_sandbox::{SANDBOX, client};

#[test]
fn calls_without_types_by_either_client_are_answered_and_verified() {
    let kit = SANDBOX.kit();
    let body = json!({ "appid": kit.appid, "auth_code": "120269300684844649", "sign_type": "HMAC-SHA256" });
    client().chain("v2/tools/authcodetoopenid").post(&body).unwrap();
    let asynchronous = Client::from_kit(SANDBOX.kit_file()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(asynchronous["v2/tools/authcodetoopenid"].post(&body)).unwrap();
}

#[test]
fn one_number_is_enough_to_ask_for_an_order() {
    let kit = SANDBOX.kit();
    let request = orderquery::post::Request::new().appid(kit.appid.as_str()).transaction_id("4200000000");
    // With or without such an order the request is one that the SDK sends and the gate lets in.
    match client().v2().pay().orderquery().post(request) {
        Ok(response) => assert_eq!(response.decode().unwrap().transaction_id.as_deref(), Some("4200000000")),
        Err(error) => assert_eq!(error.code(), Some("ORDERNOTEXIST"), "{error:#}"),
    }
}

#[test]
fn the_key_of_another_sandbox_is_refused() {
    let other = Sandbox::start().unwrap();
    let mut kit: serde_json::Value =
        serde_json::from_slice(&std::fs::read(SANDBOX.kit_file()).unwrap()).unwrap();
    kit["api_v2_key"] = other.kit().api_v2_key.as_str().into();
    let file = SANDBOX.kit_file().with_file_name("kit-with-another-key.json");
    std::fs::write(&file, kit.to_string()).unwrap();
    let client = blocking::Client::from_kit(&file).unwrap();
    let body = json!({ "appid": kit["appid"], "auth_code": "120269300684844649" });
    let error = client.chain("v2/tools/authcodetoopenid").post(&body).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Api(_)), "{error:#}");
    assert!(error.to_string().contains("签名错误"), "{error:#}");
}
