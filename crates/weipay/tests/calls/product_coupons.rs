//! A partner of a brand on a sandbox, with the typed operations of product coupons (商品券).

use std::time::{Duration, SystemTime};

use weipay::v3::marketing::partner::product_coupon::product_coupons::post as create;
use weipay::v3::marketing::partner::product_coupon::users::openid::coupons::coupon_code::{
    confirm, return_, use_,
};
use weipay::v3::marketing::partner::product_coupon::users::openid::coupons::post as send;

use crate::shared_sandbox::{SANDBOX, client};

const BRAND: &str = "120344";

fn creation() -> create::Request {
    let now = SystemTime::now();
    let period = create::ProductCouponAvailablePeriod::new()
        .available_begin_time(now - Duration::from_secs(60))
        .available_end_time(now + Duration::from_secs(30 * 86_400));
    let stock = create::Stock::new()
        .coupon_code_mode(create::CouponCodeMode::Wechatpay)
        .stock_send_rule(create::ProductCouponStockSendRule::new().max_count(100).max_count_per_user(5))
        .single_usage_rule(create::ProductCouponStockSingleUsageRule::new().coupon_available_period(period))
        .usage_rule_display_info(
            create::ProductCouponUsageDisplayInfo::new()
                .coupon_usage_method_list([create::CouponUsageMethod::Offline])
                .usage_description("全天可用"),
        )
        .coupon_display_info(
            create::CouponDisplayInfo::new().code_display_mode(create::ProductCouponCodeDisplayMode::Qrcode),
        )
        .notify_config(create::ProductCouponNotifyConfig::new())
        .store_scope(create::StoreScope::None);
    let discount = create::PartnerNormalCoupon::new().threshold(10_000).discount_amount(500);
    create::Request::new()
        .brand_id(BRAND)
        .out_request_no("calls-product-coupon")
        .scope(create::ProductCouponScope::All)
        .type_(create::ProductCouponType::Normal)
        .usage_mode(create::ProductCouponUsageMode::Single)
        .single_usage_info(create::PartnerSingleUsageInfo::new().normal_coupon(discount))
        .display_info(
            create::ProductCouponProductInfo::new()
                .name("满一百减五元")
                .image_url("https://wxpaylogo.qpic.cn/1")
                .background_url("https://wxpaylogo.qpic.cn/2"),
        )
        .stock(stock)
}

#[test]
fn a_product_coupon_is_created_sent_confirmed_used_and_returned() {
    let client = client();
    let kit = SANDBOX.kit();
    let products = client.v3().marketing().partner().product_coupon().product_coupons();
    let created = products.post(creation()).unwrap().decode().unwrap();
    let (product_id, stock_id) =
        (created.product_coupon_id.unwrap(), created.stock.unwrap().stock_id.unwrap());
    let coupons =
        || client.v3().marketing().partner().product_coupon().users().openid(kit.openid.as_str()).coupons();
    let request = send::Request::new()
        .brand_id(BRAND)
        .product_coupon_id(product_id.as_str())
        .stock_id(stock_id.as_str())
        .appid(kit.appid.as_str())
        .send_request_no("calls-send-1");
    let sent = coupons().post(request).unwrap().decode().unwrap();
    assert_eq!(sent.coupon_state.unwrap().as_str(), "CONFIRMING");
    let code = sent.coupon_code.unwrap();

    let request = confirm::post::Request::new()
        .brand_id(BRAND)
        .product_coupon_id(product_id.as_str())
        .stock_id(stock_id.as_str())
        .appid(kit.appid.as_str())
        .out_request_no("calls-confirm-1");
    let confirmed = coupons().coupon_code(code.as_str()).confirm().post(request).unwrap().decode().unwrap();
    assert_eq!(confirmed.coupon_state.unwrap().as_str(), "EFFECTIVE");

    let request = use_::post::Request::new()
        .brand_id(BRAND)
        .product_coupon_id(product_id.as_str())
        .stock_id(stock_id.as_str())
        .appid(kit.appid.as_str())
        .use_time(SystemTime::now())
        .associated_order_info(use_::post::AssociatedOrderInfo::new().out_trade_no("order-1"))
        .out_request_no("calls-use-1");
    let used = coupons().coupon_code(code.as_str()).use_().post(request).unwrap().decode().unwrap();
    assert_eq!(used.coupon_state.unwrap().as_str(), "USED");
    assert_eq!(used.single_usage_detail.unwrap().use_request_no.as_deref(), Some("calls-use-1"));

    let request = return_::post::Request::new()
        .brand_id(BRAND)
        .product_coupon_id(product_id.as_str())
        .stock_id(stock_id.as_str())
        .appid(kit.appid.as_str())
        .out_request_no("calls-return-1");
    let returned = coupons().coupon_code(code.as_str()).return_().post(request).unwrap().decode().unwrap();
    assert_eq!(returned.coupon_state.unwrap().as_str(), "EFFECTIVE");
}
