//! A transfer is cancelled while its person confirms it: exactly one of both happens.

use serde_json::{Value, json};

use super::course;
use super::transfer::Transfer;
use crate::ledger::{AccountKind, Owner};
use crate::products::HandlerError;
use crate::products::testing::world::{APPID, World, merchant, openid};
use crate::products::testing::world::{RACES, at_once};

const MCHID: &str = "1900000109";
const BILLS: &str = "/v3/fund-app/mch-transfer/transfer-bills";

#[test]
fn a_transfer_that_is_cancelled_while_it_is_confirmed_has_one_outcome() {
    let (mut world, caller) = (World::new(), merchant(MCHID, &[]));
    world.move_by_bank(&Owner::merchant(MCHID), AccountKind::Operation, 100 * RACES as i64);
    let (mut received, mut notified) = (0, Vec::new());
    for round in 0..RACES {
        let number = format!("t{round}");
        let body = json!({
            "appid": APPID, "out_bill_no": number, "transfer_amount": 100, "transfer_remark": "a",
            "transfer_scene_id": "1009", "openid": openid(0), "notify_url": "https://example.com/n",
            "transfer_scene_report_infos": [{ "info_type": "采购商品名称", "info_content": "a" }],
        });
        let made = world.ask(&caller, "POST", BILLS, &body).unwrap();
        let package = made["package_info"].as_str().unwrap();
        let confirm = || {
            let done: Result<bool, HandlerError> = world.act(|tx| {
                let found = Transfer::find_for_person(tx, package)?.pop();
                found.map_or(Ok(false), |found| Ok(course::confirm(tx, found, None, world.now)?.is_some()))
            });
            done.unwrap()
        };
        let path = format!("{BILLS}/out-bill-no/{number}/cancel");
        let cancel = || world.ask(&caller, "POST", &path, &Value::Null).is_ok();
        let [is_confirmed, is_cancelled] = at_once([&confirm, &cancel], round);
        assert_ne!(is_confirmed, is_cancelled, "{number}");
        world.pass(10, false);

        let shown =
            world.ask(&caller, "GET", &format!("{BILLS}/out-bill-no/{number}"), &Value::Null).unwrap();
        let state = if is_confirmed { "SUCCESS" } else { "CANCELLED" };
        assert_eq!(shown["state"], state, "{number}");
        received += if is_confirmed { 100 } else { 0 };
        notified.push(format!("{number} {state}"));
        let left = [100 * RACES as i64 - received, 0];
        assert_eq!(world.balances(MCHID, [AccountKind::Operation, AccountKind::Transferring]), left);
        assert_eq!(world.balance(&Owner::person(openid(0)), AccountKind::Wallet), received);
    }
    assert_eq!(world.sum(), 0);
    let told: Vec<_> = world.notified(&["out_bill_no", "state"]).into_iter().map(|told| told.1).collect();
    notified.sort_unstable();
    assert_eq!(told, notified);
}
