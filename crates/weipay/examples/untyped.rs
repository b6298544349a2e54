//! Calls without types (不用类型的调用): what is known of them. A name is encrypted at its place, a mistyped member is told, and a response is
//! opened. It starts its own sandbox.
//!
//! `cargo run -p weipay --example untyped`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use weipay::Client;
use weipay::http::Method;
use weipay::serde_json::json;
use weipay_sandbox::MerchantAccount;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A program for the platform begins with `Client::from_env()?`.
    let sandbox = weipay_sandbox::Sandbox::start()?;
    let client = Client::from_kit(sandbox.kit_file())?;
    let kit = sandbox.kit();
    sandbox.top_up(&kit.mchid, MerchantAccount::Operation, 100_000)?;

    // 商家转账: the name of the person travels encrypted. Here it is plain text: the catalogue knows its place.
    let path = "v3/fund-app/mch-transfer/transfer-bills";
    let transfer = json!({
        "appid": kit.appid, "out_bill_no": "transfer1", "openid": kit.openid, "user_name": "张三",
        "transfer_amount": 100, "transfer_remark": "活动", "transfer_scene_id": "1000",
        "transfer_scene_report_infos": [
            {"info_type": "活动名称", "info_content": "新会员有礼"},
            {"info_type": "奖励说明", "info_content": "注册会员"},
        ],
        "transfer_remarks": "mistyped",
    });

    // Before anything is sent.
    let found = client.chain(path).inspect(&Method::POST, &transfer)?;
    println!("{:?}", found.operation.map(weipay::Operation::title));
    println!("encrypted: {:?}, unknown: {:?}", found.sensitive, found.unknown_members);

    // The property style does the same.
    let response = client[path].post(&transfer).await?;
    println!("{}, unknown: {:?}", response.json()?["state"], response.unknown_members());

    // A path that the catalogue does not have works, and nothing is known of it.
    println!("{:?}", client.chain("v3/never/heard/of"));
    Ok(())
}
