//! The state as a whole: kept under a name, changed, and put back.

use std::fs;
use std::io::{BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{
    ClockMode, NewMerchant, NotificationFilter, NotificationState, PaymentRequest, Sandbox, SandboxBuilder,
    SnapshotError, StoreAddress,
};

use crate::NOW;
use crate::client::{Request, Response};
use crate::merchant::{FAMILY, Merchant, stock_request};
use crate::notifications::{Notification, Receiver, set_callback};

/// A sandbox whose clock stands still, with a seed.
fn seeded() -> SandboxBuilder {
    crate::sandbox().seed(7)
}

fn bytes(response: &Response) -> (u16, Vec<(String, String)>, String) {
    let body = String::from_utf8_lossy(&response.body).into_owned();
    (response.status, response.headers.clone(), body)
}

/// Requests that change and look at most of what there is.
fn story(merchant: &Merchant<'_>, code: &str) -> Vec<Request> {
    let kit = merchant.client.sandbox.kit();
    let post = |path: &str, body: Value| {
        merchant.client.request("POST", &format!("{FAMILY}/{path}"), body.to_string().as_bytes())
    };
    let get = |path: &str| merchant.client.request("GET", &format!("{FAMILY}/{path}"), b"");
    let stock = &merchant.stock_id;
    let coupon = format!("users/{}/coupons/{code}/appids/{}", kit.openid, kit.appid);
    vec![
        get(&coupon),
        post("stocks", stock_request(merchant.client.sandbox)),
        post("coupons/send", merchant.sending(&kit.openid)),
        post(
            "coupons/use",
            json!({
                "coupon_code": code, "stock_id": stock, "appid": kit.appid,
                "use_time": "2026-08-01T12:00:00.000+08:00", "use_request_no": "use-1",
            }),
        ),
        get(&coupon),
        get(&format!("stocks/{stock}")),
        get(&format!("users/{}/coupons?appid={}&creator_merchant={}", kit.openid, kit.appid, kit.mchid)),
    ]
}

#[test]
fn after_a_restore_the_same_requests_get_the_same_bytes() {
    for store in [StoreAddress::FILE, StoreAddress::MEMORY] {
        let sandbox = seeded().store(store).start().unwrap();
        let merchant = Merchant::in_sandbox(&sandbox);
        let requests = story(&merchant, &merchant.coupon().code);
        let play = || requests.iter().map(|one| bytes(&merchant.client.send(one))).collect::<Vec<_>>();
        sandbox.snapshot("before").unwrap();
        let first = play();
        assert_ne!(play(), first, "the requests change something");
        sandbox.restore("before").unwrap();
        assert_eq!(play(), first);
        sandbox.restore("before").unwrap();
        assert_eq!(play(), first);
    }
}

/// A shop's database has the numbers that were given after the snapshot.
#[test]
fn without_a_seed_a_restore_gives_no_number_twice() {
    for store in [StoreAddress::FILE, StoreAddress::MEMORY] {
        let sandbox = crate::sandbox().store(store).start().unwrap();
        let merchant = Merchant::in_sandbox(&sandbox);
        let buy = |number: &str| {
            let kit = sandbox.kit();
            let order = json!({
                "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
                "notify_url": "https://example.com/notify", "amount": { "total": 1 },
            });
            merchant.client.post("/v3/pay/transactions/native", &order).success();
            sandbox.pay(&PaymentRequest::new(number)).unwrap().transaction_ids.remove(0)
        };
        buy("order-1");
        sandbox.snapshot("before").unwrap();
        let made = || {
            let stock = merchant.client.post(&format!("{FAMILY}/stocks"), &stock_request(&sandbox)).success();
            [buy("order-2"), stock["stock_id"].to_string()]
        };
        let mut known = Vec::new();
        for _ in 0..3 {
            known.extend(made());
            sandbox.restore("before").unwrap();
        }
        known.sort_unstable();
        known.dedup();
        assert_eq!(known.len(), 6, "{known:?}");
    }
}

fn state(sandbox: &Sandbox) -> (NotificationState, usize) {
    let kept = sandbox.notifications().list(&NotificationFilter::default()).unwrap();
    (kept[0].state, kept[0].attempts.len())
}

#[test]
fn a_restore_brings_waiting_notifications_and_the_clock_back() {
    let (sandbox, receiver) = (seeded().start().unwrap(), Receiver::start(&[500]));
    let merchant = Merchant::in_sandbox(&sandbox);
    set_callback(&merchant, &receiver.url);
    merchant.coupon();
    let first = receiver.next();
    while state(&sandbox).1 == 0 {
        std::thread::yield_now();
    }
    sandbox.snapshot("waiting").unwrap();
    for _ in 0..2 {
        assert_eq!(state(&sandbox), (NotificationState::Waiting, 1));
        assert_eq!(sandbox.clock().mode(), ClockMode::Frozen { at: NOW });
        sandbox.run_to_next_event().unwrap();
        assert_eq!(receiver.next().json()["id"], first.json()["id"]);
        assert_eq!(state(&sandbox), (NotificationState::Acknowledged, 2));
        sandbox.run_for(86_400).unwrap();
        sandbox.restore("waiting").unwrap();
    }
}

#[test]
fn what_was_sent_before_a_restore_acknowledges_nothing_after_it() {
    let sandbox = seeded().start().unwrap();
    // The first response waits until it is told to leave.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let ((arrive, arrived), (leave, left)) = (channel(), channel::<()>());
    thread::spawn(move || {
        for (place, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            let notification = Notification::read(&mut stream).unwrap();
            arrive.send(notification.json()["id"].clone()).unwrap();
            if place == 0 {
                left.recv().unwrap();
            }
            let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.get_mut().write_all(response);
        }
    });
    let merchant = Merchant::in_sandbox(&sandbox);
    set_callback(&merchant, &url);
    merchant.coupon();
    let id = arrived.recv().unwrap();
    sandbox.snapshot("waiting").unwrap();
    sandbox.restore("waiting").unwrap();
    leave.send(()).unwrap();
    // What was put back waits, so it is sent.
    assert_eq!(arrived.recv_timeout(Duration::from_secs(60)).unwrap(), id);
}

#[test]
fn a_snapshot_that_cannot_be_kept_leaves_no_file() {
    let sandbox = seeded().start().unwrap();
    let folder = sandbox.snapshot("good").unwrap().file.parent().unwrap().to_owned();
    // A folder has its name, so that its file cannot be put there.
    fs::create_dir(folder.join("bad.jsonl")).unwrap();
    assert!(matches!(sandbox.snapshot("bad"), Err(SnapshotError::File(..))));
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["bad.jsonl", "good.jsonl"]);
}

#[test]
fn merchants_and_their_kits_stay_as_they_are_now() {
    let sandbox = seeded().start().unwrap();
    sandbox.snapshot("one").unwrap();
    let kit = sandbox.add_merchant(&NewMerchant::new().mchid("1900000200")).unwrap();
    sandbox
        .platform()
        .set_certificate_state("1900000200", weipay_sandbox::CertificateState::Revoked)
        .unwrap();
    sandbox.restore("one").unwrap();
    let control = sandbox.control().unwrap();
    assert_eq!(control.call("GET", "/merchants/1900000200", None).unwrap()["certificate"], "revoked");
    assert_eq!(sandbox.platform().kit_of("1900000200").unwrap().kit(), kit.kit());
    // A sandbox that lacks a merchant of the snapshot has records of nobody.
    let both = sandbox.snapshot("both").unwrap();
    let other = seeded().start().unwrap();
    let there = other.snapshot("both").unwrap();
    fs::copy(&both.file, &there.file).unwrap();
    assert!(matches!(other.restore("both"), Err(SnapshotError::Merchant(mchid)) if mchid == "1900000200"));
}

#[test]
fn a_snapshot_that_is_broken_is_refused_and_nothing_is_lost() {
    let sandbox = seeded().start().unwrap();
    let merchant = Merchant::in_sandbox(&sandbox);
    let coupon = merchant.coupon();
    let snapshot = sandbox.snapshot("good").unwrap();
    let text = fs::read_to_string(&snapshot.file).unwrap();
    let before = bytes(&merchant.get(&format!("stocks/{}", merchant.stock_id))).2;
    merchant.use_coupon(&coupon).success();
    let lines: Vec<&str> = text.lines().collect();
    let record = lines.iter().find(|line| line.starts_with("{\"record\"")).unwrap();
    let repeated = text.replacen(record, &format!("{record}\n{record}"), 1);
    for (content, told) in [
        (String::new(), "cut off"),
        (text[..text.len() / 2].to_owned(), "cut off"),
        (lines[..lines.len() - 1].join("\n") + "\n", "cut off"),
        ("SQLite format 3\u{0}\n".to_owned(), "does not begin as a snapshot"),
        (text.replacen("\"form\":", "\"form\":9", 1), "take it again with this program"),
        (text.replacen("\"form\":4", "\"form\":2", 1), "take it again with this program"),
        (repeated, "is in the file twice"),
        (text.replacen("\"version\":1", "\"version\":\"one\"", 1), "not a row of a snapshot"),
        (text.replacen(record, "{\"record\":{\"kind\":\"merchant\",\"key\":\"1\",\"version\":1,\"indexes\":[],\"document\":{}}}", 1), "a snapshot has no records of this kind"),
    ] {
        fs::write(&snapshot.file, &content).unwrap();
        let refusal = sandbox.restore("good").unwrap_err().to_string();
        assert!(refusal.contains(told) && refusal.contains("nothing was restored"), "{refusal}");
        assert!(!refusal.contains(&coupon.openid), "{refusal}");
        assert_eq!(merchant.look_at(&coupon)["coupon_state"], "USED");
    }
    fs::write(&snapshot.file, &text).unwrap();
    sandbox.restore("good").unwrap();
    assert_eq!(merchant.look_at(&coupon)["coupon_state"], "SENDED");
    assert_eq!(bytes(&merchant.get(&format!("stocks/{}", merchant.stock_id))).2, before);
}

#[test]
fn snapshots_are_taken_listed_restored_and_removed_by_the_control_api() {
    let data = tempfile::tempdir().unwrap();
    let start = || Sandbox::builder().data(data.path()).start().unwrap();
    let sandbox = start();
    let call = |sandbox: &Sandbox, method: &str, path: &str, body: Option<Value>| {
        sandbox.control().unwrap().call(method, path, body.as_ref())
    };
    let taken = call(&sandbox, "POST", "/snapshots", Some(json!({ "name": "a.1" }))).unwrap();
    assert!(fs::metadata(taken["file"].as_str().unwrap()).unwrap().len() > 0);
    for (method, path, body, wanted, told) in [
        ("POST", "/snapshots", Some(json!({ "name": "../a" })), 400, "cannot name a snapshot"),
        ("POST", "/snapshots/..%2Fkit/restore", Some(json!({})), 400, "cannot name a snapshot"),
        ("POST", "/snapshots/b/restore", Some(json!({})), 404, "there are: a.1"),
        ("DELETE", "/snapshots/b", None, 404, "there are: a.1"),
    ] {
        let refused = call(&sandbox, method, path, body);
        let Err(ClientError::Refused { status, message }) = refused else { panic!("{refused:?}") };
        assert!(status == wanted && message.contains(told), "{status} {message}");
    }
    drop(sandbox);
    let again = start();
    let listed = call(&again, "GET", "/snapshots", None).unwrap();
    assert_eq!(listed["snapshots"][0]["name"], "a.1");
    assert_eq!(
        call(&again, "POST", "/snapshots/a.1/restore", Some(json!({}))).unwrap()["rows"],
        taken["rows"]
    );
    assert_eq!(call(&again, "DELETE", "/snapshots/a.1", None).unwrap(), Value::Null);
    assert_eq!(call(&again, "GET", "/snapshots", None).unwrap()["snapshots"], json!([]));
}

/// Two sandboxes with one seed, and the keys of one data folder.
#[test]
fn the_same_seed_and_the_same_requests_give_the_same_bytes() {
    let first = tempfile::tempdir().unwrap();
    let second = tempfile::tempdir().unwrap();
    weipay_sandbox::kit::init(first.path()).unwrap();
    copy(first.path(), second.path());
    let receiver = Receiver::start(&[]);
    let start = |data: &std::path::Path| seeded().data(data).listen("127.0.0.1:0").start().unwrap();
    let (one, other) = (start(first.path()), start(second.path()));
    // The requests are recorded once: they are signed with nonces of the client.
    let merchant = Merchant::in_sandbox(&one);
    let sandboxes = [&one, &other];
    sandboxes.iter().for_each(|sandbox| sandbox.reset().unwrap());
    let create = stock_request(&one);
    let request = |path: &str, body: &Value| {
        merchant.client.request("POST", &format!("{FAMILY}/{path}"), body.to_string().as_bytes())
    };
    let mut requests = vec![
        request("stocks", &create),
        request("callbacks", &json!({ "notify_url": receiver.url })),
        request("coupons/send", &merchant.sending(&one.kit().openid)),
    ];
    // The code that the coupon will have.
    let code = {
        let sent =
            requests.iter().map(|request| merchant.client.send(request)).fold(None, |_, last| Some(last));
        let sent = sent.unwrap().success();
        sent["send_coupon_result"]["coupon_code"].as_str().unwrap().to_owned()
    };
    receiver.next();
    one.reset().unwrap();
    requests.extend(story(&merchant, &code));
    requests.extend([
        merchant.client.request("GET", "/v3/certificates", b""),
        merchant.client.request("GET", "/v3/nowhere", b""),
        merchant.client.request("POST", "/v3/pay/transactions/jsapi", b"{}"),
    ]);
    let play = |sandbox: &Sandbox| {
        let client = crate::client::Client::new(sandbox);
        requests.iter().map(|request| bytes(&client.send(request))).collect::<Vec<_>>()
    };
    let played = sandboxes.map(play);
    assert_eq!(played[0].len(), requests.len());
    for (request, (one, other)) in requests.iter().zip(played[0].iter().zip(&played[1])) {
        // GET /v3/certificates encrypts with a nonce that never comes from a seed.
        if request.target != "/v3/certificates" {
            assert_eq!(one, other, "{} {}", request.method, request.target);
        }
    }
    let ids = |sandbox: &Sandbox| {
        let kept = sandbox.notifications().list(&NotificationFilter::default()).unwrap();
        kept.into_iter().map(|kept| kept.id).collect::<Vec<_>>()
    };
    assert!(!ids(&one).is_empty());
    assert_eq!(ids(&one), ids(&other));
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        match path.is_dir() {
            true => {
                fs::create_dir_all(to.join(&name)).unwrap();
                copy(&path, &to.join(name));
            }
            false => drop(fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}
