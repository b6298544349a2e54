//! Pictures for stocks (营销图片上传): an upload gives the address that the rules of a stock name.

use serde_json::{Value, json};

use crate::products::{Context, HandlerError};
use crate::store::Transaction;

/// The picture is not kept: its address follows from its digest, so that the same picture has the same
/// address. UNCONFIRMED(cash-picture): the form of the address.
pub(super) fn upload_image(_: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let digest = context.request.required("sha256").to_lowercase();
    Ok(json!({ "media_url": format!("https://qpic.cn/wxpaylogo/{digest}/0") }))
}
