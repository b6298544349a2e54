//! A coupon is used for two orders while its user throws it away: exactly one of these happens to it.

use serde_json::{Value, json};

use super::coupon::{CouponEnd, find};
use super::{control, fixtures};
use crate::products::testing::world::{APPID, World, merchant, openid};
use crate::products::testing::world::{RACES, at_once};

const BELOW: &str = "/v3/marketing/partner/product-coupon";

#[test]
fn a_coupon_that_is_used_twice_and_thrown_away_at_once_has_one_outcome() {
    let (mut world, caller) = (World::new(), merchant(fixtures::MCHID, &[]));
    world.now = fixtures::NOW;
    let mut request = Value::Object(fixtures::product_request());
    request["stock"]["stock_send_rule"] = json!({ "max_count": RACES, "max_count_per_user": 1 });
    let made = world.ask(&caller, "POST", &format!("{BELOW}/product-coupons"), &request).unwrap();
    let (product, stock) = (&made["product_coupon_id"], made["stock"]["stock_id"].as_str().unwrap());
    let named = |number: String| {
        json!({
            "brand_id": fixtures::owner().brand_id, "product_coupon_id": product, "stock_id": stock, "appid": APPID,
            "out_request_no": number,
        })
    };
    for round in 0..RACES {
        let coupons = format!("{BELOW}/users/{}/coupons", openid(round));
        let mut body = named(String::new());
        body["send_request_no"] = json!(format!("send-{round}"));
        body.as_object_mut().unwrap().remove("out_request_no");
        let sent = world.ask(&caller, "POST", &coupons, &body).unwrap();
        let code = sent["coupon_code"].as_str().unwrap();
        let confirm = named(format!("confirm-{round}"));
        world.ask(&caller, "POST", &format!("{coupons}/{code}/confirm"), &confirm).unwrap();
        let is_used_for = |order: &str| {
            let mut body = named(format!("use-{order}{round}"));
            body["use_time"] = json!("2026-08-15T12:00:00+08:00");
            body["associated_order_info"] = json!({ "out_trade_no": order });
            world.ask(&caller, "POST", &format!("{coupons}/{code}/use"), &body).is_ok()
        };
        let throw_away = || world.act(|tx| control::take_out(tx, stock, code, world.now)).unwrap();
        let done = at_once([&|| is_used_for("a"), &|| is_used_for("b"), &throw_away], round);
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "{round}");
        let coupon = world.act(|tx| find(tx, stock, code)).unwrap().unwrap();
        let order = coupon.rounds[0].used.as_ref();
        let order = order.map(|used| used.details["associated_order_info"]["out_trade_no"].clone());
        let is_deleted = matches!(coupon.ended, Some(CouponEnd::Deleted(_)));
        let expected = match done {
            [true, ..] => (Some(json!("a")), false),
            [_, true, _] => (Some(json!("b")), false),
            _ => (None, true),
        };
        assert_eq!((order, is_deleted), expected, "{round}");
    }
}
