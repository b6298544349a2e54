//! A merchant with a stock on a sandbox, and coupons that are tied to orders, for tests of the six styles.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use weipay::blocking;
use weipay::v3::marketing::busifavor::coupons::{associate, send};
use weipay::v3::marketing::busifavor::stocks::post::{
    BusifavorCodeMode, BusifavorStockType, CouponAvailableTime, CouponUseMethod, CouponUseRule,
    FixedNormalCoupon, Request, StockSendRule,
};
use weipay::wire::Kit;
use weipay_sandbox::Sandbox;

/// One platform for the whole binary: each test has its own coupons on it.
pub static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::start().unwrap());

pub fn kit() -> Value {
    serde_json::from_slice(&std::fs::read(SANDBOX.kit_file()).unwrap()).unwrap()
}

pub fn client() -> blocking::Client {
    blocking::Client::from_kit(SANDBOX.kit_file()).unwrap()
}

/// A coupon that is tied to an order.
pub struct Coupon {
    pub stock_id: String,
    pub code: String,
    pub order: String,
}

impl Coupon {
    pub fn tied() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let stock_id = stock();
        let coupons = || client().v3().marketing().busifavor().coupons();
        let code = send(&client(), SANDBOX.kit(), &stock_id, number);
        let order = format!("order-{number}");
        let request = associate::post::Request::new()
            .stock_id(stock_id.as_str())
            .coupon_code(code.as_str())
            .out_trade_no(order.as_str())
            .out_request_no(format!("associate-{number}"));
        coupons().associate().post(request).unwrap();
        Self { stock_id, code, order }
    }
}

fn stock() -> String {
    static STOCK: Mutex<Option<String>> = Mutex::new(None);
    STOCK.lock().unwrap().get_or_insert_with(|| create(&client(), SANDBOX.kit())).clone()
}

/// Sends a coupon of a stock to a user, and gives its code.
pub fn send(client: &blocking::Client, kit: &Kit, stock_id: &str, number: usize) -> String {
    let request = send::post::Request::new()
        .openid(format!("o{number:027}"))
        .appid(kit.appid.as_str())
        .stock_id(stock_id)
        .out_request_no(format!("send-{number}"));
    let sent = client.v3().marketing().busifavor().coupons().send().post(request).unwrap().decode().unwrap();
    sent.send_coupon_result.unwrap().coupon_code.unwrap()
}

/// Creates a stock.
pub fn create(client: &blocking::Client, kit: &Kit) -> String {
    let now = SystemTime::now();
    let time = CouponAvailableTime::new()
        .available_begin_time(now)
        .available_end_time(now + Duration::from_secs(30 * 86_400));
    let rule = CouponUseRule::new()
        .coupon_available_time(time)
        .fixed_normal_coupon(FixedNormalCoupon::new().discount_amount(500).transaction_minimum(1_000))
        .use_method(CouponUseMethod::OffLine);
    let request = Request::new()
        .stock_name("满十元减五元")
        .belong_merchant(kit.mchid.as_str())
        .goods_name("全场通用")
        .stock_type(BusifavorStockType::Normal)
        .coupon_use_rule(rule)
        .stock_send_rule(StockSendRule::new().max_coupons(1_000).max_coupons_per_user(10))
        .coupon_code_mode(BusifavorCodeMode::WechatpayMode)
        .out_request_no("calls-stock");
    let response = client.v3().marketing().busifavor().stocks().post(request).unwrap().decode().unwrap();
    response.stock_id.unwrap()
}
