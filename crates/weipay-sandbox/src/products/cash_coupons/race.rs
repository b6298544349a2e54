//! A coupon is used in two orders at the same time: it lowers one of them.

use serde_json::json;

use crate::clock::{self, Clock, DAY};
use crate::ledger::{AccountKind, Owner};
use crate::products::payments::person::PaymentRequest;
use crate::products::testing::world::{NOW, Sale, World, openid};
use crate::products::testing::world::{RACES, at_once};
use crate::sandbox::Sandbox;

const BASE: &str = "/v3/marketing/favor";

#[test]
fn a_coupon_that_is_used_in_two_orders_at_once_lowers_one_of_them() {
    let sandbox = Sandbox::builder().clock(Clock::frozen(NOW).0).start().unwrap();
    let merchants = &sandbox.platform().merchants;
    let caller = merchants.find(&sandbox.kit().mchid).unwrap().account.clone();
    let (mchid, mut world) = (caller.mchid.clone(), World::with_merchants(merchants));
    world.move_by_bank(&Owner::merchant(mchid.as_str()), AccountKind::Available, 100 * RACES as i64);
    let callback = json!({ "mchid": mchid, "notify_url": "https://example.com/coupons" });
    world.ask(&caller, "POST", &format!("{BASE}/callbacks"), &callback).unwrap();
    let body = json!({
        "stock_name": "开业代金券", "belong_merchant": mchid, "available_begin_time": clock::rfc3339(NOW),
        "available_end_time": clock::rfc3339(NOW + 30 * DAY),
        "stock_use_rule": {
            "max_coupons": RACES, "max_amount": 100 * RACES, "max_coupons_per_user": 1,
            "natural_person_limit": false, "prevent_api_abuse": false,
        },
        "coupon_use_rule": {
            "coupon_available_time": {},
            "fixed_normal_coupon": { "coupon_amount": 100, "transaction_minimum": 200 },
        },
        "no_cash": false, "stock_type": "NORMAL", "out_request_no": "create-1",
    });
    let made = world.ask(&caller, "POST", &format!("{BASE}/coupon-stocks"), &body).unwrap();
    let stock = made["stock_id"].as_str().unwrap();
    let start = json!({ "stock_creator_mchid": mchid });
    world.ask(&caller, "POST", &format!("{BASE}/stocks/{stock}/start"), &start).unwrap();
    world.pass(1, false);
    let mut used = Vec::new();
    for round in 0..RACES {
        let body = json!({
            "stock_id": stock, "out_request_no": format!("send-{round}"), "appid": caller.appids[0],
            "stock_creator_mchid": mchid,
        });
        let target = format!("{BASE}/users/{}/coupons", openid(round));
        let sent = world.ask(&caller, "POST", &target, &body).unwrap();
        used.push(sent["coupon_id"].as_str().unwrap().to_owned());
        let numbers = ["a", "b"].map(|name| format!("order-{name}{round}"));
        for number in &numbers {
            let sale = Sale { sub_mchid: None, number, fen: 1_000, is_shared: false, person: round };
            world.make_order(&caller, &sale).unwrap();
        }
        let is_lowered = |number: &str| {
            let pays = PaymentRequest::new(number).by_person(openid(round));
            match world.pay(&mchid, number, &pays).unwrap().payer_total {
                900 => true,
                total => {
                    assert_eq!(total, 1_000);
                    false
                }
            }
        };
        let [first, second] = at_once([&|| is_lowered(&numbers[0]), &|| is_lowered(&numbers[1])], round);
        assert_ne!(first, second, "{round}");
    }
    assert_eq!(world.sum(), 0);
    let told = world.notified(&["coupon_id"]).into_iter();
    let told: Vec<_> = told.filter(|(event, _)| event == "COUPON.USE").map(|told| told.1).collect();
    used.sort_unstable();
    assert_eq!(told, used);
}
