//! Red packets and payments to the wallet over the API.

use serde_json::json;
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{MerchantAccount, Sandbox};
use weipay_wire::{SignType, XmlContent, XmlElements};

use super::payments::{call, values};
use super::{elements, key, post};
use crate::client::Client;

const SEND: &str = "/mmpaymkttransfers/sendredpack";
const SENT: &str = "/mmpaymkttransfers/gethbinfo";
const PAY: &str = "/mmpaymkttransfers/promotion/transfers";
const PAID: &str = "/mmpaymkttransfers/gettransferinfo";

/// A sandbox whose merchant has 100000 fen to pay out.
fn start() -> Sandbox {
    let sandbox = crate::sandbox().start().unwrap();
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Operation, 100_000).unwrap();
    sandbox
}

fn available(sandbox: &Sandbox) -> i64 {
    let client = Client::new(sandbox).in_time();
    client.get("/v3/merchant/fund/balance/OPERATION").success()["available_amount"].as_i64().unwrap()
}

fn packet<'a>(sandbox: &'a Sandbox, number: &'a str, fen: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("mch_billno", number),
        ("wxappid", &sandbox.kit().appid),
        ("send_name", "天虹百货"),
        ("re_openid", &sandbox.kit().openid),
        ("total_amount", fen),
        ("total_num", "1"),
        ("wishing", "恭喜"),
        ("client_ip", "192.168.0.1"),
        ("act_name", "新年"),
        ("remark", "茶"),
    ]
}

fn look(sandbox: &Sandbox, number: &str) -> XmlElements {
    call(sandbox, SENT, &[("mch_billno", number), ("bill_type", "MCHT")])
}

fn open(sandbox: &Sandbox, number: &str) -> Result<serde_json::Value, ClientError> {
    sandbox.control().unwrap().call("POST", &format!("/red-packets/{number}/open"), Some(&json!({})))
}

#[test]
fn a_red_packet_is_opened_once_or_given_back_after_a_day() {
    let sandbox = start();
    let sent = call(&sandbox, SEND, &packet(&sandbox, "1", "1000"));
    assert_eq!(values(&sent, ["result_code", "total_amount"]), ["SUCCESS", "1000"]);
    let again = call(&sandbox, SEND, &packet(&sandbox, "1", "1000"));
    assert_eq!(
        values(&again, ["send_listid"]),
        values(&sent, ["send_listid"]),
        "the same again sends nothing"
    );
    assert_eq!(available(&sandbox), 99_000);
    let other = call(&sandbox, SEND, &packet(&sandbox, "1", "2000"));
    assert_eq!(values(&other, ["err_code"]), ["FATAL_ERROR"]);
    assert_eq!(values(&look(&sandbox, "1"), ["status", "hb_type", "total_num"]), ["SENT", "NORMAL", "1"]);

    assert_eq!(open(&sandbox, "1").unwrap()["status"], "RECEIVED");
    assert!(matches!(open(&sandbox, "1"), Err(ClientError::Refused { status: 409, .. })));
    assert!(matches!(open(&sandbox, "9"), Err(ClientError::Refused { status: 404, .. })));
    let received = look(&sandbox, "1");
    assert_eq!(values(&received, ["status"]), ["RECEIVED"]);
    let Some(XmlContent::Elements(list)) = received.get("hblist") else { panic!("{received:?}") };
    let Some(XmlContent::Elements(info)) = list.get("hbinfo") else { panic!("{list:?}") };
    assert_eq!(values(info, ["openid", "amount"]), [&*sandbox.kit().openid, "1000"]);

    call(&sandbox, SEND, &packet(&sandbox, "2", "500"));
    sandbox.run_for(86_401).unwrap();
    assert_eq!(values(&look(&sandbox, "2"), ["status", "refund_amount"]), ["REFUND", "500"]);
    assert_eq!(available(&sandbox), 99_000);
    assert!(matches!(open(&sandbox, "2"), Err(ClientError::Refused { status: 409, .. })));
    assert_eq!(values(&look(&sandbox, "3"), ["err_code"]), ["NOT_FOUND"]);
}

#[test]
fn red_packets_keep_the_limits_of_amount_day_and_balance() {
    let sandbox = start();
    let code = |number: &str, fen: &str| {
        let said = call(&sandbox, SEND, &packet(&sandbox, number, fen));
        said.text("err_code").map(str::to_owned)
    };
    assert_eq!(code("0", "99").as_deref(), Some("MONEY_LIMIT"));
    for number in 1..=10 {
        assert_eq!(code(&number.to_string(), "100"), None);
    }
    assert_eq!(code("11", "100").as_deref(), Some("SENDNUM_LIMIT"));
    sandbox.run_for(86_400).unwrap();
    assert_eq!(code("11", "100"), None, "the number was not used up");
    let mut strange = packet(&sandbox, "12", "100");
    strange[3].1 = "o1";
    assert_eq!(values(&call(&sandbox, SEND, &strange), ["err_code"]), ["OPENID_ERROR"]);
    let poor = crate::sandbox().start().unwrap();
    assert_eq!(values(&call(&poor, SEND, &packet(&poor, "1", "100")), ["err_code"]), ["NOTENOUGH"]);
}

/// This operation names the merchant and its appid otherwise.
fn pay(sandbox: &Sandbox, number: &str, fen: &str) -> XmlElements {
    let kit = sandbox.kit();
    let mut sent = XmlElements::new();
    for (name, text) in [
        ("mch_appid", &*kit.appid),
        ("mchid", &kit.mchid),
        ("nonce_str", "ibuaiVcKdpRxkhJA"),
        ("partner_trade_no", number),
        ("openid", &kit.openid),
        ("check_name", "NO_CHECK"),
        ("amount", fen),
        ("desc", "理赔"),
        ("spbill_create_ip", "192.168.0.1"),
    ] {
        sent.push(name, text);
    }
    let sign = key(sandbox).sign(SignType::Md5, sent.texts());
    sent.push("sign", sign);
    elements(&post(sandbox, PAY, sent.write("xml").unwrap().as_bytes()))
}

#[test]
fn a_payment_to_the_wallet_is_made_once_and_found_again() {
    let sandbox = start();
    let paid = pay(&sandbox, "p1", "3000");
    assert_eq!(values(&paid, ["result_code", "partner_trade_no", "sign"]), ["SUCCESS", "p1", ""]);
    assert_eq!(values(&pay(&sandbox, "p1", "3000"), ["payment_no"]), values(&paid, ["payment_no"]));
    assert_eq!(available(&sandbox), 97_000);
    assert_eq!(values(&pay(&sandbox, "p1", "3001"), ["err_code", "return_msg"]), ["FATAL_ERROR", "支付失败"]);
    assert_eq!(values(&pay(&sandbox, "p2", "29"), ["err_code"]), ["AMOUNT_LIMIT"]);
    assert_eq!(values(&pay(&sandbox, "p2", "97001"), ["err_code"]), ["NOTENOUGH"]);
    let found = call(&sandbox, PAID, &[("partner_trade_no", "p1")]);
    assert_eq!(values(&found, ["status", "payment_amount", "desc"]), ["SUCCESS", "3000", "理赔"]);
    assert_eq!(values(&call(&sandbox, PAID, &[("partner_trade_no", "p2")]), ["err_code"]), ["NOT_FOUND"]);
}
