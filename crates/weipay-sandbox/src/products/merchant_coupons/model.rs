//! Random lives of coupons against a model that is small enough to be believed.
//!
//! The model knows for each coupon a state and an order, and for each request number what was asked and what came back. It
//! says whether a step succeeds; the handlers must agree, repeat its response, and change nothing when it refuses.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use weipay_catalog::Catalog;
use weipay_wire::ApiV3Key;

use super::ROUTES;
use super::fixtures::{APPID, CALLER, NOW, stock_request};
use crate::contract::Contract;
use crate::entropy::Entropy;
use crate::products::platform_certificates::ListedCertificate;
use crate::products::{Context, HandlerError, PlatformConfig};
use crate::store::Store;

const CAP: usize = 4;
const CAP_BY_USER: usize = 2;

#[derive(Debug, Clone)]
enum Step {
    Send { user: u8, number: u8 },
    Use { coupon: u8, number: u8 },
    Associate { coupon: u8, order: u8, number: u8 },
    Disassociate { coupon: u8, order: u8, number: u8 },
    Return { coupon: u8, number: u8 },
    Deactivate { coupon: u8, number: u8 },
    Wait,
}

/// Few users, coupons, orders and numbers, so that steps meet each other.
fn step() -> impl Strategy<Value = Step> {
    let (coupon, order, number) = (0..5_u8, 0..2_u8, 0..6_u8);
    prop_oneof![
        3 => (0..2_u8, number.clone()).prop_map(|(user, number)| Step::Send { user, number }),
        2 => (coupon.clone(), number.clone()).prop_map(|(coupon, number)| Step::Use { coupon, number }),
        3 => (coupon.clone(), order.clone(), number.clone())
            .prop_map(|(coupon, order, number)| Step::Associate { coupon, order, number }),
        3 => (coupon.clone(), order, number.clone())
            .prop_map(|(coupon, order, number)| Step::Disassociate { coupon, order, number }),
        2 => (coupon.clone(), number.clone()).prop_map(|(coupon, number)| Step::Return { coupon, number }),
        1 => (coupon, number).prop_map(|(coupon, number)| Step::Deactivate { coupon, number }),
        1 => Just(Step::Wait),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sended,
    Used,
    Deactivated,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Sended => "SENDED",
            Self::Used => "USED",
            Self::Deactivated => "DEACTIVATED",
        }
    }
}

#[derive(Debug)]
struct ModelCoupon {
    user: u8,
    code: String,
    state: State,
    order: Option<u8>,
}

/// A request number is unique within an operation, and for sends within a user as well.
type NumberKey = (&'static str, Option<u8>, u8);

#[derive(Default)]
struct Model {
    coupons: Vec<ModelCoupon>,
    responses: HashMap<NumberKey, (Value, Value)>,
}

impl Model {
    /// What the step does to the coupons, when it may be done: a new number is assumed.
    fn apply(&mut self, step: &Step) -> bool {
        let total = self.coupons.len();
        match *step {
            Step::Send { user, .. } => {
                let received = self.coupons.iter().filter(|coupon| coupon.user == user).count();
                total < CAP && received < CAP_BY_USER
            }
            Step::Use { coupon, .. } => {
                self.change(coupon, State::Sended, |coupon| coupon.state = State::Used)
            }
            Step::Return { coupon, .. } => {
                self.change(coupon, State::Used, |coupon| coupon.state = State::Sended)
            }
            Step::Deactivate { coupon, .. } => {
                self.change(coupon, State::Sended, |coupon| coupon.state = State::Deactivated)
            }
            Step::Associate { coupon, order, .. } => {
                let free = self.order_of(coupon).is_none_or(|known| known == order);
                free && self.change(coupon, State::Sended, |coupon| coupon.order = Some(order))
            }
            Step::Disassociate { coupon, order, .. } => {
                let tied = self.order_of(coupon) == Some(order);
                tied && self.change(coupon, State::Sended, |coupon| coupon.order = None)
            }
            Step::Wait => true,
        }
    }

    fn order_of(&self, coupon: u8) -> Option<u8> {
        self.coupons.get(usize::from(coupon))?.order
    }

    fn change(&mut self, coupon: u8, from: State, change: impl FnOnce(&mut ModelCoupon)) -> bool {
        let found = self.coupons.get_mut(usize::from(coupon)).filter(|coupon| coupon.state == from);
        found.map(change).is_some()
    }

    fn code(&self, coupon: u8) -> String {
        self.coupons
            .get(usize::from(coupon))
            .map_or_else(|| "unknown".to_owned(), |coupon| coupon.code.clone())
    }
}

fn openid(user: u8) -> String {
    format!("o{user:027}")
}

fn order(order: u8) -> String {
    format!("order-{order}")
}

/// Coupons do not look at it.
fn config() -> PlatformConfig {
    let certificate =
        ListedCertificate { serial: String::new(), pem: String::new(), effective: 0, expire: 0 };
    PlatformConfig { certificate }
}

/// A platform's store and what it needs to be asked.
struct Shop {
    store: Store,
    contract: Contract,
    entropy: Entropy,
    config: PlatformConfig,
    api_v3_key: ApiV3Key,
    now: i64,
    stock_id: String,
}

impl Shop {
    fn new() -> Self {
        let entropy = Entropy::seeded(1);
        let mut shop = Self {
            store: Store::in_memory(),
            contract: Contract::default(),
            entropy,
            config: config(),
            api_v3_key: ApiV3Key::new(&"0".repeat(32)).unwrap(),
            now: NOW,
            stock_id: String::new(),
        };
        let mut stock = stock_request();
        stock.insert(
            "stock_send_rule".to_owned(),
            json!({ "max_coupons": CAP, "max_coupons_per_user": CAP_BY_USER }),
        );
        let created = shop.ask("POST", "stocks", &Value::Object(stock)).unwrap();
        shop.stock_id = created["stock_id"].as_str().unwrap().to_owned();
        shop
    }

    fn ask(&self, method: &str, below: &str, body: &Value) -> Result<Value, HandlerError> {
        let routed = Catalog::embedded().route(method, &format!("/v3/marketing/busifavor/{below}")).unwrap();
        let checked = self.contract.checked(&routed, None, body.to_string().as_bytes())?;
        let context = Context {
            caller: &CALLER,
            api_v3_key: &self.api_v3_key,
            request: &checked,
            now: self.now,
            entropy: &self.entropy,
            platform: &self.config,
            platform_serial: "",
        };
        let (method, path) = (routed.operation.method, routed.operation.path);
        let route = ROUTES.iter().find(|route| (route.method, route.path) == (method, path)).unwrap();
        self.store.transaction(|tx| (route.handler)(tx, &context))
    }

    /// Operation, body and number of a step; `None` for waiting.
    fn request(&self, step: &Step, model: &Model) -> Option<(&'static str, Value, NumberKey)> {
        let stock_id = &self.stock_id;
        let tie = |coupon, order_no, number: u8| {
            json!({
                "stock_id": stock_id,
                "coupon_code": model.code(coupon),
                "out_trade_no": order(order_no),
                "out_request_no": number.to_string(),
            })
        };
        let step_of = |name: &str, coupon, number: u8| json!({ "stock_id": stock_id, "coupon_code": model.code(coupon), name: number.to_string() });
        Some(match *step {
            Step::Send { user, number } => {
                let body = json!({
                    "stock_id": stock_id,
                    "openid": openid(user),
                    "appid": APPID,
                    "out_request_no": number.to_string(),
                });
                ("coupons/send", body, ("send", Some(user), number))
            }
            Step::Use { coupon, number } => {
                let mut body = step_of("use_request_no", coupon, number);
                body["appid"] = json!(APPID);
                body["use_time"] = json!("2026-08-15T12:00:00+08:00");
                ("coupons/use", body, ("use", None, number))
            }
            Step::Associate { coupon, order, number } => {
                ("coupons/associate", tie(coupon, order, number), ("associate", None, number))
            }
            Step::Disassociate { coupon, order, number } => {
                ("coupons/disassociate", tie(coupon, order, number), ("disassociate", None, number))
            }
            Step::Return { coupon, number } => {
                ("coupons/return", step_of("return_request_no", coupon, number), ("return", None, number))
            }
            Step::Deactivate { coupon, number } => (
                "coupons/deactivate",
                step_of("deactivate_request_no", coupon, number),
                ("deactivate", None, number),
            ),
            Step::Wait => return None,
        })
    }

    /// Everything that the platform can be asked about the stock and the model's coupons.
    fn look(&self, model: &Model) -> Vec<Value> {
        let stock = self.ask("GET", &format!("stocks/{}", self.stock_id), &json!({})).unwrap();
        let coupons = model.coupons.iter().map(|coupon| {
            let target = format!("users/{}/coupons/{}/appids/{APPID}", openid(coupon.user), coupon.code);
            self.ask("GET", &target, &json!({})).unwrap()
        });
        std::iter::once(stock).chain(coupons).collect()
    }
}

fn agrees(looked: &[Value], model: &Model) -> Result<(), TestCaseError> {
    let (stock, coupons) = looked.split_first().unwrap();
    let total = &stock["send_count_information"]["total_send_num"];
    prop_assert_eq!(total, &json!(model.coupons.len()));
    prop_assert!(model.coupons.len() <= CAP);
    for (shown, coupon) in coupons.iter().zip(&model.coupons) {
        prop_assert_eq!(&shown["coupon_state"], coupon.state.word());
        let expected = coupon.order.map(|number| json!(order(number)));
        prop_assert_eq!(shown.get("associate_out_trade_no"), expected.as_ref());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_handlers_do_what_the_model_says(steps in proptest::collection::vec(step(), 1..40)) {
        let (mut shop, mut model) = (Shop::new(), Model::default());
        for step in &steps {
            let Some((path, body, key)) = shop.request(step, &model) else {
                shop.now += 1;
                continue;
            };
            let before = shop.look(&model);
            let response = shop.ask("POST", path, &body);
            match (model.responses.get(&key), response) {
                (Some((asked, first)), Ok(response)) => {
                    prop_assert_eq!(asked, &body, "another body succeeded under a known number");
                    prop_assert_eq!(first, &response, "a repeat got another response");
                    prop_assert_eq!(shop.look(&model), before, "a repeat changed something");
                }
                (Some((asked, _)), Err(HandlerError::Refused(refusal))) => {
                    prop_assert_ne!(asked, &body, "a repeat was refused");
                    prop_assert_eq!((refusal.status, refusal.code), (400, "INVALID_REQUEST"));
                    prop_assert_eq!(shop.look(&model), before, "a refusal changed something");
                }
                (None, Ok(response)) => {
                    prop_assert!(model.apply(step), "{:?} succeeded with {}", step, response);
                    if let Step::Send { user, .. } = *step {
                        let code = response["send_coupon_result"]["coupon_code"].as_str().unwrap().to_owned();
                        model.coupons.push(ModelCoupon { user, code, state: State::Sended, order: None });
                    }
                    model.responses.insert(key, (body, response));
                }
                (None, Err(HandlerError::Refused(refusal))) => {
                    prop_assert!(!model.apply(step), "{:?} was refused with {:?}", step, refusal);
                    prop_assert_eq!(shop.look(&model), before, "a refusal changed something");
                }
                (_, Err(HandlerError::Failed(error))) => prop_assert!(false, "{}", error),
            }
            agrees(&shop.look(&model), &model)?;
        }
    }
}
