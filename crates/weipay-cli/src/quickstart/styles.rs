//! The six styles: pure chain, declarative and property, each async and blocking. The code that is shown is the code that
//! runs.

use std::error::Error;

use weipay::Response;

use super::story::{Coupon, Story};
use super::{Screen, proof, shown};

/// How many styles there are.
pub(super) const COUNT: usize = 6;

pub(super) fn disassociate_each(
    story: &Story,
    coupons: &[Coupon],
    screen: &mut Screen,
) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let [first, second, third, fourth, fifth, sixth] = coupons else {
        return Err(format!("{COUNT} coupons are needed, one for each style").into());
    };

    let client = &story.client;
    let request = first.typed();
    let (code, response) = runtime.block_on(async {
        shown!(client.v3().marketing().busifavor().coupons().disassociate().post(request).await)
    });
    show(screen, "异步纯链式  async, pure chain", code, &response?)?;

    let request = second.json();
    let (code, response) = runtime.block_on(async {
        shown!(client.chain("v3/marketing/busifavor/coupons/disassociate").post(request).await)
    });
    show(screen, "异步声明式  async, declarative", code, &response?)?;

    let request = third.json();
    let (code, response) = runtime.block_on(async {
        shown!(client["v3/marketing/busifavor/coupons/disassociate"].post(request).await)
    });
    show(screen, "异步属性式  async, property", code, &response?)?;

    let client = &story.blocking;
    let request = fourth.typed();
    let (code, response) = shown!(client.v3().marketing().busifavor().coupons().disassociate().post(request));
    show(screen, "同步纯链式  blocking, pure chain", code, &response?)?;

    let request = fifth.json();
    let (code, response) = shown!(client.chain("v3/marketing/busifavor/coupons/disassociate").post(request));
    show(screen, "同步声明式  blocking, declarative", code, &response?)?;

    let request = sixth.json();
    let (code, response) = shown!(client["v3/marketing/busifavor/coupons/disassociate"].post(request));
    show(screen, "同步属性式  blocking, property", code, &response?)
}

/// Shows a response and the key that verified it. A response that does not verify is an error.
fn show<T>(
    screen: &mut Screen,
    name: &str,
    code: &str,
    response: &Response<T>,
) -> Result<(), Box<dyn Error>> {
    let json = response.json()?;
    if json["wechatpay_disassociate_time"].as_str().is_none_or(str::is_empty) {
        return Err(format!("the response has no wechatpay_disassociate_time: {json}").into());
    }
    screen.style(name, code, response.text()?, &proof(response));
    Ok(())
}
