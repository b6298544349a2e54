//! Connections that misbehave: each is refused or dropped, and everybody else is served on.

use std::io::Write;
use std::sync::LazyLock;
use std::time::Duration;

use weipay_sandbox::Sandbox;

use crate::client::{Client, Response, half_close, rest};
use crate::merchant::{FAMILY, Merchant};

/// A sandbox that waits for two seconds only, where others wait for eight. A busy machine sends a request in less.
static IMPATIENT: LazyLock<Sandbox> =
    LazyLock::new(|| crate::sandbox().idle_timeout(Duration::from_secs(2)).start().unwrap());

/// Whether a merchant is served as if nothing had happened.
fn serves_on(merchant: &Merchant<'_>) {
    let coupon = merchant.coupon();
    merchant.associate(&coupon, "order-1").success();
    merchant.disassociate(&coupon, "order-1").success();
}

/// Sends bytes that are not a request: a refusal comes back, or nothing.
#[track_caller]
fn refused_or_dropped(merchant: &Merchant<'_>, bytes: &[u8]) {
    let mut stream = merchant.client.connect();
    // The other side may close before it has taken everything.
    stream.write_all(bytes).ok();
    let response = rest(&mut stream);
    assert!(
        response.is_empty() || response.starts_with(b"HTTP/1.1 4"),
        "{}",
        String::from_utf8_lossy(&response)
    );
}

#[test]
fn a_mebibyte_of_garbage_is_refused_and_changes_nothing() {
    let merchant = Merchant::new();
    let before = merchant.look_at_stock();
    let garbage: Vec<u8> =
        (0..1_u32 << 20).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let target = format!("{FAMILY}/coupons/send");
    let response = merchant.client.send(&merchant.client.request("POST", &target, &garbage));
    assert!((400..500).contains(&response.status), "{}", response.status);
    assert_eq!(merchant.look_at_stock(), before);
    serves_on(&merchant);
}

#[test]
fn garbage_in_place_of_http_is_dropped() {
    let merchant = Merchant::in_sandbox(&IMPATIENT);
    for garbage in [&[0_u8; 100_000] as &[u8], &[b'x'; 100_000], b"\r\n\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"] {
        refused_or_dropped(&merchant, garbage);
    }
    serves_on(&merchant);
}

#[test]
fn a_slow_head_a_slow_body_and_silence_are_dropped() {
    let merchant = Merchant::in_sandbox(&IMPATIENT);
    let before = merchant.look_at_stock();
    let body = merchant.sending(&IMPATIENT.kit().openid).to_string();
    let request = merchant.client.request("POST", &format!("{FAMILY}/coupons/send"), body.as_bytes());
    let bytes = request.bytes("keep-alive");
    for sent in [0, 10, bytes.len() - body.len(), bytes.len() - 1] {
        let mut stream = merchant.client.connect();
        stream.write_all(&bytes[..sent]).unwrap();
        let response = rest(&mut stream);
        assert!(!response.starts_with(b"HTTP/1.1 200"), "after {sent} bytes of {}", bytes.len());
    }
    assert_eq!(merchant.look_at_stock(), before);
    serves_on(&merchant);
}

#[test]
fn a_half_closed_connection_gets_its_response_when_the_request_was_whole() {
    let merchant = Merchant::in_sandbox(&IMPATIENT);
    let target = format!("{FAMILY}/stocks/{}", merchant.stock_id);
    let mut whole = merchant.client.connect();
    whole.write_all(&merchant.client.request("GET", &target, b"").bytes("keep-alive")).unwrap();
    half_close(&whole);
    assert_eq!(Response::read(&mut whole).unwrap().status, 200);

    let body = merchant.sending(&IMPATIENT.kit().openid).to_string();
    let bytes =
        merchant.client.request("POST", &format!("{FAMILY}/coupons/send"), body.as_bytes()).bytes("close");
    let mut half = merchant.client.connect();
    half.write_all(&bytes[..bytes.len() - 5]).unwrap();
    half_close(&half);
    assert!(!rest(&mut half).starts_with(b"HTTP/1.1 200"));
    assert_eq!(merchant.look_at_stock()["send_count_information"]["total_send_num"], 0);
    serves_on(&merchant);
}

#[test]
fn a_connection_serves_several_requests_one_after_another() {
    let merchant = Merchant::new();
    let client: &Client<'_> = &merchant.client;
    let target = format!("{FAMILY}/stocks/{}", merchant.stock_id);
    let mut stream = client.connect();
    for _ in 0..3 {
        stream.write_all(&client.request("GET", &target, b"").bytes("keep-alive")).unwrap();
        let response = Response::read(&mut stream).unwrap();
        assert_eq!(response.status, 200);
        assert!(client.verifies(&response));
    }
}

#[test]
fn a_hundred_silent_connections_do_not_keep_anybody_out() {
    let merchant = Merchant::new();
    let _silent: Vec<_> = (0..100).map(|_| merchant.client.connect()).collect();
    serves_on(&merchant);
}

/// A sandbox with few places, which would wait for an hour before it ended an idle connection by itself.
/// Each test has one of its own: the strangers of another test may be idle for a shorter time than who asks in this one.
fn crowded() -> Sandbox {
    crate::sandbox().connections(8).idle_timeout(Duration::from_secs(3_600)).start().unwrap()
}

#[test]
fn who_does_nothing_with_a_connection_gives_way_to_a_newcomer() {
    let sandbox = crowded();
    let merchant = Merchant::in_sandbox(&sandbox);
    let _silent: Vec<_> = (0..50).map(|_| merchant.client.connect()).collect();
    serves_on(&merchant);
}

#[test]
fn a_head_or_a_body_that_does_not_come_gives_way_too() {
    let sandbox = crowded();
    let merchant = Merchant::in_sandbox(&sandbox);
    let request = merchant.client.request("POST", &format!("{FAMILY}/stocks"), b"{}").bytes("keep-alive");
    let slow = |bytes: &[u8]| {
        let mut stream = merchant.client.connect();
        stream.write_all(bytes).unwrap();
        stream
    };
    let (head, body) = (&request[..20], &request[..request.len() - 1]);
    let _slow: Vec<_> = (0..20).flat_map(|_| [slow(head), slow(body)]).collect();
    serves_on(&merchant);
}

#[test]
fn strangers_who_want_their_responses_late_give_way() {
    let sandbox = crowded();
    let merchant = Merchant::in_sandbox(&sandbox);
    let slow = b"GET / HTTP/1.1\r\nHost: x\r\nWeipay-Sandbox-Fault: slow; ms=60000\r\n\r\n";
    let _slow: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = merchant.client.connect();
            stream.write_all(slow).unwrap();
            stream
        })
        .collect();
    serves_on(&merchant);
}

#[test]
fn a_connection_that_was_served_outlives_those_that_never_ask() {
    let sandbox = crowded();
    let own = Client::new(&sandbox);
    let mut kept = own.connect();
    for _ in 0..3 {
        kept.write_all(&own.request("GET", "/v3/merchant/fund/balance/BASIC", b"").bytes("keep-alive"))
            .unwrap();
        assert_eq!(Response::read(&mut kept).unwrap().status, 200);
        let _silent: Vec<_> = (0..50).map(|_| own.connect()).collect();
        // Whoever is answered came after all of them.
        own.get("/v3/merchant/fund/balance/BASIC").success();
    }
}

#[test]
fn a_mebibyte_as_request_line_or_header_is_refused_or_dropped() {
    let merchant = Merchant::new();
    let letters = vec![b'a'; 1 << 20];
    let line = [b"GET /", &letters[..], b" HTTP/1.1\r\n\r\n"].concat();
    let header = [b"GET / HTTP/1.1\r\nX-Long: ", &letters[..], b"\r\n\r\n"].concat();
    for bytes in [line, header] {
        refused_or_dropped(&merchant, &bytes);
    }
    serves_on(&merchant);
}

#[test]
fn a_body_that_never_ends_is_refused_and_dropped() {
    let merchant = Merchant::in_sandbox(&IMPATIENT);
    let mut stream = merchant.client.connect();
    stream
        .write_all(b"POST /v3/marketing/busifavor/stocks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    let chunk = [b"10000\r\n", &[b'x'; 0x10000][..], b"\r\n"].concat();
    // More than could be taken in the time that a body has.
    let sent = (0..1_000_000).take_while(|_| stream.write_all(&chunk).is_ok()).count();
    assert!(sent < 1_000_000);
    serves_on(&merchant);
}

#[test]
fn a_request_in_small_pieces_is_answered() {
    let merchant = Merchant::new();
    let target = format!("{FAMILY}/stocks/{}", merchant.stock_id);
    let mut stream = merchant.client.connect();
    stream.set_nodelay(true).unwrap();
    for piece in merchant.client.request("GET", &target, b"").bytes("close").chunks(97) {
        stream.write_all(piece).unwrap();
    }
    assert_eq!(Response::read(&mut stream).unwrap().status, 200);
}

#[test]
fn many_clients_at_once_are_all_answered() {
    let merchant = Merchant::new();
    let send = |index: u8| merchant.coupon_for(&format!("o{index:027}")).code;
    let codes: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
        let send = &send;
        let clients: Vec<_> = (0..8).map(|index| scope.spawn(move || send(index))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(codes.len(), 8);
    assert_eq!(merchant.look_at_stock()["send_count_information"]["total_send_num"], 8);
}

#[test]
fn a_dropped_sandbox_is_gone_with_its_data() {
    let sandbox = crate::sandbox().start().unwrap();
    let (address, folder) = (sandbox.address(), sandbox.data_dir().to_owned());
    assert!(folder.exists());
    // A connection that is open and idle does not keep it.
    let idle = std::net::TcpStream::connect(address).unwrap();
    drop(sandbox);
    assert!(std::net::TcpStream::connect(address).is_err());
    assert!(!folder.exists());
    drop(idle);
}

#[test]
fn a_sandbox_starts_and_stops_inside_an_asynchronous_program() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let sandbox = crate::sandbox().start().unwrap();
        assert!(sandbox.base_url().starts_with("http://127.0.0.1:"));
        drop(sandbox);
    });
}
