//! Bytes that come after a response, on a connection that is kept for the next call: they are nobody's response. Taken for the next
//! one, a refusal would say of a payment that it did not happen.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::json;
use weipay::{ClientBuilder, Error};

use crate::platform::configured;

const PATH: &str = "v3/marketing/busifavor/coupons/disassociate";
const REFUSAL: &str = "HTTP/1.1 400 X\r\nContent-Length: 22\r\n\r\n{\"code\":\"PARAM_ERROR\"}";

/// A platform that answers the first request with `first` and the refusal of no request, and later ones not at all.
fn answering(first: &'static str, pause: Option<Duration>) -> ClientBuilder {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (index, stream) in listener.incoming().flatten().enumerate() {
            thread::spawn(move || answer(stream, (index == 0).then_some(first), pause));
        }
    });
    configured().base_url(&base_url)
}

fn answer(mut stream: TcpStream, first: Option<&str>, pause: Option<Duration>) {
    receive(&mut stream);
    if let Some(first) = first {
        match pause {
            None => stream.write_all(format!("{first}{REFUSAL}").as_bytes()).unwrap(),
            Some(pause) => {
                stream.write_all(first.as_bytes()).unwrap();
                thread::sleep(pause);
                stream.write_all(REFUSAL.as_bytes()).ok();
            }
        }
        receive(&mut stream);
    }
}

/// Reads a request of the tests, whose body is `{}`.
fn receive(stream: &mut TcpStream) {
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(b"\r\n\r\n{}") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        seen.push(byte[0]);
    }
}

fn second_of(mut call: impl FnMut() -> Result<(), Error>) -> Error {
    assert!(call().is_err());
    thread::sleep(Duration::from_millis(50));
    call().unwrap_err()
}

#[test]
fn a_response_that_nobody_asked_for_is_not_the_next_one() {
    let refused: &str = "HTTP/1.1 400 X\r\nContent-Length: 16\r\n\r\n{\"code\":\"FIRST\"}";
    let empty = "HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n";
    let chunked =
        "HTTP/1.1 400 X\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"code\":\"FIRST\"}\r\n0\r\n\r\n";
    for first in [refused, empty, chunked] {
        for pause in [None, Some(Duration::from_millis(10))] {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let client = answering(first, pause).build().unwrap();
            let error = second_of(|| runtime.block_on(client.chain(PATH).post(json!({}))).map(drop));
            assert!(error.may_have_taken_effect(), "async, {first:?}, {pause:?}: {error}");
            let client = answering(first, pause).build_blocking().unwrap();
            let error = second_of(|| client.chain(PATH).post(json!({})).map(drop));
            assert!(error.may_have_taken_effect(), "blocking, {first:?}, {pause:?}: {error}");
        }
    }
}
