//! What is believed.

use serde_json::json;
use weipay::blocking::Client;
use weipay::error::ErrorKind;
use weipay::wire::{SignError, VerifyError, XmlError};

use super::by_hand::{KEY, SUCCESS, builder, hmac_sha256, md5, signed, success, xml, xml_response};
use crate::on_async;
use crate::platform::{Platform, Scripted, unsigned};

fn client(responses: Vec<Scripted>) -> Client {
    builder(&Platform::start(responses)).build_blocking().unwrap()
}

fn paid() -> Vec<(&'static str, &'static str)> {
    [
        &SUCCESS[..],
        &[("trade_state", "SUCCESS"), ("total_fee", "100"), ("attach", ""), ("nobody_knows_it", " x ")],
    ]
    .concat()
}

#[test]
fn a_success_is_believed_by_either_kind_of_signature() {
    let fields = paid();
    for sign in [md5(&fields), hmac_sha256(&fields), md5(&fields).to_lowercase()] {
        let client = client(vec![xml_response(&[&fields[..], &[("sign", sign.as_str())]].concat())]);
        let response = client.chain("v2/pay/orderquery").post(json!({})).unwrap();
        assert!(response.is_verified());
        let read = response.json().unwrap();
        assert_eq!((&read["total_fee"], &read["attach"]), (&json!("100"), &json!("")));
        assert_eq!(read["nobody_knows_it"], " x ");
        assert!(response.text().unwrap().starts_with("<xml>"));
    }
}

/// `return_code` says that the request was understood. Whether a payment was made, `result_code` says.
#[test]
fn a_signed_response_that_does_not_say_how_the_call_ended_is_no_success() {
    let understood = [("return_code", "SUCCESS"), ("return_msg", "OK"), ("nonce_str", "n")];
    for path in ["v2/pay/micropay", "v2/secapi/pay/refund", "v2/mmpaymkttransfers/sendredpack"] {
        for more in [&[][..], &[("result_code", "")]] {
            let error = client(vec![signed(&[&understood, more].concat())]).chain(path).post(json!({}));
            let error = error.unwrap_err();
            assert!(error.is_unverified() && error.may_have_taken_effect(), "{path}: {error}");
            assert!(format!("{error:#}").contains("no `result_code` SUCCESS"), "{error:#}");
        }
    }
    // Operations whose responses have none.
    let rate = client(vec![signed(&[&understood[..], &[("max_ratio", "2000")]].concat())])
        .chain("v2/pay/profitsharingmerchantratioquery")
        .post(json!({}));
    assert!(rate.unwrap().is_verified());
}

#[test]
fn a_success_of_another_order_is_refused() {
    let fields = [&paid()[..], &[("out_trade_no", "B2")]].concat();
    for (asked, is_another) in [("A1", true), ("B2", false), ("", false)] {
        let client = client(vec![signed(&fields)]);
        let result = client.chain("v2/pay/orderquery").post(json!({"out_trade_no": asked}));
        match result {
            Ok(_) => assert!(!is_another, "{asked}"),
            Err(error) => {
                let kind = error.kind();
                assert!(
                    is_another
                        && matches!(kind, ErrorKind::MismatchedResponse { field: Some("out_trade_no") })
                );
            }
        }
    }
}

/// What the platform sends when it has closed or queried an order is not a payment of it. In APIv2 that has no state.
#[test]
fn a_success_of_another_operation_is_refused() {
    let sent = json!({"out_trade_no": "A1", "out_refund_no": "R1"});
    let queried = [("out_trade_no", "A1"), ("trade_state", "NOTPAY"), ("trade_state_desc", "d")];
    for path in ["v2/pay/micropay", "v2/deposit/micropay", "v2/secapi/pay/refund"] {
        for other in [&[][..], &queried] {
            let response = success(other);
            let error = client(vec![response]).chain(path).post(&sent).unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::MismatchedResponse { field: Some(_) }),
                "{path}: {error}"
            );
            assert!(error.may_have_taken_effect() && error.is_unverified(), "{path}");
        }
    }
    let closed =
        client(vec![success(&queried)]).chain("v2/pay/closeorder").post(json!({"out_trade_no": "A1"}));
    assert!(matches!(closed.unwrap_err().kind(), ErrorKind::MismatchedResponse { field: None }));
    // Nobody signs this one.
    let bare = xml_response(&[("return_code", "SUCCESS"), ("result_code", "SUCCESS")]);
    let paid_out =
        client(vec![bare]).chain("v2/mmpaymkttransfers/sendredpack").post(json!({"mch_billno": "B"}));
    assert!(paid_out.unwrap_err().may_have_taken_effect());
}

#[test]
fn a_success_that_is_not_proven_is_an_error_that_may_have_taken_effect() {
    let fields = paid();
    let sign = md5(&fields);
    let right = xml(&[&fields[..], &[("sign", sign.as_str())]].concat());
    let is_sign = |expected: SignError| move |error: &VerifyError| *error == VerifyError::Sign(expected);
    type Expected = Box<dyn Fn(&VerifyError) -> bool>;
    let cases: Vec<(&str, Vec<u8>, Expected)> = vec![
        ("no signature", xml(&fields).into(), Box::new(is_sign(SignError::Missing))),
        (
            "an empty one",
            xml(&[&fields[..], &[("sign", "")]].concat()).into(),
            Box::new(is_sign(SignError::Missing)),
        ),
        ("a changed amount", right.replace("[100]", "[1]").into(), Box::new(is_sign(SignError::Mismatch))),
        ("a changed state", right.replace("[OK]", "[Ok]").into(), Box::new(is_sign(SignError::Mismatch))),
        (
            "a field more",
            right.replace("<xml>", "<xml><a>1</a>").into(),
            Box::new(is_sign(SignError::Mismatch)),
        ),
        (
            "a field less",
            right.replace("<return_msg><![CDATA[OK]]></return_msg>", "").into(),
            Box::new(is_sign(SignError::Mismatch)),
        ),
        ("blanks cut off", right.replace("[ x ]", "[x]").into(), Box::new(is_sign(SignError::Mismatch))),
        ("a short one", right.replace(&sign, &sign[..31]).into(), Box::new(is_sign(SignError::Malformed))),
        (
            "a probe",
            right.replace(&sign, "WECHATPAY/SIGNTEST/").into(),
            Box::new(is_sign(SignError::Malformed)),
        ),
        (
            "a value twice",
            right.replace("<xml>", "<xml><total_fee>1</total_fee>").into(),
            Box::new(|error| matches!(error, VerifyError::Xml(XmlError::Repeated { .. }))),
        ),
        (
            "a page of a proxy",
            b"<html><body>welcome</body></html>".to_vec(),
            Box::new(|error| matches!(error, VerifyError::Xml(XmlError::Root { .. }))),
        ),
        (
            "a page with a document type",
            b"<!DOCTYPE html><html></html>".to_vec(),
            Box::new(|error| *error == VerifyError::Xml(XmlError::DocumentType)),
        ),
        (
            "an entity from outside",
            b"<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><xml><a>&e;</a></xml>".to_vec(),
            Box::new(|error| *error == VerifyError::Xml(XmlError::DocumentType)),
        ),
        (
            "half of it",
            right[..right.len() / 2].into(),
            Box::new(|error| matches!(error, VerifyError::Xml(_))),
        ),
        (
            "all but its last letter",
            right[..right.len() - 1].into(),
            Box::new(|error| *error == VerifyError::Xml(XmlError::Cut)),
        ),
        ("nothing", Vec::new(), Box::new(|error| *error == VerifyError::Xml(XmlError::Empty))),
        ("JSON", b"{}".to_vec(), Box::new(|error| *error == VerifyError::Xml(XmlError::NotXml))),
        (
            "no word of success",
            b"<xml><a>1</a></xml>".to_vec(),
            Box::new(|error| *error == VerifyError::Xml(XmlError::NoOutcome { element: "return_code" })),
        ),
        (
            "another encoding",
            b"<xml><a>\xB5\xE7</a></xml>".to_vec(),
            Box::new(|error| *error == VerifyError::Xml(XmlError::Encoding)),
        ),
    ];
    for (name, body, expected) in cases {
        let client = client(vec![unsigned(200, "").with_bytes(&body)]);
        let error = client.chain("v2/pay/orderquery").post(json!({})).unwrap_err();
        let ErrorKind::Unverified(reason) = error.kind() else { panic!("{name}: {error:#}") };
        assert!(expected(reason), "{name}: {reason:?}");
        assert!(error.is_unverified() && error.may_have_taken_effect(), "{name}");
        assert!(!format!("{error:#} {error:?} {error:#?}").contains(KEY), "{name}");
    }
}

/// The same values, written in any way that XML has; and what two readers could read in two ways. Both clients.
#[test]
fn xml_that_can_be_read_in_two_ways_is_not_believed() {
    let fields = [&SUCCESS[..], &[("attach", "a<b>&\"c\"李"), ("out_trade_no", "1")]].concat();
    let sign = md5(&fields);
    let plain = xml(&[&fields[..], &[("sign", sign.as_str())]].concat());
    let swapped = |from: &str, to: &str| {
        assert!(plain.contains(from), "{from}");
        plain.replacen(from, to, 1)
    };
    let attach = "<attach><![CDATA[a<b>&\"c\"李]]></attach>";
    let result = "<result_code><![CDATA[SUCCESS]]></result_code>";
    let sign_element = format!("<sign><![CDATA[{sign}]]></sign>");
    let half = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let outcomes = |body: &[u8]| {
        let call = json!({"out_trade_no": "1"});
        let platform = Platform::start(vec![unsigned(200, "").with_bytes(body)]);
        let client = builder(&platform).build_blocking().unwrap();
        let first = client.chain("v2/pay/orderquery").post(&call);
        let platform = Platform::start(vec![unsigned(200, "").with_bytes(body)]);
        let client = builder(&platform).build().unwrap();
        [first, on_async(client.chain("v2/pay/orderquery").post(&call))]
    };
    for good in [
        plain.clone(),
        format!("\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c -->\n{plain}\n"),
        swapped(attach, "<attach><![CDATA[a<b]]><![CDATA[>&\"c\"李]]></attach>"),
        swapped(attach, "<attach>a&lt;b&gt;&amp;&quot;c&quot;&#x674E;</attach>"),
        swapped(attach, "<attach t='1'>a&#60;b<![CDATA[>&\"c\"]]>李</attach >"),
        swapped(result, "<result_code>SUCC<![CDATA[ESS]]></result_code>"),
    ] {
        for response in outcomes(good.as_bytes()) {
            let response = response.unwrap();
            assert!(response.is_verified());
            assert_eq!(response.json().unwrap()["attach"], "a<b>&\"c\"李", "{good}");
        }
    }
    for bad in [
        swapped(&sign_element, &format!("{sign_element}{sign_element}")),
        swapped(&sign_element, &format!("<sign>0</sign>{sign_element}")),
        swapped(&sign_element, &format!("<sign><a>{sign}</a></sign>")),
        swapped(result, &format!("{result}<result_code>FAIL</result_code>")),
        swapped(result, &format!("<result_code>FAIL</result_code>{result}")),
        swapped(result, &format!("{result}<result_code><a/></result_code>")),
        swapped(result, "<result_code>success</result_code>"),
        swapped(result, "<result_code> SUCCESS </result_code>"),
        swapped(result, "<result_code>SUC<!-- -->CESS</result_code>"),
        swapped(result, "<Result_Code>SUCCESS</Result_Code>"),
        swapped(result, ""),
        swapped(attach, "<attach>&e;</attach>"),
        swapped(attach, "<attach>a<!-- x -->b</attach>"),
        format!("<!DOCTYPE x [<!ENTITY e \"SUCCESS\">]>{plain}"),
        format!("<?xml version=\"1.0\" encoding=\"GBK\"?>{plain}"),
        format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{plain}"),
        format!("{plain}{plain}"),
        format!("{plain}\0"),
        format!("<root>{plain}</root>"),
        plain[..plain.len() - 1].to_owned(),
    ]
    .map(String::into_bytes)
    .into_iter()
    .chain([
        half(&plain),
        half(&format!("\u{FEFF}{plain}")),
        plain.replace('李', "?").into_bytes(),
        [plain.as_bytes(), b"\xC0\xEE"].concat(),
        flipped(&plain),
    ]) {
        for outcome in outcomes(&bad) {
            let error = outcome.expect_err(&String::from_utf8_lossy(&bad));
            assert!(error.may_have_taken_effect(), "{error:#}: {}", String::from_utf8_lossy(&bad));
        }
    }
}

/// The bytes of GBK in place of those of UTF-8.
fn flipped(xml: &str) -> Vec<u8> {
    let (before, after) = xml.split_once('李').unwrap();
    [before.as_bytes(), b"\xC0\xEE", after.as_bytes()].concat()
}

#[test]
fn only_rows_that_say_so_have_responses_without_a_signature() {
    let own = [&SUCCESS[..], &[("partner_trade_no", "1")]].concat();
    for body in [xml(&own), xml(&[&own[..], &[("sign", "whatever")]].concat())] {
        let client = client(vec![unsigned(200, &body)]);
        let response = client.chain("v2/mmpaymkttransfers/gettransferinfo").post(json!({})).unwrap();
        assert!(!response.is_verified());
    }
    for body in ["<html></html>", "{}", "", "<xml><a>1</a></xml>"] {
        let client = client(vec![unsigned(200, body)]);
        let error = client.chain("v2/mmpaymkttransfers/gettransferinfo").post(json!({})).unwrap_err();
        assert!(error.is_unverified() && error.may_have_taken_effect(), "{body}");
    }
}

#[test]
fn a_bill_is_a_file_and_what_is_none_is_not_taken_for_one() {
    let bill = "\u{FEFF}交易时间,公众账号ID\r\n`2014-11-10 16:33:45,`wx2421b1c4370ec43b\r\n";
    for body in [bill.as_bytes(), b"\x1F\x8B\x08\x00compressed", bill.repeat(40_000).as_bytes()] {
        let client = client(vec![unsigned(200, "").with_bytes(body)]);
        let response = client.chain("v2/pay/downloadbill").post(json!({})).unwrap();
        assert_eq!(&response.bytes()[..], body);
        assert!(!response.is_verified());
    }
    let none = [("return_code", "FAIL"), ("return_msg", "No Bill Exist"), ("error_code", "20002")];
    let error = client(vec![xml_response(&none)]).chain("v2/pay/downloadbill").post(json!({})).unwrap_err();
    assert_eq!((error.code(), error.message()), (Some("20002"), Some("No Bill Exist")));
    for body in ["<html>502</html>", ""] {
        let client = client(vec![unsigned(200, body)]);
        assert!(client.chain("v2/pay/downloadbill").post(json!({})).unwrap_err().is_unverified());
    }
    for body in [r#"{"errcode":268435455,"errmsg":"system error"}"#, "\u{feff} [1]", "{}"] {
        let client = client(vec![unsigned(200, body)]);
        let error = client.chain("v2/pay/downloadbill").post(json!({})).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::File(weipay::error::FileError::NoFile)), "{error:#}");
    }
}

#[test]
fn a_page_that_answers_json_tells_its_failure() {
    let responses = vec![
        unsigned(200, r#"{"retcode":"0","retmsg":"OK","access_token":"t"}"#),
        unsigned(200, r#"{"retcode":-1,"retmsg":"invalid code"}"#),
    ];
    let client = client(responses);
    let page = client.chain("v2/appauth/getaccesstoken").query("mch_id", "1900000001");
    assert_eq!(page.clone().get().unwrap().json().unwrap()["access_token"], "t");
    let error = page.get().unwrap_err();
    assert_eq!((error.code(), error.message()), (Some("-1"), Some("invalid code")));
    assert_eq!(error.class(), weipay::error::ErrorClass::Refused);
}

/// H5纯签约 leads a payer to `redirect_url`. Its samples read XML, and the gateway refuses every page in XML.
#[test]
fn a_page_that_says_how_it_ended_is_believed_in_either_form() {
    const PAGE: &str = "v2/papay/h5entrustweb";
    let url = ("redirect_url", "https://payapp.weixin.qq.com/x");
    let ended = |code| [("return_code", "SUCCESS"), ("result_code", code), url];
    let json = |code| {
        let members: serde_json::Map<_, _> =
            ended(code).iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
        json!(members).to_string()
    };
    for body in [xml(&ended("SUCCESS")), json("SUCCESS"), format!("\u{feff}{}", json("SUCCESS"))] {
        let response = client(vec![unsigned(200, &body)]).chain(PAGE).get().unwrap();
        assert_eq!(
            (&response.json().unwrap()["redirect_url"], response.is_verified()),
            (&json!(url.1), false)
        );
    }
    let sign_error = r#"{"return_code":"SUCCESS","result_code":"FAIL","result_msg":"SIGN_ERROR"}"#;
    for body in [xml(&ended("FAIL")), json("FAIL"), sign_error.to_owned()] {
        let error = client(vec![unsigned(200, &body)]).chain(PAGE).get().unwrap_err();
        assert!(error.is_api(), "{body}: {error:#}");
    }
    let refused = xml(&[("return_code", "FAIL"), ("return_msg", "签名错误")]);
    for path in [PAGE, "v2/papay/entrustweb", "v2/papay/partner/entrustweb", "v2/appauth/getaccesstoken"] {
        for body in [refused.clone(), r#"{"return_code":"FAIL","return_msg":"签名错误"}"#.to_owned()] {
            let error = client(vec![unsigned(200, &body)]).chain(path).get().unwrap_err();
            assert_eq!(
                (error.message(), error.class()),
                (Some("签名错误"), weipay::error::ErrorClass::Signature)
            );
            assert!(!error.may_have_taken_effect(), "{path}");
        }
    }
    for body in ["", "<html></html>", "{}", "[]", r#"{"return_code":"SUCCESS"}"#, "<xml><return_code>SUCC"] {
        let error = client(vec![unsigned(200, body)]).chain(PAGE).get().unwrap_err();
        assert!(error.is_unverified(), "{body}: {error:#}");
    }
    // What a browser shows.
    for body in ["<!DOCTYPE html><html></html>", "<?xml version=\"1.0\"?><html></html>"] {
        let response = client(vec![unsigned(200, body)]).chain("v2/papay/entrustweb").get().unwrap();
        assert_eq!(response.bytes(), body.as_bytes());
    }
}

#[test]
fn of_a_path_that_nobody_knows_only_a_signed_response_is_believed() {
    let client =
        client(vec![unsigned(200, "<html></html>"), unsigned(200, "{}"), success(&[]), success(&[])]);
    let call = client.chain("v2/never/heard/of");
    assert!(call.clone().get().unwrap_err().is_unverified());
    assert!(call.clone().post(json!({})).unwrap_err().is_unverified());
    assert!(call.clone().get().unwrap().is_verified());
    assert!(call.post(json!({})).unwrap().is_verified());
}

#[test]
fn the_signature_of_another_key_is_not_believed() {
    let platform = Platform::start(vec![signed(&SUCCESS)]);
    let other = weipay::wire::ApiV2Key::new("0123456789abcdef0123456789abcdef").unwrap();
    let client = platform.builder().api_v2_key(other).build_blocking().unwrap();
    let error = client.chain("v2/pay/orderquery").post(json!({})).unwrap_err();
    assert!(error.is_unverified(), "{error:#}");
    assert!(format!("{error:#}").contains("API密钥"), "{error:#}");
}
