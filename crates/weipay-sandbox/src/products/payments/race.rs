//! Somebody pays an order while its merchant closes it and its time ends: exactly one of these happens to it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use weipay_wire::{Authorization, PrivateKey, random_nonce, request_message};

use super::order::{Order, OrderState};
use super::person::PaymentRequest;
use crate::clock::{self, Clock, ClockControl};
use crate::ledger::{AccountKind, Owner, Purse, sum_of_everything};
use crate::platform::Request;
use crate::products::testing::world::{RACES, at_once};
use crate::response::Response;
use crate::sandbox::Sandbox;
use crate::store::StoreError;

const NOW: i64 = 1_786_766_400;

struct Merchant<'a> {
    sandbox: &'a Sandbox,
    key: PrivateKey,
}

impl Merchant<'_> {
    fn post(&self, target: &str, body: &Value, now: i64) -> Response {
        let (body, nonce_str, kit) = (body.to_string().into_bytes(), random_nonce(), self.sandbox.kit());
        let message = request_message("POST", target, now, &nonce_str, &body);
        let authorization = Authorization {
            scheme: weipay_wire::Scheme::default(),
            mchid: kit.mchid.clone(),
            serial_no: kit.merchant_serial.clone(),
            timestamp: now,
            nonce_str,
            signature: self.key.sign(&message).unwrap(),
        };
        let mut request =
            Request { method: "POST".to_owned(), target: target.to_owned(), body, ..Request::default() };
        request.headers.insert("authorization", authorization.to_string().parse().unwrap());
        request.headers.insert("content-type", "application/json".parse().unwrap());
        self.sandbox.platform().respond(&request)
    }

    fn make(&self, number: &str, now: i64) {
        let kit = self.sandbox.kit();
        let body = json!({
            "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
            "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_000 },
            "time_expire": clock::rfc3339(now + 60),
        });
        assert_eq!(self.post("/v3/pay/transactions/native", &body, now).status, 200);
    }

    fn close(&self, number: &str, now: i64) -> Response {
        let target = format!("/v3/pay/transactions/out-trade-no/{number}/close");
        self.post(&target, &json!({ "mchid": self.sandbox.kit().mchid }), now)
    }

    /// The order, what the merchant has of all payments, what the platform took, and the sum of everything.
    fn look(&self, number: &str) -> (Order, i64, i64, i64) {
        let mchid = &self.sandbox.kit().mchid;
        let found: Result<_, StoreError> = self.sandbox.platform().store.transaction(|tx| {
            let order = Order::find_by_number(tx, mchid, number)?.unwrap();
            let purse = Purse::find(tx, &Owner::merchant(mchid.as_str()))?;
            let has = purse.balance(AccountKind::Unsettled) + purse.balance(AccountKind::Available);
            Ok((order, has, purse.balance(AccountKind::Fees), sum_of_everything(tx)?))
        });
        found.unwrap()
    }
}

/// One race. Whether the order was paid.
fn race(merchant: &Merchant<'_>, hand: &ClockControl, number: &str, late: usize) -> bool {
    let (platform, now) = (merchant.sandbox.platform(), hand.now());
    merchant.make(number, now);
    let pay = || platform.pay(&PaymentRequest::new(number)).is_ok();
    let close = || match merchant.close(number, now).status {
        204 => true,
        // A close that comes after the payment.
        status => {
            assert_eq!(status, 400, "{number}");
            false
        }
    };
    let expire = || {
        hand.set(now + 60);
        platform.tick(now + 60).is_ok()
    };
    let [paid, closed, _] = at_once([&pay, &close, &expire], late);
    assert_ne!(paid, closed, "{number}");
    paid
}

#[test]
fn a_payment_a_close_and_an_expiry_at_the_same_time_have_one_outcome() {
    let (clock, hand) = Clock::frozen(NOW);
    let sandbox = Sandbox::builder().clock(clock).start().unwrap();
    let key = PrivateKey::from_pem(&sandbox.kit_on_disk().merchant_key_pem().unwrap()).unwrap();
    let merchant = Merchant { sandbox: &sandbox, key };
    let (mut paid, mut numbers) = (0, BTreeSet::new());
    for index in 0..RACES {
        let number = format!("race-{index:04}");
        let is_paid = race(&merchant, &hand, &number, index);
        paid += i64::from(is_paid);
        let (order, has, fees, sum) = merchant.look(&number);
        let state = if is_paid { OrderState::Success } else { OrderState::Closed };
        assert_eq!((order.state, order.payment.is_some()), (state, is_paid), "{number}");
        assert_eq!((has, fees, sum), (994 * paid, 6 * paid, 0), "{number}");
        if is_paid {
            numbers.insert(number);
        }
    }
    let outbox = sandbox.platform().store.transaction(|tx| tx.outbox_due(i64::MAX, 10_000)).unwrap();
    let notified = outbox.iter().map(|entry| entry.resource["out_trade_no"].as_str().unwrap().to_owned());
    assert_eq!((notified.collect::<BTreeSet<_>>(), outbox.len()), (numbers, usize::try_from(paid).unwrap()));
}
