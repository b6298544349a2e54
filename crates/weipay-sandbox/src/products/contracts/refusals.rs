//! Errors of this product. UNCONFIRMED(contract-codes): no page of these operations was seen to its table
//! of codes; those of APIv3 are as 教育续费 (`v3/edu-papay`) has them. UNCONFIRMED(contract-words): the
//! sentences, but for those that are said to be known.

use crate::response::Refusal;

/// The sentence is known from APIv2.
pub(super) fn no_such_contract() -> Refusal {
    Refusal::new(
        404,
        "NOT_FOUND",
        "签约协议不存在",
        "no contract of this merchant that a person has signed has this number: weipay sandbox contract sign",
    )
}

/// It was signed once.
pub(super) fn contract_has_ended() -> Refusal {
    Refusal::invalid_request(
        "签约协议已解约",
        "the contract was terminated, or its time has ended: let the person sign another one",
    )
}

pub(super) fn code_is_used() -> Refusal {
    Refusal::new(
        400,
        "ALREADY_EXISTS",
        "商户签约协议号已使用",
        "a contract with this out_contract_code (contract_code) was signed, and the number cannot be used again, even after its end",
    )
}

/// The sentence is known from APIv2.
pub(super) fn over_limit(reason: &'static str) -> Refusal {
    Refusal::new(403, "RULE_LIMIT", "交易金额或次数超出限制，请检查后再试", reason)
}

/// The sentence is known from APIv2.
pub(super) fn under_way() -> Refusal {
    Refusal::invalid_request(
        "扣款请求已受理，请勿重复发起",
        "a deduction takes two seconds of the sandbox's clock, or a day if the person has had no notice: wait for its notification, or query the order",
    )
}

pub(super) fn wrong_date(reason: &'static str) -> Refusal {
    Refusal::param_error("预计扣费日期不合法", reason)
}

pub(super) fn no_schedule() -> Refusal {
    Refusal::invalid_request(
        "签约协议未指定扣费预约信息",
        "the contract was presigned without deduct_schedule, so nothing can be scheduled",
    )
}

pub(super) fn not_the_time(reason: &'static str) -> Refusal {
    Refusal::invalid_request("当前时间不允许此操作", reason)
}

pub(super) fn scheduled_before() -> Refusal {
    Refusal::invalid_request("该协议已预约扣费", "each contract is scheduled once")
}

pub(super) fn not_scheduled() -> Refusal {
    Refusal::invalid_request(
        "该协议未预约扣费",
        "this contract has a deduct_schedule: call .../schedules/contract-id/{contract_id}/schedule on the day before",
    )
}

pub(super) fn other_amount(reason: &'static str) -> Refusal {
    Refusal::invalid_request("扣费金额不合法", reason)
}

pub(super) fn noticed_before() -> Refusal {
    Refusal::invalid_request(
        "扣费周期未结束，请勿重复发送预扣费通知",
        "the deduction period of the last notice has not ended, and nothing was deducted in it yet",
    )
}

pub(super) fn not_noticed(reason: &'static str) -> Refusal {
    Refusal::invalid_request("未在可扣费期内", reason)
}

pub(super) fn wrong_parties() -> Refusal {
    Refusal::param_error(
        "签约商户号或签约appid与支付的不一致",
        "contract_mchid and contract_appid must be the mchid and the appid of the order",
    )
}

pub(super) fn wrong_parameter(reason: &'static str) -> Refusal {
    Refusal::param_error("参数错误", reason)
}
