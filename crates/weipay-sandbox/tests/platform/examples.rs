//! Operations without behaviour respond from the catalogue, say so, and change nothing.

use serde_json::json;
use weipay_catalog::Catalog;
use weipay_sandbox::Behaviour;

use crate::merchant::Merchant;

/// 医保自费混合订单: the sandbox keeps no state of it.
const MIXED_ORDER: &str = "202204022005169952975171534816";
const MIXED_ORDERS: &str = "/v3/med-ins/orders/mix-trade-no";

#[test]
fn an_operation_without_behaviour_responds_with_an_example_and_says_so() {
    let merchant = Merchant::new();
    let before = merchant.look_at_stock();
    let response = merchant.client.get(&format!("{MIXED_ORDERS}/{MIXED_ORDER}"));
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("Weipay-Sandbox-Answer"), Some("example"));
    assert_eq!(response.json()["mix_trade_no"], MIXED_ORDER, "what was given is repeated");
    assert!(response.json()["total_fee"].is_number());
    assert!(merchant.client.verifies(&response));
    assert_eq!(merchant.look_at_stock(), before);
}

#[test]
fn its_request_is_still_held_against_the_catalogue() {
    let merchant = Merchant::new();
    let response = merchant.post("callbacks", &json!({}));
    assert_eq!(response.refusal(), (400, "PARAM_ERROR".to_owned()));
    assert!(response.json()["message"].as_str().unwrap().contains("/body/notify_url"));
}

#[test]
fn an_example_without_a_body_is_signed_too_and_changes_nothing() {
    let merchant = Merchant::new();
    let before = merchant.look_at_stock();
    let request = merchant.client.request("DELETE", "/v3/merchant-risk-manage/violation-notifications", b"");
    let response = merchant.client.send(&request);
    assert_eq!((response.status, response.text()), (204, ""));
    assert_eq!(response.header("Weipay-Sandbox-Answer"), Some("example"));
    assert!(merchant.client.verifies(&response));
    assert_eq!(merchant.look_at_stock(), before);
}

#[test]
fn a_value_that_the_path_has_given_must_not_stand_in_the_body() {
    let merchant = Merchant::new();
    let target = format!("{}/stocks/{}", crate::merchant::FAMILY, merchant.stock_id);
    let body =
        serde_json::json!({ "out_request_no": crate::merchant::number(), "stock_id": merchant.stock_id });
    let request = merchant.client.request("PATCH", &target, body.to_string().as_bytes());
    assert_eq!(
        merchant.client.send(&request).json()["message"],
        "无法将输入源“/body/stock_id”映射到目标字段“批次号”中，此字段并非多重字段但被输入源“/uri_template/stock_id”映射过了"
    );
}

#[test]
fn whoever_wants_no_examples_gets_none() {
    let sandbox = crate::sandbox().examples(false).start().unwrap();
    let merchant = Merchant::in_sandbox(&sandbox);
    let response = merchant.client.get(&format!("{MIXED_ORDERS}/{MIXED_ORDER}"));
    assert_eq!(response.refusal(), (501, "NOT_IMPLEMENTED".to_owned()));
    assert!(merchant.client.verifies(&response));
    // What has state is served, and what is malformed is still told.
    merchant.look_at_stock();
    assert_eq!(merchant.post("subsidy/pay-receipts", &json!({})).refusal().0, 400);
}

#[test]
fn every_operation_of_merchant_coupons_does_what_is_asked() {
    let without = Catalog::embedded()
        .operations()
        .filter(|operation| operation.path.starts_with("v3/marketing/busifavor/"))
        .filter(|operation| Behaviour::from_operation(operation) != Behaviour::State);
    assert_eq!(without.map(|operation| operation.path).collect::<Vec<_>>(), Vec::<&str>::new());
}
