//! What a developer does to notifications: each story over real sockets, by the methods of `Sandbox` and by the control API.

use std::io::{BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use weipay_sandbox::{
    AttemptKind, Clock, NotificationError, NotificationFilter, NotificationState, ReleaseOrder, Sandbox,
};

use crate::NOW;
use crate::merchant::Merchant;
use crate::notifications::{Notification, Receiver, held_sandbox, set_callback};

const ALL: Option<&str> = None;

fn states(sandbox: &Sandbox) -> Vec<NotificationState> {
    let kept = sandbox.notifications().list(&NotificationFilter::default()).unwrap();
    kept.iter().map(|kept| kept.state).collect()
}

/// The codes of the coupons that were sent while notifications were held, the oldest first.
fn held_coupons(sandbox: &Sandbox, receiver: &Receiver, count: usize) -> Vec<String> {
    let merchant = Merchant::in_sandbox(sandbox);
    set_callback(&merchant, &receiver.url);
    sandbox.notifications().hold(ALL).unwrap();
    (0..count).map(|_| merchant.coupon().code).collect()
}

#[test]
fn what_is_held_is_released_in_the_order_that_is_asked_for() {
    for (order, expected) in [
        (ReleaseOrder::Kept, [0, 1, 2]),
        (ReleaseOrder::Reversed, [2, 1, 0]),
        (ReleaseOrder::Named(vec!["2".to_owned()]), [1, 0, 2]),
    ] {
        let ((sandbox, hand), receiver) = (held_sandbox(), Receiver::start(&[]));
        let codes = held_coupons(&sandbox, &receiver, 3);
        // Whatever is due by the retry table stays back.
        hand.advance(120);
        assert_eq!(states(&sandbox), [NotificationState::Held; 3]);
        let released = sandbox.notifications().release(ALL, &order).unwrap();
        assert_eq!(states(&sandbox), [NotificationState::Acknowledged; 3]);
        for (at, released) in expected.into_iter().zip(released) {
            assert_eq!(receiver.next().open(&sandbox, NOW + 120)["coupon_code"], codes[at], "{order:?}");
            assert_eq!(
                (released.resource["coupon_code"].as_str().unwrap(), released.attempts.len()),
                (&*codes[at], 1)
            );
        }
    }
}

#[test]
fn a_hold_survives_a_restart() {
    let (data, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(&[]));
    let start = || Sandbox::builder().clock(Clock::frozen(NOW).0).data(data.path()).start().unwrap();
    let first = start();
    let codes = held_coupons(&first, &receiver, 1);
    drop(first);
    let again = start();
    assert_eq!(states(&again), [NotificationState::Held]);
    again.notifications().release(ALL, &ReleaseOrder::AsDue).unwrap();
    assert_eq!(receiver.next().open(&again, NOW)["coupon_code"], codes[0]);
}

#[test]
fn the_notifications_of_one_merchant_are_held_alone() {
    let ((sandbox, _hand), receiver) = (held_sandbox(), Receiver::start(&[]));
    let (notifications, mchid) = (sandbox.notifications(), sandbox.kit().mchid.clone());
    sandbox.add_merchant(&weipay_sandbox::NewMerchant::new().mchid("1900000200")).unwrap();
    assert_eq!(notifications.hold(Some("1900000200")).unwrap(), 0);
    let merchant = Merchant::in_sandbox(&sandbox);
    set_callback(&merchant, &receiver.url);
    merchant.coupon();
    receiver.next().open(&sandbox, NOW);
    // Its acknowledgement is kept too: what is still under way is held as well.
    sandbox.run_for(0).unwrap();
    notifications.hold(Some(&mchid)).unwrap();
    merchant.coupon();
    let held = NotificationFilter::default().mchid(&*mchid).state(NotificationState::Held);
    assert_eq!(notifications.list(&held).unwrap().len(), 1);
    notifications.release(Some("1900000200"), &ReleaseOrder::AsDue).unwrap();
    assert_eq!(notifications.list(&held).unwrap().len(), 1);
    assert_eq!(notifications.release(Some(&mchid), &ReleaseOrder::Kept).unwrap().len(), 1);
    notifications.hold(ALL).unwrap();
    assert!(matches!(
        notifications.release(Some(&mchid), &ReleaseOrder::AsDue),
        Err(NotificationError::Invalid(_))
    ));
    assert!(matches!(notifications.hold(Some("1900000299")), Err(NotificationError::Invalid(_))));
}

#[test]
fn a_replay_has_the_same_id_and_begins_the_retry_table_again() {
    let ((sandbox, hand), receiver) = (held_sandbox(), Receiver::start(&[200, 500, 200]));
    let codes = held_coupons(&sandbox, &receiver, 1);
    let notifications = sandbox.notifications();
    let id = notifications.release(ALL, &ReleaseOrder::Kept).unwrap().remove(0).id;
    let first = receiver.next();
    let attempt = notifications.replay(&id.to_uppercase()).unwrap();
    assert_eq!((attempt.status, attempt.acknowledged, attempt.kind), (Some(500), false, AttemptKind::Replay));
    let again = receiver.next();
    assert_eq!(
        (&again.json()["id"], again.open(&sandbox, NOW)["coupon_code"].as_str()),
        (&json!(id), Some(&*codes[0]))
    );
    assert_ne!(again.header("Wechatpay-Signature"), first.header("Wechatpay-Signature"));
    let kept = notifications.find("1").unwrap();
    assert_eq!((kept.state, kept.due), (NotificationState::Waiting, Some(NOW + 60)));
    hand.advance(60);
    receiver.next().open(&sandbox, NOW + 60);
    assert!(matches!(notifications.replay("nothing"), Err(NotificationError::Unknown(_))));
}

#[test]
fn of_copies_one_acknowledgement_is_enough() {
    let ((sandbox, _hand), receiver) = (held_sandbox(), Receiver::start(&[500, 200, 500]));
    held_coupons(&sandbox, &receiver, 1);
    let notifications = sandbox.notifications();
    let attempts = notifications.duplicate("1", 3).unwrap();
    assert_eq!(attempts.iter().filter(|attempt| attempt.acknowledged).count(), 1);
    let ids: Vec<_> = (0..3).map(|_| receiver.next().json()["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let kept = notifications.find("1").unwrap();
    assert_eq!((kept.state, kept.attempts.len()), (NotificationState::Acknowledged, 3));
    assert!(matches!(notifications.duplicate("1", 17), Err(NotificationError::Invalid(_))));
}

#[test]
fn a_probe_that_is_refused_is_followed_by_the_right_signature() {
    let ((sandbox, _hand), receiver) = (held_sandbox(), Receiver::start(&[401, 204]));
    held_coupons(&sandbox, &receiver, 1);
    let attempts = sandbox.notifications().probe("1").unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.status).collect::<Vec<_>>(), [Some(401), Some(204)]);
    let (probe, right) = (receiver.next(), receiver.next());
    let signature = probe.header("Wechatpay-Signature");
    assert!(signature.starts_with("WECHATPAY/SIGNTEST/") && signature.len() == 344, "{signature}");
    right.open(&sandbox, NOW);
    assert_eq!(states(&sandbox), [NotificationState::Acknowledged]);
}

#[test]
fn a_probe_that_is_acknowledged_is_told_and_does_not_count() {
    let ((sandbox, _hand), receiver) = (held_sandbox(), Receiver::start(&[200]));
    held_coupons(&sandbox, &receiver, 1);
    let attempts = sandbox.notifications().probe("1").unwrap();
    assert_eq!(attempts.len(), 1);
    assert!(attempts[0].reason.as_ref().unwrap().contains("must refuse it"), "{attempts:?}");
    assert_eq!(states(&sandbox), [NotificationState::Held]);
}

#[test]
fn the_control_api_shows_what_was_sent_and_answered() {
    let ((sandbox, _hand), receiver) = (held_sandbox(), Receiver::start(&[500]));
    held_coupons(&sandbox, &receiver, 1);
    let control = sandbox.control().unwrap();
    let call = |method, target: &str, body| control.call(method, target, Some(&body)).unwrap();
    assert_eq!(call("POST", "/notifications/hold", json!({}))["held"], 1);
    let released = call("POST", "/notifications/release", json!({ "order": "kept" }));
    let id = released["notifications"][0]["id"].as_str().unwrap().to_owned();
    let listed = control.call("GET", "/notifications?state=waiting&event_type=COUPON.SEND", None).unwrap();
    assert_eq!(
        (&listed["notifications"], &released["is_complete"]),
        (&released["notifications"], &json!(true))
    );
    let listed = &listed["notifications"][0];
    assert_eq!(
        (&listed["next_attempt"], &listed["last_attempt"]["status"]),
        (&json!("2026-08-15T12:01:00+08:00"), &json!(500))
    );
    assert!(listed["last_attempt"]["reason"].as_str().unwrap().contains("200 or 204 would"), "{listed}");
    let shown = control.call("GET", &format!("/notifications/{id}"), None).unwrap();
    assert_eq!(shown["resource"]["event_type"], "EVENT_TYPE_BUSICOUPON_SEND");
    assert_eq!(shown["attempts"][0]["time"], "2026-08-15T12:00:00+08:00");
    let copies = call("POST", &format!("/notifications/{id}/duplicate"), json!({ "copies": 2 }));
    assert_eq!(copies["attempts"].as_array().unwrap().len(), 2);
    let again = call("POST", &format!("/notifications/{id}/replay"), json!({}));
    assert_eq!(again["attempts"][0]["acknowledged"], true);
    for (method, target) in [("GET", "/notifications/99"), ("POST", "/notifications/99/probe")] {
        let error = control.call(method, target, None).unwrap_err().to_string();
        assert!(error.contains("weipay sandbox notifications list"), "{error}");
    }
}

#[test]
fn notifications_of_a_program_that_is_asynchronous_are_sent_again_too() {
    let ((sandbox, _hand), receiver) = (held_sandbox(), Receiver::start(&[]));
    held_coupons(&sandbox, &receiver, 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let attempt = runtime.block_on(async { sandbox.notifications().replay("1").unwrap() });
    assert!(attempt.acknowledged);
}

#[test]
fn copies_and_probes_leave_a_notification_where_it_was() {
    let ((sandbox, hand), receiver) = (held_sandbox(), Receiver::start(&[500; 20]));
    held_coupons(&sandbox, &receiver, 1);
    let notifications = sandbox.notifications();
    notifications.duplicate("1", 2).unwrap();
    assert_eq!(states(&sandbox), [NotificationState::Held], "what is held stays held");
    notifications.release(ALL, &ReleaseOrder::Kept).unwrap();
    let waiting = notifications.find("1").unwrap();
    notifications.duplicate("1", 2).unwrap();
    let after = notifications.find("1").unwrap();
    assert_eq!((after.state, after.due), (NotificationState::Waiting, waiting.due));
    while sandbox.run_to_next_event().unwrap().is_some() {}
    assert_eq!(states(&sandbox), [NotificationState::GivenUp]);
    notifications.duplicate("1", 1).unwrap();
    assert_eq!(states(&sandbox), [NotificationState::GivenUp]);
    hand.advance(3_600);
    assert_eq!(sandbox.run_to_next_event().unwrap(), None, "it does not go out by itself again");
}

/// An https receiver, whose certificate is signed by its own authority: its URL, and the authority in PEM.
fn https_receiver() -> (String, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &Issuer::from_params(&authority, &authority_key)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/notify", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(connection, stream.unwrap()));
            if Notification::read(&mut stream).is_some() {
                stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            }
        }
    });
    (url, pem)
}

#[test]
fn a_receiver_behind_https_is_called_when_its_authority_is_trusted() {
    let (url, pem) = https_receiver();
    for (trusted, state) in [(true, NotificationState::Acknowledged), (false, NotificationState::Waiting)] {
        let builder = Sandbox::builder().clock(Clock::frozen(NOW).0);
        let builder = if trusted { builder.receiver_authority(&pem) } else { builder };
        let sandbox = builder.start().unwrap();
        let merchant = Merchant::in_sandbox(&sandbox);
        set_callback(&merchant, &url);
        sandbox.notifications().hold(ALL).unwrap();
        merchant.coupon();
        let released = sandbox.notifications().release(ALL, &ReleaseOrder::Kept).unwrap().remove(0);
        assert_eq!(released.state, state, "{:?}", released.attempts);
        if !trusted {
            assert!(
                released.attempts[0].reason.as_ref().unwrap().starts_with("TLS with the receiver failed")
            );
        }
    }
    let error = Sandbox::builder().receiver_authority("no certificate").start().unwrap_err();
    assert!(error.to_string().contains("certificates in PEM"), "{error}");
}
