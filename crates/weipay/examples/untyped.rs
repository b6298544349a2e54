//! 不用类型的调用: chain and property calls know what the catalogue knows. They encrypt a field at its place, open it in a
//! response, tell of a mistyped member, and repeat only what may be repeated. It starts its own sandbox.
//!
//! `cargo run -p weipay --example untyped`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use weipay::http::Method;
use weipay::model::Sensitive;
use weipay::serde_json::json;
use weipay::{Client, Operation};
use weipay_sandbox::{MerchantAccount, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A program for the platform begins with `Client::from_env()?`.
    let sandbox = Sandbox::start()?;
    let client = Client::from_kit(sandbox.kit_file())?;
    let kit = sandbox.kit();
    sandbox.top_up(&kit.mchid, MerchantAccount::Operation, 100_000)?;

    // 商家转账: the person's name travels encrypted. The text below is plain, and the client encrypts it.
    let path = "v3/fund-app/mch-transfer/transfer-bills";
    let mut transfer = json!({
        "appid": kit.appid, "out_bill_no": "transfer1", "openid": kit.openid, "user_name": "张三",
        "transfer_amount": 100, "transfer_remark": "活动", "transfer_scene_id": "1000",
        "transfer_scene_report_infos": [
            {"info_type": "活动名称", "info_content": "新会员有礼"},
            {"info_type": "奖励说明", "info_content": "注册会员"},
        ],
        "transfer_remarks": "mistyped",
    });

    // What is found before anything is sent.
    let found = client.chain(path).inspect(&Method::POST, &transfer)?;
    println!("{}", found.operation.map_or("unknown", Operation::title));
    println!("encrypted: {:?}, unknown: {:?}", found.sensitive, found.unknown_members);

    // Unknown members are sent all the same, because the platform adds fields without notice. Here it refuses them.
    if let Err(error) = client.chain(path).post(&transfer).await {
        println!("{}: {}", error.code().unwrap_or_default(), error.message().unwrap_or_default());
    }

    // The chain. What was sent and unknown is told with a success too.
    if let Some(members) = transfer.as_object_mut() {
        members.remove("transfer_remarks");
    }
    let response = client.chain(path).post(&transfer).await?;
    println!("{}, unknown: {:?}", response.json()?["state"], response.unknown_members());

    // The property. A value that is encrypted already says so.
    transfer["out_bill_no"] = json!("transfer2");
    transfer["user_name"] = json!(Sensitive::ciphertext(client.encrypt_sensitive("张三")?));
    let response = client[path].post(&transfer).await?;
    println!("{}", response.json()?["state"]);

    // What a response has encrypted is opened: `user_name` is plain text again.
    let query = client.chain("v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}");
    println!("{}", query.path("out_bill_no", "transfer1").get().await?.json()?["user_name"]);

    // A path that the catalogue does not have works. Nothing is known of it, so nothing is encrypted or repeated.
    println!("{:?}", client.chain("v3/never/heard/of"));
    Ok(())
}
