//! Transfers over the API: the person confirms, the merchant cancels, time passes; money, notifications and repeats agree.

use serde_json::{Value, json};
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{AccountState, Clock, ClockControl, MerchantAccount, Sandbox, TransferError};

use crate::NOW;
use crate::client::{Client, Response};
use crate::notifications::Receiver;

const BILLS: &str = "/v3/fund-app/mch-transfer/transfer-bills";
const HOURS: i64 = 3_600;

struct Payer<'a> {
    client: Client<'a>,
    receiver: Receiver,
}

/// A sandbox whose clock stands still. It is moved by [`Sandbox::run_for`], so that what is due happens.
fn start() -> (Sandbox, ClockControl) {
    let (clock, held) = Clock::frozen(NOW);
    (Sandbox::builder().clock(clock).start().unwrap(), held)
}

impl<'a> Payer<'a> {
    /// A merchant with 1000 fen in its operation account.
    fn new(sandbox: &'a Sandbox) -> Self {
        sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Operation, 1_000).unwrap();
        Self { client: Client::new(sandbox), receiver: Receiver::start(&[]) }
    }

    fn request(&self, number: &str, fen: i64) -> Value {
        let kit = self.client.sandbox.kit();
        json!({
            "appid": kit.appid, "out_bill_no": number, "openid": kit.openid, "transfer_amount": fen,
            "transfer_remark": "活动", "notify_url": self.receiver.url, "transfer_scene_id": "1000",
            "transfer_scene_report_infos": [
                { "info_type": "活动名称", "info_content": "新会员有礼" },
                { "info_type": "奖励说明", "info_content": "注册会员" },
            ],
        })
    }

    /// A transfer of 300 fen with the name of the person.
    fn named(&self, number: &str) -> crate::client::Response {
        let mut request = self.request(number, 300);
        request["user_name"] = json!(self.encrypted("张三"));
        let mut request = self.client.request("POST", BILLS, request.to_string().as_bytes());
        request.set("Wechatpay-Serial", &self.client.public_key_id);
        self.client.send(&request)
    }

    fn encrypted(&self, text: &str) -> String {
        self.client.public_key.encrypt_oaep(text.as_bytes()).unwrap()
    }

    fn query(&self, number: &str) -> Value {
        self.client.get(&format!("{BILLS}/out-bill-no/{number}")).success()
    }

    fn cancel(&self, number: &str) -> crate::client::Response {
        self.client.send(&self.client.request("POST", &format!("{BILLS}/out-bill-no/{number}/cancel"), b""))
    }

    /// What the merchant can use, and what is under way.
    fn balance(&self) -> (i64, i64) {
        let shown = self.client.get("/v3/merchant/fund/balance/OPERATION").success();
        (shown["available_amount"].as_i64().unwrap(), shown["pending_amount"].as_i64().unwrap())
    }

    fn notified(&self) -> Value {
        let arrived = self.receiver.next();
        assert_eq!(arrived.json()["event_type"], "MCHTRANSFER.BILL.FINISHED");
        arrived.open(self.client.sandbox, self.client.sandbox.clock().now())
    }

    fn person(&self, target: &str, body: &Value) -> Result<Value, ClientError> {
        self.client.sandbox.control().unwrap().call("POST", target, Some(body))
    }
}

/// Whoever changes the number then pays a second time, so it is neither a success nor a transfer that never was.
#[test]
fn a_number_is_not_retried_when_queries_do_not_find_it_any_more() {
    let (sandbox, _held) = start();
    let mut payer = Payer::new(&sandbox);
    let made = payer.client.post(BILLS, &payer.request("old1", 300)).success();
    payer.client.run_for(30 * 24 * HOURS);
    let again = payer.client.post(BILLS, &payer.request("old1", 300)).success();
    assert_eq!(again["transfer_bill_no"], made["transfer_bill_no"]);
    payer.client.run_for(1);
    for fen in [300, 301] {
        let late = payer.client.post(BILLS, &payer.request("old1", fen));
        assert_eq!(late.refusal(), (400, "INVALID_REQUEST".to_owned()));
        assert_eq!(late.json()["message"], "对应单号已超出重试期,请查单确认后决定是否换单请求");
    }
    assert_eq!(payer.client.get(&format!("{BILLS}/out-bill-no/old1")).status, 404);
}

#[test]
fn a_confirmed_transfer_is_paid_and_the_merchant_is_notified() {
    let (sandbox, _held) = start();
    let mut payer = Payer::new(&sandbox);
    let made = payer.client.post(BILLS, &payer.request("paid1", 300)).success();
    assert_eq!(made["state"], "WAIT_USER_CONFIRM");
    assert_eq!(payer.balance(), (700, 300));
    let again = payer.client.post(BILLS, &payer.request("paid1", 300)).success();
    assert_eq!(again, made, "the same request again");
    let other = payer.client.post(BILLS, &payer.request("paid1", 301));
    assert_eq!(other.refusal(), (400, "ALREADY_EXISTS".to_owned()));

    let package = made["package_info"].as_str().unwrap();
    let target = format!("/transfers/{}/confirm", package.replace('=', "%3D"));
    assert_eq!(payer.person(&target, &json!({})).unwrap()["state"], "TRANSFERING");
    let twice = payer.person("/transfers/paid1/confirm", &json!({}));
    assert!(matches!(twice, Err(ClientError::Refused { status: 409, .. })), "{twice:?}");
    assert_eq!(payer.cancel("paid1").refusal(), (400, "INVALID_REQUEST".to_owned()));
    payer.client.run_for(2);
    let shown = payer.query("paid1");
    assert_eq!((&shown["state"], &shown["transfer_amount"]), (&json!("SUCCESS"), &json!(300)));
    let number = shown["transfer_bill_no"].as_str().unwrap();
    let by_number = payer.client.get(&format!("{BILLS}/transfer-bill-no/{number}")).success();
    assert_eq!((by_number, number.len()), (shown.clone(), 40));
    assert_eq!(payer.balance(), (700, 0));
    let told = payer.notified();
    assert_eq!(
        (&told["state"], &told["out_bill_no"], &told["mch_id"], &told["update_time"]),
        (&json!("SUCCESS"), &json!("paid1"), &shown["mch_id"], &shown["update_time"])
    );
    assert!(told.get("user_name").is_none() && told.get("fail_reason").is_none(), "{told}");
}

/// What the control API does, without it.
#[test]
fn a_program_acts_for_the_person_of_a_transfer() {
    let (sandbox, _held) = start();
    let (payer, platform) = (Payer::new(&sandbox), sandbox.platform());
    let transfer = |number: &str| {
        let made = payer.client.post(BILLS, &payer.request(number, 300)).success();
        made["transfer_bill_no"].as_str().unwrap().to_owned()
    };
    let confirmed = transfer("confirmed1");
    assert_eq!(platform.confirm_transfer(&confirmed, None).unwrap(), "TRANSFERING");
    let twice = platform.confirm_transfer("confirmed1", None);
    assert!(matches!(twice, Err(TransferError::State { state: "TRANSFERING", reason: None })), "{twice:?}");
    transfer("refused1");
    assert_eq!(platform.refuse_transfer("refused1").unwrap(), "FAIL");
    assert_eq!(payer.balance(), (700, 300));
    assert!(matches!(platform.refuse_transfer("nothing1"), Err(TransferError::Unknown)));

    let base = "/v3/fund-app/mch-transfer/user-confirm-authorization";
    let kit = sandbox.kit();
    let asked = json!({
        "out_authorization_no": "auth1", "appid": kit.appid, "openid": kit.openid, "transfer_scene_id": "1000",
        "user_display_name": "会员", "authorization_notify_url": payer.receiver.url,
    });
    payer.client.post(base, &asked).success();
    let state = || {
        let shown = payer.client.get(&format!("{base}/out-authorization-no/auth1")).success();
        shown["state"].as_str().unwrap().to_owned()
    };
    platform.confirm_authorization("auth1").unwrap();
    assert_eq!(state(), "TAKING_EFFECT");
    platform.end_authorization("auth1").unwrap();
    assert_eq!(state(), "CLOSED");
}

#[test]
fn a_merchant_without_money_may_repeat_the_number_after_a_top_up() {
    let (sandbox, _held) = start();
    let payer = Payer::new(&sandbox);
    let request = payer.request("short1", 1_001);
    let refused = payer.client.post(BILLS, &request);
    assert_eq!(refused.refusal(), (403, "NOT_ENOUGH".to_owned()));
    assert_eq!(refused.json()["message"], "商户运营账户资金不足,充值后可以原单号发起重试,请勿更换商户单号");
    let missing = payer.client.get(&format!("{BILLS}/out-bill-no/short1"));
    assert_eq!(missing.refusal(), (404, "NOT_FOUND".to_owned()));
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Operation, 1).unwrap();
    payer.client.post(BILLS, &request).success();
    assert_eq!(payer.balance(), (0, 1_001));
}

#[test]
fn a_canceled_transfer_gives_its_money_back() {
    let (sandbox, _held) = start();
    let mut payer = Payer::new(&sandbox);
    payer.client.post(BILLS, &payer.request("back1", 300)).success();
    let canceled = payer.cancel("back1").success();
    assert_eq!(canceled["state"], "CANCELING");
    assert!(payer.person("/transfers/back1/confirm", &json!({})).is_err());
    assert_eq!(payer.balance(), (700, 300), "not yet");
    payer.client.run_for(2);
    assert_eq!(payer.cancel("back1").success()["state"], "CANCELLED");
    let shown = payer.query("back1");
    assert_eq!((&shown["state"], &shown["fail_reason"]), (&json!("CANCELLED"), &json!("MCH_CANCEL")));
    assert_eq!((payer.balance(), &payer.notified()["state"]), ((1_000, 0), &json!("CANCELLED")));
    assert_eq!(payer.cancel("nothing").refusal(), (400, "INVALID_REQUEST".to_owned()));
}

#[test]
fn a_transfer_that_nobody_confirms_fails_after_24_hours() {
    let (sandbox, _held) = start();
    let mut payer = Payer::new(&sandbox);
    payer.client.post(BILLS, &payer.request("late1", 300)).success();
    payer.client.run_for(24 * HOURS - 1);
    assert_eq!(payer.query("late1")["state"], "WAIT_USER_CONFIRM");
    payer.client.run_for(1);
    let shown = payer.query("late1");
    assert_eq!((&shown["state"], &shown["fail_reason"]), (&json!("FAIL"), &json!("OVERDUE_CLOSE")));
    assert_eq!((payer.balance(), &payer.notified()["fail_reason"]), ((1_000, 0), &json!("OVERDUE_CLOSE")));
    for too_late in
        [sandbox.platform().confirm_transfer("late1", None), sandbox.platform().refuse_transfer("late1")]
    {
        let text = too_late.unwrap_err().to_string();
        assert!(text.starts_with("its state is FAIL (OVERDUE_CLOSE)"), "{text}");
    }
    payer.client.run_for(30 * 24 * HOURS);
    let old = payer.client.get(&format!("{BILLS}/out-bill-no/late1"));
    assert_eq!(old.refusal(), (404, "NOT_FOUND".to_owned()));
}

#[test]
fn a_payment_fails_with_the_reason_that_the_person_s_account_gives() {
    let (sandbox, _held) = start();
    let mut payer = Payer::new(&sandbox);
    payer.client.post(BILLS, &payer.request("fail1", 300)).success();
    let unknown = payer.person("/transfers/fail1/confirm", &json!({ "fail_reason": "NO_MOOD" }));
    assert!(matches!(unknown, Err(ClientError::Refused { status: 400, .. })), "{unknown:?}");
    payer.person("/transfers/fail1/confirm", &json!({ "fail_reason": "ACCOUNT_FROZEN" })).unwrap();
    payer.client.run_for(2);
    assert_eq!(payer.query("fail1")["fail_reason"], "ACCOUNT_FROZEN");
    assert_eq!(payer.balance(), (1_000, 0));
    payer.client.post(BILLS, &payer.request("refused1", 300)).success();
    assert_eq!(payer.person("/transfers/refused1/refuse", &json!({})).unwrap()["state"], "FAIL");
    assert_eq!(payer.balance(), (1_000, 0));
    let nobody = payer.person("/transfers/nothing/confirm", &json!({}));
    assert!(matches!(nobody, Err(ClientError::Refused { status: 404, .. })), "{nobody:?}");
}

#[test]
fn nothing_is_transferred_into_an_account_that_is_frozen_or_cancelled() {
    let (sandbox, _) = start();
    let mut payer = Payer::new(&sandbox);
    for (number, state, reason) in [
        ("fail1", AccountState::Frozen, "ACCOUNT_FROZEN"),
        ("fail2", AccountState::Cancelled, "ACCOUNT_NOT_EXIST"),
    ] {
        payer.client.post(BILLS, &payer.request(number, 300)).success();
        payer.person(&format!("/transfers/{number}/confirm"), &json!({})).unwrap();
        sandbox.platform().set_account_state(&sandbox.kit().openid, state).unwrap();
        payer.client.run_for(10);
        assert_eq!((&payer.query(number)["fail_reason"], payer.balance()), (&json!(reason), (1_000, 0)));
    }
}

#[test]
fn a_wrong_transfer_is_refused_with_its_reason_and_moves_nothing() {
    let (sandbox, _held) = start();
    let payer = Payer::new(&sandbox);
    let person = sandbox.platform().add_person(&["wx0000000000000001".to_owned()]).unwrap();
    let foreign = json!(person.openids["wx0000000000000001"]);
    for (member, value, message) in [
        ("openid", json!("nobody"), "Openid格式错误或者不属于商家公众账号"),
        ("openid", foreign, "Openid格式错误或者不属于商家公众账号"),
        ("transfer_amount", json!(9), "超过单笔转账上下限，核实产品设置是否准确"),
        (
            "transfer_amount",
            json!(-9),
            "输入源“/body/transfer_amount”映射到数值字段“转账金额”规则校验失败，值低于最小值 0",
        ),
        ("transfer_scene_id", json!("1005"), "未传入完整且对应的转账场景报备信息，请根据接口文档检查"),
        ("appid", json!("wx0000000000000000"), "APPID不存在"),
        ("transfer_scene_id", json!("9999"), "你尚未获取该转账场景"),
        ("user_recv_perception", json!("随便写"), "暂不支持展示当前传入的用户收款感知"),
        ("user_recv_perception", json!("劳务报酬"), "暂不支持展示当前传入的用户收款感知"),
    ] {
        let mut request = payer.request("wrong1", 300);
        request[member] = value;
        let refused = payer.client.post(BILLS, &request);
        assert_eq!((refused.status, &refused.json()["message"]), (400, &json!(message)), "{member}");
    }
    assert_eq!(payer.balance(), (1_000, 0));
    let mut right = payer.request("right1", 300);
    right["user_recv_perception"] = json!("现金奖励");
    payer.client.post(BILLS, &right).success();
}

#[test]
fn an_authorized_person_is_paid_without_confirming() {
    let (sandbox, _held) = start();
    let mut payer = Payer::new(&sandbox);
    let (kit, base) = (sandbox.kit(), "/v3/fund-app/mch-transfer/user-confirm-authorization");
    let ask = json!({
        "out_authorization_no": "auth1", "appid": kit.appid, "openid": kit.openid, "transfer_scene_id": "1000",
        "user_display_name": "会员", "authorization_notify_url": payer.receiver.url,
    });
    let mut seen_otherwise = ask.clone();
    seen_otherwise["user_recv_perception"] = json!("货款");
    let refused = payer.client.post(base, &seen_otherwise);
    assert_eq!(refused.json()["message"], "暂不支持展示当前传入的用户收款感知");
    let asked = payer.client.post(base, &ask).success();
    assert_eq!(asked["state"], "WAIT_USER_CONFIRM");
    assert_eq!(payer.client.post(base, &ask).success(), asked);
    let mut transfer = payer.request("free1", 200);
    transfer.as_object_mut().unwrap().remove("openid");
    transfer["out_authorization_no"] = json!("auth1");
    let early = payer.client.post(&format!("{BILLS}/transfer"), &transfer);
    assert_eq!(early.refusal(), (400, "INVALID_REQUEST".to_owned()));

    payer.person("/authorizations/auth1/confirm", &json!({})).unwrap();
    let told = payer.receiver.next().open(&sandbox, NOW);
    let id = told["authorization_id"].as_str().unwrap().to_owned();
    assert_eq!((&told["state"], &told["out_authorization_no"]), (&json!("TAKING_EFFECT"), &json!("auth1")));
    let paid = payer.client.post(&format!("{BILLS}/transfer"), &transfer).success();
    assert_eq!((&paid["state"], &paid["openid"]), (&json!("SUCCESS"), &json!(kit.openid)));
    assert_eq!((&payer.query("free1")["state"], payer.balance()), (&json!("SUCCESS"), (800, 0)));
    assert_eq!(payer.notified()["state"], "SUCCESS");
    assert_eq!(payer.client.post(&format!("{BILLS}/transfer"), &transfer).success(), paid, "paid once");
    assert_eq!(payer.balance(), (800, 0));
    // The account of the person does not work: nothing is said to be paid, and the money comes back.
    sandbox.platform().set_account_state(&kit.openid, AccountState::Frozen).unwrap();
    transfer["out_bill_no"] = json!("frozen1");
    let under_way = payer.client.post(&format!("{BILLS}/transfer"), &transfer).success();
    assert_eq!((&under_way["state"], payer.balance()), (&json!("TRANSFERING"), (600, 200)));
    payer.client.run_for(2);
    assert_eq!((&payer.query("frozen1")["state"], payer.balance()), (&json!("FAIL"), (800, 0)));
    assert_eq!(payer.notified()["state"], "FAIL");
    sandbox.platform().set_account_state(&kit.openid, AccountState::Normal).unwrap();

    payer.person("/authorizations/auth1/end", &json!({})).unwrap();
    let closed = payer.client.get(&format!("{base}/out-authorization-no/auth1")).success();
    assert_eq!(closed["close_info"]["close_reason"], "USER_CLOSE");
    let mut late = payer.request("free2", 200);
    late.as_object_mut().unwrap().remove("openid");
    late["authorization_id"] = json!(id);
    let late = payer.client.post(&format!("{BILLS}/transfer"), &late);
    assert_eq!(late.refusal(), (400, "INVALID_REQUEST".to_owned()));
}

#[test]
fn a_person_has_one_authorization_for_a_scene() {
    let (sandbox, _held) = start();
    let payer = Payer::new(&sandbox);
    let kit = sandbox.kit();
    let base = "/v3/fund-app/mch-transfer/user-confirm-authorization";
    let ask = |number: &str, scene: &str, openid: &str| {
        let body = json!({
            "out_authorization_no": number, "appid": kit.appid, "openid": openid, "transfer_scene_id": scene,
            "user_display_name": "会员", "authorization_notify_url": payer.receiver.url,
        });
        payer.client.post(base, &body)
    };
    let is_refused = |response: Response| {
        assert_eq!(response.refusal(), (400, "INVALID_REQUEST".to_owned()));
        assert!(response.json()["message"].as_str().unwrap().contains("授权数量达到限制"));
    };
    let person = sandbox.platform().add_person(std::slice::from_ref(&kit.appid)).unwrap();
    let openid = person.openids[&kit.appid].as_str();
    ask("auth1", "1000", openid).success();
    ask("auth1", "1000", openid).success();
    is_refused(ask("auth2", "1000", openid));
    ask("auth3", "1009", openid).success();
    ask("auth4", "1000", &kit.openid).success();
    // One that comes with a transfer is a second one: the first that takes effect counts.
    let mut with = payer.request("both1", 200);
    with["openid"] = json!(openid);
    with["authorization_info"] = json!({
        "user_display_name": "会员", "out_authorization_no": "auth5", "authorization_notify_url": payer.receiver.url,
    });
    payer.client.post(&format!("{BILLS}/pre-transfer-with-authorization"), &with).success();
    sandbox.platform().confirm_authorization("auth1").unwrap();
    is_refused(ask("auth6", "1000", openid));
    payer.person("/transfers/both1/confirm", &json!({})).unwrap();
    let shown = |number: &str| {
        payer.client.get(&format!("{base}/out-authorization-no/{number}")).success()["state"].clone()
    };
    sandbox.run_for(2).unwrap();
    assert_eq!((shown("auth1"), shown("auth5")), (json!("TAKING_EFFECT"), json!("WAIT_USER_CONFIRM")));
    assert_eq!(payer.query("both1")["state"], "SUCCESS", "the person has the money all the same");
    // When it has ended another one can be asked for, but for the one that waits.
    sandbox.platform().end_authorization("auth1").unwrap();
    sandbox.run_for(200).unwrap();
    is_refused(ask("auth6", "1000", openid));
}

#[test]
fn a_confirmed_transfer_also_gives_the_authorization_that_came_with_it() {
    let (sandbox, _held) = start();
    let payer = Payer::new(&sandbox);
    let mut request = payer.request("both1", 200);
    request["authorization_info"] = json!({
        "user_display_name": "会员", "out_authorization_no": "both", "authorization_notify_url": payer.receiver.url,
    });
    let target = format!("{BILLS}/pre-transfer-with-authorization");
    let made = payer.client.post(&target, &request).success();
    assert_eq!(
        (&made["state"], &made["out_authorization_no"]),
        (&json!("WAIT_USER_CONFIRM"), &json!("both"))
    );
    payer.person("/transfers/both1/confirm", &json!({})).unwrap();
    let base = "/v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/both";
    assert_eq!(payer.client.get(base).success()["state"], "WAIT_USER_CONFIRM", "the money is under way");
    sandbox.run_for(2).unwrap();
    assert_eq!(payer.client.get(base).success()["state"], "TAKING_EFFECT");
    let close = payer.client.request("POST", &format!("{base}/close"), b"");
    assert_eq!(payer.client.send(&close).success()["close_info"]["close_reason"], "CLOSE_VIA_MCH_API");
}

#[test]
fn whoever_did_not_get_the_money_has_given_no_authorization_with_it() {
    let (sandbox, _held) = start();
    let mut payer = Payer::new(&sandbox);
    let mut request = payer.request("both1", 200);
    request["authorization_info"] = json!({
        "user_display_name": "会员", "out_authorization_no": "both", "authorization_notify_url": payer.receiver.url,
    });
    payer.client.post(&format!("{BILLS}/pre-transfer-with-authorization"), &request).success();
    payer.person("/transfers/both1/confirm", &json!({ "fail_reason": "TRANSFER_RISK" })).unwrap();
    payer.client.run_for(2);
    let base = "/v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/both";
    assert_eq!(payer.client.get(base).success()["state"], "WAIT_USER_CONFIRM");
    payer.client.run_for(86_400);
    assert_eq!(payer.client.get(base).success()["state"], "CLOSED");
}

#[test]
fn whoever_confirms_in_the_last_second_gives_the_authorization_too() {
    let (sandbox, _held) = start();
    let mut payer = Payer::new(&sandbox);
    let mut request = payer.request("both1", 200);
    request["authorization_info"] = json!({
        "user_display_name": "会员", "out_authorization_no": "both", "authorization_notify_url": payer.receiver.url,
    });
    payer.client.post(&format!("{BILLS}/pre-transfer-with-authorization"), &request).success();
    payer.client.run_for(86_399);
    payer.person("/transfers/both1/confirm", &json!({})).unwrap();
    payer.client.run_for(2);
    let base = "/v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/both";
    assert_eq!(payer.client.get(base).success()["state"], "TAKING_EFFECT");
}

#[test]
fn a_transfer_names_an_authorization_until_that_has_ended() {
    let (sandbox, _held) = start();
    let payer = Payer::new(&sandbox);
    let (kit, base) = (sandbox.kit(), "/v3/fund-app/mch-transfer/user-confirm-authorization");
    let ask = json!({
        "out_authorization_no": "auth1", "appid": kit.appid, "openid": kit.openid, "transfer_scene_id": "1000",
        "user_display_name": "会员", "authorization_notify_url": payer.receiver.url,
    });
    payer.client.post(base, &ask).success();
    let with = |number: &str, name: &str| {
        let mut request = payer.request(number, 200);
        request["authorization_info"] = json!({
            "user_display_name": name, "out_authorization_no": "auth1", "authorization_notify_url": payer.receiver.url,
        });
        payer.client.post(&format!("{BILLS}/pre-transfer-with-authorization"), &request)
    };
    assert_eq!(with("both1", "别人").refusal(), (400, "ALREADY_EXISTS".to_owned()));
    with("both1", "会员").success();
    assert_eq!(payer.client.post(base, &ask).success()["state"], "WAIT_USER_CONFIRM");
    payer.person("/transfers/both1/confirm", &json!({})).unwrap();
    let shown = || payer.client.get(&format!("{base}/out-authorization-no/auth1")).success();
    sandbox.run_for(2).unwrap();
    assert_eq!(shown()["state"], "TAKING_EFFECT");

    payer.person("/authorizations/auth1/end", &json!({})).unwrap();
    assert_eq!(shown()["state"], "CLOSED");
    assert_eq!(with("both2", "会员").refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(payer.balance(), (800, 0), "the second transfer was not made");
}

#[test]
fn a_batch_pays_what_it_can_and_gives_the_rest_back() {
    let (sandbox, _held) = start();
    let mut payer = Payer::new(&sandbox);
    let kit = sandbox.kit();
    let detail = |number: &str, fen: i64, openid: &str| {
        json!({
            "out_detail_no": number, "transfer_amount": fen, "transfer_remark": "报销", "openid": openid,
        })
    };
    let batch = |number: &str, details: Vec<Value>, total: i64| {
        json!({
            "appid": kit.appid, "out_batch_no": number, "batch_name": "报销", "batch_remark": "报销",
            "total_amount": total, "total_num": details.len(), "transfer_detail_list": details,
            "transfer_scene_id": "1000", "notify_url": payer.receiver.url,
        })
    };
    let wrong = batch("batch1", vec![detail("a", 300, &kit.openid)], 301);
    let refused = payer.client.post("/v3/transfer/batches", &wrong);
    assert_eq!((refused.status, &refused.json()["message"]), (400, &json!("转账批次参数不正确")));
    let dear = batch("batch1", vec![detail("a", 1_001, &kit.openid)], 1_001);
    let refused = payer.client.post("/v3/transfer/batches", &dear);
    assert_eq!((refused.status, &refused.json()["message"]), (403, &json!("资金不足")));
    let details =
        vec![detail("a", 300, &kit.openid), detail("b", 9, &kit.openid), detail("c", 100, "nobody")];
    let request = batch("batch1", details, 409);
    let made = payer.client.post("/v3/transfer/batches", &request).success();
    assert_eq!((&made["batch_status"], payer.balance()), (&json!("ACCEPTED"), (591, 409)));
    let other = batch("batch1", vec![detail("a", 300, &kit.openid)], 300);
    assert_eq!(payer.client.post("/v3/transfer/batches", &other).refusal(), (400, "PARAM_ERROR".to_owned()));

    payer.client.run_for(2);
    assert_eq!(payer.balance(), (700, 0));
    let base = "/v3/transfer/batches/out-batch-no/batch1";
    let shown = payer.client.get(&format!("{base}?need_query_detail=true&detail_status=FAIL")).success();
    for state in ["ALL", "WAIT_PAY", "SUCCESS", "FAIL"] {
        let query = format!("{base}?need_query_detail=false&detail_status={state}");
        let refused = payer.client.get(&query);
        let said = (refused.refusal(), &refused.json()["message"]);
        assert_eq!(said, ((400, "PARAM_ERROR".to_owned()), &json!("传入的转账明细状态无效")));
    }
    payer.client.get(&format!("{base}?need_query_detail=false")).success();
    let sums = ["success_num", "success_amount", "fail_num", "fail_amount"];
    assert_eq!(sums.map(|name| shown["transfer_batch"][name].as_i64().unwrap()), [1, 300, 2, 109]);
    let numbers: Vec<_> =
        shown["transfer_detail_list"].as_array().unwrap().iter().map(|one| &one["out_detail_no"]).collect();
    assert_eq!(numbers, ["b", "c"]);
    let reason = |number: &str| {
        payer.client.get(&format!("{base}/details/out-detail-no/{number}")).success()["fail_reason"].clone()
    };
    assert_eq!((reason("b"), reason("c")), (json!("TRANSFER_QUOTA_EXCEED"), json!("OPENID_INVALID")));
    let arrived = payer.receiver.next();
    assert_eq!(arrived.json()["event_type"], "MCHTRANSFER.BATCH.FINISHED");
    assert_eq!(arrived.open(&sandbox, payer.client.now)["success_amount"], 300);
    let again = payer.client.post("/v3/transfer/batches", &request).success();
    assert_eq!((&again["batch_id"], &again["batch_status"]), (&made["batch_id"], &json!("FINISHED")));
}

/// The file of a receipt, whose digest the response has told.
fn receipt(payer: &Payer<'_>, shown: &Value) -> Vec<u8> {
    let address = shown["download_url"].as_str().unwrap();
    let target = address.find("/v3/").map(|at| &address[at..]).unwrap();
    let file = payer.client.get(target);
    assert_eq!((file.status, file.header("Content-Type")), (200, Some("application/pdf")), "{}", file.text());
    assert_eq!(file.header("Weipay-Sandbox-Answer"), Some("state"));
    assert_eq!(shown["hash_type"], "SHA256");
    assert_eq!(shown["hash_value"], weipay_wire::sha256_hex(&file.body).to_uppercase());
    file.body
}

#[test]
fn the_receipt_of_a_transfer_is_made_by_the_clock_and_downloaded() {
    let (sandbox, _held) = start();
    let mut payer = Payer::new(&sandbox);
    let made = payer.named("paid1").success();
    payer.client.post(BILLS, &payer.request("nameless", 300)).success();
    let number = made["transfer_bill_no"].as_str().unwrap().to_owned();
    let apply = "/v3/fund-app/mch-transfer/elecsign/out-bill-no";
    let query = "/v3/fund-app/mch-transfer/elecsign/out-bill-no/paid1";
    let early = payer.client.post(apply, &json!({ "out_bill_no": "paid1" }));
    assert_eq!(early.refusal(), (400, "INVALID_REQUEST".to_owned()));
    payer.person("/transfers/paid1/confirm", &json!({})).unwrap();
    payer.person("/transfers/nameless/confirm", &json!({})).unwrap();
    payer.client.run_for(2);
    let nameless = payer.client.post(apply, &json!({ "out_bill_no": "nameless" }));
    assert_eq!(nameless.refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(payer.client.get(query).refusal(), (404, "NOT_FOUND".to_owned()));

    let applied = payer.client.post(apply, &json!({ "out_bill_no": "paid1" })).success();
    assert_eq!(applied["state"], "GENERATING");
    let again = "/v3/fund-app/mch-transfer/elecsign/transfer-bill-no";
    assert_eq!(payer.client.post(again, &json!({ "transfer_bill_no": number })).success(), applied);
    let shown = payer.client.get(query).success();
    assert_eq!((&shown["state"], &shown["create_time"]), (&json!("GENERATING"), &applied["create_time"]));
    assert!(shown.get("download_url").is_none(), "{shown}");

    payer.client.run_for(60);
    let shown = payer.client.get(query).success();
    assert_eq!(shown["state"], "FINISHED");
    let file = receipt(&payer, &shown);
    let text = String::from_utf8(file.clone()).unwrap();
    assert!(text.contains("amount: 3.00 CNY") && text.contains(&number), "{text}");
    let by_number = format!("/v3/fund-app/mch-transfer/elecsign/transfer-bill-no/{number}");
    assert_eq!(receipt(&payer, &payer.client.get(&by_number).success()), file);

    let address = shown["download_url"].as_str().unwrap();
    let target = address.find("/v3/").map(|at| &address[at..]).unwrap();
    payer.client.run_for(601);
    assert_eq!(payer.client.get(target).refusal(), (400, "INVALID_REQUEST".to_owned()));
    let unknown = payer.client.post(apply, &json!({ "out_bill_no": "unknown" }));
    assert_eq!(unknown.refusal(), (404, "NOT_FOUND".to_owned()));

    payer.client.run_for(90 * 24 * HOURS);
    assert_eq!(payer.client.get(query).refusal(), (404, "NOT_FOUND".to_owned()), "it was there for 90 days");
    let again = payer.client.post(apply, &json!({ "out_bill_no": "paid1" })).success();
    assert_eq!(again["state"], "GENERATING");
    payer.client.run_for(90 * 24 * HOURS);
    let late = payer.client.post(apply, &json!({ "out_bill_no": "paid1" }));
    assert_eq!(late.refusal(), (400, "INVALID_REQUEST".to_owned()), "after six months");
}

/// Two batches of two details each, of which the second fails: `batch1` names the persons, `nameless` does not.
fn send_batches(payer: &Payer<'_>) {
    let kit = payer.client.sandbox.kit();
    let name = payer.encrypted("张三");
    let detail = |number: &str, openid: &str| {
        json!({
            "out_detail_no": number, "transfer_amount": 200, "transfer_remark": "活动", "openid": openid,
            "user_name": name,
        })
    };
    let send = |body: &Value| {
        let mut request = payer.client.request("POST", "/v3/transfer/batches", body.to_string().as_bytes());
        request.set("Wechatpay-Serial", &payer.client.public_key_id);
        payer.client.send(&request).success();
    };
    let mut body = json!({
        "appid": kit.appid, "out_batch_no": "batch1", "batch_name": "活动", "batch_remark": "活动",
        "total_amount": 400, "total_num": 2,
        "transfer_detail_list": [detail("d1", &kit.openid), detail("d2", "nobody")],
    });
    send(&body);
    body["out_batch_no"] = json!("nameless");
    for detail in body["transfer_detail_list"].as_array_mut().unwrap() {
        detail.as_object_mut().unwrap().remove("user_name");
    }
    send(&body);
}

fn apply_for_batch(payer: &Payer<'_>, batch: &str) -> Response {
    payer.client.post("/v3/transfer/bill-receipt", &json!({ "out_batch_no": batch }))
}

fn apply_for_detail(payer: &Payer<'_>, batch: &str, detail: &str) -> Response {
    let body = json!({ "accept_type": "BATCH_TRANSFER", "out_batch_no": batch, "out_detail_no": detail });
    payer.client.post("/v3/transfer-detail/electronic-receipts", &body)
}

#[test]
fn a_receipt_of_a_batch_or_a_detail_needs_its_end_its_success_and_a_name() {
    let (sandbox, _held) = start();
    let payer = Payer::new(&sandbox);
    send_batches(&payer);
    assert_eq!(apply_for_batch(&payer, "batch1").refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(apply_for_detail(&payer, "batch1", "d1").refusal(), (400, "PARAM_ERROR".to_owned()));
    sandbox.run_for(2).unwrap();
    assert_eq!(apply_for_detail(&payer, "batch1", "d2").refusal(), (400, "PARAM_ERROR".to_owned()));
    assert_eq!(apply_for_detail(&payer, "batch1", "d3").refusal(), (404, "NOT_FOUND".to_owned()));
    assert_eq!(apply_for_detail(&payer, "nameless", "d1").refusal(), (400, "PARAM_ERROR".to_owned()));
    assert_eq!(apply_for_batch(&payer, "nameless").refusal(), (400, "INVALID_REQUEST".to_owned()));
}

#[test]
fn a_batch_and_each_of_its_details_that_succeeded_have_receipts_for_30_days() {
    let (sandbox, _held) = start();
    let mut payer = Payer::new(&sandbox);
    send_batches(&payer);
    sandbox.run_for(2).unwrap();
    for applied in [apply_for_batch(&payer, "batch1"), apply_for_detail(&payer, "batch1", "d1")] {
        let applied = applied.success();
        assert_eq!(applied["signature_status"], "ACCEPTED");
        assert!(applied["signature_no"].as_str().unwrap().starts_with("1050000"), "{applied}");
    }
    payer.client.run_for(62);
    for target in [
        "/v3/transfer/bill-receipt/batch1",
        "/v3/transfer-detail/electronic-receipts?accept_type=BATCH_TRANSFER&out_batch_no=batch1&out_detail_no=d1",
    ] {
        let shown = payer.client.get(target).success();
        assert_eq!(shown["signature_status"], "FINISHED");
        let text = String::from_utf8(receipt(&payer, &shown)).unwrap();
        assert!(text.contains("amount: 2.00 CNY"), "{text}");
    }
    payer.client.run_for(30 * 24 * HOURS);
    let late = apply_for_batch(&payer, "batch1");
    assert_eq!(late.refusal(), (400, "INVALID_REQUEST".to_owned()), "after 30 days");
}

#[test]
fn nothing_of_a_batch_goes_to_an_account_that_takes_nothing() {
    let (sandbox, _held) = start();
    let payer = Payer::new(&sandbox);
    let kit = sandbox.kit();
    for (number, state, reason) in [
        ("b1", AccountState::Frozen, "ACCOUNT_FROZEN"),
        ("b2", AccountState::Cancelled, "ACCOUNT_NOT_EXIST"),
        ("b3", AccountState::Unverified, "REAL_NAME_CHECK_FAIL"),
    ] {
        sandbox.platform().set_account_state(&kit.openid, state).unwrap();
        let body = json!({
            "appid": kit.appid, "out_batch_no": number, "batch_name": "活动", "batch_remark": "活动",
            "total_amount": 200, "total_num": 1,
            "transfer_detail_list": [
                { "out_detail_no": "d1", "transfer_amount": 200, "transfer_remark": "活动", "openid": kit.openid },
            ],
        });
        payer.client.post("/v3/transfer/batches", &body).success();
        sandbox.run_for(2).unwrap();
        let shown =
            payer.client.get(&format!("/v3/transfer/batches/out-batch-no/{number}/details/out-detail-no/d1"));
        let shown = shown.success();
        assert_eq!((&shown["detail_status"], &shown["fail_reason"]), (&json!("FAIL"), &json!(reason)));
    }
    assert_eq!(payer.balance(), (1_000, 0));
}

#[test]
fn nothing_of_a_batch_goes_to_an_openid_of_another_appid() {
    let (sandbox, _held) = start();
    let payer = Payer::new(&sandbox);
    let kit = sandbox.kit();
    let other = "wx0000000000000777".to_owned();
    let person = sandbox.platform().add_person(&[kit.appid.clone(), other.clone()]).unwrap();
    let detail = |number: &str, openid: &String| {
        json!({
            "out_detail_no": number, "transfer_amount": 200, "transfer_remark": "活动", "openid": openid,
        })
    };
    let body = json!({
        "appid": kit.appid, "out_batch_no": "b1", "batch_name": "活动", "batch_remark": "活动",
        "total_amount": 400, "total_num": 2,
        "transfer_detail_list": [detail("own", &person.openids[&kit.appid]), detail("other", &person.openids[&other])],
    });
    payer.client.post("/v3/transfer/batches", &body).success();
    sandbox.run_for(2).unwrap();
    let shown = |number: &str| {
        let target = format!("/v3/transfer/batches/out-batch-no/b1/details/out-detail-no/{number}");
        payer.client.get(&target).success()
    };
    assert_eq!(shown("own")["detail_status"], "SUCCESS");
    let failed = shown("other");
    assert_eq!(
        (&failed["detail_status"], &failed["fail_reason"]),
        (&json!("FAIL"), &json!("OPENID_INVALID"))
    );
    assert_eq!(payer.balance(), (800, 0));
}
