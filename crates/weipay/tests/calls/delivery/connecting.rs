//! The time for making a connection. No byte of a request leaves before there is one, so a call of any kind may leave a host that
//! never finishes it.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use weipay::error::{NetworkError, Sent};
use weipay::http::{Request, Response};
use weipay::retry::{AttemptOutcome, RetryContext, RetryPolicy};
use weipay::transport::{
    Body, ConnectTimeout, ConnectionOptions, DefaultTransport, Proxy, ResponseFuture, Transport, blocking,
};
use weipay::wire::ApiV2Key;
use weipay::{ClientBuilder, RetryConfig};

use super::failover::{BACKUP, Hosts, MAIN, Running};
use super::routed::Routed;
use super::{BY_CODE, Noting, ORDER, REFUND};
use crate::apiv2::by_hand::KEY;
use crate::either::Either;
use crate::on_async;
use crate::platform::{configured, signed, unsigned};
use crate::platform_certificates::server::Server as Certificates;
use crate::server::{Server, bind};

/// As of a load balancer whose workers hang: the system accepts connections for it, and nobody speaks TLS.
#[test]
fn payments_and_refunds_leave_a_host_that_never_finishes_tls() {
    thread::scope(|scope| {
        for (path, body) in [
            (BY_CODE, json!({"out_trade_no": "1", "trade_state": "SUCCESS"})),
            (REFUND, json!({"out_refund_no": "R1", "status": "PROCESSING"})),
        ] {
            for nth in 0..2 {
                let body = body.clone();
                scope.spawn(move || {
                    let (silent, _) = bind();
                    let responses = (0..2).map(|_| signed(200, &body.to_string()).into()).collect();
                    let (backup, timer) = (Server::start(responses), Noting::default());
                    let hosts = Hosts::new(silent.local_addr().unwrap(), backup.address);
                    let transport = || hosts.transport().with_tls_to(MAIN);
                    let builder = || {
                        let running = Running(timer.clone(), Instant::now());
                        let builder = hosts.builder(&timer).timer(running).timeout(Duration::from_secs(4));
                        builder.transport(transport()).blocking_transport(transport())
                    };
                    let client = Either::both(builder).into_iter().nth(nth).unwrap();
                    let response = client.post(path, &body).unwrap();
                    assert_eq!(hosts.asked(), [MAIN, BACKUP]);
                    let first = &response.attempts()[0];
                    assert_eq!(first.outcome(), &AttemptOutcome::Network(Sent::No));
                    assert!(!first.may_have_taken_effect());
                    // That counts as a failure of the host.
                    client.post(path, &body).unwrap();
                    assert_eq!(hosts.asked(), [BACKUP]);
                    assert_eq!(backup.seen().len(), 2);
                });
            }
        }
    });
}

/// The first call of a client that has no certificates yet. The fetch has more time than the call that waits for it.
#[test]
fn a_fetch_of_certificates_leaves_such_a_host_while_its_call_has_time() {
    thread::scope(|scope| {
        for is_async in [false, true] {
            scope.spawn(move || {
                let (silent, _) = bind();
                let platform = Certificates::start();
                let hosts = Hosts::new(silent.local_addr().unwrap(), platform.base_url[7..].parse().unwrap());
                let transport = || hosts.transport().with_tls_to(MAIN);
                let builder = platform.builder().base_url("https://api.mch.weixin.qq.com");
                let builder = builder.transport(transport()).blocking_transport(transport());
                let builder = builder.timeout(Duration::from_secs(4));
                if is_async {
                    on_async(async { builder.build().unwrap().chain("v3/a").get().await.map(drop) }).unwrap();
                } else {
                    builder.build_blocking().unwrap().chain("v3/a").get().map(drop).unwrap();
                }
                assert_eq!(hosts.asked(), [MAIN, BACKUP, BACKUP]);
            });
        }
    });
}

/// Notes how long each attempt may connect.
#[derive(Clone)]
struct Noted {
    inner: Arc<Routed>,
    limits: Arc<Mutex<Vec<Option<Duration>>>>,
}

impl Noted {
    fn note<B>(&self, request: &Request<B>) {
        let limit = request.extensions().get().map(|ConnectTimeout(limit)| *limit);
        self.limits.lock().unwrap().push(limit);
    }
}

impl Transport for Noted {
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_> {
        self.note(&request);
        Transport::send(&*self.inner, request, timeout)
    }
}

impl blocking::Transport for Noted {
    fn send(
        &self,
        request: Request<blocking::Body>,
        timeout: Duration,
    ) -> Result<Response<blocking::Body>, NetworkError> {
        self.note(&request);
        blocking::Transport::send(&*self.inner, request, timeout)
    }
}

/// Both clients before this server, and the time for connecting that their attempts are given.
fn noted(server: &Server, set: fn(ClientBuilder) -> ClientBuilder) -> [(Either, Noted); 2] {
    [0, 1].map(|nth| {
        let address = server.address;
        let noted = Noted { inner: Arc::new(Routed::by(move |_| address)), limits: Arc::default() };
        let builder = || {
            let builder = configured().timeout(LIMIT).timer(Noting::default());
            let builder = builder.api_v2_key(ApiV2Key::new(KEY).unwrap());
            set(builder.transport(noted.clone()).blocking_transport(noted.clone()))
        };
        (Either::both(builder).into_iter().nth(nth).unwrap(), noted)
    })
}

const LIMIT: Duration = Duration::from_secs(1000);

struct Never;

impl RetryPolicy for Never {
    fn delay(&self, _: &RetryContext<'_>) -> Option<Duration> {
        None
    }
}

#[test]
fn the_first_of_two_hosts_has_a_share_of_the_time_for_connecting_and_no_other_has() {
    let server = Server::start(Vec::new());
    let is_half = |limit: &Option<Duration>| {
        limit.is_some_and(|limit| limit <= LIMIT / 2 && limit > LIMIT / 2 - Duration::from_secs(60))
    };
    let (payment, order) = (json!({"out_trade_no": "1"}), signed(200, r#"{"code_url":"weixin://x"}"#));
    for (client, noted) in noted(&server, |builder| builder) {
        server.add(vec![unsigned(200, "a,b\r\n").into()]);
        client.download(LIMIT).unwrap();
        let limits = std::mem::take(&mut *noted.limits.lock().unwrap());
        assert!(limits.len() == 1 && is_half(&limits[0]), "{limits:?}");
        // Only the first attempt: the second one is at the last host.
        server.add(vec![unsigned(502, "").into(), order.clone().into()]);
        client.post(ORDER, &payment).unwrap();
        let limits = std::mem::take(&mut *noted.limits.lock().unwrap());
        assert!(limits.len() == 2 && is_half(&limits[0]) && limits[1].is_none(), "{limits:?}");
    }
    let with_policy = noted(&server, |builder| builder.retry_policy(Never));
    let alone: [fn(ClientBuilder) -> ClientBuilder; 4] = [
        |builder| builder.failover(false),
        |builder| builder.retries(RetryConfig::none()),
        |builder| builder.base_url("https://pay.wechatpay.cn"),
        // The second attempt would come too late.
        |builder| builder.retries(RetryConfig::default().base_delay(LIMIT).max_delay(LIMIT)),
    ];
    let alone = alone.into_iter().flat_map(|set| noted(&server, set)).map(|client| (client, false));
    for ((client, noted), has_limit) in with_policy.map(|client| (client, true)).into_iter().chain(alone) {
        server.add(vec![order.clone().into()]);
        client.post(ORDER, &payment).unwrap();
        let limits = noted.limits.lock().unwrap();
        assert!(limits.len() == 1 && is_half(&limits[0]) == has_limit, "{limits:?}");
        assert_eq!(limits[0].is_some(), has_limit);
    }
}

/// A network where connecting takes longer than the share: both hosts would be given up in each call.
#[test]
fn connecting_has_all_of_the_time_while_the_other_host_is_the_one_that_failed() {
    let server = Server::start(Vec::new());
    let (payment, order) = (json!({"out_trade_no": "1"}), signed(200, r#"{"code_url":"weixin://x"}"#));
    for (client, noted) in noted(&server, |builder| builder) {
        let failing = unsigned(502, "");
        server.add(vec![failing.clone().into(), failing.into(), order.clone().into(), order.clone().into()]);
        client.post(ORDER, &payment).unwrap();
        client.post(ORDER, &payment).unwrap();
        let limits = std::mem::take(&mut *noted.limits.lock().unwrap());
        assert!(limits.len() == 4 && limits[0].is_some() && limits[3].is_none(), "{limits:?}");
    }
}

/// A request to the default transport of each client, with so much time for connecting.
fn send(transport: &BothTransports, url: &str, connect: Duration) -> [Result<u16, NetworkError>; 2] {
    fn request<B: From<&'static str>>(url: &str, connect: Duration) -> Request<B> {
        Request::post(url).extension(ConnectTimeout(connect)).body("{}".into()).unwrap()
    }
    let limit = Duration::from_secs(60);
    let (runtime, first, second) = transport;
    let first = runtime.block_on(Transport::send(first, request(url, connect), limit));
    let second = blocking::Transport::send(second, request(url, connect), limit);
    [first.map(|response| response.status().as_u16()), second.map(|response| response.status().as_u16())]
}

type BothTransports = (tokio::runtime::Runtime, DefaultTransport, blocking::DefaultTransport);

fn default_transports(options: &ConnectionOptions) -> BothTransports {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = DefaultTransport::with_options(options.clone()).unwrap();
    (runtime, first, blocking::DefaultTransport::with_options(options.clone()).unwrap())
}

/// TLS that nobody answers, and a proxy that says nothing of the tunnel.
#[test]
fn the_default_transports_connect_within_the_limit_of_the_request() {
    let (_silent, silent) = bind();
    let proxy = ConnectionOptions::default().proxy(Proxy::new(&silent).unwrap());
    for (options, url) in [
        (ConnectionOptions::default(), silent.replace("http://", "https://") + "/v3/a"),
        (proxy.clone(), "http://platform.invalid/v3/a".to_owned()),
        (proxy, "https://platform.invalid/v3/a".to_owned()),
    ] {
        let transports = default_transports(&options);
        for connect in [Duration::ZERO, Duration::from_millis(50)] {
            for outcome in send(&transports, &url, connect) {
                let error = outcome.unwrap_err();
                let text = format!("{error:?}");
                assert!(error.sent == Sent::No && text.contains("not connected within"), "{url}: {text}");
            }
        }
    }
}

/// ureq waits for each piece of the head of a proxy's answer, with the whole time limit each time.
#[test]
fn a_proxy_that_answers_byte_by_byte_has_no_more_time() {
    let (listener, url) = bind();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let slowly = |byte: u8| {
                    thread::sleep(Duration::from_millis(50));
                    stream.write_all(&[byte])
                };
                b"HTTP/1.1 200 Connection established\r\n\r\n".iter().copied().try_for_each(slowly)
            });
        }
    });
    let options = ConnectionOptions::default().proxy(Proxy::new(&url).unwrap());
    let transports = default_transports(&options);
    for outcome in send(&transports, "http://platform.invalid/v3/a", Duration::from_millis(500)) {
        let error = outcome.unwrap_err();
        let text = format!("{error:?}");
        assert!(error.sent == Sent::No && text.contains("not connected within"), "{text}");
    }
}

#[test]
fn a_connection_that_is_open_needs_no_time_for_connecting() {
    let transports = default_transports(&ConnectionOptions::default());
    for _ in 0..2 {
        let server = Server::start((0..4).map(|_| unsigned(404, "{}").into()).collect());
        // The check of signatures is not of this test.
        let url = format!("{}/other", server.base_url());
        for connect in [Duration::from_secs(60), Duration::ZERO] {
            for outcome in send(&transports, &url, connect) {
                assert_eq!(outcome.unwrap(), 404);
            }
        }
    }
}
