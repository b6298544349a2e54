//! Contracts (委托代扣) over the API: a person signs, the merchant takes money, and somebody ends it.

use serde_json::{Value, json};
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{AccountState, Clock, LogEntry, NewMerchant, PaymentRequest, Sandbox};

use crate::NOW;
use crate::client::{Client, Response};
use crate::notifications::Receiver;

const PRESIGN: &str = "/v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign";
const APPLY: &str = "/v3/papay/pay/transactions/apply";
const HOUR: i64 = 3_600;
/// A person that was not made, who has the same openid under every appid.
const SOMEBODY: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6p";

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

    fn terms(&self, code: &str) -> Value {
        json!({
            "appid": self.client.sandbox.kit().appid, "plan_id": 12535, "out_contract_code": code,
            "contract_display_account": "张三", "contract_notify_url": self.receiver.url, "out_user_code": "用户A",
        })
    }

    fn person(&self, number: &str, step: &str, body: &Value) -> Result<Value, ClientError> {
        let number: String = number.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.client.sandbox.control().unwrap().call(
            "POST",
            &format!("/contracts/{number}/{step}"),
            Some(body),
        )
    }

    fn openid(&self) -> Value {
        json!({ "openid": self.client.sandbox.kit().openid })
    }

    /// A contract that the person has signed, by its `contract_id`.
    fn signed(&self, code: &str, terms: &Value) -> String {
        self.client.post(&format!("{PRESIGN}/app"), terms).success();
        let signed = self.person(code, "sign", &self.openid()).unwrap();
        assert_eq!(self.receiver.next().json()["event_type"], "ENTRUST.SIGN");
        signed["contract_id"].as_str().unwrap().to_owned()
    }

    fn deduct(&self, id: &str, number: &str, fen: i64) -> Response {
        let body = json!({
            "appid": self.client.sandbox.kit().appid, "out_trade_no": number, "description": "会员", "contract_id": id,
            "transaction_notify_url": self.receiver.url, "amount": { "total": fen, "currency": "CNY" }, "attach": "a",
        });
        self.client.post(APPLY, &body)
    }

    fn query(&self, code: &str) -> Response {
        self.client.get(&format!("/v3/papay/sign/contracts/plan-id/12535/out-contract-code/{code}"))
    }

    fn order(&self, number: &str) -> Value {
        let mchid = &self.client.mchid;
        self.client.get(&format!("/v3/pay/transactions/out-trade-no/{number}?mchid={mchid}")).success()
    }

    /// The next two in the order of their names: they are posted at the same time.
    fn told_both(&self) -> [(String, Value); 2] {
        let mut both = [self.told(), self.told()];
        both.sort_by(|one, other| one.0.cmp(&other.0));
        both
    }

    /// The event of the next notification, and what it tells.
    fn told(&self) -> (String, Value) {
        let notification = self.receiver.next();
        let event = notification.json()["event_type"].as_str().unwrap().to_owned();
        (event, notification.open(self.client.sandbox, self.client.now))
    }
}

#[test]
fn a_person_signs_once_and_the_merchant_deducts_until_the_contract_ends() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let made = shop.client.post(&format!("{PRESIGN}/jsapi"), &shop.terms("vip1")).success();
    assert_eq!(shop.query("vip1").refusal(), (404, "NOT_FOUND".to_owned()), "nobody has signed");
    let signed = shop.person(made["redirect_url"].as_str().unwrap(), "sign", &shop.openid()).unwrap();
    let id = signed["contract_id"].as_str().unwrap();
    let (event, told) = shop.told();
    assert_eq!((&*event, &told["contract_id"]), ("ENTRUST.SIGN", &json!(id)));
    assert_eq!(shop.query("vip1").success(), told);
    assert_eq!(
        (&told["contract_state"], &told["openid"], &told["plan_id"], &told["out_user_code"]),
        (&json!("SIGNED"), &json!(sandbox.kit().openid), &json!(12535), &json!("用户A"))
    );
    let again = shop.client.post(&format!("{PRESIGN}/app"), &shop.terms("vip1"));
    assert_eq!(again.refusal(), (400, "ALREADY_EXISTS".to_owned()));

    let accepted = shop.deduct(id, "month-1", 3_000).success();
    assert_eq!(
        accepted,
        json!({ "out_trade_no": "month-1", "amount": { "total": 3_000, "currency": "CNY" } })
    );
    let waiting = shop.order("month-1");
    assert_eq!((&waiting["trade_state"], &waiting["trade_type"]), (&json!("ACCEPT"), &Value::Null));
    assert_eq!(shop.deduct(id, "month-1", 3_000).refusal(), (400, "INVALID_REQUEST".to_owned()), "under way");
    let mchid = &shop.client.mchid;
    let close = "/v3/pay/transactions/out-trade-no/month-1/close";
    assert_eq!(shop.client.post(close, &json!({ "mchid": mchid })).status, 400);
    assert!(sandbox.pay(&PaymentRequest::new("month-1")).is_err(), "nobody else pays it");
    shop.client.run_for(2);
    let (event, mut told) = shop.told();
    assert_eq!((&*event, &told["attach"]), ("TRANSACTION.SUCCESS", &json!("a")));
    let paid = shop.order("month-1");
    // A query says that there are no coupons.
    told["promotion_detail"] = json!([]);
    assert_eq!(paid, told);
    assert_eq!(
        (&paid["trade_state"], &paid["trade_type"], &paid["payer"]["openid"]),
        (&json!("SUCCESS"), &json!("PAP"), &json!(sandbox.kit().openid))
    );
    assert_eq!(shop.deduct(id, "month-1", 3_000).refusal(), (400, "ORDERPAID".to_owned()));
    assert_eq!(shop.deduct(id, "month-2", 50_001).refusal(), (403, "RULE_LIMIT".to_owned()));

    let refund = json!({ "out_trade_no": "month-1", "out_refund_no": "back-1",
        "amount": { "refund": 1_000, "total": 3_000, "currency": "CNY" } });
    assert_eq!(shop.client.post("/v3/refund/domestic/refunds", &refund).success()["status"], "PROCESSING");
    assert_eq!(shop.order("month-1")["trade_state"], "REFUND");

    let path = "/v3/papay/sign/contracts/plan-id/12535/out-contract-code/vip1/terminate";
    let remark = json!({ "contract_termination_remark": "用户解约" });
    let ended = shop.client.post(path, &remark).success();
    let info = &ended["contract_terminate_info"];
    assert_eq!(
        (&ended["contract_state"], &info["contract_termination_mode"], &info["contract_termination_remark"]),
        (&json!("TERMINATED"), &json!("MCH_API_TERMINATE"), &json!("用户解约"))
    );
    assert_eq!(shop.told(), ("ENTRUST.TERMINATE".to_owned(), ended));
    assert_eq!(shop.client.post(path, &remark).refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(shop.deduct(id, "month-2", 100).refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(shop.deduct("209901010000000001", "month-2", 100).refusal(), (404, "NOT_FOUND".to_owned()));
}

#[test]
fn a_person_without_money_fails_a_deduction_that_is_then_tried_again() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let id = shop.signed("poor", &shop.terms("poor"));
    shop.person("poor", "decline", &json!({})).unwrap();
    shop.deduct(&id, "month-1", 3_000).success();
    shop.client.run_for(2);
    let (event, told) = shop.told();
    assert_eq!((&*event, &told["trade_state"]), ("TRANSACTION.FAIL", &json!("PAY_FAIL")));
    assert_eq!(
        shop.deduct(&id, "month-1", 2_000).refusal(),
        (400, "INVALID_REQUEST".to_owned()),
        "another amount"
    );
    shop.person(&id, "accept", &json!({})).unwrap();
    shop.deduct(&id, "month-1", 3_000).success();
    shop.client.run_for(2);
    assert_eq!(shop.told().0, "TRANSACTION.SUCCESS");

    // A frozen account has nothing to give either.
    let openid = &sandbox.kit().openid;
    sandbox.platform().set_account_state(openid, AccountState::Frozen).unwrap();
    shop.deduct(&id, "frozen", 3_000).success();
    shop.client.run_for(2);
    assert_eq!(shop.told().0, "TRANSACTION.FAIL");
    sandbox.platform().set_account_state(openid, AccountState::Normal).unwrap();

    // The contract ends while money is on its way.
    shop.deduct(&id, "month-2", 3_000).success();
    shop.person("poor", "end", &json!({})).unwrap();
    assert_eq!(shop.told().0, "ENTRUST.TERMINATE");
    assert!(shop.person("poor", "end", &json!({})).is_err(), "twice");
    shop.client.run_for(2);
    assert_eq!(shop.told().0, "TRANSACTION.FAIL");
}

/// A contract whose deduction is agreed on for 17 August: its contract_id.
fn with_schedule(shop: &Shop<'_>, code: &str) -> String {
    let mut terms = shop.terms(code);
    terms["deduct_schedule"] = json!({ "estimated_deduct_date": "2026-08-17", "description": "票",
        "estimated_deduct_amount": { "total": 10_000, "currency": "CNY" } });
    shop.signed(code, &terms)
}

fn book(shop: &Shop<'_>, id: &str, fen: i64) -> Response {
    let appid = &shop.client.sandbox.kit().appid;
    let body = json!({ "appid": appid, "schedule_amount": { "total": fen, "currency": "CNY" } });
    shop.client.post(&format!("/v3/papay/pay/schedules/contract-id/{id}/schedule"), &body)
}

fn schedule(shop: &Shop<'_>, id: &str) -> Value {
    shop.client.get(&format!("/v3/papay/pay/schedules/contract-id/{id}")).success()
}

#[test]
fn a_scheduled_deduction_is_booked_once_for_its_amount_the_day_before() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let id = with_schedule(&shop, "ticket");
    assert_eq!(schedule(&shop, &id), json!({ "schedule_state": "NO_SCHEDULED" }));
    assert_eq!(book(&shop, &id, 10_000).refusal(), (400, "INVALID_REQUEST".to_owned()), "two days before");
    shop.client.run_for(24 * HOUR);
    assert_eq!(book(&shop, &id, 9_999).refusal(), (400, "INVALID_REQUEST".to_owned()), "another amount");
    let booked = book(&shop, &id, 10_000).success();
    assert_eq!(
        (&booked["schedule_state"], &booked["deduct_start_date"], &booked["deduct_end_date"]),
        (&json!("SCHEDULED"), &json!("2026-08-17"), &json!("2026-08-17"))
    );
    assert_eq!(book(&shop, &id, 10_000).refusal(), (400, "INVALID_REQUEST".to_owned()), "twice");
}

#[test]
fn a_scheduled_deduction_is_made_on_its_day_and_ends_its_contract() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let id = with_schedule(&shop, "ticket");
    shop.client.run_for(24 * HOUR);
    book(&shop, &id, 10_000).success();
    let early = shop.deduct(&id, "ticket-1", 10_000);
    assert_eq!(early.refusal(), (400, "INVALID_REQUEST".to_owned()), "too early");
    shop.client.run_for(12 * HOUR);
    shop.deduct(&id, "ticket-1", 10_000).success();
    shop.client.run_for(2);
    let [(event, told), (paid_event, _)] = shop.told_both();
    assert_eq!(paid_event, "TRANSACTION.SUCCESS");
    assert_eq!((&*event, &told["contract_state"]), ("ENTRUST.TERMINATE", &json!("TERMINATED")));
    assert_eq!(told["deduct_schedule"]["deduct_amount"], json!({ "amount": 10_000, "currency": "CNY" }));
    assert_eq!(shop.query("ticket").success()["deduct_schedule"]["deduct_amount"]["total"], 10_000);
    assert_eq!(schedule(&shop, &id)["deduct_date"], "2026-08-17");
    assert_eq!(shop.deduct(&id, "ticket-1", 10_000).refusal(), (400, "ORDERPAID".to_owned()));
}

#[test]
fn a_contract_ends_when_the_day_of_its_deduction_has_passed() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let id = with_schedule(&shop, "missed");
    shop.client.run_for(24 * HOUR);
    book(&shop, &id, 10_000).success();
    shop.client.run_for(44 * HOUR - 1);
    assert_eq!(shop.query("missed").success()["contract_state"], "SIGNED");
    shop.client.run_for(1);
    let ended = shop.query("missed").success();
    assert_eq!(
        (
            &ended["contract_terminate_info"]["contract_termination_mode"],
            &ended["deduct_schedule"]["schedule_state"]
        ),
        (&json!("SYSTEM_TERMINATE"), &json!("EXPIRED"))
    );
}

#[test]
fn after_a_notice_money_is_taken_from_the_third_day_on_and_once() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let id = shop.signed("monthly", &shop.terms("monthly"));
    let notice = |shop: &Shop<'_>| {
        let body = json!({ "mchid": shop.client.mchid, "appid": sandbox.kit().appid,
            "estimated_amount": { "amount": 3_000, "currency": "CNY" } });
        shop.client.post(&format!("/v3/papay/contracts/{id}/notify"), &body)
    };
    assert_eq!(notice(&shop).status, 204);
    assert_eq!(notice(&shop).refusal(), (400, "INVALID_REQUEST".to_owned()), "twice");
    assert_eq!(shop.deduct(&id, "m-1234", 3_000).refusal(), (400, "INVALID_REQUEST".to_owned()), "too early");
    shop.client.run_for(48 * HOUR);
    assert_eq!(shop.deduct(&id, "m-1234", 3_001).refusal(), (400, "INVALID_REQUEST".to_owned()), "too much");
    shop.deduct(&id, "m-1234", 3_000).success();
    assert_eq!(shop.deduct(&id, "m-1236", 3_000).refusal(), (400, "INVALID_REQUEST".to_owned()), "at once");
    shop.client.run_for(2);
    assert_eq!(shop.deduct(&id, "m-1235", 3_000).refusal(), (400, "INVALID_REQUEST".to_owned()), "used up");
    assert_eq!(notice(&shop).status, 204);
    let body = json!({ "mchid": shop.client.mchid, "appid": sandbox.kit().appid });
    assert_eq!(shop.client.post(&format!("/v3/papay/contracts/{id}/fail-notify"), &body).status, 204);
}

#[test]
fn a_renewal_without_a_notice_is_taken_a_day_after_it_was_asked_for() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let id = shop.signed("monthly", &shop.terms("monthly"));
    shop.client.run_for(12 * HOUR - 1);
    shop.deduct(&id, "m-1234", 3_000).success();
    shop.client.run_for(2);
    assert_eq!(shop.told().0, "TRANSACTION.SUCCESS", "the first twelve hours");

    shop.deduct(&id, "m-1235", 3_000).success();
    shop.client.run_for(24 * HOUR - 1);
    assert_eq!(shop.order("m-1235")["trade_state"], "ACCEPT");
    assert_eq!(shop.deduct(&id, "m-1235", 3_000).refusal(), (400, "INVALID_REQUEST".to_owned()), "under way");
    shop.client.run_for(1);
    assert_eq!(shop.told().0, "TRANSACTION.SUCCESS");

    // The person hears of it, and ends the contract in the meantime.
    shop.deduct(&id, "m-1236", 3_000).success();
    shop.person("monthly", "end", &json!({})).unwrap();
    assert_eq!(shop.told().0, "ENTRUST.TERMINATE");
    shop.client.run_for(24 * HOUR);
    assert_eq!(shop.told().0, "TRANSACTION.FAIL");
    assert_eq!(shop.order("m-1236")["trade_state"], "PAY_FAIL");

    // Who signs again has the first twelve hours again.
    let id = shop.signed("again", &shop.terms("again"));
    shop.deduct(&id, "m-1237", 3_000).success();
    shop.client.run_for(2);
    assert_eq!(shop.told().0, "TRANSACTION.SUCCESS");
}

#[test]
fn a_session_lives_ten_minutes_for_the_person_that_the_request_names() {
    let sandbox = start();
    let mut shop = Shop::new(&sandbox);
    let mut terms = shop.terms("mine");
    terms["openid"] = json!(SOMEBODY);
    let first = shop.client.post(&format!("{PRESIGN}/mini-program"), &terms).success();
    let refused =
        |result: Result<Value, ClientError>| matches!(result, Err(ClientError::Refused { status: 409, .. }));
    assert!(refused(shop.person("mine", "sign", &shop.openid())), "another person");
    let session = first["pre_entrustweb_id"].as_str().unwrap();
    shop.client.run_for(600);
    assert!(refused(shop.person(session, "sign", &json!({ "openid": terms["openid"] }))), "too late");
    let second = shop.client.post(&format!("{PRESIGN}/mini-program"), &terms).success();
    let body = json!({ "openid": terms["openid"] });
    let void = shop.person(session, "sign", &body);
    assert!(matches!(void, Err(ClientError::Refused { status: 404, .. })), "{void:?}");
    shop.person(second["pre_entrustweb_id"].as_str().unwrap(), "sign", &body).unwrap();

    shop.client.post(&format!("{PRESIGN}/app"), &shop.terms("second")).success();
    assert!(refused(shop.person("second", "sign", &body)), "one contract of a plan");
    assert!(refused(shop.person("second", "sign", &shop.openid())), "one of an account of the merchant");
    let mut other = shop.terms("second");
    other["out_user_code"] = json!("用户B");
    shop.client.post(&format!("{PRESIGN}/app"), &other).success();
    shop.person("second", "sign", &body).unwrap();
    other["out_contract_code"] = json!("third");
    other.as_object_mut().unwrap().remove("out_user_code");
    shop.client.post(&format!("{PRESIGN}/app"), &other).success();
    assert!(refused(shop.person("third", "sign", &body)), "no account is named beside the others");
    shop.person("third", "sign", &shop.openid()).unwrap();

    for date in ["2026-08-15", "2026-08-16T00:00:00", "17"] {
        let mut terms = shop.terms("dated");
        terms["deduct_schedule"] = json!({ "estimated_deduct_date": date, "description": "票",
            "estimated_deduct_amount": { "total": 1 } });
        assert_eq!(
            shop.client.post(&format!("{PRESIGN}/app"), &terms).refusal(),
            (400, "PARAM_ERROR".to_owned())
        );
    }
}

#[test]
fn whoever_pays_an_order_with_a_contract_signs_it() {
    let sandbox = start();
    let shop = Shop::new(&sandbox);
    let kit = sandbox.kit();
    let order = |number: &str, code: &str, mchid: &str| {
        json!({
            "appid": kit.appid, "mchid": kit.mchid, "description": "会员", "out_trade_no": number,
            "notify_url": shop.receiver.url, "amount": { "total": 3_000, "currency": "CNY" },
            "payer": { "openid": kit.openid },
            "contract_info": { "plan_id": "12535", "contract_mchid": mchid, "contract_appid": kit.appid, "contract_code": code,
                "request_serial": "1", "contract_display_account": "张三", "contract_notify_url": shop.receiver.url },
        })
    };
    let path = "/v3/pay/transactions/jsapi-with-contract";
    let other = shop.client.post(path, &order("order-0", "both", "1900000001"));
    assert_eq!(other.refusal(), (400, "PARAM_ERROR".to_owned()));
    let made = shop.client.post(path, &order("order-1", "both", &kit.mchid)).success();
    assert_eq!(shop.client.post(path, &order("order-1", "both", &kit.mchid)).success(), made);
    assert_eq!(shop.query("both").status, 404);
    assert!(shop.person("both", "sign", &shop.openid()).is_err(), "only with the order");
    assert!(sandbox.pay(&PaymentRequest::new(made["prepay_id"].as_str().unwrap())).unwrap().paid);
    let [(signed, _), (paid, _)] = shop.told_both();
    assert_eq!((&*signed, &*paid), ("ENTRUST.SIGN", "TRANSACTION.SUCCESS"));
    // Another order takes the place of the contract of an order that nobody has paid.
    let [first, second] = ["order-3", "order-4"].map(|number| {
        let made = shop.client.post(path, &order(number, "taken", &kit.mchid)).success();
        made["prepay_id"].as_str().unwrap().to_owned()
    });
    let paid = sandbox.pay(&PaymentRequest::new(first)).unwrap();
    assert!(paid.paid && paid.contract_not_signed.unwrap().contains("a later request took its place"));
    assert_eq!(shop.query("taken").status, 404, "the contract is that of the other order");
    // The person has a contract of this plan: paid, not signed, and the developer is told why.
    let paid = sandbox.pay(&PaymentRequest::new(second)).unwrap();
    let reason = paid.contract_not_signed.unwrap();
    assert!(
        paid.paid && reason.starts_with("contract taken was not signed: the person has a contract"),
        "{reason}"
    );
    assert_eq!(shop.query("taken").status, 404);
    let told = |line: &LogEntry| line.path.contains("order-4") && line.reason.as_deref() == Some(&reason);
    assert!(sandbox.log().iter().any(|exchange| exchange.is_failed() && told(&exchange.entry)));
    let signed = shop.query("both").success();
    assert_eq!((&signed["contract_state"], &signed["openid"]), (&json!("SIGNED"), &json!(kit.openid)));
    let again = shop.client.post(path, &order("order-2", "both", &kit.mchid));
    assert_eq!(again.refusal(), (400, "ALREADY_EXISTS".to_owned()));
    assert_eq!(
        shop.client.get(&format!("/v3/pay/transactions/out-trade-no/order-2?mchid={}", kit.mchid)).status,
        404
    );
}

#[test]
fn a_partner_takes_money_for_its_sub_merchant_and_others_see_nothing() {
    let sandbox = start();
    let partner = NewMerchant::new().mchid("1900000777").sub_merchant("1900000110");
    let partner = sandbox.platform().add_merchant(&partner).unwrap();
    let mut shop = Shop::new(&sandbox);
    shop.client = Client::of(&sandbox, &partner.kit().mchid);
    let appid = partner.kit().appid.clone();
    let terms = |sub_mchid: &str| {
        json!({
            "sp_appid": appid, "sub_mchid": sub_mchid, "plan_id": 12535, "out_contract_code": "sub1",
            "contract_display_account": "张三", "contract_notify_url": shop.receiver.url,
        })
    };
    let path = "/v3/papay/scheduled-deduct-sign/partner/contracts/pre-entrust-sign/app";
    assert_eq!(shop.client.post(path, &terms("1900000999")).refusal(), (403, "NO_AUTH".to_owned()));
    shop.client.post(path, &terms("1900000110")).success();
    let id = shop.person("sub1", "sign", &json!({ "openid": SOMEBODY })).unwrap()["contract_id"].clone();
    let query = "/v3/papay/sign/partner/contracts/plan-id/12535/out-contract-code/sub1?sub_mchid=1900000110";
    let shown = shop.client.get(query).success();
    assert_eq!(
        (&shown["sp_mchid"], &shown["sub_mchid"]),
        (&json!(partner.kit().mchid), &json!("1900000110"))
    );
    assert_eq!(shown["sp_openid"], SOMEBODY);
    assert_eq!(shop.query("sub1").status, 404, "not the partner's own");
    assert_eq!(
        Client::new(&sandbox).get("/v3/papay/sign/contracts/plan-id/12535/out-contract-code/sub1").status,
        404
    );
    let body = json!({
        "sp_appid": appid, "sub_mchid": "1900000110", "out_trade_no": "month-1", "description": "会员", "contract_id": id,
        "transaction_notify_url": shop.receiver.url, "amount": { "total": 3_000 },
    });
    shop.client.post("/v3/papay/pay/partner/transactions/apply", &body).success();
    shop.client.run_for(2);
    let mchid = &partner.kit().mchid;
    let target =
        format!("/v3/pay/partner/transactions/out-trade-no/month-1?sp_mchid={mchid}&sub_mchid=1900000110");
    let paid = shop.client.get(&target).success();
    assert_eq!((&paid["trade_state"], &paid["trade_type"]), (&json!("SUCCESS"), &json!("PAP")));
}
