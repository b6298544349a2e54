//! Errors of this product. Sentences that no source prints are UNCONFIRMED(complaint-words).

use crate::response::Refusal;

pub(super) fn wrong_parameter(reason: &'static str) -> Refusal {
    Refusal::param_error("参数错误", reason)
}

pub(super) fn unknown_picture() -> Refusal {
    wrong_parameter(
        "no upload to /v3/merchant-service/images/upload responded with one of these media_ids, or its picture was \
         replaced by newer ones: upload it again, and use the media_id of the response",
    )
}

/// The state of the complaint does not allow it.
pub(super) fn wrong_state(reason: &'static str) -> Refusal {
    Refusal::invalid_request("提交商户回复失败，请稍后重试", reason)
}

/// As the questions and answers of the partner's pages have it.
pub(super) fn wrong_refund_state(reason: &'static str) -> Refusal {
    Refusal::invalid_request("当前单据状态不支持操作, 请检查是否重复调用。", reason)
}

/// INFERRED(complaint-missing): a complaint that is not there is refused like one of another merchant.
pub(super) fn not_own() -> Refusal {
    Refusal::no_auth(
        "您暂无权限为该投诉单提交商户回复",
        "no complaint about this merchant has this number: weipay sandbox complain makes one",
    )
}

/// The same where nothing is answered.
pub(super) fn not_own_to_see() -> Refusal {
    Refusal { message: "您暂无权限查询该投诉单".into(), ..not_own() }
}

pub(super) fn other_merchant() -> Refusal {
    Refusal::no_auth(
        "您暂无权限查询该商户的投诉单",
        "complainted_mchid is neither the caller nor one of its sub-merchants",
    )
}

pub(super) fn callback_exists() -> Refusal {
    Refusal::new(
        400,
        "RESOURCE_ALREADY_EXISTS",
        "投诉通知回调地址已存在",
        "the merchant has an address already: change it with PUT",
    )
}

/// The code is that of a page of 2020.
pub(super) fn no_callback() -> Refusal {
    Refusal::new(
        400,
        "RESOURCE_NOT_EXISTS",
        "投诉通知回调地址不存在",
        "set an address first: POST /v3/merchant-service/complaint-notifications",
    )
}

pub(super) fn used_idempotent_id() -> Refusal {
    Refusal::invalid_request(
        "幂等ID已被使用",
        "this idempotent_id was used before with another message: use a new one",
    )
}
