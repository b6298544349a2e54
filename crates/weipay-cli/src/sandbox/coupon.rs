//! `weipay sandbox coupon`: what people do with merchant coupons and product coupons, and what happens to
//! stocks on the platform's pages, by the control API of a running sandbox.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::control::{DataFolder, encoded};
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct Coupon {
    #[command(subcommand)]
    command: CouponCommand,
    /// Product coupons (商品券), instead of merchant coupons (商家券). Not needed for send and link-product.
    #[arg(long, global = true)]
    product: bool,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CouponCommand {
    /// Take (领券) the coupons of a page or a token as a person, and print them as JSON.
    Take {
        /// The full URL of an H5 page, with its signature. It contains the openid of the person.
        #[arg(long, value_name = "URL", required_unless_present = "token", conflicts_with_all = ["token", "product"])]
        address: Option<String>,
        /// The token of 向用户预发放商品券.
        #[arg(long, requires = "openid")]
        token: Option<String>,
        /// The openid of the person.
        #[arg(long, conflicts_with = "address")]
        openid: Option<String>,
    },
    /// Delete a coupon as the person who has it.
    Remove {
        /// The stock (批次号).
        stock_id: String,
        /// The code of the coupon.
        coupon_code: String,
    },
    /// Send a product coupon to a person as the brand, and print it as JSON. Coupons of a stock with uploaded codes
    /// (UPLOAD) can be sent only by the brand.
    Send {
        /// The stock of product coupons (批次号).
        stock_id: String,
        /// The openid of the person.
        openid: String,
        /// The appid of the openid [default: the first of the partner].
        #[arg(long)]
        appid: Option<String>,
    },
    /// Link product information (商品信息) to a stock of merchant coupons, so that it can be sent as a product coupon.
    LinkProduct {
        /// The stock of merchant coupons (批次号).
        stock_id: String,
    },
    /// Put a stock into another state, as the platform's pages and its review (审核) do.
    Stock {
        /// The stock (批次号).
        stock_id: String,
        /// RUNNING, PAUSED, STOPED or UNAUDIT; of product coupons SENDING, PAUSED, STOPPED or AUDITING.
        state: String,
    },
}

pub(super) fn run(arguments: &Coupon) -> Outcome {
    let Coupon { command, product, data } = arguments;
    let stocks = if *product { "/product-coupons/stocks" } else { "/stocks" };
    let (method, target, body) = match command {
        CouponCommand::Take { address: Some(address), .. } => {
            ("POST", "/coupons/receive".to_owned(), Some(json!({ "address": address })))
        }
        CouponCommand::Take { token, openid, .. } => {
            let target = if *product { "/product-coupons/take" } else { "/coupons/receive" };
            ("POST", target.to_owned(), Some(json!({ "token": token, "openid": openid })))
        }
        CouponCommand::Remove { stock_id, coupon_code } => {
            let target = format!("{stocks}/{}/coupons/{}", encoded(stock_id), encoded(coupon_code));
            ("DELETE", target, None)
        }
        CouponCommand::Send { stock_id, openid, appid } => {
            let target = format!("/product-coupons/stocks/{}/send", encoded(stock_id));
            ("POST", target, Some(json!({ "openid": openid, "appid": appid })))
        }
        CouponCommand::LinkProduct { stock_id } => {
            ("PUT", format!("/stocks/{}/product", encoded(stock_id)), Some(json!({})))
        }
        CouponCommand::Stock { stock_id, state } => {
            ("PUT", format!("{stocks}/{}/state", encoded(stock_id)), Some(json!({ "state": state })))
        }
    };
    match data.call(method, &target, body.as_ref())? {
        Value::Null => Ok(()),
        got => print(&format!("{got:#}\n")),
    }
}
