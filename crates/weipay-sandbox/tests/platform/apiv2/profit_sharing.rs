//! Profit sharing (分账) by APIv2, and that APIv3 sees it.

use serde_json::{Value, json};
use weipay_sandbox::{PaymentRequest, Sandbox};
use weipay_wire::{SignType, XmlElements};

use super::payments::{call, call_with, failure, values};
use super::{elements, key, post, reason, signed, signed_without_appid};
use crate::client::client;

const ONCE: &str = "/secapi/pay/profitsharing";
const MORE: &str = "/secapi/pay/multiprofitsharing";
const FINISH: &str = "/secapi/pay/profitsharingfinish";
const QUERY: &str = "/pay/profitsharingquery";
const AMOUNT: &str = "/pay/profitsharingorderamountquery";
const RATIO: &str = "/pay/profitsharingmerchantratioquery";
const ADD: &str = "/pay/profitsharingaddreceiver";
const REMOVE: &str = "/pay/profitsharingremovereceiver";
const RETURN: &str = "/secapi/pay/profitsharingreturn";
const RETURNED: &str = "/pay/profitsharingreturnquery";

const STORE: &str = "1900000301";
const HMAC: (&str, &str) = ("sign_type", "HMAC-SHA256");

fn shared(sandbox: &Sandbox, path: &str, with: &[(&str, &str)]) -> XmlElements {
    let with = [with, &[HMAC]].concat();
    match path {
        QUERY => call_with(sandbox, path, &signed_without_appid(sandbox, &with)),
        _ => call(sandbox, path, &with),
    }
}

/// The transaction_id of an order of ten yuan that was paid a minute ago.
fn paid(sandbox: &Sandbox, number: &str, profit_sharing: &str) -> String {
    let order = [
        ("body", "茶"),
        ("out_trade_no", number),
        ("total_fee", "1000"),
        ("spbill_create_ip", "127.0.0.1"),
        ("notify_url", "http://127.0.0.1:9/notify"),
        ("trade_type", "NATIVE"),
        ("profit_sharing", profit_sharing),
    ];
    assert_eq!(call(sandbox, "/pay/unifiedorder", &order).text("result_code"), Some("SUCCESS"));
    let paid = sandbox.pay(&PaymentRequest::new(number)).unwrap();
    sandbox.run_for(60).unwrap();
    paid.transaction_ids[0].clone()
}

fn add(sandbox: &Sandbox) {
    let receiver = json!({ "type": "MERCHANT_ID", "account": STORE, "name": "店", "relation_type": "STORE" });
    let added = shared(sandbox, ADD, &[("receiver", &receiver.to_string())]);
    let shown: Value = serde_json::from_str(added.text("receiver").unwrap()).unwrap();
    assert_eq!(shown, json!({ "type": "MERCHANT_ID", "account": STORE }));
}

fn receivers(fen: i64) -> String {
    json!([{ "type": "MERCHANT_ID", "account": STORE, "amount": fen, "description": "分给门店" }]).to_string()
}

fn split(sandbox: &Sandbox, path: &str, id: &str, number: &str, fen: i64) -> XmlElements {
    let receivers = receivers(fen);
    shared(sandbox, path, &[("transaction_id", id), ("out_order_no", number), ("receivers", &receivers)])
}

fn rows(said: &XmlElements) -> Vec<(String, i64, String)> {
    let rows: Value = serde_json::from_str(said.text("receivers").unwrap()).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let shown =
        |row: &Value| (text(row, "description"), row["amount"].as_i64().unwrap(), text(row, "result"));
    rows.as_array().unwrap().iter().map(shown).collect()
}

fn row(description: &str, fen: i64, result: &str) -> (String, i64, String) {
    (description.to_owned(), fen, result.to_owned())
}

#[test]
fn an_order_is_shared_once_and_apiv3_sees_it() {
    let sandbox = crate::sandbox().start().unwrap();
    let id = paid(&sandbox, "once-1", "Y");
    let unknown = split(&sandbox, ONCE, &id, "s1", 200);
    assert_eq!(failure(&unknown), ["INVALID_REQUEST", "分账接收方关系不存在"]);
    add(&sandbox);
    let made = split(&sandbox, ONCE, &id, "s1", 200);
    assert_eq!(values(&made, ["status", "transaction_id", "out_order_no"]), ["PROCESSING", &id, "s1"]);
    assert_eq!(rows(&made), [row("分给门店", 200, "PENDING")]);
    let target = format!("/v3/profitsharing/orders/s1?transaction_id={id}");
    assert_eq!(client(&sandbox).get(&target).success()["state"], "PROCESSING");
    let given = [
        ("out_order_no", "s1"),
        ("out_return_no", "b1"),
        ("return_account_type", "MERCHANT_ID"),
        ("return_account", STORE),
        ("return_amount", "150"),
        ("description", "退货"),
    ];
    let nothing_yet = refusal("PARAM_ERROR", "分账并没有分给对应的回退方");
    assert_eq!(not_returned(&sandbox, &given), nothing_yet, "it has not got its share yet");
    sandbox.run_for(10).unwrap();
    let wanted = [row("分给门店", 200, "SUCCESS"), row("解冻给分账方", 794, "SUCCESS")];
    let shown = shared(&sandbox, QUERY, &[("transaction_id", &id), ("out_order_no", "s1")]);
    assert_eq!((shown.text("status"), rows(&shown)), (Some("FINISHED"), wanted.to_vec()));
    assert_eq!(shown.text("order_id"), made.text("order_id"));
    let seen = client(&sandbox).get(&target).success();
    assert_eq!((&seen["state"], &seen["receivers"][1]["amount"]), (&json!("FINISHED"), &json!(794)));

    // The same number with the same receivers, however their JSON is written, is the same split.
    let spaced = format!(" {}", receivers(200));
    let again = [("transaction_id", &*id), ("out_order_no", "s1"), ("receivers", &spaced)];
    assert_eq!(shared(&sandbox, ONCE, &again).text("order_id"), made.text("order_id"));
    let other = split(&sandbox, ONCE, &id, "s1", 199);
    assert_eq!(failure(&other), ["INVALID_REQUEST", "分账接收方与原请求不一致"]);
    let over = split(&sandbox, MORE, &id, "s2", 1);
    assert_eq!(failure(&over), ["INVALID_REQUEST", "订单已完结分账，不支持分账"]);

    let back = shared(&sandbox, RETURN, &given);
    let names = ["result", "return_amount", "return_account", "order_id", "description"];
    assert_eq!(values(&back, names), ["SUCCESS", "150", STORE, made.text("order_id").unwrap(), "退货"]);
    let asked = shared(&sandbox, RETURNED, &[("out_order_no", "s1"), ("out_return_no", "b1")]);
    assert_eq!(values(&asked, ["result", "return_no"]), ["SUCCESS", back.text("return_no").unwrap()]);
    let seen = client(&sandbox).get("/v3/profitsharing/return-orders/b1?out_order_no=s1").success();
    assert_eq!((&seen["amount"], &seen["return_id"]), (&json!(150), &json!(back.text("return_no"))));
    let mut more = given;
    (more[1].1, more[4].1) = ("b2", "51");
    let bad_amount = refusal("PARAM_ERROR", "回退金额不符合规范");
    assert_eq!(not_returned(&sandbox, &more), bad_amount);
    for bad in ["0", "-1"] {
        more[4].1 = bad;
        assert_eq!(not_returned(&sandbox, &more), bad_amount, "{bad}");
    }
    more[4].1 = "9223372036854775808";
    let said = post(&sandbox, RETURN, &signed(&sandbox, &[&more[..], &[HMAC]].concat()));
    assert_eq!(elements(&said).text("return_code"), Some("FAIL"));
    more[4].1 = "50";
    let mut unknown = more;
    unknown[0].1 = "nothing";
    let no_split = refusal("ORDERNOTEXIST", "分账指令不存在，请检查是否有对应的分账单");
    assert_eq!(not_returned(&sandbox, &unknown), no_split);
    // Of the merchant itself, and of a number that nobody has.
    for (stranger, code, sentence) in [
        (&*sandbox.kit().mchid, "PARAM_ERROR", "分账并没有分给对应的回退方"),
        ("1900000399", "NOAUTH", "回退方没有开通分账回退功能"),
    ] {
        more[3].1 = stranger;
        assert_eq!(not_returned(&sandbox, &more), refusal(code, sentence));
    }
    let unknown = shared(&sandbox, RETURNED, &[("out_order_no", "s1"), ("out_return_no", "b9")]);
    assert_eq!(failure(&unknown)[0], "ORDERNOTEXIST");
}

/// What is said of a return that is refused, whole: recorded in 2020 and 2023.
fn not_returned(sandbox: &Sandbox, asked: &[(&str, &str)]) -> String {
    post(sandbox, RETURN, &signed(sandbox, &[asked, &[HMAC]].concat())).text().to_owned()
}

fn refusal(code: &str, sentence: &str) -> String {
    format!(
        "<xml><return_code><![CDATA[FAIL]]></return_code><error_code><![CDATA[{code}]]></error_code>\
         <error_msg><![CDATA[{sentence}]]></error_msg></xml>"
    )
}

#[test]
fn an_order_is_shared_more_than_once_until_it_is_finished() {
    let sandbox = crate::sandbox().start().unwrap();
    let id = paid(&sandbox, "more-1", "Y");
    add(&sandbox);
    assert!(split(&sandbox, MORE, &id, "s1", 100).text("status").is_none());
    let under_way = split(&sandbox, MORE, &id, "s2", 100);
    assert_eq!(failure(&under_way), ["INVALID_REQUEST", "订单处理中，暂时无法分账，请稍后重试"]);
    sandbox.run_for(10).unwrap();
    let left = shared(&sandbox, AMOUNT, &[("transaction_id", &id)]);
    assert_eq!(values(&left, ["unsplit_amount", "result_code"]), ["894", ""]);

    // The other version goes on.
    let body = json!({
        "appid": sandbox.kit().appid, "transaction_id": id, "out_order_no": "s2", "unfreeze_unsplit": false,
        "receivers": [{ "type": "MERCHANT_ID", "account": STORE, "amount": 150, "description": "再分" }],
    });
    client(&sandbox).post("/v3/profitsharing/orders", &body).success();
    sandbox.run_for(10).unwrap();
    let shown = shared(&sandbox, QUERY, &[("transaction_id", &id), ("out_order_no", "s2")]);
    assert_eq!(rows(&shown), [row("再分", 150, "SUCCESS")]);
    assert_eq!(failure(&split(&sandbox, MORE, &id, "s3", 51))[0], "RULELIMIT");
    assert_eq!(failure(&split(&sandbox, MORE, &id, "s3", 745)), ["NOTENOUGH", "分账金额不足"]);

    let finish = [("transaction_id", &*id), ("out_order_no", "f1"), ("description", "分账已完成")];
    let done = shared(&sandbox, FINISH, &finish);
    assert_eq!(values(&done, ["result_code", "out_order_no"]), ["SUCCESS", "f1"]);
    sandbox.run_for(10).unwrap();
    let shown = shared(&sandbox, QUERY, &[("transaction_id", &id), ("out_order_no", "f1")]);
    assert_eq!(rows(&shown), [row("解冻给分账方", 744, "SUCCESS")]);
    let nothing = [("transaction_id", &*id), ("out_order_no", "f2"), ("description", "分账已完成")];
    assert_eq!(failure(&shared(&sandbox, FINISH, &nothing)), ["NOTENOUGH", "分账金额为0"]);
}

#[test]
fn the_same_number_by_another_operation_is_the_same_split_only_if_it_does_the_same() {
    let sandbox = crate::sandbox().start().unwrap();
    let id = paid(&sandbox, "more-1", "Y");
    add(&sandbox);
    split(&sandbox, MORE, &id, "s1", 100);
    sandbox.run_for(10).unwrap();
    let other = ["INVALID_REQUEST", "分账接收方与原请求不一致"];
    assert_eq!(failure(&split(&sandbox, ONCE, &id, "s1", 100)), other, "it would unfreeze the rest");
    let by_v3 = |number: &str, unfreezes: bool, fen: i64| {
        let body = json!({
            "appid": sandbox.kit().appid, "transaction_id": id, "out_order_no": number, "unfreeze_unsplit": unfreezes,
            "receivers": [{ "type": "MERCHANT_ID", "account": STORE, "amount": fen, "description": "分给门店" }],
        });
        client(&sandbox).post("/v3/profitsharing/orders", &body)
    };
    let first = split(&sandbox, MORE, &id, "s1", 100);
    let order_id = first.text("order_id").unwrap();
    assert_eq!(by_v3("s1", false, 100).success()["order_id"], order_id);
    for (unfreezes, fen) in [(true, 100), (false, 101)] {
        assert_eq!(by_v3("s1", unfreezes, fen).json()["message"], other[1]);
    }
    by_v3("s2", true, 100).success();
    sandbox.run_for(10).unwrap();
    assert_eq!(failure(&split(&sandbox, MORE, &id, "s2", 100)), other);
    assert_eq!(rows(&split(&sandbox, ONCE, &id, "s2", 100)).len(), 2, "the rest is there too");
}

#[test]
fn what_cannot_be_shared_is_refused_with_the_codes_of_apiv2() {
    let sandbox = crate::sandbox().start().unwrap();
    let id = paid(&sandbox, "plain-1", "N");
    add(&sandbox);
    let not_shared = ["NOT_SHARE_ORDER", "非分账订单不支持分账"];
    for path in [ONCE, MORE] {
        assert_eq!(failure(&split(&sandbox, path, &id, "s1", 100)), not_shared);
    }
    let shown = shared(&sandbox, QUERY, &[("transaction_id", &id), ("out_order_no", "s1")]);
    assert_eq!(failure(&shown), ["ORDERNOTEXIST", "记录不存在"]);

    // Nothing but an amount of at least 1 fen is one.
    let shared_id = paid(&sandbox, "shared-1", "Y");
    for bad in ["0", "-1", "1.5", "\"100\"", "9223372036854775808", "null"] {
        let receivers = receivers(100).replace("100", bad);
        let asked = [("transaction_id", &*shared_id), ("out_order_no", "s1"), ("receivers", &receivers)];
        let said = shared(&sandbox, ONCE, &asked);
        assert_eq!(failure(&said), ["PARAM_ERROR", "分账接收方列表格式错误"], "{bad}");
    }
    let nameless = json!({ "type": "MERCHANT_ID", "account": STORE }).to_string();
    assert_eq!(failure(&shared(&sandbox, ADD, &[("receiver", &nameless)]))[0], "PARAM_ERROR");
    // As it was reported: it is not JSON.
    let broken = signed(&sandbox, &[("receiver", "{'type':'MERCHANT_ID'}"), HMAC]);
    let said = elements(&post(&sandbox, ADD, &broken));
    assert_eq!(values(&said, ["return_code", "return_msg"]), ["FAIL", "分账接收方格式错误"]);
    shared(&sandbox, REMOVE, &[("receiver", &nameless)]);
    let removed = split(&sandbox, MORE, &shared_id, "s1", 100);
    assert_eq!(failure(&removed), ["INVALID_REQUEST", "分账接收方关系不存在"]);

    // Two queries say FAIL by return_code.
    let response = post(&sandbox, AMOUNT, &signed(&sandbox, &[("transaction_id", &id), HMAC]));
    let said = elements(&response);
    let names = ["return_code", "return_msg", "error_code", "error_msg", "result_code"];
    let sentence = "非分账订单不支持此查询";
    assert_eq!(values(&said, names), ["FAIL", sentence, "NOT_SHARE_ORDER", sentence, ""]);
    let response = post(&sandbox, RATIO, &signed(&sandbox, &[("sub_mch_id", &sandbox.kit().mchid), HMAC]));
    let said = elements(&response);
    assert_eq!(values(&said, ["return_code", "err_code"]), ["FAIL", "NOAUTH"]);
    let ratio = shared(&sandbox, RATIO, &[("sub_mch_id", "1900000302")]);
    assert_eq!(values(&ratio, ["max_ratio", "sub_mch_id"]), ["3000", "1900000302"]);
}

#[test]
fn it_takes_nothing_but_hmac() {
    let sandbox = &crate::SHARED;
    let asked = [("transaction_id", "1"), ("out_order_no", "s1"), ("sign_type", "MD5")];
    let reason = wrongly_signed(sandbox, QUERY, &signed(sandbox, &asked));
    assert!(reason.contains("HMAC-SHA256 only"), "{reason}");
}

/// Shops in service send none of these requests with `sign_type`, signed with HMAC-SHA256.
#[test]
fn sign_type_may_be_left_out() {
    let sandbox = &crate::SHARED;
    let mut sent = XmlElements::new();
    let mchid = &*sandbox.kit().mchid;
    for (name, text) in [("mch_id", mchid), ("nonce_str", "ibuaiVcKdpRxkhJA"), ("transaction_id", "4200")] {
        sent.push(name, text);
    }
    sent.push("sign", key(sandbox).sign(SignType::HmacSha256, sent.texts()));
    let said = elements(&post(sandbox, AMOUNT, sent.write("xml").unwrap().as_bytes()));
    assert_eq!(values(&said, ["return_code", "error_code"]), ["FAIL", "INVALID_REQUEST"]);

    let query = [("transaction_id", "4200"), ("out_order_no", "s1")];
    let reason = wrongly_signed(sandbox, QUERY, &signed_without_appid(sandbox, &query));
    assert_eq!(reason, "signed with MD5, but this operation takes HMAC-SHA256 only, also without sign_type");
}

/// The reason of a wrong signature, which is told in a signed response: recorded of profitsharingquery, 2019 to 2022.
#[track_caller]
fn wrongly_signed(sandbox: &Sandbox, path: &str, body: &[u8]) -> String {
    let response = post(sandbox, path, body);
    let said = elements(&response);
    let names: Vec<&str> = said.iter().map(|(name, _)| name).collect();
    let recorded = ["return_code", "result_code", "err_code", "err_code_des", "mch_id", "nonce_str", "sign"];
    assert_eq!(names, recorded);
    assert_eq!(values(&said, ["return_code", "mch_id"]), ["SUCCESS", &sandbox.kit().mchid]);
    assert_eq!(failure(&said), ["SIGN_ERROR", "验证签名失败"]);
    assert_eq!(said.text("sign").unwrap().len(), 64);
    key(sandbox).verify(&said).unwrap();
    reason(&response)
}

/// Several users saw it with an element that the page does not have, although it was signed.
#[test]
fn an_appid_in_the_query_of_a_split_spoils_its_signature_as_recorded() {
    let query = [("transaction_id", "4200"), ("out_order_no", "s1"), HMAC];
    let sandbox = crate::sandbox().start().unwrap();
    let reason = wrongly_signed(&sandbox, QUERY, &signed(&sandbox, &query));
    assert!(reason.contains("`appid` is not an element of this operation"), "{reason}");
    let with_sub_appid = [&query[..], &[("sub_appid", "wx8888888888888888")]].concat();
    let reason = wrongly_signed(&sandbox, QUERY, &signed_without_appid(&sandbox, &with_sub_appid));
    assert!(reason.contains("`sub_appid`"), "{reason}");
    // An empty one is not signed, and harms nothing.
    let with_empty = [&query[..], &[("sub_appid", "")]].concat();
    let said = elements(&post(&sandbox, QUERY, &signed_without_appid(&sandbox, &with_empty)));
    assert_eq!(failure(&said)[0], "ORDERNOTEXIST");

    let loose = crate::sandbox().loose(true).start().unwrap();
    let said = elements(&post(&loose, QUERY, &signed(&loose, &query)));
    assert_eq!(failure(&said)[0], "ORDERNOTEXIST");
}
