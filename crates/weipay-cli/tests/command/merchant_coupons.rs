//! A stock of merchant coupons (商家券), as several tests need one.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use weipay::model::Time;

/// The request for a stock whose coupons can be used from now until tomorrow.
pub fn stock(kit: &Value, out_request_no: &str, [max_coupons, max_coupons_per_user]: [usize; 2]) -> Value {
    let now = SystemTime::now();
    let [begin, end] = [now, now + Duration::from_secs(86_400)].map(|time| Time::from(time).to_string());
    json!({
        "stock_name": "满十元减五元", "belong_merchant": kit["mchid"], "goods_name": "全场通用", "stock_type": "NORMAL",
        "coupon_use_rule": {
            "coupon_available_time": { "available_begin_time": begin, "available_end_time": end },
            "fixed_normal_coupon": { "discount_amount": 500, "transaction_minimum": 1000 },
            "use_method": "OFF_LINE"
        },
        "stock_send_rule": { "max_coupons": max_coupons, "max_coupons_per_user": max_coupons_per_user },
        "coupon_code_mode": "WECHATPAY_MODE", "out_request_no": out_request_no
    })
}
