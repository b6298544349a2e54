//! Ordinary orders, as clients place them that send no `Wechatpay-Serial`: nothing in them travels encrypted.

use serde_json::{Value, json};
use weipay_sandbox::{PaymentRequest, PlatformKeys, Sandbox, Validation};

use crate::IN_MIGRATION;
use crate::client::{Client, Response};

const NOTIFY_URL: &str = "https://example.com/notify";

fn order(with: Value) -> Value {
    let kit = IN_MIGRATION.kit();
    let mut order = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": "order-1",
        "notify_url": NOTIFY_URL, "amount": { "total": 1 },
    });
    for (name, value) in with.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}

/// The same order with the header left out, empty, and naming each of the platform's keys in either case.
#[track_caller]
fn taken(method: &str, target: &str, body: &Value) {
    taken_by(&IN_MIGRATION, method, target, body);
}

#[track_caller]
fn taken_by(sandbox: &Sandbox, method: &str, target: &str, body: &Value) {
    let kit = sandbox.kit();
    let client = Client::new(sandbox).in_time();
    let lower = kit.platform_serial.as_deref().unwrap().to_lowercase();
    for serial in [
        None,
        Some(""),
        Some(kit.platform_serial.as_deref().unwrap()),
        Some(&lower),
        Some(kit.public_key_id.as_deref().unwrap()),
    ] {
        let mut request = client.request(method, target, body.to_string().as_bytes());
        if let Some(serial) = serial {
            request.set("Wechatpay-Serial", serial);
        }
        let response = client.send(&request);
        assert_eq!(response.status, 200, "{target} {serial:?}: {}", response.text());
    }
}

#[test]
fn an_order_without_encrypted_fields_needs_no_platform_serial() {
    let openid = &IN_MIGRATION.kit().openid;
    let scene = json!({ "payer_client_ip": "127.0.0.1", "h5_info": { "type": "Wap" } });
    for (product, with) in [
        ("jsapi", json!({ "payer": { "openid": openid } })),
        ("native", json!({})),
        ("app", json!({})),
        ("h5", json!({ "scene_info": scene })),
    ] {
        let mut body = order(with);
        body["out_trade_no"] = json!(format!("order-of-{product}"));
        taken("POST", &format!("/v3/pay/transactions/{product}"), &body);
    }
}

#[test]
fn combined_orders_and_transfers_without_names_need_none_either() {
    let kit = IN_MIGRATION.kit();
    let part = |number: &str| {
        json!({ "mchid": kit.mchid, "attach": "a", "amount": { "total_amount": 1, "currency": "CNY" },
            "out_trade_no": number, "description": "茶" })
    };
    let combined = json!({
        "combine_appid": kit.appid, "combine_mchid": kit.mchid, "combine_out_trade_no": "combined-1",
        "notify_url": NOTIFY_URL, "combine_payer_info": { "openid": kit.openid },
        "sub_orders": [part("combined-1-1"), part("combined-1-2")],
    });
    taken("POST", "/v3/combine-transactions/jsapi", &combined);
    let transfer = json!({
        "appid": kit.appid, "out_bill_no": "transfer1", "transfer_scene_id": "1000", "openid": kit.openid,
        "transfer_amount": 10, "transfer_remark": "活动",
        "transfer_scene_report_infos": [
            { "info_type": "活动名称", "info_content": "新会员有礼" },
            { "info_type": "奖励说明", "info_content": "注册会员" },
        ],
    });
    IN_MIGRATION.top_up(&kit.mchid, weipay_sandbox::MerchantAccount::Operation, 10).unwrap();
    taken("POST", "/v3/fund-app/mch-transfer/transfer-bills", &transfer);
}

#[test]
fn profit_sharing_without_names_needs_none_either() {
    let sandbox = crate::sandbox().platform_keys(PlatformKeys::Migration).start().unwrap();
    let kit = sandbox.kit();
    let mut shared = order(json!({ "settle_info": { "profit_sharing": true } }));
    shared["mchid"] = json!(kit.mchid);
    Client::new(&sandbox).post("/v3/pay/transactions/native", &shared).success();
    let paid = sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    // Profit can be shared a minute after the payment.
    sandbox.run_for(60).unwrap();
    let receiver = json!({
        "appid": kit.appid, "type": "PERSONAL_OPENID", "account": kit.openid, "relation_type": "USER",
    });
    taken_by(&sandbox, "POST", "/v3/profitsharing/receivers/add", &receiver);
    // One fen is too little to be shared: the merchant gets it back.
    let sharing = json!({
        "appid": kit.appid, "transaction_id": paid.transaction_ids[0], "out_order_no": "share-1",
        "receivers": [], "unfreeze_unsplit": true,
    });
    taken_by(&sandbox, "POST", "/v3/profitsharing/orders", &sharing);
}

#[test]
fn partners_and_combined_orders_are_of_their_caller_too() {
    let kit = IN_MIGRATION.kit();
    let partner = json!({
        "sp_appid": kit.appid, "sp_mchid": "1900000999", "sub_mchid": "1900000109", "description": "茶",
        "out_trade_no": "order-1", "notify_url": NOTIFY_URL, "amount": { "total": 1 },
    });
    let combined = json!({
        "combine_appid": kit.appid, "combine_mchid": "1900000999", "combine_out_trade_no": "combined-1",
        "notify_url": NOTIFY_URL,
        "sub_orders": [{
            "mchid": "1900000109", "attach": "a", "amount": { "total_amount": 1, "currency": "CNY" },
            "out_trade_no": "combined-1-1", "description": "茶",
        }],
    });
    let close = json!({ "sp_mchid": "1900000999", "sub_mchid": "1900000109" });
    for (path, body) in [
        ("/v3/pay/partner/transactions/native", &partner),
        ("/v3/pay/partner/transactions/out-trade-no/order-1/close", &close),
        ("/v3/combine-transactions/native", &combined),
    ] {
        let response = Client::new(&IN_MIGRATION).post(path, body);
        assert_eq!(response.json()["message"], "http header中的mchid与post payload中的mchid不匹配", "{path}");
    }
}

fn post(body: &Value) -> Response {
    Client::new(&IN_MIGRATION).post("/v3/pay/transactions/native", body)
}

#[test]
fn an_order_of_another_merchant_than_the_caller_is_refused() {
    let response = post(&order(json!({ "mchid": "1900000999" })));
    assert_eq!(response.refusal(), (400, "PARAM_ERROR".to_owned()));
    assert_eq!(response.json()["message"], "http header中的mchid与post payload中的mchid不匹配");
    let close = Client::new(&IN_MIGRATION)
        .post("/v3/pay/transactions/out-trade-no/order-1/close", &json!({ "mchid": "1900000999" }));
    assert_eq!(close.json()["message"], "http header中的mchid与post payload中的mchid不匹配");
    // The schema comes first.
    let mut broken = order(json!({ "mchid": "1900000999" }));
    broken["amount"]["total"] = json!(0);
    assert!(post(&broken).json()["message"].as_str().unwrap().ends_with("值低于最小值 1"));
}

#[test]
fn the_address_of_the_person_is_one_of_ipv4_or_ipv6() {
    let scene = |ip: &str, number: &str| {
        post(&order(json!({ "out_trade_no": number, "scene_info": { "payer_client_ip": ip } })))
    };
    assert_eq!(scene("999", "by-ip-0").refusal(), (400, "PARAM_ERROR".to_owned()));
    for (ip, number) in [("14.23.150.211", "by-ip-1"), ("2001:db8::1", "by-ip-2")] {
        scene(ip, number).success();
    }
}

#[test]
fn a_wrong_type_wins_over_a_missing_field_and_that_over_an_empty_one() {
    // Recorded: all of these were wrong at once, in this order of the document.
    let mut body = order(json!({ "description": "", "amount": { "total": 0.01 } }));
    body.as_object_mut().unwrap().remove("out_trade_no");
    let message = |body: &Value| post(body).json()["message"].as_str().unwrap().to_owned();
    assert_eq!(
        message(&body),
        "无法将 JSON 输入源“/body/amount/total”映射到目标字段“总金额”中，此字段需要一个合法的 64 位有符号整数"
    );
    body["amount"]["total"] = json!(1);
    assert!(message(&body).contains("“/body/out_trade_no”"), "{}", message(&body));
    assert!(message(&body).contains("必填性规则校验失败"), "{}", message(&body));
    body["out_trade_no"] = json!("order-1");
    assert!(message(&body).contains("“/body/description”"), "{}", message(&body));
}

#[test]
fn a_time_without_its_form_is_refused_with_the_recorded_words() {
    let response = post(&order(json!({ "time_expire": "20220421191948" })));
    assert_eq!(
        response.text(),
        r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":"20220421191948"},"message":"输入源“/body/time_expire”映射到值字段“交易结束时间”字符串规则校验失败，字符串必须是符合 RFC3339 日期时间格式"}"#
    );
}

#[test]
fn a_used_number_is_refused_as_observed_or_as_documented() {
    let documented = Validation { documented_errors: true, ..Validation::DEFAULT };
    for (validation, status, code) in
        [(Validation::DEFAULT, 400, "INVALID_REQUEST"), (documented, 403, "OUT_TRADE_NO_USED")]
    {
        let sandbox = crate::sandbox().validation(validation).start().unwrap();
        let (kit, client) = (sandbox.kit(), Client::new(&sandbox));
        let mut body = order(json!({}));
        (body["appid"], body["mchid"]) = (json!(kit.appid), json!(kit.mchid));
        client.post("/v3/pay/transactions/native", &body).success();
        client.post("/v3/pay/transactions/native", &body).success();
        let app = client.post("/v3/pay/transactions/app", &body);
        body["amount"]["total"] = json!(2);
        let other_amount = client.post("/v3/pay/transactions/native", &body);
        let close = json!({ "mchid": kit.mchid });
        client.post("/v3/pay/transactions/out-trade-no/never-made/close", &close);
        body["out_trade_no"] = json!("never-made");
        let burnt = client.post("/v3/pay/transactions/native", &body);
        for refused in [other_amount, app, burnt] {
            assert_eq!(refused.refusal(), (status, code.to_owned()), "{}", refused.text());
        }
    }
}
