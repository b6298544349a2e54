//! A row of a trade bill (交易账单), with a method for each column. Bills of APIv2 have older names for some.

use super::typed_row::typed_row;

typed_row! {
    /// A row of a trade bill (交易账单). A column that the bill does not have reads as an empty text, or as nothing:
    /// bills of `bill_type=SUCCESS` have no refunds, those of `REFUND` two times more.
    Trade in trade, 29;
    /// When it was paid or refunded
    time: seconds = "交易时间",
    /// The app that the order was created with
    appid: text = "公众账号ID",
    /// The merchant number
    mchid: text = "商户号",
    /// The sub-merchant's number, `0` for a direct merchant
    sub_mchid: text = "特约商户号" | "子商户号",
    /// The device
    device: text = "设备号",
    /// The platform's number of the order
    transaction_id: text = "微信订单号",
    /// The merchant's number of the order
    out_trade_no: text = "商户订单号",
    /// Who paid
    openid: text = "用户标识",
    /// How it was paid: `JSAPI`, `APP`, `MICROPAY`, ..
    trade_type: text = "交易类型",
    /// `SUCCESS`, `REFUND` or `REVOKED`
    trade_state: text = "交易状态",
    /// The bank that paid
    bank: text = "付款银行",
    /// The currency
    currency: text = "货币种类",
    /// What is settled for the order, before the fee
    settlement_total: amount = "应结订单金额" | "总金额",
    /// What cash coupons paid
    coupon_total: amount = "代金券金额" | "企业红包金额" | "代金券或立减优惠金额",
    /// When the refund was asked for
    refund_create_time: seconds = "退款申请时间",
    /// When the refund was paid
    refund_success_time: seconds = "退款成功时间",
    /// The platform's number of the refund, `0` for a payment
    refund_id: text = "微信退款单号",
    /// The merchant's number of the refund, `0` for a payment
    out_refund_no: text = "商户退款单号",
    /// What was refunded
    refund_total: amount = "退款金额",
    /// What of it goes back to cash coupons
    coupon_refund_total: amount = "充值券退款金额" | "企业红包退款金额" | "代金券或立减优惠退款金额",
    /// Where the refund goes
    refund_type: text = "退款类型",
    /// `SUCCESS`, `PROCESSING`, `FAIL` or `CHANGE`
    refund_state: text = "退款状态",
    /// The name of the goods
    description: text = "商品名称",
    /// What the merchant attached to the order
    attach: text = "商户数据包",
    /// The fee, with five decimals
    fee: amount = "手续费",
    /// The rate of the fee, as `0.60%`
    rate: text = "费率",
    /// What the order was created with
    total: amount = "订单金额",
    /// What was asked to be refunded
    refund_asked: amount = "申请退款金额",
    /// A remark about the rate
    rate_remark: text = "费率备注",
}
