//! One table of events and what they say about money, over real sockets, for both clients: the same event has the same
//! outcome, and its text is true.

use std::io::{BufReader, Read, Write};
#[cfg(target_os = "linux")]
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::json;
use weipay::error::{ErrorKind, Sent};
use weipay::{ClientBuilder, Error};

use crate::either::Either;
use crate::on_async;
use crate::platform::configured;
use crate::server::{Server, Step, Then, bind, listen, read, wait_for_the_end};

const PATH: &str = "v3/marketing/busifavor/coupons/disassociate";

/// For events that end by themselves: it only ends a test that hangs.
const LONG: Duration = Duration::from_secs(60);
/// For events that end with the time limit. A busy machine may need longer to come as far as the event: then it is doubled.
const SHORT: Duration = Duration::from_millis(200);

fn to(base_url: &str) -> ClientBuilder {
    configured().base_url(base_url)
}

/// The same failing call on both clients, each to its own base URL.
fn both(limit: Duration, base_url: impl Fn() -> String) -> [(&'static str, Error); 2] {
    let body = json!({"stock_id": "1", "coupon_code": "2"});
    Either::both(|| to(&base_url()).timeout(limit))
        .map(|client| (client.name(), client.post(PATH, &body).unwrap_err()))
}

/// The same with twice the time, and so on, while an error comes `too_early` in the call.
fn late_enough<U: Fn() -> String>(
    limit: Duration,
    base_url: U,
    too_early: impl Fn(&Error) -> bool,
) -> [(&'static str, Error); 2] {
    let errors = both(limit, &base_url);
    if limit < LONG && errors.iter().any(|(_, error)| too_early(error)) {
        return late_enough(limit * 2, base_url, too_early);
    }
    errors
}

/// Nothing was sent, and the error says why.
fn nothing_was_sent(limit: Duration, why: &str, base_url: impl Fn() -> String) {
    let too_early = |error: &Error| format!("{error:#}").contains("the time limit was over before");
    for (client, error) in late_enough(limit, base_url, too_early) {
        let text = format!("{error:#}");
        assert!(error.is_network() && !error.may_have_taken_effect(), "{client}: {text}");
        assert!(matches!(error.kind(), ErrorKind::Network(problem) if problem.sent == Sent::No));
        assert!(text.starts_with("no connection: ") && text.contains(why), "{client}: {text}");
    }
}

/// The request may have arrived.
fn perhaps_it_arrived(limit: Duration, why: &str, base_url: impl Fn() -> String) {
    let too_early = |error: &Error| {
        let text = format!("{error:#}");
        ["the time limit was over before", "not connected within the time limit"]
            .iter()
            .any(|stage| text.contains(stage))
    };
    for (client, error) in late_enough(limit, base_url, too_early) {
        let text = format!("{error:#}");
        assert!(error.is_network() && error.may_have_taken_effect(), "{client}: {text}");
        assert!(matches!(error.kind(), ErrorKind::Network(problem) if problem.sent == Sent::Perhaps));
        assert!(
            text.starts_with("no complete response was received, and the request may have been sent: "),
            "{text}"
        );
        assert!(text.contains(why), "{client}: {text}");
    }
}

/// Servers that do this with every request.
fn always(bytes: impl Into<Vec<u8>>, then: Then) -> impl Fn() -> String {
    let step = Step::new(bytes, then);
    move || Server::always(step.clone()).base_url()
}

/// Answers a whole request with these bytes, and closes the connection in an orderly way.
fn answering(bytes: impl Into<Vec<u8>>) -> impl Fn() -> String {
    always(bytes, Then::Close)
}

/// Responds with these bytes, and resets the connection: it is closed with something unread in it.
fn answering_and_resetting(bytes: &str) -> impl Fn() -> String {
    always(bytes, Then::Reset)
}

#[test]
fn no_such_host() {
    // Names have at most 63 letters between dots, so that this one fails without asking the network.
    nothing_was_sent(LONG, "", || format!("http://{}.invalid", "a".repeat(64)));
}

#[test]
fn connection_refused() {
    // A socket that has a port and does not listen: nobody else can take the port meanwhile.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    nothing_was_sent(LONG, "refused", || format!("http://{}", socket.local_addr().unwrap()));
}

/// A listener whose queue is full: the system lets further connections wait for ever. With what fills it.
#[cfg(target_os = "linux")]
fn full() -> (impl Sized, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        socket.listen(1).unwrap()
    });
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, SHORT) {
        waiting.push(stream);
        assert!(waiting.len() < 1_000, "the queue does not fill");
    }
    ((runtime, listener, waiting), address)
}

#[cfg(target_os = "linux")]
#[test]
fn never_accepted() {
    let (_kept, address) = full();
    let late = "not connected within the time limit";
    nothing_was_sent(SHORT, late, || format!("http://{address}"));
    nothing_was_sent(SHORT, late, || format!("https://{address}"));
}

#[test]
fn tls_refused_by_closing_by_an_alert_and_by_plain_text() {
    let closing = || listen(|mut stream| assert_ne!(stream.read(&mut [0; 16]).unwrap(), 0));
    nothing_was_sent(LONG, "", || closing().replace("http://", "https://"));
    for refusal in [&b"\x15\x03\x03\x00\x02\x02\x28"[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let refusing = || {
            listen(move |mut stream| {
                assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
                stream.write_all(refusal).unwrap();
                wait_for_the_end(stream);
            })
        };
        nothing_was_sent(LONG, "", || refusing().replace("http://", "https://"));
    }
}

#[test]
fn tls_not_answered() {
    let silent = || listen(wait_for_the_end).replace("http://", "https://");
    nothing_was_sent(SHORT, "not connected within the time limit", silent);
}

#[test]
fn a_time_limit_that_is_over_before_anything_is_sent() {
    let ((_listener, base_url), limits) = (bind(), [Duration::ZERO, Duration::from_nanos(1)]);
    let client = to(&base_url).build_blocking().unwrap();
    for limit in limits {
        let error = client.chain(PATH).timeout(limit).post(()).unwrap_err();
        assert!(error.is_network() && !error.may_have_taken_effect(), "{error}");
        assert!(format!("{error:#}").starts_with("no connection: the time limit passed before"), "{error}");
    }
    // One nanosecond does not test the async client: the timer of its runtime counts milliseconds.
    let client = to(&base_url).build().unwrap();
    let error = on_async(client.chain(PATH).timeout(Duration::ZERO).post(())).unwrap_err();
    assert!(error.is_network() && !error.may_have_taken_effect(), "{error}");
}

#[test]
fn closed_or_reset_before_the_request_was_read() {
    perhaps_it_arrived(LONG, "", || listen(|_| ()));
    // A socket that is closed with something unread in it resets its connection.
    perhaps_it_arrived(LONG, "", || {
        listen(|stream| {
            stream.peek(&mut [0; 16]).unwrap();
        })
    });
}

#[test]
fn reset_after_the_request_arrived() {
    perhaps_it_arrived(LONG, "", always("", Then::Reset));
}

#[test]
fn closed_after_the_request_was_read() {
    perhaps_it_arrived(LONG, "", answering(""));
}

#[test]
fn silence() {
    let late = "no complete response within the time limit";
    // A listener that does not accept: the system takes connection and request for it.
    let (_listener, base_url) = bind();
    perhaps_it_arrived(SHORT, late, || base_url.clone());
    for beginning in
        ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\""]
    {
        perhaps_it_arrived(SHORT, late, always(beginning, Then::Silence));
    }
}

#[test]
fn a_response_that_comes_byte_by_byte_ends_with_the_time_limit() {
    let late = "no complete response within the time limit";
    for (head, rest) in [
        ("", "HTTP/1.1 200 OK\r\nX: ".to_owned() + &"x".repeat(60_000)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x".repeat(100_000)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n".repeat(20_000)),
    ] {
        perhaps_it_arrived(SHORT, late, || {
            let rest = rest.clone();
            listen(move |mut stream| {
                read(&mut BufReader::new(stream)).unwrap();
                stream.write_all(head.as_bytes()).ok();
                for byte in rest.bytes() {
                    thread::sleep(Duration::from_millis(10));
                    if stream.write_all(&[byte]).is_err() {
                        return;
                    }
                }
            })
        });
    }
}

#[test]
fn half_a_success() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{\"trade_state\":\"SUCCESS\"}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n19\r\n{\"trade_state\":\"SUCCESS\"}\r\n",
        "HTTP/1.1 204 No Content\r\nWechatpay-",
    ] {
        perhaps_it_arrived(LONG, "", answering(response));
        perhaps_it_arrived(LONG, "", answering_and_resetting(response));
    }
}

#[test]
fn half_a_head() {
    for head in ["HTTP/1.1 4", "HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 400 X\r\nContent-Length: 2\r\n"] {
        perhaps_it_arrived(LONG, "", answering(head));
        perhaps_it_arrived(LONG, "", answering_and_resetting(head));
    }
}

#[test]
fn half_a_body() {
    for body in [
        "HTTP/1.1 400 X\r\nContent-Length: 30\r\n\r\n{\"code\":\"PARAM_ERROR\"}",
        "HTTP/1.1 400 X\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n{\"code\":\"PARAM_ERROR\"}\r\n",
        "HTTP/1.1 400 X\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n{\"code\":\"PARAM_ERROR\"}\r\n0\r\n",
    ] {
        perhaps_it_arrived(LONG, "", answering(body));
        perhaps_it_arrived(LONG, "", answering_and_resetting(body));
    }
    // Without a length the end of the connection is the end of the response, but only an orderly one.
    let endless = "HTTP/1.1 400 X\r\nConnection: close\r\n\r\n{\"code\":\"PARAM_ERROR\"}";
    perhaps_it_arrived(LONG, "", answering_and_resetting(endless));
    for (client, error) in both(LONG, answering(endless)) {
        assert_eq!((error.code(), error.may_have_taken_effect()), (Some("PARAM_ERROR"), false), "{client}");
    }
}

#[test]
fn what_is_not_http() {
    for bytes in ["SSH-2.0-OpenSSH_9.6\r\n", "\0\0\0\0\0\0\0\0", "HTTP/1.1 banana\r\n\r\n"] {
        perhaps_it_arrived(LONG, "", answering(bytes));
    }
}

#[test]
fn a_response_that_is_larger_than_is_read() {
    const MAX: usize = 8 * 1024 * 1024;
    let announced = format!("HTTP/1.1 400 X\r\nContent-Length: {}\r\n\r\n", MAX + 1);
    let (chunked, endless) =
        ("HTTP/1.1 400 X\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 400 X\r\n\r\n");
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(1024 * 1024));
    for (head, body) in [
        (announced.as_str(), "x".repeat(MAX + 1)),
        (chunked, chunk.repeat(9)),
        (endless, "x".repeat(MAX + 1)),
    ] {
        // The client hangs up before the end.
        perhaps_it_arrived(LONG, "larger than 8 MiB", answering(format!("{head}{body}")));
    }
    let largest = format!("HTTP/1.1 400 X\r\nContent-Length: {MAX}\r\n\r\n{}", "x".repeat(MAX));
    for (client, error) in both(LONG, answering(largest)) {
        assert_eq!(error.body().map(|body| body.len()), Some(MAX), "{client}: {error}");
    }
}

#[test]
fn a_head_that_is_larger_than_is_read() {
    for line in ["X: y\r\n".repeat(200), format!("X: {}\r\n", "y".repeat(1_000_000))] {
        let response = format!("HTTP/1.1 400 X\r\n{line}Content-Length: 0\r\n\r\n");
        perhaps_it_arrived(LONG, "", always(response, Then::Silence));
    }
    let response = format!("HTTP/1.1 400 X\r\n{}Content-Length: 0\r\n\r\n", "X: y\r\n".repeat(120));
    for (client, error) in both(LONG, answering(response)) {
        assert_eq!(error.status().map(|status| status.as_u16()), Some(400), "{client}: {error}");
    }
}

#[test]
fn a_provisional_response_is_not_the_response() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n";
    for (client, error) in both(LONG, answering(early)) {
        assert_eq!(error.status().map(|status| status.as_u16()), Some(400), "{client}: {error}");
    }
}

#[test]
fn closed_between_two_calls() {
    const RESPONSE: &[u8] = b"HTTP/1.1 400 X\r\nContent-Length: 22\r\n\r\n{\"code\":\"PARAM_ERROR\"}";
    let start = || {
        let (listener, base_url) = bind();
        let (tell, closed) = channel();
        thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                read(&mut BufReader::new(&stream)).unwrap();
                stream.write_all(RESPONSE).unwrap();
                drop(stream);
                tell.send(()).unwrap();
            }
        });
        (base_url, closed)
    };
    // The second call finds the kept connection closed and makes another: the request is sent once.
    let body = json!({"stock_id": "1"});
    let (base_url, closed) = start();
    let client = to(&base_url).build().unwrap();
    on_async(async {
        for _ in 0..2 {
            let error = client.chain(PATH).post(&body).await.unwrap_err();
            assert_eq!(error.code(), Some("PARAM_ERROR"), "{error}");
            closed.recv().unwrap();
            // The runtime looks at its sockets when it has nothing else to do.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let (base_url, closed) = start();
    let client = to(&base_url).build_blocking().unwrap();
    for _ in 0..2 {
        let error = client.chain(PATH).post(&body).unwrap_err();
        assert_eq!(error.code(), Some("PARAM_ERROR"), "{error}");
        closed.recv().unwrap();
    }
}

#[test]
fn no_time_for_connecting_makes_no_connection() {
    let none = || {
        to(&answering("HTTP/1.1 400 X\r\n\r\n")())
            .retries(weipay::RetryConfig::none())
            .connect_timeout(Duration::ZERO)
    };
    let blocking = none().build_blocking().unwrap().chain(PATH).post(json!({"a": 1})).unwrap_err();
    let waiting = on_async(none().build().unwrap().chain(PATH).post(json!({"a": 1}))).unwrap_err();
    for error in [blocking, waiting] {
        assert!(error.is_network() && !error.may_have_taken_effect(), "{error:#}");
    }
}

#[test]
fn the_longest_time_limit_is_one() {
    let response = "HTTP/1.1 400 X\r\nContent-Length: 22\r\n\r\n{\"code\":\"PARAM_ERROR\"}";
    for (client, error) in both(Duration::MAX, answering(response)) {
        assert_eq!(error.code(), Some("PARAM_ERROR"), "{client}: {error}");
    }
    let longest = || to(&answering(response)()).timeout(Duration::MAX).connect_timeout(Duration::MAX);
    let error = longest().build_blocking().unwrap().chain(PATH).post(json!({"a": 1})).unwrap_err();
    assert_eq!(error.code(), Some("PARAM_ERROR"), "{error}");
    let error = on_async(longest().build().unwrap().chain(PATH).post(json!({"a": 1}))).unwrap_err();
    assert_eq!(error.code(), Some("PARAM_ERROR"), "{error}");
}
