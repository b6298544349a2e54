//! The members of a notification: what the catalogue shows of each, with a kit's merchant, numbers that come
//! once, and the time of today.
//!
//! Many events have the members of several kinds of merchants side by side. A sample has those of a merchant,
//! and not those of a partner or of a combined order where both are there; nor those that only a failure has.

use serde_json::{Map, Value};
use weipay_catalog::sample::own::Own;
use weipay_catalog::{Carrier, Field, Format, Kind, Notification, sample};
use weipay_wire::Kit;

use crate::clock;
use crate::entropy::Entropy;
use crate::merchants::Merchant;

/// What the members are made of.
pub(super) struct Sample<'a> {
    pub(super) described: &'static Notification,
    pub(super) kit: &'a Kit,
    pub(super) merchant: &'a Merchant,
    pub(super) now: i64,
}

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

/// What members say that have no example on their page.
const USUAL: [(&str, &str); 15] = [
    ("trade_state", "SUCCESS"),
    ("trade_state_desc", "支付成功"),
    ("return_code", "SUCCESS"),
    ("result_code", "SUCCESS"),
    ("return_msg", "OK"),
    ("result_msg", "OK"),
    ("bank_type", "OTHERS"),
    ("currency", "CNY"),
    ("payer_currency", "CNY"),
    ("fee_type", "CNY"),
    ("user_received_account", "支付用户零钱"),
    ("refund_recv_accout", "支付用户零钱"),
    ("refund_account", "REFUND_SOURCE_RECHARGE_FUNDS"),
    ("attach", "weipay trigger"),
    ("unionid", ""),
];

impl Sample<'_> {
    /// The members of an object.
    pub(super) fn object(&self, fields: &[Field]) -> Result<Map<String, Value>, String> {
        let mut members = Map::new();
        for field in fields.iter().filter(|field| self.is_shown(field, fields)) {
            members.insert(field.name.to_owned(), self.value(field)?);
        }
        Ok(members)
    }

    fn is_shown(&self, field: &Field, siblings: &[Field]) -> bool {
        if field.required {
            return true;
        }
        if self.described.event == "TRANSACTION.SUCCESS" && self.described.version == "v3" {
            return OF_AN_ORDER.contains(&field.name);
        }
        let has = |name: &str| siblings.iter().any(|sibling| sibling.name == name);
        let is_of_others = ["sp_", "sub_", "combine_"].iter().any(|family| {
            field.name.strip_prefix(family).is_some_and(|rest| has(rest) || has("mchid") || has("mch_id"))
        });
        let is_of_a_failure =
            ["fail", "err", "reject", "refuse"].iter().any(|word| field.name.contains(word));
        !is_of_others && !is_of_a_failure && field.name != "sign"
    }

    fn value(&self, field: &Field) -> Result<Value, String> {
        let one = self.one(field)?;
        Ok(if field.list { Value::Array(vec![one]) } else { one })
    }

    fn one(&self, field: &Field) -> Result<Value, String> {
        let example = field.example.as_deref();
        Ok(match (field.carrier, field.kind) {
            (Some(Carrier::JsonText), _) if !field.fields.is_empty() => {
                Value::Object(self.object(&field.fields)?).to_string().into()
            }
            (Some(Carrier::Encrypted), _) => {
                let sealed = self.merchant.key.encrypt_oaep(self.text(field).as_bytes());
                sealed.map_err(|error| error.to_string())?.into()
            }
            (Some(_), _) | (None, Kind::String) => self.text(field).into(),
            (None, Kind::Object) => Value::Object(self.object(&field.fields)?),
            (None, Kind::Integer) => self.whole(field).into(),
            (None, Kind::Number) => {
                example.and_then(|text| text.parse::<f64>().ok()).unwrap_or_default().into()
            }
            (None, Kind::Boolean) => (example != Some("false")).into(),
        })
    }

    fn whole(&self, field: &Field) -> i64 {
        let is_amount = matches!(field.format, Some(Format::Fen | Format::Minor));
        match field.example {
            None if is_amount && field.values.is_empty() && field.limits.max.is_none_or(|max| max >= 100) => {
                100
            }
            _ => sample::whole(field),
        }
    }

    fn text(&self, field: &Field) -> String {
        let name = field.name;
        match Own::of_field(name) {
            Some(Own::MerchantNumber) => return self.kit.mchid.clone(),
            Some(Own::Appid) => return self.kit.appid.clone(),
            Some(Own::Openid) => return self.kit.openid.clone(),
            None => {}
        }
        if !field.values.is_empty() {
            return self.listed(field);
        }
        match field.format {
            Some(Format::Rfc3339) => return clock::rfc3339(self.now),
            Some(Format::Compact) => return self.compact(),
            _ => {}
        }
        if let Some(number) = number(field) {
            return number;
        }
        if let Some((_, text)) = USUAL.iter().find(|(usual, _)| *usual == name) {
            return (*text).to_owned();
        }
        if field.example.is_none() && field.format.is_none() {
            if name == "time_end" {
                return self.compact();
            }
            if name.ends_with("_time") {
                let is_v2 = self.described.version == "v2";
                return if is_v2 { clock::spaced(self.now) } else { clock::rfc3339(self.now) };
            }
            if name.ends_with("_fee") {
                return "100".to_owned();
            }
            if name.ends_with("_count") || name.ends_with("_num") {
                return "1".to_owned();
            }
        }
        sample::text(field)
    }

    /// Of listed values the one that the event is named after, such as `CLOSED` of `REFUND.CLOSED`.
    fn listed(&self, field: &Field) -> String {
        let last = self.described.event.rsplit('.').next().unwrap_or_default();
        match field.values.iter().find(|value| **value == last) {
            Some(value) => (*value).to_owned(),
            None => sample::text(field),
        }
    }

    fn compact(&self) -> String {
        clock::compact(self.now)
    }
}

/// A number that comes once, so that a receiver does not take the notification for a repeat.
fn number(field: &Field) -> Option<String> {
    let length = match field.name {
        "transaction_id" | "combine_transaction_id" | "refund_id" => 28,
        "out_trade_no" | "out_refund_no" | "combine_out_trade_no" => 20,
        _ => return None,
    };
    let limit = field.limits.max.and_then(|max| usize::try_from(max).ok()).unwrap_or(length);
    let begin = if field.name == "transaction_id" { "4200" } else { "" };
    let digits = format!("{begin}{}", Entropy::system().digits(length));
    Some(digits.chars().take(length.min(limit)).collect())
}
