//! Failures: what they say, and whether the operation may have been carried out.

use serde_json::json;
use weipay::Error;

use super::by_hand::{builder, md5, signed, success, xml, xml_response};
use crate::platform::{Platform, Scripted, unsigned};

fn failure(response: Scripted) -> Error {
    let client = builder(&Platform::start(vec![response])).build_blocking().unwrap();
    client.chain("v2/secapi/pay/refund").post(json!({"mch_id": "1900000001"})).unwrap_err()
}

fn business(code: &str) -> [(&str, &str); 5] {
    [
        ("return_code", "SUCCESS"),
        ("return_msg", "OK"),
        ("result_code", "FAIL"),
        ("err_code", code),
        ("err_code_des", "描述"),
    ]
}

#[test]
fn a_business_failure_is_the_error_that_apiv3_has_too() {
    for response in [signed(&business("ORDERPAID")), xml_response(&business("ORDERPAID"))] {
        let error = failure(response);
        assert!(error.is_api());
        assert_eq!((error.code(), error.message()), (Some("ORDERPAID"), Some("描述")));
        assert_eq!(error.status().unwrap(), 200);
        assert_eq!(error.operation().unwrap().title(), "申请退款");
        assert!(error.to_string().starts_with("ORDERPAID: 描述"), "{error}");
        assert!(error.body().unwrap().starts_with(b"<xml>"));
    }
}

#[test]
fn a_code_whose_advice_is_to_ask_again_leaves_the_outcome_open() {
    for code in [
        "SYSTEMERROR",
        "BIZERR_NEED_RETRY",
        "USERPAYING",
        "BANKERROR",
        "FREQUENCY_LIMITED",
        "PROCESSING",
        "SEND_FAILED",
    ] {
        assert!(failure(signed(&business(code))).may_have_taken_effect(), "{code}");
    }
    for code in ["ORDERPAID", "NOTENOUGH", "PARAM_ERROR", "TRADE_OVERDUE"] {
        assert!(!failure(signed(&business(code))).may_have_taken_effect(), "{code}");
    }
    // Nobody knows these.
    for code in ["SYSTEMBUSY", "TIMEOUT", "UNKNOWN", "PAY_UNKNOWN", "20002"] {
        assert!(failure(signed(&business(code))).may_have_taken_effect(), "{code}");
    }
}

#[test]
fn a_request_that_was_not_taken_was_not_carried_out() {
    let not_taken = |message| failure(xml_response(&[("return_code", "FAIL"), ("return_msg", message)]));
    for message in [
        "签名错误",
        "签名失败",
        "参数格式校验错误",
        "缺少参数",
        "XML格式错误",
        "证书已过期",
        "appid不存在",
        "invalid sign",
    ] {
        let error = not_taken(message);
        assert_eq!((error.code(), error.message()), (None, Some(message)));
        assert!(!error.may_have_taken_effect(), "{message}");
    }
    for message in [
        "系统繁忙，请稍后再试",
        "SYSTEMERROR",
        "system error",
        "",
        "timeout",
        "invalid state",
        "design fault",
        "商户号请求频率过高，请稍后重试",
        "系统繁忙(appid wx1)",
        "系统错误：签名服务异常",
        "签名服务超时",
    ] {
        assert!(not_taken(message).may_have_taken_effect(), "{message}");
    }
}

#[test]
fn an_unknown_code_settles_only_that_a_request_was_not_taken() {
    let with = |result: &str, message| {
        let fields = match result {
            "return" => {
                vec![("return_code", "FAIL"), ("return_msg", message), ("err_code", "A_CODE_OF_TOMORROW")]
            }
            _ => vec![
                ("return_code", "SUCCESS"),
                ("result_code", "FAIL"),
                ("err_code", "A_CODE_OF_TOMORROW"),
                ("err_code_des", message),
            ],
        };
        failure(signed(&fields)).may_have_taken_effect()
    };
    for result in ["return", "result"] {
        assert!(with(result, "系统繁忙，请稍后再试"), "{result}");
        assert!(with(result, "余额不足"), "{result}");
    }
    assert!(!with("return", "签名错误"));
    assert!(with("result", "签名错误"));
}

#[test]
fn a_failure_that_is_not_provably_of_the_platform_leaves_the_outcome_open() {
    let fields = business("NOTENOUGH");
    let wrong = [&fields[..], &[("sign", "00000000000000000000000000000000")]].concat();
    let without_code = [("return_code", "SUCCESS"), ("result_code", "FAIL"), ("err_code_des", "失败")];
    for response in [
        xml_response(&wrong),
        // This operation signs its responses, so somebody else wrote it.
        xml_response(&fields),
        unsigned(403, &xml(&fields)),
        signed(&without_code),
        signed(&business("odd code!")),
        unsigned(502, "<html><h1>502 Bad Gateway</h1></html>"),
        unsigned(404, ""),
        unsigned(302, "").header("Location", "https://login.example/"),
        unsigned(500, &xml(&fields)),
        // APIv2 responds in XML: something before it wrote this, also in the words of APIv3.
        unsigned(400, r#"{"code":"PARAM_ERROR","message":"m"}"#),
        unsigned(404, r#"{"code":"ORDER_NOT_EXIST","message":"m"}"#),
    ] {
        let error = failure(response);
        assert!(error.is_api() && error.may_have_taken_effect(), "{error:#}");
    }
    let sign = md5(&fields);
    let signed = [&fields[..], &[("sign", sign.as_str())]].concat();
    assert!(!failure(unsigned(403, &xml(&signed))).may_have_taken_effect());
    // Whoever reads that there is none makes it a second time.
    let absent = unsigned(404, r#"{"code":"ORDER_NOT_EXIST","message":"m"}"#);
    assert_eq!(failure(absent).class(), weipay::error::ErrorClass::Transport);
    // Nobody may act on the code of another call.
    assert_eq!(failure(xml_response(&wrong)).code(), None);
    // What an error says of itself does not depend on a missing one.
    assert_eq!(failure(xml_response(&fields)).class(), weipay::error::ErrorClass::Refused);
    // One whose responses never have a signature.
    let client = builder(&Platform::start(vec![xml_response(&fields)])).build_blocking().unwrap();
    let error = client.chain("v2/mmpaymkttransfers/promotion/transfers").post(json!({})).unwrap_err();
    assert!(error.code() == Some("NOTENOUGH") && !error.may_have_taken_effect(), "{error:#}");
}

#[test]
fn a_failure_in_the_middle_of_a_success_counts() {
    let fields = [("return_code", "FAIL"), ("result_code", "SUCCESS"), ("refund_id", "1")];
    let sign = md5(&fields);
    let error = failure(xml_response(&[&fields[..], &[("sign", sign.as_str())]].concat()));
    assert!(error.is_api());
    // A code in a success: nobody knows which of both holds.
    for code in ["SYSTEMERROR", "PARAM_ERROR", "NOTENOUGH"] {
        let error = failure(success(&[("err_code", code), ("refund_id", "1")]));
        assert_eq!((error.code(), error.may_have_taken_effect()), (Some(code), true), "{error:#}");
    }
    for code in ["SUCCESS", "OK", "0", ""] {
        let platform = Platform::start(vec![success(&[
            ("err_code", code),
            ("err_code_des", "发放成功"),
            ("mch_billno", "1"),
        ])]);
        let client = builder(&platform).build_blocking().unwrap();
        client.chain("v2/mmpaymkttransfers/sendredpack").post(json!({})).unwrap();
    }
}
