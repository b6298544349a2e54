//! Random lives of contracts against a reference model that is small enough to be believed.
//!
//! The model knows of each contract whether it is signed, until when it can be, what was agreed on and what was taken today; of each
//! deduction its amount and state; and what people have in their wallets. It says of every step whether it is done or why it is refused,
//! by both versions of the API. Time passes, and the database is closed and opened in between. After each step all money adds up to
//! nothing, and contracts, deductions, wallets and what the merchant got are what the model says.
//!
//! `WEIPAY_CONTRACT_STEPS` has the number of steps; the default is quick.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tempfile::TempDir;
use weipay_catalog::Catalog;
use weipay_wire::ApiV3Key;

use super::contract::{Contract, EndedBy};
use super::signing;
use crate::clock;
use crate::contract::{Contract as Rules, ValidRequest};
use crate::entropy::Entropy;
use crate::merchants::{Account, Merchants};
use crate::products::ledger::{AccountKind, Business, Owner, Posting, Purse, post, sum_of_everything};
use crate::products::payments::order::Payer;
use crate::products::{Context, HandlerError, PRODUCTS, due_handler, handler};
use crate::store::{Store, StoreError, Transaction};

const MCHID: &str = "1900000109";
const APPID: &str = "wx8888888888888888";
const PEOPLE: [&str; 2] = ["oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6p"];
/// 2026-08-15T12:00:00+08:00.
const NOW: i64 = 1_786_766_400;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const STEPS_OF_A_CASE: usize = 40;
/// The only amount of contracts with a schedule.
const AGREED: i64 = 100;

#[derive(Debug, Clone)]
enum Step {
    Presign { code: u8, has_schedule: bool },
    Sign { code: u8, person: usize },
    End { code: u8, by_merchant: bool },
    OnlyWallet { code: u8, is_so: bool },
    Notice { code: u8, days: i64, fen: i64 },
    Book { code: u8, fen: i64 },
    Deduct { code: u8, number: u8, fen: i64, is_v2: bool },
    Fill { person: usize, fen: i64 },
    Pass { seconds: i64 },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let code = || 0..5u8;
    let fen = || prop_oneof![3 => Just(AGREED), 1 => Just(1), 1 => Just(20_000), 2 => Just(50_000), 1 => Just(50_001)];
    let seconds =
        prop_oneof![Just(1), Just(2), Just(600), Just(HOUR), Just(9 * HOUR), Just(12 * HOUR), Just(DAY)];
    prop_oneof![
        3 => (code(), any::<bool>()).prop_map(|(code, has_schedule)| Step::Presign { code, has_schedule }),
        4 => (code(), 0..2usize).prop_map(|(code, person)| Step::Sign { code, person }),
        1 => (code(), any::<bool>()).prop_map(|(code, by_merchant)| Step::End { code, by_merchant }),
        2 => (code(), prop_oneof![3 => Just(true), 1 => Just(false)]).prop_map(|(code, is_so)| Step::OnlyWallet { code, is_so }),
        1 => (code(), 1..4i64, fen()).prop_map(|(code, days, fen)| Step::Notice { code, days, fen }),
        2 => (code(), fen()).prop_map(|(code, fen)| Step::Book { code, fen }),
        8 => (code(), 0..8u8, fen(), prop_oneof![2 => Just(true), 1 => Just(false)])
            .prop_map(|(code, number, fen, is_v2)| Step::Deduct { code, number, fen, is_v2 }),
        1 => (0..2usize, 1..60_000i64).prop_map(|(person, fen)| Step::Fill { person, fen }),
        6 => seconds.prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Restart),
    ]
}

/// Why a step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    NoContract,
    HasEnded,
    IsUsed,
    IsPaid,
    Forbidden,
    Limit,
}

impl Refused {
    fn code(self, is_v2: bool) -> &'static str {
        match (self, is_v2) {
            (Self::NoContract, false) => "NOT_FOUND",
            (Self::NoContract | Self::HasEnded, true) => "CONTRACT_NOT_EXIST",
            (Self::IsUsed, false) => "ALREADY_EXISTS",
            (Self::IsPaid, _) => "ORDERPAID",
            (Self::Limit, false) => "RULE_LIMIT",
            (Self::Limit, true) => "RULELIMIT",
            (Self::HasEnded, false) | (Self::IsUsed, true) | (Self::Forbidden, _) => "INVALID_REQUEST",
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Agreement {
    until: i64,
    /// The day and the state, of one with a schedule.
    schedule: Option<(i64, &'static str)>,
    signer: Option<usize>,
    has_ended: bool,
    is_wallet_only: bool,
    /// First day, last day, amount; whether it is used.
    notice: Option<(i64, i64, i64, bool)>,
    today: (i64, i64, i64),
}

#[derive(Debug, Clone)]
struct Taking {
    code: u8,
    fen: i64,
    is_v2: bool,
    state: &'static str,
    accepted: i64,
}

#[derive(Debug, Default)]
struct Model {
    now: i64,
    contracts: BTreeMap<u8, Agreement>,
    takings: BTreeMap<u8, Taking>,
    wallets: [i64; 2],
}

impl Model {
    fn signed(&mut self, code: u8) -> Result<&mut Agreement, Refused> {
        let known = self.contracts.get_mut(&code).filter(|known| known.signer.is_some());
        let known = known.ok_or(Refused::NoContract)?;
        if known.has_ended { Err(Refused::HasEnded) } else { Ok(known) }
    }

    fn presign(&mut self, code: u8, has_schedule: bool) -> Result<(), Refused> {
        if self.contracts.get(&code).is_some_and(|known| known.signer.is_some()) {
            return Err(Refused::IsUsed);
        }
        let schedule = has_schedule.then(|| (clock::day(self.now) + 2, "NO_SCHEDULED"));
        let until = self.now + 600;
        self.contracts.insert(code, Agreement { until, schedule, ..Agreement::default() });
        Ok(())
    }

    fn sign(&mut self, code: u8, person: usize) -> bool {
        let Some(known) = self.contracts.get(&code) else { return false };
        let has_schedule = known.schedule.is_some();
        let is_same =
            |other: &&Agreement| other.signer == Some(person) && other.schedule.is_some() == has_schedule;
        let count = self.contracts.values().filter(is_same).filter(|other| !other.has_ended).count();
        let most = if has_schedule { 10 } else { 1 };
        if known.signer.is_some() || self.now >= known.until || count >= most {
            return false;
        }
        self.contracts.get_mut(&code).unwrap().signer = Some(person);
        true
    }

    fn notice(&mut self, code: u8, days: i64, fen: i64) -> Result<(), Refused> {
        let (now, day) = (self.now, clock::day(self.now));
        let known = self.signed(code)?;
        let is_running = known.notice.is_some_and(|(_, last, _, is_used)| !is_used && day <= last);
        if !(7..22).contains(&(clock::second_of_day(now) / HOUR)) || is_running {
            return Err(Refused::Forbidden);
        }
        known.notice = Some((day + 2, day + 1 + days, fen, false));
        Ok(())
    }

    fn book(&mut self, code: u8, fen: i64) -> Result<(), Refused> {
        let (day, second) = (clock::day(self.now), clock::second_of_day(self.now));
        let schedule = self.signed(code)?.schedule.as_mut().ok_or(Refused::Forbidden)?;
        let is_time = day + 1 == schedule.0 && (8 * HOUR..19 * HOUR + 1_800).contains(&second);
        if schedule.1 != "NO_SCHEDULED" || fen != AGREED || !is_time {
            return Err(Refused::Forbidden);
        }
        schedule.1 = "SCHEDULED";
        Ok(())
    }

    fn deduct(&mut self, code: u8, number: u8, fen: i64, is_v2: bool) -> Result<(), Refused> {
        let (now, day) = (self.now, clock::day(self.now));
        let known = self.takings.get(&number).cloned();
        let is_paid = known.as_ref().is_some_and(|known| known.state == "SUCCESS");
        match self.signed(code) {
            Err(Refused::HasEnded) if is_paid => {}
            found => {
                found?;
            }
        }
        if let Some(known) = known {
            if known.is_v2 != is_v2 {
                return Err(Refused::Forbidden);
            }
            if is_paid {
                return Err(Refused::IsPaid);
            }
            if (known.code, known.fen) != (code, fen) || known.state == "ACCEPT" {
                return Err(Refused::Forbidden);
            }
        }
        let contract = self.contracts.get_mut(&code).unwrap();
        if contract.today.0 != day {
            contract.today = (day, 0, 0);
        }
        if let Some((on, state)) = contract.schedule {
            if (on, state, fen) != (day, "SCHEDULED", AGREED) {
                return Err(Refused::Forbidden);
            }
        } else {
            if let Some((first, last, most, is_used)) = contract.notice {
                let is_time = (7..22).contains(&(clock::second_of_day(now) / HOUR));
                if is_used || !(first..=last).contains(&day) || !is_time || fen > most {
                    return Err(Refused::Forbidden);
                }
            }
            if fen > 50_000 || contract.today.2 + fen > 250_000 || contract.today.1 >= 5 {
                return Err(Refused::Limit);
            }
        }
        contract.today = (day, contract.today.1 + 1, contract.today.2 + fen);
        if let Some(notice) = &mut contract.notice {
            notice.3 = true;
        }
        self.takings.insert(number, Taking { code, fen, is_v2, state: "ACCEPT", accepted: now });
        Ok(())
    }

    fn pass(&mut self, seconds: i64) {
        let until = self.now + seconds;
        loop {
            let deductions = self.takings.iter().filter(|(_, taking)| taking.state == "ACCEPT");
            let deductions = deductions.map(|(number, taking)| (taking.accepted + 2, 1, *number));
            let is_open = |known: &&Agreement| known.signer.is_some() && !known.has_ended;
            let end = |known: &Agreement| Some(clock::midnight(known.schedule?.0 + 1) + 8 * HOUR);
            let ends = self.contracts.iter().filter(|(_, known)| is_open(known));
            let ends = ends.filter_map(|(code, known)| Some((end(known)?, 0, *code)));
            let Some((at, what, number)) = deductions.chain(ends).min().filter(|next| next.0 <= until) else {
                break;
            };
            self.now = self.now.max(at);
            if what == 1 {
                self.take(number);
            } else if let Some(known) = self.contracts.get_mut(&number) {
                known.has_ended = true;
                known.schedule = known.schedule.map(|(day, _)| (day, "EXPIRED"));
            }
        }
        self.now = until;
    }

    fn take(&mut self, number: u8) {
        let taking = self.takings.get_mut(&number).unwrap();
        let contract = self.contracts.get_mut(&taking.code).unwrap();
        let wallet = &mut self.wallets[contract.signer.unwrap()];
        let is_from_wallet = *wallet >= taking.fen;
        if contract.has_ended || (contract.is_wallet_only && !is_from_wallet) {
            taking.state = "PAYERROR";
            if contract.today.0 == clock::day(taking.accepted) {
                contract.today.1 -= 1;
                contract.today.2 -= taking.fen;
            }
            if let Some(notice) = &mut contract.notice {
                notice.3 = false;
            }
            return;
        }
        if is_from_wallet {
            *wallet -= taking.fen;
        }
        taking.state = "SUCCESS";
        if let Some(schedule) = &mut contract.schedule {
            schedule.1 = "PAID";
            contract.has_ended = true;
        }
    }
}

struct World {
    folder: TempDir,
    store: Option<Store>,
    rules: Rules,
    entropy: Entropy,
    merchants: Merchants,
    api_v3_key: ApiV3Key,
    caller: Account,
    now: i64,
}

fn name(code: u8) -> String {
    format!("code{code}")
}

fn number_of(number: u8) -> String {
    format!("order-{number}")
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            store: None,
            rules: Rules::default(),
            entropy: Entropy::seeded(1),
            merchants: Merchants::default(),
            api_v3_key: ApiV3Key::new(&"0".repeat(32)).unwrap(),
            caller: Account {
                mchid: MCHID.to_owned(),
                appids: vec![APPID.to_owned()],
                sub_merchants: Vec::new(),
            },
            now: NOW,
        };
        world.restart();
        world
    }

    fn restart(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&self.folder.path().join("state.db")).unwrap());
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, &'static str> {
        let (operation, request) = match path.strip_prefix("/v2/") {
            Some(_) => {
                let operation = Catalog::embedded().find(method, &path[1..]).unwrap();
                (operation, ValidRequest::from_body(body.as_object().unwrap().clone()))
            }
            None => {
                let routed = Catalog::embedded().route(method, path).unwrap();
                let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
                (routed.operation, self.rules.checked(&routed, None, &bytes).unwrap())
            }
        };
        let context = Context {
            caller: &self.caller,
            api_v3_key: &self.api_v3_key,
            request: &request,
            now: self.now,
            entropy: &self.entropy,
            base_url: "http://127.0.0.1",
            idempotency_key: None,
            merchants: &self.merchants,
            certificates: &[],
            platform_serial: "",
        };
        let handler = handler(PRODUCTS, operation).unwrap();
        let done: Result<Value, HandlerError> = self.store().transaction(|tx| handler(tx, &context));
        done.map_err(|error| match error {
            HandlerError::Refused(refusal) => refusal.code,
            HandlerError::Failed(error) => panic!("{error}"),
        })
    }

    fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        while let Some(due) = self.store().transaction(|tx| tx.next_due(self.now, None)).unwrap() {
            let handler = due_handler(PRODUCTS, &due.kind).unwrap();
            let done: Result<(), HandlerError> = self.store().transaction(|tx| {
                tx.unschedule(&due)?;
                handler(tx, &due.key, due.at)
            });
            done.unwrap();
        }
    }

    fn contract(&self, code: u8) -> Option<Contract> {
        self.store().transaction(|tx| Contract::find(tx, MCHID, &name(code))).unwrap()
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
        let done = self.store().transaction(|tx| match Contract::find(tx, MCHID, &name(code))? {
            Some(contract) => act(tx, contract),
            None => Ok(false),
        });
        done.unwrap()
    }

    fn sign(&self, code: u8, person: usize) -> bool {
        let (openid, person) = (PEOPLE[person].to_owned(), Owner::person(PEOPLE[person]));
        let payer = Payer { openid: Some(openid), sub_openid: None };
        self.person(code, |tx, contract| {
            let checked = signing::check_signable(tx, &contract, &person, self.now)?;
            if checked.is_ok() {
                signing::sign(tx, contract, payer.clone(), person.clone(), self.now)?;
            }
            Ok(checked.is_ok())
        })
    }

    fn end_by_person(&self, code: u8) -> bool {
        self.person(code, |tx, contract| signing::end(tx, contract, EndedBy::Person, None, self.now))
    }

    fn purse(&self, owner: &Owner) -> Purse {
        self.store().transaction(|tx| Purse::find(tx, owner)).unwrap()
    }
}

fn plan(has_schedule: bool) -> i64 {
    if has_schedule { 2 } else { 1 }
}

fn take(world: &mut World, model: &mut Model, step: &Step) {
    let v3 = |expected: Result<(), Refused>| expected.map_err(|refused| refused.code(false));
    match *step {
        Step::Presign { code, has_schedule } => {
            let mut body = json!({
                "appid": APPID, "plan_id": plan(has_schedule), "out_contract_code": name(code),
                "contract_display_account": "a", "contract_notify_url": "https://example.com/n",
            });
            if has_schedule {
                let day = clock::midnight(clock::day(world.now) + 2);
                let date: String = clock::rfc3339(day).chars().take(10).collect();
                body["deduct_schedule"] = json!({ "estimated_deduct_date": date,
                    "estimated_deduct_amount": { "total": AGREED }, "description": "a" });
            }
            let path = "/v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/app";
            assert_eq!(
                world.ask("POST", path, &body).map(drop),
                v3(model.presign(code, has_schedule)),
                "{step:?}"
            );
        }
        Step::Sign { code, person } => {
            assert_eq!(world.sign(code, person), model.sign(code, person), "{step:?}");
        }
        Step::End { code, by_merchant } => {
            let expected = model.signed(code).map(|known| known.has_ended = true);
            if by_merchant {
                let body = json!({ "contract_id": world.id(code), "contract_termination_remark": "a" });
                let got = world.ask("POST", "/v2/papay/deletecontract", &body).map(drop);
                let expected = match expected {
                    Err(Refused::HasEnded) => Err("INVALID_REQUEST"),
                    expected => expected.map_err(|refused| refused.code(true)),
                };
                assert_eq!(got, expected, "{step:?}");
            } else {
                assert_eq!(world.end_by_person(code), expected.is_ok(), "{step:?}");
            }
        }
        Step::OnlyWallet { code, is_so } => {
            let change = |tx: &Transaction<'_>, contract: Contract| {
                tx.save(&Contract { is_wallet_only: is_so, ..contract })?;
                Ok(true)
            };
            let known = model.contracts.get_mut(&code);
            assert_eq!(world.person(code, change), known.is_some());
            if let Some(known) = known {
                known.is_wallet_only = is_so;
            }
        }
        Step::Notice { code, days, fen } => {
            let body = json!({ "mchid": MCHID, "appid": APPID, "deduct_duration": { "count": days, "unit": "DAY" },
                "estimated_amount": { "amount": fen, "currency": "CNY" } });
            let path = format!("/v3/papay/contracts/{}/notify", world.id(code));
            let got = world.ask("POST", &path, &body).map(drop);
            assert_eq!(got, v3(model.notice(code, days, fen)), "{step:?}");
        }
        Step::Book { code, fen } => {
            let body = json!({ "appid": APPID, "schedule_amount": { "total": fen } });
            let path = format!("/v3/papay/pay/schedules/contract-id/{}/schedule", world.id(code));
            assert_eq!(world.ask("POST", &path, &body).map(drop), v3(model.book(code, fen)), "{step:?}");
        }
        Step::Deduct { code, number, fen, is_v2 } => {
            let expected = model.deduct(code, number, fen, is_v2).map_err(|refused| refused.code(is_v2));
            let (path, body) = if is_v2 {
                let body = json!({
                    "appid": APPID, "mch_id": MCHID, "body": "a", "out_trade_no": number_of(number), "total_fee": fen,
                    "spbill_create_ip": "127.0.0.1", "notify_url": "https://example.com/n", "trade_type": "PAP",
                    "contract_id": world.id(code),
                });
                ("/v2/pay/pappayapply", body)
            } else {
                let body = json!({
                    "appid": APPID, "description": "a", "out_trade_no": number_of(number), "amount": { "total": fen },
                    "transaction_notify_url": "https://example.com/n", "contract_id": world.id(code),
                });
                ("/v3/papay/pay/transactions/apply", body)
            };
            assert_eq!(world.ask("POST", path, &body).map(drop), expected, "{step:?} {model:?}");
        }
        Step::Fill { person, fen } => {
            let owner = Owner::person(PEOPLE[person]);
            let (from, to) = (owner.account(AccountKind::Bank), owner.account(AccountKind::Wallet));
            let posting = Posting::new(Business::TopUp, "1", world.now).moves(from, to, fen);
            world.store().transaction(|tx| post(tx, posting.clone())).unwrap();
            model.wallets[person] += fen;
        }
        Step::Pass { seconds } => {
            world.pass(seconds);
            model.pass(seconds);
        }
        Step::Restart => world.restart(),
    }
}

fn agree(world: &World, model: &Model) {
    assert_eq!(world.store().transaction(sum_of_everything).unwrap(), 0);
    for (code, known) in &model.contracts {
        let plan = plan(known.schedule.is_some());
        let path = format!("/v3/papay/sign/contracts/plan-id/{plan}/out-contract-code/{}", name(*code));
        let shown = world.ask("GET", &path, &Value::Null);
        let Some(person) = known.signer else {
            assert_eq!(shown, Err("NOT_FOUND"));
            continue;
        };
        let shown = shown.unwrap();
        let state = if known.has_ended { "TERMINATED" } else { "SIGNED" };
        assert_eq!((&shown["contract_state"], &shown["openid"]), (&json!(state), &json!(PEOPLE[person])));
        let schedule = known.schedule.map(|(_, state)| state);
        assert_eq!(shown["deduct_schedule"]["schedule_state"].as_str(), schedule);
    }
    let mut paid = 0;
    for (number, taking) in &model.takings {
        let body = json!({ "appid": APPID, "mch_id": MCHID, "out_trade_no": number_of(*number) });
        let shown = world.ask("POST", "/v2/pay/paporderquery", &body).unwrap();
        assert_eq!(shown["trade_state"], taking.state, "{number} {model:?}");
        paid += if taking.state == "SUCCESS" { taking.fen } else { 0 };
    }
    let merchant = world.purse(&Owner::merchant(MCHID));
    assert_eq!(merchant.basic() + merchant.balance(AccountKind::Fees), paid);
    for (person, fen) in PEOPLE.into_iter().zip(model.wallets) {
        assert_eq!(world.purse(&Owner::person(person)).balance(AccountKind::Wallet), fen);
    }
}

#[test]
fn contracts_live_as_the_model_says_and_money_is_conserved() {
    let steps = std::env::var("WEIPAY_CONTRACT_STEPS")
        .ok()
        .and_then(|steps| steps.parse().ok())
        .unwrap_or(1_000usize);
    let cases = u32::try_from(steps.div_ceil(STEPS_OF_A_CASE)).unwrap();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let lives = proptest::collection::vec(step(), STEPS_OF_A_CASE);
    let run = TestRunner::new(config).run(&lives, |steps| {
        let (mut world, mut model) = (World::new(), Model { now: NOW, ..Model::default() });
        for step in &steps {
            take(&mut world, &mut model, step);
            agree(&world, &model);
        }
        Ok(())
    });
    run.unwrap();
}
