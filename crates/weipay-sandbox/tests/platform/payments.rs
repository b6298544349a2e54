//! Orders, and the people who pay them, over sockets.

use serde_json::{Value, json};
use weipay_sandbox::complaints::NewComplaint;
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{
    AccountState, BankCard, NewMerchant, PaymentError, PaymentFailure, PaymentRequest, Sandbox,
};

use crate::client::{Client, client};

const NOTIFY_URL: &str = "http://127.0.0.1:9/notify";
const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";

fn order(sandbox: &Sandbox, number: &str) -> Value {
    let kit = sandbox.kit();
    json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
        "notify_url": NOTIFY_URL, "amount": { "total": 1_000 }, "attach": "a", "payer": { "openid": OPENID },
    })
}

fn query(sandbox: &Sandbox, number: &str) -> Value {
    let mchid = &sandbox.kit().mchid;
    let target = format!("/v3/pay/transactions/out-trade-no/{number}?mchid={mchid}");
    client(sandbox).get(&target).json()
}

fn close(sandbox: &Sandbox, number: &str) -> (u16, String) {
    let body = json!({ "mchid": sandbox.kit().mchid });
    let path = format!("/v3/pay/transactions/out-trade-no/{number}/close");
    let response = client(sandbox).post(&path, &body);
    (response.status, response.text().to_owned())
}

fn jsapi(sandbox: &Sandbox, body: &Value) -> Value {
    client(sandbox).post("/v3/pay/transactions/jsapi", body).json()
}

fn not_payable(result: Result<weipay_sandbox::PaymentResult, PaymentError>) -> String {
    match result {
        Err(PaymentError::NotPayable(reason)) => reason,
        Err(short @ PaymentError::WalletIsShort) => short.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_is_made_paid_once_asked_for_by_both_numbers_and_notified() {
    let sandbox = crate::sandbox().start().unwrap();
    assert_eq!(query(&sandbox, "order-1")["code"], "ORDER_NOT_EXIST");
    let body = order(&sandbox, "order-1");
    let prepay_id = jsapi(&sandbox, &body)["prepay_id"].as_str().unwrap().to_owned();
    assert!(prepay_id.len() == 36 && prepay_id.starts_with("wx20"), "{prepay_id}");
    assert_eq!(jsapi(&sandbox, &body)["prepay_id"], *prepay_id, "re-entry");
    let unpaid = query(&sandbox, "order-1");
    assert_eq!((&unpaid["trade_state"], unpaid.get("transaction_id")), (&json!("NOTPAY"), None));

    let paid = sandbox.pay(&PaymentRequest::new(&prepay_id).discount(10)).unwrap();
    assert_eq!((paid.paid, paid.payer_total, paid.trade_state), (true, 990, "SUCCESS"));
    let by_number = query(&sandbox, "order-1");
    assert_eq!(by_number["trade_state"], "SUCCESS");
    assert_eq!(by_number["amount"]["payer_total"], 990);
    assert_eq!(by_number["payer"]["openid"], OPENID);
    let mchid = &sandbox.kit().mchid;
    let target = format!("/v3/pay/transactions/id/{}?mchid={mchid}", paid.transaction_ids[0]);
    assert_eq!(client(&sandbox).get(&target).success(), by_number);
    let notified = sandbox.notifications().list(&Default::default()).unwrap();
    assert_eq!(notified.len(), 1, "one payment, one notification");
    assert_eq!(notified[0].event_type, "TRANSACTION.SUCCESS");

    assert!(not_payable(sandbox.pay(&PaymentRequest::new("order-1"))).contains("paid already"));
    assert_eq!(jsapi(&sandbox, &body)["code"], "ORDERPAID");
    assert_eq!(close(&sandbox, "order-1").0, 400);
}

#[test]
fn a_used_number_with_another_request_is_refused_in_the_words_of_the_case() {
    let sandbox = crate::sandbox().start().unwrap();
    let body = order(&sandbox, "order-1");
    jsapi(&sandbox, &body);
    let mut other = body.clone();
    other["amount"]["total"] = json!(2_000);
    assert_eq!(jsapi(&sandbox, &other)["message"], "请求重入时，参数与首次请求时不一致");
    let mut app = body.clone();
    app.as_object_mut().unwrap().remove("payer");
    let app = client(&sandbox).post("/v3/pay/transactions/app", &app);
    assert_eq!(app.json()["message"], "201 商户订单号重复");
    assert_eq!(close(&sandbox, "order-1"), (204, String::new()));
    assert_eq!(close(&sandbox, "order-1"), (204, String::new()));
    assert_eq!(jsapi(&sandbox, &body)["message"], "201 商户订单号重复");
    assert!(not_payable(sandbox.pay(&PaymentRequest::new("order-1"))).contains("closed"));
    // A number that was closed before it was used is burnt.
    assert_eq!(close(&sandbox, "order-2").0, 204);
    assert_eq!(jsapi(&sandbox, &order(&sandbox, "order-2"))["code"], "INVALID_REQUEST");
    let mut openid = order(&sandbox, "order-3");
    openid["payer"]["openid"] = json!("o1");
    assert_eq!(jsapi(&sandbox, &openid)["message"], "无效的openid");
    let mut appid = order(&sandbox, "order-3");
    appid["appid"] = json!("wx0000000000000000");
    assert_eq!(jsapi(&sandbox, &appid)["code"], "APPID_MCHID_NOT_MATCH");
}

#[test]
fn time_ends_what_can_be_paid() {
    let sandbox = crate::sandbox().start().unwrap();
    let body = order(&sandbox, "order-1");
    let first = jsapi(&sandbox, &body)["prepay_id"].as_str().unwrap().to_owned();
    sandbox.run_for(2 * 3_600).unwrap();
    assert!(not_payable(sandbox.pay(&PaymentRequest::new(&first))).contains("expired"));
    let second = jsapi(&sandbox, &body)["prepay_id"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert!(not_payable(sandbox.pay(&PaymentRequest::new(&first))).contains("took its place"));
    sandbox.run_for(7 * 86_400).unwrap();
    assert_eq!(query(&sandbox, "order-1")["trade_state"], "CLOSED");
    assert!(not_payable(sandbox.pay(&PaymentRequest::new("order-1"))).contains("expired"));
    assert_eq!(jsapi(&sandbox, &body)["message"], "该订单已失效");
}

#[test]
fn a_person_who_fails_to_pay_leaves_the_order_and_nobody_is_notified() {
    let sandbox = crate::sandbox().start().unwrap();
    jsapi(&sandbox, &order(&sandbox, "order-1"));
    for word in PaymentFailure::WORDS {
        let failure = PaymentFailure::from_word(word).unwrap();
        let failed = sandbox.pay(&PaymentRequest::new("order-1").failing(failure)).unwrap();
        assert_eq!((failed.paid, failed.trade_state, failed.failure), (false, "NOTPAY", Some(word)));
    }
    assert!(not_payable(sandbox.pay(&PaymentRequest::new("order-1").by_wallet())).contains("too little"));
    let other = PaymentRequest::new("order-1").by_person("oUpF8uMuAJO_M2pxb1Q9zNjWeS6p");
    assert!(not_payable(sandbox.pay(&other)).contains("another person"));
    assert!(sandbox.notifications().list(&Default::default()).unwrap().is_empty());
    assert!(matches!(sandbox.pay(&PaymentRequest::new("order-9")), Err(PaymentError::NotFound(_))));
}

#[test]
fn native_orders_have_new_codes_and_h5_orders_live_five_minutes() {
    let sandbox = crate::sandbox().start().unwrap();
    let client = &client(&sandbox);
    let mut native = order(&sandbox, "native-1");
    native.as_object_mut().unwrap().remove("payer");
    let code = |body: &Value| {
        let made = client.post("/v3/pay/transactions/native", body).success();
        made["code_url"].as_str().unwrap().to_owned()
    };
    let (first, second) = (code(&native), code(&native));
    assert!(second.starts_with("weixin://wxpay/bizpayurl?pr="), "{second}");
    assert!(not_payable(sandbox.pay(&PaymentRequest::new(&first))).contains("took its place"));
    assert!(sandbox.pay(&PaymentRequest::new(&second)).unwrap().paid);
    let mut h5 = native.clone();
    h5["out_trade_no"] = json!("h5-1-order");
    h5["scene_info"] = json!({ "payer_client_ip": "127.0.0.1", "h5_info": { "type": "Wap" } });
    let url = client.post("/v3/pay/transactions/h5", &h5).success()["h5_url"].as_str().unwrap().to_owned();
    sandbox.run_for(300).unwrap();
    assert!(not_payable(sandbox.pay(&PaymentRequest::new(&url))).contains("expired"));
}

#[test]
fn the_parameters_of_the_front_end_are_checked_and_explained() {
    let sandbox = crate::sandbox().start().unwrap();
    let client = &client(&sandbox);
    let prepay_id = jsapi(&sandbox, &order(&sandbox, "order-1"))["prepay_id"].as_str().unwrap().to_owned();
    let appid = sandbox.kit().appid.clone();
    let package = format!("prepay_id={prepay_id}");
    let with = |signed: &str| {
        let sign = client.key.sign(signed.as_bytes()).unwrap();
        json!({ "appId": appid, "timeStamp": "1800000000", "nonceStr": "n", "package": package,
            "signType": "RSA", "paySign": sign })
    };
    let pay = |parameters: &Value| {
        sandbox.pay(&PaymentRequest::with_front_end(parameters.as_object().unwrap().clone()))
    };
    let right = format!("{appid}\n1800000000\nn\n{package}\n");
    for (signed, told) in [
        (format!("{appid}\n1800000000\nn\n{prepay_id}\n"), "with prepay_id="),
        (right.trim_end().to_owned(), "line feed was not signed"),
        (format!("{appid}\nn\n1800000000\n{package}\n"), "in another order"),
        ("nothing".to_owned(), "differ from those that were signed"),
    ] {
        let reason = not_payable(pay(&with(&signed)));
        assert!(reason.contains(told), "{reason}");
    }
    let mut other_case = with(&right);
    let time = other_case.as_object_mut().unwrap().remove("timeStamp").unwrap();
    other_case["timestamp"] = time;
    assert!(not_payable(pay(&other_case)).contains("differs only in upper and lower case"));
    let mut other_app = with(&right);
    other_app["appId"] = json!("wx0000000000000000");
    assert!(not_payable(pay(&other_app)).contains("appId differs"));
    assert!(pay(&with(&right)).unwrap().paid);
}

#[test]
fn a_payment_code_pays_at_once_or_waits_for_the_password_and_is_reversed() {
    let sandbox = crate::sandbox().start().unwrap();
    let client = &client(&sandbox);
    let kit = sandbox.kit();
    let charge = |number: &str, code: &str, total: i64| {
        let body = json!({
            "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
            "payer": { "auth_code": code }, "amount": { "total": total },
            "scene_info": { "store_info": { "id": "0001" } },
        });
        client.post("/v3/pay/transactions/codepay", &body)
    };
    let pay = |number: &str, code: &str, total: i64| charge(number, code, total).json();
    assert_eq!(pay("scan-1", "130061098828009406", 100)["trade_state"], "SUCCESS");
    assert_eq!(pay("scan-2", "130061098828009406", 100)["code"], "AUTH_CODE_INVALID");
    assert_eq!(pay("scan-2", "990061098828009406", 100)["code"], "AUTH_CODE_INVALID");
    // As it was reported, also when the till asks again: accepted, and nothing else is said.
    for _ in 0..2 {
        let waiting = charge("scan-2", "130061098828009407", 100_001);
        assert_eq!((waiting.status, waiting.text()), (202, r#"{"trade_state":"USERPAYING"}"#));
    }
    assert!(close(&sandbox, "scan-2").1.contains("仅可撤销"));
    let failing = PaymentRequest::new("scan-2").failing(PaymentFailure::WrongPassword);
    assert_eq!(sandbox.pay(&failing).unwrap().trade_state, "PAYERROR");
    let ids = json!({ "appid": kit.appid, "mchid": kit.mchid });
    for number in ["scan-1", "scan-2", "scan-1"] {
        let path = format!("/v3/pay/transactions/out-trade-no/{number}/reverse");
        assert_eq!(client.post(&path, &ids).success()["out_trade_no"], number);
        assert_eq!(query(&sandbox, number)["trade_state"], "REVOKED");
    }
    assert_eq!(pay("scan-1", "130061098828009408", 100)["code"], "ORDER_REVERSED");
}

#[test]
fn an_app_opens_an_order_with_the_number_of_its_merchant() {
    let sandbox = crate::sandbox().start().unwrap();
    let client = &client(&sandbox);
    let mut body = order(&sandbox, "order-1");
    body.as_object_mut().unwrap().remove("payer");
    let made = client.post("/v3/pay/transactions/app", &body).success();
    let (appid, prepay_id) = (&sandbox.kit().appid, made["prepay_id"].as_str().unwrap());
    let sign = client.key.sign(format!("{appid}\n1800000000\nn\n{prepay_id}\n").as_bytes()).unwrap();
    let pay = |partnerid: &str| {
        let parameters = json!({
            "appid": appid, "partnerid": partnerid, "prepayid": prepay_id, "package": "Sign=WXPay", "noncestr": "n",
            "timestamp": "1800000000", "sign": sign,
        });
        sandbox.pay(&PaymentRequest::with_front_end(parameters.as_object().unwrap().clone()))
    };
    assert!(not_payable(pay("1")).contains("partnerid differs from the merchant of the order"));
    assert!(pay(&sandbox.kit().mchid).unwrap().paid);
}

#[test]
fn a_combined_order_is_paid_and_closed_as_a_whole() {
    let sandbox = crate::sandbox().start().unwrap();
    let client = &client(&sandbox);
    let kit = sandbox.kit();
    let part = |number: String| {
        json!({ "mchid": kit.mchid, "attach": "a", "amount": { "total_amount": 10, "currency": "CNY" },
            "out_trade_no": number, "description": "茶" })
    };
    let combined = |number: &str| {
        json!({
            "combine_appid": kit.appid, "combine_mchid": kit.mchid, "combine_out_trade_no": number,
            "notify_url": NOTIFY_URL, "combine_payer_info": { "openid": OPENID },
            "sub_orders": [part(format!("{number}-a")), part(format!("{number}-b"))],
        })
    };
    let make = |body: &Value| client.post("/v3/combine-transactions/jsapi", body);
    let prepay_id = make(&combined("whole-1")).success()["prepay_id"].as_str().unwrap().to_owned();
    assert_eq!(query(&sandbox, "whole-1-a")["code"], "ORDER_NOT_EXIST");
    let mut other = combined("whole-1");
    other["sub_orders"][0]["settle_info"] = json!({ "profit_sharing": true });
    assert_eq!(make(&other).json()["message"], "重复下单且结算信息不一致");
    let unpaid = client.get("/v3/combine-transactions/out-trade-no/whole-1").success();
    assert_eq!(unpaid.get("combine_payer_info"), None, "nobody has paid");
    let paid = sandbox.pay(&PaymentRequest::new(&prepay_id)).unwrap();
    assert_eq!((paid.payer_total, paid.transaction_ids.len()), (20, 2));
    let shown = client.get("/v3/combine-transactions/out-trade-no/whole-1").success();
    assert_eq!(shown["sub_orders"][1]["trade_state"], "SUCCESS");
    assert_eq!(shown["combine_payer_info"]["openid"], OPENID);
    assert_eq!(sandbox.notifications().list(&Default::default()).unwrap().len(), 1, "one for the group");

    make(&combined("whole-2")).success();
    let close = |numbers: &[&str]| {
        let parts: Vec<_> =
            numbers.iter().map(|number| json!({ "mchid": kit.mchid, "out_trade_no": number })).collect();
        let body = json!({ "combine_appid": kit.appid, "sub_orders": parts });
        client.post("/v3/combine-transactions/out-trade-no/whole-2/close", &body).status
    };
    assert_eq!((close(&["whole-2-a"]), close(&["whole-2-b", "whole-2-a"])), (400, 204));
    assert!(not_payable(sandbox.pay(&PaymentRequest::new("whole-2"))).contains("closed"));
    // A part whose number was used makes nothing.
    let mut again = combined("whole-3");
    again["sub_orders"][1]["out_trade_no"] = json!("whole-1-b");
    assert_eq!(make(&again).status, 400);
    assert_eq!(client.get("/v3/combine-transactions/out-trade-no/whole-3").status, 404);
}

#[test]
fn nobody_pays_from_an_account_that_is_frozen_or_cancelled() {
    let sandbox = crate::sandbox().start().unwrap();
    let client = &client(&sandbox);
    for number in ["order-1", "order-2"] {
        jsapi(&sandbox, &order(&sandbox, number));
    }
    let control = |state: &str| {
        let path = format!("/people/{OPENID}/account");
        sandbox.control().unwrap().call("POST", &path, Some(&json!({ "state": state })))
    };
    assert!(control("gone").is_err());
    assert_eq!(control("frozen").unwrap()["state"], "frozen");
    let failed = sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    assert_eq!((failed.paid, failed.failure, failed.trade_state), (false, Some("frozen"), "NOTPAY"));
    control("cancelled").unwrap();
    assert!(not_payable(sandbox.pay(&PaymentRequest::new("order-1"))).contains("cancelled the account"));
    control("normal").unwrap();
    sandbox.pay(&PaymentRequest::new("order-1").discount(1)).unwrap();
    sandbox.platform().set_account_state(OPENID, AccountState::Cancelled).unwrap();
    let refund = json!({
        "out_trade_no": "order-1", "out_refund_no": "refund-1",
        "amount": { "refund": 1_000, "total": 1_000, "currency": "CNY" },
    });
    let refused = client.post("/v3/refund/domestic/refunds", &refund);
    assert_eq!(refused.refusal(), (403, "USER_ACCOUNT_ABNORMAL".to_owned()));
    assert_eq!(query(&sandbox, "order-1")["trade_state"], "SUCCESS");
}

#[test]
fn limit_pay_of_an_order_keeps_the_wallet_or_the_card_away() {
    let sandbox = crate::sandbox().start().unwrap();
    sandbox.platform().top_up_wallet(OPENID, 100_000).unwrap();
    for (number, limits, by_card, by_wallet) in [
        ("no-balance", json!(["no_balance"]), true, false),
        ("balance-only", json!(["balance_only"]), false, true),
        ("no-card", json!(["no_credit", "no_debit"]), false, true),
        ("no-credit", json!(["no_credit"]), true, true),
        ("no-debit", json!(["no_debit"]), true, true),
    ] {
        for (means, is_taken) in [("card", by_card), ("wallet", by_wallet)] {
            let number = format!("{number}-{means}");
            let mut body = order(&sandbox, &number);
            body["limit_pay"] = limits.clone();
            jsapi(&sandbox, &body);
            let pays = PaymentRequest::new(&number);
            let paid = sandbox.pay(&if means == "wallet" { pays.by_wallet() } else { pays });
            if is_taken {
                assert!(paid.unwrap().paid, "{number}");
            } else {
                assert!(not_payable(paid).contains("limit_pay"), "{number}");
                assert_eq!(query(&sandbox, &number)["trade_state"], "NOTPAY", "{number}");
            }
        }
    }
}

#[test]
fn limit_pay_keeps_the_kind_of_card_away_that_it_names() {
    let sandbox = crate::sandbox().start().unwrap();
    for (number, limits, by_debit, by_credit) in [
        ("any-kind", json!([]), true, true),
        ("no-credit", json!(["no_credit"]), true, false),
        ("no-debit", json!(["no_debit"]), false, true),
        ("no-balance", json!(["no_balance"]), true, true),
        ("balance-only", json!(["balance_only"]), false, false),
    ] {
        for (card, word, is_taken) in
            [(BankCard::Debit, "CMB_DEBIT", by_debit), (BankCard::Credit, "CMB_CREDIT", by_credit)]
        {
            let number = format!("{number}-{word}");
            let mut body = order(&sandbox, &number);
            body["limit_pay"] = limits.clone();
            jsapi(&sandbox, &body);
            let paid = sandbox.pay(&PaymentRequest::new(&number).by_card(card));
            let found = query(&sandbox, &number);
            if is_taken {
                assert!(paid.unwrap().paid, "{number}");
                assert_eq!((&found["trade_state"], &found["bank_type"]), (&json!("SUCCESS"), &json!(word)));
            } else {
                assert!(not_payable(paid).contains("limit_pay"), "{number}");
                assert_eq!(found["trade_state"], "NOTPAY", "{number}");
            }
        }
    }
    jsapi(&sandbox, &order(&sandbox, "order-1"));
    let both = PaymentRequest::new("order-1").by_wallet().by_card(BankCard::Credit);
    assert!(not_payable(sandbox.pay(&both)).contains("`wallet` or `card`"));
    let control = sandbox.control().unwrap();
    let body = json!({ "order": "order-1", "card": "credit" });
    assert_eq!(control.call("POST", "/orders/pay", Some(&body)).unwrap()["paid"], true);
    assert_eq!(query(&sandbox, "order-1")["bank_type"], "CMB_CREDIT");
}

#[test]
fn nobody_pays_an_order_by_number_once_its_prepay_id_has_expired() {
    let sandbox = crate::sandbox().start().unwrap();
    let body = order(&sandbox, "slow-1");
    jsapi(&sandbox, &body);
    sandbox.run_for(7_201).unwrap();
    assert!(not_payable(sandbox.pay(&PaymentRequest::new("slow-1"))).contains("it has expired"));
    let no_page = sandbox.platform().pay_page("slow-1", None).unwrap_err().to_string();
    assert!(no_page.contains("it has expired"), "{no_page}");
    jsapi(&sandbox, &body);
    assert!(sandbox.platform().pay_page("slow-1", None).unwrap().contains("/pay/wx"));
    assert!(sandbox.pay(&PaymentRequest::new("slow-1")).unwrap().paid, "made again");
    // What was paid, closed or has expired says so, and not that its prepay_id is too old.
    sandbox.run_for(7_201).unwrap();
    assert!(not_payable(sandbox.pay(&PaymentRequest::new("slow-1"))).contains("paid already"));
}

#[test]
fn a_payer_has_an_openid_under_the_partners_appid_too() {
    let sandbox = crate::sandbox().start().unwrap();
    let kit = sandbox.kit();
    let body = json!({
        "sp_appid": kit.appid, "sp_mchid": kit.mchid, "sub_mchid": "1900000777", "sub_appid": "wx1111111111111111",
        "description": "茶", "out_trade_no": "sub-order-1", "notify_url": NOTIFY_URL, "amount": { "total": 1_000 },
        "payer": { "sub_openid": OPENID },
    });
    client(&sandbox).post("/v3/pay/partner/transactions/jsapi", &body).success();
    sandbox.pay(&PaymentRequest::new("sub-order-1")).unwrap();
    let target = format!(
        "/v3/pay/partner/transactions/out-trade-no/sub-order-1?sp_mchid={}&sub_mchid=1900000777",
        kit.mchid
    );
    let payer = client(&sandbox).get(&target).success()["payer"].clone();
    let sp_openid = payer["sp_openid"].as_str().unwrap_or_default();
    assert!(sp_openid.len() == 28 && sp_openid.starts_with('o') && sp_openid != OPENID, "{payer}");
    assert_eq!(payer["sub_openid"], OPENID);
    let told = sandbox.notifications().list(&Default::default()).unwrap();
    assert_eq!(told[0].resource["payer"], payer);
}

#[test]
fn a_refund_that_names_no_order_is_wrong_in_its_form() {
    let sandbox = crate::sandbox().start().unwrap();
    let amount = json!({ "refund": 1, "total": 1, "currency": "CNY" });
    let body = json!({ "out_refund_no": "refund-1", "amount": amount });
    let refused = client(&sandbox).post("/v3/refund/domestic/refunds", &body);
    assert_eq!(refused.refusal(), (400, "PARAM_ERROR".to_owned()));
    let reason = weipay_sandbox::decode_reason(refused.header(weipay_sandbox::REASON_HEADER).unwrap());
    assert!(reason.contains("transaction_id or out_trade_no"), "{reason}");
}

#[test]
fn a_number_that_many_merchants_have_used_is_found_by_its_merchant() {
    let sandbox = crate::sandbox().start().unwrap();
    let mchids: Vec<String> = (0..11).map(|number| format!("19000003{number:02}")).collect();
    let clients: Vec<Client<'_>> = mchids
        .iter()
        .map(|mchid| {
            sandbox.add_merchant(&NewMerchant::new().mchid(&**mchid)).unwrap();
            let client = Client::of(&sandbox, mchid);
            let body = json!({
                "appid": sandbox.platform().kit_of(mchid).unwrap().kit().appid, "mchid": mchid, "description": "茶",
                "out_trade_no": "order-1", "notify_url": NOTIFY_URL, "amount": { "total": 100 },
            });
            client.post("/v3/pay/transactions/native", &body).success();
            client
        })
        .collect();
    assert!(matches!(sandbox.pay(&PaymentRequest::new("order-1")), Err(PaymentError::NotPayable(_))));
    for (mchid, client) in mchids.iter().zip(&clients).take(2) {
        sandbox.pay(&PaymentRequest::new("order-1").of_merchant(&**mchid)).unwrap();
        let complains = NewComplaint::new("order-1").of_merchant(&**mchid);
        sandbox.platform().complain(&complains).unwrap();
        let refund = json!({
            "out_trade_no": "order-1", "out_refund_no": "refund-1",
            "amount": { "refund": 100, "total": 100, "currency": "CNY" },
        });
        client.post("/v3/refund/domestic/refunds", &refund).success();
    }
    let status =
        |client: &Client<'_>| client.get("/v3/refund/domestic/refunds/refund-1").success()["status"].clone();
    let decide =
        |body: Value| sandbox.control().unwrap().call("POST", "/refunds/refund-1/outcome", Some(&body));
    let unclear = decide(json!({ "to": "abnormal" }));
    assert!(matches!(unclear, Err(ClientError::Refused { status: 409, .. })), "{unclear:?}");
    decide(json!({ "to": "abnormal", "mchid": mchids[0] })).unwrap();
    assert_eq!((status(&clients[0]), status(&clients[1])), (json!("ABNORMAL"), json!("PROCESSING")));
    let nobodys = decide(json!({ "to": "abnormal", "mchid": mchids[2] }));
    assert!(matches!(nobodys, Err(ClientError::Refused { status: 404, .. })), "{nobodys:?}");
}
