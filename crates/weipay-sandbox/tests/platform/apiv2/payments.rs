//! Orders and refunds by APIv2, and that APIv3 sees them.

use serde_json::{Value, json};
use weipay_catalog::Catalog;
use weipay_sandbox::{NewMerchant, PaymentFailure, PaymentRequest, Sandbox};
use weipay_wire::{Kit, SignType, XmlElements};

use super::{elements, key, post, rejected, said_to, signed};
use crate::client::client;

const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
const ORDER: &str = "/pay/unifiedorder";
const QUERY: &str = "/pay/orderquery";
const CLOSE: &str = "/pay/closeorder";
const MICROPAY: &str = "/pay/micropay";
const REVERSE: &str = "/secapi/pay/reverse";
const REFUND: &str = "/secapi/pay/refund";
const REFUNDS: &str = "/pay/refundquery";

/// What the operation says, signed as the page tells. A failure has a code that the page lists.
#[track_caller]
pub(super) fn call(sandbox: &Sandbox, path: &str, with: &[(&str, &str)]) -> XmlElements {
    call_with(sandbox, path, &signed(sandbox, with))
}

/// The same of a request that is signed already.
#[track_caller]
pub(super) fn call_with(sandbox: &Sandbox, path: &str, body: &[u8]) -> XmlElements {
    let response = post(sandbox, path, body);
    let said = elements(&response);
    assert_eq!(said.text("return_code"), Some("SUCCESS"), "{}", response.text());
    let code = said.text("err_code");
    assert_eq!(
        response.header("Weipay-Sandbox-Answer"),
        Some("state").filter(|_| matches!(code, None | Some("SUCCESS" | "USERPAYING")))
    );
    let operation = Catalog::embedded().find("POST", &format!("v2{path}")).unwrap();
    if !operation.unsigned {
        key(sandbox).verify(&said).unwrap();
    }
    if let Some(code) = code.filter(|code| *code != "SUCCESS") {
        assert!(operation.error_codes().any(|known| known.code == code), "{path}: {code}");
    }
    said
}

/// What is told by `return_code`: that and its sentence, and `result_code`, which is not there.
fn told(sandbox: &Sandbox, path: &str, with: &[(&str, &str)]) -> [String; 3] {
    let said = elements(&post(sandbox, path, &signed(sandbox, with)));
    values(&said, ["return_code", "return_msg", "result_code"]).map(str::to_owned)
}

/// The values of these names.
#[track_caller]
pub(super) fn values<'a, const N: usize>(said: &'a XmlElements, names: [&str; N]) -> [&'a str; N] {
    names.map(|name| said.text(name).unwrap_or_default())
}

/// The code of an operation that failed, and its words.
#[track_caller]
pub(super) fn failure(said: &XmlElements) -> [&str; 2] {
    assert_eq!(said.text("result_code"), Some("FAIL"), "{said:?}");
    values(said, ["err_code", "err_code_des"])
}

fn order<'a>(number: &'a str, trade_type: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("body", "茶"),
        ("out_trade_no", number),
        ("total_fee", "1000"),
        ("spbill_create_ip", "127.0.0.1"),
        ("notify_url", "http://127.0.0.1:9/notify"),
        ("trade_type", trade_type),
        ("openid", OPENID),
        ("attach", "a & 茶"),
        ("device_info", "013467007045764"),
    ]
}

fn by_v3(sandbox: &Sandbox, number: &str) -> Value {
    let mchid = &sandbox.kit().mchid;
    client(sandbox).get(&format!("/v3/pay/transactions/out-trade-no/{number}?mchid={mchid}")).json()
}

fn by_number(number: &str) -> [(&str, &str); 1] {
    [("out_trade_no", number)]
}

#[test]
fn each_kind_of_order_gives_what_its_front_end_needs_and_a_person_pays_it() {
    let sandbox = crate::sandbox().start().unwrap();
    for trade_type in ["JSAPI", "APP", "NATIVE", "MWEB"] {
        let made = call(&sandbox, ORDER, &order(trade_type, trade_type));
        let [prepay_id, kind] = values(&made, ["prepay_id", "trade_type"]);
        assert!(prepay_id.len() == 36 && prepay_id.starts_with("wx20"), "{prepay_id}");
        assert_eq!(kind, trade_type);
        let opened = made.text("code_url").or(made.text("mweb_url")).unwrap_or(prepay_id);
        assert!(sandbox.pay(&PaymentRequest::new(opened)).unwrap().paid, "{opened}");
        let asked = call(&sandbox, QUERY, &by_number(trade_type));
        assert_eq!(values(&asked, ["trade_state", "trade_type"]), ["SUCCESS", trade_type]);
    }
    let notified = sandbox.notifications().list(&Default::default()).unwrap();
    assert!(notified.iter().all(|one| one.event_type == "v2/transaction-success"), "{notified:?}");
    assert_eq!(notified.len(), 4);
}

/// As captured: a shop that looks at the address alone sends its customer to a page that has nothing to be paid.
#[test]
fn an_h5_order_whose_number_is_taken_has_an_address_without_a_payment() {
    let sandbox = crate::sandbox().start().unwrap();
    call(&sandbox, ORDER, &order("order-1", "MWEB"));
    let mut other = order("order-1", "MWEB");
    other.iter_mut().filter(|(name, _)| *name == "total_fee").for_each(|(_, fen)| *fen = "999");
    let refused = call(&sandbox, ORDER, &other);
    assert_eq!(failure(&refused), ["INVALID_REQUEST", "201 商户订单号重复"]);
    let address = refused.text("mweb_url").unwrap();
    assert!(address.contains("prepay_id=&package="), "{address}");
    assert!(sandbox.pay(&PaymentRequest::new(address)).is_err());
}

/// As it was reported.
#[test]
fn an_order_without_its_merchant_is_told_so() {
    let sandbox = crate::sandbox().start().unwrap();
    let said = elements(&post(&sandbox, ORDER, b"<xml><body>a</body></xml>"));
    assert_eq!(values(&said, ["return_code", "return_msg"]), ["FAIL", "mch_id参数格式错误"]);
}

#[test]
fn a_paid_order_has_the_documented_elements_and_both_versions_see_it() {
    let sandbox = crate::sandbox().start().unwrap();
    call(&sandbox, ORDER, &order("order-1", "JSAPI"));
    let unpaid = call(&sandbox, QUERY, &by_number("order-1"));
    let names = ["trade_state", "trade_state_desc", "out_trade_no", "total_fee", "transaction_id"];
    assert_eq!(values(&unpaid, names), ["NOTPAY", "订单未支付", "order-1", "1000", ""]);
    assert_eq!(by_v3(&sandbox, "order-1")["trade_state"], "NOTPAY");

    let paid = sandbox.pay(&PaymentRequest::new("order-1").discount(10)).unwrap();
    let asked = call(&sandbox, QUERY, &[("transaction_id", &paid.transaction_ids[0])]);
    let names = ["openid", "is_subscribe", "trade_type", "bank_type", "total_fee", "cash_fee", "fee_type"];
    assert_eq!(values(&asked, names), [OPENID, "N", "JSAPI", "CMC", "1000", "990", "CNY"]);
    let names = ["coupon_fee", "coupon_count", "coupon_type_0", "coupon_fee_0", "settlement_total_fee"];
    assert_eq!(values(&asked, names), ["10", "1", "NO_CASH", "10", "990"]);
    assert_eq!(values(&asked, ["attach", "device_info"]), ["a & 茶", "013467007045764"]);
    assert_eq!(asked.text("time_end").unwrap().len(), 14);
    let seen = by_v3(&sandbox, "order-1");
    assert_eq!((&seen["trade_state"], &seen["amount"]["payer_total"]), (&json!("SUCCESS"), &json!(990)));
    assert_eq!(seen["transaction_id"], paid.transaction_ids[0]);
}

/// The names of the elements of a response: those whose value stands in CDATA, and those where it stands bare.
#[track_caller]
fn forms(sandbox: &Sandbox, path: &str, with: &[(&str, &str)]) -> [String; 2] {
    let response = post(sandbox, path, &signed(sandbox, with));
    key(sandbox).verify(&elements(&response)).unwrap();
    let text = response.text();
    let said = elements(&response);
    let mut names: Vec<&str> = said.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    let is_in_cdata = |name: &&str| text.contains(&format!("<{name}><![CDATA["));
    let (cdata, bare): (Vec<&str>, Vec<&str>) = names.into_iter().partition(is_in_cdata);
    [cdata.join(" "), bare.join(" ")]
}

/// Recorded: of queries from 2018 to 2023, of a payment with a coupon of 2019, of refunds from 2018 to 2024.
#[test]
fn responses_have_the_recorded_elements_and_digits_in_cdata() {
    let sandbox = crate::sandbox().start().unwrap();
    let number = "319867403872112641";
    let mut request = order(number, "NATIVE");
    request.retain(|(name, _)| !["attach", "device_info"].contains(name));
    call(&sandbox, ORDER, &request);
    let query = || forms(&sandbox, QUERY, &by_number(number));
    assert_eq!(
        query(),
        [
            "appid device_info mch_id nonce_str out_trade_no result_code return_code return_msg sign trade_state \
             trade_state_desc",
            "total_fee"
        ]
    );
    let asked = call(&sandbox, QUERY, &by_number(number));
    assert_eq!((asked.text("device_info"), asked.text("attach")), (Some(""), None));

    sandbox.pay(&PaymentRequest::new(number)).unwrap();
    assert_eq!(
        query(),
        [
            "appid attach bank_type cash_fee_type fee_type is_subscribe mch_id nonce_str openid out_trade_no result_code \
             return_code return_msg sign time_end trade_state trade_state_desc trade_type transaction_id",
            "cash_fee total_fee"
        ]
    );
    assert_eq!(call(&sandbox, QUERY, &by_number(number)).text("attach"), Some(""));
    let told = sandbox.notifications().list(&Default::default()).unwrap();
    let mut names: Vec<_> = told[0].resource.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names.join(" "),
        "appid bank_type cash_fee fee_type is_subscribe mch_id openid out_trade_no result_code time_end total_fee \
         trade_type transaction_id"
    );

    let refunded = refund(number, "131811191610442717309", "1000", "300");
    assert_eq!(
        forms(&sandbox, REFUND, &refunded),
        [
            "appid mch_id nonce_str out_refund_no out_trade_no refund_channel refund_id result_code return_code return_msg \
             sign transaction_id",
            "cash_fee cash_refund_fee coupon_refund_count coupon_refund_fee refund_fee total_fee"
        ]
    );
    assert_eq!(call(&sandbox, REFUND, &refunded).text("refund_channel"), Some(""));
    sandbox.run_for(60).unwrap();
    let [cdata, _] = forms(&sandbox, REFUNDS, &by_number(number));
    assert_eq!(
        cdata,
        "appid cash_fee mch_id nonce_str out_refund_no_0 out_trade_no refund_account_0 refund_channel_0 refund_id_0 \
         refund_recv_accout_0 refund_status_0 refund_success_time_0 result_code return_code return_msg sign total_fee \
         transaction_id"
    );
}

#[test]
fn a_closed_order_has_no_amount() {
    let sandbox = crate::sandbox().start().unwrap();
    let mut request = order("order-1", "NATIVE");
    request.retain(|(name, _)| *name != "attach");
    call(&sandbox, ORDER, &request);
    call(&sandbox, CLOSE, &by_number("order-1"));
    assert_eq!(
        forms(&sandbox, QUERY, &by_number("order-1")),
        [
            "appid attach mch_id nonce_str out_trade_no result_code return_code return_msg sign trade_state \
             trade_state_desc",
            ""
        ]
    );
}

/// The page of 单品优惠 names what the list takes the place of.
const NUMBERED: [&str; 6] =
    ["coupon_fee", "coupon_count", "coupon_type_0", "coupon_id_0", "coupon_fee_0", "settlement_total_fee"];

#[test]
fn version_1_0_gets_the_coupons_as_a_list() {
    let sandbox = crate::sandbox().start().unwrap();
    let mut request = order("order-1", "JSAPI");
    request.push(("version", "1.0"));
    call(&sandbox, ORDER, &request);
    call(&sandbox, ORDER, &order("order-2", "JSAPI"));
    for number in ["order-1", "order-2"] {
        sandbox.pay(&PaymentRequest::new(number).discount(10)).unwrap();
        let asked = call(&sandbox, QUERY, &[("out_trade_no", number), ("version", "1.0")]);
        assert_eq!(values(&asked, NUMBERED), [""; 6]);
        let told: Value = serde_json::from_str(asked.text("promotion_detail").unwrap()).unwrap();
        let coupon = json!({
            "promotion_id": "109519", "name": "沙箱优惠", "scope": "GLOBAL", "type": "DISCOUNT", "amount": 10,
            "activity_id": "931386", "wxpay_contribute": 0, "merchant_contribute": 10, "other_contribute": 0,
            "goods_detail": [],
        });
        assert_eq!(told, json!({ "promotion_detail": [coupon] }));
        let without = call(&sandbox, QUERY, &by_number(number));
        assert_eq!(without.text("promotion_detail"), None);
        assert_eq!(values(&without, NUMBERED), ["10", "1", "NO_CASH", "109519", "10", "990"]);
    }
    let told = sandbox.notifications().list(&Default::default()).unwrap();
    let lists: Vec<_> = told
        .iter()
        .map(|one| {
            (one.resource["out_trade_no"].as_str().unwrap(), one.resource["promotion_detail"].is_string())
        })
        .collect();
    assert!(lists.contains(&("order-1", true)) && lists.contains(&("order-2", false)), "{lists:?}");
    let numbered = |number| told.iter().find(|one| one.resource["out_trade_no"] == number).unwrap();
    assert!(NUMBERED.iter().all(|name| numbered("order-1").resource.get(name).is_none()));
    assert!(NUMBERED.iter().all(|name| numbered("order-2").resource.get(name).is_some()));
}

#[test]
fn a_payment_without_coupons_has_neither_form() {
    let sandbox = crate::sandbox().start().unwrap();
    let mut request = scanned("scan-1", "100", "130061098828009401");
    request.push(("version", "1.0"));
    let paid = call(&sandbox, MICROPAY, &request);
    assert_eq!(values(&paid, ["cash_fee", "promotion_detail"]), ["100", ""]);
    assert_eq!(values(&paid, NUMBERED), [""; 6]);
}

#[test]
fn the_same_order_again_re_enters_and_another_is_refused() {
    let sandbox = crate::sandbox().start().unwrap();
    let again = || call(&sandbox, ORDER, &order("order-1", "JSAPI"));
    let first = again();
    assert_eq!(values(&again(), ["prepay_id"]), values(&first, ["prepay_id"]));
    let listed = || {
        let mut request = order("order-3", "JSAPI");
        request.push(("version", "1.0"));
        values(&call(&sandbox, ORDER, &request), ["result_code", "prepay_id"]).map(str::to_owned)
    };
    let made = listed();
    assert_eq!((made[0].as_str(), &listed()), ("SUCCESS", &made));
    let mut other = order("order-1", "JSAPI");
    other[2].1 = "2000";
    let taken = ["INVALID_REQUEST", "201 商户订单号重复"];
    assert_eq!(failure(&call(&sandbox, ORDER, &other)), taken);
    assert_eq!(failure(&call(&sandbox, ORDER, &order("order-1", "NATIVE"))), taken);
    sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    assert_eq!(failure(&again()), ["ORDERPAID", "该订单已支付"]);
    assert_eq!(failure(&call(&sandbox, CLOSE, &by_number("order-1"))), ["ORDERPAID", "该订单已支付"]);

    let wrong = |at: usize, value| {
        let mut order = order("order-2", "JSAPI");
        order[at].1 = value;
        failure(&call(&sandbox, ORDER, &order)).map(str::to_owned)
    };
    assert_eq!(wrong(6, ""), ["LACK_PARAMS", "JSAPI支付必须传openid"]);
    assert_eq!(wrong(6, "o1"), ["PARAM_ERROR", "无效的openid"]);
    assert_eq!(wrong(2, "1000000001"), ["INVALID_REQUEST", "订单金额不正确"]);
    assert_eq!(wrong(5, "jsapi"), ["INVALID_REQUEST", "trade_type参数格式错误"]);
    assert_eq!(
        failure(&call(&sandbox, QUERY, &by_number("order-2"))),
        ["ORDERNOTEXIST", "此交易订单号不存在"]
    );
}

/// In the recorded sentences.
#[test]
fn an_order_with_a_broken_value_is_rejected_by_the_gateway() {
    let sandbox = crate::sandbox().start().unwrap();
    let wrong = |at: usize, value: &str| {
        let mut order = order("order-1", "JSAPI");
        order[at].1 = value;
        rejected(&post(&sandbox, ORDER, &signed(&sandbox, &order))).0
    };
    assert_eq!(
        wrong(2, "0.5"),
        "无法将输入源“/body/xml/total_fee”映射到目标字段“标价金额”中，此字段需要一个合法的 64 位有符号整数"
    );
    assert_eq!(
        wrong(0, &("茶".repeat(66) + "ab")),
        "输入源“/body/xml/body”映射到值字段“商品描述”字符串规则校验失败，字节数 200，大于最大值 128"
    );
    assert_eq!(wrong(3, "本地"), "invalid spbill_create_ip");
    let mut scanned = scanned("order-2", "100", "130000000000000001");
    scanned[3].1 = "abc";
    assert_eq!(
        rejected(&post(&sandbox, MICROPAY, &signed(&sandbox, &scanned))).0,
        "invalid spbill_create_ip"
    );
    scanned[3].1 = "2001:db8::1";
    assert_eq!(call(&sandbox, MICROPAY, &scanned).text("result_code"), Some("SUCCESS"));
}

#[test]
fn an_order_is_closed_by_either_version_for_both() {
    let sandbox = crate::sandbox().start().unwrap();
    call(&sandbox, ORDER, &order("order-1", "NATIVE"));
    assert_eq!(
        values(&call(&sandbox, CLOSE, &by_number("order-1")), ["result_code", "result_msg"]),
        ["SUCCESS", "OK"]
    );
    assert_eq!(failure(&call(&sandbox, CLOSE, &by_number("order-1"))), ["ORDERCLOSED", "订单已关闭"]);
    assert_eq!(by_v3(&sandbox, "order-1")["trade_state"], "CLOSED");
    assert_eq!(failure(&call(&sandbox, ORDER, &order("order-1", "NATIVE"))), ["ORDERCLOSED", "订单已关闭"]);

    let mchid = &sandbox.kit().mchid;
    let body = json!({
        "appid": sandbox.kit().appid, "mchid": mchid, "description": "茶", "out_trade_no": "order-2",
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_000 },
    });
    client(&sandbox).post("/v3/pay/transactions/native", &body).success();
    assert_eq!(values(&call(&sandbox, QUERY, &by_number("order-2")), ["trade_state"]), ["NOTPAY"]);
    assert_eq!(
        failure(&call(&sandbox, ORDER, &order("order-2", "NATIVE"))),
        ["INVALID_REQUEST", "201 商户订单号重复"]
    );
    call(&sandbox, CLOSE, &by_number("order-2"));
    assert_eq!(by_v3(&sandbox, "order-2")["trade_state"], "CLOSED");
}

#[test]
fn an_order_expires_at_the_time_that_it_names() {
    let sandbox = crate::sandbox().start().unwrap();
    let now = sandbox.clock().now();
    let expires = client(&sandbox).now + 600;
    let text = compact(expires);
    let mut timed = order("order-1", "NATIVE");
    timed.push(("time_expire", &text));
    call(&sandbox, ORDER, &timed);
    sandbox.run_for(599).unwrap();
    assert_eq!(values(&call(&sandbox, QUERY, &by_number("order-1")), ["trade_state"]), ["NOTPAY"]);
    sandbox.run_for(2).unwrap();
    assert!(sandbox.clock().now() >= now + 600);
    assert_eq!(values(&call(&sandbox, QUERY, &by_number("order-1")), ["trade_state"]), ["CLOSED"]);
    // The same request again is judged by its order, another one by its time.
    assert_eq!(failure(&call(&sandbox, ORDER, &timed)), ["ORDERCLOSED", "订单已关闭"]);
    let mut over = order("order-3", "NATIVE");
    over.push(("time_expire", &text));
    assert_eq!(failure(&call(&sandbox, ORDER, &over)), ["INVALID_REQUEST", "订单失效时间不正确"]);
    let mut broken = order("order-2", "NATIVE");
    broken.push(("time_expire", "2026-01-01"));
    assert_eq!(failure(&call(&sandbox, ORDER, &broken)), ["INVALID_REQUEST", "time_expire参数格式错误"]);
}

/// `yyyyMMddHHmmss` in Beijing.
fn compact(seconds: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(seconds + 8 * 3_600).unwrap();
    let (day, clock) = (time.date(), time.time());
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}",
        day.year(),
        u8::from(day.month()),
        day.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

fn scanned<'a>(number: &'a str, fen: &'a str, code: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("body", "茶"),
        ("out_trade_no", number),
        ("total_fee", fen),
        ("spbill_create_ip", "127.0.0.1"),
        ("auth_code", code),
    ]
}

#[test]
fn a_payment_code_pays_at_once_or_after_the_password_and_is_reversed() {
    let sandbox = crate::sandbox().start().unwrap();
    let paid = call(&sandbox, MICROPAY, &scanned("order-1", "100", "130000000000000001"));
    assert_eq!(values(&paid, ["result_code", "trade_type", "total_fee"]), ["SUCCESS", "MICROPAY", "100"]);
    let again = call(&sandbox, MICROPAY, &scanned("order-1", "100", "130000000000000001"));
    assert_eq!(failure(&again)[0], "ORDERPAID");
    let used = call(&sandbox, MICROPAY, &scanned("order-2", "100", "130000000000000001"));
    assert_eq!(failure(&used), ["AUTH_CODE_INVALID", "101 每个二维码仅限使用一次，请刷新再试"]);

    let mut large = scanned("order-3", "200000", "130000000000000003");
    // An element of unifiedorder changes nothing here, but for one that is refused.
    large.push(("trade_type", "NATIVE"));
    let notified = [&large[..], &[("notify_url", "http://127.0.0.1:9/notify")]].concat();
    let refused = told(&sandbox, MICROPAY, &notified);
    assert_eq!(refused, ["FAIL", "不识别的参数notify_url", ""]);
    assert_eq!(failure(&call(&sandbox, QUERY, &by_number("order-3")))[0], "ORDERNOTEXIST");
    let waiting = ["USERPAYING", "需要用户输入支付密码"];
    assert_eq!(failure(&call(&sandbox, MICROPAY, &large)), waiting);
    assert_eq!(failure(&call(&sandbox, MICROPAY, &large)), waiting, "the same order, not another");
    let asked = call(&sandbox, QUERY, &by_number("order-3"));
    // As captured in January 2024, as that of a payment that failed.
    let is_bare = |asked: &XmlElements| {
        let (amount, device) = (asked.text("total_fee"), asked.text("device_info"));
        (amount, device, asked.text("attach")) == (None, None, Some(""))
    };
    assert_eq!(values(&asked, ["trade_state", "trade_state_desc"]), ["USERPAYING", "需要用户输入支付密码"]);
    assert!(is_bare(&asked), "{asked:?}");
    sandbox.pay(&PaymentRequest::new("order-3")).unwrap();
    assert_eq!(values(&call(&sandbox, QUERY, &by_number("order-3")), ["trade_state"]), ["SUCCESS"]);

    for _ in 0..2 {
        let reversed = call(&sandbox, REVERSE, &by_number("order-3"));
        assert_eq!(values(&reversed, ["result_code", "recall"]), ["SUCCESS", "N"]);
    }
    assert_eq!(by_v3(&sandbox, "order-3")["trade_state"], "REVOKED");
    assert_eq!(failure(&call(&sandbox, MICROPAY, &large)), ["ORDERREVERSED", "订单已撤销，请重新下单支付"]);

    call(&sandbox, MICROPAY, &scanned("order-4", "200000", "130000000000000004"));
    sandbox.pay(&PaymentRequest::new("order-4").failing(PaymentFailure::WrongPassword)).unwrap();
    let failed = call(&sandbox, QUERY, &by_number("order-4"));
    assert_eq!(values(&failed, ["trade_state", "trade_state_desc"]), ["PAYERROR", "支付失败，请撤销订单"]);
    assert!(is_bare(&failed), "{failed:?}");
    let cancelled = scanned("order-5", "200000", "130000000000000005");
    call(&sandbox, MICROPAY, &cancelled);
    sandbox.pay(&PaymentRequest::new("order-5").failing(PaymentFailure::Cancel)).unwrap();
    let again = elements(&post(&sandbox, MICROPAY, &signed(&sandbox, &cancelled)));
    assert_eq!(failure(&again), ["TRADE_ERROR", "用户取消支付"]);
    call(&sandbox, REVERSE, &by_number("order-4"));
    assert_eq!(failure(&call(&sandbox, REVERSE, &by_number("unknown")))[0], "INVALID_REQUEST");
    assert_eq!(failure(&call(&sandbox, REVERSE, &[("transaction_id", "42")]))[0], "INVALID_TRANSACTIONID");
    sandbox.run_for(8 * 86_400).unwrap();
    assert_eq!(failure(&call(&sandbox, REVERSE, &by_number("order-1")))[0], "REVERSE_EXPIRE");
    assert!(sandbox.notifications().list(&Default::default()).unwrap().is_empty(), "payment codes have none");
}

fn refund<'a>(order: &'a str, number: &'a str, total: &'a str, fen: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("out_trade_no", order),
        ("out_refund_no", number),
        ("total_fee", total),
        ("refund_fee", fen),
        ("notify_url", "http://127.0.0.1:9/notify"),
    ]
}

#[test]
fn a_refund_by_one_version_is_seen_by_the_other_and_notified() {
    let sandbox = crate::sandbox().start().unwrap();
    call(&sandbox, ORDER, &order("order-1", "JSAPI"));
    let early = failure(&call(&sandbox, REFUND, &refund("order-1", "r1", "1000", "300"))).map(str::to_owned);
    assert_eq!(early, ["ERROR", "原订单不存在"]);
    sandbox.pay(&PaymentRequest::new("order-1").discount(100)).unwrap();
    let made = call(&sandbox, REFUND, &refund("order-1", "r1", "1000", "300"));
    let names = ["refund_fee", "total_fee", "cash_fee", "cash_refund_fee", "coupon_refund_fee_0"];
    assert_eq!(values(&made, names), ["300", "1000", "900", "270", "30"]);
    assert_eq!(values(&call(&sandbox, QUERY, &by_number("order-1")), ["trade_state"]), ["REFUND"]);
    sandbox.run_for(60).unwrap();

    let seen = client(&sandbox).get("/v3/refund/domestic/refunds/r1").success();
    assert_eq!((&seen["status"], &seen["amount"]["refund"]), (&json!("SUCCESS"), &json!(300)));
    let body = json!({
        "out_trade_no": "order-1", "out_refund_no": "r2",
        "amount": { "refund": 200, "total": 1_000, "currency": "CNY" },
    });
    client(&sandbox).post("/v3/refund/domestic/refunds", &body).success();
    let listed = call(&sandbox, REFUNDS, &by_number("order-1"));
    let names = ["total_refund_count", "refund_count", "out_refund_no_0", "out_refund_no_1"];
    assert_eq!(values(&listed, names), ["2", "2", "r1", "r2"]);
    let names = ["refund_status_0", "refund_status_1", "refund_fee_0", "coupon_refund_fee_0_0"];
    assert_eq!(values(&listed, names), ["SUCCESS", "PROCESSING", "300", "30"]);
    assert_eq!(listed.text("refund_success_time_0").unwrap().len(), 19);
    let second = call(&sandbox, REFUNDS, &[("out_trade_no", "order-1"), ("offset", "1")]);
    assert_eq!(values(&second, ["refund_count", "out_refund_no_0"]), ["1", "r2"]);
    let one = call(&sandbox, REFUNDS, &[("out_refund_no", "r1")]);
    assert_eq!(values(&one, ["refund_count", "refund_id_0"]), ["1", made.text("refund_id").unwrap()]);
    assert_eq!(failure(&call(&sandbox, REFUNDS, &[("out_refund_no", "r9")]))[0], "REFUNDNOTEXIST");

    let notified = sandbox.notifications().list(&Default::default()).unwrap();
    let mut events: Vec<_> = notified.iter().map(|one| one.event_type.as_str()).collect();
    events.sort_unstable();
    assert_eq!(events, ["v2/refund-processed", "v2/transaction-success"], "r2 names no address");
}

#[test]
fn refunds_of_goods_are_the_same_refunds_and_list_the_coupons() {
    let sandbox = crate::sandbox().start().unwrap();
    call(&sandbox, ORDER, &order("order-1", "JSAPI"));
    sandbox.pay(&PaymentRequest::new("order-1").discount(100)).unwrap();
    let goods = json!({
        "goods_detail": [{ "goods_id": "1001", "goods_name": "茶", "price": 300, "refund_amount": 300, "refund_quantity": 1 }],
    })
    .to_string();
    let mut asked = refund("order-1", "r1", "1000", "300");
    asked.push(("detail", &goods));
    let list = |said: &XmlElements| -> Value {
        serde_json::from_str(said.text("promotion_detail").unwrap()).unwrap()
    };
    let made = call(&sandbox, "/secapi/pay/refundv2", &asked);
    assert_eq!(values(&made, ["refund_fee", "cash_refund_fee", "coupon_refund_fee_0"]), ["300", "270", "30"]);
    let coupon = &list(&made)["promotion_detail"][0];
    assert_eq!((&coupon["amount"], &coupon["refund_amount"]), (&json!(100), &json!(30)));
    assert_eq!(coupon["goods_detail"][0]["goods_id"], "1001");
    let again = call(&sandbox, "/secapi/pay/refundv2", &asked);
    assert_eq!(values(&again, ["refund_id"]), values(&made, ["refund_id"]));
    sandbox.run_for(61).unwrap();

    // Both forms see the refunds of both.
    call(&sandbox, REFUND, &refund("order-1", "r2", "1000", "200"));
    for path in [REFUNDS, "/pay/refundqueryv2"] {
        let said = call(&sandbox, path, &by_number("order-1"));
        assert_eq!(values(&said, ["refund_count", "out_refund_no_0", "out_refund_no_1"]), ["2", "r1", "r2"]);
        assert_eq!(said.text("promotion_detail").is_some(), path != REFUNDS);
    }
    let found = call(&sandbox, "/pay/refundqueryv2", &by_number("order-1"));
    assert_eq!(list(&found)["promotion_detail"][0]["refund_amount"], 50);
    let control = sandbox.control().unwrap();
    control.call("POST", "/refunds/r2/outcome", Some(&json!({ "to": "closed" }))).unwrap();
    let found = call(&sandbox, "/pay/refundqueryv2", &by_number("order-1"));
    assert_eq!(list(&found)["promotion_detail"][0]["refund_amount"], 30, "a closed one gave nothing back");
    let seen = client(&sandbox).get("/v3/refund/domestic/refunds/r1").success();
    assert_eq!(seen["promotion_detail"][0]["goods_detail"][0]["merchant_goods_id"], "1001");
}

#[test]
fn what_a_refund_is_refused_for_has_the_code_of_its_page() {
    let sandbox = crate::sandbox().start().unwrap();
    call(&sandbox, ORDER, &order("order-1", "JSAPI"));
    sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    call(&sandbox, REFUND, &refund("order-1", "r1", "1000", "300"));
    let refused = |with: &[(&str, &str)]| failure(&call(&sandbox, REFUND, with)).map(str::to_owned);
    call(&sandbox, REFUND, &refund("order-1", "r1", "1000", "300"));
    assert_eq!(refused(&refund("order-1", "r1", "1000", "301"))[0], "REFUND_FEE_MISMATCH");
    assert_eq!(
        refused(&refund("order-1", "r2", "1000", "300")),
        ["FREQUENCY_LIMITED", "单笔订单请求频率过高,请于1分钟后重试."]
    );
    sandbox.run_for(61).unwrap();
    assert_eq!(
        refused(&refund("order-1", "r2", "1000", "701")),
        ["INVALID_REQUEST", "refund_fee大于可退金额"]
    );
    for number in ["r1", "r2"] {
        let more = told(&sandbox, REFUND, &refund("order-1", number, "1000", "1001"));
        assert_eq!(more, ["FAIL", "invalid refund_fee", ""], "more than the order");
    }
    assert_eq!(refused(&refund("order-1", "r2", "999", "1"))[0], "ERROR");
    let unread = told(&sandbox, REFUND, &refund("order-1", "r2", "(1000,)", "100"));
    assert_eq!(unread, ["FAIL", "0参数格式错误", ""]);
    let detailed = [&refund("order-1", "r2", "1000", "100")[..], &[("detail", "{}")]].concat();
    assert_eq!(told(&sandbox, REFUND, &detailed), ["FAIL", "不识别的参数detail", ""]);
    assert_eq!(refused(&refund("order-1", "r2", "1000", "0")), ["PARAM_ERROR", "invalid refund_fee"]);
    let mut unknown = refund("order-1", "r2", "1000", "1");
    unknown[0] = ("transaction_id", "4200000000000000000000000000");
    assert_eq!(refused(&unknown)[0], "INVALID_TRANSACTIONID");
    unknown[0].1 = "PAY10636799370777001742365638862";
    assert_eq!(refused(&unknown), ["PARAM_ERROR", "微信订单号非法"]);
    let mut available = refund("order-1", "r2", "1000", "100");
    available.push(("refund_account", "REFUND_SOURCE_RECHARGE_FUNDS"));
    assert_eq!(refused(&available)[0], "NOTENOUGH");
    let mut rest = refund("order-1", "r4", "1000", "700");
    rest.pop();
    call(&sandbox, REFUND, &rest);
    assert_eq!(refused(&refund("order-1", "r5", "1000", "1")), ["ERROR", "订单已全额退款"]);
    sandbox.run_for(366 * 86_400).unwrap();
    assert_eq!(refused(&refund("order-1", "r3", "1000", "1")), ["TRADE_OVERDUE", "订单已经超过退款期限"]);
}

#[test]
fn the_parameters_of_the_front_end_are_checked_as_the_order_was_signed() {
    let sandbox = crate::sandbox().start().unwrap();
    for (number, kind, other) in
        [("order-1", SignType::Md5, SignType::HmacSha256), ("order-2", SignType::HmacSha256, SignType::Md5)]
    {
        let mut request = order(number, "JSAPI");
        request.push(("sign_type", kind.as_str()));
        let made = call(&sandbox, ORDER, &request);
        let package = format!("prepay_id={}", made.text("prepay_id").unwrap());
        let parameters = |kind: SignType, named: SignType| {
            let fields = [
                ("appId", &*sandbox.kit().appid),
                ("timeStamp", "1800000000"),
                ("nonceStr", "abc"),
                ("package", &package),
                ("signType", named.as_str()),
            ];
            let sign = key(&sandbox).sign(kind, fields);
            let members = fields.into_iter().chain([("paySign", &*sign)]);
            members.map(|(name, value)| (name.to_owned(), json!(value))).collect::<serde_json::Map<_, _>>()
        };
        let pay = |given| sandbox.pay(&PaymentRequest::with_front_end(given));
        let reason = pay(parameters(kind, other)).unwrap_err().to_string();
        assert!(reason.contains(&format!("signType must be {}", kind.as_str())), "{reason}");
        let reason = pay(parameters(other, kind)).unwrap_err().to_string();
        assert!(reason.contains(&format!("it was signed with {}", other.as_str())), "{reason}");
        assert!(pay(parameters(kind, kind)).unwrap().paid);
    }
}

#[test]
fn a_bill_is_the_response_itself_plain_or_packed() {
    let sandbox = crate::sandbox().start().unwrap();
    call(&sandbox, ORDER, &order("order-1", "JSAPI"));
    sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    let day = compact(client(&sandbox).now)[..8].to_owned();
    let ask = |with: &[(&str, &str)]| post(&sandbox, "/pay/downloadbill", &signed(&sandbox, with));
    let refused = |with: &[(&str, &str)]| {
        let said = elements(&ask(with));
        values(&said, ["return_code", "return_msg", "error_code", "sign"]).map(str::to_owned)
    };
    assert_eq!(refused(&[("bill_date", &day)]), ["FAIL", "invalid bill_date", "20001", ""]);
    sandbox.run_for(2 * 86_400).unwrap();
    let bill = ask(&[("bill_date", &day), ("bill_type", "ALL")]);
    assert!(bill.text().trim_start_matches('\u{feff}').starts_with("交易时间,公众账号ID"), "{}", bill.text());
    assert!(bill.text().contains("`order-1,"), "{}", bill.text());
    assert_eq!(bill.header("Weipay-Sandbox-Answer"), Some("state"));
    let packed = ask(&[("bill_date", &day), ("tar_type", "GZIP")]);
    assert_eq!(packed.body[..2], [0x1F, 0x8B]);
    let none = compact(client(&sandbox).now - 86_400)[..8].to_owned();
    assert_eq!(refused(&[("bill_date", &none)]), ["FAIL", "No Bill Exist", "20002", ""]);

    let flow = |date: &str| {
        let with = [("bill_date", date), ("account_type", "Basic"), ("sign_type", "HMAC-SHA256")];
        post(&sandbox, "/pay/downloadfundflow", &signed(&sandbox, &with))
    };
    assert!(flow(&day).text().contains("记账时间"), "{}", flow(&day).text());
    let none = compact(client(&sandbox).now - 30 * 86_400)[..8].to_owned();
    assert_eq!(failure(&elements(&flow(&none))), ["NO_BILL_EXIST", "流水账单不存在"]);
}

#[test]
fn whoever_asks_whose_a_payment_code_is_is_the_only_one_that_it_pays() {
    let sandbox = crate::sandbox().merchant(NewMerchant::new().mchid("1900000888")).start().unwrap();
    let other = sandbox.platform().kit_of("1900000888").unwrap();
    let ask = |code: &str| {
        let kit = sandbox.kit();
        let with = [("appid", &*kit.appid), ("mch_id", &*kit.mchid), ("auth_code", code)];
        let said = said_to(&sandbox, kit, "/tools/authcodetoopenid", &with);
        values(&said, ["result_code", "openid", "err_code"]).map(str::to_owned)
    };
    let code = "130000000000000071";
    let asked = ask(code);
    assert_eq!((&*asked[0], asked[1].len()), ("SUCCESS", 28));
    assert_eq!(ask(code), asked, "the same again");
    let pay = |kit: &Kit, number: &str| {
        let with = [
            ("appid", &*kit.appid),
            ("mch_id", &*kit.mchid),
            ("body", "茶"),
            ("out_trade_no", number),
            ("total_fee", "100"),
            ("spbill_create_ip", "127.0.0.1"),
            ("auth_code", code),
        ];
        let said = said_to(&sandbox, kit, "/pay/micropay", &with);
        values(&said, ["result_code", "openid", "err_code"]).map(str::to_owned)
    };
    let refused = ["FAIL", "", "AUTH_CODE_INVALID"];
    assert_eq!(pay(other.kit(), "order-1"), refused);
    assert_eq!(pay(sandbox.kit(), "order-2"), asked);
    assert_eq!(ask(code), refused, "it has paid");
    assert_eq!(ask("1"), refused, "it is no code");
}
