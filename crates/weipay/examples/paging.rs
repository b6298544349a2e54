//! 分页查询: reads a list page by page, as an iterator and, with the async client, with `next`. It starts its own sandbox.
//!
//! `cargo run -p weipay --features marketing --example paging`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::time::{Duration, SystemTime};

use weipay::model::Time;
use weipay::serde_json::json;
use weipay::v3::marketing::busifavor::stocks::stock_id::couponcodes::get;
use weipay::{Client, blocking};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A program for the platform begins with `Client::from_env()?`.
    let sandbox = weipay_sandbox::Sandbox::start()?;
    let client = blocking::Client::from_kit(sandbox.kit_file())?;
    let stock_id = stock_with_codes(&client, &sandbox.kit().mchid)?;
    let appid = &*sandbox.kit().appid;

    // Typed, an item at a time. It begins at the offset of the request, and has its page size.
    let request = get::Request::new().offset(0).limit(2).appid(appid);
    let pages =
        client.v3().marketing().busifavor().stocks().stock_id(&*stock_id).couponcodes().pages(request);
    for code in pages.items_by(|page| page.data) {
        println!("code {:?}", code?.coupon_code);
    }

    // Without types, a page at a time. A page that fails is an error, and the next one that is asked for is the same page again.
    let path = "v3/marketing/busifavor/stocks/{stock_id}/couponcodes";
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = Client::from_kit(sandbox.kit_file())?;
        let call = client.chain(path).path("stock_id", &stock_id).query("appid", appid);
        let mut pages = call.query("offset", 0).query("limit", 2).pages();
        while let Some(page) = pages.next().await {
            let page = page?;
            println!("a page with {} of {:?} codes", page.items().len(), page.total());
        }
        Ok(())
    })
}

/// A stock (批次) whose codes the merchant gives, with five of them.
fn stock_with_codes(client: &blocking::Client, mchid: &str) -> Result<String, Box<dyn std::error::Error>> {
    let now = SystemTime::now();
    let month = Duration::from_secs(30 * 86_400);
    let created = client.chain("v3/marketing/busifavor/stocks").post(json!({
        "stock_name": "8月1日活动券", "belong_merchant": mchid, "goods_name": "全场",
        "stock_type": "NORMAL", "coupon_code_mode": "MERCHANT_UPLOAD", "out_request_no": "example-1",
        "coupon_use_rule": {
            "coupon_available_time": {
                "available_begin_time": Time::from(now).to_string(),
                "available_end_time": Time::from(now + month).to_string(),
            },
            "fixed_normal_coupon": {"discount_amount": 5, "transaction_minimum": 100},
            "use_method": "OFF_LINE",
        },
        "stock_send_rule": {"max_coupons": 100, "max_coupons_per_user": 5},
    }))?;
    let stock_id = created.json()?["stock_id"].as_str().ok_or("no stock_id")?.to_owned();
    let codes = json!({"coupon_code_list": ["A1", "A2", "A3", "A4", "A5"], "upload_request_no": "example-2"});
    client
        .chain("v3/marketing/busifavor/stocks/{stock_id}/couponcodes")
        .path("stock_id", &stock_id)
        .post(codes)?;
    Ok(stock_id)
}
