//! Errors of these products. Sentences that no source prints are UNCONFIRMED(payout-words).

use std::borrow::Cow;

use crate::people::account::AccountState;
use crate::people::openid::WrongOpenid;
use crate::reasons;
use crate::response::Refusal;
use crate::v2::NUMBER_OF_PAYMENT;

fn refused(code: &'static str, message: &'static str, reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(200, code, message, reason)
}

pub(super) fn wrong_openid(reason: &'static str) -> Refusal {
    refused("OPENID_ERROR", "openid和appid不匹配", reason)
}

/// As recorded of a payment to the wallet, in a public capture.
pub(super) fn no_openid() -> Refusal {
    refused("PARAM_ERROR", "参数错误:输入的用户openid有误.", WrongOpenid::Form.reason())
}

/// As recorded of a red packet, in a public capture.
pub(super) fn no_openid_of_red_packet() -> Refusal {
    refused("PARAM_ERROR", "参数错误:re_openid字段不正确,请检查是否合法", WrongOpenid::Form.reason())
}

/// As recorded of a payment to the wallet; 企业微信 is INFERRED(wecom-payouts).
pub(super) fn wrong_number_of_payment() -> Refusal {
    refused(
        "PARAM_ERROR",
        NUMBER_OF_PAYMENT,
        "partner_trade_no has at most 32 letters and digits, and no other signs",
    )
}

/// As reported: <https://github.com/yansongda/pay/issues/184> (2018).
pub(super) fn not_of_a_partner() -> Refusal {
    refused(
        "PARAM_ERROR",
        "参数错误:授理模式/资金受理才需要填入msgappid",
        "only a partner sends msgappid, together with sub_mch_id: leave it out",
    )
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

/// `short` is what the ledger says of the account.
pub(super) fn not_enough(short: String) -> Refusal {
    refused("NOTENOUGH", "余额不足", then_repeat(&short))
}

fn then_repeat(short: &str) -> String {
    format!("{short}; then repeat the same number")
}

/// The sentence of the page. UNCONFIRMED(red-packet-without-money): a report of 2020 has `PROCESSING`,
/// <https://github.com/binarywang/weixin-java-pay-demo/issues/52>, and a capture of 2015 `return_code` FAIL.
pub(super) fn not_enough_for_red_packet(short: String) -> Refusal {
    refused("NOTENOUGH", "帐号余额不足，请到商户平台充值后再重试", then_repeat(&short))
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

/// The sentence in captures of 2016 and 2017.
const AVERAGE: &str = "每个红包的平均金额必须在1.00元到200.00元之间.";

/// The sentence of the page.
pub(super) fn wrong_count() -> Refusal {
    refused("PARAM_ERROR", "参数错误:total_num必须为1.", "total_num must be 1")
}

pub(super) fn red_packet_outside_limits() -> Refusal {
    refused(
        "MONEY_LIMIT",
        AVERAGE,
        "a red packet is from 100 to 20000 fen; with a scene_id from 1 to 49900 fen here",
    )
}

pub(super) fn group_outside_limits() -> Refusal {
    refused(
        "MONEY_LIMIT",
        AVERAGE,
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

/// Recorded with the numbers of another merchant.
pub(super) fn payment_outside_limits() -> Refusal {
    refused(
        "AMOUNT_LIMIT",
        "付款金额超出限制。低于最小金额0.30元或累计超过20000.00元。",
        "one payment is from 30 to 2000000 fen here",
    )
}

/// The codes of payments to bank cards are known from a copy of the page (2018). UNCONFIRMED(bank-words): the cases of each code,
/// and the sentences.
pub(super) fn not_decrypted(name: &'static str) -> Refusal {
    refused(
        "PARAM_ERROR",
        "参数错误:敏感信息解密失败",
        format!(
            "{name} is not encrypted with the key of risk/getpublickey (RSA with OAEP and SHA-1, in base64): this sandbox has another \
             key than the real platform"
        ),
    )
}

pub(super) fn wrong_number_of_bank_payment() -> Refusal {
    refused(
        "PARAM_ERROR",
        "参数错误:商户付款单号格式错误",
        "partner_trade_no has 8 to 32 letters and digits, and no other signs",
    )
}

pub(super) fn too_much_to_bank() -> Refusal {
    refused("AMOUNT_LIMIT", "付款金额超出单笔限额", "one payment to a bank card is at most 2000000 fen")
}

pub(super) fn too_much_to_bank_for_a_day() -> Refusal {
    refused(
        "AMOUNT_LIMIT",
        "已达到今日付款金额上限或已达到今日银行卡收款金额上限",
        "a merchant pays at most 10000000 fen to bank cards on one day, and 2000000 fen to one card",
    )
}

pub(super) fn other_bank_payment() -> Refusal {
    refused(
        "FATAL_ERROR",
        "已存在该单，并且订单信息不一致",
        reasons::number_was_used("this partner_trade_no", "another card, name, bank, amount or desc"),
    )
}

pub(super) fn old_bank_payment() -> Refusal {
    refused(
        "FATAL_ERROR",
        "订单太老",
        "this partner_trade_no was used before yesterday: query it (query_bank); a new number would pay the card a second time",
    )
}

pub(super) fn bank_payment_exists() -> Refusal {
    refused(
        "ORDERPAID",
        "受理失败，订单已存在",
        "the bank has decided about this partner_trade_no: query it (query_bank)",
    )
}

pub(super) fn no_bank_payment() -> Refusal {
    refused("ORDERNOTEXIST", "订单不存在", reasons::NOTHING_HAS_NUMBER)
}

pub(super) fn not_found() -> Refusal {
    refused("NOT_FOUND", "指定单号数据不存在", reasons::NOTHING_HAS_NUMBER)
}
