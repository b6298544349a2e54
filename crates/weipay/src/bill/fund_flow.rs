//! A row of a fund flow bill (资金账单), also one of a sub-merchant (子商户资金账单), with a method for each column.
//! <https://pay.weixin.qq.com/docs/merchant/products/bill-download/format-fundflow.html>

use super::typed_row::typed_row;

typed_row! {
    /// A row of a fund flow bill (资金账单), also one of a sub-merchant: money that came to an account or left it. A column that the
    /// bill does not have reads as an empty text, or as nothing.
    FundFlow in fund_flow, 11;
    /// When the balance changed
    time: seconds = "记账时间",
    /// The platform's number of what happened
    transaction_id: text = "微信支付业务单号",
    /// The number of the movement of money
    flow_id: text = "资金流水单号",
    /// What kind of business it belongs to, such as `交易` or `退款`
    business: text = "业务名称",
    /// What it is in that, such as `扣除交易手续费`
    business_type: text = "业务类型",
    /// `收入` if money came, `支出` if it left: see [`is_income`](Self::is_income)
    direction: text = "收支类型",
    /// How much money moved; the direction says whether it came or left
    amount: amount = "收支金额(元)" | "收支金额（元）",
    /// What the account has afterwards
    balance: amount = "账户结余(元)" | "账户结余（元）",
    /// Who caused it: an account of a person, `API` or `system`
    applicant: text = "资金变更提交申请人",
    /// A remark of the merchant
    remark: text = "备注",
    /// The number of the voucher, which is often that of the order
    voucher_id: text = "业务凭证号",
}

impl FundFlow<'_> {
    /// Whether money came; `None` if the bill says neither `收入` nor `支出`.
    #[must_use]
    pub fn is_income(&self) -> Option<bool> {
        match self.direction() {
            "收入" => Some(true),
            "支出" => Some(false),
            _ => None,
        }
    }
}
