//! What no rule can know of a sample: which of several members exclude each other, and the state that an event
//! is about where its name does not say it.

use weipay_catalog::{ApiVersion, Field, Notification};

/// Members of the events that hold an order of any product: those of an order that a merchant has.
const OF_AN_ORDER: [&str; 17] = [
    "appid",
    "mchid",
    "out_trade_no",
    "transaction_id",
    "trade_type",
    "trade_state",
    "trade_state_desc",
    "bank_type",
    "success_time",
    "attach",
    "payer",
    "openid",
    "amount",
    "total",
    "payer_total",
    "currency",
    "payer_currency",
];

/// The same of a refund. All that is required is there anyway.
const OF_A_REFUND: [&str; 2] = ["mchid", "success_time"];

/// Members that a sample leaves out: of another kind of order, contract or coupon than the sample is.
const LEFT_OUT: [(&str, &[&str]); 8] = [
    (
        "transaction-success",
        &["contract_id", "user_repaid", "trade_state", "device_info", "sub_appid", "settlement_total_fee"],
    ),
    ("COUPON.USE", &["singleitem_discount_off", "discount_to", "goods_detail", "business_type"]),
    ("PAYSCORE.USER_PAID", NOT_OF_A_SERVICE_ORDER),
    (
        "PAYSCORE.USER_CONFIRM",
        &[
            "user_service_status",
            "openorclose_time",
            "authorization_code",
            "out_request_no",
            "channel_id",
            "collection",
            "post_discounts",
            // Of a completed order.
            "total_amount",
            "need_collection",
        ],
    ),
    // Of a withdrawal of several sub-merchants.
    ("MCHWITHDRAW.CHANGE", &["total_amount", "success_amount", "fail_amount", "refund_amount"]),
    ("RECHARGE.SUCCESS", &["online_bank_recharge_info", "qr_recharge_info"]),
    ("RECHARGE.CLOSED", &["online_bank_recharge_info", "qr_recharge_info"]),
    ("MCHTRANSFER.BILL.FINISHED", &["mchid", "payment_method_type"]),
];

const NOT_OF_A_SERVICE_ORDER: &[&str] = &[
    "user_service_status",
    "openorclose_time",
    "authorization_code",
    "out_request_no",
    "channel_id",
    "state_description",
    "post_discounts",
];

/// Members of another event of the same thing, although the page marks them as always there: a contract that was signed a moment
/// ago has no end.
const OF_ANOTHER_EVENT: [(&str, &str); 4] = [
    ("ENTRUST.SIGN", "contract_terminate_info"),
    ("INSURANCE_ENTRUST.SIGN", "contract_terminate_info"),
    ("INSURANCE_ENTRUST.RENEW", "contract_terminate_info"),
    ("PAYSCORE.USER_SIGN_PLAN", "cancel_sign_time"),
];

/// Members that are there only if the sample fails, although their names do not say so.
const ONLY_OF_A_FAILURE: [(&str, &[&str]); 1] = [("MCHWITHDRAW.CHANGE", &["reason", "solution"])];

/// Members that only a failure has, of events that tell of one without a word that says so: whoever pays for a card (先享卡) gives
/// the discounts back, because the agreement was not kept.
const OF_A_FAILURE: [(&str, &str); 1] = [("DISCOUNT_CARD.USER_PAID", "unfinished_reason")];

/// What members say in one event. Pages show one state of a card (先享卡) only, that of one under way; what it says when the
/// agreement was kept, or was not, no page lists.
const IN_EVENT: [(&str, &str, &str); 47] = [
    ("transaction-success", "is_subscribe", "N"),
    ("PAYSCORE.USER_CONFIRM", "state_description", "USER_CONFIRM"),
    ("SETTLEMENT.SUCCESS", "state", "SUCCESS"),
    ("TRANSACTION.FAIL", "trade_state_description", "支付失败"),
    ("DISCOUNT_CARD.AGREEMENT_ENDED", "state", "FINISHED"),
    ("DISCOUNT_CARD.GET_CARD", "state", "ONGOING"),
    ("DISCOUNT_CARD.SETTLEMENT", "state", "FINISHED"),
    ("DISCOUNT_CARD.USER_ACCEPTED", "state", "ONGOING"),
    ("DISCOUNT_CARD.USER_PAID", "state", "UNFINISHED"),
    ("DISCOUNT_CARD.USER_PAID", "total_amount", "100"),
    ("DISCOUNT_CARD.USER_PAID", "pay_amount", "100"),
    ("PAYSCORE.USER_PAID", "state", "DONE"),
    ("PAYSCORE.USER_CONFIRM", "state", "DOING"),
    ("PAYSCORE.USER_OPEN_SERVICE", "user_service_status", "USER_OPEN_SERVICE"),
    ("PAYSCORE.USER_CLOSE_SERVICE", "user_service_status", "USER_CLOSE_SERVICE"),
    ("PAYSCORE.USER_ACCEPTED", "user_service_status", "USER_OPEN_SERVICE"),
    ("PAYSCORE.USER_OPEN_SERVICE", "contract_status", "ADD"),
    ("PAYSCORE.USER_ACCEPTED", "contract_status", "ADD"),
    ("ENTRUST.SIGNING", "contract_status", "ADD"),
    ("ENTRUST.RELEASE", "contract_status", "DELETE"),
    ("COUPON.USE", "status", "USED"),
    ("COUPON.USE", "coupon_type", "NORMAL"),
    ("COUPON.USE", "singleitem", "false"),
    ("COUPON.USE", "no_cash", "false"),
    ("TRANSACTION.FAIL", "trade_state", "PAY_FAIL"),
    ("TRANSACTION.FAIL", "trade_state_desc", "支付失败"),
    ("TRANSACTION.FAIL", "state", "DOING"),
    ("TRANSACTION.SUCCESS", "state", "DONE"),
    ("CHECK.SUCCESS", "state", "DOING"),
    ("CHECK.FAIL", "state", "CREATED"),
    ("TRANSACTION.INDUSTRY_FAILED", "trade_state", "PAY_FAIL"),
    ("TRANSACTION.INDUSTRY_FAILED", "trade_state_desc", "支付失败"),
    ("MCHTRANSFER.BATCH.FINISHED", "fail_num", "0"),
    ("MCHTRANSFER.BATCH.FINISHED", "fail_amount", "0"),
    ("ENTRUST.TERMINATE_INQUIRY", "contract_state", "SIGNED"),
    ("TRANSACTION.FAIL", "user_repaid", "N"),
    ("TRANSACTION.PAY_BACK", "trade_state", "PAY_BACK"),
    // Somebody else has paid before, and the person pays that back: words of our own.
    ("TRANSACTION.PAY_BACK", "trade_state_desc", "用户已还款"),
    ("TRANSACTION.PAY_BACK", "trade_state_description", "用户已还款"),
    ("TRANSACTION.PAY_BACK", "user_repaid", "Y"),
    ("FAPIAO.CARD_INSERTED", "fapiao_status", "ISSUED"),
    ("BRAND_MEMBER_CARD_SP.USER_CARD.CREATE", "user_card_state", "EFFECTIVE"),
    ("WEBIZPAY.QUOTACARDEXPIRED", "card_state", "DISABLED"),
    ("CREDIT_REPAYMENT.SIGN_CONTRACT", "contract_state", "CONTRACT_STATE_EFFECTIVE"),
    ("ABNORMAL_FUND_PROCESSING.TRANSFER.SUCCESS", "receipt_state", "RECEIPT_STATE_COMPLETED"),
    ("VEHICLE.ENTRANCE_STATE_CHANGE", "parking_state", "NORMAL"),
    ("EDU_SCHOOL_PAY.USER_DEBT_STATE_UPDATE", "state", "FORBIDDEN"),
];

/// What members say in every event, where neither their page nor another one says it.
const USUAL: [(&str, &str); 21] = [
    ("trade_state", "SUCCESS"),
    ("trade_state_desc", "支付成功"),
    ("return_code", "SUCCESS"),
    ("result_code", "SUCCESS"),
    ("return_msg", "OK"),
    ("result_msg", "OK"),
    ("err_code_des", "系统错误"),
    ("bank_type", "CMC"),
    ("trade_type", "JSAPI"),
    ("currency", "CNY"),
    ("payer_currency", "CNY"),
    ("fee_type", "CNY"),
    ("cash_fee_type", "CNY"),
    ("refund_fee_type", "CNY"),
    ("user_received_account", "招商银行信用卡0403"),
    ("refund_recv_accout", "招商银行信用卡0403"),
    ("recv_account", "招商银行信用卡0403"),
    ("refund_account", "REFUND_SOURCE_RECHARGE_FUNDS"),
    ("attach", "weipay trigger"),
    ("unionid", ""),
    ("country_code", "86"),
];

/// What a member says in this event, or everywhere.
pub(super) fn in_event(event: &str, name: &str) -> Option<&'static str> {
    let found = IN_EVENT.iter().find(|(known, member, _)| *known == event && *member == name);
    found.map(|(_, _, value)| *value)
}

pub(super) fn usual(name: &str) -> Option<&'static str> {
    USUAL.iter().find(|(usual, _)| *usual == name).map(|(_, text)| *text)
}

/// Whether a member is never there, or always, whatever the page marks; `None` if nothing is known of it.
pub(super) fn is_there(described: &Notification, field: &Field) -> Option<bool> {
    let names = |rows: &[(&str, &str)]| rows.contains(&(described.event, field.name));
    if names(&OF_ANOTHER_EVENT) {
        Some(false)
    } else if names(&OF_A_FAILURE) {
        Some(true)
    } else {
        None
    }
}

/// Whether a member is there only if the sample fails.
pub(super) fn is_of_a_failure(described: &Notification, field: &Field) -> bool {
    ONLY_OF_A_FAILURE.iter().any(|(event, names)| *event == described.event && names.contains(&field.name))
}

#[cfg(test)]
pub(super) fn said_in_events() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    IN_EVENT.into_iter()
}

/// Whether a member that is not required belongs to the kind of thing that the sample is.
pub(super) fn is_of_the_kind(described: &Notification, field: &Field) -> bool {
    if described.version == ApiVersion::V3 && described.event == "TRANSACTION.SUCCESS" {
        return OF_AN_ORDER.contains(&field.name);
    }
    if described.version == ApiVersion::V3 && described.event.starts_with("REFUND.") {
        return OF_A_REFUND.contains(&field.name);
    }
    !LEFT_OUT.iter().any(|(event, names)| *event == described.event && names.contains(&field.name))
}
