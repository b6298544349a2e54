//! Service orders over the API: the person confirms, the merchant completes, the money comes or does not.

use serde_json::{Value, json};
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{Clock, Sandbox};

use crate::NOW;
use crate::client::{Client, Response};
use crate::notifications::Receiver;

const ORDERS: &str = "/v3/payscore/serviceorder";
const SERVICE: &str = "2002000000000558128851361561536";

struct Shop<'a> {
    client: Client<'a>,
    receiver: Receiver,
}

fn start() -> Sandbox {
    Sandbox::builder().clock(Clock::held(NOW).0).start().unwrap()
}

impl<'a> Shop<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        Self { client: Client::new(sandbox), receiver: Receiver::start(&[]) }
    }

    fn request(&self, number: &str) -> Value {
        json!({
            "out_order_no": number, "appid": self.client.sandbox.kit().appid, "service_id": SERVICE,
            "service_introduction": "充电宝", "time_range": { "start_time": "20260815100000" },
            "risk_fund": { "name": "DEPOSIT", "amount": 10_000 }, "notify_url": self.receiver.url,
        })
    }

    /// An order that the person has confirmed.
    fn confirmed(&self, number: &str) {
        self.client.post(ORDERS, &self.request(number)).success();
        let openid = &self.client.sandbox.kit().openid;
        self.person(number, "confirm", &json!({ "openid": openid })).unwrap();
        assert_eq!(self.receiver.next().json()["event_type"], "PAYSCORE.USER_CONFIRM");
    }

    /// An order that is completed, and whose deduction is under way.
    fn completed(&self, number: &str, fen: i64) {
        self.confirmed(number);
        self.step(number, "complete", self.charge(fen)).success();
    }

    fn charge(&self, fen: i64) -> Value {
        json!({
            "post_payments": [{ "name": "租金", "amount": fen + 10 }],
            "post_discounts": [{ "name": "优惠", "description": "满减", "amount": 10 }],
            "total_amount": fen, "time_range": { "end_time": "20260815120000" },
        })
    }

    fn step(&self, number: &str, step: &str, mut body: Value) -> Response {
        body["appid"] = json!(self.client.sandbox.kit().appid);
        body["service_id"] = json!(SERVICE);
        self.client.post(&format!("{ORDERS}/{number}/{step}"), &body)
    }

    fn query(&self, number: &str) -> Value {
        let appid = &self.client.sandbox.kit().appid;
        self.client
            .get(&format!("{ORDERS}?out_order_no={number}&service_id={SERVICE}&appid={appid}"))
            .success()
    }

    fn person(&self, number: &str, step: &str, body: &Value) -> Result<Value, ClientError> {
        let target = format!("/service-orders/{number}/{step}");
        self.client.sandbox.control().unwrap().call("POST", &target, Some(body))
    }

    fn run(&mut self, seconds: i64) {
        self.client.sandbox.run_for(seconds).unwrap();
        self.client.now += seconds;
    }

    fn unsettled(&self) -> i64 {
        let shown = self.client.get("/v3/merchant/fund/balance/BASIC").success();
        shown["pending_amount"].as_i64().unwrap()
    }
}

fn message(response: &Response) -> String {
    response.json()["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_served_person_pays_after_the_completion() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let made = shop.client.post(ORDERS, &shop.request("served")).success();
    assert_eq!(made["state"], "CREATED");
    assert_eq!(shop.client.post(ORDERS, &shop.request("served")).success(), made);
    let early = shop.step("served", "complete", shop.charge(500));
    assert_eq!((early.status, &*message(&early)), (400, "当前订单状态不合法"));

    let body = json!({ "openid": sandbox.kit().openid });
    shop.person(made["package"].as_str().unwrap(), "confirm", &body).unwrap();
    let told = shop.receiver.next().open(&sandbox, NOW);
    assert_eq!((&told["state"], &told["openid"]), (&json!("DOING"), &json!(sandbox.kit().openid)));
    assert!(shop.person("served", "confirm", &body).is_err(), "twice");

    let wrong = shop.step("served", "complete", json!({ "post_payments": [], "total_amount": 500 }));
    assert_eq!((wrong.status, &*message(&wrong)), (400, "最终总金额计算非法"));
    let completed = shop.step("served", "complete", shop.charge(500)).success();
    assert_eq!(
        (&completed["state_description"], &completed["need_collection"]),
        (&json!("MCH_COMPLETE"), &json!(true))
    );
    assert_eq!(shop.step("served", "complete", shop.charge(500)).success(), completed, "a repeat");
    let other = shop.step("served", "complete", shop.charge(400));
    assert_eq!(message(&other), "订单重入参数校验失败");
    let canceled = shop.step("served", "cancel", json!({ "reason": "用户投诉" }));
    assert_eq!(message(&canceled), "单据正在扣款中，请稍后再试");
    assert_eq!(shop.query("served")["collection"]["state"], "USER_PAYING");

    shop.run(2);
    let paid = shop.query("served");
    assert_eq!((&paid["state"], &paid["collection"]["state"]), (&json!("DONE"), &json!("USER_PAID")));
    let detail = &paid["collection"]["details"][0];
    assert_eq!(
        (&detail["paid_type"], &detail["paid_time"], &detail["amount"]),
        (&json!("NEWTON"), &json!("20260815120002"), &json!(500))
    );
    assert_eq!(shop.unsettled(), 500);
    let told = shop.receiver.next();
    assert_eq!(told.json()["event_type"], "PAYSCORE.USER_PAID");
    let told = told.open(&sandbox, NOW + 2);
    assert_eq!(told["collection"]["details"][0]["transaction_id"], detail["transaction_id"]);
    let late = shop.step("served", "cancel", json!({ "reason": "用户投诉" }));
    assert_eq!(message(&late), "当前订单状态不合法");
}

#[test]
fn a_person_who_cannot_pay_is_asked_again_and_pays_less_at_last() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    shop.completed("slow", 500);
    shop.person("slow", "decline", &json!({})).unwrap();
    shop.run(2);
    assert_eq!(shop.query("slow")["collection"]["state"], "USER_PAYING");
    let mut lower = shop.charge(300);
    lower["reason"] = json!("用户投诉");
    lower.as_object_mut().unwrap().remove("time_range");
    let same = shop.charge(500);
    let mut same_total = lower.clone();
    for name in ["post_payments", "total_amount"] {
        same_total[name] = same[name].clone();
    }
    assert_eq!(shop.step("slow", "modify", same_total).refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(shop.step("slow", "modify", lower).success()["total_amount"], 300);
    shop.step("slow", "pay", json!({})).success();
    assert_eq!(message(&shop.step("slow", "pay", json!({}))), "单据正在扣款中，请稍后再试");
    shop.run(2);
    assert_eq!((shop.unsettled(), &shop.query("slow")["state"]), (0, &json!("DOING")));
    shop.person("slow", "pay", &json!({})).unwrap();
    assert_eq!((shop.unsettled(), &shop.query("slow")["state"]), (300, &json!("DONE")));
    assert!(shop.person("slow", "pay", &json!({})).is_err(), "twice");
    assert_eq!(shop.receiver.next().json()["event_type"], "PAYSCORE.USER_PAID");
}

#[test]
fn a_payment_elsewhere_moves_no_money_and_ends_the_order() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    shop.completed("cash", 500);
    shop.person("cash", "decline", &json!({})).unwrap();
    shop.run(2);
    let body = json!({ "type": "Order_Paid", "detail": { "paid_time": "20260815120000" } });
    let done = shop.step("cash", "sync", body).success();
    assert_eq!(
        (&done["state"], &done["collection"]["details"][0]["paid_type"]),
        (&json!("DONE"), &json!("MCH"))
    );
    assert_eq!(shop.unsettled(), 0);
}

#[test]
fn an_order_that_nobody_confirms_expires_after_30_days() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    shop.client.post(ORDERS, &shop.request("late")).success();
    shop.run(30 * 86_400 - 1);
    assert_eq!(shop.query("late")["state"], "CREATED");
    shop.run(1);
    assert_eq!(shop.query("late")["state"], "EXPIRED");
    let body = json!({ "openid": sandbox.kit().openid });
    let late = shop.person("late", "confirm", &body);
    assert!(matches!(late, Err(ClientError::Refused { status: 409, .. })), "{late:?}");
}

#[test]
fn a_canceled_order_repeats_its_cancel_and_charges_nothing() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    shop.confirmed("off");
    let reason = json!({ "reason": "用户投诉" });
    let canceled = shop.step("off", "cancel", reason.clone()).success();
    assert_eq!(shop.step("off", "cancel", reason).success(), canceled);
    let other = shop.step("off", "cancel", json!({ "reason": "其他" }));
    assert_eq!(message(&other), "订单重入参数校验失败");
    assert_eq!(shop.step("off", "complete", shop.charge(500)).refusal(), (400, "INVALID_REQUEST".to_owned()));
    shop.run(60);
    assert_eq!((&shop.query("off")["state"], shop.unsettled()), (&json!("REVOKED"), 0));
    let missing = shop.step("nothing", "cancel", json!({ "reason": "a" }));
    assert_eq!(missing.refusal(), (404, "ORDER_NOT_EXIST".to_owned()));
}

#[test]
fn an_order_without_confirmation_is_served_at_once_and_may_cost_nothing() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    let mut request = shop.request("free");
    request["need_user_confirm"] = json!(false);
    assert_eq!(shop.client.post(ORDERS, &request).refusal(), (400, "PARAM_ERROR".to_owned()));
    request["openid"] = json!(sandbox.kit().openid);
    let made = shop.client.post(ORDERS, &request).success();
    assert_eq!((&made["state"], made.get("package")), (&json!("DOING"), None));
    let body = json!({ "post_payments": [{ "name": "租金", "amount": 0 }], "total_amount": 0 });
    let done = shop.step("free", "complete", body).success();
    assert_eq!((&done["state"], &done["need_collection"]), (&json!("DONE"), &json!(false)));
    let dear = shop.client.post(ORDERS, &shop.request("free"));
    assert_eq!(message(&dear), "订单重入参数校验失败");
}
