//! The handlers on a database, asked step by step, and compared with the model.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::authorization::{self, Authorization};
use super::super::transfer::Transfer;
use super::super::{MAX_AGE_SECONDS, course};
use super::step::{Step, step};
use super::{Asked, Form, Key, Kind, Model, Refused, succeeds};
use crate::ledger::{AccountKind, Owner};
use crate::merchants::Account;
use crate::products::HandlerError;
use crate::products::bills::read_back::balances;
use crate::products::testing::random_steps::{Steps, live_randomly};
use crate::products::testing::world::{APPID, World, merchant, openid};
use crate::store::StoreError;

const MCHIDS: [&str; 2] = ["1900000109", "1900000111"];
const SUB_MCHID: &str = "1900000110";
/// As the model numbers them.
const ACCOUNTS: [&str; 3] = [MCHIDS[0], MCHIDS[1], SUB_MCHID];
const PARTNER: &str = "/v3/fund-app/mch-transfer/partner";
const PLATFORM: &str = "/v3/ecommerce/mch-transfer";
const AUTHORIZATIONS: &str = "/v3/fund-app/mch-transfer/user-confirm-authorization";
const BATCHES: &str = "/v3/transfer/batches";
const PARTNER_BATCHES: &str = "/v3/partner-transfer/batches";

struct Payers {
    world: World<'static>,
    callers: [Account; 2],
    /// What the front end was given: nobody else's leads to a transfer or an authorization of the same number.
    packages: BTreeMap<(&'static str, Key), String>,
}

/// In the place of a state that the response does not have.
const UNTOLD: &str = "untold";

fn bills(form: Form) -> String {
    let product = match form {
        Form::Own => "/v3/fund-app/mch-transfer",
        Form::Partner => PARTNER,
        Form::Platform => PLATFORM,
    };
    format!("{product}/transfer-bills")
}

const fn query(form: Form) -> &'static str {
    match form {
        Form::Own => "",
        Form::Partner | Form::Platform => "?sub_mchid=1900000110",
    }
}

fn state(response: &Value) -> String {
    response["state"].as_str().unwrap_or_default().to_owned()
}

fn notify_url((caller, number): Key) -> String {
    format!("https://example.com/{caller}/{number}")
}

impl Payers {
    fn new() -> Self {
        let callers = MCHIDS.map(|mchid| merchant(mchid, &[]));
        let payers = Self { world: World::new(), callers, packages: BTreeMap::new() };
        let body = json!({ "sub_mchid": SUB_MCHID, "out_apply_no": "a" });
        for caller in [0, 1] {
            payers.ask(caller, "POST", &format!("{PARTNER}/sub-mch-authorizations"), &body).unwrap();
        }
        payers
    }

    fn ask(&self, caller: usize, method: &str, target: &str, body: &Value) -> Result<Value, Refused> {
        self.world.ask(&self.callers[caller], method, target, body).map_err(|refusal| refusal.code)
    }

    fn create(&mut self, key: Key, asked: Asked) -> Result<String, Refused> {
        let mut body = json!({
            "appid": APPID, "out_bill_no": format!("n{}", key.1), "transfer_amount": asked.fen,
            "transfer_remark": "a", "transfer_scene_id": "1009", "notify_url": notify_url(key),
            "transfer_scene_report_infos": [{ "info_type": "采购商品名称", "info_content": "a" }],
        });
        let below = match asked.kind {
            Kind::Plain => "",
            Kind::With(number) => {
                body["authorization_info"] = json!({
                    "user_display_name": "张", "out_authorization_no": format!("a{number}"),
                    "authorization_notify_url": notify_url((key.0, number)),
                });
                "/pre-transfer-with-authorization"
            }
            Kind::By(number) => {
                body["out_authorization_no"] = json!(format!("a{number}"));
                "/transfer"
            }
        };
        if !matches!(asked.kind, Kind::By(_)) {
            body["openid"] = json!(openid(asked.person));
        }
        match asked.form {
            Form::Own => {}
            Form::Partner => {
                body["sub_mchid"] = json!(SUB_MCHID);
                if let (Kind::By(number), Value::Object(body)) = (asked.kind, &mut body) {
                    body.remove("out_authorization_no");
                    // One that is not given has no number of the platform.
                    let given = self.authorization((key.0, number), false).ok();
                    let id = given.and_then(|given| given.get("authorization_id").cloned());
                    body.insert("authorization_id".to_owned(), id.unwrap_or_else(|| json!("1")));
                }
            }
            Form::Platform => {
                body["sub_mchid"] = json!(SUB_MCHID);
                body.as_object_mut().unwrap().remove("transfer_scene_report_infos");
            }
        }
        let made = self.ask(key.0, "POST", &format!("{}{below}", bills(asked.form)), &body)?;
        self.keep_package("transfer", key, &made);
        // Partners are told the state only of what was paid at once.
        let is_told = asked.form != Form::Partner || matches!(asked.kind, Kind::By(_));
        Ok(if is_told { state(&made) } else { UNTOLD.to_owned() })
    }

    /// The transfer of a merchant, by the product that made it.
    fn transfer(&self, caller: usize, number: usize, form: Form) -> Result<Value, Refused> {
        let target = format!("{}/out-bill-no/n{number}{}", bills(form), query(form));
        self.ask(caller, "GET", &target, &Value::Null)
    }

    fn keep_package(&mut self, kind: &'static str, key: Key, made: &Value) {
        if let Some(package) = made["package_info"].as_str() {
            self.packages.insert((kind, key), package.to_owned());
        }
    }

    /// What the person of a transfer does with it.
    fn decide(&self, key: Key, decision: Option<bool>) -> bool {
        let (Some(package), now) = (self.packages.get(&("transfer", key)), self.world.now) else {
            return false;
        };
        let done: Result<bool, HandlerError> = self.world.act(|tx| {
            let Some(found) = Transfer::find_for_person(tx, package)?.pop() else { return Ok(false) };
            let done = match decision {
                Some(fails) => course::confirm(tx, found, fails.then_some("ACCOUNT_FROZEN"), now)?,
                None => course::refuse(tx, found, now)?,
            };
            Ok(done.is_some())
        });
        done.unwrap()
    }

    fn ask_authorization(&mut self, key: Key, person: usize) -> Result<String, Refused> {
        // Partners ask for the same ones.
        let (path, url) = match key.1 {
            2 => (format!("{PARTNER}/user-confirm-authorizations"), "notify_url"),
            _ => (AUTHORIZATIONS.to_owned(), "authorization_notify_url"),
        };
        let body = json!({
            "out_authorization_no": format!("a{}", key.1), "appid": APPID, "openid": openid(person),
            "transfer_scene_id": "1009", "user_display_name": "张", url: notify_url(key),
        });
        let asked = self.ask(key.0, "POST", &path, &body)?;
        self.keep_package("authorization", key, &asked);
        Ok(state(&asked))
    }

    fn authorization(&self, key: Key, is_shown_again: bool) -> Result<Value, Refused> {
        let shown = if is_shown_again { "?is_display_authorization=true" } else { "" };
        let target = format!("{AUTHORIZATIONS}/out-authorization-no/a{}{shown}", key.1);
        self.ask(key.0, "GET", &target, &Value::Null)
    }

    /// What a person does with an authorization: gives it, or ends it.
    fn decide_authorization(&mut self, key: Key, gives: bool) -> bool {
        // One that was asked for together with a transfer shows its package when it is asked for.
        if let Ok(shown) = self.authorization(key, true) {
            self.keep_package("authorization", key, &shown);
        }
        let (package, now) = (self.packages.get(&("authorization", key)), self.world.now);
        // Both merchants have used the number then; the package is the one's alone.
        let number = format!("a{}", key.1);
        let done: Result<bool, StoreError> = self.world.act(|tx| {
            let found = Authorization::find_for_person(tx, package.unwrap_or(&number))?;
            let Some(found) = found.into_iter().find(|found| found.is_by(MCHIDS[key.0])) else {
                return Ok(false);
            };
            match gives {
                true => authorization::take_effect(tx, &found.id, now),
                false => authorization::end_by_person(tx, found, now),
            }
        });
        done.unwrap()
    }

    fn batch(&self, key: Key, of_partner: bool, details: &[(Option<usize>, i64)]) -> Result<String, Refused> {
        let rows = details.iter().enumerate().map(|(index, (person, fen))| {
            json!({
                "out_detail_no": format!("d{index}"), "transfer_amount": fen, "transfer_remark": "a",
                "openid": person.map_or_else(|| "nobody".to_owned(), openid),
            })
        });
        let mut body = json!({
            "out_batch_no": format!("b{}", key.1), "batch_name": "a", "batch_remark": "a",
            "total_amount": details.iter().map(|(_, fen)| fen).sum::<i64>(), "total_num": details.len(),
            "transfer_detail_list": rows.collect::<Vec<_>>(),
        });
        if of_partner {
            body["sub_mchid"] = json!(SUB_MCHID);
            body["sp_appid"] = json!(APPID);
            body["authorization_type"] = json!("FUND_AUTHORIZATION_TYPE");
            for detail in body["transfer_detail_list"].as_array_mut().unwrap() {
                detail["user_name"] = json!("张");
            }
        } else {
            body["appid"] = json!(APPID);
            body["notify_url"] = json!(notify_url(key));
        }
        let path = if of_partner { PARTNER_BATCHES } else { BATCHES };
        let made = self.ask(key.0, "POST", path, &body)?;
        Ok(made["batch_status"].as_str().unwrap_or(UNTOLD).to_owned())
    }
}

fn take(payers: &mut Payers, model: &mut Model, step: &Step) {
    let owned = |done: Result<&'static str, Refused>| done.map(str::to_owned);
    match step.clone() {
        Step::Create { caller, number, asked, again } => {
            let key = (caller, number);
            let asked = model.asked(key).filter(|_| again).unwrap_or(asked);
            let (made, expected) = (payers.create(key, asked), owned(model.create(key, asked)));
            match made.as_deref() {
                Ok(UNTOLD) => assert!(expected.is_ok(), "{expected:?}"),
                _ => assert_eq!(made, expected),
            }
        }
        Step::Cancel { caller, number } => {
            let form = model.asked((caller, number)).map_or(Form::Own, |asked| asked.form);
            let path = format!("{}/out-bill-no/n{number}/cancel", bills(form));
            let body = if form == Form::Own { Value::Null } else { json!({ "sub_mchid": SUB_MCHID }) };
            let done = payers.ask(caller, "POST", &path, &body).map(|shown| state(&shown));
            assert_eq!(done, owned(model.cancel((caller, number))));
        }
        Step::Confirm { caller, number, fails } => {
            let key = (caller, number);
            assert_eq!(payers.decide(key, Some(fails)), model.confirm(key, fails));
        }
        Step::Refuse { caller, number } => {
            let key = (caller, number);
            assert_eq!(payers.decide(key, None), model.refuse(key));
        }
        Step::Ask { caller, number, person } => {
            let key = (caller, number);
            assert_eq!(payers.ask_authorization(key, person), owned(model.ask(key, person)));
        }
        Step::Give { caller, number } => {
            let key = (caller, number);
            assert_eq!(payers.decide_authorization(key, true), model.give(key));
        }
        Step::TakeBack { caller, number } => {
            let key = (caller, number);
            assert_eq!(payers.decide_authorization(key, false), model.close(key, "USER_CLOSE"));
        }
        Step::EndAuthorization { caller, number } => {
            let path = format!("{AUTHORIZATIONS}/out-authorization-no/a{number}/close");
            let done = payers.ask(caller, "POST", &path, &Value::Null).map(drop);
            assert_eq!(done, model.end_authorization((caller, number)));
        }
        Step::Batch { caller, number, of_partner, details, again } => {
            let key = (caller, number);
            let known = model.batches.get(&key).filter(|_| again);
            let (of_partner, details) =
                known.map_or((of_partner, details), |known| (known.of_partner, known.details.clone()));
            let made = payers.batch(key, of_partner, &details);
            let expected = owned(model.batch(key, of_partner, details));
            match made.as_deref() {
                Ok(UNTOLD) => assert!(expected.is_ok(), "{expected:?}"),
                _ => assert_eq!(made, expected),
            }
        }
        Step::TopUp { account, fen } => {
            payers.world.move_by_bank(&Owner::merchant(ACCOUNTS[account]), AccountKind::Operation, fen);
            model.operation[account] += fen;
        }
        Step::Pass { seconds, is_late } => {
            model.pass(seconds, is_late);
            payers.world.pass(seconds, is_late);
        }
        Step::Restart => payers.world.restart(),
    }
}

fn check_money(payers: &Payers, model: &Model) {
    let world = &payers.world;
    let merchants =
        ACCOUNTS.map(|mchid| world.balances(mchid, [AccountKind::Operation, AccountKind::Transferring]));
    let expected = [0, 1, 2].map(|account| [model.operation[account], model.under_way(account)]);
    let wallets = [0, 1].map(|person| world.balance(&Owner::person(openid(person)), AccountKind::Wallet));
    assert_eq!((merchants, wallets, world.sum()), (expected, model.wallets, 0));
}

fn check_records(payers: &Payers, model: &Model) {
    let is_old = |made: i64| model.now - made > MAX_AGE_SECONDS;
    for ((caller, number), known) in &model.transfers {
        let form = model.asked((*caller, *number)).unwrap().form;
        let shown = payers.transfer(*caller, *number, form);
        // Nobody else's money is shown: neither a sub-merchant's as the own, nor the other way round.
        let another = if form == Form::Own { Form::Platform } else { Form::Own };
        assert_eq!(payers.transfer(*caller, *number, another), Err("NOT_FOUND"));
        if is_old(known.made) {
            assert_eq!(shown, Err("NOT_FOUND"));
            continue;
        }
        let shown = shown.unwrap();
        assert_eq!((state(&shown).as_str(), shown["fail_reason"].as_str()), (known.state, known.reason));
        if form == Form::Partner {
            continue;
        }
        let id = shown["transfer_bill_no"].as_str().unwrap();
        let by_platform = format!("{}/transfer-bill-no/{id}{}", bills(form), query(form));
        assert_eq!(payers.ask(*caller, "GET", &by_platform, &Value::Null), Ok(shown));
        assert_eq!(payers.ask(1 - *caller, "GET", &by_platform, &Value::Null), Err("NOT_FOUND"));
    }
    for (key, known) in &model.authorizations {
        let shown = payers.authorization(*key, false).unwrap();
        let reason = shown["close_info"]["close_reason"].as_str();
        assert_eq!((state(&shown).as_str(), reason), (known.state, known.closed));
    }
    for ((caller, number), known) in &model.batches {
        let look = |path: &str| {
            let query = "need_query_detail=true&detail_status=ALL&limit=20";
            payers.ask(*caller, "GET", &format!("{path}/out-batch-no/b{number}?{query}"), &Value::Null)
        };
        let (own, others) =
            if known.of_partner { (PARTNER_BATCHES, BATCHES) } else { (BATCHES, PARTNER_BATCHES) };
        assert_eq!(look(others), Err("NOT_FOUND"));
        let shown = look(own);
        if is_old(known.made) {
            assert_eq!(shown, Err("NOT_FOUND"));
            continue;
        }
        let shown = shown.unwrap();
        let batch = if known.of_partner { &shown } else { &shown["transfer_batch"] };
        assert_eq!(batch["batch_status"], if known.is_finished { "FINISHED" } else { "ACCEPTED" });
        if !known.is_finished {
            continue;
        }
        let successes = known.details.iter().filter(|detail| succeeds(**detail));
        assert_eq!(batch["success_amount"], successes.map(|(_, fen)| fen).sum::<i64>());
        let statuses = shown["transfer_detail_list"].as_array().unwrap().iter();
        let statuses: Vec<_> = statuses.map(|detail| detail["detail_status"] == "SUCCESS").collect();
        let expected: Vec<_> = known.details.iter().map(|detail| succeeds(*detail)).collect();
        assert_eq!(statuses, expected);
    }
    let mut expected = model.notified.clone();
    expected.sort_unstable();
    let outbox = payers.world.outbox().into_iter();
    let mut found: Vec<_> = outbox
        .map(|entry| {
            let whose = entry.notify_url.trim_start_matches("https://example.com/").replace('/', " ");
            let state = entry.resource.get("batch_status").unwrap_or(&entry.resource["state"]);
            let told = format!("{whose} {}", state.as_str().unwrap_or_default());
            (entry.event_type, told)
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected);
}

fn live(steps: &[Step]) {
    let (mut payers, mut model) = (Payers::new(), Model::new());
    for (position, step) in steps.iter().enumerate() {
        take(&mut payers, &mut model, step);
        check_money(&payers, &model);
        if position % 10 == 9 {
            check_records(&payers, &model);
        }
    }
    for (account, mchid) in ACCOUNTS.iter().enumerate() {
        let billed = payers.world.act(|tx| balances(tx, mchid)).unwrap();
        // What no person has received yet is still in the account.
        assert_eq!(billed, [0, model.operation[account] + model.under_way(account)], "{mchid}");
    }
}

#[test]
fn transfers_live_as_the_model_says_and_no_fen_is_lost() {
    let steps = Steps { variable: "WEIPAY_TRANSFER_STEPS", default: 1_200, of_a_life: 150 };
    live_randomly(steps, step(), live);
}
