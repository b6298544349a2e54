//! What no product does yet: things that fall due, announcements, several merchants. A product of this test does them.

use std::thread;
use std::time::Duration;

use http::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use weipay_wire::{Authorization, PrivateKey, request_message};

use super::*;
use crate::clock::{Clock, ClockControl};
use crate::products::{Decided, Decision, carry_out, route};
use crate::sandbox::Sandbox;
use crate::store::{Announcement, Due, IndexEntry, Record, Store, StoreError, Transaction};

const NOW: i64 = 1_786_766_400;
const LIFE: i64 = 60;

/// A parcel that is held for a minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Parcel {
    number: String,
    owner: String,
    is_over: bool,
}

impl Record for Parcel {
    const KIND: &'static str = "parcel";

    fn key(&self) -> String {
        self.number.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new("owner", self.owner.as_str())]
    }
}

const EXPIRY: &str = "parcel expires";

fn due(number: &str, at: i64) -> Due {
    Due { kind: EXPIRY.to_owned(), key: number.to_owned(), at }
}

/// The rules of the product, which do nothing themselves.
fn hold(owner: &str, number: &str, now: i64) -> Decided<Parcel> {
    let parcel = Parcel { number: number.to_owned(), owner: owner.to_owned(), is_over: false };
    Ok(Decision { due: vec![due(number, now + LIFE)], ..Decision::new(parcel, Value::Null) })
}

fn expire(parcel: Option<Parcel>, at: i64) -> Decided<Parcel> {
    let parcel =
        parcel.ok_or_else(|| Refusal::resource_not_exists("no parcel", "no parcel has this number"))?;
    let announcement = Announcement {
        mchid: parcel.owner.clone(),
        notify_url: String::new(),
        platform_serial: String::new(),
        event_type: "COUPON.SEND",
        time: at,
        resource: json!({ "number": parcel.number, "time": at }),
    };
    let over = Parcel { is_over: true, ..parcel };
    Ok(Decision { announcements: vec![announcement], ..Decision::new(over, Value::Null) })
}

fn hold_handler(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let number = context.request.path("out_trade_no");
    carry_out(tx, hold(&context.caller.mchid, number, context.now)?)
}

fn expire_handler(tx: &Transaction<'_>, number: &str, at: i64) -> Result<(), HandlerError> {
    assert_ne!(number, "panics");
    carry_out(tx, expire(tx.get(number)?, at)?).map(drop)
}

static PARCELS: &[Product] = &[Product {
    due: &[(EXPIRY, expire_handler)],
    ..Product::new(&[route("POST", "v3/pay/transactions/out-trade-no/{out_trade_no}/close", hold_handler)])
}];

fn held_sandbox() -> (Sandbox, ClockControl) {
    let (clock, hand) = Clock::frozen(NOW);
    (Sandbox::builder().clock(clock).products(PARCELS).start().unwrap(), hand)
}

/// A signed request of the only operation that the product has.
fn request(mchid: &str, serial: &str, key: &PrivateKey, number: &str) -> Request {
    let target = format!("/v3/pay/transactions/out-trade-no/{number}/close");
    let body = json!({ "mchid": mchid }).to_string().into_bytes();
    let message = request_message("POST", &target, NOW, "nonce", &body);
    let authorization = Authorization {
        scheme: weipay_wire::Scheme::default(),
        mchid: mchid.to_owned(),
        serial_no: serial.to_owned(),
        timestamp: NOW,
        nonce_str: "nonce".to_owned(),
        signature: key.sign(&message).unwrap(),
    };
    let mut request = Request { method: "POST".to_owned(), target, body, ..Request::default() };
    for (name, value) in
        [("authorization", authorization.to_string()), ("content-type", "application/json".to_owned())]
    {
        request.headers.insert(name, value.parse().unwrap());
    }
    request
}

fn hold_in(sandbox: &Sandbox, number: &str) -> Response {
    let kit = sandbox.kit();
    let key = PrivateKey::from_pem(&sandbox.kit_on_disk().merchant_key_pem().unwrap()).unwrap();
    sandbox.platform().respond(&request(&kit.mchid, &kit.merchant_serial, &key, number))
}

fn is_over(platform: &Platform, number: &str) -> bool {
    let parcel: Result<_, StoreError> = platform.store.transaction(|tx| tx.get::<Parcel>(number));
    parcel.unwrap().unwrap().is_over
}

fn outbox(platform: &Platform) -> Vec<(String, Value)> {
    let outbox: Result<_, StoreError> = platform.store.transaction(|tx| tx.outbox_due(i64::MAX, 100));
    outbox.unwrap().into_iter().map(|entry| (entry.event_type, entry.resource)).collect()
}

#[test]
fn a_held_clock_does_what_is_due_when_it_is_moved_and_once() {
    let (sandbox, hand) = held_sandbox();
    let platform = sandbox.platform();
    assert_eq!(hold_in(&sandbox, "parcel-1").status, 204);
    hand.advance(LIFE - 1);
    assert!(!is_over(platform, "parcel-1") && outbox(platform).is_empty());
    hand.advance(1);
    assert!(is_over(platform, "parcel-1"));
    let announced = [("COUPON.SEND".to_owned(), json!({ "number": "parcel-1", "time": NOW + LIFE }))];
    assert_eq!(outbox(platform), announced);
    hand.advance(LIFE);
    assert_eq!((platform.tick(i64::MAX).unwrap(), outbox(platform).len()), (0, 1));
}

#[test]
fn a_clock_that_leaps_does_what_was_due_in_its_order_and_at_its_time() {
    let (sandbox, hand) = held_sandbox();
    let platform = sandbox.platform();
    let kept: Result<(), StoreError> = platform.store.transaction(|tx| {
        for (number, at) in [("late", NOW + 20), ("early", NOW + 10)] {
            tx.save(&Parcel { number: number.to_owned(), owner: String::new(), is_over: false })?;
            tx.schedule(&due(number, at))?;
        }
        Ok(())
    });
    kept.unwrap();
    // Not as far as the last retry: then a notification that nobody takes is given up.
    hand.advance(30);
    // Both attempts have failed and wait for the same second; before that one of them may.
    sandbox.run_for(0).unwrap();
    let told: Vec<Value> = outbox(platform).into_iter().map(|(_, resource)| resource).collect();
    assert_eq!(
        told,
        [json!({ "number": "early", "time": NOW + 10 }), json!({ "number": "late", "time": NOW + 20 })]
    );
}

#[test]
fn the_server_does_what_is_due_by_the_clock_of_the_machine() {
    let sandbox = Sandbox::builder().products(PARCELS).start().unwrap();
    let platform = sandbox.platform();
    let kept: Result<(), StoreError> = platform.store.transaction(|tx| {
        tx.save(&Parcel { number: "parcel-1".to_owned(), owner: String::new(), is_over: false })?;
        tx.schedule(&due("parcel-1", platform.clock.now()))
    });
    kept.unwrap();
    while !is_over(platform, "parcel-1") {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(outbox(platform).len(), 1);
}

/// What another program, or a fault of this one, has left in the place of a parcel.
#[derive(Serialize, Deserialize)]
struct Broken {
    number: String,
}

impl Record for Broken {
    const KIND: &'static str = Parcel::KIND;

    fn key(&self) -> String {
        self.number.clone()
    }
}

fn lines_of_the_sandbox(sandbox: &Sandbox) -> Vec<String> {
    let lines = sandbox.log().into_iter().map(|exchange| exchange.entry.to_string());
    lines.filter_map(|line| line.split_once(" SANDBOX ").map(|(_, line)| line.to_owned())).collect()
}

fn control(sandbox: &Sandbox, method: &str, path: &str) -> Value {
    let body = (method == "POST").then(|| json!({}));
    sandbox.control().unwrap().call(method, path, body.as_ref()).unwrap()
}

#[test]
fn what_cannot_be_done_is_put_aside_told_once_and_done_when_it_can() {
    let (sandbox, hand) = held_sandbox();
    let platform = sandbox.platform();
    let unknown = Due { kind: "of another program".to_owned(), ..due("parcel-1", NOW - 9) };
    let kept: Result<(), StoreError> = platform.store.transaction(|tx| {
        tx.schedule(&unknown)?;
        tx.schedule(&due("no parcel", NOW - 8))?;
        tx.save(&Broken { number: "broken".to_owned() })?;
        tx.schedule(&due("broken", NOW - 8))?;
        tx.schedule(&due("panics", NOW - 8))?;
        tx.save(&Parcel { number: "parcel-1".to_owned(), owner: String::new(), is_over: false })?;
        tx.schedule(&due("parcel-1", NOW - 7))
    });
    kept.unwrap();
    // Neither what fails nor what is refused holds up others, and neither is lost.
    platform.tick(NOW).unwrap();
    assert!(is_over(platform, "parcel-1"));
    platform.tick(NOW).unwrap();
    hand.advance(86_400);
    let retry = "`weipay sandbox clock retry` tries it again)";
    let broken = "put aside: the sandbox's database holds a broken record:";
    assert_eq!(
        lines_of_the_sandbox(&sandbox),
        [
            format!(
                "of-another-program - (put aside: no product handles due entries of the kind of another program; {retry}"
            ),
            format!(
                "parcel-expires - ({broken} parcel with the key whose SHA-256 begins with f526795c95399cea; {retry}"
            ),
            format!(
                "parcel-expires - (put aside: parcel expires was refused: no parcel has this number; {retry}"
            ),
            format!("parcel-expires - (put aside: the handler of parcel expires panicked; {retry}"),
        ]
    );
    assert_eq!(control(&sandbox, "GET", "/health")["put_aside"], 4);
    let events: Result<_, StoreError> =
        platform.store.transaction(|tx| tx.next_due(crate::store::LATEST, None));
    assert_eq!(events.unwrap(), None, "it is not an event");
    let listed = &control(&sandbox, "GET", "/clock/put-aside")["put_aside"];
    assert_eq!((&listed[1]["kind"], &listed[1]["key"]), (&json!(EXPIRY), &json!("broken")));
    assert_eq!(listed[1]["was_due"], crate::clock::rfc3339(NOW - 8));
    // Somebody has mended it.
    let mended: Result<(), StoreError> = platform.store.transaction(|tx| {
        tx.get_to_replace::<Parcel>("broken")?;
        tx.save(&Parcel { number: "broken".to_owned(), owner: String::new(), is_over: false })
    });
    mended.unwrap();
    assert_eq!(control(&sandbox, "POST", "/clock/retry"), json!({ "tried": 4, "put_aside": 3 }));
    assert!(is_over(platform, "broken"));
    // The order depends on which attempts have been made by now.
    let told = json!({ "number": "broken", "time": NOW - 8 });
    assert!(outbox(platform).iter().any(|(_, sent)| *sent == told), "at its own time");
}

#[test]
fn more_broken_things_than_one_tick_does_do_not_stop_the_clock() {
    let (sandbox, _hand) = held_sandbox();
    let platform = sandbox.platform();
    let kept: Result<(), StoreError> = platform.store.transaction(|tx| {
        for number in 0..10_001 {
            tx.schedule(&Due { kind: "of another program".to_owned(), ..due(&number.to_string(), NOW - 9) })?;
        }
        tx.save(&Parcel { number: "parcel-1".to_owned(), owner: String::new(), is_over: false })?;
        tx.schedule(&due("parcel-1", NOW))
    });
    kept.unwrap();
    platform.tick(NOW).unwrap();
    platform.tick(NOW).unwrap();
    assert!(is_over(platform, "parcel-1"));
    // Each is kept, and the log has not ten thousand lines of them.
    let kept: Result<_, StoreError> = platform.store.transaction(|tx| tx.next_due(i64::MAX, None));
    assert!(kept.unwrap().unwrap().at > NOW);
    let lines = lines_of_the_sandbox(&sandbox);
    assert!(lines.len() < 100, "{}", lines.len());
    assert!(lines.iter().any(|line| line.contains(" more were put aside;")), "{lines:?}");
}

#[test]
fn a_platform_serves_each_of_its_merchants_as_itself() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let builder = Sandbox::builder().clock(Clock::frozen(NOW).0).products(PARCELS);
    let kits = folders.each_ref().map(|folder| crate::kit::init(folder.path()).unwrap());
    let mut platform = builder.platform(&kits[0], Store::in_memory()).unwrap();
    let (first, mut second) = (kits[0].merchant().unwrap(), kits[1].merchant().unwrap());
    second.account.mchid = "1900000110".to_owned();
    let mchids = [first.account.mchid.clone(), second.account.mchid.clone()];
    let serials = [first.serial.clone(), second.serial.clone()];
    platform.merchants = Merchants::new(vec![first, second]);
    let keys = kits.each_ref().map(|kit| PrivateKey::from_pem(&kit.merchant_key_pem().unwrap()).unwrap());
    for (index, number) in ["parcel-1", "parcel-2"].into_iter().enumerate() {
        let response = platform.respond(&request(&mchids[index], &serials[index], &keys[index], number));
        assert_eq!(response.status, 204);
        let parcel: Result<_, StoreError> = platform.store.transaction(|tx| tx.get::<Parcel>(number));
        assert_eq!(parcel.unwrap().unwrap().owner, mchids[index]);
    }
    // Nobody enters with the key of another, nor for another.
    assert_eq!(platform.respond(&request(&mchids[0], &serials[0], &keys[1], "parcel-3")).status, 401);
    assert_eq!(platform.respond(&request(&mchids[1], &serials[0], &keys[0], "parcel-3")).status, 401);
}

#[test]
fn a_target_is_cut_at_its_first_question_mark() {
    let request = Request { target: "/v3/a?b=c?d".to_owned(), ..Request::default() };
    assert_eq!((request.path(), request.query()), ("/v3/a", Some("b=c?d")));
}

#[test]
fn a_header_that_stands_twice_is_as_good_as_none() {
    let mut request = Request::default();
    request.headers.append("authorization", HeaderValue::from_static("a"));
    assert_eq!(request.header("Authorization"), Some("a"));
    request.headers.append("authorization", HeaderValue::from_static("b"));
    assert_eq!(request.header("Authorization"), None);
}

#[test]
fn what_a_person_does_waits_while_the_state_is_exchanged() {
    let (sandbox, hand) = held_sandbox();
    let platform = sandbox.platform();
    let exchanging = platform.state_lock.write().unwrap();
    thread::scope(|scope| {
        let acting = scope.spawn(|| platform.act(|_, now| Ok::<_, StoreError>(now)).unwrap());
        // A thread that did not wait would have read the time by now.
        thread::sleep(Duration::from_millis(50));
        hand.restore(ClockMode::Frozen { at: NOW + 900 });
        drop(exchanging);
        assert_eq!(acting.join().unwrap(), NOW + 900);
    });
}

/// What is done to the state beside requests goes through [`Platform::act`].
#[test]
fn no_product_reads_the_clock_outside_of_the_transaction_that_uses_it() {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/products")];
    let (mut files, mut found) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            if ["self.clock.now()", "self.store.transaction"].iter().any(|way| text.contains(way)) {
                found.push(path);
            }
        }
    }
    assert!(files > 100 && found.is_empty(), "use Platform::act: {found:?}");
}
