//! Cash coupons (代金券) from the stock to the file of what was used, by the SDK: they pay parts of a combined order, and
//! come back by a refund.

use serde_json::{Value, json};
use weipay::blocking::Client;
use weipay_sandbox::{Clock, MerchantAccount, PaymentRequest, Sandbox};

const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
const HOUR: i64 = 3_600;
const NOON: i64 = 1_795_579_200;

fn post(client: &Client, path: &str, body: &Value) -> Value {
    client.chain(path).post(body).unwrap().json().unwrap()
}

fn get(client: &Client, path: &str) -> Value {
    client.chain(path).get().unwrap().json().unwrap()
}

/// A running stock of coupons of 5 yuan for tea of at least 10 yuan, and its number.
fn running_stock(client: &Client, mchid: &str) -> String {
    let created = post(
        client,
        "v3/marketing/favor/coupon-stocks",
        &json!({
            "stock_name": "茶", "belong_merchant": mchid, "no_cash": false, "stock_type": "NORMAL",
            "available_begin_time": "2026-11-25T12:00:00+08:00", "available_end_time": "2026-11-25T20:00:00+08:00",
            "stock_use_rule": {
                "max_coupons": 10, "max_amount": 5_000, "max_coupons_per_user": 2,
                "natural_person_limit": false, "prevent_api_abuse": false,
            },
            "coupon_use_rule": {
                "fixed_normal_coupon": {"coupon_amount": 500, "transaction_minimum": 1_000},
                "available_items": ["tea"],
            },
            "out_request_no": "create-1",
        }),
    );
    let stock_id = created["stock_id"].as_str().unwrap().to_owned();
    let creator = json!({"stock_creator_mchid": mchid});
    post(client, &format!("v3/marketing/favor/stocks/{stock_id}/start"), &creator);
    stock_id
}

#[test]
fn coupons_pay_parts_of_a_combined_order() {
    let sandbox = Sandbox::builder().clock(Clock::frozen(NOON).0).start().unwrap();
    let client = Client::from_kit(sandbox.kit_file()).unwrap();
    let kit = sandbox.kit();
    sandbox.top_up(&kit.mchid, MerchantAccount::Basic, 5_000).unwrap();
    let stock_id = running_stock(&client, &kit.mchid);
    for number in ["send-1", "send-2"] {
        let send = json!({
            "stock_id": stock_id, "out_request_no": number, "appid": kit.appid, "stock_creator_mchid": kit.mchid,
        });
        post(&client, &format!("v3/marketing/favor/users/{OPENID}/coupons"), &send);
    }
    let goods =
        |id: &str| json!({"goods_detail": [{"merchant_goods_id": id, "quantity": 2, "unit_price": 600}]});
    let part = |number: &str, id: &str| {
        json!({
            "mchid": kit.mchid, "attach": "a", "out_trade_no": number, "description": id, "detail": goods(id).to_string(),
            "amount": {"total_amount": 1_200, "currency": "CNY"},
        })
    };
    let combined = json!({
        "combine_appid": kit.appid, "combine_mchid": kit.mchid, "combine_out_trade_no": "whole-1",
        "notify_url": "http://127.0.0.1:9/notify", "combine_payer_info": {"openid": OPENID},
        "sub_orders": [part("whole-1-milk", "milk"), part("whole-1-tea", "tea"), part("whole-1-tea-2", "tea")],
    });
    post(&client, "v3/combine-transactions/jsapi", &combined);
    assert_eq!(sandbox.pay(&PaymentRequest::new("whole-1")).unwrap().payer_total, 2_600);
    let shown = get(&client, "v3/combine-transactions/out-trade-no/whole-1");
    let part = |place: usize| &shown["sub_orders"][place];
    assert_eq!(part(0).get("promotion_detail"), None);
    assert_eq!(part(1)["promotion_detail"][0]["goods_detail"][0]["discount_amount"], 500);
    assert_eq!(part(1)["amount"]["payer_amount"], 700);

    let refund = json!({
        "out_trade_no": "whole-1-tea-2", "out_refund_no": "refund-1",
        "amount": {"refund": 1_200, "total": 1_200, "currency": "CNY"},
    });
    let refund = post(&client, "v3/refund/domestic/refunds", &refund);
    assert_eq!(
        (&refund["amount"]["payer_refund"], &refund["promotion_detail"][0]["refund_amount"]),
        (&json!(700), &json!(500))
    );
    sandbox.run_for(23 * HOUR).unwrap();

    // What the stock did not need is there again: one coupon of 5 yuan was used for good.
    let balance = get(&client, "v3/merchant/fund/balance/BASIC");
    let fees = 3 * 7;
    assert_eq!(balance["available_amount"], 5_000 - 500 + 2 * 1_200 - (fees - 7), "{balance}");
    for (name, rows) in [("use-flow", 2), ("refund-flow", 1)] {
        let made = get(&client, &format!("v3/marketing/favor/stocks/{stock_id}/{name}"));
        let file = json!({
            "download_url": made["url"], "hash_type": made["hash_type"], "hash_value": made["hash_value"],
        });
        let bytes = client.download(&file).to_bytes().unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert_eq!(text.lines().count(), 1 + rows, "{text}");
        let begin = format!("`{stock_id},`");
        let is_of_tea = |line: &str| line.starts_with(&begin) && line.ends_with(",tea*2:6.00:5.00");
        assert!(text.lines().skip(1).all(is_of_tea), "{text}");
    }
}
