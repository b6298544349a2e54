//! The words that records have and merchants see. A record of an older sandbox is read by them, so none may change: here they
//! stand a second time.

use std::path::Path;

use crate::source_code::sources;

/// File, enumeration and words. A new word stands behind the others of its enumeration; what is stored keeps its word.
const WORDS: [(&str, &str, &[&str]); 32] = [
    ("merchants/record.rs", "CertificateState", &["valid", "expired", "revoked", "not-yet-valid"]),
    ("merchants/record.rs", "PlatformKeys", &["public-key", "certificate", "migration"]),
    ("merchants/rotation.rs", "KeyKind", &["public-key", "certificate"]),
    ("merchants/rotation.rs", "RotationStep", &["begin", "switch", "finish"]),
    ("notifications/record.rs", "AttemptKind", &["scheduled", "replay", "duplicate", "probe", "triggered"]),
    ("notifications/record.rs", "NotificationState", &["waiting", "held", "acknowledged", "given_up"]),
    ("people/account.rs", "AccountState", &["normal", "frozen", "cancelled", "unverified"]),
    ("products/balance/top_up.rs", "MerchantAccount", &["operation", "basic", "marketing"]),
    ("products/cash_coupons/coupon.rs", "CouponState", &["SENDED", "USED", "EXPIRED"]),
    ("products/cash_coupons/flow.rs", "FlowKind", &["use", "refund"]),
    ("products/cash_coupons/stock.rs", "StockState", &["unactivated", "running", "paused", "stoped"]),
    ("products/complaints/complaint.rs", "ComplaintState", &["PENDING", "PROCESSING", "PROCESSED"]),
    (
        "products/complaints/rules.rs",
        "PersonStep",
        &[
            "reply",
            "continue",
            "withdraw",
            "ask-platform",
            "cancel-platform",
            "platform-reply",
            "platform-end",
        ],
    ),
    (
        "products/merchant_coupons/coupon.rs",
        "CouponState",
        &["SENDED", "USED", "EXPIRED", "DELETED", "DEACTIVATED"],
    ),
    (
        "products/merchant_coupons/definition.rs",
        "CodeMode",
        &["WECHATPAY_MODE", "MERCHANT_API", "MERCHANT_UPLOAD"],
    ),
    ("products/merchant_coupons/definition.rs", "StockType", &["NORMAL", "DISCOUNT", "EXCHANGE"]),
    ("products/merchant_coupons/stock.rs", "StockState", &["UNAUDIT", "RUNNING", "STOPED", "PAUSED"]),
    ("products/pay_score/messages.rs", "MessageKind", &["pending", "prepaid"]),
    ("products/payments/person.rs", "BankCard", &["debit", "credit"]),
    (
        "products/payments/person.rs",
        "PaymentFailure",
        &["not-enough-balance", "frozen", "real-name-mismatch", "limit", "wrong-password", "cancel"],
    ),
    ("products/payments/refund/record.rs", "RefundState", &["PROCESSING", "SUCCESS", "ABNORMAL", "CLOSED"]),
    (
        "products/payments/trade.rs",
        "OrderState",
        &["NOTPAY", "USERPAYING", "SUCCESS", "REFUND", "CLOSED", "REVOKED", "PAYERROR", "ACCEPT", "PAY_FAIL"],
    ),
    (
        "products/payments/trade.rs",
        "TradeType",
        &["JSAPI", "NATIVE", "APP", "MWEB", "MICROPAY", "PAP", "AUTH"],
    ),
    ("products/payouts/red_packet.rs", "RedPacketState", &["SENT", "RECEIVED", "REFUND"]),
    ("products/payouts/to_bank.rs", "BankPaymentState", &["PROCESSING", "SUCCESS", "FAILED", "BANK_FAIL"]),
    (
        "products/product_coupons/coupon.rs",
        "CouponState",
        &["CONFIRMING", "PENDING", "EFFECTIVE", "USED", "EXPIRED", "DELETED", "DEACTIVATED"],
    ),
    ("products/product_coupons/stock.rs", "ProductStockState", &["AUDITING", "SENDING", "PAUSED", "STOPPED"]),
    ("products/recharges/recharge.rs", "Channel", &["BANK_TRANSFER", "QR_RECHARGE", "ONLINE_BANK"]),
    ("products/recharges/recharge.rs", "State", &["RECHARGING", "SUCCESS", "CLOSED"]),
    (
        "products/transfers/authorization.rs",
        "AuthorizationState",
        &["WAIT_USER_CONFIRM", "TAKING_EFFECT", "CLOSED"],
    ),
    (
        "products/transfers/transfer.rs",
        "TransferState",
        &["WAIT_USER_CONFIRM", "TRANSFERING", "SUCCESS", "FAIL", "CANCELING", "CANCELLED"],
    ),
    ("products/withdrawals/withdrawal.rs", "State", &["CREATE_SUCCESS", "SUCCESS", "FAIL", "REFUND"]),
];

#[test]
fn no_word_of_a_record_has_changed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut found = Vec::new();
    for (file, text) in &files {
        let file = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        // The macro and its own tests.
        if file == "words.rs" {
            continue;
        }
        for part in text.split("words! {").skip(1) {
            let lines = part.lines().take_while(|line| *line != "}");
            let mut name = "";
            let mut words = Vec::new();
            for line in lines {
                if let Some((_, rest)) = line.split_once("enum ") {
                    name = rest.trim_end_matches(" {");
                } else if let Some((_, word)) = line.split_once(" = \"") {
                    words.push(word.trim_end_matches("\","));
                }
            }
            found.push((file.clone(), name, words));
        }
    }
    found.sort();
    let known = WORDS.map(|(file, name, words)| (file.to_owned(), name, words.to_vec()));
    assert_eq!(found, known);
}
