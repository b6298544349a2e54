//! The number of the client's own merchant is filled in where a request has a field for it and does not set it.

use serde_json::{Value, json};
use weipay::blocking;
use weipay::v3::pay::shared::PayOrderAmount;
use weipay::v3::pay::transactions::{native, out_trade_no};

use crate::apiv2::by_hand;
use crate::platform::{Platform, Seen, signed};

const NATIVE: &str = "v3/pay/transactions/native";
const BY_NUMBER: &str = "v3/pay/transactions/out-trade-no/{out_trade_no}";

fn start(calls: usize) -> (Platform, blocking::Client) {
    let platform = Platform::start(vec![
        signed(
            200,
            r#"{"out_trade_no":"order-1","code_url":"weixin://x","change_scene":"x"}"#
        );
        calls
    ]);
    let client = platform.builder().build_blocking().unwrap();
    (platform, client)
}

fn body(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap()
}

#[test]
fn an_order_names_the_merchant_who_signs_it_in_all_three_styles() {
    let (platform, client) = start(3);
    let own = json!(client.mchid().unwrap().as_str());
    let order = native::post::Request::new()
        .appid("wxd678efh567hg6787")
        .description("tea")
        .out_trade_no("order-1")
        .notify_url("https://example.com/notify")
        .amount(PayOrderAmount::new().total(1));
    assert!(order.check().is_ok(), "the client fills it in: {:?}", order.check());
    client.v3().pay().transactions().native().post(order).unwrap();
    client.chain(NATIVE).post(json!({"out_trade_no": "order-1"})).unwrap();
    client[NATIVE].post(json!({"out_trade_no": "order-1"})).unwrap();
    for _ in 0..3 {
        assert_eq!(body(&platform.seen())["mchid"], own);
    }
}

#[test]
fn a_query_names_it_too() {
    let (platform, client) = start(2);
    let own = client.mchid().unwrap().as_str();
    let request = out_trade_no::out_trade_no::get::Request::new();
    client.v3().pay().transactions().out_trade_no().out_trade_no("order-1").get(request).unwrap();
    client.chain(BY_NUMBER).path("out_trade_no", "order-1").get().unwrap();
    for _ in 0..2 {
        assert_eq!(platform.seen().target, format!("/v3/pay/transactions/out-trade-no/order-1?mchid={own}"));
    }
}

#[test]
fn what_the_caller_set_stays() {
    let (platform, client) = start(3);
    client.chain(NATIVE).post(json!({"mchid": "1900000110"})).unwrap();
    assert_eq!(body(&platform.seen())["mchid"], "1900000110");
    client.chain(NATIVE).post(json!({"mchid": null})).unwrap();
    assert_eq!(body(&platform.seen())["mchid"], Value::Null);
    client.chain(BY_NUMBER).path("out_trade_no", "order-1").query("mchid", "1900000110").get().unwrap();
    assert!(platform.seen().target.ends_with("?mchid=1900000110"));
}

#[test]
fn a_merchant_that_another_may_be_is_not_filled_in() {
    let renamed = r#"{"change_scene":"x","application_id":"1"}"#;
    let platform = Platform::start(vec![signed(200, renamed), signed(200, r#"{"code_url":"weixin://x"}"#)]);
    let client = platform.builder().build_blocking().unwrap();
    let own = client.mchid().unwrap().as_str().to_owned();
    // 目标商户号: the merchant whose account is renamed. An order of a combined payment names its merchant for itself.
    client.chain("v3/aggracct-bc/wb-channel/bank-channel-account/rename").post(json!({"a": 1})).unwrap();
    assert!(!String::from_utf8_lossy(&platform.seen().body).contains(&own));
    client.chain("v3/combine-transactions/native").post(json!({"sub_orders": [{"attach": "a"}]})).unwrap();
    assert_eq!(body(&platform.seen()), json!({"combine_mchid": own, "sub_orders": [{"attach": "a"}]}));
}

#[test]
fn calls_of_apiv2_without_types_have_it_too() {
    let platform = Platform::start(vec![by_hand::success(&[("out_trade_no", "1")])]);
    let client = by_hand::builder(&platform).build_blocking().unwrap();
    client.chain("v2/pay/orderquery").post(json!({"out_trade_no": "1"})).unwrap();
    let elements = by_hand::elements(&platform.seen());
    assert_eq!(by_hand::value(&elements, "mch_id").as_deref(), Some(client.mchid().unwrap().as_str()));
    assert!(by_hand::is_rightly_signed(&elements));
}
