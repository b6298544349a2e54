//! Transfers that a partner (服务商) or a platform (电商平台) makes for its sub-merchant: the sub-merchant lets it, and pays.

use serde_json::{Value, json};
use weipay_sandbox::{MerchantAccount, NewMerchant, Sandbox};

use crate::client::{Client, Response};
use crate::notifications::Receiver;

const PARTNER: &str = "1900000777";
const SUB: &str = "1900000888";
const STRANGER: &str = "1900000999";
const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
const OF_PARTNER: &str = "/v3/fund-app/mch-transfer/partner";
const OF_PLATFORM: &str = "/v3/ecommerce/mch-transfer";

struct Partner<'a> {
    client: Client<'a>,
    receiver: Receiver,
}

fn start() -> Sandbox {
    let partner = NewMerchant::new().mchid(PARTNER).sub_merchant(SUB);
    let sandbox = crate::sandbox().merchant(partner).start().unwrap();
    sandbox.top_up(PARTNER, MerchantAccount::Operation, 1_000).unwrap();
    sandbox.top_up(SUB, MerchantAccount::Operation, 1_000).unwrap();
    sandbox
}

impl<'a> Partner<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        Self { client: Client::of(sandbox, PARTNER), receiver: Receiver::start(&[]) }
    }

    fn appid(&self) -> String {
        self.client.sandbox.platform().kit_of(PARTNER).unwrap().kit().appid.clone()
    }

    fn post(&self, path: &str, body: &Value) -> Response {
        let mut request = self.client.request("POST", path, body.to_string().as_bytes());
        request.set("Wechatpay-Serial", &self.client.public_key_id);
        self.client.send(&request)
    }

    /// What platforms send; partners report the scene too.
    fn request(&self, number: &str, fen: i64) -> Value {
        json!({
            "sub_mchid": SUB, "appid": self.appid(), "out_bill_no": number, "openid": OPENID,
            "transfer_amount": fen, "transfer_remark": "活动", "transfer_scene_id": "1009",
            "notify_url": self.receiver.url,
        })
    }

    fn reported(&self, number: &str, fen: i64) -> Value {
        let mut request = self.request(number, fen);
        request["transfer_scene_report_infos"] =
            json!([{ "info_type": "采购商品名称", "info_content": "茶" }]);
        request
    }

    fn granted(&self) {
        let asked = json!({ "sub_mchid": SUB, "out_apply_no": "apply1" });
        self.post(&format!("{OF_PARTNER}/sub-mch-authorizations"), &asked).success();
    }

    /// What the sub-merchant can use, and what is under way; and what the partner can.
    fn balances(&self) -> (i64, i64, i64) {
        let target = format!("/v3/ecommerce/fund/balance/{SUB}?account_type=OPERATION");
        let (sub, own) = (
            self.client.get(&target).success(),
            self.client.get("/v3/merchant/fund/balance/OPERATION").success(),
        );
        let fen = |shown: &Value, name: &str| shown[name].as_i64().unwrap();
        (fen(&sub, "available_amount"), fen(&sub, "pending_amount"), fen(&own, "available_amount"))
    }

    fn person(&self, target: &str) {
        self.client.sandbox.control().unwrap().call("POST", target, Some(&json!({}))).unwrap();
    }

    fn notified(&self) -> (String, Value) {
        let arrived = self.receiver.next();
        let event = arrived.json()["event_type"].as_str().unwrap().to_owned();
        (event, arrived.open_of(self.client.sandbox, PARTNER, self.client.sandbox.clock().now()))
    }
}

#[test]
fn a_sub_merchant_lets_a_partner_transfer_its_money_and_takes_that_back() {
    let sandbox = start();
    let partner = Partner::new(&sandbox);
    let bills = format!("{OF_PARTNER}/transfer-bills");
    let refused = partner.post(&bills, &partner.reported("refused1", 300));
    assert_eq!(refused.refusal(), (403, "NO_AUTH".to_owned()));

    let grants = format!("{OF_PARTNER}/sub-mch-authorizations");
    let state = || partner.client.get(&format!("{grants}/{SUB}")).success();
    assert_eq!(state()["state"], "UNAUTHORIZED");
    let asked = json!({ "sub_mchid": SUB, "out_apply_no": "apply1" });
    assert_eq!(partner.post(&grants, &asked).success()["state"], "INVITED");
    assert_eq!(
        (&state()["state"], &state()["apply_order"]["state"], &state()["apply_order"]["out_apply_no"]),
        (&json!("AUTHORIZED"), &json!("PASSED"), &json!("apply1"))
    );
    let control = |what: &str| {
        let path = format!("/transfer-grants/{SUB}/{what}");
        sandbox.control().unwrap().call("POST", &path, Some(&json!({ "mchid": PARTNER }))).unwrap()
    };
    assert_eq!(control("end")["state"], "CANCELED");
    let ended = state();
    assert_eq!(
        (&ended["state"], &ended["apply_order"]["state"], ended["cancel_authorization_time"].is_string()),
        (&json!("CANCELED"), &json!("PASSED"), true)
    );
    assert_eq!(partner.post(&grants, &asked).success()["state"], "INVITED");
    assert_eq!(control("refuse")["state"], "UNAUTHORIZED");
    assert_eq!(
        (&state()["state"], &state()["apply_order"]["state"], state().get("authorization_time")),
        (&json!("UNAUTHORIZED"), &json!("REJECTED"), None)
    );
    let refused = partner.post(&bills, &partner.reported("refused1", 300));
    assert_eq!(refused.refusal(), (403, "NO_AUTH".to_owned()));
    // What was refused can be asked for again, and then its transfer is made.
    assert_eq!(partner.post(&grants, &asked).success()["state"], "INVITED");
    partner.post(&bills, &partner.reported("refused1", 300)).success();
    let strangers = json!({ "sub_mchid": STRANGER, "out_apply_no": "apply2" });
    assert_eq!(partner.post(&grants, &strangers).refusal(), (403, "NO_AUTH".to_owned()));
}

#[test]
fn a_partner_transfers_the_money_of_a_sub_merchant_that_lets_it() {
    let sandbox = start();
    let mut partner = Partner::new(&sandbox);
    partner.granted();
    let bills = format!("{OF_PARTNER}/transfer-bills");
    let made = partner.post(&bills, &partner.reported("paid1", 300)).success();
    assert_eq!(made["sub_mchid"], SUB);
    assert_eq!(partner.post(&bills, &partner.reported("paid1", 300)).success(), made, "again");
    assert_eq!(partner.balances(), (700, 300, 1_000));
    let query = format!("{bills}/out-bill-no/paid1?sub_mchid={SUB}");
    let shown = partner.client.get(&query).success();
    assert_eq!((&shown["state"], &shown["mchid"]), (&json!("WAIT_USER_CONFIRM"), &json!(PARTNER)));
    let others = format!("{bills}/out-bill-no/paid1?sub_mchid={STRANGER}");
    assert_eq!(partner.client.get(&others).refusal(), (404, "NOT_FOUND".to_owned()));
    let own = partner.client.get("/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/paid1");
    assert_eq!(own.status, 404, "not the partner's own");
    partner.person("/transfers/paid1/confirm");
    partner.client.run_for(2);
    let (event, told) = partner.notified();
    assert_eq!(
        (&*event, &told["state"], &told["mchid"], &told["sub_mchid"], told.get("mch_id")),
        ("MCHTRANSFER.BILL.FINISHED", &json!("SUCCESS"), &json!(PARTNER), &json!(SUB), None)
    );
    assert_eq!(partner.balances(), (700, 0, 1_000));
}

#[test]
fn the_money_of_a_canceled_transfer_is_the_sub_merchants_again() {
    let sandbox = start();
    let mut partner = Partner::new(&sandbox);
    partner.granted();
    let bills = format!("{OF_PARTNER}/transfer-bills");
    partner.post(&bills, &partner.reported("canceled1", 200)).success();
    assert_eq!(partner.balances(), (800, 200, 1_000));
    let cancel = format!("{bills}/out-bill-no/canceled1/cancel");
    let body = json!({ "sub_mchid": SUB });
    let canceling = partner.post(&cancel, &body).success();
    assert_eq!((&canceling["state"], &canceling["transfer_amount"]), (&json!("CANCELING"), &json!(200)));
    assert_eq!(partner.post(&cancel, &json!({ "sub_mchid": STRANGER })).refusal().0, 400);
    partner.client.run_for(2);
    assert_eq!(partner.post(&cancel, &body).success()["state"], "CANCELLED");
    assert_eq!(partner.balances(), (1_000, 0, 1_000));
}

#[test]
fn a_partner_is_refused_an_appid_of_nobody_and_more_than_the_sub_merchant_has() {
    let sandbox = start();
    let partner = Partner::new(&sandbox);
    partner.granted();
    let bills = format!("{OF_PARTNER}/transfer-bills");
    let mut of_nobody = partner.reported("nobody1", 100);
    of_nobody["appid"] = json!("wx0000000000000000");
    assert_eq!(partner.post(&bills, &of_nobody).refusal(), (400, "INVALID_REQUEST".to_owned()));
    let short = partner.post(&bills, &partner.reported("short1", 1_001));
    assert_eq!(short.refusal(), (403, "NOT_ENOUGH".to_owned()));
    let bill = format!("/v3/bill/sub-merchant-fundflowbill?sub_mchid={SUB}");
    assert_ne!(partner.client.get(&bill).status, 403);
}

#[test]
fn a_partner_transfers_to_persons_that_have_authorized_it() {
    let sandbox = start();
    let mut partner = Partner::new(&sandbox);
    partner.granted();
    let asked = json!({
        "out_authorization_no": "auth1", "appid": partner.appid(), "openid": OPENID, "transfer_scene_id": "1009",
        "user_display_name": "张", "notify_url": partner.receiver.url,
    });
    let path = format!("{OF_PARTNER}/user-confirm-authorizations");
    assert_eq!(partner.post(&path, &asked).success()["state"], "WAIT_USER_CONFIRM");
    partner.person("/authorizations/auth1/confirm");
    assert_eq!(partner.notified().0, "MCHTRANSFER.AUTHORIZATION.CONFIRMED");
    let given = partner.client.get(&format!("{path}/auth1")).success();
    assert_eq!(given["state"], "TAKING_EFFECT");

    let bills = format!("{OF_PARTNER}/transfer-bills");
    let mut request = partner.reported("paid1", 300);
    request.as_object_mut().unwrap().remove("openid");
    request["authorization_id"] = given["authorization_id"].clone();
    let paid = partner.post(&format!("{bills}/transfer"), &request).success();
    assert_eq!((&paid["state"], &paid["sub_mchid"]), (&json!("SUCCESS"), &json!(SUB)));
    assert_eq!(partner.balances(), (700, 0, 1_000));
    assert_eq!(partner.notified().0, "MCHTRANSFER.BILL.FINISHED");

    let close = format!("{path}/auth1/close");
    let closed = partner.client.send(&partner.client.request("POST", &close, b"")).success();
    assert_eq!(closed["close_info"]["close_reason"], "CLOSE_VIA_MCH_API");
    assert_eq!(partner.notified().0, "MCHTRANSFER.AUTHORIZATION.CLOSED");
    request["out_bill_no"] = json!("late1");
    let late = partner.post(&format!("{bills}/transfer"), &request);
    assert_eq!(late.refusal(), (400, "INVALID_REQUEST".to_owned()));

    // Confirmed together with a transfer.
    let mut request = partner.reported("both1", 300);
    request["authorization_info"] = json!({
        "user_display_name": "张", "out_authorization_no": "auth2", "authorization_notify_url": partner.receiver.url,
    });
    let made = partner.post(&format!("{bills}/pre-transfer-with-authorization"), &request).success();
    assert!(made["package_info"].is_string() && made["sub_mchid"] == SUB, "{made}");
    partner.person("/transfers/both1/confirm");
    partner.client.run_for(2);
    assert_eq!(partner.client.get(&format!("{path}/auth2")).success()["state"], "TAKING_EFFECT");
    assert_eq!(partner.balances(), (400, 0, 1_000));
}

#[test]
fn a_batch_of_a_partner_is_paid_by_its_sub_merchant() {
    let sandbox = start();
    let partner = Partner::new(&sandbox);
    let detail = |number: &str, fen: i64, openid: &str| {
        let name = partner.client.public_key.encrypt_oaep("张三".as_bytes()).unwrap();
        json!({
            "out_detail_no": number, "transfer_amount": fen, "transfer_remark": "报销", "openid": openid, "user_name": name,
        })
    };
    let batch = |number: &str, details: Vec<Value>, total: i64| {
        json!({
            "sub_mchid": SUB, "sp_appid": partner.appid(), "authorization_type": "FUND_AUTHORIZATION_TYPE",
            "out_batch_no": number, "batch_name": "报销", "batch_remark": "报销", "total_amount": total,
            "total_num": details.len(), "transfer_detail_list": details, "transfer_scene": "ORDINARY_TRANSFER",
        })
    };
    const BATCHES: &str = "/v3/partner-transfer/batches";

    let request = batch("batch1", vec![detail("a", 300, OPENID), detail("b", 100, "nobody")], 400);
    let made = partner.post(BATCHES, &request).success();
    assert_eq!(made.as_object().unwrap().len(), 3, "{made}");
    assert_eq!(partner.balances(), (600, 400, 1_000));
    assert_eq!(partner.post(BATCHES, &request).success()["batch_id"], made["batch_id"]);
    let dear = batch("batch2", vec![detail("a", 601, OPENID)], 601);
    assert_eq!(partner.post(BATCHES, &dear).refusal(), (403, "NOT_ENOUGH".to_owned()));

    sandbox.run_for(2).unwrap();
    let id = made["batch_id"].as_str().unwrap();
    let shown = partner
        .client
        .get(&format!("{BATCHES}/batch-id/{id}?need_query_detail=true&detail_status=FAIL"))
        .success();
    assert_eq!(shown["transfer_detail_list"].as_array().unwrap().len(), 1);
    for (name, value) in [
        ("sp_mchid", json!(PARTNER)),
        ("sub_mchid", json!(SUB)),
        ("sp_appid", json!(partner.appid())),
        ("authorization_type", json!("FUND_AUTHORIZATION_TYPE")),
        ("batch_status", json!("FINISHED")),
        ("success_amount", json!(300)),
        ("fail_num", json!(1)),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    assert_eq!(partner.balances(), (700, 0, 1_000));
    let detail = partner
        .client
        .get("/v3/partner-transfer/batches/out-batch-no/batch1/details/out-detail-no/b")
        .success();
    assert_eq!(
        (&detail["detail_status"], &detail["fail_reason"]),
        (&json!("FAIL"), &json!("OPENID_INVALID"))
    );
    assert!(detail["username"].as_str().is_some_and(|sealed| sealed.len() > 300), "{detail}");
    // It is no batch of the partner's own.
    let own = partner.client.get("/v3/transfer/batches/out-batch-no/batch1?need_query_detail=false");
    assert_eq!(own.refusal(), (404, "NOT_FOUND".to_owned()));
}

#[test]
fn a_batch_of_a_partner_is_refused_for_others_and_without_the_appid_of_its_persons() {
    let sandbox = start();
    let partner = Partner::new(&sandbox);
    let name = partner.client.public_key.encrypt_oaep("张三".as_bytes()).unwrap();
    let request = json!({
        "sub_mchid": SUB, "sub_appid": partner.appid(), "authorization_type": "INFORMATION_AUTHORIZATION_TYPE",
        "out_batch_no": "batch1", "batch_name": "报销", "batch_remark": "报销", "total_amount": 10, "total_num": 1,
        "transfer_detail_list": [{
            "out_detail_no": "a", "transfer_amount": 10, "transfer_remark": "报销", "openid": OPENID, "user_name": name,
        }],
    });
    let refused = |name: &str, value: Value| {
        let mut request = request.clone();
        request[name] = value;
        partner.post("/v3/partner-transfer/batches", &request).refusal()
    };
    assert_eq!(refused("sub_mchid", json!(STRANGER)), (403, "NO_AUTH".to_owned()));
    assert_eq!(
        refused("authorization_type", json!("FUND_AUTHORIZATION_TYPE")),
        (400, "PARAM_ERROR".to_owned())
    );
    assert_eq!(refused("sub_appid", json!("wx0000000000000000")), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(refused("transfer_detail_list", json!([])), (400, "PARAM_ERROR".to_owned()));
    assert_eq!(refused("total_amount", json!(11)), (400, "PARAM_ERROR".to_owned()));
}

#[test]
fn a_partner_has_receipts_with_a_digest_by_sm3() {
    let sandbox = start();
    let mut partner = Partner::new(&sandbox);
    partner.granted();
    let mut request = partner.reported("paid1", 300);
    request["user_name"] = json!(partner.client.public_key.encrypt_oaep("张三".as_bytes()).unwrap());
    partner.post(&format!("{OF_PARTNER}/transfer-bills"), &request).success();
    let receipts = format!("{OF_PARTNER}/electronic-receipts");
    let body = json!({ "sub_mchid": SUB, "out_bill_no": "paid1" });
    assert_eq!(partner.post(&receipts, &body).refusal(), (400, "INVALID_REQUEST".to_owned()));
    partner.person("/transfers/paid1/confirm");
    partner.client.run_for(2);
    let query = format!("{receipts}/paid1?sub_mchid={SUB}");
    assert_eq!(partner.client.get(&query).refusal(), (404, "NOT_FOUND".to_owned()));
    assert_eq!(partner.post(&receipts, &body).success()["state"], "GENERATING");
    partner.client.run_for(60);
    let shown = partner.client.get(&query).success();
    assert_eq!((&shown["state"], &shown["hash_type"]), (&json!("FINISHED"), &json!("SM3")));
    let address = shown["download_url"].as_str().unwrap();
    let file = partner.client.get(&address[address.find("/v3/").unwrap()..]);
    assert_eq!(shown["hash_value"], weipay_wire::DigestAlgorithm::Sm3.hex(&file.body).to_uppercase());
    assert!(file.text().contains(&format!("mchid: {SUB}")), "{}", file.text());
    let others = json!({ "sub_mchid": STRANGER, "out_bill_no": "paid1" });
    assert_eq!(partner.post(&receipts, &others).refusal(), (404, "NOT_FOUND".to_owned()));
}

#[test]
fn a_platform_transfers_for_its_sub_merchant_and_sees_it_by_both_numbers() {
    let sandbox = start();
    let mut partner = Partner::new(&sandbox);
    let grants = format!("{OF_PLATFORM}/authorizations");
    let asked = json!({
        "sub_mchid": SUB,
        "agreement_list": [{
            "agreement_code": "1", "agreement_version": "20230101", "sign_organization": "示例",
            "sign_time": "2026-08-01T00:00:00+08:00",
        }],
    });
    let state = || partner.client.get(&format!("{grants}/{SUB}")).success()["authorization_state"].clone();
    assert_eq!(state(), "UNAUTHORIZED");
    assert_eq!(partner.post(&grants, &asked).success()["authorization_state"], "AUTHORIZE_PROCESSING");
    assert_eq!(state(), "AUTHORIZED");

    let bills = format!("{OF_PLATFORM}/transfer-bills");
    let control = |what: &str| {
        let path = format!("/transfer-grants/{SUB}/{what}");
        sandbox.control().unwrap().call("POST", &path, Some(&json!({})))
    };
    assert_eq!(control("refuse").unwrap()["state"], "UNAUTHORIZED");
    assert_eq!(state(), "UNAUTHORIZED");
    assert!(control("end").is_err(), "nothing is granted");
    assert_eq!(
        partner.post(&bills, &partner.request("refused1", 300)).refusal(),
        (403, "NO_AUTH".to_owned())
    );
    assert_eq!(partner.post(&grants, &asked).success()["authorization_state"], "AUTHORIZE_PROCESSING");
    let made = partner.post(&bills, &partner.request("paid1", 300)).success();
    assert_eq!((&made["state"], &made["sub_mchid"]), (&json!("WAIT_USER_CONFIRM"), &json!(SUB)));
    let number = made["transfer_bill_no"].as_str().unwrap();
    let shown = partner.client.get(&format!("{bills}/out-bill-no/paid1?sub_mchid={SUB}")).success();
    assert_eq!(
        partner.client.get(&format!("{bills}/transfer-bill-no/{number}?sub_mchid={SUB}")).success(),
        shown
    );
    assert_eq!(shown["transfer_scene_id"], "1009");
    partner.person("/transfers/paid1/refuse");
    let (event, told) = partner.notified();
    assert_eq!(
        (&*event, &told["state"], &told["fail_reason"]),
        ("MCHTRANSFER.BILL.FINISHED", &json!("FAIL"), &json!("OVERDUE_CLOSE"))
    );
    partner.post(&bills, &partner.request("canceled1", 200)).success();
    let cancel = format!("{bills}/out-bill-no/canceled1/cancel");
    let canceling = partner.post(&cancel, &json!({ "sub_mchid": SUB })).success();
    assert_eq!((&canceling["state"], &canceling["sub_mchid"]), (&json!("CANCELING"), &json!(SUB)));
    partner.client.run_for(2);
    assert_eq!(partner.balances(), (1_000, 0, 1_000));
}

#[test]
fn of_two_partners_the_one_that_still_has_a_grant_is_meant() {
    let mut builder = crate::sandbox();
    for mchid in [PARTNER, STRANGER] {
        builder = builder.merchant(NewMerchant::new().mchid(mchid).sub_merchant(SUB));
    }
    let sandbox = builder.start().unwrap();
    let partners = [PARTNER, STRANGER]
        .map(|mchid| Partner { client: Client::of(&sandbox, mchid), receiver: Receiver::start(&[]) });
    partners.iter().for_each(Partner::granted);
    let end = |what: &str, body: Value| {
        let path = format!("/transfer-grants/{SUB}/{what}");
        sandbox.control().unwrap().call("POST", &path, Some(&body))
    };
    assert!(end("end", json!({})).unwrap_err().to_string().contains("several"), "both have one");
    without_indexes(&sandbox);
    assert!(end("end", json!({})).unwrap_err().to_string().contains("several"), "in a snapshot of before");
    assert_eq!(end("refuse", json!({ "mchid": STRANGER })).unwrap()["state"], "UNAUTHORIZED");
    assert_eq!(end("end", json!({})).unwrap()["state"], "CANCELED");
    let state = |partner: &Partner<'_>| {
        let path = format!("{OF_PARTNER}/sub-mch-authorizations/{SUB}");
        partner.client.get(&path).success()["state"].clone()
    };
    assert_eq!(partners.each_ref().map(state), [json!("CANCELED"), json!("UNAUTHORIZED")]);
    assert!(end("end", json!({})).is_err(), "nothing is left");
}

/// Lets the grants be as they were in form 3, whose first ones had no index.
fn without_indexes(sandbox: &Sandbox) {
    let file = sandbox.snapshot("before").unwrap().file;
    let lines = std::fs::read_to_string(&file).unwrap();
    let lines = lines.lines().map(|line| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        if row["record"]["kind"] == "transfer grant" {
            assert_ne!(row["record"]["indexes"], json!([]));
            row["record"]["indexes"] = json!([]);
        } else if row["snapshot"]["form"].is_u64() {
            row["snapshot"]["form"] = json!(3);
        }
        row.to_string() + "\n"
    });
    std::fs::write(&file, lines.collect::<String>()).unwrap();
    sandbox.restore("before").unwrap();
}
