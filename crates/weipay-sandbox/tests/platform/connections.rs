//! Connections that misbehave: each is refused or dropped, and everybody else is served on.

use std::io::Write;
use std::sync::LazyLock;
use std::time::Duration;

use weipay_sandbox::Sandbox;

use crate::client::{Client, Reply, half_close, rest};
use crate::merchant::{FAMILY, Merchant};

/// A sandbox that waits for a quarter of a second only, where others wait for eight.
static IMPATIENT: LazyLock<Sandbox> =
    LazyLock::new(|| crate::sandbox().patience(Duration::from_millis(250)).start().unwrap());

/// Whether a merchant is served as if nothing had happened.
fn serves_on(merchant: &Merchant<'_>) {
    let coupon = merchant.coupon();
    merchant.associate(&coupon, "order-1").success();
    merchant.disassociate(&coupon, "order-1").success();
}

#[test]
fn a_mebibyte_of_garbage_is_refused_and_changes_nothing() {
    let merchant = Merchant::new();
    let before = merchant.look_at_stock();
    let garbage: Vec<u8> =
        (0..1_u32 << 20).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let target = format!("{FAMILY}/coupons/send");
    let reply = merchant.client.send(&merchant.client.request("POST", &target, &garbage));
    assert!((400..500).contains(&reply.status), "{}", reply.status);
    assert_eq!(merchant.look_at_stock(), before);
    serves_on(&merchant);
}

#[test]
fn garbage_in_place_of_http_is_dropped() {
    let merchant = Merchant::of(&IMPATIENT);
    for garbage in [&[0_u8; 100_000] as &[u8], &[b'x'; 100_000], b"\r\n\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"] {
        let mut stream = merchant.client.connect();
        // The other side may close while this is still being written.
        stream.write_all(garbage).ok();
        let answer = rest(&mut stream);
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    serves_on(&merchant);
}

#[test]
fn a_slow_head_a_slow_body_and_silence_are_dropped() {
    let merchant = Merchant::of(&IMPATIENT);
    let before = merchant.look_at_stock();
    let body = merchant.sending(&IMPATIENT.kit().openid).to_string();
    let request = merchant.client.request("POST", &format!("{FAMILY}/coupons/send"), body.as_bytes());
    let bytes = request.bytes("keep-alive");
    for sent in [0, 10, bytes.len() - body.len(), bytes.len() - 1] {
        let mut stream = merchant.client.connect();
        stream.write_all(&bytes[..sent]).unwrap();
        let answer = rest(&mut stream);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "after {sent} bytes of {}", bytes.len());
    }
    assert_eq!(merchant.look_at_stock(), before);
    serves_on(&merchant);
}

#[test]
fn a_half_closed_connection_gets_its_answer_when_the_request_was_whole() {
    let merchant = Merchant::of(&IMPATIENT);
    let target = format!("{FAMILY}/stocks/{}", merchant.stock_id);
    let mut whole = merchant.client.connect();
    whole.write_all(&merchant.client.request("GET", &target, b"").bytes("keep-alive")).unwrap();
    half_close(&whole);
    assert_eq!(Reply::read(&mut whole).unwrap().status, 200);

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
        let reply = Reply::read(&mut stream).unwrap();
        assert_eq!(reply.status, 200);
        assert!(client.verifies(&reply));
    }
}

#[test]
fn a_hundred_silent_connections_do_not_keep_anybody_out() {
    let merchant = Merchant::new();
    let _silent: Vec<_> = (0..100).map(|_| merchant.client.connect()).collect();
    serves_on(&merchant);
}
