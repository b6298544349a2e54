//! What the merchant does, with the blocking client and typed operations.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use weipay::v3::marketing::busifavor::coupons::{associate, disassociate, send};
use weipay::v3::marketing::busifavor::stocks;
use weipay::v3::marketing::busifavor::stocks::post::{
    BusifavorCodeMode, BusifavorStockType, CouponAvailableTime, CouponUseMethod, CouponUseRule,
    FixedNormalCoupon, StockSendRule,
};
use weipay::{Client, blocking};
use weipay_sandbox::Sandbox;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(super) struct Story {
    pub(super) client: Client,
    pub(super) blocking: blocking::Client,
    pub(super) mchid: String,
    pub(super) appid: String,
    openid: String,
    /// Makes the numbers of this run different from those of earlier ones in the same data folder.
    pub(super) run: String,
    /// When the story begins, by the clock of the sandbox.
    now: SystemTime,
}

/// A coupon that is associated with an order.
pub(super) struct Coupon {
    stock_id: String,
    code: String,
    order: String,
    run: String,
}

/// The arguments of the program in the README: stock, coupon, order, and the number of the request.
impl fmt::Display for Coupon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stock_id, code, order, .. } = self;
        write!(f, "{stock_id} {code} {order} disassociate-{order}")
    }
}

impl Coupon {
    /// The request that disassociates it, typed.
    pub(super) fn typed(&self) -> disassociate::post::Request {
        disassociate::post::Request::new()
            .stock_id(self.stock_id.as_str())
            .coupon_code(self.code.as_str())
            .out_trade_no(self.order.as_str())
            .out_request_no(format!("disassociate-{}", self.order))
    }

    /// The same request as plain JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::json!({
            "stock_id": self.stock_id,
            "coupon_code": self.code,
            "out_trade_no": self.order,
            "out_request_no": format!("disassociate-{}", self.order),
        })
    }
}

impl Story {
    pub(super) fn begin(sandbox: &Sandbox) -> Result<Self> {
        let kit = sandbox.kit();
        let run = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_micros().to_string();
        // Its clock may have been moved before.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(sandbox.clock().now())?);
        Ok(Self {
            now,
            client: Client::from_kit(sandbox.kit_file())?,
            blocking: blocking::Client::from_kit(sandbox.kit_file())?,
            mchid: kit.mchid.clone(),
            appid: kit.appid.clone(),
            openid: kit.openid.clone(),
            run,
        })
    }

    /// 创建商家券: five yuan off from ten yuan, for a month.
    pub(super) fn create_stock(&self) -> Result<String> {
        let now = self.now;
        let month = Duration::from_secs(30 * 86_400);
        let time = CouponAvailableTime::new().available_begin_time(now).available_end_time(now + month);
        let discount = FixedNormalCoupon::new().discount_amount(500).transaction_minimum(1_000);
        let request = stocks::post::Request::new()
            .stock_name("满十元减五元")
            .belong_merchant(self.mchid.as_str())
            .goods_name("全场通用")
            .stock_type(BusifavorStockType::Normal)
            .coupon_use_rule(
                CouponUseRule::new()
                    .coupon_available_time(time)
                    .fixed_normal_coupon(discount)
                    .use_method(CouponUseMethod::OffLine),
            )
            .stock_send_rule(StockSendRule::new().max_coupons(100).max_coupons_per_user(100))
            .coupon_code_mode(BusifavorCodeMode::WechatpayMode)
            .out_request_no(format!("stock-{}", self.run));
        let response = self.blocking.v3().marketing().busifavor().stocks().post(request)?.decode()?;
        Ok(response.stock_id.ok_or("the response has no stock_id")?)
    }

    /// 向用户发券, then 关联订单信息, for each coupon.
    pub(super) fn send_and_associate(&self, stock_id: &str, count: usize) -> Result<Vec<Coupon>> {
        (1..=count).map(|number| self.associated(stock_id, number)).collect()
    }

    /// One coupon, sent and associated with an order. The number distinguishes it from the others of this run.
    pub(super) fn associated(&self, stock_id: &str, number: usize) -> Result<Coupon> {
        let coupons = || self.blocking.v3().marketing().busifavor().coupons();
        let order = format!("order-{}-{number}", self.run);
        let request = send::post::Request::new()
            .openid(self.openid.as_str())
            .appid(self.appid.as_str())
            .stock_id(stock_id)
            .out_request_no(format!("send-{order}"));
        let sent = coupons().send().post(request)?.decode()?;
        // Official SDKs nest the result, but official pages show it flat: read both.
        let code = sent.send_coupon_result.and_then(|result| result.coupon_code).or(sent.coupon_code);
        let code = code.ok_or("the response has no coupon_code")?;
        let request = associate::post::Request::new()
            .stock_id(stock_id)
            .coupon_code(code.as_str())
            .out_trade_no(order.as_str())
            .out_request_no(format!("associate-{order}"));
        coupons().associate().post(request)?;
        Ok(Coupon { stock_id: stock_id.to_owned(), code, order, run: self.run.clone() })
    }

    /// Queries each coupon, to check the state of the platform instead of its responses.
    pub(super) fn check_all_disassociated(&self, coupons: &[Coupon]) -> Result<()> {
        for coupon in coupons {
            let user = self.blocking.v3().marketing().busifavor().users().openid(self.openid.as_str());
            let response =
                user.coupons().coupon_code(coupon.code.as_str()).appids().appid(self.appid.as_str()).get()?;
            let seen = response.decode()?;
            let state = seen.coupon_state.map(|state| state.to_string()).unwrap_or_default();
            if state != "SENDED" || seen.associate_out_trade_no.is_some() {
                return Err(format!(
                    "coupon {} is {state}, still associated: run {}",
                    coupon.code, coupon.run
                )
                .into());
            }
        }
        Ok(())
    }
}
