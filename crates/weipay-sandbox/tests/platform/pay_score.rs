//! Service orders over the API: the person confirms, the merchant completes, the money comes or does not.

use serde_json::{Value, json};
use weipay_sandbox::complaints::NewComplaint;
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{AccountState, Clock, NewMerchant, PlatformKeys, Sandbox, Validation};

use crate::NOW;
use crate::client::{Client, Response};
use crate::notifications::Receiver;

const ORDERS: &str = "/v3/payscore/serviceorder";
const PERMISSIONS: &str = "/v3/payscore/permissions";
const SERVICE: &str = "2002000000000558128851361561536";

struct Shop<'a> {
    client: Client<'a>,
    receiver: Receiver,
}

fn start() -> Sandbox {
    Sandbox::builder().clock(Clock::frozen(NOW).0).start().unwrap()
}

impl<'a> Shop<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        Self { client: Client::new(sandbox), receiver: Receiver::start(&[]) }
    }

    fn request(&self, number: &str) -> Value {
        json!({
            "out_order_no": number, "appid": self.client.sandbox.kit().appid, "service_id": SERVICE,
            "service_introduction": "充电宝", "time_range": { "start_time": "OnAccept" },
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

    /// A permission that the person has given.
    fn authorized(&self, code: &str) {
        let body = json!({
            "service_id": SERVICE, "appid": self.client.sandbox.kit().appid, "authorization_code": code,
            "notify_url": self.receiver.url,
        });
        let token = self.client.post(PERMISSIONS, &body).success()["apply_permissions_token"].clone();
        assert_eq!(self.client.post(PERMISSIONS, &body).success()["apply_permissions_token"], token);
        let openid = &self.client.sandbox.kit().openid;
        self.permission(token.as_str().unwrap(), "open", &json!({ "openid": openid })).unwrap();
        assert_eq!(self.receiver.next().json()["event_type"], "PAYSCORE.USER_OPEN_SERVICE");
    }

    fn permission(&self, number: &str, step: &str, body: &Value) -> Result<Value, ClientError> {
        let target = format!("/pay-score-permissions/{number}/{step}");
        self.client.sandbox.control().unwrap().call("POST", &target, Some(body))
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

    shop.client.run_for(2);
    let paid = shop.query("served");
    assert_eq!((&paid["state"], &paid["collection"]["state"]), (&json!("DONE"), &json!("USER_PAID")));
    let detail = &paid["collection"]["details"][0];
    assert_eq!(
        (&detail["paid_type"], &detail["paid_time"], &detail["amount"]),
        (&json!("NEWTON"), &json!("20260815120002"), &json!(500))
    );
    assert_eq!(shop.unsettled(), 497, "the fee is 0.6 %");
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
    assert_eq!(message(&shop.step("slow", "pay", json!({}))), "单据正在扣款中，请稍后再试");
    shop.client.run_for(2);
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
    let mut twice = lower.clone();
    let discount = json!({ "name": "优惠", "description": "满减", "amount": 5 });
    twice["post_discounts"] = json!([discount, discount]);
    assert_eq!(
        shop.step("slow", "modify", twice).refusal(),
        (400, "PARAM_ERROR".to_owned()),
        "one name twice"
    );
    assert_eq!(shop.step("slow", "modify", lower).success()["total_amount"], 300);
    let refused = shop.step("slow", "pay", json!({}));
    assert_eq!(refused.refusal(), (403, "TRADE_ERROR".to_owned()));
    assert_eq!(message(&refused), "扣款失败");
    shop.client.run_for(2);
    assert_eq!((shop.unsettled(), &shop.query("slow")["state"]), (0, &json!("DOING")));
    let paid = shop.person("slow", "pay", &json!({})).unwrap();
    assert_eq!((&paid["state"], &paid["declines"]), (&json!("DONE"), &json!(false)));
    assert_eq!((shop.unsettled(), &shop.query("slow")["state"]), (298, &json!("DONE")));
    assert!(shop.person("slow", "pay", &json!({})).is_err(), "twice");
    assert_eq!(shop.receiver.next().json()["event_type"], "PAYSCORE.USER_PAID");
}

#[test]
fn a_modification_without_discounts_leaves_none() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    shop.confirmed("sum");
    let charge = json!({
        "post_payments": [{ "name": "租金", "amount": 500 }], "total_amount": 400,
        "post_discounts": [{ "name": "优惠", "description": "满减", "amount": 100 }],
        "time_range": { "end_time": "20260815120000" },
    });
    shop.step("sum", "complete", charge).success();
    shop.person("sum", "decline", &json!({})).unwrap();
    shop.client.run_for(2);
    let lower =
        json!({ "post_payments": [{ "name": "租金", "amount": 300 }], "total_amount": 300, "reason": "少" });
    let modified = shop.step("sum", "modify", lower).success();
    for shown in [modified, shop.query("sum")] {
        let (payments, discounts) = (&shown["post_payments"][0]["amount"], shown.get("post_discounts"));
        assert_eq!((payments, discounts, &shown["total_amount"]), (&json!(300), None, &json!(300)));
    }
}

#[test]
fn a_completion_does_not_change_when_and_where_the_service_began() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    shop.confirmed("fixed");
    let mut charge = shop.charge(500);
    charge["time_range"] = json!({ "start_time": "20260815113000", "end_time": "20260815120000" });
    assert_eq!(shop.step("fixed", "complete", charge.clone()).refusal(), (400, "PARAM_ERROR".to_owned()));
    assert_eq!(shop.query("fixed")["state_description"], "USER_CONFIRM");
    charge["time_range"]["start_time"] = json!("20260815120000");
    shop.step("fixed", "complete", charge).success();
    assert_eq!(shop.query("fixed")["time_range"]["start_time"], "20260815120000");
}

#[test]
fn an_order_of_an_authorized_person_has_an_openid_of_its_appid() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    let person = sandbox.platform().add_person(&["wx0000000000000777".to_owned()]).unwrap();
    let mut request = shop.request("foreign");
    request["need_user_confirm"] = json!(false);
    request["openid"] = json!(person.openids["wx0000000000000777"]);
    let refused = shop.client.post(ORDERS, &request);
    assert_eq!((refused.status, &*message(&refused)), (400, "其他原因185"));
}

#[test]
fn the_trade_bill_shows_a_service_order_as_a_deduction() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    shop.completed("billed", 500);
    shop.client.run_for(86_400);
    let order_id = shop.query("billed")["order_id"].as_str().unwrap().to_owned();
    let bill = shop.client.get("/v3/bill/tradebill?bill_date=2026-08-15&bill_type=ALL").success();
    let address = bill["download_url"].as_str().unwrap();
    let file = shop.client.get(&address[address.find("/v3/").unwrap()..]);
    let text = file.text();
    assert!(
        text.contains("`AUTH,`SUCCESS,") && text.contains(&format!("`wxzff|{order_id}|billed,")),
        "{text}"
    );
}

#[test]
fn a_payment_elsewhere_moves_no_money_and_ends_the_order() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    shop.completed("cash", 500);
    shop.person("cash", "decline", &json!({})).unwrap();
    shop.client.run_for(2);
    let paid_at = |time: &str| json!({ "type": "Order_Paid", "detail": { "paid_time": time } });
    assert_eq!(shop.step("cash", "sync", paid_at("20990101000000")).status, 400, "it is to come");
    let done = shop.step("cash", "sync", paid_at("20260815120000")).success();
    assert_eq!(
        (&done["state"], &done["collection"]["details"][0]["paid_type"]),
        (&json!("DONE"), &json!("MCH"))
    );
    assert_eq!(done["collection"]["details"][0].get("seq"), None, "its page has none");
    assert_eq!(shop.unsettled(), 0);
}

#[test]
fn an_order_that_nobody_confirms_expires_after_30_days() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    shop.client.post(ORDERS, &shop.request("late")).success();
    shop.client.run_for(30 * 86_400 - 1);
    assert_eq!(shop.query("late")["state"], "CREATED");
    shop.client.run_for(1);
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
    shop.client.run_for(60);
    assert_eq!((&shop.query("off")["state"], shop.unsettled()), (&json!("REVOKED"), 0));
    let missing = shop.step("nothing", "cancel", json!({ "reason": "a" }));
    assert_eq!(missing.refusal(), (404, "ORDER_NOT_EXIST".to_owned()));
}

#[test]
fn an_order_that_is_over_is_refused_as_recorded_or_as_the_documents_say() {
    let documented = Validation { documented_errors: true, ..Validation::DEFAULT };
    for (validation, codes) in [
        (Validation::DEFAULT, ["INVALID_REQUEST"; 3]),
        (documented, ["INVALID_ORDER_STATE", "ORDER_CANCELED", "ORDER_DONE"]),
    ] {
        let sandbox = Sandbox::builder().clock(Clock::frozen(NOW).0).validation(validation).start().unwrap();
        let shop = Shop::new(&sandbox);
        shop.client.post(ORDERS, &shop.request("new")).success();
        shop.confirmed("off");
        shop.step("off", "cancel", json!({ "reason": "用户投诉" })).success();
        shop.confirmed("done");
        shop.step("done", "complete", shop.charge(0)).success();
        for ((number, tail), code) in
            [("new", "-271302262"), ("off", "-271302333"), ("done", "-271302262")].into_iter().zip(codes)
        {
            let refused = shop.step(number, "complete", shop.charge(500));
            assert_eq!((refused.status, &refused.json()["code"]), (400, &json!(code)), "{number}");
            let id = refused.header("Request-ID").unwrap();
            assert!(id.ends_with(tail), "{number}: {id}");
        }
    }
}

#[test]
fn an_order_without_confirmation_is_served_at_once_and_may_cost_nothing() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    let mut request = shop.request("free");
    request["need_user_confirm"] = json!(false);
    assert_eq!(shop.client.post(ORDERS, &request).refusal(), (400, "PARAM_ERROR".to_owned()));
    request["openid"] = json!(sandbox.kit().openid);
    let early = shop.client.post(ORDERS, &request);
    assert_eq!((early.refusal(), &*message(&early)), ((403, "NO_AUTH".to_owned()), "请检查服务授权状态"));
    shop.authorized("code-1");
    let made = shop.client.post(ORDERS, &request).success();
    assert_eq!((&made["state"], made.get("package")), (&json!("DOING"), None));
    let body = json!({ "post_payments": [{ "name": "租金", "amount": 0 }], "total_amount": 0 });
    let done = shop.step("free", "complete", body).success();
    assert_eq!((&done["state"], &done["need_collection"]), (&json!("DONE"), &json!(false)));
    let dear = shop.client.post(ORDERS, &shop.request("free"));
    assert_eq!(message(&dear), "订单重入参数校验失败");
}

#[test]
fn a_permission_is_opened_by_the_person_and_ended_by_either_side() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    let (openid, appid) = (&sandbox.kit().openid, &sandbox.kit().appid);
    let by_code = format!("{PERMISSIONS}/authorization-code/code-1?service_id={SERVICE}");
    let by_person = format!("{PERMISSIONS}/openid/{openid}?service_id={SERVICE}&appid={appid}");
    for target in [&by_code, &by_person] {
        let none = shop.client.get(target);
        assert_eq!((none.status, &*message(&none)), (404, "请求操作的授权记录不存在"));
    }
    shop.authorized("code-1");
    for target in [&by_code, &by_person] {
        let shown = shop.client.get(target).success();
        assert_eq!((&shown["authorization_state"], &shown["openid"]), (&json!("AVAILABLE"), &json!(openid)));
        assert_eq!(shown["authorization_success_time"], "2026-08-15T12:00:00+08:00");
    }
    let person = json!({ "service_id": SERVICE, "appid": appid, "openid": openid });
    let assess = || shop.client.post(&format!("{PERMISSIONS}/assess-user-risk-level"), &person).success();
    assert_eq!(assess()["user_risk_level"], 1);
    let other = json!({ "service_id": "500001", "appid": appid, "authorization_code": "code-1" });
    assert_eq!(shop.client.post(PERMISSIONS, &other).refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert!(shop.permission("code-1", "open", &json!({ "openid": openid })).is_err(), "twice");

    let end = json!({ "service_id": SERVICE, "reason": "不再需要" });
    let target = format!("{PERMISSIONS}/authorization-code/code-1/terminate");
    assert_eq!(shop.client.post(&target, &end).status, 204);
    let told = shop.receiver.next();
    assert_eq!(told.json()["event_type"], "PAYSCORE.USER_CLOSE_SERVICE");
    let told = told.open(&sandbox, NOW);
    assert_eq!(
        (&told["user_service_status"], &told["openorclose_time"], &told["authorization_code"]),
        (&json!("USER_CLOSE_SERVICE"), &json!("20260815120000"), &json!("code-1"))
    );
    assert_eq!(shop.client.get(&by_code).success()["authorization_state"], "UNAVAILABLE");
    assert_eq!(assess().get("user_risk_level"), None);
    assert_eq!(shop.client.post(&target, &end).refusal(), (400, "INVALID_REQUEST".to_owned()));
    let mut order = shop.request("closed");
    order["need_user_confirm"] = json!(false);
    order["openid"] = json!(openid);
    assert_eq!(shop.client.post(ORDERS, &order).refusal(), (403, "NO_AUTH".to_owned()));

    shop.permission("code-1", "open", &json!({ "openid": openid })).unwrap();
    shop.client.post(ORDERS, &order).success();
    shop.permission("code-1", "close", &json!({})).unwrap();
    assert!(shop.permission("code-1", "close", &json!({})).is_err(), "twice");
    assert!(shop.permission("nothing", "open", &json!({ "openid": openid })).is_err());
}

#[test]
fn an_order_of_an_authorized_person_is_made_and_completed_at_once() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let mut body = shop.charge(500);
    for (name, value) in shop.request("at-once").as_object().unwrap() {
        if name != "risk_fund" && name != "time_range" {
            body[name] = value.clone();
        }
    }
    body["time_range"] = json!({ "start_time": "20260815100000", "end_time": "20260815120000" });
    body["openid"] = json!(sandbox.kit().openid);
    let target = format!("{ORDERS}/direct-complete");
    assert_eq!(shop.client.post(&target, &body).refusal(), (403, "NO_AUTH".to_owned()));
    shop.authorized("code-1");
    let made = shop.client.post(&target, &body).success();
    assert_eq!((&made["state"], &made["state_description"]), (&json!("DOING"), &json!("MCH_COMPLETE")));
    assert_eq!(shop.client.post(&target, &body).success(), made, "a repeat");
    let mut other = body.clone();
    other["total_amount"] = json!(501);
    assert_eq!(message(&shop.client.post(&target, &other)), "订单重入参数校验失败");
    other["out_order_no"] = json!("other");
    assert_eq!(message(&shop.client.post(&target, &other)), "最终总金额计算非法");
    shop.client.run_for(2);
    assert_eq!((&shop.query("at-once")["state"], shop.unsettled()), (&json!("DONE"), 497));
}

#[test]
fn a_person_has_at_most_three_orders_of_a_service_under_way() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let openid = json!({ "openid": sandbox.kit().openid });
    for number in ["a", "b", "c"] {
        shop.confirmed(number);
    }
    shop.client.post(ORDERS, &shop.request("d")).success();
    let fourth = shop.person("d", "confirm", &openid);
    assert!(matches!(fourth, Err(ClientError::Refused { status: 409, .. })), "{fourth:?}");
    let other = json!({ "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" });
    shop.client.post(ORDERS, &shop.request("e")).success();
    shop.person("e", "confirm", &other).unwrap();

    shop.step("a", "cancel", json!({ "reason": "用户投诉" })).success();
    shop.step("b", "complete", shop.charge(500)).success();
    shop.person("b", "decline", &json!({})).unwrap();
    shop.client.run_for(2);
    assert!(shop.person("d", "confirm", &openid).is_err(), "b is overdue");
    let body = json!({ "service_id": SERVICE, "appid": sandbox.kit().appid, "authorization_code": "code-1" });
    shop.client.post(PERMISSIONS, &body).success();
    shop.permission("code-1", "open", &openid).unwrap();
    let mut request = shop.request("f");
    request["need_user_confirm"] = json!(false);
    request["openid"] = openid["openid"].clone();
    let refused = shop.client.post(ORDERS, &request);
    assert_eq!((refused.refusal().1.as_str(), &*message(&refused)), ("INVALID_REQUEST", "综合评估未通过"));
    shop.person("b", "pay", &json!({})).unwrap();
    shop.person("d", "confirm", &openid).unwrap();
}

#[test]
fn a_service_order_is_refunded_by_its_transaction_id() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    shop.completed("served", 500);
    shop.client.run_for(2);
    let id = shop.query("served")["collection"]["details"][0]["transaction_id"].clone();
    let refund = |number: &str, of: (&str, &Value), fen: i64| {
        let mut body = json!({
            "out_refund_no": number, "amount": { "refund": fen, "total": 500, "currency": "CNY" },
        });
        body[of.0] = of.1.clone();
        shop.client.post("/v3/refund/domestic/refunds", &body)
    };
    assert_eq!(refund("r0", ("out_trade_no", &json!("served")), 500).refusal().0, 404);
    let refunded = refund("r1", ("transaction_id", &id), 200).success();
    assert_eq!((&refunded["status"], &refunded["transaction_id"]), (&json!("PROCESSING"), &id));
    assert_eq!(shop.unsettled(), 298, "200 fen went back, and the fee of 1 fen came back");
    let shown = shop.client.get(&format!(
        "/v3/pay/transactions/id/{}?mchid={}",
        id.as_str().unwrap(),
        shop.client.mchid
    ));
    assert_eq!(shown.success()["trade_state"], "REFUND");
    assert_eq!(shop.query("served")["state"], "DONE");
}

#[test]
fn a_complaint_about_a_paid_service_order_names_it() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    shop.completed("served", 500);
    shop.client.run_for(2);
    let served = shop.query("served");
    let id = served["collection"]["details"][0]["transaction_id"].as_str().unwrap();
    let complaint = sandbox.platform().complain(&NewComplaint::new(id)).unwrap();
    let shown = shop.client.get(&format!("/v3/merchant-service/complaints-v2/{complaint}")).success();
    assert_eq!(
        shown["service_order_info"],
        json!([{ "order_id": served["order_id"], "out_order_no": "served", "state": "DONE" }])
    );
}

#[test]
fn a_partner_serves_people_for_its_sub_merchant_whose_money_it_is() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    const PARTNER: &str = "/v3/payscore/partner/serviceorder";
    let new = NewMerchant::new().mchid("1900000200").platform_keys(PlatformKeys::Migration);
    sandbox.platform().add_merchant(&new).unwrap();
    let of_sub = |mut body: Value| {
        body["sub_mchid"] = json!("1900000200");
        body
    };
    let made = shop.client.post(PARTNER, &of_sub(shop.request("served"))).success();
    assert_eq!((&made["sub_mchid"], &made["state"]), (&json!("1900000200"), &json!("CREATED")));
    shop.person("served", "confirm", &json!({ "openid": sandbox.kit().openid })).unwrap();
    assert_eq!(shop.receiver.next().open(&sandbox, NOW)["sub_mchid"], "1900000200");
    let step = |name: &str, mut body: Value, sub: &str| {
        body["service_id"] = json!(SERVICE);
        body["sub_mchid"] = json!(sub);
        shop.client.post(&format!("{PARTNER}/served/{name}"), &body)
    };
    assert_eq!(step("complete", shop.charge(500), "1900000201").refusal().0, 404, "of another sub-merchant");
    assert_eq!(shop.step("served", "complete", shop.charge(500)).refusal().0, 404, "not the merchant's own");
    assert_eq!(step("complete", shop.charge(500), "1900000200").status, 204);
    let query = format!("{PARTNER}?out_order_no=served&service_id={SERVICE}&sub_mchid=1900000200");
    assert_eq!(shop.client.get(&query).success()["collection"]["state"], "USER_PAYING");
    shop.client.sandbox.run_for(2).unwrap();
    shop.client.now += 2;
    let paid = shop.client.get(&query).success();
    assert_eq!((&paid["state"], shop.unsettled()), (&json!("DONE"), 0));
    let mut sub = Client::of(&sandbox, "1900000200");
    sub.now += 2;
    assert_eq!(sub.get("/v3/merchant/fund/balance/BASIC").success()["pending_amount"], 497);

    let body = of_sub(json!({
        "service_id": SERVICE, "appid": sandbox.kit().appid, "authorization_code": "code-1",
        "notify_url": shop.receiver.url,
    }));
    let token = shop.client.post("/v3/payscore/partner/permissions", &body).success();
    let token = token["apply_permissions_token"].as_str().unwrap().to_owned();
    shop.permission(&token, "open", &json!({ "openid": sandbox.kit().openid })).unwrap();
    let search = format!(
        "/v3/payscore/partner/permissions/search?service_id={SERVICE}&appid={}&sub_mchid=1900000200&openid={}",
        sandbox.kit().appid,
        sandbox.kit().openid
    );
    assert_eq!(shop.client.get(&search).success()["authorization_state"], "AVAILABLE");
    let end = of_sub(json!({
        "service_id": SERVICE, "appid": sandbox.kit().appid, "openid": sandbox.kit().openid, "reason": "不再需要",
    }));
    assert_eq!(shop.client.post("/v3/payscore/partner/permissions/terminate", &end).status, 204);
    assert_eq!(shop.client.get(&search).success()["authorization_state"], "UNAVAILABLE");
}

#[test]
fn the_query_id_of_the_confirmation_leads_to_the_order() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    shop.client.post(ORDERS, &shop.request("order-1")).success();
    let appid = &sandbox.kit().appid;
    let query =
        |id: &str| shop.client.get(&format!("{ORDERS}?query_id={id}&service_id={SERVICE}&appid={appid}"));
    assert_eq!(query("unknown").refusal(), (404, "ORDER_NOT_EXIST".to_owned()));
    let confirmed = shop.person("order-1", "confirm", &json!({ "openid": sandbox.kit().openid })).unwrap();
    let query_id = confirmed["query_id"].as_str().unwrap();
    assert_eq!(query(query_id).success(), shop.query("order-1"));
}

#[test]
fn a_person_is_told_of_the_money_to_come_while_the_order_is_under_way() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    let message = |fen: i64, day: &str| {
        json!({
            "post_payments": [{ "name": "租金", "amount": fen }], "total_amount": fen, "prepaid_time": day,
            "service_id": SERVICE,
        })
    };
    let send =
        |kind: &str, body: &Value| shop.client.post(&format!("{ORDERS}/order-1/send-{kind}message"), body);
    shop.client.post(ORDERS, &shop.request("order-1")).success();
    let refused = |kind: &str, body: &Value| send(kind, body).refusal();
    assert_eq!(refused("pending", &message(300, "20991231")), (400, "INVALID_REQUEST".to_owned()));
    shop.person("order-1", "confirm", &json!({ "openid": sandbox.kit().openid })).unwrap();
    for kind in ["pending", "prepaid"] {
        assert_eq!(send(kind, &message(300, "20991231")).status, 204);
        assert_eq!(refused(kind, &message(10_001, "20991231")), (400, "INVALID_REQUEST".to_owned()));
        assert_eq!(refused(kind, &message(300, "20200101")), (400, "PARAM_ERROR".to_owned()));
        let mut wrong = message(300, "20991231");
        wrong["total_amount"] = json!(299);
        assert_eq!(refused(kind, &wrong), (400, "PARAM_ERROR".to_owned()));
    }
    let told = sandbox.control().unwrap().call("GET", "/service-orders/order-1/messages", None).unwrap();
    let told: Vec<_> = told["messages"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(told, ["pending", "prepaid"]);
    shop.step("order-1", "complete", shop.charge(300)).success();
    assert_eq!(refused("prepaid", &message(300, "20991231")), (400, "INVALID_REQUEST".to_owned()));
}

#[test]
fn somebody_whose_account_is_frozen_neither_confirms_nor_pays_an_order() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let openid = sandbox.kit().openid.clone();
    shop.client.post(ORDERS, &shop.request("order-1")).success();
    sandbox.platform().set_account_state(&openid, AccountState::Frozen).unwrap();
    let confirmed = shop.person("order-1", "confirm", &json!({ "openid": openid }));
    assert!(matches!(confirmed, Err(ClientError::Refused { status: 409, .. })), "{confirmed:?}");
    sandbox.platform().set_account_state(&openid, AccountState::Normal).unwrap();
    shop.completed("order-2", 300);
    sandbox.platform().set_account_state(&openid, AccountState::Frozen).unwrap();
    shop.client.run_for(2);
    let paid = shop.person("order-2", "pay", &json!({}));
    assert!(matches!(paid, Err(ClientError::Refused { status: 409, .. })), "{paid:?}");
    assert_eq!(shop.query("order-2")["collection"]["state"], "USER_PAYING");
}

#[test]
fn the_older_operations_show_and_end_the_same_permission() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    let (appid, openid) = (&sandbox.kit().appid, &sandbox.kit().openid);
    let ask = json!({
        "service_id": SERVICE, "appid": appid, "authorization_code": "code1", "notify_url": shop.receiver.url,
    });
    shop.client.post(PERMISSIONS, &ask).success();
    let state = || {
        let target =
            format!("/v3/payscore/user-service-state?appid={appid}&service_id={SERVICE}&openid={openid}");
        shop.client.get(&target).success()["use_service_state"].clone()
    };
    assert_eq!(state(), "UNAVAILABLE");
    let open = "/pay-score-permissions/code1/open";
    sandbox.control().unwrap().call("POST", open, Some(&json!({ "openid": openid }))).unwrap();
    assert_eq!(state(), "AVAILABLE");
    let end = format!(
        "/v3/payscore/users/{openid}/permissions/{SERVICE}/terminate?openid={openid}&service_id={SERVICE}"
    );
    assert_eq!(shop.client.post(&end, &json!({ "appid": appid, "reason": "结束" })).status, 204);
    assert_eq!(state(), "UNAVAILABLE");
}

#[test]
fn an_order_without_confirmation_begins_when_it_is_made() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    shop.authorized("code-1");
    let mut request = shop.request("at-once");
    request["need_user_confirm"] = json!(false);
    request["openid"] = json!(sandbox.kit().openid);
    request["time_range"] = json!({ "start_time": "OnAccept" });
    let made = shop.client.post(ORDERS, &request).success();
    assert_eq!(made["time_range"]["start_time"], "20260815120000");
    let mut charge = shop.charge(500);
    charge["time_range"] = json!({ "start_time": "20260815120000", "end_time": "20260815115959" });
    assert_eq!(
        shop.step("at-once", "complete", charge.clone()).refusal(),
        (400, "INVALID_REQUEST".to_owned())
    );
    charge["time_range"]["end_time"] = json!("20260815120000");
    shop.step("at-once", "complete", charge).success();
}

#[test]
fn an_order_without_confirmation_is_not_for_a_frozen_account() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    shop.authorized("code-1");
    sandbox.platform().set_account_state(&sandbox.kit().openid, AccountState::Frozen).unwrap();
    let mut request = shop.request("frozen");
    request["need_user_confirm"] = json!(false);
    request["openid"] = json!(sandbox.kit().openid);
    let refused = shop.client.post(ORDERS, &request);
    assert_eq!((refused.status, &*message(&refused)), (400, "综合评估未通过"));
    sandbox.platform().set_account_state(&sandbox.kit().openid, AccountState::Normal).unwrap();
    shop.client.post(ORDERS, &request).success();
}

#[test]
fn a_canceled_order_collects_nothing() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    shop.completed("off", 500);
    shop.person("off", "decline", &json!({})).unwrap();
    shop.client.run_for(2);
    assert_eq!(shop.query("off")["need_collection"], true);
    shop.step("off", "cancel", json!({ "reason": "用户投诉" })).success();
    let shown = shop.query("off");
    assert_eq!(
        (&shown["state"], &shown["need_collection"], shown.get("collection")),
        (&json!("REVOKED"), &json!(false), None)
    );
}

#[test]
fn a_partner_knows_a_person_by_sub_openid_too() {
    const SUB_APPID: &str = "wx1111111111111111";
    const PARTNER: &str = "/v3/payscore/partner";
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    let new = NewMerchant::new().mchid("1900000200").appid(SUB_APPID);
    sandbox.platform().add_merchant(&new).unwrap();
    let appid = &sandbox.kit().appid;
    let person =
        sandbox.platform().add_person(&[appid.clone(), SUB_APPID.to_owned(), "wx3".to_owned()]).unwrap();
    let (openid, sub_openid) = (&person.openids[appid], &person.openids[SUB_APPID]);
    let of_sub = |mut body: Value| {
        body["sub_mchid"] = json!("1900000200");
        body["sub_appid"] = json!(SUB_APPID);
        body
    };
    let asked = of_sub(json!({
        "service_id": SERVICE, "appid": appid, "authorization_code": "code-1", "notify_url": shop.receiver.url,
    }));
    let token = shop.client.post(&format!("{PARTNER}/permissions"), &asked).success();
    let token = token["apply_permissions_token"].as_str().unwrap().to_owned();
    let wrong = shop.permission(&token, "open", &json!({ "openid": person.openids["wx3"] }));
    assert!(wrong.is_err(), "an openid of neither appid: {wrong:?}");
    shop.permission(&token, "open", &json!({ "openid": sub_openid })).unwrap();
    let told = shop.receiver.next().open(&sandbox, NOW);
    assert_eq!((&told["openid"], &told["sub_openid"]), (&json!(openid), &json!(sub_openid)));

    let search = format!(
        "{PARTNER}/permissions/search?service_id={SERVICE}&appid={appid}&sub_mchid=1900000200&sub_appid={SUB_APPID}&sub_openid={sub_openid}"
    );
    assert_eq!(shop.client.get(&search).success()["authorization_state"], "AVAILABLE");
    let mut request = of_sub(shop.request("at-once"));
    request["need_user_confirm"] = json!(false);
    request["sub_openid"] = json!(sub_openid);
    let mut nameless = request.clone();
    nameless.as_object_mut().unwrap().remove("sub_appid");
    let orders = format!("{PARTNER}/serviceorder");
    assert_eq!(shop.client.post(&orders, &nameless).refusal(), (400, "PARAM_ERROR".to_owned()));
    assert_eq!(shop.client.post(&orders, &request).success()["state"], "DOING");

    shop.client.post(&orders, &of_sub(shop.request("confirmed"))).success();
    shop.person("confirmed", "confirm", &json!({ "openid": sub_openid })).unwrap();
    let told = shop.receiver.next().open(&sandbox, NOW);
    assert_eq!((&told["openid"], &told["sub_openid"]), (&json!(openid), &json!(sub_openid)));

    let end = of_sub(json!({
        "service_id": SERVICE, "appid": appid, "sub_openid": sub_openid, "reason": "不再需要",
    }));
    assert_eq!(shop.client.post(&format!("{PARTNER}/permissions/terminate"), &end).status, 204);
    assert_eq!(shop.client.get(&search).success()["authorization_state"], "UNAVAILABLE");
}

const OF_PARTNER: &str = "/v3/payscore/partner";

impl Shop<'_> {
    /// A request of a partner for its sub-merchant.
    fn of_sub(&self, mut body: Value) -> Value {
        body["service_id"] = json!(SERVICE);
        body["appid"] = json!(self.client.sandbox.kit().appid);
        body["sub_mchid"] = json!("1900000200");
        body
    }

    fn post_as_partner(&self, path: &str, body: &Value) -> Response {
        self.client.post(&format!("{OF_PARTNER}/{path}"), body)
    }

    /// Asks to bind the service to the sub-merchant.
    fn bind(&self) -> Value {
        let apply = self.of_sub(json!({ "out_apply_no": "apply1", "result_notify_url": self.receiver.url }));
        let bound = self.post_as_partner("service-account-applications", &apply).success();
        assert_eq!(self.receiver.next().json()["event_type"], "PAYSCORE.BIND_SERVICE_ACCOUNT");
        bound
    }

    /// Asks for a permission in a scene. The request, and what comes back.
    fn ask_in_scene(&self) -> (Value, Value) {
        let ask = self.of_sub(json!({
            "authorization_code": "code1", "notify_url": self.receiver.url, "scene": "TRANSACTION",
            "transaction_scene_info": { "mchid": self.client.sandbox.kit().mchid, "sub_mchid": "1900000200" },
        }));
        let asked = self.post_as_partner("permissions/apply-for-scene", &ask).success();
        (ask, asked)
    }

    /// The person opens what was asked for.
    fn open_in_scene(&self, asked: &Value) {
        let token = asked["transaction_permissions_token"].as_str().unwrap();
        self.permission(token, "open", &json!({ "openid": self.client.sandbox.kit().openid })).unwrap();
    }
}

#[test]
fn a_partner_binds_a_service_to_its_sub_merchant_once() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    let bound = shop.bind();
    assert_eq!((&bound["apply_state"], &bound["sub_mchid"]), (&json!("APPROVED"), &json!("1900000200")));
    let mut apply = shop.of_sub(json!({ "out_apply_no": "apply1", "result_notify_url": shop.receiver.url }));
    assert_eq!(shop.post_as_partner("service-account-applications", &apply).success(), bound);
    let query =
        |number: &str| shop.client.get(&format!("{OF_PARTNER}/service-account-applications/{number}"));
    assert_eq!(query("apply1").success(), bound);
    assert_eq!(query("apply2").status, 404);
    apply["service_id"] = json!("500001");
    let other = shop.post_as_partner("service-account-applications", &apply);
    assert_eq!(other.refusal(), (400, "INVALID_REQUEST".to_owned()));
}

#[test]
fn a_person_has_a_level_when_the_service_is_open_in_a_scene() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    shop.bind();
    let (ask, asked) = shop.ask_in_scene();
    assert_eq!(shop.post_as_partner("permissions/apply-for-scene", &ask).success(), asked);
    let assess = || {
        let path = "permissions/assess-user-risk-level?sub_mchid=1900000200";
        let mut body = shop.of_sub(json!({ "authorization_code": "code1" }));
        body.as_object_mut().unwrap().remove("sub_mchid");
        shop.post_as_partner(path, &body).success()
    };
    let before = assess();
    assert_eq!(
        (&before["authorization_state"], before.get("user_risk_level")),
        (&json!("UNAVAILABLE"), None)
    );
    shop.open_in_scene(&asked);
    let after = assess();
    assert_eq!((&after["authorization_state"], &after["user_risk_level"]), (&json!("AVAILABLE"), &json!(1)));
    let quotas = |version: i64| {
        shop.client.get(&format!(
            "{OF_PARTNER}/servicequotas/service-id/{SERVICE}?sub_mchid=1900000200&appid={}&risk_level_version={version}",
            sandbox.kit().appid
        ))
    };
    assert_eq!(quotas(1).success()["quotas"][0]["risk_level"], 1);
    assert_eq!(quotas(2).refusal(), (400, "PARAM_ERROR".to_owned()));
}

#[test]
fn a_person_pays_a_partner_for_goods_when_they_are_there() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    shop.bind();
    shop.open_in_scene(&shop.ask_in_scene().1);
    let kit = sandbox.kit();
    let goods = json!({
        "goods": [{ "name": "茶", "picture": "https://example.com/a.png", "amount": 500, "count": 1 }],
        "jump_link": { "jump_link_type": "JUMP_LINK_MINI_PROGRAM", "appid": kit.appid, "path": "/order" },
    });
    let mut order = shop.of_sub(shop.request("delivery1"));
    order["shopping_info"] = goods.clone();
    order["openid"] = json!(kit.openid);
    order["need_user_confirm"] = json!(false);
    let made = shop.post_as_partner("servicepayondeliveryorder", &order).success();
    assert_eq!((&made["state"], &made["shopping_info"]), (&json!("DOING"), &goods));
    let again = shop.post_as_partner("servicepayondeliveryorder", &order).success();
    assert_eq!(again["order_id"], made["order_id"]);
    order["shopping_info"]["goods"][0]["amount"] = json!(-1);
    let below_nothing = shop.post_as_partner("servicepayondeliveryorder", &order);
    assert_eq!(below_nothing.refusal(), (400, "PARAM_ERROR".to_owned()));
    let mut complete = shop.of_sub(shop.charge(500));
    complete.as_object_mut().unwrap().remove("appid");
    assert_eq!(shop.post_as_partner("serviceorder/delivery1/complete", &complete).status, 204);
    sandbox.run_for(2).unwrap();
    let target =
        format!("{OF_PARTNER}/serviceorder?service_id={SERVICE}&sub_mchid=1900000200&out_order_no=delivery1");
    let done = Client { now: NOW + 2, ..Client::new(&sandbox) }.get(&target).success();
    assert_eq!((&done["state"], done.get("shopping_info")), (&json!("DONE"), None));
}
