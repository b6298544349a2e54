//! Recharges (充值) over sockets: a merchant's own, and those of a platform (电商收付通) for its sub-merchant.

use serde_json::{Value, json};
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{NewMerchant, Sandbox};

use crate::client::Client;
use crate::notifications::Receiver;

const PLATFORM: &str = "1900000777";
const SUB: &str = "1900000888";
const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
const OWN: &str = "/v3/recharge/bank-transfer-recharges";
const OF_SUB_MERCHANT: &str = "/v3/platsolution/ecommerce/recharges";
const EMPLOYEES: &str = "/v3/platsolution/ecommerce/recharge-employees";

fn platform() -> Sandbox {
    let platform = NewMerchant::new().mchid(PLATFORM).sub_merchant(SUB);
    crate::sandbox().merchant(platform).start().unwrap()
}

fn pay(sandbox: &Sandbox, number: &str, body: &Value) -> Result<Value, ClientError> {
    sandbox.control().unwrap().call("POST", &format!("/recharges/{number}/pay"), Some(body))
}

#[test]
fn a_merchant_transfers_money_from_its_bank() {
    let sandbox = crate::sandbox().start().unwrap();
    let client = Client::new(&sandbox);
    let body = json!({
        "out_recharge_no": "cz1", "recharge_scene": "NORMAL_BANK_TRANSFER", "account_type": "OPERATION",
        "recharge_amount": { "amount": 500, "currency": "CNY" },
    });
    let made = client.post(&format!("{OWN}/apply"), &body).success();
    assert_eq!(made["recharge_id"].as_str().unwrap().len(), 27);
    assert!(made["transfer_in_account"]["bank_account_no"].as_str().unwrap().starts_with("686000"));
    assert_eq!(client.post(&format!("{OWN}/apply"), &body).success(), made, "the same again");
    let mut other = body.clone();
    other["recharge_amount"]["amount"] = json!(501);
    assert_eq!(client.post(&format!("{OWN}/apply"), &other).refusal(), (400, "INVALID_REQUEST".to_owned()));
    for (name, wrong, code) in [
        ("account_type", "FEES", "INVALID_REQUEST"),
        ("recharge_scene", "ECOMMERCE_BANK_TRANSFER", "PARAM_ERROR"),
        ("out_recharge_no", "cz-2", "PARAM_ERROR"),
    ] {
        let mut wrong_body = body.clone();
        wrong_body["out_recharge_no"] = json!("cz2");
        wrong_body[name] = json!(wrong);
        assert_eq!(
            client.post(&format!("{OWN}/apply"), &wrong_body).refusal(),
            (400, code.to_owned()),
            "{name}"
        );
    }

    let look = || client.get(&format!("{OWN}/out-recharge-no/cz1")).success();
    let balance = || {
        let shown = client.get("/v3/merchant/fund/balance/OPERATION").success();
        shown["available_amount"].as_i64().unwrap()
    };
    assert_eq!((&look()["recharge_state"], balance()), (&json!("RECHARGING"), 0));
    assert!(pay(&sandbox, "cz1", &json!({ "channel": "ONLINE_BANK" })).is_err());
    assert_eq!(pay(&sandbox, "cz1", &json!({ "fen": 499 })).unwrap()["recharge_state"], "RECHARGING");
    assert_eq!(look()["bank_transfer_info"]["return_reason"], "转账金额与充值金额不一致");
    assert_eq!(balance(), 0);
    assert_eq!(pay(&sandbox, "cz1", &json!({})).unwrap()["recharge_state"], "SUCCESS");
    let shown = look();
    assert_eq!((&shown["mchid"], balance()), (&json!(sandbox.kit().mchid), 500));
    assert!(shown["success_time"].is_string() && shown.get("close_time").is_none(), "{shown}");
    assert!(pay(&sandbox, "cz1", &json!({})).is_err(), "it is paid once");
    let elsewhere =
        client.get("/v3/platsolution/ecommerce/bank-transfer-recharges/out-recharge-no/cz1").refusal();
    assert_eq!(elsewhere, (404, "RESOURCE_NOT_EXISTS".to_owned()));
}

#[test]
fn a_deposit_of_a_sub_merchant_is_paid_by_a_code_notified_and_billed() {
    let sandbox = platform();
    let mut client = Client::of(&sandbox, PLATFORM);
    let receiver = Receiver::start(&[]);
    let apply = |number: &str, sub_mchid: &str, account: &str| {
        let body = json!({
            "sub_mchid": sub_mchid, "out_recharge_no": number, "recharge_scene": "ECOMMERCE_DEPOSIT",
            "account_type": account, "recharge_amount": { "amount": 700, "currency": "CNY" }, "notify_url": receiver.url,
            "available_recharge_channels": ["QR_RECHARGE", "BANK_TRANSFER"], "remark": "保证金",
        });
        Client::of(&sandbox, PLATFORM).post(&format!("{OF_SUB_MERCHANT}/apply"), &body)
    };
    assert_eq!(apply("cz0", "1900000999", "DEPOSIT").refusal(), (403, "NO_AUTH".to_owned()));
    assert_eq!(apply("cz0", SUB, "OPERATION").refusal(), (400, "PARAM_ERROR".to_owned()));
    let made = apply("cz1", SUB, "DEPOSIT").success();
    assert!(made["recharge_url"].as_str().unwrap().starts_with("https://"));

    client.post(EMPLOYEES, &json!({ "sub_mchid": SUB, "sp_openid": OPENID })).success();
    assert!(
        pay(&sandbox, "cz1", &json!({ "channel": "ONLINE_BANK" })).is_err(),
        "it is not among the channels"
    );
    let paid = pay(&sandbox, "cz1", &json!({ "channel": "QR_RECHARGE", "openid": OPENID })).unwrap();
    assert_eq!(paid["qr_recharge_info"], json!({ "openid": OPENID, "employee_type": "STAFF" }));
    let told = receiver.next();
    assert_eq!(told.json()["event_type"], "RECHARGE.SUCCESS");
    let told = told.open_of(&sandbox, PLATFORM, sandbox.clock().now());
    for (name, value) in [
        ("sp_mchid", json!(PLATFORM)),
        ("sub_mchid", json!(SUB)),
        ("recharge_channel", json!("QR_RECHARGE")),
        ("account_type", json!("DEPOSIT")),
        ("recharge_state", json!("SUCCESS")),
        ("recharge_amount", json!({ "amount": 700, "currency": "CNY" })),
        ("remark", json!("保证金")),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    let balance = client.get(&format!("/v3/ecommerce/fund/balance/{SUB}?account_type=DEPOSIT")).success();
    assert_eq!(balance["available_amount"], 700);
    let basic = client.get(&format!("/v3/ecommerce/fund/balance/{SUB}")).success();
    assert_eq!(basic["available_amount"], 0);

    let closing = format!("{OF_SUB_MERCHANT}/out-recharge-no/cz1/close?sub_mchid={SUB}");
    assert_eq!(client.post(&closing, &json!({})).refusal(), (400, "INVALID_REQUEST".to_owned()));
    apply("cz2", SUB, "DEPOSIT").success();
    let closing = format!("{OF_SUB_MERCHANT}/out-recharge-no/cz2/close?sub_mchid={SUB}");
    assert_eq!(client.post(&closing, &json!({})).success()["recharge_state"], "CLOSED");
    assert_eq!(client.post(&closing, &json!({})).success()["recharge_state"], "CLOSED");
    assert_eq!(receiver.next().json()["event_type"], "RECHARGE.CLOSED");
    assert!(pay(&sandbox, "cz2", &json!({})).is_err());

    apply("cz3", SUB, "DEPOSIT").success();
    // What does not fit the channel is refused, and nothing is paid.
    for wrong in [
        json!({ "channel": "QR_RECHARGE", "openid": "x" }),
        json!({ "channel": "ONLINE_BANK", "fen": 1 }),
        json!({ "channel": "BANK_TRANSFER", "openid": "x" }),
    ] {
        assert!(pay(&sandbox, "cz3", &wrong).is_err(), "{wrong}");
    }
    pay(&sandbox, "cz3", &json!({ "fen": 1 })).unwrap();
    let returned = receiver.next();
    assert_eq!(returned.json()["event_type"], "RECHARGE.FUND_RETURNED");
    assert_eq!(returned.open_of(&sandbox, PLATFORM, sandbox.clock().now())["detail"]["amount"], 1);
    client.run_for(7 * 86_400);
    let closed = receiver.next();
    assert_eq!(closed.json()["event_type"], "RECHARGE.CLOSED");
    // The members of a payment by the bank are required there, and there was none.
    assert!(closed.open_of(&sandbox, PLATFORM, sandbox.clock().now()).get("bank_transfer_info").is_none());
    let over = client.get(&format!("{OF_SUB_MERCHANT}/out-recharge-no/cz3?sub_mchid={SUB}")).success();
    assert_eq!(over["recharge_state"], "CLOSED");
}

#[test]
fn a_sub_merchant_has_three_employees_who_pay_by_a_code() {
    let sandbox = platform();
    let mut client = Client::of(&sandbox, PLATFORM);
    let openid = |number: usize| format!("oUpF8uMuAJO_M2pxb1Q9zNjWeS{number:02}");
    let add = |client: &Client<'_>, number: usize| {
        client.post(EMPLOYEES, &json!({ "sub_mchid": SUB, "sp_openid": openid(number) }))
    };
    let list = |client: &Client<'_>| {
        let shown = client.get(&format!("{EMPLOYEES}/sub-mchid/{SUB}")).success();
        shown["employees"].as_array().unwrap().len()
    };
    for number in 0..3 {
        assert_eq!(add(&client, number).success()["state"], "EFFECTIVE");
    }
    add(&client, 0).success();
    assert_eq!((list(&client), add(&client, 3).refusal()), (3, (400, "INVALID_REQUEST".to_owned())));
    let delete = format!("{EMPLOYEES}/sub-mchid/{SUB}/sp-openid/{}/delete", openid(0));
    assert_eq!(client.post(&delete, &json!({})).success()["state"], "DELETED");
    assert_eq!(client.post(&delete, &json!({})).refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    // Whoever was deleted today counts among the three of today.
    assert_eq!((list(&client), add(&client, 3).refusal()), (2, (400, "INVALID_REQUEST".to_owned())));
    client.run_for(86_400);
    add(&client, 3).success();
    assert_eq!(list(&client), 3);
    let stranger = client.post(EMPLOYEES, &json!({ "sub_mchid": "1900000999", "sp_openid": openid(1) }));
    assert_eq!(stranger.refusal(), (403, "NO_AUTH".to_owned()));
}
