//! Cash coupons (代金券) over sockets: a funded stock, a coupon in an order, and the way back by a refund.

use serde_json::{Value, json};
use weipay_sandbox::{AccountState, MerchantAccount, NewMerchant, PaymentRequest, Sandbox, Validation};
use weipay_wire::DigestAlgorithm;

use crate::client::{Client, Response, client};

pub(crate) const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
const HOUR: i64 = 3_600;

/// 10 coupons of 5 yuan for orders of at least 10, two for each person, for a day.
pub(crate) fn create_stock(sandbox: &Sandbox, number: &str) -> String {
    create_stock_with(sandbox, number, |_| {}).success()["stock_id"].as_str().unwrap().to_owned()
}

/// The same with another rule.
fn create_stock_with(sandbox: &Sandbox, number: &str, change: impl Fn(&mut Value)) -> Response {
    let mut request = stock_request(&sandbox.kit().mchid, number);
    change(&mut request);
    client(sandbox).post("/v3/marketing/favor/coupon-stocks", &request)
}

fn stock_request(mchid: &str, number: &str) -> Value {
    json!({
        "stock_name": "开业代金券", "belong_merchant": mchid,
        // The tests begin at noon of 15 August 2026 in Beijing.
        "available_begin_time": "2026-08-15T12:00:00+08:00", "available_end_time": "2026-08-16T12:00:00+08:00",
        "stock_use_rule": {
            "max_coupons": 10, "max_amount": 5_000, "max_coupons_per_user": 2,
            "natural_person_limit": false, "prevent_api_abuse": false,
        },
        "coupon_use_rule": { "fixed_normal_coupon": { "coupon_amount": 500, "transaction_minimum": 1_000 } },
        "no_cash": false, "stock_type": "NORMAL", "out_request_no": number,
    })
}

pub(crate) fn step(sandbox: &Sandbox, stock_id: &str, step: &str) -> Value {
    let body = json!({ "stock_creator_mchid": sandbox.kit().mchid });
    client(sandbox).post(&format!("/v3/marketing/favor/stocks/{stock_id}/{step}"), &body).json()
}

pub(crate) fn send(sandbox: &Sandbox, stock_id: &str, number: &str) -> Value {
    let kit = sandbox.kit();
    let body = json!({
        "stock_id": stock_id, "out_request_no": number, "appid": kit.appid, "stock_creator_mchid": kit.mchid,
    });
    client(sandbox).post(&format!("/v3/marketing/favor/users/{OPENID}/coupons"), &body).json()
}

pub(crate) fn coupon(sandbox: &Sandbox, coupon_id: &str) -> Value {
    let appid = &sandbox.kit().appid;
    let target = format!("/v3/marketing/favor/users/{OPENID}/coupons/{coupon_id}?appid={appid}");
    client(sandbox).get(&target).success()
}

pub(crate) fn order(sandbox: &Sandbox, number: &str, total: i64) {
    order_of(sandbox, number, total, &json!([]));
}

fn order_of(sandbox: &Sandbox, number: &str, total: i64, goods: &Value) {
    let kit = sandbox.kit();
    let mut body = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": total }, "payer": { "openid": OPENID },
    });
    if goods.as_array().is_some_and(|goods| !goods.is_empty()) {
        body["detail"] = json!({ "goods_detail": goods });
    }
    client(sandbox).post("/v3/pay/transactions/jsapi", &body).success();
}

fn paid_order(sandbox: &Sandbox, number: &str) -> Value {
    let target = format!("/v3/pay/transactions/out-trade-no/{number}?mchid={}", sandbox.kit().mchid);
    client(sandbox).get(&target).success()
}

/// A sandbox with a stock of another rule that is running, and its number.
pub(crate) fn running_stock_with(change: impl Fn(&mut Value)) -> (Sandbox, String) {
    let sandbox = crate::sandbox().start().unwrap();
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Basic, 5_000).unwrap();
    let created = create_stock_with(&sandbox, "create-1", change).success();
    let stock_id = created["stock_id"].as_str().unwrap().to_owned();
    assert_eq!(step(&sandbox, &stock_id, "start")["stock_id"], *stock_id);
    (sandbox, stock_id)
}

/// A sandbox with a stock that is running, and its number.
pub(crate) fn running_stock() -> (Sandbox, String) {
    let sandbox = crate::sandbox().start().unwrap();
    let stock_id = create_stock(&sandbox, "create-1");
    assert_eq!(step(&sandbox, &stock_id, "start")["message"], "激活失败：账户余额不足，请充值");
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Basic, 5_000).unwrap();
    assert_eq!(step(&sandbox, &stock_id, "start")["stock_id"], *stock_id);
    (sandbox, stock_id)
}

#[test]
fn a_coupon_is_sent_used_in_an_order_and_given_back_by_a_whole_refund() {
    let (sandbox, stock_id) = running_stock();
    let sent = send(&sandbox, &stock_id, "send-1");
    assert_eq!(send(&sandbox, &stock_id, "send-1"), sent, "the same number");
    let coupon_id = sent["coupon_id"].as_str().unwrap();
    assert_eq!(coupon(&sandbox, coupon_id)["status"], "SENDED");

    order(&sandbox, "order-1", 1_000);
    let paid = sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    assert_eq!(paid.payer_total, 500);
    let shown = paid_order(&sandbox, "order-1");
    assert_eq!(
        shown["amount"],
        json!({ "total": 1_000, "currency": "CNY", "payer_total": 500, "payer_currency": "CNY" })
    );
    let promotion = &shown["promotion_detail"][0];
    assert_eq!((&promotion["coupon_id"], &promotion["type"]), (&json!(coupon_id), &json!("CASH")));
    let used = coupon(&sandbox, coupon_id);
    assert_eq!(used["consume_information"]["transaction_id"], shown["transaction_id"]);

    let refund = json!({
        "out_trade_no": "order-1", "out_refund_no": "refund-1",
        "amount": { "refund": 1_000, "total": 1_000, "currency": "CNY" },
    });
    let accepted = client(&sandbox).post("/v3/refund/domestic/refunds", &refund).success();
    assert_eq!(accepted["amount"]["payer_refund"], 500);
    sandbox.run_for(10).unwrap();
    let refund = client(&sandbox).get("/v3/refund/domestic/refunds/refund-1").success();
    assert_eq!(refund["status"], "SUCCESS");
    assert_eq!(coupon(&sandbox, coupon_id)["status"], "SENDED");
}

#[test]
fn a_coupon_stays_used_while_a_refund_may_still_come_to_nothing() {
    let (sandbox, stock_id) = running_stock();
    let sent = send(&sandbox, &stock_id, "send-1");
    let coupon_id = sent["coupon_id"].as_str().unwrap();
    order(&sandbox, "order-1", 1_000);
    sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    let refund = |number: &str| {
        let body = json!({
            "out_trade_no": "order-1", "out_refund_no": number,
            "amount": { "refund": 500, "total": 1_000, "currency": "CNY" },
        });
        client(&sandbox).post("/v3/refund/domestic/refunds", &body).success();
    };
    refund("refund-1");
    let control = sandbox.control().unwrap();
    control.call("POST", "/refunds/refund-1/outcome", Some(&json!({ "to": "short" }))).unwrap();
    sandbox.run_for(61).unwrap();
    refund("refund-2");
    sandbox.run_for(10).unwrap();
    assert_eq!(coupon(&sandbox, coupon_id)["status"], "USED");
    control.call("POST", "/refunds/refund-1/outcome", Some(&json!({ "to": "success" }))).unwrap();
    assert_eq!(coupon(&sandbox, coupon_id)["status"], "SENDED");
}

#[test]
fn the_page_shows_the_coupon_that_is_used_and_what_is_left_to_pay() {
    let (sandbox, stock_id) = running_stock();
    let coupon_id = send(&sandbox, &stock_id, "send-1")["coupon_id"].as_str().unwrap().to_owned();
    order(&sandbox, "order-1", 1_200);
    let address = sandbox.pay_page("order-1").unwrap();
    let target = address.strip_prefix(sandbox.base_url()).unwrap();
    for _ in 0..2 {
        let page = client(&sandbox).get(target);
        let text = page.text();
        assert!(text.contains("<p class=\"amount\">¥7.00</p>") && text.contains("<dd>-¥5.00</dd>"), "{text}");
    }
    assert_eq!(coupon(&sandbox, &coupon_id)["status"], "SENDED", "to look uses nothing");
    assert_eq!(sandbox.pay(&PaymentRequest::new("order-1")).unwrap().payer_total, 700);
    let page = client(&sandbox).get(target);
    assert!(page.text().contains("¥7.00</p>") && page.text().contains("-¥5.00"), "{}", page.text());
}

#[test]
fn a_person_may_choose_no_coupon_and_cannot_choose_one_that_does_not_fit() {
    let (sandbox, stock_id) = running_stock();
    let sent = send(&sandbox, &stock_id, "send-1");
    let coupon_id = sent["coupon_id"].as_str().unwrap();
    order(&sandbox, "small-order", 999);
    let refused = sandbox.pay(&PaymentRequest::new("small-order").coupon(coupon_id)).unwrap_err().to_string();
    assert!(refused.contains("does not fit"), "{refused}");
    assert_eq!(sandbox.pay(&PaymentRequest::new("small-order")).unwrap().payer_total, 999);
    order(&sandbox, "large-order", 1_000);
    assert_eq!(sandbox.pay(&PaymentRequest::new("large-order").coupon("none")).unwrap().payer_total, 1_000);
    assert_eq!(coupon(&sandbox, coupon_id)["status"], "SENDED");
}

#[test]
fn a_coupon_of_another_merchant_is_not_paid_by_the_payee() {
    const OTHER: &str = "1900000777";
    let sandbox = crate::sandbox().start().unwrap();
    let other = sandbox.add_merchant(&NewMerchant::new().mchid(OTHER)).unwrap();
    let mchid = sandbox.kit().mchid.clone();
    sandbox.top_up(&mchid, MerchantAccount::Basic, 5_000).unwrap();
    let created = create_stock_with(&sandbox, "create-1", |stock| {
        stock["coupon_use_rule"]["available_merchants"] = json!([mchid, OTHER]);
    });
    let stock_id = created.success()["stock_id"].as_str().unwrap().to_owned();
    step(&sandbox, &stock_id, "start");
    for number in ["send-1", "send-2"] {
        send(&sandbox, &stock_id, number);
    }
    let client = Client::of(&sandbox, OTHER).in_time();
    let body = json!({
        "appid": other.kit().appid, "mchid": OTHER, "description": "茶", "out_trade_no": "order-1",
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_000 }, "payer": { "openid": OPENID },
    });
    client.post("/v3/pay/transactions/jsapi", &body).success();
    sandbox.pay(&PaymentRequest::new("order-1").of_merchant(OTHER)).unwrap();
    order(&sandbox, "order-2", 1_000);
    sandbox.pay(&PaymentRequest::new("order-2")).unwrap();
    let shown = client.get(&format!("/v3/pay/transactions/out-trade-no/order-1?mchid={OTHER}")).success();
    for (shown, [of_payee, of_others]) in [(shown, [0, 500]), (paid_order(&sandbox, "order-2"), [500, 0])] {
        let promotion = &shown["promotion_detail"][0];
        assert_eq!(promotion["amount"], 500);
        assert_eq!(
            (&promotion["merchant_contribute"], &promotion["other_contribute"]),
            (&json!(of_payee), &json!(of_others))
        );
    }
}

#[test]
fn a_stock_that_ends_gives_the_rest_of_its_budget_back() {
    let (sandbox, stock_id) = running_stock();
    assert_eq!(step(&sandbox, &stock_id, "pause")["stock_id"], *stock_id);
    assert_eq!(send(&sandbox, &stock_id, "send-1")["message"], "活动已结束或未激活");
    assert_eq!(step(&sandbox, &stock_id, "restart")["stock_id"], *stock_id);
    sandbox.run_for(25 * HOUR).unwrap();
    let target = format!("/v3/marketing/favor/stocks/{stock_id}?stock_creator_mchid={}", sandbox.kit().mchid);
    assert_eq!(client(&sandbox).get(&target).success()["status"], "stoped");
    let balance = client(&sandbox).get("/v3/merchant/fund/balance/BASIC").success();
    assert_eq!(balance["available_amount"], 5_000);
}

/// What is in an account of the merchant.
fn balance(sandbox: &Sandbox, account: &str) -> i64 {
    let balance = client(sandbox).get(&format!("/v3/merchant/fund/balance/{account}")).success();
    balance["available_amount"].as_i64().unwrap()
}

#[test]
fn the_rest_of_a_budget_goes_back_to_the_account_that_it_was_locked_from() {
    for (account, left) in [
        (MerchantAccount::Marketing, [0, 0]),
        (MerchantAccount::Operation, [0, 4_500]),
        (MerchantAccount::Basic, [4_500, 0]),
    ] {
        let sandbox = crate::sandbox().start().unwrap();
        let mchid = &sandbox.kit().mchid;
        let stock_id = create_stock(&sandbox, "create-1");
        sandbox.top_up(mchid, account, 5_000).unwrap();
        step(&sandbox, &stock_id, "start");
        send(&sandbox, &stock_id, "send-1");
        order(&sandbox, "order-1", 1_000);
        assert_eq!(sandbox.pay(&PaymentRequest::new("order-1")).unwrap().payer_total, 500);
        sandbox.run_for(25 * HOUR).unwrap();
        // Of the order of 1,000 fen 994 were settled.
        let now = ["BASIC", "OPERATION"].map(|account| balance(&sandbox, account));
        assert_eq!(now, [left[0] + 994, left[1]], "{account:?}");
        // What a refund gives back after the end goes there too.
        let refund = json!({
            "out_trade_no": "order-1", "out_refund_no": "refund-1",
            "amount": { "refund": 1_000, "total": 1_000, "currency": "CNY" },
        });
        sandbox.top_up(mchid, MerchantAccount::Basic, 6).unwrap();
        client(&sandbox).post("/v3/refund/domestic/refunds", &refund).success();
        sandbox.run_for(10).unwrap();
        let whole = left.map(|fen| if fen == 0 { 0 } else { 5_000 });
        // The fee came back with the refund.
        let now = ["BASIC", "OPERATION"].map(|account| balance(&sandbox, account));
        assert_eq!(now, [whole[0] + 6, whole[1]], "{account:?}");
        if account == MerchantAccount::Marketing {
            let another = create_stock_with(&sandbox, "create-2", |stock| {
                stock["available_begin_time"] = json!("2026-08-17T12:00:00+08:00");
                stock["available_end_time"] = json!("2026-08-18T12:00:00+08:00");
            });
            let another = another.success()["stock_id"].as_str().unwrap().to_owned();
            assert_eq!(step(&sandbox, &another, "start")["stock_id"], *another, "the money is free");
        }
    }
}

/// What an address of a response leads to, for a merchant.
fn follow(sandbox: &Sandbox, mchid: &str, address: &Value) -> Response {
    let (_, target) = address.as_str().unwrap().split_once("/v3/").unwrap();
    Client::of(sandbox, mchid).in_time().get(&format!("/v3/{target}"))
}

/// As it was reported.
#[test]
fn a_list_of_marks_that_is_empty_is_refused() {
    let sandbox = crate::sandbox().start().unwrap();
    let refused = create_stock_with(&sandbox, "create-1", |stock| {
        stock["coupon_use_rule"]["goods_tag"] = json!([]);
    });
    let said = (refused.refusal(), &refused.json()["message"]);
    let sentence = json!("无法将传入参数“订单优惠标记”转换为string/bytes类型。");
    assert_eq!(said, ((400, "PARAM_ERROR".to_owned()), &sentence));
}

#[test]
fn a_coupon_for_goods_takes_something_off_orders_that_have_them() {
    let (sandbox, stock_id) = running_stock_with(|stock| {
        stock["coupon_use_rule"]["available_items"] = json!(["tea", "cake"]);
    });
    let coupon_id = send(&sandbox, &stock_id, "send-1")["coupon_id"].as_str().unwrap().to_owned();
    assert_eq!(coupon(&sandbox, &coupon_id)["singleitem"], true);
    let goods =
        |id: &str, quantity: i64| json!({ "merchant_goods_id": id, "quantity": quantity, "unit_price": 600 });
    order_of(&sandbox, "order-milk", 1_200, &json!([goods("milk", 2)]));
    order_of(&sandbox, "order-tea", 1_800, &json!([goods("tea", 2), goods("milk", 1)]));
    assert_eq!(sandbox.pay(&PaymentRequest::new("order-milk")).unwrap().payer_total, 1_200);
    assert_eq!(sandbox.pay(&PaymentRequest::new("order-tea")).unwrap().payer_total, 1_300);
    let promotion = paid_order(&sandbox, "order-tea")["promotion_detail"][0].clone();
    assert_eq!(promotion["scope"], "SINGLE");
    assert_eq!(
        promotion["goods_detail"],
        json!([{ "goods_id": "tea", "quantity": 2, "unit_price": 600, "discount_amount": 500 }])
    );
    let used = coupon(&sandbox, &coupon_id)["consume_information"].clone();
    assert_eq!(used["goods_detail"][0]["discount_amount"], 500);

    // Milk is for it from now on, and tea is not.
    let change = json!({
        "stock_creator_mchid": sandbox.kit().mchid, "add_goods_id_list": ["milk"], "delete_goods_id_list": ["tea"],
    });
    let path = format!("/v3/marketing/favor/stocks/{stock_id}");
    client(&sandbox).post(&format!("{path}/modify-goods-id"), &change).success();
    let creator = &sandbox.kit().mchid;
    let items = format!("{path}/items?stock_creator_mchid={creator}&offset=0&limit=10");
    assert_eq!(client(&sandbox).get(&items).success()["data"], json!(["cake", "milk"]));
    send(&sandbox, &stock_id, "send-2");
    order_of(&sandbox, "order-milk-2", 1_200, &json!([goods("milk", 2)]));
    assert_eq!(sandbox.pay(&PaymentRequest::new("order-milk-2")).unwrap().payer_total, 700);
}

#[test]
fn a_percentage_or_a_price_for_one_piece_can_be_taken_off() {
    let (sandbox, stock_id) = running_stock_with(|stock| {
        stock["stock_type"] = json!("DISCOUNT");
        stock["coupon_use_rule"] = json!({
            "discount_coupon": { "discount_percent": 80, "discount_amount_max": 500, "transaction_minimum": 100 },
        });
    });
    send(&sandbox, &stock_id, "send-1");
    order(&sandbox, "order-1", 1_001);
    assert_eq!(sandbox.pay(&PaymentRequest::new("order-1")).unwrap().payer_total, 801);

    let (sandbox, stock_id) = running_stock_with(|stock| {
        stock["stock_type"] = json!("EXCHAHGE");
        stock["coupon_use_rule"] = json!({
            "exchange_coupon": { "exchange_price": 100, "transaction_minimum": 0 }, "available_items": ["tea"],
        });
    });
    let coupon_id = send(&sandbox, &stock_id, "send-1")["coupon_id"].as_str().unwrap().to_owned();
    let shown = coupon(&sandbox, &coupon_id);
    assert_eq!(
        (&shown["coupon_type"], &shown["cut_to_message"]["cut_to_price"]),
        (&json!("CUT_TO"), &json!(100))
    );
    let tea = json!([{ "merchant_goods_id": "tea", "quantity": 2, "unit_price": 400 }]);
    order_of(&sandbox, "order-1", 800, &tea);
    assert_eq!(sandbox.pay(&PaymentRequest::new("order-1")).unwrap().payer_total, 500);
}

#[test]
fn a_stock_may_be_for_apps_or_for_banks_only() {
    let (sandbox, stock_id) = running_stock_with(|stock| {
        stock["coupon_use_rule"]["limit_pay"] = json!(["CMC"]);
    });
    let coupon_id = send(&sandbox, &stock_id, "send-1")["coupon_id"].as_str().unwrap().to_owned();
    order(&sandbox, "order-1", 1_000);
    let by_wallet = PaymentRequest::new("order-1").coupon(&coupon_id).by_wallet();
    assert!(sandbox.pay(&by_wallet).unwrap_err().to_string().contains("this way to pay"));
    let address = sandbox.pay_page("order-1").unwrap();
    let page = client(&sandbox).get(address.strip_prefix(sandbox.base_url()).unwrap());
    assert!(
        page.text().contains("Bank card ¥5.00") && page.text().contains("Wallet ¥10.00"),
        "{}",
        page.text()
    );
    assert_eq!(sandbox.pay(&PaymentRequest::new("order-1")).unwrap().payer_total, 500);
    let (sandbox, stock_id) = running_stock_with(|stock| {
        stock["coupon_use_rule"]["trade_type"] = json!(["APPPAY"]);
    });
    send(&sandbox, &stock_id, "send-1");
    order(&sandbox, "order-1", 1_000);
    assert_eq!(
        sandbox.pay(&PaymentRequest::new("order-1")).unwrap().payer_total,
        1_000,
        "it is a JSAPI order"
    );
}

#[test]
fn a_limit_for_natural_persons_counts_all_openids_of_one() {
    const SHOP: &str = "1900000777";
    let appids = ["wx0000000000000771".to_owned(), "wx0000000000000772".to_owned()];
    for (is_limited, third) in [(true, "用户已达最大领券次数"), (false, "")] {
        let shop = NewMerchant::new().mchid(SHOP).appid(&*appids[0]).appid(&*appids[1]);
        let sandbox = crate::sandbox().merchant(shop).start().unwrap();
        sandbox.top_up(SHOP, MerchantAccount::Basic, 5_000).unwrap();
        let client = Client::of(&sandbox, SHOP).in_time();
        let mut request = stock_request(SHOP, "create-1");
        request["stock_use_rule"]["natural_person_limit"] = json!(is_limited);
        let created = client.post("/v3/marketing/favor/coupon-stocks", &request).success();
        let stock_id = created["stock_id"].as_str().unwrap();
        let start = format!("/v3/marketing/favor/stocks/{stock_id}/start");
        client.post(&start, &json!({ "stock_creator_mchid": SHOP })).success();
        let person = sandbox.platform().add_person(&appids).unwrap();
        let send = |appid: &String, number: &str| {
            let body = json!({
                "stock_id": stock_id, "out_request_no": number, "appid": appid, "stock_creator_mchid": SHOP,
            });
            let target = format!("/v3/marketing/favor/users/{}/coupons", person.openids[appid]);
            client.post(&target, &body).json()
        };
        assert!(
            send(&appids[0], "send-1")["coupon_id"].is_string()
                && send(&appids[0], "send-2")["coupon_id"].is_string()
        );
        assert_eq!(send(&appids[1], "send-3")["message"].as_str().unwrap_or_default(), third);
    }
}

#[test]
fn a_frozen_account_is_sent_no_coupon() {
    let (sandbox, stock_id) = running_stock();
    sandbox.platform().set_account_state(OPENID, AccountState::Frozen).unwrap();
    let refused = send(&sandbox, &stock_id, "send-1");
    assert_eq!(
        (&refused["code"], &refused["message"]),
        (&json!("USER_ACCOUNT_ABNORMAL"), &json!("用户非法"))
    );
    sandbox.platform().set_account_state(OPENID, AccountState::Normal).unwrap();
    assert!(send(&sandbox, &stock_id, "send-1")["coupon_id"].is_string(), "a refusal uses no number up");
    let kit = sandbox.kit();
    let body = json!({
        "stock_id": stock_id, "out_request_no": "send-2", "appid": kit.appid, "stock_creator_mchid": kit.mchid,
        "coupon_value": 100,
    });
    let refused = client(&sandbox).post(&format!("/v3/marketing/favor/users/{OPENID}/coupons"), &body);
    assert_eq!(refused.json()["message"], "参数错误,请核对文档要求");
}

/// A stock of which one coupon was used by `order-1`, a half of which was refunded: its number, the coupon and the
/// transaction_id.
fn used_and_refunded() -> (Sandbox, String, String, String) {
    let (sandbox, stock_id) = running_stock();
    let coupon_id = send(&sandbox, &stock_id, "send-1")["coupon_id"].as_str().unwrap().to_owned();
    order(&sandbox, "order-1", 1_000);
    let transaction_id = sandbox.pay(&PaymentRequest::new("order-1")).unwrap().transaction_ids[0].clone();
    let refund = json!({
        "out_trade_no": "order-1", "out_refund_no": "refund-1",
        "amount": { "refund": 500, "total": 1_000, "currency": "CNY" },
    });
    client(&sandbox).post("/v3/refund/domestic/refunds", &refund).success();
    (sandbox, stock_id, coupon_id, transaction_id)
}

#[test]
fn a_flow_file_of_a_stock_is_there_when_its_day_is_over() {
    let (sandbox, stock_id, ..) = used_and_refunded();
    let path = format!("/v3/marketing/favor/stocks/{stock_id}");
    let early = client(&sandbox).get(&format!("{path}/use-flow"));
    assert_eq!(early.refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    assert_eq!(early.json()["message"], "账单文件不存在");
    // It is noon of the first day, and a file is there at ten of the next.
    sandbox.run_for(22 * HOUR).unwrap();
    let by_day = client(&sandbox).get(&format!("{path}/use-flow-by-day?bill_date=2026-08-15")).success();
    assert_eq!(by_day["stock_useflow_count"], "1");
    let empty = client(&sandbox).get(&format!("{path}/use-flow-by-day?bill_date=2026-08-14"));
    assert_eq!(empty.status, 404);
    assert!(empty.header("Request-ID").unwrap().ends_with("-268586001"), "no use");
    let empty = client(&sandbox).get(&format!("{path}/refund-flow-by-day?bill_date=2026-08-14"));
    assert!(empty.header("Request-ID").unwrap().ends_with("-268586003"), "no refund");
    assert_eq!(client(&sandbox).get(&format!("{path}/use-flow-by-day?bill_date=15.8.")).status, 400);
}

#[test]
fn what_was_used_and_refunded_is_in_files_of_the_stock() {
    let (sandbox, stock_id, coupon_id, transaction_id) = used_and_refunded();
    let mchid = sandbox.kit().mchid.clone();
    let path = format!("/v3/marketing/favor/stocks/{stock_id}");
    // Its day is over, and then its period.
    sandbox.run_for(46 * HOUR).unwrap();
    for (name, line, columns) in [
        (
            "use-flow",
            format!("`{stock_id},`{coupon_id},`全场代金券,`5.00,`10.00,`支付,`{transaction_id},"),
            12,
        ),
        (
            "refund-flow",
            format!("`{stock_id},`{coupon_id},`全场代金券,`2.50,`10.00,`退款,`{transaction_id},"),
            13,
        ),
    ] {
        let asked = client(&sandbox).get(&format!("{path}/{name}"));
        assert_eq!(asked.header("Weipay-Sandbox-Answer"), Some("state"));
        let link = asked.success();
        let file = follow(&sandbox, &mchid, &link["url"]);
        assert!(file.status == 200 && !file.check_signature(), "{}", file.text());
        assert_eq!(DigestAlgorithm::Sha1.hex(file.text().as_bytes()), link["hash_value"].as_str().unwrap());
        let lines: Vec<String> = file.text().lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].starts_with(&line), "{lines:?}");
        assert!(lines.iter().all(|line| line.split(',').count() == columns), "{lines:?}");
    }
}

#[test]
fn the_address_of_a_flow_file_is_its_creators_and_for_half_a_minute() {
    let (sandbox, stock_id, ..) = used_and_refunded();
    let mchid = sandbox.kit().mchid.clone();
    let path = format!("/v3/marketing/favor/stocks/{stock_id}");
    sandbox.run_for(46 * HOUR).unwrap();
    for name in ["use-flow", "refund-flow"] {
        let link = client(&sandbox).get(&format!("{path}/{name}")).success();
        let another = sandbox.add_merchant(&NewMerchant::new()).unwrap().kit().mchid.clone();
        assert_eq!(follow(&sandbox, &another, &link["url"]).refusal(), (403, "NO_AUTH".to_owned()));
        let of_another = Client::of(&sandbox, &another).in_time();
        assert_eq!(of_another.get(&format!("{path}/{name}")).refusal(), (403, "REQUEST_BLOCKED".to_owned()));
        assert_eq!(follow(&sandbox, &mchid, &link["url"]).status, 200);
        sandbox.run_for(31).unwrap();
        assert_eq!(follow(&sandbox, &mchid, &link["url"]).status, 400);
    }
}

/// A combined order of three parts with these totals.
fn combined(sandbox: &Sandbox, number: &str, totals: [i64; 3]) {
    let kit = sandbox.kit();
    let parts: Vec<Value> = (1..)
        .zip(totals)
        .map(|(place, total)| {
            json!({ "mchid": kit.mchid, "attach": "a", "out_trade_no": format!("{number}-{place}"),
                "description": "茶", "amount": { "total_amount": total, "currency": "CNY" } })
        })
        .collect();
    let body = json!({
        "combine_appid": kit.appid, "combine_mchid": kit.mchid, "combine_out_trade_no": number,
        "notify_url": "http://127.0.0.1:9/notify", "combine_payer_info": { "openid": OPENID }, "sub_orders": parts,
    });
    client(sandbox).post("/v3/combine-transactions/jsapi", &body).success();
}

fn shown_combined(sandbox: &Sandbox, number: &str) -> Value {
    client(sandbox).get(&format!("/v3/combine-transactions/out-trade-no/{number}")).success()
}

/// Two coupons were sent, and used by the first and the third part of a combined order that was paid: the order, and which
/// coupon each of the two has.
fn paid_with_two_coupons(sandbox: &Sandbox, stock_id: &str) -> (Value, [String; 2]) {
    for number in ["send-1", "send-2"] {
        send(sandbox, stock_id, number);
    }
    combined(sandbox, "whole-1", [1_000, 300, 2_000]);
    sandbox.pay(&PaymentRequest::new("whole-1")).unwrap();
    let shown = shown_combined(sandbox, "whole-1");
    let coupon = |place: usize| {
        shown["sub_orders"][place]["promotion_detail"][0]["coupon_id"].as_str().unwrap().to_owned()
    };
    let used = [coupon(0), coupon(2)];
    (shown, used)
}

/// The third part is refunded.
fn refund_third_part(sandbox: &Sandbox, order: &Value) -> Value {
    let refund = json!({
        "transaction_id": order["sub_orders"][2]["transaction_id"], "out_refund_no": "refund-1",
        "amount": { "refund": 2_000, "total": 2_000, "currency": "CNY" },
    });
    let refund = client(sandbox).post("/v3/refund/domestic/refunds", &refund).success();
    sandbox.run_for(10).unwrap();
    refund
}

#[test]
fn each_part_of_a_combined_order_takes_a_coupon_that_fits_it() {
    let (sandbox, stock_id) = running_stock();
    let coupons = ["send-1", "send-2"]
        .map(|number| send(&sandbox, &stock_id, number)["coupon_id"].as_str().unwrap().to_owned());
    combined(&sandbox, "whole-1", [1_000, 300, 2_000]);
    let address = sandbox.pay_page("whole-1").unwrap();
    let page = client(&sandbox).get(address.strip_prefix(sandbox.base_url()).unwrap());
    assert!(page.text().contains("<p class=\"amount\">¥23.00</p>"), "{}", page.text());
    let paid = sandbox.pay(&PaymentRequest::new("whole-1")).unwrap();
    assert_eq!(paid.payer_total, 2_300);
    let shown = shown_combined(&sandbox, "whole-1");
    let part = |place: usize| &shown["sub_orders"][place];
    let amounts = [0, 1, 2].map(|place| part(place)["amount"]["payer_amount"].as_i64().unwrap());
    assert_eq!(amounts, [500, 300, 1_500]);
    assert!(part(1).get("promotion_detail").is_none());
    let used = [0, 2].map(|place| part(place)["promotion_detail"][0]["coupon_id"].as_str().unwrap());
    assert!(
        used[0] != used[1] && coupons.iter().all(|coupon| used.contains(&&**coupon)),
        "{used:?} {coupons:?}"
    );
}

#[test]
fn a_refund_of_a_part_of_a_combined_order_returns_the_coupon_of_that_part() {
    let (sandbox, stock_id) = running_stock();
    let (order, [of_first, of_third]) = paid_with_two_coupons(&sandbox, &stock_id);
    let refund = refund_third_part(&sandbox, &order);
    assert_eq!(
        (&refund["amount"]["payer_refund"], &refund["amount"]["discount_refund"]),
        (&json!(1_500), &json!(500))
    );
    assert_eq!(coupon(&sandbox, &of_third)["status"], "SENDED");
    assert_eq!(coupon(&sandbox, &of_first)["status"], "USED");
}

#[test]
fn a_coupon_that_is_chosen_is_for_the_first_part_that_it_fits() {
    let (sandbox, stock_id) = running_stock();
    let (order, [used, back]) = paid_with_two_coupons(&sandbox, &stock_id);
    refund_third_part(&sandbox, &order);
    combined(&sandbox, "whole-2", [300, 1_000, 1_000]);
    let refused = sandbox.pay(&PaymentRequest::new("whole-2").coupon(&*used)).unwrap_err().to_string();
    assert!(refused.contains("does not fit"), "{refused}");
    assert_eq!(sandbox.pay(&PaymentRequest::new("whole-2").coupon(&*back)).unwrap().payer_total, 1_800);
    let shown = shown_combined(&sandbox, "whole-2");
    assert_eq!(shown["sub_orders"][1]["promotion_detail"][0]["coupon_id"], back);
}

#[test]
fn a_merchants_discount_is_divided_among_the_parts_of_a_combined_order() {
    let sandbox = crate::sandbox().start().unwrap();
    let kit = sandbox.kit();
    let part = |number: &str, total: i64| {
        json!({ "mchid": kit.mchid, "attach": "a", "out_trade_no": number, "description": "茶",
            "amount": { "total_amount": total, "currency": "CNY" } })
    };
    let body = json!({
        "combine_appid": kit.appid, "combine_mchid": kit.mchid, "combine_out_trade_no": "whole-1",
        "notify_url": "http://127.0.0.1:9/notify", "combine_payer_info": { "openid": OPENID },
        "sub_orders": [part("whole-1-1", 100), part("whole-1-2", 300)],
    });
    client(&sandbox).post("/v3/combine-transactions/jsapi", &body).success();
    for too_much in [399, 400, -1] {
        assert!(sandbox.pay(&PaymentRequest::new("whole-1").discount(too_much)).is_err(), "{too_much}");
    }
    assert_eq!(sandbox.pay(&PaymentRequest::new("whole-1").discount(40)).unwrap().payer_total, 360);
    let shown = client(&sandbox).get("/v3/combine-transactions/out-trade-no/whole-1").success();
    let amounts = [0, 1].map(|place| shown["sub_orders"][place]["promotion_detail"][0]["amount"].clone());
    assert_eq!(amounts, [json!(10), json!(30)]);
    let refund = json!({
        "out_trade_no": "whole-1-2", "out_refund_no": "refund-1",
        "amount": { "refund": 100, "total": 300, "currency": "CNY" },
    });
    let refund = client(&sandbox).post("/v3/refund/domestic/refunds", &refund).success();
    assert_eq!(
        (&refund["amount"]["payer_refund"], &refund["amount"]["discount_refund"]),
        (&json!(90), &json!(10))
    );
}

#[test]
fn an_openid_of_another_appid_gets_no_coupon() {
    let (sandbox, stock_id) = running_stock_with(|_| {});
    let person = sandbox.platform().add_person(&["wx0000000000000777".to_owned()]).unwrap();
    let kit = sandbox.kit();
    let body = json!({
        "stock_id": stock_id, "out_request_no": "send-1", "appid": kit.appid, "stock_creator_mchid": kit.mchid,
    });
    let target = |openid: &str| format!("/v3/marketing/favor/users/{openid}/coupons");
    let sent = client(&sandbox).post(&target(&person.openids["wx0000000000000777"]), &body);
    assert_eq!(sent.refusal(), (400, "INVALID_REQUEST".to_owned()));
    assert!(sent.header("Request-ID").unwrap().ends_with("-270079501"), "{:?}", sent.header("Request-ID"));
    let openid = sandbox.platform().openid(&person, &kit.appid).unwrap();
    client(&sandbox).post(&target(&openid), &body).success();
}

#[test]
fn what_was_topped_up_for_marketing_pays_one_budget_and_no_other_stocks() {
    let sandbox = crate::sandbox().start().unwrap();
    let stocks = [create_stock(&sandbox, "create-1"), create_stock(&sandbox, "create-2")];
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Marketing, 5_000).unwrap();
    assert_eq!(step(&sandbox, &stocks[0], "start")["stock_id"], *stocks[0]);
    assert_eq!(step(&sandbox, &stocks[1], "start")["message"], "激活失败：账户余额不足，请充值");
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Marketing, 5_000).unwrap();
    assert_eq!(step(&sandbox, &stocks[1], "start")["stock_id"], *stocks[1]);
}

#[test]
fn coupons_of_a_person_are_found_under_each_of_the_openids() {
    const SHOP: &str = "1900000777";
    let appids = ["wx0000000000000771".to_owned(), "wx0000000000000772".to_owned()];
    let shop = NewMerchant::new().mchid(SHOP).appid(&*appids[0]).appid(&*appids[1]);
    let sandbox = crate::sandbox().merchant(shop).start().unwrap();
    sandbox.top_up(SHOP, MerchantAccount::Basic, 5_000).unwrap();
    let client = Client::of(&sandbox, SHOP).in_time();
    let created =
        client.post("/v3/marketing/favor/coupon-stocks", &stock_request(SHOP, "create-1")).success();
    let stock_id = created["stock_id"].as_str().unwrap();
    let start = format!("/v3/marketing/favor/stocks/{stock_id}/start");
    client.post(&start, &json!({ "stock_creator_mchid": SHOP })).success();
    let person = sandbox.platform().add_person(&appids).unwrap();
    let of = |appid: &String| format!("/v3/marketing/favor/users/{}/coupons", person.openids[appid]);
    let mut sent = Vec::new();
    for (number, appid) in appids.iter().enumerate() {
        let body = json!({
            "stock_id": stock_id, "out_request_no": format!("send-{number}"), "appid": appid, "stock_creator_mchid": SHOP,
        });
        sent.push(client.post(&of(appid), &body).success()["coupon_id"].clone());
    }
    for appid in &appids {
        let listed = client.get(&format!("{}?appid={appid}&creator_mchid={SHOP}", of(appid))).success();
        let ids: Vec<_> =
            listed["data"].as_array().unwrap().iter().map(|coupon| &coupon["coupon_id"]).collect();
        assert_eq!(ids, [&sent[1], &sent[0]], "the newest first");
        for id in &sent {
            client.get(&format!("{}/{}?appid={appid}", of(appid), id.as_str().unwrap())).success();
        }
    }
    let wrong = client.get(&format!("{}?appid={}&creator_mchid={SHOP}", of(&appids[0]), appids[1]));
    assert_eq!(wrong.refusal(), (400, "INVALID_REQUEST".to_owned()));
}

#[test]
fn the_limits_of_a_stock_are_refused_as_recorded_or_as_the_documents_say() {
    let documented = Validation { documented_errors: true, ..Validation::DEFAULT };
    let recorded_of_person = (403, "RULE_LIMIT", "用户已达最大领券次数", "");
    let recorded_of_day = (403, "RULE_LIMIT", "发券超过单天限额", "");
    for (validation, of_person, of_day) in [
        (Validation::DEFAULT, recorded_of_person, recorded_of_day),
        (
            documented,
            (403, "REQUEST_BLOCKED", "用户被限领拦截", "-270079532"),
            (403, "NOT_ENOUGH", "批次预算不足", "-270079534"),
        ),
    ] {
        let sandbox = crate::sandbox().validation(validation).start().unwrap();
        sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Basic, 100_000).unwrap();
        let of_two = create_stock(&sandbox, "of-two");
        let of_a_day = create_stock_with(&sandbox, "of-a-day", |request| {
            request["stock_use_rule"]["max_amount_by_day"] = json!(500);
        });
        let of_a_day = of_a_day.success()["stock_id"].as_str().unwrap().to_owned();
        for (stock_id, sent, expected) in [(&of_two, 2, of_person), (&of_a_day, 1, of_day)] {
            step(&sandbox, stock_id, "start");
            for number in 0..sent {
                assert!(send(&sandbox, stock_id, &format!("{stock_id}-{number}"))["coupon_id"].is_string());
            }
            let kit = sandbox.kit();
            let body = json!({
                "stock_id": stock_id, "out_request_no": format!("{stock_id}-more"), "appid": kit.appid,
                "stock_creator_mchid": kit.mchid,
            });
            let path = format!("/v3/marketing/favor/users/{OPENID}/coupons");
            let refused = client(&sandbox).post(&path, &body);
            let (status, code, message, tail) = expected;
            let said = refused.json();
            assert_eq!(
                (refused.status, &said["code"], &said["message"]),
                (status, &json!(code), &json!(message))
            );
            let id = refused.header("Request-ID").unwrap();
            assert!(id.ends_with(tail), "{id}");
        }
    }
}

#[test]
fn notifications_of_coupons_are_not_switched_off() {
    let sandbox = crate::sandbox().start().unwrap();
    let mchid = sandbox.kit().mchid.clone();
    let set = |url: &str, switch: bool| {
        let body = json!({ "mchid": mchid, "notify_url": url, "switch": switch });
        client(&sandbox).post("/v3/marketing/favor/callbacks", &body)
    };
    set("https://shop.example.com/first", true).success();
    assert_eq!(set("https://shop.example.com/second", false).refusal(), (400, "PARAM_ERROR".to_owned()));
    let shown = client(&sandbox).get(&format!("/v3/marketing/favor/callbacks?mchid={mchid}")).success();
    assert_eq!(shown["notify_url"], "https://shop.example.com/first");
}

#[test]
fn a_person_gets_coupons_of_five_thousand_yuan_in_a_month_and_no_more() {
    let sandbox = crate::sandbox().start().unwrap();
    let large = |number: &str, fen: i64| {
        let created = create_stock_with(&sandbox, number, |stock| {
            stock["stock_use_rule"]["max_amount"] = json!(10 * fen);
            stock["stock_use_rule"]["max_coupons_per_user"] = json!(10);
            stock["coupon_use_rule"]["fixed_normal_coupon"] =
                json!({ "coupon_amount": fen, "transaction_minimum": fen + 1 });
            stock["no_cash"] = json!(true);
            stock["available_end_time"] = json!("2026-09-16T12:00:00+08:00");
        });
        let id = created.success()["stock_id"].as_str().unwrap().to_owned();
        assert_eq!(step(&sandbox, &id, "start")["stock_id"], *id);
        id
    };
    // It is the middle of August.
    let [first, second] = [large("create-1", 250_000), large("create-2", 1)];
    for number in ["send-1", "send-2"] {
        assert!(send(&sandbox, &first, number)["coupon_id"].is_string());
    }
    for _ in 0..2 {
        let refused = send(&sandbox, &second, "send-3");
        assert_eq!(
            (&refused["code"], &refused["message"]),
            (&json!("INVALID_REQUEST"), &json!("暂时无法领取,请联系商家处理。"))
        );
    }
    // A number that has sent before says what it has sent, and the next month is another.
    assert!(send(&sandbox, &first, "send-2")["coupon_id"].is_string());
    sandbox.run_for(20 * 24 * HOUR).unwrap();
    assert!(send(&sandbox, &second, "send-3")["coupon_id"].is_string());
}

#[test]
fn whoever_has_a_partners_appid_sends_the_stock_of_another_merchant() {
    const PARTNER: &str = "1900000555";
    const APPID: &str = "wx0000000000000555";
    let partner = NewMerchant::new().mchid(PARTNER).appid(APPID);
    let sandbox = crate::sandbox().merchant(partner).start().unwrap();
    let owner = client(&sandbox);
    let sender = Client::of(&sandbox, PARTNER);
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Operation, 10_000).unwrap();
    let stock_id = create_stock(&sandbox, "stock-1");
    let build = |client: &Client<'_>, stock_id: &str, key: &str| {
        let body = json!({
            "partner": { "type": "APPID", "appid": APPID },
            "authorized_data": { "business_type": "FAVOR_STOCK", "stock_id": stock_id },
        });
        let mut request =
            client.request("POST", "/v3/marketing/partnerships/build", body.to_string().as_bytes());
        request.set("Idempotency-Key", key);
        client.send(&request)
    };
    let code = |response: Response| response.refusal();
    assert_eq!(
        code(build(&owner, &stock_id, "k1")),
        (400, "INVALID_REQUEST".to_owned()),
        "it does not run yet"
    );
    step(&sandbox, &stock_id, "start");
    assert_eq!(code(build(&owner, "123456", "k2")), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    assert_eq!(code(build(&sender, &stock_id, "k3")), (403, "NO_AUTH".to_owned()));
    // A person under the partner's appid.
    let openid = sandbox.platform().add_person(&[APPID.to_owned()]).unwrap().openids[APPID].clone();
    let send = |number: &str| {
        let body = json!({
            "stock_id": stock_id, "out_request_no": number, "appid": APPID,
            "stock_creator_mchid": sandbox.kit().mchid,
        });
        sender.post(&format!("/v3/marketing/favor/users/{openid}/coupons"), &body)
    };
    assert_eq!(code(send("send-1")), (403, "REQUEST_BLOCKED".to_owned()));
    build(&owner, &stock_id, "k4").success();
    assert!(send("send-2").success()["coupon_id"].is_string());
}
