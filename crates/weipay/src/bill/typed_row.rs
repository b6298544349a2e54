//! Rows of trade bills (交易账单) and of fund flow bills (资金账单) with a method for each column, which finds its place once
//! for a whole bill. Bills of APIv2 have older names for some.
//! <https://pay.weixin.qq.com/docs/merchant/products/bill-download/format-fundflow.html>

/// Writes a struct with a method for each column. Each column has every name that bills give it.
macro_rules! typed_row {
    (
        $(#[$row_doc:meta])* $row:ident in $field:ident, $count:literal;
        $($(#[$doc:meta])* $method:ident: $kind:ident = $name:literal $(| $older:literal)*,)+
    ) => {
        mod $field {
            #[allow(non_camel_case_types, reason = "named by the method, for their order alone")]
            pub(super) enum Place {
                $($method,)+
            }
        }

        $(#[$row_doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $row<'a>(&'a super::Row);

        impl<'a> $row<'a> {
            /// The columns by place in [`super::Columns`], each under every name that bills give it.
            pub(super) const COLUMNS: [&'static [&'static str]; $count] = [$(&[$name $(, $older)*]),+];

            pub(super) fn new(row: &'a super::Row) -> Self {
                Self(row)
            }

            fn value(&self, place: $field::Place) -> &'a str {
                self.0.columns.$field[place as usize].map_or("", |at| self.0.value(at.into()))
            }

            fn some(&self, place: $field::Place) -> Option<&'a str> {
                Some(self.value(place)).filter(|value| !value.is_empty())
            }

            $(typed_row! { @$kind $field $(#[$doc])* $method $name })+
        }
    };
    (@text $field:ident $(#[$doc:meta])* $method:ident $name:literal) => {
        $(#[$doc])*
        #[doc = concat!("(", $name, ")")]
        #[must_use]
        pub fn $method(&self) -> &'a str {
            self.value($field::Place::$method)
        }
    };
    (@amount $field:ident $(#[$doc:meta])* $method:ident $name:literal) => {
        $(#[$doc])*
        #[doc = concat!("(", $name, "), in yuan")]
        ///
        /// # Errors
        ///
        /// If the value is not an amount.
        pub fn $method(&self) -> Result<Option<super::Amount>, super::ValueError> {
            self.some($field::Place::$method).map(str::parse).transpose()
        }
    };
    (@seconds $field:ident $(#[$doc:meta])* $method:ident $name:literal) => {
        $(#[$doc])*
        #[doc = concat!("(", $name, "), in seconds since 1970")]
        ///
        /// # Errors
        ///
        /// If the value is not a time.
        pub fn $method(&self) -> Result<Option<i64>, super::ValueError> {
            self.some($field::Place::$method).map(super::value::unix_seconds).transpose()
        }
    };
}

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
    /// The openid of the payer
    openid: text = "用户标识",
    /// How it was paid: `JSAPI`, `APP`, `MICROPAY`, ..
    trade_type: text = "交易类型",
    /// `SUCCESS`, `REFUND` or `REVOKED`
    trade_state: text = "交易状态",
    /// The bank that paid
    bank: text = "付款银行",
    /// The currency
    currency: text = "货币种类",
    /// The amount that is settled for the order, before the fee
    settlement_total: amount = "应结订单金额" | "总金额",
    /// The amount that cash coupons paid
    coupon_total: amount = "代金券金额" | "企业红包金额" | "代金券或立减优惠金额",
    /// When the refund was requested
    refund_create_time: seconds = "退款申请时间",
    /// When the refund was paid
    refund_success_time: seconds = "退款成功时间",
    /// The platform's number of the refund, `0` for a payment
    refund_id: text = "微信退款单号",
    /// The merchant's number of the refund, `0` for a payment
    out_refund_no: text = "商户退款单号",
    /// The amount that was refunded
    refund_total: amount = "退款金额",
    /// The part of the refund that goes back to cash coupons
    coupon_refund_total: amount = "充值券退款金额" | "企业红包退款金额" | "代金券或立减优惠退款金额",
    /// Where the refund goes
    refund_type: text = "退款类型",
    /// `SUCCESS`, `PROCESSING`, `FAIL` or `CHANGE`
    refund_state: text = "退款状态",
    /// The name of the goods
    description: text = "商品名称",
    /// The text that the merchant attached to the order
    attach: text = "商户数据包",
    /// The fee, with five decimals
    fee: amount = "手续费",
    /// The rate of the fee, as `0.60%`
    rate: text = "费率",
    /// The amount that the order was created with
    total: amount = "订单金额" | "总金额",
    /// The amount that was requested as the refund
    refund_asked: amount = "申请退款金额",
    /// A remark about the rate
    rate_remark: text = "费率备注",
}

typed_row! {
    /// A row of a fund flow bill (资金账单), also one of a sub-merchant: money that came to an account or left it. A column
    /// that the bill does not have reads as an empty text, or as nothing.
    FundFlow in fund_flow, 11;
    /// When the balance changed
    time: seconds = "记账时间",
    /// The platform's number of what happened
    transaction_id: text = "微信支付业务单号",
    /// The number of the movement of money
    flow_id: text = "资金流水单号",
    /// The kind of business, such as `交易` or `退款`
    business: text = "业务名称",
    /// The kind within that business, such as `扣除交易手续费`
    business_type: text = "业务类型",
    /// `收入` if money came, `支出` if it left: see [`is_income`](Self::is_income)
    direction: text = "收支类型",
    /// How much money moved; the direction says whether it came or left
    amount: amount = "收支金额(元)" | "收支金额（元）",
    /// The balance of the account afterwards
    balance: amount = "账户结余(元)" | "账户结余（元）",
    /// The account that caused it: that of a person, `API` or `system`
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
