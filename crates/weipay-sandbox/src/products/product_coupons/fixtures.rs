//! A partner, a product coupon with its stock, a bundle, and coupons for the tests of this product.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::Owner;
use super::coupon::{Channel, Coupon, Seen};
use super::notifications::{Address, NamedUser};
use super::product::{self, Numbers, Product};
use super::sending::{self, SendRequest, Situation, StockSituation, Target};
use super::stock::Stock;
use crate::merchants::Account;
use crate::products::coupon_stocks::caps::Sent;

pub(crate) const MCHID: &str = "1900000109";
pub(crate) const APPID: &str = "wx8888888888888888";
pub(crate) const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
pub(crate) static CALLER: LazyLock<Account> = LazyLock::new(|| Account {
    mchid: MCHID.to_owned(),
    appids: vec![APPID.to_owned()],
    sub_merchants: Vec::new(),
});
/// 2026-08-15T12:00:00+08:00.
pub(crate) const NOW: i64 = 1_786_766_400;

pub(crate) fn owner() -> Owner {
    Owner { mchid: MCHID.to_owned(), brand_id: "120344".to_owned() }
}

pub(crate) fn an_address() -> Address {
    let notify_url = "http://127.0.0.1:8000/notify".to_owned();
    Address { mchid: MCHID.to_owned(), notify_url, update_time: NOW, platform_serial: "01".to_owned() }
}

fn members(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { unreachable!() };
    members
}

fn period() -> Value {
    json!({
        "available_begin_time": "2026-08-01T00:00:00+08:00",
        "available_end_time": "2026-08-31T23:59:59+08:00"
    })
}

fn stock_members() -> Value {
    json!({
        "coupon_code_mode": "WECHATPAY",
        "stock_send_rule": { "max_count": 100, "max_count_per_user": 5 },
        "usage_rule_display_info": { "coupon_usage_method_list": ["OFFLINE"], "usage_description": "全天可用" },
        "coupon_display_info": { "code_display_mode": "QRCODE" },
        "notify_config": {},
        "store_scope": "NONE"
    })
}

/// What creates a product coupon of 5 yuan with a stock of 100 coupons, 5 for each user, in August 2026.
pub(crate) fn product_request() -> Map<String, Value> {
    let mut stock = stock_members();
    stock["single_usage_rule"] = json!({ "coupon_available_period": period() });
    members(json!({
        "brand_id": "120344",
        "out_request_no": "create-01",
        "scope": "ALL",
        "type": "NORMAL",
        "usage_mode": "SINGLE",
        "single_usage_info": { "normal_coupon": { "threshold": 10_000, "discount_amount": 500 } },
        "display_info": {
            "name": "满一百减五元",
            "image_url": "https://wxpaylogo.qpic.cn/wxpaylogo/1/1",
            "background_url": "https://wxpaylogo.qpic.cn/wxpaylogo/1/2"
        },
        "stock": stock
    }))
}

/// What creates a product coupon with a bundle of three coupons.
pub(crate) fn bundle_request() -> Map<String, Value> {
    let mut request = product_request();
    let mut bundle = stock_members();
    bundle["progressive_bundle_usage_rule"] = json!({
        "coupon_available_period": period(),
        "normal_coupon_list": (1..=3).map(|number| json!({ "threshold": 10_000, "discount_amount": number * 100 }))
            .collect::<Vec<_>>()
    });
    request.remove("stock");
    request.remove("single_usage_info");
    request.extend(members(json!({
        "usage_mode": "PROGRESSIVE_BUNDLE",
        "progressive_bundle_usage_info": { "count": 3, "interval_days": 0 },
        "stock_bundle": bundle
    })));
    request
}

pub(crate) fn a_product() -> Product {
    product::create(owner(), product_request(), &Numbers::fixed(1), NOW).unwrap().changed.0
}

/// The stock of [`a_product`].
pub(crate) fn a_stock() -> Stock {
    product::create(owner(), product_request(), &Numbers::fixed(1), NOW).unwrap().changed.1.remove(0).0
}

/// A product coupon of bundles, and the stocks of its first one.
pub(crate) fn a_bundle() -> (Product, Vec<Stock>) {
    let created = product::create(owner(), bundle_request(), &Numbers::fixed(3), NOW).unwrap().changed;
    (created.0, created.1.into_iter().map(|(stock, _)| stock).collect())
}

pub(crate) fn send_request() -> SendRequest {
    SendRequest {
        owner: owner(),
        product_id: a_product().id,
        target: Target::Stock(a_stock().id),
        openid: OPENID.to_owned(),
        appid: APPID.to_owned(),
        number: "send-01".to_owned(),
        coupon_code: None,
        channel: Channel::Api,
        attach: None,
        tags: None,
        by_brand: false,
    }
}

pub(crate) fn bundle_send_request() -> SendRequest {
    let (product, stocks) = a_bundle();
    let bundle = stocks[0].bundle.clone().unwrap();
    SendRequest { product_id: product.id, target: Target::Bundle(bundle.id), ..send_request() }
}

/// Nothing of these stocks was sent.
pub(crate) fn situation(stocks: &[Stock]) -> Situation {
    let of_stock = |stock: &Stock| StockSituation {
        stock: stock.clone(),
        sent: Sent::new(&stock.id),
        received_by_user: 0,
        code_is_taken: false,
        fresh_code: "1201059453000011062474".to_owned(),
        drawn_code: None,
        user: NamedUser::default(),
    };
    Situation {
        is_of_another_appid: false,
        product: Some(a_product()),
        stocks: stocks.iter().map(of_stock).collect(),
        bundle_id: "7123912547109241212489".to_owned(),
        number_is_used: false,
        address: None,
    }
}

/// The first coupon of [`a_stock`], which waits to be confirmed.
pub(crate) fn a_coupon() -> Coupon {
    let sent = sending::send(&CALLER, &send_request(), situation(&[a_stock()]), NOW);
    sent.unwrap().changed.remove(0).0.1
}

/// The coupons of [`a_bundle`], which wait to be confirmed.
pub(crate) fn a_user_bundle() -> Vec<Coupon> {
    let (product, stocks) = a_bundle();
    let situation = Situation { product: Some(product), ..situation(&stocks) };
    let sent = sending::send(&CALLER, &bundle_send_request(), situation, NOW).unwrap();
    sent.changed.into_iter().map(|((_, coupon), _)| coupon).collect()
}

/// What is shown of [`a_coupon`] beside itself.
pub(crate) fn seen() -> Seen {
    let stock = a_stock();
    let sent = Sent::new(&stock.id);
    Seen { product: a_product(), stock, sent, used_in_bundle: 0 }
}
