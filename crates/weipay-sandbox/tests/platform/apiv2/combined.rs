//! Combined orders (合单) by APIv2, on those of APIv3.

use serde_json::{Value, json};
use weipay_sandbox::{NewMerchant, PaymentRequest, Sandbox};
use weipay_wire::{Kit, XmlElements};

use super::payments::{call, failure, values};
use super::{key, post, reason, said_to, signed};
use crate::cash_coupons::OPENID;
use crate::client::client;

const ORDER: &str = "/pay/combinedorder";
const QUERY: &str = "/pay/querycombinedorder";
const CLOSE: &str = "/pay/closecombinedorder";
const NOTIFY_URL: &str = "http://127.0.0.1:9/notify";

/// A part of a merchant.
fn part(kit: &Kit, number: &str, fen: i64) -> Value {
    json!({
        "appid": kit.appid, "mch_id": kit.mchid, "body": "茶", "attach": "a & 茶", "out_trade_no": number,
        "fee_type": "CNY", "total_fee": fen,
    })
}

fn list(parts: &[Value]) -> String {
    json!({ "order_num": parts.len(), "order_list": parts }).to_string()
}

/// Two parts of 1000 and 500 fen.
fn two(kit: &Kit, number: &str) -> String {
    list(&[part(kit, &format!("{number}-a"), 1_000), part(kit, &format!("{number}-b"), 500)])
}

fn said(sandbox: &Sandbox, kit: &Kit, path: &str, number: &str, with: &[(&str, &str)]) -> XmlElements {
    let own = [
        ("combine_appid", &*kit.appid),
        ("combine_mch_id", &*kit.mchid),
        ("sign_type", "HMAC-SHA256"),
        ("combine_out_trade_no", number),
    ];
    let with: Vec<_> = own.iter().chain(with).copied().collect();
    let said = said_to(sandbox, kit, path, &with);
    assert_eq!(said.text("return_code"), Some("SUCCESS"), "{said:?}");
    let operation = weipay_catalog::Catalog::embedded().find("POST", &format!("v2{path}")).unwrap();
    if let Some(code) = said.text("err_code") {
        assert!(operation.error_codes().any(|known| known.code == code), "{path}: {code}");
    }
    assert_eq!(values(&said, ["combine_appid", "combine_mch_id"]), [&*kit.appid, &*kit.mchid]);
    said
}

fn make(sandbox: &Sandbox, number: &str, trade_type: &str, parts: &str) -> XmlElements {
    let with = [
        ("spbill_create_ip", "8.8.8.8"),
        ("notify_url", NOTIFY_URL),
        ("trade_type", trade_type),
        ("combine_openid", OPENID),
        ("scene_info", r#"{"payer_client_ip":"8.8.8.8","device_id":"till-1"}"#),
        ("sub_order_list", parts),
    ];
    said(sandbox, sandbox.kit(), ORDER, number, &with)
}

fn asked(sandbox: &Sandbox, number: &str) -> XmlElements {
    said(sandbox, sandbox.kit(), QUERY, number, &[])
}

fn closed(sandbox: &Sandbox, number: &str, parts: &[&str]) -> XmlElements {
    let mchid = &sandbox.kit().mchid;
    let parts: Vec<_> = parts.iter().map(|part| json!({ "mchid": mchid, "out_trade_no": part })).collect();
    said(sandbox, sandbox.kit(), CLOSE, number, &[("sub_order_list", &json!(parts).to_string())])
}

fn parts(said: &XmlElements) -> Value {
    let list: Value = serde_json::from_str(said.text("sub_order_list").unwrap()).unwrap();
    assert_eq!(list["order_num"], list["order_list"].as_array().unwrap().len());
    list["order_list"].clone()
}

fn by_v3(sandbox: &Sandbox, number: &str) -> Value {
    client(sandbox).get(&format!("/v3/combine-transactions/out-trade-no/{number}")).json()
}

#[test]
fn a_combined_order_of_apiv2_is_seen_paid_and_refunded_by_both_versions() {
    let sandbox = crate::sandbox().start().unwrap();
    let kit = sandbox.kit();
    let made = make(&sandbox, "whole-1", "JSAPI", &two(kit, "whole-1"));
    key(&sandbox).verify(&made).unwrap();
    assert_eq!(values(&made, ["result_code", "trade_type"]), ["SUCCESS", "JSAPI"]);
    let prepay_id = made.text("prepay_id").unwrap();
    let again = make(&sandbox, "whole-1", "JSAPI", &two(kit, "whole-1"));
    assert_eq!(again.text("prepay_id"), Some(prepay_id));
    let other = make(&sandbox, "whole-1", "JSAPI", &two(kit, "whole-2"));
    assert_eq!(failure(&other)[0], "INVALID_REQUEST");

    let unpaid = asked(&sandbox, "whole-1");
    let names = ["trade_state", "trade_state_desc", "result_msg", "device_info", "combine_openid"];
    assert_eq!(values(&unpaid, names), ["NOTPAY", "订单未支付", "OK", "till-1", ""]);
    assert_eq!(by_v3(&sandbox, "whole-1")["sub_orders"][0]["trade_state"], "NOTPAY");
    let part = post(&sandbox, "/pay/orderquery", &signed(&sandbox, &[("out_trade_no", "whole-1-a")]));
    assert!(reason(&part).contains("a part of a combined order"), "{}", reason(&part));

    let paid = sandbox.pay(&PaymentRequest::new(prepay_id)).unwrap();
    assert_eq!((paid.payer_total, paid.transaction_ids.len()), (1_500, 2));
    let shown = asked(&sandbox, "whole-1");
    key(&sandbox).verify(&shown).unwrap();
    assert_eq!(values(&shown, ["trade_state", "combine_openid"]), ["SUCCESS", OPENID]);
    assert_eq!(
        parts(&shown)[1],
        json!({
            "mchid": kit.mchid, "trade_type": "JSAPI", "attach": "a & 茶", "out_trade_no": "whole-1-b",
            "amount": { "total_amount": 500, "currency": "CNY" }, "description": "茶",
            "transaction_id": paid.transaction_ids[1],
        })
    );
    let of_v3 = by_v3(&sandbox, "whole-1");
    assert_eq!(of_v3["sub_orders"][1]["transaction_id"], paid.transaction_ids[1]);
    assert_eq!(of_v3["combine_payer_info"]["openid"], OPENID);

    let told = sandbox.notifications().list(&Default::default()).unwrap();
    let [told] = &told[..] else { panic!("one for the whole: {told:?}") };
    assert_eq!(told.event_type, "v2/combined-transactions-success");
    for (name, value) in [
        ("combine_out_trade_no", "whole-1"),
        ("combine_openid", OPENID),
        ("bank_type", "CMC"),
        ("sign_type", "HMAC-SHA256"),
    ] {
        assert_eq!(told.resource[name], value, "{:?}", told.resource);
    }
    let list: Value = serde_json::from_str(told.resource["sub_order_list"].as_str().unwrap()).unwrap();
    let part = &list["order_list"][0];
    assert_eq!(
        (&part["mch_id"], &part["total_fee"], &part["cash_fee"]),
        (&json!(kit.mchid), &json!(1_000), &json!(1_000))
    );

    let refund = [
        ("transaction_id", &*paid.transaction_ids[1]),
        ("out_refund_no", "refund-1"),
        ("total_fee", "500"),
        ("refund_fee", "200"),
    ];
    assert_eq!(call(&sandbox, "/secapi/pay/refund", &refund).text("result_code"), Some("SUCCESS"));
    assert_eq!(asked(&sandbox, "whole-1").text("trade_state"), Some("REFUND"));
    assert_eq!(failure(&closed(&sandbox, "whole-1", &["whole-1-a", "whole-1-b"]))[0], "ORDERPAID");
}

#[test]
fn a_combined_order_is_closed_by_either_version() {
    let sandbox = crate::sandbox().start().unwrap();
    let kit = sandbox.kit();
    let of_v3 = |number: &str| {
        json!({ "mchid": kit.mchid, "attach": "a", "amount": { "total_amount": 10, "currency": "CNY" },
            "out_trade_no": number, "description": "茶" })
    };
    let body = json!({
        "combine_appid": kit.appid, "combine_mchid": kit.mchid, "combine_out_trade_no": "whole-3",
        "notify_url": NOTIFY_URL, "sub_orders": [of_v3("whole-3-a"), of_v3("whole-3-b")],
    });
    client(&sandbox).post("/v3/combine-transactions/native", &body).success();
    assert_eq!(asked(&sandbox, "whole-3").text("trade_state"), Some("NOTPAY"));
    assert_eq!(failure(&closed(&sandbox, "whole-3", &["whole-3-a"]))[0], "INVALID_REQUEST");
    assert_eq!(closed(&sandbox, "whole-3", &["whole-3-b", "whole-3-a"]).text("result_code"), Some("SUCCESS"));
    assert_eq!(by_v3(&sandbox, "whole-3")["sub_orders"][0]["trade_state"], "CLOSED");

    make(&sandbox, "whole-4", "NATIVE", &two(kit, "whole-4"));
    let part = |number: &str| json!({ "mchid": kit.mchid, "out_trade_no": number });
    let body = json!({ "combine_appid": kit.appid, "sub_orders": [part("whole-4-a"), part("whole-4-b")] });
    let target = "/v3/combine-transactions/out-trade-no/whole-4/close";
    assert_eq!(client(&sandbox).post(target, &body).status, 204);
    assert_eq!(asked(&sandbox, "whole-4").text("trade_state"), Some("CLOSED"));
    let again = make(&sandbox, "whole-4", "NATIVE", &two(kit, "whole-4"));
    assert_eq!(failure(&again)[0], "ORDERCLOSED");
}

#[test]
fn each_kind_of_combined_order_gives_what_its_front_end_needs() {
    let sandbox = crate::sandbox().start().unwrap();
    let kit = sandbox.kit();
    for trade_type in ["JSAPI", "APP", "NATIVE", "MWEB"] {
        let number = format!("whole-{trade_type}");
        let made = make(&sandbox, &number, trade_type, &two(kit, &number));
        let opened = made.text("code_url").or(made.text("mweb_url")).or(made.text("prepay_id")).unwrap();
        assert!(sandbox.pay(&PaymentRequest::new(opened)).unwrap().paid, "{opened}");
    }
    assert_eq!(failure(&make(&sandbox, "whole-1", "FACE", &two(kit, "whole-1")))[0], "INVALID_REQUEST");
}

#[test]
fn each_part_is_paid_to_its_own_merchant_under_its_own_appid() {
    let sandbox = crate::sandbox().start().unwrap();
    let other = sandbox.add_merchant(&NewMerchant::new().mchid("1900000200")).unwrap();
    let kits = [sandbox.kit(), other.kit()];
    let both = list(&[part(kits[0], "part-1", 1_000), part(kits[1], "part-1", 500)]);
    assert_eq!(make(&sandbox, "whole-1", "JSAPI", &both).text("result_code"), Some("SUCCESS"));
    sandbox.pay(&PaymentRequest::new("whole-1")).unwrap();
    let told = sandbox.notifications().list(&Default::default()).unwrap();
    let told: Value = serde_json::from_str(told[0].resource["sub_order_list"].as_str().unwrap()).unwrap();
    for (place, kit) in kits.iter().enumerate() {
        let part = &told["order_list"][place];
        assert_eq!((&part["mch_id"], &part["appid"]), (&json!(kit.mchid), &json!(kit.appid)));
    }
    let wrong = list(&[part(kits[0], "part-2", 1_000), {
        let mut part = part(kits[1], "part-2", 500);
        part["appid"] = json!(kits[0].appid);
        part
    }]);
    assert_eq!(failure(&make(&sandbox, "whole-2", "JSAPI", &wrong))[0], "APPID_MCHID_NOT_MATCH");
    let said = said(&sandbox, kits[1], QUERY, "whole-1", &[]);
    assert_eq!(failure(&said), ["ORDERNOTEXIST", "此交易订单号不存在"], "it is of its combine_mch_id alone");
}

#[test]
fn what_is_wrong_with_a_part_makes_no_order() {
    let sandbox = crate::sandbox().start().unwrap();
    let kit = sandbox.kit();
    let good = part(kit, "part-1", 10);
    let with = |name: &str, value: Value| {
        let mut part = part(kit, "part-2", 10);
        part[name] = value;
        list(&[good.clone(), part])
    };
    for (bad, code) in [
        (list(&[]), "INVALID_REQUEST"),
        (list(std::slice::from_ref(&good)), "INVALID_REQUEST"),
        (with("total_fee", json!("10")), "INVALID_REQUEST"),
        (with("total_fee", json!(0)), "INVALID_REQUEST"),
        (with("fee_type", json!("USD")), "INVALID_REQUEST"),
        (with("mch_id", json!("1900000999")), "INVALID_REQUEST"),
        (with("out_trade_no", json!("part-1")), "INVALID_REQUEST"),
        (
            json!({ "order_num": 3, "order_list": [good, part(kit, "part-2", 10)] }).to_string(),
            "INVALID_REQUEST",
        ),
    ] {
        assert_eq!(failure(&make(&sandbox, "whole-1", "JSAPI", &bad))[0], code, "{bad}");
    }
    assert_eq!(failure(&asked(&sandbox, "whole-1"))[0], "ORDERNOTEXIST");
}
