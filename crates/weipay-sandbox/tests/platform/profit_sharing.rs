//! Profit sharing (分账) of a merchant over sockets: what it does to refunds, balances and bills, and who is told.

use serde_json::{Value, json};
use weipay_sandbox::{PersonPays, Sandbox};

use crate::client::{Client, Response};

const STORE: &str = "1900000301";

/// A client whose time is the sandbox's.
fn client(sandbox: &Sandbox) -> Client<'_> {
    Client { now: sandbox.clock().now(), ..Client::new(sandbox) }
}

/// The transaction_id of an order of ten yuan that was paid.
fn paid(sandbox: &Sandbox, number: &str, is_shared: bool) -> String {
    let kit = sandbox.kit();
    let body = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_000 },
        "payer": { "openid": kit.openid }, "settle_info": { "profit_sharing": is_shared },
    });
    client(sandbox).post("/v3/pay/transactions/jsapi", &body).success();
    sandbox.pay(&PersonPays::new(number)).unwrap().transaction_ids[0].clone()
}

fn add_receiver(client: &Client<'_>, receiver: &Value) -> Response {
    let mut request =
        client.request("POST", "/v3/profitsharing/receivers/add", receiver.to_string().as_bytes());
    request.set("Wechatpay-Serial", &client.public_key_id);
    client.send(&request)
}

/// Shares 300 fen of an order with the store; the rest is the merchant's.
fn share_and_finish(sandbox: &Sandbox, id: &str) {
    let appid = &sandbox.kit().appid;
    let client = client(sandbox);
    let receiver = json!({
        "appid": appid, "type": "MERCHANT_ID", "account": STORE, "relation_type": "STORE",
        "name": client.public_key.encrypt_oaep("店".as_bytes()).unwrap(),
    });
    add_receiver(&client, &receiver).success();
    let split = json!({
        "appid": appid, "transaction_id": id, "out_order_no": "split-1", "unfreeze_unsplit": true,
        "receivers": [{ "type": "MERCHANT_ID", "account": STORE, "amount": 300, "description": "分给门店" }],
    });
    client.post("/v3/profitsharing/orders", &split).success();
    sandbox.run_for(10).unwrap();
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

/// The lines of a file, without backticks.
fn lines(sandbox: &Sandbox, target: &str) -> Vec<Vec<String>> {
    let client = client(sandbox);
    let shown = client.get(target).success();
    let url = shown["download_url"].as_str().unwrap();
    let file = client.get(&url[url.find("/v3/billdownload").unwrap()..]);
    let cells = |line: &str| line.split(',').map(|cell| cell.trim_start_matches('`').to_owned()).collect();
    file.text().lines().map(cells).collect()
}

#[test]
fn after_the_end_of_sharing_a_refund_takes_available_money_and_leaves_what_is_not_settled() {
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

    let fund_flow = lines(&sandbox, "/v3/bill/fundflowbill?bill_date=2026-08-15");
    let refunds: Vec<_> =
        fund_flow.iter().filter(|row| row.get(3).is_some_and(|name| name == "退款")).collect();
    assert_eq!(refunds.len(), 1, "{fund_flow:?}");
    assert_eq!((refunds[0][5].as_str(), refunds[0][6].as_str()), ("支出", "5.00"));
    // What was there at the end of the day: 197 and 994.
    let last = fund_flow.iter().rev().find(|row| row.len() == 11).unwrap();
    assert_eq!(last[7], "11.91", "{fund_flow:?}");
}
