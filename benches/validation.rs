//! Requests checked against the catalogue: route, path, query and body, without a signature and without state.

use serde_json::{Value, json};
use weipay_benches::median;

use crate::coupons;
use crate::server::own_cpu;

/// How often each request is checked in a round.
const CHECKS: u32 = 10_000;

/// Prints how long a request takes to be checked, and how many one core checks in a second.
pub(crate) fn measure(rounds: usize) {
    let association =
        &coupons::associations(&json!("1"), &[json!({"send_coupon_result": {"coupon_code": "1"}})])[0];
    let requests = [
        (
            "a coupon that is associated",
            "POST",
            "/v3/marketing/busifavor/coupons/associate",
            association.clone(),
        ),
        ("an order with its goods", "POST", "/v3/pay/transactions/jsapi", order()),
        ("a stock of coupons", "POST", "/v3/marketing/busifavor/stocks", coupons::stock("1900000109", 100)),
        (
            "a query of an order",
            "GET",
            "/v3/pay/transactions/out-trade-no/paid-1?mchid=1900000109",
            Value::Null,
        ),
    ];
    for (what, method, target, body) in requests {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut costs = vec![];
        for _ in 0..rounds {
            let start = own_cpu();
            for _ in 0..CHECKS {
                weipay_sandbox::check_against_catalogue(method, target, body.as_bytes())
                    .expect("a request in order");
            }
            costs.push((own_cpu() - start) / f64::from(CHECKS));
        }
        let cost = median(costs);
        println!(
            "validation of {what} ({} bytes): {cost:.1} µs, {:.0} a second on one core",
            body.len(),
            1e6 / cost
        );
    }
}

fn order() -> Value {
    json!({
        "appid": "wxd678efh567hg6787", "mchid": "1900000109", "description": "一杯咖啡", "out_trade_no": "order-1",
        "notify_url": "https://shop.example/notify", "amount": {"total": 1_000, "currency": "CNY"},
        "payer": {"openid": format!("o{:027}", 1)},
        "detail": {"cost_price": 1_000, "goods_detail": [
            {"merchant_goods_id": "1", "goods_name": "咖啡", "quantity": 1, "unit_price": 600},
            {"merchant_goods_id": "2", "goods_name": "蛋糕", "quantity": 2, "unit_price": 200}
        ]},
        "scene_info": {"payer_client_ip": "14.23.150.211", "store_info": {"id": "1", "name": "门店", "area_code": "440305"}}
    })
}
