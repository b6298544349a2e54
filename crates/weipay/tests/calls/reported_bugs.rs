//! What users of other clients reported in public, as tests of this one. Each names the report. Bodies are those of the
//! reports, with the numbers of orders changed.

use std::sync::{Arc, Barrier};
use std::thread;

use http::HeaderMap;
use serde_json::{Value, json};
use weipay::error::Advice;
use weipay::front_end::FrontEnd;
use weipay::notification::{Event, RejectionKind};
use weipay::v3::pay::transactions::{jsapi, native, out_trade_no};
use weipay::v3::refund::domestic::refunds;
use weipay::wire::{ApiV2Key, MerchantId, SignType, XmlElements};
use weipay::{Client, blocking, http};

use super::apiv2::by_hand::{self, elements, hmac_sha256, success, xml_response};
use super::notification::{API_V2_KEY, API_V3_KEY, envelope, receiver, signed as notified};
use crate::platform::{MERCHANT, Platform, configured, on_both, responding, signed, unsigned};

/// go-pay/gopay#398 and #399: the refund had been made, and the client reported an error, because `from` is a list.
#[test]
fn a_refund_whose_accounts_are_an_empty_list_is_a_success() {
    let body = r#"{"amount":{"currency":"CNY","discount_refund":0,"from":[],"payer_refund":1,"payer_total":600,"refund":1,
        "refund_fee":0,"settlement_refund":1,"settlement_total":600,"total":600},"channel":"ORIGINAL",
        "create_time":"2024-06-17T13:55:37+08:00","funds_account":"AVAILABLE","out_refund_no":"refund_16","out_trade_no":"c28b",
        "promotion_detail":[],"refund_id":"50300910320240617","status":"PROCESSING","transaction_id":"42000023222024",
        "user_received_account":"支付用户零钱"}"#;
    let refund = read_refund(body);
    let amount = refund.amount.unwrap();
    assert_eq!((amount.refund, amount.refund_fee, amount.from.unwrap().len()), (Some(1), Some(0), 0));
}

/// Recorded of three merchants: an order that nobody has paid shows the currency of the payment, and not its own.
#[test]
fn an_order_that_nobody_has_paid_has_no_currency_of_its_own() {
    let body = r#"{"amount":{"payer_currency":"CNY","total":100},"appid":"wx5beac15ca207c40c","mchid":"1900000001",
        "out_trade_no":"order-1","promotion_detail":[],"scene_info":{"device_id":""},"trade_state":"NOTPAY",
        "trade_state_desc":"订单未支付"}"#;
    let read = on_both!(vec![signed(200, body)], client => {
        let request = out_trade_no::out_trade_no::get::Request::new().mchid("1900000001");
        client.v3().pay().transactions().out_trade_no().out_trade_no("order-1").get(request)
    });
    for (response, _) in read {
        let response = response.unwrap();
        assert!(response.decode_errors().is_empty(), "{:?}", response.decode_errors());
        let order = response.decode().unwrap();
        let amount = order.amount.unwrap();
        assert_eq!(
            (amount.total, amount.currency, amount.payer_currency.as_deref()),
            (Some(100), None, Some("CNY"))
        );
        assert_eq!(order.promotion_detail.unwrap().len(), 0);
    }
}

/// ArtisanCloud/PowerWeChat#217: the goods of a discount are a list too.
#[test]
fn a_refund_of_an_order_with_discounts_lists_their_goods() {
    let body = r#"{"amount":{"currency":"CNY","discount_refund":700,"from":[],"payer_refund":14200,"payer_total":14200,
        "refund":14900,"refund_fee":80,"settlement_refund":14900,"settlement_total":14900,"total":14900},"channel":"ORIGINAL",
        "create_time":"2022-12-08T14:08:15+08:00","funds_account":"AVAILABLE","out_refund_no":"r1","out_trade_no":"o1",
        "promotion_detail":[{"amount":700,"goods_detail":[{"goods_name":"tea","merchant_goods_id":"1","refund_amount":700,
        "refund_quantity":1,"unit_price":14900}],"promotion_id":"12","refund_amount":700,"scope":"GLOBAL","type":"DISCOUNT"}],
        "refund_id":"5","status":"PROCESSING","transaction_id":"4","user_received_account":"支付用户零钱"}"#;
    let details = read_refund(body).promotion_detail.unwrap();
    let goods = details[0].goods_detail.as_ref().unwrap();
    assert_eq!((goods[0].refund_amount, goods[0].unit_price), (Some(700), Some(14900)));
}

fn read_refund(body: &str) -> refunds::post::Response {
    let recorded: serde_json::Value = serde_json::from_str(body).unwrap();
    let number = |name: &str| recorded[name].as_str().unwrap();
    let [first, second] = on_both!(vec![signed(200, body)], client => {
        let amount = refunds::post::Amount::new().refund(1).total(600).currency("CNY");
        let request = refunds::post::Request::new()
            .out_trade_no(number("out_trade_no"))
            .out_refund_no(number("out_refund_no"))
            .amount(amount);
        client.v3().refund().domestic().refunds().post(request)
    })
    .map(|(response, _)| {
        let response = response.unwrap();
        assert!(response.decode_errors().is_empty(), "{:?}", response.decode_errors());
        response.decode().unwrap()
    });
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
    first
}

/// JeffreySu/WeiXinMPSDK#3333: what a discount contributes is a number, in some notifications as text.
#[test]
fn amounts_of_a_discounted_payment_are_numbers_or_texts() {
    for amount in [json!(100), json!("100")] {
        let resource = json!({
            "out_trade_no": "o1", "trade_state": "SUCCESS", "amount": {"total": 200, "payer_total": 100},
            "promotion_detail": [{"coupon_id": "1", "amount": amount, "wechatpay_contribute": amount, "merchant_contribute": 0}],
        });
        let body =
            envelope(API_V3_KEY, "TRANSACTION.SUCCESS", "transaction", &resource.to_string()).to_string();
        let notification = receiver().receive(&notified(body.as_bytes()), body.as_bytes()).unwrap();
        let Event::TransactionSuccess(order) = notification.event() else { panic!("{notification:?}") };
        let details = order.promotion_detail.as_ref().unwrap();
        assert_eq!((details[0].wechatpay_contribute, details[0].amount), (Some(100), Some(100)));
        assert_eq!(order.amount.as_ref().unwrap().total, Some(200));
    }
}

/// wechatpay-apiv3/wechatpay-go#200: a notified refund has neither `channel` nor `funds_account`.
/// binarywang/WxJava#3106: its amounts are numbers.
#[test]
fn a_notified_refund_needs_only_what_notifications_have() {
    let resource = r#"{"mchid":"1900000001","out_trade_no":"o1","transaction_id":"4","out_refund_no":"r1","refund_id":"5",
        "refund_status":"SUCCESS","success_time":"2023-08-18T10:00:00+08:00","user_received_account":"招商银行信用卡0403",
        "amount":{"total":999,"refund":999,"payer_total":999,"payer_refund":999}}"#;
    let body = envelope(API_V3_KEY, "REFUND.SUCCESS", "refund", resource).to_string();
    let notification = receiver().receive(&notified(body.as_bytes()), body.as_bytes()).unwrap();
    assert!(notification.decode_errors().is_empty(), "{:?}", notification.decode_errors());
    let Event::RefundSuccess(refund) = notification.event() else { panic!("{notification:?}") };
    assert_eq!(refund.amount.as_ref().unwrap().refund, Some(999));
}

/// binarywang/WxJava PR#829: a refund notification that reports a failure has no sealed part.
#[test]
fn a_v2_notification_without_its_sealed_part_is_rejected() {
    let mut elements = XmlElements::new();
    for (name, value) in [("return_code", "FAIL"), ("return_msg", "签名失败"), ("mch_id", "1900000001")] {
        elements.push(name, value);
    }
    let body = elements.write("xml").unwrap();
    let rejection = receiver().receive(&HeaderMap::new(), body.as_bytes()).unwrap_err();
    assert!(matches!(rejection.kind(), RejectionKind::Unverified { .. }), "{rejection:#}");
}

/// minibear2021/wechatpayv3#58, wechatpay-apiv3/wechatpay-java#114 and binarywang/WxJava#2304: calls at the same time
/// took each other's headers, signatures and bodies.
#[test]
fn calls_at_the_same_time_keep_their_own_headers_bodies_and_responses() {
    const CALLS: usize = 32;
    let base_url = responding(|seen| {
        let number = |from: &Value| from["out_trade_no"].as_str().unwrap().to_owned();
        if seen.target.starts_with("/v3/") {
            let number = number(&serde_json::from_slice(&seen.body).unwrap());
            assert_eq!(seen.header("accept-language"), Some(number.as_str()));
            return signed(200, &json!({"prepay_id": number}).to_string());
        }
        let sent = elements(seen);
        let number = &sent.iter().find(|(name, _)| name == "out_trade_no").unwrap().1;
        success(&[("prepay_id", number)])
    });
    let builder = || {
        configured()
            .base_url(&base_url)
            .api_v2_key(ApiV2Key::new(by_hand::KEY).unwrap())
            .check_requests(false)
    };
    let body = |number: &str| json!({"out_trade_no": number});

    let client: blocking::Client = builder().build_blocking().unwrap();
    let together = Barrier::new(CALLS);
    thread::scope(|scope| {
        for number in 0..CALLS {
            let (client, together, number) = (client.clone(), &together, format!("order-{number}"));
            scope.spawn(move || {
                together.wait();
                let ordered = client.chain("v3/pay/transactions/jsapi").header("Accept-Language", &number);
                assert_eq!(
                    ordered.post(body(&number)).unwrap().json().unwrap()["prepay_id"],
                    number.as_str()
                );
                let ordered = client.chain("v2/pay/unifiedorder").post(body(&number)).unwrap();
                assert_eq!(ordered.json().unwrap()["prepay_id"], number.as_str());
            });
        }
    });

    let client: Arc<Client> = Arc::new(builder().build().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let calls: Vec<_> = (0..CALLS)
            .map(|number| {
                let (client, number) = (Arc::clone(&client), format!("order-{number}"));
                tokio::spawn(async move {
                    let ordered =
                        client.chain("v3/pay/transactions/jsapi").header("Accept-Language", &number);
                    let response = ordered.post(body(&number)).await.unwrap();
                    assert_eq!(response.json().unwrap()["prepay_id"], number.as_str());
                    let response = client.chain("v2/pay/unifiedorder").post(body(&number)).await.unwrap();
                    assert_eq!(response.json().unwrap()["prepay_id"], number.as_str());
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
    });
}

/// easy-swoole/pay#41: a response says nothing of its kind of signature, and has elements without a value.
#[test]
fn a_v2_response_verifies_without_sign_type_and_with_empty_elements() {
    let fields = [
        ("return_code", "SUCCESS"),
        ("return_msg", ""),
        ("result_code", "SUCCESS"),
        ("device_info", ""),
        ("prepay_id", "wx201411101639507cbf6ffd8b0779950874"),
    ];
    let sign = hmac_sha256(&fields);
    let platform = Platform::start(vec![xml_response(&[&fields[..], &[("sign", sign.as_str())]].concat())]);
    let client = by_hand::builder(&platform).build_blocking().unwrap();
    let response = client.chain("v2/pay/unifiedorder").post(json!({"out_trade_no": "1"})).unwrap();
    assert!(response.is_verified());
    assert_eq!(response.json().unwrap()["device_info"], "");
}

/// egzosn/pay-java-parent#68: a refund that is refused has members that no success has.
#[test]
fn a_refused_refund_of_apiv2_says_why() {
    let refused = [
        ("return_code", "SUCCESS"),
        ("return_msg", "OK"),
        ("appid", "wx333333333333"),
        ("mch_id", "1900000001"),
        ("result_code", "FAIL"),
        ("err_code", "INVALID_REQUEST"),
        ("err_code_des", "refund_fee大于可退金额"),
    ];
    let client =
        by_hand::builder(&Platform::start(vec![by_hand::signed(&refused)])).build_blocking().unwrap();
    let error = client.chain("v2/secapi/pay/refund").post(json!({"out_refund_no": "1"})).unwrap_err();
    assert_eq!((error.code(), error.message()), (Some("INVALID_REQUEST"), Some("refund_fee大于可退金额")));
}

/// binarywang/WxJava#3091 and wleven/wxpay#5: a failure whose sentence has a name of its own.
#[test]
fn a_failure_of_apiv2_says_its_sentence_under_any_name() {
    let refused =
        [("return_code", "FAIL"), ("error_code", "NOAUTH"), ("error_msg", "回退方没有开通分账回退功能")];
    let client = by_hand::builder(&Platform::start(vec![xml_response(&refused)])).build_blocking().unwrap();
    let error =
        client.chain("v2/secapi/pay/profitsharingreturn").post(json!({"out_return_no": "1"})).unwrap_err();
    assert_eq!((error.code(), error.message()), (Some("NOAUTH"), Some("回退方没有开通分账回退功能")));
    // Such a refusal is never signed. Its code settles it, as that of an error of APIv3 does; one that nobody knows does not.
    assert!(!error.may_have_taken_effect());
    for code in ["SYSTEMERROR", "UPSTREAM_TIMEOUT", ""] {
        let refused =
            [("return_code", "FAIL"), ("error_code", code), ("error_msg", "回退方没有开通分账回退功能")];
        let client =
            by_hand::builder(&Platform::start(vec![xml_response(&refused)])).build_blocking().unwrap();
        let request = json!({"out_return_no": "1"});
        let error = client.chain("v2/secapi/pay/profitsharingreturn").post(request).unwrap_err();
        assert!(error.may_have_taken_effect(), "{code}");
    }
}

/// binarywang/WxJava#1975: of a payment to the wallet the names differ once more. The code is a number that says nothing.
#[test]
fn a_refused_payment_to_the_wallet_says_why() {
    let refused =
        [("return_code", "FAIL"), ("retmsg", "请确认请求参数是否正确param mch_id invalid"), ("retcode", "1")];
    let client = by_hand::builder(&Platform::start(vec![xml_response(&refused)])).build_blocking().unwrap();
    let request = json!({"partner_trade_no": "1"});
    let error = client.chain("v2/mmpaymkttransfers/promotion/transfers").post(request).unwrap_err();
    assert_eq!(error.message(), Some("请确认请求参数是否正确param mch_id invalid"));
    assert!(error.may_have_taken_effect());
}

/// Five programs read these sentences to find that a refund or a transfer had been made before. Who takes them for a
/// mistake of the request, and takes a new number, pays twice.
/// lokielse/omnipay-wechatpay#106, binarywang/WxJava#860: the coupon has a code of its own. Whether the stock was counted is not
/// known then.
#[test]
fn a_coupon_of_apiv2_that_nobody_got_is_no_success() {
    let sent = |ret_code, counts: [&'static str; 2]| {
        success(&[
            ("coupon_stock_id", "9704049"),
            ("resp_count", "1"),
            ("success_count", counts[0]),
            ("failed_count", counts[1]),
            ("openid", "oe1LljneXW7tVseHQo6W4qNCKOa0"),
            ("ret_code", ret_code),
            ("ret_msg", "你已领取过该代金券"),
            ("coupon_id", "1870"),
        ])
    };
    for (response, is_success) in [(sent("SUCCESS", ["1", "0"]), true), (sent("FAILED", ["0", "1"]), false)] {
        let platform = Platform::start(vec![response]);
        let client = by_hand::builder(&platform).build_blocking().unwrap();
        let request = json!({
            "coupon_stock_id": "9704049", "openid_count": 1, "partner_trade_no": "1",
            "openid": "oe1LljneXW7tVseHQo6W4qNCKOa0",
        });
        let outcome = client.chain("v2/mmpaymkttransfers/send_coupon").post(&request);
        assert_eq!(outcome.is_ok(), is_success);
        if let Err(error) = outcome {
            assert!(
                error.may_have_taken_effect() && error.message() == Some("你已领取过该代金券"),
                "{error}"
            );
        }
    }
}

#[test]
fn what_an_earlier_call_did_is_to_be_queried_and_not_corrected() {
    let refusals = [
        (400, "v3/refund/domestic/refunds", "INVALID_REQUEST", "订单已全额退款"),
        (
            400,
            "v3/refund/domestic/refunds",
            "INVALID_REQUEST",
            "订单金额或退款金额与之前请求不一致，请核实后再试",
        ),
        (400, "v3/refund/domestic/refunds", "INVALID_REQUEST", "申请退款金额超过订单可退金额"),
        (403, "v3/profitsharing/orders", "NOT_ENOUGH", "分账金额不足"),
        (400, "v3/transfer/batches", "INVALID_REQUEST", "对应单号已超出重试期,请查单确认后决定是否换单请求"),
        (
            400,
            "v3/fund-app/mch-transfer/transfer-bills",
            "INVALID_REQUEST",
            "对应单号已超出重试期，请查单确认后决定是否换单请求",
        ),
    ];
    for (status, path, code, message) in refusals {
        let body = json!({"code": code, "message": message}).to_string();
        for (response, _) in
            on_both!(vec![unsigned(status, &body)], client => client.chain(path).post(json!({})))
        {
            let error = response.unwrap_err();
            assert_eq!(error.advice(), Some(Advice::QueryState), "{path}: {error:#}");
        }
    }
    let refused = [
        ("return_code", "SUCCESS"),
        ("result_code", "FAIL"),
        ("err_code", "ERROR"),
        ("err_code_des", "订单已全额退款"),
    ];
    let client =
        by_hand::builder(&Platform::start(vec![by_hand::signed(&refused)])).build_blocking().unwrap();
    let error = client.chain("v2/secapi/pay/refund").post(json!({"out_refund_no": "1"})).unwrap_err();
    assert_eq!(error.advice(), Some(Advice::QueryState), "{error:#}");
}

/// JeffreySu/WeiXinMPSDK#3217: the platform counts the bytes of a description, and refused one of 69 characters.
#[test]
fn a_description_is_measured_in_bytes() {
    let text = "微信支付商品描述".repeat(6);
    assert!(text.chars().count() < 127 && text.len() > 127);
    let request = native::post::Request::new().description(text.as_str());
    let checked = request.check();
    assert!(checked.violations.iter().any(|violation| violation.path == "description"), "{checked:?}");
}

/// JeffreySu/WeiXinMPSDK#572, helei112g/payment#115 and wechatpay-apiv3/wechatpay-apache-httpclient#8: text beyond
/// ASCII, and signs that mean something in XML, JSON or a URL, broke the signature.
#[test]
fn a_text_with_any_signs_is_signed_as_it_is_sent() {
    let texts = [
        "诺基亚 7 (Nokia 7) 4GB+64GB 黑色 全网通",
        "！~~ & < > \" ' \\ / % + = ; # ? @",
        "]]> <![CDATA[x]]> &amp; &#65;",
        "😀👨‍👩‍👧 é e\u{301} \u{2028}",
    ];
    for text in texts {
        // The platform of the tests checks the signature over the bytes that came.
        for (response, platform) in on_both!(vec![signed(200, r#"{"code_url":"weixin://1"}"#)], client => {
            client.v3().pay().transactions().native().post(native::post::Request::new()
                .appid("wx1").mchid("1900000001").description(text).out_trade_no("order-1")
                .notify_url("https://www.example.com/").amount(native::post::PayOrderAmount::new().total(1)))
        }) {
            response.unwrap();
            let sent: Value = serde_json::from_slice(&platform.seen().body).unwrap();
            assert_eq!(sent["description"], text);
        }
        let platform = Platform::start(vec![success(&[("prepay_id", "wx1")])]);
        let client = by_hand::builder(&platform).build_blocking().unwrap();
        client.chain("v2/pay/unifiedorder").post(json!({"body": text})).unwrap();
        let sent = elements(&platform.seen());
        assert_eq!(sent.iter().find(|(name, _)| name == "body").unwrap().1, text);
        let fields: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let sign = &sent.iter().find(|(name, _)| name == "sign").unwrap().1;
        assert_eq!(*sign, by_hand::md5(&fields));
    }
}

/// wechatpay-apiv3/wechatpay-php#56, #69, #74, #77 and #114, wechatpay-axios-plugin#53: ids in a path were written in
/// small letters.
#[test]
fn capitals_of_an_id_survive_in_every_style() {
    let target = "/v3/marketing/favor/users/oUpF8uMuAJO_M2pxb1Q9zNjWeS6o/coupons/98674556?appid=wx1";
    for (response, platform) in on_both!(vec![signed(200, "{}")], client => {
        let chain = client.v3().marketing().favor().users().openid("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").coupons();
        let request = weipay::v3::marketing::favor::users::openid::coupons::coupon_id::get::Request::new().appid("wx1");
        chain.coupon_id("98674556").get(request)
    }) {
        response.unwrap();
        assert_eq!(platform.seen().target, target);
    }
    for (response, platform) in on_both!(vec![signed(200, "{}")], client => {
        client.chain("v3/marketing/favor/users/oUpF8uMuAJO_M2pxb1Q9zNjWeS6o/coupons/98674556").query("appid", "wx1").get()
    }) {
        response.unwrap();
        assert_eq!(platform.seen().target, target);
    }
}

/// wxpay/WXPay-SDK-Java#4: the order was signed with HMAC and the front end with MD5, which the platform refuses.
#[test]
fn a_front_end_is_signed_with_the_kind_that_it_is_asked_for() {
    let key = || ApiV2Key::new(API_V2_KEY).unwrap();
    let front_end = FrontEnd::new(MerchantId::new("1900000001").unwrap(), MERCHANT.clone()).api_v2_key(key());
    for (kind, name) in [(SignType::HmacSha256, "HMAC-SHA256"), (SignType::Md5, "MD5")] {
        let parameters = front_end.jsapi_v2("wx1", "wx2017", kind).unwrap();
        let given = serde_json::to_value(&parameters).unwrap();
        let fields: Vec<_> = ["appId", "timeStamp", "nonceStr", "package", "signType"]
            .map(|name| (name, given[name].as_str().unwrap()))
            .into();
        assert_eq!((&given["signType"], &given["paySign"]), (&json!(name), &json!(key().sign(kind, fields))));
    }
}

/// minibear2021/wechatpayv3#57: the amount was sent as a list, by a comma too many. A type does not let that happen,
/// and JSON is told.
#[test]
fn a_member_of_the_wrong_kind_is_told_before_it_is_sent() {
    let written = r#"{"appid":"wx1","mchid":"1900000001","description":"tea","out_trade_no":"order-1",
        "notify_url":"https://www.example.com/","amount":[{"total":1}],"payer":{"openid":"o"}}"#;
    let error = serde_json::from_str::<jsapi::post::Request>(written).unwrap_err().to_string();
    assert!(error.contains("amount"), "{error}");
}
