//! The operation of the seed page, from a new stock to a coupon without an order.

use serde_json::json;

use crate::merchant::Merchant;

#[test]
fn a_coupon_is_created_sent_associated_and_disassociated() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    assert_eq!(merchant.look_at(&coupon)["coupon_state"], "SENDED");

    let associated = merchant.associate(&coupon, "order-1");
    assert!(merchant.client.verifies(&associated));
    assert!(associated.success()["wechatpay_associate_time"].as_str().unwrap().ends_with("+08:00"));
    assert_eq!(merchant.look_at(&coupon)["associate_out_trade_no"], "order-1");

    let disassociated = merchant.disassociate(&coupon, "order-1");
    assert!(merchant.client.verifies(&disassociated));
    let response = disassociated.success();
    assert_eq!(response.as_object().unwrap().keys().collect::<Vec<_>>(), ["wechatpay_disassociate_time"]);
    let after = merchant.look_at(&coupon);
    assert_eq!((after.get("associate_out_trade_no"), &after["coupon_state"]), (None, &json!("SENDED")));
}

#[test]
fn an_unknown_coupon_is_answered_with_400() {
    let merchant = Merchant::new();
    let mut coupon = merchant.coupon();
    coupon.code = "0".repeat(22);
    for response in [merchant.associate(&coupon, "order-1"), merchant.disassociate(&coupon, "order-1")] {
        assert_eq!(response.status, 400);
        assert_eq!(response.text(), r#"{"code":"INVALID_REQUEST","message":"券不存在"}"#);
        assert!(merchant.client.verifies(&response), "a business error is signed");
    }
}

#[test]
fn a_coupon_of_another_stock_does_not_exist() {
    let (merchant, other) = (Merchant::new(), Merchant::new());
    let coupon = merchant.coupon();
    merchant.associate(&coupon, "order-1").success();
    assert_eq!(other.disassociate(&coupon, "order-1").json()["message"], "券不存在");
    assert_eq!(merchant.look_at(&coupon)["associate_out_trade_no"], "order-1");
}

#[test]
fn another_order_number_is_refused_and_changes_nothing() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    assert_eq!(merchant.disassociate(&coupon, "order-1").refusal(), (400, "INVALID_REQUEST".to_owned()));
    merchant.associate(&coupon, "order-1").success();
    let before = merchant.look_at(&coupon);
    assert_eq!(merchant.disassociate(&coupon, "order-2").refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(merchant.associate(&coupon, "order-2").refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(merchant.look_at(&coupon), before);
}

#[test]
fn a_coupon_that_is_not_usable_is_refused_and_keeps_its_association() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    merchant.associate(&coupon, "order-1").success();
    merchant.use_coupon(&coupon).success();
    let before = merchant.look_at(&coupon);
    for response in [merchant.associate(&coupon, "order-1"), merchant.disassociate(&coupon, "order-1")] {
        assert_eq!(response.text(), r#"{"code":"INVALID_REQUEST","message":"券状态非可用态"}"#);
        assert_eq!(response.status, 400);
    }
    assert_eq!(merchant.look_at(&coupon), before);
    assert_eq!(
        (&before["coupon_state"], &before["associate_out_trade_no"]),
        (&json!("USED"), &json!("order-1"))
    );
}

#[test]
fn a_repeat_gets_the_first_response_and_acts_once() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    let associate = merchant.tie(&coupon, "order-1");
    let disassociate = merchant.tie(&coupon, "order-1");
    let associated = merchant.post("coupons/associate", &associate).success();
    let first = merchant.post("coupons/disassociate", &disassociate).success();
    assert_eq!(merchant.post("coupons/disassociate", &disassociate).success(), first);
    // The repeat of an old associate is answered and does not tie the coupon again.
    assert_eq!(merchant.post("coupons/associate", &associate).success(), associated);
    assert_eq!(merchant.look_at(&coupon).get("associate_out_trade_no"), None);
    // The repeat of an old disassociate does not untie a later association.
    merchant.associate(&coupon, "order-1").success();
    assert_eq!(merchant.post("coupons/disassociate", &disassociate).success(), first);
    assert_eq!(merchant.look_at(&coupon)["associate_out_trade_no"], "order-1");
}

#[test]
fn the_same_number_with_another_body_is_refused_and_changes_nothing() {
    let merchant = Merchant::new();
    let (coupon, other) = (merchant.coupon(), merchant.coupon());
    for coupon in [&coupon, &other] {
        merchant.associate(coupon, "order-1").success();
    }
    let request = merchant.tie(&coupon, "order-1");
    merchant.post("coupons/disassociate", &request).success();
    for (member, value) in [("coupon_code", json!(other.code)), ("out_trade_no", json!("order-2"))] {
        let mut changed = request.clone();
        changed[member] = value;
        let response = merchant.post("coupons/disassociate", &changed);
        assert_eq!(response.refusal(), (400, "INVALID_REQUEST".to_owned()));
    }
    assert_eq!(merchant.look_at(&other)["associate_out_trade_no"], "order-1");
}

#[test]
fn a_refused_number_can_be_used_again() {
    let merchant = Merchant::new();
    let coupon = merchant.coupon();
    let request = merchant.tie(&coupon, "order-1");
    assert_eq!(merchant.post("coupons/disassociate", &request).status, 400);
    merchant.associate(&coupon, "order-1").success();
    merchant.post("coupons/disassociate", &request).success();
}
