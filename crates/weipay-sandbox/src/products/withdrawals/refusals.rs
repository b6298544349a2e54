//! Errors of withdrawals. UNCONFIRMED(withdraw-words): codes and sentences, except 当前请求已经超过有效期, which a public report
//! has.

use std::borrow::Cow;

use crate::reasons;
use crate::response::Refusal;

pub(super) fn not_a_sub_merchant() -> Refusal {
    Refusal::no_auth("无权为该商户提现", reasons::NOT_THE_PARTNER)
}

pub(super) fn bad_amount() -> Refusal {
    Refusal::param_error(
        "提现金额不正确",
        "amount must be from 1 fen to 80,000,000,000 fen (800 million yuan)",
    )
}

pub(super) fn not_enough(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(403, "NOT_ENOUGH", "账户可用余额不足", reason)
}

/// Advice to wait until midnight: today's payments are settled then.
pub(super) fn still_pending(reason: &str, pending: i64) -> Refusal {
    not_enough(format!(
        "{reason}; {pending} fen are not settled yet (未结算资金): they become available at midnight (Beijing)"
    ))
}

pub(super) fn unknown_account() -> Refusal {
    Refusal::param_error("账户类型不正确", "account_type must be BASIC, OPERATION or FEES")
}

pub(super) fn no_such_account() -> Refusal {
    not_enough("the account for fees (FEES) is always empty in the sandbox")
}

pub(super) fn too_late() -> Refusal {
    Refusal::invalid_request(
        "当前请求已经超过有效期",
        "a number can be repeated for 6 days: query it, because a new number makes another withdrawal",
    )
}

pub(super) fn other_request() -> Refusal {
    Refusal::invalid_request(
        "商户提现单号已存在，但请求参数与之前不一致",
        reasons::number_was_used("this out_request_no", "other parameters"),
    )
}

pub(super) fn no_day_end_yet() -> Refusal {
    Refusal::invalid_request(
        "日终余额还未生成，请稍后再试",
        "the balance at the end of yesterday is there from 10:00 (Beijing) on",
    )
}

pub(super) fn too_late_in_the_day() -> Refusal {
    Refusal::invalid_request(
        "当前时间不受理按日终余额预约提现",
        "after 23:55 (Beijing) nothing is withdrawn by the balance at the end of a day",
    )
}

pub(super) fn bad_reserve() -> Refusal {
    Refusal::param_error("留存额不正确", "reserve_amount must not be below 0")
}

pub(super) fn no_such_withdrawal() -> Refusal {
    Refusal::resource_not_exists(
        "提现单不存在",
        "no withdrawal of this merchant has the number, or it is older than 90 days",
    )
}
