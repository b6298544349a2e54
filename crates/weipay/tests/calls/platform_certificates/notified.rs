//! A notification whose serial the client does not know: it is rejected, and the client fetches the certificates meanwhile.

use std::thread;

use weipay::notification::{Receiver, Rejection, RejectionKind};
use weipay::wire::VerifyError;
use weipay::{Client, blocking};

use super::server::{NEW, NOW, OLD, Server, Signer, listing};
use crate::notification::{API_V3_KEY, envelope, signed_by};

fn post(receiver: &Receiver, server: &Server, signer: &Signer, serial: &str) -> Result<(), Rejection> {
    post_to(API_V3_KEY, receiver, server, signer, serial)
}

/// For the merchant with this APIv3 key.
fn post_to(
    key: &str,
    receiver: &Receiver,
    server: &Server,
    signer: &Signer,
    serial: &str,
) -> Result<(), Rejection> {
    let body = envelope(key, "REFUND.SUCCESS", "refund", "{}").to_string();
    let headers = signed_by(&signer.key, serial, server.now(), body.as_bytes());
    receiver.receive(&headers, body.as_bytes()).map(drop)
}

fn is_unknown(received: Result<(), Rejection>) -> bool {
    let rejection = received.unwrap_err();
    assert_eq!(rejection.response().status(), 401, "the platform sends it again");
    matches!(rejection.kind(), RejectionKind::Unverified { error: VerifyError::UnknownSerial { .. }, .. })
}

/// Both kinds of client: a receiver of each, and what it knows.
fn each(test: impl Fn(&Server, &Receiver, &dyn Fn() -> Option<String>)) {
    let server = Server::start();
    let client: blocking::Client = server.builder().build_blocking().unwrap();
    test(&server, &client.receiver(), &|| client.platform_serial());
    let server = Server::start();
    let client: Client = server.builder().build().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _entered = runtime.enter();
    test(&server, &client.receiver(), &|| client.platform_serial());
}

fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

#[test]
fn a_new_certificate_is_there_when_the_platform_sends_again() {
    each(|server, receiver, serial| {
        // The client has made no call yet.
        assert!(is_unknown(post(receiver, server, &OLD, OLD.serial())));
        wait_until(|| serial().as_deref() == Some(OLD.serial()));
        post(receiver, server, &OLD, OLD.serial()).unwrap();
        server.list(|now| listing(&[&OLD, &NEW], &NEW, now));
        server.advance(60);
        assert!(is_unknown(post(receiver, server, &NEW, NEW.serial())));
        wait_until(|| serial().as_deref() == Some(NEW.serial()));
        post(receiver, server, &NEW, NEW.serial()).unwrap();
        post(receiver, server, &OLD, OLD.serial()).unwrap();
        assert_eq!(server.fetches(), 2);
    });
}

#[test]
fn serials_that_a_stranger_makes_up_lead_to_one_fetch_a_minute() {
    each(|server, receiver, serial| {
        for number in 0..200 {
            let made_up = format!("5157F09EFDC096DE15EBE81A47057A72{number:08X}");
            assert!(is_unknown(post(receiver, server, &NEW, &made_up)));
        }
        wait_until(|| serial().is_some());
        assert!(is_unknown(post(receiver, server, &NEW, NEW.serial())));
        assert_eq!(server.fetches(), 1);
        server.advance(60);
        assert!(is_unknown(post(receiver, server, &NEW, NEW.serial())));
        server.wait_for_fetches(2);
        assert!(is_unknown(post(receiver, server, &NEW, NEW.serial())));
        assert_eq!((server.fetches(), server.now()), (2, NOW + 60));
    });
}

#[test]
fn what_is_not_signed_in_time_or_names_no_certificate_leads_to_no_fetch() {
    each(|server, receiver, _| {
        assert!(is_unknown(post(receiver, server, &NEW, "PUB_KEY_ID_0119000000012026081500000000000001")));
        let body = envelope(API_V3_KEY, "REFUND.SUCCESS", "refund", "{}").to_string();
        let headers = signed_by(&NEW.key, NEW.serial(), NOW - 301, body.as_bytes());
        receiver.receive(&headers, body.as_bytes()).unwrap_err();
        receiver.receive(&Default::default(), body.as_bytes()).unwrap_err();
        assert_eq!(server.fetches(), 0);
    });
}

const KEY_OF_B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn list_of_b(listed: &[&Signer], by: &Signer, now: i64) -> crate::platform::Scripted {
    let entries: Vec<_> = listed.iter().map(|signer| signer.entry(KEY_OF_B)).collect();
    let list = serde_json::json!({"data": entries}).to_string();
    crate::platform::signed_by(&by.key, by.serial(), 200, &list, now)
}

/// One merchant's client has fetched the certificate, and that of another, which makes no calls, has not.
#[test]
fn a_client_without_calls_gets_the_certificate_of_a_notification_that_another_merchant_knows() {
    let (server_of_a, server_of_b) = (Server::start(), Server::start());
    server_of_b.list(|now| list_of_b(&[&OLD], &OLD, now));
    let a = server_of_a.builder().build_blocking().unwrap();
    let b = server_of_b.keyless().api_v3_key(weipay::wire::ApiV3Key::new(KEY_OF_B).unwrap());
    let b = b.mchid(weipay::wire::MerchantId::new("1900000009").unwrap()).build_blocking().unwrap();
    let receiver = a.receiver().and(&b.receiver());
    a.chain("v3/a").get().unwrap();
    // Another merchant's key proves nothing to this one: it is sent again.
    let rejection = post_to(KEY_OF_B, &receiver, &server_of_b, &OLD, OLD.serial()).unwrap_err();
    assert!(matches!(rejection.kind(), RejectionKind::Sealed { .. }), "{rejection:?}");
    assert!(!rejection.response().status().is_success());
    wait_until(|| b.platform_serial().as_deref() == Some(OLD.serial()));
    post_to(KEY_OF_B, &receiver, &server_of_b, &OLD, OLD.serial()).unwrap();
    assert_eq!((server_of_a.fetches(), server_of_b.fetches()), (1, 1));
}

/// Each merchant has certificates of its own, and eight in a minute have their turn.
#[test]
fn in_a_fleet_the_merchant_that_a_notification_is_for_fetches_first() {
    let fleet = Server::start();
    let mut receiver = Receiver::new();
    for _ in 0..100 {
        receiver = receiver.and(&fleet.builder().build_blocking().unwrap().receiver());
    }
    let server = Server::start();
    server.list(|now| list_of_b(&[&NEW], &NEW, now));
    let b = server.keyless().api_v3_key(weipay::wire::ApiV3Key::new(KEY_OF_B).unwrap());
    let b = b.build_blocking().unwrap();
    let receiver = receiver.and(&b.receiver());
    assert!(is_unknown(post_to(KEY_OF_B, &receiver, &server, &NEW, NEW.serial())));
    wait_until(|| b.platform_serial().as_deref() == Some(NEW.serial()));
    post_to(KEY_OF_B, &receiver, &server, &NEW, NEW.serial()).unwrap();
    assert_eq!((fleet.fetches(), server.fetches()), (0, 1));
}
