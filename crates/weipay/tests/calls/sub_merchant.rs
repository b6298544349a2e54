//! Partner mode (服务商模式): the sub-merchant is filled in where a request has a field for it and does not set it.

use serde_json::{Value, json};
use weipay::v3::pay::partner::transactions::{native, out_trade_no};
use weipay::v3::pay::shared::PayOrderAmount;
use weipay::wire::MerchantId;
use weipay::{SubMerchant, blocking};

use crate::apiv2::by_hand;
use crate::platform::{Platform, Seen, signed};

const NATIVE: &str = "v3/pay/partner/transactions/native";

fn shop() -> SubMerchant {
    SubMerchant::new(MerchantId::new("1900000109").unwrap()).appid("wxd678efh567hg6999")
}

fn start(calls: usize) -> (Platform, blocking::Client) {
    // Of orders, and of what else is called here.
    let body =
        r#"{"out_trade_no":"order-1","code_url":"weixin://x","account_type":"x","available_amount":1}"#;
    let platform = Platform::start(vec![signed(200, body); calls]);
    let client = platform.builder().check_requests(false).build_blocking().unwrap().for_sub_merchant(shop());
    (platform, client)
}

fn body(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap()
}

#[test]
fn it_is_filled_into_the_body_in_all_three_styles() {
    let (platform, client) = start(3);
    client.v3().pay().partner().transactions().native().post(native::post::Request::new()).unwrap();
    client.chain(NATIVE).post(json!({"out_trade_no": "order-1"})).unwrap();
    client[NATIVE].post(json!({"out_trade_no": "order-1"})).unwrap();
    for _ in 0..3 {
        let body = body(&platform.seen());
        assert_eq!(
            (&body["sub_mchid"], &body["sub_appid"]),
            (&json!("1900000109"), &json!("wxd678efh567hg6999"))
        );
    }
}

#[test]
fn a_request_that_needs_it_is_complete_with_it() {
    let platform = Platform::start(vec![signed(200, r#"{"code_url":"weixin://x"}"#)]);
    let client = platform.builder().sub_merchant(shop()).build_blocking().unwrap();
    let request = native::post::Request::new()
        .sp_appid("wxd678efh567hg6787")
        .sp_mchid("1900000001")
        .description("tea")
        .out_trade_no("order-1")
        .notify_url("https://example.com/notify")
        .amount(PayOrderAmount::new().total(1).currency("CNY"));
    client.v3().pay().partner().transactions().native().post(request).unwrap();
    assert_eq!(body(&platform.seen())["sub_mchid"], "1900000109");
}

#[test]
fn it_is_filled_into_query_and_path() {
    let (platform, client) = start(4);
    let by_number = "v3/pay/partner/transactions/out-trade-no/{out_trade_no}";
    let query = out_trade_no::out_trade_no::get::Request::new().sp_mchid("1900000001");
    client.v3().pay().partner().transactions().out_trade_no().out_trade_no("order-1").get(query).unwrap();
    client.chain(by_number).path("out_trade_no", "order-1").query("sp_mchid", "1900000001").get().unwrap();
    for _ in 0..2 {
        let target = platform.seen().target;
        assert!(target.contains("sub_mchid=1900000109") && !target.contains("sub_appid"), "{target}");
    }
    client.chain("v3/apply4sub/sub_merchants/{sub_mchid}/settlement").get().unwrap();
    assert_eq!(platform.seen().target, "/v3/apply4sub/sub_merchants/1900000109/settlement");
    client.chain("v3/apply4sub/sub_merchants/1900000110/settlement").get().unwrap();
    assert_eq!(platform.seen().target, "/v3/apply4sub/sub_merchants/1900000110/settlement");
}

#[test]
fn what_the_caller_set_stays_and_what_nobody_knows_is_left_alone() {
    let (platform, client) = start(8);
    let other = native::post::Request::new().sub_mchid("1900000110");
    client.v3().pay().partner().transactions().native().post(other).unwrap();
    assert_eq!(body(&platform.seen())["sub_mchid"], "1900000110");
    client.chain(NATIVE).post(json!({"sub_mchid": "1900000110"})).unwrap();
    assert_eq!(body(&platform.seen())["sub_mchid"], "1900000110");
    client.chain(NATIVE).post(json!({"sub_mchid": null})).unwrap();
    assert_eq!(body(&platform.seen())["sub_mchid"], Value::Null);
    let by_number = client.chain("v3/pay/partner/transactions/out-trade-no/{out_trade_no}");
    by_number.path("out_trade_no", "order-1").query("sub_mchid", "1900000110").get().unwrap();
    assert!(!platform.seen().target.contains("1900000109"));
    // A query that stands in the path. A name that comes twice would be refused by the platform.
    let whole = "v3/pay/partner/transactions/out-trade-no/order-1?sub_mchid=1900000110&sp_mchid=1900000001";
    client.chain(whole).get().unwrap();
    assert_eq!(platform.seen().target, format!("/{whole}"));
    // An operation of merchants without partners, a path that the catalogue does not have, and the orders of a combined payment.
    client.chain("v3/merchant/fund/balance/BASIC").get().unwrap();
    client.chain("v3/no/such/path").post(json!({"out_trade_no": "1"})).unwrap();
    client.chain("v3/combine-transactions/native").post(json!({"sub_orders": [{"mchid": "1"}]})).unwrap();
    for _ in 0..3 {
        let seen = platform.seen();
        let sent = format!("{} {}", seen.target, String::from_utf8_lossy(&seen.body));
        assert!(!sent.contains("1900000109"), "{sent}");
    }
}

#[test]
fn what_would_act_for_the_partner_is_not_sent() {
    let (platform, client) = start(0);
    let direct = "v3/pay/transactions/out-trade-no/order-1";
    for result in [
        client.chain("v3/pay/transactions/native").post(json!({"out_trade_no": "order-1"})),
        client["v3/pay/transactions/native"].post(json!({"out_trade_no": "order-1"})),
        client.chain(&format!("{direct}/close")).post(json!({})),
        client.chain(direct).get(),
    ] {
        let error = result.unwrap_err();
        assert!(!error.may_have_taken_effect());
        assert!(error.to_string().contains("v3/pay/partner/transactions/"), "{error}");
    }
    let request = weipay::v3::pay::transactions::native::post::Request::new().out_trade_no("order-1");
    client.v3().pay().transactions().native().post(request).unwrap_err();
    assert!(!platform.saw_more());
}

#[test]
fn it_has_its_name_of_apiv2_there() {
    let platform = Platform::start(vec![by_hand::success(&[("out_trade_no", "1")]); 2]);
    let client = by_hand::builder(&platform).sub_merchant(shop()).build_blocking().unwrap();
    client.chain("v2/pay/orderquery").post(json!({"mch_id": "1900000001", "out_trade_no": "1"})).unwrap();
    let elements = by_hand::elements(&platform.seen());
    assert_eq!(by_hand::value(&elements, "sub_mch_id").as_deref(), Some("1900000109"));
    assert_eq!(by_hand::value(&elements, "sub_appid").as_deref(), Some("wxd678efh567hg6999"));
    assert_eq!(by_hand::value(&elements, "sub_mchid"), None);
    assert!(by_hand::is_rightly_signed(&elements));
}

#[test]
fn it_can_be_seen() {
    let (_platform, client) = start(0);
    assert_eq!(client.sub_merchant(), Some(&shop()));
    for shown in [format!("{client:?}"), format!("{:?}", client.chain(NATIVE))] {
        assert!(shown.contains("1900000109"), "{shown}");
    }
}
