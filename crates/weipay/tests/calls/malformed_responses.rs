//! Responses as no library would write them, byte for byte over a socket, to both clients: whatever comes, it is never
//! taken for a success that the platform did not prove, and what it leaves open is said to be open.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use weipay::error::ErrorKind;
use weipay::{Error, Response, RetryConfig};

use crate::either::{Either, Outcome};
use crate::on_async;
use crate::platform::{PLATFORM, PUBLIC_KEY_ID, configured, now};
use crate::server::{Server, Step, Then};

const PATH: &str = "v3/refund/domestic/refunds";
const REFUND: &str =
    r#"{"out_refund_no":"R1","refund_id":"5","status":"SUCCESS","amount":{"total":1,"refund":1}}"#;

/// The headers of a signature over this text.
fn signature(signed: &[u8]) -> String {
    let (timestamp, nonce) = (now().to_string(), "c5ac7061fccab6bf3e254dcf98995b8c");
    let message = weipay::wire::response_message(&timestamp, nonce, signed);
    let signature = PLATFORM.sign(&message).unwrap();
    format!(
        "Wechatpay-Timestamp: {timestamp}\r\nWechatpay-Nonce: {nonce}\r\nWechatpay-Signature: {signature}\r\nWechatpay-Serial: {PUBLIC_KEY_ID}\r\n"
    )
}

fn response(head: &str, body: &[u8]) -> Vec<u8> {
    [head.as_bytes(), b"\r\n", body].concat()
}

/// A response with its length.
fn whole(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    response(&format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n", body.len()), body)
}

/// A response whose body is signed.
fn signed(status: &str, body: &str) -> Vec<u8> {
    whole(status, &signature(body.as_bytes()), body.as_bytes())
}

fn answering(bytes: &[u8], then: Then) -> String {
    Server::always(Step::new(bytes, then)).base_url()
}

/// Longer than any response takes that ends by itself.
const LIMIT: Duration = Duration::from_secs(20);

fn call(limit: Duration, base_url: impl Fn() -> String) -> [Outcome; 2] {
    let body = json!({"out_refund_no": "R1", "amount": {"refund": 1, "total": 1, "currency": "CNY"}});
    let builder = || configured().base_url(&base_url()).retries(RetryConfig::none()).timeout(limit);
    Either::both(builder).map(|client| client.post(PATH, &body))
}

fn both(bytes: &[u8]) -> [Outcome; 2] {
    call(LIMIT, || answering(bytes, Then::Close))
}

fn believed(name: &str, bytes: &[u8]) {
    for result in both(bytes) {
        let response = result.unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert!(response.is_verified(), "{name}");
        assert_eq!(response.bytes(), REFUND.as_bytes(), "{name}");
    }
}

/// Readers of JSON differ in which of two values counts, so that neither is proof of anything.
#[test]
fn a_member_that_comes_twice_leaves_the_outcome_open() {
    for twice in [
        REFUND.replacen('{', r#"{"out_refund_no":"R2","#, 1),
        REFUND.replacen('{', r#"{"status":"PROCESSING","#, 1),
        REFUND.replace(r#""total":1"#, r#""total":100,"total":1"#),
        REFUND.replacen('{', r#"{"\u0073tatus":"CLOSED","#, 1),
    ] {
        open(&twice, &signed("200 OK", &twice), |error| matches!(error.kind(), ErrorKind::Decode(_)));
    }
}

/// The call fails, and may have taken effect.
fn open(name: &str, bytes: &[u8], is_it: impl Fn(&Error) -> bool) {
    for (client, result) in ["async", "blocking"].into_iter().zip(both(bytes)) {
        let error = result.expect_err(name);
        assert!(error.may_have_taken_effect() && is_it(&error), "{name}, {client}: {error:#}");
    }
}

#[test]
fn what_stands_before_and_around_a_body_does_not_change_it() {
    let (body, length, proof) = (REFUND.as_bytes(), REFUND.len(), signature(REFUND.as_bytes()));
    let good = signed("200 OK", REFUND);
    let chunked = |headers: &str, text: &str| {
        response(&format!("HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n"), text.as_bytes())
    };
    let chunks = format!("{length:x}\r\n{REFUND}\r\n0\r\n");
    for provisional in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n"] {
        for times in [1, 1_000] {
            believed(provisional, &[provisional.repeat(times).as_bytes(), &good].concat());
        }
    }
    believed("early hints", &[b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n".as_slice(), &good].concat());
    believed("trailers", &chunked(&proof, &format!("{chunks}X: y\r\n\r\n")));
    let extended = format!("{length:X};a=\"b\"\r\n{REFUND}\r\n000\r\n\r\n");
    believed("extensions of chunks", &chunked(&proof, &extended));
    let with_both = format!("{proof}Content-Length: 3\r\n");
    believed("chunks stand above a length", &chunked(&with_both, &format!("{chunks}\r\n")));
    believed(
        "an equal length twice",
        &whole("200 OK", &format!("{proof}Content-Length: {length}\r\n"), body),
    );
    believed("no length", &response(&format!("HTTP/1.1 200 OK\r\n{proof}"), body));
    believed("HTTP/1.0", &response(&format!("HTTP/1.0 200 OK\r\n{proof}"), body));
    believed("an offer of another protocol", &whole("200 OK", &format!("{proof}Upgrade: h2c\r\n"), body));
    let head = format!("HTTP/1.1 200 OK\r\n{proof}Content-Length: {length}\r\n");
    believed(
        "capitals",
        &response(&head.replace("Wechatpay", "WECHATpay").replace("Length", "lENGTH"), body),
    );
    believed("no blank", &response(&head.replace(": ", ":"), body));
    believed("more blanks", &response(&head.replace(": ", ": \t ").replace("\r\nW", " \t\r\nW"), body));
}

#[test]
fn a_frame_that_can_be_read_in_two_ways_is_not_read() {
    let (body, length, proof) = (REFUND.as_bytes(), REFUND.len(), signature(REFUND.as_bytes()));
    let framed = |headers: String, body: &str| {
        response(&format!("HTTP/1.1 200 OK\r\n{proof}{headers}"), body.as_bytes())
    };
    let chunked = |body: String| framed("Transfer-Encoding: chunked\r\n".to_owned(), &body);
    for wrong in ["+89", "-1", "8 9", "0x59", "99999999999999999999999", "18446744073709551615", "1, 2", ""] {
        open(wrong, &framed(format!("Content-Length: {wrong}\r\n"), REFUND), Error::is_network);
    }
    open(
        "two lengths",
        &framed(format!("Content-Length: {length}\r\nContent-Length: 3\r\n"), REFUND),
        Error::is_network,
    );
    for size in ["-1", "FFFFFFFFFFFFFFFFF", "0x59", "zz", ""] {
        open(size, &chunked(format!("{size}\r\n{REFUND}\r\n0\r\n\r\n")), Error::is_network);
    }
    for (name, head) in [
        ("a folded header", proof.replace("Nonce: ", "Nonce:\r\n ")),
        ("a blank before the colon", proof.replace("Nonce:", "Nonce :")),
    ] {
        open(name, &whole("200 OK", &head, body), Error::is_network);
    }
    for status in ["HTTP/1.1 099 X", "HTTP/1.1 2000 X", "HTTP/2.0 200 OK", "HTTP/1.1 OK", "ICY 200 OK"] {
        open(
            status,
            &response(&format!("{status}\r\n{proof}Content-Length: {length}\r\n"), body),
            Error::is_network,
        );
    }
    open("no head", body, Error::is_network);
    // A refusal whose end is not certain proves nothing either.
    let refusal = r#"{"code":"PARAM_ERROR","message":"m"}"#;
    let twice = format!("Content-Length: {}\r\n", 500);
    open("a refusal of two lengths", &whole("400 X", &twice, refusal.as_bytes()), Error::is_network);
    open(
        "one byte less",
        &framed(format!("Content-Length: {}\r\n", length - 1), REFUND),
        Error::is_unverified,
    );
    open("one byte more", &framed(format!("Content-Length: {}\r\n", length + 1), REFUND), Error::is_network);
}

#[test]
fn only_the_headers_of_the_response_itself_prove_it() {
    let (body, length, proof) = (REFUND.as_bytes(), REFUND.len(), signature(REFUND.as_bytes()));
    let trailers = format!("{length:x}\r\n{REFUND}\r\n0\r\n{proof}\r\n");
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    open("a signature in trailers", &response(head, trailers.as_bytes()), Error::is_unverified);
    for provisional in ["103 Early Hints", "102 Processing"] {
        let before = format!("HTTP/1.1 {provisional}\r\n{proof}\r\n");
        let bytes = [before.as_bytes(), &whole("200 OK", "", body)].concat();
        open(provisional, &bytes, Error::is_unverified);
    }
    let (other, now) = (signature(b"{}"), now() - 10);
    for (name, headers) in [
        ("the signature of another body", other.clone()),
        ("a wrong signature before the right one", format!("Wechatpay-Signature: AAAA\r\n{proof}")),
        ("a wrong serial before the right one", format!("Wechatpay-Serial: ABC\r\n{proof}")),
        ("two serials in one", proof.replace(PUBLIC_KEY_ID, &format!("{PUBLIC_KEY_ID}, {PUBLIC_KEY_ID}"))),
        ("the other body's headers before the right ones", format!("{other}{proof}")),
        ("another time", proof.replace("Timestamp: ", &format!("Timestamp: {now}\r\nX: "))),
        ("a zero before the time", proof.replace("Timestamp: ", "Timestamp: 0")),
        ("a nonce cut short", proof.replace("c5ac", "")),
        ("no signature and all else", proof.replace("Wechatpay-Signature", "X-Wechatpay-Signature")),
        ("an empty signature", proof.replace("Wechatpay-Signature: ", "Wechatpay-Signature: \r\nX: ")),
    ] {
        assert_ne!(headers, proof, "{name}");
        open(name, &whole("200 OK", &headers, body), Error::is_unverified);
    }
    // Of headers that come twice the first ones count, all of them: what they prove is proven.
    for later in
        ["Wechatpay-Signature: AAAA", "Wechatpay-Serial: ABC", "Wechatpay-Timestamp: 1", "Wechatpay-Nonce: x"]
    {
        believed(later, &whole("200 OK", &format!("{proof}{later}\r\n"), body));
    }
}

#[test]
fn a_success_has_a_status_of_success_whatever_its_body_proves() {
    let proof = signature(REFUND.as_bytes());
    for status in ["300 X", "302 X", "304 X", "400 X", "404 X", "407 X", "500 X", "503 X", "600 X", "999 X"] {
        let location =
            format!("{proof}Location: http://127.0.0.1:9/\r\nRetry-After: 99999999999999999999\r\n");
        let body = if status == "304 X" { b"".as_slice() } else { REFUND.as_bytes() };
        open(status, &whole(status, &location, body), |error| error.is_api() && error.code().is_none());
    }
    let upgrade = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n{proof}\r\n{REFUND}"
    );
    open("101", upgrade.as_bytes(), |error| error.is_api() && error.code().is_none());
    for status in ["200 OK", "201 Created", "202 Accepted"] {
        believed(status, &signed(status, REFUND));
    }
}

#[test]
fn an_error_under_a_status_of_success_is_an_error() {
    for status in ["200 OK", "202 Accepted"] {
        for (code, body) in [
            ("USERPAYING", r#"{"code":"USERPAYING","message":"需要用户输入支付密码"}"#),
            ("PARAM_ERROR", r#"{"message":"m","detail":{"field":"/a"},"code":"PARAM_ERROR"}"#),
            ("SYSTEM_ERROR", "\u{FEFF}{\"code\":\"SYSTEM_ERROR\",\"message\":\"m\"}"),
        ] {
            for bytes in [signed(status, body), whole(status, "", body.as_bytes())] {
                open(body, &bytes, |error| error.is_api() && error.code() == Some(code));
            }
        }
    }
    // Closing an order while its payer is about to pay: the order is not closed.
    let paying = signed("202 Accepted", r#"{"code":"USERPAYING","message":"m"}"#);
    let client = configured().base_url(&answering(&paying, Then::Close)).retries(RetryConfig::none());
    let close = client.build_blocking().unwrap().chain("v3/pay/transactions/out-trade-no/A1/close");
    let error = close.post(json!({"mchid": "1900000001"})).unwrap_err();
    assert_eq!((error.code(), error.class()), (Some("USERPAYING"), weipay::error::ErrorClass::Pending));
    assert!(error.may_have_taken_effect());
    // Fields of a response that have such names are its content.
    for body in [
        r#"{"code":"000000","message":"成功"}"#,
        r#"{"code":"SUCCESS","message":"m"}"#,
        r#"{"code":"ABC123","openid":"o"}"#,
        r#"{"code":"000000","data":{"code":"PARAM_ERROR","message":"m"}}"#,
    ] {
        let client = configured().base_url(&answering(&signed("200 OK", body), Then::Close));
        let response = client.build_blocking().unwrap().chain("v3/gov/subsidy/goods/upload").post(json!({}));
        assert_eq!(response.unwrap().bytes(), body.as_bytes());
    }
}

#[test]
fn a_response_that_repeats_nothing_of_a_refund_is_not_its_success() {
    let another = |error: &Error| {
        matches!(error.kind(), ErrorKind::MismatchedResponse { field: Some("out_refund_no") })
    };
    for body in [
        r#"{"prepay_id":"wx1"}"#,
        r#"{"status":"SUCCESS","trade_state":"SUCCESS"}"#,
        "",
        "{}",
        "[]",
        "null",
        "\"x\"",
        "5",
    ] {
        open(body, &signed("200 OK", body), another);
    }
    open(
        "another one's close",
        &response(&format!("HTTP/1.1 204 No Content\r\n{}", signature(b"")), b""),
        another,
    );
    let padded = whole("204 No Content", &signature(b""), REFUND.as_bytes());
    open("a body that nobody signed", &padded, another);
    // An order is not asked for more than its responses have.
    let order =
        configured().base_url(&answering(&signed("200 OK", r#"{"code_url":"weixin://x"}"#), Then::Close));
    let order = order.build_blocking().unwrap().chain("v3/pay/transactions/native");
    assert!(order.post(json!({"out_trade_no": "A1"})).unwrap().is_verified());
    // As users reported of a payment code that waits for the password: accepted, and only its state is said.
    let waiting = signed("202 Accepted", r#"{"trade_state":"USERPAYING"}"#);
    let client = configured().base_url(&answering(&waiting, Then::Close)).retries(RetryConfig::none());
    let codepay = client.build_blocking().unwrap().chain("v3/pay/transactions/codepay");
    let accepted = codepay.post(json!({"out_trade_no": "A1"})).unwrap();
    assert_eq!((accepted.status().as_u16(), accepted.is_verified()), (202, true));
    assert_eq!(accepted.json().unwrap()["trade_state"], "USERPAYING");
    // Accepted, and not done.
    for response in both(&signed("202 Accepted", "")) {
        assert_eq!(response.unwrap().status(), 202);
    }
}

#[test]
fn a_number_that_no_reader_holds_hides_no_other_member() {
    let body = format!(
        r#"{{"out_refund_no":"R1","unknown":1e999,"create_time":{},"status":"SUCCESS"}}"#,
        "9".repeat(400)
    );
    let client =
        configured().base_url(&answering(&signed("200 OK", &body), Then::Keep)).build_blocking().unwrap();
    let refund = client.chain("v3/refund/domestic/refunds/R1").get().unwrap();
    let json = refund.json().unwrap();
    assert_eq!(
        (&json["status"], &json["unknown"], refund.decode_errors().len()),
        (&json!("SUCCESS"), &Value::Null, 1)
    );
    // A type of the caller's own that needs the number.
    let error = refund.json_as::<std::collections::HashMap<String, f64>>().unwrap_err().to_string();
    assert!(error.contains("numbers that are too large became null"), "{error}");
    let refund = client.v3().refund().domestic().refunds().out_refund_no("R1");
    let refund =
        refund.get(weipay::v3::refund::domestic::refunds::out_refund_no::get::Request::new()).unwrap();
    assert!(refund.decode().unwrap().status.is_some() && !refund.decode_errors().is_empty());
}

#[test]
fn an_integer_that_is_rounded_in_json_is_told() {
    let body = r#"{"out_refund_no":"R1","refund_id":123456789012345678901234,"status":"SUCCESS"}"#;
    let client =
        configured().base_url(&answering(&signed("200 OK", body), Then::Keep)).build_blocking().unwrap();
    let refund = client.chain("v3/refund/domestic/refunds/R1").get().unwrap();
    assert_eq!(refund.json().unwrap()["status"], "SUCCESS");
    assert!(refund.decode_errors()[0].reason.contains("rounded"), "{:?}", refund.decode_errors());
    assert!(refund.text().unwrap().contains("123456789012345678901234"));
}

#[test]
fn a_body_that_a_proxy_changed_is_refused_with_a_hint() {
    let proof = signature(REFUND.as_bytes());
    let changed = REFUND.replace(':', ": ");
    for (headers, hint) in [
        ("Content-Encoding: gzip\r\nVia: 1.1 proxy\r\n", "`Content-Encoding`"),
        ("Via: 1.1 proxy\r\n", "`Via`"),
        ("Content-Encoding: identity\r\n", "verified"),
    ] {
        let bytes = whole("200 OK", &format!("{proof}{headers}"), changed.as_bytes());
        open(headers, &bytes, |error| {
            let text = error.to_string();
            error.is_unverified() && text.contains(hint) && text.contains(" header ") == hint.starts_with('`')
        });
    }
}

#[test]
fn an_error_that_a_proxy_compressed_names_the_header_and_shows_no_garbage() {
    let body = b"\x1f\x8b\x08garbage";
    open("", &whole("502 Bad Gateway", "Content-Encoding: gzip\r\n", body), |error| {
        let text = error.to_string();
        error.is_api() && text.contains("`Content-Encoding`") && !text.contains("garbage")
    });
}

/// The login page of a network, in place of a bill.
#[test]
fn a_web_page_is_no_file() {
    for (headers, body) in
        [("Content-Type: text/html\r\n", "login"), ("", "\r\n<!DOCTYPE html>"), ("", "\u{feff}<html>")]
    {
        let url = answering(&whole("200 OK", headers, body.as_bytes()), Then::Close);
        let client = configured().base_url(&url).build_blocking().unwrap();
        let error = client.chain("v3/billdownload/file").query("token", "t").get().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::File(weipay::error::FileError::WebPage)), "{error}");
        assert!(!error.may_have_taken_effect());
    }
}

#[test]
fn json_in_place_of_a_file_without_a_digest_is_no_file() {
    use weipay::error::FileError;

    let errcode = r#"{"errcode":268435455,"errmsg":"system error"}"#;
    let paths = ["v3/merchant-service/images/abc", "v3/billdownload/file?token=x"];
    for (body, has_message) in
        [(errcode, false), ("[]", false), ("\u{feff}{}", false), (r#"{"code":7,"message":"busy"}"#, true)]
    {
        for path in paths {
            let client =
                || configured().base_url(&answering(&whole("200 OK", "", body.as_bytes()), Then::Close));
            let blocking = || client().build_blocking().unwrap();
            let asynchronous = || client().build().unwrap();
            for error in [
                blocking().chain(path).get().unwrap_err(),
                on_async(asynchronous().chain(path).get()).unwrap_err(),
                blocking().chain(path).download().to_bytes().unwrap_err(),
                on_async(asynchronous().chain(path).download().to_bytes()).unwrap_err(),
            ] {
                let is_it = match error.kind() {
                    ErrorKind::File(FileError::NoFile) => !has_message,
                    ErrorKind::File(FileError::ErrorResponse(error)) => {
                        has_message && error.message == "busy"
                    }
                    _ => false,
                };
                assert!(is_it && !error.may_have_taken_effect(), "{path} {body}: {error:#}");
            }
        }
    }
    let long = format!("{{{}}}", " ".repeat(64 * 1024));
    let headers = "Content-Type: application/json; charset=utf-8\r\n";
    for path in paths {
        let client =
            || configured().base_url(&answering(&whole("200 OK", headers, long.as_bytes()), Then::Close));
        let (blocking, asynchronous) = (client().build_blocking().unwrap(), || client().build().unwrap());
        for error in [
            blocking.chain(path).get().unwrap_err(),
            on_async(asynchronous().chain(path).get()).unwrap_err(),
            on_async(asynchronous().chain(path).download().to_bytes()).unwrap_err(),
        ] {
            assert!(matches!(error.kind(), ErrorKind::File(FileError::NoFile)), "{path}: {error:#}");
        }
    }
    // A file that is long, or whose digest its caller knows, may be any text.
    for (body, digest) in [(&*long, None), (errcode, Some(weipay::wire::DigestAlgorithm::Sha256))] {
        let url = answering(&whole("200 OK", "", body.as_bytes()), Then::Close);
        let client = configured().base_url(&url).build_blocking().unwrap();
        let mut download = client.chain(paths[0]).download();
        if let Some(algorithm) = digest {
            let digest = algorithm.hex(body.as_bytes());
            download = download.digest(weipay::download::Digest::new("SHA256", &digest).unwrap());
        }
        assert_eq!(&download.to_bytes().unwrap()[..], body.as_bytes());
    }
}

/// A bill of a large merchant by APIv2.
#[test]
fn a_response_that_is_too_large_is_fetched_once() {
    let bytes = whole("200 OK", "", &vec![b'x'; 8 * 1024 * 1024 + 1]);
    let client = configured().base_url(&answering(&bytes, Then::Close)).build_blocking().unwrap();
    let error = client.chain("v3/billdownload/file").query("token", "t").get().unwrap_err();
    assert!(error.is_network() && !error.is_retryable() && error.attempts().len() == 1, "{error}");
}

/// Responses that never end, of which no more is kept than of others.
#[test]
fn what_never_ends_ends_with_the_time_limit_or_before() {
    let (proof, filler) = (signature(REFUND.as_bytes()), "x".repeat(4096));
    let chunked = format!(
        "HTTP/1.1 200 OK\r\n{proof}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{REFUND}\r\n",
        REFUND.len()
    );
    for (name, beginning) in [
        ("provisional responses", "HTTP/1.1 102 Processing\r\n\r\n".repeat(200)),
        (
            "provisional responses with headers",
            format!("HTTP/1.1 103 Early\r\nLink: {}\r\n\r\n", &filler[..4000]),
        ),
        ("trailers", format!("{chunked}0\r\n{}", "X: y\r\n".repeat(1000))),
        ("one trailer", format!("{chunked}0\r\nX: {filler}")),
        ("an extension of a chunk", format!("{chunked}1;{filler}")),
        ("the size of a chunk", format!("{chunked}{}", "0".repeat(4096))),
        ("chunks of one byte", format!("{chunked}{}", "1\r\nx\r\n".repeat(1000))),
        ("the reason", format!("HTTP/1.1 200 {filler}")),
        ("the name of a header", format!("HTTP/1.1 200 OK\r\n{filler}")),
        ("empty lines before the response", "\r\n".repeat(2048)),
    ] {
        let limit = Duration::from_millis(300);
        for (client, result) in ["async", "blocking"]
            .into_iter()
            .zip(call(limit, || answering(beginning.as_bytes(), Then::Repeat)))
        {
            let error = result.expect_err(name);
            assert!(error.is_network() && error.may_have_taken_effect(), "{name}, {client}: {error:#}");
        }
    }
}

/// A connection that is kept after each of these is good for the next call, or is not used for it.
#[test]
fn the_next_call_gets_its_own_response() {
    let proof = signature(REFUND.as_bytes());
    for (name, bytes) in [
        ("a success", signed("200 OK", REFUND)),
        (
            "a success with a body where none may be",
            whole("204 No Content", &signature(b""), REFUND.as_bytes()),
        ),
        ("a refusal", whole("400 X", "", br#"{"code":"PARAM_ERROR","message":"m"}"#)),
        (
            "a length that is too small",
            response(&format!("HTTP/1.1 200 OK\r\n{proof}Content-Length: 5\r\n"), REFUND.as_bytes()),
        ),
        (
            "a response to nobody",
            [signed("200 OK", REFUND), whole("400 X", "", br#"{"code":"NO_AUTH","message":"m"}"#)].concat(),
        ),
    ] {
        let body = json!({"out_refund_no": "R1"});
        let code = |result: Result<Response<Value>, Error>| match result {
            Ok(response) => response.status().to_string(),
            Err(error) => error.code().unwrap_or("open").to_owned(),
        };
        let client = configured()
            .base_url(&answering(&bytes, Then::Keep))
            .retries(RetryConfig::none())
            .build_blocking()
            .unwrap();
        let first = code(client.chain(PATH).timeout(LIMIT).post(&body));
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(5));
            assert_eq!(code(client.chain(PATH).timeout(LIMIT).post(&body)), first, "blocking, {name}");
        }
        let client = configured()
            .base_url(&answering(&bytes, Then::Keep))
            .retries(RetryConfig::none())
            .build()
            .unwrap();
        on_async(async {
            for _ in 0..3 {
                assert_eq!(code(client.chain(PATH).timeout(LIMIT).post(&body).await), first, "async, {name}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
}
