//! Random transfers against a reference model that is small enough to be believed.
//!
//! The model knows of each transfer its amount, when it was made and its state, and what is in the operation account. After each step the
//! handlers must agree with it, the money in transfer is that of the transfers under way, the person has what was paid, and all accounts
//! together have nothing. The clock moves in both directions, and the database is closed and opened again in between.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;
use weipay_catalog::Catalog;
use weipay_wire::ApiV3Key;

use super::transfer::find_for_person;
use super::{CONFIRMATION_SECONDS, DUE, MAX_AGE_SECONDS, ROUTES, STEP_SECONDS, course};
use crate::contract::Contract;
use crate::entropy::Entropy;
use crate::merchants::{Account, Merchants};
use crate::products::ledger::{AccountKind, Business, Owner, Posting, Purse, post, sum_of_everything};
use crate::products::{Context, HandlerError};
use crate::store::Store;

const MCHID: &str = "1900000109";
const APPID: &str = "wx8888888888888888";
const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
/// 2026-08-15T12:00:00+08:00.
const NOW: i64 = 1_786_766_400;
const BILLS: &str = "/v3/fund-app/mch-transfer/transfer-bills";

#[derive(Debug, Clone)]
enum Step {
    Create { number: u8, fen: i64 },
    Cancel { number: u8 },
    Confirm { number: u8, fails: bool },
    Refuse { number: u8 },
    TopUp { fen: i64 },
    Move { seconds: i64 },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0..6_u8;
    prop_oneof![
        4 => (number.clone(), 8..40_i64).prop_map(|(number, fen)| Step::Create { number, fen }),
        2 => number.clone().prop_map(|number| Step::Cancel { number }),
        3 => (number.clone(), any::<bool>()).prop_map(|(number, fails)| Step::Confirm { number, fails }),
        1 => number.prop_map(|number| Step::Refuse { number }),
        2 => (1..60_i64).prop_map(|fen| Step::TopUp { fen }),
        3 => prop_oneof![
            Just(1), Just(STEP_SECONDS), Just(3_600), Just(CONFIRMATION_SECONDS), Just(-1), Just(MAX_AGE_SECONDS),
        ]
        .prop_map(|seconds| Step::Move { seconds }),
        1 => Just(Step::Restart),
    ]
}

struct Known {
    fen: i64,
    made: i64,
    state: &'static str,
    reason: Option<&'static str>,
    /// When the state changes by itself, and into what.
    next: Option<(i64, &'static str, Option<&'static str>)>,
}

#[derive(Default)]
struct Model {
    operation: i64,
    paid: i64,
    transfers: BTreeMap<u8, Known>,
}

type Refused = (u16, &'static str);

impl Model {
    fn create(&mut self, number: u8, fen: i64, now: i64) -> Result<&'static str, Refused> {
        if let Some(known) = self.transfers.get(&number) {
            return if known.fen == fen { Ok(known.state) } else { Err((400, "ALREADY_EXISTS")) };
        }
        if fen < 10 {
            return Err((400, "INVALID_REQUEST"));
        }
        if fen > self.operation {
            return Err((403, "NOT_ENOUGH"));
        }
        self.operation -= fen;
        let next = Some((now + CONFIRMATION_SECONDS, "FAIL", Some("OVERDUE_CLOSE")));
        let known = Known { fen, made: now, state: "WAIT_USER_CONFIRM", reason: None, next };
        self.transfers.insert(number, known);
        Ok("WAIT_USER_CONFIRM")
    }

    fn cancel(&mut self, number: u8, now: i64) -> Result<&'static str, Refused> {
        let known = self.transfers.get_mut(&number).ok_or((400, "INVALID_REQUEST"))?;
        match known.state {
            "WAIT_USER_CONFIRM" => {
                known.state = "CANCELING";
                known.next = Some((now + STEP_SECONDS, "CANCELLED", Some("MCH_CANCEL")));
                Ok("CANCELING")
            }
            "CANCELING" | "CANCELLED" => Ok(known.state),
            _ => Err((400, "INVALID_REQUEST")),
        }
    }

    /// Whether there was anything to confirm.
    fn confirm(&mut self, number: u8, fails: bool, now: i64) -> bool {
        let Some(known) = self.transfers.get_mut(&number) else { return false };
        if known.state != "WAIT_USER_CONFIRM" {
            return false;
        }
        known.state = "TRANSFERING";
        known.next = Some(match fails {
            true => (now + STEP_SECONDS, "FAIL", Some("ACCOUNT_FROZEN")),
            false => (now + STEP_SECONDS, "SUCCESS", None),
        });
        true
    }

    fn refuse(&mut self, number: u8) -> bool {
        let Some(known) = self.transfers.get_mut(&number) else { return false };
        if known.state != "WAIT_USER_CONFIRM" {
            return false;
        }
        (known.state, known.reason, known.next) = ("FAIL", Some("OVERDUE_CLOSE"), None);
        self.operation += known.fen;
        true
    }

    fn pass(&mut self, now: i64) {
        for known in self.transfers.values_mut() {
            let Some((at, state, reason)) = known.next else { continue };
            if at > now {
                continue;
            }
            (known.state, known.reason, known.next) = (state, reason, None);
            match state {
                "SUCCESS" => self.paid += known.fen,
                _ => self.operation += known.fen,
            }
        }
    }

    fn under_way(&self) -> i64 {
        self.transfers.values().filter(|known| known.next.is_some()).map(|known| known.fen).sum()
    }
}

struct Platform {
    folder: TempDir,
    store: Option<Store>,
    contract: Contract,
    entropy: Entropy,
    merchants: Merchants,
    api_v3_key: ApiV3Key,
    caller: Account,
    now: i64,
}

impl Platform {
    fn new() -> Self {
        let mut platform = Self {
            folder: tempfile::tempdir().unwrap(),
            store: None,
            contract: Contract::default(),
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
        platform.restart();
        platform
    }

    fn restart(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&self.folder.path().join("state.db")).unwrap());
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Refused> {
        let routed = Catalog::embedded().route(method, path).unwrap();
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = self.contract.checked(&routed, None, &body).unwrap();
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
        let name = (routed.operation.method, routed.operation.path);
        let route = ROUTES.iter().find(|route| (route.method, route.path) == name).unwrap();
        let done: Result<Value, HandlerError> = self.store().transaction(|tx| (route.handler)(tx, &context));
        done.map_err(|error| match error {
            HandlerError::Refused(refusal) => (refusal.status, refusal.code),
            HandlerError::Failed(error) => panic!("{error}"),
        })
    }

    fn tick(&self) {
        while let Some(due) = self.store().transaction(|tx| tx.next_due(self.now, None)).unwrap() {
            let (_, handler) = DUE.iter().find(|(kind, _)| *kind == due.kind).unwrap();
            let done: Result<(), HandlerError> = self.store().transaction(|tx| {
                tx.unschedule(&due)?;
                handler(tx, &due.key, due.at)
            });
            done.unwrap();
        }
    }
}

fn out_number(number: u8) -> String {
    format!("n{number}")
}

fn take(platform: &mut Platform, model: &mut Model, step: &Step) -> Result<(), TestCaseError> {
    let now = platform.now;
    let state = |response: Value| response["state"].as_str().unwrap_or_default().to_owned();
    match *step {
        Step::Create { number, fen } => {
            let request = json!({
                "appid": APPID, "out_bill_no": out_number(number), "openid": OPENID,
                "transfer_amount": fen, "transfer_remark": "a", "transfer_scene_id": "1009",
                "transfer_scene_report_infos": [{ "info_type": "a", "info_content": "a" }],
            });
            let done = platform.ask("POST", BILLS, &request).map(state);
            prop_assert_eq!(done, model.create(number, fen, now).map(str::to_owned));
        }
        Step::Cancel { number } => {
            let path = format!("{BILLS}/out-bill-no/{}/cancel", out_number(number));
            let done = platform.ask("POST", &path, &Value::Null).map(state);
            prop_assert_eq!(done, model.cancel(number, now).map(str::to_owned));
        }
        Step::Confirm { number, .. } | Step::Refuse { number } => {
            let done: Result<bool, HandlerError> = platform.store().transaction(|tx| {
                let found = find_for_person(tx, &out_number(number))?.pop();
                let Some(transfer) = found else { return Ok(false) };
                Ok(match *step {
                    Step::Confirm { fails, .. } => {
                        course::confirm(tx, transfer, fails.then_some("ACCOUNT_FROZEN"), now)?.is_some()
                    }
                    _ => course::refuse(tx, transfer, now)?.is_some(),
                })
            });
            let expected = match *step {
                Step::Confirm { fails, .. } => model.confirm(number, fails, now),
                _ => model.refuse(number),
            };
            prop_assert_eq!(done.unwrap(), expected);
        }
        Step::TopUp { fen } => {
            let owner = Owner::merchant(MCHID);
            let from = owner.account(AccountKind::Bank);
            let posting = Posting::new(Business::TopUp, "1", now);
            let posting = posting.moves(from, owner.account(AccountKind::Operation), fen);
            platform.store().transaction(|tx| post(tx, posting.clone())).unwrap();
            model.operation += fen;
        }
        Step::Move { seconds } => {
            platform.now += seconds;
            platform.tick();
            model.pass(platform.now);
        }
        Step::Restart => platform.restart(),
    }
    agrees(platform, model)
}

fn agrees(platform: &Platform, model: &Model) -> Result<(), TestCaseError> {
    let (merchant, person, sum) = platform
        .store()
        .transaction(|tx| {
            let merchant = Purse::find(tx, &Owner::merchant(MCHID))?;
            Ok::<_, crate::store::StoreError>((
                merchant,
                Purse::find(tx, &Owner::person(OPENID))?,
                sum_of_everything(tx)?,
            ))
        })
        .unwrap();
    prop_assert_eq!(sum, 0);
    prop_assert_eq!(merchant.balance(AccountKind::Operation), model.operation);
    prop_assert_eq!(merchant.balance(AccountKind::Transferring), model.under_way());
    prop_assert_eq!(person.balance(AccountKind::Wallet), model.paid);
    for (number, known) in &model.transfers {
        let path = format!("{BILLS}/out-bill-no/{}", out_number(*number));
        let shown = platform.ask("GET", &path, &Value::Null);
        if platform.now - known.made > MAX_AGE_SECONDS {
            prop_assert_eq!(shown, Err((404, "NOT_FOUND")));
            continue;
        }
        let shown = shown.unwrap();
        prop_assert_eq!(&shown["state"], known.state);
        prop_assert_eq!(shown["fail_reason"].as_str(), known.reason);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_handlers_do_what_the_model_says_and_no_fen_is_lost(
        steps in proptest::collection::vec(step(), 1..80)
    ) {
        let (mut platform, mut model) = (Platform::new(), Model::default());
        for step in &steps {
            take(&mut platform, &mut model, step)?;
        }
    }
}
