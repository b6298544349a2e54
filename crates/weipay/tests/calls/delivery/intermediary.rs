//! A host in front of which something else answers with a page of its own: the login page of a network, a proxy, a broken CDN.

use std::time::Duration;

use serde_json::json;
use weipay::RetryConfig;
use weipay::error::{ErrorClass, ErrorKind, NextStep};
use weipay::retry::AttemptOutcome;

use super::failover::{BACKUP, BILL, Hosts, MAIN, bill, certificates, good, with_keys};
use super::{BY_CODE, Noting, ORDER};
use crate::either::Either;
use crate::platform::{Scripted, configured, signed, unsigned};
use crate::server::{Server, Step};

const PAGE: &str = "<!DOCTYPE html><html><body>login</body></html>";

/// Each client before these two hosts.
fn before(main: impl Fn() -> Vec<Step>, backup: impl Fn() -> Vec<Step>) -> [(Either, Hosts, Servers); 2] {
    [0, 1].map(|nth| {
        let servers = [Server::start(main()), Server::start(backup())];
        let hosts = Hosts::new(servers[0].address, servers[1].address);
        let builder = || with_keys(hosts.builder(&Noting::default()));
        (Either::both(builder).into_iter().nth(nth).unwrap(), hosts, servers)
    })
}

type Servers = [Server; 2];

fn pages(times: usize) -> Vec<Step> {
    (0..times).map(|_| unsigned(200, PAGE).into()).collect()
}

#[test]
fn what_is_safe_to_repeat_leaves_a_host_that_answers_with_a_web_page() {
    let order = json!({"out_trade_no": "1"});
    let answers: [fn() -> Scripted; 5] = [
        || unsigned(200, PAGE),
        || unsigned(200, "please log in").header("Content-Type", "text/html; charset=utf-8"),
        || unsigned(200, "").header("Content-Type", "text/html"),
        || unsigned(203, "\u{feff}\r\n<!-- login --><html></html>"),
        || unsigned(302, "").header("Location", "https://portal.example/login"),
    ];
    for answer in answers {
        let main = || (0..9).map(|_| answer().into()).collect();
        for (client, hosts, _servers) in before(main, || good(9)) {
            let response = client.post(ORDER, &order).unwrap();
            assert_eq!(hosts.asked(), [MAIN, BACKUP]);
            assert!(response.attempts()[0].may_have_taken_effect());
            // The host failed: a payment begins where the last response came from.
            client.post(BY_CODE, &order).unwrap();
            assert_eq!(hosts.asked(), [BACKUP]);
            for _ in 0..2 {
                client.get("v3/certificates").unwrap();
                assert_eq!(hosts.asked(), [MAIN, BACKUP]);
            }
            // Again and again.
            client.get("v3/certificates").unwrap();
            assert_eq!(hosts.asked(), [BACKUP]);
        }
    }
}

#[test]
fn what_acts_stays_and_may_have_taken_effect() {
    for (client, hosts, _servers) in before(|| pages(3), || good(1)) {
        for _ in 0..3 {
            let error = client.post(BY_CODE, &json!({"out_trade_no": "1"})).unwrap_err();
            assert_eq!(hosts.asked(), [MAIN]);
            assert!(matches!(error.kind(), ErrorKind::Unverified(_)) && error.is_unverified(), "{error}");
            assert!(error.may_have_taken_effect() && !error.is_retryable(), "{error}");
            assert_eq!((error.next_step(), error.class()), (NextStep::Query, ErrorClass::Transport));
            assert_eq!(error.attempts()[0].outcome(), &AttemptOutcome::Unverified);
            let text = format!("{error:#}");
            assert!(text.contains("web page (HTML)") && text.contains("proxy"), "{text}");
            assert!(!text.contains("pass all Wechatpay-* headers on") && !text.contains("login</"), "{text}");
        }
        // The next one begins elsewhere.
        client.post(BY_CODE, &json!({"out_trade_no": "1"})).unwrap();
        assert_eq!(hosts.asked(), [BACKUP]);
    }
}

/// The platform, or something that sees its responses.
#[test]
fn a_success_that_has_a_signature_or_is_no_page_leads_nowhere_else() {
    let answers: [fn() -> Scripted; 5] = [
        || signed(200, PAGE).with_body(&PAGE.replace("login", "other")),
        || unsigned(200, PAGE).header("Wechatpay-Nonce", "n"),
        || unsigned(200, PAGE).header("Wechatpay-Serial", "PUB_KEY_ID_0119000000012026"),
        // Perhaps only its headers are missing.
        || unsigned(200, r#"{"code_url":"weixin://x"}"#),
        || unsigned(200, r#"{"code_url":"weixin://x"}"#).header("Content-Type", "text/html"),
    ];
    for answer in answers {
        let main = || (0..5).map(|_| answer().into()).collect();
        for (client, hosts, _servers) in before(main, || good(1)) {
            for _ in 0..5 {
                let error = client.post(ORDER, &json!({"out_trade_no": "1"})).unwrap_err();
                assert_eq!((hosts.asked(), error.attempts().len()), (vec![MAIN.to_owned()], 1));
                assert_eq!((error.class(), error.is_retryable()), (ErrorClass::Verification, false));
                assert!(!error.to_string().contains("HTML"), "{error}");
            }
        }
    }
}

#[test]
fn downloads_files_and_fetches_of_certificates_leave_such_a_host_too() {
    let limit = Duration::from_secs(1000);
    for (client, hosts, [_main, backup]) in before(|| pages(3), || vec![bill()]) {
        assert_eq!(client.download(limit).unwrap(), BILL);
        assert_eq!(hosts.asked(), [MAIN, BACKUP]);
        backup.add(vec![certificates()]);
        client.fetch().unwrap();
        assert_eq!(hosts.asked(), [MAIN, BACKUP]);
    }
    // A file without a digest, of APIv3: as a response, and as a download.
    for as_download in [false, true] {
        for (client, hosts, _servers) in before(|| pages(1), || vec![bill()]) {
            let file = client.file("v3/billdownload/file?token=t", as_download);
            assert_eq!(file.unwrap(), BILL);
            assert_eq!(hosts.asked(), [MAIN, BACKUP]);
        }
    }
}

#[test]
fn without_another_host_or_where_both_answer_so_the_call_ends() {
    for (client, hosts, _servers) in before(|| pages(3), || pages(3)) {
        let error = client.get("v3/certificates").unwrap_err();
        assert_eq!((hosts.asked().len(), error.next_step()), (3, NextStep::Repeat), "{error}");
        assert!(error.is_retryable() && error.is_unverified(), "{error}");
    }
    let server = Server::start(pages(2));
    for client in Either::both(|| configured().base_url(&server.base_url()).retries(RetryConfig::default())) {
        let error = client.post(ORDER, &json!({"out_trade_no": "1"})).unwrap_err();
        assert_eq!((server.seen().len(), error.next_step()), (1, NextStep::QueryOrRepeat), "{error}");
    }
}
