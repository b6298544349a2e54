//! Clients that make one mistake each when they sign, and what they are told.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use weipay_sandbox::{Exchange, decode_reason};
use weipay_wire::{Authorization, PrivateKey, request_message};

use crate::IN_MIGRATION;
use crate::client::{Client, Request};
use crate::merchant::FAMILY;

const TARGET: &str = "/v3/marketing/busifavor/stocks/1?limit=10&offset=%E5%88%B8%7C1";
const BODY: &str = r#"{"a":1,"note":"券/&","list":[1,2]}"#;

/// A request whose signature is made over what `message` gives for timestamp and nonce.
fn signed(method: &str, target: &str, body: &[u8], message: impl Fn(i64, &str) -> Vec<u8>) -> Request {
    changed(method, target, body, |client, authorization| {
        let message = message(authorization.timestamp, &authorization.nonce_str);
        authorization.signature = client.key.sign(&message).unwrap();
    })
}

fn changed(
    method: &str,
    target: &str,
    body: &[u8],
    change: impl FnOnce(&Client<'_>, &mut Authorization),
) -> Request {
    let client = Client::new(&IN_MIGRATION);
    let mut request = client.request(method, target, body);
    let mut authorization = client.authorization(method, target, body);
    change(&client, &mut authorization);
    request.set("Authorization", &authorization.to_string());
    request
}

/// What the developer is told, and what the log has of it.
fn told(request: &Request) -> (String, Exchange) {
    let response = Client::new(&IN_MIGRATION).send(request);
    assert_eq!(response.status, 401, "{}", response.text());
    let reason = decode_reason(response.header("Weipay-Sandbox-Reason").unwrap());
    let header = request.headers.iter().find(|(name, _)| name == "Authorization").unwrap();
    let authorization: Authorization = header.1.parse().unwrap();
    let mut log = IN_MIGRATION.log().into_iter();
    let found =
        log.find(|one| one.request_headers.iter().any(|(_, value)| value.contains(&authorization.nonce_str)));
    (reason, found.unwrap())
}

/// The cause, which line differs first, and at which of its bytes.
#[track_caller]
fn check(request: &Request, words: &str, line: &str, column: usize) {
    let (reason, exchange) = told(request);
    assert!(reason.contains(words), "{reason}");
    assert_eq!(exchange.entry.reason.as_deref(), Some(&*reason));
    let signature = exchange.signature.unwrap();
    assert_eq!(signature.cause, reason);
    let difference = signature.difference.unwrap_or_else(|| panic!("{reason}: no difference"));
    assert_eq!((difference.line, difference.column), (line, column), "{reason}");
    assert_ne!(Some(&signature.expected_sha256), signature.signed_sha256.as_ref());
}

fn get(target: &str, spoilt: impl Fn(i64, &str) -> Vec<u8>) -> Request {
    signed("GET", target, b"", spoilt)
}

fn post(sent: &str, signed_body: &str) -> Request {
    post_bytes(sent.as_bytes(), signed_body.as_bytes())
}

fn post_bytes(sent: &[u8], signed_body: &[u8]) -> Request {
    let target = format!("{FAMILY}/stocks");
    signed("POST", &target, sent, |time, nonce| request_message("POST", &target, time, nonce, signed_body))
}

#[test]
fn a_url_that_was_signed_otherwise_than_it_was_sent_is_recognized() {
    let path = TARGET.split('?').next().unwrap();
    for (signed, words, column) in [
        (path.to_owned(), "the query was left out", path.len()),
        (format!("https://api.mch.weixin.qq.com{TARGET}"), "with the host in front", 0),
        (format!("http://127.0.0.1{TARGET}"), "with the host in front", 0),
        (format!("https://api.mch.weixin.qq.com{path}"), "the host in front of it and without the query", 0),
        (TARGET[1..].to_owned(), "without the slash at its beginning", 0),
        (TARGET[3..].to_owned(), "without /v3", 1),
        (
            TARGET.replace("%E5%88%B8%7C", "券|"),
            "before its values were percent-encoded",
            TARGET.find('%').unwrap(),
        ),
        (
            TARGET.replace("%E5%88%B8%7C", "%e5%88%b8%7c"),
            "other percent-encoding",
            TARGET.find('%').unwrap() + 1,
        ),
        (format!("{path}?offset=%E5%88%B8%7C1&limit=10"), "in another order", path.len() + 1),
        (
            "/v3/marketing/busifavor/stocks/{stock_id}".to_owned(),
            "with its placeholders",
            "/v3/marketing/busifavor/stocks/".len(),
        ),
    ] {
        let request = get(TARGET, |time, nonce| request_message("GET", &signed, time, nonce, b""));
        check(&request, words, "URL", column);
    }
}

#[test]
fn a_path_signed_with_other_percent_encoding_is_recognized() {
    const IMAGES: &str = "/v3/merchant-service/images/";
    for (sent, signed, words, column) in [
        // Python's requests sends %2E as a dot.
        ("a-1.bmp", "a%2D1%2Ebmp", "for example %2E to .", 1),
        ("a-1.bmp", "a-1%2Ebmp", "for example %2E to .", 3),
        ("a%7C1.bmp", "a%7C1%2Ebmp", "for example %2E to .", 5),
        ("a|1.bmp", "a%7C1.bmp", "other percent-encoding", 1),
        ("a%2E1.bmp", "a.1.bmp", "percent-encod", 1),
        ("a%7C1", "a|1", "percent-encod", 1),
        ("a%3A1", "a:1", "percent-encod", 1),
        ("a:1", "a%3A1", "percent-encod", 1),
    ] {
        let (sent, signed) = (format!("{IMAGES}{sent}"), format!("{IMAGES}{signed}"));
        let request = get(&sent, |time, nonce| request_message("GET", &signed, time, nonce, b""));
        check(&request, words, "URL", IMAGES.len() + column);
    }
}

#[test]
fn a_question_mark_that_was_sent_and_not_signed_is_recognized() {
    // As gopay does for a query without parameters.
    let path = TARGET.split('?').next().unwrap();
    let request = get(&format!("{path}?"), |time, nonce| request_message("GET", path, time, nonce, b""));
    check(&request, "a question mark at its end that was not signed", "URL", path.len());
    // And the other way round.
    let request = get(path, |time, nonce| request_message("GET", &format!("{path}?"), time, nonce, b""));
    check(&request, "a question mark at its end that was not sent", "URL", path.len());
}

#[test]
fn a_body_that_was_signed_otherwise_than_it_was_sent_is_recognized() {
    let python = r#"{"a": 1, "note": "\u5238/&", "list": [1, 2]}"#;
    let php = r#"{"a":1,"note":"\u5238\/&","list":[1,2]}"#;
    let go = r#"{"a":1,"note":"券/\u0026","list":[1,2]}"#;
    let pretty = "{\n  \"a\": 1,\n  \"note\": \"券/&\",\n  \"list\": [\n    1,\n    2\n  ]\n}";
    let sorted = r#"{"a":1,"list":[1,2],"note":"券/&"}"#;
    for (sent, signed, words, column) in [
        (BODY, "", "the body was left out", 0),
        (&*format!("{BODY}\n"), BODY, "a line feed at its end that was not signed", BODY.len() + 1),
        (BODY, &*format!("{BODY}\n"), "an extra line feed at its end", BODY.len() + 1),
        (BODY, python, "serialized twice", 5),
        (BODY, php, "serialized twice", 15),
        (BODY, go, "serialized twice", BODY.find('&').unwrap()),
        (BODY, pretty, "serialized twice", 1),
        (python, BODY, "serialized twice", 5),
        (BODY, sorted, "serialized twice", 8),
        ("", "{}", "that was not sent", 0),
        ("", "null", "that was not sent", 0),
    ] {
        if sent.ends_with('\n') {
            // The message with the line feed is the longer one.
            let (reason, exchange) = told(&post(sent, signed));
            assert!(reason.contains(words), "{reason}");
            assert_eq!(exchange.signature.unwrap().difference.unwrap().signed, "the end");
            continue;
        }
        if signed.ends_with('\n') {
            let (reason, exchange) = told(&post(sent, signed));
            assert!(reason.contains(words), "{reason}");
            assert_eq!(exchange.signature.unwrap().difference.unwrap().expected, "the end");
            continue;
        }
        check(&post(sent, signed), words, "body", column);
    }
}

/// `json.dumps(body, indent=1)`, `JSON.stringify(body, null, 3)` and the like, sent without blanks by an HTTP library.
#[test]
fn an_indented_body_is_recognized_whatever_the_indent() {
    for indent in ["", " ", "  ", "   ", "    ", "     ", "      ", "       ", "        ", "\t"] {
        let [one, two] = [1, 2].map(|depth| indent.repeat(depth));
        for note in ["券/&", r"\u5238/&", r"\u5238\/&"] {
            let signed = format!(
                "{{\n{one}\"a\": 1,\n{one}\"note\": \"{note}\",\n{one}\"list\": [\n{two}1,\n{two}2\n{one}]\n}}"
            );
            check(&post(BODY, &signed), "encoded again", "body", 1);
        }
    }
}

/// What programs do that name no encoding: Java before 18 on Chinese Windows, and in a container without a locale.
#[test]
fn a_message_in_another_encoding_than_the_body_is_recognized() {
    let place = BODY.find('券').unwrap();
    let [before, behind] = [&BODY[..place], &BODY[place + '券'.len_utf8()..]].map(str::as_bytes);
    let in_gbk = [before, b"\xc8\xaf", behind].concat();
    let (utf8, without_letters) = (BODY.as_bytes(), BODY.replace('券', "?"));
    let signed_in_gbk = post_bytes(utf8, &in_gbk);
    check(&signed_in_gbk, "signed in GBK, and its body sent in UTF-8", "body", place);
    let difference = told(&signed_in_gbk).1.signature.unwrap().difference.unwrap();
    assert_eq!((&*difference.expected, &*difference.signed), ("the byte 0xe5", "the byte 0xc8"));
    check(&post_bytes(&in_gbk, utf8), "sent in GBK, and signed in UTF-8", "body", place);
    check(&post(BODY, &without_letters), "a question mark in the place of each", "body", place);
}

#[test]
fn lines_that_were_put_together_otherwise_are_recognized() {
    let right = |time, nonce: &str| request_message("GET", TARGET, time, nonce, b"");
    let text = move |time, nonce: &str| String::from_utf8(right(time, nonce)).unwrap();
    let (_, exchange) = told(&get(TARGET, |time, nonce| text(time, nonce).trim_end().into()));
    assert!(exchange.signature.unwrap().cause.contains("empty line of an empty body"));
    let no_end = |time, nonce: &str| text(time, nonce).strip_suffix('\n').unwrap().into();
    check(&get(TARGET, no_end), "the line feed after the last line", "body", 0);
    check(&get(TARGET, |time, nonce| text(time, nonce).replace('\n', "\r\n").into()), "CR LF", "method", 3);
    check(
        &get(TARGET, |time, nonce| text(time, nonce).replace('\n', "\\n").into()),
        "the letter n",
        "method",
        3,
    );
    let response = |time, nonce: &str| weipay_wire::response_message(&i64::to_string(&time), nonce, b"");
    check(&get(TARGET, response), "as that of a response", "method", 0);
    let swapped = |time: i64, nonce: &str| format!("GET\n{TARGET}\n{nonce}\n{time}\n\n").into_bytes();
    let (reason, _) = told(&get(TARGET, swapped));
    assert!(reason.contains("the timestamp comes first"), "{reason}");
    let digest = |time, nonce: &str| weipay_wire::sha256_hex(&right(time, nonce)).into_bytes();
    let (reason, _) = told(&get(TARGET, digest));
    assert!(reason.contains("the hexadecimal digest of the message was signed"), "{reason}");
    check(
        &get(TARGET, |time, nonce| request_message("get", TARGET, time, nonce, b"")),
        "lower case",
        "method",
        0,
    );
}

#[test]
fn times_and_nonces_that_were_taken_twice_are_recognized() {
    let milliseconds = |time: i64, nonce: &str| format!("GET\n{TARGET}\n{time}000\n{nonce}\n\n").into_bytes();
    check(&get(TARGET, milliseconds), "in milliseconds", "timestamp", 10);
    let later = |time, nonce: &str| request_message("GET", TARGET, time + 1, nonce, b"");
    check(&get(TARGET, later), "read the clock once", "timestamp", 9);
    let capitals = |time, nonce: &str| request_message("GET", TARGET, time, &nonce.to_uppercase(), b"");
    let (reason, _) = told(&get(TARGET, capitals));
    assert!(reason.contains("case-sensitive"), "{reason}");
    let (reason, exchange) =
        told(&get(TARGET, |time, _| request_message("GET", TARGET, time, "quite another nonce", b"")));
    assert!(reason.contains("the key is right, but another message was signed"), "{reason}");
    let signature = exchange.signature.unwrap();
    assert!(signature.signed.is_none() && signature.signed_sha256.is_some());
}

#[test]
fn two_mistakes_at_once_are_told_together() {
    let path = TARGET.split('?').next().unwrap();
    let both = |time, nonce: &str| {
        let mut message = request_message("GET", path, time, nonce, b"");
        message.pop();
        message
    };
    let (reason, _) = told(&get(TARGET, both));
    assert!(reason.contains("the query was left out") && reason.contains("line feed after"), "{reason}");
}

#[test]
fn a_clock_that_is_wrong_is_told_by_how_much() {
    for (difference, words) in
        [(-600, "600 seconds behind"), (400, "400 seconds ahead"), (8 * 3600, "local time")]
    {
        let mut client = Client::new(&IN_MIGRATION);
        client.now += difference;
        let response = client.get(TARGET);
        let reason = decode_reason(response.header("Weipay-Sandbox-Reason").unwrap());
        assert!(reason.contains(words), "{reason}");
    }
    let mut client = Client::new(&IN_MIGRATION);
    client.now *= 1000;
    let response = client.get(TARGET);
    assert!(response.header("Weipay-Sandbox-Reason").unwrap().contains("milliseconds"));
}

#[test]
fn another_key_another_hash_and_another_padding_are_recognized() {
    let other = changed("GET", TARGET, b"", |_, authorization| {
        let key = PrivateKey::generate().unwrap();
        let message = request_message("GET", TARGET, authorization.timestamp, &authorization.nonce_str, b"");
        authorization.signature = key.sign(&message).unwrap();
    });
    assert!(told(&other).0.starts_with("wrong key: "));
    for (encoding, words) in [
        (&RSA_PKCS1_SHA512 as &'static dyn RsaEncoding, "was made with SHA-512"),
        (&RSA_PSS_SHA256, "is RSASSA-PSS"),
    ] {
        let request = changed("GET", TARGET, b"", |client, authorization| {
            let pair = RsaKeyPair::from_pkcs8(&client.key.to_pkcs8_der().unwrap()).unwrap();
            let message =
                request_message("GET", TARGET, authorization.timestamp, &authorization.nonce_str, b"");
            let mut signature = vec![0; 256];
            pair.sign(encoding, &SystemRandom::new(), &message, &mut signature).unwrap();
            authorization.signature = base64(&signature);
        });
        let (reason, _) = told(&request);
        assert!(reason.contains(words), "{reason}");
    }
    let url_alphabet = changed("GET", TARGET, b"", |_, authorization| {
        authorization.signature = authorization.signature.replace('+', "-").replace('/', "_");
    });
    assert!(told(&url_alphabet).0.contains("base64 of URLs"));
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= chunk.len() { letter as char } else { '=' });
        }
    }
    text
}

#[test]
fn a_serial_in_decimal_and_those_of_other_keys_are_recognized() {
    let kit = IN_MIGRATION.kit();
    let decimal = decimal(&kit.merchant_serial);
    let colons: Vec<_> =
        kit.merchant_serial.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
    for (serial, words) in [
        (decimal, "in decimal"),
        (colons.join(":"), "separators between its digits"),
        (kit.platform_serial.clone().unwrap(), "the serial of the platform certificate"),
        (kit.public_key_id.clone().unwrap(), "the ID of the platform's public key"),
        ("AB".to_owned(), "use the one in the merchant's kit.json"),
    ] {
        let request = changed("GET", TARGET, b"", |_, authorization| authorization.serial_no = serial);
        let (reason, _) = told(&request);
        assert!(reason.contains(words), "{reason}");
    }
    let appid = changed("GET", TARGET, b"", |_, authorization| authorization.mchid.clone_from(&kit.appid));
    assert!(told(&appid).0.contains("is an appid"));
}

fn decimal(hex: &str) -> String {
    let mut digits = vec![0_u32];
    for letter in hex.chars() {
        let mut carry = letter.to_digit(16).unwrap();
        for digit in &mut digits {
            let value = *digit * 16 + carry;
            (*digit, carry) = (value % 10, value / 10);
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from_digit(*digit, 10).unwrap()).collect()
}

#[test]
fn an_upload_whose_whole_body_was_signed_is_recognized() {
    let target = "/v3/merchant/media/upload";
    let body = b"--b\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{\"filename\":\"a.png\",\"sha256\":\"00\"}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n";
    let mut request =
        signed("POST", target, body, |time, nonce| request_message("POST", target, time, nonce, body));
    request.set("Content-Type", "multipart/form-data; boundary=b");
    let (reason, _) = told(&request);
    assert!(reason.contains("the whole body of an upload was signed"), "{reason}");
}
