//! Payments (支付): orders, and the people who pay them.
//!
//! | file | what is in it |
//! |---|---|
//! | `order` | an order (订单): its states, how it is shown, stored and found |
//! | `creation` | making an order (下单) for JSAPI, APP, H5 and Native |
//! | `parties` | the merchants, appids and openids of an order, checked |
//! | `query`, `closing` | asking for it; closing it (关单), and its expiry |
//! | `codepay` | 付款码, and reversing (撤销) |
//! | `deposit` | deposits (押金): consumed, or given back |
//! | `combined` | combined orders (合单) |
//! | `exposure` | whether an app should offer to pay by instalments (微信分付) |
//! | `payment` | how money moves when an order is paid, and who is notified |
//! | `settlement` | how it becomes available at the next midnight |
//! | `person`, `front_end` | a person pays, or fails to; the signed parameters of the front end |
//! | `page` | the page on which a person pays in a browser |
//! | `refusals` | what is refused, in the platform's words |
//! | `unconfirmed` | choices that no source settles |
//! | `refund` | money goes back (退款) |
//! | `profit_sharing` | money goes on to others (分账) |
//! | `subsidies` | a platform pays for a discount of its own (补差) |
//! | `v2` | the same by APIv2 |

pub(crate) mod announcers;
pub(crate) mod closing;
pub(crate) mod codepay;
pub(crate) mod combined;
pub(crate) mod creation;
mod deposit;
mod exposure;
mod front_end;
mod limit_pay;
#[cfg(test)]
mod model;
pub(crate) mod order;
pub(crate) mod page;
pub(crate) mod parties;
pub(crate) mod payment;
pub(crate) mod person;
pub(crate) mod profit_sharing;
mod query;
#[cfg(test)]
mod race;
pub(crate) mod refund;
pub(crate) mod refusals;
mod settlement;
pub(crate) mod subsidies;
mod trade;
mod unconfirmed;
pub(crate) mod v2;

use super::{DueHandler, Route, route};

#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("POST", "v3/pay/transactions/jsapi",                                   creation::order_jsapi),
    route("POST", "v3/pay/transactions/app",                                     creation::order_app),
    route("POST", "v3/pay/transactions/h5",                                      creation::order_h5),
    route("POST", "v3/pay/transactions/native",                                  creation::order_native),
    route("POST", "v3/pay/transactions/codepay",                                 codepay::pay_by_code),
    route("GET",  "v3/pay/transactions/id/{transaction_id}",                     query::query_by_transaction),
    route("GET",  "v3/pay/transactions/out-trade-no/{out_trade_no}",             query::query_by_number),
    route("POST", "v3/pay/transactions/out-trade-no/{out_trade_no}/close",       closing::close_order),
    route("POST", "v3/pay/transactions/out-trade-no/{out_trade_no}/reverse",     codepay::reverse_order),
    route("POST", "v3/pay/partner/transactions/jsapi",                           creation::order_jsapi),
    route("POST", "v3/pay/partner/transactions/miniprogram",                     creation::order_jsapi),
    route("POST", "v3/pay/partner/transactions/app",                             creation::order_app),
    route("POST", "v3/pay/partner/transactions/h5",                              creation::order_h5),
    route("POST", "v3/pay/partner/transactions/native",                          creation::order_native),
    route("POST", "v3/pay/partner/transactions/codepay",                         codepay::pay_by_code),
    route("GET",  "v3/pay/partner/transactions/id/{transaction_id}",             query::query_by_transaction),
    route("GET",  "v3/pay/partner/transactions/out-trade-no/{out_trade_no}",     query::query_by_number),
    route("POST", "v3/pay/partner/transactions/out-trade-no/{out_trade_no}/close",   closing::close_order),
    route("POST", "v3/pay/partner/transactions/out-trade-no/{out_trade_no}/reverse", codepay::reverse_order),
    route("POST", "v3/pay/partner/transactions/scannedpos",                      creation::order_scanned),
    route("POST", "v3/pay/transactions/exposure",                                exposure::ask),
    route("POST", "v3/pay/partner/transactions/exposure",                        exposure::ask),
    route("POST", "v3/pay/instal/exposure",                                      exposure::ask_for_subsidized),
    route("POST", "v3/pay/instal/partner/exposure",                              exposure::ask_for_subsidized),
    route("POST", "v3/combine-transactions/jsapi",                               combined::order_jsapi),
    route("POST", "v3/combine-transactions/app",                                 combined::order_app),
    route("POST", "v3/combine-transactions/h5",                                  combined::order_h5),
    route("POST", "v3/combine-transactions/native",                              combined::order_native),
    route("GET",  "v3/combine-transactions/out-trade-no/{combine_out_trade_no}", combined::query),
    route("POST", "v3/combine-transactions/out-trade-no/{combine_out_trade_no}/close", combined::close_combined),
];

/// Scheduled work.
pub(super) const DUE: &[(&str, DueHandler)] = &[
    (closing::EXPIRY, closing::expire),
    (combined::EXPIRY, combined::expire),
    (deposit::RETURNS, deposit::return_due),
    (settlement::SETTLEMENT, settlement::settle),
];
