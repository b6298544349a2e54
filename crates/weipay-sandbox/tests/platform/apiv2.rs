//! The gate of APIv2 over real sockets, with the ways in that have a client certificate and that have none.

mod bank_payments;
mod cash_coupons;
mod combined;
mod contracts;
mod deposit;
mod face;
mod other_products;
mod partners;
mod payments;
mod payouts;
mod profit_sharing;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use weipay_sandbox::{
    CLIENT_CERTIFICATE_HEADER, Clock, FAULT_HEADER, NewMerchant, REASON_HEADER, Sandbox, decode_reason,
};
use weipay_wire::{ApiV2Key, Kit, SignType, XmlElements};

use crate::SHARED;
use crate::client::Response;

const QUERY: &str = "/pay/orderquery";
/// An operation that has no behaviour.
const EXAMPLE: &str = "/tools/shorturl";

/// Elements that every request has, without a signature.
fn begun(sandbox: &Sandbox, with: &[(&str, &str)]) -> XmlElements {
    let kit = sandbox.kit();
    let mut elements = XmlElements::new();
    for (name, text) in
        [("appid", &*kit.appid), ("mch_id", &kit.mchid), ("nonce_str", "ibuaiVcKdpRxkhJA")].iter().chain(with)
    {
        elements.push(*name, *text);
    }
    elements
}

fn key(sandbox: &Sandbox) -> ApiV2Key {
    ApiV2Key::new(&sandbox.kit().api_v2_key).unwrap()
}

fn signed(sandbox: &Sandbox, with: &[(&str, &str)]) -> Vec<u8> {
    sign(sandbox, begun(sandbox, with))
}

/// The same for an operation that has no appid.
fn signed_without_appid(sandbox: &Sandbox, with: &[(&str, &str)]) -> Vec<u8> {
    let mut elements = XmlElements::new();
    begun(sandbox, with)
        .texts()
        .filter(|(name, _)| *name != "appid")
        .for_each(|(name, text)| elements.push(name, text));
    sign(sandbox, elements)
}

fn sign(sandbox: &Sandbox, mut elements: XmlElements) -> Vec<u8> {
    let sign_type = elements.text("sign_type").map_or(SignType::Md5, |named| named.parse().unwrap());
    let sign = key(sandbox).sign(sign_type, elements.texts());
    elements.push("sign", sign);
    elements.write("xml").unwrap().into_bytes()
}

/// What an operation says to a merchant who names itself as the operation wants it.
fn said_to(sandbox: &Sandbox, kit: &Kit, path: &str, with: &[(&str, &str)]) -> XmlElements {
    let mut sent = XmlElements::new();
    for (name, text) in [("nonce_str", "ibuaiVcKdpRxkhJA")].iter().chain(with) {
        sent.push(*name, *text);
    }
    let sign_type = sent.text("sign_type").map_or(SignType::Md5, |named| named.parse().unwrap());
    let sign = ApiV2Key::new(&kit.api_v2_key).unwrap().sign(sign_type, sent.texts());
    sent.push("sign", sign);
    elements(&post(sandbox, path, sent.write("xml").unwrap().as_bytes()))
}

fn exchange(mut stream: impl Read + Write, method: &str, path: &str, headers: &str, body: &[u8]) -> Response {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut bytes = Vec::new();
    // A server may close without saying so in TLS.
    let _ = stream.read_to_end(&mut bytes);
    Response::parse(&bytes).unwrap_or_else(|| panic!("no response: {}", String::from_utf8_lossy(&bytes)))
}

fn post(sandbox: &Sandbox, path: &str, body: &[u8]) -> Response {
    exchange(TcpStream::connect(sandbox.address()).unwrap(), "POST", path, "", body)
}

fn elements(response: &Response) -> XmlElements {
    assert_eq!((response.status, response.header("Content-Type")), (200, Some("text/plain")));
    XmlElements::read(&response.body, "xml").unwrap()
}

fn reason(response: &Response) -> String {
    response.header(REASON_HEADER).map(decode_reason).unwrap_or_default()
}

/// The sentence of a request that the gate did not let in, and the reason.
#[track_caller]
fn rejected(response: &Response) -> (String, String) {
    let elements = elements(response);
    assert_eq!(elements.text("return_code"), Some("FAIL"), "{}", response.text());
    assert_eq!(elements.text("sign"), None);
    (elements.text("return_msg").unwrap().to_owned(), reason(response))
}

#[test]
fn a_wrong_sign_is_answered_as_recorded() {
    let mut spoilt = begun(&SHARED, &[("out_trade_no", "1")]);
    spoilt.push("sign", "A".repeat(32));
    let response = post(&SHARED, QUERY, spoilt.write("xml").unwrap().as_bytes());
    assert_eq!(
        response.text(),
        "<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[签名错误]]></return_msg></xml>"
    );
    elements(&response);
}

#[test]
fn every_response_of_the_gateway_has_a_request_id() {
    let id = |response: &Response| response.header("Request-ID").unwrap().to_owned();
    let shown = post(&SHARED, EXAMPLE, &signed(&SHARED, &[("long_url", "weixin://wxpay/bizpayurl?pr=1")]));
    assert!(id(&shown).ends_with("-0"), "{}", id(&shown));
    // As reported of a body of JSON.
    let json = post(&SHARED, QUERY, b"{}");
    assert_eq!(rejected(&json).0, "XML格式错误");
    assert!(id(&json).ends_with("-47001"), "{}", id(&json));
    // The web server in front sends none.
    let front = exchange(tls(&SHARED, None), "POST", "/secapi/mch/submchmanage", "", &signed(&SHARED, &[]));
    assert_eq!((front.status, front.header("Request-ID")), (400, None));
}

#[test]
fn an_example_is_signed_as_the_request_is() {
    for kind in [SignType::Md5, SignType::HmacSha256] {
        let mut with = vec![("long_url", "weixin://wxpay/bizpayurl?pr=1")];
        if kind == SignType::HmacSha256 {
            with.push(("sign_type", kind.as_str()));
        }
        let response = post(&SHARED, EXAMPLE, &signed(&SHARED, &with));
        let elements = elements(&response);
        assert_eq!(response.header("Weipay-Sandbox-Answer"), Some("example"), "{}", response.text());
        assert_eq!(elements.text("result_code"), Some("SUCCESS"));
        assert_eq!(elements.text("mch_id"), Some(&*SHARED.kit().mchid));
        assert_eq!(elements.text("sign").unwrap().len(), if kind == SignType::Md5 { 32 } else { 64 });
        key(&SHARED).verify(&elements).unwrap();
    }
}

#[test]
fn every_check_has_its_sentence_and_its_reason_in_order() {
    let whole = signed(&SHARED, &[("out_trade_no", "1")]);
    let socket = || TcpStream::connect(SHARED.address()).unwrap();
    let (sentence, _) = rejected(&exchange(socket(), "GET", QUERY, "", b""));
    assert_eq!(sentence, "请使用post方法");
    for (body, wanted, why) in [
        (&b""[..], "post数据为空", "empty"),
        (b"<xml><a>\xFF</a></xml>", "编码格式错误", "UTF-8"),
        (b"{\"a\":1}", "XML格式错误", "not XML"),
        (b"<html></html>", "XML格式错误", "root"),
        (&whole[..whole.len() - 8], "XML格式错误", "cut off"),
        (
            b"<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><xml><a>&e;</a></xml>",
            "XML格式错误",
            "DOCTYPE",
        ),
        (b"<xml><a>&e;</a></xml>", "XML格式错误", "entity"),
        (b"<xml><a>1</a></xml>", "缺少参数", "missing: appid, mch_id, nonce_str, sign"),
    ] {
        let (sentence, reason) = rejected(&post(&SHARED, QUERY, body));
        assert_eq!(sentence, wanted, "{reason}");
        assert!(reason.contains(why), "{reason}");
    }
    let (sentence, reason) = rejected(&post(&SHARED, QUERY, &signed(&SHARED, &[])));
    assert_eq!((&*sentence, &*reason), ("缺少参数", "missing: one of transaction_id, out_trade_no"));
}

#[test]
fn merchant_appid_and_values_are_told_apart() {
    let kit = SHARED.kit();
    let with = |name: &str, value: &str| {
        let mut elements = begun(&SHARED, &[("out_trade_no", "1")]);
        elements.set(name, value);
        let sign = key(&SHARED).sign(SignType::Md5, elements.texts());
        elements.push("sign", sign);
        rejected(&post(&SHARED, QUERY, elements.write("xml").unwrap().as_bytes())).0
    };
    assert_eq!(with("mch_id", "1900000998"), "MCHID不存在");
    assert_eq!(with("appid", "wx0000000000000000"), "appid不存在");
    assert_eq!(with("sign_type", "md5"), "签名错误");
    assert_eq!(with("transaction_id", &"1".repeat(33)), "transaction_id参数长度有误");
    assert!(!kit.appid.is_empty());
}

#[test]
fn a_wrong_sign_is_explained_by_the_mistake_that_was_made() {
    let kit = SHARED.kit();
    let v3 = ApiV2Key::new(&kit.api_v3_key).unwrap();
    let base = begun(&SHARED, &[("out_trade_no", "order-1"), ("attach", "a & 茶"), ("A_name", "")]);
    let pairs = || {
        let mut pairs: Vec<_> = base.texts().filter(|(_, value)| !value.is_empty()).collect();
        pairs.sort_unstable();
        pairs
    };
    let join = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    };
    let own = kit.api_v2_key.as_bytes();
    let md5 = |message: &str| SignType::Md5.digest(own, &[message.as_bytes(), b"&key=", own]);
    let in_order: Vec<_> = base.texts().filter(|(_, value)| !value.is_empty()).collect();
    let mut with_empty: Vec<_> = base.texts().collect();
    with_empty.sort_unstable();
    let without: Vec<_> = pairs().into_iter().filter(|(name, _)| *name != "attach").collect();
    for (sign, cause) in [
        (v3.sign(SignType::Md5, base.texts()), "APIv3 key"),
        (v3.sign(SignType::HmacSha256, base.texts()), "APIv3 key"),
        (
            key(&SHARED).sign(SignType::HmacSha256, base.texts()),
            "signed with HMAC-SHA256, but sign_type says MD5",
        ),
        (md5(&join(&in_order)), "in the order of the document"),
        (md5(&join(&with_empty)), "empty values"),
        (md5(&join(&without)), "`attach` was sent but not signed"),
        (SignType::Md5.digest(own, &[join(&pairs()).as_bytes()]), "the key was left out"),
        (SignType::Md5.digest(own, &[join(&pairs()).as_bytes(), own]), "without its name"),
        ("B".repeat(32), "another message or another key"),
        ("B".repeat(44), "44 characters"),
    ] {
        let mut elements = base.clone();
        elements.push("sign", sign);
        let response = post(&SHARED, QUERY, elements.write("xml").unwrap().as_bytes());
        let (sentence, reason) = rejected(&response);
        assert_eq!(sentence, "签名错误");
        assert!(reason.contains(cause), "{cause}: {reason}");
    }
}

#[test]
fn a_kept_wrong_sign_shows_the_message_but_no_key_and_no_person() {
    let sandbox = crate::sandbox().start().unwrap();
    let mut elements = begun(&sandbox, &[("out_trade_no", "order-1"), ("openid", "secret-person")]);
    elements.push("sign", "C".repeat(32));
    post(&sandbox, "/pay/orderquery", elements.write("xml").unwrap().as_bytes());
    let page = sandbox.log();
    let text = page.last().unwrap().to_string();
    assert!(text.contains("out_trade_no=order-1&") || text.contains("out_trade_no=order-1"), "{text}");
    assert!(text.contains("&key=***"), "{text}");
    assert!(text.contains("200 SIGNERROR"), "{text}");
    assert!(!text.contains("secret-person") && !text.contains(&sandbox.kit().api_v2_key), "{text}");
}

/// TLS with the certificate and key in these files, or without any.
fn tls(sandbox: &Sandbox, identity: Option<(&str, &str)>) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(sandbox.ca_certificate()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => config
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    let host = ServerName::try_from("api.mch.weixin.qq.com").unwrap();
    let socket = TcpStream::connect(sandbox.address()).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), host).unwrap(), socket)
}

#[test]
fn the_client_certificate_is_required_where_it_is_needed() {
    let other = crate::sandbox().start().unwrap();
    let pems = |sandbox: &Sandbox| {
        let kit = sandbox.kit_on_disk();
        (kit.merchant_cert_pem().unwrap(), kit.merchant_key_pem().unwrap())
    };
    let (own, others) = (pems(&SHARED), pems(&other));
    let path = "/mmpaymkttransfers/gethbinfo";
    let body = signed(&SHARED, &[("mch_billno", "1"), ("bill_type", "MCHT")]);

    let missing = exchange(tls(&SHARED, None), "POST", path, "", &body);
    let read = elements(&missing);
    assert_eq!((read.text("return_code"), read.text("err_code")), (Some("FAIL"), Some("CA_ERROR")));
    assert!(reason(&missing).contains("merchant_cert"), "{}", reason(&missing));
    let missing = exchange(tls(&SHARED, None), "POST", "/secapi/mch/submchmanage", "", &body);
    assert_eq!(missing.status, 400);
    assert!(missing.text().contains("No required SSL certificate was sent"), "{}", missing.text());

    let strange = |path: &str, body: &[u8]| {
        exchange(tls(&SHARED, Some((&others.0, &others.1))), "POST", path, "", body)
    };
    assert_eq!(elements(&strange(path, &body)).text("err_code"), Some("CA_ERROR"));
    let refund =
        [("out_trade_no", "1"), ("out_refund_no", "r1"), ("total_fee", "100"), ("refund_fee", "100")];
    let strange = strange("/secapi/pay/refund", &signed(&SHARED, &refund));
    assert_eq!(strange.status, 400);
    assert!(strange.text().contains("<title>400 The SSL certificate error</title>"), "{}", strange.text());
    assert!(reason(&strange).contains("no merchant's here"), "{}", reason(&strange));
    let shop = crate::sandbox().start().unwrap();
    let another = shop.add_merchant(&NewMerchant::new().mchid("1900000201")).unwrap();
    let (certificate, key) = (another.merchant_cert_pem().unwrap(), another.merchant_key_pem().unwrap());
    let body_of_shop = signed(&shop, &[("mch_billno", "1"), ("bill_type", "MCHT")]);
    let wrong = exchange(tls(&shop, Some((&certificate, &key))), "POST", path, "", &body_of_shop);
    assert!(rejected(&wrong).1.contains("not this merchant's"), "{}", wrong.text());

    let right = exchange(tls(&SHARED, Some((&own.0, &own.1))), "POST", path, "", &body);
    assert_eq!(elements(&right).text("err_code"), Some("NOT_FOUND"), "{}", right.text());
    assert_eq!(right.header(CLIENT_CERTIFICATE_HEADER), None);

    // A handshake is not possible here, and the response says that nothing was checked.
    let plain = post(&SHARED, path, &body);
    assert_eq!(elements(&plain).text("err_code"), Some("NOT_FOUND"));
    assert_eq!(plain.header(CLIENT_CERTIFICATE_HEADER), Some("not-checked"));
}

#[test]
fn a_client_certificate_before_its_first_day_is_refused_as_in_apiv3() {
    let sandbox = Sandbox::builder().clock(Clock::frozen(1_000_000_000).0).start().unwrap();
    let kit = sandbox.kit_on_disk();
    let (certificate, key) = (kit.merchant_cert_pem().unwrap(), kit.merchant_key_pem().unwrap());
    let body = signed(&sandbox, &[("mch_billno", "1"), ("bill_type", "MCHT")]);
    let shown = tls(&sandbox, Some((&certificate, &key)));
    let response = exchange(shown, "POST", "/mmpaymkttransfers/gethbinfo", "", &body);
    assert!(rejected(&response).1.contains("not valid yet"), "{}", response.text());
}

#[test]
fn an_expired_client_certificate_is_refused_as_reported() {
    let sandbox = Sandbox::builder().clock(Clock::frozen(3_000_000_000).0).start().unwrap();
    let kit = sandbox.kit_on_disk();
    let (certificate, key) = (kit.merchant_cert_pem().unwrap(), kit.merchant_key_pem().unwrap());
    let refund =
        [("out_trade_no", "1"), ("out_refund_no", "r1"), ("total_fee", "100"), ("refund_fee", "100")];
    let shown = tls(&sandbox, Some((&certificate, &key)));
    let response = exchange(shown, "POST", "/secapi/pay/refund", "", &signed(&sandbox, &refund));
    let (sentence, reason) = rejected(&response);
    assert_eq!(sentence, "证书已过期");
    assert!(reason.contains("expired"), "{reason}");
}

#[test]
fn a_fault_of_the_platform_is_xml_with_its_code() {
    let body = signed(&SHARED, &[("long_url", "weixin://wxpay/bizpayurl?pr=1")]);
    let with = |fault: &str| {
        let header = format!("{FAULT_HEADER}: {fault}\r\n");
        exchange(TcpStream::connect(SHARED.address()).unwrap(), "POST", EXAMPLE, &header, &body)
    };
    let failed = with("500");
    let read = elements(&failed);
    assert_eq!((read.text("result_code"), read.text("err_code")), (Some("FAIL"), Some("SYSTEMERROR")));
    key(&SHARED).verify(&read).unwrap();
    assert_eq!(failed.header("Weipay-Sandbox-Fault"), Some("500"));
    key(&SHARED).verify(&elements(&with("wrong-signature"))).unwrap_err();
    assert_eq!(elements(&with("missing-signature")).text("sign"), None);
    assert_eq!(with("502; body=html").status, 502);
}

/// Some failures have no `sign`, which says nothing about who was let in.
#[test]
fn a_fault_is_told_but_not_to_whom_the_gate_refused() {
    let ask = |body: &[u8]| {
        let header = format!("{FAULT_HEADER}: 500\r\n");
        exchange(TcpStream::connect(SHARED.address()).unwrap(), "POST", "/pay/downloadbill", &header, body)
    };
    let with = [("bill_date", "20260814"), ("bill_type", "ALL")];
    let failed = ask(&signed(&SHARED, &with));
    assert_eq!(elements(&failed).text("error_code"), Some("SYSTEMERROR"));
    assert_eq!(failed.header("Weipay-Sandbox-Fault"), Some("500"));
    let mut wrong = begun(&SHARED, &with);
    wrong.push("sign", "A".repeat(32));
    let refused = ask(wrong.write("xml").unwrap().as_bytes());
    let refused_elements = elements(&refused);
    // As reported of this operation alone.
    assert_eq!(
        ["return_code", "return_msg", "error_code", "sign"].map(|name| refused_elements.text(name)),
        [Some("FAIL"), Some("sign error"), Some("20001"), None]
    );
    assert_eq!(refused.header("Weipay-Sandbox-Fault"), None);
}
