//! Certificates that a client fetches itself: when it does, what it takes, and that nothing else stops it from working.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use weipay::error::{ErrorKind, Sent};
use weipay::v3::security::echo::post;
use weipay::wire::{PROBE_PREFIX, PublicKeyId, VerifyError};
use weipay::{Client, ClientBuilder, Error, RetryConfig, blocking};

use super::server::{API_V3_KEY, NEW, OLD, Server, Signer, listing, signer, success_by};
use crate::platform::{PLATFORM, PUBLIC_KEY_ID, signed_at, signed_by, unsigned};
use crate::wait_until::until;

/// A client of either kind, with calls that return when the response is there.
enum Either {
    Async(Client, tokio::runtime::Runtime),
    Blocking(blocking::Client),
}

impl Either {
    fn get(&self, path: &str) -> Result<(), Error> {
        match self {
            Self::Async(client, runtime) => runtime.block_on(client.chain(path).get()).map(drop),
            Self::Blocking(client) => client.chain(path).get().map(drop),
        }
    }

    fn get_within(&self, path: &str, limit: Duration) -> Result<(), Error> {
        match self {
            Self::Async(client, runtime) => {
                runtime.block_on(async { client.chain(path).timeout(limit).get().await }).map(drop)
            }
            Self::Blocking(client) => client.chain(path).timeout(limit).get().map(drop),
        }
    }

    /// The error of a call that has its response and no time for a fetch. On a busy machine that takes more time.
    fn hasty(&self) -> Error {
        let mut limit = Duration::from_millis(300);
        loop {
            let error = self.get_within("v3/hasty", limit).unwrap_err();
            if !matches!(error.kind(), ErrorKind::Network(_)) || limit > Duration::from_secs(60) {
                return error;
            }
            limit *= 2;
        }
    }

    fn fetch(&self) -> Result<(), Error> {
        match self {
            Self::Async(client, runtime) => runtime.block_on(client.fetch_platform_certificates()),
            Self::Blocking(client) => client.fetch_platform_certificates(),
        }
    }

    fn serial(&self) -> Option<String> {
        match self {
            Self::Async(client, _) => client.platform_serial(),
            Self::Blocking(client) => client.platform_serial(),
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs a test with each of the two clients, each on a platform that was just started.
fn each(build: impl Fn(&Server) -> ClientBuilder, test: impl Fn(&Server, &Either)) {
    let server = Server::start();
    test(&server, &Either::Blocking(build(&server).build_blocking().unwrap()));
    let server = Server::start();
    test(&server, &Either::Async(build(&server).build().unwrap(), runtime()));
}

fn with_public_key(builder: ClientBuilder) -> ClientBuilder {
    builder.public_key(PublicKeyId::new(PUBLIC_KEY_ID).unwrap(), PLATFORM.public_key())
}

fn unknown_serial(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unverified(VerifyError::UnknownSerial { .. }))
}

#[test]
fn the_api_v3_key_alone_is_enough_and_the_list_is_fetched_once() {
    each(Server::builder, |server, client| {
        assert_eq!(client.serial(), None);
        for _ in 0..3 {
            client.get("v3/a").unwrap();
        }
        assert_eq!(server.fetches(), 1);
        let seen = server.seen();
        assert_eq!(seen[0].target, "/v3/certificates");
        assert_eq!(seen[0].header("wechatpay-serial"), None, "there is no key to name yet");
        assert_eq!(seen[1].header("wechatpay-serial"), Some(OLD.serial()));
        assert_eq!(client.serial().as_deref(), Some(OLD.serial()));
    });
}

/// A rotation and one status of 500 at the same time: without another fetch, each payment of the next minute would be in doubt.
#[test]
fn a_passing_failure_of_the_list_fails_no_call() {
    each(Server::builder, |server, client| {
        // The list by this signer, after so many failures.
        let after = |failures: usize, by: &'static Signer| {
            let asked = AtomicUsize::new(0);
            server.list(move |now| match asked.fetch_add(1, Ordering::SeqCst) {
                asked if asked < failures => unsigned(500, r#"{"code":"SYSTEM_ERROR","message":"m"}"#),
                _ => listing(&[by], by, now),
            });
        };
        after(2, &OLD);
        client.get("v3/a").unwrap();
        assert_eq!(server.fetches(), 3);
        server.calls(|_, now| success_by(&NEW, now));
        after(1, &NEW);
        client.get("v3/a").unwrap();
        assert_eq!((server.fetches(), client.serial().as_deref()), (5, Some(NEW.serial())));
        // One that fails for longer is asked again after some seconds, and not after a minute.
        server.advance(60);
        server.calls(|_, now| success_by(&OLD, now));
        after(3, &OLD);
        for seconds in [0, 1] {
            server.advance(seconds);
            assert!(unknown_serial(&client.get("v3/a").unwrap_err()));
            assert_eq!(server.fetches(), 8);
        }
        server.advance(4);
        client.get("v3/a").unwrap();
        assert_eq!(server.fetches(), 9);
    });
}

#[test]
fn an_explicit_fetch_is_there_before_the_first_call() {
    each(Server::builder, |server, client| {
        client.fetch().unwrap();
        assert_eq!((server.fetches(), client.serial().as_deref()), (1, Some(OLD.serial())));
        client.get("v3/a").unwrap();
        assert_eq!(server.fetches(), 1);
    });
    each(
        |server| with_public_key(server.keyless()),
        |_, client| {
            assert!(client.fetch().unwrap_err().to_string().contains("WEIPAY_API_V3_KEY"));
        },
    );
}

/// The platform refuses fields that are encrypted with an expired certificate, and says to correct the request.
#[test]
fn a_call_waits_for_new_certificates_where_all_have_ended() {
    each(Server::builder, |server, client| {
        client.get("v3/a").unwrap();
        // The old one ends with 2027.
        server.advance(2 * 365 * 86_400);
        server.list(|now| listing(&[&NEW], &NEW, now));
        server.calls(|_, now| success_by(&NEW, now));
        client.get("v3/b").unwrap();
        assert_eq!(server.fetches(), 2);
        let called = server.seen().into_iter().find(|seen| seen.target == "/v3/b").unwrap();
        assert_eq!(called.header("wechatpay-serial"), Some(NEW.serial()));
    });
    // Without new ones the platform reports what is wrong, and is asked once a minute.
    each(Server::builder, |server, client| {
        client.get("v3/a").unwrap();
        server.advance(2 * 365 * 86_400);
        server.list(|_| unsigned(500, ""));
        client.get("v3/b").unwrap();
        let fetches = server.fetches();
        assert!(fetches > 1);
        client.get("v3/b").unwrap();
        assert_eq!(server.fetches(), fetches);
    });
}

#[test]
fn nothing_is_encrypted_with_a_certificate_that_has_ended() {
    let server = Server::start();
    let client = server.builder().build_blocking().unwrap();
    let echo = || {
        let request = post::Request::new().echo_message("hello").encrypted_echo_message("13800138000");
        client.v3().security().echo().post(request)
    };
    client.chain("v3/a").get().unwrap();
    server.advance(2 * 365 * 86_400);
    server.list(|_| unsigned(500, ""));
    server.seen();
    let error = echo().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::PlatformCertificates(_)), "{error:#}");
    assert!(error.is_retryable() && !error.may_have_taken_effect(), "{error:#}");
    assert_eq!(server.called().len(), 0);
    // Once the list is there again, the new one is used.
    server.advance(61);
    server.list(|now| listing(&[&NEW], &NEW, now));
    server.calls(|_, now| success_by(&NEW, now));
    echo().unwrap();
    let seen = server.seen().pop().unwrap();
    assert_eq!(seen.header("wechatpay-serial"), Some(NEW.serial()));
    let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    let opened = NEW.key.decrypt_oaep(body["encrypted_echo_message"].as_str().unwrap()).unwrap();
    assert_eq!(opened.as_slice(), b"13800138000");
}

/// A client that cannot fetch new certificates refuses itself what the platform would refuse; so does the method that encrypts.
#[test]
fn without_a_list_too_nothing_is_encrypted_with_a_certificate_that_has_ended() {
    const PHONE: &str = "13800138000";
    let server = Server::start();
    let ended = |error: Error| {
        assert!(error.is_request() && format!("{error:#}").contains("has expired"), "{error:#}");
    };
    // The old one ends with 2027.
    let keyless = server.keyless().platform_certificate(OLD.certificate.clone()).build_blocking().unwrap();
    let fetching = server.builder().build_blocking().unwrap();
    fetching.chain("v3/a").get().unwrap();
    let echo = || post::Request::new().echo_message("hello").encrypted_echo_message(PHONE);
    let untyped = json!({"echo_message": "hello", "encrypted_echo_message": PHONE});
    for client in [&keyless, &fetching] {
        client.encrypt_sensitive(PHONE).unwrap();
        client.v3().security().echo().post(echo()).unwrap();
    }
    server.advance(2 * 365 * 86_400);
    server.seen();
    for client in [&keyless, &fetching] {
        ended(client.encrypt_sensitive(PHONE).unwrap_err());
    }
    ended(keyless.v3().security().echo().post(echo()).unwrap_err());
    ended(keyless.chain("v3/security/echo").post(&untyped).unwrap_err());
    assert_eq!(server.called().len(), 0);
    // What encrypts nothing is sent: the platform reports what is wrong.
    keyless.v3().security().echo().post(post::Request::new().echo_message("hello")).unwrap();
    // A caller may not name the expired one either.
    server.list(|now| listing(&[&NEW, &OLD], &NEW, now));
    server.calls(|_, now| success_by(&NEW, now));
    fetching.fetch_platform_certificates().unwrap();
    fetching.encrypt_sensitive(PHONE).unwrap();
    fetching.chain("v3/security/echo").post(&untyped).unwrap();
    let named = fetching.chain("v3/security/echo").header("Wechatpay-Serial", OLD.serial());
    ended(named.post(&untyped).unwrap_err());
}

#[test]
fn of_two_listed_certificates_the_newer_is_named_and_both_verify() {
    each(Server::builder, |server, client| {
        server.list(|now| listing(&[&NEW, &OLD], &OLD, now));
        client.get("v3/a").unwrap();
        server.calls(|_, now| success_by(&NEW, now));
        client.get("v3/a").unwrap();
        assert_eq!(client.serial().as_deref(), Some(NEW.serial()));
        assert_eq!(server.fetches(), 1);
    });
}

#[test]
fn a_rotation_in_the_middle_of_traffic_loses_no_call() {
    each(Server::builder, |server, client| {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        server.calls(move |_, now| match counted.fetch_add(1, Ordering::SeqCst) {
            0..40 => success_by(&OLD, now),
            _ => success_by(&NEW, now),
        });
        server.list(move |now| match calls.load(Ordering::SeqCst) {
            0..40 => listing(&[&OLD], &OLD, now),
            _ => listing(&[&NEW], &NEW, now),
        });
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..10).for_each(|_| client.get("v3/a").unwrap()));
            }
        });
        assert_eq!(server.fetches(), 2, "the first, and one for the new certificate");
    });
}

/// wechatpay-apiv3/wechatpay-apache-httpclient#66: a client without calls for some hours kept certificates that had all
/// been replaced, and did not believe the list that named the new ones.
#[test]
fn a_client_that_was_idle_while_all_certificates_were_replaced_goes_on() {
    each(Server::builder, |server, client| {
        client.get("v3/a").unwrap();
        server.list(|now| listing(&[&NEW], &NEW, now));
        server.calls(|_, now| success_by(&NEW, now));
        for days in [1, 30] {
            server.advance(days * 86_400);
            (0..3).for_each(|_| client.get("v3/a").unwrap());
        }
        assert_eq!(client.serial().as_deref(), Some(NEW.serial()));
    });
}

#[test]
fn a_burst_of_unknown_serials_leads_to_one_fetch_a_minute() {
    let stranger = signer(2026, 2031);
    each(Server::builder, |server, client| {
        client.get("v3/a").unwrap();
        let strange = stranger.clone();
        server.calls(move |_, now| success_by(&strange, now));
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| assert!(unknown_serial(&client.get("v3/a").unwrap_err())));
            }
        });
        assert_eq!(server.fetches(), 2);
        server.advance(59);
        assert!(unknown_serial(&client.get("v3/a").unwrap_err()));
        assert_eq!(server.fetches(), 2);
        server.advance(1);
        assert!(unknown_serial(&client.get("v3/a").unwrap_err()));
        assert_eq!(server.fetches(), 3);
        server.calls(|_, now| success_by(&OLD, now));
        client.get("v3/a").unwrap();
    });
}

/// The platform has begun to sign with a new certificate, and the first response with it is a refusal.
#[test]
fn a_refusal_by_a_new_certificate_is_believed_once_that_is_fetched() {
    let refusal = |by: &Signer, status, now| {
        let body = r#"{"code":"ORDER_NOT_EXIST","message":"m"}"#;
        signed_by(&by.key, by.serial(), status, body, now)
    };
    each(Server::builder, |server, client| {
        client.get("v3/a").unwrap();
        server.list(|now| listing(&[&OLD, &NEW], &NEW, now));
        server.calls(move |_, now| refusal(&NEW, 404, now));
        assert_eq!(client.get("v3/a").unwrap_err().code(), Some("ORDER_NOT_EXIST"));
        assert_eq!(server.fetches(), 2);
        // One that cannot be fetched leaves the refusal unproven; what only asks to wait is worth no fetch.
        server.advance(60);
        let stranger = signer(2026, 2031);
        server.calls(move |_, now| refusal(&stranger, 503, now));
        assert!(client.get("v3/a").unwrap_err().is_unverified());
        assert_eq!(server.fetches(), 2);
        let stranger = signer(2026, 2031);
        server.calls(move |_, now| refusal(&stranger, 404, now));
        let error = client.get("v3/a").unwrap_err();
        assert!(error.is_unverified() && error.code().is_none() && error.may_have_taken_effect(), "{error}");
        assert_eq!(server.fetches(), 3);
    });
}

#[test]
fn a_refused_list_with_a_strange_signature_does_not_say_that_there_is_none() {
    each(Server::builder, |server, client| {
        let stranger = signer(2026, 2031);
        server.list(move |now| {
            signed_by(&stranger.key, stranger.serial(), 404, r#"{"code":"RESOURCE_NOT_EXISTS"}"#, now)
        });
        let error = client.get("v3/a").unwrap_err();
        let ErrorKind::PlatformCertificates(fetch) = error.kind() else { panic!("{error}") };
        assert!(fetch.code().is_none() && fetch.is_unverified(), "{fetch}");
    });
}

#[test]
fn what_cannot_be_a_certificates_serial_leads_to_no_fetch() {
    each(
        |server| with_public_key(server.builder()),
        |server, client| {
            for serial in ["PUB_KEY_ID_0119000000099999", "x", "../v3/pay"] {
                server.calls(move |_, now| signed_by(&PLATFORM, serial, 200, "{}", now));
                assert!(unknown_serial(&client.get("v3/a").unwrap_err()));
            }
            assert_eq!(server.fetches(), 0);
        },
    );
}

#[test]
fn a_merchant_that_has_only_a_public_key_is_not_disturbed() {
    each(
        |server| with_public_key(server.builder()),
        |server, client| {
            let none = json!({"code": "RESOURCE_NOT_EXISTS", "message": "无可用的平台证书"}).to_string();
            server.list(move |_| unsigned(404, &none));
            server.calls(|_, now| signed_at(200, "{}", now));
            for _ in 0..2 {
                client.get("v3/a").unwrap();
                server.advance(24 * 3600);
            }
            assert_eq!(server.fetches(), 0, "no certificate was ever needed");
            server.calls(|_, now| success_by(&OLD, now));
            assert!(unknown_serial(&client.get("v3/a").unwrap_err()));
            server.calls(|_, now| signed_at(200, "{}", now));
            client.get("v3/a").unwrap();
            assert_eq!(server.fetches(), 1);
        },
    );
}

#[test]
fn without_any_key_the_call_is_not_sent_and_the_error_says_what_to_do() {
    each(Server::builder, |server, client| {
        let none = json!({"code": "RESOURCE_NOT_EXISTS", "message": "无可用的平台证书"}).to_string();
        server.list(move |_| unsigned(404, &none));
        let error = client.get("v3/a").unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::PlatformCertificates(_)), "{error}");
        assert!(!error.may_have_taken_effect());
        let told = format!("{error:#}");
        for part in ["微信支付公钥", "RESOURCE_NOT_EXISTS", "GET v3/a", "GET v3/certificates"] {
            assert!(told.contains(part), "{told}");
        }
        assert_eq!(server.called().len(), 0);
    });
}

#[test]
fn lists_that_prove_nothing_are_not_taken_and_nothing_is_sent_on_them() {
    let stranger = signer(2026, 2031);
    let lists: Vec<(&str, super::super::platform::Scripted)> = vec![
        ("garbage", signed_by(&OLD.key, OLD.serial(), 200, "<html>", super::server::NOW)),
        ("no list", signed_by(&OLD.key, OLD.serial(), 200, "{}", super::server::NOW)),
        ("empty", signed_by(&OLD.key, OLD.serial(), 200, r#"{"data":[]}"#, super::server::NOW)),
        ("unsigned", unsigned(200, &json!({"data": [OLD.entry(API_V3_KEY)]}).to_string())),
        ("signed by a stranger", listing(&[&OLD], &stranger, super::server::NOW)),
        ("signed long ago", listing(&[&OLD], &OLD, super::server::NOW - 301)),
        ("another key", {
            let list = json!({"data": [OLD.entry("0123456789abcdef0123456789abcdef")]}).to_string();
            signed_by(&OLD.key, OLD.serial(), 200, &list, super::server::NOW)
        }),
        ("a body exchanged", {
            let other = json!({"data": [stranger.entry(API_V3_KEY)]}).to_string();
            listing(&[&OLD], &OLD, super::server::NOW).with_body(&other)
        }),
        ("a proxy's page", unsigned(502, "<html>502 Bad Gateway</html>")),
        ("a redirect", unsigned(302, "")),
    ];
    for (what, list) in lists {
        let list = Arc::new(list);
        each(Server::builder, |server, client| {
            let served = Arc::clone(&list);
            server.list(move |_| Arc::unwrap_or_clone(Arc::clone(&served)));
            let error = client.get("v3/a").unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::PlatformCertificates(_)), "{what}: {error}");
            assert!(!error.may_have_taken_effect());
            assert_eq!(client.serial(), None, "{what}");
            assert_eq!(server.called().len(), 0, "{what}");
            let told = format!("{error:#} {error:?} {error:#?}");
            assert!(!told.contains(API_V3_KEY) && !told.contains("BEGIN CERT"), "{told}");
            // It is tried again by the next call.
            server.list(|now| listing(&[&OLD], &OLD, now));
            client.get("v3/a").unwrap();
        });
    }
}

#[test]
fn a_refresh_that_fails_keeps_the_keys_and_is_tried_again_in_a_minute() {
    each(Server::builder, |server, client| {
        client.get("v3/a").unwrap();
        server.list(|_| unsigned(502, "<html>"));
        server.advance(12 * 3600);
        client.get("v3/a").unwrap();
        // One fetch has three attempts.
        server.wait_for_fetches(4);
        for _ in 0..3 {
            client.get("v3/a").unwrap();
        }
        assert_eq!(server.fetches(), 4);
        // It may not have ended yet: a request for another is one with it until then.
        until(|| {
            server.advance(60);
            client.get("v3/a").unwrap();
            server.fetches() >= 5
        });
    });
}

#[test]
fn a_background_refresh_delays_no_call_and_replaces_all_certificates() {
    each(Server::builder, |server, client| {
        client.get("v3/a").unwrap();
        server.list(|now| listing(&[&NEW], &NEW, now));
        server.hold(true);
        server.advance(12 * 3600);
        // The list is held back: were a call to wait for it, this would not end before its time limit, with an error.
        for _ in 0..3 {
            client.get("v3/a").unwrap();
        }
        server.wait_for_fetches(2);
        assert_eq!(client.serial().as_deref(), Some(OLD.serial()));
        server.hold(false);
        until(|| client.serial().as_deref() == Some(NEW.serial()));
        assert!(unknown_serial(&client.get("v3/a").unwrap_err()), "the old certificate is retired");
        server.calls(|_, now| success_by(&NEW, now));
        client.get("v3/a").unwrap();
    });
}

#[test]
fn a_list_that_hides_the_certificate_of_its_signature_says_so() {
    let others = vec![&*OLD; 64];
    let hidden = [&others[..], &[&*NEW]].concat();
    each(Server::builder, |server, client| {
        let hidden = hidden.clone();
        server.list(move |now| listing(&hidden, &NEW, now));
        let told = format!("{:#}", client.get("v3/a").unwrap_err());
        assert!(told.contains("more than 64 certificates") && told.contains(NEW.serial()), "{told}");
        server.list(|now| listing(&[&NEW], &NEW, now));
        server.calls(|_, now| success_by(&NEW, now));
        client.get("v3/a").unwrap();
    });
}

/// The header is the platform's writing of a number.
#[test]
fn a_serial_is_the_same_in_lower_case_and_with_other_leading_zeros() {
    for written in [OLD.serial().to_lowercase(), format!("00{}", OLD.serial())] {
        each(Server::builder, |server, client| {
            let written = written.clone();
            server.calls(move |_, now| signed_by(&OLD.key, &written, 200, "{}", now));
            client.get("v3/a").unwrap();
            assert_eq!(server.fetches(), 1);
        });
    }
}

#[test]
fn given_certificates_are_refreshed_by_the_first_call() {
    each(
        |server| server.builder().platform_certificate(OLD.certificate.clone()),
        |server, client| {
            server.list(|now| listing(&[&NEW], &NEW, now));
            client.get("v3/a").unwrap();
            until(|| client.serial().as_deref() == Some(NEW.serial()));
            assert!(unknown_serial(&client.get("v3/a").unwrap_err()));
        },
    );
}

#[test]
fn public_keys_and_certificates_verify_side_by_side() {
    each(
        |server| with_public_key(server.builder()),
        |server, client| {
            server.list(|now| listing(&[&OLD, &NEW], &NEW, now));
            server.calls(|seen, now| match seen.target.as_str() {
                "/v3/old" => success_by(&OLD, now),
                "/v3/new" => success_by(&NEW, now),
                _ => signed_at(200, "{}", now),
            });
            for path in ["v3/key", "v3/old", "v3/new", "v3/key"] {
                client.get(path).unwrap();
            }
            assert_eq!(server.fetches(), 1);
            assert_eq!(client.serial().as_deref(), Some(PUBLIC_KEY_ID));
            let named = server.seen();
            assert!(named.iter().all(|seen| seen.header("wechatpay-serial") == Some(PUBLIC_KEY_ID)));
        },
    );
}

#[test]
fn a_list_may_be_signed_with_the_public_key() {
    each(
        |server| with_public_key(server.builder()),
        |server, client| {
            server.list(|now| {
                let list = json!({"data": [OLD.entry(API_V3_KEY)]}).to_string();
                signed_at(200, &list, now)
            });
            client.get("v3/a").unwrap();
            assert_eq!(server.fetches(), 1);
        },
    );
}

#[test]
fn a_signature_probe_of_the_list_is_followed_by_one_more_fetch() {
    // Those who want no repeats want the keys.
    let once = |server: &Server| server.builder().retries(RetryConfig::none());
    each(once, |server, client| {
        let count = AtomicUsize::new(0);
        server.list(move |now| match count.fetch_add(1, Ordering::SeqCst) {
            0 => listing(&[&OLD], &OLD, now).header("Wechatpay-Signature", &format!("{PROBE_PREFIX}2sWfO")),
            _ => listing(&[&OLD], &OLD, now),
        });
        client.get("v3/a").unwrap();
        assert_eq!(server.fetches(), 2);
    });
}

#[test]
fn a_slow_list_ends_with_the_calls_own_time_limit_and_nothing_was_sent() {
    each(
        |server| server.builder().timeout(Duration::from_millis(200)),
        |server, client| {
            server.hold(true);
            let error = client.get("v3/a").unwrap_err();
            let ErrorKind::PlatformCertificates(fetch) = error.kind() else { panic!("{error}") };
            assert!(fetch.is_network() && !error.may_have_taken_effect());
            assert_eq!(server.called().len(), 0);
            server.hold(false);
            // What the first try was sent is answered now, and nobody reads it.
            until(|| client.get("v3/a").is_ok());
        },
    );
}

#[test]
fn who_waits_for_the_fetch_of_another_keeps_its_own_time_limit() {
    let server = Server::start();
    let client = server.builder().build_blocking().unwrap();
    server.hold(true);
    thread::scope(|scope| {
        let patient = scope.spawn(|| client.chain("v3/a").get());
        server.wait_for_fetches(1);
        let hasty = client.chain("v3/b").timeout(Duration::from_millis(50)).get().unwrap_err();
        let ErrorKind::PlatformCertificates(fetch) = hasty.kind() else { panic!("{hasty}") };
        assert!(matches!(fetch.kind(), ErrorKind::Network(error) if error.sent == Sent::No));
        server.hold(false);
        patient.join().unwrap().unwrap();
    });
    assert_eq!(server.fetches(), 1);
}

/// Calls that all have little time would never get certificates otherwise.
#[test]
fn a_call_whose_time_is_over_leaves_its_fetch_on_the_way() {
    each(Server::builder, |server, client| {
        server.hold(true);
        thread::scope(|scope| {
            // Enough to come as far as the fetch.
            let hasty = scope.spawn(|| client.get_within("v3/hasty", Duration::from_secs(3)));
            server.wait_for_fetches(1);
            let patient = scope.spawn(|| client.get("v3/patient"));
            assert!(matches!(hasty.join().unwrap().unwrap_err().kind(), ErrorKind::PlatformCertificates(_)));
            server.hold(false);
            patient.join().unwrap().unwrap();
        });
        assert_eq!(server.fetches(), 1);
        assert_eq!(server.called(), ["/v3/patient".to_owned()].into());
    });
}

#[test]
fn what_one_call_has_no_time_to_fetch_the_next_call_fetches() {
    each(Server::builder, |server, client| {
        client.get("v3/a").unwrap();
        server.calls(|_, now| success_by(&NEW, now));
        server.list(|now| listing(&[&NEW], &NEW, now));
        server.hold(true);
        let hasty = client.hasty();
        assert!(unknown_serial(&hasty), "{hasty}");
        server.hold(false);
        client.get("v3/next").unwrap();
    });
}

/// Or else calls that take almost all of their time would never get it.
#[test]
fn a_fetch_of_certificates_outlives_the_call_whose_time_is_over() {
    each(Server::builder, |server, client| {
        client.get("v3/a").unwrap();
        server.calls(|_, now| success_by(&NEW, now));
        server.list(|now| listing(&[&NEW], &NEW, now));
        server.hold(true);
        let hasty = client.hasty();
        assert!(unknown_serial(&hasty), "{hasty}");
        server.hold(false);
        until(|| client.serial().as_deref() == Some(NEW.serial()));
        assert_eq!(server.fetches(), 2);
    });
}

/// Their callers have limits of their own, such as that of a web server, and the client's is longer.
#[test]
fn a_call_that_is_dropped_leaves_its_fetch_on_the_way_on_any_runtime() {
    let one_thread = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for runtime in [runtime(), one_thread()] {
        let server = Server::start();
        let client = server.builder().build().unwrap();
        server.hold(true);
        runtime.block_on(async {
            for dropped in ["v3/dropped", "v3/waited-and-dropped"] {
                let call = client.chain(dropped).get();
                let fetched = wait(&server, 1);
                tokio::select! {
                    biased;
                    ended = call => panic!("{ended:?}"),
                    () = fetched => {}
                }
            }
            let next = tokio::spawn({
                let client = client.clone();
                async move { client.chain("v3/next").get().await.map(drop) }
            });
            server.hold(false);
            next.await.unwrap().unwrap();
        });
        assert_eq!((server.fetches(), server.called()), (1, ["/v3/next".to_owned()].into()));
    }
}

#[test]
fn a_fetch_stands_still_with_its_runtime_and_goes_on_with_it() {
    let server = Server::start();
    let client = server.builder().build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    server.hold(true);
    runtime.block_on(async {
        let fetched = wait(&server, 1);
        tokio::select! {
            biased;
            ended = client.chain("v3/dropped").get() => panic!("{ended:?}"),
            () = fetched => {}
        }
    });
    server.hold(false);
    runtime.block_on(client.chain("v3/next").get()).unwrap();
    assert_eq!(server.fetches(), 1);
}

#[test]
fn a_fetch_that_ended_with_its_runtime_is_begun_again_by_the_next_call() {
    let server = Server::start();
    let client = server.builder().build().unwrap();
    server.hold(true);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime().block_on(async {
        let fetched = wait(&server, 1);
        tokio::select! {
            biased;
            ended = client.chain("v3/dropped").get() => panic!("{ended:?}"),
            () = fetched => {}
        }
    });
    server.hold(false);
    runtime().block_on(client.chain("v3/next").get()).unwrap();
    assert_eq!(server.fetches(), 2);
}

/// The response is there, and verifying it needs a certificate that is not.
#[test]
fn a_dropped_call_leaves_its_fetch_on_the_way() {
    let server = Server::start();
    let client = server.builder().build().unwrap();
    runtime().block_on(async {
        client.chain("v3/a").get().await.unwrap();
        server.calls(|_, now| success_by(&NEW, now));
        server.list(|now| listing(&[&NEW], &NEW, now));
        server.hold(true);
        let fetched = wait(&server, 2);
        tokio::select! {
            biased;
            ended = client.chain("v3/dropped").get() => panic!("{ended:?}"),
            () = fetched => {}
        }
        let next = tokio::spawn({
            let client = client.clone();
            async move { client.chain("v3/next").get().await.map(drop) }
        });
        server.hold(false);
        next.await.unwrap().unwrap();
    });
    assert_eq!(server.fetches(), 2);
}

fn wait(server: &Server, fetches: usize) -> impl Future<Output = ()> {
    let server = server.clone();
    async move { tokio::task::spawn_blocking(move || server.wait_for_fetches(fetches)).await.unwrap() }
}

#[test]
fn a_sensitive_field_waits_for_the_certificates() {
    let request = || post::Request::new().echo_message("hello").encrypted_echo_message("13800138000");
    let check = |server: &Server| {
        let seen = server.seen().pop().unwrap();
        let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
        let opened = OLD.key.decrypt_oaep(body["encrypted_echo_message"].as_str().unwrap()).unwrap();
        assert_eq!(opened.as_slice(), b"13800138000");
        assert_eq!(seen.header("wechatpay-serial"), Some(OLD.serial()));
    };
    let server = Server::start();
    let client = server.builder().build_blocking().unwrap();
    client.v3().security().echo().post(request()).unwrap();
    check(&server);
    let server = Server::start();
    let client = server.builder().build().unwrap();
    runtime().block_on(async { client.v3().security().echo().post(request()).await.unwrap() });
    check(&server);

    let client = Server::start().builder().build_blocking().unwrap();
    let error = format!("{:#}", client.encrypt_sensitive("x").unwrap_err());
    assert!(error.contains("fetch_platform_certificates"), "{error}");
    let wrong = client.v3().security().echo().post(post::Request::new()).unwrap_err();
    assert!(wrong.is_request(), "a request that breaks a rule leads to no fetch: {wrong}");
}

#[test]
fn a_call_that_needs_no_key_of_the_platform_leads_to_no_fetch() {
    each(Server::builder, |server, client| {
        server.calls(|_, _| unsigned(200, "a,b"));
        client.get("v3/billdownload/file?token=x").unwrap();
        client.get("v3/{a}").unwrap_err();
        assert_eq!(server.fetches(), 0);
    });
}

#[test]
fn the_sandbox_serves_a_client_with_the_api_v3_key_alone() {
    use weipay::wire::{ApiV3Key, MerchantId, MerchantSerial, PrivateKey};
    use weipay_sandbox::{PlatformKeys, Sandbox};

    let sandbox = Sandbox::builder().platform_keys(PlatformKeys::Certificate).start().unwrap();
    let kit = sandbox.kit();
    let folder = sandbox.kit_file().parent().unwrap();
    let key = std::fs::read_to_string(folder.join(&kit.merchant_key)).unwrap();
    let client = ClientBuilder::default()
        .base_url(sandbox.base_url())
        .mchid(MerchantId::new(kit.mchid.as_str()).unwrap())
        .merchant_serial(MerchantSerial::new(kit.merchant_serial.as_str()).unwrap())
        .merchant_key(PrivateKey::from_pem(&key).unwrap())
        .api_v3_key(ApiV3Key::new(&kit.api_v3_key).unwrap())
        .build_blocking()
        .unwrap();
    let listed = client.chain("v3/certificates").get().unwrap();
    assert!(listed.is_verified());
    assert_eq!(client.platform_serial(), kit.platform_serial.clone());
}
