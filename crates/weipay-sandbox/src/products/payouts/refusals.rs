//! What these products refuse. Sentences that no source prints are UNCONFIRMED(payout-words).

use std::borrow::Cow;

use crate::people::account::AccountState;
use crate::reasons;
use crate::response::Refusal;

fn refused(code: &'static str, message: &'static str, reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(200, code, message, reason)
}

pub(super) fn wrong_openid(reason: &'static str) -> Refusal {
    refused("OPENID_ERROR", "openid和appid不匹配", reason)
}

/// The account of the person takes no red packet. UNCONFIRMED(payout-account-state): the code.
pub(super) fn abnormal_receiver(account: AccountState) -> Refusal {
    refused("NO_AUTH", "发放失败，此请求可能存在风险，已被微信拦截", state_of(account))
}

/// The same of a payment to the wallet.
pub(super) fn not_to_be_paid(account: AccountState) -> Refusal {
    let (code, message) = match account {
        AccountState::Unverified => ("V2_ACCOUNT_SIMPLE_BAN", "无法给未实名用户付款"),
        _ => ("RECV_ACCOUNT_NOT_ALLOWED", "收款账户不允许收款"),
    };
    refused(code, message, state_of(account))
}

fn state_of(account: AccountState) -> String {
    format!("the account of the person is {}", account.word())
}

/// The number was used for something else.
pub(super) fn other_content() -> Refusal {
    refused(
        "FATAL_ERROR",
        "更换了参数，请使用原参数重试",
        reasons::number_was_used("this number", "other parameters"),
    )
}

/// The number of a payment to the wallet that was made: it is known, and not repeated any more.
pub(super) fn retry_time_is_over() -> Refusal {
    refused(
        "SEND_FAILED",
        reasons::RETRY_TIME_IS_OVER,
        "this partner_trade_no was used more than 3 days ago, and has paid: query it (gettransferinfo), and look in bills after 30 days; \
         with a new number the person is paid a second time",
    )
}

/// `short` is what the ledger says of the account. UNCONFIRMED(red-packet-without-money): a report of 2020 has `PROCESSING` for a
/// red packet, <https://github.com/binarywang/weixin-java-pay-demo/issues/52>.
pub(super) fn not_enough(short: String) -> Refusal {
    refused("NOTENOUGH", "余额不足", format!("{short}; then repeat the same number"))
}

pub(super) fn wrong_parameter(reason: &'static str) -> Refusal {
    refused("PARAM_ERROR", "参数错误", reason)
}

/// As reported: <https://github.com/yansongda/pay/issues/155> (2018).
pub(super) fn wrong_ip() -> Refusal {
    refused(
        "PARAM_ERROR",
        "参数错误：spbill_create_ip字段必填,并且为合法的IP字符串.",
        "spbill_create_ip must be the address of the machine that sends the request, such as 192.168.0.1",
    )
}

pub(super) fn red_packet_outside_limits() -> Refusal {
    refused(
        "MONEY_LIMIT",
        "红包金额发放限制",
        "a red packet is from 100 to 20000 fen; with a scene_id from 1 to 49900 fen here",
    )
}

pub(super) fn group_outside_limits() -> Refusal {
    refused(
        "MONEY_LIMIT",
        "红包金额发放限制",
        "a part of a red packet of several parts is from 100 to 20000 fen on average, and all together are at most 100000 fen; with a scene_id a part is from 1 to 49900 fen here",
    )
}

pub(super) fn too_many_red_packets() -> Refusal {
    refused(
        "SENDNUM_LIMIT",
        "该用户今日领取红包个数超过限制",
        "a person gets at most 10 red packets of a merchant on one day",
    )
}

pub(super) fn too_much_for_a_day() -> Refusal {
    refused(
        "RCVDAMOUNT_LIMIT",
        "该用户今日领取金额超过限制",
        "a person gets at most 100000 fen in red packets of a merchant on one day",
    )
}

/// The beginning of the sentence is known.
pub(super) fn payment_outside_limits() -> Refusal {
    refused(
        "AMOUNT_LIMIT",
        "付款金额超出限制。低于最小金额0.30元或超过最大金额20000.00元",
        "one payment is from 30 to 2000000 fen here",
    )
}

pub(super) fn not_found() -> Refusal {
    refused("NOT_FOUND", "指定单号数据不存在", reasons::NOTHING_HAS_NUMBER)
}
