//! A notification whose serial the client does not know: it is rejected, and the client fetches the certificates meanwhile.

use std::time::{Duration, Instant};

use serde_json::Value;
use weipay::notification::{Notification, Receiver, Rejection, RejectionKind};
use weipay::wire::{ApiV3Key, MerchantId, PublicKeyId, VerifyError};
use weipay::{Client, ClientBuilder, blocking};

use super::server::{NEW, NOW, OLD, Server, Signer, listing};
use crate::notification::{API_V3_KEY, envelope, signed_by};
use crate::wait_until::until;

fn post(
    receiver: &Receiver,
    server: &Server,
    signer: &Signer,
    serial: &str,
) -> Result<Notification, Rejection> {
    post_to(API_V3_KEY, receiver, server, signer, serial)
}

/// For the merchant with this APIv3 key.
fn post_to(
    key: &str,
    receiver: &Receiver,
    server: &Server,
    signer: &Signer,
    serial: &str,
) -> Result<Notification, Rejection> {
    post_resource(&envelope(key, "REFUND.SUCCESS", "refund", "{}"), receiver, server, signer, serial)
}

fn post_resource(
    envelope: &Value,
    receiver: &Receiver,
    server: &Server,
    signer: &Signer,
    serial: &str,
) -> Result<Notification, Rejection> {
    let body = envelope.to_string();
    let headers = signed_by(&signer.key, serial, server.now(), body.as_bytes());
    receiver.receive(&headers, body.as_bytes())
}

fn is_unknown(received: Result<Notification, Rejection>) -> bool {
    let rejection = received.unwrap_err();
    assert_eq!(rejection.response().status(), 401, "the platform sends it again");
    matches!(
        rejection.kind(),
        RejectionKind::Unverified { error: VerifyError::UnknownSerial { .. }, .. }
            | RejectionKind::NotFetched { .. }
    )
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

/// Posts again every second meanwhile, as the platform does: the blocking clients of a process fetch eight at a time, and
/// tests run side by side.
#[track_caller]
fn wait_until(is_so: impl Fn() -> bool, post_again: impl Fn()) {
    let mut posted = Instant::now();
    until(|| {
        if posted.elapsed() > Duration::from_secs(1) {
            post_again();
            posted = Instant::now();
        }
        is_so()
    });
}

#[test]
fn a_new_certificate_is_there_when_the_platform_sends_again() {
    each(|server, receiver, serial| {
        // The client has made no call yet.
        let first = post(receiver, server, &OLD, OLD.serial()).unwrap_err();
        let RejectionKind::NotFetched { serial: asked } = first.kind() else { panic!("{first:#}") };
        assert_eq!((first.status().as_u16(), asked.as_str()), (401, OLD.serial()));
        assert!(first.to_string().contains("`fetch_platform_certificates`"), "{first}");
        wait_until(
            || serial().as_deref() == Some(OLD.serial()),
            || drop(post(receiver, server, &OLD, OLD.serial())),
        );
        drop(post(receiver, server, &OLD, OLD.serial()).unwrap());
        server.list(|now| listing(&[&OLD, &NEW], &NEW, now));
        server.advance(60);
        assert!(is_unknown(post(receiver, server, &NEW, NEW.serial())));
        wait_until(
            || serial().as_deref() == Some(NEW.serial()),
            || drop(post(receiver, server, &NEW, NEW.serial())),
        );
        drop(post(receiver, server, &NEW, NEW.serial()).unwrap());
        drop(post(receiver, server, &OLD, OLD.serial()).unwrap());
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
        wait_until(|| serial().is_some(), || drop(post(receiver, server, &NEW, NEW.serial())));
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

const HELD: &str = "a list that is held back delays no notification";

/// Without a call, the certificates are as fresh as those of a client that makes some.
#[test]
fn a_process_that_only_receives_refreshes_its_certificates() {
    with_each_kind(|make| {
        let server = Server::start();
        let made = make(server.builder());
        (made.fetch)();
        server.list(|now| listing(&[&OLD, &NEW], &NEW, now));
        let post = || drop(post(&made.receiver, &server, &OLD, OLD.serial()).expect(HELD));
        server.advance(11 * 3600 - 1);
        post();
        server.hold(true);
        server.advance(1);
        for _ in 0..100 {
            post();
        }
        server.hold(false);
        wait_until(|| (made.serial)().as_deref() == Some(NEW.serial()), post);
        assert_eq!((server.fetches(), server.now()), (2, NOW + 11 * 3600));
    });
}

/// A refresh that fails leaves the keys as they are, and a forged notification begins none.
#[test]
fn a_refresh_that_fails_fails_no_notification() {
    with_each_kind(|make| {
        let server = Server::start();
        let made = make(server.builder());
        (made.fetch)();
        server.list(|_| crate::platform::unsigned(500, r#"{"code":"SYSTEM_ERROR","message":"x"}"#));
        server.advance(11 * 3600);
        // The key of another under a known serial.
        post(&made.receiver, &server, &NEW, OLD.serial()).unwrap_err();
        assert_eq!(server.fetches(), 1);
        let post = || drop(post(&made.receiver, &server, &OLD, OLD.serial()).unwrap());
        // It is repeated at once, so there may be more.
        wait_until(|| server.fetches() >= 2, post);
        for _ in 0..100 {
            post();
        }
        assert_eq!((made.serial)().as_deref(), Some(OLD.serial()));
    });
}

const KEY_OF_B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn list_of_b(listed: &[&Signer], by: &Signer, now: i64) -> crate::platform::Scripted {
    let entries: Vec<_> = listed.iter().map(|signer| signer.entry(KEY_OF_B)).collect();
    let list = serde_json::json!({"data": entries}).to_string();
    crate::platform::signed_by(&by.key, by.serial(), 200, &list, now)
}

/// A client of one kind.
struct Made {
    receiver: Receiver,
    serial: Box<dyn Fn() -> Option<String>>,
    fetch: Box<dyn Fn()>,
}

/// Clients of both kinds, one after the other.
fn with_each_kind(test: impl Fn(&dyn Fn(ClientBuilder) -> Made)) {
    test(&|builder| {
        let client = builder.build_blocking().unwrap();
        let (known, fetching) = (client.clone(), client.clone());
        Made {
            receiver: client.receiver(),
            serial: Box::new(move || known.platform_serial()),
            fetch: Box::new(move || fetching.fetch_platform_certificates().unwrap()),
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _entered = runtime.enter();
    test(&|builder| {
        let client = builder.build().unwrap();
        let (known, fetching) = (client.clone(), client.clone());
        let handle = tokio::runtime::Handle::current();
        Made {
            receiver: client.receiver(),
            serial: Box::new(move || known.platform_serial()),
            fetch: Box::new(move || handle.block_on(fetching.fetch_platform_certificates()).unwrap()),
        }
    });
}

/// The settings of another merchant.
fn merchant_b(builder: ClientBuilder, api_v3_key: &str) -> ClientBuilder {
    builder.mchid(MerchantId::new("1900000009").unwrap()).api_v3_key(ApiV3Key::new(api_v3_key).unwrap())
}

/// One merchant's client has fetched the certificate, and that of another, which makes no calls, has not.
#[test]
fn a_notification_brings_a_certificate_that_another_merchant_knows() {
    with_each_kind(|make| {
        let (server_of_a, server_of_b) = (Server::start(), Server::start());
        server_of_b.list(|now| list_of_b(&[&OLD], &OLD, now));
        let (a, b) = (make(server_of_a.builder()), make(merchant_b(server_of_b.keyless(), KEY_OF_B)));
        let receiver = a.receiver.merge(&b.receiver);
        (a.fetch)();
        let post = || post_to(KEY_OF_B, &receiver, &server_of_b, &OLD, OLD.serial());
        // Another merchant's key proves nothing to this one: it is sent again.
        let rejection = post().unwrap_err();
        assert!(matches!(rejection.kind(), RejectionKind::Sealed { .. }), "{rejection:?}");
        assert!(!rejection.response().status().is_success());
        wait_until(|| (b.serial)().as_deref() == Some(OLD.serial()), || drop(post()));
        assert_eq!(post().unwrap().mchid().unwrap().as_ref(), "1900000009");
        assert_eq!((server_of_a.fetches(), server_of_b.fetches()), (1, 1));
    });
}

/// Each merchant has certificates of its own, and eight in a minute have their turn.
#[test]
fn in_a_fleet_the_merchant_that_a_notification_is_for_fetches_first() {
    with_each_kind(|make| {
        let fleet = Server::start();
        let mut receiver = Receiver::new();
        for _ in 0..100 {
            receiver = receiver.merge(&make(fleet.builder()).receiver);
        }
        let server = Server::start();
        server.list(|now| list_of_b(&[&NEW], &NEW, now));
        let b = make(merchant_b(server.keyless(), KEY_OF_B));
        let receiver = receiver.merge(&b.receiver);
        let post = || post_to(KEY_OF_B, &receiver, &server, &NEW, NEW.serial());
        assert!(is_unknown(post()));
        wait_until(|| (b.serial)().as_deref() == Some(NEW.serial()), || drop(post()));
        drop(post().unwrap());
        assert_eq!((fleet.fetches(), server.fetches()), (0, 1));
    });
}

/// One company often chooses one APIv3 key for all of its merchants. No fetch brings a public key.
#[test]
fn a_public_key_for_each_client_tells_whose_a_notification_is() {
    with_each_kind(|make| {
        let server = Server::start();
        let ids = ["PUB_KEY_ID_0119000000012026", "PUB_KEY_ID_0119000000092026"];
        let with_key = |builder: ClientBuilder, id, signer: &Signer| {
            make(builder.public_key(PublicKeyId::new(id).unwrap(), signer.key.public_key())).receiver
        };
        let a = with_key(server.builder(), ids[0], &OLD);
        let receiver = a.merge(&with_key(merchant_b(server.keyless(), API_V3_KEY), ids[1], &NEW));
        for (signer, id, mchid) in [(&OLD, ids[0], "1900000001"), (&NEW, ids[1], "1900000009")] {
            let received = post(&receiver, &server, signer, id).unwrap();
            assert_eq!(received.mchid().map(AsRef::as_ref), Some(mchid));
        }
        assert_eq!(server.fetches(), 0);
    });
}

/// It may be for the other merchant too, until that one's client has asked for its certificates.
#[test]
fn certificates_of_each_client_s_own_tell_whose_a_notification_is() {
    with_each_kind(|make| {
        let (server_of_a, server_of_b) = (Server::start(), Server::start());
        server_of_b.list(|now| listing(&[&NEW], &NEW, now));
        let (a, b) = (make(server_of_a.builder()), make(merchant_b(server_of_b.keyless(), API_V3_KEY)));
        let receiver = a.receiver.merge(&b.receiver);
        (a.fetch)();
        let post = || post(&receiver, &server_of_a, &OLD, OLD.serial()).unwrap();
        assert_eq!(post().mchid(), None);
        wait_until(|| (b.serial)().as_deref() == Some(NEW.serial()), || drop(post()));
        // The list is there a moment before the fetch has ended.
        wait_until(|| post().mchid().is_some(), || ());
        assert_eq!(post().mchid().unwrap().as_ref(), "1900000001");
        server_of_b.advance(120);
        assert_eq!(post().mchid().unwrap().as_ref(), "1900000001");
        assert_eq!((server_of_a.fetches(), server_of_b.fetches()), (1, 1));
    });
}

/// What another merchant's certificate verifies proves nothing for it.
#[test]
fn a_notification_that_names_a_merchant_without_the_certificate_waits_for_its_fetch() {
    with_each_kind(|make| {
        let (server_of_a, server_of_b) = (Server::start(), Server::start());
        server_of_b.list(|now| listing(&[&OLD], &OLD, now));
        let (a, b) = (make(server_of_a.builder()), make(merchant_b(server_of_b.keyless(), API_V3_KEY)));
        let receiver = a.receiver.merge(&b.receiver);
        (a.fetch)();
        let post = |mchid: &str| {
            let resource = format!(r#"{{"mchid":"{mchid}"}}"#);
            let refund = envelope(API_V3_KEY, "REFUND.SUCCESS", "refund", &resource);
            post_resource(&refund, &receiver, &server_of_a, &OLD, OLD.serial())
        };
        assert!(is_unknown(post("1900000009")));
        wait_until(|| post("1900000009").is_ok(), || ());
        for mchid in ["1900000001", "1900000009"] {
            assert_eq!(post(mchid).unwrap().mchid().unwrap().as_ref(), mchid);
        }
        let unknown = post("1900000005").unwrap_err();
        assert!(matches!(unknown.kind(), RejectionKind::UnknownMerchant(_)), "{unknown}");
    });
}
