//! Errors of recharges. UNCONFIRMED(recharge-words): codes and sentences, except 输入账户类型未开通, which a page of balances
//! has.

use std::borrow::Cow;

use crate::reasons;
use crate::response::Refusal;

pub(super) fn not_the_partner() -> Refusal {
    Refusal::no_auth("无权操作该二级商户", reasons::NOT_THE_PARTNER)
}

pub(super) fn not_opened() -> Refusal {
    Refusal::invalid_request("输入账户类型未开通", "the account for fees (FEES) is not opened in the sandbox")
}

pub(super) fn wrong_parameter(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::param_error("参数错误", reason)
}

pub(super) fn other_request() -> Refusal {
    Refusal::invalid_request(
        "商户充值单号已存在，但请求参数与之前不一致",
        reasons::number_was_used("this out_recharge_no", "other parameters"),
    )
}

pub(super) fn not_found() -> Refusal {
    Refusal::resource_not_exists(
        "充值单不存在",
        "no recharge of this merchant, and of this sub-merchant, has the number",
    )
}

pub(super) fn was_paid() -> Refusal {
    Refusal::invalid_request(
        "充值单已充值成功，不能关闭",
        "the money has come: a recharge is closed before somebody pays",
    )
}

pub(super) fn too_many_employees() -> Refusal {
    Refusal::invalid_request(
        "可扫码充值员工数量超过限制",
        "a sub-merchant has at most 3 employees who pay by a code, and gets at most 3 on one day, deleted ones included",
    )
}

pub(super) fn no_such_employee() -> Refusal {
    Refusal::resource_not_exists("员工不存在", "the person was not added, or was deleted")
}

pub(super) fn wrong_openid(reason: &'static str) -> Refusal {
    Refusal::invalid_request("员工OpenID不正确", reason)
}
