//! 刷脸支付 by APIv2: a face pays as a payment code does.

use weipay_sandbox::{NewMerchant, PaymentRequest, Sandbox};

use super::payments::{call, failure, values};
use super::said_to;
use crate::cash_coupons::OPENID;
use crate::client::client;

const PAY: &str = "/pay/facepay";
const QUERY: &str = "/pay/facepayquery";
const REVERSE: &str = "/secapi/pay/facepayreverse";

fn charge<'a>(number: &'a str, fen: &'a str, face: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("body", "茶"),
        ("out_trade_no", number),
        ("total_fee", fen),
        ("fee_type", "CNY"),
        ("spbill_create_ip", "8.8.8.8"),
        ("face_code", face),
        ("sign_type", "HMAC-SHA256"),
        ("openid", OPENID),
    ]
}

fn trade_state(sandbox: &Sandbox, path: &str, number: &str) -> String {
    let said = call(sandbox, path, &[("out_trade_no", number), ("transaction_id", "")]);
    said.text("trade_state").unwrap().to_owned()
}

#[test]
fn a_face_pays_once_and_every_query_sees_it() {
    let sandbox = crate::sandbox().start().unwrap();
    let paid = call(&sandbox, PAY, &charge("order-1", "888", "b713b5d2-666c-48"));
    let names = ["result_code", "openid", "total_fee", "cash_fee", "trade_type", "bank_type"];
    assert_eq!(values(&paid, names), ["SUCCESS", OPENID, "888", "888", "MICROPAY", "CMC"]);
    for path in [QUERY, "/pay/orderquery"] {
        assert_eq!(trade_state(&sandbox, path, "order-1"), "SUCCESS");
    }
    let target = format!("/v3/pay/transactions/out-trade-no/order-1?mchid={}", sandbox.kit().mchid);
    assert_eq!(client(&sandbox).get(&target).success()["payer"]["openid"], OPENID);

    assert_eq!(failure(&call(&sandbox, PAY, &charge("order-1", "888", "b713b5d2-666c-48")))[0], "ORDERPAID");
    assert_eq!(
        failure(&call(&sandbox, PAY, &charge("order-2", "888", "b713b5d2-666c-48")))[0],
        "AUTH_CODE_INVALID"
    );
    assert_eq!(failure(&call(&sandbox, QUERY, &[("out_trade_no", "order-2")]))[0], "ORDERNOTEXIST");
    assert_eq!(failure(&call(&sandbox, PAY, &charge("order-2", "0", "c713b5d2-666c-48")))[0], "PARAM_ERROR");
    let mut strange = charge("order-2", "888", "c713b5d2-666c-48");
    strange.last_mut().unwrap().1 = "o1";
    assert_eq!(failure(&call(&sandbox, PAY, &strange))[0], "PARAM_ERROR");
}

#[test]
fn a_payment_by_face_is_reversed_and_its_money_goes_back() {
    let sandbox = crate::sandbox().start().unwrap();
    call(&sandbox, PAY, &charge("order-1", "888", "b713b5d2-666c-48"));
    let other = sandbox.add_merchant(&NewMerchant::new().mchid("1900000200")).unwrap();
    let kit = other.kit();
    let foreign = [("appid", &*kit.appid), ("mch_id", &*kit.mchid), ("out_trade_no", "order-1")];
    for path in [QUERY, REVERSE] {
        failure(&said_to(&sandbox, kit, path, &foreign));
    }
    let reversed = call(&sandbox, REVERSE, &[("out_trade_no", "order-1")]);
    assert_eq!(values(&reversed, ["result_code", "recall"]), ["SUCCESS", "N"]);
    assert_eq!(trade_state(&sandbox, QUERY, "order-1"), "REVOKED");
    let balance = client(&sandbox).get("/v3/merchant/fund/balance/BASIC").success();
    assert_eq!(balance["available_amount"], 0);
    assert_eq!(balance["pending_amount"], 0);
    assert_eq!(
        failure(&call(&sandbox, PAY, &charge("order-1", "888", "b713b5d2-666c-48")))[0],
        "ORDERREVERSED"
    );
}

#[test]
fn a_large_amount_waits_for_the_person() {
    let sandbox = crate::sandbox().start().unwrap();
    let waits = call(&sandbox, PAY, &charge("order-1", "200000", "b713b5d2-666c-48"));
    assert_eq!(failure(&waits)[0], "USERPAYING");
    assert_eq!(trade_state(&sandbox, QUERY, "order-1"), "USERPAYING");
    assert!(sandbox.pay(&PaymentRequest::new("order-1")).unwrap().paid);
    assert_eq!(trade_state(&sandbox, QUERY, "order-1"), "SUCCESS");
    let notified = sandbox.notifications().list(&Default::default()).unwrap();
    assert!(notified.is_empty(), "{notified:?}");
}
