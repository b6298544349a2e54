//! A notification that the sandbox delivers over a real socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use http::{HeaderMap, HeaderName, HeaderValue};
use weipay::blocking::Client;
use weipay::http;
use weipay::notification::{Event, Receiver};
use weipay::v3::marketing::busifavor::callbacks;
use weipay_sandbox::Sandbox;

use crate::server::bind;
use crate::shared_sandbox;

/// One request, as any server would read it.
pub fn read_request(stream: &TcpStream) -> http::Request<Vec<u8>> {
    let mut lines = BufReader::new(stream);
    let mut headers = HeaderMap::new();
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.starts_with("POST /notify "), "{line}");
    loop {
        line.clear();
        lines.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let length = headers["content-length"].to_str().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    lines.read_exact(&mut body).unwrap();
    let mut request = http::Request::new(body);
    *request.headers_mut() = headers;
    request
}

pub fn answer(mut stream: &TcpStream, response: &http::Response<weipay::bytes::Bytes>) {
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        response.status(),
        response.body().len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(response.body()).unwrap();
}

#[test]
fn a_coupon_that_the_sandbox_notifies_of_is_verified_opened_and_typed() {
    let sandbox = Sandbox::start().unwrap();
    let client = Client::from_kit(sandbox.kit_file()).unwrap();
    let (listener, base_url) = bind();
    let url = format!("{base_url}/notify");
    let set = callbacks::post::Request::new().notify_url(url).mchid(sandbox.kit().mchid.as_str());
    client.v3().marketing().busifavor().callbacks().post(set).unwrap();
    let stock_id = shared_sandbox::create(&client, sandbox.kit());
    // A receiver of a client, and one from the kit alone.
    for (number, receiver) in
        [client.receiver(), Receiver::from_kit(sandbox.kit_file()).unwrap()].iter().enumerate()
    {
        let code = shared_sandbox::send(&client, sandbox.kit(), &stock_id, number);
        let (stream, _) = listener.accept().unwrap();
        let request = read_request(&stream);
        let notification = receiver.receive_request(&request).unwrap();
        assert_eq!(notification.event_type(), "COUPON.SEND");
        assert_eq!(notification.mchid().unwrap().as_ref(), sandbox.kit().mchid);
        let Event::CouponSend(sent) = notification.event() else { panic!("{notification:?}") };
        assert_eq!(sent.coupon_code.as_ref(), Some(&code));
        assert_eq!(sent.stock_id.as_ref(), Some(&stock_id));
        // As a real one does, it has an empty text where an object is documented: told, and not an error.
        let decode_errors: Vec<&str> = notification.decode_errors().iter().map(|one| &*one.path).collect();
        assert_eq!(decode_errors, ["attach_info"]);
        answer(&stream, &notification.success());
    }
}

/// The example is built with the tests, and starts its own sandbox.
#[test]
fn the_example_receives_a_notification_and_ends() {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples").join("notification");
    let output = std::process::Command::new(program).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("COUPON.SEND") && said.contains("204 No Content"), "{said}");
}
