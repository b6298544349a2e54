//! A module of the examples `actix` and `notification`, not a program. It sends a coupon (商家券), of which the sandbox
//! then notifies.

use std::error::Error;
use std::time::{Duration, SystemTime};

use weipay::Client;
use weipay::v3::marketing::busifavor::{coupons, stocks};
use weipay::wire::{Kit, random_nonce};

/// Creates a stock of coupons and sends one of them.
pub async fn send(client: &Client, kit: &Kit) -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now();
    let time = stocks::post::CouponAvailableTime::new()
        .available_begin_time(now)
        .available_end_time(now + Duration::from_secs(30 * 86_400));
    let rule = stocks::post::CouponUseRule::new()
        .coupon_available_time(time)
        .fixed_normal_coupon(
            stocks::post::FixedNormalCoupon::new().discount_amount(500).transaction_minimum(1_000),
        )
        .use_method(stocks::post::CouponUseMethod::OffLine);
    let stock = stocks::post::Request::new()
        .stock_name("满十元减五元")
        .belong_merchant(kit.mchid.as_str())
        .goods_name("全场通用")
        .stock_type(stocks::post::BusifavorStockType::Normal)
        .coupon_use_rule(rule)
        .stock_send_rule(stocks::post::StockSendRule::new().max_coupons(10).max_coupons_per_user(1))
        .coupon_code_mode(stocks::post::BusifavorCodeMode::WechatpayMode)
        .out_request_no(random_nonce());
    let stock = client.v3().marketing().busifavor().stocks().post(stock).await?.decode()?;
    let coupon = coupons::send::post::Request::new()
        .openid(kit.openid.as_str())
        .appid(kit.appid.as_str())
        .stock_id(stock.stock_id.ok_or("no stock")?)
        .out_request_no(random_nonce());
    client.v3().marketing().busifavor().coupons().send().post(coupon).await?;
    Ok(())
}
