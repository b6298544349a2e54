//! Choices that no source settles: values and sentences. A choice of behaviour is marked where it is made.

/// UNCONFIRMED: what the platform takes of a payment, in thousandths, rounded half up. Many merchants pay 0.6 %.
pub(super) const FEE_PERMILLE: i64 = 6;

/// UNCONFIRMED: more fen than this need the password, when a person pays by 付款码.
pub(super) const MAX_WITHOUT_PASSWORD: i64 = 100_000;

/// UNCONFIRMED: `bank_type` of a payment by a bank card. `OTHERS`, from the wallet, is documented.
pub(super) const BANK_TYPE: &str = "CMC";
/// UNCONFIRMED: the same, when the kind of the card is said.
pub(super) const BANK_TYPE_OF_DEBIT_CARD: &str = "CMB_DEBIT";
/// UNCONFIRMED.
pub(super) const BANK_TYPE_OF_CREDIT_CARD: &str = "CMB_CREDIT";

/// Sentences that no source prints.
pub(super) mod words {
    /// UNCONFIRMED.
    pub(in super::super) const ONLY_REVERSED: &str = "该交易不允许关单，仅可撤销";
    /// UNCONFIRMED.
    pub(in super::super) const NOT_REVERSIBLE: &str = "该交易不允许撤销";
    /// UNCONFIRMED.
    pub(in super::super) const NO_SUCH_MERCHANT: &str = "子单商户号不存在";
    /// UNCONFIRMED.
    pub(in super::super) const NO_OPENID: &str = "JSAPI支付必须传openid";
    /// UNCONFIRMED.
    pub(in super::super) const NUMBER_OF_PARTS: &str = "合单子单数量超过限制";
}
