//! A platform (电商平台) and its sub-merchant over sockets: a combined order is paid, shared, returned, refunded and
//! withdrawn, and balances and bills agree with it.

use serde_json::{Value, json};
use weipay_sandbox::{AccountState, MerchantAccount, NewMerchant, PaymentRequest, Sandbox};

use crate::client::{Client, Response};
use crate::profit_sharing::bill_lines;

const PLATFORM: &str = "1900000777";
const SUB: &str = "1900000888";
const SUPPLIER: &str = "1900000999";
const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
const NOTIFY_URL: &str = "http://127.0.0.1:9/notify";

fn platform() -> Sandbox {
    let platform = NewMerchant::new().mchid(PLATFORM).sub_merchant(SUB).sub_merchant(SUPPLIER);
    crate::sandbox().merchant(platform).start().unwrap()
}

/// A client whose time is the sandbox's.
fn client(sandbox: &Sandbox) -> Client<'_> {
    Client::of(sandbox, PLATFORM).in_time()
}

fn appid(sandbox: &Sandbox) -> String {
    sandbox.platform().kit_of(PLATFORM).unwrap().kit().appid.clone()
}

/// The transaction_id of a part of a combined order, which somebody paid.
fn pay(sandbox: &Sandbox, number: &str, fen: i64) -> String {
    let order = json!({
        "combine_appid": appid(sandbox), "combine_mchid": PLATFORM, "combine_out_trade_no": number,
        "notify_url": NOTIFY_URL, "combine_payer_info": { "openid": OPENID },
        "sub_orders": [{
            "mchid": PLATFORM, "sub_mchid": SUB, "attach": "a", "out_trade_no": format!("{number}-a"),
            "amount": { "total_amount": fen, "currency": "CNY" }, "description": "茶",
            "settle_info": { "profit_sharing": true },
        }],
    });
    let made = client(sandbox).post("/v3/combine-transactions/jsapi", &order).success();
    sandbox.pay(&PaymentRequest::new(made["prepay_id"].as_str().unwrap())).unwrap().transaction_ids[0].clone()
}

fn balance(sandbox: &Sandbox, mchid: &str) -> (i64, i64) {
    let shown = client(sandbox).get(&format!("/v3/ecommerce/fund/balance/{mchid}")).success();
    (shown["available_amount"].as_i64().unwrap(), shown["pending_amount"].as_i64().unwrap())
}

const DATE: &str = "2026-08-15";

/// A call of the platform that may have sensitive fields.
fn post(sandbox: &Sandbox, path: &str, body: &Value) -> Response {
    let client = client(sandbox);
    let mut request = client.request("POST", path, body.to_string().as_bytes());
    request.set("Wechatpay-Serial", &client.public_key_id);
    client.send(&request)
}

/// An order of 100 yuan that was paid, whose money can be shared: its transaction_id.
fn order_to_share(sandbox: &Sandbox) -> String {
    let id = pay(sandbox, "whole-1", 10_000);
    assert_eq!(balance(sandbox, SUB), (0, 9_940));
    sandbox.run_for(60).unwrap();
    id
}

/// 20 yuan are shared with the supplier, which gives 5 back: the response to the split.
fn share(sandbox: &Sandbox, id: &str) -> Value {
    let receiver = json!({
        "appid": appid(sandbox), "type": "MERCHANT_ID", "account": SUPPLIER, "name": "供应商",
        "relation_type": "SUPPLIER",
    });
    post(sandbox, "/v3/ecommerce/profitsharing/receivers/add", &receiver).success();
    let split = json!({
        "appid": appid(sandbox), "sub_mchid": SUB, "transaction_id": id, "out_order_no": "split-1", "finish": false,
        "receivers": [{ "type": "MERCHANT_ID", "receiver_account": SUPPLIER, "amount": 2_000, "description": "货款" }],
    });
    let made = post(sandbox, "/v3/ecommerce/profitsharing/orders", &split).success();
    sandbox.run_for(10).unwrap();
    let give_back = json!({
        "sub_mchid": SUB, "out_order_no": "split-1", "out_return_no": "return-1", "return_mchid": SUPPLIER,
        "amount": 500, "description": "退货",
    });
    post(sandbox, "/v3/ecommerce/profitsharing/returnorders", &give_back).success();
    made
}

fn refund(sandbox: &Sandbox, id: &str, number: &str, fen: i64, account: &str) -> Response {
    let body = json!({
        "sub_mchid": SUB, "sp_appid": appid(sandbox), "transaction_id": id, "out_refund_no": number,
        "notify_url": NOTIFY_URL, "amount": { "refund": fen, "total": 10_000 }, "refund_account": account,
    });
    post(sandbox, "/v3/ecommerce/refunds/apply", &body)
}

/// A refund of 10 yuan of what waits, and one of 3 yuan that the platform advances and gets back.
fn refund_twice(sandbox: &Sandbox, id: &str) {
    refund(sandbox, id, "refund-1", 1_000, "REFUND_SOURCE_SUB_MERCHANT").success();
    sandbox.run_for(60).unwrap();
    let short = refund(sandbox, id, "refund-2", 300, "REFUND_SOURCE_PARTNER_ADVANCE");
    assert_eq!(short.refusal(), (403, "NOT_ENOUGH".to_owned()));
    sandbox.top_up(PLATFORM, MerchantAccount::Basic, 300).unwrap();
    let advanced = refund(sandbox, id, "refund-2", 300, "REFUND_SOURCE_PARTNER_ADVANCE").success();
    assert_eq!(advanced["amount"]["advance"], 300);
    sandbox.run_for(10).unwrap();
    let refund_id = advanced["refund_id"].as_str().unwrap();
    let path = format!("/v3/ecommerce/refunds/{refund_id}/return-advance");
    assert_eq!(post(sandbox, &path, &json!({ "sub_mchid": SUB })).success()["result"], "SUCCESS");
}

/// The sharing ends, and what is left is the sub-merchant's: how much.
fn finish(sandbox: &Sandbox, id: &str) -> i64 {
    let finish =
        json!({ "sub_mchid": SUB, "transaction_id": id, "out_order_no": "finish-1", "description": "完结" });
    post(sandbox, "/v3/ecommerce/profitsharing/finish-order", &finish).success();
    sandbox.run_for(10).unwrap();
    // 10,000 were paid; 60 of fee less 8 that came back; 2,000 shared less 500 returned; 1,300 refunded.
    let left = 10_000 - (60 - 8) - (2_000 - 500) - 1_300;
    assert_eq!(balance(sandbox, SUB), (left, 0));
    left
}

fn withdraw(sandbox: &Sandbox, number: &str, fen: i64) -> Response {
    let body = json!({ "sub_mchid": SUB, "out_request_no": number, "amount": fen, "notify_url": NOTIFY_URL });
    post(sandbox, "/v3/ecommerce/fund/withdraw", &body)
}

#[test]
fn a_platform_shares_with_a_supplier_which_gives_a_part_back() {
    let sandbox = platform();
    let id = order_to_share(&sandbox);
    share(&sandbox, &id);
    assert_eq!((balance(&sandbox, SUPPLIER), balance(&sandbox, SUB)), ((1_500, 0), (500, 7_940)));
}

#[test]
fn a_refund_that_a_platform_advances_needs_its_money_and_is_given_back() {
    let sandbox = platform();
    let id = order_to_share(&sandbox);
    share(&sandbox, &id);
    refund_twice(&sandbox, &id);
    let notified = sandbox.notifications().list(&Default::default()).unwrap();
    assert_eq!(notified.iter().filter(|one| one.event_type == "REFUND.SUCCESS").count(), 2);
}

#[test]
fn what_is_left_after_sharing_and_refunds_is_withdrawn_once() {
    let sandbox = platform();
    let id = order_to_share(&sandbox);
    share(&sandbox, &id);
    refund_twice(&sandbox, &id);
    let left = finish(&sandbox, &id);
    assert_eq!(withdraw(&sandbox, "withdraw-0", left + 1).refusal(), (403, "NOT_ENOUGH".to_owned()));
    let withdrawn = withdraw(&sandbox, "withdraw-1", left).success();
    assert_eq!(withdraw(&sandbox, "withdraw-1", left).success(), withdrawn);
    sandbox.run_for(10).unwrap();
    assert_eq!(balance(&sandbox, SUB), (0, 0));
}

#[test]
fn the_bills_of_a_day_agree_with_what_a_platform_shared_refunded_and_withdrew() {
    let sandbox = platform();
    let id = order_to_share(&sandbox);
    let made = share(&sandbox, &id);
    refund_twice(&sandbox, &id);
    let left = finish(&sandbox, &id);
    withdraw(&sandbox, "withdraw-1", left).success();
    sandbox.run_for(2 * 86_400).unwrap();
    let shared = bill_lines(&client(&sandbox), &format!("/v3/profitsharing/bills?bill_date={DATE}"));
    assert_eq!(shared.len(), 1 + 2 + 2, "{shared:?}");
    let order_id = made["order_id"].as_str().unwrap();
    assert_eq!(shared[1][1..5], [PLATFORM, SUB, &id, order_id]);
    assert_eq!(shared[1][6..13], ["split-1", "100.00", SUPPLIER, "20.00", "分账", "SUCCESS", "货款"]);
    assert_eq!(shared[2][6..13], ["return-1", "100.00", SUPPLIER, "5.00", "分账回退", "SUCCESS", "退货"]);
    assert_eq!(shared[1][5], shared[2][5], "the same detail");
    let of_sub =
        bill_lines(&client(&sandbox), &format!("/v3/profitsharing/bills?bill_date={DATE}&sub_mchid={SUB}"));
    assert_eq!(of_sub, shared);

    let sealed = client(&sandbox)
        .get(&format!(
            "/v3/ecommerce/bill/fundflowbill?bill_date={DATE}&account_type=ALL&algorithm=AEAD_AES_256_GCM"
        ))
        .success();
    assert_eq!(sealed["download_bill_count"], 1);
    let end =
        client(&sandbox).get(&format!("/v3/ecommerce/fund/enddaybalance/{SUPPLIER}?date={DATE}")).success();
    assert_eq!(end["available_amount"], 1_500);
}

#[test]
fn amounts_below_one_fen_move_nothing_and_hold_up_nothing() {
    let sandbox = platform();
    let id = pay(&sandbox, "whole-1", 10_000);
    sandbox.run_for(60).unwrap();
    let post = |path: &str, body: &Value| {
        let client = client(&sandbox);
        let mut request = client.request("POST", path, body.to_string().as_bytes());
        request.set("Wechatpay-Serial", &client.public_key_id);
        client.send(&request)
    };
    let receiver = json!({
        "appid": appid(&sandbox), "type": "MERCHANT_ID", "account": SUPPLIER, "name": "供应商", "relation_type": "SUPPLIER",
    });
    post("/v3/ecommerce/profitsharing/receivers/add", &receiver).success();
    let split = |number: &str, fen: i64| {
        let body = json!({
            "appid": appid(&sandbox), "sub_mchid": SUB, "transaction_id": id, "out_order_no": number, "finish": false,
            "receivers": [{ "type": "MERCHANT_ID", "receiver_account": SUPPLIER, "amount": fen, "description": "货款" }],
        });
        post("/v3/ecommerce/profitsharing/orders", &body)
    };
    let refund = |fen: i64| {
        let body = json!({
            "sub_mchid": SUB, "sp_appid": appid(&sandbox), "transaction_id": id, "out_refund_no": "refund-1",
            "amount": { "refund": fen, "total": 10_000 },
        });
        post("/v3/ecommerce/refunds/apply", &body)
    };
    for fen in [0, -900, i64::MIN] {
        assert_eq!(split("split-1", fen).refusal(), (400, "PARAM_ERROR".to_owned()), "{fen}");
        assert_eq!(refund(fen).refusal(), (400, "PARAM_ERROR".to_owned()), "{fen}");
    }
    sandbox.run_for(10).unwrap();
    assert_eq!(balance(&sandbox, SUB), (0, 9_940));
    split("split-1", 100).success();
    let of_itself = json!({
        "sp_appid": appid(&sandbox), "transaction_id": id, "out_refund_no": "refund-2",
        "amount": { "refund": 100, "total": 10_000 }, "refund_account": "REFUND_SOURCE_PARTNER_ADVANCE",
    });
    assert_eq!(post("/v3/ecommerce/refunds/apply", &of_itself).status, 400);
}

#[test]
fn an_ordinary_merchant_that_names_itself_as_its_sub_merchant_is_told_so() {
    let sandbox = crate::sandbox().start().unwrap();
    let kit = sandbox.kit();
    let body = json!({
        "sub_mchid": kit.mchid, "sp_appid": kit.appid, "out_trade_no": "order-1", "out_refund_no": "refund-1",
        "amount": { "refund": 1, "total": 1 },
    });
    let said = Client::new(&sandbox).post("/v3/ecommerce/refunds/apply", &body);
    assert_eq!((said.status, &said.json()["message"]), (400, &json!("普通商户不允许传sub_mch_id")));
}

#[test]
fn receivers_of_others_are_not_changed() {
    let sandbox = platform();
    let mut body = json!({
        "appid": appid(&sandbox), "sub_mchid": "1900000555", "type": "PERSONAL_OPENID", "account": OPENID, "relation_type": "STAFF",
    });
    for verb in ["add", "delete"] {
        let path = format!("/v3/profitsharing/receivers/{verb}");
        assert_eq!(client(&sandbox).post(&path, &body).refusal().0, 403, "{verb}");
        body.as_object_mut().unwrap().remove("relation_type");
    }
}

#[test]
fn a_withdrawal_comes_back_from_the_bank_and_strangers_cannot_ask_for_one() {
    let sandbox = platform();
    sandbox.top_up(SUB, MerchantAccount::Basic, 1_000).unwrap();
    sandbox.top_up(PLATFORM, MerchantAccount::Operation, 50).unwrap();
    let client = client(&sandbox);
    let withdraw = |body: &Value| client.post("/v3/ecommerce/fund/withdraw", body);
    let body = json!({ "sub_mchid": SUB, "out_request_no": "w-1", "amount": 400, "notify_url": NOTIFY_URL });
    let made = withdraw(&body).success();
    let by_id =
        format!("/v3/ecommerce/fund/withdraw/{}?sub_mchid={SUB}", made["withdraw_id"].as_str().unwrap());
    assert_eq!(client.get(&by_id).success()["status"], "CREATE_SUCCESS");
    let decide = |to: &str| {
        let body = json!({ "to": to, "reason": "卡号错误" });
        sandbox.control().unwrap().call("POST", "/withdrawals/w-1/outcome", Some(&body))
    };
    assert!(decide("refund").is_err(), "it has not succeeded");
    assert_eq!(decide("success").unwrap()["status"], "SUCCESS");
    assert_eq!(balance(&sandbox, SUB), (600, 0));
    decide("refund").unwrap();
    let by_number = format!("/v3/ecommerce/fund/withdraw/out-request-no/w-1?sub_mchid={SUB}");
    let shown = client.get(&by_number).success();
    assert_eq!((&shown["status"], &shown["reason"]), (&json!("REFUND"), &json!("卡号错误")));
    assert_eq!(client.get(&by_id).success(), shown);
    assert_eq!(balance(&sandbox, SUB), (1_000, 0));
    let notified = sandbox.notifications().list(&Default::default()).unwrap();
    assert_eq!(notified.iter().filter(|one| one.event_type == "MCHWITHDRAW.CHANGE").count(), 2);

    assert_eq!(withdraw(&json!({ "sub_mchid": SUB, "out_request_no": "w-1", "amount": 401 })).status, 400);
    assert_eq!(withdraw(&json!({ "sub_mchid": SUB, "out_request_no": "w-2", "amount": 0 })).status, 400);
    let stranger = json!({ "sub_mchid": "1900000001", "out_request_no": "w-3", "amount": 1 });
    assert_eq!(withdraw(&stranger).refusal(), (403, "NO_AUTH".to_owned()));
    let own = json!({ "out_request_no": "w-4", "amount": 50, "account_type": "OPERATION" });
    let own = client.post("/v3/merchant/fund/withdraw", &own).success();
    let target = format!("/v3/merchant/fund/withdraw/withdraw-id/{}", own["withdraw_id"].as_str().unwrap());
    assert_eq!(client.get(&target).success()["account_type"], "OPERATION");
    assert_eq!(client.get("/v3/merchant/fund/withdraw/out-request-no/w-1").refusal().0, 404);
    let other = "/v3/ecommerce/fund/withdraw/out-request-no/w-4?sub_mchid=1900000888";
    assert_eq!(client.get(other).refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
}

#[test]
fn an_order_of_a_scanned_till_is_paid_by_the_person_who_scanned_it() {
    let sandbox = platform();
    let order = json!({
        "sp_appid": appid(&sandbox), "sp_mchid": PLATFORM, "sub_mchid": SUB, "description": "茶", "out_trade_no": "till-1",
        "notify_url": NOTIFY_URL, "amount": { "total": 500 }, "payer": { "sp_openid": OPENID },
        "scene_info": { "payer_client_ip": "127.0.0.1", "store_info": { "id": "0001" } },
    });
    let path = "/v3/pay/partner/transactions/scannedpos";
    let made = client(&sandbox).post(path, &order).success();
    assert_eq!(client(&sandbox).post(path, &order).success(), made);
    sandbox.pay(&PaymentRequest::new(made["prepay_id"].as_str().unwrap())).unwrap();
    let target =
        format!("/v3/pay/partner/transactions/out-trade-no/till-1?sp_mchid={PLATFORM}&sub_mchid={SUB}");
    let shown = client(&sandbox).get(&target).success();
    assert_eq!((&shown["trade_state"], &shown["payer"]["sp_openid"]), (&json!("SUCCESS"), &json!(OPENID)));
    assert_eq!(client(&sandbox).post(path, &order).status, 400, "it is paid");
}

#[test]
fn paying_by_instalments_is_advised_for_whom_it_can_be() {
    let sandbox = platform();
    let advised = |openid: &str| {
        let body = json!({
            "sp_appid": appid(&sandbox), "sp_mchid": PLATFORM, "sub_appid": "wxd678efh567hg6999",
            "payer": { "sp_openid": openid }, "out_trade_no": "order-1",
        });
        client(&sandbox).post("/v3/pay/partner/transactions/exposure", &body)
    };
    assert_eq!(advised(OPENID).success()["fqf_exposure"], true);
    assert_eq!(advised("nobody").status, 400);
    sandbox.platform().set_account_state(OPENID, AccountState::Frozen).unwrap();
    assert_eq!(advised(OPENID).success()["fqf_exposure"], false);
}

/// Who names no sub-merchants acts for those that nobody names.
#[test]
fn a_sub_merchant_that_a_partner_names_is_nobody_elses() {
    let sandbox = platform();
    let other = Client::new(&sandbox).in_time();
    let kit = sandbox.kit();
    let order = |sub_mchid: &str| {
        let body = json!({
            "sp_appid": kit.appid, "sp_mchid": kit.mchid, "sub_mchid": sub_mchid, "description": "茶",
            "out_trade_no": format!("order-{sub_mchid}"), "notify_url": NOTIFY_URL, "amount": { "total": 500 },
        });
        other.post("/v3/pay/partner/transactions/native", &body).status
    };
    let ratio = |mchid: &str| other.get(&format!("/v3/profitsharing/merchant-configs/{mchid}")).status;
    let balance = |mchid: &str| other.get(&format!("/v3/ecommerce/fund/balance/{mchid}")).status;
    let withdrawal = |mchid: &str| {
        let body = json!({ "sub_mchid": mchid, "out_request_no": "w-1", "amount": 1 });
        other.post("/v3/ecommerce/fund/withdraw", &body).refusal().1
    };
    assert_eq!([order(SUB), ratio(SUB), balance(SUB)], [400, 403, 403]);
    assert_eq!([order("1900000001"), ratio("1900000001"), balance("1900000001")], [200; 3]);
    assert_eq!((&*withdrawal(SUB), &*withdrawal("1900000001")), ("NO_AUTH", "NOT_ENOUGH"));
    let bill = |mchid: &str| {
        other.get(&format!("/v3/bill/tradebill?bill_date=2026-08-14&sub_mchid={mchid}")).refusal().1
    };
    assert_eq!((&*bill(SUB), &*bill("1900000001")), ("NO_AUTH", "NO_STATEMENT_EXIST"));
    // Of one with its own keys, orders need no set-up, and its money is for a partner that names it.
    sandbox.add_merchant(&NewMerchant::new().mchid("1900000001")).unwrap();
    assert_eq!([order("1900000001"), ratio("1900000001"), balance("1900000001")], [200, 200, 403]);
    assert_eq!((&*withdrawal("1900000001"), &*bill("1900000001")), ("NO_AUTH", "NO_AUTH"));
}

#[test]
fn the_bill_of_a_deposit_account_is_checked_and_empty() {
    let sandbox = platform();
    let code = |date: &str, sub_mchid: &str, account: &str| {
        let target = format!(
            "/v3/bill/sub-merchant-fundflowbill?sub_mchid={sub_mchid}&bill_date={date}&account_type={account}&algorithm=AEAD_AES_256_GCM"
        );
        client(&sandbox).get(&target).refusal().1
    };
    assert_eq!(code("2026-08-15", SUB, "DEPOSIT"), "INVALID_REQUEST", "today");
    assert_eq!(code("2026-02-30", SUB, "DEPOSIT"), "PARAM_ERROR");
    assert_eq!(code("2026-08-14", "1900000555", "DEPOSIT"), "NO_AUTH");
    assert_eq!(code("2026-08-14", SUB, "DEPOSIT"), "NO_STATEMENT_EXIST");
    assert_eq!(code("2026-08-14", SUB, "BASIC"), "NO_STATEMENT_EXIST");
}

/// A platform with 5 yuan to subsidise, and the transaction_ids of two orders of 10 yuan each.
struct Subsidies {
    sandbox: Sandbox,
    id: String,
    other: String,
}

impl Subsidies {
    fn new() -> Self {
        let sandbox = platform();
        sandbox.top_up(PLATFORM, MerchantAccount::Basic, 500).unwrap();
        let [id, other] = ["order-1", "order-2"].map(|number| {
            let order = json!({
                "sp_appid": appid(&sandbox), "sp_mchid": PLATFORM, "sub_mchid": SUB, "description": "茶",
                "out_trade_no": number, "notify_url": NOTIFY_URL, "amount": { "total": 1_000 },
                "settle_info": { "profit_sharing": true, "subsidy_amount": 300 },
            });
            client(&sandbox).post("/v3/pay/partner/transactions/native", &order).success();
            sandbox.pay(&PaymentRequest::new(number)).unwrap().transaction_ids[0].clone()
        });
        let subsidies = Self { sandbox, id, other };
        // 994 of each wait to be shared.
        assert_eq!((subsidies.own(), balance(&subsidies.sandbox, SUB)), (500, (0, 1_988)));
        subsidies
    }

    fn post(&self, path: &str, body: &Value) -> Response {
        client(&self.sandbox).post(&format!("/v3/ecommerce/{path}"), body)
    }

    /// What the platform has.
    fn own(&self) -> i64 {
        let shown = client(&self.sandbox).get("/v3/merchant/fund/balance/BASIC").success();
        shown["available_amount"].as_i64().unwrap()
    }

    fn create(&self, fen: i64, number: &str) -> Response {
        let body = json!({
            "sub_mchid": SUB, "transaction_id": self.id, "amount": fen, "description": "补差", "out_subsidy_no": number,
        });
        self.post("subsidies/create", &body)
    }

    /// Half of the first order is refunded: the refund_id.
    fn refund(&self) -> Value {
        let refund = json!({
            "sub_mchid": SUB, "sp_appid": appid(&self.sandbox), "transaction_id": self.id, "out_refund_no": "refund-1",
            "amount": { "refund": 500, "total": 1_000, "currency": "CNY" },
        });
        self.post("refunds/apply", &refund).success()["refund_id"].clone()
    }
}

fn refused() -> (u16, String) {
    (400, "INVALID_REQUEST".to_owned())
}

#[test]
fn a_platform_subsidises_its_sub_merchant_once_for_a_number_and_no_more_than_the_order_says() {
    let subsidies = Subsidies::new();
    let paid = subsidies.create(200, "s1").success();
    assert_eq!((&paid["result"], &paid["amount"]), (&json!("SUCCESS"), &json!(200)));
    assert_eq!(subsidies.create(200, "s1").success(), paid, "once for its number");
    assert_eq!(subsidies.create(201, "s1").refusal(), refused());
    assert_eq!(subsidies.create(101, "s2").refusal(), refused());
    let others =
        json!({ "sub_mchid": SUPPLIER, "transaction_id": subsidies.id, "amount": 1, "description": "补差" });
    assert_eq!(subsidies.post("subsidies/create", &others).refusal(), refused());
    assert_eq!((subsidies.own(), balance(&subsidies.sandbox, SUB)), (300, (200, 1_988)));
}

#[test]
fn a_subsidy_is_cancelled_before_it_is_paid_and_not_after() {
    let subsidies = Subsidies::new();
    subsidies.create(200, "s1").success();
    let not = json!({ "sub_mchid": SUB, "transaction_id": subsidies.other, "description": "不补" });
    assert_eq!(subsidies.post("subsidies/cancel", &not).success()["result"], "SUCCESS");
    assert_eq!(subsidies.post("subsidies/cancel", &not).success()["result"], "SUCCESS", "again");
    let late =
        json!({ "sub_mchid": SUB, "transaction_id": subsidies.other, "amount": 1, "description": "补差" });
    assert_eq!(subsidies.post("subsidies/create", &late).refusal(), refused());
    let done = json!({ "sub_mchid": SUB, "transaction_id": subsidies.id, "description": "不补" });
    assert_eq!(subsidies.post("subsidies/cancel", &done).refusal(), refused());
}

#[test]
fn a_subsidy_goes_back_after_a_refund_once_for_a_number() {
    let subsidies = Subsidies::new();
    let paid = subsidies.create(200, "s1").success();
    let mut back = json!({
        "sub_mchid": SUB, "transaction_id": subsidies.id, "out_order_no": "r1", "refund_id": "5".repeat(28),
        "amount": 150, "description": "退", "subsidy_id": paid["subsidy_id"],
    });
    assert_eq!(subsidies.post("subsidies/return", &back).refusal(), refused(), "no such refund");
    back["refund_id"] = subsidies.refund();
    let returned = subsidies.post("subsidies/return", &back).success();
    assert_eq!((&returned["result"], &returned["refund_id"]), (&json!("SUCCESS"), &back["refund_id"]));
    assert_eq!(subsidies.post("subsidies/return", &back).success(), returned);
    assert_eq!((subsidies.own(), balance(&subsidies.sandbox, SUB).0), (450, 50));
    without_its_fingerprint(&subsidies.sandbox, "platform subsidy return");
    assert_eq!(subsidies.post("subsidies/return", &back).success(), returned, "kept by a program of before");
    back["amount"] = json!(149);
    assert_eq!(subsidies.post("subsidies/return", &back).refusal(), refused());
    back["amount"] = json!(150);
    back["out_order_no"] = json!("r2");
    assert_eq!(subsidies.post("subsidies/return", &back).refusal(), refused(), "more than is left");
}

#[test]
fn a_platform_takes_a_fee_for_goods_that_came_back_once() {
    let subsidies = Subsidies::new();
    let (sandbox, id) = (&subsidies.sandbox, &subsidies.id);
    let refund_id = subsidies.refund();
    let ((available, pending), own) = (balance(sandbox, SUB), subsidies.own());
    let fee = json!({
        "sub_mchid": SUB, "transaction_id": id, "amount": 30, "type": "SERVICE_FEE_INCOME", "scene": "RETURN_GOODS",
        "refund_id": refund_id,
    });
    let query = format!("/v3/ecommerce/profitsharing/after-sales-orders?sub_mchid={SUB}&transaction_id={id}");
    assert_eq!(client(sandbox).get(&query).refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    let taken = subsidies.post("profitsharing/after-sales-orders", &fee).success();
    assert_eq!(subsidies.post("profitsharing/after-sales-orders", &fee).success(), taken);
    let mut other = fee.clone();
    other["amount"] = json!(31);
    assert_eq!(subsidies.post("profitsharing/after-sales-orders", &other).refusal(), refused());
    let shown = client(sandbox).get(&query).success();
    assert_eq!((&shown["amount"], &shown["result"]), (&json!(30), &json!("SUCCESS")));
    assert_eq!((subsidies.own(), balance(sandbox, SUB)), (own + 30, (available, pending - 30)));
    let left = client(sandbox).get(&format!("/v3/ecommerce/profitsharing/orders/{id}/amounts")).success();
    // 1,000 less 6 of fee, less 500 refunded with 3 of the fee, less 30.
    assert_eq!(left["unsplit_amount"], 467);
}

/// Lets records of a kind be as they were before they had the fingerprint of their request.
fn without_its_fingerprint(sandbox: &Sandbox, kind: &str) {
    let file = sandbox.snapshot("before").unwrap().file;
    let lines = std::fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(|line| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            if row["record"]["kind"] == kind {
                assert!(row["record"]["document"].as_object_mut().unwrap().remove("fingerprint").is_some());
            }
            row.to_string() + "\n"
        })
        .collect::<String>();
    std::fs::write(&file, lines).unwrap();
    sandbox.restore("before").unwrap();
}

/// What it had at the end of yesterday goes to its bank, without what shall stay.
#[test]
fn a_platform_withdraws_what_its_sub_merchant_had_at_the_end_of_yesterday() {
    const PATH: &str = "/v3/platsolution/ecommerce/withdraw/day-end-balance-withdraw";
    let sandbox = platform();
    sandbox.top_up(SUB, MerchantAccount::Basic, 1_000).unwrap();
    let withdraw = |number: &str, calculation: &str| {
        let body = json!({
            "sub_mchid": SUB, "out_request_no": number, "calculate_amount_type": calculation, "reserve_amount": 100,
        });
        client(&sandbox).post(PATH, &body)
    };
    let only = "ONLY_DAY_END_BALANCE";
    // It is afternoon: yesterday there was nothing.
    assert_eq!(withdraw("w1", only).refusal(), (403, "NOT_ENOUGH".to_owned()));
    let midnight = 86_400 - (sandbox.clock().now() + 8 * 3_600) % 86_400;
    sandbox.run_for(midnight + 9 * 3_600).unwrap();
    assert_eq!(withdraw("w1", only).refusal(), (400, "INVALID_REQUEST".to_owned()));
    sandbox.run_for(3_600).unwrap();
    sandbox.top_up(SUB, MerchantAccount::Basic, 50).unwrap();
    let made = withdraw("w1", only).success();
    assert_eq!((&made["status"], &made["total_amount"]), (&json!("PROCESSING"), &json!(900)));
    assert_eq!(balance(&sandbox, SUB).0, 150);
    assert_eq!(withdraw("w1", only).success()["withdraw_id"], made["withdraw_id"], "the same again");
    assert_eq!(withdraw("w1", "ALLOW_CURRENT_BALANCE").refusal(), (400, "INVALID_REQUEST".to_owned()));
    // Now there is less than yesterday.
    assert_eq!(withdraw("w2", only).refusal(), (403, "NOT_ENOUGH".to_owned()));
    assert_eq!(withdraw("w2", "ALLOW_CURRENT_BALANCE").success()["total_amount"], 50);
    sandbox
        .control()
        .unwrap()
        .call("POST", "/withdrawals/w2/outcome", Some(&json!({ "to": "fail" })))
        .unwrap();
    sandbox.run_for(10).unwrap();
    let look = |number: &str| {
        client(&sandbox).get(&format!("{PATH}/out-request-no/{number}?sub_mchid={SUB}")).success()
    };
    let sums = |shown: &Value| ["status", "success_amount", "fail_amount"].map(|name| shown[name].clone());
    assert_eq!(sums(&look("w1")), [json!("FINISHED"), json!(900), json!(0)]);
    assert_eq!(sums(&look("w2")), [json!("ABNORMAL"), json!(0), json!(50)]);
    assert_eq!(balance(&sandbox, SUB).0, 150);
    // It is not found as one of the other kind.
    let other =
        client(&sandbox).get(&format!("/v3/ecommerce/fund/withdraw/out-request-no/w1?sub_mchid={SUB}"));
    assert_eq!(other.refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
}
