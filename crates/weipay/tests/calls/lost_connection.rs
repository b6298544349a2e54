//! How far a call had come when its connection failed, over real sockets, on both clients.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::json;
use weipay::Error;

use crate::platform::configured;

const PATH: &str = "v3/marketing/busifavor/coupons/disassociate";

/// The same failing call on both clients, each to a base URL of its own.
fn both(base_url: impl Fn() -> String) -> [Error; 2] {
    let body = json!({"stock_id": "1", "coupon_code": "2"});
    let client = configured().base_url(&base_url()).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime.block_on(client.chain(PATH).post(&body)).unwrap_err();
    let client = configured().base_url(&base_url()).build_blocking().unwrap();
    [first, client.chain(PATH).post(&body).unwrap_err()]
}

/// Takes one connection and gives it to `then`.
fn listen(then: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || then(listener.accept().unwrap().0));
    format!("http://{address}")
}

/// Reads a whole request but for its last byte, and waits until that has arrived too.
fn receive(stream: &mut TcpStream) {
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        seen.push(byte[0].to_ascii_lowercase());
    }
    let head = String::from_utf8(seen).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse::<usize>().unwrap() - 1];
    stream.read_exact(&mut body).unwrap();
    assert_eq!(stream.peek(&mut byte).unwrap(), 1);
}

#[test]
fn a_refused_connection_proves_that_nothing_was_sent() {
    // A socket that has a port and does not listen: nobody else can take the port meanwhile.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let refused = || format!("http://{}", socket.local_addr().unwrap());
    for error in both(refused) {
        assert!(error.is_network() && !error.may_have_taken_effect(), "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
    }
}

#[test]
fn a_host_that_is_not_found_proves_that_nothing_was_sent() {
    // Names have at most 63 letters between dots, so that this one fails without asking the network.
    for error in both(|| format!("http://{}.invalid", "a".repeat(64))) {
        assert!(error.is_network() && !error.may_have_taken_effect(), "{error}");
    }
}

#[test]
fn a_reset_after_the_request_arrived_proves_nothing() {
    // A socket that is closed with something unread in it resets its connection.
    for error in both(|| listen(|mut stream| receive(&mut stream))) {
        assert!(error.is_network() && error.may_have_taken_effect(), "{error}");
    }
}

#[test]
fn a_failed_handshake_proves_that_nothing_was_sent() {
    let closing = || listen(|mut stream| assert_ne!(stream.read(&mut [0; 16]).unwrap(), 0));
    for error in both(|| closing().replace("http://", "https://")) {
        assert!(error.is_network() && !error.may_have_taken_effect(), "{error}");
    }
}
