//! Contracts (委托代扣) by APIv2, and that APIv3 sees them.

use serde_json::json;
use weipay_sandbox::{PaymentRequest, Sandbox};
use weipay_wire::{ApiV2Key, XmlElements};

use super::payments::{call, failure, values};
use super::{elements, key, post, reason};
use crate::client::Client;
use crate::notifications::Receiver;

const PRESIGN: &str = "/papay/preentrustweb";
const CONTRACT: &str = "/papay/querycontract";
const END: &str = "/papay/deletecontract";
const DEDUCT: &str = "/pay/pappayapply";
const DEDUCTION: &str = "/pay/paporderquery";
const BOTH: &str = "/pay/contractorder";

fn terms<'a>(code: &'a str, url: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("plan_id", "12535"),
        ("contract_code", code),
        ("request_serial", "1000"),
        ("contract_display_account", "张三"),
        ("notify_url", url),
        ("version", "1.0"),
        ("timestamp", "1786766400"),
    ]
}

fn deduction<'a>(id: &'a str, number: &'a str, fen: &'a str, url: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("body", "会员"),
        ("out_trade_no", number),
        ("total_fee", fen),
        ("spbill_create_ip", "127.0.0.1"),
        ("notify_url", url),
        ("trade_type", "PAP"),
        ("contract_id", id),
        ("attach", "a"),
    ]
}

/// The elements of the next notification, whose signature is right.
fn told(receiver: &Receiver, key: &ApiV2Key) -> XmlElements {
    let elements = XmlElements::read(&receiver.next().body, "xml").unwrap();
    key.verify(&elements).unwrap();
    elements
}

fn signed(sandbox: &Sandbox, receiver: &Receiver, code: &str) -> String {
    let made = call(sandbox, PRESIGN, &terms(code, &receiver.url));
    let id = sandbox
        .platform()
        .sign_contract(made.text("pre_entrustweb_id").unwrap(), &sandbox.kit().openid)
        .unwrap();
    let added = told(receiver, &key(sandbox));
    let names =
        ["change_type", "contract_id", "contract_code", "plan_id", "openid", "request_serial", "mch_id"];
    let kit = sandbox.kit();
    assert_eq!(values(&added, names), ["ADD", &id, code, "12535", &kit.openid, "1000", &kit.mchid]);
    id
}

#[test]
fn a_contract_is_signed_used_and_ended_and_apiv3_sees_it() {
    let sandbox = crate::sandbox().start().unwrap();
    let (receiver, key) = (Receiver::start(&[]), key(&sandbox));
    let missing = ["CONTRACT_NOT_EXIST", "签约协议不存在"];
    let by_code = [("plan_id", "12535"), ("contract_code", "vip1"), ("version", "1.0")];
    assert_eq!(failure(&call(&sandbox, CONTRACT, &by_code)), missing);
    let id = signed(&sandbox, &receiver, "vip1");
    for asked in [&by_code[..], &[("contract_id", &id), ("version", "1.0")]] {
        let shown = call(&sandbox, CONTRACT, asked);
        let names = [
            "contract_id",
            "contract_state",
            "contract_signed_time",
            "contract_display_account",
            "contract_code",
        ];
        assert_eq!(values(&shown, names), [&id, "0", "2026-08-15 12:00:00", "张三", "vip1"]);
    }
    assert_eq!(failure(&call(&sandbox, CONTRACT, &[("version", "1.0")]))[0], "LACK_PARAMS");
    let client = || Client::new(&sandbox).in_time();
    let seen = client().get("/v3/papay/sign/contracts/plan-id/12535/out-contract-code/vip1").success();
    assert_eq!((&seen["contract_id"], &seen["contract_state"]), (&json!(id), &json!("SIGNED")));

    let accepted = call(&sandbox, DEDUCT, &deduction(&id, "month-1", "3000", &receiver.url));
    assert_eq!(accepted.text("result_code"), Some("SUCCESS"));
    let asked = |number| call(&sandbox, DEDUCTION, &[("out_trade_no", number)]);
    assert_eq!(values(&asked("month-1"), ["trade_state", "total_fee"]), ["ACCEPT", "3000"]);
    let again = call(&sandbox, DEDUCT, &deduction(&id, "month-1", "3000", &receiver.url));
    assert_eq!(failure(&again), ["INVALID_REQUEST", "扣款请求已受理，请勿重复发起"]);
    sandbox.run_for(2).unwrap();
    let paid = told(&receiver, &key);
    let names =
        ["result_code", "trade_state", "trade_type", "contract_id", "out_trade_no", "attach", "total_fee"];
    assert_eq!(values(&paid, names), ["SUCCESS", "SUCCESS", "PAP", &id, "month-1", "a", "3000"]);
    assert_eq!(
        values(&asked("month-1"), ["trade_state", "transaction_id"]),
        ["SUCCESS", paid.text("transaction_id").unwrap()]
    );
    let by_both = call(&sandbox, "/pay/orderquery", &[("out_trade_no", "month-1")]);
    assert_eq!(values(&by_both, ["trade_state", "trade_type"]), ["SUCCESS", "PAP"]);
    let again = call(&sandbox, DEDUCT, &deduction(&id, "month-1", "3000", &receiver.url));
    assert_eq!(failure(&again), ["ORDERPAID", "该订单已支付"]);

    let refused = |id: &str, number: &str, fen: &str| {
        failure(&call(&sandbox, DEDUCT, &deduction(id, number, fen, &receiver.url))).map(str::to_owned)
    };
    assert_eq!(refused(&id, "month-2", "50001"), ["RULELIMIT", "交易金额或次数超出限制，请检查后再试"]);
    assert_eq!(refused("1", "month-2", "1"), missing);

    let reason = ("contract_termination_remark", "解约原因");
    let ended = call(&sandbox, END, &[("contract_id", &id), reason, ("version", "1.0")]);
    assert_eq!(values(&ended, ["contract_id", "plan_id", "contract_code"]), [&id, "12535", "vip1"]);
    let deleted = told(&receiver, &key);
    let names = ["change_type", "contract_id", "contract_termination_mode", "contract_termination_remark"];
    assert_eq!(values(&deleted, names), ["DELETE", &id, "3", "解约原因"]);
    let shown = call(&sandbox, CONTRACT, &by_code);
    assert_eq!(values(&shown, ["contract_state", "contract_terminated_time"]), ["1", "2026-08-15 12:00:02"]);
    assert_eq!(refused(&id, "month-2", "1"), missing);
    let twice = call(&sandbox, END, &[("contract_id", &id), reason, ("version", "1.0")]);
    assert_eq!(failure(&twice)[0], "INVALID_REQUEST");
    let used = call(&sandbox, PRESIGN, &terms("vip1", &receiver.url));
    assert_eq!(failure(&used)[0], "INVALID_REQUEST");
}

#[test]
fn a_deduction_that_fails_is_told_of_and_tried_again_with_its_number() {
    let sandbox = crate::sandbox().start().unwrap();
    let (receiver, key) = (Receiver::start(&[]), key(&sandbox));
    let id = signed(&sandbox, &receiver, "poor");
    sandbox.platform().decline_contract(&id).unwrap();
    call(&sandbox, DEDUCT, &deduction(&id, "month-1", "3000", &receiver.url));
    sandbox.run_for(2).unwrap();
    let failed = told(&receiver, &key);
    let names = ["return_msg", "result_code", "err_code", "contract_id", "out_trade_no", "transaction_id"];
    assert_eq!(values(&failed, names), ["OK", "FAIL", "NOTENOUGH", &id, "month-1", ""]);
    let sentence = "银行卡可用余额不足（如信用卡则为可透支额度不足），请核实后再试";
    assert_eq!(failed.text("err_code_des"), Some(sentence));
    assert_eq!(
        call(&sandbox, DEDUCTION, &[("out_trade_no", "month-1")]).text("trade_state"),
        Some("PAY_FAIL")
    );
    sandbox.platform().accept_contract("poor").unwrap();
    call(&sandbox, DEDUCT, &deduction(&id, "month-1", "3000", &receiver.url));
    sandbox.run_for(2).unwrap();
    assert_eq!(told(&receiver, &key).text("result_code"), Some("SUCCESS"));
}

/// A number that another version or another product has used must not send the merchant to a new number while its money comes.
#[test]
fn a_deduction_under_the_number_of_another_order_is_told_what_became_of_it() {
    let sandbox = crate::sandbox().start().unwrap();
    let (receiver, kit) = (Receiver::start(&[]), sandbox.kit());
    let id = signed(&sandbox, &receiver, "both");
    let by_v3 = |number: &str| {
        let body = json!({
            "appid": kit.appid, "out_trade_no": number, "description": "会员", "contract_id": id,
            "transaction_notify_url": receiver.url, "amount": { "total": 3_000, "currency": "CNY" },
        });
        Client::new(&sandbox).in_time().post("/v3/papay/pay/transactions/apply", &body)
    };
    let by_v2 = |number: &str| {
        let body = super::signed(&sandbox, &deduction(&id, number, "3000", &receiver.url));
        let response = post(&sandbox, DEDUCT, &body);
        (failure(&elements(&response)).map(str::to_owned), reason(&response))
    };
    by_v3("month-1").success();
    assert_eq!(by_v2("month-1").0, ["INVALID_REQUEST", "扣款请求已受理，请勿重复发起"]);
    sandbox.run_for(2).unwrap();
    assert_eq!(by_v2("month-1").0, ["ORDERPAID", "该订单已支付"]);

    let order = [
        ("body", "茶"),
        ("out_trade_no", "order-1"),
        ("total_fee", "3000"),
        ("spbill_create_ip", "127.0.0.1"),
        ("notify_url", &*receiver.url),
        ("trade_type", "NATIVE"),
    ];
    call(&sandbox, "/pay/unifiedorder", &order);
    let told = reason(&by_v3("order-1"));
    assert!(
        told.contains("made by APIv2; it can still be paid") && told.contains("or close it before"),
        "{told}"
    );
    sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    assert_eq!(by_v3("order-1").refusal(), (400, "ORDERPAID".to_owned()));

    sandbox.platform().decline_contract(&id).unwrap();
    by_v3("month-2").success();
    sandbox.run_for(2).unwrap();
    let shown = call(&sandbox, DEDUCTION, &[("out_trade_no", "month-2")]);
    assert_eq!(values(&shown, ["trade_state", "trade_state_desc"]), ["PAY_FAIL", "支付失败"]);
    let told = by_v2("month-2").1;
    assert!(told.contains("made by APIv3") && told.contains("repeat the first request"), "{told}");
    let cannot = sandbox.pay(&PaymentRequest::new("month-2")).unwrap_err().to_string();
    assert!(cannot.contains("with the same number"), "{cannot}");
}

#[test]
fn whoever_pays_an_order_with_a_contract_of_apiv2_signs_it() {
    let sandbox = crate::sandbox().start().unwrap();
    let (receiver, key, kit) = (Receiver::start(&[]), key(&sandbox), sandbox.kit());
    let both = |number: &str| {
        let order = [
            ("contract_mchid", &*kit.mchid),
            ("contract_appid", &kit.appid),
            ("out_trade_no", number),
            ("body", "会员"),
            ("notify_url", &receiver.url),
            ("total_fee", "3000"),
            ("spbill_create_ip", "127.0.0.1"),
            ("trade_type", "JSAPI"),
            ("openid", &kit.openid),
            ("plan_id", "12535"),
            ("contract_code", "both"),
            ("request_serial", "1695"),
            ("contract_display_account", "张三"),
            ("contract_notify_url", &receiver.url),
        ];
        call(&sandbox, BOTH, &order)
    };
    let made = both("order-1");
    let names = ["contract_result_code", "contract_code", "plan_id", "out_trade_no", "trade_type"];
    assert_eq!(values(&made, names), ["SUCCESS", "both", "12535", "order-1", "JSAPI"]);
    assert!(sandbox.pay(&PaymentRequest::new(made.text("prepay_id").unwrap())).unwrap().paid);
    // They are posted at the same time.
    let mut both_told = [told(&receiver, &key), told(&receiver, &key)];
    both_told.sort_by_key(|elements| elements.text("change_type").is_some());
    let [paid, added] = &both_told;
    assert_eq!((paid.text("trade_type"), added.text("change_type")), (Some("JSAPI"), Some("ADD")));
    assert_eq!(failure(&both("order-1")), ["ORDERPAID", "该订单已支付"]);

    let second = both("order-2");
    assert_eq!(
        values(&second, ["result_code", "contract_result_code", "contract_err_code"]),
        ["SUCCESS", "FAIL", "INVALID_REQUEST"]
    );
    assert!(sandbox.pay(&PaymentRequest::new(second.text("prepay_id").unwrap())).unwrap().paid);
    assert_eq!(told(&receiver, &key).text("out_trade_no"), Some("order-2"));
    let asked = call(&sandbox, DEDUCTION, &[("out_trade_no", "order-1")]);
    assert_eq!(failure(&asked), ["INVALID_REQUEST", "订单不是委托代扣场景"]);
}
