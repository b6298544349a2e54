//! A merchant with its own stock: the set-up of most stories.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use weipay_sandbox::Sandbox;

use crate::SHARED;
use crate::client::{Client, Response};

pub(crate) const FAMILY: &str = "/v3/marketing/busifavor";

static NUMBERS: AtomicU32 = AtomicU32::new(0);

/// A number that no other test uses.
pub(crate) fn number() -> String {
    format!("no-{}", NUMBERS.fetch_add(1, Ordering::Relaxed))
}

/// A merchant and one stock.
pub(crate) struct Merchant<'a> {
    pub(crate) client: Client<'a>,
    pub(crate) stock_id: String,
}

/// One coupon.
#[derive(Debug, Clone)]
pub(crate) struct Coupon {
    pub(crate) openid: String,
    pub(crate) code: String,
}

/// What creates a stock of a sandbox's merchant.
pub(crate) fn stock_request(sandbox: &Sandbox) -> Value {
    json!({
        "stock_name": "8月1日活动券",
        "belong_merchant": sandbox.kit().mchid,
        "goods_name": "全场通用",
        "stock_type": "NORMAL",
        "coupon_use_rule": {
            "coupon_available_time": {
                "available_begin_time": "2026-01-01T00:00:00+08:00",
                "available_end_time": "2026-12-31T23:59:59+08:00"
            },
            "fixed_normal_coupon": { "discount_amount": 88, "transaction_minimum": 100 },
            "use_method": "OFF_LINE"
        },
        "stock_send_rule": { "max_coupons": 1000, "max_coupons_per_user": 5 },
        "out_request_no": number(),
        "coupon_code_mode": "WECHATPAY_MODE"
    })
}

impl Merchant<'static> {
    /// A new stock in the shared sandbox.
    pub(crate) fn new() -> Self {
        Merchant::in_sandbox(&SHARED)
    }
}

impl<'a> Merchant<'a> {
    pub(crate) fn in_sandbox(sandbox: &'a Sandbox) -> Self {
        let client = Client::new(sandbox);
        let created = client.post(&format!("{FAMILY}/stocks"), &stock_request(sandbox)).success();
        let stock_id = created["stock_id"].as_str().unwrap().to_owned();
        Merchant { client, stock_id }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.client.post(&format!("{FAMILY}/{path}"), body)
    }

    pub(crate) fn get(&self, target: &str) -> Response {
        self.client.get(&format!("{FAMILY}/{target}"))
    }

    pub(crate) fn sending(&self, openid: &str) -> Value {
        json!({
            "openid": openid,
            "appid": self.client.sandbox.kit().appid,
            "stock_id": self.stock_id,
            "out_request_no": number(),
        })
    }

    /// A coupon of the stock for the kit's user.
    pub(crate) fn coupon(&self) -> Coupon {
        self.coupon_for(&self.client.sandbox.kit().openid)
    }

    pub(crate) fn coupon_for(&self, openid: &str) -> Coupon {
        let sent = self.post("coupons/send", &self.sending(openid)).success();
        let code = sent["send_coupon_result"]["coupon_code"].as_str().unwrap().to_owned();
        Coupon { openid: openid.to_owned(), code }
    }

    /// The body of associate and of disassociate.
    pub(crate) fn tie(&self, coupon: &Coupon, order: &str) -> Value {
        json!({
            "stock_id": self.stock_id,
            "coupon_code": coupon.code,
            "out_trade_no": order,
            "out_request_no": number(),
        })
    }

    pub(crate) fn associate(&self, coupon: &Coupon, order: &str) -> Response {
        self.post("coupons/associate", &self.tie(coupon, order))
    }

    pub(crate) fn disassociate(&self, coupon: &Coupon, order: &str) -> Response {
        self.post("coupons/disassociate", &self.tie(coupon, order))
    }

    pub(crate) fn use_coupon(&self, coupon: &Coupon) -> Response {
        self.post(
            "coupons/use",
            &json!({
                "coupon_code": coupon.code,
                "stock_id": self.stock_id,
                "appid": self.client.sandbox.kit().appid,
                "use_time": "2026-08-01T12:00:00.000+08:00",
                "use_request_no": number(),
            }),
        )
    }

    /// What the platform says of a coupon.
    pub(crate) fn look_at(&self, coupon: &Coupon) -> Value {
        let appid = &self.client.sandbox.kit().appid;
        self.get(&format!("users/{}/coupons/{}/appids/{appid}", coupon.openid, coupon.code)).success()
    }

    /// What the platform says of the stock.
    pub(crate) fn look_at_stock(&self) -> Value {
        self.get(&format!("stocks/{}", self.stock_id)).success()
    }
}
