//! Errors of this product. Sentences that no source prints are UNCONFIRMED(transfer-words).

use std::borrow::Cow;

use crate::reasons;
use crate::response::Refusal;

/// The operation account is short. Nothing was kept, so the number can be used again.
/// `short` is what the ledger says of the account.
pub(super) fn not_enough(short: String) -> Refusal {
    Refusal::new(
        403,
        "NOT_ENOUGH",
        "商户运营账户资金不足,充值后可以原单号发起重试,请勿更换商户单号",
        format!("{short}; then repeat the same out_bill_no"),
    )
}

/// The same, of a batch.
pub(super) fn not_enough_for_batch(short: &str) -> Refusal {
    let reason =
        format!("{short}: top it up with `weipay sandbox merchant top-up`, and repeat the same out_batch_no");
    Refusal::new(403, "NOT_ENOUGH", "资金不足", reason)
}

pub(super) fn other_content() -> Refusal {
    Refusal::new(
        400,
        "ALREADY_EXISTS",
        "单号已存在但信息不一致，请查单后比较确认",
        reasons::number_was_used("this number", "other parameters"),
    )
}

/// The number was used so long ago that queries do not find it any more. The sentence is known from a public report.
pub(super) fn retry_time_is_over(number: &str) -> Refusal {
    Refusal::invalid_request(
        reasons::RETRY_TIME_IS_OVER,
        format!(
            "{number} was used more than 30 days ago: check your bills and your own records for what it paid; with a \
             new number it is paid a second time"
        ),
    )
}

/// A batch whose number was used for another one. UNCONFIRMED(batch-other-content): a shop's code looks for the beginning of this
/// sentence, which is that of a transfer; no report has it, nor the code.
pub(super) fn other_batch() -> Refusal {
    Refusal::param_error(
        "单号已存在但信息不一致，请查单后比较确认",
        reasons::number_was_used("this out_batch_no", "other parameters"),
    )
}

pub(super) fn wrong_batch(reason: &'static str) -> Refusal {
    Refusal::param_error("转账批次参数不正确", reason)
}

pub(super) fn incomplete_report(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::invalid_request("未传入完整且对应的转账场景报备信息，请根据接口文档检查", reason)
}

/// The sentence was recorded: see `scenes`.
pub(super) fn no_scene() -> Refusal {
    Refusal::invalid_request(
        "你尚未获取该转账场景",
        "transfer_scene_id is no scene: take one that the merchant platform shows in the settings of 商家转账, such as 1000",
    )
}

/// The sentence was recorded: see `scenes`.
pub(super) fn other_perception(scene: &str, allowed: &[&str]) -> Refusal {
    Refusal::invalid_request(
        "暂不支持展示当前传入的用户收款感知",
        format!("user_recv_perception of scene {scene} is one of {}, or left out", allowed.join(", ")),
    )
}

pub(super) fn outside_limits() -> Refusal {
    Refusal::invalid_request(
        "超过单笔转账上下限，核实产品设置是否准确",
        "one transfer is from 10 fen to 2000000 fen here",
    )
}

pub(super) fn wrong_openid(reason: &'static str) -> Refusal {
    Refusal::invalid_request("Openid格式错误或者不属于商家公众账号", reason)
}

/// As recorded of a transfer whose appid was not bound: <https://hey99.cn/shot/CSDN_155394294> (2025).
pub(super) fn wrong_appid() -> Refusal {
    Refusal::invalid_request("APPID不存在", reasons::APPID_NOT_BOUND)
}

pub(super) fn wrong_name(reason: &'static str) -> Refusal {
    Refusal::invalid_request("收款用户姓名与转账金额不符合要求", reason)
}

pub(super) fn wrong_parameter(reason: &'static str) -> Refusal {
    Refusal::param_error("参数错误", reason)
}

/// The state of details that are not asked for.
pub(super) fn needless_detail_status() -> Refusal {
    Refusal::param_error(
        "传入的转账明细状态无效",
        "detail_status is sent with need_query_detail = true only: leave it out, or ask for the details",
    )
}

pub(super) fn not_found() -> Refusal {
    Refusal::new(404, "NOT_FOUND", "记录不存在", reasons::NOTHING_HAS_NUMBER)
}

/// Only what the person has has a receipt (电子回单).
pub(super) fn no_receipt_of_transfer(state: &'static str) -> Refusal {
    Refusal::invalid_request(
        "转账单未成功，无法申请电子回单",
        format!("the transfer is {state}; only a SUCCESS transfer has a receipt"),
    )
}

/// Only what was sent with the person's name has a receipt.
pub(super) fn no_receipt_without_name() -> Refusal {
    Refusal::invalid_request(
        "转账单未传收款用户姓名，无法申请电子回单",
        "only a transfer that was made with user_name has a receipt",
    )
}

/// The same of a detail and of a payment to the wallet.
pub(super) fn no_receipt_of_nameless_detail() -> Refusal {
    Refusal::param_error(
        "明细单未传收款用户姓名，无法申请电子回单",
        "only what was paid with the person's name (user_name, re_user_name) has a receipt",
    )
}

pub(super) fn too_old_for_receipt(reason: &'static str) -> Refusal {
    Refusal::invalid_request("单据超过可申请电子回单的期限", reason)
}

pub(super) fn no_receipt_of_batch(reason: &'static str) -> Refusal {
    Refusal::invalid_request("批次未完成或没有转账成功的明细，无法申请电子回单", reason)
}

pub(super) fn no_receipt_of_detail() -> Refusal {
    Refusal::param_error(
        "明细单未完成，无法申请电子回单",
        "the detail is not SUCCESS: only a successful detail has a receipt",
    )
}

pub(super) fn no_such_receipt() -> Refusal {
    Refusal::new(
        404,
        "NOT_FOUND",
        "记录不存在",
        "the receipt of this transfer was not applied for: apply for it by POST first",
    )
}

/// A number that the operation does not know; its page lists no 404.
pub(super) fn wrong_number() -> Refusal {
    Refusal::invalid_request("单号错误，请检查", "this merchant made no transfer with this out_bill_no")
}

pub(super) fn cannot_be_canceled(state: &'static str) -> Refusal {
    Refusal::invalid_request(
        "当前单据状态不支持撤销",
        format!("the transfer is {state}; it can be canceled until the person has confirmed it"),
    )
}

pub(super) fn no_authorization(reason: &'static str) -> Refusal {
    Refusal::invalid_request("收款授权不存在或未生效", reason)
}

/// The sentence is that of a page of questions.
pub(super) fn too_many_authorizations() -> Refusal {
    Refusal::invalid_request(
        "用户在当前场景下的授权数量达到限制，不支持发起授权",
        "the person has an authorization of this merchant for this scene that waits or is in effect: use its out_authorization_no",
    )
}

pub(super) fn authorization_cannot_be_closed() -> Refusal {
    Refusal::invalid_request(
        "当前授权状态不支持解除",
        "the person has not confirmed this authorization; it ends by itself 24 hours after it was asked for",
    )
}

pub(super) fn not_the_partner() -> Refusal {
    Refusal::no_auth("无权操作该子商户", reasons::NOT_THE_PARTNER)
}

/// A sub-merchant that has not let its partner transfer its money.
pub(super) fn no_grant() -> Refusal {
    Refusal::no_auth(
        "子商户未授权服务商发起商家转账",
        "ask the sub-merchant first: POST /v3/fund-app/mch-transfer/partner/sub-mch-authorizations, as a platform \
         POST /v3/ecommerce/mch-transfer/authorizations; in the sandbox it agrees at once, unless it was made to \
         refuse by POST /transfer-grants/{sub_mchid}/refuse or /end of the control API",
    )
}
