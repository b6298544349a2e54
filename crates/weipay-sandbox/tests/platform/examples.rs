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
