//! The handlers on a database, asked step by step, and compared with the model.

use serde_json::{Value, json};

use super::super::control::{ComplaintError, make_complaint, take_step};
use super::super::person::{ComplaintMessage, NewComplaint, Problem};
use super::step::{Step, step};
use super::{BY_CODE, MerchantStep, Model, ORDERS, Refund, Refused, State};
use crate::clock;
use crate::merchants::Account;
use crate::products::HandlerError;
use crate::products::payments::refund::control::{self as refund_control, RefundDecision};
use crate::products::payments::refund::record::{self, RefundState};
use crate::products::testing::random_steps::{Steps, live_randomly};
use crate::products::testing::world::{APPID, Sale, World, merchant, selling_itself};
use crate::store::StoreError;

const MCHIDS: [&str; 3] = ["1900000109", "1900000110", "1900000111"];
const BASE: &str = "/v3/merchant-service";

struct Shops {
    world: World<'static>,
    callers: [Account; 3],
    /// By order.
    ids: [Option<String>; ORDERS.len()],
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Processed => "PROCESSED",
        }
    }
}

fn number(order: usize) -> String {
    format!("order-{order}")
}

fn refund_number(order: usize, number: usize) -> String {
    format!("refund-{order}-{number}")
}

impl Shops {
    fn new() -> Self {
        let callers = [merchant(MCHIDS[0], &[MCHIDS[1]]), merchant(MCHIDS[1], &[]), merchant(MCHIDS[2], &[])];
        let world = World::new();
        for (order, (maker, payee, fen)) in ORDERS.into_iter().enumerate() {
            if order == BY_CODE {
                let body = json!({
                    "appid": APPID, "mchid": MCHIDS[maker], "description": "茶", "out_trade_no": number(order),
                    "payer": { "auth_code": "130061098828009406" }, "amount": { "total": fen },
                    "scene_info": { "store_info": { "out_id": "store-1" } },
                });
                let seller = selling_itself(&callers[maker]);
                let paid = world.ask(&seller, "POST", "/v3/pay/transactions/codepay", &body).unwrap();
                assert_eq!(paid["trade_state"], "SUCCESS");
                continue;
            }
            let sub_mchid = (payee != maker).then_some(MCHIDS[payee]);
            let sale = Sale { sub_mchid, number: &number(order), fen, is_shared: false, person: order };
            world.sell(&callers[maker], &sale);
        }
        Self { world, callers, ids: Default::default() }
    }

    fn ask(&self, caller: usize, method: &str, target: &str, body: &Value) -> Result<Value, Refused> {
        let done = self.world.ask(&self.callers[caller], method, &format!("{BASE}/{target}"), body);
        done.map_err(|refusal| refusal.code)
    }

    /// The complaint_id about an order; one of nothing when nobody has complained.
    fn id(&self, order: usize) -> &str {
        self.ids[order].as_deref().unwrap_or("200201820270115000000009999")
    }

    fn complain(&mut self, order: usize, problem: Problem, wanted: Option<i64>, is_urgent: bool) -> bool {
        let mut complains = NewComplaint::new(number(order)).about(problem);
        if let Some(fen) = wanted {
            complains = complains.wanting(fen);
        }
        if is_urgent {
            complains = complains.urgently();
        }
        let now = self.world.now;
        match self.world.act(|tx| make_complaint(tx, &complains, now)) {
            Ok(id) => self.ids[order] = Some(id),
            Err(ComplaintError::State(_) | ComplaintError::Invalid(_) | ComplaintError::Unknown(_)) => {
                return false;
            }
            Err(error) => panic!("{error}"),
        }
        true
    }

    fn answer(
        &self,
        caller: usize,
        order: usize,
        step: MerchantStep,
        is_about_other: bool,
    ) -> Result<Value, Refused> {
        let payee = ORDERS[order].1;
        let about = if is_about_other { "1900000999" } else { MCHIDS[payee] };
        let (operation, body) = match step {
            MerchantStep::Respond => {
                ("response", json!({ "complainted_mchid": about, "response_content": "马上退款" }))
            }
            MerchantStep::RespondAtOnce(id, said) => {
                let text = json!({ "type": "TEXT", "text": { "text": said.to_string() } });
                let message = json!({ "sender_identity": "MANUAL", "blocks": [text] });
                let id = format!("answer-{id}");
                let body = json!({ "complainted_mchid": about, "idempotent_id": id, "message": message });
                ("response-immediate-service", body)
            }
            MerchantStep::Complete => ("complete", json!({ "complainted_mchid": about })),
            MerchantStep::Approve => ("update-refund-progress", json!({ "action": "APPROVE" })),
            MerchantStep::Reject => {
                ("update-refund-progress", json!({ "action": "REJECT", "reject_reason": "已经发货" }))
            }
        };
        self.ask(caller, "POST", &format!("complaints-v2/{}/{operation}", self.id(order)), &body)
    }

    /// The number of a refund, and a decision about it.
    fn decide(&self, refund: &Refund, to: RefundState) -> bool {
        let (number, now) = (refund_number(refund.order, refund.number), self.world.now);
        let decided: Result<_, HandlerError> = self
            .world
            .act(|tx| refund_control::decide(tx, (&number, None), RefundDecision::Becomes(to), now));
        matches!(decided.unwrap(), refund_control::Decided::Now(_))
    }

    fn handle(&self, refund: &Refund, is_to_merchant: bool) -> bool {
        let (maker, payee, _) = ORDERS[refund.order];
        let number = refund_number(refund.order, refund.number);
        let found: Result<_, StoreError> =
            self.world.act(|tx| record::Refund::find_by_bare_number(tx, &number, |_| true));
        let id = found.unwrap().remove(0).refund_id;
        let mut body = json!({ "out_refund_no": number, "type": "MERCHANT_BANK_CARD" });
        if !is_to_merchant {
            body["type"] = json!("USER_BANK_CARD");
            for (name, value) in
                [("bank_type", "ICBC_DEBIT"), ("bank_account", "bmFtZQ=="), ("real_name", "bmFtZQ==")]
            {
                body[name] = json!(value);
            }
        }
        if maker != payee {
            body["sub_mchid"] = json!(MCHIDS[payee]);
        }
        let target = format!("/v3/refund/domestic/refunds/{id}/apply-abnormal-refund");
        self.world.ask(&self.callers[maker], "POST", &target, &body).is_ok()
    }

    fn reverse(&self) -> bool {
        let caller = &self.callers[ORDERS[BY_CODE].0];
        let target = format!("/v3/pay/transactions/out-trade-no/{}/reverse", number(BY_CODE));
        let body = json!({ "appid": APPID, "mchid": caller.mchid });
        self.world.ask(caller, "POST", &target, &body).is_ok()
    }

    fn refund(&self, order: usize, number: usize, fen: i64) -> bool {
        let (maker, payee, total) = ORDERS[order];
        // Each number belongs to one order, so a repeated one is not a new refund.
        let mut body = json!({
            "out_trade_no": format!("order-{order}"), "out_refund_no": refund_number(order, number),
            "amount": { "refund": fen.min(total), "total": total, "currency": "CNY" },
        });
        if maker != payee {
            body["sub_mchid"] = json!(MCHIDS[payee]);
        }
        let caller = &self.callers[maker];
        self.world.ask(caller, "POST", "/v3/refund/domestic/refunds", &body).is_ok()
    }
}

struct Life {
    shops: Shops,
    model: Model,
    /// Numbers of refunds that were accepted.
    refunds: Vec<(usize, usize)>,
}

impl Life {
    fn take(&mut self, step: &Step) {
        let Self { shops, model, refunds } = self;
        match *step {
            Step::Complain { order, problem, wanted, is_urgent } => {
                let is_about_refund = problem == Problem::Refund;
                let is_possible =
                    !is_about_refund || wanted.is_none_or(|fen| (1..=ORDERS[order].2).contains(&fen));
                let done = shops.complain(order, problem, wanted, is_urgent);
                assert_eq!(done, is_possible && model.complain(order, is_about_refund, wanted, is_urgent));
            }
            Step::GoOn { order, step } => {
                let (id, now) = (shops.id(order), shops.world.now);
                let done =
                    shops.world.act(|tx| take_step(tx, id, step, &ComplaintMessage::new("还没有收到"), now));
                assert_eq!(done.ok(), model.go_on(order, step).map(State::word));
            }
            Step::Answer { caller, order, step, is_about_other } => {
                let got = shops.answer(caller, order, step, is_about_other).map(drop);
                assert_eq!(got, model.answer(caller, order, step, is_about_other));
            }
            Step::Refund { order, number, fen } => {
                if !refunds.contains(&(order, number)) && shops.refund(order, number, fen) {
                    refunds.push((order, number));
                    model.refund(order, number, fen.min(ORDERS[order].2));
                }
            }
            Step::Decide { place, to } => {
                let done = model.refunds.get(place).is_some_and(|refund| shops.decide(refund, to));
                assert_eq!(done, model.decide(place, to));
            }
            Step::Handle { place, is_to_merchant } => {
                let done =
                    model.refunds.get(place).is_some_and(|refund| shops.handle(refund, is_to_merchant));
                assert_eq!(done, model.handle(place, is_to_merchant));
            }
            Step::Reverse => assert_eq!(shops.reverse(), model.reverse()),
            Step::SetAddress { caller, is_new } => {
                let body = json!({ "url": format!("https://example.com/{caller}") });
                let method = if is_new { "POST" } else { "PUT" };
                let got = shops.ask(caller, method, "complaint-notifications", &body).map(drop);
                assert_eq!(got, model.set_address(caller, is_new));
            }
            Step::DeleteAddress { caller } => {
                shops.ask(caller, "DELETE", "complaint-notifications", &Value::Null).unwrap();
                model.has_address[caller] = false;
            }
            Step::Pass { seconds } => {
                model.pass(seconds);
                shops.world.pass(seconds, false);
            }
            Step::Restart => shops.world.restart(),
        }
    }

    fn check(&self) {
        let Self { shops, model, .. } = self;
        assert_eq!(shops.world.sum(), 0);
        for (order, caller) in (0..ORDERS.len()).flat_map(|order| (0..3).map(move |caller| (order, caller))) {
            let target = format!("complaints-v2/{}", shops.id(order));
            let shown = shops.ask(caller, "GET", &target, &Value::Null);
            assert_eq!(shown.is_ok(), model.is_seen(caller, order));
            let Ok(shown) = shown else { continue };
            let known = &model.complaints[&order];
            assert_eq!(
                (&shown["complaint_state"], shown["user_complaint_times"].as_i64()),
                (&json!(known.state.word()), Some(known.times))
            );
            let is = |name: &str| shown[name].as_bool().unwrap();
            assert_eq!(
                (is("incoming_user_response"), is("in_platform_service"), is("need_immediate_service")),
                (known.is_waiting, known.with_platform, known.is_urgent)
            );
            assert_eq!(is("complaint_full_refunded"), known.is_fully_refunded());
            let history =
                shops.ask(caller, "GET", &format!("{target}/negotiation-historys"), &Value::Null).unwrap();
            let kinds: Vec<_> = history["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|action| action["operate_type"].as_str().unwrap())
                .collect();
            assert_eq!(kinds, known.history(model.now));
        }
        self.check_lists();
        self.check_notifications();
    }

    /// What each merchant is shown of the last thirty days.
    fn check_lists(&self) {
        let Self { shops, model, .. } = self;
        let from = clock::midnight(clock::day(model.now) - 30);
        for caller in 0..3 {
            let (first, last) = (clock::date(from), clock::date(model.now));
            let target = format!("complaints-v2?begin_date={first}&end_date={last}&limit=50");
            let shown = shops.ask(caller, "GET", &target, &Value::Null).unwrap();
            let mut ids: Vec<_> = shown["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|complaint| complaint["complaint_id"].as_str().unwrap())
                .collect();
            ids.sort_unstable();
            let mut expected: Vec<_> = model
                .complaints
                .iter()
                .filter(|(order, complaint)| model.is_seen(caller, **order) && complaint.made >= from)
                .map(|(order, _)| shops.id(*order))
                .collect();
            expected.sort_unstable();
            assert_eq!(ids, expected);
        }
    }

    fn check_notifications(&self) {
        let Self { shops, model, .. } = self;
        let mut expected: Vec<_> = model
            .notified
            .iter()
            .map(|(merchant, order, action)| {
                let kind = if *action == "CREATE_COMPLAINT" { "CREATE" } else { "STATE_CHANGE" };
                let told = format!("{} {}", shops.id(*order), action);
                (MCHIDS[*merchant].to_owned(), format!("COMPLAINT.{kind}"), told)
            })
            .collect();
        expected.sort_unstable();
        let outbox = shops.world.outbox().into_iter();
        let mut found: Vec<_> = outbox
            .filter(|entry| entry.event_type.starts_with("COMPLAINT."))
            .map(|entry| {
                let text = |name: &str| entry.resource[name].as_str().unwrap_or_default().to_owned();
                let told = format!("{} {}", text("complaint_id"), text("action_type"));
                (entry.mchid.clone(), entry.event_type.clone(), told)
            })
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }
}

fn live(steps: &[Step]) {
    let mut life = Life { shops: Shops::new(), model: Model::new(), refunds: Vec::new() };
    for (position, step) in steps.iter().enumerate() {
        life.take(step);
        if position % 5 == 4 {
            life.check();
        }
    }
}

#[test]
fn complaints_live_as_the_model_says() {
    let steps = Steps { variable: "WEIPAY_COMPLAINT_STEPS", default: 1_200, of_a_life: 150 };
    live_randomly(steps, step(), live);
}
