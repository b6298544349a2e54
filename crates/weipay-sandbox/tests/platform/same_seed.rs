//! The same seed and the same requests give the same bytes: in other data folders all but what is made of keys, and with the same
//! keys all.

use std::path::Path;

use serde_json::{Value, json};
use weipay_sandbox::{Clock, PaymentRequest, PlatformKeys, Sandbox};

use crate::client::{Client, Response};
use crate::merchant::FAMILY;
use crate::notifications::{Notification, Receiver};
use crate::restart::copy;
use crate::uploads::{COMPLAINT, MEDIA, upload_by};
use crate::{NOW, sandbox};

const CERTIFICATES: &str = "/v3/certificates";

/// Headers that are made of keys.
const OF_KEYS: [&str; 2] = ["wechatpay-signature", "wechatpay-serial"];

type Headers = Vec<(String, String)>;

/// What a run gave.
struct Played {
    responses: Vec<Responded>,
    notifications: Vec<Heard>,
}

/// A response, and to what.
#[derive(Debug, PartialEq)]
struct Responded {
    target: String,
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

/// A notification, and what it opens to.
struct Heard {
    headers: Headers,
    body: Vec<u8>,
    opened: Value,
}

/// A merchant, whose client signs by the sandbox's clock.
struct Player<'a> {
    sandbox: &'a Sandbox,
    responses: Vec<Responded>,
}

impl Player<'_> {
    fn client(&self) -> Client<'_> {
        Client { now: self.sandbox.clock().now(), ..Client::new(self.sandbox) }
    }

    fn keep(&mut self, target: &str, response: Response) -> Value {
        let read = serde_json::from_slice(&response.body).unwrap_or_default();
        let Response { status, headers, body } = response;
        self.responses.push(Responded { target: target.to_owned(), status, headers, body });
        read
    }

    #[track_caller]
    fn get(&mut self, target: &str, status: u16) -> Value {
        let response = self.client().get(target);
        assert_eq!(response.status, status, "{target}: {}", response.text());
        self.keep(target, response)
    }

    #[track_caller]
    fn post(&mut self, target: &str, body: &Value, status: u16) -> Value {
        let response = self.client().post(target, body);
        assert_eq!(response.status, status, "{target}: {}", response.text());
        self.keep(target, response)
    }

    /// Follows the address of a file.
    #[track_caller]
    fn download(&mut self, found: &Value) {
        let address = found["download_url"].as_str().unwrap();
        self.get(address.strip_prefix("http://127.0.0.1").unwrap(), 200);
    }

    fn upload(&mut self, target: &str, name: &str, file: &[u8]) {
        let response = upload_by(&self.client(), target, name, file);
        assert_eq!(response.status, 200, "{target}: {}", response.text());
        self.keep(target, response);
    }
}

/// Orders, payments, refunds, coupons, uploads, bills and refusals; a day passes.
fn play(folder: &Path, seed: u64) -> Played {
    let sandbox = sandbox().seed(seed).data(folder).platform_keys(PlatformKeys::Migration).start().unwrap();
    let (kit, receiver) = (sandbox.kit(), Receiver::start(&[500]));
    let mut notified = Vec::new();
    let mut hear = || {
        let notification = receiver.next();
        let opened = notification.open(&sandbox, sandbox.clock().now());
        let Notification { headers, body } = notification;
        notified.push(Heard { headers, body, opened });
    };
    let mut player = Player { sandbox: &sandbox, responses: Vec::new() };
    let order = |number: &str, with: Value| {
        let mut order = json!({
            "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
            "notify_url": receiver.url, "amount": { "total": 1_000 },
        });
        order.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        order
    };
    player.get(CERTIFICATES, 200);
    let native = order("order-1", json!({}));
    player.post("/v3/pay/transactions/native", &native, 200);
    player.post("/v3/pay/transactions/native", &native, 200);
    let payer = json!({ "payer": { "openid": kit.openid } });
    player.post("/v3/pay/transactions/jsapi", &order("order-2", payer), 200);
    player.post("/v3/pay/transactions/app", &order("order-3", json!({})), 200);
    let scene = json!({ "scene_info": { "payer_client_ip": "127.0.0.1", "h5_info": { "type": "Wap" } } });
    player.post("/v3/pay/transactions/h5", &order("order-4", scene), 200);
    player.post("/v3/pay/transactions/native", &order("order-5", json!({ "amount": { "total": 0 } })), 400);
    let of_order = |number: &str| format!("/v3/pay/transactions/out-trade-no/{number}?mchid={}", kit.mchid);
    player.get(&of_order("order-1"), 200);
    player.get(&of_order("order-9"), 404);

    sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    hear();
    let paid = player.get(&of_order("order-1"), 200);
    let id = paid["transaction_id"].as_str().unwrap().to_owned();
    player.get(&format!("/v3/pay/transactions/id/{id}?mchid={}", kit.mchid), 200);
    let refund = |number: &str, fen: i64| {
        json!({ "transaction_id": id, "out_refund_no": number, "notify_url": receiver.url,
            "amount": { "refund": fen, "total": 1_000, "currency": "CNY" } })
    };
    player.post("/v3/refund/domestic/refunds", &refund("refund-1", 300), 200);
    // The first attempt to notify of the payment failed.
    sandbox.run_for(60).unwrap();
    (0..2).for_each(|_| hear());
    player.get("/v3/refund/domestic/refunds/refund-1", 200);
    player.post("/v3/refund/domestic/refunds", &refund("refund-2", 900), 400);
    let close = json!({ "mchid": kit.mchid });
    player.post("/v3/pay/transactions/out-trade-no/order-4/close", &close, 204);
    player.get(&of_order("order-4"), 200);

    let stock = json!({
        "stock_name": "8月1日活动券", "belong_merchant": kit.mchid, "goods_name": "全场通用", "stock_type": "NORMAL",
        "coupon_use_rule": {
            "coupon_available_time": {
                "available_begin_time": "2026-01-01T00:00:00+08:00",
                "available_end_time": "2026-12-31T23:59:59+08:00",
            },
            "fixed_normal_coupon": { "discount_amount": 88, "transaction_minimum": 100 },
            "use_method": "OFF_LINE",
        },
        "stock_send_rule": { "max_coupons": 1000, "max_coupons_per_user": 5 },
        "out_request_no": "stock-1", "coupon_code_mode": "WECHATPAY_MODE",
    });
    let stock = player.post(&format!("{FAMILY}/stocks"), &stock, 200);
    let send = json!({ "openid": kit.openid, "appid": kit.appid, "stock_id": stock["stock_id"],
        "out_request_no": "send-1" });
    player.post(&format!("{FAMILY}/coupons/send"), &send, 200);
    player.upload(MEDIA, "a.jpg", b"\xff\xd8\xff picture");
    player.upload(COMPLAINT, "a.jpg", b"\xff\xd8\xff picture");
    let target =
        format!("{FAMILY}/users/{}/coupons?appid={}&creator_merchant={}", kit.openid, kit.appid, kit.mchid);
    player.get(&target, 200);
    let person = json!({ "appid": kit.appid, "type": "PERSONAL_OPENID", "account": kit.openid,
        "relation_type": "USER" });
    player.post("/v3/profitsharing/receivers/add", &person, 200);
    player.get("/v3/merchant/fund/balance/BASIC", 200);
    player.get("/v3/no/such/path", 404);
    player.get("/v3/pay/transactions/native", 405);

    sandbox.run_for(86_400).unwrap();
    let bill = player.get("/v3/bill/tradebill?bill_date=2026-08-15", 200);
    player.download(&bill);
    let bill = player.get("/v3/bill/fundflowbill?bill_date=2026-08-15&tar_type=GZIP", 200);
    player.download(&bill);
    let example = player.get("/v3/merchant/fund/withdraw/bill-type/NO_SUCC?bill_date=2026-08-14", 200);
    player.download(&example);
    player.get("/v3/bill/tradebill?bill_date=2026-08-16", 400);

    let Player { responses, .. } = player;
    Played { responses, notifications: notified }
}

/// A data folder with a kit, and nothing that happened.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    drop(sandbox().data(folder.path()).platform_keys(PlatformKeys::Migration).start().unwrap());
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    folder
}

/// Without the `Host` of a receiver, whose port is another one each time.
fn without_host(headers: &[(String, String)]) -> Vec<&(String, String)> {
    headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")).collect()
}

#[test]
fn with_the_same_keys_every_byte_is_the_same() {
    let (one, other) = (folder(), tempfile::tempdir().unwrap());
    copy(one.path(), other.path());
    let (one, other) = (play(one.path(), 7), play(other.path(), 7));
    assert!(one.responses.len() >= 30, "{}", one.responses.len());
    assert_eq!(one.responses.len(), other.responses.len());
    for (response, again) in one.responses.iter().zip(&other.responses) {
        assert_eq!(response, again);
    }
    assert_eq!(one.notifications.len(), 3);
    for (heard, again) in one.notifications.iter().zip(&other.notifications) {
        assert_eq!(without_host(&heard.headers), without_host(&again.headers));
        assert_eq!(heard.body, again.body);
    }
}

#[test]
fn in_another_folder_only_what_is_made_of_keys_differs() {
    let plain = |headers: &[(String, String)]| {
        let is_plain = |(name, _): &&(String, String)| {
            !OF_KEYS.iter().any(|of_keys| name.eq_ignore_ascii_case(of_keys))
                && !name.eq_ignore_ascii_case("host")
        };
        headers.iter().filter(is_plain).cloned().collect::<Vec<_>>()
    };
    let (one, other, third) = (folder(), folder(), folder());
    let (one, other) = (play(one.path(), 7), play(other.path(), 7));
    for (response, again) in one.responses.iter().zip(&other.responses) {
        let Responded { target, status, headers, body } = response;
        assert_eq!(*status, again.status, "{target}");
        // The platform's certificates, sealed with the merchant's key, have other bytes and another length.
        if target != CERTIFICATES {
            assert_eq!((plain(headers), body), (plain(&again.headers), &again.body), "{target}");
        }
    }
    let seen = |played: &Played| {
        let seen = played.notifications.iter().map(|Heard { headers, body, opened }| {
            let body: Value = serde_json::from_slice(body).unwrap();
            let length = body["resource"]["ciphertext"].as_str().unwrap().len();
            let nonce = body["resource"]["nonce"].clone();
            (plain(headers), body["id"].clone(), nonce, length, opened.clone())
        });
        seen.collect::<Vec<_>>()
    };
    assert_eq!(seen(&one), seen(&other));
    let nonces: std::collections::BTreeSet<_> =
        seen(&one).into_iter().map(|(_, _, nonce, ..)| nonce.to_string()).collect();
    assert_eq!(nonces.len(), 3, "one for each attempt: {nonces:?}");

    let third = play(third.path(), 8);
    let address = |played: &Played| {
        let bill = played.responses.iter().find(|response| response.target.contains("tradebill")).unwrap();
        serde_json::from_slice::<Value>(&bill.body).unwrap()["download_url"].clone()
    };
    assert_ne!(address(&one), address(&third));
}

#[test]
fn a_client_by_the_machines_clock_gets_its_time_in_two_headers() {
    let run = || {
        let sandbox = sandbox().seed(7).start().unwrap();
        let now = Clock::System.now();
        let client = Client { now, ..Client::new(&sandbox) };
        let response = client.get("/v3/pay/transactions/out-trade-no/order-1?mchid=1900000109");
        let stamped: i64 = response.header("Wechatpay-Timestamp").unwrap().parse().unwrap();
        assert!(stamped - now < 300 && NOW != stamped, "{stamped}");
        (response.header("Request-ID").unwrap().to_owned(), response.body)
    };
    assert_eq!(run(), run());
}

/// The number of the payment (微信支付订单号) of a new order that a person pays.
fn payment_number(sandbox: &Sandbox, order: &str) -> String {
    let kit = sandbox.kit();
    let request = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": order,
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_000 },
    });
    Client::new(sandbox).post("/v3/pay/transactions/native", &request).success();
    let paid = sandbox.pay(&PaymentRequest::new(order)).unwrap();
    let id = paid.transaction_ids[0].clone();
    assert!(id.len() == 28 && id.starts_with("4200") && id.bytes().all(|byte| byte.is_ascii_digit()));
    id
}

#[test]
fn without_a_seed_a_new_state_begins_with_other_numbers() {
    let new = || payment_number(&sandbox().start().unwrap(), "order-1");
    // One in nine hundred million runs gives two equal ones.
    assert!(new() != new());
}

#[test]
fn without_a_seed_numbers_go_on_after_a_reset_and_a_restore() {
    let sandbox = sandbox().start().unwrap();
    let serial = |order: &str| payment_number(&sandbox, order)[18..].parse::<i64>().unwrap();
    let first = serial("order-1");
    sandbox.snapshot("first").unwrap();
    sandbox.reset().unwrap();
    assert_eq!(serial("order-1"), first + 1);
    sandbox.restore("first").unwrap();
    assert_eq!(serial("order-2"), first + 2);
}

#[test]
fn with_a_seed_a_reset_begins_with_the_same_numbers() {
    let (one, other) = (sandbox().seed(1).start().unwrap(), sandbox().seed(1).start().unwrap());
    let first = payment_number(&one, "order-1");
    one.reset().unwrap();
    assert_eq!((payment_number(&one, "order-1"), payment_number(&other, "order-1")), (first.clone(), first));
}
