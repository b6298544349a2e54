//! Cash coupons (代金券): stocks of money off, the coupons that people receive, and their use in an order.
//!
//! | file | what is in it |
//! |---|---|
//! | `stock` | a stock (批次): creation; how it is shown, stored and found |
//! | `coupon` | a person's coupon: sending, states; how it is shown, stored and found |
//! | `activation` | the course of a stock: activation, pause, stop, and its budget |
//! | `benefit`, `goods` | what a coupon takes off, and of which goods, whose list can be changed |
//! | `availability` | when a coupon can be used |
//! | `flow` | files of what was used and refunded |
//! | `listing` | stocks of a merchant, coupons of a person, where and for what a stock is valid |
//! | `discount` | what a coupon takes off an order, and whose money that is |
//! | `callbacks` | where the creator of a stock is notified (消息通知地址) |
//! | `v2` | sending and two queries by APIv2 |
//! | `refusals` | what is refused, in the platform's words |
//!
//! A funded stock (预充值) locks its budget when it is activated: money goes from the creator's balance to its marketing account
//! (营销资金), and a coupon that is used moves from there to the merchant who is paid. A stock without money (`no_cash`,
//! 免充值) only lowers the price.

mod activation;
mod availability;
mod benefit;
mod callbacks;
pub(crate) mod coupon;
pub(crate) mod discount;
pub(super) mod flow;
pub(crate) mod goods;
mod listing;
#[cfg(test)]
mod model;
#[cfg(test)]
mod race;
mod refusals;
pub(crate) mod stock;
mod v2;

use super::{Download, DueHandler, Route, route};
use crate::v2::response::ResponseForm;

#[rustfmt::skip]
pub(super) const DOWNLOADS: &[Download] = &[("v3/billdownload/file", flow::download)];

pub(super) const ROUTES: &[Route] = &[
    route("POST", "v3/marketing/favor/coupon-stocks", stock::create_stock),
    route("POST", "v3/marketing/favor/stocks/{stock_id}/start", activation::start_stock),
    route("POST", "v3/marketing/favor/stocks/{stock_id}/pause", activation::pause_stock),
    route("POST", "v3/marketing/favor/stocks/{stock_id}/restart", activation::restart_stock),
    route("POST", "v3/marketing/favor/stocks/{stock_id}/stop", activation::stop_stock),
    route("GET", "v3/marketing/favor/stocks", listing::list_stocks),
    route("GET", "v3/marketing/favor/stocks/{stock_id}", listing::query_stock),
    route("GET", "v3/marketing/favor/stocks/{stock_id}/merchants", listing::list_merchants),
    route("GET", "v3/marketing/favor/stocks/{stock_id}/items", listing::list_items),
    route("POST", "v3/marketing/favor/stocks/{stock_id}/modify-goods-id", goods::modify_items),
    route("GET", "v3/marketing/favor/stocks/{stock_id}/use-flow", flow::use_flow),
    route("GET", "v3/marketing/favor/stocks/{stock_id}/use-flow-by-day", flow::use_flow_by_day),
    route("GET", "v3/marketing/favor/stocks/{stock_id}/refund-flow", flow::refund_flow),
    route("GET", "v3/marketing/favor/stocks/{stock_id}/refund-flow-by-day", flow::refund_flow_by_day),
    route("POST", "v3/marketing/favor/users/{openid}/coupons", coupon::send_coupon),
    route("GET", "v3/marketing/favor/users/{openid}/coupons", listing::list_coupons),
    route("GET", "v3/marketing/favor/users/{openid}/coupons/{coupon_id}", listing::query_coupon),
    route("POST", "v3/marketing/favor/callbacks", callbacks::set_callback),
    route("GET", "v3/marketing/favor/callbacks", callbacks::query_callback),
    route("POST", "v2/mmpaymkttransfers/send_coupon", v2::send_coupon)
        .responding(ResponseForm::OF_SENT_COUPON),
    route("POST", "v2/mmpaymkttransfers/query_coupon_stock", v2::query_stock),
    route("POST", "v2/mmpaymkttransfers/querycouponsinfo", v2::query_coupon),
];

/// Scheduled work.
pub(super) const DUE: &[(&str, DueHandler)] = &[(activation::END, activation::end_stock)];
