//! What users of other clients reported in public: texts, amounts and responses that those clients did not read or
//! write right. As in `reported_bugs.rs`, each names the report; the facts are those of the reports, and the texts
//! are ours.
//!
//! Reports whose test stands elsewhere:
//!
//! | report | test |
//! |---|---|
//! | go-pay/gopay PR#301: a serial that nobody knows ended the process | `notification::apiv3::a_key_that_is_not_configured_is_told_with_those_that_are` |
//! | go-pay/gopay#202: no error for an error response | `known_sdk_mistakes::a_body_that_looks_like_a_success_is_none_under_another_status` |
//! | yansongda/pay#999: a close without a body was an error | `known_sdk_mistakes::an_order_is_closed_by_a_response_without_a_body` |
//! | minibear2021/wechatpayv3#9: an unknown serial led to fetches without an end | `platform_certificates::fetched::a_burst_of_unknown_serials_leads_to_one_fetch_a_minute` |
//! | minibear2021/wechatpayv3#47: no time limit | `lost_connection::silence` |
//! | minibear2021/wechatpayv3#5: a body that was parsed and written again | `notification::apiv3::what_was_done_to_a_body_on_its_way_is_named` |
//! | wechatpay-apiv3/wechatpay-apache-httpclient#221: no key while certificates are replaced | `platform_certificates::fetched::a_rotation_in_the_middle_of_traffic_loses_no_call` |
//! | wechatpay-apiv3/CertificateDownloader#27: a notification with a new certificate never led to a fetch | `platform_certificates::notified::a_new_certificate_is_there_when_the_platform_sends_again` |
//! | wechatpay-apiv3/wechatpay-php#82: the merchant's certificate as the platform's | `environment/tests.rs` |
//! | supersheep/wechat-pay#13: blanks became plus signs | `reported_bugs::a_text_with_any_signs_is_signed_as_it_is_sent` |

use http::HeaderMap;
use serde_json::json;
use weipay::bill::Bill;
use weipay::error::{ErrorKind, FileError};
use weipay::front_end::FrontEnd;
use weipay::model::Fen;
use weipay::notification::{Event, V2Event};
use weipay::wire::{ApiV2Key, ApiV3Key, MerchantId, SignType, XmlElements};
use weipay::{UploadFile, http};

use super::apiv2::by_hand;
use super::notification::{API_V2_KEY, API_V3_KEY, envelope, receiver, settings, signed as notified};
use crate::on_async;
use crate::platform::{MERCHANT, Platform, on_both, signed, unsigned};
use crate::shared_sandbox::client;

/// chanjarster/weixin-java-tools#248, Pay-Group/best-pay-sdk#8, #14 and #15, dedemao/weixinPay#26 and #37, shmy/cn-pay#2 and
/// milkbobo/gopay#7: yuan became fen by way of a fraction, so a payment lost a fen or was refused.
#[test]
fn yuan_become_fen_without_losing_one() {
    for (yuan, fen) in [
        ("19.90", 1990),
        ("19.9", 1990),
        ("0.03", 3),
        ("1.67", 167),
        ("2.68", 268),
        ("8.8", 880),
        ("9.8", 980),
        ("0.3", 30),
    ] {
        assert_eq!(Fen::from_yuan(yuan).map(Fen::get), Ok(fen), "{yuan}");
    }
    for fen in 0..=20_000 {
        let yuan = format!("{}.{:02}", fen / 100, fen % 100);
        assert_eq!(Fen::from_yuan(&yuan).map(Fen::get), Ok(fen), "{yuan}");
    }
    assert!(Fen::from_yuan("980.0000000000001").is_err());
}

/// JeffreySu/WeiXinMPSDK#3167: the value in an error's detail is of any kind, and the error was lost with it.
#[test]
fn an_error_is_read_whatever_its_detail_is() {
    for detail in [
        json!({"field": "/amount/total", "value": 36}),
        json!({"value": [1, "a"]}),
        json!(null),
        json!("x"),
        json!([]),
    ] {
        let body = json!({"code": "PARAM_ERROR", "message": "参数错误", "detail": detail}).to_string();
        let path = "v3/pay/transactions/codepay";
        for (result, _) in on_both!(vec![unsigned(400, &body)], client => client.chain(path).post(json!({})))
        {
            let error = result.unwrap_err();
            assert_eq!((error.code(), error.message()), (Some("PARAM_ERROR"), Some("参数错误")));
            assert!(!error.may_have_taken_effect(), "{error}");
            assert_eq!(error.detail(), Some(&detail));
        }
    }
}

/// wechatpay-apiv3/wechatpay-java#160 and wechatpay-guzzle-middleware#59: what came in place of a receipt was an error,
/// with a blank in its code, and it was kept as the receipt.
#[test]
fn an_error_in_place_of_a_file_is_not_the_file() {
    let refused = "{\"code\":\"INVALID REQUEST\",\"message\":\"错误的签名，导致验签失败\"}";
    let is_refused = |error: weipay::Error| {
        assert!(matches!(error.kind(), ErrorKind::File(FileError::ErrorResponse(_))), "{error}");
        assert!(error.to_string().contains("INVALID REQUEST") && !error.is_retryable(), "{error}");
        assert!(!error.may_have_taken_effect());
    };
    for body in [refused.to_owned(), format!("\u{FEFF} {refused}")] {
        let path = "v3/transferdownload/elecvoucherfile";
        let responses = || vec![unsigned(200, &body)];
        for (result, platform) in
            on_both!(responses(), client => client.chain(path).query("token", "a").get())
        {
            let error = result.unwrap_err();
            assert_eq!((error.code(), error.is_api()), (Some("INVALID REQUEST"), true), "{error}");
            assert!(platform.seen().header("authorization").is_some());
        }
        let digests = [json!({}), json!({"hash_type": "SHA1", "hash_value": "0".repeat(40)})];
        for mut file in digests {
            let platform = Platform::start(vec![unsigned(200, &body)]);
            file["download_url"] =
                format!("{}/v3/transferdownload/signfile?token=a", platform.base_url).into();
            let client = platform.builder().build_blocking().unwrap();
            is_refused(client.download(&file).to_bytes().unwrap_err());
            let platform = Platform::start(vec![unsigned(200, &body)]);
            file["download_url"] =
                format!("{}/v3/transferdownload/signfile?token=a", platform.base_url).into();
            let client = platform.builder().build().unwrap();
            is_refused(on_async(client.download(&file).to_bytes()).unwrap_err());
        }
    }
    // One with the announced digest is the file whatever is in it.
    let of = |text: &str| weipay::wire::DigestAlgorithm::Sha1.hex(text.as_bytes());
    for body in ["{\"code\":\"A1\",\"x\":2}", "{", refused] {
        let platform = Platform::start(vec![unsigned(200, body)]);
        let mut file =
            json!({"download_url": format!("{}/v3/transferdownload/signfile?token=a", platform.base_url)});
        file["hash_type"] = "SHA1".into();
        file["hash_value"] = of(body).into();
        let client = platform.builder().build_blocking().unwrap();
        assert_eq!(client.download(&file).to_bytes().unwrap(), body);
    }
}

/// Of no single report: what people type holds control characters, some servers write a byte order mark, and neither
/// must hide a payment.
#[test]
fn a_body_with_odd_characters_is_read_with_and_without_types() {
    let whole = "{\"out_trade_no\":\"A12345\",\"trade_state\":\"SUCCESS\",\"attach\":\"a?b\"}";
    for (odd, attach) in [("\n", "a\nb"), ("\0", "a\0b"), ("\\ud83d", "a\u{FFFD}b"), ("?", "a?b")] {
        for mark in ["", "\u{FEFF}"] {
            let body = format!("{mark}{}", whole.replace('?', odd));
            let (path, merchant) = ("v3/pay/transactions/out-trade-no/A12345", "1900000001");
            let responses = || vec![signed(200, &body)];
            for (result, _) in
                on_both!(responses(), client => client.chain(path).query("mchid", merchant).get())
            {
                let response = result.unwrap();
                assert_eq!(response.json().unwrap()["attach"], attach, "{body:?}");
                assert_eq!(response.json_as::<serde_json::Value>().unwrap()["trade_state"], "SUCCESS");
                assert_eq!(response.decode_errors().is_empty(), odd == "?", "{body:?}");
                assert_eq!(response.bytes(), body.as_bytes());
            }
            let platform = Platform::start(vec![signed(200, &body)]);
            let client = platform.builder().build_blocking().unwrap();
            let request = weipay::v3::pay::transactions::out_trade_no::out_trade_no::get::Request::new();
            let order =
                client.v3().pay().transactions().out_trade_no().out_trade_no("A12345").get(request).unwrap();
            let read = order.decode().unwrap();
            assert_eq!(
                (read.attach.as_deref(), order.decode_errors().is_empty()),
                (Some(attach), odd == "?")
            );
        }
    }
}

/// dromara/payment-spring-boot#21: a notification has members that no page names. woofcloud/labrador PR#25: and it lacks others.
#[test]
fn a_notification_is_read_with_new_members_and_without_old_ones() {
    let resource = json!({
        "out_trade_no": "o1", "trade_state": "SOMETHING_NEW", "success_time": "", "amount": {"total": 200},
        "state_description": "x", "another": {"a": [1]},
    });
    let body = envelope(API_V3_KEY, "TRANSACTION.SUCCESS", "transaction", &resource.to_string()).to_string();
    let notification = receiver().receive(&notified(body.as_bytes()), body.as_bytes()).unwrap();
    let Event::TransactionSuccess(order) = notification.event() else { panic!("{notification:?}") };
    assert_eq!(order.amount.as_ref().unwrap().total, Some(200));
    assert_eq!(order.trade_state.as_ref().unwrap().as_str(), "SOMETHING_NEW");
    assert!(order.payer.is_none());
}

/// go-pay/gopay#334: with another APIv3 key nobody said which key was wrong.
#[test]
fn a_wrong_api_v3_key_is_named() {
    let body = envelope(API_V3_KEY, "TRANSACTION.SUCCESS", "transaction", "{}").to_string();
    let other = settings().api_v3_key(ApiV3Key::new("99999999999999999999999999999999").unwrap());
    let receiver = weipay::notification::Receiver::new().merchant(other).unwrap();
    let rejection = receiver.receive(&notified(body.as_bytes()), body.as_bytes()).unwrap_err();
    let text = format!("{rejection:#}");
    assert!(text.contains("verified") && text.contains("APIv3密钥"), "{text}");
    assert!(rejection.response().status().is_server_error(), "the platform must send it again");
}

fn v2_body(fields: &[(&str, &str)], kind: SignType) -> String {
    let key = ApiV2Key::new(API_V2_KEY).unwrap();
    let mut elements = XmlElements::new();
    for (name, value) in fields {
        elements.push(*name, *value);
    }
    elements.push("sign", key.sign(kind, fields.iter().copied()));
    elements.write("xml").unwrap()
}

/// Pay-Group/best-pay-sdk#12: a payment with a red packet was not received, because of its coupons.
/// befinal/node-tenpay#18: nor was one with empty elements.
#[test]
fn a_payment_with_coupons_and_empty_elements_is_received_by_apiv2() {
    let fields = [
        ("return_code", "SUCCESS"),
        ("result_code", "SUCCESS"),
        ("appid", "wx1"),
        ("mch_id", "1900000001"),
        ("nonce_str", "n"),
        ("attach", ""),
        ("out_trade_no", "o1"),
        ("transaction_id", "4200"),
        ("total_fee", "100"),
        ("cash_fee", "90"),
        ("coupon_fee", "10"),
        ("coupon_count", "2"),
        ("coupon_id_0", "1"),
        ("coupon_fee_0", "4"),
        ("coupon_type_0", "CASH"),
        ("coupon_id_1", "2"),
        ("coupon_fee_1", "6"),
        ("time_end", "20141030133525"),
    ];
    for kind in [SignType::Md5, SignType::HmacSha256] {
        let body = v2_body(&fields, kind);
        let notification = receiver().receive(&HeaderMap::new(), body.as_bytes()).unwrap();
        assert!(
            notification.decode_errors().is_empty() && notification.is_signed(),
            "{:?}",
            notification.decode_errors()
        );
        let read = notification.json().unwrap();
        assert_eq!((&read["total_fee"], &read["coupon_fee_1"]), (&json!("100"), &json!("6")));
        let Event::V2(V2Event::Payment(paid)) = notification.event() else { panic!("{notification:?}") };
        assert_eq!((paid.total_fee, paid.cash_fee, paid.coupon_count), (Some(100), Some(90), Some(2)));
        let changed = body.replace("100", "1");
        assert!(receiver().receive(&HeaderMap::new(), changed.as_bytes()).is_err());
    }
}

/// binarywang/WxJava#791 and #830: the account of a refund was read in the encoding of the machine. yansongda/pay
/// PR#185: its key is the digest of the key, in small letters.
#[test]
fn a_refund_of_apiv2_is_opened_as_utf_8() {
    let sealed = ApiV2Key::new(API_V2_KEY).unwrap().seal_req_info(
        "<root><out_refund_no>r1</out_refund_no><refund_fee>1</refund_fee><refund_status>SUCCESS</refund_status>\
         <refund_recv_accout><![CDATA[支付用户零钱]]></refund_recv_accout></root>"
            .as_bytes(),
    );
    let mut elements = XmlElements::new();
    for (name, value) in
        [("return_code", "SUCCESS"), ("mch_id", "1900000001"), ("req_info", &sealed.unwrap())]
    {
        elements.push(name, value);
    }
    let body = elements.write("xml").unwrap();
    let notification = receiver().receive(&HeaderMap::new(), body.as_bytes()).unwrap();
    assert_eq!(notification.json().unwrap()["refund_recv_accout"], "支付用户零钱");
}

/// yansongda/pay#267, wechatpy/wechatpy#114 and liyiorg/weixin-popular#17: a bill of APIv2 is text, and its failure is
/// XML; one of them was always taken for the other.
#[test]
fn a_bill_of_apiv2_is_text_and_its_failure_is_an_error() {
    let bill = "\u{feff}交易时间,公众账号ID,总金额\r\n`2014-11-10 16:33:45,`wx1,`0.01\r\n总交易单数,总交易额\r\n`1,`0.01\r\n";
    let platform = Platform::start(vec![
        unsigned(200, bill).header("Content-Type", "text/plain"),
        by_hand::xml_response(&[
            ("return_code", "FAIL"),
            ("return_msg", "invalid bill_date"),
            ("error_code", "20001"),
        ]),
    ]);
    let client = by_hand::builder(&platform).build_blocking().unwrap();
    let ask = || {
        client
            .chain("v2/pay/downloadbill")
            .post(json!({"appid": "wx1", "bill_date": "20141110", "bill_type": "ALL"}))
    };
    let response = ask().unwrap();
    let mut rows = Bill::new(&response.bytes()[..]).unwrap();
    assert_eq!(rows.next_row().unwrap().unwrap().amount("总金额").unwrap().unwrap().fen(), Some(1));
    assert!(rows.next_row().unwrap().is_none() && rows.summary().is_some());
    assert_eq!(ask().unwrap_err().code(), Some("20001"));
}

/// binarywang/WxJava#308 and #1275: bills of payments, of refunds and of both have other columns, which were read by their place.
/// binarywang/weixin-java-pay-demo#138: a day without payments.
#[test]
fn bills_are_read_by_the_names_of_their_columns_and_may_have_no_rows() {
    let of_refunds = "交易时间,商户订单号,总金额,退款申请时间,退款成功时间,退款金额\n\
                      `2014-11-10 16:33:45,`o1,`1.00,`2014-11-11 16:33:45,`,`0.50\n总交易单数,总退款金额\n`1,`0.5\n";
    let mut rows = Bill::new(of_refunds.as_bytes()).unwrap();
    let row = rows.next_row().unwrap().unwrap();
    assert_eq!(row.trade().out_trade_no(), "o1");
    assert_eq!(row.amount("退款金额").unwrap().unwrap().fen(), Some(50));
    assert_eq!(row.trade().refund_success_time(), Ok(None));
    assert!(rows.next_row().unwrap().is_none());
    assert_eq!(rows.summary().unwrap().amount("总退款金额").unwrap().unwrap().fen(), Some(50));

    let nothing = "\u{feff}交易时间,总金额\r\n总交易单数,总交易额\r\n`0,`0.00\r\n";
    let mut rows = Bill::new(nothing.as_bytes()).unwrap();
    assert!(rows.next_row().unwrap().is_none());
    assert_eq!(rows.summary().unwrap().get("总交易单数"), Some("0"));
}

/// befinal/node-tenpay#66: a sign in the number of a product became a part of the link.
#[test]
fn a_product_with_any_signs_stays_one_part_of_its_link() {
    let front_end = FrontEnd::new(MerchantId::new("1900000001").unwrap(), MERCHANT.clone())
        .api_v2_key(ApiV2Key::new(API_V2_KEY).unwrap());
    let link = front_end.native_link("wx1", "a=b#c%d+e").unwrap();
    let query = link.split_once('?').unwrap().1;
    let product = query.split('&').find_map(|pair| pair.strip_prefix("product_id=")).unwrap();
    assert_eq!(product, "a%3Db%23c%25d%2Be");
    assert_eq!(query.split('&').count(), 6);
    // Signed, it would be two values, and anybody could send them so.
    assert!(front_end.native_link("wx1", "a&result_code=SUCCESS").is_err());
}

/// wechatpy/wechatpy#293, offu/WeRoBot#292: a file with a Chinese name was refused.
/// wechatpay-apiv3/wechatpay-guzzle-middleware#6 and w7corp/easywechat PR#2622: the whole body was signed and not the
/// part that describes the file; the sandbox checks that.
#[test]
fn a_file_with_any_name_is_uploaded() {
    for name in ["营业执照.png", "a \"b\".png"] {
        let file = UploadFile::new(name, &b"\x89PNG content"[..]);
        let meta = json!({"filename": name, "sha256": file.sha256()});
        let uploaded = client().chain("v3/marketing/favor/media/image-upload").upload(meta, &file).unwrap();
        assert!(uploaded.json().unwrap()["media_url"].is_string(), "{name}");
    }
}

/// w7corp/easywechat#2443, hpyer/node-easywechat#60 and wwog/wechat-pay-v3-sdk PR#3: the query was not signed, or
/// twice. The platform of the tests checks the signature over what came.
#[test]
fn a_query_is_signed_once_wherever_it_was_given() {
    let target = "/v3/pay/transactions/id/4200001?mchid=1900000001";
    for (found, platform) in on_both!(vec![signed(200, r#"{"trade_state":"NOTPAY"}"#)], client => {
        client.chain("v3/pay/transactions/id/4200001").query("mchid", "1900000001").get()
    }) {
        // An order that is not paid lacks most members.
        assert_eq!(found.unwrap().json().unwrap()["trade_state"], "NOTPAY");
        assert_eq!(platform.seen().target, target);
    }
    for (found, platform) in on_both!(vec![signed(200, "{}")], client => client.chain(&target[1..]).get()) {
        found.unwrap();
        assert_eq!(platform.seen().target, target);
    }
}
