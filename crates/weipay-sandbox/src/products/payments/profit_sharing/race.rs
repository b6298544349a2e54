//! Money that is wanted twice at the same time: what waits to be shared, and what a merchant has available.

use serde_json::{Value, json};

use crate::ledger::AccountKind::{Available, Frozen, Refunding, Withdrawing};
use crate::ledger::Owner;
use crate::merchants::Account;
use crate::products::testing::world::{APPID, Sale, World, merchant};
use crate::products::testing::world::{RACES, at_once};

const MCHID: &str = "1900000109";
const SUB: &str = "1900000110";
const RECEIVER: &str = "1900000111";

/// A platform whose sub-merchant shares with a receiver.
fn platform() -> (World<'static>, Account) {
    let (world, caller) = (World::new(), merchant(MCHID, &[SUB, RECEIVER]));
    let body = json!({
        "appid": APPID, "type": "MERCHANT_ID", "account": RECEIVER, "name": "a", "relation_type": "SUPPLIER",
    });
    world.ask(&caller, "POST", "/v3/ecommerce/profitsharing/receivers/add", &body).unwrap();
    (world, caller)
}

/// Sells for 10 yuan, of which 994 fen wait to be shared.
fn sell(world: &mut World<'static>, caller: &Account, number: &str) -> String {
    let sale = Sale { sub_mchid: Some(SUB), number, fen: 1_000, is_shared: true, person: 0 };
    let id = world.sell(caller, &sale);
    world.pass(60, false);
    id
}

fn split(id: &str, number: &str, fen: i64, finishes: bool) -> Value {
    let part =
        json!({ "type": "MERCHANT_ID", "receiver_account": RECEIVER, "amount": fen, "description": "a" });
    json!({
        "sub_mchid": SUB, "transaction_id": id, "out_order_no": number, "receivers": [part], "finish": finishes,
    })
}

fn refund(id: &str, number: &str, fen: i64, account: &str) -> Value {
    json!({
        "sub_mchid": SUB, "sp_appid": APPID, "transaction_id": id, "out_refund_no": number,
        "refund_account": account, "notify_url": "https://example.com/n",
        "amount": { "refund": fen, "total": 1_000 },
    })
}

const APPLY: &str = "/v3/ecommerce/refunds/apply";
const ORDERS: &str = "/v3/ecommerce/profitsharing/orders";

/// What is left is enough for the split or for the refund. The advance comes back from other money, in any order.
#[test]
fn refund_sharing_and_advance_at_once_move_each_fen_once() {
    let (mut world, caller) = platform();
    let mut notified = Vec::new();
    for round in 0..RACES {
        let number = format!("order-{round}");
        world.move_by_bank(&Owner::merchant(MCHID), Available, 100);
        let id = sell(&mut world, &caller, &number);
        let advanced = refund(&id, &format!("a{round}"), 100, "REFUND_SOURCE_PARTNER_ADVANCE");
        let advanced = world.ask(&caller, "POST", APPLY, &advanced).unwrap();
        world.pass(60, false);
        notified.push(format!("a{round} SUCCESS"));
        let before = world.balances(SUB, [Available, Frozen]);
        // As much as the advance, and no more.
        world.move_by_bank(&Owner::merchant(SUB), Available, 100 - before[0]);

        let own = refund(&id, &format!("r{round}"), 800, "REFUND_SOURCE_SUB_MERCHANT");
        let give_back = || world.ask(&caller, "POST", APPLY, &own).is_ok();
        let parts = split(&id, &format!("s{round}"), 270, false);
        let share = || world.ask(&caller, "POST", ORDERS, &parts).is_ok();
        let path =
            format!("/v3/ecommerce/refunds/{}/return-advance", advanced["refund_id"].as_str().unwrap());
        let return_advance = || {
            let shown = world.ask(&caller, "POST", &path, &json!({ "sub_mchid": SUB }));
            shown.is_ok_and(|shown| shown["result"] == "SUCCESS")
        };
        let [is_refunded, is_shared, is_back] = at_once([&give_back, &share, &return_advance], round);
        assert!(is_refunded != is_shared && is_back, "{number}");
        if is_refunded {
            notified.push(format!("r{round} SUCCESS"));
        }
        world.pass(10, false);
        let receives = world.balance(&Owner::merchant(RECEIVER), Available);
        assert_eq!(receives, if is_shared { 270 } else { 0 });
        world.move_by_bank(&Owner::merchant(RECEIVER), Available, -receives);
        assert_eq!((world.balances(SUB, [Available, Refunding]), world.sum()), ([0, 0], 0));
        assert_eq!(world.balance(&Owner::merchant(MCHID), Available), 100);
        world.move_by_bank(&Owner::merchant(MCHID), Available, -100);

        // The sub-merchant has the rest.
        let finish = json!({
            "sub_mchid": SUB, "transaction_id": id, "out_order_no": format!("f{round}"), "description": "a",
        });
        world.ask(&caller, "POST", "/v3/ecommerce/profitsharing/finish-order", &finish).unwrap();
        world.pass(10, false);
        let [rest, frozen] = world.balances(SUB, [Available, Frozen]);
        assert!((190..=200).contains(&rest) == is_refunded && frozen == 0, "{rest} {frozen}");
        world.move_by_bank(&Owner::merchant(SUB), Available, -rest);
    }
    let told = world.notified(&["out_refund_no", "refund_status"]).into_iter();
    let told: Vec<_> = told.filter(|(event, _)| event.starts_with("REFUND.")).map(|told| told.1).collect();
    notified.sort_unstable();
    assert_eq!(told, notified);
}

#[test]
fn a_receiver_that_withdraws_what_it_is_to_give_back_does_one_of_both() {
    let (mut world, caller) = platform();
    let mut withdrawn = Vec::new();
    for round in 0..RACES {
        let id = sell(&mut world, &caller, &format!("order-{round}"));
        world.ask(&caller, "POST", ORDERS, &split(&id, &format!("s{round}"), 200, true)).unwrap();
        world.pass(10, false);
        let [has] = world.balances(SUB, [Available]);
        let body = json!({
            "sub_mchid": SUB, "out_order_no": format!("s{round}"), "out_return_no": format!("b{round}"),
            "return_mchid": RECEIVER, "amount": 150, "description": "a",
        });
        let give_back =
            || world.ask(&caller, "POST", "/v3/ecommerce/profitsharing/returnorders", &body).is_ok();
        let asked = json!({
            "sub_mchid": RECEIVER, "out_request_no": format!("w{round}"), "amount": 150,
            "notify_url": "https://example.com/n",
        });
        let withdraw = || world.ask(&caller, "POST", "/v3/ecommerce/fund/withdraw", &asked).is_ok();
        let [is_back, is_withdrawn] = at_once([&give_back, &withdraw], round);
        assert_ne!(is_back, is_withdrawn, "{round}");
        let under_way = if is_withdrawn { 150 } else { 0 };
        assert_eq!(world.balances(RECEIVER, [Available, Withdrawing]), [50, under_way]);
        assert_eq!(world.balances(SUB, [Available]), [has + 150 - under_way]);
        if is_withdrawn {
            withdrawn.push(format!("w{round} SUCCESS"));
        }
        world.pass(10, false);
        world.move_by_bank(&Owner::merchant(RECEIVER), Available, -50);
        assert_eq!((world.balances(RECEIVER, [Available, Withdrawing]), world.sum()), ([0, 0], 0));
    }
    let told = world.notified(&["out_request_no", "status"]).into_iter();
    let told: Vec<_> = told.filter(|(event, _)| event == "MCHWITHDRAW.CHANGE").map(|told| told.1).collect();
    withdrawn.sort_unstable();
    assert_eq!(told, withdrawn);
}
