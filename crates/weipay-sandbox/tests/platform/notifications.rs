//! Notifications over real sockets: a receiver written out by hand, whose messages are verified and opened as a merchant does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver as Queue, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use weipay_sandbox::kit::KitOnDisk;
use weipay_sandbox::{Clock, ClockControl, Sandbox};
use weipay_wire::{
    ApiV3Key, Certificate, Envelope, PlatformKeys, PublicKey, SignatureHeaders, verify_response,
};

use crate::NOW;
use crate::merchant::{FAMILY, Merchant};

/// A merchant's server. It responds to each notification with the next of its statuses, and then with 200; 0 hangs up.
pub(crate) struct Receiver {
    pub(crate) url: String,
    arrived: Queue<Notification>,
    statuses: Sender<u16>,
}

/// A notification as it arrived.
pub(crate) struct Notification {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Receiver {
    pub(crate) fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/notify", listener.local_addr().unwrap());
        let ((arrive, arrived), (add, next)) = (channel(), channel());
        statuses.iter().for_each(|status| add.send(*status).unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let Some(notification) = Notification::read(&mut stream) else { continue };
                let status = next.try_recv().unwrap_or(200);
                let response =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                if status != 0 {
                    stream.get_mut().write_all(response.as_bytes()).unwrap();
                }
                if arrive.send(notification).is_err() {
                    return;
                }
            }
        });
        Self { url, arrived, statuses: add }
    }

    pub(crate) fn next(&self) -> Notification {
        self.arrived.recv_timeout(Duration::from_secs(60)).expect("a notification")
    }
}

impl Notification {
    pub(crate) fn read(stream: &mut BufReader<impl Read>) -> Option<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok()?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        assert_eq!(lines.first()?, "POST /notify HTTP/1.1");
        let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut notification = Self { headers, body: Vec::new() };
        notification.body = vec![0; notification.header("Content-Length").parse().ok()?];
        stream.read_exact(&mut notification.body).ok()?;
        Some(notification)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Verifies the signature at a time, and opens the resource.
    #[track_caller]
    pub(crate) fn open(&self, sandbox: &Sandbox, now: i64) -> Value {
        self.open_by(sandbox.kit_on_disk(), now)
    }

    /// The same, of another merchant.
    #[track_caller]
    pub(crate) fn open_of(&self, sandbox: &Sandbox, mchid: &str, now: i64) -> Value {
        self.open_by(&sandbox.platform().kit_of(mchid).unwrap(), now)
    }

    #[track_caller]
    fn open_by(&self, kit: &KitOnDisk, now: i64) -> Value {
        let mut keys = PlatformKeys::new();
        if kit.kit().platform_cert.is_some() {
            keys.insert_certificate(&Certificate::from_pem(&kit.platform_cert_pem().unwrap()).unwrap());
        }
        let public_key = PublicKey::from_pem(&kit.public_key_pem().unwrap()).unwrap();
        keys.insert_public_key(kit.kit().public_key_id.as_deref().unwrap().parse().unwrap(), public_key);
        let headers = SignatureHeaders {
            timestamp: self.header("Wechatpay-Timestamp"),
            nonce: self.header("Wechatpay-Nonce"),
            signature: self.header("Wechatpay-Signature"),
            serial: self.header("Wechatpay-Serial"),
        };
        verify_response(&headers, &self.body, &keys, now).unwrap();
        assert_eq!(self.header("Wechatpay-Signature-Type"), "WECHATPAY2-SHA256-RSA2048");
        let body = self.json();
        let text = |name: &str| body["resource"][name].as_str().unwrap();
        let envelope = Envelope {
            nonce: text("nonce"),
            associated_data: text("associated_data"),
            ciphertext: text("ciphertext"),
        };
        let key = ApiV3Key::new(&kit.kit().api_v3_key).unwrap();
        serde_json::from_slice(&key.open(&envelope).unwrap()).unwrap()
    }
}

pub(crate) fn held_sandbox() -> (Sandbox, ClockControl) {
    let (clock, hand) = Clock::frozen(NOW);
    (Sandbox::builder().clock(clock).start().unwrap(), hand)
}

pub(crate) fn set_callback(merchant: &Merchant<'_>, url: &str) {
    let set = merchant.post("callbacks", &json!({ "notify_url": url })).success();
    let mchid = &merchant.client.sandbox.kit().mchid;
    assert_eq!(set, json!({ "update_time": "2026-08-15T12:00:00+08:00", "notify_url": url, "mchid": mchid }));
    let query = merchant.get(&format!("callbacks?mchid={mchid}")).success();
    assert_eq!(query, json!({ "notify_url": url, "mchid": mchid }));
}

#[test]
fn a_coupon_that_is_sent_is_notified_once_encrypted_and_signed() {
    let ((sandbox, hand), receiver) = (held_sandbox(), Receiver::start(&[]));
    let merchant = Merchant::in_sandbox(&sandbox);
    merchant.coupon();
    set_callback(&merchant, &receiver.url);
    let coupon = merchant.coupon();
    let notification = receiver.next();
    let body = notification.json();
    let members: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["id", "create_time", "resource_type", "event_type", "summary", "resource"]);
    assert_eq!(
        (&body["event_type"], &body["create_time"]),
        (&json!("COUPON.SEND"), &json!("2026-08-15T12:00:00+08:00"))
    );
    assert_eq!(body["resource"]["original_type"], "coupon");
    assert_eq!(notification.header("Content-Type"), "application/json");
    let resource = notification.open(&sandbox, NOW);
    assert_eq!(
        (
            &resource["event_type"],
            &resource["coupon_code"],
            &resource["stock_id"],
            &resource["send_merchant"]
        ),
        (
            &json!("EVENT_TYPE_BUSICOUPON_SEND"),
            &json!(coupon.code),
            &json!(merchant.stock_id),
            &json!(sandbox.kit().mchid)
        )
    );
    // The first coupon was sent before there was an address, and the second was acknowledged: neither comes again.
    hand.advance(3_600);
    let next = merchant_at(&merchant, NOW + 3_600).coupon();
    assert_eq!(receiver.next().open(&sandbox, NOW + 3_600)["coupon_code"], next.code);
}

/// The same merchant at another time.
fn merchant_at<'a>(merchant: &Merchant<'a>, now: i64) -> Merchant<'a> {
    let mut client = crate::client::Client::new(merchant.client.sandbox);
    client.now = now;
    Merchant { client, stock_id: merchant.stock_id.clone() }
}

#[test]
fn what_is_not_acknowledged_is_repeated_and_then_given_up() {
    let (sandbox, hand) = held_sandbox();
    let refusals = [500, 404, 302, 0, 503, 500, 500, 500, 500, 500, 500, 500];
    let receiver = Receiver::start(&refusals);
    let merchant = Merchant::in_sandbox(&sandbox);
    set_callback(&merchant, &receiver.url);
    let coupon = merchant.coupon();
    let mut seen: Vec<(String, String, Value)> = Vec::new();
    // Eleven repeats, one a minute.
    for attempt in 0..12 {
        let now = NOW + 60 * attempt;
        let notification = receiver.next();
        assert_eq!(notification.header("Wechatpay-Timestamp"), now.to_string());
        assert_eq!(notification.open(&sandbox, now)["coupon_code"], coupon.code);
        let body = notification.json();
        if let Some((nonce, signature, first)) = seen.last() {
            assert_eq!((&body["id"], &body["create_time"]), (&first["id"], &first["create_time"]));
            assert_ne!(
                (notification.header("Wechatpay-Nonce"), notification.header("Wechatpay-Signature")),
                (&**nonce, &**signature)
            );
            assert_ne!(body["resource"]["nonce"], first["resource"]["nonce"]);
        }
        let header = |name| notification.header(name).to_owned();
        seen.push((header("Wechatpay-Nonce"), header("Wechatpay-Signature"), body));
        hand.advance(60);
    }
    let now = NOW + 60 * 12;
    let next = merchant_at(&merchant, now).coupon();
    assert_eq!(receiver.next().open(&sandbox, now)["coupon_code"], next.code);
}

#[test]
fn a_notification_survives_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(&[500]);
    let start = |now| Sandbox::builder().clock(Clock::frozen(now).0).data(data.path()).start().unwrap();
    let first = start(NOW);
    let merchant = Merchant::in_sandbox(&first);
    set_callback(&merchant, &receiver.url);
    let coupon = merchant.coupon();
    let before = receiver.next().json();
    drop(merchant);
    drop(first);
    let again = start(NOW + 60);
    let notification = receiver.next();
    assert_eq!(notification.json()["id"], before["id"]);
    assert_eq!(notification.open(&again, NOW + 60)["coupon_code"], coupon.code);
}

#[test]
fn the_key_that_was_named_when_the_address_was_set_signs() {
    let sandbox = crate::sandbox().platform_keys(weipay_sandbox::PlatformKeys::Migration).start().unwrap();
    let receiver = Receiver::start(&[]);
    let merchant = Merchant::in_sandbox(&sandbox);
    let (certificate, public_key) =
        (sandbox.kit().platform_serial.as_deref().unwrap(), sandbox.kit().public_key_id.as_deref().unwrap());
    let body = json!({ "notify_url": receiver.url }).to_string();
    for (named, signs) in [("", certificate), (public_key, public_key), (certificate, certificate)] {
        let mut request = merchant.client.request("POST", &format!("{FAMILY}/callbacks"), body.as_bytes());
        request.set("Wechatpay-Serial", named);
        merchant.client.send(&request).success();
        merchant.coupon();
        let notification = receiver.next();
        assert_eq!(notification.header("Wechatpay-Serial"), signs);
        notification.open(&sandbox, NOW);
    }
}

#[test]
fn a_receiver_that_is_down_delays_no_other() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let (clock, hand) = Clock::frozen(NOW);
    let log = move |entry: weipay_sandbox::LogEntry| kept.lock().unwrap().push(entry.to_string());
    let sandbox = Sandbox::builder().clock(clock).log(log).start().unwrap();
    let merchant = Merchant::in_sandbox(&sandbox);
    // Nobody listens there, and no test is given that port.
    set_callback(&merchant, "http://127.0.0.1:1/secret");
    merchant.coupon();
    let receiver = Receiver::start(&[]);
    receiver.statuses.send(204).unwrap();
    set_callback(&merchant, &receiver.url);
    let coupon = merchant.coupon();
    assert_eq!(receiver.next().open(&sandbox, NOW)["coupon_code"], coupon.code);
    hand.advance(1);
    let told =
        || lines.lock().unwrap().iter().filter(|line| line.contains(" NOTIFY ")).cloned().collect::<Vec<_>>();
    while told().len() < 2 {
        thread::sleep(Duration::from_millis(10));
    }
    let told = told().join("\n");
    assert!(told.contains("NOTIFY COUPON.SEND to http://127.0.0.1:1 - (attempt 1: "), "{told}");
    assert!(told.contains("; the next attempt follows after 60 s)"), "{told}");
    assert!(
        told.contains(&format!("NOTIFY COUPON.SEND to {} 204", receiver.url.trim_end_matches("/notify"))),
        "{told}"
    );
    assert!(!told.contains("secret"), "{told}");
}

#[test]
fn an_address_is_the_callers_own_and_is_missing_until_it_is_set() {
    let (sandbox, _hand) = held_sandbox();
    let merchant = Merchant::in_sandbox(&sandbox);
    assert_eq!(merchant.get("callbacks").refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    let foreign = json!({ "notify_url": "https://example.com/a", "mchid": "1900000999" });
    assert_eq!(merchant.post("callbacks", &foreign).refusal(), (403, "NO_AUTH".to_owned()));
    let query = json!({ "notify_url": "https://example.com/?a=b" });
    assert_eq!(merchant.post("callbacks", &query).refusal(), (400, "PARAM_ERROR".to_owned()));
}

#[test]
fn a_receiver_that_hangs_does_not_keep_others_waiting() {
    // It takes every connection and never responds, as long as the test runs.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/notify", hanging.local_addr().unwrap());
    let (accepted, connections) = channel();
    thread::spawn(move || hanging.incoming().for_each(|stream| drop(accepted.send(stream.unwrap()))));

    let ((sandbox, _hand), receiver) = (held_sandbox(), Receiver::start(&[]));
    let notifications = sandbox.notifications();
    let merchant = Merchant::in_sandbox(&sandbox);
    set_callback(&merchant, &url);
    // More than there are places for all receivers together, let go at once.
    notifications.hold(None).unwrap();
    (0..80).for_each(|person| drop(merchant.coupon_for(&format!("oHanging{person:020}"))));
    set_callback(&merchant, &receiver.url);
    let quick = merchant.coupon();
    notifications.release(None, &weipay_sandbox::ReleaseOrder::AsDue).unwrap();
    let held: Vec<_> = (0..4).map(|_| connections.recv().unwrap()).collect();
    assert_eq!(receiver.next().open(&sandbox, NOW)["coupon_code"], quick.code);
    // Without a limit, all places would be taken before its turn.
    assert!(connections.try_iter().count() < 50);
    drop(held);
}
