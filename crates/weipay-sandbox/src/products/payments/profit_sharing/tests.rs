//! Splits on a store with paid orders.

use serde_json::{Value, json};

use crate::clock::DAY;
use crate::ledger::AccountKind::{self, Available, Frozen};
use crate::ledger::Owner;
use crate::people::account::AccountState;
use crate::products::payments::refund::fixtures::{Shop, Wish};

const STORE: &str = "1900000110";

fn shop() -> (Shop, String) {
    let mut shop = Shop::new();
    let id = shop.pay(&Wish { profit_sharing: true, ..Wish::default() });
    let receiver = json!({
        "appid": "wxd678efh567hg6787", "type": "MERCHANT_ID", "account": STORE, "name": "bmFtZQ==",
        "relation_type": "STORE",
    });
    let added = shop.ask("POST", "/v3/profitsharing/receivers/add", &receiver).unwrap();
    assert_eq!(added["account"], STORE);
    shop.pass(60);
    (shop, id)
}

fn request(id: &str, number: &str, fen: i64, unfreeze: bool) -> Value {
    json!({
        "appid": "wxd678efh567hg6787", "transaction_id": id, "out_order_no": number, "unfreeze_unsplit": unfreeze,
        "receivers": [{ "type": "MERCHANT_ID", "account": STORE, "amount": fen, "description": "分给门店" }],
    })
}

fn split(
    shop: &Shop,
    id: &str,
    number: &str,
    fen: i64,
    unfreeze: bool,
) -> Result<Value, (u16, &'static str, String)> {
    let asked = shop.ask("POST", "/v3/profitsharing/orders", &request(id, number, fen, unfreeze));
    asked.map_err(|refusal| (refusal.status, refusal.code, refusal.message.into_owned()))
}

fn unsplit(shop: &Shop, id: &str) -> i64 {
    let shown =
        shop.ask("GET", &format!("/v3/profitsharing/transactions/{id}/amounts"), &Value::Null).unwrap();
    shown["unsplit_amount"].as_i64().unwrap()
}

fn store(shop: &Shop, kind: AccountKind) -> i64 {
    shop.balance(&Owner::merchant(STORE), kind)
}

#[test]
fn a_receiver_gets_its_part_and_the_merchant_the_rest() {
    let (mut shop, id) = shop();
    let made = split(&shop, &id, "s1", 200, true).unwrap();
    assert_eq!((&made["state"], &made["receivers"][0]["result"]), (&json!("PROCESSING"), &json!("PENDING")));
    assert_eq!(unsplit(&shop, &id), 794);
    assert_eq!(split(&shop, &id, "s2", 1, false).unwrap_err().2, "订单处理中，暂时无法分账，请稍后重试");
    shop.pass(10);
    let target = format!("/v3/profitsharing/orders/s1?transaction_id={id}");
    let shown = shop.ask("GET", &target, &Value::Null).unwrap();
    assert_eq!((&shown["state"], &shown["receivers"][0]["result"]), (&json!("FINISHED"), &json!("SUCCESS")));
    assert_eq!(
        (&shown["receivers"][1]["description"], &shown["receivers"][1]["amount"]),
        (&json!("解冻给分账方"), &json!(794))
    );
    assert_eq!((store(&shop, Available), shop.merchant(Available), shop.merchant(Frozen)), (200, 794, 0));
    assert_eq!(split(&shop, &id, "s1", 200, true).unwrap(), shown);
    assert_eq!(split(&shop, &id, "s1", 199, true).unwrap_err().2, "分账接收方与原请求不一致");
    assert_eq!(split(&shop, &id, "s2", 1, false).unwrap_err().2, "订单已完结分账，不支持分账");
    assert_eq!(shop.sum(), 0);
}

#[test]
fn an_order_is_shared_a_minute_after_its_payment_at_the_earliest() {
    let mut shop = Shop::new();
    let id = shop.pay(&Wish { profit_sharing: true, ..Wish::default() });
    let receiver = json!({
        "appid": "wxd678efh567hg6787", "type": "MERCHANT_ID", "account": STORE, "name": "店", "relation_type": "STORE",
    });
    shop.ask("POST", "/v3/profitsharing/receivers/add", &receiver).unwrap();
    shop.pass(59);
    let early = (400, "INVALID_REQUEST", "订单处理中，请在到达结算周期之后再请求分账".to_owned());
    assert_eq!(split(&shop, &id, "s1", 1, false).unwrap_err(), early);
    shop.pass(1);
    assert_eq!(split(&shop, &id, "s1", 1, false).unwrap()["state"], "PROCESSING");
}

#[test]
fn a_person_whose_account_takes_nothing_gets_no_part_and_the_money_stays() {
    let (mut shop, id) = shop();
    let person = crate::products::testing::world::openid(7);
    let receiver = json!({
        "appid": "wxd678efh567hg6787", "type": "PERSONAL_OPENID", "account": person, "relation_type": "USER",
    });
    shop.ask("POST", "/v3/profitsharing/receivers/add", &receiver).unwrap();
    for (number, state, reason) in [
        ("s1", AccountState::Frozen, json!("ACCOUNT_ABNORMAL")),
        ("s2", AccountState::Cancelled, json!("ACCOUNT_ABNORMAL")),
        ("s3", AccountState::Unverified, json!("RECEIVER_REAL_NAME_NOT_VERIFIED")),
        ("s4", AccountState::Normal, Value::Null),
    ] {
        shop.store().transaction(|tx| state.keep(tx, &person)).unwrap();
        let mut body = request(&id, number, 100, false);
        body["receivers"][0]["type"] = json!("PERSONAL_OPENID");
        body["receivers"][0]["account"] = json!(person);
        shop.ask("POST", "/v3/profitsharing/orders", &body).unwrap();
        shop.pass(10);
        let target = format!("/v3/profitsharing/orders/{number}?transaction_id={id}");
        let shown = shop.ask("GET", &target, &Value::Null).unwrap();
        assert_eq!(shown["receivers"][0]["fail_reason"], reason, "{shown}");
    }
    assert_eq!(shop.balance(&Owner::person(person), AccountKind::Wallet), 100);
    assert_eq!((unsplit(&shop, &id), shop.sum()), (894, 0));
}

#[test]
fn what_may_not_be_shared_is_refused() {
    let (mut shop, id) = shop();
    let error = |code: &'static str, message: &str, status| (status, code, message.to_owned());
    assert_eq!(
        split(&shop, &id, "s1", 301, false).unwrap_err(),
        error(
            "INVALID_REQUEST",
            "分账金额超出最大分账比例，最大可分账金额需等比例扣除退款与补差回退等逆向交易金额",
            400
        )
    );
    assert_eq!(split(&shop, &id, "s1", 995, false).unwrap_err(), error("NOT_ENOUGH", "分账金额不足", 403));
    let plain = shop.pay(&Wish { number: "order-2", ..Wish::default() });
    shop.pass(60);
    assert_eq!(
        split(&shop, &plain, "s1", 1, false).unwrap_err(),
        error("INVALID_REQUEST", "非分账订单不支持分账", 400)
    );
    let receiver = json!({ "appid": "wx", "type": "MERCHANT_ID", "account": STORE });
    shop.ask("POST", "/v3/profitsharing/receivers/delete", &receiver).unwrap();
    assert_eq!(split(&shop, &id, "s1", 1, false).unwrap_err().2, "分账接收方关系不存在");
    shop.pass(31 * DAY);
    let unfreeze = json!({ "transaction_id": id, "out_order_no": "u1", "description": "解冻" });
    assert_eq!(
        shop.ask("POST", "/v3/profitsharing/orders/unfreeze", &unfreeze).unwrap_err().message,
        "分账金额为0"
    );
}

#[test]
fn a_part_can_be_returned_once_and_is_available_then() {
    let (mut shop, id) = shop();
    split(&shop, &id, "s1", 200, false).unwrap();
    shop.pass(10);
    let give_back = |shop: &Shop, number: &str, fen: i64| {
        let body = json!({
            "out_order_no": "s1", "out_return_no": number, "return_mchid": STORE, "amount": fen,
            "description": "退",
        });
        shop.ask("POST", "/v3/profitsharing/return-orders", &body)
    };
    assert_eq!(give_back(&shop, "b1", 150).unwrap()["result"], "SUCCESS");
    assert_eq!(give_back(&shop, "b1", 150).unwrap()["result"], "SUCCESS");
    assert_eq!(give_back(&shop, "b2", 51).unwrap_err().message, "剩余可回退的金额不足");
    assert_eq!((store(&shop, Available), shop.merchant(Available), unsplit(&shop, &id)), (50, 150, 794));
    let target = "/v3/profitsharing/return-orders/b1?out_order_no=s1";
    assert_eq!(shop.ask("GET", target, &Value::Null).unwrap()["amount"], 150);
}

#[test]
fn a_refund_of_an_order_that_was_shared_waits_for_the_rest_to_be_unfrozen() {
    let (mut shop, id) = shop();
    split(&shop, &id, "s1", 200, false).unwrap();
    shop.pass(10);
    assert_eq!(shop.refund("order-1", "r1", 900, 1_000).unwrap_err().code, "NOT_ENOUGH");
    shop.refund("order-1", "r2", 500, 1_000).unwrap();
    assert_eq!(unsplit(&shop, &id), 297);
    let unfreeze = json!({ "transaction_id": id, "out_order_no": "u1", "description": "解冻" });
    shop.ask("POST", "/v3/profitsharing/orders/unfreeze", &unfreeze).unwrap();
    shop.pass(60);
    assert_eq!((shop.merchant(Frozen), shop.merchant(Available), shop.sum()), (0, 297, 0));
    shop.refund("order-1", "r3", 200, 1_000).unwrap();
}

#[test]
fn a_partner_names_the_sub_merchant_whose_order_it_shares() {
    const SUB: &str = "1900000120";
    let mut shop = Shop::new();
    shop.caller.sub_merchants = vec![SUB.to_owned()];
    let id = shop.pay(&Wish { sub_mchid: Some(SUB), profit_sharing: true, ..Wish::default() });
    let own = shop.pay(&Wish { number: "order-2", profit_sharing: true, ..Wish::default() });
    let receiver = json!({
        "sub_mchid": SUB, "appid": "wxd678efh567hg6787", "type": "MERCHANT_ID", "account": STORE,
        "name": "bmFtZQ==", "relation_type": "STORE",
    });
    shop.ask("POST", "/v3/profitsharing/receivers/add", &receiver).unwrap();
    shop.pass(60);
    let said = |asked: Result<Value, crate::response::Refusal>| {
        let refusal = asked.unwrap_err();
        (refusal.status, refusal.code, refusal.message.into_owned())
    };
    let missing = || (400, "PARAM_ERROR", "受理机构必须传入sub_mch_id".to_owned());
    let other = || (400, "INVALID_REQUEST", "商户号或子商户号与订单号不匹配".to_owned());
    assert_eq!(split(&shop, &id, "s1", 200, false).unwrap_err(), missing());
    let mut body = request(&id, "s1", 200, false);
    body["sub_mchid"] = json!(STORE);
    assert_eq!(said(shop.ask("POST", "/v3/profitsharing/orders", &body)), other());
    let mut of_own = request(&own, "s1", 200, false);
    of_own["sub_mchid"] = json!(SUB);
    assert_eq!(said(shop.ask("POST", "/v3/profitsharing/orders", &of_own)), other());
    body["sub_mchid"] = json!(SUB);
    shop.ask("POST", "/v3/profitsharing/orders", &body).unwrap();
    shop.pass(10);
    let unfreeze = json!({ "transaction_id": id, "out_order_no": "u1", "description": "解冻" });
    assert_eq!(said(shop.ask("POST", "/v3/profitsharing/orders/unfreeze", &unfreeze)), missing());
    let target = format!("/v3/profitsharing/orders/s1?transaction_id={id}");
    assert_eq!(said(shop.ask("GET", &target, &Value::Null)), missing());
    shop.ask("GET", &format!("{target}&sub_mchid={SUB}"), &Value::Null).unwrap();

    let mut back = json!({
        "out_order_no": "s1", "out_return_no": "b1", "return_mchid": STORE, "amount": 100, "description": "退",
    });
    assert_eq!(said(shop.ask("POST", "/v3/profitsharing/return-orders", &back)), missing());
    back["sub_mchid"] = json!(SUB);
    shop.ask("POST", "/v3/profitsharing/return-orders", &back).unwrap();
    let target = "/v3/profitsharing/return-orders/b1?out_order_no=s1";
    assert_eq!(said(shop.ask("GET", target, &Value::Null)), missing());
    shop.ask("GET", &format!("{target}&sub_mchid={SUB}"), &Value::Null).unwrap();
}

#[test]
fn after_fifty_splits_the_rest_can_still_be_unfrozen() {
    let (mut shop, id) = shop();
    for number in 0..50 {
        split(&shop, &id, &format!("s{number}"), 1, false).unwrap();
        shop.pass(10);
    }
    assert_eq!(split(&shop, &id, "s50", 1, false).unwrap_err().2, "订单分账次数超过限制");
    let unfreeze = json!({ "transaction_id": id, "out_order_no": "u1", "description": "解冻" });
    shop.ask("POST", "/v3/profitsharing/orders/unfreeze", &unfreeze).unwrap();
    shop.pass(10);
    assert_eq!((unsplit(&shop, &id), shop.merchant(Frozen), shop.merchant(Available)), (0, 0, 944));
}

#[test]
fn what_an_openid_got_before_it_became_a_persons_counts_for_the_person() {
    const LIMIT: i64 = 20_000_000;
    let openids = [crate::products::testing::world::openid(7), crate::products::testing::world::openid(8)];
    let counted = |shop: &Shop, openid: &str, fen: i64| {
        shop.act(|tx| super::OF_A_PERSON.count(tx, openid, fen, shop.now)).unwrap()
    };
    let shop = Shop::new();
    assert!(counted(&shop, &openids[0], LIMIT - 1) && counted(&shop, &openids[1], 1));
    let person = crate::people::Person {
        unionid: "oWeipayUnion0000000000000000".to_owned(),
        openids: [("wx1".to_owned(), openids[0].clone()), ("wx2".to_owned(), openids[1].clone())].into(),
    };
    shop.act(|tx| tx.save(&person)).unwrap();
    for openid in &openids {
        assert!(!counted(&shop, openid, 1), "the person has all of the month");
    }
}

#[test]
fn a_person_gets_two_hundred_thousand_yuan_in_a_month_and_no_more() {
    const LIMIT: i64 = 20_000_000;
    let mut shop = Shop::new();
    let id = shop.pay(&Wish { total: 10 * LIMIT, profit_sharing: true, ..Wish::default() });
    let person = crate::products::testing::world::openid(7);
    let receiver = json!({
        "appid": "wxd678efh567hg6787", "type": "PERSONAL_OPENID", "account": person, "relation_type": "USER",
    });
    shop.ask("POST", "/v3/profitsharing/receivers/add", &receiver).unwrap();
    shop.pass(60);
    // It is the middle of January.
    for (number, fen, days, reason) in [
        ("s1", LIMIT - 1, 0, Value::Null),
        ("s2", 2, 1, json!("RECEIVER_RECEIPT_LIMIT")),
        ("s3", 1, 0, Value::Null),
        ("s4", 1, 0, json!("RECEIVER_RECEIPT_LIMIT")),
        ("s5", LIMIT, 20, Value::Null),
    ] {
        shop.pass(days * DAY);
        let mut body = request(&id, number, fen, false);
        body["receivers"][0]["type"] = json!("PERSONAL_OPENID");
        body["receivers"][0]["account"] = json!(person);
        shop.ask("POST", "/v3/profitsharing/orders", &body).unwrap();
        shop.pass(10);
        let target = format!("/v3/profitsharing/orders/{number}?transaction_id={id}");
        let shown = shop.ask("GET", &target, &Value::Null).unwrap();
        assert_eq!(shown["receivers"][0]["fail_reason"], reason, "{shown}");
    }
    assert_eq!(shop.balance(&Owner::person(person), AccountKind::Wallet), 2 * LIMIT);
    assert_eq!((unsplit(&shop, &id), shop.sum()), (8 * LIMIT - 6, 0));
}
