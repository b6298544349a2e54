//! What a partner says of a product coupon and of a stock when creating them, and the rules that this must
//! keep beyond its contract.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::refusals;
use crate::products::coupon_stocks::caps::Caps;
use crate::products::coupon_stocks::validity::{Dialect, Validity};
use crate::response::Refusal;

/// How often a coupon can be used (使用模式).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UsageMode {
    /// `SINGLE`: once.
    Single,
    /// `SEQUENTIAL`: one coupon, used a number of times, within a number of days, with a pause between two uses.
    Sequential { count: i64, days: i64, interval_days: i64 },
    /// `PROGRESSIVE_BUNDLE`: several coupons that a user gets together and uses one after the other.
    Bundle { count: i64, interval_days: i64 },
}

/// How coupons of a stock get their code (券Code分配模式).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeMode {
    /// `WECHATPAY`: the platform makes it.
    WechatPay,
    /// `UPLOAD`: the partner stored codes before.
    Upload,
    /// `API_ASSIGN`: the partner says it when sending.
    ApiAssign,
}

/// A stock's definition: the members of the request, and what the platform reads out of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredDefinition", into = "StoredDefinition")]
pub(crate) struct Definition {
    pub(crate) members: Map<String, Value>,
    /// The days of a coupon of several uses, which the product coupon says.
    days: Option<i64>,
    pub(crate) code_mode: CodeMode,
    pub(crate) validity: Validity,
    pub(crate) caps: Caps,
}

/// A definition is stored as what was said, and read as it was when the stock was created.
#[derive(Clone, Serialize, Deserialize)]
struct StoredDefinition {
    members: Map<String, Value>,
    #[serde(default)]
    days: Option<i64>,
}

/// The member with the rules of a stock, for each usage mode.
const USAGE_RULES: [&str; 3] =
    ["single_usage_rule", "sequential_usage_rule", "progressive_bundle_usage_rule"];

const MAX_COUNT: i64 = 100_000_000;
const MAX_COUNT_PER_USER: i64 = 100;
/// How many times a coupon of several uses can be used, and how many coupons a bundle has.
const USES: std::ops::RangeInclusive<i64> = 3..=15;
const NAME_LETTERS: std::ops::RangeInclusive<usize> = 3..=15;
const MAX_WAIT_DAYS: i64 = 30;
const MAX_INTERVALS: usize = 2;

/// `coupon_available_period`.
static TIMES: Dialect = Dialect {
    days: "available_days",
    seconds: "available_seconds",
    week: "weekly_available_period",
    weekdays: "day_list",
    hours: "day_period_list",
    intervals: "irregular_available_period_list",
    weekday: |day| {
        const DAYS: [&str; 7] =
            ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];
        let name = day.as_str()?;
        i64::try_from(DAYS.iter().position(|known| *known == name)?).ok()
    },
    weekday_rule: "day_list has the names of weekdays, such as MONDAY",
};

impl UsageMode {
    /// Reads the usage mode of a product coupon.
    pub(crate) fn read(members: &Map<String, Value>) -> Result<Self, Refusal> {
        let number = |object: &str, name: &str| members.get(object)?.get(name)?.as_i64();
        let count = |object: &'static str| {
            let count = number(object, "count").filter(|count| USES.contains(count));
            count.ok_or_else(|| refusals::parameters(format!("{object} needs a count from 3 to 15")))
        };
        let interval = |object: &str| number(object, "interval_days").unwrap_or_default().max(0);
        match text(members, "usage_mode") {
            "SINGLE" => Ok(Self::Single),
            "SEQUENTIAL" => Ok(Self::Sequential {
                count: count("sequential_usage_info")?,
                days: number("sequential_usage_info", "available_days").filter(|days| *days > 0).ok_or_else(
                    || refusals::parameters("sequential_usage_info needs available_days from 1"),
                )?,
                interval_days: interval("sequential_usage_info"),
            }),
            "PROGRESSIVE_BUNDLE" => Ok(Self::Bundle {
                count: count("progressive_bundle_usage_info")?,
                interval_days: interval("progressive_bundle_usage_info"),
            }),
            _ => Err(refusals::parameters("usage_mode is one of SINGLE, SEQUENTIAL and PROGRESSIVE_BUNDLE")),
        }
    }

    /// How often one coupon can be used.
    pub(crate) fn uses(self) -> usize {
        match self {
            Self::Sequential { count, .. } => usize::try_from(count).unwrap_or(1),
            Self::Single | Self::Bundle { .. } => 1,
        }
    }

    /// How many days must be between two uses.
    pub(crate) fn interval_days(self) -> i64 {
        match self {
            Self::Single => 0,
            Self::Sequential { interval_days, .. } | Self::Bundle { interval_days, .. } => interval_days,
        }
    }

    /// The member of a stock that has its rules.
    const fn rule(self) -> &'static str {
        match self {
            Self::Single => "single_usage_rule",
            Self::Sequential { .. } => "sequential_usage_rule",
            Self::Bundle { .. } => "progressive_bundle_usage_rule",
        }
    }
}

impl CodeMode {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "WECHATPAY" => Some(Self::WechatPay),
            "UPLOAD" => Some(Self::Upload),
            "API_ASSIGN" => Some(Self::ApiAssign),
            _ => None,
        }
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> &'a str {
    members.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The name that a product coupon is shown with has 3 to 15 characters.
pub(super) fn check_display_info(members: &Map<String, Value>) -> Result<(), Refusal> {
    let name = members.get("display_info").and_then(|info| info.get("name")).and_then(Value::as_str);
    if NAME_LETTERS.contains(&name.unwrap_or_default().chars().count()) {
        return Ok(());
    }
    Err(refusals::parameters("display_info.name has 3 to 15 characters"))
}

impl Definition {
    /// Reads the definition of a stock of such a product coupon.
    pub(crate) fn read(
        product: &Map<String, Value>,
        usage: UsageMode,
        mut members: Map<String, Value>,
    ) -> Result<Self, Refusal> {
        // INFERRED(stock-blocks): the rules of other usage modes are ignored, and not kept.
        members.retain(|name, _| name == usage.rule() || !USAGE_RULES.contains(&name.as_str()));
        let rule = members.get(usage.rule());
        let rule = rule
            .ok_or_else(|| refusals::parameters(format!("usage_mode needs {} in the stock", usage.rule())))?;
        check_discount(product, usage, rule).map_err(refusals::parameters)?;
        let days = match usage {
            UsageMode::Sequential { days, .. } => Some(days),
            UsageMode::Single | UsageMode::Bundle { .. } => None,
        };
        let definition = Self::from_members(members, days).map_err(refusals::parameters)?;
        definition.validity.check_numbers(&TIMES).map_err(refusals::parameters)?;
        Ok(definition)
    }

    /// The definitions of the stocks of a bundle: all alike but for what a coupon takes off, which the lists say one by one.
    pub(crate) fn read_bundle(
        product: &Map<String, Value>,
        usage: UsageMode,
        members: &Map<String, Value>,
    ) -> Result<Vec<Self>, Refusal> {
        let UsageMode::Bundle { count, .. } = usage else {
            return Err(refusals::usage_mode(
                "only a product coupon with usage_mode PROGRESSIVE_BUNDLE has bundles",
            ));
        };
        let (block, _) = block(product).map_err(refusals::parameters)?;
        let list = format!("{block}_list");
        let rule = members.get(usage.rule()).and_then(Value::as_object).cloned().unwrap_or_default();
        let discounts = rule.get(&list).and_then(Value::as_array).cloned().unwrap_or_default();
        if i64::try_from(discounts.len()) != Ok(count) {
            let reason = format!("{list} of the bundle needs one member for each of its {count} coupons");
            return Err(refusals::parameters(reason));
        }
        let one = |discount: Value| {
            let mut own = Map::new();
            if let Some(period) = rule.get("coupon_available_period") {
                own.insert("coupon_available_period".to_owned(), period.clone());
            }
            own.insert(block.to_owned(), discount);
            let mut members = members.clone();
            members.insert(usage.rule().to_owned(), own.into());
            Self::read(product, usage, members)
        };
        discounts.into_iter().map(one).collect()
    }

    fn from_members(members: Map<String, Value>, days: Option<i64>) -> Result<Self, Cow<'static, str>> {
        let rule = USAGE_RULES.iter().find_map(|rule| members.get(*rule));
        let rule = rule.ok_or("the stock has no usage rule")?;
        let mut period =
            rule.get("coupon_available_period").cloned().ok_or("coupon_available_period is missing")?;
        if let (Some(days), Some(period)) = (days, period.as_object_mut()) {
            period.insert(TIMES.days.to_owned(), days.into());
        }
        let validity = Validity::read(&period, &TIMES)?;
        if period
            .get("wait_days_after_receive")
            .and_then(Value::as_i64)
            .is_some_and(|days| days > MAX_WAIT_DAYS)
        {
            return Err("wait_days_after_receive must be at most 30".into());
        }
        let intervals = period.get(TIMES.intervals).and_then(Value::as_array);
        if intervals.is_some_and(|intervals| intervals.len() > MAX_INTERVALS) {
            return Err("irregular_available_period_list may have at most two members".into());
        }
        let code_mode = CodeMode::from_word(text(&members, "coupon_code_mode"))
            .ok_or("coupon_code_mode is one of WECHATPAY, UPLOAD and API_ASSIGN")?;
        let caps = read_caps(members.get("stock_send_rule").ok_or("stock_send_rule is missing")?)?;
        Ok(Self { members, days, code_mode, validity, caps })
    }

    /// The definition after a change of its members. It is read as a stored one is, so that none is stored
    /// that cannot be read again.
    pub(crate) fn changed(mut self, change: impl FnOnce(&mut Map<String, Value>)) -> Result<Self, Refusal> {
        change(&mut self.members);
        Self::from_members(self.members, self.days).map_err(refusals::parameters)
    }

    /// Whether coupons are valid only in the stores that are associated with the stock.
    pub(crate) fn has_specific_stores(&self) -> bool {
        has_specific_stores(&self.members)
    }

    /// Under which appid the partner wants to hear of users.
    pub(crate) fn notify_appid(&self) -> Option<&str> {
        let appid = self.members.get("notify_config")?.get("notify_appid")?.as_str()?;
        Some(appid).filter(|appid| !appid.is_empty())
    }
}

impl TryFrom<StoredDefinition> for Definition {
    type Error = Cow<'static, str>;

    fn try_from(stored: StoredDefinition) -> Result<Self, Self::Error> {
        Self::from_members(stored.members, stored.days)
    }
}

impl From<Definition> for StoredDefinition {
    fn from(definition: Definition) -> Self {
        Self { members: definition.members, days: definition.days }
    }
}

/// The discount of a coupon of this type: its object, and the member of that.
fn block(product: &Map<String, Value>) -> Result<(&'static str, &'static str), &'static str> {
    match text(product, "type") {
        "NORMAL" => Ok(("normal_coupon", "discount_amount")),
        "DISCOUNT" => Ok(("discount_coupon", "percent_off")),
        "EXCHANGE" => Ok(("exchange_coupon", "exchange_price")),
        _ => Err("type is one of NORMAL, DISCOUNT and EXCHANGE"),
    }
}

/// INFERRED(product-coupon-discount): what a coupon takes off stands in the product coupon or in the stock;
/// official samples have it in the first for `scope` ALL and in the other for `scope` SINGLE.
fn check_discount(
    product: &Map<String, Value>,
    usage: UsageMode,
    rule: &Value,
) -> Result<(), Cow<'static, str>> {
    let (block, member) = block(product)?;
    let list = rule.get(format!("{block}_list")).and_then(Value::as_array);
    let of_product = product.get("single_usage_info").filter(|_| usage == UsageMode::Single);
    let blocks = [of_product, Some(rule)].into_iter().flatten().filter_map(|place| place.get(block));
    let said: Vec<&Value> =
        blocks.chain(list.into_iter().flatten()).filter_map(|block| block.get(member)).collect();
    // INFERRED(stock-of-nothing): other kinds of coupons take off 1 fen at least.
    if member == "discount_amount" && said.iter().any(|fen| fen.as_i64().is_none_or(|fen| fen < 1)) {
        return Err("discount_amount must be at least 1 fen".into());
    }
    if !said.is_empty() {
        return Ok(());
    }
    Err(format!("the type of the coupon needs {block} with {member}, in single_usage_info or in the stock's usage rule").into())
}

fn read_caps(rule: &Value) -> Result<Caps, &'static str> {
    let number = |name: &str| rule.get(name).and_then(Value::as_i64);
    let total = number("max_count").filter(|count| (1..=MAX_COUNT).contains(count));
    let by_day = number("max_count_per_day");
    let by_user = number("max_count_per_user");
    if by_day.is_some_and(|count| !(1..=MAX_COUNT).contains(&count)) {
        return Err("max_count_per_day must be from 1 to 100000000");
    }
    if by_user.is_some_and(|count| !(1..=MAX_COUNT_PER_USER).contains(&count)) {
        return Err("max_count_per_user must be from 1 to 100");
    }
    Ok(Caps { total: total.ok_or("max_count must be from 1 to 100000000")?, by_user, by_day })
}

/// The same of what a stock said of itself at some time.
pub(super) fn has_specific_stores(members: &Map<String, Value>) -> bool {
    text(members, "store_scope") == "SPECIFIC"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::products::product_coupons::fixtures::{bundle_request, product_request};

    const SEQUENTIAL: UsageMode = UsageMode::Sequential { count: 3, days: 10, interval_days: 0 };

    fn period(end: &str) -> Value {
        json!({ "available_begin_time": "2026-08-01T00:00:00+08:00", "available_end_time": end })
    }

    /// A stock whose coupons are used three times until the end of September.
    fn sequential() -> Map<String, Value> {
        let mut members = product_request()["stock"].as_object().cloned().unwrap();
        members.remove("single_usage_rule");
        let discounts = vec![json!({ "threshold": 10_000, "discount_amount": 500 }); 3];
        let rule = json!({
            "coupon_available_period": period("2026-09-30T23:59:59+08:00"), "normal_coupon_list": discounts
        });
        members.insert("sequential_usage_rule".to_owned(), rule);
        members
    }

    #[test]
    fn a_stock_follows_the_rule_of_its_usage_mode_only() {
        let foreign = json!({ "coupon_available_period": period("2026-08-31T23:59:59+08:00") });
        let alone = Definition::read(&product_request(), SEQUENTIAL, sequential()).unwrap();
        let mut both = sequential();
        both.insert("single_usage_rule".to_owned(), foreign.clone());
        both.insert("progressive_bundle_usage_rule".to_owned(), foreign.clone());
        assert_eq!(Definition::read(&product_request(), SEQUENTIAL, both).unwrap(), alone);

        let (usage, product) = (UsageMode::Bundle { count: 3, interval_days: 0 }, bundle_request());
        let members = product["stock_bundle"].as_object().cloned().unwrap();
        let alone = Definition::read_bundle(&product, usage, &members).unwrap();
        let mut both = members;
        both.insert("single_usage_rule".to_owned(), foreign.clone());
        both.insert("sequential_usage_rule".to_owned(), foreign);
        assert_eq!(Definition::read_bundle(&product, usage, &both).unwrap(), alone);
    }

    #[test]
    fn the_product_says_the_discount_only_of_a_coupon_that_is_used_once() {
        let mut members = sequential();
        members["sequential_usage_rule"].as_object_mut().unwrap().remove("normal_coupon_list");
        let refusal = Definition::read(&product_request(), SEQUENTIAL, members).unwrap_err();
        assert_eq!(refusal.code, "PARAM_ERROR");
    }
}
