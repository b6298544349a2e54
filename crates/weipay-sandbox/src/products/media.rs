//! Pictures and other files that merchants upload (文件上传): of complaints (反馈图片), of coupons (营销图片), of applications, and
//! videos.
//!
//! The number of a file (`media_id`) follows from its merchant and its bytes, so that a repeated upload adds nothing. Pictures of
//! complaints are kept and given back; nothing gives other files back, so that they are checked and not kept.

mod picture;

use serde_json::{Value, json};
use weipay_wire::sha256_hex;

use super::{Context, Download, HandlerError, Route, route};
use crate::grammar::unconfirmed;
use crate::store::Transaction;
use crate::upload::kind::{ends_in, must_end_in};
pub(super) use picture::are_kept;

#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("POST", "v3/merchant-service/images/upload",                       picture::upload),
    route("POST", "v3/merchant/media/upload",                                upload_file),
    route("POST", "v3/merchant/media/video_upload",                          upload_video),
    route("POST", "v3/marketing/favor/media/image-upload",                   upload_for_coupons),
    route("POST", "v3/marketing/partner/product-coupon/media/upload-image",  upload_for_coupons),
];

pub(super) const DOWNLOADS: &[Download] = &[("v3/merchant-service/images/{media_id}", picture::open)];

/// 视频.
const VIDEOS: [&str; 10] = [".avi", ".wmv", ".mpeg", ".mp4", ".mov", ".mkv", ".flv", ".f4v", ".m4v", ".rmvb"];

fn upload_file(_: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(json!({ "media_id": number(context, "media") }))
}

/// INFERRED(file-bytes): the bytes of a video are not looked at.
fn upload_video(_: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    if !context.file.is_some_and(|file| ends_in(file.name, VIDEOS)) {
        let reason = must_end_in(&VIDEOS);
        return Err(unconfirmed::other_suffix("filename").with_reason(reason).into());
    }
    Ok(json!({ "media_id": number(context, "video") }))
}

/// The rules of a stock name the address of a picture. UNCONFIRMED(cash-picture): its form.
fn upload_for_coupons(_: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let digest = context.file.map_or_else(String::new, |file| file.digest.to_lowercase());
    Ok(json!({ "media_url": format!("https://qpic.cn/wxpaylogo/{digest}/0") }))
}

/// UNCONFIRMED(media-number): 64 hexadecimal digits.
fn number(context: &Context<'_>, what: &str) -> String {
    let digest = context.file.map_or_else(String::new, |file| file.digest.to_lowercase());
    sha256_hex(format!("{what} {} {digest}", context.caller.mchid).as_bytes())
}
