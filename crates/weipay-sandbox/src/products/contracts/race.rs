//! A contract ends while money is taken by it: the deduction is done or fails, as a whole.

use serde_json::json;

use super::contract::{Contract, EndedBy};
use super::signing;
use crate::ledger::{AccountKind, Owner};
use crate::products::payments::order::Payer;
use crate::products::testing::world::{APPID, World, merchant, openid};
use crate::products::testing::world::{RACES, at_once};
use crate::store::StoreError;

const MCHID: &str = "1900000109";

#[test]
fn a_contract_that_ends_while_it_is_deducted_from_has_one_outcome() {
    let (mut world, caller) = (World::new(), merchant(MCHID, &[]));
    let (mut paid, mut notified) = (0, Vec::new());
    for round in 0..RACES {
        let (code, number) = (format!("code{round}"), format!("order-{round}"));
        let body = json!({
            "appid": APPID, "plan_id": 1, "out_contract_code": code, "contract_display_account": "a",
            "contract_notify_url": "https://example.com/n",
        });
        let path = "/v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/app";
        world.ask(&caller, "POST", path, &body).unwrap();
        let signed: Result<String, StoreError> = world.act(|tx| {
            let contract = Contract::find(tx, MCHID, &code)?.unwrap();
            let payer = Payer { openid: Some(openid(round)), sub_openid: None };
            signing::sign(tx, contract, payer, Owner::person(openid(round)), world.now)?;
            Ok(Contract::find(tx, MCHID, &code)?.unwrap().signature.unwrap().id)
        });
        let body = json!({
            "appid": APPID, "description": "a", "out_trade_no": number, "amount": { "total": 1_000 },
            "transaction_notify_url": "https://example.com/n", "contract_id": signed.unwrap(),
        });
        world.ask(&caller, "POST", "/v3/papay/pay/transactions/apply", &body).unwrap();
        world.now += 2;
        let deduct = || {
            world.tick();
            true
        };
        let end = || {
            let done: Result<bool, StoreError> = world.act(|tx| {
                let contract = Contract::find(tx, MCHID, &code)?.unwrap();
                signing::end(tx, contract, EndedBy::Person, None, world.now)
            });
            done.unwrap()
        };
        let path = format!("/v3/papay/sign/contracts/plan-id/1/out-contract-code/{code}/terminate");
        let terminate =
            || world.ask(&caller, "POST", &path, &json!({ "contract_termination_remark": "a" })).is_ok();
        let [_, by_person, by_merchant] = at_once([&deduct, &end, &terminate], round);
        assert_ne!(by_person, by_merchant, "{code} ends once");

        let body = json!({ "appid": APPID, "mch_id": MCHID, "out_trade_no": number });
        let shown = world.ask_v2(&caller, "v2/pay/paporderquery", &body).unwrap();
        let is_paid = shown["trade_state"] == "SUCCESS";
        assert!(is_paid || shown["trade_state"] == "PAY_FAIL", "{shown}");
        paid += if is_paid { 994 } else { 0 };
        let event = if is_paid { "TRANSACTION.SUCCESS" } else { "TRANSACTION.FAIL" };
        notified.extend([
            (event.to_owned(), number),
            ("ENTRUST.SIGN".to_owned(), code.clone()),
            ("ENTRUST.TERMINATE".to_owned(), code),
        ]);
        let has = world.balances(MCHID, [AccountKind::Unsettled, AccountKind::Available]);
        assert_eq!(has.iter().sum::<i64>(), paid);
    }
    assert_eq!(world.sum(), 0);
    notified.sort_unstable();
    assert_eq!(world.notified(&["out_contract_code", "out_trade_no"]), notified);
}
