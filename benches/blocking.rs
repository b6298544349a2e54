//! What a call of the blocking client costs beside one of the async client, in CPU time: all threads of the process, but not
//! the server, which is another process.
//!
//! Only the transports differ between the two clients, so only they are timed: one kept connection to `localhost` over
//! loopback, a request with a body of 200 bytes, a response as long. In turns, within one run.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops when something is wrong, and prints"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use http::Request;
use rustix::time::{ClockId, clock_gettime};
use weipay::transport::{self, Transport as _, blocking, blocking::Transport as _};
use weipay_benches::median;

const ROUNDS: usize = 7;
const CALLS: usize = 3_000;
const TIMEOUT: Duration = Duration::from_secs(30);
/// How much more a blocking call may cost, in microseconds.
const LIMIT: f64 = 10.0;
const BODY: [u8; 200] = [b'x'; 200];
const SERVE: &str = "serve";

fn main() {
    if std::env::args().nth(1).as_deref() == Some(SERVE) {
        return serve();
    }
    let program = std::env::current_exe().expect("the path of this program");
    let mut server = Command::new(program);
    server.arg(SERVE).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = server.spawn().expect("a server");
    let mut port = String::new();
    BufReader::new(server.stdout.take().expect("its output")).read_line(&mut port).expect("its port");
    let url = format!("http://localhost:{}/v3/x", port.trim_end());

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let client = transport::DefaultTransport::new().expect("a transport");
    let on_async = || {
        runtime.block_on(async {
            let request = Request::post(&url).body(transport::Body::from(&BODY[..])).expect("a request");
            client.send(request, TIMEOUT).await.expect("a response");
        });
    };
    let client = blocking::DefaultTransport::new().expect("a transport");
    let on_blocking = || {
        let request = Request::post(&url).body(blocking::Body::from(&BODY[..])).expect("a request");
        client.send(request, TIMEOUT).expect("a response");
    };
    let (mut on_async_cost, mut on_blocking_cost) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        on_async_cost.push(cost(on_async));
        on_blocking_cost.push(cost(on_blocking));
    }
    // It ends with its input.
    drop(server.stdin.take());
    server.wait().expect("the end of the server");

    let (on_async, on_blocking) = (median(on_async_cost), median(on_blocking_cost));
    println!("async call     {on_async:.1} µs of CPU");
    println!("blocking call  {on_blocking:.1} µs of CPU");
    println!("ratio          {:.2} (async : blocking)", on_async / on_blocking);
    println!("difference     {:.1} µs (at most {LIMIT:.0} wanted)", on_blocking - on_async);
}

/// CPU time of one call, in microseconds.
fn cost(call: impl Fn()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
    };
    let start = now();
    for _ in 0..CALLS {
        call();
    }
    (now() - start) / CALLS as f64
}

/// The server: it answers every request alike, and ends with its input.
fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.expect("a connection")));
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new()).expect("the end of the input");
}

fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("a socket");
    let mut response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", BODY.len()).into_bytes();
    response.extend_from_slice(&BODY);
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        seen.extend_from_slice(&buffer[..read]);
        // The body is the only thing in a request that ends in so many letters.
        if seen.ends_with(&BODY) {
            seen.clear();
            stream.write_all(&response).expect("a client");
        }
    }
}
