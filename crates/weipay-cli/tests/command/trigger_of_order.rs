//! `weipay trigger --order`: notifications of what a running sandbox has.

use std::path::Path;
use std::process::Command;

use http::header::{HeaderMap, HeaderName};
use serde_json::{Value, json};
use weipay::blocking::Client;
use weipay::notification::Receiver;

use crate::receiver;
use crate::serving::{Serving, WEIPAY, said};

/// `weipay trigger` with these arguments: exit code, standard output, standard error.
fn trigger(data: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(WEIPAY).arg("trigger").args(arguments).arg("--data").arg(data).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What the notification that was printed tells, when a receiver has verified and opened it.
fn opened(data: &Path, arguments: &[&str]) -> (String, Value) {
    let (code, printed, error) = trigger(data, arguments);
    assert_eq!(code, 0, "{arguments:?}: {error}");
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in printed["headers"].as_object().unwrap() {
        let name: HeaderName = name.parse().unwrap();
        headers.insert(name, value.as_str().unwrap().parse().unwrap());
    }
    let receiver = Receiver::from_kit(data.join("kit.json")).unwrap();
    let received = receiver.receive(&headers, printed["body"].as_str().unwrap().as_bytes()).unwrap();
    assert!(received.decode_errors().is_empty(), "{:?}", received.decode_errors());
    (received.event_type().to_owned(), received.json().unwrap())
}

#[test]
fn a_payment_and_its_refunds_are_told_as_the_sandbox_tells_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let serving = Serving::with(data, &["--quiet", "--clock", "2026-08-15T12:00:00+08:00"]);
    let (kit, client) = (serving.kit(), Client::from_kit(serving.kit_file()).unwrap());
    let post = |path: &str, body: Value| -> Value {
        client.chain(path).post(&body).unwrap().json().unwrap_or_default()
    };
    // Nobody listens there: what is told does not come from what was delivered.
    let order = json!({
        "appid": kit["appid"], "mchid": kit["mchid"], "description": "茶", "out_trade_no": "T20260815",
        "notify_url": "http://127.0.0.1:1/", "amount": { "total": 5000 }, "payer": { "openid": kit["openid"] }
    });
    post("v3/pay/transactions/jsapi", order);

    let (code, _, error) = trigger(data, &["TRANSACTION.SUCCESS", "--order", "T20260815"]);
    assert!(code == 1 && error.contains("NOTPAY") && error.contains("weipay sandbox pay"), "{code} {error}");
    said(data, &["pay", "T20260815", "--discount", "700"]);
    let (event, paid) = opened(data, &["TRANSACTION.SUCCESS", "--order", "T20260815"]);
    assert_eq!(event, "TRANSACTION.SUCCESS");
    assert_eq!((&paid["amount"]["total"], &paid["amount"]["payer_total"]), (&json!(5000), &json!(4300)));
    assert_eq!((&paid["payer"]["openid"], &paid["mchid"]), (&kit["openid"], &kit["mchid"]));
    assert_eq!(paid["success_time"], "2026-08-15T12:00:00+08:00");
    let by_platform = paid["transaction_id"].as_str().unwrap();
    assert_eq!(opened(data, &["TRANSACTION.SUCCESS", "--order", by_platform]).1, paid);
    let set = ["TRANSACTION.SUCCESS", "--order", by_platform, "--set", "attach=a=b"];
    assert_eq!(opened(data, &set).1["attach"], "a=b");

    let (code, _, error) = trigger(data, &["REFUND.SUCCESS", "--order", "T20260815"]);
    assert!(code == 1 && error.contains("the order has no refund"), "{code} {error}");
    let refund = |number: &str| {
        let refund = json!({
            "out_trade_no": "T20260815", "out_refund_no": number, "amount": { "refund": 500, "total": 5000, "currency": "CNY" }
        });
        post("v3/refund/domestic/refunds", refund)
    };
    refund("R1");
    let (code, _, error) = trigger(data, &["REFUND.SUCCESS", "--order", "T20260815"]);
    assert!(code == 1 && error.contains("R1 is PROCESSING"), "{code} {error}");
    said(data, &["refund", "R1", "--to", "success"]);
    // One refund of an order is accepted in a minute.
    said(data, &["clock", "advance", "2m"]);
    refund("R2");
    said(data, &["refund", "R2", "--to", "abnormal"]);
    for (event, number) in [("REFUND.SUCCESS", "R1"), ("REFUND.ABNORMAL", "R2")] {
        let (event_type, by_order) = opened(data, &[event, "--order", "T20260815"]);
        assert_eq!((&*event_type, &by_order["out_refund_no"]), (event, &json!(number)));
        assert_eq!(by_order["amount"]["refund"], 500);
        assert_eq!(by_order["transaction_id"], by_platform);
        assert_eq!(opened(data, &[event, "--order", number]).1, by_order);
    }
    // A refund changes nothing about what was told of the payment.
    assert_eq!(opened(data, &["TRANSACTION.SUCCESS", "--order", "T20260815"]).1, paid);

    let (url, heard) = receiver::start();
    let (code, printed, error) = trigger(data, &["REFUND.SUCCESS", "--order", "R1", "--url", &url]);
    assert!(code == 0 && printed.contains("triggered  204  acknowledged"), "{printed} {error}");
    assert_eq!(heard.lock().unwrap().len(), 1);
    for (arguments, expected, told) in [
        (&["REFUND.CLOSED", "--order", "R1"] as &[&str], 1, "R1 is SUCCESS"),
        (&["TRANSACTION.SUCCESS", "--order", "nothing"], 1, "no order has this"),
        (&["REFUND.SUCCESS", "--order", "nothing"], 1, "no refund and no order has this number"),
        (&["transaction-success", "--order", "T20260815"], 1, "the event is TRANSACTION.SUCCESS of v3"),
        (&["PAYSCORE.USER_PAID", "--order", "T20260815"], 1, "has sent no PAYSCORE.USER_PAID"),
        (&["SECURITY_ECHO.SUCCESS", "--order", "T20260815"], 2, "is not about an order"),
        (&["TRANSACTION.SUCCESS", "--order", "T20260815", "--mchid", "1900000001"], 2, "no merchant"),
        (
            &["TRANSACTION.SUCCESS", "--order", "T20260815", "--set", "amount.totl=1"],
            2,
            "did you mean total?",
        ),
        (&["TRANSACTION.SUCCESS", "--order", "T20260815", "--kit", "kit.json"], 2, "cannot be used with"),
    ] {
        let (code, _, error) = trigger(data, arguments);
        assert!(code == expected && error.contains(told), "{arguments:?}: {code} {error}");
    }
    assert_eq!(trigger(&data.join("nowhere"), &["REFUND.SUCCESS", "--order", "R1"]).0, 2);
}

#[test]
fn an_order_by_apiv2_and_a_transfer_are_told_too() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let serving = Serving::with(data, &["--quiet", "--clock", "2026-08-15T12:00:00+08:00"]);
    let (kit, client) = (serving.kit(), Client::from_kit(serving.kit_file()).unwrap());
    let text = |name: &str| kit[name].as_str().unwrap();
    let order = json!({
        "appid": kit["appid"], "body": "茶", "out_trade_no": "V2", "total_fee": "100", "spbill_create_ip": "127.0.0.1",
        "notify_url": "http://127.0.0.1:1/", "trade_type": "JSAPI", "openid": kit["openid"]
    });
    let made: Value = client.chain("v2/pay/unifiedorder").post(&order).unwrap().json().unwrap();
    assert_eq!(made["result_code"], "SUCCESS", "{made}");
    said(data, &["pay", "V2"]);
    let (_, paid) = opened(data, &["transaction-success", "--order", "V2"]);
    assert_eq!((&paid["total_fee"], &paid["cash_fee"]), (&json!("100"), &json!("100")), "{paid}");
    assert_eq!(paid["openid"], kit["openid"]);

    said(data, &["merchant", "top-up", text("mchid"), "1000"]);
    let transfer = json!({
        "appid": kit["appid"], "out_bill_no": "B1", "transfer_scene_id": "1000", "openid": kit["openid"], "transfer_amount": 300,
        "transfer_remark": "茶", "notify_url": "http://127.0.0.1:1/",
        "transfer_scene_report_infos": [
            { "info_type": "活动名称", "info_content": "新会员有礼" }, { "info_type": "奖励说明", "info_content": "注册会员抽奖" }
        ]
    });
    client.chain("v3/fund-app/mch-transfer/transfer-bills").post(&transfer).unwrap();
    let (code, _, error) = trigger(data, &["MCHTRANSFER.BILL.FINISHED", "--order", "B1"]);
    assert!(code == 1 && error.contains("has sent no MCHTRANSFER.BILL.FINISHED"), "{code} {error}");
    said(data, &["transfer", "confirm", "B1"]);
    // The person is paid a moment later.
    said(data, &["clock", "advance", "1m"]);
    let (_, told) = opened(data, &["MCHTRANSFER.BILL.FINISHED", "--order", "B1"]);
    assert_eq!((&told["transfer_amount"], &told["state"]), (&json!(300), &json!("SUCCESS")), "{told}");
}
