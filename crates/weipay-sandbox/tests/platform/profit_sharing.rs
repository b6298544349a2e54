//! Profit sharing (分账) of a merchant over sockets: what it does to refunds, balances and bills, and who is told.

use serde_json::{Value, json};
use weipay_sandbox::{NewMerchant, PaymentRequest, Sandbox, Validation};

use crate::client::{Client, Response, client};
use crate::notifications::Receiver;

const STORE: &str = "1900000301";

/// The transaction_id of an order of ten yuan that was paid.
fn paid(sandbox: &Sandbox, number: &str, is_shared: bool) -> String {
    let kit = sandbox.kit();
    let body = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_000 },
        "payer": { "openid": kit.openid }, "settle_info": { "profit_sharing": is_shared },
    });
    client(sandbox).post("/v3/pay/transactions/jsapi", &body).success();
    sandbox.pay(&PaymentRequest::new(number)).unwrap().transaction_ids[0].clone()
}

fn add_receiver(client: &Client<'_>, receiver: &Value) -> Response {
    let mut request =
        client.request("POST", "/v3/profitsharing/receivers/add", receiver.to_string().as_bytes());
    request.set("Wechatpay-Serial", &client.public_key_id);
    client.send(&request)
}

/// Shares 300 fen of an order with the store; the rest is the merchant's.
fn share_and_finish(sandbox: &Sandbox, id: &str) {
    share_and_finish_with(sandbox, id, 300, true);
}

fn share_and_finish_with(sandbox: &Sandbox, id: &str, fen: i64, is_finished: bool) {
    let appid = &sandbox.kit().appid;
    let client = client(sandbox);
    let receiver = json!({
        "appid": appid, "type": "MERCHANT_ID", "account": STORE, "relation_type": "STORE",
        "name": client.public_key.encrypt_oaep("店".as_bytes()).unwrap(),
    });
    add_receiver(&client, &receiver).success();
    let split = json!({
        "appid": appid, "transaction_id": id, "out_order_no": "split-1", "unfreeze_unsplit": is_finished,
        "receivers": [{ "type": "MERCHANT_ID", "account": STORE, "amount": fen, "description": "分给门店" }],
    });
    client.post("/v3/profitsharing/orders", &split).success();
    sandbox.run_for(10).unwrap();
}

#[test]
fn more_than_the_ratio_is_refused_as_recorded_or_as_documented() {
    let documented = Validation { documented_errors: true, ..Validation::DEFAULT };
    let recorded = "分账金额超出最大分账比例，最大可分账金额需等比例扣除退款与补差回退等逆向交易金额";
    for (validation, status, code, message) in [
        (Validation::DEFAULT, 400, "INVALID_REQUEST", recorded),
        (documented, 403, "RULE_LIMIT", "分账金额超出最大分账比例"),
    ] {
        let sandbox = crate::sandbox().validation(validation).start().unwrap();
        let id = paid(&sandbox, "order-1", true);
        sandbox.run_for(60).unwrap();
        share_and_finish_with(&sandbox, &id, 1, false);
        let split = json!({
            "appid": sandbox.kit().appid, "transaction_id": id, "out_order_no": "split-2", "unfreeze_unsplit": false,
            "receivers": [{ "type": "MERCHANT_ID", "account": STORE, "amount": 300, "description": "分给门店" }],
        });
        let refused = client(&sandbox).post("/v3/profitsharing/orders", &split);
        assert_eq!(refused.refusal(), (status, code.to_owned()));
        assert_eq!(refused.json()["message"], message);
    }
}

fn refund(sandbox: &Sandbox, number: &str, funds_account: Option<&str>) -> (u16, Value) {
    let mut body = json!({
        "out_trade_no": "order-1", "out_refund_no": number,
        "amount": { "refund": 500, "total": 1_000, "currency": "CNY" },
    });
    if let Some(account) = funds_account {
        body["funds_account"] = json!(account);
    }
    let response = client(sandbox).post("/v3/refund/domestic/refunds", &body);
    (response.status, response.json())
}

fn balance(sandbox: &Sandbox) -> Value {
    client(sandbox).get("/v3/merchant/fund/balance/BASIC").success()
}

/// The lines of a bill, with their cells without backticks.
pub(crate) fn bill_lines(client: &Client<'_>, target: &str) -> Vec<Vec<String>> {
    let shown = client.get(target).success();
    let url = shown["download_url"].as_str().unwrap();
    let file = client.get(&url[url.find("/v3/billdownload").unwrap()..]);
    assert_eq!(file.status, 200, "{}", file.text());
    let cells = |line: &str| line.split(',').map(|cell| cell.trim_start_matches('`').to_owned()).collect();
    file.text().lines().map(cells).collect()
}

#[test]
fn after_the_end_of_sharing_a_refund_takes_available_money() {
    let sandbox = crate::sandbox().start().unwrap();
    let id = paid(&sandbox, "order-1", true);
    paid(&sandbox, "order-2", false);
    sandbox.run_for(60).unwrap();
    share_and_finish(&sandbox, &id);
    // 1000 less the fee of 6 and the share; the other order is not settled yet.
    assert_eq!(balance(&sandbox), json!({ "available_amount": 694, "pending_amount": 994 }));
    let (status, refused) = refund(&sandbox, "r1", Some("UNSETTLED"));
    assert_eq!((status, &refused["code"]), (403, &json!("NOT_ENOUGH")), "{refused}");
    let (status, made) = refund(&sandbox, "r1", None);
    assert_eq!((status, &made["funds_account"]), (200, &json!("AVAILABLE")), "{made}");
    assert_eq!(balance(&sandbox), json!({ "available_amount": 197, "pending_amount": 994 }));
    sandbox.run_for(60).unwrap();
    let (status, short) = refund(&sandbox, "r2", None);
    assert_eq!((status, &short["code"]), (403, &json!("NOT_ENOUGH")), "{short}");
    // The next day the other order is settled, and pays.
    sandbox.run_for(86_400).unwrap();
    let (status, made) = refund(&sandbox, "r2", None);
    assert_eq!((status, &made["funds_account"]), (200, &json!("AVAILABLE")), "{made}");
    assert_eq!(balance(&sandbox), json!({ "available_amount": 694, "pending_amount": 0 }));

    let fund_flow = bill_lines(&client(&sandbox), "/v3/bill/fundflowbill?bill_date=2026-08-15");
    let refunds: Vec<_> =
        fund_flow.iter().filter(|row| row.get(3).is_some_and(|name| name == "退款")).collect();
    assert_eq!(refunds.len(), 1, "{fund_flow:?}");
    assert_eq!((refunds[0][5].as_str(), refunds[0][6].as_str()), ("支出", "5.00"));
    // What was there at the end of the day: 197 and 994.
    let last = fund_flow.iter().rev().find(|row| row.len() == 11).unwrap();
    assert_eq!(last[7], "11.91", "{fund_flow:?}");
}

/// A merchant's own order is shared by itself, and that of a sub-merchant by its partner.
#[test]
fn the_order_of_a_partner_is_not_shared_by_its_sub_merchant_nor_the_other_way_round() {
    const PARTNER: &str = "1900000777";
    let sandbox = crate::sandbox().start().unwrap();
    let sub = &sandbox.kit().mchid;
    let made = sandbox.add_merchant(&NewMerchant::new().mchid(PARTNER).sub_merchant(sub)).unwrap();
    let (partner, appid) = (Client::of(&sandbox, PARTNER), &made.kit().appid);
    let order = json!({
        "sp_appid": appid, "sp_mchid": PARTNER, "sub_mchid": sub, "description": "茶", "out_trade_no": "order-1",
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_000 },
        "settle_info": { "profit_sharing": true },
    });
    partner.post("/v3/pay/partner/transactions/native", &order).success();
    let of_partner = sandbox.pay(&PaymentRequest::new("order-1")).unwrap().transaction_ids[0].clone();
    let of_sub = paid(&sandbox, "order-2", true);
    let wanted = "请求分账的交易模式和下单的交易模式不匹配，普通商户的交易只能普通商户发起分账，服务商下单的交易只能服务商发起分账";
    let body = |id: &str| json!({ "transaction_id": id, "out_order_no": "f1", "description": "完结" });
    let own = client(&sandbox);
    let said = own.post("/v3/profitsharing/orders/unfreeze", &body(&of_partner));
    assert_eq!((said.status, &said.json()["message"]), (400, &json!(wanted)));
    let mut by_partner = body(&of_sub);
    by_partner["sub_mchid"] = json!(sub);
    let said = partner.post("/v3/profitsharing/orders/unfreeze", &by_partner);
    assert_eq!((said.status, &said.json()["message"]), (400, &json!(wanted)));
}

#[test]
fn a_merchant_is_told_of_its_share_and_the_other_of_what_came_back() {
    const SHOP: &str = "1900000777";
    let sandbox = crate::sandbox().merchant(NewMerchant::new().mchid(SHOP)).start().unwrap();
    let store = sandbox.kit().mchid.clone();
    let receiver = Receiver::start(&[]);
    let control = sandbox.control().unwrap();
    let tell = |mchid: &str, body: &Value| {
        control.call("PUT", &format!("/merchants/{mchid}/sharing-notify-url"), Some(body))
    };
    let at = json!({ "url": receiver.url });
    for mchid in [store.as_str(), SHOP] {
        assert_eq!(tell(mchid, &at).unwrap()["url"], receiver.url);
    }
    assert!(tell("1900000999", &at).is_err(), "nobody has this number");

    let shop = || Client::of(&sandbox, SHOP).in_time();
    let appid = sandbox.platform().kit_of(SHOP).unwrap().kit().appid.clone();
    let order = json!({
        "appid": appid, "mchid": SHOP, "description": "茶", "out_trade_no": "order-1",
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_000 },
        "settle_info": { "profit_sharing": true },
    });
    shop().post("/v3/pay/transactions/native", &order).success();
    let id = sandbox.pay(&PaymentRequest::new("order-1")).unwrap().transaction_ids[0].clone();
    sandbox.run_for(60).unwrap();
    let client = shop();
    let name = client.public_key.encrypt_oaep("店".as_bytes()).unwrap();
    let added = json!({
        "appid": appid, "type": "MERCHANT_ID", "account": store, "relation_type": "STORE", "name": name,
    });
    add_receiver(&client, &added).success();
    let split = json!({
        "appid": appid, "transaction_id": id, "out_order_no": "split-1", "unfreeze_unsplit": true,
        "receivers": [{ "type": "MERCHANT_ID", "account": store, "amount": 300, "description": "分给门店" }],
    });
    let made = client.post("/v3/profitsharing/orders", &split).success();
    sandbox.run_for(10).unwrap();

    let told = receiver.next();
    let said = told.json();
    assert_eq!(
        (&said["event_type"], &said["summary"], &said["resource"]["original_type"]),
        (&json!("TRANSACTION.SUCCESS"), &json!("分账"), &json!("profitsharing"))
    );
    let mut resource = told.open(&sandbox, sandbox.clock().now());
    assert!(resource.as_object_mut().unwrap().remove("success_time").unwrap().is_string());
    let part = json!({ "type": "MERCHANT_ID", "account": store, "amount": 300, "description": "分给门店" });
    let expected = json!({
        "mchid": SHOP, "transaction_id": id, "order_id": made["order_id"], "out_order_no": "split-1", "receiver": part,
    });
    assert_eq!(resource, expected);

    let give_back = json!({
        "out_order_no": "split-1", "out_return_no": "return-1", "return_mchid": store, "amount": 100, "description": "退货",
    });
    let client = shop();
    client.post("/v3/profitsharing/return-orders", &give_back).success();
    let said = receiver.next().json();
    assert_eq!((&said["event_type"], &said["summary"]), (&json!("TRANSACTION.SUCCESS"), &json!("分账回退")));
    client.post("/v3/profitsharing/return-orders", &give_back).success();
    let notified = sandbox.notifications().list(&Default::default()).unwrap();
    let of_shares: Vec<_> =
        notified.iter().filter(|told| told.event_type.starts_with("PROFITSHARING")).collect();
    assert_eq!(of_shares.len(), 2, "the repeat moves nothing and tells nobody");
}

#[test]
fn a_receiver_is_a_merchant_or_an_openid_under_the_requests_appid() {
    let sandbox = crate::sandbox().start().unwrap();
    let own = sandbox.kit().appid.clone();
    let person = sandbox.platform().add_person(&[own.clone(), "wx8888888888888889".to_owned()]).unwrap();
    let other = &person.openids["wx8888888888888889"];
    let add = |kind: &str, account: &str, sub_appid: Option<&str>| {
        let mut body = json!({ "appid": own, "type": kind, "account": account, "relation_type": "USER" });
        if let Some(sub_appid) = sub_appid {
            body["sub_appid"] = json!(sub_appid);
        }
        add_receiver(&client(&sandbox), &body)
    };
    add("PERSONAL_OPENID", &person.openids[&own], None).success();
    add("PERSONAL_SUB_OPENID", other, Some("wx8888888888888889")).success();
    assert_eq!(add("PERSONAL_OPENID", other, None).refusal(), (400, "INVALID_REQUEST".to_owned()));
    for (kind, account, sub_appid) in [
        ("PERSONAL_OPENID", "o1", None),
        ("PERSONAL_SUB_OPENID", other.as_str(), None),
        ("PERSONAL_SUB_OPENID", "x", Some("wx8888888888888889")),
    ] {
        assert_eq!(
            add(kind, account, sub_appid).refusal(),
            (400, "PARAM_ERROR".to_owned()),
            "{kind} {account}"
        );
    }
    let mut named =
        json!({ "appid": own, "type": "MERCHANT_ID", "account": "store", "relation_type": "STORE" });
    named["name"] = json!(client(&sandbox).public_key.encrypt_oaep("店".as_bytes()).unwrap());
    assert_eq!(add_receiver(&client(&sandbox), &named).refusal(), (400, "PARAM_ERROR".to_owned()));
}
