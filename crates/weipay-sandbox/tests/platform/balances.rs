//! Balances over the API: of the caller and of its sub-merchants, now and at the end of a day.

use serde_json::json;
use weipay_sandbox::{Clock, MerchantAccount, NewMerchant, Sandbox};

use crate::NOW;
use crate::client::Client;

const DAY: i64 = 86_400;

#[test]
fn a_top_up_is_in_the_balance_and_later_in_the_day_end_balance() {
    let (clock, held) = Clock::frozen(NOW);
    let sandbox = Sandbox::builder().clock(clock).start().unwrap();
    let mut client = Client::new(&sandbox);
    let mchid = sandbox.kit().mchid.clone();
    let balance = |client: &Client<'_>, account: &str| {
        client.get(&format!("/v3/merchant/fund/balance/{account}")).success()
    };
    assert_eq!(balance(&client, "OPERATION"), json!({ "available_amount": 0, "pending_amount": 0 }));
    assert_eq!(sandbox.top_up(&mchid, MerchantAccount::Operation, 500).unwrap(), 500);
    let body = json!({ "fen": 30, "account": "basic" });
    let target = format!("/merchants/{mchid}/top-up");
    let answer = sandbox.control().unwrap().call("POST", &target, Some(&body)).unwrap();
    assert_eq!(answer["balance"], 30);
    assert_eq!(balance(&client, "OPERATION")["available_amount"], 500);
    assert_eq!(balance(&client, "BASIC")["available_amount"], 30);
    let unknown = client.get("/v3/merchant/fund/balance/SAVINGS");
    assert_eq!(unknown.refusal(), (400, "INVALID_REQUEST".to_owned()));

    let day_end =
        |client: &Client<'_>| client.get("/v3/merchant/fund/dayendbalance/OPERATION?date=2026-08-15");
    assert_eq!(day_end(&client).json()["message"], "日终余额当日无数据");
    held.set(NOW + DAY);
    client.now = NOW + DAY;
    sandbox.top_up(&mchid, MerchantAccount::Operation, 1).unwrap();
    assert_eq!(day_end(&client).success()["available_amount"], 500);
    assert_eq!(balance(&client, "OPERATION")["available_amount"], 501);
}

#[test]
fn a_partner_sees_the_balances_of_its_own_sub_merchants_only() {
    let partner = NewMerchant::new().mchid("1900000777").sub_merchant("1900000888");
    let sandbox = crate::sandbox().merchant(partner).start().unwrap();
    sandbox.top_up("1900000888", MerchantAccount::Basic, 70).unwrap();
    assert!(sandbox.top_up("1900000001", MerchantAccount::Basic, 70).is_err(), "nobody acts for it");
    let client = Client::new(&sandbox);
    let refused = client.get("/v3/ecommerce/fund/balance/1900000888");
    assert_eq!(refused.refusal(), (403, "NO_AUTH".to_owned()));
    let partner = Client::of(&sandbox, "1900000777");
    assert_eq!(
        partner.get("/v3/ecommerce/fund/balance/1900000888").success(),
        json!({ "sub_mchid": "1900000888", "account_type": "BASIC", "available_amount": 70, "pending_amount": 0 })
    );
    let today = partner.get("/v3/ecommerce/fund/enddaybalance/1900000888?date=2026-08-15");
    assert_eq!(today.json()["message"], "该账户在指定时间不存在");
    let before = partner.get("/v3/ecommerce/fund/enddaybalance/1900000888?date=2026-08-14").success();
    assert_eq!(before["available_amount"], 0);
}

#[test]
fn what_came_from_a_bank_is_listed_for_the_merchant_and_its_partner() {
    let partner = NewMerchant::new().mchid("1900000777").sub_merchant("1900000888");
    let sandbox = crate::sandbox().merchant(partner).start().unwrap();
    for fen in [1, 2, 3] {
        sandbox.top_up("1900000888", MerchantAccount::Operation, fen).unwrap();
    }
    sandbox.top_up("1900000888", MerchantAccount::Basic, 9).unwrap();
    sandbox.top_up("1900000777", MerchantAccount::Operation, 7).unwrap();
    let partner = Client::of(&sandbox, "1900000777");
    let path = "/v3/merchantfund/partner/income-records";
    let page = |offset: i64| {
        let query =
            format!("sub_mchid=1900000888&account_type=OPERATION&date=2026-08-15&offset={offset}&limit=2");
        partner.get(&format!("{path}?{query}")).success()
    };
    let (first, second) = (page(0), page(2));
    let amounts = |shown: &serde_json::Value| {
        let data = shown["data"].as_array().unwrap();
        data.iter().map(|record| record["amount"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((amounts(&first), amounts(&second)), (vec![3, 2], vec![1]));
    assert_eq!((&first["total_count"], &first["data"][0]["sub_mchid"]), (&json!(3), &json!("1900000888")));
    assert!(first["links"]["next"].as_str().unwrap().ends_with("offset=2&limit=2"), "{first}");
    assert_eq!(second["links"]["next"], "");
    let own = partner
        .get("/v3/merchantfund/merchant/income-records?account_type=OPERATION&date=2026-08-15&limit=100");
    assert_eq!(amounts(&own.success()), [7]);
    let yesterday = partner
        .get("/v3/merchantfund/merchant/income-records?account_type=OPERATION&date=2026-08-14&limit=100");
    assert_eq!(yesterday.success()["total_count"], 0);
    let others = "sub_mchid=1900000999&account_type=OPERATION&date=2026-08-15&limit=2";
    assert_eq!(partner.get(&format!("{path}?{others}")).refusal(), (403, "NO_AUTH".to_owned()));
    let wrong = "sub_mchid=1900000888&account_type=OPERATION&date=2026-08-15&limit=0";
    assert_eq!(partner.get(&format!("{path}?{wrong}")).refusal(), (400, "PARAM_ERROR".to_owned()));
}
