//! A deposit is paid, consumed and reversed at the same time: nobody has its money twice.

use serde_json::{Value, json};

use crate::ledger::AccountKind::{Available, Fees, Frozen, Refunding};
use crate::merchants::Account;
use crate::products::payments::person::PaymentRequest;
use crate::products::testing::world::{RACES, at_once};
use crate::products::testing::world::{World, merchant, openid};

const PARTNER: &str = "1900000109";
const HOTEL: &str = "1900000110";

fn ask(world: &World<'_>, partner: &Account, path: &str, mut body: Value) -> Result<Value, &'static str> {
    for (name, value) in
        [("appid", &*partner.appids[0]), ("mch_id", PARTNER), ("sub_mch_id", HOTEL), ("fee_type", "CNY")]
    {
        body[name] = json!(value);
    }
    world.ask_v2(partner, path, &body).map_err(|refusal| refusal.code)
}

fn offer(world: &World<'_>, partner: &Account, number: &str) {
    let body = json!({
        "body": "押金", "out_trade_no": number, "total_fee": 1_000, "spbill_create_ip": "127.0.0.1",
        "notify_url": "https://example.com/notify", "trade_type": "JSAPI", "openid": openid(1),
    });
    ask(world, partner, "v2/deposit/unifiedorder", body).unwrap();
}

fn state(world: &World<'_>, partner: &Account, number: &str) -> Value {
    ask(world, partner, "v2/deposit/orderquery", json!({ "out_trade_no": number })).unwrap()["trade_state"]
        .clone()
}

#[test]
fn a_payment_and_a_reversal_at_once_leave_nothing_of_a_deposit() {
    let (world, partner) = (World::new(), merchant(PARTNER, &[HOTEL]));
    let mut told = Vec::new();
    for round in 0..RACES {
        let number = format!("order-{round:04}");
        offer(&world, &partner, &number);
        let pay = || world.pay(PARTNER, &number, &PaymentRequest::new("")).is_ok();
        let reverse =
            || ask(&world, &partner, "v2/deposit/reverse", json!({ "out_trade_no": number })).is_ok();
        let [is_paid, is_reversed] = at_once([&pay, &reverse], round);
        assert!(is_reversed, "{number}: what was paid goes back, and what was not cannot be paid any more");
        assert_eq!(state(&world, &partner, &number), "REVOKED", "{number}");
        assert_eq!(world.balances(HOTEL, [Frozen, Available, Fees]), [0; 3], "{number}");
        if is_paid {
            told.push(number);
        }
    }
    assert_eq!(world.sum(), 0);
    let notified: Vec<_> = world.notified(&["out_trade_no"]).into_iter().map(|(_, number)| number).collect();
    assert_eq!(notified, told);
}

#[test]
fn a_deposit_that_is_consumed_and_reversed_at_once_is_one_of_both() {
    let (mut world, partner) = (World::new(), merchant(PARTNER, &[HOTEL]));
    for round in 0..RACES {
        let number = format!("order-{round:04}");
        offer(&world, &partner, &number);
        world.pay(PARTNER, &number, &PaymentRequest::new("")).unwrap();
        let [available, fees] = world.balances(HOTEL, [Available, Fees]);
        let consume = || {
            let body = json!({ "out_trade_no": number, "total_fee": 1_000, "consume_fee": 300 });
            ask(&world, &partner, "v2/deposit/consume", body).is_ok()
        };
        let reverse =
            || ask(&world, &partner, "v2/deposit/reverse", json!({ "out_trade_no": number })).is_ok();
        let [is_consumed, is_reversed] = at_once([&consume, &reverse], round);
        assert_ne!(is_consumed, is_reversed, "{number}");
        // Of the fee of 6 fen 2 stay, for the 300.
        let (shown, has, kept, rest) =
            if is_consumed { ("REFUND", 298, 2, 700) } else { ("REVOKED", 0, 0, 0) };
        assert_eq!(state(&world, &partner, &number), shown, "{number}");
        let balances = world.balances(HOTEL, [Frozen, Available, Fees, Refunding]);
        assert_eq!(balances, [0, available + has, fees - 6 + kept, rest], "{number}");
        world.pass(10, false);
    }
    assert_eq!(world.sum(), 0);
}
