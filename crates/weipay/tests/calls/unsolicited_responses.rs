//! Bytes that come after a response, on a connection that is kept for the next call: they are nobody's response. Taken
//! for the next one, a refusal would say of a payment that it did not happen.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde_json::json;
use weipay::{ClientBuilder, Error};

use crate::platform::configured;
use crate::server::bind;

const PATH: &str = "v3/marketing/busifavor/coupons/disassociate";
const REFUSAL: &str = "HTTP/1.1 400 X\r\nContent-Length: 22\r\n\r\n{\"code\":\"PARAM_ERROR\"}";

/// How the refusal of no request comes.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    WithTheFirstResponse,
    /// When the first call has returned.
    AfterTheFirstCall,
}

/// The platform's side of a test: what it is told, and what it tells.
struct Platform {
    client: ClientBuilder,
    first_call_returned: Sender<()>,
    refusal_written: Receiver<()>,
}

/// A platform that answers the first request with `first` and the refusal of no request, and later ones not at all.
fn answering(first: &'static str, refusal: Refusal) -> Platform {
    let (listener, base_url) = bind();
    let ((first_call_returned, returned), (written, refusal_written)) = (channel(), channel());
    thread::spawn(move || {
        let mut streams = listener.incoming().flatten();
        let mut stream = streams.next().unwrap();
        receive(&mut stream);
        if let Refusal::WithTheFirstResponse = refusal {
            stream.write_all(format!("{first}{REFUSAL}").as_bytes()).unwrap();
        } else {
            stream.write_all(first.as_bytes()).unwrap();
            returned.recv().unwrap();
            // The client may have closed the connection.
            stream.write_all(REFUSAL.as_bytes()).ok();
        }
        // On this machine what is written has arrived.
        written.send(()).unwrap();
        thread::scope(|scope| {
            // The second call comes on another connection, or on this one.
            scope.spawn(|| streams.for_each(|mut stream| receive(&mut stream)));
            receive(&mut stream);
            drop(stream);
        });
    });
    Platform { client: configured().base_url(&base_url), first_call_returned, refusal_written }
}

/// Reads a request of the tests, whose body is `{}`.
fn receive(stream: &mut TcpStream) {
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(b"\r\n\r\n{}") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        seen.push(byte[0]);
    }
}

fn second_of(
    first_call_returned: &Sender<()>,
    refusal_written: &Receiver<()>,
    mut call: impl FnMut() -> Result<(), Error>,
) -> Error {
    assert!(call().is_err());
    // Nobody waits for it if the refusal came with the response.
    first_call_returned.send(()).ok();
    refusal_written.recv().unwrap();
    call().unwrap_err()
}

#[test]
fn a_response_that_nobody_asked_for_is_not_the_next_one() {
    let refused: &str = "HTTP/1.1 400 X\r\nContent-Length: 16\r\n\r\n{\"code\":\"FIRST\"}";
    let empty = "HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n";
    let chunked =
        "HTTP/1.1 400 X\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"code\":\"FIRST\"}\r\n0\r\n\r\n";
    for first in [refused, empty, chunked] {
        for refusal in [Refusal::WithTheFirstResponse, Refusal::AfterTheFirstCall] {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let Platform { client, first_call_returned, refusal_written } = answering(first, refusal);
            let client = client.build().unwrap();
            let error = second_of(&first_call_returned, &refusal_written, || {
                runtime.block_on(client.chain(PATH).post(json!({}))).map(drop)
            });
            assert!(error.may_have_taken_effect(), "async, {first:?}, {refusal:?}: {error}");
            let Platform { client, first_call_returned, refusal_written } = answering(first, refusal);
            let client = client.build_blocking().unwrap();
            let error = second_of(&first_call_returned, &refusal_written, || {
                client.chain(PATH).post(json!({})).map(drop)
            });
            assert!(error.may_have_taken_effect(), "blocking, {first:?}, {refusal:?}: {error}");
        }
    }
}
