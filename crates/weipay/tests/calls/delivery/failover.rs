use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::json;
use weipay::error::{NetworkError, Sent};
use weipay::http::{Request, Response};
use weipay::retry::{Sleep, Timer};
use weipay::transport::{Body, ResponseFuture, Transport, blocking};
use weipay::wire::{ApiV2Key, ApiV3Key};
use weipay::{ClientBuilder, RetryConfig};

use super::routed::{Routed, refusing};
use super::{BY_CODE, Noting, ORDER};
use crate::apiv2::by_hand::KEY;
use crate::either::Either;
use crate::on_async;
use crate::platform::{configured, signed, unsigned};
use crate::platform_certificates::server::{API_V3_KEY, OLD, Server as Certificates};
use crate::server::{Server, Step};

pub(super) const MAIN: &str = "api.mch.weixin.qq.com";
pub(super) const BACKUP: &str = "api2.mch.weixin.qq.com";

/// The two hosts at addresses of the tests, and which of them were asked for.
#[derive(Clone)]
pub(super) struct Hosts {
    main: Arc<Mutex<SocketAddr>>,
    backup: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Hosts {
    pub(super) fn new(main: SocketAddr, backup: SocketAddr) -> Self {
        Self { main: Arc::new(Mutex::new(main)), backup, asked: Arc::default() }
    }

    pub(super) fn transport(&self) -> Routed {
        let hosts = self.clone();
        Routed::by(move |host| {
            hosts.asked.lock().unwrap().push(host.to_owned());
            if host.starts_with("api2.") { hosts.backup } else { *hosts.main.lock().unwrap() }
        })
    }

    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    pub(super) fn builder(&self, timer: &Noting) -> ClientBuilder {
        configured().timer(timer.clone()).transport(self.transport()).blocking_transport(self.transport())
    }
}

pub(super) fn good(times: usize) -> Vec<Step> {
    // Of an order, of a payment by code, and a list of certificates at once.
    let body = r#"{"out_trade_no":"1","trade_state":"SUCCESS","code_url":"weixin://x","data":[]}"#;
    (0..times).map(|_| signed(200, body).into()).collect()
}

#[test]
fn calls_go_to_the_backup_while_the_main_host_is_down() {
    for nth in 0..2 {
        let (backup, timer) = (Server::start(good(20)), Noting::default());
        let (_kept, nobody) = refusing();
        let hosts = Hosts::new(nobody, backup.address);
        let client = Either::both(|| hosts.builder(&timer)).into_iter().nth(nth).unwrap();
        // Nothing was sent, so this is for every operation.
        let response = client.post(BY_CODE, &json!({"out_trade_no": "1"})).unwrap();
        assert_eq!(hosts.asked(), [MAIN, BACKUP]);
        assert_eq!(response.attempts()[1].backup_host(), Some("https://api2.mch.weixin.qq.com"));
        // What would be lost at a host that stays silent goes where the last response came from. Reads ask both.
        client.post(BY_CODE, &json!({"out_trade_no": "1"})).unwrap();
        assert_eq!(hosts.asked(), [BACKUP]);
        for _ in 0..2 {
            client.get("v3/certificates").unwrap();
            assert_eq!(hosts.asked(), [MAIN, BACKUP]);
        }
        // The main host is left alone, until one call tries it.
        for _ in 0..3 {
            let response = client.post(BY_CODE, &json!({"out_trade_no": "1"})).unwrap();
            assert_eq!((hosts.asked(), response.attempts().len()), (vec![BACKUP.to_owned()], 1));
        }
        timer.advance(Duration::from_secs(30));
        client.get("v3/certificates").unwrap();
        assert_eq!(hosts.asked(), [MAIN, BACKUP]);
        let main = Server::start(good(2));
        *hosts.main.lock().unwrap() = main.address;
        timer.advance(Duration::from_secs(31));
        for _ in 0..2 {
            client.get("v3/certificates").unwrap();
            assert_eq!(hosts.asked(), [MAIN]);
        }
    }
}

#[test]
fn the_other_main_host_has_a_backup_of_its_own() {
    for nth in 0..2 {
        let (backup, timer) = (Server::start(good(1)), Noting::default());
        let (_kept, nobody) = refusing();
        let hosts = Hosts::new(nobody, backup.address);
        let builder = || hosts.builder(&timer).base_url("https://api.wechatpay.cn");
        let client = Either::both(builder).into_iter().nth(nth).unwrap();
        let response = client.post(BY_CODE, &json!({"out_trade_no": "1"})).unwrap();
        assert_eq!(hosts.asked(), ["api.wechatpay.cn", "api2.wechatpay.cn"]);
        assert_eq!(response.attempts()[1].backup_host(), Some("https://api2.wechatpay.cn"));
    }
}

#[test]
fn a_gateway_error_of_the_main_host_leads_only_safe_calls_to_the_backup() {
    for nth in 0..2 {
        let main = Server::start(vec![unsigned(502, "").into(), unsigned(502, "").into()]);
        let (backup, timer) = (Server::start(good(2)), Noting::default());
        let hosts = Hosts::new(main.address, backup.address);
        let client = Either::both(|| hosts.builder(&timer)).into_iter().nth(nth).unwrap();
        let error = client.post(BY_CODE, &json!({"out_trade_no": "1"})).unwrap_err();
        assert!(error.may_have_taken_effect());
        assert_eq!(hosts.asked(), [MAIN]);
        client.post(ORDER, &json!({"out_trade_no": "1"})).unwrap();
        assert_eq!(hosts.asked(), [MAIN, BACKUP]);
    }
}

/// Calls, downloads and fetches of certificates alike.
#[test]
fn whatever_is_sent_goes_to_the_other_host_without_a_budget() {
    for nth in 0..2 {
        let (server, timer) = (Server::start(busy(21)), Noting::default());
        let hosts = Hosts::new(server.address, server.address);
        let builder = || with_keys(hosts.builder(&timer)).retries(without_waits());
        let client = Either::both(builder).into_iter().nth(nth).unwrap();
        assert_eq!(client.get("v3/certificates").unwrap_err().attempts().len(), 21);
        hosts.asked();
        let (_kept, nobody) = refusing();
        *hosts.main.lock().unwrap() = nobody;
        server.add(good(1));
        client.post(ORDER, &json!({"out_trade_no": "1"})).unwrap();
        assert_eq!(hosts.asked(), [MAIN, BACKUP]);
        server.add(vec![certificates()]);
        client.fetch().unwrap();
        assert_eq!(hosts.asked(), [MAIN, BACKUP]);
        server.add(vec![bill()]);
        assert_eq!(client.download(LIMIT).unwrap(), BILL);
        // A file is given all of its time by the first host, so it does not begin with one that failed.
        assert_eq!(hosts.asked(), [BACKUP]);
    }
}

/// A bill of APIv2 is the response itself.
#[test]
fn a_download_that_is_a_call_goes_to_the_backup_too() {
    for nth in 0..2 {
        let (backup, timer) =
            (Server::start(vec![unsigned(502, "").into(), bill(), bill()]), Noting::default());
        let (_kept, nobody) = refusing();
        let hosts = Hosts::new(nobody, backup.address);
        let client = Either::both(|| with_keys(hosts.builder(&timer))).into_iter().nth(nth).unwrap();
        assert_eq!(client.download(LIMIT).unwrap_err().attempts().len(), 3);
        assert_eq!(hosts.asked(), [MAIN, BACKUP, MAIN]);
        assert_eq!(client.download(LIMIT).unwrap(), BILL);
        assert_eq!(hosts.asked(), [MAIN, BACKUP]);
        assert_eq!(client.download(LIMIT).unwrap(), BILL);
        assert_eq!(hosts.asked(), [BACKUP]);
    }
}

pub(super) const BILL: &str = "a,b\r\n";

pub(super) fn bill() -> Step {
    unsigned(200, BILL).into()
}

/// A list of certificates that is taken.
pub(super) fn certificates() -> Step {
    signed(200, &json!({"data": [OLD.entry(API_V3_KEY)]}).to_string()).into()
}

/// With what a download by APIv2 and a fetch of certificates need.
pub(super) fn with_keys(builder: ClientBuilder) -> ClientBuilder {
    builder.api_v2_key(ApiV2Key::new(KEY).unwrap()).api_v3_key(ApiV3Key::new(API_V3_KEY).unwrap())
}

/// Hosts that take every request and stay silent until the time of the attempt is over: the main one, until it is told
/// otherwise. The others respond.
#[derive(Clone)]
struct SilentMain {
    routed: Arc<Routed>,
    given: Arc<Mutex<Vec<(String, Duration)>>>,
    silent: Arc<Mutex<&'static [&'static str]>>,
}

impl SilentMain {
    fn before(backup: SocketAddr) -> Self {
        let silent = Arc::new(Mutex::new(&[MAIN][..]));
        Self { routed: Arc::new(Routed::by(move |_| backup)), given: Arc::default(), silent }
    }

    fn silence_only(&self, hosts: &'static [&'static str]) {
        *self.silent.lock().unwrap() = hosts;
    }

    /// Where attempts went since this was asked for the last time, and how long each might have taken.
    fn given(&self) -> Vec<(String, Duration)> {
        std::mem::take(&mut *self.given.lock().unwrap())
    }

    fn asked(&self) -> Vec<String> {
        self.given().into_iter().map(|(host, _)| host).collect()
    }

    /// The error of the attempt, if it went to a silent host.
    fn silence(&self, host: &str, limit: Duration) -> Result<(), NetworkError> {
        self.given.lock().unwrap().push((host.to_owned(), limit));
        match self.silent.lock().unwrap().contains(&host) {
            true => Err(NetworkError { sent: Sent::Perhaps, source: "nothing came".into() }),
            false => Ok(()),
        }
    }
}

impl Transport for SilentMain {
    fn send(&self, request: Request<Body>, limit: Duration) -> ResponseFuture<'_> {
        match self.silence(request.uri().host().unwrap(), limit) {
            Ok(()) => Transport::send(&*self.routed, request, limit),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

impl blocking::Transport for SilentMain {
    fn send(
        &self,
        request: Request<blocking::Body>,
        limit: Duration,
    ) -> Result<Response<blocking::Body>, NetworkError> {
        self.silence(request.uri().host().unwrap(), limit)?;
        blocking::Transport::send(&*self.routed, request, limit)
    }
}

#[test]
fn a_main_host_that_stays_silent_is_left_within_the_time_limit() {
    const HALF: Duration = Duration::from_secs(500);
    for nth in 0..2 {
        let (backup, timer) = (Server::start(good(20)), Noting::default());
        let transport = SilentMain::before(backup.address);
        let builder = || {
            let builder = configured().timer(timer.clone()).timeout(2 * HALF);
            builder.transport(transport.clone()).blocking_transport(transport.clone())
        };
        let client = Either::both(builder).into_iter().nth(nth).unwrap();
        let (given, hosts) = (|| transport.given(), || transport.asked());
        // What must not arrive twice has all of its time there.
        client.post(BY_CODE, &json!({"out_trade_no": "1"})).unwrap_err();
        let only = given();
        assert!(only.len() == 1 && only[0].0 == MAIN && only[0].1 > HALF);
        for _ in 0..2 {
            client.post(ORDER, &json!({"out_trade_no": "1"})).unwrap();
            let both = given();
            assert_eq!(both.iter().map(|(host, _)| host.as_str()).collect::<Vec<_>>(), [MAIN, BACKUP]);
            assert!(both[0].1 <= HALF && both[1].1 > HALF, "{both:?}");
        }
        // Whether the main host is back is not tried by a payment that it might keep waiting.
        timer.advance(Duration::from_secs(31));
        client.post(BY_CODE, &json!({"out_trade_no": "1"})).unwrap();
        assert_eq!(hosts(), [BACKUP]);
        client.post(ORDER, &json!({"out_trade_no": "1"})).unwrap();
        assert_eq!(hosts(), [MAIN, BACKUP]);
    }
}

/// Both clients over hosts of which the main one is silent, with this server behind the others, and so much time.
fn beside_silence(
    server: &Server,
    timer: &Noting,
    limit: Duration,
    retries: RetryConfig,
) -> [(Either, SilentMain); 2] {
    [0, 1].map(|nth| {
        let transport = SilentMain::before(server.address);
        let builder = || {
            let builder = configured().timer(timer.clone()).timeout(limit).retries(retries);
            builder.transport(transport.clone()).blocking_transport(transport.clone())
        };
        (Either::both(builder).into_iter().nth(nth).unwrap(), transport)
    })
}

const LIMIT: Duration = Duration::from_secs(1000);

/// At once, and as often as there is a budget.
fn without_waits() -> RetryConfig {
    RetryConfig::default().max_attempts(50).base_delay(Duration::ZERO)
}

fn busy(times: usize) -> Vec<Step> {
    (0..times).map(|_| unsigned(500, "").into()).collect()
}

#[test]
fn a_first_attempt_has_all_of_the_time_if_no_second_one_can_follow() {
    let order = json!({"out_trade_no": "1"});
    let has_all = |transport: &SilentMain| {
        let given = transport.given();
        assert!(given.len() == 1 && given[0].0 == MAIN && given[0].1 > LIMIT / 2, "{given:?}");
    };
    let (server, timer) = (Server::start(Vec::new()), Noting::default());
    // No second one is wanted.
    for (client, transport) in beside_silence(&server, &timer, LIMIT, RetryConfig::default().max_attempts(1))
    {
        client.post(ORDER, &order).unwrap_err();
        has_all(&transport);
    }
    // The wait before the second attempt may end after the time.
    let long = RetryConfig::default().base_delay(LIMIT).max_delay(LIMIT * 3 / 5);
    for (client, transport) in beside_silence(&server, &timer, LIMIT, long) {
        server.add(good(1));
        client.post(ORDER, &order).ok();
        let (host, limit) = transport.given().remove(0);
        assert!(host == MAIN && limit > LIMIT / 2, "{limit:?}");
    }
    // The backup host fails too.
    let twice = without_waits().max_attempts(2);
    for (client, transport) in beside_silence(&server, &timer, LIMIT, twice) {
        for _ in 0..3 {
            transport.silence_only(&[MAIN, BACKUP]);
            client.post(ORDER, &order).unwrap_err();
            assert_eq!(transport.asked(), [MAIN, BACKUP]);
            transport.silence_only(&[]);
            server.add(good(1));
            client.post(ORDER, &order).unwrap();
            assert_eq!(transport.asked(), [MAIN]);
        }
        transport.silence_only(&[MAIN, BACKUP]);
        client.post(ORDER, &order).unwrap_err();
        let given = transport.given();
        assert!(given[0].0 == MAIN && given[0].1 > LIMIT / 2, "{given:?}");
    }
}

/// A timer that runs, and can be advanced too.
#[derive(Clone)]
pub(super) struct Running(pub(super) Noting, pub(super) Instant);

impl Timer for Running {
    fn now(&self) -> Duration {
        self.0.now() + self.1.elapsed()
    }

    fn sleep(&self, wait: Duration) -> Sleep<'_> {
        self.0.sleep(wait)
    }

    fn sleep_blocking(&self, wait: Duration) {
        self.0.sleep_blocking(wait);
    }
}

/// By real sockets: hosts that take the request and stay silent. How long that takes is not asserted, but that the other host has
/// its time, and that a call ends.
#[test]
fn a_silent_host_of_either_kind_leaves_time_to_the_other() {
    let limit = Duration::from_secs(1);
    for nth in 0..2 {
        let timer = Noting::default();
        let (_kept, nobody) = refusing();
        let silent = Server::start((0..9).map(|_| Step::silence()).collect());
        let backup = Server::start(good(3));
        let hosts = Hosts::new(nobody, backup.address);
        let running = Running(timer.clone(), Instant::now());
        let builder = || hosts.builder(&timer).timer(running.clone()).timeout(limit);
        let client = Either::both(builder).into_iter().nth(nth).unwrap();
        for _ in 0..3 {
            client.get("v3/certificates").unwrap();
        }
        hosts.asked();
        // The main host is tried, and takes the request without a word.
        *hosts.main.lock().unwrap() = silent.address;
        timer.advance(Duration::from_secs(31));
        backup.add(good(1));
        client.get("v3/certificates").unwrap();
        assert_eq!(hosts.asked(), [MAIN, BACKUP]);
        // The main one failed, and the backup host falls silent: it was the only one that worked, and has all of the time.
        backup.add(vec![Step::silence()]);
        let error = client.get("v3/certificates").unwrap_err();
        assert_eq!((hosts.asked(), error.is_network()), (vec![BACKUP.to_owned()], true), "{error}");
        // Now neither is known to work, and a call tries both.
        backup.add(good(1));
        client.get("v3/certificates").unwrap();
        assert_eq!(hosts.asked(), [MAIN, BACKUP]);
    }
}

/// A gateway that is closed for a while says nothing of the other one.
#[test]
fn what_one_host_asks_to_wait_is_not_held_against_the_other() {
    let closed = |seconds: &str| -> Step { unsigned(503, "").header("Retry-After", seconds).into() };
    let order = json!({"out_trade_no": "1"});
    for nth in 0..2 {
        let each = |main: Vec<Step>, backup: Vec<Step>, limit: u64| {
            let (main, backup, timer) = (Server::start(main), Server::start(backup), Noting::default());
            let hosts = Hosts::new(main.address, backup.address);
            let builder = || hosts.builder(&timer).timeout(Duration::from_secs(limit));
            let client = Either::both(builder).into_iter().nth(nth).unwrap();
            (client.post(ORDER, &order), hosts.asked(), timer.waits())
        };
        let short = |wait: &Duration| *wait <= Duration::from_millis(500);
        let (outcome, asked, waits) = each(vec![closed("600")], good(1), 30);
        assert!(outcome.is_ok() && asked == [MAIN, BACKUP] && waits.iter().all(short), "{asked:?} {waits:?}");
        // The other one is asked again, and not the one that asked to wait.
        let busy = unsigned(500, "").into();
        let (outcome, asked, waits) =
            each(vec![closed("600")], [busy].into_iter().chain(good(1)).collect(), 30);
        assert!(outcome.is_ok() && asked == [MAIN, BACKUP, BACKUP], "{asked:?}");
        assert!(waits.iter().all(short), "{waits:?}");
        // Both are closed: it goes back to the first when its time has come, if that is within the limit.
        let main = || [closed("600")].into_iter().chain(good(1)).collect();
        let (outcome, asked, waits) = each(main(), vec![closed("5")], 1000);
        assert!(outcome.is_ok() && asked == [MAIN, BACKUP, MAIN], "{asked:?}");
        assert!(short(&waits[0]) && waits[1] >= Duration::from_secs(599), "{waits:?}");
        let (outcome, asked, _) = each(main(), vec![closed("5")], 30);
        assert!(outcome.is_err() && asked == [MAIN, BACKUP], "{asked:?}");
        // What is not of a host holds for both.
        let busy = || unsigned(429, "").header("Retry-After", "600").into();
        let (outcome, asked, _) = each(vec![busy()], good(1), 30);
        assert!(outcome.is_err() && asked == [MAIN], "{asked:?}");
    }
}

/// Not even for certificates is a host asked before its time.
#[test]
fn a_fetch_of_certificates_keeps_what_each_host_asks_to_wait() {
    for (seconds, expected) in [(3, &[MAIN, BACKUP, MAIN][..]), (600, &[MAIN, BACKUP])] {
        for nth in 0..2 {
            let closed = || unsigned(503, "").header("Retry-After", &seconds.to_string()).into();
            let (main, backup) = (vec![closed(), certificates()], vec![unsigned(503, "").into()]);
            let (main, backup, timer) = (Server::start(main), Server::start(backup), Noting::default());
            let hosts = Hosts::new(main.address, backup.address);
            let client = Either::both(|| with_keys(hosts.builder(&timer))).into_iter().nth(nth).unwrap();
            assert_eq!(client.fetch().is_ok(), expected.len() == 3);
            assert_eq!(hosts.asked(), expected);
            let waited: Duration = timer.waits().iter().sum();
            assert_eq!(waited >= Duration::from_secs(3), expected.len() == 3, "{waited:?}");
        }
    }
}

/// Six seconds are enough for both.
#[test]
fn a_short_limit_leaves_the_other_host_enough_and_is_never_exceeded() {
    let (server, timer) = (Server::start(good(20)), Noting::default());
    for (seconds, most) in [(6, 4), (8, 5), (10, 5), (20, 10)] {
        let (limit, most) = (Duration::from_secs(seconds), Duration::from_secs(most));
        for (client, transport) in beside_silence(&server, &timer, limit, without_waits()) {
            client.post(ORDER, &json!({"out_trade_no": "1"})).unwrap();
            let given = transport.given();
            assert!(given[0].0 == MAIN && given[0].1 <= most && given[0].1 > most / 2, "{given:?}");
            // The timer of this test stands still while a host is silent.
            assert!(given[1].0 == BACKUP && given[1].1 <= limit, "{given:?}");
        }
    }
    // With less, the main host has all.
    for (client, transport) in beside_silence(&server, &timer, Duration::from_secs(3), without_waits()) {
        client.post(ORDER, &json!({"out_trade_no": "1"})).ok();
        let given = transport.given();
        assert!(given[0].0 == MAIN && given[0].1 > Duration::from_secs(2), "{given:?}");
    }
}

/// However many calls are in flight when the main host falls silent, the backup host gets each of them for the first time.
#[test]
fn the_budget_keeps_no_call_from_the_other_host() {
    let (server, timer) = (Server::start(Vec::new()), Noting::default());
    for (client, transport) in beside_silence(&server, &timer, LIMIT, without_waits()) {
        server.add(busy(21));
        transport.silence_only(&[]);
        assert_eq!(client.get("v3/certificates").unwrap_err().attempts().len(), 21);
        transport.given();
        transport.silence_only(&[MAIN]);
        server.add(good(2));
        for _ in 0..2 {
            client.post(ORDER, &json!({"out_trade_no": "1"})).unwrap();
            let given = transport.given();
            assert!(given[0].0 == MAIN && given[0].1 <= LIMIT / 2 && given[1].0 == BACKUP, "{given:?}");
        }
        // Where the other host fails as well, an outage is not made worse.
        transport.silence_only(&[MAIN, BACKUP]);
        for _ in 0..5 {
            client.post(ORDER, &json!({"out_trade_no": "1"})).unwrap_err();
        }
        transport.given();
        client.post(ORDER, &json!({"out_trade_no": "1"})).unwrap_err();
        assert_eq!(transport.given().len(), 1);
    }
}

/// A call that has little time gets the certificates from the backup host all the same.
#[test]
fn a_fetch_of_certificates_leaves_half_of_its_time_to_the_backup_host() {
    let limit = Duration::from_secs(8);
    for is_async in [false, true] {
        let platform = Certificates::start();
        let transport = SilentMain::before(platform.base_url[7..].parse().unwrap());
        let builder = platform.builder().base_url("https://api.mch.weixin.qq.com").timeout(limit);
        let builder = builder.transport(transport.clone()).blocking_transport(transport.clone());
        if is_async {
            let client = builder.build().unwrap();
            on_async(client.fetch_platform_certificates()).unwrap();
        } else {
            builder.build_blocking().unwrap().fetch_platform_certificates().unwrap();
        }
        let given = transport.given();
        assert!(given[0].0 == MAIN && given[1].0 == BACKUP, "{given:?}");
        // The fetch of an async client may go on for ten seconds.
        assert!(given[0].1 <= Duration::from_secs(5) && given[1].1 > Duration::from_secs(5), "{given:?}");
    }
}

/// The fetch may continue for ten seconds, and half of that is more than the call has.
#[test]
fn a_fetch_of_certificates_leaves_half_of_the_time_of_its_call_to_the_backup_host() {
    for is_async in [false, true] {
        let platform = Certificates::start();
        let transport = SilentMain::before(platform.base_url[7..].parse().unwrap());
        let builder = platform.builder().base_url("https://api.mch.weixin.qq.com");
        let builder = builder.transport(transport.clone()).blocking_transport(transport.clone());
        let builder = builder.timeout(Duration::from_secs(4));
        if is_async {
            on_async(async { builder.build().unwrap().chain("v3/a").get().await.map(drop) }).unwrap();
        } else {
            builder.build_blocking().unwrap().chain("v3/a").get().map(drop).unwrap();
        }
        let given = transport.given();
        assert!(given[0].0 == MAIN && given[1].0 == BACKUP, "{given:?}");
        assert!(given[0].1 <= Duration::from_secs(2) && given[1].1 > Duration::from_secs(5), "{given:?}");
    }
}

/// A till has few seconds, and one call of it tries whether the main host is back.
#[test]
fn a_short_call_that_tries_the_main_host_keeps_half_of_its_time() {
    let (server, timer) = (Server::start(good(20)), Noting::default());
    for (client, transport) in beside_silence(&server, &timer, Duration::from_secs(4), without_waits()) {
        for _ in 0..3 {
            client.get("v3/certificates").ok();
        }
        timer.advance(Duration::from_secs(31));
        transport.given();
        client.get("v3/certificates").unwrap();
        let given = transport.given();
        assert!(
            given[0].0 == MAIN && given[0].1 <= Duration::from_secs(2) && given[1].0 == BACKUP,
            "{given:?}"
        );
    }
}

#[test]
fn a_call_that_may_not_be_repeated_takes_no_turn_to_try_the_main_host() {
    let (server, timer) = (Server::start(Vec::new()), Noting::default());
    for (client, transport) in beside_silence(&server, &timer, LIMIT, without_waits()) {
        // The budget is used up, and the main host is left.
        server.add(busy(21));
        transport.silence_only(&[]);
        client.get("v3/certificates").unwrap_err();
        transport.silence_only(&[MAIN]);
        server.add(good(3));
        for _ in 0..3 {
            client.get("v3/certificates").unwrap();
        }
        transport.given();
        // By the time of a second attempt it might be tried, but there is none.
        server.add(vec![unsigned(500, "").header("Retry-After", "31").into()]);
        client.get("v3/certificates").unwrap_err();
        assert_eq!(transport.asked(), [BACKUP]);
        timer.advance(Duration::from_secs(31));
        server.add(good(1));
        transport.silence_only(&[]);
        client.get("v3/certificates").unwrap();
        assert_eq!(transport.asked(), [MAIN]);
    }
}

#[test]
fn however_many_calls_find_the_main_host_closed_the_backup_has_them_all() {
    const CALLS: usize = 50;
    let (_kept, nobody) = refusing();
    let order = || json!({"out_trade_no": "1"});
    let backup = Server::start(good(CALLS));
    let client = Hosts::new(nobody, backup.address).builder(&Noting::default()).build_blocking().unwrap();
    let begin = std::sync::Barrier::new(CALLS);
    std::thread::scope(|scope| {
        for _ in 0..CALLS {
            scope.spawn(|| {
                begin.wait();
                client.chain(BY_CODE).post(order()).unwrap();
            });
        }
    });
    let backup = Server::start(good(CALLS));
    let client = Hosts::new(nobody, backup.address).builder(&Noting::default()).build().unwrap();
    on_async(async {
        let calls: Vec<_> = (0..CALLS).map(|_| tokio::spawn(client.chain(BY_CODE).post(order()))).collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
    });
}

/// Whatever looks at the causes of an error may take its time, or make a call itself.
#[test]
fn an_error_of_a_transport_may_use_the_client() {
    let (backup, timer) = (Server::start(good(4)), Noting::default());
    let (_kept, nobody) = refusing();
    let hosts = Hosts::new(nobody, backup.address);
    let builder = || {
        let failing =
            Asking { hosts: hosts.transport(), client: Arc::default(), asked: AtomicBool::new(false) };
        let client = Arc::clone(&failing.client);
        let built = hosts.builder(&timer).blocking_transport(failing).build_blocking().unwrap();
        client.get_or_init(|| built.clone());
        built
    };
    let (tell, ended) = std::sync::mpsc::channel();
    let client = builder();
    std::thread::spawn(move || tell.send(client.chain("v3/certificates").get().is_ok()));
    assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Ok(true));
}

/// Fails the first time, with an error that makes a call when its cause is asked for.
struct Asking {
    hosts: Routed,
    client: Arc<OnceLock<weipay::blocking::Client>>,
    asked: AtomicBool,
}

#[derive(Debug)]
struct AskingError(Arc<OnceLock<weipay::blocking::Client>>);

impl std::fmt::Display for AskingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("lost")
    }
}

impl std::error::Error for AskingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.get().unwrap().chain("v3/certificates").get().unwrap();
        None
    }
}

impl blocking::Transport for Asking {
    fn send(
        &self,
        request: Request<blocking::Body>,
        limit: Duration,
    ) -> Result<Response<blocking::Body>, NetworkError> {
        if !self.asked.swap(true, Ordering::Relaxed) {
            let source = AskingError(Arc::clone(&self.client)).into();
            return Err(NetworkError { sent: Sent::No, source });
        }
        blocking::Transport::send(&self.hosts, request, limit)
    }
}

/// The main host is back, nobody has tried it yet, and the backup host fails: every call goes back, however many there are.
#[test]
fn when_the_backup_host_fails_all_calls_go_back_to_a_main_host_that_failed_some_seconds_ago() {
    const CALLS: usize = 50;
    let order = || json!({"out_trade_no": "1"});
    for nth in 0..2 {
        let (timer, backup) = (Noting::default(), Server::start(good(3)));
        let (_kept, nobody) = refusing();
        let hosts = Hosts::new(nobody, backup.address);
        let client = Either::both(|| hosts.builder(&timer)).into_iter().nth(nth).unwrap();
        for _ in 0..3 {
            client.get("v3/certificates").unwrap();
        }
        timer.advance(Duration::from_secs(5));
        let main = Server::start(good(CALLS));
        *hosts.main.lock().unwrap() = main.address;
        hosts.asked();
        match client {
            Either::Blocking(client) => {
                let begin = std::sync::Barrier::new(CALLS);
                std::thread::scope(|scope| {
                    for _ in 0..CALLS {
                        scope.spawn(|| {
                            begin.wait();
                            client.chain(ORDER).post(order()).unwrap();
                        });
                    }
                });
            }
            Either::Async(runtime, client) => runtime.block_on(async {
                let calls: Vec<_> =
                    (0..CALLS).map(|_| tokio::spawn(client.chain(ORDER).post(order()))).collect();
                for call in calls {
                    call.await.unwrap().unwrap();
                }
            }),
        }
        // The server behind the backup host closes connections without a word.
        assert!(hosts.asked().contains(&BACKUP.to_owned()));
    }
}

/// A shop that only takes payments finds the host that works, whichever it is.
#[test]
fn payments_alone_find_the_one_host_that_is_back() {
    let payment = json!({"out_trade_no": "1"});
    for works in [MAIN, BACKUP] {
        let timer = Noting::default();
        let server = Server::start(Vec::new());
        for (client, transport) in beside_silence(&server, &timer, LIMIT, without_waits()) {
            transport.silence_only(&[MAIN, BACKUP]);
            for _ in 0..3 {
                client.get("v3/certificates").unwrap_err();
            }
            transport.silence_only(if works == MAIN { &[BACKUP] } else { &[MAIN] });
            transport.given();
            server.add(good(4));
            timer.advance(Duration::from_secs(1));
            let first = client.post(BY_CODE, &payment).is_ok();
            // The second one is tried where nobody was for longer.
            assert!(client.post(BY_CODE, &payment).is_ok() || first);
            for _ in 0..2 {
                client.post(BY_CODE, &payment).unwrap();
                assert_eq!(transport.asked().pop().as_deref(), Some(works));
            }
            server.clear();
        }
    }
}

#[test]
fn the_platform_being_busy_is_no_reason_to_change_the_host() {
    let main = Server::start(vec![
        unsigned(429, "").into(),
        unsigned(500, "").into(),
        signed(200, r#"{"code_url":"weixin://x"}"#).into(),
    ]);
    let (_kept, nobody) = refusing();
    let hosts = Hosts::new(main.address, nobody);
    let client = hosts.builder(&Noting::default()).build_blocking().unwrap();
    client.chain(ORDER).post(json!({"out_trade_no": "1"})).unwrap();
    assert_eq!(hosts.asked(), [MAIN; 3]);
}

#[test]
fn failover_is_off_when_it_or_all_retries_are_off_and_for_other_hosts() {
    let (_kept, nobody) = refusing();
    let backup = Server::start(good(1));
    let hosts = Hosts::new(nobody, backup.address);
    let timer = Noting::default();
    let switches: [fn(ClientBuilder) -> ClientBuilder; 5] = [
        |builder| builder.failover(false),
        |builder| builder.retries(RetryConfig::none()),
        |builder| builder.base_url("https://apihk.mch.weixin.qq.com"),
        |builder| builder.base_url("https://api.mch.weixin.qq.com/hk"),
        |builder| builder.base_url("https://pay.wechatpay.cn"),
    ];
    for switch in switches {
        for client in Either::both(|| switch(hosts.builder(&timer))) {
            for _ in 0..5 {
                client.get("v3/certificates").unwrap_err();
            }
        }
    }
    let client = hosts.builder(&timer).build_blocking().unwrap();
    // An operation that is on another host, and a call that names one.
    client.chain("v3/global/transactions/jsapi").post(json!({})).unwrap_err();
    client.chain("v3/certificates").base_url("https://api3.mch.weixin.qq.com").get().unwrap_err();
    assert!(hosts.asked().iter().all(|host| !host.starts_with("api2.")));
    assert_eq!(backup.seen().len(), 0);
}
