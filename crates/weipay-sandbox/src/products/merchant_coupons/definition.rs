//! The definition of a stock when it is created, and its rules beyond the contract.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::refusals;
use crate::products::coupon_stocks::caps::Caps;
use crate::products::coupon_stocks::validity::{Dialect, Validity};
use crate::response::Refusal;
use crate::words::words;

/// A stock's definition: the members of the create request, and what the platform reads out of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Definition {
    /// The members as they were accepted, without `out_request_no`, and with what the platform fills in.
    pub(crate) members: Map<String, Value>,
    pub(crate) stock_type: StockType,
    pub(crate) code_mode: CodeMode,
    pub(crate) validity: Validity,
    pub(crate) caps: Caps,
    /// The value of a coupon of a NORMAL stock, in fen.
    pub(crate) discount_amount: Option<i64>,
}

/// `coupon_available_time`.
pub(crate) static BUSIFAVOR_TIMES: Dialect = Dialect {
    days: "available_day_after_receive",
    seconds: "available_second_after_receive",
    week: "available_week",
    weekdays: "week_day",
    hours: "available_day_time",
    intervals: "irregulary_avaliable_time",
    weekday: |day| day.as_i64().filter(|day| (0..=6).contains(day)),
    weekday_rule: "week_day goes from 0 (Sunday) to 6",
};

words! {
    /// The kind of discount (批次类型).
    pub(crate) enum StockType {
        /// `NORMAL`: an amount.
        Normal = "NORMAL",
        /// `DISCOUNT`: a part.
        Discount = "DISCOUNT",
        /// `EXCHANGE`: all but a price.
        Exchange = "EXCHANGE",
    }
    fn from_word;
}

words! {
    /// How coupons of a stock get their code (券code模式).
    pub(crate) enum CodeMode {
        /// `WECHATPAY_MODE`: the platform makes it.
        WechatPay = "WECHATPAY_MODE",
        /// `MERCHANT_API`: the merchant says it when sending.
        MerchantApi = "MERCHANT_API",
        /// `MERCHANT_UPLOAD`: the merchant stored codes before.
        MerchantUpload = "MERCHANT_UPLOAD",
    }
    fn from_word;
}

impl Definition {
    /// Reads the members of a create request, or of a stored definition.
    pub(crate) fn read(members: Map<String, Value>) -> Result<Self, Refusal> {
        let read = Self::from_members(members).map_err(refusals::request_parameters)?;
        if read.caps.total < 1 || read.caps.by_day == Some(0) {
            return Err(refusals::request_parameters(
                "max_amount and max_amount_by_day must pay for one coupon at least",
            ));
        }
        Ok(read)
    }

    /// Or the rule that the members break.
    fn from_members(mut members: Map<String, Value>) -> Result<Self, Cow<'static, str>> {
        members.remove("out_request_no");
        let rule = members.get("coupon_use_rule").ok_or("coupon_use_rule is missing")?;
        let stock_type = StockType::from_word(text(&members, "stock_type").unwrap_or_default())
            .ok_or("stock_type is one of NORMAL, DISCOUNT and EXCHANGE")?;
        let discount_amount = worth(stock_type, rule)?;
        let times = rule.get("coupon_available_time").ok_or("coupon_available_time is missing")?;
        let validity = Validity::read(times, &BUSIFAVOR_TIMES)?;
        check_place_of_use(rule)?;
        let code_mode = CodeMode::from_word(text(&members, "coupon_code_mode").unwrap_or_default())
            .ok_or("coupon_code_mode is one of WECHATPAY_MODE, MERCHANT_API and MERCHANT_UPLOAD")?;
        let send_rule = members.get("stock_send_rule").ok_or("stock_send_rule is missing")?;
        let caps = read_caps(send_rule, discount_amount)?;
        // The response for a stock with an amount budget has the number of coupons that it pays for.
        if let Some(Value::Object(send_rule)) = members.get_mut("stock_send_rule") {
            send_rule.insert("max_coupons".to_owned(), json!(caps.total));
        }
        Ok(Self { members, stock_type, code_mode, validity, caps, discount_amount })
    }

    /// Whether all accounts of a person count together (`natural_person_limit`).
    pub(crate) fn limits_natural_persons(&self) -> bool {
        let rule = self.members.get("stock_send_rule");
        rule.and_then(|rule| rule.get("natural_person_limit")) == Some(&Value::Bool(true))
    }

    /// The merchant that the stock belongs to (批次归属商户号).
    pub(crate) fn belong_merchant(&self) -> &str {
        text(&self.members, "belong_merchant").unwrap_or_default()
    }
}

/// A definition is stored as its members, and read as it was when the stock was created.
impl Serialize for Definition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Definition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::<String, Value>::deserialize(deserializer)?;
        Self::from_members(members).map_err(D::Error::custom)
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// Checks that the block of the stock's own type is there and complete. `Some(fen)` for NORMAL.
///
/// INFERRED(stock-blocks): blocks of other types are ignored, because an official sample carries all three.
fn worth(stock_type: StockType, rule: &Value) -> Result<Option<i64>, &'static str> {
    let number = |block: &str, name: &str| rule.get(block)?.get(name)?.as_i64();
    let (block, member, missing) = match stock_type {
        StockType::Normal => (
            "fixed_normal_coupon",
            "discount_amount",
            "stock_type NORMAL needs discount_amount and transaction_minimum in coupon_use_rule.fixed_normal_coupon",
        ),
        StockType::Discount => (
            "discount_coupon",
            "discount_percent",
            "stock_type DISCOUNT needs discount_percent and transaction_minimum in coupon_use_rule.discount_coupon",
        ),
        StockType::Exchange => (
            "exchange_coupon",
            "exchange_price",
            "stock_type EXCHANGE needs exchange_price and transaction_minimum in coupon_use_rule.exchange_coupon",
        ),
    };
    let value = number(block, member).ok_or(missing)?;
    number(block, "transaction_minimum").ok_or(missing)?;
    Ok((stock_type == StockType::Normal).then_some(value))
}

/// A coupon that is used in a mini-program must say in which.
fn check_place_of_use(rule: &Value) -> Result<(), &'static str> {
    let text = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("use_method") {
        "MINI_PROGRAMS"
            if text("mini_programs_appid").is_empty() || text("mini_programs_path").is_empty() =>
        {
            Err("use_method MINI_PROGRAMS needs mini_programs_appid and mini_programs_path")
        }
        "MINI_PROGRAMS" | "OFF_LINE" | "PAYMENT_CODE" | "SELF_CONSUME" => Ok(()),
        _ => Err("use_method is one of OFF_LINE, MINI_PROGRAMS, PAYMENT_CODE and SELF_CONSUME"),
    }
}

fn read_caps(rule: &Value, discount_amount: Option<i64>) -> Result<Caps, &'static str> {
    let number = |name: &str| rule.get(name).and_then(Value::as_i64);
    let by_amount = |name: &str| number(name)?.checked_div(discount_amount?);
    // Of a number and an amount, whichever ends first is the budget.
    let smaller =
        |of_number: Option<i64>, of_amount: Option<i64>| of_number.into_iter().chain(of_amount).min();
    let total = smaller(number("max_coupons"), by_amount("max_amount"));
    let by_user = number("max_coupons_per_user").ok_or("stock_send_rule needs max_coupons_per_user")?;
    Ok(Caps {
        total: total.ok_or("stock_send_rule needs max_coupons, or for stock_type NORMAL a max_amount")?,
        by_user: Some(by_user),
        by_day: smaller(number("max_coupons_by_day"), by_amount("max_amount_by_day")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::stock_request;

    fn with(pointer: &str, value: Value) -> Result<Definition, Refusal> {
        let mut request = Value::Object(stock_request());
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        request.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
        let Value::Object(members) = request else { unreachable!() };
        Definition::read(members)
    }

    fn is_refused(pointer: &str, value: Value) {
        let refusal = with(pointer, value).unwrap_err();
        assert_eq!(
            (refusal.status, refusal.code, &*refusal.message),
            (400, "PARAM_ERROR", "请求参数错误"),
            "{pointer}"
        );
        assert!(refusal.reason.is_some(), "{pointer}");
    }

    #[test]
    fn the_block_of_the_stocks_own_type_must_be_there() {
        is_refused("/coupon_use_rule/fixed_normal_coupon", Value::Null);
        is_refused("/coupon_use_rule/fixed_normal_coupon", json!({ "discount_amount": 5 }));
        is_refused("/stock_type", json!("DISCOUNT"));
        is_refused("/stock_type", json!("CASH"));
        with("/coupon_use_rule/discount_coupon", json!({ "discount_percent": 88, "transaction_minimum": 1 }))
            .unwrap();
    }

    #[test]
    fn a_mini_program_coupon_says_in_which_mini_program() {
        is_refused("/coupon_use_rule/use_method", json!("MINI_PROGRAMS"));
        is_refused("/coupon_use_rule/use_method", json!("BY_PIGEON"));
    }

    #[test]
    fn an_amount_budget_becomes_a_number_of_coupons() {
        let rule = json!({ "max_amount": 100_000, "max_coupons_per_user": 2 });
        let mut definition = with("/stock_send_rule", rule).unwrap();
        assert_eq!(definition.caps.total, 20_000);
        assert_eq!(definition.members.remove("stock_send_rule").unwrap()["max_coupons"], 20_000);
        is_refused("/stock_send_rule", json!({ "max_coupons_per_user": 2 }));
        is_refused("/stock_send_rule", json!({ "max_amount": 4, "max_coupons_per_user": 2 }));
        is_refused(
            "/stock_send_rule",
            json!({ "max_coupons": 9, "max_amount": 4, "max_coupons_per_user": 2 }),
        );
        let by_day = json!({ "max_coupons": 9, "max_amount_by_day": 4, "max_coupons_per_user": 2 });
        is_refused("/stock_send_rule", by_day);
    }

    #[test]
    fn of_a_number_and_an_amount_the_smaller_budget_counts() {
        let rule = json!({
            "max_coupons": 100, "max_amount": 5, "max_coupons_by_day": 9, "max_amount_by_day": 15,
            "max_coupons_per_user": 2,
        });
        let definition = with("/stock_send_rule", rule).unwrap();
        assert_eq!((definition.caps.total, definition.caps.by_day), (1, Some(3)));
        assert_eq!(definition.members["stock_send_rule"]["max_coupons"], 1);
        let rule = json!({ "max_coupons": 3, "max_amount": 50, "max_coupons_per_user": 2 });
        assert_eq!(with("/stock_send_rule", rule).unwrap().caps.total, 3);
    }

    #[test]
    fn a_stored_definition_reads_back_the_same() {
        let definition = Definition::read(stock_request()).unwrap();
        assert_eq!(Definition::read(definition.members.clone()).unwrap(), definition);
        assert_eq!(definition.members.get("out_request_no"), None);
    }
}
