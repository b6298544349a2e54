//! The handlers on a database, asked step by step, and compared with the model.

use serde_json::{Value, json};

use super::step::{Step, Who, step};
use super::{AGREED, DAY, MCHID, Model, NOW, PEOPLE, Refused, name, number_of, plan};
use crate::clock;
use crate::ledger::{AccountKind, Owner};
use crate::merchants::Account;
use crate::people::account::AccountState;
use crate::products::contracts::contract::{Contract, EndedBy};
use crate::products::contracts::signing;
use crate::products::payments::order::Payer;
use crate::products::testing::random_steps::{Steps, live_randomly, meant};
use crate::products::testing::world::{APPID, World, merchant};
use crate::store::{StoreError, Transaction};

struct Deductor {
    world: World<'static>,
    caller: Account,
}

impl Deductor {
    fn new() -> Self {
        let mut world = World::new();
        world.now = NOW;
        Self { world, caller: merchant(MCHID, &[]) }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, &'static str> {
        let asked = match path.strip_prefix("/v2/") {
            Some(_) => self.world.ask_v2(&self.caller, &path[1..], body),
            None => self.world.ask(&self.caller, method, path, body),
        };
        asked.map_err(|refusal| refusal.code)
    }

    fn contract(&self, code: u8) -> Option<Contract> {
        self.world.act(|tx| Contract::find(tx, MCHID, &name(code))).unwrap()
    }

    fn id(&self, code: u8) -> String {
        let signature = self.contract(code).and_then(|contract| contract.signature);
        signature.map_or_else(|| "209901010000000001".to_owned(), |signature| signature.id)
    }

    /// What a person does with a contract; `false` if there is none.
    fn person(
        &self,
        code: u8,
        mut act: impl FnMut(&Transaction<'_>, Contract) -> Result<bool, StoreError>,
    ) -> bool {
        let done = self.world.act(|tx| match Contract::find(tx, MCHID, &name(code))? {
            Some(contract) => act(tx, contract),
            None => Ok(false),
        });
        done.unwrap()
    }

    fn sign(&self, code: u8, person: usize) -> bool {
        let (openid, person) = (PEOPLE[person].to_owned(), Owner::person(PEOPLE[person]));
        let payer = Payer { openid: Some(openid), sub_openid: None };
        self.person(code, |tx, contract| {
            let checked = signing::check_signable(tx, &contract, &person, self.world.now)?;
            if checked.is_ok() {
                signing::sign(tx, contract, payer.clone(), person.clone(), self.world.now)?;
            }
            Ok(checked.is_ok())
        })
    }

    fn end_by_person(&self, code: u8) -> bool {
        self.person(code, |tx, contract| signing::end(tx, contract, EndedBy::Person, None, self.world.now))
    }
}

fn take(deductor: &mut Deductor, model: &mut Model, step: &Step) {
    let v3 = |expected: Result<(), Refused>| expected.map_err(|refused| refused.code(false));
    match *step {
        Step::Presign { code, has_schedule, account } => {
            let mut body = json!({
                "appid": APPID, "plan_id": plan(has_schedule), "out_contract_code": name(code),
                "contract_display_account": "a", "contract_notify_url": "https://example.com/n",
            });
            if let Some(account) = account {
                body["out_user_code"] = json!(format!("账号{account}"));
            }
            if has_schedule {
                let day = clock::midnight(clock::day(deductor.world.now) + 2);
                let date = clock::date(day);
                body["deduct_schedule"] = json!({ "estimated_deduct_date": date,
                    "estimated_deduct_amount": { "total": AGREED }, "description": "a" });
            }
            let path = "/v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/app";
            assert_eq!(
                deductor.ask("POST", path, &body).map(drop),
                v3(model.presign(code, has_schedule, account)),
                "{step:?}"
            );
        }
        Step::Sign { code, person } => {
            assert_eq!(deductor.sign(code, person), model.sign(code, person), "{step:?}");
        }
        Step::End { code, by } => {
            // The merchant names the plan, which no contract needs to have.
            let plan = plan(model.contracts.get(&code).is_some_and(|known| known.schedule.is_some()));
            let id = deductor.id(code);
            let expected = model.end(code);
            match by {
                Who::Person => assert_eq!(deductor.end_by_person(code), expected.is_ok(), "{step:?}"),
                Who::Merchant => {
                    let path = format!(
                        "/v3/papay/sign/contracts/plan-id/{plan}/out-contract-code/{}/terminate",
                        name(code)
                    );
                    let body = json!({ "contract_termination_remark": "a" });
                    let got = deductor.ask("POST", &path, &body).map(drop);
                    assert_eq!(got, v3(expected), "{step:?}");
                }
                Who::MerchantByV2 => {
                    let body = json!({ "contract_id": id, "contract_termination_remark": "a" });
                    let got = deductor.ask("POST", "/v2/papay/deletecontract", &body).map(drop);
                    let expected = match expected {
                        Err(Refused::HasEnded) => Err("INVALID_REQUEST"),
                        expected => expected.map_err(|refused| refused.code(true)),
                    };
                    assert_eq!(got, expected, "{step:?}");
                }
            }
        }
        Step::OnlyWallet { code, is_so } => {
            let change = |tx: &Transaction<'_>, contract: Contract| {
                tx.save(&Contract { is_wallet_only: is_so, ..contract })?;
                Ok(true)
            };
            let known = model.contracts.get_mut(&code);
            assert_eq!(deductor.person(code, change), known.is_some());
            if let Some(known) = known {
                known.is_wallet_only = is_so;
            }
        }
        Step::Notice { code, days, fen } => {
            let body = json!({ "mchid": MCHID, "appid": APPID, "deduct_duration": { "count": days, "unit": "DAY" },
                "estimated_amount": { "amount": fen, "currency": "CNY" } });
            let path = format!("/v3/papay/contracts/{}/notify", deductor.id(code));
            let got = deductor.ask("POST", &path, &body).map(drop);
            assert_eq!(got, v3(model.notice(code, days, fen)), "{step:?}");
        }
        Step::Book { code, fen } => {
            let body = json!({ "appid": APPID, "schedule_amount": { "total": fen } });
            let path = format!("/v3/papay/pay/schedules/contract-id/{}/schedule", deductor.id(code));
            assert_eq!(deductor.ask("POST", &path, &body).map(drop), v3(model.book(code, fen)), "{step:?}");
        }
        Step::Deduct { code, number, fen, is_v2 } => {
            let signed = model.contracts.iter().filter(|(_, known)| known.signer.is_some());
            let code = meant(code, signed.map(|(code, _)| *code));
            let expected = model.deduct(code, number, fen, is_v2).map_err(|refused| refused.code(is_v2));
            let (path, body) = if is_v2 {
                let body = json!({
                    "appid": APPID, "mch_id": MCHID, "body": "a", "out_trade_no": number_of(number), "total_fee": fen,
                    "spbill_create_ip": "127.0.0.1", "notify_url": "https://example.com/n", "trade_type": "PAP",
                    "contract_id": deductor.id(code),
                });
                ("/v2/pay/pappayapply", body)
            } else {
                let body = json!({
                    "appid": APPID, "description": "a", "out_trade_no": number_of(number), "amount": { "total": fen },
                    "transaction_notify_url": "https://example.com/n", "contract_id": deductor.id(code),
                });
                ("/v3/papay/pay/transactions/apply", body)
            };
            assert_eq!(deductor.ask("POST", path, &body).map(drop), expected, "{step:?} {model:?}");
        }
        Step::Fill { person, fen } => {
            deductor.world.move_by_bank(&Owner::person(PEOPLE[person]), AccountKind::Wallet, fen);
            model.wallets[person] += fen;
        }
        Step::Freeze { person, is_frozen } => {
            let state = if is_frozen { AccountState::Frozen } else { AccountState::Normal };
            deductor.world.act(|tx| state.keep(tx, PEOPLE[person])).unwrap();
            model.are_frozen[person] = is_frozen;
        }
        Step::Pass { seconds, is_late } => {
            deductor.world.pass(seconds, is_late);
            model.pass(seconds, is_late);
        }
        Step::Restart => deductor.world.restart(),
    }
}

fn agree(deductor: &Deductor, model: &Model) {
    assert_eq!(deductor.world.sum(), 0);
    for (code, known) in &model.contracts {
        let plan = plan(known.schedule.is_some());
        let path = format!("/v3/papay/sign/contracts/plan-id/{plan}/out-contract-code/{}", name(*code));
        let shown = deductor.ask("GET", &path, &Value::Null);
        let Some(person) = known.signer else {
            assert_eq!(shown, Err("NOT_FOUND"));
            continue;
        };
        let shown = shown.unwrap();
        let state = if known.has_ended { "TERMINATED" } else { "SIGNED" };
        assert_eq!((&shown["contract_state"], &shown["openid"]), (&json!(state), &json!(PEOPLE[person])));
        if let Some((day, _)) = known.schedule {
            let end = clock::midnight(day + 1) + 8 * 3_600;
            assert_eq!(shown["contract_expired_time"], clock::rfc3339(end), "when it ends by itself");
        }
        let schedule = known.schedule.map(|(_, state)| state);
        assert_eq!(shown["deduct_schedule"]["schedule_state"].as_str(), schedule);
    }
    let mut paid = 0;
    for (number, taking) in &model.takings {
        let body = json!({ "appid": APPID, "mch_id": MCHID, "out_trade_no": number_of(*number) });
        let shown = deductor.ask("POST", "/v2/pay/paporderquery", &body).unwrap();
        assert_eq!(shown["trade_state"], taking.state, "{number} {model:?}");
        paid += if taking.state == "SUCCESS" { taking.fen } else { 0 };
    }
    let accounts = [AccountKind::Unsettled, AccountKind::Available, AccountKind::Fees];
    assert_eq!(deductor.world.balances(MCHID, accounts).iter().sum::<i64>(), paid);
    for (person, fen) in PEOPLE.into_iter().zip(model.wallets) {
        assert_eq!(deductor.world.balance(&Owner::person(person), AccountKind::Wallet), fen);
    }
}

fn live(steps: &[Step]) {
    let (mut deductor, mut model) = (Deductor::new(), Model { now: NOW, ..Model::default() });
    for step in steps {
        take(&mut deductor, &mut model, step);
        agree(&deductor, &model);
    }
    let found = deductor.world.notified(&["out_contract_code", "out_trade_no"]);
    let mut found: Vec<_> = found.into_iter().map(|(event, number)| format!("{event} {number}")).collect();
    let mut expected = model.notified;
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn contracts_live_as_the_model_says_and_money_is_conserved() {
    let steps = Steps { variable: "WEIPAY_CONTRACT_STEPS", default: 1_000, of_a_life: 80 };
    live_randomly(steps, step(), live);
}

#[test]
fn a_deduction_that_fails_late_gives_back_its_own_notice_and_no_later_one() {
    let notice = Step::Notice { code: 0, days: 1, fen: AGREED };
    let deduct = |number, fen| Step::Deduct { code: 0, number, fen, is_v2: false };
    let two_days = |is_late| Step::Pass { seconds: 2 * DAY, is_late };
    live(&[
        Step::Presign { code: 0, has_schedule: false, account: None },
        Step::Sign { code: 0, person: 0 },
        Step::OnlyWallet { code: 0, is_so: true },
        Step::Fill { person: 0, fen: 50 },
        notice.clone(),
        two_days(false),
        deduct(0, AGREED),
        notice,
        two_days(true),
        deduct(1, 1),
        // The first fails, the second does not.
        Step::Pass { seconds: 2, is_late: false },
        deduct(2, 1),
    ]);
}
