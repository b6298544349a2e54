//! Operations without behaviour answer from the catalogue, say so, and change nothing.

use serde_json::json;

use crate::merchant::{Merchant, number};

#[test]
fn an_operation_without_behaviour_answers_an_example_and_says_so() {
    let merchant = Merchant::new();
    let before = merchant.look_at_stock();
    let path = format!("stocks/{}/budget", merchant.stock_id);
    let body =
        json!({"target_max_coupons": 5, "current_max_coupons": 1000, "modify_budget_request_no": number()});
    let target = format!("{}/{path}", crate::merchant::FAMILY);
    let request = merchant.client.request("PATCH", &target, body.to_string().as_bytes());
    let reply = merchant.client.send(&request);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("Weipay-Sandbox-Answer"), Some("example"));
    assert!(reply.json()["max_coupons"].is_number());
    assert!(merchant.client.verifies(&reply));
    assert_eq!(merchant.look_at_stock(), before);
}

#[test]
fn its_request_is_still_held_against_the_catalogue() {
    let merchant = Merchant::new();
    let reply = merchant.post("callbacks", &json!({}));
    assert_eq!(reply.refusal(), (400, "PARAM_ERROR".to_owned()));
    assert!(reply.json()["message"].as_str().unwrap().contains("/body/notify_url"));
}

#[test]
fn an_example_without_a_body_is_signed_too_and_changes_nothing() {
    let merchant = Merchant::new();
    let before = merchant.look_at_stock();
    let target = format!("{}/stocks/{}", crate::merchant::FAMILY, merchant.stock_id);
    let body = serde_json::json!({ "out_request_no": crate::merchant::number(), "goods_name": "另一种" })
        .to_string();
    let reply = merchant.client.send(&merchant.client.request("PATCH", &target, body.as_bytes()));
    assert_eq!((reply.status, reply.text()), (204, ""));
    assert_eq!(reply.header("Weipay-Sandbox-Answer"), Some("example"));
    assert!(merchant.client.verifies(&reply));
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
