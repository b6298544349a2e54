//! Bills of APIv2 as streams: what is a bill, and what came in place of one, told by its first bytes. For both clients.

use std::fs;
use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::channel;

use serde_json::json;
use weipay::bill::Bill;
use weipay::download::{Digest, Downloaded};
use weipay::error::{ErrorClass, ErrorKind, FileError};
use weipay::http::Method;
use weipay::v2::pay::{downloadbill, downloadfundflow};
use weipay::wire::{ApiV2Key, DigestAlgorithm};
use weipay::{Client, ClientBuilder, Error, RetryConfig, blocking};

use super::by_hand::{KEY, builder, elements, md5, xml_response};
use crate::bills;
use crate::delivery::Noting;
use crate::downloads::{Telling, gzip};
use crate::on_async;
use crate::platform::{Platform, Scripted, configured, unsigned};
use crate::server::{listen_once, read};

const BILL: &str = "v2/pay/downloadbill";
const HEADING: &str = "\u{feff}交易时间,公众账号ID,商户订单号,订单金额\r\n";
const ROW: &str = "`2014-11-10 16:33:45,`wx2421b1c4370ec43b,`order-1,`0.01\r\n";

type Outcome = Result<Downloaded, Error>;

/// A bill with so many rows.
fn bill(rows: usize) -> Vec<u8> {
    let summary = format!("总交易单数,订单总金额\r\n`{rows},`0.01\r\n");
    [HEADING, &ROW.repeat(rows), &summary].concat().into_bytes()
}

/// Downloads with both clients, each from a platform with these responses, and looks at what came of it and what was written.
fn download(responses: &[Scripted], look: impl Fn(Outcome, Vec<u8>)) {
    for is_async in [false, true] {
        let platform = Platform::start(responses.to_vec());
        let builder = builder(&platform).timer(Noting::default());
        let (body, mut written) = (json!({"bill_date": "20141110"}), Vec::new());
        let outcome = if is_async {
            let client = builder.build().unwrap();
            on_async(client[BILL].download_with(Method::POST, &body).to_writer(&mut written))
        } else {
            let client = builder.build_blocking().unwrap();
            client.chain(BILL).download_with(Method::POST, &body).to_writer(&mut written)
        };
        for _ in responses {
            assert_eq!(platform.seen().target, "/pay/downloadbill");
        }
        assert!(!platform.saw_more());
        look(outcome, written);
    }
}

/// A client of a platform that writes its response to the first request by hand, and then closes the connection.
fn serving(respond: impl FnOnce(&mut &TcpStream) + Send + 'static) -> ClientBuilder {
    let base_url = listen_once(move |stream| {
        read(&mut BufReader::new(&stream)).unwrap();
        respond(&mut &stream);
    });
    configured().base_url(&base_url).api_v2_key(ApiV2Key::new(KEY).unwrap())
}

#[test]
fn a_bill_of_20_mb_is_streamed_compressed_or_not() {
    let rows = 20 * 1024 * 1024 / ROW.len() + 1;
    let text = bill(rows);
    assert!(text.len() > 20 << 20);
    for body in [text.clone(), gzip(&text)] {
        let is_compressed = body != text;
        download(&[unsigned(200, "").with_bytes(&body)], |outcome, written| {
            let downloaded = outcome.unwrap();
            assert!(written == text && downloaded.size == text.len() as u64);
            assert_eq!((downloaded.was_compressed, downloaded.is_verified()), (is_compressed, false));
        });
    }
    let mut read = Bill::new(&text[..]).unwrap();
    let count = std::iter::from_fn(|| read.next_row().unwrap()).count();
    assert!(count == rows && read.summary().is_some());
}

#[test]
fn the_typed_steps_send_the_signed_request_of_their_verb() {
    let text = bill(2);
    let response = || vec![unsigned(200, "").with_bytes(&gzip(&text))];
    let platform = Platform::start(response());
    let client = builder(&platform).build_blocking().unwrap();
    let request = downloadbill::post::Request::new().appid("wx2421b1c4370ec43b").bill_date("20141110");
    let request = request.tar_type(downloadbill::post::TarType::Gzip);
    assert_eq!(client.v2().pay().downloadbill().download(request).to_bytes().unwrap(), text);
    let second = Platform::start(response());
    let client = builder(&second).build().unwrap();
    let request = downloadfundflow::post::Request::new().appid("wx2421b1c4370ec43b").bill_date("20141110");
    let request = request.account_type(downloadfundflow::post::AccountType::Basic);
    let download = client.v2().pay().downloadfundflow().download(request);
    assert_eq!(on_async(download.to_bytes()).unwrap(), text);
    let seen = platform.seen();
    let sent = elements(&seen);
    let fields: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sign = fields.iter().find(|(name, _)| *name == "sign").unwrap().1;
    assert_eq!((seen.method.as_str(), sign), ("POST", md5(&fields).as_str()));
    assert!(fields.contains(&("mch_id", "1900000001")) && fields.contains(&("tar_type", "GZIP")));
    assert_eq!(second.seen().target, "/pay/downloadfundflow");
}

/// The second half is sent only when the first was written.
#[test]
fn a_bill_is_written_while_it_arrives() {
    let text = bill(2);
    for is_async in [false, true] {
        let (tell, told) = channel();
        let (first, second) = (text[..text.len() / 2].to_vec(), text[text.len() / 2..].to_vec());
        let length = text.len();
        let builder = serving(move |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").unwrap();
            stream.write_all(&first).unwrap();
            let mut written = 0;
            while written < first.len() {
                written += told.recv().unwrap();
            }
            stream.write_all(&second).unwrap();
        });
        let (body, writer) = (json!({"bill_date": "20141110"}), Telling(tell));
        let downloaded = if is_async {
            let client = builder.build().unwrap();
            on_async(client.chain(BILL).download_with(Method::POST, &body).to_writer(writer))
        } else {
            let client = builder.build_blocking().unwrap();
            client.chain(BILL).download_with(Method::POST, &body).to_writer(writer)
        };
        assert_eq!(downloaded.unwrap().size, length as u64);
    }
}

/// Whether an error is the one that a case expects.
type IsExpected<'a> = &'a dyn Fn(&Error) -> bool;

#[test]
fn what_came_in_place_of_a_bill_is_an_error_and_nothing_of_it_is_written() {
    let none = [("return_code", "FAIL"), ("return_msg", "No Bill Exist"), ("error_code", "20002")];
    let failed = [
        ("return_code", "SUCCESS"),
        ("return_msg", "OK"),
        ("result_code", "FAIL"),
        ("err_code", "NO_BILL_EXIST"),
        ("err_code_des", "流水账单不存在"),
    ];
    let is_file = |error: &Error| matches!(error.kind(), ErrorKind::File(FileError::NoFile));
    let has_code = |code: &'static str| move |error: &Error| error.is_api() && error.code() == Some(code);
    let marked = super::by_hand::xml(&none).replacen("<xml>", "\u{feff}\r\n<xml>", 1);
    let system_error = r#"{"errcode":268435455,"errmsg":"system error"}"#;
    let has_error = |error: &Error| {
        let kind = error.kind();
        matches!(kind, ErrorKind::File(FileError::ErrorResponse(error)) if error.message == "x")
    };
    let cases: [(&str, Scripted, IsExpected<'_>); 16] = [
        ("no bill", xml_response(&none), &has_code("20002")),
        ("a mark before it", unsigned(200, &marked), &has_code("20002")),
        ("compressed", unsigned(200, "").with_bytes(&gzip(marked.as_bytes())), &has_code("20002")),
        ("no fund flow", xml_response(&failed), &has_code("NO_BILL_EXIST")),
        ("JSON", unsigned(200, r#"{"code":"PARAM_ERROR","message":"x"}"#), &has_code("PARAM_ERROR")),
        ("JSON of a gateway", unsigned(200, system_error), &is_file),
        ("a list", unsigned(200, "\u{feff}\r\n[]"), &is_file),
        ("JSON, compressed", unsigned(200, "").with_bytes(&gzip(system_error.as_bytes())), &is_file),
        ("JSON with an unknown code", unsigned(200, r#"{"code":7,"message":"x"}"#), &has_error),
        ("no file", xml_response(&[("return_code", "SUCCESS"), ("return_msg", "OK")]), &is_file),
        ("a page", unsigned(200, "<html>login</html>"), &Error::is_unverified),
        ("XML that is cut", unsigned(200, "<xml><return_code>FA"), &Error::is_unverified),
        ("nothing", unsigned(200, ""), &Error::is_unverified),
        ("blanks", unsigned(200, " \r\n "), &Error::is_unverified),
        ("a status", unsigned(403, "forbidden"), &|error| {
            error.is_api() && error.status().is_some_and(|status| status == 403)
        }),
        ("a status without an error", unsigned(202, &HEADING.repeat(2)), &|error| !error.is_request()),
    ];
    for (name, response, is_expected) in cases {
        let response = [response];
        let attempts = RetryConfig::none();
        for is_async in [false, true] {
            let platform = Platform::start(response.to_vec());
            let (builder, mut written) = (builder(&platform).retries(attempts), Vec::new());
            let outcome = if is_async {
                let client = builder.build().unwrap();
                on_async(client.chain(BILL).download_with(Method::POST, json!({})).to_writer(&mut written))
            } else {
                let client = builder.build_blocking().unwrap();
                client.chain(BILL).download_with(Method::POST, json!({})).to_writer(&mut written)
            };
            let error = outcome.unwrap_err();
            assert!(is_expected(&error), "{name} {is_async}: {error:#}");
            assert_eq!(written, b"", "{name}");
            assert!(format!("{error:#}").contains("下载对账单"), "{name}: {error:#}");
        }
    }
}

/// Where the verb reads a bill, the same counts as for a download.
#[test]
fn long_json_that_is_called_json_is_no_bill() {
    let json = format!(r#"{{"errmsg":"{}"}}"#, "x".repeat(70_000));
    for (media_type, is_bill) in [("application/json", false), ("text/plain", true)] {
        let platform = Platform::start(vec![unsigned(200, &json).header("Content-Type", media_type)]);
        let client = builder(&platform).retries(RetryConfig::none()).build_blocking().unwrap();
        let outcome = client.chain(BILL).post(json!({}));
        assert_eq!(outcome.is_ok(), is_bill, "{media_type}");
        if let Err(error) = outcome {
            assert!(matches!(error.kind(), ErrorKind::File(FileError::NoFile)), "{error:#}");
        }
    }
}

#[test]
fn a_bill_that_does_not_come_whole_is_an_error() {
    let whole = gzip(&bill(20_000));
    let is_damaged = |outcome: &Outcome| {
        let kind = outcome.as_ref().unwrap_err().kind();
        matches!(kind, ErrorKind::File(FileError::Compression(_)))
    };
    // Once something was written, it is not repeated.
    let damaged = unsigned(200, "").with_bytes(&whole[..whole.len() - 1]);
    download(&[damaged], |outcome, written| assert!(is_damaged(&outcome) && !written.is_empty()));
    for is_async in [false, true] {
        let builder = serving(|stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").unwrap();
            stream.write_all(HEADING.as_bytes()).unwrap();
        });
        let mut written = Vec::new();
        let error = if is_async {
            let client = builder.build().unwrap();
            on_async(client.chain(BILL).download_with(Method::POST, json!({})).to_writer(&mut written))
        } else {
            let client = builder.build_blocking().unwrap();
            client.chain(BILL).download_with(Method::POST, json!({})).to_writer(&mut written)
        };
        assert!(error.unwrap_err().is_network() && written == HEADING.as_bytes());
    }
}

#[test]
fn a_fault_of_the_platform_is_asked_again_and_a_refusal_is_not() {
    let fault = xml_response(&[
        ("return_code", "SUCCESS"),
        ("result_code", "FAIL"),
        ("err_code", "SYSTEMERROR"),
        ("err_code_des", "x"),
    ]);
    let text = bill(3);
    download(&[fault, unsigned(502, "x"), unsigned(200, "").with_bytes(&text)], |outcome, written| {
        assert!(outcome.is_ok() && written == text);
    });
    let none = [("return_code", "FAIL"), ("return_msg", "No Bill Exist"), ("error_code", "20002")];
    download(&[xml_response(&none)], |outcome, _| {
        let error = outcome.unwrap_err();
        assert!(!error.is_retryable() && error.class() != ErrorClass::Transport, "{error:#}");
    });
}

#[test]
fn a_file_at_the_place_stays_when_no_bill_comes() {
    let none = [("return_code", "FAIL"), ("return_msg", "No Bill Exist"), ("error_code", "20002")];
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("bill.csv");
    fs::write(&place, "of yesterday").unwrap();
    let platform = Platform::start(vec![xml_response(&none), unsigned(200, HEADING)]);
    let client = builder(&platform).build_blocking().unwrap();
    let download = || client.chain(BILL).download_with(Method::POST, json!({}));
    download().to_file(&place).unwrap_err();
    assert_eq!(fs::read(&place).unwrap(), b"of yesterday");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    download().to_file(&place).unwrap();
    assert_eq!(fs::read(&place).unwrap(), HEADING.as_bytes());
}

#[test]
fn a_digest_and_a_limit_of_the_caller_are_kept() {
    let text = bill(3);
    let platform = Platform::start(vec![unsigned(200, "").with_bytes(&gzip(&text)); 3]);
    let client = builder(&platform).retries(RetryConfig::none()).build_blocking().unwrap();
    let download = || client.chain(BILL).download_with(Method::POST, json!({}));
    let digest = |of: &[u8]| Digest::new("SHA1", &DigestAlgorithm::Sha1.hex(of)).unwrap();
    let mut written = Vec::new();
    assert!(download().digest(digest(&text)).to_writer(&mut written).unwrap().is_verified());
    let error = download().digest(digest(b"another")).to_bytes().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::File(FileError::WrongDigest { .. })), "{error:?}");
    let error = download().max_bytes(10).to_bytes().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::File(FileError::TooLarge { limit: 10 })), "{error:?}");
}

/// A proxy that compresses what it was not asked to.
#[test]
fn a_bill_compressed_on_its_way_is_read_only_if_that_can_be_undone() {
    let (text, none) = (bill(3), xml_response(&[("return_code", "FAIL"), ("return_msg", "No Bill Exist")]));
    let zipped = unsigned(200, "").with_bytes(&gzip(&text)).header("Content-Encoding", "gzip");
    download(std::slice::from_ref(&zipped), |outcome, written| assert!(outcome.is_ok() && written == text));
    let brotli = none.with_body("\u{1b}not the text").header("Content-Encoding", "br");
    let twice = unsigned(200, "").with_bytes(&gzip(&gzip(&text))).header("Content-Encoding", "gzip");
    for (response, hint) in [(brotli.clone(), "`Content-Encoding`"), (twice, "compressed twice")] {
        let platform = Platform::start(vec![response]);
        let client = builder(&platform).retries(RetryConfig::none()).build_blocking().unwrap();
        let mut written = Vec::new();
        let download = client.chain(BILL).download_with(Method::POST, json!({}));
        let error = download.to_writer(&mut written).unwrap_err();
        assert!(format!("{error:#}").contains(hint) && written.is_empty(), "{error:#}");
    }
    // The verbs undo nothing, and could take an error for a bill.
    for response in [brotli, zipped] {
        let platform = Platform::start(vec![response]);
        let client = builder(&platform).build_blocking().unwrap();
        let error = client.chain(BILL).post(json!({})).unwrap_err();
        assert!(error.is_unverified() && error.to_string().contains("`Content-Encoding`"), "{error:#}");
    }
}

/// What is signed as a whole, or of which nothing is known, is not streamed.
#[test]
fn what_is_no_file_is_not_downloaded_so() {
    let platform = Platform::start(Vec::new());
    let client = builder(&platform).build_blocking().unwrap();
    for (method, path) in [
        (Method::GET, "v3/bill/tradebill"),
        (Method::POST, "v2/pay/unifiedorder"),
        (Method::POST, "v2/pay/never-heard-of"),
        (Method::GET, BILL),
    ] {
        let error = client.chain(path).download_with(method, json!({})).to_bytes().unwrap_err();
        assert!(error.is_request() && error.to_string().contains("with its verb"), "{path}: {error:#}");
    }
    let keyless = platform.builder().build_blocking().unwrap();
    assert!(keyless.chain(BILL).download_with(Method::POST, json!({})).to_bytes().unwrap_err().is_request());
    assert!(!platform.saw_more());
}

#[test]
fn a_bill_of_the_sandbox_is_streamed_as_its_verb_gives_it() {
    let (sandbox, client) = bills::with_bills();
    let asynchronous = Client::from_kit(sandbox.kit_file()).unwrap();
    let of = |day: &str| json!({"appid": sandbox.kit().appid, "bill_date": day, "bill_type": "ALL"});
    let day = bills::DAY.replace('-', "");
    let text = client.chain(BILL).post(of(&day)).unwrap().bytes().clone();
    let download = |client: &blocking::Client, day: &str| {
        client.chain(BILL).download_with(Method::POST, of(day)).to_bytes()
    };
    assert_eq!(download(&client, &day).unwrap(), text);
    let again = asynchronous.chain(BILL).download_with(Method::POST, of(&day));
    assert_eq!(on_async(again.to_bytes()).unwrap(), text);
    assert_eq!(download(&client, "20261101").unwrap_err().code(), Some("20002"));
}
