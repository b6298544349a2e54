//! The platform's handlers on a database, asked step by step, and compared with the model.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};
use tempfile::TempDir;
use weipay_catalog::Catalog;
use weipay_wire::ApiV3Key;

use super::step::{self, Number, Step, Tie, step};
use super::{
    BY_DAY, BY_USER, CodeState, INVALID, Model, ModelCoupon, OWN, Refused, State, TOTAL, UPLOADED, WECHATPAY,
    target,
};
use crate::clock;
use crate::contract::{Contract, ValidRequest};
use crate::entropy::Entropy;
use crate::merchants::{Account, Merchants};
use crate::products::merchant_coupons::coupon::{self, Condition, Coupon};
use crate::products::merchant_coupons::fixtures::{APPID, CALLER, MCHID, NOW, stock_request, stranger};
use crate::products::merchant_coupons::stock::{self, StockState};
use crate::products::merchant_coupons::{DUE, ROUTES};
use crate::products::{Context, HandlerError};
use crate::store::{Store, StoreError};

const END: &str = "2026-08-20T23:59:59+08:00";

/// A database that lives through many cases, and what handlers need beside it.
struct Platform {
    folder: TempDir,
    store: Option<Store>,
    contract: Contract,
    entropy: Entropy,
    merchants: Merchants,
    api_v3_key: ApiV3Key,
    /// Counts what was asked, so that every case has numbers that no other has.
    asked: u64,
}

impl Platform {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut platform = Self {
            folder,
            store: None,
            contract: Contract::default(),
            entropy: Entropy::seeded(seed),
            merchants: Merchants::default(),
            api_v3_key: ApiV3Key::new(&"0".repeat(32)).unwrap(),
            asked: 0,
        };
        platform.restart();
        platform
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// Closes the database and opens it again.
    fn restart(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&self.file()).unwrap());
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn fresh_number(&mut self) -> String {
        self.asked += 1;
        format!("n-{}", self.asked)
    }

    fn handle(
        &self,
        caller: &Account,
        route: (&str, &str),
        key: Option<&str>,
        request: &ValidRequest,
        now: i64,
    ) -> Result<Value, HandlerError> {
        let context = Context {
            base_url: "http://127.0.0.1",
            caller,
            api_v3_key: &self.api_v3_key,
            request,
            now,
            entropy: &self.entropy,
            idempotency_key: key,
            merchants: &self.merchants,
            certificates: &[],
            platform_serial: "",
        };
        let known = ROUTES.iter().find(|known| (known.method, known.path) == route).unwrap();
        self.store().transaction(|tx| (known.handler)(tx, &context))
    }

    /// Asks an operation whose path has no values. What a body may hold is tested elsewhere.
    fn post(&self, caller: &Account, below: &str, body: &Value, now: i64) -> Result<Value, HandlerError> {
        let path = format!("v3/marketing/{below}");
        let Value::Object(members) = body.clone() else { unreachable!() };
        let key = below.starts_with("partnerships").then(|| body["key"].as_str().unwrap());
        self.handle(caller, ("POST", &path), key, &ValidRequest::from_body(members), now)
    }

    /// Asks any operation.
    fn ask(&self, method: &str, target: &str, body: &Value, now: i64) -> Result<Value, HandlerError> {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let path = format!("/v3/marketing/busifavor/{path}");
        let routed = Catalog::embedded().route(method, &path).unwrap();
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = self.contract.checked(&routed, query, &body)?;
        let route = (routed.operation.method, routed.operation.path);
        self.handle(&CALLER, route, None, &request, now)
    }

    /// Does what is due, as the platform's tick does.
    fn tick(&self, now: i64) {
        while let Some(due) = self.store().transaction(|tx| tx.next_due(now, None)).unwrap() {
            let (_, handler) = DUE.iter().find(|(kind, _)| *kind == due.kind).unwrap();
            let done: Result<(), HandlerError> = self.store().transaction(|tx| {
                tx.unschedule(&due)?;
                handler(tx, &due.key, due.at)
            });
            done.unwrap();
        }
    }
}

/// What was asked under a number, and what came back.
struct Known {
    number: String,
    asked: (Value, bool),
    response: Value,
}

/// One case: its own stocks on the database, and the model of them.
struct Case<'a> {
    platform: &'a mut Platform,
    model: Model,
    stocks: Vec<String>,
    /// By the kind of the step, and by where its numbers are unique.
    known: HashMap<(&'static str, String), Vec<Known>>,
}

impl<'a> Case<'a> {
    fn new(platform: &'a mut Platform) -> Self {
        let mut stocks = Vec::new();
        for position in [WECHATPAY, OWN, UPLOADED] {
            let mut request = stock_request();
            let mut times =
                json!({ "available_begin_time": "2026-08-01T00:00:00+08:00", "available_end_time": END });
            let mut rule = json!({ "max_coupons": TOTAL, "max_coupons_per_user": BY_USER });
            let mode = match position {
                WECHATPAY => "WECHATPAY_MODE",
                OWN => {
                    times["wait_days_after_receive"] = json!(1);
                    times["available_day_after_receive"] = json!(2);
                    "MERCHANT_API"
                }
                _ => {
                    rule["max_coupons_by_day"] = json!(BY_DAY);
                    "MERCHANT_UPLOAD"
                }
            };
            request["coupon_use_rule"]["coupon_available_time"] = times;
            request.insert("stock_send_rule".to_owned(), rule);
            request.insert("coupon_code_mode".to_owned(), mode.into());
            request.insert("out_request_no".to_owned(), platform.fresh_number().into());
            let created = platform.post(&CALLER, "busifavor/stocks", &Value::Object(request), NOW).unwrap();
            stocks.push(created["stock_id"].as_str().unwrap().to_owned());
        }
        let model = Model::new(NOW, clock::parse(END).unwrap());
        Self { platform, model, stocks, known: HashMap::new() }
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let Some(number) = step.number() else { return self.take_without_number(step) };
        let scope = (step.kind(), self.scope(step));
        let known = self.known.get(&scope).filter(|known| !known.is_empty());
        let known = match (number, known) {
            (Number::Known(index), Some(known)) => Some(index % known.len()),
            _ => None,
        };
        let number = match known {
            Some(index) => self.known[&scope][index].number.clone(),
            None => self.platform.fresh_number(),
        };
        let by_other = step.by_other();
        let (method, target, body) = self.request(step, &number);
        let response = self.send(method, &target, &body, by_other);
        let first = known.map(|index| &self.known[&scope][index]);
        match (first, response) {
            (Some(first), Ok(response)) => {
                prop_assert_eq!(
                    &first.asked,
                    &(body, by_other),
                    "another request succeeded under a known number"
                );
                prop_assert_eq!(&first.response, &response, "a repeat got another response");
            }
            (Some(first), Err(HandlerError::Refused(refusal))) => {
                prop_assert_ne!(&first.asked, &(body, by_other), "a repeat was refused: {:?}", refusal);
                prop_assert_eq!((refusal.status, refusal.code), (400, INVALID));
            }
            (None, Ok(response)) => {
                let allowed = self.model.apply(step);
                prop_assert_eq!(allowed, Ok(()), "{:?} succeeded with {}", step, response);
                if let Step::Send { stock, user, code, .. } = step {
                    let sent = response["send_coupon_result"]["coupon_code"].as_str().unwrap();
                    prop_assert!(code.is_none_or(|code| step::own_code(code) == sent));
                    self.model.sent(*stock, *user, sent);
                }
                let asked = (body, by_other);
                self.known.entry(scope).or_default().push(Known { number, asked, response });
            }
            (None, Err(HandlerError::Refused(refusal))) => {
                let refused = self.model.apply(step);
                prop_assert_eq!(
                    refused,
                    Err::<(), Refused>(refusal.code),
                    "{:?} was refused with {:?}",
                    step,
                    refusal
                );
            }
            (_, Err(HandlerError::Failed(error))) => prop_assert!(false, "{}", error),
        }
        self.touched(step)
    }

    fn take_without_number(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Restart => self.platform.restart(),
            Step::SetState { stock, runs } => {
                let state = if *runs { StockState::Running } else { StockState::Paused };
                let id = &self.stocks[*stock];
                let found = self.platform.store().transaction(|tx| stock::set_stock_state(tx, id, state));
                prop_assert!(found.unwrap());
            }
            Step::UserDeletes { coupon } => {
                let deleted = match self.model.coupons.get(*coupon) {
                    Some(known) => self.throw_away(known),
                    None => false,
                };
                prop_assert_eq!(self.model.apply(step).is_ok(), deleted);
                return self.touched(step);
            }
            _ => {}
        }
        let _ = self.model.apply(step);
        if matches!(step, Step::Wait { .. }) {
            self.platform.tick(self.model.now);
        }
        Ok(())
    }

    fn throw_away(&self, known: &ModelCoupon) -> bool {
        let (id, now) = (&self.stocks[known.stock], self.model.now);
        let thrown: Result<bool, StoreError> = self.platform.store().transaction(|tx| {
            let found = coupon::find(tx, id, &known.code)?.map(|(_, coupon)| coupon);
            let usable = found.filter(|coupon| coupon.is_usable_at(now));
            let thrown = usable.map(|coupon| Coupon { condition: Condition::Deleted, ..coupon });
            thrown.map_or(Ok(false), |coupon| tx.save(&coupon).map(|()| true))
        });
        thrown.unwrap()
    }

    /// Where numbers of a step are unique.
    fn scope(&self, step: &Step) -> String {
        match step {
            Step::Send { stock, user, by_partner, .. } => format!("{stock} {user} {by_partner}"),
            Step::Budget { stock, .. } => stock.to_string(),
            Step::DeleteCode { code, .. } => code.to_string(),
            // A number is the caller's.
            _ => step.by_other().to_string(),
        }
    }

    fn send(&self, method: &str, target: &str, body: &Value, by_other: bool) -> Result<Value, HandlerError> {
        let now = self.model.now;
        if method == "POST" && !target.contains("couponcodes") {
            let other = stranger();
            let caller = if by_other { &other } else { &CALLER };
            return self.platform.post(caller, target, body, now);
        }
        self.platform.ask(method, target, body, now)
    }

    fn request(&self, step: &Step, number: &str) -> (&'static str, String, Value) {
        let post = |below: &str, body: Value| ("POST", below.to_owned(), body);
        let of_coupon = |coupon: usize, name: &str| {
            let (stock, code) = match self.model.coupons.get(coupon) {
                Some(known) => (known.stock, &*known.code),
                None => (WECHATPAY, "unknown"),
            };
            json!({ "stock_id": self.stocks[stock], "coupon_code": code, name: number })
        };
        let tie = |tie: &Tie| {
            let mut body = of_coupon(tie.coupon, "out_request_no");
            body["out_trade_no"] = json!(order(tie.order));
            body
        };
        match step {
            Step::Send { stock, user, code, .. } => {
                let mut body = json!({
                    "stock_id": self.stocks[*stock], "openid": openid(*user), "appid": APPID, "out_request_no": number,
                });
                if let Some(code) = code {
                    body["coupon_code"] = json!(step::own_code(*code));
                }
                post("busifavor/coupons/send", body)
            }
            Step::Use { coupon, .. } => {
                let mut body = of_coupon(*coupon, "use_request_no");
                body["appid"] = json!(APPID);
                body["use_time"] = json!("2026-08-15T12:00:00+08:00");
                post("busifavor/coupons/use", body)
            }
            Step::Associate(given) => post("busifavor/coupons/associate", tie(given)),
            Step::Disassociate(given) => post("busifavor/coupons/disassociate", tie(given)),
            Step::Return { coupon, .. } => {
                post("busifavor/coupons/return", of_coupon(*coupon, "return_request_no"))
            }
            Step::Deactivate { coupon, .. } => {
                post("busifavor/coupons/deactivate", of_coupon(*coupon, "deactivate_request_no"))
            }
            Step::Budget { stock, by, by_day, knows, .. } => {
                let known = &self.model.stocks[*stock];
                let cap = if *by_day { known.by_day.unwrap_or(BY_DAY) } else { known.total };
                let names = match by_day {
                    true => ("target_max_coupons_by_day", "current_max_coupons_by_day"),
                    false => ("target_max_coupons", "current_max_coupons"),
                };
                let current = if *knows { cap } else { cap + 1 };
                let body = json!({ names.0: target(cap, *by), names.1: current, "modify_budget_request_no": number });
                ("PATCH", format!("stocks/{}/budget", self.stocks[*stock]), body)
            }
            Step::Upload { codes, .. } => {
                let codes: Vec<_> = codes.iter().map(|code| step::uploaded_code(*code)).collect();
                let body = json!({ "coupon_code_list": codes, "upload_request_no": number });
                ("POST", format!("stocks/{}/couponcodes", self.stocks[UPLOADED]), body)
            }
            Step::DeleteCode { code, .. } => {
                let code = step::uploaded_code(*code);
                let code = percent_encoding::utf8_percent_encode(&code, percent_encoding::NON_ALPHANUMERIC);
                let target =
                    format!("stocks/{}/couponcodes/{code}?delete_request_no={number}", self.stocks[UPLOADED]);
                ("DELETE", target, Value::Null)
            }
            Step::Pact { stock, builds, .. } => {
                let body = json!({
                    "partner": { "type": "APPID", "appid": APPID },
                    "authorized_data": { "business_type": "BUSIFAVOR_STOCK", "stock_id": self.stocks[*stock] },
                    "key": number,
                });
                post(if *builds { "partnerships/build" } else { "partnerships/terminate" }, body)
            }
            Step::UserDeletes { .. } | Step::SetState { .. } | Step::Wait { .. } | Step::Restart => {
                unreachable!()
            }
        }
    }

    /// The coupon and the stock that a step was about are as the model says, whether or not the step was done.
    fn touched(&self, step: &Step) -> Result<(), TestCaseError> {
        let coupon = match step {
            Step::Send { .. } => self.model.coupons.last(),
            _ => step.coupon().and_then(|coupon| self.model.coupons.get(coupon)),
        };
        let Some(known) = coupon else { return Ok(()) };
        let id = &self.stocks[known.stock];
        let found = self.platform.store().transaction(|tx| {
            Ok::<_, StoreError>((coupon::find(tx, id, &known.code)?, stock::find_with_sent(tx, id)?))
        });
        let (coupon, stock) = found.unwrap();
        let ((_, coupon), (_, sent)) = (coupon.unwrap(), stock.unwrap());
        let is_same = matches!(
            (&coupon.condition, known.state),
            (Condition::Sent, State::Sended)
                | (Condition::Used(_), State::Used)
                | (Condition::Deactivated(..), State::Deactivated)
                | (Condition::Deleted, State::Deleted)
        );
        prop_assert!(is_same, "{:?} is not {:?}", coupon, known);
        let associated = coupon.association.as_ref().map(|association| association.out_trade_no.clone());
        prop_assert_eq!(associated, known.order.map(order));
        prop_assert_eq!(coupon.returned.is_some(), known.is_returned);
        prop_assert_eq!(coupon.window.expire, known.expire);
        let of_stock = &self.model.stocks[known.stock];
        prop_assert_eq!(
            (sent.total, sent.today(self.model.now)),
            (of_stock.sent, self.model.sent_today(known.stock))
        );
        prop_assert!(sent.total <= of_stock.total);
        Ok(())
    }

    /// Everything that the API shows is as the model says.
    fn agrees(&self) -> Result<(), TestCaseError> {
        let now = self.model.now;
        let get = |target: &str| self.platform.ask("GET", target, &Value::Null, now).unwrap();
        for (position, id) in self.stocks.iter().enumerate() {
            let (shown, known) = (get(&format!("stocks/{id}")), &self.model.stocks[position]);
            prop_assert_eq!(&shown["send_count_information"]["total_send_num"], &json!(known.sent));
            prop_assert_eq!(&shown["stock_send_rule"]["max_coupons"], &json!(known.total));
            prop_assert_eq!(shown["stock_state"] == "RUNNING", self.model.runs(position));
        }
        let count = |state: CodeState| self.model.codes.values().filter(|known| **known == state).count();
        let (available, dispatched) = (count(CodeState::Available), count(CodeState::Dispatched));
        let uploaded = &self.stocks[UPLOADED];
        let counts = &get(&format!("stocks/{uploaded}"))["coupon_code_count"];
        prop_assert_eq!(
            counts,
            &json!({ "total_count": available + dispatched, "available_count": available })
        );
        for (status, number) in [("AVAILABLE", available), ("DISPATCHED", dispatched)] {
            let list = get(&format!("stocks/{uploaded}/couponcodes?status={status}&limit=50"));
            prop_assert_eq!((&list["total_count"], &list["limit"]), (&json!(number), &json!(number)));
        }
        for known in &self.model.coupons {
            let code = percent_encoding::utf8_percent_encode(&known.code, percent_encoding::NON_ALPHANUMERIC);
            let id = &self.stocks[known.stock];
            let found =
                self.platform.store().transaction(|tx| coupon::find(tx, id, &known.code)).unwrap().unwrap();
            let shown = found.1.describe(&found.0, now);
            let state = match known.state {
                State::Sended if now > known.expire => "EXPIRED",
                State::Sended => "SENDED",
                State::Used => "USED",
                State::Deactivated => "DEACTIVATED",
                State::Deleted => "DELETED",
            };
            prop_assert_eq!(&shown["coupon_state"], state);
            if known.stock == WECHATPAY {
                // Only codes that the platform made are one user's in all stocks.
                let by_api = get(&format!("users/{}/coupons/{code}/appids/{APPID}", openid(known.user)));
                prop_assert_eq!(by_api, Value::Object(shown));
            }
        }
        for user in 0..4_u8 {
            for (position, id) in self.stocks.iter().enumerate() {
                let list = get(&format!(
                    "users/{}/coupons?appid={APPID}&creator_merchant={MCHID}&stock_id={id}&limit=50",
                    openid(user)
                ));
                let of_user = |coupon: &&ModelCoupon| coupon.stock == position && coupon.user == user;
                let wanted: Vec<_> =
                    self.model.coupons.iter().filter(of_user).map(|coupon| json!(coupon.code)).collect();
                let shown: Vec<_> = list["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .rev()
                    .map(|coupon| coupon["coupon_code"].clone())
                    .collect();
                prop_assert_eq!(shown, wanted);
            }
        }
        Ok(())
    }
}

fn openid(user: u8) -> String {
    format!("o{user:027}")
}

fn order(order: u8) -> String {
    format!("order-{order}")
}

/// So many steps has a case, and so many cases have the two tests: 100,000 steps and more in all.
const STEPS: usize = 250;
const CASES: u32 = 202;

/// How often everything is looked at: what a step is about is looked at after each.
const LOOK: usize = 50;

fn lives(seed: u64) {
    let platform = RefCell::new(Platform::new(seed));
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel("proptest-regressions"))),
        source_file: Some(file!()),
        ..ProptestConfig::default()
    };
    let steps = proptest::collection::vec(step(), STEPS);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let done = runner.run(&steps, |steps| {
        let mut platform = platform.borrow_mut();
        let mut case = Case::new(&mut platform);
        for (position, step) in steps.iter().enumerate() {
            case.take(step)?;
            if position % LOOK == LOOK - 1 {
                case.agrees()?;
            }
        }
        Ok(())
    });
    if let Err(error) = done {
        panic!("{error}");
    }
}

/// Two tests with the same steps in other orders, so that both cores work.
#[test]
fn the_handlers_do_what_the_model_says() {
    lives(1);
}

#[test]
fn the_handlers_do_what_the_model_says_of_other_lives() {
    lives(2);
}
